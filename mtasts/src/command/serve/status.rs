//! The HTTP pages of the daemon: /metrics and /healthz.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use mta_sts_resolver::{PolicyService, StoreState};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::clients;
use super::metrics::Metrics;

/// Serves the status pages.
#[derive(Debug)]
pub(super) struct StatusPages {
    phase: Arc<Phase>,
    metrics: Metrics,
    service: PolicyService,
    store: String,
}

/// Whether the daemon serves.
#[derive(Debug, Default)]
pub(super) struct Phase(AtomicU8);

impl Phase {
    const WORDS: [&str; 3] = ["loading", "serving", "stopping"];

    pub(super) fn set_serving(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    pub(super) fn set_stopping(&self) {
        self.0.store(2, Ordering::Relaxed);
    }

    fn is_serving(&self) -> bool {
        self.word() == "serving"
    }

    fn word(&self) -> &'static str {
        Self::WORDS[usize::from(self.0.load(Ordering::Relaxed))]
    }
}

impl StatusPages {
    pub(super) fn new(phase: Arc<Phase>, metrics: Metrics, service: PolicyService, store: String) -> Self {
        Self { phase, metrics, service, store }
    }

    /// Serves for as long as the future is polled, with a few concurrent clients and a time limit
    /// for each.
    pub(super) async fn serve_for_ever(self, listener: TcpListener) {
        let pages = Arc::new(self);
        let accept = async || listener.accept().await.map(|(stream, _)| stream);
        let converse = |stream| {
            let pages = Arc::clone(&pages);
            async move {
                if timeout(CLIENT_TIMEOUT, pages.converse(stream)).await.is_err() {
                    tracing::debug!("a client of the metrics was disconnected");
                }
            }
        };
        clients::serve_for_ever("the metrics", MAX_CLIENTS, accept, converse).await;
    }

    /// Handles one request.
    async fn converse(&self, stream: TcpStream) {
        let answered = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MAX_HEAD_LEN)
            .keep_alive(false)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(async |request| Ok::<_, Infallible>(self.answer(&request))),
            )
            .await;
        if let Err(error) = answered {
            tracing::debug!(%error, "a client of the metrics disconnected early or sent an invalid request");
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut response = page(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "GET or HEAD\n".to_owned());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        // For HEAD, hyper sends only the head.
        match request.uri().path() {
            "/metrics" => page(StatusCode::OK, OPEN_METRICS, self.metrics.text()),
            "/healthz" => self.health(),
            _ => page(StatusCode::NOT_FOUND, PLAIN, "/metrics or /healthz\n".to_owned()),
        }
    }

    fn health(&self) -> Response<Full<Bytes>> {
        let status = if self.phase.is_serving() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let counts = self.service.counts();
        let (state, is_degraded) = match self.service.store_state() {
            StoreState::None => ("", false),
            StoreState::Up => ("works, ", false),
            _ => ("fails, ", true),
        };
        let word = if is_degraded && self.phase.is_serving() { "degraded" } else { self.phase.word() };
        let text = format!(
            "{word}\nstore: {}, {state}{} unsaved, {} failures\nlookups: {} waiting, {} rejected\n",
            self.store,
            counts.unsaved,
            counts.store_failures,
            counts.waiting.sum(),
            counts.busy.sum(),
        );
        page(status, PLAIN, text)
    }
}

fn page(status: StatusCode, content_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

const PLAIN: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const MAX_CLIENTS: usize = 16;
const MAX_HEAD_LEN: usize = 8192;
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
