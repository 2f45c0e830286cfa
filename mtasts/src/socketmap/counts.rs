//! The counters of a server, by zone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::answer::Answer;
use super::zone::Zones;

/// The counters of a [`SocketmapServer`](crate::SocketmapServer) since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketmapCounts {
    /// Clients connected now.
    pub clients: u64,
    /// The maximum number of concurrent clients.
    pub max_clients: u64,
    /// Connections accepted in all.
    pub connections: u64,
    /// Destinations with an override now.
    pub overrides: u64,
    /// Answers in the default zone, including those to invalid requests.
    pub default_zone: AnswerCounts,
    /// Answers in the other zones, since each was configured.
    pub zones: BTreeMap<String, AnswerCounts>,
}

/// The number of answered requests, by answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerCounts {
    /// `OK`: mail to the destination requires this TLS level.
    pub ok: u64,
    /// `NOTFOUND`: the client's own level applies.
    pub not_found: u64,
    /// `TEMP`: mail waits.
    pub temporary: u64,
    /// `PERM`: the request was not valid.
    pub permanent: u64,
    /// How long they took.
    pub times: AnswerTimes,
}

/// The time that answers took, from the end of the request on.
///
/// ```
/// use mtasts_socketmap::AnswerTimes;
///
/// # let times = AnswerTimes::default();
/// for (limit, answers) in AnswerTimes::LIMITS.iter().zip(times.within) {
///     println!("{answers} took more than the limit before, and at most {limit:?}");
/// }
/// println!("{} took longer, and all together {:?}", times.longer, times.sum);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerTimes {
    /// For each of [`Self::LIMITS`], the number of answers that took at most this long, and longer than the limit before it.
    pub within: [u64; Self::LIMITS.len()],
    /// The number of answers that took longer than all limits.
    pub longer: u64,
    /// The sum of all times.
    pub sum: Duration,
}

impl AnswerTimes {
    /// From an answer out of memory to one that waits for DNS, DANE and a fetch.
    pub const LIMITS: [Duration; 10] = [
        Duration::from_micros(100),
        Duration::from_millis(1),
        Duration::from_millis(10),
        Duration::from_millis(50),
        Duration::from_millis(200),
        Duration::from_secs(1),
        Duration::from_millis(2500),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(25),
    ];
}

/// Zones with their counters.
#[derive(Debug)]
pub(super) struct CountedZones {
    pub(super) zones: Zones,
    default_zone: Arc<AnswerCounters>,
    named: BTreeMap<String, Arc<AnswerCounters>>,
}

#[derive(Debug, Default)]
struct AnswerCounters {
    ok: AtomicU64,
    not_found: AtomicU64,
    temporary: AtomicU64,
    permanent: AtomicU64,
    within: [AtomicU64; AnswerTimes::LIMITS.len()],
    longer: AtomicU64,
    sum_of_nanoseconds: AtomicU64,
}

impl CountedZones {
    pub(super) fn new(zones: Zones) -> Self {
        let named = zones.names().map(|name| (name.to_owned(), Arc::default())).collect();
        Self { zones, default_zone: Arc::default(), named }
    }

    /// Replaces the zones; those that remain keep their counters.
    pub(super) fn change(&self, zones: Zones) -> Self {
        let counters = |name| self.named.get(name).cloned().unwrap_or_default();
        let named = zones.names().map(|name| (name.to_owned(), counters(name))).collect();
        Self { zones, default_zone: Arc::clone(&self.default_zone), named }
    }

    /// Counts the answer to a request, which took this time.
    pub(super) fn count(&self, request: &[u8], answer: &Answer, time: Duration) {
        let counters = self.counters(request);
        let counter = match answer {
            Answer::Ok(_) => &counters.ok,
            Answer::NotFound => &counters.not_found,
            Answer::Temporary { .. } => &counters.temporary,
            Answer::Permanent(_) => &counters.permanent,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let place = AnswerTimes::LIMITS.iter().position(|limit| time <= *limit);
        place.map_or(&counters.longer, |place| &counters.within[place]).fetch_add(1, Ordering::Relaxed);
        // Wraps after 584 years of waiting.
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        counters.sum_of_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    fn counters(&self, request: &[u8]) -> &AnswerCounters {
        if self.named.is_empty() {
            return &self.default_zone;
        }
        let map = request.split(|octet| *octet == b' ').next().and_then(|map| std::str::from_utf8(map).ok());
        map.and_then(|map| self.named.get(map)).unwrap_or(&self.default_zone)
    }

    pub(super) fn counts(&self) -> SocketmapCounts {
        SocketmapCounts {
            overrides: self.zones.overrides.len() as u64,
            default_zone: self.default_zone.counts(),
            zones: self.named.iter().map(|(name, counters)| (name.clone(), counters.counts())).collect(),
            ..SocketmapCounts::default()
        }
    }
}

impl AnswerCounters {
    fn counts(&self) -> AnswerCounts {
        AnswerCounts {
            ok: self.ok.load(Ordering::Relaxed),
            not_found: self.not_found.load(Ordering::Relaxed),
            temporary: self.temporary.load(Ordering::Relaxed),
            permanent: self.permanent.load(Ordering::Relaxed),
            times: AnswerTimes {
                within: self.within.each_ref().map(|counter| counter.load(Ordering::Relaxed)),
                longer: self.longer.load(Ordering::Relaxed),
                sum: Duration::from_nanos(self.sum_of_nanoseconds.load(Ordering::Relaxed)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketmap::zone::Zone;

    #[test]
    fn a_zone_goes_on_counting_when_others_come_and_go() {
        let zones = |names: &[&str]| {
            names.iter().fold(Zones::default(), |zones, name| zones.with_zone(name, Zone::new()))
        };
        let counted = CountedZones::new(zones(&["a", "b"]));
        counted.count(b"a x.test", &Answer::NotFound, Duration::ZERO);
        counted.count(b"b x.test", &Answer::Ok(String::new()), Duration::ZERO);
        counted.count(b"c x.test", &Answer::NotFound, Duration::ZERO);
        counted.count(b"", &Answer::Permanent(""), Duration::ZERO);
        let counted = counted.change(zones(&["a", "c"]));
        counted.count(b"a x.test", &Answer::NotFound, Duration::ZERO);
        counted.count(b"b x.test", &Answer::NotFound, Duration::ZERO);
        counted.count(b"c x.test", &Answer::NotFound, Duration::ZERO);
        let in_no_time = |answers| {
            let mut times = AnswerTimes::default();
            times.within[0] = answers;
            times
        };
        let not_found =
            |not_found| AnswerCounts { not_found, times: in_no_time(not_found), ..AnswerCounts::default() };
        let counts = counted.counts();
        let of_default = AnswerCounts { permanent: 1, times: in_no_time(3), ..not_found(2) };
        assert_eq!(counts.default_zone, of_default);
        assert_eq!(counts.zones, [("a".to_owned(), not_found(2)), ("c".to_owned(), not_found(1))].into());
    }

    #[test]
    fn a_time_is_counted_below_the_first_limit_that_it_keeps() {
        let counted = CountedZones::new(Zones::default());
        for time in [
            AnswerTimes::LIMITS[1],
            AnswerTimes::LIMITS[1] + Duration::from_nanos(1),
            Duration::from_secs(60),
        ] {
            counted.count(b"", &Answer::NotFound, time);
        }
        let times = counted.counts().default_zone.times;
        assert_eq!(times.within, [0, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((times.longer, times.sum), (1, Duration::new(60, 2_000_001)));
    }
}
