//! An index of slots by name.

use alloc::vec::Vec;

use crate::octets::marks_equal;

/// A hash table from names to slot numbers.
///
/// It consists of groups, each a cache line: twelve numbers, and an octet of the hash of each. So a lookup waits for
/// memory once before it reads the slot, whereas a table with separate octets and numbers waits twice. A number whose
/// group is full goes to the next one, and every group on the way counts it as passed on: a lookup ends at the first
/// group that has passed on none.
pub(super) struct NameIndex {
    groups: Vec<Group>,
    len: usize,
}

#[derive(Clone)]
#[repr(C, align(64))]
struct Group {
    // An octet of the hash of each number, or `VACANT`.
    tags: [u8; GROUP],
    passed_on: u32,
    slots: [u32; GROUP],
}

const _: () = assert!(size_of::<Group>() == 64);

const GROUP: usize = 12;

/// The average number of entries in a group before the table grows: at this load one in thirty is outside its own
/// group.
const FILL: usize = 9;

const VACANT: u8 = 0;

impl NameIndex {
    pub(super) const fn new() -> Self {
        Self { groups: Vec::new(), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Returns the slot with this hash for which `is_it` returns true.
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        for number in self.groups_from(hash) {
            let group = &self.groups[number];
            for place in group.places_of(tag(hash)) {
                let slot = group.slots[place];
                if is_it(slot) {
                    return Some(slot);
                }
            }
            if group.passed_on == 0 {
                break;
            }
        }
        None
    }

    /// Inserts a new slot. The table never grows beyond what `bound` slots need.
    pub(super) fn insert(&mut self, hash: u64, slot: u32, bound: usize, hash_of: impl Fn(u32) -> u64) {
        if self.len >= self.groups.len() * FILL {
            self.grow(bound.max(self.len + 1), hash_of);
        }
        self.len += 1;
        self.place(hash, slot);
    }

    /// Removes a slot that was inserted with this hash.
    pub(super) fn remove(&mut self, hash: u64, slot: u32) {
        let place_in = |group: &Group| group.places_of(tag(hash)).find(|&place| group.slots[place] == slot);
        let Some((passed, place)) = self
            .groups_from(hash)
            .enumerate()
            .find_map(|(passed, group)| Some((passed, place_in(&self.groups[group])?)))
        else {
            return;
        };
        for (number, group) in self.groups_from(hash).take(passed + 1).enumerate() {
            if number < passed {
                self.groups[group].passed_on -= 1;
            } else {
                self.groups[group].tags[place] = VACANT;
            }
        }
        self.len -= 1;
    }

    fn place(&mut self, hash: u64, slot: u32) {
        for group in self.groups_from(hash) {
            let group = &mut self.groups[group];
            let vacant = group.places_of(VACANT).next();
            if let Some(place) = vacant {
                group.tags[place] = tag(hash);
                group.slots[place] = slot;
                return;
            }
            group.passed_on += 1;
        }
    }

    fn grow(&mut self, bound: usize, hash_of: impl Fn(u32) -> u64) {
        let groups = (self.groups.len() * 2).max(1).min(bound.div_ceil(FILL));
        let vacant = Group { tags: [VACANT; GROUP], passed_on: 0, slots: [0; GROUP] };
        let mut grown = Vec::new();
        grown.reserve_exact(groups);
        grown.resize(groups, vacant);
        for group in core::mem::replace(&mut self.groups, grown) {
            for (_, slot) in group.tags.into_iter().zip(group.slots).filter(|(tag, _)| *tag != VACANT) {
                self.place(hash_of(slot), slot);
            }
        }
    }

    /// Every group once, starting with the one for a hash.
    fn groups_from(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let (home, groups) = (self.home_of(hash), self.groups.len());
        (home..groups).chain(0..home)
    }

    /// The group for a hash: its upper half as a share of all groups, computed without a division.
    #[allow(clippy::cast_possible_truncation, reason = "less than the number of groups")]
    fn home_of(&self, hash: u64) -> usize {
        (((hash >> 32) * self.groups.len() as u64) >> 32) as usize
    }
}

impl Group {
    /// The places of an octet among the tags, with rare false positives after a match: the caller compares.
    fn places_of(&self, tag: u8) -> Places {
        let ([low @ .., _, _, _, _], [_, _, _, _, _, _, _, _, high @ ..]) = (self.tags, self.tags);
        let low = marks_equal(u64::from_le_bytes(low), tag);
        let high = marks_equal(u32::from_le_bytes(high).into(), tag) & 0xffff_ffff;
        Places(low >> 7 | high >> 6)
    }
}

/// Places in a group: for the first eight the lowest bit of an octet each, for the others the bit above it.
struct Places(u64);

impl Iterator for Places {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let bit = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(bit / 8 + bit % 8 * 8)
    }
}

/// An octet of a hash that is never `VACANT`; the group is derived from other octets.
#[allow(clippy::cast_possible_truncation)]
const fn tag(hash: u64) -> u8 {
    hash as u8 | 0x80
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        // A few hashes, so that groups are full and numbers are placed outside their own.
        #[test]
        fn it_finds_what_was_taken_in_and_nothing_else(
            steps in prop::collection::vec((any::<bool>(), 0_u32..60, 0_u64..4, 0_u64..3), 0..200), bound in 1_usize..60,
        ) {
            let mut index = NameIndex::new();
            let mut hashes = BTreeMap::new();
            for (is_insert, slot, group, tag) in steps {
                let hash = group << 62 | tag;
                if is_insert && !hashes.contains_key(&slot) {
                    hashes.insert(slot, hash);
                    index.insert(hash, slot, bound, |slot| hashes[&slot]);
                } else if let Some(hash) = hashes.remove(&slot) {
                    index.remove(hash, slot);
                }
                prop_assert_eq!(index.len(), hashes.len());
                for slot in 0..60 {
                    let hash = hashes.get(&slot).copied().unwrap_or(hash);
                    let found = index.find(hash, |other| other == slot);
                    prop_assert_eq!(found, hashes.contains_key(&slot).then_some(slot));
                }
            }
        }
    }
}
