//! Findings about a policy (RFC 8461, 3.2).

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::ops::Range;

use super::characters::{is_invisible, is_placeholder, is_quote, is_typographic, suspicious};
use super::coverage::Coverage;
use super::{Draft, Finding, Findings, Severity};
use crate::error::{LintKind, NameErrorKind, PolicyError, PolicyErrorKind};
use crate::field::is_white_space;
use crate::mx::PatternText;
use crate::name::DnsName;
use crate::policy::{Mode, Policy, Strictness, first_mode};
use crate::registry::is_registry;

/// The findings about the body of a policy.
///
/// What [`Policy::parse`] tolerates is a warning here: other senders refuse it.
///
/// ```
/// use mta_sts_core::lint::{self, Severity};
///
/// let findings = lint::policy(b"version: STSv1\n\nmode: testing\nmx: MX.test.\nmax_age: 604800");
/// assert!(findings.iter().all(|finding| finding.severity() < Severity::Error));
/// assert_eq!(findings[0].code(), "blank-line");
/// assert_eq!(findings[0].span(), 15..16);
/// ```
// Meets S42, S55, S96, S97, S102.
pub fn policy(body: &[u8]) -> Vec<Finding> {
    policy_with(body, Strictness::default())
}

/// The findings about the body of a policy that is parsed with this `strictness`: with [`Strictness::Abnf`]
/// what is otherwise tolerated is an error.
///
/// ```
/// use mta_sts_core::Strictness;
/// use mta_sts_core::lint::{self, Severity};
///
/// let body = b"version: STSv1\n\nmode: none\nmax_age: 604800\n";
/// assert_eq!(lint::policy(body)[0].severity(), Severity::Warning);
/// assert_eq!(lint::policy_with(body, Strictness::Abnf)[0].severity(), Severity::Error);
/// ```
pub fn policy_with(body: &[u8], strictness: Strictness) -> Vec<Finding> {
    Reader::new(body, strictness, Findings::new()).read()
}

/// The findings about the body of a policy whose domain has these MX hosts: they include the hosts that no `mx`
/// covers, instead of a comparison with the hosts of large providers.
///
/// ```
/// use mta_sts_core::{DnsName, Strictness, lint};
///
/// let body = b"version: STSv1\nmode: enforce\nmx: *.provider.test\nmax_age: 604800\n";
/// let hosts = [DnsName::parse("a.provider.test")?, DnsName::parse("b.c.provider.test")?];
/// let findings = lint::policy_for_hosts(body, Strictness::Tolerant, &hosts);
/// assert_eq!(findings[1].code(), "wildcard-misses-level");
/// assert_eq!(findings[1].help(), "Add `mx: b.c.provider.test`.");
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
///
/// In mode none the hosts are not compared. Up to 1,024 hosts are compared.
pub fn policy_for_hosts(body: &[u8], strictness: Strictness, mx_hosts: &[DnsName]) -> Vec<Finding> {
    Reader::new(body, strictness, Findings::new()).for_hosts(mx_hosts).read()
}

/// The state of reading a policy.
pub(super) struct Reader<'a> {
    body: &'a [u8],
    strictness: Strictness,
    findings: Findings,
    line: u32,
    // The offset at which the text begins: after the byte order mark.
    text_start: usize,
    // Whether the mode is none, so that any content of an `mx` is accepted.
    ignores_mx: bool,
    // The known fields seen so far, valid or not.
    seen: Fields,
    // Whether any field was seen, known or not.
    has_field: bool,
    mode: Option<Mode>,
    max_age: Option<(u64, Range<usize>, u32)>,
    first_mx: Option<(Range<usize>, u32)>,
    hosts: BTreeSet<String>,
    coverage: Coverage,
    // The MX hosts of the domain, if they are known.
    mx_hosts: Option<&'a [DnsName]>,
    is_utf16: bool,
    block: Block,
    line_ends: LineEnds,
}

/// A set of known fields.
#[derive(Default)]
struct Fields([bool; 4]);

impl Fields {
    const fn has(&self, field: Field) -> bool {
        self.0[field as usize]
    }

    const fn add(&mut self, field: Field) {
        self.0[field as usize] = true;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Version,
    Mode,
    MaxAge,
    Mx,
}

/// The kind of block that the text begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Only blank lines so far.
    Nothing,
    /// Front matter that has not ended.
    FrontMatter,
    /// A YAML list.
    List,
    /// Something else, or front matter that has ended.
    Text,
    /// Text of another format, in which no field of a policy is called missing.
    Other,
}

#[derive(Default)]
struct LineEnds {
    // Whether the first line ended with CRLF.
    crlf: Option<bool>,
    told_mixed: bool,
    told_bad: bool,
}

/// A line without its line end.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    start: usize,
    number: u32,
}

impl<'a> Line<'a> {
    /// The position of a part of the line in the body.
    fn span(&self, part: &str) -> Range<usize> {
        let start = self.start + (part.as_ptr() as usize - self.text.as_ptr() as usize);
        start..start + part.len()
    }

    fn draft<'b>(&self, kind: LintKind, severity: Severity, part: &str) -> Draft<'b> {
        Draft::new(kind, severity, self.span(part), self.number)
    }

