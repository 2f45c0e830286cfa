//! Saved tallies: read, written, read again; what they come to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{MailParts, ReportSender, Tally, TallyConfig};

const MAX_OCTETS: usize = 100_000;

fuzz_target!(|data: &[u8]| {
    let sender = ReportSender::new("tls@sender.test", "Sender Inc.").expect("a sender");
    let config = TallyConfig::new(0, sender.clone()).with_max_octets(MAX_OCTETS).with_max_domains(8);
    let mut tally = match Tally::parse(data, config.clone()) {
        Ok(tally) => tally,
        Err(error) => {
            assert!(error.offset() <= data.len(), "{error:?}");
            return;
        }
    };
    assert!(tally.octets() <= MAX_OCTETS, "{}", tally.octets());
    let text = tally.to_text();
    let read = Tally::parse(text.as_bytes(), config.clone()).expect("what was written is read");
    assert_eq!(read.to_text(), text);
    // Into an empty one, and into itself.
    let mut merged = Tally::new(config);
    merged.merge(&tally);
    merged.merge(&tally);
    assert!(merged.octets() <= MAX_OCTETS, "{}", merged.octets());

    for now in [0, 1_700_000_000, u64::MAX] {
        let now = UnixTime::from_secs(now);
        for _ in 0..20 {
            let Some(due) = tally.poll_report(now) else { break };
            let _ = MailParts::of(&due.report, &due.domain, &sender);
        }
        assert!(tally.octets() <= MAX_OCTETS, "{}", tally.octets());
    }
});
