//! The HTTP pages of a daemon: /metrics and /healthz.

use std::convert::Infallible;
use std::fmt;
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
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::clients;

/// What a daemon says on its pages.
pub(crate) trait Status: fmt::Debug + Send + Sync + 'static {
    /// The metrics, in the `OpenMetrics` format.
    fn metrics(&self) -> String;
    /// Whether it serves.
    fn is_healthy(&self) -> bool;
    /// A word for its health in the first line, and what there is to know in others.
    fn health(&self) -> String;
}

/// Serves the status pages.
#[derive(Debug)]
pub(crate) struct StatusPages<S>(S);

/// Whether the daemon serves.
#[derive(Debug, Default)]
pub(crate) struct Phase(AtomicU8);

impl Phase {
    const WORDS: [&str; 3] = ["loading", "serving", "stopping"];

    pub(crate) fn set_serving(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    pub(crate) fn set_stopping(&self) {
        self.0.store(2, Ordering::Relaxed);
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.word() == "serving"
    }

    pub(crate) fn word(&self) -> &'static str {
        Self::WORDS[usize::from(self.0.load(Ordering::Relaxed))]
    }
}

impl<S: Status> StatusPages<S> {
    pub(crate) fn new(status: S) -> Self {
        Self(status)
    }

    /// Serves for as long as the future is polled, with a few concurrent clients and a time limit
    /// for each.
    pub(crate) async fn serve_for_ever(self, listener: TcpListener) {
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
            "/metrics" => page(StatusCode::OK, OPEN_METRICS, self.0.metrics()),
            "/healthz" => self.health(),
            _ => page(StatusCode::NOT_FOUND, PLAIN, "/metrics or /healthz\n".to_owned()),
        }
    }

    fn health(&self) -> Response<Full<Bytes>> {
        let status = if self.0.is_healthy() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        page(status, PLAIN, self.0.health())
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
