//! The command `mtasts serve`, as a program, in the loopback world.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod configuration;
mod control;
#[path = "../daemon/mod.rs"]
mod daemon;
mod killing;
#[path = "../../../mta-sts-resolver/tests/pki/mod.rs"]
mod pki;
#[path = "../../../mta-sts-resolver/tests/redis_server/mod.rs"]
mod redis_server;
mod sending;
mod status;
mod systemd;
#[path = "../tally/mod.rs"]
mod tally;
mod tlsrpt;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use serde_json::Value;

use self::daemon::{Daemon, Lab, ask};

#[tokio::test(flavor = "multi_thread")]
async fn it_works_as_it_stands_and_stops_when_told() {
    let lab = Lab::start().await;
    let socket = format!("unix:{}", lab.path("socket"));
    let mut daemon = Daemon::start(&lab.arguments(&["--listen", &socket]));
    let address = daemon.listening();
    assert_eq!(daemon.listening(), socket);
    let answer = ask(&address, "postfix healthy-enforce.test");
    assert!(answer.contains("OK secure match=mx.healthy-enforce.test servername=hostname"), "{answer}");
    assert_eq!(ask(&address, "postfix no-mta-sts.test"), "9:NOTFOUND ,");
    daemon.signal("-TERM");
    let (status, log) = daemon.end();
    assert_eq!(status, Some(0), "{log}");
    assert!(!log.contains("healthy-enforce"), "whom users write to is not told: {log}");
    lab.world.shutdown().await;
}

#[test]
fn signals_of_the_user_end_nothing() {
    let mut daemon = Daemon::start(&["--dns", "127.0.0.1:9", "--store", "memory", "--listen", "127.0.0.1:0"]);
    let address = daemon.listening();
    assert_eq!(ask(&address, "postfix .test"), "9:NOTFOUND ,");
    daemon.signal("-USR2");
    daemon.signal("-USR1");
    let state = daemon.event_of("the state of the daemon");
    assert_eq!(
        (&state["level"], &state["requests"], &state["lookups"]),
        (&"INFO".into(), &1.into(), &0.into())
    );
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
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
    stderr: String,
}

