use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use rusqlite::{Connection, params};

use super::file::{FILES, with};
use super::*;

fn text(id: usize) -> String {
    format!(
        "mta-sts-entry 1\nid: {id}\nfetched-at: 1700000000\npolicy-length: 42\n\nversion: STSv1\nmode: none\nmax_age: 604800\n"
    )
}

fn entry(id: usize) -> CacheEntry {
    read(&text(id))
}

/// Without a domain it is as good for each.
fn read(text: &str) -> CacheEntry {
    CacheEntry::parse(text.as_bytes(), &domain(0)).unwrap()
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

/// A store of this many entries, closed.
async fn filled(path: &Path, count: usize) {
    let store = SqliteStore::open(path).unwrap();
    for number in 0..count {
        store.put(&domain(number), &entry(1)).await.unwrap();
    }
    closed(store).await;
}

/// Waits until the threads of a store have ended.
async fn closed(store: SqliteStore) {
    let shared = Arc::downgrade(&store.shared);
    drop(store);
    while shared.strong_count() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What another process does to the file.
fn other(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

fn number(path: &Path, sql: &str) -> i64 {
    other(path).query_row(sql, [], |row| row.get(0)).unwrap()
}

fn ruin_a_page(path: &Path) {
    let mut octets = fs::read(path).unwrap();
    let page = octets.len() / 4096 / 2 * 4096;
    octets[page..page + 4096].fill(0xff);
    fs::write(path, &octets).unwrap();
}

fn file_names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn reading() -> SqliteConfig {
    SqliteConfig::new().with_access(SqliteAccess::Read)
}

/// Reads again while the writer makes a new file, which a busy machine takes long for: whoever reads does not wait for that.
async fn patiently<'a, T>(read: impl Fn() -> StoreFuture<'a, T>) -> T {
    loop {
        match read().await {
            Err(error) if error.kind() == StoreErrorKind::Locked => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            found => return found.unwrap(),
        }
    }
}

#[tokio::test]
async fn a_damaged_file_is_moved_aside_and_what_can_be_read_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.sqlite");
    filled(&path, 500).await;
    let later = b"mta-sts-entry 99\nfor: first.test\n\n";
    other(&path).execute("INSERT INTO entries VALUES ('a.test', ?1)", [later]).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    chown(&path, Some(65_534), Some(65_534)).unwrap();
    ruin_a_page(&path);

    // Whoever may not repair it leaves it as it is.
    for access in [SqliteAccess::Read, SqliteAccess::Write] {
        let store = SqliteStore::open_with(&path, SqliteConfig::new().with_access(access)).unwrap();
        let mut damage = None;
        for number in 0..500 {
            damage = damage.or(store.get(&domain(number)).await.err());
        }
        assert_eq!(damage.unwrap().code(), "store-corrupt");
        assert!(!file_names(folder.path()).iter().any(|name| name.contains("damaged")));
    }

    let store = SqliteStore::open(&path).unwrap();
    let mut known = 0;
    for number in 0..500 {
        let name = domain(number);
        known += usize::from(patiently(|| store.get(&name)).await.is_some());
    }
    assert!((400..500).contains(&known), "{known}");
    store.put(&domain(9999), &entry(1)).await.unwrap();
    assert!(folder.path().join("cache.sqlite.damaged").exists());
    let kept = store.unreadable(None, 10).await.unwrap();
    assert_eq!((kept.len(), &kept[0].text[..]), (1, &later[..]), "a later version's too");
    let made = fs::metadata(&path).unwrap();
    assert_eq!((made.mode() & 0o777, made.uid(), made.gid()), (0o640, 65_534, 65_534));
    closed(store).await;

    // Again and again: the first remains to be looked at.
    let evidence = fs::metadata(folder.path().join("cache.sqlite.damaged")).unwrap().ino();
    for _ in 0..4 {
        ruin_a_page(&path);
        let store = SqliteStore::open(&path).unwrap();
        while let Some((last, _)) = patiently(|| store.page(None, 2000)).await.last() {
            store.remove(last).await.unwrap();
        }
        filled(&path, 500).await;
        closed(store).await;
    }
    assert_eq!(fs::metadata(folder.path().join("cache.sqlite.damaged")).unwrap().ino(), evidence);
    let is_damaged =
        |name: &String| name.contains(".damaged") && !name.ends_with("-wal") && !name.ends_with("-shm");
    assert_eq!(file_names(folder.path()).iter().filter(|name| is_damaged(name)).count(), 3);
}

#[tokio::test]
async fn what_is_no_store_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("text"), "precious".repeat(1000)).unwrap();
    fs::write(path("short"), "x").unwrap();
    fs::create_dir(path("folder")).unwrap();
    other(&path("other")).execute_batch("CREATE TABLE notes (text)").unwrap();
    other(&path("marked"))
        .execute_batch("PRAGMA application_id = 7; CREATE TABLE entries (domain, entry)")
        .unwrap();
    other(&path("ruined"))
        .execute_batch("PRAGMA application_id = 7; CREATE TABLE a (b); CREATE TABLE c (d)")
        .unwrap();
    ruin_a_page(&path("ruined"));
    let all_octets = || {
        file_names(folder.path())
            .into_iter()
            .map(|name| (fs::read(path(&name)).ok(), name))
            .collect::<Vec<_>>()
    };
    let before = all_octets();
    for name in ["text", "short", "folder", "other", "marked", "ruined"] {
        for access in [SqliteAccess::Read, SqliteAccess::Write, SqliteAccess::Create] {
            let config = SqliteConfig::new().with_access(access);
            let error = SqliteStore::open_with(path(name), config.clone()).unwrap_err();
            assert_eq!(error.code(), "store-foreign", "{name}: {error}");
            let store = SqliteStore::new(path(name), config).unwrap();
            assert_eq!(store.get(&domain(1)).await.unwrap_err().code(), "store-foreign", "{name}");
        }
    }
    for access in [SqliteAccess::Read, SqliteAccess::Write] {
        let error =
            SqliteStore::open_with(path("absent"), SqliteConfig::new().with_access(access)).unwrap_err();
        assert_eq!(error.code(), "store-missing", "{error}");
    }
    assert_eq!(all_octets(), before);
    // An empty file is a store that nobody has begun yet, to whoever may begin it.
    fs::write(path("empty"), "").unwrap();
    assert_eq!(SqliteStore::open_with(path("empty"), reading()).unwrap_err().code(), "store-foreign");
    assert_eq!(fs::metadata(path("empty")).unwrap().len(), 0);
    SqliteStore::open(path("empty")).unwrap().put(&domain(1), &entry(1)).await.unwrap();
    // Something else takes the place of a store that is open.
    let store = SqliteStore::open(path("store")).unwrap();
    store.put(&domain(1), &entry(1)).await.unwrap();
    assert_eq!(store.get(&domain(1)).await.unwrap(), Some(entry(1)));
    fs::rename(path("text"), path("store")).unwrap();
    assert_eq!(store.put(&domain(2), &entry(1)).await.unwrap_err().code(), "store-foreign");
    assert_eq!(store.get(&domain(1)).await.unwrap(), Some(entry(1)), "what it held can be read");
    assert_eq!(fs::read(path("store")).unwrap(), "precious".repeat(1000).as_bytes());
}

