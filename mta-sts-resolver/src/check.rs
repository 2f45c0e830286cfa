//! Checks a domain as a sender sees it, from its record to the certificates of its MX hosts.

mod alias;
mod dane;
mod finding;
mod host;
mod live;
mod name_servers;
mod pattern;
mod probe;
mod rules;
mod session;
mod stray;
mod tlsrpt;
mod wildcard;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mta_sts_core::lint::{self, Finding, FindingKind, Severity};
use mta_sts_core::{
    FetchErrorKind, FetchFailure, FetchFault, FetchLimits, Mode, NoPolicy, Policy, PolicyDomain, Purpose,
    UnixTime,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

pub use self::alias::{AliasChain, AliasEnd};
pub use self::dane::HostDane;
pub use self::finding::{CheckFinding, CheckFindingKind};
pub use self::host::{HostCheck, HostDecision};
use self::host::{HostChecker, STEP_TIMEOUT, Visit};
pub use self::name_servers::{Disagreement, NameServer, NameServerAnswer, NameServersCheck};
pub use self::pattern::{IdleHost, IdlePattern};
pub use self::probe::HostProbes;
pub use self::session::SessionCheck;
pub use self::stray::StrayRecord;
pub use self::tlsrpt::TlsrptCheck;
pub use self::wildcard::Wildcards;
use crate::dane::DaneChecker;
use crate::dns::{AbsenceKind, DnsError, DnsFailure, MailHost, MxAnswer, MxHosts};
use crate::driver::{Discovery, Resolver};
use crate::fetch::{FetchedResponse, PolicyFetchError};
use crate::smtp::SmtpClient;
use crate::tls::{PeerCertificate, TlsFailure};

/// Checks domains as a sender would, with every MX host, not only the first working one.
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
/// No message is sent: each session ends after STARTTLS. Hosts are contacted at port 25. Further connections, two or
/// three to an MX host and one to the Policy Host, show how they treat clients other than senders with MTA-STS.
#[derive(Clone, Debug)]
pub struct DomainChecker {
    resolver: Resolver,
    smtp: SmtpClient,
    dane: DaneChecker,
    smtp_port: u16,
    timeout: Duration,
    name_servers_port: Option<u16>,
    probes: bool,
}

impl DomainChecker {
    /// A checker with this resolver and this client. The time limit is 10 s for a step of a session, and 20 s for a
    /// domain.
    pub fn new(resolver: Resolver, smtp: SmtpClient) -> Self {
        let smtp = smtp.with_command_timeout(STEP_TIMEOUT);
        let dane = DaneChecker::new(resolver.dns());
        Self { resolver, smtp, dane, smtp_port: 25, timeout: TIMEOUT, name_servers_port: None, probes: true }
    }

    /// Sets the port of the MX hosts, and of their TLSA records (RFC 6698, 3). Default: 25. Others are meant for tests
    /// and closed networks.
    #[must_use]
    pub fn with_smtp_port(mut self, port: u16) -> Self {
        self.smtp_port = port;
        self
    }

    /// Sets the time limit for a domain. Default: 20 s. What is unknown by then counts as timed out.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Also queries each name server of a domain, at this port, which is 53 except in tests. Default: off.
    #[must_use]
    pub fn with_name_servers(mut self, port: u16) -> Self {
        self.name_servers_port = Some(port);
        self
    }

    /// Makes only the connections of a sender: how hosts treat clients of TLS 1.0 and 1.1, and clients without SNI, is
    /// then unknown.
    #[must_use]
    pub fn without_probes(mut self) -> Self {
        self.probes = false;
        self
    }

    /// Checks a domain: at most 50 MX hosts, 8 at a time, and for each at most 2 addresses of each family.
    ///
    /// Nothing is cached or remembered, so the result is that of a sender that has never contacted the domain.
    // Meets S94.
    pub async fn check(&self, domain: PolicyDomain, now: UnixTime) -> DomainCheck {
        let look = Look {
            resolver: self.resolver.within(self.timeout),
            domain: &domain,
            now,
            deadline: Instant::now() + self.timeout,
        };
        let (discovery, (mx, visits), tlsrpt, aliases, name_servers) = tokio::join!(
            look.resolver.discover(domain.clone(), Purpose::Deliver, None, now),
            self.visit_hosts(&look),
            self.tlsrpt(&look),
            self.aliases(&look),
            self.name_servers(&look),
        );
        let policy = discovery.outcome.policy();
        let (policy_addresses, policy_host_without_sni, idle_patterns, stray_records, wildcards) = tokio::join!(
            self.policy_addresses(&look, &discovery),
            self.policy_host_without_sni(&look, &discovery),
            self.idle_patterns(&look, policy, &mx, &visits),
            self.stray_records(&look, &discovery, &tlsrpt),
            self.wildcards(&look, &discovery),
        );
        let hosts = visits.into_iter().map(|visit| visit.judge(policy)).collect();
        DomainCheck {
            domain,
            now,
            discovery,
            policy_addresses,
            policy_host_without_sni,
            idle_patterns,
            mx,
            hosts,
            tlsrpt,
            stray_records,
            wildcards,
            aliases,
            name_servers,
        }
    }

    async fn visit_hosts(&self, look: &Look<'_>) -> (Result<MxAnswer, DnsError>, Vec<Visit>) {
        let domain = look.domain;
        let asked = async {
            tokio::join!(look.resolver.dns().mx(domain.as_str()), self.dane.signed_mx_hosts(domain))
        };
        let (mx, signed) = timeout_at(look.deadline, asked)
            .await
            .unwrap_or((Err(DnsFailure::Timeout.into()), Ok(Vec::new())));
        let hosts = MxHosts::of(domain.as_str(), &mx).map(|answer| answer.hosts).unwrap_or_default();
        let host_checker = HostChecker {
            dns: look.resolver.dns().clone(),
            smtp: self.smtp.clone(),
            dane: self.dane.clone(),
            port: self.smtp_port,
            deadline: look.deadline,
            now: look.now,
            probes: self.probes,
        };
        let limiter = Arc::new(Semaphore::new(HOSTS_AT_ONCE));
        let mut running = JoinSet::new();
        for (place, MailHost { preference, name }) in hosts.into_iter().take(MAX_HOSTS).enumerate() {
            let (host_checker, limiter) = (host_checker.clone(), Arc::clone(&limiter));
            let is_signed = signed.as_ref().map(|hosts| hosts.contains(&name)).map_err(|error| *error);
            running.spawn(async move {
                let _turn = limiter.acquire().await;
                (place, host_checker.visit(preference, name, is_signed).await)
            });
        }
        let visits: BTreeMap<_, _> = running.join_all().await.into_iter().collect();
        (mx, visits.into_values().collect())
    }

    async fn tlsrpt(&self, look: &Look<'_>) -> TlsrptCheck {
        let name = look.domain.tlsrpt_txt_name();
        let asked = async {
            match &name {
                Some(name) => look.resolver.dns().txt(name).await,
                None => Err(DnsFailure::InvalidName.into()),
            }
        };
        let txt = timeout_at(look.deadline, asked).await.unwrap_or(Err(DnsFailure::Timeout.into()));
        TlsrptCheck { name, txt }
    }

    /// The records that senders miss because they are at a wrong name.
    async fn stray_records(
        &self,
        look: &Look<'_>,
        discovery: &Discovery,
        tlsrpt: &TlsrptCheck,
    ) -> Vec<StrayRecord> {
        let (dns, domain) = (look.resolver.dns(), look.domain);
        let lacks_record = discovery.outcome.applied == Err(NoPolicy::NoRecord);
        let lacks_tlsrpt = matches!(tlsrpt.txt, Err(DnsError::NotFound(_)));
        let asked = async {
            let (record, reports) = tokio::join!(
                async { if lacks_record { StrayRecord::of_mta_sts(dns, domain).await } else { Vec::new() } },
                async { if lacks_tlsrpt { StrayRecord::of_tlsrpt(dns, domain).await } else { Vec::new() } },
            );
            [record, reports].concat()
        };
        timeout_at(look.deadline, asked).await.unwrap_or_default()
    }

    async fn wildcards(&self, look: &Look<'_>, discovery: &Discovery) -> Wildcards {
        let asked = Wildcards::find(look.resolver.dns(), look.domain, discovery);
        timeout_at(look.deadline, asked).await.unwrap_or_default()
    }

    async fn aliases(&self, look: &Look<'_>) -> Vec<AliasChain> {
        let dns = look.resolver.dns();
        let (record, host) = (look.domain.txt_name(), look.domain.policy_host());
        let reports = look.domain.tlsrpt_txt_name().unwrap_or_default();
        let asked = async {
            tokio::join!(
                AliasChain::follow(dns, &record),
                AliasChain::follow(dns, &host),
                AliasChain::follow(dns, &reports),
            )
        };
        let (record, host, reports) = timeout_at(look.deadline, asked).await.unwrap_or_default();
        [record, host, reports].into_iter().flatten().collect()
    }

    async fn name_servers(&self, look: &Look<'_>) -> Option<NameServersCheck> {
        let port = self.name_servers_port?;
        let asked = NameServersCheck::ask(look.resolver.dns(), look.domain, port);
        let timed_out = |_| NameServersCheck {
            zone: look.domain.as_str().to_owned(),
            servers: Err(DnsFailure::Timeout.into()),
        };
        Some(timeout_at(look.deadline, asked).await.unwrap_or_else(timed_out))
    }

    /// The policy at the remaining addresses of the Policy Host.
    async fn policy_addresses(
        &self,
        look: &Look<'_>,
        discovery: &Discovery,
    ) -> Vec<(IpAddr, Result<FetchedResponse, PolicyFetchError>)> {
        let (Some(Ok(answer)), Some(Ok(response))) = (&discovery.policy_host, &discovery.response) else {
            return Vec::new();
        };
        let left = look.deadline.saturating_duration_since(Instant::now());
        let fetcher = look.resolver.fetcher().clone().with_timeout(left);
        let mut running = JoinSet::new();
        let others = answer.addresses.iter().copied().filter(|address| *address != response.peer.ip());
        for (place, address) in others.take(MAX_ADDRESSES).enumerate() {
            let (fetcher, host) = (fetcher.clone(), look.domain.policy_host());
            running.spawn(async move { (place, (address, fetcher.fetch(&host, &[address]).await)) });
        }
        let answers: BTreeMap<_, _> = running.join_all().await.into_iter().collect();
        answers.into_values().collect()
    }

    async fn policy_host_without_sni(
        &self,
        look: &Look<'_>,
        discovery: &Discovery,
    ) -> Option<Result<PeerCertificate, TlsFailure>> {
        let response = discovery.response.as_ref()?.as_ref().ok().filter(|_| self.probes)?;
        let left = look.deadline.saturating_duration_since(Instant::now());
        let fetcher = look.resolver.fetcher().clone().with_timeout(left / 2);
        fetcher.certificate_without_sni(&look.domain.policy_host(), response.peer).await
    }

    async fn idle_patterns(
        &self,
        look: &Look<'_>,
        policy: Option<&Policy>,
        mx: &Result<MxAnswer, DnsError>,
        visits: &[Visit],
    ) -> Vec<IdlePattern> {
        let is_known = mx.is_ok() || !visits.is_empty();
        let Some(policy) = policy.filter(|policy| is_known && policy.mode() != Mode::None) else {
            return Vec::new();
        };
        let hosts: Vec<_> = visits.iter().map(|visit| visit.name.clone()).collect();
        let asked = IdlePattern::all(look.resolver.dns(), policy, &hosts);
        timeout_at(look.deadline, asked).await.unwrap_or_default()
    }
}

/// The check of one domain.
struct Look<'l> {
    resolver: Resolver,
    domain: &'l PolicyDomain,
    now: UnixTime,
    deadline: Instant,
}

