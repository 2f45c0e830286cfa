use std::time::Duration;

use mta_sts_core::publish::{Draft, DraftError};
use mta_sts_core::{DnsName, Mode, MxPattern, PolicyDomain};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::understand;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default = "domain")]
    domain: String,
    mode: Mode,
    hosts: Vec<String>,
    max_age: u64,
    #[serde(default)]
    wildcards: Vec<String>,
}

pub(crate) fn domain() -> String {
    "owner.test".to_owned()
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { domain, mode, hosts, max_age, wildcards } = understand(input)?;
    let domain = PolicyDomain::parse(&domain).map_err(|error| error.to_string())?;
    let (hosts, wildcards) = (names(&hosts)?, patterns(&wildcards)?);
    let draft = Draft::new(&domain, mode, &hosts, Duration::from_secs(max_age))
        .and_then(|draft| wildcards.into_iter().try_fold(draft, Draft::with_wildcard));
    Ok(match draft {
        Ok(draft) => json!({
            "policy": draft.policy_text(),
            "id": draft.id().as_str(),
            "record": draft.record_text(),
            "zone": draft.zone_record(Duration::from_secs(3600)).to_string(),
        }),
        Err(error) => fault(&error),
    })
}

pub(crate) fn names(names: &[String]) -> Result<Vec<DnsName>, String> {
    names.iter().map(|name| DnsName::parse(name).map_err(|error| error.to_string())).collect()
}

pub(crate) fn patterns(patterns: &[String]) -> Result<Vec<MxPattern<'static>>, String> {
    patterns.iter().map(|pattern| MxPattern::parse(pattern).map_err(|error| error.to_string())).collect()
}

pub(crate) fn fault(error: &DraftError) -> Value {
    json!({ "error": { "code": error.code(), "name": error.name().map(ToString::to_string) } })
}
