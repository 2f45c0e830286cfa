//! Machines that share one store: a fleet asks a Policy Host once. Real sockets, a real `redis-server`, the loopback world.
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

mod redis_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use mta_sts_core::{FetchLimits, LookupConfig, PolicyDomain, UnixTime};
use mta_sts_resolver::{
    DnsClient, DnsConfig, EntryStore, PolicyAnswer, PolicyFetcher, PolicyService, RedisStore, Resolver,
    ServiceConfig, SqliteStore, TrustStore,
};
use mta_sts_world::{State, World, WorldConfig};
use redis_server::RedisServer;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// A world, and a clock for all machines in it.
struct Stage {
    world: World,
    clock: Arc<AtomicU64>,
}

impl Stage {
    async fn start() -> Self {
        Self {
            world: World::start(WorldConfig::default()).await.unwrap(),
            clock: Arc::new(AtomicU64::new(now())),
        }
    }

    fn machine(&self, store: Arc<dyn EntryStore>) -> PolicyService {
        self.machine_with(ServiceConfig::new().with_store(store))
    }

    fn machine_with(&self, config: ServiceConfig) -> PolicyService {
        let trust_store = TrustStore::from_pem(self.world.ca_pem().as_bytes()).unwrap();
        let fetcher = PolicyFetcher::new(trust_store).with_port(self.world.https_port());
        let dns =
            DnsConfig::new(self.world.dns_addr()).with_timeout(Duration::from_millis(500)).with_attempts(1);
        let lookup =
            LookupConfig::new().with_fetch_limits(FetchLimits::new().with_timeout(Duration::from_secs(1)));
        let clock = Arc::clone(&self.clock);
        let config = config.with_clock(move || UnixTime::from_secs(clock.load(Ordering::SeqCst)));
        PolicyService::new(Resolver::new(DnsClient::new(dns), fetcher).with_config(lookup), config)
    }

    fn fetches(&self) -> usize {
        self.world.seen().https.len()
    }

    fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }
}

fn store(redis: &RedisServer) -> Arc<RedisStore> {
    Arc::new(RedisStore::open(&redis.url().parse().unwrap()).unwrap())
}

fn domain(name: &str) -> PolicyDomain {
    PolicyDomain::parse(name).unwrap()
}

