use std::time::Duration;

use mta_sts_core::{
    CacheEntry, CacheUpdate, FetchFailure, FetchLimits, Input as Answer, Lookup, LookupConfig, NoPolicy,
    Outcome, Output, PolicyDomain, Purpose, TxtFailure, UnixTime,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::files::{Octets, understand};
use crate::policy::{self, StrictnessWord};
use crate::response::{self, MissingContentTypeWord, Response};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    domain: String,
    purpose: Purpose,
    // Null when nothing is remembered; it must be said.
    #[serde(deserialize_with = "Option::deserialize")]
    entry: Option<Octets>,
    now: u64,
    #[serde(default)]
    config: Config,
    steps: Vec<Step>,
    meanwhile: Option<Meanwhile>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    back_off: Option<u64>,
    timeout: Option<u64>,
    max_body_len: Option<usize>,
    missing_content_type: Option<MissingContentTypeWord>,
    strictness: Option<StrictnessWord>,
}

/// What the lookup must ask, and what it is answered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    asks: Value,
    answer: Option<AnswerWords>,
    wrong_answer: Option<AnswerWords>,
    at: u64,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum AnswerWords {
    Txt(Txt),
    TxtNotFound(Ttl),
    TxtFailed(TxtFailure),
    Response(Response),
    FetchFailed(FetchFailure),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Txt {
    rrs: Vec<Octets>,
    ttl: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ttl {
    ttl: u64,
}

/// What the store holds by the time the update is applied, if another lookup ended before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Meanwhile {
    #[serde(deserialize_with = "Option::deserialize")]
    entry: Option<Octets>,
    now: u64,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { domain, purpose, entry, now, config, steps, meanwhile } = understand(input)?;
    let domain = PolicyDomain::parse(&domain).map_err(|fault| fault.to_string())?;
    let stored = read_entry(entry.as_ref(), &domain)?;
    let mut time = UnixTime::from_secs(now);
    let mut lookup = Lookup::new(domain.clone(), purpose, stored.as_ref(), time, &config.to_lookup_config());
    for (number, step) in steps.into_iter().enumerate() {
        time = UnixTime::from_secs(step.at);
        take_step(&mut lookup, step, time).map_err(|fault| format!("step {}: {fault}", number + 1))?;
    }
    let asked = asks(&lookup);
    let outcome = lookup.into_outcome().ok_or_else(|| format!("it still asks {asked}"))?;
    let (stored, time) = match meanwhile {
        Some(Meanwhile { entry, now }) => (read_entry(entry.as_ref(), &domain)?, UnixTime::from_secs(now)),
        None => (stored, time),
    };
    let entry = outcome.cache_update.apply_to(stored, time);
    let mut shown = outcome_shown(&outcome);
    shown.insert("entry".to_owned(), json!(entry.map(|entry| entry.to_text(&domain))));
    Ok(Value::Object(shown))
}

fn read_entry(text: Option<&Octets>, domain: &PolicyDomain) -> Result<Option<CacheEntry>, String> {
    text.map(|text| CacheEntry::parse(&text.to_vec(), domain))
        .transpose()
        .map_err(|fault| format!("the entry is none: {fault}"))
}

fn take_step(lookup: &mut Lookup, step: Step, time: UnixTime) -> Result<(), String> {
    let asked = asks(lookup);
    if asked != step.asks {
        return Err(format!("expected {}, it asks {asked}", step.asks));
    }
    match (step.answer, step.wrong_answer, step.error) {
        (Some(answer), None, None) => {
            lookup.handle_input(answer.into_input(), time).map_err(|fault| fault.code().to_owned())
        }
        (None, Some(answer), Some(expected)) => {
            let result = lookup.handle_input(answer.into_input(), time);
            let code = result.map_or_else(|fault| fault.code(), |()| "ok");
            if code != expected {
                return Err(format!("expected {expected}, it says {code}"));
            }
            Ok(())
        }
        _ => Err("neither an answer nor a wrong answer with its error".to_owned()),
    }
}

fn asks(lookup: &Lookup) -> Value {
    match lookup.poll_output() {
        Output::QueryTxt(query) => json!({ "query_txt": query.name() }),
        Output::FetchPolicy(request) => json!({ "fetch_policy": {
            "url": request.url(),
            "host": request.host(),
            "timeout": request.timeout().as_secs(),
            "max_body_len": request.max_body_len(),
        } }),
        Output::Done(_) => json!("done"),
    }
}

impl Config {
    fn to_lookup_config(&self) -> LookupConfig {
        let mut config = LookupConfig::new();
        if let Some(seconds) = self.back_off {
            config = config.with_back_off(Duration::from_secs(seconds));
        }
        let mut limits = FetchLimits::new();
        if let Some(seconds) = self.timeout {
            limits = limits.with_timeout(Duration::from_secs(seconds));
        }
        let limits = response::limits(limits, self.max_body_len, self.missing_content_type, self.strictness);
        config.with_fetch_limits(limits)
    }
}

impl AnswerWords {
    fn into_input(self) -> Answer<'static> {
        match self {
            Self::Txt(Txt { rrs, ttl }) => {
                let rrs: Vec<_> = rrs.iter().map(Octets::to_vec).collect();
                Answer::txt(&rrs, Duration::from_secs(ttl))
            }
            Self::TxtNotFound(Ttl { ttl }) => Answer::TxtNotFound { ttl: Duration::from_secs(ttl) },
            Self::TxtFailed(failure) => Answer::TxtFailed(failure),
            Self::Response(response) => Answer::Response(response.to_http()),
            Self::FetchFailed(failure) => Answer::FetchFailed(failure),
        }
    }
}

