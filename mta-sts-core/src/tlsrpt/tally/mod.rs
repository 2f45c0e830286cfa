//! Counts sessions, and makes reports from the counts.
//!
//! # Theory of operation
//!
//! A tally counts events by day of UTC, recipient domain, policy, and failure. When a day is over, there is a report
//! for each domain.
//!
//! **What is counted.** A session counts once under each type of policy that was checked. A failed policy discovery
//! counts as a failed session if no policy was cached, otherwise as a detail of the following session. In mode testing,
//! a session with a failure counts as failed, although the mail was delivered. Never counted are sessions of TLS
//! reports (RFC 8460, 3), and domains without a valid TLSRPT record. A connection that failed before the greeting has
//! no event.
//!
//! **When a report is due.** A day closes ten minutes after midnight, and the report of a domain is due up to four
//! hours later, at a time determined by a hash of the domain under the caller's seed (RFC 8460, 4.1, requires a delay).
//! So the times stay the same after a restart, and nobody else can predict them.
//!
//! | event | next |
//! |---|---|
//! | [`Tally::poll_report`] gives the report out | as if its delivery had failed |
//! | the delivery failed | again 5, 15 and 45 minutes, 2, 5 and 15 hours after the one before |
//! | it was delivered, or refused, or the last try failed | what was counted is forgotten |
//!
//! **No reports about reports.** A report is a mail, whose session another program may count without knowing what it
//! was. So a domain that only had successful sessions, and no more than reports were mailed to it that day, gets none
//! ([`Tally::note_report_mail`]).
//!
//! **Exactly once.** A report that is handed out is sealed: it does not change until its delivery is finished, and it
//! has the same `report-id` in each attempt, so that receivers can drop duplicates. What is counted for its day in the
//! meantime, by a merge or after the clock stepped back, goes into another report. The tally remembers which reports it
//! has made for the four nearest days.
//!
//! **The clock.** Events count for the day of the clock. After a step back of up to two days they count for the latest
//! day seen; after a larger one that day is considered wrong, and what was counted since is moved to the clock's
//! current day. A clock that jumps ahead makes reports due early and loses nothing.
//!
//! **Bounds.** Attackers can choose domains, policies, and host names. A domain beyond
//! [`TallyConfig::with_max_domains`], or beyond the memory, is not counted, and [`Tally::count`] says so; nothing
//! counted is ever evicted for it. A policy beyond [`Tally::MAX_POLICIES`] of a domain is counted under its type alone.
//! Failures of more than [`Tally::MAX_DETAILS`] kinds lose detail: first the name that the host gives itself, then the
//! sending address, the reason, the receiving address, the host. Sessions are counted all the same.
//!
//! # Costs
//!
//! Counting takes one lookup in a hash table keyed by the caller's seed, and comparisons with the few policies and
//! failures of the domain. Due reports are found in order, in time logarithmic in their number.

mod changes;
mod details;
mod policy_counts;
mod text;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use self::changes::{Changed, OCTETS_CHANGED};
use self::details::{Details, Fold, Kept};
use self::policy_counts::{PolicyCounts, PolicyText, PolicyTexts, octets_of_name};
use super::event::{Event, EventPolicy, Failure, SessionEnd};
use super::{Report, ReportPeriod, ReportSender, TlsrptRecord, datetime};
use crate::name::PolicyDomain;
use crate::order;
use crate::time::UnixTime;

pub use self::changes::{TallyChange, TallyChanges, TallyMark};

/// The counts of sessions with other domains, and the reports made from them.
///
/// ```
/// use mta_sts_core::tlsrpt::*;
/// use mta_sts_core::{PolicyDomain, UnixTime};
///
/// # let seed = 7;
/// # let datagram = br#"{"d":"example.com","pr":"v=TLSRPTv1; rua=mailto:tls@example.com","policies":[
/// #     {"policy-type":9,"policy-domain":"example.com","t":0,"f":0}]}"#;
/// # let now = UnixTime::from_secs(1_700_000_000);
/// # fn deliver(_: &DueReport) -> ReportDelivery { ReportDelivery::Delivered }
/// let sender = ReportSender::new("tls-reports@sender.example", "Sender Inc.")?;
/// let mut tally = Tally::new(TallyConfig::new(seed, sender));
///
/// // For each datagram of libtlsrpt, or event of a mail server of one's own:
/// for event in Datagram::parse(datagram)?.events() {
///     if let Counted::Not(reason) = tally.count(&event, now) {
///         println!("not counted: {}", reason.code());
///     }
/// }
///
/// // At `poll_timeout` and after each change:
/// # let now = tally.poll_timeout().unwrap();
/// while let Some(due) = tally.poll_report(now) {
///     let end = deliver(&due);
///     tally.handle_delivery(&due.id, end, now);
/// }
/// assert!(tally.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The code that delivers a report looks up the record of the domain again, and tries all of its URIs; the report is
/// delivered when one of them has accepted it (RFC 8460, 3).
///
/// There are four kinds of methods. [`Tally::octets`] and the like only read. [`Tally::count`], [`Tally::merge`], and
/// [`Tally::note_report_mail`] change the counts. [`Tally::poll_report`] and [`Tally::poll_timeout`] say what to do and
/// when, and [`Tally::handle_delivery`] takes the result.
///
/// It is a single value without locks. [`Tally::to_text`] saves it for a restart, and [`Tally::changes`] what a killed
/// process would lose.
pub struct Tally {
    config: TallyConfig,
    hasher: SipHasher13,
    days: BTreeMap<u32, Day>,
    // The latest day that the clock has shown.
    open_day: u32,
    due: BTreeSet<(UnixTime, Place)>,
    texts: PolicyTexts,
    octets: usize,
    lost_sessions: u64,
    // `None` until a store asks for it.
    changed: Option<Changed>,
}

