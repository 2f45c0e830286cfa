//! Bars over an axis of time.

use std::time::Duration;

use mta_sts_core::UnixTime;

use crate::Date;

/// A span of time, drawn from left to right.
pub(super) struct TimeAxis {
    from: UnixTime,
    to: UnixTime,
}

/// A day, or a time of day, below the axis.
pub(super) struct Tick {
    /// Its place, in percent of the width.
    pub(super) left: String,
    pub(super) label: String,
    /// A narrow screen has no room for it.
    pub(super) is_minor: bool,
}

/// A part of a bar.
pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) x: String,
    pub(super) width: String,
}

impl TimeAxis {
    /// The width in which bars are drawn.
    const WIDTH: u64 = 1000;
    const HOUR: u64 = 3600;
    const DAY: u64 = 86_400;
    /// The distances of ticks, the shortest first.
    const DISTANCES: [u64; 13] = [
        Self::HOUR,
        2 * Self::HOUR,
        6 * Self::HOUR,
        12 * Self::HOUR,
        Self::DAY,
        2 * Self::DAY,
        7 * Self::DAY,
        14 * Self::DAY,
        28 * Self::DAY,
        56 * Self::DAY,
        91 * Self::DAY,
        182 * Self::DAY,
        364 * Self::DAY,
    ];
    const MOST_TICKS: u64 = 6;

    /// An axis with both times on it; an hour at least.
    pub(super) fn new(from: UnixTime, to: UnixTime) -> Self {
        Self { from, to: to.max(from.saturating_add(Duration::from_secs(Self::HOUR))) }
    }

    pub(super) const fn start(&self) -> UnixTime {
        self.from
    }

    pub(super) const fn end(&self) -> UnixTime {
        self.to
    }

    /// The bar from one time to another, as far as it is on the axis; `None` if nothing of it is.
    pub(super) fn bar(&self, class: &'static str, from: UnixTime, to: UnixTime) -> Option<Bar> {
        let (x, end) = (self.place(from), self.place(to));
        let width = end - x;
        (to > from && from < self.to && to > self.from).then(|| Bar {
            class,
            x: format!("{x:.1}"),
            // What is short beside the whole is seen all the same.
            width: format!("{:.1}", width.max(2.0)),
        })
    }

    /// The place of a time in the width of bars.
    pub(super) fn x(&self, time: UnixTime) -> String {
        format!("{:.1}", self.place(time))
    }

    #[expect(clippy::cast_precision_loss, reason = "a picture has a thousand places")]
    fn place(&self, time: UnixTime) -> f64 {
        let since = time.clamp(self.from, self.to).saturating_since(self.from).as_secs();
        let all = self.to.saturating_since(self.from).as_secs();
        since as f64 * Self::WIDTH as f64 / all as f64
    }

    /// The days, or hours, that are named below the axis, after what its start is called.
    pub(super) fn ticks(&self, start: String) -> Vec<Tick> {
        let all = self.to.saturating_since(self.from).as_secs();
        let fits = |distance: &u64| all / distance < Self::MOST_TICKS;
        let distance = Self::DISTANCES.into_iter().find(fits).unwrap_or_else(|| {
            // Whole days, so that a label tells where its tick is.
            (all / Self::MOST_TICKS / Self::DAY + 1) * Self::DAY
        });
        let (first, last) = (self.from.as_secs().div_ceil(distance), self.to.as_secs() / distance);
        let start = Tick { left: "0".to_owned(), label: start, is_minor: false };
        let rest = (first..=last)
            .map(|number| number.saturating_mul(distance))
            // The start has its label, and one at the right end would stand beyond it.
            .filter(|secs| (170.0..860.0).contains(&self.place(UnixTime::from_secs(*secs))))
            .enumerate()
            .map(|(place, secs)| {
                let time = UnixTime::from_secs(secs);
                let label = if distance < Self::DAY {
                    format!("{:02}:00", secs % Self::DAY / Self::HOUR)
                } else {
                    Date::of(time).to_string()
                };
                Tick {
                    left: format!("{:.1}", self.place(time) / 10.0),
                    label,
                    is_minor: place % 2 == 1 || self.place(time) > 700.0,
                }
            });
        std::iter::once(start).chain(rest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27, noon.
    const NOON: u64 = 1_795_780_800;

    fn axis(hours: u64) -> TimeAxis {
        TimeAxis::new(UnixTime::from_secs(NOON), UnixTime::from_secs(NOON + hours * 3600))
    }

    #[test]
    fn ticks_are_few_and_have_their_days() {
        for (hours, labels) in [
            (0, vec!["now"]),
            (5, vec!["now", "13:00", "14:00", "15:00", "16:00"]),
            (48, vec!["now", "00:00", "12:00", "00:00"]),
            (24 * 5, vec!["now", "2026-11-29", "2026-11-30", "2026-12-01"]),
        ] {
            let ticks = axis(hours).ticks("now".to_owned());
            let shown: Vec<_> = ticks.into_iter().map(|tick| tick.label).collect();
            assert_eq!(shown, labels, "{hours}");
        }
        for hours in [100, 1_000, 10_000, 1_000_000, u64::MAX / 7_200] {
            let count = axis(hours).ticks(String::new()).len();
            assert!((1..=7).contains(&count), "{hours}: {count}");
        }
    }

    #[test]
    fn a_bar_is_what_of_it_is_on_the_axis() {
        let at = |hours: u64| UnixTime::from_secs(NOON + hours * 3600);
        let axis = TimeAxis::new(at(10), at(20));
        let shown = |from, to| axis.bar("", at(from), at(to)).map(|bar| format!("{} {}", bar.x, bar.width));
        assert_eq!(shown(12, 15).as_deref(), Some("200.0 300.0"));
        assert_eq!(shown(0, 15).as_deref(), Some("0.0 500.0"));
        assert_eq!(shown(19, 90).as_deref(), Some("900.0 100.0"));
        assert_eq!((shown(0, 9), shown(20, 30), shown(12, 12)), (None, None, None));
    }
}