/// The result of checking a domain.
#[derive(Debug)]
#[non_exhaustive]
pub struct DomainCheck {
    /// The domain.
    pub domain: PolicyDomain,
    /// The time of the check.
    pub now: UnixTime,
    /// The record and the policy, with the answers received on the way.
    pub discovery: Discovery,
    /// The responses of the Policy Host at its other addresses, at most 7, if it responded at one.
    pub policy_addresses: Vec<(IpAddr, Result<FetchedResponse, PolicyFetchError>)>,
    /// The certificate that the Policy Host presents to a client without SNI, or the alert with which it refuses it;
    /// `None` if this is unknown, or if the Policy Host gave no response.
    pub policy_host_without_sni: Option<Result<PeerCertificate, TlsFailure>>,
    /// The `mx` lines of the policy that cover none of the MX hosts.
    pub idle_patterns: Vec<IdlePattern>,
    /// The DNS answer about the MX records. If there are none but the domain exists, the domain is its own MX host.
    pub mx: Result<MxAnswer, DnsError>,
    /// The MX hosts by preference, without duplicates; at most 50 were checked.
    pub hosts: Vec<HostCheck>,
    /// The TLSRPT record.
    pub tlsrpt: TlsrptCheck,
    /// Records missing at `_mta-sts` or `_smtp._tls` that were found at another name.
    pub stray_records: Vec<StrayRecord>,
    /// Which names have the records of a wildcard.
    pub wildcards: Wildcards,
    /// Those of the names `_mta-sts`, `mta-sts`, and `_smtp._tls` that are aliases.
    pub aliases: Vec<AliasChain>,
    /// The answers of each name server, if they were [queried](DomainChecker::with_name_servers).
    pub name_servers: Option<NameServersCheck>,
}

