//! Looks at domains, each on its own time.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mta_sts_core::PolicyDomain;
use mta_sts_core::publish::History;
use mta_sts_resolver::{DomainChecker, FileWatch};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::super::published::{Known, NO_DOMAIN, Published};
use super::super::sight::Sight;
use super::Watch;
use super::alarms::Event;
use super::board::{Board, WatchStatus};
use super::hook::Hook;
use super::silence::Silence;
use super::view::View;
use super::watched::Watched;
use crate::command::Exit;
use crate::command::check::now;
use crate::command::daemons::{Asked, Log, Signals, StatusPages, cannot_listen, supervisor, ticking};
use crate::command::output::with_progress;
use crate::command::report::Sources;

/// Watches domains.
pub(super) struct Watcher {
    options: Watch,
    /// Those on the command line.
    named: Vec<PolicyDomain>,
    looker: Looker,
}

/// Looks at a domain, and tells what has changed.
#[derive(Clone)]
struct Looker {
    checker: DomainChecker,
    board: Arc<Board>,
    turnstile: Arc<Semaphore>,
    silences: Arc<Mutex<Silences>>,
    hook: Option<Hook>,
    required: u32,
    is_json: bool,
}

/// What reports say of domains.
#[derive(Clone, Debug)]
enum Silences {
    /// No reports are read.
    Unwatched,
    /// They could not be read.
    Unknown,
    Known(HashMap<String, Vec<Silence>>),
}

impl Watcher {
    pub(super) fn new(options: Watch) -> Result<Self, (Exit, String)> {
        let published = Published::read(&options.folder)?;
        Log { level: options.log_level, format: options.log_format, domains: false }.start();
        // Many domains at once need more than the usual 1,024.
        rlimit::increase_nofile_limit(u64::MAX).ok();
        let silences = if options.reports.is_empty() { Silences::Unwatched } else { Silences::Unknown };
        let looker = Looker {
            checker: options.looking.checker()?,
            board: Arc::default(),
            turnstile: Arc::new(Semaphore::new(LOOKS_AT_ONCE)),
            silences: Arc::new(Mutex::new(silences)),
            hook: None,
            required: options.failures,
            is_json: options.json,
        };
        let named = options.domains.iter().map(|subject| subject.domain.clone()).collect();
        let watcher = Self { options, named, looker };
        watcher.take_over(published);
        // The daemon waits for domains.
        if watcher.options.once && watcher.looker.board.domains().is_empty() {
            return Err((Exit::No, NO_DOMAIN.to_owned()));
        }
        Ok(watcher)
    }

    /// Takes over histories from the file, and with --all the domains. A domain keeps its alarms.
    fn take_over(&self, mut published: Published) {
        let mut domains = self.looker.board.domains();
        let wanted: Vec<_> =
            if self.options.all { published.domains.keys().cloned().collect() } else { self.named.clone() };
        let mut before = std::mem::take(&mut *domains);
        for domain in wanted {
            let known = published.domains.remove(&domain);
            let watched = match (before.remove(&domain), known) {
                (Some(watched), Some(known)) => Watched { known, ..watched },
                (Some(watched), None) => watched,
                (None, Some(known)) => Watched::new(known, now()),
                (None, None) => {
                    let history = History::new(domain.clone());
                    Watched::new(Known::new(history, Vec::new(), Duration::ZERO), now())
                }
            };
            domains.insert(domain, watched);
        }
    }

    /// Looks at each domain, and again at those where something fails.
    pub(super) async fn look_once(mut self) -> Exit {
        let (hook, commands) = self.hook();
        self.looker.hook = hook;
        self.read_reports().await;
        let names: Vec<_> = self.looker.board.domains().keys().cloned().collect();
        let looks = async {
            let mut names = names.clone();
            for look in 1..=self.looker.required {
                let what = format!("looking at {} domains", names.len());
                with_progress(&what, self.looker.look_at_all(&names)).await;
                names = self.suspicious();
                if names.is_empty() {
                    break;
                }
                if look < self.looker.required {
                    sleep(self.options.pause).await;
                }
            }
            // The commands end when nobody can tell of an event any more.
            self.looker.hook = None;
        };
        let ((), ()) = tokio::join!(looks, commands);
        let (domains, alarms) = self.looker.board.sums();
        if alarms == 0 && !self.looker.is_json {
            let domains = if domains == 1 { "1 domain".to_owned() } else { format!("{domains} domains") };
            // If nobody reads, the exit status says the same.
            let _ = writeln!(anstream::stdout(), "{domains}, no alarm");
        }
        let is_whole = self.looker.board.domains().values().all(|watched| watched.is_whole);
        match (alarms, is_whole) {
            (0, true) => Exit::Fine,
            (0, false) => Exit::Temporary,
            _ => Exit::No,
        }
    }

