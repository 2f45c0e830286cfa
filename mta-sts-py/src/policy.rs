use std::hash::{BuildHasher, BuildHasherDefault};

use mta_sts_core::{self as core, FetchLimits, HttpResponse, MissingContentType, Strictness};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::convert::{LARGE, Octets, Text, http_status, size};
use crate::error::IntoException;
use crate::name::{DnsName, dns_name};
use crate::sequence::{self, subscript};
use crate::text::{self, Comparand, is_text};
use crate::value::word;

/// A policy: what a domain asks of those that send mail to it (RFC 8461, 3.2).
///
/// >>> from mta_sts import Policy
/// >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n")
/// >>> str(policy.mode), policy.max_age, [str(pattern) for pattern in policy.mx]
/// ('enforce', 604800, ['*.example.com'])
/// >>> policy.matches_mx("MX1.example.com.")
/// True
///
/// Policies are equal if their texts are. `str()` returns the policy in its canonical form; `text` as received.
#[pyclass(frozen, module = "mta_sts")]
#[derive(Clone)]
pub(crate) struct Policy(pub(crate) core::Policy);

#[pymethods]
impl Policy {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("mode", "max_age", "mx")
    }

    /// Parses the body of a policy (RFC 8461, 3.2).
    ///
    /// Four departures from the grammar that are seen in practice are tolerated: blank lines, a byte order mark at the
    /// start, a trailing dot of an `mx`, underscores in an `mx`. With `strict` they are errors.
    ///
    /// Raises MtaStsError with the position in `.line` and `.offset`.
    #[staticmethod]
    #[pyo3(signature = (body, /, *, strict = false))]
    fn parse(py: Python<'_>, body: Octets<'_>, strict: bool) -> PyResult<Self> {
        let body = body.as_ref();
        let parse = || core::Policy::parse_with(body, strictness(strict));
        let parsed = if body.len() > LARGE { py.detach(parse) } else { parse() };
        parsed.map(Self).map_err(|error| error.into_exception(py))
    }

    /// Parses the policy in the response of the Policy Host, after its certificate was verified (RFC 8461, 3.3).
    ///
    /// `max_body_len`: the maximum length of the body, in octets. `strict`: as for `parse`.
    /// `accept_missing_content_type`: treat a response without the field as `text/plain`.
    ///
    /// Raises MtaStsError, whose `.result_type` is what TLSRPT counts: the status is not 200, the media type is not
    /// `text/plain`, the body is too long or not a policy.
    #[staticmethod]
    #[pyo3(signature = (*, status, content_type, body, max_body_len = 65_536, strict = false, accept_missing_content_type = false))]
    fn from_response(
        py: Python<'_>,
        #[pyo3(from_py_with = http_status)] status: u16,
        content_type: Option<Octets<'_>>,
        body: Octets<'_>,
        #[pyo3(from_py_with = size)] max_body_len: usize,
        strict: bool,
        accept_missing_content_type: bool,
    ) -> PyResult<Self> {
        let limits = fetch_limits(max_body_len, strict, accept_missing_content_type);
        let response = http_response(status, content_type, body);
        let parse = || core::Policy::from_response(&response, &limits);
        let parsed = if response.body().len() > LARGE { py.detach(parse) } else { parse() };
        parsed.map(Self).map_err(|error| error.into_exception(py))
    }

    /// The mode, a `Mode` (RFC 8461, 5).
    #[getter]
    fn mode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        word(py, "Mode", self.0.mode().as_str())
    }

    /// The time for which the policy is in force after its fetch, in seconds: at most a year, 31,557,600.
    #[getter]
    fn max_age(&self) -> u64 {
        self.0.max_age().as_secs()
    }

    /// The patterns of the MX hosts in order, with duplicates. In mode none there may be none.
    #[getter]
    fn mx(&self) -> MxPatterns {
        MxPatterns(self.0.clone())
    }

    /// The text as received.
    #[getter]
    fn text(&self) -> &str {
        self.0.text()
    }

    /// The lines as received, without blank ones: the `policy-string` of TLSRPT (RFC 8460, 4.4).
    #[getter]
    fn lines<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let lines: Vec<_> = self.0.lines().collect();
        PyList::new(py, lines)
    }

    /// Returns whether a pattern covers this MX host, given as in its MX record (RFC 8461, 4.1).
    ///
    /// A text that is not a host name is never covered. In modes testing and none a host that is not covered gets the
    /// mail all the same: `Delivery` applies the modes.
    #[pyo3(signature = (host, /))]
    fn matches_mx(&self, host: &Bound<'_, PyAny>) -> PyResult<bool> {
        if let Ok(text) = host.cast::<PyString>() {
            return Ok(text.to_str().is_ok_and(|text| self.0.matches_mx(text)));
        }
        let host: PyRef<'_, DnsName> = host.extract().map_err(PyErr::from)?;
        Ok(self.0.matching_pattern(&host.0).is_some())
    }

    /// The first pattern that covers this MX host, or `None`.
    ///
    /// Raises MtaStsError if it is not a host name.
    #[pyo3(signature = (host, /))]
    fn matching_pattern(&self, host: &Bound<'_, PyAny>) -> PyResult<Option<MxPattern>> {
        let host = dns_name(host)?;
        Ok(self.0.matching_pattern(&host).map(|pattern| MxPattern(pattern.into_owned())))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        PyString::new(py, self.0.text()).hash()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        let mut patterns = self.0.mx_patterns();
        let shown: Vec<_> = patterns.by_ref().take(3).map(|pattern| pattern.to_string()).collect();
        let more = if patterns.is_empty() { String::new() } else { format!(" and {} more", patterns.len()) };
        let seconds = self.0.max_age().as_secs();
        format!("<Policy mode={} max_age={seconds} mx=[{}{more}]>", self.0.mode(), shown.join(", "))
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (String,))> {
        Ok((slf.get_type().getattr("parse")?.unbind(), (slf.get().0.text().to_owned(),)))
    }
}

