//! The transition table of policy discovery, row by row (see `lookup`, theory of operation).
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

use core::time::Duration;

use mta_sts_core::{
    BackOff, CacheEntry, CacheUpdate, CachedPolicy, Delivery, FetchFailure, HttpResponse, Input, Lookup,
    LookupConfig, Mode, Outcome, Output, Policy, PolicyDomain, PolicySource, Purpose, Recheck, RecordCheck,
    RecordId, TxtFailure, UnixTime,
};

const T0: UnixTime = UnixTime::from_secs(1_700_000_000);
const TTL: Duration = Duration::from_secs(300);

fn after(seconds: u64) -> UnixTime {
    T0.saturating_add(Duration::from_secs(seconds))
}

fn policy_text(mode: &str, host: &str) -> String {
    format!("version: STSv1\nmode: {mode}\nmx: {host}\nmax_age: 604800\n")
}

fn id(text: &str) -> RecordId {
    text.parse().unwrap()
}

/// A policy of this mode with the id `old`, fetched at `T0`, its record checked until a minute later.
fn cached(mode: &str) -> CacheEntry {
    let policy = Policy::parse(policy_text(mode, "old.example.com").as_bytes()).unwrap();
    let policy = CachedPolicy::new(policy, id("old"), T0);
    CacheUpdate::Store { policy, checked_until: after(60) }.apply_to(None, T0).unwrap()
}

fn backing_off(entry: Option<CacheEntry>, id_text: &str, until: UnixTime) -> CacheEntry {
    failed(id_text, until, after(1)).apply_to(entry, T0).unwrap()
}

fn failed(id_text: &str, until: UnixTime, requested_at: UnixTime) -> CacheUpdate {
    CacheUpdate::BackOff { back_off: BackOff { id: id(id_text), until }, requested_at }
}

fn checked(id_text: &str, checked_at: UnixTime, until: UnixTime) -> CacheUpdate {
    CacheUpdate::Checked { id: id(id_text), checked_at, until }
}

fn txt(record: &str) -> Input<'static> {
    Input::txt(&[record.as_bytes()], TTL)
}

fn found(id: &str) -> Input<'static> {
    txt(&format!("v=STSv1; id={id};"))
}

/// Every TXT answer that gives no record.
fn without_record() -> Vec<(Input<'static>, &'static str)> {
    vec![
        (Input::TxtNotFound { ttl: TTL }, "no-record"),
        (txt("v=spf1 -all"), "no-record"),
        (txt("v=STSv1; id=a-b"), "bad-id"),
        (Input::txt(&[b"v=STSv1; id=a", b"v=STSv1; id=b"], TTL), "several-records"),
    ]
}

fn fetched(mode: &str) -> Input<'static> {
    Input::Response(
        HttpResponse::new(200, policy_text(mode, "new.example.com").into_bytes())
            .with_content_type(b"text/plain"),
    )
}

/// Runs a lookup on these answers; every answer is asked for, and none is left over.
fn run(purpose: Purpose, entry: Option<&CacheEntry>, now: UnixTime, answers: Vec<Input<'static>>) -> Outcome {
    let domain = PolicyDomain::parse("example.com").unwrap();
    let mut lookup = Lookup::new(domain, purpose, entry, now, &LookupConfig::new());
    for answer in answers {
        match (lookup.poll_output(), &answer) {
            (
                Output::QueryTxt(query),
                Input::Txt { .. } | Input::TxtNotFound { .. } | Input::TxtFailed(_),
            ) => {
                assert_eq!(query.name(), "_mta-sts.example.com");
            }
            (Output::FetchPolicy(request), Input::Response(_) | Input::FetchFailed(_)) => {
                assert_eq!(request.url(), "https://mta-sts.example.com/.well-known/mta-sts.txt");
            }
            (output, answer) => panic!("{output:?} is answered by {answer:?}"),
        }
        lookup.handle_input(answer, now).unwrap();
    }
    let asked = format!("{:?}", lookup.poll_output());
    lookup.into_outcome().unwrap_or_else(|| panic!("still asks {asked}"))
}

