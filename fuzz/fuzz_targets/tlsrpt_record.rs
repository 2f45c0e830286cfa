//! TLSRPT records: read, written, read again; what becomes of an address; what `lint` says of them.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use mta_sts_core::PolicyDomain;
use mta_sts_core::lint::{self, Severity};
use mta_sts_core::tlsrpt::{ReportUri, TlsrptRecord};
use mta_sts_fuzz::assert_lint_agrees;

// The RRs are separated by an octet that no record has.
fuzz_target!(|data: &[u8]| {
    let rrset: Vec<&[u8]> = data.split(|octet| *octet == 0xff).collect();
    for txt in &rrset {
        let parsed = TlsrptRecord::parse(txt);
        if let Ok(record) = &parsed {
            let uris = record.uris();
            assert!((1..=TlsrptRecord::MAX_URIS).contains(&uris.len()));
            for (index, uri) in uris.iter().enumerate() {
                assert!(!uris[..index].contains(uri) && !uri.host().is_empty(), "{uri:?}");
                match uri {
                    ReportUri::Mailto { address, .. } => {
                        assert!(
                            !address.contains(|char: char| char.is_control() || char.is_whitespace()),
                            "{address:?}"
                        );
                    }
                    ReportUri::Https { url, .. } => {
                        assert!(
                            url.starts_with("https://") && url.bytes().all(|octet| octet.is_ascii_graphic()),
                            "{url:?}"
                        );
                    }
                    _ => unreachable!("{uri:?}"),
                }
            }
            let written: Vec<_> = uris.iter().map(ToString::to_string).collect();
            let written = format!("v=TLSRPTv1; rua={}", written.join(","));
            assert_eq!(TlsrptRecord::parse(written.as_bytes()).as_ref(), Ok(record));
        }
        let refused = parsed.err().map(|error| (error.code(), error.offset()));
        assert!(refused.is_none_or(|(_, offset)| offset <= txt.len()));
        assert_lint_agrees(&lint::tlsrpt_record(txt), refused, txt.len());
    }

    let domain = PolicyDomain::parse("b.test").unwrap();
    let facts = lint::TlsrptFacts::new().with_domain(&domain).with_ttl(Duration::ZERO).with_mta_sts(true);
    let findings = lint::tlsrpt_rrset(&rrset, &facts);
    let has_error = findings.iter().any(|finding| finding.severity() == Severity::Error);
    match TlsrptRecord::select(&rrset) {
        Ok(_) => assert!(!has_error, "{findings:#?}"),
        Err(error) => assert!(
            findings.iter().any(|finding| finding.code() == error.code()),
            "{error} is not in {findings:#?}"
        ),
    }
});
