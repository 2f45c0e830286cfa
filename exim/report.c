#define _GNU_SOURCE
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dns.h"

/* DNS has the record from before, or is not waited for. */
#define RECORD_TIMEOUT_MS 1000
/* How often a loss is told of. */
#define TELL_SECONDS 3600

static int is_off(const struct reporting *reporting)
{
    return reporting->socket == NULL || reporting->socket[0] == '\0';
}

/* Counts a datagram that was lost, in a file that all processes share, and tells of it once an hour. */
static void lose(const struct reporting *reporting, const char *domain, const char *why)
{
    char path[PATH_MAX], text[64] = "";
    struct stat about;
    unsigned long long lost = 0, told_at = 0, now = (unsigned long long)time(NULL);
    int file, len;
    if (snprintf(path, sizeof path, "%s/.tlsrpt-lost", reporting->directory) >= (int)sizeof path)
        return;
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0)
        return;
    /* Root may be the first, and whoever owns the folder counts on. */
    if (geteuid() == 0 && stat(reporting->directory, &about) == 0)
        (void)!fchown(file, about.st_uid, about.st_gid);
    (void)!fchmod(file, 0644);
    /* Another process that counts at this moment is not waited for. */
    if (flock(file, LOCK_EX | LOCK_NB) == 0) {
        if (pread(file, text, sizeof text - 1, 0) > 0)
            sscanf(text, "%llu %llu", &lost, &told_at);
        lost++;
        if (told_at > now || now - told_at >= TELL_SECONDS) {
            reporting->tell(domain, "TLSRPT: %s: %s (%llu datagrams lost so far)", reporting->socket, why, lost);
            told_at = now;
        }
        len = snprintf(text, sizeof text, "%llu %llu\n", lost, told_at);
        (void)!pwrite(file, text, (size_t)len, 0);
    }
    close(file);
}

/* Sends a datagram, or loses it: nothing is waited for. */
static void send_datagram(const struct reporting *reporting, const char *domain, const mtasts_datagram *datagram)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    mtasts_text *json = NULL;
    mtasts_error *error = NULL;
    size_t len = strlen(reporting->socket);
    int sender = -1;
    if (mtasts_datagram_event_count(datagram) == 0)
        return;
    if (mtasts_datagram_json(datagram, &json, &error) != MTASTS_OK)
        lose(reporting, domain, mtasts_error_message(error));
    else if (len >= sizeof to.sun_path)
        lose(reporting, domain, strerror(ENAMETOOLONG));
    else if (memcpy(to.sun_path, reporting->socket, len),
             (sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0
             || sendto(sender, mtasts_text_string(json), mtasts_text_len(json), MSG_DONTWAIT | MSG_NOSIGNAL,
                       (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1)) < 0)
        lose(reporting, domain, strerror(errno));
    if (sender >= 0)
        close(sender);
    mtasts_text_free(json);
    mtasts_error_free(error);
}

/* The TLSRPT record of a domain, from malloc. NULL if it has none, and is to be told nothing; a loss if DNS fails. */
static char *record_of(const struct reporting *reporting, const char *domain)
{
    mtasts_domain *parsed = NULL;
    mtasts_tlsrpt_record *record = NULL;
    struct dns_txt txt = { 0 };
    char *text = NULL;
    const char *name;
    if (mtasts_domain_parse(domain, &parsed, NULL) != MTASTS_OK || (name = mtasts_tlsrpt_txt_name(parsed)) == NULL) {
        mtasts_domain_free(parsed);
        return NULL;
    }
    dns_query_txt(name, RECORD_TIMEOUT_MS, &txt);
    if (txt.failure != MTASTS_OK)
        lose(reporting, domain, mtasts_status_message(txt.failure));
    else if (mtasts_tlsrpt_record_select(txt.rrs, txt.count, &record, NULL) == MTASTS_OK)
        for (size_t index = 0; index < txt.count && text == NULL; index++) {
            mtasts_tlsrpt_record *one = NULL;
            if (mtasts_tlsrpt_record_parse(txt.rrs[index].data, txt.rrs[index].len, &one, NULL) == MTASTS_OK)
                text = strndup((const char *)txt.rrs[index].data, txt.rrs[index].len);
            mtasts_tlsrpt_record_free(one);
        }
    dns_txt_free(&txt);
    mtasts_tlsrpt_record_free(record);
    mtasts_domain_free(parsed);
    return text;
}

/* A datagram about a domain, to be filled and sent; NULL if the domain wants no reports. */
static mtasts_datagram *datagram_about(const struct reporting *reporting, const char *domain)
{
    mtasts_datagram *datagram = NULL;
    char *record = record_of(reporting, domain);
    if (record != NULL)
        mtasts_datagram_new(domain, record, &datagram, NULL);
    free(record);
    return datagram;
}

