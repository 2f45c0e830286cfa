//! What is counted outlives the process, the disk and the database, and no session stands in two reports.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use mta_sts_core::tlsrpt::{Counted, Datagram, DueReport, ReportSender};
use mta_sts_core::{PolicyDomain, UnixTime};
use mta_sts_reporter::{
    Collector, CollectorAccess, CollectorConfig, CollectorSocket, ReportStore, ReportStoreConfig,
    ReportStoreErrorKind,
};
use rusqlite::Connection;

/// A time on 2023-11-14, and one by which its reports are due.
const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
const NEXT_DAY: UnixTime = UnixTime::from_secs(1_700_000_000 + 2 * 86_400);

fn config() -> ReportStoreConfig {
    ReportStoreConfig::new(ReportSender::new("tls-reports@sender.example", "Sender Inc.").unwrap())
}

fn datagram(domain: &str) -> Vec<u8> {
    let policies = r#"{"policy-type":9,"t":0,"f":0}"#;
    format!(r#"{{"d":"{domain}","pr":"v=TLSRPTv1; rua=mailto:tls@{domain}","policies":[{policies}]}}"#)
        .into_bytes()
}

fn count(store: &ReportStore, domain: &str) {
    let datagram = Datagram::parse(&datagram(domain)).unwrap();
    for event in datagram.events() {
        assert_eq!(store.count(&event, NOW), Counted::Whole);
    }
}

fn sessions(due: &DueReport) -> u64 {
    due.report.policies().iter().map(|policy| policy.successes() + policy.failures()).sum()
}

/// The sessions that are to be reported, by domain.
fn all_due(store: &ReportStore) -> BTreeMap<String, u64> {
    store.due(NEXT_DAY).unwrap().iter().map(|due| (due.domain.to_string(), sessions(due))).collect()
}

fn map(sessions: &[(&str, u64)]) -> BTreeMap<String, u64> {
    sessions.iter().map(|(domain, number)| ((*domain).to_owned(), *number)).collect()
}

#[test]
fn what_is_counted_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tally.sqlite");
    let store = ReportStore::open(&path, config()).unwrap();
    count(&store, "a.test");
    count(&store, "a.test");
    count(&store, "b.test");
    let text = store.to_text();
    drop(store);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let store = ReportStore::open(&path, config()).unwrap();
    assert_eq!(store.to_text(), text);
    count(&store, "b.test");
    drop(store);
    assert_eq!(all_due(&ReportStore::open(&path, config()).unwrap()), map(&[("a.test", 2), ("b.test", 2)]));
}

#[test]
fn a_report_is_due_at_the_same_time_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tally.sqlite");
    let next_due = || {
        let store = ReportStore::open(&path, config()).unwrap();
        if store.next_due().is_none() {
            count(&store, "a.test");
        }
        store.next_due()
    };
    let first = next_due();
    assert!(first.is_some());
    assert_eq!(next_due(), first);
}

#[test]
fn a_report_that_was_given_out_and_not_taken_is_the_same_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tally.sqlite");
    let store = ReportStore::open(&path, config()).unwrap();
    count(&store, "a.test");
    let first = store.due(NEXT_DAY).unwrap();
    // As a process that is killed leaves it: nothing is saved at its end.
    let copy = folder.path().join("copy.sqlite");
    copy_database(&path, &copy);
    let killed = ReportStore::open(&copy, config()).unwrap();
    assert_eq!(killed.due(NEXT_DAY).unwrap(), []);
    let later = NEXT_DAY.saturating_add(Duration::from_secs(300));
    let second = killed.due(later).unwrap();
    assert_eq!(second.len(), 1);
    assert_eq!((&second[0].id, &second[0].report), (&first[0].id, &first[0].report));
    assert_eq!(second[0].attempt, 2);

    store.taken(first.iter().map(|due| &due.id), NEXT_DAY).unwrap();
    copy_database(&path, &copy.with_extension("taken"));
    let killed = ReportStore::open(copy.with_extension("taken"), config()).unwrap();
    assert_eq!((killed.due(later).unwrap(), killed.next_due()), (vec![], None));
    assert_eq!(store.state(NOW).taken, 1);
}

fn copy_database(from: &Path, to: &Path) {
    for ending in ["", "-wal"] {
        let with = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
        match fs::copy(with(from), with(to)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            copied => drop(copied.unwrap()),
        }
    }
}

