//! The cache entry of a domain: what is remembered between lookups.
//!
//! # Theory of operation
//!
//! A lookup does not modify a store. It ends with a [`CacheUpdate`], and [`CacheUpdate::apply_to`] combines that with
//! the entry that the store holds by then. First, an absence or a back-off whose time is over is dropped. An expired
//! policy no longer applies but is kept for a year, in case the clock had jumped ahead and is corrected; a newly stored
//! policy replaces it. Then:
//!
//! | update | with a policy in force | without one |
//! |---|---|---|
//! | keep | as it is | as it is |
//! | checked | the record is believed until then, if the policy has that id and is no newer | as it is |
//! | absent | as it is: DNS alone ends no policy | remembered, in place of an older absence |
//! | back-off | the policy stays, one failure more is counted if it is no newer | remembered; an absence is forgotten |
//! | store | replaced, unless it was asked for later than the new one | stored, unless one that was asked for later has lapsed |
//!
//! Lookups may end in another order than they began, and an attacker on the path may delay a response. So each update
//! carries the time at which its information was current: for a fetch that is the time of the request, since the
//! response says nothing about later changes on the host. A back-off is not remembered for the id of a policy, in force
//! or expired, that was requested in the same second or later: the host has responded.
//!
//! Storing a policy clears the absence, the failures, and the back-off of the fetched id. A policy with a fetch time in
//! the future was fetched before the clock stepped back, and is replaced. While a policy is in force, no back-off lasts
//! longer than half of its remaining life (300 s at least): otherwise one failed fetch could let it expire. A policy
//! that is replaced by one with another id leaves a back-off behind, 300 s from its own fetch, so that name servers
//! that disagree do not cause a fetch for every message (RFC 8461, 3.3). Processes that share a store need a lock
//! around reading, applying, and writing, and none around the lookup.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::str::FromStr;
use core::time::Duration;

use crate::error::{EntryError, EntryErrorKind, RecordErrorKind};
use crate::name::PolicyDomain;
use crate::policy::Policy;
use crate::record::RecordId;
use crate::time::UnixTime;

/// The cache entry of a domain: its policy or the absence of one, and recent fetch failures.
///
/// ```
/// use mta_sts_core::{CacheEntry, CacheUpdate, CachedPolicy, Policy, PolicyDomain, UnixTime};
///
/// let now = UnixTime::from_secs(1_700_000_000);
/// let policy = Policy::parse(b"version: STSv1\nmode: none\nmax_age: 86400\n")?;
/// let update = CacheUpdate::Store {
///     policy: CachedPolicy::new(policy, "1".parse()?, now),
///     checked_until: UnixTime::from_secs(1_700_000_300),
/// };
/// let entry = update.apply_to(None, now).expect("a policy was stored");
///
/// // Kept as text in any store, and read again.
/// let domain = PolicyDomain::parse("example.com")?;
/// let text = entry.to_text(&domain);
/// assert_eq!(CacheEntry::parse(text.as_bytes(), &domain)?, entry);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An entry is a plain value: keep it in a map, a file, or a database. Pass it to [`Lookup::new`](crate::Lookup::new),
/// and apply the resulting update. An entry may hold an expired policy, which no longer applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheEntry {
    policy: Option<CachedPolicy>,
    checked_until: UnixTime,
    absence: Option<Absence>,
    back_offs: Vec<BackOff>,
    fetch_failures: u32,
}

/// A cached policy, with the id that the record had before the fetch, and the time of the request.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::{CachedPolicy, Policy, UnixTime};
///
/// let policy = Policy::parse(b"version: STSv1\nmode: none\nmax_age: 86400\n")?;
/// let fetched_at = UnixTime::from_secs(1_700_000_000);
/// let cached = CachedPolicy::new(policy, "1".parse()?, fetched_at);
/// assert_eq!(cached.expires_at(), fetched_at.saturating_add(Duration::from_secs(86_400)));
/// assert!(cached.is_valid(cached.expires_at()));
/// assert!(!cached.is_valid(cached.expires_at().saturating_add(Duration::from_secs(1))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedPolicy {
    policy: Policy,
    id: RecordId,
    fetched_at: UnixTime,
}

