//! The cache as a mail server sees it.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use core::time::Duration;

use mta_sts_core::{
    Absence, BackOff, CacheConfig, CacheEntry, CacheUpdate, CachedPolicy, Evicted, FetchFailure,
    HttpResponse, Input, Lookup, LookupConfig, Output, Policy, PolicyCache, PolicyDomain, Purpose,
    RecordErrorKind, UnixTime,
};

const DAY: u64 = 86_400;
const START: UnixTime = UnixTime::from_secs(1_700_000_000);

fn after(secs: u64) -> UnixTime {
    START.saturating_add(Duration::from_secs(secs))
}

fn domain(name: &str) -> PolicyDomain {
    PolicyDomain::parse(name).unwrap()
}

fn cache(max_entries: usize) -> PolicyCache {
    PolicyCache::new(CacheConfig::new(1).with_max_entries(max_entries))
}

fn policy(mode: &str, max_age: u64) -> Policy {
    Policy::parse(
        format!("version: STSv1\nmode: {mode}\nmx: mx.example.test\nmax_age: {max_age}\n").as_bytes(),
    )
    .unwrap()
}

fn stored(mode: &str, max_age: u64, fetched_at: UnixTime) -> CacheUpdate {
    CacheUpdate::Store {
        policy: CachedPolicy::new(policy(mode, max_age), "1".parse().unwrap(), fetched_at),
        checked_until: fetched_at.saturating_add(Duration::from_secs(300)),
    }
}

fn absent(until: UnixTime) -> CacheUpdate {
    CacheUpdate::Absent(Absence { reason: RecordErrorKind::NoRecord, until })
}

fn backing_off(until: UnixTime) -> CacheUpdate {
    CacheUpdate::BackOff { back_off: BackOff { id: "2".parse().unwrap(), until }, requested_at: START }
}

fn names(cache: &PolicyCache) -> Vec<String> {
    cache.entries().map(|(domain, _)| domain.as_str().to_owned()).collect()
}

/// Of the one that had to go.
fn evicted(evicted: Vec<Evicted>) -> String {
    let [evicted] = evicted.try_into().expect("one had to go");
    evicted.domain.as_str().to_owned()
}

#[test]
fn the_lowest_rank_is_evicted_first() {
    let mut cache = cache(7);
    // Stored in the order of their rank, the highest first: the order of use would mislead.
    for (name, update) in [
        ("enforce-1.test", stored("enforce", 7 * DAY, START)),
        ("enforce-2.test", stored("enforce", 7 * DAY, START)),
        ("testing.test", stored("testing", 7 * DAY, START)),
        ("none.test", stored("none", 7 * DAY, START)),
        ("back-off.test", backing_off(after(3000))),
        ("absent.test", absent(after(3000))),
        ("expired.test", stored("enforce", 60, START)),
    ] {
        assert!(cache.apply(&domain(name), &update, START).is_empty());
    }
    assert!(cache.get(&domain("enforce-1.test"), after(120)).is_some());

    let now = after(120);
    let mut gone = Vec::new();
    for newcomer in 0..7 {
        let update = stored("enforce", 7 * DAY, now);
        gone.push(evicted(cache.apply(&domain(&format!("new-{newcomer}.test")), &update, now)));
    }
    assert_eq!(
        gone,
        [
            "expired.test",
            "absent.test",
            "back-off.test",
            "none.test",
            "testing.test",
            "enforce-2.test",
            "enforce-1.test"
        ]
    );
    assert_eq!(cache.len(), 7);
}

// Proves S104.
#[test]
fn made_up_domains_flush_no_policy() {
    let mut cache = cache(1000);
    for number in 0..990 {
        let update = stored("enforce", 7 * DAY, START);
        assert!(cache.apply(&domain(&format!("good-{number}.test")), &update, START).is_empty());
    }
    for number in 0..50_000 {
        let junk = domain(&format!("junk-{number}.test"));
        assert_eq!(cache.get(&junk, START), None);
        let update = if number % 2 == 0 { absent(after(300)) } else { backing_off(after(300)) };
        for evicted in cache.apply(&junk, &update, START) {
            assert!(evicted.domain.as_str().starts_with("junk-"), "{evicted:?}");
        }
    }
    assert_eq!(cache.len(), 1000);
    for number in 0..990 {
        assert!(cache.get(&domain(&format!("good-{number}.test")), START).is_some());
    }
}