    fn suspicious(&self) -> Vec<PolicyDomain> {
        let domains = self.looker.board.domains();
        let has_suspicion = |(_, watched): &(&PolicyDomain, &Watched)| watched.alarms.has_suspicion();
        domains.iter().filter(has_suspicion).map(|(domain, _)| domain.clone()).collect()
    }

    /// Looks until a signal ends it.
    pub(super) async fn run(mut self) -> Result<Exit, (Exit, String)> {
        let signals = Signals::watch()?;
        let listener = match self.options.metrics {
            Some(address) => {
                let what = format!("{address} for metrics");
                Some(TcpListener::bind(address).await.map_err(|error| cannot_listen(&what, &error))?)
            }
            None => None,
        };
        let board = Arc::clone(&self.looker.board);
        if let Some(address) = listener.as_ref().and_then(|listener| listener.local_addr().ok()) {
            tracing::info!(%address, "serving /metrics and /healthz");
        }
        let pages = async {
            let Some(listener) = listener else { return std::future::pending().await };
            StatusPages::new(WatchStatus::new(Arc::clone(&board))).serve_for_ever(listener).await;
        };
        let (hook, commands) = self.hook();
        self.looker.hook = hook;
        self.read_reports().await;
        board.phase.set_serving();
        supervisor::ready(&board.status());
        let (domains, every) = (board.sums().0, self.options.every.as_secs());
        tracing::info!(domains, every, "watching");
        let commands = tokio::spawn(commands);
        let working = async {
            self.supervise(signals).await;
            // Nobody can tell of an event any more, so they end; one that hangs does not hold up the daemon.
            if timeout(STOP_WITHIN, commands).await.is_err() {
                tracing::warn!("a command did not end");
            }
        };
        tokio::select! {
            () = working => {}
            () = pages => {}
        }
        tracing::info!("stopped");
        Ok(Exit::Fine)
    }

    fn hook(&self) -> (Option<Hook>, impl Future<Output = ()> + use<>) {
        let hook =
            self.options.exec.clone().map(|program| Hook::new(program, Arc::clone(&self.looker.board)));
        let (hook, commands) = hook.unzip();
        let running = async {
            if let Some(commands) = commands {
                commands.await;
            }
        };
        (hook, running)
    }

    /// Runs until the daemon has to stop.
    async fn supervise(self, mut signals: Signals) {
        let beats = supervisor::heartbeat_interval();
        let mut heart = ticking(beats.unwrap_or(Duration::from_secs(3600)));
        let mut look = ticking(FILE_INTERVAL);
        let mut reports = ticking(self.options.every);
        let file = FileWatch::new(vec![self.options.folder.file()]);
        let mut tasks = Tasks::default();
        tasks.follow(&self.looker, self.options.every);
        loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    Asked::Stop => break,
                    Asked::Reload => self.reload(&mut tasks),
                    Asked::Tell => {
                        let (domains, alarms) = self.looker.board.sums();
                        tracing::info!(domains, alarms, "the state of the daemon");
                    }
                    Asked::Nothing => {}
                },
                _ = heart.tick(), if beats.is_some() => supervisor::heartbeat(&self.looker.board.status()),
                _ = look.tick() => if file.has_changed() {
                    self.reload(&mut tasks);
                },
                _ = reports.tick() => self.read_reports().await,
            }
        }
        self.looker.board.phase.set_stopping();
        supervisor::stopping();
        tracing::info!("stopping");
    }

    fn reload(&self, tasks: &mut Tasks) {
        supervisor::reloading();
        let reloads = &self.looker.board.reloads;
        match Published::read(&self.options.folder) {
            Ok(published) => {
                reloads.done.fetch_add(1, Ordering::Relaxed);
                self.take_over(published);
                tasks.follow(&self.looker, self.options.every);
                tracing::info!(domains = self.looker.board.sums().0, "published.toml was read again");
            }
            Err((_, error)) => {
                reloads.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(error, "published.toml cannot be read: what it had before stays in force");
            }
        }
        supervisor::ready(&self.looker.board.status());
    }

    /// Reads the reports of all domains.
    async fn read_reports(&self) {
        if self.options.reports.is_empty() {
            return;
        }
        let paths = self.options.reports.clone();
        let domains: Vec<_> = self.looker.board.domains().keys().cloned().collect();
        // A mailbox takes seconds to read.
        let reading = tokio::task::spawn_blocking(move || {
            let overview = Sources::of(paths).read();
            let unreadable = overview.unreadable_count();
            if overview.counts().reports == 0 && unreadable > 0 {
                tracing::warn!(unreadable, "the TLS reports cannot be read");
                return Silences::Unknown;
            }
            let now = now();
            let silences = |domain: PolicyDomain| {
                let silent = Silence::all(&overview.reports_of(domain.as_str()), now);
                (domain.to_string(), silent)
            };
            Silences::Known(domains.into_iter().map(silences).collect())
        });
        // It can only panic.
        let read = reading.await.unwrap_or(Silences::Unknown);
        *self.looker.silences.lock().unwrap_or_else(PoisonError::into_inner) = read;
    }
}

