/* The rooms about TLS reports. */
#include "conformance.h"
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

static void check(mtasts_status status)
{
    if (status)
        fail(mtasts_status_message(status));
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
