//! A store in one file.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::{EntryStore, StoreError, StoreErrorKind, StoreFuture, ends_at};
use crate::clock::system_time;

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
/// let text = "mta-sts-entry 1\nid: 1\nfetched-at: 1700000000\npolicy-length: 42\n\n\
///     version: STSv1\nmode: none\nmax_age: 604800\n";
/// store.put(&domain, &CacheEntry::parse(text.as_bytes())?).await?;
/// assert_eq!(store.get(&domain).await?.unwrap().to_text(), text);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What was put is on the disk when the future ends: neither the end of the process nor of the machine loses it. Writes
/// that come together are made in one transaction. Several processes may use one file.
///
/// A damaged file is moved aside, to a name that ends in `.damaged`, then `.damaged.2` and `.damaged.3`, of which the last
/// gives way; what can still be read of it goes into a new one. A file that somebody has deleted or replaced meanwhile is
/// made anew with everything that was in it.
#[derive(Clone)]
pub struct SqliteStore {
    path: PathBuf,
    jobs: mpsc::Sender<Job>,
}

/// Work for the thread that has the database.
enum Job {
    Get(String, Reply<Option<Vec<u8>>>),
    Put(String, String, Reply<()>),
    Remove(String, Reply<bool>),
    Page(Option<String>, usize, Reply<Vec<(String, Vec<u8>)>>),
    /// Takes out what ended before this time among the rows after this name; how many, and where to go on.
    Clean(String, UnixTime, Reply<(usize, Option<String>)>),
    /// Makes the log short.
    Checkpoint(Reply<()>),
}

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

impl SqliteStore {
    /// Opens the file, or makes a new one.
    ///
    /// # Errors
    ///
    /// `store-unavailable` where it can be neither opened nor made.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let mut database = Database::open(&path)?;
        let (jobs, queue) = mpsc::channel();
        thread::Builder::new()
            .name("mtasts-sqlite".to_owned())
            .spawn(move || database.work(&queue))
            .map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error.to_string()))?;
        Ok(Self { path, jobs })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, StoreError> {
        let gone = || StoreError::new(StoreErrorKind::Unavailable, "its thread has ended");
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl EntryStore for SqliteStore {
    fn get<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, Option<CacheEntry>> {
        Box::pin(async move {
            let text = self.ask(|reply| Job::Get(domain.to_string(), reply)).await?;
            Ok(text.and_then(|text| CacheEntry::parse(&text).ok()))
        })
    }

    fn put<'a>(&'a self, domain: &'a PolicyDomain, entry: &'a CacheEntry) -> StoreFuture<'a, ()> {
        Box::pin(self.ask(|reply| Job::Put(domain.to_string(), entry.to_text(), reply)))
    }

    fn remove<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, bool> {
        Box::pin(self.ask(|reply| Job::Remove(domain.to_string(), reply)))
    }

    fn page<'a>(
        &'a self,
        after: Option<&'a PolicyDomain>,
        count: usize,
    ) -> StoreFuture<'a, Vec<(PolicyDomain, CacheEntry)>> {
        Box::pin(async move {
            let mut after = after.map(ToString::to_string);
            let mut page = Vec::new();
            // What cannot be read is passed over, and is not the end.
            while page.is_empty() {
                let rows = self.ask(|reply| Job::Page(after.clone(), count, reply)).await?;
                let Some((last, _)) = rows.last() else { break };
                after = Some(last.clone());
                page.extend(rows.into_iter().filter_map(|(domain, text)| {
                    Some((PolicyDomain::parse(&domain).ok()?, CacheEntry::parse(&text).ok()?))
                }));
            }
            Ok(page)
        })
    }

    fn remove_expired(&self, before: UnixTime) -> StoreFuture<'_, usize> {
        Box::pin(async move {
            let (mut removed, mut after) = (0, Some(String::new()));
            // Some rows at a time, so that whoever answers from the store waits for few.
            while let Some(from) = after {
                let (here, next) = self.ask(|reply| Job::Clean(from, before, reply)).await?;
                (removed, after) = (removed + here, next);
            }
            self.ask(Job::Checkpoint).await?;
            Ok(removed)
        })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Device and number.
