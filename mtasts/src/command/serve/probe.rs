//! The probe of a domain in mode testing.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mta_sts_core::tlsrpt::{Datagram, Event, SessionFacts};
use mta_sts_core::{Delivery, DnsName, Mode, MxHost, Policy, PolicyDomain, PolicyType, Session, TlsrptRow};
use mta_sts_resolver::{PolicyAnswer, PolicyService, SessionCheck, SmtpClient, TrustStore};
use tokio::time::{Instant, timeout_at};

use super::super::check::host_name;

/// Connects to each MX host of a domain as a sender does, one host after the other, without a message: EHLO, STARTTLS, the
/// certificate, QUIT.
#[derive(Debug)]
pub(super) struct Prober {
    service: PolicyService,
    smtp: SmtpClient,
    port: u16,
}

/// The result of a probe.
#[derive(Debug)]
pub(super) enum Probe {
    /// Every MX host complied with this policy.
    Passed(Policy),
    /// Some did not: the failed sessions.
    Failed(Datagram),
    /// No host is known to fail, but not all could be verified, or the policy no longer has mode testing.
    Unknown,
}

impl Probe {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Passed(_) => "passed",
            Self::Failed(_) => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl Prober {
    pub(super) fn new(service: &PolicyService, trust_store: TrustStore, port: u16) -> Self {
        let smtp = SmtpClient::new(&host_name(), trust_store)
            .with_command_timeout(STEP_TIMEOUT)
            .with_session_timeout(SESSION_TIMEOUT);
        Self { service: service.clone(), smtp, port }
    }

    /// The policy of the domain in memory.
    pub(super) fn policy(&self, domain: &PolicyDomain) -> Option<Policy> {
        self.service.cached_policy(domain)
    }

    /// Probes the domain, which has this TLSRPT record.
    pub(super) async fn probe(&self, domain: &PolicyDomain, record: &str) -> Probe {
        let deadline = Instant::now() + DOMAIN_TIMEOUT;
        let PolicyAnswer::Policy(policy) = self.service.answer(domain).await else { return Probe::Unknown };
        let Ok(Some(hosts)) = timeout_at(deadline, self.mx_hosts(domain)).await else {
            return Probe::Unknown;
        };
        if policy.mode() != Mode::Testing {
            return Probe::Unknown;
        }
        let mut failures = Datagram::new(domain, record);
        let (mut failed, mut verified) = (false, 0);
        for host in &hosts {
            // A host that cannot be reached says nothing about its TLS.
            let Ok(Some(session)) = timeout_at(deadline, self.session(host)).await else { continue };
            verified += 1;
            let verdict = Delivery::under(&policy)
                .check_session(&MxHost::new(host), Session::new(session.tls_result()));
            let fails = |row: &&TlsrptRow| row.policy_type == PolicyType::Sts && row.result_type.is_some();
            let facts = SessionFacts::new(host).with_policy(&policy).with_receiving_ip(session.peer.ip());
            for row in verdict.rows.iter().filter(fails) {
                failed |= failures.add(&Event::session(domain, row, facts));
            }
        }
        if failed {
            Probe::Failed(failures)
        } else if verified > 0 && verified == hosts.len() {
            Probe::Passed(policy)
        } else {
            Probe::Unknown
        }
    }

    /// The MX hosts without duplicates; [`None`] if not all are known, or there are too many.
    async fn mx_hosts(&self, domain: &PolicyDomain) -> Option<Vec<DnsName>> {
        let hosts = self.service.resolver().dns().mx_hosts(domain.as_str()).await.ok()?.hosts;
        if hosts.len() > MAX_HOSTS {
            return None;
        }
        hosts.iter().map(|host| DnsName::parse(&host.name).ok()).collect()
    }

    /// A session at the first address of a family that accepts one.
    async fn session(&self, host: &DnsName) -> Option<SessionCheck> {
        let answer = self.service.resolver().dns().addresses(host.as_str()).await.ok()?;
        for address in first_of_each_family(&answer.addresses) {
            let peer = SocketAddr::new(address, self.port);
            if let Ok(session) = SessionCheck::make(&self.smtp, host.as_str(), peer).await {
                return Some(session);
            }
        }
        None
    }
}

/// The first address of each family, in the order given.
fn first_of_each_family(addresses: &[IpAddr]) -> impl Iterator<Item = IpAddr> {
    let first = addresses.first().copied();
    let other = first.and_then(|first| addresses.iter().find(|other| other.is_ipv6() != first.is_ipv6()));
    first.into_iter().chain(other.copied())
}

const STEP_TIMEOUT: Duration = Duration::from_secs(10);
const SESSION_TIMEOUT: Duration = Duration::from_secs(20);
const DOMAIN_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_HOSTS: usize = 16;
