use mta_sts_core::tlsrpt::{
    Evidence, LiveFindings, Readiness, ReadyRules, Report, Served, Shortfall, Verdict,
};
use mta_sts_core::{Mode, Policy, PolicyDomain, UnixTime};

use super::{Date, Day, DomainOverview, SeenPolicy};

/// The assessment whether a policy can be enforced, based on reports.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The verdict.
    pub enforcement: Enforcement,
    /// The eight conditions, if there is a policy.
    pub readiness: Option<Readiness>,
    /// Whether a check has examined what is served now.
    pub is_checked: bool,
}

/// The verdict whether a policy is or can be enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// No report has seen a policy.
    NoPolicy,
    /// The policy last seen turns MTA-STS off.
    Off,
    /// The policy last seen is enforced.
    Enforced,
    /// The policy last seen is in mode testing, and can be enforced. Without a check, this covers only what reports show.
    Ready,
    /// A condition is not met yet. Time, more mail or a repair can meet it, on this day at the earliest.
    NotYet(Date),
    /// The owner has to make a decision.
    Blocked,
}

impl Answer {
    /// Assesses a domain from its reports, the policy that they saw last, and the result of a check.
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

    /// Returns the conditions that are not met, except for a missing check.
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

/// Parses the policy in the lines of a report.
fn policy_of(lines: &[String]) -> Option<Policy> {
    Policy::parse((lines.join("\n") + "\n").as_bytes()).ok()
}

/// A short summary of the answer for a domain.
///
/// ```no_run
/// # fn show(domain: &mta_sts_reporter::DomainOverview) {
/// let headline = domain.headline();
/// println!("{}: {}", headline.verdict, headline.reason);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Headline {
    /// The answer: `Enforce: not yet`.
    pub verdict: &'static str,
    /// The reason, in one or two sentences. Shell commands are between backticks.
    pub reason: String,
    /// The status of the domain.
    pub standing: DomainStanding,
    /// Whether the [shortfalls](Answer::shortfalls) list the next steps.
    pub has_todo: bool,
}

/// The status of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DomainStanding {
    /// Nothing needs to be done, or the next step can be taken.
    Good,
    /// Something is missing.
    Waiting,
    /// Mail is lost, or a decision is required.
    Bad,
    /// There is no effective policy.
    Without,
}

impl DomainOverview {
    /// Returns a short summary of the answer.
    pub fn headline(&self) -> Headline {
        let answer = &self.answer;
        let evidence = answer.readiness.as_ref().map(Readiness::evidence);
        let strength = |evidence: Evidence| format!(" Evidence: {evidence}.");
        let strength = evidence.map_or_else(String::new, strength);
        // Only what is a name belongs into a line for a shell.
        let name =
            PolicyDomain::parse(&self.name).map_or_else(|_| "DOMAIN".to_owned(), |name| name.to_string());
        let unchecked = if answer.is_checked {
            String::new()
        } else {
            format!(" What is served now was not looked at: `mtasts report ready {name} REPORTS` does.")
        };
        let (standing, verdict, reason) = match answer.enforcement {
            Enforcement::NoPolicy if self.causes.iter().any(|cause| cause.is_of_discovery) => (
                DomainStanding::Waiting,
                "Senders cannot get the policy",
                "They have found the record of MTA-STS, but no valid policy, so that nothing protects the mail that they send. What \
                 goes wrong stands below, with what mends it."
                    .to_owned(),
            ),
            Enforcement::NoPolicy => (
                DomainStanding::Without,
                "No MTA-STS policy seen",
                "No report has the text of a policy of this domain that can be read. Without one, whoever is between a sender \
                 and your hosts can take TLS away. Publish a policy in mode testing, and come back in two weeks."
                    .to_owned(),
            ),
            Enforcement::Off => (
                DomainStanding::Without,
                "MTA-STS is turned off",
                "The policy that was seen last has mode none: senders do not look at TLS.".to_owned(),
            ),
            Enforcement::Enforced => enforced(&self.days),
            Enforcement::Ready if answer.is_checked => {
                (DomainStanding::Good, "Enforce: yes", format!("All eight conditions are met.{strength}"))
            }
            Enforcement::Ready => (
                DomainStanding::Good,
                "Enforce: reports say yes",
                format!("Reports have nothing against it.{strength}{unchecked}"),
            ),
            Enforcement::NotYet(earliest) => {
                let missing = answer.shortfalls().count();
                let things = if missing == 1 { "thing is" } else { "things are" };
                let reason = format!(
                    "{missing} {things} missing; at the earliest on {earliest}, if all is mended today.{unchecked}"
                );
                (DomainStanding::Waiting, "Enforce: not yet", reason)
            }
            Enforcement::Blocked => {
                let reason = format!("There is something that time does not bring, and only you can tell.{unchecked}");
                (DomainStanding::Bad, "Enforce: you have to decide", reason)
            }
        };
        let has_todo = matches!(answer.enforcement, Enforcement::NotYet(_) | Enforcement::Blocked);
        Headline { verdict, reason, standing, has_todo }
    }
}

/// The headline of a domain whose policy is enforced.
fn enforced(days: &[Day]) -> (DomainStanding, &'static str, String) {
    let lately = |count: fn(&Day) -> u64| {
        days.iter().rev().take(7).fold(0_u64, |sum, day| sum.saturating_add(count(day)))
    };
    let (succeeded, yours, theirs) =
        (lately(|day| day.successes), lately(|day| day.yours), lately(|day| day.theirs));
    let sessions = |count: u64| format!("{count} {}", if count == 1 { "session" } else { "sessions" });
    let held_up = |what: String| {
        let reason = format!(
            "In the last seven days of these reports {what}: mail waits, or goes back to whoever sent it. What goes wrong stands \
             below, with what mends it."
        );
        (DomainStanding::Bad, "Enforced, and mail is held up", reason)
    };
    match (yours, theirs) {
        (1.., _) => held_up(format!("{} failed for causes of yours", sessions(yours))),
        // Of a domain that gets little mail only one sender may report, so that a fault has no second witness.
        (0, 1..) if theirs > succeeded => held_up(format!("{} failed and {succeeded} succeeded", sessions(theirs))),
        (0, 1..) => (
            DomainStanding::Good,
            "Enforced, and it works",
            format!(
                "Senders deliver over verified TLS only. No failure of yours is reported of the last seven days; {} failed as one \
                 sender sees it.",
                sessions(theirs)
            ),
        ),
        (0, 0) => (
            DomainStanding::Good,
            "Enforced, and it works",
            "Senders deliver over verified TLS only, and no failure of yours is reported of the last seven days."
                .to_owned(),
        ),
    }
}
