//! The answer to one request.

use std::borrow::Cow;

use mta_sts_core::postfix::{self, PostfixErrorKind};
use mta_sts_core::{DnsName, Mode, NoPolicy, Policy, PolicyDomain};
use mta_sts_resolver::{
    DaneChecker, DaneCoverage, DaneError, DnsClient, DnsError, MxRecord, PolicyAnswer, PolicyService,
};

use super::OnSkipped;
use super::key::Destination;
use super::overrides::Override;
use super::zone::{DaneAnswer, DaneLookup, DnsFailureAnswer, FetchFailureAnswer, MatchNames, Zone, Zones};

/// The answer of a map about a key, in terms of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Mail to the destination requires this TLS level.
    Ok(String),
    /// The map has no answer: the client's own level applies.
    NotFound,
    /// A temporary failure: the client defers the mail.
    Temporary { code: &'static str, text: String },
    /// The request is not valid.
    Permanent(&'static str),
}

impl Answer {
    /// The text as sent. Postfix requires the space after `NOTFOUND`.
    pub(super) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Ok(tls_policy) => ["OK ", tls_policy].concat().into(),
            Self::NotFound => "NOTFOUND ".into(),
            Self::Temporary { code, text } => format!("TEMP {text} [{code}]").into(),
            Self::Permanent(text) => format!("PERM {text}").into(),
        }
    }
}

/// The reasons for an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grounds {
    pub(super) is_overridden: bool,
    pub(super) domain: Option<PolicyDomain>,
    /// The answer of MTA-STS; `None` if it was not looked up.
    pub(super) policy: Option<PolicyAnswer>,
    /// The answer of DANE; `None` if it was not looked up.
    pub(super) dane: Option<Result<DaneCoverage, DaneError>>,
    /// The MX hosts that no session is begun with, since the policy does not cover them; where they were looked up.
    pub(super) skipped: Vec<DnsName>,
}

/// Answers the request `MAP KEY`.
pub(super) async fn answer(
    request: &[u8],
    zones: &Zones,
    service: &PolicyService,
    dane: &DaneChecker,
    on_skipped: Option<&OnSkipped>,
) -> Answer {
    let Some(space) = request.iter().position(|octet| *octet == b' ') else {
        return Answer::Permanent("Expected the name of a map, a space, and a key.");
    };
    let (map, key) = (&request[..space], &request[space + 1..]);
    // Octets that are not UTF-8 are not a domain.
    let Ok(key) = std::str::from_utf8(key) else { return Answer::NotFound };
    let zone = std::str::from_utf8(map).map_or_else(|_| zones.default_zone(), |map| zones.zone(map));
    let (answer, grounds) = look_up(key, zone, zones, service, dane).await;
    if let (Answer::Temporary { code, text }, Some(domain)) = (&answer, &grounds.domain) {
        service.note_temporary(domain, code, text);
    }
    if let (Some(on_skipped), Some(domain), Some(PolicyAnswer::Policy(policy)), [_, ..]) =
        (on_skipped, &grounds.domain, &grounds.policy, &*grounds.skipped)
    {
        on_skipped.call(domain, policy, &grounds.skipped);
    }
    answer
}

/// The answer to a key in a zone, and the reasons.
pub(super) async fn look_up(
    key: &str,
    zone: &Zone,
    zones: &Zones,
    service: &PolicyService,
    dane: &DaneChecker,
) -> (Answer, Grounds) {
    let mut grounds = Grounds::default();
    let overriding = zones.overrides.of(key);
    grounds.is_overridden = overriding.is_some();
    let overriding = match overriding {
        Some(Override::Exempt) => return (Answer::NotFound, grounds),
        Some(Override::Tls(tls_policy)) => return (Answer::Ok(tls_policy.clone()), grounds),
        Some(Override::Policy(policy)) => Some(policy),
        None => None,
    };
    let Some(destination) = Destination::parse(key) else { return (Answer::NotFound, grounds) };
    let policy = match overriding {
        Some(policy) => PolicyAnswer::Policy(policy.clone()),
        None => match zone.answer_within {
            Some(limit) => service.answer_within(&destination.domain, limit).await,
            None => service.answer(&destination.domain).await,
        },
    };
    grounds.policy = Some(policy.clone());
    let answer = about(&destination, policy, zone, service.resolver().dns(), dane, &mut grounds).await;
    grounds.domain = Some(destination.domain);
    (answer, grounds)
}

