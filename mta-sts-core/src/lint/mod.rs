//! Findings about what the owner of a domain publishes (RFC 8461, 3.1 to 3.3 and 8).
//!
//! ```
//! use mta_sts_core::lint::{self, Severity};
//!
//! let body = b"version: STSv1\nmode: enforced\nmx: mx.test, mx2.test\nmax_age: 86400\n";
//! let findings = lint::policy(body);
//! let codes: Vec<_> = findings.iter().map(|finding| (finding.line(), finding.code())).collect();
//! assert_eq!(
//!     codes,
//!     [(2, "bad-mode"), (3, "several-hosts-in-mx"), (3, "bad-mx"), (4, "short-max-age")],
//! );
//! assert_eq!(findings[0].severity(), Severity::Error);
//! assert_eq!(&body[findings[0].span()], b"enforced");
//! assert_eq!(findings[0].message(), "The mode is none of `enforce`, `testing` and `none`: \"enforced\".");
//! assert_eq!(findings[0].help(), "Write `mode: enforce`.");
//! ```
//!
//! A parser stops at the first error, since senders do. `lint` continues, line by line, and also reports
//! what some senders stumble over, what weakens the protection, and what may lose mail. The findings are in
//! the order of the text.
//!
//! A text has a finding of severity [`Error`](Severity::Error) exactly if the parser refuses it; one of them
//! has the code and the position of the parser's error. If the cause is recognised (a list in one `mx`, an
//! HTML page), a second finding with its own code says so.
//!
//! TLS reports are checked in the same way ([`report`], with the feature `tlsrpt`). There, what a finding says of senders is
//! about receivers.
//!
//! It takes time linear in the length of the input. At most 100 findings are returned; beyond that only
//! those that keep a refused text from looking valid, and a last one that counts the rest.

mod advice;
mod characters;
mod coverage;
mod kind;
mod policy;
mod providers;
mod record;
#[cfg(feature = "tlsrpt")]
mod report;
mod response;
mod tlsrpt;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

pub use crate::error::LintKind;
pub use kind::FindingKind;
pub use policy::{policy, policy_for_hosts, policy_with};
pub use record::{record, rrset};
#[cfg(feature = "tlsrpt")]
pub use report::{report, report_with};
pub use response::{response, response_for_hosts};
pub use tlsrpt::{TlsrptFacts, tlsrpt_record, tlsrpt_rrset};

/// A finding: something that the owner of a domain should know about what is published.
///
/// ```
/// use mta_sts_core::lint;
///
/// let body = b"version: STSv1\nmode: enforce\nmx: 192.0.2.1\nmax_age: 604800\n";
/// for finding in lint::policy(body) {
///     println!(
///         "{}: {} [{}]\n    {}\n    {}\n    help: {}",
///         finding.line(),
///         finding.message(),
///         finding.code(),
///         String::from_utf8_lossy(&body[finding.span()]),
///         finding.senders(),
///         finding.help(),
///     );
/// }
/// # assert!(lint::policy(body).iter().any(|finding| finding.code() == "mx-address"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Finding {
    #[cfg_attr(feature = "serde", serde(rename = "code"))]
    kind: FindingKind,
    severity: Severity,
    span: Range<usize>,
    line: u32,
    message: String,
    senders: &'static str,
    help: Cow<'static, str>,
}

/// The severity of a finding, in ascending order.
///
/// ```
/// use mta_sts_core::lint::{self, Severity};
///
/// let findings = lint::record(b"v=STSv1; id=2024-01-01");
/// // The exit status of a check: 1 for what senders refuse.
/// let worst = findings.iter().map(|finding| finding.severity()).max();
/// assert_eq!(i32::from(worst >= Some(Severity::Error)), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Severity {
    /// Harmless, but worth knowing.
    Info,
    /// Some senders stumble over it, mail may be lost, or the protection is weak.
    Warning,
    /// Senders that follow RFC 8461 ignore what is published; receivers cannot read the report.
    Error,
}

