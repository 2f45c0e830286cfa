//! Stores: where entries outlive the process that made them.

#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::pin::Pin;

use mta_sts_core::{CacheEntry, PolicyDomain};

#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;

/// A place that keeps entries by Policy Domain, for a [`PolicyService`](crate::PolicyService).
///
/// The service answers from memory. It reads a store when memory holds nothing of a domain, and writes each fetched
/// policy before the first answer from it. What a store holds is [`CacheEntry::to_text`], the same in every store.
///
/// A store that fails stops no mail: the service tells of it and goes on with what it has in memory.
pub trait EntryStore: fmt::Debug + Send + Sync {
    /// What is remembered of a domain. An entry that cannot be read was not remembered.
    fn get<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, Option<CacheEntry>>;

    /// Remembers an entry in place of what was there. When the future ends, it outlives the process.
    fn put<'a>(&'a self, domain: &'a PolicyDomain, entry: &'a CacheEntry) -> StoreFuture<'a, ()>;

    /// Forgets a domain; whether there was something to forget.
    fn remove<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, bool>;

    /// At most `count` entries of the domains that follow `after`, in the order of their names.
    fn page<'a>(
        &'a self,
        after: Option<&'a PolicyDomain>,
        count: usize,
    ) -> StoreFuture<'a, Vec<(PolicyDomain, CacheEntry)>>;
}

/// What a store comes to, in its own time.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store did not do what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {detail}", .kind.message())]
pub struct StoreError {
    kind: StoreErrorKind,
    detail: String,
}

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// What is stored is damaged. Move it aside, and let the store begin anew.
    Corrupt,
    /// There is no room left.
    Full,
    /// The store cannot be reached, opened or written. It may be later.
    Unavailable,
}

impl StoreError {
    /// An error of a store; `detail` is for people.
    pub fn new(kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// What is wrong.
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The stable kebab-case word of what is wrong.
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }
}

impl StoreErrorKind {
    /// The stable kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Corrupt => "store-corrupt",
            Self::Full => "store-full",
            Self::Unavailable => "store-unavailable",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Corrupt => "the store is damaged",
            Self::Full => "the store is full",
            Self::Unavailable => "the store is not available",
        }
    }
}
