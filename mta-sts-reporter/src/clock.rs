//! The clock of the system.

use std::time::UNIX_EPOCH;

use mta_sts_core::UnixTime;

/// The current time; before 1970, the beginning of 1970.
pub(crate) fn system_time() -> UnixTime {
    UnixTime::from_secs(UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()))
}
