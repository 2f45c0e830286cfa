use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

/// What does not work now: told once, and once when it works again.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<BTreeSet<&'static str>>);

impl Troubles {
    /// The parts that do not work now.
    pub(super) fn parts(&self) -> Vec<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Takes note of whether a part works.
    pub(super) fn note(&self, part: &'static str, fault: Option<&impl Display>) {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            Some(fault) if troubles.insert(part) => {
                tracing::warn!(part, %fault, "reports cannot be sent now; nothing is lost, and they are tried again");
            }
            None if troubles.remove(part) => tracing::info!(part, "reports can be sent again"),
            _ => {}
        }
    }
}
