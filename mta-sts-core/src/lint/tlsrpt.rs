//! Findings about TLSRPT records (RFC 8460, 3 and 7).

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::OnceCell;
use core::ops::Range;
use core::time::Duration;

use super::FindingKind;
use super::advice;
use super::characters::{is_invisible, is_quote};
use super::record::{Grammar, Reader, Sort, into_vec, read_rrset};
use super::{Draft, Finding, Findings, Severity};
use crate::error::{LintKind, TlsrptRecordErrorKind};
use crate::name::PolicyDomain;
use crate::tlsrpt::{ReportUri, TlsrptRecord, UriFault, candidate_filter, uris_of};

/// The findings about one TXT RR that asks for reports, its character-strings concatenated without separators.
///
/// ```
/// use mta_sts_core::lint;
///
/// let findings = lint::tlsrpt_record(b"v=TLSRPTv1; rua=tls@example.com");
/// assert_eq!(findings[0].code(), "no-usable-rua");
/// assert_eq!(findings[1].code(), "rua-without-scheme");
/// assert_eq!(findings[1].help(), "Write `mailto:tls@example.com`.");
/// ```
pub fn tlsrpt_record(txt: &[u8]) -> Vec<Finding> {
    let mut findings = Findings::new();
    Reader::<Tlsrpt>::new(txt, 1, &mut findings).read();
    findings.into_vec(txt.len(), 1)
}

/// The findings about the `RRset` at `_smtp._tls`: each item is one TXT RR, its character-strings concatenated.
/// The line of a finding is the number of the RR, counted from 1.
///
/// ```
/// use mta_sts_core::{PolicyDomain, lint};
/// use std::time::Duration;
///
/// let domain = PolicyDomain::parse("example.com")?;
/// let facts = lint::TlsrptFacts::new().with_domain(&domain).with_ttl(Duration::from_secs(300));
/// let findings = lint::tlsrpt_rrset(&["v=TLSRPTv1; rua=mailto:tls@reports.example"], &facts);
/// let codes: Vec<_> = findings.iter().map(|finding| finding.code()).collect();
/// assert_eq!(codes, ["short-tlsrpt-ttl", "rua-elsewhere"]);
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
// Meets R89, R90.
pub fn tlsrpt_rrset<T: AsRef<[u8]>>(rrset: &[T], facts: &TlsrptFacts<'_>) -> Vec<Finding> {
    let mut findings = Findings::new();
    let counts = candidate_filter(rrset);
    read_rrset::<Tlsrpt, T>(rrset, &counts, &mut findings);
    let record = rrset.iter().position(|txt| counts(txt.as_ref()));
    match record {
        Some(index) => {
            let txt = rrset[index].as_ref();
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            read_ttl(&mut findings, facts, txt.len(), number);
            read_hosts(&mut findings, facts, txt, number);
        }
        None if facts.has_mta_sts => {
            findings.push(Draft::new(LintKind::MtaStsWithoutTlsrpt, Severity::Warning, 0..0, 1));
        }
        None => {}
    }
    into_vec(findings, rrset)
}

/// What the caller knows besides the TXT RRs themselves.
///
/// ```
/// use mta_sts_core::lint;
///
/// let facts = lint::TlsrptFacts::new().with_mta_sts(true);
/// let findings = lint::tlsrpt_rrset(&["v=spf1 -all"; 0], &facts);
/// assert!(findings.iter().any(|finding| finding.code() == "mta-sts-without-tlsrpt"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TlsrptFacts<'a> {
    domain: Option<&'a PolicyDomain>,
    ttl: Option<Duration>,
    has_mta_sts: bool,
}

impl<'a> TlsrptFacts<'a> {
    /// No facts.
    pub const fn new() -> Self {
        Self { domain: None, ttl: None, has_mta_sts: false }
    }

    /// Sets the domain of the records.
    #[must_use]
    pub const fn with_domain(mut self, domain: &'a PolicyDomain) -> Self {
        self.domain = Some(domain);
        self
    }

    /// Sets the TTL of the records at the authoritative name server. The TTL in a resolver's cache is shorter.
    #[must_use]
    pub const fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets whether the domain has an MTA-STS record.
    #[must_use]
    pub const fn with_mta_sts(mut self, has_mta_sts: bool) -> Self {
        self.has_mta_sts = has_mta_sts;
        self
    }
}

/// A shorter TTL is reported; RFC 8460, 7 asks for a large one and gives no number.
const SHORT_TTL: Duration = Duration::from_secs(3600);

