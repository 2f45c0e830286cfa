//! Findings about TXT records (RFC 8461, 3.1).

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::characters::{is_placeholder, is_quote, suspicious};
use super::{Draft, Finding, Findings, Severity, advice};
use crate::error::{LintKind, RecordErrorKind};
use crate::field::is_white_space;
use crate::record::{Record, RecordId, is_candidate};

/// What is to be said of one TXT RR, its character-strings joined with nothing between.
///
/// ```
/// use mta_sts_core::lint;
///
/// let findings = lint::record(b"v=STSv1; id=2024-01-01");
/// assert_eq!(findings[0].code(), "bad-id");
/// assert_eq!(findings[0].span(), 16..22);
/// assert_eq!(findings[0].help(), "Write `id=20240101`.");
/// ```
// Meets S96.
pub fn record(txt: &[u8]) -> Vec<Finding> {
    let mut findings = Findings::new();
    Reader { txt, number: 1, findings: &mut findings, has_id: false }.read();
    findings.into_vec(txt.len(), 1)
}

/// What is to be said of the `RRset` under `_mta-sts`: each item is one TXT RR, its character-strings
/// joined. The line of a finding is the number of the RR, counted from 1.
///
/// ```
/// use mta_sts_core::lint;
///
/// let findings = lint::rrset(&["v=STSv1; id=1", "v=DMARC1; p=reject"]);
/// assert_eq!((findings[0].code(), findings[0].line()), ("misplaced-record", 2));
/// ```
pub fn rrset<T: AsRef<[u8]>>(rrset: &[T]) -> Vec<Finding> {
    let candidates = rrset.iter().filter(|txt| is_candidate(txt.as_ref())).count();
    let mut findings = Findings::new();
    let mut last = (0, 1);
    if candidates == 0 {
        findings.push(Draft::new(RecordErrorKind::NoRecord, Severity::Error, 0..0, 1));
    }
    for (index, txt) in rrset.iter().map(AsRef::as_ref).enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        last = (txt.len(), number);
        if is_candidate(txt) {
            if candidates > 1 {
                let span = 0..txt.len();
                findings.push(Draft::new(RecordErrorKind::SeveralRecords, Severity::Error, span, number));
            }
            Reader { txt, number, findings: &mut findings, has_id: false }.read();
        } else {
            read_other(&mut findings, txt, number, candidates == 0);
        }
    }
    findings.into_vec(last.0, last.1)
}

/// An RR that does not count as a record.
fn read_other(findings: &mut Findings, txt: &[u8], number: u32, alone: bool) {
    let sort = sort_of(txt);
    if alone && (is_near(txt) || sort == Some(Sort::Policy)) {
        Reader { txt, number, findings, has_id: false }.read();
        return;
    }
    let (kind, severity) = match sort {
        _ if is_near(txt) => (LintKind::NearRecord, Severity::Warning),
        Some(Sort::Policy) => (LintKind::PolicyAsRecord, Severity::Warning),
        Some(_) => (LintKind::MisplacedRecord, Severity::Warning),
        None => (LintKind::OtherRecord, Severity::Info),
    };
    findings.push(Draft::new(kind, severity, 0..txt.len(), number).with_value(txt).with_help(name_help(txt)));
}

/// Reads a record field by field.
struct Reader<'a, 'f> {
    txt: &'a [u8],
    number: u32,
    findings: &'f mut Findings,
    has_id: bool,
}

const VERSION: &[u8] = b"v=STSv1";

