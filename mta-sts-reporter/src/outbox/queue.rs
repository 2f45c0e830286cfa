//! The queue: which reports go where, and what came of it.
//!
//! | table | contents |
//! |---|---|
//! | `report` | each report that was taken, by its `report-id`; without its body once nothing waits, and for another week |
//! | `delivery` | one row for each `rua` of a report |
//!
//! A try is written down before it is made, as if it had failed: a process that is killed in the middle leaves a report that is tried
//! again, and not at once.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{DueReport, ReportPeriod, ReportUri};
use nix::fcntl::{Flock, FlockArg};
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior, params};

use super::body::ReportBody;
use super::error::{OutboxError, OutboxErrorKind};

/// A queue of reports in an SQLite database.
///
/// ```
/// use mta_sts_reporter::ReportQueue;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("outbox.sqlite");
/// let queue = ReportQueue::open(&path)?;
/// for delivery in queue.deliveries()? {
///     println!("{} {} {:?}", delivery.domain, delivery.rua, delivery.last_error);
/// }
/// // One process sends; others look.
/// assert!(ReportQueue::open(&path).is_err());
/// assert!(ReportQueue::open_to_look(&path).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A report is in it once, by its `report-id`, and goes to each address once. What came to an end is known for a week, so that
/// a report which is handed over again meanwhile is not sent again.
#[derive(Debug)]
pub struct ReportQueue {
    connection: Mutex<Connection>,
    path: PathBuf,
    // Who has it sends.
    _lock: Option<Flock<File>>,
}

/// A delivery of a report to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueuedDelivery {
    /// The domain that the report is about.
    pub domain: String,
    /// The first second of the day that it is about.
    pub day: UnixTime,
    /// Its `report-id`.
    pub report_id: String,
    /// The destination; empty until the record of the domain is queried.
    pub rua: String,
    /// The number of attempts.
    pub tries: u32,
    /// The time of the next attempt; [`None`] when the delivery has ended.
    pub next_try: Option<UnixTime>,
    /// Its status.
    pub state: DeliveryState,
    /// The error of the last attempt: a code and a message.
    pub last_error: Option<String>,
}

/// The status of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryState {
    /// An attempt is pending, the first or a further one.
    Waiting,
    /// The receiver has accepted the report.
    Sent,
    /// The receiver has rejected the report.
    Refused,
    /// All attempts have failed.
    GivenUp,
}

impl DeliveryState {
    /// The stable kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::GivenUp => "given-up",
        }
    }

    fn parse(code: &str) -> Self {
        let all = [Self::Sent, Self::Refused, Self::GivenUp];
        all.into_iter().find(|state| state.code() == code).unwrap_or(Self::Waiting)
    }
}

/// A report whose record is to be queried.
#[derive(Debug)]
pub(super) struct Unaddressed {
    pub(super) number: i64,
    pub(super) domain: String,
    /// The record that was seen last.
    pub(super) record: Option<String>,
    pub(super) is_last_try: bool,
}

/// A delivery that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) number: i64,
    pub(super) domain: String,
    pub(super) rua: String,
    pub(super) body: ReportBody,
    /// The host it connects to.
    pub(super) host: String,
    pub(super) is_last_try: bool,
}

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Sent,
    /// Not now.
    Failed(String),
    /// Never.
    Refused(String),
}

impl ReportQueue {
    /// The most reports that wait.
    pub const MAX_REPORTS: u64 = 200_000;

