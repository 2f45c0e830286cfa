//! What is published, and what senders may hold of it, as a plan goes on.
//!
//! # Theory of operation
//!
//! Mail is refused where a sender applies an enforced policy that does not cover an MX host it delivers to. So two things are
//! held against each other: the policies that senders may hold at a time, and the MX hosts that they may deliver to.
//!
//! A policy may be fetched until it is replaced, and a little longer where caches are in front of the Policy Host. From the last
//! such moment on a sender may hold it for `max_age`. A sender that compares ids gives it up sooner: with its first message after
//! the old record has left the caches of resolvers. It does not if it may have fetched the policy under the id that the record
//! has now. That happens where the record changed before the policy: then only `max_age` counts. And it happens where the record
//! had the id before, since a policy is published again: then `max_age` counts from when the id had left caches at that time.
//!
//! A host may be delivered to while it is in DNS, for the TTL of the MX records after that, and for as long as a message that was
//! queued in that time stays in a queue.
//!
//! All times are kept twice, for the plan whose steps are done at their earliest times and for the one whose steps are done at
//! their safe ones.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::pace::{Pace, Paced};
use super::step::{Action, Due, Step, Wait};
use super::{Draft, Facts, History, ServedPolicy};
use crate::mx::MxPattern;
use crate::name::DnsName;
use crate::order;
use crate::policy::{Mode, Policy};
use crate::record::RecordId;
use crate::time::UnixTime;

pub(super) struct Outlook<'a> {
    history: &'a History,
    facts: &'a Facts,
    /// For how long a policy may be fetched after it was replaced.
    spread: Duration,
    /// When the last step is done.
    clock: Paced<UnixTime>,
    /// The last is the one that is served, if it has no end.
    policies: Vec<Held>,
    record: Option<Announced>,
    /// The ids that the record had, and until when.
    former_ids: Vec<(RecordId, Paced<UnixTime>)>,
    hosts: Vec<DnsName>,
    /// The hosts that were in DNS, and until when.
    left: Vec<(DnsName, Paced<UnixTime>)>,
    pub(super) steps: Vec<Step>,
}

/// A policy that senders may hold.
pub(super) struct Held {
    id: RecordId,
    pub(super) mode: Mode,
    pub(super) max_age: Duration,
    patterns: Box<[MxPattern<'static>]>,
    since: Paced<UnixTime>,
    until: Option<Paced<UnixTime>>,
}

struct Announced {
    id: RecordId,
    before: Option<Paced<UnixTime>>,
    since: Paced<UnixTime>,
}

impl<'a> Outlook<'a> {
    pub(super) fn new(history: &'a History, facts: &'a Facts, spread: Duration, now: UnixTime) -> Self {
        let left = |host: &super::SeenHost| Some((host.name.clone(), Paced::both(host.until?)));
        let mut left: Vec<_> = history.hosts().iter().filter_map(left).collect();
        left.extend(hosts_before(history).map(|(name, since)| (name, Paced::both(since))));
        left.retain(|(name, _)| !facts.hosts.contains(name));
        // A host that DNS no longer names, and nobody has noted yet.
        let noted = history.hosts().iter().filter(|host| host.until.is_none());
        let gone = noted.filter(|host| !facts.hosts.contains(&host.name));
        left.extend(gone.map(|host| (host.name.clone(), Paced::both(now))));
        let mut policies: Vec<_> = history.policies().iter().map(Held::of).collect();
        // The one that is served comes last.
        order::sort_by(&mut policies, |one, other| one.until.is_none().cmp(&other.until.is_none()));
        let former =
            history.records().iter().filter_map(|record| Some((record.id, Paced::both(record.until?))));
        Self {
            history,
            facts,
            spread,
            clock: Paced::both(now),
            policies,
            record: history.record().map(|record| Announced {
                id: record.id,
                before: record.before.map(Paced::both),
                since: Paced::both(record.since),
            }),
            former_ids: former.collect(),
            hosts: facts.hosts.clone(),
            left,
            steps: Vec::new(),
        }
    }

