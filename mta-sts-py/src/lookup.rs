use mta_sts_core::{
    self as core, FetchFault, FetchLimits, Input, MissingContentType, NoPolicy, Output, RecordCheck,
    TxtFailure,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::{Octets, Span, Time, from_word, http_status, octets_of_each, optional_size, word_text};
use crate::entry::{CacheEntry, CacheUpdate};
use crate::error::IntoException;
use crate::name::{PolicyDomain, policy_domain};
use crate::policy::{Policy, http_response, strictness};
use crate::value::{value, word, word_of};

/// The configuration of lookups, by default with the limits of RFC 8461, 3.3. Spans of time are seconds or
/// timedeltas.
///
/// `back_off`: the back-off of a record id after a failed fetch: 300 s by default and at least, at most a day.
/// `timeout`: of one fetch, 60 s by default. `max_body_len`: of a policy, 65,536 octets by default, at most 1,048,576.
/// `strict`: parse policies by the grammar alone. `accept_missing_content_type`: treat a response without the field as
/// `text/plain`.
///
/// Raises TypeError or ValueError for an invalid option.
#[pyclass(frozen, eq, module = "mta_sts")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LookupConfig {
    config: core::LookupConfig,
    strict: bool,
    accept_missing_content_type: bool,
}

#[pymethods]
impl LookupConfig {
    #[new]
    #[pyo3(signature = (*, back_off = None, timeout = None, max_body_len = None, strict = false, accept_missing_content_type = false))]
    fn new(
        back_off: Option<Span>,
        timeout: Option<Span>,
        #[pyo3(from_py_with = optional_size)] max_body_len: Option<usize>,
        strict: bool,
        accept_missing_content_type: bool,
    ) -> Self {
        let mut limits = FetchLimits::new().with_strictness(strictness(strict));
        if let Some(Span(timeout)) = timeout {
            limits = limits.with_timeout(timeout);
        }
        if let Some(octets) = max_body_len {
            limits = limits.with_max_body_len(octets);
        }
        if accept_missing_content_type {
            limits = limits.with_missing_content_type(MissingContentType::Accept);
        }
        let mut config = core::LookupConfig::new().with_fetch_limits(limits);
        if let Some(Span(back_off)) = back_off {
            config = config.with_back_off(back_off);
        }
        Self { config, strict, accept_missing_content_type }
    }

    /// The back-off of a record id after a failed fetch, in seconds.
    #[getter]
    fn back_off(&self) -> f64 {
        self.config.back_off().as_secs_f64()
    }

    /// The time limit of a fetch, from the address lookup to the end of the body, in seconds.
    #[getter]
    fn timeout(&self) -> f64 {
        self.config.fetch_limits().timeout().as_secs_f64()
    }

