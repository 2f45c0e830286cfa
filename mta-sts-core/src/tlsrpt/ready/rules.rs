use alloc::vec::Vec;
use core::fmt;

use crate::name::DnsName;

/// A condition for enforcing a policy.
///
/// ```
/// use mta_sts_core::tlsrpt::ReadyRule;
///
/// for rule in ReadyRule::ALL {
///     println!("{}: {} {}", rule.code(), rule.message(), rule.reason());
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum ReadyRule {
    /// Every MX host in DNS passes a check now, and its certificate does not expire soon.
    HostsPass,
    /// The policy can be fetched now, and no sender has failed to fetch it recently.
    PolicyServed,
    /// The same list of MX hosts has been served for long enough.
    EnoughDays,
    /// Enough senders have reported enough sessions under the policy.
    EnoughSessions,
    /// There has been no failure of the domain's own for some days.
    NoFailureOfYours,
    /// Failures reported by single senders are few, and on few days.
    FewOtherFailures,
    /// The sessions are from senders that verify in mode testing.
    SendersVerify,
    /// Every host named in a report is in DNS, or accepted.
    HostsKnown,
}

impl ReadyRule {
    /// Every rule, in the order of [`Readiness::conditions`](super::Readiness::conditions).
    pub const ALL: &'static [Self] = &[
        Self::HostsPass,
        Self::PolicyServed,
        Self::EnoughDays,
        Self::EnoughSessions,
        Self::NoFailureOfYours,
        Self::FewOtherFailures,
        Self::SendersVerify,
        Self::HostsKnown,
    ];

    /// The stable code of the rule: a kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::HostsPass => "hosts-pass",
            Self::PolicyServed => "policy-served",
            Self::EnoughDays => "enough-days",
            Self::EnoughSessions => "enough-sessions",
            Self::NoFailureOfYours => "no-failure-of-yours",
            Self::FewOtherFailures => "few-other-failures",
            Self::SendersVerify => "senders-verify",
            Self::HostsKnown => "hosts-known",
        }
    }

    /// The requirement, in one sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::HostsPass => {
                "Every MX host in DNS passes a check now, and its certificate does not expire soon."
            }
            Self::PolicyServed => {
                "The policy can be fetched now, and no sender has failed to fetch it recently."
            }
            Self::EnoughDays => "The same list of MX hosts has been served for long enough.",
            Self::EnoughSessions => "Enough senders have reported enough sessions under the policy.",
            Self::NoFailureOfYours => "There has been no failure of the domain's own for some days.",
            Self::FewOtherFailures => "Failures reported by single senders are few, and on few days.",
            Self::SendersVerify => "The sessions are from senders that verify in mode testing.",
            Self::HostsKnown => "Every host named in a report is in DNS, or accepted.",
        }
    }

    /// The reason for it, in one sentence.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::HostsPass => {
                "Reports only show the hosts that senders used, and backup hosts are seldom among them (RFC 8461, 8.4)."
            }
            Self::PolicyServed => {
                "A policy that cannot be fetched does not protect mail from senders that have not cached it."
            }
            Self::EnoughDays => {
                "Mail has a weekly cycle, and a list that has just changed is no evidence for the future."
            }
            Self::EnoughSessions => {
                "Without sessions there can be no failures, and one sender sees only some of the hosts."
            }
            Self::NoFailureOfYours => {
                "A fault that two senders see, or a check reproduces, stops mail from the first day of mode enforce."
            }
            Self::FewOtherFailures => {
                "A temporary fault of one sender must not block forever, but a permanent one will stop its mail."
            }
            Self::SendersVerify => {
                "Postfix does not verify in mode testing: it reports a success whatever the certificate."
            }
            Self::HostsKnown => {
                "Such a host is an old one that still gets mail, or part of the attack that a policy should prevent."
            }
        }
    }
}

impl fmt::Display for ReadyRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.code())
    }
}

/// The thresholds of the conditions for enforcing.
///
/// ```
/// use mta_sts_core::DnsName;
/// use mta_sts_core::tlsrpt::ReadyRules;
///
/// // A cautious owner, who has just given up a host.
/// let rules = ReadyRules::new()
///     .with_days(28)
///     .with_clean_days(14)
///     .with_accepted(DnsName::parse("old-mx.example.com")?);
/// assert_eq!(rules.days(), 28);
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadyRules {
    pub(super) certificate_days: u32,
    pub(super) served_days: u32,
    pub(super) days: u32,
    pub(super) submitters: u32,
    pub(super) sessions: u64,
    pub(super) few_sessions: u64,
    pub(super) few_sessions_days: u32,
    pub(super) silent_days: u32,
    pub(super) clean_days: u32,
    pub(super) witnesses: u32,
    pub(super) other_failures_per_mille: u32,
    pub(super) other_failure_days: u32,
    pub(super) accepted: Vec<DnsName>,
}

