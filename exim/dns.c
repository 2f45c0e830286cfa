#define _GNU_SOURCE
// c-ares has called these functions deprecated since 1.28. Debian 12 has 1.18, which lacks the new ones.
#define CARES_NO_DEPRECATED
#include "dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>

#define MAX_CNAMES 8

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int is_absence(int status)
{
    return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

static mtasts_status txt_failure(int status)
{
    switch (status) {
    case ARES_ETIMEOUT: case ARES_ECONNREFUSED: return MTASTS_TXT_DNS_TIMEOUT;
    case ARES_ESERVFAIL: return MTASTS_TXT_DNS_SERVFAIL;
    default: return is_absence(status) ? MTASTS_OK : MTASTS_TXT_DNS_UNUSABLE;
    }
}

/* A channel of its own for each question: nothing is left open in a process that forks. */
static int open_channel(ares_channel *channel, int timeout_ms)
{
    struct ares_options options = { .timeout = timeout_ms / 4 > 3000 ? 3000 : timeout_ms / 4 + 1, .tries = 2,
                                    .lookups = (char *)"b" };
    return ares_init_options(channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS);
}

/* Runs the channel until `done` or the deadline. */
static void run(ares_channel channel, const int *done, int64_t deadline)
{
    while (!*done) {
        fd_set readers, writers;
        int64_t left = deadline - now_ms();
        struct timeval limit = { left / 1000, left % 1000 * 1000 }, soon, *wait;
        int highest;
        if (left <= 0)
            return;
        FD_ZERO(&readers);
        FD_ZERO(&writers);
        highest = ares_fds(channel, &readers, &writers);
        wait = ares_timeout(channel, &limit, &soon);
        if (select(highest, &readers, &writers, NULL, wait) < 0) {
            FD_ZERO(&readers);
            FD_ZERO(&writers);
        }
        ares_process(channel, &readers, &writers);
    }
}

struct txt_question {
    struct dns_txt *answer;
    const char *name;
    int done;
};

static void read_txt(struct dns_txt *answer, const ns_rr *rr)
{
    const uint8_t *at = ns_rr_rdata(*rr), *end = at + ns_rr_rdlen(*rr);
    uint8_t *text = malloc(ns_rr_rdlen(*rr) + 1u);
    size_t len = 0;
    if (text == NULL || answer->count == DNS_MAX_RRS) {
        free(text);
        return;
    }
    while (at < end && at + 1 + *at <= end) {
        memcpy(text + len, at + 1, *at);
        len += *at;
        at += 1 + *at;
    }
    answer->rrs[answer->count].data = text;
    answer->rrs[answer->count++].len = len;
}

/* RFC 2308, 5: how long an absence may be kept. */
static uint32_t negative_ttl(ns_msg *message)
{
    for (int index = 0; index < ns_msg_count(*message, ns_s_ns); index++) {
        ns_rr rr;
        if (ns_parserr(message, ns_s_ns, index, &rr) == 0 && ns_rr_type(rr) == ns_t_soa && ns_rr_rdlen(rr) >= 20) {
            uint32_t minimum = ns_get32(ns_rr_rdata(rr) + ns_rr_rdlen(rr) - 4);
            return minimum < ns_rr_ttl(rr) ? minimum : ns_rr_ttl(rr);
        }
    }
    return 0;
}

static void on_txt(void *argument, int status, int timeouts, unsigned char *bytes, int len)
{
    struct txt_question *question = argument;
    struct dns_txt *answer = question->answer;
    char target[NS_MAXDNAME];
    ns_msg message;
    (void)timeouts;
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED)
        return;
    question->done = 1;
    answer->failure = status == ARES_SUCCESS ? MTASTS_OK : txt_failure(status);
    if (bytes == NULL || ns_initparse(bytes, len, &message) != 0)
        return;
    if (status != ARES_SUCCESS) {
        answer->ttl = is_absence(status) ? negative_ttl(&message) : 0;
        return;
    }
    answer->ttl = UINT32_MAX;
    snprintf(target, sizeof target, "%s", question->name);
    /* Along the CNAMEs, which may stand in any order. */
    for (int followed = 0; followed <= MAX_CNAMES && answer->count == 0; followed++) {
        char next[NS_MAXDNAME] = "";
        for (int index = 0; index < ns_msg_count(message, ns_s_an); index++) {
            ns_rr rr;
            if (ns_parserr(&message, ns_s_an, index, &rr) != 0 || strcasecmp(ns_rr_name(rr), target) != 0)
                continue;
            if (ns_rr_type(rr) == ns_t_txt)
                read_txt(answer, &rr);
            else if (ns_rr_type(rr) == ns_t_cname)
                ns_name_uncompress(bytes, bytes + len, ns_rr_rdata(rr), next, sizeof next);
            else
                continue;
            if (ns_rr_ttl(rr) < answer->ttl)
                answer->ttl = ns_rr_ttl(rr);
        }
        if (next[0] == '\0')
            break;
        snprintf(target, sizeof target, "%s", next);
    }
    if (answer->count == 0)
        answer->ttl = negative_ttl(&message);
}