type FileIdentity = (u64, u64);

struct Database {
    path: PathBuf,
    connection: Connection,
    /// Which files it has open.
    files: [Option<FileIdentity>; 3],
}

impl Database {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = match connect(path) {
            Err(error) if is_damage(&error) => renew(path)?,
            connected => connected.map_err(|error| store_error(&error))?,
        };
        Ok(Self { path: path.to_owned(), connection, files: identities(path) })
    }

    /// Until nobody can send any more.
    fn work(&mut self, queue: &mpsc::Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            let mut puts = Vec::new();
            let mut next = Some(job);
            // Those that wait by now go into one transaction; at most so many, so that none waits for long.
            while let Some(job) = next.take() {
                match job {
                    Job::Put(domain, text, reply) => {
                        puts.push((domain, text, reply));
                        next = if puts.len() < MAX_PUTS { queue.try_recv().ok() } else { None };
                    }
                    other => {
                        self.put(std::mem::take(&mut puts));
                        self.answer(other);
                    }
                }
            }
            self.put(puts);
        }
    }

    fn put(&mut self, puts: Vec<(String, String, Reply<()>)>) {
        if puts.is_empty() {
            return;
        }
        let result = self.mending(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut held = transaction.prepare_cached("SELECT entry FROM entries WHERE domain = ?1")?;
                let mut put = transaction.prepare_cached(
                    "INSERT INTO entries (domain, entry) VALUES (?1, ?2) \
                     ON CONFLICT (domain) DO UPDATE SET entry = excluded.entry",
                )?;
                for (domain, text, _) in &puts {
                    let held: Option<Option<Vec<u8>>> =
                        held.query_row([domain], |row| Ok(row.get(0).ok())).optional()?;
                    if !held.flatten().is_some_and(|held| outdates(&held, text.as_bytes())) {
                        put.execute(params![domain, text.as_bytes()])?;
                    }
                }
            }
            transaction.commit()
        });
        for (_, _, reply) in puts {
            // Who asked may have left.
            let _ = reply.send(result.clone());
        }
    }

    fn answer(&mut self, job: Job) {
        // Who asked may have left.
        match job {
            Job::Get(domain, reply) => drop(reply.send(self.mending(|connection| {
                let mut get = connection.prepare_cached("SELECT entry FROM entries WHERE domain = ?1")?;
                get.query_row([&domain], |row| row.get(0)).optional()
            }))),
            Job::Remove(domain, reply) => drop(reply.send(self.mending(|connection| {
                let mut remove = connection.prepare_cached("DELETE FROM entries WHERE domain = ?1")?;
                Ok(remove.execute([&domain])? > 0)
            }))),
            Job::Page(after, count, reply) => drop(reply.send(self.mending(|connection| {
                let mut page = connection.prepare_cached(
                    "SELECT domain, entry FROM entries WHERE domain > ?1 ORDER BY domain LIMIT ?2",
                )?;
                let after = after.as_deref().unwrap_or_default();
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                page.query_map(params![after, count], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            }))),
            Job::Clean(after, before, reply) => {
                drop(reply.send(self.mending(|connection| clean(connection, &after, before))));
            }
            Job::Checkpoint(reply) => drop(reply.send(self.mending(|connection| {
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            }))),
            Job::Put(..) => {}
        }
    }

    /// Where the file has been deleted or replaced, what is written to the open one would be lost with the process.
    fn find_again(&mut self) -> Result<(), StoreError> {
        let files = identities(&self.path);
        if files[0] == self.files[0] {
            return Ok(());
        }
        // The log of the old file would be read as the new one's. It stays open.
        for (number, ending) in FILES.iter().enumerate().skip(1) {
            if files[number].is_some() && files[number] == self.files[number] {
                let removed = fs::remove_file(with(&self.path, ending));
                removed.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error.to_string()))?;
            }
        }
        let mut connection = connect(&self.path).map_err(|error| store_error(&error))?;
        // All that the open one holds is still there to be read.
        let saved = copy(&self.connection, &mut connection).map_err(|error| store_error(&error))?;
        tracing::error!(saved, path = %self.path.display(), "the file of the store was gone: what it held is in a new one");
        self.connection = connection;
        self.files = identities(&self.path);
        Ok(())
    }

    /// Does something; where the file turns out to be damaged, once more with a new one.
    fn mending<T>(&mut self, work: impl Fn(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.find_again()?;
        match work(&mut self.connection) {
            Err(error) if is_damage(&error) => {
                tracing::error!(%error, "the store is damaged");
                self.connection = renew(&self.path)?;
                self.files = identities(&self.path);
                work(&mut self.connection).map_err(|error| store_error(&error))
            }
            done => done.map_err(|error| store_error(&error)),
        }
    }
}

