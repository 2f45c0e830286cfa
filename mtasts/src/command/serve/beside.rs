//! The daemon's configuration, for the other commands.

use std::path::{Path, PathBuf};

use mta_sts_resolver::{DnsClient, PolicyFetcher, TrustStore};

use super::super::Exit;
use super::super::control;
use super::super::daemons::value::Maybe;
use super::super::dns_server::DnsServer;
use super::super::store::StorePlace;
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
