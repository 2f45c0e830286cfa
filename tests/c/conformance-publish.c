/* The rooms about what the owner of a domain publishes. */
#include "conformance.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 5000, MAX_GROWTH = 16 };

/* The names of an array; those of the vectors are not as many as there is room for. */
typedef struct {
    const char *all[MAX_NAMES];
    size_t count;
} names;

static names *read_names(const json_t *list)
{
    names *read = calloc(1, sizeof *read);
    size_t index;
    json_t *name;
    json_array_foreach(list, index, name) {
        if (read->count == MAX_NAMES)
            fail("there are too many names");
        read->all[read->count++] = json_string_value(name);
    }
    return read;
}

static mtasts_mode mode_of(const char *word)
{
    mtasts_mode mode = MTASTS_MODE_ENFORCE;
    while (mtasts_mode_word(mode) && strcmp(mtasts_mode_word(mode), word) != 0)
        mode++;
    return mode;
}

/* Frees the error. Its message has the name in front. */
static json_t *fault_shown(mtasts_error *error)
{
    const char *name = mtasts_error_name(error), *message = mtasts_error_message(error);
    json_t *shown = json_pack("{s:{s:s, s:o}}", "error", "code", mtasts_error_code(error), "name", optional(name));
    if (name && (strncmp(message, name, strlen(name)) != 0 || message[strlen(name)] != ':'))
        fail("a message does not say which name is at fault");
    mtasts_error_free(error);
    return shown;
}

static json_t *draft_shown(const mtasts_draft *draft)
{
    const char *policy = mtasts_policy_text(mtasts_draft_policy(draft));
    mtasts_text *line = NULL, *id = NULL;
    json_t *shown;
    check(mtasts_draft_zone_line(draft, 3600, &line));
    check(mtasts_draft_id_of((const uint8_t *)policy, strlen(policy), &id));
    if (strcmp(mtasts_text_string(id), mtasts_draft_id(draft)) != 0)
        fail("the id is not that of the body");
    shown = json_pack("{s:s, s:s, s:s, s:s}", "policy", policy, "id", mtasts_draft_id(draft), "record",
                      mtasts_draft_record(draft), "zone", mtasts_text_string(line));
    mtasts_text_free(id);
    mtasts_text_free(line);
    return shown;
}

json_t *run_draft(const json_t *input)
{
    const char *domain = json_object_get(input, "domain") ? text_of(input, "domain") : "owner.test";
    names *hosts = read_names(json_object_get(input, "hosts")), *wildcards = read_names(json_object_get(input, "wildcards"));
    mtasts_draft *draft = NULL;
    mtasts_error *error = NULL;
    mtasts_status status = mtasts_draft_new(domain, mode_of(text_of(input, "mode")), hosts->all, hosts->count,
                                            number_of(input, "max_age"), &draft, &error);
    json_t *shown;
    for (size_t index = 0; !status && index < wildcards->count; index++) {
        mtasts_draft *widened = NULL;
        status = mtasts_draft_with_wildcard(draft, wildcards->all[index], &widened, &error);
        if (!status) {
            mtasts_draft_free(draft);
            draft = widened;
        }
    }
    shown = status ? fault_shown(error) : draft_shown(draft);
    mtasts_draft_free(draft);
    free(hosts);
    free(wildcards);
    return shown;
}

static mtasts_publish_target *read_target(const json_t *goal)
{
    const char *const times[] = {"max_age", "testing_period"};
    mtasts_status (*const set[])(mtasts_publish_target *, uint64_t) = {mtasts_publish_target_set_max_age,
                                                                       mtasts_publish_target_set_testing_period};
    const json_t *growth = json_object_get(goal, "growth");
    const char *mode = text_of(goal, "mode"), *host = text_of(goal, "policy_host");
    names *hosts = read_names(json_object_get(goal, "hosts")), *wildcards = read_names(json_object_get(goal, "wildcards"));
    uint64_t max_ages[MAX_GROWTH], after[MAX_GROWTH];
    mtasts_publish_target *target = NULL;
    size_t index;
    json_t *rung;
    check(mode ? mtasts_publish_target_new(mode_of(mode), &target) : mtasts_publish_target_removed(&target));
    for (index = 0; index < 2; index++)
        if (json_object_get(goal, times[index]))
            check(set[index](target, number_of(goal, times[index])));
    if (json_object_get(goal, "hosts"))
        check(mtasts_publish_target_set_hosts(target, hosts->all, hosts->count, NULL));
    for (index = 0; index < wildcards->count; index++)
        check(mtasts_publish_target_add_wildcard(target, wildcards->all[index], NULL));
    if (host)
        check(mtasts_publish_target_set_policy_host(target, host, NULL));
    if (json_array_size(growth) > MAX_GROWTH)
        fail("a policy grows too often");
    json_array_foreach(growth, index, rung) {
        max_ages[index] = (uint64_t)json_integer_value(json_array_get(rung, 0));
        after[index] = (uint64_t)json_integer_value(json_array_get(rung, 1));
    }
    if (growth)
        check(mtasts_publish_target_set_growth(target, max_ages, after, json_array_size(growth)));
    free(hosts);
    free(wildcards);
    return target;
}

static mtasts_publish_facts *read_facts(const json_t *seen)
{
    const char *const times[] = {NULL, "record_ttl", "mx_ttl", "policy_host_ttl", "policy_cache", "retry", "queue_lifetime"};
    const char *host = text_of(seen, "policy_host");
    names *hosts = read_names(json_object_get(seen, "hosts"));
    mtasts_publish_facts *facts = NULL;
    check(mtasts_publish_facts_new(hosts->all, hosts->count, &facts, NULL));
    if (host)
        check(mtasts_publish_facts_set_policy_host(facts, host, NULL));
    for (mtasts_publish_time time = MTASTS_PUBLISH_TIME_RECORD_TTL; time <= MTASTS_PUBLISH_TIME_QUEUE_LIFETIME; time++)
        if (json_object_get(seen, times[time]))
            check(mtasts_publish_facts_set_time(facts, time, number_of(seen, times[time])));
    free(hosts);
    return facts;
}

