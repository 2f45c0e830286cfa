//! DANE before MTA-STS: what Postfix is told.
#![allow(clippy::unwrap_used, reason = "a helper that cannot help fails the test")]

#[path = "../../mta-sts-resolver/tests/dns_server/mod.rs"]
mod dns_server;
#[path = "../../mta-sts-resolver/tests/https_server/mod.rs"]
mod https_server;
#[path = "../../mta-sts-resolver/tests/pki/mod.rs"]
mod pki;
mod socketmap_client;
#[path = "../../mta-sts-resolver/tests/validating_dns/mod.rs"]
mod validating_dns;

use std::net::SocketAddr;

use https_server::{SERVER, Server, ok};
use mta_sts_core::postfix::Form;
use mta_sts_resolver::{PolicyFetcher, PolicyService, Resolver, ServiceConfig};
use mtasts_socketmap::{
    DaneAnswer, DaneLookup, DnsFailureAnswer, SocketmapConfig, SocketmapListener, SocketmapServer, Zone,
    Zones,
};
use pki::Authority;
use socketmap_client::Client;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use validating_dns::{Dns, covered};

const SECURE: &str = "OK secure match=mx.a.test servername=hostname";

// Proves S3.
#[tokio::test(flavor = "multi_thread")]
async fn dane_comes_before_a_policy_and_is_never_overridden() {
    let uncovered = "+a.test. MX signed 20 mx2.a.test.\nmx2.a.test. A signed 192.0.2.2";
    for (mode, change, [default, not_found, ignore]) in [
        ("enforce", "", ["OK dane-only", "NOTFOUND ", SECURE]),
        ("enforce", uncovered, ["OK dane-only", "OK dane-only", SECURE]),
        ("enforce", "_25._tcp.mx.a.test. TLSA signed", [SECURE, SECURE, SECURE]),
        ("enforce", "a.test. MX unsigned 10 mx.a.test.", [SECURE, SECURE, SECURE]),
        ("testing", "", ["OK dane-only", "NOTFOUND ", "NOTFOUND "]),
        ("testing", uncovered, ["OK dane", "NOTFOUND ", "NOTFOUND "]),
        ("testing", "_25._tcp.mx.a.test. TLSA signed", ["NOTFOUND ", "NOTFOUND ", "NOTFOUND "]),
        ("none", "", ["NOTFOUND ", "NOTFOUND ", "NOTFOUND "]),
    ] {
        let stage = Stage::start(mode, &[&covered("mx.a.test."), change].join("\n")).await;
        assert_eq!(stage.ask("default a.test").await, default, "{mode}, {change}");
        assert_eq!(stage.ask("not-found a.test").await, not_found, "{mode}, {change}: not-found");
        assert_eq!(stage.ask("ignore a.test").await, ignore, "{mode}, {change}: ignore");
        if default.starts_with("OK dane") {
            assert_eq!(stage.ask("extended a.test").await, default, "{mode}, {change}: extended");
        }
    }
}

