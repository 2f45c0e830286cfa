//! Faults of this machine: they weaken no answer, and are over as soon as they are.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod daemon;
#[path = "../../mta-sts-resolver/tests/pki/mod.rs"]
mod pki;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use daemon::{Daemon, LONG, Lab, ask, exchange};
use mta_sts_resolver::{DnsClient, PolicyFetchErrorKind, PolicyFetcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const POLICY: &str = "OK secure match=mx.healthy-enforce.test servername=hostname";
const ZONES: &str = "[zones.lax]\non-dns-failure = 'danger-not-found'\non-fetch-failure = 'not-found'\n\
                     [zones.patient]\non-fetch-failure = 'temporary'\n";

// Proves S52, S56.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_proxy_is_temporary_in_every_zone_and_over_at_once() {
    let lab = Lab::start().await;
    let proxy = TcpListener::bind("127.0.0.4:0").await.unwrap();
    let place = proxy.local_addr().unwrap();
    drop(proxy);
    let file = lab.write("mtasts.toml", &format!("https-proxy = '{place}'\n{ZONES}"));
    let mut daemon = Daemon::start(&lab.arguments(&["--config", &file, "--metrics", "127.0.0.1:0"]));
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    let address = daemon.listening();
    for zone in ["postfix", "lax", "patient"] {
        for _ in 0..2 {
            let answer = ask(&address, &format!("{zone} healthy-enforce.test"));
            assert!(answer.contains(":TEMP ") && answer.ends_with("[local-fault],"), "{zone}: {answer}");
        }
    }
    // One line for all of them.
    let event = daemon.event_of("a lookup failed because of this machine, its network or its proxy: mail waits unless a policy is cached");
    assert_eq!((&event["level"], &event["peer"]), (&"ERROR".into(), &place.to_string().into()), "{event}");
    assert!(event["fault"].as_str().unwrap().contains("refused"), "{event}");
    let mut page = String::new();
    let mut scrape = std::net::TcpStream::connect(pages).unwrap();
    scrape.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    scrape.read_to_string(&mut page).unwrap();
    assert!(page.contains("\nmtasts_local_faults_total 6\n"), "each of them is counted: {page}");
    assert!(page.contains("\nmtasts_fetch_failures_total{result=\"sts-policy-fetch-error\"} 0\n"), "{page}");

    let proxy = TcpListener::bind(place).await.unwrap();
    let dns = DnsClient::of_server(lab.world.dns_addr());
    let policy_host = dns.addresses("mta-sts.healthy-enforce.test").await.unwrap().addresses[0];
    tokio::spawn(tunnel(proxy, SocketAddr::new(policy_host, lab.world.https_port())));
    assert!(ask(&address, "postfix healthy-enforce.test").contains(POLICY), "nobody is left alone");
    daemon.signal("-TERM");
    let (status, log) = daemon.end();
    assert_eq!(status, Some(0));
    assert!(!log.contains("a lookup failed because of this machine, its network or its proxy: mail waits unless a policy is cached"), "{log}");
    lab.world.shutdown().await;
}

// Proves S56.
#[test]
fn without_a_network_nothing_is_known_in_any_zone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("ca.pem"), pki::Authority::new().pem()).unwrap();
    std::fs::write(path("mtasts.toml"), ZONES).unwrap();
    let socket = path("socket");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", env!("CARGO_BIN_EXE_mtasts"), "serve", "--log-format", "json"]);
    command.args(["--store", "memory", "--dns", "192.0.2.53", "--dane", "danger-ignore"]);
    command.args(["--listen", &format!("unix:{socket}"), "--ca-file", &path("ca.pem")]);
    let mut daemon = Daemon::spawn(command.args(["--config", &path("mtasts.toml")]));
    daemon.listening();
    for zone in ["postfix", "lax", "patient"] {
        let client = UnixStream::connect(&socket).unwrap();
        client.set_read_timeout(Some(LONG)).unwrap();
        let answer = exchange(client, &format!("{zone} a.test"));
        assert!(answer.contains(":TEMP ") && answer.ends_with("[dns-failed],"), "{zone}: {answer}");
    }
    daemon.event_of("a lookup failed because of this machine, its network or its proxy: mail waits unless a policy is cached");
}

#[test]
fn without_a_network_no_policy_host_is_to_blame() {
    let status = Command::new("unshare")
        .args(["--map-root-user", "--net"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_fetch_without_a_network", "--include-ignored"])
        .status();
    assert!(status.unwrap().success());
}

#[tokio::test]
#[ignore = "run by without_a_network_no_policy_host_is_to_blame, which takes the network away"]
async fn a_fetch_without_a_network() {
    let fetcher = PolicyFetcher::new(pki::Authority::new().trusted());
    for addresses in [&["203.0.113.1"][..], &["2001:db8::1"], &["2001:db8::1", "203.0.113.1"], &["127.0.0.1"]]
    {
        let addresses: Vec<_> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let failure = fetcher.fetch("mta-sts.a.test", &addresses).await.unwrap_err();
        assert_eq!(failure.kind(), PolicyFetchErrorKind::LocalFault, "{addresses:?}: {failure}");
    }
}

// Proves S52, S56.
#[tokio::test(flavor = "multi_thread")]
async fn idle_clients_use_up_no_files_that_lookups_need() {
    let lab = Lab::start().await;
    let file = lab.write("mtasts.toml", "[limits]\nidle-timeout = '3s'\n");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_mtasts"), "serve"]);
    command.args(["--log-format", "json"]).args(lab.arguments(&["--config", &file]));
    let mut daemon = Daemon::spawn(&mut command);
    let fitted = daemon.event_of("the limit of open files is low, so concurrency is lower than configured: raise LimitNOFILE= or `ulimit -Hn`");
    let (clients, sockets) = (fitted["max_clients"].as_u64(), fitted["dns_sockets"].as_u64());
    assert!((8..40).contains(&clients.unwrap()) && sockets.unwrap() >= 6, "{fitted}");
    let address: SocketAddr = daemon.listening().parse().unwrap();

    // They connect and say nothing, over and over.
    let idle = tokio::spawn(async move {
        let mut clients = VecDeque::new();
        loop {
            if clients.len() == 150 {
                clients.pop_front();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            clients.push_back(tokio::net::TcpStream::connect(address).await.unwrap());
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..60 {
        let domain = ENFORCED[number % ENFORCED.len()];
        asking.spawn_blocking(move || (domain, ask(&address.to_string(), &format!("postfix {domain}"))));
    }
    let mut policies = 0;
    while let Some(asked) = asking.join_next().await {
        let (domain, answer) = asked.unwrap();
        assert!(answer.contains(":OK secure ") || answer.contains(":TEMP "), "{domain}: {answer}");
        policies += u32::from(answer.contains(":OK secure "));
    }
    assert!(policies > 0, "some are looked up all the while");
    idle.abort();
    for domain in ENFORCED {
        let answer = ask(&address.to_string(), &format!("postfix {domain}"));
        assert!(answer.contains(":OK secure "), "{domain}: {answer}");
    }
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
    lab.world.shutdown().await;
}

const ENFORCED: [&str; 4] = ["healthy-enforce.test", "wildcard.test", "cname.test", "large-txt.test"];

/// A proxy of one Policy Host.
async fn tunnel(listener: TcpListener, policy_host: SocketAddr) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        let mut server = tokio::net::TcpStream::connect(policy_host).await.unwrap();
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}