#[tokio::test]
async fn a_file_that_is_deleted_or_replaced_takes_nothing_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    for number in 0..300 {
        store.put(&domain(number), &entry(1)).await.unwrap();
    }
    fs::set_permissions(&path, Permissions::from_mode(0o660)).unwrap();
    fs::remove_file(&path).unwrap();
    store.put(&domain(300), &entry(1)).await.unwrap();
    assert_eq!(all(&SqliteStore::open(&path).unwrap()).await.len(), 301);

    let replacement = folder.path().join("other.sqlite");
    let new = SqliteStore::open(&replacement).unwrap();
    let other_domain = PolicyDomain::parse("other.test").unwrap();
    new.put(&other_domain, &entry(2)).await.unwrap();
    closed(new).await;
    fs::rename(&replacement, &path).unwrap();
    assert_eq!(store.get(&other_domain).await.unwrap(), Some(entry(2)));
    assert_eq!(store.get(&domain(7)).await.unwrap(), Some(entry(1)));
    drop(store);
    let next = SqliteStore::open(&path).unwrap();
    assert_eq!(all(&next).await.len(), 302);
    let state: String = other(&path).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(state, "ok");

    // Its folder too: what is open can be read, and is written when there is a folder again.
    for file in FILES {
        fs::remove_file(with(&path, file)).unwrap();
    }
    let elsewhere = folder.path().with_extension("elsewhere");
    fs::rename(folder.path(), &elsewhere).unwrap();
    assert_eq!(next.get(&domain(1)).await.unwrap(), Some(entry(1)));
    assert_eq!(next.put(&domain(1), &entry(1)).await.unwrap_err().code(), "store-unavailable");
    fs::rename(&elsewhere, folder.path()).unwrap();
    while next.put(&domain(1), &entry(1)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(all(&SqliteStore::open(&path).unwrap()).await.len(), 302);
}