    /// The name and the value, trimmed.
    fn field(&self) -> Option<(&'a str, &'a str)> {
        let (name, value) = self.text.split_once(':')?;
        Some((trim(name), trim(value)))
    }
}

// More hosts than any policy ever had; without a bound a long body would take more than linear time.
const MAX_HOSTS: usize = 1024;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The default limit of [`FetchLimits`](crate::FetchLimits), as suggested in RFC 8461, 3.3.
const SUGGESTED_MAX_LEN: usize = 65_536;

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8], strictness: Strictness, findings: Findings) -> Self {
        Self {
            body,
            strictness,
            findings,
            line: 1,
            text_start: 0,
            ignores_mx: first_mode(body) == Some(b"none"),
            seen: Fields::default(),
            has_field: false,
            mode: None,
            max_age: None,
            first_mx: None,
            hosts: BTreeSet::new(),
            coverage: Coverage::default(),
            mx_hosts: None,
            is_utf16: false,
            block: Block::Nothing,
            line_ends: LineEnds::default(),
        }
    }

    pub(super) const fn for_hosts(mut self, mx_hosts: &'a [DnsName]) -> Self {
        self.mx_hosts = Some(mx_hosts);
        self
    }

    pub(super) fn read(mut self) -> Vec<Finding> {
        let too_large = self.body.len() > Policy::MAX_LEN;
        let mut end = self.body.len();
        if too_large {
            let mut draft = Draft::new(PolicyErrorKind::TooLarge, Severity::Error, Policy::MAX_LEN..end, 1);
            draft.indispensable = true;
            self.findings.push(draft);
            // Only whole lines are read beyond the limit, never the rest.
            end =
                self.body[..Policy::MAX_LEN].iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
        }
        if !too_large && end > SUGGESTED_MAX_LEN {
            let line = line_at(self.body, SUGGESTED_MAX_LEN);
            // Comes before the lines, whose findings may leave no room.
            self.findings.push(Draft::new(
                LintKind::LargePolicy,
                Severity::Warning,
                SUGGESTED_MAX_LEN..end,
                line,
            ));
        }
        self.read_encoding();
        if self.body.starts_with(BYTE_ORDER_MARK.as_bytes()) {
            self.text_start = BYTE_ORDER_MARK.len();
            self.tolerated(PolicyErrorKind::ByteOrderMark, 0..self.text_start);
        }
        let mut start = self.text_start;
        while start < end {
            let line_end =
                self.body[start..end].iter().position(|octet| *octet == b'\n').map_or(end, |at| start + at);
            self.read_line(start, line_end);
            start = (line_end + 1).min(end);
            self.line = self.line.saturating_add(1);
        }
        if !too_large {
            self.finish(end);
        }
        self.findings.into_vec(self.body.len(), self.line)
    }

    fn read_encoding(&mut self) {
        let utf16 = match self.body {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
            [a, 0, b, 0, ..] | [0, a, 0, b, ..] => *a != 0 && *b != 0,
            _ => false,
        };
        self.is_utf16 = utf16;
        if utf16 {
            let mut draft = Draft::new(LintKind::Utf16, Severity::Error, 0..self.body.len(), 1);
            draft.indispensable = true;
            self.findings.push(draft);
        }
        // A parser looks for it before it looks at any line.
        let is_short_enough = self.body.len() <= Policy::MAX_LEN;
        if let Some(error) = is_short_enough.then(|| core::str::from_utf8(self.body).err()).flatten() {
            let at = error.valid_up_to();
            let mut draft =
                Draft::new(PolicyErrorKind::NotUtf8, Severity::Error, at..at + 1, line_at(self.body, at));
            draft.indispensable = true;
            self.findings.push(draft);
            if utf16 {
                self.fold_utf16();
            }
        }
    }

    /// Makes UTF-16 the cause of all that follows.
    fn fold_utf16(&mut self) {
        self.findings.root =
            self.findings.found.iter().position(|finding| finding.kind == LintKind::Utf16.into());
        self.block = Block::Other;
    }

    fn read_line(&mut self, start: usize, line_end: usize) {
        let octets = &self.body[start..line_end];
        let fault = self.fault(start, line_end);
        // A CR is part of a line end only before LF.
        let crlf = octets.ends_with(b"\r") && line_end < self.body.len();
        let octets = if crlf { &octets[..octets.len() - 1] } else { octets };
        self.read_line_end(crlf, line_end);
        let text = match core::str::from_utf8(octets) {
            Ok(text) => text,
            // Already reported. The readable part shows at least which field it was.
            Err(error) => core::str::from_utf8(&octets[..error.valid_up_to()]).unwrap_or_default(),
        };
        let whole = text.len() == octets.len();
        let line = Line { text, start, number: self.line };
        match fault {
            _ if !whole => self.note_broken(line),
            Some(error) if self.ignores_mx && line.text.starts_with("mx:") => {
                self.read_ignored(line, error);
            }
            Some(error) => self.read_broken(line, error),
            None if matches!(self.block, Block::FrontMatter | Block::Other) && self.findings.is_folding() => {
            }
            None if is_blank(line.text) => {
                let end = (line_end + 1).min(self.body.len());
                self.tolerated(PolicyErrorKind::BlankLine, line.start..end);
            }
            None => {
                if self.block == Block::Nothing {
                    self.block = Block::Text;
                }
                self.end_list();
                self.read_good(line);
            }
        }
    }

    /// The parser's error in a line. The line is passed with its line end, and with the line end before it, so
    /// that a byte order mark is only tolerated at the very start.
    fn fault(&self, start: usize, line_end: usize) -> Option<PolicyError> {
        let before = if start == self.text_start { 0 } else { start - 1 };
        let after = (line_end + 1).min(self.body.len());
        let error = Policy::parse(&self.body[before..after]).err()?;
        if self.is_elsewhere(error.kind()) {
            return None;
        }
        Some(PolicyError::at(error.kind(), self.line, before + error.offset()))
    }

    /// Returns whether an error in a single line is none in the whole policy: other lines have what this one
    /// lacks, or this is a later duplicate, whose value is ignored.
    const fn is_elsewhere(&self, kind: PolicyErrorKind) -> bool {
        match kind {
            PolicyErrorKind::MissingVersion
            | PolicyErrorKind::MissingMode
            | PolicyErrorKind::MissingMaxAge
            | PolicyErrorKind::MissingMx => true,
            PolicyErrorKind::BadVersion => self.seen.has(Field::Version),
            PolicyErrorKind::BadMode => self.seen.has(Field::Mode),
            PolicyErrorKind::BadMaxAge => self.seen.has(Field::MaxAge),
            _ => false,
        }
    }

    fn read_line_end(&mut self, crlf: bool, line_end: usize) {
        if line_end == self.body.len() {
            return;
        }
        if crlf != *self.line_ends.crlf.get_or_insert(crlf) && !self.line_ends.told_mixed {
            self.line_ends.told_mixed = true;
            let start = if crlf { line_end - 1 } else { line_end };
            self.findings.push(Draft::new(
                LintKind::MixedLineEnds,
                Severity::Info,
                start..line_end + 1,
                self.line,
            ));
        }
    }

    /// Reports one of the four tolerated departures.
    fn tolerated(&mut self, kind: PolicyErrorKind, span: Range<usize>) {
        self.tolerated_with_help(kind, span, None);
    }

    fn tolerated_with_help(&mut self, kind: PolicyErrorKind, span: Range<usize>, help: Option<&'static str>) {
        let severity = match self.strictness {
            Strictness::Tolerant => Severity::Warning,
            Strictness::Abnf if self.ignores_mx && is_of_mx(kind) => Severity::Warning,
            Strictness::Abnf => Severity::Error,
        };
        self.findings.push(Draft::new(kind, severity, span, self.line).with_help(help));
    }

    fn read_good(&mut self, line: Line<'a>) {
        let Some((name, value)) = line.field() else { return };
        self.read_spaces(line, name, value);
        let known = field_named(name);
        if known == Some(Field::Version) && !self.seen.has(Field::Version) && self.has_field {
            self.findings.push(line.draft(LintKind::VersionNotFirst, Severity::Info, name));
        }
        self.has_field = true;
        match known {
            Some(Field::Mx) => self.read_mx(line, value),
            Some(field) if self.seen.has(field) => self
                .findings
                .push(line.draft(LintKind::DuplicateField, Severity::Warning, name).with_value(line.text)),
            Some(Field::Version) => {}
            Some(Field::Mode) => {
                self.mode = value.parse().ok();
                match self.mode {
                    Some(Mode::Testing) => {
                        self.findings.push(line.draft(LintKind::TestingMode, Severity::Info, value));
                    }
                    Some(Mode::None) => {
                        self.findings.push(line.draft(LintKind::NoneMode, Severity::Info, value));
                    }
                    _ => {}
                }
            }
            Some(Field::MaxAge) => {
                self.max_age = value.parse().ok().map(|seconds| (seconds, line.span(value), line.number));
            }
            None => self.read_unknown(line, name, value),
        }
        if let Some(field) = known {
            self.seen.add(field);
        }
    }

    fn read_spaces(&mut self, line: Line<'a>, name: &str, value: &str) {
        let between = &line.text[name.len() + 1..line.span(value).start - line.start];
        if between != " " {
            self.findings.push(line.draft(LintKind::UnusualDelimiter, Severity::Info, between));
        }
        self.read_trailing_space(line);
    }

    fn read_trailing_space(&mut self, line: Line<'a>) {
        let after = &line.text[line.text.trim_end_matches([' ', '\t']).len()..];
        if !after.is_empty() {
            self.findings.push(line.draft(LintKind::TrailingWhiteSpace, Severity::Info, after));
        }
    }

    fn read_unknown(&mut self, line: Line<'a>, name: &str, value: &str) {
        let draft = |kind, severity| line.draft(kind, severity, name).with_value(name);
        if is_old_draft_field(name) {
            self.findings.push(draft(LintKind::OldDraft, Severity::Warning));
        } else if matches!(name, "id" | "v") {
            self.findings.push(draft(LintKind::MisplacedField, Severity::Info));
        } else if let Some(field) = field_named(&name.to_ascii_lowercase()) {
            self.findings.push(
                draft(LintKind::FieldNameCase, Severity::Warning)
                    .with_help(Some(format!("Write `{}:`.", name_of(field)))),
            );
        } else if let Some(field) = nearly_named(name) {
            self.findings.push(
                draft(LintKind::MisspeltField, Severity::Warning)
                    .with_help(Some(format!("Write `{}:` if that is meant.", name_of(field)))),
            );
        } else {
            self.findings.push(draft(LintKind::UnknownField, Severity::Info));
        }
        if let Some(at) = value.find(|char: char| !char.is_ascii()) {
            self.findings.push(line.draft(LintKind::NonAscii, Severity::Info, &value[at..]));
            suspicious(&mut self.findings, value, line.span(value).start, line.number, Severity::Warning);
        }
    }

    fn read_mx(&mut self, line: Line<'a>, value: &'a str) {
        let span = line.span(value);
        if value.ends_with('.') {
            self.tolerated(PolicyErrorKind::MxTrailingDot, span.end - 1..span.end);
        }
        if let Some(at) = value.find('_') {
            let help = stand_in_help(value);
            let span = span.start + at..span.start + at + 1;
            self.tolerated_with_help(PolicyErrorKind::MxUnderscore, span, help);
        }
        self.first_mx.get_or_insert((span, line.number));
        let draft = |kind, severity| line.draft(kind, severity, value).with_value(value);
        if value.bytes().any(|octet| octet.is_ascii_uppercase()) {
            self.findings.push(draft(LintKind::UpperCaseMx, Severity::Info));
        }
        let pattern = value.strip_suffix('.').unwrap_or(value).to_ascii_lowercase();
        if is_placeholder(&pattern) || is_ownership_check(&pattern) {
            self.findings.push(
                draft(LintKind::Placeholder, Severity::Warning)
                    .with_help(is_ownership_check(&pattern).then_some(OWNERSHIP_CHECK_HELP)),
            );
        }
        match pattern.strip_prefix("*.") {
            Some(domain) if is_registry(domain) => {
                self.findings.push(draft(LintKind::WildcardTooWide, Severity::Warning));
            }
            Some(_) => {
                self.findings.push(draft(LintKind::WildcardMx, Severity::Info));
            }
            None if !pattern.contains('.') => {
                self.findings.push(draft(LintKind::SingleLabelMx, Severity::Warning));
            }
            None => {}
        }
        if self.hosts.contains(&pattern) {
            self.findings.push(draft(LintKind::DuplicateMx, Severity::Info));
        } else if self.hosts.len() < MAX_HOSTS {
            self.coverage.add(&pattern, line.span(value), line.number);
            self.hosts.insert(pattern);
        }
    }

    /// Reads an `mx` that the parser would refuse in any other mode.
    fn read_ignored(&mut self, line: Line<'a>, error: PolicyError) {
        self.first_mx.get_or_insert((line.span(line.text), line.number));
        if self.findings.is_full() {
            self.findings.more = self.findings.more.saturating_add(1);
            return;
        }
        let (known, has_error) = (self.findings.found.len(), self.findings.has_error);
        let (block, is_folding) = (self.block, self.findings.is_folding());
        self.read_broken(line, error);
        self.findings.has_error = has_error;
        // An ignored line is not the cause of what follows.
        if !is_folding {
            self.findings.unfold();
            self.block = block;
        }
        for finding in &mut self.findings.found[known..] {
            finding.severity = finding.severity.min(Severity::Warning);
        }
    }

    /// Reads a line that the parser refuses: reports the error, and its cause if recognised.
    fn read_broken(&mut self, line: Line<'a>, error: PolicyError) {
        let meant = meant(line.text);
        if self.findings.is_folding() && self.read_folded(line, meant) {
            return;
        }
        let is_first_error = !self.findings.has_error;
        let severity = Severity::Error;
        let offset = error.offset();
        let end = line.start + line.text.len();
        let span = match error.kind() {
            PolicyErrorKind::ControlCharacter => offset..offset + 1,
            PolicyErrorKind::SpaceBeforeName => offset..end - line.text.trim_start_matches([' ', '\t']).len(),
            PolicyErrorKind::SpaceBeforeColon | PolicyErrorKind::BadFieldName => {
                offset..line.text.find(':').map_or(end, |at| line.start + at)
            }
            _ => offset..line.span(line.text.trim_end_matches([' ', '\t'])).end.max(offset),
        };
        let shown = self.body.get(span.clone()).filter(|shown| !shown.is_empty());
        let mut draft = Draft::new(error.kind(), severity, span, line.number);
        draft.value = shown;
        draft.help = better_help(error.kind(), meant);
        self.findings.push(draft);

        if self.is_utf16 {
            self.fold_utf16();
            return;
        }
        let first = self.block == Block::Nothing;
        if self.read_block(line) {
            return;
        }
        if first || is_first_error {
            self.read_document(line, first);
        }
        let after_space = Line { text: line.text.trim_start_matches([' ', '\t']), ..line };
        if error.kind() == PolicyErrorKind::SpaceBeforeName
            && self.read_shifted(after_space, end, meant.is_some())
        {
            return;
        }
        // In text of another format the causes are clear.
        if self.block != Block::Other {
            self.read_trailing_space(line);
            self.read_cause(line, error, meant);
        }
        self.note(meant);
    }

    /// Reads a line in a block that is the cause of all its errors; returns whether it is in one.
    fn read_folded(&mut self, line: Line<'a>, meant: Option<(Field, &'a str)>) -> bool {
        let is_inside = match self.block {
            Block::FrontMatter if trim(line.text) == "---" => {
                self.findings.extend_root(line.start + line.text.len());
                self.findings.unfold();
                self.block = Block::Text;
                return true;
            }
            Block::FrontMatter | Block::Other => true,
            Block::List => is_list_item(trim(line.text)),
            Block::Nothing | Block::Text => false,
        };
        if !is_inside {
            self.end_list();
            return false;
        }
        self.findings.folded = self.findings.folded.saturating_add(1);
        if self.block == Block::List {
            self.note(meant);
        }
        true
    }

    /// Handles the first line after a list.
    fn end_list(&mut self) {
        if self.block == Block::List {
            self.findings.unfold();
            self.block = Block::Text;
        }
    }

    /// Reads what follows white space at the start of a line, if it would be a field without it; returns
    /// whether it would.
    fn read_shifted(&mut self, line: Line<'a>, end: usize, is_known: bool) -> bool {
        let line = Line { start: end - line.text.len(), ..line };
        // Passed after a line end, so that a byte order mark is not tolerated in the middle.
        let alone = format!("\n{}", line.text);
        match Policy::parse(alone.as_bytes()).err().filter(|error| !self.is_elsewhere(error.kind())) {
            None => self.read_good(line),
            Some(error) if is_known => {
                let in_line = error.offset().saturating_sub(1);
                let error = PolicyError::at(error.kind(), line.number, line.start + in_line);
                self.read_broken(line, error);
            }
            Some(_) => return false,
        }
        true
    }

    /// Reads a line that is not UTF-8.
    fn note_broken(&mut self, line: Line<'a>) {
        if self.block == Block::Nothing {
            self.block = Block::Text;
        }
        self.note(meant(line.text));
    }

    /// Remembers that a field was present in some form, so that it is not called missing.
    fn note(&mut self, meant: Option<(Field, &str)>) {
        let Some((field, value)) = meant else { return };
        if field == Field::Mode && !self.seen.has(Field::Mode) {
            self.mode = value.parse().ok();
        }
        self.seen.add(field);
        self.has_field = true;
    }

    /// Reads front matter: the text between two lines of three hyphens at the start.
    fn read_block(&mut self, line: Line<'a>) -> bool {
        if trim(line.text) != "---" || self.block != Block::Nothing {
            return false;
        }
        let draft = line.draft(LintKind::FrontMatter, Severity::Error, line.text);
        // Without a second such line it only marks the start of a YAML document.
        if self.body[line.start + line.text.len()..]
            .split(|octet| *octet == b'\n')
            .any(|line| line.trim_ascii() == b"---")
        {
            self.findings.push_root(draft);
            self.block = Block::FrontMatter;
        } else {
            self.findings.push(draft);
            self.block = Block::Text;
        }
        true
    }

    /// Recognises the format of the whole text, from its first line or from the first that the parser refuses.
    fn read_document(&mut self, line: Line<'a>, first: bool) {
        if first {
            self.block = Block::Text;
        }
        let text = trim(line.text);
        let kind =
            if first && text.starts_with('<') && !text.starts_with("<!--") && !is_angle_placeholder(text) {
                LintKind::Html
            } else if first && text.starts_with("{\\rtf") || has_marks_of_rtf(self.body) {
                LintKind::Rtf
            } else if first && text.starts_with('{') && !text.starts_with("{{") {
                LintKind::Json
            } else {
                return;
            };
        let start = line.span(text).start;
        self.findings.push_root(Draft::new(kind, Severity::Error, start..self.body.len(), line.number));
        self.block = Block::Other;
    }

    /// Recognises why the parser refuses a line.
    fn read_cause(&mut self, line: Line<'a>, error: PolicyError, meant: Option<(Field, &'a str)>) {
        let severity = Severity::Error;
        let text = trim(line.text);
        let draft = |kind, part: &'a str| line.draft(kind, severity, part).with_value(part);
        if error.kind() == PolicyErrorKind::ControlCharacter {
            let offset = error.offset();
            if self.body.get(offset) == Some(&b'\r') && !self.line_ends.told_bad {
                self.line_ends.told_bad = true;
                self.findings.push(Draft::new(
                    LintKind::BadLineEnd,
                    severity,
                    offset..offset + 1,
                    line.number,
                ));
            }
            return;
        }
        suspicious(&mut self.findings, line.text, line.start, line.number, severity);
        if ["#", "//", "/*", "<!--", ";"].iter().any(|mark| text.starts_with(mark)) {
            self.findings.push(draft(LintKind::Comment, text));
        } else if has_version_of_record(text) {
            self.block = Block::Other;
            let draft = draft(LintKind::RecordAsPolicy, text);
            if self.has_field { self.findings.push(draft) } else { self.findings.push_root(draft) }
        } else if let Some(escape) = ["\\r\\n", "\\n"].iter().find_map(|escape| text.matches(escape).next()) {
            self.findings.push(draft(LintKind::EscapedLineEnd, escape));
        } else if let Some(at) = second_field(text) {
            self.findings.push(draft(LintKind::FieldsOnOneLine, &text[at..]));
        } else if is_list_item(text) {
            self.findings.push_root(draft(LintKind::YamlList, text));
            self.block = Block::List;
        } else if !text.contains(':') && text.contains('=') && meant.is_some() {
            self.findings.push(draft(LintKind::EqualsForColon, text));
        } else {
            self.read_cause_in_field(line, error, meant);
        }
    }

    fn read_cause_in_field(&mut self, line: Line<'a>, error: PolicyError, meant: Option<(Field, &'a str)>) {
        let Some((name, value)) = line.field() else { return };
        if error.kind() == PolicyErrorKind::BadFieldName && field_named(name).is_none() {
            let field = meant.map(|(field, _)| field).or_else(|| nearly_named(name));
            if let Some(field) = field {
                self.findings.push(
                    line.draft(LintKind::MisspeltField, Severity::Error, name)
                        .with_value(name)
                        .with_help(Some(format!("Write `{}:`.", name_of(field)))),
                );
            }
            return;
        }
        let draft = |kind| line.draft(kind, Severity::Error, value).with_value(value);
        let word = field_named(name).and_then(|field| match field {
            Field::Version => Some("STSv1"),
            Field::Mode => mode_word(value),
            _ => None,
        });
        let kind = match error.kind() {
            PolicyErrorKind::BadMx => mx_cause(value),
            PolicyErrorKind::BadVersion | PolicyErrorKind::BadMode | PolicyErrorKind::BadMaxAge => {
                if word.is_some_and(|word| word.eq_ignore_ascii_case(value)) {
                    Some(LintKind::ValueCase)
                } else if name == "mode" && value.eq_ignore_ascii_case("report") {
                    Some(LintKind::OldDraft)
                } else {
                    value_cause(value)
                }
            }
            _ => None,
        };
        match kind {
            Some(LintKind::Comment) => {
                let comment = value.find('#').map_or(value, |at| &value[at..]);
                self.findings
                    .push(line.draft(LintKind::Comment, Severity::Error, comment).with_value(comment));
            }
            Some(kind) => {
                let help = match kind {
                    LintKind::ValueCase => word.map(|word| format!("Write `{name}: {word}`.")),
                    LintKind::MxULabel => {
                        let (star, domain) =
                            value.strip_prefix("*.").map_or(("", value), |rest| ("*.", rest));
                        DnsName::parse(domain).ok().map(|domain| format!("Write `mx: {star}{domain}`."))
                    }
                    LintKind::MxLeadingDot => {
                        DnsName::parse(&value[1..]).ok().map(|domain| format!("Write `mx: *.{domain}`."))
                    }
                    _ => None,
                };
                self.findings.push(draft(kind).with_help(help));
            }
            None => {}
        }
    }

    /// Reports what is missing, and what only the whole text shows.
    fn finish(&mut self, end: usize) {
        let line = self.line;
        let other = self.block == Block::Other;
        let missing = [
            (self.seen.has(Field::Version), PolicyErrorKind::MissingVersion),
            (self.seen.has(Field::Mode), PolicyErrorKind::MissingMode),
            (self.seen.has(Field::MaxAge), PolicyErrorKind::MissingMaxAge),
            (self.seen.has(Field::Mx) || self.mode == Some(Mode::None), PolicyErrorKind::MissingMx),
        ];
        for (_, kind) in missing.into_iter().filter(|(seen, _)| !seen && !other) {
            self.findings.push(Draft::new(kind, Severity::Error, end..end, line));
        }
        self.read_max_age();
        if self.mode != Some(Mode::None) && self.first_mx.is_some() && !self.findings.is_folding() {
            match self.mx_hosts {
                Some(hosts) => {
                    let hosts = &hosts[..hosts.len().min(MAX_HOSTS)];
                    self.coverage.compare(&mut self.findings, hosts, end, line);
                }
                None => self.coverage.guess(&mut self.findings),
            }
        }
        if let (Some(Mode::None), Some((span, line))) = (self.mode, self.first_mx.take()) {
            self.findings.push(Draft::new(LintKind::MxWithModeNone, Severity::Info, span, line));
        }
    }

    fn read_max_age(&mut self) {
        let Some((seconds, span, line)) = self.max_age.take() else { return };
        let (kind, severity) = match (seconds, self.mode) {
            (0, Some(Mode::None)) => (LintKind::ZeroMaxAge, Severity::Info),
            (0, _) => (LintKind::ZeroMaxAge, Severity::Warning),
            (1..DAY, Some(Mode::Enforce)) => (LintKind::ShortMaxAge, Severity::Warning),
            (..WEEK, Some(Mode::Enforce | Mode::Testing) | None) => (LintKind::ShortMaxAge, Severity::Info),
            _ if seconds > Policy::MAX_MAX_AGE.as_secs() => (LintKind::ClampedMaxAge, Severity::Warning),
            _ if seconds > 183 * DAY => (LintKind::LongMaxAge, Severity::Info),
            _ => return,
        };
        let (senders, help) = match (kind, self.mode) {
            (LintKind::ShortMaxAge, Some(Mode::Testing)) => (
                Some("Senders fetch the policy often, and in mode testing they deliver in any case."),
                Some("Keep it while you test, and write some weeks or more with `mode: enforce`."),
            ),
            (LintKind::ShortMaxAge, _) if seconds < HOUR => (
                Some("The policy expires from one message to the next, so it protects hardly any mail."),
                None,
            ),
            (LintKind::ShortMaxAge, _) if seconds < DAY => (
                Some(
                    "The policy expires within a day, and an attacker who blocks DNS for that long can bypass it.",
                ),
                None,
            ),
            (LintKind::ShortMaxAge, _) => (
                Some(
                    "The policy expires after a few days, and an attacker who blocks DNS for that long can bypass it.",
                ),
                None,
            ),
            _ => (None, None),
        };
        let shown = format!("{seconds}");
        self.findings.push(
            Draft::new(kind, severity, span, line).with_value(&shown).with_senders(senders).with_help(help),
        );
    }
}