/// A remembered absence: the domain had no usable record, and is not queried again before `until`.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::*;
///
/// # let now = UnixTime::from_secs(1_700_000_000);
/// let absence = Absence {
///     reason: RecordErrorKind::NoRecord,
///     until: now.saturating_add(Duration::from_secs(300)),
/// };
/// let entry = CacheUpdate::Absent(absence).apply_to(None, now);
///
/// // The next message asks nobody.
/// let domain = PolicyDomain::parse("example.com")?;
/// let lookup = Lookup::new(domain, Purpose::Deliver, entry.as_ref(), now, &LookupConfig::new());
/// let Output::Done(outcome) = lookup.poll_output() else { panic!() };
/// assert_eq!(outcome.no_policy(), Some(NoPolicy::NoRecord));
/// # Ok::<(), NameError>(())
/// ```
///
/// A lookup sets the time from the TTL of the answer, clamped to between 30 s and an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Absence {
    /// What was wrong with the records.
    pub reason: RecordErrorKind,
    /// The time from which the domain is queried again.
    pub until: UnixTime,
}

/// A back-off (RFC 8461, 3.3): the policy of this record id is not fetched before `until`, because the last fetch
/// failed, or because the policy was fetched and then replaced by that of another id.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::*;
///
/// # let now = UnixTime::from_secs(1_700_000_000);
/// let until = now.saturating_add(Duration::from_secs(300));
/// let back_off = BackOff { id: "1".parse()?, until };
/// let entry = CacheUpdate::BackOff { back_off, requested_at: now }.apply_to(None, now);
///
/// // The record still has that id: its Policy Host is left alone.
/// let domain = PolicyDomain::parse("example.com")?;
/// let mut lookup = Lookup::new(domain, Purpose::Deliver, entry.as_ref(), now, &LookupConfig::new());
/// let rrs = [b"v=STSv1; id=1"];
/// lookup.handle_input(Input::txt(&rrs, Duration::from_secs(300)), now)?;
/// let Output::Done(outcome) = lookup.poll_output() else { panic!() };
/// assert_eq!(outcome.no_policy(), Some(NoPolicy::BackingOff { until }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BackOff {
    /// The id of the record. Another id may be fetched at once.
    pub id: RecordId,
    /// The time from which the policy is fetched again.
    pub until: UnixTime,
}

/// "Wait for a period of five minutes or longer per version ID" (RFC 8461, 3.3).
pub(crate) const MIN_BACK_OFF: Duration = Duration::from_secs(300);

/// The longest back-off that is ever set; one that ends later was written before the clock stepped back.
pub(crate) const MAX_BACK_OFF: Duration = Duration::from_secs(86_400);

/// The time for which an expired policy is kept, in case the clock is corrected.
const KEPT_AFTER_EXPIRY: Duration = Policy::MAX_MAX_AGE;

/// "Once per day" is often enough (RFC 8461, 3.3).
pub(crate) const MAX_REFRESH_INTERVAL: Duration = Duration::from_secs(86_400);

/// A policy with a shorter `max_age` is fetched only when there is mail for its domain.
const MIN_REFRESHED_MAX_AGE: Duration = Duration::from_secs(3600);

