//! `mtasts report queue` and `mtasts report send`, as programs, in the loopback world.

#![allow(clippy::unwrap_used)]

mod tally;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use mta_sts_reporter::{Inbox, ReportStore};
use mta_sts_world::{ReportHostBehaviour, World, WorldConfig};
use serde_json::Value;

/// A configuration in the world, and a tally with sessions of yesterday.
struct Stage {
    world: World,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn start() -> Self {
        let world = World::start(WorldConfig::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let stage = Self { world, folder };
        fs::write(stage.path("ca.pem"), stage.world.ca_pem()).unwrap();
        let text = format!(
            "dns = [\"{}\"]\nca-file = \"{}\"\n[report]\nfrom = \"tls@sender.test\"\norganization = \"Sender Inc.\"\n\
             mail = \"smtp:{}\"\nqueue = \"{}\"\nallow-private = true\n",
            stage.world.dns_addr(),
            stage.path("ca.pem").display(),
            stage.world.mail_host("mx.tlsrpt-mail.test").unwrap(),
            stage.path("outbox.sqlite").display(),
        );
        fs::write(stage.path("mtasts.toml"), text).unwrap();
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tally(&self) -> PathBuf {
        self.path("tally.sqlite")
    }

    fn store(&self) -> ReportStore {
        tally::open(self.tally())
    }

    fn report(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
        command.arg("report").args(words).arg("--config").arg(self.path("mtasts.toml"));
        command.env("STATE_DIRECTORY", self.folder.path()).output().unwrap()
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_sent_and_the_queue_shows_what_came_of_it() {
    let stage = Stage::start().await;
    let missing = stage.report(&["queue"]);
    assert_eq!(missing.status.code(), Some(66));
    let told = text(&missing.stderr);
    assert!(told.contains("there is no queue of reports") && told.matches("sqlite").count() == 1, "{told}");
    assert_eq!(stage.report(&["send"]).status.code(), Some(66), "nothing was counted yet");

    let store = stage.store();
    let domains = ["tlsrpt-mail.test", "tlsrpt-https.test", "tlsrpt-https-gone.test", "tlsrpt-both.test"];
    tally::count(&store, &domains, 2);
    drop(store);
    stage.world.set_report_host("rua.tlsrpt-both.test", ReportHostBehaviour::Status(503)).unwrap();
    let sent = stage.report(&["send"]);
    let said = text(&sent.stdout);
    assert_eq!(sent.status.code(), Some(75), "{said}{}", text(&sent.stderr));
    for line in ["2 sent by mail", "1 sent by POST", "1 refused", "1 failed", "1 waiting"] {
        assert!(said.contains(line), "{line} in\n{said}");
    }

    let queue = text(&stage.report(&["queue"]).stdout);
    assert!(queue.contains("tlsrpt-mail.test  mailto:tls@tlsrpt-mail.test\n  sent, 1 attempt\n"), "{queue}");
    assert!(queue.contains("refused, 1 attempt; http-status: 410"), "{queue}");
    let json: Value = serde_json::from_slice(&stage.report(&["queue", "--json"]).stdout).unwrap();
    let rows = json.as_array().unwrap();
    assert_eq!(rows.len(), 5);
    assert_eq!((&rows[0]["state"], &rows[0]["tries"]), (&"waiting".into(), &1.into()));
    assert_eq!(rows[0]["last_error"], "http-status: 503");
    assert!(rows[0]["next_try"].as_str().unwrap().ends_with('Z') && rows[1]["next_try"].is_null());

    // A second call finds nothing to do, and sends nothing twice.
    let again = stage.report(&["send"]);
    assert!(text(&again.stdout).contains("1 waiting"), "{}", text(&again.stdout));
    assert_eq!(again.status.code(), Some(0));
    let seen = stage.world.seen();
    assert_eq!((seen.https.len(), seen.smtp.len()), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing_beside_a_process_that_counts() {
    let stage = Stage::start().await;
    let store = stage.store();
    tally::count(&store, &["tlsrpt-both.test"], 1);
    tally::count(&store, &["tlsrpt-mail.test", "no-mta-sts.test"], 0);
    let folder = stage.path("reports");
    let run = |words: &[&str]| {
        let folder = folder.to_str().unwrap();
        stage.report(&[&["send", "--dry-run", folder], words].concat())
    };
    let yesterday = run(&[]);
    assert_eq!(yesterday.status.code(), Some(0), "{}", text(&yesterday.stderr));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    let today = run(&["--today"]);
    let said = text(&today.stdout);
    assert_eq!(today.status.code(), Some(1), "{said}");
    assert!(said.contains("no-mta-sts.test to no address: no-tlsrpt-record"), "{said}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
    let read: Vec<_> = Inbox::new().with_source(&folder).read().collect();
    assert!(read.len() == 3 && read.iter().all(|item| item.report().is_some()), "{read:?}");
    let seen = stage.world.seen();
    assert!(seen.https.is_empty() && seen.smtp.is_empty());
    assert!(!stage.path("outbox.sqlite").exists());

    // The tally is as it was: it is all sent later, by whoever has it.
    let refused = stage.report(&["send"]);
    assert_eq!(refused.status.code(), Some(75), "{}", text(&refused.stderr));
    drop(store);
    assert_eq!(stage.report(&["send"]).status.code(), Some(0));
}

#[test]
fn without_a_sender_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mtasts.toml");
    let run = |text: &str, words: &[&str]| {
        fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
        command.args(words).arg("--config").arg(&file).env("STATE_DIRECTORY", folder.path()).output().unwrap()
    };
    let output = run("", &["report", "send"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("set `from` in [report]"), "{}", text(&output.stderr));
    for (said, place) in [
        ("[report]\nfrom = \"nobody\"", ":2:8:"),
        ("[report]\nmail = \"sendmail\"", ":2:8:"),
        ("[report.dkim]\nselector = \"s\"", ":1:1:"),
    ] {
        let output = run(said, &["serve", "--check-config"]);
        assert_eq!(output.status.code(), Some(78), "{said}");
        let error = text(&output.stderr);
        assert!(error.contains(place), "{said}: {error}");
    }
}
