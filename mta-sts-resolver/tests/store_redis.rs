//! The store in Redis, over a real `redis-server`.
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

mod redis_server;

use std::time::{Duration, UNIX_EPOCH};

use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use mta_sts_resolver::{EntryStore, LeaseHolder, RedisStore, RedisUrl, Unreadable};
use redis_server::{RedisServer, Sentinels};

fn open(url: &str) -> RedisStore {
    RedisStore::open(&url.parse().unwrap()).unwrap()
}

fn domain(number: usize) -> PolicyDomain {
    PolicyDomain::parse(&format!("d{number:04}.test")).unwrap()
}

fn now() -> u64 {
    UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// A policy of a week with this id, fetched at this time.
fn entry(id: &str, fetched_at: u64) -> CacheEntry {
    let text = format!(
        "mta-sts-entry 1\nid: {id}\nfetched-at: {fetched_at}\npolicy-length: 42\n\nversion: STSv1\nmode: none\nmax_age: 604800\n"
    );
    read(&text)
}

/// Without a domain it is as good for each.
fn read(text: &str) -> CacheEntry {
    CacheEntry::parse(text.as_bytes(), &domain(0)).unwrap()
}

fn back_off(id: &str, until: u64) -> CacheEntry {
    read(&format!("mta-sts-entry 1\nback-off: {id} {until}\n\n"))
}

async fn names(store: &RedisStore, count: usize) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = store.page(after.as_ref(), count).await.unwrap();
        assert!(page.len() <= count);
        let Some((last, _)) = page.last() else { return names };
        after = Some(last.clone());
        names.extend(page.into_iter().map(|(domain, _)| domain.to_string()));
    }
}

#[tokio::test]
async fn what_one_machine_puts_another_finds() {
    let redis = RedisServer::start();
    let (one, other) = (open(&redis.url()), open(&format!("redis+unix://{}", redis.socket().display())));
    assert_eq!(one.get(&domain(1)).await.unwrap(), None);
    for number in 0..200 {
        one.put(&domain(number), &entry("1", now())).await.unwrap();
    }
    let found = other.get(&domain(7)).await.unwrap().unwrap();
    assert_eq!(found.to_text(&domain(7)), entry("1", now()).to_text(&domain(7)));
    assert!(other.remove(&domain(7)).await.unwrap());
    assert!(!one.remove(&domain(7)).await.unwrap());
    assert_eq!(one.get(&domain(7)).await.unwrap(), None);
    let expected: Vec<_> =
        (0..200).filter(|number| *number != 7).map(|number| domain(number).to_string()).collect();
    for count in [1, 7, 1000] {
        assert_eq!(names(&other, count).await, expected, "in pages of {count}");
    }
    // The text of SQLite and of files, for everybody to read.
    let redis::Value::BulkString(value) = redis.command(&[b"GET", b"mtasts:entry:d0001.test"]) else {
        panic!()
    };
    assert_eq!(CacheEntry::parse(&value, &domain(1)).unwrap(), one.get(&domain(1)).await.unwrap().unwrap());
}

#[tokio::test]
async fn nothing_stays_for_ever() {
    let redis = RedisServer::start();
    let store = open(&redis.url());
    let life = |key: &[u8]| match redis.command(&[b"TTL", key]) {
        redis::Value::Int(seconds) => seconds,
        other => panic!("{other:?}"),
    };
    store.put(&domain(1), &entry("1", now())).await.unwrap();
    let week_and_day = 604_800 + 86_400;
    assert!((week_and_day - 60..=week_and_day).contains(&life(b"mtasts:entry:d0001.test")));
    store.put(&domain(2), &back_off("1", now() + 300)).await.unwrap();
    assert!((200..=300).contains(&life(b"mtasts:entry:d0002.test")));
    store.put(&domain(3), &back_off("1", 1)).await.unwrap();
    assert!((1..=60).contains(&life(b"mtasts:entry:d0003.test")));

    // As when they have expired: whoever reads names takes out those that are left over, and so does the daily round.
    for number in [2, 3] {
        redis.command(&[b"DEL", format!("mtasts:entry:{}", domain(number)).as_bytes()]);
    }
    assert_eq!(store.remove_expired(UnixTime::from_secs(now())).await.unwrap(), 2);
    redis.command(&[b"DEL", b"mtasts:entry:d0001.test"]);
    assert!(names(&store, 10).await.is_empty());
    assert_eq!(redis.command(&[b"DBSIZE"]), redis::Value::Int(0));
}