    /// Opens a queue to send from, or makes one, for its owner alone (mode 0600). A damaged one is moved aside, to a name that ends in
    /// `.damaged`.
    ///
    /// # Errors
    ///
    /// `queue-locked` if another process sends from it; the others of [`OutboxErrorKind`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OutboxError> {
        let path = path.as_ref();
        let lock = lock(path)?;
        let opened = match connect(path) {
            Err(error) if error.kind() == OutboxErrorKind::Corrupt => {
                move_aside(path)?;
                tracing::error!(path = %path.display(), %error, "the queue of reports was moved aside, and a new one made");
                connect(path)
            }
            opened => opened,
        };
        Ok(Self { connection: Mutex::new(opened?), path: path.to_owned(), _lock: Some(lock) })
    }

    /// Opens a queue for reading, while another process sends from it.
    ///
    /// # Errors
    ///
    /// `queue-missing` if there is none; the others of [`OutboxErrorKind`].
    pub fn open_to_look(path: impl AsRef<Path>) -> Result<Self, OutboxError> {
        let path = path.as_ref();
        if !path.exists() {
            return Err(OutboxError::new(OutboxErrorKind::Missing, path.display().to_string()));
        }
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(PATIENCE)?;
        check(&connection)?;
        Ok(Self { connection: Mutex::new(connection), path: path.to_owned(), _lock: None })
    }

    /// Its location.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns all pending deliveries, by the time of their next attempt, then those that ended within a week.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn deliveries(&self) -> Result<Vec<QueuedDelivery>, OutboxError> {
        let connection = self.connection();
        let mut statement = connection.prepare(
            "SELECT domain, day, report_id, rua, tries, next_at, state, error FROM (
                 SELECT domain, day, report_id, rua, delivery.tries, delivery.next_at, delivery.state, delivery.error
                 FROM delivery JOIN report ON report.number = delivery.report
                 UNION ALL
                 SELECT domain, day, report_id, '', tries, next_at, state, error FROM report
                 WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.report = report.number))
             ORDER BY next_at IS NULL, next_at, day, domain, rua",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(QueuedDelivery {
                domain: row.get(0)?,
                day: time(row, 1)?,
                report_id: row.get(2)?,
                rua: row.get(3)?,
                tries: row.get(4)?,
                next_try: row.get::<_, Option<i64>>(5)?.map(time_of),
                state: DeliveryState::parse(&row.get::<_, String>(6)?),
                last_error: row.get(7)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the number of pending deliveries, and of reports whose record is not queried yet.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn waiting(&self) -> Result<u64, OutboxError> {
        let sql = "SELECT (SELECT count(*) FROM delivery WHERE next_at IS NOT NULL)
                        + (SELECT count(*) FROM report WHERE next_at IS NOT NULL)";
        Ok(self.connection().query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
    }

    /// Takes a report that is not in it. What it was given before it has, whatever became of it.
    pub(super) fn take(&self, due: &[(DueReport, ReportBody)], now: UnixTime) -> Result<u64, OutboxError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let waiting = "SELECT count(*) FROM report WHERE body IS NOT NULL";
        let waiting = transaction.query_row(waiting, [], |row| row.get::<_, i64>(0))?.unsigned_abs();
        if waiting.saturating_add(due.len() as u64) > Self::MAX_REPORTS {
            return Err(OutboxError::new(OutboxErrorKind::Full, format!("{waiting} reports wait")));
        }
        let mut taken = 0;
        for (due, body) in due {
            let day = due.report.period().map_or(UnixTime::default(), ReportPeriod::start);
            taken += transaction.execute(
                "INSERT INTO report (report_id, domain, day, record, body, taken_at, next_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT DO NOTHING",
                params![
                    due.report.id(),
                    due.domain.as_str(),
                    seconds(day),
                    due.record.as_deref(),
                    body.json_gz(),
                    seconds(now)
                ],
            )? as u64;
        }
        transaction.commit()?;
        Ok(taken)
    }

    /// Some reports whose record is to be asked for now; each counts as tried.
    pub(super) fn begin_addressing(
        &self,
        now: UnixTime,
        most: usize,
    ) -> Result<Vec<Unaddressed>, OutboxError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut found = Vec::new();
        {
            let mut statement = transaction.prepare_cached(
                "SELECT number, domain, record, tries FROM report
                 WHERE next_at <= ?1 OR next_at > ?2 ORDER BY next_at LIMIT ?3",
            )?;
            let mut rows = statement.query(params![seconds(now), far_ahead(now), limit(most)])?;
            while let Some(row) = rows.next()? {
                let tries: u32 = row.get::<_, u32>(3)?.saturating_add(1);
                let report = Unaddressed {
                    number: row.get(0)?,
                    domain: row.get(1)?,
                    record: row.get(2)?,
                    is_last_try: tries >= MAX_TRIES,
                };
                found.push((report, tries));
            }
            let mut update =
                transaction.prepare_cached("UPDATE report SET tries = ?2, next_at = ?3 WHERE number = ?1")?;
            for (report, tries) in &found {
                update.execute(params![report.number, tries, seconds(next_try(*tries, now))])?;
            }
        }
        transaction.commit()?;
        Ok(found.into_iter().map(|(report, _)| report).collect())
    }

    /// The report goes to these addresses.
    pub(super) fn address(&self, report: i64, uris: &[ReportUri], now: UnixTime) -> Result<(), OutboxError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for uri in uris {
            transaction.execute(
                "INSERT INTO delivery (report, rua, host, next_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                params![report, uri.to_string(), connected_to(uri), seconds(now)],
            )?;
        }
        transaction.execute("UPDATE report SET next_at = NULL, error = NULL WHERE number = ?1", [report])?;
        transaction.commit()?;
        Ok(())
    }

    /// The report goes nowhere, or not now.
    pub(super) fn end_addressing(
        &self,
        report: &Unaddressed,
        end: &End,
        now: UnixTime,
    ) -> Result<DeliveryState, OutboxError> {
        let (state, error) = state_of(end, report.is_last_try);
        let connection = self.connection();
        if state == DeliveryState::Waiting {
            let sql = "UPDATE report SET error = ?2 WHERE number = ?1";
            connection.execute(sql, params![report.number, error])?;
        } else {
            connection.execute(
                "UPDATE report SET next_at = NULL, body = NULL, state = ?2, error = ?3, ended_at = ?4 WHERE number = ?1",
                params![report.number, state.code(), error, seconds(now)],
            )?;
        }
        Ok(state)
    }

    /// Some deliveries that are to be made now, those first that were tried the least; each counts as tried. Of one host there are
    /// few, and none of those that are busy: hosts that never answer must not take all places.
    pub(super) fn begin(&self, now: UnixTime, most: usize, busy: &[&str]) -> Result<Vec<Due>, OutboxError> {
        let busy = serde_json::to_string(busy).unwrap_or_else(|_| "[]".to_owned());
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut found = Vec::new();
        {
            let mut statement = transaction.prepare_cached(
                "SELECT due.number, domain, rua, body, due.tries, host
                 FROM (SELECT number, report, rua, tries, next_at, host,
                              row_number() OVER (PARTITION BY host ORDER BY tries, next_at) AS place
                       FROM delivery
                       WHERE (next_at <= ?1 OR next_at > ?2) AND host NOT IN (SELECT value FROM json_each(?4))) AS due
                 JOIN report ON report.number = due.report
                 WHERE place <= ?5 ORDER BY due.tries, due.next_at LIMIT ?3",
            )?;
            let places = limit(MOST_OF_A_HOST);
            let mut rows =
                statement.query(params![seconds(now), far_ahead(now), limit(most), busy, places])?;
            while let Some(row) = rows.next()? {
                let tries: u32 = row.get::<_, u32>(4)?.saturating_add(1);
                let delivery = Due {
                    number: row.get(0)?,
                    domain: row.get(1)?,
                    rua: row.get(2)?,
                    body: ReportBody::of_json_gz(row.get(3)?),
                    host: row.get(5)?,
                    is_last_try: tries >= MAX_TRIES,
                };
                found.push((delivery, tries));
            }
            let mut update = transaction
                .prepare_cached("UPDATE delivery SET tries = ?2, next_at = ?3 WHERE number = ?1")?;
            for (delivery, tries) in &found {
                update.execute(params![delivery.number, tries, seconds(next_try(*tries, now))])?;
            }
        }
        transaction.commit()?;
        // A process that was killed at the last try.
        let (killed, due): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, tries)| *tries > MAX_TRIES);
        drop(connection);
        for (delivery, _) in killed {
            let end = End::Failed("killed: the process ended at the last try".to_owned());
            self.end(delivery.number, true, &end, now)?;
        }
        Ok(due.into_iter().map(|(delivery, _)| delivery).collect())
    }

    /// What came of a try, and of the delivery with it.
    pub(super) fn end(
        &self,
        delivery: i64,
        is_last_try: bool,
        end: &End,
        now: UnixTime,
    ) -> Result<DeliveryState, OutboxError> {
        let (state, error) = state_of(end, is_last_try);
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if state == DeliveryState::Waiting {
            let sql = "UPDATE delivery SET error = ?2 WHERE number = ?1";
            transaction.execute(sql, params![delivery, error])?;
        } else {
            transaction.execute(
                "UPDATE delivery SET next_at = NULL, state = ?2, error = ?3 WHERE number = ?1",
                params![delivery, state.code(), error],
            )?;
            // Of a report that waits for nothing more its identity is enough.
            transaction.execute(
                "UPDATE report SET body = NULL, ended_at = ?2 WHERE number = (SELECT report FROM delivery WHERE number = ?1)
                 AND NOT EXISTS (SELECT 1 FROM delivery AS other WHERE other.report = report.number AND other.next_at IS NOT NULL)",
                params![delivery, seconds(now)],
            )?;
        }
        transaction.commit()?;
        Ok(state)
    }

    /// Forgets what came to an end a week ago. A clock that is ahead forgets a few at a time alone.
    pub(super) fn forget(&self, now: UnixTime) -> Result<(), OutboxError> {
        let before = now.as_secs().saturating_sub(REMEMBERED.as_secs());
        self.connection().execute(
            "DELETE FROM report WHERE number IN
             (SELECT number FROM report WHERE ended_at < ?1 AND body IS NULL ORDER BY ended_at LIMIT 100)",
            [i64::try_from(before).unwrap_or(i64::MAX)],
        )?;
        Ok(())
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // What a panic leaves is rolled back with its transaction.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a report is tried again after so many tries (RFC 8460, 5.5): the last one less than a day after the first. After the last
/// try, that is when it is given up, should nobody say what came of it.
fn next_try(tries: u32, now: UnixTime) -> UnixTime {
    let before = usize::try_from(tries).unwrap_or(usize::MAX).saturating_sub(1).min(RETRIES.len() - 1);
    now.saturating_add(Duration::from_secs(RETRIES[before]))
}

/// Which deliveries connect to one host: mail goes to this machine's mail server.
fn connected_to(uri: &ReportUri) -> &str {
    match uri {
        ReportUri::Https { .. } => uri.host(),
        _ => "",
    }
}

fn state_of(end: &End, is_last_try: bool) -> (DeliveryState, Option<&str>) {
    match end {
        End::Sent => (DeliveryState::Sent, None),
        End::Refused(error) => (DeliveryState::Refused, Some(error)),
        End::Failed(error) if is_last_try => (DeliveryState::GivenUp, Some(error)),
        End::Failed(error) => (DeliveryState::Waiting, Some(error)),
    }
}

fn lock(path: &Path) -> Result<Flock<File>, OutboxError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(name);
    Flock::lock(file?, FlockArg::LockExclusiveNonblock)
        .map_err(|_| OutboxError::new(OutboxErrorKind::Locked, path.display().to_string()))
}

