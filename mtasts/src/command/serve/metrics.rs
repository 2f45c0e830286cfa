//! What the daemon has done, for Prometheus.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use mta_sts_resolver::{PolicyService, ServiceCounts, StoreState};
use mtasts_socketmap::{AnswerCounts, SocketmapServer};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::reports::Reports;

/// All metrics. They are gathered when somebody asks: an answer to a mail server costs one addition at most.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
}

/// Where the numbers come from.
#[derive(Debug)]
struct Sources {
    started_at: Duration,
    server: SocketmapServer,
    service: PolicyService,
    reports: Option<Arc<Reports>>,
    reloads: Arc<Reloads>,
}

/// How often the configuration was read again.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    pub(super) done: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl Metrics {
    pub(super) fn new(
        server: SocketmapServer,
        service: PolicyService,
        reports: Option<Arc<Reports>>,
        reloads: Arc<Reloads>,
    ) -> Self {
        let started_at = UNIX_EPOCH.elapsed().unwrap_or_default();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Sources { started_at, server, service, reports, reloads }));
        Self { registry }
    }

    /// In the text form of `OpenMetrics`.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // A string takes everything.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

impl Collector for Sources {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        page.info("mtasts_build", "The program", &[("version", env!("CARGO_PKG_VERSION"))])?;
        page.gauge(
            "process_start_time_seconds",
            "When it was started, in Unix time",
            self.started_at.as_secs(),
        )?;

        let server = self.server.counts();
        let named = server.zones.iter().map(|(name, counts)| (name.as_str(), counts));
        let zones: Vec<_> = std::iter::once((DEFAULT_ZONE, &server.default_zone)).chain(named).collect();
        page.answers("mtasts_requests", "Requests that were answered", &zones)?;
        page.gauge("mtasts_clients", "Clients that are connected", server.clients)?;
        page.gauge("mtasts_max_clients", "Clients that may be connected at once", server.max_clients)?;
        page.counter("mtasts_connections", "Clients that were ever connected", server.connections)?;
        page.gauge("mtasts_overrides", "Destinations that are overridden", server.overrides)?;

        let (service, dane) = (self.service.counts(), self.server.dane().counts());
        page.gauge("mtasts_entries", "Domains in memory, with a policy or without", service.entries)?;
        page.gauge("mtasts_policy_octets", "Octets that the policies in memory take", service.policy_octets)?;
        page.counter(
            "mtasts_cache_hits",
            "Answers from memory, without asking anybody",
            service.from_memory,
        )?;
        page.counter("mtasts_lookups", "Lookups for an answer", service.lookups)?;
        let waiting = &service.waiting;
        page.gauges(
            "mtasts_lookups_waiting",
            "What lookups wait for now, those in the background too",
            "for",
            &[
                ("dns-place", waiting.dns_place),
                ("dns", waiting.dns),
                ("lease", waiting.lease),
                ("address", waiting.address),
                ("fetch-place", waiting.fetch_place),
                ("policy-host", waiting.policy_host),
                ("store", waiting.store),
                ("dane", dane.waiting),
            ],
        )?;
        page.counters(
            "mtasts_busy",
            "Lookups that were turned away, since too many others waited",
            "for",
            &[
                ("dns", service.busy.dns),
                ("policy-host", service.busy.policy_host),
                ("lookups", service.busy.lookups),
                ("dane", dane.busy),
            ],
        )?;
        page.counter("mtasts_refreshes", "Lookups to fetch a policy anew", service.refreshes)?;
        page.counter("mtasts_fetches", "Policies that were fetched", service.fetched)?;
        let invalid = service.invalid_certificates + service.invalid_policies;
        // They are counted one after the other.
        let others = service.fetch_failures.saturating_sub(invalid);
        page.counters(
            "mtasts_fetch_failures",
            "Fetches of policies that failed, by the result type of TLSRPT",
            "result",
            &[
                ("sts-policy-fetch-error", others),
                ("sts-policy-invalid", service.invalid_policies),
                ("sts-webpki-invalid", service.invalid_certificates),
            ],
        )?;
        page.counter("mtasts_alerts", "Policies in use that could not be fetched anew", service.alerts)?;
        page.policies(&service)?;
        page.counter("mtasts_dns_failures", "Lookups that DNS did not answer", service.dns_failures)?;
        page.counter(
            "mtasts_local_faults",
            "Questions that were not asked, for a fault of this machine, its network or its proxy",
            service.local_faults,
        )?;
        page.counters(
            "mtasts_dane_lookups",
            "Lookups of DANE, by how many MX hosts have it",
            "result",
            &[
                ("every-host", dane.every_host),
                ("some-hosts", dane.some_hosts),
                ("no-host", dane.no_host),
                ("failed", dane.failed),
            ],
        )?;
        page.store(&service, self.service.store_state())?;
        if let Some(reports) = &self.reports {
            page.reports(reports)?;
        }