/// The bounds of a tally, and the sender of its reports.
///
/// ```
/// use mta_sts_core::tlsrpt::{ReportSender, Tally, TallyConfig};
///
/// # let seed = 7;
/// let sender = ReportSender::new("tls-reports@sender.example", "Sender Inc.")?;
/// let config = TallyConfig::new(seed, sender).with_max_domains(1_000_000).with_max_octets(1 << 30);
/// let tally = Tally::new(config);
/// assert!(tally.is_empty());
/// # Ok::<(), mta_sts_core::tlsrpt::ReportSenderError>(())
/// ```
#[derive(Clone)]
pub struct TallyConfig {
    seed: u64,
    sender: ReportSender,
    max_domains: usize,
    max_octets: usize,
}

impl TallyConfig {
    /// The defaults: 65,536 domains a day in 64 MiB.
    ///
    /// Take the seed from a source of random numbers, keep it secret, and keep it across restarts: it keys the hash of
    /// the names, which attackers choose, and determines when the report of a domain is due.
    pub const fn new(seed: u64, sender: ReportSender) -> Self {
        Self { seed, sender, max_domains: 65_536, max_octets: 64 << 20 }
    }

    /// Sets the maximum number of recipient domains in a day. Default: 65,536; more than 2^31 counts as 2^31.
    #[must_use]
    pub const fn with_max_domains(mut self, max_domains: usize) -> Self {
        self.max_domains = max_domains;
        self
    }

    /// Sets the maximum memory of all counts, in octets. Default: 64 MiB.
    ///
    /// A domain with one policy takes about 600 octets a day; the text of its policy comes on top, once for all domains
    /// that share it.
    #[must_use]
    pub const fn with_max_octets(mut self, max_octets: usize) -> Self {
        self.max_octets = max_octets;
        self
    }
}

impl fmt::Debug for TallyConfig {
    /// The seed is omitted: it must not leak.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TallyConfig")
            .field("sender", &self.sender)
            .field("max_domains", &self.max_domains)
            .field("max_octets", &self.max_octets)
            .finish_non_exhaustive()
    }
}

/// Whether an event was counted.
///
/// ```
/// use mta_sts_core::tlsrpt::{Counted, NotCounted};
///
/// let counted = Counted::Not(NotCounted::TooManyDomains);
/// // For a metric of what the tally did not have room for:
/// let is_lost = matches!(counted, Counted::Not(NotCounted::TooManyDomains | NotCounted::OutOfMemory));
/// # assert!(is_lost);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Counted with all details.
    Whole,
    /// Counted as a session, with less detail for lack of room.
    Folded,
    /// Not counted.
    Not(NotCounted),
}

/// The reason why an event was not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotCounted {
    /// The message was itself a TLS report (RFC 8460, 3).
    TlsrptReport,
    /// The domain has no TLSRPT record that asks for reports.
    NoRecord,
    /// The day has the maximum number of domains.
    TooManyDomains,
    /// The tally takes the maximum amount of memory.
    OutOfMemory,
}

impl NotCounted {
    /// The stable code of the reason: a kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TlsrptReport => "tlsrpt-report",
            Self::NoRecord => "no-tlsrpt-record",
            Self::TooManyDomains => "too-many-domains",
            Self::OutOfMemory => "out-of-memory",
        }
    }
}

/// A report to be delivered now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DueReport {
    /// Identifies the report for [`Tally::handle_delivery`].
    pub id: DueId,
    /// The domain that the report is about and goes to.
    pub domain: PolicyDomain,
    /// The last TLSRPT record seen, if there was one. Look it up again: if it is gone, the domain wants no report
    /// ([`ReportDelivery::Refused`]); if DNS fails, use this one.
    pub record: Option<Box<str>>,
    /// The report.
    pub report: Report,
    /// The number of the attempt, counted from 1.
    pub attempt: u32,
}

/// The identity of a report, also across restarts: its day and domain, and its number among the reports about both.
///
/// ```
/// use mta_sts_core::tlsrpt::DueId;
/// use mta_sts_core::{PolicyDomain, UnixTime};
///
/// # let domain = PolicyDomain::parse("example.com")?;
/// # let id = DueId::new(domain, UnixTime::from_secs(1_700_000_000), 0);
/// // A queue in another process stores the three, and makes it anew.
/// let again = DueId::new(id.domain().clone(), id.day(), id.number());
/// assert_eq!(again, id);
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DueId {
    day: u32,
    domain: PolicyDomain,
    number: u32,
}

impl DueId {
    /// The identity of the report with this number about a domain and the UTC day that contains a time.
    pub fn new(domain: PolicyDomain, day: UnixTime, number: u32) -> Self {
        Self { day: day_of(day), domain, number }
    }

