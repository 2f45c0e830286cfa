/*
 * lookup DOMAIN: finds the MTA-STS policy of a domain, and decides about each of its MX hosts. Ends with 0 if some host
 * may have mail, 1 if none may, 75 if DNS could not tell. DNS by libunbound, HTTPS by libcurl, the rest by libmtasts:
 *     cc lookup.c $(pkg-config --cflags --libs mtasts libunbound libcurl)
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <mtasts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unbound.h>

enum { TYPE_A = 1, TYPE_MX = 15, TYPE_TXT = 16, TYPE_AAAA = 28, MAX_RRS = 100, CHAIN_GOOD = 0, CHAIN_EXPIRED = 10 };

static uint64_t now(void) { return (uint64_t)time(NULL); }

/* The TXT records of the name, each with its character-strings joined. */
static mtasts_status answer_txt(mtasts_lookup *lookup, struct ub_ctx *dns)
{
    struct ub_result *found = NULL;
    mtasts_bytes rrs[MAX_RRS];
    mtasts_status status;
    size_t count = 0;
    if (ub_resolve(dns, mtasts_lookup_txt_name(lookup), TYPE_TXT, 1, &found))
        return mtasts_lookup_handle_txt_failed(lookup, MTASTS_TXT_DNS_UNUSABLE, now());
    for (; found->havedata && found->data[count] && count < MAX_RRS; count++) {
        uint8_t *rr = (uint8_t *)found->data[count];
        size_t len = (size_t)found->len[count], from = 0, to = 0;
        for (size_t part; from < len && from + 1 + (part = rr[from]) <= len; from += 1 + part, to += part)
            memmove(rr + to, rr + from + 1, part);
        rrs[count] = (mtasts_bytes){rr, to};
    }
    status = found->bogus                       ? mtasts_lookup_handle_txt_failed(lookup, MTASTS_TXT_DNS_BOGUS, now())
             : found->rcode && !found->nxdomain ? mtasts_lookup_handle_txt_failed(lookup, MTASTS_TXT_DNS_SERVFAIL, now())
             : count == 0                       ? mtasts_lookup_handle_txt_not_found(lookup, (uint32_t)found->ttl, now())
                                                : mtasts_lookup_handle_txt(lookup, rrs, count, (uint32_t)found->ttl, now());
    ub_resolve_free(found);
    return status;
}

static mtasts_status fault_of(CURLcode result, long verified)
{
    switch (result) {
    case CURLE_COULDNT_CONNECT: return MTASTS_FETCH_CONNECT_FAILED;
    case CURLE_OPERATION_TIMEDOUT: return MTASTS_FETCH_TIMEOUT;
    case CURLE_WRITE_ERROR: return MTASTS_FETCH_POLICY_HOST_BODY_TOO_LARGE;
    case CURLE_SSL_CONNECT_ERROR: return MTASTS_FETCH_POLICY_HOST_TLS_FAILED;
    case CURLE_PEER_FAILED_VERIFICATION: /* where the chain is good, it was the name */
        return verified == CHAIN_EXPIRED ? MTASTS_FETCH_POLICY_HOST_CERTIFICATE_EXPIRED
               : verified == CHAIN_GOOD  ? MTASTS_FETCH_POLICY_HOST_CERTIFICATE_HOST_MISMATCH
                                         : MTASTS_FETCH_POLICY_HOST_CERTIFICATE_NOT_TRUSTED;
    default: return MTASTS_FETCH_HTTP_PROTOCOL;
    }
}

/* The addresses of the Policy Host, as CURLOPT_RESOLVE takes them: nothing but `dns` is asked. */
static mtasts_status addresses_of(const char *host, struct ub_ctx *dns, char *list, size_t size)
{
    size_t used = (size_t)snprintf(list, size, "%s:443:", host), start = used, failed = 0;
    for (int six = 0; six < 2; six++) {
        struct ub_result *found = NULL;
        size_t bad = ub_resolve(dns, host, six ? TYPE_AAAA : TYPE_A, 1, &found) || found->bogus || (found->rcode && !found->nxdomain);
        for (int i = 0; !bad && found->havedata && found->data[i] && size - used > INET6_ADDRSTRLEN + 4; i++) {
            char text[INET6_ADDRSTRLEN] = "";
            inet_ntop(six ? AF_INET6 : AF_INET, found->data[i], text, sizeof text);
            used += (size_t)snprintf(list + used, size - used, six ? "%s[%s]" : "%s%s", used > start ? "," : "", text);
        }
        ub_resolve_free(found), failed |= bad;
    }
    return used > start ? MTASTS_OK : failed ? MTASTS_FETCH_POLICY_HOST_DNS_FAILED : MTASTS_FETCH_POLICY_HOST_NOT_FOUND;
}

