//! Stores, in which entries survive a restart of the process.

mod merging;
mod parcels;
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
pub use self::parcels::{Parcel, ParcelClaim, ParcelState, Parcels};
#[cfg(feature = "redis")]
pub use self::redis::{InvalidRedisUrl, RedisStore, RedisUrl};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteAccess, SqliteConfig, SqliteStore};

/// A store of entries by Policy Domain, for a [`PolicyService`](crate::PolicyService).
///
/// The service answers from memory. It reads a store if memory has no entry of a domain, and writes each fetched policy
/// before the first answer that uses it. Entries are stored in the form of [`CacheEntry::to_text`], the same in every
/// store.
///
/// A failing store does not stop mail: the service logs it and continues from memory.
pub trait EntryStore: fmt::Debug + Send + Sync {
    /// Returns the entry of a domain. An unreadable entry counts as absent, and is kept.
    fn get<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, Option<CacheEntry>>;

    /// Merges an entry with the stored one, which another process may have written, as [`merge_entries`] does, in one
    /// atomic step; returns the result. When the future completes, the result survives a restart of the process.
    ///
    /// An unreadable entry may be kept; then the new entry is returned.
    fn put<'a>(&'a self, domain: &'a PolicyDomain, entry: &'a CacheEntry) -> StoreFuture<'a, CacheEntry>;

    /// Removes the entry of a domain; returns whether there was one.
    fn remove<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, bool>;

    /// Returns at most `count` entries of the domains after `after`, in the order of their names.
    fn page<'a>(
        &'a self,
        after: Option<&'a PolicyDomain>,
        count: usize,
    ) -> StoreFuture<'a, Vec<(PolicyDomain, CacheEntry)>>;

    /// Returns at most `count` unreadable entries with names after `after`, in the order of their names. Default: none.
    fn unreadable<'a>(
        &'a self,
        after: Option<&'a UnreadableEntry>,
        count: usize,
    ) -> StoreFuture<'a, Vec<UnreadableEntry>> {
        let _ = (after, count);
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Records repeated use of these domains: a full store evicts others first. Default: does nothing.
    fn note_use<'a>(&'a self, domains: &'a [PolicyDomain]) -> StoreFuture<'a, ()> {
        let _ = domains;
        Box::pin(async { Ok(()) })
    }

    /// The counters since the store was opened. Default: all zero.
    fn counts(&self) -> StoreCounts {
        StoreCounts::default()
    }

    /// Removes entries in which nothing has been current since this time; returns their number. The service calls it
    /// once a day. Unreadable entries are kept. Default: removes nothing.
    fn remove_expired(&self, before: UnixTime) -> StoreFuture<'_, usize> {
        let _ = before;
        Box::pin(async { Ok(0) })
    }

    /// The leases of a store that machines share. Default: none, for a store of a single machine, where the service
    /// already shares lookups.
    fn leases(&self) -> Option<&dyn Leases> {
        None
    }

    /// The parcels in a store that machines share. Default: none.
    fn parcels(&self) -> Option<&dyn Parcels> {
        None
    }
}

/// A stored entry that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableEntry {
    /// The key of the entry: a Policy Domain, unless that is damaged too.
    pub name: Vec<u8>,
    /// Its text.
    pub text: Vec<u8>,
    /// The reason why it cannot be read.
    pub why: Unreadable,
}

/// The reason why an entry cannot be read. Treat an unknown one as [`Unreadable::Newer`]: the entry stays in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unreadable {
    /// It was written by a later version of this library, which can read it.
    Newer,
    /// It is damaged, or belongs to another domain.
    Damaged,
}

/// The counters of a store since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreCounts {
    /// Entries of a later version that the last cleaning found and kept.
    pub newer: u64,
    /// Damaged entries that the last cleaning found and kept.
    pub damaged: u64,
    /// Entries that were evicted because of the size limit.
    pub evicted: u64,
}

/// Leases for fetching: of all machines that share a store, only the holder queries a Policy Host.
///
/// Without leases, each machine of a fleet would fetch each policy.
pub trait Leases: Send + Sync {
    /// Takes or renews the lease of a domain; returns whether this holder has it now. It expires after `lasts`, in case
    /// its holder dies.
    fn take<'a>(
        &'a self,
        domain: &'a PolicyDomain,
        holder: LeaseHolder,
        lasts: Duration,
    ) -> StoreFuture<'a, bool>;

    /// Releases the lease of a domain, unless another holder has it.
    fn give_back<'a>(&'a self, domain: &'a PolicyDomain, holder: LeaseHolder) -> StoreFuture<'a, ()>;
}

/// The holder of a lease: one lookup on one machine. It is displayed in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseHolder(u128);

impl LeaseHolder {
    /// A new unique holder.
    pub fn unique() -> Self {
        // The standard library seeds each hasher from the system's random source, and differently each time.
        let half = || u128::from(RandomState::new().build_hasher().finish());
        Self(half() << 64 | half())
    }
}

impl fmt::Display for LeaseHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// A rate limiter that lets one event through each minute: for a log that must not be flooded.
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

/// The future of a store operation.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// An error of a store operation.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {detail}", .kind.message())]
pub struct StoreError {
    kind: StoreErrorKind,
    detail: String,
}

/// The kind of a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The stored data is damaged. Move it aside, and let the store start empty.
    Corrupt,
    /// The disk or the server has no space left.
    Full,
    /// The store cannot be reached, opened, or written at present. Retry later.
    Unavailable,
    /// There is no store at this location.
    Missing,
    /// The location contains something other than a store of entries, which is left unchanged. Configure another
    /// location.
    Foreign,
    /// The store was created by a later version. At most it can be read; it is never changed.
    Newer,
    /// The process does not have the required permissions.
    Denied,
    /// Another process has locked the store.
    Locked,
}

impl StoreError {
    /// An error of a store; `detail` is for people.
    pub fn new(kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// The kind of the error.
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The stable code of the kind: a kebab-case word.
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }
}

impl StoreErrorKind {
    /// The stable code: a kebab-case word.
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
            Self::Unavailable => "the store is unavailable",
            Self::Missing => "there is no store",
            Self::Foreign => "this is not a store of policies",
            Self::Newer => "the store was created by a later version",
            Self::Denied => "permission to open the store was denied",
            Self::Locked => "another process has locked the store",
        }
    }
}

/// Parses an entry stored under the name of this domain.
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

/// The entry to write in place of the stored one, merged with `new`; `None` if the stored one stays. A damaged entry is
/// replaced. One of a later version may have a policy in force: it is replaced only by a policy that was requested at
/// the same time or later.
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

/// The time at which the policy of an entry was fetched, as far as that can be told for a later version.
#[cfg(any(feature = "redis", feature = "sqlite"))]
fn fetch_time_of_newer(text: &[u8]) -> Option<UnixTime> {
    let mut headers = text.split(|octet| *octet == b'\n').take_while(|line| !line.is_empty());
    let seconds = headers.find_map(|line| line.strip_prefix(b"fetched-at: "))?;
    str::from_utf8(seconds).ok()?.parse().ok().map(UnixTime::from_secs)
}

/// The time from which nothing in an entry is current.
#[cfg(any(feature = "redis", feature = "sqlite"))]
fn ends_at(entry: &CacheEntry) -> UnixTime {
    let policy = entry.policy().map(CachedPolicy::expires_at);
    let absence = entry.absence().map(|absence| absence.until);
    let back_off = entry.back_offs().iter().map(|back_off| back_off.until).max();
    policy.max(absence).max(back_off).unwrap_or_default()
}
