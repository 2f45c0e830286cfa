use mta_sts_core::{
    self as core, Conclusion, DanePrecedence, DaneState, HostOutcome, MessageTls, MxHost, QueueLifetime,
    SessionFault, TlsMinimum, TlsResult,
};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::convert::{Text, from_word, octets_of_each, value, word_of, word_text};
use crate::name::{DnsName, mx_name};
use crate::policy::Policy;
use crate::verdict::{MxVerdict, SessionVerdict};

/// What a message to a domain may be sent over: asked before a connection, after TLS, at the end.
///
/// >>> from mta_sts import Delivery, Policy
/// >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")
/// >>> delivery = Delivery(policy)
/// >>> delivery.check_mx("mx.example.com").decision
/// Authenticate(dns_id='mx.example.com')
/// >>> delivery.check_session("mx.example.com", "certificate-expired").decision
/// <SessionDecision.TRY_NEXT_MX: 'try-next-mx'>
///
/// `policy` is that of the outcome, or `None`. `message`: what the message asks, a `MessageTls`.
/// `minimum`: what the operator demands of every session, a `TlsMinimum`. `dane_precedence`: a
/// `DanePrecedence`. `tlsrpt_report`: whether the message is a TLSRPT report (RFC 8460, 3).
#[pyclass(frozen, module = "mta_sts")]
pub(crate) struct Delivery {
    policy: Option<core::Policy>,
    message: MessageTls,
    minimum: TlsMinimum,
    dane_precedence: DanePrecedence,
    tlsrpt_report: bool,
}

#[pymethods]
impl Delivery {
    #[new]
    #[pyo3(signature = (policy = None, /, *, message = "unspecified", minimum = "opportunistic", dane_precedence = "both", tlsrpt_report = false))]
    fn new(
        policy: Option<&Policy>,
        #[pyo3(from_py_with = word_text)] message: &str,
        #[pyo3(from_py_with = word_text)] minimum: &str,
        #[pyo3(from_py_with = word_text)] dane_precedence: &str,
        tlsrpt_report: bool,
    ) -> PyResult<Self> {
        Ok(Self {
            policy: policy.map(|policy| policy.0.clone()),
            message: from_word("MessageTls", message)?,
            minimum: from_word("TlsMinimum", minimum)?,
            dane_precedence: from_word("DanePrecedence", dane_precedence)?,
            tlsrpt_report,
        })
    }

