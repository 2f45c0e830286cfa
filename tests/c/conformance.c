/*
 * conformance FOLDER: runs the vectors of the folder through the C API; tests/vectors/README.md says how they are read.
 *
 * Each room turns an input into what came of it, in the shape of the expectation. A case that comes out otherwise is a
 * failure, and so is a room, or a member of an input, that is not known.
 */
#include "conformance.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail(const char *why)
{
    fprintf(stderr, "conformance: %s\n", why);
    exit(2);
}

void check(mtasts_status status)
{
    if (status)
        fail(mtasts_status_message(status));
}

void append(octets *to, const void *data, size_t len)
{
    to->data = realloc(to->data, to->len + len + 1);
    if (len)
        memcpy(to->data + to->len, data, len);
    to->len += len;
    to->data[to->len] = 0;
}

/* A text, a text in hexadecimal, a repetition, or some of these in a row. */
octets read_octets(const json_t *value)
{
    octets all = {NULL, 0};
    append(&all, "", 0);
    if (json_is_string(value)) {
        append(&all, json_string_value(value), json_string_length(value));
    } else if (json_is_array(value)) {
        size_t index;
        json_t *item;
        json_array_foreach(value, index, item) {
            octets part = read_octets(item);
            append(&all, part.data, part.len);
            free(part.data);
        }
    } else if (json_object_get(value, "hex")) {
        const char *hex = json_string_value(json_object_get(value, "hex"));
        for (; hex[0] && hex[1]; hex += 2) {
            unsigned octet;
            uint8_t byte;
            sscanf(hex, "%2x", &octet);
            byte = (uint8_t)octet;
            append(&all, &byte, 1);
        }
    } else if (json_object_get(value, "repeat")) {
        octets part = read_octets(json_object_get(value, "repeat"));
        json_int_t times = json_integer_value(json_object_get(value, "times"));
        all.data = realloc(all.data, part.len * (size_t)times + 1);
        for (all.len = 0; times > 0; times--, all.len += part.len)
            memcpy(all.data + all.len, part.data, part.len);
        all.data[all.len] = 0;
        free(part.data);
    } else {
        fail("octets are not understood");
    }
    return all;
}

const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

