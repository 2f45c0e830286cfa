//! `mtasts publish check`: the view from outside, compared with what was published.

use clap::Args;

use super::published::{Folder, NO_DOMAIN, Published};
use super::remarks;
use crate::command::check::{Form, Looking, Subject, subject};
use crate::command::{Exit, told};

/// Check DOMAIN as its owner: as senders see it, and whether that is what was published
///
/// It makes the checks of `mtasts check`, and compares with the history in DIR/published.toml and with DIR/DOMAIN/mta-sts.txt: a
/// policy that has changed under the same id, and a policy, record or MX host that is not the one noted last. Nothing is noted;
/// `mtasts publish plan` does that. Of several domains only those are shown that have something to fix, then a line for each.
///
/// Exit status: 0 the policy has mode enforce or testing, and nothing is wrong; 1 there is no MTA-STS, or something is wrong; 2 wrong
/// usage; 66 the folder is not there, or a file cannot be read; 75 no fault was found, but not everything could be checked now; 78
/// published.toml has a mistake.
#[derive(Args, Debug)]
pub(super) struct PublishCheck {
    /// A domain, or an e-mail address for its domain
    #[arg(required_unless_present = "all", value_name = "DOMAIN", value_parser = subject)]
    domains: Vec<Subject>,
    /// Check every domain in published.toml
    #[arg(long, conflicts_with = "domains")]
    all: bool,
    /// Print machine-readable JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    looking: Looking,
}

impl PublishCheck {
    pub(super) async fn run(self) -> Exit {
        let published = match Published::read(&self.folder) {
            Ok(published) => published,
            Err((exit, what)) => return told(exit, &what),
        };
        let domains = if self.all {
            published.domains.keys().cloned().map(Subject::from).collect()
        } else {
            self.domains
        };
        if domains.is_empty() {
            return told(Exit::No, NO_DOMAIN);
        }
        let form = match domains.as_slice() {
            _ if self.json => Form::Json,
            [_] => Form::Stages,
            _ => Form::Todo,
        };
        self.looking.show(&domains, form, &|check| remarks::of(check, &published)).await
    }
}
