//! Subjects and names of files that others wrote: read, written, read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::tlsrpt::{MailParts, Report, ReportFileName, ReportSender, ReportSubject};

fuzz_target!(|text: &str| {
    if let Some(name) = ReportFileName::parse(text) {
        let written = name.to_text();
        assert_eq!(ReportFileName::parse(&written), Some(name));
        assert!(!written.contains(['/', '\\', '\0']) && !written.starts_with('.'), "{written:?}");
    }
    if let Some(subject) = ReportSubject::parse(text) {
        assert!(subject.report_id.bytes().all(|octet| octet.is_ascii_graphic()), "{subject:?}");
    }
    let Ok(sender) = ReportSender::new(text, "Sender Inc.") else { return };
    assert!(sender.contact().bytes().all(|octet| octet.is_ascii_graphic()), "{sender:?}");
    let period = mta_sts_core::tlsrpt::ReportPeriod::of_day(mta_sts_core::UnixTime::from_secs(0));
    let report = Report::new(sender.organization(), sender.contact(), sender.contact(), period);
    let parts = MailParts::of(&report, sender.submitter(), &sender).expect("an address is a msg-id");
    let subject = ReportSubject::parse(&parts.subject).expect("what was written is read");
    assert_eq!(&*subject.report_id, sender.contact());
});
