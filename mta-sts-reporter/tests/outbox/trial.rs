use std::fs;

use mta_sts_core::UnixTime;
use mta_sts_reporter::{Double, Inbox, InboxItem, write_trial};
use mta_sts_world::TlsrptAnswer;

use crate::stage::{NOON, Stage, dns_of, relay, report_of};

#[tokio::test]
async fn what_would_be_sent_is_written_into_files_and_nothing_is_sent() {
    let stage = Stage::new().await;
    stage.count(&["tlsrpt-both.test", "tlsrpt-mail.test", "tlsrpt-https.test"]);
    stage.world.set_tlsrpt("tlsrpt-https.test", TlsrptAnswer::NoRecord).unwrap();
    let now = NOON + 17 * 3600;
    let due = stage.counted.peek(now);
    let folder = stage.folder.path().join("reports");
    let dns = dns_of(stage.world.dns_addr());
    let mailer = relay(&stage.world, "mx.tlsrpt-mail.test");
    let mut files = write_trial(&folder, &due, &dns, &mailer, UnixTime::from_secs(now)).await.unwrap();
    files.sort_by(|one, other| (&one.domain, &one.rua).cmp(&(&other.domain, &other.rua)));
    let of: Vec<_> = files.iter().map(|file| (file.domain.as_str(), file.file.is_some())).collect();
    assert_eq!(
        of,
        [
            ("tlsrpt-both.test", true),
            ("tlsrpt-both.test", true),
            ("tlsrpt-https.test", false),
            ("tlsrpt-mail.test", true)
        ]
    );
    assert_eq!(files[2].error.as_deref(), Some("no-tlsrpt-record: the record is gone"));
    let body = fs::read(files[0].file.as_ref().unwrap()).unwrap();
    assert_eq!(report_of(&body).policies()[0].domain(), Some("tlsrpt-both.test"));

    // Our own reader reads all of it; the mail and the POST about one domain are one report.
    let mut read: Vec<_> = Inbox::new()
        .with_source(&folder)
        .read()
        .map(|item| match item {
            InboxItem::Report(received) => received,
            other => panic!("{other:?}"),
        })
        .filter(|received| received.double != Some(Double::Same))
        .map(|received| received.report.id().unwrap().to_owned())
        .collect();
    read.sort();
    assert_eq!(read.len(), 2);
    assert!(read[0].contains("tlsrpt-both.test") && read[1].contains("tlsrpt-mail.test"), "{read:?}");
    assert!(stage.world.seen().https.is_empty() && stage.world.seen().smtp.is_empty());
}
