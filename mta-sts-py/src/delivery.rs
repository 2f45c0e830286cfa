use mta_sts_core::{
    self as core, Authentication, CertificateResult, Conclusion, DanePrecedence, DaneResult, DaneState,
    HostOutcome, MessageFacts, MessageTls, MxHost, QueueLifetime, Recheck, SessionFault, TlsMinimum,
    TlsResult,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::convert::{Text, from_word, octets_of_each, word_text};
use crate::error::unknown_word;
use crate::name::{DnsName, mx_name};
use crate::policy::Policy;
use crate::value::{is_value, value, word_of};
use crate::verdict::{MxVerdict, SessionVerdict};

/// Decides how a message to a domain may be sent: before a connection, after TLS, and at the end.
///
/// >>> from mta_sts import Delivery, Policy
/// >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")
/// >>> delivery = Delivery.under(policy)
/// >>> delivery.check_mx("mx.example.com").decision
/// Authenticate(dns_id='mx.example.com')
/// >>> delivery.check_session("mx.example.com", "certificate-expired").decision
/// <SessionDecision.TRY_NEXT_MX: 'try-next-mx'>
///
/// A delivery is made by `Delivery.of(outcome)`, `under(policy)`, `without_policy()` or `undetermined()`. All take
/// `message`: what the message asks about TLS, a `MessageTls`; `minimum`: what the operator requires of every session,
/// a `TlsMinimum`; `dane_precedence`: the precedence for a host that has DANE and a policy, a `DanePrecedence`;
/// `tlsrpt_report`: whether the message is a TLSRPT report, which is sent despite failures of MTA-STS and DANE (RFC
/// 8460, 3). Each raises MtaStsError, `unknown-word`, for an unknown keyword.
#[pyclass(frozen, module = "mta_sts")]
pub(crate) struct Delivery {
    binding: Binding,
    message: MessageTls,
    minimum: TlsMinimum,
    dane_precedence: DanePrecedence,
    tlsrpt_report: bool,
}

/// The policy of the recipient domain.
enum Binding {
    Policy(core::Policy),
    NoPolicy,
    /// The lookup could not determine it.
    Unknown,
}

#[pymethods]
impl Delivery {
    // A policy alone does not tell whether there is none or whether that is unknown.
    #[new]
    #[pyo3(signature = (*_arguments, **_options))]
    fn new(_arguments: &Bound<'_, PyTuple>, _options: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        Err(PyTypeError::new_err(
            "a Delivery is made by Delivery.of(outcome) of what a lookup came to, or by Delivery.under(policy), \
             Delivery.without_policy() or Delivery.undetermined()",
        ))
    }

    /// A delivery under the outcome of a lookup: its policy, none, or that this could not be determined.
    ///
    /// >>> from mta_sts import Delivery, TxtFailed, drive
    /// >>> outcome = drive("example.com", query_txt=lambda _: TxtFailed("dns-servfail"), fetch_policy=None)
    /// >>> Delivery.of(outcome).check_mx("mx.example.com").decision
    /// Skip(fault=<SessionFault.POLICY_UNKNOWN: 'policy-unknown'>)
    ///
    /// If DNS did not tell whether there is a policy, the message waits: sending it is the goal of an attacker who
    /// suppresses the record (RFC 8461, 10.2).
    #[staticmethod]
    #[pyo3(signature = (outcome, /, *, message = "unspecified", minimum = "opportunistic", dane_precedence = "both", tlsrpt_report = false))]
    fn of(
        outcome: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = word_text)] message: &str,
        #[pyo3(from_py_with = word_text)] minimum: &str,
        #[pyo3(from_py_with = word_text)] dane_precedence: &str,
        tlsrpt_report: bool,
    ) -> PyResult<Self> {
        Self::bound(Binding::of(outcome)?, message, minimum, dane_precedence, tlsrpt_report)
    }

    /// A delivery under this policy, of any mode.
    #[staticmethod]
    #[pyo3(signature = (policy, /, *, message = "unspecified", minimum = "opportunistic", dane_precedence = "both", tlsrpt_report = false))]
    fn under(
        policy: &Policy,
        #[pyo3(from_py_with = word_text)] message: &str,
        #[pyo3(from_py_with = word_text)] minimum: &str,
        #[pyo3(from_py_with = word_text)] dane_precedence: &str,
        tlsrpt_report: bool,
    ) -> PyResult<Self> {
        let binding = Binding::Policy(policy.0.clone());
        Self::bound(binding, message, minimum, dane_precedence, tlsrpt_report)
    }

    /// A delivery to a domain that provably has no policy. If that is not known, use `undetermined()`.
    #[staticmethod]
    #[pyo3(signature = (*, message = "unspecified", minimum = "opportunistic", dane_precedence = "both", tlsrpt_report = false))]
    fn without_policy(
        #[pyo3(from_py_with = word_text)] message: &str,
        #[pyo3(from_py_with = word_text)] minimum: &str,
        #[pyo3(from_py_with = word_text)] dane_precedence: &str,
        tlsrpt_report: bool,
    ) -> PyResult<Self> {
        Self::bound(Binding::NoPolicy, message, minimum, dane_precedence, tlsrpt_report)
    }

    /// A delivery to a domain whose policy could not be determined: no host is contacted, and the message waits.
    #[staticmethod]
    #[pyo3(signature = (*, message = "unspecified", minimum = "opportunistic", dane_precedence = "both", tlsrpt_report = false))]
    fn undetermined(
        #[pyo3(from_py_with = word_text)] message: &str,
        #[pyo3(from_py_with = word_text)] minimum: &str,
        #[pyo3(from_py_with = word_text)] dane_precedence: &str,
        tlsrpt_report: bool,
    ) -> PyResult<Self> {
        Self::bound(Binding::Unknown, message, minimum, dane_precedence, tlsrpt_report)
    }

    /// Decides about one MX host, before a connection: returns an `MxVerdict`.
    ///
    /// `host` is the name as given in the MX record. A text that is not a host name, such as an IP address, is skipped
    /// if a policy is enforced or a certificate required, and receives the message otherwise. `dane` is a `DaneState`;
    /// `dnssec`, whether DNSSEC authenticates the MX record.
    ///
    /// Raises MtaStsError, `unknown-word`, for an unknown keyword.
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

    /// Decides about each host of the MX list, in order, leaving none out: returns a `Plan`.
    ///
    /// `hosts` are names as given in the MX records, or `MxHost` with what DANE and DNSSEC say about them.
    ///
    /// Raises MtaStsError, `unknown-word`, for an unknown keyword.
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

    /// Decides whether the message may be sent over this session, with or without TLS: returns a `SessionVerdict`.
    ///
    /// >>> from mta_sts import Delivery
    /// >>> delivery = Delivery.without_policy()
    /// >>> # Trusted by no issuer, and one of the TLSA records matches.
    /// >>> session = "certificate-not-trusted"
    /// >>> delivery.check_session("mx.example.com", session, dane="usable", dane_result="passed").decision
    /// <SessionDecision.DELIVER: 'deliver'>
    ///
    /// `tls` is a `TlsResult`. `dane` and `dnssec` are the same as for `check_mx`. `dane_result`: the result of
    /// comparing the certificate with the TLSA records, a `DaneResult`. `offers_requiretls`: whether the last EHLO
    /// response offers REQUIRETLS.
    ///
    /// Raises ValueError for a DANE result in a session without a certificate: TLS was not established, or is older
    /// than 1.2. Raises MtaStsError, `unknown-word`, for an unknown keyword.
    #[pyo3(signature = (host, tls, /, *, dane = "not-applicable", dnssec = false, dane_result = "not-checked", offers_requiretls = false))]
    fn check_session(
        &self,
        host: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = word_text)] tls: &str,
        #[pyo3(from_py_with = word_text)] dane: &str,
        dnssec: bool,
        #[pyo3(from_py_with = word_text)] dane_result: &str,
        offers_requiretls: bool,
    ) -> PyResult<SessionVerdict> {
        let tls = tls_result(host.py(), tls, dane_result)?;
        let name = mx_name(host)?;
        let session = core::Session::new(tls).with_requiretls(offers_requiretls);
        Ok(self.delivery().check_session(&mx_host(name.as_ref(), dane, dnssec)?, session).into())
    }

    /// Compares the outcome of a lookup before a permanent failure with the policy of this delivery: returns a
    /// `Recheck`.
    ///
    /// The lookup must have `Purpose.BEFORE_PERMANENT_FAILURE`, and the result is for `conclude()` (RFC 8461, 5.1).
    #[pyo3(signature = (outcome, /))]
    fn recheck<'py>(&self, outcome: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        // The rule of `core::Delivery::recheck`, since a Python outcome cannot be converted to that of the core.
        let recheck = match (Binding::of(outcome)?, &self.binding) {
            (Binding::NoPolicy, _) => Recheck::NoLongerBound,
            (Binding::Unknown, _) => Recheck::NotChecked,
            (Binding::Policy(policy), Binding::Policy(attempted)) if policy == *attempted => {
                let check: String = outcome.getattr("record_check")?.extract()?;
                if check == "current" { Recheck::Unchanged } else { Recheck::NotChecked }
            }
            (Binding::Policy(_), _) => Recheck::Changed,
        };
        word_of(outcome.py(), "Recheck", &recheck)
    }

    /// Decides what to do with a message that no host accepted: returns `Defer`, `RecheckPolicy`, `TryAgain` or
    /// `Bounce`.
    ///
    /// >>> from mta_sts import Delivery, Policy
    /// >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")
    /// >>> delivery = Delivery.under(policy)
    /// >>> delivery.conclude(["mx-mismatch"], lifetime="over")
    /// RecheckPolicy()
    /// >>> delivery.conclude(["mx-mismatch"], lifetime="over", recheck="unchanged")
    /// Bounce(status='5.4.7')
    ///
    /// `hosts` has for each one a `SessionFault`, or `None` if it was unreachable or failed temporarily. `lifetime`:
    /// whether the message may remain in the queue, a `QueueLifetime`. `recheck`: the result of `recheck()` after a
    /// `RecheckPolicy`.
    ///
    /// Raises MtaStsError, `unknown-word`, for an unknown keyword.
    #[pyo3(signature = (hosts, /, *, lifetime = "running", recheck = None))]
    fn conclude<'py>(
        &self,
        hosts: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = word_text)] lifetime: &str,
        recheck: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = hosts.py();
        let lifetime: QueueLifetime = from_word("QueueLifetime", lifetime)?;
        let recheck = recheck.map(|word| from_word("Recheck", word_text(&word)?)).transpose()?;
        let mut outcomes = Vec::new();
        for host in hosts.try_iter()? {
            let host = host?;
            outcomes.push(if host.is_none() {
                HostOutcome::Unavailable
            } else {
                HostOutcome::Faulted(from_word::<SessionFault>("SessionFault", word_text(&host)?)?)
            });
        }
        match self.delivery().conclude(&outcomes, lifetime, recheck) {
            Conclusion::RecheckPolicy => value(py, "RecheckPolicy", PyTuple::empty(py)),
            Conclusion::TryAgain => value(py, "TryAgain", PyTuple::empty(py)),
            Conclusion::Bounce(status) => value(py, "Bounce", (status.as_str(),)),
            _ => value(py, "Defer", PyTuple::empty(py)),
        }
    }

    fn __repr__(&self) -> String {
        match &self.binding {
            Binding::Policy(policy) => format!("<Delivery {}>", policy.mode()),
            Binding::NoPolicy => "<Delivery no policy>".into(),
            Binding::Unknown => "<Delivery policy unknown>".into(),
        }
    }
}

