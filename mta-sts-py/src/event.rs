use std::net::IpAddr;

use mta_sts_core as core;
use mta_sts_core::tlsrpt::{self, SessionFacts};
use mta_sts_core::{DnsName, ResultType, TlsrptRow};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::convert::{IpAddress, Text, from_word, text_of_each};
use crate::error::IntoException;
use crate::name::{PolicyDomain, mx_name, policy_domain};
use crate::policy::Policy;
use crate::tlsrpt_record::TlsrptRecord;
use crate::value::{is_value, shown_bool, value, word};
use crate::verdict::{row_from, row_value};

/// An event for a report: a session with an MX host, or a failed policy discovery.
///
/// >>> from mta_sts import Delivery
/// >>> from mta_sts.tlsrpt import Event
/// >>> verdict = Delivery.without_policy().check_session("mx.example.com", "not-offered")
/// >>> [event] = [Event.session("example.com", row, mx_host="mx.example.com") for row in verdict.rows]
/// >>> event.policy_type, event.has_failed
/// (<PolicyType.NO_POLICY_FOUND: 'no-policy-found'>, True)
///
/// `Tally.count` counts it, and a `Datagram` sends it to another program. It is made by `Event.session` or
/// `Event.discovery`, or comes from a datagram. A connection that failed before the greeting of the host has no row, and is
/// not an event (RFC 8460, 4.3.4).
#[pyclass(frozen, module = "mta_sts.tlsrpt")]
#[derive(Clone)]
pub(crate) struct Event {
    kind: Kind,
    record: Option<String>,
    is_of_tlsrpt_report: bool,
    sending_ip: Option<IpAddr>,
}

#[derive(Clone)]
enum Kind {
    Session(Box<Session>),
    Discovery(Box<Discovery>),
    /// A datagram with this event alone.
    OfDatagram(Box<tlsrpt::Datagram>),
}

#[derive(Clone)]
struct Session {
    domain: core::PolicyDomain,
    row: TlsrptRow,
    mx_host: Option<DnsName>,
    policy: Option<core::Policy>,
    tlsa_records: Vec<String>,
    helo: Option<String>,
    receiving_ip: Option<IpAddr>,
    reason: Option<String>,
}

#[derive(Clone)]
struct Discovery {
    domain: core::PolicyDomain,
    result_type: ResultType,
    reason: String,
    received_lines: Vec<String>,
    policy: Option<core::Policy>,
}

