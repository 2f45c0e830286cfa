//! `mtasts demo`, the real program: every scenario over real sockets, the table, and the world for other programs.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use mta_sts_core::tlsrpt::{FailureDetails, ReportFileName, ReportPolicy};
use mta_sts_reporter::{Inbox, InboxItem};
use serde_json::{Value, json};

/// What the demo is for, by name.
const SCENARIOS: [&str; 24] = [
    "healthy-enforce",
    "no-mta-sts",
    "wildcard",
    "cname",
    "starttls-stripped",
    "mx-spoofed",
    "unlisted-mx-listed-certificate",
    "wildcard-too-deep",
    "certificate-expired",
    "certificate-other-name",
    "untrusted-ca",
    "second-mx",
    "testing-fault",
    "mode-none",
    "tls-required-no",
    "policy-host-down",
    "policy-redirect",
    "policy-invalid",
    "policy-host-untrusted",
    "several-records",
    "dns-timeout",
    "txt-suppressed",
    "txt-servfail",
    "new-id-fetch-fails",
];

// Proves S57, S70, S75, S76, S77, S83, S87, S91, Q8, Q9.
#[test]
fn every_scenario_ends_as_expected() {
    let output = demo(&["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert_eq!(text(&output.stderr), "");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["all_as_expected"], true);
    for name in SCENARIOS {
        let trial = trial(&result, name);
        assert_eq!(trial["as_expected"], true, "{trial:#}");
        assert_eq!(trial["domain"], format!("{name}.test"));
        assert_eq!(trial["actual"]["opportunistic"], trial["expected"]["opportunistic"], "{name}");
        assert_eq!(
            trial["actual"]["mta_sts"]["delivery"], trial["expected"]["mta_sts"]["delivery"],
            "{name}"
        );
    }
    for name in ["starttls-stripped", "mx-spoofed", "txt-suppressed", "new-id-fetch-fails"] {
        let trial = trial(&result, name);
        assert_eq!(trial["actual"]["opportunistic"]["read_by"], "attacker", "{name}");
        assert_eq!(trial["actual"]["mta_sts"]["delivery"], json!({ "result": "deferred" }), "{name}");
        assert_eq!(trial["saved_by_mta_sts"], true, "{name}");
    }
    // Nobody but the attacker reads what opportunistic STARTTLS loses, and MTA-STS loses nothing.
    let lost = trials(&result).iter().filter(|trial| trial["lost_without_mta_sts"] == true).count();
    let saved = trials(&result).iter().filter(|trial| trial["saved_by_mta_sts"] == true).count();
    assert_eq!(lost, saved);

    // What is delivered although it failed is reported all the same.
    let reports = |name| trial(&result, name)["actual"]["mta_sts"]["reports"].clone();
    assert_eq!(reports("tls-required-no")[0]["result_type"], "certificate-not-trusted");
    assert_eq!(reports("testing-fault")[0]["result_type"], "certificate-host-mismatch");
    assert_eq!(reports("healthy-enforce"), json!([]));
    assert_eq!(reports("new-id-fetch-fails")[0]["reason_code"], "http-status");
}

#[test]
fn the_table_has_every_scenario_and_no_colours_in_a_pipe() {
    let output = demo(&[]);
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{table}");
    assert!(!table.contains('\x1b'));
    assert!(table.lines().all(|line| line.chars().count() <= 120));
    for name in SCENARIOS {
        assert_eq!(table.lines().filter(|line| line.split("  ").next() == Some(name)).count(), 1, "{name}");
    }
    assert!(
        table.contains("opportunistic STARTTLS lost 6 to the attacker; MTA-STS saved 6 of these."),
        "{table}"
    );
    assert!(table.contains("24 of 24 scenarios ended as expected."), "{table}");
}

/// README shows a part of the table: each line of the picture is one of the table.
#[test]
fn the_picture_is_of_this_table() {
    let table = text(&demo(&[]).stdout);
    let picture = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/demo.svg")).unwrap();
    let mut shown = 0;
    for line in picture.lines().filter(|line| line.starts_with("<text ")) {
        let line: String =
            line.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text).collect();
        if ["$ mtasts demo", "..."].contains(&line.as_str()) {
            continue;
        }
        assert!(
            table.lines().any(|of_table| of_table.trim_end() == line.trim_end()),
            "not in the table: {line}"
        );
        shown += 1;
    }
    assert!(shown > 20);
}

#[test]
fn some_scenarios_may_be_chosen() {
    let output = demo(&["--json", "--scenario", "mx-spoofed", "--scenario", "wildcard"]);
    assert_eq!(output.status.code(), Some(0));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> = trials(&result).iter().map(|trial| trial["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["wildcard", "mx-spoofed"]);
}

// Proves A36.
#[test]
fn the_reports_say_what_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new").join("reports");
    let output = demo(&["--json", "--reports", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["reports"]["page"], folder.join("tls.html").to_str().unwrap());
    let files = result["reports"]["files"].as_array().unwrap();

    let mut told = BTreeMap::new();
    for file in files {
        let name = Path::new(file.as_str().unwrap()).file_name().unwrap().to_str().unwrap();
        let name = ReportFileName::parse(name).unwrap();
        assert_eq!(name.submitter.to_string(), "sender.test");
        let items: Vec<_> = Inbox::new().with_source(file.as_str().unwrap()).read().collect();
        let [InboxItem::Report(received)] = items.as_slice() else { panic!("{items:?}") };
        assert!(received.deviations.is_empty(), "{:?}", received.deviations);
        told.insert(name.domain.to_string(), received.report.clone());
    }
    // Nothing was sent to this one, and nothing is known of its policy.
    let silent: Vec<_> =
        SCENARIOS.iter().filter(|name| !told.contains_key(&format!("{name}.test"))).collect();
    assert_eq!(silent, [&"dns-timeout"]);
    assert_eq!(told.len(), SCENARIOS.len() - 1);

    for (domain, report) in &told {
        let trial = trial(&result, domain.strip_suffix(".test").unwrap());
        let mut rows: Vec<_> = report.policies().iter().flat_map(rows_of).collect();
        let shown = &trial["actual"]["mta_sts"];
        let mut expected: Vec<_> = shown["reports"].as_array().unwrap().clone();
        for list in [&mut rows, &mut expected] {
            list.sort_by_key(Value::to_string);
        }
        assert_eq!(rows, expected, "{domain}");
        // Each host that a session was begun with, or would have been, counts once; so does a session that had to do without
        // the policy.
        let sessions: u64 =
            report.policies().iter().map(|policy| policy.successes() + policy.failures()).sum();
        let attempts = trial["attempts"]["mta_sts"].as_array().unwrap();
        assert_eq!(sessions, attempts.len() as u64, "{domain}");
        let has_policy = shown["mode"] == "enforce" || shown["mode"] == "testing";
        let lines: Vec<_> = report.policies().iter().flat_map(ReportPolicy::lines).collect();
        assert_eq!(
            lines.contains(&&*format!("mode: {}", shown["mode"].as_str().unwrap_or_default())),
            has_policy,
            "{domain}"
        );
    }
    let page = fs::read_to_string(folder.join("tls.html")).unwrap();
    assert!(told.keys().all(|domain| page.contains(&format!(">{domain}</h2>"))), "{}", &page[..2000]);
}

#[test]
fn the_table_says_where_the_reports_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    fs::write(folder.path().join("tls.html"), "old").unwrap();
    let output = demo(&["--scenario", "untrusted-ca", "--reports", path]);
    assert_eq!(output.status.code(), Some(0));
    let last = text(&output.stdout).lines().last().unwrap().to_owned();
    assert_eq!(last, format!("1 TLS report is beside the page {path}/tls.html, which shows it."));
    let names = || {
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<BTreeSet<_>>()
    };
    let first = names();
    assert_eq!(first.len(), 2, "{first:?}");
    assert!(fs::read_to_string(folder.path().join("tls.html")).unwrap().contains("untrusted-ca.test"));
    // Again in the same place.
    assert_eq!(demo(&["--scenario", "untrusted-ca", "--reports", path]).status.code(), Some(0));
    assert_eq!(names(), first);
    // Nothing was sent, so there is nothing to report.
    let output = demo(&["--scenario", "dns-timeout", "--reports", path]);
    assert!(text(&output.stdout).contains("No TLS report"), "{}", text(&output.stdout));
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below"), "/proc/self/reports".into()] {
        let output = demo(&["--reports", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(75), "{}", path.display());
        assert_one_line_with(&output, path.to_str().unwrap());
    }
    // A page that cannot be replaced is noticed at the end.
    fs::create_dir_all(folder.path().join("reports/tls.html/full")).unwrap();
    let reports = folder.path().join("reports");
    let output = demo(&["--scenario", "wildcard", "--reports", reports.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(75));
    assert_one_line_with(&output, reports.to_str().unwrap());
}

/// The failures of a policy of a report, as `mtasts demo --json` has them.
fn rows_of(policy: &ReportPolicy) -> Vec<Value> {
    let row = |details: &FailureDetails| {
        json!({
            "policy_type": policy.kind().to_string(),
            "result_type": details.result().to_string(),
            "reason_code": details.failure_reason_code(),
            "mx": details.receiving_mx_hostname(),
        })
    };
    policy.details().iter().map(row).collect()
}

#[test]
fn an_unknown_scenario_is_wrong_usage() {
    let output = demo(&["--scenario", "wildcard", "--scenario", "no-such"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    let message = text(&output.stderr);
    assert!(message.contains("\"no-such\""), "{message}");
    assert!(SCENARIOS.iter().all(|name| message.contains(name)), "{message}");
}

#[test]
fn the_world_serves_until_standard_input_closes() {
    let directory = tempfile::tempdir().unwrap();
    let world_dir = directory.path().join("new").join("world");
    let mut world = serve(&world_dir, &[]);
    assert_eq!(first_line(&mut world), "ready");

    let description: Value =
        serde_json::from_slice(&fs::read(world_dir.join("world.json")).unwrap()).unwrap();
    assert_eq!(description["scenarios"].as_array().unwrap().len(), SCENARIOS.len());
    assert!(description["https_port"].as_u64().unwrap() > 0);
    assert!(text(&fs::read(world_dir.join("ca.pem")).unwrap()).starts_with("-----BEGIN CERTIFICATE-----"));
    let calm = fs::read_to_string(world_dir.join("zone")).unwrap();

    let control = UnixStream::connect(world_dir.join("control")).unwrap();
    let mut answers = BufReader::new(control.try_clone().unwrap()).lines();
    let switch = json!({ "command": "switch", "scenario": "txt-suppressed", "state": "attack" });
    writeln!(&control, "{switch}").unwrap();
    let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
    assert_eq!(answer.get("error"), None, "{answer}");
    assert_ne!(fs::read_to_string(world_dir.join("zone")).unwrap(), calm);

    drop(world.stdin.take());
    assert_eq!(world.wait().unwrap().code(), Some(0));
}

#[test]
fn a_signal_ends_the_world_cleanly() {
    for signal in ["TERM", "INT"] {
        let directory = tempfile::tempdir().unwrap();
        let mut world = serve(directory.path(), &[]);
        assert_eq!(first_line(&mut world), "ready");
        let kill = Command::new("kill").args(["-s", signal, &world.id().to_string()]).status().unwrap();
        assert!(kill.success());
        assert_eq!(world.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[test]
fn what_keeps_the_world_from_starting_is_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.83.0.53:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = serve(directory.path(), &["--dns", &address]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(75));
    assert_one_line_with(&output, &address);

    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let output = serve(&file, &[]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_one_line_with(&output, file.to_str().unwrap());

    for wrong in
        [&["--serve"][..], &["--dir", "."], &["--smtp-port", "25"], &["--serve", "--dir", ".", "--json"]]
    {
        assert_eq!(demo(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

fn mtasts(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
    command.arg("demo").args(arguments).stdin(Stdio::null());
    command
}

fn demo(arguments: &[&str]) -> Output {
    mtasts(arguments).output().unwrap()
}

fn serve(directory: &Path, arguments: &[&str]) -> Child {
    let mut command = mtasts(&["--serve", "--dir"]);
    command.arg(directory).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn first_line(world: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(world.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn assert_one_line_with(output: &Output, what: &str) {
    let message = text(&output.stderr);
    assert_eq!(text(&output.stdout), "");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.starts_with("mtasts: ") && message.contains(what), "{message}");
}

fn trials(result: &Value) -> &[Value] {
    result["scenarios"].as_array().unwrap()
}

fn trial<'v>(result: &'v Value, name: &str) -> &'v Value {
    trials(result).iter().find(|trial| trial["name"] == name).unwrap_or_else(|| panic!("{name}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
