//! Counts of sessions, and the reports that come of them.
//!
//! # Theory of operation
//!
//! A tally counts events by day of UTC, recipient domain, policy, and what went wrong. When a day is over, it has a
//! report for each domain.
//!
//! **What counts.** A session once under each kind of policy that somebody looked for. A policy that could not be had,
//! as a failed session where none was cached, else as a detail beside the session that follows. In mode testing a
//! session that fails is a failed one, although the mail went out. What never counts: sessions of TLS reports
//! (RFC 8460, 3), and domains whose TLSRPT record is none. Of connections that failed before the host greeted there is
//! no event.
//!
//! **When a report is due.** A day ends for its reports ten minutes after midnight, and up to four hours later, by a
//! hash of the domain under the caller's seed, the report of a domain is due (RFC 8460, 4.1, asks for a delay). So a
//! tally that is loaded anew has the same times, and no stranger can tell them.
//!
//! | event | next |
//! |---|---|
//! | [`Tally::poll_report`] gives the report out | as if its delivery had failed |
//! | the delivery failed | again 5, 15 and 45 minutes, 2, 5 and 15 hours after the one before |
//! | it was delivered, or refused, or the last try failed | what was counted is forgotten |
//!
//! **No report about reports.** A report is mail, whose session another program may count without knowing what it was.
//! So a domain that had nothing but good sessions, no more than reports were mailed to it that day, gets none
//! ([`Tally::note_report_mail`]).
//!
//! **Once each.** When a report is given out, what it says is sealed: it does not change until its delivery has come to
//! an end, and it has the same `report-id` at each try, so that receivers drop what came twice. What is counted for its
//! day meanwhile, by a merge or after the clock stepped back, goes into a report of its own. That a day has had reports is
//! remembered for the four days that are nearest.
//!
//! **The clock.** Events count for the day that the clock shows. After a step back of up to two days they count for the
//! latest day that it has shown; after a longer one that day was none, and what was counted since moves to the day
//! that the clock shows now. A clock that jumps ahead makes reports due early and loses nothing.
//!
//! **Bounds.** Strangers choose domains, policies and names of hosts. A domain beyond [`TallyConfig::with_max_domains`], or
//! beyond the memory, is not counted, which [`Tally::count`] tells; nothing that is counted gives way to it. A policy
//! beyond [`Tally::MAX_POLICIES`] of a domain is counted under its type alone. Failures of more than
//! [`Tally::MAX_DETAILS`] kinds are told with less: without the name that the host gave itself, then without the sending
//! address, the reason, the receiving address, the host. Sessions are counted all the same.
//!
//! # Costs
//!
//! To count takes one look into a hash table keyed by the caller's seed, and comparisons with the few policies and
//! failures of the domain. Reports that are due are found in order, in time logarithmic in their number.

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

/// What is counted of sessions with other domains, and the reports that come of it.
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
/// Whoever delivers asks for the record of the domain anew, and tries all of its URIs; it is delivered once one has
/// taken the report (RFC 8460, 3).
///
/// The methods are of four kinds. [`Tally::octets`] and the like only look. [`Tally::count`], [`Tally::merge`] and
/// [`Tally::note_report_mail`] change what is counted. [`Tally::poll_report`] and [`Tally::poll_timeout`] say what to
/// do and when, and [`Tally::handle_delivery`] is told what came of it.
///
/// It is one value without locks. [`Tally::to_text`] keeps it over a restart, and [`Tally::changes`] what a process that is killed
/// would lose.
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
    // Nothing, until a store asks for it.
    changed: Option<Changed>,
}

/// How much a tally counts, and for whom.
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
    /// 65,536 domains a day in 64 MiB.
    ///
    /// Take the seed from a source of random numbers, keep it to yourself, and keep it over restarts: it keys the hash
    /// of the names, which come from strangers, and sets when the report of a domain is due.
    pub const fn new(seed: u64, sender: ReportSender) -> Self {
        Self { seed, sender, max_domains: 65_536, max_octets: 64 << 20 }
    }

    /// Sets how many recipient domains are counted in a day. Default 65,536; more than 2^31 count as that.
    #[must_use]
    pub const fn with_max_domains(mut self, max_domains: usize) -> Self {
        self.max_domains = max_domains;
        self
    }

    /// Sets how many octets of memory all counts may take. Default 64 MiB.
    ///
    /// A domain that one policy is counted under takes about 600 octets a day, and its policy text comes on top, once
    /// for all domains that share it.
    #[must_use]
    pub const fn with_max_octets(mut self, max_octets: usize) -> Self {
        self.max_octets = max_octets;
        self
    }
}

