//! `mtasts report ready`: whether a policy can be enforced.

use std::io;

use clap::Args;
use mta_sts_core::tlsrpt::{LiveFindings, Readiness, ReadyRules, Served, Verdict};
use mta_sts_core::{DnsName, Mode, Policy, PolicyDomain, UnixTime};
use mta_sts_reporter::{Date, Overview};
use serde_json::json;

use super::json;
use super::show::counted;
use super::source::{Sources, exit_of, now, unreadable_block};
use crate::command::check::{LiveCheck, Subject, subject};
use crate::command::output::{Block, Tone, print_json};
use crate::command::{Exit, Network};

/// Say whether the policy of DOMAIN can go from mode testing to enforce, by reports and by what `mtasts check` sees now
///
/// Eight conditions are checked. For each that is not met, the remedy and the first day on which it may be met are printed.
///
/// Exit status: 0 enforce; 1 not yet, or something was not read; 2 you have to decide about a host (--accept), or wrong usage;
/// 66 no report was read; 75 what is served now could not be seen.
#[derive(Args, Debug)]
pub(super) struct Ready {
    /// The domain, or an e-mail address for its domain
    #[arg(value_name = "DOMAIN", value_parser = subject)]
    domain: Subject,
    #[command(flatten)]
    sources: Sources,
    /// Accept a host that is named in reports but not in DNS; may be given more than once
    #[arg(long, value_name = "HOST", value_parser = host)]
    accept: Vec<DnsName>,
    /// The time since which the policy has its list of `mx`: 2026-11-27, or a time of RFC 3339 [default: as reports show]
    #[arg(long, value_name = "DAY", value_parser = time)]
    since: Option<UnixTime>,
    /// The time when a fault of yours was last repaired [default: never]
    #[arg(long, value_name = "DAY", value_parser = time)]
    mended: Option<UnixTime>,
    /// For how many full days the same list of `mx` must have been served
    #[arg(long, value_name = "N", default_value_t = 14)]
    days: u32,
    /// How many full days must have passed without a failure of yours
    #[arg(long, value_name = "N", default_value_t = 7)]
    clean_days: u32,
    /// For how many full days no sender must have failed to fetch the policy
    #[arg(long, value_name = "N", default_value_t = 7)]
    served_days: u32,
    /// How many days the certificates of MX hosts must still last, or a third of their life if that is less
    #[arg(long, value_name = "N", default_value_t = 14)]
    certificate_days: u32,
    /// How many organisations must have reported sessions under the policy
    #[arg(long, value_name = "N", default_value_t = 2)]
    submitters: u32,
    /// How many sessions must have succeeded under the policy
    #[arg(long, value_name = "N", default_value_t = 100)]
    sessions: u64,
    /// How many sessions are enough for a domain with little mail
    #[arg(long, value_name = "N", default_value_t = 10)]
    few_sessions: u64,
    /// After how many full days they are enough
    #[arg(long, value_name = "N", default_value_t = 28)]
    few_sessions_days: u32,
    /// For how many full days there may be no report of a success
    #[arg(long, value_name = "N", default_value_t = 7)]
    silent_days: u32,
    /// How many organisations make a failure one of yours
    #[arg(long, value_name = "N", default_value_t = 2)]
    witnesses: u32,
    /// How many of a thousand sessions of one organisation may fail for other causes
    #[arg(long, value_name = "N", default_value_t = 5)]
    other_failures: u32,
    /// On how many days they may
    #[arg(long, value_name = "N", default_value_t = 2)]
    other_failure_days: u32,
    /// Use only reports; the answer is then never yes
    #[arg(long)]
    no_check: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    network: Network,
}

/// The policy that is served, and the result of the check.
struct Live {
    policy: Option<Policy>,
    findings: Option<LiveFindings>,
    /// DNS did not tell whether there is a policy.
    is_undetermined: bool,
    /// Nothing is known to be wrong, but not everything could be seen.
    is_temporary: bool,
}

