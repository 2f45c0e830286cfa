use std::time::Duration;

use mta_sts_core::lint::{self, Finding};
use mta_sts_core::{DnsName, FetchLimits, PolicyDomain};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, understand};
use crate::policy::StrictnessWord;
use crate::response::{self, MissingContentTypeWord, Response};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    record: Option<Octets>,
    rrs: Option<Vec<Octets>>,
    policy: Option<Octets>,
    response: Option<Response>,
    tlsrpt_record: Option<Octets>,
    tlsrpt_rrs: Option<Vec<Octets>>,
    report: Option<Octets>,
    mx_hosts: Option<Vec<String>>,
    domain: Option<String>,
    ttl: Option<u64>,
    #[serde(default)]
    has_mta_sts: bool,
    #[serde(default)]
    config: Config,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    max_body_len: Option<usize>,
    missing_content_type: Option<MissingContentTypeWord>,
    strictness: Option<StrictnessWord>,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let input: Input = understand(input)?;
    let of_tlsrpt = input.tlsrpt_record.is_some() || input.tlsrpt_rrs.is_some() || input.report.is_some();
    let findings = match input {
        Input { record: None, rrs: None, policy: None, response: None, .. } if of_tlsrpt => {
            of_tlsrpt_text(&input)?
        }
        _ if of_tlsrpt => return Err("the input is not one text to look at".to_owned()),
        Input { record: Some(txt), rrs: None, policy: None, response: None, .. } => {
            lint::record(&txt.to_vec())
        }
        Input { record: None, rrs: Some(rrs), policy: None, response: None, .. } => {
            lint::rrset(&rrs.iter().map(Octets::to_vec).collect::<Vec<_>>())
        }
        Input { record: None, rrs: None, policy: Some(body), response: None, mx_hosts, config, .. } => {
            let strictness = config.strictness.unwrap_or_default().into();
            match hosts(mx_hosts)? {
                Some(hosts) => lint::policy_for_hosts(&body.to_vec(), strictness, &hosts),
                None => lint::policy_with(&body.to_vec(), strictness),
            }
        }
        Input {
            record: None, rrs: None, policy: None, response: Some(response), mx_hosts, config, ..
        } => {
            let limits = response::limits(
                FetchLimits::new(),
                config.max_body_len,
                config.missing_content_type,
                config.strictness,
            );
            match hosts(mx_hosts)? {
                Some(hosts) => lint::response_for_hosts(&response.to_http(), &limits, &hosts),
                None => lint::response(&response.to_http(), &limits),
            }
        }
        _ => return Err("the input is not one text to look at".to_owned()),
    };
    Ok(json!({ "count": findings.len(), "findings": findings.iter().map(shown).collect::<Vec<_>>() }))
}

fn hosts(names: Option<Vec<String>>) -> Result<Option<Vec<DnsName>>, String> {
    let parse = |name: String| DnsName::parse(&name).map_err(|error| error.to_string());
    names.map(|names| names.into_iter().map(parse).collect()).transpose()
}

fn of_tlsrpt_text(input: &Input) -> Result<Vec<Finding>, String> {
    let domain = input.domain.as_deref().map(PolicyDomain::parse).transpose();
    let domain = domain.map_err(|error| error.to_string())?;
    let mut facts = lint::TlsrptFacts::new().with_mta_sts(input.has_mta_sts);
    if let Some(domain) = &domain {
        facts = facts.with_domain(domain);
    }
    if let Some(ttl) = input.ttl {
        facts = facts.with_ttl(Duration::from_secs(ttl));
    }
    match (&input.tlsrpt_record, &input.tlsrpt_rrs, &input.report) {
        (Some(txt), None, None) => Ok(lint::tlsrpt_record(&txt.to_vec())),
        (None, Some(rrs), None) => {
            Ok(lint::tlsrpt_rrset(&rrs.iter().map(Octets::to_vec).collect::<Vec<_>>(), &facts))
        }
        (None, None, Some(report)) => {
            Ok(lint::report_with(&report.to_vec(), input.config.strictness.unwrap_or_default().into()))
        }
        _ => Err("the input is not one text to look at".to_owned()),
    }
}

fn shown(finding: &Finding) -> Value {
    let span = finding.span();
    json!({
        "code": finding.code(),
        "severity": finding.severity().as_str(),
        "line": finding.line(),
        "span": [span.start, span.end],
        "message": finding.message(),
        "help": finding.help(),
    })
}
