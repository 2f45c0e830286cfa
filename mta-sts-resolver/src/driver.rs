//! Policy discovery over real DNS and HTTPS: runs a `Lookup` to completion.

use std::time::Duration;

use mta_sts_core::{
    CacheEntry, FetchFailure, HttpResponse, Input, Lookup, LookupConfig, Outcome, Output, PolicyDomain,
    PolicyRequest, Purpose, TxtFailure, UnixTime,
};
use tokio::time::{Instant, timeout};

use crate::dns::{AddressAnswer, DnsClient, DnsError, DnsFailure, TxtAnswer};
use crate::fetch::{FetchedResponse, PolicyFetchError, PolicyFetchErrorKind, PolicyFetcher};
use crate::limiter::{BusyWith, DomainClass, Limiter, Peer, PeerResult, Rejected, Requester};
use crate::local_fault::LocalFaultLog;
use crate::tls::CertificateFault;

/// Discovers the policies of domains over DNS and HTTPS.
///
/// ```no_run
/// use mta_sts_core::{PolicyDomain, Purpose, UnixTime};
/// use mta_sts_resolver::{DnsClient, PolicyFetcher, Resolver, TrustStore};
///
/// # async fn discover() -> Result<(), Box<dyn std::error::Error>> {
/// let resolver = Resolver::new(DnsClient::from_system()?, PolicyFetcher::new(TrustStore::platform()?));
/// let domain = PolicyDomain::of_recipient("alice@recipient.test")?;
/// let now = UnixTime::from_secs(std::time::UNIX_EPOCH.elapsed()?.as_secs());
/// let discovery = resolver.discover(domain, Purpose::Deliver, None, now).await;
/// println!("{:?}", discovery.outcome.policy());
/// # Ok(())
/// # }
/// ```
///
/// It has no cache: pass it the entry of your cache, and apply the update of the outcome to it.
#[derive(Clone, Debug)]
pub struct Resolver {
    dns: DnsClient,
    fetcher: PolicyFetcher,
    config: LookupConfig,
    limiter: Limiter,
    local_faults: LocalFaultLog,
}

/// The result of a policy discovery, with the answers received on the way.
#[derive(Debug)]
#[non_exhaustive]
pub struct Discovery {
    /// The policy to apply or the reason why there is none, what to remember, and what to report.
    pub outcome: Outcome,
    /// The resource that was overloaded, if that is the cause of the local fault in the outcome.
    pub busy: Option<BusyWith>,
    /// The DNS answer about the record, if it was queried.
    pub txt: Option<Result<TxtAnswer, DnsError>>,
    /// The DNS answer about the addresses of the Policy Host, if they were queried.
    pub policy_host: Option<Result<AddressAnswer, DnsError>>,
    /// The response of the Policy Host, if it was contacted.
    pub response: Option<Result<FetchedResponse, PolicyFetchError>>,
}

impl Resolver {
    /// A resolver with this DNS client and this fetcher, and the limits suggested in RFC 8461.
    ///
    /// Each discovery makes its own queries. [`PolicyService`](crate::PolicyService) shares one lookup among concurrent
    /// requests for a domain.
    pub fn new(dns: DnsClient, fetcher: PolicyFetcher) -> Self {
        Self {
            dns,
            fetcher,
            config: LookupConfig::new(),
            limiter: Limiter::new(),
            local_faults: LocalFaultLog::default(),
        }
    }

