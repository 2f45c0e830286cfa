use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HOST, HeaderValue, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::reports::{Replaceable, ReportHostBehaviour};
use crate::scenario::{Staged, States};
use crate::seen::{HttpsRequest, Record};
use crate::tls::{self, WithoutSni};

/// The response of a Policy Host to `GET /.well-known/mta-sts.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyHostBehaviour {
    /// 200, `text/plain`, this body.
    Policy(String),
    /// 200, `text/plain`, this body, with gzip content coding although the client did not ask for it.
    Gzip(String),
    /// 200, `text/plain`, this body, one octet a second.
    Drip(String),
    /// 200, this media type, this body.
    MediaType(String, String),
    /// 200, this body, two `Content-Type` fields of which the first is `text/plain`.
    TwoMediaTypes(String),
    /// 200, `text/plain`, a body of 65,537 octets that begins with this text.
    TooLarge(String),
    /// This status, `text/plain`, a short body that is not a policy.
    Status(u16),
    /// 302 to the well-known URL of another Policy Host of this world.
    Redirect(String),
    /// The request is read, and no response is sent.
    Hang,
    /// The connection is refused. If several hosts share an address, all of them must refuse.
    Refused,
}

/// One Policy Host, or several at one address.
#[derive(Debug)]
pub(crate) struct HttpsServer {
    pub(crate) address: Ipv4Addr,
    pub(crate) sites: Vec<Site>,
    states: Arc<States>,
    seen: Arc<Record>,
    port: u16,
    gate: Mutex<Gate>,
    opened: Notify,
}

/// A Policy Host, chosen by the name in the TLS handshake.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) host: String,
    pub(crate) certificate: Staged<Arc<CertifiedKey>>,
    /// Taken from the first host at an address, and ignored for the others.
    pub(crate) without_sni: WithoutSni<Arc<CertifiedKey>>,
    pub(crate) behaviour: Staged<PolicyHostBehaviour>,
    /// The behaviour that a test has set, until the next reset.
    pub(crate) instead: Mutex<Option<PolicyHostBehaviour>>,
    /// Whether it accepts TLS reports instead of serving a policy.
    pub(crate) reports: Option<Replaceable<ReportHostBehaviour>>,
}

/// A bound socket that does not listen refuses connections and keeps the port.
#[derive(Debug)]
enum Gate {
    Open(TcpListener),
    Refused(Option<TcpSocket>),
}

impl HttpsServer {
    pub(crate) fn new(
        listener: TcpListener,
        address: Ipv4Addr,
        port: u16,
        sites: Vec<Site>,
        states: Arc<States>,
        seen: Arc<Record>,
    ) -> Self {
        let gate = Mutex::new(Gate::Open(listener));
        Self { address, sites, states, seen, port, gate, opened: Notify::new() }
    }

