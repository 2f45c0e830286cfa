//! The health of the store: logs transitions only, not every failure.

use std::sync::{Mutex, PoisonError};

use crate::store::{Seldom, StoreError};

/// A kind of store operation. A full store can still be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreOperation {
    Read,
    /// Includes leases.
    Write,
}

/// The state of the store of a [`PolicyService`](super::PolicyService). Treat an unknown one as [`StoreState::Down`]: an
/// operator has a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreState {
    /// There is no store.
    None,
    /// Its last operations succeeded.
    Up,
    /// The last read or write failed, or the store could not be loaded at the start. The service continues from memory
    /// and retries.
    Down,
}

/// Tracks which operations of the store fail.
#[derive(Debug, Default)]
pub(super) struct StoreHealth {
    failing: Mutex<Failing>,
    told_of_loss: Seldom,
}

#[derive(Debug, Default)]
struct Failing {
    reading: bool,
    writing: bool,
    told: bool,
}

/// The effect of a successful operation on the health of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    /// None: the store was healthy.
    None,
    /// This kind of operation succeeds again; others may still fail.
    Partial,
    /// Every operation succeeds again.
    Full,
}

impl StoreHealth {
    /// Records a failed operation.
    pub(super) fn failed(&self, work: StoreOperation, error: &StoreError) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        *failing.of(work) = true;
        // A flapping store is logged once a minute.
        if !failing.told && self.told_of_loss.is_due() {
            failing.told = true;
            tracing::error!(code = error.code(), %error, "the store fails; answers continue from memory");
        }
    }

    /// Returns whether operations of this kind fail, or of any kind for `None`.
    pub(super) fn is_failing(&self, work: Option<StoreOperation>) -> bool {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match work {
            Some(StoreOperation::Read) => failing.reading,
            Some(StoreOperation::Write) => failing.writing,
            None => failing.reading || failing.writing,
        }
    }

    /// Records a successful operation.
    pub(super) fn succeeded(&self, work: StoreOperation) -> Recovery {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::take(failing.of(work)) {
            return Recovery::None;
        }
        if failing.reading || failing.writing {
            return Recovery::Partial;
        }
        if std::mem::take(&mut failing.told) {
            tracing::info!("the store works again");
        }
        Recovery::Full
    }
}

impl Failing {
    fn of(&mut self, work: StoreOperation) -> &mut bool {
        match work {
            StoreOperation::Read => &mut self.reading,
            StoreOperation::Write => &mut self.writing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreErrorKind;

    #[tokio::test]
    async fn a_loss_is_over_when_everything_works_again() {
        let health = StoreHealth::default();
        let error = StoreError::new(StoreErrorKind::Unavailable, "lost");
        assert_eq!(health.succeeded(StoreOperation::Read), Recovery::None);
        health.failed(StoreOperation::Read, &error);
        health.failed(StoreOperation::Write, &error);
        assert_eq!(health.succeeded(StoreOperation::Read), Recovery::Partial);
        assert_eq!(health.succeeded(StoreOperation::Read), Recovery::None);
        assert_eq!(health.succeeded(StoreOperation::Write), Recovery::Full);
        health.failed(StoreOperation::Write, &error);
        assert_eq!(health.succeeded(StoreOperation::Write), Recovery::Full, "whether or not it was told");
    }
}
