//! Policies as they are published, sorted by hand: what we accept agrees with the sorting, and `lint`
//! names what is wrong with the rest. And TLS reports as they were sent, which all are read.
//!
//! The texts belong to their authors and are not part of this repository. `MTASTS_CORPUS` names the
//! folder that has `classes.tsv`, `policies/`, `reports/`, and `datagrams/`, which Postfix with libtlsrpt has
//! sent; by default it is `../shared/corpus`.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::{env, fs};

use mta_sts_core::lint::{self, Finding, FindingKind, Severity};
use mta_sts_core::tlsrpt::{Datagram, Deviation, Report, ReportPolicy, TlsrptRecord};
use mta_sts_core::{Policy, PolicyType, Strictness};

/// A line of `classes.tsv`.
struct Row<'a> {
    id: &'a str,
    class: &'a str,
    errors: Vec<&'a str>,
    quirks: Vec<&'a str>,
    info: Vec<&'a str>,
}

/// Those that could be read with good will, and that we refuse like everybody who keeps to the
/// grammar: beyond the four tolerances nothing is guessed. The code is that of the first error.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "0006",
        "space-before-name",
        "white space before a field name matches no rule, and a folded line looks so",
    ),
    ("0150", "empty-value", "a field without value matches no rule, known or not"),
    (
        "0155",
        "space-before-name",
        "white space before a field name matches no rule, and a folded line looks so",
    ),
    ("0163", "line-without-colon", "front matter is no field, and to skip it would be to guess"),
    ("0171", "line-without-colon", "front matter is no field, and to skip it would be to guess"),
    ("0175", "line-without-colon", "front matter is no field, and to skip it would be to guess"),
    ("0183", "line-without-colon", "front matter is no field, and to skip it would be to guess"),
    (
        "0242",
        "space-before-name",
        "white space before a field name matches no rule, and a folded line looks so",
    ),
];

/// Those that keep to the grammar and yet get a warning: the sorting knows no providers.
const WARNED: &[(&str, &str, &str)] =
    &[("0143", "wildcard-misses-level", "the hosts stand below j-v1.mx.microsoft and the like")];

/// A word of `classes.tsv` (up to its quote, if it has one), and the codes of which one must be found.
const WORDS: &[(&str, &[&str])] = &[
    // The column of errors.
    ("RTF", &["rtf"]),
    ("YAML front matter", &["front-matter"]),
    ("inner blank line", &["blank-line"]),
    ("leading blank line", &["blank-line"]),
    ("trailing blank line", &["blank-line"]),
    // Before the hyphen of a YAML list there is no field name.
    ("leading whitespace", &["space-before-name", "yaml-list"]),
    ("line without colon", &["line-without-colon"]),
    ("malformed line", &["bad-policy-field-name", "empty-value"]),
    ("max_age value", &["bad-max-age"]),
    ("mode value ", &["bad-mode"]),
    ("mx value final dot", &["mx-trailing-dot"]),
    ("mx value syntax", &["bad-mx"]),
    ("mx: empty value", &["empty-value"]),
    // Missing, or not valid; in a text of another sort nothing is missed.
    ("no valid version", &["missing-version", "bad-policy-version", "rtf", "record-as-policy"]),
    ("no valid mode", &["missing-mode", "bad-mode", "record-as-policy"]),
    ("no valid max_age", &["missing-max-age", "bad-max-age", "record-as-policy"]),
    ("no valid mx", &["missing-mx", "bad-mx", "empty-value", "mx-trailing-dot", "record-as-policy"]),
    // The column of quirks.
    ("delimiter not one SP", &["unusual-delimiter"]),
    ("duplicate mx", &["duplicate-mx"]),
    ("extension field ", &["unknown-field", "misplaced-field"]),
    ("max_age < 86400", &["short-max-age", "zero-max-age"]),
    ("mx with mode none", &["mx-with-mode-none"]),
    ("non-ASCII bytes", &["non-ascii", "typographic-character", "invisible-character", "not-utf8"]),
    ("placeholder mx", &["placeholder"]),
    ("trailing WSP", &["trailing-white-space"]),
    ("upper-case mx", &["upper-case-mx"]),
    ("version not first", &["version-not-first"]),
    // The column of remarks: what `lint` has a word for.
    ("mode:testing", &["testing-mode"]),
    ("wildcard mx", &["wildcard-mx", "wildcard-too-wide"]),
];

