//! A finding of more than a check can see.

use mta_sts_core::lint::Severity;

/// A finding from files of the owner, such as the history of what was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::command) struct Remark {
    /// The stable code: a kebab-case word.
    pub(in crate::command) code: &'static str,
    pub(in crate::command) severity: Severity,
    /// What it is about.
    pub(in crate::command) place: String,
    /// What was observed.
    pub(in crate::command) message: String,
    /// The consequence.
    pub(in crate::command) effect: &'static str,
    /// How to fix it.
    pub(in crate::command) fix: String,
}

impl Remark {
    /// Who has to act.
    pub(in crate::command) const OWNER: &'static str = "the owner of the domain";
}
