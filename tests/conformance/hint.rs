use mta_sts_core::tlsrpt::Hint;
use mta_sts_core::{PolicyType, ResultType};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, understand};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default = "sts")]
    policy_type: String,
    result_type: String,
    reason: Option<Octets>,
}

fn sts() -> String {
    PolicyType::Sts.as_str().to_owned()
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { policy_type, result_type, reason } = understand(input)?;
    let reason = reason.map_or_else(Vec::new, |reason| reason.to_vec());
    let reason = String::from_utf8(reason).map_err(|error| error.to_string())?;
    let hint = Hint::explain(
        policy_type.parse::<PolicyType>().ok(),
        result_type.parse::<ResultType>().ok(),
        &reason,
    );
    Ok(json!({ "code": hint.code(), "whose": hint.whose().as_str() }))
}