#[tokio::test]
async fn what_is_no_entry_was_not_remembered() {
    let redis = RedisServer::start();
    let store = open(&redis.url());
    for number in 0..100 {
        store.put(&domain(number), &entry("1", now() - 5)).await.unwrap();
    }
    let long = [entry("1", now()).to_text(&domain(11)).as_bytes(), &vec![b'#'; 10 << 20]].concat();
    redis.command(&[b"SET", b"mtasts:entry:d0010.test", b"junk"]);
    redis.command(&[b"SET", b"mtasts:entry:d0011.test", &long]);
    let other = entry("1", now()).to_text(&domain(15));
    redis.command(&[b"SET", b"mtasts:entry:d0014.test", other.as_bytes()]);
    redis.command(&[b"DEL", b"mtasts:entry:d0012.test"]);
    redis.command(&[b"LPUSH", b"mtasts:entry:d0012.test", b"a list"]);
    redis.command(&[
        b"SET",
        b"mtasts:entry:d0013.test",
        b"mta-sts-entry 1\nfetched-at: 99999999999999999999\n\n",
    ]);
    redis.command(&[b"ZADD", b"mtasts:domains", b"0", b"no domain\xff"]);
    redis.command(&[b"SET", b"mtasts:entry:no domain\xff", b"junk"]);
    for number in 10..15 {
        assert_eq!(store.get(&domain(number)).await.unwrap(), None, "{number}");
    }
    assert_eq!(names(&store, 1000).await.len(), 95);
    let mut unreadable = store.unreadable(None, 3).await.unwrap();
    assert_eq!(unreadable.len(), 3);
    unreadable.extend(store.unreadable(unreadable.last(), 3).await.unwrap());
    assert_eq!(unreadable.len(), 6);
    store.remove_expired(UnixTime::from_secs(now())).await.unwrap();
    assert_eq!((store.counts().newer, store.counts().damaged), (0, 6));
    for number in 10..15 {
        let fetched = entry("2", now());
        store.put(&domain(number), &fetched).await.unwrap();
        assert_eq!(store.get(&domain(number)).await.unwrap(), Some(fetched), "{number}");
    }
    assert_eq!(names(&store, 1000).await.len(), 100);
}

#[tokio::test]
async fn entries_of_the_earlier_version_are_read_and_give_way_as_any() {
    let redis = RedisServer::start();
    let store = open(&redis.url());
    store.put(&domain(1), &entry("1", now() - 20)).await.unwrap();
    let earlier = entry("1", now() - 10).to_text(&domain(1));
    let earlier = earlier.replace("entry 2\ndomain: d0001.test\n", "entry 1\n");
    redis.command(&[b"SET", b"mtasts:entry:d0001.test", earlier.as_bytes(), b"KEEPTTL"]);
    let held = store.get(&domain(1)).await.unwrap().unwrap();
    store.put(&domain(1), &entry("2", now() - 15)).await.unwrap();
    let kept = store.get(&domain(1)).await.unwrap().unwrap();
    assert_eq!(kept.policy(), held.policy(), "it was fetched later");
    store.put(&domain(1), &entry("3", now() - 5)).await.unwrap();
    let redis::Value::BulkString(value) = redis.command(&[b"GET", b"mtasts:entry:d0001.test"]) else {
        panic!()
    };
    assert!(value.starts_with(b"mta-sts-entry 2\ndomain: d0001.test\n"));
}

