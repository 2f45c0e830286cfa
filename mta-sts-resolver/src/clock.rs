//! Wall clocks.

use std::fmt;
use std::time::UNIX_EPOCH;

use mta_sts_core::UnixTime;
use time::OffsetDateTime;

/// A wall clock, which may be adjusted: it can stand still, jump ahead, and step back.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The current time.
    fn now(&self) -> UnixTime;
}

/// The system clock; times before 1970 give the start of 1970.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()))
    }
}

/// The current time of the system clock.
pub(crate) fn system_time() -> UnixTime {
    SystemClock.now()
}

/// Displays a time in the form of RFC 3339, for people; as a number of seconds if it is beyond the
/// calendar.
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
