#include "fetch.h"

#include <curl/curl.h>
#include <curl/mprintf.h>
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct body {
    struct fetched *answer;
    size_t max_len;
    int too_large;
};

static size_t on_body(char *bytes, size_t one, size_t len, void *argument)
{
    struct body *body = argument;
    struct fetched *answer = body->answer;
    uint8_t *grown;
    (void)one;
    if (len > body->max_len - answer->len) {
        body->too_large = 1;
        return 0;
    }
    grown = realloc(answer->body, answer->len + len + 1);
    if (grown == NULL)
        return 0;
    memcpy(grown + answer->len, bytes, len);
    answer->body = grown;
    answer->len += len;
    return len;
}

/* What the system says when it has no more of something, or when its network is down: the host was never asked. */
static int is_local(long os_error)
{
    switch (os_error) {
    case EMFILE: case ENFILE: case ENOBUFS: case ENOMEM: case EADDRNOTAVAIL: case ENETDOWN: case EACCES: case EPERM:
        return 1;
    default: return 0;
    }
}

static mtasts_status of_curl(CURLcode code, long verify_result, long os_error, int too_large)
{
    if (too_large)
        return MTASTS_FETCH_POLICY_HOST_BODY_TOO_LARGE;
    switch (code) {
    case CURLE_OK: return MTASTS_OK;
    case CURLE_COULDNT_CONNECT: return is_local(os_error) ? MTASTS_FETCH_LOCAL_FAULT : MTASTS_FETCH_CONNECT_FAILED;
    case CURLE_FAILED_INIT: case CURLE_OUT_OF_MEMORY: case CURLE_SSL_CACERT_BADFILE: return MTASTS_FETCH_LOCAL_FAULT;
    case CURLE_OPERATION_TIMEDOUT: return MTASTS_FETCH_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR: return MTASTS_FETCH_POLICY_HOST_TLS_FAILED;
    case CURLE_FILESIZE_EXCEEDED: return MTASTS_FETCH_POLICY_HOST_BODY_TOO_LARGE;
    case CURLE_PEER_FAILED_VERIFICATION:
        if (verify_result == X509_V_ERR_CERT_HAS_EXPIRED)
            return MTASTS_FETCH_POLICY_HOST_CERTIFICATE_EXPIRED;
        /* The chain is good, so it was the name. */
        return verify_result == X509_V_OK ? MTASTS_FETCH_POLICY_HOST_CERTIFICATE_HOST_MISMATCH : MTASTS_FETCH_POLICY_HOST_CERTIFICATE_NOT_TRUSTED;
    default: return MTASTS_FETCH_HTTP_PROTOCOL;
    }
}

void fetch_policy(const char *url, const char *host, const char *addresses, const char *ca_file, int timeout_ms,
                  size_t max_body_len, struct fetched *answer)
{
    struct body body = { answer, max_body_len, 0 };
    struct curl_slist *resolve = NULL;
    char *line = NULL;
    long http_status = 0, verify_result = X509_V_OK, os_error = 0;
    struct curl_header *field = NULL;
    CURL *curl = curl_easy_init();
    CURLcode code;

    memset(answer, 0, sizeof *answer);
    answer->failure = MTASTS_FETCH_LOCAL_FAULT;
    if (curl == NULL)
        return;
    line = curl_maprintf("%s:443:%s", host, addresses);
    resolve = curl_slist_append(NULL, line);
    curl_free(line);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_RESOLVE, resolve);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)max_body_len);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "exim-mtasts");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    if (ca_file != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &verify_result);
    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
    answer->http_status = (uint16_t)http_status;
    if (curl_easy_header(curl, "Content-Type", 0, CURLH_HEADER, -1, &field) == CURLHE_OK) {
        /* Several, or one that would be cut off, have no media type. */
        int is_one = field->amount == 1 && strlen(field->value) < sizeof answer->content_type;
        snprintf(answer->content_type, sizeof answer->content_type, "%s", is_one ? field->value : ",");
        answer->has_content_type = 1;
    }
    /* Of an answer other than 200 nothing is read but the status: its body may have any length. */
    answer->failure = code != CURLE_OK && http_status != 0 && http_status != 200 && body.too_large
                         ? MTASTS_OK
                         : of_curl(code, verify_result, os_error, body.too_large);
    curl_slist_free_all(resolve);
    curl_easy_cleanup(curl);
}
