//! The socketmap server on real sockets, over a service of policies in the loopback world.
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

mod socketmap_client;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mta_sts_core::postfix::Form;
use mta_sts_core::{CacheEntry, FetchLimits, LookupConfig, PolicyDomain, UnixTime};
use mta_sts_resolver::{
    DnsClient, DnsConfig, DomainEventKind, EntryStore, PolicyAnswer, PolicyFetcher, PolicyService, Purge,
    Resolver, ServiceConfig, StoreError, StoreErrorKind, StoreFuture, TrustStore,
};
use mta_sts_world::{State, World, WorldConfig};
use mtasts_socketmap::{
    DnsFailureAnswer, FetchFailureAnswer, MatchNames, SocketAccess, SocketmapConfig, SocketmapListener,
    SocketmapServer, Zone, Zones,
};
use socketmap_client::{Client, LONG};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// A world, and a server in it with a clock of its own.
struct Stage {
    world: World,
    service: PolicyService,
    server: SocketmapServer,
    address: SocketAddr,
    clock: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Stage {
    async fn start() -> Self {
        Self::with(ServiceConfig::new(), SocketmapConfig::new()).await
    }

    async fn with(config: ServiceConfig, bounds: SocketmapConfig) -> Self {
        let world = World::start(WorldConfig::default()).await.unwrap();
        let clock = Arc::new(AtomicU64::new(1_700_000_000));
        let service = PolicyService::new(resolver(&world), {
            let clock = Arc::clone(&clock);
            config.with_clock(move || UnixTime::from_secs(clock.load(Ordering::SeqCst)))
        });
        let zones = Zones::default()
            .with_zone("extended", Zone::new().with_form(Form::ExtendedWithTesting))
            .with_zone("exact", Zone::new().with_match_names(MatchNames::MxHosts))
            .with_zone("lax", Zone::new().with_dns_failure(DnsFailureAnswer::NotFound))
            .with_zone("patient", Zone::new().with_fetch_failure(FetchFailureAnswer::Temporary));
        let server = SocketmapServer::new(service.clone(), bounds, zones);
        let listener = SocketmapListener::bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.tcp_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn({
            let server = server.clone();
            async move { server.serve(vec![listener], async { drop(stopped.await) }).await }
        });
        Self { world, service, server, address, clock, stop: Some(stop), running }
    }

    async fn client(&self) -> Client<TcpStream> {
        Client { stream: TcpStream::connect(self.address).await.unwrap() }
    }

    async fn ask(&self, request: &str) -> String {
        self.client().await.ask(request).await
    }

    fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn end(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        timeout(LONG, &mut self.running).await.expect("the server stops").unwrap();
        self.world.shutdown().await;
    }
}

fn resolver(world: &World) -> Resolver {
    let trust_store = TrustStore::from_pem(world.ca_pem().as_bytes()).unwrap();
    let fetcher = PolicyFetcher::new(trust_store).with_port(world.https_port());
    let dns = DnsConfig::new(world.dns_addr()).with_timeout(Duration::from_millis(300)).with_attempts(1);
    let config =
        LookupConfig::new().with_fetch_limits(FetchLimits::new().with_timeout(Duration::from_secs(1)));
    Resolver::new(DnsClient::new(dns), fetcher).with_config(config)
}

const HEALTHY: &str = "OK secure match=mx.healthy-enforce.test servername=hostname";

// Proves S65, A30, A31.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_answered_as_postfix_means_them() {
    let stage = Stage::start().await;
    let mut client = stage.client().await;
    for (request, expected) in [
        ("postfix healthy-enforce.test", HEALTHY),
        ("postfix HEALTHY-Enforce.test.", HEALTHY),
        ("postfix healthy-enforce.test:587", HEALTHY),
        ("any-map healthy-enforce.test", HEALTHY),
        ("postfix wildcard.test", "OK secure match=.wildcard.test servername=hostname"),
        ("exact wildcard.test", "OK secure match=mx.wildcard.test servername=hostname"),
        ("exact implicit-mx.test", "OK secure match=implicit-mx.test servername=hostname"),
        ("postfix [implicit-mx.test]:25", "OK secure match=implicit-mx.test servername=hostname"),
        (
            "postfix [healthy-enforce.test]",
            "TEMP The policy of the smart host healthy-enforce.test does not cover this host. [no-permitted-host]",
        ),
        ("postfix .test", "NOTFOUND "),
        ("postfix .healthy-enforce.test", "NOTFOUND "),
        ("postfix [127.0.0.1]", "NOTFOUND "),
        ("postfix [127.0.0.1]:2525", "NOTFOUND "),
        ("postfix [IPv6:::1]", "NOTFOUND "),
        ("postfix no-mta-sts.test", "NOTFOUND "),
        ("postfix no-such-domain.test", "NOTFOUND "),
        ("postfix b\u{fc}cher.test", "NOTFOUND "),
        ("postfix ", "NOTFOUND "),
        ("postfix mode-none.test", "NOTFOUND "),
        ("postfix testing-fault.test", "NOTFOUND "),
        ("postfix", "PERM Expected the name of a map, a space, and a key."),
    ] {
        assert_eq!(client.ask(request).await, expected, "{request}");
    }
    let told = client.ask("extended healthy-enforce.test").await;
    assert!(told.starts_with(HEALTHY), "{told}");
    for word in
        [" policy_type=sts ", " policy_domain=healthy-enforce.test ", " { policy_string = mode: enforce }"]
    {
        assert!(told.contains(word), "{word} in {told}");
    }
    assert!(!told.contains("policy_ttl"), "{told}");
    let told = client.ask("extended testing-fault.test").await;
    assert!(told.starts_with("OK may ") && told.contains(" policy_type=sts "), "{told}");
    client.send(b"9:postfix \xff,").await;
    assert_eq!(client.answer().await.as_deref(), Some("NOTFOUND "));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_may_come_in_any_pieces() {
    let stage = Stage::start().await;
    let mut client = stage.client().await;
    let request = b"28:postfix healthy-enforce.test,";
    for octet in request {
        client.send(&[*octet]).await;
        client.stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await.as_deref(), Some(HEALTHY));
    client.send(&request.repeat(100)).await;
    for _ in 0..100 {
        assert_eq!(client.answer().await.as_deref(), Some(HEALTHY));
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_netstring_ends_its_own_connection_alone() {
    let stage = Stage::start().await;
    let mut other = stage.client().await;
    for broken in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"EHLO client.test\r\n",
        b"7:postfix no-comma.test",
        b"999999999:",
        b"2049:",
        b"-1:a,",
        b"007:postfix,",
        b":,",
        &[0xff; 4096],
    ] {
        let mut client = stage.client().await;
        client.send(broken).await;
        let answer = client.answer().await;
        // What the server has not read any more may cut its answer off.
        assert!(answer.as_ref().is_none_or(|answer| answer.starts_with("PERM ")), "{answer:?}");
        assert_eq!(client.answer().await, None, "{}", broken.escape_ascii());
        assert_eq!(other.ask("postfix healthy-enforce.test").await, HEALTHY);
    }
    // Half a request, and gone.
    stage.client().await.send(b"28:postfix heal").await;
    assert_eq!(other.ask("postfix healthy-enforce.test").await, HEALTHY);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_silent_clients_are_let_go() {
    let short = Duration::from_millis(200);
    let bounds =
        SocketmapConfig::new().with_idle_timeout(short).with_request_timeout(short).with_max_clients(8);
    let stage = Stage::with(ServiceConfig::new(), bounds).await;
    // More than the server has places for: some silent, some in the middle of a request.
    let mut slow = Vec::new();
    for number in 0..24 {
        let mut client = stage.client().await;
        if number % 2 == 0 {
            client.send(b"28:postfix heal").await;
        }
        slow.push(client);
    }
    assert_eq!(stage.ask("postfix healthy-enforce.test").await, HEALTHY);
    for mut client in slow {
        assert_eq!(client.answer().await, None);
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_no_answers_holds_up_nobody() {
    let bounds = SocketmapConfig::new().with_request_timeout(Duration::from_millis(300));
    let stage = Stage::with(ServiceConfig::new(), bounds).await;
    let mut greedy = stage.client().await;
    let requests = b"37:extended healthy-enforce.test:12345678,".repeat(1000);
    // Until the server reads no more.
    while let Ok(Ok(())) = timeout(Duration::from_millis(100), greedy.stream.write_all(&requests)).await {}
    assert_eq!(stage.ask("postfix healthy-enforce.test").await, HEALTHY);
    timeout(LONG, async {
        while stage.server.clients() > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the greedy client is given up");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clients_ask_at_once_and_the_domain_is_asked_once() {
    let stage = Stage::start().await;
    stage.world.reset().unwrap();
    let mut clients = JoinSet::new();
    for _ in 0..1000 {
        let address = stage.address;
        clients.spawn(async move {
            let mut client = Client { stream: TcpStream::connect(address).await.unwrap() };
            let answer = client.ask("postfix healthy-enforce.test").await;
            (client, answer)
        });
    }
    let served = clients.join_all().await;
    assert!(served.iter().all(|(_, answer)| answer == HEALTHY));
    let seen = stage.world.seen();
    assert_eq!(seen.https.len(), 1, "one fetch");
    let asked = seen.dns.iter().filter(|question| question.name.starts_with("_mta-sts.healthy-enforce"));
    assert_eq!(asked.count(), 1, "one question");
    assert_eq!(stage.service.counts().lookups, 1);
    stage.end().await;
}

// Proves S56, A29.
#[tokio::test(flavor = "multi_thread")]
async fn faults_of_dns_are_temporary_and_not_remembered() {
    let stage = Stage::start().await;
    for domain in ["bogus.test", "loop.test"] {
        for _ in 0..2 {
            let answer = stage.ask(&format!("postfix {domain}")).await;
            assert!(answer.starts_with("TEMP ") && answer.ends_with("[dns-failed]"), "{domain}: {answer}");
        }
        assert_eq!(stage.ask(&format!("lax {domain}")).await, "NOTFOUND ");
    }
    assert_eq!(stage.service.counts().entries, 0, "nothing is cached");
    assert_eq!(stage.service.counts().lookups, 6, "each asked anew");
    stage.end().await;
}

// Proves S50, S51, S52, S54.
#[tokio::test(flavor = "multi_thread")]
async fn faults_of_a_policy_host_stop_no_mail_and_are_not_repeated() {
    let stage = Stage::start().await;
    let domains = [
        "policy-host-down.test",
        "policy-redirect.test",
        "policy-invalid.test",
        "policy-host-untrusted.test",
        "https-gzip.test",
        "https-drip.test",
        "https-hang.test",
        "https-media-type.test",
        "https-two-media-types.test",
        "https-too-large.test",
        "https-not-found.test",
        "https-refused.test",
    ];
    for _ in 0..2 {
        let mut clients = JoinSet::new();
        for domain in domains {
            let address = stage.address;
            clients.spawn(async move {
                let mut client = Client { stream: TcpStream::connect(address).await.unwrap() };
                (domain, client.ask(&format!("postfix {domain}")).await)
            });
        }
        // Meanwhile everybody else is served.
        assert_eq!(stage.ask("postfix healthy-enforce.test").await, HEALTHY);
        for (domain, answer) in clients.join_all().await {
            assert_eq!(answer, "NOTFOUND ", "{domain}");
        }
        // As long as the slowest fetch has taken.
        stage.advance(1);
        // None of them is fetched twice within 300 s.
        assert_eq!(stage.service.counts().fetch_failures, domains.len() as u64);
    }
    // Whoever lets mail wait for a policy waits for each of them, and the hosts are left alone all the same.
    for domain in domains {
        let answer = stage.ask(&format!("patient {domain}")).await;
        assert!(answer.starts_with("TEMP ") && answer.ends_with("[backing-off]"), "{domain}: {answer}");
    }
    stage.advance(300);
    for domain in ["policy-host-down.test", "https-not-found.test"] {
        let answer = stage.ask(&format!("patient {domain}")).await;
        assert!(answer.starts_with("TEMP ") && answer.ends_with("[fetch-failed]"), "{domain}: {answer}");
    }
    // Where nothing has failed, it is answered as everywhere.
    assert_eq!(stage.ask("patient healthy-enforce.test").await, HEALTHY);
    assert_eq!(stage.ask("patient no-mta-sts.test").await, "NOTFOUND ");
    stage.end().await;
}

// Proves S57, S81, C15.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_outlasts_an_attack_on_dns_and_a_clock_that_steps() {
    let stage = Stage::start().await;
    let policy = "OK secure match=mx.txt-suppressed.test servername=hostname";
    assert_eq!(stage.ask("postfix txt-suppressed.test").await, policy);
    stage.world.switch("txt-suppressed", State::Attack).unwrap();
    for seconds in [3600, 86_400] {
        stage.advance(seconds);
        assert_eq!(stage.ask("postfix txt-suppressed.test").await, policy);
    }
    stage.clock.fetch_sub(2 * 86_400, Ordering::SeqCst);
    assert_eq!(stage.ask("postfix txt-suppressed.test").await, policy);
    stage.advance(30 * 86_400);
    assert_eq!(stage.ask("postfix txt-suppressed.test").await, "NOTFOUND ", "it has expired");
    stage.end().await;
}

// Proves S58, S82.
#[tokio::test(flavor = "multi_thread")]
async fn policies_are_fetched_anew_before_they_lapse() {
    let stage = Stage::start().await;
    assert_eq!(stage.ask("postfix healthy-enforce.test").await, HEALTHY);
    stage.advance(86_400);
    stage.world.reset().unwrap();
    let refreshing = tokio::spawn({
        let service = stage.service.clone();
        async move { service.refresh_for_ever().await }
    });
    timeout(LONG, async {
        while stage.service.counts().fetched < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the policy is fetched anew though nobody asks");
    refreshing.abort();
    assert_eq!(stage.world.seen().https.len(), 1);
    assert_eq!((stage.service.counts().refreshes, stage.service.counts().lookups), (1, 1));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_long_is_temporary_and_its_lookup_goes_on() {
    let config = ServiceConfig::new().with_answer_within(Duration::from_millis(50));
    let stage = Stage::with(config, SocketmapConfig::new()).await;
    assert_eq!(
        stage.ask("postfix https-hang.test").await,
        "TEMP The lookup takes long, and continues. [slow]"
    );
    timeout(LONG, async {
        while stage.service.counts().fetch_failures == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the lookup ends without its client");
    let domain = PolicyDomain::parse("https-hang.test").unwrap();
    assert!(matches!(
        stage.service.answer(&domain).await,
        PolicyAnswer::None(_) | PolicyAnswer::Temporary(_)
    ));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_has_a_time_limit_of_its_own() {
    let stage = Stage::start().await;
    let slow = "TEMP The lookup takes long, and continues. [slow]";
    let zones =
        Zones::new(Zone::new()).with_zone("hasty", Zone::new().with_answer_within(Duration::from_millis(50)));
    stage.server.set_zones(zones);
    let mut patient = Box::pin(stage.ask("postfix https-hang.test"));
    assert_eq!(stage.ask("hasty https-hang.test").await, slow);
    // It still waits, and learns what comes of it.
    assert!(timeout(Duration::ZERO, patient.as_mut()).await.is_err());
    assert_eq!(patient.await, "NOTFOUND ");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_lapses_is_counted_once() {
    let stage = Stage::start().await;
    assert_eq!(stage.ask("postfix healthy-enforce.test").await, HEALTHY);
    assert_eq!(stage.ask("postfix no-mta-sts.test").await, "NOTFOUND ");
    assert_eq!(stage.service.counts().lapsed_enforce, 0);
    // The clock jumps, and the lookup that follows replaces what has lapsed.
    stage.advance(40 * 86_400);
    assert_eq!(stage.ask("postfix healthy-enforce.test").await, HEALTHY);
    assert_eq!(stage.service.counts().lapsed_enforce, 1);
    stage.advance(600);
    assert_eq!(stage.ask("postfix healthy-enforce.test").await, HEALTHY);
    let counts = stage.service.counts();
    assert_eq!((counts.lapsed_enforce, counts.lapsed_testing), (1, 0));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_wrong_is_kept_with_its_cause() {
    let stage = Stage::start().await;
    for (domain, answer, kind, cause) in [
        ("dns-timeout.test", "TEMP ", DomainEventKind::Temporary, "timed out"),
        ("policy-host-untrusted.test", "NOTFOUND ", DomainEventKind::FetchFailed, "certificate"),
        ("policy-redirect.test", "NOTFOUND ", DomainEventKind::FetchFailed, "HTTP status 30"),
    ] {
        let told = stage.ask(&format!("postfix {domain}")).await;
        assert!(told.starts_with(answer), "{domain}: {told}");
        let events = stage.service.events(&PolicyDomain::parse(domain).unwrap());
        let event = events.first().unwrap_or_else(|| panic!("{domain}"));
        assert!(event.kind == kind && event.cause.contains(cause), "{domain}: {event:?}");
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_brings_nothing_back_that_was_purged_meanwhile() {
    let stage = Stage::start().await;
    let policy = "OK secure match=mx.txt-suppressed.test servername=hostname";
    stage.world.switch("txt-suppressed", State::Calm).unwrap();
    assert_eq!(stage.ask("postfix txt-suppressed.test").await, policy);
    stage.world.switch("txt-suppressed", State::Attack).unwrap();
    let domain = PolicyDomain::parse("txt-suppressed.test").unwrap();
    let known = stage.service.entry(&domain).await.unwrap();
    // Its record is due to be asked for again, and DNS says that there is none.
    stage.advance(2 * 86_400);
    let (asked, purged) =
        tokio::join!(stage.service.answer(&domain), stage.service.purge(Purge::Domain(domain.clone())));
    assert_eq!(purged.unwrap(), 1);
    assert!(known.valid_policy(UnixTime::from_secs(stage.clock.load(Ordering::SeqCst))).is_some());
    drop(asked);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let left = stage.service.entry(&domain).await;
    assert_eq!(left.as_ref().and_then(CacheEntry::policy), None, "{left:?}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_fails_leaves_the_policy_in_force() {
    let stage = Stage::start().await;
    let domain = PolicyDomain::parse("policy-host-down.test").unwrap();
    stage.world.switch("policy-host-down", State::Calm).unwrap();
    let fetched = stage.service.refresh(&domain).await.unwrap();
    assert_eq!(stage.service.answer(&domain).await, PolicyAnswer::Policy(fetched.clone()));
    stage.world.switch("policy-host-down", State::Attack).unwrap();
    for _ in 0..2 {
        let error = stage.service.refresh(&domain).await.unwrap_err();
        assert_eq!(error.answer, PolicyAnswer::Policy(fetched.clone()), "{error}");
        assert!(error.cause.contains("refused"), "a back-off is not in the way: {error}");
    }
    stage.world.switch("policy-host-down", State::Calm).unwrap();
    stage.advance(1);
    assert_eq!(stage.service.refresh(&domain).await, Ok(fetched));
    assert_eq!(stage.service.entry(&domain).await.unwrap().back_offs(), []);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_gives_the_answers_that_are_due() {
    let mut stage = Stage::start().await;
    let mut idle = stage.client().await;
    assert_eq!(idle.ask("postfix .test").await, "NOTFOUND ");
    let mut waiting = stage.client().await;
    waiting.send(b"23:postfix https-hang.test,").await;
    timeout(LONG, async {
        while stage.service.counts().lookups == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the lookup begins");
    stage.stop.take().unwrap().send(()).unwrap();
    assert_eq!(idle.answer().await, None, "who waits for nothing is let go");
    assert_eq!(waiting.answer().await.as_deref(), Some("NOTFOUND "));
    timeout(LONG, &mut stage.running).await.expect("the server stops").unwrap();
    assert!(TcpStream::connect(stage.address).await.is_err(), "nobody listens");
    stage.world.shutdown().await;
}

// What a client has sent may lie in the system's buffers, where the server has not seen it yet.
#[tokio::test]
async fn what_was_sent_before_a_stop_is_answered() {
    const CLIENTS: usize = 200;
    let mut stage = Stage::start().await;
    // From memory: no answer waits for anybody.
    assert_eq!(stage.ask("postfix healthy-enforce.test").await, HEALTHY);
    let mut clients: Vec<_> = (0..CLIENTS / 2).map(|_| connect(stage.address)).collect();
    while stage.server.clients() < clients.len() {
        tokio::task::yield_now().await;
    }
    // From here on the server does not run until it is told to stop. Half of the clients it has not even accepted.
    clients.extend((0..CLIENTS / 2).map(|_| connect(stage.address)));
    for client in &mut clients {
        client.write_all(&b"28:postfix healthy-enforce.test,".repeat(3)).unwrap();
    }
    stage.stop.take().unwrap().send(()).unwrap();
    timeout(LONG, &mut stage.running).await.expect("the server stops").unwrap();
    let expected = format!("{}:{HEALTHY},", HEALTHY.len()).repeat(3);
    for (number, client) in clients.iter_mut().enumerate() {
        let mut answers = String::new();
        client.read_to_string(&mut answers).unwrap_or_else(|error| panic!("client {number}: {error}"));
        assert_eq!(answers, expected, "client {number}");
    }
    stage.world.shutdown().await;
}

fn connect(address: SocketAddr) -> std::net::TcpStream {
    std::net::TcpStream::connect(address).unwrap()
}

#[tokio::test]
async fn a_unix_socket_lets_in_whom_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let path = folder.path().join("everybody");
    let _everybody = SocketmapListener::bind_unix(&path, SocketAccess::new()).unwrap();
    assert_eq!(mode(&path), 0o666);
    let path = folder.path().join("group");
    let own = std::fs::metadata(path.parent().unwrap()).unwrap();
    let access = SocketAccess::new().with_mode(0o660).with_user(Some(own.uid())).with_group(Some(own.gid()));
    let _group = SocketmapListener::bind_unix(&path, access).unwrap();
    assert_eq!(mode(&path), 0o660);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_is_taken_over_from_the_dead_alone() {
    let stage = Stage::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mtasts.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = SocketmapListener::bind_unix(&path, SocketAccess::new()).unwrap();
    assert_eq!(listener.tcp_addr(), None);
    let second = SocketmapListener::bind_unix(&path, SocketAccess::new()).unwrap_err();
    assert_eq!(second.kind(), std::io::ErrorKind::AddrInUse);
    let file = folder.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    SocketmapListener::bind_unix(&file, SocketAccess::new()).unwrap_err();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");

    let server = stage.server.clone();
    let serving = tokio::spawn(async move { server.serve(vec![listener], std::future::pending()).await });
    let mut client = Client { stream: UnixStream::connect(&path).await.unwrap() };
    assert_eq!(client.ask("postfix healthy-enforce.test").await, HEALTHY);
    serving.abort();
    stage.end().await;
}

/// A store that can be lost, or takes its time to write.
#[derive(Debug, Default)]
struct LosableStore {
    lost: AtomicBool,
    writing: tokio::sync::Mutex<()>,
    entries: Mutex<BTreeMap<PolicyDomain, CacheEntry>>,
    used: Mutex<Vec<PolicyDomain>>,
}

impl LosableStore {
    fn done<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut BTreeMap<PolicyDomain, CacheEntry>) -> T,
    ) -> StoreFuture<'static, T> {
        let result = if self.lost.load(Ordering::SeqCst) {
            Err(StoreError::new(StoreErrorKind::Unavailable, "lost"))
        } else {
            Ok(work(&mut self.entries.lock().unwrap()))
        };
        Box::pin(async { result })
    }
}

impl EntryStore for LosableStore {
    fn get<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, Option<CacheEntry>> {
        self.done(|entries| entries.get(domain).cloned())
    }

    fn put<'a>(&'a self, domain: &'a PolicyDomain, entry: &'a CacheEntry) -> StoreFuture<'a, CacheEntry> {
        Box::pin(async {
            let _free = self.writing.lock().await;
            self.done(|entries| drop(entries.insert(domain.clone(), entry.clone()))).await?;
            Ok(entry.clone())
        })
    }

    fn note_use<'a>(&'a self, domains: &'a [PolicyDomain]) -> StoreFuture<'a, ()> {
        self.done(|_| self.used.lock().unwrap().extend(domains.iter().cloned()))
    }

    fn remove<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, bool> {
        self.done(|entries| entries.remove(domain).is_some())
    }

    fn page<'a>(
        &'a self,
        after: Option<&'a PolicyDomain>,
        count: usize,
    ) -> StoreFuture<'a, Vec<(PolicyDomain, CacheEntry)>> {
        self.done(|entries| {
            let following = entries.iter().filter(|(domain, _)| after.is_none_or(|after| *domain > after));
            following.take(count).map(|(domain, entry)| (domain.clone(), entry.clone())).collect()
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_store_stops_nothing_and_gets_what_it_missed() {
    let store = Arc::new(LosableStore::default());
    let stage = Stage::with(ServiceConfig::new().with_store(store.clone()), SocketmapConfig::new()).await;
    store.lost.store(true, Ordering::SeqCst);
    assert_eq!(stage.ask("postfix healthy-enforce.test").await, HEALTHY);
    assert_eq!(stage.service.counts().store_failures, 2, "it was asked, and told");
    stage.service.load().await.unwrap_err();

    store.lost.store(false, Ordering::SeqCst);
    let refreshing = tokio::spawn({
        let service = stage.service.clone();
        async move { service.refresh_for_ever().await }
    });
    timeout(LONG, async {
        while store.entries.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the store gets the policy");
    refreshing.abort();

    // Another process, which finds no DNS.
    let nobody = DnsConfig::new("127.0.0.1:9".parse().unwrap()).with_attempts(1);
    let fetcher = PolicyFetcher::new(TrustStore::from_pem(stage.world.ca_pem().as_bytes()).unwrap());
    let now = stage.clock.load(Ordering::SeqCst);
    let config = ServiceConfig::new().with_store(store).with_clock(move || UnixTime::from_secs(now));
    let next = PolicyService::new(Resolver::new(DnsClient::new(nobody), fetcher), config);
    let domain = PolicyDomain::parse("healthy-enforce.test").unwrap();
    assert!(matches!(next.answer(&domain).await, PolicyAnswer::Policy(_)), "read when it is asked for");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_hears_whom_mail_goes_to_again() {
    let store = Arc::new(LosableStore::default());
    let stage = Stage::with(ServiceConfig::new().with_store(store.clone()), SocketmapConfig::new()).await;
    for domain in ["healthy-enforce.test", "wildcard.test", "no-mta-sts.test"] {
        stage.ask(&format!("postfix {domain}")).await;
    }
    for _ in 0..3 {
        stage.ask("postfix wildcard.test").await;
        stage.ask("postfix no-mta-sts.test").await;
    }
    let refreshing = tokio::spawn({
        let service = stage.service.clone();
        async move { service.refresh_for_ever().await }
    });
    timeout(LONG, async {
        while store.used.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the store is told");
    refreshing.abort();
    assert_eq!(*store.used.lock().unwrap(), [PolicyDomain::parse("wildcard.test").unwrap()]);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_answered_from_what_is_not_stored_yet() {
    let store = Arc::new(LosableStore::default());
    let stage = Stage::with(ServiceConfig::new().with_store(store.clone()), SocketmapConfig::new()).await;
    let writing = store.writing.lock().await;
    let first = stage.ask("postfix healthy-enforce.test");
    let second = async {
        timeout(LONG, async {
            while stage.service.counts().fetched == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .expect("the policy is fetched");
        let answer = timeout(Duration::from_millis(200), stage.ask("postfix healthy-enforce.test")).await;
        assert!(answer.is_err(), "answered while it would be lost: {answer:?}");
        drop(writing);
    };
    let (answer, ()) = tokio::join!(first, second);
    assert_eq!(answer, HEALTHY);
    assert_eq!(store.entries.lock().unwrap().len(), 1);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_listener_keeps_a_place_from_another() {
    let stage = Stage::with(ServiceConfig::new(), SocketmapConfig::new().with_max_clients(1)).await;
    let listener = SocketmapListener::bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.tcp_addr().unwrap();
    let server = stage.server.clone();
    let serving = tokio::spawn(async move { server.serve(vec![listener], std::future::pending()).await });
    for address in [address, address, stage.address, stage.address, address] {
        let mut client = Client { stream: TcpStream::connect(address).await.unwrap() };
        assert_eq!(client.ask("postfix healthy-enforce.test").await, HEALTHY);
    }
    serving.abort();
    stage.end().await;
}
