/* The rooms about TLS reports. */
#include "conformance.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *failure_shown(const mtasts_failure *failure)
{
    const mtasts_result_type number = mtasts_failure_result_type(failure);
    const char *word = mtasts_failure_result_word(failure);
    if (number && strcmp(mtasts_result_type_word(number), word) != 0)
        fail("a result type has another word than its number");
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "result", word, "sending_mta_ip",
                     optional(mtasts_failure_sending_mta_ip(failure)), "receiving_mx_hostname",
                     optional(mtasts_failure_receiving_mx_hostname(failure)), "receiving_mx_helo",
                     optional(mtasts_failure_receiving_mx_helo(failure)), "receiving_ip",
                     optional(mtasts_failure_receiving_ip(failure)), "failed_sessions",
                     (json_int_t)mtasts_failure_sessions(failure), "additional_information",
                     optional(mtasts_failure_additional_information(failure)), "failure_reason_code",
                     optional(mtasts_failure_reason_code(failure)));
}

static json_t *report_policy_shown(const mtasts_report_policy *policy)
{
    json_t *lines = json_array(), *mx_hosts = json_array(), *details = json_array();
    const mtasts_policy_type number = mtasts_report_policy_type(policy);
    const char *word = mtasts_report_policy_type_word(policy);
    if (number && strcmp(mtasts_policy_type_word(number), word) != 0)
        fail("a policy type has another word than its number");
    for (size_t index = 0; index < mtasts_report_policy_line_count(policy); index++)
        json_array_append_new(lines, json_string(mtasts_report_policy_line_get(policy, index)));
    for (size_t index = 0; index < mtasts_report_policy_mx_count(policy); index++)
        json_array_append_new(mx_hosts, json_string(mtasts_report_policy_mx_get(policy, index)));
    for (size_t index = 0; index < mtasts_report_policy_failure_count(policy); index++)
        json_array_append_new(details, failure_shown(mtasts_report_policy_failure_get(policy, index)));
    return json_pack("{s:s, s:o, s:o, s:o, s:[I, I], s:o}", "type", word, "domain",
                     optional(mtasts_report_policy_domain(policy)), "lines", lines, "mx_hosts", mx_hosts, "sessions",
                     (json_int_t)mtasts_report_policy_successes(policy), (json_int_t)mtasts_report_policy_failures(policy),
                     "details", details);
}

static json_t *report_policies_shown(const mtasts_report *report)
{
    json_t *policies = json_array();
    uint64_t successes = 0, failures = 0;
    for (size_t index = 0; index < mtasts_report_policy_count(report); index++) {
        const mtasts_report_policy *policy = mtasts_report_policy_get(report, index);
        json_array_append_new(policies, report_policy_shown(policy));
        successes += mtasts_report_policy_successes(policy);
        failures += mtasts_report_policy_failures(policy);
    }
    if (mtasts_report_successes(report) != successes || mtasts_report_failures(report) != failures)
        fail("a report does not sum up its policies");
    return policies;
}

static json_t *period_shown(const mtasts_report *report)
{
    if (!mtasts_report_has_period(report))
        return json_null();
    return json_pack("[I, I]", (json_int_t)mtasts_report_start(report), (json_int_t)mtasts_report_end(report));
}

static json_t *report_shown(const mtasts_report *report)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "organization", optional(mtasts_report_organization(report)),
                     "contact", optional(mtasts_report_contact(report)), "submitter",
                     optional(mtasts_report_submitter(report)), "id", optional(mtasts_report_id(report)), "period",
                     period_shown(report), "policies", report_policies_shown(report));
}

/* Frees the error. */
static json_t *report_error_shown(mtasts_error *error)
{
    json_t *shown = json_pack("{s:{s:s, s:s, s:I}}", "error", "code", mtasts_error_code(error), "path",
                              mtasts_error_path(error), "offset", (json_int_t)mtasts_error_offset(error));
    if (mtasts_error_line(error) != 0)
        fail("an error of a report has a line");
    mtasts_error_free(error);
    return shown;
}