impl DomainCheck {
    /// The fate of mail to the domain at present.
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
        let takes_mail = |host: &&HostCheck| host.decision == HostDecision::Deliver;
        let mut takers = self.hosts.iter().filter(takes_mail).peekable();
        if takers.peek().is_some() {
            if takers.all(|host| host.dane.refuses()) {
                return DomainVerdict::DaneRefused;
            }
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

    /// The lint findings about the TXT records at `_mta-sts`; empty if there was no answer.
    ///
    /// The line of a finding is the position of its record in the answer, counted from 1.
    pub fn record_findings(&self) -> Vec<Finding> {
        match &self.discovery.txt {
            Some(Ok(answer)) => lint::rrset(&answer.records),
            _ => Vec::new(),
        }
    }

    /// The lint findings about the TXT records at `_smtp._tls`; empty if there was no answer. The line of a finding is
    /// the position of its record in the answer, counted from 1.
    pub fn tlsrpt_findings(&self) -> Vec<Finding> {
        match &self.tlsrpt.txt {
            // The TTL is omitted, since a cache gives only the remaining time.
            Ok(answer) => {
                let facts = lint::TlsrptFacts::new().with_domain(&self.domain);
                lint::tlsrpt_rrset(&answer.records, &facts)
            }
            Err(_) => Vec::new(),
        }
    }

    /// The lint findings about the response of the Policy Host and the policy in it; empty if there was no response.
    pub fn policy_findings(&self) -> Vec<Finding> {
        match &self.discovery.response {
            // An encoded body cannot be examined: the encoding is the fault.
            Some(Ok(response)) if content_encoding(response).is_some() => Vec::new(),
            Some(Ok(response)) => {
                let mut findings = lint::response(&response.into(), &FetchLimits::new());
                // A redirect is reported with its target, which the text does not have.
                findings.retain(|finding| finding.kind() != FindingKind::Fetch(FetchErrorKind::Redirect));
                findings
            }
            _ => Vec::new(),
        }
    }

    /// All findings, the worst first, each with its cause, who has to act, and the fix. Findings about the text of the
    /// records and of the policy are separate: see [`record_findings`](Self::record_findings),
    /// [`policy_findings`](Self::policy_findings), and [`tlsrpt_findings`](Self::tlsrpt_findings).
    pub fn findings(&self) -> Vec<CheckFinding> {
        rules::findings(self)
    }

    /// The overall state: fine for a policy in mode enforce or testing that every MX host complies with.
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
        let is_at_fault =
            |finding: &CheckFinding| finding.severity() == Severity::Error && !finding.kind().may_pass();
        let found = if self.findings().iter().any(is_at_fault) { Standing::Faulty } else { Standing::Fine };
        self.hosts.iter().map(HostCheck::standing).fold(policy.and(mx).and(found), Standing::and)
    }
}

