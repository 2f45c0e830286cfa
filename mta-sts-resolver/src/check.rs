//! What a sender sees of a domain, from its record to the certificates of its MX hosts.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mta_sts_core::{
    Delivery, DnsName, FetchFailure, FetchFault, FetchLimits, Finding, Mode, MxDecision, MxHost, NoPolicy,
    Policy, PolicyDomain, Purpose, Session, SessionDecision, SessionFault, TlsResult, TlsrptRow, UnixTime,
    lint,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::dns::{AbsenceKind, AddressAnswer, DnsError, DnsFailure, MxAnswer};
use crate::driver::{Discovery, Resolver};
use crate::smtp::{SmtpClient, SmtpError, SmtpErrorKind, SmtpStage, StarttlsOutcome};
use crate::tls::CertificateFault;

/// Looks at domains as a sender would, and at every MX host, not at the first good one alone.
///
/// ```no_run
/// use mta_sts_core::{PolicyDomain, UnixTime};
/// use mta_sts_resolver::{DnsClient, DomainChecker, PolicyFetcher, Resolver, SmtpClient, TrustStore};
///
/// # async fn check() -> Result<(), Box<dyn std::error::Error>> {
/// let trust_store = TrustStore::platform()?;
/// let resolver = Resolver::new(DnsClient::from_system()?, PolicyFetcher::new(trust_store.clone()));
/// let checker = DomainChecker::new(resolver, SmtpClient::new("sender.test", trust_store));
/// let now = UnixTime::from_secs(std::time::UNIX_EPOCH.elapsed()?.as_secs());
/// let check = checker.check(PolicyDomain::parse("recipient.test")?, now).await;
/// println!("{}", check.verdict().code());
/// # Ok(())
/// # }
/// ```
///
/// No message is sent: each session ends after STARTTLS. Hosts are asked at port 25.
#[derive(Clone, Debug)]
pub struct DomainChecker {
    resolver: Resolver,
    smtp: SmtpClient,
    smtp_port: u16,
}

impl DomainChecker {
    /// A checker with this resolver and this client. A step of a session gets 10 s, a host with all its
    /// addresses 30 s.
    pub fn new(resolver: Resolver, smtp: SmtpClient) -> Self {
        let smtp = smtp.command_timeout(STEP_TIMEOUT).session_timeout(HOST_TIMEOUT);
        Self { resolver, smtp, smtp_port: 25 }
    }

    /// Sets the port of the MX hosts: another than 25 is for tests and closed networks.
    #[must_use]
    pub fn smtp_port(mut self, port: u16) -> Self {
        self.smtp_port = port;
        self
    }

    /// Looks at a domain: at most 50 MX hosts, 8 at once, at most 2 addresses of each family each.
    ///
    /// Nothing is cached and nothing remembered, so it is what a sender sees that has never seen the domain.
    // Meets S94.
    pub async fn check(&self, domain: PolicyDomain, now: UnixTime) -> DomainCheck {
        let (discovery, (mx, visits)) = tokio::join!(
            self.resolver.discover(domain.clone(), Purpose::Deliver, None, now),
            self.visit_hosts(&domain),
        );
        let policy = discovery.outcome.policy();
        let hosts = visits.into_iter().map(|visit| visit.judge(policy)).collect();
        DomainCheck { domain, discovery, mx, hosts }
    }

    async fn visit_hosts(&self, domain: &PolicyDomain) -> (Result<MxAnswer, DnsError>, Vec<Visit>) {
        let mx = self.resolver.dns().mx(domain.as_str()).await;
        let hosts: Vec<(Option<u16>, String)> = match &mx {
            Ok(answer) => {
                answer.hosts.iter().map(|host| (Some(host.preference), host.exchange.clone())).collect()
            }
            // RFC 5321, 5.1: the domain is its own MX host.
            Err(DnsError::NotFound(absence)) if absence.kind == AbsenceKind::NoData => {
                vec![(None, domain.as_str().to_owned())]
            }
            Err(_) => Vec::new(),
        };
        let turnstile = Arc::new(Semaphore::new(HOSTS_AT_ONCE));
        let mut running = JoinSet::new();
        for (place, (preference, name)) in hosts.into_iter().take(MAX_HOSTS).enumerate() {
            let (checker, turnstile) = (self.clone(), Arc::clone(&turnstile));
            running.spawn(async move {
                let _turn = turnstile.acquire().await;
                (place, checker.visit(preference, name).await)
            });
        }
        let visits: BTreeMap<_, _> = running.join_all().await.into_iter().collect();
        (mx, visits.into_values().collect())
    }