json_t *run_report(const json_t *input)
{
    const json_t *limits = json_object_get(input, "limits");
    octets json = read_octets(json_object_get(input, "json"));
    mtasts_report *report = NULL, *strict = NULL;
    mtasts_error *error = NULL;
    json_t *deviations = json_array(), *shown;
    mtasts_status status, strictly;
    const size_t max_len = number_of(limits, "max_len");
    const uint32_t max_policies = (uint32_t)number_of(limits, "max_policies"), max_failures = (uint32_t)number_of(limits, "max_details");
    status = mtasts_report_parse_with(json.data, json.len, MTASTS_REPORT_TOLERANT, max_len, max_policies, max_failures, &report, &error);
    if (!limits && mtasts_report_parse(json.data, json.len, &strict, NULL) != status)
        fail("the two ways to read a report differ");
    mtasts_report_free(strict);
    strict = NULL;
    if (status) {
        free(json.data);
        json_decref(deviations);
        return report_error_shown(error);
    }
    /* The strict reader refuses with the first deviation, and nothing else. */
    strictly = mtasts_report_parse_with(json.data, json.len, MTASTS_REPORT_STRICT, max_len, max_policies, max_failures, &strict, &error);
    free(json.data);
    if (strictly != mtasts_report_deviation_status(report, 0) || (strictly == MTASTS_OK) != (strict != NULL))
        fail("the strict reader differs");
    if (strictly && (strcmp(mtasts_error_path(error), mtasts_report_deviation_path(report, 0)) != 0 ||
                     mtasts_error_offset(error) != mtasts_report_deviation_offset(report, 0)))
        fail("the strict reader has another place");
    mtasts_report_free(strict);
    mtasts_error_free(error);
    if (text_of(input, "domain") && mtasts_report_set_missing_domains(report, text_of(input, "domain")))
        fail("a domain is none");
    for (size_t index = 0; index < mtasts_report_deviation_count(report); index++)
        json_array_append_new(deviations,
                              json_pack("[s, s]", mtasts_status_code(mtasts_report_deviation_status(report, index)),
                                        mtasts_report_deviation_path(report, index)));
    shown = report_shown(report);
    json_object_set_new(shown, "deviations", deviations);
    mtasts_report_free(report);
    return shown;
}

static void draft_failure(mtasts_report_builder *builder, const json_t *draft)
{
    static const struct {
        const char *member;
        mtasts_status (*set)(mtasts_report_builder *, const char *);
    } members[] = {
        {"sending_mta_ip", mtasts_report_builder_set_sending_mta_ip},
        {"receiving_mx_hostname", mtasts_report_builder_set_receiving_mx_hostname},
        {"receiving_mx_helo", mtasts_report_builder_set_receiving_mx_helo},
        {"receiving_ip", mtasts_report_builder_set_receiving_ip},
        {"additional_information", mtasts_report_builder_set_additional_information},
        {"failure_reason_code", mtasts_report_builder_set_failure_reason_code},
    };
    check(mtasts_report_builder_add_failure(builder, text_of(draft, "result"), number_of(draft, "failed_sessions")));
    for (size_t index = 0; index < sizeof members / sizeof members[0]; index++)
        if (text_of(draft, members[index].member))
            check(members[index].set(builder, text_of(draft, members[index].member)));
}

static void draft_policy(mtasts_report_builder *builder, const json_t *draft)
{
    const json_t *sessions = json_object_get(draft, "sessions");
    size_t index;
    json_t *item;
    check(mtasts_report_builder_add_policy(builder, text_of(draft, "type"), text_of(draft, "domain"),
                                           (uint64_t)json_integer_value(json_array_get(sessions, 0)),
                                           (uint64_t)json_integer_value(json_array_get(sessions, 1))));
    json_array_foreach(json_object_get(draft, "lines"), index, item) {
        octets line = read_octets(item);
        check(mtasts_report_builder_add_line(builder, (const char *)line.data));
        free(line.data);
    }
    json_array_foreach(json_object_get(draft, "mx_hosts"), index, item)
        check(mtasts_report_builder_add_mx(builder, json_string_value(item)));
    json_array_foreach(json_object_get(draft, "details"), index, item)
        draft_failure(builder, item);
}

static mtasts_report *draft_report(const json_t *draft, const char *organization)
{
    const json_t *period = json_object_get(draft, "period");
    mtasts_report_builder *builder = NULL;
    mtasts_report *report = NULL;
    size_t index;
    json_t *item;
    check(mtasts_report_builder_new(organization, text_of(draft, "contact"), text_of(draft, "id"),
                                    (uint64_t)json_integer_value(json_array_get(period, 0)),
                                    (uint64_t)json_integer_value(json_array_get(period, 1)), &builder, NULL));
    if (mtasts_report_builder_add_line(builder, "") != MTASTS_ERR_TOO_EARLY ||
        mtasts_report_builder_set_receiving_ip(builder, "") != MTASTS_ERR_TOO_EARLY)
        fail("a line or an address stands in no policy");
    json_array_foreach(json_object_get(draft, "policies"), index, item)
        draft_policy(builder, item);
    check(mtasts_report_builder_finish(builder, &report));
    if (mtasts_report_builder_add_policy(builder, "sts", "a.test", 0, 0) != MTASTS_ERR_TOO_EARLY)
        fail("a report that is finished can be built on");
    mtasts_report_builder_free(builder);
    return report;
}

