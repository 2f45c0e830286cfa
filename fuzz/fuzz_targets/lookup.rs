//! Lookups under any answers, in any order, on a clock that steps both ways: never a panic, never more
//! than two questions, and a cached policy gives way to a fetched one only.
#![no_main]

use core::time::Duration;
use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use mta_sts_core::{
    CacheEntry, CacheUpdate, FetchFailure, HttpResponse, Input, Lookup, LookupConfig, Mode, NoPolicy,
    Outcome, Output, Policy, PolicyDomain, PolicySource, Purpose, RecordErrorKind, TxtFailure, UnixTime,
};

#[derive(Arbitrary, Debug)]
struct Case {
    saved: Saved,
    rounds: Vec<Round>,
}

/// An entry as a store may have it, times near the start or anywhere.
#[derive(Arbitrary, Debug)]
struct Saved {
    checked_until: Option<Time>,
    fetch_failures: Option<u32>,
    absent: Option<(u8, Time)>,
    back_offs: Vec<(u8, Time)>,
    policy: Option<(u8, Time, Body)>,
}

#[derive(Arbitrary, Debug)]
enum Time {
    Near(i16),
    Far(u64),
}

#[derive(Arbitrary, Debug)]
struct Body {
    mode: u8,
    max_age: u8,
}

#[derive(Arbitrary, Debug)]
struct Round {
    purpose: u8,
    back_off: u16,
    wait: i32,
    answers: Vec<(Answer, i16)>,
    /// The store holds this entry by the end of the lookup.
    replaced: Option<Saved>,
}

#[derive(Arbitrary, Debug)]
enum Answer {
    Record { id: u8, ttl: u32 },
    Records { rrs: Vec<Vec<u8>>, ttl: u64 },
    NotFound { ttl: u32 },
    TxtFailed(u8),
    Policy(Body),
    Response { status: u16, is_text: bool, body: Vec<u8> },
    FetchFailed(u8),
}

const START: u64 = 1_700_000_000;

impl Time {
    fn at(&self) -> u64 {
        match self {
            Self::Near(secs) => START.saturating_add_signed((*secs).into()),
            Self::Far(secs) => *secs,
        }
    }
}

impl Body {
    fn text(&self) -> String {
        let mode = pick(&["enforce", "testing", "none"], self.mode);
        let max_age = pick(&["0", "60", "3600", "604800", "31557600"], self.max_age);
        format!("version: STSv1\nmode: {mode}\nmx: mx.test\nmax_age: {max_age}\n")
    }
}

fn domain() -> PolicyDomain {
    PolicyDomain::parse("example.test").expect("a domain")
}

impl Saved {
    fn entry(&self) -> CacheEntry {
        let mut text = String::from("mta-sts-entry 1\n");
        let mut line = |name: &str, value: String| text += &format!("{name}: {value}\n");
        self.checked_until.iter().for_each(|time| line("checked-until", time.at().to_string()));
        self.fetch_failures.iter().for_each(|count| line("fetch-failures", count.to_string()));
        if let Some((reason, until)) = &self.absent {
            line("absent", format!("{} {}", pick(RecordErrorKind::ALL, *reason).code(), until.at()));
        }
        // Each id stands once.
        let back_offs: BTreeMap<_, _> =
            self.back_offs.iter().map(|(id, until)| (id % 4, until.at())).collect();
        for (id, until) in back_offs {
            line("back-off", format!("{id} {until}"));
        }
        let body = self.policy.as_ref().map(|(.., body)| body.text()).unwrap_or_default();
        if let Some((id, fetched_at, _)) = &self.policy {
            line("id", (id % 4).to_string());
            line("fetched-at", fetched_at.at().to_string());
            line("policy-length", body.len().to_string());
        }
        CacheEntry::parse(format!("{text}\n{body}").as_bytes(), &domain()).expect("an entry")
    }
}

