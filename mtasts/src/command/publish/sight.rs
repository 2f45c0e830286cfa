//! What DNS and the Policy Host have now.

use std::time::Duration;

use mta_sts_core::publish::{Facts, History};
use mta_sts_core::{DnsName, FetchLimits, HttpResponse, Policy, PolicyDomain, Record, RecordId, UnixTime};
use mta_sts_resolver::{DnsClient, DnsError, DomainCheck, PolicyFetchErrorKind, TxtAnswer};

use super::published::Known;
use crate::command::Exit;
use crate::command::check::start_each;
use crate::command::network::Clients;

/// What DNS and the Policy Host of a domain have now.
pub(super) struct Sight {
    pub(super) hosts: Vec<DnsName>,
    pub(super) mx_ttl: Option<Duration>,
    pub(super) record: Option<RecordId>,
    pub(super) record_ttl: Option<Duration>,
    pub(super) policy: Option<Policy>,
    /// The reason why there is no policy.
    pub(super) fault: Option<String>,
}

impl Sight {
    /// Looks at a domain. What cannot be seen now is an error, since it is not known to be absent.
    pub(super) async fn of(domain: &PolicyDomain, clients: &Clients) -> Result<Self, (Exit, String)> {
        let (hosts, mx_ttl) = hosts(domain, &clients.dns).await?;
        let (record, record_ttl) = match clients.dns.txt(&domain.txt_name()).await {
            Ok(answer) => record_of(&answer),
            Err(DnsError::NotFound(_)) => (None, None),
            Err(error) => return Err(cannot_see(&domain.txt_name(), &error)),
        };
        let (policy, fault) = match policy(domain, clients).await? {
            Ok(policy) => (Some(policy), None),
            Err(fault) => (None, Some(fault)),
        };
        Ok(Self { hosts, mx_ttl, record, record_ttl, policy, fault })
    }

    /// Looks at domains, some at once; the results are in the order of the domains.
    pub(super) async fn of_all(
        domains: &[PolicyDomain],
        clients: &Clients,
    ) -> Vec<Result<Self, (Exit, String)>> {
        let running = start_each(domains.iter().cloned().map(|domain| {
            let clients = clients.clone();
            async move { Self::of(&domain, &clients).await }
        }));
        let mut sights = Vec::new();
        for running in running {
            let sight = running.await;
            sights.push(sight.unwrap_or_else(|error| Err((Exit::Temporary, error.to_string()))));
        }
        sights
    }

    /// What a check has seen.
    pub(super) fn of_check(check: &DomainCheck) -> Self {
        let (record, record_ttl) = match &check.discovery.txt {
            Some(Ok(answer)) => record_of(answer),
            _ => (None, None),
        };
        Self {
            hosts: check.hosts.iter().filter_map(|host| DnsName::parse(&host.name).ok()).collect(),
            mx_ttl: check.mx.as_ref().ok().map(|answer| answer.ttl),
            record,
            record_ttl,
            policy: check.discovery.outcome.policy().cloned(),
            fault: None,
        }
    }

    #[cfg(test)]
    pub(super) fn new(hosts: Vec<DnsName>, policy: Option<Policy>, record: Option<RecordId>) -> Self {
        Self { hosts, mx_ttl: None, record, record_ttl: None, policy, fault: None }
    }

    /// Whether senders could find a policy.
    pub(super) fn is_published(&self) -> bool {
        self.record.is_some() || self.policy.is_some()
    }

    /// Notes it in a history.
    pub(super) fn note(&self, history: &mut History, now: UnixTime) {
        history.note_policy(self.policy.as_ref(), now);
        history.note_record(self.record.as_ref(), now);
        history.note_hosts(&self.hosts, now);
    }

    /// Notes it in what is known of the domain, and the TTLs.
    pub(super) fn note_in(&self, known: &mut Known, now: UnixTime) {
        self.note(&mut known.history, now);
        known.record_ttl = known.record_ttl.max(self.record_ttl.unwrap_or_default());
        known.mx_ttl = known.mx_ttl.max(self.mx_ttl.unwrap_or_default());
    }

    /// The facts that a plan needs.
    pub(super) fn facts(&self, known: &Known) -> Facts {
        Facts::new(self.hosts.clone()).with_record_ttl(known.record_ttl).with_mx_ttl(known.mx_ttl)
    }
}

/// The MX hosts; without MX records the domain itself (RFC 5321, 5.1).
async fn hosts(
    domain: &PolicyDomain,
    dns: &DnsClient,
) -> Result<(Vec<DnsName>, Option<Duration>), (Exit, String)> {
    let nothing =
        || (Exit::No, format!("{domain} receives no mail: it has neither MX records nor addresses"));
    let answer = match dns.mx_hosts(domain.as_str()).await {
        Ok(answer) => answer,
        Err(DnsError::NotFound(_)) => return Err(nothing()),
        Err(error) => return Err(cannot_see(domain.as_str(), &error)),
    };
    if answer.is_null() {
        return Err((
            Exit::No,
            format!("{domain} receives no mail: its MX record is the null MX (RFC 7505)"),
        ));
    }
    let mut ttl = answer.ttl;
    if answer.is_implicit() {
        ttl = match dns.addresses(domain.as_str()).await {
            Ok(answer) => answer.ttl,
            Err(DnsError::NotFound(_)) => return Err(nothing()),
            Err(error) => return Err(cannot_see(domain.as_str(), &error)),
        };
    }
    let names = answer.hosts.iter().map(|host| {
        DnsName::parse(&host.name).map_err(|error| {
            let what = error.kind().message();
            (Exit::No, format!("the MX host {:?} of {domain} cannot be in a policy: {what}", host.name))
        })
    });
    Ok((names.collect::<Result<_, _>>()?, Some(ttl)))
}

/// The policy, or why senders get none.
async fn policy(domain: &PolicyDomain, clients: &Clients) -> Result<Result<Policy, String>, (Exit, String)> {
    let host = domain.policy_host();
    let addresses = match clients.dns.addresses(&host).await {
        Ok(answer) => answer.addresses,
        Err(DnsError::NotFound(absence)) => return Ok(Err(format!("{host}: {absence}"))),
        Err(error) => return Err(cannot_see(&host, &error)),
    };
    let response = match clients.fetcher.fetch(&host, &addresses).await {
        Ok(response) => response,
        Err(error) => {
            return match error.kind() {
                PolicyFetchErrorKind::LocalFault | PolicyFetchErrorKind::Busy => {
                    Err((Exit::Temporary, format!("{host}: {error}")))
                }
                _ => Ok(Err(format!("{host}: {error}"))),
            };
        }
    };
    let read = Policy::from_response(&HttpResponse::from(&response), &FetchLimits::new());
    Ok(read.map_err(|error| format!("{host}: {error}")))
}

/// The id of the record, if there is a usable one, and the TTL.
fn record_of(answer: &TxtAnswer) -> (Option<RecordId>, Option<Duration>) {
    (Record::select(&answer.records).ok().map(|record| *record.id()), Some(answer.ttl))
}

fn cannot_see(name: &str, error: &DnsError) -> (Exit, String) {
    (Exit::Temporary, format!("DNS does not tell what {name} has: {error}"))
}
