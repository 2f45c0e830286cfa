use std::env;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mta_sts_reporter::DeliveryState::Sent;
use mta_sts_reporter::{DueReports, Outbox, ReportQueue};
use mta_sts_resolver::Clock;
use mta_sts_world::ReportHostBehaviour;

use crate::stage::{Counted, NEXT_DAY, NOON, Stage, dns_of, poster_of, relay};

/// Holds the queue as another process would.
fn hold(stage: &Stage) -> rusqlite::Connection {
    let holder = rusqlite::Connection::open(stage.path()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    holder
}

#[tokio::test]
async fn as_long_as_the_queue_is_locked_nothing_is_sent_and_nothing_lost() {
    let stage = Stage::new().await;
    stage.count(&["tlsrpt-https.test"]);
    let holder = hold(&stage);
    stage.clock.set(NOON + 17 * 3600);
    let reports: Arc<dyn DueReports> = stage.counted.clone();
    let error = stage.outbox.send_due(&reports).await.unwrap_err();
    assert_eq!(error.code(), "queue-locked");
    assert_eq!(stage.world.seen().https, []);
    drop(holder);
    // As a delivery that failed: the tally gives it out again.
    stage.clock.set(NOON + 18 * 3600);
    stage.send().await;
    assert_eq!(stage.states(), [("tlsrpt-https.test".to_owned(), Sent, 1, None)]);
}

#[tokio::test]
async fn what_was_sent_and_could_not_be_written_down_is_not_sent_again() {
    let stage = Stage::new().await;
    stage.count(&["tlsrpt-https.test"]);
    let host = "rua.tlsrpt-https.test";
    stage.world.set_report_host(host, ReportHostBehaviour::Slow(Duration::from_secs(1))).unwrap();
    stage.clock.set(NOON + 17 * 3600);
    let reports: Arc<dyn DueReports> = stage.counted.clone();
    let outbox = stage.outbox.clone();
    let sending = tokio::spawn(async move { outbox.send_due(&reports).await });
    while stage.world.seen().https.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let holder = hold(&stage);
    assert_eq!(sending.await.unwrap().unwrap_err().code(), "queue-locked");
    drop(holder);
    // It would be due again.
    stage.send_at(NEXT_DAY + 2.0).await;
    assert_eq!(stage.states(), [("tlsrpt-https.test".to_owned(), Sent, 1, None)]);
    assert_eq!(stage.posted().len(), 1);
}

#[tokio::test]
async fn a_report_that_is_handed_over_again_is_not_sent_again() {
    let stage = Stage::new().await;
    let counted = Arc::new(Counted::new(true));
    counted.session("tlsrpt-https.test", "v=TLSRPTv1; rua=mailto:a@b.test", false, NOON);
    let reports: Arc<dyn DueReports> = counted;
    for hours in [17, 18, 19, 20] {
        stage.clock.set(NOON + hours * 3600);
        stage.outbox.send_due(&reports).await.unwrap();
    }
    assert_eq!((stage.posted().len(), stage.outbox.counts().taken), (1, 1));
}

#[tokio::test]
async fn a_damaged_queue_is_moved_aside() {
    let stage = Stage::new().await;
    let path = stage.folder.path().join("other.sqlite");
    fs::write(&path, vec![0x55; 10_000]).unwrap();
    let queue = ReportQueue::open(&path).unwrap();
    assert_eq!(queue.deliveries().unwrap(), []);
    assert!(path.with_extension("sqlite.damaged").exists());
    assert_eq!(ReportQueue::open(&path).unwrap_err().code(), "queue-locked");
    drop(queue);

    // Another program's database is left alone.
    let foreign = stage.folder.path().join("foreign.sqlite");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert_eq!(ReportQueue::open(&foreign).unwrap_err().code(), "queue-foreign");
    let missing = stage.folder.path().join("missing.sqlite");
    assert_eq!(ReportQueue::open_to_look(&missing).unwrap_err().code(), "queue-missing");
    assert!(!missing.exists());
}

#[tokio::test]
async fn hosts_that_hang_do_not_hold_up_the_others() {
    let stage = Stage::new().await;
    let record = |host: &str| {
        let url = format!("https://{host}:{}/", stage.world.https_port());
        mta_sts_world::TlsrptAnswer::Record(format!("v=TLSRPTv1; rua={url}"))
    };
    // More than there are places, all at one host that never answers.
    let many: Vec<_> = (0..2 * Outbox::MAX_AT_ONCE).map(|number| format!("d{number}.test")).collect();
    for domain in &many {
        stage.world.set_tlsrpt(domain, record("rua.tlsrpt-https-hang.test")).unwrap();
        stage.count(&[domain]);
    }
    stage.count(&["tlsrpt-https.test"]);
    stage.clock.set(NOON + 17 * 3600);
    let reports: Arc<dyn DueReports> = stage.counted.clone();
    let outbox = stage.outbox.clone();
    let sending = tokio::spawn(async move { outbox.run(&reports, std::future::pending()).await });
    let is_sent = async {
        while !stage
            .states()
            .iter()
            .any(|(domain, state, ..)| domain == "tlsrpt-https.test" && *state == Sent)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // In turn with the others it would take more than a minute.
    tokio::time::timeout(Duration::from_secs(30), is_sent).await.unwrap();
    let asked = stage.world.seen().https.into_iter();
    let hanging = asked.filter(|request| request.sni == "rua.tlsrpt-https-hang.test").count();
    assert!(hanging < many.len(), "{hanging}");
    sending.abort();
}

#[tokio::test]
async fn a_second_process_does_not_send_from_the_same_queue() {
    let stage = Stage::new().await;
    assert_eq!(ReportQueue::open(stage.path()).unwrap_err().code(), "queue-locked");
    let path = stage.path();
    let Stage { world, folder, clock, counted, outbox } = stage;
    drop(outbox);
    let outbox = Outbox::new(
        ReportQueue::open(path).unwrap(),
        dns_of(world.dns_addr()),
        poster_of(world.ca_pem()),
        relay(&world, "mx.tlsrpt-mail.test"),
    )
    .with_clock(clock as Arc<dyn Clock>);
    let reports: Arc<dyn DueReports> = counted;
    outbox.send_due(&reports).await.unwrap();
    drop(folder);
}

/// The small disk of a process of [`a_full_disk_loses_and_doubles_nothing`].
const DISK: &str = "OUTBOX_SMALL_DISK";

#[test]
fn a_full_disk_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", r#"mount -t tmpfs -o size=512k tmpfs "$0" && exec "$@""#])
        .arg(folder.path())
        .arg(env::current_exe().unwrap())
        .args(["--exact", "faults::process_with_a_small_disk"])
        .env(DISK, folder.path())
        // Of the queue too.
        .env("TMPDIR", folder.path())
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

/// No test by itself: the process of the one before.
#[tokio::test]
async fn process_with_a_small_disk() {
    let Some(disk) = env::var_os(DISK).map(PathBuf::from) else { return };
    let stage = Stage::new().await;
    assert!(stage.path().starts_with(&disk));
    stage.count(&["tlsrpt-https.test", "tlsrpt-mail.test"]);
    stage.clock.set(NOON + 17 * 3600);
    let slow = ReportHostBehaviour::Slow(Duration::from_secs(1));
    stage.world.set_report_host("rua.tlsrpt-https.test", slow).unwrap();
    let reports: Arc<dyn DueReports> = stage.counted.clone();
    let outbox = stage.outbox.clone();
    let sending = tokio::spawn(async move { outbox.send_due(&reports).await });
    while stage.world.seen().https.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It fills up while a report is under way, so that nobody can write down that it was sent.
    let filling = disk.join("filling");
    let mut file = fs::File::create(&filling).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
    assert_eq!(sending.await.unwrap().unwrap_err().code(), "queue-full");
    assert_eq!(stage.outbox.faults(), ["queue"]);
    // What comes due meanwhile stays in the tally, and nothing is sent of it.
    stage.count(&["tlsrpt-both.test"]);
    stage.clock.set(NOON + 41 * 3600);
    let reports: Arc<dyn DueReports> = stage.counted.clone();
    assert_eq!(stage.outbox.send_due(&reports).await.unwrap_err().code(), "queue-full");
    let before = (stage.posted().len(), stage.mailed().len());
    assert_eq!(before.0, 1);

    fs::remove_file(filling).unwrap();
    let remount = ["-o", "remount,size=16m"];
    assert!(Command::new("mount").args(remount).arg(&disk).status().unwrap().success());
    stage.send_at(NEXT_DAY + 26.0).await;
    assert_eq!(stage.outbox.faults(), <[&str; 0]>::default());
    assert!(stage.states().iter().all(|(_, state, ..)| *state == Sent), "{:?}", stage.states());
    // The one that could not be written down is not sent again; each other one is sent once.
    assert_eq!((stage.posted().len(), stage.mailed().len()), (2, 2));
}
