//! A compact form of a domain and its entry.

use alloc::boxed::Box;

use super::eviction_rank::{EvictionRank, ends_at, expires_at, second_after};
use super::policies::Policies;
use crate::entry::{Absence, CacheEntry, CacheUpdate, CachedPolicy};
use crate::error::RecordErrorKind;
use crate::name::PolicyDomain;
use crate::record::RecordId;
use crate::time::UnixTime;

/// A domain and its entry.
///
/// Most entries hold only a policy, or only an absence. These are stored as numbers, with name and
/// id in an inline array; every other entry is boxed.
///
/// A slot fills one cache line, so a lookup by name needs a single memory access for it.
#[repr(align(64))]
pub(super) struct Slot {
    held: Held,
    pub(super) rank: EvictionRank,
    pub(super) refresh: Refresh,
    pub(super) reuse: Reuse,
    name_len: u8,
    id_len: u8,
    // The name, then the id, unless the entry is boxed.
    text: [u8; TEXT_LEN],
}

/// The state of the refresh of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refresh {
    /// The deadline is set, or the entry is never refreshed.
    Waiting,
    /// The caller was told to refresh, and has not applied an update yet.
    Running,
    /// No refresh is scheduled until the domain is used again.
    LetGo,
}

/// Whether a domain was used again after its entry was cached, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reuse {
    Never,
    OnTheSameDay,
    OnAnotherDay,
}

/// Long enough for nearly every name with its id, in a slot of 64 octets.
const TEXT_LEN: usize = 43;

const _: () = assert!(size_of::<Slot>() == 64);

enum Held {
    Vacant,
    Policy { policy: u32, fetched_at: u32, checked_until: u32 },
    Absent { reason: RecordErrorKind, until: u32 },
    Boxed(Box<Boxed>),
}

struct Boxed {
    name: Box<str>,
    entry: CacheEntry,
    policy: Option<u32>,
}

impl Slot {
    pub(super) const fn vacant() -> Self {
        Self {
            held: Held::Vacant,
            rank: EvictionRank::Absent,
            refresh: Refresh::Waiting,
            reuse: Reuse::Never,
            name_len: 0,
            id_len: 0,
            text: [0; TEXT_LEN],
        }
    }

    /// Stores an entry whose policy has this number.
    pub(super) fn fill(&mut self, name: &str, entry: CacheEntry, policy: Option<u32>) {
        self.rank = EvictionRank::of(&entry);
        self.held = match (compact(&entry, policy), entry.policy().map(CachedPolicy::id)) {
            (Some(held), id) if self.write_text(name, id.map_or("", RecordId::as_str)) => held,
            _ => Held::Boxed(Box::new(Boxed { name: name.into(), entry, policy })),
        };
    }

    // The lengths are at most `TEXT_LEN`.
    #[allow(clippy::cast_possible_truncation)]
    fn write_text(&mut self, name: &str, id: &str) -> bool {
        let fits = name.len() + id.len() <= TEXT_LEN;
        if fits {
            self.text[..name.len()].copy_from_slice(name.as_bytes());
            self.text[name.len()..][..id.len()].copy_from_slice(id.as_bytes());
            self.name_len = name.len() as u8;
            self.id_len = id.len() as u8;
        }
        fits
    }

    pub(super) fn name(&self) -> &[u8] {
        match &self.held {
            Held::Boxed(boxed) => boxed.name.as_bytes(),
            _ => &self.text[..usize::from(self.name_len)],
        }
    }

    pub(super) fn domain(&self) -> Option<PolicyDomain> {
        core::str::from_utf8(self.name()).ok().and_then(|name| PolicyDomain::parse(name).ok())
    }

    /// The number of the policy.
    pub(super) fn policy(&self) -> Option<u32> {
        match &self.held {
            Held::Policy { policy, .. } => Some(*policy),
            Held::Boxed(boxed) => boxed.policy,
            Held::Vacant | Held::Absent { .. } => None,
        }
    }

    /// The entry, exactly as stored.
    pub(super) fn entry(&self, policies: &Policies) -> CacheEntry {
        match &self.held {
            Held::Vacant => CacheEntry::default(),
            Held::Boxed(boxed) => boxed.entry.clone(),
            Held::Absent { reason, until } => {
                let until = UnixTime::from_secs((*until).into());
                CacheUpdate::Absent(Absence { reason: *reason, until })
                    .apply_to(None, UnixTime::default())
                    .unwrap_or_default()
            }
            Held::Policy { policy, fetched_at, checked_until } => {
                let id = &self.text[usize::from(self.name_len)..][..usize::from(self.id_len)];
                let Some(policy) = policies.policy(*policy) else {
                    return CacheEntry::default();
                };
                CacheEntry::of_policy(
                    CachedPolicy::new(
                        policy.clone(),
                        RecordId::of_valid(id),
                        UnixTime::from_secs((*fetched_at).into()),
                    ),
                    UnixTime::from_secs((*checked_until).into()),
                )
            }
        }
    }

    /// The first second in which nothing in the entry is current.
    pub(super) fn ends_at(&self, policies: &Policies) -> UnixTime {
        match &self.held {
            Held::Boxed(boxed) => ends_at(&boxed.entry),
            _ => self.expires_at(policies),
        }
    }

    /// The first second in which the entry has no rank.
    pub(super) fn expires_at(&self, policies: &Policies) -> UnixTime {
        match &self.held {
            Held::Vacant => UnixTime::default(),
            Held::Policy { policy, fetched_at, .. } => second_after(UnixTime::from_secs(
                u64::from(*fetched_at).saturating_add(policies.max_age(*policy)),
            )),
            Held::Absent { until, .. } => UnixTime::from_secs((*until).into()),
            Held::Boxed(boxed) => expires_at(&boxed.entry),
        }
    }
}

/// The compact form of an entry, if it has one without loss.
fn compact(entry: &CacheEntry, policy: Option<u32>) -> Option<Held> {
    let short = |time: UnixTime| u32::try_from(time.as_secs()).ok();
    if !entry.back_offs().is_empty() || entry.fetch_failures() != 0 {
        return None;
    }
    match (entry.policy(), policy, entry.absence()) {
        (Some(cached), Some(policy), None) => Some(Held::Policy {
            policy,
            fetched_at: short(cached.fetched_at())?,
            checked_until: short(entry.checked_until())?,
        }),
        (None, None, Some(absence)) if entry.checked_until() == UnixTime::default() => {
            Some(Held::Absent { reason: absence.reason, until: short(absence.until)? })
        }
        _ => None,
    }
}
