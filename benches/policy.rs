//! A policy of few MX hosts, and of many.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mta_sts_benches::policy;
use mta_sts_core::Policy;

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policy");
    for mx_hosts in [2, 100] {
        let text = policy(mx_hosts);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("parse, {mx_hosts} mx"), |bencher| {
            bencher.iter(|| Policy::parse(black_box(text.as_bytes())));
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
