//! The sources of reports, and the progress of reading.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mta_sts_core::UnixTime;
use mta_sts_reporter::{Inbox, InboxItems, InboxLimits, Overview};
use tokio::time::Instant;

use crate::command::Exit;
use crate::command::output::{Block, Tone};

/// The sources, and the required authentication.
#[derive(Args, Debug)]
pub(in crate::command) struct Sources {
    /// A file, a folder, a maildir, an mbox, or `-` for the standard input
    #[arg(required = true, value_name = "SOURCE")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

/// How sources are read.
#[derive(Args, Debug)]
pub(in crate::command) struct Reading {
    /// Take only reports by mail whose DKIM signature this host has found valid, as the field Authentication-Results says; the
    /// signing domain must be that of the submitter, or a subdomain or parent domain of it
    #[arg(long, value_name = "HOST")]
    require_dkim: Option<String>,
    /// How many MiB of reports are read at most, unpacked
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    max_mib: u64,
}

impl Sources {
    /// These sources, without required authentication.
    pub(in crate::command) fn of(paths: Vec<PathBuf>) -> Self {
        Self { paths, reading: Reading { require_dkim: None, max_mib: 256 } }
    }

    pub(in crate::command) fn read(&self) -> Overview {
        self.reading.read(&self.paths)
    }
}

impl Reading {
    /// Reads all sources, and shows the progress on the terminal after one second.
    pub(in crate::command) fn read(&self, paths: &[PathBuf]) -> Overview {
        let limits = InboxLimits::new().with_max_total(self.max_mib.saturating_mul(1024 * 1024));
        let mut inbox = Inbox::new().with_limits(limits);
        for path in paths {
            inbox = inbox.with_source(path);
        }
        if let Some(host) = &self.require_dkim {
            inbox = inbox.with_required_dkim(host);
        }
        let (mut overview, mut items, mut progress) = (Overview::new(), inbox.read(), Progress::new());
        while let Some(item) = items.next() {
            overview.add(item);
            progress.show(&items);
        }
        progress.end();
        overview
    }
}

/// The result of reading, as the exit status.
pub(in crate::command) fn exit_of(overview: &Overview) -> Exit {
    let counts = overview.counts();
    match (counts.reports + counts.differing, overview.unreadable_count()) {
        (0, _) => Exit::NoInput,
        (_, 0) => Exit::Fine,
        _ => Exit::No,
    }
}

/// The inputs that were not read.
pub(in crate::command) fn unreadable_block(overview: &Overview) -> Option<Block> {
    const MOST: usize = 20;
    let all = overview.unreadable_count();
    if all == 0 {
        return None;
    }
    let mut block = Block::with_verdict("Not read", Tone::Bad, &all.to_string());
    for line in overview.unreadable().iter().take(MOST) {
        block.line("", Tone::Plain, format!("{}: {} [{}]", line.origin, line.message, line.code));
    }
    let more = all.saturating_sub(MOST as u64);
    if more > 0 {
        block.line(
            "",
            Tone::Plain,
            format!("{more} more; --json lists {} of them", Overview::MAX_UNREADABLE),
        );
    }
    Some(block)
}

pub(super) fn now() -> UnixTime {
    crate::command::check::now()
}

/// A bar on standard error, if that is a terminal.
struct Progress {
    begun: Instant,
    drawn: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    const PATIENCE: Duration = Duration::from_secs(1);
    const EACH: Duration = Duration::from_millis(100);

    fn new() -> Self {
        let now = Instant::now();
        Self { begun: now, drawn: now, bar: None }
    }

    fn show(&mut self, items: &InboxItems) {
        if self.begun.elapsed() < Self::PATIENCE || self.drawn.elapsed() < Self::EACH {
            return;
        }
        self.drawn = Instant::now();
        let (read, known) = items.progress();
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("reading {bar:30} {pos} of {len} ({eta})");
            ProgressBar::new(known).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_length(known);
        bar.set_position(read);
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