impl Finding {
    /// The kind of the finding.
    pub const fn kind(&self) -> FindingKind {
        self.kind
    }

    /// The stable code of the kind: a kebab-case word.
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The severity.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// The octets that it is about, counted from 0; an empty range is a position.
    ///
    /// Something missing is positioned at the end of the text; a finding about the status or the media type
    /// of a response, at the start of the body.
    pub const fn span(&self) -> Range<usize> {
        Range { start: self.span.start, end: self.span.end }
    }

    /// The line of the text, counted from 1; for an `RRset`, the number of the RR.
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// A one-sentence description of what is wrong, with the value if that helps.
    ///
    /// At most 60 characters of a value are shown, and none that a terminal would interpret.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What senders do about it, in one sentence; of a report, what receivers do.
    pub const fn senders(&self) -> &'static str {
        self.senders
    }

    /// How to fix it, in one sentence.
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {} (line {}, byte {})",
            self.severity, self.message, self.line, self.span.start
        )
    }
}

impl Severity {
    /// The word: `info`, `warning`, or `error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// How to fix an error of this kind.
pub(crate) const fn help_of(kind: FindingKind) -> &'static str {
    advice::of(kind).help
}

/// The findings so far.
struct Findings {
    found: Vec<Finding>,
    // Those that no longer fit.
    more: u32,
    has_error: bool,
    /// The index of the finding that is the cause of the following ones, while there is one.
    root: Option<usize>,
    folded: u32,
}

/// Far more than anybody fixes before checking again.
const MAX_FINDINGS: usize = 100;

const MAX_EXCERPT_CHARS: usize = 60;

impl Findings {
    const fn new() -> Self {
        Self { found: Vec::new(), more: 0, has_error: false, root: None, folded: 0 }
    }

    /// Adds a finding that is the cause of the next ones: they are only counted, until
    /// [`unfold`](Self::unfold).
    ///
    /// The error at which the parser stops must have been added before.
    fn push_root(&mut self, finding: Draft<'_>) {
        self.unfold();
        let before = self.found.len();
        self.push(finding);
        self.root = (self.found.len() > before).then_some(before);
    }

    /// Extends the span of the root up to here.
    fn extend_root(&mut self, end: usize) {
        if let Some(root) = self.root.and_then(|root| self.found.get_mut(root)) {
            root.span.end = root.span.end.max(end);
        }
    }

    const fn is_folding(&self) -> bool {
        self.root.is_some()
    }

    /// Ends the root: the next findings count on their own again.
    fn unfold(&mut self) {
        let Some(root) = self.root.take().and_then(|root| self.found.get_mut(root)) else { return };
        let folded = core::mem::take(&mut self.folded);
        if folded > 0 {
            let findings = if folded == 1 { "finding comes" } else { "findings come" };
            root.message = format!("{} {folded} more {findings} of it.", root.message);
        }
    }

    fn is_full(&self) -> bool {
        self.found.len() >= MAX_FINDINGS
    }

    /// Adds a finding. The first error is always added, since it says that the text is refused.
    fn push(&mut self, finding: Draft<'_>) {
        if self.is_folding() {
            self.folded = self.folded.saturating_add(1);
            return;
        }
        let first_error = finding.severity == Severity::Error && !self.has_error;
        if !self.is_full() || first_error || finding.indispensable {
            self.has_error |= first_error;
            self.found.push(finding.finish());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn into_vec(mut self, end: usize, last_line: u32) -> Vec<Finding> {
        self.unfold();
        self.found.sort_by_key(|finding| (finding.line, finding.span.start));
        if self.more > 0 {
            let mut last = Draft::new(LintKind::MoreFindings, Severity::Info, end..end, last_line).finish();
            last.message = format!("There are {} more findings than are shown.", self.more);
            self.found.push(last);
        }
        self.found
    }
}

/// A finding before its sentences are written.
struct Draft<'a> {
    kind: FindingKind,
    severity: Severity,
    span: Range<usize>,
    line: u32,
    value: Option<&'a [u8]>,
    place: Option<String>,
    senders: Option<&'static str>,
    help: Option<Cow<'static, str>>,
    indispensable: bool,
}

impl<'a> Draft<'a> {
    fn new(kind: impl Into<FindingKind>, severity: Severity, span: Range<usize>, line: u32) -> Self {
        Self {
            kind: kind.into(),
            severity,
            span,
            line,
            value: None,
            place: None,
            senders: None,
            help: None,
            indispensable: false,
        }
    }

