//! Wall-clock time, as given by the caller.

use core::fmt;
use core::time::Duration;

/// Seconds since 1970-01-01T00:00:00Z.
///
/// It is wall-clock time because a policy outlives the process that fetched it: `max_age` counts
/// from the fetch (RFC 8461, 3.2). This crate reads no clock; every function that needs the time
/// takes it as an argument.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::UnixTime;
///
/// let fetched_at = UnixTime::from_secs(1_700_000_000);
/// let now = fetched_at.saturating_add(Duration::from_secs(90));
/// assert_eq!(now.saturating_since(fetched_at), Duration::from_secs(90));
/// // A clock that stepped back: no time has passed.
/// assert_eq!(fetched_at.saturating_since(now), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct UnixTime(u64);

impl UnixTime {
    /// The time `secs` seconds after 1970-01-01T00:00:00Z.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs)
    }

    /// The whole seconds since 1970-01-01T00:00:00Z.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// Adds a span of whole seconds (a fraction is dropped), saturating at the largest time.
    #[must_use]
    pub const fn saturating_add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_secs()))
    }

    /// The span since `earlier`, or zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
