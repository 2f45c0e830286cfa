//! Records: read, written, read again; the choice among several; what `lint` says of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::lint::{self, Finding, Severity};
use mta_sts_core::{Record, RecordErrorKind};
use mta_sts_fuzz::assert_lint_agrees;

// The RRs are separated by an octet that no record has.
fuzz_target!(|data: &[u8]| {
    let rrset: Vec<&[u8]> = data.split(|octet| *octet == 0xff).collect();
    for txt in &rrset {
        let parsed = Record::parse(txt);
        if let Ok(record) = &parsed {
            let id = record.id().to_string();
            assert!((1..=32).contains(&id.len()) && id.bytes().all(|octet| octet.is_ascii_alphanumeric()));
            let written = format!("v=STSv1; id={id};");
            assert_eq!(Record::parse(written.as_bytes()).as_ref(), Ok(record));
            assert!(is_candidate(txt));
        }
        let refused = parsed.err().map(|error| (error.code(), error.offset()));
        assert!(refused.is_none_or(|(_, offset)| offset <= txt.len()));
        assert_lint_agrees(&lint::record(txt), refused, txt.len());
    }

    // White space before the semicolon counts where no RR is without it.
    let begins = |txt: &&&[u8]| txt.starts_with(b"v=STSv1;");
    let mut candidates: Vec<_> = rrset.iter().filter(begins).collect();
    if candidates.is_empty() {
        candidates = rrset.iter().filter(|txt| is_candidate(txt)).collect();
    }
    let expected = match candidates[..] {
        [] => Err(RecordErrorKind::NoRecord),
        [txt] => Record::parse(txt).map_err(|error| error.kind()),
        _ => Err(RecordErrorKind::SeveralRecords),
    };
    let selected = Record::select(&rrset).map_err(|error| error.kind());
    assert_eq!(selected, expected);
    let findings = lint::rrset(&rrset);
    let error = |code: &str| {
        let is_error = |finding: &Finding| finding.severity() == Severity::Error;
        findings.iter().any(|finding| is_error(finding) && (code.is_empty() || finding.code() == code))
    };
    match selected {
        Ok(_) => assert!(!error(""), "{findings:#?}"),
        Err(kind) => assert!(error(kind.code()), "{kind:?} is not in {findings:#?}"),
    }
});

/// `v=STSv1`, white space, a semicolon.
fn is_candidate(txt: &[u8]) -> bool {
    txt.strip_prefix(b"v=STSv1").is_some_and(|rest| {
        rest.iter().find(|octet| !matches!(octet, b' ' | b'\t')).is_some_and(|octet| *octet == b';')
    })
}