/// See [`Job::Clean`]. A row that has changed since it was read stays.
fn clean(
    connection: &mut Connection,
    after: &str,
    before: UnixTime,
) -> rusqlite::Result<(usize, Option<String>)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (mut removed, mut seen, mut last) = (0, 0_u32, None);
    {
        let mut page = transaction
            .prepare_cached("SELECT domain, entry FROM entries WHERE domain > ?1 ORDER BY domain LIMIT ?2")?;
        let mut remove = transaction.prepare_cached("DELETE FROM entries WHERE domain = ?1")?;
        let rows: Vec<(String, Vec<u8>)> = page
            .query_map(params![after, CLEANED_AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (domain, text) in rows {
            seen += 1;
            // What cannot be read was not remembered.
            if CacheEntry::parse(&text).map_or(true, |entry| ends_at(&entry) < before) {
                removed += remove.execute([&domain])?;
            }
            last = Some(domain);
        }
    }
    transaction.commit()?;
    Ok((removed, last.filter(|_| seen == CLEANED_AT_ONCE)))
}

/// Opens the file for all processes. Where its log and the index of the log cannot be made, since the disk is full, it is opened
/// for this process alone, which needs no index: what it holds can be answered from.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    match connect_in(path, "NORMAL") {
        Err(error) if is_out_of_room(&error) && path.exists() => {
            let connection = connect_in(path, "EXCLUSIVE")?;
            tracing::warn!(%error, "the disk is full: the store is closed to other processes until the next start");
            Ok(connection)
        }
        connected => connected,
    }
}

fn connect_in(path: &Path, locking_mode: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "locking_mode", locking_mode)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The log is written anew from its start after 1,000 pages; should a reader have held that up, it shrinks again.
    connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS entries (domain TEXT PRIMARY KEY, entry BLOB NOT NULL) WITHOUT ROWID;",
    )?;
    Ok(connection)
}

/// Whether what is stored is not to be replaced: another process has stored a policy that was fetched later, or one is in force
/// and the new entry has none. A fetch in the future was made before the clock stepped back: it gives way, as in memory.
fn outdates(held: &[u8], new: &[u8]) -> bool {
    let (Ok(held), Ok(new)) = (CacheEntry::parse(held), CacheEntry::parse(new)) else { return false };
    let now = system_time();
    match (held.policy(), new.policy()) {
        (Some(held), Some(new)) => held.fetched_at() <= now && held.fetched_at() > new.fetched_at(),
        (Some(_), None) => held.valid_policy(now).is_some(),
        (None, _) => false,
    }
}

/// Moves a damaged file aside, and makes a new one with what can be read of it.
fn renew(path: &Path) -> Result<Connection, StoreError> {
    // The first is the best evidence of what happened: the last gives way.
    let endings = [".damaged", ".damaged.2", ".damaged.3"];
    let ending = endings.into_iter().find(|ending| !with(path, ending).exists()).unwrap_or(endings[2]);
    let damaged = with(path, ending);
    for of_file in FILES {
        let target = with(path, &[ending, of_file].concat());
        // What lies there belongs to another file.
        let _ = fs::remove_file(&target);
        match fs::rename(with(path, of_file), &target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::new(StoreErrorKind::Corrupt, error.to_string()));
            }
            _ => {}
        }
    }
    let mut connection = connect(path).map_err(|error| store_error(&error))?;
    let saved = salvage(&damaged, &mut connection).map_err(|error| store_error(&error))?;
    tracing::error!(saved, damaged = %damaged.display(), "the store was damaged: it was moved aside and made anew");
    Ok(connection)
}