/// The change that a lookup makes to the cache. Apply it to the entry that the store holds by then.
///
/// ```
/// use std::collections::HashMap;
/// use mta_sts_core::{CacheEntry, CacheUpdate, PolicyDomain, UnixTime};
///
/// type Store = HashMap<PolicyDomain, CacheEntry>;
///
/// fn remember(store: &mut Store, domain: PolicyDomain, update: &CacheUpdate, now: UnixTime) {
///     let held = store.remove(&domain);
///     if let Some(entry) = update.apply_to(held, now) {
///         store.insert(domain, entry);
///     }
/// }
/// # let now = UnixTime::from_secs(1_700_000_000);
/// # let mut store = Store::new();
/// # remember(&mut store, PolicyDomain::parse("example.com")?, &CacheUpdate::Keep, now);
/// # assert!(store.is_empty());
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
///
/// [`PolicyCache`](crate::PolicyCache) is such a store, bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheUpdate {
    /// Nothing changes.
    Keep,
    /// The record was checked, and the policy stays as it is. DNS alone never extends a policy.
    Checked {
        /// The id of the policy that stays in force.
        id: RecordId,
        /// The time of the check.
        checked_at: UnixTime,
        /// Until this time, deliver without querying DNS.
        until: UnixTime,
    },
    /// The domain has no usable record.
    Absent(Absence),
    /// The policy of this record id could not be fetched.
    BackOff {
        /// The id, and the end of its back-off.
        back_off: BackOff,
        /// The time at which the policy was requested.
        requested_at: UnixTime,
    },
    /// A policy was fetched.
    Store {
        /// The policy in force from now on.
        policy: CachedPolicy,
        /// Until this time, deliver without querying DNS.
        checked_until: UnixTime,
    },
}

impl CacheUpdate {
    /// The entry after this update; `None` if there is nothing left to remember.
    ///
    /// Lookups may end in another order than they began. Therefore an older fetch never replaces a newer one;
    /// information from before the request for a policy neither confirms that policy nor delays its next fetch; and an
    /// absence never hides a policy that is in force.
    ///
    /// So if several processes share a store, the entry may have another policy in force than the outcome of the
    /// lookup: another process has stored one that was requested later. Deliver under that policy.
    pub fn apply_to(&self, entry: Option<CacheEntry>, now: UnixTime) -> Option<CacheEntry> {
        let mut entry = entry.unwrap_or_default();
        entry.forget_past(now);
        match self {
            Self::Checked { id, checked_at, until } => entry.check(id, *checked_at, *until, now),
            Self::Absent(absence) if entry.valid_policy(now).is_none() => entry.absence = Some(*absence),
            Self::Keep | Self::Absent(_) => {}
            Self::BackOff { back_off, requested_at } => entry.back_off(*back_off, *requested_at, now),
            Self::Store { policy, checked_until } => entry.store(policy, *checked_until, now),
        }
        (entry != CacheEntry::default()).then_some(entry)
    }
}

impl CacheEntry {
    /// The policy, if it is in force at this time.
    pub fn valid_policy(&self, now: UnixTime) -> Option<&CachedPolicy> {
        self.policy.as_ref().filter(|policy| policy.is_valid(now))
    }

    /// The policy, expired or not.
    pub const fn policy(&self) -> Option<&CachedPolicy> {
        self.policy.as_ref()
    }

    /// The time until which the record need not be queried again.
    pub const fn checked_until(&self) -> UnixTime {
        self.checked_until
    }

    /// The remembered absence of a usable record.
    pub const fn absence(&self) -> Option<Absence> {
        self.absence
    }

    /// The record ids in back-off, at most [`CacheEntry::MAX_BACK_OFFS`]: their fetch failed, or another id appeared
    /// soon after it.
    pub fn back_offs(&self) -> &[BackOff] {
        &self.back_offs
    }

    /// The number of fetches that have failed since the policy was fetched.
    pub const fn fetch_failures(&self) -> u32 {
        self.fetch_failures
    }

    /// An entry that holds only a policy.
    pub(crate) const fn of_policy(policy: CachedPolicy, checked_until: UnixTime) -> Self {
        Self { policy: Some(policy), checked_until, absence: None, back_offs: Vec::new(), fetch_failures: 0 }
    }

    /// An entry without a policy, with these back-offs.
    pub(crate) const fn of_back_offs(back_offs: Vec<BackOff>) -> Self {
        Self {
            policy: None,
            checked_until: UnixTime::from_secs(0),
            absence: None,
            back_offs,
            fetch_failures: 0,
        }
    }

    /// Replaces its policy with a shared copy of the same policy.
    pub(crate) fn share_policy(&mut self, shared: &Policy) {
        if let Some(own) = self.policy.as_mut().filter(|own| own.policy == *shared) {
            own.policy = shared.clone();
        }
    }

