/* tally STATE AHEAD <SESSIONS: counts sessions for TLS reports (RFC 8460), keeps the counts in STATE over a restart, and prints
 * each report that is due as a mail for `sendmail -t`. A session is a line: recipient domain, MX host, how TLS ended (one of the
 * MTASTS_TLS_ numbers), TLSRPT record of the domain. AHEAD seconds are added to the clock: today's reports are due tomorrow. */
#include <mtasts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *why) { fprintf(stderr, "tally: %s\n", why), exit(1); }

/* The saved tally, or an empty one. The seed is random, and stays the same. */
static mtasts_tally *load(const char *path, const mtasts_report_sender *sender, uint64_t *seed)
{
    mtasts_tally *tally = NULL;
    char *text = NULL;
    size_t size = 0;
    if (access(path, F_OK) && !getentropy(seed, sizeof *seed) && !mtasts_tally_new(*seed, sender, 0, 0, &tally)) return tally;
    FILE *file = fopen(path, "r");
    ssize_t len = file && fread(seed, sizeof *seed, 1, file) == 1 ? getdelim(&text, &size, '\0', file) : -1;
    if (len < 0 || mtasts_tally_parse((uint8_t *)text, (size_t)len, *seed, sender, 0, 0, &tally, NULL)) fail(path);
    fclose(file), free(text);
    return tally;
}

/* Replaces the file whole or not at all. */
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
    if (!mtasts_mx_host_new(mx, &host, NULL))
        mtasts_check_session(delivery, host, tls, MTASTS_DANE_RESULT_NOT_CHECKED, 0, &verdict);
    for (size_t row = 0; row < mtasts_session_verdict_row_count(verdict); row++) {
        mtasts_event *event = NULL;
        if (!mtasts_event_of_row(domain, mtasts_session_verdict_row_get(verdict, row), NULL, mx, &event, NULL) &&
            !mtasts_event_set_record(event, record))
            fprintf(stderr, "%s: %s\n", domain, mtasts_counted_word(mtasts_tally_count(tally, event, now)));
        mtasts_event_free(event);
    }
    mtasts_session_verdict_free(verdict), mtasts_mx_host_free(host), mtasts_delivery_free(delivery);
}

/* Prints the mail to the first address of the record, if there is one. */
static mtasts_report_delivery print_mail(mtasts_tally *tally, const mtasts_due_report *due, const mtasts_report_sender *sender, uint64_t now)
{
    const char *seen = mtasts_due_report_record(due), *to = NULL; /* a server looks the record up again */
    mtasts_tlsrpt_record *record = NULL;
    mtasts_report_mail *mail = NULL;
    mtasts_text *json = NULL;
    if (seen && !mtasts_tlsrpt_record_parse((const uint8_t *)seen, strlen(seen), &record, NULL))
        for (size_t i = 0; !to && i < mtasts_tlsrpt_record_uri_count(record); i++) to = mtasts_tlsrpt_record_address_get(record, i);
    if (to && !mtasts_report_mail_new(mtasts_due_report_report(due), mtasts_due_report_domain(due), sender, &mail, NULL) &&
        !mtasts_report_json(mtasts_due_report_report(due), &json, NULL)) {
        printf("From: %s\nTo: %s\nSubject: %s\n", mtasts_report_sender_contact(sender), to, mtasts_report_mail_subject(mail));
        for (size_t field = 0; field < mtasts_report_mail_header_count(mail); field++)
            printf("%s: %s\n", mtasts_report_mail_header_name(mail, field), mtasts_report_mail_header_value(mail, field));
        printf("MIME-Version: 1.0\nContent-Type: %s; boundary=\"=_\"\n\n--=_\nContent-Type: text/plain; charset=utf-8\n"
               "Content-Transfer-Encoding: 8bit\n\n%s\n--=_\nContent-Type: %s\nContent-Disposition: attachment;\n"
               " filename=\"%s\"\nContent-Transfer-Encoding: base64\n\n", mtasts_report_mail_content_type(mail),
               mtasts_report_mail_text(mail), mtasts_report_mail_media_type(mail), mtasts_report_mail_file_name(mail));
        FILE *packer = fflush(stdout) ? NULL : popen("gzip -9 | base64", "w"); /* a server uses zlib */
        if (!packer || fputs(mtasts_text_string(json), packer) < 0 || pclose(packer)) fail("a report is not compressed");
        puts("--=_--");
        mtasts_tally_note_report_mail(tally, strrchr(to, '@') + 1, now, NULL);
    }
    mtasts_report_delivery end = json ? MTASTS_REPORT_DELIVERY_DELIVERED : MTASTS_REPORT_DELIVERY_REFUSED;
    mtasts_text_free(json), mtasts_report_mail_free(mail), mtasts_tlsrpt_record_free(record);
    return end;
}

int main(int argc, char **argv)
{
    char domain[256], mx[256], record[2048];
    mtasts_tls tls;
    uint64_t seed = 0, now = (uint64_t)time(NULL) + (argc > 2 ? strtoull(argv[2], NULL, 10) : 0);
    mtasts_report_sender *sender = NULL;
    mtasts_due_report *due = NULL;
    if (argc < 3 || mtasts_report_sender_new("tls-reports@sender.test", "Sender Inc.", &sender, NULL)) fail("STATE AHEAD");
    mtasts_tally *tally = load(argv[1], sender, &seed);
    while (scanf("%255s %255s %u %2047[^\n]", domain, mx, &tls, record) == 4) count(tally, domain, mx, tls, record, now);
    for (; !mtasts_tally_poll_report(tally, now, &due) && due; mtasts_due_report_free(due))
        mtasts_tally_handle_delivery(tally, due, print_mail(tally, due, sender, now), now, NULL);
    save(argv[1], tally, seed);
    mtasts_tally_free(tally), mtasts_report_sender_free(sender);
}