fn connect(path: &Path) -> Result<Connection, OutboxError> {
    // SQLite would make it readable for others.
    let created = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    created?;
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What was sent must be known after a loss of power too.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -512)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    if tables == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    check(&transaction)?;
    transaction.commit()?;
    Ok(connection)
}

fn check(connection: &Connection) -> Result<(), OutboxError> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let (id, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    if id != i64::from(APPLICATION_ID) {
        return Err(OutboxError::new(OutboxErrorKind::Foreign, "it belongs to another program"));
    }
    if version != VERSION {
        let detail = format!("its format is {version}, and this version knows {VERSION}");
        return Err(OutboxError::new(OutboxErrorKind::Newer, detail));
    }
    Ok(())
}

fn move_aside(path: &Path) -> io::Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let name = |ending: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        match fs::rename(name(ending), name(&format!(".damaged{ending}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// Later than any try can be: the clock was ahead when it was written.
fn far_ahead(now: UnixTime) -> i64 {
    seconds(now.saturating_add(Duration::from_secs(RETRIES[RETRIES.len() - 1])))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<UnixTime> {
    row.get(column).map(time_of)
}

fn time_of(seconds: i64) -> UnixTime {
    UnixTime::from_secs(seconds.unsigned_abs())
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

const TABLES: &str = "
    CREATE TABLE report (
        number INTEGER PRIMARY KEY,
        report_id TEXT NOT NULL UNIQUE,
        domain TEXT NOT NULL,
        day INTEGER NOT NULL,
        record TEXT,
        body BLOB,
        taken_at INTEGER NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0,
        next_at INTEGER,
        state TEXT NOT NULL DEFAULT 'waiting',
        error TEXT,
        ended_at INTEGER
    );
    CREATE INDEX report_next ON report (next_at) WHERE next_at IS NOT NULL;
    CREATE INDEX report_waiting ON report (number) WHERE body IS NOT NULL;
    CREATE INDEX report_ended ON report (ended_at) WHERE ended_at IS NOT NULL;
    CREATE TABLE delivery (
        number INTEGER PRIMARY KEY,
        report INTEGER NOT NULL REFERENCES report (number) ON DELETE CASCADE,
        rua TEXT NOT NULL,
        host TEXT NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0,
        next_at INTEGER,
        state TEXT NOT NULL DEFAULT 'waiting',
        error TEXT,
        UNIQUE (report, rua)
    );
    CREATE INDEX delivery_next ON delivery (next_at) WHERE next_at IS NOT NULL;";
/// `mtso` in ASCII.
const APPLICATION_ID: i32 = 0x6d74_736f;
const VERSION: i64 = 1;
const PATIENCE: Duration = Duration::from_secs(5);
const REMEMBERED: Duration = Duration::from_secs(7 * 86_400);
const RETRIES: [u64; 6] = [5 * 60, 15 * 60, 45 * 60, 2 * 3600, 5 * 3600, 15 * 3600];
const MAX_TRIES: u32 = 7;
/// How many deliveries to one host are made at once.
pub(super) const MOST_OF_A_HOST: usize = 4;