/// The fate of mail to a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DomainVerdict {
    /// Delivered over authenticated TLS, to any of the MX hosts.
    Delivered,
    /// Delivered over authenticated TLS, although not every MX host complies with the policy.
    DeliveredWithFaults,
    /// Not delivered: no MX host complies with the policy.
    Deferred,
    /// Not delivered by senders with DANE, since no MX host matches its TLSA records; delivered by others.
    DaneRefused,
    /// Delivered; the policy is in mode testing, and every MX host complies with it.
    Testing,
    /// Delivered; the policy is in mode testing, and not every MX host complies with it.
    TestingWithFaults,
    /// Delivered as if the domain had no MTA-STS, as the policy says.
    ModeNone,
    /// Delivered as if the domain had no MTA-STS: no policy applies.
    NoMtaSts,
    /// Not delivered: no MX host can be reached.
    Unavailable,
    /// Not delivered: DNS failed.
    DnsFailed,
    /// Not delivered: this machine could not fetch the policy, because of a local fault.
    LocalFault,
    /// Returned: the domain accepts no mail (RFC 7505).
    NullMx,
    /// Returned: the domain does not exist.
    NoSuchDomain,
}

impl DomainVerdict {
    /// The stable code: a kebab-case word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::DeliveredWithFaults => "delivered-with-faults",
            Self::Deferred => "deferred",
            Self::DaneRefused => "dane-refused",
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

/// The state of a checked item.
///
/// It is closed: a program exits in one of these ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Everything is fine.
    Fine,
    /// No fault is known, but not everything could be checked now.
    Temporary,
    /// Its owner has something to fix.
    Faulty,
}

impl Standing {
    /// Combines both: a fault takes precedence over what could not be checked.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Faulty, _) | (_, Self::Faulty) => Self::Faulty,
            (Self::Temporary, _) | (_, Self::Temporary) => Self::Temporary,
            (Self::Fine, Self::Fine) => Self::Fine,
        }
    }
}

/// A DNS failure is temporary, unless the zone itself is at fault.
fn standing_of(error: &DnsError) -> Standing {
    match error {
        DnsError::NotFound(_)
        | DnsError::Failed(DnsFailure::CnameChainTooLong | DnsFailure::CnameLoop | DnsFailure::InvalidName) => {
            Standing::Faulty
        }
        DnsError::Failed(_) => Standing::Temporary,
    }
}

/// The content coding of a response; `None` for `identity`.
fn content_encoding(response: &FetchedResponse) -> Option<String> {
    let value = String::from_utf8_lossy(response.content_encoding.as_deref()?).into_owned();
    (!value.trim().eq_ignore_ascii_case("identity")).then_some(value)
}

const TIMEOUT: Duration = Duration::from_secs(20);
const HOSTS_AT_ONCE: usize = 8;
const MAX_HOSTS: usize = 50;
const MAX_ADDRESSES: usize = 7;
