//! `mtasts publish html`: what domains publish, and what to do next, as one page.

use std::path::{Path, PathBuf};

use clap::Args;
use mta_sts_core::{DnsName, PolicyDomain, UnixTime};
use mta_sts_reporter::{
    DomainStanding, Overview, PublishedDomain, PublishedFinding, PublishedHost, PublishedPage,
};
use mta_sts_resolver::{DomainCheck, HostCheck, PeerCertificate, SessionCheck, Standing};

use super::plan::Change;
use super::planning::Planner;
use super::published::{Known, NO_DOMAIN, Published};
use super::remarks;
use super::sight::Sight;
use crate::command::check::{
    Item, LiveCheck, Looked, Subject, Verdict, decision, end_of, is_candidate, items, now, some_of, subject,
};
use crate::command::output::{Tone, with_progress};
use crate::command::report::{Reading, exit_of, unreadable_block, write_page};
use crate::command::{Exit, told};

/// Make one HTML page of what DOMAIN publishes: what to do now, and what is safe when
///
/// The page works from a file, by mail and on paper, in light and dark, on phones; it has no scripts and fetches nothing when it is
/// opened. What to do now comes first, then the plan as a picture of time, MX hosts and certificates, what is published now, what
/// reports say, and the history. What is seen is added to the history in DIR/published.toml, as by `mtasts publish plan`. The plan
/// goes on to mode enforce unless `--mode testing` holds it, and to its end if a removal has begun.
///
/// Exit status: 0 the page was made; 1 a domain has no history, or has a target that cannot be published, or a report was not read; 2
/// wrong usage; 66 no report was read, the folder is not there, or a file cannot be read; 75 DNS or a Policy Host could not be seen
/// now, as the page says, or a file cannot be written; 78 published.toml has a mistake.
#[derive(Args, Debug)]
// Without reports, how they are read is a mistake, and not silently ignored.
#[command(mut_arg("require_dkim", |arg| arg.requires("reports")), mut_arg("max_mib", |arg| arg.requires("reports")))]
pub(super) struct Html {
    /// A domain, or an e-mail address for its domain
    #[arg(required_unless_present = "all", value_name = "DOMAIN", value_parser = subject)]
    domains: Vec<Subject>,
    /// Write the page to this file, instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Heed these TLS reports before mode enforce: a file, a folder, a maildir, or an mbox; may be given more than once
    #[arg(long, value_name = "SOURCE")]
    reports: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    change: Change,
    #[command(flatten)]
    planner: Planner,
}

/// A domain as it was seen from outside.
type Seen = Result<(Sight, Looked), (Exit, String)>;

impl Html {
    pub(super) async fn run(self) -> Exit {
        match self.make().await {
            Ok(exit) => exit,
            Err((exit, what)) => told(exit, &what),
        }
    }

    async fn make(self) -> Result<Exit, (Exit, String)> {
        let before = Published::read(&self.planner.folder)?;
        let given = self.domains.iter().map(|subject| subject.domain.clone()).collect();
        let domains = self.planner.domains(&before, given)?;
        if domains.is_empty() {
            return Err((Exit::No, NO_DOMAIN.to_owned()));
        }
        let overview = (!self.reports.is_empty()).then(|| self.reading.read(&self.reports));
        let mut exit = overview.as_ref().map_or(Exit::Fine, exit_of);
        let seen = self.look(&domains, &before).await?;

        // Others may have noted something meanwhile, and go on without waiting for the network.
        let mut published = Published::open(&self.planner.folder)?;
        let mut views = Vec::new();
        for (domain, seen) in domains.into_iter().zip(seen) {
            let mut known = published.known(&domain)?.clone();
            let (view, result) = self.view(&mut known, seen, overview.as_ref());
            if let Err((worse, what)) = result {
                anstream::eprintln!("mtasts: {what}");
                exit = exit.max(worse);
            }
            views.push(view);
            published.domains.insert(domain, known);
        }
        published.write()?;
        let page = views.into_iter().fold(PublishedPage::new(now()), PublishedPage::with_domain);
        write_page(self.output.as_deref(), &page.to_html()).map_err(|error| {
            let file = self.output.as_deref().unwrap_or(Path::new("-"));
            (Exit::Temporary, format!("{}: {error}", file.display()))
        })?;
        if let Some(block) = overview.as_ref().and_then(unreadable_block) {
            // The page is made all the same.
            let _ = block.print_to_stderr();
        }
        Ok(exit)
    }

    /// Looks at all domains, some at once.
    async fn look(
        &self,
        domains: &[PolicyDomain],
        published: &Published,
    ) -> Result<Vec<Seen>, (Exit, String)> {
        let clients = self.planner.network.clients()?;
        let what = match domains {
            [domain] => format!("looking at {domain}"),
            domains => format!("looking at {} domains", domains.len()),
        };
        let sights = with_progress(&what, Sight::of_all(domains, &clients)).await;
        let found = domains.iter().zip(&sights).filter(|(_, sight)| sight.is_ok());
        let subjects: Vec<_> = found.map(|(domain, _)| Subject::from(domain.clone())).collect();
        let check = LiveCheck::new(&self.planner.network)?;
        let mut running = subjects.iter().zip(check.start(&subjects));
        let mut seen = Vec::new();
        for sight in sights {
            let sight = match sight {
                Ok(sight) => sight,
                Err(error) => {
                    seen.push(Err(error));
                    continue;
                }
            };
            let Some((subject, running)) = running.next() else { break };
            let check = with_progress(&format!("checking {}", subject.domain), running).await;
            let looked = check.map(|check| Looked {
                subject: subject.clone(),
                remarks: remarks::of(&check, published),
                check,
            });
            seen.push(
                looked.map(|looked| (sight, looked)).map_err(|error| (Exit::Temporary, error.to_string())),
            );
        }
        Ok(seen)
    }

