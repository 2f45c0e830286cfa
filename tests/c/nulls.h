/* What the program that nulls.py writes works on: one object of each kind. */
#include "check.h"
#include <mtasts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t octets[] = "x";
static const mtasts_bytes rrs[1] = {{octets, 1}};
static const mtasts_status faults[1] = {MTASTS_FAULT_MX_MISMATCH};
static const char *const names[1] = {"mx.example.test"};
static mtasts_conclusion number;

static mtasts_error *a_error;
static mtasts_name *a_name;
static mtasts_domain *a_domain;
static mtasts_mx_pattern *a_mx_pattern;
static mtasts_record *a_record;
static mtasts_tlsrpt_record *a_tlsrpt_record;
static mtasts_config *a_config;
static mtasts_policy *a_policy;
static mtasts_lookup *a_lookup;
static mtasts_outcome *a_outcome;
static mtasts_entry *a_entry;
static mtasts_cache *a_cache;
static mtasts_entries *a_entries;
static mtasts_delivery *a_delivery;
static mtasts_mx_host *a_mx_host;
static mtasts_mx_verdict *a_mx_verdict;
static mtasts_mx_plan *a_mx_plan;
static mtasts_session_verdict *a_session_verdict;
static const mtasts_tlsrpt_row *a_tlsrpt_row;
static mtasts_findings *a_findings;
static const mtasts_finding *a_finding;
static mtasts_postfix_answer *a_postfix_answer;
static mtasts_report *a_report, *another_report;
static const mtasts_report_policy *a_report_policy;
static const mtasts_failure *a_failure;
static mtasts_report_builder *a_report_builder;
static mtasts_text *a_text;
static mtasts_event *a_event;
static mtasts_datagram *a_datagram;
static mtasts_report_sender *a_report_sender;
static mtasts_tally *a_tally;
static mtasts_due_report *a_due_report;
static mtasts_report_mail *a_report_mail;
static mtasts_report_subject *a_report_subject;
static mtasts_report_file_name *a_report_file_name;
static mtasts_hint *a_hint;
static mtasts_ready *a_ready;
static mtasts_readiness *a_readiness;
static const mtasts_shortfall *a_shortfall;
static mtasts_draft *a_draft;
static mtasts_history *a_history, *another_history;
static const mtasts_served_policy *a_served_policy;
static const mtasts_seen_record *a_seen_record;
static const mtasts_seen_host *a_seen_host;
static mtasts_publish_target *a_publish_target;
static mtasts_publish_facts *a_publish_facts;
static mtasts_publish_plan *a_publish_plan;
static const mtasts_publish_step *a_publish_step;
static const uint64_t times[1] = {86400};
static const mtasts_report *reports[1];
static uint64_t a_time;
static const mtasts_mx_host *hosts[1];

static void make_reports(void)
{
    CHECK(mtasts_report_parse(octets, 1, &a_report, &a_error) == MTASTS_ERR_BAD_JSON && !a_report);
    CHECK(mtasts_error_path(a_error)[0] == '\0' && mtasts_error_line(a_error) == 0);
    mtasts_error_free(a_error);
    CHECK(mtasts_report_builder_new("Sender", "tls@example.test", "1.2@example.test", 86400, 172799, &a_report_builder, NULL) == MTASTS_OK);
    CHECK(mtasts_report_builder_add_policy(a_report_builder, "sts", "example.test", 3, 1) == MTASTS_OK);
    CHECK(mtasts_report_builder_add_failure(a_report_builder, "certificate-expired", 1) == MTASTS_OK);
    CHECK(mtasts_report_builder_finish(a_report_builder, &another_report) == MTASTS_OK);
    CHECK(mtasts_report_builder_finish(a_report_builder, &a_report) == MTASTS_ERR_TOO_EARLY && !a_report);
    mtasts_report_builder_free(a_report_builder);
    CHECK(mtasts_report_builder_new("Sender", "tls@example.test", "1.2@example.test", 2, 1, &a_report_builder, NULL) == MTASTS_ERR_ARGUMENT);
    CHECK(mtasts_report_builder_new("Sender", "tls@example.test", "1.2@example.test", 1, 2, &a_report_builder, NULL) == MTASTS_OK);
    CHECK(mtasts_report_json(another_report, &a_text, NULL) == MTASTS_OK);
    CHECK(mtasts_report_parse((const uint8_t *)mtasts_text_string(a_text), mtasts_text_len(a_text), &a_report, NULL) == MTASTS_OK);
    /* Of a report that stays as it is: a domain that is set makes the views of its report anew. */
    a_report_policy = mtasts_report_policy_get(another_report, 0);
    a_failure = mtasts_report_policy_failure_get(a_report_policy, 0);
    CHECK(mtasts_failure_result_type(a_failure) == MTASTS_TLSRPT_CERTIFICATE_EXPIRED && mtasts_failure_sessions(a_failure) == 1);
}

