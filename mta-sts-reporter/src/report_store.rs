//! What is counted, kept over restarts.

mod database;
mod error;
mod saving;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use mta_sts_core::tlsrpt::{
    Counted, DueId, DueReport, Event, ReportDelivery, ReportSender, Tally, TallyConfig,
};
use mta_sts_core::{PolicyDomain, UnixTime};

pub use self::error::{ReportStoreError, ReportStoreErrorKind};
use self::saving::Saver;

/// A [`Tally`] that is kept in an SQLite database, and the reports that are due of it.
///
/// ```
/// use mta_sts_core::UnixTime;
/// use mta_sts_core::tlsrpt::{Datagram, ReportSender};
/// use mta_sts_reporter::{ReportStore, ReportStoreConfig};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("tally.sqlite");
/// # let datagram = br#"{"d":"example.com","pr":"v=TLSRPTv1; rua=mailto:tls@example.com","policies":[
/// #     {"policy-type":9,"policy-domain":"example.com","t":0,"f":0}]}"#;
/// let sender = ReportSender::new("tls-reports@sender.example", "Sender Inc.")?;
/// let store = ReportStore::open(&path, ReportStoreConfig::new(sender))?;
/// let now = UnixTime::from_secs(1_700_000_000);
/// for event in Datagram::parse(datagram)?.events() {
///     store.count(&event, now);
/// }
///
/// // On the next day, whenever it is time: put each report into the queue, whose key is the `report-id` and the address, in one
/// // transaction; then say that they are there. They are delivered after that.
/// let now = store.next_due().unwrap();
/// let reports = store.due(now)?;
/// # assert_eq!(reports.len(), 1);
/// // queue.insert_or_ignore(&reports)?;
/// store.taken(reports.iter().map(|report| &report.id), now)?;
/// assert_eq!(store.next_due(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// **What a kill loses.** What is counted is saved two seconds later, so that a process that is killed loses five seconds of it at the
/// most, and counts nothing twice.
///
/// **Once each.** A report is given out only after what it says is saved: a process that is killed between [`ReportStore::due`] and
/// [`ReportStore::taken`] gives it out again, with the same `report-id`, 5 minutes after the first time. So it is in the queue already, where
/// the queue knows what it was given by `report-id` and address, even of what it has delivered meanwhile. Several reports
/// of one domain and day may come, with a `report-id` each: what came late stands in a second one.
///
/// **Faults.** A disk that is full, a database that another process holds or that is damaged: counting goes on in memory, the log is told
/// once, and all is saved as soon as that is possible. No report is given out meanwhile. A damaged database is moved aside, to a
/// name that ends in `.damaged`, then `.damaged.2` and `.damaged.3`, of which the last gives way. A line that cannot be read stays in the
/// table `unreadable`.
///
/// One process at a time has the file. A second one counts in memory until the first has ended, and takes over then.
///
/// Clones are cheap and share everything. The last of them saves what is not saved at its end.
#[derive(Clone)]
pub struct ReportStore {
    shared: Arc<Shared>,
    _closing: Arc<Closing>,
}

/// Whose reports a [`ReportStore`] has, and how much it counts.
#[derive(Clone, Debug)]
pub struct ReportStoreConfig {
    sender: ReportSender,
    max_domains: Option<usize>,
    max_octets: Option<usize>,
    seed: Option<u64>,
}

impl ReportStoreConfig {
    /// The limits of [`TallyConfig::new`].
    pub const fn new(sender: ReportSender) -> Self {
        Self { sender, max_domains: None, max_octets: None, seed: None }
    }

    /// Sets how many recipient domains are counted in a day, as [`TallyConfig::with_max_domains`].
    #[must_use]
    pub const fn with_max_domains(mut self, max_domains: usize) -> Self {
        self.max_domains = Some(max_domains);
        self
    }

    /// Sets how many octets of memory all counts may take, as [`TallyConfig::with_max_octets`].
    #[must_use]
    pub const fn with_max_octets(mut self, max_octets: usize) -> Self {
        self.max_octets = Some(max_octets);
        self
    }

    /// Sets the seed of [`TallyConfig::new`]. By default it is drawn once, and kept in the database.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    fn of_tally(&self, seed: u64) -> TallyConfig {
        let mut config = TallyConfig::new(self.seed.unwrap_or(seed), self.sender.clone());
        if let Some(max_domains) = self.max_domains {
            config = config.with_max_domains(max_domains);
        }
        if let Some(max_octets) = self.max_octets {
            config = config.with_max_octets(max_octets);
        }
        config
    }
}