#[pymethods]
impl Event {
    // What happened it does not say alone.
    #[new]
    #[pyo3(signature = (*_arguments, **_options))]
    fn new(_arguments: &Bound<'_, PyTuple>, _options: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        Err(PyTypeError::new_err(
            "an Event is made by Event.session or Event.discovery, or comes from a Datagram",
        ))
    }

    /// Makes the event of a session with an MX host of `domain`, or of one that its policy forbade: one for each `TlsrptRow` of
    /// a verdict.
    ///
    /// `mx_host`: the host as in its MX record; an invalid host name is omitted. `policy`: the MTA-STS policy of the domain,
    /// reported with sessions that are counted under MTA-STS. `tlsa_records`: the TLSA records of the host, reported with
    /// sessions that are counted under DANE; each is its usage, selector, matching type and data in hexadecimal, separated by
    /// spaces. `helo`: the name that the host uses for itself, its greeting, or its answer to EHLO; only the first word is
    /// used. `sending_ip`, `receiving_ip`: the addresses. `reason`: the `failure-reason-code`, if you know more than the code
    /// of the row, such as the error of your TLS library; 128 octets at most.
    ///
    /// `record`: the TLSRPT record of the domain, a `TlsrptRecord` or its text; with an invalid text the event is not counted,
    /// and without a record it is counted, and the record is queried when the report is due. `tlsrpt_report`: whether the
    /// message is itself a TLS report, whose sessions are not counted (RFC 8460, 3).
    ///
    /// Raises MtaStsError for an invalid domain.
    #[allow(clippy::too_many_arguments)] // Each is a keyword in Python.
    #[staticmethod]
    #[pyo3(signature = (domain, row, /, *, mx_host = None, policy = None, tlsa_records = None, helo = None, sending_ip = None, receiving_ip = None, reason = None, record = None, tlsrpt_report = false))]
    fn session(
        domain: &Bound<'_, PyAny>,
        row: &Bound<'_, PyAny>,
        mx_host: Option<&Bound<'_, PyAny>>,
        policy: Option<&Policy>,
        tlsa_records: Option<&Bound<'_, PyAny>>,
        helo: Option<Text<'_>>,
        sending_ip: Option<IpAddress>,
        receiving_ip: Option<IpAddress>,
        reason: Option<Text<'_>>,
        record: Option<Record>,
        tlsrpt_report: bool,
    ) -> PyResult<Self> {
        let owned = |text: Option<Text<'_>>| text.map(|text| text.as_ref().to_owned());
        let session = Session {
            domain: policy_domain(domain)?,
            row: row_from(row)?,
            mx_host: mx_host.map(mx_name).transpose()?.flatten(),
            policy: policy.map(|policy| policy.0.clone()),
            tlsa_records: tlsa_records.map(text_of_each).transpose()?.unwrap_or_default(),
            helo: owned(helo),
            receiving_ip: receiving_ip.map(|IpAddress(address)| address),
            reason: owned(reason),
        };
        Ok(Self {
            kind: Kind::Session(Box::new(session)),
            record: record.map(|Record(text)| text),
            is_of_tlsrpt_report: tlsrpt_report,
            sending_ip: sending_ip.map(|IpAddress(address)| address),
        })
    }

    /// Makes the event of a failed policy discovery of `domain` from its `Outcome`; `None` if there is nothing to report.
    ///
    /// Without a policy it is a failed session under MTA-STS. If a cached policy applies, the session that follows is counted
    /// separately, and the failure is an additional detail (RFC 8460, 4). `record`, `tlsrpt_report`: as in `session`.
    ///
    /// Raises MtaStsError for an invalid domain.
    #[staticmethod]
    #[pyo3(signature = (domain, outcome, /, *, record = None, tlsrpt_report = false))]
    fn discovery(
        domain: &Bound<'_, PyAny>,
        outcome: &Bound<'_, PyAny>,
        record: Option<Record>,
        tlsrpt_report: bool,
    ) -> PyResult<Option<Self>> {
        if !is_value(outcome, "Outcome")? {
            let class = outcome.get_type().name()?;
            return Err(PyTypeError::new_err(format!("expected an Outcome, not {class}")));
        }
        let domain = policy_domain(domain)?;
        let failure = outcome.getattr("failure")?;
        if failure.is_none() {
            return Ok(None);
        }
        let policy: Option<PyRef<'_, Policy>> = outcome.getattr("policy")?.extract()?;
        let discovery = Discovery::new(domain, &failure, policy.as_deref())?;
        Ok(Some(Self {
            kind: Kind::Discovery(Box::new(discovery)),
            record: record.map(|Record(text)| text),
            is_of_tlsrpt_report: tlsrpt_report,
            sending_ip: None,
        }))
    }

    /// Returns the event with another sending address: the public one of a host behind a NAT.
    #[pyo3(signature = (address, /))]
    fn with_sending_ip(&self, address: IpAddress) -> Self {
        Self { sending_ip: Some(address.0), ..self.clone() }
    }

    /// The recipient domain, to which the report goes.
    #[getter]
    fn domain(&self) -> PyResult<PolicyDomain> {
        self.with(|event| PolicyDomain(event.domain().clone()))
    }

    /// The policy type under which the event is counted, a `PolicyType`.
    #[getter]
    fn policy_type<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.with(|event| word(py, "PolicyType", event.policy_type().as_str()))?
    }

    /// Whether it is counted as a failed session.
    #[getter]
    fn has_failed(&self) -> PyResult<bool> {
        self.with(|event| event.has_failed())
    }

    /// Makes an event of `discovery` from its pickle.
    #[staticmethod]
    #[pyo3(signature = (domain, failure, policy, record, tlsrpt_report, sending_ip, /))]
    fn _of_failure(
        domain: &PolicyDomain,
        failure: &Bound<'_, PyAny>,
        policy: Option<&Policy>,
        record: Option<String>,
        tlsrpt_report: bool,
        sending_ip: Option<IpAddress>,
    ) -> PyResult<Self> {
        let discovery = Discovery::new(domain.0.clone(), failure, policy)?;
        Ok(Self {
            kind: Kind::Discovery(Box::new(discovery)),
            record,
            is_of_tlsrpt_report: tlsrpt_report,
            sending_ip: sending_ip.map(|IpAddress(address)| address),
        })
    }

    /// Makes an event of a datagram from its pickle.
    #[staticmethod]
    #[pyo3(signature = (json, sending_ip, /))]
    fn _of_datagram(py: Python<'_>, json: &str, sending_ip: Option<IpAddress>) -> PyResult<Self> {
        let datagram = tlsrpt::Datagram::parse(json.as_bytes()).map_err(|error| error.into_exception(py))?;
        Ok(Self {
            kind: Kind::OfDatagram(Box::new(datagram)),
            record: None,
            is_of_tlsrpt_report: false,
            sending_ip: sending_ip.map(|IpAddress(address)| address),
        })
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this, class) = (slf.py(), slf.get(), slf.get_type());
        let shown = |address: Option<IpAddr>| address.map(|address| address.to_string());
        let sending_ip = shown(this.sending_ip);
        match &this.kind {
            Kind::Session(session) => {
                let Session { domain, row, mx_host, policy, tlsa_records, helo, receiving_ip, reason } =
                    &**session;
                let options = PyDict::new(py);
                options.set_item("mx_host", mx_host.as_ref().map(DnsName::as_str))?;
                options.set_item("policy", policy.clone().map(Policy))?;
                options.set_item("tlsa_records", tlsa_records)?;
                options.set_item("helo", helo)?;
                options.set_item("sending_ip", sending_ip)?;
                options.set_item("receiving_ip", shown(*receiving_ip))?;
                options.set_item("reason", reason)?;
                options.set_item("record", &this.record)?;
                options.set_item("tlsrpt_report", this.is_of_tlsrpt_report)?;
                let row = row_value(py, row.policy_type, row.result_type, row.reason)?;
                let partial = py.import("functools")?.getattr("partial")?;
                let session = partial.call((class.getattr("session")?,), Some(&options))?;
                Ok((session, (PolicyDomain(domain.clone()), row).into_pyobject(py)?))
            }
            Kind::Discovery(discovery) => {
                let Discovery { domain, result_type, reason, received_lines, policy } = &**discovery;
                let result_type = word(py, "ResultType", result_type.as_str())?;
                let failure = value(py, "PolicyFailure", (result_type, reason, received_lines.clone()))?;
                let policy = policy.clone().map(Policy);
                let (record, is_report) = (&this.record, this.is_of_tlsrpt_report);
                let arguments =
                    (PolicyDomain(domain.clone()), failure, policy, record, is_report, sending_ip);
                Ok((class.getattr("_of_failure")?, arguments.into_pyobject(py)?))
            }
            Kind::OfDatagram(datagram) => {
                let json = datagram.to_json().map_err(|error| error.into_exception(py))?;
                Ok((class.getattr("_of_datagram")?, (json, sending_ip).into_pyobject(py)?))
            }
        }
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __repr__(&self) -> PyResult<String> {
        self.with(|event| {
            let (domain, policy_type, has_failed) =
                (event.domain(), event.policy_type(), shown_bool(event.has_failed()));
            format!("<Event domain={domain} policy_type={policy_type} has_failed={has_failed}>")
        })
    }
}