#[test]
fn a_new_entry_that_ranks_below_all_others_is_not_admitted() {
    let mut cache = cache(1);
    cache.apply(&domain("good.test"), &stored("enforce", 7 * DAY, START), START);
    let gone = cache.apply(&domain("junk.test"), &absent(after(300)), START).pop().unwrap();
    assert_eq!(gone.domain, domain("junk.test"));
    assert_eq!(gone.entry.absence().unwrap().until, after(300));
    assert_eq!(names(&cache), ["good.test"]);
}

#[test]
fn bounds_of_nothing_one_and_two() {
    let store = |cache: &mut PolicyCache, name: &str| {
        cache.apply(&domain(name), &stored("enforce", 7 * DAY, START), START)
    };
    let mut none = cache(0);
    assert_eq!(evicted(store(&mut none, "a.test")), "a.test");
    assert!(none.is_empty() && none.get(&domain("a.test"), START).is_none());
    assert_eq!((none.poll_timeout(), none.poll_refresh(after(DAY))), (None, None));

    let mut one = cache(1);
    assert!(store(&mut one, "a.test").is_empty());
    assert!(store(&mut one, "a.test").is_empty());
    assert_eq!(evicted(store(&mut one, "b.test")), "a.test");
    assert_eq!(names(&one), ["b.test"]);

    let mut two = cache(2);
    store(&mut two, "a.test");
    store(&mut two, "b.test");
    two.get(&domain("a.test"), START);
    assert_eq!(evicted(store(&mut two, "c.test")), "b.test");
    assert_eq!(names(&two), ["a.test", "c.test"]);
}

#[test]
fn the_same_policy_is_kept_once() {
    let mut cache = cache(1000);
    for number in 0..500 {
        // Each is parsed anew, as if it had been fetched.
        cache.apply(&domain(&format!("d{number}.test")), &stored("enforce", 7 * DAY, START), START);
    }
    // Also with an id in back-off beside it.
    cache.apply(&domain("e.test"), &backing_off(after(300)), START);
    cache.apply(&domain("e.test"), &stored("enforce", 7 * DAY, START), START);
    cache.apply(&domain("other.test"), &stored("testing", 7 * DAY, START), START);

    let text = |entry: &CacheEntry| entry.policy().unwrap().policy().text().as_ptr();
    let mut texts: Vec<_> = cache.entries().map(|(_, entry)| text(&entry)).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 2);

    // With the last user it goes: the next with that text is kept as it comes.
    cache.remove(&domain("other.test"));
    let update = stored("testing", 7 * DAY, START);
    cache.apply(&domain("other.test"), &update, START);
    let CacheUpdate::Store { policy, .. } = &update else { unreachable!() };
    let kept = cache.get(&domain("other.test"), START).unwrap();
    assert_eq!(text(&kept), policy.policy().text().as_ptr());
}

#[test]
fn entries_come_back_as_they_were_put_in() {
    let long_id = "a".repeat(32);
    let long_name = format!("{}.{}.test", "b".repeat(60), "c".repeat(60));
    for (name, text) in [
        ("a.test", "mta-sts-entry 1\nabsent: no-record 1700000300\n\n".to_owned()),
        ("a.test", "mta-sts-entry 1\nabsent: bad-id 18446744073709551615\n\n".to_owned()),
        ("a.test", "mta-sts-entry 1\nback-off: 1 1700000300\nback-off: 2 1700000400\n\n".to_owned()),
        (&long_name, saved("1", "1700000000", "checked-until: 1700000300\n")),
        ("a.test", saved(&long_id, "1700000000", "")),
        ("a-name-of-44-octets.example.test", saved("123456789012", "1700000000", "checked-until: 5\n")),
        ("a-name-of-45-octets.example.test", saved("1234567890123", "1700000000", "checked-until: 5\n")),
        ("a.test", saved("1", "4294967295", "checked-until: 4294967296\n")),
        ("a.test", saved("1", "4294967296", "")),
        ("a.test", saved("1", "18446744073709551615", "fetch-failures: 3\n")),
        ("a.test", saved("1", "1700000000", "fetch-failures: 3\nback-off: 2 1700000300\n")),
        ("a.test", saved("1", "1700000000", "absent: no-record 1700000300\n")),
    ] {
        let entry = CacheEntry::parse(text.as_bytes(), &domain(name)).unwrap();
        let mut cache = cache(10);
        assert!(cache.insert(&domain(name), entry.clone(), START).is_empty());
        assert_eq!(cache.peek(&domain(name), START).as_ref(), Some(&entry), "{text}");
        assert_eq!(cache.entries().collect::<Vec<_>>(), [(domain(name), entry.clone())]);
        assert_eq!(cache.remove(&domain(name)), Some(entry));
        assert!(cache.is_empty());
    }
}