#[tokio::test]
async fn entries_of_a_later_version_are_kept() {
    let redis = RedisServer::start();
    let store = open(&redis.url());
    let later = format!("mta-sts-entry 99\nfetched-at: {}\nmore: than this\n\n", now() - 10);
    for number in 0..100 {
        store.put(&domain(number), &entry("1", now() - 20)).await.unwrap();
        redis.command(&[
            b"SET",
            format!("mtasts:entry:{}", domain(number)).as_bytes(),
            later.as_bytes(),
            b"KEEPTTL",
        ]);
    }
    assert_eq!(store.remove_expired(UnixTime::from_secs(u64::MAX)).await.unwrap(), 0);
    assert_eq!((store.counts().newer, store.counts().damaged), (100, 0));
    assert!(names(&store, 10).await.is_empty());
    let kept = store.unreadable(None, 1000).await.unwrap();
    assert_eq!((kept.len(), &kept[0].text[..], kept[0].why), (100, later.as_bytes(), Unreadable::Newer));
    // A failed fetch hides none, which may have a policy; a policy takes its place, unless it was fetched before.
    for (new, is_taken) in
        [(back_off("1", now() + 300), false), (entry("1", now() - 20), false), (entry("1", now() - 5), true)]
    {
        store.put(&domain(7), &new).await.unwrap();
        assert_eq!(store.get(&domain(7)).await.unwrap(), is_taken.then_some(new));
    }
}

#[tokio::test]
async fn a_lease_that_would_not_end_is_taken_over() {
    let redis = RedisServer::start();
    let store = open(&redis.url());
    let leases = store.leases().unwrap();
    let lasts = Duration::from_secs(10);
    let key = b"mtasts:lease:d0001.test";
    redis.command(&[b"SET", key, b"somebody", b"PX", b"9000"]);
    assert!(!leases.take(&domain(1), LeaseHolder::unique(), lasts).await.unwrap());
    for broken in [
        &[&b"SET"[..], key, b"somebody"][..],
        &[b"SET", key, b"somebody", b"EX", b"86400"],
        &[b"LPUSH", key, b"a list"],
    ] {
        redis.command(&[b"DEL", key]);
        redis.command(broken);
        assert!(leases.take(&domain(1), LeaseHolder::unique(), lasts).await.unwrap(), "{broken:?}");
        assert!(!leases.take(&domain(1), LeaseHolder::unique(), lasts).await.unwrap(), "{broken:?}");
    }
}

