//! Machines that count for the same reports over a real `redis-server`: each session is in one report, whatever is killed or lost, and
//! whenever.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

#[path = "../../mta-sts-resolver/tests/redis_server/mod.rs"]
mod redis_server;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mta_sts_core::tlsrpt::{Datagram, DueId, DueReport, ReportSender};
use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use mta_sts_reporter::{
    DueReports, DueReportsError, Outbox, ReportFleet, ReportMailer, ReportQueue, ReportStore,
    ReportStoreConfig,
};
use mta_sts_resolver::{
    Clock, DnsClient, DnsConfig, EntryStore, LeaseHolder, Leases, Parcel, ParcelClaim, ParcelState, Parcels,
    RedisStore, ReportPoster, StoreError, StoreErrorKind, StoreFuture, TrustStore,
};
use redis_server::RedisServer;
use tempfile::TempDir;

/// Noon of a day, and noon of the day after.
const NOON: u64 = 1_800_014_400;
const NEXT_NOON: u64 = NOON + 86_400;

#[derive(Debug)]
struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// A store that fails once, at an operation of some number, before or after it is done.
#[derive(Debug)]
struct Faulty {
    store: RedisStore,
    done: AtomicUsize,
    fails_at: usize,
    fails_after: bool,
    has_failed: AtomicBool,
}

impl Faulty {
    fn new(url: &str, fails_at: usize, fails_after: bool) -> Arc<Self> {
        let store = RedisStore::open(&url.parse().unwrap()).unwrap();
        Arc::new(Self {
            store,
            done: AtomicUsize::new(0),
            fails_at,
            fails_after,
            has_failed: AtomicBool::new(false),
        })
    }

    async fn pass<T>(&self, operation: StoreFuture<'_, T>) -> Result<T, StoreError> {
        let fails = self.done.fetch_add(1, Ordering::SeqCst) == self.fails_at;
        let fault = StoreError::new(StoreErrorKind::Unavailable, "as the test wants it");
        if fails {
            self.has_failed.store(true, Ordering::SeqCst);
            if !self.fails_after {
                return Err(fault);
            }
        }
        let done = operation.await;
        if fails { Err(fault) } else { done }
    }
}

impl EntryStore for Faulty {
    fn get<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, Option<CacheEntry>> {
        self.store.get(domain)
    }

    fn put<'a>(&'a self, domain: &'a PolicyDomain, entry: &'a CacheEntry) -> StoreFuture<'a, CacheEntry> {
        self.store.put(domain, entry)
    }

    fn remove<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, bool> {
        self.store.remove(domain)
    }

    fn page<'a>(
        &'a self,
        after: Option<&'a PolicyDomain>,
        count: usize,
    ) -> StoreFuture<'a, Vec<(PolicyDomain, CacheEntry)>> {
        self.store.page(after, count)
    }

    fn leases(&self) -> Option<&dyn Leases> {
        Some(self)
    }

    fn parcels(&self) -> Option<&dyn Parcels> {
        Some(self)
    }
}

impl Leases for Faulty {
    fn take<'a>(
        &'a self,
        domain: &'a PolicyDomain,
        holder: LeaseHolder,
        lasts: Duration,
    ) -> StoreFuture<'a, bool> {
        Box::pin(self.pass(self.store.leases().unwrap().take(domain, holder, lasts)))
    }

    fn give_back<'a>(&'a self, domain: &'a PolicyDomain, holder: LeaseHolder) -> StoreFuture<'a, ()> {
        self.store.leases().unwrap().give_back(domain, holder)
    }
}

impl Parcels for Faulty {
    fn leave<'a>(&'a self, group: &'a PolicyDomain, parcel: &'a Parcel) -> StoreFuture<'a, ()> {
        Box::pin(self.pass(self.store.parcels().unwrap().leave(group, parcel)))
    }

    fn state<'a>(&'a self, group: &'a PolicyDomain, id: &'a str) -> StoreFuture<'a, ParcelState> {
        Box::pin(self.pass(self.store.parcels().unwrap().state(group, id)))
    }

    fn claim<'a>(
        &'a self,
        group: &'a PolicyDomain,
        machine: &'a str,
        which: ParcelClaim,
        most: usize,
    ) -> StoreFuture<'a, Vec<Parcel>> {
        Box::pin(self.pass(self.store.parcels().unwrap().claim(group, machine, which, most)))
    }

    fn settle<'a>(&'a self, group: &'a PolicyDomain, id: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(self.pass(self.store.parcels().unwrap().settle(group, id)))
    }
}

