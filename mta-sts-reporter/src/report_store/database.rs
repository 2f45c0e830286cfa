//! The database: one row for each domain of a day.
//!
//! | table | contents |
//! |---|---|
//! | `tally` | the rows of [`TallyChange`]: day, domain, a line of the text of a tally |
//! | `seed` | the seed of the tally, drawn when the database was made |
//! | `unreadable` | lines that could not be read, for later inspection |
//! | `parcel` | the outgoing parcels |
//! | `arrived` | the ids of the parcels whose counts are in `tally`, with the time, for 30 days |
//! | `machine` | the name of this machine among those that share a store |

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{Tally, TallyChange, TallyConfig};
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::sqlite_fault::SqliteFault;

use super::parcels::{ParcelChange, ParcelShelf};
use super::{ReportStoreError, ReportStoreErrorKind};

/// An open database, locked by this process.
pub(super) struct Database {
    connection: Connection,
    identity: Option<(u64, u64)>,
}

/// Changes that are applied together or not at all.
pub(super) struct Writing<'a>(Transaction<'a>);

impl Database {
    /// Opens or creates the database at the path, with this seed if given. Returns it and its seed.
    pub(super) fn open(path: &Path, seed: Option<u64>) -> Result<(Self, u64), Fault> {
        look(path)?;
        create(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        // Two processes that write what they have counted would take turns at it.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
        // In KiB: rows are written, and read at the start alone.
        connection.pragma_update(None, "cache_size", -512)?;
        let mut database = Self { connection, identity: identity(path) };
        let seed = database.prepare(seed)?;
        Ok((database, seed))
    }

    /// Creates the tables of a new database. Returns the seed.
    fn prepare(&mut self, seed: Option<u64>) -> Result<u64, Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = |sql| transaction.query_row(sql, [], |row| row.get::<_, i64>(0));
        let (id, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
        let tables = number("SELECT count(*) FROM sqlite_schema")?;
        if tables > 0 && id != i64::from(APPLICATION_ID) {
            return Err(foreign("it belongs to another program").into());
        }
        if version > VERSION {
            let detail = format!("its format is {version}, and this version writes {VERSION}");
            return Err(ReportStoreError::new(ReportStoreErrorKind::Newer, detail).into());
        }
        if version < VERSION {
            transaction.execute_batch(
                "CREATE TABLE tally (
                     day INTEGER NOT NULL, domain TEXT NOT NULL, line TEXT NOT NULL, PRIMARY KEY (day, domain)
                 ) WITHOUT ROWID;
                 CREATE TABLE seed (seed INTEGER NOT NULL);
                 CREATE TABLE unreadable (line TEXT NOT NULL);",
            )?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        transaction.execute_batch(
            "CREATE TABLE IF NOT EXISTS parcel (id TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS arrived (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS machine (name TEXT NOT NULL);",
        )?;
        let known: Option<i64> =
            transaction.query_row("SELECT seed FROM seed", [], |row| row.get(0)).optional()?;
        let seed = if let Some(known) = known {
            known.cast_unsigned()
        } else {
            let seed = seed.map_or_else(random, Ok)?;
            transaction.execute("INSERT INTO seed (seed) VALUES (?1)", [seed.cast_signed()])?;
            seed
        };
        transaction.commit()?;
        Ok(seed)
    }

    /// Returns whether it is still the file at the path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.identity == identity(path)
    }

