//! Plans for domains: what is seen, noted, planned and shown.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mta_sts_core::publish::{Action, Facts, Plan, Step, Target, ZoneRecord};
use mta_sts_core::{DnsName, MxPattern, PolicyDomain, UnixTime};
use serde_json::{Value, json};

use super::published::{Folder, Known, Published};
use super::sight::Sight;
use super::{duration, steps};
use crate::command::check::now;
use crate::command::output::{Block, Tone, print_json, print_row, with_progress};
use crate::command::{Exit, Network, told};

/// How the plan is made and shown.
#[derive(Args, Debug)]
pub(super) struct Planning {
    #[command(flatten)]
    planner: Planner,
    /// Write mta-sts.txt or zone.txt of the step that is due into DIR/DOMAIN
    #[arg(long)]
    write: bool,
    /// Which time makes a step due
    #[arg(long, value_enum, value_name = "TIME", default_value = "safe", requires = "write")]
    due: Pace,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What plans are made of.
#[derive(Args, Debug)]
pub(super) struct Planner {
    /// Plan for every domain in published.toml
    #[arg(long, conflicts_with = "domains")]
    pub(super) all: bool,
    /// The time for which a reverse proxy or CDN before the Policy Host may serve an old policy
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration)]
    policy_cache: Duration,
    /// The time for which senders keep mail in their queues
    #[arg(long, value_name = "TIME", default_value = "5d", value_parser = duration)]
    queue_lifetime: Duration,
    #[command(flatten)]
    pub(super) folder: Folder,
    #[command(flatten)]
    pub(super) network: Network,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Pace {
    Earliest,
    Safe,
}

/// The target of a domain, by what is known of it and by its MX hosts now.
pub(super) type TargetOf<'a> = &'a dyn Fn(&Known, &[DnsName]) -> Target;
pub(super) type FactsOf<'a> = &'a dyn Fn(Facts) -> Facts;

/// The plan of a domain.
struct Planned {
    domain: PolicyDomain,
    plan: Plan,
    now: UnixTime,
    fault: Option<String>,
    written: Option<PathBuf>,
}

/// A domain for which no plan could be made.
struct Unplanned {
    domain: PolicyDomain,
    exit: Exit,
    what: String,
}

impl Unplanned {
    fn json(&self) -> Value {
        json!({ "domain": self.domain.as_str(), "error": self.what })
    }
}

