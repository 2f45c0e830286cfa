//! A process that sends, killed again and again.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mta_sts_core::UnixTime;
use mta_sts_reporter::{DeliveryState, DueReports, Outbox, ReportMailer, ReportQueue};
use mta_sts_resolver::Clock;
use mta_sts_world::{ReportHostBehaviour, TlsrptAnswer, World, WorldConfig};

use crate::stage::{Counted, NOON, dns_of, posted_ids, poster_of};

const DOMAINS: usize = 40;

/// A clock that another process moves.
#[derive(Debug)]
struct FileClock(PathBuf);

impl FileClock {
    fn set(&self, seconds: u64) {
        let new = self.0.with_extension("new");
        fs::write(&new, seconds.to_string()).unwrap();
        fs::rename(new, &self.0).unwrap();
    }
}

impl Clock for FileClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(fs::read_to_string(&self.0).unwrap().parse().unwrap())
    }
}

fn domain(number: usize) -> String {
    format!("d{number}.test")
}

#[tokio::test]
#[ignore = "the process that is killed"]
async fn sender() {
    let Ok(folder) = env::var("OUTBOX_FOLDER") else { return };
    let folder = Path::new(&folder);
    let dns: SocketAddr = env::var("OUTBOX_DNS").unwrap().parse().unwrap();
    let ca_pem = fs::read_to_string(folder.join("ca.pem")).unwrap();
    let poster = poster_of(&ca_pem).with_private_addresses(true);
    let queue = ReportQueue::open(folder.join("outbox.sqlite")).unwrap();
    let clock = Arc::new(FileClock(folder.join("clock")));
    // A tally that never learns what was taken.
    let counted = Counted::new(true);
    for number in 0..DOMAINS {
        counted.session(&domain(number), "v=TLSRPTv1; rua=mailto:a@b.test", false, NOON);
    }
    let outbox = Outbox::new(queue, dns_of(dns), poster, ReportMailer::sendmail("/bin/false"));
    let reports: Arc<dyn DueReports> = Arc::new(counted);
    outbox.with_clock(clock).run(&reports, std::future::pending()).await;
}

/// All reports are posted to one host.
fn dress(world: &World) {
    let url = format!("https://rua.tlsrpt-https.test:{}/", world.https_port());
    for number in 0..DOMAINS {
        let record = TlsrptAnswer::Record(format!("v=TLSRPTv1; rua={url}"));
        world.set_tlsrpt(&domain(number), record).unwrap();
    }
    // Long enough that some are under way whenever the process is killed.
    let slow = ReportHostBehaviour::Slow(Duration::from_millis(20));
    world.set_report_host("rua.tlsrpt-https.test", slow).unwrap();
}

fn start(folder: &Path, world: &World) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill::sender", "--ignored"])
        .env("OUTBOX_FOLDER", folder)
        .env("OUTBOX_DNS", world.dns_addr().to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// How often each report has come.
fn times(world: &World) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for id in posted_ids(world) {
        *times.entry(id).or_default() += 1;
    }
    times
}

/// What the queue says was sent.
fn sent(path: &Path) -> Vec<String> {
    let Ok(queue) = ReportQueue::open_to_look(path) else { return Vec::new() };
    let deliveries = queue.deliveries().unwrap_or_default().into_iter();
    deliveries.filter(|one| one.state == DeliveryState::Sent).map(|one| one.report_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_loses_nothing_and_repeats_nothing_that_it_knows_of() {
    let kills: u64 = if env::var_os("MTASTS_SOAK").is_some() { 500 } else { 12 };
    let world = World::start(WorldConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.sqlite");
    fs::write(folder.path().join("ca.pem"), world.ca_pem()).unwrap();
    let clock = FileClock(folder.path().join("clock"));
    dress(&world);

    let mut now = NOON + 17 * 3600;
    // What was known to be sent, and how often it had come by then.
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for kill in 0..kills {
        clock.set(now);
        let mut child = start(folder.path(), &world);
        // At another moment each time, from the start of the process to the middle of its work.
        tokio::time::sleep(Duration::from_millis(20 + kill * 37 % 200)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        // What it was doing is written down as sent or not; what the world has of it is all here in a moment.
        tokio::time::sleep(Duration::from_millis(60)).await;
        let times = times(&world);
        for id in sent(&path) {
            let come = times[&id];
            assert_eq!(*known.entry(id.clone()).or_insert(come), come, "{id} was sent again");
        }
        // So that a report which the process was killed with is due again, and never tried for the last time.
        now += if kill % 3 == 0 { 300 } else { 0 };
        if kills > 100 && known.len() == DOMAINS {
            // A new day of work.
            for ending in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(folder.path().join(format!("outbox.sqlite{ending}")));
            }
            known.clear();
            world.reset().unwrap();
            dress(&world);
        }
    }
    clock.set(now + 16 * 3600);
    let mut child = start(folder.path(), &world);
    for _ in 0..600 {
        if sent(&path).len() == DOMAINS {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(sent(&path).len(), DOMAINS, "each report has come through");
    let times = times(&world);
    assert_eq!(times.len(), DOMAINS);
    assert!(known.iter().all(|(id, come)| times[id] == *come), "none came again that was known to be sent");
}
