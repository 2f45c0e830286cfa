//! DANE for SMTP (RFC 7672): whether the MX hosts of a destination have usable TLSA records.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mta_sts_core::{DnsName, PolicyDomain};
use quick_cache::sync::Cache;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::dns::{DnsClient, DnsError, DnsFailure, TlsaRecord};
use crate::driver::peer_result as told_by_dns;
use crate::limiter::{FairSemaphore, Limiter, Peer, PeerResult, Rejected, Requester};

/// Determines whether DANE applies to mail for a destination, and caches the result.
///
/// ```no_run
/// use mta_sts_core::PolicyDomain;
/// use mta_sts_resolver::{DaneChecker, DaneCoverage, DnsClient};
///
/// # async fn check() -> Result<(), Box<dyn std::error::Error>> {
/// let dane = DaneChecker::new(&DnsClient::from_system()?);
/// match dane.check_domain(&PolicyDomain::parse("recipient.test")?, 25).await {
///     Ok(DaneCoverage::NoHost) => println!("DANE does not apply: MTA-STS does, if there is a policy"),
///     Ok(coverage) => println!("DANE comes first: {coverage:?}"),
///     Err(error) => println!("try again later: {error}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// It does not validate DNSSEC: a validating resolver on loopback does, and sets the AD bit. Of the DNS client's
/// servers only those are queried whose AD bit is trusted (see [`DnsConfig::with_danger_trust_ad_bit_of_any_server`]),
/// so that the answer of a non-validating server never replaces one that another server found bogus. Without such a
/// server nothing is queried, and DANE applies nowhere.
///
/// DANE applies to an MX host if its name in the MX record, its address, and its TLSA records are all authenticated by
/// DNSSEC, and a TLSA record is usable: DANE-TA(2) or DANE-EE(3), with a selector and a matching type of RFC 6698 and
/// data of the right form. A host with only unusable TLSA records is not authenticated by them (RFC 7672, 2.2), so
/// MTA-STS may still apply to it. A host that is provably unsigned has no DANE; a failed lookup is an error if the host
/// might have DANE.
///
/// Clones are cheap and share everything. Concurrent requests for a destination share one lookup. A result is cached
/// for the smallest TTL in it, but for at least 5 s and at most an hour; an error for 5 s. At most 65,536 destinations
/// are cached. There are at most 128 concurrent lookups, 16 of them for the names below one domain; others are queued
/// in the same way as by [`Resolver::with_fetches_at_once`](crate::Resolver::with_fetches_at_once), so that
/// unresponsive name servers do not delay others for long.
///
/// [`DnsConfig::with_danger_trust_ad_bit_of_any_server`]: crate::DnsConfig::with_danger_trust_ad_bit_of_any_server
// Meets S3.
#[derive(Clone)]
pub struct DaneChecker {
    shared: Arc<Shared>,
}

/// The MX hosts of a destination to which DANE applies. Hosts without an address are not counted.
///
/// It is closed: all, some, or none. What is unknown is a [`DaneError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DaneCoverage {
    /// All of them.
    EveryHost,
    /// At least one. Of the others, some have no usable TLSA records, or their lookup failed; the sender, which looks
    /// them up again, must not deliver to those whose lookup failed.
    SomeHosts,
    /// Provably none; or the destination accepts no mail (RFC 7505).
    NoHost,
}

/// The counters of a [`DaneChecker`] since it was created; answers from its cache are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DaneCounts {
    /// Lookups that resulted in [`DaneCoverage::EveryHost`].
    pub every_host: u64,
    /// Lookups that resulted in [`DaneCoverage::SomeHosts`].
    pub some_hosts: u64,
    /// Lookups that resulted in [`DaneCoverage::NoHost`].
    pub no_host: u64,
    /// Lookups that resulted in a [`DaneError`] other than [`DaneError::Busy`].
    pub failed: u64,
    /// Lookups that are waiting now.
    pub waiting: u64,
    /// Lookups that were rejected because too many others were waiting.
    pub busy: u64,
}

