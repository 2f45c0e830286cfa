use alloc::vec::Vec;

use super::ReportUri;
use crate::error::{TlsrptRecordError, TlsrptRecordErrorKind};
use crate::field::{self, FieldFault, is_white_space};

const VERSION: &str = "v=TLSRPTv1";

/// A TLSRPT record, by which a domain asks for TLS reports (RFC 8460, 3).
///
/// ```
/// use mta_sts_core::tlsrpt::TlsrptRecord;
///
/// let record = TlsrptRecord::parse(b"v=TLSRPTv1; rua=mailto:tls@example.com, https://r.example/v1")?;
/// assert_eq!(record.uris().len(), 2);
///
/// // The RRset of a name: what is no TLSRPT record does not count.
/// let rrset = ["v=spf1 -all", "v=TLSRPTv1; rua=mailto:tls@example.com"];
/// assert_eq!(TlsrptRecord::select(&rrset)?.uris()[0].to_string(), "mailto:tls@example.com");
/// # Ok::<(), mta_sts_core::tlsrpt::TlsrptRecordError>(())
/// ```
///
/// It is published at [`PolicyDomain::tlsrpt_txt_name`](crate::PolicyDomain::tlsrpt_txt_name). Other fields
/// are ignored after a syntax check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsrptRecord {
    uris: Vec<ReportUri>,
}

impl TlsrptRecord {
    /// The maximum number of URIs: an attacker's record must not cause many deliveries.
    pub const MAX_URIS: usize = 8;

    /// Parses one TXT RR, its character-strings concatenated without separators.
    ///
    /// If there are several `rua` fields, the URIs of all of them count, in order and without duplicates;
    /// unusable ones are skipped, and those beyond [`MAX_URIS`](Self::MAX_URIS) are ignored. It takes time
    /// linear in the length.
    ///
    /// # Errors
    ///
    /// Returns where and how the record departs from the grammar of RFC 8460, 3; `no-usable-rua` if no URI is
    /// left. Such a domain gets no reports.
    // Meets R3, R4, R5, R6, R8, R9, R10, A38.
    pub fn parse(txt: &[u8]) -> Result<Self, TlsrptRecordError> {
        parse_record(txt).map_err(|(kind, rest)| TlsrptRecordError::at(kind, 1, txt.len() - rest.len()))
    }

    /// Selects the record from an `RRset`: each item is one TXT RR, its character-strings concatenated.
    ///
    /// # Errors
    ///
    /// `no-tlsrpt-record` if no RR begins as a record, `several-tlsrpt-records` if two do; otherwise the same
    /// as [`TlsrptRecord::parse`]. All of them mean: send this domain no report (RFC 8460, 3).
    // Meets R7.
    pub fn select<T: AsRef<[u8]>>(rrset: &[T]) -> Result<Self, TlsrptRecordError> {
        let counts = candidate_filter(rrset);
        let mut candidates = rrset.iter().map(AsRef::as_ref).filter(|txt| counts(txt));
        match (candidates.next(), candidates.next()) {
            (None, _) => Err(TlsrptRecordError::at(TlsrptRecordErrorKind::NoRecord, 1, 0)),
            (Some(txt), None) => Self::parse(txt),
            (Some(_), Some(_)) => Err(TlsrptRecordError::at(TlsrptRecordErrorKind::SeveralRecords, 1, 0)),
        }
    }

    /// The destinations of reports: 1 to [`MAX_URIS`](Self::MAX_URIS), in the order of the record. All of
    /// them should be tried (RFC 8460, 3).
    pub fn uris(&self) -> &[ReportUri] {
        &self.uris
    }
}

/// Selects which RRs of an `RRset` count as records (RFC 8460, 3).
pub(crate) fn candidate_filter<T: AsRef<[u8]>>(rrset: &[T]) -> impl Fn(&[u8]) -> bool + use<T> {
    field::candidate_filter(VERSION, rrset)
}

/// The fault, and the input from there on.
type Fault<'a> = (TlsrptRecordErrorKind, &'a [u8]);

impl From<FieldFault> for TlsrptRecordErrorKind {
    fn from(fault: FieldFault) -> Self {
        match fault {
            FieldFault::Empty => Self::EmptyField,
            FieldFault::WithoutValue => Self::FieldWithoutValue,
            FieldFault::SpaceAroundEquals => Self::SpaceAroundEquals,
            FieldFault::BadName => Self::BadFieldName,
            FieldFault::BadValue => Self::BadFieldValue,
            FieldFault::TrailingSpace => Self::TrailingSpace,
        }
    }
}

