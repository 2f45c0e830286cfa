//! Counting sessions for TLS reports.

use std::collections::HashMap;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use mta_sts_core::tlsrpt::{Datagram, Event, SessionFacts, TlsrptRecord};
use mta_sts_core::{Delivery, DnsName, MxHost, Outcome, Policy, PolicyDomain};
use mta_sts_reporter::{
    Collector, CollectorCounts, CollectorSocket, DueReports, FailedDiscoveries, Outbox, OutboxCounts,
    ReportQueue, ReportStore, ReportStoreState,
};
use mta_sts_resolver::{DnsClient, EntryStore, PolicyService, TrustStore};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::super::Exit;
use super::super::check::now;
use super::configuration::Configuration;
use super::probes::{ProbeCounts, ProbedReports, Probes};

/// The collector, the counts, and the events of the daemon itself.
#[derive(Debug)]
pub(super) struct Reports {
    collector: Collector,
    store: ReportStore,
    probes: Option<Arc<Probes>>,
    outbox: OnceLock<Outbox>,
    is_sending: bool,
}

impl Reports {
    /// Collects from this socket.
    pub(super) fn start(
        configuration: &Configuration,
        socket: CollectorSocket,
        service: &PolicyService,
        trust_store: &TrustStore,
    ) -> Result<Arc<Self>, (Exit, String)> {
        let store = configuration.report_store()?;
        let keys = &configuration.report;
        let mut config =
            configuration.collector_config().with_failed_discoveries(Arc::new(Discoveries(service.clone())));
        let probes = (keys.probe_testing && !keys.testing_is_checked)
            .then(|| Arc::new(Probes::new(service, trust_store.clone(), keys.probe_port.get())));
        if let Some(probes) = &probes {
            config = config.with_testing_probes(Arc::<Probes>::clone(probes));
        }
        let socket_path = socket.path().map(|path| path.display().to_string());
        let collector = Collector::start(socket, store.clone(), config)
            .map_err(|error| (Exit::Temporary, format!("the collector of TLS reports: {error}")))?;
        let store_path = store.path().map(|path: &Path| path.display().to_string());
        tracing::info!(path = socket_path, store = store_path, "collecting for TLS reports");
        let is_sending = keys.send;
        let reports = Arc::new(Self { collector, store, probes, outbox: OnceLock::new(), is_sending });
        if let Some(probes) = &reports.probes {
            tokio::spawn(Arc::clone(probes).run(Arc::downgrade(&reports)));
        }
        Ok(reports)
    }

    /// Counts sessions that the daemon knows of itself.
    pub(super) fn count(&self, sessions: Datagram) {
        self.collector.count(sessions);
    }

    /// The counts of probes of domains in mode testing; [`None`] if there are no probes.
    pub(super) fn probes(&self) -> Option<ProbeCounts> {
        Some(self.probes.as_ref()?.counts())
    }

    pub(super) fn counts(&self) -> (CollectorCounts, ReportStoreState) {
        (self.collector.counts(), self.store.state(now()))
    }

    /// The counts of the outbox, and the parts of it that do not work; [`None`] if reports are only counted.
    pub(super) fn outbox(&self) -> Option<(OutboxCounts, Vec<&'static str>)> {
        let unopened = || (OutboxCounts::default(), vec!["queue"]);
        let opened = self.outbox.get().map(|outbox| (outbox.counts(), outbox.faults()));
        self.is_sending.then(|| opened.unwrap_or_else(unopened))
    }

    /// Whether this machine sends the reports of those that share a store; [`None`] if it is alone.
    pub(super) fn is_sender(&self) -> Option<bool> {
        Some(self.outbox.get()?.fleet()?.is_sender())
    }

    /// Sends due reports until `stop` completes, then finishes what is in progress.
    pub(super) async fn send(
        &self,
        configuration: &Configuration,
        dns: DnsClient,
        trust_store: TrustStore,
        shared_store: Option<Arc<dyn EntryStore>>,
        stop: impl Future<Output = ()>,
    ) {
        let keys = &configuration.report;
        if !keys.send {
            tracing::info!("TLS reports are counted, but not sent");
            return stop.await;
        }
        let mut stop = pin!(stop);
        let path = keys.queue();
        let queue = tokio::select! {
            queue = open_queue(&path) => queue,
            () = &mut stop => return,
        };
        let mailer = keys.mailer(&trust_store);
        let outbox = self.outbox.get_or_init(|| {
            let outbox = Outbox::new(queue, dns, keys.poster(trust_store), mailer);
            match keys.fleet(shared_store, &self.store) {
                Some(fleet) => outbox.with_fleet(fleet),
                None => outbox,
            }
        });
        let store = self.store.clone();
        let reports: Arc<dyn DueReports> = match &self.probes {
            Some(probes) => Arc::new(ProbedReports { store, probes: Arc::clone(probes) }),
            None => Arc::new(store),
        };
        outbox.run(&reports, stop).await;
    }

