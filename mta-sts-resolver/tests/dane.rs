//! DANE: what DNS may say of MX hosts, and what a checker makes of it.
#![allow(clippy::unwrap_used, reason = "a helper that cannot help fails the test")]

mod dns_server;
mod validating_dns;

use std::net::SocketAddr;
use std::time::Duration;

use dns_server::impatient;
use mta_sts_core::{DnsName, PolicyDomain};
use mta_sts_resolver::{
    AbsenceKind, DaneChecker, DaneCoverage, DaneError, DaneLookupKind, DnsClient, DnsConfig, DnsError,
    DnsFailure,
};
use tokio::task::JoinSet;
use validating_dns::{Dns, covered};

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
