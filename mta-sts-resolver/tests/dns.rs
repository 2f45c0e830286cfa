//! The DNS client against servers on loopback: a real authoritative one, and ones that do what they are told.
#![allow(clippy::unwrap_used, reason = "a helper that cannot help fails the test")]

mod dns_server;

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dns_server::{Scripted, Transport, answer, error, impatient, name, record, sockets, truncated};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::MX;
use hickory_proto::rr::{DNSClass, LowerName, RData, Record, RecordType};
use hickory_proto::serialize::txt::Parser;
use hickory_server::Server;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use mta_sts_resolver::{AbsenceKind, DnsClient, DnsConfig, DnsError, DnsFailure, MxRecord};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};

// What an authoritative server says.

// Proves S21, A5.
#[tokio::test]
async fn each_txt_rr_is_one_record_and_its_strings_are_joined() {
    let (_server, dns) = zone(
        "policy 300 IN TXT \"v=STSv1; \" \"id=\" \"2026;\"
         policy 300 IN TXT \"unrelated\"",
    )
    .await;
    let mut answer = dns.txt("policy.example.test").await.unwrap();
    answer.records.sort();
    assert_eq!(answer.records, [b"unrelated".to_vec(), b"v=STSv1; id=2026;".to_vec()]);
    assert_eq!(answer.ttl, seconds(300));
    assert!(!answer.authenticated);
}

// Proves S22.
#[tokio::test]
async fn a_cname_chain_is_followed_and_its_smallest_ttl_counts() {
    let (_server, dns) = zone(
        "one 300 IN CNAME two
         two 60 IN CNAME three
         three 900 IN TXT \"v=STSv1; id=1;\"",
    )
    .await;
    let answer = dns.txt("one.example.test").await.unwrap();
    assert_eq!(answer.records, [b"v=STSv1; id=1;"]);
    assert_eq!(answer.ttl, seconds(60));
}

#[tokio::test]
async fn a_missing_name_and_a_missing_type_are_told_apart_with_the_negative_ttl() {
    // The SOA has TTL 3600 and MINIMUM 120.
    let (_server, dns) = zone("host 300 IN A 192.0.2.1").await;
    let absence = absence(dns.txt("nobody.example.test").await);
    assert_eq!(absence.kind, AbsenceKind::NoSuchName);
    assert_eq!(absence.ttl, Some(seconds(120)));
    assert_eq!(absence.code(), "no-such-name");
    let absence = self::absence(dns.txt("host.example.test").await);
    assert_eq!(absence.kind, AbsenceKind::NoData);
    assert_eq!(absence.ttl, Some(seconds(120)));
    assert_eq!(absence.code(), "no-data");
}

// Proves S22.
#[tokio::test]
async fn a_cname_to_a_name_without_txt_is_not_found() {
    let (_server, dns) = zone(
        "alias 300 IN CNAME host
         host 300 IN A 192.0.2.1",
    )
    .await;
    assert_eq!(absence(dns.txt("alias.example.test").await).kind, AbsenceKind::NoData);
}

#[tokio::test]
async fn mx_hosts_are_sorted_by_preference_lower_case_and_dotless() {
    let (_server, dns) = zone(
        "@ 300 IN MX 20 Backup.Example.TEST.
         @ 300 IN MX 5 mx1.example.test.
         @ 300 IN MX 10 MX2.example.test.",
    )
    .await;
    let answer = dns.mx("example.test").await.unwrap();
    assert_eq!(
        answer.hosts,
        [mx(5, "mx1.example.test"), mx(10, "mx2.example.test"), mx(20, "backup.example.test")]
    );
    assert!(!answer.is_null());
}

#[tokio::test]
async fn a_null_mx_is_neither_a_host_nor_an_absence() {
    let (_server, dns) = zone("@ 300 IN MX 0 .").await;
    let answer = dns.mx("example.test").await.unwrap();
    assert!(answer.is_null());
    assert_eq!(answer.ttl, seconds(300));
}

#[tokio::test]
async fn addresses_of_both_families_are_found() {
    let (_server, dns) = zone(
        "host 300 IN A 192.0.2.1
         host 60 IN AAAA 2001:db8::1
         four 300 IN A 192.0.2.4
         text 300 IN TXT \"no address\"",
    )
    .await;
    let answer = dns.addresses("host.example.test").await.unwrap();
    assert_eq!(
        answer.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["2001:db8::1", "192.0.2.1"]
    );
    assert_eq!(answer.ttl, seconds(60));
    let answer = dns.addresses("four.example.test").await.unwrap();
    assert_eq!(answer.addresses, [Ipv4Addr::new(192, 0, 2, 4)]);
    assert_eq!(absence(dns.addresses("text.example.test").await).kind, AbsenceKind::NoData);
    assert_eq!(absence(dns.addresses("nobody.example.test").await).kind, AbsenceKind::NoSuchName);
}