/// `mtasts cache`, with standard input.
fn cache(store: &str, arguments: &[&str], input: &str) -> Answer {
    let mut process = Command::new(env!("CARGO_BIN_EXE_mtasts"))
        .args(["cache", "--store", store])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    Answer { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_from_outlives_a_kill() {
    let lab = Lab::start().await;
    let store = format!("sqlite:{}", lab.path("cache.sqlite"));
    let mut daemon = Daemon::start(&lab.arguments(&["--store", &store]));
    let address = daemon.listening();
    let answer = ask(&address, "postfix healthy-enforce.test");
    assert!(answer.contains("OK secure match="), "{answer}");
    daemon.process.kill().unwrap();
    daemon.process.wait().unwrap();

    // The next one has nobody to ask, not about DANE either, which would come first.
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let listen = ["--listen", "127.0.0.1:0", "--store", &store];
    let mut daemon = Daemon::start(&[&listen[..], &["--dns", &nobody, "--dane", "danger-ignore"]].concat());
    let address = daemon.listening();
    assert_eq!(ask(&address, "postfix healthy-enforce.test"), answer);
    assert!(ask(&address, "postfix wildcard.test").contains("TEMP "));
    daemon.signal("-INT");
    assert_eq!(daemon.end().0, Some(0));

    let list = cache(&store, &["list"], "");
    assert!(
        list.stdout.starts_with("healthy-enforce.test enforce until 2"),
        "{} {}",
        list.stdout,
        list.stderr
    );
    let shown = cache(&store, &["show", "Healthy-Enforce.test"], "");
    assert!(shown.stdout.starts_with("mta-sts-entry 2\n") && shown.stdout.contains("\nmode: enforce\n"));
    assert_eq!(cache(&store, &["show", "wildcard.test"], "").status, Some(1));
    let value: Value = serde_json::from_str(&cache(&store, &["--json", "list"], "").stdout).unwrap();
    assert_eq!(
        (value["policy"]["mode"].as_str(), value["policy"]["valid"].as_bool()),
        (Some("enforce"), Some(true))
    );

    let exported = cache(&store, &["export"], "").stdout;
    assert_eq!(exported.lines().count(), 1);
    assert_eq!(cache(&store, &["purge", "--expired"], "").stdout, "0 removed\n");
    assert_eq!(cache(&store, &["purge"], "").status, Some(2));
    assert_eq!(cache(&store, &["purge", "healthy-enforce.test"], "").stdout, "1 removed\n");
    assert_eq!(cache(&store, &["purge", "healthy-enforce.test"], "").status, Some(1));
    assert_eq!(cache(&store, &["list"], "").stdout, "");
    assert!(cache(&store, &["import"], &exported).stdout.starts_with("1 imported, 0 not"));
    assert!(cache(&store, &["import"], &exported).stdout.starts_with("0 imported, 1 not"));
    assert_eq!(cache(&store, &["export"], "").stdout, exported);
    assert_eq!(cache(&store, &["import"], "{}\n").status, Some(1));
    assert_eq!(cache(&store, &["purge", "--all"], "").stdout, "1 removed\n");
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_lapses_is_told_with_its_domain_its_time_and_the_cause() {
    let lab = Lab::start().await;
    let store = format!("sqlite:{}", lab.path("cache.sqlite"));
    let policy = "version: STSv1\nmode: enforce\nmx: mx.policy-redirect.test\nmax_age: 604800\n";
    let expires_at = UNIX_EPOCH.elapsed().unwrap().as_secs() + 4;
    let entry = format!(
        "mta-sts-entry 2\ndomain: policy-redirect.test\nid: before\nfetched-at: {}\npolicy-length: {}\n\n{policy}",
        expires_at - 604_800,
        policy.len(),
    );
    let line = serde_json::json!({ "domain": "policy-redirect.test", "entry": entry }).to_string();
    assert!(cache(&store, &["import"], &line).stdout.starts_with("1 imported"));

    let mut daemon = Daemon::start(&lab.arguments(&["--store", &store]));
    let address = daemon.listening();
    let enforced = "OK secure match=mx.policy-redirect.test servername=hostname";
    assert!(ask(&address, "postfix policy-redirect.test").contains(enforced));
    let lapse = daemon.event_of(
        "a policy has expired and could not be refreshed in time: it no longer protects mail to the domain",
    );
    assert_eq!(
        (&lapse["level"], &lapse["domain"], &lapse["mode"]),
        (&"ERROR".into(), &"policy-redirect.test".into(), &"enforce".into())
    );
    let time =
        Command::new("date").args(["-u", "-d", &format!("@{expires_at}"), "+%FT%TZ"]).output().unwrap();
    assert_eq!(lapse["expired_at"], String::from_utf8(time.stdout).unwrap().trim());
    assert!(lapse["cause"].as_str().unwrap().contains("HTTP status 30"), "{lapse}");
    assert_eq!(ask(&address, "postfix policy-redirect.test"), "9:NOTFOUND ,");
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_told_and_stops_nothing() {
    let lab = Lab::start().await;
    let store = format!("sqlite:{}", lab.path("cache.sqlite"));
    let header = [&b"SQLite format 3\0"[..], &[0; 84], "no more".repeat(1000).as_bytes()].concat();
    std::fs::write(lab.path("cache.sqlite"), header).unwrap();
    let mut daemon = Daemon::start(&lab.arguments(&["--store", &store]));
    let first = daemon.event();
    assert_eq!(first["level"], "ERROR", "{first}");
    assert!(first["message"].as_str().unwrap().contains("moved aside"), "{first}");
    let address = daemon.listening();
    assert!(ask(&address, "postfix healthy-enforce.test").contains("OK secure match="));
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
    assert!(cache(&store, &["list"], "").stdout.starts_with("healthy-enforce.test enforce"));
    lab.world.shutdown().await;
}