/// The reason why it is unknown whether DANE applies. Mail waits: breaking a lookup must not turn DANE off (RFC 7672,
/// 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DaneError {
    /// A lookup failed, or its answer was bogus, and no host is known to have DANE.
    #[error("DANE may apply, but the lookup of {kind} failed: {failure}.")]
    LookupFailed {
        /// What the lookup was for.
        kind: DaneLookupKind,
        /// The reason why it failed.
        failure: DnsFailure,
    },
    /// The lookups took longer than 15 s in all.
    #[error("DANE may apply, but the lookups took too long.")]
    Slow,
    /// Too many lookups are waiting for DNS. This says nothing about the destination, and is not cached.
    #[error("DANE may apply, but too many lookups are waiting for DNS.")]
    Busy,
    /// There are more than 32 MX hosts, and none of the first 32 has DANE.
    #[error("DANE may apply, but there are too many MX hosts.")]
    TooManyHosts,
}

impl DaneError {
    /// The stable code: a kebab-case word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LookupFailed { .. } => "dane-lookup-failed",
            Self::Slow => "dane-slow",
            Self::Busy => "dane-busy",
            Self::TooManyHosts => "dane-too-many-hosts",
        }
    }
}

impl DaneError {
    fn refused(refused: Rejected, kind: DaneLookupKind) -> Self {
        match refused {
            Rejected::Busy => Self::Busy,
            Rejected::Unresponsive => Self::LookupFailed { kind, failure: DnsFailure::Timeout },
        }
    }
}

/// What a failed lookup was for. It is for people: no decision depends on it, and an unknown one is a lookup like the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DaneLookupKind {
    /// The MX records of the domain.
    Mx,
    /// The addresses of an MX host, or its alias.
    Address,
    /// The TLSA records of an MX host.
    Tlsa,
}

impl fmt::Display for DaneLookupKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Mx => "MX records",
            Self::Address => "an MX host's address",
            Self::Tlsa => "TLSA records",
        })
    }
}

struct Shared {
    /// The client for trusted servers only; without any there is no DANE.
    dns: DnsClient,
    remembered: Cache<Destination, Remembered>,
    semaphore: FairSemaphore,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    every_host: AtomicU64,
    some_hosts: AtomicU64,
    no_host: AtomicU64,
    failed: AtomicU64,
    busy: AtomicU64,
}

/// The key of the cache: for a host, MX records are not looked up.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Destination {
    name: DnsName,
    is_host: bool,
    port: u16,
}

#[derive(Clone, Copy)]
struct Remembered {
    result: Result<DaneCoverage, DaneError>,
    until: Instant,
}

impl DaneChecker {
    /// A checker that queries those servers of this client whose AD bit is trusted.
    pub fn new(dns: &DnsClient) -> Self {
        Self {
            shared: Arc::new(Shared {
                dns: dns.of_trusted_servers(),
                remembered: Cache::new(MAX_REMEMBERED),
                semaphore: Limiter::dns_semaphore(LOOKUPS_AT_ONCE),
                counters: Counters::default(),
            }),
        }
    }

    /// Returns whether there is a server whose AD bit is trusted. Without one DANE applies nowhere.
    pub fn can_authenticate(&self) -> bool {
        !self.shared.dns.servers().is_empty()
    }

    /// The counters of the lookups.
    pub fn counts(&self) -> DaneCounts {
        let counters = &self.shared.counters;
        let gauges = self.shared.semaphore.gauges();
        DaneCounts {
            every_host: counters.every_host.load(Ordering::Relaxed),
            some_hosts: counters.some_hosts.load(Ordering::Relaxed),
            no_host: counters.no_host.load(Ordering::Relaxed),
            failed: counters.failed.load(Ordering::Relaxed),
            waiting: (gauges.waiting_for_peer + gauges.waiting_for_permit) as u64,
            busy: counters.busy.load(Ordering::Relaxed),
        }
    }

    /// Determines whether DANE applies to the MX hosts of a domain, or to the domain itself if it has no MX record (RFC
    /// 5321, 5.1). The port is 25 unless the sender uses another one.
    ///
    /// # Errors
    ///
    /// If this is unknown: try again later.
    pub async fn check_domain(&self, domain: &PolicyDomain, port: u16) -> Result<DaneCoverage, DaneError> {
        self.check(Destination { name: domain.as_name().clone(), is_host: false, port }).await
    }

