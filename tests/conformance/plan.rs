use std::time::Duration;

use mta_sts_core::publish::{Action, Facts, History, Plan, Step, Target};
use mta_sts_core::{DnsName, Mode, UnixTime};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::draft::{fault, names, patterns};
use crate::files::{Octets, understand};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    now: u64,
    history: Octets,
    target: Goal,
    facts: Seen,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Goal {
    /// Without it, a removal.
    mode: Option<Mode>,
    max_age: Option<u64>,
    hosts: Option<Vec<String>>,
    #[serde(default)]
    wildcards: Vec<String>,
    policy_host: Option<String>,
    testing_period: Option<u64>,
    growth: Option<Vec<(u64, u64)>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    hosts: Vec<String>,
    policy_host: Option<String>,
    record_ttl: Option<u64>,
    mx_ttl: Option<u64>,
    policy_host_ttl: Option<u64>,
    policy_cache: Option<u64>,
    retry: Option<u64>,
    queue_lifetime: Option<u64>,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { now, history, target, facts } = understand(input)?;
    let history = History::parse(&history.to_vec()).map_err(|error| error.to_string())?;
    let now = UnixTime::from_secs(now);
    Ok(match Plan::between(&history, &target.understood()?, &facts.understood()?, now) {
        Ok(plan) => {
            let (earliest, safe) = plan.settled_at();
            let steps: Vec<_> = plan.steps().iter().map(|step| shown(step, now)).collect();
            json!({
                "steps": steps,
                "settled": { "earliest": after(now, earliest), "safe": after(now, safe) },
            })
        }
        Err(error) => fault(&error),
    })
}

impl Goal {
    fn understood(self) -> Result<Target, String> {
        let seconds = Duration::from_secs;
        let mut target = self.mode.map_or_else(Target::removed, Target::new);
        if let Some(max_age) = self.max_age {
            target = target.with_max_age(seconds(max_age));
        }
        if let Some(hosts) = &self.hosts {
            target = target.with_hosts(names(hosts)?);
        }
        if let Some(name) = &self.policy_host {
            target = target.with_policy_host(name_of(name)?);
        }
        if let Some(period) = self.testing_period {
            target = target.with_testing_period(seconds(period));
        }
        if let Some(growth) = self.growth {
            let growth = growth.into_iter().map(|(max_age, time)| (seconds(max_age), seconds(time)));
            target = target.with_growth(growth.collect());
        }
        Ok(patterns(&self.wildcards)?.into_iter().fold(target, Target::with_wildcard))
    }
}

impl Seen {
    fn understood(self) -> Result<Facts, String> {
        let mut facts = Facts::new(names(&self.hosts)?);
        if let Some(name) = &self.policy_host {
            facts = facts.with_policy_host(name_of(name)?);
        }
        let set = |facts: Facts, time: Option<u64>, with: fn(Facts, Duration) -> Facts| match time {
            Some(time) => with(facts, Duration::from_secs(time)),
            None => facts,
        };
        let facts = set(facts, self.record_ttl, Facts::with_record_ttl);
        let facts = set(facts, self.mx_ttl, Facts::with_mx_ttl);
        let facts = set(facts, self.policy_host_ttl, Facts::with_policy_host_ttl);
        let facts = set(facts, self.policy_cache, Facts::with_policy_cache);
        let facts = set(facts, self.retry, Facts::with_retry);
        Ok(set(facts, self.queue_lifetime, Facts::with_queue_lifetime))
    }
}

fn name_of(name: &str) -> Result<DnsName, String> {
    DnsName::parse(name).map_err(|error| error.to_string())
}

fn after(now: UnixTime, time: UnixTime) -> u64 {
    time.saturating_since(now).as_secs()
}

fn shown(step: &Step, now: UnixTime) -> Value {
    let action = step.action();
    let mut shown = json!({
        "action": action.code(),
        "earliest": after(now, step.earliest()),
        "wait": step.wait().code(),
        "safe": after(now, step.safe()),
        "safe_wait": step.safe_wait().code(),
    });
    let of = |names: &[DnsName]| names.iter().map(DnsName::as_str).collect::<Vec<_>>().join(" ").into();
    match action {
        Action::PutPolicy(draft) | Action::MovePolicyHost(draft) => {
            let policy = draft.policy();
            let mx: Vec<_> = policy.mx_patterns().map(|pattern| pattern.to_string()).collect();
            shown["mode"] = policy.mode().as_str().into();
            shown["max_age"] = policy.max_age().as_secs().into();
            shown["mx"] = mx.join(" ").into();
        }
        Action::PutRecord(id) => shown["id"] = id.as_str().into(),
        Action::ChangeMx { add, remove } => {
            shown["add"] = of(add);
            shown["remove"] = of(remove);
        }
        _ => {}
    }
    shown
}