json_t *run_report_written(const json_t *input)
{
    mtasts_report *report = draft_report(input, text_of(input, "organization")), *read = NULL;
    mtasts_text *json = NULL;
    mtasts_error *error = NULL;
    json_t *shown, *one, *other;
    if (mtasts_report_json(report, &json, &error)) {
        mtasts_report_free(report);
        return report_error_shown(error);
    }
    /* Whatever else the case asks, what is written is what is read. */
    if (strlen(mtasts_text_string(json)) != mtasts_text_len(json))
        fail("a text has another length");
    check(mtasts_report_parse_with((const uint8_t *)mtasts_text_string(json), mtasts_text_len(json), MTASTS_REPORT_STRICT,
                                   0, 0, 0, &read, NULL));
    one = report_shown(report), other = report_shown(read);
    if (!json_equal(one, other))
        fail("a report is read otherwise than it was written");
    json_decref(one);
    json_decref(other);
    shown = json_pack("{s:s}", "json", mtasts_text_string(json));
    mtasts_text_free(json);
    mtasts_report_free(read);
    mtasts_report_free(report);
    return shown;
}

json_t *run_datagram(const json_t *input)
{
    octets text = read_octets(json_object_get(input, "datagram"));
    mtasts_datagram *datagram = NULL, *again = NULL;
    mtasts_error *error = NULL;
    mtasts_text *json = NULL, *same = NULL;
    json_t *events = json_array(), *shown;
    mtasts_status status = mtasts_datagram_parse(text.data, text.len, &datagram, &error);
    free(text.data);
    if (status) {
        json_decref(events);
        return error_shown(error, 0);
    }
    for (size_t index = 0; index < mtasts_datagram_event_count(datagram); index++) {
        const mtasts_event *event = mtasts_datagram_event_get(datagram, index);
        json_array_append_new(events, json_pack("[s, b]", mtasts_policy_type_word(mtasts_event_policy_type(event)),
                                                mtasts_event_has_failed(event)));
        if (strcmp(mtasts_event_domain(event), mtasts_datagram_domain(datagram)) != 0)
            fail("an event is of another domain");
    }
    /* Whatever else the case asks, what is written is what is read, and what is made of its events. */
    check(mtasts_datagram_json(datagram, &json, NULL));
    check(mtasts_datagram_parse((const uint8_t *)mtasts_text_string(json), mtasts_text_len(json), &again, NULL));
    check(mtasts_datagram_json(again, &same, NULL));
    if (strcmp(mtasts_text_string(json), mtasts_text_string(same)) != 0)
        fail("a datagram is read otherwise than it was written");
    mtasts_text_free(same);
    mtasts_datagram_free(again);
    again = NULL;
    check(mtasts_datagram_new(mtasts_datagram_domain(datagram), mtasts_datagram_record(datagram), &again, NULL));
    if (mtasts_datagram_json(again, &same, NULL) != MTASTS_ERR_DATAGRAM_WITHOUT_POLICY)
        fail("a datagram without a policy is written");
    for (size_t index = 0; index < mtasts_datagram_event_count(datagram); index++)
        if (!mtasts_datagram_add(again, mtasts_datagram_event_get(datagram, index)))
            fail("an event of a datagram is not added to another");
    if (mtasts_datagram_event_count(again) != mtasts_datagram_event_count(datagram))
        fail("a datagram has other events than were added");
    shown = json_pack("{s:s, s:s, s:o, s:s}", "domain", mtasts_datagram_domain(datagram), "record",
                      mtasts_datagram_record(datagram), "events", events, "written", mtasts_text_string(json));
    mtasts_text_free(json);
    mtasts_datagram_free(again);
    mtasts_datagram_free(datagram);
    return shown;
}

struct counting {
    mtasts_report_sender *sender;
    mtasts_tally *tally;
    size_t max_domains, max_octets;
    /* What was given out last. */
    mtasts_due_report *due[64];
    size_t due_count;
};

