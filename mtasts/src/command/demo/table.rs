use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use mta_sts_world::{Channel, Delivery, PolicySource, Reader};

use super::sender::End;
use super::trial::{Trial, word};

/// The table, the summary below it, and every difference; with escape codes, which the output removes if they are
/// not wanted.
pub(super) fn table(trials: &[Trial]) -> String {
    let mut text = String::new();
    let head =
        ["Scenario, and what was on the wire", "Opportunistic STARTTLS", "With MTA-STS", "TLSRPT reports"];
    row(&mut text, &head.map(|title| vec![(title.to_owned(), BOLD)]));
    rule(&mut text);
    for trial in trials {
        row(&mut text, &cells(trial));
        rule(&mut text);
    }
    summary(&mut text, trials);
    text
}

/// The lines of a cell, not wrapped yet, with their style.
type Cell = Vec<(String, Style)>;

fn cells(trial: &Trial) -> [Cell; 4] {
    let mut wire = vec![(trial.scenario.name.clone(), BOLD), (trial.discovery.clone(), PLAIN)];
    wire.extend(hosts(trial).into_iter().map(|line| (line, PLAIN)));

    let mut decision = vec![delivery(&trial.mta_sts.delivery)];
    if trial.is_saved() {
        decision[0].1 = GOOD;
    }
    decision.push((policy(trial), PLAIN));
    for attempt in &trial.mta_sts.journey.attempts {
        if let End::Refused { reason } | End::Unavailable { reason } = attempt.end {
            decision.push((format!("{}: {reason}", attempt.mx), PLAIN));
        }
    }
    if trial.scenario.tls_required_no {
        decision.push(("the message says TLS-Required: No".to_owned(), PLAIN));
    }

    let mut reports: Cell = Vec::new();
    for report in &trial.reports {
        let reason = report.reason_code.as_deref().filter(|reason| *reason != report.result_type);
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        reports.push((format!("{}{reason}", report.result_type), PLAIN));
    }
    if reports.is_empty() {
        reports.push(("no failure".to_owned(), PLAIN));
    }
    if !trial.is_as_expected() {
        decision.push(("NOT AS EXPECTED".to_owned(), BAD));
    }
    [wire, vec![delivery(&trial.opportunistic.delivery)], decision, reports]
}

/// The behaviour of each MX host with any sender.
fn hosts(trial: &Trial) -> Vec<String> {
    let mut lines: Vec<(&str, &str)> = Vec::new();
    for attempt in trial.mta_sts.journey.attempts.iter().chain(&trial.opportunistic.journey.attempts) {
        let Some(tls) = attempt.tls else { continue };
        if lines.iter().all(|(mx, _)| *mx != attempt.mx) {
            lines.push((&attempt.mx, tls));
        }
    }
    lines.into_iter().map(|(mx, tls)| format!("{mx}: {}", session(tls))).collect()
}

fn session(tls: &str) -> String {
    match tls {
        "tls-established" => "TLS, certificate valid".to_owned(),
        "starttls-not-offered" => "no STARTTLS offered".to_owned(),
        fault if fault.starts_with("certificate-") => format!("TLS, {fault}"),
        fault => fault.to_owned(),
    }
}

fn delivery(delivery: &Delivery) -> (String, Style) {
    match delivery {
        Delivery::Deferred => ("deferred".to_owned(), PLAIN),
        Delivery::Delivered { channel: Channel::Clear, read_by: Reader::Attacker, .. } => {
            ("LOST: read by the attacker in clear".to_owned(), BAD)
        }
        Delivery::Delivered { mx, read_by: Reader::Attacker, .. } => {
            (format!("LOST: taken by the attacker at {mx}, encrypted"), BAD)
        }
        Delivery::Delivered { channel: Channel::Clear, .. } => ("delivered in clear".to_owned(), PLAIN),
        Delivery::Delivered { channel, .. } => (format!("delivered, {}", word(channel)), PLAIN),
    }
}

fn policy(trial: &Trial) -> String {
    match (trial.policy, trial.mode) {
        (PolicySource::None { why }, _) => format!("no policy: {}", word(&why)),
        (PolicySource::Cached, Some(mode)) => format!("policy cached, mode {}", word(&mode)),
        (PolicySource::Fetched, Some(mode)) => format!("policy fetched, mode {}", word(&mode)),
        (PolicySource::Cached | PolicySource::Fetched, None) => "policy without a mode".to_owned(),
    }
}

fn summary(text: &mut String, trials: &[Trial]) {
    let lost = trials.iter().filter(|trial| trial.is_lost_opportunistically()).count();
    let saved = trials.iter().filter(|trial| trial.is_saved()).count();
    let expected = trials.iter().filter(|trial| trial.is_as_expected()).count();
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "Of {} messages, opportunistic STARTTLS lost {lost} to the attacker; MTA-STS saved {saved} of these.",
        trials.len()
    );
    let different = trials.len() - expected;
    let style = if different == 0 { GOOD } else { BAD };
    let _ = writeln!(text, "{style}{expected} of {} scenarios ended as expected.{style:#}", trials.len());
    for trial in trials {
        for difference in &trial.differences {
            let _ = writeln!(text, "{BAD}{}{BAD:#}: {difference}", trial.scenario.name);
        }
    }
}

fn rule(text: &mut String) {
    let dashes = WIDTHS.map(|width| "-".repeat(width)).join(GAP);
    let _ = writeln!(text, "{DIM}{dashes}{DIM:#}");
}

fn row(text: &mut String, cells: &[Cell; 4]) {
    let mut columns: Vec<Vec<(String, Style)>> = Vec::new();
    for (cell, width) in cells.iter().zip(WIDTHS) {
        let lines =
            cell.iter().flat_map(|(line, style)| wrap(line, width).into_iter().map(|part| (part, *style)));
        columns.push(lines.collect());
    }
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    for number in 0..height {
        let mut line = String::new();
        let mut pending = 0;
        for (column, width) in columns.iter().zip(WIDTHS) {
            if let Some((part, style)) = column.get(number) {
                let _ = write!(line, "{:pending$}{style}{part}{style:#}", "");
                pending = width - part.len() + GAP.len();
            } else {
                pending += width + GAP.len();
            }
        }
        text.push_str(&line);
        text.push('\n');
    }
}

/// Lines of at most `width` characters, broken at spaces, or after dots and hyphens if a word is too long. Lines
/// after the first are indented. All text here is ASCII.
fn wrap(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    for word in line.split(' ') {
        let mut word = word;
        if !current.trim_start().is_empty() {
            if current.len() + 1 + word.len() <= width {
                current.push(' ');
            } else {
                lines.push(std::mem::replace(&mut current, INDENT.to_owned()));
            }
        }
        while current.len() + word.len() > width {
            let room = width - current.len();
            let cut = word[..room].rfind(['-', '.']).map_or(room, |position| position + 1);
            current.push_str(&word[..cut]);
            word = &word[cut..];
            lines.push(std::mem::replace(&mut current, INDENT.to_owned()));
        }
        current.push_str(word);
    }
    lines.push(current);
    lines
}

const WIDTHS: [usize; 4] = [36, 22, 30, 24];
const GAP: &str = "  ";
const INDENT: &str = "  ";

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn long_words_break_behind_hyphens_and_dots() {
        assert_eq!(wrap("a bc def", 4), ["a bc", "  de", "  f"]);
        assert_eq!(wrap("certificate-host-mismatch", 18), ["certificate-host-", "  mismatch"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