const OWNERSHIP_CHECK_HELP: &str = "Write the name of your MX host: this one only verifies the ownership of the domain for Microsoft, and receives no mail.";

/// Returns whether this is the name of an MX record by which Microsoft verifies the ownership of a domain.
fn is_ownership_check(pattern: &str) -> bool {
    pattern.ends_with(".msv1.invalid")
}

/// What to do if a provider has put a name of its own in place of the mail host's name.
fn stand_in_help(value: &str) -> Option<&'static str> {
    let label = value.split('.').next().unwrap_or_default();
    label.eq_ignore_ascii_case("_dc-mx").then_some(
        "This is Cloudflare's stand-in for a mail host behind its proxy: set the record of that host to `DNS only`, \
         and write the host's own name in the MX record and here.",
    )
}

const fn is_of_mx(kind: PolicyErrorKind) -> bool {
    matches!(kind, PolicyErrorKind::MxTrailingDot | PolicyErrorKind::MxUnderscore)
}

/// The number of the line that contains this octet.
fn line_at(body: &[u8], offset: usize) -> u32 {
    let lines = body[..offset].split(|octet| *octet == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX)
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_blank(line: &str) -> bool {
    line.bytes().all(is_white_space)
}

fn field_named(name: &str) -> Option<Field> {
    match name {
        "version" => Some(Field::Version),
        "mode" => Some(Field::Mode),
        "max_age" => Some(Field::MaxAge),
        "mx" => Some(Field::Mx),
        _ => None,
    }
}

const fn name_of(field: Field) -> &'static str {
    match field {
        Field::Version => "version",
        Field::Mode => "mode",
        Field::MaxAge => "max_age",
        Field::Mx => "mx",
    }
}