/* Counts a datagram, so many times; gives what came of the last time. */
static json_t *count_sent(mtasts_tally *tally, const json_t *sent, uint64_t now)
{
    octets text = read_octets(json_object_get(sent, "datagram"));
    uint64_t times = json_object_get(sent, "times") ? number_of(sent, "times") : 1;
    mtasts_datagram *datagram = NULL;
    json_t *given = NULL;
    check(mtasts_datagram_parse(text.data, text.len, &datagram, NULL));
    free(text.data);
    for (; times > 0; times--) {
        json_decref(given);
        given = json_array();
        for (size_t index = 0; index < mtasts_datagram_event_count(datagram); index++)
            json_array_append_new(given, json_string(mtasts_counted_word(
                                             mtasts_tally_count(tally, mtasts_datagram_event_get(datagram, index), now))));
    }
    mtasts_datagram_free(datagram);
    return given;
}

static json_t *merge_sent(struct counting *counting, const json_t *all, uint64_t now)
{
    mtasts_tally *other = NULL;
    size_t index;
    json_t *sent;
    check(mtasts_tally_new(0, counting->sender, SIZE_MAX, counting->max_octets, &other));
    json_array_foreach(all, index, sent) {
        octets text = read_octets(json_object_get(sent, "datagram"));
        uint64_t times = json_object_get(sent, "times") ? number_of(sent, "times") : 1;
        mtasts_datagram *datagram = NULL;
        check(mtasts_datagram_parse(text.data, text.len, &datagram, NULL));
        for (; times > 0; times--)
            mtasts_tally_count_datagram(other, datagram, now);
        mtasts_datagram_free(datagram);
        free(text.data);
    }
    check(mtasts_tally_merge(counting->tally, other));
    mtasts_tally_free(other);
    return json_null();
}

static int by_day_and_domain(const void *one, const void *other)
{
    const mtasts_due_report *left = *(mtasts_due_report *const *)one, *right = *(mtasts_due_report *const *)other;
    const uint64_t first = mtasts_report_start(mtasts_due_report_report(left)),
                   second = mtasts_report_start(mtasts_due_report_report(right));
    if (first != second)
        return first < second ? -1 : 1;
    return strcmp(mtasts_due_report_domain(left), mtasts_due_report_domain(right));
}

static json_t *poll_reports(struct counting *counting, uint64_t now)
{
    json_t *shown = json_array();
    mtasts_due_report *due = NULL;
    const size_t first = counting->due_count;
    for (;;) {
        check(mtasts_tally_poll_report(counting->tally, now, &due));
        if (!due)
            break;
        if (counting->due_count == sizeof counting->due / sizeof counting->due[0])
            fail("too many reports are due");
        counting->due[counting->due_count++] = due;
    }
    qsort(counting->due + first, counting->due_count - first, sizeof due, by_day_and_domain);
    for (size_t index = first; index < counting->due_count; index++) {
        const mtasts_report *report = mtasts_due_report_report(counting->due[index]);
        json_array_append_new(
            shown, json_pack("{s:s, s:o, s:I, s:o, s:o, s:o, s:o}", "domain", mtasts_due_report_domain(counting->due[index]),
                             "record", optional(mtasts_due_report_record(counting->due[index])), "attempt",
                             (json_int_t)mtasts_due_report_attempt(counting->due[index]), "organization",
                             optional(mtasts_report_organization(report)), "contact", optional(mtasts_report_contact(report)),
                             "period", period_shown(report), "policies", report_policies_shown(report)));
    }
    return shown;
}

static json_t *deliver(struct counting *counting, const json_t *delivery, uint64_t now)
{
    static const char *const ends[] = {"delivered", "failed", "refused"};
    const char *domain = text_of(delivery, "domain"), *end = text_of(delivery, "end");
    uint64_t retry_at = 0;
    for (size_t index = counting->due_count; index-- > 0;) {
        if (strcmp(mtasts_due_report_domain(counting->due[index]), domain) != 0)
            continue;
        for (mtasts_report_delivery number = 1; number <= 3; number++)
            if (strcmp(ends[number - 1], end) == 0)
                check(mtasts_tally_handle_delivery(counting->tally, counting->due[index], number, now, &retry_at));
        return retry_at == UINT64_MAX ? json_null() : json_integer((json_int_t)retry_at);
    }
    fail("nothing was given out of a domain");
    return NULL;
}

static json_t *read_tally(struct counting *counting, const uint8_t *text, size_t len)
{
    mtasts_tally *tally = NULL;
    mtasts_error *error = NULL;
    if (mtasts_tally_parse(text, len, 0, counting->sender, counting->max_domains, counting->max_octets, &tally, &error)) {
        json_t *wrapped = error_shown(error, 0), *fault = json_incref(json_object_get(wrapped, "error"));
        json_decref(wrapped);
        return fault;
    }
    mtasts_tally_free(counting->tally);
    counting->tally = tally;
    return json_null();
}