/// What all machines have given out to be sent: the sessions of each report.
#[derive(Debug, Default)]
struct Given(Mutex<BTreeMap<String, (String, u64)>>);

/// The counts of a machine, which tell what is given out.
struct Told(ReportStore, Arc<Given>);

impl DueReports for Told {
    fn due(&self, now: UnixTime) -> Result<Vec<DueReport>, DueReportsError> {
        let due = self.0.due(now).map_err(DueReportsError::new)?;
        for report in &due {
            let policies = report.report.policies().iter();
            let sessions = policies.map(|policy| policy.successes() + policy.failures()).sum();
            let id = report.report.id().unwrap().to_owned();
            self.1.0.lock().unwrap().insert(id, (report.domain.to_string(), sessions));
        }
        Ok(due)
    }

    fn taken(&self, reports: &[DueId], now: UnixTime) -> Result<(), DueReportsError> {
        self.0.taken(reports, now).map_err(DueReportsError::new)
    }

    fn note_report_mail(&self, domain: &PolicyDomain, now: UnixTime) {
        self.0.note_report_mail(domain, now);
    }
}

/// A machine with its disk.
struct Machine {
    folder: TempDir,
    /// How often it was killed: the name of its database.
    life: usize,
    counts: ReportStore,
    outbox: Outbox,
    given: Arc<Given>,
}

impl Machine {
    fn start(store: Arc<dyn EntryStore>, clock: &Arc<TestClock>, given: &Arc<Given>) -> Self {
        // In memory, where there is such a place: hundreds of them write to the disk again and again.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::in_folder(folder.unwrap(), 0, store, clock, given)
    }

    fn in_folder(
        folder: TempDir,
        life: usize,
        store: Arc<dyn EntryStore>,
        clock: &Arc<TestClock>,
        given: &Arc<Given>,
    ) -> Self {
        let sender = ReportSender::new("tls@sender.test", "Sender Inc.").unwrap();
        let submitter = sender.submitter().clone();
        let counts =
            ReportStore::open(folder.path().join(life.to_string()), ReportStoreConfig::new(sender)).unwrap();
        // Nothing leaves: who sends is the question here.
        let dns = DnsClient::new(
            DnsConfig::new("127.0.0.1:9".parse().unwrap())
                .with_timeout(Duration::from_millis(1))
                .with_attempts(1),
        );
        let queue = ReportQueue::open(folder.path().join(format!("outbox-{life}"))).unwrap();
        let poster = ReportPoster::new(TrustStore::platform().unwrap());
        let outbox = Outbox::new(queue, dns, poster, ReportMailer::sendmail("/bin/false"))
            .with_clock(Arc::clone(clock) as Arc<dyn Clock>)
            .with_fleet(ReportFleet::new(store, counts.clone(), &submitter));
        Self { folder, life, counts, outbox, given: Arc::clone(given) }
    }

    fn count(&self, domain: &str, now: u64) {
        let datagram = format!(
            r#"{{"d":"{domain}","pr":"v=TLSRPTv1; rua=mailto:tls@{domain}","policies":[
            {{"policy-type":9,"policy-domain":"{domain}","t":0,"f":0}}]}}"#
        );
        for event in Datagram::parse(datagram.as_bytes()).unwrap().events() {
            self.counts.count(&event, UnixTime::from_secs(now));
        }
        self.counts.save().unwrap();
    }

    async fn round(&self) {
        let reports: Arc<dyn DueReports> = Arc::new(Told(self.counts.clone(), Arc::clone(&self.given)));
        self.outbox.send_due(&reports).await.unwrap();
    }

    fn is_sender(&self) -> bool {
        self.outbox.fleet().unwrap().is_sender()
    }

    /// Ends as by kill -9: what is on the disk at this moment is all that is left.
    fn kill(self, store: Arc<dyn EntryStore>, clock: &Arc<TestClock>) -> Self {
        let Self { folder, life, counts, outbox, given } = self;
        let file = |life: usize, ending: &str| folder.path().join(format!("{life}{ending}"));
        for ending in ["", "-wal"] {
            let from: PathBuf = file(life, ending);
            if from.exists() {
                fs::copy(from, file(life + 1, ending)).unwrap();
            }
        }
        drop((outbox, counts));
        Self::in_folder(folder, life + 1, store, clock, &given)
    }
}

