//! DANE before MTA-STS: what DNS may say of MX hosts, and what Postfix is told.
#![allow(clippy::unwrap_used, reason = "a helper that cannot help fails the test")]

mod dns_server;
mod https_server;
mod pki;
mod socketmap_client;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dns_server::{Scripted, answer, error, impatient, record};
use hickory_proto::op::{Message, ResponseCode};
use https_server::{SERVER, Server, ok};
use mta_sts_core::postfix::Form;
use mta_sts_core::{DnsName, PolicyDomain};
use mta_sts_resolver::{
    AbsenceKind, DaneAnswer, DaneChecker, DaneCoverage, DaneError, DaneLookup, DaneLookupKind, DnsClient,
    DnsConfig, DnsError, DnsFailure, DnsFailureAnswer, PolicyFetcher, PolicyService, Resolver, ServiceConfig,
    SocketmapConfig, SocketmapListener, SocketmapServer, Zone, Zones,
};
use pki::Authority;
use socketmap_client::Client;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use DaneCoverage::{EveryHost, NoHost, SomeHosts};

// The records.

#[tokio::test]
async fn tlsa_records_come_as_they_are() {
    let dns = Dns::start(
        "_25._tcp.mx.a.test. CNAME signed tlsa.b.test.
         tlsa.b.test. TLSA signed 3 1 1 0A0b",
    )
    .await;
    let answer = dns.client().tlsa("_25._tcp.mx.a.test").await.unwrap();
    let [record] = &answer.records[..] else { panic!("{answer:?}") };
    assert_eq!((record.usage, record.selector, record.matching_type), (3, 1, 1));
    assert_eq!(record.data, [0x0a, 0x0b]);
    assert_eq!(answer.ttl, Duration::from_secs(300));
    assert!(answer.authenticated);

    dns.set("tlsa.b.test. TLSA unsigned 3 1 1 0A0B");
    assert!(!dns.client().tlsa("_25._tcp.mx.a.test").await.unwrap().authenticated);
    for (fate, authenticated) in [("signed", true), ("unsigned", false)] {
        dns.set(&format!("tlsa.b.test. TLSA {fate}"));
        let Err(DnsError::NotFound(absence)) = dns.client().tlsa("_25._tcp.mx.a.test").await else {
            panic!("no absence");
        };
        assert_eq!((absence.kind, absence.authenticated), (AbsenceKind::NoData, authenticated));
    }
}

/// Header octet 3 has the AD bit; RFC 6840, 5.7: in a query it asks for the AD bit of the answer.
#[tokio::test]
async fn every_query_asks_on_the_wire_whether_its_answer_is_authenticated() {
    let dns = Dns::start(&covered("mx.a.test.")).await;
    assert_eq!(dns.check("a.test").await, Ok(EveryHost));
    let datagrams = dns.server.state.datagrams.lock().unwrap().clone();
    let mut types = Vec::new();
    for datagram in datagrams {
        assert_eq!(datagram[3] & 0x20, 0x20, "AD in {datagram:02x?}");
        assert_eq!(datagram[3] & 0x10, 0, "no CD in {datagram:02x?}");
        let end_of_name = 12 + datagram[12..].iter().position(|octet| *octet == 0).unwrap();
        types.push(u16::from_be_bytes([datagram[end_of_name + 1], datagram[end_of_name + 2]]));
    }
    types.sort_unstable();
    // A, MX, AAAA, TLSA.
    assert_eq!(types, [1, 15, 28, 52]);
}

// What DANE applies to.

