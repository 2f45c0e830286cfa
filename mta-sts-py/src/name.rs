use mta_sts_core as core;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::PyString;

use crate::convert::Text;
use crate::error::IntoException;
use crate::text;

/// A name in DNS: lower case, A-labels, no trailing dot; 253 octets at most.
///
/// >>> from mta_sts import DnsName
/// >>> str(DnsName.parse("MX1.B\u00fccher.Example."))
/// 'mx1.xn--bcher-kva.example'
///
/// Equal to another name, and to its text in this form, whose hash it has.
#[pyclass(frozen, module = "mta_sts")]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DnsName(pub(crate) core::DnsName);

#[pymethods]
impl DnsName {
    /// Reads a name: any case, A-labels or U-labels, one trailing dot at most, brackets around the whole.
    ///
    /// Raises MtaStsError, whose `.offset` is the octet at fault; an address, with brackets or without, is `address-literal`.
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

/// A domain that mail goes to, and whose policy is asked for (RFC 8461, 3.1).
///
/// >>> from mta_sts import PolicyDomain
/// >>> domain = PolicyDomain.of_recipient("alice@Example.com")
/// >>> domain.txt_name, domain.policy_url
/// ('_mta-sts.example.com', 'https://mta-sts.example.com/.well-known/mta-sts.txt')
///
/// It is the domain of the recipient, or the name of a smart host (RFC 8461, 3.4). Equal to another domain, and to its text in
/// lower case with A-labels and no trailing dot, whose hash it has.
#[pyclass(frozen, module = "mta_sts")]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PolicyDomain(pub(crate) core::PolicyDomain);

#[pymethods]
impl PolicyDomain {
    /// Reads a domain, as `DnsName.parse` reads a name.
    ///
    /// Raises MtaStsError, whose `.offset` is the octet at fault. An address has no policy (RFC 8461, 3.4), and neither has a
    /// domain so long that `_mta-sts.` cannot stand before it.
    #[staticmethod]
    #[pyo3(signature = (domain, /))]
    fn parse(py: Python<'_>, domain: Text<'_>) -> PyResult<Self> {
        core::PolicyDomain::parse(domain.as_ref()).map(Self).map_err(|error| error.into_exception(py))
    }

    /// The domain of a mail address, with the angle brackets of a path or without (RFC 5321, 4.1.2).
    ///
    /// Raises MtaStsError: `missing-domain` for a local part alone, and else as `parse`; `.offset` counts from the start of the
    /// address.
    #[staticmethod]
    #[pyo3(signature = (address, /))]
    fn of_recipient(py: Python<'_>, address: Text<'_>) -> PyResult<Self> {
        core::PolicyDomain::of_recipient(address.as_ref()).map(Self).map_err(|error| error.into_exception(py))
    }

    /// Where the record is: `_mta-sts.` and the domain (RFC 8461, 3.1).
    #[getter]
    fn txt_name(&self) -> String {
        self.0.txt_name()
    }

    /// Where the record that asks for TLS reports is: `_smtp._tls.` and the domain (RFC 8460, 3).
    ///
    /// `None` for a domain so long that it would be no name.
    #[getter]
    fn tlsrpt_txt_name(&self) -> Option<String> {
        self.0.tlsrpt_txt_name()
    }

    /// The Policy Host: `mta-sts.` and the domain. Its certificate must be valid for this name (RFC 8461, 3.3).
    #[getter]
    fn policy_host(&self) -> String {
        self.0.policy_host()
    }

    /// Where the policy is: one URL, without a port or a query (RFC 8461, 3.2).
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

/// A domain as Python has it: a `PolicyDomain`, or its text.
pub(crate) fn policy_domain(domain: &Bound<'_, PyAny>) -> PyResult<core::PolicyDomain> {
    if let Ok(domain) = domain.cast::<PolicyDomain>() {
        return Ok(domain.get().0.clone());
    }
    let text: Text<'_> = domain.extract()?;
    core::PolicyDomain::parse(text.as_ref()).map_err(|error| error.into_exception(domain.py()))
}

/// A host as Python has it: a `DnsName`, or its text.
pub(crate) fn dns_name(host: &Bound<'_, PyAny>) -> PyResult<core::DnsName> {
    if let Ok(host) = host.cast::<DnsName>() {
        return Ok(host.get().0.clone());
    }
    let text: Text<'_> = host.extract()?;
    core::DnsName::parse(text.as_ref()).map_err(|error| error.into_exception(host.py()))
}

/// A host as an MX record has it: a `DnsName`, or text, which need be no name.
pub(crate) fn mx_name(host: &Bound<'_, PyAny>) -> PyResult<Option<core::DnsName>> {
    if let Ok(host) = host.cast::<DnsName>() {
        return Ok(Some(host.get().0.clone()));
    }
    // A lone surrogate is in no name.
    let text = host.cast::<PyString>()?;
    Ok(text.to_str().ok().and_then(|text| core::DnsName::parse(text).ok()))
}

/// Hosts as Python has them, if there are any to be had.
pub(crate) fn dns_names(hosts: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<core::DnsName>>> {
    hosts.map(|hosts| hosts.try_iter()?.map(|host| dns_name(&host?)).collect()).transpose()
}