fn sessions(given: &Given) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    for (domain, sessions) in given.0.lock().unwrap().values() {
        *sum.entry(domain.clone()).or_default() += sessions;
    }
    sum
}

/// At every operation of the shared store, before and after it, one of the machines is killed.
#[tokio::test]
async fn each_session_is_in_one_report_whenever_a_machine_is_killed() {
    let server = RedisServer::start();
    for victim in [0, 1] {
        for fails_after in [false, true] {
            for fails_at in 0.. {
                server.command(&[b"FLUSHALL"]);
                let mut has_failed = false;
                let (clock, given) = (Arc::new(TestClock(AtomicU64::new(NOON))), Arc::new(Given::default()));
                let healthy = || Faulty::new(&server.url(), usize::MAX, false);
                let faulty = Faulty::new(&server.url(), fails_at, fails_after);
                let mut machines: Vec<_> = (0..2)
                    .map(|number| {
                        let store = if number == victim { Arc::clone(&faulty) } else { healthy() };
                        let store: Arc<dyn EntryStore> = store;
                        Machine::start(store, &clock, &given)
                    })
                    .collect();
                machines[0].round().await;
                machines[1].round().await;
                for (number, machine) in machines.iter().enumerate() {
                    for domain in ["a.test", "b.test"] {
                        for _ in 0..=number {
                            machine.count(domain, NOON);
                        }
                    }
                    machine.count("today.test", NEXT_NOON);
                }
                clock.0.store(NEXT_NOON, Ordering::SeqCst);
                for turn in 0..5 {
                    if turn == 3 {
                        faulty.done.store(usize::MAX / 2, Ordering::SeqCst);
                    }
                    // The one that does not send first: so its counts come with those of the other.
                    for number in [1, 0] {
                        machines[number].round().await;
                        if number == victim && faulty.has_failed.swap(false, Ordering::SeqCst) {
                            has_failed = true;
                            let killed = machines.remove(number);
                            machines.insert(number, killed.kill(healthy(), &clock));
                        }
                    }
                    // As if the lease had expired: another one may take it.
                    server.command(&[b"DEL", b"mtasts:lease:tlsrpt-sender.sender.test"]);
                }
                let expected = [("a.test", 3), ("b.test", 3)].map(|(domain, sum)| (domain.to_owned(), sum));
                assert_eq!(
                    sessions(&given),
                    expected.into(),
                    "machine {victim}, operation {fails_at}, {fails_after}"
                );
                assert!(machines.iter().all(|machine| machine.counts.parcels().is_empty()));
                if !has_failed {
                    assert!(fails_at > 8, "{fails_at}");
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn one_machine_sends_for_all_and_another_takes_over() {
    let server = RedisServer::start();
    let (clock, given) = (Arc::new(TestClock(AtomicU64::new(NOON))), Arc::new(Given::default()));
    let machines: Vec<_> = (0..3)
        .map(|_| Machine::start(Faulty::new(&server.url(), usize::MAX, false), &clock, &given))
        .collect();
    for machine in &machines {
        machine.round().await;
        machine.count("a.test", NOON);
    }
    let is_sender = || machines.iter().map(Machine::is_sender).collect::<Vec<_>>();
    assert_eq!(is_sender(), [true, false, false]);
    clock.0.store(NEXT_NOON, Ordering::SeqCst);
    for number in [1, 2, 0] {
        machines[number].round().await;
    }
    assert_eq!(given.0.lock().unwrap().values().cloned().collect::<Vec<_>>(), [("a.test".to_owned(), 3)]);
    assert!(server.command(&[b"GET", b"mtasts:lease:tlsrpt-sender.sender.test"]) != redis::Value::Nil);
    // The parcels are forgotten once they have arrived.
    machines[1].round().await;
    assert_eq!(machines[1].counts.parcels(), Vec::<String>::new());

    // At the end of a process the lease goes to another one at once.
    let reports: Arc<dyn DueReports> = Arc::new(Told(machines[0].counts.clone(), Arc::clone(&given)));
    machines[0].outbox.run(&reports, std::future::ready(())).await;
    machines[2].round().await;
    assert!(machines[2].is_sender());
}

#[tokio::test]
async fn without_the_shared_store_everything_waits_on_its_disk() {
    let mut server = RedisServer::start();
    let (clock, given) = (Arc::new(TestClock(AtomicU64::new(NOON))), Arc::new(Given::default()));
    let machines: Vec<_> = (0..2)
        .map(|_| Machine::start(Faulty::new(&server.url(), usize::MAX, false), &clock, &given))
        .collect();
    for machine in &machines {
        machine.round().await;
        machine.count("a.test", NOON);
    }
    clock.0.store(NEXT_NOON, Ordering::SeqCst);
    // Left, and lost with the contents of the store.
    machines[1].round().await;
    assert_eq!(machines[1].counts.parcels().len(), 1);
    server.kill();
    for machine in &machines {
        machine.count("b.test", NEXT_NOON);
        machine.round().await;
        assert_eq!(machine.outbox.faults(), ["fleet"]);
    }
    assert_eq!(sessions(&given), BTreeMap::new());
    server.restart();
    // It is asked again after a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    for number in [0, 1, 0, 1, 0] {
        machines[number].round().await;
    }
    assert_eq!(sessions(&given), [("a.test".to_owned(), 2)].into());
    for machine in &machines {
        assert!(!machine.outbox.faults().contains(&"fleet"));
    }
    // A parcel that is left once more after it has arrived counts once.
    clock.0.store(NEXT_NOON + 86_400, Ordering::SeqCst);
    machines[1].round().await;
    let id = machines[1].counts.parcels().pop().unwrap();
    let parcel = machines[1].counts.parcel(&id).unwrap();
    for _ in 0..2 {
        machines[0].round().await;
        server.command(&[b"FLUSHALL"]);
        let shared = RedisStore::open(&server.url().parse().unwrap()).unwrap();
        let group = PolicyDomain::parse("sender.test").unwrap();
        shared.parcels().unwrap().leave(&group, &parcel).await.unwrap();
    }
    machines[0].round().await;
    assert_eq!(sessions(&given)["b.test"], 2);
}

#[test]
fn many_counts_make_parcels_of_a_bounded_size() {
    let sender = ReportSender::new("tls@sender.test", "Sender Inc.").unwrap();
    let store = || ReportStore::in_memory(ReportStoreConfig::new(sender.clone())).unwrap();
    let (here, there) = (store(), store());
    for number in 0..5000 {
        let datagram = format!(
            r#"{{"d":"d{number}.test","pr":"v=TLSRPTv1; rua=mailto:tls@d.test","policies":[
            {{"policy-type":9,"policy-domain":"d{number}.test","t":0,"f":0}}]}}"#
        );
        for event in Datagram::parse(datagram.as_bytes()).unwrap().events() {
            here.count(&event, UnixTime::from_secs(NOON));
        }
    }
    let now = UnixTime::from_secs(NEXT_NOON);
    here.pack(now).unwrap();
    let parcels: Vec<_> = here.parcels().iter().map(|id| here.parcel(id).unwrap()).collect();
    assert!(parcels.len() > 2, "{}", parcels.len());
    assert!(parcels.iter().all(|parcel| parcel.text.len() <= 256 << 10));
    for parcel in &parcels {
        there.unpack(parcel, now).unwrap();
        there.unpack(parcel, now).unwrap();
        here.forget_parcel(&parcel.id);
    }
    let mut domains = BTreeSet::new();
    loop {
        let due = there.due(now).unwrap();
        if due.is_empty() {
            break;
        }
        for report in &due {
            assert_eq!(report.report.policies()[0].successes(), 1);
            assert!(domains.insert(report.domain.to_string()));
        }
    }
    assert_eq!(domains.len(), 5000);
    assert_eq!((here.state(now).parcels, here.due(now).unwrap().len()), (0, 0));
}

#[test]
fn a_parcel_that_cannot_be_read_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tally.sqlite");
    let sender = ReportSender::new("tls@sender.test", "Sender Inc.").unwrap();
    let store = ReportStore::open(&path, ReportStoreConfig::new(sender)).unwrap();
    let parcel = Parcel { id: "1".to_owned(), text: "mta-sts-tally 9\nnews\n".to_owned() };
    store.unpack(&parcel, UnixTime::from_secs(NOON)).unwrap();
    drop(store);
    let database = rusqlite::Connection::open(&path).unwrap();
    let kept: String = database.query_row("SELECT line FROM unreadable", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, parcel.text);
}
