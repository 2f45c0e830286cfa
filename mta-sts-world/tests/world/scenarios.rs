//! Two small senders, one opportunistic and one that honours MTA-STS, meet in every scenario what the table says.

use std::collections::HashSet;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use mta_sts_world::{
    Channel, Delivery, Mode, MtaStsOutcome, PolicySource, PolicyType, Reader, Report, ResultType, Scenario,
    State, WhyNone, World,
};
use rustls::CertificateError;

use crate::client::{Smtp, ask_udp, careless, certificate_error, fetch, mail_hosts, texts, trusting, world};

#[tokio::test]
async fn opportunistic_tls_ends_as_expected() {
    let world = world().await;
    for scenario in world.scenarios() {
        world.reset().unwrap();
        world.switch(&scenario.name, State::Attack).unwrap();
        let host = mail_hosts(&world, &scenario.domain).await.remove(0);
        let channel = deliver(&world, scenario, &host).await;
        let read_by = reader(&world, scenario);
        let delivery = Delivery::Delivered { mx: host, channel, read_by };
        assert_eq!(delivery, scenario.expected.opportunistic, "{}", scenario.name);
    }
}

#[tokio::test]
async fn mta_sts_ends_as_expected() {
    let world = world().await;
    for scenario in world.scenarios() {
        world.reset().unwrap();
        let cached = if scenario.needs_cached_policy {
            assert_eq!(scenario.initial, State::Calm);
            let (policy, _) = discover(&world, scenario, None, &mut Vec::new()).await;
            let policy = policy.unwrap();
            world.switch(&scenario.name, State::Attack).unwrap();
            Some(policy)
        } else {
            assert_eq!(scenario.initial, State::Attack);
            None
        };
        let outcome = send(&world, scenario, cached).await;
        assert_eq!(outcome, scenario.expected.mta_sts, "{}", scenario.name);
    }
}

#[tokio::test]
async fn every_scenario_is_calm_without_its_fault() {
    let world = world().await;
    for scenario in world.scenarios() {
        world.reset().unwrap();
        world.switch(&scenario.name, State::Calm).unwrap();
        let outcome = send(&world, scenario, None).await;
        let Delivery::Delivered { mx, read_by, .. } = outcome.delivery else { panic!("{}", scenario.name) };
        assert!(mx.ends_with(&scenario.domain), "{}", scenario.name);
        assert_eq!(read_by, Reader::Recipient, "{}", scenario.name);
        assert_eq!(outcome.reports, [], "{}", scenario.name);
    }
}

