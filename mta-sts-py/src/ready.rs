use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{self, LiveFindings, LiveHost, Readiness, Served, Verdict};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyTuple};

use crate::convert::{Time, count, size};
use crate::hint::{hint_from, hint_value};
use crate::name::{DnsName, dns_name, dns_names, policy_domain};
use crate::policy::Policy;
use crate::report::Report;
use crate::value::{Values, value, wanted, word};

/// Assesses whether a policy in mode testing can be enforced, and what is missing: a `Readiness`.
///
/// >>> from mta_sts import Policy
/// >>> from mta_sts.tlsrpt import LiveFindings, LiveHost, Report, ReportPeriod, ReportPolicy, assess
/// >>> now = 1_700_000_000
/// >>> policy = Policy.parse("version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 86400\n")
/// >>> sessions = ReportPolicy("sts", "example.com", mx_hosts=["mx.example.com"], successes=40)
/// >>> reports = [
/// ...     Report(
/// ...         organization="Sender",
/// ...         contact="tls@sender.example",
/// ...         id=f"{day}@sender.example",
/// ...         period=ReportPeriod.of_day(now - day * 86_400),
/// ...         policies=[sessions],
/// ...     )
/// ...     for day in range(1, 8)
/// ... ]
/// >>> readiness = assess(
/// ...     reports,
/// ...     domain="example.com",
/// ...     policy=policy,
/// ...     now=now,
/// ...     live=LiveFindings(hosts=[LiveHost("mx.example.com")]),
/// ...     since=now - 20 * 86_400,
/// ... )
/// >>> str(readiness.verdict), [shortfall.code for shortfall in readiness.shortfalls]
/// ('not-yet', ['few-submitters'])
/// >>> str(readiness.evidence)
/// 'no failure of yours in 280 sessions: fewer than 1.08 % fail, at 95 % confidence'
///
/// `reports` may include other domains: their policies are ignored, and so are reports without a period, or with one that
/// ends after tomorrow. Of two reports with the same organisation, `report-id` and period, the worse values are used.
/// `policy`: the policy that is served. `live`: the findings of a current check of the domain; without them the verdict is
/// never "ready". `since`: the time since which the policy has had its current list of `mx`; without it, the time is
/// derived from the reports. `mended_at`: the time when a fault of the domain was last fixed; failures of that day are
/// attributed to the time before. `rules`: the thresholds of the conditions, by default those of `ReadyRules()`.
///
/// The function makes no network queries. Anybody can write a report: pass only reports that you trust. Other threads can
/// run meanwhile.
///
/// Raises MtaStsError for an invalid domain or host, or an unknown hint code.
#[allow(clippy::too_many_arguments)] // Each is a keyword in Python.
#[pyfunction]
#[pyo3(signature = (reports, /, *, domain, policy, now, live = None, since = None, mended_at = None, rules = None))]
pub(crate) fn assess<'py>(
    reports: &Bound<'py, PyAny>,
    domain: &Bound<'py, PyAny>,
    policy: &Policy,
    now: Time,
    live: Option<&Bound<'py, PyAny>>,
    since: Option<Time>,
    mended_at: Option<Time>,
    rules: Option<&ReadyRules>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = reports.py();
    let domain = policy_domain(domain)?;
    let mut served = Served::new(&domain, &policy.0);
    if let Some(time) = since {
        served = served.since(time.0);
    }
    if let Some(time) = mended_at {
        served = served.mended_at(time.0);
    }
    let live = live.map(live_findings).transpose()?;
    let rules = rules.map(|rules| rules.0.clone()).unwrap_or_default();
    let reports: Vec<Bound<'_, Report>> =
        reports.try_iter()?.map(|report| Ok(report?.cast_into()?)).collect::<PyResult<_>>()?;
    let reports: Vec<&tlsrpt::Report> = reports.iter().map(|report| &report.get().content).collect();
    let readiness = py.detach(|| Readiness::assess(reports, live.as_ref(), &served, now.0, &rules));
    readiness_value(py, &readiness)
}

fn live_findings(live: &Bound<'_, PyAny>) -> PyResult<LiveFindings> {
    wanted(Values::General, live, "LiveFindings")?;
    let mut findings = LiveFindings::new();
    let fault = live.getattr("policy_fault")?;
    if !fault.is_none() {
        findings = findings.with_policy_fault(hint_from(&fault)?);
    }
    for host in live.getattr("hosts")?.try_iter()? {
        let given = host?;
        wanted(Values::General, &given, "LiveHost")?;
        let mut host = LiveHost::new(dns_name(&given.getattr("name")?)?);
        let fault = given.getattr("fault")?;
        if !fault.is_none() {
            host = host.with_fault(hint_from(&fault)?);
        }
        if let Some(Time(time)) = given.getattr("expires_at")?.extract()? {
            host = host.expires_at(time);
        }
        findings = findings.with_host(if given.getattr("renewal_seen")?.extract()? {
            host.with_renewal_seen()
        } else {
            host
        });
    }
    Ok(findings)
}

