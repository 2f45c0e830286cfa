//! A heap of slots whose keys change.

use alloc::vec::Vec;

use super::push_bounded;
use crate::time::UnixTime;

/// The slot with the earliest time is first, of several the one with the lowest number; any slot can
/// be moved or removed.
///
/// It holds the numbers of the slots alone, 8 octets each. Their times are asked for where they are
/// kept anyway: updates are as rare as fetches, memory is not.
#[derive(Default)]
pub(super) struct SlotHeap {
    slots: Vec<u32>,
    // Where each slot stands in `slots`.
    positions: Vec<u32>,
}

const ABSENT: u32 = u32::MAX;

/// Four children a node: as many comparisons as with two, and half as many levels to fetch.
const CHILDREN: usize = 4;

impl SlotHeap {
    pub(super) fn first(&self) -> Option<u32> {
        self.slots.first().copied()
    }

    /// Takes a slot in, or puts it where its time, which may have changed, belongs.
    pub(super) fn put(&mut self, slot: u32, bound: usize, time: impl Fn(u32) -> UnixTime) {
        while self.positions.len() <= slot as usize {
            push_bounded(&mut self.positions, ABSENT, bound);
        }
        if self.positions[slot as usize] == ABSENT {
            let last = self.slots.len();
            push_bounded(&mut self.slots, slot, bound);
            self.place(slot, last);
        }
        self.restore(self.positions[slot as usize] as usize, time);
    }

    /// Takes a slot out, if it is there.
    pub(super) fn remove(&mut self, slot: u32, time: impl Fn(u32) -> UnixTime) {
        let Some(position) = self.positions.get_mut(slot as usize).filter(|position| **position != ABSENT)
        else {
            return;
        };
        let hole = *position as usize;
        *position = ABSENT;
        self.slots.swap_remove(hole);
        if let Some(&moved) = self.slots.get(hole) {
            self.place(moved, hole);
            self.restore(hole, time);
        }
    }

    fn restore(&mut self, start: usize, time: impl Fn(u32) -> UnixTime) {
        let time = |slot: u32| (time(slot), slot);
        let slot = self.slots[start];
        let own = time(slot);
        let mut position = start;
        while position > 0 {
            let parent = (position - 1) / CHILDREN;
            if time(self.slots[parent]) <= own {
                break;
            }
            self.place(self.slots[parent], position);
            position = parent;
        }
        loop {
            let first_child = position * CHILDREN + 1;
            let children = first_child..(first_child + CHILDREN).min(self.slots.len());
            let earliest = children.map(|child| (time(self.slots[child]), child)).min();
            match earliest {
                Some((earlier, child)) if earlier < own => {
                    self.place(self.slots[child], position);
                    position = child;
                }
                _ => break,
            }
        }
        self.place(slot, position);
    }

    // Positions are fewer than slots, whose numbers are `u32`.
    #[allow(clippy::cast_possible_truncation)]
    fn place(&mut self, slot: u32, position: usize) {
        self.slots[position] = slot;
        self.positions[slot as usize] = position as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_earliest_is_first_whatever_moves(steps in proptest::collection::vec((0_u32..40, 0_u64..60), 1..300)) {
            let mut times = [None; 40];
            let mut heap = SlotHeap::default();
            for (slot, time) in steps {
                // One time in six takes the slot out.
                times[slot as usize] = (time >= 10).then_some(UnixTime::from_secs(time));
                let time_of = |slot: u32| times[slot as usize].unwrap_or_default();
                if time >= 10 {
                    heap.put(slot, 40, time_of);
                } else {
                    heap.remove(slot, time_of);
                }
                let earliest = times.iter().flatten().min().copied();
                prop_assert_eq!(heap.first().map(time_of), earliest);
                prop_assert_eq!(heap.slots.len(), times.iter().flatten().count());
            }
        }
    }
}