    async fn visit(&self, preference: Option<u16>, name: String) -> Visit {
        let Ok(dns_name) = DnsName::parse(&name) else {
            let addresses = Err(DnsFailure::InvalidName.into());
            return Visit { preference, name, dns_name: None, addresses, session: None };
        };
        let addresses = self.resolver.dns().addresses(&name).await;
        let session = match &addresses {
            Ok(answer) => Some(self.try_addresses(&name, &answer.addresses).await),
            Err(_) => None,
        };
        Visit { preference, name, dns_name: Some(dns_name), addresses, session }
    }

    /// The first address that answers; if none does, the failure that came furthest.
    async fn try_addresses(&self, name: &str, addresses: &[IpAddr]) -> Result<SessionCheck, SmtpError> {
        let deadline = Instant::now() + HOST_TIMEOUT;
        let timed_out = || SmtpErrorKind::Timeout.at(SmtpStage::Connect);
        let mut failure: Option<SmtpError> = None;
        for address in some_of_each_family(addresses) {
            let peer = SocketAddr::new(address, self.smtp_port);
            match timeout_at(deadline, self.try_address(name, peer)).await {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(error)) => {
                    if failure.as_ref().is_none_or(|known| error.stage() > known.stage()) {
                        failure = Some(error);
                    }
                }
                Err(_) => return Err(failure.unwrap_or_else(timed_out)),
            }
        }
        Err(failure.unwrap_or_else(timed_out))
    }

    async fn try_address(&self, name: &str, peer: SocketAddr) -> Result<SessionCheck, SmtpError> {
        let mut session = self.smtp.connect(peer).await?;
        let starttls = match session.starttls(name).await {
            Ok(outcome) => Ok(outcome),
            // What an attacker or a broken TLS stack does between STARTTLS and the second EHLO fails TLS, not the host.
            Err(error) if fails_tls(&error) => Err(error),
            Err(error) => return Err(error),
        };
        let offers_requiretls = session.tls().is_some() && session.offers("REQUIRETLS");
        // It has said all that we wanted to know.
        let _ = session.quit().await;
        Ok(SessionCheck { peer, starttls, offers_requiretls })
    }
}

/// What a sender sees of a domain.
#[derive(Debug)]
#[non_exhaustive]
pub struct DomainCheck {
    /// The domain.
    pub domain: PolicyDomain,
    /// Its record and its policy, with what was seen on the way.
    pub discovery: Discovery,
    /// What DNS said of its MX records. Nothing found, where the domain exists, means that the domain is its own MX host.
    pub mx: Result<MxAnswer, DnsError>,
    /// The MX hosts by preference; at most 50 were looked at.
    pub hosts: Vec<HostCheck>,
}

impl DomainCheck {
    /// What becomes of mail to the domain now.
    pub fn verdict(&self) -> DomainVerdict {
        match &self.mx {
            Ok(answer) if answer.is_null() => return DomainVerdict::NullMx,
            Err(DnsError::NotFound(absence)) if absence.kind == AbsenceKind::NoSuchName => {
                return DomainVerdict::NoSuchDomain;
            }
            Err(DnsError::Failed(_)) => return DomainVerdict::DnsFailed,
            _ => {}
        }
        let policy = match &self.discovery.outcome.applied {
            Ok(applied) => &applied.policy,
            Err(NoPolicy::DnsFailed(_)) => return DomainVerdict::DnsFailed,
            Err(NoPolicy::LocalFault) => return DomainVerdict::LocalFault,
            Err(_) => return DomainVerdict::NoMtaSts,
        };
        if policy.mode() == Mode::None {
            return DomainVerdict::ModeNone;
        }
        let is_fine = self.hosts.iter().all(|host| host.standing() == Standing::Fine);
        let takes_mail = |host: &HostCheck| host.decision == HostDecision::Deliver;
        if self.hosts.iter().any(takes_mail) {
            match (policy.mode(), is_fine) {
                (Mode::Testing, true) => DomainVerdict::Testing,
                (Mode::Testing, false) => DomainVerdict::TestingWithFaults,
                (_, true) => DomainVerdict::Delivered,
                (_, false) => DomainVerdict::DeliveredWithFaults,
            }
        } else if self.hosts.iter().any(|host| host.decision == HostDecision::TryNextMx) {
            DomainVerdict::Deferred
        } else {
            DomainVerdict::Unavailable
        }
    }

    /// What is to be said of the TXT records under `_mta-sts`; nothing, where none came.
    ///
    /// The line of a finding is the place of its record in the answer, counted from 1.
    pub fn record_findings(&self) -> Vec<Finding> {
        match &self.discovery.txt {
            Some(Ok(answer)) => lint::rrset(&answer.records),
            _ => Vec::new(),
        }
    }

    /// What is to be said of the answer of the Policy Host and of the policy in it; nothing, where none came.
    pub fn policy_findings(&self) -> Vec<Finding> {
        match &self.discovery.response {
            Some(Ok(response)) => lint::response(&response.into(), &FetchLimits::new()),
            _ => Vec::new(),
        }
    }