fn source(outcome: &Outcome) -> PolicySource {
    outcome.applied.as_ref().unwrap().source
}

fn reported(outcome: &Outcome) -> Option<(&'static str, &'static str)> {
    outcome.failure.as_ref().map(|failure| (failure.result_type.as_str(), failure.reason_code))
}

// Proves T1.
#[test]
fn deliver_cached_and_checked_recently_asks_nothing() {
    let outcome = run(Purpose::Deliver, Some(&cached("enforce")), after(59), vec![]);
    assert_eq!(source(&outcome), PolicySource::Cached);
    assert_eq!((outcome.cache_update, outcome.failure), (CacheUpdate::Keep, None));
}

// Proves S19, S101, C1.
#[test]
fn deliver_absent_until_later_asks_nothing_and_remembers_why() {
    for (answer, reason) in without_record() {
        let first = run(Purpose::Deliver, None, T0, vec![answer]);
        let CacheUpdate::Absent(absence) = &first.cache_update else { panic!("{:?}", first.cache_update) };
        assert_eq!((absence.reason.code(), absence.until), (reason, after(300)));
        assert_eq!(first.failure, None);
        let entry = first.cache_update.apply_to(None, T0).unwrap();
        for purpose in [Purpose::Deliver, Purpose::Refresh] {
            let second = run(purpose, Some(&entry), after(299), vec![]);
            assert_eq!(second.no_policy(), first.no_policy());
            assert_eq!(second.cache_update, CacheUpdate::Keep);
        }
        // Past that time, and before a permanent failure at any time, DNS is asked again.
        run(Purpose::Deliver, Some(&entry), after(300), vec![found("a"), fetched("enforce")]);
        run(Purpose::BeforePermanentFailure, Some(&entry), after(1), vec![found("a"), fetched("enforce")]);
    }
}

// Proves S4, A17, C5.
#[test]
fn deliver_cached_same_id_is_checked_and_not_extended() {
    let outcome = run(Purpose::Deliver, Some(&cached("enforce")), after(60), vec![found("old")]);
    assert_eq!(source(&outcome), PolicySource::Cached);
    assert_eq!(outcome.cache_update, checked("old", after(60), after(360)));
    let entry = outcome.cache_update.apply_to(Some(cached("enforce")), after(60)).unwrap();
    assert_eq!(entry.policy().unwrap().expires_at(), after(604_800));
}

// Proves S52, S86, A41.
#[test]
fn deliver_cached_new_id_in_back_off_is_not_fetched() {
    let entry = backing_off(Some(cached("enforce")), "new", after(350));
    let outcome = run(Purpose::Deliver, Some(&entry), after(100), vec![found("new")]);
    assert_eq!(source(&outcome), PolicySource::Cached);
    // Asked again when the host may be, however long the TTL.
    assert_eq!(outcome.cache_update, checked("old", after(100), after(350)));
    assert_eq!(reported(&outcome), Some(("sts-policy-fetch-error", "backing-off")));
    let opted_out = backing_off(Some(cached("none")), "new", after(300));
    assert_eq!(run(Purpose::Deliver, Some(&opted_out), after(100), vec![found("new")]).failure, None);
    // Another id is not held back.
    run(Purpose::Deliver, Some(&entry), after(100), vec![found("other"), fetched("enforce")]);
}

// Proves S80, S100, A47, C6, C14.
#[test]
fn a_new_id_that_is_fetched_replaces_the_policy() {
    for purpose in [Purpose::Deliver, Purpose::BeforePermanentFailure] {
        for mode in ["enforce", "none"] {
            let outcome =
                run(purpose, Some(&cached("enforce")), after(90), vec![found("new"), fetched(mode)]);
            assert_eq!(source(&outcome), PolicySource::Fetched);
            assert!(outcome.policy().unwrap().matches_mx("new.example.com"));
            let entry = outcome.cache_update.apply_to(Some(cached("enforce")), after(90)).unwrap();
            let policy = entry.policy().unwrap();
            assert_eq!((*policy.id(), policy.fetched_at()), (id("new"), after(90)));
        }
    }
}

