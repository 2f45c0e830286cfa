//! `mtasts report show`: reports on the terminal.

use std::io;

use clap::Args;
use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::Whose;
use mta_sts_reporter::{Cause, Date, Day, DomainOverview, Overview, SeenPolicy, Submitter, Validates};

use super::json;
use super::source::{Sources, exit_of, now, unreadable_block};
use crate::command::Exit;
use crate::command::output::{Block, Tone, print_json};

/// Show reports: whether to enforce, causes of failures and their remedies, who reports, which policies were seen
///
/// Exit status: 0 it was shown; 1 something was not read; 2 wrong usage; 66 no report was read.
#[derive(Args, Debug)]
pub(super) struct Show {
    #[command(flatten)]
    sources: Sources,
    /// Show this domain alone; may be given more than once
    #[arg(long, value_name = "DOMAIN")]
    domain: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self) -> Exit {
        let overview = self.sources.read();
        let now = now();
        let names = overview.domains().into_iter().map(|domain| domain.name);
        let is_wanted =
            |name: &String| self.domain.is_empty() || self.domain.iter().any(|own| is_same(own, name));
        let names: Vec<String> = names.filter(is_wanted).collect();
        let printed = if self.json {
            let domains = names.iter().filter_map(|name| overview.domain(name, None, now));
            print_json(&json::of(&overview, domains))
        } else {
            print(&overview, &names, !self.domain.is_empty(), now)
        };
        // Nobody reads on.
        if printed.is_err() { Exit::No } else { exit_of(&overview) }
    }
}

pub(super) fn is_same(own: &str, name: &str) -> bool {
    own.trim_end_matches('.').eq_ignore_ascii_case(name)
}

fn print(overview: &Overview, names: &[String], are_chosen: bool, now: UnixTime) -> io::Result<()> {
    let mut is_first = true;
    for domain in names.iter().filter_map(|name| overview.domain(name, None, now)) {
        if !std::mem::take(&mut is_first) {
            Block::gap()?;
        }
        block_of(&domain).print()?;
    }
    if names.is_empty() {
        let what = if are_chosen {
            "nothing was read that is about such a domain"
        } else {
            "nothing was read that is about a domain"
        };
        Block::with_verdict("No report", Tone::Note, what).print()?;
    }
    for block in [deviations_block(overview), unreadable_block(overview)].into_iter().flatten() {
        Block::gap()?;
        block.print()?;
    }
    Ok(())
}

fn block_of(domain: &DomainOverview) -> Block {
    let headline = domain.headline();
    let mut block = Block::with_verdict(cut(&domain.name), tone_of(headline.standing), headline.verdict);
    block.line("=>", Tone::Plain, headline.reason.replace('`', ""));
    if headline.has_todo {
        for shortfall in domain.answer.shortfalls() {
            block.line("missing", Tone::Note, shortfall.message());
            block.line("", Tone::Plain, format!("fix: {}", shortfall.fix()));
        }
    }
    block.space();
    days(&mut block, &domain.days);
    for cause in domain.causes.iter().take(MOST_ROWS) {
        cause_lines(&mut block, cause);
    }
    more(&mut block, domain.causes.len());
    block.space();
    for (row, label) in domain.submitters.iter().take(MOST_ROWS).zip(labels("from")) {
        block.line(label, if row.silent_days.is_some() { Tone::Note } else { Tone::Plain }, submitter(row));
    }
    more(&mut block, domain.submitters.len());
    for (age, (policy, label)) in domain.policies.iter().take(MOST_ROWS).zip(labels("policy")).enumerate() {
        let is_old_in_use = age > 0 && !policy.still_used_by.is_empty();
        block.line(label, if is_old_in_use { Tone::Note } else { Tone::Plain }, policy_line(age, policy));
    }
    for (tlsa, label) in domain.tlsa.iter().take(MOST_ROWS).zip(labels("DANE")) {
        let tone = if tlsa.failures > 0 { Tone::Bad } else { Tone::Plain };
        let text = format!(
            "{}: {} succeeded, {} failed; {}",
            names(&tlsa.hosts),
            tlsa.successes,
            tlsa.failures,
            names(&tlsa.organizations)
        );
        block.line(label, tone, text);
    }
    block
}

const MOST_ROWS: usize = 20;

