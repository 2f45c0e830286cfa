//! The list of what to do: one item for each fault, however often it occurs.

use std::collections::BTreeMap;

use mta_sts_core::lint::{Finding, Severity};

use super::verdict::some_of;
use super::{Looked, Remark};
use crate::command::findings::is_about_head;
use crate::command::output::{Block, Tone};

/// A fault with all places where it occurs.
#[derive(Debug)]
pub(in crate::command) struct Item {
    pub(in crate::command) severity: Severity,
    pub(in crate::command) code: &'static str,
    pub(in crate::command) places: Vec<String>,
    pub(in crate::command) message: String,
    /// Who has to act.
    pub(in crate::command) owner: Option<&'static str>,
    pub(in crate::command) fix: String,
}

/// Writes the list, the most severe first; returns whether it has items.
pub(super) fn write(block: &mut Block, looked: &Looked, at_least: Severity) -> bool {
    let mut items = items(looked);
    items.retain(|item| item.severity >= at_least);
    for item in &items {
        let (label, tone) = match item.severity {
            Severity::Error => ("error", Tone::Bad),
            Severity::Warning => ("warning", Tone::Note),
            Severity::Info => ("info", Tone::Plain),
        };
        let text = format!("{}: {} [{}]", some_of(&item.places), item.message, item.code);
        block.line(label, tone, text);
        let owner = item.owner.map_or_else(String::new, |owner| format!(" ({owner})"));
        block.line("", Tone::Plain, format!("Fix{owner}: {}", item.fix));
    }
    !items.is_empty()
}

/// The list, the most severe first.
pub(in crate::command) fn items(looked: &Looked) -> Vec<Item> {
    let check = &looked.check;
    let remark = |remark: &Remark| Item {
        severity: remark.severity,
        code: remark.code,
        places: vec![remark.place.clone()],
        message: format!("{} {}", remark.message, remark.effect),
        owner: Some(Remark::OWNER),
        fix: remark.fix.clone(),
    };
    let mut items: Vec<Item> = looked.remarks.iter().map(remark).collect();
    for finding in check.findings() {
        let message = format!("{} {}", finding.message(), finding.effect());
        let same = |item: &&mut Item| {
            (item.code, item.severity, &item.message) == (finding.code(), finding.severity(), &message)
        };
        match items.iter_mut().find(same) {
            Some(item) => item.places.push(finding.place().to_owned()),
            None => items.push(Item {
                severity: finding.severity(),
                code: finding.code(),
                places: vec![finding.place().to_owned()],
                message,
                owner: Some(finding.owner()),
                fix: finding.fix().to_owned(),
            }),
        }
    }
    let records = check.record_findings();
    let several = matches!(&check.discovery.txt, Some(Ok(answer)) if answer.records.len() > 1);
    add(&mut items, &records, &check.domain.txt_name(), several.then_some("record"));
    add(&mut items, &check.policy_findings(), "policy", Some("line"));
    let before = items.len();
    let name = check.tlsrpt.name.as_deref().unwrap_or_default();
    let several = matches!(&check.tlsrpt.txt, Ok(answer) if answer.records.len() > 1);
    add(&mut items, &check.tlsrpt_findings(), name, several.then_some("record"));
    // Mail is delivered without reports.
    for item in &mut items[before..] {
        item.severity = item.severity.min(Severity::Warning);
    }
    items.sort_by_key(|item| std::cmp::Reverse(item.severity));
    items
}

/// Combines findings with the same code into one item, since the fix is the same.
fn add(items: &mut Vec<Item>, findings: &[Finding], place: &str, part: Option<&str>) {
    let mut lines: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for finding in findings {
        let known = lines.entry(finding.code()).or_default();
        let line = finding.line().to_string();
        if !is_about_head(finding) && !known.contains(&line) {
            known.push(line);
        }
    }
    for finding in findings {
        let Some(lines) = lines.remove(finding.code()) else { continue };
        let place = match (part, lines.as_slice()) {
            (None, _) | (_, []) => place.to_owned(),
            (Some(part), [line]) => format!("{place} {part} {line}"),
            (Some(part), lines) => format!("{place} {part}s {}", some_of(lines)),
        };
        items.push(Item {
            severity: finding.severity(),
            code: finding.code(),
            places: vec![place],
            message: format!("{} {}", finding.message(), finding.senders()),
            owner: None,
            fix: finding.help().to_owned(),
        });
    }
}