impl Answer {
    fn input(&self) -> Input<'_> {
        let seconds = |ttl: &u32| Duration::from_secs((*ttl).into());
        match self {
            Self::Record { id, ttl } => Input::txt(&[format!("v=STSv1; id={}", id % 4)], seconds(ttl)),
            Self::Records { rrs, ttl } => Input::txt(rrs, Duration::from_secs(*ttl)),
            Self::NotFound { ttl } => Input::TxtNotFound { ttl: seconds(ttl) },
            Self::TxtFailed(failure) => Input::TxtFailed(pick(TxtFailure::ALL, *failure)),
            Self::Policy(body) => Input::Response(
                HttpResponse::new(200, body.text().into_bytes()).with_content_type(&b"text/plain"[..]),
            ),
            Self::Response { status, is_text, body } => {
                let response = HttpResponse::new(*status, &body[..]);
                let content_type: &[u8] = b"text/plain";
                Input::Response(if *is_text { response.with_content_type(content_type) } else { response })
            }
            Self::FetchFailed(failure) => Input::FetchFailed(pick(FetchFailure::ALL, *failure)),
        }
    }
}

fn pick<T: Copy>(of: &[T], number: u8) -> T {
    of[usize::from(number) % of.len()]
}

fn question(lookup: &Lookup) -> usize {
    match lookup.poll_output() {
        Output::QueryTxt(query) => {
            assert_eq!(query.name(), "_mta-sts.example.test");
            0
        }
        Output::FetchPolicy(request) => {
            assert_eq!(request.url(), "https://mta-sts.example.test/.well-known/mta-sts.txt");
            1
        }
        Output::Done(_) => 2,
    }
}

fuzz_target!(|case: Case| {
    let mut entry = Some(case.saved.entry());
    let mut now = UnixTime::from_secs(START);
    for round in &case.rounds {
        now = UnixTime::from_secs(now.as_secs().saturating_add_signed(round.wait.into()));
        let stored = run(round, entry.as_ref(), &mut now);
        let Some(outcome) = stored else { continue };
        if let Some(replaced) = &round.replaced {
            entry = Some(replaced.entry());
        }
        entry = apply(&outcome, entry, now);
    }
});

