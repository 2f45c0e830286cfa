//! Counts on their way from one machine of a fleet to another.

use std::collections::{BTreeMap, BTreeSet};

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{Tally, TallyConfig};
use mta_sts_resolver::{LeaseHolder, Parcel};

use super::{ReportStore, ReportStoreError};

impl ReportStore {
    /// The unique name of this machine among those that share a store, drawn once, and kept in the database. [`None`] as long as the
    /// database cannot be read.
    ///
    /// A machine that was copied with its database has the same name: delete the database of the copy.
    pub fn machine(&self) -> Option<String> {
        let counting = self.shared.counting();
        counting.is_loaded.then(|| counting.parcels.machine.clone())
    }

    /// Moves the counts of the days before today into parcels for another machine, as [`Tally::take_finished_days`]. Blocks on disk I/O.
    ///
    /// The counts are in a parcel from now on, and the parcel is kept until [`ReportStore::forget_parcel`]: both are saved in one step.
    ///
    /// # Errors
    ///
    /// This cannot be saved. Leave no parcel anywhere until it is.
    pub fn pack(&self, now: UnixTime) -> Result<(), ReportStoreError> {
        {
            let mut counting = self.shared.counting();
            let finished = counting.tally.take_finished_days(now);
            let text = finished.to_text();
            counting.parcels.pack(&text);
            counting.lost_sessions = counting.lost_sessions.saturating_add(finished.lost_sessions());
        }
        self.save()
    }

    /// The ids of the parcels that have not arrived, as far as is known.
    pub fn parcels(&self) -> Vec<String> {
        self.shared.counting().parcels.outgoing.keys().cloned().collect()
    }

    /// The parcel with this id.
    pub fn parcel(&self, id: &str) -> Option<Parcel> {
        let text = self.shared.counting().parcels.outgoing.get(id)?.clone();
        Some(Parcel { id: id.to_owned(), text })
    }

    /// Removes a parcel that has arrived. It is saved later: a process that is killed before sees again that it has arrived.
    pub fn forget_parcel(&self, id: &str) {
        self.shared.counting().parcels.forget(id);
        self.shared.has_changed();
    }

    /// Adds the counts of a parcel of another machine, or of this one, unless they were added before. Blocks on disk I/O.
    ///
    /// If the contents cannot be read, they are kept in the table `unreadable`.
    ///
    /// # Errors
    ///
    /// This cannot be saved, and the parcel has not arrived. Try again with the same parcel.
    pub fn unpack(&self, parcel: &Parcel, now: UnixTime) -> Result<(), ReportStoreError> {
        {
            let mut counting = self.shared.counting();
            let config = self.shared.config.of_tally(counting.seed);
            if let Some(tally) = counting.parcels.unpack(parcel, config, now) {
                counting.lost_sessions = counting.lost_sessions.saturating_add(tally.lost_sessions());
                counting.tally.merge(&tally);
            }
        }
        self.save()
    }
}

/// The parcels of a store.
#[derive(Debug)]
pub(super) struct ParcelShelf {
    pub(super) machine: String,
    outgoing: BTreeMap<String, String>,
    arrived: BTreeSet<String>,
    /// What is not saved yet, in order.
    changes: Vec<ParcelChange>,
}

/// A change that a database has to make.
#[derive(Clone, Debug)]
pub(super) enum ParcelChange {
    Machine(String),
    Outgoing(String, String),
    Gone(String),
    Arrived(String, UnixTime),
    Unreadable(String),
}

impl ParcelShelf {
    pub(super) const fn new(
        machine: String,
        outgoing: BTreeMap<String, String>,
        arrived: BTreeSet<String>,
    ) -> Self {
        Self { machine, outgoing, arrived, changes: Vec::new() }
    }

    /// Creates an empty shelf, with a new name of the machine that counts until the database has one.
    pub(super) fn unnamed() -> Self {
        Self::new(LeaseHolder::unique().to_string(), BTreeMap::new(), BTreeSet::new())
    }

    /// Puts the lines of a tally into parcels.
    fn pack(&mut self, text: &str) {
        let mut lines = text.split_inclusive('\n').skip(1).peekable();
        while lines.peek().is_some() {
            let mut text = Tally::FIRST_LINE.to_owned();
            while let Some(line) = lines.next_if(|line| {
                text.len() == Tally::FIRST_LINE.len() || text.len() + line.len() <= MAX_OCTETS
            }) {
                text.push_str(line);
            }
            let id = LeaseHolder::unique().to_string();
            self.changes.push(ParcelChange::Outgoing(id.clone(), text.clone()));
            self.outgoing.insert(id, text);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.outgoing.len()
    }

    fn forget(&mut self, id: &str) {
        if self.outgoing.remove(id).is_some() {
            self.changes.push(ParcelChange::Gone(id.to_owned()));
        }
    }

    /// The counts of a parcel, the first time.
    fn unpack(&mut self, parcel: &Parcel, config: TallyConfig, now: UnixTime) -> Option<Tally> {
        if !self.arrived.insert(parcel.id.clone()) {
            return None;
        }
        self.changes.push(ParcelChange::Arrived(parcel.id.clone(), now));
        match Tally::parse(parcel.text.as_bytes(), config) {
            Ok(tally) => Some(tally),
            Err(error) => {
                tracing::error!(
                    parcel = parcel.id, %error,
                    "the counts of another machine cannot be read; they are kept in the table `unreadable`"
                );
                self.changes.push(ParcelChange::Unreadable(parcel.text.clone()));
                None
            }
        }
    }

    /// Adds what was packed and unpacked before the database was read.
    pub(super) fn add(&mut self, before: Self) {
        self.outgoing.extend(before.outgoing);
        self.arrived.extend(before.arrived);
        self.changes.extend(before.changes);
    }

    /// The changes since the last save. They are done in the same step as those of the tally.
    pub(super) fn changes(&self) -> &[ParcelChange] {
        &self.changes
    }

    /// Forgets so many changes, which are saved.
    pub(super) fn handle_saved(&mut self, number: usize) {
        self.changes.drain(..number);
    }

    /// Makes all of it a change, for a new database.
    pub(super) fn begin_anew(&mut self, now: UnixTime) {
        self.changes = [ParcelChange::Machine(self.machine.clone())]
            .into_iter()
            .chain(self.outgoing.iter().map(|(id, text)| ParcelChange::Outgoing(id.clone(), text.clone())))
            .chain(self.arrived.iter().map(|id| ParcelChange::Arrived(id.clone(), now)))
            .collect();
    }
}

/// The size of a parcel: little enough that a shared store answers at once.
const MAX_OCTETS: usize = 256 << 10;
