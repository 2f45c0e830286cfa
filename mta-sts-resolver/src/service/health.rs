//! Whether the store works, told when that changes and not at each lookup.

use std::sync::{Mutex, PoisonError};

use crate::store::{Seldom, StoreError};

/// What a store is asked to do. A full one can still be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Reading,
    /// Leases too.
    Writing,
}

/// Whether the store of a [`PolicyService`](super::PolicyService) works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreState {
    /// There is none.
    None,
    /// It did what it was last asked for.
    Up,
    /// It could not be read or written when it was last asked, or not be read at the start. The service goes on from memory and
    /// tries again.
    Down,
}

/// What a store fails to do at present.
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

/// What became of a store by work that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    /// Nothing: it was not known to fail.
    None,
    /// It does again what it did not, and may fail to do other things yet.
    Part,
    /// It fails to do nothing any more.
    Whole,
}

impl StoreHealth {
    /// Some work failed.
    pub(super) fn failed(&self, work: Work, error: &StoreError) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        *failing.of(work) = true;
        // A store that comes and goes is told of once in a minute.
        if !failing.told && self.told_of_loss.is_due() {
            failing.told = true;
            tracing::error!(code = error.code(), %error, "the store fails; answers go on from memory");
        }
    }

    /// Whether it fails to do this, or anything.
    pub(super) fn is_failing(&self, work: Option<Work>) -> bool {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match work {
            Some(Work::Reading) => failing.reading,
            Some(Work::Writing) => failing.writing,
            None => failing.reading || failing.writing,
        }
    }

    /// Some work succeeded.
    pub(super) fn succeeded(&self, work: Work) -> Recovery {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::take(failing.of(work)) {
            return Recovery::None;
        }
        if failing.reading || failing.writing {
            return Recovery::Part;
        }
        if std::mem::take(&mut failing.told) {
            tracing::info!("the store works again");
        }
        Recovery::Whole
    }
}

impl Failing {
    fn of(&mut self, work: Work) -> &mut bool {
        match work {
            Work::Reading => &mut self.reading,
            Work::Writing => &mut self.writing,
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
        assert_eq!(health.succeeded(Work::Reading), Recovery::None);
        health.failed(Work::Reading, &error);
        health.failed(Work::Writing, &error);
        assert_eq!(health.succeeded(Work::Reading), Recovery::Part);
        assert_eq!(health.succeeded(Work::Reading), Recovery::None);
        assert_eq!(health.succeeded(Work::Writing), Recovery::Whole);
        health.failed(Work::Writing, &error);
        assert_eq!(health.succeeded(Work::Writing), Recovery::Whole, "whether or not it was told");
    }
}
