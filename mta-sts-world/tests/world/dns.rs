use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{RData, RecordType};
use mta_sts_world::{DnsQuestion, SettableType, State, Transport};

use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::server::ParsedCertificate;

use crate::client::{Smtp, ask_tcp, ask_udp, ask_udp_authentic, careless, mail_hosts, texts, world};

#[tokio::test]
async fn answers_over_udp_and_tcp_and_remembers_the_questions() {
    let world = world().await;
    let name = "_MTA-STS.healthy-enforce.test";
    let udp = ask_udp(&world, name, RecordType::TXT, None).await.unwrap();
    let tcp = ask_tcp(&world, name, RecordType::TXT).await;
    assert_eq!(texts(&udp), ["v=STSv1; id=20260101T000000;"]);
    assert_eq!(texts(&udp), texts(&tcp));

    let name = name.to_ascii_lowercase();
    let question = |transport| DnsQuestion { name: name.clone(), record_type: "TXT".to_owned(), transport };
    assert_eq!(world.seen().dns, [question(Transport::Udp), question(Transport::Tcp)]);
}

#[tokio::test]
async fn tells_no_name_from_no_data() {
    let world = world().await;
    for (name, kind, code) in [
        ("no-such-domain.test", RecordType::TXT, ResponseCode::NXDomain),
        ("_mta-sts.no-mta-sts.test", RecordType::TXT, ResponseCode::NXDomain),
        ("healthy-enforce.test", RecordType::TXT, ResponseCode::NoError),
        // An empty non-terminal: only names below it have records.
        ("deep.wildcard-too-deep.test", RecordType::A, ResponseCode::NoError),
    ] {
        let answer = ask_udp(&world, name, kind, None).await.unwrap();
        assert_eq!(answer.metadata.response_code, code, "{name}");
        assert!(answer.answers.is_empty(), "{name}");
        let RData::SOA(soa) = &answer.authorities[0].data else { panic!("{name}: no SOA") };
        assert_eq!((soa.minimum, answer.authorities[0].ttl), (60, 60), "{name}");
    }
}

