use std::sync::Arc;

use mta_sts_world::{Owner, Reader};
use rustls::{ClientConfig, ProtocolVersion};

use crate::client::{Smtp, careless, trusting, trusting_with, world};

#[tokio::test]
async fn a_message_over_tls_is_kept_with_all_about_it() {
    let world = world().await;
    let host = "mx.healthy-enforce.test";
    let mut smtp = Smtp::connect(&world, host).await;
    let before = smtp.command("EHLO clear.sender.test").await;
    assert!(before.contains("STARTTLS\r\n") && !before.contains("REQUIRETLS"));
    let mut smtp = smtp.starttls(trusting(&world), host).await.unwrap();
    assert!(
        smtp.command("MAIL FROM:<sender@sender.test>").await.starts_with("503 "),
        "EHLO is forgotten (RFC 3207, 4.2)"
    );
    let after = smtp.command("EHLO tls.sender.test").await;
    assert!(!after.contains("STARTTLS") && after.contains("REQUIRETLS"));
    let mail = "MAIL FROM:<sender@sender.test> SIZE=100 BODY=8BITMIME SMTPUTF8 REQUIRETLS";
    assert!(smtp.command(mail).await.starts_with("250 "));
    assert!(smtp.command("RCPT TO:<user@healthy-enforce.test>").await.starts_with("250 "));
    assert!(smtp.command("DATA").await.starts_with("354 "));
    let text = "Subject: dots\r\n\r\n..\r\n..two\r\n.";
    assert!(smtp.command(text).await.starts_with("250 "));
    assert!(smtp.command("QUIT").await.starts_with("221 "));

    let seen = world.seen().smtp;
    assert_eq!(seen.len(), 1);
    let session = &seen[0];
    assert_eq!((session.host.as_str(), session.owner), (host, Owner::Recipient));
    assert_eq!(session.ehlo_before_tls, ["clear.sender.test"]);
    assert_eq!(session.ehlo_after_tls, ["tls.sender.test"]);
    let tls = session.tls.as_ref().unwrap();
    assert_eq!((tls.sni.as_deref(), tls.version.as_str()), (Some(host), "TLSv1.3"));
    assert_eq!(session.transactions.len(), 1);
    let transaction = &session.transactions[0];
    assert_eq!(transaction.mail_from, mail);
    assert_eq!(transaction.recipients, ["user@healthy-enforce.test"]);
    assert_eq!((transaction.over_tls, transaction.read_by), (true, Reader::Recipient));
    assert_eq!(transaction.message.as_deref(), Some("Subject: dots\r\n\r\n.\r\n.two\r\n"));
}

#[tokio::test]
async fn a_message_in_clear_is_taken_too() {
    let world = world().await;
    let mut smtp = Smtp::connect(&world, "mx.no-mta-sts.test").await;
    assert!(smtp.command("EHLO sender.test").await.starts_with("250-"));
    let reply = smtp.command("MAIL FROM:<sender@sender.test> REQUIRETLS").await;
    assert!(reply.starts_with("555 "), "REQUIRETLS is for TLS (RFC 8689, 2)");
    smtp.deliver("user@no-mta-sts.test", "Subject: clear").await;
    let session = &world.seen().smtp[0];
    assert!(session.tls.is_none() && !session.starttls);
    assert!(!session.transactions[0].over_tls);
    assert_eq!(session.transactions[0].read_by, Reader::Recipient);
}

#[tokio::test]
async fn a_stripped_session_is_read_by_the_attacker() {
    let world = world().await;
    let mut smtp = Smtp::connect(&world, "mx.starttls-stripped.test").await;
    assert!(!smtp.command("EHLO sender.test").await.contains("STARTTLS"));
    assert!(smtp.command("STARTTLS").await.starts_with("502 "));
    smtp.deliver("user@starttls-stripped.test", "Subject: stolen").await;
    let session = &world.seen().smtp[0];
    assert_eq!(session.owner, Owner::Recipient);
    assert!(session.attacker_on_path && session.starttls);
    assert_eq!(session.transactions[0].read_by, Reader::Attacker);
}

#[tokio::test]
async fn commands_injected_behind_starttls_are_thrown_away() {
    let world = world().await;
    let host = "mx.healthy-enforce.test";
    let mut smtp = Smtp::connect(&world, host).await;
    smtp.command("EHLO sender.test").await;
    let injected = "EHLO injected.test\r\nMAIL FROM:<injected@sender.test>\r\n";
    smtp.send(&format!("STARTTLS\r\n{injected}")).await;
    assert!(smtp.reply().await.starts_with("220 "));
    let mut smtp = smtp.handshake(careless(), host).await.unwrap();
    assert!(smtp.command("EHLO after.test").await.starts_with("250-"));
    assert!(smtp.command("RCPT TO:<user@healthy-enforce.test>").await.starts_with("503 "));
    let session = &world.seen().smtp[0];
    assert_eq!(session.discarded, injected.len());
    assert_eq!(session.ehlo_after_tls, ["after.test"]);
    assert!(session.transactions.is_empty());
}

#[tokio::test]
async fn speaks_tls_1_2_too() {
    let world = world().await;
    let host = "mx.healthy-enforce.test";
    let smtp = Smtp::connect(&world, host).await;
    let smtp = smtp.starttls(trusting_with(&world, &[&rustls::version::TLS12]), host).await.unwrap();
    assert_eq!(smtp.tls, Some(ProtocolVersion::TLSv1_2));
}

