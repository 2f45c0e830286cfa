//! The thread that saves.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use mta_sts_core::tlsrpt::Tally;
use mta_sts_resolver::{Clock, SystemClock};

use super::database::{Database, Fault};
use super::{Counting, ReportStoreError, Saving, Shared};

/// Saves changes after some seconds.
pub(super) struct Saver {
    shared: Arc<Shared>,
    database: Option<Database>,
}

impl Saver {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, database: None }
    }

    /// Runs until the store is closed and everything is saved, if possible.
    pub(super) fn work(mut self) {
        loop {
            let is_last = self.wait();
            self.shared.saving().begun += 1;
            // What changes from here on is seen by this save, or sets it again.
            self.shared.is_dirty.store(false, Ordering::Release);
            let saved = self.save();
            self.take_note(saved);
            if is_last {
                break;
            }
        }
    }

    /// Waits until it is time to save. Returns whether it is the last time.
    fn wait(&self) -> bool {
        let shared = &self.shared;
        let mut saving = shared.saving();
        let is_urgent = |saving: &Saving| saving.is_wanted || saving.is_closing;
        while !is_urgent(&saving) && !shared.is_dirty.load(Ordering::Acquire) {
            saving = shared.changed.wait(saving).unwrap_or_else(PoisonError::into_inner);
        }
        let waited = shared.changed.wait_timeout_while(saving, INTERVAL, |saving| !is_urgent(saving));
        let mut saving = waited.unwrap_or_else(PoisonError::into_inner).0;
        saving.is_wanted = false;
        saving.is_closing
    }

    fn save(&mut self) -> Result<(), ReportStoreError> {
        let shared = Arc::clone(&self.shared);
        let Some(path) = shared.path.as_deref() else { return Ok(()) };
        let mut saved = self.try_save(path);
        if saved.as_ref().is_err_and(Fault::is_damage) {
            saved = self.mend(path).and_then(|()| self.try_save(path));
        }
        saved.map_err(|fault| {
            let error = fault.into_error(path);
            if !error.kind().is_passing() {
                // Whatever state it is in: it is opened anew.
                self.database = None;
            }
            error
        })
    }

    fn try_save(&mut self, path: &Path) -> Result<(), Fault> {
        let shared = &self.shared;
        if self.database.as_ref().is_some_and(|database| !database.is_at(path)) {
            tracing::error!(path = %path.display(), "the database of counts was gone: it is made anew");
            self.database = None;
            self.begin_anew();
        }
        let database = match &mut self.database {
            Some(database) => database,
            None => self.database.insert(open(shared, path)?),
        };
        let transaction = database.begin()?;
        // Row by row, with the tally held: the datagrams that come meanwhile wait in their queue.
        let saved = {
            let mut counting = shared.counting();
            let changes = counting.tally.changes();
            let mark = changes.mark();
            for change in changes {
                transaction.write(&change)?;
            }
            let parcels = counting.parcels.changes();
            for change in parcels {
                transaction.write_parcel(change)?;
            }
            (mark, parcels.len())
        };
        transaction.commit()?;
        let (mark, parcels) = saved;
        let mut counting = shared.counting();
        counting.tally.handle_saved(mark);
        counting.parcels.handle_saved(parcels);
        Ok(())
    }

    /// Moves a damaged database aside, and continues with a new one.
    fn mend(&mut self, path: &Path) -> Result<(), Fault> {
        self.database = None;
        let damaged = Database::move_aside(path)?;
        let mut saved = 0;
        if self.shared.known_seed().is_some() {
            self.begin_anew();
        } else {
            let (seed, rows) = Database::salvage(&damaged);
            saved = rows.len();
            Database::open(path, seed)?.0.restore(&rows, &damaged)?;
        }
        tracing::error!(
            saved, damaged = %damaged.display(),
            "the database of counts was damaged: it was moved aside and made anew"
        );
        Ok(())
    }

    /// Makes the tally return all of its rows at the next save.
    fn begin_anew(&self) {
        let mut counting = self.shared.counting();
        let Counting { tally, seed, lost_sessions, parcels, .. } = &mut *counting;
        parcels.begin_anew(SystemClock.now());
        // A tally that was read has nothing saved.
        if let Ok(anew) = Tally::parse(tally.to_text().as_bytes(), self.shared.config.of_tally(*seed)) {
            *lost_sessions = lost_sessions.saturating_add(tally.lost_sessions());
            *tally = anew;
        }
    }

    /// Notifies waiting threads, and logs a change of state.
    fn take_note(&self, saved: Result<(), ReportStoreError>) {
        let mut saving = self.shared.saving();
        match (&saved, &saving.last_error) {
            (Err(error), None) => {
                tracing::error!(code = error.code(), %error, "what is counted for reports cannot be saved, and is in memory alone");
            }
            (Ok(()), Some(_)) => tracing::info!("what is counted for reports is saved again"),
            _ => {}
        }
        if saved.is_err() {
            saving.failures += 1;
            self.shared.is_dirty.store(true, Ordering::Release);
        }
        saving.last_error = saved.err();
        saving.done = saving.begun;
        drop(saving);
        self.shared.changed.notify_all();
    }
}

/// Opens the database, and loads into the tally what earlier processes have saved, unless it is loaded.
fn open(shared: &Shared, path: &Path) -> Result<Database, Fault> {
    let (database, seed) = Database::open(path, shared.known_seed())?;
    if shared.known_seed().is_none() {
        let loaded = database.load(&shared.config.of_tally(seed))?;
        let mut counting = shared.counting();
        let saved = database.load_parcels(&counting.parcels.machine)?;
        let Counting { tally, seed: of_tally, is_loaded, parcels, .. } = &mut *counting;
        let counted = std::mem::replace(tally, loaded);
        tally.merge(&counted);
        let before = std::mem::replace(parcels, saved);
        parcels.add(before);
        (*of_tally, *is_loaded) = (seed, true);
    }
    Ok(database)
}

impl Shared {
    /// The seed of the tally, once it is that of a database.
    fn known_seed(&self) -> Option<u64> {
        let counting = self.counting();
        counting.is_loaded.then_some(counting.seed)
    }
}

/// The delay between a change and its save, so that even with a slow disk at most five seconds are lost. What changes often is
/// saved once.
const INTERVAL: Duration = Duration::from_secs(3);