impl Delivery {
    fn bound(
        binding: Binding,
        message: &str,
        minimum: &str,
        dane_precedence: &str,
        tlsrpt_report: bool,
    ) -> PyResult<Self> {
        Ok(Self {
            binding,
            message: from_word("MessageTls", message)?,
            minimum: from_word("TlsMinimum", minimum)?,
            dane_precedence: from_word("DanePrecedence", dane_precedence)?,
            tlsrpt_report,
        })
    }

    fn delivery(&self) -> core::Delivery<'_> {
        let delivery = match &self.binding {
            Binding::Policy(policy) => core::Delivery::under(policy),
            Binding::NoPolicy => core::Delivery::without_policy(),
            Binding::Unknown => core::Delivery::undetermined(),
        };
        delivery
            .with_message(self.message)
            .with_minimum(self.minimum)
            .with_dane_precedence(self.dane_precedence)
            .with_tlsrpt_report(self.tlsrpt_report)
    }
}

impl Binding {
    fn of(outcome: &Bound<'_, PyAny>) -> PyResult<Self> {
        if !is_value(outcome, "Outcome")? {
            let class = outcome.get_type().name()?;
            return Err(PyTypeError::new_err(format!("expected an Outcome, not {class}")));
        }
        let policy: Option<Bound<'_, Policy>> = outcome.getattr("policy")?.extract()?;
        Ok(match policy {
            Some(policy) => Self::Policy(policy.get().0.clone()),
            None if outcome.getattr("is_known")?.extract()? => Self::NoPolicy,
            None => Self::Unknown,
        })
    }
}

