//! The fields of a TXT record: a version, then names with values (RFC 8461, 3.1; RFC 8460, 3).
//!
//! ```text
//! record      = version 1*(field-delim field) [field-delim]
//! field-delim = *WSP ";" *WSP
//! field       = name "=" value
//! name        = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")
//! value       = 1*(%x21-3A / %x3C / %x3E-7E)
//! ```
//!
//! The records of both RFCs follow this grammar, except for `rua` in RFC 8460, whose value is a list of URIs.

use nom::IResult;
use nom::Parser;
use nom::bytes::complete::take_while;
use nom::character::complete::char;
use nom::sequence::delimited;

/// A way in which a record departs from the grammar.
#[derive(Clone, Copy)]
pub(crate) enum FieldFault {
    Empty,
    WithoutValue,
    SpaceAroundEquals,
    BadName,
    BadValue,
    TrailingSpace,
}

/// The fault, and the input from there on.
pub(crate) type Fault<'a> = (FieldFault, &'a [u8]);

/// A part of the input, and the input after it.
type Part<'a> = (&'a [u8], &'a [u8]);

/// The fields of a record, if it begins with this version and a delimiter.
#[inline]
pub(crate) fn after_version<'a>(version: &str, txt: &'a [u8]) -> Option<&'a [u8]> {
    field_delimiter(txt.strip_prefix(version.as_bytes())?).ok().map(|(fields, _)| fields)
}

/// Selects which RRs of an `RRset` count as records of this version.
///
/// The text of both RFCs requires a semicolon right after the version. White space between the two, which the
/// grammar allows, is accepted only if no RR begins as the text requires.
pub(crate) fn candidate_filter<'a, T: AsRef<[u8]>>(
    version: &'a str,
    rrset: &[T],
) -> impl Fn(&[u8]) -> bool + use<'a, T> {
    let begins =
        move |txt: &[u8]| txt.strip_prefix(version.as_bytes()).is_some_and(|rest| rest.starts_with(b";"));
    let is_strict = rrset.iter().any(|txt| begins(txt.as_ref()));
    move |txt| if is_strict { begins(txt) } else { after_version(version, txt).is_some() }
}

/// Splits off the field name at the start of the input, and its equals sign.
#[inline]
pub(crate) fn name(input: &[u8]) -> Result<Part<'_>, Fault<'_>> {
    name_before(b'=', input).ok_or_else(|| not_a_name(input))
}

/// Splits off a field name and the octet that has to follow it. A valid name, in records and in policies, has 1 to 32
/// octets, the first a letter or a digit.
#[inline]
pub(crate) fn name_before(delimiter: u8, input: &[u8]) -> Option<Part<'_>> {
    let (name, after_name) = span(is_name_octet, input);
    match after_name {
        [octet, rest @ ..] if *octet == delimiter && begins_as_name(name) => Some((name, rest)),
        _ => None,
    }
}

/// Returns whether this is a valid field name.
pub(crate) fn is_name(name: &[u8]) -> bool {
    begins_as_name(name) && name.iter().all(|octet| is_name_octet(*octet))
}

/// Returns whether this is a valid field name if all of its octets may be in one.
#[inline]
fn begins_as_name(name: &[u8]) -> bool {
    name.len() <= 32 && name.first().is_some_and(|octet| is_alphanumeric(*octet))
}

/// The octets without white space at the start.
#[inline]
pub(crate) fn trim_start(octets: &[u8]) -> &[u8] {
    let start = octets.iter().position(|octet| !is_white_space(*octet));
    &octets[start.unwrap_or(octets.len())..]
}

/// The octets without white space at the end.
#[inline]
pub(crate) fn trim_end(octets: &[u8]) -> &[u8] {
    let last = octets.iter().rposition(|octet| !is_white_space(*octet));
    &octets[..last.map_or(0, |last| last + 1)]
}

/// Splits off the value that follows an equals sign.
#[inline]
pub(crate) fn value(input: &[u8]) -> Result<Part<'_>, Fault<'_>> {
    match span(is_value_octet, input) {
        ([], [octet, ..]) if is_white_space(*octet) => Err((FieldFault::SpaceAroundEquals, input)),
        ([], _) => Err((FieldFault::BadValue, input)),
        part => Ok(part),
    }
}

/// Splits off the longest prefix of letters and digits.
#[inline]
pub(crate) fn alphanumeric(input: &[u8]) -> Part<'_> {
    span(is_alphanumeric, input)
}

/// The input after the delimiter of a field; empty at the end of the record.
#[inline]
pub(crate) fn after_delimiter(input: &[u8]) -> Result<&[u8], Fault<'_>> {
    if input.is_empty() {
        return Ok(input);
    }
    field_delimiter(input).map(|(rest, _)| rest).map_err(|_| not_a_delimiter(input))
}

#[inline]
fn field_delimiter(input: &[u8]) -> IResult<&[u8], char> {
    delimited(white_space, char(';'), white_space).parse(input)
}

fn not_a_delimiter(input: &[u8]) -> Fault<'_> {
    let only_white_space = input.iter().all(|octet| is_white_space(*octet));
    (if only_white_space { FieldFault::TrailingSpace } else { FieldFault::BadValue }, input)
}

#[cold]
fn not_a_name(input: &[u8]) -> Fault<'_> {
    let (name, after_name) = span(is_name_octet, input);
    if after_name.starts_with(b"=") {
        return (FieldFault::BadName, input);
    }
    (not_an_equals_sign(name, after_name), after_name)
}

fn not_an_equals_sign(name: &[u8], after_name: &[u8]) -> FieldFault {
    match after_name.iter().find(|octet| !is_white_space(**octet)) {
        Some(b';') if name.is_empty() => FieldFault::Empty,
        Some(b'=') => FieldFault::SpaceAroundEquals,
        Some(b';') | None => FieldFault::WithoutValue,
        Some(_) if after_name.first().is_some_and(|octet| is_white_space(*octet)) => FieldFault::WithoutValue,
        Some(_) => FieldFault::BadName,
    }
}

/// Splits off the longest prefix of accepted octets.
#[inline]
fn span(accepts: impl Fn(u8) -> bool, input: &[u8]) -> Part<'_> {
    input.split_at(input.iter().position(|octet| !accepts(*octet)).unwrap_or(input.len()))
}

fn white_space(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while(is_white_space).parse(input)
}

/// Returns whether the octet is WSP of RFC 5234.
pub(crate) const fn is_white_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

const fn is_name_octet(octet: u8) -> bool {
    is_of(FIELD_NAME, octet)
}

const fn is_value_octet(octet: u8) -> bool {
    is_of(FIELD_VALUE, octet)
}

/// Returns whether the octet is a letter or a digit.
pub(crate) const fn is_alphanumeric(octet: u8) -> bool {
    is_of(ALPHANUMERIC, octet)
}

const fn is_of(class: u8, octet: u8) -> bool {
    CLASSES[octet as usize] & class != 0
}

const ALPHANUMERIC: u8 = 1;
const FIELD_NAME: u8 = 2;
const FIELD_VALUE: u8 = 4;

/// The contexts in which each octet is allowed: one table lookup instead of up to six comparisons.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        // All 256 values fit.
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
