//! What `lint` says of TLS reports: each finding where it belongs, and none where it does not; and it agrees with the reader.
#![cfg(all(feature = "lint", feature = "tlsrpt"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::collections::BTreeSet;

use mta_sts_core::Strictness;
use mta_sts_core::lint::{self, Finding, FindingKind, Severity};
use mta_sts_core::tlsrpt::Report;
use proptest::prelude::*;

const E: Severity = Severity::Error;
const W: Severity = Severity::Warning;
const I: Severity = Severity::Info;

const GOOD: &str = r#"{"organization-name": "Sender Inc.",
 "date-range": {"start-datetime": "2024-09-03T00:00:00Z", "end-datetime": "2024-09-03T23:59:59Z"},
 "contact-info": "tls@sender.test", "report-id": "2024-09-03@sender.test",
 "policies": [{
  "policy": {"policy-type": "sts", "policy-domain": "a.test", "mx-host": ["*.a.test"],
   "policy-string": ["version: STSv1", "mode: testing", "mx: *.A.test", "max_age: 86400"]},
  "summary": {"total-successful-session-count": 5, "total-failure-session-count": 2},
  "failure-details": [{"result-type": "certificate-expired", "receiving-mx-hostname": "mx.a.test", "receiving-ip": "2001:db8::1",
   "failed-session-count": 2}]}]}
"#;

