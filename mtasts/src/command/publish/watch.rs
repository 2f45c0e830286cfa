//! `mtasts publish watch`: looks at domains again and again, and tells what fails.

mod alarms;
mod board;
mod hook;
mod silence;
mod state;
mod view;
mod watched;
mod watcher;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use self::watcher::Watcher;
use super::published::Folder;
use crate::command::check::{Looking, Subject, subject};
use crate::command::daemons::{LogFormat, LogLevel};
use crate::command::{Exit, told};

/// Look at domains every hour, and tell when something fails, and when it is over
///
/// Each domain is looked at as `mtasts publish check` does. What fails in two looks in a row is an alarm, by its state: dns,
/// id-body, fetch, certificate, mx-not-covered, starttls, reports-silent, removal-ready. Alarms are printed, one a line; --exec runs a
/// command for each, --metrics tells Prometheus. SIGHUP reads published.toml again, SIGTERM and SIGINT end it.
///
/// Exit status: 0 it was ended, or with --once, there is no alarm; 1 with --once, there is one; 2 wrong usage; 66 the folder is not
/// there, or a file cannot be read; 75 with --once, not everything could be seen now; 78 published.toml has a mistake.
#[derive(Args, Debug)]
pub(super) struct Watch {
    /// A domain, or an e-mail address for its domain
    #[arg(required_unless_present = "all", value_name = "DOMAIN", value_parser = subject)]
    domains: Vec<Subject>,
    /// Watch every domain in published.toml
    #[arg(long, conflicts_with = "domains")]
    all: bool,
    /// Look once, and again at what fails after --pause; then exit
    #[arg(long)]
    once: bool,
    /// Look at each domain so often, give or take a tenth
    #[arg(long, value_name = "TIME", default_value = "1h", conflicts_with = "once", value_parser = interval)]
    every: Duration,
    /// The time between both looks of --once
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = super::duration, requires = "once")]
    pause: Duration,
    /// How many looks in a row must fail for an alarm
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10))]
    failures: u32,
    /// Read TLS reports here, as `mtasts report` does, and tell when a sender that reported daily is silent for three days; may be
    /// given more than once
    #[arg(long, value_name = "SOURCE")]
    reports: Vec<PathBuf>,
    /// Run this program for each alarm and each end of one. It has no arguments: `MTASTS_EVENT` is alarm or recovery, and there are
    /// `MTASTS_DOMAIN`, `_STATE`, `_SINCE`, `_TIME`, `_MESSAGE`, and `_FIX`
    #[arg(long, value_name = "COMMAND")]
    exec: Option<PathBuf>,
    /// Serve /metrics and /healthz here [default: nowhere]
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "once")]
    metrics: Option<SocketAddr>,
    /// Print each alarm as a JSON object on a line
    #[arg(long)]
    json: bool,
    /// Log events of at least this level
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LogLevel,
    /// Format of log lines
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    looking: Looking,
}

impl Watch {
    pub(super) async fn run(self) -> Exit {
        let is_once = self.once;
        let watcher = match Watcher::new(self) {
            Ok(watcher) => watcher,
            Err((exit, what)) => return told(exit, &what),
        };
        let ended = if is_once { Ok(watcher.look_once().await) } else { watcher.run().await };
        ended.unwrap_or_else(|(exit, what)| told(exit, &what))
    }
}

/// A span of time that leaves name servers and hosts alone for a while.
fn interval(given: &str) -> Result<Duration, String> {
    let span = super::duration(given)?;
    if span < Duration::from_secs(1) { Err("expected a second or more".to_owned()) } else { Ok(span) }
}