// Proves S57, S59, S86, C7.
#[test]
fn a_new_id_that_cannot_be_fetched_leaves_the_old_policy_in_force() {
    for purpose in [Purpose::Deliver, Purpose::BeforePermanentFailure] {
        let answers = vec![found("new"), Input::FetchFailed(FetchFailure::Timeout)];
        let outcome = run(purpose, Some(&cached("enforce")), after(90), answers.clone());
        assert_eq!(source(&outcome), PolicySource::Cached);
        assert_eq!(outcome.cache_update, failed("new", after(390), after(90)));
        assert_eq!(reported(&outcome), Some(("sts-policy-fetch-error", "timeout")));
        let alert = outcome.alert.unwrap();
        assert_eq!((alert.failures, alert.expires_at), (1, after(604_800)));
        let entry = outcome.cache_update.apply_to(Some(cached("enforce")), after(90)).unwrap();
        assert_eq!(*entry.policy().unwrap().id(), id("old"));

        let opted_out = run(purpose, Some(&cached("none")), after(90), answers);
        assert_eq!((opted_out.failure, opted_out.alert), (None, None));
    }
}

// Proves S20, S57, S86, C8, E6.
#[test]
fn deliver_cached_survives_whatever_dns_says() {
    let mut answers = without_record();
    for failure in TxtFailure::ALL {
        answers.push((Input::TxtFailed(*failure), failure.code()));
    }
    for (answer, reason) in answers {
        let outcome = run(Purpose::Deliver, Some(&cached("enforce")), after(90), vec![answer.clone()]);
        assert_eq!(source(&outcome), PolicySource::Cached);
        assert!(matches!(outcome.cache_update, CacheUpdate::Checked { .. }), "{:?}", outcome.cache_update);
        let is_reported = reason != TxtFailure::LocalFault.code();
        assert_eq!(reported(&outcome), is_reported.then_some(("sts-policy-fetch-error", reason)));
        let opted_out = run(Purpose::Deliver, Some(&cached("none")), after(90), vec![answer.clone()]);
        assert_eq!(opted_out.failure, None);
        // Before a permanent failure nothing changes, and the failure stays temporary.
        let recheck = run(Purpose::BeforePermanentFailure, Some(&cached("enforce")), after(1), vec![answer]);
        assert_eq!((source(&recheck), recheck.cache_update), (PolicySource::Cached, CacheUpdate::Keep));
        assert_eq!(recheck.failure, None);
    }
}

// Proves A29, C4.
#[test]
fn deliver_with_nothing_cached_and_no_dns_is_told_apart() {
    for failure in TxtFailure::ALL {
        let outcome = run(Purpose::Deliver, None, T0, vec![Input::TxtFailed(*failure)]);
        assert_eq!(outcome.no_policy().unwrap().code(), "dns-failed");
        assert_eq!((outcome.cache_update, outcome.failure), (CacheUpdate::Keep, None));
    }
}

// Proves S52, S56, S85, A41, C3.
#[test]
fn deliver_with_nothing_cached_backs_off_by_id() {
    let first = run(Purpose::Deliver, None, T0, vec![found("a"), Input::FetchFailed(FetchFailure::Connect)]);
    assert_eq!(first.no_policy().unwrap().code(), "fetch-failed");
    assert_eq!(reported(&first), Some(("sts-policy-fetch-error", "connect-failed")));
    assert_eq!(first.alert, None);
    let entry = first.cache_update.apply_to(None, T0).unwrap();

    let second = run(Purpose::Deliver, Some(&entry), after(299), vec![found("a")]);
    assert_eq!(second.no_policy().unwrap().code(), "backing-off");
    assert_eq!(second.cache_update, CacheUpdate::Keep);
    assert_eq!(reported(&second), Some(("sts-policy-fetch-error", "backing-off")));

    run(Purpose::Deliver, Some(&entry), after(10), vec![found("b"), fetched("enforce")]);
    run(Purpose::Deliver, Some(&entry), after(300), vec![found("a"), fetched("enforce")]);
}

