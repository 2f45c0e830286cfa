//! The verdicts. There is one for every MX host and every session, so they are created quickly, and their parts are
//! converted to Python on access.

use mta_sts_core::{
    self as core, DnsName, MxDecision, PolicyType, ResultType, SessionDecision, SessionFault,
};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::convert::{from_word, word_text};
use crate::error::{IntoException, unknown_word};
use crate::value::{value, word, word_of};

/// The verdict on an MX host: the decision, and the rows to count in TLSRPT now if the host is skipped, since it has
/// no session.
#[pyclass(frozen, eq, hash, module = "mta_sts")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct MxVerdict {
    decision: Decision,
    rows: Vec<Row>,
}

#[pymethods]
impl MxVerdict {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("decision", "rows")
    }

    #[new]
    #[pyo3(signature = (decision, rows))]
    fn new(decision: &Bound<'_, PyAny>, rows: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { decision: Decision::from_value(decision)?, rows: rows_from(rows)? })
    }

    /// The decision: `Skip`, `Authenticate`, `AuthenticateByDane`, `AuthenticateByBoth`, `Encrypt` or
    /// `Opportunistic`.
    #[getter]
    fn decision<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.decision {
            Decision::Skip(fault) => value(py, "Skip", (word(py, "SessionFault", fault.code())?,)),
            Decision::Authenticate(name) => value(py, "Authenticate", (name.as_str(),)),
            Decision::AuthenticateByDane(name) => value(py, "AuthenticateByDane", (name.as_str(),)),
            Decision::AuthenticateByBoth(name) => value(py, "AuthenticateByBoth", (name.as_str(),)),
            Decision::Encrypt => value(py, "Encrypt", PyTuple::empty(py)),
            Decision::Opportunistic => value(py, "Opportunistic", PyTuple::empty(py)),
        }
    }

    /// The rows to count in TLSRPT (RFC 8460, 4.3), each a `TlsrptRow`; empty unless the host is skipped.
    #[getter]
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        rows_value(py, &self.rows)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (decision, rows) = (self.decision(py)?, self.rows(py)?);
        Ok(format!("MxVerdict(decision={}, rows={})", decision.repr()?, rows.repr()?))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (this, py) = (slf.get(), slf.py());
        Ok((slf.get_type().into_any(), (this.decision(py)?, this.rows(py)?).into_pyobject(py)?))
    }
}

impl From<core::MxVerdict<'_>> for MxVerdict {
    fn from(verdict: core::MxVerdict<'_>) -> Self {
        let decision = match verdict.decision {
            MxDecision::Skip(fault) => Decision::Skip(fault),
            MxDecision::Authenticate(name) => Decision::Authenticate(name.clone()),
            MxDecision::AuthenticateByDane(name) => Decision::AuthenticateByDane(name.clone()),
            MxDecision::AuthenticateByBoth(name) => Decision::AuthenticateByBoth(name.clone()),
            MxDecision::Encrypt => Decision::Encrypt,
            MxDecision::Opportunistic => Decision::Opportunistic,
            _ => Decision::Skip(SessionFault::PolicyUnknown),
        };
        Self { decision, rows: verdict.rows.into_iter().map(Row::from).collect() }
    }
}

/// The verdict on a session: whether to send the message, the reason if not, and the rows to count in TLSRPT.
#[pyclass(frozen, eq, hash, module = "mta_sts")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct SessionVerdict {
    decision: SessionDecision,
    fault: Option<SessionFault>,
    rows: Vec<Row>,
}

#[pymethods]
impl SessionVerdict {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("decision", "fault", "rows")
    }

    #[new]
    #[pyo3(signature = (decision, fault, rows))]
    fn new(
        #[pyo3(from_py_with = word_text)] decision: &str,
        fault: Option<&str>,
        rows: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let fault = fault.map(|fault| from_word("SessionFault", fault)).transpose()?;
        Ok(Self { decision: from_word("SessionDecision", decision)?, fault, rows: rows_from(rows)? })
    }

    /// The decision whether to send the message: a `SessionDecision`.
    #[getter]
    fn decision<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        word_of(py, "SessionDecision", &self.decision)
    }

    /// The reason for not sending it: a `SessionFault` for `Delivery.conclude`; `None` if it may be sent.
    #[getter]
    fn fault<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.fault.map(|fault| word(py, "SessionFault", fault.code())).transpose()
    }

    /// The rows to count in TLSRPT (RFC 8460, 4.3), each a `TlsrptRow`.
    #[getter]
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        rows_value(py, &self.rows)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (decision, fault, rows) = (self.decision(py)?, self.fault(py)?, self.rows(py)?);
        let fault = fault.map_or(Ok("None".to_owned()), |fault| fault.repr().map(|text| text.to_string()))?;
        Ok(format!("SessionVerdict(decision={}, fault={fault}, rows={})", decision.repr()?, rows.repr()?))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (this, py) = (slf.get(), slf.py());
        let arguments = (this.decision(py)?, this.fault(py)?, this.rows(py)?);
        Ok((slf.get_type().into_any(), arguments.into_pyobject(py)?))
    }
}

