//! Where the aliases (CNAME records) of a name lead.

use crate::dns::{AbsenceKind, DnsClient, DnsError};

/// A name that is an alias, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AliasChain {
    /// The alias.
    pub name: String,
    /// The names it leads to, one after the other: at most 9.
    pub targets: Vec<String>,
    /// What is at its end.
    pub end: AliasEnd,
}

/// What is at the end of a chain of aliases.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AliasEnd {
    /// The last target exists; whether it has the records that are looked for, their own lookup tells.
    Exists,
    /// The last target does not exist: whoever gets its name answers in the place of the domain.
    Missing {
        /// The name at or above the target that does not exist either, and may be had.
        unregistered: String,
    },
    /// The chain leads in a circle, or has no end.
    Endless,
    /// It could not be looked up.
    Unknown,
}

impl AliasChain {
    /// The chain that begins at this name; `None` if it is no alias.
    pub(super) async fn follow(dns: &DnsClient, name: &str) -> Option<Self> {
        let mut targets: Vec<String> = Vec::new();
        let end = loop {
            match dns.alias_target(targets.last().map_or(name, String::as_str)).await {
                Ok(target) => {
                    let is_circle = target == name || targets.contains(&target);
                    targets.push(target);
                    if is_circle || targets.len() > MAX_ALIASES {
                        break AliasEnd::Endless;
                    }
                }
                Err(DnsError::NotFound(absence)) if absence.kind == AbsenceKind::NoSuchName => {
                    let Some(target) = targets.last() else { break AliasEnd::Unknown };
                    break AliasEnd::Missing { unregistered: unregistered(dns, target).await };
                }
                Err(DnsError::NotFound(_)) => break AliasEnd::Exists,
                Err(DnsError::Failed(_)) => break AliasEnd::Unknown,
            }
        };
        (!targets.is_empty()).then(|| Self { name: name.to_owned(), targets, end })
    }

    /// The last target.
    pub fn target(&self) -> &str {
        self.targets.last().map_or(&self.name, String::as_str)
    }
}

/// The highest name, of two labels at least, at or above one that does not exist which does not exist either.
pub(super) async fn unregistered(dns: &DnsClient, missing: &str) -> String {
    let labels = missing.split('.').count();
    for count in 2..labels.min(MAX_LABELS) {
        let name = last_labels(missing, count);
        match dns.alias_target(name).await {
            Err(DnsError::NotFound(absence)) if absence.kind == AbsenceKind::NoSuchName => {
                return name.to_owned();
            }
            _ => {}
        }
    }
    missing.to_owned()
}

fn last_labels(name: &str, count: usize) -> &str {
    name.rmatch_indices('.').nth(count - 1).map_or(name, |(dot, _)| &name[dot + 1..])
}

/// As many as the DNS client follows.
const MAX_ALIASES: usize = 8;
/// Deeper names are most often made by a provider.
const MAX_LABELS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_labels_are_counted_from_the_root() {
        assert_eq!(last_labels("a.b.gone.test", 2), "gone.test");
        assert_eq!(last_labels("gone.test", 2), "gone.test");
        assert_eq!(last_labels("test", 2), "test");
    }
}