    /// The policy that is served.
    pub(super) fn policy(&self) -> Option<&Held> {
        self.policies.last().filter(|policy| policy.until.is_none())
    }

    /// The policy that is served, or that was served last if the record still announces one.
    pub(super) fn last_policy(&self) -> Option<&Held> {
        let last = self.older().max_by_key(|policy| policy.until.map(|until| until.earliest));
        self.policy().or(last.filter(|_| self.record.is_some()))
    }

    pub(super) const fn is_announced(&self) -> bool {
        self.record.is_some()
    }

    /// The hosts that mail may be delivered to at this time: those in DNS, and those that have left it lately.
    pub(super) fn used_hosts(&self) -> Vec<DnsName> {
        let mut hosts = self.hosts.clone();
        let is_used = |left: &Paced<UnixTime>| self.unused_at(*left, Pace::Earliest) > self.clock.earliest;
        hosts.extend(self.left.iter().filter(|(_, left)| is_used(left)).map(|(name, _)| name.clone()));
        hosts
    }

    fn unused_at(&self, left: Paced<UnixTime>, pace: Pace) -> UnixTime {
        left.at(pace).saturating_add(self.facts.mx_ttl).saturating_add(self.facts.queue_lifetime)
    }

    /// Has a policy served from this wait on, unless it already is.
    pub(super) fn put(&mut self, draft: &Draft, moves_host: bool, wait: Paced<Due>) {
        let is_served = self.policy().is_some_and(|policy| policy.is_like(draft.policy()));
        if is_served && !moves_host {
            return;
        }
        let due = self.not_before(wait);
        let action = if moves_host { Action::MovePolicyHost } else { Action::PutPolicy };
        self.push(action(draft.clone()), due);
        if is_served {
            return;
        }
        for policy in self.policies.iter_mut().filter(|policy| policy.until.is_none()) {
            policy.until = Some(self.clock);
        }
        let now = self.clock;
        self.policies.push(Held {
            id: *draft.id(),
            mode: draft.policy().mode(),
            max_age: draft.policy().max_age(),
            patterns: draft.policy().mx_patterns().map(MxPattern::into_owned).collect(),
            since: now,
            until: None,
        });
    }

    /// Has the record announce the policy that is served, unless it already does.
    pub(super) fn announce(&mut self) {
        let Some(id) = self.policy().map(|policy| policy.id) else { return };
        let is_known = self.record.as_ref().is_some_and(|record| {
            let follows = |old: &Held| self.is_expired(old) || self.is_before(old, record, Pace::Earliest);
            record.id == id || self.older().all(follows)
        });
        if is_known {
            return;
        }
        let wait = Paced::each(|pace| {
            let last = self.older().filter_map(|old| self.last_served(old, pace)).max();
            Due { at: last.unwrap_or_default(), wait: Wait::PolicyCache }
        });
        let due = self.not_before(wait);
        self.push(Action::PutRecord(id), due);
        self.former_ids.extend(self.record.take().map(|record| (record.id, self.clock)));
        let before = self.former_ids.iter().rev().find(|(former, _)| *former == id);
        self.record = Some(Announced { id, before: before.map(|(_, until)| *until), since: self.clock });
    }

    /// Has DNS name these MX hosts, once no policy that senders may hold leaves one of them out.
    pub(super) fn change_hosts(&mut self, hosts: &[DnsName]) {
        let without = |from: &[DnsName], what: &[DnsName]| -> Vec<_> {
            from.iter().filter(|name| !what.contains(name)).cloned().collect()
        };
        let (add, remove) = (without(hosts, &self.hosts), without(&self.hosts, hosts));
        if add.is_empty() && remove.is_empty() {
            return;
        }
        let wait = self.caches(|policy| policy.mode == Mode::Enforce && !policy.covers_all(hosts));
        let due = self.not_before(wait);
        self.left.retain(|(name, _)| !hosts.contains(name));
        self.push(Action::ChangeMx { add, remove: remove.clone() }, due);
        self.left.extend(remove.into_iter().map(|name| (name, self.clock)));
        self.hosts = hosts.to_vec();
    }

