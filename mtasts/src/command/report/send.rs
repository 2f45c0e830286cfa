use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::DueReport;
use mta_sts_reporter::{
    DueReports, Outbox, OutboxCounts, ReportQueue, ReportStore, ReportStoreConfig, TrialFile, write_trial,
};

use super::super::check::now;
use super::super::output::{printable, with_progress};
use super::super::serve::DaemonConfiguration;
use super::super::{Exit, told};
use super::queue;

/// Send all due TLS reports once, if `mtasts serve` does not
///
/// A daemon that is running sends reports by itself, and this command then fails. With --dry-run the reports are written to files, for `mtasts
/// report show DIR`; nothing is sent or changed, and the daemon may be running.
///
/// Exit status: 0 fine; 1 the dry run could not write every report; 2 wrong usage; 66 nothing was counted yet, or a file cannot be written;
/// 75 a delivery failed and is repeated later, or another process has the files; 78 the configuration has a mistake.
#[derive(Args, Debug)]
pub(crate) struct Send {
    /// The configuration of `mtasts serve` [default: `mtasts.toml` in `$CONFIGURATION_DIRECTORY`, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write mails (.eml) and bodies of POSTs (.json.gz) of all days before today to this folder, and send nothing
    #[arg(long, value_name = "DIR")]
    dry_run: Option<PathBuf>,
    /// With --dry-run: also the reports of today, with the counts until now
    #[arg(long, requires = "dry_run")]
    today: bool,
}

type Failed = (Exit, String);

impl Send {
    pub(crate) async fn run(&self) -> Exit {
        let done = match &self.dry_run {
            Some(folder) => self.try_out(folder).await,
            None => self.send().await,
        };
        done.unwrap_or_else(|(exit, what)| told(exit, &what))
    }

    fn configuration(&self) -> Result<DaemonConfiguration, Failed> {
        DaemonConfiguration::read(self.config.as_deref())
    }

    async fn send(&self) -> Result<Exit, Failed> {
        let configuration = self.configuration()?;
        let (tally, config) = configuration.report_store()?;
        let trust_store = configuration.trust_store()?;
        let path = configuration.report_queue();
        let store = open_store(&tally, config)?;
        let queue = ReportQueue::open(&path).map_err(|error| {
            (queue::exit(&error), format!("{}: {error} (a running daemon sends by itself)", path.display()))
        })?;
        let mailer = configuration.report_mailer(&trust_store);
        let poster = configuration.report_poster(trust_store);
        let mut outbox = Outbox::new(queue, configuration.dns_client()?, poster, mailer);
        if let Some(fleet) = configuration.report_fleet(&store)? {
            outbox = outbox.with_fleet(fleet);
        }
        let reports: Arc<dyn DueReports> = Arc::new(store);
        let sent = with_progress("sending", outbox.send_due(&reports)).await;
        sent.map_err(|error| (queue::exit(&error), format!("{}: {error}", path.display())))?;
        let waiting = outbox.queue().waiting().unwrap_or_default();
        let counts = outbox.counts();
        let _ = print_counts(&counts, waiting);
        Ok(if counts.failed_tries > 0 { Exit::Temporary } else { Exit::Fine })
    }

    async fn try_out(&self, folder: &Path) -> Result<Exit, Failed> {
        let configuration = self.configuration()?;
        let (tally, config) = configuration.report_store()?;
        let mailer = configuration.report_mailer(&configuration.trust_store()?);
        let reports = due_of_copy(&tally, config, self.today)?;
        let dns = configuration.dns_client()?;
        let written =
            with_progress("querying TLSRPT records", write_trial(folder, &reports, &dns, &mailer, now()))
                .await;
        let files = written.map_err(|error| (Exit::NoInput, format!("{}: {error}", folder.display())))?;
        let _ = print_files(&files);
        let is_whole = files.iter().all(|file| file.error.is_none());
        Ok(if is_whole { Exit::Fine } else { Exit::No })
    }
}

fn open_store(path: &Path, config: ReportStoreConfig) -> Result<ReportStore, Failed> {
    let failed = |what: String| (Exit::Temporary, format!("{}: {what}", path.display()));
    if !path.exists() {
        return Err((Exit::NoInput, format!("{}: nothing was counted yet", path.display())));
    }
    let store = ReportStore::open(path, config).map_err(|error| failed(error.to_string()))?;
    // If another process has the store, its counts are unknown here.
    store.save().map_err(|error| failed(format!("{error} (a running daemon sends by itself)")))?;
    Ok(store)
}

/// The reports due by the end of a day, from a copy of the counts: a running daemon keeps its own.
fn due_of_copy(path: &Path, config: ReportStoreConfig, with_today: bool) -> Result<Vec<DueReport>, Failed> {
    let failed = |what: &dyn std::fmt::Display| (Exit::Temporary, format!("{}: {what}", path.display()));
    if !path.exists() {
        return Err((Exit::NoInput, format!("{}: nothing was counted yet", path.display())));
    }
    let folder = tempfile::tempdir().map_err(|error| failed(&error))?;
    let copy = folder.path().join("tally.sqlite");
    copy_database(path, &copy).map_err(|error| failed(&error))?;
    let store = open_store(&copy, config)?;
    let day = now().as_secs() / DAY + 1 + u64::from(with_today);
    let end = UnixTime::from_secs(day * DAY - 1);
    let mut reports = Vec::new();
    loop {
        let due = store.due(end).map_err(|error| failed(&error))?;
        if due.is_empty() {
            return Ok(reports);
        }
        let taken = store.taken(due.iter().map(|report| &report.id), end);
        taken.map_err(|error| failed(&error))?;
        reports.extend(due);
    }
}

/// Copies a database that another process may be writing. A copy is consistent if the write-ahead log did not change meanwhile, since
/// its pages are written to the database only before it begins anew.
fn copy_database(from: &Path, to: &Path) -> io::Result<()> {
    let log = |path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        PathBuf::from(name)
    };
    let read_log = || match fs::read(log(from)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    };
    for _ in 0..COPY_TRIES {
        let before = read_log()?;
        fs::copy(from, to)?;
        if read_log()? == before {
            return fs::write(log(to), before);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Err(io::Error::other("it changes too fast to be copied"))
}

fn print_counts(counts: &OutboxCounts, waiting: u64) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    for (number, what) in [
        (counts.sent_by_mail, "sent by mail"),
        (counts.sent_by_post, "sent by POST"),
        (counts.unwanted, "no longer wanted"),
        (counts.refused, "refused"),
        (counts.failed_tries, "failed"),
        (counts.given_up, "given up"),
        (waiting, "waiting (see `mtasts report queue`)"),
    ] {
        if number > 0 {
            writeln!(out, "{number} {what}")?;
        }
    }
    if *counts == OutboxCounts::default() {
        writeln!(out, "no report is due")?;
    }
    out.flush()
}

fn print_files(files: &[TrialFile]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    if files.is_empty() {
        writeln!(out, "no report would be sent")?;
    }
    for file in files {
        let rua = file.rua.as_deref().unwrap_or("no address");
        write!(out, "{} to {}: ", printable(&file.domain), printable(rua))?;
        match (&file.file, &file.error) {
            (Some(path), _) => writeln!(out, "{}", printable(&path.display().to_string()))?,
            (None, error) => writeln!(out, "{}", printable(error.as_deref().unwrap_or_default()))?,
        }
    }
    out.flush()
}

const DAY: u64 = 86_400;
const COPY_TRIES: u32 = 20;
