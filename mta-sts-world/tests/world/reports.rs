use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use mta_sts_world::{MailReception, ReportHostBehaviour, TlsrptAnswer, World};
use rustls::CertificateError;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::client::{
    Smtp, ask_udp, certificate_error, fetch, mail_hosts, post, request, send_post, texts, trusting, world,
};

async fn record(world: &World, domain: &str) -> Vec<String> {
    texts(&ask_udp(world, &format!("_smtp._tls.{domain}"), RecordType::TXT, Some(1232)).await.unwrap())
}

#[tokio::test]
async fn a_domain_says_where_it_wants_reports() {
    let world = world().await;
    let port = world.https_port();
    assert_eq!(record(&world, "tlsrpt-mail.test").await, ["v=TLSRPTv1; rua=mailto:tls@tlsrpt-mail.test"]);
    assert_eq!(
        record(&world, "tlsrpt-both.test").await,
        [format!(
            "v=TLSRPTv1; rua=https://rua.tlsrpt-both.test:{port}/v1/tlsrpt?of=tlsrpt-both,mailto:tls@tlsrpt-both.test"
        )]
    );
    assert_eq!(mail_hosts(&world, "tlsrpt-mail.test").await, ["mx.tlsrpt-mail.test"]);
    let address = world.mail_host("mx.tlsrpt-mail.test").unwrap();
    assert_eq!(address.port(), world.smtp_port());
    assert_eq!(world.mail_host("mx.nobody.test"), None);
}

#[tokio::test]
async fn the_record_of_any_domain_is_as_a_test_wants_it() {
    let world = world().await;
    let long = format!("v=TLSRPTv1; rua=mailto:{}@tlsrpt-mail.test", "x".repeat(300));
    for domain in ["tlsrpt-mail.test", "healthy-enforce.test"] {
        world.set_tlsrpt(domain, TlsrptAnswer::Record(long.clone())).unwrap();
        assert_eq!(record(&world, domain).await, [long.as_str()]);
    }
    let name = "_smtp._tls.tlsrpt-mail.test";
    for (answer, code) in [
        (TlsrptAnswer::NoRecord, Some(ResponseCode::NXDomain)),
        (TlsrptAnswer::Failure, Some(ResponseCode::ServFail)),
        (TlsrptAnswer::Silence, None),
    ] {
        world.set_tlsrpt("tlsrpt-mail.test", answer).unwrap();
        let answer = ask_udp(&world, name, RecordType::TXT, None).await;
        assert_eq!(answer.map(|answer| answer.metadata.response_code), code);
    }
    world.reset().unwrap();
    assert_eq!(record(&world, "tlsrpt-mail.test").await, ["v=TLSRPTv1; rua=mailto:tls@tlsrpt-mail.test"]);
    assert_eq!(record(&world, "healthy-enforce.test").await, [""; 0]);
    let refused = world.set_tlsrpt("a..b", TlsrptAnswer::NoRecord).unwrap_err();
    assert_eq!(refused.code(), "bad-domain");
}

#[tokio::test]
async fn a_posted_report_is_kept() {
    let world = world().await;
    let host = "rua.tlsrpt-https.test";
    let body = [0x1f, 0x8b, 0, 0xff, b'\r', b'\n'];
    assert_eq!(post(&world, host, &body).await.unwrap().status, 201);
    let seen = world.seen().https;
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("POST", "/v1/tlsrpt?of=x"));
    assert_eq!(seen[0].header("content-type"), Some("application/tlsrpt+gzip"));
    assert_eq!(seen[0].body, body);
    let json = serde_json::to_string(&seen).unwrap();
    assert_eq!(serde_json::from_str::<Vec<mta_sts_world::HttpsRequest>>(&json).unwrap(), seen);

    // Of a long one the beginning.
    let long = vec![b'x'; 100_000];
    assert_eq!(post(&world, host, &long).await.unwrap().status, 201);
    assert_eq!(world.seen().https[1].body.len(), 65_536);

    let got = request(&world, trusting(&world), host, host, "GET", "/v1/tlsrpt").await.unwrap();
    assert_eq!((got.status, got.all("allow")), (405, vec!["POST"]));
}