    /// Has record and policy deleted, once no older policy is held.
    pub(super) fn delete(&mut self) {
        let due = self.not_before(Paced::each(|pace| self.opt_out(pace)));
        if self.record.take().is_some() {
            self.push(Action::DeleteRecord, due);
        }
        if self.policy().is_some() {
            let due = self.not_before(due);
            self.push(Action::DeletePolicy, due);
        }
    }

    /// Whether some sender may enforce a policy.
    pub(super) fn may_enforce(&self) -> bool {
        self.opt_out(Pace::Earliest).at > self.clock.earliest
    }

    /// When no policy is held that could refuse mail; at the safe time, none that is reported on either.
    fn opt_out(&self, pace: Pace) -> Due {
        let held = self.policies.iter().filter(|policy| match pace {
            Pace::Earliest => policy.mode == Mode::Enforce,
            Pace::Safe => policy.mode != Mode::None,
        });
        let expired = held.map(|policy| self.expires_at(policy, pace)).max().unwrap_or_default();
        Due { at: expired, wait: Wait::OptOut }.max(self.unknown())
    }

    /// Until when senders may hold an older policy of this kind.
    pub(super) fn caches(&self, is_held: impl Fn(&Held) -> bool) -> Paced<Due> {
        Paced::each(|pace| {
            let held = self.older().filter(|policy| is_held(policy));
            let waits = held.map(|policy| {
                let expired = Due { at: self.expires_at(policy, pace), wait: Wait::OldPolicies };
                self.compared(policy, pace).map_or(expired, |compared| compared.min(expired))
            });
            waits.fold(self.unknown(), Due::max)
        })
    }

    /// From when on senders that compare ids no longer use an older policy; `None` if comparing does not help.
    fn compared(&self, policy: &Held, pace: Pace) -> Option<Due> {
        let (record, served) = (self.record.as_ref()?, self.policy()?);
        if pace == Pace::Safe || !self.is_before(policy, record, pace) {
            return None;
        }
        let record_ttl = self.facts.record_ttl;
        let mut due = Due { at: record.since.at(pace).saturating_add(record_ttl), wait: Wait::RecordTtl };
        // Senders that found nothing there may come back later.
        if !self.policies.iter().any(|old| old.ends_at(served.since, pace)) {
            due = due
                .max(Due { at: served.since.at(pace).saturating_add(self.facts.retry), wait: Wait::Retry });
        }
        if let Some(before) = record.before {
            let last = self.last_served(policy, pace)?.min(before.at(pace).saturating_add(record_ttl));
            due = due.max(Due { at: last.saturating_add(policy.max_age), wait: Wait::OldPolicies });
        }
        Some(due)
    }

    /// Whether a policy could no longer be fetched when the record got its id.
    fn is_before(&self, policy: &Held, record: &Announced, pace: Pace) -> bool {
        self.last_served(policy, pace).is_some_and(|last| last <= record.since.at(pace))
    }

    fn is_expired(&self, policy: &Held) -> bool {
        self.expires_at(policy, Pace::Earliest) <= self.clock.earliest
    }

    /// Until when senders may deliver to a host that has left DNS and that this policy does not cover.
    pub(super) fn queues(&self, policy: &Policy) -> Paced<Due> {
        let is_left_out = |name: &DnsName| policy.matching_pattern(name).is_none();
        Paced::each(|pace| {
            let left = self.left.iter().filter(|(name, _)| is_left_out(name));
            let unused = left.map(|(_, left)| self.unused_at(*left, pace)).max().unwrap_or_default();
            Due { at: unused, wait: Wait::QueuedMail }
        })
    }

