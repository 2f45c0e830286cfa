/*
 * tally STATE AHEAD <SESSIONS: counts the sessions of a mail server for TLS reports (RFC 8460), keeps the counts in the
 * file STATE over a restart, and prints each report that is due as a mail for `sendmail -t`.
 *
 * A session is a line: the recipient domain, the MX host, how TLS ended (one of the MTASTS_TLS_ numbers), and the TLSRPT
 * record of the domain. AHEAD is added to the clock, in seconds: the reports of today are due tomorrow.
 */
#include <mtasts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

static void fail(const char *why) { fprintf(stderr, "tally: %s\n", why), exit(1); }

/* What was counted before, and the seed, which stays the same; else a new tally with a random one. */
static mtasts_tally *load(const char *path, const mtasts_report_sender *sender, uint64_t *seed)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    mtasts_tally *tally = NULL;
    mtasts_error *error = NULL;
    if (!file) {
        if (getentropy(seed, sizeof *seed) || mtasts_tally_new(*seed, sender, 0, 0, &tally)) fail("no tally");
        return tally;
    }
    ssize_t len = fread(seed, sizeof *seed, 1, file) == 1 ? getdelim(&text, &size, '\0', file) : -1;
    fclose(file);
    if (len < 0 || mtasts_tally_parse((uint8_t *)text, (size_t)len, *seed, sender, 0, 0, &tally, &error))
        fail(error ? mtasts_error_message(error) : path);
    free(text);
    return tally;
}

/* Whole or not at all: written beside, and renamed. */
static void save(const char *path, const mtasts_tally *tally, uint64_t seed)
{
    char beside[4096];
    mtasts_text *text = NULL;
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "w");
    if (!file || mtasts_tally_text(tally, &text) || fwrite(&seed, sizeof seed, 1, file) != 1 ||
        fputs(mtasts_text_string(text), file) < 0 || fflush(file) || fsync(fileno(file)) || fclose(file) || rename(beside, path))
        fail("what was counted is not saved");
    mtasts_text_free(text);
}

/* What a mail server does after each TLS attempt; here without a policy. */
static void count(mtasts_tally *tally, const char *domain, const char *mx, mtasts_tls tls, const char *record, uint64_t now)
{
    mtasts_delivery *delivery = mtasts_delivery_without_policy();
    mtasts_mx_host *host = NULL;
    mtasts_session_verdict *verdict = NULL;
    if (!mtasts_mx_host_new(mx, &host, NULL) && !mtasts_check_session(delivery, host, tls, MTASTS_DANE_RESULT_NOT_CHECKED, 0, &verdict))
        for (size_t row = 0; row < mtasts_session_verdict_row_count(verdict); row++) {
            mtasts_event *event = NULL;
            if (!mtasts_event_of_row(domain, mtasts_session_verdict_row_get(verdict, row), NULL, mx, &event, NULL) &&
                !mtasts_event_set_record(event, record))
                fprintf(stderr, "%s: %s\n", domain, mtasts_counted_word(mtasts_tally_count(tally, event, now)));
            mtasts_event_free(event);
        }
    mtasts_session_verdict_free(verdict), mtasts_mx_host_free(host), mtasts_delivery_free(delivery);
}