#[test]
fn published_policies_are_taken_as_they_were_sorted() {
    let Some(folder) = corpus("published_policies_are_taken_as_they_were_sorted") else { return };
    let classes = fs::read_to_string(folder.join("classes.tsv")).unwrap();
    let rows: Vec<_> = classes.lines().filter(|line| !line.starts_with('#')).map(Row::read).collect();
    assert!(rows.len() > 100, "only {} policies", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let body = fs::read(folder.join("policies").join(format!("{}.txt", row.id))).unwrap();
        wrong
            .extend(row.differences(&body).into_iter().map(|difference| format!("{}: {difference}", row.id)));
    }
    for (id, ..) in REFUSED {
        assert!(rows.iter().any(|row| row.id == *id && row.class == "recover"), "{id} needs no explanation");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Reports by the numbers of their files: successes, failures, failure details, and the codes of all deviations.
///
/// Many of one organisation come from the example of RFC 8460, whose addresses are not written as RFC 5952 has it.
const REPORTS: &[(&str, u64, u64, usize, &[&str])] = &[
    ("001", 0, 1, 1, &["missing-member", "empty-text", "empty-text", "empty-text", "empty-text"]),
    ("002", 48, 0, 0, &[]),
    ("004", 5326, 303, 3, &["string-for-array", "unusual-ip-address", "unusual-ip-address"]),
    ("005", 0, 3, 2, &["missing-member"]),
    ("006", 1, 0, 0, &[]),
    ("007", 2, 0, 0, &[]),
    ("008", 0, 1, 1, &["end-at-midnight", "missing-member", "missing-member"]),
    ("009", 0, 1, 1, &["end-at-midnight", "missing-member", "missing-member"]),
    ("011", 5326, 303, 3, &["unusual-ip-address", "unusual-ip-address"]),
    ("012", 5326, 303, 3, &["string-for-array", "unusual-ip-address", "unusual-ip-address"]),
    ("013", 2, 0, 0, &[]),
    ("014", 4, 0, 0, &["missing-member", "array-in-string", "missing-member"]),
    ("016", 1, 0, 0, &[]),
    ("017", 0, 3, 1, &["missing-member", "missing-member"]),
    ("018", 1, 0, 0, &[]),
    ("019", 512, 1, 1, &["missing-member"]),
    ("020", 5326, 303, 3, &["unusual-ip-address", "unusual-ip-address"]),
    ("021", 23, 1, 1, &["not-one-day", "missing-member"]),
    ("023", 5326, 303, 3, &["unusual-ip-address", "unusual-ip-address"]),
    ("024", 23, 1, 1, &["not-one-day", "missing-member"]),
    ("025", 3, 0, 0, &[]),
    ("027", 5326, 303, 3, &["unusual-ip-address", "unusual-ip-address"]),
    ("028", 2, 0, 0, &["mx-host-without-sts", "mx-host-without-sts"]),
    ("029", 1, 0, 0, &[]),
];

#[test]
fn reports_as_they_were_sent_are_read() {
    let Some(folder) = corpus("reports_as_they_were_sent_are_read") else { return };
    let mut files: Vec<_> = fs::read_dir(folder.join("reports"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    assert_eq!(files.len(), REPORTS.len());
    for (path, (id, successes, failures, details, deviations)) in files.iter().zip(REPORTS) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(id), "{name} is not {id}");
        let json = fs::read(path).unwrap();
        let read = Report::parse(&json).unwrap();
        let policies = read.report.policies();
        let sum = |count: fn(&ReportPolicy) -> u64| policies.iter().map(count).sum::<u64>();
        let sums = (sum(ReportPolicy::successes), sum(ReportPolicy::failures));
        assert_eq!(sums, (*successes, *failures), "{name}");
        assert_eq!(policies.iter().map(|policy| policy.details().len()).sum::<usize>(), *details, "{name}");
        assert!(policies.iter().all(|policy| policy.domain().is_some()), "{name}");
        let report = &read.report;
        assert!(report.period().is_some() && report.submitter().is_some() && report.id().is_some(), "{name}");
        let codes: Vec<_> = read.deviations.iter().map(Deviation::code).collect();
        assert_eq!(codes, *deviations, "{name}");
        assert_eq!(read.into_strict().is_ok(), deviations.is_empty(), "{name}");
        // And as another reader of JSON sums them up.
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let total = |member: &str| {
            let policies = value["policies"].as_array().unwrap().iter();
            policies.map(|policy| policy["summary"][member].as_u64().unwrap()).sum::<u64>()
        };
        let totals = (total("total-successful-session-count"), total("total-failure-session-count"));
        assert_eq!(sums, totals, "{name}");
    }
}

#[test]
fn datagrams_of_postfix_are_read() {
    let Some(folder) = corpus("datagrams_of_postfix_are_read") else { return };
    let mut by_type = [(PolicyType::Tlsa, 0, 0), (PolicyType::Sts, 0, 0), (PolicyType::NoPolicyFound, 0, 0)];
    for file in ["postfix-3.10.13-datagrams.jsonl", "postfix-3.10.13-policy-failure.jsonl"] {
        for line in fs::read_to_string(folder.join("datagrams").join(file)).unwrap().lines() {
            let datagram = Datagram::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(TlsrptRecord::parse(datagram.record().as_bytes()).is_ok(), "{line}");
            let written = datagram.to_json().unwrap();
            assert_eq!(Datagram::parse(written.as_bytes()).as_ref(), Ok(&datagram), "{line}");
            // Of an answer to EHLO the name is kept.
            assert!(!written.contains("PIPELINING"), "{written}");
            for event in datagram.events() {
                let counts = by_type.iter_mut().find(|counts| counts.0 == event.policy_type()).unwrap();
                let count = if event.has_failed() { &mut counts.2 } else { &mut counts.1 };
                *count += 1;
            }
        }
    }
    // Counted with grep.
    let counted = [(PolicyType::Tlsa, 3, 1), (PolicyType::Sts, 13, 9), (PolicyType::NoPolicyFound, 9, 0)];
    assert_eq!(by_type, counted);
}

/// The folder of the corpus, if it is there. On a build machine it has to be.
fn corpus(test: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = env::var_os("MTASTS_CORPUS")
        .map_or_else(|| workspace.join("../shared/corpus"), |folder| workspace.join(PathBuf::from(folder)));
    if folder.join("classes.tsv").is_file() {
        return Some(folder);
    }
    assert!(env::var_os("CI").is_none(), "no corpus: set MTASTS_CORPUS to its folder");
    println!("skipped: {test}: no corpus, see MTASTS_CORPUS");
    None
}

impl<'a> Row<'a> {
    fn read(line: &'a str) -> Self {
        let columns: Vec<_> = line.split('\t').collect();
        let words = |column: usize| columns[column].split("; ").filter(|word| !word.is_empty()).collect();
        let mut info: Vec<_> = columns[4].split(' ').collect();
        if columns[4].contains("wildcard mx") {
            info.push("wildcard mx");
        }
        Self { id: columns[0], class: columns[1], errors: words(2), quirks: words(3), info }
    }

    /// How we differ from the sorting.
    fn differences(&self, body: &[u8]) -> Vec<String> {
        let mut differences = Vec::new();
        let findings = lint::policy(body);
        let tolerant = Policy::parse(body);
        let abnf = Policy::parse_with(body, Strictness::Abnf);
        let refused = REFUSED.iter().find(|(id, ..)| *id == self.id).map(|(_, code, _)| *code);
        let expected = match self.class {
            "strict" | "quirk" => (Ok(()), Ok(())),
            "recover" => (Err(()), refused.map_or(Ok(()), |_| Err(()))),
            "invalid" => (Err(()), Err(())),
            class => panic!("{class}"),
        };
        let ours = (abnf.as_ref().map(drop).map_err(drop), tolerant.as_ref().map(drop).map_err(drop));
        if ours != expected {
            differences.push(format!("{}, but {abnf:?}, {tolerant:?}", self.class));
        }
        if let (Some(code), Err(error)) = (refused, &tolerant)
            && error.code() != code
        {
            differences.push(format!("refused for {}, not for {code}", error.code()));
        }
        if let Ok(policy) = &tolerant {
            for wanted in
                [format!("mode:{}", policy.mode()), format!("max_age:{}", policy.max_age().as_secs())]
            {
                if !self.info.contains(&wanted.as_str()) {
                    differences.push(format!("{wanted} against {:?}", self.info));
                }
            }
        }
        let of_grammar = |finding: &&Finding| {
            matches!(finding.kind(), FindingKind::Policy(_)) || finding.severity() == Severity::Error
        };
        if self.errors.is_empty()
            && let Some(finding) = findings.iter().find(of_grammar)
        {
            differences.push(format!("unexpected {finding}"));
        }
        let warned = WARNED.iter().find(|(id, ..)| *id == self.id).map(|(_, code, _)| *code);
        let warning = findings.iter().find(|finding| finding.severity() > Severity::Info);
        if self.class == "strict" && warning.map(Finding::code) != warned {
            differences.push(format!("wanted {warned:?}, got {warning:?}"));
        }
        differences.extend(self.unnamed(&findings).map(|word| format!("nothing found for {word:?}")));
        differences
    }

    /// The words for which `lint` has said nothing, or that nobody has given a meaning. What comes of another finding
    /// is only counted with it.
    fn unnamed<'b>(&'b self, findings: &'b [Finding]) -> impl Iterator<Item = &'a str> + 'b {
        let has_one_cause = findings.iter().any(|finding| ["front-matter", "rtf"].contains(&finding.code()));
        let remarks = self.info.iter().filter(|word| WORDS.iter().any(|(known, _)| known == *word));
        self.errors.iter().chain(&self.quirks).chain(remarks).copied().filter(move |word| {
            let is_cause = ["RTF", "YAML front matter"].iter().any(|cause| word.starts_with(cause));
            (is_cause || !has_one_cause)
                && !WORDS
                    .iter()
                    .filter(|(start, _)| word.starts_with(start))
                    .any(|(_, codes)| findings.iter().any(|finding| codes.contains(&finding.code())))
        })
    }
}