fn in_record((fault, rest): field::Fault<'_>) -> Fault<'_> {
    (fault.into(), rest)
}

/// ```text
/// tlsrpt-record  = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]
/// tlsrpt-version = %s"v=TLSRPTv1"
/// tlsrpt-field   = tlsrpt-rua / tlsrpt-extension
/// tlsrpt-rua     = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
/// ```
fn parse_record(txt: &[u8]) -> Result<TlsrptRecord, Fault<'_>> {
    let mut rest = field::after_version(VERSION, txt).ok_or((TlsrptRecordErrorKind::BadVersion, txt))?;
    let mut uris = Vec::new();
    let mut first_rua = None;
    while !rest.is_empty() {
        let (name, at_value) = field::name(rest).map_err(in_record)?;
        let (value, after_value) =
            if name == b"rua" { uri_list(at_value) } else { field::value(at_value) }.map_err(in_record)?;
        if name == b"rua" {
            first_rua.get_or_insert(at_value);
            add_uris(&mut uris, value);
        }
        rest = field::after_delimiter(after_value).map_err(in_record)?;
    }
    match first_rua {
        None => Err((TlsrptRecordErrorKind::MissingRua, rest)),
        Some(at_value) if uris.is_empty() => Err((TlsrptRecordErrorKind::NoUsableRua, at_value)),
        Some(_) => Ok(TlsrptRecord { uris }),
    }
}

/// Splits off the value of a `rua`, up to the next delimiter. A URI may contain an equals sign, and white
/// space is allowed around commas; each URI is validated later.
fn uri_list(input: &[u8]) -> Result<(&[u8], &[u8]), field::Fault<'_>> {
    let end = input.iter().position(|octet| *octet == b';').unwrap_or(input.len());
    let spaces = input[..end].iter().rev().take_while(|octet| is_white_space(**octet)).count();
    match input.split_at(end - spaces) {
        ([], _) if spaces == 0 => Err((FieldFault::BadValue, input)),
        ([], _) => Err((FieldFault::SpaceAroundEquals, input)),
        ([octet, ..], _) if is_white_space(*octet) => Err((FieldFault::SpaceAroundEquals, input)),
        part => Ok(part),
    }
}

fn add_uris(uris: &mut Vec<ReportUri>, list: &[u8]) {
    for uri in uris_of(list) {
        if uris.len() == TlsrptRecord::MAX_URIS {
            return;
        }
        match ReportUri::read(uri) {
            Ok(uri) if !uris.contains(&uri) => uris.push(uri),
            _ => {}
        }
    }
}

