//! The daemon while something around it is broken: DNS, Policy Hosts, the clock. Each fault touches one domain; another is
//! served all the while.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

#[path = "../../mta-sts-resolver/tests/dns_server/mod.rs"]
mod dns_server;
#[path = "../../mta-sts-resolver/tests/https_server/mod.rs"]
mod https_server;
#[path = "../../mta-sts-resolver/tests/pki/mod.rs"]
mod pki;
mod socketmap_client;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dns_server::{Scripted, Transport, answer, error, impatient, truncated};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use https_server::Step::{self, Cut, Drip, Hang, Send};
use https_server::{SERVER, Server, ok};
use mta_sts_core::{FetchLimits, LookupConfig, UnixTime};
use mta_sts_resolver::{DnsClient, PolicyFetcher, PolicyService, Resolver, ServiceConfig};
use mtasts_socketmap::{SocketmapConfig, SocketmapListener, SocketmapServer, Zones};
use pki::Authority;
use socketmap_client::Client;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

// Proves S56, A29.
#[tokio::test(flavor = "multi_thread")]
async fn what_dns_does_wrong_about_a_record_is_temporary_and_nothing_is_cached() {
    for fault in DNS_FAULTS {
        let stage = Stage::start().await;
        stage.break_dns(RecordType::TXT, fault);
        let told = stage.ask(BROKEN).await;
        assert!(told.starts_with("TEMP ") && told.ends_with("[dns-failed]"), "{}: {told}", fault.name);
        assert_eq!(stage.service.counts().entries, 0, "{}", fault.name);
        assert_eq!(stage.ask(HEALTHY).await, POLICY_ANSWER, "{}", fault.name);

        stage.mend_dns();
        assert_eq!(stage.ask(BROKEN).await, POLICY_ANSWER, "{} is over", fault.name);
        stage.break_dns(RecordType::TXT, fault);
        stage.advance(DAY);
        assert_eq!(stage.ask(BROKEN).await, POLICY_ANSWER, "{}: a policy outlives it", fault.name);
    }
}

// Proves S57.
#[tokio::test(flavor = "multi_thread")]
async fn what_dns_does_wrong_about_a_policy_host_is_a_failed_fetch() {
    for fault in DNS_FAULTS {
        let stage = Stage::start().await;
        stage.break_dns(RecordType::A, fault);
        assert_eq!(stage.ask(BROKEN).await, "NOTFOUND ", "{}", fault.name);
        assert_eq!(stage.service.counts().fetch_failures, 1, "{}", fault.name);
        assert_eq!(stage.ask(HEALTHY).await, POLICY_ANSWER, "{}", fault.name);

        stage.mend_dns();
        stage.advance(BACK_OFF);
        assert_eq!(stage.ask(BROKEN).await, POLICY_ANSWER, "{} is over", fault.name);
        stage.break_dns(RecordType::A, fault);
        stage.new_id();
        stage.advance(DAY);
        assert_eq!(stage.ask(BROKEN).await, POLICY_ANSWER, "{}: a policy outlives it", fault.name);
    }
}

// Proves S49, S50, S52, S54.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_host_does_wrong_stops_no_mail_and_is_not_asked_for_again() {
    for fault in policy_host_faults() {
        let stage = Stage::start().await;
        stage.break_policy_host(&fault);
        let (told, healthy) = tokio::join!(stage.ask(BROKEN), stage.ask(HEALTHY));
        assert_eq!((told, healthy), ("NOTFOUND ".to_owned(), POLICY_ANSWER.to_owned()), "{}", fault.name);
        // As long as the slowest fetch has taken.
        stage.advance(2);
        assert_eq!(stage.ask(BROKEN).await, "NOTFOUND ", "{}", fault.name);
        assert_eq!(stage.service.counts().fetch_failures, 1, "{}", fault.name);
        assert_eq!(stage.policy_host.seen().len(), 1, "{}: not again within 300 s", fault.name);

        stage.mend_policy_host();
        stage.advance(BACK_OFF);
        assert_eq!(stage.ask(BROKEN).await, POLICY_ANSWER, "{} is over", fault.name);
        stage.break_policy_host(&fault);
        stage.new_id();
        stage.advance(DAY);
        assert_eq!(stage.ask(BROKEN).await, POLICY_ANSWER, "{}: a policy outlives it", fault.name);
        assert_eq!(stage.policy_host.seen().len(), 3, "{}: it was asked under the new id", fault.name);
    }
}

