//! How much memory a service takes whom strangers offer large policies. In a process of its own, since it is the process's
//! memory that is measured.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use mta_sts_resolver::{
    DnsClient, EntryStore, PolicyAnswer, PolicyFetcher, PolicyService, Resolver, ServiceConfig, StoreFuture,
    TrustStore,
};

const NOW: u64 = 1_700_000_000;

/// A store that has a policy for every domain: a small one of their own for honest ones, and one as large as can be for others.
#[derive(Debug)]
struct Strangers;

impl EntryStore for Strangers {
    fn get<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, Option<CacheEntry>> {
        Box::pin(async move {
            let mut policy = format!("version:STSv1\nmode:enforce\nmax_age:999999\nmx:mx.{domain}\n");
            if domain.as_str().starts_with("junk-") {
                // As many patterns as there is room for: they take most.
                while policy.len() < 65_520 {
                    policy.push_str("mx:A.B\n");
                }
            }
            let mut text =
                format!("mta-sts-entry 1\nchecked-until: {}\nid: 1\nfetched-at: {NOW}\n", NOW + 3600);
            write!(text, "policy-length: {}\n\n{policy}", policy.len()).unwrap();
            Ok(Some(CacheEntry::parse(text.as_bytes(), domain).unwrap()))
        })
    }

    fn put<'a>(&'a self, _: &'a PolicyDomain, entry: &'a CacheEntry) -> StoreFuture<'a, CacheEntry> {
        Box::pin(async { Ok(entry.clone()) })
    }

    fn remove<'a>(&'a self, _: &'a PolicyDomain) -> StoreFuture<'a, bool> {
        Box::pin(async { Ok(false) })
    }

    fn page<'a>(
        &'a self,
        _: Option<&'a PolicyDomain>,
        _: usize,
    ) -> StoreFuture<'a, Vec<(PolicyDomain, CacheEntry)>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// What the process takes, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test]
async fn large_policies_of_strangers_take_no_more_memory_than_they_may() {
    // Without a bound they would take 160 KiB each: ten GiB all of them, and half of one the few.
    let offered = if std::env::var_os("MTASTS_SOAK").is_some() { 65_536 } else { 3000 };
    let nobody = "127.0.0.1:9".parse().unwrap();
    let fetcher = PolicyFetcher::new(TrustStore::platform().unwrap());
    let resolver = Resolver::new(DnsClient::of_server(nobody), fetcher);
    // Few lookups wait for DNS, which nobody answers; the others are answered from the store alone.
    let config = ServiceConfig::new()
        .with_store(Arc::new(Strangers))
        .with_clock(|| UnixTime::from_secs(NOW))
        .with_answer_within_if_cached(Duration::from_millis(1))
        .with_max_waiting(16);
    let service = PolicyService::new(resolver, config);
    let answers = async |name: String| {
        let answer = service.answer(&PolicyDomain::parse(&name).unwrap()).await;
        assert!(matches!(answer, PolicyAnswer::Policy(_)), "{name}: {answer:?}");
    };
    for number in 0..1000 {
        answers(format!("honest-{number}.test")).await;
    }
    let mut most = 0;
    for number in 0..offered {
        answers(format!("junk-{number}.test")).await;
        if number % 100 == 0 {
            most = most.max(resident());
            answers(format!("honest-{}.test", number / 100 % 1000)).await;
        }
    }
    assert!(most < 300, "{most} MiB");
    let held = service.domains();
    let honest = held.iter().filter(|domain| domain.as_str().starts_with("honest-")).count();
    assert_eq!(honest, 1000, "of {}", held.len());
    let octets = service.counts().policy_octets;
    assert!((200 << 20..=256 << 20).contains(&octets), "{octets}");
    println!("{most} MiB at most, {} domains held", held.len());
}
