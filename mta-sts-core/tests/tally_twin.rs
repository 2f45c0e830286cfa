//! The tally beside a slow and obvious one: whatever is done, both do the same.
#![cfg(feature = "tlsrpt")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

#[path = "tally_twin/twin.rs"]
mod twin;

use mta_sts_core::tlsrpt::ReportDelivery;
use proptest::prelude::*;

use twin::{Case, DOMAINS, FAILURES, POLICIES, SaveEnd, Session, Step};

fn session() -> impl Strategy<Value = Session> {
    let failures = proptest::collection::vec(0..FAILURES, 0..3);
    let policy = prop_oneof![3 => 0..3_usize, 1 => 0..POLICIES];
    (0..DOMAINS, policy, any::<bool>(), failures, proptest::bool::weighted(0.95)).prop_map(
        |(domain, policy, has_failed, failures, has_record)| Session {
            domain,
            policy,
            has_failed,
            failures: if has_failed { failures } else { Vec::new() },
            has_record,
        },
    )
}

/// Sessions that fill the lists of one domain.
fn flood() -> impl Strategy<Value = Vec<Session>> {
    (0..DOMAINS, proptest::option::of(0..POLICIES), 0..FAILURES).prop_map(|(domain, policy, first)| {
        (0..100)
            .map(|number| Session {
                domain,
                policy: policy.unwrap_or(number % POLICIES),
                has_failed: true,
                failures: vec![(first + number) % FAILURES],
                has_record: true,
            })
            .collect()
    })
}

fn end() -> impl Strategy<Value = ReportDelivery> {
    prop_oneof![
        4 => Just(ReportDelivery::Delivered),
        4 => Just(ReportDelivery::Failed),
        1 => Just(ReportDelivery::Refused),
    ]
}

fn clock() -> impl Strategy<Value = Step> {
    let day = 86_400_i64;
    prop_oneof![8 => 0..4000_i64, 6 => 0..day, 2 => -day * 2..0, 1 => 0..day * 5, 1 => -day * 20..day * 20]
        .prop_map(Step::Clock)
}

fn a_step() -> impl Strategy<Value = Step> {
    let ahead = prop_oneof![4 => Just(0_i64), 2 => -200_000..200_000_i64, 1 => 0..40_000_000_i64];
    prop_oneof![
        6 => clock(),
        8 => (session(), 1..4_usize).prop_map(|(session, times)| Step::Count(session, times)),
        1 => (0..DOMAINS).prop_map(Step::Mail),
        6 => proptest::collection::vec(end(), 0..6).prop_map(Step::Poll),
        2 => (ahead.clone(), proptest::collection::vec(session(), 0..6))
            .prop_map(|(ahead, sessions)| Step::Merge(ahead, sessions)),
        1 => (ahead, flood()).prop_map(|(ahead, sessions)| Step::Merge(ahead, sessions)),
        1 => Just(Step::Restart),
        4 => prop_oneof![2 => Just(SaveEnd::Saved), 1 => Just(SaveEnd::Unheard), 1 => Just(SaveEnd::Failed)]
            .prop_map(Step::Save),
    ]
}

/// Policies that there is no room for, moved to another day after a restart: which are told apart hangs on their order.
#[test]
fn policies_move_in_the_order_of_the_text() {
    let session =
        |policy| Session { domain: 3, policy, has_failed: false, failures: Vec::new(), has_record: true };
    let none = Session { has_record: false, ..session(0) };
    let steps = vec![
        Step::Merge(265_600, (0..18).map(session).collect()),
        Step::Merge(0, vec![session(18)]),
        Step::Restart,
        Step::Count(none, 1),
        Step::Clock(86_400),
        Step::Poll(Vec::new()),
    ];
    Case { max_domains: 100, seed: 0, steps }.run();
}

proptest! {
    // Proves R13, R17, R27, R28, R29, R30, R31, R32, R81, R82.
    #[test]
    fn the_tally_does_what_its_twin_does(
        max_domains in prop_oneof![3 => Just(100_usize), 1 => 0..5_usize],
        seed: u64,
        steps in proptest::collection::vec(a_step(), 1..60),
    ) {
        Case { max_domains, seed, steps }.run();
    }
}