// Proves S85, A26, R43, R44, R45, R53, E2, E3, E4.
#[test]
fn a_failed_fetch_is_reported_by_its_cause() {
    let html = HttpResponse::new(200, b"<html>\n<p>\x07</p>\n").with_content_type(b"text/plain");
    for (answer, result_type, reason) in [
        (
            Input::FetchFailed(FetchFailure::CertificateExpired),
            "sts-webpki-invalid",
            "policy-host-certificate-expired",
        ),
        (Input::FetchFailed(FetchFailure::HostNotFound), "sts-policy-fetch-error", "policy-host-not-found"),
        (Input::FetchFailed(FetchFailure::TlsHandshake), "sts-policy-fetch-error", "policy-host-tls-failed"),
        (Input::Response(HttpResponse::new(302, b"")), "sts-policy-fetch-error", "http-redirect"),
        (Input::Response(HttpResponse::new(404, b"")), "sts-policy-fetch-error", "http-status"),
        (Input::Response(html), "sts-policy-invalid", "line-without-colon"),
    ] {
        let outcome = run(Purpose::Deliver, None, T0, vec![found("a"), answer]);
        assert_eq!(reported(&outcome), Some((result_type, reason)));
        let lines = outcome.failure.unwrap().received_lines;
        let expected: &[&str] =
            if result_type == "sts-policy-invalid" { &["<html>", "<p>\u{fffd}</p>"] } else { &[] };
        assert_eq!(lines.iter().collect::<Vec<_>>(), expected);
    }
}

// Proves S52, S56, S57, S85, S98.
#[test]
fn a_local_fault_gives_up_no_policy_and_blames_nobody() {
    let local = || vec![found("new"), Input::FetchFailed(FetchFailure::LocalFault)];
    for purpose in [Purpose::Deliver, Purpose::Refresh, Purpose::BeforePermanentFailure] {
        let unknown = run(purpose, None, T0, local());
        assert_eq!(
            unknown.no_policy().map(|why| (why.code(), why.is_temporary())),
            Some(("local-fault", true))
        );
        assert_eq!((unknown.cache_update, unknown.failure, unknown.alert), (CacheUpdate::Keep, None, None));

        let cached = cached("enforce");
        let outcome = run(purpose, Some(&cached), after(90), local());
        assert_eq!(source(&outcome), PolicySource::Cached);
        assert_eq!((&outcome.failure, &outcome.alert), (&None, &None));
        // As soon as the fault is over, the same id is fetched.
        let entry = outcome.cache_update.apply_to(Some(cached), after(90)).unwrap();
        let next = run(purpose, Some(&entry), after(120), vec![found("new"), fetched("enforce")]);
        assert_eq!(source(&next), PolicySource::Fetched);
    }
}

// Proves S59, S98, A48, C9, E5.
#[test]
fn refresh_fetches_whatever_the_record_says() {
    let mut answers: Vec<_> = without_record().into_iter().map(|(answer, _)| (answer, "old")).collect();
    answers.push((Input::TxtFailed(TxtFailure::ServFail), "old"));
    answers.push((found("old"), "old"));
    answers.push((found("new"), "new"));
    for (answer, stored_id) in answers {
        let entry = cached("enforce");
        let outcome =
            run(Purpose::Refresh, Some(&entry), after(86_400), vec![answer.clone(), fetched("enforce")]);
        let CacheUpdate::Store { policy, .. } = &outcome.cache_update else { panic!() };
        assert_eq!((*policy.id(), policy.fetched_at()), (id(stored_id), after(86_400)));

        let failed = vec![answer.clone(), Input::FetchFailed(FetchFailure::Connect)];
        let outcome = run(Purpose::Refresh, Some(&entry), after(86_400), failed);
        assert_eq!(source(&outcome), PolicySource::Cached);
        let CacheUpdate::BackOff { back_off, .. } = &outcome.cache_update else { panic!() };
        assert_eq!((back_off.id, back_off.until), (id(stored_id), after(86_700)));
        assert!(outcome.alert.is_some() && outcome.failure.is_some());

        let entry = backing_off(Some(entry), stored_id, after(300));
        let outcome = run(Purpose::Refresh, Some(&entry), after(100), vec![answer]);
        assert_eq!((source(&outcome), &outcome.cache_update), (PolicySource::Cached, &CacheUpdate::Keep));
        assert_eq!((outcome.failure, outcome.alert), (None, None));
    }
}

