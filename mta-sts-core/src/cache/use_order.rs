//! The order in which slots were used.

use alloc::vec::Vec;

use super::eviction_rank::EvictionRank;
use super::push_bounded;
use crate::time::UnixTime;

/// A list of slots for each eviction rank, from the least to the most recently used.
///
/// The lists are rings in one vector. Its first nodes are the heads of the lists, and node `n +
/// LISTS` belongs to slot `n`. They are stored apart from the slots because a use changes two
/// neighbours: at 12 octets each the nodes stay in the processor's cache, where whole slots would
/// not.
pub(super) struct UseOrder {
    nodes: Vec<Node>,
}

#[derive(Clone, Copy)]
struct Node {
    older: u32,
    newer: u32,
    // In minutes, of which 32 bits hold 8,000 years.
    last_used: u32,
}

#[allow(clippy::cast_possible_truncation)]
const LISTS: u32 = EvictionRank::ALL.len() as u32;

const MINUTE: u64 = 60;
const MINUTES_OF_A_DAY: u32 = 24 * 60;

impl UseOrder {
    pub(super) fn new() -> Self {
        Self { nodes: (0..LISTS).map(Node::alone).collect() }
    }

    /// Adds a slot as the most recently used of its rank.
    pub(super) fn push(&mut self, slot: u32, rank: EvictionRank, now: UnixTime, bound: usize) {
        let node = slot + LISTS;
        while self.nodes.len() <= node as usize {
            #[allow(clippy::cast_possible_truncation)]
            let alone = Node::alone(self.nodes.len() as u32);
            push_bounded(&mut self.nodes, alone, bound + LISTS as usize);
        }
        self.nodes[node as usize].last_used = minute(now);
        self.link(node, rank);
    }

    /// Removes a slot from its list.
    pub(super) fn unlink(&mut self, slot: u32) {
        let Node { older, newer, .. } = self.nodes[(slot + LISTS) as usize];
        self.nodes[older as usize].newer = newer;
        self.nodes[newer as usize].older = older;
    }

    /// Makes a slot the most recently used of its rank; returns whether its last use was on another
    /// day.
    pub(super) fn renew(&mut self, slot: u32, rank: EvictionRank, now: UnixTime) -> bool {
        let now = minute(now);
        let last_used = core::mem::replace(&mut self.nodes[(slot + LISTS) as usize].last_used, now);
        self.move_to(slot, rank);
        // Most uses follow soon after the previous one.
        last_used != now && last_used / MINUTES_OF_A_DAY != now / MINUTES_OF_A_DAY
    }

    /// Moves a slot to the end of a list without counting a use.
    pub(super) fn move_to(&mut self, slot: u32, rank: EvictionRank) {
        self.unlink(slot);
        self.link(slot + LISTS, rank);
    }

    /// The time of the last use of a slot, in whole minutes.
    pub(super) fn last_used(&self, slot: u32) -> UnixTime {
        UnixTime::from_secs(u64::from(self.nodes[(slot + LISTS) as usize].last_used) * MINUTE)
    }

    fn link(&mut self, node: u32, rank: EvictionRank) {
        let end = rank as u32;
        let newest = self.nodes[end as usize].older;
        self.nodes[newest as usize].newer = node;
        self.nodes[end as usize].older = node;
        let own = &mut self.nodes[node as usize];
        (own.older, own.newer) = (newest, end);
    }

    /// The slots of this rank, the least recently used first.
    pub(super) fn oldest_first(&self, rank: EvictionRank) -> impl Iterator<Item = u32> {
        let end = rank as u32;
        let mut node = end;
        core::iter::from_fn(move || {
            node = self.nodes[node as usize].newer;
            (node != end).then(|| node - LISTS)
        })
    }
}

impl Node {
    /// A ring of a single node.
    const fn alone(number: u32) -> Self {
        Self { older: number, newer: number, last_used: 0 }
    }
}

fn minute(time: UnixTime) -> u32 {
    u32::try_from(time.as_secs() / MINUTE).unwrap_or(u32::MAX)
}
