//! TLS reports: whatever another reader of JSON takes is read; written and read again a report is the same; what `lint` says of
//! them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::tlsrpt::{Report, ReportErrorKind};
use mta_sts_core::{Strictness, lint};
use mta_sts_fuzz::assert_lint_agrees;
use serde_json::Value;

const LARGEST_COUNT: u64 = (1 << 53) - 1;

fuzz_target!(|data: &[u8]| {
    let other: Option<Value> = serde_json::from_slice(data).ok();
    let read = Report::parse(data);
    let refused = read.as_ref().err().map(|error| (error.code(), error.offset()));
    assert_lint_agrees(&lint::report(data), refused, data.len());
    let deviation =
        || read.clone().ok()?.into_strict().err().map(|deviation| (deviation.code(), deviation.offset()));
    if let Some((code, offset)) = refused.or_else(deviation) {
        let findings = lint::report_with(data, Strictness::Abnf);
        assert!(
            findings.iter().any(|finding| finding.code() == code),
            "{code} at {offset} is not in {findings:#?}"
        );
    } else {
        assert_lint_agrees(&lint::report_with(data, Strictness::Abnf), None, data.len());
    }
    match read {
        Ok(read) => {
            assert!(read.deviations.len() <= Report::MAX_DEVIATIONS);
            for deviation in &read.deviations {
                assert!(deviation.offset() <= data.len(), "{deviation}");
            }
            for policy in read.report.policies() {
                assert!(policy.successes().max(policy.failures()) <= LARGEST_COUNT);
                assert!(
                    policy.lines().chain(policy.mx_hosts()).all(|line| line.len() <= Report::MAX_TEXT_LEN)
                );
                assert!(policy.details().iter().all(|details| details.failed_sessions() <= LARGEST_COUNT));
            }
            let may_be_written = read.report.to_json();
            if let Ok(json) = &may_be_written {
                assert_eq!(Report::parse(json.as_bytes()).unwrap().into_strict(), Ok(read.report.clone()));
            }
            let report = read.report.clone();
            if let Ok(strict) = read.into_strict() {
                assert_eq!(strict, report);
                // What departs nowhere is JSON for everybody.
                assert!(other.is_some());
            }
        }
        Err(error) => {
            assert!(error.offset() <= data.len(), "{error}");
            let is_json = !matches!(error.kind(), ReportErrorKind::BadJson | ReportErrorKind::EndsEarly);
            assert!(other.is_none() || is_json, "{error}");
        }
    }
});
