use std::time::Duration;

use mta_sts_core::publish::{Action, Facts, Plan, Step, Target, Wait};
use mta_sts_core::{self as core, Mode};
use pyo3::prelude::*;
use pyo3::types::{PySequence, PyTuple};

use crate::convert::{Span, Time, from_word, word_text};
use crate::draft::{Draft, mx_patterns};
use crate::error::{IntoException, unknown_word};
use crate::history::History;
use crate::name::{DnsName, dns_name, dns_names};
use crate::value::{Values, published, wanted, word};

/// Returns the plan from what is published to a target, for `Plan.between`.
#[pyfunction]
#[pyo3(signature = (history, target, facts, /, *, now))]
pub(crate) fn plan_between<'py>(
    py: Python<'py>,
    history: &History,
    target: &Bound<'py, PyAny>,
    facts: &Bound<'py, PyAny>,
    now: Time,
) -> PyResult<Bound<'py, PyAny>> {
    let (target, facts) = (target_of(target)?, facts_of(facts)?);
    let history = history.read(py);
    let plan = py.detach(|| Plan::between(&history, &target, &facts, now.0));
    let plan = plan.map_err(|error| error.into_exception(py))?;
    let steps = plan.steps().iter().map(|step| step_value(py, step));
    let steps = PyTuple::new(py, steps.collect::<PyResult<Vec<_>>>()?)?;
    let (earliest, safe) = plan.settled_at();
    published(py, "Plan", (steps, earliest.as_secs(), safe.as_secs()))
}

/// Returns the reason to wait, and the section of the RFC that it comes from, for `Wait`.
#[pyfunction]
#[pyo3(signature = (wait, /))]
pub(crate) fn wait_reason(
    py: Python<'_>,
    #[pyo3(from_py_with = word_text)] wait: &str,
) -> PyResult<(&'static str, &'static str)> {
    let found = Wait::ALL.iter().find(|known| known.code() == wait);
    let found = found.ok_or_else(|| unknown_word(py, "Wait", wait))?;
    Ok((found.message(), found.section()))
}

fn target_of(given: &Bound<'_, PyAny>) -> PyResult<Target> {
    wanted(Values::Publishing, given, "Target")?;
    let mode = given.getattr("mode")?;
    let mut target = if given.getattr("is_removal")?.is_truthy()? {
        Target::removed()
    } else {
        Target::new(from_word::<Mode>("Mode", word_text(&mode)?)?)
    };
    if let Some(max_age) = span(given, "max_age")? {
        target = target.with_max_age(max_age);
    }
    let hosts = given.getattr("hosts")?;
    if let Some(hosts) = dns_names((!hosts.is_none()).then_some(&hosts))? {
        target = target.with_hosts(hosts);
    }
    for wildcard in mx_patterns(Some(&given.getattr("wildcards")?))? {
        target = target.with_wildcard(wildcard);
    }
    if let Some(name) = optional_name(given, "policy_host")? {
        target = target.with_policy_host(name);
    }
    if let Some(time) = span(given, "testing_period")? {
        target = target.with_testing_period(time);
    }
    let growth = given.getattr("growth")?.try_iter()?.map(|rung| {
        let (max_age, time): (Span, Span) = rung?.cast::<PySequence>()?.to_tuple()?.extract()?;
        Ok((max_age.0, time.0))
    });
    Ok(target.with_growth(growth.collect::<PyResult<Vec<_>>>()?))
}

/// Sets a span of time among the facts.
type Setter = fn(Facts, Duration) -> Facts;

fn facts_of(given: &Bound<'_, PyAny>) -> PyResult<Facts> {
    wanted(Values::Publishing, given, "Facts")?;
    let hosts = given.getattr("hosts")?;
    let mut facts = Facts::new(dns_names(Some(&hosts))?.unwrap_or_default());
    if let Some(name) = optional_name(given, "policy_host")? {
        facts = facts.with_policy_host(name);
    }
    let set: [(&str, Setter); 6] = [
        ("record_ttl", Facts::with_record_ttl),
        ("mx_ttl", Facts::with_mx_ttl),
        ("policy_host_ttl", Facts::with_policy_host_ttl),
        ("policy_cache", Facts::with_policy_cache),
        ("retry", Facts::with_retry),
        ("queue_lifetime", Facts::with_queue_lifetime),
    ];
    for (name, set) in set {
        facts = set(facts, given.getattr(name)?.extract::<Span>()?.0);
    }
    Ok(facts)
}

fn span(given: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<Duration>> {
    let time: Option<Span> = given.getattr(name)?.extract()?;
    Ok(time.map(|time| time.0))
}

fn optional_name(given: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<core::DnsName>> {
    let host = given.getattr(name)?;
    if host.is_none() { Ok(None) } else { dns_name(&host).map(Some) }
}

fn step_value<'py>(py: Python<'py>, step: &Step) -> PyResult<Bound<'py, PyAny>> {
    let names = |hosts: &[core::DnsName]| {
        let hosts: Vec<_> = hosts.iter().cloned().map(DnsName).collect();
        PyTuple::new(py, hosts)
    };
    let action = step.action();
    let done = match action {
        Action::PutPolicy(draft) => published(py, "PutPolicy", (Draft(draft.clone()),)),
        Action::MovePolicyHost(draft) => published(py, "MovePolicyHost", (Draft(draft.clone()),)),
        Action::PutRecord(id) => published(py, "PutRecord", (id.as_str(),)),
        Action::ChangeMx { add, remove } => published(py, "ChangeMx", (names(add)?, names(remove)?)),
        Action::DeleteRecord => published(py, "DeleteRecord", ()),
        Action::DeletePolicy => published(py, "DeletePolicy", ()),
        other => Err(unknown_word(py, "action", other.code())),
    };
    let arguments = (
        done?,
        step.earliest().as_secs(),
        word(py, "Wait", step.wait().code())?,
        step.safe().as_secs(),
        word(py, "Wait", step.safe_wait().code())?,
        action.code(),
        action.reason(),
        action.section(),
    );
    published(py, "Step", arguments)
}