impl From<core::SessionVerdict> for SessionVerdict {
    fn from(verdict: core::SessionVerdict) -> Self {
        let rows = verdict.rows.into_iter().map(Row::from).collect();
        Self { decision: verdict.decision, fault: verdict.fault, rows }
    }
}

/// A class, and the arguments that recreate the value.
type Reduced<'py> = (Bound<'py, PyAny>, Bound<'py, PyTuple>);

#[derive(PartialEq, Eq, Hash)]
enum Decision {
    Skip(SessionFault),
    Authenticate(DnsName),
    AuthenticateByDane(DnsName),
    AuthenticateByBoth(DnsName),
    Encrypt,
    Opportunistic,
}

impl Decision {
    fn from_value(decision: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = decision.py();
        let dns_id = || {
            let name: String = decision.getattr("dns_id")?.extract()?;
            DnsName::parse(&name).map_err(|error| error.into_exception(py))
        };
        let class = decision.get_type().name()?;
        match class.to_str()? {
            "Skip" => {
                let fault: String = decision.getattr("fault")?.extract()?;
                Ok(Self::Skip(from_word("SessionFault", &fault)?))
            }
            "Authenticate" => Ok(Self::Authenticate(dns_id()?)),
            "AuthenticateByDane" => Ok(Self::AuthenticateByDane(dns_id()?)),
            "AuthenticateByBoth" => Ok(Self::AuthenticateByBoth(dns_id()?)),
            "Encrypt" => Ok(Self::Encrypt),
            "Opportunistic" => Ok(Self::Opportunistic),
            other => Err(unknown_word(py, "MxDecision", other)),
        }
    }
}

/// A row of TLSRPT.
#[derive(PartialEq, Eq, Hash)]
struct Row {
    policy_type: PolicyType,
    result_type: Option<ResultType>,
    reason: Option<SessionFault>,
}

impl From<core::TlsrptRow> for Row {
    fn from(row: core::TlsrptRow) -> Self {
        Self { policy_type: row.policy_type, result_type: row.result_type, reason: row.reason }
    }
}

fn rows_from(rows: &Bound<'_, PyAny>) -> PyResult<Vec<Row>> {
    rows.try_iter()?.map(|row| Ok(row_from(&row?)?.into())).collect()
}

/// A row as Python has it, a `TlsrptRow`.
pub(crate) fn row_from(row: &Bound<'_, PyAny>) -> PyResult<core::TlsrptRow> {
    let policy_type: String = row.getattr("policy_type")?.extract()?;
    let result_type: Option<String> = row.getattr("result_type")?.extract()?;
    let reason: Option<String> = row.getattr("reason")?.extract()?;
    Ok(core::TlsrptRow::of_parts(
        from_word("PolicyType", &policy_type)?,
        result_type.map(|word| from_word("ResultType", &word)).transpose()?,
        reason.map(|word| from_word("SessionFault", &word)).transpose()?,
    ))
}

fn rows_value<'py>(py: Python<'py>, rows: &[Row]) -> PyResult<Bound<'py, PyTuple>> {
    let rows: PyResult<Vec<_>> =
        rows.iter().map(|row| row_value(py, row.policy_type, row.result_type, row.reason)).collect();
    PyTuple::new(py, rows?)
}

/// A `TlsrptRow` of Python.
pub(crate) fn row_value(
    py: Python<'_>,
    policy_type: PolicyType,
    result_type: Option<ResultType>,
    reason: Option<SessionFault>,
) -> PyResult<Bound<'_, PyAny>> {
    let policy_type = word(py, "PolicyType", policy_type.as_str())?;
    let result_type = result_type.map(|result| word(py, "ResultType", result.as_str()));
    let reason = reason.map(|reason| word(py, "SessionFault", reason.code()));
    value(py, "TlsrptRow", (policy_type, result_type.transpose()?, reason.transpose()?))
}