/// The URIs of a `rua`, valid or not, trimmed.
pub(crate) fn uris_of(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|octet| *octet == b',').map(|uri| {
        let uri = &uri[uri.iter().take_while(|octet| is_white_space(**octet)).count()..];
        &uri[..uri.len() - uri.iter().rev().take_while(|octet| is_white_space(**octet)).count()]
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;
    use std::string::{String, ToString};
    use std::vec;

    fn shown(record: Result<TlsrptRecord, TlsrptRecordError>) -> Result<Vec<String>, (&'static str, usize)> {
        record
            .map(|record| record.uris().iter().map(ToString::to_string).collect())
            .map_err(|error| (error.code(), error.offset()))
    }

    // Proves R3, R4, R5, R6, R8, R9, R10, A38.
    #[test]
    fn a_record_is_its_version_and_its_uris() {
        for (txt, uris) in [
            ("v=TLSRPTv1; rua=mailto:a@b", vec!["mailto:a@b"]),
            ("v=TLSRPTv1;rua=mailto:a@b;", vec!["mailto:a@b"]),
            ("v=TLSRPTv1 ;\trua=mailto:a@x \t,\t https://y/z ;", vec!["mailto:a@x", "https://y/z"]),
            ("v=TLSRPTv1; rua=https://y/?a=b&c=d", vec!["https://y/?a=b&c=d"]),
            ("v=TLSRPTv1; x=y; rua=mailto:a@b; rua2=z", vec!["mailto:a@b"]),
            (
                "v=TLSRPTv1; rua=mailto:a@b; rua=https://y, mailto:a@B,mailto:c@d",
                vec!["mailto:a@b", "https://y", "mailto:c@d"],
            ),
            ("v=TLSRPTv1; rua=ftp://x,,mailto:a@b!1m,mailto:a@b", vec!["mailto:a@b"]),
            ("v=TLSRPTv1; rua=http://x; rua=mailto:a@b", vec!["mailto:a@b"]),
        ] {
            assert_eq!(
                shown(TlsrptRecord::parse(txt.as_bytes())),
                Ok(uris.into_iter().map(Into::into).collect()),
                "{txt}"
            );
        }
    }

    // Proves R3, R4, R6, R10.
    #[test]
    fn a_fault_is_told_with_its_place() {
        for (txt, code, offset) in [
            ("", "bad-tlsrpt-version", 0),
            ("v=TLSRPTv1", "bad-tlsrpt-version", 0),
            ("v=tlsrptv1; rua=mailto:a@b", "bad-tlsrpt-version", 0),
            ("v=TLSRPTv12; rua=mailto:a@b", "bad-tlsrpt-version", 0),
            ("v=TLSRPTv1;", "missing-rua", 11),
            ("v=TLSRPTv1; RUA=mailto:a@b", "missing-rua", 26),
            ("v=TLSRPTv1; rua=", "bad-tlsrpt-field-value", 16),
            ("v=TLSRPTv1; rua= ;", "space-around-tlsrpt-equals", 16),
            ("v=TLSRPTv1; rua= mailto:a@b", "space-around-tlsrpt-equals", 16),
            ("v=TLSRPTv1; rua = mailto:a@b", "space-around-tlsrpt-equals", 15),
            ("v=TLSRPTv1; rua=mailto:a@b ", "trailing-tlsrpt-space", 26),
            ("v=TLSRPTv1;; rua=mailto:a@b", "empty-tlsrpt-field", 11),
            ("v=TLSRPTv1; rua=mailto:a@b; x=a=b", "bad-tlsrpt-field-value", 31),
            ("v=TLSRPTv1; rua=mailto:a@b; -x=a", "bad-tlsrpt-field-name", 28),
            ("v=TLSRPTv1; rua=mailto:a@b; x", "tlsrpt-field-without-value", 29),
            ("v=TLSRPTv1; x=y; rua=http://x,ftp://y", "no-usable-rua", 21),
        ] {
            assert_eq!(shown(TlsrptRecord::parse(txt.as_bytes())), Err((code, offset)), "{txt}");
        }
    }

    #[test]
    fn eight_uris_count() {
        let uris: Vec<_> = (0..20).map(|number| format!("mailto:a{number}@b")).collect();
        let txt = format!("v=TLSRPTv1; rua={}", uris.join(","));
        assert_eq!(shown(TlsrptRecord::parse(txt.as_bytes())), Ok(uris[..8].to_vec()));
    }

    // Proves R7.
    #[test]
    fn exactly_one_record_counts() {
        let select = |rrset: &[&str]| shown(TlsrptRecord::select(rrset)).map_err(|(code, _)| code);
        let (a, b) = ("v=TLSRPTv1; rua=mailto:a@b", "v=TLSRPTv1; rua=mailto:c@d");
        assert_eq!(select(&["v=spf1 -all", a]), Ok(vec!["mailto:a@b".into()]));
        assert_eq!(select(&["v=TLSRPTv2; rua=mailto:c@d", a]), Ok(vec!["mailto:a@b".into()]));
        assert_eq!(select(&["v=TLSRPTv1 ; rua=mailto:c@d", a]), Ok(vec!["mailto:a@b".into()]));
        assert_eq!(select(&["v=TLSRPTv1 ; rua=mailto:c@d"]), Ok(vec!["mailto:c@d".into()]));
        assert_eq!(select(&[a, b]), Err("several-tlsrpt-records"));
        assert_eq!(select(&[a, a]), Err("several-tlsrpt-records"));
        assert_eq!(select(&["v=TLSRPTv1;", a]), Err("several-tlsrpt-records"));
        assert_eq!(select(&[]), Err("no-tlsrpt-record"));
        assert_eq!(select(&["v=STSv1; id=1"]), Err("no-tlsrpt-record"));
    }
}