impl Planning {
    pub(super) async fn run(
        self,
        domains: Vec<PolicyDomain>,
        wildcards: &[MxPattern<'static>],
        target: TargetOf<'_>,
        facts: FactsOf<'_>,
    ) -> Exit {
        let (planned, failed) = match self.plan_all(domains, wildcards, target, facts).await {
            Ok(done) => done,
            Err((exit, what)) => return told(exit, &what),
        };
        let is_alone = planned.is_empty() && failed.len() == 1;
        let printed = if is_alone && !self.json { Exit::Fine } else { self.print(&planned, &failed) };
        let exits = failed.iter().map(|failure| told(failure.exit, &failure.what));
        // Each is told; the first decides the exit status.
        exits.fold(printed, |status, exit| if status == Exit::Fine { exit } else { status })
    }

    async fn plan_all(
        &self,
        domains: Vec<PolicyDomain>,
        wildcards: &[MxPattern<'static>],
        target: TargetOf<'_>,
        facts: FactsOf<'_>,
    ) -> Result<(Vec<Planned>, Vec<Unplanned>), (Exit, String)> {
        let mut published = Published::open(&self.planner.folder)?;
        let clients = self.planner.network.clients()?;
        let domains = self.planner.domains(&published, domains)?;
        let what = match domains.as_slice() {
            [domain] => format!("looking at {domain}"),
            domains => format!("looking at {} domains", domains.len()),
        };
        let sights = with_progress(&what, Sight::of_all(&domains, &clients)).await;
        let (mut planned, mut failed) = (Vec::new(), Vec::new());
        for (domain, sight) in domains.into_iter().zip(sights) {
            let mut known = published.known(&domain)?.clone();
            if !wildcards.is_empty() {
                known.wildcards = wildcards.to_vec();
            }
            match sight.and_then(|sight| self.plan_one(&domain, &mut known, sight, target, facts)) {
                Ok(one) => planned.push(one),
                Err((exit, what)) => failed.push(Unplanned { domain: domain.clone(), exit, what }),
            }
            published.domains.insert(domain, known);
        }
        // What was seen is noted, whatever came of other domains.
        published.write()?;
        let planned = planned.into_iter().map(|one| self.written(one, &published));
        Ok((planned.collect::<Result<_, _>>()?, failed))
    }

    fn plan_one(
        &self,
        domain: &PolicyDomain,
        known: &mut Known,
        sight: Sight,
        target: TargetOf<'_>,
        facts: FactsOf<'_>,
    ) -> Result<Planned, (Exit, String)> {
        let now = now();
        let plan = self.planner.plan(known, &sight, target, facts, now)?;
        Ok(Planned { domain: domain.clone(), plan, now, fault: sight.fault, written: None })
    }

    /// Writes the file of the step that is due.
    fn written(&self, mut planned: Planned, published: &Published) -> Result<Planned, (Exit, String)> {
        let is_due = |step: &&Step| {
            let at = if self.due == Pace::Safe { step.safe() } else { step.earliest() };
            at <= planned.now
        };
        let step = planned.plan.steps().first().filter(is_due).filter(|_| self.write);
        planned.written = match step.map(Step::action) {
            Some(Action::PutPolicy(draft) | Action::MovePolicyHost(draft)) => {
                Some(published.write_policy(draft)?)
            }
            Some(Action::PutRecord(id)) => {
                let ttl = published.known(&planned.domain)?.record_ttl;
                let text = format!("v=STSv1; id={id}");
                let record = ZoneRecord::txt(planned.domain.txt_name(), text, ttl);
                Some(published.write_zone(&planned.domain, &[record])?)
            }
            _ => None,
        };
        Ok(planned)
    }

    fn print(&self, planned: &[Planned], failed: &[Unplanned]) -> Exit {
        let printed = if self.json {
            let domains: Vec<_> =
                planned.iter().map(Planned::json).chain(failed.iter().map(Unplanned::json)).collect();
            print_json(&json!({ "format": 1, "domains": domains }))
        } else {
            planned.iter().enumerate().try_for_each(|(place, one)| one.print(place > 0))
        };
        if printed.is_err() { Exit::No } else { Exit::Fine }
    }
}

impl Planner {
    /// The domains that are planned for; each has a history.
    pub(super) fn domains(
        &self,
        published: &Published,
        given: Vec<PolicyDomain>,
    ) -> Result<Vec<PolicyDomain>, (Exit, String)> {
        let domains = if self.all { published.domains.keys().cloned().collect() } else { given };
        domains.iter().try_for_each(|domain| published.known(domain).map(|_| ()))?;
        Ok(domains)
    }

    /// Notes what is seen of a domain, and plans from there.
    pub(super) fn plan(
        &self,
        known: &mut Known,
        sight: &Sight,
        target: TargetOf<'_>,
        facts: FactsOf<'_>,
        now: UnixTime,
    ) -> Result<Plan, (Exit, String)> {
        sight.note_in(known, now);
        let facts = facts(sight.facts(known))
            .with_policy_cache(self.policy_cache)
            .with_queue_lifetime(self.queue_lifetime);
        let target = target(known, &sight.hosts);
        Plan::between(&known.history, &target, &facts, now)
            .map_err(|error| (Exit::No, format!("{}: {error}", known.history.domain())))
    }
}

impl Planned {
    fn json(&self) -> Value {
        let mut value = steps::plan_json(&self.domain, &self.plan);
        value["policy_fault"] = json!(self.fault);
        value["written"] = json!(self.written.as_ref().map(|file| file.display().to_string()));
        value
    }

    fn print(&self, has_other_before: bool) -> io::Result<()> {
        if has_other_before {
            Block::gap()?;
        }
        steps::print_plan(&self.domain, &self.plan, self.now)?;
        if let Some(fault) = &self.fault {
            print_row("  note    ", Tone::Note, &format!("senders get no policy now: {fault}"))?;
        }
        if let Some(file) = &self.written {
            print_row("  wrote   ", Tone::Plain, &file.display().to_string())?;
        }
        Ok(())
    }
}
