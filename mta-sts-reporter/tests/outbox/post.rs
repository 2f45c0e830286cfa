use mta_sts_core::tlsrpt::PolicyType;
use mta_sts_reporter::DeliveryState::{GivenUp, Refused, Sent, Waiting};

use crate::stage::{NEXT_DAY, Stage};

// Proves R14, R67, R71, R78.
#[tokio::test]
async fn a_report_is_posted_once_it_is_due() {
    let stage = Stage::new().await;
    stage.count(&["tlsrpt-https.test"]);
    stage.send_at(12.0).await;
    assert!(stage.deliveries().is_empty(), "not before the tenth minute of the day");
    stage.send_at(NEXT_DAY).await;

    let seen = stage.world.seen().https;
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("POST", "/v1/tlsrpt?of=tlsrpt-https"));
    assert_eq!(seen[0].header("content-type"), Some("application/tlsrpt+gzip"));
    assert_eq!(seen[0].header("content-encoding"), None);
    let report = &stage.posted()[0];
    assert_eq!((report.contact(), report.organization()), (Some("tls@sender.test"), Some("Sender Inc.")));
    let policy = &report.policies()[0];
    assert_eq!((policy.domain(), policy.failures()), (Some("tlsrpt-https.test"), 1));
    assert_eq!(policy.kind().to_string(), PolicyType::Sts.as_str());

    let delivery = &stage.deliveries()[0];
    assert_eq!((delivery.state, delivery.tries, delivery.next_try), (Sent, 1, None));
    assert_eq!(Some(delivery.report_id.as_str()), report.id());
    assert!(delivery.rua.starts_with("https://rua.tlsrpt-https.test:"), "{}", delivery.rua);
    let counts = stage.outbox.counts();
    assert_eq!((counts.taken, counts.sent_by_post, counts.sent_by_mail, counts.failed_tries), (1, 1, 0, 0));
    stage.send_at(40.0).await;
    assert_eq!(stage.posted().len(), 1);
    assert!(stage.counted.mails.lock().unwrap().is_empty(), "a POST is no mail");
}

// Proves R13, R79.
#[tokio::test]
async fn what_a_host_says_is_done_failed_or_refused() {
    let stage = Stage::new().await;
    let names = ["busy", "expired", "gone", "hang", "redirect", "slow", "unavailable", "untrusted"];
    let domains = names.map(|name| format!("tlsrpt-https-{name}.test"));
    stage.count(&domains.each_ref().map(String::as_str));
    stage.send_at(NEXT_DAY).await;
    let expected = [
        ("busy", Waiting, Some("http-status")),
        ("expired", Waiting, Some("certificate-expired")),
        ("gone", Refused, Some("http-status")),
        ("hang", Waiting, Some("timeout")),
        ("redirect", Waiting, Some("http-status")),
        ("slow", Sent, None),
        ("unavailable", Waiting, Some("http-status")),
        ("untrusted", Waiting, Some("certificate-not-trusted")),
    ];
    let expected = expected
        .map(|(name, state, code)| (format!("tlsrpt-https-{name}.test"), state, 1, code.map(str::to_owned)));
    assert_eq!(stage.states(), expected);
    let asked: Vec<_> = stage.world.seen().https.into_iter().map(|request| request.sni).collect();
    assert!(!asked.contains(&"rua.tlsrpt-https.test".to_owned()), "no redirect is followed");
    let counts = stage.outbox.counts();
    assert_eq!((counts.failed_tries, counts.refused, counts.sent_by_post, counts.given_up), (6, 1, 1, 0));
}

// Proves R11, R81, R82.
#[tokio::test]
async fn a_report_is_tried_for_a_day_and_each_address_on_its_own() {
    let stage = Stage::new().await;
    stage.count(&["tlsrpt-both.test"]);
    let host = "rua.tlsrpt-both.test";
    stage.world.set_report_host(host, mta_sts_world::ReportHostBehaviour::Status(503)).unwrap();
    let mut hours = NEXT_DAY;
    for (tries, wait) in [5.0, 15.0, 45.0, 120.0, 300.0, 900.0].into_iter().enumerate() {
        stage.send_at(hours).await;
        assert_eq!(stage.world.seen().https.len(), tries + 1);
        // A minute too early nobody is asked.
        stage.send_at(hours + (wait - 1.0) / 60.0).await;
        assert_eq!(stage.world.seen().https.len(), tries + 1, "after {wait} minutes");
        hours += wait / 60.0;
    }
    assert!(hours - NEXT_DAY < 24.0);
    stage.send_at(hours).await;
    assert_eq!(stage.world.seen().https.len(), 7);
    let states = stage.states();
    assert_eq!(states[0], ("tlsrpt-both.test".to_owned(), Sent, 1, None));
    assert_eq!(states[1], ("tlsrpt-both.test".to_owned(), GivenUp, 7, Some("http-status".to_owned())));
    stage.send_at(hours + 48.0).await;
    assert_eq!((stage.world.seen().https.len(), stage.mailed().len()), (7, 1));
    // All seven were the same report.
    assert_eq!(crate::stage::distinct(&crate::stage::posted_ids(&stage.world)), 1);
}

#[tokio::test]
async fn a_private_address_is_not_connected_to() {
    let stage = Stage::with(|world| crate::stage::relay(world, "mx.tlsrpt-mail.test"), |poster| poster).await;
    stage.count(&["tlsrpt-https.test", "tlsrpt-mail.test"]);
    let record = "v=TLSRPTv1; rua=https://127.0.0.1/,https://[::1]/,https://169.254.169.254/latest";
    let record = mta_sts_world::TlsrptAnswer::Record(record.to_owned());
    stage.world.set_tlsrpt("tlsrpt-mail.test", record).unwrap();
    stage.send_at(NEXT_DAY).await;
    let codes: Vec<_> =
        stage.states().into_iter().map(|(_, state, _, code)| (state, code.unwrap())).collect();
    let refused = |code: &str| (Refused, code.to_owned());
    // Of an address as the host nobody needs to ask DNS.
    let [first, rest @ ..] = &codes[..] else { panic!("nothing was taken") };
    assert_eq!(*first, refused("private-address"));
    assert_eq!(rest.len(), 3);
    assert!(rest.iter().all(|state| *state == refused("invalid-url")), "{rest:?}");
    assert_eq!(stage.world.seen().https, []);
}

// Proves R15.
#[tokio::test]
async fn a_certificate_can_be_left_out_of_account() {
    let careless = |poster: mta_sts_resolver::ReportPoster| {
        poster.with_private_addresses(true).with_danger_certificates_ignored(true)
    };
    let stage = Stage::with(|world| crate::stage::relay(world, "mx.tlsrpt-mail.test"), careless).await;
    stage.count(&["tlsrpt-https-expired.test"]);
    stage.send_at(NEXT_DAY).await;
    assert_eq!(stage.states(), [("tlsrpt-https-expired.test".to_owned(), Sent, 1, None)]);
}