uint64_t number_of(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

int is_true(const json_t *object, const char *key) { return json_is_true(json_object_get(object, key)); }

json_t *optional(const char *text) { return text ? json_string(text) : json_null(); }

static json_t *code_of(mtasts_status status) { return status ? json_string(mtasts_status_code(status)) : json_null(); }

/* The number of a code between two numbers. */
static mtasts_status status_of(const char *code, mtasts_status from, mtasts_status to)
{
    for (; code && from <= to; from++)
        if (strcmp(mtasts_status_code(from), code) == 0)
            return from;
    fail("a code is not known");
    return 0;
}

/* The place of a word in a list; the first, for no word. */
static uint32_t place(const char *word, const char *const *words)
{
    for (uint32_t index = 0; words[index]; index++)
        if (!word || strcmp(words[index], word) == 0)
            return index;
    fail("a word is not known");
    return 0;
}

static const char *const strictnesses[] = {"tolerant", "abnf", NULL};
static const char *const rules[] = {"refuse", "accept", NULL};

json_t *error_shown(mtasts_error *error, int with_result_type)
{
    json_t *fault = json_pack("{s:s, s:i, s:I}", "code", mtasts_error_code(error), "line", (int)mtasts_error_line(error),
                              "offset", (json_int_t)mtasts_error_offset(error));
    mtasts_status status = mtasts_error_status(error);
    if (with_result_type) {
        /* An answer that was not looked into has its place at the start. */
        json_object_set_new(fault, "result_type", optional(mtasts_result_type_word(mtasts_status_result_type(status))));
    }
    mtasts_error_free(error);
    return json_pack("{s:o}", "error", fault);
}

static json_t *patterns_of(const mtasts_policy *policy)
{
    json_t *list = json_array();
    for (size_t index = 0; index < mtasts_policy_mx_count(policy); index++)
        json_array_append_new(list, json_string(mtasts_policy_mx_get(policy, index)));
    return list;
}

static json_t *policy_shown(const mtasts_policy *policy)
{
    json_t *lines = json_array();
    for (size_t index = 0; index < mtasts_policy_line_count(policy); index++)
        json_array_append_new(lines, json_string(mtasts_policy_line_get(policy, index)));
    return json_pack("{s:s, s:I, s:o, s:I, s:o, s:s}", "mode", mtasts_mode_word(mtasts_policy_mode(policy)), "max_age",
                     (json_int_t)mtasts_policy_max_age(policy), "mx", patterns_of(policy), "mx_count",
                     (json_int_t)mtasts_policy_mx_count(policy), "lines", lines, "written", mtasts_policy_written(policy));
}

static json_t *run_name(const json_t *input)
{
    mtasts_name *name = NULL;
    mtasts_domain *domain = NULL;
    mtasts_error *error = NULL;
    json_t *shown;
    if (text_of(input, "host")) {
        if (mtasts_name_parse(text_of(input, "host"), &name, &error))
            return error_shown(error, 0);
        shown = json_pack("{s:s}", "name", mtasts_name_text(name));
        mtasts_name_free(name);
        return shown;
    }
    if (text_of(input, "domain") ? mtasts_domain_parse(text_of(input, "domain"), &domain, &error)
                                 : mtasts_domain_of_recipient(text_of(input, "recipient"), &domain, &error))
        return error_shown(error, 0);
    shown = json_pack("{s:s, s:s, s:s, s:s}", "domain", mtasts_domain_text(domain), "txt_name",
                      mtasts_domain_txt_name(domain), "policy_host", mtasts_domain_policy_host(domain), "policy_url",
                      mtasts_domain_policy_url(domain));
    mtasts_domain_free(domain);
    return shown;
}

static json_t *record_shown(mtasts_status status, mtasts_record *record, mtasts_error *error)
{
    json_t *shown;
    if (status)
        return error_shown(error, 0);
    shown = json_pack("{s:s}", "id", mtasts_record_id(record));
    mtasts_record_free(record);
    return shown;
}

static json_t *run_record(const json_t *input)
{
    mtasts_record *record = NULL;
    mtasts_error *error = NULL;
    octets txt = read_octets(json_object_get(input, "txt"));
    mtasts_status status = mtasts_record_parse(txt.data, txt.len, &record, &error);
    free(txt.data);
    return record_shown(status, record, error);
}

static mtasts_bytes *read_list(const json_t *list, size_t *count)
{
    mtasts_bytes *items = calloc(json_array_size(list) + 1, sizeof *items);
    for (*count = 0; *count < json_array_size(list); (*count)++) {
        octets item = read_octets(json_array_get(list, *count));
        items[*count].data = item.data;
        items[*count].len = item.len;
    }
    return items;
}

static void free_list(mtasts_bytes *items, size_t count)
{
    while (count--)
        free((void *)(uintptr_t)items[count].data);
    free(items);
}

static json_t *run_rrset(const json_t *input)
{
    mtasts_record *record = NULL;
    mtasts_error *error = NULL;
    size_t count;
    mtasts_bytes *rrs = read_list(json_object_get(input, "rrs"), &count);
    mtasts_status status = mtasts_record_select(rrs, count, &record, &error);
    free_list(rrs, count);
    return record_shown(status, record, error);
}

static json_t *run_tlsrpt_record(const json_t *input)
{
    mtasts_tlsrpt_record *record = NULL;
    mtasts_error *error = NULL;
    mtasts_status status;
    json_t *list;
    if (text_of(input, "domain")) {
        mtasts_domain *domain = NULL;
        if (mtasts_domain_parse(text_of(input, "domain"), &domain, &error))
            return error_shown(error, 0);
        list = json_pack("{s:s?}", "txt_name", mtasts_tlsrpt_txt_name(domain));
        mtasts_domain_free(domain);
        return list;
    }
    if (json_object_get(input, "rrs")) {
        size_t count;
        mtasts_bytes *rrs = read_list(json_object_get(input, "rrs"), &count);
        status = mtasts_tlsrpt_record_select(rrs, count, &record, &error);
        free_list(rrs, count);
    } else {
        octets txt = read_octets(json_object_get(input, "txt"));
        status = mtasts_tlsrpt_record_parse(txt.data, txt.len, &record, &error);
        free(txt.data);
    }
    if (status)
        return error_shown(error, 0);
    list = json_array();
    for (size_t index = 0; index < mtasts_tlsrpt_record_uri_count(record); index++) {
        const char *address = mtasts_tlsrpt_record_address_get(record, index);
        json_array_append_new(list, json_pack("{s:s}", address ? "mailto" : "https",
                                              address ? address : mtasts_tlsrpt_record_uri_get(record, index)));
    }
    mtasts_tlsrpt_record_free(record);
    return json_pack("{s:o}", "uris", list);
}

static mtasts_policy *parse_policy(const json_t *body)
{
    mtasts_policy *policy = NULL;
    octets text = read_octets(body);
    if (mtasts_policy_parse(text.data, text.len, &policy, NULL))
        fail("the policy is none");
    free(text.data);
    return policy;
}

static json_t *run_policy(const json_t *input)
{
    mtasts_policy *policy = NULL;
    mtasts_error *error = NULL;
    json_t *shown;
    octets body = read_octets(json_object_get(input, "body"));
    mtasts_status status = mtasts_policy_parse_with(body.data, body.len, place(text_of(input, "strictness"), strictnesses),
                                                    &policy, &error);
    free(body.data);
    if (status)
        return error_shown(error, 0);
    shown = policy_shown(policy);
    mtasts_policy_free(policy);
    return shown;
}

static json_t *run_mx(const json_t *input)
{
    const char *host = text_of(input, "host");
    mtasts_mx_pattern *pattern = NULL;
    mtasts_error *error = NULL;
    json_t *shown;
    if (text_of(input, "dns_id"))
        return json_pack("{s:b}", "matches", mtasts_dns_id_matches(text_of(input, "dns_id"), host));
    if (json_object_get(input, "policy")) {
        mtasts_policy *policy = parse_policy(json_object_get(input, "policy"));
        const char *matching = mtasts_policy_matching_mx(policy, host);
        if ((matching != NULL) != mtasts_policy_matches_mx(policy, host))
            fail("the two ways to match a host differ");
        shown = json_pack("{s:o}", "matching_pattern", optional(matching));
        mtasts_policy_free(policy);
        return shown;
    }
    if (mtasts_mx_pattern_parse(text_of(input, "pattern"), &pattern, &error))
        return error_shown(error, 0);
    shown = host ? json_pack("{s:b}", "matches", mtasts_mx_pattern_matches(pattern, host))
                 : json_pack("{s:s}", "pattern", mtasts_mx_pattern_text(pattern));
    mtasts_mx_pattern_free(pattern);
    return shown;
}

static mtasts_config *read_config(const json_t *input)
{
    mtasts_config *config = mtasts_config_new();
    if (json_object_get(input, "back_off"))
        mtasts_config_set_back_off(config, number_of(input, "back_off"));
    if (json_object_get(input, "timeout"))
        mtasts_config_set_fetch_timeout_ms(config, number_of(input, "timeout") * 1000);
    if (json_object_get(input, "max_body_len"))
        mtasts_config_set_max_body_len(config, number_of(input, "max_body_len"));
    mtasts_config_set_missing_content_type(config, place(text_of(input, "missing_content_type"), rules));
    mtasts_config_set_strictness(config, place(text_of(input, "strictness"), strictnesses));
    return config;
}

static char *content_type_of(const json_t *response)
{
    const json_t *value = json_object_get(response, "content_type");
    return json_is_null(value) ? NULL : (char *)read_octets(value).data;
}

static json_t *run_response(const json_t *input)
{
    const json_t *response = json_object_get(input, "response");
    mtasts_config *config = read_config(json_object_get(input, "config"));
    octets body = read_octets(json_object_get(response, "body"));
    char *content_type = content_type_of(response);
    mtasts_policy *policy = NULL;
    mtasts_error *error = NULL;
    json_t *shown;
    mtasts_status status = mtasts_policy_from_response((uint16_t)number_of(response, "status"), content_type, body.data,
                                                       body.len, config, &policy, &error);
    if (status)
        shown = error_shown(error, 1);
    else
        shown = json_pack("{s:o}", "policy", policy_shown(policy));
    mtasts_policy_free(policy);
    mtasts_config_free(config);
    free(content_type);
    free(body.data);
    return shown;
}

static json_t *run_entry(const json_t *input)
{
    octets text = read_octets(json_object_get(input, "text"));
    const json_t *times = json_object_get(input, "times");
    json_t *back_offs = json_array(), *valid = json_array(), *absence = json_null(), *shown_policy = json_null();
    json_t *refresh_at = json_array();
    const uint64_t spread = (uint64_t)json_integer_value(json_object_get(input, "spread"));
    mtasts_entry *entry = NULL;
    mtasts_error *error = NULL;
    json_t *shown;
    const json_t *given = json_object_get(input, "domain");
    const char *domain = given ? json_string_value(given) : "example.test";
    mtasts_status status = mtasts_entry_parse(text.data, text.len, domain, &entry, &error);
    const mtasts_policy *policy = mtasts_entry_policy(entry);
    free(text.data);
    if (status) {
        json_decref(back_offs);
        json_decref(valid);
        json_decref(refresh_at);
        return error_shown(error, 0);
    }
    if (mtasts_entry_absence(entry))
        absence = json_pack("{s:s, s:I}", "code", mtasts_status_code(mtasts_entry_absence(entry)), "until",
                            (json_int_t)mtasts_entry_absence_until(entry));
    for (size_t index = 0; index < mtasts_entry_back_off_count(entry); index++)
        json_array_append_new(back_offs, json_pack("{s:s, s:I}", "id", mtasts_entry_back_off_id(entry, index), "until",
                                                   (json_int_t)mtasts_entry_back_off_until(entry, index)));
    for (size_t index = 0; index < json_array_size(times); index++) {
        const uint64_t now = (uint64_t)json_integer_value(json_array_get(times, index));
        const uint64_t due = mtasts_entry_refresh_at(entry, spread, now);
        json_array_append_new(valid, json_boolean(mtasts_entry_is_valid(entry, now)));
        json_array_append_new(refresh_at, due == UINT64_MAX ? json_null() : json_integer((json_int_t)due));
    }
    if (policy)
        shown_policy = json_pack("{s:s, s:I, s:I, s:s, s:o}", "id", mtasts_entry_policy_id(entry), "fetched_at",
                                 (json_int_t)mtasts_entry_fetched_at(entry), "expires_at",
                                 (json_int_t)mtasts_entry_expires_at(entry), "mode",
                                 mtasts_mode_word(mtasts_policy_mode(policy)), "mx", patterns_of(policy));
    shown = json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s}", "checked_until",
                      (json_int_t)mtasts_entry_checked_until(entry), "fetch_failures",
                      (json_int_t)mtasts_entry_fetch_failures(entry), "absence", absence, "back_offs", back_offs, "policy",
                      shown_policy, "valid", valid, "refresh_at", refresh_at, "text", mtasts_entry_text(entry, domain));
    mtasts_entry_free(entry);
    return shown;
}

