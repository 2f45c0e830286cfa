//! The wording of the documentation: plain technical terms, and summary lines that can be understood at first reading.

use std::fs;

use mta_sts_tests::{files_below, root};

/// A summary is a noun phrase or a verb in the third person, not a noun clause.
const BANNED_BEGINNINGS: [&str; 6] = ["That ", "Why ", "Whom ", "Whose ", "Of what ", "By what "];

/// Terms of our own for what has a standard name: the file and the standard term.
const BANNED_FILES: [(&str, &str); 9] = [
    ("gate", "semaphore"),
    ("keeping", "persistence"),
    ("lapses", "expirations"),
    ("news", "replication"),
    ("turn", "lease"),
    ("turnstile", "limiter"),
    ("uses", "usage"),
    ("waits", "waiters"),
    ("worth", "eviction_rank"),
];

#[test]
fn summaries_are_read_once_and_files_have_standard_names() {
    let mut faults = Vec::new();
    let mut files = Vec::new();
    for source in [
        "mta-sts-core/src",
        "mta-sts-resolver/src",
        "mta-sts-ffi/src",
        "mta-sts-publisher/src",
        "mta-sts-reporter/src",
        "mta-sts-world/src",
        "mtasts/src",
    ] {
        files.extend(files_below(&root().join(source), "rs"));
    }
    assert!(files.len() > 100);
    for file in files {
        let place = file.strip_prefix(root()).unwrap().display().to_string();
        let stem = file.file_stem().unwrap().to_str().unwrap();
        if let Some((_, standard)) = BANNED_FILES.iter().find(|(name, _)| *name == stem) {
            faults.push(format!("{place}: call it {standard}"));
        }
        let text = fs::read_to_string(&file).unwrap();
        let mut is_inside = false;
        for (number, line) in (1..).zip(text.lines()) {
            let comment = line.trim_start();
            let doc = comment.strip_prefix("///").or_else(|| comment.strip_prefix("//!"));
            let summary = doc.filter(|_| !is_inside).map(str::trim_start).unwrap_or_default();
            if BANNED_BEGINNINGS.iter().any(|beginning| summary.starts_with(beginning)) {
                faults.push(format!("{place}:{number}: {summary}"));
            }
            is_inside = doc.is_some();
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
