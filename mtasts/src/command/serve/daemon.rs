//! The daemon: from its configuration to its end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mta_sts_resolver::{EntryStore, PolicyService, TrustStore};
use mtasts_socketmap::{SocketmapListener, SocketmapServer};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::super::daemons::{Asked, Log, Logging, Metrics, Phase, Reloads, Signals, supervisor, ticking};
use super::super::{Exit, store};
use super::configuration::{Configuration, exit_of_trust_store};
use super::control::Control;
use super::file_budget::FileBudget;
use super::metrics::Sources;
use super::options::Options;
use super::reports::{MxMismatches, Reports};
use super::sockets::Sockets;
use super::status::status_pages;

/// A running daemon.
pub(super) struct Daemon<'a> {
    options: &'a Options,
    /// The configuration in force.
    configuration: Configuration,
    logging: Logging,
    trust_store: TrustStore,
    service: PolicyService,
    server: SocketmapServer,
    reports: Option<Arc<Reports>>,
    phase: Arc<Phase>,
    reloads: Arc<Reloads>,
}

impl<'a> Daemon<'a> {
    /// Serves until a signal ends it.
    pub(super) async fn run(options: &'a Options) -> Result<(), (Exit, String)> {
        let (configuration, zones) = options.read().map_err(|error| (error.exit(), format!("{error:#}")))?;
        let logging = configuration.log.start();
        if let Some(file) = options.config_file() {
            tracing::info!(file = %file.display(), "the configuration was read");
        }
        for warning in options.warnings(&configuration) {
            tracing::warn!("{warning}");
        }
        let trust_store =
            configuration.trust_store().map_err(|error| (exit_of_trust_store(&error), error.to_string()))?;
        // Before readiness is announced, so that no later signal finds the daemon without its handlers.
        let signals = Signals::watch()?;

        let mut service_config = configuration.service_config();
        let place = &configuration.store;
        let store = configuration.open_store().map_err(|error| {
            let help = "`--store memory` works without a store";
            (store::exit(&error), format!("{place}: {error} ({help})"))
        })?;
        let shared_store = store.clone();
        if let Some(store) = store {
            service_config = service_config.with_store(store);
        }
        let wanted = configuration.file_budget();
        let files = FileBudget::new(FileBudget::free_files(configuration.listen.len()), wanted);
        if files != wanted {
            tracing::warn!(
                max_clients = files.clients,
                fetches_at_once = files.fetches,
                dns_sockets = files.dns_sockets,
                "the limit of open files is low, so concurrency is lower than configured: raise LimitNOFILE= or `ulimit -Hn`"
            );
        }
        let dns = configuration.dns_client(files).map_err(|error| (Exit::Temporary, error.to_string()))?;
        let resolver = configuration.resolver(dns, trust_store.clone(), files);
        let sockets = Sockets::open(&configuration).await?;
        if sockets.tlsrpt.is_some() {
            service_config = service_config.with_max_failed_discoveries(FAILED_DISCOVERIES);
        }
        let service = PolicyService::new(resolver, service_config);
        let mut clients = configuration.socketmap_config().with_max_clients(files.clients);
        let mut reports = None;
        if let Some(socket) = sockets.tlsrpt {
            let started = Reports::start(&configuration, socket, &service, &trust_store)?;
            let mismatches = MxMismatches::new(&started, service.resolver().dns());
            clients = clients.with_skipped_hosts_told(move |domain, policy, hosts| {
                mismatches.count(domain, policy, hosts);
            });
            reports = Some(started);
        }
        let server = SocketmapServer::new(service.clone(), clients, zones);
        let (phase, reloads) = (Arc::default(), Arc::default());
        let mut daemon =
            Self { options, configuration, logging, trust_store, service, server, reports, phase, reloads };
        daemon.warn_without_dane();
        let status_pages = daemon.status_pages(sockets.metrics);
        let control = daemon.control(sockets.control);
        let (stop, stopped) = oneshot::channel();
        let mut sending = pin!(daemon.send_reports(shared_store, stopped));
        tokio::select! {
            () = daemon.serve(sockets.answers, signals) => {}
            () = status_pages => {}
            () = control => {}
            () = &mut sending => {}
        }
        drop::<oneshot::Sender<()>>(stop);
        // What is cut off is sent a second time after the next start.
        let _ = timeout(LAST_DELIVERIES, sending).await;
        if let Some(reports) = &daemon.reports {
            reports.stop();
        }
        tracing::info!(requests = daemon.server.requests(), "stopped");
        Ok(())
    }

    /// Serves the HTTP pages of the daemon, if they are configured; never completes.
    fn status_pages(&self, listener: Option<TcpListener>) -> impl Future<Output = ()> + use<> {
        let metrics = Metrics::of(Sources {
            server: self.server.clone(),
            service: self.service.clone(),
            reports: self.reports.clone(),
            reloads: Arc::clone(&self.reloads),
        });
        let store = self.configuration.store.to_string();
        let pages = status_pages(Arc::clone(&self.phase), metrics, self.service.clone(), store);
        if let Some(address) = listener.as_ref().and_then(|listener| listener.local_addr().ok()) {
            tracing::info!(%address, "serving /metrics and /healthz");
        }
        async move {
            let Some(listener) = listener else { return std::future::pending().await };
            pages.serve_for_ever(listener).await;
        }
    }

