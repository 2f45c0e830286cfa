//! The daemon: from its configuration to its end.

use std::io;

use mta_sts_resolver::{PolicyService, SocketmapServer};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::super::Exit;
use super::Serve;
use super::configuration::{Configuration, ConfigurationError};
use super::logging::{Log, Logging};
use super::sockets::Sockets;
use super::supervisor;

/// A daemon that serves.
pub(super) struct Daemon<'a> {
    command: &'a Serve,
    /// What is in force.
    configuration: Configuration,
    logging: Logging,
    service: PolicyService,
    server: SocketmapServer,
}

impl<'a> Daemon<'a> {
    /// Serves until a signal ends it.
    pub(super) async fn run(command: &'a Serve) -> Result<(), (Exit, String)> {
        let (configuration, zones) = command.read().map_err(|error| {
            let exit = match error {
                ConfigurationError::Unreadable(_) => Exit::NoInput,
                ConfigurationError::Faulty(_) => Exit::Usage,
            };
            (exit, format!("{error:#}"))
        })?;
        let logging = configuration.log.start();
        if let Some(file) = command.config_file() {
            tracing::info!(file = %file.display(), "the configuration was read");
        }
        // Each client takes a file, and so does each lookup.
        match rlimit::increase_nofile_limit(u64::MAX) {
            Ok(files) => tracing::debug!(files, "how many files may be open"),
            Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
        }
        let dns = configuration.dns_client().map_err(|error| (Exit::Temporary, error.to_string()))?;
        let trust_store = configuration.trust_store().map_err(|error| (Exit::Usage, error.to_string()))?;
        // Before anything is told, so that no signal after it finds the daemon without its handlers.
        let mut signals = Signals::watch()?;

        let mut service_config = configuration.service_config();
        let place = &configuration.store;
        let store = place.open().map_err(|error| {
            (Exit::Temporary, format!("{place}: {error} (`--store memory` works without a store)"))
        })?;
        if let Some(store) = store {
            service_config = service_config.store(store);
        }
        let service = PolicyService::new(configuration.resolver(dns, trust_store), service_config);
        let sockets = Sockets::open(&configuration).await?;
        let server = SocketmapServer::new(service.clone(), configuration.socketmap_config(), zones);
        let mut daemon = Self { command, configuration, logging, service, server };

        supervisor::status("reading the store");
        tokio::select! {
            () = daemon.load() => {}
            () = signals.stop() => return Ok(()),
        }
        daemon.serve(sockets, signals).await;
        tracing::info!(requests = daemon.server.requests(), "stopped");
        Ok(())
    }

    async fn load(&self) {
        match self.service.load().await {
            Ok(entries) => {
                tracing::info!(entries, store = %self.configuration.store, "policies are in memory")
            }
            Err(error) => tracing::error!(code = error.code(), %error, "the store could not be read"),
        }
    }

    async fn serve(&mut self, sockets: Sockets, mut signals: Signals) {
        for (listener, place) in sockets.answers.iter().zip(&self.configuration.listen) {
            // With port 0 the system has chosen one.
            let address =
                listener.tcp_addr().map_or_else(|| place.to_string(), |address| address.to_string());
            tracing::info!(%address, "listening");
        }
        supervisor::ready(&self.status());
        let (server, service) = (self.server.clone(), self.service.clone());
        tokio::select! {
            () = server.serve(sockets.answers, self.supervise(&mut signals)) => {}
            () = service.refresh_for_ever() => {}
        }
    }

    /// Until it has to stop.
    async fn supervise(&mut self, signals: &mut Signals) {
        let beats = supervisor::heartbeat_interval();
        let interval = beats.unwrap_or(std::time::Duration::from_secs(3600));
        let mut heart = interval_at(Instant::now() + interval, interval);
        heart.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    Asked::Stop => break,
                    Asked::Reload => self.reload(),
                },
                _ = heart.tick(), if beats.is_some() => supervisor::heartbeat(&self.status()),
            }
        }
        supervisor::stopping();
        tracing::info!("stopping");
    }

    /// Reads the configuration again, and does what it says as far as a running daemon can.
    fn reload(&mut self) {
        supervisor::reloading();
        match self.command.read() {
            Ok((configuration, zones)) => {
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
                    tracing::warn!(key, "this was changed, and needs a restart");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the configuration was read again and is of no use: the old one stays in force");
            }
        }
        supervisor::ready(&self.status());
    }

    fn status(&self) -> String {
        let counts = self.service.counts();
        format!(
            "answering: {} requests so far, {} domains remembered",
            self.server.requests(),
            counts.entries
        )
    }
}

enum Asked {
    Reload,
    Stop,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn watch() -> Result<Self, (Exit, String)> {
        let failed = |error: io::Error| (Exit::Temporary, format!("signals cannot be handled: {error}"));
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            hangup: signal(SignalKind::hangup()).map_err(failed)?,
        })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }
}