impl Event {
    /// An event of a datagram with this record.
    pub(crate) fn of_datagram(event: &tlsrpt::Event<'_>, record: &str) -> Self {
        let mut own = tlsrpt::Datagram::new(event.domain(), record);
        own.add(event);
        Self {
            kind: Kind::OfDatagram(Box::new(own)),
            record: None,
            is_of_tlsrpt_report: false,
            sending_ip: None,
        }
    }

    /// Works on the event as the core has it.
    pub(crate) fn with<R>(&self, work: impl FnOnce(tlsrpt::Event<'_>) -> R) -> PyResult<R> {
        let texts: Vec<&str>;
        let mut event = match &self.kind {
            Kind::Session(session) => {
                texts = session.tlsa_records.iter().map(String::as_str).collect();
                tlsrpt::Event::session(&session.domain, &session.row, session.facts(&texts))
            }
            Kind::Discovery(discovery) => {
                texts = discovery.received_lines.iter().map(String::as_str).collect();
                let Discovery { domain, result_type, reason, policy, .. } = &**discovery;
                tlsrpt::Event::failed_discovery(domain, *result_type, reason, &texts, policy.as_ref())
            }
            Kind::OfDatagram(datagram) => {
                let event = datagram.events().next();
                event.ok_or_else(|| PyRuntimeError::new_err("the event of a datagram is gone"))?
            }
        };
        if let Some(record) = &self.record {
            event = event.with_record(record);
        }
        if let Some(address) = self.sending_ip {
            event = event.with_sending_ip(address);
        }
        Ok(work(event.with_tlsrpt_report(self.is_of_tlsrpt_report)))
    }
}

impl Discovery {
    /// `failure` is a `PolicyFailure`.
    fn new(
        domain: core::PolicyDomain,
        failure: &Bound<'_, PyAny>,
        policy: Option<&Policy>,
    ) -> PyResult<Self> {
        Ok(Self {
            domain,
            result_type: from_word("ResultType", &failure.getattr("result_type")?.extract::<String>()?)?,
            reason: failure.getattr("reason_code")?.extract()?,
            received_lines: text_of_each(&failure.getattr("received_lines")?)?,
            policy: policy.map(|policy| policy.0.clone()),
        })
    }
}

impl Session {
    fn facts<'a>(&'a self, tlsa_records: &'a [&'a str]) -> SessionFacts<'a> {
        let mut facts = self.mx_host.as_ref().map_or_else(SessionFacts::default, SessionFacts::new);
        if let Some(policy) = &self.policy {
            facts = facts.with_policy(policy);
        }
        if let Some(helo) = &self.helo {
            facts = facts.with_helo(helo);
        }
        if let Some(address) = self.receiving_ip {
            facts = facts.with_receiving_ip(address);
        }
        if let Some(reason) = &self.reason {
            facts = facts.with_reason(reason);
        }
        facts.with_tlsa_records(tlsa_records)
    }
}

/// A TLSRPT record from Python: a `TlsrptRecord`, or its text.
pub(crate) struct Record(pub(crate) String);

impl<'a, 'py> FromPyObject<'a, 'py> for Record {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyString>() || object.is_instance_of::<TlsrptRecord>() {
            return Ok(Self(object.str()?.to_string_lossy().into_owned()));
        }
        let class = object.get_type().name()?;
        Err(PyTypeError::new_err(format!("expected a TlsrptRecord or str, not {class}")))
    }
}