    /// Determines whether DANE applies to a host that receives mail without a lookup of MX records, such as a smart
    /// host (RFC 7672, 2.2.2).
    ///
    /// # Errors
    ///
    /// If this is unknown: try again later.
    pub async fn check_host(&self, host: &DnsName, port: u16) -> Result<DaneCoverage, DaneError> {
        self.check(Destination { name: host.clone(), is_host: true, port }).await
    }

    /// The MX hosts whose names are authenticated by DNSSEC, looked up now.
    pub(crate) async fn signed_mx_hosts(&self, domain: &PolicyDomain) -> Result<Vec<String>, DaneError> {
        if !self.can_authenticate() {
            return Ok(Vec::new());
        }
        let dns = &self.shared.dns;
        let requester = Requester::of_name(domain.as_str());
        let lookup = Lookup { dns, semaphore: &self.shared.semaphore, requester, port: 0 };
        let (hosts, _) =
            timeout(CHECK_WITHIN, lookup.mx_hosts(domain.as_str())).await.unwrap_or(Err(DaneError::Slow))?;
        Ok(hosts)
    }

    /// The TLSA records of a host that are authenticated by DNSSEC, looked up now; `None` if the host has no address.
    pub(crate) async fn host_records(&self, host: &str, port: u16) -> Result<Option<HostRecords>, DaneError> {
        if !self.can_authenticate() {
            return Ok(Some(HostRecords::default()));
        }
        let mut ttl = Duration::MAX;
        timeout(CHECK_WITHIN, records_of_host(&self.shared.dns, host, port, &mut ttl))
            .await
            .unwrap_or(Err(DaneError::Slow))
    }

    async fn check(&self, destination: Destination) -> Result<DaneCoverage, DaneError> {
        if !self.can_authenticate() {
            return Ok(DaneCoverage::NoHost);
        }
        let dns = &self.shared.dns;
        let remembered = &self.shared.remembered;
        let now = Instant::now();
        if let Some(found) = remembered.get(&destination) {
            if found.until > now {
                return found.result;
            }
            remembered.remove_if(&destination, |found| found.until <= now);
        }
        // Concurrent requests wait here for the result; if the first one is dropped, the next one does the lookup.
        match remembered.get_value_or_guard_async(&destination).await {
            Ok(found) => found.result,
            Err(place) => {
                let requester = Requester::of_name(destination.name.as_str());
                let lookup =
                    Lookup { dns, semaphore: &self.shared.semaphore, requester, port: destination.port };
                let (result, ttl) = timeout(CHECK_WITHIN, lookup.destination(&destination))
                    .await
                    .unwrap_or((Err(DaneError::Slow), Duration::ZERO));
                self.shared.counters.count(result);
                let least = if result == Err(DaneError::Busy) { Duration::ZERO } else { MIN_TTL };
                let until = Instant::now() + ttl.clamp(least, MAX_TTL);
                // This fails only if the placeholder has been evicted in the meantime.
                let _ = place.insert(Remembered { result, until });
                result
            }
        }
    }
}

impl Counters {
    fn count(&self, result: Result<DaneCoverage, DaneError>) {
        let counter = match result {
            Ok(DaneCoverage::EveryHost) => &self.every_host,
            Ok(DaneCoverage::SomeHosts) => &self.some_hosts,
            Ok(DaneCoverage::NoHost) => &self.no_host,
            Err(DaneError::Busy) => &self.busy,
            Err(_) => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for DaneChecker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DaneChecker")
            .field("dns", &self.shared.dns)
            .field("remembered", &self.shared.remembered.len())
            .finish_non_exhaustive()
    }
}

/// One check, from the MX records to the TLSA records.
struct Lookup<'c> {
    dns: &'c DnsClient,
    semaphore: &'c FairSemaphore,
    requester: Requester,
    port: u16,
}

/// The TLSA records of a host that are authenticated by DNSSEC.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostRecords {
    /// The TLSA base domain (RFC 7672, 2.2.3); empty without records.
    pub(crate) base: String,
    pub(crate) usable: Vec<TlsaRecord>,
    pub(crate) unusable: Vec<TlsaRecord>,
}

