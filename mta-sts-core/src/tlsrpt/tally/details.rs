//! The failures under a policy and their counts, bounded by folding.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::super::event::{Failure, OwnedFailure};
use super::ALLOCATION;

/// The failures of a policy, each with its count.
#[derive(Debug)]
pub(super) struct Details {
    counts: Vec<Detail>,
    fold: Fold,
}

/// A kind of failure, and the number of sessions affected.
#[derive(Debug)]
pub(super) struct Detail {
    failure: OwnedFailure,
    count: u64,
}

/// How much detail is omitted from all failures of a policy, so that there are at most [`Details::MAX`] kinds.
///
/// The detail that is least useful to the owner of the domain is omitted first. In whatever order failures arrive,
/// the fold is the first at which all of them fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fold {
    Nothing,
    Helo,
    SendingIp,
    Reason,
    ReceivingIp,
    /// Only the result type is kept, of which there are few.
    MxHost,
}

impl Fold {
    pub(super) const ALL: [Self; 6] =
        [Self::Nothing, Self::Helo, Self::SendingIp, Self::Reason, Self::ReceivingIp, Self::MxHost];

    fn of(self, mut failure: Failure<'_>) -> Failure<'_> {
        if self >= Self::Helo {
            failure.helo = None;
        }
        if self >= Self::SendingIp {
            failure.sending_ip = None;
        }
        if self >= Self::Reason {
            failure.reason = None;
        }
        if self >= Self::ReceivingIp {
            failure.receiving_ip = None;
        }
        if self >= Self::MxHost {
            failure.mx_host = None;
        }
        failure
    }

    fn further(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |fold| *fold > self)
    }
}

/// How much of a failure was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kept {
    Whole,
    Folded,
}

impl Details {
    /// The maximum number of kinds of failures of a policy.
    pub(super) const MAX: usize = 64;

    pub(super) const fn new() -> Self {
        Self { counts: Vec::new(), fold: Fold::Nothing }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Detail> {
        self.counts.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub(super) const fn fold(&self) -> Fold {
        self.fold
    }

    /// Folds at least as much as this.
    pub(super) fn fold_to(&mut self, fold: Fold) {
        if fold > self.fold {
            self.fold = fold;
            for detail in core::mem::take(&mut self.counts) {
                self.add_within(fold.of(detail.as_failure()), detail.count, usize::MAX);
            }
        }
    }

    /// Counts a failure, which may take this many octets. Without room for it, it is counted with one that has
    /// less detail; if there is none it is dropped, but the session is counted all the same.
    pub(super) fn add(&mut self, failure: Failure<'_>, count: u64, room: usize) -> Kept {
        loop {
            let folded = self.fold.of(failure);
            if self.add_within(folded, count, room) {
                return if folded == failure { Kept::Whole } else { Kept::Folded };
            }
            match self.fold.further().next() {
                Some(further) if self.counts.len() >= Self::MAX => self.fold_to(further),
                _ => break,
            }
        }
        for fold in self.fold.further() {
            if let Some(detail) = self.find(fold.of(failure)) {
                detail.count = detail.count.saturating_add(count);
                break;
            }
        }
        Kept::Folded
    }

    fn add_within(&mut self, failure: Failure<'_>, count: u64, room: usize) -> bool {
        if let Some(detail) = self.find(failure) {
            detail.count = detail.count.saturating_add(count);
            return true;
        }
        let detail = Detail { failure: OwnedFailure::of(failure), count };
        // The list doubles its capacity.
        if self.counts.len() >= Self::MAX || detail.octets() + self.counts.len() * size_of::<Detail>() > room
        {
            return false;
        }
        if self.counts.len() == self.counts.capacity() {
            self.counts.reserve_exact(self.counts.len().max(1));
        }
        self.counts.push(detail);
        true
    }

    fn find(&mut self, failure: Failure<'_>) -> Option<&mut Detail> {
        self.counts.iter_mut().find(|detail| detail.as_failure() == failure)
    }

    /// The memory that they take besides the value itself, in octets.
    pub(super) fn octets(&self) -> usize {
        let unused = self.counts.capacity() - self.counts.len();
        self.counts.iter().map(Detail::octets).sum::<usize>() + unused * size_of::<Detail>()
    }
}

impl Detail {
    pub(super) fn as_failure(&self) -> Failure<'_> {
        self.failure.as_failure()
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    fn octets(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len() + ALLOCATION);
        let OwnedFailure { mx_host, helo, reason, .. } = &self.failure;
        size_of::<Self>() + text(mx_host) + text(helo) + text(reason)
    }
}