/* The policy, over HTTPS. */
static mtasts_status answer_fetch(mtasts_lookup *lookup, struct ub_ctx *dns)
{
    size_t most = mtasts_lookup_max_body_len(lookup);
    char addresses[1024], *octets = malloc(most);
    struct curl_header *type = NULL;
    FILE *body = octets ? fmemopen(octets, most, "w") : NULL; /* it takes no octet more, so that curl stops */
    long code = 0, verified = 0;
    mtasts_status status = addresses_of(mtasts_lookup_policy_host(lookup), dns, addresses, sizeof addresses);
    CURL *curl = curl_easy_init();
    struct curl_slist *resolve = curl_slist_append(NULL, addresses);
    if (!curl || !resolve || !body || setvbuf(body, NULL, _IONBF, 0)) exit(2);
#define SET(option, value) curl_easy_setopt(curl, CURLOPT_##option, value)
    SET(URL, mtasts_lookup_policy_url(lookup)), SET(RESOLVE, resolve), SET(PROXY, "");
    SET(TIMEOUT_MS, (long)mtasts_lookup_fetch_timeout_ms(lookup)), SET(NOSIGNAL, 1L);
    SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2), SET(FOLLOWLOCATION, 0L), SET(WRITEDATA, body);
    if (getenv("SSL_CERT_FILE")) SET(CAINFO, getenv("SSL_CERT_FILE"));
    CURLcode result = status ? CURLE_OK : curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code), curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &verified);
    curl_easy_header(curl, "content-type", 0, CURLH_HEADER, -1, &type); /* two, with a comma between, are none */
    status = status || result ? mtasts_lookup_handle_fetch_failed(lookup, status ? status : fault_of(result, verified), now())
                              : mtasts_lookup_handle_response(lookup, (uint16_t)code, !type ? NULL : type->amount > 1 ? "," : type->value, (uint8_t *)octets,
                                                              (size_t)ftell(body), now());
    curl_slist_free_all(resolve), curl_easy_cleanup(curl), fclose(body), free(octets);
    return status;
}

/* The verdict about one MX host: whether it may have mail. */
static int verdict(const mtasts_outcome *outcome, const char *name)
{
    static const char *const words[] = {"", "skip", "authenticate", "authenticate by DANE", "encrypt", "opportunistic", "authenticate by both"};
    mtasts_delivery *delivery = mtasts_delivery_of(outcome);
    mtasts_mx_host *host = NULL;
    mtasts_mx_verdict *mx = NULL;
    mtasts_mx_decision decision = MTASTS_MX_SKIP;
    if (!mtasts_mx_host_new(name, &host, NULL) && !mtasts_check_mx(delivery, host, &mx)) {
        decision = mtasts_mx_verdict_decision(mx);
        printf("mx %s %s\n", name, words[decision < 7 ? decision : 0]);
    }
    mtasts_mx_verdict_free(mx), mtasts_mx_host_free(host), mtasts_delivery_free(delivery);
    return decision != MTASTS_MX_SKIP;
}

int main(int argc, char **argv)
{
    struct ub_ctx *dns = ub_ctx_create();
    struct ub_result *found = NULL;
    mtasts_lookup *lookup = NULL;
    mtasts_outcome *outcome = NULL;
    mtasts_status detail;
    int some = 0;
    /* libunbound holds ".test" for empty by itself; the other order of these two fails. */
    if (argc < 2 || ub_ctx_resolvconf(dns, NULL) || ub_ctx_zone_remove(dns, "test.") ||
        mtasts_lookup_new(argv[1], MTASTS_PURPOSE_DELIVER, NULL, now(), NULL, &lookup, NULL))
        return 2;
    for (mtasts_output what; (what = mtasts_lookup_poll_output(lookup)) == MTASTS_OUTPUT_QUERY_TXT || what == MTASTS_OUTPUT_FETCH_POLICY;)
        if (what == MTASTS_OUTPUT_QUERY_TXT ? answer_txt(lookup, dns) : answer_fetch(lookup, dns))
            return 2;
    mtasts_lookup_finish(lookup, &outcome), detail = mtasts_outcome_no_policy_detail(outcome);
    if (mtasts_outcome_policy(outcome))
        printf("policy: %s\n", mtasts_mode_word(mtasts_policy_mode(mtasts_outcome_policy(outcome))));
    else
        printf("no policy: %s%s%s\n", mtasts_status_code(mtasts_outcome_no_policy(outcome)), detail ? ": " : "",
               detail ? mtasts_status_code(detail) : "");
    if (!mtasts_outcome_is_known(outcome) || ub_resolve(dns, argv[1], TYPE_MX, 1, &found))
        return 75;
    for (int i = 0; found->havedata && found->data[i]; i++) {
        char name[256] = "";
        const uint8_t *label = (const uint8_t *)found->data[i] + 2;
        for (; *label && strlen(name) + *label < 254; label += 1 + *label)
            strncat(strncat(name, (const char *)label + 1, *label), ".", 2);
        some |= verdict(outcome, name);
    }
    mtasts_outcome_free(outcome), mtasts_lookup_free(lookup), ub_resolve_free(found), ub_ctx_delete(dns);
    return some ? 0 : 1;
}
