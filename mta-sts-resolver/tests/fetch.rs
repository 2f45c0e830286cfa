//! Fetching a policy (RFC 8461, 3.3 and 7), against servers on loopback.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod https_server;
mod pki;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use https_server::Step::{Cut, Drip, Hang, Send};
use https_server::{SERVER, Server, ok, read_head};
use mta_sts_resolver::{CertificateFault, PolicyFetchErrorKind, PolicyFetcher, TlsVersion, TrustStore};
use pki::{Authority, common_name_only, expired, not_yet_valid};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const HOST: &str = "mta-sts.recipient.test";
const POLICY: &[u8] = b"version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n";
/// Nothing listens here.
const DEAD: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 4));

#[tokio::test]
async fn a_policy_is_fetched() {
    let ca = Authority::new();
    let server = Server::start(ca.server(&[HOST]), ok(POLICY)).await;
    let response = fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap();
    assert_eq!(
        (
            response.status,
            response.content_type.as_deref(),
            &*response.body,
            response.peer,
            response.tls_version
        ),
        (200, Some(&b"text/plain"[..]), POLICY, server.address, TlsVersion::Tls13)
    );
}

// Proves S64, A27.
#[tokio::test]
async fn tls_1_2_will_do() {
    let ca = Authority::new();
    let server = Server::start(ca.tls12_server(&[HOST]), ok(POLICY)).await;
    let response = fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap();
    assert_eq!(response.tls_version, TlsVersion::Tls12);
}

// Proves S24, S51, S60, S95.
#[tokio::test]
async fn the_server_sees_the_policy_host_and_nothing_conditional() {
    let ca = Authority::new();
    let server = Server::start(ca.server(&[HOST]), ok(POLICY)).await;
    fetcher(&ca, &server).fetch("MTA-STS.recipient.test.", &[SERVER]).await.unwrap();

    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].sni.as_deref(), Some(HOST));
    let mut lines = seen[0].head.lines();
    assert_eq!(lines.next(), Some("GET /.well-known/mta-sts.txt HTTP/1.1"));
    let mut fields: Vec<(String, &str)> = lines
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    fields.sort_unstable();
    let user_agent = format!("mta-sts/{}", env!("CARGO_PKG_VERSION"));
    let expected = [
        ("accept", "text/plain"),
        ("accept-encoding", "identity"),
        ("connection", "close"),
        ("host", HOST),
        ("user-agent", &user_agent),
    ];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value)));
}

// Proves S51.
#[tokio::test]
async fn headers_of_http_caches_change_nothing() {
    let ca = Authority::new();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: max-age=31536000, immutable\r\n\
                Expires: Thu, 01 Jan 2099 00:00:00 GMT\r\nAge: 31536000\r\nETag: \"1\"\r\n\
                Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: ";
    let response = [format!("{head}{}\r\n\r\n", POLICY.len()).as_bytes(), POLICY].concat();
    let server = Server::start(ca.server(&[HOST]), vec![Send(response)]).await;
    let fetcher = fetcher(&ca, &server);
    for _ in 0..2 {
        assert_eq!(fetcher.fetch(HOST, &[SERVER]).await.unwrap().body, POLICY);
    }
    // The second is asked for as the first was.
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].head, seen[1].head);
}

// Proves S50.
#[tokio::test]
async fn redirects_are_not_followed() {
    let ca = Authority::new();
    let target = Server::start(ca.server(&["elsewhere.test"]), ok(POLICY)).await;
    for status in [301, 302, 303, 307, 308] {
        let port = target.address.port();
        let response = format!(
            "HTTP/1.1 {status} Moved\r\nLocation: https://127.0.0.3:{port}/.well-known/mta-sts.txt\r\nContent-Length: 3\r\n\r\nbye"
        );
        let server = Server::start(ca.server(&[HOST]), vec![Send(response.into())]).await;
        let response = fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap();
        assert_eq!((response.status, &*response.body), (status, &b""[..]));
        assert_eq!(server.seen().len(), 1);
    }
    assert_eq!(target.seen().len(), 0);
}

