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

/// A policy: what a domain asks of those who send to it (RFC 8461, 3.2).
///
/// >>> from mta_sts import Policy
/// >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n")
/// >>> str(policy.mode), policy.max_age, [str(pattern) for pattern in policy.mx]
/// ('enforce', 604800, ['*.example.com'])
/// >>> policy.matches_mx("MX1.example.com.")
/// True
///
/// Equal if the texts are. `str()` gives the policy as the grammar writes it; `text` as it was received.
#[pyclass(frozen, module = "mta_sts")]
#[derive(Clone)]
pub(crate) struct Policy(pub(crate) core::Policy);

#[pymethods]
impl Policy {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("mode", "max_age", "mx")
    }

    /// Reads the body of a policy (RFC 8461, 3.2).
    ///
    /// Four departures from the grammar that are seen in practice pass: blank lines, a byte order mark in front, a dot at the
    /// end of an `mx`, underscores in it. With `strict` they do not.
    ///
    /// Raises MtaStsError, whose `.line` and `.offset` are the place.
    #[staticmethod]
    #[pyo3(signature = (body, /, *, strict = false))]
    fn parse(py: Python<'_>, body: Octets<'_>, strict: bool) -> PyResult<Self> {
        let body = body.as_ref();
        let parse = || core::Policy::parse_with(body, strictness(strict));
        let parsed = if body.len() > LARGE { py.detach(parse) } else { parse() };
        parsed.map(Self).map_err(|error| error.into_exception(py))
    }

    /// Reads the policy out of what the Policy Host answered, its certificate verified (RFC 8461, 3.3).
    ///
    /// `max_body_len`: the longest body, in octets. `strict`: as for `parse`. `accept_missing_content_type`: take an answer
    /// without the field for `text/plain`.
    ///
    /// Raises MtaStsError, whose `.result_type` is what TLSRPT counts: the status is not 200, the media type not `text/plain`,
    /// the body too long or no policy.
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

    /// What the domain asks: a `Mode` (RFC 8461, 5).
    #[getter]
    fn mode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        word(py, "Mode", self.0.mode().as_str())
    }

    /// How long the policy is in force after it was fetched, in seconds: a year, 31,557,600, at most.
    #[getter]
    fn max_age(&self) -> u64 {
        self.0.max_age().as_secs()
    }

    /// The patterns of the MX hosts, in their order, duplicates kept. In mode none there may be none.
    #[getter]
    fn mx(&self) -> MxPatterns {
        MxPatterns(self.0.clone())
    }

    /// The text as it was received.
    #[getter]
    fn text(&self) -> &str {
        self.0.text()
    }

    /// The lines as they were received, without blank ones: the `policy-string` of TLSRPT (RFC 8460, 4.4).
    #[getter]
    fn lines<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let lines: Vec<_> = self.0.lines().collect();
        PyList::new(py, lines)
    }

    /// Whether a pattern covers this MX host, given as its MX record has it (RFC 8461, 4.1).
    ///
    /// What is no host name is not covered. In mode testing and none a host that is not covered gets the mail all the same:
    /// `Delivery` knows.
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
    /// Raises MtaStsError if it is no host name.
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

/// The limits of reading an answer; that on the time is the fetcher's.
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

/// A pattern of MX hosts: a host, or a wildcard that covers exactly one label more (RFC 8461, 4.1).
///
/// >>> from mta_sts import MxPattern
/// >>> MxPattern.parse("*.example.com").matches("mx1.example.com")
/// True
///
/// Equal to another pattern, and to its text in lower case with no trailing dot, whose hash it has.
#[pyclass(frozen, module = "mta_sts")]
pub(crate) struct MxPattern(core::MxPattern<'static>);

#[pymethods]
impl MxPattern {
    /// Reads a pattern: any case, A-labels alone, one trailing dot at most.
    ///
    /// Raises MtaStsError, whose `.offset` is the octet at fault, for a text that can never cover a host.
    #[staticmethod]
    #[pyo3(signature = (pattern, /))]
    fn parse(py: Python<'_>, pattern: Text<'_>) -> PyResult<Self> {
        core::MxPattern::parse(pattern.as_ref()).map(Self).map_err(|error| error.into_exception(py))
    }

    /// Whether the pattern covers this MX host.
    ///
    /// Raises MtaStsError if it is no host name.
    #[pyo3(signature = (host, /))]
    fn matches(&self, host: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.0.matches(&dns_name(host)?))
    }

    /// Whether the pattern begins with `*.`, and so covers each name that has one label in place of the star.
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

/// The patterns of a policy: a sequence that makes each one when it is asked for.
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

    /// Where this pattern, or its text, stands first.
    ///
    /// Raises ValueError if it does not.
    #[pyo3(signature = (pattern, /))]
    fn index(&self, pattern: Comparand<'_, '_, MxPattern>) -> PyResult<usize> {
        sequence::index(self.places(pattern).next())
    }

    /// How often this pattern, or its text, stands here.
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
    /// Where this pattern stands. A text that is not canonical is that of none.
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
