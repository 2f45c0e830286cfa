//! A connection: the handshake, then HTTP in the version that both sides know.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Shared;
use super::answer::{Arrival, Visit};
use super::listener::PlainStream;
use crate::certificates::Certificates;
use crate::counts::Count;
use crate::policies::HostedPolicies;

/// The TLS of the server, one for all domains.
#[derive(Debug)]
pub(super) struct Handshakes {
    https: Arc<ServerConfig>,
}

impl Handshakes {
    pub(super) fn new(
        policies: Arc<RwLock<Arc<HostedPolicies>>>,
        certificates: Arc<Certificates>,
        unknown_names: Arc<Count>,
    ) -> Self {
        let mut https = config(Arc::new(BySni { policies, certificates, unknown_names }));
        https.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec(), CHALLENGE.to_vec()];
        Self { https: Arc::new(https) }
    }
}

fn config(certificates: Arc<dyn ResolvesServerCert>) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for both default versions")
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    // A sender asks once a day, and from another process: no session is resumed.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}

/// Chooses the certificate for a handshake.
#[derive(Debug)]
struct BySni {
    policies: Arc<RwLock<Arc<HostedPolicies>>>,
    certificates: Arc<Certificates>,
    unknown_names: Arc<Count>,
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let of = |name: &str| self.certificates.find(name).map(|certificate| Arc::clone(&certificate.key));
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let is_challenge =
            hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == CHALLENGE));
        let found = match name {
            Some(name) if is_challenge => self.certificates.challenge(&name),
            Some(name) => of(&name),
            None => {
                let policies = Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner));
                policies.only_host().and_then(of)
            }
        };
        if found.is_none() {
            self.unknown_names.increment();
        }
        found
    }
}

impl Shared {
    pub(super) async fn tls_connection(self: Arc<Self>, stream: TcpStream, stopping: watch::Receiver<bool>) {
        // A policy is one segment, and waits for nothing.
        let _ = stream.set_nodelay(true);
        let handshake = timeout(
            self.config.handshake_timeout,
            TlsAcceptor::from(Arc::clone(&self.handshakes.https)).accept(stream),
        )
        .await;
        match handshake.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => self.https(stream, stopping).await,
            Err(error) => {
                self.counted.failed_handshakes.increment();
                tracing::debug!(%error, "a handshake failed");
            }
        }
    }

    async fn https(self: Arc<Self>, stream: TlsStream<TcpStream>, stopping: watch::Receiver<bool>) {
        let (_, session) = stream.get_ref();
        let sni = session.server_name().map(str::to_ascii_lowercase);
        // The handshake was all that a CA wants (RFC 8737, 3).
        if session.alpn_protocol() == Some(CHALLENGE) {
            return;
        }
        let is_http_2 = session.alpn_protocol() == Some(HTTP_2);
        let visit = Arc::new(Visit::new(Arrival::Tls { sni }));
        if !is_http_2 {
            return self.http_1(stream, visit, stopping).await;
        }
        let (shared, seen) = (Arc::clone(&self), Arc::clone(&visit));
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD_LEN)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| {
                    let (shared, visit) = (Arc::clone(&shared), Arc::clone(&visit));
                    async move { Ok::<_, Infallible>(shared.answer(request, &visit).await) }
                }),
            );
        self.run(connection, &seen, stopping).await;
    }

    pub(super) async fn plain_connection(
        self: Arc<Self>,
        stream: PlainStream,
        stopping: watch::Receiver<bool>,
    ) {
        let visit = Arc::new(Visit::new(Arrival::Plain));
        match stream {
            PlainStream::Tcp(stream) => self.http_1(stream, visit, stopping).await,
            PlainStream::Unix(stream) => self.http_1(stream, visit, stopping).await,
        }
    }

    pub(super) async fn http_1<S>(
        self: Arc<Self>,
        stream: S,
        visit: Arc<Visit>,
        stopping: watch::Receiver<bool>,
    ) where
        S: 'static,
        TokioIo<S>: Read + Write + Unpin + Send,
    {
        let (shared, seen) = (Arc::clone(&self), Arc::clone(&visit));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.config.head_timeout)
            .max_buf_size(MAX_HEAD_LEN as usize)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| {
                    let (shared, visit) = (Arc::clone(&shared), Arc::clone(&visit));
                    async move { Ok::<_, Infallible>(shared.answer(request, &visit).await) }
                }),
            );
        self.run(connection, &seen, stopping).await;
    }

    /// Serves until the client leaves, the time of the connection is over, or the server stops.
    async fn run<C>(self: Arc<Self>, connection: C, visit: &Visit, mut stopping: watch::Receiver<bool>)
    where
        C: GracefulConnection + Future<Output = Result<(), <C as GracefulConnection>::Error>>,
        <C as GracefulConnection>::Error: std::fmt::Display,
    {
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            _ = stopping.wait_for(|stopping| *stopping) => None,
            () = sleep(self.config.connection_timeout) => None,
        };
        let ended = if let Some(ended) = ended {
            Ok(ended)
        } else {
            connection.as_mut().graceful_shutdown();
            let time = self.config.request_timeout;
            timeout(if visit.is_idle() { time.min(FAREWELL) } else { time }, connection).await
        };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "a client disconnected early or sent an invalid request");
            }
            Err(_) => tracing::debug!("a client was disconnected"),
        }
    }
}

const HTTP_1_1: &[u8] = b"http/1.1";
const HTTP_2: &[u8] = b"h2";
/// RFC 8737, 6.2.
const CHALLENGE: &[u8] = b"acme-tls/1";
const MAX_HEAD_LEN: u32 = 16 * 1024;
/// Senders make one request on a connection.
const MAX_STREAMS: u32 = 16;
/// For what is left to send.
const FAREWELL: Duration = Duration::from_secs(1);