// Proves S3.
#[tokio::test]
async fn dane_applies_where_everything_is_signed_and_nowhere_else() {
    for (what, change, expected) in [
        ("all is well", "", EveryHost),
        ("the MX records are not signed", "a.test. MX unsigned 10 mx.a.test.", NoHost),
        ("the address is not signed", "mx.a.test. A unsigned 192.0.2.1", NoHost),
        ("a signed absence of TLSA records", "_25._tcp.mx.a.test. TLSA signed", NoHost),
        ("an absence of TLSA records that is not signed", "_25._tcp.mx.a.test. TLSA unsigned", NoHost),
        ("no such name", "_25._tcp.mx.a.test. TLSA nxdomain", NoHost),
        ("TLSA records that are not signed", "_25._tcp.mx.a.test. TLSA unsigned 3 1 1 KEY", NoHost),
        ("a trust anchor", "_25._tcp.mx.a.test. TLSA signed 2 0 1 KEY", EveryHost),
        ("PKIX alone", "_25._tcp.mx.a.test. TLSA signed 1 1 1 KEY", NoHost),
        ("a digest cut short", "_25._tcp.mx.a.test. TLSA signed 3 1 1 00FF", NoHost),
        ("an unknown matching type", "_25._tcp.mx.a.test. TLSA signed 3 1 9 KEY", NoHost),
        (
            "one usable record is enough",
            "_25._tcp.mx.a.test. TLSA signed 1 1 1 KEY
             +_25._tcp.mx.a.test. TLSA signed 3 1 1 KEY",
            EveryHost,
        ),
        ("a null MX", "a.test. MX signed 0 .", NoHost),
        ("a host without an address", "mx.a.test. A signed", NoHost),
        ("a domain that does not exist", "a.test. MX nxdomain", NoHost),
        ("addresses of both families", "mx.a.test. AAAA signed 2001:db8::1", EveryHost),
        (
            "IPv6 alone",
            "mx.a.test. A signed
             mx.a.test. AAAA signed 2001:db8::1",
            EveryHost,
        ),
        ("the same host twice", "+a.test. MX signed 20 MX.a.test.", EveryHost),
    ] {
        let dns = Dns::start(&covered("mx.a.test.")).await;
        dns.set(change);
        assert_eq!(dns.check("a.test").await, Ok(expected), "{what}");
    }
}

// Proves S3.
#[tokio::test]
async fn a_lookup_that_fails_never_turns_dane_off() {
    let address = |failure| DaneError::LookupFailed { kind: DaneLookupKind::Address, failure };
    let tlsa = |failure| DaneError::LookupFailed { kind: DaneLookupKind::Tlsa, failure };
    let mx = |failure| DaneError::LookupFailed { kind: DaneLookupKind::Mx, failure };
    let bogus = DnsFailure::Bogus { info_code: 6 };
    for (change, expected) in [
        ("a.test. MX servfail", mx(DnsFailure::ServerFailure)),
        ("a.test. MX bogus", mx(bogus)),
        ("a.test. MX silence", mx(DnsFailure::Timeout)),
        ("mx.a.test. A servfail", address(DnsFailure::ServerFailure)),
        ("mx.a.test. A bogus", address(bogus)),
        ("mx.a.test. A silence", address(DnsFailure::Timeout)),
        ("_25._tcp.mx.a.test. TLSA servfail", tlsa(DnsFailure::ServerFailure)),
        ("_25._tcp.mx.a.test. TLSA bogus", tlsa(bogus)),
        ("_25._tcp.mx.a.test. TLSA silence", tlsa(DnsFailure::Timeout)),
        ("_25._tcp.mx.a.test. TLSA malformed", tlsa(DnsFailure::Malformed)),
        ("_25._tcp.mx.a.test. TLSA refused", tlsa(DnsFailure::Refused)),
        // What is there is not signed, but what could not be looked up may be.
        (
            "mx.a.test. A unsigned
             mx.a.test. AAAA bogus",
            address(bogus),
        ),
    ] {
        let dns = Dns::start(&covered("mx.a.test.")).await;
        dns.set(change);
        let error = dns.check("a.test").await.unwrap_err();
        assert_eq!(error, expected, "{change}");
        assert_eq!(error.code(), "dane-lookup-failed");
    }
}

#[tokio::test]
async fn one_family_that_cannot_be_looked_up_turns_dane_neither_off_nor_on() {
    for fault in ["servfail", "bogus", "silence"] {
        let dns = Dns::start(&covered("mx.a.test.")).await;
        dns.set(&format!("mx.a.test. AAAA {fault}"));
        assert_eq!(dns.check("a.test").await, Ok(EveryHost), "{fault}: the other one is signed");
    }
    for fault in ["servfail", "silence"] {
        let dns = Dns::start(&covered("mx.a.test.")).await;
        dns.set(&format!(
            "mx.a.test. AAAA {fault}
             mx.a.test. A unsigned 192.0.2.1"
        ));
        assert_eq!(
            dns.check("a.test").await,
            Ok(NoHost),
            "{fault}: the other one is not, nor is their owner"
        );
    }
}

