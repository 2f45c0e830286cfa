//! What a mail server sees of the tally: what counts, what never does, when reports are due.
#![cfg(feature = "tlsrpt")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use mta_sts_core::tlsrpt::{
    Counted, Datagram, DueReport, Event, FailureDetails, MailParts, NotCounted, ReportDelivery, ReportPolicy,
    ReportSender, SessionFacts, Tally, TallyChange, TallyConfig,
};
use mta_sts_core::{
    CacheUpdate, CachedPolicy, CertificateResult, Conclusion, Delivery, DnsName, FetchFailure, HostOutcome,
    HttpResponse, Input, Lookup, LookupConfig, MxHost, Outcome, Output, Policy, PolicyDomain, PolicyType,
    Purpose, QueueLifetime, ResultType, Session, TlsResult, UnixTime,
};

const RECORD: &str = "v=TLSRPTv1; rua=mailto:tls@reports.test";
/// A noon.
const NOON: u64 = 1_700_049_600;
const DAY: u64 = 86_400;

fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(secs)
}

fn sender() -> ReportSender {
    ReportSender::new("tls@sender.test", "Sender Inc.").unwrap()
}

fn tally() -> Tally {
    Tally::new(TallyConfig::new(7, sender()))
}

fn domain(name: &str) -> PolicyDomain {
    PolicyDomain::parse(name).unwrap()
}

fn policy(mode: &str) -> Policy {
    Policy::parse(format!("version: STSv1\nmode: {mode}\nmx: mx.a.test\nmax_age: 604800\n").as_bytes())
        .unwrap()
}

/// All that is due, delivered at once.
fn reports(tally: &mut Tally, now: UnixTime) -> Vec<DueReport> {
    let mut reports = Vec::new();
    while let Some(due) = tally.poll_report(now) {
        tally.handle_delivery(&due.id, ReportDelivery::Delivered, now);
        reports.push(due);
    }
    reports
}

/// The only policy of the only report of the day.
fn only_policy(tally: &mut Tally) -> ReportPolicy {
    let mut reports = reports(tally, at(NOON + DAY));
    assert_eq!(reports.len(), 1);
    let policies = reports.remove(0).report.policies().to_vec();
    assert_eq!(policies.len(), 1);
    policies[0].clone()
}

fn count_session(tally: &mut Tally, delivery: &Delivery<'_>, policy: Option<&Policy>, tls: TlsResult) {
    let name = DnsName::parse("mx.a.test").unwrap();
    let domain = domain("a.test");
    let facts = SessionFacts::new(&name).with_receiving_ip(IpAddr::from([192, 0, 2, 1]));
    let facts = policy.map_or(facts, |policy| facts.with_policy(policy));
    for row in &delivery.check_session(&MxHost::new(&name), Session::new(tls)).rows {
        let event = Event::session(&domain, row, facts).with_record(RECORD);
        assert_eq!(tally.count(&event, at(NOON)), Counted::Whole);
    }
}

/// The outcome of a lookup whose answer to the policy request is this.
fn outcome(entry: Option<&mta_sts_core::CacheEntry>, answer: Input<'_>) -> Outcome {
    let config = LookupConfig::new();
    let mut lookup = Lookup::new(domain("a.test"), Purpose::Deliver, entry, at(NOON), &config);
    let mut answer = Some(answer);
    loop {
        let input = match lookup.poll_output() {
            Output::QueryTxt(_) => Input::txt(&[b"v=STSv1; id=2"], Duration::from_secs(300)),
            Output::FetchPolicy(_) => answer.take().unwrap(),
            Output::Done(outcome) => return outcome.clone(),
        };
        lookup.handle_input(input, at(NOON)).unwrap();
    }
}

// Proves R31, R32, A36.
#[test]
fn sessions_count_under_the_policy_that_was_looked_for() {
    for mode in ["enforce", "testing"] {
        let policy = policy(mode);
        let mut tally = tally();
        let delivery = Delivery::under(&policy);
        let valid = TlsResult::certificate(CertificateResult::Valid);
        let expired = TlsResult::certificate(CertificateResult::Expired);
        for tls in [valid, valid, expired] {
            count_session(&mut tally, &delivery, Some(&policy), tls);
        }
        let policy = only_policy(&mut tally);
        assert_eq!(policy.kind().known(), Some(PolicyType::Sts));
        assert_eq!((policy.successes(), policy.failures()), (2, 1), "{mode}");
        assert_eq!(policy.lines().nth(1), Some(&*format!("mode: {mode}")));
        assert_eq!(policy.mx_hosts().collect::<Vec<_>>(), ["mx.a.test"]);
        let details = &policy.details()[0];
        assert_eq!(details.result().known(), Some(ResultType::CertificateExpired));
        assert_eq!(details.receiving_mx_hostname(), Some("mx.a.test"));
        assert_eq!(details.failure_reason_code(), Some("certificate-expired"));
        assert_eq!(details.sending_mta_ip(), None);
    }
}

