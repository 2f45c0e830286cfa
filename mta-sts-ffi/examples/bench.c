/*
 * What a match and a parse cost through the ABI, in nanoseconds: the least of many short rounds, since whatever else the
 * machine does only adds. bench.rs measures the same in Rust; `examples/bench` runs both in turn.
 */
#include <mtasts.h>
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 100, CALLS = 20000 };

static double seconds(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static double least(double a, double b) { return a < b ? a : b; }

int main(void)
{
    static const char body[] = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: mx2.example.com\r\nmax_age: 604800\r\n";
    double match = 1e9, parse = 1e9;
    mtasts_policy *policy = NULL;
    unsigned matched = 0;
    if (mtasts_policy_parse((const uint8_t *)body, sizeof body - 1, &policy, NULL))
        return 1;
    for (int round = 0; round < ROUNDS; round++) {
        double start = seconds();
        for (int call = 0; call < CALLS; call++)
            matched += (unsigned)mtasts_policy_matches_mx(policy, "mx2.example.com");
        match = least(match, (seconds() - start) / CALLS * 1e9);
        start = seconds();
        for (int call = 0; call < CALLS; call++) {
            mtasts_policy *parsed = NULL;
            matched += (unsigned)mtasts_policy_parse((const uint8_t *)body, sizeof body - 1, &parsed, NULL);
            mtasts_policy_free(parsed);
        }
        parse = least(parse, (seconds() - start) / CALLS * 1e9);
    }
    mtasts_policy_free(policy);
    printf("%.1f %.1f\n", match, parse);
    return matched == (unsigned)ROUNDS * CALLS ? 0 : 1;
}