    /// The maximum number of record ids in back-off. It is more than one, for a domain whose name servers disagree, and
    /// small, since whoever answers DNS can make up ids.
    // Meets S104.
    pub const MAX_BACK_OFFS: usize = 4;

    fn forget_past(&mut self, now: UnixTime) {
        self.back_offs.retain(|back_off| back_off.until > now);
        self.absence = self.absence.filter(|absence| absence.until > now);
        let is_long_expired =
            |policy: &CachedPolicy| now > policy.expires_at().saturating_add(KEPT_AFTER_EXPIRY);
        if self.policy.as_ref().is_none_or(is_long_expired) {
            self.policy = None;
            self.checked_until = UnixTime::default();
            self.fetch_failures = 0;
        }
    }

    fn check(&mut self, id: &RecordId, checked_at: UnixTime, until: UnixTime, now: UnixTime) {
        if self.valid_policy(now).is_some_and(|policy| policy.id == *id && !policy.is_after(checked_at, now))
        {
            self.checked_until = until;
        }
    }

    fn back_off(&mut self, mut new: BackOff, requested_at: UnixTime, now: UnixTime) {
        self.absence = None;
        let is_later = self.policy.as_ref().is_some_and(|policy| policy.is_after(requested_at, now));
        // Within one second the order is unknown; the host has responded.
        if self
            .policy
            .as_ref()
            .is_some_and(|policy| policy.id == new.id && (is_later || policy.fetched_at == requested_at))
        {
            return;
        }
        if let Some(policy) = self.valid_policy(now) {
            let remaining = policy.expires_at().saturating_since(now);
            new.until = new.until.min(now.saturating_add(longest_back_off(remaining)));
            if !is_later {
                self.fetch_failures = self.fetch_failures.saturating_add(1);
            }
        }
        self.remember(new);
    }

    fn remember(&mut self, new: BackOff) {
        self.back_offs.retain(|back_off| back_off.id != new.id);
        if self.back_offs.len() == Self::MAX_BACK_OFFS {
            let first = self.back_offs.iter().enumerate().min_by_key(|(_, back_off)| back_off.until);
            if let Some((first, _)) = first {
                self.back_offs.remove(first);
            }
        }
        self.back_offs.push(new);
    }

    fn store(&mut self, new: &CachedPolicy, checked_until: UnixTime, now: UnixTime) {
        let is_late = self.policy.as_ref().is_some_and(|old| old.is_after(new.fetched_at, now));
        let superseded = if is_late {
            Some(new.clone())
        } else {
            self.back_offs.retain(|back_off| back_off.id != new.id);
            self.absence = None;
            self.fetch_failures = 0;
            self.checked_until = checked_until;
            let longest = longest_back_off(new.expires_at().saturating_since(now));
            for back_off in &mut self.back_offs {
                back_off.until = back_off.until.min(now.saturating_add(longest));
            }
            self.policy.replace(new.clone()).filter(|old| old.is_valid(now))
        };
        if let Some(superseded) = superseded {
            self.leave_alone(&superseded, now);
        }
    }

    /// If name servers disagree, the id of a replaced policy appears again at once. Its host is queried for it no more
    /// often than if the fetch had failed (RFC 8461, 3.3), as long as the other policy protects the mail.
    fn leave_alone(&mut self, superseded: &CachedPolicy, now: UnixTime) {
        let Some(kept) = self.policy.as_ref().filter(|kept| kept.id != superseded.id) else { return };
        let until = superseded.fetched_at.saturating_add(MIN_BACK_OFF).min(kept.expires_at());
        if superseded.fetched_at <= now && until > now {
            self.remember(BackOff { id: superseded.id, until });
        }
    }
}

impl CachedPolicy {
    /// A policy that was requested at this time, for a record that had this id before the fetch.
    pub const fn new(policy: Policy, id: RecordId, fetched_at: UnixTime) -> Self {
        Self { policy, id, fetched_at }
    }

    /// The policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The id of the record as seen before the fetch: if the record has changed in the meantime, its new id leads to
    /// another fetch.
    pub const fn id(&self) -> &RecordId {
        &self.id
    }

    /// The time at which the policy was requested. The response may have been delayed, and is no newer for that.
    pub const fn fetched_at(&self) -> UnixTime {
        self.fetched_at
    }