#[tokio::test]
async fn hosts_are_told_apart() {
    let first = covered("mx1.a.test.");
    let with = |second: &str| format!("{first}\n+a.test. MX signed 20 mx2.a.test.\n{second}");
    for (what, second, expected) in [
        (
            "both have DANE",
            "mx2.a.test. A signed 192.0.2.2
             _25._tcp.mx2.a.test. TLSA signed 3 1 1 KEY",
            Ok(EveryHost),
        ),
        ("the second has none", "mx2.a.test. A signed 192.0.2.2", Ok(SomeHosts)),
        ("the second is not signed", "mx2.a.test. A unsigned 192.0.2.2", Ok(SomeHosts)),
        ("the second does not exist", "mx2.a.test. A signed", Ok(EveryHost)),
        // The sender looks it up again, and passes it over.
        ("the second is bogus", "mx2.a.test. A bogus", Ok(SomeHosts)),
    ] {
        let dns = Dns::start(&with(second)).await;
        assert_eq!(dns.check("a.test").await, expected, "{what}");
    }
    let neither = "a.test. MX signed 10 mx1.a.test.
                   +a.test. MX signed 20 mx2.a.test.
                   mx1.a.test. A unsigned 192.0.2.1
                   mx2.a.test. A bogus";
    let dns = Dns::start(neither).await;
    assert_eq!(dns.check("a.test").await.unwrap_err().code(), "dane-lookup-failed");
}

/// RFC 7672, 2.2.2: the name at the end of the aliases first, then the one in the MX record.
#[tokio::test]
async fn an_alias_has_the_tlsa_records_of_its_target_or_its_own() {
    let alias = "a.test. MX signed 10 mx.a.test.
                 mx.a.test. CNAME signed host.b.test.";
    let target = "host.b.test. A signed 192.0.2.1";
    let of_target = "_25._tcp.host.b.test. TLSA";
    let of_alias = "_25._tcp.mx.a.test. TLSA";
    for (what, lines, expected) in [
        ("of the target", format!("{target}\n{of_target} signed 3 1 1 KEY"), Ok(EveryHost)),
        ("of the alias", format!("{target}\n{of_alias} signed 3 1 1 KEY"), Ok(EveryHost)),
        ("of neither", target.to_owned(), Ok(NoHost)),
        (
            "the target's come first, usable or not",
            format!("{target}\n{of_target} signed 1 1 1 KEY\n{of_alias} signed 3 1 1 KEY"),
            Ok(NoHost),
        ),
        (
            "the target's are not signed",
            format!("{target}\n{of_target} unsigned 3 1 1 KEY\n{of_alias} signed 3 1 1 KEY"),
            Ok(EveryHost),
        ),
        (
            "the target's cannot be looked up",
            format!("{target}\n{of_target} bogus\n{of_alias} signed 3 1 1 KEY"),
            Err("dane-lookup-failed"),
        ),
        (
            "the target is not signed, the alias is",
            format!("host.b.test. A unsigned 192.0.2.1\n{of_alias} signed 3 1 1 KEY"),
            Ok(EveryHost),
        ),
        (
            "the target is not signed, and its records do not count",
            format!("host.b.test. A unsigned 192.0.2.1\n{of_target} signed 3 1 1 KEY"),
            Ok(NoHost),
        ),
        (
            "the alias is not signed either",
            format!(
                "mx.a.test. CNAME unsigned host.b.test.\nhost.b.test. A signed 192.0.2.1\n{of_alias} signed 3 1 1 KEY"
            ),
            Ok(NoHost),
        ),
    ] {
        let dns = Dns::start(alias).await;
        dns.set(&lines);
        assert_eq!(dns.check("a.test").await.map_err(|error| error.code()), expected, "{what}");
    }
}

#[tokio::test]
async fn without_an_mx_record_the_domain_is_its_own_host() {
    let own = "a.test. A signed 192.0.2.1
               _25._tcp.a.test. TLSA signed 3 1 1 KEY";
    let dns = Dns::start(own).await;
    assert_eq!(dns.check("a.test").await, Ok(EveryHost));
    let dns = Dns::start(own).await;
    dns.set("a.test. MX unsigned");
    assert_eq!(dns.check("a.test").await, Ok(NoHost), "an absence that anybody may have forged");
}

