//! The answer to a request.

use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};

use super::Shared;
use crate::receiver::ReportReceiver;

/// A connection, as its requests see it.
#[derive(Debug)]
pub(super) struct Visit {
    arrival: Arrival,
    /// The number of requests that are not answered yet.
    requests: AtomicUsize,
}

/// How a request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// On a connection whose handshake had this name.
    Tls { sni: Option<String> },
    /// From a reverse proxy.
    Plain,
}

type Answer = Response<Full<Bytes>>;

impl Visit {
    pub(super) fn new(arrival: Arrival) -> Self {
        Self { arrival, requests: AtomicUsize::new(0) }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0
    }
}

/// A request until it is answered, or given up by its client.
struct OpenRequest<'a>(&'a Visit);

impl<'a> OpenRequest<'a> {
    fn new(visit: &'a Visit) -> Self {
        visit.requests.fetch_add(1, Ordering::Relaxed);
        Self(visit)
    }
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    pub(super) async fn answer(&self, request: Request<Incoming>, visit: &Visit) -> Answer {
        let _open = OpenRequest::new(visit);
        self.answer_to(request, &visit.arrival).await
    }

    async fn answer_to(&self, request: Request<Incoming>, arrival: &Arrival) -> Answer {
        match self.host(request.uri(), request.headers(), arrival) {
            Ok(host) => match self.receiver.as_ref().filter(|(_, path)| request.uri().path() == path) {
                Some((receiver, _)) => self.receive(receiver, request).await,
                None => self.answer_of(&host, &request, arrival),
            },
            Err(status) => {
                let (count, text) = match status {
                    StatusCode::MISDIRECTED_REQUEST => (&self.counted.misdirected, "another host\n"),
                    _ => (&self.counted.refused, "one valid host is needed\n"),
                };
                count.increment();
                text_of(status, text)
            }
        }
    }

    /// The host that is asked, in lower case: one that the client has made sure of in the handshake.
    fn host(&self, uri: &Uri, headers: &HeaderMap, arrival: &Arrival) -> Result<String, StatusCode> {
        let named = named_host(uri, headers)?;
        match arrival {
            Arrival::Plain => named.ok_or(StatusCode::BAD_REQUEST),
            Arrival::Tls { sni: Some(sni) } => match named {
                Some(named) if named != *sni && !self.certificates.is_shared(&named, sni) => {
                    Err(StatusCode::MISDIRECTED_REQUEST)
                }
                named => Ok(named.unwrap_or_else(|| sni.clone())),
            },
            Arrival::Tls { sni: None } => {
                let policies = self.policies();
                let only =
                    policies.only_host().filter(|only| named.as_ref().is_none_or(|named| named == only));
                only.map(str::to_owned).ok_or(StatusCode::MISDIRECTED_REQUEST)
            }
        }
    }

    async fn receive(&self, receiver: &ReportReceiver, request: Request<Incoming>) -> Answer {
        if request.method() != Method::POST {
            self.counted.refused.increment();
            return refusal_of_method("POST");
        }
        let (status, text) = receiver.receive(request).await;
        let mut response = text_of(status, text);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }

    fn answer_of(&self, host: &str, request: &Request<Incoming>, arrival: &Arrival) -> Answer {
        let body =
            (request.uri().path() == WELL_KNOWN_PATH).then(|| self.policies().shared_body(host)).flatten();
        let Some(body) = body else {
            self.counted.not_found.increment();
            return text_of(StatusCode::NOT_FOUND, "nothing here\n");
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            self.counted.refused.increment();
            return refusal_of_method("GET, HEAD");
        }
        self.counted.policies.increment();
        // Of the answer to HEAD, the length is that of the policy.
        let length = body.len();
        let body = if request.method() == Method::HEAD { Bytes::new() } else { body };
        let mut response = text_of(StatusCode::OK, body);
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
        if *arrival == Arrival::Plain {
            // Proxies may cache for a minute (RFC 8461, 8.2); senders never do (3.3).
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        }
        response
    }
}

/// The host in a request, without its port; `None` if there is none.
fn named_host(uri: &Uri, headers: &HeaderMap) -> Result<Option<String>, StatusCode> {
    let mut hosts = headers.get_all(HOST).iter();
    let (first, more) = (hosts.next(), hosts.next());
    // In the target of the request it counts more (RFC 9112, 3.2.2).
    let authority = match (uri.authority(), first, more) {
        (_, _, Some(_)) => return Err(StatusCode::BAD_REQUEST),
        (Some(authority), _, _) => authority.clone(),
        (None, Some(host), None) => {
            Authority::try_from(host.as_bytes()).map_err(|_| StatusCode::BAD_REQUEST)?
        }
        (None, None, None) => return Ok(None),
    };
    let host = authority.host();
    Ok(Some(host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()))
}

fn refusal_of_method(allowed: &'static str) -> Answer {
    let mut response = text_of(StatusCode::METHOD_NOT_ALLOWED, "another method\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn text_of(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// RFC 8461, 3.3.
const WELL_KNOWN_PATH: &str = "/.well-known/mta-sts.txt";