fn readiness_value<'py>(py: Python<'py>, readiness: &Readiness) -> PyResult<Bound<'py, PyAny>> {
    let (verdict, earliest) = match readiness.verdict() {
        Verdict::Ready => ("ready", None),
        Verdict::NotYet { earliest } => ("not-yet", Some(earliest.as_secs())),
        Verdict::Blocked => ("blocked", None),
    };
    let conditions = readiness.conditions().iter().map(|condition| {
        let rule = condition.rule();
        let shortfalls = condition.shortfalls().iter().map(|shortfall| shortfall_value(py, shortfall));
        let shortfalls = PyTuple::new(py, shortfalls.collect::<PyResult<Vec<_>>>()?)?;
        let named = word(py, "ReadyRule", rule.code())?;
        value(py, "Condition", (named, shortfalls, rule.message(), rule.reason()))
    });
    let conditions = PyTuple::new(py, conditions.collect::<PyResult<Vec<_>>>()?)?;
    let evidence = readiness.evidence();
    let evidence = value(
        py,
        "Evidence",
        (
            evidence.days(),
            evidence.submitters(),
            evidence.sessions(),
            evidence.clean_sessions(),
            evidence.unverified_sessions(),
            evidence.unusable_reports(),
            evidence.failure_share(),
            evidence.to_string(),
        ),
    )?;
    value(py, "Readiness", (word(py, "Verdict", verdict)?, earliest, conditions, evidence))
}

fn shortfall_value<'py>(py: Python<'py>, shortfall: &tlsrpt::Shortfall) -> PyResult<Bound<'py, PyAny>> {
    let hint = shortfall.hint().map(|hint| hint_value(py, hint)).transpose()?;
    let arguments = (
        word(py, "ReadyRule", shortfall.rule().code())?,
        shortfall.code(),
        shortfall.host().cloned().map(DnsName),
        hint,
        shortfall.earliest().map(UnixTime::as_secs),
        shortfall.message(),
        shortfall.fix(),
    );
    value(py, "Shortfall", arguments)
}

/// The thresholds of the conditions for enforcing a policy, for `assess`.
///
/// >>> from mta_sts.tlsrpt import ReadyRules
/// >>> ReadyRules().days, ReadyRules(days=28, accepted=["old-mx.example.com"]).days
/// (14, 28)
///
/// `certificate_days`: the number of days for which the certificate of each MX host must remain valid if no renewal has
/// been observed, 14 by default. `served_days`: the number of full days without a failed fetch of the policy, 7. `days`:
/// the number of full days for which the same list of MX hosts must have been served, 14. `submitters`: the number of
/// organisations that must have reported successes, 2. `sessions`: the number of sessions that must have succeeded, 100.
/// `few_sessions`: the number of sessions that is enough for a domain with little mail, and the number of days after which
/// it is, `(10, 28)`. `silent_days`: the maximum number of days without a reported success, 7. `clean_days`: the number of
/// days without a failure caused by the domain itself, 7. `witnesses`: the number of organisations that must report a
/// failure before it is attributed to the domain, 2. `other_failures`: the number of sessions per thousand of one
/// organisation that may fail for other causes, and the number of days on which they may, `(5, 2)`. `accepted`: hosts that
/// reports may name although they are not in DNS.
///
/// Raises MtaStsError for an invalid host.
#[pyclass(frozen, eq, module = "mta_sts.tlsrpt")]
#[derive(PartialEq, Eq)]
pub(crate) struct ReadyRules(tlsrpt::ReadyRules);

