use mta_sts_core::{FetchLimits, Finding, lint};
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
    let findings = match understand(input)? {
        Input { record: Some(txt), rrs: None, policy: None, response: None, .. } => {
            lint::record(&txt.to_vec())
        }
        Input { record: None, rrs: Some(rrs), policy: None, response: None, .. } => {
            lint::rrset(&rrs.iter().map(Octets::to_vec).collect::<Vec<_>>())
        }
        Input { record: None, rrs: None, policy: Some(body), response: None, config } => {
            lint::policy_with(&body.to_vec(), config.strictness.unwrap_or_default().into())
        }
        Input { record: None, rrs: None, policy: None, response: Some(response), config } => {
            let mut limits = FetchLimits::new();
            response::limit(&mut limits, config.max_body_len, config.missing_content_type, config.strictness);
            lint::response(&response.to_http(), &limits)
        }
        _ => return Err("the input is not one text to look at".to_owned()),
    };
    Ok(json!({ "count": findings.len(), "findings": findings.iter().map(shown).collect::<Vec<_>>() }))
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
