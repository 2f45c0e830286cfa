//! The steps of a plan, in the words and at the times of the page.

use std::time::Duration;

use mta_sts_core::publish::{Action, Draft, History, Plan, ServedPolicy, Step};
use mta_sts_core::{DnsName, Mode, UnixTime};

use super::published_domain::{PublishedDomain, Reports};
use crate::{Enforcement, Span};

/// A step, and when it can be done if reports are heeded too.
pub(super) struct PlannedStep<'a> {
    pub(super) step: &'a Step,
    pub(super) title: String,
    pub(super) earliest: UnixTime,
    pub(super) safe: UnixTime,
    /// Whether senders refuse more mail after it, or refuse it for longer.
    pub(super) is_stricter: bool,
    /// Whether senders find a policy, or an MX host in it, that they did not find before.
    pub(super) adds: bool,
    /// Whether it is the one that begins to refuse mail.
    pub(super) begins_enforcing: bool,
    /// What reports say against it.
    pub(super) hold: Option<Hold>,
}

/// What reports say against mode enforce.
#[derive(Clone, Copy)]
pub(super) enum Hold {
    /// Until this time.
    Until(UnixTime),
    /// Until they say otherwise, or the owner has decided.
    Open,
}

/// The steps of a plan, and from when on senders hold the last policy.
pub(super) struct PlannedSteps<'a> {
    pub(super) steps: Vec<PlannedStep<'a>>,
    pub(super) settled: (UnixTime, UnixTime),
}

impl<'a> PlannedSteps<'a> {
    /// The steps of a domain, none without a plan. What reports hold up is moved to when they may no longer, and each later step
    /// by as much.
    pub(super) fn of(domain: &'a PublishedDomain) -> Self {
        let Some(plan) = &domain.plan else {
            return Self { steps: Vec::new(), settled: (UnixTime::default(), UnixTime::default()) };
        };
        let mut steps = steps_of(&domain.history, plan);
        let mut settled = plan.settled_at();
        let hold = match &domain.reports {
            Reports::Unread => None,
            Reports::Absent => Some(Hold::Open),
            Reports::Read(reports) => match reports.answer.enforcement {
                Enforcement::NotYet(day) => Some(Hold::Until(day.start())),
                Enforcement::Blocked | Enforcement::NoPolicy | Enforcement::Off => Some(Hold::Open),
                Enforcement::Ready | Enforcement::Enforced => None,
            },
        };
        let first = steps.iter().position(|step| step.begins_enforcing);
        if let Some((first, hold)) = first.zip(hold) {
            let delay = match hold {
                Hold::Until(time) => time.saturating_since(steps[first].safe),
                Hold::Open => Duration::ZERO,
            };
            steps[first].hold = Some(hold);
            for step in &mut steps[first..] {
                step.earliest = step.earliest.saturating_add(delay);
                step.safe = step.safe.saturating_add(delay);
            }
            // At its earliest time it is no safer.
            steps[first].earliest = steps[first].earliest.max(match hold {
                Hold::Until(time) => time,
                Hold::Open => steps[first].earliest,
            });
            settled = (settled.0.saturating_add(delay), settled.1.saturating_add(delay));
        }
        Self { steps, settled }
    }
}