static mtasts_entry *read_entry(const json_t *text, const char *domain)
{
    mtasts_entry *entry = NULL;
    octets octets;
    if (!text || json_is_null(text))
        return NULL;
    octets = read_octets(text);
    if (mtasts_entry_parse(octets.data, octets.len, domain, &entry, NULL))
        fail("the entry is none");
    free(octets.data);
    return entry;
}

static json_t *asks(const mtasts_lookup *lookup)
{
    switch (mtasts_lookup_poll_output(lookup)) {
    case MTASTS_OUTPUT_QUERY_TXT: return json_pack("{s:s}", "query_txt", mtasts_lookup_txt_name(lookup));
    case MTASTS_OUTPUT_FETCH_POLICY:
        return json_pack("{s:{s:s, s:s, s:I, s:I}}", "fetch_policy", "url", mtasts_lookup_policy_url(lookup), "host",
                         mtasts_lookup_policy_host(lookup), "timeout",
                         (json_int_t)(mtasts_lookup_fetch_timeout_ms(lookup) / 1000), "max_body_len",
                         (json_int_t)mtasts_lookup_max_body_len(lookup));
    default: return json_string("done");
    }
}

static mtasts_status answer(mtasts_lookup *lookup, const json_t *words, uint64_t now)
{
    const json_t *value;
    mtasts_status status;
    if ((value = json_object_get(words, "txt"))) {
        size_t count;
        mtasts_bytes *rrs = read_list(json_object_get(value, "rrs"), &count);
        status = mtasts_lookup_handle_txt(lookup, rrs, count, (uint32_t)number_of(value, "ttl"), now);
        free_list(rrs, count);
    } else if ((value = json_object_get(words, "txt_not_found"))) {
        status = mtasts_lookup_handle_txt_not_found(lookup, (uint32_t)number_of(value, "ttl"), now);
    } else if ((value = json_object_get(words, "txt_failed"))) {
        status = mtasts_lookup_handle_txt_failed(lookup, status_of(json_string_value(value), 601, 699), now);
    } else if ((value = json_object_get(words, "response"))) {
        octets body = read_octets(json_object_get(value, "body"));
        char *content_type = content_type_of(value);
        status = mtasts_lookup_handle_response(lookup, (uint16_t)number_of(value, "status"), content_type, body.data,
                                               body.len, now);
        free(content_type);
        free(body.data);
    } else {
        value = json_object_get(words, "fetch_failed");
        status = mtasts_lookup_handle_fetch_failed(lookup, status_of(json_string_value(value), 501, 599), now);
    }
    return status;
}

static const char *const update_words[] = {"?", "keep", "checked", "absent", "back-off", "store"};

static void show_outcome(json_t *shown, const mtasts_outcome *outcome)
{
    const mtasts_policy *policy = mtasts_outcome_policy(outcome);
    mtasts_status why = mtasts_outcome_no_policy(outcome), detail = mtasts_outcome_no_policy_detail(outcome);
    json_t *failure = json_null(), *alert = json_null();
    if (policy) {
        json_object_set_new(
            shown, "policy",
            json_pack("{s:s, s:s, s:I, s:s, s:o}", "source",
                      mtasts_outcome_policy_source(outcome) == MTASTS_SOURCE_FETCHED ? "fetched" : "cached", "id",
                      mtasts_outcome_policy_id(outcome), "expires_at",
                      (json_int_t)mtasts_outcome_policy_expires_at(outcome), "mode",
                      mtasts_mode_word(mtasts_policy_mode(policy)), "mx", patterns_of(policy)));
    } else {
        json_t *reason = json_pack("{s:s}", "code", mtasts_status_code(why));
        if (detail)
            json_object_set_new(reason, "detail", json_string(mtasts_status_code(detail)));
        if (why == MTASTS_NO_POLICY_BACKING_OFF)
            json_object_set_new(reason, "until", json_integer((json_int_t)mtasts_outcome_no_policy_until(outcome)));
        json_object_set_new(shown, "no_policy", reason);
    }
    json_object_set_new(shown, "cache_update", json_string(update_words[mtasts_outcome_update_kind(outcome)]));
    if (mtasts_outcome_failure_result_type(outcome)) {
        json_t *lines = json_array();
        for (size_t index = 0; index < mtasts_outcome_failure_line_count(outcome); index++)
            json_array_append_new(lines, json_string(mtasts_outcome_failure_line_get(outcome, index)));
        failure = json_pack("{s:s, s:s, s:o}", "result_type",
                            mtasts_result_type_word(mtasts_outcome_failure_result_type(outcome)), "reason_code",
                            mtasts_outcome_failure_reason_code(outcome), "received_lines", lines);
    }
    if (mtasts_outcome_alert(outcome))
        alert = json_pack("{s:s, s:I, s:I}", "code", mtasts_status_code(mtasts_outcome_alert(outcome)), "failures",
                          (json_int_t)mtasts_outcome_alert_failures(outcome), "expires_at",
                          (json_int_t)mtasts_outcome_alert_expires_at(outcome));
    json_object_set_new(shown, "failure", failure);
    json_object_set_new(shown, "alert", alert);
}