    /// Sets the configuration of lookups. The limits of fetches are part of it.
    #[must_use]
    pub fn with_config(mut self, config: LookupConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets the maximum number of concurrent fetches. Default: 8 from one address, since a provider serves the policies
    /// of many domains from one, and 256 in all. A /64 of IPv6 counts as one address; behind a proxy, the names below
    /// one domain do. 0 counts as 1. Clones of this resolver share the limit.
    ///
    /// Further fetches are queued, with fair scheduling between addresses, for at most 10 s. While fetches are queued,
    /// half of the slots can be held for only 3 s each, so that unresponsive hosts do not delay others for long, and
    /// all addresses that did not respond last time share a quarter of the slots. A fetch that gets no slot, or loses
    /// it, results in [`Discovery::busy`].
    #[must_use]
    pub fn with_fetches_at_once(mut self, from_one_address: usize, in_all: usize) -> Self {
        self.limiter.set_fetches_at_once(from_one_address, in_all);
        self
    }

    /// Sets the maximum number of concurrent DNS lookups. Default: 512, an eighth of them for the names below one
    /// domain. 0 counts as 1. Further lookups are queued in the same way as by
    /// [`with_fetches_at_once`](Self::with_fetches_at_once).
    #[must_use]
    pub fn with_dns_lookups_at_once(mut self, lookups: usize) -> Self {
        self.limiter.set_dns_lookups_at_once(lookups);
        self
    }

    /// The same resolver with a time limit for a discovery: a quarter of it for each DNS lookup, the rest for the
    /// fetch.
    pub(crate) fn within(&self, timeout: Duration) -> Self {
        let dns = self.dns.within(timeout / 4);
        let limits = self.config.fetch_limits().clone();
        let fetch = limits.timeout().min(timeout / 4 * 3);
        let config = self.config.clone().with_fetch_limits(limits.with_timeout(fetch));
        Self { dns, config, ..self.clone() }
    }

    pub(crate) fn fetcher(&self) -> &PolicyFetcher {
        &self.fetcher
    }

    /// The configuration of lookups.
    pub const fn lookup_config(&self) -> &LookupConfig {
        &self.config
    }

    /// The number of lookups that failed because of a fault of this machine, its network, or its proxy.
    pub(crate) fn local_faults(&self) -> u64 {
        self.local_faults.count()
    }

    /// The DNS client, for example to look up MX records.
    pub fn dns(&self) -> &DnsClient {
        &self.dns
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Runs one policy discovery. `now` is the time at its start; time elapsed since then is added to it.
    ///
    /// It takes at most the deadline of the DNS client plus the timeout of a fetch, 60 s (RFC 8461, 3.3), plus at most
    /// 10 s for each wait for a slot when many lookups run at once. All failures are part of the outcome.
    // Meets S90, S91.
    pub async fn discover(
        &self,
        domain: PolicyDomain,
        purpose: Purpose,
        cached: Option<&CacheEntry>,
        now: UnixTime,
    ) -> Discovery {
        self.discover_with(domain, purpose, cached, now, &mut Uncoordinated).await
    }

    /// The same as [`Resolver::discover`], with a coordinator that decides before a fetch.
    pub(crate) async fn discover_with(
        &self,
        domain: PolicyDomain,
        purpose: Purpose,
        cached: Option<&CacheEntry>,
        now: UnixTime,
        coordinator: &mut impl FetchCoordinator,
    ) -> Discovery {
        let start = Instant::now();
        let requester = self.limiter.requester(&domain);
        let mut known = cached.cloned();
        let (mut txt, mut policy_host, mut response, mut busy) = (None, None, None, None);
        let mut lookup = Lookup::new(domain.clone(), purpose, known.as_ref(), now, &self.config);
        let outcome = loop {
            let rank = DomainClass::of(known.as_ref(), now.saturating_add(start.elapsed()));
            let input = match lookup.poll_output() {
                Output::QueryTxt(query) => match &txt {
                    // A lookup that was started over gets the same answer.
                    Some(answer) => txt_input(answer),
                    None => match self.ask_txt(rank, &domain, query.name(), &requester).await {
                        Ok(answer) => {
                            self.log_local_fault(answer.as_ref().err());
                            txt_input(txt.insert(answer))
                        }
                        Err(with) => {
                            busy = Some(with);
                            Input::TxtFailed(TxtFailure::LocalFault)
                        }
                    },
                },
                Output::FetchPolicy(request) => match coordinator.decide().await {
                    FetchDecision::Fetch => {
                        let fetched =
                            self.fetch(rank, request, &requester, &mut policy_host, &mut response).await;
                        fetched.unwrap_or_else(|with| {
                            busy = Some(with);
                            Input::FetchFailed(FetchFailure::LocalFault)
                        })
                    }
                    FetchDecision::StartOver(entry, purpose) => {
                        let now = now.saturating_add(start.elapsed());
                        lookup = Lookup::new(domain.clone(), purpose, Some(&entry), now, &self.config);
                        known = Some(entry);
                        continue;
                    }
                },
                Output::Done(outcome) => break outcome.clone(),
            };
            // The answer is to the query that was just polled, so it is never refused.
            let handled = lookup.handle_input(input, now.saturating_add(start.elapsed()));
            debug_assert!(handled.is_ok(), "{handled:?}");
        };
        match busy {
            Some(with) if self.limiter.recent_rejection(&domain).is_none() => {
                self.limiter.reject(&domain, with);
            }
            None if requester.is_retry => self.limiter.found(&domain),
            _ => {}
        }
        Discovery { outcome, busy, txt, policy_host, response }
    }

    /// Queries the record. A domain that was rejected recently has to pause, so that repeating requests gains nothing.
    async fn ask_txt(
        &self,
        rank: DomainClass,
        domain: &PolicyDomain,
        name: &str,
        requester: &Requester,
    ) -> Result<Result<TxtAnswer, DnsError>, BusyWith> {
        match self.limiter.recent_rejection(domain) {
            Some(with) if rank == DomainClass::Unknown => Err(with),
            _ => self.ask_dns(rank, name, requester, self.dns.txt(name)).await,
        }
    }

    /// Queries DNS for a name, as soon as the limiter permits it.
    async fn ask_dns<T>(
        &self,
        rank: DomainClass,
        name: &str,
        requester: &Requester,
        lookup: impl Future<Output = Result<T, DnsError>>,
    ) -> Result<Result<T, DnsError>, BusyWith> {
        let semaphore = &self.limiter.limits(rank).dns;
        match semaphore
            .run(Peer::of_name(name), requester, lookup, |answer| peer_result(answer.as_ref().err()))
            .await
        {
            Ok(answer) => Ok(answer),
            Err(Rejected::Unresponsive) => Ok(Err(DnsFailure::Timeout.into())),
            Err(Rejected::Busy) => Err(BusyWith::Dns),
        }
    }

    /// Fetches a policy, everything within one timeout; the addresses of the Policy Host come from the same DNS client
    /// as the record.
    async fn fetch(
        &self,
        rank: DomainClass,
        request: &PolicyRequest,
        requester: &Requester,
        policy_host: &mut Option<Result<AddressAnswer, DnsError>>,
        response: &mut Option<Result<FetchedResponse, PolicyFetchError>>,
    ) -> Result<Input<'static>, BusyWith> {
        let mut left = request.timeout();
        let addresses = async {
            // Time spent waiting before this is not the fault of the Policy Host.
            let start = Instant::now();
            let found = timeout(left, self.dns.addresses(request.host())).await;
            left = left.saturating_sub(start.elapsed()).max(Duration::from_millis(1));
            found.unwrap_or_else(|_| Err(self.dns.timed_out().into()))
        };
        let addresses = self.ask_dns(rank, request.host(), requester, addresses).await?;
        let addresses = match policy_host.insert(addresses) {
            Ok(answer) => &answer.addresses,
            Err(DnsError::NotFound(_)) => return Ok(Input::FetchFailed(FetchFailure::HostNotFound)),
            Err(DnsError::Failed(failure)) if failure.is_local() => {
                self.local_faults.tell(&format_args!("DNS: {failure}"), None);
                return Ok(Input::FetchFailed(FetchFailure::LocalFault));
            }
            Err(DnsError::Failed(_)) => return Ok(Input::FetchFailed(FetchFailure::HostDnsFailed)),
        };
        let fetcher = self.fetcher.clone().with_timeout(left).with_max_body_len(request.max_body_len());
        let fetcher = fetcher.through(&self.limiter.limits(rank).fetches, requester);
        let answer = response.insert(fetcher.fetch(request.host(), addresses).await);
        match answer {
            Err(error) if error.kind() == PolicyFetchErrorKind::Busy => return Err(BusyWith::PolicyHost),
            Err(error) if error.kind() == PolicyFetchErrorKind::LocalFault => {
                self.local_faults.tell(error, error.peer());
            }
            _ => {}
        }
        Ok(response_input(answer))
    }

    fn log_local_fault(&self, error: Option<&DnsError>) {
        if let Some(DnsError::Failed(failure)) = error
            && failure.is_local()
        {
            self.local_faults.tell(&format_args!("DNS: {failure}"), None);
        }
    }
}

/// Decides who fetches, for machines that share a store.
pub(crate) trait FetchCoordinator: Send {
    fn decide(&mut self) -> impl Future<Output = FetchDecision> + Send;
}

/// The decision about a fetch.
pub(crate) enum FetchDecision {
    Fetch,
    /// Start over with this entry, which another machine has stored.
    StartOver(CacheEntry, Purpose),
}

/// Classifies a DNS result for the limiter.
pub(crate) fn peer_result(error: Option<&DnsError>) -> PeerResult {
    match error {
        Some(DnsError::Failed(DnsFailure::Timeout)) => PeerResult::TimedOut,
        Some(DnsError::Failed(failure)) if failure.is_local() => PeerResult::Nothing,
        _ => PeerResult::Answered,
    }
}

/// A coordinator for a single machine: it always fetches.
struct Uncoordinated;

impl FetchCoordinator for Uncoordinated {
    async fn decide(&mut self) -> FetchDecision {
        FetchDecision::Fetch
    }
}

fn txt_input(answer: &Result<TxtAnswer, DnsError>) -> Input<'static> {
    match answer {
        Ok(answer) => Input::txt(&answer.records, answer.ttl),
        Err(DnsError::NotFound(absence)) => Input::TxtNotFound { ttl: absence.ttl.unwrap_or_default() },
        Err(DnsError::Failed(failure)) => Input::TxtFailed(match failure {
            DnsFailure::Timeout => TxtFailure::Timeout,
            DnsFailure::ServerFailure => TxtFailure::ServFail,
            DnsFailure::Bogus { .. } => TxtFailure::Bogus,
            failure if failure.is_local() => TxtFailure::LocalFault,
            _ => TxtFailure::Unusable,
        }),
    }
}

