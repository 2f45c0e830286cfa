//! An MX host against the patterns of a policy: the name ready, or as it came.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mta_sts_benches::{hosts, policy};
use mta_sts_core::{DnsName, Policy};

fn matching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mx");
    for mx_hosts in [2, 100] {
        let policy = Policy::parse(policy(mx_hosts).as_bytes()).expect("the bench's own policy is valid");
        for (case, host) in hosts(mx_hosts) {
            let name = DnsName::parse(&host).expect("the bench's own name is valid");
            group.bench_function(format!("{case}, {mx_hosts} patterns, ready"), |bencher| {
                bencher.iter(|| black_box(&policy).matching_pattern(black_box(&name)).is_some());
            });
            group.bench_function(format!("{case}, {mx_hosts} patterns, raw"), |bencher| {
                bencher.iter(|| black_box(&policy).matches_mx(black_box(&host)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, matching);
criterion_main!(benches);
