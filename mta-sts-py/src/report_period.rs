use mta_sts_core::tlsrpt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::convert::Time;

/// The period of a report, in Unix seconds: `start` and `end` are its first and last second (RFC 8460, 4.4).
///
/// >>> from mta_sts.tlsrpt import ReportPeriod
/// >>> day = ReportPeriod.of_day(1_700_000_000)
/// >>> day, day.is_one_day
/// (ReportPeriod(1699920000, 1700006399), True)
///
/// Times are Unix seconds or aware datetimes. Raises ValueError if the end is before the start.
#[pyclass(frozen, eq, ord, hash, module = "mta_sts.tlsrpt")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ReportPeriod(pub(crate) tlsrpt::ReportPeriod);

#[pymethods]
impl ReportPeriod {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("start", "end")
    }

    #[new]
    #[pyo3(signature = (start, end, /))]
    fn new(start: Time, end: Time) -> PyResult<Self> {
        let period = tlsrpt::ReportPeriod::new(start.0, end.0).map(Self);
        period.ok_or_else(|| PyValueError::new_err("the end of a period is not before its start"))
    }

    /// Returns the UTC day that contains this time, from 00:00:00 to 23:59:59 (RFC 8460, 4.1).
    #[staticmethod]
    #[pyo3(signature = (time, /))]
    fn of_day(time: Time) -> Self {
        Self(tlsrpt::ReportPeriod::of_day(time.0))
    }

    /// The first second of the period.
    #[getter]
    fn start(&self) -> u64 {
        self.0.start().as_secs()
    }

    /// The last second of the period.
    #[getter]
    fn end(&self) -> u64 {
        self.0.end().as_secs()
    }

    /// Whether it is one whole UTC day, as it should be (RFC 8460, 4.1).
    #[getter]
    fn is_one_day(&self) -> bool {
        self.0.is_one_day()
    }

    fn __repr__(&self) -> String {
        format!("ReportPeriod({}, {})", self.start(), self.end())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> (Py<PyAny>, (u64, u64)) {
        (slf.get_type().into_any().unbind(), (slf.get().start(), slf.get().end()))
    }
}
