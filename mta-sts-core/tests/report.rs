//! What holds for every TLS report, read or written.
#![cfg(feature = "tlsrpt")]
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

use core::net::IpAddr;

use mta_sts_core::tlsrpt::{FailureDetails, Report, ReportPeriod, ReportPolicy};
use mta_sts_core::{PolicyType, ResultType, UnixTime};
use proptest::prelude::*;

const LARGEST_COUNT: u64 = (1 << 53) - 1;

fn details() -> impl Strategy<Value = FailureDetails> {
    let result = proptest::sample::select(ResultType::ALL);
    let host = proptest::option::of("[a-c]{1,3}\\.test");
    let text = proptest::option::of("\\PC{0,200}");
    let address = proptest::option::of(any::<IpAddr>());
    let uri = proptest::option::of("https://[!-~]{0,30}");
    (result, any::<u64>(), host, text.clone(), address.clone(), address, text, uri).prop_map(
        |(result, sessions, host, helo, sending, receiving, reason, uri)| {
            let mut details = FailureDetails::new(result, sessions)
                .with_receiving_mx_helo(helo.as_deref().unwrap_or_default())
                .with_failure_reason_code(reason.as_deref().unwrap_or_default());
            if let Some(address) = sending {
                details = details.with_sending_mta_ip(address);
            }
            if let Some(address) = receiving {
                details = details.with_receiving_ip(address);
            }
            if let Some(host) = host {
                details = details.with_receiving_mx_hostname(host);
            }
            match uri {
                Some(uri) => details.with_additional_information(uri),
                None => details,
            }
        },
    )
}

fn policy() -> impl Strategy<Value = ReportPolicy> {
    (
        proptest::sample::select(PolicyType::ALL),
        proptest::collection::vec(any::<String>(), 0..4),
        proptest::collection::vec("(\\*\\.)?[a-c]{1,3}\\.test", 0..3),
        any::<u64>(),
        proptest::collection::vec(details(), 0..4),
    )
        .prop_map(|(kind, lines, patterns, successes, details)| {
            let failures =
                details.iter().fold(0, |sum: u64, some| sum.saturating_add(some.failed_sessions()));
            let policy = ReportPolicy::new(kind, "south.test")
                .with_lines(lines)
                .with_mx_hosts(if kind == PolicyType::Sts { patterns } else { Vec::new() })
                .with_sessions(successes, failures / 2);
            details.into_iter().fold(policy, ReportPolicy::with_details)
        })
}

/// Reports that may be written. Days are those up to the year 9999.
fn report() -> impl Strategy<Value = Report> {
    let id =
        any::<String>().prop_map(|text| text.replace(|char: char| char as u32 & 0xfffe == 0xfffe, "") + "1");
    let id = id
        .prop_filter("noncharacters", |text| !text.contains(|char| matches!(char, '\u{fdd0}'..='\u{fdef}')));
    (id, 0..253_402_300_800_u64, proptest::collection::vec(policy(), 1..4)).prop_map(
        |(id, time, policies)| {
            let period = ReportPeriod::of_day(UnixTime::from_secs(time));
            let report = Report::new("North Mail", "tls@north.test", id, period);
            policies.into_iter().fold(report, Report::with_policy)
        },
    )
}

/// What holds for a report that was read, from whatever octets.
fn check(json: &[u8]) -> Result<(), TestCaseError> {
    let read = match Report::parse(json) {
        Ok(read) => read,
        Err(error) => {
            prop_assert!(error.offset() <= json.len());
            return Ok(());
        }
    };
    prop_assert!(read.deviations.len() <= Report::MAX_DEVIATIONS);
    prop_assert!(read.deviations.iter().all(|deviation| deviation.offset() <= json.len()));
    for policy in read.report.policies() {
        prop_assert!(policy.successes().max(policy.failures()) <= LARGEST_COUNT);
        prop_assert!(policy.lines().all(|line| line.len() <= Report::MAX_TEXT_LEN));
        for details in policy.details() {
            prop_assert!(details.failed_sessions() <= LARGEST_COUNT);
        }
    }
    // What may be written again is read as the same.
    if let Ok(json) = read.report.to_json() {
        prop_assert_eq!(Report::parse(json.as_bytes()).unwrap().into_strict(), Ok(read.report));
    }
    Ok(())
}

proptest! {
    // Proves R25, R26.
    #[test]
    fn a_report_that_is_written_is_read_as_the_same(report in report()) {
        let json = report.to_json().unwrap();
        prop_assert_eq!(report.clone().to_json().unwrap(), json.clone());
        prop_assert!(!json.contains('\n'));
        prop_assert_eq!(Report::parse(json.as_bytes()).unwrap().into_strict(), Ok(report));
    }

    // Proves R88.
    #[test]
    fn any_octets_give_a_report_or_an_error(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        check(&octets)?;
    }

    #[test]
    fn a_damaged_report_gives_a_report_or_an_error(
        report in report(), changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut json = report.to_json().unwrap().into_bytes();
        for (index, octet) in changes {
            // Half of the changes keep to what JSON is made of.
            let octet = if octet < 128 { b"{}[]\",:\\u0 "[usize::from(octet) % 11] } else { octet };
            let at = index.index(json.len());
            json[at] = octet;
        }
        check(&json)?;
    }

    #[test]
    fn a_report_that_is_cut_is_refused(report in report(), end in any::<proptest::sample::Index>()) {
        let json = report.to_json().unwrap();
        let error = Report::parse(&json.as_bytes()[..end.index(json.len())]).unwrap_err();
        prop_assert_eq!(error.code(), "json-ends-early");
    }

    #[test]
    fn a_day_is_written_as_it_is_read(time in 0..253_402_300_800_u64) {
        let period = ReportPeriod::of_day(UnixTime::from_secs(time));
        let policy = ReportPolicy::new(PolicyType::NoPolicyFound, "south.test");
        let json = Report::new("a", "a@b.test", "1", period).with_policy(policy).to_json().unwrap();
        prop_assert_eq!(Report::parse(json.as_bytes()).unwrap().report.period(), Some(period));
    }
}
