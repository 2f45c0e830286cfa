//! Persistent counts.

mod database;
mod error;
mod parcels;
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
use self::parcels::ParcelShelf;
use self::saving::Saver;

/// A [`Tally`] persisted in an SQLite database, and the source of its due reports.
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
/// **Persistence.** Counts are saved after three seconds, so that a process that is killed loses five seconds of them at the
/// most, and counts nothing twice.
///
/// **Once each.** A report is returned only after its contents are saved: a process that is killed between [`ReportStore::due`] and
/// [`ReportStore::taken`] returns it again, with the same `report-id`, 5 minutes after the first time. It may then be in the queue already;
/// the queue must recognize it by `report-id` and address, even after delivery. There may be several reports
/// for one domain and day, each with its own `report-id`: late events go into a second one.
///
/// **Faults.** If the disk is full, or the database is locked or damaged, counting continues in memory, the fault is logged
/// once, and everything is saved as soon as possible. No report is returned meanwhile. A damaged database is moved aside, to a
/// name that ends in `.damaged`, then `.damaged.2` and `.damaged.3`, of which the last is overwritten. A line that cannot be read stays in the
/// table `unreadable`.
///
/// One process at a time has the file. A second one counts in memory until the first has ended, and then takes over.
///
/// Clones are cheap and share everything. The last one saves all changes when dropped.
#[derive(Clone)]
pub struct ReportStore {
    shared: Arc<Shared>,
    _closing: Arc<Closing>,
}

/// The configuration of a [`ReportStore`]: the sender of its reports, and its limits.
#[derive(Clone, Debug)]
pub struct ReportStoreConfig {
    sender: ReportSender,
    max_domains: Option<usize>,
    max_octets: Option<usize>,
    seed: Option<u64>,
}

impl ReportStoreConfig {
    /// Creates a configuration with the limits of [`TallyConfig::new`].
    pub const fn new(sender: ReportSender) -> Self {
        Self { sender, max_domains: None, max_octets: None, seed: None }
    }

    /// Sets the maximum number of recipient domains per day, as [`TallyConfig::with_max_domains`].
    #[must_use]
    pub const fn with_max_domains(mut self, max_domains: usize) -> Self {
        self.max_domains = Some(max_domains);
        self
    }

    /// Sets the maximum memory of all counts in octets, as [`TallyConfig::with_max_octets`].
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

/// The status of a [`ReportStore`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportStoreState {
    /// The number of domains counted today.
    pub domains: usize,
    /// The memory of all counts, in octets.
    pub octets: usize,
    /// The number of parcels that have not arrived at the machine that sends the reports.
    pub parcels: usize,
    /// Sessions that were lost for lack of room when tallies were merged.
    pub lost_sessions: u64,
    /// Reports that were moved to the queue since the start.
    pub taken: u64,
    /// The number of failed saves.
    pub save_failures: u64,
    /// The error of the last save, if it failed; later counts are only in memory.
    pub unsaved_since: Option<ReportStoreErrorKind>,
}

impl ReportStore {
    /// Opens the database, or creates one that only its owner can access (mode 0600).
    ///
    /// If that is not possible now, because the disk is full or another process has locked it, the store counts in memory
    /// until it is.
    ///
    /// # Errors
    ///
    /// `store-foreign` and `store-newer` if the file is something else, or of a later version; `store-denied` and
    /// `store-unavailable` if it can be neither opened nor created. Report the error to the operator: nothing would be saved.
    pub fn open(path: impl AsRef<Path>, config: ReportStoreConfig) -> Result<Self, ReportStoreError> {
        let store = Self::new(Some(path.as_ref()), config)?;
        match store.save() {
            Err(error) if !error.kind().is_passing() => Err(error),
            _ => Ok(store),
        }
    }

    /// Creates a store in memory only, which is lost when the process ends.
    ///
    /// # Errors
    ///
    /// `store-unavailable` if the system cannot provide random numbers or a thread.
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
                parcels: ParcelShelf::unnamed(),
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

    /// The path of the database; `None` if the store is in memory only.
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

    /// Adds the counts of another tally, as [`Tally::merge`].
    pub fn merge(&self, other: &Tally) {
        self.shared.counting().tally.merge(other);
        self.shared.has_changed();
    }

    /// Notes that a report was mailed to this domain, as [`Tally::note_report_mail`].
    pub fn note_report_mail(&self, domain: &PolicyDomain, now: UnixTime) {
        self.shared.counting().tally.note_report_mail(domain, now);
        self.shared.has_changed();
    }

    /// The time when the next report is or was due.
    pub fn next_due(&self) -> Option<UnixTime> {
        self.shared.counting().tally.poll_timeout()
    }

    /// Returns due reports, at most 256, after saving their contents. Blocks on disk I/O.
    ///
    /// Reports that are not confirmed by [`ReportStore::taken`] are due again later, as if their delivery had failed ([`Tally::poll_report`]).
    ///
    /// # Errors
    ///
    /// The counts cannot be saved, and no report is returned. Try again later.
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

    /// Confirms that these reports are in the queue; they are no longer due. Blocks on disk I/O.
    ///
    /// # Errors
    ///
    /// The confirmation cannot be saved. It is in force all the same, and saved later; a process that is killed before that receives them
    /// again.
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

    /// Saves the counts until now. Blocks on disk I/O.
    ///
    /// # Errors
    ///
    /// The counts cannot be saved; another attempt is made every three seconds.
    pub fn save(&self) -> Result<(), ReportStoreError> {
        if self.shared.path.is_none() {
            return Ok(());
        }
        self.shared.is_dirty.store(true, Ordering::Release);
        self.shared.save()
    }

    /// Its status.
    pub fn state(&self, now: UnixTime) -> ReportStoreState {
        let saving = self.shared.saving();
        let (save_failures, unsaved_since) =
            (saving.failures, saving.last_error.as_ref().map(ReportStoreError::kind));
        drop(saving);
        let counting = self.shared.counting();
        ReportStoreState {
            domains: counting.tally.domains(now),
            octets: counting.tally.octets(),
            parcels: counting.parcels.len(),
            lost_sessions: counting.lost_sessions.saturating_add(counting.tally.lost_sessions()),
            taken: counting.taken,
            save_failures,
            unsaved_since,
        }
    }

    /// The counts as text, as [`Tally::to_text`].
    pub fn to_text(&self) -> String {
        self.shared.counting().tally.to_text()
    }
}

impl fmt::Debug for ReportStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReportStore").field("path", &self.path()).finish_non_exhaustive()
    }
}

/// The state shared by the store and its thread.
struct Shared {
    path: Option<PathBuf>,
    config: ReportStoreConfig,
    counting: Mutex<Counting>,
    /// Whether there are changes since the last save began.
    is_dirty: AtomicBool,
    saving: Mutex<Saving>,
    changed: Condvar,
}

struct Counting {
    tally: Tally,
    seed: u64,
    /// Whether the data saved by earlier processes is loaded.
    is_loaded: bool,
    parcels: ParcelShelf,
    taken: u64,
    /// By tallies that were here before.
    lost_sessions: u64,
}

/// The requests to the thread, and its progress.
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

    /// Waits for a save that begins after this call. Returns its result.
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

/// Waits on drop until everything is saved and the file is closed.
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

/// The maximum time to wait for a disk.
const PATIENCE: Duration = Duration::from_secs(10);
/// The maximum number of reports returned at once.
const MAX_DUE: usize = 256;
