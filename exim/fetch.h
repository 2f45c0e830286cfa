/* The one HTTPS GET for a policy (RFC 8461, 3.3): no redirect, no proxy, bounded in time and length. */
#ifndef EXIM_MTASTS_FETCH_H
#define EXIM_MTASTS_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include <mtasts.h>

struct fetched {
    /* MTASTS_OK when the host answered, whatever it said; else one of MTASTS_FETCH_. */
    mtasts_status failure;
    uint16_t http_status;
    char content_type[256];
    int has_content_type;
    uint8_t *body;
    size_t len;
};

/* `addresses` as dns_query_addresses gives them; `ca_file` may be NULL for the system's. Free the result's body. */
void fetch_policy(const char *url, const char *host, const char *addresses, const char *ca_file, int timeout_ms,
                  size_t max_body_len, struct fetched *answer);

#endif