#[tokio::test]
async fn a_host_that_the_operator_names_needs_no_mx_record_and_has_its_own_port() {
    let dns = Dns::start(
        "mail.a.test. A signed 192.0.2.1
         _587._tcp.mail.a.test. TLSA signed 3 1 1 KEY
         mail.a.test. MX bogus",
    )
    .await;
    let host = DnsName::parse("mail.a.test").unwrap();
    assert_eq!(dns.checker().check_host(&host, 587).await, Ok(EveryHost));
    assert_eq!(dns.checker().check_host(&host, 25).await, Ok(NoHost));
}

#[tokio::test]
async fn of_many_hosts_the_first_count_and_none_of_them_is_no_proof() {
    let many = |first: &str| {
        let hosts: Vec<_> = (1..=33)
            .map(|number| {
                format!(
                    "+a.test. MX signed {number} mx{number}.a.test.\nmx{number}.a.test. A unsigned 192.0.2.1"
                )
            })
            .collect();
        format!("{}\n{first}", hosts.join("\n"))
    };
    let dns = Dns::start(&many("")).await;
    assert_eq!(dns.check("a.test").await, Err(DaneError::TooManyHosts));
    assert!(!dns.asked().iter().any(|(name, _)| name == "mx33.a.test."), "{:?}", dns.asked());
    let dns = Dns::start(&many("")).await;
    dns.set("mx1.a.test. A signed 192.0.2.1\n_25._tcp.mx1.a.test. TLSA signed 3 1 1 KEY");
    assert_eq!(dns.check("a.test").await, Ok(SomeHosts));
}

// Whom to believe.

#[tokio::test]
async fn nothing_more_is_asked_about_mx_records_that_are_not_signed() {
    let dns = Dns::start(&covered("mx.a.test.")).await;
    dns.set("a.test. MX unsigned 10 mx.a.test.");
    assert_eq!(dns.check("a.test").await, Ok(NoHost));
    assert_eq!(dns.asked(), [("a.test.".to_owned(), "MX".to_owned())]);
}

#[tokio::test]
async fn a_server_that_is_not_believed_is_not_asked() {
    let dns = Dns::start(&covered("mx.a.test.")).await;
    let elsewhere = not_loopback(dns.server.address);
    let domain = PolicyDomain::parse("a.test").unwrap();
    let careful = DaneChecker::new(&DnsClient::of_server(elsewhere));
    assert!(!careful.can_authenticate());
    assert_eq!(careful.check_domain(&domain, 25).await, Ok(NoHost));
    assert!(dns.asked().is_empty());

    let config = DnsConfig::new(elsewhere).with_danger_trust_ad_bit_of_any_server(true);
    let credulous = DaneChecker::new(&DnsClient::new(config));
    assert!(credulous.can_authenticate());
    assert_eq!(credulous.check_domain(&domain, 25).await, Ok(EveryHost));
}

/// Without Extended DNS Errors a bogus answer is a SERVFAIL like any other, after which a client asks the next server.
#[tokio::test]
async fn a_server_that_does_not_validate_never_answers_for_one_that_does() {
    let careless = Dns::start(&covered("mx.a.test.")).await;
    careless.set("_25._tcp.mx.a.test. TLSA unsigned");
    let validating = Dns::start(&covered("mx.a.test.")).await;
    validating.set("_25._tcp.mx.a.test. TLSA servfail");
    let config = impatient(validating.server.address).with_server(not_loopback(careless.server.address));
    let dane = DaneChecker::new(&DnsClient::new(config));
    let told = dane.check_domain(&PolicyDomain::parse("a.test").unwrap(), 25).await;
    assert_eq!(told.unwrap_err().code(), "dane-lookup-failed");
}

// What is remembered.

#[tokio::test]
async fn a_result_is_remembered_for_the_smallest_ttl() {
    let dns = Dns::start(&covered("mx.a.test.")).await;
    dns.set("_25._tcp.mx.a.test. TLSA signed 3 1 1 KEY ttl=60");
    let dane = dns.checker();
    let domain = PolicyDomain::parse("a.test").unwrap();
    assert_eq!(dane.check_domain(&domain, 25).await, Ok(EveryHost));
    dns.set("_25._tcp.mx.a.test. TLSA signed");
    let asked = dns.asked().len();
    advance(55).await;
    assert_eq!(dane.check_domain(&domain, 25).await, Ok(EveryHost));
    assert_eq!(dns.asked().len(), asked);
    advance(6).await;
    assert_eq!(dane.check_domain(&domain, 25).await, Ok(NoHost));
    assert!(dns.asked().len() > asked);
}

