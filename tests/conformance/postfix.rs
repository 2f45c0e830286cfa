use mta_sts_core::postfix::{self, Form};
use mta_sts_core::{DnsName, Policy, PolicyDomain};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, understand};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    policy: Octets,
    domain: String,
    #[serde(default)]
    form: FormWord,
    mx_hosts: Option<Vec<String>>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FormWord {
    #[default]
    Basic,
    Extended,
    ExtendedWithTesting,
}

impl From<FormWord> for Form {
    fn from(word: FormWord) -> Self {
        match word {
            FormWord::Basic => Self::Basic,
            FormWord::Extended => Self::Extended,
            FormWord::ExtendedWithTesting => Self::ExtendedWithTesting,
        }
    }
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { policy, domain, form, mx_hosts } = understand(input)?;
    let policy = Policy::parse(&policy.to_vec()).map_err(|fault| format!("the policy is none: {fault}"))?;
    let domain = PolicyDomain::parse(&domain).map_err(|fault| fault.to_string())?;
    let answer = match mx_hosts {
        None => postfix::tls_policy(&policy, &domain, form.into()),
        Some(hosts) => {
            let hosts = hosts.iter().map(|host| DnsName::parse(host)).collect::<Result<Vec<_>, _>>();
            let hosts = hosts.map_err(|fault| fault.to_string())?;
            postfix::tls_policy_for_hosts(&policy, &domain, &hosts, form.into())
        }
    };
    Ok(match answer {
        Ok(answer) => json!({ "length": answer.as_ref().map(String::len), "answer": answer }),
        Err(fault) => json!({ "error": fault.code() }),
    })
}
