//! Two processes that share a store look one domain up, twice each, in every order of their steps: what was learnt earlier takes
//! the place of nothing that was learnt later.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use core::time::Duration;

use mta_sts_core::{
    CacheEntry, CacheUpdate, CachedPolicy, FetchFailure, HttpResponse, Input, Lookup, LookupConfig, Output,
    Policy, PolicyDomain, Purpose, RecordId, UnixTime,
};

const BODY: &[u8] = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n";
const START: UnixTime = UnixTime::from_secs(1_700_000_000);
/// A step takes longer than the shortest time that a record is believed, and ten of them longer than a back-off.
const STEP: Duration = Duration::from_secs(31);

/// A store, the processes, and what has happened so far.
#[derive(Clone)]
struct World {
    now: UnixTime,
    store: Option<CacheEntry>,
    processes: [Process; 2],
    /// Of the policies that were stored, when the latest was asked for.
    latest: Option<UnixTime>,
    /// The fetches that failed: for which id, and when they began.
    failed: Vec<(RecordId, UnixTime)>,
}

#[derive(Clone)]
struct Process {
    purposes: Vec<Purpose>,
    lookup: Option<Lookup>,
    requested_at: UnixTime,
}

/// What the domain and the network may say.
#[derive(Clone, Copy)]
enum Answer {
    Record(&'static str),
    NoRecord,
    Policy,
    FetchFails,
}

const TO_DNS: [Answer; 3] = [Answer::Record("old"), Answer::Record("new"), Answer::NoRecord];
const TO_HTTPS: [Answer; 2] = [Answer::Policy, Answer::FetchFails];

impl World {
    /// Two processes with something to do, and a store with a policy in it or nothing.
    fn begin(is_known: bool, purposes: [Vec<Purpose>; 2]) -> Self {
        let policy = CachedPolicy::new(Policy::parse(BODY).unwrap(), "old".parse().unwrap(), START);
        let update = CacheUpdate::Store { policy, checked_until: START };
        let process = |purposes| Process { purposes, lookup: None, requested_at: START };
        Self {
            now: START,
            store: is_known.then(|| update.apply_to(None, START)).flatten(),
            processes: purposes.map(process),
            latest: is_known.then_some(START),
            failed: Vec::new(),
        }
    }

    /// Goes through every order and every answer from here on; says how many ends there are.
    fn explore(&self) -> u64 {
        let mut ends = 0;
        for number in 0..2 {
            let process = &self.processes[number];
            let answers = match process.lookup.as_ref().map(Lookup::poll_output) {
                Some(Output::QueryTxt(_)) => &TO_DNS[..],
                Some(Output::FetchPolicy(_)) => &TO_HTTPS[..],
                Some(Output::Done(_)) => {
                    let mut next = self.clone();
                    next.apply(number);
                    ends += next.explore();
                    continue;
                }
                None if process.purposes.is_empty() => continue,
                None => {
                    let mut next = self.clone();
                    next.look_up(number);
                    ends += next.explore();
                    continue;
                }
            };
            for answer in answers {
                let mut next = self.clone();
                next.answer(number, *answer);
                ends += next.explore();
            }
        }
        ends.max(1)
    }

    fn look_up(&mut self, number: usize) {
        self.now = self.now.saturating_add(STEP);
        let domain = PolicyDomain::parse("example.com").unwrap();
        let process = &mut self.processes[number];
        let purpose = process.purposes.remove(0);
        process.lookup =
            Some(Lookup::new(domain, purpose, self.store.as_ref(), self.now, &LookupConfig::new()));
    }

