//! The HTTPS GET of a policy (RFC 8461, 3.3).

mod failure;
mod post;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::response::Parts;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use mta_sts_core::HttpResponse;
use rustls::pki_types::DnsName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

pub use self::failure::{PolicyFetchError, PolicyFetchErrorKind};
pub use self::post::{ReportPostError, ReportPoster};
use crate::limiter::{Aborted, Busy, FairSemaphore, Peer, Permit, Requester};
use crate::local_fault::Reach;
use crate::private_address::is_private;
use crate::tls::{
    OnCertificateFault, PeerCertificate, ServerNameIndication, TlsFailure, TlsSession, TlsVersion,
    TrustStore, handshake,
};

/// Fetches policies over HTTPS.
///
/// ```no_run
/// use mta_sts_resolver::{PolicyFetcher, TrustStore};
///
/// # async fn fetch() -> Result<(), Box<dyn std::error::Error>> {
/// let fetcher = PolicyFetcher::new(TrustStore::platform()?);
/// let response = fetcher.fetch("mta-sts.recipient.test", &["192.0.2.1".parse()?]).await?;
/// println!("{} {:?}", response.status, response.body);
/// # Ok(())
/// # }
/// ```
///
/// Redirects are not followed and HTTP caches are not used (RFC 8461, 3.3): the response is returned as it is, whatever
/// its status. TLS is 1.2 or later, with the policy host in SNI (RFC 8461, 7). The proxies of the environment are not
/// used.
#[derive(Clone, Debug)]
pub struct PolicyFetcher {
    trust_store: TrustStore,
    port: u16,
    timeout: Duration,
    max_body_len: usize,
    proxy: Option<SocketAddr>,
    semaphore: Option<(FairSemaphore, Requester)>,
    refuses_private_addresses: bool,
    reach: Reach,
}

impl PolicyFetcher {
    /// A fetcher that trusts these roots, with the limits suggested in RFC 8461, 3.3.
    pub fn new(trust_store: TrustStore) -> Self {
        Self {
            trust_store,
            port: 443,
            timeout: Duration::from_secs(60),
            max_body_len: 65_536,
            proxy: None,
            semaphore: None,
            refuses_private_addresses: false,
            reach: Reach::default(),
        }
    }

    /// Sets the port to connect to. Default: 443. It changes neither `Host` nor the URL of the policy: other ports are
    /// meant for tests and closed networks.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the time limit from the first connection to the last byte of the body. Default: 60 s (RFC 8461, 3.3). With
    /// 0 every fetch fails; with a long one, a slow policy host can delay mail.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the maximum length of a body, in bytes. Default: 65,536 (RFC 8461, 3.3). A longer body is an error.
    #[must_use]
    pub fn with_max_body_len(mut self, bytes: usize) -> Self {
        self.max_body_len = bytes;
        self
    }

    /// Sets an HTTP proxy to use with `CONNECT`. Default: none. The proxy resolves the policy host itself, so the
    /// addresses passed to [`fetch`](Self::fetch) are not used. TLS is end-to-end with the policy host.
    ///
    /// If the proxy does not open a tunnel, for whatever reason, that is a [local
    /// fault](PolicyFetchErrorKind::LocalFault): it gives the same response, 502 or none, when the policy host is down
    /// and when its own network is.
    #[must_use]
    pub fn with_proxy(mut self, proxy: SocketAddr) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Acquires a permit for each address before connecting to it.
    pub(crate) fn through(mut self, semaphore: &FairSemaphore, requester: &Requester) -> Self {
        self.semaphore = Some((semaphore.clone(), requester.clone()));
        self
    }

    /// Sets whether to refuse addresses that are not on the public Internet: loopback, private, shared, link-local,
    /// unique-local, documentation, multicast, and other special-purpose addresses, and IPv6 addresses that embed such
    /// IPv4 addresses. If a policy host has other addresses too, those are tried.
    ///
    /// Default: off. A domain owner who points a policy host at this machine's network causes a TLS handshake and a
    /// fixed GET request there, and learns only how long they took; on the other hand, a domain within a company may
    /// well have its policy host there. A proxy resolves the policy host itself, and must do its own filtering.
    #[must_use]
    pub fn with_private_addresses_refused(mut self, refuse: bool) -> Self {
        self.refuses_private_addresses = refuse;
        self
    }