fn saved(id: &str, fetched_at: &str, headers: &str) -> String {
    let policy = policy("enforce", 7 * DAY);
    let len = policy.text().len();
    format!(
        "mta-sts-entry 1\n{headers}id: {id}\nfetched-at: {fetched_at}\npolicy-length: {len}\n\n{}",
        policy.text()
    )
}

#[test]
fn what_was_saved_is_loaded_in_the_same_order() {
    let mut cache = cache(100);
    for number in 0..50 {
        let mode = ["enforce", "testing", "none"][number % 3];
        cache.apply(&domain(&format!("d{number}.test")), &stored(mode, 7 * DAY, START), START);
    }
    for number in [7, 3, 20] {
        cache.get(&domain(&format!("d{number}.test")), START);
    }
    let mut loaded = self::cache(100);
    for (domain, entry) in cache.entries() {
        let text = entry.to_text(&domain);
        loaded.insert(&domain, CacheEntry::parse(text.as_bytes(), &domain).unwrap(), after(10));
    }
    assert!(cache.entries().eq(loaded.entries()));
    assert_eq!(loaded.entries().last().unwrap().0, domain("d3.test"));
}

/// Asks the TXT record, gets this id, and says whether the host was asked for the policy.
fn asks_host(cache: &mut PolicyCache, purpose: Purpose, id: &str, max_age: u64, now: UnixTime) -> bool {
    let domain = domain("a.test");
    let cached = cache.get(&domain, now);
    let mut lookup = Lookup::new(domain.clone(), purpose, cached.as_ref(), now, &LookupConfig::new());
    let mut asks = false;
    loop {
        let body = policy("enforce", max_age);
        let answer = match lookup.poll_output() {
            Output::QueryTxt(_) => Input::txt(&[format!("v=STSv1; id={id}")], Duration::ZERO),
            Output::FetchPolicy(_) => {
                asks = true;
                let response = HttpResponse::new(200, body.text().as_bytes());
                Input::Response(response.with_content_type(b"text/plain"))
            }
            Output::Done(outcome) => {
                assert!(outcome.policy().is_some(), "{id} at {now}");
                cache.apply(&domain, &outcome.cache_update, now);
                return asks;
            }
        };
        lookup.handle_input(answer, now).unwrap();
    }
}

#[test]
fn name_servers_that_disagree_get_no_host_asked_twice_in_five_minutes() {
    for purpose in [Purpose::Deliver, Purpose::BeforePermanentFailure] {
        let mut cache = cache(1);
        let asked: Vec<(u64, &str)> = ["a", "b"]
            .into_iter()
            .cycle()
            .enumerate()
            .map(|(turn, id)| (turn as u64 * 31, id))
            .take(60)
            .filter(|(time, id)| asks_host(&mut cache, purpose, id, 7 * DAY, after(*time)))
            .collect();
        assert!(asked.len() > 4, "{asked:?}");
        for (number, (time, id)) in asked.iter().enumerate() {
            let earlier = asked[..number].iter().rev().find(|(_, earlier)| earlier == id);
            assert!(earlier.is_none_or(|(earlier, _)| time - earlier >= 300), "{asked:?}");
        }
    }
}

