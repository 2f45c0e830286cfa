//! A whole lookup, its answers ready.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use mta_sts_benches::{answers, cached, domain, look_up, policy};
use mta_sts_core::LookupConfig;

fn look_ups(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    let config = LookupConfig::new();
    let text = policy(2);
    for (case, entry) in [("cold fetch", None), ("cached, unchanged", Some(cached()))] {
        let inputs = || (domain(), answers(&text));
        group.bench_function(case, |bencher| {
            bencher.iter_batched(
                inputs,
                |(domain, answers)| look_up(domain, black_box(entry.as_ref()), answers, &config),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, look_ups);
criterion_main!(benches);