const LONGEST_MISSPELT_NAME: usize = 32;

/// The field that a name was probably meant to be: other case, hyphens, spaces, or one wrong letter.
fn nearly_named(name: &str) -> Option<Field> {
    if name.len() > LONGEST_MISSPELT_NAME {
        return None;
    }
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect();
    match plain.as_str() {
        "ver" | "stsversion" => return Some(Field::Version),
        "policymode" | "stsmode" => return Some(Field::Mode),
        "maxage" | "age" | "policymaxage" => return Some(Field::MaxAge),
        "mx" | "mxs" | "mxhost" | "mxhosts" | "mxrecord" | "mxrecords" | "mxserver" => {
            return Some(Field::Mx);
        }
        _ => {}
    }
    if plain.strip_prefix("mx").is_some_and(|rest| rest.bytes().all(|octet| octet.is_ascii_digit())) {
        return Some(Field::Mx);
    }
    [("version", Field::Version), ("mode", Field::Mode), ("maxage", Field::MaxAge)]
        .into_iter()
        .find(|(known, _)| is_one_edit_away(plain.as_bytes(), known.as_bytes()))
        .map(|(_, field)| field)
}

/// Returns whether one inserted, deleted, or changed letter, or two swapped ones, turn one into the other.
fn is_one_edit_away(a: &[u8], b: &[u8]) -> bool {
    let front = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let back = a[front..].iter().rev().zip(b[front..].iter().rev()).take_while(|(a, b)| a == b).count();
    match (&a[front..a.len() - back], &b[front..b.len() - back]) {
        ([a, b], [c, d]) => a == d && b == c,
        (a, b) => a.len() <= 1 && b.len() <= 1,
    }
}

