//! Reports posted to the hosts of the loopback world.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use mta_sts_resolver::{DnsClient, ReportPostError, ReportPoster, TrustStore};
use mta_sts_world::{World, WorldConfig};

struct Stage {
    world: World,
    poster: ReportPoster,
}

impl Stage {
    async fn new() -> Self {
        let world = World::start(WorldConfig::default()).await.unwrap();
        let trust_store = TrustStore::from_pem(world.ca_pem().as_bytes()).unwrap();
        let poster = ReportPoster::new(trust_store).with_private_addresses(true);
        Self { world, poster: poster.with_timeout(Duration::from_secs(20)) }
    }

    async fn post(&self, poster: &ReportPoster, host: &str) -> Result<u16, ReportPostError> {
        let url = format!("https://{host}:{}/v1/tlsrpt?a=b", self.world.https_port());
        let addresses = DnsClient::of_server(self.world.dns_addr()).addresses(host).await.unwrap().addresses;
        poster.post(&url, &addresses, "application/tlsrpt+gzip", b"\x1f\x8bx").await
    }
}

// Proves R14, R67, R78.
#[tokio::test]
async fn a_report_comes_as_it_was_sent() {
    let stage = Stage::new().await;
    assert_eq!(stage.post(&stage.poster, "rua.tlsrpt-https.test").await, Ok(201));
    let seen = stage.world.seen().https;
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("POST", "/v1/tlsrpt?a=b"));
    assert_eq!(seen[0].host, Some(format!("rua.tlsrpt-https.test:{}", stage.world.https_port())));
    assert_eq!(seen[0].header("content-type"), Some("application/tlsrpt+gzip"));
    assert_eq!(seen[0].header("content-encoding"), None);
    assert_eq!(seen[0].body, b"\x1f\x8bx");
}

#[tokio::test]
async fn no_private_address_is_connected_to_by_default() {
    let stage = Stage::new().await;
    let poster = ReportPoster::new(TrustStore::from_pem(stage.world.ca_pem().as_bytes()).unwrap());
    let refused = stage.post(&poster, "rua.tlsrpt-https.test").await;
    assert_eq!(refused, Err(ReportPostError::PrivateAddress));
    for url in ["https://127.0.0.1/", "https://[::1]/", "http://rua.tlsrpt-https.test/"] {
        let refused = stage.poster.post(url, &["127.0.0.1".parse().unwrap()], "x/y", b"x").await;
        assert_eq!(refused, Err(ReportPostError::InvalidUrl), "{url}");
    }
    assert_eq!(stage.world.seen().https, []);
}

#[tokio::test]
async fn an_answer_is_told_and_no_redirect_followed() {
    let stage = Stage::new().await;
    for (name, status) in
        [("unavailable", 503), ("gone", 410), ("busy", 429), ("redirect", 307), ("slow", 201)]
    {
        let host = format!("rua.tlsrpt-https-{name}.test");
        assert_eq!(stage.post(&stage.poster, &host).await, Ok(status), "{name}");
    }
    let hosts: Vec<_> = stage.world.seen().https.into_iter().map(|request| request.sni).collect();
    assert_eq!(hosts.len(), 5);
    assert!(!hosts.contains(&"rua.tlsrpt-https.test".to_owned()));
}

// Proves R15.
#[tokio::test]
async fn a_certificate_counts_unless_it_is_not_to() {
    let stage = Stage::new().await;
    let careless = stage.poster.clone().with_danger_certificates_ignored(true);
    for (name, code) in [("expired", "certificate-expired"), ("untrusted", "certificate-not-trusted")] {
        let host = format!("rua.tlsrpt-https-{name}.test");
        let error = stage.post(&stage.poster, &host).await.unwrap_err();
        assert!(matches!(error, ReportPostError::NotConnected(_)), "{name}: {error}");
        assert_eq!(error.code(), code, "{name}: {error}");
        assert_eq!(stage.world.seen().https, [], "{name}");
        assert_eq!(stage.post(&careless, &host).await, Ok(201), "{name}");
        stage.world.reset().unwrap();
    }
}

#[tokio::test]
async fn a_host_that_never_answers_is_told_from_one_that_cannot_be_reached() {
    let stage = Stage::new().await;
    let impatient = stage.poster.clone().with_timeout(Duration::from_secs(1));
    let error = stage.post(&impatient, "rua.tlsrpt-https-hang.test").await.unwrap_err();
    assert!(matches!(error, ReportPostError::NoAnswer(_)) && error.code() == "timeout", "{error}");

    // What one address has read is sent to no other, and one that refuses the connection costs nothing.
    let port = stage.world.https_port();
    let url = format!("https://rua.tlsrpt-https-hang.test:{port}/");
    let hanging = DnsClient::of_server(stage.world.dns_addr()).addresses("rua.tlsrpt-https-hang.test").await;
    let refusing = "127.83.255.1".parse().unwrap();
    let addresses = [refusing, hanging.unwrap().addresses[0], refusing];
    let error = impatient.post(&url, &addresses, "x/y", b"x").await.unwrap_err();
    assert!(matches!(error, ReportPostError::NoAnswer(_)), "{error}");
    assert_eq!(stage.world.seen().https.len(), 2);
    let error = impatient.post(&url, &[refusing], "x/y", b"x").await.unwrap_err();
    assert!(matches!(error, ReportPostError::NotConnected(_)) && error.code() == "connect-failed", "{error}");
}
