/*
 * MTA-STS for Exim: functions for ${dlfunc}. docs/exim.md has the configuration.
 *
 *     ${dlfunc{/usr/lib/exim4/exim-mtasts.so}{exim_mtasts}{DIRECTORY}{$domain}}
 *     ${dlfunc{/usr/lib/exim4/exim-mtasts.so}{exim_mtasts}{DIRECTORY}{$domain}{CA_FILE}}
 *     ${dlfunc{/usr/lib/exim4/exim-mtasts.so}{exim_mtasts}{DIRECTORY}{$domain}{CA_FILE}{SOCKET}{MX_HOSTS}}
 *
 * gives "mode=enforce ignore=LIST", "mode=testing ignore=", or "mode=none ignore=" where no policy applies: LIST, for
 * ignore_target_hosts, names every host but those that the policy covers. Exim defers if it cannot be known.
 * To SOCKET it is told, for TLS reports, that a policy could not be had and which of MX_HOSTS, a line each, it forbids.
 *
 *     ${dlfunc{/usr/lib/exim4/exim-mtasts.so}{exim_mtasts_event}{DIRECTORY}{SOCKET}\
 *         {$event_name $host_address $sending_ip_address}{$event_data}{$domain}{$host}{$tls_out_certificate_verified ...}}
 *
 * gives nothing, and tells of the session that an `event_action` of a transport is about.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mtasts.h>

#include "dns.h"
#include "fetch.h"
#include "report.h"
#include "store.h"

/* What Exim takes from a function of ${dlfunc}: its local_scan.h. */
typedef unsigned char uschar;
enum { EXIM_OK = 0, EXIM_DEFER = 1, EXIM_ERROR = 3 };
enum { EXIM_LOG_MAIN = 1 };
extern void log_write(unsigned selector, int flags, const char *format, ...) __attribute__((weak));

#define DNS_TIMEOUT_MS 10000
/* A TXT query and a fetch, and some: another process that asks is done by then. */
#define LOCK_TIMEOUT_MS 75000

__attribute__((visibility("default"))) int exim_mtasts(uschar **yield, int argc, uschar *argv[]);
__attribute__((visibility("default"))) int exim_mtasts_event(uschar **yield, int argc, uschar *argv[]);

/* Strings that Exim is given live until the next call: it copies them. */
static char *answer;

static int give(uschar **yield, int result, const char *format, ...)
{
    va_list arguments;
    free(answer);
    va_start(arguments, format);
    if (vasprintf(&answer, format, arguments) < 0)
        answer = NULL;
    va_end(arguments);
    *yield = (uschar *)(answer != NULL ? answer : strdup("mtasts: no memory"));
    return answer != NULL ? result : EXIM_ERROR;
}

static void tell(const char *domain, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (log_write != NULL && vasprintf(&text, format, arguments) >= 0)
        log_write(0, EXIM_LOG_MAIN, "mtasts: %s: %s", domain, text);
    va_end(arguments);
    free(text);
}

static uint64_t now(void)
{
    return (uint64_t)time(NULL);
}

/* The entry of a domain, or NULL. A text that cannot be read is as good as none: it is asked for anew. */
static mtasts_entry *load(const char *directory, const char *domain)
{
    mtasts_entry *entry = NULL;
    mtasts_error *error = NULL;
    size_t len = 0;
    char *text = store_read(directory, domain, &len);
    if (text != NULL && mtasts_entry_parse((const uint8_t *)text, len, domain, &entry, &error) != MTASTS_OK)
        tell(domain, "the entry in %s is not used: %s", directory, mtasts_error_message(error));
    mtasts_error_free(error);
    free(text);
    return entry;
}

static void query_txt(mtasts_lookup *lookup)
{
    struct dns_txt txt;
    dns_query_txt(mtasts_lookup_txt_name(lookup), DNS_TIMEOUT_MS, &txt);
    if (txt.failure != MTASTS_OK)
        mtasts_lookup_handle_txt_failed(lookup, txt.failure, now());
    else if (txt.count == 0)
        mtasts_lookup_handle_txt_not_found(lookup, txt.ttl, now());
    else
        mtasts_lookup_handle_txt(lookup, txt.rrs, txt.count, txt.ttl, now());
    dns_txt_free(&txt);
}