#[tokio::test]
async fn other_statuses_come_without_their_body() {
    let ca = Authority::new();
    for status in [201, 203, 204, 206, 304, 404, 410, 500, 503] {
        let head = format!(
            "HTTP/1.1 {status} Status\r\nContent-Type: text/plain\r\nContent-Length: 99999999\r\n\r\n"
        );
        let server = Server::start(ca.server(&[HOST]), vec![Send(head.into()), Hang]).await;
        let response = fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap();
        assert_eq!((response.status, &*response.body), (status, &b""[..]));
    }
}

// Proves S44, S45, S46, S47, A23.
#[tokio::test]
async fn certificate_faults_are_told_apart() {
    use CertificateFault::{Expired, HostMismatch, NotTrusted, NotYetValid};
    let ca = Authority::new();
    let unknown = Authority::new();
    let of_2022 =
        |params: &mut rcgen::CertificateParams| params.not_before = rcgen::date_time_ymd(2022, 1, 1);
    for (tls, faults) in [
        (ca.server_with(&[HOST], expired), &[Expired][..]),
        (ca.intermediate(expired).server(&[HOST]), &[Expired]),
        (ca.intermediate(expired).server_with(&[HOST], of_2022), &[Expired]),
        (ca.intermediate(expired).server_with(&["other.test"], of_2022), &[Expired, HostMismatch]),
        (unknown.intermediate(expired).server(&[HOST]), &[Expired, NotTrusted]),
        (ca.server_with(&[HOST], not_yet_valid), &[NotYetValid]),
        (ca.server(&["recipient.test"]), &[HostMismatch]),
        (ca.server(&["mta-sts.recipient.test.example.test"]), &[HostMismatch]),
        (ca.server(&["*.test"]), &[HostMismatch]),
        (ca.server(&["m*.recipient.test"]), &[HostMismatch]),
        (ca.server_with(&[], common_name_only(HOST)), &[HostMismatch]),
        (unknown.server(&[HOST]), &[NotTrusted]),
        (unknown.server(&["other.test"]), &[NotTrusted, HostMismatch]),
        (unknown.server_with(&["other.test"], expired), &[Expired, NotTrusted, HostMismatch]),
        (ca.server_with(&["other.test"], not_yet_valid), &[NotYetValid, HostMismatch]),
        (ca.server_with(&[HOST], |params| params.is_ca = client_only(params)), &[NotTrusted]),
    ] {
        let server = Server::start(tls, ok(POLICY)).await;
        let failure = fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap_err();
        assert_eq!(failure.kind(), PolicyFetchErrorKind::Certificate(faults[0]));
        assert_eq!(failure.code(), faults[0].code());
        assert_eq!(failure.certificate().unwrap().faults(), faults);
        assert_eq!(server.seen().len(), 0, "no request is sent");
    }
}

// Proves S47.
#[tokio::test]
async fn a_wildcard_stands_for_one_label() {
    let ca = Authority::new();
    let server = Server::start(ca.server(&["*.recipient.test"]), ok(POLICY)).await;
    assert_eq!(fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap().body, POLICY);
}

#[tokio::test]
async fn a_chain_over_an_intermediate_is_trusted() {
    let ca = Authority::new();
    let server = Server::start(ca.intermediate(|_| {}).server(&[HOST]), ok(POLICY)).await;
    assert_eq!(fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap().body, POLICY);
}