fn is_old_draft_field(name: &str) -> bool {
    ["policy-mode", "policy_mode", "policy-id", "policy_id", "policy-max-age", "policy_max_age"]
        .iter()
        .any(|old| old.eq_ignore_ascii_case(name))
}

/// The field and the value that a broken line was probably meant to be.
fn meant(line: &str) -> Option<(Field, &str)> {
    let line = line.trim_matches(|char: char| char.is_whitespace() || is_invisible(char));
    let line = line.strip_prefix('-').map_or(line, str::trim_start);
    let at = line.find([':', '=', '\u{ff1a}'])?;
    let edge = |char: char| char.is_whitespace() || is_invisible(char) || is_quote(char);
    let name = line[..at].trim_matches(edge);
    let value = line[at..].trim_start_matches([':', '=', '\u{ff1a}']).trim_matches(edge);
    let field =
        if name.len() <= LONGEST_MISSPELT_NAME { field_named(&name.to_ascii_lowercase()) } else { None };
    field.or_else(|| nearly_named(name)).map(|field| (field, value))
}

/// The mode that a word was probably meant to be.
fn mode_word(value: &str) -> Option<&'static str> {
    if value.len() > LONGEST_MISSPELT_NAME {
        return None;
    }
    let plain: String =
        value.chars().filter(char::is_ascii_alphabetic).map(|char| char.to_ascii_lowercase()).collect();
    match plain.as_str() {
        "enforce" | "enforced" | "enforcing" | "enforcement" | "enfore" | "enforc" => Some("enforce"),
        "testing" | "test" | "tested" | "tests" | "report" | "monitor" => Some("testing"),
        "none" | "off" | "disabled" | "disable" => Some("none"),
        _ => None,
    }
}

