//! The collector as mail servers meet it: what they send, and what others send.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use mta_sts_core::tlsrpt::{Datagram, PolicyType, ReportSender, Tally, TallyConfig};
use mta_sts_core::{
    FetchFailure, HttpResponse, Input, Lookup, LookupConfig, Outcome, PolicyDomain, Purpose, TxtFailure,
    UnixTime,
};
use mta_sts_reporter::{
    Collector, CollectorAccess, CollectorConfig, CollectorCounts, CollectorSocket, FailedDiscoveries,
    ReportStore, ReportStoreConfig, TestingProbes,
};
use tempfile::TempDir;

/// A time on 2023-11-14.
const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

fn sender() -> ReportSender {
    ReportSender::new("tls-reports@sender.example", "Sender Inc.").unwrap()
}

/// A collector that counts in memory, and a client of it.
struct Bench {
    folder: TempDir,
    store: ReportStore,
    collector: Option<Collector>,
    client: UnixDatagram,
}

impl Bench {
    fn new(config: impl FnOnce(&Path) -> CollectorConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path()).with_clock(|| NOW);
        let store = ReportStore::in_memory(ReportStoreConfig::new(sender()).with_seed(7)).unwrap();
        let path = folder.path().join("socket");
        let socket = CollectorSocket::bind(&path, CollectorAccess::new()).unwrap();
        let collector = Some(Collector::start(socket, store.clone(), config).unwrap());
        let client = UnixDatagram::unbound().unwrap();
        client.connect(&path).unwrap();
        Self { folder, store, collector, client }
    }

    /// Sends as fast as the collector takes it: a blocking client waits for room.
    fn send(&self, datagram: &[u8]) {
        self.client.send(datagram).unwrap();
    }

    fn stop(&mut self) -> CollectorCounts {
        self.collector.take().unwrap().stop()
    }

    /// What the report of a domain says: its policies with their type, successes, failures and the words of what failed.
    fn report(&self, domain: &str) -> Vec<(PolicyType, u64, u64, Vec<String>)> {
        let later = NOW.saturating_add(Duration::from_secs(2 * 86_400));
        let reports = self.store.due(later).unwrap();
        let due = reports.iter().find(|due| due.domain.as_str() == domain).unwrap();
        due.report
            .policies()
            .iter()
            .map(|policy| {
                let details = policy.details().iter().map(|details| details.result().to_string());
                let policy_type = policy.kind().to_string().parse().unwrap();
                (policy_type, policy.successes(), policy.failures(), details.collect())
            })
            .collect()
    }
}

