//! Findings about TXT records (RFC 8461, 3.1), and the common reader for the records of both RFCs.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::FindingKind;
use super::characters::{is_invisible, is_placeholder, is_quote, is_typographic, suspicious};
use super::{Draft, Finding, Findings, Severity, advice};
use crate::error::{LintKind, RecordErrorKind};
use crate::field::is_white_space;
use crate::record::{self, Record, RecordId};

/// The findings about one TXT RR, its character-strings concatenated without separators.
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
    Reader::<MtaSts>::new(txt, 1, &mut findings).read();
    findings.into_vec(txt.len(), 1)
}

/// The findings about the `RRset` at `_mta-sts`: each item is one TXT RR, its character-strings
/// concatenated. The line of a finding is the number of the RR, counted from 1.
///
/// ```
/// use mta_sts_core::lint;
///
/// let findings = lint::rrset(&["v=STSv1; id=1", "v=DMARC1; p=reject"]);
/// assert_eq!((findings[0].code(), findings[0].line()), ("misplaced-record", 2));
/// ```
pub fn rrset<T: AsRef<[u8]>>(rrset: &[T]) -> Vec<Finding> {
    let mut findings = Findings::new();
    let counts = record::candidate_filter(rrset);
    read_rrset::<MtaSts, T>(rrset, counts, &mut findings);
    into_vec(findings, rrset)
}

/// The findings about an `RRset`; a finding at its end is positioned in the last RR.
pub(super) fn into_vec<T: AsRef<[u8]>>(findings: Findings, rrset: &[T]) -> Vec<Finding> {
    let last = rrset.last().map_or(0, |txt| txt.as_ref().len());
    findings.into_vec(last, u32::try_from(rrset.len().max(1)).unwrap_or(u32::MAX))
}

/// Reads each RR, whether it counts as a record or not.
pub(super) fn read_rrset<G: Grammar, T: AsRef<[u8]>>(
    rrset: &[T],
    counts: impl Fn(&[u8]) -> bool,
    findings: &mut Findings,
) {
    let candidates = rrset.iter().filter(|txt| counts(txt.as_ref())).count();
    if candidates == 0 {
        findings.push(Draft::new(G::NO_RECORD, Severity::Error, 0..0, 1));
    }
    for (index, txt) in rrset.iter().map(AsRef::as_ref).enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if counts(txt) {
            if candidates > 1 {
                findings.push(Draft::new(G::SEVERAL_RECORDS, Severity::Error, 0..txt.len(), number));
            }
            Reader::<G>::new(txt, number, findings).read();
        } else {
            read_other::<G>(findings, txt, number, candidates == 0);
        }
    }
}

/// Reads an RR that does not count as a record.
fn read_other<G: Grammar>(findings: &mut Findings, txt: &[u8], number: u32, alone: bool) {
    let sort = sort_of(txt).filter(|sort| *sort != G::SORT);
    let is_meant = is_near::<G>(txt) || sort.is_none() && begins_with_field::<G>(txt);
    if alone && (is_meant || sort == Some(Sort::Policy)) {
        Reader::<G>::new(txt, number, findings).read();
        return;
    }
    let (kind, severity) = match sort {
        _ if is_near::<G>(txt) => (LintKind::NearRecord, Severity::Warning),
        Some(Sort::Policy) => (LintKind::PolicyAsRecord, Severity::Warning),
        Some(_) => (LintKind::MisplacedRecord, Severity::Warning),
        None => (LintKind::OtherRecord, Severity::Info),
    };
    findings.push(
        Draft::new(kind, severity, 0..txt.len(), number)
            .with_value(txt)
            .with_senders(G::SENDERS_BESIDE)
            .with_help(sort.and_then(name_help)),
    );
}

/// The differences between the records of MTA-STS and of TLSRPT.
pub(super) trait Grammar: Sized {
    const VERSION: &'static str;
    /// The required field of a record.
    const FIELD: &'static str;
    /// A valid example of that field.
    const GOOD_FIELD: &'static str;
    const SORT: Sort;
    const NO_RECORD: FindingKind;
    const SEVERAL_RECORDS: FindingKind;
    const BAD_VERSION: FindingKind;
    const MISSING_FIELD: FindingKind;
    /// The errors of the parser that concern a record as a whole.
    const OF_WHOLE: &'static [FindingKind];
    const TRAILING_SPACE: FindingKind;
    const EMPTY_FIELD: FindingKind;
    /// How to fix the required field, if nothing more specific is known.
    const FIELD_HELP: &'static str;
    /// What senders do about an invalid record, if it differs from what the kind says.
    const SENDERS: Option<&'static str>;
    /// What senders do about another RR beside the record, if it differs from what the kind says.
    const SENDERS_BESIDE: Option<&'static str>;