fn better_help(kind: PolicyErrorKind, meant: Option<(Field, &str)>) -> Option<Cow<'static, str>> {
    let (field, value) = meant?;
    let name = name_of(field);
    match kind {
        PolicyErrorKind::BadMode => mode_word(value).map(|word| format!("Write `mode: {word}`.").into()),
        PolicyErrorKind::BadMaxAge => {
            let digits: String = value.chars().take(12).filter(char::is_ascii_digit).collect();
            let only_marks = value
                .chars()
                .all(|char| char.is_ascii_digit() || matches!(char, ',' | '_' | '.' | ';' | '\''));
            (only_marks && !digits.is_empty() && value.len() <= 12 && digits.len() <= 10)
                .then(|| format!("Write the seconds with digits only, perhaps `max_age: {digits}`.").into())
        }
        PolicyErrorKind::SpaceBeforeName | PolicyErrorKind::SpaceBeforeColon => {
            Some(format!("Begin the line with `{name}:`.").into())
        }
        _ => None,
    }
}

/// Returns whether this is an item of a YAML list.
fn is_list_item(text: &str) -> bool {
    text.starts_with("- ") || text == "-"
}

/// Returns whether a text is RTF without its header: it has RTF commands, or a backslash at the end of lines.
fn has_marks_of_rtf(body: &[u8]) -> bool {
    const COMMANDS: [&[u8]; 8] =
        [b"\\pard", b"\\f0", b"\\cf0", b"\\paperw", b"\\deftab", b"{\\fonttbl", b"{\\colortbl", b"{\\*\\"];
    let mut ends = 0;
    body.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii).any(|line| {
        ends += u32::from(line.ends_with(b"\\"));
        ends > 1 || COMMANDS.iter().any(|command| line.starts_with(command))
    })
}