// Proves S64, A27.
#[tokio::test]
async fn what_is_not_tls_1_2_fails_in_the_handshake() {
    let ca = Authority::new();
    let alert: &[u8] = &[21, 3, 2, 0, 2, 2, 70];
    let mut hello_of_tls_1_1 = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello_of_tls_1_1.extend([7; 32]);
    hello_of_tls_1_1.extend([0, 0, 0x2f, 0]);
    for answer in [alert, &hello_of_tls_1_1, b"HTTP/1.1 200 OK\r\n\r\n", b"220 mail ESMTP\r\n", b""] {
        let server = Server::start_clear(vec![Send(answer.into())]).await;
        let failure = fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap_err();
        assert_eq!(
            (failure.kind(), failure.code()),
            (PolicyFetchErrorKind::Tls, "tls-handshake-failed"),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_connection() {
    let ca = Authority::new();
    let server = Server::start(ca.server(&[HOST]), ok(POLICY)).await;
    let failure = fetcher(&ca, &server).fetch(HOST, &[DEAD]).await.unwrap_err();
    assert_eq!((failure.kind(), failure.code()), (PolicyFetchErrorKind::Connect, "connect-failed"));
    assert_eq!(failure.peer(), Some(SocketAddr::new(DEAD, server.address.port())));
}

#[tokio::test]
async fn without_an_address_or_a_name_there_is_no_connection() {
    let fetcher = PolicyFetcher::new(Authority::new().trusted());
    assert_eq!(fetcher.fetch(HOST, &[]).await.unwrap_err().kind(), PolicyFetchErrorKind::Connect);
    for host in ["", "127.0.0.3", "a b", "a\r\nX: y", "::1", "a..b"] {
        let failure = fetcher.fetch(host, &[SERVER]).await.unwrap_err();
        assert_eq!(failure.kind(), PolicyFetchErrorKind::InvalidPolicyHost, "{host}");
    }
}

// Proves S54.
#[tokio::test]
async fn one_deadline_holds_at_every_step() {
    let ca = Authority::new();
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 60000\r\n\r\n".to_vec();
    for server in [
        Server::start_clear(vec![Hang]).await,
        Server::start_clear(vec![Drip(vec![22, 3, 3, 64, 0])]).await,
        Server::start(ca.server(&[HOST]), vec![Hang]).await,
        Server::start(ca.server(&[HOST]), vec![Drip(b"HTTP/1.1 200 OK\r\nX: ".to_vec())]).await,
        Server::start(ca.server(&[HOST]), vec![Send(head.clone()), Hang]).await,
        Server::start(ca.server(&[HOST]), vec![Send(head), Drip(POLICY.to_vec())]).await,
    ] {
        let fetcher = fetcher(&ca, &server).with_timeout(Duration::from_millis(400));
        let failure = fetcher.fetch(HOST, &[SERVER]).await.unwrap_err();
        assert_eq!((failure.kind(), failure.code()), (PolicyFetchErrorKind::Timeout, "timeout"));
    }
}

// Proves S54.
#[tokio::test]
async fn the_body_limit_is_exact() {
    let ca = Authority::new();
    for length in [65_536, 65_537, 1_000_000] {
        let body = vec![b'x'; length];
        let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in body.chunks(1000) {
            chunked.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            chunked.extend(chunk);
            chunked.extend(b"\r\n");
        }
        chunked.extend(b"0\r\n\r\n");
        let mut until_close = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        until_close.extend(&body);

        for script in [ok(&body), vec![Send(chunked)], vec![Send(until_close)]] {
            let server = Server::start(ca.server(&[HOST]), script).await;
            let result = fetcher(&ca, &server).fetch(HOST, &[SERVER]).await;
            if length == 65_536 {
                assert_eq!(result.unwrap().body.len(), length);
            } else {
                let failure = result.unwrap_err();
                assert_eq!(
                    (failure.kind(), failure.code()),
                    (PolicyFetchErrorKind::BodyTooLarge, "body-too-large")
                );
            }
        }
    }
}

#[tokio::test]
async fn an_empty_body_is_a_body() {
    let ca = Authority::new();
    let server = Server::start(ca.server(&[HOST]), ok(b"")).await;
    assert_eq!(fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap().body, b"");
}

#[tokio::test]
async fn what_is_not_whole_or_not_http_is_a_protocol_error() {
    let ca = Authority::new();
    let mut many = b"HTTP/1.1 200 OK\r\n".to_vec();
    for number in 0..10_000 {
        many.extend(format!("X-{number}: y\r\n").into_bytes());
    }
    many.extend(b"Content-Length: 0\r\n\r\n");
    let one = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "y".repeat(20_000));
    for response in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nversion: STSv1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nversion: STSv1\r\n\r\n",
        b"version: STSv1\r\nmode: none\r\nmax_age: 1\r\n",
        &many,
        one.as_bytes(),
    ] {
        let server = Server::start(ca.server(&[HOST]), vec![Send(response.into())]).await;
        let failure = fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap_err();
        let head = String::from_utf8_lossy(&response[..response.len().min(60)]);
        assert_eq!(
            (failure.kind(), failure.code()),
            (PolicyFetchErrorKind::Protocol, "http-protocol-error"),
            "{head}"
        );
    }
}

#[tokio::test]
async fn a_body_up_to_the_close_needs_the_end_of_tls() {
    let ca = Authority::new();
    let response = [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", POLICY].concat();
    let server = Server::start(ca.server(&[HOST]), vec![Send(response), Cut]).await;
    let failure = fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap_err();
    assert_eq!(failure.kind(), PolicyFetchErrorKind::Protocol);
}

#[tokio::test]
async fn a_coded_body_comes_as_it_is() {
    let ca = Authority::new();
    let gzip = [31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n";
    let server = Server::start(ca.server(&[HOST]), vec![Send([head.as_bytes(), &gzip].concat())]).await;
    assert_eq!(fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap().body, gzip);
}

#[tokio::test]
async fn content_types_are_joined_or_missing() {
    let ca = Authority::new();
    for (fields, expected) in [
        ("", None),
        ("Content-Type: text/html\r\nContent-Type: text/plain\r\n", Some(&b"text/html, text/plain"[..])),
        ("content-type: text/plain; charset=\"utf-8\"\r\n", Some(b"text/plain; charset=\"utf-8\"")),
        ("Content-Type: \r\n", Some(b"")),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n");
        let server = Server::start(ca.server(&[HOST]), vec![Send(head.into())]).await;
        let response = fetcher(&ca, &server).fetch(HOST, &[SERVER]).await.unwrap();
        assert_eq!(response.content_type.as_deref(), expected);
    }
}

#[tokio::test]
async fn the_next_address_is_tried() {
    let ca = Authority::new();
    let unknown = Authority::new();
    let server = Server::start(ca.server(&[HOST]), ok(POLICY)).await;
    let fetcher = fetcher(&ca, &server).with_timeout(Duration::from_secs(3));
    let after = async |first: IpAddr| fetcher.fetch(HOST, &[first, SERVER]).await.unwrap().body;
    let beside = |last| SocketAddr::new(IpAddr::from([127, 0, 0, last]), server.address.port());

    assert_eq!(after(DEAD).await, POLICY);
    let silent = Server::start_at(beside(5), None, vec![Hang]).await;
    assert_eq!(after(silent.address.ip()).await, POLICY);
    let untrusted = Server::start_at(beside(6), Some(unknown.server(&[HOST])), ok(b"evil")).await;
    assert_eq!(after(untrusted.address.ip()).await, POLICY);
    let closing = Server::start_at(beside(7), Some(ca.server(&[HOST])), vec![]).await;
    assert_eq!(after(closing.address.ip()).await, POLICY);
    assert_eq!(closing.seen().len(), 1);
}

#[tokio::test]
async fn of_several_failures_the_most_telling_is_given() {
    let ca = Authority::new();
    let server = Server::start(ca.server_with(&[HOST], expired), ok(POLICY)).await;
    for addresses in [[SERVER, DEAD], [DEAD, SERVER]] {
        let failure = fetcher(&ca, &server).fetch(HOST, &addresses).await.unwrap_err();
        assert_eq!(failure.code(), "certificate-expired");
        assert_eq!(failure.peer(), Some(server.address));
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_asked_for_again() {
    let ca = Authority::new();
    let server = Server::start(ca.server(&[HOST]), ok(b"12345")).await;
    let fetcher = fetcher(&ca, &server).with_max_body_len(4);
    let failure = fetcher.fetch(HOST, &[SERVER, SERVER]).await.unwrap_err();
    assert_eq!((failure.kind(), server.seen().len()), (PolicyFetchErrorKind::BodyTooLarge, 1));
}

#[tokio::test]
async fn a_configured_proxy_is_asked_to_connect() {
    let ca = Authority::new();
    let server = Server::start(ca.server(&[HOST]), ok(POLICY)).await;
    let (proxy, asked) = proxy_to(server.address, "HTTP/1.1 200 Connected\r\n\r\n").await;
    let response = fetcher(&ca, &server).with_proxy(proxy).fetch(HOST, &[]).await.unwrap();
    assert_eq!(response.body, POLICY);
    assert_eq!(server.seen()[0].sni.as_deref(), Some(HOST));
    let expected = format!("CONNECT {HOST}:{} HTTP/1.1\r\n", server.address.port());
    assert!(asked.lock().unwrap().starts_with(&expected));
}

#[tokio::test]
async fn what_is_wrong_with_a_proxy_is_no_fault_of_the_policy_host() {
    let ca = Authority::new();
    let server = Server::start(ca.server(&[HOST]), ok(POLICY)).await;
    let through = async |proxy| {
        let fetcher = fetcher(&ca, &server).with_timeout(Duration::from_millis(500)).with_proxy(proxy);
        fetcher.fetch(HOST, &[SERVER]).await.unwrap_err()
    };
    for status in
        ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway", "504 Gateway Timeout"]
    {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let (proxy, _) = proxy_to(server.address, answer.leak()).await;
        let failure = through(proxy).await;
        assert_eq!(
            (failure.kind(), failure.peer()),
            (PolicyFetchErrorKind::LocalFault, Some(proxy)),
            "{status}"
        );
        assert!(failure.to_string().contains(&status[..3]), "{failure}");
    }
    let refused = SocketAddr::new(DEAD, 1);
    let silent = Server::start_clear(vec![Hang]).await;
    let closing = Server::start_clear(vec![Cut]).await;
    let garbled = Server::start_clear(vec![Send(b"SSH-2.0-x\r\n".to_vec()), Hang]).await;
    for proxy in [refused, silent.address, closing.address, garbled.address] {
        assert_eq!(through(proxy).await.kind(), PolicyFetchErrorKind::LocalFault, "{proxy}");
    }
    assert_eq!(server.seen().len(), 0);

    // Through a tunnel, what is wrong is wrong with the Policy Host.
    let silent = Server::start_clear(vec![Hang]).await;
    let (proxy, _) = proxy_to(silent.address, "HTTP/1.1 200 Connected\r\n\r\n").await;
    assert_eq!(through(proxy).await.kind(), PolicyFetchErrorKind::Timeout);
}

#[tokio::test]
async fn private_addresses_are_refused_where_that_is_wanted() {
    let ca = Authority::new();
    let server = Server::start(ca.server(&[HOST]), ok(POLICY)).await;
    let fetcher = fetcher(&ca, &server).with_private_addresses_refused(true);
    let private =
        ["127.0.0.3", "10.0.0.1", "::1", "::ffff:127.0.0.3", "fd00::1", "64:ff9b::7f00:3", "2002:7f00:3::"];
    let failure = fetcher.fetch(HOST, &private.map(|address| address.parse().unwrap())).await.unwrap_err();
    assert_eq!(failure.code(), "policy-host-address-refused");
    assert_eq!(failure.peer(), None);
    assert!(server.seen().is_empty());
    // The host is asked at its other addresses, and only there; nothing listens at this one, and it is not left.
    let public = "192.0.1.1".parse().unwrap();
    let fetcher = fetcher.with_timeout(Duration::from_millis(200));
    let failure = fetcher.fetch(HOST, &[SERVER, public]).await.unwrap_err();
    assert_ne!(failure.kind(), PolicyFetchErrorKind::AddressRefused);
    assert!(server.seen().is_empty());
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let nobody = "http://127.0.0.2:1";
    let status = this_test_again("a_policy_is_fetched")
        .envs(
            ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, nobody)),
        )
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn the_platform_roots_can_be_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("roots.pem");
    std::fs::write(&path, Authority::new().pem()).unwrap();
    let again =
        |file| this_test_again("one_root_of_the_platform").env("SSL_CERT_FILE", file).output().unwrap();
    assert!(again(path).status.success());
    assert!(!again(directory.path().join("missing.pem")).status.success());
}

#[test]
#[ignore = "run by the_platform_roots_can_be_named, which sets the environment"]
fn one_root_of_the_platform() {
    assert_eq!(TrustStore::platform().unwrap().len(), 1);
}

fn this_test_again(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--include-ignored"]).env_remove("SSL_CERT_DIR");
    command
}

fn client_only(params: &mut rcgen::CertificateParams) -> rcgen::IsCa {
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    rcgen::IsCa::NoCa
}

fn fetcher(ca: &Authority, server: &Server) -> PolicyFetcher {
    PolicyFetcher::new(ca.trusted()).with_port(server.address.port()).with_timeout(Duration::from_secs(20))
}

async fn proxy_to(server: SocketAddr, answer: &'static str) -> (SocketAddr, Arc<Mutex<String>>) {
    let listener = TcpListener::bind((PROXY, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        *log.lock().unwrap() = read_head(&mut client).await;
        client.write_all(answer.as_bytes()).await.unwrap();
        let mut server = tokio::net::TcpStream::connect(server).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    });
    (address, asked)
}
