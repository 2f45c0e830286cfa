//! The command `mtasts serve`, as a program, in the loopback world.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use mta_sts_world::{World, WorldConfig, WorldError};
use serde_json::Value;

/// A daemon that runs; what it logs is read line by line.
struct Daemon {
    process: Child,
    log: BufReader<ChildStderr>,
}

impl Daemon {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_mtasts"))
            .args(["serve", "--log-format", "json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        Self { process, log }
    }

    /// The next event of the log.
    fn event(&mut self) -> Value {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no event: {line:?}"))
    }

    fn listening(&mut self) -> String {
        loop {
            let event = self.event();
            if event["message"] == "listening" {
                return event["address"].as_str().unwrap().to_owned();
            }
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        (self.process.wait().unwrap().code(), rest)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ask(address: &str, key: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "{}:{key},", key.len()).unwrap();
    let mut answer = Vec::new();
    let mut octet = [0];
    while answer.last() != Some(&b',') && stream.read(&mut octet).unwrap() == 1 {
        answer.push(octet[0]);
    }
    String::from_utf8(answer).unwrap()
}

async fn start_world() -> World {
    for _ in 0..9 {
        match World::start(WorldConfig::default()).await {
            Err(WorldError::Bind { .. } | WorldError::NoCommonPort { .. }) => {}
            started => return started.unwrap(),
        }
    }
    World::start(WorldConfig::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_as_it_stands_and_stops_when_told() {
    let world = start_world().await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, world.ca_pem()).unwrap();
    let (dns, https_port) = (world.dns_addr().to_string(), world.https_port().to_string());
    let network = ["--dns", &dns, "--https-port", &https_port, "--ca-file", ca.to_str().unwrap()];
    let socket = format!("unix:{}", folder.path().join("socket").display());
    let listen = ["--store", "memory", "--listen", "127.0.0.1:0", "--listen", &socket];

    let mut daemon = Daemon::start(&[&network[..], &listen[..]].concat());
    let address = daemon.listening();
    assert_eq!(daemon.listening(), socket);
    let answer = ask(&address, "postfix healthy-enforce.test");
    assert!(answer.contains("OK secure match=mx.healthy-enforce.test servername=hostname"), "{answer}");
    assert_eq!(ask(&address, "postfix no-mta-sts.test"), "9:NOTFOUND ,");
    daemon.signal("-TERM");
    let (status, log) = daemon.end();
    assert_eq!(status, Some(0), "{log}");
    assert!(!log.contains("healthy-enforce"), "whom users write to is not told: {log}");
    world.shutdown().await;
}

#[test]
fn a_place_that_is_taken_is_a_temporary_failure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let daemon = Daemon::start(&["--dns", "127.0.0.1:9", "--store", "memory", "--listen", &address]);
    let (status, log) = daemon.end();
    assert_eq!(status, Some(75), "{log}");
    assert!(log.contains(&address), "{log}");
}

#[test]
fn what_is_no_address_is_a_usage_error() {
    for listen in ["localhost", "8461", "unix:", "127.0.0.1"] {
        let (status, log) = Daemon::start(&["--listen", listen]).end();
        assert_eq!(status, Some(2), "{listen}: {log}");
    }
}

struct Answer {
    status: Option<i32>,
    stdout: String,
}

/// `mtasts cache`, with standard input.
fn cache(store: &str, arguments: &[&str], input: &str) -> Answer {
    let mut process = Command::new(env!("CARGO_BIN_EXE_mtasts"))
        .args(["cache", "--store", store])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    Answer { status: output.status.code(), stdout: String::from_utf8(output.stdout).unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_from_outlives_a_kill() {
    let world = start_world().await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, world.ca_pem()).unwrap();
    let (dns, https_port) = (world.dns_addr().to_string(), world.https_port().to_string());
    let store = format!("sqlite:{}", folder.path().join("cache.sqlite").display());
    let rest = ["--https-port", &https_port, "--ca-file", ca.to_str().unwrap(), "--store", &store];
    let rest = [&rest[..], &["--listen", "127.0.0.1:0"]].concat();

    let mut daemon = Daemon::start(&[&["--dns", &dns], &rest[..]].concat());
    let address = daemon.listening();
    let answer = ask(&address, "postfix healthy-enforce.test");
    assert!(answer.contains("OK secure match="), "{answer}");
    daemon.process.kill().unwrap();
    daemon.process.wait().unwrap();

    // The next one has nobody to ask, not about DANE either, which would come first.
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut daemon = Daemon::start(&[&["--dns", &nobody, "--dane", "danger-ignore"], &rest[..]].concat());
    let address = daemon.listening();
    assert_eq!(ask(&address, "postfix healthy-enforce.test"), answer);
    assert!(ask(&address, "postfix wildcard.test").contains("TEMP "));
    daemon.signal("-INT");
    assert_eq!(daemon.end().0, Some(0));

    let list = cache(&store, &["list"], "");
    assert!(list.stdout.starts_with("healthy-enforce.test enforce until 2"), "{}", list.stdout);
    let shown = cache(&store, &["show", "Healthy-Enforce.test"], "");
    assert!(shown.stdout.starts_with("mta-sts-entry 1\n") && shown.stdout.contains("\nmode: enforce\n"));
    assert_eq!(cache(&store, &["show", "wildcard.test"], "").status, Some(1));
    let value: Value = serde_json::from_str(&cache(&store, &["--json", "list"], "").stdout).unwrap();
    assert_eq!(
        (value["policy"]["mode"].as_str(), value["policy"]["valid"].as_bool()),
        (Some("enforce"), Some(true))
    );

    let exported = cache(&store, &["export"], "").stdout;
    assert_eq!(exported.lines().count(), 1);
    assert_eq!(cache(&store, &["purge", "--expired"], "").stdout, "0 forgotten\n");
    assert_eq!(cache(&store, &["purge"], "").status, Some(2));
    assert_eq!(cache(&store, &["purge", "healthy-enforce.test"], "").stdout, "1 forgotten\n");
    assert_eq!(cache(&store, &["purge", "healthy-enforce.test"], "").status, Some(1));
    assert_eq!(cache(&store, &["list"], "").stdout, "");
    assert!(cache(&store, &["import"], &exported).stdout.starts_with("1 imported, 0 not"));
    assert!(cache(&store, &["import"], &exported).stdout.starts_with("0 imported, 1 not"));
    assert_eq!(cache(&store, &["export"], "").stdout, exported);
    assert_eq!(cache(&store, &["import"], "{}\n").status, Some(1));
    assert_eq!(cache(&store, &["purge", "--all"], "").stdout, "1 forgotten\n");
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_told_and_stops_nothing() {
    let world = start_world().await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, world.ca_pem()).unwrap();
    let file = folder.path().join("cache.sqlite");
    std::fs::write(&file, "no database".repeat(1000)).unwrap();
    let (dns, https_port) = (world.dns_addr().to_string(), world.https_port().to_string());
    let store = format!("sqlite:{}", file.display());
    let mut daemon = Daemon::start(&[
        "--dns",
        &dns,
        "--https-port",
        &https_port,
        "--ca-file",
        ca.to_str().unwrap(),
        "--store",
        &store,
        "--listen",
        "127.0.0.1:0",
    ]);
    let first = daemon.event();
    assert_eq!(first["level"], "ERROR", "{first}");
    assert!(first["message"].as_str().unwrap().contains("moved aside"), "{first}");
    let address = daemon.listening();
    assert!(ask(&address, "postfix healthy-enforce.test").contains("OK secure match="));
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
    assert!(cache(&store, &["list"], "").stdout.starts_with("healthy-enforce.test enforce"));
    world.shutdown().await;
}