#[test]
fn the_id_that_gave_way_is_asked_for_once_the_other_protects_no_more() {
    let mut cache = cache(1);
    assert!(asks_host(&mut cache, Purpose::Deliver, "a", 7 * DAY, START));
    assert!(asks_host(&mut cache, Purpose::BeforePermanentFailure, "b", 60, after(10)));
    assert!(!asks_host(&mut cache, Purpose::BeforePermanentFailure, "a", 7 * DAY, after(69)));
    assert!(asks_host(&mut cache, Purpose::Deliver, "a", 7 * DAY, after(71)));
}

#[test]
fn an_older_fetch_replaces_no_newer_one() {
    let mut cache = cache(10);
    let name = domain("a.test");
    cache.apply(&name, &stored("enforce", 7 * DAY, after(100)), after(100));
    cache.apply(&name, &stored("none", 7 * DAY, after(50)), after(101));
    let entry = cache.get(&name, after(102)).unwrap();
    assert_eq!(entry.policy().unwrap().policy().mode().as_str(), "enforce");
}

// Proves S81, C16.
#[test]
fn what_has_expired_is_nothing() {
    let mut cache = cache(10);
    let name = domain("a.test");
    cache.apply(&name, &stored("enforce", 3600, START), START);
    assert!(cache.get(&name, after(3600)).is_some());
    assert_eq!(cache.remove_expired(after(3600)), None);
    assert_eq!(cache.get(&name, after(3601)), None);
    // The clock was wrong for a moment: nothing is lost.
    assert!(cache.get(&name, after(10)).is_some());
    assert_eq!(cache.remove_expired(after(3601)).unwrap().domain, name);
    assert!(cache.is_empty());
}

/// When the refresh of a policy that was fetched at the start is due.
fn due(max_age: u64) -> Option<u64> {
    let mut cache = cache(10);
    cache.apply(&domain("a.test"), &stored("enforce", max_age, START), START);
    cache.poll_timeout().map(|due| due.saturating_since(START).as_secs())
}

// Proves S58, S82.
#[test]
fn a_refresh_is_due_after_a_day_or_half_the_life() {
    for max_age in [3600, 5000, DAY, 2 * DAY, 7 * DAY, 31_557_600] {
        let latest = DAY.min(max_age / 2);
        let due = due(max_age).unwrap();
        assert!((latest * 3 / 4..=latest).contains(&due), "{max_age}: {due}");
    }
    for max_age in [0, 1, 300, 3599] {
        assert_eq!(due(max_age), None, "{max_age}");
    }
}

#[test]
fn refreshes_are_spread_and_a_seed_says_how() {
    let times = |seed| {
        let mut cache = PolicyCache::new(CacheConfig::new(seed));
        for number in 0..2400 {
            let update = stored("enforce", 7 * DAY, START);
            cache.apply(&domain(&format!("d{number}.test")), &update, START);
        }
        let mut times = Vec::new();
        while let Some(due) = cache.poll_timeout().filter(|due| *due <= after(DAY)) {
            let domain = cache.poll_refresh(due).expect("it is due");
            cache.apply(&domain, &stored("enforce", 7 * DAY, due), due);
            times.push((due, domain));
        }
        times
    };
    let one = times(1);
    assert_eq!(one.len(), 2400);
    // Six hours of jitter, 400 an hour on average.
    let mut hours = [0; 6];
    for (due, _) in &one {
        let hour = due.saturating_since(after(DAY * 3 / 4)).as_secs() / 3600;
        hours[usize::try_from(hour.min(5)).unwrap()] += 1;
    }
    assert!(hours.iter().all(|count| (300..500).contains(count)), "{hours:?}");
    assert_eq!(one, times(1));
    assert_ne!(one, times(2));
}

