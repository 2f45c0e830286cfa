//! Faults of this machine: they weaken no answer, and are over as soon as they are.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod daemon;

use std::net::SocketAddr;

use daemon::{Daemon, Lab, ask};
use mta_sts_resolver::DnsClient;
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
    let mut daemon = Daemon::start(&lab.arguments(&["--config", &file]));
    let address = daemon.listening();
    for zone in ["postfix", "lax", "patient"] {
        for _ in 0..2 {
            let answer = ask(&address, &format!("{zone} healthy-enforce.test"));
            assert!(answer.contains(":TEMP ") && answer.ends_with("[local-fault],"), "{zone}: {answer}");
        }
    }
    // One line for all of them.
    let event = daemon.event_of("a lookup failed for a fault of this machine");
    assert_eq!((&event["level"], &event["peer"]), (&"ERROR".into(), &place.to_string().into()), "{event}");
    assert!(event["fault"].as_str().unwrap().contains("refused"), "{event}");

    let proxy = TcpListener::bind(place).await.unwrap();
    let dns = DnsClient::with_server(lab.world.dns_addr());
    let policy_host = dns.addresses("mta-sts.healthy-enforce.test").await.unwrap().addresses[0];
    tokio::spawn(tunnel(proxy, SocketAddr::new(policy_host, lab.world.https_port())));
    assert!(ask(&address, "postfix healthy-enforce.test").contains(POLICY), "nobody is left alone");
    daemon.signal("-TERM");
    let (status, log) = daemon.end();
    assert_eq!(status, Some(0));
    assert!(!log.contains("fault of this machine"), "{log}");
    lab.world.shutdown().await;
}

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
