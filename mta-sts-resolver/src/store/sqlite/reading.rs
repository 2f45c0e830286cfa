//! Queries of a database, for every thread.

use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::super::{StoreError, StoreErrorKind, Unreadable, UnreadableEntry, ends_at, read_entry};
use super::file::{Found, io_error, look, with};
use super::schema::{self, Version};
use super::{Fault, READ_PATIENCE, Reply, Shared};

/// A name and a text, in arbitrary octets.
type Row = (Vec<u8>, Vec<u8>);

/// A read job.
pub(super) enum Read {
    Get(PolicyDomain, Reply<Option<CacheEntry>>),
    /// The readable entries with names after this one.
    Page(Vec<u8>, usize, Reply<Vec<(PolicyDomain, CacheEntry)>>),
    /// The unreadable entries with names after this one.
    Unreadable(Vec<u8>, usize, Reply<Vec<UnreadableEntry>>),
    /// The entries with names after this one that ended before this time.
    Sweep(Vec<u8>, UnixTime, Reply<Sweep>),
    /// The time of the latest fetch of a policy.
    LastFetch(Reply<UnixTime>),
}

/// The result of examining a part of a database.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    pub(super) ended: Vec<PolicyDomain>,
    pub(super) newer: u64,
    pub(super) damaged: u64,
    /// The name to continue from; `None` at the end.
    pub(super) next: Option<Vec<u8>>,
}