static json_int_t after(uint64_t now, uint64_t time) { return time > now ? (json_int_t)(time - now) : 0; }

/* Names with a space between two. */
static json_t *joined(const void *of, size_t count, const char *(*get)(const void *, size_t))
{
    octets text = {NULL, 0};
    json_t *shown;
    append(&text, "", 0);
    for (size_t index = 0; index < count; index++) {
        append(&text, " ", index ? 1 : 0);
        append(&text, get(of, index), strlen(get(of, index)));
    }
    shown = json_string((const char *)text.data);
    free(text.data);
    return shown;
}

static const char *mx(const void *policy, size_t index) { return mtasts_policy_mx_get(policy, index); }
static const char *added(const void *step, size_t index) { return mtasts_publish_step_added_get(step, index); }
static const char *removed(const void *step, size_t index) { return mtasts_publish_step_removed_get(step, index); }

static json_t *step_shown(const mtasts_publish_step *step, uint64_t now)
{
    const mtasts_policy *policy = mtasts_draft_policy(mtasts_publish_step_draft(step));
    json_t *shown = json_pack("{s:s, s:I, s:s, s:I, s:s}", "action", mtasts_publish_step_code(step), "earliest",
                              after(now, mtasts_publish_step_earliest(step)), "wait",
                              mtasts_publish_wait_word(mtasts_publish_step_wait(step)), "safe",
                              after(now, mtasts_publish_step_safe(step)), "safe_wait",
                              mtasts_publish_wait_word(mtasts_publish_step_safe_wait(step)));
    switch (mtasts_publish_step_action(step)) {
    case MTASTS_PUBLISH_ACTION_PUT_POLICY:
    case MTASTS_PUBLISH_ACTION_MOVE_POLICY_HOST:
        json_object_set_new(shown, "mode", json_string(mtasts_mode_word(mtasts_policy_mode(policy))));
        json_object_set_new(shown, "max_age", json_integer((json_int_t)mtasts_policy_max_age(policy)));
        json_object_set_new(shown, "mx", joined(policy, mtasts_policy_mx_count(policy), mx));
        break;
    case MTASTS_PUBLISH_ACTION_PUT_RECORD:
        json_object_set_new(shown, "id", json_string(mtasts_publish_step_id(step)));
        break;
    case MTASTS_PUBLISH_ACTION_CHANGE_MX:
        json_object_set_new(shown, "add", joined(step, mtasts_publish_step_added_count(step), added));
        json_object_set_new(shown, "remove", joined(step, mtasts_publish_step_removed_count(step), removed));
        break;
    case MTASTS_PUBLISH_ACTION_DELETE_RECORD:
    case MTASTS_PUBLISH_ACTION_DELETE_POLICY:
        break;
    default:
        fail("an action is not known");
    }
    return shown;
}

static json_t *plan_shown(const mtasts_publish_plan *plan, uint64_t now)
{
    json_t *steps = json_array();
    for (size_t index = 0; index < mtasts_publish_plan_step_count(plan); index++)
        json_array_append_new(steps, step_shown(mtasts_publish_plan_step_get(plan, index), now));
    return json_pack("{s:o, s:{s:I, s:I}}", "steps", steps, "settled", "earliest", after(now, mtasts_publish_plan_settled(plan)),
                     "safe", after(now, mtasts_publish_plan_settled_safe(plan)));
}

/* Noted again what was seen last, it is the same; written and read, too. */
static mtasts_history *read_history(const json_t *given)
{
    octets text = read_octets(given);
    mtasts_history *history = NULL;
    mtasts_text *written = NULL;
    check(mtasts_history_parse(text.data, text.len, &history, NULL));
    for (size_t index = 0; index < mtasts_history_record_count(history); index++) {
        const mtasts_seen_record *record = mtasts_history_record_get(history, index);
        octets id = {NULL, 0};
        if (mtasts_seen_record_until(record) != UINT64_MAX)
            continue;
        append(&id, mtasts_seen_record_id(record), strlen(mtasts_seen_record_id(record)));
        check(mtasts_history_note_record(history, (const char *)id.data, mtasts_seen_record_since(record) + 1, NULL));
        free(id.data);
    }
    check(mtasts_history_text(history, &written));
    mtasts_history_free(history);
    check(mtasts_history_parse((const uint8_t *)mtasts_text_string(written), mtasts_text_len(written), &history, NULL));
    mtasts_text_free(written);
    free(text.data);
    return history;
}

json_t *run_plan(const json_t *input)
{
    const uint64_t now = number_of(input, "now");
    mtasts_history *history = read_history(json_object_get(input, "history"));
    mtasts_publish_target *target = read_target(json_object_get(input, "target"));
    mtasts_publish_facts *facts = read_facts(json_object_get(input, "facts"));
    mtasts_publish_plan *plan = NULL;
    mtasts_error *error = NULL;
    json_t *shown;
    if (mtasts_publish_plan_between(history, target, facts, now, &plan, &error))
        shown = fault_shown(error);
    else
        shown = plan_shown(plan, now);
    mtasts_publish_plan_free(plan);
    mtasts_publish_facts_free(facts);
    mtasts_publish_target_free(target);
    mtasts_history_free(history);
    return shown;
}
