//! A `pebble` of the `PATH`, with the DNS that it asks.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use mta_sts_resolver::TrustStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::pki::Authority;

pub(crate) struct Pebble {
    process: Child,
    dns: Child,
    address: Ipv4Addr,
    port: u16,
    management: u16,
    dns_port: u16,
    dns_management: u16,
    /// The authority of pebble's own HTTPS.
    authority: Authority,
    /// It reads its certificate after it listens, so the files stay as long as it does.
    _folder: TempDir,
}

/// What is unusual about a CA.
#[derive(Clone, Copy)]
pub(crate) struct Habits {
    /// The life of a certificate, in seconds.
    pub(crate) life: u64,
    /// How many of a hundred nonces it refuses.
    pub(crate) refused_nonces: u32,
    /// The address that all names lead to.
    pub(crate) host: Ipv4Addr,
    /// Whether it takes some seconds to look at a challenge.
    pub(crate) is_slow: bool,
    /// Whether an account has to belong to an external one, that of [`KEY_ID`].
    pub(crate) wants_external_account: bool,
}

/// The external account that it knows, and its key in base64url and as it is.
pub(crate) const KEY_ID: &str = "kid-of-one";
pub(crate) const KEY_TEXT: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
pub(crate) const KEY: &[u8] = &[
    0xcd, 0x63, 0x43, 0x64, 0xce, 0x9e, 0x40, 0x61, 0xd6, 0xa5, 0x24, 0x53, 0x3d, 0xa9, 0x79, 0x78, 0x85,
    0x18, 0x15, 0x3b, 0xbb, 0x11, 0xa8, 0xd5, 0x22, 0x88, 0x2e, 0xca, 0xca, 0x99, 0xf7, 0x01, 0xb8, 0xe2,
    0x73, 0x04, 0xb7, 0x1d, 0xcc, 0x50, 0x0b, 0x14, 0x0e, 0x43, 0x13, 0x43, 0x5d, 0x96,
];

impl Default for Habits {
    fn default() -> Self {
        Self {
            life: 90 * 24 * 3600,
            refused_nonces: 0,
            host: Ipv4Addr::LOCALHOST,
            is_slow: false,
            wants_external_account: false,
        }
    }
}

impl Pebble {
    /// A CA that looks for challenges at this port.
    pub(crate) fn start(challenge_port: u16, habits: Habits) -> Self {
        let address = own_address();
        // Held until all are chosen, so that no two are the same.
        let held = [(); 4].map(|()| TcpListener::bind((address, 0)).unwrap());
        let ports = held.each_ref().map(|listener| listener.local_addr().unwrap().port());
        drop(held);
        Self::start_at(address, ports, Authority::new(), challenge_port, habits)
    }

    fn start_at(
        address: Ipv4Addr,
        [port, management, dns, dns_management]: [u16; 4],
        authority: Authority,
        challenge_port: u16,
        habits: Habits,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (certificate, key) = authority.issue(&[&address.to_string()]);
        fs::write(path("cert.pem"), certificate).unwrap();
        fs::write(path("key.pem"), key).unwrap();
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("{address}:{port}"),
            "managementListenAddress": format!("{address}:{management}"),
            "certificate": path("cert.pem"),
            "privateKey": path("key.pem"),
            "httpPort": 1,
            "tlsPort": challenge_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": habits.wants_external_account,
            "externalAccountMACKeys": { KEY_ID: KEY_TEXT },
            "certificateValidityPeriod": habits.life,
        }});
        fs::write(path("config.json"), config.to_string()).unwrap();
        let mut dns_process = run(Command::new("pebble-challtestsrv")
            .args([
                "-defaultIPv4",
                &habits.host.to_string(),
                "-defaultIPv6",
                "",
                "-http01",
                "",
                "-https01",
                "",
                "-tlsalpn01",
                "",
            ])
            .args([
                "-dns01",
                &format!("{address}:{dns}"),
                "-management",
                &format!("{address}:{dns_management}"),
            ]));
        let mut command = Command::new("pebble");
        command.args(["-strict", "-config", &path("config.json"), "-dnsserver", &format!("{address}:{dns}")]);
        command.env("PEBBLE_WFE_NONCEREJECT", habits.refused_nonces.to_string());
        if !habits.is_slow {
            command.env("PEBBLE_VA_NOSLEEP", "1");
        }
        let mut process = run(&mut command);
        for port in [port, management, dns_management] {
            while TcpStream::connect((address, port)).is_err() {
                assert!(process.try_wait().unwrap().is_none(), "pebble has ended");
                assert!(dns_process.try_wait().unwrap().is_none(), "pebble-challtestsrv has ended");
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Self {
            process,
            dns: dns_process,
            address,
            port,
            management,
            dns_port: dns,
            dns_management,
            authority,
            _folder: folder,
        }
    }

    pub(crate) fn directory_url(&self) -> String {
        format!("https://{}:{}/dir", self.address, self.port)
    }

    /// The root of its own HTTPS.
    pub(crate) fn pem(&self) -> String {
        self.authority.pem().to_owned()
    }

    /// What trusts the certificates that it issues.
    pub(crate) async fn trusted(&self) -> TrustStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = tokio::net::TcpStream::connect((self.address, self.management)).await.unwrap();
        let name = ServerName::try_from(self.address.to_string()).unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        stream.write_all(b"GET /roots/0 HTTP/1.0\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        TrustStore::from_pem(&answer).unwrap()
    }

    /// Gives a name an address where nobody is, or its right one.
    pub(crate) fn mislead(&self, name: &str, is_misled: bool) {
        let body = if is_misled {
            serde_json::json!({ "host": format!("{name}."), "addresses": ["127.0.0.9"] })
        } else {
            serde_json::json!({ "host": format!("{name}.") })
        };
        let path = if is_misled { "/add-a" } else { "/clear-a" };
        let body = body.to_string();
        let mut stream = TcpStream::connect((self.address, self.dns_management)).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    /// Another CA at the same address, which knows nothing of the first one.
    pub(crate) fn restart(mut self, challenge_port: u16, habits: Habits) -> Self {
        self.stop();
        let authority = std::mem::replace(&mut self.authority, Authority::new());
        let ports = [self.port, self.management, self.dns_port, self.dns_management];
        Self::start_at(self.address, ports, authority, challenge_port, habits)
    }

    pub(crate) fn stop(&mut self) {
        for process in [&mut self.process, &mut self.dns] {
            // It may have been stopped before.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("pebble is missing: tests/install @publisher")
}

/// An address of loopback that nobody else has, so that a port of it is free until it is used.
pub(crate) fn own_address() -> Ipv4Addr {
    static STARTED: AtomicU8 = AtomicU8::new(1);
    let [.., third, fourth] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + third % 128, fourth, STARTED.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn free_port(address: Ipv4Addr) -> u16 {
    TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port()
}

pub(crate) fn files_of(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_of(&path)) } else { files.push(path) }
    }
    files
}