/* After the rest: the sessions are those of its verdicts. */
static void make_counts(void)
{
    const uint64_t day = 86400;
    CHECK(mtasts_event_of_row("example.test", a_tlsrpt_row, a_policy, "mx.example.test", &a_event, NULL) == MTASTS_OK);
    CHECK(mtasts_event_has_failed(a_event) && mtasts_event_policy_type(a_event) == MTASTS_POLICY_TYPE_STS);
    CHECK(mtasts_datagram_parse(octets, 1, &a_datagram, NULL) == MTASTS_ERR_DATAGRAM_NOT_JSON && !a_datagram);
    CHECK(mtasts_datagram_new("example.test", "v=TLSRPTv1; rua=mailto:a@example.test", &a_datagram, NULL) == MTASTS_OK);
    CHECK(mtasts_datagram_add(a_datagram, a_event) && mtasts_datagram_event_count(a_datagram) == 1);
    /* Its own event, which does not outlive the call. */
    CHECK(mtasts_datagram_add(a_datagram, mtasts_datagram_event_get(a_datagram, 0)) && mtasts_datagram_event_count(a_datagram) == 2);
    CHECK(mtasts_report_sender_new("nobody", "Sender", &a_report_sender, NULL) == MTASTS_ERR_BAD_SENDER_CONTACT);
    CHECK(mtasts_report_sender_new("tls@example.test", "Sender", &a_report_sender, NULL) == MTASTS_OK);
    CHECK(mtasts_tally_parse(octets, 1, 1, a_report_sender, 0, 0, &a_tally, NULL) == MTASTS_ERR_NOT_A_TALLY && !a_tally);
    CHECK(mtasts_tally_new(1, a_report_sender, 0, 0, &a_tally) == MTASTS_OK);
    CHECK(mtasts_tally_merge(a_tally, a_tally) == MTASTS_ERR_ARGUMENT);
    CHECK(mtasts_tally_count(a_tally, a_event, day) == MTASTS_COUNTED_WHOLE);
    CHECK(mtasts_tally_count_datagram(a_tally, a_datagram, day) == 2);
    CHECK(mtasts_tally_poll_report(a_tally, day, &a_due_report) == MTASTS_OK && !a_due_report);
    CHECK(mtasts_tally_poll_report(a_tally, 3 * day, &a_due_report) == MTASTS_OK && a_due_report);
    CHECK(mtasts_report_failures(mtasts_due_report_report(a_due_report)) == 3);
    CHECK(mtasts_tally_handle_delivery(a_tally, a_due_report, 4, 3 * day, NULL) == MTASTS_ERR_ARGUMENT);
    CHECK(mtasts_report_mail_new(mtasts_due_report_report(a_due_report), "example.test", a_report_sender, &a_report_mail, NULL) == MTASTS_OK);
    CHECK(mtasts_report_subject_parse(mtasts_report_mail_subject(a_report_mail), &a_report_subject, NULL) == MTASTS_OK && a_report_subject);
    CHECK(mtasts_report_file_name_parse(mtasts_report_mail_file_name(a_report_mail), &a_report_file_name, NULL) == MTASTS_OK && a_report_file_name);
    CHECK(mtasts_hint_explain(99, 0, NULL, &a_hint, NULL) == MTASTS_ERR_ARGUMENT && !a_hint);
    CHECK(mtasts_hint_from_code("no such code", &a_hint, NULL) == MTASTS_OK && !a_hint);
    CHECK(mtasts_hint_explain(MTASTS_POLICY_TYPE_STS, MTASTS_TLSRPT_CERTIFICATE_EXPIRED, NULL, &a_hint, NULL) == MTASTS_OK && a_hint);
    CHECK(mtasts_ready_new("example.test", a_policy, &a_ready, NULL) == MTASTS_OK);
    CHECK(mtasts_ready_set_limit(a_ready, 13, 1) == MTASTS_ERR_ARGUMENT);
    CHECK(mtasts_ready_set_policy_fault(a_ready, "no such code") == MTASTS_ERR_ARGUMENT);
    CHECK(mtasts_ready_assess(a_ready, NULL, 0, 9 * day, &a_readiness, NULL) == MTASTS_OK);
    CHECK(mtasts_readiness_verdict(a_readiness) == MTASTS_READY_NOT_YET && mtasts_readiness_earliest(a_readiness) > 9 * day);
    a_shortfall = mtasts_readiness_shortfall_get(a_readiness, 0);
    CHECK(mtasts_shortfall_message(a_shortfall)[0]);
    reports[0] = another_report;
}

