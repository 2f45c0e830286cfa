//! The daemon is killed, again and again, while datagrams come and reports go.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{Report, ReportPolicy};
use mta_sts_reporter::{DeliveryState, DueReports, Outbox, ReportMailer, ReportQueue};
use mta_sts_resolver::{Clock, DnsClient, DnsConfig, ReportPoster, TrustStore};
use mta_sts_world::{ReportHostBehaviour, TlsrptAnswer};
use tokio::time::Instant;

use crate::daemon::{Daemon, Lab};
use crate::tally;

/// Domains whose reports are due in each life of the daemon.
const DOMAINS: usize = 8;
/// What a process that is killed may lose.
const LOST: Duration = Duration::from_secs(5);

/// All reports go to one host, which takes a moment, so that some are on their way whenever the daemon is killed.
fn dress(lab: &Lab, domain: &str) {
    let url = format!("https://rua.tlsrpt-https.test:{}/", lab.world.https_port());
    let record = TlsrptAnswer::Record(format!("v=TLSRPTv1; rua={url}"));
    lab.world.set_tlsrpt(domain, record).unwrap();
}

fn start(lab: &Lab) -> Daemon {
    let text = format!(
        "[report]\nfrom = 'tls@sender.test'\norganization = 'Sender Inc.'\nstore = 'sqlite:{}'\nallow-private = true\n",
        lab.path("tally.sqlite")
    );
    let config = lab.write("mtasts.toml", &text);
    let mut daemon = Daemon::start(&lab.arguments(&["--config", &config, "--tlsrpt", &lab.path("tlsrpt")]));
    daemon.listening();
    daemon
}

/// Sends datagrams, each of a domain of its own, until it is told to stop; when each of them was sent.
fn send(socket: &str, life: usize, pause: Duration, stop: &AtomicBool) -> Vec<(String, Instant)> {
    let sender = UnixDatagram::unbound().unwrap();
    let mut sent = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let domain = format!("t{life}-{}.test", sent.len());
        if sender.send_to(tally::datagram(&domain).as_bytes(), socket).is_ok() {
            sent.push((domain, Instant::now()));
        }
        thread::sleep(pause);
    }
    sent
}

/// How often each report has come, with the domain that it is about and its sessions.
fn come(lab: &Lab) -> BTreeMap<String, (usize, String, u64)> {
    let mut come = BTreeMap::new();
    let requests = lab.world.seen().https;
    assert!(requests.len() < 4096, "the world keeps no more of them");
    for request in requests {
        let report = Report::parse(&unpacked(&request.body)).unwrap().into_strict().unwrap();
        let policy = &report.policies()[0];
        let sessions = policy.successes() + policy.failures();
        let domain = policy.domain().unwrap().to_owned();
        come.entry(report.id().unwrap().to_owned()).or_insert((0, domain, sessions)).0 += 1;
    }
    come
}

fn unpacked(json_gz: &[u8]) -> Vec<u8> {
    let mut json = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(json_gz), &mut json).unwrap();
    json
}

/// The reports of which the queue says that they were sent.
fn sent(lab: &Lab) -> BTreeSet<String> {
    let Ok(queue) = ReportQueue::open_to_look(lab.path("outbox.sqlite")) else { return BTreeSet::new() };
    let deliveries = queue.deliveries().unwrap().into_iter();
    deliveries.filter(|one| one.state == DeliveryState::Sent).map(|one| one.report_id).collect()
}

/// The sessions that are counted of each domain, by a copy of the tally.
fn counted(lab: &Lab) -> BTreeMap<String, u64> {
    for ending in ["", "-wal"] {
        let from = lab.path(&format!("tally.sqlite{ending}"));
        if Path::new(&from).exists() {
            fs::copy(from, lab.path(&format!("copy.sqlite{ending}"))).unwrap();
        }
    }
    let store = tally::open(lab.path("copy.sqlite"));
    let later = UnixTime::from_secs(UNIX_EPOCH.elapsed().unwrap().as_secs() + 3 * 86_400);
    let mut counted = BTreeMap::new();
    loop {
        let due = store.due(later).unwrap();
        if due.is_empty() {
            return counted;
        }
        for report in due {
            let sessions = report.report.policies().iter().map(ReportPolicy::successes).sum::<u64>();
            *counted.entry(report.domain.to_string()).or_default() += sessions;
        }
    }
}

/// A clock that is ahead, when what killed processes were doing is tried again: within 500 kills, some of it for the third time.
#[derive(Debug)]
struct Later;

