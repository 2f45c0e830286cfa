//! A store in one file.

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
// Unlike that of std it takes no memory for what does not wait.
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

/// Entries in an SQLite database: one file, with its write-ahead log beside it.
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
/// What was put is on the disk when the future ends: neither the end of the process nor of the machine loses it. Writes
/// that come together are made in one transaction. Several processes may use one file: of two policies the one that was asked for
/// later stays, whoever writes last. One thread reads and another writes,
/// so that nobody who reads waits for a writer, of this process or of another.
///
/// A new file is for its owner alone (mode 0600). A damaged database is moved aside, to a name that ends in `.damaged`, then
/// `.damaged.2` and `.damaged.3`, of which the last gives way; what can still be read of it goes into a new one with the same
/// owner and mode. A file that somebody has deleted or replaced meanwhile is made anew with everything that was in it. A file
/// that is no database, or that of another program, is left as it is.
///
/// An entry that cannot be read is kept, whether it is damaged or of a later version. A database of a later version is read as
/// far as possible and never written; one of an earlier version is brought to this one in one transaction.
///
/// Where the file becomes larger than [`SqliteConfig::with_max_octets`], entries go: first those in which nothing has counted for two
/// days and those without a policy, then the policies that nobody has asked for again, the large before the small.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    reads: Sender<Read>,
    /// None where it is only read.
    writes: Option<Sender<Write>>,
    /// Behind the two: their ends tell the threads to close the file.
    _closing: Arc<Closing>,
}

/// Waits at its end until the threads have closed the file. A process that ends before that leaves a log behind whose index is
/// gone, and which nobody reads then before the next one has the store open.
struct Closing(Mutex<mpsc::Receiver<()>>);

impl Drop for Closing {
    fn drop(&mut self) {
        // Nothing is sent: it ends with the last thread, or the disk hangs.
        let ended = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(CLOSING_PATIENCE);
    }
}

/// How a [`SqliteStore`] goes about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteConfig {
    access: SqliteAccess,
    max_octets: u64,
    patience: Duration,
}

/// What may be done to the file of a [`SqliteStore`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SqliteAccess {
    /// Entries are read, and nothing is changed: no file is made, renamed or repaired.
    Read,
    /// Entries are read and written. The file has to be there, and a damaged one stays as it is.
    Write,
    /// A file that is not there is made, and a damaged one is replaced.
    #[default]
    Create,
}

impl SqliteConfig {
    /// Every access, 256 MiB at most, and half a second of patience.
    pub const fn new() -> Self {
        Self { access: SqliteAccess::Create, max_octets: 256 << 20, patience: Duration::from_millis(500) }
    }

    /// What may be done to the file: by default everything.
    #[must_use]
    pub const fn with_access(mut self, access: SqliteAccess) -> Self {
        self.access = access;
        self
    }

    /// How large the database may become before entries go: 256 MiB by default, 1 MiB at least. Its log takes a few MiB on top.
    #[must_use]
    pub fn with_max_octets(mut self, octets: u64) -> Self {
        self.max_octets = octets.max(1 << 20);
        self
    }

    /// How long a write waits for another process that is writing: 500 ms by default. Then it fails, and every other one fails
    /// at once for a second.
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

/// What the threads have in common.
struct Shared {
    path: PathBuf,
    config: SqliteConfig,
    /// Which file the writer has open.
    file: Mutex<Option<FileIdentity>>,
    /// How often it has opened one.
    generation: AtomicU64,
    /// The writer has the file for itself.
    is_alone: AtomicBool,
    newer: AtomicU64,
    damaged: AtomicU64,
    evicted: AtomicU64,
    unreadable: Seldom,
}

/// To whoever asked, in a future.
type Reply<T> = oneshot::Sender<Result<T, StoreError>>;
/// To whoever asked, in a thread that waits.
type Told = mpsc::SyncSender<Result<(), StoreError>>;

impl SqliteStore {
    /// Opens the file, or makes a new one.
    ///
    /// # Errors
    ///
    /// Where it can be neither opened nor made, or is something else.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteConfig::new())
    }

    /// Opens the file in this way.
    ///
    /// # Errors
    ///
    /// `store-missing`, `store-foreign` or `store-corrupt` where it is not there, something else, or damaged, and may not be made
    /// or replaced; `store-denied`, `store-locked`, `store-full` or `store-unavailable` where it cannot be opened now.
    pub fn open_with(path: impl AsRef<Path>, config: SqliteConfig) -> Result<Self, StoreError> {
        let store = Self::new(path, config)?;
        store.open_now()?;
        Ok(store)
    }

    /// Opens the file now, if it is not open; the thread waits for it.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open_with`]. The store may be used all the same: it is opened when that is possible.
    pub fn open_now(&self) -> Result<(), StoreError> {
        let Some(writes) = &self.writes else {
            return reading::open_for_reading(self.path()).map(drop).map_err(Fault::into_error);
        };
        let (told, opened) = mpsc::sync_channel(1);
        send(writes, Write::Open(told))?;
        opened.recv().map_err(|_| gone())?
    }

    /// A store in this file, which is opened when it is first used, and again after each failure.
    ///
    /// # Errors
    ///
    /// `store-unavailable` where the system has no thread for it.
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

    /// Where the file is.
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

/// Gives a thread something to do, unless so much waits that it cannot be working.
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
            // By a clock that is ahead everything has expired. By the time of the last fetch, which other processes and
            // earlier ones have seen too, it has not.
            let last_fetch = self.read(Read::LastFetch).await?;
            let before =
                before.min(UnixTime::from_secs(last_fetch.as_secs().saturating_sub(GRACE.as_secs())));
            let (mut removed, mut newer, mut damaged) = (0, 0, 0);
            let mut after = Some(Vec::new());
            // Some rows at a time, so that whoever answers from the store waits for few.
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

    /// An entry was asked for and cannot be read; the log hears of it once in a minute.
    fn tell_unreadable(&self, name: &[u8], why: Unreadable) {
        tracing::debug!(domain = %name.escape_ascii(), ?why, "an entry of the store cannot be read");
        if self.unreadable.is_due() {
            tracing::warn!(?why, "an entry of the store cannot be read; it is kept, and not used");
        }
    }

    /// What a cleaning came upon; the log hears of it when it has changed.
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

/// Why a database could not be used.
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

/// For how long a store that does not work is left alone, so that nobody waits for it again and again.
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

/// How long nothing may have counted in an entry before it is taken out: the clock may be ahead for a while.
const GRACE: Duration = Duration::from_secs(2 * 86_400);
/// As long as a disk may hang before a process ends without it.
const CLOSING_PATIENCE: Duration = Duration::from_secs(5);
/// How many jobs may wait for a thread.
const MAX_QUEUE: usize = 8192;
const PAUSE: Duration = Duration::from_secs(1);
/// How long a reader waits for a file that others keep closed.
const READ_PATIENCE: Duration = Duration::from_millis(200);
