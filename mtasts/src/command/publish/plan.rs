//! `mtasts publish plan`: what a change needs, and when.

use std::time::Duration;

use clap::{Args, ValueEnum};
use mta_sts_core::publish::{Facts, ServedPolicy, Target};
use mta_sts_core::{DnsName, Mode, MxPattern};

use super::planning::Planning;
use super::published::Known;
use super::{duration, host, wildcard};
use crate::command::Exit;
use crate::command::check::{Subject, subject};

/// Say what a change of the policy or of the MX hosts needs: which step now, and which only later
///
/// The plan starts from what DNS and the Policy Host have now, and from the history in DIR/published.toml, to which what is seen
/// is added. Do the first step when its time has come, then plan again with the same options: the plan goes on where it was.
///
/// Each step has an earliest time: from then on senders that compare ids refuse no mail for it. Senders that do not compare ids
/// hold an old policy until it expires; the step is safe for their mail from a later time on.
///
/// Exit status: 0 planned, or there is nothing to do; 1 the target cannot be published, or the domain has no history; 2 wrong usage;
/// 66 the folder is not there, or a file cannot be read; 75 DNS or the Policy Host could not be seen now, another process works on
/// published.toml, or a file cannot be written; 78 published.toml has a mistake.
#[derive(Args, Debug)]
pub(super) struct PlanChange {
    /// A domain, or an e-mail address for its domain
    #[arg(required_unless_present = "all", value_name = "DOMAIN", value_parser = subject)]
    domains: Vec<Subject>,
    #[command(flatten)]
    change: Change,
    #[command(flatten)]
    planning: Planning,
}

/// The target.
#[derive(Args, Debug)]
pub(super) struct Change {
    /// Add this MX host; may be given more than once
    #[arg(long, value_name = "HOST", value_parser = host)]
    add_mx: Vec<DnsName>,
    /// Take this MX host out; may be given more than once
    #[arg(long, value_name = "HOST", value_parser = host)]
    remove_mx: Vec<DnsName>,
    /// Put the MX host NEW in the place of OLD; may be given more than once
    #[arg(long, value_name = "OLD=NEW", value_parser = replacement)]
    replace_mx: Vec<(DnsName, DnsName)>,
    /// The mode [default: as it is]
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<ModeWord>,
    /// The `max_age` [default: as it is; at least 30 days with `--mode enforce`]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_age: Option<Duration>,
    /// Use this wildcard for the MX hosts that it covers, from now on; may be given more than once
    #[arg(long, value_name = "PATTERN", value_parser = wildcard)]
    pub(super) wildcard: Vec<MxPattern<'static>>,
    /// Have the Policy Host be an alias of this name, for a change of provider
    #[arg(long, value_name = "NAME", value_parser = host)]
    policy_host: Option<DnsName>,
    /// The Policy Host is an alias of that name already
    #[arg(long, requires = "policy_host")]
    policy_host_moved: bool,
    /// How long a policy has mode testing before it is enforced
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = duration)]
    testing_period: Duration,
    /// Remove MTA-STS from the domain, as `mtasts publish remove` does
    #[arg(long, conflicts_with_all = ["add_mx", "remove_mx", "replace_mx", "mode", "max_age", "policy_host"])]
    remove: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ModeWord {
    Testing,
    Enforce,
}

impl ModeWord {
    const fn mode(self) -> Mode {
        match self {
            Self::Testing => Mode::Testing,
            Self::Enforce => Mode::Enforce,
        }
    }
}

impl PlanChange {
    pub(super) async fn run(self) -> Exit {
        let Self { domains, change, planning } = self;
        let domains = domains.into_iter().map(|subject| subject.domain).collect();
        let target = |known: &Known, hosts: &[DnsName]| change.target(known, hosts);
        planning.run(domains, &change.wildcard, &target, &|facts| change.facts(facts)).await
    }
}

impl Change {
    /// What is to be, if all that was not said stays as it is.
    pub(super) fn target(&self, known: &Known, hosts: &[DnsName]) -> Target {
        let served = known.history.policy();
        let as_it_is = || served.map(ServedPolicy::mode).filter(|mode| *mode != Mode::None);
        let mode = self.mode.map(ModeWord::mode).or_else(as_it_is).unwrap_or(Mode::Testing);
        self.target_of_mode(mode, self.mode == Some(ModeWord::Enforce), known, hosts)
    }

    /// What is to be, if a domain goes on to mode enforce where nothing was said of the mode, or to the end of a removal.
    pub(super) fn next_target(&self, known: &Known, hosts: &[DnsName]) -> Target {
        if self.mode.is_none() && known.history.policy().is_some_and(|served| served.mode() == Mode::None) {
            return Target::removed();
        }
        let mode = self.mode.map_or(Mode::Enforce, ModeWord::mode);
        self.target_of_mode(mode, mode == Mode::Enforce, known, hosts)
    }

    /// The facts of a domain, with what was said of its Policy Host.
    pub(super) fn facts(&self, facts: Facts) -> Facts {
        match &self.policy_host {
            Some(name) if self.policy_host_moved => facts.with_policy_host(name.clone()),
            _ => facts,
        }
    }

    fn target_of_mode(&self, mode: Mode, may_grow: bool, known: &Known, hosts: &[DnsName]) -> Target {
        if self.remove {
            return Target::removed();
        }
        let mut target = Target::new(mode).with_testing_period(self.testing_period);
        // Whoever asks for mode enforce again goes on to the `max_age` that was meant, of which the first step has only a part.
        let kept = known
            .history
            .policy()
            .filter(|served| served.mode() == mode)
            .map(ServedPolicy::max_age)
            .filter(|max_age| !may_grow || *max_age > target.max_age());
        if let Some(max_age) = self.max_age.or(kept) {
            target = target.with_max_age(max_age);
        }
        if let Some(name) = &self.policy_host {
            target = target.with_policy_host(name.clone());
        }
        target = known.wildcards.iter().cloned().fold(target, Target::with_wildcard);
        target.with_hosts(self.hosts(hosts))
    }

    /// The MX hosts that DNS is to have.
    fn hosts(&self, now: &[DnsName]) -> Vec<DnsName> {
        let is_out = |host: &DnsName| {
            self.remove_mx.contains(host) || self.replace_mx.iter().any(|(old, _)| old == host)
        };
        let new = self.add_mx.iter().chain(self.replace_mx.iter().map(|(_, new)| new));
        let mut hosts: Vec<_> = now.iter().filter(|host| !is_out(host)).chain(new).cloned().collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

fn replacement(given: &str) -> Result<(DnsName, DnsName), String> {
    let (old, new) = given.split_once('=').ok_or("expected OLD=NEW, two host names")?;
    Ok((host(old)?, host(new)?))
}
