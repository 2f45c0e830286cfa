//! A listening address.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use mtasts_socketmap::{SocketAccess, SocketmapListener};

use super::super::Exit;
use super::super::daemons::cannot_listen;

/// A TCP port or a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Place {
    pub(super) async fn bind(&self, access: SocketAccess) -> Result<SocketmapListener, (Exit, String)> {
        let bound = match self {
            Self::Tcp(address) => SocketmapListener::bind_tcp(*address).await,
            Self::Unix(path) => SocketmapListener::bind_unix(path, access),
        };
        bound.map_err(|error| cannot_listen(&self.to_string(), &error))
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            Some("") => Err("expected a path after unix:"),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| "expected an address and a port, 127.0.0.1:8461, or unix:PATH"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}
