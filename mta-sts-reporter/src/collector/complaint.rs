use std::time::Duration;

use mta_sts_core::UnixTime;

/// A message that is logged at most once a minute, however often it occurs.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    told_at: Option<UnixTime>,
    untold: u64,
}

impl Complaint {
    /// Records this number of occurrences. Returns the number not logged so far, if it is to be logged now.
    pub(super) fn raise(&mut self, times: u64, now: UnixTime) -> Option<u64> {
        self.untold += times;
        // A clock that was set back is no reason to be silent.
        let is_recent = |at: UnixTime| at <= now && now.saturating_since(at) < INTERVAL;
        if self.untold == 0 || self.told_at.is_some_and(is_recent) {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

const INTERVAL: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_in_a_while_with_all_that_was_not() {
        let mut complaint = Complaint::default();
        let mut raise = |times, now| complaint.raise(times, UnixTime::from_secs(now));
        assert_eq!(raise(0, 1000), None);
        assert_eq!(raise(1, 1000), Some(1));
        assert_eq!((raise(1, 1000), raise(1, 1059)), (None, None));
        assert_eq!(raise(5, 1060), Some(7));
        assert_eq!(raise(0, 2000), None);
        // The clock was set back.
        assert_eq!(raise(1, 10), Some(1));
    }
}
