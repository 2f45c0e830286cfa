//! The metrics of the daemon, for Prometheus.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mta_sts_reporter::{CollectorCounts, Outbox, OutboxCounts, ReportStoreState};
use mta_sts_resolver::{PolicyService, ServiceCounts, StoreState};
use mtasts_socketmap::{AnswerCounts, AnswerTimes, SocketmapServer};
use prometheus_client::encoding::NoLabelSet;
use prometheus_client::metrics::MetricType;

use super::super::daemons::{Labels, MetricsPage, MetricsSource, Reloads};
use super::reports::Reports;

/// The sources of the numbers.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) server: SocketmapServer,
    pub(super) service: PolicyService,
    pub(super) reports: Option<Arc<Reports>>,
    pub(super) reloads: Arc<Reloads>,
}

impl MetricsSource for Sources {
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let server = self.server.counts();
        let named = server.zones.iter().map(|(name, counts)| (name.as_str(), counts));
        let zones: Vec<_> = std::iter::once((DEFAULT_ZONE, &server.default_zone)).chain(named).collect();
        write_answers(page, "mtasts_requests", "Answered requests", &zones)?;
        write_times(page, &zones)?;
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
        write_policies(page, &service)?;
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
        write_store(page, &service, self.service.store_state())?;
        if let Some(reports) = &self.reports {
            write_reports(page, reports)?;
        }

        page.reloads(&self.reloads)
    }
}

/// The label of the default zone. No other zone has this name.
pub(super) const DEFAULT_ZONE: &str = "default";

fn write_policies(page: &mut MetricsPage<'_>, service: &ServiceCounts) -> fmt::Result {
    page.counters(
        "mtasts_policies_lapsed",
        "Policies that expired because they were not refreshed in time",
        "mode",
        &[("enforce", service.lapsed_enforce), ("testing", service.lapsed_testing)],
    )?;
    let policies = &service.policies;
    page.gauges(
        "mtasts_policies",
        "Unexpired policies in memory, by mode",
        "mode",
        &[("enforce", policies.enforce), ("testing", policies.testing), ("none", policies.none)],
    )?;
    if let Some(first) = policies.first_expiry {
        page.gauge(
            "mtasts_first_expiry_timestamp_seconds",
            "Earliest expiry of a policy in mode enforce or testing, unless it is refreshed, in Unix time",
            first.as_secs(),
        )?;
    }
    Ok(())
}

/// Writes the metrics of the store, and its state if there is one.
fn write_store(page: &mut MetricsPage<'_>, service: &ServiceCounts, state: StoreState) -> fmt::Result {
    page.counter("mtasts_store_failures", "Failed operations of the store", service.store_failures)?;
    page.gauge(
        "mtasts_store_unsaved",
        "Domains whose entries could not be written to the store yet",
        service.unsaved,
    )?;
    if state == StoreState::None {
        return Ok(());
    }
    page.gauge("mtasts_store_up", "Whether the store works", u64::from(state == StoreState::Up))?;
    page.gauges(
        "mtasts_store_unreadable",
        "Unreadable entries that the store keeps",
        "reason",
        &[("newer", service.store.newer), ("damaged", service.store.damaged)],
    )?;
    page.counter("mtasts_store_evicted", "Entries evicted from the store to make room", service.store.evicted)
}

/// The metrics of TLS reports.
fn write_reports(page: &mut MetricsPage<'_>, reports: &Reports) -> fmt::Result {
    let (counts, state) = reports.counts();
    write_collected(page, &counts, &state)?;
    if let Some(probes) = reports.probes() {
        page.counters(
            "mtasts_tlsrpt_probes",
            "Probes of domains in mode testing, by their result",
            "result",
            &[
                ("passed", probes.passed),
                ("failed", probes.failed),
                ("unknown", probes.unknown),
                ("skipped", probes.skipped),
            ],
        )?;
    }
    if let Some((counts, faults)) = reports.outbox() {
        write_outbox(page, &counts, &faults)?;
    }
    let Some(is_sender) = reports.is_sender() else { return Ok(()) };
    page.gauge(
        "mtasts_tlsrpt_sender",
        "Whether this machine sends the TLS reports of all that share the store",
        u64::from(is_sender),
    )?;
    let parcels = state.parcels as u64;
    page.gauge("mtasts_tlsrpt_parcels", "Parcels of counts on their way to that machine", parcels)
}

fn write_collected(
    page: &mut MetricsPage<'_>,
    counts: &CollectorCounts,
    state: &ReportStoreState,
) -> fmt::Result {
    let not_counted = |code| counts.not_counted.get(code).copied().unwrap_or_default();
    page.counters(
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
    page.counters(
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
    page.counter("mtasts_tlsrpt_reports", "TLS reports that were given out to be sent", state.taken)?;
    page.gauge("mtasts_tlsrpt_domains", "Domains that sessions are counted of today", state.domains as u64)?;
    page.gauge("mtasts_tlsrpt_octets", "Octets that all counts take in memory", state.octets as u64)?;
    page.gauge(
        "mtasts_tlsrpt_store_up",
        "Whether what is counted for TLS reports is saved",
        u64::from(state.unsaved_since.is_none()),
    )
}

fn write_answers(
    page: &mut MetricsPage<'_>,
    name: &str,
    help: &str,
    zones: &[(&str, &AnswerCounts)],
) -> fmt::Result {
    let mut metric = page.family(name, help, MetricType::Counter)?;
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

fn write_times(page: &mut MetricsPage<'_>, zones: &[(&str, &AnswerCounts)]) -> fmt::Result {
    let name = "mtasts_request_duration_seconds";
    let help = "Time from the end of a request to its answer";
    let mut metric = page.family(name, help, MetricType::Histogram)?;
    let limits = AnswerTimes::LIMITS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
    for (zone, AnswerCounts { times, .. }) in zones {
        let answers = times.within.iter().chain([&times.longer]).copied();
        // The encoder sums them up.
        let buckets: Vec<_> = limits.clone().zip(answers.clone()).collect();
        let labels: &Labels<'_> = &[("zone", zone)];
        metric.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
            times.sum.as_secs_f64(),
            answers.sum(),
            &buckets,
            None,
        )?;
    }
    Ok(())
}

/// The metrics of the outbox of TLS reports.
fn write_outbox(page: &mut MetricsPage<'_>, counts: &OutboxCounts, faults: &[&str]) -> fmt::Result {
    page.counters(
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
    page.counter(
        "mtasts_tlsrpt_failed_attempts",
        "Failed attempts to deliver TLS reports",
        counts.failed_tries,
    )?;
    page.gauge(
        "mtasts_tlsrpt_waiting",
        "Deliveries of TLS reports that wait for an attempt",
        counts.waiting,
    )?;
    let parts = Outbox::PARTS.map(|part| (part, u64::from(!faults.contains(&part))));
    page.gauges("mtasts_tlsrpt_outbox_up", "Whether a part that TLS reports depend on works", "part", &parts)
}
