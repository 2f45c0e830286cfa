use rusqlite::ErrorCode;

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

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> Self {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => OutboxErrorKind::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OutboxErrorKind::Locked,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OutboxErrorKind::Corrupt,
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => OutboxErrorKind::Denied,
            _ => OutboxErrorKind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}