// Proves R33.
#[test]
fn a_connection_that_fails_is_not_counted() {
    let policy = policy("enforce");
    let delivery = Delivery::under(&policy);
    let name = DnsName::parse("mx.a.test").unwrap();
    let verdict = delivery.check_mx(&MxHost::new(&name));
    let mut tally = tally();
    for row in &verdict.rows {
        tally.count(&Event::session(&domain("a.test"), row, SessionFacts::new(&name)), at(NOON));
    }
    let conclusion = delivery.conclude(&[HostOutcome::Unavailable], QueueLifetime::Running, None);
    assert_eq!(conclusion, Conclusion::Defer);
    assert!(tally.is_empty());
}

// Proves R17.
#[test]
fn what_asks_for_no_reports_is_not_counted_and_no_report_is() {
    let domain = domain("a.test");
    let mut tally = tally();
    let delivery = Delivery::without_policy();
    let name = DnsName::parse("mx.a.test").unwrap();
    let verdict = delivery.check_session(&MxHost::new(&name), Session::new(TlsResult::NotOffered));
    let event = Event::session(&domain, &verdict.rows[0], SessionFacts::new(&name));
    for (event, reason) in [
        (event.with_record("v=spf1 -all"), NotCounted::NoRecord),
        (event.with_record(""), NotCounted::NoRecord),
        (event.with_record("v=TLSRPTv1; rua=http://a.test/"), NotCounted::NoRecord),
        (event.with_record(RECORD).with_tlsrpt_report(true), NotCounted::TlsrptReport),
    ] {
        assert_eq!(tally.count(&event, at(NOON)), Counted::Not(reason));
    }
    assert!(tally.is_empty());
    // Where nobody has asked for the record, it is asked for when the report is due.
    assert_eq!(tally.count(&event, at(NOON)), Counted::Whole);
    assert_eq!(reports(&mut tally, at(NOON + DAY))[0].record, None);
    // The record that was seen last counts.
    let mut tally = self::tally();
    tally.count(&event.with_record(RECORD), at(NOON));
    let newer = "v=TLSRPTv1; rua=https://reports.test/";
    tally.count(&event.with_record(newer), at(NOON));
    tally.count(&event, at(NOON));
    assert_eq!(tally.count(&event.with_record("v=TLSRPTv2"), at(NOON)), Counted::Not(NotCounted::NoRecord));
    assert_eq!(reports(&mut tally, at(NOON + DAY))[0].record.as_deref(), Some(newer));
}

// Proves R28.
#[test]
fn a_policy_that_cannot_be_had_counts_once() {
    let domain = domain("a.test");
    let html = HttpResponse::new(200, b"<html>\n\nnot found\n").with_content_type(b"text/plain");

    // Nothing cached: a failed session, with the lines that were received.
    let failed = outcome(None, Input::Response(html));
    let mut tally = tally();
    let event = Event::discovery(&domain, &failed).unwrap().with_sending_ip(IpAddr::from([192, 0, 2, 9]));
    tally.count(&event, at(NOON));
    let reported = only_policy(&mut tally);
    assert_eq!(reported.kind().known(), Some(PolicyType::Sts));
    assert_eq!((reported.successes(), reported.failures()), (0, 1));
    assert_eq!(reported.lines().collect::<Vec<_>>(), ["<html>", "not found"]);
    assert_eq!(reported.details()[0].result().known(), Some(ResultType::StsPolicyInvalid));
    assert_eq!(reported.details()[0].sending_mta_ip(), None);

    // Cached: a detail beside the session that follows.
    let cached = CachedPolicy::new(policy("enforce"), "1".parse().unwrap(), at(NOON - 3600));
    let entry = CacheUpdate::Store { policy: cached, checked_until: at(0) }.apply_to(None, at(NOON));
    let failed = outcome(entry.as_ref(), Input::FetchFailed(FetchFailure::Timeout));
    let mut tally = self::tally();
    tally.count(&Event::discovery(&domain, &failed).unwrap(), at(NOON));
    let policy = failed.policy().unwrap();
    let delivery = Delivery::of(&failed);
    count_session(&mut tally, &delivery, Some(policy), TlsResult::certificate(CertificateResult::Expired));
    let reported = only_policy(&mut tally);
    assert_eq!((reported.successes(), reported.failures()), (0, 1));
    // One session, two failures.
    assert_eq!(reported.details().iter().map(FailureDetails::failed_sessions).sum::<u64>(), 2);

    // Nothing to report.
    let body = HttpResponse::new(200, b"version: STSv1\nmode: none\nmax_age: 86400\n");
    let quiet = outcome(None, Input::Response(body.with_content_type(b"text/plain")));
    assert!(Event::discovery(&domain, &quiet).is_none());
}

