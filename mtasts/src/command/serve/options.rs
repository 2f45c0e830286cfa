//! The options of the command line, and the configuration from them, the environment and the file.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use mtasts_socketmap::{Overrides, Zones};

use super::super::daemons::value::Maybe;
use super::super::daemons::{Fault, LogFormat, LogLevel, Unworkable};
use super::super::dns_server::DnsServer;
use super::super::store::StorePlace;
use super::beside::config_file;
use super::configuration::{Configuration, ConfigurationError, ZoneKeys};
use super::overrides;
use super::place::Place;
use super::report_keys::SocketPath;

/// Options that count more than those of the file.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// Read options from this file [default: `mtasts.toml` in `$CONFIGURATION_DIRECTORY`, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen here; may be given several times [default: 127.0.0.1:8461]
    #[arg(long, value_name = "ADDR:PORT|unix:PATH")]
    listen: Vec<Place>,
    /// Keep policies across restarts: in a file, or in a Redis server that machines share, `redis://HOST:PORT/NUMBER`,
    /// `rediss://HOST:PORT/NUMBER`, `redis+unix:///PATH` or `redis+sentinel://HOST,HOST/SERVICE`. One with a password belongs in the file, or in
    /// `$MTASTS_STORE`, where nobody else sees it [default: `$MTASTS_STORE`, or else sqlite]
    #[arg(long, value_name = "memory|sqlite[:FILE]|redis://...")]
    store: Option<StorePlace>,
    /// Serve /metrics and /healthz here [default: nowhere]
    #[arg(long, value_name = "ADDR:PORT")]
    metrics: Option<SocketAddr>,
    /// Accept requests of `mtasts explain` and `mtasts cache` here [default: `control` in `$RUNTIME_DIRECTORY`, or else
    /// nowhere]
    #[arg(long, value_name = "PATH")]
    control: Option<String>,
    /// Collect the sessions of mail servers for TLS reports (libtlsrpt) at this Unix socket. Needs an address in
    /// --report-from or in the file [default: nowhere]
    #[arg(long, value_name = "[unix:]PATH")]
    tlsrpt: Option<SocketPath>,
    /// Forward datagrams received at --tlsrpt to another collector at this Unix socket
    #[arg(long, value_name = "[unix:]PATH")]
    tlsrpt_forward: Option<SocketPath>,
    /// The mail address that TLS reports come from; its domain is the one that sends them
    #[arg(long, value_name = "ADDRESS")]
    report_from: Option<String>,
    /// The organisation named in TLS reports [default: the domain of --report-from]
    #[arg(long, value_name = "NAME")]
    report_organization: Option<String>,
    /// Probe the MX hosts of domains in mode testing once a day, for TLS reports: Postfix verifies no certificate there
    #[arg(long)]
    probe_testing: bool,
    /// Read per-destination overrides from this file
    #[arg(long, value_name = "FILE")]
    overrides: Option<String>,
    #[command(flatten)]
    zone: ZoneKeys,
    /// Log events of at least this level [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
    /// Format of log lines [default: text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Include domain names in log lines of every level, not only of debug and trace
    #[arg(long)]
    log_domains: bool,
    /// Query this DNS server instead of the system's; may be given several times
    #[arg(long, value_name = "ADDR[:PORT]")]
    dns: Vec<DnsServer>,
    /// Trust only the certificates in this file
    #[arg(long, value_name = "PEM")]
    ca_file: Option<String>,
    /// Contact policy hosts on this port [default: 443]
    #[arg(long, value_name = "N")]
    https_port: Option<u16>,
}

impl Options {
    /// The configuration and the zones, read again.
    pub(super) fn read(&self) -> Result<(Configuration, Zones), ConfigurationError> {
        let configuration = match self.config_file() {
            Some(file) => Configuration::read(&file)?,
            None => Configuration::default(),
        };
        let in_environment = StorePlace::from_environment().map_err(ConfigurationError::Environment)?;
        let configuration = self.overrule(configuration, in_environment.as_ref()).complete();
        if let Some(unworkable) = configuration.unworkable() {
            return Err(self.tell_unworkable(&unworkable));
        }
        let overrides = match &configuration.overrides.0 {
            Some(file) => overrides::read(Path::new(file))?,
            None => Overrides::new(),
        };
        let zones = configuration.zones().with_overrides(overrides);
        Ok((configuration, zones))
    }

    /// Adds the position, if the value comes from the file.
    fn tell_unworkable(&self, unworkable: &Unworkable) -> ConfigurationError {
        let message = &unworkable.message;
        let in_file = self.config_file().and_then(|file| {
            let text = std::fs::read_to_string(&file).ok()?;
            // The command line may have set another value.
            let said = toml::from_str::<Configuration>(&text).ok()?.unworkable()?;
            let span = unworkable.span(&text).filter(|_| said == *unworkable)?;
            Some(Fault::at(&file, &text, span, message))
        });
        let on_command_line = || format!("`{}`: {message}", unworkable.key.join("."));
        in_file.map_or_else(|| ConfigurationError::Unworkable(on_command_line()), ConfigurationError::Faulty)
    }

    pub(super) fn config_file(&self) -> Option<PathBuf> {
        config_file(self.config.as_deref())
    }

    /// Warnings for the operator about questionable settings.
    pub(super) fn warnings(&self, configuration: &Configuration) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.store.as_ref().is_some_and(StorePlace::has_password) {
            warnings.push(
                "the password of the store is on the command line, where everybody on this machine sees it: \
                 put it into the configuration, or into MTASTS_STORE"
                    .to_owned(),
            );
        } else if let Some(file) = self.config_file().filter(|_| configuration.store.has_password())
            && std::fs::metadata(&file).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
        {
            warnings.push(format!(
                "{} contains the password of the store and is readable by everybody on this machine: run chmod o= on it",
                file.display()
            ));
        }
        warnings
    }

    fn overrule(
        &self,
        mut configuration: Configuration,
        in_environment: Option<&StorePlace>,
    ) -> Configuration {
        if !self.listen.is_empty() {
            configuration.listen.clone_from(&self.listen);
        }
        if let Some(store) = self.store.as_ref().or(in_environment) {
            configuration.store.clone_from(store);
        }
        if self.metrics.is_some() {
            configuration.metrics = Maybe(self.metrics);
        }
        if self.control.is_some() {
            configuration.control = Maybe(self.control.clone());
        }
        if self.tlsrpt.is_some() {
            configuration.tlsrpt = Maybe(self.tlsrpt.clone());
        }
        if self.tlsrpt_forward.is_some() {
            configuration.tlsrpt_forward = Maybe(self.tlsrpt_forward.clone());
        }
        if self.report_from.is_some() {
            configuration.report.from = Maybe(self.report_from.clone());
        }
        if self.report_organization.is_some() {
            configuration.report.organization = Maybe(self.report_organization.clone());
        }
        configuration.report.probe_testing |= self.probe_testing;
        if self.overrides.is_some() {
            configuration.overrides = Maybe(self.overrides.clone());
        }
        configuration.zone = self.zone.clone().or(&configuration.zone);
        if let Some(level) = self.log_level {
            configuration.log.level = level;
        }
        if let Some(format) = self.log_format {
            configuration.log.format = format;
        }
        configuration.log.domains |= self.log_domains;
        if !self.dns.is_empty() {
            configuration.dns.clone_from(&self.dns);
        }
        if self.ca_file.is_some() {
            configuration.ca_file = Maybe(self.ca_file.clone());
        }
        if let Some(port) = self.https_port {
            configuration.https_port = port;
        }
        configuration
    }
}
