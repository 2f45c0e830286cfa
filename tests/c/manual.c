/*
 * manual DOMAIN HOST: the example of mtasts(3), with the DNS and HTTPS of examples/lookup.c. Prints what it answers.
 */
#define main lookup
#include "lookup.c"
#undef main

static struct ub_ctx *context;

static void my_dns(mtasts_lookup *lookup, const char *name)
{
    (void)name;
    answer_txt(lookup, context);
}

static void my_https(mtasts_lookup *lookup, const char *url)
{
    (void)url;
    answer_fetch(lookup, context);
}

#include "manual-example.c"

int main(int argc, char **argv)
{
    static const char *const words[] = {"later", "not to this host", "connect"};
    mtasts_outcome *outcome;
    context = ub_ctx_create();
    if (argc < 3 || ub_ctx_resolvconf(context, NULL) || ub_ctx_zone_remove(context, "test."))
        return 2;
    outcome = find_policy(argv[1]);
    printf("%s\n", words[may_connect(outcome, argv[2])]);
    mtasts_outcome_free(outcome);
    ub_ctx_delete(context);
    return 0;
}
