/*
 * Eight threads on one cache: each looks up domains, remembers them and reads them back, while one refreshes.
 */
#include "check.h"
#include <mtasts.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 8
#define ROUNDS 200

static const uint64_t now = 1700000000;
static mtasts_cache *cache;
static const mtasts_policy *shared_policy;

static mtasts_outcome *run(const char *domain, const mtasts_entry *entry, uint32_t purpose)
{
    static const char txt[] = "v=STSv1; id=1";
    static const char body[] = "version: STSv1\nmode: enforce\nmx: *.example.test\nmax_age: 604800\n";
    mtasts_bytes rr = {(const uint8_t *)txt, sizeof txt - 1};
    mtasts_lookup *lookup = NULL;
    mtasts_outcome *outcome = NULL;
    CHECK(mtasts_lookup_new(domain, purpose, entry, now, NULL, &lookup, NULL) == MTASTS_OK);
    for (uint32_t what; (what = mtasts_lookup_poll_output(lookup)) == MTASTS_OUTPUT_QUERY_TXT || what == MTASTS_OUTPUT_FETCH_POLICY;)
        if (what == MTASTS_OUTPUT_QUERY_TXT)
            CHECK(mtasts_lookup_handle_txt(lookup, &rr, 1, 300, now) == MTASTS_OK);
        else
            CHECK(mtasts_lookup_handle_response(lookup, 200, "text/plain", (const uint8_t *)body, sizeof body - 1, now) ==
                  MTASTS_OK);
    CHECK(mtasts_lookup_finish(lookup, &outcome) == MTASTS_OK);
    mtasts_lookup_free(lookup);
    return outcome;
}

#ifdef RACE
/* What the header forbids, to see that ThreadSanitizer would tell of it. */
static mtasts_delivery *shared_delivery;
#endif

static void *work(void *argument)
{
    const int thread = (int)(intptr_t)argument;
    for (int round = 0; round < ROUNDS; round++) {
        char domain[64];
        mtasts_entry *entry = NULL;
        mtasts_entries *evicted = NULL;
        mtasts_domain *due = NULL;
        snprintf(domain, sizeof domain, "d%d.test", (round + thread) % 40);
        CHECK(mtasts_cache_get(cache, domain, now, &entry, NULL) == MTASTS_OK);
        mtasts_outcome *outcome = run(domain, entry, MTASTS_PURPOSE_DELIVER);
        CHECK(mtasts_policy_matches_mx(mtasts_outcome_policy(outcome), "mx.example.test") == 1);
        CHECK(mtasts_cache_apply(cache, domain, outcome, now, &evicted, NULL) == MTASTS_OK);
        mtasts_entries_free(evicted);
        mtasts_outcome_free(outcome);
        mtasts_entry_free(entry);
        CHECK(mtasts_cache_poll_refresh(cache, now + 86400, &due) == MTASTS_OK);
        mtasts_domain_free(due);
        /* A policy that all threads share, its texts made by whoever is first. */
        CHECK(strcmp(mtasts_policy_mx_get(shared_policy, 0), "*.example.test") == 0);
        CHECK(mtasts_cache_len(cache) <= 16);
#ifdef RACE
        mtasts_delivery_set_tlsrpt_report(shared_delivery, 1);
#endif
    }
    return NULL;
}

int main(void)
{
    static const char body[] = "version: STSv1\nmode: enforce\nmx: *.example.test\nmax_age: 604800\n";
    pthread_t threads[THREADS];
    mtasts_policy *policy = NULL;
    mtasts_entries *entries = NULL;
    CHECK(mtasts_policy_parse((const uint8_t *)body, sizeof body - 1, &policy, NULL) == MTASTS_OK);
    shared_policy = policy;
#ifdef RACE
    shared_delivery = mtasts_delivery_under(policy);
#endif
#ifdef __SANITIZE_THREAD__
    /* That a OnceLock is filled happens in Rust's standard library, where ThreadSanitizer does not see it. */
    CHECK(mtasts_policy_mx_get(shared_policy, 0) != NULL);
#endif
    CHECK(mtasts_cache_new(7, 16, 0, 0, &cache) == MTASTS_OK);
    for (int thread = 0; thread < THREADS; thread++)
        CHECK(pthread_create(&threads[thread], NULL, work, (void *)(intptr_t)thread) == 0);
    for (int thread = 0; thread < THREADS; thread++)
        CHECK(pthread_join(threads[thread], NULL) == 0);
    CHECK(mtasts_cache_len(cache) == 16);

    /* Saved and loaded again, it holds the same. */
    CHECK(mtasts_cache_entries(cache, &entries) == MTASTS_OK);
    mtasts_cache *loaded = NULL;
    CHECK(mtasts_cache_new(8, 0, 0, 0, &loaded) == MTASTS_OK);
    for (size_t index = 0; index < mtasts_entries_count(entries); index++) {
        const char *domain = mtasts_entries_domain(entries, index);
        const char *text = mtasts_entry_text(mtasts_entries_get(entries, index), domain);
        mtasts_entry *entry = NULL, *found = NULL;
        CHECK(mtasts_entry_parse((const uint8_t *)text, strlen(text), domain, &entry, NULL) == MTASTS_OK);
        CHECK(mtasts_cache_insert(loaded, domain, entry, now, NULL, NULL) == MTASTS_OK);
        CHECK(mtasts_cache_peek(loaded, domain, now, &found, NULL) == MTASTS_OK);
        CHECK(strcmp(mtasts_entry_text(found, domain), text) == 0);
        mtasts_entry_free(entry);
        mtasts_entry_free(found);
    }
    CHECK(mtasts_cache_len(loaded) == 16);
    mtasts_cache_free(loaded);
    mtasts_entries_free(entries);
    mtasts_cache_free(cache);
    mtasts_policy_free(policy);
    puts("threads: ok");
    return 0;
}