static json_t *run_lookup(const json_t *input)
{
    static const char *const purposes[] = {"", "deliver", "refresh", "before-permanent-failure", NULL};
    const json_t *steps = json_object_get(input, "steps"), *meanwhile = json_object_get(input, "meanwhile");
    mtasts_config *config = read_config(json_object_get(input, "config"));
    const char *domain = text_of(input, "domain");
    mtasts_entry *stored = read_entry(json_object_get(input, "entry"), domain), *updated = NULL;
    uint64_t now = number_of(input, "now");
    mtasts_lookup *lookup = NULL;
    mtasts_outcome *outcome = NULL;
    json_t *shown = json_object();
    if (mtasts_lookup_new(domain, place(text_of(input, "purpose"), purposes), stored, now, config,
                          &lookup, NULL))
        fail("the lookup does not begin");
    for (size_t index = 0; index < json_array_size(steps); index++) {
        const json_t *step = json_array_get(steps, index), *wrong = json_object_get(step, "wrong_answer");
        json_t *asked = asks(lookup);
        mtasts_status status;
        now = number_of(step, "at");
        if (!json_equal(asked, json_object_get(step, "asks")))
            json_object_set(shown, "asked", asked);
        json_decref(asked);
        status = answer(lookup, wrong ? wrong : json_object_get(step, "answer"), now);
        if (strcmp(mtasts_status_code(status), wrong ? text_of(step, "error") : "ok") != 0)
            json_object_set_new(shown, "status", json_string(mtasts_status_code(status)));
    }
    if (json_object_size(shown) == 0 && mtasts_lookup_finish(lookup, &outcome) == MTASTS_OK) {
        show_outcome(shown, outcome);
        if (meanwhile) {
            mtasts_entry_free(stored);
            stored = read_entry(json_object_get(meanwhile, "entry"), domain);
            now = number_of(meanwhile, "now");
        }
        mtasts_outcome_apply(outcome, stored, now, &updated);
        json_object_set_new(shown, "entry", optional(mtasts_entry_text(updated, domain)));
    }
    mtasts_entry_free(updated);
    mtasts_entry_free(stored);
    mtasts_outcome_free(outcome);
    mtasts_lookup_free(lookup);
    mtasts_config_free(config);
    return shown;
}

static const char *const danes[] = {"not-applicable", "usable", "", "", "lookup-failed", NULL};

static mtasts_mx_host *read_host(const json_t *input, const char *key)
{
    mtasts_mx_host *host = NULL;
    if (mtasts_mx_host_new(text_of(input, key), &host, NULL))
        fail("a host has no name");
    mtasts_mx_host_set_dane(host, place(text_of(input, "dane"), danes));
    mtasts_mx_host_set_dnssec(host, is_true(input, "dnssec"));
    return host;
}

static json_t *row_shown(const mtasts_tlsrpt_row *row)
{
    return json_pack("{s:s, s:o, s:o}", "policy_type", mtasts_policy_type_word(mtasts_tlsrpt_row_policy_type(row)),
                     "result_type", optional(mtasts_result_type_word(mtasts_tlsrpt_row_result_type(row))), "reason",
                     code_of(mtasts_tlsrpt_row_reason(row)));
}

static json_t *mx_verdict_shown(const mtasts_mx_verdict *verdict)
{
    static const char *const decisions[] = {"?", "skip", "authenticate", "authenticate-by-dane",
                                            "encrypt", "opportunistic", "authenticate-by-both"};
    json_t *rows = json_array();
    json_t *shown = json_pack("{s:s}", "decision", decisions[mtasts_mx_verdict_decision(verdict)]);
    if (mtasts_mx_verdict_fault(verdict))
        json_object_set_new(shown, "fault", code_of(mtasts_mx_verdict_fault(verdict)));
    if (mtasts_mx_verdict_dns_id(verdict))
        json_object_set_new(shown, "dns_id", json_string(mtasts_mx_verdict_dns_id(verdict)));
    for (size_t index = 0; index < mtasts_mx_verdict_row_count(verdict); index++)
        json_array_append_new(rows, row_shown(mtasts_mx_verdict_row_get(verdict, index)));
    json_object_set_new(shown, "rows", rows);
    return shown;
}

static json_t *run_hosts(const mtasts_delivery *delivery, const json_t *inputs, json_t *shown)
{
    size_t count = json_array_size(inputs);
    mtasts_mx_host **hosts = calloc(count + 1, sizeof *hosts);
    json_t *verdicts = json_array();
    mtasts_mx_plan *plan = NULL;
    for (size_t index = 0; index < count; index++)
        hosts[index] = read_host(json_array_get(inputs, index), "name");
    if (mtasts_plan(delivery, (const mtasts_mx_host *const *)hosts, count, &plan) || mtasts_mx_plan_count(plan) != count)
        fail("no plan");
    for (size_t index = 0; index < count; index++) {
        mtasts_mx_verdict *alone = NULL;
        json_t *verdict = mx_verdict_shown(mtasts_mx_plan_get(plan, index)), *same;
        mtasts_check_mx(delivery, hosts[index], &alone);
        same = mx_verdict_shown(alone);
        if (!json_equal(verdict, same))
            fail("the plan differs from its hosts, taken one by one");
        json_decref(same);
        mtasts_mx_verdict_free(alone);
        mtasts_mx_host_free(hosts[index]);
        json_array_append_new(verdicts, verdict);
    }
    json_object_set_new(shown, "permits_none", json_boolean(mtasts_mx_plan_permits_none(plan)));
    mtasts_mx_plan_free(plan);
    free(hosts);
    return verdicts;
}

static json_t *run_session(const mtasts_delivery *delivery, const json_t *input)
{
    static const char *const results[] = {"",
                                          "not-offered",
                                          "refused",
                                          "handshake-failed",
                                          "version-too-old",
                                          "certificate-expired",
                                          "certificate-not-yet-valid",
                                          "certificate-host-mismatch",
                                          "certificate-not-trusted",
                                          "certificate-not-checked",
                                          "authenticated",
                                          NULL};
    static const char *const dane_results[] = {"not-checked", "passed", "failed", NULL};
    mtasts_mx_host *host = read_host(input, "host");
    mtasts_session_verdict *verdict = NULL;
    json_t *rows = json_array(), *shown;
    if (mtasts_check_session(delivery, host, place(text_of(input, "tls"), results),
                             place(text_of(input, "dane_result"), dane_results), is_true(input, "requiretls"), &verdict))
        fail("no verdict");
    for (size_t index = 0; index < mtasts_session_verdict_row_count(verdict); index++)
        json_array_append_new(rows, row_shown(mtasts_session_verdict_row_get(verdict, index)));
    shown = json_pack("{s:s, s:o, s:o}", "decision",
                      mtasts_session_verdict_decision(verdict) == MTASTS_SESSION_DELIVER ? "deliver" : "try-next-mx",
                      "fault", code_of(mtasts_session_verdict_fault(verdict)), "rows", rows);
    mtasts_session_verdict_free(verdict);
    mtasts_mx_host_free(host);
    return shown;
}

