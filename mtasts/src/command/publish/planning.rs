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
use crate::command::network::Clients;
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

impl Planning {
    pub(super) async fn run(
        self,
        domains: Vec<PolicyDomain>,
        wildcards: &[MxPattern<'static>],
        target: TargetOf<'_>,
        facts: FactsOf<'_>,
    ) -> Exit {
        match self.plan_all(domains, wildcards, target, facts).await {
            Ok(planned) => self.print(&planned),
            Err((exit, what)) => told(exit, &what),
        }
    }

    async fn plan_all(
        &self,
        domains: Vec<PolicyDomain>,
        wildcards: &[MxPattern<'static>],
        target: TargetOf<'_>,
        facts: FactsOf<'_>,
    ) -> Result<Vec<Planned>, (Exit, String)> {
        let mut published = Published::read(&self.planner.folder)?;
        let clients = self.planner.network.clients()?;
        let domains = self.planner.domains(&published, domains)?;
        let mut planned = Vec::new();
        let mut result = Ok(());
        for domain in domains {
            let mut known = published.known(&domain)?.clone();
            if !wildcards.is_empty() {
                known.wildcards = wildcards.to_vec();
            }
            match self.plan_one(&domain, &mut known, &clients, target, facts).await {
                Ok(one) => planned.push(one),
                Err(error) => result = Err(error),
            }
            published.domains.insert(domain, known);
            if result.is_err() {
                break;
            }
        }
        // What was seen is noted, whatever came of the last domain.
        published.write()?;
        result?;
        planned.into_iter().map(|one| self.written(one, &published)).collect()
    }

    async fn plan_one(
        &self,
        domain: &PolicyDomain,
        known: &mut Known,
        clients: &Clients,
        target: TargetOf<'_>,
        facts: FactsOf<'_>,
    ) -> Result<Planned, (Exit, String)> {
        let what = format!("looking at {domain}");
        let sight = with_progress(&what, Sight::of(domain, clients)).await?;
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

    fn print(&self, planned: &[Planned]) -> Exit {
        let printed = if self.json {
            let domains: Vec<_> = planned.iter().map(Planned::json).collect();
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
