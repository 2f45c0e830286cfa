//! What the daemon counts for TLS reports: of what mail servers send, and of what it knows itself.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mta_sts_world::{PolicyHostBehaviour, TlsrptAnswer};
use rusqlite::Connection;
use serde_json::Value;
use tokio::time::Instant;

use crate::daemon::{Daemon, LONG, Lab, ask};
use crate::status::{assert_documented, scrape};

const NO_POLICY: &str = r#"{"policy-type":9,"t":0,"f":0}"#;
const TESTING: &str = r#"{"policy-type":2,"policy-string":["version: STSv1","mode: testing"],"mx-host":["mx.a.test"],"t":0,"f":0}"#;

fn send(socket: &str, domain: &str, policies: &str) {
    let record = format!("v=TLSRPTv1; rua=mailto:tls@{domain}");
    let datagram = format!(r#"{{"d":"{domain}","pr":"{record}","policies":[{policies}]}}"#);
    UnixDatagram::unbound().unwrap().send_to(datagram.as_bytes(), socket).unwrap();
}

/// What is saved of a domain today: each policy with its type, successes, failures and the words of what failed.
fn saved(database: &str, domain: &str) -> Vec<(String, u64, u64, Vec<String>)> {
    let connection = Connection::open(database).unwrap();
    let line = connection.query_row("SELECT line FROM tally WHERE domain = ?1", [domain], |row| row.get(0));
    let line: String = line.unwrap_or_else(|_| "{}".to_owned());
    let saved: Value = serde_json::from_str(&line).unwrap();
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    list(&saved["counts"])
        .iter()
        .map(|counts| {
            let details =
                list(&counts["details"]).iter().map(|detail| word(&detail["result_type"])).collect();
            (word(&counts["policy_type"]), number(&counts["successes"]), number(&counts["failures"]), details)
        })
        .collect()
}

fn counts(
    policy_type: &str,
    successes: u64,
    failures: u64,
    details: &[&str],
) -> (String, u64, u64, Vec<String>) {
    (policy_type.to_owned(), successes, failures, details.iter().map(|&word| word.to_owned()).collect())
}

/// Waits until a series of the metrics has this value.
fn wait_for(pages: &str, series: &str, value: u64) {
    let begun = Instant::now();
    while scrape(pages)[series] != value {
        assert!(begun.elapsed() < LONG, "{series}: {}", scrape(pages)[series]);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A daemon that collects in this lab, with the path of its socket, of its database, and the address of its pages.
struct Collecting {
    daemon: Daemon,
    pages: String,
    address: String,
    socket: String,
    database: String,
}

impl Collecting {
    fn start(lab: &Lab, others: &[&str]) -> Self {
        let (socket, database) = (lab.path("tlsrpt"), lab.path("tally.sqlite"));
        let config = lab.write(
            "mtasts.toml",
            &format!(
                "metrics = '127.0.0.1:0'\n[report]\nfrom = 'tls@sender.test'\nstore = 'sqlite:{database}'\n\
                 probe-port = {}\n[zones.strict]\nmatch = 'mx-hosts'\n[zones.extended]\nform = 'extended'\n",
                lab.world.smtp_port()
            ),
        );
        let arguments = [&["--config", &config, "--tlsrpt", &socket], others].concat();
        let mut daemon = Daemon::start(&lab.arguments(&arguments));
        let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
        let address = daemon.listening();
        Self { daemon, pages, address, socket, database }
    }

    fn end(self) -> String {
        self.daemon.signal("-TERM");
        let (status, log) = self.daemon.end();
        assert_eq!(status, Some(0), "{log}");
        assert!(!Path::new(&self.socket).exists());
        log
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mail_servers_send_is_counted_kept_and_shown() {
    let lab = Lab::start().await;
    let collecting = Collecting::start(&lab, &[]);
    send(&collecting.socket, "a.test", NO_POLICY);
    send(&collecting.socket, "a.test", TESTING);
    for junk in [&b"junk"[..], b"", b"5", b"\xff"] {
        UnixDatagram::unbound().unwrap().send_to(junk, &collecting.socket).unwrap();
    }
    wait_for(&collecting.pages, "mtasts_tlsrpt_lost_total{reason=\"no-datagram\"}", 4);
    wait_for(&collecting.pages, "mtasts_tlsrpt_events_total{result=\"counted\"}", 2);
    let values = scrape(&collecting.pages);
    assert_eq!((values["mtasts_tlsrpt_domains"], values["mtasts_tlsrpt_store_up"]), (1, 1));
    assert_documented(&values);
    let database = collecting.database.clone();
    let log = collecting.end();
    assert!(log.contains("no datagram of libtlsrpt") && log.contains("counted for TLS reports"), "{log}");
    // Nobody has checked what Postfix calls a success in mode testing.
    assert_eq!(saved(&database, "a.test"), [counts("no-policy-found", 2, 0, &[])]);

    let collecting = Collecting::start(&lab, &[]);
    send(&collecting.socket, "a.test", NO_POLICY);
    wait_for(&collecting.pages, "mtasts_tlsrpt_events_total{result=\"counted\"}", 1);
    collecting.end();
    assert_eq!(saved(&database, "a.test"), [counts("no-policy-found", 3, 0, &[])]);
    lab.world.shutdown().await;
}

/// Six of these end tlsrpt-collectd.
const JUNK: [&[u8]; 9] = [
    b"not JSON",
    b"\xff\xfe{}",
    b"",
    b"5",
    br#"{"d":"a.test","pr":"v=TLSRPTv1; rua=mailto:a@a.test","policies":[1]}"#,
    br#"{"d":5,"pr":"v=TLSRPTv1; rua=mailto:a@a.test","policies":[{"policy-type":9,"t":0,"f":0}]}"#,
    br#"{"d":"a.test","policies":5}"#,
    b"{}",
    b"[[[[[[[[",
];

/// Numbers that look random and are the same in each run.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 1_u64;
    move |bound| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from((mixed ^ (mixed >> 27)) % bound as u64).unwrap()
    }
}

/// Octets, half of them a datagram with a few that are wrong.
fn random_datagram(below: &mut impl FnMut(usize) -> usize, number: u64) -> Vec<u8> {
    let octet = |below: &mut dyn FnMut(usize) -> usize| u8::try_from(below(256)).unwrap();
    if number.is_multiple_of(2) {
        let length = below(300);
        return (0..length).map(|_| octet(below)).collect();
    }
    let policy = [NO_POLICY, TESTING][below(2)];
    let record = "v=TLSRPTv1; rua=mailto:tls@random.test";
    let mut datagram = format!(r#"{{"d":"random.test","pr":"{record}","policies":[{policy}]}}"#).into_bytes();
    for _ in 0..=below(3) {
        let place = below(datagram.len());
        datagram[place] = octet(below);
    }
    datagram
}

/// A million random ones under `MTASTS_SOAK`.
#[tokio::test(flavor = "multi_thread")]
async fn no_datagram_ends_the_daemon() {
    let lab = Lab::start().await;
    let collecting = Collecting::start(&lab, &[]);
    let client = UnixDatagram::unbound().unwrap();
    client.connect(&collecting.socket).unwrap();
    let accounted = || {
        let values = scrape(&collecting.pages);
        let sum = |name: &str| {
            values.iter().filter(|(series, _)| series.starts_with(name)).map(|(_, value)| value).sum()
        };
        let (events, lost): (u64, u64) = (sum("mtasts_tlsrpt_events_total"), sum("mtasts_tlsrpt_lost_total"));
        (events, lost)
    };
    let wait_for_all = |sent: u64| {
        let begun = Instant::now();
        while accounted().0 + accounted().1 < sent {
            assert!(begun.elapsed() < LONG, "{:?} of {sent}", accounted());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let junk = JUNK.len() as u64;
    for datagram in JUNK {
        client.send(datagram).unwrap();
        send(&collecting.socket, "a.test", NO_POLICY);
    }
    wait_for_all(2 * junk);
    assert_eq!(accounted(), (junk, junk));

    let random = if std::env::var_os("MTASTS_SOAK").is_some() { 1_000_000 } else { 10_000 };
    let mut below = numbers();
    for number in 1..=random {
        client.send(&random_datagram(&mut below, number)).unwrap();
        // It has room for some that are not counted yet.
        if number % 4096 == 0 {
            wait_for_all(2 * junk + number);
        }
    }
    wait_for_all(2 * junk + random);
    let (events, lost) = accounted();
    assert_eq!(events + lost, 2 * junk + random);
    assert!(events > junk && lost > junk, "{events} {lost}");

    // It answers, and has counted what was right.
    assert_eq!(ask(&collecting.address, "postfix no-mta-sts.test"), "9:NOTFOUND ,");
    let database = collecting.database.clone();
    collecting.end();
    assert_eq!(saved(&database, "a.test"), [counts("no-policy-found", junk, 0, &[])]);
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_counts_as_failed_where_the_policy_could_not_be_had() {
    let lab = Lab::start().await;
    let collecting = Collecting::start(&lab, &[]);
    let failures = [
        ("policy-host-down.test", "sts-policy-fetch-error"),
        ("policy-invalid.test", "sts-policy-invalid"),
        ("policy-host-untrusted.test", "sts-webpki-invalid"),
    ];
    for (domain, _) in failures {
        // Asked for twice, as Postfix does for two MX hosts, and told of once.
        for _ in 0..2 {
            assert_eq!(ask(&collecting.address, &format!("postfix {domain}")), "9:NOTFOUND ,");
        }
        send(&collecting.socket, domain, NO_POLICY);
        send(&collecting.socket, "no-mta-sts.test", NO_POLICY);
    }
    wait_for(&collecting.pages, "mtasts_tlsrpt_events_total{result=\"counted\"}", 6);
    let database = collecting.database.clone();
    collecting.end();
    for (domain, failure) in failures {
        assert_eq!(saved(&database, domain), [counts("sts", 0, 1, &[failure])], "{domain}");
    }
    assert_eq!(saved(&database, "no-mta-sts.test"), [counts("no-policy-found", 3, 0, &[])]);
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_no_session_was_begun_with_is_counted_where_a_report_is_wanted() {
    let lab = Lab::start().await;
    let record = "v=TLSRPTv1; rua=mailto:tls@reports.test".to_owned();
    for domain in ["mx-spoofed.test", "healthy-enforce.test"] {
        lab.world.set_tlsrpt(domain, TlsrptAnswer::Record(record.clone())).unwrap();
    }
    lab.world.set_tlsrpt("wildcard-too-deep.test", TlsrptAnswer::NoRecord).unwrap();
    let collecting = Collecting::start(&lab, &[]);
    for domain in ["mx-spoofed.test", "mx-spoofed.test", "wildcard-too-deep.test"] {
        let answer = ask(&collecting.address, &format!("strict {domain}"));
        assert!(answer.contains("TEMP"), "{answer}");
    }
    // Postfix compares with the patterns by itself there, and the daemon knows no MX host.
    ask(&collecting.address, "postfix mx-spoofed.test");
    wait_for(&collecting.pages, "mtasts_tlsrpt_events_total{result=\"counted\"}", 1);
    let database = collecting.database.clone();
    collecting.end();
    assert_eq!(saved(&database, "mx-spoofed.test"), [counts("sts", 0, 1, &["validation-failure"])]);
    assert_eq!(saved(&database, "wildcard-too-deep.test"), []);
    lab.world.shutdown().await;
}

/// Has a domain of the world publish a policy in mode testing for these MX hosts.
fn publish_testing(lab: &Lab, domain: &str, hosts: &[&str]) {
    let mut lines = vec!["version: STSv1".to_owned(), "mode: testing".to_owned()];
    lines.extend(hosts.iter().map(|host| format!("mx: {host}.{domain}")));
    lines.push("max_age: 604800\r\n".to_owned());
    let policy = lines.join("\r\n");
    let behaviour = PolicyHostBehaviour::Policy(policy);
    lab.world.set_policy_host(&format!("mta-sts.{domain}"), behaviour).unwrap();
}

/// The MX hosts that were connected to, each with its number of connections.
fn connections(lab: &Lab) -> BTreeMap<String, usize> {
    let mut connections = BTreeMap::new();
    for session in lab.world.seen().smtp {
        assert!(session.transactions.is_empty(), "a probe sends no message: {session:?}");
        assert_eq!(session.ehlo_before_tls.len(), 1);
        *connections.entry(session.host).or_default() += 1;
    }
    connections
}

const PASSED: &str = "mtasts_tlsrpt_probes_total{result=\"passed\"}";
const FAILED: &str = "mtasts_tlsrpt_probes_total{result=\"failed\"}";
const UNKNOWN: &str = "mtasts_tlsrpt_probes_total{result=\"unknown\"}";
const COUNTED: &str = "mtasts_tlsrpt_events_total{result=\"counted\"}";

#[tokio::test(flavor = "multi_thread")]
async fn sessions_in_mode_testing_count_as_verified_after_a_probe() {
    let lab = Lab::start().await;
    let domain = "healthy-enforce.test";
    publish_testing(&lab, domain, &["mx"]);
    let control = lab.path("control");
    let collecting = Collecting::start(&lab, &["--probe-testing", "--control", &control]);
    send(&collecting.socket, domain, TESTING);
    wait_for(&collecting.pages, PASSED, 1);
    for _ in 0..5 {
        send(&collecting.socket, domain, TESTING);
    }
    wait_for(&collecting.pages, COUNTED, 6);
    assert_eq!(connections(&lab), BTreeMap::from([("mx.healthy-enforce.test".to_owned(), 1)]));
    // The reference tells of each.
    let reference = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/serve.md")).unwrap();
    assert!(reference.contains("\n| `mtasts_tlsrpt_probes_total`"));

    // What the probe saw says nothing of another policy.
    publish_testing(&lab, domain, &["mx", "other"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
    let refreshed = command.args(["cache", "refresh", domain, "--control", &control]).output().unwrap();
    assert!(refreshed.status.success(), "{refreshed:?}");
    send(&collecting.socket, domain, TESTING);
    wait_for(&collecting.pages, COUNTED, 7);
    let database = collecting.database.clone();
    collecting.end();
    assert_eq!(saved(&database, domain), [counts("no-policy-found", 2, 0, &[]), counts("sts", 5, 0, &[])]);
    assert_eq!(connections(&lab).values().sum::<usize>(), 1);
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_fails_a_probe_is_counted_once_a_day() {
    let lab = Lab::start().await;
    let fails = [
        ("certificate-expired.test", &["mx"][..], "certificate-expired"),
        ("second-mx.test", &["mx1", "mx2"], "certificate-expired"),
        ("starttls-stripped.test", &["mx"], "starttls-not-supported"),
        ("healthy-enforce.test", &["elsewhere"], "validation-failure"),
    ];
    for (domain, hosts, _) in fails {
        publish_testing(&lab, domain, hosts);
    }
    let collecting = Collecting::start(&lab, &["--probe-testing"]);
    for (number, (domain, ..)) in fails.into_iter().enumerate() {
        let number = number as u64 + 1;
        send(&collecting.socket, domain, TESTING);
        wait_for(&collecting.pages, FAILED, number);
        for _ in 0..9 {
            send(&collecting.socket, domain, TESTING);
        }
        // The probe is a session itself.
        wait_for(&collecting.pages, COUNTED, 11 * number);
    }
    let database = collecting.database.clone();
    collecting.end();
    for (domain, _, result) in fails {
        let expected = [counts("no-policy-found", 10, 0, &[]), counts("sts", 0, 1, &[result])];
        assert_eq!(saved(&database, domain), expected, "{domain}");
    }
    let connections = connections(&lab);
    assert_eq!((connections.len(), connections.values().sum::<usize>()), (5, 5), "{connections:?}");
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_be_reached_says_nothing() {
    let lab = Lab::start().await;
    publish_testing(&lab, "mx-alias-dangling.test", &["mx"]);
    // The first has no other host, the second one that is fine; the policy of the third has another mode.
    let domains = ["mx-alias-dangling.test", "backup-unreachable.test", "wildcard.test"];
    let collecting = Collecting::start(&lab, &["--probe-testing"]);
    for (number, domain) in domains.into_iter().enumerate() {
        send(&collecting.socket, domain, TESTING);
        wait_for(&collecting.pages, UNKNOWN, number as u64 + 1);
        send(&collecting.socket, domain, TESTING);
        wait_for(&collecting.pages, COUNTED, 2 * (number as u64 + 1));
    }
    let database = collecting.database.clone();
    collecting.end();
    for domain in domains {
        assert_eq!(saved(&database, domain), [counts("no-policy-found", 2, 0, &[])], "{domain}");
    }
    assert_eq!(connections(&lab), BTreeMap::from([("mx.backup-unreachable.test".to_owned(), 1)]));
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_host_is_probed_unless_that_is_configured_and_a_report_is_wanted() {
    let lab = Lab::start().await;
    let domain = "healthy-enforce.test";
    publish_testing(&lab, domain, &["mx"]);
    let collecting = Collecting::start(&lab, &[]);
    send(&collecting.socket, domain, TESTING);
    wait_for(&collecting.pages, COUNTED, 1);
    assert!(!scrape(&collecting.pages).contains_key(PASSED));
    collecting.end();

    let collecting = Collecting::start(&lab, &["--probe-testing"]);
    let unwanted = format!(r#"{{"d":"{domain}","pr":"","policies":[{TESTING}]}}"#);
    UnixDatagram::unbound().unwrap().send_to(unwanted.as_bytes(), &collecting.socket).unwrap();
    wait_for(&collecting.pages, "mtasts_tlsrpt_events_total{result=\"no-tlsrpt-record\"}", 1);
    // It would be probed before this one.
    publish_testing(&lab, "certificate-expired.test", &["mx"]);
    send(&collecting.socket, "certificate-expired.test", TESTING);
    wait_for(&collecting.pages, FAILED, 1);
    collecting.end();
    assert_eq!(connections(&lab), BTreeMap::from([("mx.certificate-expired.test".to_owned(), 1)]));
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_collector_gets_what_comes() {
    let lab = Lab::start().await;
    let other = UnixDatagram::bind(lab.path("other")).unwrap();
    other.set_read_timeout(Some(LONG)).unwrap();
    let collecting = Collecting::start(&lab, &["--tlsrpt-forward", &lab.path("other")]);
    send(&collecting.socket, "a.test", NO_POLICY);
    let mut octets = [0; 1024];
    let length = other.recv(&mut octets).unwrap();
    assert!(String::from_utf8_lossy(&octets[..length]).contains("a.test"));
    collecting.end();
    lab.world.shutdown().await;
}

#[test]
fn reports_need_somebody_to_come_from() {
    let check = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
        let output = command.args(["serve", "--check-config", "--store", "memory"]).args(arguments).output();
        let output = output.unwrap();
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(told).unwrap())
    };
    let (status, told) = check(&["--tlsrpt", "/run/tlsrpt"]);
    assert!(status == Some(2) && told.contains("--report-from"), "{told}");
    let (status, told) = check(&["--tlsrpt", "/run/tlsrpt", "--report-from", "nobody"]);
    assert!(status == Some(2) && told.contains("mail address"), "{told}");
    let (status, told) = check(&["--tlsrpt", "/run/tlsrpt", "--report-from", "tls@sender.test"]);
    assert!(status == Some(0) && told.contains("tlsrpt = \"unix:/run/tlsrpt\""), "{told}");
}

/// The socket of a service manager: `ListenDatagram=`.
#[test]
fn a_socket_that_was_handed_over_is_collected_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tlsrpt");
    let script = r#"
import os, socket, sys
path, program, arguments = sys.argv[1], sys.argv[2], sys.argv[2:]
datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
datagrams.bind(path)
stream = socket.create_server(("127.0.0.1", 0))
for number, handed in enumerate([os.dup(datagrams.fileno()), os.dup(stream.fileno())]):
    os.dup2(handed, 3 + number, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="tlsrpt:socket")
os.execv(program, arguments)
"#;
    let database = folder.path().join("tally.sqlite");
    let config = folder.path().join("mtasts.toml");
    let text = format!("[report]\nfrom = 'tls@sender.test'\nstore = 'sqlite:{}'\n", database.display());
    fs::write(&config, text).unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(&path).arg(env!("CARGO_BIN_EXE_mtasts"));
    command.args(["serve", "--log-format", "json", "--store", "memory", "--dns", "127.0.0.1:9", "--config"]);
    let mut daemon = Daemon::spawn(command.arg(&config));
    daemon.listening();
    send(path.to_str().unwrap(), "a.test", NO_POLICY);
    daemon.signal("-TERM");
    let (status, log) = daemon.end();
    assert_eq!(status, Some(0), "{log}");
    assert!(path.exists(), "it belongs to the service manager");
    assert_eq!(saved(database.to_str().unwrap(), "a.test"), [counts("no-policy-found", 1, 0, &[])]);
}