static json_t *save_and_load(struct counting *counting)
{
    mtasts_text *text = NULL, *again = NULL;
    json_t *read;
    check(mtasts_tally_text(counting->tally, &text));
    read = read_tally(counting, (const uint8_t *)mtasts_text_string(text), mtasts_text_len(text));
    check(mtasts_tally_text(counting->tally, &again));
    if (strcmp(mtasts_text_string(text), mtasts_text_string(again)) != 0)
        fail("the text of a tally is read otherwise");
    mtasts_text_free(again);
    mtasts_text_free(text);
    return read;
}

static json_t *tally_step(struct counting *counting, const char *operation, const json_t *argument, uint64_t now)
{
    if (strcmp(operation, "count") == 0)
        return count_sent(counting->tally, argument, now);
    if (strcmp(operation, "merge") == 0)
        return merge_sent(counting, argument, now);
    if (strcmp(operation, "note_report_mail") == 0) {
        check(mtasts_tally_note_report_mail(counting->tally, json_string_value(argument), now, NULL));
        return json_null();
    }
    if (strcmp(operation, "poll_reports") == 0)
        return poll_reports(counting, now);
    if (strcmp(operation, "poll_timeout") == 0) {
        const uint64_t at = mtasts_tally_poll_timeout(counting->tally);
        return at == UINT64_MAX ? json_null() : json_integer((json_int_t)at);
    }
    if (strcmp(operation, "deliver") == 0)
        return deliver(counting, argument, now);
    if (strcmp(operation, "text") == 0) {
        mtasts_text *text = NULL;
        json_t *shown;
        check(mtasts_tally_text(counting->tally, &text));
        shown = json_string(mtasts_text_string(text));
        mtasts_text_free(text);
        return shown;
    }
    if (strcmp(operation, "parse") == 0) {
        octets text = read_octets(argument);
        json_t *shown = read_tally(counting, text.data, text.len);
        free(text.data);
        return shown;
    }
    if (strcmp(operation, "save_and_load") == 0)
        return save_and_load(counting);
    if (strcmp(operation, "domains") == 0)
        return json_integer((json_int_t)mtasts_tally_domains(counting->tally, now));
    if (strcmp(operation, "lost_sessions") == 0)
        return json_integer((json_int_t)mtasts_tally_lost_sessions(counting->tally));
    fail("an operation is not known");
    return NULL;
}

json_t *run_tally(const json_t *input)
{
    const json_t *config = json_object_get(input, "config"), *steps = json_object_get(input, "steps");
    const json_t *max_domains = json_object_get(config, "max_domains");
    struct counting counting = {NULL, NULL, number_of(config, "max_domains"), number_of(config, "max_octets"), {NULL}, 0};
    json_t *shown = json_object();
    /* A tally without room counts nothing: in C an argument that was forgotten must not make one. */
    if (max_domains && json_integer_value(max_domains) == 0) {
        json_decref(shown);
        return NULL;
    }
    check(mtasts_report_sender_new("tls@sender.test", "Sender Inc.", &counting.sender, NULL));
    check(mtasts_tally_new(0, counting.sender, counting.max_domains, counting.max_octets, &counting.tally));
    for (size_t index = 0; index < json_array_size(steps) && json_object_size(shown) == 0; index++) {
        const json_t *step = json_array_get(steps, index);
        json_t *todo = json_object_get(step, "do");
        const char *operation = json_object_iter_key(json_object_iter(todo));
        json_t *gives = tally_step(&counting, operation, json_object_get(todo, operation), number_of(step, "at"));
        if (!gives_as_expected(json_object_get(step, "gives"), gives))
            json_object_set_new(shown, "step", json_pack("{s:I, s:O}", "number", (json_int_t)index + 1, "gives", gives));
        json_decref(gives);
    }
    if (json_object_size(shown) == 0)
        json_object_set_new(shown, "empty", json_boolean(mtasts_tally_is_empty(counting.tally)));
    while (counting.due_count > 0)
        mtasts_due_report_free(counting.due[--counting.due_count]);
    mtasts_tally_free(counting.tally);
    mtasts_report_sender_free(counting.sender);
    return shown;
}

/* Frees the error. */
static json_t *code_shown(mtasts_error *error)
{
    json_t *shown = json_pack("{s:s}", "error", mtasts_error_code(error));
    mtasts_error_free(error);
    return shown;
}

