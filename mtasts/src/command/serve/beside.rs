//! The daemon's configuration, for the other commands.

use std::path::{Path, PathBuf};

use mta_sts_core::tlsrpt::ReportSender;
use mta_sts_reporter::{ReportFleet, ReportMailer, ReportStore, ReportStoreConfig};
use mta_sts_resolver::{DnsClient, PolicyFetcher, ReportPoster, SqliteAccess, TrustStore};

use super::super::Exit;
use super::super::control;
use super::super::daemons::value::Maybe;
use super::super::dns_server::DnsServer;
use super::super::store::{self, StorePlace};
use super::configuration::{Configuration, exit_of_trust_store};

/// The daemon's network settings and store, so that a command sees the same as the daemon.
#[derive(Clone, Debug)]
pub(crate) struct DaemonConfiguration(Configuration);

impl DaemonConfiguration {
    /// Reads the file that `mtasts serve` would read: this one, or else the one in `$CONFIGURATION_DIRECTORY`. Without
    /// a file, the defaults apply.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self, (Exit, String)> {
        let Some(file) = config_file(file) else { return Ok(Self(Configuration::default())) };
        Configuration::read(&file).map(Self).map_err(|error| (error.exit(), format!("{error:#}")))
    }

    pub(crate) fn set_dns(&mut self, server: DnsServer) {
        self.0.dns = vec![server];
    }

    pub(crate) fn set_ca_file(&mut self, file: &str) {
        self.0.ca_file = Maybe(Some(file.to_owned()));
    }

    pub(crate) fn set_https_port(&mut self, port: u16) {
        self.0.https_port = port;
    }

    pub(crate) fn store(&self) -> &StorePlace {
        &self.0.store
    }

    /// The path of the daemon's control socket.
    pub(crate) fn control(&self) -> &Path {
        Path::new(self.0.control.0.as_deref().unwrap_or(control::DEFAULT_PATH))
    }

    /// The sender of TLS reports.
    pub(crate) fn report_sender(&self) -> Result<ReportSender, (Exit, String)> {
        let nobody = || {
            let what = "reports need an address to come from: set `from` in [report], and name the file with --config";
            Err(what.to_owned())
        };
        self.0.report.sender().unwrap_or_else(nobody).map_err(|what| (Exit::Configuration, what))
    }

    /// The file of the counts, and the configuration of the store.
    pub(crate) fn report_store(&self) -> Result<(PathBuf, ReportStoreConfig), (Exit, String)> {
        let config = self.0.report.store_config(self.report_sender()?);
        match self.0.report.store.path() {
            Some(path) => Ok((path.to_owned(), config)),
            None => Err((
                Exit::Configuration,
                "with `store = \"memory\"` in [report], only the daemon has the counts".to_owned(),
            )),
        }
    }

    /// The file of the queue.
    pub(crate) fn report_queue(&self) -> PathBuf {
        self.0.report.queue()
    }

    /// The mail server for reports.
    pub(crate) fn report_mailer(&self, trust_store: &TrustStore) -> ReportMailer {
        self.0.report.mailer(trust_store)
    }

    /// The machines that share the store of the daemon, if it is one that can be shared.
    pub(crate) fn report_fleet(&self, counts: &ReportStore) -> Result<Option<ReportFleet>, (Exit, String)> {
        let StorePlace::Redis(_) = &self.0.store else { return Ok(None) };
        let place = &self.0.store;
        let opened = place.open(SqliteAccess::Read);
        let store = opened.map_err(|error| (store::exit(&error), format!("{place}: {error}")))?;
        Ok(self.0.report.fleet(store, counts))
    }

    /// The client that posts reports.
    pub(crate) fn report_poster(&self, trust_store: TrustStore) -> ReportPoster {
        self.0.report.poster(trust_store)
    }

    pub(crate) fn dns_client(&self) -> Result<DnsClient, (Exit, String)> {
        self.0.dns_client(self.0.file_budget()).map_err(|error| (Exit::Temporary, error.to_string()))
    }

    pub(crate) fn trust_store(&self) -> Result<TrustStore, (Exit, String)> {
        self.0.trust_store().map_err(|error| (exit_of_trust_store(&error), error.to_string()))
    }

    pub(crate) fn fetcher(&self, trust_store: TrustStore) -> PolicyFetcher {
        self.0.fetcher(trust_store)
    }
}

/// The directory comes from systemd; without a file in it, the defaults apply.
pub(super) fn config_file(given: Option<&Path>) -> Option<PathBuf> {
    given.map(Path::to_owned).or_else(|| {
        let folder = PathBuf::from(std::env::var_os("CONFIGURATION_DIRECTORY")?);
        Some(folder.join("mtasts.toml")).filter(|file| file.exists())
    })
}