fn read_ttl(findings: &mut Findings, facts: &TlsrptFacts<'_>, len: usize, number: u32) {
    let Some(ttl) = facts.ttl.filter(|ttl| *ttl < SHORT_TTL) else { return };
    let shown = format!("{} s", ttl.as_secs());
    findings.push(Draft::new(LintKind::ShortTlsrptTtl, Severity::Info, 0..len, number).with_value(&shown));
}

/// Reports URIs at which the reports leave the domain.
fn read_hosts(findings: &mut Findings, facts: &TlsrptFacts<'_>, txt: &[u8], number: u32) {
    let Some(domain) = facts.domain else { return };
    let Ok(record) = TlsrptRecord::parse(txt) else { return };
    for uri in record.uris().iter().filter(|uri| !is_within(uri.host(), domain.as_str())) {
        let shown = format!("{uri}");
        findings.push(
            Draft::new(LintKind::RuaElsewhere, Severity::Info, 0..txt.len(), number).with_value(&shown),
        );
    }
}

/// Returns whether a host is the domain or is below it.
fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

/// The record of RFC 8460, 3.
struct Tlsrpt;

impl Grammar for Tlsrpt {
    const VERSION: &'static str = "v=TLSRPTv1";
    const FIELD: &'static str = "rua";
    const GOOD_FIELD: &'static str = "rua=mailto:a@b";
    const SORT: Sort = Sort::Tlsrpt;
    const NO_RECORD: FindingKind = FindingKind::Tlsrpt(TlsrptRecordErrorKind::NoRecord);
    const SEVERAL_RECORDS: FindingKind = FindingKind::Tlsrpt(TlsrptRecordErrorKind::SeveralRecords);
    const BAD_VERSION: FindingKind = FindingKind::Tlsrpt(TlsrptRecordErrorKind::BadVersion);
    const MISSING_FIELD: FindingKind = FindingKind::Tlsrpt(TlsrptRecordErrorKind::MissingRua);
    const OF_WHOLE: &'static [FindingKind] =
        &[Self::MISSING_FIELD, FindingKind::Tlsrpt(TlsrptRecordErrorKind::NoUsableRua)];
    const TRAILING_SPACE: FindingKind = FindingKind::Tlsrpt(TlsrptRecordErrorKind::TrailingSpace);
    const EMPTY_FIELD: FindingKind = FindingKind::Tlsrpt(TlsrptRecordErrorKind::EmptyField);
    const FIELD_HELP: &'static str = advice::of(FindingKind::Tlsrpt(TlsrptRecordErrorKind::NoUsableRua)).help;
    const SENDERS: Option<&'static str> = Some(advice::NO_REPORTS);
    const SENDERS_BESIDE: Option<&'static str> =
        Some("Most senders skip it, but a few then see no TLSRPT record.");

    type State = Uris;

    fn error(txt: &[u8]) -> Option<(FindingKind, usize)> {
        TlsrptRecord::parse(txt).err().map(|error| (error.kind().into(), error.offset()))
    }

    fn resembles(txt: &[u8]) -> bool {
        [&b"TLSRPT"[..], b"TLS-RPT"]
            .iter()
            .any(|word| txt.windows(word.len()).any(|text| text.eq_ignore_ascii_case(word)))
    }

    fn mended(value: &[u8]) -> Option<String> {
        let uris: Vec<_> = uris_of(value).filter_map(mended_uri).take(2).collect();
        (!uris.is_empty()).then(|| format!("rua={}", uris.join(",")))
    }

    fn help(field: &[u8]) -> Option<&'static str> {
        let begins = |scheme: &[u8]| {
            field.trim_ascii().get(..scheme.len()).is_some_and(|text| text.eq_ignore_ascii_case(scheme))
        };
        (begins(b"mailto:") || begins(b"https:"))
            .then_some("Write a comma instead of the semicolon between two URIs.")
    }

    fn read_field(reader: &mut Reader<'_, '_, Self>, name: Range<usize>, value: Range<usize>) {
        if reader.has_field {
            reader.findings.push(
                Draft::new(LintKind::DuplicateField, Severity::Warning, name, reader.number)
                    .with_value(Self::FIELD)
                    .with_senders(Some("Some senders use the URIs of both, others only those of the first."))
                    .with_help(Some("Write all URIs after one `rua=`, separated by commas.")),
            );
        }
        let txt = reader.txt;
        let place = *reader.state.place_of_none.get_or_init(|| no_usable_uri(txt));
        if let (Some(start), true) = (place, reader.first_value == Some(value.start)) {
            let list = &txt[start..value.end];
            let kind = TlsrptRecordErrorKind::NoUsableRua;
            let help = Self::mended(list).map(|field| format!("Write `{field}`."));
            let draft = Draft::new(kind, Severity::Error, start..value.end, reader.number);
            reader.findings.push(draft.with_value(list).with_help(help));
        }
        let mut at = value.start;
        for part in txt[value].split(|octet| *octet == b',') {
            let start = at + part.len() - part.trim_ascii_start().len();
            let uri = part.trim_ascii();
            read_uri(reader, uri, start..start + uri.len());
            at += part.len() + 1;
        }
    }
}

