use mta_sts_core::{DnsName, MxPattern, Policy, dns_id_matches};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, understand};
use crate::name;

/// A pattern alone, or what is compared with a host.
#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Pattern(PatternInput),
    Policy(PolicyInput),
    DnsId(DnsIdInput),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternInput {
    pattern: String,
    host: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyInput {
    policy: Octets,
    host: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DnsIdInput {
    dns_id: String,
    host: String,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    match understand(input)? {
        Input::Pattern(PatternInput { pattern, host }) => Ok(match (MxPattern::parse(&pattern), host) {
            (Err(fault), _) => name::error_shown(&fault),
            (Ok(pattern), None) => json!({ "pattern": pattern.to_string() }),
            (Ok(pattern), Some(host)) => {
                let matches = DnsName::parse(&host).is_ok_and(|host| pattern.matches(&host));
                json!({ "matches": matches })
            }
        }),
        Input::Policy(PolicyInput { policy, host }) => {
            let policy = Policy::parse(&policy.to_vec()).map_err(|fault| fault.to_string())?;
            let name = DnsName::parse(&host).ok();
            let pattern = name.and_then(|name| policy.matching_pattern(&name).map(|found| found.to_string()));
            if pattern.is_some() != policy.matches_mx(&host) {
                return Err("the two ways to match a host differ".to_owned());
            }
            Ok(json!({ "matching_pattern": pattern }))
        }
        Input::DnsId(DnsIdInput { dns_id, host }) => {
            let matches = DnsName::parse(&host).is_ok_and(|host| dns_id_matches(&dns_id, &host));
            Ok(json!({ "matches": matches }))
        }
    }
}