static json_t *run_conclude(const mtasts_delivery *delivery, const json_t *input)
{
    static const char *const lifetimes[] = {"", "running", "over", NULL};
    static const char *const rechecks[] = {"", "unchanged", "changed", "no-longer-bound", "not-checked", NULL};
    static const char *const words[] = {"?", "defer", "recheck-policy", "", "", "", "try-again"};
    const json_t *hosts = json_object_get(input, "hosts");
    mtasts_status faults[64];
    size_t count = json_array_size(hosts);
    mtasts_conclusion conclusion = 0;
    for (size_t index = 0; index < count && index < 64; index++) {
        const char *word = json_string_value(json_array_get(hosts, index));
        faults[index] = strcmp(word, "unavailable") == 0 ? 0 : status_of(word, 901, 999);
    }
    if (mtasts_conclude(delivery, faults, count, place(text_of(input, "lifetime"), lifetimes),
                        place(text_of(input, "recheck"), rechecks), &conclusion))
        fail("no conclusion");
    if (mtasts_conclusion_enhanced_status(conclusion))
        return json_pack("{s:s}", "bounce", mtasts_conclusion_enhanced_status(conclusion));
    return json_string(words[conclusion]);
}

static mtasts_message_facts facts_of(const json_t *message)
{
    mtasts_message_facts facts = 0;
    if (is_true(message, "requiretls"))
        facts |= MTASTS_FACT_REQUIRETLS;
    if (is_true(message, "tls_required_no"))
        facts |= MTASTS_FACT_TLS_REQUIRED_NO;
    if (is_true(message, "null_reverse_path"))
        facts |= MTASTS_FACT_NULL_REVERSE_PATH;
    return facts;
}

static json_t *run_delivery(const json_t *input)
{
    static const char *const minimums[] = {"opportunistic", "encrypted", "authenticated", NULL};
    static const char *const precedences[] = {"both", "dane-decides", NULL};
    const json_t *values = json_object_get(input, "tls_required_values"), *body = json_object_get(input, "policy");
    const json_t *message = json_object_get(input, "message"), *sessions = json_object_get(input, "sessions");
    mtasts_policy *policy = NULL;
    mtasts_delivery *delivery;
    json_t *shown = json_object();
    if (values) {
        size_t count;
        mtasts_bytes *fields = read_list(values, &count);
        json_object_set_new(shown, "tls_required_no", json_boolean(mtasts_tls_required_no(fields, count)));
        free_list(fields, count);
        return shown;
    }
    if (!json_is_null(body))
        policy = parse_policy(body);
    if (policy && is_true(input, "policy_unknown"))
        fail("a policy is not known, and there");
    delivery = policy                              ? mtasts_delivery_under(policy)
               : is_true(input, "policy_unknown") ? mtasts_delivery_undetermined()
                                                  : mtasts_delivery_without_policy();
    mtasts_policy_free(policy);
    mtasts_delivery_set_message(delivery, mtasts_message_tls(facts_of(message)));
    mtasts_delivery_set_minimum(delivery, place(text_of(input, "minimum"), minimums));
    mtasts_delivery_set_dane_precedence(delivery, place(text_of(input, "dane_precedence"), precedences));
    mtasts_delivery_set_tlsrpt_report(delivery, is_true(input, "tlsrpt_report"));
    if (json_object_get(input, "hosts"))
        json_object_set_new(shown, "hosts", run_hosts(delivery, json_object_get(input, "hosts"), shown));
    if (sessions) {
        json_t *verdicts = json_array();
        for (size_t index = 0; index < json_array_size(sessions); index++)
            json_array_append_new(verdicts, run_session(delivery, json_array_get(sessions, index)));
        json_object_set_new(shown, "sessions", verdicts);
    }
    if (json_object_get(input, "conclude"))
        json_object_set_new(shown, "conclusion", run_conclude(delivery, json_object_get(input, "conclude")));
    mtasts_delivery_free(delivery);
    return shown;
}

static json_t *run_tlsrpt(const json_t *input)
{
    const char *failure = text_of(input, "failure"), *list = text_of(input, "list");
    const char *wanted = text_of(input, "result_type") ? text_of(input, "result_type") : text_of(input, "policy_type");
    const char *(*word_of)(uint32_t) = text_of(input, "result_type") || (list && strcmp(list, "result-types") == 0)
                                           ? mtasts_result_type_word
                                           : mtasts_policy_type_word;
    json_t *words = json_array();
    if (failure) {
        mtasts_status status = 501;
        while (status < 999 && strcmp(mtasts_status_code(status), failure) != 0)
            status++;
        json_decref(words);
        return json_pack("{s:i, s:o}", "number", status, "result_type",
                         optional(mtasts_result_type_word(mtasts_status_result_type(status))));
    }
    /* Words are written, not read, by who reports: the number of one is found among all. */
    for (uint32_t number = 0; number < 1000; number++) {
        const char *word = word_of(number);
        if (word && wanted && strcmp(word, wanted) == 0) {
            json_decref(words);
            return json_pack("{s:i}", "number", number);
        }
        if (word)
            json_array_append_new(words, json_string(word));
    }
    if (list)
        return json_pack("{s:o}", "words", words);
    json_decref(words);
    return json_pack("{s:s}", "error", "unknown-word");
}

/* The strings of a list, which stay the list's. */
static const char **read_names(const json_t *list, size_t *count)
{
    const char **names = calloc(json_array_size(list) + 1, sizeof *names);
    for (*count = 0; *count < json_array_size(list); (*count)++)
        names[*count] = json_string_value(json_array_get(list, *count));
    return names;
}

static json_t *run_postfix(const json_t *input)
{
    static const char *const forms[] = {"basic", "extended", "extended-with-testing", NULL};
    const json_t *hosts = json_object_get(input, "mx_hosts");
    const char *domain = text_of(input, "domain"), *text;
    uint32_t form = place(text_of(input, "form"), forms);
    mtasts_policy *policy = parse_policy(json_object_get(input, "policy"));
    mtasts_postfix_answer *answer = NULL;
    mtasts_error *error = NULL;
    mtasts_status status;
    json_t *shown;
    if (hosts) {
        size_t count;
        const char **names = read_names(hosts, &count);
        status = mtasts_postfix_tls_policy_for_hosts(policy, domain, names, count, form, &answer, &error);
        free(names);
    } else {
        status = mtasts_postfix_tls_policy(policy, domain, form, &answer, &error);
    }
    text = mtasts_postfix_answer_text(answer);
    if (status)
        shown = json_pack("{s:s}", "error", mtasts_error_code(error));
    else
        shown = json_pack("{s:o, s:o}", "answer", optional(text), "length",
                          text ? json_integer((json_int_t)strlen(text)) : json_null());
    mtasts_error_free(error);
    mtasts_postfix_answer_free(answer);
    mtasts_policy_free(policy);
    return shown;
}