    /// Returns whether the policy was requested after this time. A fetch time in the future of `now` is from before the
    /// clock stepped back: it is not newer.
    ///
    /// [`CacheUpdate::apply_to`] uses it. It is for stores that choose between two policies themselves.
    pub fn is_after(&self, time: UnixTime, now: UnixTime) -> bool {
        self.fetched_at > time && self.fetched_at <= now
    }

    /// The last second in which the policy is in force: `max_age` after the fetch
    /// (RFC 8461, 3.2 and 5.1).
    // Meets S41.
    pub fn expires_at(&self) -> UnixTime {
        self.fetched_at.saturating_add(self.policy.max_age())
    }

    /// ```
    /// use core::time::Duration;
    /// use mta_sts_core::{CachedPolicy, Policy, UnixTime};
    ///
    /// # let stored_at = UnixTime::from_secs(1_700_000_000);
    /// let policy = Policy::parse(b"version: STSv1\nmode: none\nmax_age: 604800\n")?;
    /// let cached = CachedPolicy::new(policy, "1".parse()?, stored_at);
    ///
    /// // A number of this domain's own, drawn once and kept, so that not all are due at the same time.
    /// let spread = 0x9e37_79b9_7f4a_7c15;
    /// let due = cached.refresh_at(spread, stored_at).expect("a policy of a week is refreshed");
    /// let day = Duration::from_secs(86_400);
    /// assert!(due <= stored_at.saturating_add(day) && due >= stored_at.saturating_add(day * 3 / 4));
    ///
    /// // Whatever becomes of refreshes: one that has lapsed is fetched when there is mail for it.
    /// let lapsed_at = cached.expires_at().saturating_add(Duration::from_secs(1));
    /// assert_eq!(cached.refresh_at(spread, lapsed_at), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The time at which the policy should be fetched again, while it still protects mail (RFC 8461, 3.3 and 10.2), for
    /// users of a store of their own: run a [`Lookup`](crate::Lookup) with
    /// [`Purpose::Refresh`](crate::Purpose::Refresh) then. [`PolicyCache`](crate::PolicyCache) uses the same schedule.
    ///
    /// This is a day after the request, or half of `max_age` if that is shorter, and up to a quarter of that earlier:
    /// `spread` may be any number and says how much earlier, with 0 for not at all. `None` if `max_age` is less than an
    /// hour or the policy has expired: it is then fetched when there is mail for its domain.
    ///
    /// A fetch time in the future is from before the clock stepped back, and counts as `now`. So the result is never
    /// more than a day after `now`: if a time that you stored is, it is also from before the clock stepped back, and
    /// the policy is due.
    ///
    /// While refreshes fail, the policy stays due. Wait for
    /// [`PolicyCache::RETRY_INTERVAL`](crate::PolicyCache::RETRY_INTERVAL) before the next refresh; the lookup itself
    /// contacts no Policy Host before the back-off of the id ends.
    // Meets S58, S82.
    pub fn refresh_at(&self, spread: u64, now: UnixTime) -> Option<UnixTime> {
        let max_age = self.policy.max_age();
        if max_age < MIN_REFRESHED_MAX_AGE || !self.is_valid(now) {
            return None;
        }
        let interval = (max_age / 2).min(MAX_REFRESH_INTERVAL).as_secs();
        let earlier = spread % (interval / 4 + 1);
        Some(self.fetched_at.min(now).saturating_add(Duration::from_secs(interval - earlier)))
    }

    /// Returns whether the policy is in force. If the fetch time lies in the future, since the clock stepped back, its
    /// age is zero.
    // Meets S81, A16, C15, C16.
    pub fn is_valid(&self, now: UnixTime) -> bool {
        now.saturating_since(self.fetched_at) <= self.policy.max_age()
    }
}

/// The longest back-off of an id while another policy with this remaining life protects mail.
fn longest_back_off(remaining: Duration) -> Duration {
    (remaining / 2).max(MIN_BACK_OFF)
}