    /// Counts the datagrams sent until now, and saves the counts.
    pub(super) fn stop(&self) {
        let counts = self.collector.stop();
        if let Err(error) = self.store.save() {
            tracing::error!(%error, "what was counted for TLS reports since the last save is lost");
        }
        tracing::info!(events = counts.events, "counted for TLS reports");
    }
}

/// Opens the queue as soon as that is possible.
async fn open_queue(path: &Path) -> ReportQueue {
    let mut is_told = false;
    loop {
        // It may wait for a disk.
        let opened = spawn_blocking({
            let path = path.to_owned();
            move || ReportQueue::open(path)
        });
        match opened.await {
            Ok(Ok(queue)) => {
                tracing::info!(queue = %path.display(), "sending TLS reports");
                return queue;
            }
            Ok(Err(error)) if !is_told => {
                is_told = true;
                tracing::error!(
                    queue = %path.display(), code = error.code(), %error,
                    "TLS reports cannot be sent, and wait until the queue can be opened"
                );
            }
            _ => {}
        }
        sleep(QUEUE_AGAIN).await;
    }
}

/// The service of policies.
struct Discoveries(PolicyService);

impl FailedDiscoveries for Discoveries {
    fn last(&self, domain: &PolicyDomain) -> Option<Arc<Outcome>> {
        self.0.failed_discovery(domain)
    }
}

/// MX hosts that a mail server skips without reporting it, since the policy does not cover them.
#[derive(Debug)]
pub(super) struct MxMismatches {
    reports: Weak<Reports>,
    dns: DnsClient,
    places: Arc<Semaphore>,
    // A mail server asks for each host of a domain, one after the other.
    told: Mutex<HashMap<PolicyDomain, Instant>>,
}

impl MxMismatches {
    pub(super) fn new(reports: &Arc<Reports>, dns: &DnsClient) -> Self {
        Self {
            reports: Arc::downgrade(reports),
            dns: dns.clone(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            told: Mutex::default(),
        }
    }

    /// Counts the hosts if the domain requests reports, which is queried in the background.
    pub(super) fn count(&self, domain: &PolicyDomain, policy: &Policy, hosts: &[DnsName]) {
        if !self.is_new(domain) {
            return;
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            tracing::debug!(%domain, "MX hosts outside the policy are not counted, since too many domains have such");
            return;
        };
        let (reports, dns) = (Weak::clone(&self.reports), self.dns.clone());
        let (domain, policy, hosts) = (domain.clone(), policy.clone(), hosts.to_vec());
        tokio::spawn(async move {
            let record = record(&domain, &dns).await;
            drop(place);
            if let (Some(reports), Some(record)) = (reports.upgrade(), record) {
                reports.count(mismatches(&domain, &record, &policy, &hosts));
            }
        });
    }

    /// Returns whether the domain was not recorded a moment ago.
    fn is_new(&self, domain: &PolicyDomain) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MAX_TOLD {
            told.retain(|_, at| at.elapsed() < ONE_ATTEMPT);
        }
        let is_new = told.get(domain).is_none_or(|at| at.elapsed() >= ONE_ATTEMPT);
        if is_new && told.len() < MAX_TOLD {
            told.insert(domain.clone(), Instant::now());
        }
        is_new
    }
}

/// The TLSRPT record of a domain, if it has one.
async fn record(domain: &PolicyDomain, dns: &DnsClient) -> Option<String> {
    let answer = dns.txt(&domain.tlsrpt_txt_name()?).await.ok()?;
    TlsrptRecord::select(&answer.records).ok()?;
    let is_record = |txt: &&Vec<u8>| TlsrptRecord::parse(txt).is_ok();
    answer.records.iter().find(is_record).map(|txt| String::from_utf8_lossy(txt).into_owned())
}

fn mismatches(domain: &PolicyDomain, record: &str, policy: &Policy, hosts: &[DnsName]) -> Datagram {
    let mut datagram = Datagram::new(domain, record);
    for host in hosts {
        let verdict = Delivery::under(policy).check_mx(&MxHost::new(host));
        for row in &verdict.rows {
            datagram.add(&Event::session(domain, row, SessionFacts::new(host).with_policy(policy)));
        }
    }
    datagram
}

/// The time within which attempts at the hosts of a domain count as one delivery.
const ONE_ATTEMPT: Duration = Duration::from_secs(10);
/// The interval between attempts to open the queue.
const QUEUE_AGAIN: Duration = Duration::from_secs(5);
const MAX_TOLD: usize = 4096;
const AT_ONCE: usize = 64;