static json_t *run_lint(const json_t *input)
{
    static const char *const severities[] = {"?", "info", "warning", "error"};
    const json_t *config_input = json_object_get(input, "config"), *response = json_object_get(input, "response");
    mtasts_findings *findings = NULL;
    mtasts_status status;
    json_t *list = json_array();
    size_t count;
    const json_t *hosts = json_object_get(input, "mx_hosts");
    const char **names = read_names(hosts, &count);
    if (response) {
        mtasts_config *config = read_config(config_input);
        octets body = read_octets(json_object_get(response, "body"));
        char *content_type = content_type_of(response);
        status = hosts ? mtasts_lint_response_for_hosts((uint16_t)number_of(response, "status"), content_type, body.data,
                                                        body.len, config, names, count, &findings, NULL)
                       : mtasts_lint_response((uint16_t)number_of(response, "status"), content_type, body.data, body.len,
                                              config, &findings, NULL);
        free(content_type);
        free(body.data);
        mtasts_config_free(config);
    } else if (json_object_get(input, "tlsrpt_record")) {
        octets txt = read_octets(json_object_get(input, "tlsrpt_record"));
        status = mtasts_lint_tlsrpt_record(txt.data, txt.len, &findings, NULL);
        free(txt.data);
    } else if (json_object_get(input, "tlsrpt_rrs")) {
        const json_t *ttl = json_object_get(input, "ttl");
        size_t rr_count;
        mtasts_bytes *rrs = read_list(json_object_get(input, "tlsrpt_rrs"), &rr_count);
        status = mtasts_lint_tlsrpt_rrset(rrs, rr_count, text_of(input, "domain"), ttl ? json_integer_value(ttl) : -1,
                                          json_is_true(json_object_get(input, "has_mta_sts")), &findings, NULL);
        free_list(rrs, rr_count);
    } else if (json_object_get(input, "report")) {
        octets report = read_octets(json_object_get(input, "report"));
        int grammar = place(text_of(config_input, "strictness"), strictnesses) == MTASTS_STRICTNESS_ABNF ? MTASTS_REPORT_STRICT
                                                                                                         : MTASTS_REPORT_TOLERANT;
        status = mtasts_lint_report(report.data, report.len, grammar, &findings, NULL);
        free(report.data);
    } else if (json_object_get(input, "rrs")) {
        size_t rr_count;
        mtasts_bytes *rrs = read_list(json_object_get(input, "rrs"), &rr_count);
        status = mtasts_lint_rrset(rrs, rr_count, &findings, NULL);
        free_list(rrs, rr_count);
    } else {
        const json_t *record = json_object_get(input, "record");
        octets text = read_octets(record ? record : json_object_get(input, "policy"));
        status = record  ? mtasts_lint_record(text.data, text.len, &findings, NULL)
                 : hosts ? mtasts_lint_policy_for_hosts(text.data, text.len,
                                                        place(text_of(config_input, "strictness"), strictnesses), names,
                                                        count, &findings, NULL)
                         : mtasts_lint_policy(text.data, text.len, place(text_of(config_input, "strictness"), strictnesses),
                                             &findings, NULL);
        free(text.data);
    }
    free(names);
    if (status)
        fail("nothing is looked at");
    for (size_t index = 0; index < mtasts_findings_count(findings); index++) {
        const mtasts_finding *finding = mtasts_findings_get(findings, index);
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:i, s:[I, I], s:s, s:s}", "code", mtasts_finding_code(finding), "severity",
                            severities[mtasts_finding_severity(finding)], "line", (int)mtasts_finding_line(finding), "span",
                            (json_int_t)mtasts_finding_start(finding), (json_int_t)mtasts_finding_end(finding), "message",
                            mtasts_finding_message(finding), "help", mtasts_finding_help(finding)));
    }
    mtasts_findings_free(findings);
    return json_pack("{s:I, s:o}", "count", (json_int_t)json_array_size(list), "findings", list);
}

static mtasts_cache *new_cache(const json_t *config)
{
    const json_t *max_entries = json_object_get(config, "max_entries"), *unused_for = json_object_get(config, "unused_for");
    const json_t *max_octets = json_object_get(config, "max_octets");
    mtasts_cache *cache = NULL;
    /* To C, 0 is the default: nothing is refreshed that is unused for a second, as little as for none. */
    if (mtasts_cache_new(number_of(config, "seed"), (size_t)json_integer_value(max_entries),
                         (size_t)json_integer_value(max_octets),
                         unused_for && !json_integer_value(unused_for) ? 1 : (uint64_t)json_integer_value(unused_for), &cache))
        fail("no cache");
    return cache;
}

/*
 * An outcome with the update of the vector. Only a lookup makes one: a lookup at the time, and with the answers, that
 * lead to it.
 */
static mtasts_outcome *outcome_with(const json_t *update, const char *domain, uint64_t at)
{
    static const char protected[] = "version: STSv1\nmode: none\nmax_age: 86400\n";
    enum { TTL = 300 };
    const char *kind = json_object_iter_key(json_object_iter((json_t *)update)), *id = "1";
    const json_t *value = json_object_get(update, kind);
    const int checked = strcmp(kind, "checked") == 0, stores = strcmp(kind, "store") == 0;
    const int backs_off = strcmp(kind, "back-off") == 0;
    uint64_t until = stores ? number_of(value, "checked_until") : json_object_get(value, "until") ? number_of(value, "until") : at + TTL;
    uint64_t asked_at = stores ? number_of(value, "fetched_at") : checked ? number_of(value, "checked_at")
                      : backs_off ? number_of(value, "requested_at") : until - TTL;
    const uint32_t ttl = (uint32_t)(until - asked_at);
    mtasts_config *config = mtasts_config_new();
    mtasts_lookup *lookup = NULL;
    mtasts_outcome *outcome = NULL;
    mtasts_entry *entry = NULL;
    mtasts_status status = MTASTS_OK;
    char txt[64];
    mtasts_bytes rr;
    if (text_of(value, "id"))
        id = text_of(value, "id");
    if (checked || strcmp(kind, "keep") == 0) {
        mtasts_policy *policy = NULL;
        mtasts_policy_parse((const uint8_t *)protected, sizeof protected - 1, &policy, NULL);
        if (mtasts_entry_new(policy, id, asked_at, checked ? 0 : until, &entry, NULL))
            fail("no entry to check");
        mtasts_policy_free(policy);
    }
    rr.data = (const uint8_t *)txt;
    rr.len = (size_t)snprintf(txt, sizeof txt, "v=STSv1; id=%s", id);
    if (backs_off && mtasts_config_set_back_off(config, until - asked_at))
        fail("no such back-off");
    if (mtasts_lookup_new(domain, MTASTS_PURPOSE_DELIVER, entry, asked_at, config, &lookup, NULL))
        fail("the lookup does not begin");
    mtasts_config_free(config);
    mtasts_entry_free(entry);
    if (strcmp(kind, "absent") == 0) {
        if (strcmp(text_of(value, "code"), "no-record") != 0)
            fail("a code is not known");
        status = mtasts_lookup_handle_txt_not_found(lookup, ttl, asked_at);
    } else if (strcmp(kind, "keep") != 0) {
        status = mtasts_lookup_handle_txt(lookup, &rr, 1, ttl, asked_at);
    }
    if (!status && backs_off) {
        status = mtasts_lookup_handle_fetch_failed(lookup, MTASTS_FETCH_TIMEOUT, asked_at);
    } else if (!status && stores) {
        octets body = read_octets(json_object_get(value, "policy"));
        status = mtasts_lookup_handle_response(lookup, 200, "text/plain", body.data, body.len, asked_at);
        free(body.data);
    }
    if (status || mtasts_lookup_finish(lookup, &outcome) || strcmp(update_words[mtasts_outcome_update_kind(outcome)], kind) != 0)
        fail("the lookup does not lead to the update");
    mtasts_lookup_free(lookup);
    return outcome;
}

