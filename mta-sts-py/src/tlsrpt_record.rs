use mta_sts_core::tlsrpt::{self, ReportUri};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::convert::{Octets, octets_of_each};
use crate::error::IntoException;
use crate::value::value;

/// The TXT record of a domain that asks for TLS reports (RFC 8460, 3).
///
/// >>> from mta_sts import TlsrptRecord
/// >>> TlsrptRecord.parse("v=TLSRPTv1; rua=mailto:tls@example.com,https://r.example/v1").uris
/// (Mailto(address='tls@example.com'), Https(url='https://r.example/v1'))
#[pyclass(frozen, eq, hash, module = "mta_sts")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct TlsrptRecord(tlsrpt::TlsrptRecord);

#[pymethods]
impl TlsrptRecord {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("uris",)
    }

    /// Parses one TXT record, its character-strings concatenated without separators.
    ///
    /// Raises MtaStsError, whose `.offset` is the octet at fault: such a domain gets no reports.
    #[staticmethod]
    #[pyo3(signature = (txt, /))]
    fn parse(py: Python<'_>, txt: Octets<'_>) -> PyResult<Self> {
        tlsrpt::TlsrptRecord::parse(txt.as_ref()).map(Self).map_err(|error| error.into_exception(py))
    }

    /// Selects the record from all TXT records of the name; those that do not begin as one are ignored.
    ///
    /// Raises MtaStsError: `no-tlsrpt-record`, `several-tlsrpt-records`, or the error of the only one.
    #[staticmethod]
    #[pyo3(signature = (rrset, /))]
    fn select(rrset: &Bound<'_, PyAny>) -> PyResult<Self> {
        let rrs = octets_of_each(rrset)?;
        tlsrpt::TlsrptRecord::select(&rrs).map(Self).map_err(|error| error.into_exception(rrset.py()))
    }

    /// The destinations of reports: one to eight `Mailto` and `Https`, in the order of the record.
    #[getter]
    fn uris<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let uris = self.0.uris().iter().map(|uri| match uri {
            ReportUri::Mailto { address, .. } => value(py, "Mailto", (&**address,)),
            ReportUri::Https { url, .. } => value(py, "Https", (&**url,)),
            // Of a kind unknown to this package: as written in the record.
            uri => value(py, "Https", (uri.to_string(),)),
        });
        PyTuple::new(py, uris.collect::<PyResult<Vec<_>>>()?)
    }

    fn __str__(&self) -> String {
        let uris: Vec<_> = self.0.uris().iter().map(ToString::to_string).collect();
        format!("v=TLSRPTv1; rua={};", uris.join(","))
    }

    fn __repr__(&self) -> String {
        format!("TlsrptRecord.parse({:?})", self.__str__())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (String,))> {
        Ok((slf.get_type().getattr("parse")?.unbind(), (slf.get().__str__(),)))
    }
}
