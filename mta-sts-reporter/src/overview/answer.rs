use mta_sts_core::tlsrpt::{LiveFindings, Readiness, ReadyRules, Report, Served, Shortfall, Verdict};
use mta_sts_core::{Mode, Policy, PolicyDomain, UnixTime};

use super::{Date, SeenPolicy};

/// Whether to enforce, as far as reports tell.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// What is answered.
    pub enforcement: Enforcement,
    /// The eight conditions, where there is a policy.
    pub readiness: Option<Readiness>,
    /// Whether a check has looked at what is served now.
    pub is_checked: bool,
}

/// Whether a policy is enforced, or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// No report has seen a policy.
    NoPolicy,
    /// The policy last seen turns MTA-STS off.
    Off,
    /// The policy last seen is enforced.
    Enforced,
    /// The policy last seen is in mode testing, and can be enforced; of what no check has looked at nothing is said.
    Ready,
    /// Something is missing that time, mail or mending brings, by this day at the earliest.
    NotYet(Date),
    /// The owner has to decide about something.
    Blocked,
}

impl Answer {
    /// Answers for a domain by its reports, by the policy that they saw last, and by what a check sees.
    pub(super) fn of(
        domain: &str,
        reports: &[Report],
        seen: Option<&SeenPolicy>,
        live: Option<&LiveFindings>,
        now: UnixTime,
    ) -> Self {
        let policy = seen.and_then(|seen| policy_of(&seen.lines));
        let assessed = PolicyDomain::parse(domain).ok().zip(policy.as_ref()).map(|(domain, policy)| {
            let served = Served::new(&domain, policy);
            Readiness::assess(reports, live, &served, now, &ReadyRules::new())
        });
        let is_checked = live.is_some();
        let enforcement = match (policy.as_ref().map(Policy::mode), &assessed) {
            (Some(Mode::Enforce), _) => Enforcement::Enforced,
            (Some(Mode::None), _) => Enforcement::Off,
            (Some(Mode::Testing), Some(readiness)) => of_readiness(readiness),
            _ => Enforcement::NoPolicy,
        };
        Self { enforcement, readiness: assessed, is_checked }
    }

    /// What is missing, but that a check has not been made.
    pub fn shortfalls(&self) -> impl Iterator<Item = &Shortfall> {
        self.readiness.iter().flat_map(Readiness::shortfalls).filter(|shortfall| !is_unchecked(shortfall))
    }
}

fn is_unchecked(shortfall: &Shortfall) -> bool {
    shortfall.code() == "not-checked"
}

/// The verdict of the conditions that reports alone can meet.
fn of_readiness(readiness: &Readiness) -> Enforcement {
    if readiness.verdict() == Verdict::Blocked {
        return Enforcement::Blocked;
    }
    let missing = readiness.shortfalls().filter(|shortfall| !is_unchecked(shortfall));
    match missing.filter_map(Shortfall::earliest).max() {
        Some(earliest) => Enforcement::NotYet(Date::of(earliest)),
        None => Enforcement::Ready,
    }
}

/// The policy that lines of a report are.
fn policy_of(lines: &[String]) -> Option<Policy> {
    Policy::parse((lines.join("\n") + "\n").as_bytes()).ok()
}