#[tokio::test]
async fn hosts_for_posts_have_faults() {
    let world = world().await;
    for (name, status) in
        [("unavailable", 503), ("gone", 410), ("busy", 429), ("redirect", 307), ("slow", 201)]
    {
        let answer = post(&world, &format!("rua.tlsrpt-https-{name}.test"), b"x").await.unwrap();
        assert_eq!(answer.status, status, "{name}");
        let to = format!("https://rua.tlsrpt-https.test:{}/v1/tlsrpt?of=x", world.https_port());
        assert_eq!(answer.all("location"), if name == "redirect" { vec![to.as_str()] } else { vec![] });
    }
    for (name, fault) in [("expired", None), ("untrusted", Some(CertificateError::UnknownIssuer))] {
        let error = post(&world, &format!("rua.tlsrpt-https-{name}.test"), b"x").await.unwrap_err();
        let seen = certificate_error(&error).unwrap();
        match fault {
            Some(fault) => assert_eq!(seen, fault),
            None => assert!(matches!(seen, CertificateError::ExpiredContext { .. }), "{seen:?}"),
        }
    }
    let mut stream = send_post(&world, "rua.tlsrpt-https-hang.test", b"x").await.unwrap();
    assert!(timeout(Duration::from_millis(300), stream.read_u8()).await.is_err());

    let host = "rua.tlsrpt-https.test";
    world.set_report_host(host, ReportHostBehaviour::Status(500)).unwrap();
    assert_eq!(post(&world, host, b"x").await.unwrap().status, 500);
    world.reset().unwrap();
    assert_eq!(post(&world, host, b"x").await.unwrap().status, 201);
    // One kind of host is not taken for the other.
    let policy_host = "mta-sts.healthy-enforce.test";
    let refused = world.set_report_host(policy_host, ReportHostBehaviour::Hang).unwrap_err();
    assert_eq!(refused.code(), "unknown-report-host");
    assert_eq!(fetch(&world, policy_host).await.unwrap().status, 200);
}

#[tokio::test]
async fn hosts_for_mail_have_faults() {
    let world = world().await;
    let session = async |name: &str| {
        let mut smtp = Smtp::connect(&world, &format!("mx.tlsrpt-mail{name}.test")).await;
        assert!(smtp.command("EHLO sender.test").await.starts_with("250"));
        assert!(smtp.command("MAIL FROM:<tls@sender.test>").await.starts_with("250"));
        let reply = smtp.command(&format!("RCPT TO:<tls@tlsrpt-mail{name}.test>")).await;
        (smtp, reply)
    };
    for (name, code) in [("", "250"), ("-greylisting", "451"), ("-deferred", "451"), ("-refused", "550")] {
        let (_, reply) = session(name).await;
        assert!(reply.starts_with(code), "{name}: {reply}");
    }
    // Who comes again is taken, and who is new is not.
    let (mut smtp, reply) = session("-greylisting").await;
    assert!(reply.starts_with("250"), "{reply}");
    assert!(smtp.command("RCPT TO:<other@tlsrpt-mail-greylisting.test>").await.starts_with("451"));

    for (name, is_kept) in [("-hang", false), ("-reply-lost", true)] {
        let (mut smtp, _) = session(name).await;
        assert!(smtp.command("DATA").await.starts_with("354"));
        smtp.send("Subject: x\r\n\r\n.\r\n").await;
        let is_closed = timeout(Duration::from_millis(500), smtp.is_closed()).await;
        assert_eq!(is_closed.ok(), is_kept.then_some(true), "{name}");
        let seen = world.seen().smtp;
        let message = seen.last().unwrap().transactions[0].message.as_deref();
        assert_eq!(message, is_kept.then_some("Subject: x\r\n\r\n"), "{name}");
    }

    world.set_mail_reception("mx.tlsrpt-mail.test", MailReception::Deferred).unwrap();
    assert!(session("").await.1.starts_with("451"));
    world.reset().unwrap();
    assert!(session("").await.1.starts_with("250"));
    assert!(session("-greylisting").await.1.starts_with("451"), "a reset forgets who came");
    let refused = world.set_mail_reception("mx.nobody.test", MailReception::Taken).unwrap_err();
    assert_eq!(refused.code(), "unknown-mail-host");
}
