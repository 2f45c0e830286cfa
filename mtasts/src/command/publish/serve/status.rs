//! What the Policy Host says on its HTTP pages.

use std::fmt;
use std::sync::Arc;

use mta_sts_publisher::{AcmeCertificates, PolicyHostServer, ReportReceiver};
use mta_sts_resolver::{Clock, SystemClock};

use super::super::super::daemons::{Metrics, MetricsPage, MetricsSource, Phase, Reloads, Status};

/// The status of the Policy Host.
#[derive(Debug)]
pub(super) struct PublisherStatus {
    phase: Arc<Phase>,
    server: PolicyHostServer,
    metrics: Metrics,
}

/// The sources of the numbers.
#[derive(Debug)]
struct Sources {
    server: PolicyHostServer,
    receiver: Option<ReportReceiver>,
    acme: Option<AcmeCertificates>,
    reloads: Arc<Reloads>,
}

impl PublisherStatus {
    pub(super) fn new(
        phase: Arc<Phase>,
        server: PolicyHostServer,
        receiver: Option<ReportReceiver>,
        acme: Option<AcmeCertificates>,
        reloads: Arc<Reloads>,
    ) -> Self {
        let metrics = Metrics::of(Sources { server: server.clone(), receiver, acme, reloads });
        Self { phase, server, metrics }
    }
}

impl Status for PublisherStatus {
    fn metrics(&self) -> String {
        self.metrics.text()
    }

    fn is_healthy(&self) -> bool {
        self.phase.is_serving()
    }

    fn health(&self) -> String {
        let counts = self.server.counts();
        format!(
            "{}\npolicies: {} domains, {} sent\ncertificates: {}\n",
            self.phase.word(),
            counts.domains,
            counts.policies,
            self.server.certificates().lives().len(),
        )
    }
}

impl MetricsSource for Sources {
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let counts = self.server.counts();
        page.gauge("mtasts_publish_domains", "Domains with a policy", counts.domains)?;
        page.gauge("mtasts_publish_connected", "Open connections", counts.connected)?;
        page.counter("mtasts_publish_connections", "Accepted connections", counts.connections)?;
        page.counters(
            "mtasts_publish_lost_connections",
            "Connections without a request, by the reason",
            "reason",
            &[
                ("too-many", counts.turned_away),
                ("unknown-name", counts.unknown_names),
                // They are read one after the other.
                ("handshake", counts.failed_handshakes.saturating_sub(counts.unknown_names)),
            ],
        )?;
        page.counters(
            "mtasts_publish_requests",
            "Answered requests",
            "answer",
            &[
                ("policy", counts.policies),
                ("not-found", counts.not_found),
                ("misdirected", counts.misdirected),
                ("refused", counts.refused),
                ("report", counts.reports),
                ("report-refused", counts.refused_reports),
            ],
        )?;
        let lives = self.server.certificates().lives();
        page.gauge("mtasts_publish_certificates", "Certificates in use", lives.len() as u64)?;
        if let Some(first) = lives.first() {
            page.gauge(
                "mtasts_publish_first_certificate_expiry_timestamp_seconds",
                "Earliest end of a certificate in use, in Unix time",
                first.not_after.as_secs(),
            )?;
        }
        let acme = self.acme.as_ref().map(AcmeCertificates::counts);
        let ending = acme.as_ref().map_or_else(
            || {
                let now = SystemClock.now();
                lives.iter().filter(|life| now >= life.overdue_at()).count() as u64
            },
            |counts| counts.ending,
        );
        page.gauge(
            "mtasts_publish_ending_certificates",
            "Certificates that end soon, and should have been renewed",
            ending,
        )?;
        if let Some(counts) = acme {
            page.counters(
                "mtasts_publish_orders",
                "Orders of certificates, by their result",
                "result",
                &[("issued", counts.issued), ("failed", counts.failed)],
            )?;
            page.gauge(
                "mtasts_publish_missing_certificates",
                "Policy Hosts without a valid certificate",
                counts.without_certificate,
            )?;
            page.gauge(
                "mtasts_publish_orders_up",
                "Whether nothing holds up all orders",
                u64::from(counts.faults.is_empty()),
            )?;
        }
        if let Some(receiver) = &self.receiver {
            page.gauge(
                "mtasts_publish_report_octets",
                "Size of the folder of reports, in octets",
                receiver.used(),
            )?;
        }
        page.reloads(&self.reloads)
    }
}
