//! Displays findings in the style of a compiler, and as JSON.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use mta_sts_core::lint::{Finding, FindingKind, LintKind, Severity};
use mta_sts_core::{DnsName, FetchErrorKind, Mode, Policy, PolicyErrorKind};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::output::{Tone, printable, terminal_width, wrapped};

/// The text that findings are about, and the name for it.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    name: String,
    text: Text<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Text<'a> {
    Records(&'a [Vec<u8>]),
    Policy(&'a [u8]),
    Report(&'a [u8]),
}

impl<'a> Source<'a> {
    /// The TXT records at a name; each is a line.
    pub(crate) fn records(name: impl Into<String>, records: &'a [Vec<u8>]) -> Self {
        Self { name: name.into(), text: Text::Records(records) }
    }

    /// The body of a policy.
    pub(crate) fn policy(name: impl Into<String>, body: &'a [u8]) -> Self {
        Self { name: name.into(), text: Text::Policy(body) }
    }

    /// The JSON of a TLS report.
    pub(crate) fn report(name: impl Into<String>, json: &'a [u8]) -> Self {
        Self { name: name.into(), text: Text::Report(json) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Prints the findings, each followed by an empty line.
    pub(crate) fn print(&self, findings: &[Finding]) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        for finding in findings {
            self.write(&mut out, finding)?;
        }
        out.flush()
    }

    fn write(&self, out: &mut impl Write, finding: &Finding) -> io::Result<()> {
        let tone = tone_of(finding.severity()).style().bold();
        let bold = Style::new().bold();
        let frame = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Blue)));
        let (severity, code) = (finding.severity(), finding.code());
        let message = printable(finding.message());
        let head = format!("{severity}[{code}]");
        for (place, line) in wrapped(&format!("{head}: {message}"), terminal_width(), 0).iter().enumerate() {
            match line.strip_prefix(head.as_str()) {
                Some(rest) if place == 0 => writeln!(out, "{tone}{head}{tone:#}{bold}{rest}{bold:#}")?,
                _ => writeln!(out, "{bold}{line}{bold:#}")?,
            }
        }

        let name = printable(&self.name);
        let place = self.place(finding);
        let number = place.as_ref().map_or(String::new(), |place| place.line.to_string());
        let margin = " ".repeat(number.len());
        if let Some(place) = &place {
            let shown = Excerpt::new(place);
            writeln!(out, "{margin}{frame}-->{frame:#} {name}:{number}:{}", place.column)?;
            writeln!(out, "{margin} {frame}|{frame:#}")?;
            let gap = if shown.text.is_empty() { "" } else { " " };
            writeln!(out, "{frame}{number} |{frame:#}{gap}{}", shown.text)?;
            let indent = " ".repeat(shown.indent);
            let marks = "^".repeat(shown.marks);
            let more = match place.last_line {
                last if last > place.line => format!(" and on to line {last}"),
                _ => String::new(),
            };
            writeln!(out, "{margin} {frame}|{frame:#} {indent}{tone}{marks}{more}{tone:#}")?;
        } else {
            writeln!(out, "{margin} {frame}-->{frame:#} {name}")?;
        }
        let others = if matches!(self.text, Text::Report(_)) { "receivers" } else { "senders" };
        for (label, sentence) in [(others, finding.senders()), ("help", finding.help())] {
            let indent = margin.len() + 3;
            let text = format!("{label}: {}", printable(sentence));
            for (place, line) in wrapped(&text, terminal_width(), indent).iter().enumerate() {
                match line.strip_prefix(label) {
                    Some(rest) if place == 0 => {
                        writeln!(out, "{margin} {frame}={frame:#} {bold}{label}{bold:#}{rest}")?;
                    }
                    _ => writeln!(out, "{:indent$}{line}", "")?,
                }
            }
        }
        writeln!(out)
    }

    /// The findings as JSON. Keys and codes are stable.
    pub(crate) fn json(&self, findings: &[Finding]) -> Value {
        findings.iter().map(|finding| self.finding_json(finding)).collect()
    }

    fn finding_json(&self, finding: &Finding) -> Value {
        let place = self.place(finding);
        let span = finding.span();
        json!({
            "code": finding.code(),
            "number": finding.kind().number(),
            "severity": finding.severity().as_str(),
            "message": finding.message(),
            "span": place.as_ref().map(|_| json!({ "start": span.start, "end": span.end })),
            "line": place.as_ref().map(|place| place.line),
            "column": place.as_ref().map(|place| place.column),
            "senders": finding.senders(),
            "help": finding.help(),
        })
    }

    /// The position of the finding in the text; `None` if it is about the head of an HTTP response.
    fn place(&self, finding: &Finding) -> Option<Place<'a>> {
        let span = finding.span();
        match self.text {
            _ if is_about_head(finding) => None,
            Text::Records(records) => {
                let line = usize::try_from(finding.line()).unwrap_or(usize::MAX);
                let record = records.get(line.saturating_sub(1)).map_or(&b""[..], Vec::as_slice);
                Some(Place::in_record(record, span, line))
            }
            Text::Policy(body) | Text::Report(body) => Some(Place::in_body(body, span)),
        }
    }
}

