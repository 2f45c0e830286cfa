//! The changes of a tally that a store saves, so that a restart loses little.
//!
//! A row is a line of the saved form. It belongs to a day and a domain, or to the day itself: that row lists the
//! domains whose reports are done and that were removed. A change is recorded with the number of the next save; a
//! completed save clears the changes up to its number. So a failed save is made up for by the next one, and a repeated
//! save writes the same rows again.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{ALLOCATION, Place, Tally, start_of};
use crate::name::PolicyDomain;
use crate::order;
use crate::time::UnixTime;

impl Tally {
    /// The changes since the last save reported to [`Tally::handle_saved`]: for a store with a row for each domain of a
    /// day.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// use mta_sts_core::tlsrpt::{ReportSender, Tally, TallyChange, TallyConfig};
    ///
    /// # let sender = ReportSender::new("tls-reports@sender.example", "Sender Inc.")?;
    /// # let config = TallyConfig::new(7, sender);
    /// # let mut tally = Tally::new(config.clone());
    /// # let domain = mta_sts_core::PolicyDomain::parse("example.com")?;
    /// # tally.note_report_mail(&domain, mta_sts_core::UnixTime::from_secs(1_700_000_000));
    /// // A table of a database, for example, with day and domain as its key.
    /// let mut rows = BTreeMap::new();
    ///
    /// // Every few seconds, and before a report is sent: all in one transaction.
    /// let changes = tally.changes();
    /// let mark = changes.mark();
    /// for change in changes {
    ///     match change {
    ///         TallyChange::Clear => rows.clear(),
    ///         TallyChange::DeleteDay { day } => rows.retain(|(of, _), _| *of != day),
    ///         TallyChange::Delete { day, domain } => drop(rows.remove(&(day, domain))),
    ///         TallyChange::Upsert { day, domain, line } => drop(rows.insert((day, domain), line)),
    ///     }
    /// }
    /// // When the transaction has been committed:
    /// tally.handle_saved(mark);
    /// assert_eq!(tally.changes().len(), 0);
    ///
    /// // After a restart:
    /// let text: String = [Tally::FIRST_LINE].into_iter().chain(rows.values().map(|line| &**line)).collect();
    /// let loaded = Tally::parse(text.as_bytes(), config)?;
    /// assert_eq!(loaded.to_text(), tally.to_text());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// They are a consistent snapshot, and must be written in order and atomically: then a killed process loses only
    /// later events, and counts nothing twice. If a save fails, do nothing: its changes are part of the next. Until the
    /// first save has succeeded, and after [`Tally::parse`], the changes are all rows, starting with
    /// [`TallyChange::Clear`], so that the store holds the same as this tally.
    ///
    /// Save after [`Tally::poll_report`] and before sending the report: then a process that is killed in between sends
    /// the same report again, with its `report-id`.
    pub fn changes(&mut self) -> TallyChanges<'_> {
        let changed = self.changed.get_or_insert_with(Changed::new);
        let mark = TallyMark(changed.next);
        changed.next += 1;
        let rows = if changed.is_saved { self.changed_rows() } else { self.all_rows() };
        TallyChanges { tally: self, mark, rows: rows.into_iter() }
    }

    /// Records that all changes up to this mark are saved.
    pub fn handle_saved(&mut self, mark: TallyMark) {
        let Some(changed) = &mut self.changed else { return };
        self.octets -= changed.forget_until(mark);
    }

    /// Records that a domain has to be saved.
    pub(super) fn note_change(&mut self, place: Place) {
        let Some(changed) = &mut self.changed else { return };
        let Some(domain) = self.days.get_mut(&place.day).and_then(|day| day.get_mut(place.slot)) else {
            return;
        };
        if domain.changed != changed.next {
            domain.changed = changed.next;
            changed.domains.insert(place, changed.next);
        }
    }

    /// All rows, in the order of the saved form.
    pub(super) fn all_rows(&self) -> Vec<Row<'_>> {
        let mut rows = vec![Row::All];
        for (day, domains) in &self.days {
            if !domains.reported.is_empty() {
                rows.push(Row::Reported(*day));
            }
            let first = rows.len();
            let kept = domains.occupied().filter(|(_, domain)| domain.is_worth_keeping());
            rows.extend(kept.map(|(slot, domain)| Row::Domain(Place { day: *day, slot }, &domain.name)));
            order::sort_by(&mut rows[first..], |one, other| one.key().cmp(&other.key()));
        }
        rows
    }

    fn changed_rows(&self) -> Vec<Row<'_>> {
        let Some(changed) = &self.changed else { return Vec::new() };
        let mut rows: Vec<_> = changed.days.keys().map(|day| Row::Day(*day)).collect();
        let first = rows.len();
        let domains = changed.domains.keys();
        rows.extend(domains.filter_map(|place| Some(Row::Domain(*place, &self.domain(*place)?.name))));
        let gone = changed.gone.iter().flat_map(|(day, names)| names.keys().map(|name| (*day, name)));
        rows.extend(gone.map(|(day, name)| Row::Gone(day, name)));
        order::sort_by(&mut rows[first..], |one, other| one.key().cmp(&other.key()));
        rows
    }

    pub(super) fn change_of(&self, row: &Row<'_>) -> TallyChange {
        let (day, domain) = row.key();
        let line = match row {
            Row::All => return TallyChange::Clear,
            Row::Day(day) => return TallyChange::DeleteDay { day: start_of(*day) },
            Row::Reported(day) => self.line_of_reported(*day),
            Row::Domain(place, _) => self.line_of(*place),
            Row::Gone(day, name) => self.line_of_gone(*day, name),
        };
        let (day, domain) = (start_of(day), domain.into());
        match line {
            Some(line) => TallyChange::Upsert { day, domain, line },
            None => TallyChange::Delete { day, domain },
        }
    }
}

