use std::fmt;
use std::io;

use super::reply::SmtpReply;

/// The error that ended a session or a delivery, and its stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{stage}: {kind}")]
pub struct SmtpError {
    stage: SmtpStage,
    kind: SmtpErrorKind,
}

impl SmtpError {
    /// The stage of the session.
    pub fn stage(&self) -> SmtpStage {
        self.stage
    }

    /// The kind of the error.
    pub fn kind(&self) -> &SmtpErrorKind {
        &self.kind
    }

    /// The stable code: a kebab-case word.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The server's reply, if that is the error.
    pub fn reply(&self) -> Option<&SmtpReply> {
        match &self.kind {
            SmtpErrorKind::Transient(reply) | SmtpErrorKind::Permanent(reply) => Some(reply),
            _ => None,
        }
    }
}

/// The kind of a [`SmtpError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpErrorKind {
    /// Clear text was received after the response to STARTTLS: a fault of the server, or an attack (RFC 3207, 6).
    #[error("clear text follows the response to STARTTLS")]
    ClearTextAfterStarttls,
    /// The server closed the connection, or an earlier error ended the session.
    #[error("the connection is closed")]
    Closed,
    /// No connection could be made.
    #[error("cannot connect: {0}")]
    Connect(io::ErrorKind),
    /// The MX host is not a DNS name; nothing was sent.
    #[error("the MX host is not a DNS name")]
    InvalidMxHost,
    /// The server refused permanently (5xx).
    #[error("{0}")]
    Permanent(SmtpReply),
    /// The data received is not an SMTP reply, does not match the command, or is unsolicited.
    #[error("not a reply of SMTP")]
    Protocol,
    /// The reply is longer than the limit.
    #[error("the reply is too long")]
    ReplyTooLong,
    /// The envelope requires REQUIRETLS, but there is no TLS or the server does not offer it (RFC 8689, 4.2.1); nothing
    /// was sent.
    #[error("REQUIRETLS is not offered over TLS")]
    RequireTlsNotOffered,
    /// An address is not ASCII, but the server does not offer SMTPUTF8; nothing was sent.
    #[error("SMTPUTF8 is not offered")]
    SmtpUtf8NotOffered,
    /// The time limit was reached.
    #[error("timed out")]
    Timeout,
    /// The server refused temporarily (4xx).
    #[error("{0}")]
    Transient(SmtpReply),
}

impl SmtpErrorKind {
    /// The stable code: a kebab-case word.
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

/// The stages of a session, in order.
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