// Proves C15.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_steps_loses_no_policy_and_asks_nobody_over_and_over() {
    let stage = Stage::start().await;
    assert_eq!(stage.ask(BROKEN).await, POLICY_ANSWER);
    let refreshing = tokio::spawn({
        let service = stage.service.clone();
        async move { service.refresh_for_ever().await }
    });
    for step in 0..50 {
        if step % 2 == 0 {
            stage.advance(DAY);
        } else {
            stage.go_back(DAY);
        }
        assert_eq!(stage.ask(BROKEN).await, POLICY_ANSWER, "step {step}");
    }
    refreshing.abort();
    let fetched = stage.service.counts().fetched;
    assert!(fetched <= 26, "{fetched} fetches, and a day went by 25 times");

    stage.break_dns(RecordType::TXT, DNS_FAULTS[0]);
    stage.advance(MAX_AGE - DAY);
    assert_eq!(stage.ask(BROKEN).await, POLICY_ANSWER, "what was fetched counts for as long as it says");
    stage.advance(2 * DAY + 1);
    assert!(stage.ask(BROKEN).await.starts_with("TEMP "), "and no longer");
}

/// What a DNS server may do wrong.
#[derive(Clone, Copy)]
struct DnsFault {
    name: &'static str,
    answers: fn(&Message, Transport) -> Vec<Vec<u8>>,
}

const DNS_FAULTS: [DnsFault; 14] = [
    DnsFault { name: "silence", answers: |_, _| vec![] },
    DnsFault {
        name: "a server failure",
        answers: |query, _| octets(&error(query, ResponseCode::ServFail, None)),
    },
    DnsFault {
        name: "a bogus answer",
        answers: |query, _| octets(&error(query, ResponseCode::ServFail, Some(6))),
    },
    DnsFault { name: "a refusal", answers: |query, _| octets(&error(query, ResponseCode::Refused, None)) },
    DnsFault {
        name: "a wrong id",
        answers: |query, _| {
            let mut answer = good_answer(query);
            answer.metadata.id = query.metadata.id.wrapping_add(1);
            octets(&answer)
        },
    },
    DnsFault {
        name: "another question",
        answers: |query, _| {
            let mut answer = good_answer(query);
            answer.queries.clear();
            answer
                .add_query(hickory_proto::op::Query::query(dns_server::name("other.test."), RecordType::TXT));
            octets(&answer)
        },
    },
    DnsFault {
        name: "records of another name",
        answers: |query, _| {
            octets(&answer(
                query,
                &["other.test. 60 IN TXT \"v=STSv1; id=1;\"", "other.test. 60 IN A 127.0.0.3"],
            ))
        },
    },
    DnsFault {
        name: "a loop of CNAMEs",
        answers: |query, _| {
            let name = &query.queries[0].name;
            octets(&answer(
                query,
                &[&format!("{name} 60 IN CNAME loop.test."), &format!("loop.test. 60 IN CNAME {name}")],
            ))
        },
    },
    DnsFault {
        name: "CNAMEs without end",
        answers: |query, _| {
            let name = &query.queries[0].name;
            octets(&answer(query, &[&format!("{name} 60 IN CNAME next.{name}")]))
        },
    },
    DnsFault { name: "a truncated answer, over TCP too", answers: |query, _| octets(&truncated(query)) },
    DnsFault {
        name: "a truncated answer, and silence over TCP",
        answers: |query, transport| match transport {
            Transport::Udp => octets(&truncated(query)),
            Transport::Tcp => vec![],
        },
    },
    DnsFault {
        name: "half a message",
        answers: |query, _| {
            let whole = good_answer(query).to_vec().unwrap();
            vec![whole[..whole.len() - 7].to_vec()]
        },
    },
    DnsFault {
        name: "garbage behind the id",
        answers: |query, _| vec![[&query.metadata.id.to_be_bytes()[..], &[0xff; 100]].concat()],
    },
    DnsFault { name: "no message", answers: |_, _| vec![vec![], vec![0], vec![0xff; 4000]] },
];

