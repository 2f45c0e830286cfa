//! The choice of the policy to evict when all policies take too much memory.

use alloc::vec::Vec;
use core::cmp::Reverse;
use core::ops::Range;

use super::slot::Reuse;

/// A domain with a policy, as far as it matters for evicting the policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) policy: u32,
    pub(super) slot: u32,
    /// Whether the policy has not expired.
    pub(super) applies: bool,
    pub(super) reuse: Reuse,
    /// The position in the order of eviction.
    pub(super) order: u32,
}

/// The policies by size class, in powers of two from 1 KiB, and in each class in the order of eviction.
pub(super) struct SizeClasses<'a> {
    candidates: &'a [Candidate],
    classes: [SizeClass; CLASSES],
}

#[derive(Default)]
struct SizeClass {
    octets: usize,
    /// The last one is evicted first.
    policies: Vec<Ranked>,
}

struct Ranked {
    rank: Rank,
    octets: usize,
    /// The domains of the policy among the candidates.
    domains: Range<usize>,
}

/// The rank of a policy: that of the best of its domains.
type Rank = (bool, Reuse, u32);

/// The last class has everything from 2 MiB: no policy is longer than 1 MiB, and none takes more than 2.5 times
/// its text.
const CLASSES: usize = 12;

impl<'a> SizeClasses<'a> {
    pub(super) fn of(candidates: &'a mut [Candidate], octets_of: impl Fn(u32) -> usize) -> Self {
        candidates.sort_unstable_by_key(|candidate| (candidate.policy, candidate.order));
        let candidates = &*candidates;
        let mut classes: [SizeClass; CLASSES] = Default::default();
        let mut start = 0;
        for domains in candidates.chunk_by(|one, other| one.policy == other.policy) {
            let octets = octets_of(domains[0].policy);
            let Some(rank) = domains.iter().map(Candidate::rank).max() else { continue };
            let class = &mut classes[class_of(octets)];
            class.octets += octets;
            class.policies.push(Ranked { rank, octets, domains: start..start + domains.len() });
            start += domains.len();
        }
        for class in &mut classes {
            class.policies.sort_unstable_by_key(|policy| Reverse(policy.rank));
        }
        Self { candidates, classes }
    }

    /// The domains of the policy to evict next.
    pub(super) fn next(&mut self) -> Option<&'a [Candidate]> {
        let class = self.classes.iter_mut().max_by_key(|class| class.octets)?;
        let policy = class.policies.pop()?;
        class.octets -= policy.octets;
        Some(&self.candidates[policy.domains])
    }
}

impl Candidate {
    const fn rank(&self) -> Rank {
        (self.applies, self.reuse, self.order)
    }
}

fn class_of(octets: usize) -> usize {
    let kibibytes = octets.saturating_sub(1) / 1024 + 1;
    (kibibytes.ilog2() as usize).min(CLASSES - 1)
}
