//! The text about one domain on the page of what is published.

use mta_sts_core::lint::Severity;
use mta_sts_core::publish::{Action, History, ServedPolicy, Wait};
use mta_sts_core::{DnsName, Mode, PolicyDomain, UnixTime};

use super::published_domain::{PublishedDomain, PublishedFinding, PublishedHost, Reports, State};
use super::published_step::{Hold, PlannedStep, PlannedSteps, mx_words};
use super::reports_domain::{ConditionView, TodoView, conditions_of};
use super::text::{Piece, counted, first_lower, first_upper, minute, paragraph, pieces, short};
use super::time_axis::{Bar, Tick, TimeAxis};
use crate::{Date, DomainOverview, DomainStanding, Span};

pub(super) struct PublishedView {
    pub(super) anchor: String,
    pub(super) name: String,
    pub(super) tone: &'static str,
    pub(super) verdict: String,
    pub(super) why: Vec<Piece>,
    pub(super) todo: Vec<TodoView>,
    pub(super) more_todo: usize,
    pub(super) state: String,
    pub(super) state_tone: &'static str,
    pub(super) mode: String,
    pub(super) numbers: Vec<(&'static str, String)>,
    pub(super) next: String,
    pub(super) plan: Option<PlanView>,
    pub(super) hosts: Vec<HostView>,
    pub(super) more_hosts: usize,
    pub(super) texts: Vec<(String, Vec<String>)>,
    pub(super) reports: Option<ReportsView>,
    pub(super) history: HistoryView,
    urgency: (u8, UnixTime),
}

/// The steps of a plan over time.
pub(super) struct PlanView {
    pub(super) about: String,
    pub(super) picture: PictureView,
    pub(super) steps: Vec<StepView>,
}

/// Bars over an axis of time.
pub(super) struct PictureView {
    pub(super) rows: Vec<RowView>,
    pub(super) ticks: Vec<Tick>,
    /// The place of now, unless the axis begins there.
    pub(super) now: Option<String>,
}

pub(super) struct RowView {
    pub(super) number: String,
    pub(super) what: String,
    pub(super) when: String,
    pub(super) bars: Vec<Bar>,
}

pub(super) struct StepView {
    pub(super) number: usize,
    pub(super) tone: &'static str,
    pub(super) what: String,
    pub(super) tag: String,
    pub(super) times: String,
    pub(super) reasons: Vec<Vec<Piece>>,
    pub(super) place: String,
    pub(super) lines: Vec<String>,
}

pub(super) struct HostView {
    pub(super) role: String,
    pub(super) name: String,
    pub(super) tone: &'static str,
    pub(super) state: String,
    pub(super) certificate: Option<CertificateView>,
}

pub(super) struct CertificateView {
    pub(super) tone: &'static str,
    pub(super) days: String,
    pub(super) until: String,
    pub(super) class: &'static str,
    pub(super) width: u64,
}

pub(super) struct ReportsView {
    pub(super) tone: &'static str,
    pub(super) verdict: &'static str,
    pub(super) why: Vec<Piece>,
    pub(super) conditions: Vec<ConditionView>,
}

pub(super) struct HistoryView {
    pub(super) about: String,
    pub(super) picture: Option<PictureView>,
    pub(super) more: usize,
    pub(super) rows: Vec<[String; 4]>,
    pub(super) more_rows: usize,
}

const MOST_TODO: usize = 8;
const MOST_HOSTS: usize = 50;
const MOST_LINES: usize = 60;
const MOST_POLICIES: usize = 12;
const MOST_ROWS: usize = 60;
/// The number of days from which the bar of a certificate is full.
const FULL_DAYS: u64 = 90;
/// The number of days below which a certificate should have been renewed.
const FEW_DAYS: u64 = 14;
/// The maximum time that the picture of the history reaches back.
const MOST_PAST: u64 = 365 * 86_400;

/// What to do now.
struct Answer {
    tone: &'static str,
    verdict: String,
    why: String,
    todo: Vec<TodoView>,
    urgency: u8,
}

impl PublishedView {
    pub(super) fn new(domain: &PublishedDomain, now: UnixTime) -> Self {
        let planned = PlannedSteps::of(domain);
        let Answer { tone, verdict, why, mut todo, urgency } = answer(domain, &planned.steps, now);
        let served = domain.history.policy();
        let next = planned.steps.first().map(|step| step.safe);
        let more_todo = todo.len().saturating_sub(MOST_TODO);
        todo.truncate(MOST_TODO);
        let state = domain.state.as_ref();
        Self {
            anchor: String::new(),
            name: domain.history.domain().to_string(),
            tone,
            verdict,
            why: pieces(&why),
            todo,
            more_todo,
            state: state.map_or_else(String::new, |state| first_upper(&short(&state.headline))),
            state_tone: state.map_or("none", |state| tone_of(state.standing)),
            mode: served.map_or_else(|| "no policy".to_owned(), |policy| format!("mode {}", policy.mode())),
            numbers: numbers(domain, now),
            next: match next {
                None => "–".to_owned(),
                Some(time) if time <= now => "now".to_owned(),
                Some(time) => Date::of(time).to_string(),
            },
            plan: PlanView::of(domain, &planned, now),
            hosts: domain.hosts.iter().take(MOST_HOSTS).map(|host| HostView::of(host, now)).collect(),
            more_hosts: domain.hosts.len().saturating_sub(MOST_HOSTS),
            texts: domain
                .texts
                .iter()
                .map(|(place, text)| (short(place), lines_of(text.as_deref())))
                .collect(),
            reports: domain.reports.read().map(ReportsView::of),
            history: HistoryView::of(&domain.history, now),
            urgency: (urgency, next.unwrap_or(UnixTime::from_secs(u64::MAX))),
        }
    }

