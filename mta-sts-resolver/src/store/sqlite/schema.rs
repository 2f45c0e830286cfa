//! The tables of a database, and their versions.
//!
//! `entries` has the text of each entry. `ranking` has what is needed to choose readable entries for eviction.
//!
//! | `user_version` | what it is |
//! |---|---|
//! | 0 | `entries` alone, without an application id |
//! | 1 | with `ranking` |

use mta_sts_core::{CacheEntry, CachedPolicy, UnixTime};
use rusqlite::{Connection, TransactionBehavior, params};

use super::super::ranking::rank;
use super::super::{StoreError, StoreErrorKind, ends_at, read_entry};
use super::Fault;

/// The version of a database, relative to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// It is empty.
    Fresh,
    Older,
    Current,
    /// At least some of its entries can be read.
    Newer,
}

/// Examines a database without changing anything.
pub(super) fn inspect(connection: &Connection) -> Result<Version, Fault> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let (id, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    let columns =
        number("SELECT count(*) FROM pragma_table_info('entries') WHERE name IN ('domain', 'entry')")?;
    let is_ours = id == i64::from(APPLICATION_ID) || (id == 0 && version == 0);
    Ok(match (columns == 2, version) {
        _ if !is_ours => return Err(foreign("the database belongs to another program").into()),
        (false, 0) if tables == 0 => Version::Fresh,
        (false, version) if version > VERSION => return Err(newer(version).into()),
        (false, _) => return Err(foreign("the database has no entries").into()),
        (true, version) if version > VERSION => Version::Newer,
        (true, VERSION) => Version::Current,
        (true, _) => Version::Older,
    })
}

/// Upgrades an empty or older database to this version, in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it in the meantime.
    if matches!(inspect(&transaction)?, Version::Current | Version::Newer) {
        return Ok(());
    }
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS entries (domain TEXT PRIMARY KEY, entry BLOB NOT NULL) WITHOUT ROWID;
         CREATE TABLE ranking (
             domain TEXT PRIMARY KEY,
             rank INTEGER NOT NULL,
             ends_at INTEGER NOT NULL,
             fetched_at INTEGER NOT NULL,
             octets INTEGER NOT NULL,
             days INTEGER NOT NULL,
             last_day INTEGER NOT NULL
         ) WITHOUT ROWID;",
    )?;
    rank_all(&transaction)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

/// Ranks the entries that were copied without a rank. The caller has a transaction.
pub(super) fn rank_all(connection: &Connection) -> rusqlite::Result<()> {
    let mut rows = connection.prepare(
        "SELECT CAST(domain AS BLOB), CAST(entry AS BLOB) FROM entries \
         WHERE typeof(domain) = 'text' AND domain NOT IN (SELECT domain FROM ranking)",
    )?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let (name, text): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        if let Ok((domain, entry)) = read_entry(&name, &text) {
            put_rank(connection, domain.as_str(), &entry, text.len(), (0, 0))?;
        }
    }
    Ok(())
}

/// Ranks an entry by the days on which it was used again: their number, and the last.
pub(super) fn put_rank(
    connection: &Connection,
    name: &str,
    entry: &CacheEntry,
    octets: usize,
    (days, last_day): (u32, i64),
) -> rusqlite::Result<()> {
    let fetched_at = entry.policy().map_or(0, |cached| seconds(CachedPolicy::fetched_at(cached)));
    let octets_number = i64::try_from(octets).unwrap_or(i64::MAX);
    let rank = rank(entry, octets, days);
    connection
        .prepare_cached(PUT_RANK)?
        .execute(params![name, rank, seconds(ends_at(entry)), fetched_at, octets_number, days, last_day])
        .map(drop)
}

pub(super) fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// The error of whoever needs the tables of this version, in a database of a later one.
pub(super) fn refusal(connection: &Connection) -> rusqlite::Result<Option<StoreError>> {
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((version > VERSION).then(|| newer(version)))
}

fn newer(version: i64) -> StoreError {
    let what = format!("its format is {version}, and this version of mtasts writes {VERSION}");
    StoreError::new(StoreErrorKind::Newer, what)
}

pub(super) fn foreign(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Foreign, what)
}

const PUT_RANK: &str = "INSERT INTO ranking (domain, rank, ends_at, fetched_at, octets, days, last_day) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
     ON CONFLICT (domain) DO UPDATE SET rank = excluded.rank, ends_at = excluded.ends_at, \
     fetched_at = excluded.fetched_at, octets = excluded.octets, days = excluded.days, last_day = excluded.last_day";
/// `MTAS`.
pub(super) const APPLICATION_ID: i32 = 0x4d54_4153;
const VERSION: i64 = 1;