impl Looker {
    async fn look_at_all(&self, domains: &[PolicyDomain]) {
        let mut running = JoinSet::new();
        for domain in domains {
            let (looker, domain) = (self.clone(), domain.clone());
            running.spawn(async move { looker.look_at(&domain).await });
        }
        running.join_all().await;
    }

    async fn look_at(&self, domain: &PolicyDomain) {
        let check = {
            // Never closed.
            let Ok(_turn) = self.turnstile.acquire().await else { return };
            Box::pin(self.checker.check(domain.clone(), now())).await
        };
        let Some(known) = self.board.domains().get(domain).map(|watched| watched.known.clone()) else {
            return;
        };
        let silences = self.silences_of(domain);
        let view = View::of(&check, &known, silences.as_deref());
        let sight = Sight::of_check(&check);
        // Only what senders find together is noted: an interruption is no change.
        if sight.policy.is_some()
            && sight.record.is_some()
            && let Some(watched) = self.board.domains().get_mut(domain)
        {
            sight.note(&mut watched.known.history, check.now);
        }
        for event in self.board.note(domain, &view, check.now, self.required) {
            self.tell(event);
        }
    }

    fn silences_of(&self, domain: &PolicyDomain) -> Option<Vec<Silence>> {
        match &*self.silences.lock().unwrap_or_else(PoisonError::into_inner) {
            Silences::Unwatched => Some(Vec::new()),
            Silences::Unknown => None,
            Silences::Known(known) => known.get(domain.as_str()).cloned(),
        }
    }

    fn tell(&self, event: Event) {
        let line = if self.is_json { event.json().to_string() } else { event.line() };
        let write = || -> io::Result<()> {
            let mut out = anstream::stdout().lock();
            writeln!(out, "{line}")?;
            out.flush()
        };
        // The log and the command remain if nobody reads.
        if let Err(error) = write() {
            tracing::warn!(%error, event = line, "an event could not be printed");
        }
        if let Some(hook) = &self.hook {
            hook.tell(event);
        }
    }
}

/// The tasks that look, one for each domain.
#[derive(Default)]
struct Tasks {
    running: BTreeMap<PolicyDomain, AbortHandle>,
    set: JoinSet<()>,
}

impl Tasks {
    /// Has a task for each domain that is watched, and for no other.
    fn follow(&mut self, looker: &Looker, every: Duration) {
        let domains = looker.board.domains();
        while self.set.try_join_next().is_some() {}
        self.running.retain(|domain, task| {
            let is_watched = domains.contains_key(domain);
            if !is_watched {
                task.abort();
            }
            is_watched && !task.is_finished()
        });
        for domain in domains.keys() {
            self.running.entry(domain.clone()).or_insert_with(|| {
                let (looker, domain) = (looker.clone(), domain.clone());
                self.set.spawn(async move {
                    loop {
                        // A look has a time limit of its own; this one is for what nobody has thought of.
                        if timeout(MAX_LOOK + every, looker.look_at(&domain)).await.is_err() {
                            tracing::error!(%domain, "a look did not end");
                        }
                        sleep(about(every)).await;
                    }
                })
            });
        }
    }
}

/// A span that differs by up to a tenth from this one, so that domains do not stay together.
fn about(span: Duration) -> Duration {
    // Each state has random keys.
    let random = RandomState::new().hash_one(0_u8) % 2001;
    span.mul_f64(0.9 + f64::from(u32::try_from(random).unwrap_or(1000)) / 10_000.0)
}

const LOOKS_AT_ONCE: usize = 32;
const MAX_LOOK: Duration = Duration::from_secs(660);
const FILE_INTERVAL: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_differs_by_a_tenth_at_most() {
        let hour = Duration::from_secs(3600);
        let spans: Vec<_> = (0..200).map(|_| about(hour)).collect();
        assert!(spans.iter().all(|span| (3240..=3960).contains(&span.as_secs())), "{spans:?}");
        assert!(spans.iter().any(|span| *span != spans[0]));
    }
}