impl fmt::Debug for TallyConfig {
    /// Everything but the seed, which is a secret.
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
    /// With all that it tells.
    Whole,
    /// As a session; the rest was told with less, for want of room.
    Folded,
    /// Not.
    Not(NotCounted),
}

/// Why an event was not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotCounted {
    /// It is of a message that is itself a TLS report (RFC 8460, 3).
    TlsrptReport,
    /// The domain has no TLSRPT record that asks for reports.
    NoRecord,
    /// The day has as many domains as may be.
    TooManyDomains,
    /// The tally takes as much memory as it may.
    OutOfMemory,
}

impl NotCounted {
    /// The stable kebab-case word of the reason.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TlsrptReport => "tlsrpt-report",
            Self::NoRecord => "no-tlsrpt-record",
            Self::TooManyDomains => "too-many-domains",
            Self::OutOfMemory => "out-of-memory",
        }
    }
}

/// A report that is to be delivered now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DueReport {
    /// What [`Tally::handle_delivery`] is told, to know it by.
    pub id: DueId,
    /// The domain that it is about and goes to.
    pub domain: PolicyDomain,
    /// The TLSRPT record that was seen last, if one was. Ask for it anew: when it is gone, the domain wants no report
    /// ([`ReportDelivery::Refused`]); when DNS cannot tell, this one counts.
    pub record: Option<Box<str>>,
    /// The report.
    pub report: Report,
    /// Which try it is, counted from 1.
    pub attempt: u32,
}

/// Which report it is, over restarts too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DueId {
    day: u32,
    domain: PolicyDomain,
    number: u32,
}

/// What came of the delivery of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportDelivery {
    /// One endpoint has taken it (RFC 8460, 3).
    Delivered,
    /// None has: try again later.
    Failed,
    /// None will: the record is gone, or every endpoint said so for good.
    Refused,
}

impl Tally {
    /// The most policies of a domain that are told apart in a day.
    pub const MAX_POLICIES: usize = 16;

    /// The most kinds of failures that are told apart under a policy.
    pub const MAX_DETAILS: usize = Details::MAX;

    /// A tally that has counted nothing.
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

    /// Adds what another tally has counted and not yet delivered, day by day.
    ///
    /// It may come from another machine, or be what was counted while this one was loaded. A tally that is merged twice
    /// counts twice: take what it has out of it, with `core::mem::replace`, before it is handed over. What has no room
    /// is lost ([`Tally::lost_sessions`]).
    pub fn merge(&mut self, other: &Self) {
        for (day, domains) in &other.days {
            let day = self.day_of_merge(*day);
            for domain in domains.iter() {
                self.merge_domain(day, domain);
            }
        }
    }

    /// Notes that a report was mailed to this domain: not the one that it is about, but that of the address. Call it at
    /// each try.
    // Meets R17.
    pub fn note_report_mail(&mut self, domain: &PolicyDomain, now: UnixTime) {
        self.see(now);
        if let Ok(place) = self.place(self.open_day, domain, None) {
            if let Some(domain) = self.domain_mut(place) {
                domain.report_mails = domain.report_mails.saturating_add(1);
            }
        }
    }

    /// The next report that is due, if one is.
    ///
    /// It is due again, as if the delivery had failed, unless [`Tally::handle_delivery`] says what came of it.
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

    /// When the next report is due, or was.
    pub fn poll_timeout(&self) -> Option<UnixTime> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes note of what came of a delivery. Returns when it is to be tried again, which
    /// [`Tally::poll_report`] will say; [`None`] where that is never.
    ///
    /// A report that is not known any more changes nothing.
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

    /// Whether nothing waits to be reported.
    pub fn is_empty(&self) -> bool {
        self.days.values().all(|day| day.waiting == 0)
    }

