//! The Policy Host: from its configuration to its end.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mta_sts_publisher::{AcmeCertificates, Certificates, HostedPolicies, PolicyHostServer, ReportReceiver};
use mta_sts_resolver::{Clock, SystemClock};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::super::super::Exit;
use super::super::super::daemons::{
    Asked, Logging, Phase, Reloads, Signals, StatusPages, supervisor, ticking,
};
use super::configuration::Configuration;
use super::content::Content;
use super::options::Options;
use super::sockets::Sockets;
use super::status::PublisherStatus;

/// A running Policy Host.
pub(super) struct Daemon<'a> {
    options: &'a Options,
    /// The configuration in force.
    configuration: Configuration,
    logging: Logging,
    server: PolicyHostServer,
    receiver: Option<ReportReceiver>,
    acme: Option<AcmeCertificates>,
    content: Arc<Content>,
    phase: Arc<Phase>,
    reloads: Arc<Reloads>,
    /// When it was last told that a certificate ends.
    alarmed: Option<Instant>,
}

impl<'a> Daemon<'a> {
    /// Serves until a signal ends it.
    pub(super) async fn run(options: &'a Options) -> Result<(), (Exit, String)> {
        let configuration = options.read()?;
        let logging = configuration.log.start();
        if let Some(file) = options.config_file() {
            tracing::info!(file = %file.display(), "the configuration was read");
        }
        // Before readiness is announced, so that no later signal finds the daemon without its handlers.
        let signals = Signals::watch()?;
        // First, so that a taken port is told at once.
        let sockets = Sockets::open(&configuration).await?;
        let (content, policies) = Content::read(&configuration)?;
        let certificates = Arc::clone(&content.certificates);
        let acme = open_acme(&configuration, &certificates)?;
        if let Some(acme) = &acme {
            acme.set_names(hosts(&policies, &configuration));
            let counts = acme.counts();
            let (names, missing) = (counts.names, counts.without_certificate);
            tracing::info!(
                names,
                missing,
                ca = configuration.acme.directory,
                "certificates are ordered as needed"
            );
        }
        let mut server = PolicyHostServer::new(policies, certificates, configuration.host_config());
        let mut receiver = None;
        if !configuration.reports.is_empty() {
            let opened = ReportReceiver::open(&configuration.reports, configuration.receiver_config());
            let opened = opened.map_err(|error| {
                (Exit::No, format!("{}: {error} (the folder has to be writable)", configuration.reports))
            })?;
            tracing::info!(folder = configuration.reports, octets = opened.used(), "receiving TLS reports");
            receiver = Some(opened.clone());
            server = server.with_receiver(opened, &configuration.reports_path);
        }
        rlimit::increase_nofile_limit(u64::MAX).ok();
        let (content, phase, reloads) = (Arc::new(content), Arc::default(), Arc::default());
        let mut daemon = Self {
            options,
            configuration,
            logging,
            server,
            receiver,
            acme,
            content,
            phase,
            reloads,
            alarmed: None,
        };
        daemon.warn_without_certificate();
        daemon.alarm();
        let pages = daemon.pages(sockets.metrics);
        for listener in &sockets.https {
            let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
            tracing::info!(address, "listening");
        }
        for listener in &sockets.plain {
            tracing::info!(address = listener.address(), "listening for a reverse proxy");
        }
        daemon.phase.set_serving();
        supervisor::ready(&daemon.status());
        let (server, acme) = (daemon.server.clone(), daemon.acme.clone());
        let ordering = async {
            match acme {
                Some(acme) => acme.run_for_ever().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = ordering => {}
            () = server.serve(sockets.https, sockets.plain, daemon.supervise(signals)) => {}
            () = pages => {}
        }
        tracing::info!(policies = daemon.server.counts().policies, "stopped");
        Ok(())
    }

    /// Serves the HTTP pages of the daemon, if they are configured; never completes.
    fn pages(&self, listener: Option<TcpListener>) -> impl Future<Output = ()> + use<> {
        let reloads = Arc::clone(&self.reloads);
        let status = PublisherStatus::new(
            Arc::clone(&self.phase),
            self.server.clone(),
            self.receiver.clone(),
            self.acme.clone(),
            reloads,
        );
        if let Some(address) = listener.as_ref().and_then(|listener| listener.local_addr().ok()) {
            tracing::info!(%address, "serving /metrics and /healthz");
        }
        async move {
            let Some(listener) = listener else { return std::future::pending().await };
            StatusPages::new(status).serve_for_ever(listener).await;
        }
    }

    /// Runs until the daemon has to stop.
    async fn supervise(&mut self, mut signals: Signals) {
        let beats = supervisor::heartbeat_interval();
        let mut heart = ticking(beats.unwrap_or(Duration::from_secs(3600)));
        let mut look = ticking(LOOK_INTERVAL);
        loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    Asked::Stop => break,
                    Asked::Reload => self.reload().await,
                    Asked::Tell => self.tell(),
                    Asked::Nothing => {}
                },
                _ = heart.tick(), if beats.is_some() => supervisor::heartbeat(&self.status()),
                _ = look.tick() => self.look().await,
            }
        }
        self.phase.set_stopping();
        supervisor::stopping();
        tracing::info!("stopping");
    }

    /// Reads the configuration, the policies and the certificates again.
    async fn reload(&mut self) {
        supervisor::reloading();
        match self.options.read() {
            Ok(configuration) => {
                self.reloads.done.fetch_add(1, Ordering::Relaxed);
                self.logging.set_level(configuration.log.level);
                let mut changed = self.configuration.clone();
                changed.policies.clone_from(&configuration.policies);
                changed.domains.clone_from(&configuration.domains);
                changed.source.clone_from(&configuration.source);
                changed.log.level = configuration.log.level;
                if changed != configuration {
                    tracing::warn!("the configuration has changed in what needs a restart");
                }
                self.configuration = changed;
            }
            Err((_, error)) => {
                self.reloads.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(error, "the new configuration is not valid: the old one stays in force");
            }
        }
        let (configuration, content) = (self.configuration.clone(), Arc::clone(&self.content));
        let (before, receiver) = (self.server.policies(), self.receiver.clone());
        // Ten thousand files are not read between two answers.
        let reading = tokio::task::spawn_blocking(move || {
            content.reload_certificates();
            if let Some(Err(error)) = receiver.as_ref().map(ReportReceiver::recount) {
                tracing::warn!(%error, "the folder of reports cannot be read");
            }
            Content::reload_policies(&configuration, &before)
        });
        if let Ok(Some(policies)) = reading.await {
            let names = hosts(&policies, &self.configuration);
            self.server.set_policies(policies);
            if let Some(acme) = self.acme.clone() {
                // It can only panic.
                let _ = tokio::task::spawn_blocking(move || acme.set_names(names)).await;
            }
        }
        self.warn_without_certificate();
        supervisor::ready(&self.status());
    }

    /// Looks whether the certificates were renewed.
    async fn look(&mut self) {
        let content = Arc::clone(&self.content);
        let looking = tokio::task::spawn_blocking(move || {
            if content.certificates_have_changed() {
                content.reload_certificates();
            }
        });
        // It can only panic.
        let _ = looking.await;
        self.alarm();
    }

    /// Logs once a day that a certificate from a file has not been renewed. Ordered ones are told of where they are ordered.
    fn alarm(&mut self) {
        if self.acme.is_some() || self.alarmed.is_some_and(|at| at.elapsed() < DAY) {
            return;
        }
        let now = SystemClock.now();
        let mut ending = self.content.certificates.lives();
        ending.retain(|life| now >= life.overdue_at());
        if let Some(first) = ending.first() {
            let until = first.not_after.as_secs();
            tracing::error!(
                certificates = ending.len(),
                until,
                "certificates end soon, and have not been renewed"
            );
            self.alarmed = Some(Instant::now());
        }
    }

    fn warn_without_certificate(&self) {
        let policies = self.server.policies();
        let hosts = self.content.without_certificate(&policies, &self.configuration);
        if let Some(first) = hosts.first() {
            tracing::warn!(
                hosts = hosts.len(),
                first,
                "there is no certificate for these hosts: no sender can connect to them"
            );
        }
    }

    /// Logs the counters in one line.
    fn tell(&self) {
        let counts = self.server.counts();
        tracing::info!(
            domains = counts.domains,
            connected = counts.connected,
            connections = counts.connections,
            policies = counts.policies,
            not_found = counts.not_found,
            misdirected = counts.misdirected,
            failed_handshakes = counts.failed_handshakes,
            reports = counts.reports,
            certificates = self.content.certificates.lives().len(),
            "the state of the daemon"
        );
    }

    fn status(&self) -> String {
        let counts = self.server.counts();
        format!("serving {} domains: {} policies sent so far", counts.domains, counts.policies)
    }
}

/// Every host that needs a certificate.
fn hosts(policies: &HostedPolicies, configuration: &Configuration) -> Vec<String> {
    policies.hosts().chain(configuration.reports_host()).map(str::to_owned).collect()
}

fn open_acme(
    configuration: &Configuration,
    certificates: &Arc<Certificates>,
) -> Result<Option<AcmeCertificates>, (Exit, String)> {
    let (Some(config), Some(folder)) = (configuration.acme_config()?, configuration.acme_state()) else {
        return Ok(None);
    };
    let opened = AcmeCertificates::open(&folder, config, Arc::clone(certificates));
    opened.map(Some).map_err(|error| {
        let folder = folder.display();
        match error.kind() {
            io::ErrorKind::WouldBlock => {
                (Exit::Temporary, format!("{folder}: another process orders certificates here"))
            }
            _ => (Exit::No, format!("{folder}: {error} (the folder has to be writable)")),
        }
    })
}

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How often it looks for renewed certificates.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);