    /// The state that is kept from field to field.
    type State: Default;

    /// The parser's error in a record, and its offset.
    fn error(txt: &[u8]) -> Option<(FindingKind, usize)>;

    /// Returns whether a text was meant as a record of this sort.
    fn resembles(txt: &[u8]) -> bool;

    /// The required field in a valid form that is as close as possible to the given value.
    fn mended(value: &[u8]) -> Option<String>;

    /// How to fix a field that the parser refuses, if its text tells.
    fn help(_field: &[u8]) -> Option<&'static str> {
        None
    }

    /// Reads the required field; its form is valid.
    fn read_field(reader: &mut Reader<'_, '_, Self>, name: Range<usize>, value: Range<usize>);
}

/// The record of RFC 8461, 3.1.
pub(super) struct MtaSts;

impl Grammar for MtaSts {
    const VERSION: &'static str = "v=STSv1";
    const FIELD: &'static str = "id";
    const GOOD_FIELD: &'static str = "id=1";
    const SORT: Sort = Sort::MtaSts;
    const NO_RECORD: FindingKind = FindingKind::Record(RecordErrorKind::NoRecord);
    const SEVERAL_RECORDS: FindingKind = FindingKind::Record(RecordErrorKind::SeveralRecords);
    const BAD_VERSION: FindingKind = FindingKind::Record(RecordErrorKind::BadVersion);
    const MISSING_FIELD: FindingKind = FindingKind::Record(RecordErrorKind::MissingId);
    const OF_WHOLE: &'static [FindingKind] = &[Self::MISSING_FIELD];
    const TRAILING_SPACE: FindingKind = FindingKind::Record(RecordErrorKind::TrailingSpace);
    const EMPTY_FIELD: FindingKind = FindingKind::Record(RecordErrorKind::EmptyField);
    const FIELD_HELP: &'static str = advice::of(FindingKind::Record(RecordErrorKind::BadId)).help;
    const SENDERS: Option<&'static str> = None;
    const SENDERS_BESIDE: Option<&'static str> = None;

    type State = ();

    fn error(txt: &[u8]) -> Option<(FindingKind, usize)> {
        Record::parse(txt).err().map(|error| (error.kind().into(), error.offset()))
    }

    fn resembles(txt: &[u8]) -> bool {
        txt.windows(5).any(|text| text.eq_ignore_ascii_case(b"STSv1"))
    }

    fn mended(value: &[u8]) -> Option<String> {
        let plain: Vec<u8> =
            value.iter().copied().filter(u8::is_ascii_alphanumeric).take(RecordId::MAX_LEN).collect();
        RecordId::parse(&plain).ok().map(|id| format!("id={id}"))
    }

    fn read_field(reader: &mut Reader<'_, '_, Self>, name: Range<usize>, value: Range<usize>) {
        let id = &reader.txt[value.clone()];
        if reader.has_field {
            reader.push(LintKind::DuplicateField, Severity::Warning, name);
        } else if id.eq_ignore_ascii_case(b"yourid") || id.eq_ignore_ascii_case(b"YYYYMMDDHHMMSS") {
            reader.push(LintKind::Placeholder, Severity::Warning, value);
        }
    }
}

/// The state of reading a record field by field.
pub(super) struct Reader<'a, 'f, G: Grammar> {
    pub(super) txt: &'a [u8],
    pub(super) number: u32,
    pub(super) findings: &'f mut Findings,
    /// Whether the required field was seen.
    pub(super) has_field: bool,
    /// The position of the first valid value of that field.
    pub(super) first_value: Option<usize>,
    pub(super) state: G::State,
}

impl<'a, 'f, G: Grammar> Reader<'a, 'f, G> {
    pub(super) fn new(txt: &'a [u8], number: u32, findings: &'f mut Findings) -> Self {
        Self { txt, number, findings, has_field: false, first_value: None, state: G::State::default() }
    }

