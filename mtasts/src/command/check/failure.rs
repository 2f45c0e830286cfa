use mta_sts_core::{PolicyType, ResultType, SessionFault};
use mta_sts_resolver::DomainCheck;

/// A failure in the form of TLSRPT.
pub(super) struct Failure<'a> {
    pub(super) policy_type: PolicyType,
    pub(super) result_type: ResultType,
    pub(super) reason_code: Option<&'static str>,
    pub(super) mx: Option<&'a str>,
}

impl<'a> Failure<'a> {
    /// All failures: that of policy discovery, then those of the hosts.
    pub(super) fn all(check: &'a DomainCheck) -> Vec<Self> {
        let discovery = check.discovery.outcome.failure.as_ref().map(|failure| Self {
            policy_type: PolicyType::Sts,
            result_type: failure.result_type,
            reason_code: Some(failure.reason_code),
            mx: None,
        });
        let hosts = check.hosts.iter().flat_map(|host| {
            host.rows.iter().filter_map(|row| {
                Some(Self {
                    policy_type: row.policy_type,
                    result_type: row.result_type?,
                    reason_code: row.reason.map(SessionFault::code),
                    mx: Some(host.name.as_str()),
                })
            })
        });
        discovery.into_iter().chain(hosts).collect()
    }
}