#[tokio::test]
async fn a_test_sets_the_records_of_any_domain_until_the_next_reset() {
    let world = world().await;
    let set = |name: &str, kind, records: &[&str]| {
        world.set_records(name, kind, &records.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    set("example.com", SettableType::Mx, &["10 mx1.example.com", "20 mx2.example.com."]).unwrap();
    set("_mta-sts.example.com", SettableType::Txt, &["v=STSv1; id=1;", &"x".repeat(300)]).unwrap();
    set("mx1.example.com", SettableType::A, &["127.0.0.9"]).unwrap();
    assert_eq!(mail_hosts(&world, "example.com").await, ["mx1.example.com", "mx2.example.com"]);
    let answer = ask_udp(&world, "_MTA-STS.example.com", RecordType::TXT, None).await.unwrap();
    assert_eq!(texts(&answer), ["v=STSv1; id=1;".to_owned(), "x".repeat(300)]);
    let code = async |name: &str, kind| {
        let answer = ask_udp(&world, name, kind, None).await.unwrap();
        (answer.metadata.response_code, answer.answers.len())
    };
    assert_eq!(code("mx1.example.com", RecordType::A).await, (ResponseCode::NoError, 1));
    assert_eq!(code("mx1.example.com", RecordType::AAAA).await, (ResponseCode::NoError, 0));
    assert_eq!(code("mx3.example.com", RecordType::A).await, (ResponseCode::NXDomain, 0));
    // They take the place of those of the world, and can be taken away.
    set("healthy-enforce.test", SettableType::Mx, &["10 mx.attacker.test"]).unwrap();
    assert_eq!(mail_hosts(&world, "healthy-enforce.test").await, ["mx.attacker.test"]);
    set("_mta-sts.example.com", SettableType::Txt, &[]).unwrap();
    assert_eq!(code("_mta-sts.example.com", RecordType::TXT).await, (ResponseCode::NXDomain, 0));
    for (name, kind, record) in [
        ("example.com", SettableType::Mx, "mx1.example.com"),
        ("example.com", SettableType::A, "::1"),
        ("a..b", SettableType::Txt, "x"),
    ] {
        assert_eq!(set(name, kind, &[record]).unwrap_err().code(), "bad-records", "{record}");
    }
    world.reset().unwrap();
    assert_eq!(mail_hosts(&world, "healthy-enforce.test").await, ["mx.healthy-enforce.test"]);
    assert_eq!(code("example.com", RecordType::MX).await, (ResponseCode::NXDomain, 0));
}

#[tokio::test]
async fn a_bogus_name_fails_with_the_extended_error() {
    let world = world().await;
    let answer = ask_udp(&world, "_mta-sts.bogus.test", RecordType::TXT, Some(1232)).await.unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    let edns = answer.edns.unwrap();
    assert_eq!(edns.option(15.into()), Some(&EdnsOption::Unknown(15, vec![0, 6])));

    let answer = ask_udp(&world, "bogus.test", RecordType::MX, None).await.unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    assert!(answer.edns.is_none(), "no OPT record for a client without one");
}

#[tokio::test]
async fn a_large_record_is_truncated_over_udp_and_whole_over_tcp() {
    let world = world().await;
    for payload in [None, Some(512), Some(4096)] {
        let answer = ask_udp(&world, "_mta-sts.large-txt.test", RecordType::TXT, payload).await.unwrap();
        assert!(answer.metadata.truncation, "{payload:?}");
    }
    let answer = ask_tcp(&world, "_mta-sts.large-txt.test", RecordType::TXT).await;
    assert!(!answer.metadata.truncation);
    assert!(texts(&answer)[0].len() > 1232);
}

#[tokio::test]
async fn joins_splits_and_mixes_records() {
    let world = world().await;
    let split = ask_udp(&world, "_mta-sts.split-txt.test", RecordType::TXT, None).await.unwrap();
    assert_eq!(texts(&split), ["v=STSv1; id=20260101T000000;"]);
    let RData::TXT(txt) = &split.answers[0].data else { panic!("not TXT") };
    assert_eq!(txt.txt_data.len(), 3);

    let mixed = ask_udp(&world, "_mta-sts.unrelated-txt.test", RecordType::TXT, None).await.unwrap();
    assert_eq!(texts(&mixed).len(), 3);
    assert_eq!(mail_hosts(&world, "null-mx.test").await, [""]);
    assert!(mail_hosts(&world, "implicit-mx.test").await.is_empty());
}

#[tokio::test]
async fn follows_aliases_and_gives_up_in_a_circle() {
    let world = world().await;
    let answer = ask_udp(&world, "_mta-sts.cname.test", RecordType::TXT, None).await.unwrap();
    assert_eq!(answer.answers[0].record_type(), RecordType::CNAME);
    assert_eq!(texts(&answer).len(), 1);

    let answer = ask_udp(&world, "_mta-sts.loop.test", RecordType::TXT, None).await.unwrap();
    assert!(!answer.answers.is_empty());
    assert!(answer.answers.iter().all(|record| record.record_type() == RecordType::CNAME));
}

#[tokio::test]
async fn a_switch_changes_the_answers_and_a_reset_changes_them_back() {
    let world = world().await;
    let name = "_mta-sts.txt-suppressed.test";
    assert_eq!(ask_udp(&world, name, RecordType::TXT, None).await.unwrap().answers.len(), 1);
    assert_eq!(mail_hosts(&world, "txt-suppressed.test").await, ["mx.txt-suppressed.test"]);

    world.switch("txt-suppressed", State::Attack).unwrap();
    let answer = ask_udp(&world, name, RecordType::TXT, None).await.unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(mail_hosts(&world, "txt-suppressed.test").await, ["mx.attacker.test"]);

    world.reset().unwrap();
    assert!(world.seen().dns.is_empty());
    assert_eq!(ask_udp(&world, name, RecordType::TXT, None).await.unwrap().answers.len(), 1);
    assert!(world.switch("no-such-scenario", State::Calm).is_err());
}

#[tokio::test]
async fn silence_is_for_the_record_alone() {
    let world = world().await;
    assert!(ask_udp(&world, "_mta-sts.dns-timeout.test", RecordType::TXT, None).await.is_none());
    assert_eq!(world.seen().dns.len(), 1);
    assert_eq!(mail_hosts(&world, "dns-timeout.test").await, ["mx.dns-timeout.test"]);
    world.switch("dns-timeout", State::Calm).unwrap();
    assert!(ask_udp(&world, "_mta-sts.dns-timeout.test", RecordType::TXT, None).await.is_some());
}

#[tokio::test]
async fn answers_about_signed_domains_have_the_ad_bit_for_those_who_ask() {
    let world = world().await;
    for (name, kind, authentic) in [
        ("dane.test", RecordType::MX, true),
        ("mx.dane.test", RecordType::A, true),
        ("mx.dane.test", RecordType::AAAA, true),
        ("_25._tcp.mx.dane.test", RecordType::TLSA, true),
        ("_25._tcp.mx1.dane-second.test", RecordType::TLSA, true),
        ("healthy-enforce.test", RecordType::MX, false),
        ("no-such-domain.test", RecordType::MX, false),
    ] {
        let answer = ask_udp_authentic(&world, name, kind).await;
        assert_eq!(answer.metadata.authentic_data, authentic, "{name} {kind}");
        let answer = ask_udp(&world, name, kind, Some(1232)).await.unwrap();
        assert!(!answer.metadata.authentic_data, "{name} {kind}: nobody asked");
    }
    for port in [25, world.smtp_port()] {
        let name = format!("_{port}._tcp.mx.dane-bogus.test");
        let bogus = ask_udp_authentic(&world, &name, RecordType::TLSA).await;
        assert_eq!(bogus.metadata.response_code, ResponseCode::ServFail);
        assert!(!bogus.metadata.authentic_data);
    }
}

#[tokio::test]
async fn tlsa_records_are_for_the_certificate_or_for_another() {
    let world = world().await;
    for (host, matches_at_25, matches) in [
        ("mx.dane.test", true, true),
        ("mx.dane-testing.test", true, true),
        ("mx.dane-mismatch.test", false, false),
        ("mx.dane-ports.test", true, false),
    ] {
        let smtp = Smtp::connect(&world, host).await.starttls(careless(), host).await.unwrap();
        let certificate = smtp.certificate.unwrap();
        let key = ParsedCertificate::try_from(&certificate).unwrap().subject_public_key_info();
        let sha256 = TLS13_AES_128_GCM_SHA256.tls13().unwrap().common.hash_provider;
        for (port, matches) in [(25, matches_at_25), (world.smtp_port(), matches)] {
            let name = format!("_{port}._tcp.{host}");
            let answer = ask_udp_authentic(&world, &name, RecordType::TLSA).await;
            let RData::TLSA(tlsa) = &answer.answers[0].data else { panic!("{answer:?}") };
            let numbers = (u8::from(tlsa.cert_usage), u8::from(tlsa.selector), u8::from(tlsa.matching));
            assert_eq!(numbers, (3, 1, 1));
            assert_eq!(sha256.hash(&key).as_ref() == tlsa.cert_data, matches, "{name}");
        }
    }
}
