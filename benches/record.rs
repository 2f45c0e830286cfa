//! A TXT record.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mta_sts_benches::RECORD;
use mta_sts_core::Record;

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Bytes(RECORD.len() as u64));
    group.bench_function("parse", |bencher| bencher.iter(|| Record::parse(black_box(RECORD))));
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