        page.counters(
            "mtasts_reloads",
            "How often the configuration was read again",
            "result",
            &[
                ("done", self.reloads.done.load(Ordering::Relaxed)),
                ("failed", self.reloads.failed.load(Ordering::Relaxed)),
            ],
        )
    }
}

/// The default zone as a label. No other zone has this name.
pub(super) const DEFAULT_ZONE: &str = "default";

struct Page<'a>(DescriptorEncoder<'a>);

type Labels<'a> = [(&'a str, &'a str)];

impl Page<'_> {
    fn policies(&mut self, service: &ServiceCounts) -> fmt::Result {
        self.counters(
            "mtasts_policies_lapsed",
            "Policies that lapsed, since they were not fetched anew in time",
            "mode",
            &[("enforce", service.lapsed_enforce), ("testing", service.lapsed_testing)],
        )?;
        let policies = &service.policies;
        self.gauges(
            "mtasts_policies",
            "Policies in memory that apply, by mode",
            "mode",
            &[("enforce", policies.enforce), ("testing", policies.testing), ("none", policies.none)],
        )?;
        if let Some(first) = policies.first_expiry {
            self.gauge(
                "mtasts_first_expiry_timestamp_seconds",
                "When the first policy expires that enforces or tests, unless it is fetched anew, in Unix time",
                first.as_secs(),
            )?;
        }
        Ok(())
    }

    /// What becomes of the store; whether it works, where there is one.
    fn store(&mut self, service: &ServiceCounts, state: StoreState) -> fmt::Result {
        self.counter("mtasts_store_failures", "What the store failed to do", service.store_failures)?;
        self.gauge(
            "mtasts_store_unsaved",
            "Domains that the store misses until it works again",
            service.unsaved,
        )?;
        if state == StoreState::None {
            return Ok(());
        }
        self.gauge("mtasts_store_up", "Whether the store works", u64::from(state == StoreState::Up))?;
        self.gauges(
            "mtasts_store_unreadable",
            "Entries of the store that are kept and not used",
            "reason",
            &[("newer", service.store.newer), ("damaged", service.store.damaged)],
        )?;
        self.counter(
            "mtasts_store_evicted",
            "Entries that the store has given up for want of room",
            service.store.evicted,
        )
    }

    /// What is counted for TLS reports.
    fn reports(&mut self, reports: &Reports) -> fmt::Result {
        let (counts, state) = reports.counts();
        let not_counted = |code| counts.not_counted.get(code).copied().unwrap_or_default();
        self.counters(
            "mtasts_tlsrpt_events",
            "Sessions that mail servers told of, by what became of them",
            "result",
            &[
                ("counted", counts.events),
                ("no-tlsrpt-record", not_counted("no-tlsrpt-record")),
                ("tlsrpt-report", not_counted("tlsrpt-report")),
            ],
        )?;
        let refused: u64 = counts.refused.values().sum();
        self.counters(
            "mtasts_tlsrpt_lost",
            "What was sent to the collector and not counted, by the reason",
            "reason",
            &[
                ("queue-full", counts.overflowed),
                ("no-datagram", refused),
                ("too-many-domains", not_counted("too-many-domains")),
                ("out-of-memory", not_counted("out-of-memory")),
                ("not-forwarded", counts.forward_lost),
            ],
        )?;
        self.counter("mtasts_tlsrpt_reports", "TLS reports that were given out to be sent", state.taken)?;
        self.gauge(
            "mtasts_tlsrpt_domains",
            "Domains that sessions are counted of today",
            state.domains as u64,
        )?;
        self.gauge("mtasts_tlsrpt_octets", "Octets that all counts take in memory", state.octets as u64)?;
        self.gauge(
            "mtasts_tlsrpt_store_up",
            "Whether what is counted for TLS reports is saved",
            u64::from(state.unsaved_since.is_none()),
        )
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        // Prometheus has floating point numbers alone; these are far from where they are not exact.
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn gauges(&mut self, name: &str, help: &str, label: &str, values: &[(&str, u64)]) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (word, value) in values {
            let labels: &Labels<'_> = &[(label, word)];
            metric.encode_family(&labels)?.encode_gauge(&i64::try_from(*value).unwrap_or(i64::MAX))?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn counters(&mut self, name: &str, help: &str, label: &str, values: &[(&str, u64)]) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (word, value) in values {
            let labels: &Labels<'_> = &[(label, word)];
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(value, None)?;
        }
        Ok(())
    }

    fn answers(&mut self, name: &str, help: &str, zones: &[(&str, &AnswerCounts)]) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (zone, counts) in zones {
            let answers = [
                ("ok", counts.ok),
                ("notfound", counts.not_found),
                ("temp", counts.temporary),
                ("perm", counts.permanent),
            ];
            for (answer, value) in answers {
                let labels: &Labels<'_> = &[("zone", zone), ("answer", answer)];
                metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
            }
        }
        Ok(())
    }

    fn info(&mut self, name: &str, help: &str, labels: &Labels<'_>) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(&labels)
    }
}