    /// Whether all is well: a policy of mode enforce or testing, and every MX host as it says.
    pub fn standing(&self) -> Standing {
        let policy = match &self.discovery.outcome.applied {
            Ok(applied) if applied.policy.mode() != Mode::None => Standing::Fine,
            Err(NoPolicy::DnsFailed(_)) => match &self.discovery.txt {
                Some(Err(error)) => standing_of(error),
                _ => Standing::Temporary,
            },
            Err(
                NoPolicy::LocalFault
                | NoPolicy::FetchFailed(FetchFault::Failure(
                    FetchFailure::HostDnsFailed | FetchFailure::Timeout,
                )),
            ) => Standing::Temporary,
            _ => Standing::Faulty,
        };
        let mx = match &self.mx {
            Ok(answer) if answer.is_null() => Standing::Faulty,
            Err(error @ DnsError::Failed(_)) => standing_of(error),
            _ if self.hosts.is_empty() => Standing::Faulty,
            _ => Standing::Fine,
        };
        self.hosts.iter().map(HostCheck::standing).fold(policy.and(mx), Standing::and)
    }
}

/// What becomes of mail to a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DomainVerdict {
    /// Delivered over authenticated TLS, whichever MX host is tried.
    Delivered,
    /// Delivered over authenticated TLS, though not every MX host is as the policy says.
    DeliveredWithFaults,
    /// Not delivered: no MX host is as the policy says.
    Deferred,
    /// Delivered; the policy is in mode testing, and all is as it says.
    Testing,
    /// Delivered; the policy is in mode testing, and not all is as it says.
    TestingWithFaults,
    /// Delivered as without MTA-STS, as the policy wants it.
    ModeNone,
    /// Delivered as without MTA-STS: no policy applies.
    NoMtaSts,
    /// Not delivered: no MX host can be reached.
    Unavailable,
    /// Not delivered: DNS does not say what to do.
    DnsFailed,
    /// Not delivered: this machine could not fetch the policy, for a fault of its own.
    LocalFault,
    /// Returned: the domain takes no mail (RFC 7505).
    NullMx,
    /// Returned: there is no such domain.
    NoSuchDomain,
}

impl DomainVerdict {
    /// A stable word for it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::DeliveredWithFaults => "delivered-with-faults",
            Self::Deferred => "deferred",
            Self::Testing => "testing",
            Self::TestingWithFaults => "testing-with-faults",
            Self::ModeNone => "mode-none",
            Self::NoMtaSts => "no-mta-sts",
            Self::Unavailable => "unavailable",
            Self::DnsFailed => "dns-failed",
            Self::LocalFault => "local-fault",
            Self::NullMx => "null-mx",
            Self::NoSuchDomain => "no-such-domain",
        }
    }
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// All is well.
    Fine,
    /// Nothing is known to be wrong, but not everything could be seen now.
    Temporary,
    /// Its owner has something to mend.
    Faulty,
}

impl Standing {
    /// Both together: a fault counts for more than what could not be seen.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Faulty, _) | (_, Self::Faulty) => Self::Faulty,
            (Self::Temporary, _) | (_, Self::Temporary) => Self::Temporary,
            (Self::Fine, Self::Fine) => Self::Fine,
        }
    }
}

/// An MX host, and what a sender would do about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostCheck {
    /// The preference of its MX record; none for a domain that is its own MX host.
    pub preference: Option<u16>,
    /// Its name, lower case.
    pub name: String,
    /// The pattern of the policy that covers it.
    pub covered_by: Option<String>,
    /// What DNS said of its addresses.
    pub addresses: Result<AddressAnswer, DnsError>,
    /// The session at the first address that answered; none without addresses. A host that a sender would skip is
    /// looked at all the same.
    pub session: Option<Result<SessionCheck, SmtpError>>,
    /// What a sender would do; without a policy, or where it is not known whether there is one, as if there were none.
    pub decision: HostDecision,
    /// Why it would not deliver.
    pub fault: Option<SessionFault>,
    /// What it would report (RFC 8460), success too.
    pub rows: Vec<TlsrptRow>,
}

impl HostCheck {
    /// Whether the host is as the policy says.
    pub fn standing(&self) -> Standing {
        let availability = match (&self.addresses, &self.session) {
            (Err(error), _) => standing_of(error),
            (Ok(_), Some(Err(error))) => match error.kind() {
                SmtpErrorKind::Connect(_)
                | SmtpErrorKind::Timeout
                | SmtpErrorKind::Transient(_)
                | SmtpErrorKind::Closed => Standing::Temporary,
                _ => Standing::Faulty,
            },
            (Ok(_), _) => Standing::Fine,
        };
        let is_reported = self.rows.iter().any(|row| row.result_type.is_some());
        let policy = if self.fault.is_some() || is_reported { Standing::Faulty } else { Standing::Fine };
        availability.and(policy)
    }
}