    /// Returns the saved rows. A line that cannot be read is moved to `unreadable`.
    pub(super) fn load(&self, config: &TallyConfig) -> Result<Tally, Fault> {
        let mut rows = self.connection.prepare("SELECT line FROM tally ORDER BY day, domain")?;
        let lines: Vec<String> = rows.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let parse = |lines: &[String]| {
            let text: String =
                [Tally::FIRST_LINE].into_iter().chain(lines.iter().map(|line| &**line)).collect();
            Tally::parse(text.as_bytes(), config.clone())
        };
        if let Ok(tally) = parse(&lines) {
            return Ok(tally);
        }
        let (read, unreadable): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| parse(std::slice::from_ref(line)).is_ok());
        for line in &unreadable {
            self.connection.execute("INSERT INTO unreadable (line) VALUES (?1)", [line])?;
        }
        tracing::error!(
            lines = unreadable.len(),
            "counts for reports cannot be read; they are kept in the table `unreadable`"
        );
        parse(&read).map_err(|error| foreign(&error.to_string()).into())
    }

    /// Returns the saved parcels, under this name of the machine if it has none yet.
    pub(super) fn load_parcels(&self, machine: &str) -> Result<ParcelShelf, Fault> {
        let named = "INSERT INTO machine (name) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM machine)";
        self.connection.execute(named, [machine])?;
        let machine = self.connection.query_row("SELECT name FROM machine", [], |row| row.get(0))?;
        let mut outgoing = self.connection.prepare("SELECT id, text FROM parcel")?;
        let outgoing = outgoing.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut arrived = self.connection.prepare("SELECT id FROM arrived")?;
        let arrived = arrived.query_map([], |row| row.get(0))?;
        Ok(ParcelShelf::new(machine, outgoing.collect::<Result<_, _>>()?, arrived.collect::<Result<_, _>>()?))
    }

    /// Begins a transaction.
    pub(super) fn begin(&mut self) -> Result<Writing<'_>, Fault> {
        Ok(Writing(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?))
    }

    /// Moves a damaged database and its log aside. Returns the new path.
    pub(super) fn move_aside(path: &Path) -> Result<PathBuf, Fault> {
        look(path)?;
        let with = |ending: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        // The first one is the best evidence of what happened: the last is overwritten.
        let endings = [".damaged", ".damaged.2", ".damaged.3"];
        let ending = endings.into_iter().find(|ending| !with(ending).exists()).unwrap_or(endings[2]);
        for of_file in ["", "-wal", "-shm"] {
            let target = with(&[ending, of_file].concat());
            let _ = fs::remove_file(&target);
            match fs::rename(with(of_file), &target) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(with(ending))
    }

    /// Reads a damaged database from both ends, so that little more than the damaged part is lost.
    pub(super) fn salvage(damaged: &Path) -> (Option<u64>, Vec<(i64, String, String)>) {
        let Ok(connection) = Connection::open(damaged) else { return (None, Vec::new()) };
        let seed = connection.query_row("SELECT seed FROM seed", [], |row| row.get::<_, i64>(0));
        let mut saved = std::collections::BTreeMap::new();
        for order in ["ASC", "DESC"] {
            let sql = format!("SELECT day, domain, line FROM tally ORDER BY day {order}, domain {order}");
            let Ok(mut rows) = connection.prepare(&sql) else { continue };
            let Ok(rows) = rows.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))) else {
                continue;
            };
            saved.extend(rows.map_while(Result::ok));
        }
        let saved = saved.into_iter().map(|((day, domain), line)| (day, domain, line)).collect();
        (seed.ok().map(i64::cast_unsigned), saved)
    }

    /// Inserts salvaged rows, and copies what can be read of parcels.
    pub(super) fn restore(&self, lines: &[(i64, String, String)], damaged: &Path) -> Result<(), Fault> {
        let transaction = self.connection.unchecked_transaction()?;
        for (day, domain, line) in lines {
            transaction.prepare_cached(UPSERT)?.execute(params![day, domain, line])?;
        }
        transaction.commit()?;
        self.connection.execute("ATTACH DATABASE ?1 AS damaged", [damaged.to_string_lossy()])?;
        for table in ["parcel", "arrived", "machine"] {
            // As far as it can be read.
            let _ = self
                .connection
                .execute(&format!("INSERT OR IGNORE INTO {table} SELECT * FROM damaged.{table}"), []);
        }
        self.connection.execute("DETACH DATABASE damaged", [])?;
        Ok(())
    }
}

