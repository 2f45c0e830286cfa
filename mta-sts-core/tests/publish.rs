//! What is published is read by senders as it was meant.
#![cfg(all(feature = "lint", feature = "publish"))]

use std::collections::BTreeSet;
use std::time::Duration;

use mta_sts_core::lint::{self, Severity};
use mta_sts_core::publish::{Draft, id_of};
use mta_sts_core::{DnsName, Mode, MxPattern, Policy, PolicyDomain, Record, Strictness};
use proptest::prelude::*;

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Enforce), Just(Mode::Testing), Just(Mode::None)]
}

fn hosts() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set("[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?\\.(north|south)\\.test", 1..8)
}

fn draft(
    mode: Mode,
    hosts: &BTreeSet<String>,
    max_age: u64,
    wildcard: Option<&str>,
) -> Result<Draft, Box<dyn std::error::Error>> {
    let hosts = hosts.iter().map(|host| DnsName::parse(host)).collect::<Result<Vec<_>, _>>()?;
    let domain = PolicyDomain::parse("owner.test")?;
    let draft = Draft::new(&domain, mode, &hosts, Duration::from_secs(max_age))?;
    Ok(match wildcard {
        Some(wildcard) => draft.with_wildcard(MxPattern::parse(wildcard)?)?,
        None => draft,
    })
}

proptest! {
    // Proves S10.
    #[test]
    fn a_draft_is_read_as_it_was_meant(
        mode in modes(), hosts in hosts(), max_age in 86_400_u64..=31_557_600,
    ) {
        let draft = draft(mode, &hosts, max_age, None).unwrap();
        let policy = Policy::parse_with(draft.policy_text().as_bytes(), Strictness::Abnf).unwrap();
        prop_assert_eq!((policy.mode(), policy.max_age().as_secs()), (mode, max_age));
        let patterns: BTreeSet<_> = policy.mx_patterns().map(|pattern| pattern.to_string()).collect();
        let expected = if mode == Mode::None { BTreeSet::new() } else { hosts.clone() };
        prop_assert_eq!(patterns, expected);
        // The canonical form is what is written.
        prop_assert_eq!(policy.to_string(), draft.policy_text());
        let record = Record::parse(draft.record_text().as_bytes()).unwrap();
        prop_assert_eq!(record.id(), draft.id());
        prop_assert_eq!(record.id(), &id_of(draft.policy_text().as_bytes()));
        for host in &hosts {
            prop_assert!(mode == Mode::None || policy.matches_mx(host));
        }
    }

    #[test]
    fn lint_finds_no_fault_in_a_draft(
        mode in modes(), hosts in hosts(), max_age in 86_400_u64..=31_557_600, wildcard in any::<bool>(),
    ) {
        let wildcard = wildcard && hosts.iter().any(|host| host.ends_with(".north.test"));
        let draft = draft(mode, &hosts, max_age, wildcard.then_some("*.north.test")).unwrap();
        let names: Vec<_> = hosts.iter().map(|host| DnsName::parse(host).unwrap()).collect();
        let findings = lint::policy_for_hosts(draft.policy_text().as_bytes(), Strictness::Abnf, &names);
        prop_assert!(findings.iter().all(|finding| finding.severity() == Severity::Info), "{findings:?}");
        // What is left was chosen by the owner.
        let chosen = ["testing-mode", "none-mode", "short-max-age", "long-max-age", "wildcard-mx"];
        for finding in &findings {
            prop_assert!(chosen.contains(&finding.code()), "{finding:?}");
        }
        if mode == Mode::Enforce && !wildcard && (604_800..=15_811_200).contains(&max_age) {
            prop_assert!(findings.is_empty(), "{findings:?}");
        }
        prop_assert!(lint::rrset(&[draft.record_text()]).is_empty());
    }
}
