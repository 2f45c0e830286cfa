//! The text about one domain on the page of reports.

use std::collections::{BTreeMap, BTreeSet};

use mta_sts_core::tlsrpt::{Shortfall, Whose};

use super::text::{Piece, counted, pieces, short, thousands};
use crate::{
    Answer, Cause, Date, Day, DomainOverview, DomainStanding, SeenPolicy, SeenTlsa, Submitter, Validates,
};

pub(super) struct DomainView {
    pub(super) anchor: String,
    pub(super) name: String,
    pub(super) tone: &'static str,
    pub(super) verdict: &'static str,
    pub(super) why: Vec<Piece>,
    pub(super) todo: Vec<TodoView>,
    pub(super) more_todo: usize,
    pub(super) conditions: Vec<ConditionView>,
    pub(super) sessions: String,
    pub(super) failures: String,
    pub(super) success_share: String,
    pub(super) yours: String,
    pub(super) chart: Option<ChartView>,
    pub(super) causes: Vec<CauseView>,
    pub(super) more_causes: usize,
    pub(super) matrix: Option<MatrixView>,
    pub(super) submitters: Vec<SubmitterView>,
    pub(super) more_submitters: usize,
    pub(super) policies: Vec<PolicyView>,
    pub(super) more_policies: usize,
    pub(super) tlsa: Vec<TlsaView>,
}

pub(super) struct TodoView {
    pub(super) message: String,
    pub(super) fix: Vec<Piece>,
    pub(super) by: String,
}

pub(super) struct ConditionView {
    pub(super) tone: &'static str,
    pub(super) state: &'static str,
    pub(super) message: &'static str,
    pub(super) reason: &'static str,
}

pub(super) struct ChartView {
    pub(super) about: String,
    pub(super) label: String,
    pub(super) top: String,
    pub(super) width: usize,
    pub(super) bars: Vec<BarView>,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) has_marks: bool,
    pub(super) rows: Vec<DayView>,
}

pub(super) struct BarView {
    pub(super) x: usize,
    pub(super) title: String,
    pub(super) parts: Vec<PartView>,
    pub(super) is_marked: bool,
}

pub(super) struct PartView {
    pub(super) class: &'static str,
    pub(super) y: String,
    pub(super) height: String,
}

pub(super) struct DayView {
    pub(super) day: String,
    pub(super) successes: String,
    pub(super) yours: String,
    pub(super) theirs: String,
    pub(super) reports: String,
}