async fn about(
    destination: &Destination,
    policy: PolicyAnswer,
    zone: &Zone,
    dns: &DnsClient,
    dane: &DaneChecker,
    grounds: &mut Grounds,
) -> Answer {
    let policy = match policy {
        PolicyAnswer::Policy(policy) => Some(policy).filter(|policy| policy.mode() != Mode::None),
        PolicyAnswer::None(why @ (NoPolicy::FetchFailed(_) | NoPolicy::BackingOff { .. }))
            if zone.on_fetch_failure == FetchFailureAnswer::Temporary =>
        {
            return Answer::Temporary { code: why.code(), text: why.to_string() };
        }
        PolicyAnswer::None(_) => None,
        // A local fault says nothing about the domain, whatever the zone says about DNS failures.
        PolicyAnswer::Temporary(why)
            if zone.on_dns_failure == DnsFailureAnswer::NotFound && !why.is_local_fault() =>
        {
            None
        }
        PolicyAnswer::Temporary(why) => {
            return Answer::Temporary { code: why.code(), text: why.to_string() };
        }
    };
    if zone.dane != DaneAnswer::Ignore && (policy.is_some() || zone.dane_lookup == DaneLookup::Always) {
        let found = check_dane(destination, dane).await;
        grounds.dane = Some(found);
        if let Some(answer) = dane_answer(policy.as_ref(), found, zone) {
            return answer;
        }
    }
    match policy {
        Some(policy) => tls_policy(&policy, destination, zone, dns, &mut grounds.skipped).await,
        None => Answer::NotFound,
    }
}

async fn check_dane(
    Destination { domain, is_host, port }: &Destination,
    dane: &DaneChecker,
) -> Result<DaneCoverage, DaneError> {
    if *is_host {
        dane.check_host(domain.as_name(), *port).await
    } else {
        dane.check_domain(domain, *port).await
    }
}

/// The answer because of DANE, which takes precedence over any policy; `None` if DANE does not apply (RFC 8461, 2).
fn dane_answer(
    policy: Option<&Policy>,
    checked: Result<DaneCoverage, DaneError>,
    zone: &Zone,
) -> Option<Answer> {
    // Mail to a host without DANE would not be protected as the policy requires.
    let is_enforced = policy.is_some_and(|policy| policy.mode() == Mode::Enforce);
    Some(match (checked, zone.dane) {
        (Ok(DaneCoverage::NoHost), _) => return None,
        (Ok(DaneCoverage::SomeHosts), _) if is_enforced => Answer::Ok("dane-only".to_owned()),
        (Ok(_), DaneAnswer::NotFound) => Answer::NotFound,
        (Ok(DaneCoverage::EveryHost), _) => Answer::Ok("dane-only".to_owned()),
        (Ok(DaneCoverage::SomeHosts), _) => Answer::Ok("dane".to_owned()),
        (Err(error), _) => Answer::Temporary { code: error.code(), text: error.to_string() },
    })
}

async fn tls_policy(
    policy: &Policy,
    destination: &Destination,
    zone: &Zone,
    dns: &DnsClient,
    skipped: &mut Vec<DnsName>,
) -> Answer {
    let Destination { domain, is_host, .. } = destination;
    let told = if *is_host {
        postfix::tls_policy_for_hosts(policy, domain, &[domain.as_name().clone()], zone.form)
    } else if zone.match_names == MatchNames::MxHosts && policy.mode() == Mode::Enforce {
        match mx_hosts(domain.as_name(), dns).await {
            Ok(hosts) => {
                *skipped = skipped_hosts(policy, &hosts);
                let hosts: Vec<_> = hosts.into_iter().map(|(_, host)| host).collect();
                postfix::tls_policy_for_hosts(policy, domain, &hosts, zone.form)
            }
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
        // For a smart host no MX records are looked up.
        Err(error) if *is_host && error.kind() == PostfixErrorKind::NoPermittedHost => {
            let text = format!("The policy of the smart host {domain} does not cover this host.");
            Answer::Temporary { code: error.code(), text }
        }
        Err(error) => Answer::Temporary { code: error.code(), text: error.to_string() },
    }
}

/// The hosts preferred over all that the policy covers: every sender skips them. It may not need the others.
fn skipped_hosts(policy: &Policy, hosts: &[(u16, DnsName)]) -> Vec<DnsName> {
    let covers = |host: &DnsName| policy.matching_pattern(host).is_some();
    let first = hosts.iter().filter(|(_, host)| covers(host)).map(|(preference, _)| *preference).min();
    let comes_before = |preference: u16| first.is_none_or(|first| preference < first);
    hosts.iter().filter(|(preference, _)| comes_before(*preference)).map(|(_, host)| host.clone()).collect()
}

/// The domain's MX hosts with their preferences, or the domain itself if it has no MX record (RFC 5321, 5.1).
async fn mx_hosts(domain: &DnsName, dns: &DnsClient) -> Result<Vec<(u16, DnsName)>, DnsError> {
    match dns.mx(domain.as_str()).await {
        Ok(answer) => {
            let named = |host: &MxRecord| Some((host.preference, DnsName::parse(&host.exchange).ok()?));
            Ok(answer.hosts.iter().filter_map(named).collect())
        }
        Err(DnsError::NotFound(_)) => Ok(vec![(0, domain.clone())]),
        Err(failed) => Err(failed),
    }
}