    /// What the page has of a domain, and why it has no more.
    fn view(
        &self,
        known: &mut Known,
        seen: Seen,
        overview: Option<&Overview>,
    ) -> (PublishedDomain, Result<(), (Exit, String)>) {
        let unseen = |known: &Known, (exit, what): (Exit, String)| {
            (PublishedDomain::new(known.history.clone()).with_unseen(format!("{what}.")), Err((exit, what)))
        };
        let (sight, looked) = match seen {
            Ok(seen) => seen,
            Err(error) => return unseen(known, error),
        };
        if !self.change.wildcard.is_empty() {
            known.wildcards.clone_from(&self.change.wildcard);
        }
        let target = |known: &Known, hosts: &[DnsName]| self.change.next_target(known, hosts);
        let facts = |facts| self.change.facts(facts);
        let plan = match self.planner.plan(known, &sight, &target, &facts, looked.check.now) {
            Ok(plan) => plan,
            Err(error) => return unseen(known, error),
        };
        let mut view = of_check(PublishedDomain::new(known.history.clone()).with_plan(plan), &sight, &looked);
        // What the plan mends is not listed beside it.
        let is_planned = |item: &Item| item.code == "no-record" && known.history.record().is_none();
        let found = items(&looked).into_iter().filter(|item| !is_planned(item));
        view = found.map(finding).fold(view, PublishedDomain::with_finding);
        if let Some(overview) = overview {
            let check = &looked.check;
            let live = check.live_findings();
            view = view.with_reports(overview.domain(check.domain.as_str(), Some(&live), check.now));
        }
        (view, Ok(()))
    }
}

fn of_check(mut view: PublishedDomain, sight: &Sight, looked: &Looked) -> PublishedDomain {
    let Verdict { tone, headline, sentence } = Verdict::of(looked);
    let check = &looked.check;
    view = view.with_state(standing_of(tone), headline, sentence);
    view = view.with_host(policy_host(sight, check));
    view = check.hosts.iter().map(mx_host).fold(view, PublishedDomain::with_host);
    view = view.with_text(format!("{} TXT", check.domain.txt_name()), record(check));
    view = view
        .with_text(check.domain.policy_url(), sight.policy.as_ref().map(|policy| policy.text().to_owned()));
    if let Some(name) = &check.tlsrpt.name {
        let told = check.tlsrpt.is_told().then_some(check.tlsrpt.txt.as_ref().ok()).flatten();
        let texts = told.map(|answer| answer.records.iter().map(|record| text(record)).collect::<String>());
        view = view.with_text(format!("{name} TXT"), texts);
    }
    view
}

const fn standing_of(tone: Tone) -> DomainStanding {
    match tone {
        Tone::Good => DomainStanding::Good,
        Tone::Note => DomainStanding::Waiting,
        Tone::Bad => DomainStanding::Bad,
        Tone::Plain => DomainStanding::Without,
    }
}

fn finding(item: Item) -> PublishedFinding {
    PublishedFinding {
        severity: item.severity,
        message: format!("{}: {}", some_of(&item.places), item.message),
        owner: item.owner.map(str::to_owned),
        fix: item.fix,
    }
}

fn policy_host(sight: &Sight, check: &DomainCheck) -> PublishedHost {
    let certificate = match &check.discovery.response {
        Some(Ok(response)) => Some(&response.certificate),
        Some(Err(error)) => error.certificate(),
        None => None,
    };
    let (standing, state) = match &sight.fault {
        None => (DomainStanding::Good, "the policy is served".to_owned()),
        Some(fault) => (DomainStanding::Bad, fault.clone()),
    };
    PublishedHost {
        role: "Policy Host".to_owned(),
        name: check.domain.policy_host(),
        standing,
        state,
        expiry: certificate.and_then(expiry),
    }
}

fn mx_host(host: &HostCheck) -> PublishedHost {
    let session = host.session.as_ref().and_then(|session| session.as_ref().ok());
    let standing = match host.standing() {
        Standing::Fine => DomainStanding::Good,
        Standing::Temporary => DomainStanding::Waiting,
        Standing::Faulty => DomainStanding::Bad,
    };
    PublishedHost {
        role: host.preference.map_or_else(|| "MX".to_owned(), |preference| format!("MX {preference}")),
        name: host.name.clone(),
        standing,
        state: decision(host).1,
        expiry: session.and_then(SessionCheck::certificate).and_then(expiry),
    }
}

fn expiry(certificate: &PeerCertificate) -> Option<UnixTime> {
    u64::try_from(end_of(certificate)).ok().map(UnixTime::from_secs)
}

/// The texts that are, or were meant as, a record of MTA-STS.
fn record(check: &DomainCheck) -> Option<String> {
    let Some(Ok(answer)) = &check.discovery.txt else { return None };
    let texts: String = answer.records.iter().filter(|txt| is_candidate(txt)).map(|txt| text(txt)).collect();
    (!texts.is_empty()).then_some(texts)
}

fn text(record: &[u8]) -> String {
    format!("{}\n", String::from_utf8_lossy(record))
}