impl Clock for Later {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(UNIX_EPOCH.elapsed().unwrap().as_secs() + 50 * 60)
    }
}

/// Sends in this process what is left.
async fn send_the_rest(lab: &Lab) {
    let dns = DnsConfig::new(lab.world.dns_addr()).with_timeout(Duration::from_millis(300)).with_attempts(1);
    let trust_store = TrustStore::from_pem(lab.world.ca_pem().as_bytes()).unwrap();
    let poster = ReportPoster::new(trust_store).with_private_addresses(true);
    let queue = ReportQueue::open(lab.path("outbox.sqlite")).unwrap();
    let outbox = Outbox::new(queue, DnsClient::new(dns), poster, ReportMailer::sendmail("/bin/false"))
        .with_clock(Arc::new(Later));
    let reports: Arc<dyn DueReports> = Arc::new(tally::open(lab.path("tally.sqlite")));
    outbox.send_due(&reports).await.unwrap();
}

/// 500 times under `MTASTS_SOAK`.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_killed_sends_each_report_once_and_loses_five_seconds() {
    let kills: usize = if env::var_os("MTASTS_SOAK").is_some() { 500 } else { 20 };
    // The world keeps 4,096 requests, and one in twenty reports comes twice.
    let domains_of_a_life = if kills > 100 { DOMAINS - 1 } else { DOMAINS };
    // All of them are domains of one day, of which there may be 65,536.
    let pause = Duration::from_millis(if kills > 100 { 25 } else { 5 });
    let lab = Lab::start().await;
    let slow = ReportHostBehaviour::Slow(Duration::from_millis(20));
    lab.world.set_report_host("rua.tlsrpt-https.test", slow).unwrap();
    let (mut expected, mut datagrams) = (BTreeSet::new(), Vec::new());
    // What was known to be sent, and how often it had come by then.
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for life in 0..kills {
        let domains: Vec<_> = (0..domains_of_a_life).map(|number| format!("d{life}-{number}.test")).collect();
        for domain in &domains {
            dress(&lab, domain);
        }
        let names: Vec<_> = domains.iter().map(String::as_str).collect();
        tally::count(&tally::open(lab.path("tally.sqlite")), &names, 2);
        expected.extend(domains);

        let mut daemon = start(&lab);
        let stop = Arc::new(AtomicBool::new(false));
        let sending = thread::spawn({
            let (socket, stop) = (lab.path("tlsrpt"), Arc::clone(&stop));
            move || send(&socket, life, pause, &stop)
        });
        // From its first moment to long after what came first must be saved.
        let short = Duration::from_millis((life * 37 % 400) as u64);
        let lives = if life % 10 == 9 { LOST + Duration::from_millis(1500) } else { short };
        tokio::time::sleep(lives).await;
        daemon.process.kill().unwrap();
        let killed = Instant::now();
        daemon.process.wait().unwrap();
        stop.store(true, Ordering::SeqCst);
        datagrams.extend(sending.join().unwrap().into_iter().map(|(domain, at)| (domain, killed - at)));
        // What the world has of it is all here in a moment.
        tokio::time::sleep(Duration::from_millis(60)).await;
        let come = come(&lab);
        for id in sent(&lab) {
            let times = come[&id].0;
            assert_eq!(*known.entry(id.clone()).or_insert(times), times, "{id} was sent again");
        }
    }
    let counted = counted(&lab);
    let (mut late, mut lost) = (0, 0);
    for (domain, before_the_kill) in &datagrams {
        if let Some(sessions) = counted.get(domain) {
            assert_eq!(*sessions, 1, "{domain} is doubled");
        } else {
            assert!(*before_the_kill < LOST, "{domain} was sent {before_the_kill:?} before the kill");
            lost += 1;
        }
        late += usize::from(*before_the_kill >= LOST);
    }
    assert!(late > 50, "{late} of {} datagrams had to be saved", datagrams.len());

    send_the_rest(&lab).await;
    let come = come(&lab);
    let domains: Vec<_> = come.values().map(|(_, domain, _)| domain.clone()).collect();
    assert_eq!(domains.len(), expected.len(), "no domain has got two reports");
    assert_eq!(domains.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(come.values().all(|(_, _, sessions)| *sessions == 1));
    assert!(known.iter().all(|(id, times)| come[id].0 == *times));
    let again = come.values().filter(|(times, ..)| *times > 1).count();
    println!(
        "{kills} kills: {} reports, {again} of them a second time with the same report-id; {lost} of {} datagrams lost",
        come.len(),
        datagrams.len()
    );
    lab.world.shutdown().await;
}
