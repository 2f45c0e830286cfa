//! Parsing and matching.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mta_sts_benches::{RECORD, policy};
use mta_sts_core::{DnsName, Policy, Record};

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Bytes(RECORD.len() as u64));
    group.bench_function("record", |bencher| bencher.iter(|| Record::parse(black_box(RECORD))));
    for mx_hosts in [2, 100] {
        let text = policy(mx_hosts);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("policy of {mx_hosts} mx"), |bencher| {
            bencher.iter(|| Policy::parse(black_box(text.as_bytes())));
        });
    }
    group.finish();
}

fn matching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("match");
    for mx_hosts in [2, 100] {
        let policy = Policy::parse(policy(mx_hosts).as_bytes()).expect("the bench's own policy is valid");
        for (case, host) in [("hit", "mx1.mail.example.com"), ("miss", "mail.attacker.example")] {
            let name = DnsName::parse(host).expect("the bench's own name is valid");
            group.bench_function(format!("{case} of {mx_hosts}, name"), |bencher| {
                bencher.iter(|| policy.matching_pattern(black_box(&name)).is_some());
            });
            group.bench_function(format!("{case} of {mx_hosts}, text"), |bencher| {
                bencher.iter(|| policy.matches_mx(black_box(host)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, parse, matching);
criterion_main!(benches);