#[tokio::test]
async fn a_long_rrset_comes_over_tcp() {
    let lines: Vec<_> = (0..40).map(|i| format!("big 300 IN TXT \"{i:0>200}\"")).collect();
    let (_server, dns) = zone(&lines.join("\n")).await;
    assert_eq!(dns.txt("big.example.test").await.unwrap().records.len(), 40);
}

// What a recursive server may say, and how the client puts it.

#[tokio::test]
async fn the_query_asks_for_recursion_and_for_the_ad_bit_with_edns() {
    let server = Scripted::start(|query, _| vec![answer(query, &["a.test. 60 IN TXT \"x\""])]).await;
    server.client().txt("a.test").await.unwrap();
    server.client().mx("b.test").await.unwrap_err();
    for query in server.seen() {
        assert!(query.metadata.recursion_desired);
        assert!(query.metadata.authentic_data);
        assert!(!query.metadata.checking_disabled);
        let edns = query.edns.as_ref().unwrap();
        assert_eq!(edns.max_payload(), 1232);
        assert!(!edns.flags().dnssec_ok);
    }
}

#[tokio::test]
async fn clones_work_at_once_and_each_query_has_its_own_id_and_port() {
    let server = Scripted::start(|query, _| vec![answer(query, &["a.test. 60 IN TXT \"x\""])]).await;
    let dns = server.client();
    let lookups = (0..8).map(|_| {
        let dns = dns.clone();
        tokio::spawn(async move { dns.txt("a.test").await })
    });
    for lookup in lookups.collect::<Vec<_>>() {
        lookup.await.unwrap().unwrap();
    }
    let ids: HashSet<_> = server.seen().iter().map(|query| query.metadata.id).collect();
    assert!(ids.len() > 4, "{ids:?}");
    let ports: HashSet<_> = server.state.ports.lock().unwrap().iter().copied().collect();
    assert!(ports.len() > 4, "{ports:?}");
}

#[tokio::test]
async fn special_names_leave_the_client_as_they_are() {
    let server = Scripted::start(|query, _| {
        vec![answer(query, &[&format!("{} 60 IN TXT \"here\"", query.queries[0].name)])]
    })
    .await;
    for name in
        ["_mta-sts.example.invalid", "_mta-sts.localhost", "localhost", "_mta-sts.example.test", "test"]
    {
        assert_eq!(server.client().txt(name).await.unwrap().records, [b"here"]);
        assert_eq!(server.seen().last().unwrap().queries[0].name.to_ascii(), format!("{name}."));
    }
}