#[tokio::test]
async fn a_new_file_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    // As the folder of a daemon that root looks after.
    chown(folder.path(), Some(65_534), Some(65_534)).unwrap();
    let path = folder.path().join("cache.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    store.put(&domain(1), &entry(1)).await.unwrap();
    assert_eq!(file_names(folder.path()).len(), 3);
    for ending in FILES {
        let file = fs::metadata(with(&path, ending)).unwrap();
        assert_eq!((file.mode() & 0o777, file.uid(), file.gid()), (0o600, 65_534, 65_534), "{ending}");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    fs::remove_file(&path).unwrap();
    store.put(&domain(2), &entry(1)).await.unwrap();
    let file = fs::metadata(&path).unwrap();
    assert_eq!((file.mode() & 0o777, file.uid()), (0o600, 65_534), "as it was when it was opened");
}

#[tokio::test]
async fn entries_that_name_no_domain_are_read_and_get_one_and_those_of_others_are_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    let file = other(&path);
    for number in 1..=2 {
        let (name, text) = (domain(number), text(1));
        file.execute("INSERT INTO entries VALUES (?1, ?2)", params![name.as_str(), text.as_bytes()]).unwrap();
    }
    assert_eq!(store.get(&domain(1)).await.unwrap(), Some(entry(1)));
    assert_eq!(all(&store).await.len(), 2);
    store.put(&domain(1), &entry_fetched_at(1_700_000_001)).await.unwrap();
    file.execute(
        "UPDATE entries SET entry = (SELECT entry FROM entries WHERE domain = ?1) WHERE domain = ?2",
        params![domain(1).as_str(), domain(2).as_str()],
    )
    .unwrap();
    assert_eq!(
        store.get(&domain(2)).await.unwrap(),
        None,
        "whoever copies an entry gives no policy to another"
    );
    assert_eq!(all(&store).await, [(domain(1), entry_fetched_at(1_700_000_001))]);
    let unreadable = store.unreadable(None, 10).await.unwrap();
    assert_eq!((unreadable.len(), unreadable[0].why), (1, Unreadable::Damaged));
    let text = String::from_utf8(unreadable[0].text.clone()).unwrap();
    assert!(text.starts_with("mta-sts-entry 2\ndomain: d0001.test\n"), "{text}");
}