/// The usable URIs of a record.
#[derive(Default)]
pub(super) struct Uris {
    good: Vec<ReportUri>,
    told_many: bool,
    /// The position at which the parser misses a URI; computed on first use.
    place_of_none: OnceCell<Option<usize>>,
}

fn read_uri(reader: &mut Reader<'_, '_, Tlsrpt>, uri: &[u8], span: Range<usize>) {
    let (kind, severity, help) = match ReportUri::read(uri) {
        Ok(read) if reader.state.good.contains(&read) => (LintKind::DuplicateRua, Severity::Info, None),
        Ok(read) if reader.state.good.len() < TlsrptRecord::MAX_URIS => {
            reader.state.good.push(read);
            return;
        }
        Ok(_) if reader.state.told_many => return,
        Ok(_) => {
            reader.state.told_many = true;
            (LintKind::ManyRuas, Severity::Warning, None)
        }
        Err(fault) => {
            let severity = if reader.state.place_of_none.get().is_some_and(Option::is_some) {
                Severity::Error
            } else {
                Severity::Warning
            };
            (kind_of(fault), severity, mended_uri(uri).map(|uri| Cow::Owned(format!("Write `{uri}`."))))
        }
    };
    let draft = Draft::new(kind, severity, span, reader.number).with_help(help);
    reader.findings.push(if uri.is_empty() { draft } else { draft.with_value(uri) });
}

/// The position at which the parser misses a usable URI.
fn no_usable_uri(txt: &[u8]) -> Option<usize> {
    let error = TlsrptRecord::parse(txt).err()?;
    (error.kind() == TlsrptRecordErrorKind::NoUsableRua).then(|| error.offset())
}

const fn kind_of(fault: UriFault) -> LintKind {
    match fault {
        UriFault::Empty => LintKind::EmptyRua,
        UriFault::ExclamationMark => LintKind::RuaExclamationMark,
        UriFault::WhiteSpace => LintKind::RuaWhiteSpace,
        UriFault::BadCharacter => LintKind::RuaCharacter,
        UriFault::NoScheme => LintKind::RuaWithoutScheme,
        UriFault::OtherScheme => LintKind::RuaScheme,
        UriFault::BadAddress => LintKind::RuaAddress,
        UriFault::BadUrl => LintKind::RuaUrl,
    }
}

/// Longer than the address or the URL of anybody's reports.
const MAX_URI_LEN: usize = 200;

/// A URI as it was probably meant.
fn mended_uri(uri: &[u8]) -> Option<String> {
    if uri.len() > MAX_URI_LEN {
        return None;
    }
    let text = core::str::from_utf8(uri).ok()?;
    let text = text.trim_matches(|char: char| char.is_whitespace() || is_invisible(char) || is_quote(char));
    let text = text.trim_matches(['<', '>']);
    // In DMARC a size follows an exclamation mark.
    let text = text.split('!').next().unwrap_or_default();
    let lower = text.to_ascii_lowercase();
    let rest_of = |scheme: &str| lower.strip_prefix(scheme).map(|rest| &text[text.len() - rest.len()..]);
    let meant = if let Some(address) = rest_of("mailto://") {
        format!("mailto:{address}")
    } else if let Some(rest) = rest_of("http://") {
        format!("https://{rest}")
    } else if text.contains('@') && !text.contains(':') {
        format!("mailto:{text}")
    } else if text.contains('.') && !text.contains(':') {
        format!("https://{}", text.trim_start_matches('/'))
    } else {
        text.into()
    };
    let read = ReportUri::read(meant.as_bytes()).ok()?;
    Some(format!("{read}"))
}