    /// Sends TLS reports, if any are counted, until `stopped` completes.
    fn send_reports(
        &self,
        store: Option<Arc<dyn EntryStore>>,
        stopped: oneshot::Receiver<()>,
    ) -> impl Future<Output = ()> + use<> {
        let (reports, configuration) = (self.reports.clone(), self.configuration.clone());
        let (dns, trust_store) = (self.service.resolver().dns().clone(), self.trust_store.clone());
        async move {
            let stop = async { drop(stopped.await) };
            match reports {
                Some(reports) => reports.send(&configuration, dns, trust_store, store, stop).await,
                None => stop.await,
            }
        }
    }

    /// Serves the control socket, if there is one; never completes.
    fn control(&self, listener: Option<UnixListener>) -> impl Future<Output = ()> + use<> {
        let control = Control::new(self.server.clone(), self.service.clone());
        if let Some(path) = listener.as_ref().and_then(|listener| listener.local_addr().ok()) {
            let path = path.as_pathname().map(|path| path.display().to_string());
            tracing::info!(path, "the control socket is open");
        }
        async move {
            let Some(listener) = listener else { return std::future::pending().await };
            control.serve_for_ever(listener).await;
        }
    }

    async fn serve(&mut self, listeners: Vec<SocketmapListener>, mut signals: Signals) {
        supervisor::status("reading the store");
        tokio::select! {
            () = self.load() => {}
            () = signals.stop() => return,
        }
        for listener in &listeners {
            tracing::info!(address = %listener, "listening");
        }
        self.phase.set_serving();
        supervisor::ready(&self.status());
        let (server, service) = (self.server.clone(), self.service.clone());
        tokio::select! {
            () = server.serve(listeners, self.supervise(&mut signals)) => {}
            () = service.refresh_for_ever() => {}
        }
    }

    async fn load(&self) {
        // The service logs failures, and retries.
        if let Ok(entries) = self.service.load().await {
            tracing::info!(entries, store = %self.configuration.store, "policies were loaded into memory");
        }
    }

    /// Runs until the daemon has to stop.
    async fn supervise(&mut self, signals: &mut Signals) {
        let beats = supervisor::heartbeat_interval();
        let mut heart = ticking(beats.unwrap_or(Duration::from_secs(3600)));
        loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    Asked::Stop => break,
                    Asked::Reload => self.reload(),
                    Asked::Tell => self.tell(),
                    Asked::Nothing => {}
                },
                _ = heart.tick(), if beats.is_some() => supervisor::heartbeat(&self.status()),
            }
        }
        self.phase.set_stopping();
        supervisor::stopping();
        tracing::info!("stopping");
    }

    /// Reads the configuration again, and applies what a running daemon can change.
    fn reload(&mut self) {
        supervisor::reloading();
        match self.options.read() {
            Ok((configuration, zones)) => {
                self.reloads.done.fetch_add(1, Ordering::Relaxed);
                self.server.set_zones(zones);
                self.logging.set_level(configuration.log.level);
                let in_force = self.configuration.clone();
                self.configuration = Configuration {
                    overrides: configuration.overrides.clone(),
                    log: Log { level: configuration.log.level, ..in_force.log },
                    zone: configuration.zone.clone(),
                    zones: configuration.zones.clone(),
                    ..in_force
                };
                tracing::info!("the configuration was read again");
                for key in self.configuration.differences(&configuration) {
                    tracing::warn!(key, "a changed setting needs a restart");
                }
            }
            Err(error) => {
                self.reloads.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "the new configuration is not valid: the old one stays in force");
            }
        }
        self.reload_of_the_system();
        supervisor::ready(&self.status());
    }

    /// Logs the counters in one line.
    fn tell(&self) {
        let (server, service) = (self.server.counts(), self.service.counts());
        tracing::info!(
            requests = self.server.requests(),
            clients = server.clients,
            overrides = server.overrides,
            entries = service.entries,
            from_memory = service.from_memory,
            lookups = service.lookups,
            refreshes = service.refreshes,
            fetched = service.fetched,
            fetch_failures = service.fetch_failures,
            alerts = service.alerts,
            dns_failures = service.dns_failures,
            waiting = service.waiting.sum(),
            turned_away = service.busy.sum(),
            store_failures = service.store_failures,
            unsaved = service.unsaved,
            store = %self.configuration.store,
            "the state of the daemon"
        );
    }

    /// Reads again what others write: the DNS servers and the trusted certificates. Lookups do this on their own when a
    /// file has changed.
    fn reload_of_the_system(&self) {
        let dns = self.service.resolver().dns();
        match dns.reload() {
            Ok(()) => tracing::info!(servers = ?dns.servers(), "DNS servers in use"),
            Err(error) => {
                tracing::error!(%error, servers = ?dns.servers(), "resolv.conf is not usable: the DNS servers are unchanged");
            }
        }
        match self.trust_store.reload() {
            Ok(()) => {
                tracing::info!(roots = self.trust_store.len(), "the certificate authorities were read again");
            }
            Err(error) => {
                tracing::error!(%error, "the certificate authorities are not usable: the old ones remain trusted");
            }
        }
        self.warn_without_dane();
    }

    fn warn_without_dane(&self) {
        if !self.server.dane().can_authenticate() {
            tracing::warn!(
                "there is no DNS server on loopback and none is trusted by option: DANE is not looked up, so MTA-STS overrides it"
            );
        }
    }

    fn status(&self) -> String {
        let counts = self.service.counts();
        format!("answering: {} requests so far, {} domains cached", self.server.requests(), counts.entries)
    }
}

/// Of how many domains it is known for TLS reports that their policy could not be had.
const FAILED_DISCOVERIES: usize = 4096;
/// How long the end of the daemon waits for deliveries of TLS reports in progress.
const LAST_DELIVERIES: Duration = Duration::from_secs(10);
