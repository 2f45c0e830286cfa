//! A Policy Host: from connections to answers.

mod answer;
mod connection;
mod listener;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use self::connection::Handshakes;
pub use self::listener::PlainListener;
use crate::certificates::Certificates;
use crate::counts::{Count, PublisherCounts};
use crate::places::{Place, Places};
use crate::policies::HostedPolicies;
use crate::receiver::ReportReceiver;

/// The limits of a [`PolicyHostServer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyHostConfig {
    max_connections: usize,
    max_connections_per_client: usize,
    handshake_timeout: Duration,
    head_timeout: Duration,
    request_timeout: Duration,
    connection_timeout: Duration,
    stop_within: Duration,
}

impl PolicyHostConfig {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            max_connections: 1024,
            max_connections_per_client: 32,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            connection_timeout: Duration::from_secs(60),
            stop_within: Duration::from_secs(10),
        }
    }

    /// Sets the maximum number of open connections; more of them wait. Default: 1024.
    #[must_use]
    pub const fn with_max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Sets the maximum number of open connections of one client, an IPv4 address or a /64 of IPv6; more are closed at
    /// once. Default: 32. It does not apply to reverse proxies at a [`PlainListener`].
    #[must_use]
    pub const fn with_max_connections_per_client(mut self, connections: usize) -> Self {
        self.max_connections_per_client = connections;
        self
    }

    /// Sets the time limit for a TLS handshake. Default: 10 s.
    #[must_use]
    pub const fn with_handshake_timeout(mut self, time: Duration) -> Self {
        self.handshake_timeout = time;
        self
    }

    /// Sets the time limit for the head of a request, from the end of the request before. Default: 10 s.
    #[must_use]
    pub const fn with_head_timeout(mut self, time: Duration) -> Self {
        self.head_timeout = time;
        self
    }

    /// Sets the time limit for the rest of a request and its answer. Default: 30 s. It is also what a client has to take leave.
    #[must_use]
    pub const fn with_request_timeout(mut self, time: Duration) -> Self {
        self.request_timeout = time;
        self
    }

    /// Sets the time after which a connection takes no further request. Default: 60 s. Those that it has are answered.
    #[must_use]
    pub const fn with_connection_timeout(mut self, time: Duration) -> Self {
        self.connection_timeout = time;
        self
    }

    /// Sets the time for which requests are still answered at the end of the server. Default: 10 s.
    #[must_use]
    pub const fn with_stop_within(mut self, time: Duration) -> Self {
        self.stop_within = time;
        self
    }
}

impl Default for PolicyHostConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// Serves the policies of many domains (RFC 8461, 3.3).
///
/// ```no_run
/// use std::sync::Arc;
///
/// use mta_sts_publisher::{
///     CertificateFiles, CertificateSource, Certificates, HostedPolicies, PolicyHostConfig,
///     PolicyHostServer, PolicySource,
/// };
/// use tokio::net::TcpListener;
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let source = PolicySource::Folder("/etc/mtasts/policies".into());
/// let (policies, _faults) = HostedPolicies::read(&source, &HostedPolicies::default())?;
/// let certificates = Arc::new(Certificates::new());
/// CertificateFiles::new(CertificateSource::Folder("/etc/letsencrypt/live".into())).load(&certificates);
/// let server = PolicyHostServer::new(policies, certificates, PolicyHostConfig::new());
/// let listener = TcpListener::bind("[::]:443").await?;
/// server.serve(vec![listener], Vec::new(), std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
///
/// A policy is sent with `text/plain` in answer to GET and HEAD of `/.well-known/mta-sts.txt`, over HTTP/1.1 or HTTP/2.
/// Everything else gets 404, and other methods 405. It never redirects, since senders follow no redirect (RFC 8461,
/// 3.3).
///
/// The domain is that of the request's host. It has to be the name in the handshake (SNI), or another one of the
/// certificate used for that; otherwise the answer is 421. A client without SNI gets an answer only where there is just
/// one domain.
///
/// All domains share one TLS configuration and no task: a domain costs the memory of its name.
// Meets S92, S95.
#[derive(Clone, Debug)]
pub struct PolicyHostServer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    policies: Arc<RwLock<Arc<HostedPolicies>>>,
    certificates: Arc<Certificates>,
    config: PolicyHostConfig,
    receiver: Option<(ReportReceiver, String)>,
    handshakes: Handshakes,
    connections: Arc<Semaphore>,
    places: Places,
    counted: Counted,
}

#[derive(Debug, Default)]
struct Counted {
    connected: AtomicU64,
    connections: Count,
    turned_away: Count,
    failed_handshakes: Count,
    unknown_names: Arc<Count>,
    policies: Count,
    not_found: Count,
    misdirected: Count,
    refused: Count,
}