    /// The domain that the report is about.
    pub const fn domain(&self) -> &PolicyDomain {
        &self.domain
    }

    /// The first second of the day that the report is about.
    pub const fn day(&self) -> UnixTime {
        start_of(self.day)
    }

    /// The number of the report among those about this domain and day, counted from 0.
    pub const fn number(&self) -> u32 {
        self.number
    }
}

/// The result of the delivery of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportDelivery {
    /// One destination has accepted it (RFC 8460, 3).
    Delivered,
    /// None has: try again later.
    Failed,
    /// None will: the record is gone, or every destination refused permanently.
    Refused,
}

impl Tally {
    /// The maximum number of policies of a domain that are distinguished in a day.
    pub const MAX_POLICIES: usize = 16;

    /// The maximum number of kinds of failures that are distinguished under a policy.
    pub const MAX_DETAILS: usize = Details::MAX;

    /// An empty tally.
    pub fn new(config: TallyConfig) -> Self {
        let hasher = |purpose| SipHasher13::new_with_keys(config.seed, purpose);
        Self {
            hasher: hasher(HASH_OF_NAME),
            texts: PolicyTexts::new(hasher(HASH_OF_POLICY)),
            days: BTreeMap::new(),
            open_day: 0,
            due: BTreeSet::new(),
            octets: 0,
            lost_sessions: 0,
            changed: None,
            config,
        }
    }

    /// Counts an event.
    // Meets R17, R27, R28, R31, R32, R33, A36.
    pub fn count(&mut self, event: &Event<'_>, now: UnixTime) -> Counted {
        if event.is_of_tlsrpt_report {
            return Counted::Not(NotCounted::TlsrptReport);
        }
        self.see(now);
        let place = match self.place(self.open_day, event.domain, event.record) {
            Ok(place) => place,
            Err(reason) => return Counted::Not(reason),
        };
        let addition = Addition {
            policy: event.policy,
            successes: (event.session == Some(SessionEnd::Success)).into(),
            failures: (event.session == Some(SessionEnd::Failure)).into(),
            fold: Fold::Nothing,
        };
        match self.add(place, &addition, event.failures().map(|failure| (failure, 1))) {
            Ok(Kept::Whole) => Counted::Whole,
            Ok(Kept::Folded) => Counted::Folded,
            Err(reason) => Counted::Not(reason),
        }
    }

    /// Adds the undelivered counts of another tally, day by day.
    ///
    /// It may come from another machine, or have been counted while this one was loaded. Merging a tally twice counts
    /// twice: take its contents, with `core::mem::replace`, before handing it over. What does not fit is lost
    /// ([`Tally::lost_sessions`]).
    pub fn merge(&mut self, other: &Self) {
        for (day, domains) in &other.days {
            let day = self.day_of_merge(*day);
            for domain in domains.iter() {
                self.merge_domain(day, domain);
            }
        }
    }

    /// Removes the counts of the days before today, and returns them: for another machine, which merges them.
    ///
    /// What was handed out by [`Tally::poll_report`] stays until its delivery is finished. Nothing is counted for these days any more, unless
    /// the clock steps back.
    ///
    /// ```
    /// # use mta_sts_core::tlsrpt::{ReportSender, Tally, TallyConfig};
    /// # use mta_sts_core::UnixTime;
    /// # let sender = ReportSender::new("tls-reports@sender.example", "Sender Inc.")?;
    /// # let (mut tally, mut other) = (Tally::new(TallyConfig::new(7, sender.clone())), Tally::new(TallyConfig::new(8, sender)));
    /// # let now = UnixTime::from_secs(1_700_000_000);
    /// let finished = tally.take_finished_days(now);
    /// // On the machine that sends the reports:
    /// other.merge(&finished);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "the counts are in the returned tally alone"]
    pub fn take_finished_days(&mut self, now: UnixTime) -> Self {
        self.see(now);
        let mut finished = Self::new(self.config.clone());
        let days: Vec<_> = self.days.range(..self.open_day).map(|(day, _)| *day).collect();
        for day in days {
            let of_day = self.days.get(&day).into_iter().flat_map(Day::occupied);
            let slots: Vec<_> =
                of_day.filter(|(_, domain)| !domain.counts.is_empty()).map(|(slot, _)| slot).collect();
            for slot in slots {
                if let Some(moved) = self.take_open(Place { day, slot }) {
                    finished.merge_domain(day, &moved);
                    self.release(moved.counts);
                }
            }
        }
        self.drop_days();
        finished
    }

    /// Records that a report was mailed to this domain: that of the address, not the one that the report is about. Call
    /// it for each attempt.
    // Meets R17.
    pub fn note_report_mail(&mut self, domain: &PolicyDomain, now: UnixTime) {
        self.see(now);
        if let Ok(place) = self.place(self.open_day, domain, None) {
            if let Some(domain) = self.domain_mut(place) {
                domain.report_mails = domain.report_mails.saturating_add(1);
            }
        }
    }

    /// The next due report, if there is one.
    ///
    /// It becomes due again, as after a failed delivery, unless [`Tally::handle_delivery`] is called with the result.
    // Meets R27, R29, R30, R31, R50, A39.
    pub fn poll_report(&mut self, now: UnixTime) -> Option<DueReport> {
        self.see(now);
        loop {
            let (_, place) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
            if !self.seal(place) {
                continue;
            }
            let due = self.attempt(place, now);
            self.settle(place);
            if due.is_some() {
                return due;
            }
        }
    }

