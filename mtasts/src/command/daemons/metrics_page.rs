//! Metrics, one after the other, for Prometheus.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// A page of metrics.
pub(crate) struct MetricsPage<'a>(DescriptorEncoder<'a>);

pub(crate) type Labels<'a> = [(&'a str, &'a str)];

/// The number of reloads of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Reloads {
    pub(crate) done: AtomicU64,
    pub(crate) failed: AtomicU64,
}

impl<'a> MetricsPage<'a> {
    pub(crate) fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }
}

impl MetricsPage<'_> {
    /// The start of a metric with several values.
    pub(crate) fn family<'n>(
        &'n mut self,
        name: &'n str,
        help: &'n str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'n>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }

    pub(crate) fn reloads(&mut self, reloads: &Reloads) -> fmt::Result {
        self.counters(
            "mtasts_reloads",
            "Reloads of the configuration",
            "result",
            &[
                ("done", reloads.done.load(Ordering::Relaxed)),
                ("failed", reloads.failed.load(Ordering::Relaxed)),
            ],
        )
    }

    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        // Prometheus only has floating point numbers; these are far from where they become inexact.
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    pub(crate) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &[(&str, u64)],
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (word, value) in values {
            let labels: &Labels<'_> = &[(label, word)];
            metric.encode_family(&labels)?.encode_gauge(&i64::try_from(*value).unwrap_or(i64::MAX))?;
        }
        Ok(())
    }

    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    pub(crate) fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &[(&str, u64)],
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (word, value) in values {
            let labels: &Labels<'_> = &[(label, word)];
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(value, None)?;
        }
        Ok(())
    }

    pub(crate) fn info(&mut self, name: &str, help: &str, labels: &Labels<'_>) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(&labels)
    }
}
