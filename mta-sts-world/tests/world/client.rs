//! Small clients that know nothing of the servers' code.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use mta_sts_world::{World, WorldConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, ProtocolVersion, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub(crate) async fn world() -> World {
    World::start(WorldConfig::default()).await.unwrap()
}

/// Asks over UDP, with a payload size if there is to be an OPT record; `None` when no answer comes.
pub(crate) async fn ask_udp(
    world: &World,
    name: &str,
    kind: RecordType,
    payload: Option<u16>,
) -> Option<Message> {
    exchange(world, &question(name, kind, payload)).await
}

/// Asks over UDP for the AD bit of the answer too.
pub(crate) async fn ask_udp_authentic(world: &World, name: &str, kind: RecordType) -> Message {
    let mut octets = question(name, kind, Some(1232));
    octets[3] |= 0x20;
    exchange(world, &octets).await.unwrap()
}

async fn exchange(world: &World, question: &[u8]) -> Option<Message> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket.connect(world.dns_addr()).await.unwrap();
    socket.send(question).await.unwrap();
    let mut answer = vec![0; 65535];
    let size = timeout(PATIENCE, socket.recv(&mut answer)).await.ok()?.unwrap();
    Some(Message::from_vec(&answer[..size]).unwrap())
}

pub(crate) async fn ask_tcp(world: &World, name: &str, kind: RecordType) -> Message {
    let mut stream = TcpStream::connect(world.dns_addr()).await.unwrap();
    let question = question(name, kind, None);
    stream.write_u16(question.len().try_into().unwrap()).await.unwrap();
    stream.write_all(&question).await.unwrap();
    let mut answer = vec![0; stream.read_u16().await.unwrap().into()];
    stream.read_exact(&mut answer).await.unwrap();
    Message::from_vec(&answer).unwrap()
}

fn question(name: &str, kind: RecordType, payload: Option<u16>) -> Vec<u8> {
    let mut message = Message::query();
    message.add_query(Query::query(Name::from_ascii(format!("{name}.")).unwrap(), kind));
    message.metadata.recursion_desired = true;
    if let Some(payload) = payload {
        let mut edns = Edns::new();
        edns.set_max_payload(payload);
        message.edns = Some(edns);
    }
    message.to_vec().unwrap()
}

/// Long enough for a busy machine, short enough to wait for an answer that never comes.
const PATIENCE: Duration = Duration::from_secs(2);

/// Each TXT RR with its character-strings joined.
pub(crate) fn texts(answer: &Message) -> Vec<String> {
    let records = answer.answers.iter().filter_map(|record| match &record.data {
        RData::TXT(txt) => Some(String::from_utf8(txt.txt_data.concat()).unwrap()),
        _ => None,
    });
    records.collect()
}

pub(crate) async fn address(world: &World, host: &str) -> Ipv4Addr {
    let answer = ask_udp(world, host, RecordType::A, None).await.unwrap();
    let address = answer.answers.iter().find_map(|record| match &record.data {
        RData::A(address) => Some(address.0),
        _ => None,
    });
    address.unwrap()
}

/// The MX hosts in order of preference.
pub(crate) async fn mail_hosts(world: &World, domain: &str) -> Vec<String> {
    let answer = ask_udp(world, domain, RecordType::MX, None).await.unwrap();
    let mut hosts: Vec<_> = answer
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::MX(mx) => Some((mx.preference, mx.exchange.to_ascii().trim_end_matches('.').to_owned())),
            _ => None,
        })
        .collect();
    hosts.sort();
    hosts.into_iter().map(|(_, host)| host).collect()
}

/// Trusts the world's CA and nothing else.
pub(crate) fn trusting(world: &World) -> Arc<ClientConfig> {
    trusting_with(world, rustls::DEFAULT_VERSIONS)
}

pub(crate) fn trusting_with(
    world: &World,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(world.ca_pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(versions).unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Trusts whoever answers, as opportunistic STARTTLS does.
pub(crate) fn careless() -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.dangerous().with_custom_certificate_verifier(Arc::new(Careless)).with_no_client_auth())
}

#[derive(Debug)]
struct Careless;

impl ServerCertVerifier for Careless {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The certificate error in the error of a handshake.
pub(crate) fn certificate_error(error: &std::io::Error) -> Option<CertificateError> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(error) => Some(error.clone()),
        _ => None,
    }
}

/// A response as it came: status, header fields in lower case, body.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.headers.iter().filter(|(given, _)| given == name);
        fields.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) const PATH: &str = "/.well-known/mta-sts.txt";