impl<'a> Reader<'a, '_> {
    fn read(mut self) {
        let txt = self.txt;
        let version_end = end_of_field(txt, 0);
        if is_candidate(txt) {
            let spaces = VERSION.len()..version_end;
            if !spaces.is_empty() {
                self.push(LintKind::SpaceBeforeSemicolon, Severity::Warning, spaces);
            }
        } else if !self.read_version(version_end) {
            return;
        }
        let mut start = version_end + 1;
        while start <= txt.len() {
            let end = end_of_field(txt, start);
            self.read_field(start, end);
            start = end + 1;
        }
        if !self.has_id {
            self.push(RecordErrorKind::MissingId, Severity::Error, txt.len()..txt.len());
        }
    }

    /// A record that does not begin as one; tells whether to read on.
    fn read_version(&mut self, end: usize) -> bool {
        let txt = self.txt;
        let error = Severity::Error;
        let shown = &txt[..end];
        self.findings
            .push(Draft::new(RecordErrorKind::BadVersion, error, 0..end, self.number).with_value(shown));
        if let Some(kind) = sort_of(txt) {
            let kind =
                if kind == Sort::Policy { LintKind::PolicyAsRecord } else { LintKind::MisplacedRecord };
            self.findings.push(Draft::new(kind, error, 0..txt.len(), self.number).with_help(name_help(txt)));
            return false;
        }
        if !is_near(txt) {
            return false;
        }
        if let Ok(text) = core::str::from_utf8(txt) {
            suspicious(self.findings, text, 0, self.number, error);
        }
        let spaces = txt.iter().take_while(|octet| octet.is_ascii_whitespace()).count();
        if spaces > 0 {
            self.push(LintKind::LeadingWhiteSpace, error, 0..spaces);
        }
        let start = &txt[spaces..];
        let is_version = |text: &[u8]| text.get(..VERSION.len()) == Some(VERSION);
        if first_char(start).is_some_and(is_quote) {
            self.push(LintKind::QuotedValue, error, spaces..spaces + 1);
        } else if is_version(start) && start.get(VERSION.len()) == Some(&b'\\') {
            let at = spaces + VERSION.len();
            self.push(LintKind::EscapedSemicolon, error, at..at + 1);
        } else if is_version(start)
            && start.get(VERSION.len()).is_none_or(|octet| is_white_space(*octet) || *octet == b',')
        {
            let at = spaces + VERSION.len();
            self.push(LintKind::MissingSemicolon, error, at..at);
        } else if start.get(..VERSION.len()).is_some_and(|text| text.eq_ignore_ascii_case(VERSION)) {
            if !is_version(start) {
                self.push(LintKind::ValueCase, error, spaces..spaces + VERSION.len());
            }
        } else if let Some(at) = later_version(txt) {
            self.push(LintKind::VersionNotFirst, error, at..at + VERSION.len());
        }
        true
    }

    fn read_field(&mut self, start: usize, end: usize) {
        let octets = &self.txt[start..end];
        let last = end == self.txt.len();
        let (name, value) = name_and_value(octets);
        let fault = fault(octets, last, self.has_id);
        let field_end = start + octets.trim_ascii_end().len();
        if let Some((kind, offset)) = fault {
            self.read_broken(kind, start + offset..field_end.max(start + offset), name, value);
        } else if !name.is_empty() {
            self.read_good(start, field_end, name, value);
            // Senders agree on the others.
            if !last && field_end < end {
                self.push(LintKind::SpaceBeforeSemicolon, Severity::Info, field_end..end);
            }
        }
        self.has_id |= name == b"id";
    }

    fn read_broken(&mut self, kind: RecordErrorKind, span: Range<usize>, name: &[u8], value: &'a [u8]) {
        let error = Severity::Error;
        let offset = span.start;
        let end = if kind == RecordErrorKind::TrailingSpace { self.txt.len() } else { span.end };
        let is_id = match kind {
            RecordErrorKind::BadId => true,
            RecordErrorKind::BadFieldValue => name == b"id",
            _ => false,
        };
        // An id must not be deleted, as another field may be.
        let help = is_id.then(|| match id_of(value) {
            Some(id) => Cow::Owned(format!("Write `id={id}`.")),
            None => Cow::Borrowed(advice::of(RecordErrorKind::BadId.into()).help),
        });
        let shown = self.txt.get(offset..end).filter(|shown| !shown.is_empty());
        let mut draft = Draft::new(kind, error, offset..end, self.number).with_help(help);
        draft.value = shown;
        self.findings.push(draft);

        let Some(at) = offset_in(self.txt, value) else { return };
        let span = at..at + value.len();
        if value.ends_with(b"\\") {
            self.push(LintKind::EscapedSemicolon, error, span.end - 1..span.end);
        } else if first_char(value).is_some_and(is_quote) || value.ends_with(b"\"") {
            self.push(LintKind::QuotedValue, error, span);
        } else if let Ok(text) = core::str::from_utf8(value) {
            if is_placeholder(text) {
                self.push(LintKind::Placeholder, error, span);
            } else {
                suspicious(self.findings, text, at, self.number, error);
            }
        }
    }

    fn read_good(&mut self, start: usize, end: usize, name: &[u8], value: &[u8]) {
        let leading = self.txt[start..end].iter().take_while(|octet| is_white_space(**octet)).count();
        let name_span = start + leading..start + leading + name.len();
        let (kind, severity) = match name {
            b"id" if self.has_id => (LintKind::DuplicateField, Severity::Warning),
            b"id" => {
                if value.eq_ignore_ascii_case(b"yourid") || value.eq_ignore_ascii_case(b"YYYYMMDDHHMMSS") {
                    self.push(LintKind::Placeholder, Severity::Warning, end - value.len()..end);
                }
                return;
            }
            b"v" => (LintKind::DuplicateField, Severity::Warning),
            _ if name.eq_ignore_ascii_case(b"id") || name.eq_ignore_ascii_case(b"v") => {
                (LintKind::FieldNameCase, Severity::Warning)
            }
            b"mode" | b"max_age" | b"mx" | b"version" => (LintKind::MisplacedField, Severity::Warning),
            _ => (LintKind::UnknownField, Severity::Info),
        };
        let lower = name.to_ascii_lowercase();
        let help = (kind == LintKind::FieldNameCase)
            .then(|| format!("Write `{}=`.", String::from_utf8_lossy(&lower)));
        let shown = &self.txt[name_span.clone()];
        self.findings
            .push(Draft::new(kind, severity, name_span, self.number).with_value(shown).with_help(help));
    }

    fn push(&mut self, kind: impl Into<crate::error::FindingKind>, severity: Severity, span: Range<usize>) {
        let shown = self.txt.get(span.clone()).filter(|shown| !shown.trim_ascii().is_empty());
        let mut draft = Draft::new(kind, severity, span, self.number);
        draft.value = shown;
        self.findings.push(draft);
    }
}