#[test]
fn what_is_no_database_of_counts_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let kind = |path: &Path| ReportStore::open(path, config()).map(drop).map_err(|error| error.kind());
    let text = folder.path().join("text");
    fs::write(&text, "a letter to somebody").unwrap();
    assert_eq!(kind(&text), Err(ReportStoreErrorKind::Foreign));
    assert_eq!(fs::read(&text).unwrap(), b"a letter to somebody");

    let other = folder.path().join("other.sqlite");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE a (b); INSERT INTO a VALUES (1)").unwrap();
    assert_eq!(kind(&other), Err(ReportStoreErrorKind::Foreign));
    let rows: i64 =
        Connection::open(&other).unwrap().query_row("SELECT count(*) FROM a", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);

    let newer = folder.path().join("newer.sqlite");
    drop(ReportStore::open(&newer, config()).unwrap());
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert_eq!(kind(&newer), Err(ReportStoreErrorKind::Newer));

    assert_eq!(kind(folder.path()), Err(ReportStoreErrorKind::Foreign));
    assert_eq!(kind(&folder.path().join("none/tally")), Err(ReportStoreErrorKind::Unavailable));
}

#[test]
fn a_line_that_cannot_be_read_is_put_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tally.sqlite");
    let store = ReportStore::open(&path, config()).unwrap();
    count(&store, "a.test");
    count(&store, "b.test");
    drop(store);
    let spoil = "UPDATE tally SET line = '{\"to come\":1}' || char(10) WHERE domain = 'a.test'";
    assert_eq!(Connection::open(&path).unwrap().execute(spoil, []).unwrap(), 1);
    assert_eq!(all_due(&ReportStore::open(&path, config()).unwrap()), map(&[("b.test", 1)]));
    let unreadable: String = Connection::open(&path)
        .unwrap()
        .query_row("SELECT line FROM unreadable", [], |row| row.get(0))
        .unwrap();
    assert_eq!(unreadable, "{\"to come\":1}\n");
}

#[test]
fn a_database_that_is_damaged_or_gone_loses_nothing_while_the_process_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tally.sqlite");
    let store = ReportStore::open(&path, config()).unwrap();
    count(&store, "a.test");
    store.save().unwrap();
    for file in ["", "-wal"] {
        let file = PathBuf::from(format!("{}{file}", path.display()));
        if file.exists() {
            fs::remove_file(file).unwrap();
        }
    }
    count(&store, "b.test");
    store.save().unwrap();
    assert!(path.exists());
    count(&store, "c.test");
    drop(store);
    let all = map(&[("a.test", 1), ("b.test", 1), ("c.test", 1)]);
    assert_eq!(all_due(&ReportStore::open(&path, config()).unwrap()), all);
}

/// Pages of it are overwritten: what can be read of it is kept, and it is moved aside.
#[test]
fn of_a_database_that_was_damaged_before_the_start_is_kept_what_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tally.sqlite");
    let store = ReportStore::open(&path, config()).unwrap();
    for number in 0..500 {
        count(&store, &format!("{number:03}.test"));
    }
    drop(store);
    let mut octets = fs::read(&path).unwrap();
    let middle = octets.len() / 2 / 4096 * 4096;
    octets[middle..middle + 4096].fill(0xa5);
    fs::write(&path, octets).unwrap();
    let store = ReportStore::open(&path, config()).unwrap();
    count(&store, "new.test");
    store.save().unwrap();
    let kept = store.state(NOW).domains;
    assert!((301..501).contains(&kept), "{kept}");
    assert!(folder.path().join("tally.sqlite.damaged").exists());
    drop(store);
    assert_eq!(ReportStore::open(&path, config()).unwrap().state(NOW).domains, kept);
}

#[test]
fn a_second_process_counts_in_memory_until_the_first_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tally.sqlite");
    let first = ReportStore::open(&path, config()).unwrap();
    count(&first, "a.test");
    let second = ReportStore::open(&path, config()).unwrap();
    count(&second, "a.test");
    count(&second, "b.test");
    assert_eq!(second.state(NOW).unsaved_since, Some(ReportStoreErrorKind::Locked));
    // What cannot be saved is not given out.
    assert_eq!(second.due(NEXT_DAY).unwrap_err().kind(), ReportStoreErrorKind::Locked);
    drop(first);
    second.save().unwrap();
    assert_eq!(second.state(NOW).unsaved_since, None);
    assert_eq!(all_due(&second), map(&[("a.test", 2), ("b.test", 1)]));
}

/// Where a process of [`a_full_disk_loses_nothing`] has its disk.
const DISK: &str = "MTASTS_SMALL_DISK";

/// A disk of 256 KiB, in a mount namespace that only root can make: nothing is lost when it is full, and all is saved when
/// it is not.
#[test]
fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", r#"mount -t tmpfs -o size=256k tmpfs "$0" && exec "$@""#])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "process_with_a_small_disk"])
        .env(DISK, folder.path())
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

