/*
 * A process with several threads forks while they use a cache, and this thread is in the midst of a lookup. The child ends
 * the lookup, which was no other thread's, with a cache of its own, and leaves the shared one alone.
 */
#include <mtasts.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, FORKS = 20 };

#define CHECK(condition)                                                                            \
    do {                                                                                            \
        if (!(condition)) {                                                                         \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                         \
            _exit(1);                                                                               \
        }                                                                                           \
    } while (0)

static const uint64_t now = 1700000000;
static mtasts_cache *shared;
static atomic_int stop;

static void *use_the_cache(void *argument)
{
    static const char text[] = "mta-sts-entry 1\nchecked-until: 1700000300\nid: 1\nfetched-at: 1700000000\n"
                               "policy-length: 65\n\n"
                               "version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n";
    const char *domain = argument;
    while (!atomic_load(&stop)) {
        mtasts_entry *entry = NULL, *found = NULL;
        CHECK(mtasts_entry_parse((const uint8_t *)text, sizeof text - 1, domain, &entry, NULL) == MTASTS_OK);
        CHECK(mtasts_cache_insert(shared, domain, entry, now, NULL, NULL) == MTASTS_OK);
        CHECK(mtasts_cache_get(shared, domain, now, &found, NULL) == MTASTS_OK && found);
        mtasts_entry_free(found);
        mtasts_entry_free(entry);
    }
    return NULL;
}

static void end_in_child(mtasts_lookup *lookup)
{
    static const char body[] = "version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n";
    mtasts_cache *own = NULL;
    mtasts_outcome *outcome = NULL;
    mtasts_entry *entry = NULL;
    /* Should a lock have been taken along, the alarm ends the wait for it. */
    alarm(60);
    CHECK(mtasts_lookup_handle_response(lookup, 200, "text/plain", (const uint8_t *)body, sizeof body - 1, now) == MTASTS_OK);
    CHECK(mtasts_lookup_finish(lookup, &outcome) == MTASTS_OK);
    CHECK(mtasts_cache_new(2, 0, 0, 0, &own) == MTASTS_OK);
    CHECK(mtasts_cache_apply(own, "example.test", outcome, now, NULL, NULL) == MTASTS_OK);
    CHECK(mtasts_cache_get(own, "example.test", now, &entry, NULL) == MTASTS_OK);
    CHECK(mtasts_entry_is_valid(entry, now) == 1);
    _exit(0);
}

int main(void)
{
    static const char *const domains[THREADS] = {"a.test", "b.test", "c.test", "d.test"};
    static const char txt[] = "v=STSv1; id=1";
    mtasts_bytes rr = {(const uint8_t *)txt, sizeof txt - 1};
    pthread_t threads[THREADS];
    mtasts_lookup *lookup = NULL;
    CHECK(mtasts_cache_new(1, 0, 0, 0, &shared) == MTASTS_OK);
    CHECK(mtasts_lookup_new("example.test", MTASTS_PURPOSE_DELIVER, NULL, now, NULL, &lookup, NULL) == MTASTS_OK);
    CHECK(mtasts_lookup_handle_txt(lookup, &rr, 1, 300, now) == MTASTS_OK);
    for (int thread = 0; thread < THREADS; thread++)
        CHECK(pthread_create(&threads[thread], NULL, use_the_cache, (void *)(uintptr_t)domains[thread]) == 0);
    for (int round = 0; round < FORKS; round++) {
        int status = 0;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            end_in_child(lookup);
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&stop, 1);
    for (int thread = 0; thread < THREADS; thread++)
        CHECK(pthread_join(threads[thread], NULL) == 0);
    /* To the parent, nothing has happened. */
    CHECK(mtasts_cache_len(shared) == THREADS && mtasts_lookup_poll_output(lookup) == MTASTS_OUTPUT_FETCH_POLICY);
    mtasts_lookup_free(lookup);
    mtasts_cache_free(shared);
    puts("fork-threads: ok");
    return 0;
}