    /// The maximum length of the body of a policy, in octets.
    #[getter]
    fn max_body_len(&self) -> usize {
        self.config.fetch_limits().max_body_len()
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((), Bound<'py, PyDict>)> {
        let named = PyDict::new(py);
        named.set_item("back_off", self.back_off())?;
        named.set_item("timeout", self.timeout())?;
        named.set_item("max_body_len", self.max_body_len())?;
        named.set_item("strict", self.strict)?;
        named.set_item("accept_missing_content_type", self.accept_missing_content_type)?;
        Ok(((), named))
    }

    fn __repr__(&self) -> String {
        format!(
            "<LookupConfig back_off={} timeout={} max_body_len={}>",
            self.back_off(),
            self.timeout(),
            self.max_body_len()
        )
    }
}

/// A policy discovery without I/O: it says what to query, takes the answers, and ends with an `Outcome`.
///
/// >>> from mta_sts import Done, FetchPolicy, Lookup, QueryTxt
/// >>> lookup = Lookup("example.com", now=1_700_000_000)
/// >>> lookup.poll_output()
/// QueryTxt(name='_mta-sts.example.com')
/// >>> lookup.handle_txt([b"v=STSv1; id=1;"], ttl=300, now=1_700_000_000)
/// >>> lookup.poll_output().url
/// 'https://mta-sts.example.com/.well-known/mta-sts.txt'
/// >>> body = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n"
/// >>> lookup.handle_response(status=200, content_type="text/plain", body=body, now=1_700_000_001)
/// >>> lookup.poll_output().outcome.policy.matches_mx("mx.example.com")
/// True
///
/// `cached`: the entry of the domain in your store, or `None`. `purpose`: the purpose of the lookup, a `Purpose`.
/// `config`: the limits, by default those of RFC 8461, 3.3. Times are Unix seconds or aware datetimes. `drive()` and
/// `drive_async()` run a lookup to completion with your DNS and HTTPS functions.
///
/// Lookups are independent: two concurrent lookups of one domain make the same queries. `resolver.Resolver` and
/// `aio.Resolver` share one lookup among concurrent requests for a domain.
///
/// Raises MtaStsError for an invalid domain or an unknown purpose. An answer to another query raises MtaStsError,
/// `unexpected-input` or `already-done`, and leaves the lookup unchanged.
#[pyclass(module = "mta_sts")]
pub(crate) struct Lookup(core::Lookup);

#[pymethods]
impl Lookup {
    #[new]
    #[pyo3(signature = (domain, /, *, now, cached = None, purpose = "deliver", config = None))]
    fn new(
        domain: &Bound<'_, PyAny>,
        now: Time,
        cached: Option<&CacheEntry>,
        #[pyo3(from_py_with = word_text)] purpose: &str,
        config: Option<&LookupConfig>,
    ) -> PyResult<Self> {
        let domain = policy_domain(domain)?;
        let purpose = from_word("purpose", purpose)?;
        let entry = cached.map(|entry| &entry.0);
        let default = core::LookupConfig::new();
        let config = config.map_or(&default, |config| &config.config);
        Ok(Self(core::Lookup::new(domain, purpose, entry, now.0, config)))
    }

    /// The domain of the lookup.
    #[getter]
    fn domain(&self) -> PolicyDomain {
        PolicyDomain(self.0.domain().clone())
    }

    /// What to do next: `QueryTxt`, `FetchPolicy` or `Done`. The result is the same until the next answer.
    fn poll_output<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.0.poll_output() {
            Output::QueryTxt(query) => value(py, "QueryTxt", (query.name(),)),
            Output::FetchPolicy(request) => value(
                py,
                "FetchPolicy",
                (request.url(), request.host(), request.timeout().as_secs_f64(), request.max_body_len()),
            ),
            Output::Done(outcome) => value(py, "Done", (outcome_value(py, outcome)?,)),
        }
    }

    /// Takes the TXT records of the name, each with its character-strings concatenated without separators.
    ///
    /// `ttl`: the shortest along the chain to them, in seconds; it is clamped to between 30 s and an hour.
    #[pyo3(signature = (rrset, /, *, ttl, now))]
    fn handle_txt(&mut self, rrset: &Bound<'_, PyAny>, ttl: Span, now: Time) -> PyResult<()> {
        let rrs = octets_of_each(rrset)?;
        self.handle(rrset.py(), Input::txt(&rrs, ttl.0), now)
    }

    /// Takes the answer of DNS that the name or type does not exist.
    ///
    /// `ttl`: the time for which this may be cached, in seconds (RFC 2308); it is clamped to between 30 s and an hour.
    #[pyo3(signature = (*, now, ttl = None))]
    fn handle_txt_not_found(&mut self, py: Python<'_>, now: Time, ttl: Option<Span>) -> PyResult<()> {
        self.handle(py, Input::TxtNotFound { ttl: ttl.map(|ttl| ttl.0).unwrap_or_default() }, now)
    }

    /// Takes the reason why DNS gave no usable answer: a `TxtFailure`.
    ///
    /// Raises MtaStsError, `unknown-word`, for an unknown keyword.
    #[pyo3(signature = (failure, /, *, now))]
    fn handle_txt_failed(
        &mut self,
        py: Python<'_>,
        #[pyo3(from_py_with = word_text)] failure: &str,
        now: Time,
    ) -> PyResult<()> {
        let failure: TxtFailure = from_word("failure of a TXT query", failure)?;
        self.handle(py, Input::TxtFailed(failure), now)
    }

