//! The command `mtasts report`, as a program.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use mta_sts_core::UnixTime;
use mta_sts_reporter::Date;
use mta_sts_world::{World, WorldConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Answer {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    /// Looks for words, however they were broken into lines.
    fn assert_has(&self, words: &[&str]) {
        let unbroken = self.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(unbroken.contains(word), "no {word:?} in:\n{}{}", self.stdout, self.stderr);
        }
    }
}

fn report(folder: &Path, arguments: &[&str]) -> Answer {
    let output = Command::new(env!("CARGO_BIN_EXE_mtasts"))
        .arg("report")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .env_remove("CLICOLOR_FORCE")
        .output()
        .unwrap();
    Answer {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// So many days before today.
fn day(ago: u64) -> String {
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
    Date::of(UnixTime::from_secs(now)).minus(ago).to_string()
}

/// A report about a day, in mode testing, with failures at a host.
fn about(domain: &str, who: &str, ago: u64, failed: Option<(&str, u64)>) -> Value {
    let day = day(ago);
    let details = failed.map(|(host, count)| {
        json!([{"result-type": "certificate-expired", "failed-session-count": count, "receiving-mx-hostname": host}])
    });
    json!({
        "organization-name": who,
        "date-range": {"start-datetime": format!("{day}T00:00:00Z"), "end-datetime": format!("{day}T23:59:59Z")},
        "contact-info": "tls@sender.example",
        "report-id": format!("{day}.{domain}@{who}.example"),
        "policies": [{
            "policy": {
                "policy-type": "sts",
                "policy-string": ["version: STSv1", "mode: testing", format!("mx: mx.{domain}"), "max_age: 604800"],
                "policy-domain": domain,
            },
            "summary": {
                "total-successful-session-count": 30,
                "total-failure-session-count": failed.map_or(0, |(_, count)| count),
            },
            "failure-details": details.unwrap_or_else(|| json!([])),
        }],
    })
}

/// Three weeks of two senders.
fn three_weeks(domain: &str, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for ago in 1..=21 {
        for who in ["google", "microsoft"] {
            write(folder, &format!("{who}-{ago}"), &about(domain, who, ago, None));
        }
    }
}

fn write(folder: &Path, name: &str, report: &Value) {
    fs::write(folder.join(name), report.to_string()).unwrap();
}

#[test]
fn show_tells_what_reports_say_and_what_was_not_read() {
    let files = TempDir::new().unwrap();
    let reports = files.path().join("reports");
    three_weeks("example.com", &reports);
    let answer = report(files.path(), &["show", "reports"]);
    assert_eq!((answer.status, answer.stderr.as_str()), (Some(0), ""));
    assert!(answer.stdout.starts_with("example.com: Enforce: reports say yes\n"), "{}", answer.stdout);
    answer.assert_has(&["google: 630 sessions", "mx: mx.example.com", "1260 sessions succeeded"]);
    assert!(!answer.stdout.contains('\u{1b}'), "no colours where there is no terminal");
    assert!(answer.stdout.lines().all(|line| line.chars().count() <= 80), "{}", answer.stdout);

    for who in ["google", "microsoft"] {
        write(&reports, &format!("{who}-2"), &about("example.com", who, 2, Some(("mx.example.com", 7))));
    }
    fs::write(reports.join("x.zip"), b"PK\x03\x04...").unwrap();
    fs::copy(reports.join("google-1"), reports.join("again")).unwrap();
    let answer = report(files.path(), &["show", "reports"]);
    assert_eq!(answer.status, Some(1));
    answer.assert_has(&[
        "Enforce: not yet",
        "yours mx.example.com: The certificate of the MX host has expired. 14 sessions (google, microsoft)",
        "fix: Renew it",
        "Not read: 1",
        "reports/x.zip: It is a zip archive",
    ]);

    let value = report(files.path(), &["show", "--json", "reports"]).json();
    assert_eq!((&value["format"], &value["counts"]["doubles"]), (&json!(1), &json!(1)));
    assert_eq!(value["unreadable"][0]["code"], "zip");
    let domain = &value["domains"][0];
    assert_eq!(
        (&domain["domain"], &domain["answer"]["enforcement"]),
        (&json!("example.com"), &json!("not-yet"))
    );
    assert_eq!(domain["answer"]["earliest"], json!(later(6)));
    let cause = &domain["causes"][0];
    assert_eq!((&cause["code"], &cause["is_yours"]), (&json!("certificate-expired"), &json!(true)));
    assert_eq!(domain["answer"]["conditions"].as_array().unwrap().len(), 8);

    // A terminal is told nothing by strangers.
    let mut hostile = about("example.com", "\u{1b}[31m\u{202e}", 1, Some(("\u{1b}]0;x\u{7}", 1)));
    hostile["report-id"] = json!("\u{1b}[2J");
    write(&reports, "hostile", &hostile);
    let answer = report(files.path(), &["show", "reports"]);
    assert!(!answer.stdout.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{:?}", answer.stdout);

    let nothing = report(files.path(), &["show", "nowhere"]);
    assert_eq!(nothing.status, Some(66));
    nothing.assert_has(&["nowhere: It cannot be read"]);
}

fn later(days: u64) -> String {
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
    Date::of(UnixTime::from_secs(now)).plus(days).to_string()
}

#[test]
fn show_reads_the_standard_input() {
    let files = TempDir::new().unwrap();
    fs::write(files.path().join("mail"), about("example.com", "google", 1, None).to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mtasts"))
        .args(["report", "show", "--json", "-"])
        .stdin(fs::File::open(files.path().join("mail")).unwrap())
        .output()
        .unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["counts"]["reports"], 1);
}

#[test]
fn html_writes_one_page_whole_or_not_at_all() {
    let files = TempDir::new().unwrap();
    three_weeks("example.com", &files.path().join("reports"));
    three_weeks("example.org", &files.path().join("reports/others"));
    let answer = report(files.path(), &["html", "-o", "tls.html", "reports"]);
    assert_eq!((answer.status, answer.stdout.as_str(), answer.stderr.as_str()), (Some(0), "", ""));
    let page = fs::read_to_string(files.path().join("tls.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>") && page.contains("2 domains"));

    let one = report(files.path(), &["html", "--domain", "Example.org.", "reports"]);
    assert!(one.stdout.contains("<title>TLS reports about example.org</title>"), "{}", one.stdout);
    assert_eq!(report(files.path(), &["html", "--domain", "example.net", "reports"]).status, Some(66));

    fs::write(files.path().join("reports/x"), b"\0").unwrap();
    // Where to look, and not to look.
    let unused = report(files.path(), &["html", "--dns", "127.0.0.1:9", "reports"]);
    assert_eq!(unused.status, Some(2));
    assert!(unused.stderr.contains("--check"), "{}", unused.stderr);

    let unread = report(files.path(), &["html", "-o", "tls.html", "reports"]);
    assert_eq!(unread.status, Some(1));
    assert!(unread.stderr.contains("Not read: 1"), "{}", unread.stderr);
    assert!(fs::read_to_string(files.path().join("tls.html")).unwrap().contains("reports/x"));
    let nowhere = report(files.path(), &["html", "-o", "nowhere/tls.html", "reports"]);
    assert_eq!(nowhere.status, Some(75));
    // Nothing half written is left.
    let left = fs::read_dir(files.path()).unwrap().map(|file| file.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn ready_does_not_take_a_failed_lookup_for_no_policy() {
    let folder = TempDir::new().unwrap();
    // It is about another domain, so that nothing has the text of a policy. Nobody answers at the port for discarding.
    write(folder.path(), "report.json", &about("other.test", "Sender", 1, None));
    let given = ["ready", "--dns", "127.0.0.1:9", "recipient.test", "report.json"];
    let answer = report(folder.path(), &given);
    answer.assert_has(&["unknown: the policy cannot be seen now", "Try again later"]);
    assert_eq!(answer.status, Some(75));
    let answer = report(folder.path(), &[&given[..], &["--json"]].concat());
    assert_eq!(answer.json()["verdict"], "unknown");
    // Without a look, no policy is known.
    let answer = report(folder.path(), &["ready", "--no-check", "recipient.test", "report.json"]);
    assert_eq!((answer.status, answer.stdout.starts_with("no:")), (Some(1), true), "{}", answer.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_answers_by_reports_and_by_a_check() {
    let world = World::start(WorldConfig::default()).await.unwrap();
    let files = TempDir::new().unwrap();
    fs::write(files.path().join("ca.pem"), world.ca_pem()).unwrap();
    let (dns, https, smtp) =
        (world.dns_addr().to_string(), world.https_port().to_string(), world.smtp_port().to_string());
    let ready = |arguments: &[&str]| {
        let network = ["--dns", &dns, "--https-port", &https, "--smtp-port", &smtp, "--ca-file", "ca.pem"];
        let arguments = [&["ready"], arguments, &network].concat();
        let folder = files.path().to_owned();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        async move {
            let run = move || report(&folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
            tokio::task::spawn_blocking(run).await.unwrap()
        }
    };
    let domain = "healthy-enforce.test";
    let reports = files.path().join("reports");
    three_weeks(domain, &reports);
    // The certificates of the world last some days only.
    let base = &["--certificate-days", "0", domain, "reports"][..];
    let with = |options: &[&'static str]| [options, base].concat();

    let answer = ready(base).await;
    assert_eq!(answer.status, Some(0), "{}{}", answer.stdout, answer.stderr);
    assert!(answer.stdout.starts_with("yes: healthy-enforce.test can be enforced"), "{}", answer.stdout);
    answer.assert_has(&["1260 sessions under the policy", "at 95 % confidence"]);
    assert_eq!(ready(&with(&["--days", "30"])).await.status, Some(1));
    assert_eq!(ready(&with(&["--submitters", "3"])).await.status, Some(1));
    assert_eq!(ready(&with(&["--no-check"])).await.status, Some(1));
    let value = ready(&with(&["--json"])).await.json();
    assert_eq!((&value["verdict"], &value["mode"]), (&json!("ready"), &json!("enforce")));

    // What was not read might have said something else.
    fs::write(reports.join("x"), b"\0").unwrap();
    assert_eq!(ready(base).await.status, Some(1));
    fs::remove_file(reports.join("x")).unwrap();

    // A host that nobody knows.
    write(&reports, "google-3", &about(domain, "google", 3, Some(("old-mx.example", 1))));
    let answer = ready(base).await;
    assert_eq!(answer.status, Some(2), "{}", answer.stdout);
    answer.assert_has(&["you decide", "old-mx.example is not an MX host in DNS"]);
    let accepted = ready(&with(&["--accept", "old-mx.example", "--json", "--other-failures", "1000"])).await;
    assert_eq!(accepted.status, Some(0), "{}", accepted.stdout);

    // The check sees what no report tells.
    three_weeks("certificate-expired.test", &files.path().join("expired"));
    let answer = ready(&["certificate-expired.test", "expired"]).await;
    assert_eq!(answer.status, Some(1));
    answer.assert_has(&[
        "not yet: 1 of 8 conditions is missing",
        "The certificate of the MX host has expired.",
    ]);

    let none = ready(&["no-mta-sts.test", "reports"]).await;
    assert_eq!(none.status, Some(1));
    none.assert_has(&["no policy is served"]);
    assert_eq!(ready(&["certificate-expired.test", "nowhere"]).await.status, Some(66));
    assert_eq!(ready(&["--since", "yesterday", domain, "reports"]).await.status, Some(2));
    world.shutdown().await;
}
