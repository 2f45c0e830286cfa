//! Strangers whose Policy Hosts never answer: the lookups of others, and the policies that are in memory, go on all the while.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

#[path = "../../mta-sts-resolver/tests/dns_server/mod.rs"]
mod dns_server;
#[path = "../../mta-sts-resolver/tests/https_server/mod.rs"]
mod https_server;
#[path = "../../mta-sts-resolver/tests/pki/mod.rs"]
mod pki;
mod socketmap_client;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dns_server::{Scripted, answer};
use hickory_proto::rr::RecordType;
use https_server::Step::{Drip, Hang};
use https_server::{SERVER, Server, ok};
use mta_sts_core::UnixTime;
use mta_sts_resolver::{PolicyFetcher, PolicyService, Resolver, ServiceConfig};
use mtasts_socketmap::{SocketmapConfig, SocketmapListener, SocketmapServer, Zones};
use pki::Authority;
use socketmap_client::Client;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_names_at_one_silent_address() {
    let stage = Stage::start(Attack {
        names: 10_000,
        name: |number| format!("n{number}.evil.test"),
        addresses: &[STRANGER],
    })
    .await;
    stage.stranger.behave(None, vec![Hang]);
    stage.honest_domains_are_answered_meanwhile().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_domains_that_list_the_address_of_a_provider_before_a_silent_one() {
    let stage = Stage::start(Attack {
        names: 1000,
        name: |number| format!("evil{number}.test"),
        addresses: &[PROVIDER, STRANGER],
    })
    .await;
    stage.stranger.behave(None, vec![Hang]);
    stage.honest_domains_are_answered_meanwhile().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_hosts_that_drip() {
    let attack =
        Attack { names: 1000, name: |number| format!("n{number}.evil.test"), addresses: &[STRANGER] };
    let names: Vec<String> = (0..1000).map(|number| format!("mta-sts.{}", (attack.name)(number))).collect();
    let stage = Stage::start(attack).await;
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 60000\r\n\r\nversion: STSv1\n";
    stage.stranger.behave(Some(stage.authority.server_by_name(&names)), vec![Drip(head.to_vec())]);
    stage.honest_domains_are_answered_meanwhile().await;
}

/// Cached policies are not in doubt, but DANE is, which comes before them: so mail waits, and its processes do not.
#[tokio::test(flavor = "multi_thread")]
async fn while_dns_is_dead_the_answer_is_temporary_at_once() {
    const DOMAINS: usize = 40;
    let nobody = Attack { names: 0, name: |number| format!("evil{number}.test"), addresses: &[] };
    let stage = Stage::start(nobody).await;
    stage.ask_honest(0, DOMAINS).await;
    // That no host has DANE is remembered for 5 s at least.
    tokio::time::sleep(Duration::from_secs(6)).await;
    stage.clock.fetch_add(7200, Ordering::SeqCst);
    stage.dns_is_dead.store(true, Ordering::SeqCst);
    let mut client = Client { stream: TcpStream::connect(stage.address).await.unwrap() };
    // Until it is known.
    assert!(client.ask(&format!("postfix {}", honest(0))).await.starts_with("TEMP "));
    tokio::time::sleep(Duration::from_secs(3)).await;

    let start = Instant::now();
    for number in 1..DOMAINS / 2 {
        let told = client.ask(&format!("postfix {}", honest(number))).await;
        assert!(told.starts_with("TEMP ") && told.ends_with("[dane-lookup-failed]"), "{told}");
        let told = client.ask(&format!("postfix unknown{number}.test")).await;
        assert!(told.starts_with("TEMP ") && told.ends_with("[dns-failed]"), "{told}");
    }
    assert!(start.elapsed() < Duration::from_secs(6), "{:?} for 38 answers", start.elapsed());

    stage.dns_is_dead.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.ask_honest(DOMAINS / 2, DOMAINS).await;
}

/// What strangers have published.
#[derive(Clone, Copy)]
struct Attack {
    names: usize,
    name: fn(usize) -> String,
    /// The addresses of each of their Policy Hosts.
    addresses: &'static [Ipv4Addr],
}

/// A daemon, a provider with the policies of a thousand domains, and strangers.
struct Stage {
    _dns: Scripted,
    authority: Authority,
    _provider: Server,
    stranger: Server,
    dns_is_dead: Arc<AtomicBool>,
    id: Arc<AtomicU64>,
    clock: Arc<AtomicU64>,
    service: PolicyService,
    address: SocketAddr,
    attack: Attack,
    _serving: JoinSet<()>,
    _alone: MutexGuard<'static, ()>,
}

/// They would be an attack on each other.
static ONE_AT_A_TIME: AsyncMutex<()> = AsyncMutex::const_new(());

impl Stage {
    async fn start(attack: Attack) -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        rlimit::increase_nofile_limit(u64::MAX).unwrap();
        let authority = Authority::new();
        let hosts: Vec<String> = (0..HONEST).map(|number| format!("mta-sts.{}", honest(number))).collect();
        let (provider, stranger) = listeners().await;
        let provider =
            Server::start_on(provider, Some(authority.server_by_name(&hosts)), ok(POLICY.as_bytes()));
        let stranger = Server::start_on(stranger, None, vec![Hang]);

        let id = Arc::new(AtomicU64::new(1));
        let current = Arc::clone(&id);
        let dns_is_dead = Arc::new(AtomicBool::new(false));
        let is_dead = Arc::clone(&dns_is_dead);
        let dns = Scripted::start(move |query, _| {
            if is_dead.load(Ordering::SeqCst) {
                return vec![];
            }
            let question = &query.queries[0];
            let name = question.name.to_ascii();
            let addresses = if name.contains("evil") { attack.addresses } else { &[PROVIDER] };
            let lines: Vec<String> = match question.query_type {
                RecordType::TXT => {
                    vec![format!("{name} 60 IN TXT \"v=STSv1; id={};\"", current.load(Ordering::SeqCst))]
                }
                RecordType::A => {
                    addresses.iter().map(|address| format!("{name} 60 IN A {address}")).collect()
                }
                _ => vec![],
            };
            vec![answer(query, &lines.iter().map(String::as_str).collect::<Vec<_>>())]
        })
        .await;

        let fetcher = PolicyFetcher::new(authority.trusted()).with_port(provider.address.port());
        let clock = Arc::new(AtomicU64::new(1_700_000_000));
        let now = Arc::clone(&clock);
        let service = PolicyService::new(
            Resolver::new(dns.client(), fetcher),
            ServiceConfig::new().with_clock(move || UnixTime::from_secs(now.load(Ordering::SeqCst))),
        );
        let server = SocketmapServer::new(service.clone(), SocketmapConfig::new(), Zones::default());
        let listener = SocketmapListener::bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.tcp_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move { server.serve(vec![listener], std::future::pending()).await });
        let refreshing = service.clone();
        serving.spawn(async move { refreshing.refresh_for_ever().await });
        Self {
            _dns: dns,
            authority,
            _provider: provider,
            stranger,
            dns_is_dead,
            id,
            clock,
            service,
            address,
            attack,
            _serving: serving,
            _alone: alone,
        }
    }

    async fn honest_domains_are_answered_meanwhile(&self) {
        let cached = self.ask_honest(0, HONEST / 2).await;
        assert_eq!(cached.len(), HONEST / 2);
        // Each of them is looked up again, and fetched anew, since it has another id.
        self.clock.fetch_add(7200, Ordering::SeqCst);
        self.id.fetch_add(1, Ordering::SeqCst);

        let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut strangers = JoinSet::new();
        for _ in 0..STRANGERS {
            let (over, asked) = (Arc::clone(&over), Arc::clone(&asked));
            let (address, Attack { names, name, .. }) = (self.address, self.attack);
            strangers.spawn(async move {
                let mut client = Client { stream: TcpStream::connect(address).await.unwrap() };
                while !over.load(Ordering::SeqCst) {
                    let number = asked.fetch_add(1, Ordering::SeqCst);
                    let told = client.ask(&format!("postfix {}", name(number % names))).await;
                    assert!(told.starts_with("TEMP ") || told == "NOTFOUND ", "{told}");
                    // As a mail server takes some time to come to the next message.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
        }
        let has_asked = async |times| {
            let asking = async {
                while asked.load(Ordering::SeqCst) < times {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            timeout(Duration::from_secs(120), asking).await.expect("the strangers ask");
        };
        has_asked(STRANGERS).await;
        let mut took = self.ask_honest(0, HONEST - 100).await;
        has_asked(self.attack.names + STRANGERS).await;
        took.extend(self.ask_honest(HONEST - 100, HONEST).await);
        took.sort_unstable();
        let p99 = took[took.len() * 99 / 100];
        let counts = self.service.counts();
        eprintln!(
            "median {:?}, p99 {p99:?}, last {:?}; {:?} {:?}",
            took[HONEST / 2],
            took[HONEST - 1],
            counts.waiting,
            counts.busy
        );
        assert!(p99 < Duration::from_secs(1), "p99 {p99:?}");
        assert!(counts.busy.policy_host > 100, "it was no attack: {:?}", counts.busy);
        assert!(counts.waiting.sum() < 1000, "{:?}", counts.waiting);
        over.store(true, Ordering::SeqCst);
        strangers.abort_all();
        while let Some(ended) = strangers.join_next().await {
            assert!(ended.is_ok() || ended.unwrap_err().is_cancelled());
        }
    }

    /// Asks for these domains, a few at once; how long each answer took.
    async fn ask_honest(&self, from: usize, to: usize) -> Vec<Duration> {
        let next = Arc::new(AtomicUsize::new(from));
        let took = Arc::new(Mutex::new(Vec::new()));
        let mut asking = JoinSet::new();
        for _ in 0..HONEST_CLIENTS {
            let (next, took, address) = (Arc::clone(&next), Arc::clone(&took), self.address);
            asking.spawn(async move {
                let mut client = Client { stream: TcpStream::connect(address).await.unwrap() };
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= to {
                        return;
                    }
                    let start = Instant::now();
                    let told = client.ask(&format!("postfix {}", honest(number))).await;
                    took.lock().unwrap().push(start.elapsed());
                    assert_eq!(
                        told,
                        "OK secure match=mx.example.test servername=hostname",
                        "{}",
                        honest(number)
                    );
                }
            });
        }
        asking.join_all().await;
        Arc::into_inner(took).unwrap().into_inner().unwrap()
    }
}

/// Two addresses, one port.
async fn listeners() -> (TcpListener, TcpListener) {
    loop {
        let provider = TcpListener::bind((SERVER, 0)).await.unwrap();
        let port = provider.local_addr().unwrap().port();
        if let Ok(stranger) = TcpListener::bind((STRANGER, port)).await {
            return (provider, stranger);
        }
    }
}

fn honest(number: usize) -> String {
    format!("h{number}.honest.test")
}

const HONEST: usize = 1000;
const HONEST_CLIENTS: usize = 4;
const STRANGERS: usize = 400;
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);
const PROVIDER: Ipv4Addr = match SERVER {
    IpAddr::V4(address) => address,
    IpAddr::V6(_) => Ipv4Addr::LOCALHOST,
};
const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n";
