//! The reports that the daemon sends of what was counted.

use std::fs;
use std::process::Command;
use std::time::Duration;

use mta_sts_core::tlsrpt::ReportPolicy;
use mta_sts_reporter::{Inbox, ReportQueue};
use mta_sts_world::ReportHostBehaviour;
use serde_json::Value;
use tokio::time::Instant;

use crate::daemon::{Daemon, LONG, Lab, ask};
use crate::redis_server::RedisServer;
use crate::status::{assert_documented, scrape};
use crate::tally;

/// A daemon that sends what was counted two days ago with these domains, and the address of its pages.
struct Sending {
    daemon: Daemon,
    pages: String,
}

impl Sending {
    fn start(lab: &Lab, keys: &str) -> Self {
        let config = configuration(lab, keys);
        let mut daemon =
            Daemon::start(&lab.arguments(&["--config", &config, "--tlsrpt", &lab.path("tlsrpt")]));
        let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
        daemon.listening();
        Self { daemon, pages }
    }

    /// Waits until a series of the metrics has this value.
    fn wait_for(&self, series: &str, value: u64) {
        let begun = Instant::now();
        loop {
            let values = scrape(&self.pages);
            if values.get(series) == Some(&value) {
                return;
            }
            assert!(begun.elapsed() < 2 * LONG, "{series}: {values:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn end(self) -> String {
        self.daemon.signal("-TERM");
        let (status, log) = self.daemon.end();
        assert_eq!(status, Some(0), "{log}");
        log
    }
}

fn configuration(lab: &Lab, keys: &str) -> String {
    lab.write(
        "mtasts.toml",
        &format!(
            "metrics = '127.0.0.1:0'\n[report]\nfrom = 'tls@sender.test'\norganization = 'Sender Inc.'\n\
             store = 'sqlite:{}'\nmail = 'smtp:{}'\n{keys}\n",
            lab.path("tally.sqlite"),
            lab.world.mail_host("mx.tlsrpt-mail.test").unwrap(),
        ),
    )
}

fn count(lab: &Lab, domains: &[&str]) {
    tally::count(&tally::open(lab.path("tally.sqlite")), domains, 2);
}

/// What `mtasts report queue` says: domain, state, and the code of the last error.
fn queue(lab: &Lab) -> Vec<(String, String, Option<String>)> {
    let output = Command::new(env!("CARGO_BIN_EXE_mtasts"))
        .args(["report", "queue", "--json", "--config", &lab.path("mtasts.toml")])
        .output()
        .unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let code = |value: &Value| value.as_str().and_then(|error| error.split(':').next()).map(str::to_owned);
    rows.iter()
        .map(|row| (word(&row["domain"]).unwrap(), word(&row["state"]).unwrap(), code(&row["last_error"])))
        .collect()
}

const UP: &str = "mtasts_tlsrpt_outbox_up";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_sent_once_and_told_of() {
    let lab = Lab::start().await;
    count(&lab, &["tlsrpt-mail.test", "tlsrpt-https.test", "tlsrpt-https-gone.test", "no-mta-sts.test"]);
    let sending = Sending::start(&lab, "allow-private = true");
    for (result, value) in
        [("sent-by-mail", 1), ("sent-by-post", 1), ("refused", 1), ("unwanted", 1), ("given-up", 0)]
    {
        sending.wait_for(&format!("mtasts_tlsrpt_deliveries_total{{result=\"{result}\"}}"), value);
    }
    sending.wait_for("mtasts_tlsrpt_waiting", 0);
    let values = scrape(&sending.pages);
    assert_eq!(
        (values["mtasts_tlsrpt_reports_total"], values["mtasts_tlsrpt_failed_attempts_total"]),
        (4, 0)
    );
    for part in ["queue", "tally", "fleet", "mail", "dkim"] {
        assert_eq!(values[&format!("{UP}{{part=\"{part}\"}}")], 1, "{part}");
    }
    assert_documented(&values);
    sending.end();
    let row = |domain: &str, state: &str, code: Option<&str>| {
        (domain.to_owned(), state.to_owned(), code.map(str::to_owned))
    };
    assert_eq!(
        queue(&lab),
        [
            row("no-mta-sts.test", "refused", Some("no-tlsrpt-record")),
            row("tlsrpt-https-gone.test", "refused", Some("http-status")),
            row("tlsrpt-https.test", "sent", None),
            row("tlsrpt-mail.test", "sent", None),
        ]
    );

    let sending = Sending::start(&lab, "allow-private = true");
    sending.wait_for(&format!("{UP}{{part=\"queue\"}}"), 1);
    std::thread::sleep(Duration::from_millis(300));
    sending.end();
    let seen = lab.world.seen();
    let mails: usize = seen.smtp.iter().map(|session| session.transactions.len()).sum();
    assert_eq!((mails, seen.https.len()), (1, 2), "nothing is sent a second time");
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_record_does_not_lead_to_this_machine() {
    let lab = Lab::start().await;
    count(&lab, &["tlsrpt-https.test"]);
    let sending = Sending::start(&lab, "");
    sending.wait_for("mtasts_tlsrpt_deliveries_total{result=\"refused\"}", 1);
    sending.end();
    assert_eq!(queue(&lab)[0].2.as_deref(), Some("private-address"));
    assert!(lab.world.seen().https.is_empty());
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_counted_is_not_sent() {
    let lab = Lab::start().await;
    count(&lab, &["tlsrpt-mail.test"]);
    let sending = Sending::start(&lab, "send = false");
    let values = scrape(&sending.pages);
    assert!(!values.contains_key("mtasts_tlsrpt_waiting"));
    let log = sending.end();
    assert!(log.contains("counted, but not sent") || !log.contains("sending TLS reports"), "{log}");
    assert!(!fs::exists(lab.path("outbox.sqlite")).unwrap());
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_in_progress_is_finished_before_the_daemon_ends() {
    let lab = Lab::start().await;
    count(&lab, &["tlsrpt-https.test"]);
    let slow = ReportHostBehaviour::Slow(Duration::from_secs(1));
    lab.world.set_report_host("rua.tlsrpt-https.test", slow).unwrap();
    let sending = Sending::start(&lab, "allow-private = true");
    let begun = Instant::now();
    while lab.world.seen().https.is_empty() {
        assert!(begun.elapsed() < LONG);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sending.end();
    assert_eq!(queue(&lab), [("tlsrpt-https.test".to_owned(), "sent".to_owned(), None)]);
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_key_is_told_once_and_mails_wait() {
    let lab = Lab::start().await;
    count(&lab, &["tlsrpt-mail.test", "tlsrpt-https.test", "tlsrpt-both.test"]);
    let keys = format!(
        "allow-private = true\n[report.dkim]\nselector = 'tlsrpt'\nkey-file = '{}'",
        lab.path("tlsrpt.pem")
    );
    let config = configuration(&lab, &keys);
    let check = || {
        let arguments = lab.arguments(&["--config", &config, "--check-config"]);
        Command::new(env!("CARGO_BIN_EXE_mtasts")).arg("serve").args(arguments).output().unwrap()
    };
    let checked = check();
    let said = String::from_utf8(checked.stderr).unwrap();
    assert_eq!(checked.status.code(), Some(66), "{said}");
    assert!(said.contains("cannot be signed") && said.contains("tlsrpt.pem"), "{said}");

    let sending = Sending::start(&lab, &keys);
    sending.wait_for(&format!("{UP}{{part=\"dkim\"}}"), 0);
    sending.wait_for("mtasts_tlsrpt_deliveries_total{result=\"sent-by-post\"}", 2);
    sending.wait_for("mtasts_tlsrpt_waiting", 2);
    let key = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519"]).output().unwrap();
    fs::write(lab.path("tlsrpt.pem"), key.stdout).unwrap();
    sending.wait_for(&format!("{UP}{{part=\"dkim\"}}"), 1);
    let log = sending.end();
    assert_eq!(log.matches("reports cannot be sent now").count(), 1, "{log}");
    assert_eq!(log.matches("reports can be sent again").count(), 1, "{log}");
    assert_eq!(check().status.code(), Some(0));
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_another_process_has_is_waited_for() {
    let lab = Lab::start().await;
    count(&lab, &["tlsrpt-https.test"]);
    let holder = ReportQueue::open(lab.path("outbox.sqlite")).unwrap();
    let sending = Sending::start(&lab, "allow-private = true");
    // Mail goes on meanwhile.
    sending.wait_for(&format!("{UP}{{part=\"queue\"}}"), 0);
    drop(holder);
    sending.wait_for("mtasts_tlsrpt_deliveries_total{result=\"sent-by-post\"}", 1);
    let log = sending.end();
    assert_eq!(log.matches("queue-locked").count(), 1, "{log}");
    lab.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_hangs_keeps_nobody_waiting() {
    let lab = Lab::start().await;
    count(&lab, &["tlsrpt-https-hang.test", "tlsrpt-https.test"]);
    let config = configuration(&lab, "allow-private = true");
    let mut daemon = Daemon::start(&lab.arguments(&["--config", &config, "--tlsrpt", &lab.path("tlsrpt")]));
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    let address = daemon.listening();
    let sending = Sending { daemon, pages };
    sending.wait_for("mtasts_tlsrpt_deliveries_total{result=\"sent-by-post\"}", 1);
    assert!(ask(&address, "postfix healthy-enforce.test").contains("OK secure"));
    // It ends though a delivery hangs.
    sending.end();
    assert_eq!(queue(&lab)[0], ("tlsrpt-https-hang.test".to_owned(), "waiting".to_owned(), None));
    lab.world.shutdown().await;
}

/// Two daemons with a database each, and a Redis that both share.
struct Fleet {
    lab: Lab,
    redis: RedisServer,
}

impl Fleet {
    async fn start() -> Self {
        let lab = Lab::start().await;
        fs::create_dir(lab.path("one")).unwrap();
        fs::create_dir(lab.path("two")).unwrap();
        Self { lab, redis: RedisServer::start() }
    }

    fn machine(&self, name: &str) -> Sending {
        let lab = &self.lab;
        let text = format!(
            "metrics = '127.0.0.1:0'\ncontrol = '{0}/control'\n[report]\nfrom = 'tls@sender.test'\n\
             organization = 'Sender Inc.'\nstore = 'sqlite:{0}/tally.sqlite'\nmail = 'smtp:{1}'\n",
            lab.path(name),
            lab.world.mail_host("mx.tlsrpt-mail.test").unwrap(),
        );
        let config = lab.write(&format!("{name}.toml"), &text);
        let socket = lab.path(&format!("{name}/tlsrpt"));
        let arguments =
            lab.arguments(&["--config", &config, "--tlsrpt", &socket, "--store", &self.redis.url()]);
        let mut daemon = Daemon::start(&arguments);
        let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
        daemon.listening();
        Sending { daemon, pages }
    }

    /// So many sessions with a domain two days ago.
    fn count(&self, name: &str, domain: &str, sessions: usize) {
        let store = tally::open(self.lab.path(&format!("{name}/tally.sqlite")));
        tally::count(&store, &vec![domain; sessions], 2);
    }

    /// The sessions of the reports that were mailed to the world, in order.
    fn reported(&self) -> Vec<u64> {
        let sessions = self.lab.world.seen().smtp;
        let mails = sessions.into_iter().flat_map(|session| session.transactions);
        let mails = mails.filter_map(|transaction| transaction.message);
        mails
            .flat_map(|mail| {
                let file = self.lab.write("mail.eml", &mail);
                let items: Vec<_> = Inbox::new().with_source(&file).read().collect();
                let reports: Vec<_> = items.iter().filter_map(|item| item.report()).collect();
                assert_eq!(reports.len(), 1);
                reports[0].report.policies().iter().map(ReportPolicy::successes).collect::<Vec<_>>()
            })
            .collect()
    }

    async fn wait_until_reported(&self, sum: u64) {
        let begun = Instant::now();
        while self.reported().iter().sum::<u64>() < sum {
            assert!(begun.elapsed() < 2 * LONG, "{:?}", self.reported());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

const SENDER: &str = "mtasts_tlsrpt_sender";

#[tokio::test(flavor = "multi_thread")]
async fn of_two_daemons_one_sends_and_each_session_is_in_one_report() {
    let mut fleet = Fleet::start().await;
    fleet.count("two", "tlsrpt-mail.test", 2);
    let one = fleet.machine("one");
    one.wait_for(SENDER, 1);
    // It has counted nothing: what it sends is the other's.
    let two = fleet.machine("two");
    two.wait_for(SENDER, 0);
    fleet.wait_until_reported(2).await;
    two.wait_for("mtasts_tlsrpt_parcels", 0);
    assert_eq!(scrape(&two.pages)["mtasts_tlsrpt_deliveries_total{result=\"sent-by-mail\"}"], 0);
    two.end();

    // The sender is killed; the other one takes over when its lease has expired, with counts of its own.
    fleet.count("two", "tlsrpt-mail.test", 3);
    one.daemon.signal("-KILL");
    let _ = one.daemon.end();
    let two = fleet.machine("two");
    two.wait_for(SENDER, 1);
    fleet.wait_until_reported(5).await;

    // Without Redis each keeps what it has counted.
    fleet.redis.kill();
    two.wait_for(&format!("{UP}{{part=\"fleet\"}}"), 0);
    let log = two.end();
    assert_eq!(log.matches("reports cannot be sent now").count(), 1, "{log}");
    fleet.count("one", "tlsrpt-mail.test", 4);
    fleet.count("two", "tlsrpt-mail.test", 5);
    let (one, two) = (fleet.machine("one"), fleet.machine("two"));
    one.wait_for(&format!("{UP}{{part=\"fleet\"}}"), 0);
    assert_eq!(fleet.reported(), [2, 3]);
    fleet.redis.restart();
    fleet.wait_until_reported(14).await;
    one.wait_for(&format!("{UP}{{part=\"fleet\"}}"), 1);
    one.wait_for("mtasts_tlsrpt_parcels", 0);
    two.wait_for("mtasts_tlsrpt_parcels", 0);
    assert_eq!(fleet.reported().iter().sum::<u64>(), 14, "{:?}", fleet.reported());
    assert_eq!(scrape(&one.pages)[SENDER] + scrape(&two.pages)[SENDER], 1);
    one.end();
    two.end();
    fleet.lab.world.shutdown().await;
}
