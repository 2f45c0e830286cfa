/*
 * What an error tells after a failed call: the status, its word, one sentence, and the place in the input.
 */
#include "check.h"
#include <mtasts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frees the error. */
static void tells(mtasts_error *error, mtasts_status status, const char *code, uint32_t line, size_t offset)
{
    CHECK(error && status != MTASTS_OK && mtasts_error_status(error) == status);
    CHECK(strcmp(mtasts_error_code(error), code) == 0);
    CHECK(mtasts_error_line(error) == line && mtasts_error_offset(error) == offset);
    /* The sentence of the status, and the place where there is one. */
    CHECK(strncmp(mtasts_error_message(error), mtasts_status_message(status), strlen(mtasts_status_message(status))) == 0);
    if (line) {
        char place[64];
        snprintf(place, sizeof place, " (line %u, byte %zu)", line, offset);
        CHECK(strcmp(mtasts_error_message(error) + strlen(mtasts_status_message(status)), place) == 0);
    }
    mtasts_error_free(error);
}

int main(void)
{
    static const char body[] = "version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n";
    static const char bad_mode[] = "version: STSv1\nmode: maybe\nmx: mx.example.test\nmax_age: 604800\n";
    const uint8_t *octets = (const uint8_t *)body;
    char mark;
    mtasts_policy *policy = (mtasts_policy *)&mark, *good = NULL;
    mtasts_name *name = (mtasts_name *)&mark;
    mtasts_record *record = NULL;
    mtasts_entry *entry = NULL;
    mtasts_lookup *lookup = NULL;
    mtasts_report *report = NULL;
    mtasts_error *error = NULL;
    mtasts_status status;

    status = mtasts_policy_parse((const uint8_t *)bad_mode, sizeof bad_mode - 1, &policy, &error);
    tells(error, status, "bad-mode", 2, 21);
    /* A failed call leaves the result as it was, and can be asked for no error. */
    CHECK(policy == (mtasts_policy *)&mark);
    CHECK(mtasts_policy_parse((const uint8_t *)bad_mode, sizeof bad_mode - 1, &policy, NULL) == status);
    CHECK(policy == (mtasts_policy *)&mark);

    status = mtasts_policy_parse(NULL, 1, &policy, &error);
    tells(error, status, "null-argument", 0, 0);
    status = mtasts_policy_parse(octets, sizeof body - 1, NULL, &error);
    tells(error, status, "null-argument", 0, 0);
    status = mtasts_policy_parse_with(octets, sizeof body - 1, 7, &policy, &error);
    tells(error, status, "bad-argument", 0, 0);
    status = mtasts_policy_from_response(404, "text/plain", octets, sizeof body - 1, NULL, &policy, &error);
    CHECK(mtasts_status_result_type(status) == MTASTS_TLSRPT_STS_POLICY_FETCH_ERROR);
    tells(error, status, mtasts_status_code(status), mtasts_error_line(error), mtasts_error_offset(error));
    status = mtasts_policy_from_response(200, "text/plain", (const uint8_t *)bad_mode, sizeof bad_mode - 1, NULL, &policy, &error);
    CHECK(mtasts_status_result_type(status) == MTASTS_TLSRPT_STS_POLICY_INVALID);
    tells(error, status, "bad-mode", 2, 21);

    status = mtasts_name_parse("a.\xff.test", &name, &error);
    CHECK(name == (mtasts_name *)&mark);
    tells(error, status, "string-not-utf8", 1, 2);
    status = mtasts_name_parse(NULL, &name, &error);
    tells(error, status, "null-argument", 0, 0);
    status = mtasts_name_parse("a..test", &name, &error);
    tells(error, status, "empty-label", 1, 2);
    status = mtasts_record_select(NULL, 0, &record, &error);
    tells(error, status, "no-record", mtasts_error_line(error), 0);
    status = mtasts_lookup_new("example.test", 9, NULL, 0, NULL, &lookup, &error);
    tells(error, status, "bad-argument", 0, 0);

    /* A report has a member in place of a line. */
    status = mtasts_report_parse((const uint8_t *)"{\"policies\": [{\"policy\": {", 26, &report, &error);
    CHECK(status == MTASTS_ERR_JSON_ENDS_EARLY && !report && strcmp(mtasts_error_path(error), "policies[0].policy") == 0);
    CHECK(strstr(mtasts_error_message(error), " (policies[0].policy, byte 26)"));
    tells(error, status, "json-ends-early", 0, 26);
    status = mtasts_report_parse((const uint8_t *)"5", 1, &report, &error);
    CHECK(strcmp(mtasts_error_path(error), "") == 0 && strstr(mtasts_error_message(error), " (byte 0)"));
    tells(error, status, "report-not-an-object", 0, 0);
    status = mtasts_report_parse_with((const uint8_t *)"{\"policies\": []}", 16, MTASTS_REPORT_STRICT, 0, 0, 0, &report, &error);
    CHECK(status == MTASTS_DEVIATION_NO_POLICIES && !report && strcmp(mtasts_error_path(error), "policies") == 0);
    mtasts_error_free(error);
    CHECK(mtasts_report_parse_with((const uint8_t *)"{}", 2, 2, 0, 0, 0, &report, NULL) == MTASTS_ERR_ARGUMENT);
    CHECK(mtasts_error_path(NULL) == NULL);

    /* After all that failed, the same functions still do what they do; a good call writes no error. */
    error = (mtasts_error *)&mark;
    CHECK(mtasts_policy_parse(octets, sizeof body - 1, &good, &error) == MTASTS_OK && error == (mtasts_error *)&mark);
    CHECK(mtasts_entry_new(good, "no id", 0, 0, &entry, NULL) != MTASTS_OK && !entry);
    CHECK(mtasts_policy_matches_mx(good, "mx.example.test") == 1);
    mtasts_policy_free(good);
    puts("errors: ok");
    return 0;
}