// Proves S3.
#[tokio::test(flavor = "multi_thread")]
async fn a_dane_lookup_that_fails_is_temporary_in_every_zone_that_asks() {
    for mode in ["enforce", "testing"] {
        for fault in ["bogus", "servfail", "silence"] {
            let lines = format!("{}\n_25._tcp.mx.a.test. TLSA {fault}", covered("mx.a.test."));
            let stage = Stage::start(mode, &lines).await;
            for zone in ["default", "not-found", "extended", "always", "lax"] {
                let told = stage.ask(&format!("{zone} a.test")).await;
                assert!(
                    told.starts_with("TEMP ") && told.ends_with("[dane-lookup-failed]"),
                    "{zone}: {told}"
                );
            }
            let told = stage.ask("ignore a.test").await;
            assert_eq!(told, if mode == "enforce" { SECURE } else { "NOTFOUND " });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn destinations_without_a_policy_are_asked_for_dane_by_option_alone() {
    let lines = format!("{}\n_mta-sts.a.test. TXT signed", covered("mx.a.test."));
    let stage = Stage::start("enforce", &lines).await;
    assert_eq!(stage.ask("default a.test").await, "NOTFOUND ");
    assert!(!stage.dns.asked().iter().any(|(_, kind)| kind == "MX" || kind == "TLSA"));
    assert_eq!(stage.ask("always a.test").await, "OK dane-only");

    for (change, expected) in [
        ("+a.test. MX signed 20 mx2.a.test.\nmx2.a.test. A signed 192.0.2.2", "OK dane"),
        ("_25._tcp.mx.a.test. TLSA signed", "NOTFOUND "),
        ("a.test. MX unsigned 10 mx.a.test.", "NOTFOUND "),
    ] {
        let stage = Stage::start("enforce", &[&lines, change].join("\n")).await;
        assert_eq!(stage.ask("always a.test").await, expected, "{change}");
    }
    let stage = Stage::start("enforce", &format!("{lines}\n_25._tcp.mx.a.test. TLSA bogus")).await;
    assert!(stage.ask("always a.test").await.starts_with("TEMP "));
    let stage = Stage::start("none", &covered("mx.a.test.")).await;
    assert_eq!(stage.ask("always a.test").await, "OK dane-only", "mode none is no policy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_not_known_stays_temporary() {
    let lines = format!("{}\n_mta-sts.a.test. TXT servfail", covered("mx.a.test."));
    let stage = Stage::start("enforce", &lines).await;
    for zone in ["default", "always"] {
        let told = stage.ask(&format!("{zone} a.test")).await;
        assert!(told.starts_with("TEMP ") && told.ends_with("[dns-failed]"), "{told}");
    }
    assert!(!stage.dns.asked().iter().any(|(_, kind)| kind == "TLSA"));
    assert_eq!(stage.ask("lax a.test").await, "NOTFOUND ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_in_brackets_is_the_host_that_dane_is_for() {
    let lines = "a.test. MX bogus
                 a.test. A signed 192.0.2.1
                 _25._tcp.a.test. TLSA signed
                 _587._tcp.a.test. TLSA signed 3 1 1 KEY";
    let stage = Stage::start("enforce", lines).await;
    assert_eq!(stage.ask("default [a.test]:587").await, "OK dane-only");
    let told = stage.ask("default [a.test]").await;
    assert!(told.ends_with("[no-permitted-host]"), "{told}");
}

/// `a.test` with its Policy Host, and a server of several zones.
struct Stage {
    dns: Dns,
    address: SocketAddr,
    _policy_host: Server,
    _serving: JoinSet<()>,
}

impl Stage {
    async fn start(mode: &str, lines: &str) -> Self {
        let policy = format!("version: STSv1\r\nmode: {mode}\r\nmx: mx.a.test\r\nmax_age: 604800\r\n");
        let authority = Authority::new();
        let policy_host = Server::start(authority.server(&["mta-sts.a.test"]), ok(policy.as_bytes())).await;
        let dns = Dns::start(&format!(
            "_mta-sts.a.test. TXT unsigned \"v=STSv1; id=1;\"
             mta-sts.a.test. A unsigned {SERVER}"
        ))
        .await;
        dns.set(lines);
        let fetcher = PolicyFetcher::new(authority.trusted()).with_port(policy_host.address.port());
        let service = PolicyService::new(Resolver::new(dns.client(), fetcher), ServiceConfig::new());
        let zones = Zones::default()
            .with_zone("not-found", Zone::new().with_dane(DaneAnswer::NotFound))
            .with_zone("ignore", Zone::new().with_dane(DaneAnswer::Ignore))
            .with_zone("always", Zone::new().with_dane_lookup(DaneLookup::Always))
            .with_zone("extended", Zone::new().with_form(Form::ExtendedWithTesting))
            .with_zone("lax", Zone::new().with_dns_failure(DnsFailureAnswer::NotFound));
        let server = SocketmapServer::new(service, SocketmapConfig::new(), zones);
        let listener = SocketmapListener::bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.tcp_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move { server.serve(vec![listener], std::future::pending()).await });
        Self { dns, address, _policy_host: policy_host, _serving: serving }
    }

    async fn ask(&self, request: &str) -> String {
        Client { stream: TcpStream::connect(self.address).await.unwrap() }.ask(request).await
    }
}
