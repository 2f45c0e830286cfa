use alloc::vec::Vec;
use core::fmt;

use super::Draft;
use crate::name::DnsName;
use crate::record::RecordId;
use crate::time::UnixTime;

/// A step of a plan: what to do, when, and why not before.
///
/// ```no_run
/// # fn show(plan: &mta_sts_core::publish::Plan) {
/// for step in plan.steps() {
///     println!("{} {}: {}", step.earliest(), step.action(), step.wait().message());
/// }
/// # }
/// ```
///
/// It has two times. At the *earliest*, no sender refuses mail that compares the id of the record with that of its policy
/// before it delivers, as RFC 8461 asks, and that the Policy Host responds to. At the *safe* time, no sender does, whatever it
/// compares: each policy that could refuse mail has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub(super) action: Action,
    pub(super) earliest: Due,
    pub(super) safe: Due,
}

/// A time, and what it has to be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: UnixTime,
    pub(super) wait: Wait,
}

impl Due {
    /// The later of the two; of equal ones the first.
    pub(super) fn max(self, other: Self) -> Self {
        if other.at > self.at { other } else { self }
    }

    /// The earlier of the two; of equal ones the first.
    pub(super) fn min(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }
}

impl Step {
    /// What to do.
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// The time from which senders that compare ids refuse no mail for it, if each step before it is done at its earliest
    /// time.
    pub const fn earliest(&self) -> UnixTime {
        self.earliest.at
    }

    /// The reason why it is not done before its earliest time.
    pub const fn wait(&self) -> Wait {
        self.earliest.wait
    }

    /// The time from which no sender refuses mail for it, if each step before it is done at its safe time.
    pub const fn safe(&self) -> UnixTime {
        self.safe.at
    }

    /// The reason why it is not safe earlier.
    pub const fn safe_wait(&self) -> Wait {
        self.safe.wait
    }
}

/// What is done in a step.
///
/// ```
/// use mta_sts_core::publish::Action;
///
/// assert_eq!(Action::DeleteRecord.code(), "delete-record");
/// assert_eq!(Action::DeleteRecord.section(), "RFC 8461, 8.3");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Serve this policy.
    PutPolicy(Draft),
    /// Have another host serve this policy, then point the name of the Policy Host at it.
    MovePolicyHost(Draft),
    /// Publish the record with this id.
    PutRecord(RecordId),
    /// Change the MX records.
    ChangeMx {
        /// The hosts to be added.
        add: Vec<DnsName>,
        /// The hosts to be taken out.
        remove: Vec<DnsName>,
    },
    /// Delete the TXT record.
    DeleteRecord,
    /// Serve no policy any more.
    DeletePolicy,
}

impl Action {
    /// The stable code: a kebab-case word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PutPolicy(_) => "put-policy",
            Self::MovePolicyHost(_) => "move-policy-host",
            Self::PutRecord(_) => "put-record",
            Self::ChangeMx { .. } => "change-mx",
            Self::DeleteRecord => "delete-record",
            Self::DeletePolicy => "delete-policy",
        }
    }

    /// The reason for its place in the plan, in one sentence.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::PutPolicy(_) => {
                "The policy changes before the record: whoever sees the new id has to find the new policy."
            }
            Self::MovePolicyHost(_) => {
                "The new host serves the policy with a certificate for the Policy Host before the name leads to it."
            }
            Self::PutRecord(_) => "Senders that compare ids see the new one, and fetch the policy again.",
            Self::ChangeMx { .. } => {
                "Each policy that senders may hold names all of the hosts; a host that leaves is needed until the policy no longer names it."
            }
            Self::DeleteRecord => "No sender holds a policy any more that could refuse mail.",
            Self::DeletePolicy => "Without its record nobody fetches the policy.",
        }
    }

    /// The section of the RFC that the reason comes from.
    pub const fn section(&self) -> &'static str {
        match self {
            Self::PutPolicy(_) | Self::PutRecord(_) | Self::ChangeMx { .. } => "RFC 8461, 8.1",
            Self::MovePolicyHost(_) => "RFC 8461, 8.2",
            Self::DeleteRecord | Self::DeletePolicy => "RFC 8461, 8.3",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.code())
    }
}