fn response_input(response: &Result<FetchedResponse, PolicyFetchError>) -> Input<'static> {
    match response {
        Ok(response) => {
            let answer = HttpResponse::new(response.status, response.body.clone());
            Input::Response(match &response.content_type {
                Some(content_type) => answer.with_content_type(content_type.clone()),
                None => answer,
            })
        }
        Err(error) => Input::FetchFailed(match error.kind() {
            PolicyFetchErrorKind::AddressRefused => FetchFailure::AddressRefused,
            PolicyFetchErrorKind::BodyTooLarge => FetchFailure::BodyTooLarge,
            PolicyFetchErrorKind::Certificate(CertificateFault::Expired) => FetchFailure::CertificateExpired,
            PolicyFetchErrorKind::Certificate(CertificateFault::HostMismatch) => {
                FetchFailure::CertificateHostMismatch
            }
            PolicyFetchErrorKind::Certificate(_) => FetchFailure::CertificateNotTrusted,
            PolicyFetchErrorKind::Connect => FetchFailure::Connect,
            PolicyFetchErrorKind::LocalFault => FetchFailure::LocalFault,
            PolicyFetchErrorKind::Timeout => FetchFailure::Timeout,
            PolicyFetchErrorKind::Tls => FetchFailure::TlsHandshake,
            _ => FetchFailure::Protocol,
        }),
    }
}