    /// The time at which the next report is due, which may be in the past.
    pub fn poll_timeout(&self) -> Option<UnixTime> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the result of a delivery. Returns when it will be retried by [`Tally::poll_report`]; `None` for never.
    ///
    /// An unknown report changes nothing.
    // Meets R13, R81, R82.
    pub fn handle_delivery(&mut self, id: &DueId, end: ReportDelivery, now: UnixTime) -> Option<UnixTime> {
        self.see(now);
        let slot =
            self.days.get(&id.day)?.find(&id.domain, self.hasher.hash(id.domain.as_str().as_bytes()))?;
        let place = Place { day: id.day, slot };
        let domain = self.domain_mut(place)?;
        let sealed = domain.sealed.as_mut().filter(|sealed| sealed.number == id.number)?;
        let retry_in = match end {
            ReportDelivery::Failed => retry_after(sealed.attempts),
            ReportDelivery::Delivered | ReportDelivery::Refused => None,
        };
        let retry_at = retry_in.map(|span| now.saturating_add(span));
        match retry_at {
            Some(at) => sealed.due_at = at,
            None => self.forget_sealed(place),
        }
        self.settle(place);
        retry_at
    }

    /// Returns whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.days.values().all(|day| day.waiting == 0)
    }

    /// The number of domains counted on the day of this time.
    pub fn domains(&self, day: UnixTime) -> usize {
        self.days.get(&day_of(day)).map_or(0, Day::len)
    }

    /// The memory of all counts, in octets; never more than [`TallyConfig::with_max_octets`].
    pub const fn octets(&self) -> usize {
        self.octets
    }

    /// The number of sessions lost because there was no room for them in a merge, or after the clock was corrected.
    pub const fn lost_sessions(&self) -> u64 {
        self.lost_sessions
    }

    /// Takes the current time.
    fn see(&mut self, now: UnixTime) {
        let today = day_of(now);
        if today == self.open_day {
            return;
        }
        if self.open_day.saturating_sub(today) > MAX_STEP_BACK {
            self.set_clock_right(today, now);
        } else if today > self.open_day {
            self.open_day = today;
            self.drop_days();
        }
    }

    /// Handles a clock that was far ahead: what was counted then is moved to today, and retries are due now.
    #[cold]
    fn set_clock_right(&mut self, today: u32, now: UnixTime) {
        self.open_day = today;
        let later: Vec<_> = self.days.range(today.saturating_add(1)..).map(|(day, _)| *day).collect();
        for day in later {
            // In the order of names, as after a restart: if not all fit, the same ones are lost.
            let mut slots: Vec<_> = self.days.get(&day).into_iter().flat_map(Day::occupied).collect();
            order::sort_by(&mut slots, |one, other| one.1.name.cmp(&other.1.name));
            let slots: Vec<_> = slots.into_iter().map(|(slot, _)| slot).collect();
            for slot in slots {
                let place = Place { day, slot };
                let Some(moved) = self.take_open(place) else { continue };
                // Before the same is added elsewhere: so it takes no more memory than there is.
                self.octets -= moved.counts.iter().map(PolicyCounts::octets).sum::<usize>();
                self.merge_domain(today, &moved);
                for counts in moved.counts {
                    self.octets -= self.texts.release(&counts.text);
                }
            }
        }
        let latest = now.saturating_add(LONGEST_RETRY);
        let too_late: Vec<_> =
            self.due.iter().rev().take_while(|(at, _)| *at > latest).map(|(_, place)| *place).collect();
        for place in too_late {
            if let Some(sealed) = self.domain_mut(place).and_then(|domain| domain.sealed.as_mut()) {
                sealed.due_at = now;
                self.set_due(place);
            }
        }
        self.drop_days();
    }

    /// Removes what is counted of a domain and not sealed. The octets of the returned counts are still those of this tally.
    fn take_open(&mut self, place: Place) -> Option<DomainDay> {
        let domain = self.domain_mut(place)?;
        let moved = DomainDay {
            report_mails: core::mem::take(&mut domain.report_mails),
            counts: core::mem::take(&mut domain.counts),
            record: domain.record.clone(),
            ..DomainDay::new(domain.name.clone(), None)
        };
        self.set_due(place);
        self.leave(place);
        (!moved.counts.is_empty() || moved.report_mails > 0).then_some(moved)
    }

    /// The day of this tally that corresponds to a day of another one, whose clock may be far ahead.
    fn day_of_merge(&self, day: u32) -> u32 {
        let is_far_ahead = self.open_day != 0 && day.saturating_sub(self.open_day) > MAX_STEP_BACK;
        if is_far_ahead { self.open_day } else { day }
    }

    /// Adds the counts of a domain, sealed or not, to a day of this tally.
    fn merge_domain(&mut self, day: u32, domain: &DomainDay) {
        let sessions = |counts: &[PolicyCounts]| {
            counts.iter().fold(0_u64, |sum, counts| {
                sum.saturating_add(counts.successes).saturating_add(counts.failures)
            })
        };
        let sealed = domain.sealed.as_deref().map_or(&[][..], |sealed| &sealed.counts);
        let Ok(place) = self.place(day, &domain.name, None) else {
            self.lost_sessions =
                self.lost_sessions.saturating_add(sessions(&domain.counts)).saturating_add(sessions(sealed));
            return;
        };
        if let Some(record) = &domain.record {
            self.set_record_if_none(place, record);
        }
        if let Some(own) = self.domain_mut(place) {
            own.report_mails = own.report_mails.saturating_add(domain.report_mails);
            own.next_number = own.next_number.max(domain.next_number);
        }
        for counts in domain.counts.iter().chain(sealed) {
            let addition = Addition {
                policy: counts.policy(),
                successes: counts.successes,
                failures: counts.failures,
                fold: counts.details.fold(),
            };
            let failures = counts.details.iter().map(|detail| (detail.as_failure(), detail.count()));
            if self.add(place, &addition, failures).is_err() {
                self.lost_sessions =
                    self.lost_sessions.saturating_add(counts.successes).saturating_add(counts.failures);
            }
        }
    }

    /// The place of a domain on a day, created if necessary.
    fn place(&mut self, day: u32, name: &PolicyDomain, record: Option<&str>) -> Result<Place, NotCounted> {
        let hash = self.hasher.hash(name.as_str().as_bytes());
        if let Some(slot) = self.days.get(&day).and_then(|day| day.find(name, hash)) {
            let place = Place { day, slot };
            if let Some(record) = record {
                self.set_record(place, record)?;
            }
            self.note_change(place);
            return Ok(place);
        }
        if record.is_some_and(|record| !asks_for_reports(record)) {
            return Err(NotCounted::NoRecord);
        }
        let mut domain = Box::new(DomainDay::new(name.clone(), record.map(Into::into)));
        let octets = domain.octets(self.config.sender.submitter());
        let (known, reported) =
            self.days.get(&day).map_or((0, None), |day| (day.len(), day.reported.get(&hash).copied()));
        if known >= self.config.max_domains.min(1 << 31) && reported.is_none() {
            return Err(NotCounted::TooManyDomains);
        }
        if octets > self.room() {
            return Err(NotCounted::OutOfMemory);
        }
        self.octets += octets;
        self.octets -= self.changed.as_mut().map_or(0, |changed| changed.come(day, name));
        let Day { by_name, slots, vacant, reported: gone, .. } = self.days.entry(day).or_default();
        if let Some(number) = reported {
            domain.next_number = number;
            gone.remove(&hash);
            self.octets -= OCTETS_REPORTED;
        }
        let slot = vacant.pop().unwrap_or_else(|| {
            slots.push(None);
            slot_number(slots.len() - 1)
        });
        slots[slot as usize] = Some(domain);
        by_name.insert_unique(hash, slot, |slot| {
            slots[*slot as usize]
                .as_ref()
                .map_or(0, |domain| self.hasher.hash(domain.name.as_str().as_bytes()))
        });
        let place = Place { day, slot };
        self.note_change(place);
        Ok(place)
    }

    /// Remembers the latest record of a domain.
    fn set_record(&mut self, place: Place, record: &str) -> Result<(), NotCounted> {
        let room = self.room();
        let Some(domain) = self.domain_mut(place) else { return Ok(()) };
        let before = domain.record.as_deref();
        if before == Some(record) {
            return Ok(());
        }
        if !asks_for_reports(record) {
            return Err(NotCounted::NoRecord);
        }
        let (freed, taken) = (octets_of_record(before), octets_of_record(Some(record)));
        // Without room the previous one is kept, which is good enough until the report is due.
        if taken <= room.saturating_add(freed) {
            domain.record = Some(record.into());
            self.octets = self.octets - freed + taken;
        }
        Ok(())
    }

    fn set_record_if_none(&mut self, place: Place, record: &str) {
        if self.domain_mut(place).is_some_and(|domain| domain.record.is_none()) {
            // That of another tally was checked when it was counted.
            let _ = self.set_record(place, record);
        }
    }

    /// Counts sessions and failures under a policy.
    fn add<'a>(
        &mut self,
        place: Place,
        addition: &Addition<'_>,
        failures: impl Iterator<Item = (Failure<'a>, u64)>,
    ) -> Result<Kept, NotCounted> {
        let room = self.room();
        let Self { days, texts, octets, .. } = self;
        let Some(day) = days.get_mut(&place.day) else { return Ok(Kept::Whole) };
        let Some(domain) = day.get_mut(place.slot) else { return Ok(Kept::Whole) };
        let was_waiting = domain.is_waiting();
        let (index, taken, mut kept) =
            domain.place_of(&addition.policy, texts, room).ok_or(NotCounted::OutOfMemory)?;
        *octets += taken;
        let counts = &mut domain.counts[index];
        counts.successes = counts.successes.saturating_add(addition.successes);
        counts.failures = counts.failures.saturating_add(addition.failures);
        let mut failures = failures.peekable();
        if failures.peek().is_some() || addition.fold != counts.details.fold() {
            let before = counts.details.octets();
            counts.details.fold_to(addition.fold);
            for (failure, count) in failures {
                let taken = counts.details.octets().saturating_sub(before);
                let room = self.config.max_octets.saturating_sub(*octets + taken);
                kept = kept.max(counts.details.add(failure, count, room));
            }
            *octets = *octets - before + counts.details.octets();
        }
        if !was_waiting {
            self.set_due(place);
        }
        Ok(kept)
    }

    /// Seals the counts of a domain, unless they are sealed; returns whether there is anything to report.
    fn seal(&mut self, place: Place) -> bool {
        let config = self.config.clone();
        let Some(domain) = self.domain_mut(place) else { return false };
        if domain.sealed.is_some() {
            return true;
        }
        let is_of_reports = domain.is_of_reports_alone();
        let counts = core::mem::take(&mut domain.counts);
        if is_of_reports {
            let sessions = counts.iter().fold(0_u64, |sum, counts| sum.saturating_add(counts.successes));
            domain.report_mails -= sessions;
            self.release(counts);
            self.settle(place);
            return false;
        }
        let number = domain.next_number;
        domain.next_number = number.saturating_add(1);
        let id = report_id(&config, place.day, &domain.name, number, &counts);
        let due_at = UnixTime::default();
        domain.sealed = Some(Box::new(Sealed { number, id, attempts: 0, due_at, counts }));
        true
    }

    /// Hands out the sealed report of a domain once more; removes it after the last attempt.
    fn attempt(&mut self, place: Place, now: UnixTime) -> Option<DueReport> {
        let sender = self.config.sender.clone();
        let domain = self.domain_mut(place)?;
        let sealed = domain.sealed.as_mut()?;
        if sealed.attempts >= MAX_ATTEMPTS {
            self.forget_sealed(place);
            return None;
        }
        sealed.attempts += 1;
        sealed.due_at = now.saturating_add(retry_after(sealed.attempts).unwrap_or(LONGEST_RETRY));
        let period = ReportPeriod::of_day(start_of(place.day));
        let report = Report::new(sender.organization(), sender.contact(), sealed.id.clone(), period);
        let mut policies: Vec<_> = sealed.counts.iter().map(|counts| counts.reported(&domain.name)).collect();
        order::sort(&mut policies);
        Some(DueReport {
            id: DueId { day: place.day, domain: domain.name.clone(), number: sealed.number },
            domain: domain.name.clone(),
            record: domain.record.clone(),
            report: policies.into_iter().fold(report, Report::with_policy),
            attempt: sealed.attempts,
        })
    }

    fn forget_sealed(&mut self, place: Place) {
        let Some(sealed) = self.domain_mut(place).and_then(|domain| domain.sealed.take()) else { return };
        self.release(sealed.counts);
    }

    fn release(&mut self, counts: Vec<PolicyCounts>) {
        for counts in counts {
            self.octets -= counts.octets();
            self.octets -= self.texts.release(&counts.text);
        }
    }

    /// Updates the position of a domain in the order of due reports.
    fn set_due(&mut self, place: Place) {
        self.note_change(place);
        let hasher = SipHasher13::new_with_keys(self.config.seed, HASH_FOR_DELAY);
        let Some(day) = self.days.get_mut(&place.day) else { return };
        let Some(domain) = day.get_mut(place.slot) else { return };
        let due_at = match &domain.sealed {
            Some(sealed) => Some(sealed.due_at),
            None if domain.counts.is_empty() => None,
            None => Some(first_due(&hasher, place.day, &domain.name)),
        };
        if let Some(before) = core::mem::replace(&mut domain.due_at, due_at) {
            self.due.remove(&(before, place));
            day.waiting -= 1;
        }
        if let Some(at) = due_at {
            self.due.insert((at, place));
            day.waiting += 1;
        }
    }

    /// The same as [`Tally::set_due`], and removes what is no longer needed.
    fn settle(&mut self, place: Place) {
        self.set_due(place);
        self.leave(place);
        if self.days.get(&place.day).is_some_and(|day| day.waiting == 0) {
            self.drop_days();
        }
    }

    /// Removes a domain of a past day, unless something is pending; the number of its next report is kept, in case of
    /// late counts.
    fn leave(&mut self, place: Place) {
        let Self { days, octets, open_day, config, hasher, changed, .. } = self;
        if place.day == *open_day {
            return;
        }
        let Some(day) = days.get_mut(&place.day) else { return };
        let Some(domain) = day
            .slots
            .get_mut(place.slot as usize)
            .and_then(|slot| slot.take_if(|domain| !domain.is_waiting()))
        else {
            return;
        };
        let hash = hasher.hash(domain.name.as_str().as_bytes());
        if let Ok(entry) = day.by_name.find_entry(hash, |slot| *slot == place.slot) {
            entry.remove();
        }
        day.vacant.push(place.slot);
        *octets -= domain.octets(config.sender.submitter());
        if domain.next_number > 0 {
            day.reported.insert(hash, domain.next_number);
            *octets += OCTETS_REPORTED;
        }
        if let Some(changed) = changed {
            *octets += changed.leave(place, domain.name);
        }
    }

    /// Removes the days without pending reports, except the nearest ones.
    fn drop_days(&mut self) {
        let Self { days, octets, open_day, config, changed, .. } = self;
        let is_over =
            |(day, of): (&u32, &Day)| (day != open_day && of.waiting == 0).then(|| day.abs_diff(*open_day));
        let mut distances: Vec<_> = days.iter().filter_map(is_over).collect();
        if distances.len() <= REMEMBERED_DAYS {
            return;
        }
        distances.sort_unstable();
        let furthest = distances[REMEMBERED_DAYS - 1];
        days.retain(|number, day| {
            let is_kept = day.waiting > 0 || number.abs_diff(*open_day) <= furthest;
            if !is_kept {
                let submitter = config.sender.submitter();
                *octets -= day.iter().map(|domain| domain.octets(submitter)).sum::<usize>();
                *octets -= day.reported.len() * OCTETS_REPORTED;
                *octets -= changed.as_mut().map_or(0, |changed| changed.drop_day(*number));
            }
            is_kept
        });
    }

    fn domain(&self, place: Place) -> Option<&DomainDay> {
        self.days.get(&place.day)?.slots.get(place.slot as usize)?.as_deref()
    }

    fn domain_mut(&mut self, place: Place) -> Option<&mut DomainDay> {
        self.days.get_mut(&place.day)?.get_mut(place.slot)
    }

    /// The octets that may still be allocated.
    const fn room(&self) -> usize {
        self.config.max_octets.saturating_sub(self.octets)
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tally")
            .field("days", &self.days.len())
            .field("due", &self.due.len())
            .field("octets", &self.octets)
            .finish_non_exhaustive()
    }
}

