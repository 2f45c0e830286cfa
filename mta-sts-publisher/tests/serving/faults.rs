//! Clients that are slow, many, or that send too much.

use std::time::Duration;

use mta_sts_publisher::PolicyHostConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{WELL_KNOWN, connect, exchange, policy};
use crate::stage::Stage;

const DOMAINS: &[&[&str]] = &[&["one.example"]];

/// Short, so that the tests are; nothing is measured.
const SHORT: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_silent_is_left() {
    let config = PolicyHostConfig::new().with_handshake_timeout(SHORT).with_head_timeout(SHORT);
    let stage = Stage::start(DOMAINS, config).await;
    let silent = TcpStream::connect(stage.address).await.unwrap();
    assert_eq!(exchange(silent, b"").await, "");
    let half = TcpStream::connect(stage.address).await.unwrap();
    assert_eq!(exchange(half, b"\x16\x03\x01\x02\x00").await, "");
    let idle = connect(&stage, "mta-sts.one.example", &[]).await.unwrap();
    exchange(idle, b"").await;
    let half = connect(&stage, "mta-sts.one.example", &[]).await.unwrap();
    exchange(half, b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHo").await;
    assert_eq!(stage.server.counts().failed_handshakes, 2);
    assert_eq!(policy(&stage, "one.example").await.status, 200);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_http_2_without_requests_ends_too() {
    let config = PolicyHostConfig::new().with_connection_timeout(SHORT).with_request_timeout(SHORT);
    let stage = Stage::start(DOMAINS, config).await;
    let mut idle = connect(&stage, "mta-sts.one.example", &["h2"]).await.unwrap();
    idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut idle, &mut answer);
    let _ = tokio::time::timeout(crate::client::LONG, read).await.expect("the server ends the connection");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_long_is_refused() {
    let stage = Stage::start(DOMAINS, PolicyHostConfig::new()).await;
    let long = "x".repeat(40_000);
    let stream = connect(&stage, "mta-sts.one.example", &[]).await.unwrap();
    let head = format!("GET {WELL_KNOWN} HTTP/1.1\r\nHost: mta-sts.one.example\r\nX: {long}\r\n\r\n");
    let got = exchange(stream, head.as_bytes()).await;
    assert!(got.starts_with("HTTP/1.1 431 "), "{got}");
    let stream = connect(&stage, "mta-sts.one.example", &[]).await.unwrap();
    let got = exchange(stream, format!("GET /{long} HTTP/1.1\r\n\r\n").as_bytes()).await;
    assert!(got.starts_with("HTTP/1.1 414 ") || got.starts_with("HTTP/1.1 431 "), "{got}");
    let many = "X: y\r\n".repeat(200);
    let stream = connect(&stage, "mta-sts.one.example", &[]).await.unwrap();
    let got = exchange(stream, format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes()).await;
    assert!(got.starts_with("HTTP/1.1 431 "), "{got}");

    let stream = connect(&stage, "mta-sts.one.example", &["h2"]).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get(format!("https://mta-sts.one.example{WELL_KNOWN}"))
        .header("x", "y".repeat(40_000))
        .body(http_body_util::Empty::<hyper::body::Bytes>::new())
        .unwrap();
    match sender.send_request(request).await {
        Ok(response) => assert_eq!(response.status(), 431),
        Err(error) => assert!(!error.is_timeout(), "{error}"),
    }
    assert_eq!(policy(&stage, "one.example").await.status, 200);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_does_not_take_all_places() {
    let stage = Stage::start(DOMAINS, PolicyHostConfig::new().with_max_connections_per_client(3)).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(connect(&stage, "mta-sts.one.example", &[]).await.unwrap());
    }
    assert!(connect(&stage, "mta-sts.one.example", &[]).await.is_err());
    let counts = stage.server.counts();
    assert_eq!((counts.connected, counts.turned_away), (3, 1));
    drop(held);
    while stage.server.counts().connected > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(policy(&stage, "one.example").await.status, 200);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_all_places_connections_wait() {
    let config = PolicyHostConfig::new().with_max_connections(2).with_handshake_timeout(SHORT);
    let stage = Stage::start(DOMAINS, config).await;
    let silent =
        [TcpStream::connect(stage.address).await.unwrap(), TcpStream::connect(stage.address).await.unwrap()];
    // Once the silent ones are left, there is a place.
    assert_eq!(policy(&stage, "one.example").await.status, 200);
    drop(silent);
    stage.stop().await;
}