static void make_plan(void)
{
    const char *const mailserver[1] = {"mailserver"};
    mtasts_draft *widened = NULL;
    mtasts_error *error = NULL;
    CHECK(mtasts_draft_new("example.test", 99, names, 1, 86400, &a_draft, NULL) == MTASTS_ERR_ARGUMENT && !a_draft);
    CHECK(mtasts_draft_new("example.test", MTASTS_MODE_ENFORCE, mailserver, 1, 86400, &a_draft, &error) == MTASTS_ERR_SINGLE_LABEL_HOST);
    CHECK(strcmp(mtasts_error_name(error), "mailserver") == 0 && mtasts_error_line(error) == 0);
    CHECK(strncmp(mtasts_error_message(error), "mailserver: ", 12) == 0 && !mtasts_error_path(error));
    mtasts_error_free(error);
    CHECK(mtasts_draft_new("example.test", MTASTS_MODE_ENFORCE, names, 1, 86400, &a_draft, NULL) == MTASTS_OK);
    CHECK(mtasts_draft_with_wildcard(a_draft, "*.other.test", &widened, NULL) == MTASTS_ERR_UNUSED_WILDCARD && !widened);
    CHECK(mtasts_history_parse(octets, 1, &a_history, &error) == MTASTS_ERR_NOT_A_HISTORY && !a_history);
    CHECK(mtasts_error_line(error) == 1 && !mtasts_error_name(error));
    mtasts_error_free(error);
    CHECK(mtasts_history_new("example.test", &a_history, NULL) == MTASTS_OK);
    CHECK(mtasts_history_new("example.test", &another_history, NULL) == MTASTS_OK);
    CHECK(mtasts_history_note_record(another_history, "not an id", 1, &error) == MTASTS_ERR_BAD_ID);
    mtasts_error_free(error);
    CHECK(mtasts_history_note_policy(another_history, a_policy, 1) == MTASTS_OK);
    CHECK(mtasts_history_note_record(another_history, "1", 2, NULL) == MTASTS_OK);
    CHECK(mtasts_history_note_hosts(another_history, names, 1, 3, NULL) == MTASTS_OK);
    /* Of a history that stays as it is: a change makes the views of its own anew. */
    a_served_policy = mtasts_history_longest_cached(another_history, 4);
    CHECK(a_served_policy == mtasts_history_policy_get(another_history, 0) && mtasts_served_policy_max_age(a_served_policy) == 604800);
    a_seen_record = mtasts_history_record_get(another_history, 0);
    CHECK(mtasts_seen_record_since(a_seen_record) == 2 && mtasts_seen_record_before(a_seen_record) == UINT64_MAX);
    a_seen_host = mtasts_history_host_get(another_history, 0);
    CHECK(mtasts_seen_host_since(a_seen_host) == 3 && mtasts_seen_host_until(a_seen_host) == UINT64_MAX);
    CHECK(mtasts_publish_target_new(0, &a_publish_target) == MTASTS_ERR_ARGUMENT && !a_publish_target);
    CHECK(mtasts_publish_target_new(MTASTS_MODE_ENFORCE, &a_publish_target) == MTASTS_OK);
    CHECK(mtasts_publish_facts_new(names, 1, &a_publish_facts, NULL) == MTASTS_OK);
    CHECK(mtasts_publish_facts_set_time(a_publish_facts, 7, 1) == MTASTS_ERR_ARGUMENT);
    CHECK(mtasts_publish_plan_between(another_history, a_publish_target, a_publish_facts, 9, &a_publish_plan, NULL) == MTASTS_OK);
    a_publish_step = mtasts_publish_plan_step_get(a_publish_plan, 0);
    CHECK(mtasts_publish_step_action(a_publish_step) == MTASTS_PUBLISH_ACTION_PUT_POLICY);
    CHECK(strcmp(mtasts_publish_wait_section(MTASTS_PUBLISH_WAIT_NOTHING), "") == 0 && !mtasts_publish_wait_section(12));
}