#[test]
fn a_failed_refresh_is_tried_again_after_the_retry_interval() {
    let retry = PolicyCache::RETRY_INTERVAL;
    assert!(retry <= Duration::from_secs(3600) && retry >= Duration::from_secs(300));
    let mut cache = cache(10);
    let name = domain("a.test");
    cache.apply(&name, &stored("enforce", 7 * DAY, START), START);

    let now = cache.poll_timeout().unwrap();
    assert_eq!(cache.poll_refresh(now).as_ref(), Some(&name));
    assert_eq!(cache.poll_refresh(now), None);
    let seconds_later = now.saturating_add(Duration::from_secs(60));
    cache.apply(&name, &backing_off(seconds_later.saturating_add(Duration::from_secs(300))), seconds_later);
    assert_eq!(cache.poll_timeout(), Some(now.saturating_add(retry)));

    // A back-off that is longer than that is kept.
    let now = now.saturating_add(retry);
    assert_eq!(cache.poll_refresh(now).as_ref(), Some(&name));
    let until = now.saturating_add(retry * 3);
    cache.apply(&name, &backing_off(until), now);
    assert_eq!(cache.poll_timeout(), Some(until));

    // A refresh that did not come to ask the host comes again when it may.
    assert_eq!(cache.poll_refresh(until).as_ref(), Some(&name));
    let soon = until.saturating_add(Duration::from_secs(200));
    cache.apply(&name, &CacheUpdate::Keep, until);
    assert_eq!(cache.poll_timeout(), Some(until.saturating_add(retry)));
    assert_eq!(cache.poll_refresh(until.saturating_add(retry)).as_ref(), Some(&name));
    let now = until.saturating_add(retry);
    cache.apply(&name, &backing_off(soon.saturating_add(retry)), now);
    assert!(cache.poll_refresh(now).is_none());
}

#[test]
fn deliveries_that_fail_put_no_refresh_off() {
    let mut cache = cache(10);
    let name = domain("a.test");
    cache.apply(&name, &stored("enforce", 7 * DAY, START), START);
    let due = cache.poll_timeout().unwrap();
    // Whoever makes up record ids makes deliveries fetch, and fail.
    for secs in (0..DAY).step_by(301) {
        cache.apply(&name, &backing_off(after(secs + 300)), after(secs));
        assert_eq!(cache.poll_timeout(), Some(due));
    }
    assert_eq!(cache.poll_refresh(after(DAY)), Some(name));
}

#[test]
fn a_refresh_found_in_back_off_comes_again_when_it_ends() {
    let mut cache = cache(10);
    let name = domain("a.test");
    cache.apply(&name, &stored("enforce", 7 * DAY, START), START);
    let now = cache.poll_timeout().unwrap();
    let until = now.saturating_add(Duration::from_secs(200));
    cache.apply(&name, &backing_off(until), now);
    assert_eq!(cache.poll_refresh(now).as_ref(), Some(&name));
    cache.apply(&name, &CacheUpdate::Keep, now);
    assert_eq!(cache.poll_timeout(), Some(until));
}

#[test]
fn an_unused_domain_is_let_go_and_taken_up_again() {
    let mut cache = PolicyCache::new(CacheConfig::new(1).with_unused_for(Duration::from_secs(10 * DAY)));
    let name = domain("a.test");
    cache.apply(&name, &stored("enforce", 30 * DAY, START), START);
    // Refreshed again and again, without mail.
    let mut refreshes = 0;
    while let Some(now) = cache.poll_timeout() {
        if cache.poll_refresh(now).is_some() {
            cache.apply(&name, &stored("enforce", 30 * DAY, now), now);
            refreshes += 1;
        }
    }
    assert!((10..=13).contains(&refreshes), "{refreshes}");
    // It is still in force, and a message makes it worth refreshing.
    assert!(cache.get(&name, after(20 * DAY)).is_some());
    assert_eq!(cache.poll_refresh(after(20 * DAY)), Some(name));
}

#[test]
fn mail_to_a_domain_whose_policy_has_lapsed_is_a_use() {
    let mut cache = cache(10);
    let name = domain("a.test");
    cache.apply(&name, &stored("enforce", 7 * DAY, START), START);
    let now = after(200 * DAY);
    assert_eq!(cache.get(&name, now), None);
    cache.apply(&name, &stored("enforce", 7 * DAY, now), now);
    let due = cache.poll_timeout().unwrap();
    assert_eq!(cache.poll_refresh(due), Some(name));
}