/// No test by itself: the process of the one before.
#[test]
fn process_with_a_small_disk() {
    let Some(folder) = std::env::var_os(DISK).map(PathBuf::from) else { return };
    let path = folder.join("tally.sqlite");
    let store = ReportStore::open(&path, config()).unwrap();
    count(&store, "a.test");
    store.save().unwrap();
    let filling = folder.join("filling");
    let mut file = fs::File::create(&filling).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    for number in 0..2000 {
        count(&store, &format!("{number}.test"));
    }
    assert_eq!(store.save().unwrap_err().kind(), ReportStoreErrorKind::Full);
    assert!(store.due(NEXT_DAY).is_err());
    count(&store, "a.test");
    fs::remove_file(filling).unwrap();
    let remount = ["-o", "remount,size=16m"];
    assert!(Command::new("mount").args(remount).arg(&folder).status().unwrap().success());
    store.save().unwrap();
    assert_eq!(store.state(NOW).unsaved_since, None);
    drop(store);
    let store = ReportStore::open(&path, config()).unwrap();
    assert_eq!((store.state(NOW).domains, store.state(NOW).lost_sessions), (2001, 0));
    assert!(store.to_text().contains(r#""domain":"a.test","record":"v=TLSRPTv1; rua=mailto:tls@a.test","counts":[{"policy_type":"no-policy-found","successes":2}]"#));
}

/// Where a process of [`killed_again_and_again`] has its files.
const FOLDER: &str = "MTASTS_KILLED_PROCESS";

/// A day passes in 4 seconds.
fn fast_clock() -> UnixTime {
    let since = UNIX_EPOCH.elapsed().unwrap();
    UnixTime::from_secs(u64::try_from(since.as_millis()).unwrap() * 86_400 / 4000)
}

/// Takes the reports that are due into a queue, as a sender does: known by `report-id`.
fn queue(store: &ReportStore, queue: &Connection, now: UnixTime) {
    let Ok(reports) = store.due(now) else { return };
    let transaction = queue.unchecked_transaction().unwrap();
    for due in &reports {
        transaction
            .execute(
                "INSERT OR IGNORE INTO queue (id, domain, sessions) VALUES (?1, ?2, ?3)",
                (due.report.id().unwrap(), due.domain.as_str(), i64::try_from(sessions(due)).unwrap()),
            )
            .unwrap();
    }
    transaction.commit().unwrap();
    let _ = store.taken(reports.iter().map(|due| &due.id), now);
}

fn open_queue(folder: &Path) -> Connection {
    let queue = Connection::open(folder.join("queue.sqlite")).unwrap();
    queue.busy_timeout(Duration::from_secs(10)).unwrap();
    let table = "CREATE TABLE IF NOT EXISTS queue (id TEXT PRIMARY KEY, domain TEXT, sessions INTEGER)";
    queue.execute(table, []).unwrap();
    queue
}

/// No test by itself: the process that the next one kills.
#[test]
fn process_to_be_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let store = ReportStore::open(folder.join("tally.sqlite"), config()).unwrap();
    let socket = CollectorSocket::bind(folder.join("socket"), CollectorAccess::new()).unwrap();
    let collector = CollectorConfig::new().with_clock(fast_clock);
    let _collector = Collector::start(socket, store.clone(), collector).unwrap();
    let rows = open_queue(&folder);
    println!("ready");
    loop {
        thread::sleep(Duration::from_millis(20));
        queue(&store, &rows, fast_clock());
    }
}

/// A process that counts and gives reports out is killed while datagrams come: 500 times under `MTASTS_SOAK`.
#[test]
fn killed_again_and_again() {
    let rounds = if std::env::var_os("MTASTS_SOAK").is_some() { 500 } else { 12 };
    let folder = tempfile::tempdir().unwrap();
    // Each datagram is of a domain of its own. Those that were sent more than five seconds before the kill have to be there.
    let (mut sent, mut kept) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process_to_be_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("ready")));
        let client = UnixDatagram::unbound().unwrap();
        client.connect(folder.path().join("socket")).unwrap();
        // One in some rounds lasts longer than what may be lost.
        let (number, pause) = if round % 25 == 11 { (800, 10) } else { (10 + round * 37 % 200, 1) };
        for number in 0..number {
            let domain = format!("{number}.{round}.test");
            client.send(&datagram(&domain)).unwrap();
            if pause * (800 - number) > 5500 && pause > 1 {
                kept.insert(domain.clone());
            }
            sent.insert(domain);
            thread::sleep(Duration::from_millis(pause));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let rows = open_queue(folder.path());
    let store = ReportStore::open(folder.path().join("tally.sqlite"), config()).unwrap();
    let mut now = fast_clock();
    while store.next_due().is_some() {
        now = now.saturating_add(Duration::from_secs(7200));
        queue(&store, &rows, now);
    }
    let mut reported = rows.prepare("SELECT domain, sessions FROM queue").unwrap();
    let reported: Vec<(String, u64)> = reported
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let domains: BTreeSet<_> = reported.iter().map(|(domain, _)| domain.clone()).collect();
    assert_eq!(domains.len(), reported.len(), "two reports of one session");
    assert!(reported.iter().all(|(_, sessions)| *sessions == 1), "a session is counted twice");
    assert!(domains.is_subset(&sent));
    let lost: Vec<_> = kept.difference(&domains).collect();
    assert!(!kept.is_empty() && lost.is_empty(), "{lost:?}");
    assert!(PolicyDomain::parse(domains.first().unwrap()).is_ok());
}
