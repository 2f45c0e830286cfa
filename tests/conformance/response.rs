use mta_sts_core::{FetchLimits, HttpResponse, MissingContentType, Policy};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, understand};
use crate::policy::{self, StrictnessWord};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    response: Response,
    #[serde(default)]
    config: Config,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Response {
    status: u16,
    // Null when the answer has none; it must be said.
    #[serde(deserialize_with = "Option::deserialize")]
    content_type: Option<Octets>,
    body: Octets,
}

impl Response {
    pub(crate) fn to_http(&self) -> HttpResponse<'static> {
        let response = HttpResponse::new(self.status, self.body.to_vec());
        match &self.content_type {
            Some(content_type) => response.with_content_type(content_type.to_vec()),
            None => response,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    max_body_len: Option<usize>,
    missing_content_type: Option<MissingContentTypeWord>,
    strictness: Option<StrictnessWord>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MissingContentTypeWord {
    Refuse,
    Accept,
}

impl From<MissingContentTypeWord> for MissingContentType {
    fn from(word: MissingContentTypeWord) -> Self {
        match word {
            MissingContentTypeWord::Refuse => Self::Refuse,
            MissingContentTypeWord::Accept => Self::Accept,
        }
    }
}

/// Sets what a vector says, and leaves the rest at its default.
pub(crate) fn limits(
    mut limits: FetchLimits,
    max_body_len: Option<usize>,
    missing_content_type: Option<MissingContentTypeWord>,
    strictness: Option<StrictnessWord>,
) -> FetchLimits {
    if let Some(octets) = max_body_len {
        limits = limits.with_max_body_len(octets);
    }
    if let Some(rule) = missing_content_type {
        limits = limits.with_missing_content_type(rule.into());
    }
    if let Some(strictness) = strictness {
        limits = limits.with_strictness(strictness.into());
    }
    limits
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { response, config } = understand(input)?;
    let limits =
        limits(FetchLimits::new(), config.max_body_len, config.missing_content_type, config.strictness);
    Ok(match Policy::from_response(&response.to_http(), &limits) {
        Ok(policy) => json!({ "policy": policy::shown(&policy) }),
        Err(fault) => json!({ "error": {
            "code": fault.code(),
            "line": fault.line(),
            "offset": fault.offset(),
            "result_type": fault.result_type().as_str(),
        } }),
    })
}
