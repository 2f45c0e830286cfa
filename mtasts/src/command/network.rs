use std::path::PathBuf;

use clap::Args;
use mta_sts_resolver::{DnsClient, PolicyFetcher, TrustStore};

use super::Exit;
use super::dns_server::DnsServer;
use super::serve::DaemonConfiguration;

/// Which network to ask: the system's, or the daemon's, unless told otherwise.
#[derive(Args, Clone, Debug)]
pub(crate) struct Network {
    /// Ask as `mtasts serve` does with this configuration: its DNS servers, proxy, certificate authorities and ports
    /// [default: `mtasts.toml` in `$CONFIGURATION_DIRECTORY`, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ask this DNS server instead of the system's
    #[arg(long, value_name = "ADDR[:PORT]")]
    dns: Option<DnsServer>,
    /// Trust the certificates in this file only
    #[arg(long, value_name = "PEM")]
    ca_file: Option<String>,
    /// Ask policy hosts on this port [default: 443]
    #[arg(long, value_name = "N")]
    https_port: Option<u16>,
    /// Ask MX hosts on this port, and for their TLSA records at it
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub(crate) smtp_port: u16,
}

/// What asks the network.
pub(crate) struct Clients {
    pub(crate) dns: DnsClient,
    pub(crate) fetcher: PolicyFetcher,
    pub(crate) trust_store: TrustStore,
}

impl Network {
    /// What asks it, or how the command ends and why.
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
