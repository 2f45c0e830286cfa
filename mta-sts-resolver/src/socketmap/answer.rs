//! The answer to one request.

use std::borrow::Cow;

use mta_sts_core::{DnsName, Mode, Policy, postfix};

use super::key::Destination;
use super::zone::{DnsFailureAnswer, MatchNames, Zone, Zones};
use crate::dns::{DnsClient, DnsError};
use crate::service::{PolicyAnswer, PolicyService};

/// What a map says of a key, in the words of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Mail to the destination needs this TLS.
    Ok(String),
    /// The map has nothing to say: the client's own level applies.
    NotFound,
    /// It is not known now: the client defers the mail.
    Temporary { code: &'static str, text: String },
    /// What came is no request.
    Permanent(&'static str),
}

impl Answer {
    /// As it is sent. Postfix wants the space after `NOTFOUND`.
    pub(super) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Ok(tls_policy) => ["OK ", tls_policy].concat().into(),
            Self::NotFound => "NOTFOUND ".into(),
            Self::Temporary { code, text } => format!("TEMP {text} [{code}]").into(),
            Self::Permanent(text) => format!("PERM {text}").into(),
        }
    }
}

/// Answers the request `MAP KEY`.
pub(super) async fn answer(request: &[u8], zones: &Zones, service: &PolicyService) -> Answer {
    let Some(space) = request.iter().position(|octet| *octet == b' ') else {
        return Answer::Permanent("Expected the name of a map, a space, and a key.");
    };
    let (map, key) = (&request[..space], &request[space + 1..]);
    // Octets that are not UTF-8 are no domain.
    let Some(destination) = std::str::from_utf8(key).ok().and_then(Destination::parse) else {
        return Answer::NotFound;
    };
    let zone = std::str::from_utf8(map).map_or_else(|_| zones.default_zone(), |map| zones.zone(map));
    let answer = about(&destination, zone, service).await;
    if let Answer::Temporary { code, .. } = answer {
        tracing::debug!(domain = %destination.domain, code, "answered that it is temporary");
    }
    answer
}

async fn about(destination: &Destination, zone: &Zone, service: &PolicyService) -> Answer {
    match service.answer(&destination.domain).await {
        PolicyAnswer::Policy(policy) => {
            tls_policy(&policy, destination, zone, service.resolver().dns()).await
        }
        PolicyAnswer::None(_) => Answer::NotFound,
        PolicyAnswer::Temporary(_) if zone.on_dns_failure == DnsFailureAnswer::NotFound => Answer::NotFound,
        PolicyAnswer::Temporary(why) => Answer::Temporary { code: why.code(), text: why.to_string() },
    }
}

async fn tls_policy(policy: &Policy, destination: &Destination, zone: &Zone, dns: &DnsClient) -> Answer {
    let Destination { domain, is_host } = destination;
    let told = if *is_host {
        postfix::tls_policy_for_hosts(policy, domain, &[domain.as_name().clone()], zone.form)
    } else if zone.match_names == MatchNames::MxHosts && policy.mode() == Mode::Enforce {
        match mx_hosts(domain.as_name(), dns).await {
            Ok(hosts) => postfix::tls_policy_for_hosts(policy, domain, &hosts, zone.form),
            Err(error) => {
                let text = "The MX records could not be looked up.".to_owned();
                return Answer::Temporary { code: error.code(), text };
            }
        }
    } else {
        postfix::tls_policy(policy, domain, zone.form)
    };
    match told {
        Ok(Some(tls_policy)) => Answer::Ok(tls_policy),
        Ok(None) => Answer::NotFound,
        Err(error) => Answer::Temporary { code: error.code(), text: error.to_string() },
    }
}

/// The domain's MX hosts; the domain itself where it has no MX record (RFC 5321, 5.1).
async fn mx_hosts(domain: &DnsName, dns: &DnsClient) -> Result<Vec<DnsName>, DnsError> {
    match dns.mx(domain.as_str()).await {
        Ok(answer) => {
            Ok(answer.hosts.iter().filter_map(|host| DnsName::parse(&host.exchange).ok()).collect())
        }
        Err(DnsError::NotFound(_)) => Ok(vec![domain.clone()]),
        Err(failed) => Err(failed),
    }
}