#[tokio::test]
async fn a_failure_is_remembered_for_a_moment_alone() {
    let dns = Dns::start(&covered("mx.a.test.")).await;
    dns.set("_25._tcp.mx.a.test. TLSA bogus");
    let dane = dns.checker();
    let domain = PolicyDomain::parse("a.test").unwrap();
    dane.check_domain(&domain, 25).await.unwrap_err();
    let asked = dns.asked().len();
    dane.check_domain(&domain, 25).await.unwrap_err();
    assert_eq!(dns.asked().len(), asked, "who waits in a queue does not ask again for each mail");
    dns.set("_25._tcp.mx.a.test. TLSA signed 3 1 1 KEY");
    advance(6).await;
    assert_eq!(dane.check_domain(&domain, 25).await, Ok(EveryHost));
}

#[tokio::test]
async fn whoever_asks_at_once_waits_for_one_lookup() {
    let dns = Dns::start(&covered("mx.a.test.")).await;
    let dane = dns.checker();
    let mut waiting = JoinSet::new();
    for _ in 0..100 {
        let dane = dane.clone();
        waiting.spawn(async move { dane.check_domain(&PolicyDomain::parse("a.test").unwrap(), 25).await });
    }
    assert!(waiting.join_all().await.into_iter().all(|told| told == Ok(EveryHost)));
    assert_eq!(dns.asked().len(), 4, "MX, AAAA, A, TLSA");
}

#[tokio::test]
async fn a_lookup_whose_client_has_left_is_taken_over() {
    let dns = Dns::start(&covered("mx.a.test.")).await;
    dns.set("a.test. MX silence");
    let dane = dns.checker();
    let domain = PolicyDomain::parse("a.test").unwrap();
    let first = tokio::spawn({
        let (dane, domain) = (dane.clone(), domain.clone());
        async move { dane.check_domain(&domain, 25).await }
    });
    while dns.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    dns.set("a.test. MX signed 10 mx.a.test.");
    let second = tokio::spawn(async move { dane.check_domain(&domain, 25).await });
    first.abort();
    assert_eq!(second.await.unwrap(), Ok(EveryHost));
}

// What Postfix is told.

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

