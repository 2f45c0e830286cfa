//! What the fuzz targets share.

pub mod ffi;

use mta_sts_core::MxPattern;
use mta_sts_core::lint::{Finding, Severity};

/// Holds that `lint` has an error exactly when the parser refuses, with the parser's code and place,
/// and that every finding lies in the text.
pub fn assert_lint_agrees(findings: &[Finding], refused: Option<(&str, usize)>, len: usize) {
    for finding in findings {
        let span = finding.span();
        assert!(span.start <= span.end && span.end <= len, "{finding:?} in {len} octets");
        assert!(!finding.message().contains(char::is_control), "{finding:?}");
    }
    let mut errors = findings.iter().filter(|finding| finding.severity() == Severity::Error).peekable();
    match refused {
        None => assert_eq!(errors.peek(), None, "an error, and the parser accepts"),
        Some((code, offset)) => assert!(
            errors.any(|error| error.code() == code
                && error.span().start <= offset
                && offset <= error.span().end),
            "{code} at {offset} is not in {findings:#?}"
        ),
    }
}

/// RFC 8461, 4.1, label by label; both in lower case without a trailing dot.
pub fn covers(pattern: &str, host: &str) -> bool {
    let (pattern, host): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), host.split('.').collect());
    pattern.len() == host.len()
        && pattern.iter().zip(&host).enumerate().all(|(place, (wanted, label))| {
            wanted == label || (place == 0 && *wanted == "*" && host.len() > 1)
        })
}

/// As [`covers`], of a pattern that was read.
pub fn pattern_covers(pattern: &MxPattern<'_>, host: &str) -> bool {
    covers(&pattern.to_string(), host)
}
