//! What time it is.

use std::fmt;
use std::time::UNIX_EPOCH;

use mta_sts_core::UnixTime;
use time::OffsetDateTime;

/// A clock of the calendar, which may be set: it stands still, jumps and goes back.
pub trait Clock: fmt::Debug + Send + Sync {
    /// What it says.
    fn now(&self) -> UnixTime;
}

/// The clock of the system; before 1970 it says the beginning of 1970.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()))
    }
}

/// What the clock of the system says now.
pub(crate) fn system_time() -> UnixTime {
    SystemClock.now()
}

/// A time as RFC 3339 writes it, for people; the number of seconds, if no calendar has it.
pub(crate) struct Rfc3339(pub(crate) UnixTime);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX);
        match OffsetDateTime::from_unix_timestamp(seconds) {
            Ok(at) => {
                write!(formatter, "{}T{:02}:{:02}:{:02}Z", at.date(), at.hour(), at.minute(), at.second())
            }
            Err(_) => self.0.fmt(formatter),
        }
    }
}