/// Copies rows until the damage.
fn salvage(damaged: &Path, into: &mut Connection) -> rusqlite::Result<usize> {
    let transaction = into.transaction()?;
    let mut saved = 0;
    let mut copy = |order: &str| -> rusqlite::Result<()> {
        let old = Connection::open(damaged)?;
        let mut rows =
            old.prepare(&["SELECT domain, entry FROM entries ORDER BY domain ", order].concat())?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (domain, text): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
            if CacheEntry::parse(&text).is_ok() {
                saved += transaction.execute(
                    "INSERT OR IGNORE INTO entries (domain, entry) VALUES (?1, ?2)",
                    params![domain, text],
                )?;
            }
        }
        Ok(())
    };
    // From both ends, so that the damage loses what it hit, and little more.
    for order in ["ASC", "DESC"] {
        if let Err(error) = copy(order) {
            tracing::debug!(%error, "no more can be read of the damaged store");
        }
    }
    transaction.commit()?;
    Ok(saved)
}

/// Copies every row that is not there.
fn copy(from: &Connection, into: &mut Connection) -> rusqlite::Result<usize> {
    let transaction = into.transaction()?;
    let mut saved = 0;
    {
        let mut rows = from.prepare("SELECT domain, entry FROM entries")?;
        let mut rows = rows.query([])?;
        let mut insert =
            transaction.prepare("INSERT OR IGNORE INTO entries (domain, entry) VALUES (?1, ?2)")?;
        while let Some(row) = rows.next()? {
            let (domain, text): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
            saved += insert.execute(params![domain, text])?;
        }
    }
    transaction.commit()?;
    Ok(saved)
}

fn identities(path: &Path) -> [Option<FileIdentity>; 3] {
    FILES.map(|ending| fs::metadata(with(path, ending)).ok().map(|file| (file.dev(), file.ino())))
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn is_out_of_room(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
}

fn store_error(error: &rusqlite::Error) -> StoreError {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreErrorKind::Corrupt,
        Some(ErrorCode::DiskFull) => StoreErrorKind::Full,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, error.to_string())
}

