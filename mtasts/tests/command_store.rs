//! `mtasts serve` while its store is killed, full, gone or lost, and `mtasts cache`: as programs, in the loopback world.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

#[path = "../../mta-sts-resolver/tests/redis_server/mod.rs"]
mod redis_server;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use mta_sts_core::PolicyDomain;
use mta_sts_resolver::{EntryStore, RedisStore, SqliteStore};
use mta_sts_world::{World, WorldConfig};
use redis_server::RedisServer;
use rusqlite::Connection;
use serde_json::Value;
use tokio::time::Instant;

/// A world with its certificate authority in a file.
struct Stage {
    world: World,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn start() -> Self {
        let stage = Self {
            world: World::start(WorldConfig::default()).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(stage.path("ca.pem"), stage.world.ca_pem()).unwrap();
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The words of a daemon with this store.
    fn serve(&self, store: &str) -> Vec<String> {
        let ca = self.path("ca.pem").display().to_string();
        let (dns, port) = (self.world.dns_addr().to_string(), self.world.https_port().to_string());
        let words = ["serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--store", store];
        let network = ["--dns", &dns, "--https-port", &port, "--ca-file", &ca];
        words.iter().chain(&network).map(ToString::to_string).collect()
    }

    fn daemon(&self, store: &str) -> Daemon {
        Daemon::start(Command::new(env!("CARGO_BIN_EXE_mtasts")).args(self.serve(store)))
    }
}

/// A daemon that listens.
struct Daemon {
    process: Child,
    log: mpsc::Receiver<String>,
    told: String,
    address: String,
}

impl Daemon {
    fn start(command: &mut Command) -> Self {
        let mut process = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr: ChildStderr = process.stderr.take().unwrap();
        let (sender, log) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut daemon = Self { process, log, told: String::new(), address: String::new() };
        daemon.event("listening")["address"].as_str().unwrap().clone_into(&mut daemon.address);
        daemon
    }

    /// Reads on until an event with this message.
    fn event(&mut self, message: &str) -> Value {
        loop {
            let line = self.log.recv_timeout(Duration::from_secs(20));
            let line = line.unwrap_or_else(|_| panic!("no {message:?} in {}", self.told));
            self.told.extend([&line, "\n"]);
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["message"].as_str().unwrap_or_default().contains(message) {
                return event;
            }
        }
    }

    /// `kill -9`.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// All that it has told, once it has ended.
    fn end(mut self) -> String {
        assert!(Command::new("kill").arg(self.process.id().to_string()).status().unwrap().success());
        self.log.iter().for_each(|line| self.told.extend([&line, "\n"]));
        assert_eq!(self.process.wait().unwrap().code(), Some(0), "{}", self.told);
        std::mem::take(&mut self.told)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ask(address: &str, domain: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let key = format!("postfix {domain}");
    write!(stream, "{}:{key},", key.len()).ok()?;
    let (mut answer, mut octet) = (Vec::new(), [0]);
    while answer.last() != Some(&b',') {
        stream.read_exact(&mut octet).ok()?;
        answer.push(octet[0]);
    }
    String::from_utf8(answer).ok()
}

fn assert_secure(daemon: &Daemon, domains: &[&str]) {
    for domain in domains {
        let answer = ask(&daemon.address, domain).unwrap();
        assert!(answer.contains("OK secure match="), "{domain}: {answer}");
    }
}

fn cache(store: &str, arguments: &[&str], input: &str) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_mtasts"))
        .args(["cache", "--store", store])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

fn printed(store: &str, arguments: &[&str], input: &str) -> String {
    String::from_utf8(cache(store, arguments, input).stdout).unwrap()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..30_000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("{what}");
}

/// Domains in mode enforce.
const POLICIES: [&str; 5] = [
    "healthy-enforce.test",
    "wildcard.test",
    "txt-suppressed.test",
    "implicit-mx.test",
    "starttls-stripped.test",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_loses_no_policy_that_was_answered() {
    let stage = Stage::start().await;
    let file = stage.path("cache.sqlite");
    let store = format!("sqlite:{}", file.display());
    // As soon as none to all of the domains are answered.
    for round in 0..12 {
        printed(&store, &["purge", "--all"], "");
        let daemon = stage.daemon(&store);
        let (answers, killed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let answered = thread::scope(|scope| {
            let asking: Vec<_> = POLICIES
                .iter()
                .map(|domain| {
                    let (address, answers, killed) = (&daemon.address, &answers, &killed);
                    scope.spawn(move || {
                        let mut is_answered = false;
                        while !killed.load(Ordering::SeqCst) {
                            let answer = ask(address, domain);
                            if !is_answered && answer.is_some_and(|answer| answer.contains("secure")) {
                                is_answered = true;
                                answers.fetch_add(1, Ordering::SeqCst);
                            }
                        }
                        is_answered.then_some(*domain)
                    })
                })
                .collect();
            until("domains are answered", || answers.load(Ordering::SeqCst) >= round / 2);
            let pid = daemon.process.id().to_string();
            assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
            killed.store(true, Ordering::SeqCst);
            asking.into_iter().filter_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        daemon.kill();
        assert_eq!(integrity(&file), "ok", "round {round}");
        let there = names(&file);
        for domain in &answered {
            assert!(there.iter().any(|name| name == domain), "round {round}: {domain} in {there:?}");
        }
        assert!(answered.len() >= round / 2);
    }
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_nothing_and_gets_what_it_missed() {
    let stage = Stage::start().await;
    let disk = Disk::mount(&stage);
    let fill = |path: &Path| {
        let mut filler = fs::File::create(path).unwrap();
        while filler.write_all(&[0; 512]).is_ok() {}
    };
    let (store, seen) = (disk.store(), disk.seen());
    let words = stage.serve(&store);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let stored = || {
        let output = disk.command(&["cache", "--store", &store, "list"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout.lines().count()
    };

    let mut daemon = Daemon::start(&mut disk.command(&words));
    assert_secure(&daemon, &POLICIES[..1]);
    fill(&seen.join("filler"));
    assert_secure(&daemon, &POLICIES[..4]);
    assert_eq!(daemon.event("the store fails")["code"], "store-full");
    assert_eq!(stored(), 1);
    fs::remove_file(seen.join("filler")).unwrap();
    daemon.event("the store works again");
    until("what was missed is written", || stored() == 4);
    assert_secure(&daemon, &POLICIES);

    // Killed, and started where there is no room.
    fill(&seen.join("filler"));
    daemon.kill();
    for ending in ["", "-wal"] {
        fs::copy(seen.join(format!("cache.sqlite{ending}")), stage.path(&format!("copy{ending}"))).unwrap();
    }
    assert_eq!(integrity(&stage.path("copy")), "ok");
    assert_eq!(names(&stage.path("copy")).len(), POLICIES.len());
    let daemon = Daemon::start(&mut disk.command(&words));
    assert_secure(&daemon, &POLICIES);
    daemon.end();
    // Ended in peace, it may have left no log behind, and there is no room for a new one.
    fill(&seen.join("more"));
    let daemon = Daemon::start(&mut disk.command(&words));
    assert!(daemon.told.contains(r#""entries":5"#), "{}", daemon.told);
    assert_secure(&daemon, &POLICIES);
    daemon.end();

    // A disk that cannot be written at all, and has no log: what it holds can be answered from.
    for ending in ["-wal", "-shm"] {
        // It may be gone.
        let _ = fs::remove_file(seen.join(format!("cache.sqlite{ending}")));
    }
    disk.run(&["mount", "-o", "remount,ro", disk.folder.to_str().unwrap()]);
    let daemon = Daemon::start(&mut disk.command(&words));
    assert!(daemon.told.contains("the store cannot be opened; trying again"), "{}", daemon.told);
    assert!(daemon.told.contains(r#""entries":5"#), "{}", daemon.told);
    assert_secure(&daemon, &POLICIES);
    daemon.end();
    assert_eq!(stored(), 5);
    stage.world.shutdown().await;
}

/// A disk of one MiB in a mount namespace of its own, for as long as its keeper lives.
struct Disk {
    keeper: Child,
    folder: PathBuf,
}

impl Disk {
    fn mount(stage: &Stage) -> Self {
        let folder = stage.path("disk");
        fs::create_dir(&folder).unwrap();
        let script =
            format!("mount -t tmpfs -o size=1m tmpfs '{}' && echo ready && exec cat", folder.display());
        let mut keeper = Command::new("unshare")
            .args(["--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "unshare and mount work for root alone");
        Self { keeper, folder }
    }

    fn store(&self) -> String {
        format!("sqlite:{}/cache.sqlite", self.folder.display())
    }

    /// The way to its files from here.
    fn seen(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.keeper.id(), self.folder.display()))
    }

    /// Something to run where the disk is.
    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.keeper.id().to_string(), "--mount", program]);
        command
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.inside(env!("CARGO_BIN_EXE_mtasts"));
        command.args(words);
        command
    }

    fn run(&self, words: &[&str]) {
        assert!(self.inside(words[0]).args(&words[1..]).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Without its standard input it ends.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_deleted_is_made_anew() {
    let stage = Stage::start().await;
    let file = stage.path("cache.sqlite");
    let mut daemon = stage.daemon(&format!("sqlite:{}", file.display()));
    assert_secure(&daemon, &POLICIES[..2]);
    fs::remove_file(&file).unwrap();
    assert_secure(&daemon, &POLICIES[..3]);
    daemon.event("the file of the store was gone");
    daemon.kill();
    assert_eq!(names(&file).len(), 3);
    assert_eq!(integrity(&file), "ok");
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_beside_the_daemon_go_by_its_configuration() {
    let (stage, redis) = (Stage::start().await, RedisServer::with(&["--requirepass", "correct-horse"]));
    let url = redis.url().replace("redis://", "redis://:correct-horse@");
    let network = format!(
        "dns = ['{}']\nhttps-port = {}\nca-file = '{}'\n",
        stage.world.dns_addr(),
        stage.world.https_port(),
        stage.path("ca.pem").display()
    );
    let file = stage.path("mtasts.toml");
    fs::write(&file, format!("store = '{url}'\nlisten = ['127.0.0.1:0']\n{network}[log]\nformat = 'json'\n"))
        .unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let config = ["--config", file.to_str().unwrap()];
    let mtasts = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
        command.args(words).env_remove("CONFIGURATION_DIRECTORY").env_remove("MTASTS_STORE");
        command
    };
    let daemon = Daemon::start(mtasts(&["serve"]).args(config));
    assert_secure(&daemon, &POLICIES);
    assert!(daemon.told.contains("run chmod o= on it"), "{}", daemon.told);
    assert!(daemon.told.contains(&redis.url()), "{}", daemon.told);

    let list = |command: &mut Command| {
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout.iter().filter(|octet| **octet == b'\n').count()
    };
    assert_eq!(list(mtasts(&["cache", "list"]).args(config)), POLICIES.len());
    assert_eq!(list(mtasts(&["cache"]).args(config).arg("list")), POLICIES.len());
    assert_eq!(
        list(mtasts(&["cache", "list"]).env("CONFIGURATION_DIRECTORY", stage.folder.path())),
        POLICIES.len()
    );
    assert_eq!(list(mtasts(&["cache", "list"]).env("MTASTS_STORE", &url)), POLICIES.len());
    let moved = format!("sqlite:{}", stage.path("moved").display());
    assert!(printed(&moved, &["import"], "").starts_with("0 imported"));
    // What the command line says counts more than the environment, and that more than the file.
    assert_eq!(list(mtasts(&["cache", "list", "--store", &moved]).args(config).env("MTASTS_STORE", &url)), 0);
    assert_eq!(list(mtasts(&["cache", "list"]).args(config).env("MTASTS_STORE", &moved)), 0);

    assert!(list(mtasts(&["lint", "policy", "healthy-enforce.test"]).args(config)) > 0);
    let smtp_port = stage.world.smtp_port().to_string();
    assert!(list(mtasts(&["check", "healthy-enforce.test", "--smtp-port", &smtp_port]).args(config)) > 0);

    // No password in anything that is said.
    let mut said = daemon.end();
    for (words, variable, status) in [
        (&["serve", "--check-config"][..], "", 0),
        (&["serve", "--check-config", "--store", &url], "", 0),
        (&["serve", "--check-config"], "redis://:correct-horse@", 2),
        (&["cache", "list"], "redis://:correct-horse@", 2),
        (&["cache", "list", "--store", "redis://:correct-horse@"], "", 2),
    ] {
        let output = mtasts(words).args(config).env("MTASTS_STORE", variable).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{words:?} {output:?}");
        said += &String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    }
    assert!(
        said.contains("is readable by everybody on this machine") && said.contains("is on the command line"),
        "{said}"
    );
    assert!(!said.contains("correct-horse"), "{said}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let quiet = mtasts(&["serve", "--check-config"]).args(config).output().unwrap();
    assert!(quiet.status.success() && quiet.stderr.is_empty(), "{quiet:?}");

    for (given, status) in [("absent.toml", 66), ("ca.pem", 78)] {
        let given = stage.path(given);
        for words in [&["cache", "list"][..], &["check", "a.test"], &["lint", "policy", "a.test"]] {
            let output = mtasts(words).arg("--config").arg(&given).output().unwrap();
            assert_eq!(output.status.code(), Some(status), "{words:?} {output:?}");
        }
    }
    stage.world.shutdown().await;
}

#[test]
fn whoever_reads_a_store_makes_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("text"), "precious\n".repeat(1000)).unwrap();
    Connection::open(path("notes")).unwrap().execute_batch("CREATE TABLE notes (text)").unwrap();
    let files = || {
        let mut files: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect::<Vec<_>>()
    };
    let before = files();
    for (name, word) in [
        ("absent", "no such file"),
        ("text", "not a database of mtasts"),
        ("notes", "no entries"),
        ("no/folder", "no such"),
    ] {
        let store = format!("sqlite:{}", path(name).display());
        for command in
            [&["list"][..], &["show", "a.test"], &["export"], &["purge", "--all"], &["purge", "a.test"]]
        {
            let output = cache(&store, command, "");
            assert_eq!(output.status.code(), Some(66), "{name} {command:?} {output:?}");
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(told.starts_with(&format!("mtasts: {store}: ")) && told.contains(word), "{told}");
        }
    }
    // Nor does whoever writes what is something else; the daemon neither.
    for name in ["text", "notes"] {
        let store = format!("sqlite:{}", path(name).display());
        assert_eq!(cache(&store, &["import"], "").status.code(), Some(66));
        let serve = Command::new("timeout")
            .args(["20", env!("CARGO_BIN_EXE_mtasts"), "serve", "--listen", "127.0.0.1:0", "--store", &store])
            .output()
            .unwrap();
        assert_eq!(serve.status.code(), Some(66), "{serve:?}");
    }
    assert_eq!(files(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_root_does_to_the_store_of_a_daemon_stays_the_daemons() {
    let stage = Stage::start().await;
    let folder = stage.path("state");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::chown(&folder, Some(65_534), Some(65_534)).unwrap();
    fs::set_permissions(stage.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.join("cache.sqlite");
    let store = format!("sqlite:{}", file.display());
    let all_belong_to_the_daemon = || {
        for found in fs::read_dir(&folder).unwrap() {
            let found = found.unwrap();
            let metadata = found.metadata().unwrap();
            assert_eq!((metadata.uid(), metadata.mode() & 0o777), (65_534, 0o600), "{found:?}");
        }
    };
    let entry = "mta-sts-entry 1\nid: 1\nfetched-at: NOW\npolicy-length: 42\n\nversion: STSv1\nmode: none\nmax_age: 604800\n";
    let entry = entry.replace("NOW", &UNIX_EPOCH.elapsed().unwrap().as_secs().to_string());
    let import = serde_json::json!({ "domain": "root.test", "entry": entry }).to_string();
    assert!(printed(&store, &["import"], &import).starts_with("1 imported"));
    all_belong_to_the_daemon();
    // What names a domain is taken for no other.
    let exported =
        printed(&store, &["export"], "").replace(r#""domain":"root.test""#, r#""domain":"bank.test""#);
    let refused = cache(&store, &["import"], &exported);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("belongs to another domain"));

    // A program that another user may run. Copied by another process: were the copy open for writing in this one, a process
    // that another test starts meanwhile would hold it open too, and what is open for writing cannot be run.
    let program = stage.path("mtasts");
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_mtasts")).arg(&program).status().unwrap().success());
    let mut daemon = Daemon::start(Command::new(&program).args(stage.serve(&store)).uid(65_534).gid(65_534));
    assert_secure(&daemon, &POLICIES);
    assert_eq!(printed(&store, &["list"], "").lines().count(), 6);
    all_belong_to_the_daemon();
    assert!(printed(&store, &["purge", "root.test"], "").starts_with("1 removed"));
    assert!(printed(&store, &["import"], &import).starts_with("1 imported"));
    all_belong_to_the_daemon();
    daemon.process.kill().unwrap();
    daemon.process.wait().unwrap();
    // Its log is left over. Whoever may not read it is told so.
    assert_eq!(printed(&store, &["list"], "").lines().count(), 6);
    let other = Command::new(&program)
        .args(["cache", "list", "--store", &store])
        .uid(65_533)
        .gid(65_533)
        .output()
        .unwrap();
    assert_eq!(other.status.code(), Some(66), "{other:?}");
    all_belong_to_the_daemon();
    let daemon = Daemon::start(Command::new(&program).args(stage.serve(&store)).uid(65_534).gid(65_534));
    assert_secure(&daemon, &POLICIES);
    assert!(
        !daemon.told.contains("cannot be opened") && !daemon.told.contains("the store fails"),
        "{}",
        daemon.told
    );
    daemon.end();
    assert_eq!(printed(&store, &["list"], "").lines().count(), 6);
    all_belong_to_the_daemon();
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_a_later_version_go_through_export_and_are_kept_by_the_daemon() {
    let stage = Stage::start().await;
    let file = stage.path("cache.sqlite");
    let store = format!("sqlite:{}", file.display());
    stage.daemon(&store).end();
    let later = b"mta-sts-entry 99\nmore: than this\n\n";
    let connection = Connection::open(&file).unwrap();
    for name in ["a.test", "b.test", "healthy-enforce.test"] {
        connection.execute("INSERT INTO entries VALUES (?1, ?2)", rusqlite::params![name, later]).unwrap();
    }
    let mut daemon = stage.daemon(&store);
    assert_eq!(daemon.event("entries of the store cannot be read")["newer"], 3);
    assert_secure(&daemon, &POLICIES[..1]);
    assert_eq!(names(&file), ["a.test", "b.test", "healthy-enforce.test"]);
    daemon.end();

    let list = cache(&store, &["list"], "");
    assert_eq!(
        (list.status.code(), list.stdout.iter().filter(|octet| **octet == b'\n').count()),
        (Some(0), 1)
    );
    assert!(String::from_utf8(list.stderr).unwrap().contains("of a later version of mtasts: 2, not listed"));
    let shown = cache(&store, &["show", "a.test"], "");
    assert_eq!(shown.status.code(), Some(1));
    assert!(String::from_utf8(shown.stderr).unwrap().contains("was written by a later version"));
    let exported = cache(&store, &["export"], "");
    assert_eq!(exported.status.code(), Some(0));
    let exported = String::from_utf8(exported.stdout).unwrap();
    assert!(
        exported.contains(r#"{"domain":"b.test","entry":"mta-sts-entry 99\nmore: than this\n\n"}"#),
        "{exported}"
    );
    let other = format!("sqlite:{}", stage.path("other.sqlite").display());
    let imported = cache(&other, &["import"], &exported);
    assert_eq!(imported.status.code(), Some(1), "{imported:?}");
    assert!(String::from_utf8(imported.stdout).unwrap().starts_with("1 imported"));
    assert_eq!(printed(&store, &["purge", "--expired"], ""), "0 removed\n");
    assert_eq!(printed(&store, &["purge", "--all"], ""), "3 removed\n");
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_locked_at_the_start_delays_nothing_and_is_read_later() {
    let stage = Stage::start().await;
    let file = stage.path("cache.sqlite");
    let store = format!("sqlite:{}", file.display());
    let daemon = stage.daemon(&store);
    assert_secure(&daemon, &POLICIES[..2]);
    daemon.end();
    let locker = Connection::open(&file).unwrap();
    locker
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE entries SET entry = entry")
        .unwrap();
    let mut daemon = stage.daemon(&store);
    assert!(daemon.told.contains("the store cannot be opened; trying again"), "{}", daemon.told);
    let begun = Instant::now();
    assert_secure(&daemon, &POLICIES[..4]);
    // Each is told in an instant; a busy machine takes its time.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    locker.execute_batch("ROLLBACK").unwrap();
    drop(locker);
    daemon.event("the store works again");
    until("what was missed is written", || names(&file).len() == 4);
    daemon.end();
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_redis_is_told_once_and_gets_what_it_missed() {
    let (stage, mut redis) = (Stage::start().await, RedisServer::start());
    let store = RedisStore::open(&redis.url().parse().unwrap()).unwrap();
    let mut daemon = stage.daemon(&redis.url());
    assert_secure(&daemon, &POLICIES[..1]);
    redis.kill();
    for _ in 0..3 {
        assert_secure(&daemon, &POLICIES[..4]);
        ask(&daemon.address, "no-mta-sts.test").unwrap();
        ask(&daemon.address, "bogus.test").unwrap();
    }
    redis.restart();
    assert_secure(&daemon, &POLICIES[4..]);
    daemon.event("the store works again");
    let mut missing = POLICIES.to_vec();
    for _ in 0..3000 {
        for domain in std::mem::take(&mut missing) {
            let domain_name = PolicyDomain::parse(domain).unwrap();
            if store.get(&domain_name).await.unwrap().is_none() {
                missing.push(domain);
            }
        }
        if missing.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(missing.is_empty(), "{missing:?}");
    let log = daemon.end();
    assert_eq!(log.matches("the store fails").count(), 1, "{log}");
    assert_eq!(log.matches("the store works again").count(), 1, "{log}");

    // The next one begins without it, answers, and reads it when it is back.
    let export = printed(&redis.url(), &["export"], "");
    redis.kill();
    let mut daemon = stage.daemon(&redis.url());
    assert_secure(&daemon, &POLICIES[..1]);
    redis.restart();
    assert!(printed(&redis.url(), &["import"], &export).starts_with("5 imported"));
    assert_secure(&daemon, &POLICIES[1..2]);
    daemon.event("the store was loaded");
    daemon.end();
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_of_a_fleet_can_be_seen_and_changed() {
    let (stage, redis) = (Stage::start().await, RedisServer::with(&["--requirepass", "correct-horse"]));
    let url = redis.url().replace("redis://", "redis://:correct-horse@");
    let socket = format!("redis+unix://{}?pass=correct-horse", redis.socket().display());
    let daemon = stage.daemon(&url);
    assert_secure(&daemon, &POLICIES);
    let log = daemon.end();
    assert!(log.contains(&redis.url()) && !log.contains("correct-horse"), "{log}");

    let list = printed(&socket, &["list"], "");
    assert_eq!(list.lines().count(), POLICIES.len(), "{list}");
    assert!(list.starts_with("healthy-enforce.test enforce until 2"), "{list}");
    let shown = printed(&url, &["show", "Healthy-Enforce.test"], "");
    assert!(
        shown.starts_with("mta-sts-entry 2\ndomain: healthy-enforce.test\n")
            && shown.contains("\nmode: enforce\n"),
        "{shown}"
    );
    let exported = printed(&url, &["export"], "");
    assert_eq!(printed(&url, &["purge", "--expired"], ""), "0 removed\n");
    assert_eq!(printed(&url, &["purge", "healthy-enforce.test"], ""), "1 removed\n");
    assert_eq!(cache(&url, &["show", "healthy-enforce.test"], "").status.code(), Some(1));
    assert!(printed(&url, &["import"], &exported).starts_with("1 imported, 4 not newer"));
    assert_eq!(printed(&url, &["export"], ""), exported);
    // A fleet moves to a file, and back.
    let file = format!("sqlite:{}", stage.path("moved.sqlite").display());
    assert!(printed(&file, &["import"], &exported).starts_with("5 imported"));
    assert_eq!(printed(&file, &["export"], ""), exported);

    let wrong = format!("redis://:secret-word@{}", redis.url().replace("redis://", ""));
    for (store, status) in [(&wrong, 75), (&format!("{wrong}x"), 2), (&"redis://:secret-word@".to_owned(), 2)]
    {
        let output = cache(store, &["list"], "");
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        let said = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8(said).unwrap().contains("secret-word"));
    }
    stage.world.shutdown().await;
}

#[test]
fn a_redis_with_tls_has_to_show_a_certificate_of_a_trusted_authority() {
    let folder = tempfile::tempdir().unwrap();
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("cert.pem"), certified.cert.pem()).unwrap();
    fs::write(path("key.pem"), certified.signing_key.serialize_pem()).unwrap();
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(path("other.pem"), other.cert.pem()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let tls = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let _redis = RedisServer::with(&[&tls[..], &["--tls-auth-clients", "no"]].concat());
    for (trusted, status) in [("cert.pem", 0), ("other.pem", 75)] {
        let output = Command::new(env!("CARGO_BIN_EXE_mtasts"))
            .args(["cache", "list", "--store", &format!("rediss://127.0.0.1:{port}/0")])
            .env("SSL_CERT_FILE", path(trusted))
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(status), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expired_long_ago_is_cleaned_away_by_the_daemon() {
    let stage = Stage::start().await;
    let store = SqliteStore::open(stage.path("cache.sqlite")).unwrap();
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
    let entry = |fetched_at: u64| {
        let text = format!(
            "mta-sts-entry 1\nid: 1\nfetched-at: {fetched_at}\npolicy-length: 41\n\nversion: STSv1\nmode: none\nmax_age: 86400\n"
        );
        mta_sts_core::CacheEntry::parse(text.as_bytes(), &PolicyDomain::parse("a.test").unwrap()).unwrap()
    };
    for (name, days) in [("old.test", 4), ("late.test", 2), ("new.test", 0)] {
        store.put(&PolicyDomain::parse(name).unwrap(), &entry(now - days * 86_400)).await.unwrap();
    }
    let file = stage.path("cache.sqlite");
    let daemon = stage.daemon(&format!("sqlite:{}", file.display()));
    until("it is taken out", || names(&file).len() == 2);
    assert_eq!(names(&file), ["late.test", "new.test"]);
    daemon.end();
    stage.world.shutdown().await;
}

fn names(file: &Path) -> Vec<String> {
    let connection = Connection::open(file).unwrap();
    let mut names = connection.prepare("SELECT domain FROM entries ORDER BY domain").unwrap();
    names.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn integrity(file: &Path) -> String {
    Connection::open(file).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}
