//! A Policy Host that gets its certificates from a CA.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mta_sts_core::{Policy, PolicyDomain};
use mta_sts_publisher::{
    AcmeCertificates, AcmeConfig, AcmeCounts, Certificates, HostedPolicies, PolicyHostConfig,
    PolicyHostServer,
};
use mta_sts_resolver::{PolicyFetcher, TrustStore};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::SteppedClock;

pub(crate) const ONE: &str = "mta-sts.one.example";
pub(crate) const TWO: &str = "mta-sts.two.example";

pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<SteppedClock>,
    pub(crate) certificates: Arc<Certificates>,
    running: Option<(AcmeCertificates, JoinHandle<()>)>,
}

/// The text of a policy, for any domain.
const POLICY: &str = "version: STSv1\r\nmode: enforce\r\nmx: mx.example\r\nmax_age: 604800\r\n";

pub(crate) fn policies() -> HostedPolicies {
    let mut policies = HostedPolicies::default();
    for domain in ["one.example", "two.example"] {
        policies.insert(&PolicyDomain::parse(domain).unwrap(), &Policy::parse(POLICY.as_bytes()).unwrap());
    }
    policies
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap()).await
    }

    pub(crate) async fn in_folder(folder: TempDir) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let certificates = Arc::new(Certificates::new());
        let server = PolicyHostServer::new(policies(), Arc::clone(&certificates), PolicyHostConfig::new());
        tokio::spawn(async move { server.serve(vec![listener], Vec::new(), std::future::pending()).await });
        Self { folder, address, clock: Arc::default(), certificates, running: None }
    }

    pub(crate) fn config(&self, directory_url: &str, ca_pem: &str) -> AcmeConfig {
        let trusted = TrustStore::from_pem(ca_pem.as_bytes()).unwrap();
        AcmeConfig::new(directory_url, trusted)
            .with_contact("mailto:postmaster@one.example")
            .with_clock(self.clock.clone())
            .with_first_delay(Duration::from_secs(1))
            .with_check_interval(Duration::from_millis(50))
    }

    /// Keeps certificates for these names from now on; nobody did before, or no longer does.
    pub(crate) async fn keep(&mut self, config: AcmeConfig, names: &[&str]) {
        self.end().await;
        let acme =
            AcmeCertificates::open(self.folder.path(), config, Arc::clone(&self.certificates)).unwrap();
        acme.set_names(names.iter().map(ToString::to_string));
        let running = tokio::spawn({
            let acme = acme.clone();
            async move { acme.run_for_ever().await }
        });
        self.running = Some((acme, running));
    }

    pub(crate) async fn end(&mut self) {
        if let Some((acme, running)) = self.running.take() {
            running.abort();
            assert!(running.await.is_err());
            drop(acme);
        }
    }

    pub(crate) fn acme(&self) -> &AcmeCertificates {
        &self.running.as_ref().unwrap().0
    }

    /// Waits until this is so.
    pub(crate) async fn until(&self, is_so: impl Fn(&AcmeCounts) -> bool) -> AcmeCounts {
        for _ in 0..3000 {
            let counts = self.acme().counts();
            if is_so(&counts) {
                return counts;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never is: {:?}", self.acme().counts());
    }

    /// Whether a sender gets the policy.
    pub(crate) async fn is_served(&self, trusted: &TrustStore, host: &str) -> bool {
        let fetcher = PolicyFetcher::new(trusted.clone()).with_port(self.address.port());
        let got = fetcher.fetch(host, &[self.address.ip()]).await;
        got.is_ok_and(|got| got.status == 200 && got.body == POLICY.as_bytes())
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}
