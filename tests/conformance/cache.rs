use std::time::Duration;

use mta_sts_core::{
    Absence, BackOff, CacheConfig, CacheEntry, CacheUpdate, CachedPolicy, Evicted, Policy, PolicyCache,
    PolicyDomain, RecordErrorKind, RecordId, UnixTime,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, covers, understand};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    config: Config,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    seed: u64,
    max_entries: Option<usize>,
    max_octets: Option<usize>,
    unused_for: Option<u64>,
}

/// What is done with the cache, and what it must give.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at: u64,
    #[serde(rename = "do")]
    operation: Operation,
    // Null when nothing; it must be said.
    #[serde(deserialize_with = "Option::deserialize")]
    gives: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Operation {
    Get(String),
    Peek(String),
    Insert(Insert),
    Apply(Apply),
    Remove(String),
    RemoveExpired(Nothing),
    PollRefresh(Nothing),
    PollTimeout(Nothing),
    Domains(Nothing),
    SaveAndLoad(Nothing),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Insert {
    domain: String,
    entry: Octets,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Apply {
    domain: String,
    update: Update,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum Update {
    Keep(Nothing),
    Checked(CheckedInput),
    Absent(Absent),
    BackOff(BackOffInput),
    Store(Store),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckedInput {
    id: RecordId,
    checked_at: u64,
    until: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Absent {
    code: RecordErrorKind,
    until: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackOffInput {
    id: RecordId,
    requested_at: u64,
    until: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    policy: Octets,
    id: RecordId,
    fetched_at: u64,
    checked_until: u64,
}

/// A time of which only the bounds are settled: refreshes are spread by chance.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Between {
    from: u64,
    to: u64,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { config, steps } = understand(input)?;
    let config = config.to_cache_config();
    let mut cache = PolicyCache::new(config.clone());
    for (number, Step { at, operation, gives }) in steps.into_iter().enumerate() {
        let now = UnixTime::from_secs(at);
        let fault = |fault| format!("step {}: {fault}", number + 1);
        let actual = operation.run(&mut cache, &config, now).map_err(fault)?;
        let expected = gives.unwrap_or_default();
        if !gives_as_expected(&expected, &actual) {
            return Err(fault(format!("expected {expected}, it gives {actual}")));
        }
    }
    Ok(json!({ "domains": domains(&cache) }))
}

fn gives_as_expected(expected: &Value, actual: &Value) -> bool {
    match (understand::<Between>(expected.clone()), actual.as_u64()) {
        (Ok(Between { from, to }), Some(time)) => (from..=to).contains(&time),
        _ => covers(expected, actual),
    }
}

impl Config {
    fn to_cache_config(&self) -> CacheConfig {
        let mut config = CacheConfig::new(self.seed);
        if let Some(max_entries) = self.max_entries {
            config = config.with_max_entries(max_entries);
        }
        if let Some(max_octets) = self.max_octets {
            config = config.with_max_octets(max_octets);
        }
        if let Some(seconds) = self.unused_for {
            config = config.with_unused_for(Duration::from_secs(seconds));
        }
        config
    }
}

impl Operation {
    fn run(self, cache: &mut PolicyCache, config: &CacheConfig, now: UnixTime) -> Result<Value, String> {
        Ok(match self {
            Self::Get(domain) => entry_shown(&domain, |domain| cache.get(domain, now))?,
            Self::Peek(domain) => entry_shown(&domain, |domain| cache.peek(domain, now))?,
            Self::Insert(Insert { domain, entry }) => {
                let domain = parse(&domain)?;
                let entry = CacheEntry::parse(&entry.to_vec(), &domain)
                    .map_err(|fault| format!("the entry is none: {fault}"))?;
                evicted_shown(cache.insert(&domain, entry, now))
            }
            Self::Apply(Apply { domain, update }) => {
                evicted_shown(cache.apply(&parse(&domain)?, &update.into_update()?, now))
            }
            Self::Remove(domain) => entry_shown(&domain, |domain| cache.remove(domain))?,
            Self::RemoveExpired(Nothing {}) => evicted_shown(cache.remove_expired(now)),
            Self::PollRefresh(Nothing {}) => {
                json!(cache.poll_refresh(now).map(|domain| domain.as_str().to_owned()))
            }
            Self::PollTimeout(Nothing {}) => json!(cache.poll_timeout().map(UnixTime::as_secs)),
            Self::Domains(Nothing {}) => json!(domains(cache)),
            Self::SaveAndLoad(Nothing {}) => {
                let text = |(domain, entry): (PolicyDomain, CacheEntry)| {
                    let text = entry.to_text(&domain);
                    (domain, text)
                };
                let saved: Vec<_> = cache.entries().map(text).collect();
                *cache = PolicyCache::new(config.clone());
                for (domain, text) in saved {
                    let entry =
                        CacheEntry::parse(text.as_bytes(), &domain).map_err(|fault| fault.to_string())?;
                    cache.insert(&domain, entry, now);
                }
                Value::Null
            }
        })
    }
}

impl Update {
    fn into_update(self) -> Result<CacheUpdate, String> {
        let time = UnixTime::from_secs;
        Ok(match self {
            Self::Keep(Nothing {}) => CacheUpdate::Keep,
            Self::Checked(CheckedInput { id, checked_at, until }) => {
                CacheUpdate::Checked { id, checked_at: time(checked_at), until: time(until) }
            }
            Self::Absent(Absent { code, until }) => {
                CacheUpdate::Absent(Absence { reason: code, until: time(until) })
            }
            Self::BackOff(BackOffInput { id, requested_at, until }) => CacheUpdate::BackOff {
                back_off: BackOff { id, until: time(until) },
                requested_at: time(requested_at),
            },
            Self::Store(Store { policy, id, fetched_at, checked_until }) => {
                let policy = Policy::parse(&policy.to_vec()).map_err(|fault| fault.to_string())?;
                CacheUpdate::Store {
                    policy: CachedPolicy::new(policy, id, time(fetched_at)),
                    checked_until: time(checked_until),
                }
            }
        })
    }
}

fn parse(domain: &str) -> Result<PolicyDomain, String> {
    PolicyDomain::parse(domain).map_err(|fault| format!("{domain}: {fault}"))
}

fn domains(cache: &PolicyCache) -> Vec<String> {
    cache.entries().map(|(domain, _)| domain.as_str().to_owned()).collect()
}

fn entry_shown(
    domain: &str,
    find: impl FnOnce(&PolicyDomain) -> Option<CacheEntry>,
) -> Result<Value, String> {
    let domain = parse(domain)?;
    Ok(json!(find(&domain).map(|entry| entry.to_text(&domain))))
}

/// None, the one, or a list of several.
fn evicted_shown(evicted: impl IntoIterator<Item = Evicted>) -> Value {
    let names: Vec<_> = evicted.into_iter().map(|evicted| evicted.domain.as_str().to_owned()).collect();
    match &names[..] {
        [] => Value::Null,
        [name] => json!(name),
        names => json!(names),
    }
}