fn octets(message: &Message) -> Vec<Vec<u8>> {
    vec![message.to_vec().unwrap()]
}

/// What a Policy Host may do wrong.
struct PolicyHostFault {
    name: &'static str,
    speaks_tls: bool,
    script: Vec<Step>,
}

fn policy_host_faults() -> Vec<PolicyHostFault> {
    let clear = |name, script| PolicyHostFault { name, speaks_tls: false, script };
    let tls = |name, script| PolicyHostFault { name, speaks_tls: true, script };
    let head = |fields: &str, body: &str| {
        let length = body.len();
        vec![Send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{fields}\r\n{body}").into_bytes())]
    };
    let too_long = format!("{POLICY}{}", "x".repeat(65_537 - POLICY.len()));
    let endless = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000)).into_bytes();
    let half = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 999\r\n\r\n{POLICY}");
    let many_fields = "X-Field: of no use\r\n".repeat(10_000);
    vec![
        clear("no TLS", head("Content-Type: text/plain\r\n", POLICY)),
        clear("silence where TLS begins", vec![Hang]),
        clear("a close where TLS begins", vec![Cut]),
        tls("silence", vec![Hang]),
        tls("a close before the answer", vec![Cut]),
        tls("a close within the head", vec![Send(b"HTTP/1.1 200 OK\r\nContent-Ty".to_vec()), Cut]),
        tls("a close within the body", vec![Send(half.clone().into_bytes()), Cut]),
        tls("a body that stops", vec![Send(half.into_bytes()), Hang]),
        tls("one octet after the other", vec![Drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nv".to_vec())]),
        tls("65,537 octets", head("Content-Type: text/plain\r\n", &too_long)),
        tls("a body without end", [vec![Send(endless.into())], vec![Send(chunk); 100], vec![Hang]].concat()),
        tls("a gzip body", head("Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", "\u{1f}\u{8b}\u{8}")),
        tls("two media types", head("Content-Type: text/plain\r\nContent-Type: text/html\r\n", POLICY)),
        tls("no media type", head("", POLICY)),
        tls("10,000 header fields", head(&format!("Content-Type: text/plain\r\n{many_fields}"), POLICY)),
        tls(
            "a header without end",
            [vec![Send(b"HTTP/1.1 200 OK\r\nX: ".to_vec())], vec![Send(vec![b'x'; 65_536]); 100], vec![Hang]].concat(),
        ),
        tls(
            "a redirect",
            vec![Send(
                format!("HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.{HEALTHY}/.well-known/mta-sts.txt\r\nContent-Length: 0\r\n\r\n")
                    .into_bytes(),
            )],
        ),
        tls("provisional answers without end", vec![Send(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000)), Hang]),
        tls("no HTTP", vec![Send(b"220 mail.test ESMTP\r\n".to_vec())]),
        tls("an empty answer", head("Content-Type: text/plain\r\n", "")),
    ]
}