static json_t *run_sender(const json_t *input)
{
    mtasts_report_sender *sender = NULL;
    mtasts_error *error = NULL;
    json_t *shown;
    if (mtasts_report_sender_new(text_of(input, "contact"), text_of(input, "organization"), &sender, &error))
        return code_shown(error);
    shown = json_pack("{s:s, s:s, s:s}", "submitter", mtasts_report_sender_submitter(sender), "contact",
                      mtasts_report_sender_contact(sender), "organization", mtasts_report_sender_organization(sender));
    mtasts_report_sender_free(sender);
    return shown;
}

static json_t *run_subject(const char *text)
{
    mtasts_report_subject *subject = NULL;
    json_t *read = json_null();
    check(mtasts_report_subject_parse(text, &subject, NULL));
    if (subject)
        read = json_pack("{s:s, s:s, s:s}", "domain", mtasts_report_subject_domain(subject), "submitter",
                         mtasts_report_subject_submitter(subject), "report_id", mtasts_report_subject_report_id(subject));
    mtasts_report_subject_free(subject);
    return json_pack("{s:o}", "read", read);
}

static json_t *run_file_name(const char *text)
{
    mtasts_report_file_name *name = NULL;
    json_t *read = json_null();
    check(mtasts_report_file_name_parse(text, &name, NULL));
    if (name)
        read = json_pack("{s:s, s:s, s:[I, I], s:o, s:b, s:s}", "submitter", mtasts_report_file_name_submitter(name), "domain",
                         mtasts_report_file_name_domain(name), "period", (json_int_t)mtasts_report_file_name_start(name),
                         (json_int_t)mtasts_report_file_name_end(name), "unique_id",
                         optional(mtasts_report_file_name_unique_id(name)), "compressed",
                         mtasts_report_file_name_is_compressed(name), "written", mtasts_report_file_name_text(name));
    mtasts_report_file_name_free(name);
    return json_pack("{s:o}", "read", read);
}

json_t *run_mail(const json_t *input)
{
    const json_t *given = json_object_get(input, "mail"), *from = json_object_get(given, "sender");
    mtasts_report_sender *sender = NULL;
    mtasts_report_mail *mail = NULL;
    mtasts_report *report;
    mtasts_error *error = NULL;
    json_t *headers, *shown;
    mtasts_status status;
    if (json_object_get(input, "sender"))
        return run_sender(json_object_get(input, "sender"));
    if (text_of(input, "subject"))
        return run_subject(text_of(input, "subject"));
    if (text_of(input, "file_name"))
        return run_file_name(text_of(input, "file_name"));
    report = draft_report(json_object_get(given, "report"), "Sender Inc.");
    check(mtasts_report_sender_new(text_of(from, "contact"), text_of(from, "organization"), &sender, NULL));
    status = mtasts_report_mail_new(report, text_of(given, "domain"), sender, &mail, &error);
    mtasts_report_free(report);
    mtasts_report_sender_free(sender);
    if (status)
        return code_shown(error);
    headers = json_array();
    for (size_t index = 0; index < mtasts_report_mail_header_count(mail); index++)
        json_array_append_new(headers, json_pack("[s, s]", mtasts_report_mail_header_name(mail, index),
                                                 mtasts_report_mail_header_value(mail, index)));
    shown = json_pack("{s:s, s:o, s:s, s:s, s:s, s:s}", "subject", mtasts_report_mail_subject(mail), "headers", headers,
                      "content_type", mtasts_report_mail_content_type(mail), "text", mtasts_report_mail_text(mail),
                      "file_name", mtasts_report_mail_file_name(mail), "media_type", mtasts_report_mail_media_type(mail));
    mtasts_report_mail_free(mail);
    return shown;
}

/* The number of a word; 0 for one that is not registered. */
static uint32_t number_of_word(const char *word, const char *(*word_of)(uint32_t))
{
    for (uint32_t number = 1; word && number < 400; number++)
        if (word_of(number) && strcmp(word_of(number), word) == 0)
            return number;
    return 0;
}

json_t *run_hint(const json_t *input)
{
    const char *policy_type = text_of(input, "policy_type") ? text_of(input, "policy_type") : "sts";
    octets given = {NULL, 0}, reason = {NULL, 0};
    mtasts_hint *hint = NULL, *same = NULL;
    json_t *shown;
    /* A NUL of a report is U+FFFD in C. */
    if (json_object_get(input, "reason")) {
        given = read_octets(json_object_get(input, "reason"));
        for (size_t index = 0; index < given.len; index++)
            append(&reason, given.data[index] ? (const char *)given.data + index : "\xef\xbf\xbd", given.data[index] ? 1 : 3);
        append(&reason, "", 0);
    }
    check(mtasts_hint_explain(number_of_word(policy_type, mtasts_policy_type_word),
                              number_of_word(text_of(input, "result_type"), mtasts_result_type_word),
                              (const char *)reason.data, &hint, NULL));
    check(mtasts_hint_from_code(mtasts_hint_code(hint), &same, NULL));
    if (!same || !mtasts_hint_cause(hint)[0] || !mtasts_hint_fix(hint)[0])
        fail("a hint has no code, or says nothing");
    shown = json_pack("{s:s, s:s}", "code", mtasts_hint_code(hint), "whose", mtasts_whose_word(mtasts_hint_whose(hint)));
    mtasts_hint_free(same);
    mtasts_hint_free(hint);
    free(given.data);
    free(reason.data);
    return shown;
}

