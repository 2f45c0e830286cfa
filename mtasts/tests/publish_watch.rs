//! The command `mtasts publish watch`, as a program, against the loopback world.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod daemon;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use mta_sts_world::{PolicyHostBehaviour, State};
use serde_json::{Value, json};

use self::daemon::{Daemon, LONG, Lab};

/// `mtasts publish watch`, of this world.
fn watch(lab: &Lab, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
    command
        .args([
            "publish",
            "watch",
            "--json",
            "--dns",
            &lab.world.dns_addr().to_string(),
            "--dir",
            &lab.path(""),
        ])
        .args(["--https-port", &lab.world.https_port().to_string(), "--ca-file", &lab.path("ca.pem")])
        .args(["--timeout", "10s"])
        .args(arguments)
        .stdin(Stdio::null());
    if !arguments.contains(&"--smtp-port") {
        command.args(["--smtp-port", &lab.world.smtp_port().to_string()]);
    }
    command
}

/// The exit status of a run with --once, and what it has printed.
async fn once(lab: &Lab, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let mut command = watch(lab, &[&["--once", "--pause", "0s"], arguments].concat());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{stdout}");
    (output.status.code(), stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn alarms(events: &[Value]) -> BTreeSet<(&str, &str)> {
    assert!(events.iter().all(|event| event["event"] == "alarm"), "{events:?}");
    events.iter().map(|event| (event["domain"].as_str().unwrap(), event["state"].as_str().unwrap())).collect()
}

/// A program that appends what it is told to a file.
fn recorder(lab: &Lab) -> (String, String) {
    let told = lab.path("told");
    let script = format!(
        "#!/bin/sh\nenv | grep ^MTASTS_ | LC_ALL=C sort | tr '\\n' '|' >>'{told}'\necho >>'{told}'\n"
    );
    let program = lab.write("recorder", &script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program, told)
}

/// What `published.toml` has of domains, noted now.
async fn init(lab: &Lab, domains: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
    command
        .args(["publish", "init", "--dns", &lab.world.dns_addr().to_string(), "--dir", &lab.path("")])
        .args(["--https-port", &lab.world.https_port().to_string(), "--ca-file", &lab.path("ca.pem")])
        .args(domains);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_an_alarm_of_its_state() {
    let lab = Lab::start().await;
    let (program, told) = recorder(&lab);
    let domains = [
        "healthy-enforce.test",
        "implicit-mx.test",
        "certificate-expired.test",
        "expires-soon.test",
        "starttls-stripped.test",
        "backup-unlisted.test",
        "policy-redirect.test",
        "policy-differs.test",
        "policy-invalid.test",
        "policy-host-untrusted.test",
        "no-mta-sts.test",
        "several-records.test",
        "null-mx.test",
        "no-such-domain.test",
    ];
    let (status, events) = once(&lab, &[&["--exec", &program][..], &domains].concat()).await;
    let expected = [
        ("certificate-expired.test", "certificate"),
        ("expires-soon.test", "certificate"),
        ("starttls-stripped.test", "starttls"),
        ("backup-unlisted.test", "mx-not-covered"),
        ("policy-redirect.test", "fetch"),
        ("policy-differs.test", "fetch"),
        ("policy-invalid.test", "fetch"),
        ("policy-host-untrusted.test", "certificate"),
        ("no-mta-sts.test", "dns"),
        ("several-records.test", "dns"),
        ("no-such-domain.test", "dns"),
    ];
    assert_eq!((status, alarms(&events)), (Some(1), BTreeSet::from(expected)), "{events:#?}");
    let expired = events.iter().find(|event| event["domain"] == "certificate-expired.test").unwrap();
    let message = expired["message"].as_str().unwrap();
    assert!(message.starts_with("mx.certificate-expired.test: Its certificate expired"), "{message}");
    assert!(expired["fix"].as_str().unwrap().starts_with("Renew it"), "{expired}");

    // The command has run for each, with all of it in variables.
    let lines = fs::read_to_string(told).unwrap();
    assert_eq!(lines.lines().count(), events.len(), "{lines}");
    let line = lines.lines().find(|line| line.contains("=certificate-expired.test|")).unwrap();
    let variables: Vec<_> = line.split('|').filter_map(|variable| variable.split_once('=')).collect();
    let names: Vec<_> = variables.iter().map(|(name, _)| name.trim_start_matches("MTASTS_")).collect();
    assert_eq!(names, ["DOMAIN", "EVENT", "FIX", "MESSAGE", "SINCE", "STATE", "TIME"]);
    assert!(
        variables.contains(&("MTASTS_EVENT", "alarm")) && variables.contains(&("MTASTS_MESSAGE", message))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_there_is_no_alarm() {
    let lab = Lab::start().await;
    let (status, events) = once(&lab, &["spotless.test", "implicit-mx.test", "short-lived.test"]).await;
    assert_eq!((status, events), (Some(0), Vec::new()));
    // Nothing fails for sure, but a host does not talk to us.
    let (status, events) = once(&lab, &["--smtp-port", "1", "spotless.test"]).await;
    assert_eq!((status, events), (Some(75), Vec::new()));
    let output = watch(&lab, &["--all", "--once"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("published.toml has no domain"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_and_reports_have_alarms_too() {
    let lab = Lab::start().await;
    init(&lab, &["healthy-enforce.test", "mode-none.test", "wildcard.test", "tlsrpt-mail.test"]).await;
    let file = lab.path("published.toml");
    // The policy of one has changed since; another was removed long ago. A third has begun, and is not published yet.
    let text = fs::read_to_string(&file).unwrap();
    let id = text.split("domain: healthy-enforce.test").nth(1).unwrap().split("policy: ").nth(1).unwrap();
    let (since, id) = (id.split(' ').next().unwrap(), id.split(' ').nth(2).unwrap());
    let day_ago = (since.parse::<u64>().unwrap() - 86_400).to_string();
    let text = text.replace(id, "0123456789abcdef0123").replace(since, &day_ago);
    // What one published before it opted out has expired.
    let text = text.replace("unknown-until: 1", "unknown-until: ");
    let removed = "\n[domain.\"no-mta-sts.test\"]\nrecord-ttl = 60\nmx-ttl = 60\nhistory = '''\nmta-sts-history 1\n\
         domain: no-mta-sts.test\npolicy: 1600000000 1600000060 94815eb6141fb6e55268 none 86400\n\
         record: - 1600000000 1600000060 1\n'''\n";
    fs::write(&file, text + removed).unwrap();

    // A sender reported on ten days, and not for five.
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
    let folder = lab.path("reports");
    fs::create_dir(&folder).unwrap();
    for ago in 6..16 {
        let start = now - now % 86_400 - ago * 86_400;
        let day = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(start)).to_string();
        let day = &day[..10];
        let report = json!({
            "organization-name": "Google Inc.",
            "date-range": {
                "start-datetime": format!("{day}T00:00:00Z"),
                "end-datetime": format!("{day}T23:59:59Z"),
            },
            "contact-info": "smtp-tls-reporting@google.com",
            "report-id": format!("{day}_wildcard.test"),
            "policies": [{
                "policy": { "policy-type": "sts", "policy-domain": "wildcard.test" },
                "summary": { "total-successful-session-count": 3, "total-failure-session-count": 0 },
            }],
        });
        fs::write(format!("{folder}/{day}.json"), report.to_string()).unwrap();
    }
    let (status, events) = once(&lab, &["--all", "--reports", &folder]).await;
    let expected = [
        ("healthy-enforce.test", "id-body"),
        ("mode-none.test", "removal-ready"),
        ("wildcard.test", "reports-silent"),
    ];
    assert_eq!((status, alarms(&events)), (Some(1), BTreeSet::from(expected)), "{events:#?}");
    let silent = events.iter().find(|event| event["state"] == "reports-silent").unwrap();
    assert!(
        silent["message"].as_str().unwrap().starts_with("Google Inc. reported daily until 2"),
        "{silent}"
    );
}

/// A daemon that watches.
struct Watcher {
    daemon: Daemon,
    events: BufReader<ChildStdout>,
    metrics: String,
}

impl Watcher {
    fn start(lab: &Lab, arguments: &[&str]) -> Self {
        let common = ["--every", "1s", "--metrics", "127.0.0.1:0", "--log-format", "json"];
        let mut command = watch(lab, &[&common[..], arguments].concat());
        let mut daemon = Daemon::spawn(command.stdout(Stdio::piped()));
        let events = BufReader::new(daemon.process.stdout.take().unwrap());
        let metrics = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
        daemon.event_of("watching");
        Self { daemon, events, metrics }
    }

    /// The next alarm or recovery.
    fn event(&mut self) -> (String, String, String) {
        let mut line = String::new();
        self.events.read_line(&mut line).unwrap();
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no event: {line:?}"));
        let word = |key: &str| event[key].as_str().unwrap().to_owned();
        (word("event"), word("domain"), word("state"))
    }

    fn page(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.metrics).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn event(kind: &str, domain: &str, state: &str) -> (String, String, String) {
    (kind.to_owned(), domain.to_owned(), state.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_begins_and_ends_with_the_fault() {
    let lab = Lab::start().await;
    let (program, told) = recorder(&lab);
    let domains = ["healthy-enforce.test", "certificate-expired.test"];
    let mut watcher = Watcher::start(&lab, &[&["--exec", &program][..], &domains].concat());
    assert_eq!(watcher.event(), event("alarm", "certificate-expired.test", "certificate"));
    let metrics = watcher.page("/metrics");
    for line in [
        "mtasts_watch_domains 2",
        "mtasts_watch_alarm{domain=\"certificate-expired.test\",state=\"certificate\"} 1",
        "mtasts_watch_alarms{state=\"certificate\"} 1",
        "mtasts_watch_alarms{state=\"dns\"} 0",
        "mtasts_watch_looks_total{result=\"failing\"}",
        "mtasts_watch_first_certificate_expiry_timestamp_seconds",
        "mtasts_watch_oldest_look_timestamp_seconds",
        "mtasts_build_info",
    ] {
        assert!(metrics.contains(line), "no {line} in {metrics}");
    }
    assert!(watcher.page("/healthz").ends_with("serving\ndomains: 2\nalarms: 1\n"));

    lab.world.switch("certificate-expired", State::Calm).unwrap();
    assert_eq!(watcher.event(), event("recovery", "certificate-expired.test", "certificate"));
    // Somebody changes the policy, and forgets the id; no file has a history.
    let changed = "version: STSv1\r\nmode: testing\r\nmx: mx.healthy-enforce.test\r\nmax_age: 604800\r\n";
    let host = "mta-sts.healthy-enforce.test";
    lab.world.set_policy_host(host, PolicyHostBehaviour::Policy(changed.to_owned())).unwrap();
    assert_eq!(watcher.event(), event("alarm", "healthy-enforce.test", "id-body"));
    lab.world.set_policy_host(host, PolicyHostBehaviour::Status(500)).unwrap();
    assert_eq!(watcher.event(), event("alarm", "healthy-enforce.test", "fetch"));
    lab.world.reset().unwrap();
    let ended = BTreeSet::from([watcher.event(), watcher.event()]);
    let recovered = |state| event("recovery", "healthy-enforce.test", state);
    // The world is as it was at first, with the fault of the other domain.
    assert!(ended.contains(&recovered("id-body")) || ended.contains(&recovered("fetch")), "{ended:?}");

    watcher.daemon.signal("-TERM");
    let (status, log) = watcher.daemon.end();
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains("\"stopped\""), "{log}");
    let lines = fs::read_to_string(told).unwrap();
    let kinds: Vec<_> =
        lines.lines().filter_map(|line| line.split('|').find(|it| it.starts_with("MTASTS_EVENT="))).collect();
    assert_eq!(
        kinds[..4],
        ["MTASTS_EVENT=alarm", "MTASTS_EVENT=recovery", "MTASTS_EVENT=alarm", "MTASTS_EVENT=alarm"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_over_the_domains_and_a_broken_file_changes_nothing() {
    let lab = Lab::start().await;
    init(&lab, &["healthy-enforce.test"]).await;
    let failing = lab.write("failing", "#!/bin/sh\nexit 3\n");
    fs::set_permissions(&failing, fs::Permissions::from_mode(0o755)).unwrap();
    let mut watcher = Watcher::start(&lab, &["--all", "--exec", &failing]);
    init(&lab, &["starttls-stripped.test"]).await;
    watcher.daemon.signal("-HUP");
    let event_of = watcher.daemon.event_of("published.toml was read again");
    assert_eq!(event_of["domains"], 2);
    assert_eq!(watcher.event(), event("alarm", "starttls-stripped.test", "starttls"));
    // A command that fails is logged and counted.
    let failed = watcher.daemon.event_of(&format!("{failing} failed"));
    assert_eq!(
        (&failed["domain"], &failed["error"]),
        (&json!("starttls-stripped.test"), &json!("exit status: 3"))
    );

    lab.write("published.toml", "format = 9\n");
    watcher.daemon.signal("-HUP");
    watcher.daemon.event_of("published.toml cannot be read");
    let metrics = watcher.page("/metrics");
    for line in [
        "mtasts_watch_domains 2",
        "mtasts_reloads_total{result=\"failed\"} 1",
        "mtasts_watch_commands_total{result=\"failed\"} 1",
    ] {
        assert!(metrics.contains(line), "no {line} in {metrics}");
    }
    watcher.daemon.signal("-INT");
    assert_eq!(watcher.daemon.end().0, Some(0));
}
