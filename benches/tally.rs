//! An event into a tally, and a datagram of libtlsrpt, read and counted; what counted domains take in memory.
//!
//! `cargo bench -p mta-sts-benches --bench tally` measures the time. With `-- bytes` it prints the octets instead.

use std::hint::black_box;
use std::net::IpAddr;

use criterion::{BatchSize, Criterion};
use mta_sts_benches::{CountedDomains, NOW, TLSRPT_RECORD, datagram};
use mta_sts_core::tlsrpt::{Counted, Datagram, Event, SessionFacts};
use mta_sts_core::{CertificateResult, Delivery, DnsName, MxHost, Session, TlsResult};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const DOMAINS: usize = 10_000;

fn main() {
    if std::env::args().any(|argument| argument == "bytes") {
        let before = ALLOCATOR.current_usage();
        let tally = CountedDomains::new(DOMAINS).tally;
        let held = ALLOCATOR.current_usage() - before;
        println!("{DOMAINS} domains: {held} octets held, {} said", tally.octets());
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    events(&mut criterion);
    datagrams(&mut criterion);
    criterion.final_summary();
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event");
    let name = DnsName::parse("mx0.mail.example.com").expect("the bench's own name is valid");
    for (case, tls) in [("success", CertificateResult::Valid), ("failure", CertificateResult::Expired)] {
        let CountedDomains { mut tally, domains, policies } = CountedDomains::new(DOMAINS);
        let rows: Vec<_> = policies
            .iter()
            .map(|policy| {
                let session = Session::new(TlsResult::certificate(tls));
                Delivery::under(policy).check_session(&MxHost::new(&name), session).rows[0]
            })
            .collect();
        let mut next = (0..DOMAINS).map(|number| number * 7919 % DOMAINS).cycle();
        group.bench_function(format!("{case}, {DOMAINS} domains"), |bencher| {
            bencher.iter(|| {
                let number = next.next().unwrap_or_default();
                let facts = SessionFacts::new(&name)
                    .with_policy(&policies[number % CountedDomains::POLICIES])
                    .with_helo("mx0.mail.example.com")
                    .with_sending_ip(IpAddr::from([192, 0, 2, 1]))
                    .with_receiving_ip(IpAddr::from([192, 0, 2, 25]));
                let event = Event::session(&domains[number], &rows[number % CountedDomains::POLICIES], facts);
                tally.count(black_box(&event.with_record(TLSRPT_RECORD)), NOW)
            });
        });
    }
    group.finish();
}

fn datagrams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("datagram");
    for (case, has_failed) in [("success", false), ("failure", true)] {
        let text = datagram("domain7.example.com", has_failed);
        group.bench_function(format!("{case}, {} octets, read", text.len()), |bencher| {
            bencher.iter(|| Datagram::parse(black_box(text.as_bytes())));
        });
        let texts: Vec<_> =
            (0..DOMAINS).map(|number| datagram(&format!("domain{number}.example.com"), has_failed)).collect();
        let CountedDomains { mut tally, .. } = CountedDomains::new(DOMAINS);
        let mut next = (0..DOMAINS).map(|number| number * 7919 % DOMAINS).cycle();
        group.bench_function(format!("{case}, read and counted, {DOMAINS} domains"), |bencher| {
            bencher.iter_batched(
                || next.next().unwrap_or_default(),
                |number| {
                    let read =
                        Datagram::parse(texts[number].as_bytes()).expect("the bench's own datagram is one");
                    for event in read.events() {
                        assert_ne!(tally.count(&event, NOW), Counted::Folded);
                    }
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}