/// A code, its severity, what is replaced in the good report, and what stands in its place, the span between `⟦` and `⟧`.
type Row = (&'static str, Severity, &'static str, &'static str);

#[rustfmt::skip]
const REPORTS: &[Row] = &[
    // What the reader refuses.
    ("bad-json", E, "2}]}]}", "2}]}⟦)⟧}"),
    ("json-ends-early", E, " 2}]}]}\n", " 2⟦⟧"),
    ("missing-policies", E, "\"policies\": [{", "\"policies\": ⟦null⟧, \"x\": [{"),
    ("too-many-policies", E, "[{\n", "[MANY⟦{⟧\n"),
    ("report-too-deep", E, "\"certificate-expired\"", "[[[[[[[[[[[[[[[[[[[[[[[[[[[⟦[⟧[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
    // Deviations.
    ("report-byte-order-mark", W, "{\"organ", "⟦\u{feff}⟧{\"organ"),
    ("text-after-report", W, "2}]}]}\n", "2}]}]}\n⟦{}\n⟧"),
    ("broken-text", W, "\"Sender Inc.\"", "⟦\"Sender \\ud800\"⟧"),
    ("report-control-character", W, "\"Sender Inc.\"", "⟦\"Sender\tInc.\"⟧"),
    ("text-cut", W, "\"Sender Inc.\"", "⟦\"LONG\"⟧"),
    ("duplicate-member", W, "{\"organ", "{\"organization-name\": \"x\", \"organization-name\": ⟦\"y\"⟧, \"organ"),
    ("unknown-member", I, "{\"organ", "{\"x\": ⟦{⟧}, \"organ"),
    ("missing-member", W, " \"report-id\": \"2024-09-03@sender.test\",\n \"policies\"", " \"policies\""),
    ("null-member", W, "\"tls@sender.test\"", "⟦null⟧"),
    ("empty-text", W, "\"2001:db8::1\"", "⟦\"\"⟧"),
    ("wrong-type", W, "\"Sender Inc.\"", "⟦-12⟧"),
    ("string-for-array", W, "[\"*.a.test\"]", "⟦\"*.a.test\"⟧"),
    ("object-for-array", W, "[{\"result", "⟦{⟧\"result"),
    ("array-in-string", W, "\"version: STSv1\", \"mode: testing\", \"mx: *.A.test\", \"max_age: 86400\"", "⟦⟧\"[\\\"version: STSv1\\\"]\""),
    ("line-feed-in-line", I, "\"version: STSv1\", ", "\"version: STSv1\\n\", "),
    ("empty-element", W, ", \"receiving-mx-hostname\": \"mx.a.test\"", "⟦}⟧, {\"result-type\": \"certificate-expired\""),
    ("no-policies", W, "\"policies\": [{", "\"policies\": [⟦]⟧, \"x\": [{"),
    ("unknown-policy-type", W, "\"sts\"", "⟦\"dane\"⟧"),
    ("unknown-result-type", W, "\"certificate-expired\"", "⟦\"expired\"⟧"),
    ("mx-host-without-sts", I, "\"sts\"", "\"tlsa\""),
    ("bad-contact-info", W, "\"tls@sender.test\"", "⟦\"tls\"⟧"),
    ("bad-name-in-report", W, "\"mx.a.test\"", "⟦\"mx.ä.test\"⟧"),
    ("bad-name-in-report", W, "[\"*.a.test\"]", "⟦[⟧\"*.ä.test\", \"*.a.test\"]"),
    ("bad-ip-address", W, "\"2001:db8::1\"", "⟦\"[192.0.2.1]\"⟧"),
    ("unusual-ip-address", I, "\"2001:db8::1\"", "⟦\"2001:DB8::1\"⟧"),
    ("bad-datetime", W, "\"2024-09-03T23:59:59Z\"", "⟦\"3 Sep 2024\"⟧"),
    ("datetime-out-of-range", W, "\"2024-09-03T00:00:00Z\"", "⟦\"0001-01-01T00:00:00Z\"⟧"),
    ("datetime-without-zone", W, "\"2024-09-03T23:59:59Z\"", "⟦\"2024-09-03T23:59:59\"⟧"),
    ("unusual-datetime", I, "\"2024-09-03T23:59:59Z\"", "⟦\"2024-09-03 23:59:59Z\"⟧"),
    ("end-at-midnight", I, "\"2024-09-03T23:59:59Z\"}", "\"2024-09-04T00:00:00Z\"⟦}⟧"),
    ("not-one-day", W, "\"2024-09-03T23:59:59Z\"}", "\"2024-09-09T23:59:59Z\"⟦}⟧"),
    ("period-reversed", W, "\"2024-09-03T23:59:59Z\"}", "\"2024-09-02T23:59:59Z\"⟦}⟧"),
    ("count-as-string", W, "count\": 5", "count\": ⟦\"5\"⟧"),
    ("count-as-fraction", W, "count\": 5", "count\": ⟦5.0⟧"),
    ("count-too-large", W, "count\": 5", "count\": ⟦9007199254740992⟧"),
    ("negative-count", W, "count\": 5", "count\": ⟦-1⟧"),
    ("bad-count", W, "count\": 5", "count\": ⟦0.5⟧"),
    ("details-below-total", W, "count\": 2}]}", "count\": 1}]⟦}⟧"),
    // What no grammar forbids.
    ("mx-host-differs", W, "[\"*.a.test\"]", "⟦[⟧\"*.a.test\", \"mx.b.test\"]"),
    ("result-of-other-policy", W, "\"certificate-expired\"", "⟦\"tlsa-invalid\"⟧"),
    ("no-failed-session", I, "failed-session-count\": 2", "failed-session-count\": ⟦0⟧"),
    ("policy-without-sessions", I, "}]}]}", "}]}, {\"policy\": {\"policy-type\": \"no-policy-found\", \"policy-domain\": \"a.test\"}, \"summary\": ⟦{⟧\"total-successful-session-count\": 0, \"total-failure-session-count\": 0}}]}"),
    ("several-policy-domains", W, "}]}]}", "}]}, {\"policy\": {\"policy-type\": \"no-policy-found\", \"policy-domain\": ⟦\"b.test\"⟧}, \"summary\": {\"total-successful-session-count\": 1, \"total-failure-session-count\": 0}}]}"),
];

/// The good report with this instead of that, and the span that is marked, if one is.
fn example(instead_of: &str, text: &str) -> (String, Option<std::ops::Range<usize>>) {
    assert!(GOOD.contains(instead_of), "{instead_of}");
    let many = "{\"summary\":{\"total-failure-session-count\":0}},".repeat(1000);
    let text = text.replace("LONG", &"x".repeat(5000)).replace("MANY", &many);
    let report = GOOD.replacen(instead_of, &text, 1);
    let Some(start) = report.find('⟦') else { return (report, None) };
    let end = report.find('⟧').unwrap() - '⟦'.len_utf8();
    (report.replace(['⟦', '⟧'], ""), Some(start..end))
}

#[test]
fn what_is_good_gets_no_finding() {
    assert_eq!(lint::report(GOOD.as_bytes()), []);
    assert_eq!(lint::report_with(GOOD.as_bytes(), Strictness::Abnf), []);
}

// Proves R34.
#[test]
fn each_finding_has_its_place() {
    for (code, severity, instead_of, text) in REPORTS {
        let (report, span) = example(instead_of, text);
        let findings = lint::report(report.as_bytes());
        let shown: Vec<_> = findings
            .iter()
            .map(|finding| (finding.code(), finding.severity(), finding.span(), &report[finding.span()]))
            .collect();
        let found = findings.iter().find(|finding| finding.code() == *code);
        let found = found.unwrap_or_else(|| panic!("no {code} in {shown:?}"));
        assert_eq!(found.severity(), *severity, "{code}");
        if let Some(span) = span.filter(|span| !span.is_empty()) {
            assert_eq!(found.span(), span, "{code} {shown:?}");
        }
        let line = report[..found.span().start].split('\n').count();
        assert_eq!(found.line() as usize, line, "{code}");
        agrees_with_the_reader(report.as_bytes());
    }
}

#[test]
fn every_kind_is_found_somewhere() {
    // These have tests of their own.
    let others = [
        "report-too-large",
        "report-not-an-object",
        "too-many-failure-details",
        "more-deviations",
        "compressed-report",
    ];
    let found: BTreeSet<_> = REPORTS.iter().map(|row| row.0).chain(others).collect();
    let of_reports = |kind: &FindingKind| {
        matches!(kind, FindingKind::Report(_) | FindingKind::Deviation(_)) || kind.number() > 1460
    };
    for kind in FindingKind::all().filter(of_reports) {
        assert!(found.contains(kind.code()), "{kind:?}");
    }
}

#[test]
fn a_message_tells_the_place_in_the_report() {
    let (report, _) = example("\"2001:db8::1\"", "\"\"");
    let finding = &lint::report(report.as_bytes())[0];
    assert_eq!(
        finding.message(),
        "A text is empty instead of absent (policies[0].failure-details[0].receiving-ip)."
    );
    assert_eq!(
        finding.to_string(),
        format!("warning: {} (line 8, byte {})", finding.message(), finding.span().start)
    );
}

// Proves R88.
#[test]
fn what_is_no_report_is_told() {
    let codes = |octets: &[u8]| -> Vec<_> {
        lint::report(octets)
            .iter()
            .map(|finding| (finding.severity(), finding.code(), finding.span()))
            .collect()
    };
    assert_eq!(codes(b""), [(E, "json-ends-early", 0..0)]);
    assert_eq!(codes(b" [1]"), [(E, "report-not-an-object", 1..2)]);
    assert_eq!(codes(b"\x1f\x8b\x08\0"), [(E, "bad-json", 0..1), (I, "compressed-report", 0..2)]);
    assert_eq!(codes(b"<html>"), [(E, "bad-json", 0..1)]);
    let large = vec![b' '; 10 * 1024 * 1024 + 1];
    assert_eq!(codes(&large), [(E, "report-too-large", 0..1)]);
    let many = format!("{{\"policies\":[{{\"failure-details\":[{}]}}]}}", vec!["{}"; 20_001].join(","));
    let findings = lint::report(many.as_bytes());
    assert!(findings.iter().any(|finding| finding.code() == "too-many-failure-details"));
    // Of many the first are told, and how many there are more.
    assert_eq!(findings.len(), 101);
    assert_eq!(findings.last().unwrap().code(), "more-findings");
    agrees_with_the_reader(many.as_bytes());
}

#[test]
fn strictly_every_deviation_is_an_error() {
    for (code, severity, instead_of, text) in REPORTS {
        let (report, _) = example(instead_of, text);
        let findings = lint::report_with(report.as_bytes(), Strictness::Abnf);
        let finding = findings.iter().find(|finding| finding.code() == *code).unwrap();
        let is_deviation = matches!(finding.kind(), FindingKind::Deviation(_));
        assert_eq!(finding.severity(), if is_deviation { E } else { *severity }, "{code}");
        let is_strict = Report::parse(report.as_bytes()).is_ok_and(|read| read.into_strict().is_ok());
        assert_eq!(findings.iter().any(|finding| finding.severity() == E), !is_strict, "{code}");
    }
}

#[test]
fn what_is_left_out_takes_no_place_of_another() {
    let report = GOOD
        .replace("[{\n", "[{}, 5, {\n")
        .replace("[{\"result", "[7, {}, {\"result")
        .replace("count\": 2}]", "count\": 0}]");
    let findings = lint::report(report.as_bytes());
    let finding = findings.iter().find(|finding| finding.code() == "no-failed-session").unwrap();
    assert_eq!(
        finding.message(),
        "The failure details count no session (policies[2].failure-details[2].failed-session-count)."
    );
    assert_eq!(&report[finding.span()], "0");
}

// Proves A33.
#[test]
fn policies_of_dane_have_the_domains_of_hosts() {
    let policy = |kind: &str, domain: &str| {
        format!(
            r#"{{"policy":{{"policy-type":"{kind}","policy-domain":"{domain}","policy-string":[],"mx-host":[]}},
            "summary":{{"total-successful-session-count":1,"total-failure-session-count":0}}}}"#
        )
    };
    let several = |policies: &[String]| {
        let report = format!(r#"{{"policies":[{}]}}"#, policies.join(","));
        let findings = lint::report(report.as_bytes());
        findings.iter().any(|finding| finding.code() == "several-policy-domains")
    };
    assert!(!several(&[
        policy("sts", "a.test"),
        policy("tlsa", "mx.b.test"),
        policy("no-policy-found", "a.test")
    ]));
    assert!(several(&[
        policy("tlsa", "mx.b.test"),
        policy("sts", "a.test"),
        policy("no-policy-found", "b.test")
    ]));
}

/// A finding of severity error stands where the reader refuses, and each deviation is told.
fn agrees_with_the_reader(json: &[u8]) {
    let findings = lint::report(json);
    let errors: Vec<_> =
        findings.iter().filter(|finding| finding.severity() == E).map(Finding::code).collect();
    for finding in &findings {
        assert!(
            finding.span().end <= json.len() && finding.span().start <= finding.span().end,
            "{finding:?}"
        );
    }
    match Report::parse(json) {
        Err(error) => assert_eq!(errors, [error.code()]),
        Ok(read) => {
            assert_eq!(errors, [""; 0]);
            if findings.len() <= 100 {
                let told: Vec<_> = findings.iter().map(Finding::code).collect();
                assert!(read.deviations.iter().all(|deviation| told.contains(&deviation.code())));
                assert!(findings.len() >= read.deviations.len());
            }
        }
    }
}

proptest! {
    #[test]
    fn lint_agrees_with_the_reader_on_what_is_damaged(
        at in 0..GOOD.len(),
        len in 0..40_usize,
        bits in prop::collection::vec(
            prop_oneof![
                Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("\""), Just("\\"), Just("null"), Just("-1"),
                Just("\"policies\""), Just("\"policy\""), Just("\"summary\""), Just("\"failure-details\""), Just("0"), Just("\n"),
                Just("\"result-type\":\"x\""), Just("é"), Just("\"x\":{}"),
            ],
            0..6,
        ),
    ) {
        let mut report = GOOD.as_bytes().to_vec();
        report.splice(at..(at + len).min(GOOD.len()), bits.concat().into_bytes());
        agrees_with_the_reader(&report);
    }

    #[test]
    fn random_octets_are_read_to_the_end(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        agrees_with_the_reader(&octets);
        agrees_with_the_reader(&[b"{\"policies\":[", &octets[..]].concat());
    }
}