fn has_version_of_record(text: &str) -> bool {
    text.contains("v=STSv1") || text.contains("v=stsv1")
}

fn is_angle_placeholder(text: &str) -> bool {
    field_named(trim(text.split(':').next().unwrap_or_default())).is_some()
}

/// The offset on a line at which a second field begins.
fn second_field(text: &str) -> Option<usize> {
    let from = text.find(':')? + 1;
    ["version:", "mode:", "max_age:", "mx:"]
        .iter()
        .filter_map(|field| {
            let at = from + text[from..].find(field)?;
            let before = text[..at].chars().next_back()?;
            (!before.is_ascii_alphanumeric() && !matches!(before, '_' | '-' | '.')).then_some(at)
        })
        .min()
}

/// The reason why a value other than an mx is refused.
fn value_cause(value: &str) -> Option<LintKind> {
    if value.starts_with(is_quote) {
        Some(LintKind::QuotedValue)
    } else if is_placeholder(value) {
        Some(LintKind::Placeholder)
    } else if value.starts_with(['[', '(']) {
        Some(LintKind::BracketedValue)
    } else if value.contains(" #") {
        Some(LintKind::Comment)
    } else if value.ends_with([',', ';']) {
        Some(LintKind::TrailingPunctuation)
    } else {
        None
    }
}