/// A change that a store has to make in order to hold the same as a tally; from [`Tally::changes`].
///
/// The key of a row is its day, given as its first second, and its domain. The domain may be empty: that is the row of
/// the day itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TallyChange {
    /// Deletes all rows.
    Clear,
    /// Deletes the rows of a day.
    DeleteDay {
        /// The first second of the day.
        day: UnixTime,
    },
    /// Writes a row, replacing the one with this key.
    Upsert {
        /// The first second of its day.
        day: UnixTime,
        /// Its domain.
        domain: String,
        /// A line of [`Tally::to_text`], with its line feed.
        line: String,
    },
    /// Deletes a row, if there is one.
    Delete {
        /// The first second of its day.
        day: UnixTime,
        /// Its domain.
        domain: String,
    },
}

/// The changes of a tally, in the order in which they have to be made. From [`Tally::changes`].
#[derive(Debug)]
pub struct TallyChanges<'a> {
    tally: &'a Tally,
    mark: TallyMark,
    rows: vec::IntoIter<Row<'a>>,
}

impl TallyChanges<'_> {
    /// The mark to pass to [`Tally::handle_saved`] after saving.
    pub const fn mark(&self) -> TallyMark {
        self.mark
    }
}

impl Iterator for TallyChanges<'_> {
    type Item = TallyChange;

    fn next(&mut self) -> Option<TallyChange> {
        self.rows.next().map(|row| self.tally.change_of(&row))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl ExactSizeIterator for TallyChanges<'_> {}

/// A position in the changes of a tally, up to which a store has saved. From [`TallyChanges::mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TallyMark(u64);

/// The row that a change is about.
#[derive(Debug)]
pub(super) enum Row<'a> {
    All,
    Day(u32),
    Reported(u32),
    Domain(Place, &'a PolicyDomain),
    Gone(u32, &'a PolicyDomain),
}

impl<'a> Row<'a> {
    fn key(&self) -> (u32, &'a str) {
        match self {
            Self::All => (0, ""),
            Self::Day(day) | Self::Reported(day) => (*day, ""),
            Self::Domain(Place { day, .. }, name) | Self::Gone(day, name) => (*day, name.as_str()),
        }
    }
}

/// The rows to be saved, each with the number of the save in which they are due.
#[derive(Debug)]
pub(super) struct Changed {
    // Starting with 1.
    next: u64,
    // Whether the store holds all earlier rows.
    is_saved: bool,
    domains: BTreeMap<Place, u64>,
    gone: BTreeMap<u32, BTreeMap<PolicyDomain, u64>>,
    days: BTreeMap<u32, u64>,
}

impl Changed {
    const fn new() -> Self {
        Self {
            next: 1,
            is_saved: false,
            domains: BTreeMap::new(),
            gone: BTreeMap::new(),
            days: BTreeMap::new(),
        }
    }

    /// Records that a domain was removed; returns the octets that this takes.
    pub(super) fn leave(&mut self, place: Place, name: PolicyDomain) -> usize {
        self.domains.remove(&place);
        let octets = octets_of_gone(&name);
        match self.gone.entry(place.day).or_default().insert(name, self.next) {
            None => octets,
            Some(_) => 0,
        }
    }

    /// Records that a domain that may have been removed is back; returns the octets that this frees.
    pub(super) fn come(&mut self, day: u32, name: &PolicyDomain) -> usize {
        let Some(names) = self.gone.get_mut(&day) else { return 0 };
        names.remove(name).map_or(0, |_| octets_of_gone(name))
    }

    /// Records that a day was removed; returns the octets that this frees.
    pub(super) fn drop_day(&mut self, day: u32) -> usize {
        let of_day: Vec<_> = self
            .domains
            .range(Place { day, slot: 0 }..=Place { day, slot: u32::MAX })
            .map(|(place, _)| *place)
            .collect();
        for place in of_day {
            self.domains.remove(&place);
        }
        self.days.insert(day, self.next);
        self.gone.remove(&day).map_or(0, |names| names.keys().map(octets_of_gone).sum())
    }

    /// Clears the saved changes; returns the octets that this frees.
    fn forget_until(&mut self, mark: TallyMark) -> usize {
        self.is_saved = true;
        let is_later = |save: &u64| *save > mark.0;
        self.domains.retain(|_, save| is_later(save));
        self.days.retain(|_, save| is_later(save));
        let mut freed = 0;
        self.gone.retain(|_, names| {
            names.retain(|name, save| {
                freed += if is_later(save) { 0 } else { octets_of_gone(name) };
                is_later(save)
            });
            !names.is_empty()
        });
        freed
    }
}

/// The octets for recording that a domain has to be saved, with a map that is half empty.
pub(super) const OCTETS_CHANGED: usize = 2 * size_of::<(Place, u64)>();

fn octets_of_gone(name: &PolicyDomain) -> usize {
    2 * size_of::<(PolicyDomain, u64)>() + name.as_str().len() + ALLOCATION
}