#[tokio::test]
async fn names_are_words_and_domains_are_their_own() {
    let world = world().await;
    let domains: HashSet<_> = world.scenarios().iter().map(|scenario| &scenario.domain).collect();
    assert_eq!(domains.len(), world.scenarios().len());
    assert!(world.scenarios().len() >= 24);
    for scenario in world.scenarios() {
        assert!(scenario.name.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-'));
        assert_eq!(scenario.domain, format!("{}.test", scenario.name));
        assert!(scenario.recipient.ends_with(&format!("@{}", scenario.domain)));
        assert!(scenario.story.ends_with('.'));
    }
}

#[derive(Clone)]
struct Policy {
    id: String,
    mode: Mode,
    patterns: Vec<String>,
}

/// RFC 8461, 5: one sender with a cache of at most one policy.
async fn send(world: &World, scenario: &Scenario, cached: Option<Policy>) -> MtaStsOutcome {
    let mut reports = Vec::new();
    let (policy, source) = discover(world, scenario, cached, &mut reports).await;
    let mode = policy.as_ref().map(|policy| policy.mode);
    let mut outcome = MtaStsOutcome { delivery: Delivery::Deferred, policy: source, mode, reports };
    if source == (PolicySource::None { why: WhyNone::DnsFailed }) {
        return outcome;
    }
    let checked = match mode {
        Some(Mode::Enforce | Mode::Testing) => policy.as_ref(),
        _ => None,
    };
    for host in mail_hosts(world, &scenario.domain).await {
        let mut fault = None;
        if let Some(policy) = checked {
            fault = fault_of(world, policy, &host).await;
            let faulty = fault.is_some();
            outcome.reports.extend(fault.clone());
            // RFC 8689: for such a message the fault is counted, and keeps it from no host.
            if faulty && policy.mode == Mode::Enforce && !scenario.tls_required_no {
                continue;
            }
        }
        let mut channel = deliver(world, scenario, &host).await;
        if checked.is_some() && fault.is_none() && !scenario.tls_required_no {
            channel = Channel::Authenticated;
        }
        outcome.delivery = Delivery::Delivered { mx: host, channel, read_by: reader(world, scenario) };
        break;
    }
    outcome
}

async fn discover(
    world: &World,
    scenario: &Scenario,
    cached: Option<Policy>,
    reports: &mut Vec<Report>,
) -> (Option<Policy>, PolicySource) {
    let report =
        |result_type| Report { policy_type: PolicyType::Sts, result_type, reason_code: None, mx: None };
    let found = match record(world, &scenario.domain).await {
        Ok(id) if cached.as_ref().is_some_and(|policy| policy.id == id) => {
            return (cached, PolicySource::Cached);
        }
        Ok(id) => policy(world, &scenario.domain, id).await.map_err(|result_type| {
            reports.push(report(result_type));
            WhyNone::FetchFailed
        }),
        Err(why) => {
            if cached.is_some() {
                reports.push(report(ResultType::StsPolicyFetchError));
            }
            Err(why)
        }
    };
    match (found, cached) {
        (Ok(policy), _) => (Some(policy), PolicySource::Fetched),
        (Err(_), Some(policy)) => (Some(policy), PolicySource::Cached),
        (Err(why), None) => (None, PolicySource::None { why }),
    }
}

async fn record(world: &World, domain: &str) -> Result<String, WhyNone> {
    let answer = ask_udp(world, &format!("_mta-sts.{domain}"), RecordType::TXT, None).await;
    let answer = answer.ok_or(WhyNone::DnsFailed)?;
    if answer.metadata.response_code == ResponseCode::ServFail {
        return Err(WhyNone::DnsFailed);
    }
    let records: Vec<_> = texts(&answer)
        .into_iter()
        .filter_map(|text| Some(text.strip_prefix("v=STSv1; id=")?.to_owned()))
        .collect();
    match records.as_slice() {
        [] => Err(WhyNone::NoRecord),
        [rest] => Ok(rest.split(';').next().unwrap().to_owned()),
        _ => Err(WhyNone::SeveralRecords),
    }
}

async fn policy(world: &World, domain: &str, id: String) -> Result<Policy, ResultType> {
    let response = fetch(world, &format!("mta-sts.{domain}")).await.map_err(|error| {
        certificate_error(&error).map_or(ResultType::StsPolicyFetchError, |_| ResultType::StsWebpkiInvalid)
    })?;
    if response.status != 200 {
        return Err(ResultType::StsPolicyFetchError);
    }
    let mut mode = None;
    let mut patterns = Vec::new();
    for line in response.text().lines() {
        match line.split_once(": ").ok_or(ResultType::StsPolicyInvalid)? {
            ("mode", "enforce") => mode = Some(Mode::Enforce),
            ("mode", "testing") => mode = Some(Mode::Testing),
            ("mode", "none") => mode = Some(Mode::None),
            ("mx", pattern) => patterns.push(pattern.to_owned()),
            _ => {}
        }
    }
    Ok(Policy { id, mode: mode.ok_or(ResultType::StsPolicyInvalid)?, patterns })
}

/// RFC 8461, 4.1 and 4.2.
async fn fault_of(world: &World, policy: &Policy, host: &str) -> Option<Report> {
    let fault = |result_type, reason_code: Option<&str>| {
        Some(Report {
            policy_type: PolicyType::Sts,
            result_type,
            reason_code: reason_code.map(str::to_owned),
            mx: Some(host.to_owned()),
        })
    };
    let listed = policy.patterns.iter().any(|pattern| match pattern.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
        None => pattern == host,
    });
    if !listed {
        return fault(ResultType::ValidationFailure, Some("mx-mismatch"));
    }
    let mut smtp = Smtp::connect(world, host).await;
    if !smtp.command("EHLO sender.test").await.contains("STARTTLS") {
        return fault(ResultType::StarttlsNotSupported, None);
    }
    let error = smtp.starttls(trusting(world), host).await.err()?;
    match certificate_error(&error)? {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            fault(ResultType::CertificateExpired, None)
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            fault(ResultType::CertificateHostMismatch, None)
        }
        _ => fault(ResultType::CertificateNotTrusted, None),
    }
}

/// By TLS if it is offered, with whoever answers.
async fn deliver(world: &World, scenario: &Scenario, host: &str) -> Channel {
    let mut smtp = Smtp::connect(world, host).await;
    let mut channel = Channel::Clear;
    if smtp.command("EHLO sender.test").await.contains("STARTTLS") {
        smtp = smtp.starttls(careless(), host).await.unwrap();
        smtp.command("EHLO sender.test").await;
        channel = Channel::Encrypted;
    }
    smtp.deliver(&scenario.recipient, "Subject: hello\r\n\r\nhello").await;
    channel
}

/// Who has read the message, by the record of the servers.
fn reader(world: &World, scenario: &Scenario) -> Reader {
    let seen = world.seen();
    let delivered: Vec<_> = seen
        .smtp
        .iter()
        .flat_map(|session| &session.transactions)
        .filter(|transaction| transaction.message.is_some())
        .collect();
    assert_eq!(delivered.len(), 1, "{}", scenario.name);
    assert_eq!(delivered[0].recipients, [scenario.recipient.as_str()]);
    delivered[0].read_by
}
