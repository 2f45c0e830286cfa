//! Runs each path once for `instruction-counts`, which has them counted.
//!
//! It prints the name of each path in the order in which they are run.

use std::hint::black_box;

use mta_sts_benches::{NOW, RECORD, answers, cached, count, domain, hosts, look_up, policy};
use mta_sts_core::{CacheConfig, DnsName, LookupConfig, Policy, PolicyCache, PolicyDomain, Record};

/// How often a path of a few dozen instructions is run, for its count to stand out.
const TIMES: usize = 100;

fn main() {
    count("record", || {
        for _ in 0..TIMES {
            let _ = black_box(Record::parse(black_box(RECORD)));
        }
    });
    for mx_hosts in [2, 100] {
        let text = policy(mx_hosts);
        count(&format!("policy, {mx_hosts} mx"), || {
            drop(black_box(Policy::parse(black_box(text.as_bytes()))));
        });

        let policy = Policy::parse(text.as_bytes()).expect("the bench's own policy is valid");
        for (case, host) in hosts(mx_hosts) {
            let name = DnsName::parse(&host).expect("the bench's own name is valid");
            count(&format!("{case}, {mx_hosts} patterns, ready"), || {
                for _ in 0..TIMES {
                    black_box(black_box(&policy).matching_pattern(black_box(&name)).is_some());
                }
            });
            count(&format!("{case}, {mx_hosts} patterns, raw"), || {
                for _ in 0..TIMES {
                    black_box(black_box(&policy).matches_mx(black_box(&host)));
                }
            });
        }
    }

    let text = policy(2);
    let config = LookupConfig::new();
    for (case, entry) in [("cold fetch", None), ("cached, unchanged", Some(cached()))] {
        let mut inputs = Some((domain(), answers(&text)));
        count(&format!("lookup, {case}"), || {
            let (domain, answers) = inputs.take().expect("each path is run once");
            drop(black_box(look_up(domain, entry.as_ref(), answers, &config)));
        });
    }

    let mut cache = PolicyCache::new(CacheConfig::new(0).with_max_entries(CACHED_DOMAINS));
    let entry = cached();
    let name = |number: usize| {
        PolicyDomain::parse(&format!("domain{number}.example.com")).expect("the bench's own name is valid")
    };
    for number in 0..CACHED_DOMAINS {
        cache.insert(&name(number), entry.clone(), NOW);
    }
    let wanted: Vec<_> = (0..TIMES).map(|number| name(number * 7919 % CACHED_DOMAINS)).collect();
    count("cached verdict, 100,000 domains", || {
        for domain in &wanted {
            black_box(cache.get(black_box(domain), NOW));
        }
    });
}

const CACHED_DOMAINS: usize = 100_000;