/// The saved form: a first line with the version, header lines, an empty line, and the policy as received.
///
/// ```text
/// mta-sts-entry 2
/// domain: example.com
/// checked-until: 1700000300
/// back-off: 20240102 1700000900
/// id: 20240101
/// fetched-at: 1700000000
/// policy-length: 76
///
/// version: STSv1
/// ...
/// ```
///
/// Each header line appears at most once, except that `back-off` appears once for each record id. Version 1, which is
/// read and no longer written, has no `domain`.
impl CacheEntry {
    /// The entry of this domain as text, identical in every store and every language.
    pub fn to_text(&self, domain: &PolicyDomain) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_headers(domain, &mut text);
        text.push('\n');
        if let Some(policy) = &self.policy {
            text.push_str(policy.policy.text());
        }
        text
    }

    fn write_headers(&self, domain: &PolicyDomain, text: &mut String) -> core::fmt::Result {
        writeln!(text, "{FIRST_LINE}")?;
        writeln!(text, "domain: {domain}")?;
        if self.checked_until != UnixTime::default() {
            writeln!(text, "checked-until: {}", self.checked_until)?;
        }
        if self.fetch_failures != 0 {
            writeln!(text, "fetch-failures: {}", self.fetch_failures)?;
        }
        if let Some(absence) = self.absence {
            writeln!(text, "absent: {} {}", absence.reason.code(), absence.until)?;
        }
        for back_off in &self.back_offs {
            writeln!(text, "back-off: {} {}", back_off.id, back_off.until)?;
        }
        if let Some(policy) = &self.policy {
            writeln!(text, "id: {}", policy.id)?;
            writeln!(text, "fetched-at: {}", policy.fetched_at)?;
            writeln!(text, "policy-length: {}", policy.policy.text().len())?;
        }
        Ok(())
    }

    /// Parses the entry of this domain.
    ///
    /// A text of version 1 has no domain: it is accepted for any domain.
    ///
    /// # Errors
    ///
    /// Returns how the text differs from the output of [`CacheEntry::to_text`] for this domain: it is truncated,
    /// damaged, of a future version, or of another domain. Continue as if nothing were remembered.
    pub fn parse(text: &[u8], domain: &PolicyDomain) -> Result<Self, EntryError> {
        SavedText { text, line: 0, offset: 0 }.read(domain)
    }
}

const FIRST_LINE: &str = "mta-sts-entry 2";
const FIRST_LINE_WITHOUT_DOMAIN: &str = "mta-sts-entry 1";

/// The state of parsing a saved entry.
struct SavedText<'a> {
    text: &'a [u8],
    // The last line read, and the offset after it.
    line: u32,
    offset: usize,
}