    /// When policies of this kind have been served for so long, one after the other up to now.
    pub(super) fn served_for(
        &self,
        time: Duration,
        wait: Wait,
        is_such: impl Fn(&Held) -> bool,
    ) -> Paced<Due> {
        Paced::each(|pace| {
            let mut since = self.clock.at(pace);
            let mut next = self.policy().filter(|policy| is_such(policy));
            // Each step of the chain goes to an earlier time, or ends it.
            while let Some(policy) = next {
                let is_earlier = policy.since.at(pace) < since;
                since = policy.since.at(pace).min(since);
                next = self.policies.iter().find(|old| {
                    is_earlier && old.until.is_some_and(|until| until.at(pace) == since) && is_such(old)
                });
            }
            Due { at: since.saturating_add(time), wait }
        })
    }

    fn unknown(&self) -> Due {
        Due { at: self.history.unknown_until(), wait: Wait::UnknownPolicies }
    }

    /// The policies that are no longer served.
    fn older(&self) -> impl Iterator<Item = &Held> {
        self.policies.iter().filter(|policy| policy.until.is_some())
    }

    /// The end of the time in which a policy could be fetched; `None` while it is served.
    fn last_served(&self, policy: &Held, pace: Pace) -> Option<UnixTime> {
        Some(policy.until?.at(pace).saturating_add(self.spread))
    }

    fn expires_at(&self, policy: &Held, pace: Pace) -> UnixTime {
        let last = self.last_served(policy, pace).unwrap_or_else(|| self.clock.at(pace));
        last.saturating_add(policy.max_age)
    }

    /// This wait, and the step before.
    fn not_before(&self, wait: Paced<Due>) -> Paced<Due> {
        let previous = if self.steps.is_empty() { Wait::Nothing } else { Wait::PreviousStep };
        Paced::each(|pace| Due { at: self.clock.at(pace), wait: previous }.max(wait.at(pace)))
    }

    fn push(&mut self, action: Action, due: Paced<Due>) {
        self.clock = Paced::each(|pace| due.at(pace).at);
        self.steps.push(Step { action, earliest: due.earliest, safe: due.safe });
    }
}

impl Held {
    fn of(policy: &ServedPolicy) -> Self {
        Self {
            id: policy.id,
            mode: policy.mode,
            max_age: policy.max_age,
            patterns: policy.patterns.clone(),
            since: Paced::both(policy.since),
            until: policy.until.map(Paced::both),
        }
    }

    pub(super) fn covers_all(&self, hosts: &[DnsName]) -> bool {
        hosts.iter().all(|host| self.patterns.iter().any(|pattern| pattern.matches(host)))
    }

    /// Whether it says the same, in whatever form.
    fn is_like(&self, policy: &Policy) -> bool {
        self.mode == policy.mode()
            && self.max_age == policy.max_age()
            && policy.mx_patterns().all(|pattern| self.patterns.contains(&pattern))
            && self.patterns.iter().all(|pattern| policy.mx_patterns().any(|other| other == *pattern))
    }

    fn ends_at(&self, time: Paced<UnixTime>, pace: Pace) -> bool {
        self.until.is_some_and(|until| until.at(pace) == time.at(pace))
    }
}

/// The hosts that a policy names which was there before the history, and that DNS has not named since: they may have left just
/// before.
fn hosts_before(history: &History) -> impl Iterator<Item = (DnsName, UnixTime)> {
    let first = history.hosts().iter().map(|host| host.since).min();
    let policies =
        history.policies().iter().filter(move |policy| first.is_none_or(|first| policy.since <= first));
    policies.flat_map(move |policy| {
        let exact = policy.patterns.iter().filter(|pattern| !pattern.is_wildcard());
        let names = exact.filter_map(|pattern| DnsName::parse(&alloc::format!("{pattern}")).ok());
        let unseen = names.filter(|name| history.hosts().iter().all(|host| host.name != *name));
        unseen.map(|name| (name, policy.since)).collect::<Vec<_>>()
    })
}
