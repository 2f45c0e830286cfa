use mta_sts_core as core;
use pyo3::prelude::*;

use crate::convert::{Octets, octets_of_each};
use crate::error::IntoException;

/// The TXT record of a domain that has a policy (RFC 8461, 3.1).
///
/// >>> from mta_sts import Record
/// >>> Record.parse(b"v=STSv1; id=20261124T000000;").id
/// '20261124T000000'
#[pyclass(frozen, eq, hash, module = "mta_sts")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Record(core::Record);

#[pymethods]
impl Record {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("id",)
    }

    /// Parses one TXT record, its character-strings concatenated without separators.
    ///
    /// Raises MtaStsError, whose `.offset` is the octet at fault. A sender treats such a record as absent (RFC 8461,
    /// 3.1).
    #[staticmethod]
    #[pyo3(signature = (txt, /))]
    fn parse(py: Python<'_>, txt: Octets<'_>) -> PyResult<Self> {
        core::Record::parse(txt.as_ref()).map(Self).map_err(|error| error.into_exception(py))
    }

    /// Selects the record from all TXT records of the name; those that do not begin as one are ignored.
    ///
    /// Raises MtaStsError: `no-record`, `several-records`, or the error of the only one. To a sender the domain then
    /// has no policy (RFC 8461, 3.1).
    #[staticmethod]
    #[pyo3(signature = (rrset, /))]
    fn select(rrset: &Bound<'_, PyAny>) -> PyResult<Self> {
        let rrs = octets_of_each(rrset)?;
        core::Record::select(&rrs).map(Self).map_err(|error| error.into_exception(rrset.py()))
    }

    /// The id of the policy: 1 to 32 letters and digits. It changes with every new policy; ids have no order.
    #[getter]
    fn id(&self) -> &str {
        self.0.id().as_str()
    }

    fn __str__(&self) -> String {
        format!("v=STSv1; id={};", self.0.id())
    }

    fn __repr__(&self) -> String {
        format!("Record.parse({:?})", self.__str__())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (String,))> {
        Ok((slf.get_type().getattr("parse")?.unbind(), (slf.get().__str__(),)))
    }
}