fn steps_of<'a>(history: &History, plan: &'a Plan) -> Vec<PlannedStep<'a>> {
    let is_announced = history.record().is_some();
    // A policy that cannot be fetched just now is still announced.
    let ended = || history.policies().iter().max_by_key(|policy| policy.until()).filter(|_| is_announced);
    let mut former = history.policy().or_else(ended).map(Former::served);
    let mut steps = Vec::new();
    for step in plan.steps() {
        let next = match step.action() {
            Action::PutPolicy(draft) | Action::MovePolicyHost(draft) => Some(Former::drafted(draft)),
            _ => None,
        };
        let enforces =
            |policy: &Option<Former>| policy.as_ref().is_some_and(|policy| policy.mode == Mode::Enforce);
        let begins_enforcing = enforces(&next) && !enforces(&former);
        let lasts_longer =
            next.as_ref().zip(former.as_ref()).is_some_and(|(next, former)| next.max_age > former.max_age);
        steps.push(PlannedStep {
            step,
            title: title(history, step.action(), former.as_ref()),
            earliest: step.earliest(),
            safe: step.safe(),
            adds: match (&next, &former) {
                (Some(next), Some(former)) => {
                    next.patterns.iter().any(|name| !former.patterns.contains(name))
                }
                (Some(_), None) => true,
                (None, _) => matches!(step.action(), Action::PutRecord(_)) && !is_announced,
            },
            is_stricter: begins_enforcing || (enforces(&next) && lasts_longer),
            begins_enforcing,
            hold: None,
        });
        former = next.or(former);
    }
    steps
}

/// The policy before a step.
struct Former {
    mode: Mode,
    max_age: Duration,
    patterns: Vec<String>,
}

impl Former {
    fn served(policy: &ServedPolicy) -> Self {
        let patterns = policy.mx_patterns().iter().map(ToString::to_string).collect();
        Self { mode: policy.mode(), max_age: policy.max_age(), patterns }
    }

    fn drafted(draft: &Draft) -> Self {
        let policy = draft.policy();
        let patterns = policy.mx_patterns().map(|pattern| pattern.to_string()).collect();
        Self { mode: policy.mode(), max_age: policy.max_age(), patterns }
    }
}

/// What a step changes, as an imperative.
fn title(history: &History, action: &Action, former: Option<&Former>) -> String {
    match action {
        Action::PutPolicy(draft) => policy_title(&Former::drafted(draft), former),
        Action::MovePolicyHost(_) => {
            format!("Move {} to the new Policy Host", history.domain().policy_host())
        }
        Action::PutRecord(_) if history.record().is_none() => "Publish the TXT record".to_owned(),
        Action::PutRecord(_) => "Change the TXT record".to_owned(),
        Action::ChangeMx { add, remove } => format!("Change the MX records: {}", mx_words(add, remove)),
        Action::DeleteRecord => "Delete the TXT record".to_owned(),
        Action::DeletePolicy => "Stop serving the policy".to_owned(),
        other => other.code().to_owned(),
    }
}

fn policy_title(next: &Former, former: Option<&Former>) -> String {
    let Some(former) = former else { return format!("Serve a policy in mode {}", next.mode) };
    if next.mode == Mode::None {
        return "Serve a policy in mode none".to_owned();
    }
    let without = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|name| !those.contains(name)).cloned().collect()
    };
    let (add, remove) =
        (without(&next.patterns, &former.patterns), without(&former.patterns, &next.patterns));
    let mut parts = Vec::new();
    if next.mode != former.mode {
        parts.push(format!("in mode {}", next.mode));
    }
    if next.max_age != former.max_age {
        parts.push(format!("with max_age {}", Span(next.max_age)));
    }
    if !add.is_empty() {
        parts.push(format!("with {}", few(&add)));
    }
    if !remove.is_empty() {
        parts.push(format!("without {}", few(&remove)));
    }
    if parts.is_empty() {
        "Serve the policy".to_owned()
    } else {
        format!("Serve the policy {}", parts.join(", "))
    }
}

pub(super) fn mx_words(add: &[DnsName], remove: &[DnsName]) -> String {
    let names = |names: &[DnsName]| few(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
    let parts = [("add", add), ("take out", remove)].into_iter().filter(|(_, hosts)| !hosts.is_empty());
    parts.map(|(what, hosts)| format!("{what} {}", names(hosts))).collect::<Vec<_>>().join(", ")
}

/// Some names, and the number of further ones.
fn few(names: &[String]) -> String {
    match names {
        [first, second, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second} and {} more", rest.len())
        }
        names => names.join(" and "),
    }
}