// Proves S81, A16, C11, C12.
#[test]
fn an_expired_policy_is_none_and_its_id_is_fetched_again() {
    let entry = cached("enforce");
    let last = run(Purpose::Deliver, Some(&entry), after(604_800), vec![found("old")]);
    assert_eq!(source(&last), PolicySource::Cached);
    let expired = run(Purpose::Deliver, Some(&entry), after(604_801), vec![found("old"), fetched("testing")]);
    assert_eq!(expired.policy().unwrap().mode(), Mode::Testing);
    let failed = vec![found("old"), Input::FetchFailed(FetchFailure::Connect)];
    let outcome = run(Purpose::Deliver, Some(&entry), after(604_801), failed);
    assert_eq!(outcome.no_policy().unwrap().code(), "fetch-failed");
}

// Proves C2.
#[test]
fn deliver_with_nothing_cached_keeps_what_is_fetched() {
    let outcome = run(Purpose::Deliver, None, T0, vec![found("a"), fetched("enforce")]);
    assert_eq!(source(&outcome), PolicySource::Fetched);
    assert_eq!((&outcome.failure, &outcome.alert), (&None, &None));
    let entry = outcome.cache_update.apply_to(None, T0).unwrap();
    let policy = entry.policy().unwrap();
    assert_eq!(
        (*policy.id(), policy.fetched_at(), policy.policy()),
        (id("a"), T0, outcome.policy().unwrap())
    );
}

// Proves C10.
#[test]
fn a_policy_of_mode_none_is_kept_to_its_end() {
    for (answer, _) in without_record() {
        let entry = cached("none");
        let outcome = run(Purpose::Deliver, Some(&entry), after(604_800), vec![answer.clone()]);
        assert_eq!(outcome.policy().unwrap().mode(), Mode::None);
        assert_eq!((&outcome.failure, &outcome.alert), (&None, &None));
        let entry = outcome.cache_update.apply_to(Some(entry), after(604_800)).unwrap();
        assert_eq!(entry.policy().unwrap().expires_at(), after(604_800));
        let over = run(Purpose::Deliver, Some(&entry), after(604_801), vec![answer]);
        assert!(over.no_policy().is_some());
    }
}

// Proves S78, C13.
#[test]
fn before_a_permanent_failure_the_same_id_changes_nothing() {
    let entry = cached("enforce");
    let outcome = run(Purpose::BeforePermanentFailure, Some(&entry), after(1), vec![found("old")]);
    assert_eq!((source(&outcome), &outcome.cache_update), (PolicySource::Cached, &CacheUpdate::Keep));
    assert_eq!((outcome.failure, outcome.alert), (None, None));
}

// Proves A16, C15.
#[test]
fn a_max_age_of_nothing_holds_for_one_second() {
    let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 0\n").unwrap();
    let policy = CachedPolicy::new(policy, id("a"), T0);
    assert!(policy.is_valid(T0) && !policy.is_valid(after(1)));
    let entry = CacheUpdate::Store { policy, checked_until: after(60) }.apply_to(None, T0).unwrap();
    assert_eq!(source(&run(Purpose::Deliver, Some(&entry), T0, vec![])), PolicySource::Cached);
    let again = run(Purpose::Deliver, Some(&entry), after(1), vec![found("a"), fetched("enforce")]);
    assert_eq!(source(&again), PolicySource::Fetched);
}

