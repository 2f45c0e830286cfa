use std::path::PathBuf;

use clap::Args;
use mta_sts_resolver::{DnsClient, PolicyFetcher, TrustStore};

use super::Exit;
use super::dns_server::DnsServer;
use super::serve::DaemonConfiguration;

/// The network access of a command: that of the system or of the daemon, unless overridden.
#[derive(Args, Clone, Debug)]
pub(crate) struct Network {
    /// Use the settings of `mtasts serve` with this configuration: its DNS servers, proxy, certificate authorities
    /// and ports [default: `mtasts.toml` in `$CONFIGURATION_DIRECTORY`, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ask this DNS server instead of the system's
    #[arg(long, value_name = "ADDR[:PORT]")]
    dns: Option<DnsServer>,
    /// Trust only the certificates in this file
    #[arg(long, value_name = "PEM")]
    ca_file: Option<String>,
    /// Contact policy hosts on this port [default: 443]
    #[arg(long, value_name = "N")]
    https_port: Option<u16>,
    /// Contact MX hosts on this port, and look up their TLSA records for it
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub(crate) smtp_port: u16,
}

/// The network clients.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) dns: DnsClient,
    pub(crate) fetcher: PolicyFetcher,
    pub(crate) trust_store: TrustStore,
}

impl Network {
    /// The network clients, or the exit status and the message of the command.
    pub(crate) fn clients(&self) -> Result<Clients, (Exit, String)> {
        let mut configuration = DaemonConfiguration::read(self.config.as_deref())?;
        if let Some(server) = self.dns {
            configuration.set_dns(server);
        }
        if let Some(file) = &self.ca_file {
            configuration.set_ca_file(file);
        }
        if let Some(port) = self.https_port {
            configuration.set_https_port(port);
        }
        let trust_store = configuration.trust_store()?;
        Ok(Clients {
            dns: configuration.dns_client()?,
            fetcher: configuration.fetcher(trust_store.clone()),
            trust_store,
        })
    }
}
