//! The TXT record under `_mta-sts`: that a policy exists, and which one (RFC 8461, 3.1).

use core::fmt;
use core::str::FromStr;

use nom::IResult;
use nom::Parser;
use nom::bytes::complete::{tag, take_while};
use nom::character::complete::char;
use nom::sequence::delimited;

use crate::error::{RecordError, RecordErrorKind};

/// An MTA-STS record: the domain has a policy, and the `id` tells one policy from the next.
///
/// ```
/// use mta_sts_core::Record;
///
/// let record = Record::parse(b"v=STSv1; id=20160831085700Z;")?;
/// assert_eq!(record.id().as_str(), "20160831085700Z");
///
/// // The RRset of a name: what is no MTA-STS record does not count.
/// let rrset = ["v=spf1 -all", "v=STSv1; id=2"];
/// assert_eq!(Record::select(&rrset)?.id().as_str(), "2");
/// # Ok::<(), mta_sts_core::RecordError>(())
/// ```
///
/// Other fields of the record are checked for their syntax and ignored; of several `id` the first
/// counts (RFC 8461, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    id: RecordId,
}

impl Record {
    /// Reads one TXT RR, its character-strings joined with nothing between.
    ///
    /// It takes time linear in the length, and no memory.
    ///
    /// # Errors
    ///
    /// Where and of which kind it departs from the grammar of RFC 8461, 3.1. To the sender such a
    /// record is none.
    // Meets S6, S7, S8, S9, S12, S13, S14, S15, S16, S17, S23, S104, A1, A2, A3, A4, A13, A14.
    pub fn parse(txt: &[u8]) -> Result<Self, RecordError> {
        parse_record(txt).map_err(|(kind, rest)| RecordError::at(kind, 1, txt.len() - rest.len()))
    }

    /// Picks the record out of an `RRset`: each item is one TXT RR, its character-strings joined.
    ///
    /// # Errors
    ///
    /// `no-record` when no RR begins as a record, `several-records` when two do, even if they are
    /// the same; else as [`Record::parse`]. All of them mean: act as if there were no policy
    /// (RFC 8461, 3.1).
    // Meets S18, A1.
    pub fn select<T: AsRef<[u8]>>(rrset: &[T]) -> Result<Self, RecordError> {
        let mut candidates = rrset.iter().map(AsRef::as_ref).filter(|txt| is_candidate(txt));
        match (candidates.next(), candidates.next()) {
            (None, _) => Err(RecordError::at(RecordErrorKind::NoRecord, 1, 0)),
            (Some(txt), None) => Self::parse(txt),
            (Some(_), Some(_)) => Err(RecordError::at(RecordErrorKind::SeveralRecords, 1, 0)),
        }
    }

    /// The `id` of the policy that is published now.
    pub const fn id(&self) -> &RecordId {
        &self.id
    }
}

/// Whether a TXT RR counts when the records of an `RRset` are counted (RFC 8461, 3.1).
///
/// The text asks for `v=STSv1;`, the grammar lets white space stand before the semicolon: both
/// count, else one such record beside a proper one would pass as a single record.
pub(crate) fn is_candidate(txt: &[u8]) -> bool {
    (version, field_delimiter).parse(txt).is_ok()
}

/// The `id` of a record: 1 to 32 letters and digits.
///
/// Ids have no order; two are either the same, byte for byte, or not (RFC 8461, 3.1).
///
/// ```
/// use mta_sts_core::RecordId;
///
/// let id: RecordId = "20160831085700Z".parse()?;
/// assert_eq!(id.to_string(), "20160831085700Z");
/// assert!("2016-08-31".parse::<RecordId>().is_err());
/// # Ok::<(), mta_sts_core::RecordError>(())
/// ```
// Meets S11.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordId {
    len: u8,
    // Zero after `len`, so that the derived comparison sees the id alone.
    octets: [u8; RecordId::MAX_LEN],
}

impl RecordId {
    /// The longest id, in octets.
    pub const MAX_LEN: usize = 32;