// Proves S52, S53.
#[test]
fn the_back_off_may_be_longer_and_never_shorter() {
    for (wanted, waits) in [(0, 300), (299, 300), (7200, 7200)] {
        let config = LookupConfig::new().with_back_off(Duration::from_secs(wanted));
        let domain = PolicyDomain::parse("example.com").unwrap();
        let mut lookup = Lookup::new(domain, Purpose::Deliver, None, T0, &config);
        lookup.handle_input(found("a"), T0).unwrap();
        lookup.handle_input(Input::FetchFailed(FetchFailure::Connect), T0).unwrap();
        let update = lookup.into_outcome().unwrap().cache_update;
        assert_eq!(update, failed("a", after(waits), T0));
    }
}

#[test]
fn ttls_are_clamped_to_half_a_minute_and_an_hour() {
    for (ttl, until) in [(0, 30), (29, 30), (31, 31), (3600, 3600), (604_800, 3600)] {
        let ttl = Duration::from_secs(ttl);
        let outcome = run(Purpose::Deliver, None, T0, vec![Input::TxtNotFound { ttl }]);
        let CacheUpdate::Absent(absence) = outcome.cache_update else { panic!() };
        assert_eq!(absence.until, after(until));
    }
}

// Proves C16.
#[test]
fn a_clock_that_steps_back_ages_nothing() {
    let yesterday = UnixTime::from_secs(T0.as_secs() - 86_400);
    // The policy is in force, but "checked" lies too far ahead to mean anything.
    let outcome = run(Purpose::Deliver, Some(&cached("enforce")), yesterday, vec![found("old")]);
    assert_eq!(source(&outcome), PolicySource::Cached);
    let entry = backing_off(None, "a", after(300));
    run(Purpose::Deliver, Some(&entry), yesterday, vec![found("a"), fetched("enforce")]);
}

#[test]
fn a_wrong_answer_is_refused_and_changes_nothing() {
    let domain = PolicyDomain::parse("example.com").unwrap();
    let mut lookup = Lookup::new(domain, Purpose::Deliver, None, T0, &LookupConfig::new());
    assert_eq!(lookup.handle_input(fetched("enforce"), T0).unwrap_err().code(), "unexpected-input");
    assert!(matches!(lookup.poll_output(), Output::QueryTxt(_)));
    assert_eq!(lookup.clone().into_outcome(), None);
    lookup.handle_input(found("a"), T0).unwrap();
    assert_eq!(lookup.handle_input(found("a"), T0).unwrap_err().code(), "unexpected-input");
    assert!(matches!(lookup.poll_output(), Output::FetchPolicy(_)));
    lookup.handle_input(fetched("enforce"), T0).unwrap();
    assert_eq!(lookup.handle_input(fetched("enforce"), T0).unwrap_err().code(), "already-done");
    assert!(lookup.into_outcome().is_some());
}

#[test]
fn an_entry_is_read_back_as_it_was_written() {
    let entry = backing_off(backing_off(Some(cached("enforce")), "x", after(9)).into(), "y", after(300));
    let domain = PolicyDomain::parse("example.com").unwrap();
    let text = entry.to_text(&domain);
    assert_eq!(CacheEntry::parse(text.as_bytes(), &domain), Ok(entry.clone()));
    for end in 0..text.len() {
        assert!(CacheEntry::parse(&text.as_bytes()[..end], &domain).is_err(), "cut at {end}");
    }
    for (text, code) in [
        ("", "not-an-entry"),
        ("mta-sts-entry 3\n\n", "unknown-entry-version"),
        ("mta-sts-entry 2\n\n", "incomplete-entry"),
        ("mta-sts-entry 2\ndomain: example.co\n\n", "entry-of-other-domain"),
        ("mta-sts-entry 1\ndomain: example.com\n\n", "bad-entry-header"),
        ("mta-sts-entry 1\nid: a\nid: a\n\n", "duplicate-entry-header"),
        ("mta-sts-entry 1\nfoo: bar\n\n", "bad-entry-header"),
        ("mta-sts-entry 1\nid: +1\n\n", "bad-entry-header"),
        ("mta-sts-entry 1\nid: a\n\n", "incomplete-entry"),
        ("mta-sts-entry 1\nchecked-until: 5\n", "truncated-entry"),
        ("mta-sts-entry 1\n\nx", "trailing-entry-bytes"),
        ("mta-sts-entry 1\nid: a\nfetched-at: 1\npolicy-length: 2\n\nx:", "invalid-entry-policy"),
    ] {
        assert_eq!(CacheEntry::parse(text.as_bytes(), &domain).unwrap_err().code(), code, "{text}");
    }
}