    /// What to do about one MX host, before a connection: an `MxVerdict`.
    ///
    /// `host` is the name in the MX record, as it came. What is no host name, such as an address, is skipped
    /// where a policy is enforced or a certificate asked for, and gets the message otherwise. `dane` is a
    /// `DaneState`; `dnssec`, whether DNSSEC vouches for the MX record.
    #[pyo3(signature = (host, /, *, dane = "not-applicable", dnssec = false))]
    fn check_mx(
        &self,
        host: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = word_text)] dane: &str,
        dnssec: bool,
    ) -> PyResult<MxVerdict> {
        let name = mx_name(host)?;
        let host_facts = mx_host(name.as_ref(), dane, dnssec)?;
        Ok(self.delivery().check_mx(&host_facts).into())
    }

    /// What to do about each host of the MX list, in its order: a `Plan`. Hosts are names, or `MxHost` with
    /// what DANE and DNSSEC say of them.
    #[pyo3(signature = (hosts, /))]
    fn plan<'py>(&self, hosts: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = hosts.py();
        let mut facts = Vec::new();
        for host in hosts.try_iter()? {
            let host = host?;
            if host.is_instance_of::<DnsName>() || host.is_instance_of::<pyo3::types::PyString>() {
                facts.push((mx_name(&host)?, DaneState::NotApplicable, false));
            } else {
                let dane: String = host.getattr("dane")?.extract()?;
                let dnssec = host.getattr("dnssec")?.extract()?;
                facts.push((mx_name(&host.getattr("name")?)?, from_word("DaneState", &dane)?, dnssec));
            }
        }
        let hosts: Vec<_> = facts
            .iter()
            .map(|(name, dane, dnssec)| MxHost::of(name.as_ref()).with_dane(*dane).with_dnssec(*dnssec))
            .collect();
        let plan = self.delivery().plan(&hosts);
        let verdicts: PyResult<Vec<_>> =
            plan.hosts.into_iter().map(|verdict| Bound::new(py, MxVerdict::from(verdict))).collect();
        value(py, "Plan", (PyTuple::new(py, verdicts?)?,))
    }

    /// Whether the message may go over this session, after TLS or without: a `SessionVerdict`.
    ///
    /// `tls` is a `TlsResult`; `offers_requiretls`, whether the last EHLO offers REQUIRETLS.
    #[pyo3(signature = (host, tls, /, *, dane = "not-applicable", dnssec = false, offers_requiretls = false))]
    fn check_session(
        &self,
        host: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = word_text)] tls: &str,
        #[pyo3(from_py_with = word_text)] dane: &str,
        dnssec: bool,
        offers_requiretls: bool,
    ) -> PyResult<SessionVerdict> {
        let tls: TlsResult = from_word("TlsResult", tls)?;
        let name = mx_name(host)?;
        let session = core::Session::new(tls).with_requiretls(offers_requiretls);
        Ok(self.delivery().check_session(&mx_host(name.as_ref(), dane, dnssec)?, session).into())
    }

    /// What becomes of a message that no host took: `Defer`, `RecheckPolicy` or `Bounce`.
    ///
    /// `hosts` says for each one a `SessionFault`, or `None` if it could not be reached or failed
    /// temporarily; `lifetime` is a `QueueLifetime`.
    #[pyo3(signature = (hosts, /, *, lifetime = "running"))]
    fn conclude<'py>(
        &self,
        hosts: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = word_text)] lifetime: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = hosts.py();
        let lifetime: QueueLifetime = from_word("QueueLifetime", lifetime)?;
        let mut outcomes = Vec::new();
        for host in hosts.try_iter()? {
            outcomes.push(match host?.extract::<Option<String>>()? {
                Some(fault) => HostOutcome::Faulted(from_word::<SessionFault>("SessionFault", &fault)?),
                None => HostOutcome::Unavailable,
            });
        }
        match self.delivery().conclude(&outcomes, lifetime) {
            Conclusion::Defer => value(py, "Defer", PyTuple::empty(py)),
            Conclusion::RecheckPolicy => value(py, "RecheckPolicy", PyTuple::empty(py)),
            Conclusion::Bounce(status) => value(py, "Bounce", (status.as_str(),)),
        }
    }

    fn __repr__(&self) -> String {
        let mode =
            self.policy.as_ref().map_or_else(|| "no policy".into(), |policy| policy.mode().to_string());
        format!("<Delivery {mode}>")
    }
}

impl Delivery {
    fn delivery(&self) -> core::Delivery<'_> {
        core::Delivery::new(self.policy.as_ref())
            .message(self.message)
            .minimum(self.minimum)
            .dane_precedence(self.dane_precedence)
            .tlsrpt_report(self.tlsrpt_report)
    }
}

fn mx_host<'a>(name: Option<&'a core::DnsName>, dane: &str, dnssec: bool) -> PyResult<MxHost<'a>> {
    Ok(MxHost::of(name).with_dane(from_word("DaneState", dane)?).with_dnssec(dnssec))
}

/// `MessageTls.of`.
#[pyfunction]
#[pyo3(signature = (*, requiretls, tls_required_no, null_reverse_path))]
pub(crate) fn message_tls(
    py: Python<'_>,
    requiretls: bool,
    tls_required_no: bool,
    null_reverse_path: bool,
) -> PyResult<Bound<'_, PyAny>> {
    word_of(py, "MessageTls", &MessageTls::of(requiretls, tls_required_no, null_reverse_path))
}

/// Whether the header fields `TLS-Required` of a message, given without their name, say `No` (RFC 8689, 5).
#[pyfunction]
#[pyo3(signature = (values, /))]
pub(crate) fn tls_required_no(values: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(core::tls_required_no(&octets_of_each(values)?))
}

/// Whether a DNS-ID of a certificate covers this host (RFC 8461, 4.2; RFC 6125, 6.4).
#[pyfunction]
#[pyo3(signature = (dns_id, host, /))]
pub(crate) fn dns_id_matches(dns_id: Text<'_>, host: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(mx_name(host)?.is_some_and(|host| core::dns_id_matches(dns_id.as_ref(), &host)))
}