pub(crate) async fn fetch(world: &World, host: &str) -> std::io::Result<Response> {
    request(world, trusting(world), host, host, "GET", PATH).await
}

pub(crate) async fn request(
    world: &World,
    config: Arc<ClientConfig>,
    sni: &str,
    host: &str,
    method: &str,
    path: &str,
) -> std::io::Result<Response> {
    answer_of(send_request(world, config, sni, host, method, path).await?).await
}

/// Posts a body to a host that takes TLS reports.
pub(crate) async fn post(world: &World, host: &str, body: &[u8]) -> std::io::Result<Response> {
    answer_of(send_post(world, host, body).await?).await
}

pub(crate) async fn send_post(
    world: &World,
    host: &str,
    body: &[u8],
) -> std::io::Result<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    let fields = format!("{host}\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Length: {}", body.len());
    let mut stream = send_request(world, trusting(world), host, &fields, "POST", "/v1/tlsrpt?of=x").await?;
    stream.write_all(body).await?;
    Ok(stream)
}

async fn answer_of(mut stream: impl AsyncRead + Unpin) -> std::io::Result<Response> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let (status, fields) = head.split_once("\r\n").unwrap();
    let fields = fields.split("\r\n").map(|field| field.split_once(": ").unwrap());
    Ok(Response {
        status: status.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
        body: answer[end + 4..].to_vec(),
    })
}

pub(crate) async fn send_request(
    world: &World,
    config: Arc<ClientConfig>,
    sni: &str,
    host: &str,
    method: &str,
    path: &str,
) -> std::io::Result<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    let address = SocketAddr::from((address(world, sni).await, world.https_port()));
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(sni.to_owned()).unwrap();
    let mut stream = TlsConnector::from(config).connect(name, stream).await?;
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nIf-None-Match: \"old\"\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(crate) struct Smtp {
    stream: BufReader<Box<dyn Stream>>,
    pub(crate) tls: Option<ProtocolVersion>,
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

impl Smtp {
    /// Connects and reads the greeting.
    pub(crate) async fn connect(world: &World, host: &str) -> Self {
        let address = SocketAddr::from((address(world, host).await, world.smtp_port()));
        let stream = TcpStream::connect(address).await.unwrap();
        let mut smtp = Self { stream: BufReader::new(Box::new(stream)), tls: None, certificate: None };
        assert!(smtp.reply().await.starts_with("220 "));
        smtp
    }

    /// Sends a line and gives the whole reply.
    pub(crate) async fn command(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n")).await;
        self.reply().await
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
        self.stream.get_mut().flush().await.unwrap();
    }

    pub(crate) async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await.unwrap();
            reply += &line;
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    /// Whether the server has closed the connection.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.stream.fill_buf().await.is_ok_and(<[u8]>::is_empty)
    }

    /// Sends octets and reads as many as come, up to `most`.
    pub(crate) async fn exchange(&mut self, octets: &[u8], most: u64) -> Vec<u8> {
        self.stream.get_mut().write_all(octets).await.unwrap();
        self.stream.get_mut().flush().await.unwrap();
        let mut answer = Vec::new();
        (&mut self.stream).take(most).read_to_end(&mut answer).await.unwrap();
        answer
    }

    pub(crate) async fn starttls(mut self, config: Arc<ClientConfig>, name: &str) -> std::io::Result<Self> {
        assert!(self.command("STARTTLS").await.starts_with("220 "));
        self.handshake(config, name).await
    }

    pub(crate) async fn handshake(self, config: Arc<ClientConfig>, name: &str) -> std::io::Result<Self> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TlsConnector::from(config).connect(name, self.stream.into_inner()).await?;
        let session = stream.get_ref().1;
        let tls = session.protocol_version();
        let certificate = session.peer_certificates().and_then(|chain| chain.first()).cloned();
        Ok(Self {
            stream: BufReader::new(Box::new(stream)),
            tls,
            certificate: certificate.map(CertificateDer::into_owned),
        })
    }

    pub(crate) async fn deliver(&mut self, recipient: &str, message: &str) {
        assert!(self.command("MAIL FROM:<sender@sender.test>").await.starts_with("250 "));
        assert!(self.command(&format!("RCPT TO:<{recipient}>")).await.starts_with("250 "));
        assert!(self.command("DATA").await.starts_with("354 "));
        assert!(self.command(&format!("{message}\r\n.")).await.starts_with("250 "));
        assert!(self.command("QUIT").await.starts_with("221 "));
    }
}