/// The result for one host, and how long it is valid.
type HostFinding = (Result<HostState, DaneError>, Duration);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostState {
    Covered,
    Uncovered,
    /// It has no address, so no mail can reach it.
    Unreachable,
}

impl Lookup<'_> {
    async fn destination(&self, destination: &Destination) -> (Result<DaneCoverage, DaneError>, Duration) {
        let name = destination.name.as_str();
        let (hosts, ttl) = if destination.is_host {
            (vec![name.to_owned()], Duration::MAX)
        } else {
            match self.mx_hosts(name).await {
                Ok(found) => found,
                Err(error) => return (Err(error), Duration::ZERO),
            }
        };
        let mut tally = Tally { unasked: hosts.len() > MAX_HOSTS, ttl, ..Tally::default() };
        for some in hosts[..hosts.len().min(MAX_HOSTS)].chunks(HOSTS_AT_ONCE) {
            let mut asked = JoinSet::new();
            for host in some {
                let (dns, semaphore, requester) =
                    (self.dns.clone(), self.semaphore.clone(), self.requester.clone());
                let (host, port) = (host.clone(), self.port);
                asked.spawn(async move {
                    let work = host_state(&dns, &host, port);
                    let finding = semaphore
                        .run(Peer::of_name(&host), &requester, work, |(result, _)| peer_result(result))
                        .await;
                    finding.unwrap_or_else(|refused| {
                        (Err(DaneError::refused(refused, DaneLookupKind::Tlsa)), Duration::ZERO)
                    })
                });
            }
            asked.join_all().await.into_iter().for_each(|finding| tally.count(finding));
        }
        tally.result()
    }

    /// The hosts authenticated by DNSSEC, by preference; none if DANE does not apply.
    async fn mx_hosts(&self, domain: &str) -> Result<(Vec<String>, Duration), DaneError> {
        let asked =
            self.semaphore.run(Peer::of_name(domain), &self.requester, self.dns.mx_hosts(domain), |answer| {
                told_by_dns(answer.as_ref().err())
            });
        let answer = asked.await.map_err(|refused| DaneError::refused(refused, DaneLookupKind::Mx))?;
        match answer {
            Ok(answer) if answer.authenticated => {
                Ok((answer.hosts.into_iter().map(|host| host.name).collect(), answer.ttl))
            }
            // RFC 7672, 2.2.1: an attacker who forged the MX records would have forged names with TLSA records.
            Ok(answer) => Ok((Vec::new(), answer.ttl)),
            Err(DnsError::NotFound(absence)) => Ok((Vec::new(), absence.ttl.unwrap_or_default())),
            Err(DnsError::Failed(failure)) => {
                Err(DaneError::LookupFailed { kind: DaneLookupKind::Mx, failure })
            }
        }
    }
}

fn peer_result<T>(result: &Result<T, DaneError>) -> PeerResult {
    match result {
        Err(DaneError::LookupFailed { failure: DnsFailure::Timeout, .. }) => PeerResult::TimedOut,
        Err(DaneError::LookupFailed { failure, .. }) if failure.is_local() => PeerResult::Nothing,
        _ => PeerResult::Answered,
    }
}

async fn host_state(dns: &DnsClient, host: &str, port: u16) -> HostFinding {
    let mut ttl = Duration::MAX;
    let result = ask_host(dns, host, port, &mut ttl).await;
    (result, ttl)
}

async fn ask_host(
    dns: &DnsClient,
    host: &str,
    port: u16,
    ttl: &mut Duration,
) -> Result<HostState, DaneError> {
    Ok(match records_of_host(dns, host, port, ttl).await? {
        None => HostState::Unreachable,
        Some(found) if found.usable.is_empty() => HostState::Uncovered,
        Some(_) => HostState::Covered,
    })
}