fn datagram(domain: &str, policies: &str) -> Vec<u8> {
    format!(r#"{{"d":"{domain}","pr":"v=TLSRPTv1; rua=mailto:tls@{domain}","policies":[{policies}]}}"#)
        .into_bytes()
}

const NO_POLICY: &str = r#"{"policy-type":9,"t":0,"f":0}"#;
const TESTING: &str = r#"{"policy-type":2,"policy-string":["version: STSv1","mode: testing","mx: mx.test","max_age: 604800"],"mx-host":["mx.test"],"t":0,"f":0}"#;
const ENFORCE: &str = r#"{"policy-type":2,"policy-string":["version: STSv1","mode: enforce","mx: mx.test","max_age: 604800"],"mx-host":["mx.test"],"t":0,"f":0}"#;

/// What ends tlsrpt-collectd, and the like of it.
fn killers() -> Vec<Vec<u8>> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        text("not JSON"),
        b"\xff\xfe\x00{}".to_vec(),
        Vec::new(),
        text("5"),
        text(r#"{"d":"a.test","pr":"v=TLSRPTv1; rua=mailto:a@a.test","policies":[1]}"#),
        text(r#"{"d":5,"pr":"v=TLSRPTv1; rua=mailto:a@a.test","policies":[]}"#),
        text(r#"{"d":"a.test","pr":"v=TLSRPTv1; rua=mailto:a@a.test","policies":[]}"#),
        text("{}"),
        text(&"[".repeat(60_000)),
        vec![b' '; 65_536],
        vec![b'x'; 65_537],
        vec![0; 100_000],
        datagram("a.test", r#"{"policy-type":7,"f":0}"#),
        datagram("..", NO_POLICY),
        [r#"{"dpv":"9",""#.as_bytes(), &datagram("a.test", NO_POLICY)[2..]].concat(),
    ]
}

#[test]
fn what_is_no_datagram_is_counted_and_harms_nobody() {
    let mut bench = Bench::new(|_| CollectorConfig::new());
    let killers = killers();
    for killer in &killers {
        bench.send(killer);
        bench.send(&datagram("a.test", NO_POLICY));
    }
    let counts = bench.stop();
    assert_eq!(counts.datagrams, 2 * killers.len() as u64);
    assert_eq!(counts.events, killers.len() as u64);
    assert_eq!(counts.refused.values().sum::<u64>(), killers.len() as u64, "{counts:?}");
    assert_eq!(counts.refused["datagram-too-long"], 2);
    assert_eq!(bench.report("a.test"), [(PolicyType::NoPolicyFound, killers.len() as u64, 0, vec![])]);
}

/// Numbers that look like chance and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}

/// Datagrams of chance, half of them broken out of good ones; a million under `MTASTS_SOAK`.
#[test]
fn random_datagrams_are_counted_one_way_or_the_other() {
    let number = if std::env::var_os("MTASTS_SOAK").is_some() { 1_000_000 } else { 20_000 };
    let mut bench = Bench::new(|_| CollectorConfig::new());
    let mut numbers = Numbers(1);
    let good = [datagram("a.test", NO_POLICY), datagram("b.test", ENFORCE), datagram("c.test", TESTING)];
    let accounted = |counts: &CollectorCounts| {
        // Each has one policy.
        counts.events + counts.not_counted.values().sum::<u64>() + counts.refused.values().sum::<u64>()
    };
    let mut datagram = Vec::new();
    for sent in 0..number {
        // No faster than it counts, which takes its time without optimisation.
        while sent % 4096 == 0 && accounted(&bench.collector.as_ref().unwrap().counts()) + 8192 < sent {
            thread::sleep(Duration::from_millis(5));
        }
        datagram.clear();
        if numbers.below(2) == 0 {
            let len = numbers.below(300);
            datagram.extend((0..len).map(|_| numbers.next().to_le_bytes()[0]));
        } else {
            datagram.extend_from_slice(&good[numbers.below(good.len())]);
            for _ in 0..=numbers.below(3) {
                let place = numbers.below(datagram.len());
                datagram[place] = numbers.next().to_le_bytes()[0];
            }
        }
        bench.send(&datagram);
    }
    let counts = bench.stop();
    assert_eq!((counts.datagrams, counts.overflowed), (number, 0));
    assert_eq!(accounted(&counts), number, "{counts:?}");
    assert!(counts.refused.len() >= 3 && counts.events > 0, "{counts:?}");
}

/// The datagrams of Postfix 3.10.13 with libtlsrpt 0.5.0rc1.
#[test]
fn real_datagrams_are_counted_as_the_core_counts_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/datagrams");
    let Ok(files) = fs::read_dir(&folder) else {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    };
    let mut bench = Bench::new(|_| CollectorConfig::new().with_testing_checked(true));
    let mut tally = Tally::new(TallyConfig::new(7, sender()));
    let mut sent = 0;
    for file in files {
        for line in fs::read_to_string(file.unwrap().path()).unwrap().lines() {
            bench.send(line.as_bytes());
            sent += 1;
            for event in Datagram::parse(line.as_bytes()).unwrap().events() {
                tally.count(&event, NOW);
            }
        }
    }
    assert!(sent >= 30);
    let counts = bench.stop();
    assert_eq!(counts.datagrams, sent);
    assert!(counts.refused.is_empty() && counts.not_counted.is_empty(), "{counts:?}");
    assert_eq!(bench.store.to_text(), tally.to_text());
}

#[test]
fn testing_that_nobody_checked_proves_nothing() {
    for (is_checked, counted) in [(false, PolicyType::NoPolicyFound), (true, PolicyType::Sts)] {
        let mut bench = Bench::new(|_| CollectorConfig::new().with_testing_checked(is_checked));
        bench.send(&datagram("a.test", TESTING));
        bench.send(&datagram("b.test", ENFORCE));
        bench.stop();
        assert_eq!(bench.report("a.test"), [(counted, 1, 0, vec![])]);
    }
}

/// Probes that `passed.test` has passed, and the domains of sessions that nobody has verified.
#[derive(Default)]
struct Probed(Mutex<Vec<(String, String, UnixTime)>>);

impl TestingProbes for Probed {
    fn have_passed(&self, domain: &PolicyDomain, now: UnixTime) -> bool {
        domain.as_str() == "passed.test" && now == NOW
    }

    fn note_unchecked(&self, domain: &PolicyDomain, record: &str, now: UnixTime) {
        self.0.lock().unwrap().push((domain.to_string(), record.to_owned(), now));
    }
}

#[test]
fn testing_that_a_probe_checked_counts_as_checked() {
    let failed = TESTING.replace(r#""t":0,"f":0"#, r#""failure-details":[{"c":201}],"t":1,"f":1"#);
    let noted = ("other.test".to_owned(), "v=TLSRPTv1; rua=mailto:tls@other.test".to_owned(), NOW);
    for (domain, expected, unchecked) in [
        // Without a policy, and under one: each session once, and what has failed stays what it is.
        ("passed.test", [(1, 0), (3, 1)], vec![]),
        ("other.test", [(3, 0), (1, 1)], vec![noted.clone(), noted]),
    ] {
        let probed = Arc::new(Probed::default());
        let config = CollectorConfig::new().with_testing_probes(Arc::<Probed>::clone(&probed));
        let mut bench = Bench::new(|_| config);
        for sent in [TESTING, TESTING, &failed, ENFORCE, NO_POLICY] {
            bench.send(&datagram(domain, sent));
        }
        // Nobody wants a report there.
        bench.send(format!(r#"{{"d":"silent.test","pr":"","policies":[{TESTING}]}}"#).as_bytes());
        bench.stop();
        let mut sessions = [(0, 0); 2];
        for (policy_type, successes, failures, _) in bench.report(domain) {
            let of_type = &mut sessions[usize::from(policy_type == PolicyType::Sts)];
            *of_type = (of_type.0 + successes, of_type.1 + failures);
        }
        assert_eq!(sessions, expected, "{domain}");
        assert_eq!(*probed.0.lock().unwrap(), unchecked);
    }
}

#[test]
fn no_probe_is_needed_where_mail_servers_check() {
    let probed = Arc::new(Probed::default());
    let config = CollectorConfig::new().with_testing_checked(true);
    let mut bench = Bench::new(|_| config.with_testing_probes(Arc::<Probed>::clone(&probed)));
    bench.send(&datagram("other.test", TESTING));
    bench.stop();
    assert_eq!(bench.report("other.test"), [(PolicyType::Sts, 1, 0, vec![])]);
    assert!(probed.0.lock().unwrap().is_empty());
}

#[test]
fn a_failure_that_was_seen_in_testing_stays_one() {
    let mut bench = Bench::new(|_| CollectorConfig::new());
    let failed = TESTING.replace(r#""t":0,"f":0"#, r#""failure-details":[{"c":201}],"t":1,"f":1"#);
    bench.send(&datagram("a.test", &failed));
    bench.stop();
    let details = vec!["starttls-not-supported".to_owned()];
    assert_eq!(bench.report("a.test"), [(PolicyType::Sts, 0, 1, details)]);
}

/// A discovery that failed for one domain.
struct Failed(PolicyDomain, Arc<Outcome>);

impl FailedDiscoveries for Failed {
    fn last(&self, domain: &PolicyDomain) -> Option<Arc<Outcome>> {
        (*domain == self.0).then(|| Arc::clone(&self.1))
    }
}

/// The outcome for `failing.test` where the Policy Host does not answer, with the policy that is cached if there is one.
fn failed(has_cached: bool) -> Failed {
    let domain = PolicyDomain::parse("failing.test").unwrap();
    let config = LookupConfig::new();
    let day = Duration::from_secs(86_400);
    let look_up = |cached: Option<&_>, id: &[u8], fetched: Input<'static>, now| {
        let mut lookup = Lookup::new(domain.clone(), Purpose::Deliver, cached, now, &config);
        lookup.handle_input(Input::txt(&[id], Duration::from_secs(1)), now).unwrap();
        lookup.handle_input(fetched, now).unwrap();
        lookup.into_outcome().unwrap()
    };
    let policy = "version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 604800\n";
    let cached = has_cached.then(|| {
        let response = HttpResponse::new(200, policy.as_bytes()).with_content_type(b"text/plain");
        let outcome = look_up(None, b"v=STSv1; id=1", Input::Response(response), NOW);
        outcome.cache_update.apply_to(None, NOW).unwrap()
    });
    let now = NOW.saturating_add(day);
    let outcome = look_up(cached.as_ref(), b"v=STSv1; id=2", Input::FetchFailed(FetchFailure::Timeout), now);
    assert_eq!((outcome.failure.is_some(), outcome.policy().is_some()), (true, has_cached));
    Failed(domain, Arc::new(outcome))
}

#[test]
fn a_session_after_a_failed_discovery_counts_once_as_what_it_was() {
    let fetch_error = || vec!["sts-policy-fetch-error".to_owned()];
    for (has_cached, sent, counted) in [
        // Without policy because of the failure.
        (false, NO_POLICY, vec![(PolicyType::Sts, 0, 1, fetch_error())]),
        // Under the cached policy, beside the failure.
        (true, ENFORCE, vec![(PolicyType::Sts, 1, 0, fetch_error())]),
        // DANE decides alone, and what MTA-STS would have said was not used.
        (false, r#"{"policy-type":1,"t":0,"f":0}"#, vec![(PolicyType::Tlsa, 1, 0, vec![])]),
        // What has failed without a policy was something else.
        (
            false,
            r#"{"policy-type":9,"failure-details":[{"c":201}],"t":1,"f":1}"#,
            vec![(PolicyType::NoPolicyFound, 0, 1, vec!["starttls-not-supported".to_owned()])],
        ),
    ] {
        let config = || CollectorConfig::new().with_failed_discoveries(Arc::new(failed(has_cached)));
        let mut bench = Bench::new(|_| config());
        bench.send(&datagram("failing.test", sent));
        bench.send(&datagram("other.test", sent));
        bench.stop();
        assert_eq!(bench.report("failing.test"), counted, "{sent}");
        let mut bench = Bench::new(|_| config());
        bench.send(&datagram("other.test", sent));
        bench.stop();
        assert!(!bench.report("other.test").iter().any(|policy| policy.3 == fetch_error()));
    }
}

#[test]
fn a_datagram_of_this_process_counts_like_one_that_was_sent() {
    let mut bench = Bench::new(|_| CollectorConfig::new());
    let read = Datagram::parse(&datagram("a.test", ENFORCE)).unwrap();
    let collector = bench.collector.as_ref().unwrap();
    assert!(collector.count(read.clone()) && collector.count(read));
    bench.send(&datagram("a.test", ENFORCE));
    let counts = bench.stop();
    assert_eq!((counts.datagrams, counts.events), (1, 3));
    assert_eq!(bench.report("a.test"), [(PolicyType::Sts, 3, 0, vec![])]);
}

#[test]
fn another_collector_gets_all_of_it_in_its_order() {
    let other = |folder: &Path| folder.join("other");
    let mut bench = Bench::new(|folder| CollectorConfig::new().with_forward(other(folder)));
    let other = UnixDatagram::bind(other(bench.folder.path())).unwrap();
    let received = thread::spawn(move || {
        let mut received = Vec::new();
        let mut buffer = vec![0; 1 << 17];
        while received.len() < 1000 {
            let len = other.recv(&mut buffer).unwrap();
            received.push(buffer[..len].to_vec());
        }
        received
    });
    // What is none goes there too: it may know more.
    let datagrams: Vec<_> = (0..1000)
        .map(|number| {
            if number % 10 == 0 {
                format!("{number}").into_bytes()
            } else {
                datagram(&format!("{number}.test"), NO_POLICY)
            }
        })
        .collect();
    for datagram in &datagrams {
        bench.send(datagram);
    }
    assert_eq!(received.join().unwrap(), datagrams);
    let counts = bench.stop();
    assert_eq!((counts.forwarded, counts.forward_lost, counts.events), (1000, 0, 900));
}

#[test]
fn nobody_waits_for_another_collector_that_is_not_there_or_hangs() {
    for hangs in [false, true] {
        let mut bench = Bench::new(|folder| CollectorConfig::new().with_forward(folder.join("other")));
        let _other = hangs.then(|| UnixDatagram::bind(bench.folder.path().join("other")).unwrap());
        for number in 0..500 {
            bench.send(&datagram(&format!("{number}.test"), NO_POLICY));
        }
        let counts = bench.stop();
        assert_eq!((counts.events, counts.forwarded + counts.forward_lost), (500, 500), "{counts:?}");
        assert!(counts.forward_lost > 0);
    }
}

/// The socket of systemd outlives a collector: what comes in between is counted by the next.
#[test]
fn what_comes_during_a_restart_is_received_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("socket");
    let bound = UnixDatagram::bind(&path).unwrap();
    let client = UnixDatagram::unbound().unwrap();
    let store = ReportStore::in_memory(ReportStoreConfig::new(sender())).unwrap();
    for number in 1..4 {
        client.send_to(&datagram("a.test", NO_POLICY), &path).unwrap();
        let socket = CollectorSocket::from_bound(bound.try_clone().unwrap());
        let collector = Collector::start(socket, store.clone(), CollectorConfig::new()).unwrap();
        client.send_to(&datagram("a.test", NO_POLICY), &path).unwrap();
        assert_eq!(collector.stop().events, 2, "{number}");
        assert!(path.exists());
    }
}

#[test]
fn a_domain_without_a_record_is_not_counted() {
    let mut bench = Bench::new(|_| CollectorConfig::new());
    bench.send(br#"{"d":"a.test","pr":"v=spf1 -all","policies":[{"policy-type":9,"f":0}]}"#);
    let counts = bench.stop();
    assert_eq!(counts.not_counted, [("no-tlsrpt-record", 1)].into());
    assert_eq!(bench.store.next_due(), None);
}

/// A DNS failure is none of a policy, and has no row in a report.
#[test]
fn a_lookup_without_an_answer_tells_nothing() {
    let domain = PolicyDomain::parse("failing.test").unwrap();
    let mut lookup = Lookup::new(domain.clone(), Purpose::Deliver, None, NOW, &LookupConfig::new());
    lookup.handle_input(Input::TxtFailed(TxtFailure::ServFail), NOW).unwrap();
    let outcome = Failed(domain, Arc::new(lookup.into_outcome().unwrap()));
    let config = CollectorConfig::new().with_failed_discoveries(Arc::new(outcome));
    let mut bench = Bench::new(|_| config);
    bench.send(&datagram("failing.test", NO_POLICY));
    bench.stop();
    assert_eq!(bench.report("failing.test"), [(PolicyType::NoPolicyFound, 1, 0, vec![])]);
}

/// Answers no one before it is let go.
struct Hanging(Mutex<Option<Receiver<()>>>);

impl FailedDiscoveries for Hanging {
    fn last(&self, _: &PolicyDomain) -> Option<Arc<Outcome>> {
        if let Some(released) = self.0.lock().unwrap().take() {
            let _ = released.recv();
        }
        None
    }
}

#[test]
fn what_does_not_fit_into_the_queue_is_counted_as_lost() {
    let (release, released) = channel();
    let hanging = Arc::new(Hanging(Mutex::new(Some(released))));
    let mut bench = Bench::new(|_| CollectorConfig::new().with_failed_discoveries(hanging));
    let datagram = datagram("a.test", NO_POLICY);
    for _ in 0..40_000 {
        // It goes on to receive, whatever waits.
        bench.send(&datagram);
    }
    release.send(()).unwrap();
    let counts = bench.stop();
    assert_eq!((counts.datagrams, counts.events + counts.overflowed), (40_000, 40_000));
    assert!(counts.overflowed >= 40_000 - 2 * 16_384 && counts.events >= 16_384, "{counts:?}");
    assert_eq!(bench.report("a.test"), [(PolicyType::NoPolicyFound, counts.events, 0, vec![])]);
}