#[tokio::test]
async fn a_lease_has_one_holder_and_ends_by_itself() {
    let redis = RedisServer::start();
    let (one, other) = (open(&redis.url()), open(&redis.url()));
    let (one, other) = (one.leases().unwrap(), other.leases().unwrap());
    let (first, second) = (LeaseHolder::unique(), LeaseHolder::unique());
    let (long, short) = (Duration::from_secs(60), Duration::from_millis(50));
    assert!(one.take(&domain(1), first, long).await.unwrap());
    assert!(!other.take(&domain(1), second, long).await.unwrap());
    assert!(other.take(&domain(2), second, long).await.unwrap(), "each domain has its own");
    other.give_back(&domain(1), second).await.unwrap();
    assert!(!other.take(&domain(1), second, long).await.unwrap(), "what another has cannot be given back");
    assert!(one.take(&domain(1), first, long).await.unwrap(), "it can be prolonged");
    one.give_back(&domain(1), first).await.unwrap();
    assert!(other.take(&domain(1), second, short).await.unwrap());
    while !one.take(&domain(1), first, long).await.unwrap() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_full_redis_is_told_and_passes() {
    let redis = RedisServer::with(&["--maxmemory", "1000000000", "--maxmemory-policy", "noeviction"]);
    let store = open(&redis.url());
    store.put(&domain(1), &entry("1", now())).await.unwrap();
    redis.command(&[b"CONFIG", b"SET", b"maxmemory", b"1"]);
    let error = store.put(&domain(2), &entry("1", now())).await.unwrap_err();
    assert_eq!(error.code(), "store-full", "{error}");
    assert!(store.get(&domain(1)).await.unwrap().is_some(), "what is there can be read");
    assert!(store.remove(&domain(1)).await.unwrap(), "and forgotten");
    redis.command(&[b"CONFIG", b"SET", b"maxmemory", b"0"]);
    store.put(&domain(2), &entry("1", now())).await.unwrap();
    assert_eq!(names(&store, 10).await, [domain(2).to_string()]);
}

/// An enforced policy of about this many octets.
fn large_entry(octets: usize) -> CacheEntry {
    let hosts: Vec<_> = (0..octets / 27).map(|number| format!("mx: *.padding{number:06}.a.test\n")).collect();
    let hosts = hosts.concat();
    let policy = format!("version: STSv1\nmode: enforce\nmx: mx.a.test\n{hosts}max_age: 604800\n");
    let head = format!("mta-sts-entry 1\nid: 1\nfetched-at: {}\n", now());
    read(&format!("{head}policy-length: {}\n\n{policy}", policy.len()))
}

#[tokio::test]
async fn a_bounded_redis_keeps_what_mail_goes_to() {
    let redis = RedisServer::start();
    let bound = 2 << 20;
    let store = open(&redis.url()).with_max_octets(bound);
    let known = |number: usize| PolicyDomain::parse(&format!("known{number}.test")).unwrap();
    let (small, large) = (large_entry(500), large_entry(60_000));
    for number in 0..20 {
        store.put(&known(number), if number < 15 { &small } else { &large }).await.unwrap();
    }
    let used: Vec<_> = (15..20).map(known).collect();
    store.note_use(&used).await.unwrap();
    store.put(&known(20), &small).await.unwrap();
    redis.command(&[b"SET", b"mtasts:entry:known20.test", b"mta-sts-entry 99\n\n"]);
    // Four times as much as there is room for.
    for number in 0..140 {
        store.put(&domain(number), &large).await.unwrap();
        store.put(&known(17), &large_entry(60_000)).await.unwrap();
        let redis::Value::BulkString(octets) = redis.command(&[b"GET", b"mtasts:octets"]) else { panic!() };
        assert!(String::from_utf8(octets).unwrap().parse::<u64>().unwrap() <= bound);
    }
    for number in 0..20 {
        assert!(store.get(&known(number)).await.unwrap().is_some(), "{number}");
    }
    assert_eq!(store.unreadable(None, 9).await.unwrap().len(), 1, "of a later version");
    assert!(store.counts().evicted > 100);
    let count = |key: &[u8], command: &[u8]| redis.command(&[command, key]);
    let names = names(&store, 1000).await.len() + 1;
    assert_eq!(count(b"mtasts:sizes", b"HLEN"), redis::Value::Int(i64::try_from(names).unwrap()));
    // Nothing is left of what is gone.
    while let Some((last, _)) = store.page(None, 1000).await.unwrap().last() {
        store.remove(last).await.unwrap();
    }
    store.remove(&known(20)).await.unwrap();
    assert_eq!(redis.command(&[b"DBSIZE"]), redis::Value::Int(0));
}

#[tokio::test]
async fn a_lost_redis_is_told_at_once_and_found_again() {
    let mut redis = RedisServer::start();
    let store = open(&redis.url());
    store.put(&domain(1), &entry("1", now())).await.unwrap();
    redis.kill();
    for _ in 0..3 {
        assert_eq!(store.get(&domain(1)).await.unwrap_err().code(), "store-unavailable");
    }
    redis.restart();
    while store.get(&domain(1)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    store.put(&domain(1), &entry("1", now())).await.unwrap();
    // An end of the connection alone is not even noticed.
    redis.command(&[b"CLIENT", b"KILL", b"TYPE", b"normal"]);
    assert!(store.get(&domain(1)).await.unwrap().is_some());

    // One that hangs holds up the first alone.
    redis.signal("-STOP");
    let domain = domain(1);
    assert_eq!(store.get(&domain).await.unwrap_err().code(), "store-unavailable");
    let at_once = tokio::time::timeout(Duration::from_millis(500), store.get(&domain));
    assert_eq!(at_once.await.expect("nobody waits for it again").unwrap_err().code(), "store-unavailable");
    redis.signal("-CONT");
    while store.get(&domain).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_primary_server_is_found_by_its_sentinels() {
    let mut primary = RedisServer::start();
    let replica = primary.replica();
    let mut sentinels = Sentinels::of(&primary);
    sentinels.wait_until_they_agree();
    let store = open(&format!("redis+sentinel://{}/mail", sentinels.addresses()));
    let (first, second) = (domain(1), domain(2));
    store.put(&first, &entry("1", now())).await.unwrap();
    while open(&replica.url()).get(&first).await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A replica takes nothing, and one Sentinel may be away.
    assert_eq!(
        open(&replica.url()).put(&second, &entry("1", now())).await.unwrap_err().code(),
        "store-unavailable"
    );
    sentinels.kill_one();
    primary.kill();
    let found = async {
        while store.put(&second, &entry("1", now())).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), found)
        .await
        .expect("the replica is the primary server now");
    assert!(store.get(&first).await.unwrap().is_some());
    assert!(open(&replica.url()).get(&second).await.unwrap().is_some());
    let unknown = open(&format!("redis+sentinel://{}/other", sentinels.addresses()));
    assert_eq!(unknown.get(&first).await.unwrap_err().code(), "store-unavailable");
}

#[test]
fn the_address_of_sentinels_is_read() {
    let shown = |text: &str| text.parse::<RedisUrl>().map(|url| (url.to_string(), url.has_password())).ok();
    let read = |shown: &str, has_password| Some((shown.to_owned(), has_password));
    assert_eq!(shown("redis://[::1]/2"), read("redis://[::1]:6379/2", false));
    let plain = "redis+sentinel://a.test:26379/mail/0";
    assert_eq!(shown("redis+sentinel://a.test/mail"), read(plain, false));
    assert_eq!(shown("redis+sentinel://u:p@a.test/mail/0"), read(plain, true));
    assert_eq!(shown("redis+sentinel://a.test/mail?sentinel-password=p%40"), read(plain, true));
    let many = "rediss+sentinel://a.test:26379,[::1]:26379,[::2]:5/a-b.c_d/7";
    assert_eq!(shown("rediss+sentinel://a.test,[::1],[::2]:5/a-b.c_d/7"), read(many, false));
    for wrong in [
        "redis+sentinel://a.test",
        "redis+sentinel://a.test/",
        "redis+sentinel:///mail",
        "redis+sentinel://a.test,/mail",
        "redis+sentinel://a.test:x/mail",
        "redis+sentinel://a.test/mail/x",
        "redis+sentinel://a.test/mail/-1",
        "redis+sentinel://a.test/ma il",
        "rediss+sentinel://a.test/mail/0#insecure",
        "redis+sentinel:a.test/mail",
    ] {
        assert_eq!(shown(wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn a_password_is_in_nothing_that_is_said() {
    let redis = RedisServer::with(&["--requirepass", "correct-horse"]);
    let address = redis.url().replace("redis://", "");
    assert!(open(&format!("redis://:correct-horse@{address}")).get(&domain(1)).await.unwrap().is_none());
    let socket = redis.socket();
    let socket = socket.display();
    assert!(
        open(&format!("redis+unix://{socket}?pass=correct-horse")).get(&domain(1)).await.unwrap().is_none()
    );
    for wrong in [
        format!("redis://user:secret-word@{address}"),
        format!("redis+unix://{socket}?user=user&pass=secret-word"),
        format!("redis://:secret-word@{address}"),
    ] {
        let store = open(&wrong);
        let error = store.get(&domain(1)).await.unwrap_err();
        assert_eq!(error.code(), "store-unavailable");
        for said in [format!("{store:?}"), store.url().to_string(), format!("{error} {error:?}")] {
            assert!(!said.contains("secret-word"), "{said}");
        }
    }
    for wrong in ["redis://", "http://cache.test", "rediss://cache.test/#insecure", "redis://cache.test/x"] {
        assert!(wrong.parse::<RedisUrl>().is_err(), "{wrong}");
    }
}
