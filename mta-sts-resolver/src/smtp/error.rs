use std::fmt;
use std::io;

use super::reply::SmtpReply;

/// What ended a session or a delivery, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{stage}: {kind}")]
pub struct SmtpError {
    stage: SmtpStage,
    kind: SmtpErrorKind,
}

impl SmtpError {
    /// How far the session came.
    pub fn stage(&self) -> SmtpStage {
        self.stage
    }

    /// What went wrong.
    pub fn kind(&self) -> &SmtpErrorKind {
        &self.kind
    }

    /// A stable word for it.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The server's reply, if that is what went wrong.
    pub fn reply(&self) -> Option<&SmtpReply> {
        match &self.kind {
            SmtpErrorKind::Transient(reply) | SmtpErrorKind::Permanent(reply) => Some(reply),
            _ => None,
        }
    }
}

/// The kinds of [`SmtpError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpErrorKind {
    /// Clear text came after the answer to STARTTLS: a fault of the server, or an attack (RFC 3207, 6).
    #[error("clear text follows the answer to STARTTLS")]
    ClearTextAfterStarttls,
    /// The server closed the connection, or an earlier error ended the session.
    #[error("the connection is closed")]
    Closed,
    /// No connection was made.
    #[error("cannot connect: {0}")]
    Connect(io::ErrorKind),
    /// The MX host is no DNS name; nothing was sent.
    #[error("the MX host is not a DNS name")]
    InvalidMxHost,
    /// The server refused for good (5xx).
    #[error("{0}")]
    Permanent(SmtpReply),
    /// What came is not an SMTP reply, not one to this command, or one that nobody asked for.
    #[error("not a reply of SMTP")]
    Protocol,
    /// The reply is too long to be taken in.
    #[error("the reply is too long")]
    ReplyTooLong,
    /// The envelope asks for REQUIRETLS, and there is no TLS or the server does not offer it (RFC 8689, 4.2.1); nothing was sent.
    #[error("REQUIRETLS is not offered over TLS")]
    RequireTlsNotOffered,
    /// An address is not ASCII, and the server does not offer SMTPUTF8; nothing was sent.
    #[error("SMTPUTF8 is not offered")]
    SmtpUtf8NotOffered,
    /// The time was up.
    #[error("timed out")]
    Timeout,
    /// The server refused for now (4xx).
    #[error("{0}")]
    Transient(SmtpReply),
}

impl SmtpErrorKind {
    /// A stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ClearTextAfterStarttls => "clear-text-after-starttls",
            Self::Closed => "connection-closed",
            Self::Connect(_) => "connect-failed",
            Self::InvalidMxHost => "invalid-mx-host",
            Self::Permanent(_) => "permanent-reply",
            Self::Protocol => "smtp-protocol-error",
            Self::ReplyTooLong => "reply-too-long",
            Self::RequireTlsNotOffered => "requiretls-not-offered",
            Self::SmtpUtf8NotOffered => "smtputf8-not-offered",
            Self::Timeout => "timeout",
            Self::Transient(_) => "transient-reply",
        }
    }

    pub(crate) fn at(self, stage: SmtpStage) -> SmtpError {
        SmtpError { stage, kind: self }
    }
}

/// The steps of a session, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SmtpStage {
    /// The TCP connection.
    Connect,
    /// The server's greeting.
    Greeting,
    /// EHLO or HELO, before or after STARTTLS.
    Ehlo,
    /// The command STARTTLS.
    Starttls,
    /// The TLS handshake.
    TlsHandshake,
    /// The command MAIL.
    Mail,
    /// The command RCPT.
    Rcpt,
    /// The command DATA.
    Data,
    /// The message, up to the reply to its end.
    Message,
    /// The command QUIT.
    Quit,
}

impl fmt::Display for SmtpStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connection",
            Self::Greeting => "greeting",
            Self::Ehlo => "EHLO",
            Self::Starttls => "STARTTLS",
            Self::TlsHandshake => "TLS handshake",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Message => "message",
            Self::Quit => "QUIT",
        })
    }
}
