/* What the files of the conformance runner share. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <jansson.h>
#include <mtasts.h>

typedef struct {
    uint8_t *data;
    size_t len;
} octets;

/* Ends the program: the vectors, or this runner, are wrong. */
void fail(const char *why);

/* The same, where a call has failed that must not. */
void check(mtasts_status status);

/* Octets as the vectors write them, to be freed, with a NUL behind them. */
octets read_octets(const json_t *value);

/* Adds octets behind others, with a NUL behind them. */
void append(octets *to, const void *data, size_t len);

const char *text_of(const json_t *object, const char *key);
uint64_t number_of(const json_t *object, const char *key);
int is_true(const json_t *object, const char *key);

/* A string, or null. */
json_t *optional(const char *text);

/* Frees the error. */
json_t *error_shown(mtasts_error *error, int with_result_type);

/* Whether the actual value is as expected; it may have members that nobody expects. */
int covers(json_t *expected, json_t *actual);

/* The same of what a step gives: two bounds may stand in place of a time. */
int gives_as_expected(json_t *expected, json_t *actual);

/* The rooms of conformance-publish.c. */
json_t *run_draft(const json_t *input);
json_t *run_plan(const json_t *input);

/* The rooms of conformance-tlsrpt.c; NULL for what C has no words for. */
json_t *run_datagram(const json_t *input);
json_t *run_hint(const json_t *input);
json_t *run_mail(const json_t *input);
json_t *run_ready(const json_t *input);
json_t *run_report(const json_t *input);
json_t *run_report_written(const json_t *input);
json_t *run_tally(const json_t *input);

#endif
