//! `mtasts publish remove`: MTA-STS no more.

use clap::Args;
use mta_sts_core::publish::Target;

use super::planning::Planning;
use crate::command::Exit;
use crate::command::check::{Subject, subject};

/// Say what it takes to remove MTA-STS from DOMAIN: mode none, then, once every older policy has expired, nothing
///
/// It is a plan, as those of `mtasts publish plan`. Do the first step when its time has come, then run it again.
///
/// Exit status: 0 planned, or there is nothing to do; 1 the domain has no history; 2 wrong usage; 66 the folder is not there, or a
/// file cannot be read; 75 DNS or the Policy Host could not be seen now, another process works on published.toml, or a file cannot be
/// written; 78 published.toml has a mistake.
#[derive(Args, Debug)]
pub(super) struct Remove {
    /// A domain, or an e-mail address for its domain
    #[arg(required_unless_present = "all", value_name = "DOMAIN", value_parser = subject)]
    domains: Vec<Subject>,
    #[command(flatten)]
    planning: Planning,
}

impl Remove {
    pub(super) async fn run(self) -> Exit {
        let domains = self.domains.into_iter().map(|subject| subject.domain).collect();
        self.planning.run(domains, &[], &|_, _| Target::removed(), &|facts| facts).await
    }
}
