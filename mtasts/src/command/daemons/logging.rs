//! The log: its level and its format.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use super::value::text;

/// The table `[log]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Log {
    #[serde(with = "text")]
    pub(crate) level: LogLevel,
    pub(crate) format: LogFormat,
    pub(crate) domains: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogLevel(LevelFilter);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// Changes the level of a running log.
#[derive(Clone, Debug)]
pub(crate) struct Logging {
    level: reload::Handle<LevelFilter, Registry>,
}

impl Log {
    /// Starts the log, on standard error.
    pub(crate) fn start(&self) -> Logging {
        let (filter, level) = reload::Layer::new(self.level.0);
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
        let lines = match self.format {
            // The journal adds its own time, and reads the priority of a line from its prefix.
            LogFormat::Text if stderr_is_journal() => {
                let format =
                    tracing_subscriber::fmt::format().without_time().with_level(false).with_target(false);
                lines.with_ansi(false).event_format(JournalLines(format)).boxed()
            }
            LogFormat::Text => lines.with_ansi(false).with_target(false).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_target(false).boxed(),
        };
        tracing_subscriber::registry().with(filter).with(lines).init();
        Logging { level }
    }
}

impl Logging {
    pub(crate) fn set_level(&self, level: LogLevel) {
        // It fails only if the log is gone.
        let _ = self.level.reload(level.0);
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: LogLevel(LevelFilter::INFO), format: LogFormat::default(), domains: false }
    }
}

impl FromStr for LogLevel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "expected error, warn, info, debug, trace or off")
    }
}

impl std::fmt::Display for LogLevel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Lines with the priority prefix of the journal, as in `sd-daemon(3)`.
struct JournalLines<F>(F);

impl<S, N, F> FormatEvent<S, N> for JournalLines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        writer.write_str(match *event.metadata().level() {
            Level::ERROR => "<3>",
            Level::WARN => "<4>",
            Level::INFO => "<6>",
            Level::DEBUG | Level::TRACE => "<7>",
        })?;
        self.0.format_event(context, writer, event)
    }
}

/// Returns whether standard error is the stream to the journal that systemd has opened, and not
/// redirected.
fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    stderr
        .and_then(|stderr| stderr.metadata())
        .is_ok_and(|stderr| stream == format!("{}:{}", stderr.dev(), stderr.ino()))
}