/// What has to be waited for before a step.
///
/// ```
/// use mta_sts_core::publish::Wait;
///
/// assert_eq!(Wait::RecordTtl.code(), "record-ttl");
/// assert_eq!(Wait::RecordTtl.section(), "RFC 8461, 8.1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wait {
    /// Nothing.
    Nothing,
    /// The step before.
    PreviousStep,
    /// Caches between the Policy Host and senders, or the addresses of the former Policy Host in DNS.
    PolicyCache,
    /// The TTL of the old record.
    RecordTtl,
    /// The time after which senders ask a Policy Host again that did not respond.
    Retry,
    /// The `max_age` of an older policy.
    OldPolicies,
    /// Policies from before the history.
    UnknownPolicies,
    /// The TTL of the old MX records, and the queues of senders.
    QueuedMail,
    /// The time for which a policy is tested before it is enforced.
    TestingPeriod,
    /// The time for which an enforced policy has a short `max_age`.
    Growth,
    /// The `max_age` of all policies from before the removal.
    OptOut,
}

impl Wait {
    /// Every kind of wait.
    pub const ALL: &'static [Self] = &[
        Self::Nothing,
        Self::PreviousStep,
        Self::PolicyCache,
        Self::RecordTtl,
        Self::Retry,
        Self::OldPolicies,
        Self::UnknownPolicies,
        Self::QueuedMail,
        Self::TestingPeriod,
        Self::Growth,
        Self::OptOut,
    ];

    /// The stable code: a kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::PreviousStep => "previous-step",
            Self::PolicyCache => "policy-cache",
            Self::RecordTtl => "record-ttl",
            Self::Retry => "retry",
            Self::OldPolicies => "old-policies",
            Self::UnknownPolicies => "unknown-policies",
            Self::QueuedMail => "queued-mail",
            Self::TestingPeriod => "testing-period",
            Self::Growth => "max-age-growth",
            Self::OptOut => "opt-out",
        }
    }

    /// The reason, in one sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Nothing => "There is nothing to wait for.",
            Self::PreviousStep => "The step before it has to be done and seen from outside.",
            Self::PolicyCache => {
                "Until then the old policy may still be served, and a sender that saw the new id would keep it under that id."
            }
            Self::RecordTtl => {
                "Until then resolvers may have the old record, and senders that compare ids go on with the old policy."
            }
            Self::Retry => "Until then senders do not ask the Policy Host again that it did not respond to.",
            Self::OldPolicies => {
                "Until then senders that do not compare ids may hold an older policy, which does not name all of the hosts."
            }
            Self::UnknownPolicies => {
                "Until then senders may hold a policy from before the history, and nobody knows which hosts it names."
            }
            Self::QueuedMail => {
                "Until then senders may still deliver to a host that has left DNS: from caches, and from their queues."
            }
            Self::TestingPeriod => "Until then the policy is tested: reports show what would be refused.",
            Self::Growth => {
                "Until then the `max_age` stays short: what turns out to be wrong is over that much sooner."
            }
            Self::OptOut => "Until then some sender may hold a policy from before the removal.",
        }
    }

    /// The section of the RFC that it comes from; empty for nothing.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::PreviousStep | Self::RecordTtl => "RFC 8461, 8.1",
            Self::PolicyCache => "RFC 8461, 8.2",
            Self::Retry => "RFC 8461, 3.3",
            Self::OldPolicies | Self::UnknownPolicies => "RFC 8461, 3.2",
            Self::QueuedMail => "RFC 5321, 4.5.4.1",
            Self::TestingPeriod => "RFC 8461, 5",
            Self::Growth => "RFC 8461, 10.2",
            Self::OptOut => "RFC 8461, 8.3",
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.code())
    }
}