#[tokio::test]
async fn bad_commands_get_their_replies() {
    let world = world().await;
    let mut smtp = Smtp::connect(&world, "mx.healthy-enforce.test").await;
    for (line, code) in [
        ("MAIL FROM:<sender@sender.test>", "503"),
        ("EHLO", "501"),
        ("ehlo sender.test", "250"),
        ("STARTTLS now", "501"),
        ("MAIL FROM:sender@sender.test", "501"),
        ("MAIL FROM:<sender@sender.test> UNKNOWN=1", "555"),
        ("MAIL FROM:<sender@sender.test> SIZE=99999999999", "552"),
        ("RCPT TO:<user@healthy-enforce.test>", "503"),
        ("mail from:<>", "250"),
        ("MAIL FROM:<>", "503"),
        ("DATA", "503"),
        ("RCPT TO:<nobody>", "550"),
        ("RSET", "250"),
        ("RCPT TO:<user@healthy-enforce.test>", "503"),
        ("NOOP", "250"),
        ("NONSENSE", "500"),
    ] {
        let reply = smtp.command(line).await;
        assert!(reply.starts_with(code), "{line}: {reply}");
    }
    let reply = smtp.command(&format!("NOOP {}", "x".repeat(100_000))).await;
    assert!(reply.starts_with("500 5.5.2"), "{reply}");
    smtp.send("NOOP\n").await;
    assert!(smtp.reply().await.starts_with("500 5.5.2"), "LF alone ends no line");
    assert!(smtp.command("NOOP").await.starts_with("250 "));
}

#[tokio::test]
async fn messages_too_long_or_smuggled_are_refused() {
    let world = world().await;
    let mut smtp = Smtp::connect(&world, "mx.healthy-enforce.test").await;
    smtp.command("EHLO sender.test").await;
    let line = format!("{}\r\n", "x".repeat(900));
    let smuggled = "first\n.\nMAIL FROM:<smuggled@sender.test>".to_owned();
    for (text, code) in
        [("x".repeat(2000), "500"), (smuggled, "500"), (line.repeat(1200), "552"), (line.repeat(100), "250")]
    {
        smtp.command("MAIL FROM:<sender@sender.test>").await;
        smtp.command("RCPT TO:<user@healthy-enforce.test>").await;
        smtp.command("DATA").await;
        let reply = smtp.command(&format!("{text}\r\n.")).await;
        assert!(reply.starts_with(code), "{reply}");
    }
    let kept: Vec<_> = world.seen().smtp[0].transactions.iter().map(|sent| sent.message.clone()).collect();
    assert_eq!(kept[..3], [None, None, None]);
    assert!(kept[3].as_ref().unwrap().len() <= 65_536);
}

#[tokio::test]
async fn a_client_without_sni_is_shown_something_else_or_nothing() {
    let world = world().await;
    let without_sni = || {
        let mut config = ClientConfig::clone(&careless());
        config.enable_sni = false;
        Arc::new(config)
    };
    let shown = async |host: &'static str, config| {
        let smtp = Smtp::connect(&world, host).await.starttls(config, host).await.ok()?;
        smtp.certificate
    };
    for (host, same) in [("mx.healthy-enforce.test", true), ("mx1.sni-needed.test", false)] {
        let (with, without) = (shown(host, careless()).await, shown(host, without_sni()).await);
        assert!(with.is_some() && without.is_some(), "{host}");
        assert_eq!(with == without, same, "{host}");
    }
    let host = "mx2.sni-needed.test";
    assert!(shown(host, careless()).await.is_some() && shown(host, without_sni()).await.is_none());
}

#[tokio::test]
async fn deprecated_versions_of_tls_are_chosen_where_they_are_taken() {
    let world = world().await;
    for (host, known, chosen) in [
        ("mx1.tls-deprecated.test", 2, Some(2)),
        ("mx1.tls-deprecated.test", 1, Some(1)),
        ("mx2.tls-deprecated.test", 2, Some(1)),
        ("mx3.tls-deprecated.test", 2, Some(2)),
        ("mx3.tls-deprecated.test", 1, None),
        ("mx.healthy-enforce.test", 2, None),
    ] {
        let mut smtp = Smtp::connect(&world, host).await;
        assert!(smtp.command("STARTTLS").await.starts_with("220 "));
        // A ClientHello with one cipher suite and without extensions.
        let body = [&[3, known][..], &[7; 32], &[0, 0, 2, 0, 0x2f, 1, 0]].concat();
        let hello = [&[22, 3, 1, 0, 45, 1, 0, 0, 41][..], &body].concat();
        let answer = smtp.exchange(&hello, 11).await;
        match chosen {
            Some(version) => assert_eq!((answer[0], &answer[9..]), (22, &[3, version][..]), "{host}"),
            None => assert_eq!((answer[0], answer.len()), (21, 7), "{host}"),
        }
        // All of them speak newer ones.
        let smtp = Smtp::connect(&world, host).await.starttls(trusting(&world), host).await.unwrap();
        assert_eq!(smtp.tls, Some(ProtocolVersion::TLSv1_3), "{host}");
    }
}