/* A text, compressed with gzip and in base64. */
static void print_packed(const mtasts_text *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    z_stream zip = {0};
    if (deflateInit2(&zip, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) fail("no zlib");
    uLong room = deflateBound(&zip, (uLong)mtasts_text_len(text));
    unsigned char *packed = calloc(room + 2, 1); /* two octets more, for the last three */
    if (!packed) fail("no memory");
    zip.next_in = (unsigned char *)(uintptr_t)mtasts_text_string(text), zip.avail_in = (uInt)mtasts_text_len(text);
    zip.next_out = packed, zip.avail_out = (uInt)room;
    if (deflate(&zip, Z_FINISH) != Z_STREAM_END) fail("zlib");
    for (uLong at = 0; at < zip.total_out; at += 3) {
        unsigned long three = (unsigned long)packed[at] << 16 | packed[at + 1] << 8 | packed[at + 2], left = zip.total_out - at;
        printf("%c%c%c%c%s", digits[three >> 18], digits[three >> 12 & 63], left > 1 ? digits[three >> 6 & 63] : '=',
               left > 2 ? digits[three & 63] : '=', at % 57 == 54 || left <= 3 ? "\n" : "");
    }
    deflateEnd(&zip), free(packed);
}

/* The mail to the first address of the record; whether there is one. */
static int print_mail(mtasts_tally *tally, const mtasts_due_report *due, const mtasts_report_sender *sender, uint64_t now)
{
    const char *known = mtasts_due_report_record(due), *to = NULL; /* a server asks DNS again */
    const mtasts_report *report = mtasts_due_report_report(due);
    mtasts_tlsrpt_record *record = NULL;
    mtasts_report_mail *mail = NULL;
    mtasts_text *json = NULL;
    if (known && !mtasts_tlsrpt_record_parse((const uint8_t *)known, strlen(known), &record, NULL))
        for (size_t uri = 0; !to && uri < mtasts_tlsrpt_record_uri_count(record); uri++) to = mtasts_tlsrpt_record_address_get(record, uri);
    if (to && !mtasts_report_mail_new(report, mtasts_due_report_domain(due), sender, &mail, NULL) && !mtasts_report_json(report, &json, NULL)) {
        printf("From: %s\nTo: %s\nSubject: %s\n", mtasts_report_sender_contact(sender), to, mtasts_report_mail_subject(mail));
        for (size_t field = 0; field < mtasts_report_mail_header_count(mail); field++)
            printf("%s: %s\n", mtasts_report_mail_header_name(mail, field), mtasts_report_mail_header_value(mail, field));
        printf("MIME-Version: 1.0\nContent-Type: %s; boundary=\"=_\"\n\n--=_\n", mtasts_report_mail_content_type(mail));
        printf("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n%s\n--=_\n", mtasts_report_mail_text(mail));
        printf("Content-Type: %s\nContent-Disposition: attachment;\n filename=\"%s\"\nContent-Transfer-Encoding: base64\n\n",
               mtasts_report_mail_media_type(mail), mtasts_report_mail_file_name(mail));
        print_packed(json), printf("--=_--\n");
        mtasts_tally_note_report_mail(tally, strrchr(to, '@') + 1, now, NULL);
    }
    int printed = json != NULL;
    mtasts_text_free(json), mtasts_report_mail_free(mail), mtasts_tlsrpt_record_free(record);
    return printed;
}

int main(int argc, char **argv)
{
    char domain[256], mx[256], record[2048];
    mtasts_tls tls;
    uint64_t seed = 0, now = (uint64_t)time(NULL) + (argc > 2 ? strtoull(argv[2], NULL, 10) : 0);
    mtasts_report_sender *sender = NULL;
    mtasts_due_report *due = NULL;
    if (argc < 3 || mtasts_report_sender_new("tls-reports@sender.test", "Sender Inc.", &sender, NULL)) fail("STATE AHEAD <SESSIONS");
    mtasts_tally *tally = load(argv[1], sender, &seed);
    while (scanf("%255s %255s %u %2047[^\n]", domain, mx, &tls, record) == 4) count(tally, domain, mx, tls, record, now);
    for (; !mtasts_tally_poll_report(tally, now, &due) && due; mtasts_due_report_free(due)) {
        mtasts_report_delivery end = print_mail(tally, due, sender, now) ? MTASTS_REPORT_DELIVERY_DELIVERED : MTASTS_REPORT_DELIVERY_REFUSED;
        if (mtasts_tally_handle_delivery(tally, due, end, now, NULL)) fail("a report is not noted");
    }
    save(argv[1], tally, seed);
    mtasts_tally_free(tally), mtasts_report_sender_free(sender);
    return 0;
}
