use mta_sts_reporter::DeliveryState::{Refused, Sent, Waiting};
use mta_sts_world::TlsrptAnswer;

use crate::stage::{NEXT_DAY, NOON, Stage};

#[tokio::test]
async fn the_record_is_asked_for_anew() {
    let stage = Stage::new().await;
    let domains = ["tlsrpt-mail.test", "tlsrpt-both.test", "tlsrpt-https.test", "tlsrpt-broken.test"];
    stage.count(&domains);
    stage.world.set_tlsrpt("tlsrpt-both.test", TlsrptAnswer::NoRecord).unwrap();
    stage.world.set_tlsrpt("tlsrpt-https.test", TlsrptAnswer::Failure).unwrap();
    stage.send_at(NEXT_DAY).await;
    let code = |code: &str| Some(code.to_owned());
    assert_eq!(
        stage.states(),
        [
            ("tlsrpt-both.test".to_owned(), Refused, 1, code("no-tlsrpt-record")),
            ("tlsrpt-broken.test".to_owned(), Refused, 1, code("no-usable-rua")),
            ("tlsrpt-https.test".to_owned(), Sent, 1, None),
            ("tlsrpt-mail.test".to_owned(), Sent, 1, None),
        ]
    );
    let recipients: Vec<_> = stage
        .world
        .seen()
        .smtp
        .into_iter()
        .flat_map(|session| session.transactions)
        .flat_map(|transaction| transaction.recipients)
        .collect();
    // That of now, and where DNS cannot tell, the one that was seen last.
    assert!(recipients.contains(&"tls@tlsrpt-mail.test".to_owned()), "{recipients:?}");
    assert!(recipients.contains(&"old@tlsrpt-https.test".to_owned()), "{recipients:?}");
    assert_eq!((recipients.len(), stage.outbox.counts().unwanted), (2, 2));
}

#[tokio::test]
async fn without_any_record_dns_is_asked_again() {
    let stage = Stage::new().await;
    // As of a discovery that failed: nobody has seen the record.
    stage.counted.session("tlsrpt-mail.test", "", false, NOON);
    if stage.counted.peek(NOON + 20 * 3600).is_empty() {
        // The tally counts nothing for a domain without a record, so there is nothing to ask for.
        return;
    }
    stage.world.set_tlsrpt("tlsrpt-mail.test", TlsrptAnswer::Failure).unwrap();
    stage.send_at(NEXT_DAY + 1.0).await;
    assert_eq!(stage.states()[0].1, Waiting);
    stage.world.reset().unwrap();
    stage.send_at(NEXT_DAY + 1.2).await;
    assert_eq!(stage.states()[0].1, Sent);
}