    /// Reads an id alone, as it stands in a saved entry or in a request of a user.
    ///
    /// # Errors
    ///
    /// `bad-id`.
    pub fn parse(id: &[u8]) -> Result<Self, RecordError> {
        let bad = |offset| RecordError::at(RecordErrorKind::BadId, 1, offset);
        if let Some(offset) = id.iter().position(|octet| !is_of(ALPHANUMERIC, *octet)) {
            return Err(bad(offset));
        }
        if id.is_empty() || id.len() > Self::MAX_LEN {
            return Err(bad(id.len().min(Self::MAX_LEN)));
        }
        let mut octets = [0; Self::MAX_LEN];
        octets[..id.len()].copy_from_slice(id);
        // At most 32.
        #[allow(clippy::cast_possible_truncation)]
        let len = id.len() as u8;
        Ok(Self { len, octets })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Only letters and digits were written.
        core::str::from_utf8(&self.octets[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RecordId({})", self.as_str())
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for RecordId {
    type Err = RecordError;

    fn from_str(id: &str) -> Result<Self, RecordError> {
        Self::parse(id.as_bytes())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for RecordId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for RecordId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = alloc::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What is wrong, and the input from there on.
type Fault<'a> = (RecordErrorKind, &'a [u8]);

type NameAndValue<'a> = (&'a [u8], &'a [u8]);

/// ```text
/// sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]
/// ```
fn parse_record(txt: &[u8]) -> Result<Record, Fault<'_>> {
    let (mut rest, _) =
        (version, field_delimiter).parse(txt).map_err(|_| (RecordErrorKind::BadVersion, txt))?;
    let mut id = None;
    while !rest.is_empty() {
        let (after_field, (name, value)) = field(rest)?;
        // The first id counts, and later ones are ignored, good or bad (RFC 8461, 3.2).
        if name == b"id" && id.is_none() {
            let at_value = &rest[name.len() + 1..];
            id = Some(RecordId::parse(value).map_err(|error| (error.kind(), &at_value[error.offset()..]))?);
        }
        if after_field.is_empty() {
            rest = after_field;
        } else {
            (rest, _) = field_delimiter(after_field).map_err(|_| not_a_delimiter(after_field))?;
        }
    }
    id.map(|id| Record { id }).ok_or((RecordErrorKind::MissingId, rest))
}

/// ```text
/// sts-version = %s"v=STSv1"
/// ```
fn version(input: &[u8]) -> IResult<&[u8], &[u8]> {
    tag("v=STSv1").parse(input)
}

/// ```text
/// sts-field-delim = *WSP ";" *WSP
/// ```
#[inline]
fn field_delimiter(input: &[u8]) -> IResult<&[u8], char> {
    delimited(white_space, char(';'), white_space).parse(input)
}

fn not_a_delimiter(input: &[u8]) -> Fault<'_> {
    let only_white_space = input.iter().all(|octet| is_white_space(*octet));
    (if only_white_space { RecordErrorKind::TrailingSpace } else { RecordErrorKind::BadFieldValue }, input)
}

/// ```text
/// sts-field     = sts-id / sts-extension
/// sts-id        = %s"id=" 1*32(ALPHA / DIGIT)
/// sts-extension = sts-ext-name "=" sts-ext-value
/// sts-ext-name  = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")
/// sts-ext-value = 1*(%x21-3A / %x3C / %x3E-7E)
/// ```
fn field(input: &[u8]) -> Result<(&[u8], NameAndValue<'_>), Fault<'_>> {
    let (after_name, name) = span(is_field_name_octet, input);
    let Some(at_value) = after_name.strip_prefix(b"=") else {
        return Err((not_an_equals_sign(name, after_name), after_name));
    };
    if !is_field_name(name) {
        return Err((RecordErrorKind::BadFieldName, input));
    }
    match span(is_field_value_octet, at_value) {
        ([octet, ..], []) if is_white_space(*octet) => Err((RecordErrorKind::SpaceAroundEquals, at_value)),
        (_, []) => Err((RecordErrorKind::BadFieldValue, at_value)),
        (after_value, value) => Ok((after_value, (name, value))),
    }
}

fn not_an_equals_sign(name: &[u8], after_name: &[u8]) -> RecordErrorKind {
    match after_name.iter().find(|octet| !is_white_space(**octet)) {
        Some(b';') if name.is_empty() => RecordErrorKind::EmptyField,
        Some(b'=') => RecordErrorKind::SpaceAroundEquals,
        Some(b';') | None => RecordErrorKind::FieldWithoutValue,
        Some(_) if after_name.first().is_some_and(|octet| is_white_space(*octet)) => {
            RecordErrorKind::FieldWithoutValue
        }
        Some(_) => RecordErrorKind::BadFieldName,
    }
}

/// The input after the octets that are accepted, and those octets.
#[inline]
fn span(accepts: impl Fn(u8) -> bool, input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|octet| !accepts(*octet)).unwrap_or(input.len());
    (&input[end..], &input[..end])
}

fn white_space(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while(is_white_space).parse(input)
}

/// WSP of RFC 5234.
pub(crate) const fn is_white_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// A field name, in records and in policies: 1 to 32 octets, the first a letter or a digit.
#[inline]
pub(crate) fn is_field_name(name: &[u8]) -> bool {
    name.len() <= 32
        && name.first().is_some_and(u8::is_ascii_alphanumeric)
        && name.iter().all(|octet| is_field_name_octet(*octet))
}

const fn is_field_name_octet(octet: u8) -> bool {
    is_of(FIELD_NAME, octet)
}

const fn is_field_value_octet(octet: u8) -> bool {
    is_of(FIELD_VALUE, octet)
}

const fn is_of(class: u8, octet: u8) -> bool {
    CLASSES[octet as usize] & class != 0
}

const ALPHANUMERIC: u8 = 1;
const FIELD_NAME: u8 = 2;
const FIELD_VALUE: u8 = 4;

/// Where an octet may stand: one look in place of up to six comparisons.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        // All 256 fit.
        #[allow(clippy::cast_possible_truncation)]
        let character = octet as u8;
        if character.is_ascii_alphanumeric() {
            classes[octet] |= ALPHANUMERIC;
        }
        if character.is_ascii_alphanumeric() || matches!(character, b'_' | b'-' | b'.') {
            classes[octet] |= FIELD_NAME;
        }
        if matches!(character, 0x21..=0x3A | 0x3C | 0x3E..=0x7E) {
            classes[octet] |= FIELD_VALUE;
        }
        octet += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::{String, ToString};

    fn parse(txt: &str) -> Result<String, (&'static str, usize)> {
        Record::parse(txt.as_bytes())
            .map(|record| record.id().to_string())
            .map_err(|error| (error.code(), error.offset()))
    }

    #[test]
    fn a_record_is_its_version_and_its_id() {
        for txt in [
            "v=STSv1; id=abc",
            "v=STSv1;id=abc",
            "v=STSv1; id=abc;",
            "v=STSv1; id=abc; ",
            "v=STSv1 ;\tid=abc ;",
            "v=STSv1; foo=bar; id=abc",
            "v=STSv1; id=abc; x-y_z.9=%21",
            "v=STSv1; id=abc; v=STSv2",
            "v=STSv1; id=abc; id=not-an-id",
        ] {
            assert_eq!(parse(txt).as_deref(), Ok("abc"), "{txt}");
        }
    }

    #[test]
    fn a_fault_is_told_with_its_place() {
        for (txt, code, offset) in [
            ("", "bad-version", 0),
            ("v=STSv1", "bad-version", 0),
            ("v=STSv10; id=1", "bad-version", 0),
            (" v=STSv1; id=1", "bad-version", 0),
            ("V=STSv1; id=1", "bad-version", 0),
            ("v=STSv1 id=abc", "bad-version", 0),
            ("v=STSv1;", "missing-id", 8),
            ("v=STSv1; foo=bar", "missing-id", 16),
            ("v=STSv1;; id=1", "empty-field", 8),
            ("v=STSv1; id=1;;", "empty-field", 14),
            ("v=STSv1; id=1; ;", "empty-field", 15),
            ("v=STSv1; id=", "bad-field-value", 12),
            ("v=STSv1; id=;", "bad-field-value", 12),
            ("v=STSv1; id=a-b", "bad-id", 13),
            ("v=STSv1; id=a-b; id=ab", "bad-id", 13),
            ("v=STSv1; id=123456789012345678901234567890123", "bad-id", 44),
            ("v=STSv1; id = 1", "space-around-equals", 11),
            ("v=STSv1; id= 1", "space-around-equals", 12),
            ("v=STSv1; id=1 ", "trailing-space", 13),
            ("v=STSv1; id=1 junk", "bad-field-value", 13),
            ("v=STSv1; id=1;junk", "field-without-value", 18),
            ("v=STSv1; id=1; a=b=c", "bad-field-value", 18),
            ("v=STSv1; id=1; -a=b", "bad-field-name", 15),
            ("v=STSv1; id=1; \u{e9}=b", "bad-field-name", 15),
            ("v=STSv1; id=\u{e9}", "bad-field-value", 12),
            ("v=STSv1; id=1\0", "bad-field-value", 13),
        ] {
            assert_eq!(parse(txt), Err((code, offset)), "{txt}");
        }
    }

    #[test]
    fn exactly_one_record_counts() {
        let code = |rrset: &[&str]| Record::select(rrset).map_err(|error| error.code());
        assert_eq!(code(&["v=spf1 -all", "v=STSv1; id=1"]).unwrap().id().as_str(), "1");
        assert_eq!(code(&["v=STSv10; id=2", "v=STSv1; id=1"]).unwrap().id().as_str(), "1");
        assert_eq!(code(&[]), Err("no-record"));
        assert_eq!(code(&["v=spf1 -all"]), Err("no-record"));
        assert_eq!(code(&["v=STSv1; id=1", "v=STSv1; id=1"]), Err("several-records"));
        assert_eq!(code(&["v=STSv1 ; id=1", "v=STSv1; id=1"]), Err("several-records"));
        assert_eq!(code(&["v=STSv1;", "v=STSv1; id=1"]), Err("several-records"));
    }
}