fn outcome_shown(outcome: &Outcome) -> Map<String, Value> {
    let mut shown = Map::new();
    match &outcome.applied {
        Ok(applied) => {
            let policy = json!({
                "source": applied.source,
                "id": applied.id.as_str(),
                "expires_at": applied.expires_at.as_secs(),
                "mode": applied.policy.mode().as_str(),
                "mx": policy::patterns(&applied.policy),
            });
            shown.insert("policy".to_owned(), policy);
        }
        Err(reason) => {
            shown.insert("no_policy".to_owned(), no_policy_shown(*reason));
        }
    }
    let cache_update = match outcome.cache_update {
        CacheUpdate::Keep => "keep",
        CacheUpdate::Checked { .. } => "checked",
        CacheUpdate::Absent(_) => "absent",
        CacheUpdate::BackOff { .. } => "back-off",
        CacheUpdate::Store { .. } => "store",
    };
    shown.insert("cache_update".to_owned(), json!(cache_update));
    let failure = outcome.failure.as_ref().map(|failure| {
        json!({
            "result_type": failure.result_type.as_str(),
            "reason_code": failure.reason_code,
            "received_lines": failure.received_lines.iter().collect::<Vec<_>>(),
        })
    });
    shown.insert("failure".to_owned(), json!(failure));
    let alert = outcome.alert.map(|alert| {
        json!({
            "code": alert.fault.code(),
            "failures": alert.failures,
            "expires_at": alert.expires_at.as_secs(),
        })
    });
    shown.insert("alert".to_owned(), json!(alert));
    shown
}

fn no_policy_shown(reason: NoPolicy) -> Value {
    let code = reason.code();
    match reason {
        NoPolicy::NoRecord | NoPolicy::SeveralRecords | NoPolicy::LocalFault => json!({ "code": code }),
        NoPolicy::InvalidRecord(kind) => json!({ "code": code, "detail": kind.code() }),
        NoPolicy::DnsFailed(failure) => json!({ "code": code, "detail": failure.code() }),
        NoPolicy::FetchFailed(fault) => json!({ "code": code, "detail": fault.code() }),
        NoPolicy::BackingOff { until } => json!({ "code": code, "until": until.as_secs() }),
        other => json!(format!("{other:?}")),
    }
}