    /// Fetches `https://{policy_host}/.well-known/mta-sts.txt` from the first of `addresses` that answers.
    ///
    /// The policy host is an ASCII name; one trailing dot is ignored. At most 8 addresses are tried, IPv6 and IPv4
    /// alternately, each with a share of the remaining time. The body is read only for status 200, and is empty
    /// otherwise.
    ///
    /// # Errors
    ///
    /// [`PolicyFetchError`] if no address gives a complete response: of several failures, the most informative one.
    // Meets S24, S44, S45, S46, S47, S50, S51, S54, S60, S64, A23, A27.
    pub async fn fetch(
        &self,
        policy_host: &str,
        addresses: &[IpAddr],
    ) -> Result<FetchedResponse, PolicyFetchError> {
        let name = policy_host.strip_suffix('.').unwrap_or(policy_host).to_ascii_lowercase();
        let Ok(host) = DnsName::try_from(name) else {
            return Err(PolicyFetchError::new(PolicyFetchErrorKind::InvalidPolicyHost, "not a DNS name"));
        };
        let mut deadline = deadline_after(self.timeout);
        let (peers, mut failure) = self.peers(addresses);
        for (tried, peer) in peers.iter().enumerate() {
            let waiting_since = Instant::now();
            let permit = match &self.semaphore {
                Some((semaphore, requester)) => {
                    semaphore.acquire(self.counted_as(*peer, &host), requester).await.map(Some)
                }
                None => Ok(None),
            };
            // The wait is not the fault of the Policy Host.
            deadline += waiting_since.elapsed();
            let attempt = Attempt {
                fetcher: self,
                host: &host,
                peer: *peer,
                connect_by: share_of(deadline, peers.len() - tried),
                deadline,
                on_fault: OnCertificateFault::Abort,
            };
            let attempted = match permit {
                Ok(Some(permit)) => attempt.run_with(permit).await,
                Ok(None) => attempt.run().await,
                Err(Busy) => Err(busy()),
            };
            match attempted {
                Ok(response) => return Ok(response),
                Err(next) => {
                    let next = next.at(*peer);
                    let is_final = next.kind() == PolicyFetchErrorKind::BodyTooLarge;
                    if tried == 0 || is_final || next.kind().weight() > failure.kind().weight() {
                        failure = next;
                    }
                    if is_final || Instant::now() >= deadline {
                        break;
                    }
                }
            }
        }
        Err(failure)
    }

    /// The addresses to connect to, and the error if none of them responds.
    fn peers(&self, addresses: &[IpAddr]) -> (Vec<SocketAddr>, PolicyFetchError) {
        let peers: Vec<_> = if let Some(proxy) = self.proxy {
            vec![proxy]
        } else {
            let mut permitted = addresses.to_vec();
            permitted.retain(|address| !(self.refuses_private_addresses && is_private(*address)));
            in_turn(&permitted).map(|address| SocketAddr::new(address, self.port)).collect()
        };
        let failure = if peers.is_empty() && !addresses.is_empty() {
            PolicyFetchError::new(
                PolicyFetchErrorKind::AddressRefused,
                "every address is private, which is refused",
            )
        } else {
            PolicyFetchError::new(PolicyFetchErrorKind::Connect, "no address to connect to")
        };
        (peers, failure)
    }

