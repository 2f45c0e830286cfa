/*
 * What cannot be said of a session, and the way from a host that fails to a message that is returned.
 */
#include "check.h"
#include <mtasts.h>
#include <string.h>

static const char enforce[] = "version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n";
static const char testing[] = "version: STSv1\nmode: testing\nmx: mx.example.test\nmax_age: 604800\n";

/* What a lookup comes to after this record (none for NULL, a timeout for "") and this policy (a timeout for NULL). */
static mtasts_outcome *look_up(const char *id, const char *body, mtasts_purpose purpose, const mtasts_entry *entry, uint64_t now)
{
    mtasts_lookup *lookup = NULL;
    mtasts_outcome *outcome = NULL;
    CHECK(mtasts_lookup_new("example.test", purpose, entry, now, NULL, &lookup, NULL) == MTASTS_OK);
    if (mtasts_lookup_poll_output(lookup) == MTASTS_OUTPUT_QUERY_TXT) {
        mtasts_bytes rr = {(const uint8_t *)id, id ? strlen(id) : 0};
        mtasts_status status = !id    ? mtasts_lookup_handle_txt_not_found(lookup, 0, now)
                               : !*id ? mtasts_lookup_handle_txt_failed(lookup, MTASTS_TXT_DNS_TIMEOUT, now)
                                      : mtasts_lookup_handle_txt(lookup, &rr, 1, 0, now);
        CHECK(status == MTASTS_OK);
    }
    if (mtasts_lookup_poll_output(lookup) == MTASTS_OUTPUT_FETCH_POLICY && body)
        CHECK(mtasts_lookup_handle_response(lookup, 200, "text/plain", (const uint8_t *)body, strlen(body), now) == MTASTS_OK);
    else if (mtasts_lookup_poll_output(lookup) == MTASTS_OUTPUT_FETCH_POLICY)
        CHECK(mtasts_lookup_handle_fetch_failed(lookup, MTASTS_FETCH_TIMEOUT, now) == MTASTS_OK);
    CHECK(mtasts_lookup_finish(lookup, &outcome) == MTASTS_OK);
    mtasts_lookup_free(lookup);
    return outcome;
}

static mtasts_mx_host *host_with(const char *name, mtasts_dane dane)
{
    mtasts_mx_host *host = NULL;
    CHECK(mtasts_mx_host_new(name, &host, NULL) == MTASTS_OK && mtasts_mx_host_set_dane(host, dane) == MTASTS_OK);
    return host;
}

/* Frees the delivery. */
static mtasts_mx_decision decision_of(mtasts_delivery *delivery, const mtasts_mx_host *host, mtasts_status fault)
{
    mtasts_mx_verdict *verdict = NULL;
    mtasts_mx_decision decision;
    CHECK(mtasts_check_mx(delivery, host, &verdict) == MTASTS_OK && mtasts_mx_verdict_fault(verdict) == fault);
    decision = mtasts_mx_verdict_decision(verdict);
    CHECK((mtasts_mx_verdict_dns_id(verdict) != NULL) ==
          (decision == MTASTS_MX_AUTHENTICATE || decision == MTASTS_MX_AUTHENTICATE_BY_DANE ||
           decision == MTASTS_MX_AUTHENTICATE_BY_BOTH));
    mtasts_mx_verdict_free(verdict);
    mtasts_delivery_free(delivery);
    return decision;
}