/// A domain whose one MX host has it all.
/// Strangers have their domains looked up, whose name servers say nothing, and others' DANE is known all the same.
#[tokio::test(flavor = "multi_thread")]
async fn silent_name_servers_keep_no_other_destination_waiting() {
    let dns = Dns::start(&covered("mx.a.test.")).await;
    let of = |zone: usize, number: usize| match zone {
        // All of them below one domain.
        0 => format!("d{number}.evil.test"),
        // A domain each.
        _ => format!("evil{number}.test"),
    };
    for (zone, others, within) in [(0, 600, 2), (1, 400, 20)] {
        for number in 0..others {
            dns.set(&format!("{}. MX silence", of(zone, number)));
        }
        let client = DnsConfig::new(dns.server.address).with_timeout(Duration::from_secs(1)).with_attempts(1);
        let checker = DaneChecker::new(&DnsClient::new(client));
        let mut strangers = JoinSet::new();
        for number in 0..others {
            let (checker, domain) = (checker.clone(), PolicyDomain::parse(&of(zone, number)).unwrap());
            strangers.spawn(async move { checker.check_domain(&domain, 25).await });
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(checker.counts().waiting > 100, "{:?}", checker.counts());
        let honest = PolicyDomain::parse("a.test").unwrap();
        let found =
            tokio::time::timeout(Duration::from_secs(within), checker.check_domain(&honest, 25)).await;
        assert_eq!(found.expect("others do not keep it waiting"), Ok(EveryHost), "{zone}");
        // Whoever found no place is told that it is busy, which counts as no failure, and is asked for anew.
        let answers = strangers.join_all().await;
        let busy = answers.iter().filter(|answer| **answer == Err(DaneError::Busy)).count();
        assert!(answers.iter().all(Result::is_err));
        let counts = checker.counts();
        assert_eq!((counts.waiting, counts.busy), (0, busy as u64), "{counts:?}");
        assert_eq!(counts.failed + counts.busy, others as u64, "{counts:?}");
    }
}

fn covered(host: &str) -> String {
    format!(
        "a.test. MX signed 10 {host}
         {host} A signed 192.0.2.1
         _25._tcp.{host} TLSA signed 3 1 1 KEY"
    )
}

/// A DNS server that validates, as far as it can be told from outside: each answer is a line `NAME TYPE FATE [RDATA]`.
/// What has no line is absent, and the absence is signed.
struct Dns {
    server: Scripted,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    fates: BTreeMap<(String, String), Fate>,
}

#[derive(Clone, Default)]
struct Fate {
    word: String,
    records: Vec<String>,
}

impl Dns {
    async fn start(lines: &str) -> Self {
        let shared = Arc::new(Mutex::new(Lines::default()));
        let server = Scripted::start_raw({
            let lines = Arc::clone(&shared);
            move |query, _| lines.lock().unwrap().say(query)
        })
        .await;
        let dns = Self { server, lines: shared };
        dns.set(lines);
        dns
    }

    /// A line takes the place of what was there of its name and type; with a `+` before it, it is added.
    fn set(&self, lines: &str) {
        self.lines.lock().unwrap().set(lines);
    }

    fn client(&self) -> DnsClient {
        self.server.impatient_client()
    }

    fn checker(&self) -> DaneChecker {
        DaneChecker::new(&self.client())
    }

    async fn check(&self, domain: &str) -> Result<DaneCoverage, DaneError> {
        self.checker().check_domain(&PolicyDomain::parse(domain).unwrap(), 25).await
    }

    /// Names and types, in the order in which they were asked for.
    fn asked(&self) -> Vec<(String, String)> {
        let queries = self.server.seen();
        queries
            .iter()
            .map(|query| (query.queries[0].name.to_ascii(), query.queries[0].query_type.to_string()))
            .collect()
    }
}

impl Lines {
    fn set(&mut self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (is_added, line) = line.strip_prefix('+').map_or((false, line), |line| (true, line));
            let (line, ttl) = line.split_once(" ttl=").unwrap_or((line, "300"));
            let [name, kind, word, ref data @ ..] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let fate = self.fates.entry((name.to_owned(), kind.to_owned())).or_default();
            if !is_added {
                *fate = Fate::default();
            }
            word.clone_into(&mut fate.word);
            if !data.is_empty() {
                let data = data.join(" ").replace("KEY", &"1f".repeat(32));
                fate.records.push(format!("{name} {ttl} IN {kind} {data}"));
            }
        }
    }

    fn say(&self, query: &Message) -> Vec<Vec<u8>> {
        let question = &query.queries[0];
        let name = question.name.to_ascii().to_lowercase();
        let fate = |kind: &str| self.fates.get(&(name.clone(), kind.to_owned())).cloned();
        let Fate { word, records } =
            fate(&question.query_type.to_string()).or_else(|| fate("CNAME")).unwrap_or_default();
        let lines: Vec<_> = records.iter().map(String::as_str).collect();
        let mut response = match word.as_str() {
            "servfail" => error(query, ResponseCode::ServFail, None),
            "bogus" => error(query, ResponseCode::ServFail, Some(6)),
            "refused" => error(query, ResponseCode::Refused, None),
            "nxdomain" => error(query, ResponseCode::NXDomain, None),
            _ => answer(query, &lines),
        };
        response.metadata.authentic_data = word != "unsigned";
        if lines.is_empty() {
            response.add_authority(record("test. 300 IN SOA ns.test. root.test. 1 2 3 4 300"));
        }
        match word.as_str() {
            "silence" => vec![],
            "malformed" => vec![[&query.metadata.id.to_be_bytes()[..], &[0xff; 60]].concat()],
            _ => vec![response.to_vec().unwrap()],
        }
    }
}

/// The system takes the unspecified address for loopback, the client does not.
fn not_loopback(server: SocketAddr) -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], server.port()))
}

/// Lets time go by for timers alone.
async fn advance(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
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