// Proves R29, R30.
#[test]
fn reports_are_spread_over_four_hours_after_their_day() {
    let mut due = BTreeSet::new();
    for number in 0..300 {
        let mut tally = tally();
        let domain = domain(&format!("domain{number}.test"));
        let row = Delivery::without_policy()
            .check_session(&MxHost::of(None), Session::new(TlsResult::NotOffered))
            .rows[0];
        let event = Event::session(&domain, &row, SessionFacts::default());
        // The last second of a day, and the first of the next.
        for (now, day) in [(NOON + DAY / 2 - 1, NOON - DAY / 2), (NOON + DAY / 2, NOON + DAY / 2)] {
            tally.count(&event, at(now));
            let at_due = tally.poll_timeout().unwrap().as_secs();
            let delay = at_due - (day + DAY + 600);
            assert!((1..=14_400).contains(&delay), "{delay}");
            due.insert(delay);
            assert!(tally.poll_report(at(at_due - 1)).is_none());
            let report = tally.poll_report(at(at_due)).unwrap();
            let period = report.report.period().unwrap();
            assert_eq!((period.start().as_secs(), period.end().as_secs()), (day, day + DAY - 1));
            tally.handle_delivery(&report.id, ReportDelivery::Delivered, at(at_due));
        }
    }
    assert!(
        due.len() > 550 && due.iter().next().unwrap() < &300 && due.iter().next_back().unwrap() > &14_100
    );
}

// Proves R13, R50, R81, R82, A39.
#[test]
fn a_report_is_tried_for_a_day_and_is_the_same_each_time() {
    let mut tally = tally();
    count_session(&mut tally, &Delivery::without_policy(), None, TlsResult::NotOffered);
    let mut now = tally.poll_timeout().unwrap();
    let first = now;
    let mut waits = Vec::new();
    let mut given: Vec<DueReport> = Vec::new();
    loop {
        let due = tally.poll_report(now).unwrap();
        // What is counted meanwhile goes into a report of its own.
        count_session(&mut tally, &Delivery::without_policy(), None, TlsResult::NotOffered);
        if let Some(before) = given.last() {
            assert_eq!(due.report, before.report);
        }
        assert!(tally.poll_report(now).is_none());
        let retry_at = tally.handle_delivery(&due.id, ReportDelivery::Failed, now);
        assert_eq!(due.attempt as usize, given.len() + 1);
        MailParts::of(&due.report, &due.domain, &sender()).unwrap();
        given.push(due);
        let Some(retry_at) = retry_at else { break };
        waits.push(retry_at.saturating_since(now).as_secs() / 60);
        now = retry_at;
    }
    assert_eq!(waits, [5, 15, 45, 120, 300, 900]);
    assert!(now.saturating_since(first) < Duration::from_secs(DAY));
    // They count for the latest day that the clock has shown, since it stepped back, under ids of their own.
    assert!(reports(&mut tally, now).iter().all(|due| due.report.period() != given[0].report.period()));
    let late = reports(&mut tally, now.saturating_add(Duration::from_secs(2 * DAY)));
    assert_eq!(late.iter().map(|due| due.report.policies()[0].failures()).sum::<u64>(), 7);
    assert!(late.iter().all(|due| due.report.id() != given[0].report.id()));
    assert!(tally.is_empty());
    // One that is over changes nothing, and neither does one of another tally.
    assert_eq!(tally.handle_delivery(&given[0].id, ReportDelivery::Failed, now), None);
}