    /// Takes the response of the Policy Host, after its certificate was verified for its name; a status other
    /// than 200 is a response too.
    #[pyo3(signature = (*, status, content_type, body, now))]
    fn handle_response(
        &mut self,
        py: Python<'_>,
        #[pyo3(from_py_with = http_status)] status: u16,
        content_type: Option<Octets<'_>>,
        body: Octets<'_>,
        now: Time,
    ) -> PyResult<()> {
        let response = http_response(status, content_type, body);
        let lookup = &mut self.0;
        py.detach(|| lookup.handle_input(Input::Response(response), now.0))
            .map_err(|error| error.into_exception(py))
    }

    /// Takes the reason why the Policy Host gave no response, or none that could be trusted: a `FetchFailure`.
    ///
    /// Raises MtaStsError, `unknown-word`, for an unknown keyword.
    #[pyo3(signature = (failure, /, *, now))]
    fn handle_fetch_failed(
        &mut self,
        py: Python<'_>,
        #[pyo3(from_py_with = word_text)] failure: &str,
        now: Time,
    ) -> PyResult<()> {
        let failure = from_word("failure of a fetch", failure)?;
        self.handle(py, Input::FetchFailed(failure), now)
    }

    fn __repr__(&self) -> String {
        let state = match self.0.poll_output() {
            Output::QueryTxt(_) => "QueryTxt",
            Output::FetchPolicy(_) => "FetchPolicy",
            Output::Done(_) => "Done",
        };
        format!("<Lookup {} {state}>", self.0.domain())
    }
}

impl Lookup {
    fn handle(&mut self, py: Python<'_>, input: Input<'_>, now: Time) -> PyResult<()> {
        self.0.handle_input(input, now.0).map_err(|error| error.into_exception(py))
    }
}

fn outcome_value<'py>(py: Python<'py>, outcome: &core::Outcome) -> PyResult<Bound<'py, PyAny>> {
    let applied = match &outcome.applied {
        Ok(applied) => value(
            py,
            "AppliedPolicy",
            (
                Policy(applied.policy.clone()),
                word_of(py, "PolicySource", &applied.source)?,
                applied.id.as_str(),
                applied.expires_at.as_secs(),
            ),
        )?,
        Err(no_policy) => no_policy_value(py, *no_policy)?,
    };
    let failure = outcome.failure.as_ref().map(|failure| {
        let result_type = word(py, "ResultType", failure.result_type.as_str())?;
        value(
            py,
            "PolicyFailure",
            (
                result_type,
                failure.reason_code,
                failure.received_lines.iter().map(str::to_owned).collect::<Vec<_>>(),
            ),
        )
    });
    let alert = outcome
        .alert
        .map(|alert| value(py, "Alert", (alert.fault.code(), alert.failures, alert.expires_at.as_secs())));
    let update = CacheUpdate(outcome.cache_update.clone());
    let record_check = match outcome.record_check {
        RecordCheck::NotMade => "not-made",
        RecordCheck::Current => "current",
        _ => "failed",
    };
    let record_check = word(py, "RecordCheck", record_check)?;
    value(py, "Outcome", (applied, update, failure.transpose()?, alert.transpose()?, record_check))
}

fn no_policy_value(py: Python<'_>, no_policy: NoPolicy) -> PyResult<Bound<'_, PyAny>> {
    let (cause, until) = match no_policy {
        NoPolicy::InvalidRecord(kind) => (Some(kind.code()), None),
        NoPolicy::DnsFailed(failure) => (Some(failure.code()), None),
        NoPolicy::FetchFailed(fault) => (Some(FetchFault::code(fault)), None),
        NoPolicy::BackingOff { until } => (None, Some(until.as_secs())),
        _ => (None, None),
    };
    let reason = word(py, "NoPolicyReason", no_policy.code())?;
    value(py, "NoPolicy", (reason, cause, until, no_policy.to_string()))
}
