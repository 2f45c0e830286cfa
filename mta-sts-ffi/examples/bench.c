/*
 * What a match and a parse cost through the ABI, in nanoseconds: the middle of 15 rounds. `cargo run --release -p
 * mta-sts-ffi --example bench` measures the same in Rust.
 */
#include <mtasts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 15, CALLS = 1000000 };

static double seconds(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int main(void)
{
    static const char body[] = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: mx2.example.com\r\nmax_age: 604800\r\n";
    double match[ROUNDS], parse[ROUNDS];
    mtasts_policy *policy = NULL;
    unsigned matched = 0;
    if (mtasts_policy_parse((const uint8_t *)body, sizeof body - 1, &policy, NULL))
        return 1;
    for (int round = 0; round < ROUNDS; round++) {
        double start = seconds();
        for (int call = 0; call < CALLS; call++)
            matched += (unsigned)mtasts_policy_matches_mx(policy, "mx2.example.com");
        match[round] = (seconds() - start) / CALLS * 1e9;
        start = seconds();
        for (int call = 0; call < CALLS; call++) {
            mtasts_policy *parsed = NULL;
            matched += (unsigned)mtasts_policy_parse((const uint8_t *)body, sizeof body - 1, &parsed, NULL);
            mtasts_policy_free(parsed);
        }
        parse[round] = (seconds() - start) / CALLS * 1e9;
    }
    mtasts_policy_free(policy);
    qsort(match, ROUNDS, sizeof *match, compare);
    qsort(parse, ROUNDS, sizeof *parse, compare);
    printf("C: match %.1f ns, parse %.1f ns\n", match[ROUNDS / 2], parse[ROUNDS / 2]);
    return matched == (unsigned)ROUNDS * CALLS ? 0 : 1;
}
