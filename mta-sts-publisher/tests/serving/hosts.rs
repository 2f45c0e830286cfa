//! Which policy is sent for which host.

use hyper::{Method, StatusCode};
use mta_sts_publisher::PolicyHostConfig;
use mta_sts_resolver::{PolicyFetchErrorKind, PolicyFetcher};

use crate::client::{WELL_KNOWN, connect, exchange, policy, request};
use crate::stage::{Stage, policy_of};

const DOMAINS: &[&[&str]] = &[&["one.example"], &["two.example", "three.example"]];

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_sent_over_each_version_of_http() {
    let stage = Stage::start(DOMAINS, PolicyHostConfig::new()).await;
    for protocol in ["http/1.1", "h2"] {
        for domain in ["one.example", "two.example", "three.example"] {
            let host = format!("mta-sts.{domain}");
            let got = request(&stage, protocol, (&host, &host), (Method::GET, WELL_KNOWN)).await;
            assert_eq!((got.status, got.body.as_str()), (StatusCode::OK, policy_of(domain).as_str()));
            assert_eq!(got.header("content-type"), Some("text/plain; charset=utf-8"));
            assert_eq!(got.header("content-length"), Some(got.body.len().to_string().as_str()));
            assert_eq!((got.header("cache-control"), got.header("location")), (None, None));
            let head = request(&stage, protocol, (&host, &host), (Method::HEAD, WELL_KNOWN)).await;
            assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
            assert_eq!(head.header("content-length"), got.header("content-length"));
        }
    }
    let counts = stage.server.counts();
    assert_eq!((counts.domains, counts.policies, counts.not_found), (3, 12, 0));
    stage.stop().await;
}