/* Addresses and fetch share the time that a policy may take (RFC 8461, 3.3). */
static void fetch(mtasts_lookup *lookup, const char *ca_file)
{
    const char *host = mtasts_lookup_policy_host(lookup);
    int timeout_ms = (int)mtasts_lookup_fetch_timeout_ms(lookup);
    struct fetched fetched = { 0 };
    char addresses[1024];
    time_t start = time(NULL);
    fetched.failure = dns_query_addresses(host, DNS_TIMEOUT_MS, addresses, sizeof addresses);
    if (fetched.failure == MTASTS_OK)
        fetch_policy(mtasts_lookup_policy_url(lookup), host, addresses, ca_file,
                     timeout_ms - (int)(time(NULL) - start) * 1000, mtasts_lookup_max_body_len(lookup), &fetched);
    if (fetched.failure != MTASTS_OK)
        mtasts_lookup_handle_fetch_failed(lookup, fetched.failure, now());
    else
        mtasts_lookup_handle_response(lookup, fetched.http_status,
                                      fetched.has_content_type ? fetched.content_type : NULL, fetched.body,
                                      fetched.len, now());
    free(fetched.body);
}

/* Runs a lookup to its end, or gives NULL: without asking anybody, if `may_ask` is 0 and something is to be asked. */
static mtasts_outcome *discover(const char *domain, const mtasts_entry *entry, const char *ca_file, int may_ask,
                                mtasts_error **error)
{
    mtasts_lookup *lookup = NULL;
    mtasts_outcome *outcome = NULL;
    if (mtasts_lookup_new(domain, MTASTS_PURPOSE_DELIVER, entry, now(), NULL, &lookup, error) != MTASTS_OK)
        return NULL;
    for (uint32_t output; (output = mtasts_lookup_poll_output(lookup)) == MTASTS_OUTPUT_QUERY_TXT || output == MTASTS_OUTPUT_FETCH_POLICY;) {
        if (!may_ask)
            break;
        if (output == MTASTS_OUTPUT_QUERY_TXT)
            query_txt(lookup);
        else
            fetch(lookup, ca_file);
    }
    mtasts_lookup_finish(lookup, &outcome);
    mtasts_lookup_free(lookup);
    return outcome;
}

/* Keeps what a lookup came to. While it was under way nobody else asked, since the domain is locked. */
static void remember(const char *directory, const char *domain, const mtasts_entry *entry,
                     const mtasts_outcome *outcome)
{
    mtasts_entry *updated = NULL;
    const char *text;
    int error;
    if (mtasts_outcome_update_kind(outcome) == MTASTS_UPDATE_KEEP
        || mtasts_outcome_apply(outcome, entry, now(), &updated) != MTASTS_OK)
        return;
    text = mtasts_entry_text(updated, domain);
    error = store_write(directory, domain, text, text != NULL ? strlen(text) : 0);
    if (error != 0)
        tell(domain, "nothing is remembered in %s: %s", directory, strerror(error));
    mtasts_entry_free(updated);
}

/* A list that names every host but the permitted ones: "!^(?i)mx1[.]example[.]com[.]?$:*". Regular expressions, since
   Exim compares plain names by their addresses, and an unlisted MX host may share one. NULL without memory. */
static char *ignore_list(const mtasts_policy *policy)
{
    char *list = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&list, &size);
    if (file == NULL)
        return NULL;
    for (size_t index = 0; index < mtasts_policy_mx_count(policy); index++) {
        const char *pattern = mtasts_policy_mx_get(policy, index);
        fputs("!^(?i)", file);
        if (strncmp(pattern, "*.", 2) == 0) {
            fputs("[^.]+", file);
            pattern++;
        }
        for (; *pattern != '\0'; pattern++)
            fprintf(file, *pattern == '.' ? "[%c]" : "%c", *pattern);
        fputs("[.]?$:", file);
    }
    fputs("*", file);
    return fclose(file) == 0 ? list : NULL;
}

static int give_policy(uschar **yield, const mtasts_policy *policy)
{
    char *list = NULL;
    int result;
    if (mtasts_policy_mode(policy) == MTASTS_MODE_ENFORCE && (list = ignore_list(policy)) == NULL)
        return give(yield, EXIM_DEFER, "MTA-STS: no memory");
    result = give(yield, EXIM_OK, "mode=%s ignore=%s",
                  policy != NULL ? mtasts_mode_word(mtasts_policy_mode(policy)) : "none", list != NULL ? list : "");
    free(list);
    return result;
}