void report_outcome(const struct reporting *reporting, const char *domain, const mtasts_outcome *outcome)
{
    mtasts_datagram *datagram = NULL;
    mtasts_event *event = NULL;
    if (is_off(reporting) || mtasts_event_of_outcome(domain, outcome, &event, NULL) != MTASTS_OK || event == NULL)
        return;
    /* Beside a cached policy there is no session to tell of. */
    if (mtasts_event_has_failed(event) && (datagram = datagram_about(reporting, domain)) != NULL
        && mtasts_datagram_add(datagram, event))
        send_datagram(reporting, domain, datagram);
    mtasts_datagram_free(datagram);
    mtasts_event_free(event);
}

static void add_row(mtasts_datagram *datagram, const char *domain, const mtasts_policy *policy, const mtasts_tlsrpt_row *row,
                    const struct session *session)
{
    mtasts_event *event = NULL;
    if (mtasts_event_of_row(domain, row, policy, session->host, &event, NULL) != MTASTS_OK)
        return;
    /* What Exim does not know is empty, and no address. */
    if (session->helo != NULL)
        mtasts_event_set_helo(event, session->helo);
    mtasts_event_set_receiving_ip(event, session->address);
    mtasts_event_set_sending_ip(event, session->sending_address);
    mtasts_datagram_add(datagram, event);
    mtasts_event_free(event);
}

void report_forbidden(const struct reporting *reporting, const char *domain, const mtasts_policy *policy, const char *hosts)
{
    mtasts_delivery *delivery = mtasts_delivery_under(policy);
    mtasts_datagram *datagram = NULL;
    char *list = is_off(reporting) ? NULL : strdup(hosts), *rest = list, *name;
    while (list != NULL && (name = strsep(&rest, "\n")) != NULL) {
        struct session none = { .host = name, .address = "", .sending_address = "" };
        mtasts_mx_host *host = NULL;
        mtasts_mx_verdict *verdict = NULL;
        if (name[0] != '\0' && mtasts_mx_host_new(name, &host, NULL) == MTASTS_OK
            && mtasts_check_mx(delivery, host, &verdict) == MTASTS_OK
            && mtasts_mx_verdict_decision(verdict) == MTASTS_MX_SKIP
            && (datagram != NULL || (datagram = datagram_about(reporting, domain)) != NULL))
            for (size_t row = 0; row < mtasts_mx_verdict_row_count(verdict); row++)
                add_row(datagram, domain, policy, mtasts_mx_verdict_row_get(verdict, row), &none);
        /* A domain without a record is not asked for it again. */
        else if (verdict != NULL && mtasts_mx_verdict_decision(verdict) == MTASTS_MX_SKIP)
            rest = NULL;
        mtasts_mx_verdict_free(verdict);
        mtasts_mx_host_free(host);
    }
    if (datagram != NULL)
        send_datagram(reporting, domain, datagram);
    mtasts_datagram_free(datagram);
    mtasts_delivery_free(delivery);
    free(list);
}

void report_session(const struct reporting *reporting, const char *domain, const mtasts_policy *policy,
                    const struct session *session)
{
    mtasts_delivery *delivery = policy != NULL ? mtasts_delivery_under(policy) : mtasts_delivery_without_policy();
    mtasts_datagram *datagram = NULL;
    mtasts_mx_host *host = NULL;
    mtasts_session_verdict *verdict = NULL;
    mtasts_dane_result dane = MTASTS_DANE_RESULT_NOT_CHECKED;
    if (!is_off(reporting) && mtasts_mx_host_new(session->host, &host, NULL) == MTASTS_OK) {
        if (session->has_dane) {
            mtasts_mx_host_set_dane(host, MTASTS_DANE_USABLE);
            mtasts_delivery_set_dane_precedence(delivery, MTASTS_DANE_PRECEDENCE_DANE_DECIDES);
            dane = MTASTS_DANE_RESULT_PASSED;
        }
        if (mtasts_check_session(delivery, host, session->tls, dane, 0, &verdict) == MTASTS_OK
            && mtasts_session_verdict_row_count(verdict) > 0 && (datagram = datagram_about(reporting, domain)) != NULL) {
            for (size_t row = 0; row < mtasts_session_verdict_row_count(verdict); row++)
                add_row(datagram, domain, policy, mtasts_session_verdict_row_get(verdict, row), session);
            send_datagram(reporting, domain, datagram);
        }
    }
    mtasts_datagram_free(datagram);
    mtasts_session_verdict_free(verdict);
    mtasts_mx_host_free(host);
    mtasts_delivery_free(delivery);
}
