//! The hosts that the patterns of a policy cover, and those that they should cover.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::providers::{Provider, is_within, provider_of};
use super::{Draft, Findings, Severity};
use crate::error::LintKind;
use crate::mx::MxPattern;
use crate::name::DnsName;

/// The patterns of a policy, with their positions.
#[derive(Default)]
pub(super) struct Coverage {
    patterns: Vec<Place>,
}

struct Place {
    pattern: MxPattern<'static>,
    text: String,
    span: Range<usize>,
    line: u32,
}

/// Far more than an explanation can name.
const MAX_NAMES: usize = 8;

impl Coverage {
    pub(super) fn add(&mut self, pattern: &str, span: Range<usize>, line: u32) {
        if let Ok(parsed) = MxPattern::parse(pattern) {
            self.patterns.push(Place { pattern: parsed.into_owned(), text: pattern.into(), span, line });
        }
    }

    fn covers(&self, host: &DnsName) -> bool {
        self.patterns.iter().any(|place| place.pattern.matches(host))
    }

    /// Returns whether a host of this shape is covered.
    fn covers_shape(&self, shape: &str) -> bool {
        // No `mx` is written for this one.
        DnsName::parse(&shape.replace('*', "x9")).is_ok_and(|host| self.covers(&host))
    }

    /// Reports which of the MX hosts are not covered.
    pub(super) fn compare(&self, findings: &mut Findings, hosts: &[DnsName], end: usize, last_line: u32) {
        let missing: Vec<_> = hosts.iter().filter(|host| !self.covers(host)).collect();
        let mut told = Vec::new();
        for place in &self.patterns {
            let Some(domain) = place.text.strip_prefix("*.") else { continue };
            let deeper: Vec<_> = missing
                .iter()
                .map(|host| host.as_str())
                .filter(|host| is_within(host, domain) && !told.contains(host))
                .take(MAX_NAMES)
                .collect();
            if !deeper.is_empty() {
                findings.push(
                    place.draft(LintKind::WildcardMissesLevel, Severity::Warning).with_help(add(&deeper)),
                );
                told.extend(deeper);
            }
        }
        for host in missing.iter().map(|host| host.as_str()).filter(|host| !told.contains(host)) {
            findings.push(
                Draft::new(LintKind::MxNotCovered, Severity::Warning, end..end, last_line)
                    .with_value(host)
                    .with_help(add(&[host])),
            );
        }
    }

    /// Reports where the patterns do not fit the MX hosts of a provider that they name.
    pub(super) fn guess(&self, findings: &mut Findings) {
        let mut told: Vec<&'static str> = Vec::new();
        for place in &self.patterns {
            let wildcard = place.text.strip_prefix("*.");
            let Some(provider) = provider_of(wildcard.unwrap_or(&place.text)) else { continue };
            if told.contains(&provider.name) {
                continue;
            }
            let draft = match wildcard {
                Some(_) => self.read_wildcard(place, provider),
                None => self.read_name(place, provider),
            };
            if let Some(draft) = draft {
                told.push(provider.name);
                findings.push(draft);
            }
        }
    }

    /// A finding for a wildcard above hosts of the provider that no line covers.
    fn read_wildcard<'a>(&self, place: &'a Place, provider: &'static Provider) -> Option<Draft<'a>> {
        let domain = place.text.strip_prefix("*.")?;
        // Reporting one set is enough; the others are older or of other customers.
        let missing_of = |set: &&'static [&'static str]| -> Vec<&'static str> {
            set.iter()
                .copied()
                .filter(|shape| is_within(shape, domain) && !self.covers_shape(shape))
                .collect()
        };
        let missing = provider.sets.iter().map(missing_of).find(|missing| !missing.is_empty())?;
        // A customer has one of the sets. Naming a whole one is enough, also if nothing points to another.
        let covered = |set: &[&str]| set.iter().filter(|shape| self.covers_shape(shape)).count();
        let is_whole = |set: &[&str]| covered(set) == set.len();
        let is_named =
            |set: &[&str]| set.iter().all(|host| self.patterns.iter().any(|place| place.text == *host));
        let is_enough = provider.sets.iter().any(|set| is_named(set))
            || (provider.sets.iter().any(|set| is_whole(set))
                && provider.sets.iter().all(|set| covered(set) == 0 || is_whole(set)));
        let severity = if is_enough { Severity::Info } else { Severity::Warning };
        let patterns: Vec<_> =
            missing.iter().copied().filter(|shape| MxPattern::parse(shape).is_ok()).take(MAX_NAMES).collect();
        let help = match add(&patterns) {
            Some(help) if patterns.len() == missing.len().min(MAX_NAMES) => {
                format!("{} if your MX records name such hosts.", help.trim_end_matches('.'))
            }
            _ => format!(
                "Add the names of your MX records, which at {} look like `{}`.",
                provider.name, missing[0]
            ),
        };
        Some(place.draft(LintKind::WildcardMissesLevel, severity).with_help(Some(help)))
    }

    /// A finding for a name of the provider that is not an MX host, or that is one of several of which others
    /// are not covered.
    fn read_name<'a>(&self, place: &'a Place, provider: &'static Provider) -> Option<Draft<'a>> {
        if !provider.has(&place.text) {
            let known: Vec<_> = provider
                .sets
                .iter()
                .filter_map(|set| set.first())
                .map(|shape| format!("`{shape}`"))
                .collect();
            let help = format!(
                "Compare it with your MX records, which at {} look like {}.",
                provider.name,
                known.join(" or ")
            );
            return Some(place.draft(LintKind::ProviderMx, Severity::Info).with_help(Some(help)));
        }
        let mut sets = provider.sets.iter().filter(|set| set.contains(&&*place.text)).peekable();
        let first = sets.peek().copied()?;
        if sets.any(|set| set.iter().all(|host| self.covers_shape(host))) {
            return None;
        }
        let missing: Vec<_> = first.iter().copied().filter(|host| !self.covers_shape(host)).collect();
        let help =
            add(&missing).map(|help| format!("{} if your MX records name them.", help.trim_end_matches('.')));
        Some(place.draft(LintKind::PartOfMxSet, Severity::Info).with_help(help))
    }
}

impl Place {
    fn draft(&self, kind: LintKind, severity: Severity) -> Draft<'_> {
        Draft::new(kind, severity, self.span.clone(), self.line).with_value(&self.text)
    }
}

/// Lines to add; they never remove coverage.
fn add(patterns: &[&str]) -> Option<String> {
    let lines: Vec<_> = patterns.iter().map(|pattern| format!("`mx: {pattern}`")).collect();
    let (last, others) = lines.split_last()?;
    Some(if others.is_empty() {
        format!("Add {last}.")
    } else {
        format!("Add {} and {last}.", others.join(", "))
    })
}
