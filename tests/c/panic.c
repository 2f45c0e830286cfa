/*
 * A bug of the library, seen from C: a status and an error, an object that can only be freed, and nothing else touched.
 * Built against a library with the feature "panic-on-demand".
 */
#include "check.h"
#include <mtasts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern mtasts_status mtasts_cache_panic(const mtasts_cache *cache, mtasts_error **error);

static void check_error(mtasts_error **error, mtasts_status status, const char *code)
{
    CHECK(*error && mtasts_error_status(*error) == status);
    CHECK(strcmp(mtasts_error_code(*error), code) == 0 && strcmp(mtasts_status_code(status), code) == 0);
    CHECK(strcmp(mtasts_error_message(*error), mtasts_status_message(status)) == 0);
    CHECK(mtasts_error_line(*error) == 0 && mtasts_error_offset(*error) == 0);
    mtasts_error_free(*error);
    *error = NULL;
}

int main(void)
{
    const uint64_t now = 1700000000;
    mtasts_cache *broken = NULL, *whole = NULL;
    mtasts_entry *entry = NULL, *found = NULL;
    mtasts_entries *entries = NULL;
    mtasts_domain *domain = NULL;
    mtasts_error *error = NULL;
    CHECK(mtasts_cache_new(1, 0, 0, 0, &broken) == MTASTS_OK && mtasts_cache_new(2, 0, 0, 0, &whole) == MTASTS_OK);
    CHECK(mtasts_entry_parse((const uint8_t *)"mta-sts-entry 1\n\n", 17, "a.test", &entry, NULL) == MTASTS_OK);
    CHECK(mtasts_cache_insert(broken, "a.test", entry, now, NULL, NULL) == MTASTS_OK);

    CHECK(mtasts_cache_panic(broken, &error) == MTASTS_ERR_PANIC);
    check_error(&error, MTASTS_ERR_PANIC, "panic");

    /* Every call says so from then on, and writes no result. */
    CHECK(mtasts_cache_panic(broken, NULL) == MTASTS_ERR_POISONED);
    CHECK(mtasts_cache_get(broken, "a.test", now, &found, &error) == MTASTS_ERR_POISONED && !found);
    check_error(&error, MTASTS_ERR_POISONED, "poisoned");
    CHECK(mtasts_cache_peek(broken, "a.test", now, &found, NULL) == MTASTS_ERR_POISONED && !found);
    CHECK(mtasts_cache_insert(broken, "a.test", entry, now, &entries, NULL) == MTASTS_ERR_POISONED && !entries);
    CHECK(mtasts_cache_remove(broken, "a.test", NULL) == MTASTS_ERR_POISONED);
    CHECK(mtasts_cache_remove_expired(broken, now, &entries) == MTASTS_ERR_POISONED && !entries);
    CHECK(mtasts_cache_poll_refresh(broken, now, &domain) == MTASTS_ERR_POISONED && !domain);
    CHECK(mtasts_cache_entries(broken, &entries) == MTASTS_ERR_POISONED && !entries);
    CHECK(mtasts_cache_len(broken) == 0 && mtasts_cache_poll_timeout(broken) == UINT64_MAX);

    /* Another object, and the same thread, are as they were. */
    CHECK(mtasts_cache_insert(whole, "a.test", entry, now, NULL, NULL) == MTASTS_OK);
    CHECK(mtasts_cache_len(whole) == 1);
    mtasts_entry_free(entry);
    mtasts_cache_free(broken);
    mtasts_cache_free(whole);
    puts("panic: ok");
    return 0;
}
