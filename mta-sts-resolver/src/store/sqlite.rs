//! A store in an SQLite file.

mod file;
mod reader;
mod reading;
mod schema;
#[cfg(test)]
mod tests;
mod writing;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use rusqlite::ErrorCode;
use tokio::sync::mpsc::error::TrySendError;
// Unlike the queue of std it takes no memory while empty.
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;
use tokio::time::Instant;

use self::file::FileIdentity;
use self::reader::Reader;
use self::reading::Read;
use self::writing::{Write, Writer};
use super::{
    EntryStore, Seldom, StoreCounts, StoreError, StoreErrorKind, StoreFuture, Unreadable, UnreadableEntry,
};

/// A store in an SQLite database: one file, with its write-ahead log beside it.
///
/// ```
/// use mta_sts_core::{CacheEntry, PolicyDomain};
/// use mta_sts_resolver::{EntryStore, SqliteStore};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("cache.sqlite");
/// let store = SqliteStore::open(&path)?;
/// let domain = PolicyDomain::parse("recipient.test")?;
/// let text = "mta-sts-entry 2\ndomain: recipient.test\nid: 1\nfetched-at: 1700000000\npolicy-length: 42\n\n\
///     version: STSv1\nmode: none\nmax_age: 604800\n";
/// store.put(&domain, &CacheEntry::parse(text.as_bytes(), &domain)?).await?;
/// assert_eq!(store.get(&domain).await?.unwrap().to_text(&domain), text);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// When the future of a write completes, the data is on disk and survives a crash of the process or the machine.
/// Concurrent writes are combined in one transaction. Several processes may use one file: of two policies the one that
/// was requested later stays, whoever writes last. One thread reads and another writes, so that no reader waits for a
/// writer, of this process or another.
///
/// A new file is only accessible to its owner (mode 0600). A damaged database is moved aside, to a name that ends in
/// `.damaged`, then `.damaged.2` and `.damaged.3`, of which the last is overwritten; what can still be read is copied
/// to a new one with the same owner and mode. A file that was deleted or replaced in the meantime is recreated with
/// everything that was in it. A file that is not a database, or that of another program, is left unchanged.
///
/// An unreadable entry is kept, whether it is damaged or of a later version. A database of a later version is read as
/// far as possible and never written; one of an earlier version is upgraded in one transaction.
///
/// When the file exceeds [`SqliteConfig::with_max_octets`], entries are evicted: first those in which nothing has been
/// current for two days and those without a policy, then policies without repeated use, large before small.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    reads: Sender<Read>,
    /// `None` if the file is only read.
    writes: Option<Sender<Write>>,
    /// Declared last: dropping the two senders tells the threads to close the file.
    _closing: Arc<Closing>,
}

/// When dropped, waits until the threads have closed the file. A process that ends earlier leaves a log without its
/// index, which cannot be read until the next process opens the store.
struct Closing(Mutex<mpsc::Receiver<()>>);

impl Drop for Closing {
    fn drop(&mut self) {
        // Nothing is ever sent: this ends with the last thread, or the disk hangs.
        let ended = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(CLOSING_PATIENCE);
    }
}

/// The configuration of a [`SqliteStore`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteConfig {
    access: SqliteAccess,
    max_octets: u64,
    patience: Duration,
}

/// The permitted access to the file of a [`SqliteStore`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SqliteAccess {
    /// Entries are read, and nothing is changed: no file is created, renamed, or repaired.
    Read,
    /// Entries are read and written. The file must exist, and a damaged one is left unchanged.
    Write,
    /// A missing file is created, and a damaged one is replaced.
    #[default]
    Create,
}

impl SqliteConfig {
    /// The defaults: full access, at most 256 MiB, and a busy timeout of 500 ms.
    pub const fn new() -> Self {
        Self { access: SqliteAccess::Create, max_octets: 256 << 20, patience: Duration::from_millis(500) }
    }

    /// Sets the permitted access to the file. Default: [`SqliteAccess::Create`].
    #[must_use]
    pub const fn with_access(mut self, access: SqliteAccess) -> Self {
        self.access = access;
        self
    }

    /// Sets the maximum size of the database before entries are evicted. Default: 256 MiB; minimum: 1 MiB. The log
    /// takes a few MiB on top.
    #[must_use]
    pub fn with_max_octets(mut self, octets: u64) -> Self {
        self.max_octets = octets.max(1 << 20);
        self
    }

    /// Sets the time that a write waits for another process that is writing. Default: 500 ms. After that it fails, and
    /// so do further writes, immediately, for a second.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl Default for SqliteConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// The state shared by the threads.
struct Shared {
    path: PathBuf,
    config: SqliteConfig,
    /// The file that the writer has open.
    file: Mutex<Option<FileIdentity>>,
    /// The number of times it has opened one.
    generation: AtomicU64,
    /// Whether the writer has exclusive access to the file.
    is_alone: AtomicBool,
    newer: AtomicU64,
    damaged: AtomicU64,
    evicted: AtomicU64,
    unreadable: Seldom,
}

/// The reply to a future.
type Reply<T> = oneshot::Sender<Result<T, StoreError>>;
/// The reply to a waiting thread.
type Told = mpsc::SyncSender<Result<(), StoreError>>;

impl SqliteStore {
    /// Opens the file, or creates a new one.
    ///
    /// # Errors
    ///
    /// Returns an error if it can be neither opened nor created, or is something else.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteConfig::new())
    }