/// RFC 7672, 2.2.2 and 2.2.3. `None` if the host has no address.
async fn records_of_host(
    dns: &DnsClient,
    host: &str,
    port: u16,
    ttl: &mut Duration,
) -> Result<Option<HostRecords>, DaneError> {
    let Some(bases) = tlsa_base_domains(dns, host, ttl).await? else { return Ok(None) };
    for base in bases {
        match dns.tlsa(&format!("_{port}._tcp.{base}")).await {
            Ok(answer) if answer.authenticated => {
                *ttl = answer.ttl.min(*ttl);
                let (usable, unusable) = answer.records.into_iter().partition(is_usable);
                return Ok(Some(HostRecords { base, usable, unusable }));
            }
            Ok(answer) => *ttl = answer.ttl.min(*ttl),
            Err(DnsError::NotFound(absence)) => *ttl = absence.ttl.unwrap_or_default().min(*ttl),
            // Too long with its prefix: it cannot exist.
            Err(DnsError::Failed(DnsFailure::InvalidName)) => {}
            Err(DnsError::Failed(failure)) => {
                return Err(DaneError::LookupFailed { kind: DaneLookupKind::Tlsa, failure });
            }
        }
    }
    Ok(Some(HostRecords::default()))
}

/// The candidate TLSA base domains of a host, the best first; empty if its address is not signed; `None` if it has no
/// address.
///
/// An address of one family shows whether the host is signed, since both families have the same owner name, even if the
/// lookup of the other fails. If no address was found, a failure is an error: what could not be looked up may be
/// signed. So is a bogus answer next to an unsigned one: they contradict each other.
async fn tlsa_base_domains(
    dns: &DnsClient,
    host: &str,
    ttl: &mut Duration,
) -> Result<Option<Vec<String>>, DaneError> {
    let address_failure = |failure| DaneError::LookupFailed { kind: DaneLookupKind::Address, failure };
    let mut found = None;
    let mut failed = None;
    for family in dns.address_families(host).await {
        match family {
            Ok(addresses) => {
                *ttl = addresses.ttl.min(*ttl);
                if addresses.authenticated || found.is_none() {
                    found = Some(addresses);
                }
            }
            Err(DnsError::NotFound(absence)) => *ttl = absence.ttl.unwrap_or_default().min(*ttl),
            Err(DnsError::Failed(DnsFailure::InvalidName)) => return Ok(None),
            Err(DnsError::Failed(failure)) => failed = Some(failure),
        }
    }
    let Some(addresses) = found else {
        return failed.map_or(Ok(None), |failure| Err(address_failure(failure)));
    };
    if let Some(bogus @ DnsFailure::Bogus { .. }) = failed
        && !addresses.authenticated
    {
        return Err(address_failure(bogus));
    }
    let is_alias = addresses.owner != host;
    Ok(Some(match (addresses.authenticated, is_alias) {
        (true, false) => vec![host.to_owned()],
        (true, true) => vec![addresses.owner, host.to_owned()],
        (false, false) => Vec::new(),
        // The alias itself may be signed, and its owner may have TLSA records for it.
        (false, true) => match dns.alias(host).await {
            Ok(alias) => {
                *ttl = alias.ttl.min(*ttl);
                if alias.authenticated { vec![host.to_owned()] } else { Vec::new() }
            }
            Err(DnsError::NotFound(absence)) => {
                // The name has changed in the meantime; check again soon.
                *ttl = Duration::ZERO;
                if absence.authenticated { vec![host.to_owned()] } else { Vec::new() }
            }
            Err(DnsError::Failed(failure)) => return Err(address_failure(failure)),
        },
    }))
}

/// Returns whether a sender can match this record with the certificate of the host (RFC 7672, 3.1).
fn is_usable(record: &TlsaRecord) -> bool {
    let data = record.data.as_slice();
    let is_certificate = || X509Certificate::from_der(data).is_ok_and(|(rest, _)| rest.is_empty());
    let is_key = || SubjectPublicKeyInfo::from_der(data).is_ok_and(|(rest, _)| rest.is_empty());
    // DANE-TA and DANE-EE; PKIX-TA and PKIX-EE are not used in SMTP (RFC 7672, 3.1.3).
    matches!(record.usage, 2 | 3)
        && match (record.selector, record.matching_type) {
            (0, 0) => is_certificate(),
            (1, 0) => is_key(),
            (0 | 1, 1) => data.len() == SHA2_256_LEN,
            (0 | 1, 2) => data.len() == SHA2_512_LEN,
            _ => false,
        }
}

