//! Clients: rustls with hyper, and rustls with octets.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::stage::Stage;

/// Only a broken server takes as long.
pub(crate) const LONG: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A handshake, with these protocols of ALPN; a name that begins with `-` is checked and not sent.
pub(crate) async fn connect(
    stage: &Stage,
    name: &str,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(stage.authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    config.enable_sni = !name.starts_with('-');
    let name = ServerName::try_from(name.trim_start_matches('-').to_owned()).unwrap();
    let stream = TcpStream::connect(stage.address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

pub(crate) const WELL_KNOWN: &str = "/.well-known/mta-sts.txt";

/// A request over HTTP/1.1 or, with `h2`, over HTTP/2.
pub(crate) async fn request(
    stage: &Stage,
    protocol: &str,
    (name, host): (&str, &str),
    (method, path): (Method, &str),
) -> Answer {
    let stream = connect(stage, name, &[protocol]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
    let request = Request::builder().method(method);
    if protocol == "h2" {
        let request = request.uri(format!("https://{host}{path}")).body(Empty::<Bytes>::new()).unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        return answer(timeout(LONG, sender.send_request(request)).await.unwrap().unwrap()).await;
    }
    let request = request.uri(path).header("Host", host).body(Full::new(Bytes::new())).unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    answer(timeout(LONG, sender.send_request(request)).await.unwrap().unwrap()).await
}

/// A POST of a report over HTTP/1.1 or HTTP/2.
pub(crate) async fn post(stage: &Stage, protocol: &str, media_type: &str, body: impl Into<Bytes>) -> Answer {
    let name = "mta-sts.one.example";
    let stream = connect(stage, name, &[protocol]).await.unwrap();
    let request =
        Request::post(if protocol == "h2" { "https://mta-sts.one.example/tlsrpt" } else { "/tlsrpt" })
            .header("Content-Type", media_type);
    let body = Full::new(body.into());
    let response = if protocol == "h2" {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        timeout(LONG, sender.send_request(request.body(body).unwrap())).await
    } else {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        timeout(LONG, sender.send_request(request.header("Host", name).body(body).unwrap())).await
    };
    answer(response.unwrap().unwrap()).await
}

async fn answer(response: hyper::Response<hyper::body::Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

/// The policy of a domain, as a sender asks for it.
pub(crate) async fn policy(stage: &Stage, domain: &str) -> Answer {
    let host = format!("mta-sts.{domain}");
    request(stage, "http/1.1", (&host, &host), (Method::GET, WELL_KNOWN)).await
}

/// What is answered to these octets, up to the end of the connection.
pub(crate) async fn exchange(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, octets: &[u8]) -> String {
    // The server may have given up already.
    let _ = stream.write_all(octets).await;
    let mut answer = Vec::new();
    // An end without a farewell of TLS is one.
    let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the server ends the connection");
    String::from_utf8(answer).unwrap()
}
