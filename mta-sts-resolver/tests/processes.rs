//! Processes that share one store: what was learnt later counts, whoever writes last. A real file, a real `redis-server`, and a
//! Policy Host that holds its answers back.
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

mod dns_server;
mod https_server;
mod pki;
mod redis_server;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use dns_server::{Scripted, answer};
use hickory_proto::rr::RecordType;
use https_server::Step::{Cut, Wait};
use https_server::{SERVER, Server, Step, ok};
use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use mta_sts_resolver::{
    EntryStore, PolicyAnswer, PolicyFetcher, PolicyService, RedisStore, Resolver, ServiceConfig, SqliteStore,
};
use pki::Authority;
use redis_server::RedisServer;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

fn domain() -> PolicyDomain {
    PolicyDomain::parse("example.test").unwrap()
}

fn now() -> u64 {
    UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// An entry with these lines before those of the policy.
fn with(headers: &str, id: &str, fetched_at: u64, max_age: u64) -> CacheEntry {
    let policy = format!("version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: {max_age}\n");
    let length = policy.len();
    read(&format!("{headers}id: {id}\nfetched-at: {fetched_at}\npolicy-length: {length}\n\n{policy}"))
}

fn policy(id: &str, fetched_at: u64) -> CacheEntry {
    with("", id, fetched_at, 604_800)
}

fn read(headers: &str) -> CacheEntry {
    let text = format!("mta-sts-entry 2\ndomain: example.test\n{headers}");
    CacheEntry::parse(text.as_bytes(), &domain()).unwrap()
}

/// Two processes at a file, and two at a Redis.
async fn at_each_store(test: impl AsyncFn([&dyn EntryStore; 2])) {
    let folder = tempfile::tempdir().unwrap();
    let file = || SqliteStore::open(folder.path().join("cache.sqlite")).unwrap();
    test([&file(), &file()]).await;
    let redis = RedisServer::start();
    let connection = || RedisStore::open(&redis.url().parse().unwrap()).unwrap();
    test([&connection(), &connection()]).await;
}

#[tokio::test]
async fn of_two_entries_what_was_learnt_later_counts() {
    let now = now();
    let (before, at, after) = (now - 100, now - 80, now - 60);
    let later = now + 300;
    let current = policy("2", at);
    for (what, held, new, merged) in [
        (
            "an older request that was answered late; its id was asked for, and is not at once again",
            current.clone(),
            policy("1", before),
            with(&format!("back-off: 1 {}\n", before + 300), "2", at, 604_800),
        ),
        ("the same policy", current.clone(), current.clone(), current.clone()),
        ("a newer one", policy("2", before), policy("2", after), policy("2", after)),
        (
            "a failure of whoever did not know the policy says nothing of its id",
            current.clone(),
            with(&format!("fetch-failures: 1\nback-off: 2 {later}\n"), "1", before - 400, 604_800),
            current.clone(),
        ),
        (
            "nor of whoever knew none",
            current.clone(),
            read(&format!("back-off: 2 {later}\n\n")),
            current.clone(),
        ),
        (
            "another id is left alone, and the policy has not failed for it",
            current.clone(),
            read(&format!("back-off: 1 {later}\n\n")),
            with(&format!("back-off: 1 {later}\n"), "2", at, 604_800),
        ),
        (
            "a failure of whoever knew it",
            current.clone(),
            with(&format!("fetch-failures: 1\nback-off: 2 {later}\n"), "2", at, 604_800),
            with(&format!("fetch-failures: 1\nback-off: 2 {later}\n"), "2", at, 604_800),
        ),
        (
            "failures of both",
            with(&format!("fetch-failures: 1\nback-off: 3 {later}\n"), "2", at, 604_800),
            with(&format!("fetch-failures: 1\nback-off: 4 {later}\n"), "2", at, 604_800),
            with(&format!("fetch-failures: 2\nback-off: 3 {later}\nback-off: 4 {later}\n"), "2", at, 604_800),
        ),
        (
            "a policy ends the back-off of its id, and of no other",
            read(&format!("back-off: 1 {later}\nback-off: 2 {later}\n\n")),
            current.clone(),
            with(&format!("back-off: 1 {later}\n"), "2", at, 604_800),
        ),
        (
            "an absence hides no policy",
            current.clone(),
            read(&format!("absent: no-record {later}\n\n")),
            current.clone(),
        ),
        (
            "a failure tells of a record",
            read(&format!("back-off: 1 {later}\n\n")),
            read(&format!("absent: no-record {later}\n\n")),
            read(&format!("back-off: 1 {later}\n\n")),
        ),
        (
            "the later absence",
            read(&format!("absent: no-record {now}0\n\n")),
            read(&format!("absent: bad-id {later}\n\n")),
            read(&format!("absent: no-record {now}0\n\n")),
        ),
        ("a policy that has lapsed gives way", with("", "1", before, 10), policy("2", at), policy("2", at)),
        (
            "what took the place of another, and has lapsed, does not give it back",
            with("", "2", at, 10),
            policy("1", before - 300),
            with("", "2", at, 10),
        ),
        (
            "what has lapsed takes no place of a policy in force",
            policy("1", before - 300),
            with("", "2", at, 10),
            policy("1", before - 300),
        ),
        (
            "a fetch that lies in the future was made before a clock stepped back",
            policy("9", now + 86_400),
            current.clone(),
            current.clone(),
        ),
    ] {
        at_each_store(async |[one, other]| {
            one.put(&domain(), &held).await.unwrap();
            assert_eq!(other.put(&domain(), &new).await.unwrap(), merged, "{what}");
            assert_eq!(one.get(&domain()).await.unwrap(), Some(merged.clone()), "{what}");
            assert_eq!(one.put(&domain(), &new).await.unwrap(), merged, "{what}, once more");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_of_what_many_write_at_once() {
    let entries = || {
        let until = now() + 300;
        (1..=4).map(move |id| (id, read(&format!("back-off: {id} {until}\n\n"))))
    };
    let check = async |stores: Vec<Arc<dyn EntryStore>>| {
        let policy = policy("0", now() - 10);
        let mut writing = JoinSet::new();
        for ((id, entry), store) in entries().zip(stores.iter().cloned().cycle()) {
            let policy = (id == 4).then(|| policy.clone());
            writing.spawn(async move {
                store.put(&domain(), &entry).await.unwrap();
                if let Some(policy) = policy {
                    store.put(&domain(), &policy).await.unwrap();
                }
            });
        }
        writing.join_all().await;
        let stored = stores[0].get(&domain()).await.unwrap().unwrap();
        assert_eq!(stored.policy(), policy.policy());
        let mut ids: Vec<_> = stored.back_offs().iter().map(|back_off| back_off.id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["1", "2", "3", "4"]);
    };
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let file = || Arc::new(SqliteStore::open(folder.path().join("cache.sqlite")).unwrap());
        check(vec![file(), file()]).await;
    }
    let redis = RedisServer::start();
    for _ in 0..100 {
        let connection = || Arc::new(RedisStore::open(&redis.url().parse().unwrap()).unwrap());
        check(vec![connection(), connection(), connection(), connection()]).await;
        redis.command(&[b"FLUSHALL"]);
    }
}

/// A domain, and a clock for all processes that send to it.
struct Stage {
    dns: Scripted,
    host: Server,
    authority: Authority,
    id: Arc<AtomicU64>,
    clock: Arc<AtomicU64>,
}

impl Stage {
    async fn start() -> Self {
        let authority = Authority::new();
        let tls = authority.server_by_name(&["mta-sts.example.test".to_owned()]);
        let host = Server::start(tls, Vec::new()).await;
        let id = Arc::new(AtomicU64::new(1));
        let current = Arc::clone(&id);
        let dns = Scripted::start(move |query, _| {
            let question = &query.queries[0];
            let (name, id) = (question.name.to_ascii(), current.load(Ordering::SeqCst));
            let line = match question.query_type {
                RecordType::TXT => format!("{name} 3600 IN TXT \"v=STSv1; id={id};\""),
                RecordType::A => format!("{name} 60 IN A {SERVER}"),
                _ => return vec![answer(query, &[])],
            };
            vec![answer(query, &[&line])]
        })
        .await;
        Self { dns, host, authority, id, clock: Arc::new(AtomicU64::new(now() - 200)) }
    }

    /// What it publishes from now on, and how its host answers.
    fn publish(&self, id: u64, script: Vec<Step>) {
        self.id.store(id, Ordering::SeqCst);
        self.host.behave(Some(self.authority.server_by_name(&["mta-sts.example.test".to_owned()])), script);
    }

    fn process(&self, path: &Path) -> PolicyService {
        let fetcher = PolicyFetcher::new(self.authority.trusted()).with_port(self.host.address.port());
        let clock = Arc::clone(&self.clock);
        let config = ServiceConfig::new()
            .with_store(Arc::new(SqliteStore::open(path).unwrap()))
            .with_clock(move || UnixTime::from_secs(clock.load(Ordering::SeqCst)));
        PolicyService::new(Resolver::new(self.dns.client(), fetcher), config)
    }

    fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Asks, and comes back when the host is asked.
    async fn ask(&self, process: &PolicyService) -> tokio::task::JoinHandle<PolicyAnswer> {
        let (process, before) = (process.clone(), self.host.seen().len());
        let asking = tokio::spawn(async move { process.answer(&domain()).await });
        timeout(Duration::from_secs(30), async {
            while self.host.seen().len() == before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
        asking
    }
}

fn body(host: &str) -> String {
    format!("version: STSv1\nmode: enforce\nmx: {host}\nmax_age: 604800\n")
}

/// Which host the answer's policy names.
fn host_of(answer: &PolicyAnswer) -> String {
    let PolicyAnswer::Policy(policy) = answer else { panic!("{answer:?}") };
    policy.mx_patterns().next().unwrap().to_string()
}

/// One process asks for policy 1, and the end of the answer is held back until another has fetched what is published under this
/// id meanwhile. What the first says in the end, and what all processes remember then.
async fn overtaken(end: Vec<Step>, id: u64) -> (PolicyAnswer, Vec<CacheEntry>) {
    let (stage, folder) = (Stage::start().await, tempfile::tempdir().unwrap());
    let path = folder.path().join("cache.sqlite");
    let (one, other) = (stage.process(&path), stage.process(&path));
    let go_on = Arc::new(Notify::new());
    stage.publish(1, [vec![Wait(Arc::clone(&go_on))], end].concat());
    let held_back = stage.ask(&one).await;
    stage.advance(11);
    stage.publish(id, ok(body("new.example.test").as_bytes()));
    assert_eq!(host_of(&other.answer(&domain()).await), "new.example.test");
    stage.advance(44);
    go_on.notify_one();
    let answer = held_back.await.unwrap();
    let mut entries = Vec::new();
    for process in [&one, &other, &stage.process(&path)] {
        assert_eq!(host_of(&process.answer(&domain()).await), "new.example.test");
        entries.push(process.entry(&domain()).await.unwrap());
    }
    assert_eq!(stage.host.seen().len(), 2);
    (answer, entries)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_held_back_takes_no_place_of_a_newer() {
    let (answer, entries) = overtaken(ok(body("old.example.test").as_bytes()), 2).await;
    assert_eq!(host_of(&answer), "new.example.test", "the store knows a newer one by then");
    assert!(entries.iter().all(|entry| entry.policy().unwrap().id().as_str() == "2"), "{entries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_is_held_back_says_nothing_of_a_newer_policy() {
    let (answer, entries) = overtaken(vec![Cut], 1).await;
    assert_eq!(host_of(&answer), "new.example.test", "mail is protected all the same");
    for entry in entries {
        assert!(entry.policy().is_some() && entry.back_offs().is_empty(), "{entry:?}");
        assert_eq!(entry.fetch_failures(), 0);
    }
}