/// The label on the first line of several alone.
fn labels(first: &'static str) -> impl Iterator<Item = &'static str> {
    std::iter::once(first).chain(std::iter::repeat(""))
}

fn more(block: &mut Block, rows: usize) {
    if rows > MOST_ROWS {
        block.line("", Tone::Plain, format!("and {} more", rows - MOST_ROWS));
    }
}

pub(super) fn tone_of(standing: mta_sts_reporter::DomainStanding) -> Tone {
    use mta_sts_reporter::DomainStanding as Standing;
    match standing {
        Standing::Good => Tone::Good,
        Standing::Waiting => Tone::Note,
        Standing::Bad => Tone::Bad,
        Standing::Without => Tone::Plain,
    }
}

/// A line of bars, one per day, and their sums.
fn days(block: &mut Block, days: &[Day]) {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    /// The width that fits into a narrow terminal.
    const WEEKS: usize = 28;
    let Some(last) = days.last() else { return };
    let all = |day: &Day| day.successes.saturating_add(day.yours).saturating_add(day.theirs);
    let shown = &days[days.len().saturating_sub(WEEKS)..];
    let most = shown.iter().map(all).max().unwrap_or_default().max(1);
    let bar = |day: &Day| match all(day) {
        0 => '·',
        count => {
            let eighths = usize::try_from(u128::from(count) * 8 / u128::from(most)).unwrap_or(8);
            BARS[eighths.clamp(1, 8) - 1]
        }
    };
    let bars: String = shown.iter().map(bar).collect();
    block.line("days", Tone::Good, bars);
    let marks: String = shown.iter().map(|day| if day.yours > 0 { '!' } else { ' ' }).collect();
    if marks.contains('!') {
        block.line("yours", Tone::Bad, marks.trim_end().replace(' ', "\u{a0}"));
    }
    let sum = |count: fn(&Day) -> u64| days.iter().fold(0_u64, |sum, day| sum.saturating_add(count(day)));
    let text = format!(
        "{} days to {}: {} succeeded, {} failed and are yours to mend, {} failed as one sender sees it",
        days.len(),
        last.date,
        counted(sum(|day| day.successes), "session"),
        sum(|day| day.yours),
        sum(|day| day.theirs)
    );
    block.line("", Tone::Plain, text);
}

fn cause_lines(block: &mut Block, cause: &Cause) {
    let (label, tone) = match (cause.is_yours, cause.hint.whose()) {
        (true, _) => ("yours", Tone::Bad),
        (false, Whose::Sender) => ("theirs", Tone::Plain),
        (false, _) => ("single", Tone::Note),
    };
    let place = cause.host.as_ref().map(|host| format!("{}: ", cut(host))).unwrap_or_default();
    let days = cause.days.map(|days| format!(", {}", span(days))).unwrap_or_default();
    let (count, who) = (counted(cause.sessions, "session"), names(&cause.organizations));
    block.line(label, tone, format!("{place}{} {count} ({who}){days}", cause.hint.cause()));
    block.line("", Tone::Plain, format!("fix: {}", cause.hint.fix()));
}

/// A count with its noun.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn submitter(row: &Submitter) -> String {
    let count = counted(row.successes.saturating_add(row.failures), "session");
    let mut facts = vec![format!("{}: {count}", cut(&row.name))];
    if row.failures > 0 {
        facts.push(format!("{} failed", row.failures));
    }
    match row.validates {
        Validates::Yes => {}
        Validates::EnforceOnly => facts.push("verifies in mode enforce only".to_owned()),
        Validates::NoPolicySeen => facts.push("has seen no policy".to_owned()),
    }
    facts.extend(row.last_day.map(|last| format!("last {last}")));
    facts.extend(row.silent_days.map(|days| format!("silent for {days} days")));
    facts.join(", ")
}

fn policy_line(age: usize, policy: &SeenPolicy) -> String {
    let days = policy.days.map(|days| format!("{}: ", span(days))).unwrap_or_default();
    let lines = policy.lines.iter().filter(|line| !line.starts_with("version"));
    let lines: Vec<_> = lines.take(8).map(|line| cut(line)).collect();
    let users = if age > 0 && !policy.still_used_by.is_empty() {
        format!("; last seen in use by {}", names(&policy.still_used_by))
    } else {
        String::new()
    };
    format!("{days}{}{users}", lines.join(", "))
}

fn span((first, last): (Date, Date)) -> String {
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}

/// Untrusted text, truncated to a bounded length.
fn cut(text: &str) -> &str {
    const MOST_CHARS: usize = 100;
    text.char_indices().nth(MOST_CHARS).map_or(text, |(end, _)| &text[..end])
}

fn names(all: &std::collections::BTreeSet<String>) -> String {
    const MOST: usize = 3;
    let few: Vec<_> = all.iter().take(MOST).map(|name| cut(name)).collect();
    match all.len().saturating_sub(MOST) {
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}

fn deviations_block(overview: &Overview) -> Option<Block> {
    let mut rows = overview.deviations().peekable();
    rows.peek()?;
    let mut block = Block::new("Where reports depart from RFC 8460 (they were read all the same)");
    for row in rows.by_ref().take(MOST_ROWS) {
        block.line(
            "",
            Tone::Plain,
            format!(
                "{}: {} {} times [{}]",
                cut(&row.organization),
                row.kind.message(),
                row.count,
                row.kind.code()
            ),
        );
    }
    let rest = rows.count();
    more(&mut block, if rest > 0 { MOST_ROWS + rest } else { 0 });
    Some(block)
}