/// The domains of a day of UTC.
#[derive(Default)]
struct Day {
    by_name: HashTable<u32>,
    slots: Vec<Option<Box<DomainDay>>>,
    vacant: Vec<u32>,
    // For removed domains, by the hash of the name, the number of the next report.
    reported: BTreeMap<u64, u32>,
    // The number of domains with something to report.
    waiting: usize,
}

impl Day {
    fn find(&self, name: &PolicyDomain, hash: u64) -> Option<u32> {
        let is_of =
            |slot: &u32| self.slots[*slot as usize].as_ref().is_some_and(|domain| domain.name == *name);
        self.by_name.find(hash, is_of).copied()
    }

    /// Returns whether there is a domain whose name has this hash. The table alone compares only a part of it.
    fn has(&self, hash: u64, hasher: &SipHasher13) -> bool {
        let is_of = |slot: &u32| {
            let domain = self.slots[*slot as usize].as_ref();
            domain.is_some_and(|domain| hasher.hash(domain.name.as_str().as_bytes()) == hash)
        };
        self.by_name.find(hash, is_of).is_some()
    }

    fn get_mut(&mut self, slot: u32) -> Option<&mut DomainDay> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    fn iter(&self) -> impl Iterator<Item = &DomainDay> {
        self.occupied().map(|(_, domain)| domain)
    }