impl Ready {
    pub(super) async fn run(self) -> Exit {
        let overview = self.sources.read();
        let domain = &self.domain.domain;
        let live = match self.look(domain).await {
            Ok(live) => live,
            Err((exit, what)) => {
                anstream::eprintln!("mtasts: {what}");
                return exit;
            }
        };
        let now = now();
        let reports = overview.reports_of(domain.as_str());
        let seen =
            || overview.domain(domain.as_str(), None, now).and_then(|seen| seen.policies.first().cloned());
        let policy = live.policy.or_else(|| Policy::parse((seen()?.lines.join("\n") + "\n").as_bytes()).ok());
        let Some(policy) = policy else {
            return self.without_policy(&overview, live.is_undetermined);
        };
        let mut served = Served::new(domain, &policy);
        if let Some(since) = self.since {
            served = served.since(since);
        }
        if let Some(mended) = self.mended {
            served = served.mended_at(mended);
        }
        let readiness = Readiness::assess(&reports, live.findings.as_ref(), &served, now, &self.rules());
        let printed = if self.json {
            print_json(&json!({
                "format": 1,
                "domain": domain.as_str(),
                "verdict": word(readiness.verdict()),
                "earliest": earliest(readiness.verdict()).map(|day| day.to_string()),
                "mode": policy.mode().as_str(),
                "evidence": {
                    "days": readiness.evidence().days(),
                    "submitters": readiness.evidence().submitters(),
                    "sessions": readiness.evidence().sessions(),
                    "clean_sessions": readiness.evidence().clean_sessions(),
                    "unverified_sessions": readiness.evidence().unverified_sessions(),
                    "unusable_reports": readiness.evidence().unusable_reports(),
                    "failure_share": readiness.evidence().failure_share(),
                },
                "conditions": json::conditions(&readiness),
                "unreadable": json::unreadable(&overview),
            }))
        } else {
            print(&overview, domain, &policy, &readiness)
        };
        if printed.is_err() {
            // Nobody reads on.
            return Exit::No;
        }
        let read = match exit_of(&overview) {
            Exit::NoInput if !reports.is_empty() => Exit::No,
            read => read,
        };
        match readiness.verdict() {
            Verdict::Blocked => Exit::Blocked,
            _ if read == Exit::NoInput => Exit::NoInput,
            Verdict::NotYet { .. } if live.is_temporary => Exit::Temporary,
            Verdict::NotYet { .. } => Exit::No,
            Verdict::Ready => read,
        }
    }

    async fn look(&self, domain: &PolicyDomain) -> Result<Live, (Exit, String)> {
        if self.no_check {
            return Ok(Live { policy: None, findings: None, is_undetermined: false, is_temporary: false });
        }
        let check = LiveCheck::new(&self.network)?.look_at(domain).await;
        Ok(Live {
            policy: check.discovery.outcome.policy().cloned(),
            findings: Some(check.live_findings()),
            is_undetermined: !check.discovery.outcome.is_known(),
            is_temporary: check.standing() == mta_sts_resolver::Standing::Temporary,
        })
    }

    fn rules(&self) -> ReadyRules {
        let rules = ReadyRules::new()
            .with_days(self.days)
            .with_clean_days(self.clean_days)
            .with_served_days(self.served_days)
            .with_certificate_days(self.certificate_days)
            .with_submitters(self.submitters)
            .with_sessions(self.sessions)
            .with_few_sessions(self.few_sessions, self.few_sessions_days)
            .with_silent_days(self.silent_days)
            .with_witnesses(self.witnesses)
            .with_other_failures(self.other_failures, self.other_failure_days);
        self.accept.iter().cloned().fold(rules, ReadyRules::with_accepted)
    }

    fn without_policy(&self, overview: &Overview, is_undetermined: bool) -> Exit {
        let domain = self.domain.domain.as_str();
        let (word, verdict, what, fix) = if is_undetermined {
            (
                "unknown",
                ("unknown", Tone::Note),
                "the policy cannot be seen now, and no report has its text",
                format!("Try again later; `mtasts check {domain}` says what fails."),
            )
        } else {
            (
                "no-policy",
                ("no", Tone::Bad),
                "no policy is served, and no report has the text of one",
                format!("Publish one in mode testing; `mtasts check {domain}` says what senders see."),
            )
        };
        let printed = if self.json {
            print_json(&json!({
                "format": 1,
                "domain": domain,
                "verdict": word,
                "unreadable": json::unreadable(overview),
            }))
        } else {
            let mut block = Block::with_verdict(verdict.0, verdict.1, what);
            block.line("fix", Tone::Plain, fix);
            block.print().and_then(|()| match unreadable_block(overview) {
                Some(unread) => {
                    Block::gap()?;
                    unread.print()
                }
                None => Ok(()),
            })
        };
        match exit_of(overview) {
            _ if printed.is_err() => Exit::No,
            Exit::NoInput => Exit::NoInput,
            _ if is_undetermined => Exit::Temporary,
            _ => Exit::No,
        }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ready => "ready",
        Verdict::NotYet { .. } => "not-yet",
        Verdict::Blocked => "blocked",
    }
}