static json_t *evicted_shown(mtasts_entries *evicted)
{
    const size_t count = mtasts_entries_count(evicted);
    json_t *shown = optional(mtasts_entries_domain(evicted, 0));
    if (count > 1) {
        json_decref(shown);
        shown = json_array();
        for (size_t index = 0; index < count; index++)
            json_array_append_new(shown, json_string(mtasts_entries_domain(evicted, index)));
    }
    mtasts_entries_free(evicted);
    return shown;
}

static json_t *entry_shown(mtasts_entry *entry, const char *domain)
{
    json_t *shown = optional(mtasts_entry_text(entry, domain));
    mtasts_entry_free(entry);
    return shown;
}

static mtasts_entries *entries_of(const mtasts_cache *cache)
{
    mtasts_entries *entries = NULL;
    if (mtasts_cache_entries(cache, &entries) || mtasts_entries_count(entries) != mtasts_cache_len(cache))
        fail("the entries are not those of the cache");
    return entries;
}

static json_t *domains_of(const mtasts_cache *cache)
{
    mtasts_entries *entries = entries_of(cache);
    json_t *domains = json_array();
    for (size_t index = 0; index < mtasts_entries_count(entries); index++)
        json_array_append_new(domains, json_string(mtasts_entries_domain(entries, index)));
    mtasts_entries_free(entries);
    return domains;
}

/* The function forgets without a word: what it forgot is what was there before. */
static json_t *remove_from(const mtasts_cache *cache, const char *domain)
{
    mtasts_entries *entries = entries_of(cache);
    json_t *shown = json_null();
    for (size_t index = 0; index < mtasts_entries_count(entries); index++)
        if (strcmp(mtasts_entries_domain(entries, index), domain) == 0)
            shown = json_string(mtasts_entry_text(mtasts_entries_get(entries, index), domain));
    mtasts_entries_free(entries);
    if (mtasts_cache_remove(cache, domain, NULL))
        fail("nothing can be removed");
    return shown;
}

static mtasts_cache *saved_and_loaded(mtasts_cache *cache, const json_t *config, uint64_t now)
{
    mtasts_entries *entries = entries_of(cache);
    mtasts_cache *loaded = new_cache(config);
    for (size_t index = 0; index < mtasts_entries_count(entries); index++) {
        const char *domain = mtasts_entries_domain(entries, index);
        const char *text = mtasts_entry_text(mtasts_entries_get(entries, index), domain);
        mtasts_entry *entry = NULL;
        if (mtasts_entry_parse((const uint8_t *)text, strlen(text), domain, &entry, NULL) ||
            mtasts_cache_insert(loaded, domain, entry, now, NULL, NULL))
            fail("what was saved cannot be loaded");
        mtasts_entry_free(entry);
    }
    mtasts_entries_free(entries);
    mtasts_cache_free(cache);
    return loaded;
}

static json_t *run_operation(mtasts_cache **cache, const char *operation, const json_t *value, const json_t *config, uint64_t now)
{
    const char *domain = json_is_string(value) ? json_string_value(value) : text_of(value, "domain");
    mtasts_entry *entry = NULL;
    mtasts_entries *evicted = NULL;
    mtasts_domain *due = NULL;
    mtasts_status status = MTASTS_OK;
    json_t *shown = NULL;
    if (strcmp(operation, "get") == 0) {
        status = mtasts_cache_get(*cache, domain, now, &entry, NULL);
        shown = entry_shown(entry, domain);
    } else if (strcmp(operation, "peek") == 0) {
        status = mtasts_cache_peek(*cache, domain, now, &entry, NULL);
        shown = entry_shown(entry, domain);
    } else if (strcmp(operation, "insert") == 0) {
        entry = read_entry(json_object_get(value, "entry"), domain);
        status = mtasts_cache_insert(*cache, domain, entry, now, &evicted, NULL);
        mtasts_entry_free(entry);
        shown = evicted_shown(evicted);
    } else if (strcmp(operation, "apply") == 0) {
        mtasts_outcome *outcome = outcome_with(json_object_get(value, "update"), domain, now);
        status = mtasts_cache_apply(*cache, domain, outcome, now, &evicted, NULL);
        mtasts_outcome_free(outcome);
        shown = evicted_shown(evicted);
    } else if (strcmp(operation, "remove") == 0) {
        shown = remove_from(*cache, domain);
    } else if (strcmp(operation, "remove_expired") == 0) {
        status = mtasts_cache_remove_expired(*cache, now, &evicted);
        shown = evicted_shown(evicted);
    } else if (strcmp(operation, "poll_refresh") == 0) {
        status = mtasts_cache_poll_refresh(*cache, now, &due);
        shown = optional(mtasts_domain_text(due));
        mtasts_domain_free(due);
    } else if (strcmp(operation, "poll_timeout") == 0) {
        uint64_t timeout = mtasts_cache_poll_timeout(*cache);
        shown = timeout == UINT64_MAX ? json_null() : json_integer((json_int_t)timeout);
    } else if (strcmp(operation, "domains") == 0) {
        shown = domains_of(*cache);
    } else if (strcmp(operation, "save_and_load") == 0) {
        *cache = saved_and_loaded(*cache, config, now);
        shown = json_null();
    } else {
        fail("an operation is not known");
    }
    if (status)
        fail("an operation of the cache failed");
    return shown;
}

/* Two bounds may stand in place of a time. */
int gives_as_expected(json_t *expected, json_t *actual)
{
    if (json_object_get(expected, "from"))
        return json_is_integer(actual) && json_integer_value(actual) >= (json_int_t)number_of(expected, "from") &&
               json_integer_value(actual) <= (json_int_t)number_of(expected, "to");
    return covers(expected, actual);
}

static json_t *run_cache(const json_t *input)
{
    const json_t *config = json_object_get(input, "config"), *steps = json_object_get(input, "steps");
    const json_t *max_entries = json_object_get(config, "max_entries");
    mtasts_cache *cache;
    json_t *shown;
    /* A cache without room protects nothing: in C an argument that was forgotten must not make one. */
    if (max_entries && json_integer_value(max_entries) == 0)
        return NULL;
    cache = new_cache(config);
    shown = json_object();
    for (size_t index = 0; index < json_array_size(steps) && json_object_size(shown) == 0; index++) {
        const json_t *step = json_array_get(steps, index);
        json_t *todo = json_object_get(step, "do");
        const char *operation = json_object_iter_key(json_object_iter(todo));
        json_t *gives = run_operation(&cache, operation, json_object_get(todo, operation), config, number_of(step, "at"));
        if (!gives_as_expected(json_object_get(step, "gives"), gives))
            json_object_set_new(shown, "step", json_pack("{s:I, s:O}", "number", (json_int_t)index + 1, "gives", gives));
        json_decref(gives);
    }
    if (json_object_size(shown) == 0)
        json_object_set_new(shown, "domains", domains_of(cache));
    mtasts_cache_free(cache);
    return shown;
}