    fn occupied(&self) -> impl Iterator<Item = (u32, &DomainDay)> {
        (0..).zip(&self.slots).filter_map(|(slot, domain)| Some((slot, domain.as_deref()?)))
    }

    /// The number of counted domains.
    fn len(&self) -> usize {
        self.by_name.len() + self.reported.len()
    }
}

/// The counts of a domain on a day.
struct DomainDay {
    name: PolicyDomain,
    record: Option<Box<str>>,
    report_mails: u64,
    // The number of its next report for this day.
    next_number: u32,
    counts: Vec<PolicyCounts>,
    sealed: Option<Box<Sealed>>,
    // Its position in the order of due reports.
    due_at: Option<UnixTime>,
    // The number of the save before which it last changed.
    changed: u64,
}

/// A report that was handed out, until its delivery is finished.
struct Sealed {
    number: u32,
    id: Box<str>,
    attempts: u32,
    due_at: UnixTime,
    counts: Vec<PolicyCounts>,
}

impl DomainDay {
    const fn new(name: PolicyDomain, record: Option<Box<str>>) -> Self {
        Self {
            name,
            record,
            report_mails: 0,
            next_number: 0,
            counts: Vec::new(),
            sealed: None,
            due_at: None,
            changed: 0,
        }
    }

    const fn is_waiting(&self) -> bool {
        self.due_at.is_some()
    }

