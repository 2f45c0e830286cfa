//! Policy discovery over real DNS and HTTPS: runs a `Lookup` to its end.

use std::time::Duration;

use mta_sts_core::{
    CacheEntry, FetchFailure, HttpResponse, Input, Lookup, LookupConfig, Outcome, Output, PolicyDomain,
    PolicyRequest, Purpose, TxtFailure, UnixTime,
};
use tokio::time::{Instant, timeout};

use crate::dns::{AddressAnswer, DnsClient, DnsError, DnsFailure, TxtAnswer};
use crate::fetch::{FetchedResponse, PolicyFetchError, PolicyFetchErrorKind, PolicyFetcher};
use crate::limiter::{BusyWith, Limiter, Peer, Rank, Refused, Told, Visitor};
use crate::local_fault::LocalFaultLog;
use crate::tls::CertificateFault;

/// Finds the policies of domains over DNS and HTTPS.
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
/// It remembers nothing: hand it the entry of your cache, and apply the outcome's update to it.
#[derive(Clone, Debug)]
pub struct Resolver {
    dns: DnsClient,
    fetcher: PolicyFetcher,
    config: LookupConfig,
    limiter: Limiter,
    local_faults: LocalFaultLog,
}

/// What a discovery came to, and what was seen on the way.
#[derive(Debug)]
#[non_exhaustive]
pub struct Discovery {
    /// The policy to apply or why there is none, what to remember, what to report.
    pub outcome: Outcome,
    /// Whom too many other lookups wait for: that is the local fault of the outcome, if it has one.
    pub busy: Option<BusyWith>,
    /// What DNS said of the record, if it was asked.
    pub txt: Option<Result<TxtAnswer, DnsError>>,
    /// What DNS said of the addresses of the Policy Host, if it was asked.
    pub policy_host: Option<Result<AddressAnswer, DnsError>>,
    /// What the Policy Host said, if it was asked.
    pub response: Option<Result<FetchedResponse, PolicyFetchError>>,
}

impl Resolver {
    /// A resolver over this DNS client and this fetcher, with the RFC's limits.
    ///
    /// Each discovery asks for itself. [`PolicyService`](crate::PolicyService) looks a domain up once for all who ask at a time.
    pub fn new(dns: DnsClient, fetcher: PolicyFetcher) -> Self {
        Self {
            dns,
            fetcher,
            config: LookupConfig::new(),
            limiter: Limiter::new(),
            local_faults: LocalFaultLog::default(),
        }
    }

