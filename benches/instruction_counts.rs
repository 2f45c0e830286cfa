//! Runs each path once for `instruction-counts`, which has them counted.
//!
//! It prints the name of each path in the order in which they are run.

use std::hint::black_box;
use std::net::IpAddr;

use mta_sts_benches::{
    CountedDomains, NOW, RECORD, REPORTS, TLSRPT_RECORD, answers, cached, datagram, domain, hosts, look_up,
    policy,
};
use mta_sts_core::tlsrpt::{Datagram, Event, Report, SessionFacts};
use mta_sts_core::{
    CacheConfig, CertificateResult, Delivery, DnsName, LookupConfig, MxHost, Policy, PolicyCache,
    PolicyDomain, Record, Session, TlsResult,
};

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
    reports();
    sessions();
}

/// Reports that are read, and one that is written.
fn reports() {
    for (name, json) in REPORTS {
        count(&format!("{name}, read"), || drop(black_box(Report::parse(black_box(json.as_bytes())))));
        let report = Report::parse(json.as_bytes()).expect("the bench's own report is one").report;
        // The others are not as RFC 8460 has them.
        if report.to_json().is_ok() {
            count(&format!("{name}, written"), || drop(black_box(black_box(&report).to_json())));
        }
    }
}

/// Sessions that are counted for reports: as typed events, and as datagrams of libtlsrpt.
fn sessions() {
    let name = DnsName::parse("mx0.mail.example.com").expect("the bench's own name is valid");
    let CountedDomains { mut tally, domains, policies } = CountedDomains::new(COUNTED_DOMAINS);
    let chosen: Vec<_> = (0..TIMES).map(|number| number * 7919 % COUNTED_DOMAINS).collect();
    for (case, tls) in [("success", CertificateResult::Valid), ("failure", CertificateResult::Expired)] {
        let session = Session::new(TlsResult::certificate(tls));
        let rows: Vec<_> = policies
            .iter()
            .map(|policy| Delivery::under(policy).check_session(&MxHost::new(&name), session).rows[0])
            .collect();
        count(&format!("event, {case}, 10,000 domains"), || {
            for number in &chosen {
                let policy = number % CountedDomains::POLICIES;
                let facts = SessionFacts::new(&name)
                    .with_policy(&policies[policy])
                    .with_helo("mx0.mail.example.com")
                    .with_receiving_ip(IpAddr::from([192, 0, 2, 25]));
                let event = Event::session(&domains[*number], &rows[policy], facts);
                black_box(tally.count(black_box(&event.with_record(TLSRPT_RECORD)), NOW));
            }
        });
        let texts: Vec<_> =
            chosen.iter().map(|number| datagram(domains[*number].as_str(), case == "failure")).collect();
        count(&format!("datagram, {case}, 10,000 domains"), || {
            for text in &texts {
                let read =
                    Datagram::parse(black_box(text.as_bytes())).expect("the bench's own datagram is one");
                for event in read.events() {
                    black_box(tally.count(&event, NOW));
                }
            }
        });
    }
}

const COUNTED_DOMAINS: usize = 10_000;

const CACHED_DOMAINS: usize = 100_000;

fn count(name: &str, mut path: impl FnMut()) {
    println!("{name}");
    counted_path(&mut path);
}

/// What the counting begins and ends with: the one function of this name.
#[inline(never)]
fn counted_path(path: &mut dyn FnMut()) {
    path();
    // Something is left to do, so that the call is a call and not a jump.
    black_box(());
}