    pub(super) fn read(mut self) {
        let txt = self.txt;
        let version_end = end_of_field(txt, 0);
        if G::error(txt).is_none_or(|(kind, _)| kind != G::BAD_VERSION) {
            let spaces = G::VERSION.len()..version_end;
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
        if !self.has_field {
            self.push(G::MISSING_FIELD, Severity::Error, txt.len()..txt.len());
        }
    }

    /// Reads the start of a record that has no valid version; returns whether to continue.
    fn read_version(&mut self, end: usize) -> bool {
        let txt = self.txt;
        let error = Severity::Error;
        let sort = sort_of(txt).filter(|sort| *sort != G::SORT);
        let is_near = sort.is_none() && is_near::<G>(txt);
        let help =
            if is_near || sort.is_none() && begins_with_field::<G>(txt) { mended::<G>(txt) } else { None };
        let shown = &txt[..end];
        self.findings.push(
            Draft::new(G::BAD_VERSION, error, 0..end, self.number)
                .with_value(shown)
                .with_help(help.map(|record| format!("Write `{record}`."))),
        );
        if let Some(sort) = sort {
            let kind =
                if sort == Sort::Policy { LintKind::PolicyAsRecord } else { LintKind::MisplacedRecord };
            self.findings.push(
                Draft::new(kind, error, 0..txt.len(), self.number)
                    .with_senders(G::SENDERS)
                    .with_help(name_help(sort)),
            );
            return false;
        }
        if !is_near {
            return false;
        }
        if is_zone_line(txt) {
            self.push(LintKind::ZoneLine, error, 0..txt.len());
            return false;
        }
        if let Ok(text) = core::str::from_utf8(shown) {
            suspicious(self.findings, text, 0, self.number, error);
        }
        let version = G::VERSION.as_bytes();
        let spaces = txt.iter().take_while(|octet| octet.is_ascii_whitespace()).count();
        if spaces > 0 {
            self.push(LintKind::LeadingWhiteSpace, error, 0..spaces);
        }
        let start = &txt[spaces..];
        let after = start.strip_prefix(version).map(<[u8]>::first);
        let at = spaces + version.len();
        if first_char(start).is_some_and(is_quote) {
            let quote = first_char(start).map_or(1, char::len_utf8);
            self.push(LintKind::QuotedValue, error, spaces..spaces + quote);
        } else if after == Some(Some(&b'\\')) {
            self.push(LintKind::EscapedSemicolon, error, at..at + 1);
        } else if after.is_some_and(|octet| {
            octet.is_none_or(|octet| is_white_space(*octet) || matches!(octet, b',' | b':' | b'.'))
        }) {
            self.push(LintKind::MissingSemicolon, error, at..at);
        } else if start.get(..version.len()).is_some_and(|text| text.eq_ignore_ascii_case(version)) {
            if after.is_none() {
                self.push(LintKind::ValueCase, error, spaces..at);
            }
        } else if let Some(colon) = version_with_colon::<G>(start) {
            self.push(LintKind::ColonForEquals, error, spaces + colon..spaces + colon + 1);
        } else if let Some(at) = later_version::<G>(txt) {
            self.push(LintKind::VersionNotFirst, error, at..at + version.len());
        }
        true
    }

    fn read_field(&mut self, start: usize, end: usize) {
        let octets = &self.txt[start..end];
        let last = end == self.txt.len();
        let (name, value) = name_and_value(octets);
        let field_end = start + octets.trim_ascii_end().len();
        if let Some((kind, offset)) = fault::<G>(octets, last, self.has_field) {
            self.read_broken(kind, start + offset..field_end.max(start + offset), octets);
        } else if let (false, Some(name_start), Some(value_start)) =
            (name.is_empty(), offset_in(self.txt, name), offset_in(self.txt, value))
        {
            self.read_good(name_start..name_start + name.len(), value_start..value_start + value.len());
            // Senders agree on the others.
            if !last && field_end < end {
                self.push(LintKind::SpaceBeforeSemicolon, Severity::Info, field_end..end);
            }
        }
        self.has_field |= meant_value::<G>(octets).is_some();
    }

    fn read_broken(&mut self, kind: FindingKind, span: Range<usize>, field: &'a [u8]) {
        let error = Severity::Error;
        let offset = span.start;
        let end = if kind == G::TRAILING_SPACE { self.txt.len() } else { span.end };
        // Other fields can be deleted, but not the required one.
        let meant = meant_value::<G>(field).filter(|_| kind != G::TRAILING_SPACE);
        let help = meant.map(|value| match G::mended(value) {
            Some(field) => Cow::Owned(format!("Write `{field}`.")),
            None => Cow::Borrowed(G::FIELD_HELP),
        });
        let help = help.or_else(|| G::help(field).map(Cow::Borrowed));
        let shown = self.txt.get(offset..end).filter(|shown| !shown.is_empty());
        let mut draft = Draft::new(kind, error, offset..end, self.number).with_help(help);
        draft.value = shown;
        self.findings.push(draft);

        if kind == G::EMPTY_FIELD {
            return;
        }
        let (name, value) = name_and_value(field);
        let Some(at) = offset_in(self.txt, value) else { return };
        let span = at..at + value.len();
        if value.ends_with(b"\\") {
            self.push(LintKind::EscapedSemicolon, error, span.end - 1..span.end);
        } else if name.is_empty() && meant.is_some() {
            // Without an equals sign the whole field is its value.
            let colon = value.iter().position(|octet| *octet == b':').unwrap_or_default();
            self.push(LintKind::ColonForEquals, error, at + colon..at + colon + 1);
        } else if first_char(value).is_some_and(is_quote) || value.ends_with(b"\"") {
            self.push(LintKind::QuotedValue, error, span);
        } else if core::str::from_utf8(value).is_ok_and(is_placeholder) {
            self.push(LintKind::Placeholder, error, span);
        } else if let (Ok(text), Some(at)) = (core::str::from_utf8(field), offset_in(self.txt, field)) {
            suspicious(self.findings, text, at, self.number, error);
        }
    }

    fn read_good(&mut self, name_span: Range<usize>, value_span: Range<usize>) {
        let name = &self.txt[name_span.clone()];
        if name == G::FIELD.as_bytes() {
            self.first_value.get_or_insert(value_span.start);
            G::read_field(self, name_span, value_span);
            return;
        }
        let is_own = |own: &str| name.eq_ignore_ascii_case(own.as_bytes());
        let (kind, severity) = match name {
            b"v" => (LintKind::DuplicateField, Severity::Warning),
            _ if is_own(G::FIELD) || is_own("v") => (LintKind::FieldNameCase, Severity::Warning),
            b"mode" | b"max_age" | b"mx" | b"version" if G::SORT == Sort::MtaSts => {
                (LintKind::MisplacedField, Severity::Warning)
            }
            _ => (LintKind::UnknownField, Severity::Info),
        };
        let help = (kind == LintKind::FieldNameCase)
            .then(|| format!("Write `{}=`.", String::from_utf8_lossy(&name.to_ascii_lowercase())));
        self.findings
            .push(Draft::new(kind, severity, name_span, self.number).with_value(name).with_help(help));
    }

    pub(super) fn push(&mut self, kind: impl Into<FindingKind>, severity: Severity, span: Range<usize>) {
        let kind = kind.into();
        let shown = self.txt.get(span.clone()).filter(|shown| !shown.trim_ascii().is_empty());
        let senders =
            G::SENDERS.filter(|_| severity == Severity::Error && matches!(kind, FindingKind::Lint(_)));
        let mut draft = Draft::new(kind, severity, span, self.number).with_senders(senders);
        draft.value = shown;
        if kind == LintKind::MissingSemicolon.into() {
            draft = draft.with_help(Some(format!("Write a semicolon after `{}`.", G::VERSION)));
        }
        self.findings.push(draft);
    }
}

fn end_of_field(txt: &[u8], start: usize) -> usize {
    txt[start..].iter().position(|octet| *octet == b';').map_or(txt.len(), |at| start + at)
}

/// The parser's error in a field, and its offset. The field is tested after a version, and after a
/// valid required field if one was seen, since of several only the first must be valid.
fn fault<G: Grammar>(field: &[u8], last: bool, has_field: bool) -> Option<(FindingKind, usize)> {
    let before: &[&str] = if has_field { &[G::VERSION, ";", G::GOOD_FIELD, ";"] } else { &[G::VERSION, ";"] };
    let mut alone = before.concat().into_bytes();
    let start = alone.len();
    alone.extend_from_slice(field);
    if !last {
        alone.push(b';');
    }
    let (kind, offset) = G::error(&alone)?;
    (!G::OF_WHOLE.contains(&kind)).then(|| (kind, offset - start))
}

/// The trimmed name and value; a field without an equals sign is all value.
fn name_and_value(field: &[u8]) -> (&[u8], &[u8]) {
    match field.iter().position(|octet| *octet == b'=') {
        Some(at) => (field[..at].trim_ascii(), field[at + 1..].trim_ascii()),
        None => (b"", field.trim_ascii()),
    }
}

/// The value of a field that is, or was probably meant to be, the required one.
fn meant_value<G: Grammar>(field: &[u8]) -> Option<&[u8]> {
    let at = field.iter().position(|octet| matches!(octet, b'=' | b':'))?;
    let name = core::str::from_utf8(&field[..at]).ok()?;
    let is_around =
        |char: char| char.is_whitespace() || is_invisible(char) || is_typographic(char) || is_quote(char);
    let is_exact = field[at] == b'=' && name.trim_matches([' ', '\t']) == G::FIELD;
    (is_exact || name.trim_matches(is_around) == G::FIELD).then(|| field[at + 1..].trim_ascii())
}

/// The offset of a part of the record.
fn offset_in(txt: &[u8], part: &[u8]) -> Option<usize> {
    let at = (part.as_ptr() as usize).checked_sub(txt.as_ptr() as usize)?;
    (at + part.len() <= txt.len()).then_some(at)
}

fn first_char(text: &[u8]) -> Option<char> {
    let start = &text[..text.len().min(4)];
    let valid = core::str::from_utf8(start).map_or_else(|error| error.valid_up_to(), |_| start.len());
    core::str::from_utf8(&start[..valid]).ok()?.chars().next()
}

/// The whole record in a valid form that is as close as possible to the given text.
fn mended<G: Grammar>(txt: &[u8]) -> Option<String> {
    let name = G::FIELD.as_bytes();
    let is_alone = |at: usize| at == 0 || !txt[at - 1].is_ascii_alphanumeric();
    let at = txt.windows(name.len()).enumerate().position(|(at, text)| {
        is_alone(at)
            && text.eq_ignore_ascii_case(name)
            && txt[at + name.len()..]
                .trim_ascii_start()
                .first()
                .is_some_and(|octet| matches!(octet, b'=' | b':'))
    })?;
    let after = txt[at + name.len()..].trim_ascii_start();
    let value = after[1..].trim_ascii_start();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let end = value.iter().position(|octet| matches!(octet, b';' | b'"' | b'\\')).unwrap_or(value.len());
    Some(format!("{}; {}", G::VERSION, G::mended(&value[..end])?))
}

fn begins_with_field<G: Grammar>(txt: &[u8]) -> bool {
    let begun = txt.trim_ascii_start();
    begun.get(..G::FIELD.len()).is_some_and(|text| text.eq_ignore_ascii_case(G::FIELD.as_bytes()))
        && begun[G::FIELD.len()..]
            .trim_ascii_start()
            .first()
            .is_some_and(|octet| matches!(octet, b'=' | b':'))
}

/// The position of the colon of `v:STSv1`.
fn version_with_colon<G: Grammar>(start: &[u8]) -> Option<usize> {
    let colon = start.iter().position(|octet| *octet == b':')?;
    let word = G::VERSION.strip_prefix("v=").unwrap_or_default().as_bytes();
    let is_word = start[colon + 1..].trim_ascii_start().get(..word.len()).is_some_and(|text| text == word);
    (start[..colon].trim_ascii() == b"v" && is_word).then_some(colon)
}

/// Returns whether a TXT RR was meant as a record of this sort.
fn is_near<G: Grammar>(txt: &[u8]) -> bool {
    G::resembles(txt) && sort_of(txt).is_none_or(|sort| sort == G::SORT)
}

/// The position of a later version in a record.
fn later_version<G: Grammar>(txt: &[u8]) -> Option<usize> {
    txt.windows(G::VERSION.len()).position(|text| text == G::VERSION.as_bytes())
}

/// Returns whether this is a line of a zone file: optionally a name, a TTL, and a class, then `TXT`
/// and a quote.
fn is_zone_line(txt: &[u8]) -> bool {
    let mut words = txt.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.by_ref().take(4).any(|word| word.eq_ignore_ascii_case(b"TXT"))
        && words.next().is_some_and(|word| word.starts_with(b"\"") || word.starts_with(b"("))
}

/// Well-known sorts of text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Dkim,
    Dmarc,
    MtaSts,
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
    } else if begins(b"v=STSv1") {
        Some(Sort::MtaSts)
    } else if begins(b"v=TLSRPTv1") {
        Some(Sort::Tlsrpt)
    } else if begins(b"version:") || begins(b"version :") {
        Some(Sort::Policy)
    } else {
        None
    }
}

const fn name_help(sort: Sort) -> Option<&'static str> {
    match sort {
        Sort::Dkim => Some("Publish the DKIM key at `SELECTOR._domainkey.DOMAIN`."),
        Sort::Dmarc => Some("Publish the DMARC record at `_dmarc.DOMAIN`."),
        Sort::MtaSts => Some("Publish the MTA-STS record at `_mta-sts.DOMAIN`."),
        Sort::Policy => None,
        Sort::Spf => Some("Publish the SPF record at the domain itself."),
        Sort::Tlsrpt => Some("Publish the TLSRPT record at `_smtp._tls.DOMAIN`."),
    }
}
