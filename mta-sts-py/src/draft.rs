use std::hash::{Hash, Hasher};
use std::time::Duration;

use mta_sts_core::publish::{self, DraftError};
use mta_sts_core::{Mode, MxPattern};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyString, PyTuple};

use crate::convert::{Octets, Span, Text, from_word, word_text};
use crate::error::IntoException;
use crate::name::{PolicyDomain, dns_names, policy_domain};
use crate::policy::{self, Policy};
use crate::value::published;

/// A policy to be published, and the record that announces it (RFC 8461, 3).
///
/// >>> from mta_sts.publish import Draft
/// >>> draft = Draft("example.com", "testing", ["mx1.example.com", "mx2.example.com"], max_age=86_400)
/// >>> draft.text
/// 'version: STSv1\r\nmode: testing\r\nmx: mx1.example.com\r\nmx: mx2.example.com\r\nmax_age: 86400\r\n'
/// >>> draft.record
/// 'v=STSv1; id=30c0b8f46936bb03b5e2'
///
/// `hosts`: every host in the MX records or, without MX records, the domain itself; mode none names none of them. `max_age`:
/// seconds or a `timedelta`, from a day to a year. `wildcards`: patterns that stand for the hosts they cover; any host below
/// could then receive the mail, so exact names are better (RFC 8461, 10.4).
///
/// A draft is always a policy that senders accept. The order of the hosts makes no difference, and the same policy has the
/// same id.
///
/// Raises MtaStsError for what would stop mail, or what senders would refuse; `.name` is the host or the wildcard at fault.
#[pyclass(frozen, eq, hash, module = "mta_sts.publish")]
#[derive(PartialEq, Eq)]
pub(crate) struct Draft(pub(crate) publish::Draft);

#[pymethods]
impl Draft {
    #[new]
    #[pyo3(signature = (domain, mode, hosts, /, *, max_age, wildcards = None))]
    fn new(
        domain: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = word_text)] mode: &str,
        hosts: &Bound<'_, PyAny>,
        max_age: Span,
        wildcards: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = domain.py();
        let (domain, mode) = (policy_domain(domain)?, from_word::<Mode>("Mode", mode)?);
        let hosts = dns_names(Some(hosts))?.unwrap_or_default();
        let wildcards = mx_patterns(wildcards)?;
        let draft = publish::Draft::new(&domain, mode, &hosts, max_age.0)
            .and_then(|draft| wildcards.into_iter().try_fold(draft, publish::Draft::with_wildcard));
        draft.map(Self).map_err(|error: DraftError| error.into_exception(py))
    }

    /// The domain.
    #[getter]
    fn domain(&self) -> PolicyDomain {
        PolicyDomain(self.0.domain().clone())
    }

    /// The policy.
    #[getter]
    fn policy(&self) -> Policy {
        Policy(self.0.policy().clone())
    }

    /// The body of the policy, each line ended by CRLF: serve it at `domain.policy_url` as `text/plain`.
    #[getter]
    fn text(&self) -> &str {
        self.0.policy_text()
    }

    /// The id of the policy: the first 20 hexadecimal digits of the SHA-256 of its body.
    #[getter]
    fn id(&self) -> &str {
        self.0.id().as_str()
    }

    /// The TXT record to publish at `domain.txt_name`, as one character-string.
    #[getter]
    fn record(&self) -> String {
        self.0.record_text()
    }

    /// Returns the TXT record with its name and a TTL, in seconds, as a `ZoneRecord`.
    #[pyo3(signature = (*, ttl = Span(Duration::from_secs(3600))), text_signature = "($self, *, ttl=3600)")]
    fn zone_record<'py>(&self, py: Python<'py>, ttl: Span) -> PyResult<Bound<'py, PyAny>> {
        zone_record_value(py, &self.0.zone_record(ttl.0))
    }

    fn __repr__(&self) -> String {
        let (draft, policy) = (&self.0, self.0.policy());
        let seconds = policy.max_age().as_secs();
        format!("<Draft {} mode={} max_age={seconds} id={}>", draft.domain(), policy.mode(), draft.id())
    }

    /// Returns the constructor call. The hosts that a wildcard stands for are not known any more: it gets one that it covers.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, draft) = (slf.py(), &slf.get().0);
        let policy = draft.policy();
        let (mut hosts, mut wildcards) = (Vec::new(), Vec::new());
        for pattern in policy.mx_patterns() {
            let text = pattern.to_string();
            if pattern.is_wildcard() {
                hosts.push(text.replacen('*', "x", 1));
                wildcards.push(text);
            } else {
                hosts.push(text);
            }
        }
        let options = [("max_age", policy.max_age().as_secs())].into_py_dict(py)?;
        options.set_item("wildcards", wildcards)?;
        let partial = py.import("functools")?.getattr("partial")?;
        let constructor = partial.call((slf.get_type(),), Some(&options))?;
        let arguments = (draft.domain().to_string(), policy.mode().as_str(), hosts).into_pyobject(py)?;
        Ok((constructor, arguments))
    }
}

impl Hash for Draft {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.domain().as_str(), self.0.policy_text()).hash(state);
    }
}

/// Returns the id that a draft with this body has.
///
/// >>> from mta_sts.publish import id_of
/// >>> id_of(b"version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n")
/// '94815eb6141fb6e55268'
///
/// A body that is served under another id may have been changed without its record; it may also be from another program.
#[pyfunction]
#[pyo3(signature = (body, /))]
pub(crate) fn id_of(body: Octets<'_>) -> String {
    publish::id_of(body.as_ref()).to_string()
}

/// Returns a record of a zone, for `ZoneRecord`.
#[pyfunction]
#[pyo3(signature = (kind, name, value, ttl, /))]
pub(crate) fn zone_record<'py>(
    py: Python<'py>,
    kind: Text<'_>,
    name: Text<'_>,
    value: Text<'_>,
    ttl: Span,
) -> PyResult<Bound<'py, PyAny>> {
    let make = if kind.as_ref() == "CNAME" { publish::ZoneRecord::alias } else { publish::ZoneRecord::txt };
    zone_record_value(py, &make(name.as_ref(), value.as_ref(), ttl.0))
}

fn zone_record_value<'py>(py: Python<'py>, record: &publish::ZoneRecord) -> PyResult<Bound<'py, PyAny>> {
    let arguments =
        (record.name(), record.kind(), record.value(), record.ttl().as_secs(), record.to_string());
    published(py, "ZoneRecord", arguments)
}

/// The patterns of an iterable, each as a `MxPattern` or as its text. A lone text is refused: it is an iterable too.
pub(crate) fn mx_patterns(patterns: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<MxPattern<'static>>> {
    let Some(patterns) = patterns else { return Ok(Vec::new()) };
    if patterns.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err("expected an iterable of patterns, not one alone"));
    }
    patterns.try_iter()?.map(|pattern| policy::mx_pattern(&pattern?)).collect()
}
