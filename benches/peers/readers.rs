//! Every report that `tests/vectors/report-written.json` has the core write is read by mail-auth with the same
//! domains, counts, addresses and reasons.
#![allow(clippy::unwrap_used)]

use mail_auth::report::tlsrpt::TlsReport;
use mta_sts_core::tlsrpt::{Report, Word};
use serde_json::Value;

/// mail-auth counts in 32 bits.
const TOO_LARGE_FOR_PEER: &str = "report-written-largest-count";

#[test]
fn mail_auth_reads_what_is_written() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/report-written.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut read = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let Some(json) = case["expected"]["json"].as_str().filter(|_| id != TOO_LARGE_FOR_PEER) else { continue };
        let ours = Report::parse(json.as_bytes()).unwrap().into_strict().unwrap();
        let theirs = TlsReport::parse_json(json.as_bytes()).unwrap_or_else(|error| panic!("{id}: {error:?}"));
        assert_eq!(theirs.organization_name.as_deref(), ours.organization(), "{id}");
        assert_eq!(theirs.contact_info.as_deref(), ours.contact(), "{id}");
        assert_eq!(Some(&*theirs.report_id), ours.id(), "{id}");
        let period = ours.period().unwrap();
        let seconds = |time: u64| i64::try_from(time).unwrap();
        assert_eq!(theirs.date_range.start_datetime.to_timestamp(), seconds(period.start().as_secs()), "{id}");
        assert_eq!(theirs.date_range.end_datetime.to_timestamp(), seconds(period.end().as_secs()), "{id}");
        assert_eq!(theirs.policies.len(), ours.policies().len(), "{id}");
        for (theirs, ours) in theirs.policies.iter().zip(ours.policies()) {
            assert_eq!(Some(&*theirs.policy.policy_domain), ours.domain(), "{id}");
            assert!(theirs.policy.policy_string.iter().eq(ours.lines()), "{id}");
            assert!(theirs.policy.mx_host.iter().eq(ours.mx_hosts()), "{id}");
            let sums = (theirs.summary.total_success.into(), theirs.summary.total_failure.into());
            assert_eq!(sums, (ours.successes(), ours.failures()), "{id}");
            assert_eq!(theirs.failure_details.len(), ours.details().len(), "{id}");
            for (theirs, ours) in theirs.failure_details.iter().zip(ours.details()) {
                assert_eq!(u64::from(theirs.failed_session_count), ours.failed_sessions(), "{id}");
                assert_eq!(theirs.sending_mta_ip, ours.sending_mta_ip().and_then(Word::known), "{id}");
                assert_eq!(theirs.receiving_ip, ours.receiving_ip().and_then(Word::known), "{id}");
                assert_eq!(theirs.receiving_mx_hostname.as_deref(), ours.receiving_mx_hostname(), "{id}");
                assert_eq!(theirs.receiving_mx_helo.as_deref(), ours.receiving_mx_helo(), "{id}");
                assert_eq!(theirs.additional_information.as_deref(), ours.additional_information(), "{id}");
                assert_eq!(theirs.failure_reason_code.as_deref(), ours.failure_reason_code(), "{id}");
            }
        }
        read += 1;
    }
    assert!(read > 15, "only {read} reports");
}
