use alloc::vec::Vec;

use crate::name::{DnsName, PolicyDomain};
use crate::policy::Policy;
use crate::time::UnixTime;
use crate::tlsrpt::Hint;

/// The policy to be enforced, and what its owner knows about it.
///
/// ```
/// use mta_sts_core::tlsrpt::Served;
/// use mta_sts_core::{Policy, PolicyDomain, UnixTime};
///
/// let domain = PolicyDomain::parse("example.com")?;
/// let policy = Policy::parse(b"version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 86400\n")?;
/// let served = Served::new(&domain, &policy).since(UnixTime::from_secs(1_700_000_000));
/// # let _ = served;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Served<'a> {
    pub(super) domain: &'a PolicyDomain,
    pub(super) policy: &'a Policy,
    pub(super) since: Option<UnixTime>,
    pub(super) mended_at: Option<UnixTime>,
}

impl<'a> Served<'a> {
    /// The policy of a domain. Since when it has been served is then taken from the reports.
    pub const fn new(domain: &'a PolicyDomain, policy: &'a Policy) -> Self {
        Self { domain, policy, since: None, mended_at: None }
    }

    /// Sets the time since when the policy has had this list of `mx`; its other fields may have changed.
    #[must_use]
    pub const fn since(mut self, time: UnixTime) -> Self {
        self.since = Some(time);
        self
    }

    /// Sets the time at which a fault of the domain was last fixed. Failures of that day count as earlier.
    #[must_use]
    pub const fn mended_at(mut self, time: UnixTime) -> Self {
        self.mended_at = Some(time);
        self
    }
}

/// The current state of the domain according to a check: whether its policy can be fetched, and each MX host.
///
/// ```
/// use mta_sts_core::tlsrpt::{Hint, LiveFindings, LiveHost};
/// use mta_sts_core::{DnsName, UnixTime};
///
/// let live = LiveFindings::new()
///     .with_host(LiveHost::new(DnsName::parse("mx1.example.com")?).expires_at(UnixTime::from_secs(1_710_000_000)))
///     .with_host(LiveHost::new(DnsName::parse("mx2.example.com")?).with_fault(Hint::CHAIN_INCOMPLETE));
/// assert_eq!(live.hosts().len(), 2);
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveFindings {
    policy_fault: Option<Hint>,
    hosts: Vec<LiveHost>,
}

impl LiveFindings {
    /// The policy can be fetched; no hosts are known yet.
    pub const fn new() -> Self {
        Self { policy_fault: None, hosts: Vec::new() }
    }

    /// Sets the reason why the policy cannot be fetched or is not valid.
    #[must_use]
    pub const fn with_policy_fault(mut self, fault: Hint) -> Self {
        self.policy_fault = Some(fault);
        self
    }

    /// Adds an MX host. Add every name in the MX records or, without MX records, the domain's own name.
    #[must_use]
    pub fn with_host(mut self, host: LiveHost) -> Self {
        self.hosts.push(host);
        self
    }

    /// The reason why the policy cannot be fetched.
    pub const fn policy_fault(&self) -> Option<Hint> {
        self.policy_fault
    }

    /// The MX hosts.
    pub fn hosts(&self) -> &[LiveHost] {
        &self.hosts
    }
}

/// The current state of an MX host according to a check.
///
/// ```
/// use mta_sts_core::tlsrpt::{Hint, LiveHost};
/// use mta_sts_core::DnsName;
///
/// let host = LiveHost::new(DnsName::parse("mx.example.com")?).with_fault(Hint::CERTIFICATE_EXPIRED);
/// assert_eq!(host.fault(), Some(Hint::CERTIFICATE_EXPIRED));
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveHost {
    name: DnsName,
    fault: Option<Hint>,
    expires_at: Option<UnixTime>,
    renews: bool,
}

impl LiveHost {
    /// A host that passes the check.
    pub const fn new(name: DnsName) -> Self {
        Self { name, fault: None, expires_at: None, renews: false }
    }

    /// Sets the fault that prevents delivery by senders with the policy.
    #[must_use]
    pub const fn with_fault(mut self, fault: Hint) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Sets the expiry of its certificate. Leave it out if a third of the certificate's life is left: one of six days never has
    /// [`ReadyRules::certificate_days`](super::ReadyRules::certificate_days) left, and is renewed all the same.
    #[must_use]
    pub const fn expires_at(mut self, time: UnixTime) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// Records that an earlier check saw another certificate: it is renewed automatically, so the expiry of this
    /// one does not matter.
    #[must_use]
    pub const fn with_renewal_seen(mut self) -> Self {
        self.renews = true;
        self
    }

    /// Its name.
    pub const fn name(&self) -> &DnsName {
        &self.name
    }

    /// The fault that prevents delivery by senders with the policy.
    pub const fn fault(&self) -> Option<Hint> {
        self.fault
    }

    /// The expiry of its certificate.
    pub const fn expiry(&self) -> Option<UnixTime> {
        self.expires_at
    }

    /// Returns whether a renewal of its certificate was seen.
    pub const fn renewal_seen(&self) -> bool {
        self.renews
    }
}