// Proves C16.
#[test]
fn a_clock_that_steps_back_delays_no_refresh_of_a_domain_in_use() {
    let mut cache = cache(10);
    let name = domain("a.test");
    cache.apply(&name, &stored("enforce", 30 * DAY, after(1000 * DAY)), after(1000 * DAY));
    assert!(cache.get(&name, START).is_some());
    assert!(cache.poll_timeout().unwrap() <= after(DAY));
    // The end of time is no trap either.
    let end = UnixTime::from_secs(u64::MAX);
    cache.apply(&domain("b.test"), &stored("enforce", 30 * DAY, end), end);
    while cache.poll_refresh(end).is_some() {}
    assert!(cache.get(&domain("b.test"), START).is_some());
}

#[test]
fn a_clock_that_jumps_ahead_and_back_loses_nothing() {
    let mut cache = cache(2);
    let day = domain("day.test");
    cache.apply(&day, &stored("enforce", DAY, START), START);
    for ahead in [DAY + 1, 40 * DAY, u64::MAX / 2, u64::MAX - 1_700_000_000] {
        // It has lapsed there, and is let go.
        let then = after(ahead);
        assert_eq!(cache.get(&day, then), None);
        assert_eq!(cache.poll_refresh(then), None);
        // Here it counts, and is refreshed as ever.
        assert!(cache.get(&day, after(60)).is_some());
        let due = cache.poll_timeout().expect("a refresh is due");
        assert!(due > after(60) && due <= after(DAY / 2));
        assert_eq!(cache.poll_refresh(due), Some(day.clone()));
        cache.apply(&day, &stored("enforce", DAY, START), after(60));
    }
}

#[test]
fn a_long_back_off_holds_however_often_there_is_mail() {
    let mut cache = cache(1);
    let name = domain("a.test");
    cache.apply(&name, &stored("enforce", 30 * DAY, START), START);
    let due = cache.poll_timeout().unwrap();
    assert_eq!(cache.poll_refresh(due), Some(name.clone()));
    let until = due.saturating_add(Duration::from_secs(3 * DAY));
    cache.apply(&name, &backing_off(until), due);
    assert_eq!(cache.poll_timeout(), Some(until));
    assert!(cache.get(&name, due.saturating_add(Duration::from_secs(60))).is_some());
    assert_eq!(cache.poll_timeout(), Some(until));
}

#[test]
fn a_cache_goes_to_other_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<PolicyCache>();
}

// Proves A41, S52.
#[test]
fn a_full_cache_still_leaves_dead_hosts_alone() {
    let mut cache = PolicyCache::new(CacheConfig::new(7).with_max_entries(2));
    let now = UnixTime::from_secs(1_700_000_000);
    let stored = |name: &str| {
        let body = b"version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 604800\n";
        let policy = CachedPolicy::new(Policy::parse(body).unwrap(), "1".parse().unwrap(), now);
        (PolicyDomain::parse(name).unwrap(), CacheUpdate::Store { policy, checked_until: now })
    };
    for name in ["a.test", "b.test"] {
        let (domain, update) = stored(name);
        cache.apply(&domain, &update, now);
    }
    let dead = PolicyDomain::parse("dead.test").unwrap();
    let mut fetches = 0;
    for message in 0..100_u64 {
        let now = now.saturating_add(Duration::from_secs(message));
        let cached = cache.get(&dead, now);
        let mut lookup =
            Lookup::new(dead.clone(), Purpose::Deliver, cached.as_ref(), now, &LookupConfig::new());
        let rrs = [b"v=STSv1; id=1"];
        lookup.handle_input(Input::txt(&rrs, Duration::from_secs(30)), now).unwrap();
        if matches!(lookup.poll_output(), Output::FetchPolicy(_)) {
            fetches += 1;
            lookup.handle_input(Input::FetchFailed(FetchFailure::Timeout), now).unwrap();
        }
        cache.apply(&dead, &lookup.into_outcome().unwrap().cache_update, now);
    }
    assert_eq!((fetches, cache.len()), (1, 2));
}

