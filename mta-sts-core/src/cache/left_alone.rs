//! Hosts to leave alone, of domains that found no room.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use siphasher::sip::SipHasher13;

use crate::entry::{BackOff, CacheEntry};
use crate::time::UnixTime;

/// The back-offs of domains that the cache does not hold.
///
/// A cache that is full of policies takes in no domain that only backs off; were that forgotten, every
/// message would fetch from a host that is down (RFC 8461, 3.3). The room is small and never grows: a
/// hash chooses a row of places, in which the first to end gives way.
pub(super) struct LeftAlone {
    hasher: SipHasher13,
    // Empty until the first comes.
    places: Vec<Option<Place>>,
}

struct Place {
    name: Box<str>,
    back_offs: Vec<BackOff>,
}

const ROWS: usize = 256;
const PLACES_OF_ROW: usize = 4;

impl LeftAlone {
    pub(super) const fn new(hasher: SipHasher13) -> Self {
        Self { hasher, places: Vec::new() }
    }

    /// Takes in what of an entry must outlive it.
    pub(super) fn put(&mut self, name: &str, entry: &CacheEntry, now: UnixTime) {
        let back_offs: Vec<_> =
            entry.back_offs().iter().filter(|back_off| back_off.until > now).copied().collect();
        if back_offs.is_empty() {
            return;
        }
        if self.places.is_empty() {
            self.places.resize_with(ROWS * PLACES_OF_ROW, || None);
        }
        let row = self.row(name);
        let places = &mut self.places[row];
        let ends = |place: &Option<Place>| place.as_ref().map_or(UnixTime::default(), Place::ends_at);
        let own = places.iter().position(|place| place.as_ref().is_some_and(|place| *place.name == *name));
        let first = || (0..places.len()).min_by_key(|place| ends(&places[*place])).unwrap_or(0);
        let chosen = own.unwrap_or_else(first);
        places[chosen] = Some(Place { name: name.into(), back_offs });
    }

    /// What is still to be left alone of a domain.
    pub(super) fn get(&self, name: &str, now: UnixTime) -> Option<CacheEntry> {
        let place = self.places.get(self.row(name))?.iter().flatten().find(|place| *place.name == *name)?;
        let back_offs: Vec<_> =
            place.back_offs.iter().filter(|back_off| back_off.until > now).copied().collect();
        (!back_offs.is_empty()).then(|| CacheEntry::of_back_offs(back_offs))
    }

    pub(super) fn remove(&mut self, name: &str) {
        let row = self.row(name);
        for place in self.places.get_mut(row).into_iter().flatten() {
            if place.as_ref().is_some_and(|place| *place.name == *name) {
                *place = None;
            }
        }
    }

    fn row(&self, name: &str) -> Range<usize> {
        // The remainder fits, whatever the width.
        #[allow(clippy::cast_possible_truncation)]
        let start = (self.hasher.hash(name.as_bytes()) % ROWS as u64) as usize * PLACES_OF_ROW;
        start..start + PLACES_OF_ROW
    }
}

impl Place {
    fn ends_at(&self) -> UnixTime {
        self.back_offs.iter().map(|back_off| back_off.until).max().unwrap_or_default()
    }
}