/// How a [`ReportStore`] is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportStoreState {
    /// How many domains are counted today.
    pub domains: usize,
    /// The octets that all counts take in memory.
    pub octets: usize,
    /// Sessions that were lost since there was no room for them when tallies were merged.
    pub lost_sessions: u64,
    /// Reports that were taken into the queue since the start.
    pub taken: u64,
    /// How often what was counted could not be saved.
    pub save_failures: u64,
    /// Why the last save failed, if it has; what was counted since is in memory alone.
    pub unsaved_since: Option<ReportStoreErrorKind>,
}

impl ReportStore {
    /// Opens the database, or makes a new one, for its owner alone (mode 0600).
    ///
    /// Where that is not possible now, because the disk is full or another process has it, the store counts in memory
    /// until it is.
    ///
    /// # Errors
    ///
    /// `store-foreign` and `store-newer` where the file is something else, or of a later version; `store-denied` and
    /// `store-unavailable` where it can be neither opened nor made. Tell somebody: nothing would be kept.
    pub fn open(path: impl AsRef<Path>, config: ReportStoreConfig) -> Result<Self, ReportStoreError> {
        let store = Self::new(Some(path.as_ref()), config)?;
        match store.save() {
            Err(error) if !error.kind().is_passing() => Err(error),
            _ => Ok(store),
        }
    }

    /// Counts in memory alone: the end of the process loses it.
    ///
    /// # Errors
    ///
    /// `store-unavailable` where the system has no random numbers or no thread.
    pub fn in_memory(config: ReportStoreConfig) -> Result<Self, ReportStoreError> {
        Self::new(None, config)
    }

    fn new(path: Option<&Path>, config: ReportStoreConfig) -> Result<Self, ReportStoreError> {
        let seed = database::random()?;
        let shared = Arc::new(Shared {
            path: path.map(Path::to_owned),
            counting: Mutex::new(Counting {
                tally: Tally::new(config.of_tally(seed)),
                seed,
                is_loaded: path.is_none(),
                taken: 0,
                lost_sessions: 0,
            }),
            config,
            is_dirty: AtomicBool::new(false),
            saving: Mutex::default(),
            changed: Condvar::new(),
        });
        let (working, ended) = channel::<()>();
        if path.is_some() {
            let saver = Saver::new(Arc::clone(&shared));
            let thread = thread::Builder::new().name("tlsrpt-save".to_owned());
            let spawned = thread.spawn(move || {
                saver.work();
                drop(working);
            });
            spawned.map_err(|error| {
                ReportStoreError::new(ReportStoreErrorKind::Unavailable, error.to_string())
            })?;
        }
        let closing = Arc::new(Closing { shared: Arc::clone(&shared), ended: Mutex::new(ended) });
        Ok(Self { shared, _closing: closing })
    }

    /// Where the database is; nowhere where it counts in memory alone.
    pub fn path(&self) -> Option<&Path> {
        self.shared.path.as_deref()
    }

    /// Counts an event, as [`Tally::count`].
    pub fn count(&self, event: &Event<'_>, now: UnixTime) -> Counted {
        let counted = self.shared.counting().tally.count(event, now);
        if !matches!(counted, Counted::Not(_)) {
            self.shared.has_changed();
        }
        counted
    }

    /// Adds what another tally has counted, as [`Tally::merge`].
    pub fn merge(&self, other: &Tally) {
        self.shared.counting().tally.merge(other);
        self.shared.has_changed();
    }

    /// Notes that a report was mailed to this domain, as [`Tally::note_report_mail`].
    pub fn note_report_mail(&self, domain: &PolicyDomain, now: UnixTime) {
        self.shared.counting().tally.note_report_mail(domain, now);
        self.shared.has_changed();
    }

    /// When the next report is due, or was.
    pub fn next_due(&self) -> Option<UnixTime> {
        self.shared.counting().tally.poll_timeout()
    }

