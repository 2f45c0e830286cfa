use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, error, understand};
use crate::policy;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default = "example_domain")]
    domain: String,
    text: Octets,
    #[serde(default)]
    times: Vec<u64>,
    #[serde(default)]
    spread: u64,
}

fn example_domain() -> String {
    "example.test".to_owned()
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { domain, text, times, spread } = understand(input)?;
    let domain = PolicyDomain::parse(&domain).map_err(|fault| format!("{domain}: {fault}"))?;
    let entry = match CacheEntry::parse(&text.to_vec(), &domain) {
        Ok(entry) => entry,
        Err(fault) => return Ok(error(fault.code(), fault.line(), fault.offset())),
    };
    let absence = entry
        .absence()
        .map(|absence| json!({ "code": absence.reason.code(), "until": absence.until.as_secs() }));
    let back_offs: Vec<_> = entry
        .back_offs()
        .iter()
        .map(|back_off| json!({ "id": back_off.id.as_str(), "until": back_off.until.as_secs() }))
        .collect();
    let policy = entry.policy().map(|cached| {
        json!({
            "id": cached.id().as_str(),
            "fetched_at": cached.fetched_at().as_secs(),
            "expires_at": cached.expires_at().as_secs(),
            "mode": cached.policy().mode().as_str(),
            "mx": policy::patterns(cached.policy()),
        })
    });
    let times: Vec<_> = times.into_iter().map(UnixTime::from_secs).collect();
    let valid: Vec<_> = times.iter().map(|&time| entry.valid_policy(time).is_some()).collect();
    let refresh_at = |&time: &UnixTime| entry.policy()?.refresh_at(spread, time).map(UnixTime::as_secs);
    let refresh_at: Vec<_> = times.iter().map(refresh_at).collect();
    Ok(json!({
        "checked_until": entry.checked_until().as_secs(),
        "fetch_failures": entry.fetch_failures(),
        "absence": absence,
        "back_offs": back_offs,
        "policy": policy,
        "valid": valid,
        "refresh_at": refresh_at,
        "text": entry.to_text(&domain),
    }))
}
