use std::time::Duration;

use mta_sts_world::{PolicyHostBehaviour, State};
use rustls::CertificateError;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::client::{PATH, certificate_error, fetch, request, send_request, trusting, trusting_with, world};

#[tokio::test]
async fn serves_the_policy_under_the_worlds_ca() {
    let world = world().await;
    for (version, name) in [(&rustls::version::TLS12, "TLSv1.2"), (&rustls::version::TLS13, "TLSv1.3")] {
        world.reset().unwrap();
        let host = "mta-sts.healthy-enforce.test";
        let config = trusting_with(&world, &[version]);
        let response = request(&world, config, host, host, "GET", PATH).await.unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(response.all("content-type"), ["text/plain"]);
        assert_eq!(
            response.text(),
            "version: STSv1\r\nmode: enforce\r\nmx: mx.healthy-enforce.test\r\nmax_age: 604800\r\n"
        );

        let seen = world.seen().https;
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].sni.as_str(), seen[0].host.as_deref()), (host, Some(host)));
        assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("GET", PATH));
        assert_eq!(seen[0].tls_version, name);
        assert_eq!(seen[0].header("if-none-match"), Some("\"old\""));
    }
}

#[tokio::test]
async fn serves_nothing_else() {
    let world = world().await;
    let host = "mta-sts.healthy-enforce.test";
    for (sent, method, path, status) in [
        (host, "GET", "/", 404),
        (host, "GET", "/.well-known/mta-sts.txt?", 404),
        (host, "POST", PATH, 405),
        ("other.test", "GET", PATH, 421),
    ] {
        let response = request(&world, trusting(&world), host, sent, method, path).await.unwrap();
        assert_eq!(response.status, status, "{method} {path} of {sent}");
    }
}

#[tokio::test]
async fn a_customers_host_has_the_customers_certificate_only() {
    let world = world().await;
    assert_eq!(fetch(&world, "mta-sts.cname.test").await.unwrap().status, 200);
    assert!(fetch(&world, "mta-sts.provider.test").await.is_err());
}

#[tokio::test]
async fn an_untrusted_host_is_told_apart() {
    let world = world().await;
    let error = fetch(&world, "mta-sts.policy-host-untrusted.test").await.unwrap_err();
    assert_eq!(certificate_error(&error), Some(CertificateError::UnknownIssuer));
    assert!(world.seen().https.is_empty());
    world.switch("policy-host-untrusted", State::Calm).unwrap();
    assert_eq!(fetch(&world, "mta-sts.policy-host-untrusted.test").await.unwrap().status, 200);
}

#[tokio::test]
async fn each_behaviour_behaves() {
    let world = world().await;
    let gzip = fetch(&world, "mta-sts.https-gzip.test").await.unwrap();
    assert_eq!(gzip.all("content-encoding"), ["gzip"]);
    assert!(gzip.body.starts_with(&[0x1f, 0x8b]));

    let html = fetch(&world, "mta-sts.https-media-type.test").await.unwrap();
    assert_eq!(html.all("content-type"), ["text/html"]);
    let two = fetch(&world, "mta-sts.https-two-media-types.test").await.unwrap();
    assert_eq!(two.all("content-type"), ["text/plain", "text/html"]);
    let large = fetch(&world, "mta-sts.https-too-large.test").await.unwrap();
    assert_eq!(large.body.len(), 65_537);
    assert_eq!(fetch(&world, "mta-sts.https-not-found.test").await.unwrap().status, 404);

    let redirect = fetch(&world, "mta-sts.policy-redirect.test").await.unwrap();
    let location = format!("https://weaker.policy-redirect.test:{}{PATH}", world.https_port());
    assert_eq!((redirect.status, redirect.all("location")), (302, vec![location.as_str()]));
    let weaker = fetch(&world, "weaker.policy-redirect.test").await.unwrap();
    assert!(weaker.text().contains("mode: none"));
}

#[tokio::test]
async fn a_hanging_host_reads_the_request_and_a_dripping_one_begins() {
    let world = world().await;
    let host = "mta-sts.https-hang.test";
    let mut stream = send_request(&world, trusting(&world), host, host, "GET", PATH).await.unwrap();
    let mut octets = [0; 4096];
    assert!(timeout(Duration::from_millis(300), stream.read(&mut octets)).await.is_err());
    assert_eq!(world.seen().https.len(), 1);

    let host = "mta-sts.https-drip.test";
    let mut stream = send_request(&world, trusting(&world), host, host, "GET", PATH).await.unwrap();
    assert!(stream.read(&mut octets).await.unwrap() > 0);
    assert!(timeout(Duration::from_millis(300), stream.read_to_end(&mut Vec::new())).await.is_err());
}

#[tokio::test]
async fn refuses_connections_and_listens_again() {
    let world = world().await;
    let host = "mta-sts.healthy-enforce.test";
    for _ in 0..3 {
        assert_eq!(fetch(&world, host).await.unwrap().status, 200);
        world.set_policy_host(host, PolicyHostBehaviour::Refused).unwrap();
        let error = fetch(&world, host).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        world.reset().unwrap();
    }
    assert_eq!(fetch(&world, host).await.unwrap().status, 200);
    let error = fetch(&world, "mta-sts.https-refused.test").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(world.set_policy_host("mta-sts.nobody.test", PolicyHostBehaviour::Hang).is_err());
}