enum { DAY = 86400, MOST_REPORTS = 4096 };

struct reports {
    mtasts_report *all[MOST_REPORTS];
    size_t count;
};

/* One report of `kind` for the days from `first` to `last`, counted back from today. */
static void add_report(struct reports *reports, const json_t *given, size_t number, uint64_t today, int64_t first, int64_t last)
{
    const json_t *hosts = json_object_get(given, "mx_hosts"), *mx = json_object_get(given, "mx"), *item;
    const char *kind = text_of(given, "kind") ? text_of(given, "kind") : "sts";
    const char *domain = text_of(given, "domain") ? text_of(given, "domain") : "north.test";
    const char *mode = text_of(given, "mode") ? text_of(given, "mode") : "testing";
    uint64_t failed = number_of(given, "unexplained");
    mtasts_report_builder *builder = NULL;
    char id[128], line[512];
    json_t *failures = json_object_get(given, "failures"), *served = json_pack("[s, s]", "mx1.north.test", "mx2.north.test");
    snprintf(id, sizeof id, "%zu.%lld@sender.test", number, (long long)last);
    check(mtasts_report_builder_new(text_of(given, "from"), "tls@sender.test", text_of(given, "id") ? text_of(given, "id") : id,
                                    (uint64_t)((int64_t)today - first) * DAY, (uint64_t)((int64_t)today - last) * DAY + DAY - 1,
                                    &builder, NULL));
    for (size_t index = 0; index < json_array_size(failures); index++)
        failed += number_of(json_array_get(failures, index), "sessions");
    check(mtasts_report_builder_add_policy(builder, kind, domain, number_of(given, "sessions"), failed));
    for (size_t index = 0; index < json_array_size(hosts); index++)
        check(mtasts_report_builder_add_mx(builder, json_string_value(json_array_get(hosts, index))));
    if (!hosts) {
        check(mtasts_report_builder_add_line(builder, "version: STSv1"));
        snprintf(line, sizeof line, "mode: %s", mode);
        check(mtasts_report_builder_add_line(builder, line));
        mx = mx ? mx : served;
        for (size_t index = 0; index < json_array_size(mx); index++) {
            snprintf(line, sizeof line, "mx: %s", json_string_value(json_array_get(mx, index)));
            check(mtasts_report_builder_add_line(builder, line));
        }
    }
    for (size_t index = 0; index < json_array_size(failures); index++) {
        item = json_array_get(failures, index);
        check(mtasts_report_builder_add_failure(builder, text_of(item, "result_type"), number_of(item, "sessions")));
        if (text_of(item, "reason"))
            check(mtasts_report_builder_set_failure_reason_code(builder, text_of(item, "reason")));
        if (text_of(item, "host"))
            check(mtasts_report_builder_set_receiving_mx_hostname(builder, text_of(item, "host")));
    }
    if (reports->count == MOST_REPORTS)
        fail("too many reports");
    check(mtasts_report_builder_finish(builder, &reports->all[reports->count++]));
    mtasts_report_builder_free(builder);
    json_decref(served);
}

static void add_reports(struct reports *reports, const json_t *given, size_t number, uint64_t today)
{
    const json_t *days = json_object_get(given, "days");
    const int64_t first = json_integer_value(json_array_get(days, 0)), last = json_integer_value(json_array_get(days, 1));
    if (is_true(given, "one_report")) {
        add_report(reports, given, number, today, first, last);
        return;
    }
    for (int64_t day = last; day <= first; day++)
        add_report(reports, given, number, today, day, day);
}

static uint64_t days_before(uint64_t today, const json_t *days) { return today * DAY - (uint64_t)(json_number_value(days) * DAY); }

