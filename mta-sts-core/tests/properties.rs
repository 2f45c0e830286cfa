//! What holds for every input.
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

use core::time::Duration;

use mta_sts_core::{
    CacheEntry, CachedPolicy, FetchFailure, HttpResponse, Input, Lookup, LookupConfig, MxPattern, Output,
    Policy, PolicyDomain, PolicySource, Purpose, Record, Strictness, TxtFailure, UnixTime,
};
use proptest::prelude::*;

/// Lines as owners write them, right and wrong.
fn line() -> impl Strategy<Value = String> {
    let known = prop_oneof![
        Just("version: STSv1".to_owned()),
        "mode: (enforce|testing|none|Enforce)",
        "max_age: [0-9]{1,11}",
        "mx: (\\*\\.)?[a-c]{1,3}(\\.[a-c_*-]{1,3}){0,3}\\.?",
        "[a-z_]{0,8}:? ?[ -~]{0,12}",
    ];
    (known, prop_oneof![Just("\n"), Just("\r\n"), Just(" \t\n"), Just("\n\n")])
        .prop_map(|(line, end)| line + end)
}

fn answer() -> impl Strategy<Value = Input<'static>> {
    let txt = prop_oneof![
        "v=STSv1; ?id=[ab]".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    let body = prop_oneof![
        "mode: (enforce|none)\nversion: STSv1\nmx: [ab].example\nmax_age: [0-9]{1,6}\n"
            .prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    prop_oneof![
        (proptest::collection::vec(txt, 0..3), any::<u32>())
            .prop_map(|(rrs, ttl)| Input::txt(&rrs, Duration::from_secs(ttl.into()))),
        any::<u32>().prop_map(|ttl| Input::TxtNotFound { ttl: Duration::from_secs(ttl.into()) }),
        proptest::sample::select(TxtFailure::ALL).prop_map(Input::TxtFailed),
        proptest::sample::select(FetchFailure::ALL).prop_map(Input::FetchFailed),
        (100_u16..600, body).prop_map(|(status, body)| {
            let status = if status % 2 == 0 { 200 } else { status };
            Input::Response(HttpResponse::new(status, body).with_content_type(b"text/plain"))
        }),
    ]
}

fn purpose() -> impl Strategy<Value = Purpose> {
    prop_oneof![Just(Purpose::Deliver), Just(Purpose::Refresh), Just(Purpose::BeforePermanentFailure)]
}

proptest! {
    #[test]
    fn any_octets_give_a_value_or_an_error_in_their_bounds(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = Record::parse(&octets) {
            prop_assert!(error.offset() <= octets.len());
        }
        if let Err(error) = Policy::parse(&octets) {
            prop_assert!(error.offset() <= octets.len());
        }
        let _ = CacheEntry::parse(&octets, &PolicyDomain::parse("example.com").unwrap());
    }

    #[test]
    fn a_policy_that_is_written_reads_the_same(lines in proptest::collection::vec(line(), 0..8)) {
        let text = lines.concat();
        if let Ok(policy) = Policy::parse(text.as_bytes()) {
            prop_assert_eq!(policy.text(), text.as_str());
            let written = policy.to_string();
            let again = Policy::parse(written.as_bytes()).unwrap();
            prop_assert_eq!(again.mode(), policy.mode());
            prop_assert_eq!(again.max_age(), policy.max_age());
            prop_assert!(again.mx_patterns().eq(policy.mx_patterns()));
        }
        // What keeps to the grammar is never refused for being tolerant.
        if let Ok(policy) = Policy::parse_with(text.as_bytes(), Strictness::Abnf) {
            prop_assert_eq!(Policy::parse(text.as_bytes()).unwrap(), policy);
        }
    }

    // Proves S69, S70, A20.
    #[test]
    fn a_match_is_that_of_labels(pattern in "(\\*\\.)?[ab](\\.[ab]){0,2}", host in "[ab](\\.[ab]){0,3}") {
        let expected = {
            let (pattern, host): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), host.split('.').collect());
            pattern.len() == host.len() && pattern.iter().zip(&host).all(|(wanted, label)| *wanted == "*" || wanted == label)
        };
        let name = mta_sts_core::DnsName::parse(&host).unwrap();
        prop_assert_eq!(MxPattern::parse(&pattern).unwrap().matches(&name), expected);
        let policy = format!("version: STSv1\nmode: enforce\nmx: {pattern}\nmax_age: 1\n");
        prop_assert_eq!(Policy::parse(policy.as_bytes()).unwrap().matches_mx(&host), expected);
    }

    /// The lookup under random answers: at most two are asked for, wrong ones change nothing, a
    /// cached policy gives way only to one that was fetched, and the entry survives its text.
    // Proves S20, S57, A17.
    #[test]
    fn a_lookup_never_weakens_a_cached_policy(
        rounds in proptest::collection::vec((purpose(), proptest::collection::vec(answer(), 12), 0_u64..4000), 1..8),
    ) {
        let mut now = UnixTime::from_secs(1_700_000_000);
        let mut entry: Option<CacheEntry> = None;
        for (purpose, answers, passed) in rounds {
            now = now.saturating_add(Duration::from_secs(passed));
            let before = entry.as_ref().and_then(|entry| entry.valid_policy(now)).cloned();
            let domain = PolicyDomain::parse("example.com").unwrap();
            let mut lookup = Lookup::new(domain.clone(), purpose, entry.as_ref(), now, &LookupConfig::new());
            let mut taken = 0;
            for answer in answers {
                let wanted = format!("{:?}", lookup.poll_output());
                if lookup.handle_input(answer, now).is_ok() {
                    taken += 1;
                } else {
                    prop_assert_eq!(format!("{:?}", lookup.poll_output()), wanted);
                }
            }
            prop_assert!(taken <= 2);
            if !matches!(lookup.poll_output(), Output::Done(_)) {
                continue;
            }
            let Some(outcome) = lookup.into_outcome() else { unreachable!() };
            if let Some(before) = before {
                let applied = outcome.applied.as_ref().unwrap();
                if applied.source == PolicySource::Cached {
                    prop_assert_eq!(&applied.policy, before.policy());
                    prop_assert_eq!(applied.expires_at, before.expires_at());
                }
            }
            entry = outcome.cache_update.apply_to(entry, now);
            if let Some(entry) = &entry {
                prop_assert_eq!(&CacheEntry::parse(entry.to_text(&domain).as_bytes(), &domain).unwrap(), entry);
            }
        }
    }

    // Proves S58, S82.
    #[test]
    fn a_refresh_is_due_within_a_day_and_while_half_of_the_life_is_left(
        max_age in 0_u64..40_000_000,
        fetched_at in prop_oneof![0_u64..2_000_000_000, any::<u64>()],
        passed in prop_oneof![-100_000_i64..100_000, any::<i64>()],
        spread in any::<u64>(),
    ) {
        let text = format!("version: STSv1\nmode: none\nmax_age: {max_age}\n");
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let time = UnixTime::from_secs;
        let cached = CachedPolicy::new(policy, "1".parse().unwrap(), time(fetched_at));
        let now = time(fetched_at.saturating_add_signed(passed));
        let due = cached.refresh_at(spread, now);
        let max_age = cached.policy().max_age();
        prop_assert_eq!(due.is_some(), max_age >= Duration::from_secs(3600) && cached.is_valid(now));
        if let Some(due) = due {
            let begins = time(fetched_at).min(now);
            let waits = due.saturating_since(begins);
            let latest = Duration::from_secs(86_400).min(max_age / 2);
            prop_assert!(waits <= latest && due >= begins);
            let is_cut_off = due == time(u64::MAX);
            prop_assert!(is_cut_off || waits + Duration::from_secs(1) >= latest * 3 / 4, "{waits:?} of {latest:?}");
            // What was worked out at the fetch stays so, until the policy lapses.
            prop_assert!(now < time(fetched_at) || due == cached.refresh_at(spread, time(fetched_at)).unwrap());
        }
    }
}