/// Returns whether a finding is about the head of an HTTP response, and so has no position in its body.
pub(crate) const fn is_about_head(finding: &Finding) -> bool {
    matches!(
        finding.kind(),
        FindingKind::Fetch(
            FetchErrorKind::Status
                | FetchErrorKind::Redirect
                | FetchErrorKind::MediaType
                | FetchErrorKind::MissingMediaType,
        ) | FindingKind::Lint(LintKind::OtherCharset)
    )
}

/// The number of findings of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
    pub(crate) infos: usize,
    /// Whether there are more, which are only counted.
    has_more: bool,
}

impl Counts {
    pub(crate) fn of(findings: &[Finding]) -> Self {
        let count =
            |severity| findings.iter().filter(|finding: &&Finding| finding.severity() == severity).count();
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            infos: count(Severity::Info),
            has_more: findings
                .iter()
                .any(|finding| finding.kind() == FindingKind::Lint(LintKind::MoreFindings)),
        }
    }

    /// Returns whether there is a warning, or may be one among the findings that are only counted.
    pub(crate) const fn may_have_warnings(self) -> bool {
        self.warnings > 0 || self.has_more
    }

    pub(crate) fn json(self) -> Value {
        json!({ "error": self.errors, "warning": self.warnings, "info": self.infos })
    }

    /// The numbers in words, the most severe first.
    pub(crate) fn sentence(self) -> String {
        let words: Vec<_> = [(self.errors, "error"), (self.warnings, "warning"), (self.infos, "info")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| {
                let plural = if count == 1 || word == "info" { "" } else { "s" };
                format!("{count} {word}{plural}")
            })
            .collect();
        if words.is_empty() { "no findings".to_owned() } else { words.join(", ") }
    }
}

/// How senders treat a policy that parses, according to the findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reception {
    /// Some senders refuse what others accept.
    pub(crate) some_refuse: bool,
    /// No pattern covers a host of the domain.
    pub(crate) covers_none: bool,
    /// This is so for some senders.
    some_cover_none: bool,
}

impl Reception {
    pub(crate) fn of(policy: &Policy, findings: &[Finding], hosts: Option<&[DnsName]>) -> Self {
        let patterns = policy.mx_patterns().count();
        // Whether each line of the policy that names a host has one of these findings.
        let have_all = |kinds: &[FindingKind]| {
            let lines: BTreeSet<_> = findings
                .iter()
                .filter(|finding| kinds.contains(&finding.kind()))
                .map(Finding::line)
                .collect();
            patterns > 0 && lines.len() >= patterns
        };
        let useless: [FindingKind; 2] = [LintKind::Placeholder.into(), LintKind::SingleLabelMx.into()];
        let doubtful =
            [&useless[..], &[PolicyErrorKind::MxTrailingDot.into(), PolicyErrorKind::MxUnderscore.into()]];
        let is_none = policy.mode() == Mode::None;
        let covers_none = !is_none
            && match hosts {
                Some(hosts) if !hosts.is_empty() => {
                    !hosts.iter().any(|host| policy.matches_mx(host.as_str()))
                }
                _ => have_all(&useless),
            };
        Self {
            some_refuse: findings.iter().any(|finding| REFUSED_BY_SOME.contains(&finding.kind())),
            covers_none,
            some_cover_none: !is_none && !covers_none && have_all(&doubtful.concat()),
        }
    }

    pub(crate) const fn tone(self) -> Tone {
        match self {
            Self { covers_none: true, .. } => Tone::Bad,
            Self { some_refuse: true, .. } => Tone::Note,
            _ => Tone::Good,
        }
    }

    /// A sentence without a full stop.
    pub(crate) fn sentence(self, senders: &str) -> String {
        let taken = if self.some_refuse {
            "Some senders refuse it, others accept it".to_owned()
        } else {
            format!("{senders} accept it")
        };
        let covered = match self {
            Self { covers_none: true, .. } => ", but it covers none of your hosts",
            Self { some_cover_none: true, .. } => ", but for some it covers none of your hosts",
            _ => "",
        };
        format!("{taken}{covered}")
    }
}

/// The departures that are tolerated here, but not by everybody.
const REFUSED_BY_SOME: [FindingKind; 6] = [
    FindingKind::Policy(PolicyErrorKind::BlankLine),
    FindingKind::Policy(PolicyErrorKind::ByteOrderMark),
    FindingKind::Policy(PolicyErrorKind::MxTrailingDot),
    FindingKind::Policy(PolicyErrorKind::MxUnderscore),
    FindingKind::Lint(LintKind::LargePolicy),
    FindingKind::Lint(LintKind::ClampedMaxAge),
];

/// The line in which a span begins. Lines and columns are counted from 1; a column is one character, or one octet that
/// is not UTF-8.
#[derive(Debug)]
struct Place<'a> {
    line: usize,
    column: usize,
    /// The line, with its line end if the span includes it.
    text: &'a [u8],
    /// The span within it.
    span: Range<usize>,
    /// The line in which the span ends.
    last_line: usize,
}