#[test]
fn updates_that_come_late_do_no_harm() {
    let new = CachedPolicy::new(
        Policy::parse(policy_text("enforce", "new.example.com").as_bytes()).unwrap(),
        id("new"),
        after(50),
    );
    let store = CacheUpdate::Store { policy: new, checked_until: after(80) };
    let entry = store.apply_to(Some(cached("enforce")), after(50)).unwrap();
    // An older fetch ends later.
    let policy = cached("enforce").policy().unwrap().clone();
    let late = CacheUpdate::Store { policy, checked_until: after(60) };
    assert_eq!(late.apply_to(Some(entry.clone()), after(55)), Some(entry.clone()));
    // An absence was seen by another lookup.
    let absent = run(Purpose::Deliver, None, T0, vec![Input::TxtNotFound { ttl: TTL }]).cache_update;
    assert_eq!(absent.apply_to(Some(entry.clone()), after(55)), Some(entry));
}

// Proves S104.
#[test]
fn an_entry_remembers_few_back_offs() {
    let entry = (0..100).fold(None, |entry, n| Some(backing_off(entry, &format!("id{n}"), after(300 + n))));
    let entry = entry.unwrap();
    assert_eq!(entry.back_offs().len(), CacheEntry::MAX_BACK_OFFS);
    assert!(entry.back_offs().iter().any(|back_off| back_off.id == id("id99")));
}

/// Whether a lookup of `purpose` under this entry, the record having this id, asks the Policy Host.
fn fetches(entry: &CacheEntry, purpose: Purpose, id: &str, now: UnixTime) -> bool {
    let domain = PolicyDomain::parse("example.com").unwrap();
    let mut lookup = Lookup::new(domain, purpose, Some(entry), now, &LookupConfig::new());
    if let Output::QueryTxt(_) = lookup.poll_output() {
        let rrs = vec![format!("v=STSv1; id={id}").into_bytes()];
        lookup.handle_input(Input::txt(&rrs, Duration::from_secs(30)), now).unwrap();
    }
    matches!(lookup.poll_output(), Output::FetchPolicy(_))
}

// Proves S52, S53, A41.
#[test]
fn a_back_off_counts_whoever_wrote_it() {
    let now = UnixTime::from_secs(1_700_000_000);
    let later = |secs| now.saturating_add(Duration::from_secs(secs));
    // Written with a longer back-off than this process has, or on a clock that is a second ahead.
    for until in [301, 3600, 86_400] {
        let back_off = BackOff { id: "1".parse().unwrap(), until: later(until) };
        let entry = CacheUpdate::BackOff { back_off, requested_at: now }.apply_to(None, now).unwrap();
        assert!(!fetches(&entry, Purpose::Deliver, "1", later(1)), "{until}");
        assert!(fetches(&entry, Purpose::Deliver, "2", later(1)), "{until}");
        assert!(fetches(&entry, Purpose::Deliver, "1", later(until)), "{until}");
    }
}