static void make_all(void)
{
    static const char body[] = "version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n";
    static const char txt[] = "v=STSv1; id=1";
    const uint8_t *text = (const uint8_t *)body;
    mtasts_bytes rr = {(const uint8_t *)txt, sizeof txt - 1};
    mtasts_lookup *lookup = NULL;
    make_reports();
    /* After each failed call of a kind all goes on. */
    CHECK(mtasts_policy_parse(octets, 1, &a_policy, &a_error) == MTASTS_ERR_LINE_WITHOUT_COLON && !a_policy);
    CHECK(mtasts_policy_parse(text, sizeof body - 1, &a_policy, NULL) == MTASTS_OK);
    CHECK(mtasts_name_parse("mx.example.test", &a_name, NULL) == MTASTS_OK);
    CHECK(mtasts_domain_parse("example.test", &a_domain, NULL) == MTASTS_OK);
    CHECK(mtasts_mx_pattern_parse("*.example.test", &a_mx_pattern, NULL) == MTASTS_OK);
    CHECK(mtasts_record_select(&rr, 1, &a_record, NULL) == MTASTS_OK);
    const char *reports = "v=TLSRPTv1; rua=mailto:a@example.test";
    CHECK(mtasts_tlsrpt_record_parse((const uint8_t *)reports, strlen(reports), &a_tlsrpt_record, NULL) == MTASTS_OK);
    a_config = mtasts_config_new();
    CHECK(mtasts_lookup_new("example.test", MTASTS_PURPOSE_DELIVER, NULL, 1, a_config, &a_lookup, NULL) == MTASTS_OK);
    CHECK(mtasts_lookup_finish(a_lookup, &a_outcome) == MTASTS_ERR_NOT_DONE && !a_outcome);
    CHECK(mtasts_lookup_handle_response(a_lookup, 200, NULL, NULL, 0, 1) == MTASTS_ERR_UNEXPECTED_INPUT);
    CHECK(mtasts_lookup_new("example.test", MTASTS_PURPOSE_DELIVER, NULL, 1, NULL, &lookup, NULL) == MTASTS_OK);
    CHECK(mtasts_lookup_handle_txt(lookup, &rr, 1, 300, 1) == MTASTS_OK);
    CHECK(mtasts_lookup_handle_response(lookup, 200, "text/plain", text, sizeof body - 1, 1) == MTASTS_OK);
    CHECK(mtasts_lookup_handle_txt(lookup, &rr, 1, 300, 1) == MTASTS_ERR_ALREADY_DONE);
    CHECK(mtasts_lookup_finish(lookup, &a_outcome) == MTASTS_OK);
    mtasts_lookup_free(lookup);
    CHECK(mtasts_outcome_apply(a_outcome, NULL, 1, &a_entry) == MTASTS_OK && a_entry);
    CHECK(mtasts_cache_new(1, 0, 0, 0, &a_cache) == MTASTS_OK);
    CHECK(mtasts_cache_apply(a_cache, "example.test", a_outcome, 1, NULL, NULL) == MTASTS_OK);
    CHECK(mtasts_cache_entries(a_cache, &a_entries) == MTASTS_OK && mtasts_entries_count(a_entries) == 1);
    a_delivery = mtasts_delivery_of(a_outcome);
    CHECK(mtasts_mx_host_new("mx.attacker.test", &a_mx_host, NULL) == MTASTS_OK);
    hosts[0] = a_mx_host;
    CHECK(mtasts_check_mx(a_delivery, a_mx_host, &a_mx_verdict) == MTASTS_OK);
    CHECK(mtasts_plan(a_delivery, hosts, 1, &a_mx_plan) == MTASTS_OK && mtasts_mx_plan_permits_none(a_mx_plan));
    CHECK(mtasts_check_session(a_delivery, a_mx_host, MTASTS_TLS_AUTHENTICATED, 0, 0, &a_session_verdict) == MTASTS_OK);
    CHECK(mtasts_check_session(a_delivery, a_mx_host, 99, 0, 0, &a_session_verdict) == MTASTS_ERR_ARGUMENT);
    a_tlsrpt_row = mtasts_mx_verdict_row_get(a_mx_verdict, 0);
    CHECK(mtasts_tlsrpt_row_result_type(a_tlsrpt_row) == MTASTS_TLSRPT_VALIDATION_FAILURE);
    CHECK(mtasts_lint_policy(octets, 1, MTASTS_STRICTNESS_ABNF, &a_findings, NULL) == MTASTS_OK);
    a_finding = mtasts_findings_get(a_findings, 0);
    CHECK(mtasts_finding_severity(a_finding) == MTASTS_SEVERITY_ERROR && mtasts_finding_help(a_finding)[0]);
    CHECK(mtasts_lint_report(octets, 1, 99, &a_findings, NULL) == MTASTS_ERR_ARGUMENT);
    CHECK(mtasts_postfix_tls_policy(a_policy, "example.test", MTASTS_POSTFIX_BASIC, &a_postfix_answer, NULL) == MTASTS_OK);
    CHECK(strcmp(mtasts_postfix_answer_text(a_postfix_answer), "secure match=mx.example.test servername=hostname") == 0);
    make_counts();
    make_plan();
}

