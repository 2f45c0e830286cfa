//! Stores: where entries outlive the process that made them.

mod merging;
#[cfg(any(feature = "redis", feature = "sqlite"))]
mod ranking;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
#[cfg(any(feature = "redis", feature = "sqlite"))]
use mta_sts_core::{CachedPolicy, EntryErrorKind};
use tokio::time::Instant;

pub use self::merging::merge_entries;
pub(crate) use self::merging::updates;
#[cfg(feature = "redis")]
pub use self::redis::{InvalidRedisUrl, RedisStore, RedisUrl};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteAccess, SqliteConfig, SqliteStore};

/// A place that keeps entries by Policy Domain, for a [`PolicyService`](crate::PolicyService).
///
/// The service answers from memory. It reads a store when memory holds nothing of a domain, and writes each fetched
/// policy before the first answer from it. What a store holds is [`CacheEntry::to_text`], the same in every store.
///
/// A store that fails stops no mail: the service tells of it and goes on with what it has in memory.
pub trait EntryStore: fmt::Debug + Send + Sync {
    /// What is remembered of a domain. An entry that cannot be read counts as none, and stays where it is.
    fn get<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, Option<CacheEntry>>;

    /// Remembers an entry together with what is there by now, which another process may have stored: [`merge_entries`], in one
    /// step. Gives what is there then. When the future ends, it outlives the process.
    ///
    /// An entry that cannot be read may stay; then what was to be put is given back.
    fn put<'a>(&'a self, domain: &'a PolicyDomain, entry: &'a CacheEntry) -> StoreFuture<'a, CacheEntry>;

    /// Forgets a domain; whether there was something to forget.
    fn remove<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, bool>;

    /// At most `count` entries of the domains that follow `after`, in the order of their names.
    fn page<'a>(
        &'a self,
        after: Option<&'a PolicyDomain>,
        count: usize,
    ) -> StoreFuture<'a, Vec<(PolicyDomain, CacheEntry)>>;

    /// At most `count` of the entries that cannot be read and whose names follow `after`, in the order of their names. By
    /// default there are none.
    fn unreadable<'a>(
        &'a self,
        after: Option<&'a UnreadableEntry>,
        count: usize,
    ) -> StoreFuture<'a, Vec<UnreadableEntry>> {
        let _ = (after, count);
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Takes note that mail goes to these domains again: a store that is full keeps them rather than others. By default
    /// nothing is noted.
    fn note_use<'a>(&'a self, domains: &'a [PolicyDomain]) -> StoreFuture<'a, ()> {
        let _ = domains;
        Box::pin(async { Ok(()) })
    }

    /// What the store has found and done since it was opened. By default nothing.
    fn counts(&self) -> StoreCounts {
        StoreCounts::default()
    }

    /// Forgets entries in which nothing counts since before this time; how many. The service asks for it once a day. An entry
    /// that cannot be read is kept. By default nothing is forgotten.
    fn remove_expired(&self, before: UnixTime) -> StoreFuture<'_, usize> {
        let _ = before;
        Box::pin(async { Ok(0) })
    }

    /// The leases of a store that machines share. By default there are none: the store is of one machine, where the service
    /// itself asks each domain once.
    fn leases(&self) -> Option<&dyn Leases> {
        None
    }
}

/// An entry that a store keeps and cannot read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableEntry {
    /// The name that it is kept under: a Policy Domain, unless that is damaged too.
    pub name: Vec<u8>,
    /// Its text.
    pub text: Vec<u8>,
    /// Why it cannot be read.
    pub why: Unreadable,
}

/// Why an entry cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unreadable {
    /// It has the form of a later version of this library, which can read it.
    Newer,
    /// It is no entry, or that of another domain.
    Damaged,
}

/// What a store has found and done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreCounts {
    /// Entries of a later version that the last cleaning came upon, and kept.
    pub newer: u64,
    /// Damaged entries that the last cleaning came upon, and kept.
    pub damaged: u64,
    /// Entries that were evicted, since the store is bounded.
    pub evicted: u64,
}

/// Leave to ask a Policy Host, which one machine of all that share a store has at a time.
///
/// Without it each machine of a fleet would fetch each policy.
pub trait Leases: Send + Sync {
    /// Takes the lease of a domain, or prolongs it; whether this holder has it now. It ends by itself after `lasts`, should
    /// its holder die.
    fn take<'a>(
        &'a self,
        domain: &'a PolicyDomain,
        holder: LeaseHolder,
        lasts: Duration,
    ) -> StoreFuture<'a, bool>;

    /// Gives the lease of a domain back. That of another holder stays.
    fn give_back<'a>(&'a self, domain: &'a PolicyDomain, holder: LeaseHolder) -> StoreFuture<'a, ()>;
}