#[tokio::test]
async fn entries_of_a_later_version_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    store.put(&domain(900), &entry(1)).await.unwrap();
    let later = |fetched_at: u64| format!("mta-sts-entry 99\nfetched-at: {fetched_at}\nmore: than this\n\n");
    let file = other(&path);
    for number in 0..500 {
        file.execute(
            "INSERT INTO entries VALUES (?1, ?2)",
            params![domain(number).as_str(), later(1_700_000_000).as_bytes()],
        )
        .unwrap();
    }
    // Damaged in each way: the text, the name, a type that is none of ours, octets that are no text.
    file.execute_batch(
        "INSERT INTO entries VALUES ('damaged.test', x'6a756e6b'), ('no domain', x'00'), ('text.test', 'mta-sts-entry 1'),
             (CAST(x'ff' AS TEXT), x'00'), (x'0102', x'00'), ('long.test', zeroblob(1000000));",
    )
    .unwrap();
    let count = number(&path, "SELECT count(*) FROM entries");
    let newest = entry_fetched_at(4_000_000_000);
    store.put(&domain(901), &newest).await.unwrap();
    assert_eq!(store.remove_expired(UnixTime::from_secs(4_000_000_000)).await.unwrap(), 1);
    assert_eq!(number(&path, "SELECT count(*) FROM entries"), count, "one came, one expired");
    assert_eq!((store.counts().newer, store.counts().damaged), (500, 5));
    assert_eq!(all(&store).await, [(domain(901), newest)]);
    let mut unreadable: Vec<UnreadableEntry> = Vec::new();
    loop {
        let page = store.unreadable(unreadable.last(), 100).await.unwrap();
        if page.is_empty() {
            break;
        }
        unreadable.extend(page);
    }
    assert_eq!(unreadable.len(), 505);
    assert_eq!(unreadable.iter().filter(|entry| entry.why == Unreadable::Newer).count(), 500);

    // A failed fetch hides none, which may have a policy; a policy takes its place, unless it was fetched before.
    let back_off = read("mta-sts-entry 1\nback-off: 1 4000000000\n\n");
    for (new, is_taken) in [
        (&back_off, false),
        (&entry_fetched_at(1_699_999_999), false),
        (&entry_fetched_at(1_700_000_001), true),
    ] {
        store.put(&domain(7), new).await.unwrap();
        assert_eq!(store.get(&domain(7)).await.unwrap().as_ref(), is_taken.then_some(new));
    }
    store.put(&PolicyDomain::parse("damaged.test").unwrap(), &back_off).await.unwrap();
    assert!(store.remove(&domain(8)).await.unwrap(), "unless somebody says so");
}

fn entry_fetched_at(seconds: u64) -> CacheEntry {
    read(&text(1).replace("1700000000", &seconds.to_string()))
}

#[tokio::test]
async fn a_database_of_an_earlier_version_is_brought_to_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.sqlite");
    let file = other(&path);
    file.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE entries (domain TEXT PRIMARY KEY, entry BLOB NOT NULL) WITHOUT ROWID;
         INSERT INTO entries VALUES ('d0999.test', x'6a756e6b')",
    )
    .unwrap();
    for number in 0..300 {
        file.execute(
            "INSERT INTO entries VALUES (?1, ?2)",
            params![domain(number).as_str(), text(1).as_bytes()],
        )
        .unwrap();
    }
    let read = SqliteStore::open_with(&path, reading()).unwrap();
    assert_eq!(all(&read).await.len(), 300);
    assert_eq!(number(&path, "PRAGMA user_version"), 0, "whoever reads changes nothing");
    // What cannot be finished is not begun.
    file.execute_batch("BEGIN IMMEDIATE").unwrap();
    let config = SqliteConfig::new().with_patience(Duration::from_millis(20));
    assert_eq!(SqliteStore::open_with(&path, config).unwrap_err().code(), "store-locked");
    file.execute_batch("ROLLBACK").unwrap();
    assert_eq!(number(&path, "SELECT count(*) FROM sqlite_schema"), 1);

    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(all(&store).await.len(), 300);
    assert_eq!(number(&path, "PRAGMA user_version"), 1);
    assert_eq!(number(&path, "PRAGMA application_id"), 0x4d54_4153);
    assert_eq!(number(&path, "SELECT count(*) FROM ranking"), 300);
    assert_eq!(number(&path, "SELECT count(*) FROM entries"), 301, "the damaged one too");
}

#[tokio::test]
async fn a_database_of_a_later_version_is_read_and_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.sqlite");
    filled(&path, 20).await;
    other(&path)
        .execute_batch(
            "ALTER TABLE entries ADD COLUMN more; DROP TABLE ranking; PRAGMA user_version = 2; \
             UPDATE entries SET entry = CAST('mta-sts-entry 99' || char(10) AS BLOB) WHERE domain < 'd0005'",
        )
        .unwrap();
    let before = fs::read(&path).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(all(&store).await.len(), 15);
    let failures = [
        store.put(&domain(1), &entry(2)).await.unwrap_err(),
        store.remove(&domain(1)).await.unwrap_err(),
        store.note_use(&[domain(9)]).await.unwrap_err(),
        store.remove_expired(UnixTime::from_secs(9_999_999_999)).await.unwrap_err(),
    ];
    for error in failures {
        assert_eq!(error.code(), "store-newer");
        assert!(error.to_string().contains("its format is 2"), "{error}");
    }
    closed(store).await;
    assert_eq!(fs::read(&path).unwrap(), before);
    // One that has no entries of ours cannot be read either.
    other(&path).execute_batch("ALTER TABLE entries RENAME TO policies").unwrap();
    assert_eq!(SqliteStore::open(&path).unwrap_err().code(), "store-newer");
}

