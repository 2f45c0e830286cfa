use std::fmt;
use std::time::Duration;

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::ReportPeriod;
use time::OffsetDateTime;

/// A day in UTC, displayed as `2026-11-27`.
///
/// ```
/// use mta_sts_core::UnixTime;
/// use mta_sts_reporter::Date;
///
/// assert_eq!(Date::of(UnixTime::from_secs(1_700_000_000)).to_string(), "2023-11-14");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(u64);

const DAY: u64 = 86_400;

impl Date {
    /// Returns the day that contains this time.
    pub const fn of(time: UnixTime) -> Self {
        Self(time.as_secs() / DAY)
    }

    /// Returns the last day of a period.
    pub(crate) const fn last_of(period: ReportPeriod) -> Self {
        Self::of(period.last_day())
    }

    /// Returns the day that is this number of days earlier, but not before 1970-01-01.
    #[must_use]
    pub const fn minus(self, days: u64) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// Returns the day that is this number of days later.
    #[must_use]
    pub const fn plus(self, days: u64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Returns the number of days since another day; 0 if that day is not earlier.
    pub const fn days_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the first second of the day.
    pub const fn start(self) -> UnixTime {
        UnixTime::from_secs(0).saturating_add(Duration::from_secs(self.0.saturating_mul(DAY)))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.start().as_secs()).ok();
        match seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()) {
            Some(time) => formatter.pad(&time.date().to_string()),
            None => formatter.pad("after 9999"),
        }
    }
}