    fn answer(&mut self, number: usize, answer: Answer) {
        self.now = self.now.saturating_add(STEP);
        let process = &mut self.processes[number];
        let lookup = process.lookup.as_mut().unwrap();
        let input = match answer {
            Answer::Record(id) => Input::txt(&[format!("v=STSv1; id={id}")], Duration::ZERO),
            Answer::NoRecord => Input::TxtNotFound { ttl: Duration::ZERO },
            Answer::Policy => Input::Response(HttpResponse::new(200, BODY).with_content_type(b"text/plain")),
            Answer::FetchFails => Input::FetchFailed(FetchFailure::Timeout),
        };
        lookup.handle_input(input, self.now).unwrap();
        match lookup.poll_output() {
            Output::FetchPolicy(_) => process.requested_at = self.now,
            Output::Done(outcome) => match &outcome.cache_update {
                CacheUpdate::Store { policy, .. } => {
                    assert_eq!(policy.fetched_at(), process.requested_at, "the time of the request");
                }
                CacheUpdate::BackOff { back_off, requested_at } => {
                    assert_eq!(*requested_at, process.requested_at);
                    self.failed.push((back_off.id, *requested_at));
                }
                _ => {}
            },
            Output::QueryTxt(_) => panic!("DNS is asked once"),
        }
    }

    fn apply(&mut self, number: usize) {
        self.now = self.now.saturating_add(STEP);
        let Some(outcome) = self.processes[number].lookup.take().unwrap().into_outcome() else { panic!() };
        let before = self.store.take();
        let update = outcome.cache_update;
        let after = update.apply_to(before.clone(), self.now);
        if let CacheUpdate::Store { policy, .. } = &update {
            self.latest = self.latest.max(Some(policy.fetched_at()));
        }
        let policy = after.as_ref().and_then(|after| after.valid_policy(self.now));
        let fetched_at = policy.map(CachedPolicy::fetched_at);
        assert_eq!(fetched_at, self.latest, "the latest policy is in force, in whatever order they came");
        if let (Some(after), Some(policy)) = (&after, policy) {
            self.check(before.as_ref(), &update, after, policy);
        }
        self.store = after;
    }

    /// An entry with a policy in force, after an update.
    fn check(
        &self,
        before: Option<&CacheEntry>,
        update: &CacheUpdate,
        after: &CacheEntry,
        policy: &CachedPolicy,
    ) {
        assert_eq!(after.absence(), None, "an absence hides no policy");
        for back_off in after.back_offs().iter().filter(|back_off| back_off.id == *policy.id()) {
            let has_failed = |(id, requested_at): &(RecordId, UnixTime)| {
                *id == back_off.id && *requested_at > policy.fetched_at()
            };
            assert!(
                self.failed.iter().any(has_failed),
                "{back_off:?} of the id in force has not failed since"
            );
        }
        let has_failed_since =
            self.failed.iter().any(|(_, requested_at)| *requested_at >= policy.fetched_at());
        assert!(after.fetch_failures() == 0 || has_failed_since, "none of the failures is earlier");
        if Some(after.checked_until()) != before.map(CacheEntry::checked_until) {
            match update {
                CacheUpdate::Checked { id, checked_at, .. } => {
                    assert_eq!(id, policy.id(), "it vouches for the id that was seen");
                    assert!(*checked_at >= policy.fetched_at(), "and for nothing newer");
                }
                CacheUpdate::Store { policy: new, .. } => assert_eq!(new, policy),
                update => panic!("{update:?} vouches for nothing"),
            }
        }
    }
}

#[test]
fn what_was_learnt_earlier_replaces_nothing_that_was_learnt_later() {
    use Purpose::{BeforePermanentFailure, Deliver, Refresh};
    let mut ends = 0;
    for (is_known, purposes) in [
        (false, [vec![Deliver, Deliver], vec![Deliver, Deliver]]),
        (true, [vec![Deliver, Deliver], vec![Deliver, Deliver]]),
        (true, [vec![Refresh], vec![Deliver, Refresh]]),
        (true, [vec![BeforePermanentFailure], vec![Deliver, Refresh]]),
    ] {
        let is_symmetric = purposes[0] == purposes[1];
        let mut world = World::begin(is_known, purposes);
        if is_symmetric {
            // The other way round is the same.
            world.look_up(0);
        }
        ends += world.explore();
    }
    println!("{ends} ends");
    assert!(ends > 500_000, "{ends}");
}
