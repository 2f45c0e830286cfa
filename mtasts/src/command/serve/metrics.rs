//! The metrics of the daemon, for Prometheus.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use mta_sts_reporter::{Outbox, OutboxCounts};
use mta_sts_resolver::{PolicyService, ServiceCounts, StoreState};
use mtasts_socketmap::{AnswerCounts, SocketmapServer};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::reports::Reports;

/// All metrics. They are collected on request: an answer to a mail server costs at most one addition.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
}

/// The sources of the numbers.
#[derive(Debug)]
struct Sources {
    started_at: Duration,
    server: SocketmapServer,
    service: PolicyService,
    reports: Option<Arc<Reports>>,
    reloads: Arc<Reloads>,
}

/// The number of reloads of the configuration.
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

    /// The text in the `OpenMetrics` format.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
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
            "Start time of the process, in Unix time",
            self.started_at.as_secs(),
        )?;

        let server = self.server.counts();
        let named = server.zones.iter().map(|(name, counts)| (name.as_str(), counts));
        let zones: Vec<_> = std::iter::once((DEFAULT_ZONE, &server.default_zone)).chain(named).collect();
        page.answers("mtasts_requests", "Answered requests", &zones)?;
        page.gauge("mtasts_clients", "Connected clients", server.clients)?;
        page.gauge("mtasts_max_clients", "Maximum number of connected clients", server.max_clients)?;
        page.counter("mtasts_connections", "Accepted connections of clients", server.connections)?;
        page.gauge("mtasts_overrides", "Destinations with an override", server.overrides)?;

        let (service, dane) = (self.service.counts(), self.server.dane().counts());
        page.gauge("mtasts_entries", "Domains in memory, with or without a policy", service.entries)?;
        page.gauge(
            "mtasts_policy_octets",
            "Size of the policies in memory, in octets",
            service.policy_octets,
        )?;
        page.counter("mtasts_cache_hits", "Answers from memory, without a query", service.from_memory)?;
        page.counter("mtasts_lookups", "Lookups for an answer", service.lookups)?;
        let waiting = &service.waiting;
        page.gauges(
            "mtasts_lookups_waiting",
            "Waiting lookups, including those in the background, by what they wait for",
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
            "Lookups rejected because too many others were waiting",
            "for",
            &[
                ("dns", service.busy.dns),
                ("policy-host", service.busy.policy_host),
                ("lookups", service.busy.lookups),
                ("dane", dane.busy),
            ],
        )?;
        page.counter("mtasts_refreshes", "Lookups to refresh a policy", service.refreshes)?;
        page.counter("mtasts_fetches", "Fetched policies", service.fetched)?;
        let invalid = service.invalid_certificates + service.invalid_policies;
        // They are read one after the other.
        let others = service.fetch_failures.saturating_sub(invalid);
        page.counters(
            "mtasts_fetch_failures",
            "Failed fetches of policies, by the result type of TLSRPT",
            "result",
            &[
                ("sts-policy-fetch-error", others),
                ("sts-policy-invalid", service.invalid_policies),
                ("sts-webpki-invalid", service.invalid_certificates),
            ],
        )?;
        page.counter("mtasts_alerts", "Failed refreshes of cached policies", service.alerts)?;
        page.policies(&service)?;
        page.counter("mtasts_dns_failures", "Lookups without an answer from DNS", service.dns_failures)?;
        page.counter(
            "mtasts_local_faults",
            "Queries not made because of a fault of this machine, its network or its proxy",
            service.local_faults,
        )?;
        page.counters(
            "mtasts_dane_lookups",
            "Lookups of DANE, by the MX hosts to which it applies",
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
            if let Some((counts, faults)) = reports.outbox() {
                page.outbox(&counts, &faults)?;
            }
        }

        page.counters(
            "mtasts_reloads",
            "Reloads of the configuration",
            "result",
            &[
                ("done", self.reloads.done.load(Ordering::Relaxed)),
                ("failed", self.reloads.failed.load(Ordering::Relaxed)),
            ],
        )
    }
}

/// The label of the default zone. No other zone has this name.
pub(super) const DEFAULT_ZONE: &str = "default";

struct Page<'a>(DescriptorEncoder<'a>);

type Labels<'a> = [(&'a str, &'a str)];

impl Page<'_> {
    fn policies(&mut self, service: &ServiceCounts) -> fmt::Result {
        self.counters(
            "mtasts_policies_lapsed",
            "Policies that expired because they were not refreshed in time",
            "mode",
            &[("enforce", service.lapsed_enforce), ("testing", service.lapsed_testing)],
        )?;
        let policies = &service.policies;
        self.gauges(
            "mtasts_policies",
            "Unexpired policies in memory, by mode",
            "mode",
            &[("enforce", policies.enforce), ("testing", policies.testing), ("none", policies.none)],
        )?;
        if let Some(first) = policies.first_expiry {
            self.gauge(
                "mtasts_first_expiry_timestamp_seconds",
                "Earliest expiry of a policy in mode enforce or testing, unless it is refreshed, in Unix time",
                first.as_secs(),
            )?;
        }
        Ok(())
    }

    /// Writes the metrics of the store, and its state if there is one.
    fn store(&mut self, service: &ServiceCounts, state: StoreState) -> fmt::Result {
        self.counter("mtasts_store_failures", "Failed operations of the store", service.store_failures)?;
        self.gauge(
            "mtasts_store_unsaved",
            "Domains whose entries could not be written to the store yet",
            service.unsaved,
        )?;
        if state == StoreState::None {
            return Ok(());
        }
        self.gauge("mtasts_store_up", "Whether the store works", u64::from(state == StoreState::Up))?;
        self.gauges(
            "mtasts_store_unreadable",
            "Unreadable entries that the store keeps",
            "reason",
            &[("newer", service.store.newer), ("damaged", service.store.damaged)],
        )?;
        self.counter(
            "mtasts_store_evicted",
            "Entries evicted from the store to make room",
            service.store.evicted,
        )
    }

    /// The metrics of TLS reports.
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

    /// The metrics of the outbox of TLS reports.
    fn outbox(&mut self, counts: &OutboxCounts, faults: &[&str]) -> fmt::Result {
        self.counters(
            "mtasts_tlsrpt_deliveries",
            "Deliveries of TLS reports that have ended, by their result",
            "result",
            &[
                ("sent-by-mail", counts.sent_by_mail),
                ("sent-by-post", counts.sent_by_post),
                ("refused", counts.refused),
                ("given-up", counts.given_up),
                ("unwanted", counts.unwanted),
            ],
        )?;
        self.counter(
            "mtasts_tlsrpt_failed_attempts",
            "Failed attempts to deliver TLS reports",
            counts.failed_tries,
        )?;
        self.gauge(
            "mtasts_tlsrpt_waiting",
            "Deliveries of TLS reports that wait for an attempt",
            counts.waiting,
        )?;
        let parts = Outbox::PARTS.map(|part| (part, u64::from(!faults.contains(&part))));
        self.gauges(
            "mtasts_tlsrpt_outbox_up",
            "Whether a part that TLS reports depend on works",
            "part",
            &parts,
        )
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        // Prometheus only has floating point numbers; these are far from where they become inexact.
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
