use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use mta_sts_core::tlsrpt::ReportFileName;
use mta_sts_reporter::DeliveryState::{Refused, Sent, Waiting};
use mta_sts_reporter::{Inbox, InboxItem, ReportMailer};

use crate::stage::{NEXT_DAY, NOON, Stage};

/// What our own reader makes of a mail.
fn read(mail: &str) -> mta_sts_core::tlsrpt::Report {
    let items = Inbox::new().read_message(mail.as_bytes());
    match &items[..] {
        [InboxItem::Report(received)] => received.report.clone(),
        other => panic!("{other:?}"),
    }
}

// Proves R16, R18, R72, R73, R74, R76.
#[tokio::test]
async fn a_report_comes_by_mail() {
    let stage = Stage::new().await;
    stage.count(&["tlsrpt-mail.test"]);
    stage.send_at(NEXT_DAY).await;
    let session = &stage.world.seen().smtp[0];
    assert_eq!(session.transactions[0].mail_from, "MAIL FROM:<tls@sender.test>");
    assert_eq!(session.transactions[0].recipients, ["tls@tlsrpt-mail.test"]);
    let mail = &stage.mailed()[0];
    let (header, body) = mail.split_once("\r\n\r\n").unwrap();
    let unfolded = header.replace("\r\n\t", " ").replace("\r\n ", " ");
    for line in [
        "From: \"Sender Inc.\" <tls@sender.test>",
        "To: <tls@tlsrpt-mail.test>",
        "TLS-Report-Domain: tlsrpt-mail.test",
        "TLS-Report-Submitter: sender.test",
        "TLS-Required: No",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ] {
        assert_eq!(unfolded.lines().filter(|other| *other == line).count(), 1, "{line}\n{header}");
    }
    let report = read(mail);
    let id = report.id().unwrap();
    let subject =
        format!("Subject: Report Domain: tlsrpt-mail.test Submitter: sender.test Report-ID: <{id}>");
    for line in [subject, format!("Message-ID: <{id}>")] {
        assert!(unfolded.lines().any(|other| other == line), "{line}\n{header}");
    }
    assert!(unfolded.contains("Content-Type: multipart/report; report-type=\"tlsrpt\";"), "{header}");
    assert!(unfolded.contains("Date: Sat, 16 Jan 2027 04:30:00 +0000"), "{header}");
    assert!(body.contains("Content-Type: application/tlsrpt+gzip"), "{body}");
    assert!(body.contains("filename=\"sender.test!tlsrpt-mail.test!"), "{body}");
    assert!(mail.lines().all(|line| line.len() <= 998 && line.is_ascii()), "{mail}");
    assert_eq!((stage.states()[0].1, stage.outbox.counts().sent_by_mail), (Sent, 1));
    assert_eq!(*stage.counted.mails.lock().unwrap(), ["tlsrpt-mail.test"]);
}