void dns_query_txt(const char *name, int timeout_ms, struct dns_txt *answer)
{
    struct txt_question question = { answer, name, 0 };
    ares_channel channel;
    memset(answer, 0, sizeof *answer);
    answer->failure = MTASTS_TXT_DNS_TIMEOUT;
    if (open_channel(&channel, timeout_ms) != ARES_SUCCESS) {
        answer->failure = MTASTS_TXT_DNS_LOCAL_FAULT;
        return;
    }
    ares_query(channel, name, ns_c_in, ns_t_txt, on_txt, &question);
    run(channel, &question.done, now_ms() + timeout_ms);
    ares_destroy(channel);
}

void dns_txt_free(struct dns_txt *answer)
{
    for (size_t index = 0; index < answer->count; index++)
        free((void *)answer->rrs[index].data);
    answer->count = 0;
}

struct address_question {
    mtasts_status status;
    char *list;
    size_t size;
    int done;
};

static void on_addresses(void *argument, int status, int timeouts, struct ares_addrinfo *found)
{
    struct address_question *question = argument;
    size_t used = 0;
    int count = 0;
    (void)timeouts;
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED)
        return;
    question->done = 1;
    question->status = status == ARES_SUCCESS     ? MTASTS_OK
                       : is_absence(status) ? MTASTS_FETCH_POLICY_HOST_NOT_FOUND
                       /* Nobody runs the server that this machine asks, or the machine is out of memory. */
                       : status == ARES_ECONNREFUSED || status == ARES_ENOMEM ? MTASTS_FETCH_LOCAL_FAULT
                                                                              : MTASTS_FETCH_POLICY_HOST_DNS_FAILED;
    if (found == NULL)
        return;
    for (struct ares_addrinfo_node *node = found->nodes; node != NULL && count < 8; node = node->ai_next) {
        char text[INET6_ADDRSTRLEN];
        int is_ipv6 = node->ai_family == AF_INET6, wrote;
        const void *address = is_ipv6 ? (const void *)&((const struct sockaddr_in6 *)node->ai_addr)->sin6_addr
                                      : (const void *)&((const struct sockaddr_in *)node->ai_addr)->sin_addr;
        if (inet_ntop(node->ai_family, address, text, sizeof text) == NULL)
            continue;
        wrote = snprintf(question->list + used, question->size - used, "%s%s%s%s", count ? "," : "",
                         is_ipv6 ? "[" : "", text, is_ipv6 ? "]" : "");
        if (wrote < 0 || (size_t)wrote >= question->size - used)
            break;
        used += (size_t)wrote;
        count++;
    }
    ares_freeaddrinfo(found);
    if (question->status == MTASTS_OK && count == 0)
        question->status = MTASTS_FETCH_POLICY_HOST_NOT_FOUND;
}

mtasts_status dns_query_addresses(const char *host, int timeout_ms, char *list, size_t size)
{
    struct address_question question = { MTASTS_FETCH_POLICY_HOST_DNS_FAILED, list, size, 0 };
    struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    char absolute[NS_MAXDNAME];
    ares_channel channel;
    list[0] = '\0';
    if (open_channel(&channel, timeout_ms) != ARES_SUCCESS)
        return MTASTS_FETCH_LOCAL_FAULT;
    /* With its dot no search list applies. */
    snprintf(absolute, sizeof absolute, "%s.", host);
    ares_getaddrinfo(channel, absolute, NULL, &hints, on_addresses, &question);
    run(channel, &question.done, now_ms() + timeout_ms);
    ares_destroy(channel);
    return question.status;
}
