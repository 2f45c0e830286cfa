//! A server that runs, with an authority that clients trust.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mta_sts_publisher::{
    CertificateFiles, CertificateSource, Certificates, HostedPolicies, PlainListener, PolicyHostConfig,
    PolicyHostServer, PolicySource, ReportReceiver, ReportReceiverConfig,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::pki::Authority;

pub(crate) struct Stage {
    pub(crate) authority: Authority,
    pub(crate) folder: TempDir,
    pub(crate) files: CertificateFiles,
    pub(crate) server: PolicyHostServer,
    pub(crate) reports: Option<ReportReceiver>,
    pub(crate) address: SocketAddr,
    pub(crate) plain: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

/// The policy of a domain.
pub(crate) fn policy_of(domain: &str) -> String {
    format!("version: STSv1\r\nmode: enforce\r\nmx: mx.{domain}\r\nmax_age: 604800\r\n")
}

pub(crate) fn write_policy(folder: &Path, domain: &str) {
    let folder = folder.join("policies").join(domain);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("mta-sts.txt"), policy_of(domain)).unwrap();
}

pub(crate) fn write_certificate(authority: &Authority, folder: &Path, name: &str, hosts: &[&str]) {
    let folder = folder.join("certificates").join(name);
    fs::create_dir_all(&folder).unwrap();
    let (chain, key) = authority.issue(hosts);
    fs::write(folder.join("fullchain.pem"), chain).unwrap();
    fs::write(folder.join("privkey.pem"), key).unwrap();
}

impl Stage {
    /// A server of these domains: each group of them has one certificate.
    pub(crate) async fn start(groups: &[&[&str]], config: PolicyHostConfig) -> Self {
        Self::start_with(groups, config, None).await
    }

    /// The same, with a receiver of reports in `reports`.
    pub(crate) async fn start_with(
        groups: &[&[&str]],
        config: PolicyHostConfig,
        receiver: Option<ReportReceiverConfig>,
    ) -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        fs::create_dir(folder.path().join("policies")).unwrap();
        fs::create_dir(folder.path().join("certificates")).unwrap();
        for group in groups {
            let hosts: Vec<_> = group.iter().map(|domain| format!("mta-sts.{domain}")).collect();
            let hosts: Vec<_> = hosts.iter().map(String::as_str).collect();
            write_certificate(&authority, folder.path(), group[0], &hosts);
            for domain in *group {
                write_policy(folder.path(), domain);
            }
        }
        let files = CertificateFiles::new(CertificateSource::Folder(folder.path().join("certificates")));
        let certificates = Arc::new(Certificates::new());
        assert_eq!(files.load(&certificates), []);
        let mut server = PolicyHostServer::new(HostedPolicies::default(), certificates, config);
        let mut reports = None;
        if let Some(config) = receiver {
            let receiver = ReportReceiver::open(folder.path().join("reports"), config).unwrap();
            reports = Some(receiver.clone());
            server = server.with_receiver(receiver, "/tlsrpt");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let plain_listener = PlainListener::bind(plain).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn({
            let server = server.clone();
            async move {
                server
                    .serve(vec![listener], vec![plain_listener], async {
                        let _ = stopped.await;
                    })
                    .await;
            }
        });
        let stage = Self { authority, folder, files, server, reports, address, plain, stop, running };
        assert_eq!(stage.reload(), [""; 0]);
        stage
    }

    /// Reads the policies again.
    pub(crate) fn reload(&self) -> Vec<String> {
        let source = PolicySource::Folder(self.folder.path().join("policies"));
        let (policies, faults) = HostedPolicies::read(&source, &self.server.policies()).unwrap();
        self.server.set_policies(policies);
        faults.iter().map(ToString::to_string).collect()
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
    }
}