// Proves S81.
#[test]
fn a_clock_that_jumps_ahead_and_back_costs_no_policy() {
    let now = UnixTime::from_secs(1_700_000_000);
    let body = b"version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 604800\n";
    let policy = CachedPolicy::new(Policy::parse(body).unwrap(), "1".parse().unwrap(), now);
    let domain = PolicyDomain::parse("a.test").unwrap();
    let mut cache = PolicyCache::new(CacheConfig::new(7));
    cache.apply(&domain, &CacheUpdate::Store { policy, checked_until: now }, now);
    for days in [10, 40, 365] {
        let wrong = now.saturating_add(Duration::from_secs(days * 86_400));
        let absent = Absence {
            reason: RecordErrorKind::NoRecord,
            until: wrong.saturating_add(Duration::from_secs(300)),
        };
        cache.apply(&domain, &CacheUpdate::Absent(absent), wrong);
        assert!(cache.get(&domain, wrong).is_none_or(|entry| entry.valid_policy(wrong).is_none()));
        assert!(cache.get(&domain, now).unwrap().valid_policy(now).is_some(), "{days}");
    }
}

/// A policy whose text has about so many octets.
fn large(number: usize, octets: usize) -> CacheUpdate {
    let filler = "x".repeat(octets.saturating_sub(100));
    let body = format!(
        "version: STSv1\nmode: enforce\nmx: mx{number}.test\nmax_age: {}\nfiller: x{filler}\n",
        7 * DAY
    );
    let policy = CachedPolicy::new(Policy::parse(body.as_bytes()).unwrap(), "1".parse().unwrap(), START);
    CacheUpdate::Store { policy, checked_until: START }
}

fn of_octets(max_octets: usize) -> PolicyCache {
    PolicyCache::new(CacheConfig::new(7).with_max_octets(max_octets))
}

// Proves S104.
#[test]
fn a_flood_of_large_policies_leaves_the_small_ones() {
    let mut cache = of_octets(1 << 20);
    let honest = |number: usize| domain(&format!("honest-{number}.test"));
    for number in 0..500 {
        assert!(cache.apply(&honest(number), &large(number, 400), START).is_empty());
    }
    let used = domain("large-and-used.test");
    cache.apply(&used, &large(1, 60_000), START);
    assert!(cache.get(&used, after(DAY)).is_some());
    let mut gone = 0;
    for number in 0..2000 {
        let flood = cache.apply(&domain(&format!("junk-{number}.test")), &large(number, 60_000), after(DAY));
        assert!(flood.iter().all(|evicted| evicted.domain.as_str().starts_with("junk-")), "{flood:?}");
        gone += flood.len();
        assert!(cache.octets() <= 1 << 20);
    }
    assert!(gone > 1900);
    for number in 0..500 {
        assert!(cache.peek(&honest(number), after(DAY)).is_some(), "{number}");
    }
    assert!(cache.peek(&used, after(DAY)).is_some(), "mail went to it again");
}

#[test]
fn a_policy_that_many_domains_share_counts_once_and_goes_with_all_of_them() {
    let mut cache = of_octets(100_000);
    let shared = large(0, 40_000);
    for number in 0..1000 {
        assert!(cache.apply(&domain(&format!("customer-{number}.test")), &shared, START).is_empty());
    }
    assert!(cache.octets() < 50_000);
    cache.apply(&domain("other.test"), &large(1, 40_000), START);
    let gone = cache.apply(&domain("third.test"), &large(2, 40_000), START);
    assert_eq!(gone.len(), 1000, "the longest unused");
    assert_eq!(cache.len(), 2);
}

#[test]
fn a_policy_that_has_no_room_alone_is_not_cached() {
    let mut cache = of_octets(10_000);
    cache.apply(&domain("small.test"), &large(0, 400), START);
    let gone = cache.apply(&domain("huge.test"), &large(1, 60_000), START);
    assert_eq!(evicted(gone), "huge.test");
    assert!(cache.peek(&domain("small.test"), START).is_some());
    // An absence takes no memory of policies.
    let mut none = of_octets(0);
    assert!(none.apply(&domain("absent.test"), &absent(after(300)), START).is_empty());
    assert_eq!(none.len(), 1);
}