    /// Sets how lookups go. The limits of the fetch are taken from here.
    #[must_use]
    pub fn with_config(mut self, config: LookupConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets how many fetches go on at once: from one address 8 by default, since a provider has the policies of many
    /// domains at one, and 256 in all. A /64 of IPv6 counts as one address, and behind a proxy the names below one
    /// domain do. 0 counts as 1. Clones of this resolver share the count.
    ///
    /// The others wait their turn, address by address, for 10 s at most. While they do, half of the places are held for 3 s
    /// at most, so that silent hosts keep nobody waiting for long, and addresses that were silent last share a quarter of
    /// all. A fetch that gets no place, or loses it, comes to [`Discovery::busy`].
    #[must_use]
    pub fn with_fetches_at_once(mut self, from_one_address: usize, in_all: usize) -> Self {
        self.limiter.set_fetches_at_once(from_one_address, in_all);
        self
    }

    /// Sets how many lookups ask DNS at once: 512 by default, an eighth of them for the names below one domain. 0 counts as 1.
    /// The others wait their turn as those of [`with_fetches_at_once`](Self::with_fetches_at_once) do.
    #[must_use]
    pub fn with_dns_lookups_at_once(mut self, lookups: usize) -> Self {
        self.limiter.set_dns_lookups_at_once(lookups);
        self
    }

    /// The same, where a discovery takes no longer than this: a quarter for each lookup of DNS, the rest for the fetch.
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

    /// How lookups go.
    pub const fn lookup_config(&self) -> &LookupConfig {
        &self.config
    }

    /// How many lookups failed for a fault of this machine, its network or its proxy.
    pub(crate) fn local_faults(&self) -> u64 {
        self.local_faults.count()
    }

    /// The DNS client, to look up MX records with.
    pub fn dns(&self) -> &DnsClient {
        &self.dns
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Runs one policy discovery. `now` is when it begins; the time goes on from there.
    ///
    /// It takes at most the deadline of the DNS client and the timeout of a fetch, 60 s (RFC 8461, 3.3), besides 10 s for
    /// each turn that it waits for where many lookups go on at once. Whatever goes wrong is told in the outcome.
    // Meets S90, S91.
    pub async fn discover(
        &self,
        domain: PolicyDomain,
        purpose: Purpose,
        cached: Option<&CacheEntry>,
        now: UnixTime,
    ) -> Discovery {
        self.discover_with(domain, purpose, cached, now, &mut AtOnce).await
    }

    /// As [`Resolver::discover`], where something may come before the fetch.
    pub(crate) async fn discover_with(
        &self,
        domain: PolicyDomain,
        purpose: Purpose,
        cached: Option<&CacheEntry>,
        now: UnixTime,
        before_fetch: &mut impl BeforeFetch,
    ) -> Discovery {
        let start = Instant::now();
        let visitor = self.limiter.visitor(&domain);
        let mut known = cached.cloned();
        let (mut txt, mut policy_host, mut response, mut busy) = (None, None, None, None);
        let mut lookup = Lookup::new(domain.clone(), purpose, known.as_ref(), now, &self.config);
        let outcome = loop {
            let rank = Rank::of(known.as_ref(), now.saturating_add(start.elapsed()));
            let input = match lookup.poll_output() {
                Output::QueryTxt(query) => match &txt {
                    // A lookup that began anew gets the same answer.
                    Some(answer) => txt_input(answer),
                    None => match self.ask_txt(rank, &domain, query.name(), &visitor).await {
                        Ok(answer) => {
                            self.tell_local_fault(answer.as_ref().err());
                            txt_input(txt.insert(answer))
                        }
                        Err(with) => {
                            busy = Some(with);
                            Input::TxtFailed(TxtFailure::LocalFault)
                        }
                    },
                },
                Output::FetchPolicy(request) => match before_fetch.leave().await {
                    Leave::Fetch => {
                        let fetched =
                            self.fetch(rank, request, &visitor, &mut policy_host, &mut response).await;
                        fetched.unwrap_or_else(|with| {
                            busy = Some(with);
                            Input::FetchFailed(FetchFailure::LocalFault)
                        })
                    }
                    Leave::GoOnWith(entry, purpose) => {
                        let now = now.saturating_add(start.elapsed());
                        lookup = Lookup::new(domain.clone(), purpose, Some(&entry), now, &self.config);
                        known = Some(entry);
                        continue;
                    }
                },
                Output::Done(outcome) => break outcome.clone(),
            };
            // The answer is to the question that was just polled, so it is never refused.
            let handled = lookup.handle_input(input, now.saturating_add(start.elapsed()));
            debug_assert!(handled.is_ok(), "{handled:?}");
        };
        match busy {
            Some(with) if self.limiter.still_busy(&domain).is_none() => self.limiter.turn_away(&domain, with),
            None if visitor.is_retry => self.limiter.found(&domain),
            _ => {}
        }
        Discovery { outcome, busy, txt, policy_host, response }
    }

    /// Asks for the record. A domain that was just turned away waits a little, so that nobody comes to anything by asking
    /// again and again.
    async fn ask_txt(
        &self,
        rank: Rank,
        domain: &PolicyDomain,
        name: &str,
        visitor: &Visitor,
    ) -> Result<Result<TxtAnswer, DnsError>, BusyWith> {
        match self.limiter.still_busy(domain) {
            Some(with) if rank == Rank::Stranger => Err(with),
            _ => self.ask_dns(rank, name, visitor, self.dns.txt(name)).await,
        }
    }

    /// Asks DNS about a name, when it is its turn.
    async fn ask_dns<T>(
        &self,
        rank: Rank,
        name: &str,
        visitor: &Visitor,
        lookup: impl Future<Output = Result<T, DnsError>>,
    ) -> Result<Result<T, DnsError>, BusyWith> {
        let gate = &self.limiter.gates(rank).dns;
        match gate.ask(Peer::of_name(name), visitor, lookup, |answer| told(answer.as_ref().err())).await {
            Ok(answer) => Ok(answer),
            Err(Refused::Silent) => Ok(Err(DnsFailure::Timeout.into())),
            Err(Refused::Busy) => Err(BusyWith::Dns),
        }
    }

    /// Fetches a policy, everything within one timeout; the addresses of the Policy Host come from
    /// the same DNS as the record.
    async fn fetch(
        &self,
        rank: Rank,
        request: &PolicyRequest,
        visitor: &Visitor,
        policy_host: &mut Option<Result<AddressAnswer, DnsError>>,
        response: &mut Option<Result<FetchedResponse, PolicyFetchError>>,
    ) -> Result<Input<'static>, BusyWith> {
        let mut left = request.timeout();
        let addresses = async {
            // The Policy Host is not to blame for a wait before this.
            let start = Instant::now();
            let found = timeout(left, self.dns.addresses(request.host())).await;
            left = left.saturating_sub(start.elapsed()).max(Duration::from_millis(1));
            found.unwrap_or_else(|_| Err(self.dns.timed_out().into()))
        };
        let addresses = self.ask_dns(rank, request.host(), visitor, addresses).await?;
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
        let fetcher = fetcher.through(&self.limiter.gates(rank).fetches, visitor);
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

    fn tell_local_fault(&self, error: Option<&DnsError>) {
        if let Some(DnsError::Failed(failure)) = error
            && failure.is_local()
        {
            self.local_faults.tell(&format_args!("DNS: {failure}"), None);
        }
    }
}

/// What comes before a fetch: with a store that machines share, their agreement on who fetches.
pub(crate) trait BeforeFetch: Send {
    fn leave(&mut self) -> impl Future<Output = Leave> + Send;
}

/// How a lookup that would fetch goes on.
pub(crate) enum Leave {
    Fetch,
    /// It begins anew: this is known by now.
    GoOnWith(CacheEntry, Purpose),
}

/// What an answer of DNS tells of the zone.
pub(crate) fn told(error: Option<&DnsError>) -> Told {
    match error {
        Some(DnsError::Failed(DnsFailure::Timeout)) => Told::TimedOut,
        Some(DnsError::Failed(failure)) if failure.is_local() => Told::Nothing,
        _ => Told::Answered,
    }
}

/// Nobody else fetches.
struct AtOnce;

impl BeforeFetch for AtOnce {
    async fn leave(&mut self) -> Leave {
        Leave::Fetch
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