/* DANE has nothing to say without TLS, and no message goes to a host with TLSA records unless they have passed. */
static void check_sessions(const mtasts_delivery *delivery)
{
    for (mtasts_dane dane = 0; dane <= MTASTS_DANE_LOOKUP_FAILED; dane += dane ? 3 : 1) {
        mtasts_mx_host *host = host_with("mx.example.test", dane);
        for (mtasts_tls tls = 0; tls <= MTASTS_TLS_AUTHENTICATED + 1; tls++) {
            for (mtasts_dane_result result = 0; result <= MTASTS_DANE_RESULT_FAILED + 1; result++) {
                int is_tls = tls > MTASTS_TLS_VERSION_TOO_OLD && tls <= MTASTS_TLS_AUTHENTICATED;
                int is_known = is_tls ? result <= MTASTS_DANE_RESULT_FAILED : tls > 0 && tls <= 4 && result == 0;
                mtasts_session_verdict *verdict = NULL;
                mtasts_status status = mtasts_check_session(delivery, host, tls, result, 0, &verdict);
                CHECK(status == (is_known ? MTASTS_OK : MTASTS_ERR_ARGUMENT));
                CHECK((verdict != NULL) == is_known);
                if (mtasts_session_verdict_decision(verdict) == MTASTS_SESSION_DELIVER) {
                    CHECK(dane != MTASTS_DANE_LOOKUP_FAILED && result != MTASTS_DANE_RESULT_FAILED);
                    CHECK(dane != MTASTS_DANE_USABLE || (is_tls && result == MTASTS_DANE_RESULT_PASSED));
                }
                mtasts_session_verdict_free(verdict);
            }
        }
        /* The numbers of a result are none of a host. */
        CHECK(mtasts_mx_host_set_dane(host, 2) == MTASTS_ERR_ARGUMENT && mtasts_mx_host_set_dane(host, 3) == MTASTS_ERR_ARGUMENT);
        mtasts_mx_host_free(host);
    }
}

/* What becomes of a message whose only host failed. */
static mtasts_conclusion concluded(const mtasts_delivery *delivery, mtasts_queue_lifetime lifetime, mtasts_recheck recheck)
{
    const mtasts_status hosts[] = {MTASTS_FAULT_MX_MISMATCH};
    mtasts_conclusion conclusion = 0;
    CHECK(mtasts_conclude(delivery, hosts, 1, lifetime, recheck, &conclusion) == MTASTS_OK);
    return conclusion;
}

