//! DNS and policy hosts for any number of domains, which cost little: every answer follows from the name asked for.
//!
//! | domain | has |
//! |---|---|
//! | `dN.policy.test` | a record, a policy host with an address and a policy of its own, an MX host, nothing signed |
//! | `dN.dane.test` | the same, all of it signed, and TLSA records of the MX host |
//! | `dN.none.test` | no record |

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
use hickory_proto::rr::rdata::{A, MX, SOA, TLSA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;

use crate::Failure;

/// A world that is served.
#[derive(Debug)]
pub(crate) struct World {
    fetches: Arc<AtomicUsize>,
}

impl World {
    /// Serves DNS at 127.0.0.1:53 and policies at port 443 of every address, in the current runtime. Writes the CAs to
    /// trust: the world's, and those of the system, since a daemon in earnest holds them in memory.
    pub(crate) async fn serve(ca_file: &Path) -> Result<Self, Failure> {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        // A name of its own: OpenSSL takes a certificate whose issuer has its own name for one that signed itself.
        ca.distinguished_name.push(DnType::CommonName, "Throw-away CA");
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
        let roots = fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
        fs::write(ca_file, roots + &ca.pem())?;

        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).await?;
        tokio::spawn(answer_dns(udp));

        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 443)).await?;
        let provider = Arc::new(default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Certificates::new(ca)?));
        let fetches = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve_policies(listener, TlsAcceptor::from(Arc::new(config)), Arc::clone(&fetches)));
        Ok(Self { fetches })
    }

    /// How many policies were fetched since the last call.
    pub(crate) fn fetches(&self) -> usize {
        self.fetches.swap(0, Ordering::Relaxed)
    }
}

async fn answer_dns(socket: UdpSocket) {
    let mut buffer = [0; 1500];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        if let Ok(answer) = dns_answer(&buffer[..length]) {
            // A client that has left is nobody's fault.
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

fn dns_answer(query: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut message = Message::from_vec(query)?;
    let query = message.queries.first().ok_or("no question")?.clone();
    let name = query.name.to_ascii();
    let has_policy = name.ends_with(".policy.test.") || name.ends_with(".dane.test.");
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    message.metadata.authentic_data = name.ends_with(".dane.test.");
    if let Some(data) = data(&name, query.query_type()) {
        message.add_answer(Record::from_rdata(query.name, TTL, data));
    } else {
        let zone = Name::from_ascii("test.")?;
        let soa = SOA::new(zone.clone(), zone.clone(), 1, 3600, 3600, 3600, TTL);
        message.add_authority(Record::from_rdata(zone, TTL, RData::SOA(soa)));
        message.metadata.response_code =
            if has_policy { ResponseCode::NoError } else { ResponseCode::NXDomain };
    }
    Ok(message.to_vec()?)
}

fn data(name: &str, record_type: RecordType) -> Option<RData> {
    let domain = name.strip_suffix(".test.")?;
    let (rest, kind) = domain.rsplit_once('.')?;
    let (host, number) = rest.rsplit_once('.').unwrap_or(("", rest));
    let [high, low] = number.strip_prefix('d')?.parse::<u16>().ok()?.to_be_bytes();
    let octet = KINDS.iter().position(|known| *known == kind)?.try_into().ok()?;
    match (host, record_type) {
        ("_mta-sts", RecordType::TXT) => Some(RData::TXT(TXT::new(vec!["v=STSv1; id=20260101;".to_owned()]))),
        ("mta-sts" | "mx1", RecordType::A) => Some(RData::A(A(Ipv4Addr::new(127, octet, high, low)))),
        ("", RecordType::MX) => Some(RData::MX(MX::new(10, Name::from_ascii(format!("mx1.{name}")).ok()?))),
        ("_25._tcp.mx1", RecordType::TLSA) if kind == "dane" => {
            Some(RData::TLSA(TLSA::new(CertUsage::DaneEe, Selector::Spki, Matching::Sha256, vec![1; 32])))
        }
        _ => None,
    }
}

/// A certificate for each policy host, made when it is first asked for. All have one key.
#[derive(Debug)]
struct Certificates {
    ca: CertifiedIssuer<'static, KeyPair>,
    key: KeyPair,
    signing_key: Arc<dyn SigningKey>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Certificates {
    fn new(ca: CertifiedIssuer<'static, KeyPair>) -> Result<Self, Failure> {
        let key = KeyPair::generate()?;
        let der = PrivateKeyDer::try_from(key.serialize_der())?;
        let signing_key = any_supported_type(&der)?;
        Ok(Self { ca, key, signing_key, made: Mutex::default() })
    }

    fn make(&self, host: &str) -> Option<Arc<CertifiedKey>> {
        let certificate =
            CertificateParams::new([host.to_owned()]).ok()?.signed_by(&self.key, &self.ca).ok()?;
        let chain = vec![certificate.der().clone()];
        Some(Arc::new(CertifiedKey::new(chain, Arc::clone(&self.signing_key))))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name()?;
        if let Some(known) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(host) {
            return Some(Arc::clone(known));
        }
        let made = self.make(host)?;
        let mut all = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(host.to_owned(), Arc::clone(&made));
        Some(made)
    }
}

async fn serve_policies(listener: TcpListener, acceptor: TlsAcceptor, fetches: Arc<AtomicUsize>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, fetches) = (acceptor.clone(), Arc::clone(&fetches));
        tokio::spawn(async move {
            // Whoever hangs up early is told by the daemon's answer.
            if serve_policy(stream, acceptor).await.is_ok() {
                fetches.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

async fn serve_policy(stream: TcpStream, acceptor: TlsAcceptor) -> Result<(), Failure> {
    let SocketAddr::V4(here) = stream.local_addr()? else { return Err("not an IPv4 address".into()) };
    let [_, octet, high, low] = here.ip().octets();
    let kind = KINDS.get(usize::from(octet)).ok_or("no such policy host")?;
    let domain = format!("d{}.{kind}.test", u16::from_be_bytes([high, low]));
    let mut stream = acceptor.accept(stream).await?;
    let (mut request, mut length) = ([0; 4096], 0);
    while !request[..length].ends_with(b"\r\n\r\n") {
        match stream.read(&mut request[length..]).await? {
            0 => return Err("no whole request".into()),
            read => length += read,
        }
    }
    let policy =
        format!("version: STSv1\nmode: enforce\nmx: mx1.{domain}\nmx: *.{domain}\nmax_age: 604800\n");
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{policy}",
        policy.len()
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(())
}

/// By the second octet of the address.
const KINDS: [&str; 3] = ["", "policy", "dane"];

/// Longer than a run: a warm answer asks nobody.
const TTL: u32 = 3600;