/// What a sender would do about an MX host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostDecision {
    /// Deliver to it.
    Deliver,
    /// Try the next one: this one is not as the policy says.
    TryNextMx,
    /// Try the next one: this one cannot be reached.
    Unavailable,
}

impl HostDecision {
    /// A stable word for it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::TryNextMx => "try-next-mx",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A session with an MX host, up to TLS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionCheck {
    /// The address that answered.
    pub peer: SocketAddr,
    /// What came of STARTTLS; an error, where the session ended in it.
    pub starttls: Result<StarttlsOutcome, SmtpError>,
    /// Whether REQUIRETLS is offered over TLS (RFC 8689).
    pub offers_requiretls: bool,
}

impl SessionCheck {
    /// The outcome as policy application takes it.
    pub fn tls_result(&self) -> TlsResult {
        match &self.starttls {
            Ok(StarttlsOutcome::Established(tls)) => match tls.certificate().primary_fault() {
                None => TlsResult::Authenticated,
                Some(CertificateFault::Expired) => TlsResult::CertificateExpired,
                Some(CertificateFault::NotYetValid) => TlsResult::CertificateNotYetValid,
                Some(CertificateFault::HostMismatch) => TlsResult::CertificateHostMismatch,
                Some(_) => TlsResult::CertificateNotTrusted,
            },
            Ok(StarttlsOutcome::NotOffered) => TlsResult::NotOffered,
            Ok(StarttlsOutcome::Refused(_)) => TlsResult::Refused,
            Ok(StarttlsOutcome::HandshakeFailed(_)) | Err(_) => TlsResult::HandshakeFailed,
        }
    }
}

/// An MX host before the policy is known.
struct Visit {
    preference: Option<u16>,
    name: String,
    /// None, if the name is no host name: no sender can do anything with it.
    dns_name: Option<DnsName>,
    addresses: Result<AddressAnswer, DnsError>,
    session: Option<Result<SessionCheck, SmtpError>>,
}

impl Visit {
    fn judge(self, policy: Option<&Policy>) -> HostCheck {
        let (covered_by, decision, fault, rows) = match &self.dns_name {
            Some(name) => {
                let covered_by = policy.and_then(|policy| policy.matching_pattern(name));
                let (decision, fault, rows) = self.decide(name, &Delivery::new(policy));
                (covered_by.map(|pattern| pattern.to_string()), decision, fault, rows)
            }
            None => (None, HostDecision::Unavailable, None, Vec::new()),
        };
        HostCheck {
            preference: self.preference,
            name: self.name,
            covered_by,
            addresses: self.addresses,
            session: self.session,
            decision,
            fault,
            rows,
        }
    }

    fn decide(
        &self,
        name: &DnsName,
        delivery: &Delivery<'_>,
    ) -> (HostDecision, Option<SessionFault>, Vec<TlsrptRow>) {
        let host = MxHost::new(name);
        let before = delivery.check_mx(&host);
        if let MxDecision::Skip(fault) = before.decision {
            return (HostDecision::TryNextMx, Some(fault), before.rows);
        }
        let Some(Ok(session)) = &self.session else { return (HostDecision::Unavailable, None, Vec::new()) };
        let tls = Session::new(session.tls_result()).with_requiretls(session.offers_requiretls);
        let after = delivery.check_session(&host, tls);
        let decision = match after.decision {
            SessionDecision::Deliver => HostDecision::Deliver,
            SessionDecision::TryNextMx => HostDecision::TryNextMx,
        };
        (decision, after.fault, after.rows)
    }
}

fn some_of_each_family(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let (ipv6, ipv4): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().partition(|address| address.is_ipv6());
    let family = |addresses: Vec<IpAddr>| addresses.into_iter().take(ADDRESSES_A_FAMILY);
    family(ipv6).chain(family(ipv4)).collect()
}

fn fails_tls(error: &SmtpError) -> bool {
    error.stage() == SmtpStage::TlsHandshake || *error.kind() == SmtpErrorKind::ClearTextAfterStarttls
}

/// What DNS cannot say now it may say later, unless the zone itself is at fault.
fn standing_of(error: &DnsError) -> Standing {
    match error {
        DnsError::NotFound(_)
        | DnsError::Failed(DnsFailure::CnameChainTooLong | DnsFailure::CnameLoop | DnsFailure::InvalidName) => {
            Standing::Faulty
        }
        DnsError::Failed(_) => Standing::Temporary,
    }
}

const STEP_TIMEOUT: Duration = Duration::from_secs(10);
const HOST_TIMEOUT: Duration = Duration::from_secs(30);
const HOSTS_AT_ONCE: usize = 8;
const MAX_HOSTS: usize = 50;
const ADDRESSES_A_FAMILY: usize = 2;