static void free_all(void)
{
    mtasts_publish_plan_free(a_publish_plan);
    mtasts_publish_facts_free(a_publish_facts);
    mtasts_publish_target_free(a_publish_target);
    mtasts_history_free(another_history);
    mtasts_history_free(a_history);
    mtasts_draft_free(a_draft);
    mtasts_readiness_free(a_readiness);
    mtasts_ready_free(a_ready);
    mtasts_hint_free(a_hint);
    mtasts_report_file_name_free(a_report_file_name);
    mtasts_report_subject_free(a_report_subject);
    mtasts_report_mail_free(a_report_mail);
    mtasts_due_report_free(a_due_report);
    mtasts_tally_free(a_tally);
    mtasts_report_sender_free(a_report_sender);
    mtasts_datagram_free(a_datagram);
    mtasts_event_free(a_event);
    mtasts_text_free(a_text);
    mtasts_report_builder_free(a_report_builder);
    mtasts_report_free(another_report);
    mtasts_report_free(a_report);
    mtasts_postfix_answer_free(a_postfix_answer);
    mtasts_findings_free(a_findings);
    mtasts_session_verdict_free(a_session_verdict);
    mtasts_mx_plan_free(a_mx_plan);
    mtasts_mx_verdict_free(a_mx_verdict);
    mtasts_mx_host_free(a_mx_host);
    mtasts_delivery_free(a_delivery);
    mtasts_entries_free(a_entries);
    mtasts_cache_free(a_cache);
    mtasts_entry_free(a_entry);
    mtasts_outcome_free(a_outcome);
    mtasts_lookup_free(a_lookup);
    mtasts_policy_free(a_policy);
    mtasts_config_free(a_config);
    mtasts_record_free(a_record);
    mtasts_tlsrpt_record_free(a_tlsrpt_record);
    mtasts_mx_pattern_free(a_mx_pattern);
    mtasts_domain_free(a_domain);
    mtasts_name_free(a_name);
    mtasts_error_free(a_error);
}