int main(void)
{
    const uint64_t now = 1700000000, later = now + 3600;
    mtasts_outcome *fetched = look_up("v=STSv1; id=1", enforce, MTASTS_PURPOSE_DELIVER, NULL, now);
    mtasts_outcome *none = look_up(NULL, NULL, MTASTS_PURPOSE_DELIVER, NULL, now);
    mtasts_outcome *unknown = look_up("", NULL, MTASTS_PURPOSE_DELIVER, NULL, now);
    mtasts_mx_host *plain = host_with("mx.example.test", MTASTS_DANE_NOT_APPLICABLE);
    mtasts_mx_host *usable = host_with("mx.example.test", MTASTS_DANE_USABLE);
    mtasts_delivery *delivery = mtasts_delivery_of(fetched), *free_one = mtasts_delivery_without_policy();
    mtasts_entry *entry = NULL;
    mtasts_conclusion conclusion = 77;
    const struct {
        const char *id, *body;
        mtasts_recheck recheck;
        mtasts_record_check record_check;
        mtasts_conclusion conclusion;
    } rechecks[] = {
        {"v=STSv1; id=1", NULL, MTASTS_RECHECK_UNCHANGED, MTASTS_RECORD_CHECK_CURRENT, MTASTS_CONCLUSION_BOUNCE_DELIVERY_TIME_EXPIRED},
        {"v=STSv1; id=2", testing, MTASTS_RECHECK_CHANGED, MTASTS_RECORD_CHECK_CURRENT, MTASTS_CONCLUSION_TRY_AGAIN},
        {"v=STSv1; id=2", NULL, MTASTS_RECHECK_NOT_CHECKED, MTASTS_RECORD_CHECK_FAILED, MTASTS_CONCLUSION_DEFER},
        {"", NULL, MTASTS_RECHECK_NOT_CHECKED, MTASTS_RECORD_CHECK_FAILED, MTASTS_CONCLUSION_DEFER},
    };
    mtasts_recheck recheck;

    /* Not to know is not to have none. */
    CHECK(decision_of(mtasts_delivery_of(fetched), plain, 0) == MTASTS_MX_AUTHENTICATE);
    CHECK(decision_of(mtasts_delivery_of(none), plain, 0) == MTASTS_MX_OPPORTUNISTIC);
    CHECK(decision_of(mtasts_delivery_of(unknown), plain, MTASTS_FAULT_POLICY_UNKNOWN) == MTASTS_MX_SKIP);
    CHECK(decision_of(mtasts_delivery_of(NULL), plain, MTASTS_FAULT_POLICY_UNKNOWN) == MTASTS_MX_SKIP);
    CHECK(decision_of(mtasts_delivery_under(mtasts_outcome_policy(fetched)), plain, 0) == MTASTS_MX_AUTHENTICATE);
    CHECK(decision_of(mtasts_delivery_under(NULL), plain, MTASTS_FAULT_POLICY_UNKNOWN) == MTASTS_MX_SKIP);
    CHECK(decision_of(mtasts_delivery_undetermined(), plain, MTASTS_FAULT_POLICY_UNKNOWN) == MTASTS_MX_SKIP);
    CHECK(decision_of(mtasts_delivery_without_policy(), plain, 0) == MTASTS_MX_OPPORTUNISTIC);
    CHECK(decision_of(mtasts_delivery_of(fetched), usable, 0) == MTASTS_MX_AUTHENTICATE_BY_BOTH);
    CHECK(decision_of(mtasts_delivery_of(none), usable, 0) == MTASTS_MX_AUTHENTICATE_BY_DANE);

    check_sessions(delivery);
    check_sessions(free_one);

    CHECK(mtasts_outcome_apply(fetched, NULL, now, &entry) == MTASTS_OK);
    CHECK(concluded(delivery, MTASTS_QUEUE_RUNNING, MTASTS_RECHECK_NONE) == MTASTS_CONCLUSION_DEFER);
    CHECK(concluded(delivery, MTASTS_QUEUE_OVER, MTASTS_RECHECK_NONE) == MTASTS_CONCLUSION_RECHECK_POLICY);
    for (size_t index = 0; index < sizeof rechecks / sizeof *rechecks; index++) {
        mtasts_outcome *outcome = look_up(rechecks[index].id, rechecks[index].body, MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE, entry, later);
        recheck = mtasts_delivery_recheck(delivery, outcome);
        CHECK(recheck == rechecks[index].recheck && mtasts_outcome_record_check(outcome) == rechecks[index].record_check);
        CHECK(concluded(delivery, MTASTS_QUEUE_OVER, recheck) == rechecks[index].conclusion);
        mtasts_outcome_free(outcome);
    }
    /* The policy has expired, and the domain has none any more. */
    recheck = mtasts_delivery_recheck(delivery, none);
    CHECK(recheck == MTASTS_RECHECK_NO_LONGER_BOUND);
    CHECK(concluded(delivery, MTASTS_QUEUE_OVER, recheck) == MTASTS_CONCLUSION_TRY_AGAIN);
    CHECK(mtasts_delivery_recheck(delivery, unknown) == MTASTS_RECHECK_NOT_CHECKED);
    CHECK(mtasts_delivery_recheck(delivery, NULL) == MTASTS_RECHECK_NOT_CHECKED);
    CHECK(mtasts_delivery_recheck(NULL, fetched) == MTASTS_RECHECK_NOT_CHECKED);
    CHECK(mtasts_outcome_record_check(NULL) == MTASTS_RECORD_CHECK_NOT_MADE);
    CHECK(mtasts_conclude(delivery, NULL, 0, MTASTS_QUEUE_OVER, 5, &conclusion) == MTASTS_ERR_ARGUMENT && conclusion == 77);
    CHECK(mtasts_conclude(delivery, NULL, 0, 3, MTASTS_RECHECK_NONE, &conclusion) == MTASTS_ERR_ARGUMENT && conclusion == 77);
    CHECK(!mtasts_conclusion_enhanced_status(MTASTS_CONCLUSION_TRY_AGAIN));

    mtasts_entry_free(entry), mtasts_delivery_free(delivery), mtasts_delivery_free(free_one);
    mtasts_mx_host_free(plain), mtasts_mx_host_free(usable);
    mtasts_outcome_free(fetched), mtasts_outcome_free(none), mtasts_outcome_free(unknown);
    puts("delivery: ok");
    return 0;
}
