/* What is told of sessions and policies to the program that counts for TLS reports (RFC 8460), as libtlsrpt tells it. */
#ifndef EXIM_MTASTS_REPORT_H
#define EXIM_MTASTS_REPORT_H

#include <mtasts.h>

/* Where the datagrams go, and how it is told that they do not arrive. */
struct reporting {
    /* A datagram socket of AF_UNIX; NULL or empty: nothing is told. */
    const char *socket;
    /* The folder of the entries; it keeps how many datagrams were lost. */
    const char *directory;
    /* Says something of a domain in the log. */
    void (*tell)(const char *domain, const char *format, ...);
};

/* One connection with an MX host. */
struct session {
    const char *host;
    const char *address, *sending_address;
    /* What the host calls itself: its answer to EHLO. */
    const char *helo;
    /* One of MTASTS_TLS_. */
    mtasts_tls tls;
    /* Whether DANE let the session pass. */
    int has_dane;
};

/* A lookup that failed, if its outcome says so. */
void report_outcome(const struct reporting *reporting, const char *domain, const mtasts_outcome *outcome);

/* The hosts of a list, a line each, that the policy forbids. */
void report_forbidden(const struct reporting *reporting, const char *domain, const mtasts_policy *policy, const char *hosts);

/* A session under a policy, or under none: NULL. */
void report_session(const struct reporting *reporting, const char *domain, const mtasts_policy *policy,
                    const struct session *session);

#endif