    /// Opens the file with this configuration.
    ///
    /// # Errors
    ///
    /// `store-missing`, `store-foreign`, or `store-corrupt` if it does not exist, is something else, or is damaged, and
    /// must not be created or replaced; `store-denied`, `store-locked`, `store-full`, or `store-unavailable` if it
    /// cannot be opened now.
    pub fn open_with(path: impl AsRef<Path>, config: SqliteConfig) -> Result<Self, StoreError> {
        let store = Self::new(path, config)?;
        store.open_now()?;
        Ok(store)
    }

    /// Opens the file now, if it is not open; blocks the thread.
    ///
    /// # Errors
    ///
    /// The same as [`SqliteStore::open_with`]. The store can be used all the same: it is opened as soon as possible.
    pub fn open_now(&self) -> Result<(), StoreError> {
        let Some(writes) = &self.writes else {
            return reading::open_for_reading(self.path()).map(drop).map_err(Fault::into_error);
        };
        let (told, opened) = mpsc::sync_channel(1);
        send(writes, Write::Open(told))?;
        opened.recv().map_err(|_| gone())?
    }

    /// A store in this file, which is opened on first use, and again after each failure.
    ///
    /// # Errors
    ///
    /// `store-unavailable` if the system cannot start a thread.
    pub fn new(path: impl AsRef<Path>, config: SqliteConfig) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            path: path.as_ref().to_owned(),
            config,
            file: Mutex::default(),
            generation: AtomicU64::new(0),
            is_alone: AtomicBool::new(false),
            newer: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            unreadable: Seldom::default(),
        });
        let (working, ended) = mpsc::channel::<()>();
        let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let working = working.clone();
            let started = thread::Builder::new().name(name.to_owned()).spawn(move || {
                work();
                drop(working);
            });
            started.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error.to_string()))
        };
        let mut to_writer = None;
        if shared.config.access != SqliteAccess::Read {
            let (sender, queue) = channel(MAX_QUEUE);
            let mut writer = Writer::new(Arc::clone(&shared));
            start("mtasts-writer", Box::new(move || writer.work(queue)))?;
            to_writer = Some(sender);
        }
        let (reads, queue) = channel(MAX_QUEUE);
        let mut reader = Reader::new(Arc::clone(&shared), to_writer.clone());
        start("mtasts-reader", Box::new(move || reader.work(queue)))?;
        Ok(Self { shared, reads, writes: to_writer, _closing: Arc::new(Closing(Mutex::new(ended))) })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    async fn read<T>(&self, job: impl FnOnce(Reply<T>) -> Read) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        send(&self.reads, job(reply))?;
        answer.await.map_err(|_| gone())?
    }

    async fn write<T>(&self, job: impl FnOnce(Reply<T>) -> Write) -> Result<T, StoreError> {
        let only_read = || StoreError::new(StoreErrorKind::Denied, "it was opened for reading");
        let (reply, answer) = oneshot::channel();
        send(self.writes.as_ref().ok_or_else(only_read)?, job(reply))?;
        answer.await.map_err(|_| gone())?
    }
}

/// Sends a job to a thread, unless the queue is so long that the thread must be stuck.
fn send<T>(thread: &Sender<T>, job: T) -> Result<(), StoreError> {
    thread.try_send(job).map_err(|error| match error {
        TrySendError::Full(_) => StoreError::new(StoreErrorKind::Unavailable, "too much waits for it"),
        TrySendError::Closed(_) => gone(),
    })
}

fn gone() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "its thread has ended")
}

impl EntryStore for SqliteStore {
    fn get<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, Option<CacheEntry>> {
        Box::pin(self.read(|reply| Read::Get(domain.clone(), reply)))
    }