fn now() -> u64 {
    UNIX_EPOCH.elapsed().unwrap().as_secs()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    timeout(Duration::from_secs(30), async {
        while !holds().await {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{what}"));
}

fn refreshing(service: &PolicyService) -> tokio::task::JoinHandle<()> {
    let service = service.clone();
    tokio::spawn(async move { service.refresh_for_ever().await })
}

#[tokio::test(flavor = "multi_thread")]
async fn many_ask_many_machines_and_the_policy_host_is_asked_once() {
    let (redis, stage) = (RedisServer::start(), Stage::start().await);
    let machines: Vec<_> = (0..3).map(|_| stage.machine(store(&redis))).collect();
    // A policy, none, and a host that takes its time to fail.
    for (name, fetches) in [
        ("healthy-enforce.test", 1),
        ("no-mta-sts.test", 0),
        ("https-not-found.test", 1),
        ("https-hang.test", 1),
    ] {
        stage.world.reset().unwrap();
        let mut asking = JoinSet::new();
        for number in 0..50 {
            let machine = machines[number % machines.len()].clone();
            asking.spawn(async move { machine.answer(&domain(name)).await });
        }
        let answers = asking.join_all().await;
        let with_policy = answers.iter().filter(|answer| matches!(answer, PolicyAnswer::Policy(_))).count();
        assert_eq!(with_policy, if name == "healthy-enforce.test" { 50 } else { 0 }, "{name}");
        assert!(!answers.iter().any(|answer| matches!(answer, PolicyAnswer::Temporary(_))), "{name}");
        assert_eq!(stage.fetches(), fetches, "{name}");
    }
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ_a_little_make_no_second_fetch() {
    let (redis, stage) = (RedisServer::start(), Stage::start().await);
    let name = domain("https-not-found.test");
    // The second clock stands 0 s to a minute behind the first; a day behind, the time means nothing.
    for (behind, fetches) in [(0, 1), (1, 1), (58, 1), (86_400, 2)] {
        redis.command(&[b"FLUSHALL"]);
        stage.world.reset().unwrap();
        let start = stage.clock.load(Ordering::SeqCst);
        for _ in 0..2 {
            let machine = stage.machine(store(&redis));
            assert!(matches!(machine.answer(&name).await, PolicyAnswer::None(_)), "{behind}");
            stage.clock.store(start - behind, Ordering::SeqCst);
        }
        stage.clock.store(start, Ordering::SeqCst);
        assert_eq!(stage.fetches(), fetches, "{behind} s");
    }
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_waited_for_and_taken_over_when_its_holder_dies() {
    let (redis, stage) = (RedisServer::start(), Stage::start().await);
    let machine = stage.machine(store(&redis));
    // Of a machine that is no more.
    redis.command(&[b"SET", b"mtasts:lease:healthy-enforce.test", b"the dead", b"PX", b"60000"]);
    let asking = tokio::spawn({
        let machine = machine.clone();
        async move { machine.answer(&domain("healthy-enforce.test")).await }
    });
    until("the domain is looked up", async || !stage.world.seen().dns.is_empty()).await;
    sleep(Duration::from_millis(250)).await;
    assert_eq!(stage.fetches(), 0, "it waits for the holder");
    redis.command(&[b"PEXPIRE", b"mtasts:lease:healthy-enforce.test", b"1"]);
    assert!(matches!(asking.await.unwrap(), PolicyAnswer::Policy(_)));
    assert_eq!(stage.fetches(), 1);
    let lease = redis.command(&[b"EXISTS", b"mtasts:lease:healthy-enforce.test"]);
    assert_eq!(lease, redis::Value::Int(0), "it was given back");
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_machine_refreshes_for_all() {
    let (redis, stage) = (RedisServer::start(), Stage::start().await);
    let (one, other) = (stage.machine(store(&redis)), stage.machine(store(&redis)));
    let name = domain("healthy-enforce.test");
    for machine in [&one, &other] {
        assert!(matches!(machine.answer(&name).await, PolicyAnswer::Policy(_)));
    }
    assert_eq!(stage.fetches(), 1);
    stage.advance(86_400);
    let running = refreshing(&one);
    until("one machine refreshes", async || one.counts().fetched == 2).await;
    running.abort();
    stage.world.reset().unwrap();
    let running = refreshing(&other);
    until("the other finds it done", async || other.counts().refreshes == 1 && other.counts().entries == 1)
        .await;
    // Its next lookup is over when the refresh is.
    assert!(matches!(other.answer(&name).await, PolicyAnswer::Policy(_)));
    running.abort();
    assert_eq!((stage.fetches(), other.counts().fetched), (0, 0));
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_redis_holds_up_nobody_and_gets_everything_again() {
    let (mut redis, stage) = (RedisServer::start(), Stage::start().await);
    let machine = stage.machine(store(&redis));
    let running = refreshing(&machine);
    let (before, after) = (domain("healthy-enforce.test"), domain("wildcard.test"));
    assert!(matches!(machine.answer(&before).await, PolicyAnswer::Policy(_)));
    redis.kill();
    for name in [&before, &after] {
        assert!(matches!(machine.answer(name).await, PolicyAnswer::Policy(_)), "{name}");
    }
    assert!(machine.counts().store_failures > 0);
    // It comes back empty.
    redis.restart();
    let store = store(&redis);
    until("what it missed and what it had is written", async || {
        machine.answer(&domain("no-such-domain.test")).await;
        stage.advance(3600);
        let (before, after) = (store.get(&before).await, store.get(&after).await);
        matches!((before, after), (Ok(Some(_)), Ok(Some(_))))
    })
    .await;
    running.abort();
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_memory_has_no_room_for_is_in_the_store() {
    let stage = Stage::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path().join("cache.sqlite")).unwrap());
    let config = ServiceConfig::new().with_store(store.clone()).with_max_entries(1);
    let machine = stage.machine_with(config.clone());
    let names = ["healthy-enforce.test", "txt-suppressed.test", "wildcard.test"].map(domain);
    let all_have_policies = async |machine: &PolicyService| {
        for name in &names {
            assert!(matches!(machine.answer(name).await, PolicyAnswer::Policy(_)), "{name}");
        }
    };
    all_have_policies(&machine).await;
    stage.world.switch("txt-suppressed", State::Attack).unwrap();
    for _ in 0..2 {
        stage.advance(3700);
        all_have_policies(&machine).await;
        assert_eq!(machine.counts().entries, 1);
    }
    let next = stage.machine_with(config);
    assert_eq!(next.load().await.unwrap(), 1);
    all_have_policies(&next).await;
    assert_eq!(stage.fetches(), 3);
    for name in &names {
        assert!(store.get(name).await.unwrap().unwrap().policy().is_some(), "{name}");
    }
    stage.world.shutdown().await;
}

// Proves S81, C15.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_steps_neither_loses_a_policy_nor_lets_one_outlive_its_age() {
    let stage = Stage::start().await;
    let (redis, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let sqlite = Arc::new(SqliteStore::open(folder.path().join("cache.sqlite")).unwrap());
    let stores: [Arc<dyn EntryStore>; 2] = [sqlite, store(&redis)];
    let name = domain("txt-suppressed.test");
    let start = stage.clock.load(Ordering::SeqCst);
    for store in stores {
        stage.world.switch("txt-suppressed", State::Calm).unwrap();
        stage.clock.store(start, Ordering::SeqCst);
        assert!(matches!(stage.machine(store.clone()).answer(&name).await, PolicyAnswer::Policy(_)));
        let max_age = store.get(&name).await.unwrap().unwrap().policy().unwrap().policy().max_age().as_secs();
        stage.world.switch("txt-suppressed", State::Attack).unwrap();
        // Each time a machine that starts, and the daily cleaning with its two days of grace.
        let end = start + max_age;
        for at in [start + 86_400, start - 86_400, start, end, end + 86_400, end] {
            stage.clock.store(at, Ordering::SeqCst);
            store.remove_expired(UnixTime::from_secs(at - 2 * 86_400)).await.unwrap();
            let machine = stage.machine(store.clone());
            let is_valid = at <= end;
            assert_eq!(machine.load().await.unwrap(), usize::from(is_valid), "{store:?} {at}");
            let answer = machine.answer(&name).await;
            assert_eq!(matches!(answer, PolicyAnswer::Policy(_)), is_valid, "{store:?} {at}: {answer:?}");
        }
    }
    stage.world.shutdown().await;
}
