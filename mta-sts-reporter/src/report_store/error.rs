/// The error of a [`ReportStore`](super::ReportStore) that cannot save its counts.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {detail}", .kind.message())]
pub struct ReportStoreError {
    kind: ReportStoreErrorKind,
    detail: String,
}

/// The kind of fault of the database of a [`ReportStore`](super::ReportStore).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReportStoreErrorKind {
    /// The disk is full.
    Full,
    /// Another process has locked it.
    Locked,
    /// It is damaged, and could not be moved aside.
    Corrupt,
    /// This process may not open or write it.
    Denied,
    /// It is not a database of this kind.
    Foreign,
    /// A later version has written it.
    Newer,
    /// The system cannot open, read or write it.
    Unavailable,
}

impl ReportStoreError {
    pub(super) const fn new(kind: ReportStoreErrorKind, detail: String) -> Self {
        Self { kind, detail }
    }

    /// The kind of fault.
    pub const fn kind(&self) -> ReportStoreErrorKind {
        self.kind
    }

    /// The stable code of the kind: a kebab-case word.
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }
}

impl ReportStoreErrorKind {
    /// The stable code: a kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Full => "store-full",
            Self::Locked => "store-locked",
            Self::Corrupt => "store-corrupt",
            Self::Denied => "store-denied",
            Self::Foreign => "store-foreign",
            Self::Newer => "store-newer",
            Self::Unavailable => "store-unavailable",
        }
    }

    /// Returns whether the fault is temporary.
    pub(super) const fn is_passing(self) -> bool {
        matches!(self, Self::Full | Self::Locked)
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Full => "The disk is full",
            Self::Locked => "Another process has the database",
            Self::Corrupt => "The database is damaged",
            Self::Denied => "The database may not be opened or written",
            Self::Foreign => "The file is no database of counts for reports",
            Self::Newer => "A later version has written the database",
            Self::Unavailable => "The database cannot be used",
        }
    }
}
