use alloc::vec::Vec;
use core::time::Duration;

use super::Draft;
use crate::mx::MxPattern;
use crate::name::DnsName;
use crate::order;
use crate::policy::Mode;

/// What a domain wants to publish in the end.
///
/// ```
/// use mta_sts_core::publish::Target;
/// use mta_sts_core::{DnsName, Mode};
///
/// // The same mode, another MX host.
/// let hosts = vec![DnsName::parse("mx1.example.com")?, DnsName::parse("mx4.example.net")?];
/// let target = Target::new(Mode::Enforce).with_hosts(hosts);
/// assert_eq!(target.max_age().as_secs(), 2_592_000);
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(super) mode: Mode,
    pub(super) is_removal: bool,
    pub(super) max_age: Duration,
    pub(super) hosts: Option<Vec<DnsName>>,
    pub(super) wildcards: Vec<MxPattern<'static>>,
    pub(super) policy_host: Option<DnsName>,
    pub(super) testing_period: Duration,
    pub(super) growth: Vec<(Duration, Duration)>,
}

impl Target {
    /// A policy of this mode for the MX hosts that are in DNS. The `max_age` is 30 days in mode enforce, and a day
    /// otherwise; else the defaults of each setter.
    pub fn new(mode: Mode) -> Self {
        let days = |days: u64| Duration::from_secs(days * Draft::MIN_MAX_AGE.as_secs());
        Self {
            mode,
            is_removal: false,
            max_age: if mode == Mode::Enforce { days(30) } else { days(1) },
            hosts: None,
            wildcards: Vec::new(),
            policy_host: None,
            testing_period: days(14),
            growth: [(days(1), days(7)), (days(7), days(14))].into(),
        }
    }

    /// No policy and no record: the domain no longer uses MTA-STS (RFC 8461, 8.3).
    pub fn removed() -> Self {
        Self { is_removal: true, ..Self::new(Mode::None) }
    }

    /// Sets the `max_age`.
    #[must_use]
    pub const fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Sets the MX hosts that DNS is to have. Default: those that it has.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Vec<DnsName>) -> Self {
        self.hosts = Some(hosts);
        self
    }

    /// Adds a wildcard that stands for the hosts it covers. Default: none; exact names are better (RFC 8461, 10.4).
    #[must_use]
    pub fn with_wildcard(mut self, wildcard: MxPattern<'static>) -> Self {
        self.wildcards.push(wildcard);
        self
    }

    /// Sets the name that the Policy Host is to be an alias of, for a change of the provider that serves the policy.
    /// Default: as it is.
    #[must_use]
    pub fn with_policy_host(mut self, name: DnsName) -> Self {
        self.policy_host = Some(name);
        self
    }

    /// Sets how long a policy is in mode testing before it is enforced. Default: 14 days, two weekly cycles.
    #[must_use]
    pub const fn with_testing_period(mut self, time: Duration) -> Self {
        self.testing_period = time;
        self
    }

    /// Sets which `max_age` a policy in mode enforce has at first, each with the time after which it grows. Default: a day
    /// for 7 days, a week for 14 days. What is not below the `max_age` of the target is left out.
    #[must_use]
    pub fn with_growth(mut self, mut growth: Vec<(Duration, Duration)>) -> Self {
        order::sort(&mut growth);
        self.growth = growth;
        self
    }

    /// The mode.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns whether policy and record are to be removed.
    pub const fn is_removal(&self) -> bool {
        self.is_removal
    }

    /// The `max_age`.
    pub const fn max_age(&self) -> Duration {
        self.max_age
    }

    /// The MX hosts that DNS is to have; `None` for those that it has.
    pub fn hosts(&self) -> Option<&[DnsName]> {
        self.hosts.as_deref()
    }
}