// Proves S95.
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_gets_what_is_served() {
    let stage = Stage::start(DOMAINS, PolicyHostConfig::new()).await;
    let fetcher = PolicyFetcher::new(stage.authority.trusted()).with_port(stage.address.port());
    let got = fetcher.fetch("mta-sts.two.example", &[stage.address.ip()]).await.unwrap();
    assert_eq!((got.status, got.body.as_slice()), (200, policy_of("two.example").as_bytes()));
    assert_eq!(got.content_type.as_deref(), Some(&b"text/plain; charset=utf-8"[..]));
    let unknown = fetcher.fetch("mta-sts.four.example", &[stage.address.ip()]).await.unwrap_err();
    assert_eq!(unknown.kind(), PolicyFetchErrorKind::Tls, "{unknown}");
    assert_eq!(stage.server.counts().unknown_names, 1);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_has_to_be_that_of_the_handshake_or_of_its_certificate() {
    let stage = Stage::start(DOMAINS, PolicyHostConfig::new()).await;
    for (name, host, status) in [
        ("mta-sts.one.example", "mta-sts.one.example", 200),
        ("mta-sts.one.example", "MTA-STS.One.Example.:443", 200),
        ("mta-sts.two.example", "mta-sts.three.example", 200),
        ("mta-sts.one.example", "mta-sts.two.example", 421),
        ("mta-sts.two.example", "mta-sts.one.example", 421),
        ("mta-sts.one.example", "one.example", 421),
        ("mta-sts.one.example", "mta-sts.four.example", 421),
        ("-mta-sts.one.example", "mta-sts.one.example", 0),
    ] {
        for protocol in ["http/1.1", "h2"] {
            if status == 0 {
                assert!(connect(&stage, name, &[protocol]).await.is_err());
                continue;
            }
            let got = request(&stage, protocol, (name, host), (Method::GET, WELL_KNOWN)).await;
            assert_eq!(got.status, status, "{protocol} {name} {host}");
            let domain = host.to_lowercase().replace("mta-sts.", "").replace(".:443", "");
            assert_eq!(got.body == policy_of(&domain), status == 200);
        }
    }
    assert_eq!(stage.server.counts().misdirected, 8);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_sni_the_only_domain_is_meant() {
    let stage = Stage::start(&[&["one.example"]], PolicyHostConfig::new()).await;
    for (host, status) in [("mta-sts.one.example", 200), ("mta-sts.two.example", 421)] {
        let got =
            request(&stage, "http/1.1", ("-mta-sts.one.example", host), (Method::GET, WELL_KNOWN)).await;
        assert_eq!(got.status, status);
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_else_is_not_there() {
    let stage = Stage::start(DOMAINS, PolicyHostConfig::new()).await;
    let host = ("mta-sts.one.example", "mta-sts.one.example");
    for protocol in ["http/1.1", "h2"] {
        for path in [
            "/",
            "/.well-known/",
            "/.well-known/mta-sts.txt/",
            "/.well-known/MTA-STS.txt",
            "//.well-known/mta-sts.txt",
            "/.well-known/../.well-known/mta-sts.txt",
            "/.well-known/mta-sts%2etxt",
            "/tlsrpt",
        ] {
            for method in [Method::GET, Method::POST] {
                let got = request(&stage, protocol, host, (method, path)).await;
                assert_eq!((got.status, got.header("location")), (StatusCode::NOT_FOUND, None), "{path}");
            }
        }
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let got = request(&stage, protocol, host, (method, WELL_KNOWN)).await;
            assert_eq!((got.status.as_u16(), got.header("allow")), (405, Some("GET, HEAD")));
        }
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_needs_one_valid_host() {
    let stage = Stage::start(DOMAINS, PolicyHostConfig::new()).await;
    for (head, status) in [
        ("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: a b\r\n", 400),
        (
            "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.one.example\r\nHost: mta-sts.one.example\r\n",
            400,
        ),
        // The target counts (RFC 9112, 3.2.2).
        (
            "GET https://mta-sts.one.example/.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.two.example\r\n",
            200,
        ),
        (
            "GET https://mta-sts.two.example/.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.one.example\r\n",
            421,
        ),
        ("GET /.well-known/mta-sts.txt HTTP/1.0\r\n", 200),
        ("GET /.well-known/mta-sts.txt?x=1 HTTP/1.1\r\nHost: mta-sts.one.example\r\n", 200),
        ("nonsense\r\n", 400),
    ] {
        let stream = connect(&stage, "mta-sts.one.example", &[]).await.unwrap();
        let got = exchange(stream, format!("{head}Connection: close\r\n\r\n").as_bytes()).await;
        assert_eq!(got.get(9..12), Some(status.to_string().as_str()), "{head}: {got}");
    }
    stage.stop().await;
}

// Proves S92.
#[tokio::test(flavor = "multi_thread")]
async fn a_reverse_proxy_gets_a_policy_by_its_host_and_may_cache_it_for_a_minute() {
    let stage = Stage::start(DOMAINS, PolicyHostConfig::new()).await;
    let ask = async |head: &str| {
        let stream = tokio::net::TcpStream::connect(stage.plain).await.unwrap();
        exchange(stream, format!("{head}Connection: close\r\n\r\n").as_bytes()).await
    };
    let got = ask("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.two.example\r\n").await;
    assert!(got.starts_with("HTTP/1.1 200 ") && got.ends_with(&policy_of("two.example")), "{got}");
    assert!(got.contains("\r\ncache-control: max-age=60\r\n"), "{got}");
    let got = ask("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.four.example\r\n").await;
    assert!(got.starts_with("HTTP/1.1 404 "), "{got}");
    let got = ask("GET /.well-known/mta-sts.txt HTTP/1.0\r\n").await;
    assert!(got.starts_with("HTTP/1.0 400 ") || got.starts_with("HTTP/1.1 400 "), "{got}");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_server_waits_for_what_is_answered() {
    let stage = Stage::start(DOMAINS, PolicyHostConfig::new()).await;
    assert_eq!(policy(&stage, "one.example").await.status, 200);
    let address = stage.address;
    // An idle connection holds nothing up.
    let idle = connect(&stage, "mta-sts.one.example", &["h2"]).await.unwrap();
    stage.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    drop(idle);
}