    /// Shows the value in the message.
    fn with_value(mut self, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.value = Some(value.as_ref());
        self
    }

    /// Adds the place to the message.
    #[cfg(feature = "tlsrpt")]
    fn with_place(mut self, place: Option<String>) -> Self {
        self.place = place;
        self
    }

    /// Overrides what senders do about it.
    fn with_senders(mut self, senders: Option<&'static str>) -> Self {
        self.senders = senders;
        self
    }

    /// Overrides how to fix it.
    fn with_help(mut self, help: Option<impl Into<Cow<'static, str>>>) -> Self {
        self.help = help.map(Into::into);
        self
    }

    fn finish(self) -> Finding {
        let sentence = self.kind.message();
        let message = match (self.value, self.place) {
            (Some(value), _) => format!("{}: {}.", sentence.trim_end_matches('.'), excerpt(value)),
            (None, Some(place)) => format!("{} ({place}).", sentence.trim_end_matches('.')),
            (None, None) => sentence.into(),
        };
        let advice = advice::of(self.kind);
        Finding {
            kind: self.kind,
            severity: self.severity,
            span: self.span,
            line: self.line,
            message,
            senders: self.senders.unwrap_or(advice.senders),
            help: self.help.unwrap_or(Cow::Borrowed(advice.help)),
        }
    }
}

/// A value in quotes, escaped and truncated.
fn excerpt(value: &[u8]) -> String {
    // A character has at most four octets.
    let start = &value[..value.len().min(4 * MAX_EXCERPT_CHARS + 4)];
    let text = String::from_utf8_lossy(start);
    match text.char_indices().nth(MAX_EXCERPT_CHARS) {
        Some((end, _)) => format!("{:?}", format!("{}...", &text[..end])),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::collections::BTreeSet;
    use std::string::ToString;

    #[test]
    fn a_code_names_one_kind() {
        let codes: BTreeSet<_> = FindingKind::all().map(FindingKind::code).collect();
        assert_eq!(codes.len(), FindingKind::all().count());
        for kind in FindingKind::all() {
            assert_eq!(FindingKind::from_code(kind.code()), Some(kind));
        }
    }

    #[test]
    fn every_kind_says_what_senders_do_and_what_helps() {
        for kind in FindingKind::all() {
            let finding = Draft::new(kind, Severity::Info, 0..0, 1).finish();
            for sentence in [finding.message(), finding.senders(), finding.help()] {
                assert!(sentence.ends_with('.') && sentence.len() > 12, "{kind:?}: {sentence}");
            }
        }
    }

    #[test]
    fn a_value_is_shown_short_and_without_control_characters() {
        assert_eq!(excerpt(b"a\x1b[2Jb"), r#""a\u{1b}[2Jb""#);
        assert_eq!(excerpt("\u{a0}x".as_bytes()), r#""\u{a0}x""#);
        assert_eq!(excerpt("ü".repeat(61).as_bytes()), format!("\"{}...\"", "ü".repeat(60)));
        assert_eq!(excerpt(&[0xff; 1000]).chars().count(), 65);
    }

    #[test]
    fn a_finding_reads_as_one_line() {
        let finding = &policy(b"version: STSv1\nmode: x\nmax_age: 604800\nmx: a.test\n")[0];
        assert_eq!(
            finding.to_string(),
            "error: The mode is none of `enforce`, `testing` and `none`: \"x\". (line 2, byte 21)"
        );
        assert!(Severity::Error > Severity::Warning && Severity::Warning > Severity::Info);
    }
}