static int give_outcome(uschar **yield, const char *domain, const mtasts_outcome *outcome)
{
    mtasts_status alert = mtasts_outcome_alert(outcome), reason = mtasts_outcome_no_policy(outcome);
    if (alert != MTASTS_OK)
        tell(domain, "%s (%u in a row; the cached policy lasts until %llu)", mtasts_status_code(alert),
             mtasts_outcome_alert_failures(outcome), (unsigned long long)mtasts_outcome_alert_expires_at(outcome));
    if (!mtasts_outcome_is_known(outcome))
        return give(yield, EXIM_DEFER, "MTA-STS: %s", mtasts_status_message(reason));
    if (reason != MTASTS_OK && reason != MTASTS_NO_POLICY_NO_RECORD)
        tell(domain, "no policy: %s", mtasts_status_code(reason));
    return give_policy(yield, mtasts_outcome_policy(outcome));
}

int exim_mtasts(uschar **yield, int argc, uschar *argv[])
{
    struct reporting reporting = { NULL, NULL, tell };
    const char *directory, *ca_file, *name;
    mtasts_domain *domain = NULL;
    mtasts_error *error = NULL;
    mtasts_entry *entry = NULL;
    mtasts_outcome *outcome = NULL;
    int lock = -1, result;

    if (!mtasts_version_check(MTASTS_VERSION_NUMBER))
        return give(yield, EXIM_ERROR, "mtasts: built for libmtasts %s, found %s", MTASTS_VERSION, mtasts_version());
    if (argc < 2 || argc > 5)
        return give(yield, EXIM_ERROR, "mtasts: wants DIRECTORY, DOMAIN, and a CA file, a socket, MX hosts or nothing");
    reporting.directory = directory = (const char *)argv[0];
    reporting.socket = argc > 3 ? (const char *)argv[3] : NULL;
    ca_file = argc > 2 && argv[2][0] != '\0' ? (const char *)argv[2] : NULL;
    /* An address literal, or nothing that DNS could carry: no policy can be published for it. */
    if (mtasts_domain_parse((const char *)argv[1], &domain, NULL) != MTASTS_OK)
        return give(yield, EXIM_OK, "mode=none ignore=");
    name = mtasts_domain_text(domain);

    entry = load(directory, name);
    outcome = discover(name, entry, ca_file, 0, &error);
    if (outcome == NULL && error == NULL) {
        lock = store_lock(directory, name, LOCK_TIMEOUT_MS);
        if (lock >= 0) {
            /* Whoever held the lock may have asked. */
            mtasts_entry_free(entry);
            entry = load(directory, name);
            outcome = discover(name, entry, ca_file, 1, &error);
            if (outcome != NULL)
                remember(directory, name, entry, outcome);
            store_unlock(lock);
            if (outcome != NULL)
                report_outcome(&reporting, name, outcome);
        }
    }
    if (outcome != NULL)
        result = give_outcome(yield, name, outcome);
    else if (mtasts_entry_is_valid(entry, now()))
        /* Others ask for too long, but for whether there is a newer policy. */
        result = give_policy(yield, mtasts_entry_policy(entry));
    else if (error != NULL)
        result = give(yield, EXIM_DEFER, "MTA-STS: %s", mtasts_error_message(error));
    else
        result = give(yield, EXIM_DEFER, "MTA-STS: no lock in %s: is it a directory that Exim may write?", directory);
    if (result == EXIM_OK && argc > 4 && outcome != NULL && mtasts_policy_mode(mtasts_outcome_policy(outcome)) == MTASTS_MODE_ENFORCE)
        report_forbidden(&reporting, name, mtasts_outcome_policy(outcome), (const char *)argv[4]);
    mtasts_outcome_free(outcome);
    mtasts_entry_free(entry);
    mtasts_error_free(error);
    mtasts_domain_free(domain);
    return result;
}

/* What the certificate of a session is to the MX host, where Exim has not verified it. `about` is "NOT_AFTER NAME NAME ...". */
static mtasts_tls fault_of_certificate(const char *host, char *about)
{
    char *rest = about, *word = strsep(&rest, " ");
    unsigned long long not_after = word != NULL ? strtoull(word, NULL, 10) : 0;
    int covers = 0, names = 0;
    if (not_after != 0 && not_after < now())
        return MTASTS_TLS_CERTIFICATE_EXPIRED;
    while (rest != NULL && (word = strsep(&rest, " ")) != NULL)
        if (word[0] != '\0') {
            names++;
            covers |= mtasts_dns_id_matches(word, host);
        }
    return names > 0 && !covers ? MTASTS_TLS_CERTIFICATE_HOST_MISMATCH : MTASTS_TLS_CERTIFICATE_NOT_TRUSTED;
}

/* What one process has seen of the connection that it is about. */
static struct {
    char *helo;
    /* The last host whose TLS failed: Exim may try it again in clear. */
    char *failed_host;
    int greeted, offers_starttls, told;
} connection;