static mtasts_ready *read_question(const json_t *input, uint64_t now)
{
    static const char text[] = "version: STSv1\nmode: testing\nmx: mx1.north.test\nmx: mx2.north.test\nmax_age: 86400\n";
    const json_t *live = json_object_get(input, "live"), *rules = json_object_get(input, "rules"), *item;
    mtasts_policy *policy = NULL;
    mtasts_ready *ready = NULL;
    size_t index;
    check(mtasts_policy_parse((const uint8_t *)text, sizeof text - 1, &policy, NULL));
    check(mtasts_ready_new("north.test", policy, &ready, NULL));
    mtasts_policy_free(policy);
    if (json_object_get(input, "since"))
        check(mtasts_ready_set_since(ready, days_before(now / DAY, json_object_get(input, "since"))));
    if (json_object_get(input, "mended"))
        check(mtasts_ready_set_mended_at(ready, days_before(now / DAY, json_object_get(input, "mended"))));
    json_array_foreach(json_object_get(live, "hosts"), index, item) {
        const json_t *expires_in = json_object_get(item, "expires_in");
        check(mtasts_ready_add_host(ready, text_of(item, "name"), text_of(item, "fault"),
                                    expires_in ? now + (uint64_t)json_integer_value(expires_in) : 0,
                                    is_true(item, "renewal_seen"), NULL));
    }
    /* After the hosts: what was added before stays. */
    if (live)
        check(mtasts_ready_set_policy_fault(ready, text_of(live, "policy_fault")));
    if (json_object_get(rules, "days"))
        check(mtasts_ready_set_limit(ready, MTASTS_READY_LIMIT_DAYS, number_of(rules, "days")));
    if (json_object_get(rules, "certificate_days"))
        check(mtasts_ready_set_limit(ready, MTASTS_READY_LIMIT_CERTIFICATE_DAYS, number_of(rules, "certificate_days")));
    json_array_foreach(json_object_get(rules, "accept"), index, item)
        check(mtasts_ready_add_accepted(ready, json_string_value(item), NULL));
    return ready;
}

static json_t *readiness_shown(const mtasts_readiness *readiness, uint64_t today)
{
    static const char *const verdicts[] = {NULL, "ready", "not-yet", "blocked"};
    const mtasts_ready_verdict verdict = mtasts_readiness_verdict(readiness);
    json_t *missing = json_array(), *earliest = json_null();
    for (size_t index = 0; index < mtasts_readiness_shortfall_count(readiness); index++) {
        const mtasts_shortfall *shortfall = mtasts_readiness_shortfall_get(readiness, index);
        const mtasts_ready_rule rule = mtasts_shortfall_rule(shortfall);
        if (mtasts_readiness_is_met(readiness, rule) || !mtasts_shortfall_message(shortfall)[0] || !mtasts_shortfall_fix(shortfall)[0])
            fail("a shortfall is of a condition that is met, or says nothing");
        json_array_append_new(missing, json_pack("{s:s, s:s, s:o, s:o}", "rule", mtasts_ready_rule_word(rule), "code",
                                                 mtasts_shortfall_code(shortfall), "host", optional(mtasts_shortfall_host(shortfall)),
                                                 "hint", optional(mtasts_hint_code(mtasts_shortfall_hint(shortfall)))));
    }
    if (mtasts_readiness_earliest(readiness))
        earliest = json_integer((json_int_t)(mtasts_readiness_earliest(readiness) / DAY - today));
    return json_pack("{s:s, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I}}", "verdict", verdicts[verdict], "earliest", earliest,
                     "missing", missing, "evidence", "days", (json_int_t)mtasts_readiness_days(readiness), "submitters",
                     (json_int_t)mtasts_readiness_submitters(readiness), "sessions",
                     (json_int_t)mtasts_readiness_sessions(readiness), "clean_sessions",
                     (json_int_t)mtasts_readiness_clean_sessions(readiness), "unverified_sessions",
                     (json_int_t)mtasts_readiness_unverified_sessions(readiness), "unusable_reports",
                     (json_int_t)mtasts_readiness_unusable_reports(readiness));
}

json_t *run_ready(const json_t *input)
{
    static struct reports reports;
    const uint64_t now = number_of(input, "now"), today = now / DAY;
    mtasts_ready *ready = read_question(input, now);
    mtasts_readiness *readiness = NULL;
    json_t *given, *shown;
    size_t index;
    json_array_foreach(json_object_get(input, "reports"), index, given)
        add_reports(&reports, given, index, today);
    check(mtasts_ready_assess(ready, (const mtasts_report *const *)reports.all, reports.count, now, &readiness, NULL));
    shown = readiness_shown(readiness, today);
    while (reports.count > 0)
        mtasts_report_free(reports.all[--reports.count]);
    mtasts_readiness_free(readiness);
    mtasts_ready_free(ready);
    return shown;
}