    /// The certificate that a policy host presents to a client without SNI, unlike any sender (RFC 8461, 7.1), or its
    /// TLS failure; `None` if it could not be determined.
    ///
    /// `peer` is the address that gave the response. No request is made.
    pub(crate) async fn certificate_without_sni(
        &self,
        policy_host: &str,
        peer: SocketAddr,
    ) -> Option<Result<PeerCertificate, TlsFailure>> {
        let host = DnsName::try_from(policy_host.to_ascii_lowercase()).ok()?;
        let deadline = deadline_after(self.timeout);
        let on_fault = OnCertificateFault::RecordAndContinue;
        let attempt = Attempt { fetcher: self, host: &host, peer, connect_by: deadline, deadline, on_fault };
        let shown = async {
            let transport = attempt.connect().await.ok()?;
            match attempt.handshake(transport, ServerNameIndication::LeftOut).await {
                Ok((mut stream, session)) => {
                    // The certificate is all that was needed.
                    let _ = stream.shutdown().await;
                    Some(Ok(session.into_certificate()))
                }
                Err(failure) => failure.is_refusal().then_some(Err(failure)),
            }
        };
        timeout_at(deadline, shown).await.ok().flatten()
    }

    /// The peer for the limiter: behind a proxy the address is unknown, so it is the name.
    fn counted_as(&self, peer: SocketAddr, host: &DnsName<'_>) -> Peer {
        match self.proxy {
            None => Peer::of_address(peer.ip()),
            Some(_) => Peer::of_name(host.as_ref()),
        }
    }
}

/// The response of a policy host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchedResponse {
    /// The status code. Only 200 can carry a policy (RFC 8461, 3.3).
    pub status: u16,
    /// The header field `Content-Type`; several are joined with `, `, which is not a valid media type.
    pub content_type: Option<Vec<u8>>,
    /// The body as sent, without decoding any content coding; empty unless the status is 200.
    pub body: Vec<u8>,
    /// The address of the policy host, or of the proxy.
    pub peer: SocketAddr,
    /// The version of TLS.
    pub tls_version: TlsVersion,
    /// The certificate of the policy host, which is valid for it.
    pub certificate: PeerCertificate,
    /// The header field `Content-Encoding`: none was requested, and with one the body is not a policy.
    pub content_encoding: Option<Vec<u8>>,
    /// The header field `Location`: the target of a redirect, which no sender follows.
    pub location: Option<Vec<u8>>,
}

impl<'a> From<&'a FetchedResponse> for HttpResponse<'a> {
    /// Converts the response for the core.
    fn from(response: &'a FetchedResponse) -> Self {
        let answer = Self::new(response.status, &response.body[..]);
        match &response.content_type {
            Some(content_type) => answer.with_content_type(&content_type[..]),
            None => answer,
        }
    }
}

/// The attempt at one address, from the connection to the last byte of the body.
struct Attempt<'a> {
    fetcher: &'a PolicyFetcher,
    host: &'a DnsName<'static>,
    peer: SocketAddr,
    connect_by: Instant,
    deadline: Instant,
    on_fault: OnCertificateFault,
}