impl<'a> Place<'a> {
    fn in_record(record: &'a [u8], span: Range<usize>, line: usize) -> Self {
        Self { line, column: column(record, span.start), text: record, span, last_line: line }
    }

    fn in_body(body: &'a [u8], span: Range<usize>) -> Self {
        let is_end = |octet: &u8| *octet == b'\n';
        let until = |at: usize| &body[..at.min(body.len())];
        let line_of = |at: usize| until(at).iter().filter(|octet| is_end(octet)).count() + 1;
        let start = until(span.start).iter().rposition(is_end).map_or(0, |at| at + 1);
        let line = &body[start..];
        let length = line.iter().position(is_end).map_or(line.len(), |at| at + 1);
        let (whole, relative) = (&line[..length], span.start - start..span.end - start);
        let bare = whole.strip_suffix(b"\n").map_or(whole, |line| line.strip_suffix(b"\r").unwrap_or(line));
        let takes_end_in = relative.end > bare.len() && relative.end <= length;
        Self {
            line: line_of(span.start),
            column: column(whole, relative.start),
            text: if takes_end_in { whole } else { bare },
            last_line: line_of(span.end.saturating_sub(1).max(span.start)),
            span: relative,
        }
    }
}

fn column(line: &[u8], at: usize) -> usize {
    let chunks = line[..at.min(line.len())].utf8_chunks();
    chunks.map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum::<usize>() + 1
}

/// The part of a line that is shown, and the marks below it.
#[derive(Debug)]
struct Excerpt {
    text: String,
    indent: usize,
    marks: usize,
}

impl Excerpt {
    fn new(place: &Place<'_>) -> Self {
        let (text, span) = (place.text, &place.span);
        let at = span.start.min(text.len());
        // The part before the span is read from its end, so that its start can be truncated.
        let mut before: Vec<_> = cells(&text[start_of_char(text, at.saturating_sub(4 * MAX_BEFORE))..at]);
        let is_whole = fit_end(&mut before, MAX_BEFORE) && at <= 4 * MAX_BEFORE;
        let mut excerpt = Self { text: String::new(), indent: 0, marks: 0 };
        if !is_whole {
            excerpt.text.push_str(ELLIPSIS);
        }
        excerpt.text.extend(before.iter().map(|cell| cell.text.as_str()));
        excerpt.indent = excerpt.text.width();

        let mut width = excerpt.indent;
        let end = text.len().min(at + 4 * MAX_WIDTH);
        for cell in cells(&text[at..end]) {
            let cell_width = cell.text.width();
            if width + cell_width > MAX_WIDTH {
                excerpt.text.push_str(ELLIPSIS);
                return excerpt.marked();
            }
            width += cell_width;
            if at + cell.start < span.end {
                excerpt.marks += cell_width;
            }
            excerpt.text.push_str(&cell.text);
        }
        if end < text.len() {
            excerpt.text.push_str(ELLIPSIS);
        }
        excerpt.marked()
    }

    /// Marks an empty span too.
    fn marked(mut self) -> Self {
        self.marks = self.marks.max(1);
        self
    }
}

/// One character, or one octet that is not UTF-8, as it is shown.
#[derive(Debug)]
struct Cell {
    start: usize,
    text: String,
}

fn cells(octets: &[u8]) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut at = 0;
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            cells.push(Cell { start: at, text: visible(character) });
            at += character.len_utf8();
        }
        for octet in chunk.invalid() {
            cells.push(Cell { start: at, text: format!("<{octet:02X}>") });
            at += 1;
        }
    }
    cells
}

/// A character that is visible and that no terminal interprets: a picture of a control character, the number of another
/// invisible one.
fn visible(character: char) -> String {
    match character {
        '\0'..='\u{1f}' => {
            char::from_u32(0x2400 + u32::from(character)).map(String::from).unwrap_or_default()
        }
        '\u{7f}' => "\u{2421}".to_owned(),
        '\\' | '\'' | '"' => character.to_string(),
        _ if character.escape_debug().len() > 1 => format!("<U+{:04X}>", u32::from(character)),
        _ => character.to_string(),
    }
}

/// Drops cells at the start until the rest fits; returns whether none was dropped.
fn fit_end(cells: &mut Vec<Cell>, width: usize) -> bool {
    let mut left = width;
    let kept = cells.iter().rev().take_while(|cell| {
        let fits = cell.text.width() <= left;
        left = left.saturating_sub(cell.text.width());
        fits
    });
    let dropped = cells.len() - kept.count();
    cells.drain(..dropped);
    dropped == 0
}

/// The start of the character that this octet belongs to, if there is one.
fn start_of_char(text: &[u8], at: usize) -> usize {
    (0..4)
        .map(|back| at.saturating_sub(back))
        .find(|at| text.get(*at).is_none_or(|octet| octet & 0xc0 != 0x80))
        .unwrap_or(at)
}

const fn tone_of(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Note,
        Severity::Info => Tone::Plain,
    }
}

const ELLIPSIS: &str = "...";
/// The maximum number of columns of a line, and of those before the span.
const MAX_WIDTH: usize = 100;
const MAX_BEFORE: usize = 40;
