//! How often parsing and matching ask for memory, and for how much: counted here, since time alone does not tell.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write;

#[cfg(feature = "tlsrpt")]
use mta_sts_core::tlsrpt::{Counted, Datagram, NotCounted, ReportPolicy, ReportSender, Tally, TallyConfig};
use mta_sts_core::{
    DnsName, HttpResponse, Input, Lookup, LookupConfig, Policy, PolicyDomain, Purpose, Record, UnixTime,
};

/// The system's allocator, which counts what each thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST_HELD: Cell<usize> = const { Cell::new(0) };
}

fn hold(octets: usize, instead_of: usize) {
    let held = HELD.get().wrapping_sub(instead_of).wrapping_add(octets);
    HELD.set(held);
    MOST_HELD.set(MOST_HELD.get().max(held));
}

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        hold(layout.size(), 0);
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        hold(new_size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        hold(0, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and reallocations of a call.
fn allocations<T>(call: impl FnOnce() -> T) -> usize {
    let before = ALLOCATIONS.get();
    let result = call();
    let counted = ALLOCATIONS.get() - before;
    drop(result);
    counted
}

/// The octets that the result of a call holds, and the most that are held at once during it.
fn octets<T>(call: impl FnOnce() -> T) -> (usize, usize) {
    let before = HELD.get();
    MOST_HELD.set(before);
    let result = call();
    let (held, most) = (HELD.get().saturating_sub(before), MOST_HELD.get() - before);
    drop(result);
    (held, most)
}

fn policy(mx_hosts: usize) -> String {
    let mut text = String::from("version: STSv1\r\nmode: enforce\r\n");
    for number in 0..mx_hosts {
        write!(text, "mx: mx{number}.mail.example.test\r\n").unwrap();
    }
    text + "max_age: 604800\r\n"
}

#[test]
fn a_record_is_read_without_memory() {
    assert_eq!(allocations(|| Record::parse(b"v=STSv1; id=20160831085700Z;").unwrap()), 0);
    assert_eq!(allocations(|| Record::parse(b"v=STSv1; id=not-an-id").unwrap_err()), 0);
}

#[test]
fn a_policy_takes_few_allocations_however_many_hosts_it_has() {
    for (mx_hosts, most) in [(2, 2), (4, 2), (5, 3), (100, 4), (1000, 4)] {
        let text = policy(mx_hosts);
        let counted = allocations(|| Policy::parse(text.as_bytes()).unwrap());
        assert!((1..=most).contains(&counted), "{mx_hosts} mx: {counted} allocations");
    }
}

#[test]
fn a_host_is_matched_without_memory() {
    let policy = Policy::parse(policy(100).as_bytes()).unwrap();
    let name = DnsName::parse("mx99.mail.example.test").unwrap();
    assert_eq!(allocations(|| policy.matching_pattern(&name).is_some()), 0);
    for host in ["MX99.mail.example.test.", "mx99.mail.example.test", "mx.attacker.test", "not a name"] {
        assert_eq!(allocations(|| policy.matches_mx(host)), 0, "{host}");
    }
}

#[test]
fn a_policy_takes_at_most_two_and_a_half_times_its_text() {
    let with = |mx: &str, count: usize, rest: &str| {
        format!("version:STSv1\nmode:none\nmax_age:1\n{}{rest}", mx.repeat(count))
    };
    for text in [
        with("mx:A.B\n", 9000, ""),
        with("mx:a.b\n", 9000, ""),
        with("mx:*.B\n", 9000, ""),
        with("mx: Mx.Mail.Example.Test\r\n", 2000, ""),
        with("mx:A.B\n", 4097, &"x:y\n".repeat(8000)),
        with("mx:A.B\n", 1, &"x:y\n".repeat(15_000)),
        // One long name, and short ones behind it: more of them than the first makes believe.
        with(&format!("mx:{}.B\n", "a".repeat(60)), 1, &"mx:A.B\n".repeat(9000)),
        with("", 0, &"x:y\n".repeat(16_000)),
        policy(2),
        policy(100),
    ] {
        let bound = text.len() * 5 / 2 + 200;
        let (held, most) = octets(|| Policy::parse(text.as_bytes()).unwrap());
        assert!(
            held > text.len() && held <= bound && most <= bound,
            "{held} {most} of {}: {}",
            text.len(),
            &text[..60]
        );
    }
}

#[test]
fn the_lines_of_what_is_no_policy_take_at_most_twice_its_octets() {
    let now = UnixTime::from_secs(1_700_000_000);
    for unit in [
        "\n".as_bytes(),
        b"a\n",
        b"\xff\n",
        b"a\xff",
        b"\xff",
        b"\0\n",
        b"a\0",
        b"\xc3\xa9\n",
        b"line of it\r\n",
    ] {
        let body = unit.repeat(65_536 / unit.len());
        let domain = PolicyDomain::parse("example.test").unwrap();
        let mut lookup = Lookup::new(domain, Purpose::Deliver, None, now, &LookupConfig::new());
        let rrs = [b"v=STSv1; id=1"];
        lookup.handle_input(Input::txt(&rrs, std::time::Duration::from_secs(300)), now).unwrap();
        let response = HttpResponse::new(200, &body).with_content_type(b"text/plain");
        let (held, most) = octets(|| {
            lookup.handle_input(Input::Response(response), now).unwrap();
            lookup
        });
        let bound = 2 * body.len() + 1000;
        assert!(held <= bound && most <= bound, "{held} {most}: {unit:?}");
    }
}

/// The octets of a hostile report may be anything. Its memory is bounded all the same.
// Proves R88.
#[cfg(feature = "tlsrpt")]
#[test]
fn a_hostile_report_takes_four_times_its_length_and_64_kib_at_most() {
    use mta_sts_core::tlsrpt::{Report, ReportLimits};

    let details = r#"{"result-type":"x","failed-session-count":1}"#;
    let more = r#"{"result-type":"x","failed-session-count":1,"receiving-ip":"1","failure-reason-code":"2"}"#;
    let broken = b"{\"result-type\":\"\xff\xff\xff\xff\xff\xff\xff\xff\",\"failed-session-count\":1}";
    // What stands in front, what is repeated, with commas, and what ends it.
    for (front, piece, back) in [
        (r#"{"policies":["#, &b"{}"[..], "]}"),
        (r#"{"policies":["#, br#"{"policy":{"policy-type":"x"}}"#, "]}"),
        (r#"{"policies":["#, br#"{"summary":{"total-failure-session-count":1}}"#, "]}"),
        (r#"{"policies":["#, br#"{"policy":{"policy-type":"x","policy-string":["a"],"mx-host":["b"]}}"#, "]}"),
        (r#"{"policies":["#, br#"{"policy":{"policy-type":"x"},"failure-details":{"result-type":"x","failed-session-count":1}}"#, "]}"),
        (r#"{"policies":[{"failure-details":["#, b"{}", "]}]}"),
        (r#"{"policies":[{"failure-details":["#, details.as_bytes(), "]}]}"),
        (r#"{"policies":[{"failure-details":["#, more.as_bytes(), "]}]}"),
        (r#"{"policies":[{"failure-details":["#, broken, "]}]}"),
        (r#"{"policies":[{"policy":{"policy-string":["#, br#""""#, "]}}]}"),
        (r#"{"policies":[{"policy":{"policy-string":["#, br#""a""#, "]}}]}"),
        (r#"{"policies":[{"policy":{"policy-string":["#, b"\"\xff\"", "]}}]}"),
        (r#"{"policies":[{"policy":{"policy-string":["#, b"\"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\"", "]}}]}"),
        (r#"{"policies":[{"policy":{"policy-string":["[\"#, br#"\"a\""#, r#"]"]}}]}"#),
        (r#"{"policies":[{"policy":{"mx-host":["#, br#""\u0001\ud800""#, "]}}]}"),
        (r#"{"x":["#, b"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", r#"],"policies":[]}"#),
        (r"{", br#""a":0"#, r#","policies":[]}"#),
        (r"{", b"\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\"\":0", r#","policies":[]}"#),
        (r"{", br#""\u0061":0"#, r#","policies":[]}"#),
        (r"{", br#""policies":[]"#, "}"),
        (r#"{"report-id":"#, b"1", r#","policies":[]}"#),
        (r#"{"report-id":""#, b"\xff\xfe", r#"","policies":[]}"#),
    ] {
        for count in [1, 20, 300, 999, 5_000, 20_001] {
            let mut json = front.as_bytes().to_vec();
            json.extend([piece].repeat(count).join(&b','));
            json.extend(back.as_bytes());
            let (_, most) = octets(|| Report::parse(&json));
            let bound = 4 * json.len() + 65_536;
            assert!(most <= bound, "{most} octets for {} of {front}{}", json.len(), piece.escape_ascii());
            // Also without the bounds on counts, which are not what keeps it small.
            let limits = ReportLimits::new().with_max_policies(u32::MAX).with_max_details(u32::MAX);
            let (_, most) = octets(|| Report::parse_with(&json, &limits));
            assert!(most <= bound, "{most} octets for {} of {front}{}", json.len(), piece.escape_ascii());
            // What lint finds of it is little more.
            #[cfg(feature = "lint")]
            {
                let (_, most) = octets(|| mta_sts_core::lint::report(&json));
                let bound = bound + json.len() / 2 + (1 << 17);
                assert!(most <= bound, "lint: {most} octets for {} of {front}{}", json.len(), piece.escape_ascii());
            }
        }
    }
}

/// A report takes its texts, its lists, and a box for each policy and each of its details.
#[cfg(feature = "tlsrpt")]
#[test]
fn a_report_asks_for_memory_a_few_times() {
    use mta_sts_core::tlsrpt::Report;

    let json = include_bytes!("../../benches/reports/successes.json");
    assert_eq!(allocations(|| Report::parse(json)), 9);
}

#[cfg(feature = "tlsrpt")]
#[test]
fn a_tally_takes_no_more_memory_than_it_may_whatever_strangers_send() {
    const MOST: usize = 1 << 20;
    let now = UnixTime::from_secs(1_700_000_000);
    let long = "x".repeat(2000);
    let config = || {
        let sender = ReportSender::new("tls@sender.test", "Sender Inc.").unwrap();
        TallyConfig::new(7, sender).with_max_octets(MOST)
    };
    // Domains alone, policies of their own, failures of every kind.
    for (lines, failures, has_store) in
        [("", 0, false), (&*long, 0, false), ("", 3, false), (&*long, 3, false), ("", 0, true), ("", 3, true)]
    {
        let before = HELD.get();
        let mut tally = Tally::new(config());
        if has_store {
            let mark = tally.changes().mark();
            tally.handle_saved(mark);
        }
        let (mut sessions, mut refused) = (0, 0);
        for number in 0..10_000 {
            let failures: Vec<_> = (0..failures)
                .map(|kind| format!(r#"{{"c":201,"n":"mx{number}.test","h":"helo{number}.{kind}.test","r":"192.0.2.{kind}"}}"#))
                .collect();
            let json = format!(
                r#"{{"d":"{}.test","pr":"v=TLSRPTv1; rua=mailto:a@b","policies":[
                {{"policy-type":2,"policy-string":["{number} {lines}"],"failure-details":[{}],"f":0}}]}}"#,
                // Some domains send mail again and again.
                if number % 4 == 0 { number % 64 } else { number },
                failures.join(",")
            );
            let datagram = Datagram::parse(json.as_bytes()).unwrap();
            for event in datagram.events() {
                match tally.count(&event, now) {
                    Counted::Whole | Counted::Folded => sessions += 1,
                    Counted::Not(reason) => {
                        assert_eq!(reason, NotCounted::OutOfMemory);
                        refused += 1;
                    }
                }
            }
            assert!(tally.octets() <= MOST, "{}", tally.octets());
        }
        let held = HELD.get() - before;
        println!("{held} octets held, {} said, {sessions} counted, {refused} refused", tally.octets());
        assert!(held <= MOST, "{held} octets");
        assert!(refused > 0 && sessions > 0);
        // What is counted is never pushed out, and its totals are right.
        let later = tally.poll_timeout().map(|_| UnixTime::from_secs(1_700_000_000 + 2 * 86_400)).unwrap();
        let mut reported = 0;
        while let Some(due) = tally.poll_report(later) {
            reported += due.report.policies().iter().map(ReportPolicy::successes).sum::<u64>();
            tally.handle_delivery(&due.id, mta_sts_core::tlsrpt::ReportDelivery::Delivered, later);
        }
        // The store has not saved that they are gone.
        assert!(HELD.get() - before <= tally.octets() + MOST / 4);
        let mark = tally.changes().mark();
        tally.handle_saved(mark);
        assert_eq!(reported, sessions);
        // Little is left of them: that they had a report.
        assert!(tally.is_empty() && tally.octets() < MOST / 16, "{}", tally.octets());
        assert!(HELD.get() - before < MOST / 4);
    }
}
