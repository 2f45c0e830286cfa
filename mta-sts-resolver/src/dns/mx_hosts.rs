//! The hosts to which the mail of a domain goes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::answer::MxAnswer;
use super::failure::{AbsenceKind, DnsError};

/// The hosts to which the mail of a domain goes: those in its MX records, or the domain itself if it has none
/// (RFC 5321, 5.1).
///
/// ```no_run
/// # async fn example() -> Result<(), mta_sts_resolver::DnsError> {
/// let dns = mta_sts_resolver::DnsClient::from_system()?;
/// for host in dns.mx_hosts("example.test").await?.hosts {
///     println!("{}", host.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MxHosts {
    /// The hosts by preference, each once; those with equal preference in the order received. Empty only for a null MX
    /// (RFC 7505). Nothing is known of their addresses.
    pub hosts: Vec<MailHost>,
    /// The smallest TTL of the answer; zero if the absence of MX records came without one.
    pub ttl: Duration,
    /// Whether the answer, or the absence of MX records, is authenticated by DNSSEC.
    pub authenticated: bool,
}

/// A host to which the mail of a domain goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailHost {
    /// The best preference of its MX records; `None` for a domain that is its own host.
    pub preference: Option<u16>,
    /// Its name: lower case, without a trailing dot. It need not be a valid host name.
    pub name: String,
}

impl MxHosts {
    /// The hosts of a domain by the answer about its MX records.
    ///
    /// # Errors
    ///
    /// The error of the answer, unless the domain exists and has no MX records.
    pub fn of(domain: &str, answer: &Result<MxAnswer, DnsError>) -> Result<Self, DnsError> {
        match answer {
            Ok(answer) => {
                let mut seen = BTreeSet::new();
                let hosts = answer.hosts.iter().filter(|host| seen.insert(&host.exchange));
                let host = |preference, name: &str| MailHost { preference, name: name.to_owned() };
                Ok(Self {
                    hosts: hosts.map(|record| host(Some(record.preference), &record.exchange)).collect(),
                    ttl: answer.ttl,
                    authenticated: answer.authenticated,
                })
            }
            Err(DnsError::NotFound(absence)) if absence.kind == AbsenceKind::NoData => Ok(Self {
                hosts: vec![MailHost { preference: None, name: domain.to_owned() }],
                ttl: absence.ttl.unwrap_or_default(),
                authenticated: absence.authenticated,
            }),
            Err(error) => Err(*error),
        }
    }

    /// Returns whether the domain accepts no mail (RFC 7505).
    pub fn is_null(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Returns whether the domain is its own host, without MX records.
    pub fn is_implicit(&self) -> bool {
        self.hosts.iter().any(|host| host.preference.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{DnsAbsence, DnsFailure, MxRecord};

    fn names(answer: &Result<MxAnswer, DnsError>) -> Result<Vec<(Option<u16>, String)>, DnsError> {
        let hosts = MxHosts::of("a.test", answer)?.hosts;
        Ok(hosts.into_iter().map(|host| (host.preference, host.name)).collect())
    }

    fn absent(kind: AbsenceKind) -> Result<MxAnswer, DnsError> {
        Err(DnsAbsence { kind, ttl: Some(Duration::from_secs(60)), authenticated: true }.into())
    }

    #[test]
    fn a_domain_without_mx_records_is_its_own_host_if_it_exists() {
        assert_eq!(names(&absent(AbsenceKind::NoData)), Ok(vec![(None, "a.test".to_owned())]));
        let own = MxHosts::of("a.test", &absent(AbsenceKind::NoData)).unwrap();
        assert!(own.is_implicit() && own.authenticated && own.ttl == Duration::from_secs(60));
        assert!(matches!(names(&absent(AbsenceKind::NoSuchName)), Err(DnsError::NotFound(_))));
        let failed = Err(DnsFailure::ServerFailure.into());
        assert_eq!(names(&failed), Err(DnsFailure::ServerFailure.into()));
    }

    #[test]
    fn a_host_in_several_records_is_one_with_its_best_preference() {
        let record = |preference, exchange: &str| MxRecord { preference, exchange: exchange.to_owned() };
        let hosts = vec![record(5, "b.test"), record(10, "c.test"), record(20, "b.test")];
        let answer = |hosts| Ok(MxAnswer { hosts, ttl: Duration::ZERO, authenticated: false });
        let expected = vec![(Some(5), "b.test".to_owned()), (Some(10), "c.test".to_owned())];
        assert_eq!(names(&answer(hosts)), Ok(expected));
        assert!(MxHosts::of("a.test", &answer(Vec::new())).unwrap().is_null());
    }
}