static void replace(char **text, const char *by)
{
    free(*text);
    *text = by != NULL ? strdup(by) : NULL;
}

/* Whether an answer to EHLO has the line STARTTLS; a host's own name may have the word, too. */
static int offers_starttls(const char *answer)
{
    for (const char *line = answer; line != NULL && strlen(line) >= 4; line = strchr(line, '\n')) {
        line += line[0] == '\n';
        if (strlen(line) >= 12 && strncasecmp(line + 4, "STARTTLS", 8) == 0 && strchr(" \r\n", line[12]) != NULL)
            return 1;
    }
    return 0;
}

/* Whether the session is over, or as good as delivered: then it is told, once. */
static int is_told_now(const char *event, const char *data, int has_tls, mtasts_tls tls)
{
    if (strcmp(event, "tcp:connect") == 0) {
        connection.greeted = connection.offers_starttls = connection.told = 0;
        replace(&connection.helo, NULL);
    } else if (strcmp(event, "smtp:connect") == 0) {
        connection.greeted = 1;
    } else if (strcmp(event, "smtp:ehlo") == 0) {
        replace(&connection.helo, data);
        connection.greeted = 1;
        connection.offers_starttls |= offers_starttls(data);
        return has_tls && tls == MTASTS_TLS_AUTHENTICATED && !connection.told;
    } else if (strcmp(event, "tcp:close") == 0) {
        return connection.greeted && !connection.told;
    }
    return 0;
}

/* Arguments: the folder; the socket; the event, the host's address and ours; what the event tells; the domain; the host; whether its
   certificate is verified ("1"), whether DANE did it ("yes" or not), "-" where there is no TLS, when the certificate expires, its names.
   Of eight arguments Exim would not say where they end. */
int exim_mtasts_event(uschar **yield, int argc, uschar *argv[])
{
    struct reporting reporting = { NULL, NULL, tell };
    struct session session = { 0 };
    mtasts_domain *domain = NULL;
    mtasts_entry *entry = NULL;
    char *about = NULL, *rest, *event, *tls = NULL, *certificate, *verified, *dane, *cipher;
    int has_tls;
    if (!mtasts_version_check(MTASTS_VERSION_NUMBER) || argc != 7 || argv[1][0] == '\0'
        || (rest = about = strdup((const char *)argv[2])) == NULL || (certificate = tls = strdup((const char *)argv[6])) == NULL)
        goto done;
    reporting.directory = (const char *)argv[0];
    reporting.socket = (const char *)argv[1];
    session.host = (const char *)argv[5];
    event = strsep(&rest, " ");
    session.address = rest != NULL ? strsep(&rest, " ") : "";
    session.sending_address = rest != NULL ? strsep(&rest, " ") : "";
    verified = strsep(&certificate, " ");
    dane = certificate != NULL ? strsep(&certificate, " ") : NULL;
    cipher = certificate != NULL ? strsep(&certificate, " ") : NULL;
    has_tls = cipher != NULL && strcmp(cipher, "-") != 0;
    session.has_dane = has_tls && strcmp(dane, "yes") == 0;
    session.tls = !has_tls ? connection.offers_starttls ? MTASTS_TLS_HANDSHAKE_FAILED : MTASTS_TLS_NOT_OFFERED
                  : strcmp(verified, "1") == 0 || session.has_dane ? MTASTS_TLS_AUTHENTICATED
                  : certificate != NULL                            ? fault_of_certificate(session.host, certificate)
                                                                   : MTASTS_TLS_CERTIFICATE_NOT_TRUSTED;
    if (!is_told_now(event, (const char *)argv[3], has_tls, session.tls)
        || mtasts_domain_parse((const char *)argv[4], &domain, NULL) != MTASTS_OK)
        goto done;
    connection.told = 1;
    /* In clear, after TLS failed with the same host: that was told. */
    if (!has_tls && connection.failed_host != NULL && strcmp(connection.failed_host, session.host) == 0)
        goto done;
    replace(&connection.failed_host, session.tls == MTASTS_TLS_HANDSHAKE_FAILED ? session.host : NULL);
    session.helo = connection.helo;
    entry = load(reporting.directory, mtasts_domain_text(domain));
    report_session(&reporting, mtasts_domain_text(domain),
                   mtasts_entry_is_valid(entry, now()) ? mtasts_entry_policy(entry) : NULL, &session);
done:
    mtasts_entry_free(entry);
    mtasts_domain_free(domain);
    free(about);
    free(tls);
    return give(yield, EXIM_OK, "%s", "");
}