    pub(crate) async fn serve(self: Arc<Self>) {
        let certificates = Arc::new(Certificates(self.clone()));
        let mut config = tls::server_config().with_cert_resolver(certificates);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let config = Arc::new(config);
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (stream, peer) = tokio::select! {
                accepted = poll_fn(|context| self.poll_accept(context)) => {
                    let Ok(accepted) = accepted else {
                        // Out of descriptors, or the client is gone already: neither ends the server.
                        sleep(Duration::from_millis(10)).await;
                        continue;
                    };
                    accepted
                }
                () = self.opened.notified() => continue,
            };
            while connections.try_join_next().is_some() {}
            if connections.len() < MAX_CONNECTIONS {
                let server = self.clone();
                let config = config.clone();
                connections.spawn(async move {
                    // A client that breaks off has had its answer in whatever it sees.
                    let _ = timeout(CONNECTION_TIME, server.connection(stream, peer, config)).await;
                });
            }
        }
    }

    /// Starts or stops listening, as the sites now require.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let refused = self.sites.iter().all(|site| site.now(&self.states) == PolicyHostBehaviour::Refused);
        let mut gate = self.gate();
        match (&mut *gate, refused) {
            (Gate::Open(_), true) => {
                // The listener must be gone before its port can be bound again.
                *gate = Gate::Refused(None);
                *gate = Gate::Refused(Some(self.bind()?));
            }
            (Gate::Refused(socket), false) => {
                let socket = match socket.take() {
                    Some(socket) => socket,
                    None => self.bind()?,
                };
                *gate = Gate::Open(socket.listen(tls::BACKLOG)?);
                self.opened.notify_one();
            }
            _ => {}
        }
        Ok(())
    }

    /// Releases the port.
    pub(crate) fn close(&self) {
        *self.gate() = Gate::Refused(None);
    }

    /// Takes the port again. A process that was forked a moment ago holds a copy of every listener
    /// until it runs its own program, so a port that is in use is waited for, half a second at most.
    fn bind(&self) -> io::Result<TcpSocket> {
        let mut tries = 0;
        loop {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            match socket.bind(SocketAddr::from((self.address, self.port))) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < 100 => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(5));
                }
                bound => return bound.map(|()| socket),
            }
        }
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        match &*self.gate() {
            Gate::Open(listener) => listener.poll_accept(context),
            Gate::Refused(_) => Poll::Pending,
        }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        config: Arc<ServerConfig>,
    ) -> Option<()> {
        let stream = TlsAcceptor::from(config).accept(stream).await.ok()?;
        let (_, session) = stream.get_ref();
        let sni = session.server_name()?.to_owned();
        let tls_version = tls::version(session.protocol_version());
        let service = service_fn(|request| self.respond(request, peer, &sni, &tls_version));
        let http = http1::Builder::new()
            .keep_alive(false)
            .max_buf_size(MAX_REQUEST_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        http.await.ok()
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        sni: &str,
        tls_version: &str,
    ) -> Result<Response<Answer>, Infallible> {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let host = request.headers().get(HOST).map(text);
        let named = host.as_deref().map(|host| host.split(':').next().unwrap_or(host).to_ascii_lowercase());
        let site = self.sites.iter().find(|site| site.host == sni && named.as_ref() == Some(&site.host));
        let (request, body) = request.into_parts();
        let is_report = site.is_some_and(|site| site.reports.is_some()) && request.method == Method::POST;
        let report = if is_report { kept_of(body).await } else { Ok(Vec::new()) };
        let headers = request.headers.iter().take(MAX_HEADERS);
        self.seen.https(HttpsRequest {
            address: self.address,
            peer,
            sni: sni.to_owned(),
            tls_version: tls_version.to_owned(),
            host: host.clone(),
            method: request.method.to_string(),
            path: request.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: report.clone().unwrap_or_default(),
        });

        let Some(site) = site else {
            return Ok(plain(StatusCode::MISDIRECTED_REQUEST, "another host\n"));
        };
        if let Some(reports) = &site.reports {
            if request.method != Method::POST {
                let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "POST only\n");
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
                return Ok(response);
            }
            return Ok(match report {
                Ok(_) => self.take_report(reports.now(), &request.uri).await,
                Err(TooLong) => plain(StatusCode::PAYLOAD_TOO_LARGE, "too long\n"),
            });
        }
        if request.uri.path_and_query().is_none_or(|path| path != WELL_KNOWN_PATH) {
            return Ok(plain(StatusCode::NOT_FOUND, "nothing here\n"));
        }
        if request.method != Method::GET {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return Ok(response);
        }
        Ok(self.behave(site.now(&self.states)).await)
    }

    async fn take_report(&self, behaviour: ReportHostBehaviour, uri: &Uri) -> Response<Answer> {
        match behaviour {
            ReportHostBehaviour::Taken => plain(StatusCode::CREATED, "thank you\n"),
            ReportHostBehaviour::Slow(time) => {
                sleep(time).await;
                plain(StatusCode::CREATED, "thank you\n")
            }
            ReportHostBehaviour::Status(code) => {
                plain(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), "not taken\n")
            }
            ReportHostBehaviour::Redirect(host) => {
                let path = uri.path_and_query().map_or("/", |path| path.as_str());
                self.redirect(StatusCode::TEMPORARY_REDIRECT, &host, path)
            }
            ReportHostBehaviour::Hang => pending().await,
        }
    }

    fn redirect(&self, status: StatusCode, host: &str, path: &str) -> Response<Answer> {
        let mut response = plain(status, "elsewhere\n");
        let port = if self.port == 443 { String::new() } else { format!(":{}", self.port) };
        if let Ok(value) = HeaderValue::from_str(&format!("https://{host}{port}{path}")) {
            response.headers_mut().insert(LOCATION, value);
        }
        response
    }

    async fn behave(&self, behaviour: PolicyHostBehaviour) -> Response<Answer> {
        match behaviour {
            PolicyHostBehaviour::Policy(body) => {
                let mut response = plain(StatusCode::OK, body);
                // A validator tempts a client to make a conditional request, which RFC 8461, 3.3 has no use for.
                response.headers_mut().insert(ETAG, HeaderValue::from_static("\"policy\""));
                response
            }
            PolicyHostBehaviour::Gzip(body) => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                // Writing to a Vec cannot fail.
                let _ = encoder.write_all(body.as_bytes());
                let mut response = plain(StatusCode::OK, encoder.finish().unwrap_or_default());
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                response
            }
            PolicyHostBehaviour::Drip(body) => {
                let drip = Drip { left: Bytes::from(body), next: Box::pin(sleep(Duration::ZERO)) };
                with_body(StatusCode::OK, drip.boxed())
            }
            PolicyHostBehaviour::MediaType(media_type, body) => {
                let mut response = plain(StatusCode::OK, body);
                match HeaderValue::from_str(&media_type) {
                    Ok(value) => response.headers_mut().insert(CONTENT_TYPE, value),
                    Err(_) => response.headers_mut().remove(CONTENT_TYPE),
                };
                response
            }
            PolicyHostBehaviour::TwoMediaTypes(body) => {
                let mut response = plain(StatusCode::OK, body);
                response.headers_mut().append(CONTENT_TYPE, HeaderValue::from_static("text/html"));
                response
            }
            PolicyHostBehaviour::TooLarge(mut body) => {
                while body.len() < TOO_LARGE {
                    body.push('\n');
                }
                plain(StatusCode::OK, body)
            }
            PolicyHostBehaviour::Status(code) => {
                let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                plain(status, "no policy\n")
            }
            PolicyHostBehaviour::Redirect(host) => self.redirect(StatusCode::FOUND, &host, WELL_KNOWN_PATH),
            PolicyHostBehaviour::Hang => pending().await,
            // Only where another host at this address still answers.
            PolicyHostBehaviour::Refused => plain(StatusCode::SERVICE_UNAVAILABLE, "refused\n"),
        }
    }
}

