//! What is known of one domain.

use mta_sts_core::UnixTime;

use super::super::published::Known;
use super::alarms::Alarms;

/// A domain that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    /// Its history, with what was seen since.
    pub(super) known: Known,
    pub(super) alarms: Alarms,
    /// The time of the last look; before the first one, since when it is watched.
    pub(super) looked_at: UnixTime,
    /// Whether that look could tell of each state.
    pub(super) is_whole: bool,
    pub(super) first_certificate_end: Option<UnixTime>,
}

impl Watched {
    pub(super) fn new(known: Known, now: UnixTime) -> Self {
        Self {
            known,
            alarms: Alarms::default(),
            looked_at: now,
            is_whole: false,
            first_certificate_end: None,
        }
    }
}