/// The combined result for the hosts of a destination.
#[derive(Default)]
struct Tally {
    covered: bool,
    uncovered: bool,
    failed: Option<DaneError>,
    /// Whether there are more hosts than were looked up.
    unasked: bool,
    ttl: Duration,
}

impl Tally {
    fn count(&mut self, (result, ttl): HostFinding) {
        match result {
            Ok(HostState::Covered) => self.covered = true,
            Ok(HostState::Uncovered) => self.uncovered = true,
            Ok(HostState::Unreachable) => {}
            Err(error) => self.failed = Some(error),
        }
        self.ttl = if result.is_err() { Duration::ZERO } else { ttl.min(self.ttl) };
    }

    /// If one host has DANE, no mail is sent under MTA-STS alone, whatever is unknown about others.
    fn result(self) -> (Result<DaneCoverage, DaneError>, Duration) {
        let complete = !self.uncovered && !self.unasked && self.failed.is_none();
        let result = match (self.covered, self.failed) {
            (true, _) if complete => Ok(DaneCoverage::EveryHost),
            (true, _) => Ok(DaneCoverage::SomeHosts),
            (false, Some(error)) => Err(error),
            (false, None) if self.unasked => Err(DaneError::TooManyHosts),
            (false, None) => Ok(DaneCoverage::NoHost),
        };
        (result, self.ttl)
    }
}

const MAX_REMEMBERED: usize = 65_536;
const MIN_TTL: Duration = Duration::from_secs(5);
const MAX_TTL: Duration = Duration::from_secs(3600);

/// Together with [`crate::ServiceConfig::with_answer_within`] this is less than the 100 s that Postfix waits.
const CHECK_WITHIN: Duration = Duration::from_secs(15);

/// Each uses at most two sockets.
const LOOKUPS_AT_ONCE: usize = 128;

/// More than senders try. Only the owner of a signed zone can name more, and then only mail to that zone waits.
const MAX_HOSTS: usize = 32;

/// Leaves room for others beside a domain with many hosts.
const HOSTS_AT_ONCE: usize = 4;

const SHA2_256_LEN: usize = 32;
const SHA2_512_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(usage: u8, selector: u8, matching_type: u8, data: &[u8]) -> TlsaRecord {
        TlsaRecord { usage, selector, matching_type, data: data.to_vec() }
    }

    #[test]
    fn a_record_is_usable_when_a_sender_can_match_it() {
        let certified = rcgen::generate_simple_self_signed(vec!["mx.a.test".to_owned()]).unwrap();
        let certificate = certified.cert.der().to_vec();
        let (_, parsed) = X509Certificate::from_der(&certificate).unwrap();
        let key = parsed.public_key().raw;
        for usage in [2, 3] {
            for selector in [0, 1] {
                assert!(is_usable(&record(usage, selector, 1, &[1; 32])));
                assert!(is_usable(&record(usage, selector, 2, &[1; 64])));
            }
            assert!(is_usable(&record(usage, 0, 0, &certificate)));
            assert!(is_usable(&record(usage, 1, 0, key)));
        }
        for unusable in [
            // PKIX-TA, PKIX-EE, unassigned, and private use.
            record(0, 0, 1, &[1; 32]),
            record(1, 0, 1, &[1; 32]),
            record(4, 0, 1, &[1; 32]),
            record(255, 0, 1, &[1; 32]),
            record(3, 2, 1, &[1; 32]),
            record(3, 255, 1, &[1; 32]),
            record(3, 1, 3, &[1; 32]),
            record(3, 1, 255, &[1; 32]),
            // Data of a wrong length, or for unknown types.
            record(3, 1, 1, &[]),
            record(3, 1, 1, &[1; 31]),
            record(3, 1, 1, &[1; 64]),
            record(3, 1, 2, &[1; 32]),
            record(3, 0, 0, key),
            record(3, 1, 0, &certificate),
            record(3, 0, 0, &[1; 32]),
            record(3, 0, 0, &[certificate.as_slice(), &[0]].concat()),
        ] {
            assert!(!is_usable(&unusable), "{unusable:?}");
        }
    }
}