impl PolicyHostServer {
    /// A server of these policies, under these certificates.
    pub fn new(policies: HostedPolicies, certificates: Arc<Certificates>, config: PolicyHostConfig) -> Self {
        let policies = Arc::new(RwLock::new(Arc::new(policies)));
        let counted = Counted::default();
        let handshakes = Handshakes::new(
            Arc::clone(&policies),
            Arc::clone(&certificates),
            Arc::clone(&counted.unknown_names),
        );
        let connections = Arc::new(Semaphore::new(config.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let places = Places::default();
        let shared = Shared {
            policies,
            certificates,
            config,
            receiver: None,
            handshakes,
            connections,
            places,
            counted,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Receives TLS reports too: each POST to this path, such as `/tlsrpt`, of every host that it has a certificate for.
    ///
    /// # Panics
    ///
    /// Panics if the server has been cloned before.
    #[must_use]
    pub fn with_receiver(mut self, receiver: ReportReceiver, path: &str) -> Self {
        let shared = Arc::get_mut(&mut self.shared).expect("the server must not have been cloned");
        shared.receiver = Some((receiver, path.to_owned()));
        self
    }

    /// The policies that are served now.
    pub fn policies(&self) -> Arc<HostedPolicies> {
        self.shared.policies()
    }

    /// Replaces all policies at once.
    pub fn set_policies(&self, policies: HostedPolicies) {
        *self.shared.policies.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
    }

    /// The certificates.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.shared.certificates
    }

    /// What it has done.
    pub fn counts(&self) -> PublisherCounts {
        let counted = &self.shared.counted;
        let receiver = self.shared.receiver.as_ref().map(|(receiver, _)| receiver.counts());
        let (reports, refused_reports) = receiver.unwrap_or_default();
        PublisherCounts {
            domains: self.policies().len() as u64,
            connected: counted.connected.load(Ordering::Relaxed),
            connections: counted.connections.get(),
            turned_away: counted.turned_away.get(),
            failed_handshakes: counted.failed_handshakes.get(),
            unknown_names: counted.unknown_names.get(),
            policies: counted.policies.get(),
            not_found: counted.not_found.get(),
            misdirected: counted.misdirected.get(),
            refused: counted.refused.get(),
            reports,
            refused_reports,
        }
    }

    /// Serves TLS on the first listeners, and plain HTTP for reverse proxies on the others, until `stop` is ready. Open
    /// requests are then answered, within the time for it.
    pub async fn serve(
        &self,
        tls: Vec<TcpListener>,
        plain: Vec<PlainListener>,
        stop: impl Future<Output = ()>,
    ) {
        let (stopping, is_stopping) = watch::channel(false);
        let mut accepting = tokio::task::JoinSet::new();
        for listener in tls {
            accepting.spawn(Arc::clone(&self.shared).accept_tls(listener, is_stopping.clone()));
        }
        for listener in plain {
            accepting.spawn(Arc::clone(&self.shared).accept_plain(listener, is_stopping.clone()));
        }
        stop.await;
        accepting.shutdown().await;
        // Connections hold receivers, and are told.
        let _ = stopping.send(true);
        let all = self.shared.config.max_connections.clamp(1, Semaphore::MAX_PERMITS);
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        if timeout(self.shared.config.stop_within, self.shared.connections.acquire_many(all)).await.is_err() {
            tracing::debug!("connections were closed before their requests were answered");
        }
    }
}

#[cfg(fuzzing)]
impl PolicyHostServer {
    /// Answers the requests of a stream as those of a connection whose handshake had this name; for the fuzz target `publisher`.
    pub async fn answer_stream<S>(&self, stream: S, sni: Option<String>)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let visit = Arc::new(answer::Visit::new(answer::Arrival::Tls { sni }));
        let (_running, stopping) = watch::channel(false);
        Arc::clone(&self.shared).http_1(stream, visit, stopping).await;
    }
}

impl Shared {
    fn policies(&self) -> Arc<HostedPolicies> {
        Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn accept_tls(self: Arc<Self>, listener: TcpListener, stopping: watch::Receiver<bool>) {
        loop {
            let Some((permit, (stream, peer))) = self.next(|| listener.accept()).await else { return };
            let peer: SocketAddr = peer;
            let Some(place) = self.places.take(peer.ip(), self.config.max_connections_per_client) else {
                self.counted.turned_away.increment();
                continue;
            };
            let (open, stopping) = (Open::new(&self, permit, Some(place)), stopping.clone());
            tokio::spawn(async move { Arc::clone(&open.shared).tls_connection(stream, stopping).await });
        }
    }

    async fn accept_plain(self: Arc<Self>, listener: PlainListener, stopping: watch::Receiver<bool>) {
        loop {
            let Some((permit, stream)) = self.next(|| listener.accept()).await else { return };
            let (open, stopping) = (Open::new(&self, permit, None), stopping.clone());
            tokio::spawn(async move { Arc::clone(&open.shared).plain_connection(stream, stopping).await });
        }
    }

    /// The next connection, once there is a place for it.
    async fn next<S, F>(&self, accept: impl Fn() -> F) -> Option<(OwnedSemaphorePermit, S)>
    where
        F: Future<Output = io::Result<S>>,
    {
        // Never closed.
        let permit = Arc::clone(&self.connections).acquire_owned().await.ok()?;
        loop {
            match accept().await {
                Ok(accepted) => {
                    self.counted.connections.increment();
                    return Some((permit, accepted));
                }
                Err(error) => {
                    // Such as too many open files: it passes when a client leaves.
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

/// An open connection: what it holds until its end.
struct Open {
    shared: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
    _place: Option<Place>,
}

impl Open {
    fn new(shared: &Arc<Shared>, permit: OwnedSemaphorePermit, place: Option<Place>) -> Self {
        shared.counted.connected.fetch_add(1, Ordering::Relaxed);
        Self { shared: Arc::clone(shared), _permit: permit, _place: place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.counted.connected.fetch_sub(1, Ordering::Relaxed);
    }
}
