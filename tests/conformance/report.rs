use core::net::IpAddr;

use mta_sts_core::tlsrpt::{
    Deviation, FailureDetails, Report, ReportLimits, ReportPeriod, ReportPolicy, Word,
};
use mta_sts_core::{PolicyType, ResultType, UnixTime};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, understand};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    json: Octets,
    #[serde(default)]
    limits: Limits,
    /// What the file name says.
    domain: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    #[serde(rename = "max_len")]
    len: Option<usize>,
    #[serde(rename = "max_policies")]
    policies: Option<u32>,
    #[serde(rename = "max_details")]
    details: Option<u32>,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { json, limits: given, domain } = understand(input)?;
    let mut limits = ReportLimits::new();
    if let Some(octets) = given.len {
        limits = limits.with_max_len(octets);
    }
    if let Some(policies) = given.policies {
        limits = limits.with_max_policies(policies);
    }
    if let Some(details) = given.details {
        limits = limits.with_max_details(details);
    }
    let mut read = match Report::parse_with(&json.to_vec(), &limits) {
        Ok(read) => read,
        Err(fault) => {
            let (code, path, offset) = (fault.code(), fault.path().to_string(), fault.offset());
            return Ok(json!({ "error": { "code": code, "path": path, "offset": offset } }));
        }
    };
    if let Some(domain) = domain {
        read.report = read.report.with_missing_domains(&domain);
    }
    let mut shown = shown(&read.report);
    let deviation = |deviation: &Deviation| [deviation.code().to_owned(), deviation.path().to_string()];
    shown["deviations"] = json!(read.deviations.iter().map(deviation).collect::<Vec<_>>());
    Ok(shown)
}

fn shown(report: &Report) -> Value {
    json!({
        "organization": report.organization(),
        "contact": report.contact(),
        "submitter": report.submitter(),
        "id": report.id(),
        "period": report.period().map(|period| [period.start().as_secs(), period.end().as_secs()]),
        "policies": report.policies().iter().map(shown_policy).collect::<Vec<_>>(),
    })
}

pub(crate) fn shown_policy(policy: &ReportPolicy) -> Value {
    json!({
        "type": policy.kind().to_string(),
        "domain": policy.domain(),
        "lines": policy.lines().collect::<Vec<_>>(),
        "mx_hosts": policy.mx_hosts().collect::<Vec<_>>(),
        "sessions": [policy.successes(), policy.failures()],
        "details": policy.details().iter().map(shown_details).collect::<Vec<_>>(),
    })
}

fn shown_details(details: &FailureDetails) -> Value {
    json!({
        "result": details.result().to_string(),
        "sending_mta_ip": details.sending_mta_ip().map(Word::to_string),
        "receiving_mx_hostname": details.receiving_mx_hostname(),
        "receiving_mx_helo": details.receiving_mx_helo(),
        "receiving_ip": details.receiving_ip().map(Word::to_string),
        "failed_sessions": details.failed_sessions(),
        "additional_information": details.additional_information(),
        "failure_reason_code": details.failure_reason_code(),
    })
}

/// A report as it is to be written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    organization: String,
    contact: String,
    id: String,
    period: [u64; 2],
    policies: Vec<DraftPolicy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DraftPolicy {
    r#type: String,
    domain: String,
    #[serde(default)]
    lines: Vec<Octets>,
    #[serde(default)]
    mx_hosts: Vec<String>,
    sessions: [u64; 2],
    #[serde(default)]
    details: Vec<DraftDetails>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DraftDetails {
    result: String,
    sending_mta_ip: Option<String>,
    receiving_mx_hostname: Option<String>,
    receiving_mx_helo: Option<String>,
    receiving_ip: Option<String>,
    failed_sessions: u64,
    additional_information: Option<String>,
    failure_reason_code: Option<String>,
}

pub(crate) fn run_written(input: Value) -> Result<Value, String> {
    let Draft { organization, contact, id, period: [start, end], policies } = understand(input)?;
    let period = ReportPeriod::new(UnixTime::from_secs(start), UnixTime::from_secs(end));
    let mut report = Report::new(organization, contact, id, period.ok_or("the period is reversed")?);
    for policy in policies {
        report = report.with_policy(drafted_policy(policy)?);
    }
    let json = match report.to_json() {
        Ok(json) => json,
        Err(fault) => {
            return Ok(json!({ "error": { "code": fault.code(), "path": fault.path().to_string() } }));
        }
    };
    // Whatever else the case asks, what is written is what is read.
    let read = Report::parse(json.as_bytes()).map_err(|error| error.to_string())?;
    match read.into_strict() {
        Ok(read) if read == report => Ok(json!({ "json": json })),
        Ok(read) => Err(format!("{report:?} was written and read as {read:?}")),
        Err(deviation) => Err(format!("{json} deviates: {deviation}")),
    }
}

fn drafted_policy(draft: DraftPolicy) -> Result<ReportPolicy, String> {
    let DraftPolicy { r#type, domain, lines, mx_hosts, sessions: [successes, failures], details } = draft;
    let line = |octets: &Octets| String::from_utf8(octets.to_vec()).map_err(|error| error.to_string());
    let mut policy = ReportPolicy::new(Word::<PolicyType>::from(r#type.as_str()), domain)
        .with_lines(lines.iter().map(line).collect::<Result<Vec<_>, _>>()?)
        .with_mx_hosts(mx_hosts)
        .with_sessions(successes, failures);
    for draft in details {
        let mut details =
            FailureDetails::new(Word::<ResultType>::from(draft.result.as_str()), draft.failed_sessions);
        let address = |text: &str| Word::<IpAddr>::from(text);
        if let Some(text) = draft.sending_mta_ip {
            details = details.with_sending_mta_ip(address(&text));
        }
        if let Some(text) = draft.receiving_mx_hostname {
            details = details.with_receiving_mx_hostname(text);
        }
        if let Some(text) = draft.receiving_mx_helo {
            details = details.with_receiving_mx_helo(&text);
        }
        if let Some(text) = draft.receiving_ip {
            details = details.with_receiving_ip(address(&text));
        }
        if let Some(text) = draft.additional_information {
            details = details.with_additional_information(text);
        }
        if let Some(text) = draft.failure_reason_code {
            details = details.with_failure_reason_code(&text);
        }
        policy = policy.with_details(details);
    }
    Ok(policy)
}
