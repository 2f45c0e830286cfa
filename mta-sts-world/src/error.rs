use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

/// The reason why a world does not start or cannot execute a command.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorldError {
    /// A fixed address or port is not available. Choose another, or let the system choose.
    #[error("{service} cannot listen on {address}: {source}")]
    Bind {
        /// `dns`, `https` or `smtp`.
        service: &'static str,
        /// The requested address.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// In several attempts, no port was free on all addresses of a service. Try again.
    #[error("no port is free on all {service} addresses: {source}")]
    NoCommonPort {
        /// `dns`, `https` or `smtp`.
        service: &'static str,
        /// The error of the system at the last attempt.
        source: io::Error,
    },
    /// A throw-away certificate could not be made.
    #[error("no certificate for {name}: {detail}")]
    Certificate {
        /// The subject.
        name: String,
        /// The error of the certificate generator.
        detail: String,
    },
    /// A file of [`World::write_files`](crate::World::write_files), or the control socket, cannot be made.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// There is no scenario of this name: see [`World::scenarios`](crate::World::scenarios).
    #[error("no scenario is called {0:?}")]
    UnknownScenario(String),
    /// There is no Policy Host of this name.
    #[error("no Policy Host is called {0:?}")]
    UnknownPolicyHost(String),
    /// There is no host of this name that takes TLS reports over HTTPS.
    #[error("no host that takes reports is called {0:?}")]
    UnknownReportHost(String),
    /// There is no MX host of this name.
    #[error("no MX host is called {0:?}")]
    UnknownMailHost(String),
    /// These are not records of this type, or not at the name of a domain.
    #[error("{0:?} cannot have these records")]
    BadRecords(String),
    /// This is not a domain name.
    #[error("{0:?} is no name of a domain")]
    BadDomain(String),
}

impl WorldError {
    /// A stable kebab-case word, also on the control socket.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "bind-failed",
            Self::NoCommonPort { .. } => "no-common-port",
            Self::Certificate { .. } => "certificate-failed",
            Self::File { .. } => "file-failed",
            Self::UnknownScenario(_) => "unknown-scenario",
            Self::UnknownPolicyHost(_) => "unknown-policy-host",
            Self::UnknownReportHost(_) => "unknown-report-host",
            Self::UnknownMailHost(_) => "unknown-mail-host",
            Self::BadRecords(_) => "bad-records",
            Self::BadDomain(_) => "bad-domain",
        }
    }
}
