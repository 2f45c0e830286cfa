//! Runs each path of TLS reports once for `instruction-counts`, as `instruction_counts.rs` does with the others: beside them, the
//! compiler would choose otherwise what it inlines there.

use std::hint::black_box;
use std::net::IpAddr;

use mta_sts_benches::{CountedDomains, NOW, REPORTS, TLSRPT_RECORD, count, datagram};
use mta_sts_core::tlsrpt::{Datagram, Event, Report, SessionFacts};
use mta_sts_core::{CertificateResult, Delivery, DnsName, MxHost, Session, TlsResult};

/// How many sessions are counted.
const TIMES: usize = 100;

fn main() {
    reports();
    sessions();
}

/// Reports that are read and written.
fn reports() {
    for (name, json) in REPORTS {
        count(&format!("{name}, read"), || drop(black_box(Report::parse(black_box(json.as_bytes())))));
        let report = Report::parse(json.as_bytes()).expect("the bench's own report is one").report;
        count(&format!("{name}, written"), || drop(black_box(black_box(&report).to_json())));
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
