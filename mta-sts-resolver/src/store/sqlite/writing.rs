//! The thread that writes a database.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::mpsc::Receiver;

use super::super::{StoreError, StoreErrorKind, Unreadable, ends_at, in_place_of, read_entry};
use super::file::{self, FILES, FileIdentity, Found, Ownership, identities, identity, io_error, look, with};
use super::reading::{Read, Source};
use super::schema::{self, Version, put_rank, seconds};
use super::{Fault, GRACE, Pause, Reply, Shared, SqliteAccess, Told};
use crate::clock::system_time;

/// A job for the writing thread.
pub(super) enum Write {
    Put(PolicyDomain, CacheEntry, Reply<CacheEntry>),
    Remove(PolicyDomain, Reply<bool>),
    /// Removes those of these entries that ended before this time.
    RemoveEnded(Vec<PolicyDomain>, UnixTime, Reply<usize>),
    /// Records that these domains were used again today.
    NoteUse(Vec<PolicyDomain>, Reply<()>),
    /// Truncates the log.
    Checkpoint(Reply<()>),
    /// Opens the file, and recreates it if it is gone.
    Open(Told),
    /// Replaces a damaged file, unless that has been done since this generation.
    Mend(u64, Told),
    /// Reads for a reader that cannot open the file beside the writer.
    Read(Read),
}

/// The writer and its connection.
pub(super) struct Writer {
    database: Option<Database>,
    pause: Pause,
    shared: Arc<Shared>,
}

