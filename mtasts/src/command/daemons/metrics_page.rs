//! Metrics, one after the other, for Prometheus.

use std::fmt;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use nix::sys::resource::{Resource, getrlimit};
use nix::time::ClockId;
use nix::unistd::{SysconfVar, sysconf};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// All metrics of a daemon. They are collected on request: counting costs at most one addition.
#[derive(Debug)]
pub(crate) struct Metrics(Registry);

/// The sources of a daemon's own metrics.
pub(crate) trait MetricsSource: fmt::Debug + Send + Sync + 'static {
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result;
}

/// A source, and what is told of every process.
#[derive(Debug)]
struct Process<S> {
    started_at: Duration,
    source: S,
}

/// A page of metrics.
pub(crate) struct MetricsPage<'a>(DescriptorEncoder<'a>);

pub(crate) type Labels<'a> = [(&'a str, &'a str)];

/// The number of reloads of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Reloads {
    pub(crate) done: AtomicU64,
    pub(crate) failed: AtomicU64,
}

impl Metrics {
    /// The metrics of a process that starts now.
    pub(crate) fn of(source: impl MetricsSource) -> Self {
        let started_at = UNIX_EPOCH.elapsed().unwrap_or_default();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process { started_at, source }));
        Self(registry)
    }

    /// The text in the `OpenMetrics` format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.0);
        text
    }
}

impl<S: MetricsSource> Collector for Process<S> {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = MetricsPage(encoder);
        page.info("mtasts_build", "The program", &[("version", env!("CARGO_PKG_VERSION"))])?;
        page.gauge(
            "process_start_time_seconds",
            "Start time of the process, in Unix time",
            self.started_at.as_secs(),
        )?;
        page.process()?;
        self.source.write(&mut page)
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

    /// What Prometheus knows of every process, as far as the system says it.
    fn process(&mut self) -> fmt::Result {
        if let Ok(used) = ClockId::CLOCK_PROCESS_CPUTIME_ID.now() {
            let used = Duration::from(used).as_secs_f64();
            let help = "CPU time of the process, in seconds";
            let mut metric = self.family("process_cpu_seconds", help, MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&used, None)?;
        }
        if let Some(octets) = resident_octets() {
            self.gauge("process_resident_memory_bytes", "Resident memory of the process, in octets", octets)?;
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // One of them is the folder itself.
            let open = (files.count() as u64).saturating_sub(1);
            self.gauge("process_open_fds", "Open files of the process", open)?;
        }
        if let Ok((limit, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
            self.gauge("process_max_fds", "Maximum number of open files of the process", limit)?;
        }
        Ok(())
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
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&as_gauge(value))
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
            metric.encode_family(&labels)?.encode_gauge(&as_gauge(*value))?;
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

fn resident_octets() -> Option<u64> {
    let sizes = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split(' ').nth(1)?.parse().ok()?;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok()??;
    pages.checked_mul(u64::try_from(page).ok()?)
}

/// Prometheus only has floating point numbers; the numbers here are far from where these become inexact.
fn as_gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