// Proves S52, S58, S98.
#[test]
fn no_back_off_lets_a_policy_lapse_whose_host_answers() {
    let now = UnixTime::from_secs(1_700_000_000);
    let later = |secs| now.saturating_add(Duration::from_secs(secs));
    let body = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n";
    let policy = CachedPolicy::new(Policy::parse(body).unwrap(), "1".parse().unwrap(), now);
    let store = CacheUpdate::Store { policy, checked_until: now };
    let back_off = CacheUpdate::BackOff {
        back_off: BackOff { id: "2".parse().unwrap(), until: later(2 * 86_400) },
        requested_at: now,
    };
    for updates in [[&store, &back_off], [&back_off, &store]] {
        let entry = updates.iter().fold(None, |entry, update| update.apply_to(entry, now)).unwrap();
        assert!(!fetches(&entry, Purpose::Refresh, "2", later(299)));
        assert!(fetches(&entry, Purpose::Refresh, "2", later(43_200)));
    }
    // Near its end half of what remains, and 300 s at least.
    let entry = store.apply_to(None, now);
    let entry = back_off.apply_to(entry, later(86_400 - 1000)).unwrap();
    assert_eq!(entry.back_offs()[0].until, later(86_400 - 500));
    let entry = back_off.apply_to(Some(entry), later(86_400 - 100)).unwrap();
    assert_eq!(entry.back_offs()[0].until, later(86_400 + 200));
}

// Proves S78, S79, S80, C13, C14.
#[test]
fn a_recheck_tells_what_was_checked() {
    let entry = cached("enforce");
    let attempted = entry.policy().unwrap().policy().clone();
    let delivery = Delivery::under(&attempted);
    let recheck = |entry: Option<&CacheEntry>, now, answers| {
        delivery.recheck(&run(Purpose::BeforePermanentFailure, entry, now, answers))
    };
    let now = after(1);
    let left_alone = backing_off(Some(entry.clone()), "a", after(300));
    for (answers, expected) in [
        (vec![found("old")], Recheck::Unchanged),
        (vec![Input::TxtNotFound { ttl: TTL }], Recheck::Unchanged),
        (vec![Input::TxtFailed(TxtFailure::Timeout)], Recheck::NotChecked),
        (vec![Input::TxtFailed(TxtFailure::LocalFault)], Recheck::NotChecked),
        (vec![found("a"), fetched("enforce")], Recheck::Changed),
        (vec![found("a"), fetched("testing")], Recheck::Changed),
        (vec![found("a"), Input::FetchFailed(FetchFailure::Timeout)], Recheck::NotChecked),
        (vec![found("a"), Input::FetchFailed(FetchFailure::LocalFault)], Recheck::NotChecked),
        (vec![found("a"), Input::Response(HttpResponse::new(500, b""))], Recheck::NotChecked),
    ] {
        assert_eq!(recheck(Some(&entry), now, answers.clone()), expected, "{answers:?}");
    }
    // The owner has published a new policy whose text is the old one.
    let same = Input::Response(
        HttpResponse::new(200, attempted.text().as_bytes().to_vec()).with_content_type(b"text/plain"),
    );
    assert_eq!(recheck(Some(&entry), now, vec![found("a"), same]), Recheck::Unchanged);
    assert_eq!(recheck(Some(&left_alone), now, vec![found("a")]), Recheck::NotChecked);
    // Another message has stored a new policy meanwhile.
    let newer = cached("testing");
    assert_eq!(recheck(Some(&newer), now, vec![found("old")]), Recheck::Changed);
    // The policy has expired, and the record is gone; or DNS does not say so.
    let expired = after(8 * 86_400);
    let gone = vec![Input::TxtNotFound { ttl: TTL }];
    assert_eq!(recheck(Some(&entry), expired, gone), Recheck::NoLongerBound);
    let silent = vec![Input::TxtFailed(TxtFailure::Timeout)];
    assert_eq!(recheck(Some(&entry), expired, silent), Recheck::NotChecked);
    // An answer from memory checks nothing.
    let remembered = run(Purpose::Deliver, Some(&entry), after(1), vec![]);
    assert_eq!(remembered.record_check, RecordCheck::NotMade);
    assert_eq!(delivery.recheck(&remembered), Recheck::NotChecked);
}
