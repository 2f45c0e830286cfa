//! In which order the slots were used.

use alloc::vec::Vec;

use super::push_bounded;
use super::worth::Worth;

/// One list of slots for each worth, from the least recently used to the most.
///
/// The lists are rings in one vector. Its first nodes are the ends of the lists, node `n + LISTS`
/// belongs to slot `n`. They are kept apart from the slots since a use changes two neighbours: 8
/// octets each stay in the processor's cache where whole slots would not.
pub(super) struct UseOrder {
    nodes: Vec<Node>,
}

#[derive(Clone, Copy)]
struct Node {
    older: u32,
    newer: u32,
}

#[allow(clippy::cast_possible_truncation)]
const LISTS: u32 = Worth::ALL.len() as u32;

impl UseOrder {
    pub(super) fn new() -> Self {
        Self { nodes: (0..LISTS).map(|end| Node { older: end, newer: end }).collect() }
    }

    /// Takes a slot in as the most recently used of its worth.
    pub(super) fn push(&mut self, slot: u32, worth: Worth, bound: usize) {
        let node = slot + LISTS;
        while self.nodes.len() <= node as usize {
            let alone = self.nodes.len();
            #[allow(clippy::cast_possible_truncation)]
            let alone = alone as u32;
            push_bounded(&mut self.nodes, Node { older: alone, newer: alone }, bound + LISTS as usize);
        }
        let end = worth as u32;
        let newest = self.nodes[end as usize].older;
        self.nodes[node as usize] = Node { older: newest, newer: end };
        self.nodes[newest as usize].newer = node;
        self.nodes[end as usize].older = node;
    }

    /// Takes a slot out of its list.
    pub(super) fn unlink(&mut self, slot: u32) {
        let Node { older, newer } = self.nodes[(slot + LISTS) as usize];
        self.nodes[older as usize].newer = newer;
        self.nodes[newer as usize].older = older;
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