#[tokio::test]
async fn what_is_no_name_is_not_sent() {
    let server = Scripted::start(|query, _| vec![answer(query, &[])]).await;
    for name in ["", ".", "a..test", "ü.test", &format!("{}.test", "a".repeat(64)), &"a.".repeat(130)] {
        assert_eq!(server.client().txt(name).await, Err(DnsFailure::InvalidName.into()), "{name:?}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_ad_bit_of_a_server_on_loopback_is_honoured() {
    let server = Scripted::start(|query, _| {
        let lines: &[&str] = match query.queries[0].name.to_ascii().as_str() {
            "signed.test." => &["signed.test. 60 IN MX 10 mx.signed.test."],
            _ => &[],
        };
        let mut response = answer(query, lines);
        response.metadata.authentic_data = true;
        vec![response]
    })
    .await;
    assert!(server.client().mx("signed.test").await.unwrap().authenticated);
    assert!(absence(server.client().mx("absent.test").await).authenticated);
}

#[tokio::test]
async fn a_chain_over_two_answers_is_authenticated_only_as_a_whole() {
    for (first, second) in [(true, false), (false, true), (true, true)] {
        let server = Scripted::start(move |query, _| {
            let (line, authentic) = match query.queries[0].name.to_ascii().as_str() {
                "a.test." => ("a.test. 30 IN CNAME b.other.test.", first),
                _ => ("b.other.test. 60 IN TXT \"found\"", second),
            };
            let mut response = answer(query, &[line]);
            response.metadata.authentic_data = authentic;
            vec![response]
        })
        .await;
        let answer = server.client().txt("a.test").await.unwrap();
        assert_eq!(answer.records, [b"found"]);
        assert_eq!(answer.ttl, seconds(30));
        assert_eq!(answer.authenticated, first && second);
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn the_absence_at_the_end_of_a_chain_lasts_no_longer_than_the_chain() {
    let server = Scripted::start(|query, _| {
        let mut response = answer(query, &["a.test. 30 IN CNAME b.other.test."]);
        response.metadata.response_code = ResponseCode::NXDomain;
        response.add_authority(record("other.test. 600 IN SOA ns.test. root.test. 1 2 3 4 500"));
        vec![response]
    })
    .await;
    let absence = absence(server.client().txt("a.test").await);
    assert_eq!((absence.kind, absence.ttl), (AbsenceKind::NoSuchName, Some(seconds(30))));
}

#[tokio::test]
async fn the_soa_of_the_target_ends_a_chain_and_that_of_the_alias_does_not() {
    for (soa, queries) in [("other.test.", 1), ("a.test.", 2)] {
        let server = Scripted::start(move |query, _| {
            let alias = query.queries[0].name == name("a.test.");
            let lines: &[&str] = if alias { &["a.test. 30 IN CNAME b.other.test."] } else { &[] };
            let mut response = answer(query, lines);
            if alias {
                response.add_authority(record(&format!("{soa} 600 IN SOA ns.test. root.test. 1 2 3 4 500")));
            }
            vec![response]
        })
        .await;
        assert_eq!(absence(server.client().txt("a.test").await).kind, AbsenceKind::NoData);
        assert_eq!(server.seen().len(), queries, "{soa}");
    }
}

#[tokio::test]
async fn an_absence_without_soa_has_no_ttl() {
    let server = Scripted::start(|query, _| vec![answer(query, &[])]).await;
    let absence = absence(server.client().txt("a.test").await);
    assert_eq!((absence.kind, absence.ttl), (AbsenceKind::NoData, None));
}

#[tokio::test]
async fn a_ttl_with_the_highest_bit_set_is_zero() {
    let server = Scripted::start(|query, _| {
        let mut response = answer(query, &["a.test. 60 IN TXT \"x\""]);
        response.answers[0].ttl = 0x8000_0001;
        vec![response]
    })
    .await;
    assert_eq!(server.client().txt("a.test").await.unwrap().ttl, Duration::ZERO);
}

#[tokio::test]
async fn a_cname_loop_is_a_failure_in_one_answer_and_across_answers() {
    let server = Scripted::start(|query, _| {
        vec![answer(query, &["a.test. 60 IN CNAME b.test.", "b.test. 60 IN CNAME A.test."])]
    })
    .await;
    assert_eq!(server.client().txt("a.test").await, Err(DnsFailure::CnameLoop.into()));
    let server = Scripted::start(|query, _| {
        let line = match query.queries[0].name.to_ascii().as_str() {
            "a.test." => "a.test. 60 IN CNAME b.test.",
            _ => "b.test. 60 IN CNAME a.test.",
        };
        vec![answer(query, &[line])]
    })
    .await;
    assert_eq!(server.client().txt("a.test").await, Err(DnsFailure::CnameLoop.into()));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn eight_cnames_are_followed_and_nine_are_not() {
    let server = Scripted::start(|query, _| {
        let name = query.queries[0].name.to_ascii();
        let hop: u32 = name.trim_end_matches(".test.").parse().unwrap();
        let line = match hop {
            0 => "0.test. 60 IN TXT \"end\"".to_owned(),
            _ => format!("{hop}.test. 60 IN CNAME {}.test.", hop - 1),
        };
        vec![answer(query, &[&line])]
    })
    .await;
    assert_eq!(server.client().txt("8.test").await.unwrap().records, [b"end"]);
    assert_eq!(server.client().txt("9.test").await, Err(DnsFailure::CnameChainTooLong.into()));
}

#[tokio::test]
async fn an_answer_about_another_name_is_not_accepted() {
    let server =
        Scripted::start(|query, _| vec![answer(query, &["evil.test. 60 IN TXT \"v=STSv1; id=1;\""])]).await;
    assert_eq!(server.client().txt("a.test").await, Err(DnsFailure::Malformed.into()));
    let server = Scripted::start(|query, _| {
        vec![answer(query, &["evil.test. 60 IN TXT \"forged\"", "a.test. 60 IN TXT \"own\""])]
    })
    .await;
    assert_eq!(server.client().txt("a.test").await.unwrap().records, [b"own"]);
}

#[tokio::test]
async fn a_record_of_another_class_is_not_accepted() {
    let server = Scripted::start(|query, _| {
        let mut response = answer(query, &["a.test. 60 IN TXT \"chaos\"", "a.test. 60 IN TXT \"internet\""]);
        response.answers[0].dns_class = DNSClass::CH;
        vec![response]
    })
    .await;
    assert_eq!(server.client().txt("a.test").await.unwrap().records, [b"internet"]);
}

#[tokio::test]
async fn response_codes_are_told_apart() {
    // A server that answered is not asked again; but about SERVFAIL, which may pass, and without EDNS, if it is that.
    for (response_code, failure, code, queries) in [
        (ResponseCode::ServFail, DnsFailure::ServerFailure, "servfail", 2),
        (ResponseCode::Refused, DnsFailure::Refused, "refused", 1),
        (ResponseCode::FormErr, DnsFailure::ResponseCode(1), "response-code", 2),
        (ResponseCode::NotImp, DnsFailure::ResponseCode(4), "response-code", 2),
        (ResponseCode::BADVERS, DnsFailure::ResponseCode(16), "response-code", 2),
        (ResponseCode::NotAuth, DnsFailure::ResponseCode(9), "response-code", 1),
    ] {
        let server = Scripted::start(move |query, _| vec![error(query, response_code, None)]).await;
        let error = server.client().txt("a.test").await.unwrap_err();
        assert_eq!(error, failure.into());
        assert_eq!(error.code(), code);
        assert_eq!(server.seen().len(), queries, "{response_code}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_edns_is_asked_without_and_vouches_for_nothing() {
    for response_code in [ResponseCode::FormErr, ResponseCode::NotImp, ResponseCode::BADVERS] {
        let server = Scripted::start(move |query, transport| match (&query.edns, transport) {
            (Some(_), _) => {
                let mut refusal = error(query, response_code, None);
                if response_code == ResponseCode::FormErr {
                    // An old server: neither OPT nor question.
                    (refusal.edns, refusal.queries) = (None, Vec::new());
                }
                vec![refusal]
            }
            (None, Transport::Udp) if query.queries[0].name == name("long.test.") => vec![truncated(query)],
            (None, _) => {
                let mut plain = answer(query, &["a.test. 60 IN TXT \"x\"", "long.test. 60 IN TXT \"y\""]);
                plain.metadata.authentic_data = true;
                vec![plain]
            }
        })
        .await;
        let dns = server.client();
        let answer = dns.txt("a.test").await.unwrap();
        assert_eq!((&answer.records[..], answer.authenticated), (&[b"x".to_vec()][..], false));
        assert_eq!(server.seen().len(), 2, "{response_code}");
        // That is remembered, by clones too.
        assert_eq!(dns.clone().txt("long.test").await.unwrap().records, [b"y"]);
        assert!(!dns.txt("a.test").await.unwrap().authenticated);
        assert!(server.seen()[1..].iter().all(|query| query.edns.is_none()), "{response_code}");
    }
}

#[tokio::test]
async fn what_a_server_says_with_and_without_edns_is_no_reason_to_leave_it_out() {
    let server = Scripted::start(|query, _| vec![error(query, ResponseCode::FormErr, None)]).await;
    let dns = server.client();
    for _ in 0..2 {
        assert_eq!(dns.txt("a.test").await, Err(DnsFailure::ResponseCode(1).into()));
    }
    let with_edns: Vec<_> = server.seen().iter().map(|query| query.edns.is_some()).collect();
    assert_eq!(with_edns, [true, false, true, false]);
}

#[tokio::test]
async fn the_only_server_is_asked_once_more_about_servfail() {
    let passing = || {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        Scripted::start(move |query, _| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => vec![error(query, ResponseCode::ServFail, None)],
            _ => vec![answer(query, &["a.test. 60 IN TXT \"x\""])],
        })
    };
    let server = passing().await;
    assert_eq!(server.client().txt("a.test").await.unwrap().records, [b"x"]);
    assert_eq!(server.seen().len(), 2);

    let server = passing().await;
    let once = DnsClient::new(DnsConfig::new(server.address).with_attempts(1));
    assert_eq!(once.txt("a.test").await, Err(DnsFailure::ServerFailure.into()));

    // Not three times, not where the answer was found bogus, and not where another can be asked.
    let server = Scripted::start(|query, _| vec![error(query, ResponseCode::ServFail, None)]).await;
    let often = DnsClient::new(DnsConfig::new(server.address).with_attempts(5));
    assert_eq!(often.txt("a.test").await, Err(DnsFailure::ServerFailure.into()));
    assert_eq!(server.seen().len(), 2);
    let bogus = Scripted::start(|query, _| vec![error(query, ResponseCode::ServFail, Some(6))]).await;
    assert_eq!(bogus.client().txt("a.test").await.unwrap_err().code(), "bogus");
    assert_eq!(bogus.seen().len(), 1);
    let two = [passing().await, passing().await];
    let dns = DnsClient::new(DnsConfig::new(two[0].address).with_server(two[1].address));
    assert_eq!(dns.txt("a.test").await, Err(DnsFailure::ServerFailure.into()));
    assert_eq!(two.map(|server| server.seen().len()), [1, 1]);
}

#[tokio::test]
async fn a_late_answer_counts_while_others_are_asked() {
    let silent = Scripted::start(|_, _| vec![]).await;
    let slow = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let address = slow.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        loop {
            let (length, peer) = slow.recv_from(&mut buffer).await.unwrap();
            let query = Message::from_vec(&buffer[..length]).unwrap();
            let slow = Arc::clone(&slow);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(1500)).await;
                let late = answer(&query, &["a.test. 60 IN TXT \"late\""]).to_vec().unwrap();
                // The client may have its answer already, and be gone.
                let _ = slow.send_to(&late, peer).await;
            });
        }
    });
    // After a second the next try begins; the answer to the first comes within it.
    let config = |server| DnsConfig::new(server).with_timeout(seconds(1));
    let alone = DnsClient::new(config(address));
    let before_another = DnsClient::new(config(address).with_server(silent.address).with_attempts(1));
    let (first, second) = tokio::join!(alone.txt("a.test"), before_another.txt("a.test"));
    assert_eq!(first.unwrap().records, [b"late"]);
    assert_eq!(second.unwrap().records, [b"late"]);
}

#[tokio::test]
async fn with_one_socket_a_lookup_gives_up_listening_and_asks_on() {
    let silent = Scripted::start(|_, _| vec![]).await;
    let good = Scripted::start(|query, _| vec![answer(query, &["a.test. 60 IN TXT \"good\""])]).await;
    let dns = DnsClient::new(impatient(silent.address).with_server(good.address).with_sockets_at_once(1));
    let lookups: Vec<_> = (0..4)
        .map(|_| {
            let dns = dns.clone();
            tokio::spawn(async move { dns.txt("a.test").await })
        })
        .collect();
    for lookup in lookups {
        match lookup.await.unwrap() {
            Ok(answer) => assert_eq!(answer.records, [b"good"]),
            Err(error) => assert_eq!(error.code(), "local-fault", "who waits for a socket too long"),
        }
    }
    assert_eq!(dns.txt("a.test").await.unwrap().records, [b"good"]);
}

#[tokio::test]
async fn a_server_that_did_not_understand_may_leave_out_the_question() {
    let server = Scripted::start(|query, _| {
        let mut response = error(query, ResponseCode::FormErr, None);
        response.queries.clear();
        vec![response]
    })
    .await;
    assert_eq!(server.client().txt("a.test").await, Err(DnsFailure::ResponseCode(1).into()));
}

#[tokio::test]
async fn only_extended_errors_of_a_failed_validation_make_a_servfail_bogus() {
    for (info_code, expected) in [
        (5, DnsFailure::ServerFailure),
        (6, DnsFailure::Bogus { info_code: 6 }),
        (7, DnsFailure::Bogus { info_code: 7 }),
        (12, DnsFailure::Bogus { info_code: 12 }),
        (13, DnsFailure::ServerFailure),
        (22, DnsFailure::ServerFailure),
    ] {
        let server =
            Scripted::start(move |query, _| vec![error(query, ResponseCode::ServFail, Some(info_code))])
                .await;
        assert_eq!(server.client().txt("a.test").await, Err(expected.into()), "{info_code}");
    }
}

#[tokio::test]
async fn a_bogus_answer_is_not_taken_from_another_server_instead() {
    let bogus = Scripted::start(|query, _| vec![error(query, ResponseCode::ServFail, Some(6))]).await;
    let careless = Scripted::start(|query, _| vec![answer(query, &["a.test. 60 IN TXT \"forged\""])]).await;
    let dns = DnsClient::new(DnsConfig::new(bogus.address).with_server(careless.address));
    let failure = dns.txt("a.test").await.unwrap_err();
    assert_eq!(failure.code(), "bogus");
    assert!(careless.seen().is_empty());
}

#[tokio::test]
async fn a_referral_is_no_absence() {
    let server = Scripted::start(|query, _| {
        let mut response = answer(query, &[]);
        response.add_authority(record("test. 60 IN NS ns.test."));
        vec![response]
    })
    .await;
    assert_eq!(server.client().txt("a.test").await, Err(DnsFailure::Lame.into()));
}

#[tokio::test]
async fn an_authority_may_name_itself_beside_an_absence() {
    let server = Scripted::start(|query, _| {
        let mut response = answer(query, &[]);
        response.metadata.authoritative = true;
        response.add_authority(record("test. 60 IN NS ns.test."));
        vec![response]
    })
    .await;
    assert_eq!(absence(server.client().txt("a.test").await).kind, AbsenceKind::NoData);
}

// What goes wrong on the way.

#[tokio::test]
async fn a_silent_server_is_a_timeout_after_the_attempts_and_after_the_deadline() {
    let server = Scripted::start(|_, _| vec![]).await;
    let error = server.impatient_client().txt("a.test").await.unwrap_err();
    assert_eq!((error, error.code()), (DnsFailure::Timeout.into(), "timeout"));
    assert_eq!(server.seen().len(), 2);

    let patient =
        DnsConfig::new(server.address).with_timeout(seconds(3600)).with_deadline(Duration::from_millis(50));
    assert_eq!(DnsClient::new(patient).txt("a.test").await, Err(DnsFailure::Timeout.into()));
}

#[tokio::test]
async fn nobody_waits_for_a_server_that_answers_nothing_until_it_answers_again() {
    let is_dead = Arc::new(AtomicBool::new(true));
    let dead = Arc::clone(&is_dead);
    let server = Scripted::start(move |query, _| {
        if dead.load(Ordering::SeqCst) {
            vec![]
        } else {
            vec![answer(query, &["a.test. 60 IN TXT \"good\""])]
        }
    })
    .await;
    let dns = DnsClient::new(impatient(server.address).with_timeout(seconds(2)));
    assert_eq!(dns.txt("a.test").await, Err(DnsFailure::Timeout.into()));
    let is_probe = |query: &Message| query.queries[0].name.is_root();
    let at_once = |dns: DnsClient| async move {
        let start = Instant::now();
        let failed = dns.txt("a.test").await;
        assert_eq!(failed, Err(DnsFailure::Timeout.into()));
        start.elapsed() < seconds(1)
    };
    timeout(seconds(30), async { while !at_once(dns.clone()).await {} })
        .await
        .expect("it is known to be silent");
    let asked = server.seen().iter().filter(|query| !is_probe(query)).count();
    for _ in 0..100 {
        assert!(at_once(dns.clone()).await);
    }
    let seen = server.seen();
    assert_eq!(seen.iter().filter(|query| !is_probe(query)).count(), asked, "it is not asked meanwhile");
    assert!(seen.iter().filter(|query| is_probe(query)).count() <= 10, "but for once in a second");

    is_dead.store(false, Ordering::SeqCst);
    timeout(seconds(30), async {
        while dns.txt("a.test").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("it is asked again");
}

#[tokio::test]
async fn who_answers_some_questions_is_asked_all_of_them() {
    let server = Scripted::start(|query, _| {
        let is_of_stranger = query.queries[0].name.to_ascii().ends_with("evil.test.");
        if is_of_stranger { vec![] } else { vec![answer(query, &["a.test. 60 IN TXT \"good\""])] }
    })
    .await;
    let dns = server.impatient_client();
    for _ in 0..3 {
        assert_eq!(dns.txt("n.evil.test").await, Err(DnsFailure::Timeout.into()));
        assert_eq!(dns.txt("a.test").await.unwrap().records, [b"good"]);
    }
    let asked =
        server.seen().iter().filter(|query| query.queries[0].name.to_ascii() == "n.evil.test.").count();
    assert_eq!(asked, 6, "each time");
}

#[tokio::test]
async fn a_dead_server_is_told_from_a_silent_one() {
    let error = DnsClient::of_server(dead_address().await).txt("a.test").await.unwrap_err();
    assert_eq!(error, DnsFailure::Unreachable(io::ErrorKind::ConnectionRefused).into());
    assert_eq!(error.code(), "unreachable");
}

#[tokio::test]
async fn the_next_server_answers_for_one_that_is_dead_silent_or_failing() {
    let good = Scripted::start(|query, _| vec![answer(query, &["a.test. 60 IN TXT \"good\""])]).await;
    let silent = Scripted::start(|_, _| vec![]).await;
    let failing = Scripted::start(|query, _| vec![error(query, ResponseCode::ServFail, None)]).await;
    for first in [dead_address().await, silent.address, failing.address] {
        let dns = DnsClient::new(impatient(first).with_attempts(5).with_server(good.address));
        assert_eq!(dns.txt("a.test").await.unwrap().records, [b"good"]);
    }
    let dns = DnsClient::new(impatient(failing.address).with_server(silent.address));
    assert_eq!(
        dns.txt("a.test").await,
        Err(DnsFailure::ServerFailure.into()),
        "an answer tells more than silence"
    );
}

#[tokio::test]
async fn datagrams_with_another_id_or_question_are_passed_over() {
    let server = Scripted::start(|query, _| {
        let mut other_id = answer(query, &["a.test. 60 IN TXT \"forged id\""]);
        other_id.metadata.id = !query.metadata.id;
        let mut other_question = answer(query, &["a.test. 60 IN TXT \"forged question\""]);
        other_question.queries = vec![Query::query(name("b.test."), RecordType::TXT)];
        let mut no_question = answer(query, &["a.test. 60 IN TXT \"no question\""]);
        no_question.queries.clear();
        let echo = query.clone();
        vec![other_id, other_question, no_question, echo, answer(query, &["a.test. 60 IN TXT \"true\""])]
    })
    .await;
    assert_eq!(server.client().txt("a.test").await.unwrap().records, [b"true"]);

    let server = Scripted::start(|query, _| {
        let mut other_id = answer(query, &["a.test. 60 IN TXT \"forged\""]);
        other_id.metadata.id = !query.metadata.id;
        vec![other_id]
    })
    .await;
    assert_eq!(server.impatient_client().txt("a.test").await, Err(DnsFailure::Timeout.into()));
}

#[tokio::test]
async fn garbage_is_malformed_when_it_has_the_id_and_else_ignored() {
    let server = Scripted::start_raw(|query, _| {
        let id = query.metadata.id.to_be_bytes();
        vec![vec![], vec![0], [&id[..], &[0xff; 300]].concat()]
    })
    .await;
    let error = server.client().txt("a.test").await.unwrap_err();
    assert_eq!((error, error.code()), (DnsFailure::Malformed.into(), "malformed-answer"));
    let server = Scripted::start_raw(|query, _| vec![(!query.metadata.id).to_be_bytes().repeat(100)]).await;
    assert_eq!(server.impatient_client().txt("a.test").await, Err(DnsFailure::Timeout.into()));
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_over_tcp() {
    let server = Scripted::start(|query, transport| match transport {
        Transport::Udp => vec![truncated(query)],
        Transport::Tcp => vec![answer(query, &["a.test. 60 IN TXT \"whole\""])],
    })
    .await;
    assert_eq!(server.client().txt("a.test").await.unwrap().records, [b"whole"]);
}

#[tokio::test]
async fn faults_over_tcp_are_told_apart() {
    let server = Scripted::start(|query, _| vec![truncated(query)]).await;
    assert_eq!(server.client().txt("a.test").await, Err(DnsFailure::Truncated.into()));

    let server = Scripted::start(|query, transport| match transport {
        Transport::Udp => vec![truncated(query)],
        Transport::Tcp => vec![],
    })
    .await;
    let hung_up = DnsFailure::Unreachable(io::ErrorKind::UnexpectedEof);
    assert_eq!(server.client().txt("a.test").await, Err(hung_up.into()));

    let server = Scripted::start_raw(|query, transport| match transport {
        Transport::Udp => vec![truncated(query).to_vec().unwrap()],
        Transport::Tcp => vec![vec![0xff; 20]],
    })
    .await;
    assert_eq!(server.client().txt("a.test").await, Err(DnsFailure::Malformed.into()));

    let server = Scripted::start(|query, transport| match transport {
        Transport::Udp => vec![truncated(query)],
        Transport::Tcp => {
            let mut other_id = answer(query, &["a.test. 60 IN TXT \"forged\""]);
            other_id.metadata.id = !query.metadata.id;
            vec![other_id]
        }
    })
    .await;
    assert_eq!(server.client().txt("a.test").await, Err(DnsFailure::Malformed.into()));
}

#[tokio::test]
async fn one_family_of_addresses_is_enough() {
    let server = Scripted::start(|query, _| match query.queries[0].query_type {
        RecordType::AAAA => vec![error(query, ResponseCode::ServFail, None)],
        _ if query.queries[0].name == name("a.test.") => {
            let mut response = answer(query, &["a.test. 60 IN A 192.0.2.1"]);
            response.metadata.authentic_data = true;
            vec![response]
        }
        _ => vec![answer(query, &[])],
    })
    .await;
    let answer = server.client().addresses("a.test").await.unwrap();
    assert_eq!(answer.addresses, [Ipv4Addr::new(192, 0, 2, 1)]);
    assert!(!answer.authenticated, "nothing is known of the other family");
    assert_eq!(server.client().addresses("b.test").await, Err(DnsFailure::ServerFailure.into()));
}

#[tokio::test]
async fn addresses_are_authenticated_only_with_both_families() {
    for (ipv6, ipv4) in [(true, true), (true, false), (false, true)] {
        for present in [true, false] {
            let server = Scripted::start(move |query, _| {
                let (lines, authentic): (&[&str], _) = match query.queries[0].query_type {
                    RecordType::AAAA if present => (&["a.test. 60 IN AAAA 2001:db8::1"], ipv6),
                    RecordType::AAAA => (&[], ipv6),
                    _ => (&["a.test. 30 IN A 192.0.2.1"], ipv4),
                };
                let mut response = answer(query, lines);
                response.metadata.authentic_data = authentic;
                vec![response]
            })
            .await;
            let answer = server.client().addresses("a.test").await.unwrap();
            assert_eq!(answer.authenticated, ipv6 && ipv4, "{ipv6} {ipv4} {present}");
            assert_eq!(answer.ttl, seconds(30));
        }
    }
}

#[tokio::test]
async fn equal_preferences_keep_the_order_received() {
    let server = Scripted::start(|query, _| {
        vec![answer(
            query,
            &["a.test. 60 IN MX 10 z.test.", "a.test. 60 IN MX 5 y.test.", "a.test. 60 IN MX 10 b.test."],
        )]
    })
    .await;
    let answer = server.client().mx("a.test").await.unwrap();
    assert_eq!(answer.hosts, [mx(5, "y.test"), mx(10, "z.test"), mx(10, "b.test")]);
}

#[tokio::test]
async fn an_underscore_in_an_mx_host_is_kept_and_a_root_beside_hosts_is_dropped() {
    let server = Scripted::start(|query, _| {
        let mut response = answer(query, &["a.test. 60 IN MX 0 ."]);
        let underscore = MX::new(5, name("MX_1.a.test."));
        response.add_answer(Record::from_rdata(name("a.test."), 60, RData::MX(underscore)));
        vec![response]
    })
    .await;
    assert_eq!(server.client().mx("a.test").await.unwrap().hosts, [mx(5, "mx_1.a.test")]);
}

// What is this machine's own fault.

#[tokio::test]
async fn silence_tells_more_than_a_server_that_nobody_runs() {
    let silent = Scripted::start(|_, _| vec![]).await;
    let dead = dead_address().await;
    for servers in [[silent.address, dead], [dead, silent.address]] {
        let dns = DnsClient::new(impatient(servers[0]).with_server(servers[1]));
        assert_eq!(dns.txt("a.test").await, Err(DnsFailure::Timeout.into()));
    }
}

// The real server: one zone, `example.test`, over UDP and TCP.

async fn zone(lines: &str) -> (Server<Catalog>, DnsClient) {
    let text = format!("@ 3600 IN SOA ns.example.test. root.example.test. 1 7200 900 86400 120\n{lines}\n");
    let text: Vec<_> = text.lines().map(str::trim_start).collect();
    let origin = name("example.test.");
    let (_, records) = Parser::new(text.join("\n") + "\n", None, Some(origin.clone())).parse().unwrap();
    let handler: InMemoryZoneHandler =
        InMemoryZoneHandler::new(origin.clone(), records, ZoneType::Primary, AxfrPolicy::Deny).unwrap();
    let mut catalog = Catalog::new();
    catalog.upsert(LowerName::new(&origin), vec![Arc::new(handler)]);
    let (udp, tcp) = sockets().await;
    let address = udp.local_addr().unwrap();
    let mut server = Server::new(catalog);
    server.register_socket(udp);
    server.register_listener(tcp, seconds(5), 16);
    (server, DnsClient::of_server(address))
}

fn mx(preference: u16, exchange: &str) -> MxRecord {
    MxRecord { preference, exchange: exchange.to_owned() }
}

fn absence<T: std::fmt::Debug>(result: Result<T, DnsError>) -> mta_sts_resolver::DnsAbsence {
    match result {
        Err(DnsError::NotFound(absence)) => absence,
        other => panic!("{other:?}"),
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Where nobody listens: an address of this test's own, so that no other test takes the port.
async fn dead_address() -> SocketAddr {
    UdpSocket::bind(("127.0.0.53", 0)).await.unwrap().local_addr().unwrap()
}
