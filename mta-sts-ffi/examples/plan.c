/*
 * plan FILE DOMAIN MODE HOST...: says how DOMAIN gets from what it publishes to a policy of this mode for these MX hosts, without
 * losing mail. FILE has the history of what it has published, as mtasts_history_text() wrote it; without the file it has published
 * nothing, and HOST... are in DNS. A program that does a step notes that in the history, saves it, and plans again.
 *
 *     cc plan.c $(pkg-config --cflags --libs mtasts) -o plan
 */
#include <mtasts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_HOSTS = 1024 };

static void check(mtasts_status status, mtasts_error *const *error)
{
    if (status == MTASTS_OK)
        return;
    fprintf(stderr, "plan: %s\n", error ? mtasts_error_message(*error) : mtasts_status_message(status));
    exit(1);
}

/* The saved history, or a new one. A file that is damaged is an error: what senders may hold is then not known. */
static mtasts_history *load(const char *path, const char *domain, char *const hosts[], size_t count, uint64_t now)
{
    static uint8_t text[4 << 20];
    mtasts_history *history = NULL;
    mtasts_error *error = NULL;
    FILE *file = fopen(path, "rb");
    if (file) {
        const size_t len = fread(text, 1, sizeof text, file);
        fclose(file);
        check(mtasts_history_parse(text, len, &history, &error), &error);
    } else {
        check(mtasts_history_new(domain, &history, &error), &error);
        check(mtasts_history_note_hosts(history, (const char *const *)hosts, count, now, &error), &error);
    }
    return history;
}

/* What to do, when, and why not before. */
static void show(const mtasts_publish_step *step)
{
    const mtasts_draft *draft = mtasts_publish_step_draft(step);
    const time_t earliest = (time_t)mtasts_publish_step_earliest(step);
    char when[sizeof "2026-12-31 23:59"];
    size_t index;
    strftime(when, sizeof when, "%Y-%m-%d %H:%M", gmtime(&earliest));
    printf("%s %s", when, mtasts_publish_step_code(step));
    if (draft)
        printf(" mode=%s max_age=%" PRIu64, mtasts_mode_word(mtasts_policy_mode(mtasts_draft_policy(draft))),
               mtasts_policy_max_age(mtasts_draft_policy(draft)));
    if (mtasts_publish_step_id(step))
        printf(" id=%s", mtasts_publish_step_id(step));
    for (index = 0; index < mtasts_publish_step_added_count(step); index++)
        printf(" +%s", mtasts_publish_step_added_get(step, index));
    for (index = 0; index < mtasts_publish_step_removed_count(step); index++)
        printf(" -%s", mtasts_publish_step_removed_get(step, index));
    printf(": %s\n", mtasts_publish_wait_message(mtasts_publish_step_wait(step)));
}

int main(int argc, char **argv)
{
    const uint64_t now = (uint64_t)time(NULL);
    const char *in_dns[MAX_HOSTS];
    size_t count = 0, index;
    mtasts_publish_target *target = NULL;
    mtasts_publish_facts *facts = NULL;
    mtasts_publish_plan *plan = NULL;
    mtasts_error *error = NULL;
    mtasts_history *history;
    mtasts_mode mode = MTASTS_MODE_ENFORCE;
    if (argc < 5) {
        fputs("usage: plan FILE DOMAIN MODE HOST...\n", stderr);
        return 2;
    }
    while (mtasts_mode_word(mode) && strcmp(mtasts_mode_word(mode), argv[3]) != 0)
        mode++;
    history = load(argv[1], argv[2], argv + 4, (size_t)argc - 4, now);
    for (index = 0; index < mtasts_history_host_count(history) && count < MAX_HOSTS; index++)
        if (mtasts_seen_host_until(mtasts_history_host_get(history, index)) == UINT64_MAX)
            in_dns[count++] = mtasts_seen_host_name(mtasts_history_host_get(history, index));
    check(mtasts_publish_facts_new(in_dns, count, &facts, &error), &error);
    check(mtasts_publish_target_new(mode, &target), NULL);
    check(mtasts_publish_target_set_hosts(target, (const char *const *)argv + 4, (size_t)argc - 4, &error), &error);
    check(mtasts_publish_plan_between(history, target, facts, now, &plan, &error), &error);
    for (index = 0; index < mtasts_publish_plan_step_count(plan); index++)
        show(mtasts_publish_plan_step_get(plan, index));
    mtasts_publish_plan_free(plan);
    mtasts_publish_target_free(target);
    mtasts_publish_facts_free(facts);
    mtasts_history_free(history);
    return 0;
}