/// The result of a TLS attempt, for which Python has one keyword and the result of DANE.
fn tls_result(py: Python<'_>, tls: &str, dane: &str) -> PyResult<TlsResult> {
    let dane: DaneResult = from_word("DaneResult", dane)?;
    let certificate = match tls {
        "authenticated" => CertificateResult::Valid,
        "certificate-expired" => CertificateResult::Expired,
        "certificate-not-yet-valid" => CertificateResult::NotYetValid,
        "certificate-host-mismatch" => CertificateResult::HostMismatch,
        "certificate-not-trusted" => CertificateResult::NotTrusted,
        "certificate-not-checked" => CertificateResult::NotChecked,
        "not-offered" | "refused" | "handshake-failed" | "version-too-old"
            if dane == DaneResult::NotChecked =>
        {
            return from_word("TlsResult", tls);
        }
        "not-offered" | "refused" | "handshake-failed" | "version-too-old" => {
            return Err(PyValueError::new_err(format!(
                "a session whose TLS is '{tls}' has no certificate that DANE could have checked"
            )));
        }
        _ => return Err(unknown_word(py, "TlsResult", tls)),
    };
    Ok(TlsResult::Established(Authentication::new(certificate).with_dane(dane)))
}

fn mx_host<'a>(name: Option<&'a core::DnsName>, dane: &str, dnssec: bool) -> PyResult<MxHost<'a>> {
    Ok(MxHost::of(name).with_dane(from_word("DaneState", dane)?).with_dnssec(dnssec))
}