    /// What is urgent comes first; then by name.
    pub(super) fn urgency(&self) -> (u8, UnixTime, &str) {
        (self.urgency.0, self.urgency.1, &self.name)
    }
}

const fn tone_of(standing: DomainStanding) -> &'static str {
    match standing {
        DomainStanding::Good => "good",
        DomainStanding::Waiting => "wait",
        DomainStanding::Bad => "bad",
        DomainStanding::Without => "none",
    }
}

fn answer(domain: &PublishedDomain, steps: &[PlannedStep<'_>], now: UnixTime) -> Answer {
    if let Some(reason) = &domain.unseen {
        return Answer {
            tone: "none",
            verdict: "Nothing can be said now".to_owned(),
            why: format!("{} What was published is below.", short(reason)),
            todo: Vec::new(),
            urgency: 1,
        };
    }
    let mut shown: Vec<_> =
        domain.findings.iter().filter(|finding| finding.severity != Severity::Info).collect();
    shown.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut todo: Vec<_> = shown.into_iter().map(TodoView::of_finding).collect();
    let errors = domain.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let state = domain.state.as_ref();
    let why = state.map_or_else(String::new, |state| {
        format!(
            "{}. {}",
            first_upper(short(&state.headline).trim_end_matches('.')),
            paragraph(&state.sentence)
        )
    });
    let first = steps.first();
    if first.is_some_and(|step| step.hold.is_some()) {
        let headline = domain.reports.read().map(DomainOverview::headline);
        todo.extend(
            domain.reports.read().into_iter().flat_map(|it| it.answer.shortfalls().map(TodoView::of)),
        );
        return Answer {
            tone: match &headline {
                _ if errors > 0 => "bad",
                Some(headline) => tone_of(headline.standing),
                None => "wait",
            },
            verdict: "Stay in mode testing for now".to_owned(),
            why: headline.map_or_else(|| NO_REPORT.to_owned(), |headline| headline.reason),
            todo,
            urgency: if errors > 0 { 0 } else { 2 },
        };
    }
    let due = first.filter(|step| step.safe <= now);
    match first {
        // What is wrong comes first, but where the step mends it.
        _ if errors > 0 && due.is_none_or(|step| !step.adds) => {
            let held = match due {
                // A policy is not made stricter while something is wrong.
                Some(step) if step.is_stricter => {
                    format!(" Until then, do not yet {}.", first_lower(&step.title))
                }
                Some(_) => {
                    todo.insert(errors, TodoView::of_step(steps, domain.history.domain()));
                    String::new()
                }
                None => String::new(),
            };
            let verdict =
                if errors == 1 { "One thing to mend".to_owned() } else { format!("{errors} things to mend") };
            Answer { tone: "bad", verdict, why: format!("{why}{held}"), todo, urgency: 0 }
        }
        Some(step) if step.safe <= now => {
            todo.insert(0, TodoView::of_step(steps, domain.history.domain()));
            let is_unread = step.begins_enforcing && matches!(domain.reports, Reports::Unread);
            let unread = if is_unread { UNREAD } else { "" };
            Answer {
                tone: if errors > 0 { "bad" } else { "wait" },
                verdict: format!("Now: {}", first_lower(&step.title)),
                why: format!("Step 1 of {}; it is safe for all mail.{unread}", steps.len()),
                todo,
                urgency: if errors > 0 { 0 } else { 2 },
            }
        }
        Some(step) => waiting(step, state, todo, now),
        None if todo.is_empty() => Answer {
            tone: state.map_or("none", |state| tone_of(state.standing)),
            verdict: "Nothing to do".to_owned(),
            why,
            todo,
            urgency: 5,
        },
        None => Answer { tone: "wait", verdict: "Nothing urgent".to_owned(), why, todo, urgency: 3 },
    }
}

const NO_REPORT: &str = "No report is about this domain: nobody has said what would be refused. They come once a day to the address in the TXT \
                         record at `_smtp._tls`.";
const UNREAD: &str =
    " Reports were not looked at: with `--reports` this page says whether they speak against it.";

/// The answer while the next step waits for its time.
fn waiting(step: &PlannedStep<'_>, state: Option<&State>, todo: Vec<TodoView>, now: UnixTime) -> Answer {
    let is_good = state.is_some_and(|state| state.standing == DomainStanding::Good) && todo.is_empty();
    let possible = if step.earliest <= now { " It is possible now, but not safe for all mail." } else { "" };
    Answer {
        tone: if is_good { "good" } else { "wait" },
        verdict: format!(
            "Nothing {} until {}",
            if todo.is_empty() { "to do" } else { "urgent" },
            minute(step.safe)
        ),
        why: format!("Then: {}.{possible} {}", first_lower(&step.title), step.step.safe_wait().message()),
        todo,
        urgency: if is_good { 4 } else { 3 },
    }
}

fn numbers(domain: &PublishedDomain, now: UnixTime) -> Vec<(&'static str, String)> {
    let served = domain.history.policy();
    let mode = served.map_or_else(|| "none served".to_owned(), |policy| policy.mode().to_string());
    let max_age = served.map_or_else(|| "–".to_owned(), |policy| Span(policy.max_age()).to_string());
    let hosts = domain.hosts.len();
    let good = domain.hosts.iter().filter(|host| host.standing == DomainStanding::Good).count();
    let first = domain.hosts.iter().filter_map(|host| host.expiry).min();
    vec![
        ("Mode", mode),
        ("Kept by senders for", max_age),
        ("Hosts without a fault", if hosts == 0 { "–".to_owned() } else { format!("{good} of {hosts}") }),
        ("First certificate to end", first.map_or_else(|| "–".to_owned(), |end| days_left(end, now))),
    ]
}

/// The days until a certificate ends, in words.
fn days_left(end: UnixTime, now: UnixTime) -> String {
    if end <= now {
        return "expired".to_owned();
    }
    match end.saturating_since(now).as_secs() / 86_400 {
        0 => "today".to_owned(),
        days => counted(days, "day left", "days left"),
    }
}

impl TodoView {
    fn of_finding(finding: &PublishedFinding) -> Self {
        let owner = finding.owner.as_deref().map(|owner| format!("By {}.", short(owner)));
        Self {
            message: paragraph(&finding.message),
            fix: pieces(&paragraph(&finding.fix)),
            by: owner.unwrap_or_default(),
        }
    }

    /// The first step.
    fn of_step(steps: &[PlannedStep<'_>], domain: &PolicyDomain) -> Self {
        let action = steps[0].step.action();
        let fix = match action {
            Action::PutPolicy(_) => {
                format!("Serve the text of step 1, which is below, as `{}`.", domain.policy_url())
            }
            Action::MovePolicyHost(_) => {
                format!(
                    "Serve the text of step 1, which is below, at the new host; then have {} lead to it.",
                    domain.policy_host()
                )
            }
            Action::PutRecord(id) => {
                format!("Set the TXT record of {} to `v=STSv1; id={id}`.", domain.txt_name())
            }
            Action::ChangeMx { add, remove } => {
                format!("In the MX records of {domain}, {}.", mx_words(add, remove))
            }
            Action::DeleteRecord => format!("Delete the TXT record of {}.", domain.txt_name()),
            Action::DeletePolicy => format!("Stop serving `{}`.", domain.policy_url()),
            _ => format!("{}.", steps[0].title),
        };
        let next = steps.get(1).map(|next| format!("Step 2 follows on {}.", minute(next.safe)));
        Self { message: action.reason().to_owned(), fix: pieces(&fix), by: next.unwrap_or_default() }
    }
}

impl PlanView {
    fn of(domain: &PublishedDomain, planned: &PlannedSteps<'_>, now: UnixTime) -> Option<Self> {
        let steps = &planned.steps;
        let last = steps.last()?;
        let is_removal = matches!(last.step.action(), Action::DeleteRecord | Action::DeletePolicy);
        // What waits for reports, or for the owner, has no time.
        let open = steps.iter().position(|step| matches!(step.hold, Some(Hold::Open))).unwrap_or(steps.len());
        let (settled, all_settled) = planned.settled;
        let end = if is_removal { last.safe } else { last.safe.max(all_settled) };
        // What is safe in the end is seen to be so.
        let axis = TimeAxis::new(now, end.saturating_add(end.saturating_since(now) / 12));
        let row = |number: String, what: &str, earliest: UnixTime, safe: UnixTime| RowView {
            number,
            what: short(what),
            when: period(earliest, safe, now),
            bars: [axis.bar("t", earliest, safe), axis.bar("s", safe, axis.end())]
                .into_iter()
                .flatten()
                .collect(),
        };
        let mut rows: Vec<_> = (1_usize..)
            .zip(steps)
            .map(|(number, step)| {
                let row = row(number.to_string(), &step.title, step.earliest, step.safe);
                if number > open {
                    RowView { when: WHEN_OPEN.to_owned(), bars: Vec::new(), ..row }
                } else {
                    row
                }
            })
            .collect();
        if all_settled > now && !is_removal && open == steps.len() {
            rows.push(row("✓".to_owned(), "Every sender has the last policy", settled, all_settled));
        }
        let count = counted(steps.len() as u64, "step", "steps");
        let about =
            if end > now { format!("{count}, until {}.", Date::of(end)) } else { format!("{count}, now.") };
        let mut told = Vec::new();
        let steps = (1..).zip(steps).map(|(number, step)| {
            let mut view = StepView::of(number, step, domain.history.domain(), now, &mut told);
            if number > open {
                (view.tone, view.tag, view.times) = ("wait", WHEN_OPEN.to_owned(), String::new());
            }
            view
        });
        let ticks = axis.ticks("now".to_owned());
        Some(Self { about, steps: steps.collect(), picture: PictureView { rows, ticks, now: None } })
    }
}

const WHEN_OPEN: &str = "when reports allow it";

/// When a step is possible, and when it is safe.
fn period(earliest: UnixTime, safe: UnixTime, now: UnixTime) -> String {
    let when = |time: UnixTime| if time <= now { "now".to_owned() } else { minute(time) };
    if when(earliest) == when(safe) { when(safe) } else { format!("{}, safe {}", when(earliest), when(safe)) }
}

impl StepView {
    fn of(
        number: usize,
        planned: &PlannedStep<'_>,
        domain: &PolicyDomain,
        now: UnixTime,
        told: &mut Vec<&'static str>,
    ) -> Self {
        let PlannedStep { step, earliest, safe, .. } = *planned;
        let action = step.action();
        let mut reasons = Vec::new();
        // Each reason is told once.
        let mut tell = |code: &'static str, message: &str, section: &str| {
            if !told.contains(&code) {
                told.push(code);
                reasons.push(pieces(&format!("{message} ({section})")));
            }
        };
        tell(action.code(), action.reason(), action.section());
        for wait in [step.wait(), step.safe_wait()] {
            if !matches!(wait, Wait::Nothing | Wait::PreviousStep) {
                tell(wait.code(), wait.message(), wait.section());
            }
        }
        match planned.hold {
            Some(Hold::Until(time)) => {
                let text = format!("Reports speak against it before {}: see below.", Date::of(time));
                reasons.push(pieces(&text));
            }
            Some(Hold::Open) => reasons.push(pieces("Reports speak against it: see below.")),
            None => {}
        }
        let (place, text) = match action {
            Action::PutPolicy(draft) | Action::MovePolicyHost(draft) => {
                (domain.policy_url(), draft.policy_text().to_owned())
            }
            Action::PutRecord(id) => (format!("{} TXT", domain.txt_name()), format!("v=STSv1; id={id}")),
            Action::ChangeMx { add, remove } => (format!("{domain} MX"), changed(add, remove)),
            _ => (String::new(), String::new()),
        };
        let is_due = safe <= now;
        Self {
            number,
            tone: if is_due { "good" } else { "wait" },
            what: short(&planned.title),
            tag: if is_due {
                "now".to_owned()
            } else {
                format!("safe in {}", Span(safe.saturating_since(now)))
            },
            times: if is_due { String::new() } else { period(earliest, safe, now) },
            reasons,
            place,
            lines: if text.is_empty() { Vec::new() } else { lines_of(Some(&text)) },
        }
    }
}

/// The MX records that come, and those that go.
fn changed(add: &[DnsName], remove: &[DnsName]) -> String {
    let lines =
        |sign, names: &[DnsName]| names.iter().map(|name| format!("{sign} {name}")).collect::<Vec<_>>();
    [lines('+', add), lines('-', remove)].concat().join("\n")
}

/// The lines of a text that is published.
fn lines_of(text: Option<&str>) -> Vec<String> {
    let Some(text) = text else { return vec!["(nothing)".to_owned()] };
    let mut lines: Vec<_> = text.lines().take(MOST_LINES).map(short).collect();
    let more = text.lines().count().saturating_sub(MOST_LINES);
    if more > 0 {
        lines.push(format!("(and {more} more)"));
    }
    lines
}

impl HostView {
    fn of(host: &PublishedHost, now: UnixTime) -> Self {
        Self {
            role: short(&host.role),
            name: short(&host.name),
            tone: tone_of(host.standing),
            state: short(&host.state),
            certificate: host.expiry.map(|end| CertificateView::of(end, now)),
        }
    }
}

impl CertificateView {
    fn of(end: UnixTime, now: UnixTime) -> Self {
        let days = end.saturating_since(now).as_secs() / 86_400;
        let (tone, class) = match days {
            _ if end <= now => ("bad", "y"),
            days if days < FEW_DAYS => ("wait", "t"),
            _ => ("good", "s"),
        };
        Self {
            tone,
            days: days_left(end, now),
            until: format!("until {}", Date::of(end)),
            class,
            width: (days.min(FULL_DAYS) * 100 / FULL_DAYS).max(2),
        }
    }
}

impl ReportsView {
    fn of(reports: &DomainOverview) -> Self {
        let headline = reports.headline();
        Self {
            tone: tone_of(headline.standing),
            verdict: headline.verdict,
            why: pieces(&headline.reason),
            conditions: conditions_of(&reports.answer),
        }
    }
}

impl HistoryView {
    fn of(history: &History, now: UnixTime) -> Self {
        let policies: Vec<_> = history.policies().iter().rev().take(MOST_POLICIES).collect();
        let unknown = history.unknown_until();
        let about = match (policies.is_empty(), unknown > now) {
            (true, _) => "Nothing has been seen yet.".to_owned(),
            (false, true) => {
                format!("Until {} senders may hold a policy from before this history.", Date::of(unknown))
            }
            (false, false) => {
                "A sender may hold a policy for its max_age after it was last served.".to_owned()
            }
        };
        let rows = rows_of(history);
        Self {
            about,
            picture: (!policies.is_empty()).then(|| past(&policies, now)),
            more: history.policies().len().saturating_sub(MOST_POLICIES),
            more_rows: rows.len().saturating_sub(MOST_ROWS),
            rows: rows.into_iter().take(MOST_ROWS).collect(),
        }
    }
}

/// When policies were served, and until when senders may hold them.
fn past(policies: &[&ServedPolicy], now: UnixTime) -> PictureView {
    let held_until = |policy: &ServedPolicy| policy.until().unwrap_or(now).saturating_add(policy.max_age());
    let first = policies.iter().map(|policy| policy.since()).min().unwrap_or(now).min(now);
    let back = UnixTime::from_secs(now.as_secs().saturating_sub(MOST_PAST));
    let last = policies.iter().map(|policy| held_until(policy)).max().unwrap_or(now).max(now);
    let axis = TimeAxis::new(first.max(back), last);
    let row = |policy: &&ServedPolicy| {
        let (since, until) = (policy.since(), policy.until());
        let served = if policy.mode() == Mode::Enforce { "s" } else { "p" };
        RowView {
            number: String::new(),
            what: format!("mode {}, max_age {}", policy.mode(), Span(policy.max_age())),
            when: match until {
                None => format!("since {}", minute(since)),
                Some(until) => format!("{} to {}", minute(since), minute(until)),
            },
            bars: [
                axis.bar(served, since, until.unwrap_or(now)),
                axis.bar("h", until.unwrap_or(now), held_until(policy)),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    };
    PictureView {
        rows: policies.iter().map(row).collect(),
        ticks: axis.ticks(Date::of(axis.start()).to_string()),
        now: (axis.start() < now).then(|| axis.x(now)),
    }
}

/// Everything in a history, the latest first.
fn rows_of(history: &History) -> Vec<[String; 4]> {
    let until = |until: Option<UnixTime>| until.map_or_else(|| "now".to_owned(), minute);
    let policies = history.policies().iter().map(|policy| {
        let mx: Vec<_> = policy.mx_patterns().iter().map(ToString::to_string).collect();
        (
            policy.since(),
            [
                "policy".to_owned(),
                short(&format!("mode {}, mx {}", policy.mode(), mx.join(" "))),
                minute(policy.since()),
                until(policy.until()),
            ],
        )
    });
    let records = history.records().iter().map(|record| {
        (
            record.since(),
            [
                "record".to_owned(),
                format!("id {}", record.id()),
                minute(record.since()),
                until(record.until()),
            ],
        )
    });
    let hosts = history.hosts().iter().map(|host| {
        (
            host.since(),
            ["MX host".to_owned(), host.name().to_string(), minute(host.since()), until(host.until())],
        )
    });
    let mut rows: Vec<_> = policies.chain(records).chain(hosts).collect();
    rows.sort_by_key(|(since, _)| std::cmp::Reverse(*since));
    rows.into_iter().map(|(_, row)| row).collect()
}