/// The endings of a database, its log and the index of the log.
const FILES: [&str; 3] = ["", "-wal", "-shm"];
const MAX_PUTS: usize = 256;
const CLEANED_AT_ONCE: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(id: usize) -> String {
        format!(
            "mta-sts-entry 1\nid: {id}\nfetched-at: 1700000000\npolicy-length: 42\n\nversion: STSv1\nmode: none\nmax_age: 604800\n"
        )
    }

    fn entry(id: usize) -> CacheEntry {
        CacheEntry::parse(text(id).as_bytes()).unwrap()
    }

    fn domain(number: usize) -> PolicyDomain {
        PolicyDomain::parse(&format!("d{number:04}.test")).unwrap()
    }

    async fn all(store: &SqliteStore) -> Vec<(PolicyDomain, CacheEntry)> {
        let mut all: Vec<(PolicyDomain, CacheEntry)> = Vec::new();
        loop {
            let page = store.page(all.last().map(|(domain, _)| domain), 7).await.unwrap();
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    #[tokio::test]
    async fn of_two_processes_the_later_fetch_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sqlite");
        let (ours, theirs) = (SqliteStore::open(&path).unwrap(), SqliteStore::open(&path).unwrap());
        let fetched_at = |seconds: u64| {
            let text = text(1).replace("1700000000", &seconds.to_string());
            CacheEntry::parse(text.as_bytes()).unwrap()
        };
        let domain = domain(1);
        ours.put(&domain, &fetched_at(1_700_000_100)).await.unwrap();
        theirs.put(&domain, &fetched_at(1_700_000_000)).await.unwrap();
        assert_eq!(ours.get(&domain).await.unwrap(), Some(fetched_at(1_700_000_100)));
        theirs.put(&domain, &fetched_at(1_700_000_200)).await.unwrap();
        assert_eq!(ours.get(&domain).await.unwrap(), Some(fetched_at(1_700_000_200)));
        // Before the clock stepped back.
        theirs.put(&domain, &fetched_at(99_999_999_999)).await.unwrap();
        ours.put(&domain, &fetched_at(1_700_000_300)).await.unwrap();
        assert_eq!(theirs.get(&domain).await.unwrap(), Some(fetched_at(1_700_000_300)));
    }

    #[tokio::test]
    async fn what_was_put_is_there_for_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sqlite");
        let store = SqliteStore::open(&path).unwrap();
        for number in 0..50 {
            store.put(&domain(number), &entry(1)).await.unwrap();
        }
        store.put(&domain(3), &entry(2)).await.unwrap();
        assert!(store.remove(&domain(4)).await.unwrap());
        assert!(!store.remove(&domain(4)).await.unwrap());
        // The first is still open: as after a crash, nothing is closed.
        let second = SqliteStore::open(&path).unwrap();
        assert_eq!(second.get(&domain(3)).await.unwrap(), Some(entry(2)));
        assert_eq!(second.get(&domain(4)).await.unwrap(), None);
        let all = all(&second).await;
        assert_eq!(all.len(), 49);
        assert!(all.is_sorted_by_key(|(domain, _)| domain.as_str().to_owned()));
    }

    #[tokio::test]
    async fn what_is_no_entry_was_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sqlite");
        let store = SqliteStore::open(&path).unwrap();
        store.put(&domain(20), &entry(1)).await.unwrap();
        let other = Connection::open(&path).unwrap();
        for number in 0..15 {
            other
                .execute("INSERT INTO entries VALUES (?1, ?2)", params![domain(number).as_str(), b"junk"])
                .unwrap();
        }
        assert_eq!(store.get(&domain(1)).await.unwrap(), None);
        assert_eq!(all(&store).await, [(domain(20), entry(1))]);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_passes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sqlite");
        let mut database = Database::open(&path).unwrap();
        database.connection.pragma_update(None, "max_page_count", 8).unwrap();
        let put = |database: &mut Database, number| {
            let (reply, mut answer) = oneshot::channel();
            database.put(vec![(domain(number).to_string(), text(1), reply)]);
            answer.try_recv().unwrap()
        };
        let full = (0..2000).find_map(|number| put(&mut database, number).err().map(|error| (number, error)));
        let (number, error) = full.unwrap();
        assert_eq!((error.kind(), error.code()), (StoreErrorKind::Full, "store-full"));
        database.connection.pragma_update(None, "max_page_count", 1000).unwrap();
        put(&mut database, number).unwrap();
        drop(database);
        assert_eq!(all(&SqliteStore::open(&path).unwrap()).await.len(), number + 1);
    }

    #[tokio::test]
    async fn a_damaged_file_is_moved_aside_and_what_can_be_read_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sqlite");
        let mut database = Database::open(&path).unwrap();
        let (reply, _answer) = oneshot::channel();
        database.put(vec![("first.test".to_owned(), text(1), reply)]);
        for number in 0..500 {
            let (reply, _answer) = oneshot::channel();
            database.put(vec![(domain(number).to_string(), text(1), reply)]);
        }
        drop(database);
        // One page in the middle is overwritten.
        let mut octets = fs::read(&path).unwrap();
        let page = octets.len() / 4096 / 2 * 4096;
        octets[page..page + 4096].fill(0xff);
        fs::write(&path, &octets).unwrap();

        let store = SqliteStore::open(&path).unwrap();
        let mut known = 0;
        for number in 0..500 {
            known += usize::from(store.get(&domain(number)).await.unwrap().is_some());
        }
        assert!((400..500).contains(&known), "{known}");
        assert!(folder.path().join("cache.sqlite.damaged").exists());
        store.put(&domain(9999), &entry(1)).await.unwrap();

        // Something else altogether, and again. The first remains to be looked at.
        let evidence = fs::metadata(folder.path().join("cache.sqlite.damaged")).unwrap().ino();
        for _ in 0..4 {
            fs::write(&path, "no database".repeat(1000)).unwrap();
            let _ = fs::remove_file(with(&path, "-wal"));
            Database::open(&path).unwrap();
        }
        assert_eq!(fs::metadata(folder.path().join("cache.sqlite.damaged")).unwrap().ino(), evidence);
        let is_damaged =
            |name: &str| name.contains(".damaged") && !name.ends_with("-wal") && !name.ends_with("-shm");
        let names =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        assert_eq!(names.filter(|name| is_damaged(name)).count(), 3);

        fs::write(&path, "no database".repeat(1000)).unwrap();
        let _ = fs::remove_file(folder.path().join("cache.sqlite-wal"));
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(store.get(&domain(1)).await.unwrap(), None);
        store.put(&domain(1), &entry(1)).await.unwrap();
        assert_eq!(store.get(&domain(1)).await.unwrap(), Some(entry(1)));
    }

    #[tokio::test]
    async fn a_file_that_is_deleted_or_replaced_takes_nothing_along() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sqlite");
        let store = SqliteStore::open(&path).unwrap();
        for number in 0..300 {
            store.put(&domain(number), &entry(1)).await.unwrap();
        }
        fs::remove_file(&path).unwrap();
        store.put(&domain(300), &entry(1)).await.unwrap();
        assert_eq!(all(&SqliteStore::open(&path).unwrap()).await.len(), 301);

        let other = folder.path().join("other.sqlite");
        {
            let other = connect(&other).unwrap();
            other.execute("INSERT INTO entries VALUES ('other.test', ?1)", [text(2).as_bytes()]).unwrap();
        }
        fs::rename(&other, &path).unwrap();
        let known = store.get(&PolicyDomain::parse("other.test").unwrap()).await.unwrap();
        assert_eq!(known, Some(entry(2)));
        drop(store);
        let next = SqliteStore::open(&path).unwrap();
        assert_eq!(all(&next).await.len(), 302);
        let state: String = Connection::open(&path)
            .unwrap()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(state, "ok");

        // Its folder too: until there is one again.
        for file in FILES {
            fs::remove_file(with(&path, file)).unwrap();
        }
        let elsewhere = folder.path().with_extension("elsewhere");
        fs::rename(folder.path(), &elsewhere).unwrap();
        assert_eq!(next.get(&domain(1)).await.unwrap_err().code(), "store-unavailable");
        fs::rename(&elsewhere, folder.path()).unwrap();
        assert_eq!(next.get(&domain(1)).await.unwrap(), Some(entry(1)));
        assert_eq!(all(&SqliteStore::open(&path).unwrap()).await.len(), 302);
    }

    #[tokio::test]
    async fn what_has_expired_is_taken_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("cache.sqlite")).unwrap();
        for number in 0..600 {
            store.put(&domain(number), &entry(1)).await.unwrap();
        }
        let newer = text(1).replace("fetched-at: 1700000000", "fetched-at: 1700000001");
        let newer = CacheEntry::parse(newer.as_bytes()).unwrap();
        store.put(&domain(5), &newer).await.unwrap();
        let end = UnixTime::from_secs(1_700_604_800);
        assert_eq!(store.remove_expired(end).await.unwrap(), 0);
        assert_eq!(store.remove_expired(end.saturating_add(Duration::from_secs(1))).await.unwrap(), 599);
        assert_eq!(all(&store).await, [(domain(5), newer)]);
        let log = fs::metadata(with(store.path(), "-wal")).unwrap();
        assert_eq!(log.len(), 0, "the log is short again");
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let error = SqliteStore::open("/nowhere/at/all/cache.sqlite").unwrap_err();
        assert_eq!(error.code(), "store-unavailable");
    }
}