// Proves R68.
#[tokio::test]
async fn the_file_of_a_domain_with_a_long_name_has_its_name() {
    let stage = Stage::new().await;
    stage.count(&["tlsrpt-mail-reply-lost.test"]);
    stage.send_at(NEXT_DAY).await;
    let mails = stage.mailed();
    let named = mails[0].split("filename=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let name = ReportFileName::parse(named).unwrap_or_else(|| panic!("{named}"));
    assert_eq!(name.domain.to_string(), "tlsrpt-mail-reply-lost.test");
    assert!(named.len() > 76, "{named}");
}

#[tokio::test]
async fn what_a_mail_server_says_is_done_failed_or_refused() {
    for (host, state, code) in [
        ("mx.tlsrpt-mail-greylisting.test", Waiting, Some("transient-reply")),
        ("mx.tlsrpt-mail-deferred.test", Waiting, Some("transient-reply")),
        ("mx.tlsrpt-mail-refused.test", Refused, Some("permanent-reply")),
        ("mx.tlsrpt-mail-hang.test", Waiting, Some("timeout")),
        ("mx.tlsrpt-mail-reply-lost.test", Waiting, Some("connection-closed")),
    ] {
        let stage = Stage::with(
            |world| crate::stage::relay(world, host).with_timeout(Duration::from_secs(1)),
            |poster| poster,
        )
        .await;
        stage.count(&["tlsrpt-mail.test"]);
        stage.send_at(NEXT_DAY).await;
        let states = stage.states();
        assert_eq!((states[0].1, states[0].3.as_deref()), (state, code), "{host}");
        stage.send_at(NEXT_DAY + 0.1).await;
        let again = if host.contains("greylisting") { Sent } else { state };
        assert_eq!(stage.states()[0].1, again, "{host} five minutes later");
    }
}

/// A program in place of `sendmail`.
fn program(folder: &Path, script: &str) -> std::path::PathBuf {
    let path = folder.join("sendmail");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn a_command_takes_the_mail() {
    let folder = tempfile::tempdir().unwrap();
    let (arguments, input) = (folder.path().join("arguments"), folder.path().join("input"));
    let script = format!("printf '%s\\n' \"$@\" >{}; cat >{}", arguments.display(), input.display());
    let path = program(folder.path(), &script);
    let stage = Stage::with(|_| ReportMailer::sendmail(&path), |poster| poster).await;
    stage.count(&["tlsrpt-mail.test"]);
    stage.send_at(NEXT_DAY).await;
    assert_eq!(stage.states()[0].1, Sent);
    assert_eq!(fs::read_to_string(arguments).unwrap(), "-i\n-t\n-f\ntls@sender.test\n");
    let mail = fs::read_to_string(input).unwrap();
    assert!(mail.contains("\nTo: <tls@tlsrpt-mail.test>\n") && !mail.contains('\r'), "{mail}");
    read(&mail);
}

#[tokio::test]
async fn a_command_that_fails_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    for (script, state, code) in [
        ("cat >/dev/null; echo no room >&2; exit 75", Waiting, "mail-command-failed"),
        ("exit 1", Waiting, "mail-command-failed"),
        ("cat >/dev/null; exit 67", Refused, "mail-refused"),
        ("sleep 20", Waiting, "mail-timeout"),
    ] {
        let path = program(folder.path(), script);
        let mailer = |_: &_| ReportMailer::sendmail(&path).with_timeout(Duration::from_secs(1));
        let stage = Stage::with(mailer, |poster| poster).await;
        stage.count(&["tlsrpt-mail.test"]);
        stage.send_at(NEXT_DAY).await;
        let states = stage.states();
        assert_eq!((states[0].1, states[0].3.as_deref()), (state, Some(code)), "{script}");
    }
    let stage = Stage::with(|_| ReportMailer::sendmail("/nowhere/sendmail"), |poster| poster).await;
    stage.count(&["tlsrpt-mail.test"]);
    stage.send_at(NEXT_DAY).await;
    assert_eq!(stage.states()[0].3.as_deref(), Some("mail-command-failed"));
}

// Proves R17.
#[tokio::test]
async fn there_is_no_report_about_reports() {
    let stage = Stage::new().await;
    stage.count(&["tlsrpt-mail.test"]);
    stage.send_at(NEXT_DAY).await;
    assert_eq!(stage.mailed().len(), 1);
    // The session of that mail, as a collector beside the mail server hears of it.
    let record = "v=TLSRPTv1; rua=mailto:tls@tlsrpt-mail.test";
    let in_the_night = NOON + 17 * crate::stage::HOUR;
    stage.counted.session("tlsrpt-mail.test", record, true, in_the_night);
    stage.send_at(NEXT_DAY + 24.0).await;
    assert_eq!(stage.mailed().len(), 1);
    assert_eq!(stage.outbox.counts().taken, 1);

    // On a day with other mail there is one.
    stage.counted.session("tlsrpt-mail.test", record, true, in_the_night + 24 * crate::stage::HOUR);
    stage.send_at(NEXT_DAY + 48.0).await;
    assert_eq!(stage.mailed().len(), 2);
}
