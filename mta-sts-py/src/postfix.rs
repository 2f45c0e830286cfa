use mta_sts_core::postfix::{Form, tls_policy, tls_policy_for_hosts};
use pyo3::prelude::*;

use crate::convert::word_text;
use crate::error::{IntoException, unknown_word};
use crate::name::{dns_names, policy_domain};
use crate::policy::Policy;

/// A policy as the answer to a TLS policy lookup of Postfix or sendmail; `None` for NOTFOUND.
///
/// >>> from mta_sts import Policy, postfix_tls_policy
/// >>> policy = Policy.parse(b"version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n")
/// >>> postfix_tls_policy(policy, "example.com")
/// 'secure match=.example.com servername=hostname'
///
/// `form`: the form of the answer, a `PostfixForm`. `mx_hosts`: those of them that the policy covers are used instead
/// of its patterns. There is no answer in mode none, and in mode testing only with `extended-with-testing`.
///
/// Raises MtaStsError if the policy cannot be expressed to Postfix: answer TEMP, so that the mail waits.
#[pyfunction]
#[pyo3(signature = (policy, domain, /, *, form = "basic", mx_hosts = None))]
pub(crate) fn postfix_tls_policy(
    policy: &Policy,
    domain: &Bound<'_, PyAny>,
    #[pyo3(from_py_with = word_text)] form: &str,
    mx_hosts: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<String>> {
    let py = domain.py();
    let domain = policy_domain(domain)?;
    let form = match form {
        "basic" => Form::Basic,
        "extended" => Form::Extended,
        "extended-with-testing" => Form::ExtendedWithTesting,
        other => return Err(unknown_word(py, "PostfixForm", other)),
    };
    let answer = match dns_names(mx_hosts)? {
        None => tls_policy(&policy.0, &domain, form),
        Some(hosts) => tls_policy_for_hosts(&policy.0, &domain, &hosts, form),
    };
    answer.map_err(|error| error.into_exception(py))
}