impl Writing<'_> {
    pub(super) fn write(&self, change: &TallyChange) -> Result<(), Fault> {
        let transaction = &self.0;
        match change {
            TallyChange::Clear => transaction.execute("DELETE FROM tally", []),
            TallyChange::DeleteDay { day } => {
                transaction.prepare_cached("DELETE FROM tally WHERE day = ?1")?.execute([seconds(*day)])
            }
            TallyChange::Delete { day, domain } => transaction
                .prepare_cached("DELETE FROM tally WHERE day = ?1 AND domain = ?2")?
                .execute(params![seconds(*day), domain]),
            TallyChange::Upsert { day, domain, line } => {
                transaction.prepare_cached(UPSERT)?.execute(params![seconds(*day), domain, line])
            }
        }?;
        Ok(())
    }

    pub(super) fn write_parcel(&self, change: &ParcelChange) -> Result<(), Fault> {
        let transaction = &self.0;
        match change {
            ParcelChange::Machine(name) => {
                transaction.execute("DELETE FROM machine", [])?;
                transaction.execute("INSERT INTO machine (name) VALUES (?1)", [name])?
            }
            ParcelChange::Outgoing(id, text) => {
                transaction.execute("INSERT OR REPLACE INTO parcel (id, text) VALUES (?1, ?2)", [id, text])?
            }
            ParcelChange::Gone(id) => transaction.execute("DELETE FROM parcel WHERE id = ?1", [id])?,
            ParcelChange::Arrived(id, at) => {
                transaction.execute("DELETE FROM arrived WHERE at < ?1", [seconds(*at) - REMEMBERED])?;
                let sql = "INSERT OR REPLACE INTO arrived (id, at) VALUES (?1, ?2)";
                transaction.execute(sql, params![id, seconds(*at)])?
            }
            ParcelChange::Unreadable(text) => {
                transaction.execute("INSERT INTO unreadable (line) VALUES (?1)", [text])?
            }
        };
        Ok(())
    }

    pub(super) fn commit(self) -> Result<(), Fault> {
        Ok(self.0.commit()?)
    }
}

/// The reason why a database could not be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] ReportStoreError),
}

impl Fault {
    pub(super) fn is_damage(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        SqliteFault::of(error, None) == SqliteFault::Corrupt
    }

    /// Returns the public error for a database at this path.
    pub(super) fn into_error(self, path: &Path) -> ReportStoreError {
        let fault = match &self {
            Self::Sqlite(error) => SqliteFault::of(error, Some(path)),
            Self::Io(error) => SqliteFault::of_io(error),
            Self::Store(error) => return error.clone(),
        };
        let kind = match fault {
            SqliteFault::Full => ReportStoreErrorKind::Full,
            SqliteFault::Locked => ReportStoreErrorKind::Locked,
            SqliteFault::Corrupt => ReportStoreErrorKind::Corrupt,
            SqliteFault::Denied => ReportStoreErrorKind::Denied,
            SqliteFault::Unavailable => ReportStoreErrorKind::Unavailable,
        };
        ReportStoreError::new(kind, self.to_string())
    }
}

/// An unpredictable number.
pub(super) fn random() -> Result<u64, ReportStoreError> {
    let mut octets = [0; 8];
    SystemRandom::new().fill(&mut octets).map_err(|_| {
        let detail = "the system has no random numbers".to_owned();
        ReportStoreError::new(ReportStoreErrorKind::Unavailable, detail)
    })?;
    Ok(u64::from_ne_bytes(octets))
}

/// Rejects a file that is not a database, which would otherwise be treated as a damaged one.
fn look(path: &Path) -> Result<(), Fault> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        // To open a pipe would wait for its other end.
        Ok(metadata) if !metadata.is_file() => return Err(foreign("it is no file").into()),
        Ok(_) => {}
    }
    let mut header = Vec::new();
    fs::File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut header)?;
    if header.is_empty() || header == MAGIC { Ok(()) } else { Err(foreign("it is no database").into()) }
}

/// Creates an empty file that only its owner can read, since its contents show to which domains mail is sent.
fn create(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Device and number of the file at a path.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

fn foreign(detail: &str) -> ReportStoreError {
    ReportStoreError::new(ReportStoreErrorKind::Foreign, detail.to_owned())
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

const UPSERT: &str = "INSERT INTO tally (day, domain, line) VALUES (?1, ?2, ?3) \
     ON CONFLICT (day, domain) DO UPDATE SET line = excluded.line";
const MAGIC: &[u8] = b"SQLite format 3\0";
/// `MTAT`.
const APPLICATION_ID: i32 = 0x4d54_4154;
const VERSION: i64 = 1;
/// As long as the shared store says of a parcel that it has arrived.
const REMEMBERED: i64 = 30 * 86_400;
/// The maximum time to wait for another process that has locked the file.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(500);