/// What a message asks about TLS, for `MessageTls.of` (RFC 8689, 4.1 and 4.2.1).
#[pyfunction]
#[pyo3(signature = (*, requiretls, tls_required_no, null_reverse_path))]
pub(crate) fn message_tls(
    py: Python<'_>,
    requiretls: bool,
    tls_required_no: bool,
    null_reverse_path: bool,
) -> PyResult<Bound<'_, PyAny>> {
    let facts = MessageFacts::new()
        .with_requiretls(requiretls)
        .with_tls_required_no(tls_required_no)
        .with_null_reverse_path(null_reverse_path);
    word_of(py, "MessageTls", &MessageTls::of(facts))
}

/// Returns whether a message says `TLS-Required: No` (RFC 8689, 3). `values` are those of all header fields of that
/// name.
///
/// >>> from mta_sts import tls_required_no
/// >>> tls_required_no([" no\r\n"]), tls_required_no([" No", " No"])
/// (True, False)
///
/// There must be exactly one such field, with nothing after the word. Anything else counts as no field, since that
/// protects the message.
#[pyfunction]
#[pyo3(signature = (values, /))]
pub(crate) fn tls_required_no(values: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(core::tls_required_no(&octets_of_each(values)?))
}

/// Returns whether a DNS-ID of a certificate matches this host (RFC 8461, 4.2; RFC 9525, 6.3).
///
/// >>> from mta_sts import dns_id_matches
/// >>> dns_id_matches("*.example.com", "mx.example.com"), dns_id_matches("mx*.example.com", "mx1.example.com")
/// (True, False)
///
/// For TLS libraries that do not compare names. A text that is not a host name never matches.
#[pyfunction]
#[pyo3(signature = (dns_id, host, /))]
pub(crate) fn dns_id_matches(dns_id: Text<'_>, host: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(mx_name(host)?.is_some_and(|host| core::dns_id_matches(dns_id.as_ref(), &host)))
}
