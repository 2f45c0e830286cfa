/// Which of its two times a step is done at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Earliest,
    Safe,
}

/// A value for each pace.
#[derive(Clone, Copy)]
pub(super) struct Paced<T> {
    pub(super) earliest: T,
    pub(super) safe: T,
}

impl<T: Copy> Paced<T> {
    pub(super) const fn both(value: T) -> Self {
        Self { earliest: value, safe: value }
    }

    pub(super) fn each(value: impl Fn(Pace) -> T) -> Self {
        Self { earliest: value(Pace::Earliest), safe: value(Pace::Safe) }
    }

    pub(super) const fn at(&self, pace: Pace) -> T {
        match pace {
            Pace::Earliest => self.earliest,
            Pace::Safe => self.safe,
        }
    }
}
