//! The TXT record at `_mta-sts`, which announces a policy and its current id (RFC 8461, 3.1).

use core::fmt;
use core::str::FromStr;

use crate::error::{RecordError, RecordErrorKind};
use crate::field::{self, FieldFault, is_alphanumeric};

const VERSION: &str = "v=STSv1";

/// An MTA-STS record: it says that the domain has a policy, and its `id` changes with every new policy.
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
/// Other fields are ignored after a syntax check; if there are several `id` fields, the first counts (RFC
/// 8461, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    id: RecordId,
}

impl Record {
    /// Parses one TXT RR, its character-strings concatenated without separators.
    ///
    /// It takes time linear in the length, and does not allocate.
    ///
    /// # Errors
    ///
    /// Returns where and how the record departs from the grammar of RFC 8461, 3.1. A sender treats such a
    /// record as absent.
    // Meets S6, S7, S8, S9, S12, S13, S14, S15, S16, S17, S23, S104, A1, A2, A3, A4, A13, A14.
    // Inlined, so that the id is copied once, to where the caller wants it.
    #[inline]
    pub fn parse(txt: &[u8]) -> Result<Self, RecordError> {
        find_id(txt).map(|id| Self { id: RecordId::of_valid(id) })
    }

    /// Selects the record from an `RRset`: each item is one TXT RR, its character-strings concatenated.
    ///
    /// # Errors
    ///
    /// `no-record` if no RR begins as a record, `several-records` if two do, even identical ones;
    /// otherwise the same as [`Record::parse`]. All of them mean: act as if there were no policy (RFC
    /// 8461, 3.1).
    // Meets S18, A1.
    pub fn select<T: AsRef<[u8]>>(rrset: &[T]) -> Result<Self, RecordError> {
        let counts = candidate_filter(rrset);
        let mut candidates = rrset.iter().map(AsRef::as_ref).filter(|txt| counts(txt));
        match (candidates.next(), candidates.next()) {
            (None, _) => Err(RecordError::at(RecordErrorKind::NoRecord, 1, 0)),
            (Some(txt), None) => Self::parse(txt),
            (Some(_), Some(_)) => Err(RecordError::at(RecordErrorKind::SeveralRecords, 1, 0)),
        }
    }

    /// The `id` of the currently published policy.
    pub const fn id(&self) -> &RecordId {
        &self.id
    }
}

/// Selects which TXT RRs of an `RRset` count as records: those that begin with `v=STSv1;` (RFC 8461, 3.1)
/// or, if none does, those with the white space before the semicolon that the grammar allows.
pub(crate) fn candidate_filter<T: AsRef<[u8]>>(rrset: &[T]) -> impl Fn(&[u8]) -> bool + use<T> {
    field::candidate_filter(VERSION, rrset)
}

/// The `id` of a record: 1 to 32 letters and digits.
///
/// Ids have no order: two ids are either identical, byte for byte, or different (RFC 8461, 3.1).
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
    // The octets after `len` are zero, so that the derived comparison sees only the id.
    octets: [u8; RecordId::MAX_LEN],
}

impl RecordId {
    /// The maximum length of an id, in octets.
    pub const MAX_LEN: usize = 32;

    /// Parses an id on its own, as in a saved entry or in a user's request.
    ///
    /// # Errors
    ///
    /// `bad-id`.
    pub fn parse(id: &[u8]) -> Result<Self, RecordError> {
        let bad = |offset| RecordError::at(RecordErrorKind::BadId, 1, offset);
        if let Some(offset) = id.iter().position(|octet| !is_alphanumeric(*octet)) {
            return Err(bad(offset));
        }
        if id.is_empty() || id.len() > Self::MAX_LEN {
            return Err(bad(id.len().min(Self::MAX_LEN)));
        }
        Ok(Self::of_valid(id))
    }

    /// Makes an id from octets that were validated before.
    #[inline]
    pub(crate) fn of_valid(id: &[u8]) -> Self {
        let mut octets = [0; Self::MAX_LEN];
        octets[..id.len()].copy_from_slice(id);
        // At most 32.
        #[allow(clippy::cast_possible_truncation)]
        let len = id.len() as u8;
        Self { len, octets }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Only letters and digits are ever stored.
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

/// The fault, and the input from there on.
type Fault<'a> = (RecordErrorKind, &'a [u8]);

impl From<FieldFault> for RecordErrorKind {
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

/// The id of a record, validated with all of the record.
fn find_id(txt: &[u8]) -> Result<&[u8], RecordError> {
    read_fields(txt).map_err(|(kind, rest)| RecordError::at(kind, 1, txt.len() - rest.len()))
}

/// ```text
/// sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]
/// sts-version     = %s"v=STSv1"
/// sts-field       = sts-id / sts-extension
/// sts-id          = %s"id=" 1*32(ALPHA / DIGIT)
/// ```
fn read_fields(txt: &[u8]) -> Result<&[u8], Fault<'_>> {
    let mut rest = field::after_version(VERSION, txt).ok_or((RecordErrorKind::BadVersion, txt))?;
    let mut id = None;
    while !rest.is_empty() {
        // The first id counts, and later ones are ignored, valid or not (RFC 8461, 3.2).
        let after_value = if let Some(at_id) = rest.strip_prefix(b"id=").filter(|_| id.is_none()) {
            let (value, after_value) = split_id(at_id)?;
            id = Some(value);
            after_value
        } else {
            let (_, at_value) = field::name(rest).map_err(in_record)?;
            field::value(at_value).map_err(in_record)?.1
        };
        rest = field::after_delimiter(after_value).map_err(in_record)?;
    }
    id.ok_or((RecordErrorKind::MissingId, rest))
}

/// Splits off the id at the start of the input.
#[inline]
fn split_id(input: &[u8]) -> Result<(&[u8], &[u8]), Fault<'_>> {
    let (id, after_id) = field::alphanumeric(input);
    let is_all_of_value = field::value(after_id).is_err();
    if (1..=RecordId::MAX_LEN).contains(&id.len()) && is_all_of_value {
        return Ok((id, after_id));
    }
    let (value, _) = field::value(input).map_err(in_record)?;
    let offset = if id.len() < value.len() { id.len() } else { RecordId::MAX_LEN };
    Err((RecordErrorKind::BadId, &input[offset..]))
}

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
        assert_eq!(code(&["v=STSv1 ; id=1", "v=STSv1; id=2"]).unwrap().id().as_str(), "2");
        assert_eq!(code(&["v=STSv1; id=2", "v=STSv1\t; id=1"]).unwrap().id().as_str(), "2");
        assert_eq!(code(&["v=STSv1 ; id=1", "v=spf1 -all"]).unwrap().id().as_str(), "1");
        assert_eq!(code(&["v=STSv1 ; id=1", "v=STSv1\t; id=1"]), Err("several-records"));
        assert_eq!(code(&["v=STSv1;", "v=STSv1; id=1"]), Err("several-records"));
    }
}