pub(super) struct CauseView {
    pub(super) tone: &'static str,
    pub(super) host: String,
    pub(super) cause: &'static str,
    pub(super) fix: Vec<Piece>,
    pub(super) whose: &'static str,
    pub(super) numbers: String,
    pub(super) facts: Vec<(&'static str, String)>,
}

pub(super) struct MatrixView {
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<(String, Vec<String>)>,
}

pub(super) struct SubmitterView {
    pub(super) name: String,
    pub(super) sessions: String,
    pub(super) success_width: u64,
    pub(super) failure_width: u64,
    pub(super) failures: String,
    pub(super) reports: String,
    pub(super) last: String,
    pub(super) silent: String,
    pub(super) validates: &'static str,
}

pub(super) struct PolicyView {
    pub(super) tone: &'static str,
    pub(super) days: String,
    pub(super) mode: String,
    pub(super) numbers: String,
    pub(super) users: String,
    pub(super) lines: Vec<String>,
}

pub(super) struct TlsaView {
    pub(super) tone: &'static str,
    pub(super) hosts: String,
    pub(super) numbers: String,
    pub(super) lines: Vec<String>,
}

const MOST_TODO: usize = 8;
const MOST_CAUSES: usize = 30;
const MOST_SUBMITTERS: usize = 100;
const MOST_POLICIES: usize = 20;
const MOST_COLUMNS: usize = 8;
const MOST_LINES: usize = 60;

impl DomainView {
    pub(super) fn new(number: usize, domain: &DomainOverview) -> Self {
        let sum = |count: fn(&Submitter) -> u64| {
            domain.submitters.iter().fold(0_u64, |sum, row| sum.saturating_add(count(row)))
        };
        let (successes, failures) = (sum(|row| row.successes), sum(|row| row.failures));
        let sessions = successes.saturating_add(failures);
        let yours = domain.days.iter().fold(0_u64, |sum, day| sum.saturating_add(day.yours));
        let headline = domain.headline();
        let todo: Vec<_> = domain.answer.shortfalls().collect();
        Self {
            anchor: format!("d{number}"),
            name: short(&domain.name),
            tone: match headline.standing {
                DomainStanding::Good => "good",
                DomainStanding::Waiting => "wait",
                DomainStanding::Bad => "bad",
                DomainStanding::Without => "none",
            },
            verdict: headline.verdict,
            why: pieces(&headline.reason),
            more_todo: if headline.has_todo { todo.len().saturating_sub(MOST_TODO) } else { 0 },
            todo: if headline.has_todo {
                todo.into_iter().take(MOST_TODO).map(TodoView::of).collect()
            } else {
                Vec::new()
            },
            conditions: conditions_of(&domain.answer),
            sessions: thousands(sessions),
            failures: thousands(failures),
            success_share: share(successes, sessions),
            yours: thousands(yours),
            chart: ChartView::of(&domain.days),
            causes: domain.causes.iter().take(MOST_CAUSES).map(CauseView::of).collect(),
            more_causes: domain.causes.len().saturating_sub(MOST_CAUSES),
            matrix: MatrixView::of(&domain.causes),
            submitters: domain.submitters.iter().take(MOST_SUBMITTERS).map(SubmitterView::of).collect(),
            more_submitters: domain.submitters.len().saturating_sub(MOST_SUBMITTERS),
            policies: (0..)
                .zip(domain.policies.iter().take(MOST_POLICIES))
                .map(|(age, policy)| PolicyView::of(age, policy))
                .collect(),
            more_policies: domain.policies.len().saturating_sub(MOST_POLICIES),
            tlsa: domain.tlsa.iter().take(MOST_POLICIES).map(TlsaView::of).collect(),
        }
    }
}

impl TodoView {
    pub(super) fn of(shortfall: &Shortfall) -> Self {
        let by = shortfall.earliest().map(|time| format!("May be there on {}.", Date::of(time)));
        Self { message: short(shortfall.message()), fix: pieces(shortfall.fix()), by: by.unwrap_or_default() }
    }
}

pub(super) fn conditions_of(answer: &Answer) -> Vec<ConditionView> {
    let Some(readiness) = &answer.readiness else { return Vec::new() };
    let view = |condition: &mta_sts_core::tlsrpt::Condition| {
        let is_unchecked = condition.shortfalls().iter().all(|shortfall| shortfall.code() == "not-checked");
        let (tone, state) = match (condition.is_met(), is_unchecked) {
            (true, _) => ("good", "met"),
            (false, true) => ("none", "unknown"),
            (false, false) => ("wait", "missing"),
        };
        ConditionView { tone, state, message: condition.rule().message(), reason: condition.rule().reason() }
    };
    readiness.conditions().iter().map(view).collect()
}

impl ChartView {
    const BAR: usize = 10;

