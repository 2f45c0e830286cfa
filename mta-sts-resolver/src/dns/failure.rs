//! Why a lookup has no records.

use std::io;
use std::time::Duration;

use crate::local_fault::is_exhausted;

/// Why a lookup has no records: they do not exist, or nobody could say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// A server said that there are none. The caller goes on as without them.
    #[error(transparent)]
    NotFound(#[from] DnsAbsence),
    /// No server gave an answer to rely on. The caller tries again later.
    #[error(transparent)]
    Failed(#[from] DnsFailure),
}

impl DnsError {
    /// A stable word for logs and metrics.
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
    /// What is absent.
    pub kind: AbsenceKind,
    /// For how long: the smallest of the SOA's TTL, its MINIMUM (RFC 2308, 5), and the TTLs of the CNAMEs that led
    /// here. Without an SOA in the answer it is `None`, and the absence should not be remembered.
    pub ttl: Option<Duration>,
    /// Whether DNSSEC vouches for it: the AD bit of a server that is trusted with it.
    pub authenticated: bool,
}

impl DnsAbsence {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self.kind {
            AbsenceKind::NoSuchName => "no-such-name",
            AbsenceKind::NoData => "no-data",
        }
    }

    /// Both together, as for two types of one name. A name that exists for one type exists.
    pub(super) fn and(self, other: Self) -> Self {
        let kind = if self.kind == other.kind { self.kind } else { AbsenceKind::NoData };
        let ttl = self.ttl.zip(other.ttl).map(|(one, two)| one.min(two));
        Self { kind, ttl, authenticated: self.authenticated && other.authenticated }
    }
}

/// What a negative answer says is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsenceKind {
    /// NXDOMAIN: the name, with all its types.
    NoSuchName,
    /// NODATA: records of the type asked for.
    NoData,
}

/// Why no server gave an answer to rely on. With several servers, an answer that failed tells more than silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsFailure {
    /// DNSSEC validation failed at the server: SERVFAIL with an Extended DNS Error 6 to 12 (RFC 8914). No other server
    /// was asked. A server that does not say so gives [`DnsFailure::ServerFailure`].
    #[error("DNSSEC validation failed (extended error {info_code})")]
    Bogus {
        /// The INFO-CODE of the Extended DNS Error.
        info_code: u16,
    },
    /// More than eight CNAMEs one after the other.
    #[error("too many CNAMEs")]
    CnameChainTooLong,
    /// CNAMEs that lead back to themselves.
    #[error("a loop of CNAMEs")]
    CnameLoop,
    /// What was asked for is no domain name; nothing was sent.
    #[error("not a domain name")]
    InvalidName,
    /// The server referred to others instead of answering: it is not recursive, or not for us.
    #[error("the server does not resolve names")]
    Lame,
    /// This machine cannot ask: it has no more files, memory or room for a query.
    #[error("this machine cannot ask: {}", io::Error::from_raw_os_error(*os_error))]
    LocalFault {
        /// What the system said, such as `EMFILE`.
        os_error: i32,
    },
    /// The answer cannot be decoded, or is about something else.
    #[error("malformed answer")]
    Malformed,
    /// REFUSED: the server does not serve us.
    #[error("the server refused")]
    Refused,
    /// A response code that has no word of its own here (RFC 6895, 2.3).
    #[error("response code {0}")]
    ResponseCode(u16),
    /// SERVFAIL.
    #[error("server failure")]
    ServerFailure,
    /// The system's resolver configuration cannot be read.
    #[error("the system's DNS configuration cannot be read: {0}")]
    SystemConfiguration(io::ErrorKind),
    /// No answer in time.
    #[error("timed out")]
    Timeout,
    /// The answer is truncated even over TCP.
    #[error("truncated answer")]
    Truncated,
    /// The server cannot be reached, or hung up.
    #[error("the server cannot be reached: {0}")]
    Unreachable(io::ErrorKind),
}

impl DnsFailure {
    /// A stable word for logs and metrics.
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

    /// Whether a server has said so, and would say it again.
    pub(super) fn is_answer(self) -> bool {
        self.weight() == ANSWERED
    }

    /// Whether this machine, its network or the server that it asks is to blame, and not whoever owns the name. Nobody
    /// else can make them fail, and nobody else can mend them. A server that hangs up has been reached.
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

    /// The one of both that tells more: first that a server was not asked at all, which might have had the answer; then
    /// what a server answered. A server that is silent may wait for those of the name's owner, one that cannot be reached
    /// waits for nobody.
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
