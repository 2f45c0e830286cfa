//! The control socket of the running daemon: its protocol, and its client.
//!
//! A client sends a request as one line of JSON, and receives the answer as lines of JSON; then it may send the next
//! one. The last line of an answer is the one without `entry`. docs/serve.md describes the protocol for other programs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::Exit;
use super::remembered::Remembered;

/// A line sent by a client.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Envelope {
    pub(crate) version: u32,
    #[serde(flatten)]
    pub(crate) request: Request,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Explains the answer to a key now.
    Explain {
        key: String,
        /// The name of the map, which selects the zone.
        #[serde(default)]
        zone: String,
    },
    /// Removes domains.
    Purge { which: Which },
    /// Fetches the policy of a domain now.
    Refresh { domain: String },
    /// Returns everything in memory, one line for each entry.
    Dump,
}

/// The domains to remove.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Which {
    Domain(String),
    Expired,
    All,
}

/// The answer to [`Request::Explain`]. Times are in seconds since 1970.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Explained {
    pub(crate) at: u64,
    pub(crate) key: String,
    pub(crate) zone: String,
    /// Whether no zone has that name, so that the default zone applies.
    pub(crate) default_zone: bool,
    /// The answer as received by Postfix: `OK ...`, `NOTFOUND`, or `TEMP ...`.
    pub(crate) answer: String,
    pub(crate) reason: String,
    /// Whether the overrides determine the answer.
    pub(crate) overridden: bool,
    pub(crate) domain: Option<String>,
    /// The mode of the policy that applies.
    pub(crate) mode: Option<String>,
    /// The code of the reason why no policy applies, or why this could not be determined.
    pub(crate) no_policy: Option<String>,
    /// `every-host`, `some-hosts`, `no-host`, or the code of an error; `None` if DANE was not looked up.
    pub(crate) dane: Option<String>,
    pub(crate) entry: Option<Remembered>,
    /// The recent failures, the latest first.
    pub(crate) events: Vec<ExplainedEvent>,
}

/// A failure that affected a domain.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ExplainedEvent {
    pub(crate) at: u64,
    pub(crate) kind: String,
    pub(crate) code: String,
    pub(crate) cause: String,
}

/// The answer to [`Request::Refresh`].
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Refreshed {
    pub(crate) domain: String,
    /// Whether the policy was fetched.
    pub(crate) fetched: bool,
    /// The reason why it was not.
    pub(crate) cause: Option<String>,
    /// The mode of the policy that applies now.
    pub(crate) mode: Option<String>,
}

/// The reason why a daemon rejects a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A connection to a daemon.
#[derive(Debug)]
pub(crate) struct ControlClient {
    path: PathBuf,
    lines: BufReader<OwnedReadHalf>,
    requests: OwnedWriteHalf,
}

/// The reason why a daemon gave no answer.
#[derive(Debug)]
pub(crate) enum ControlError {
    /// No daemon is listening there, or it has ended.
    Unreachable { path: PathBuf, error: io::Error },
    /// Its answer is not valid.
    Broken { path: PathBuf },
    /// It rejects the request.
    Refused(Refusal),
}

impl ControlClient {
    /// Connects to the daemon listening at this path.
    pub(crate) async fn connect(path: &Path) -> Result<Self, ControlError> {
        let stream = UnixStream::connect(path)
            .await
            .map_err(|error| ControlError::Unreachable { path: path.to_owned(), error })?;
        let (lines, requests) = stream.into_split();
        Ok(Self { path: path.to_owned(), lines: BufReader::new(lines), requests })
    }

    /// Sends a request; the answer is read line by line.
    pub(crate) async fn send(&mut self, request: Request) -> Result<(), ControlError> {
        let envelope = Envelope { version: VERSION, request };
        let mut line = serde_json::to_string(&envelope).map_err(|_| self.broken())?;
        line.push('\n');
        self.requests.write_all(line.as_bytes()).await.map_err(|error| self.unreachable(error))
    }

    /// The next line of an answer.
    pub(crate) async fn next(&mut self) -> Result<Value, ControlError> {
        let mut line = String::new();
        let mut limited = (&mut self.lines).take(MAX_ANSWER_LINE);
        let read = timeout(PATIENCE, limited.read_line(&mut line)).await;
        let read = read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if read.map_err(|error| self.unreachable(error))? == 0 {
            return Err(self.unreachable(io::ErrorKind::UnexpectedEof.into()));
        }
        let answer: Value = serde_json::from_str(&line).map_err(|_| self.broken())?;
        match answer.get("error") {
            Some(error) => {
                Err(serde_json::from_value(error.clone()).map_or(self.broken(), ControlError::Refused))
            }
            None => Ok(answer),
        }
    }

    /// Sends a request with a single-line answer, and returns it.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Value, ControlError> {
        self.send(request).await?;
        self.next().await
    }

    /// Parses a line.
    pub(crate) fn read<T: DeserializeOwned>(&self, value: &Value) -> Result<T, ControlError> {
        T::deserialize(value).map_err(|_| self.broken())
    }

    fn broken(&self) -> ControlError {
        ControlError::Broken { path: self.path.clone() }
    }

    fn unreachable(&self, error: io::Error) -> ControlError {
        ControlError::Unreachable { path: self.path.clone(), error }
    }
}

impl ControlError {
    /// Returns whether no daemon is listening there.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Unreachable { error, .. }
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused))
    }

    /// The exit status of a command after this error.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                Exit::NoInput
            }
            Self::Unreachable { .. } => Exit::Temporary,
            Self::Broken { .. } | Self::Refused(_) => Exit::No,
        }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { path, error } => {
                write!(formatter, "{}: {error}", path.display())?;
                match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => formatter.write_str(
                        ": no `mtasts serve` has its control socket there; set its path with `--control` or in the configuration",
                    ),
                    io::ErrorKind::PermissionDenied => formatter
                        .write_str(": access is limited by `control-mode` and `control-owner`; try as root"),
                    _ => Ok(()),
                }
            }
            Self::Broken { path } => {
                write!(formatter, "{}: the process that listens there is not `mtasts serve`", path.display())
            }
            Self::Refused(Refusal { code, message }) => write!(formatter, "{message} [{code}]"),
        }
    }
}

/// The default path of the control socket, which is that of the shipped unit.
pub(crate) const DEFAULT_PATH: &str = "/run/mtasts/control";
/// The version of the protocol: incremented when a member is removed or changes its meaning, not when one is added.
pub(crate) const VERSION: u32 = 1;
/// Names have at most 253 octets, and zones are as long as a line of the configuration.
pub(crate) const MAX_REQUEST_LINE: u64 = 4096;
/// An entry has at most 64 KiB, and JSON may make it several times longer; an explanation is shorter.
const MAX_ANSWER_LINE: u64 = 4 << 20;
/// A refresh waits for DNS, for a slot, and for a fetch.
const PATIENCE: Duration = Duration::from_secs(120);