// Proves R17.
#[test]
fn two_domains_that_report_to_each_other_come_to_rest() {
    let encrypted = TlsResult::certificate(CertificateResult::Valid);
    let mut tally = tally();
    let home = domain("a.test");
    for (mails, sessions, has_report) in [(0, 1, true), (1, 1, false), (2, 1, false), (1, 2, true)] {
        for _ in 0..mails {
            tally.note_report_mail(&home, at(NOON));
        }
        for _ in 0..sessions {
            count_session(&mut tally, &Delivery::without_policy(), None, encrypted);
        }
        assert_eq!(reports(&mut tally, at(NOON + DAY)).len(), usize::from(has_report), "{mails} {sessions}");
        assert!(tally.is_empty());
        tally = self::tally();
    }
    // A failure is told, whatever it is of.
    tally.note_report_mail(&home, at(NOON));
    count_session(&mut tally, &Delivery::without_policy(), None, TlsResult::NotOffered);
    assert_eq!(reports(&mut tally, at(NOON + DAY)).len(), 1);
}

#[test]
fn a_text_of_another_sort_is_refused() {
    let config = || TallyConfig::new(7, sender());
    let line = r#"{"day":1699920000,"domain":"a.test","counts":[{"policy_type":"sts","successes":1}]}"#;
    let full = format!("mta-sts-tally 1\n{line}\n");
    assert!(Tally::parse(full.as_bytes(), config()).is_ok());
    for (text, code, line, offset) in [
        ("", "not-a-tally", 1, 0),
        ("mta-sts-entry 2\n", "not-a-tally", 1, 0),
        ("mta-sts-tally 2\n", "unknown-tally-version", 1, 0),
        ("mta-sts-tally 1", "truncated-tally", 1, 15),
        (&full[..full.len() - 1], "truncated-tally", 2, full.len() - 1),
        ("mta-sts-tally 1\n\n", "bad-tally-line", 2, 16),
        (&full.replace("1699920000", "1699920001"), "bad-tally-line", 2, 16),
        (&full.replace("a.test", "-"), "bad-tally-line", 2, 16),
        (&full.replace("\"sts\"", "\"new\""), "bad-tally-line", 2, 16),
        (&full.replace("}]}", "}],\"record\":\"v=spf1 -all\"}"), "bad-tally-line", 2, 16),
        (&full.replace("}]}", "}],\"x\":1}"), "bad-tally-line", 2, 103),
    ] {
        let error = Tally::parse(text.as_bytes(), config()).map(|_| ()).unwrap_err();
        assert_eq!((error.code(), error.line(), error.offset()), (code, line, offset), "{text}");
    }
    // Of the hashes of names that are gone, none is taken for that of a name that is there.
    let gone: Vec<_> = (0..1000).map(|number| format!(r#"["{number:016x}",1]"#)).collect();
    let gone = format!("{full}{{\"day\":1699920000,\"reported\":[{}]}}\n", gone.join(","));
    assert_eq!(Tally::parse(gone.as_bytes(), config()).unwrap().domains(at(1_699_920_000)), 1001);
    // Texts that were put together are added.
    let twice = format!("{full}{}\n", full.lines().nth(1).unwrap());
    let mut tally = Tally::parse(twice.as_bytes(), config()).unwrap();
    assert_eq!(reports(&mut tally, at(NOON + DAY))[0].report.policies()[0].successes(), 2);
}

/// What a store would be told: which rows are written, and which deleted.
fn changes(tally: &mut Tally) -> Vec<String> {
    let shown = |change| match change {
        TallyChange::Clear => "clear".to_owned(),
        TallyChange::DeleteDay { day } => format!("delete day {}", day.as_secs() / DAY),
        TallyChange::Upsert { day, domain, .. } => format!("upsert {} {domain}", day.as_secs() / DAY),
        TallyChange::Delete { day, domain } => format!("delete {} {domain}", day.as_secs() / DAY),
    };
    tally.changes().map(shown).collect()
}

fn handle_saved(tally: &mut Tally) {
    let mark = tally.changes().mark();
    tally.handle_saved(mark);
}

#[test]
fn a_store_is_told_what_has_changed_since_it_saved_last() {
    let today = NOON / DAY;
    let count = |tally: &mut Tally, name: &str, now: u64| {
        let datagram = format!(r#"{{"d":"{name}","pr":"{RECORD}","policies":[{{"policy-type":9,"f":1}}]}}"#);
        for event in Datagram::parse(datagram.as_bytes()).unwrap().events() {
            assert_eq!(tally.count(&event, at(now)), Counted::Whole);
        }
    };
    let mut tally = tally();
    count(&mut tally, "b.test", NOON);
    count(&mut tally, "a.test", NOON);
    let all = ["clear".to_owned(), format!("upsert {today} a.test"), format!("upsert {today} b.test")];
    assert_eq!(changes(&mut tally), all);
    // That failed, so that all is told again.
    assert_eq!(changes(&mut tally), all);
    handle_saved(&mut tally);
    assert!(changes(&mut tally).is_empty());

    // What comes while the store is at work is for the next time.
    count(&mut tally, "b.test", NOON);
    let mark = tally.changes().mark();
    count(&mut tally, "c.test", NOON);
    tally.handle_saved(mark);
    assert_eq!(changes(&mut tally), [format!("upsert {today} c.test")]);
    // Of an earlier time, which is over, it says nothing.
    tally.handle_saved(mark);
    assert_eq!(changes(&mut tally), [format!("upsert {today} c.test")]);
    handle_saved(&mut tally);

    // A report that is given out is saved with its id; one that was delivered leaves its number.
    let later = NOON + DAY;
    let due = tally.poll_report(at(later)).unwrap();
    assert_eq!(changes(&mut tally), [format!("upsert {today} {}", due.domain)]);
    tally.handle_delivery(&due.id, ReportDelivery::Delivered, at(later));
    let row = tally.changes().next();
    let Some(TallyChange::Upsert { line, .. }) = row else { panic!("{row:?}") };
    assert!(line.starts_with(r#"{"day":1700006400,"reported":[[""#), "{line}");
    handle_saved(&mut tally);

    // What was of reports alone leaves nothing; and a day that nothing waits of is dropped in the end.
    let good = format!(r#"{{"d":"d.test","pr":"{RECORD}","policies":[{{"policy-type":9,"f":0}}]}}"#);
    for event in Datagram::parse(good.as_bytes()).unwrap().events() {
        tally.count(&event, at(later));
    }
    tally.note_report_mail(&domain("d.test"), at(later));
    handle_saved(&mut tally);
    reports(&mut tally, at(later + DAY));
    assert!(changes(&mut tally).contains(&format!("delete {} d.test", today + 1)));
    handle_saved(&mut tally);
    for day in 2..=6 {
        count(&mut tally, "a.test", later + day * DAY);
        reports(&mut tally, at(later + (day + 1) * DAY));
    }
    assert!(changes(&mut tally).starts_with(&[format!("delete day {today}")]));
}

#[test]
fn a_process_that_is_killed_loses_what_was_not_saved_and_doubles_nothing() {
    let config = || TallyConfig::new(7, sender());
    let mut tally = tally();
    count_session(&mut tally, &Delivery::without_policy(), None, TlsResult::NotOffered);
    let mut store: Vec<_> = tally.changes().collect();
    // Killed before the store could tell: it is saved, and read, and saved again.
    let restart = |store: &[TallyChange]| {
        let lines = store.iter().filter_map(|change| match change {
            TallyChange::Upsert { line, .. } => Some(&**line),
            _ => None,
        });
        let text: String = [Tally::FIRST_LINE].into_iter().chain(lines).collect();
        Tally::parse(text.as_bytes(), config()).unwrap()
    };
    for _ in 0..3 {
        tally = restart(&store);
        store = tally.changes().collect();
    }
    let due = tally.poll_report(at(NOON + DAY)).unwrap();
    assert_eq!(due.report.policies()[0].failures(), 1);
    // Killed after the report was sent: it is sent again, and has the same id.
    for store in [store, tally.changes().collect()] {
        let again = restart(&store).poll_report(at(NOON + 2 * DAY)).unwrap();
        assert_eq!(again.report, due.report);
    }
}

// Proves R50.
#[test]
fn what_comes_late_goes_into_a_report_of_its_own() {
    let mut tally = tally();
    count_session(&mut tally, &Delivery::without_policy(), None, TlsResult::NotOffered);
    let now = tally.poll_timeout().unwrap();
    let first = tally.poll_report(now).unwrap();
    // Another machine comes with what it has counted that day.
    let mut other = self::tally();
    count_session(&mut other, &Delivery::without_policy(), None, TlsResult::NotOffered);
    tally.merge(&other);
    assert!(tally.poll_report(now).is_none());
    tally.handle_delivery(&first.id, ReportDelivery::Delivered, now);
    let second = tally.poll_report(now).unwrap();
    assert_eq!(second.report.period(), first.report.period());
    assert_eq!(second.report.policies(), first.report.policies());
    assert_ne!(second.report.id(), first.report.id());
    // What is told of the first again does not end the second.
    assert_eq!(tally.handle_delivery(&first.id, ReportDelivery::Delivered, now), None);
    assert!(tally.poll_timeout().is_some());
    tally.handle_delivery(&second.id, ReportDelivery::Delivered, now);
    assert!(tally.is_empty());
}

#[test]
fn a_clock_that_was_far_ahead_leaves_no_day_behind() {
    let mut tally = tally();
    let far = NOON + 400 * DAY;
    let domain = domain("a.test");
    let row = Delivery::without_policy()
        .check_session(&MxHost::of(None), Session::new(TlsResult::NotOffered))
        .rows[0];
    let event = Event::session(&domain, &row, SessionFacts::default());
    tally.count(&event, at(NOON));
    tally.count(&event, at(far));
    let early = tally.poll_report(at(far)).unwrap();
    tally.handle_delivery(&early.id, ReportDelivery::Failed, at(far));
    // It is set right: what failed is tried soon, and the session of that day is of today.
    tally.count(&event, at(NOON + 60));
    let again = tally.poll_report(at(NOON + 60)).unwrap();
    assert_eq!(again.report, early.report);
    tally.handle_delivery(&again.id, ReportDelivery::Delivered, at(NOON + 60));
    let rest = reports(&mut tally, at(NOON + DAY));
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].report.policies()[0].failures(), 2);
    assert!(tally.is_empty());
}

#[test]
fn finished_days_are_taken_once_for_another_machine() {
    let (mut here, mut there) = (tally(), Tally::new(TallyConfig::new(8, sender())));
    let session = |tally: &mut Tally, name: &str, now: u64| {
        let name = domain(name);
        let host = DnsName::parse("mx.a.test").unwrap();
        let policy = policy("enforce");
        let verdict =
            Delivery::under(&policy).check_session(&MxHost::new(&host), Session::new(TlsResult::NotOffered));
        let event = Event::session(&name, &verdict.rows[0], SessionFacts::new(&host).with_policy(&policy));
        tally.count(&event.with_record(RECORD), at(now));
    };
    session(&mut here, "sealed.test", NOON);
    let due = here.poll_report(at(NOON + DAY)).unwrap();
    // Of the same day as the one that is being delivered, by a clock that stepped back, and of others.
    for (name, now) in [("sealed.test", NOON), ("a.test", NOON + DAY), ("today.test", NOON + 2 * DAY)] {
        session(&mut here, name, now);
    }
    here.note_report_mail(&domain("a.test"), at(NOON + 2 * DAY));
    let before = here.octets();
    handle_saved(&mut here);
    let finished = here.take_finished_days(at(NOON + 2 * DAY));
    assert!(here.octets() < before);
    assert!(here.take_finished_days(at(NOON + 2 * DAY)).is_empty(), "once");
    // A store is told, too.
    assert!(!changes(&mut here).is_empty());
    handle_saved(&mut here);
    let mut restored = Tally::parse(here.to_text().as_bytes(), TallyConfig::new(7, sender())).unwrap();
    handle_saved(&mut restored);
    assert_eq!(restored.octets(), here.octets());

    there.merge(&Tally::parse(finished.to_text().as_bytes(), TallyConfig::new(9, sender())).unwrap());
    let later = at(NOON + 3 * DAY);
    let of_there: Vec<_> = reports(&mut there, later).iter().map(|due| due.domain.to_string()).collect();
    assert_eq!(BTreeSet::from_iter(of_there), ["a.test", "sealed.test"].map(String::from).into());
    // What was handed out stays, and is the same.
    let kept = reports(&mut here, later);
    assert_eq!(kept.len(), 2);
    let again = kept.iter().find(|other| other.domain == due.domain).unwrap();
    assert_eq!(again.report, due.report);
}