impl ReadyRules {
    /// The defaults of each setter; no host is accepted.
    pub const fn new() -> Self {
        Self {
            certificate_days: 14,
            served_days: 7,
            days: 14,
            submitters: 2,
            sessions: 100,
            few_sessions: 10,
            few_sessions_days: 28,
            silent_days: 7,
            clean_days: 7,
            witnesses: 2,
            other_failures_per_mille: 5,
            other_failure_days: 2,
            accepted: Vec::new(),
        }
    }

    /// Sets the number of days for which the certificate of each MX host must still be valid, if no automatic
    /// renewal was seen. Default: 14.
    #[must_use]
    pub const fn with_certificate_days(mut self, days: u32) -> Self {
        self.certificate_days = days;
        self
    }

    /// Sets the number of full days without a failed fetch of the policy. Default: 7.
    #[must_use]
    pub const fn with_served_days(mut self, days: u32) -> Self {
        self.served_days = days;
        self
    }

    /// Sets the number of full days of UTC for which the same list of MX hosts must have been served. Default: 14,
    /// two weekly cycles.
    #[must_use]
    pub const fn with_days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// Sets the number of organisations that must have reported successes under the policy. Default: 2.
    #[must_use]
    pub const fn with_submitters(mut self, count: u32) -> Self {
        self.submitters = count;
        self
    }

    /// Sets the number of sessions that must have succeeded under the policy. Default: 100.
    #[must_use]
    pub const fn with_sessions(mut self, count: u64) -> Self {
        self.sessions = count;
        self
    }

    /// Sets the number of sessions that is enough for a domain with little mail, and after how many full days.
    /// Default: 10 after 28 days.
    #[must_use]
    pub const fn with_few_sessions(mut self, count: u64, days: u32) -> Self {
        (self.few_sessions, self.few_sessions_days) = (count, days);
        self
    }

    /// Sets the maximum number of full days without a report of a success. Default: 7; silence is no evidence.
    #[must_use]
    pub const fn with_silent_days(mut self, days: u32) -> Self {
        self.silent_days = days;
        self
    }

    /// Sets the number of full days without a failure of the domain's own, counted from the last one or from its
    /// fix, and in which failures of single senders count. Default: 7.
    #[must_use]
    pub const fn with_clean_days(mut self, days: u32) -> Self {
        self.clean_days = days;
        self
    }

    /// Sets the number of organisations that must have seen a failure for it to count as the domain's own. Default:
    /// 2.
    #[must_use]
    pub const fn with_witnesses(mut self, count: u32) -> Self {
        self.witnesses = count;
        self
    }

    /// Sets how many of a thousand sessions of one organisation may fail for other causes, and on how many days.
    /// Default: 5, half a percent, on 2 days.
    #[must_use]
    pub const fn with_other_failures(mut self, per_mille: u32, days: u32) -> Self {
        (self.other_failures_per_mille, self.other_failure_days) = (per_mille, days);
        self
    }

    /// Accepts a host that reports name although it is not an MX host in DNS.
    #[must_use]
    pub fn with_accepted(mut self, host: DnsName) -> Self {
        self.accepted.push(host);
        self
    }

    /// The number of days for which a certificate must still be valid.
    pub const fn certificate_days(&self) -> u32 {
        self.certificate_days
    }

    /// The number of full days without a failed fetch of the policy.
    pub const fn served_days(&self) -> u32 {
        self.served_days
    }

    /// The number of full days for which the same list must have been served.
    pub const fn days(&self) -> u32 {
        self.days
    }

    /// The number of organisations that must have reported successes.
    pub const fn submitters(&self) -> u32 {
        self.submitters
    }

    /// The number of sessions that must have succeeded.
    pub const fn sessions(&self) -> u64 {
        self.sessions
    }

    /// The number of sessions that is enough for a domain with little mail, and after how many days.
    pub const fn few_sessions(&self) -> (u64, u32) {
        (self.few_sessions, self.few_sessions_days)
    }

    /// The maximum number of full days without a report of a success.
    pub const fn silent_days(&self) -> u32 {
        self.silent_days
    }

    /// The number of full days without a failure of the domain's own.
    pub const fn clean_days(&self) -> u32 {
        self.clean_days
    }

    /// The number of organisations that make a failure the domain's own.
    pub const fn witnesses(&self) -> u32 {
        self.witnesses
    }

    /// How many of a thousand sessions may fail for other causes, and on how many days.
    pub const fn other_failures(&self) -> (u32, u32) {
        (self.other_failures_per_mille, self.other_failure_days)
    }

    /// The accepted hosts.
    pub fn accepted(&self) -> &[DnsName] {
        &self.accepted
    }
}

impl Default for ReadyRules {
    /// The same as [`ReadyRules::new`].
    fn default() -> Self {
        Self::new()
    }
}
