use mta_sts_core::{Policy, Strictness};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, error, understand};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    body: Octets,
    #[serde(default)]
    strictness: StrictnessWord,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StrictnessWord {
    #[default]
    Tolerant,
    Abnf,
}

impl From<StrictnessWord> for Strictness {
    fn from(word: StrictnessWord) -> Self {
        match word {
            StrictnessWord::Tolerant => Self::Tolerant,
            StrictnessWord::Abnf => Self::Abnf,
        }
    }
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { body, strictness } = understand(input)?;
    Ok(match Policy::parse_with(&body.to_vec(), strictness.into()) {
        Ok(policy) => shown(&policy),
        Err(fault) => error(fault.code(), fault.line(), fault.offset()),
    })
}

pub(crate) fn shown(policy: &Policy) -> Value {
    json!({
        "mode": policy.mode().as_str(),
        "max_age": policy.max_age().as_secs(),
        "mx": patterns(policy),
        "mx_count": policy.mx_patterns().len(),
        "lines": policy.lines().collect::<Vec<_>>(),
        "written": policy.to_string(),
    })
}

pub(crate) fn patterns(policy: &Policy) -> Vec<String> {
    policy.mx_patterns().map(|pattern| pattern.to_string()).collect()
}