/// A daemon with two domains: one that is healthy, one that is made to break.
struct Stage {
    _dns: Scripted,
    world: Arc<Mutex<Said>>,
    policy_host: Server,
    _healthy_policy_host: Server,
    tls: TlsAcceptor,
    clock: Arc<AtomicU64>,
    service: PolicyService,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

/// What DNS says of the domain that breaks.
struct Said {
    id: u32,
    fault: Option<(RecordType, DnsFault)>,
}

impl Stage {
    async fn start() -> Self {
        let ca = Authority::new();
        let hosts = [BROKEN, HEALTHY].map(|domain| format!("mta-sts.{domain}"));
        let tls = ca.server(&[&hosts[0], &hosts[1]]);
        let (broken, healthy) = listeners().await;
        let policy_host = Server::start_on(broken, Some(tls.clone()), ok(POLICY.as_bytes()));
        let healthy_policy_host = Server::start_on(healthy, Some(tls.clone()), ok(POLICY.as_bytes()));

        let world = Arc::new(Mutex::new(Said { id: 1, fault: None }));
        let said = Arc::clone(&world);
        let dns = Scripted::start_raw(move |query, transport| {
            let said = said.lock().unwrap();
            let question = &query.queries[0];
            match said.fault {
                // A chain of CNAMEs leads on to names of its own.
                Some((record_type, fault))
                    if record_type == question.query_type
                        && question.name.to_ascii().ends_with(&format!("{BROKEN}.")) =>
                {
                    (fault.answers)(query, transport)
                }
                _ => octets(&good_answer_under(query, said.id)),
            }
        })
        .await;

        let fetcher = PolicyFetcher::new(ca.trusted()).with_port(policy_host.address.port());
        let config =
            LookupConfig::new().with_fetch_limits(FetchLimits::new().with_timeout(Duration::from_secs(1)));
        let dns_client = DnsClient::new(impatient(dns.address).with_attempts(1));
        let clock = Arc::new(AtomicU64::new(1_700_000_000));
        let now = Arc::clone(&clock);
        let service = PolicyService::new(
            Resolver::new(dns_client, fetcher).with_config(config),
            ServiceConfig::new().with_clock(move || UnixTime::from_secs(now.load(Ordering::SeqCst))),
        );
        let server = SocketmapServer::new(service.clone(), SocketmapConfig::new(), Zones::default());
        let listener = SocketmapListener::bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.tcp_addr().unwrap();
        let serving = tokio::spawn(async move { server.serve(vec![listener], std::future::pending()).await });
        Self {
            _dns: dns,
            world,
            policy_host,
            _healthy_policy_host: healthy_policy_host,
            tls,
            clock,
            service,
            address,
            serving,
        }
    }

    async fn ask(&self, domain: &str) -> String {
        let mut client = Client { stream: TcpStream::connect(self.address).await.unwrap() };
        client.ask(&format!("postfix {domain}")).await
    }

    fn break_dns(&self, record_type: RecordType, fault: DnsFault) {
        self.world.lock().unwrap().fault = Some((record_type, fault));
    }

    fn mend_dns(&self) {
        self.world.lock().unwrap().fault = None;
    }

    fn new_id(&self) {
        self.world.lock().unwrap().id += 1;
    }

    fn break_policy_host(&self, fault: &PolicyHostFault) {
        self.policy_host.behave(fault.speaks_tls.then(|| self.tls.clone()), fault.script.clone());
    }

    fn mend_policy_host(&self) {
        self.policy_host.behave(Some(self.tls.clone()), ok(POLICY.as_bytes()));
    }

    fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    fn go_back(&self, seconds: u64) {
        self.clock.fetch_sub(seconds, Ordering::SeqCst);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Two addresses, one port.
async fn listeners() -> (TcpListener, TcpListener) {
    loop {
        let broken = TcpListener::bind((BROKEN_ADDRESS, 0)).await.unwrap();
        let port = broken.local_addr().unwrap().port();
        if let Ok(healthy) = TcpListener::bind((SERVER, port)).await {
            return (broken, healthy);
        }
    }
}

fn good_answer(query: &Message) -> Message {
    good_answer_under(query, 1)
}

fn good_answer_under(query: &Message, id: u32) -> Message {
    let question = &query.queries[0];
    let name = question.name.to_ascii();
    let address = if name.contains(BROKEN) { BROKEN_ADDRESS.to_string() } else { SERVER.to_string() };
    match question.query_type {
        RecordType::TXT => answer(query, &[&format!("{name} 60 IN TXT \"v=STSv1; id={id};\"")]),
        RecordType::A => answer(query, &[&format!("{name} 60 IN A {address}")]),
        _ => answer(query, &[]),
    }
}

const BROKEN: &str = "broken.test";
const HEALTHY: &str = "healthy.test";
const BROKEN_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);
const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n";
const POLICY_ANSWER: &str = "OK secure match=mx.example.test servername=hostname";
const MAX_AGE: u64 = 604_800;
const DAY: u64 = 86_400;
/// More than the 300 s that RFC 8461, 3.3 gives a failed fetch.
const BACK_OFF: u64 = 301;