    fn put<'a>(&'a self, domain: &'a PolicyDomain, entry: &'a CacheEntry) -> StoreFuture<'a, CacheEntry> {
        Box::pin(self.write(|reply| Write::Put(domain.clone(), entry.clone(), reply)))
    }

    fn remove<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, bool> {
        Box::pin(self.write(|reply| Write::Remove(domain.clone(), reply)))
    }

    fn page<'a>(
        &'a self,
        after: Option<&'a PolicyDomain>,
        count: usize,
    ) -> StoreFuture<'a, Vec<(PolicyDomain, CacheEntry)>> {
        let after = after.map(|after| after.as_str().as_bytes().to_vec()).unwrap_or_default();
        Box::pin(self.read(move |reply| Read::Page(after, count, reply)))
    }

    fn unreadable<'a>(
        &'a self,
        after: Option<&'a UnreadableEntry>,
        count: usize,
    ) -> StoreFuture<'a, Vec<UnreadableEntry>> {
        let after = after.map(|after| after.name.clone()).unwrap_or_default();
        Box::pin(self.read(move |reply| Read::Unreadable(after, count, reply)))
    }

    fn note_use<'a>(&'a self, domains: &'a [PolicyDomain]) -> StoreFuture<'a, ()> {
        Box::pin(self.write(|reply| Write::NoteUse(domains.to_vec(), reply)))
    }

    fn counts(&self) -> StoreCounts {
        let shared = &self.shared;
        StoreCounts {
            newer: shared.newer.load(Ordering::Relaxed),
            damaged: shared.damaged.load(Ordering::Relaxed),
            evicted: shared.evicted.load(Ordering::Relaxed),
        }
    }

    fn remove_expired(&self, before: UnixTime) -> StoreFuture<'_, usize> {
        Box::pin(async move {
            // By a fast clock everything has expired. By the time of the last fetch, which other processes and earlier
            // ones have seen too, it has not.
            let last_fetch = self.read(Read::LastFetch).await?;
            let before =
                before.min(UnixTime::from_secs(last_fetch.as_secs().saturating_sub(GRACE.as_secs())));
            let (mut removed, mut newer, mut damaged) = (0, 0, 0);
            let mut after = Some(Vec::new());
            // In batches, so that readers wait only briefly.
            while let Some(from) = after {
                let sweep = self.read(|reply| Read::Sweep(from, before, reply)).await?;
                (newer, damaged, after) = (newer + sweep.newer, damaged + sweep.damaged, sweep.next);
                if !sweep.ended.is_empty() {
                    removed += self.write(|reply| Write::RemoveEnded(sweep.ended, before, reply)).await?;
                }
            }
            self.shared.found_unreadable(newer, damaged);
            self.write(Write::Checkpoint).await?;
            Ok(removed)
        })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SqliteStore").field("path", &self.path()).finish_non_exhaustive()
    }
}

impl Shared {
    fn file(&self) -> MutexGuard<'_, Option<FileIdentity>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs an unreadable entry that was requested, at most once a minute.
    fn tell_unreadable(&self, name: &[u8], why: Unreadable) {
        tracing::debug!(domain = %name.escape_ascii(), ?why, "an entry of the store cannot be read");
        if self.unreadable.is_due() {
            tracing::warn!(?why, "an entry of the store cannot be read; it is kept, and not used");
        }
    }

    /// Logs the findings of a cleaning, if they have changed.
    fn found_unreadable(&self, newer: u64, damaged: u64) {
        let before =
            (self.newer.swap(newer, Ordering::Relaxed), self.damaged.swap(damaged, Ordering::Relaxed));
        if before != (newer, damaged) {
            tracing::warn!(
                newer,
                damaged,
                "entries of the store cannot be read, since they are of a later version or damaged; they are kept, and not used"
            );
        }
    }

    fn count_evicted(&self, evicted: u64) {
        if evicted > 0 {
            self.evicted.fetch_add(evicted, Ordering::Relaxed);
            tracing::debug!(evicted, "the store is full: entries were evicted");
        }
    }
}

/// The reason why a database could not be used.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault {
    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            Self::Store(_) => None,
        }
    }

    fn is_damage(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }

    fn is_out_of_room(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::CannotOpen | ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
    }

    fn into_error(self) -> StoreError {
        let kind = match self.code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreErrorKind::Corrupt,
            Some(ErrorCode::DiskFull) => StoreErrorKind::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreErrorKind::Locked,
            Some(ErrorCode::PermissionDenied) => StoreErrorKind::Denied,
            _ => StoreErrorKind::Unavailable,
        };
        match self {
            Self::Sqlite(error) => StoreError::new(kind, error.to_string()),
            Self::Store(error) => error,
        }
    }
}

/// The pause after a failure of the store, so that requests do not wait for it again and again.
#[derive(Debug, Default)]
struct Pause(Option<(Instant, StoreError)>);

impl Pause {
    fn check(&self) -> Result<(), StoreError> {
        match &self.0 {
            Some((until, why)) if Instant::now() < *until => Err(why.clone()),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, why: StoreError) -> StoreError {
        self.0 = Some((Instant::now() + PAUSE, why.clone()));
        why
    }
}

/// Nothing in an entry must have been current for this long before it is removed: the clock may be ahead for a while.
const GRACE: Duration = Duration::from_secs(2 * 86_400);
/// The time that a hung disk may delay the end of the process.
const CLOSING_PATIENCE: Duration = Duration::from_secs(5);
/// The maximum number of queued jobs for a thread.
const MAX_QUEUE: usize = 8192;
const PAUSE: Duration = Duration::from_secs(1);
/// The time that a reader waits for a file that others have locked.
const READ_PATIENCE: Duration = Duration::from_millis(200);