    fn index_of(&self, policy: &EventPolicy<'_>) -> Option<usize> {
        self.counts.iter().position(|counts| counts.is_of(policy))
    }

    /// The index of a policy, or of its type if there is no room for it; and the additional octets.
    fn place_of(
        &mut self,
        policy: &EventPolicy<'_>,
        texts: &mut PolicyTexts,
        room: usize,
    ) -> Option<(usize, usize, Kept)> {
        if let Some(index) = self.index_of(policy) {
            return Some((index, 0, Kept::Whole));
        }
        if let Some((index, taken)) = self.add_policy(policy, texts, room) {
            return Some((index, taken, Kept::Whole));
        }
        let bare = EventPolicy::bare(policy.policy_type);
        let (index, taken) =
            self.index_of(&bare).map(|index| (index, 0)).or_else(|| self.add_policy(&bare, texts, room))?;
        Some((index, taken, Kept::Folded))
    }

    /// Adds a policy; returns its index, and the octets that it takes.
    fn add_policy(
        &mut self,
        policy: &EventPolicy<'_>,
        texts: &mut PolicyTexts,
        room: usize,
    ) -> Option<(usize, usize)> {
        let told_apart = self.counts.iter().filter(|counts| !counts.policy().is_bare()).count();
        if told_apart >= Tally::MAX_POLICIES && !policy.is_bare() {
            return None;
        }
        let octets = size_of::<PolicyCounts>() + octets_of_name(policy.domain) + ALLOCATION;
        let (text, shared) = texts.share(PolicyText::of(policy), room.checked_sub(octets)?)?;
        // Usually there is one policy.
        self.counts.reserve_exact(1);
        self.counts.push(PolicyCounts::new(text, policy.domain.cloned()));
        Some((self.counts.len() - 1, octets + shared))
    }

