//! The cache beside a slow and obvious one: whatever is done, both do the same.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

#[path = "cache_twin/twin.rs"]
mod twin;

use proptest::prelude::*;

use twin::{Case, DOMAINS, Step, Update};

fn update() -> impl Strategy<Value = Update> {
    prop_oneof![
        1 => Just(Update::Keep),
        1 => (0_usize..3, 0_u64..4000).prop_map(|(id, until)| Update::Checked(id, until)),
        2 => (0_u64..4000).prop_map(Update::Absent),
        2 => (0_usize..3, 0_u64..4000).prop_map(|(id, until)| Update::BackOff(id, until)),
        4 => (0_usize..15, 0_usize..3, prop_oneof![3 => Just(0_i64), 1 => -5000_i64..200_000])
            .prop_map(|(policy, id, ago)| Update::Store { policy, id, ago }),
    ]
}

fn clock() -> impl Strategy<Value = Step> {
    let ahead = 20_i64 * 86_400;
    prop_oneof![8 => 0..4000_i64, 4 => 0..90_000_i64, 1 => 0..ahead, 1 => -100_000..0_i64, 1 => -ahead..ahead * 40]
        .prop_map(Step::Clock)
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => clock(),
        5 => (0..DOMAINS).prop_map(Step::Get),
        1 => (0..DOMAINS).prop_map(Step::Peek),
        8 => (0..DOMAINS, update()).prop_map(|(domain, update)| Step::Apply(domain, update)),
        2 => (0..DOMAINS, proptest::collection::vec(update(), 0..4))
            .prop_map(|(domain, updates)| Step::Insert(domain, updates)),
        1 => (0..DOMAINS).prop_map(Step::Remove),
        1 => Just(Step::RemoveExpired),
        5 => Just(Step::PollRefresh),
    ]
}

proptest! {
    #[test]
    fn the_cache_does_what_its_twin_does(
        max_entries in 0_usize..8,
        max_octets in prop_oneof![Just(1 << 20), 0_usize..9000],
        seed: u64,
        late: bool,
        steps in proptest::collection::vec(a_step(), 1..120),
    ) {
        Case { max_entries, max_octets, seed, late, steps }.run();
    }
}
