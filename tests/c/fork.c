/*
 * A process with one thread forks in the midst of a lookup: both sides end it, each on its own.
 */
#include "check.h"
#include <mtasts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    static const char txt[] = "v=STSv1; id=1";
    static const char body[] = "version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n";
    const uint64_t now = 1700000000;
    mtasts_bytes rr = {(const uint8_t *)txt, sizeof txt - 1};
    mtasts_lookup *lookup = NULL;
    mtasts_outcome *outcome = NULL;
    mtasts_cache *cache = NULL;
    mtasts_entry *entry = NULL;
    CHECK(mtasts_cache_new(1, 0, 0, 0, &cache) == MTASTS_OK);
    CHECK(mtasts_lookup_new("example.test", MTASTS_PURPOSE_DELIVER, NULL, now, NULL, &lookup, NULL) == MTASTS_OK);
    CHECK(mtasts_lookup_handle_txt(lookup, &rr, 1, 300, now) == MTASTS_OK);
    pid_t child = fork();
    CHECK(child >= 0);
    /* Only the parent is told of a failure: the two come to different outcomes. */
    if (child == 0)
        CHECK(mtasts_lookup_handle_response(lookup, 200, "text/plain", (const uint8_t *)body, sizeof body - 1, now) ==
              MTASTS_OK);
    else
        CHECK(mtasts_lookup_handle_fetch_failed(lookup, MTASTS_FETCH_TIMEOUT, now) == MTASTS_OK);
    CHECK(mtasts_lookup_finish(lookup, &outcome) == MTASTS_OK);
    CHECK(mtasts_cache_apply(cache, "example.test", outcome, now, NULL, NULL) == MTASTS_OK);
    CHECK(mtasts_cache_get(cache, "example.test", now, &entry, NULL) == MTASTS_OK);
    CHECK(mtasts_entry_is_valid(entry, now) == (child == 0));
    CHECK((mtasts_outcome_policy(outcome) != NULL) == (child == 0));
    mtasts_entry_free(entry);
    mtasts_outcome_free(outcome);
    mtasts_lookup_free(lookup);
    mtasts_cache_free(cache);
    if (child != 0) {
        int status = 0;
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        puts("fork: ok");
    }
    return 0;
}
