//! When a certificate is ordered: by the wall clock, which may jump.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use mta_sts_core::UnixTime;
use serde::{Deserialize, Serialize};

use crate::certificates::CertificateLife;

/// What is remembered of failed orders for one name, or for all names at a CA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempts {
    /// Failures since the last success.
    pub(super) failures: u32,
    /// When the next order may be made, in Unix time.
    pub(super) next: u64,
}

impl Attempts {
    /// After one more failure. The delay doubles, up to a day, and differs between names by up to a tenth.
    pub(super) fn failed(self, name: &str, now: UnixTime, first: Duration) -> Self {
        let failures = self.failures.saturating_add(1);
        let doubled = first.saturating_mul(1 << (failures - 1).min(20)).min(MAX_DELAY);
        let delay = doubled.saturating_sub(part_of(doubled, 10, &(name, failures)));
        Self { failures, next: now.as_secs().saturating_add(delay.as_secs().max(1)) }
    }

    /// When an order may be made. A time further ahead than any delay is from a clock that was ahead.
    pub(super) fn next(self, now: UnixTime) -> UnixTime {
        let next = UnixTime::from_secs(self.next);
        if self.next > now.as_secs().saturating_add(MAX_DELAY.as_secs()) { now } else { next }
    }
}

/// When a certificate is renewed: when a third of its life is left, or up to a twentieth of its life before, so that those that were
/// ordered together are not renewed together.
pub(super) fn renewal(life: CertificateLife, name: &str) -> UnixTime {
    let whole = life.whole();
    let left = whole / 3 + part_of(whole, 20, &(name, life.not_before.as_secs()));
    UnixTime::from_secs(life.not_after.as_secs().saturating_sub(left.as_secs()))
}

/// Up to this part of a time, by a hash: the same after a restart.
fn part_of(time: Duration, part: u32, of: &impl Hash) -> Duration {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    let share = (hasher.finish() % 1024) as u32;
    time / part * share / 1024
}

const MAX_DELAY: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;

    fn life(from: u64, to: u64) -> CertificateLife {
        CertificateLife { not_before: UnixTime::from_secs(from), not_after: UnixTime::from_secs(to) }
    }

    #[test]
    fn a_third_of_the_life_is_left_and_not_for_all_at_once() {
        let ninety = life(0, 90 * DAY);
        let times: Vec<_> = (0..1000)
            .map(|number| renewal(ninety, &format!("mta-sts.d{number}.example")).as_secs())
            .collect();
        assert!(times.iter().all(|at| (55 * DAY + DAY / 2..=60 * DAY).contains(at)));
        let days: std::collections::HashSet<_> = times.iter().map(|at| at / DAY).collect();
        assert!(days.len() >= 4, "{days:?}");
        assert_eq!(ninety.overdue_at().as_secs(), 80 * DAY);
        // Certificates of six days, and of three minutes.
        assert!((3 * DAY..=4 * DAY).contains(&renewal(life(0, 6 * DAY), "a").as_secs()));
        assert_eq!(life(0, 6 * DAY).overdue_at().as_secs(), 6 * DAY - 16 * 3600);
        assert!((100..=120).contains(&renewal(life(0, 180), "a").as_secs()));
        assert_eq!(renewal(life(10, 5), "a").as_secs(), 5);
    }

    #[test]
    fn delays_double_up_to_a_day_and_a_clock_that_was_ahead_is_forgiven() {
        let (now, first) = (UnixTime::from_secs(1_000_000), Duration::from_secs(60));
        let mut attempts = Attempts::default();
        let mut last = 0;
        for failures in 1..=40 {
            attempts = attempts.failed("a.example", now, first);
            let delay = attempts.next - now.as_secs();
            assert!(delay >= last * 9 / 10 && delay <= DAY, "{delay}");
            assert_eq!((attempts.failures, attempts.next(now).as_secs()), (failures, attempts.next));
            last = delay;
        }
        assert!(last > DAY * 8 / 10);
        // The clock is set back by a year.
        let earlier = UnixTime::from_secs(1);
        assert_eq!(attempts.next(earlier), earlier);
    }
}