/// The limits for a response; the time limit is that of the fetcher.
pub(crate) fn fetch_limits(
    max_body_len: usize,
    strict: bool,
    accept_missing_content_type: bool,
) -> FetchLimits {
    let mut limits = FetchLimits::new().with_max_body_len(max_body_len).with_strictness(strictness(strict));
    if accept_missing_content_type {
        limits = limits.with_missing_content_type(MissingContentType::Accept);
    }
    limits
}

pub(crate) fn http_response<'a>(
    status: u16,
    content_type: Option<Octets<'a>>,
    body: Octets<'a>,
) -> HttpResponse<'a> {
    let response = HttpResponse::new(status, body.into_cow());
    match content_type {
        Some(content_type) => response.with_content_type(content_type.into_cow()),
        None => response,
    }
}

pub(crate) const fn strictness(strict: bool) -> Strictness {
    if strict { Strictness::Abnf } else { Strictness::Tolerant }
}

/// An `mx` pattern: a host, or a wildcard that covers exactly one more label (RFC 8461, 4.1).
///
/// >>> from mta_sts import MxPattern
/// >>> MxPattern.parse("*.example.com").matches("mx1.example.com")
/// True
///
/// It equals another pattern, and its text in lower case with no trailing dot, with the same hash.
#[pyclass(frozen, module = "mta_sts")]
pub(crate) struct MxPattern(pub(crate) core::MxPattern<'static>);

#[pymethods]
impl MxPattern {
    /// Parses a pattern in any case, with only A-labels and at most one trailing dot.
    ///
    /// Raises MtaStsError, whose `.offset` is the octet at fault, for a text that can never match a host.
    #[staticmethod]
    #[pyo3(signature = (pattern, /))]
    fn parse(py: Python<'_>, pattern: Text<'_>) -> PyResult<Self> {
        core::MxPattern::parse(pattern.as_ref()).map(Self).map_err(|error| error.into_exception(py))
    }

    /// Returns whether the pattern covers this MX host.
    ///
    /// Raises MtaStsError if it is not a host name.
    #[pyo3(signature = (host, /))]
    fn matches(&self, host: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.0.matches(&dns_name(host)?))
    }

    /// Whether the pattern begins with `*.`, and so covers each name with one label in place of the star.
    #[getter]
    fn is_wildcard(&self) -> bool {
        self.0.is_wildcard()
    }

    fn __eq__(&self, other: Comparand<'_, '_, Self>) -> bool {
        match other {
            Comparand::Value(other) => self.0 == other.get().0,
            Comparand::Text(text) => is_text(text, &self.__str__()),
        }
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        text::hash(py, &self.__str__())
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("MxPattern.parse({:?})", self.0.to_string())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (String,))> {
        Ok((slf.get_type().getattr("parse")?.unbind(), (slf.get().__str__(),)))
    }
}

