//! The reasons why a lookup has no records.

use std::io;
use std::time::Duration;

use crate::local_fault::is_exhausted;

/// The reason why a lookup has no records: they do not exist, or no server gave an answer.
///
/// It is closed: the caller goes on without records, or waits. New causes of the latter are [`DnsFailure`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// A server said that there are none. The caller proceeds without them.
    #[error(transparent)]
    NotFound(#[from] DnsAbsence),
    /// No server gave a reliable answer. The caller tries again later.
    #[error(transparent)]
    Failed(#[from] DnsFailure),
}

impl DnsError {
    /// A stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(absence) => absence.code(),
            Self::Failed(failure) => failure.code(),
        }
    }
}

/// A negative answer (RFC 2308).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", match self.kind {
    AbsenceKind::NoSuchName => "the name does not exist",
    AbsenceKind::NoData => "the name has no record of this type",
})]
pub struct DnsAbsence {
    /// What does not exist.
    pub kind: AbsenceKind,
    /// The time for which the absence may be cached: the smallest of the SOA's TTL, its MINIMUM (RFC 2308, 5), and the
    /// TTLs of the CNAMEs that led here. `None` without an SOA in the answer: do not cache it.
    pub ttl: Option<Duration>,
    /// Whether the absence is authenticated by DNSSEC: the AD bit of a trusted server.
    pub authenticated: bool,
}

impl DnsAbsence {
    /// A stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self.kind {
            AbsenceKind::NoSuchName => "no-such-name",
            AbsenceKind::NoData => "no-data",
        }
    }

    /// Combines the absences of two types of one name. A name that exists for one type exists.
    pub(super) fn and(self, other: Self) -> Self {
        let kind = if self.kind == other.kind { self.kind } else { AbsenceKind::NoData };
        let ttl = self.ttl.zip(other.ttl).map(|(one, two)| one.min(two));
        Self { kind, ttl, authenticated: self.authenticated && other.authenticated }
    }
}

/// What a negative answer says does not exist. It is closed: DNS has these two (RFC 2308, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsenceKind {
    /// NXDOMAIN: the name, with all its types.
    NoSuchName,
    /// NODATA: records of the type asked for.
    NoData,
}

/// The reason why no server gave a reliable answer. With several servers, an error response takes precedence over
/// silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsFailure {
    /// DNSSEC validation failed at the server: SERVFAIL with an Extended DNS Error 6 to 12 (RFC 8914). No other server
    /// was queried. A server without such an error results in [`DnsFailure::ServerFailure`].
    #[error("DNSSEC validation failed (extended error {info_code})")]
    Bogus {
        /// The INFO-CODE of the Extended DNS Error.
        info_code: u16,
    },
    /// A chain of more than eight CNAMEs.
    #[error("too many CNAMEs")]
    CnameChainTooLong,
    /// A loop of CNAMEs.
    #[error("a loop of CNAMEs")]
    CnameLoop,
    /// The queried name is not a domain name; nothing was sent.
    #[error("not a domain name")]
    InvalidName,
    /// The server sent a referral instead of an answer: it is not recursive, or not for this client.
    #[error("the server does not resolve names")]
    Lame,
    /// This machine cannot send a query: it has run out of files, memory, or sockets.
    #[error("this machine cannot send a query: {}", io::Error::from_raw_os_error(*os_error))]
    LocalFault {
        /// The error of the system, such as `EMFILE`.
        os_error: i32,
    },
    /// The response cannot be decoded, or does not match the query.
    #[error("malformed answer")]
    Malformed,
    /// REFUSED: the server does not serve this client.
    #[error("the server refused")]
    Refused,
    /// Another response code (RFC 6895, 2.3).
    #[error("response code {0}")]
    ResponseCode(u16),
    /// SERVFAIL.
    #[error("server failure")]
    ServerFailure,
    /// The resolver configuration of the system cannot be read.
    #[error("the system's DNS configuration cannot be read: {0}")]
    SystemConfiguration(io::ErrorKind),
    /// No answer in time.
    #[error("timed out")]
    Timeout,
    /// The response is truncated even over TCP.
    #[error("truncated answer")]
    Truncated,
    /// The server cannot be reached, or closed the connection.
    #[error("the server cannot be reached: {0}")]
    Unreachable(io::ErrorKind),
}

impl DnsFailure {
    /// A stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bogus { .. } => "bogus",
            Self::CnameChainTooLong => "cname-chain-too-long",
            Self::CnameLoop => "cname-loop",
            Self::InvalidName => "invalid-name",
            Self::Lame => "lame",
            Self::LocalFault { .. } => "local-fault",
            Self::Malformed => "malformed-answer",
            Self::Refused => "refused",
            Self::ResponseCode(_) => "response-code",
            Self::ServerFailure => "servfail",
            Self::SystemConfiguration(_) => "system-configuration",
            Self::Timeout => "timeout",
            Self::Truncated => "truncated-answer",
            Self::Unreachable(_) => "unreachable",
        }
    }

    /// Returns whether this was the response of a server, which it would give again.
    pub(super) fn is_answer(self) -> bool {
        self.weight() == ANSWERED
    }

    /// Returns whether this machine, its network, or its configured server is at fault, as opposed to the owner of the
    /// name. Nobody else can cause these failures, and nobody else can fix them. A server that closes a connection has
    /// been reached.
    pub(crate) fn is_local(self) -> bool {
        match self {
            Self::LocalFault { .. } | Self::SystemConfiguration(_) => true,
            Self::Unreachable(kind) => !matches!(
                kind,
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
            ),
            _ => false,
        }
    }

    /// The more informative of both: first a server that was not queried at all, which might have had the answer; then
    /// an error response. A silent server may be waiting for the owner's servers; an unreachable one is not.
    pub(super) fn or(self, other: Self) -> Self {
        if other.weight() >= self.weight() { other } else { self }
    }

    fn weight(self) -> u8 {
        match self {
            Self::LocalFault { .. } => 3,
            Self::Timeout => 1,
            Self::Unreachable(_) => 0,
            _ => ANSWERED,
        }
    }
}

const ANSWERED: u8 = 2;

impl From<io::Error> for DnsFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            _ if is_exhausted(&error) => {
                Self::LocalFault { os_error: error.raw_os_error().unwrap_or(libc::ENOMEM) }
            }
            io::ErrorKind::TimedOut => Self::Timeout,
            kind => Self::Unreachable(kind),
        }
    }
}

impl From<tokio::time::error::Elapsed> for DnsFailure {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::Timeout
    }
}