#[pymethods]
impl ReadyRules {
    #[allow(clippy::too_many_arguments)] // Each is a keyword in Python.
    #[new]
    #[pyo3(signature = (*, certificate_days = None, served_days = None, days = None, submitters = None, sessions = None, few_sessions = None, silent_days = None, clean_days = None, witnesses = None, other_failures = None, accepted = None))]
    fn new(
        certificate_days: Option<Small>,
        served_days: Option<Small>,
        days: Option<Small>,
        submitters: Option<Small>,
        sessions: Option<&Bound<'_, PyAny>>,
        few_sessions: Option<(Small, Small)>,
        silent_days: Option<Small>,
        clean_days: Option<Small>,
        witnesses: Option<Small>,
        other_failures: Option<(Small, Small)>,
        accepted: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut rules = tlsrpt::ReadyRules::new();
        if let Some(Small(days)) = certificate_days {
            rules = rules.with_certificate_days(days);
        }
        if let Some(Small(days)) = served_days {
            rules = rules.with_served_days(days);
        }
        if let Some(Small(days)) = days {
            rules = rules.with_days(days);
        }
        if let Some(Small(count)) = submitters {
            rules = rules.with_submitters(count);
        }
        if let Some(sessions) = sessions {
            rules = rules.with_sessions(count(sessions)?);
        }
        if let Some((Small(count), Small(days))) = few_sessions {
            rules = rules.with_few_sessions(count.into(), days);
        }
        if let Some(Small(days)) = silent_days {
            rules = rules.with_silent_days(days);
        }
        if let Some(Small(days)) = clean_days {
            rules = rules.with_clean_days(days);
        }
        if let Some(Small(count)) = witnesses {
            rules = rules.with_witnesses(count);
        }
        if let Some((Small(per_mille), Small(days))) = other_failures {
            rules = rules.with_other_failures(per_mille, days);
        }
        for host in dns_names(accepted)?.into_iter().flatten() {
            rules = rules.with_accepted(host);
        }
        Ok(Self(rules))
    }

    /// The number of days for which a certificate must remain valid.
    #[getter]
    fn certificate_days(&self) -> u32 {
        self.0.certificate_days()
    }

    /// The number of full days without a failed fetch of the policy.
    #[getter]
    fn served_days(&self) -> u32 {
        self.0.served_days()
    }

    /// The number of full days for which the same list of MX hosts must have been served.
    #[getter]
    fn days(&self) -> u32 {
        self.0.days()
    }

    /// The number of organisations that must have reported successes.
    #[getter]
    fn submitters(&self) -> u32 {
        self.0.submitters()
    }

    /// The number of sessions that must have succeeded.
    #[getter]
    fn sessions(&self) -> u64 {
        self.0.sessions()
    }

    /// The number of sessions that is enough for a domain with little mail, and the number of days after which it is.
    #[getter]
    fn few_sessions(&self) -> (u64, u32) {
        self.0.few_sessions()
    }

    /// The maximum number of full days without a reported success.
    #[getter]
    fn silent_days(&self) -> u32 {
        self.0.silent_days()
    }

    /// The number of full days without a failure caused by the domain itself.
    #[getter]
    fn clean_days(&self) -> u32 {
        self.0.clean_days()
    }

    /// The number of organisations that must report a failure before it is attributed to the domain.
    #[getter]
    fn witnesses(&self) -> u32 {
        self.0.witnesses()
    }

    /// The number of sessions per thousand that may fail for other causes, and the number of days on which they may.
    #[getter]
    fn other_failures(&self) -> (u32, u32) {
        self.0.other_failures()
    }

    /// The accepted hosts.
    #[getter]
    fn accepted<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.accepted().iter().cloned().map(DnsName).collect::<Vec<_>>())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let named = slf.get().named(slf.py())?;
        let named = named.iter().map(|(name, value)| Ok(format!("{name}={}", value.repr()?)));
        Ok(format!("ReadyRules({})", named.collect::<PyResult<Vec<_>>>()?.join(", ")))
    }

    /// Returns the constructor call, with its keyword arguments in a `functools.partial`.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, ())> {
        let py = slf.py();
        let partial = py.import("functools")?.getattr("partial")?;
        Ok((partial.call((slf.get_type(),), Some(&slf.get().named(py)?))?, ()))
    }
}

impl ReadyRules {
    fn named<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let numbers = [
            ("certificate_days", self.certificate_days()),
            ("served_days", self.served_days()),
            ("days", self.days()),
            ("submitters", self.submitters()),
            ("silent_days", self.silent_days()),
            ("clean_days", self.clean_days()),
            ("witnesses", self.witnesses()),
        ];
        let named = numbers.into_py_dict(py)?;
        named.set_item("sessions", self.sessions())?;
        named.set_item("few_sessions", self.few_sessions())?;
        named.set_item("other_failures", self.other_failures())?;
        named.set_item("accepted", self.accepted(py)?)?;
        Ok(named)
    }
}

/// A number of days or senders, saturating at 2^32 - 1.
struct Small(u32);

impl<'a, 'py> FromPyObject<'a, 'py> for Small {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(size(&object)?.try_into().unwrap_or(u32::MAX)))
    }
}
