//! What is known of all domains: the alarms, and the numbers for Prometheus.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mta_sts_core::{PolicyDomain, UnixTime};
use prometheus_client::metrics::MetricType;

use super::alarms::Event;
use super::state::State;
use super::view::View;
use super::watched::Watched;
use crate::command::daemons::{Labels, Metrics, MetricsPage, MetricsSource, Phase, Reloads, Status};

/// The domains that are watched.
#[derive(Debug, Default)]
pub(super) struct Board {
    domains: Mutex<BTreeMap<PolicyDomain, Watched>>,
    pub(super) counts: Counts,
    pub(super) reloads: Reloads,
    pub(super) phase: Phase,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    fine: AtomicU64,
    failing: AtomicU64,
    unknown: AtomicU64,
    pub(super) commands: AtomicU64,
    pub(super) failed_commands: AtomicU64,
}

impl Board {
    pub(super) fn domains(&self) -> MutexGuard<'_, BTreeMap<PolicyDomain, Watched>> {
        self.domains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a look at a domain; returns the alarms that begin and end with it. One that is no longer watched has none.
    pub(super) fn note(&self, domain: &PolicyDomain, view: &View, at: UnixTime, required: u32) -> Vec<Event> {
        let counts = &self.counts;
        let count = match (view.failing.is_empty(), view.unknown.is_empty()) {
            (false, _) => &counts.failing,
            (true, false) => &counts.unknown,
            (true, true) => &counts.fine,
        };
        count.fetch_add(1, Ordering::Relaxed);
        let mut domains = self.domains();
        let Some(watched) = domains.get_mut(domain) else { return Vec::new() };
        watched.looked_at = at;
        watched.first_certificate_end = view.first_certificate_end.or(watched.first_certificate_end);
        watched.is_whole = view.unknown.is_empty();
        watched.alarms.note(domain, view, at, required)
    }

    /// The number of domains, and of alarms.
    pub(super) fn sums(&self) -> (usize, usize) {
        let domains = self.domains();
        (domains.len(), domains.values().map(|watched| watched.alarms.current().count()).sum())
    }

    pub(super) fn status(&self) -> String {
        let (domains, alarms) = self.sums();
        format!("watching {domains} domains: {alarms} alarms")
    }
}

/// The pages of the daemon.
#[derive(Debug)]
pub(super) struct WatchStatus {
    board: Arc<Board>,
    metrics: Metrics,
}

#[derive(Debug)]
struct Numbers(Arc<Board>);

impl WatchStatus {
    pub(super) fn new(board: Arc<Board>) -> Self {
        Self { metrics: Metrics::of(Numbers(Arc::clone(&board))), board }
    }
}

impl Status for WatchStatus {
    fn metrics(&self) -> String {
        self.metrics.text()
    }

    fn is_healthy(&self) -> bool {
        self.board.phase.is_serving()
    }

    fn health(&self) -> String {
        let (domains, alarms) = self.board.sums();
        format!("{}\ndomains: {domains}\nalarms: {alarms}\n", self.board.phase.word())
    }
}

impl MetricsSource for Numbers {
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let Self(board) = self;
        let domains = board.domains();
        page.gauge("mtasts_watch_domains", "Domains that are watched", domains.len() as u64)?;
        let sum = |state| {
            let of_state = |watched: &&Watched| watched.alarms.current().any(|(current, _)| current == state);
            domains.values().filter(of_state).count() as u64
        };
        let sums = State::ALL.map(|state| (state.code(), sum(state)));
        page.gauges("mtasts_watch_alarms", "Domains with an alarm, by its state", "state", &sums)?;
        let mut alarms = page.family("mtasts_watch_alarm", "1 for each alarm", MetricType::Gauge)?;
        for (domain, watched) in domains.iter() {
            for (state, _) in watched.alarms.current() {
                let labels: &Labels<'_> = &[("domain", domain.as_str()), ("state", state.code())];
                alarms.encode_family(&labels)?.encode_gauge(&1_i64)?;
            }
        }
        if let Some(first) = domains.values().filter_map(|watched| watched.first_certificate_end).min() {
            page.gauge(
                "mtasts_watch_first_certificate_expiry_timestamp_seconds",
                "Earliest end of a certificate of a Policy Host or MX host, in Unix time",
                first.as_secs(),
            )?;
        }
        if let Some(oldest) = domains.values().map(|watched| watched.looked_at).min() {
            page.gauge(
                "mtasts_watch_oldest_look_timestamp_seconds",
                "Time of the last look at the domain that was looked at longest ago, in Unix time",
                oldest.as_secs(),
            )?;
        }
        drop(domains);
        let counts = &board.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        page.counters(
            "mtasts_watch_looks",
            "Looks at domains, by the result",
            "result",
            &[
                ("fine", read(&counts.fine)),
                ("failing", read(&counts.failing)),
                ("unknown", read(&counts.unknown)),
            ],
        )?;
        let failed = read(&counts.failed_commands);
        page.counters(
            "mtasts_watch_commands",
            "Commands that were run for an alarm or its end, by the result",
            "result",
            &[("done", read(&counts.commands).saturating_sub(failed)), ("failed", failed)],
        )?;
        page.reloads(&board.reloads)
    }
}
