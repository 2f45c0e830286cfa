use mta_sts_core as core;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::PyString;

use crate::convert::Text;
use crate::error::IntoException;
use crate::text;

/// A name in DNS: lower case, A-labels, no trailing dot; at most 253 octets.
///
/// >>> from mta_sts import DnsName
/// >>> str(DnsName.parse("MX1.B\u00fccher.Example."))
/// 'mx1.xn--bcher-kva.example'
///
/// It equals another name, and its text in this form, with the same hash.
#[pyclass(frozen, module = "mta_sts")]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DnsName(pub(crate) core::DnsName);

#[pymethods]
impl DnsName {
    /// Parses a name in any case, in A-labels or U-labels, with at most one trailing dot, optionally enclosed in
    /// brackets.
    ///
    /// Raises MtaStsError, whose `.offset` is the octet at fault; an IP address, with or without brackets, is
    /// `address-literal`.
    #[staticmethod]
    #[pyo3(signature = (name, /))]
    fn parse(py: Python<'_>, name: Text<'_>) -> PyResult<Self> {
        core::DnsName::parse(name.as_ref()).map(Self).map_err(|error| error.into_exception(py))
    }

    fn __richcmp__<'py>(&self, other: &Bound<'py, PyAny>, operator: CompareOp) -> Bound<'py, PyAny> {
        text::compare(self.0.as_str(), other, operator, |other: &Bound<'py, Self>| self.cmp(other.get()))
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        text::hash(py, self.0.as_str())
    }

    fn __str__(&self) -> &str {
        self.0.as_str()
    }

    fn __repr__(&self) -> String {
        format!("DnsName.parse({:?})", self.0.as_str())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (String,))> {
        Ok((slf.get_type().getattr("parse")?.unbind(), (slf.get().0.as_str().to_owned(),)))
    }
}

/// A domain that receives mail, and whose policy is looked up (RFC 8461, 3.1).
///
/// >>> from mta_sts import PolicyDomain
/// >>> domain = PolicyDomain.of_recipient("alice@Example.com")
/// >>> domain.txt_name, domain.policy_url
/// ('_mta-sts.example.com', 'https://mta-sts.example.com/.well-known/mta-sts.txt')
///
/// It is the domain of the recipient, or the name of a smart host (RFC 8461, 3.4). It equals another domain, and its
/// text in lower case with A-labels and no trailing dot, with the same hash.
#[pyclass(frozen, module = "mta_sts")]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PolicyDomain(pub(crate) core::PolicyDomain);

#[pymethods]
impl PolicyDomain {
    /// Parses a domain in the same way as `DnsName.parse`.
    ///
    /// Raises MtaStsError, whose `.offset` is the octet at fault. An IP address has no policy (RFC 8461, 3.4), nor has
    /// a domain so long that `_mta-sts.` does not fit in front of it.
    #[staticmethod]
    #[pyo3(signature = (domain, /))]
    fn parse(py: Python<'_>, domain: Text<'_>) -> PyResult<Self> {
        core::PolicyDomain::parse(domain.as_ref()).map(Self).map_err(|error| error.into_exception(py))
    }

    /// The domain of a mail address, with or without the angle brackets of a path (RFC 5321, 4.1.2).
    ///
    /// Raises MtaStsError: `missing-domain` for a local part alone, otherwise the same as `parse`; `.offset` counts
    /// from the start of the address.
    #[staticmethod]
    #[pyo3(signature = (address, /))]
    fn of_recipient(py: Python<'_>, address: Text<'_>) -> PyResult<Self> {
        core::PolicyDomain::of_recipient(address.as_ref()).map(Self).map_err(|error| error.into_exception(py))
    }

    /// The name of the MTA-STS record: `_mta-sts.` and the domain (RFC 8461, 3.1).
    #[getter]
    fn txt_name(&self) -> String {
        self.0.txt_name()
    }

    /// The name of the TLSRPT record: `_smtp._tls.` and the domain (RFC 8460, 3).
    ///
    /// `None` for a domain so long that this would not be a valid name.
    #[getter]
    fn tlsrpt_txt_name(&self) -> Option<String> {
        self.0.tlsrpt_txt_name()
    }

    /// The Policy Host: `mta-sts.` and the domain. Its certificate must be valid for this name (RFC 8461, 3.3).
    #[getter]
    fn policy_host(&self) -> String {
        self.0.policy_host()
    }

    /// The URL of the policy, without a port or a query (RFC 8461, 3.2).
    #[getter]
    fn policy_url(&self) -> String {
        self.0.policy_url()
    }

    fn __richcmp__<'py>(&self, other: &Bound<'py, PyAny>, operator: CompareOp) -> Bound<'py, PyAny> {
        text::compare(self.0.as_str(), other, operator, |other: &Bound<'py, Self>| self.cmp(other.get()))
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        text::hash(py, self.0.as_str())
    }

    fn __str__(&self) -> &str {
        self.0.as_str()
    }

    fn __repr__(&self) -> String {
        format!("PolicyDomain.parse({:?})", self.0.as_str())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (String,))> {
        Ok((slf.get_type().getattr("parse")?.unbind(), (slf.get().0.as_str().to_owned(),)))
    }
}

/// A domain given as a `PolicyDomain`, or as its text.
pub(crate) fn policy_domain(domain: &Bound<'_, PyAny>) -> PyResult<core::PolicyDomain> {
    if let Ok(domain) = domain.cast::<PolicyDomain>() {
        return Ok(domain.get().0.clone());
    }
    let text: Text<'_> = domain.extract()?;
    core::PolicyDomain::parse(text.as_ref()).map_err(|error| error.into_exception(domain.py()))
}

/// A host given as a `DnsName`, or as its text.
pub(crate) fn dns_name(host: &Bound<'_, PyAny>) -> PyResult<core::DnsName> {
    if let Ok(host) = host.cast::<DnsName>() {
        return Ok(host.get().0.clone());
    }
    let text: Text<'_> = host.extract()?;
    core::DnsName::parse(text.as_ref()).map_err(|error| error.into_exception(host.py()))
}

/// A host as given in an MX record: a `DnsName`, or text that need not be a name.
pub(crate) fn mx_name(host: &Bound<'_, PyAny>) -> PyResult<Option<core::DnsName>> {
    if let Ok(host) = host.cast::<DnsName>() {
        return Ok(Some(host.get().0.clone()));
    }
    // A lone surrogate is not part of any name.
    let text = host.cast::<PyString>()?;
    Ok(text.to_str().ok().and_then(|text| core::DnsName::parse(text).ok()))
}

/// Optional hosts. A lone text is refused: it is an iterable too.
pub(crate) fn dns_names(hosts: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<core::DnsName>>> {
    if hosts.is_some_and(PyAnyMethods::is_instance_of::<PyString>) {
        return Err(PyTypeError::new_err("expected an iterable of hosts, not one alone"));
    }
    hosts.map(|hosts| hosts.try_iter()?.map(|host| dns_name(&host?)).collect()).transpose()
}
