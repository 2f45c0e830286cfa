use std::sync::atomic::{AtomicI64, Ordering};

use mta_sts_core::UnixTime;
use mta_sts_resolver::{Clock, SystemClock};

/// The clock of the system, set ahead or back.
#[derive(Debug, Default)]
pub(crate) struct SteppedClock(AtomicI64);

pub(crate) const DAY: i64 = 24 * 3600;

impl SteppedClock {
    /// Sets it this many seconds ahead of the system's.
    pub(crate) fn set_ahead(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(SystemClock.now().as_secs().saturating_add_signed(self.0.load(Ordering::Relaxed)))
    }
}