impl Site {
    fn now(&self, states: &States) -> PolicyHostBehaviour {
        let instead = self.instead.lock().unwrap_or_else(PoisonError::into_inner).clone();
        instead.unwrap_or_else(|| self.behaviour.now(states).clone())
    }
}

type Answer = BoxBody<Bytes, Infallible>;

#[derive(Clone, Copy)]
struct TooLong;

/// Reads the body of a report, and keeps its first part.
async fn kept_of(body: Incoming) -> Result<Vec<u8>, TooLong> {
    let body = Limited::new(body, MAX_REPORT).collect().await.map_err(|_| TooLong)?.to_bytes();
    Ok(body[..body.len().min(MAX_KEPT_BODY)].to_vec())
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Response<Answer> {
    with_body(status, Full::new(body.into()).boxed())
}

fn with_body(status: StatusCode, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// A body that is sent at one octet a second.
struct Drip {
    left: Bytes,
    next: Pin<Box<Sleep>>,
}

impl Body for Drip {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.next.as_mut().poll(context));
        self.next = Box::pin(sleep(Duration::from_secs(1)));
        Poll::Ready(Some(Ok(Frame::data(self.left.split_to(1)))))
    }
}

#[derive(Debug)]
struct Certificates(Arc<HttpsServer>);

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let Self(server) = self;
        let site = match hello.server_name() {
            Some(name) => server.sites.iter().find(|site| site.host == name)?,
            None => server.sites.first()?,
        };
        site.without_sni.choose(&hello, site.certificate.now(&server.states))
    }
}

/// RFC 8461, 3.3.
const WELL_KNOWN_PATH: &str = "/.well-known/mta-sts.txt";
/// One octet above the 64 KiB that RFC 8461, 3.3 suggests as a limit.
const TOO_LARGE: usize = 64 * 1024 + 1;
/// RFC 8460, 5.2 calls it a common limit of receivers.
const MAX_REPORT: usize = 10 * 1024 * 1024;
const MAX_KEPT_BODY: usize = 64 * 1024;
const MAX_REQUEST_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
const MAX_CONNECTIONS: usize = 256;
/// Longer than any client waits; RFC 8461, 3.3 suggests one minute.
const CONNECTION_TIME: Duration = Duration::from_secs(300);
