//! The parsers and the matcher beside those of other crates: same inputs, same run.
//!
//! Ends with a table of minima, which other work on the machine disturbs least.

use std::cell::Cell;
use std::hint::black_box;
use std::time::Instant;

use criterion::Criterion;
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::mta_sts::MtaSts;
use mail_auth::report::tlsrpt::TlsReport;
use mta_sts_benches::{RECORD, REPORTS, hosts, policy};
use mta_sts_core::tlsrpt::Report;
use mta_sts_core::{Policy, Record};

fn main() {
    let mut table = Table { criterion: Criterion::default().configure_from_args(), rows: Vec::new() };

    let txt = str::from_utf8(RECORD).expect("the bench's own record is ASCII");
    table.compare(
        "record",
        || Record::parse(black_box(RECORD)),
        ("mail-auth", || MtaSts::parse(black_box(RECORD))),
    );
    table.compare(
        "record",
        || Record::parse(black_box(RECORD)),
        ("mailrs-mta-sts", || mailrs_mta_sts::StsRecord::parse(black_box(txt))),
    );
    for mx_hosts in [2, 100] {
        let text = policy(mx_hosts);
        table.compare(
            &format!("policy, {mx_hosts} mx"),
            || Policy::parse(black_box(text.as_bytes())),
            ("mailrs-mta-sts", || mailrs_mta_sts::Policy::parse(black_box(&text))),
        );
        let ours = Policy::parse(text.as_bytes()).expect("the bench's own policy is valid");
        let theirs = mailrs_mta_sts::Policy::parse(&text).expect("the bench's own policy is valid");
        for (case, host) in hosts(mx_hosts) {
            table.compare(
                &format!("{case}, {mx_hosts} patterns, raw"),
                || ours.matches_mx(black_box(&host)),
                ("mailrs-mta-sts", || mailrs_mta_sts::enforce(&theirs, black_box(&host))),
            );
        }
    }
    for (case, json) in REPORTS {
        assert!(Report::parse(json.as_bytes()).is_ok() && TlsReport::parse_json(json.as_bytes()).is_ok());
        table.compare(
            &format!("{case}, {} octets", json.len()),
            || Report::parse(black_box(json.as_bytes())),
            ("mail-auth", || TlsReport::parse_json(black_box(json.as_bytes()))),
        );
    }
    table.print();
}

struct Table {
    criterion: Criterion,
    rows: Vec<Row>,
}

struct Row {
    case: String,
    peer: &'static str,
    ours: f64,
    theirs: f64,
}

impl Table {
    /// Takes turns, so that what else the machine does falls on both.
    fn compare<A, B>(
        &mut self,
        case: &str,
        ours: impl Fn() -> A,
        (peer, theirs): (&'static str, impl Fn() -> B),
    ) {
        let mut row = Row { case: case.into(), peer, ours: f64::INFINITY, theirs: f64::INFINITY };
        for turn in 1..=3 {
            row.ours = row.ours.min(self.minimum(&format!("{case}/libmtasts beside {peer}, {turn}"), &ours));
            row.theirs = row.theirs.min(self.minimum(&format!("{case}/{peer}, {turn}"), &theirs));
        }
        self.rows.push(row);
    }

    /// The nanoseconds of the fastest sample.
    fn minimum<T>(&mut self, name: &str, run: impl Fn() -> T) -> f64 {
        let minimum = Cell::new(f64::INFINITY);
        self.criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let start = Instant::now();
                for _ in 0..iterations {
                    black_box(run());
                }
                let elapsed = start.elapsed();
                minimum.set(minimum.get().min(elapsed.as_secs_f64() * 1e9 / iterations as f64));
                elapsed
            });
        });
        minimum.get()
    }

    fn print(&self) {
        println!("\n| case | libmtasts, ns | peer | peer, ns | ratio |\n|---|--:|---|--:|--:|");
        // Those that the arguments left out were not measured.
        for Row { case, peer, ours, theirs } in self.rows.iter().filter(|row| row.ours.is_finite()) {
            println!("| {case} | {ours:.1} | {peer} | {theirs:.1} | {:.2} |", ours / theirs);
        }
    }
}
