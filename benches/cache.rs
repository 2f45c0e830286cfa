//! A cached verdict, and what a cached domain takes in memory.
//!
//! `cargo bench -p mta-sts-benches --bench cache` measures the time. With `-- bytes` it prints the
//! table of bytes instead, each cache in a process of its own: memory that another had before would
//! be counted as not needed. With `-- least` it prints the least time of many short loops.

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::Criterion;
use mta_sts_benches::policy;
use mta_sts_core::{
    CacheConfig, CacheUpdate, CachedPolicy, DnsName, Policy, PolicyCache, PolicyDomain, UnixTime,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// Distinct policies: domains are customers of providers.
const POLICIES: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| *word != "--bench").collect();
    match arguments[..] {
        ["bytes"] => print_bytes(),
        ["least"] => print_least(),
        ["bytes", size] => print_row(size.parse().expect("a number of domains")),
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            verdicts(&mut criterion);
            criterion.final_summary();
        }
    }
}

fn verdicts(criterion: &mut Criterion) {
    let host = DnsName::parse("mx1.mail.example.com").expect("the bench's own name is valid");
    let mut group = criterion.benchmark_group("cached verdict");
    for size in SIZES {
        let mut cache = filled(size);
        let domains = random_domains(size);
        let mut next = domains.iter().cycle();
        group.bench_function(format!("{size} domains, get"), |bencher| {
            bencher.iter(|| next.next().and_then(|domain| cache.get(domain, NOW)));
        });
        group.bench_function(format!("{size} domains, get and match"), |bencher| {
            bencher.iter(|| {
                let entry = next.next().and_then(|domain| cache.get(domain, NOW))?;
                let policy = entry.valid_policy(NOW)?.policy();
                Some(policy.matching_pattern(black_box(&host)).is_some())
            });
        });
    }
    group.finish();
}

fn random_domains(size: usize) -> Vec<PolicyDomain> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut any_domain = || {
        // xorshift64
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        domain(usize::try_from(random % size as u64).expect("smaller than a size"))
    };
    (0..1_000_000).map(|_| any_domain()).collect()
}

/// The least of many short loops, each too short for another process to come between: on a busy machine the mean tells of others.
#[allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn print_least() {
    const LOOP: usize = 10_000;
    for size in SIZES {
        let mut cache = filled(size);
        let domains = random_domains(size);
        let loops = domains.chunks(LOOP).chain(domains.chunks(LOOP)).map(|domains| {
            let start = Instant::now();
            for domain in domains {
                black_box(cache.get(domain, NOW));
            }
            start.elapsed()
        });
        let mut loops: Vec<_> = loops.collect();
        loops.sort_unstable();
        let nanos = |time: Duration| time.as_nanos() / LOOP as u128;
        println!(
            "{size} domains: get at least {} ns, half of all {} ns",
            nanos(loops[0]),
            nanos(loops[loops.len() / 2])
        );
    }
}

fn print_bytes() {
    let this = std::env::current_exe().expect("a running bench has a file");
    println!("| domains | requested, octets a domain | resident, octets a domain |\n|---:|---:|---:|");
    for size in SIZES {
        let status = Command::new(&this).args(["bytes", &size.to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "a row of {size}");
    }
}

fn print_row(size: usize) {
    // What the first allocations set up is not the cache's.
    drop(filled(1));
    let (requested, resident) = (ALLOCATOR.current_usage(), resident());
    let cache = filled(size);
    let requested = ALLOCATOR.current_usage() - requested;
    let resident = self::resident().saturating_sub(resident);
    assert_eq!(cache.len(), size);
    // Tenths in whole numbers, which a table needs no more than.
    let tenths = |octets: usize| format!("{}.{}", octets / size, octets % size * 10 / size);
    println!("| {size} | {} | {} |", tenths(requested), tenths(resident));
}

/// Octets of this process in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.as_deref().and_then(|text| text.split(' ').nth(1)?.parse::<usize>().ok());
    pages.expect("Linux tells the pages of a process") * 4096
}

/// A cache that is full, each policy parsed as it comes from the network.
fn filled(size: usize) -> PolicyCache {
    let mut cache = PolicyCache::new(CacheConfig::new(8461).with_max_entries(size));
    let texts: Vec<String> =
        (0..POLICIES).map(|number| policy(2).replace("mail.", &format!("mail{number}."))).collect();
    for number in 0..size {
        let policy =
            Policy::parse(texts[number % POLICIES].as_bytes()).expect("the bench's own policy is valid");
        let id = "20240101000000".parse().expect("the bench's own id is valid");
        let update = CacheUpdate::Store {
            policy: CachedPolicy::new(policy, id, NOW),
            checked_until: UnixTime::from_secs(NOW.as_secs() + 300),
        };
        cache.apply(&domain(number), &update, NOW);
    }
    cache
}

fn domain(number: usize) -> PolicyDomain {
    PolicyDomain::parse(&format!("customer-{number}.example.com")).expect("the bench's own name is valid")
}