/// A pattern given as a `MxPattern`, or as its text.
pub(crate) fn mx_pattern(pattern: &Bound<'_, PyAny>) -> PyResult<core::MxPattern<'static>> {
    if let Ok(pattern) = pattern.cast::<MxPattern>() {
        return Ok(pattern.get().0.clone());
    }
    let text: Text<'_> = pattern.extract()?;
    core::MxPattern::parse(text.as_ref()).map_err(|error| error.into_exception(pattern.py()))
}

/// The patterns of a policy: a sequence that creates each one on access.
///
/// >>> from mta_sts import Policy
/// >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: *.Example.com\nmax_age: 604800\n")
/// >>> "*.example.com" in policy.mx, "mx.example.com" in policy.mx, policy.matches_mx("mx.example.com")
/// (True, False, True)
#[pyclass(frozen, sequence, module = "mta_sts")]
pub(crate) struct MxPatterns(core::Policy);

#[pymethods]
impl MxPatterns {
    fn __len__(&self) -> usize {
        self.0.mx_patterns().len()
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        subscript(key, self.__len__(), |index| {
            let pattern = self.0.mx_patterns().nth(index).map(|pattern| MxPattern(pattern.into_owned()));
            let pattern = pattern.ok_or_else(|| PyIndexError::new_err("index out of range"))?;
            Ok(Bound::new(key.py(), pattern)?.into_any())
        })
    }

    fn __contains__(&self, pattern: &Bound<'_, PyAny>) -> bool {
        pattern.extract().is_ok_and(|pattern| self.places(pattern).next().is_some())
    }

    /// The index of the first occurrence of this pattern, or of its text.
    ///
    /// Raises ValueError if there is none.
    #[pyo3(signature = (pattern, /))]
    fn index(&self, pattern: Comparand<'_, '_, MxPattern>) -> PyResult<usize> {
        sequence::index(self.places(pattern).next())
    }

    /// The number of occurrences of this pattern, or of its text.
    #[pyo3(signature = (pattern, /))]
    fn count(&self, pattern: Comparand<'_, '_, MxPattern>) -> usize {
        self.places(pattern).count()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0.mx_patterns().eq(other.0.mx_patterns())
    }

    fn __hash__(&self) -> u64 {
        let patterns: Vec<_> = self.0.mx_patterns().collect();
        BuildHasherDefault::<std::hash::DefaultHasher>::default().hash_one(patterns)
    }

    /// The patterns are part of their policy.
    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (Policy, &'static str))> {
        let getattr = slf.py().import("builtins")?.getattr("getattr")?;
        Ok((getattr.unbind(), (Policy(slf.get().0.clone()), "mx")))
    }

    fn __repr__(&self) -> String {
        let patterns: Vec<_> = self.0.mx_patterns().map(|pattern| pattern.to_string()).collect();
        format!("<MxPatterns [{}]>", patterns.join(", "))
    }
}

impl MxPatterns {
    /// The indexes of this pattern. A text that is not canonical has none.
    fn places(&self, wanted: Comparand<'_, '_, MxPattern>) -> impl Iterator<Item = usize> {
        let wanted = match wanted {
            Comparand::Value(pattern) => Some(pattern.get().0.clone()),
            Comparand::Text(text) => text
                .to_str()
                .ok()
                .and_then(|text| core::MxPattern::parse(text).ok())
                .filter(|pattern| is_text(text, &pattern.to_string())),
        };
        let places = wanted.map(|wanted| {
            self.0.mx_patterns().enumerate().filter_map(move |(place, own)| (own == wanted).then_some(place))
        });
        places.into_iter().flatten()
    }
}
