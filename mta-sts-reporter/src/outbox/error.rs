use std::io;

use crate::sqlite_fault::SqliteFault;

/// The error of an unusable queue of an [`Outbox`](super::Outbox).
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {detail}", .kind.message())]
pub struct OutboxError {
    kind: OutboxErrorKind,
    detail: String,
}

/// The kind of fault of the queue of an [`Outbox`](super::Outbox).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutboxErrorKind {
    /// The disk is full, or the queue has reached its limit of reports.
    Full,
    /// Another process sends its reports, or holds the database.
    Locked,
    /// It is damaged.
    Corrupt,
    /// This process may not open or write it.
    Denied,
    /// It is not a queue of reports.
    Foreign,
    /// A later version has written it.
    Newer,
    /// There is no queue at this path.
    Missing,
    /// The system cannot open, read or write it.
    Unavailable,
}

impl OutboxError {
    pub(super) fn new(kind: OutboxErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// The kind of fault.
    pub const fn kind(&self) -> OutboxErrorKind {
        self.kind
    }

    /// The stable kebab-case word of the kind.
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }
}

impl OutboxErrorKind {
    /// The stable kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Full => "queue-full",
            Self::Locked => "queue-locked",
            Self::Corrupt => "queue-corrupt",
            Self::Denied => "queue-denied",
            Self::Foreign => "queue-foreign",
            Self::Newer => "queue-newer",
            Self::Missing => "queue-missing",
            Self::Unavailable => "queue-unavailable",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Full => "there is no room for more reports",
            Self::Locked => "another process has the queue of reports",
            Self::Corrupt => "the queue of reports is damaged",
            Self::Denied => "the queue of reports may not be opened or written",
            Self::Foreign => "the file is not a queue of reports",
            Self::Newer => "a later version has written the queue of reports",
            Self::Missing => "there is no queue of reports",
            Self::Unavailable => "the queue of reports cannot be used",
        }
    }
}

impl From<SqliteFault> for OutboxErrorKind {
    fn from(fault: SqliteFault) -> Self {
        match fault {
            SqliteFault::Full => Self::Full,
            SqliteFault::Locked => Self::Locked,
            SqliteFault::Corrupt => Self::Corrupt,
            SqliteFault::Denied => Self::Denied,
            SqliteFault::Unavailable => Self::Unavailable,
        }
    }
}

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(SqliteFault::of(&error, None).into(), error.to_string())
    }
}

impl From<io::Error> for OutboxError {
    fn from(error: io::Error) -> Self {
        Self::new(SqliteFault::of_io(&error).into(), error.to_string())
    }
}