    /// How many domains have been counted on the day of this time.
    pub fn domains(&self, day: UnixTime) -> usize {
        self.days.get(&day_of(day)).map_or(0, Day::len)
    }

    /// The octets that all counts take in memory; never more than [`TallyConfig::with_max_octets`].
    pub const fn octets(&self) -> usize {
        self.octets
    }

    /// How many sessions were lost because a merge, or a clock that was set right, found no room for them.
    pub const fn lost_sessions(&self) -> u64 {
        self.lost_sessions
    }

    /// Takes note of the time.
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

    /// The clock has been far ahead: what was counted then is of today, and what is to be tried again is now.
    #[cold]
    fn set_clock_right(&mut self, today: u32, now: UnixTime) {
        self.open_day = today;
        let later: Vec<_> = self.days.range(today.saturating_add(1)..).map(|(day, _)| *day).collect();
        for day in later {
            // In the order of the names, as after a restart: where there is not room for all, the same are lost.
            let mut slots: Vec<_> = self.days.get(&day).into_iter().flat_map(Day::occupied).collect();
            order::sort_by(&mut slots, |one, other| one.1.name.cmp(&other.1.name));
            let slots: Vec<_> = slots.into_iter().map(|(slot, _)| slot).collect();
            for slot in slots {
                let place = Place { day, slot };
                let Some(domain) = self.domain_mut(place) else { continue };
                let moved = DomainDay {
                    report_mails: core::mem::take(&mut domain.report_mails),
                    counts: core::mem::take(&mut domain.counts),
                    record: domain.record.clone(),
                    ..DomainDay::new(domain.name.clone(), None)
                };
                self.set_due(place);
                self.leave(place);
                if moved.counts.is_empty() && moved.report_mails == 0 {
                    continue;
                }
                // Before the same is added elsewhere: so it takes no more room than there is.
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

    /// Which day of this tally a day of another is: its clock may be far ahead.
    fn day_of_merge(&self, day: u32) -> u32 {
        let is_far_ahead = self.open_day != 0 && day.saturating_sub(self.open_day) > MAX_STEP_BACK;
        if is_far_ahead { self.open_day } else { day }
    }

    /// Adds what is counted of a domain, sealed or not, to a day of this tally.
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

    /// The place of a domain on a day, which it takes if it has none.
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

    /// Remembers the record of a domain that was seen last.
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
        // Without room the one before stays, which is as good until the report is due.
        if taken <= room.saturating_add(freed) {
            domain.record = Some(record.into());
            self.octets = self.octets - freed + taken;
        }
        Ok(())
    }

    fn set_record_if_none(&mut self, place: Place, record: &str) {
        if self.domain_mut(place).is_some_and(|domain| domain.record.is_none()) {
            // That of another tally was looked at when it was counted.
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

    /// Makes what is counted of a domain ready to be given out, unless it is; returns whether there is anything.
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

    /// Gives the sealed report of a domain out once more; forgets it after the last try.
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

    /// Puts a domain where it belongs in the order of what is due.
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

    /// As [`Tally::set_due`], and forgets what nothing waits of any more.
    fn settle(&mut self, place: Place) {
        self.set_due(place);
        self.leave(place);
        if self.days.get(&place.day).is_some_and(|day| day.waiting == 0) {
            self.drop_days();
        }
    }

    /// Forgets a domain on a day that is over, unless something waits; but for the number of its next report, should
    /// something come late.
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

    /// Drops the days that nothing waits of, but the nearest to the open one.
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

    /// The octets that may still be taken.
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
    // Of the domains that are gone, by the hash of the name, the number of the next report.
    reported: BTreeMap<u64, u32>,
    // How many domains have something to report.
    waiting: usize,
}

impl Day {
    fn find(&self, name: &PolicyDomain, hash: u64) -> Option<u32> {
        let is_of =
            |slot: &u32| self.slots[*slot as usize].as_ref().is_some_and(|domain| domain.name == *name);
        self.by_name.find(hash, is_of).copied()
    }

    /// Whether a domain is there whose name has this hash. The table compares a part of it alone.
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

    /// How many domains have been counted.
    fn len(&self) -> usize {
        self.by_name.len() + self.reported.len()
    }
}

/// What is counted of a domain on a day.
struct DomainDay {
    name: PolicyDomain,
    record: Option<Box<str>>,
    report_mails: u64,
    // The number of its next report of this day.
    next_number: u32,
    counts: Vec<PolicyCounts>,
    sealed: Option<Box<Sealed>>,
    // Where it stands in the order of what is due.
    due_at: Option<UnixTime>,
    // The number of the save before which it has changed last.
    changed: u64,
}

/// A report that is given out until its delivery has come to an end.
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

    /// Where a policy is counted, or all of its type where there is no room for it; and the octets that it takes in
    /// addition.
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

    /// Begins to count under a policy; returns its index, and the octets that it takes.
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
        // One policy is the rule.
        self.counts.reserve_exact(1);
        self.counts.push(PolicyCounts::new(text, policy.domain.cloned()));
        Some((self.counts.len() - 1, octets + shared))
    }

    /// Whether all that was counted may be sessions of the reports that were mailed to it.
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

    /// The octets that it takes in memory, what is counted apart: with its places in the tables, which may have grown
    /// to twice what they hold, and with what it takes to give its report out.
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

/// Where a domain of a day stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    day: u32,
    slot: u32,
}

/// What is to be counted under a policy.
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

/// The most that an id of a report has besides its two domains: a date, a number, and what stands between.
const REST_OF_ID: usize = 32;

/// The most octets that an id of a report has.
fn longest_id(name: &PolicyDomain, submitter: &PolicyDomain) -> usize {
    name.as_str().len() + submitter.as_str().len() + REST_OF_ID
}

/// What an allocator keeps beside each piece of memory.
const ALLOCATION: usize = 16;

/// How many days a clock may step back, for what is counted to stay on the latest day.
const MAX_STEP_BACK: u32 = 2;

/// How long after midnight a day ends for its reports: what other machines have counted comes in until then.
const CLOSED_AFTER: u64 = 600;

/// How many days that have been reported are remembered, for what comes late of them.
const REMEMBERED_DAYS: usize = 4;

/// What it takes in memory to remember the number of a domain's next report.
const OCTETS_REPORTED: usize = 32;

/// The longest delay of a report (RFC 8460, 4.1).
const MAX_DELAY: u64 = 14_400;

/// How long after each try the next is, the last within 24 hours of the first (RFC 8460, 5.5).
const RETRIES: [u64; 6] = [5 * 60, 15 * 60, 45 * 60, 2 * 3600, 5 * 3600, 15 * 3600];

const LONGEST_RETRY: Duration = Duration::from_secs(RETRIES[RETRIES.len() - 1]);

const MAX_ATTEMPTS: u32 = 7;

fn retry_after(attempts: u32) -> Option<Duration> {
    let before = usize::try_from(attempts).ok()?.checked_sub(1)?;
    RETRIES.get(before).copied().map(Duration::from_secs)
}

/// The `report-id` of a report: its day, its domain, and a hash of the rest.
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
    // A day that RFC 3339 has no date for is written as a number.
    let time = datetime::format(start_of(day));
    let date =
        time.as_ref().map_or_else(|| day.to_string(), |time| time.chars().take(10).collect::<String>());
    format!("{date}.{name}.{:016x}@{}", hasher.finish(), config.sender.submitter()).into()
}

/// When the report of a domain is due first.
fn first_due(hasher: &SipHasher13, day: u32, name: &PolicyDomain) -> UnixTime {
    let delay = 1 + hasher.hash(format!("{day} {name}").as_bytes()) % MAX_DELAY;
    start_of(day).saturating_add(Duration::from_secs(DAY + CLOSED_AFTER + delay))
}

/// Days since 1970-01-01; the last that is counted is in the year 11,761,191.
fn day_of(time: UnixTime) -> u32 {
    u32::try_from(time.as_secs() / DAY).unwrap_or(u32::MAX)
}

const fn start_of(day: u32) -> UnixTime {
    UnixTime::from_secs(day as u64 * DAY)
}

/// Of a list that has no more than 2^31.
fn slot_number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn asks_for_reports(record: &str) -> bool {
    TlsrptRecord::parse(record.as_bytes()).is_ok()
}

fn octets_of_record(record: Option<&str>) -> usize {
    record.map_or(0, |record| record.len() + ALLOCATION)
}