#[tokio::test]
async fn whoever_reads_makes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a cache?with#odd%41 name.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    store.put(&domain(1), &entry(1)).await.unwrap();
    let reader = SqliteStore::open_with(&path, reading()).unwrap();
    assert_eq!(all(&reader).await.len(), 1, "beside a writer");
    store.put(&domain(2), &entry(1)).await.unwrap();
    assert_eq!(all(&reader).await.len(), 2);
    assert_eq!(reader.put(&domain(3), &entry(1)).await.unwrap_err().code(), "store-denied");
    // As after a kill.
    let copy = folder.path().join("copy.sqlite");
    for ending in FILES {
        fs::copy(with(&path, ending), with(&copy, ending)).unwrap();
    }
    let killed = SqliteStore::open_with(&copy, reading()).unwrap();
    assert_eq!(all(&killed).await.len(), 2);
    closed(killed).await;
    assert!(with(&copy, "-wal").exists(), "the log stays for its owner");
    fs::remove_file(with(&copy, "-shm")).unwrap();
    assert_eq!(SqliteStore::open_with(&copy, reading()).unwrap_err().code(), "store-unavailable");
    assert!(!with(&copy, "-shm").exists());

    closed(reader).await;
    closed(store).await;
    for ending in &FILES[1..] {
        assert!(!with(&path, ending).exists(), "closed in peace");
    }
    let before = fs::read(&path).unwrap();
    let reader = SqliteStore::open_with(&path, reading()).unwrap();
    assert_eq!(all(&reader).await.len(), 2);
    for ending in &FILES[1..] {
        assert!(!with(&path, ending).exists());
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    // A writer that comes now is seen.
    let store = SqliteStore::open(&path).unwrap();
    store.put(&domain(3), &entry(1)).await.unwrap();
    assert_eq!(all(&reader).await.len(), 3);
}

