//! A plan, for people and for programs.

use std::collections::BTreeSet;
use std::io;

use mta_sts_core::publish::{Action, Draft, Plan, Step, Wait};
use mta_sts_core::{DnsName, Mode, PolicyDomain, UnixTime};
use serde_json::{Value, json};

use crate::command::output::{Block, Tone, span, time};

/// A policy in a few words.
pub(super) fn policy_words(draft: &Draft) -> String {
    let policy = draft.policy();
    let hosts: Vec<_> = policy.mx_patterns().map(|pattern| pattern.to_string()).collect();
    let mx = if hosts.is_empty() { String::new() } else { format!(", mx {}", hosts.join(" ")) };
    format!("mode {}, max_age {}{mx}", policy.mode(), span(policy.max_age()))
}

pub(super) fn policy_json(draft: &Draft) -> Value {
    let policy = draft.policy();
    json!({
        "mode": policy.mode().as_str(),
        "max_age": policy.max_age().as_secs(),
        "mx": policy.mx_patterns().map(|pattern| pattern.to_string()).collect::<Vec<_>>(),
        "id": draft.id().as_str(),
        "text": draft.policy_text(),
    })
}

pub(super) fn plan_json(domain: &PolicyDomain, plan: &Plan) -> Value {
    let (earliest, safe) = plan.settled_at();
    json!({
        "domain": domain.as_str(),
        "steps": plan.steps().iter().map(|step| step_json(domain, step)).collect::<Vec<_>>(),
        "settled": { "earliest": time(earliest.as_secs()), "safe": time(safe.as_secs()) },
    })
}

fn step_json(domain: &PolicyDomain, step: &Step) -> Value {
    let due = |at: UnixTime, wait: Wait| {
        json!({
            "at": time(at.as_secs()),
            "wait": wait.code(),
            "message": wait.message(),
            "section": wait.section(),
        })
    };
    let names = |names: &[DnsName]| names.iter().map(DnsName::as_str).collect::<Vec<_>>().into();
    let action = step.action();
    let mut value = json!({
        "action": action.code(),
        "reason": action.reason(),
        "section": action.section(),
        "earliest": due(step.earliest(), step.wait()),
        "safe": due(step.safe(), step.safe_wait()),
    });
    match action {
        Action::PutPolicy(draft) | Action::MovePolicyHost(draft) => value["policy"] = policy_json(draft),
        Action::PutRecord(id) => {
            value["record"] =
                json!({ "name": domain.txt_name(), "type": "TXT", "value": format!("v=STSv1; id={id}") });
        }
        Action::ChangeMx { add, remove } => {
            value["add"] = names(add);
            value["remove"] = names(remove);
        }
        _ => {}
    }
    value
}

/// Prints the steps with their times, and why they are not earlier.
pub(super) fn print_plan(domain: &PolicyDomain, plan: &Plan, now: UnixTime) -> io::Result<()> {
    let steps = plan.steps();
    if steps.is_empty() {
        return Block::with_verdict(domain.as_str(), Tone::Good, "there is nothing to do").print();
    }
    let many = if steps.len() == 1 { "1 step".to_owned() } else { format!("{} steps", steps.len()) };
    let mut block = Block::with_verdict(domain.as_str(), Tone::Note, &many);
    // Each reason is told once.
    let mut told = BTreeSet::new();
    for (number, step) in (1..).zip(steps) {
        let action = step.action();
        let tone = if step.earliest() <= now { Tone::Good } else { Tone::Plain };
        let what = format!("{}: {}", when(step.earliest(), now), words(domain, action));
        block.line(&format!("{number}"), tone, what);
        if told.insert(action.code()) {
            block.line("", Tone::Plain, format!("{} ({})", action.reason(), action.section()));
        }
        if is_reason(step.wait()) && told.insert(step.wait().code()) {
            block.line("", Tone::Plain, sentence(step.wait()));
        }
        if step.safe() > step.earliest() {
            let is_new = is_reason(step.safe_wait()) && told.insert(step.safe_wait().code());
            let why = if is_new { format!(": {}", sentence(step.safe_wait())) } else { String::new() };
            block.line("", Tone::Plain, format!("safe {}{why}", time(step.safe().as_secs())));
        }
    }
    block.space();
    let (earliest, safe) = plan.settled_at();
    let is_removal =
        matches!(steps.last().map(Step::action), Some(Action::DeleteRecord | Action::DeletePolicy));
    if safe > now && !is_removal {
        let last = format!(
            "senders that compare ids use the last policy from {} on, all senders from {} on",
            when(earliest, now),
            when(safe, now)
        );
        block.line("then", Tone::Plain, last);
    }
    block.print()
}

const fn is_reason(wait: Wait) -> bool {
    !matches!(wait, Wait::Nothing | Wait::PreviousStep)
}

fn sentence(wait: Wait) -> String {
    format!("{} ({})", wait.message(), wait.section())
}

fn when(at: UnixTime, now: UnixTime) -> String {
    if at <= now { "now".to_owned() } else { time(at.as_secs()) }
}

/// What to do, as an imperative.
fn words(domain: &PolicyDomain, action: &Action) -> String {
    match action {
        Action::PutPolicy(draft) if draft.policy().mode() == Mode::None => {
            format!("serve a policy of mode none at {}", domain.policy_url())
        }
        Action::PutPolicy(draft) => format!("serve the policy: {}", policy_words(draft)),
        Action::MovePolicyHost(draft) => format!(
            "have the new Policy Host serve the policy, then point {} at it: {}",
            domain.policy_host(),
            policy_words(draft)
        ),
        Action::PutRecord(id) => {
            format!("set the TXT record of {} to \"v=STSv1; id={id}\"", domain.txt_name())
        }
        Action::ChangeMx { add, remove } => {
            let names = |what: &str, names: &[DnsName]| {
                let names: Vec<_> = names.iter().map(DnsName::as_str).collect();
                (!names.is_empty()).then(|| format!("{what} {}", names.join(" ")))
            };
            let parts: Vec<_> =
                [names("add", add), names("take out", remove)].into_iter().flatten().collect();
            format!("change the MX records: {}", parts.join(", "))
        }
        Action::DeleteRecord => format!("delete the TXT record of {}", domain.txt_name()),
        Action::DeletePolicy => format!("stop serving {}", domain.policy_url()),
        _ => action.code().to_owned(),
    }
}