/// Who has a lease: one lookup of one machine. Printed, it is a word of hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseHolder(u128);

impl LeaseHolder {
    /// One like no other.
    pub fn unique() -> Self {
        // The standard library seeds each by the system's random source, and never two alike in one process.
        let half = || u128::from(RandomState::new().build_hasher().finish());
        Self(half() << 64 | half())
    }
}

impl fmt::Display for LeaseHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// Lets one of many through in a minute: for a log that nobody can flood.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    pub(crate) fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= Duration::from_secs(60));
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
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
    /// There is no store at this place.
    Missing,
    /// What is at this place is no store of entries. It is left as it is; name another place.
    Foreign,
    /// A later version has made the store. It can be read at most, and is never changed.
    Newer,
    /// The rights of the process do not suffice.
    Denied,
    /// Another process has locked the store.
    Locked,
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
            Self::Missing => "store-missing",
            Self::Foreign => "store-foreign",
            Self::Newer => "store-newer",
            Self::Denied => "store-denied",
            Self::Locked => "store-locked",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Corrupt => "the store is damaged",
            Self::Full => "the store is full",
            Self::Unavailable => "the store is not available",
            Self::Missing => "there is no store",
            Self::Foreign => "this is no store of policies",
            Self::Newer => "a later version has made the store",
            Self::Denied => "the store may not be opened",
            Self::Locked => "another process has locked the store",
        }
    }
}

/// Reads an entry of the domain that it is kept under.
#[cfg(any(feature = "redis", feature = "sqlite"))]
fn read_entry(name: &[u8], text: &[u8]) -> Result<(PolicyDomain, CacheEntry), Unreadable> {
    let name = str::from_utf8(name).map_err(|_| Unreadable::Damaged)?;
    let domain = PolicyDomain::parse(name).ok().filter(|domain| domain.as_str() == name);
    let domain = domain.ok_or(Unreadable::Damaged)?;
    let entry = CacheEntry::parse(text, &domain).map_err(|error| match error.kind() {
        EntryErrorKind::UnknownVersion => Unreadable::Newer,
        _ => Unreadable::Damaged,
    })?;
    Ok((domain, entry))
}

/// What to write in place of what a store holds, with `new`; none where that stays as it is. A damaged entry gives way. One of a
/// later version may have a policy that is in force: it gives way to a policy alone, that was asked for as late or later.
#[cfg(any(feature = "redis", feature = "sqlite"))]
fn in_place_of(
    held: Result<CacheEntry, Unreadable>,
    text: &[u8],
    new: &CacheEntry,
    now: UnixTime,
) -> Option<CacheEntry> {
    match held {
        Ok(held) => Some(merge_entries(held, new, now)),
        Err(Unreadable::Newer) => {
            let fetched_at = new.policy()?.fetched_at();
            let is_later = |held: UnixTime| held > fetched_at && held <= now;
            (!fetch_time_of_newer(text).is_some_and(is_later)).then(|| new.clone())
        }
        Err(Unreadable::Damaged) => {
            tracing::warn!("a damaged entry of the store was replaced by a new one");
            Some(new.clone())
        }
    }
}

/// When the policy of an entry was fetched, as far as an entry of a later version tells.
#[cfg(any(feature = "redis", feature = "sqlite"))]
fn fetch_time_of_newer(text: &[u8]) -> Option<UnixTime> {
    let mut headers = text.split(|octet| *octet == b'\n').take_while(|line| !line.is_empty());
    let seconds = headers.find_map(|line| line.strip_prefix(b"fetched-at: "))?;
    str::from_utf8(seconds).ok()?.parse().ok().map(UnixTime::from_secs)
}

/// When nothing in an entry counts any more.
#[cfg(any(feature = "redis", feature = "sqlite"))]
fn ends_at(entry: &CacheEntry) -> UnixTime {
    let policy = entry.policy().map(CachedPolicy::expires_at);
    let absence = entry.absence().map(|absence| absence.until);
    let back_off = entry.back_offs().iter().map(|back_off| back_off.until).max();
    policy.max(absence).max(back_off).unwrap_or_default()
}