    fn of(days: &[Day]) -> Option<Self> {
        let (first, last) = days.first().zip(days.last())?;
        let most = days.iter().map(all_of).max().filter(|most| *most > 0)?;
        let sum = |count: fn(&Day) -> u64| {
            thousands(days.iter().fold(0_u64, |sum, day| sum.saturating_add(count(day))))
        };
        let (successes, yours, theirs) =
            (sum(|day| day.successes), sum(|day| day.yours), sum(|day| day.theirs));
        Some(Self {
            about: format!("{} days, from {} to {}.", days.len(), first.date, last.date),
            label: format!(
                "Sessions by day from {} to {}: {successes} succeeded, {yours} failed and are yours to mend, {theirs} failed as \
                 one sender sees it. The table below has the numbers.",
                first.date, last.date
            ),
            top: counted(most, "session", "sessions"),
            width: days.len() * Self::BAR,
            bars: days.iter().enumerate().map(|(place, day)| BarView::of(place, day, most)).collect(),
            first: first.date.to_string(),
            last: last.date.to_string(),
            has_marks: days.iter().any(|day| day.has_new_policy),
            rows: days.iter().filter(|day| day.reports > 0).map(DayView::of).collect(),
        })
    }
}

fn all_of(day: &Day) -> u64 {
    day.successes.saturating_add(day.yours).saturating_add(day.theirs)
}

impl BarView {
    #[expect(clippy::cast_precision_loss, reason = "a chart has a thousand places")]
    fn of(place: usize, day: &Day, most: u64) -> Self {
        // A single failure must be seen beside thousands of successes.
        const LEAST: f64 = 2.0;
        let height = |count: u64| {
            if count == 0 { 0.0 } else { (count as f64 * 100.0 / most as f64).max(LEAST) }
        };
        let mut parts =
            vec![("s", height(day.successes)), ("t", height(day.theirs)), ("y", height(day.yours))];
        // What the failures take more than their share, the successes give.
        let excess = parts.iter().map(|(_, height)| height).sum::<f64>() - 100.0;
        if excess > 0.0 {
            parts[0].1 = (parts[0].1 - excess).max(0.0);
        }
        let mut top = 100.0;
        let parts = parts
            .into_iter()
            .filter(|(_, height)| *height > 0.0)
            .map(|(class, height)| {
                top -= height;
                PartView { class, y: format!("{:.2}", top.max(0.0)), height: format!("{height:.2}") }
            })
            .collect();
        let title = if day.reports == 0 {
            format!("{}: no report", day.date)
        } else {
            format!(
                "{}: {} succeeded, {} failed (yours), {} failed (one sender's){}",
                day.date,
                thousands(day.successes),
                thousands(day.yours),
                thousands(day.theirs),
                if day.has_new_policy { "; a new policy was seen" } else { "" }
            )
        };
        Self { x: place * ChartView::BAR + 1, title, parts, is_marked: day.has_new_policy }
    }
}

impl DayView {
    fn of(day: &Day) -> Self {
        let mark = if day.has_new_policy { " (new policy)" } else { "" };
        Self {
            day: format!("{}{mark}", day.date),
            successes: thousands(day.successes),
            yours: thousands(day.yours),
            theirs: thousands(day.theirs),
            reports: thousands(day.reports),
        }
    }
}

impl CauseView {
    fn of(cause: &Cause) -> Self {
        let (tone, whose) = match (cause.is_yours, cause.hint.whose()) {
            (true, _) => ("bad", "yours to mend"),
            (false, Whose::Sender) => ("none", "the sender's"),
            (false, _) => ("wait", "seen by one sender"),
        };
        let numbers = format!(
            "{} · {}{}",
            counted(cause.sessions, "session", "sessions"),
            names(&cause.organizations),
            behind(cause.days)
        );
        let list =
            |texts: &BTreeSet<String>| texts.iter().map(|text| short(text)).collect::<Vec<_>>().join(", ");
        let facts = [
            ("Addresses of the MX host", list(&cause.receiving_ips)),
            ("Addresses of senders", list(&cause.sending_ips)),
            ("What senders wrote", list(&cause.reasons)),
        ];
        Self {
            tone,
            host: cause.host.as_deref().map(short).unwrap_or_default(),
            cause: cause.hint.cause(),
            fix: pieces(cause.hint.fix()),
            whose,
            numbers,
            facts: facts.into_iter().filter(|(_, text)| !text.is_empty()).collect(),
        }
    }
}

impl MatrixView {
    /// The numbers of hosts and causes, if either is more than one.
    fn of(causes: &[Cause]) -> Option<Self> {
        if causes.is_empty() {
            return None;
        }
        let mut columns: Vec<_> = Vec::new();
        let mut rows: BTreeMap<Option<&str>, BTreeMap<&str, u64>> = BTreeMap::new();
        for cause in causes {
            let code = cause.hint.code();
            if !columns.contains(&code) {
                if columns.len() == MOST_COLUMNS {
                    continue;
                }
                columns.push(code);
            }
            if rows.len() == MOST_CAUSES && !rows.contains_key(&cause.host.as_deref()) {
                continue;
            }
            *rows.entry(cause.host.as_deref()).or_default().entry(code).or_default() += cause.sessions;
        }
        let row = |(host, counts): (Option<&str>, BTreeMap<&str, u64>)| {
            let cell = |code: &&str| counts.get(code).map_or_else(String::new, |count| thousands(*count));
            (host.map_or_else(|| "no host named".to_owned(), short), columns.iter().map(cell).collect())
        };
        let rows = rows.into_iter().map(row).collect();
        Some(Self { columns, rows })
    }
}

impl SubmitterView {
    fn of(row: &Submitter) -> Self {
        let sessions = row.successes.saturating_add(row.failures);
        let success_width = if sessions == 0 {
            0
        } else {
            u64::try_from(u128::from(row.successes) * 100 / u128::from(sessions)).unwrap_or(100)
        };
        Self {
            name: short(&row.name),
            sessions: thousands(sessions),
            success_width,
            failure_width: if row.failures > 0 { 100 - success_width } else { 0 },
            failures: thousands(row.failures),
            reports: thousands(row.reports),
            last: row.last_day.map_or_else(|| "unknown".to_owned(), |day| day.to_string()),
            silent: row.silent_days.map(|days| format!("silent for {days} days")).unwrap_or_default(),
            validates: match row.validates {
                Validates::Yes => "yes",
                Validates::EnforceOnly => "in mode enforce only",
                Validates::NoPolicySeen => "has seen no policy",
            },
        }
    }
}

impl PolicyView {
    fn of(age: usize, policy: &SeenPolicy) -> Self {
        let fields = policy.lines.iter().filter_map(|line| line.split_once(':'));
        let mode = fields.map(|(name, value)| (name.trim(), value.trim())).find(|(name, _)| *name == "mode");
        let is_old_in_use = age > 0 && !policy.still_used_by.is_empty();
        Self {
            tone: match (age, is_old_in_use) {
                (0, _) => "good",
                (_, true) => "wait",
                (_, false) => "none",
            },
            days: policy.days.map_or_else(|| "on an unknown day".to_owned(), span),
            mode: mode.map_or_else(|| "no mode".to_owned(), |(_, mode)| format!("mode {}", short(mode))),
            numbers: format!(
                "{} succeeded, {} failed · {}",
                thousands(policy.successes),
                thousands(policy.failures),
                names(&policy.organizations)
            ),
            users: if is_old_in_use {
                format!("Last seen in use by {}.", names(&policy.still_used_by))
            } else if age > 0 {
                "Whoever saw it has seen a later one since.".to_owned()
            } else {
                "The latest.".to_owned()
            },
            lines: policy.lines.iter().take(MOST_LINES).map(|line| short(line)).collect(),
        }
    }
}

impl TlsaView {
    fn of(tlsa: &SeenTlsa) -> Self {
        let numbers = format!(
            "{} succeeded, {} failed · {}{}",
            thousands(tlsa.successes),
            thousands(tlsa.failures),
            names(&tlsa.organizations),
            behind(tlsa.days)
        );
        Self {
            tone: if tlsa.failures > 0 { "bad" } else { "good" },
            hosts: names(&tlsa.hosts),
            numbers,
            lines: tlsa.lines.iter().take(MOST_LINES).map(|line| short(line)).collect(),
        }
    }
}

/// Some names, and the number of further ones.
fn names(all: &BTreeSet<String>) -> String {
    const MOST: usize = 4;
    let few: Vec<_> = all.iter().take(MOST).map(|name| short(name)).collect();
    match all.len().saturating_sub(MOST) {
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}

/// Days, appended to other facts.
fn behind(days: Option<(Date, Date)>) -> String {
    days.map_or_else(String::new, |days| format!(" · {}", span(days)))
}

fn span((first, last): (Date, Date)) -> String {
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}

/// A percentage, which is 100 % only if nothing is missing.
fn share(part: u64, all: u64) -> String {
    if all == 0 {
        return "–".to_owned();
    }
    // In hundredths of a percent, rounded down.
    let share = u128::from(part) * 10_000 / u128::from(all);
    match (share / 100, share % 100) {
        (whole, 0) => format!("{whole} %"),
        (whole, rest) => format!("{whole}.{rest:02} %"),
    }
}