impl<'a> SavedText<'a> {
    fn read(mut self, domain: &PolicyDomain) -> Result<CacheEntry, EntryError> {
        let names_domain = match self.next_line() {
            Some(line) if line == FIRST_LINE.as_bytes() => true,
            Some(line) if line == FIRST_LINE_WITHOUT_DOMAIN.as_bytes() => false,
            Some(line) if line.starts_with(b"mta-sts-entry ") => {
                return Err(EntryError::at(EntryErrorKind::UnknownVersion, 1, 0));
            }
            _ => return Err(EntryError::at(EntryErrorKind::NotAnEntry, 1, 0)),
        };
        if names_domain {
            self.domain(domain)?;
        }
        let mut entry = CacheEntry::default();
        let (mut checked_until, mut fetch_failures) = (None, None);
        let (mut id, mut fetched_at, mut policy_len) = (None, None, None);
        loop {
            let start = self.offset;
            let line = self.header_line()?;
            if line.is_empty() {
                break;
            }
            let bad = || EntryError::at(EntryErrorKind::BadHeader, self.line, start);
            let line = core::str::from_utf8(line).map_err(|_| bad())?;
            let (name, value) = line.split_once(": ").ok_or_else(bad)?;
            let is_new = match name {
                "checked-until" => checked_until.replace(time(value).ok_or_else(bad)?).is_none(),
                "fetch-failures" => fetch_failures.replace(number(value).ok_or_else(bad)?).is_none(),
                "absent" => entry.absence.replace(absence(value).ok_or_else(bad)?).is_none(),
                "back-off" => {
                    let back_off = back_off(value).ok_or_else(bad)?;
                    let is_new = entry.back_offs.iter().all(|known| known.id != back_off.id);
                    if is_new && entry.back_offs.len() == CacheEntry::MAX_BACK_OFFS {
                        return Err(bad());
                    }
                    entry.back_offs.push(back_off);
                    is_new
                }
                "id" => id.replace(value.parse().map_err(|_| bad())?).is_none(),
                "fetched-at" => fetched_at.replace(time(value).ok_or_else(bad)?).is_none(),
                "policy-length" => policy_len.replace(number(value).ok_or_else(bad)?).is_none(),
                "domain" if names_domain => false,
                _ => return Err(bad()),
            };
            if !is_new {
                return Err(EntryError::at(EntryErrorKind::DuplicateHeader, self.line, start));
            }
        }
        entry.checked_until = checked_until.unwrap_or_default();
        entry.fetch_failures = fetch_failures.unwrap_or_default();
        entry.policy = match (id, fetched_at, policy_len) {
            (Some(id), Some(fetched_at), Some(len)) => {
                Some(CachedPolicy::new(self.policy(len)?, id, fetched_at))
            }
            (None, None, None) => {
                self.end(self.offset)?;
                None
            }
            _ => return Err(EntryError::at(EntryErrorKind::Incomplete, self.line, self.offset)),
        };
        Ok(entry)
    }

    /// Reads the domain of the entry, before anything else in it.
    fn domain(&mut self, domain: &PolicyDomain) -> Result<(), EntryError> {
        let start = self.offset;
        let kind = match self.header_line()?.strip_prefix(b"domain: ") {
            Some(named) if named == domain.as_str().as_bytes() => return Ok(()),
            Some(_) => EntryErrorKind::OtherDomain,
            None => EntryErrorKind::Incomplete,
        };
        Err(EntryError::at(kind, self.line, start))
    }

    fn header_line(&mut self) -> Result<&'a [u8], EntryError> {
        let truncated = EntryError::at(EntryErrorKind::Truncated, self.line, self.text.len());
        self.next_line().ok_or(truncated)
    }

    fn next_line(&mut self) -> Option<&'a [u8]> {
        let rest = &self.text[self.offset..];
        let end = rest.iter().position(|octet| *octet == b'\n')?;
        self.line = self.line.saturating_add(1);
        self.offset += end + 1;
        Some(&rest[..end])
    }

    fn policy(&self, len: usize) -> Result<Policy, EntryError> {
        let at_policy = self.line.saturating_add(1);
        let Some(body) = self.text[self.offset..].get(..len) else {
            return Err(EntryError::at(EntryErrorKind::Truncated, at_policy, self.text.len()));
        };
        self.end(self.offset + len)?;
        Policy::parse(body).map_err(|error| {
            let line = self.line.saturating_add(error.line());
            EntryError::at(EntryErrorKind::InvalidPolicy, line, self.offset + error.offset())
        })
    }

    fn end(&self, offset: usize) -> Result<(), EntryError> {
        if offset == self.text.len() {
            return Ok(());
        }
        Err(EntryError::at(EntryErrorKind::TrailingBytes, self.line.saturating_add(1), offset))
    }
}

/// Parses digits only: `FromStr` would accept a plus sign too, and the entry would not be written back the same.
fn number<N: FromStr>(value: &str) -> Option<N> {
    value.bytes().all(|octet| octet.is_ascii_digit()).then(|| value.parse().ok()).flatten()
}

fn time(value: &str) -> Option<UnixTime> {
    number(value).map(UnixTime::from_secs)
}

fn absence(value: &str) -> Option<Absence> {
    let (reason, until) = value.split_once(' ')?;
    Some(Absence { reason: RecordErrorKind::from_code(reason)?, until: time(until)? })
}

fn back_off(value: &str) -> Option<BackOff> {
    let (id, until) = value.split_once(' ')?;
    Some(BackOff { id: id.parse().ok()?, until: time(until)? })
}