static const struct {
    const char *room;
    /* All that an input may have: what is not known must not be passed over. */
    const char *members;
    /* NULL for what C has no words for. */
    json_t *(*run)(const json_t *);
} rooms[] = {
    {"cache", " config steps ", run_cache},
    {"datagram", " datagram ", run_datagram},
    {"delivery", " conclude dane_precedence hosts message minimum policy policy_unknown sessions tls_required_values tlsrpt_report ", run_delivery},
    {"draft", " domain hosts max_age mode wildcards ", run_draft},
    {"entry", " domain text times spread ", run_entry},
    {"hint", " policy_type reason result_type ", run_hint},
    {"lint", " config domain has_mta_sts mx_hosts policy record report response rrs tlsrpt_record tlsrpt_rrs ttl ", run_lint},
    {"lookup", " config domain entry meanwhile now purpose steps ", run_lookup},
    {"mail", " file_name mail sender subject ", run_mail},
    {"mx", " dns_id host pattern policy ", run_mx},
    {"name", " domain host recipient ", run_name},
    {"plan", " facts history now target ", run_plan},
    {"policy", " body strictness ", run_policy},
    {"postfix", " domain form mx_hosts policy ", run_postfix},
    {"ready", " live mended now reports rules since ", run_ready},
    {"record", " txt ", run_record},
    {"report", " domain json limits ", run_report},
    {"report-written", " contact id organization period policies ", run_report_written},
    {"response", " config response ", run_response},
    {"rrset", " rrs ", run_rrset},
    {"tally", " config steps ", run_tally},
    {"tlsrpt", " failure list policy_type result_type ", run_tlsrpt},
    {"tlsrpt-record", " domain rrs txt ", run_tlsrpt_record},
};

/* Whether the actual value is as expected. It may have members that nobody expects; a text may be expected as octets. */
int covers(json_t *expected, json_t *actual)
{
    if (json_is_object(expected) && json_is_object(actual)) {
        const char *key;
        json_t *value;
        json_object_foreach(expected, key, value) {
            if (!json_object_get(actual, key) || !covers(value, json_object_get(actual, key)))
                return 0;
        }
        return 1;
    }
    if (json_is_array(expected) && json_is_array(actual)) {
        if (json_array_size(expected) != json_array_size(actual))
            return 0;
        for (size_t index = 0; index < json_array_size(expected); index++)
            if (!covers(json_array_get(expected, index), json_array_get(actual, index)))
                return 0;
        return 1;
    }
    if (json_is_string(actual) && (json_is_array(expected) || json_is_object(expected))) {
        octets text = read_octets(expected);
        int same = text.len == json_string_length(actual) && memcmp(text.data, json_string_value(actual), text.len) == 0;
        free(text.data);
        return same;
    }
    return json_equal(expected, actual);
}

/*
 * jansson's integers are signed: the greatest uint64_t, which stands for a time without end, is read as -1, and the time
 * that the library gives back becomes the same. The cases are counted as lines, too, so that none gets lost.
 */
static json_t *load(const char *path, unsigned *cases)
{
    static const char greatest[] = "18446744073709551615", begin[] = "\n    {\"id\": ";
    const size_t digits = sizeof greatest - 1;
    octets text = {NULL, 0};
    char buffer[4096];
    size_t got;
    int quoted = 0;
    json_error_t problem;
    json_t *file;
    FILE *stream = fopen(path, "r");
    if (!stream)
        fail(path);
    while ((got = fread(buffer, 1, sizeof buffer, stream)) > 0)
        append(&text, buffer, got);
    fclose(stream);
    for (size_t at = 0; at < text.len; at++) {
        char *rest = (char *)text.data + at;
        *cases += strncmp(rest, begin, sizeof begin - 1) == 0;
        if (quoted && *rest == '\\')
            at++;
        else if (*rest == '"')
            quoted = !quoted;
        else if (!quoted && text.len - at >= digits && memcmp(rest, greatest, digits) == 0)
            memcpy(rest, "-1                  ", digits);
    }
    file = json_loadb((char *)text.data, text.len, JSON_ALLOW_NUL, &problem);
    if (!file)
        fprintf(stderr, "%s:%d: %s\n", path, problem.line, problem.text);
    free(text.data);
    return file;
}

static void refuse_unknown_members(const json_t *input, const char *known)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)input, key, value) {
        char word[64];
        snprintf(word, sizeof word, " %s ", key);
        if (!strstr(known, word))
            fail("an input has a member that is not known");
    }
}

struct counts {
    unsigned in_text, executed, unspeakable, failed;
};

static void run_file(const char *path, struct counts *counts)
{
    json_t *file = load(path, &counts->in_text);
    json_t *cases = json_object_get(file, "cases");
    const char *room = text_of(file, "room");
    size_t number = 0;
    if (!cases || !room)
        fail(path);
    while (number < sizeof rooms / sizeof rooms[0] && strcmp(rooms[number].room, room) != 0)
        number++;
    if (number == sizeof rooms / sizeof rooms[0])
        fail("a room is not known");
    for (size_t index = 0; index < json_array_size(cases); index++) {
        const json_t *one = json_array_get(cases, index), *input = json_object_get(one, "input");
        json_t *actual;
        refuse_unknown_members(input, rooms[number].members);
        actual = rooms[number].run(input);
        if (!actual) {
            printf("conformance: not to be said in C: %s\n", text_of(one, "id"));
            counts->unspeakable++;
            continue;
        }
        counts->executed++;
        if (!covers(json_object_get(one, "expected"), actual)) {
            char *shown = json_dumps(actual, JSON_COMPACT | JSON_ENCODE_ANY);
            char *wanted = json_dumps(json_object_get(one, "expected"), JSON_COMPACT | JSON_ENCODE_ANY);
            fprintf(stderr, "%s:\n  expected %.600s\n  actual   %.600s\n", text_of(one, "id"), wanted, shown);
            free(wanted);
            free(shown);
            counts->failed++;
        }
        json_decref(actual);
    }
    json_decref(file);
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *file;
    struct counts counts = {0, 0, 0, 0};
    if (!folder)
        fail("which folder?");
    while ((file = readdir(folder))) {
        size_t len = strlen(file->d_name);
        char path[4096];
        if (len < 5 || strcmp(file->d_name + len - 5, ".json") != 0 || strcmp(file->d_name, "schema.json") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], file->d_name);
        run_file(path, &counts);
    }
    closedir(folder);
    printf("conformance: %u cases, %u executed, %u failed\n", counts.in_text, counts.executed, counts.failed);
    return counts.failed || !counts.executed || counts.executed + counts.unspeakable != counts.in_text;
}
