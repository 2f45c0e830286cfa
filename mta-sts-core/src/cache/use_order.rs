//! In which order the slots were used.

use alloc::vec::Vec;

use super::push_bounded;
use super::worth::Worth;
use crate::time::UnixTime;

/// One list of slots for each worth, from the least recently used to the most.
///
/// The lists are rings in one vector. Its first nodes are the ends of the lists, node `n + LISTS`
/// belongs to slot `n`. They are kept apart from the slots since a use changes two neighbours: 12
/// octets each stay in the processor's cache where whole slots would not.
pub(super) struct UseOrder {
    nodes: Vec<Node>,
}

#[derive(Clone, Copy)]
struct Node {
    older: u32,
    newer: u32,
    // In minutes, which 32 bits hold for 8,000 years.
    last_used: u32,
}

#[allow(clippy::cast_possible_truncation)]
const LISTS: u32 = Worth::ALL.len() as u32;

const MINUTE: u64 = 60;
const MINUTES_OF_A_DAY: u32 = 24 * 60;

impl UseOrder {
    pub(super) fn new() -> Self {
        Self { nodes: (0..LISTS).map(Node::alone).collect() }
    }

    /// Takes a slot in as the most recently used of its worth.
    pub(super) fn push(&mut self, slot: u32, worth: Worth, now: UnixTime, bound: usize) {
        let node = slot + LISTS;
        while self.nodes.len() <= node as usize {
            #[allow(clippy::cast_possible_truncation)]
            let alone = Node::alone(self.nodes.len() as u32);
            push_bounded(&mut self.nodes, alone, bound + LISTS as usize);
        }
        self.nodes[node as usize].last_used = minute(now);
        self.link(node, worth);
    }

    /// Takes a slot out of its list.
    pub(super) fn unlink(&mut self, slot: u32) {
        let Node { older, newer, .. } = self.nodes[(slot + LISTS) as usize];
        self.nodes[older as usize].newer = newer;
        self.nodes[newer as usize].older = older;
    }

    /// Makes a slot the most recently used of its worth; whether it was last used on another day.
    pub(super) fn renew(&mut self, slot: u32, worth: Worth, now: UnixTime) -> bool {
        let now = minute(now);
        let last_used = core::mem::replace(&mut self.nodes[(slot + LISTS) as usize].last_used, now);
        self.move_to(slot, worth);
        // Most uses come soon after the one before.
        last_used != now && last_used / MINUTES_OF_A_DAY != now / MINUTES_OF_A_DAY
    }

    /// Puts a slot at the end of a list, though it was not used.
    pub(super) fn move_to(&mut self, slot: u32, worth: Worth) {
        self.unlink(slot);
        self.link(slot + LISTS, worth);
    }

    /// The minute in which a slot was used last.
    pub(super) fn last_used(&self, slot: u32) -> UnixTime {
        UnixTime::from_secs(u64::from(self.nodes[(slot + LISTS) as usize].last_used) * MINUTE)
    }

    fn link(&mut self, node: u32, worth: Worth) {
        let end = worth as u32;
        let newest = self.nodes[end as usize].older;
        self.nodes[newest as usize].newer = node;
        self.nodes[end as usize].older = node;
        let own = &mut self.nodes[node as usize];
        (own.older, own.newer) = (newest, end);
    }

    /// The slots of this worth, the least recently used first.
    pub(super) fn oldest_first(&self, worth: Worth) -> impl Iterator<Item = u32> {
        let end = worth as u32;
        let mut node = end;
        core::iter::from_fn(move || {
            node = self.nodes[node as usize].newer;
            (node != end).then(|| node - LISTS)
        })
    }
}

impl Node {
    /// A ring of one.
    const fn alone(number: u32) -> Self {
        Self { older: number, newer: number, last_used: 0 }
    }
}

fn minute(time: UnixTime) -> u32 {
    u32::try_from(time.as_secs() / MINUTE).unwrap_or(u32::MAX)
}