struct Database {
    connection: Connection,
    /// The identities of the files that it has open.
    files: [Option<FileIdentity>; 3],
    ownership: Option<Ownership>,
    /// The reason why it must not be written.
    unwritable: Option<StoreError>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { database: None, pause: Pause::default(), shared }
    }

    /// Works until all senders are gone.
    pub(super) fn work(&mut self, mut queue: Receiver<Write>) {
        while let Some(job) = queue.blocking_recv() {
            let mut puts = Vec::new();
            let mut next = Some(job);
            // The jobs waiting now go into one transaction; their number is limited, so that none waits for long.
            while let Some(job) = next.take() {
                match job {
                    Write::Put(domain, entry, reply) => {
                        puts.push((domain, entry, reply));
                        next = if puts.len() < MAX_PUTS { queue.try_recv().ok() } else { None };
                    }
                    other => {
                        self.put(std::mem::take(&mut puts));
                        self.run(other);
                    }
                }
            }
            self.put(puts);
        }
    }

    fn run(&mut self, job: Write) {
        // The requester may be gone.
        match job {
            Write::Put(domain, entry, reply) => self.put(vec![(domain, entry, reply)]),
            Write::Remove(domain, reply) => drop(reply.send(self.writing(|connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let is_removed = remove(&transaction, domain.as_str())?;
                transaction.commit()?;
                Ok(is_removed)
            }))),
            Write::RemoveEnded(domains, before, reply) => {
                drop(reply.send(self.writing(|connection| remove_ended(connection, &domains, before))));
            }
            Write::NoteUse(domains, reply) => {
                drop(reply.send(self.writing(|connection| note_use(connection, &domains))));
            }
            Write::Checkpoint(reply) => drop(reply.send(self.writing(|connection| {
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            }))),
            Write::Open(told) => drop(told.try_send(self.open().map(drop))),
            Write::Mend(generation, told) => {
                let is_done = self.shared.generation.load(Ordering::Acquire) > generation;
                drop(told.try_send(if is_done { Ok(()) } else { self.mend() }));
            }
            Write::Read(read) => {
                let shared = Arc::clone(&self.shared);
                read.run(self, &shared);
            }
        }
    }

    fn put(&mut self, puts: Vec<(PolicyDomain, CacheEntry, Reply<CacheEntry>)>) {
        if puts.is_empty() {
            return;
        }
        let entries: Vec<_> = puts.iter().map(|(domain, entry, _)| (domain, entry)).collect();
        let bound = self.shared.config.max_octets;
        let result = self.writing(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let put = entries.iter().map(|(domain, entry)| put(&transaction, domain, entry));
            let stored: Vec<CacheEntry> = put.collect::<rusqlite::Result<_>>()?;
            let evicted = evict(&transaction, bound)?;
            transaction.commit()?;
            Ok((stored, evicted))
        });
        match result {
            Ok((stored, evicted)) => {
                self.shared.count_evicted(evicted);
                for ((_, _, reply), stored) in puts.into_iter().zip(stored) {
                    drop(reply.send(Ok(stored)));
                }
            }
            Err(error) => {
                for (_, _, reply) in puts {
                    drop(reply.send(Err(error.clone())));
                }
            }
        }
    }

    /// Writes; if the file turns out to be damaged, once more to a new one.
    fn writing<T>(&mut self, work: impl Fn(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        if let Some(unwritable) = &self.open()?.unwritable {
            return Err(unwritable.clone());
        }
        self.mending(work)
    }

    fn mending<T>(&mut self, work: impl Fn(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let fault = match work(&mut self.open()?.connection) {
            Ok(done) => return Ok(done),
            Err(error) => Fault::from(error),
        };
        if fault.is_damage() && self.shared.config.access == SqliteAccess::Create {
            tracing::error!(error = %fault, "the store is damaged");
            self.mend()?;
            return work(&mut self.open()?.connection).map_err(|error| Fault::from(error).into_error());
        }
        let error = fault.into_error();
        Err(if error.kind() == StoreErrorKind::Locked { self.pause.begin(error) } else { error })
    }

    /// The database, opened if it is not open, or reopened if the file at the path has changed.
    fn open(&mut self) -> Result<&mut Database, StoreError> {
        self.pause.check()?;
        let opened = match self.database.take() {
            None => self.open_file(),
            Some(database) if self.shared.config.access == SqliteAccess::Create => {
                self.find_again(database).map_err(Fault::into_error)
            }
            Some(database) => Ok(database),
        };
        match opened {
            Ok(database) => Ok(self.database.insert(database)),
            Err(error) => Err(self.pause.begin(error)),
        }
    }

    fn open_file(&self) -> Result<Database, StoreError> {
        let path = &self.shared.path;
        let creates = self.shared.config.access == SqliteAccess::Create;
        match look(path).map_err(|error| io_error(&error))? {
            Found::SomethingElse => return Err(schema::foreign("it is not a database of mtasts")),
            Found::Nothing if !creates => {
                return Err(StoreError::new(StoreErrorKind::Missing, "no such file"));
            }
            Found::Empty if !creates => return Err(schema::foreign("the file is empty")),
            Found::Nothing => file::create(path, None).map_err(|error| io_error(&error))?,
            Found::Empty | Found::Database => {}
        }
        match self.connect() {
            Err(fault) if fault.is_damage() && creates => self.renew(),
            connected => connected,
        }
        .map_err(Fault::into_error)
    }

    /// Opens the file for all processes. If its log and the index of the log cannot be created, because the disk is
    /// full, it is opened exclusively for this process, which needs no index: so its entries can still be read.
    fn connect(&self) -> Result<Database, Fault> {
        let shared = &self.shared;
        let connection = match shared.connect_in("NORMAL") {
            Err(fault) if fault.is_out_of_room() && shared.config.access == SqliteAccess::Create => {
                let alone = shared.connect_in("EXCLUSIVE").map_err(|_| Fault::Store(fault.into_error()))?;
                tracing::warn!(
                    "the disk is full: the store is closed to other processes until the next start"
                );
                shared.is_alone.store(true, Ordering::Release);
                alone
            }
            connected => {
                shared.is_alone.store(false, Ordering::Release);
                connected?
            }
        };
        let unwritable = schema::refusal(&connection)?;
        let database = Database {
            connection,
            files: identities(&shared.path),
            ownership: Ownership::of(&shared.path),
            unwritable,
        };
        *shared.file() = database.files[0];
        shared.generation.fetch_add(1, Ordering::AcqRel);
        Ok(database)
    }

    /// Handles a deleted or replaced file: what is written to the open one would be lost with the process.
    fn find_again(&mut self, database: Database) -> Result<Database, Fault> {
        let path = &self.shared.path;
        if identity(path) == database.files[0] {
            return Ok(database);
        }
        match self.make_anew(&database, identities(path)) {
            // It is still open, and tried again.
            Err(fault) => {
                self.database = Some(database);
                Err(fault)
            }
            made => made,
        }
    }

    fn make_anew(&self, old: &Database, files: [Option<FileIdentity>; 3]) -> Result<Database, Fault> {
        let path = &self.shared.path;
        match look(path).map_err(|error| io_error(&error))? {
            Found::SomethingElse => return Err(schema::foreign("it is not a database of mtasts").into()),
            Found::Nothing => file::create(path, old.ownership).map_err(|error| io_error(&error))?,
            Found::Empty | Found::Database => {}
        }
        // The log of the old file would be read as that of the new one. It stays open.
        for (number, ending) in FILES.iter().enumerate().skip(1) {
            if files[number].is_some() && files[number] == old.files[number] {
                std::fs::remove_file(with(path, ending)).map_err(|error| io_error(&error))?;
            }
        }
        let mut new = match self.connect() {
            Err(fault) if fault.is_damage() => self.renew(),
            connected => connected,
        }?;
        if new.unwritable.is_none() {
            // Everything in the open file can still be read.
            let saved = copy(&old.connection, &mut new.connection)?;
            tracing::error!(saved, path = %path.display(), "the file of the store was gone: its contents were written to a new one");
        }
        Ok(new)
    }

    /// Handles [`Write::Mend`].
    fn mend(&mut self) -> Result<(), StoreError> {
        self.database = None;
        match self.renew() {
            Ok(database) => {
                self.database = Some(database);
                Ok(())
            }
            Err(fault) => Err(self.pause.begin(fault.into_error())),
        }
    }

    /// Moves a damaged file aside, and creates a new one with what can be read of it.
    fn renew(&self) -> Result<Database, Fault> {
        let path = &self.shared.path;
        if look(path).map_err(|error| io_error(&error))? != Found::Database {
            return Err(schema::foreign("it is not a database of mtasts").into());
        }
        let ownership = Ownership::of(path);
        let damaged = file::move_aside(path)?;
        file::create(path, ownership).map_err(|error| io_error(&error))?;
        let mut database = self.connect()?;
        let saved = salvage(&damaged, &mut database.connection)?;
        tracing::error!(saved, damaged = %damaged.display(), "the store was damaged: it was moved aside and recreated");
        Ok(database)
    }
}

impl Source for Writer {
    fn read<T>(&mut self, work: impl Fn(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.mending(|connection| work(connection))
    }
}

impl Shared {
    fn connect_in(&self, locking_mode: &str) -> Result<Connection, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags)?;
        connection.pragma_update(None, "locking_mode", locking_mode)?;
        connection.busy_timeout(self.config.patience)?;
        // Before anything is written: it may belong to another program, or to a later version.
        if schema::inspect(&connection)? == Version::Newer {
            connection.pragma_update(None, "query_only", true)?;
            return Ok(connection);
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // The log is restarted after 1,000 pages; if a reader has delayed that, it is truncated again afterwards.
        connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
        if schema::inspect(&connection)? != Version::Current {
            schema::migrate(&mut connection)?;
        }
        schema::inspect(&connection)?;
        Ok(connection)
    }
}

/// Merges an entry with the one that another process may have stored; returns the result.
fn put(
    transaction: &Transaction<'_>,
    domain: &PolicyDomain,
    entry: &CacheEntry,
) -> rusqlite::Result<CacheEntry> {
    let mut held = transaction.prepare_cached(
        "SELECT CAST(entry AS BLOB), coalesce(days, 0), coalesce(last_day, ?2) \
         FROM entries LEFT JOIN ranking USING (domain) WHERE domain = ?1",
    )?;
    let (name, now) = (domain.as_str(), system_time());
    let held: Option<(Vec<u8>, u32, i64)> = held
        .query_row(params![name, day(now)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let mut entry = entry.clone();
    if let Some((held_text, _, _)) = &held {
        let held = read_entry(name.as_bytes(), held_text).map(|(_, held)| held);
        let Some(merged) = in_place_of(held, held_text, &entry, now) else { return Ok(entry) };
        entry = merged;
    }
    let text = entry.to_text(domain);
    transaction
        .prepare_cached(
            "INSERT INTO entries (domain, entry) VALUES (?1, ?2) \
             ON CONFLICT (domain) DO UPDATE SET entry = excluded.entry",
        )?
        .execute(params![name, text.as_bytes()])?;
    let used = held.map_or((0, day(now)), |(_, days, last_day)| (days, last_day));
    put_rank(transaction, name, &entry, text.len(), used)?;
    Ok(entry)
}

fn remove(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection.prepare_cached("DELETE FROM ranking WHERE domain = ?1")?.execute([name])?;
    Ok(connection.prepare_cached("DELETE FROM entries WHERE domain = ?1")?.execute([name])? > 0)
}

/// A row that has changed since it was read stays.
fn remove_ended(
    connection: &mut Connection,
    domains: &[PolicyDomain],
    before: UnixTime,
) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut removed = 0;
    for domain in domains {
        let name = domain.as_str();
        let held: Option<Vec<u8>> = transaction
            .prepare_cached("SELECT CAST(entry AS BLOB) FROM entries WHERE domain = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let entry = held.and_then(|held| read_entry(name.as_bytes(), &held).ok());
        if entry.is_some_and(|(_, entry)| ends_at(&entry) < before) {
            removed += usize::from(remove(&transaction, name)?);
        }
    }
    transaction.commit()?;
    Ok(removed)
}

fn note_use(connection: &mut Connection, domains: &[PolicyDomain]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let today = day(system_time());
    for domain in domains {
        let name = domain.as_str();
        let held: Option<(Vec<u8>, u32, i64)> = transaction
            .prepare_cached(
                "SELECT CAST(entry AS BLOB), days, last_day FROM entries JOIN ranking USING (domain) \
                 WHERE domain = ?1 AND (days = 0 OR last_day <> ?2)",
            )?
            .query_row(params![name, today], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((text, days, _)) = held else { continue };
        if let Ok((_, entry)) = read_entry(name.as_bytes(), &text) {
            let used = (days.saturating_add(1), today);
            put_rank(&transaction, name, &entry, text.len(), used)?;
        }
    }
    transaction.commit()
}

/// Evicts entries with the lowest rank until there is room for a while; returns their number. Unreadable entries stay.
fn evict(transaction: &Transaction<'_>, max_octets: u64) -> rusqlite::Result<u64> {
    let number = |sql: &str| {
        transaction.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    };
    let page_size = number("PRAGMA page_size")?;
    let octets = || -> rusqlite::Result<u64> {
        Ok(number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?) * page_size)
    };
    let mut evicted = 0;
    let room = max_octets - max_octets / 10;
    let mut is_over = octets()? > max_octets;
    while is_over {
        let excess = octets()?.saturating_sub(room);
        let ended_before = seconds(system_time()).saturating_sub_unsigned(GRACE.as_secs());
        let least: Vec<(String, i64)> = transaction
            .prepare_cached(
                "SELECT domain, octets FROM ranking ORDER BY ends_at >= ?1, rank, last_day LIMIT ?2",
            )?
            .query_map(params![ended_before, EVICTED_AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        if least.is_empty() {
            return Err(full());
        }
        let mut freed = 0;
        for (name, octets) in least {
            if freed >= excess {
                break;
            }
            // A row takes slightly more than its text.
            freed += octets.unsigned_abs() + 100;
            remove(transaction, &name)?;
            evicted += 1;
        }
        is_over = octets()? > room;
    }
    Ok(evicted)
}

fn full() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
    rusqlite::Error::SqliteFailure(code, Some("unreadable entries take up the whole store".to_owned()))
}

/// Copies rows up to the damage, including those of a later version; what is damaged stays in the damaged file.
fn salvage(damaged: &Path, into: &mut Connection) -> rusqlite::Result<usize> {
    let transaction = into.transaction()?;
    let mut saved = 0;
    let mut copy = |order: &str| -> rusqlite::Result<()> {
        let old = Connection::open(damaged)?;
        let mut rows = old.prepare(
            &["SELECT CAST(domain AS BLOB), CAST(entry AS BLOB) FROM entries ORDER BY domain ", order]
                .concat(),
        )?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (name, text): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
            if !matches!(read_entry(&name, &text), Err(Unreadable::Damaged)) {
                saved += transaction.execute(INSERT, params![name, text])?;
            }
        }
        Ok(())
    };
    // From both ends, so that little more than the damaged part is lost.
    for order in ["ASC", "DESC"] {
        if let Err(error) = copy(order) {
            tracing::debug!(%error, "the rest of the damaged store cannot be read");
        }
    }
    schema::rank_all(&transaction)?;
    transaction.commit()?;
    Ok(saved)
}

/// Copies every row that does not exist yet.
fn copy(from: &Connection, into: &mut Connection) -> rusqlite::Result<usize> {
    let transaction = into.transaction()?;
    let mut saved = 0;
    {
        let mut rows = from.prepare("SELECT CAST(domain AS BLOB), CAST(entry AS BLOB) FROM entries")?;
        let mut rows = rows.query([])?;
        let mut insert = transaction.prepare(INSERT)?;
        while let Some(row) = rows.next()? {
            let (name, text): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
            saved += insert.execute(params![name, text])?;
        }
    }
    schema::rank_all(&transaction)?;
    transaction.commit()?;
    Ok(saved)
}

fn day(time: UnixTime) -> i64 {
    seconds(time) / 86_400
}

const INSERT: &str = "INSERT OR IGNORE INTO entries (domain, entry) VALUES (CAST(?1 AS TEXT), ?2)";
const MAX_PUTS: usize = 256;
const EVICTED_AT_ONCE: u32 = 65_536;