    /// Reports that are due, 256 at most, saved as they are. The thread waits for the disk.
    ///
    /// Those that nobody has taken are due again later, as if their delivery had failed ([`Tally::poll_report`]).
    ///
    /// # Errors
    ///
    /// Why what was counted cannot be saved; none is given out then. Try again in a while.
    pub fn due(&self, now: UnixTime) -> Result<Vec<DueReport>, ReportStoreError> {
        if self.next_due().is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        // Before a report counts as given out.
        self.save()?;
        let mut reports = Vec::new();
        {
            let mut counting = self.shared.counting();
            while reports.len() < MAX_DUE
                && let Some(report) = counting.tally.poll_report(now)
            {
                reports.push(report);
            }
        }
        self.save()?;
        Ok(reports)
    }

    /// These reports are in the queue, and are not due any more. The thread waits for the disk.
    ///
    /// # Errors
    ///
    /// Why that cannot be saved. It counts all the same, and is saved later; a process that is killed before that is given them
    /// once more.
    pub fn taken<'a>(
        &self,
        reports: impl IntoIterator<Item = &'a DueId>,
        now: UnixTime,
    ) -> Result<(), ReportStoreError> {
        {
            let mut counting = self.shared.counting();
            for id in reports {
                counting.tally.handle_delivery(id, ReportDelivery::Delivered, now);
                counting.taken += 1;
            }
        }
        self.save()
    }

    /// Saves what was counted until now. The thread waits for the disk.
    ///
    /// # Errors
    ///
    /// Why it cannot be saved; that is tried again every two seconds.
    pub fn save(&self) -> Result<(), ReportStoreError> {
        if self.shared.path.is_none() {
            return Ok(());
        }
        self.shared.is_dirty.store(true, Ordering::Release);
        self.shared.save()
    }

    /// How it is.
    pub fn state(&self, now: UnixTime) -> ReportStoreState {
        let saving = self.shared.saving();
        let (save_failures, unsaved_since) =
            (saving.failures, saving.last_error.as_ref().map(ReportStoreError::kind));
        drop(saving);
        let counting = self.shared.counting();
        ReportStoreState {
            domains: counting.tally.domains(now),
            octets: counting.tally.octets(),
            lost_sessions: counting.lost_sessions.saturating_add(counting.tally.lost_sessions()),
            taken: counting.taken,
            save_failures,
            unsaved_since,
        }
    }

    /// What is counted, as [`Tally::to_text`].
    pub fn to_text(&self) -> String {
        self.shared.counting().tally.to_text()
    }
}

impl fmt::Debug for ReportStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReportStore").field("path", &self.path()).finish_non_exhaustive()
    }
}

/// What the store and its thread have in common.
struct Shared {
    path: Option<PathBuf>,
    config: ReportStoreConfig,
    counting: Mutex<Counting>,
    /// Something has changed that no save has begun with.
    is_dirty: AtomicBool,
    saving: Mutex<Saving>,
    changed: Condvar,
}

struct Counting {
    tally: Tally,
    seed: u64,
    /// What earlier processes have saved is in it.
    is_loaded: bool,
    taken: u64,
    /// By tallies that were here before.
    lost_sessions: u64,
}

/// What the thread is to do, and has done.
#[derive(Debug, Default)]
struct Saving {
    is_wanted: bool,
    is_closing: bool,
    begun: u64,
    done: u64,
    last_error: Option<ReportStoreError>,
    failures: u64,
}

impl Shared {
    fn counting(&self) -> MutexGuard<'_, Counting> {
        self.counting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn saving(&self) -> MutexGuard<'_, Saving> {
        self.saving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_changed(&self) {
        if !self.is_dirty.swap(true, Ordering::AcqRel) {
            // With the lock, so that the thread is not about to wait.
            drop(self.saving());
            self.changed.notify_all();
        }
    }

    /// Waits for a save that has begun after this; what came of it.
    fn save(&self) -> Result<(), ReportStoreError> {
        let mut saving = self.saving();
        let own = saving.begun + 1;
        saving.is_wanted = true;
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(saving, PATIENCE, |saving| saving.done < own);
        let (saving, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            let detail = "the disk does not answer".to_owned();
            return Err(ReportStoreError::new(ReportStoreErrorKind::Unavailable, detail));
        }
        saving.last_error.clone().map_or(Ok(()), Err)
    }
}

/// Waits at the end of the store until all is saved and the file is closed.
struct Closing {
    shared: Arc<Shared>,
    ended: Mutex<Receiver<()>>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.shared.saving().is_closing = true;
        self.shared.changed.notify_all();
        // Nothing is sent: it ends with the thread, or the disk hangs.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(PATIENCE);
    }
}

/// As long as a disk may hang.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many reports are given out at once.
const MAX_DUE: usize = 256;
