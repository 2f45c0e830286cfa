//! The control socket of a daemon that runs: its protocol, and its client.
//!
//! A client sends a request as one line of JSON, and gets the answer as lines of JSON; then it may send the next. The last line
//! of an answer is the one without `entry`. docs/serve.md has it for other programs.

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

/// A line that a client sends.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Envelope {
    pub(crate) version: u32,
    #[serde(flatten)]
    pub(crate) request: Request,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// What is answered to a key now, and why.
    Explain {
        key: String,
        /// The name of the map, which chooses the zone.
        #[serde(default)]
        zone: String,
    },
    /// To forget.
    Purge { which: Which },
    /// To fetch the policy of a domain now.
    Refresh { domain: String },
    /// Everything that memory holds, a line for each entry.
    Dump,
}

/// Which domains are forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Which {
    Domain(String),
    Expired,
    All,
}

/// The answer to [`Request::Explain`]. Times are seconds since 1970.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Explained {
    pub(crate) at: u64,
    pub(crate) key: String,
    pub(crate) zone: String,
    /// Whether no zone has that name, so that the one of every other map counts.
    pub(crate) default_zone: bool,
    /// As Postfix gets it: `OK ...`, `NOTFOUND` or `TEMP ...`.
    pub(crate) answer: String,
    pub(crate) reason: String,
    /// Whether the overrides say what is answered.
    pub(crate) overridden: bool,
    pub(crate) domain: Option<String>,
    /// The mode of the policy that applies.
    pub(crate) mode: Option<String>,
    /// The word of why none applies, or why it is not known whether one does.
    pub(crate) no_policy: Option<String>,
    /// `every-host`, `some-hosts`, `no-host`, or the word of an error; none where DANE was not asked about.
    pub(crate) dane: Option<String>,
    pub(crate) entry: Option<Remembered>,
    /// What went wrong lately, the latest first.
    pub(crate) events: Vec<ExplainedEvent>,
}

/// Something that went wrong with a domain.
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
    /// Why not.
    pub(crate) cause: Option<String>,
    /// The mode of the policy that applies now.
    pub(crate) mode: Option<String>,
}

/// Why a daemon does not do what it is asked for.
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

/// Why a daemon did not answer.
#[derive(Debug)]
pub(crate) enum ControlError {
    /// None listens there, or it is gone.
    Unreachable { path: PathBuf, error: io::Error },
    /// What it said makes no sense.
    Broken { path: PathBuf },
    /// It does not do that.
    Refused(Refusal),
}

impl ControlClient {
    /// Connects to the daemon that listens there.
    pub(crate) async fn connect(path: &Path) -> Result<Self, ControlError> {
        let stream = UnixStream::connect(path)
            .await
            .map_err(|error| ControlError::Unreachable { path: path.to_owned(), error })?;
        let (lines, requests) = stream.into_split();
        Ok(Self { path: path.to_owned(), lines: BufReader::new(lines), requests })
    }

    /// Sends a request; its answer is read line by line.
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

    /// The one line of the answer to a request.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Value, ControlError> {
        self.send(request).await?;
        self.next().await
    }

    /// What a line says.
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
    /// Whether no daemon listens there.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Unreachable { error, .. }
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused))
    }

    /// How a command ends for it.
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
                        ": no `mtasts serve` has its control socket there; `--control` or the configuration says where it is",
                    ),
                    io::ErrorKind::PermissionDenied => formatter
                        .write_str(": only whom `control-mode` and `control-owner` let in may ask; try as root"),
                    _ => Ok(()),
                }
            }
            Self::Broken { path } => {
                write!(formatter, "{}: what listens there is no `mtasts serve`", path.display())
            }
            Self::Refused(Refusal { code, message }) => write!(formatter, "{message} [{code}]"),
        }
    }
}

/// Where the control socket is if nobody says otherwise: where the shipped unit has it.
pub(crate) const DEFAULT_PATH: &str = "/run/mtasts/control";
/// The version of the protocol: raised when a member goes or changes its meaning, not when one comes.
pub(crate) const VERSION: u32 = 1;
/// Names are 253 octets long at most, and zones are as long as a line of the configuration.
pub(crate) const MAX_REQUEST_LINE: u64 = 4096;
/// An entry has 64 KiB at most, and JSON may make it some times longer; what is known of a domain is less.
const MAX_ANSWER_LINE: u64 = 4 << 20;
/// A refresh waits for DNS, for its turn, and for a fetch.
const PATIENCE: Duration = Duration::from_secs(120);
