//! The configuration of TLS reports.

use std::fmt;
use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use mta_sts_core::tlsrpt::ReportSender;
use mta_sts_reporter::{
    CollectorAccess, CollectorConfig, ReportStore, ReportStoreConfig, ReportStoreError, ReportStoreErrorKind,
};
use serde::{Deserialize, Serialize};

use super::super::Exit;
use super::super::daemons::value::{Maybe, Size, text};
use super::super::store::state_folder;
use super::configuration::Configuration;
use super::sending::{Dkim, MailServer};

/// The table `[report]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub(super) struct ReportKeys {
    #[serde(with = "text")]
    pub(super) from: Maybe<String>,
    #[serde(with = "text")]
    pub(super) organization: Maybe<String>,
    #[serde(with = "text")]
    pub(super) store: ReportPlace,
    #[serde(with = "text")]
    sending_ip: Maybe<IpAddr>,
    pub(super) testing_is_checked: bool,
    pub(super) probe_testing: bool,
    pub(super) probe_port: NonZeroU16,
    max_domains: NonZeroUsize,
    #[serde(with = "text")]
    max_memory: Size,
    pub(super) send: bool,
    #[serde(with = "text")]
    pub(super) mail: MailServer,
    #[serde(with = "text")]
    pub(super) queue: Maybe<String>,
    pub(super) insecure_https: bool,
    pub(super) allow_private: bool,
    pub(super) dkim: Dkim,
}

impl Default for ReportKeys {
    fn default() -> Self {
        Self {
            from: Maybe(None),
            organization: Maybe(None),
            store: ReportPlace::default(),
            sending_ip: Maybe(None),
            testing_is_checked: false,
            probe_testing: false,
            probe_port: const { NonZeroU16::new(25).expect("the port must not be 0") },
            max_domains: const { NonZeroUsize::new(65_536).expect("the number must not be 0") },
            max_memory: Size(64 << 20),
            send: true,
            mail: MailServer::default(),
            queue: Maybe(None),
            insecure_https: false,
            allow_private: false,
            dkim: Dkim::default(),
        }
    }
}

impl ReportKeys {
    /// The sender of the reports; `None` without an address.
    pub(super) fn sender(&self) -> Option<Result<ReportSender, String>> {
        let from = self.from.0.as_ref()?;
        let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain);
        let organization = self.organization.0.as_deref().unwrap_or(domain);
        Some(ReportSender::new(from, organization).map_err(|error| error.to_string()))
    }

    /// The limits of the counts.
    pub(super) fn store_config(&self, sender: ReportSender) -> ReportStoreConfig {
        ReportStoreConfig::new(sender)
            .with_max_domains(self.max_domains.get())
            .with_max_octets(usize::try_from(self.max_memory.0).unwrap_or(usize::MAX))
    }
}

impl Configuration {
    /// Opens the store of counts.
    pub(super) fn report_store(&self) -> Result<ReportStore, (Exit, String)> {
        // What cannot be used was told before.
        let nobody = || Err("nobody is named whose reports they are".to_owned());
        let sender =
            self.report.sender().unwrap_or_else(nobody).map_err(|what| (Exit::Configuration, what))?;
        let config = self.report.store_config(sender);
        let store = match &self.report.store {
            ReportPlace::Memory => ReportStore::in_memory(config),
            ReportPlace::Sqlite(path) => ReportStore::open(path, config),
        };
        store.map_err(|error| {
            let help = "`store = \"memory\"` in [report] works without a file";
            (exit(&error), format!("{}: {error} ({help})", self.report.store))
        })
    }

    pub(super) fn collector_config(&self) -> CollectorConfig {
        let mut config = CollectorConfig::new().with_testing_checked(self.report.testing_is_checked);
        if let Some(SocketPath(path)) = &self.tlsrpt_forward.0 {
            config = config.with_forward(path);
        }
        if let Some(address) = self.report.sending_ip.0 {
            config = config.with_sending_ip(address);
        }
        config
    }

    /// The permissions of the collector's socket.
    pub(super) fn collector_access(&self) -> CollectorAccess {
        let owner = self.tlsrpt_owner.0.as_ref();
        CollectorAccess::new()
            .with_mode(self.tlsrpt_mode.0)
            .with_user(owner.and_then(|owner| owner.user))
            .with_group(owner.and_then(|owner| owner.group))
    }
}

/// The exit status and the message if the store of counts cannot be used.
fn exit(error: &ReportStoreError) -> Exit {
    match error.kind() {
        ReportStoreErrorKind::Foreign | ReportStoreErrorKind::Denied => Exit::NoInput,
        ReportStoreErrorKind::Newer => Exit::No,
        _ => Exit::Temporary,
    }
}

/// The path of a unix socket, with or without `unix:` before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SocketPath(pub(super) PathBuf);

impl FromStr for SocketPath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:").unwrap_or(text) {
            "" => Err("expected the path of a unix socket"),
            path => Ok(Self(path.into())),
        }
    }
}

impl fmt::Display for SocketPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "unix:{}", self.0.display())
    }
}

/// The place of the store of counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReportPlace {
    Memory,
    Sqlite(PathBuf),
}

impl ReportPlace {
    /// The file.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Sqlite(path) => Some(path),
        }
    }
}

impl Default for ReportPlace {
    fn default() -> Self {
        Self::Sqlite(state_folder().join("tally.sqlite"))
    }
}

impl FromStr for ReportPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            None if text == "sqlite" => Ok(Self::default()),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err("expected memory, sqlite or sqlite:FILE"),
        }
    }
}

impl fmt::Display for ReportPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => formatter.write_str("memory"),
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
        }
    }
}
