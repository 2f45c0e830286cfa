use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mta_sts_core::tlsrpt::{DueReport, Event, PolicyType, ReportSender, SessionFacts, Tally, TallyConfig};
use mta_sts_core::{PolicyDomain, UnixTime};
use mta_sts_reporter::{Inbox, Overview, Page, ReportMailer, write_trial};
use mta_sts_resolver::{DnsClient, DnsConfig};
use mta_sts_world::{TlsrptAnswer, World};
use serde::Serialize;

use super::trial::Trial;
use crate::command::check::now;
use crate::command::report::write_page;

/// A folder for the TLS reports of the sender with MTA-STS, and the page that shows them.
#[derive(Debug)]
pub(super) struct ReportFolder(PathBuf);

/// What was written.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    /// One report for each domain that the sender had a session with.
    pub(super) files: Vec<PathBuf>,
    pub(super) page: PathBuf,
}

impl ReportFolder {
    /// Makes the folder if need be. It must be writable: better to know before the scenarios than after.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let probe = path.join(format!(".{}.tmp", std::process::id()));
        fs::write(&probe, "")?;
        fs::remove_file(&probe)?;
        Ok(Self(path.to_owned()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes what the sender's outbox would post to each domain, and the page. Every domain asks for reports.
    pub(super) async fn write(&self, world: &World, trials: &[Trial]) -> Result<Written, Failure> {
        for trial in trials {
            let domain = &trial.scenario.domain;
            let record = format!("v=TLSRPTv1; rua=https://tls-reports.{domain}/v1");
            world.set_tlsrpt(domain, TlsrptAnswer::Record(record))?;
        }
        let now = now();
        let dns = DnsClient::new(DnsConfig::new(world.dns_addr()));
        // It makes no mail: the reports are posted.
        let mailer = ReportMailer::sendmail("sendmail");
        let written = write_trial(&self.0, &reports(trials, now)?, &dns, &mailer, now).await?;
        if let Some(error) = written.iter().find_map(|file| file.error.as_ref()) {
            return Err(error.as_str().into());
        }
        let files: Vec<_> = written.into_iter().filter_map(|file| file.file).collect();

        let mut overview = Overview::new();
        let inbox = files.iter().fold(Inbox::new(), Inbox::with_source);
        for item in inbox.read() {
            overview.add(item);
        }
        let page = self.0.join("tls.html");
        write_page(Some(&page), &Page::new(&overview, now).to_html())?;
        Ok(Written { files, page })
    }
}

impl Written {
    pub(super) fn sentence(&self) -> String {
        let page = self.page.display();
        match self.files.len() {
            0 => format!("No TLS report is due: there was no session. The page {page} says so.\n"),
            1 => format!("1 TLS report is beside the page {page}, which shows it.\n"),
            count => format!("{count} TLS reports are beside the page {page}, which shows them.\n"),
        }
    }
}

/// The reports about the sessions of all trials, as if those were yesterday's.
fn reports(trials: &[Trial], now: UnixTime) -> Result<Vec<DueReport>, Failure> {
    let sender = ReportSender::new("tls-reports@sender.test", "Sender of the demo")?;
    let yesterday = UnixTime::from_secs(now.as_secs().saturating_sub(DAY.as_secs()));
    let mut tally = Tally::new(TallyConfig::new(0, sender));
    for trial in trials {
        count(&mut tally, trial, yesterday)?;
    }
    // After every delay.
    let due = yesterday.saturating_add(2 * DAY);
    Ok(std::iter::from_fn(|| tally.poll_report(due)).collect())
}

fn count(tally: &mut Tally, trial: &Trial, at: UnixTime) -> Result<(), Failure> {
    let domain = PolicyDomain::parse(&trial.scenario.domain)?;
    let discovery = Event::discovery(&domain, &trial.outcome);
    if let Some(event) = &discovery {
        tally.count(event, at);
    }
    // Without a policy because of that failure, the session counts as failed, and only once.
    let is_counted = discovery.is_some_and(|event| event.has_failed());
    for session in &trial.mta_sts.journey.sessions {
        if is_counted && session.row.policy_type == PolicyType::NoPolicyFound {
            continue;
        }
        let mut facts = SessionFacts::new(&session.mx);
        if let Some(policy) = trial.outcome.policy() {
            facts = facts.with_policy(policy);
        }
        if let Some(address) = session.address {
            facts = facts.with_receiving_ip(address);
        }
        tally.count(&Event::session(&domain, &session.row, facts), at);
    }
    Ok(())
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

const DAY: Duration = Duration::from_secs(86_400);
