use mta_sts_core::{DnsName, NameError, PolicyDomain};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{error, understand};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Input {
    Host(String),
    Domain(String),
    Recipient(String),
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let shown = match understand(input)? {
        Input::Host(name) => DnsName::parse(&name).map(|name| json!({ "name": name.as_str() })),
        Input::Domain(name) => PolicyDomain::parse(&name).map(|domain| domain_shown(&domain)),
        Input::Recipient(address) => PolicyDomain::of_recipient(&address).map(|domain| domain_shown(&domain)),
    };
    Ok(shown.unwrap_or_else(|fault| error_shown(&fault)))
}

fn domain_shown(domain: &PolicyDomain) -> Value {
    json!({
        "domain": domain.as_str(),
        "txt_name": domain.txt_name(),
        "policy_host": domain.policy_host(),
        "policy_url": domain.policy_url(),
    })
}

pub(crate) fn error_shown(fault: &NameError) -> Value {
    error(fault.code(), fault.line(), fault.offset())
}
