/* Questions to DNS, each within a deadline: TXT records with their TTL, and the addresses of a Policy Host. */
#ifndef EXIM_MTASTS_DNS_H
#define EXIM_MTASTS_DNS_H

#include <stddef.h>
#include <stdint.h>

#include <mtasts.h>

/* More TXT records than any domain has at this name; what is beyond them is not read. */
#define DNS_MAX_RRS 64

struct dns_txt {
    /* MTASTS_OK when DNS answered, if only that there are none; else one of MTASTS_TXT_. */
    mtasts_status failure;
    /* Of the records, or of their absence, in seconds. */
    uint32_t ttl;
    /* One for each RR, its character-strings joined; from malloc. */
    mtasts_bytes rrs[DNS_MAX_RRS];
    size_t count;
};

/* Asks for the TXT records of an absolute name. Free the result with dns_txt_free. */
void dns_query_txt(const char *name, int timeout_ms, struct dns_txt *answer);
void dns_txt_free(struct dns_txt *answer);

/* The addresses of a host as text, set off by commas, IPv6 in brackets: what CURLOPT_RESOLVE takes. At most 8.
   MTASTS_OK, or one of MTASTS_FETCH_. */
mtasts_status dns_query_addresses(const char *host, int timeout_ms, char *list, size_t size);

#endif