fn end_of_field(txt: &[u8], start: usize) -> usize {
    txt[start..].iter().position(|octet| *octet == b';').map_or(txt.len(), |at| start + at)
}

/// What the parser has against a field, and where in it: the field is put behind a version, and
/// behind an id if one has stood, since of several only the first must be good.
fn fault(field: &[u8], last: bool, has_id: bool) -> Option<(RecordErrorKind, usize)> {
    let before: &[u8] = if has_id { b"v=STSv1;id=1;" } else { b"v=STSv1;" };
    let mut alone = Vec::with_capacity(before.len() + field.len() + 1);
    alone.extend_from_slice(before);
    let start = alone.len();
    alone.extend_from_slice(field);
    if !last {
        alone.push(b';');
    }
    let error = Record::parse(&alone).err()?;
    (error.kind() != RecordErrorKind::MissingId).then(|| (error.kind(), error.offset() - start))
}

/// Both without the white space around them; a field without an equals sign is all value.
fn name_and_value(field: &[u8]) -> (&[u8], &[u8]) {
    match field.iter().position(|octet| *octet == b'=') {
        Some(at) => (field[..at].trim_ascii(), field[at + 1..].trim_ascii()),
        None => (b"", field.trim_ascii()),
    }
}

/// Where a part of the record stands in it.
fn offset_in(txt: &[u8], part: &[u8]) -> Option<usize> {
    let at = (part.as_ptr() as usize).checked_sub(txt.as_ptr() as usize)?;
    (at + part.len() <= txt.len()).then_some(at)
}

fn first_char(text: &[u8]) -> Option<char> {
    let start = &text[..text.len().min(4)];
    let valid = core::str::from_utf8(start).map_or_else(|error| error.valid_up_to(), |_| start.len());
    core::str::from_utf8(&start[..valid]).ok()?.chars().next()
}

/// An id made of the letters and digits of a bad one.
fn id_of(value: &[u8]) -> Option<String> {
    let plain: Vec<u8> =
        value.iter().copied().filter(u8::is_ascii_alphanumeric).take(RecordId::MAX_LEN).collect();
    RecordId::parse(&plain).ok().map(|id| id.as_str().into())
}

/// Whether a TXT RR was meant as an MTA-STS record.
fn is_near(txt: &[u8]) -> bool {
    txt.windows(5).any(|text| text.eq_ignore_ascii_case(b"STSv1")) && sort_of(txt).is_none()
}

/// Where `v=STSv1` stands later in a record.
fn later_version(txt: &[u8]) -> Option<usize> {
    txt.windows(VERSION.len()).position(|text| text == VERSION)
}

/// Texts that are well known and no MTA-STS record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Dkim,
    Dmarc,
    Policy,
    Spf,
    Tlsrpt,
}

fn sort_of(txt: &[u8]) -> Option<Sort> {
    let begun = txt.trim_ascii_start();
    let begins = |start: &[u8]| begun.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start));
    if begins(b"v=spf1") {
        Some(Sort::Spf)
    } else if begins(b"v=DMARC1") {
        Some(Sort::Dmarc)
    } else if begins(b"v=DKIM1") {
        Some(Sort::Dkim)
    } else if begins(b"v=TLSRPTv1") {
        Some(Sort::Tlsrpt)
    } else if begins(b"version:") || begins(b"version :") {
        Some(Sort::Policy)
    } else {
        None
    }
}

fn name_help(txt: &[u8]) -> Option<&'static str> {
    match sort_of(txt)? {
        Sort::Dkim => Some("Publish the DKIM key under `SELECTOR._domainkey` and the domain."),
        Sort::Dmarc => Some("Publish the DMARC record under `_dmarc` and the domain."),
        Sort::Policy => None,
        Sort::Spf => Some("Publish the SPF record under the domain itself."),
        Sort::Tlsrpt => Some("Publish the TLSRPT record under `_smtp._tls` and the domain."),
    }
}
