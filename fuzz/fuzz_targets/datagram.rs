//! Datagrams of libtlsrpt: read, written, read again, counted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{Datagram, ReportSender, Tally, TallyConfig};

fuzz_target!(|data: &[u8]| {
    let datagram = match Datagram::parse(data) {
        Ok(datagram) => datagram,
        Err(error) => {
            // What is not UTF-8 is replaced by more octets than it had.
            assert!(error.offset() <= data.len() * 3, "{error:?}");
            return;
        }
    };
    if let Ok(json) = datagram.to_json() {
        assert_eq!(Datagram::parse(json.as_bytes()).as_ref(), Ok(&datagram));
    }
    let mut again = Datagram::new(datagram.domain(), datagram.record());
    for event in datagram.events() {
        assert!(again.add(&event));
    }
    assert_eq!(again.events().count(), datagram.events().count());

    // What is counted is what a report says, in whole sessions.
    let sender = ReportSender::new("tls@sender.test", "Sender Inc.").expect("a sender");
    let mut tally = Tally::new(TallyConfig::new(0, sender));
    let now = UnixTime::from_secs(1_700_000_000);
    let counted = datagram
        .events()
        .filter(|event| !matches!(tally.count(event, now), mta_sts_core::tlsrpt::Counted::Not(_)))
        .count();
    let text = tally.to_text();
    let later = UnixTime::from_secs(1_700_000_000 + 2 * 86_400);
    let mut reported = 0;
    while let Some(due) = tally.poll_report(later) {
        for policy in due.report.policies() {
            reported += policy.successes() + policy.failures();
            assert!(policy.details().len() <= Tally::MAX_DETAILS);
            for details in policy.details() {
                let is_plain = |text: Option<&str>| {
                    text.is_none_or(|text| {
                        text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic())
                    })
                };
                assert!(is_plain(details.failure_reason_code()) && is_plain(details.receiving_mx_helo()));
                assert!(is_plain(details.receiving_mx_hostname()));
            }
        }
        tally.handle_delivery(&due.id, mta_sts_core::tlsrpt::ReportDelivery::Delivered, later);
    }
    assert_eq!(reported, counted as u64);
    let sender = ReportSender::new("tls@sender.test", "Sender Inc.").expect("a sender");
    let read = Tally::parse(text.as_bytes(), TallyConfig::new(0, sender)).expect("what was written is read");
    assert_eq!(read.to_text(), text);
});