impl Attempt<'_> {
    /// The same as [`Attempt::run`], for as long as the permit may be held.
    async fn run_with(&self, mut permit: Permit) -> Result<FetchedResponse, PolicyFetchError> {
        match permit.run(self.run()).await {
            Ok(Err(error)) if error.kind() == PolicyFetchErrorKind::Timeout => {
                permit.timed_out();
                Err(error)
            }
            // This says nothing about the peer.
            Ok(Err(error)) if error.kind() == PolicyFetchErrorKind::LocalFault => Err(error),
            Ok(done) => {
                permit.answered();
                done
            }
            Err(Aborted { is_unresponsive: true }) => {
                Err(timed_out("early, because other fetches were waiting"))
            }
            Err(Aborted { is_unresponsive: false }) => Err(busy()),
        }
    }

    async fn run(&self) -> Result<FetchedResponse, PolicyFetchError> {
        let (stream, session) = self.open().await?;
        let response = timeout_at(self.deadline, self.get(stream));
        let (parts, body) = response.await.map_err(|_| timed_out(WAITING))??;
        Ok(FetchedResponse {
            status: parts.status.as_u16(),
            content_type: joined(&parts.headers, &header::CONTENT_TYPE),
            body,
            peer: self.peer,
            tls_version: session.version(),
            certificate: session.into_certificate(),
            content_encoding: joined(&parts.headers, &header::CONTENT_ENCODING),
            location: joined(&parts.headers, &header::LOCATION),
        })
    }

    /// Opens a TLS connection, on which no request has been made yet.
    async fn open(&self) -> Result<(Box<dyn Stream>, TlsSession), PolicyFetchError> {
        let transport = timeout_at(self.connect_by, self.connect()).await.map_err(|_| {
            if self.fetcher.proxy.is_some() {
                proxy_fault("it opened no tunnel in time")
            } else {
                timed_out("while connecting")
            }
        })??;
        let secured = timeout_at(self.connect_by, self.secure(transport));
        secured.await.map_err(|_| timed_out("in the TLS handshake"))?
    }

    /// Connects over TCP, and through the proxy if there is one.
    async fn connect(&self) -> Result<Box<dyn Stream>, PolicyFetchError> {
        let connected = TcpStream::connect(self.peer).await;
        if self.fetcher.proxy.is_some() {
            return self.tunnel(connected.map_err(proxy_fault)?).await;
        }
        match connected {
            Ok(tcp) => {
                self.fetcher.reach.has_spoken_with(self.peer.ip());
                Ok(Box::new(tcp))
            }
            Err(error) => {
                let is_local = self.fetcher.reach.is_local(&error, self.peer.ip());
                let kind =
                    if is_local { PolicyFetchErrorKind::LocalFault } else { PolicyFetchErrorKind::Connect };
                Err(PolicyFetchError::new(kind, error.to_string()))
            }
        }
    }

    async fn secure(
        &self,
        transport: Box<dyn Stream>,
    ) -> Result<(Box<dyn Stream>, TlsSession), PolicyFetchError> {
        let (stream, session) = self
            .handshake(transport, ServerNameIndication::Sent)
            .await
            .map_err(|failure| PolicyFetchError::tls(&failure))?;
        Ok((Box::new(stream), session))
    }

    async fn handshake(
        &self,
        transport: Box<dyn Stream>,
        indication: ServerNameIndication,
    ) -> Result<(TlsStream<Box<dyn Stream>>, TlsSession), TlsFailure> {
        handshake(transport, self.host, &self.fetcher.trust_store, self.on_fault, indication).await
    }

    async fn tunnel(&self, proxy: TcpStream) -> Result<Box<dyn Stream>, PolicyFetchError> {
        let authority = format!("{}:{}", self.host.as_ref(), self.fetcher.port);
        let request = Request::connect(&authority)
            .header(header::HOST, &authority)
            .body(Empty::<Bytes>::new())
            .map_err(|error| {
                PolicyFetchError::new(PolicyFetchErrorKind::InvalidPolicyHost, error.to_string())
            })?;

        let (mut sender, connection) =
            http1_client().handshake(TokioIo::new(proxy)).await.map_err(proxy_fault)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(proxy_fault)?;
            if !response.status().is_success() {
                return Err(proxy_fault(format_args!("it responded with {}", response.status().as_u16())));
            }
            hyper::upgrade::on(response).await.map_err(proxy_fault)
        };
        let tunnel = drive(connection.with_upgrades(), exchange).await?;
        Ok(Box::new(TokioIo::new(tunnel)))
    }

    async fn get(&self, stream: Box<dyn Stream>) -> Result<(Parts, Vec<u8>), PolicyFetchError> {
        let request = Request::get(POLICY_PATH)
            .header(header::HOST, self.host.as_ref())
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "text/plain")
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|error| {
                PolicyFetchError::new(PolicyFetchErrorKind::InvalidPolicyHost, error.to_string())
            })?;

        let (mut sender, connection) =
            http1_client().handshake(TokioIo::new(stream)).await.map_err(PolicyFetchError::http)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(PolicyFetchError::http)?;
            let (parts, body) = response.into_parts();
            let body = match parts.status {
                StatusCode::OK => self.body_of(body).await?,
                _ => Vec::new(),
            };
            Ok((parts, body))
        };
        drive(connection, exchange).await
    }

    async fn body_of(&self, body: Incoming) -> Result<Vec<u8>, PolicyFetchError> {
        let limit = self.fetcher.max_body_len;
        let too_large = || {
            PolicyFetchError::new(
                PolicyFetchErrorKind::BodyTooLarge,
                format!("the body is longer than {limit} bytes"),
            )
        };
        if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(too_large());
        }
        match Limited::new(body, limit).collect().await {
            Ok(collected) => Ok(collected.to_bytes().to_vec()),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
            Err(error) => Err(PolicyFetchError::http(error)),
        }
    }
}