    /// Returns whether everything counted may be sessions of the reports mailed to it.
    fn is_of_reports_alone(&self) -> bool {
        let mut sessions = 0_u64;
        for counts in &self.counts {
            if counts.failures > 0 || !counts.details.is_empty() {
                return false;
            }
            sessions = sessions.saturating_add(counts.successes);
        }
        sessions <= self.report_mails
    }

    /// The memory of the domain without that of its counts, in octets: including its entries in tables, which may be
    /// half empty, and what handing out its report takes.
    fn octets(&self, submitter: &PolicyDomain) -> usize {
        let name = self.name.as_str().len();
        let id = longest_id(&self.name, submitter);
        2 * (size_of::<usize>() + size_of::<(UnixTime, Place)>() + 3 * size_of::<u32>())
            + size_of::<Self>()
            + name
            + octets_of_record(self.record.as_deref())
            + size_of::<Sealed>()
            + id
            + OCTETS_CHANGED
            + 4 * ALLOCATION
    }
}

/// The place of a domain of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    day: u32,
    slot: u32,
}

/// What to count under a policy.
struct Addition<'a> {
    policy: EventPolicy<'a>,
    successes: u64,
    failures: u64,
    fold: Fold,
}

// The second half of the key of each hash.
const HASH_OF_NAME: u64 = 0;
const HASH_OF_POLICY: u64 = 1;
const HASH_FOR_DELAY: u64 = 2;
const HASH_FOR_ID: u64 = 3;

const DAY: u64 = 86_400;

/// The maximum length of a report id without its two domains: a date, a number, and separators.
const REST_OF_ID: usize = 32;

/// The maximum length of a report id, in octets.
fn longest_id(name: &PolicyDomain, submitter: &PolicyDomain) -> usize {
    name.as_str().len() + submitter.as_str().len() + REST_OF_ID
}

/// The overhead of the allocator for each allocation.
const ALLOCATION: usize = 16;

/// The largest step back of a clock, in days, after which events count for the latest day.
const MAX_STEP_BACK: u32 = 2;

/// The time after midnight at which a day is closed for its reports: counts of other machines arrive until then.
const CLOSED_AFTER: u64 = 600;

/// The number of reported days that are remembered, for late counts.
const REMEMBERED_DAYS: usize = 4;

/// The memory for remembering the number of a domain's next report.
const OCTETS_REPORTED: usize = 32;

/// The maximum delay of a report (RFC 8460, 4.1).
const MAX_DELAY: u64 = 14_400;

/// The delay after each attempt; the last attempt is within 24 hours of the first (RFC 8460, 5.5).
const RETRIES: [u64; 6] = [5 * 60, 15 * 60, 45 * 60, 2 * 3600, 5 * 3600, 15 * 3600];

const LONGEST_RETRY: Duration = Duration::from_secs(RETRIES[RETRIES.len() - 1]);

const MAX_ATTEMPTS: u32 = 7;

fn retry_after(attempts: u32) -> Option<Duration> {
    let before = usize::try_from(attempts).ok()?.checked_sub(1)?;
    RETRIES.get(before).copied().map(Duration::from_secs)
}

/// The `report-id`: its day, its domain, and a hash of the rest.
fn report_id(
    config: &TallyConfig,
    day: u32,
    name: &PolicyDomain,
    number: u32,
    counts: &[PolicyCounts],
) -> Box<str> {
    let mut hasher = SipHasher13::new_with_keys(config.seed, HASH_FOR_ID);
    (day, name, number).hash(&mut hasher);
    for counts in counts {
        counts.reported(name).hash(&mut hasher);
    }
    // A day without a date in RFC 3339 is written as a number.
    let time = datetime::format(start_of(day));
    let date =
        time.as_ref().map_or_else(|| day.to_string(), |time| time.chars().take(10).collect::<String>());
    format!("{date}.{name}.{:016x}@{}", hasher.finish(), config.sender.submitter()).into()
}

/// The time at which the report of a domain is first due.
fn first_due(hasher: &SipHasher13, day: u32, name: &PolicyDomain) -> UnixTime {
    let delay = 1 + hasher.hash(format!("{day} {name}").as_bytes()) % MAX_DELAY;
    start_of(day).saturating_add(Duration::from_secs(DAY + CLOSED_AFTER + delay))
}

/// Days since 1970-01-01; the last one is in the year 11,761,191.
fn day_of(time: UnixTime) -> u32 {
    u32::try_from(time.as_secs() / DAY).unwrap_or(u32::MAX)
}

const fn start_of(day: u32) -> UnixTime {
    UnixTime::from_secs(day as u64 * DAY)
}

/// The list has at most 2^31 elements.
fn slot_number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn asks_for_reports(record: &str) -> bool {
    TlsrptRecord::parse(record.as_bytes()).is_ok()
}

fn octets_of_record(record: Option<&str>) -> usize {
    record.map_or(0, |record| record.len() + ALLOCATION)
}
