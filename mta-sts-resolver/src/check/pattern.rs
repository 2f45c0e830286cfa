//! The `mx` lines of a policy, compared with DNS.

use mta_sts_core::{DnsName, Policy};
use tokio::task::JoinSet;

use super::alias::unregistered;
use crate::dns::{AbsenceKind, DnsClient, DnsError};

/// An `mx` line of the policy that covers none of the domain's MX hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdlePattern {
    /// The pattern.
    pub pattern: String,
    /// The state of the host that it names.
    pub host: IdleHost,
}

/// The state of the host that an idle pattern names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdleHost {
    /// It has an address: a former, a future, or a backup host.
    Exists,
    /// It has no address.
    NoAddress,
    /// Its name does not exist: anyone who registers it can get a certificate for it, and the policy
    /// covers it.
    Missing {
        /// The name at or above it that does not exist either, and could be registered.
        unregistered: String,
    },
    /// The pattern is a wildcard, or the host could not be looked up.
    Unknown,
}

impl IdlePattern {
    /// The idle patterns of a policy, in order; at most 50 are looked up.
    pub(super) async fn all(dns: &DnsClient, policy: &Policy, mx_hosts: &[String]) -> Vec<Self> {
        let hosts: Vec<_> = mx_hosts.iter().filter_map(|host| DnsName::parse(host).ok()).collect();
        let mut running = JoinSet::new();
        let idle = policy.mx_patterns().filter(|pattern| !hosts.iter().any(|host| pattern.matches(host)));
        for (place, pattern) in idle.take(MAX_PATTERNS).enumerate() {
            let (dns, pattern) = (dns.clone(), pattern.to_string());
            running.spawn(async move {
                let host =
                    if pattern.starts_with('*') { IdleHost::Unknown } else { look_up(&dns, &pattern).await };
                (place, Self { pattern, host })
            });
        }
        let mut found = running.join_all().await;
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, pattern)| pattern).collect()
    }
}

async fn look_up(dns: &DnsClient, host: &str) -> IdleHost {
    match dns.addresses(host).await {
        Ok(_) => IdleHost::Exists,
        Err(DnsError::NotFound(absence)) if absence.kind == AbsenceKind::NoSuchName => {
            IdleHost::Missing { unregistered: unregistered(dns, host).await }
        }
        Err(DnsError::NotFound(_)) => IdleHost::NoAddress,
        Err(DnsError::Failed(_)) => IdleHost::Unknown,
    }
}

const MAX_PATTERNS: usize = 50;