/// Any bidirectional byte stream.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Drives an HTTP connection for the duration of one exchange.
async fn drive<T>(
    connection: impl Future<Output = hyper::Result<()>>,
    exchange: impl Future<Output = Result<T, PolicyFetchError>>,
) -> Result<T, PolicyFetchError> {
    let mut connection = pin!(connection);
    let mut exchange = pin!(exchange);
    let mut connected = true;
    loop {
        tokio::select! {
            result = &mut exchange => return result,
            // If it ends with an error, the exchange gets that too.
            _ = &mut connection, if connected => connected = false,
        }
    }
}

fn http1_client() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_headers(100).max_header_size(MAX_HEADER_LEN).max_buf_size(MAX_HEADER_LEN);
    builder
}

/// Combines fields of the same name as HTTP does (RFC 9110, 5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> = headers.get_all(name).iter().map(header::HeaderValue::as_bytes).collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}

/// Alternates IPv6 and IPv4, starting with the family of the first address, so that a family without a route does not
/// use up the attempts (RFC 8305, 4).
fn in_turn(addresses: &[IpAddr]) -> impl Iterator<Item = IpAddr> {
    let first_is_ipv6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (first, second): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv6() == first_is_ipv6);
    let length = first.len().max(second.len());
    (0..length)
        .flat_map(move |index| [first.get(index).copied(), second.get(index).copied()])
        .flatten()
        .take(MAX_ADDRESSES)
}

/// The time by which one of `attempts` must be connected, so that the others have equal shares.
fn share_of(deadline: Instant, attempts: usize) -> Instant {
    let now = Instant::now();
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX).max(1);
    now + deadline.saturating_duration_since(now) / attempts
}

/// A duration beyond the range of the clock is replaced by a year.
fn deadline_after(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(Duration::from_secs(31_536_000))
}

fn timed_out(when: &str) -> PolicyFetchError {
    PolicyFetchError::new(PolicyFetchErrorKind::Timeout, format!("timed out {when}"))
}

fn busy() -> PolicyFetchError {
    PolicyFetchError::new(PolicyFetchErrorKind::Busy, "too many fetches are waiting for this address")
}

fn proxy_fault(what: impl fmt::Display) -> PolicyFetchError {
    PolicyFetchError::new(PolicyFetchErrorKind::LocalFault, format!("the proxy failed: {what}"))
}

const WAITING: &str = "while waiting for the response";
const POLICY_PATH: &str = "/.well-known/mta-sts.txt";
const USER_AGENT: &str = concat!("mta-sts/", env!("CARGO_PKG_VERSION"));
const MAX_ADDRESSES: usize = 8;
const MAX_HEADER_LEN: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let addresses: Vec<IpAddr> = ["::1", "::2", "::3", "127.0.0.1"].map(|a| a.parse().unwrap()).into();
        let order: Vec<String> = in_turn(&addresses).map(|a| a.to_string()).collect();
        assert_eq!(order, ["::1", "127.0.0.1", "::2", "::3"]);
    }

    #[test]
    fn a_host_with_a_thousand_addresses_gets_eight_tries() {
        let addresses = vec![IpAddr::from([127, 0, 0, 2]); 1000];
        assert_eq!(in_turn(&addresses).count(), 8);
    }
}
