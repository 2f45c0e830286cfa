//! The control socket: `mtasts explain`, and `mtasts cache` on a daemon that runs.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};

use serde_json::Value;

use super::daemon::{Daemon, Lab, ask};

fn mtasts(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mtasts"))
        .args(arguments)
        .env_remove("MTASTS_STORE")
        .env("COLUMNS", "200")
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn explained(control: &str, arguments: &[&str]) -> Value {
    let output = mtasts(&[&["explain", "--control", control, "--json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The words of a text, however it is wrapped.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_explained() {
    let lab = Lab::start().await;
    let control = lab.path("control");
    let overrides = lab.write("overrides.toml", "['overridden.test']\nexempt = true\n");
    let config = lab.write(
        "mtasts.toml",
        "[zones.patient]\non-fetch-failure = 'temporary'\n[zones.lax]\non-dns-failure = 'danger-not-found'\n\
         [limits]\ndns-timeout = '300ms'\ndns-attempts = '1'\n",
    );
    let options = ["--control", &control, "--overrides", &overrides, "--config", &config];
    let mut daemon = Daemon::start(&lab.arguments(&options));
    let address = daemon.listening();
    for (zone, key, answer, reason) in [
        ("postfix", "healthy-enforce.test", "OK secure match=mx.healthy-enforce.test", "enforces TLS"),
        ("postfix", "testing-fault.test", "NOTFOUND", "mode testing"),
        ("postfix", "mode-none.test", "NOTFOUND", "mode none"),
        ("postfix", "dane.test", "OK dane-only", "DANE applies to all"),
        ("postfix", "no-mta-sts.test", "NOTFOUND", "no MTA-STS record"),
        ("postfix", "[192.0.2.1]", "NOTFOUND", "cannot have a policy"),
        ("postfix", ".healthy-enforce.test", "NOTFOUND", "cannot have a policy"),
        ("postfix", "overridden.test", "NOTFOUND", "An override"),
        (
            "postfix",
            "policy-redirect.test",
            "NOTFOUND",
            "mail is then delivered unprotected (`on-fetch-failure`)",
        ),
        ("patient", "policy-redirect.test", "TEMP", "mail waits then"),
        ("postfix", "dns-timeout.test", "TEMP", "DNS gave no answer"),
        ("lax", "dns-timeout.test", "NOTFOUND", "mail is then delivered unprotected (`on-dns-failure`)"),
    ] {
        let told = explained(&control, &["--zone", zone, key]);
        let (said, why) = (told["answer"].as_str().unwrap(), told["reason"].as_str().unwrap());
        assert!(said.starts_with(answer) && why.contains(reason), "{zone} {key}: {told:#}");
        assert_eq!(told["default_zone"], zone == "postfix", "{zone}");
        // It is what a mail server hears.
        let heard = ask(&address, &format!("{zone} {key}"));
        let answered = heard.split_once(':').unwrap().1.trim_end_matches(',').trim_end();
        assert_eq!(answered, said, "{zone} {key}");
    }
    let told = explained(&control, &["healthy-enforce.test"]);
    let policy = &told["entry"]["policy"];
    assert_eq!(
        (&policy["mode"], &policy["valid"], &told["dane"]),
        (&"enforce".into(), &true.into(), &"no-host".into())
    );
    let told = explained(&control, &["policy-redirect.test"]);
    assert_eq!(told["entry"]["back_offs"].as_array().map(Vec::len), Some(1), "{told:#}");
    let mut causes = told["events"].as_array().unwrap().iter().map(|event| event["cause"].as_str().unwrap());
    assert!(causes.any(|cause| cause.contains("HTTP status 30")), "{told:#}");
    let shown = mtasts(&["explain", "--control", &control, "policy-redirect.test", "no-mta-sts.test"]);
    let text = words(&out(&shown));
    for part in [
        "policy-redirect.test: NOTFOUND",
        "meaning Postfix uses its own smtp_tls_security_level.",
        "reason The last fetch",
        "is not fetched before 2",
        "lately 2",
        "no-mta-sts.test: NOTFOUND",
        "no usable record until 2",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What was only explained is no request.
    let requests = ask_requests(&mut daemon);
    assert_eq!(requests, 12);
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
    lab.world.shutdown().await;
}

fn ask_requests(daemon: &mut Daemon) -> u64 {
    daemon.signal("-USR1");
    daemon.event_of("the state of the daemon")["requests"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_forgets_fetches_and_tells() {
    let lab = Lab::start().await;
    let control = lab.path("control");
    let store = format!("sqlite:{}", lab.path("cache.sqlite"));
    let config = lab.write("mtasts.toml", &format!("control = '{control}'\nstore = '{store}'\n"));
    let mut arguments = lab.arguments(&["--store", &store]);
    arguments.extend(["--config".to_owned(), config.clone()]);
    let mut daemon = Daemon::start(&arguments);
    let address = daemon.listening();
    let cache = |arguments: &[&str]| mtasts(&[&["cache", "--config", &config], arguments].concat());
    for domain in ["healthy-enforce.test", "wildcard.test", "no-mta-sts.test", "policy-redirect.test"] {
        ask(&address, &format!("postfix {domain}"));
    }

    let dump = out(&cache(&["dump"]));
    let dumped: Vec<Value> = dump.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(dumped.len(), 4, "{dump}");
    let elsewhere = format!("sqlite:{}", lab.path("elsewhere.sqlite"));
    let imported = super::cache(&elsewhere, &["import"], &dump);
    assert!(imported.stdout.starts_with("4 imported"), "{}", imported.stdout);

    // Neither its record nor its policy is asked for while it is remembered.
    lab.world.reset().unwrap();
    ask(&address, "postfix healthy-enforce.test");
    assert!(lab.world.seen().https.is_empty());
    let refreshed = cache(&["refresh", "Healthy-Enforce.test", "policy-redirect.test", "no-mta-sts.test"]);
    assert_eq!(refreshed.status.code(), Some(1));
    let text = out(&refreshed);
    assert!(text.starts_with("healthy-enforce.test fetched, with mode enforce\n"), "{text}");
    assert!(
        text.contains("policy-redirect.test not fetched: the Policy Host responded with HTTP status 30"),
        "{text}"
    );
    assert!(text.contains("no-mta-sts.test not fetched: The domain has no MTA-STS record."), "{text}");
    assert_eq!(lab.world.seen().https.len(), 2, "a back-off is not in the way");

    let purged = cache(&["purge", "healthy-enforce.test", "unknown.test"]);
    assert_eq!((purged.status.code(), out(&purged).as_str()), (Some(0), "1 removed\n"));
    assert_eq!(cache(&["purge", "healthy-enforce.test"]).status.code(), Some(1), "it is forgotten already");
    assert_eq!(super::cache(&store, &["show", "healthy-enforce.test"], "").status, Some(1));
    ask(&address, "postfix healthy-enforce.test");
    assert_eq!(lab.world.seen().https.len(), 3, "it is fetched again");
    let purged = cache(&["--json", "purge", "--expired"]);
    assert_eq!(out(&purged), "{\"purged\":2}\n", "those without a policy");
    assert_eq!(out(&cache(&["purge", "--all"])), "2 removed\n");
    assert_eq!(out(&cache(&["dump"])), "");
    assert_eq!(super::cache(&store, &["list"], "").stdout, "");

    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
    // Without a daemon there is the store.
    super::cache(&store, &["import"], &dump);
    assert_eq!(out(&cache(&["purge", "wildcard.test"])), "1 removed\n");
    let output = cache(&["refresh", "wildcard.test"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(75) && told.contains("no `mtasts serve` has its control socket there"),
        "{told}"
    );
    let output = mtasts(&["cache", "--control", &control, "purge", "wildcard.test"]);
    assert_eq!(output.status.code(), Some(75), "a daemon that was named has to be there");
    lab.world.shutdown().await;
}

#[test]
fn the_control_socket_lets_in_whom_it_should_and_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control");
    let control = control.to_str().unwrap();
    let arguments =
        ["--dns", "127.0.0.1:9", "--store", "memory", "--listen", "127.0.0.1:0", "--control", control];
    let mut daemon = Daemon::start(&arguments);
    daemon.listening();
    assert_eq!(std::fs::metadata(control).unwrap().permissions().mode() & 0o777, 0o600);

    let mut client = BufReader::new(UnixStream::connect(control).unwrap());
    for (line, code) in [
        ("no JSON", "unreadable-request"),
        ("{\"version\":1}", "unreadable-request"),
        ("{\"version\":1,\"request\":\"dance\"}", "unreadable-request"),
        ("{\"version\":2,\"request\":\"dump\"}", "unknown-version"),
        ("{\"request\":\"dump\"}", "unknown-version"),
        ("{\"version\":1,\"request\":\"refresh\",\"domain\":\"a..b\"}", "empty-label"),
        ("{\"version\":1,\"request\":\"purge\",\"which\":{\"domain\":\"\"}}", "empty-name"),
    ] {
        client.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["error"]["code"], code, "{line}: {answer}");
    }
    client.get_mut().write_all(b"{\"version\":1,\"request\":\"dump\",\"more\":1}\n").unwrap();
    let mut answer = String::new();
    client.read_line(&mut answer).unwrap();
    assert_eq!(answer, "{\"entries\":0,\"version\":1}\n", "a later client may say more");

    // A line without an end is not kept.
    let mut endless = UnixStream::connect(control).unwrap();
    let sent = endless.write_all(&vec![b' '; 100_000]);
    let mut answer = String::new();
    // It may be closed before all is sent, which the system tells as a reset.
    let read = endless.read_to_string(&mut answer);
    assert!(answer.contains("unreadable-request") || sent.is_err() || read.is_err(), "{answer}");

    // Those who say nothing keep nobody else away for long: there are 8 places, and one is taken.
    let silent: Vec<_> = (0..7).map(|_| UnixStream::connect(control).unwrap()).collect();
    drop(client);
    let output = mtasts(&["explain", "--control", control, "[192.0.2.1]"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    drop(silent);
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn the_control_socket_has_the_mode_and_the_owner_that_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control");
    let path = control.to_str().unwrap();
    let config = folder.path().join("mtasts.toml");
    std::fs::write(
        &config,
        format!("control = '{path}'\ncontrol-mode = '0660'\ncontrol-owner = '65534:65534'\n"),
    )
    .unwrap();
    let config = config.to_str().unwrap();
    let mut daemon = Daemon::start(&[
        "--dns",
        "127.0.0.1:9",
        "--store",
        "memory",
        "--listen",
        "127.0.0.1:0",
        "--config",
        config,
    ]);
    daemon.listening();
    let metadata = std::fs::metadata(&control).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.uid(), metadata.gid()), (0o660, 65_534, 65_534));
    assert_eq!(mtasts(&["explain", "--config", config, "[192.0.2.1]"]).status.code(), Some(0));
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn without_a_daemon_there_is_nothing_to_explain() {
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control");
    let output = mtasts(&["explain", "--control", control.to_str().unwrap(), "example.test"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{told}");
    assert!(told.contains("no `mtasts serve` has its control socket there"), "{told}");
}
