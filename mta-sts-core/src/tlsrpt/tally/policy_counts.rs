//! The counts of one domain under one policy.

use alloc::boxed::Box;
use alloc::sync::Arc;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use super::super::event::{EventPolicy, Texts};
use super::super::{FailureDetails, PolicyType, ReportPolicy};
use super::ALLOCATION;
use super::details::Details;
use crate::name::{DnsName, PolicyDomain};
use crate::order;

/// The sessions of a domain under one policy.
#[derive(Debug)]
pub(super) struct PolicyCounts {
    pub(super) text: Arc<PolicyText>,
    // `None` if it is the recipient domain.
    pub(super) domain: Option<DnsName>,
    pub(super) successes: u64,
    pub(super) failures: u64,
    pub(super) details: Details,
}

impl PolicyCounts {
    pub(super) const fn new(text: Arc<PolicyText>, domain: Option<DnsName>) -> Self {
        Self { text, domain, successes: 0, failures: 0, details: Details::new() }
    }

    /// Returns whether events with this policy are counted here.
    pub(super) fn is_of(&self, policy: &EventPolicy<'_>) -> bool {
        self.text.policy_type == policy.policy_type
            && self.domain.as_ref() == policy.domain
            && policy.lines.are(&self.text.lines)
            && policy.mx_hosts.are(&self.text.mx_hosts)
    }

    /// The policy.
    pub(super) fn policy(&self) -> EventPolicy<'_> {
        EventPolicy {
            policy_type: self.text.policy_type,
            domain: self.domain.as_ref(),
            lines: Texts::Joined(&self.text.lines),
            mx_hosts: Texts::Joined(&self.text.mx_hosts),
        }
    }

    /// The policy with its counts, for a report.
    pub(super) fn reported(&self, recipient: &PolicyDomain) -> ReportPolicy {
        let domain = self.domain.as_ref().unwrap_or(recipient.as_name());
        let mut details: alloc::vec::Vec<_> = self
            .details
            .iter()
            .map(|detail| {
                let failure = detail.as_failure();
                let mut details = FailureDetails::new(failure.result_type, detail.count());
                if let Some(address) = failure.sending_ip {
                    details = details.with_sending_mta_ip(address);
                }
                if let Some(name) = failure.mx_host {
                    details = details.with_receiving_mx_hostname(name);
                }
                if let Some(name) = failure.helo {
                    details = details.with_receiving_mx_helo(name);
                }
                if let Some(address) = failure.receiving_ip {
                    details = details.with_receiving_ip(address);
                }
                if let Some(reason) = failure.reason {
                    details = details.with_failure_reason_code(reason);
                }
                details
            })
            .collect();
        order::sort(&mut details);
        let policy = ReportPolicy::new(self.text.policy_type, domain.as_str())
            .with_lines(self.text.lines.split_terminator('\n'))
            .with_mx_hosts(self.text.mx_hosts.split_terminator('\n'))
            .with_sessions(self.successes, self.failures);
        details.into_iter().fold(policy, ReportPolicy::with_details)
    }

    /// The memory, in octets, without the text of the policy.
    pub(super) fn octets(&self) -> usize {
        size_of::<Self>() + octets_of_name(self.domain.as_ref()) + ALLOCATION + self.details.octets()
    }
}

pub(super) fn octets_of_name(name: Option<&DnsName>) -> usize {
    name.map_or(0, |name| name.as_str().len() + ALLOCATION)
}

/// A policy in the form of reports. The customers of a provider share one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PolicyText {
    pub(super) policy_type: PolicyType,
    // Each followed by a line feed.
    pub(super) lines: Box<str>,
    pub(super) mx_hosts: Box<str>,
}

impl PolicyText {
    pub(super) fn of(policy: &EventPolicy<'_>) -> Self {
        Self {
            policy_type: policy.policy_type,
            lines: policy.lines.joined(),
            mx_hosts: policy.mx_hosts.joined(),
        }
    }

    /// The memory, in octets, with the reference counts and the entry in the table.
    fn octets(&self) -> usize {
        size_of::<Self>() + self.lines.len() + self.mx_hosts.len() + 3 * ALLOCATION + 4 * size_of::<usize>()
    }
}

/// The texts of all policies, each stored once.
#[derive(Debug)]
pub(super) struct PolicyTexts {
    hasher: SipHasher13,
    texts: HashTable<Arc<PolicyText>>,
}

impl PolicyTexts {
    pub(super) const fn new(hasher: SipHasher13) -> Self {
        Self { hasher, texts: HashTable::new() }
    }

    /// The shared text, and the additional octets; `None` if there is no room for them.
    pub(super) fn share(&mut self, text: PolicyText, room: usize) -> Option<(Arc<PolicyText>, usize)> {
        let hash = hash_of(&self.hasher, &text);
        if let Some(shared) = self.texts.find(hash, |shared| **shared == text) {
            return Some((Arc::clone(shared), 0));
        }
        let octets = text.octets();
        if octets > room {
            return None;
        }
        let text = Arc::new(text);
        self.texts.insert_unique(hash, Arc::clone(&text), |text| hash_of(&self.hasher, text));
        Some((text, octets))
    }

    /// Releases a use of the text; returns the octets that this frees.
    pub(super) fn release(&mut self, text: &Arc<PolicyText>) -> usize {
        // One use is that of the table.
        if Arc::strong_count(text) > 2 {
            return 0;
        }
        if let Ok(entry) = self.texts.find_entry(hash_of(&self.hasher, text), |kept| Arc::ptr_eq(kept, text))
        {
            entry.remove();
        }
        text.octets()
    }
}

fn hash_of(hasher: &SipHasher13, text: &PolicyText) -> u64 {
    hasher.hash(text.lines.as_bytes())
        ^ hasher.hash(text.mx_hosts.as_bytes()).rotate_left(u32::from(text.policy_type.number()))
}