fn run(round: &Round, cached: Option<&CacheEntry>, now: &mut UnixTime) -> Option<Outcome> {
    let purpose = pick(&[Purpose::Deliver, Purpose::Refresh, Purpose::BeforePermanentFailure], round.purpose);
    let config = LookupConfig::new().with_back_off(Duration::from_secs(round.back_off.into()));
    let domain = domain();
    let mut lookup = Lookup::new(domain, purpose, cached, *now, &config);
    let mut asked = [0; 2];
    let mut seen_id = None;
    let mut fetch_began = None;
    let mut fetched = None;
    let mut is_local_fault = false;
    for (answer, passed) in &round.answers {
        let before = question(&lookup);
        let is_done = before == 2;
        assert_eq!(lookup.clone().into_outcome().is_some(), is_done);
        let input = answer.input();
        let is_wanted = match &input {
            Input::Response(_) | Input::FetchFailed(_) => before == 1,
            _ => before == 0,
        };
        let then = if is_done {
            *now
        } else {
            UnixTime::from_secs(now.as_secs().saturating_add_signed((*passed).into()))
        };
        let outcome = lookup.clone().into_outcome();
        match &input {
            Input::Txt { record, .. } if is_wanted => seen_id = record.ok().map(|record| *record.id()),
            Input::Response(response) if is_wanted => {
                fetched = Policy::from_response(response, config.fetch_limits()).ok();
            }
            Input::FetchFailed(failure) if is_wanted => {
                is_local_fault = *failure == FetchFailure::LocalFault;
            }
            _ => {}
        }
        assert_eq!(lookup.handle_input(input, then).is_ok(), is_wanted);
        if is_wanted {
            asked[before] += 1;
            *now = then;
            if question(&lookup) == 1 {
                fetch_began = Some(then);
            }
            assert!(question(&lookup) > before);
        } else {
            assert_eq!(question(&lookup), before);
            assert_eq!(lookup.clone().into_outcome(), outcome);
        }
    }
    assert!(asked[0] <= 1 && asked[1] <= asked[0]);
    let last_question = question(&lookup);
    let Some(outcome) = lookup.into_outcome() else {
        assert_ne!(last_question, 2);
        return None;
    };

    let valid = cached.and_then(|entry| entry.valid_policy(*now));
    let is_fetched = matches!(&outcome.applied, Ok(applied) if applied.source == PolicySource::Fetched);
    assert_eq!(is_fetched, fetched.is_some());
    assert_eq!(outcome.policy().filter(|_| is_fetched), fetched.as_ref());
    assert_eq!(is_fetched, matches!(outcome.cache_update, CacheUpdate::Store { .. }));
    if !is_fetched {
        match (valid, &outcome.applied) {
            (Some(valid), Ok(applied)) => {
                assert_eq!(&applied.policy, valid.policy());
                assert_eq!((applied.id, applied.expires_at), (*valid.id(), valid.expires_at()));
            }
            (None, Err(_)) => {}
            (valid, applied) => panic!("cached {valid:?}, applied {applied:?}"),
        }
    }
    match &outcome.cache_update {
        CacheUpdate::Keep => {}
        CacheUpdate::Checked { id, checked_at, until } => {
            assert_eq!((Some(id), *checked_at), (valid.map(|valid| valid.id()), *now));
            assert!(valid.is_some() && until.saturating_since(*now) <= Duration::from_secs(3600));
        }
        CacheUpdate::Absent(absence) => {
            assert!(valid.is_none() && absence.until.saturating_since(*now) <= Duration::from_secs(3600));
        }
        CacheUpdate::BackOff { back_off, requested_at } => {
            assert_eq!(Some(*requested_at), fetch_began.map(|began: UnixTime| began.min(*now)));
            assert!(asked[1] == 1 && back_off.until >= now.saturating_add(Duration::from_secs(300)));
            assert!(seen_id.is_none_or(|id| id == back_off.id));
        }
        CacheUpdate::Store { policy, .. } => {
            assert_eq!(Some(policy.fetched_at()), fetch_began.map(|began: UnixTime| began.min(*now)));
            // Without a record the id is that of the cached policy.
            assert!(seen_id.is_none_or(|id| id == *policy.id()));
            assert!(seen_id.is_some() || purpose == Purpose::Refresh);
        }
    }
    let is_back_off = matches!(outcome.cache_update, CacheUpdate::BackOff { .. });
    assert_eq!(is_back_off, asked[1] == 1 && !is_fetched && !is_local_fault);
    assert!(outcome.alert.is_none() || (is_back_off && valid.is_some() && outcome.failure.is_some()));
    if valid.is_some_and(|valid| valid.policy().mode() == Mode::None) {
        assert!(outcome.failure.is_none() && outcome.alert.is_none());
    }
    if is_local_fault {
        assert!(outcome.failure.is_none() && outcome.alert.is_none());
        assert_eq!(outcome.no_policy(), valid.is_none().then_some(NoPolicy::LocalFault));
    }
    if matches!(outcome.no_policy(), Some(NoPolicy::FetchFailed(_))) {
        assert!(is_back_off && outcome.failure.is_some());
    }
    Some(outcome)
}

fn apply(outcome: &Outcome, entry: Option<CacheEntry>, now: UnixTime) -> Option<CacheEntry> {
    let before = entry.as_ref().and_then(|entry| entry.valid_policy(now)).cloned();
    let held = entry.as_ref().and_then(CacheEntry::policy).cloned();
    let entry = outcome.cache_update.apply_to(entry, now);
    let after = entry.as_ref().and_then(CacheEntry::policy);
    match &outcome.cache_update {
        CacheUpdate::Store { policy, .. } => {
            match held.as_ref().filter(|old| old.is_after(policy.fetched_at(), now)) {
                Some(newer) if newer.is_valid(now) => assert_eq!(after, Some(newer)),
                // It is remembered for a while that it has lapsed, and an older one does not take its place.
                Some(lapsed) => assert!(after == Some(lapsed) || after == Some(policy)),
                None => assert_eq!(after, Some(policy)),
            }
        }
        // One that has expired may stay; it is not in force.
        _ => assert_eq!(entry.as_ref().and_then(|entry| entry.valid_policy(now)), before.as_ref()),
    }
    if let Some(entry) = &entry {
        assert!(entry.back_offs().len() <= CacheEntry::MAX_BACK_OFFS);
        assert_eq!(CacheEntry::parse(entry.to_text(&domain()).as_bytes(), &domain()).as_ref(), Ok(entry));
    }
    entry
}