/// A thread with a connection for reading.
pub(super) trait Source {
    fn read<T>(&mut self, work: impl Fn(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError>;
}

impl Read {
    /// Runs the job and replies. The requester may be gone.
    pub(super) fn run(self, source: &mut impl Source, shared: &Shared) {
        match self {
            Self::Get(domain, reply) if !reply.is_closed() => {
                let text = source.read(|connection| {
                    let mut get = connection.prepare_cached(GET)?;
                    get.query_row([domain.as_str()], |row| row.get::<_, Vec<u8>>(0)).optional()
                });
                let entry = text.map(|text| {
                    let read = read_entry(domain.as_str().as_bytes(), &text?);
                    read.map_err(|why| shared.tell_unreadable(domain.as_str().as_bytes(), why))
                        .ok()
                        .map(|(_, entry)| entry)
                });
                drop(reply.send(entry));
            }
            Self::Page(after, count, reply) if !reply.is_closed() => {
                let readable = |name: &[u8], text: Vec<u8>| match read_entry(name, &text) {
                    Ok(known) => Some(known),
                    Err(why) => {
                        shared.tell_unreadable(name, why);
                        None
                    }
                };
                drop(reply.send(chosen(source, after, count, readable)));
            }
            Self::Unreadable(after, count, reply) if !reply.is_closed() => {
                let unreadable = |name: &[u8], text: Vec<u8>| {
                    let why = read_entry(name, &text).err()?;
                    Some(UnreadableEntry { name: name.to_vec(), text, why })
                };
                drop(reply.send(chosen(source, after, count, unreadable)));
            }
            Self::Sweep(after, before, reply) if !reply.is_closed() => {
                drop(reply.send(rows(source, &after, SWEPT_AT_ONCE).map(|rows| sweep(rows, before))));
            }
            Self::LastFetch(reply) if !reply.is_closed() => {
                let time = source.read(|connection| {
                    if let Some(refusal) = schema::refusal(connection)? {
                        return Ok(Err(refusal));
                    }
                    let last = "SELECT coalesce(max(fetched_at), 0) FROM ranking";
                    connection.query_row(last, [], |row| row.get::<_, i64>(0)).map(Ok)
                });
                let time = time.and_then(|time| time);
                drop(reply.send(time.map(|seconds| UnixTime::from_secs(seconds.max(0).unsigned_abs()))));
            }
            _ => {}
        }
    }
}

fn sweep(rows: Vec<Row>, before: UnixTime) -> Sweep {
    let mut sweep = Sweep::default();
    for (name, text) in rows {
        match read_entry(&name, &text) {
            Ok((domain, entry)) if ends_at(&entry) < before => sweep.ended.push(domain),
            Ok(_) => {}
            Err(Unreadable::Newer) => sweep.newer += 1,
            Err(Unreadable::Damaged) => sweep.damaged += 1,
        }
        sweep.next = Some(name);
    }
    sweep
}

/// At most `count` results for the following rows, skipping those that give none; an empty result means the end.
fn chosen<T>(
    source: &mut impl Source,
    mut after: Vec<u8>,
    count: usize,
    make: impl Fn(&[u8], Vec<u8>) -> Option<T>,
) -> Result<Vec<T>, StoreError> {
    let mut chosen = Vec::new();
    while chosen.is_empty() {
        let rows = rows(source, &after, count)?;
        let Some((last, _)) = rows.last() else { break };
        after.clone_from(last);
        chosen.extend(rows.into_iter().filter_map(|(name, text)| make(&name, text)));
    }
    Ok(chosen)
}

/// Names and texts in the order of names, in arbitrary octets; bounded in memory.
fn rows(source: &mut impl Source, after: &[u8], count: usize) -> Result<Vec<Row>, StoreError> {
    source.read(|connection| {
        let mut page = connection.prepare_cached(PAGE)?;
        let mut found = page.query(params![after, i64::try_from(count).unwrap_or(i64::MAX)])?;
        let (mut rows, mut octets) = (Vec::new(), 0);
        while octets < MAX_PAGE
            && let Some(row) = found.next()?
        {
            let (name, text): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
            octets += name.len() + text.len();
            rows.push((name, text));
        }
        Ok(rows)
    })
}

/// A connection that changes nothing and creates no file; also returns whether it reads the database without a log
/// because there is none.
pub(super) fn open_for_reading(path: &std::path::Path) -> Result<(Connection, bool), Fault> {
    match look(path).map_err(|error| io_error(&error))? {
        Found::Nothing => return Err(StoreError::new(StoreErrorKind::Missing, "no such file").into()),
        Found::Empty => return Err(schema::foreign("the file is empty").into()),
        Found::SomethingElse => return Err(schema::foreign("it is not a database of mtasts").into()),
        Found::Database => {}
    }
    let has = |ending| with(path, ending).exists();
    let is_without_log = !has("-wal");
    if !is_without_log && !has("-shm") {
        // SQLite would create one. A daemon that could not do so has exclusive access instead.
        let what = "its log (-wal) has no index (-shm): `mtasts serve` creates it";
        return Err(StoreError::new(StoreErrorKind::Unavailable, what).into());
    }
    if is_without_log && has("-journal") {
        let what = "a change was interrupted (-journal): `mtasts serve` rolls it back";
        return Err(StoreError::new(StoreErrorKind::Unavailable, what).into());
    }
    let uri = format!("file:{}?mode=ro{}", uri_path(path), if is_without_log { "&immutable=1" } else { "" });
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags)?;
    connection.busy_timeout(READ_PATIENCE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    if schema::inspect(&connection)? == Version::Fresh {
        return Err(schema::foreign("the database is empty").into());
    }
    Ok((connection, is_without_log))
}

/// A path in an SQLite URI.
fn uri_path(path: &std::path::Path) -> String {
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().iter().fold(String::new(), |mut text, octet| {
        if octet.is_ascii_alphanumeric() || b"/-._~".contains(octet) {
            text.push(char::from(*octet));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{octet:02X}");
        }
        text
    })
}

/// A text longer than any entry is read as empty, which is not an entry either.
const GET: &str = "SELECT CASE WHEN length(entry) <= 67584 THEN CAST(entry AS BLOB) ELSE zeroblob(0) END \
    FROM entries WHERE domain = ?1";
const PAGE: &str = "SELECT CAST(domain AS BLOB), \
    CASE WHEN length(entry) <= 67584 THEN CAST(entry AS BLOB) ELSE zeroblob(0) END \
    FROM entries WHERE domain > CAST(?1 AS TEXT) AND typeof(domain) = 'text' ORDER BY domain LIMIT ?2";
const SWEPT_AT_ONCE: usize = 256;
const MAX_PAGE: usize = 4 << 20;