#[tokio::test]
async fn nobody_who_reads_waits_for_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    store.put(&domain(1), &entry(1)).await.unwrap();
    let locker = other(&path);
    locker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let begun = Instant::now();
    let writing = tokio::spawn({
        let store = store.clone();
        async move { store.put(&domain(2), &entry(1)).await }
    });
    for _ in 0..200 {
        assert_eq!(store.get(&domain(1)).await.unwrap(), Some(entry(1)));
    }
    assert_eq!(writing.await.unwrap().unwrap_err().code(), "store-locked");
    // Those that come after the first do not even try.
    for number in 3..300 {
        store.put(&domain(number), &entry(1)).await.unwrap_err();
    }
    // 500 ms of patience, once in a second and a half; a busy machine takes its time.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    locker.execute_batch("ROLLBACK").unwrap();
    while store.put(&domain(2), &entry(1)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    // Even to readers.
    let mode: String = locker.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "exclusive");
    closed(store).await;
    locker.execute_batch("BEGIN EXCLUSIVE; UPDATE entries SET entry = entry").unwrap();
    let store = SqliteStore::new(&path, SqliteConfig::new()).unwrap();
    let begun = Instant::now();
    for _ in 0..500 {
        assert_eq!(store.get(&domain(1)).await.unwrap_err().code(), "store-locked");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    locker.execute_batch("ROLLBACK").unwrap();
    drop(locker);
    while store.get(&domain(1)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A policy of about this many octets.
fn large_entry(mode: &str, octets: usize) -> CacheEntry {
    let mut policy = format!("version: STSv1\nmode: {mode}\nmx: mx.a.test\nmax_age: 604800\n");
    for number in 0.. {
        let line = format!("mx: *.padding{number:05}.a.test\n");
        if policy.len() + line.len() > octets {
            break;
        }
        policy += &line;
    }
    let head = format!("mta-sts-entry 1\nid: 1\nfetched-at: {}\n", system_seconds());
    read(&format!("{head}policy-length: {}\n\n{policy}", policy.len()))
}

fn system_seconds() -> u64 {
    crate::clock::system_time().as_secs()
}

#[tokio::test]
async fn a_full_store_keeps_what_mail_goes_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.sqlite");
    let bound = 4 << 20;
    let store = SqliteStore::open_with(&path, SqliteConfig::new().with_max_octets(bound)).unwrap();
    let known = |number: usize| PolicyDomain::parse(&format!("known{number}.test")).unwrap();
    // Small ones that were asked for once, large ones that are asked for again, and one that nobody can read.
    let (small, large) = (large_entry("testing", 500), large_entry("enforce", 60_000));
    for number in 0..20 {
        store.put(&known(number), if number < 15 { &small } else { &large }).await.unwrap();
    }
    let used: Vec<_> = (15..20).map(known).collect();
    store.note_use(&used).await.unwrap();
    other(&path).execute("INSERT INTO entries VALUES ('later.test', ?1)", [b"mta-sts-entry 99\n\n"]).unwrap();
    // Four times as much as there is room for.
    let offered = large_entry("enforce", 60_000);
    for number in 0..280 {
        store.put(&domain(number), &offered).await.unwrap();
        // Fetched anew, as they are every day, they stay what they are.
        if number % 50 == 0 {
            store.put(&known(17), &large_entry("enforce", 60_000)).await.unwrap();
        }
    }
    for number in 0..20 {
        assert!(store.get(&known(number)).await.unwrap().is_some(), "{number}");
    }
    assert_eq!(store.unreadable(None, 9).await.unwrap().len(), 1);
    assert!(store.counts().evicted > 200, "{:?}", store.counts());
    assert!(store.get(&domain(279)).await.unwrap().is_some(), "the last is there");
    // A lower bound holds at once, or rather with the next write.
    let len = || fs::metadata(&path).unwrap().len();
    closed(store).await;
    assert!(len() < bound + bound / 2, "{}", len());
    let store = SqliteStore::open_with(&path, SqliteConfig::new().with_max_octets(1 << 20)).unwrap();
    store.put(&domain(999), &small).await.unwrap();
    let free = || number(&path, "PRAGMA freelist_count") * 4096;
    assert!(len() - free().unsigned_abs() <= 1 << 20);
    assert!(store.get(&known(15)).await.unwrap().is_some());
}

#[tokio::test]
async fn what_has_expired_is_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("cache.sqlite")).unwrap();
    for number in 0..600 {
        store.put(&domain(number), &entry(1)).await.unwrap();
    }
    let end = UnixTime::from_secs(1_700_604_800);
    let long_after = end.saturating_add(Duration::from_secs(86_400 * 365));
    assert_eq!(store.remove_expired(long_after).await.unwrap(), 0, "the clock alone says so");
    let newer = entry_fetched_at(1_700_604_800 + 2 * 86_400 + 1);
    store.put(&domain(5), &newer).await.unwrap();
    assert_eq!(store.remove_expired(end).await.unwrap(), 0);
    assert_eq!(store.remove_expired(long_after).await.unwrap(), 599);
    assert_eq!(all(&store).await, [(domain(5), newer)]);
    let log = fs::metadata(with(store.path(), "-wal")).unwrap();
    assert_eq!(log.len(), 0, "the log is short again");
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let error = SqliteStore::open("/nowhere/at/all/cache.sqlite").unwrap_err();
    assert_eq!(error.code(), "store-unavailable");
}

#[tokio::test]
async fn nothing_but_the_file_is_left_behind() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sqlite");
        let store = SqliteStore::open(&path).unwrap();
        store.put(&domain(1), &entry(1)).await.unwrap();
        drop(store.clone());
        assert!(store.get(&domain(1)).await.unwrap().is_some());
        drop(store);
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, ["cache.sqlite"]);
    }
}