fn earliest(verdict: Verdict) -> Option<Date> {
    match verdict {
        Verdict::NotYet { earliest } => Some(Date::of(earliest)),
        _ => None,
    }
}

fn print(
    overview: &Overview,
    domain: &PolicyDomain,
    policy: &Policy,
    readiness: &Readiness,
) -> io::Result<()> {
    let all = readiness.conditions().len();
    let missing = readiness.conditions().iter().filter(|condition| !condition.is_met()).count();
    let (title, tone, verdict) = match readiness.verdict() {
        Verdict::Ready => {
            ("yes", Tone::Good, format!("{domain} can be enforced: all {all} conditions are met."))
        }
        Verdict::NotYet { earliest } => {
            let are = if missing == 1 { "is" } else { "are" };
            let day = Date::of(earliest);
            (
                "not yet",
                Tone::Note,
                format!("{missing} of {all} conditions {are} missing; at the earliest {day}."),
            )
        }
        Verdict::Blocked => (
            "you decide",
            Tone::Bad,
            format!("{missing} of {all} conditions are missing, and only you can tell about one."),
        ),
    };
    let mut block = Block::with_verdict(title, tone, &verdict);
    if policy.mode() != Mode::Testing {
        block.line("note", Tone::Note, format!("The policy has mode {} already.", policy.mode()));
    }
    for condition in readiness.conditions() {
        if condition.is_met() {
            block.line("ok", Tone::Good, condition.rule().message());
        }
        for (place, shortfall) in condition.shortfalls().iter().enumerate() {
            let label = if place == 0 { "missing" } else { "" };
            block.line(label, Tone::Note, shortfall.message());
            block.line(
                "",
                Tone::Plain,
                format!("fix: {}", shortfall.fix().replace("DOMAIN", domain.as_str())),
            );
        }
    }
    let evidence = readiness.evidence();
    block.space();
    let text = format!(
        "On {}, {}, {} under the policy; {evidence}.",
        counted(evidence.days(), "day"),
        counted(evidence.submitters() as u64, "submitter"),
        counted(evidence.sessions(), "session")
    );
    block.line("rests", Tone::Plain, text);
    if evidence.unverified_sessions() > 0 {
        let text = format!(
            "{} more, of senders that do not verify in mode testing.",
            counted(evidence.unverified_sessions(), "session")
        );
        block.line("", Tone::Plain, text);
    }
    if evidence.unusable_reports() > 0 {
        let text = format!(
            "{} without a period that can be true, passed over.",
            counted(evidence.unusable_reports() as u64, "report")
        );
        block.line("", Tone::Note, text);
    }
    if readiness.verdict() == Verdict::Ready && policy.mode() == Mode::Testing {
        let plan = "Then: mode enforce with max_age 86400 for 7 days, 604800 for 14 more, then 2592000 or more. A way back takes as \
                    long as the longest max_age that was served.";
        block.line("then", Tone::Plain, plan);
    }
    block.print()?;
    if let Some(block) = unreadable_block(overview) {
        Block::gap()?;
        block.print()?;
    }
    Ok(())
}

fn host(text: &str) -> Result<DnsName, String> {
    DnsName::parse(text).map_err(|error| format!("{} [{}]", error.kind().message(), error.code()))
}

/// A day, or a time of RFC 3339.
fn time(text: &str) -> Result<UnixTime, String> {
    let whole = if text.len() == "2026-11-27".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let time = humantime::parse_rfc3339(&whole)
        .map_err(|_| "expected a day such as 2026-11-27, or 2026-11-27T10:00:00Z")?;
    let since = time.duration_since(std::time::UNIX_EPOCH).map_err(|_| "expected a day after 1970")?;
    Ok(UnixTime::from_secs(since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_utc() {
        assert_eq!(time("2023-11-14"), Ok(UnixTime::from_secs(1_699_920_000)));
        assert_eq!(time("2023-11-14T22:13:20Z"), Ok(UnixTime::from_secs(1_700_000_000)));
        for text in ["", "yesterday", "2023-13-01", "14.11.2023"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
