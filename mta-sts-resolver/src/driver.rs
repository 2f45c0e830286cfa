//! Policy discovery over real DNS and HTTPS: runs a `Lookup` to its end.

use std::time::Duration;

use mta_sts_core::{
    CacheEntry, FetchFailure, HttpResponse, Input, Lookup, LookupConfig, Outcome, Output, PolicyDomain,
    PolicyRequest, Purpose, TxtFailure, UnixTime,
};
use tokio::time::{Instant, timeout};

use crate::dns::{AddressAnswer, DnsClient, DnsError, DnsFailure, TxtAnswer};
use crate::fetch::{FetchedResponse, PolicyFetchError, PolicyFetchErrorKind, PolicyFetcher};
use crate::tls::CertificateFault;
use crate::turnstile::Turnstile;

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
    turnstile: Turnstile,
}

/// What a discovery came to, and what was seen on the way.
#[derive(Debug)]
#[non_exhaustive]
pub struct Discovery {
    /// The policy to apply or why there is none, what to remember, what to report.
    pub outcome: Outcome,
    /// What DNS said of the record, if it was asked.
    pub txt: Option<Result<TxtAnswer, DnsError>>,
    /// What DNS said of the addresses of the Policy Host, if it was asked.
    pub policy_host: Option<Result<AddressAnswer, DnsError>>,
    /// What the Policy Host said, if it was asked.
    pub response: Option<Result<FetchedResponse, PolicyFetchError>>,
}

impl Resolver {
    /// A resolver over this DNS client and this fetcher, with the RFC's limits.
    pub fn new(dns: DnsClient, fetcher: PolicyFetcher) -> Self {
        Self { dns, fetcher, config: LookupConfig::new(), turnstile: Turnstile::new(8, 256) }
    }

    /// Sets how lookups go. The limits of the fetch are taken from here.
    #[must_use]
    pub fn config(mut self, config: LookupConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets how many fetches go on at once: from one address 8 by default, since a provider has the policies of many
    /// domains at one, and 256 in all. 0 counts as 1. The others wait their turn; clones of this resolver share the count.
    #[must_use]
    pub fn fetches_at_once(mut self, from_one_address: usize, in_all: usize) -> Self {
        self.turnstile = Turnstile::new(from_one_address, in_all);
        self
    }

    /// The same, where a discovery takes no longer than this: a quarter for each lookup of DNS, the rest for the fetch.
    pub(crate) fn within(&self, timeout: Duration) -> Self {
        let dns = self.dns.within(timeout / 4);
        let mut config = self.config.clone();
        let fetch = config.fetch_limits().timeout().min(timeout - timeout / 4);
        config.fetch_limits_mut().set_timeout(fetch);
        Self { dns, config, ..self.clone() }
    }

    pub(crate) fn fetcher(&self) -> &PolicyFetcher {
        &self.fetcher
    }

    /// How lookups go.
    pub const fn lookup_config(&self) -> &LookupConfig {
        &self.config
    }

    /// The DNS client, to look up MX records with.
    pub fn dns(&self) -> &DnsClient {
        &self.dns
    }

    /// Runs one policy discovery. `now` is when it begins; the time goes on from there.
    ///
    /// It takes at most the deadline of the DNS client and the timeout of a fetch, 60 s (RFC 8461, 3.3), besides waiting for
    /// its turn where many fetches go on at once. Whatever goes wrong is told in the outcome.
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
        let (mut txt, mut policy_host, mut response) = (None, None, None);
        let mut lookup = Lookup::new(domain.clone(), purpose, cached, now, &self.config);
        let outcome = loop {
            let input = match lookup.poll_output() {
                Output::QueryTxt(query) => {
                    // A lookup that began anew gets the same answer.
                    if txt.is_none() {
                        txt = Some(self.dns.txt(query.name()).await);
                    }
                    match &txt {
                        Some(answer) => txt_input(answer),
                        None => continue,
                    }
                }
                Output::FetchPolicy(request) => match before_fetch.leave().await {
                    Leave::Fetch => self.fetch(request, &mut policy_host, &mut response).await,
                    Leave::GoOnWith(entry, purpose) => {
                        let now = now.saturating_add(start.elapsed());
                        lookup = Lookup::new(domain.clone(), purpose, Some(&entry), now, &self.config);
                        continue;
                    }
                },
                Output::Done(outcome) => break outcome.clone(),
            };
            // The answer is to the question that was just polled, so it is never refused.
            let handled = lookup.handle_input(input, now.saturating_add(start.elapsed()));
            debug_assert!(handled.is_ok(), "{handled:?}");
        };
        Discovery { outcome, txt, policy_host, response }
    }

    /// Fetches a policy, everything within one timeout; the addresses of the Policy Host come from
    /// the same DNS as the record.
    async fn fetch(
        &self,
        request: &PolicyRequest,
        policy_host: &mut Option<Result<AddressAnswer, DnsError>>,
        response: &mut Option<Result<FetchedResponse, PolicyFetchError>>,
    ) -> Input<'static> {
        let deadline = Instant::now() + request.timeout();
        let Ok(addresses) = timeout(request.timeout(), self.dns.addresses(request.host())).await else {
            return Input::FetchFailed(FetchFailure::Timeout);
        };
        let addresses = match policy_host.insert(addresses) {
            Ok(answer) => &answer.addresses,
            Err(DnsError::NotFound(_)) => return Input::FetchFailed(FetchFailure::HostNotFound),
            Err(DnsError::Failed(_)) => return Input::FetchFailed(FetchFailure::HostDnsFailed),
        };
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        // The Policy Host is not to blame for the wait: its time begins afterwards.
        let _turn = match addresses.first() {
            Some(address) => Some(self.turnstile.enter(*address).await),
            None => None,
        };
        let fetcher = self.fetcher.clone().timeout(left).max_body_len(request.max_body_len());
        response_input(response.insert(fetcher.fetch(request.host(), addresses).await))
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

/// Nobody else fetches.
struct AtOnce;

impl BeforeFetch for AtOnce {
    async fn leave(&mut self) -> Leave {
        Leave::Fetch
    }
}

fn txt_input(answer: &Result<TxtAnswer, DnsError>) -> Input<'static> {
    match answer {
        Ok(answer) => Input::Txt { rrs: answer.records.clone(), ttl: answer.ttl },
        Err(DnsError::NotFound(absence)) => Input::TxtNotFound { ttl: absence.ttl.unwrap_or_default() },
        Err(DnsError::Failed(failure)) => Input::TxtFailed(match failure {
            DnsFailure::Timeout => TxtFailure::Timeout,
            DnsFailure::ServerFailure => TxtFailure::ServFail,
            DnsFailure::Bogus { .. } => TxtFailure::Bogus,
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
            PolicyFetchErrorKind::BodyTooLarge => FetchFailure::BodyTooLarge,
            PolicyFetchErrorKind::Certificate(CertificateFault::Expired) => FetchFailure::CertificateExpired,
            PolicyFetchErrorKind::Certificate(CertificateFault::HostMismatch) => {
                FetchFailure::CertificateHostMismatch
            }
            PolicyFetchErrorKind::Certificate(_) => FetchFailure::CertificateNotTrusted,
            PolicyFetchErrorKind::Connect => FetchFailure::Connect,
            PolicyFetchErrorKind::Timeout => FetchFailure::Timeout,
            PolicyFetchErrorKind::Tls => FetchFailure::TlsHandshake,
            _ => FetchFailure::Protocol,
        }),
    }
}