/// The reason why an mx is refused.
fn mx_cause(value: &str) -> Option<LintKind> {
    if value.contains("://") {
        return Some(LintKind::MxUrl);
    }
    if value.contains('@') || value.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:")) {
        return Some(LintKind::MxMailAddress);
    }
    if is_address(value) {
        return Some(LintKind::MxAddress);
    }
    if let Some(kind) = value_cause(value).filter(|kind| *kind != LintKind::TrailingPunctuation) {
        return Some(kind);
    }
    let several = |text: &str| text.contains([',', ';', ' ', '\t', '|']);
    let inner = value.trim_end_matches([',', ';']);
    if several(inner) {
        let number = inner.split([' ', '\t']).next().unwrap_or_default();
        let is_number = number.bytes().all(|octet| octet.is_ascii_digit()) && !number.is_empty();
        return Some(if is_number { LintKind::MxPreference } else { LintKind::SeveralHostsInMx });
    }
    if inner.len() < value.len() {
        return Some(LintKind::TrailingPunctuation);
    }
    if value.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|octet| octet.is_ascii_digit())) {
        return Some(LintKind::MxPort);
    }
    match PatternText::read(value.as_bytes()).err()?.kind() {
        NameErrorKind::ULabel if !value.contains(|char| is_invisible(char) || is_typographic(char)) => {
            Some(LintKind::MxULabel)
        }
        NameErrorKind::BadWildcard => Some(LintKind::MisplacedWildcard),
        NameErrorKind::EmptyLabel if value.starts_with('.') => Some(LintKind::MxLeadingDot),
        _ => None,
    }
}

fn is_address(value: &str) -> bool {
    // The longest address, with brackets and a tag.
    if value.len() > 64 {
        return false;
    }
    let bare = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
    let bare = bare.strip_prefix("IPv6:").unwrap_or(bare);
    let is_v4 = bare.parse::<Ipv4Addr>().is_ok();
    is_v4 || bare.parse::<Ipv6Addr>().is_ok() || bare.parse::<IpAddr>().is_ok()
}
