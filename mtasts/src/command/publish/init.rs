//! `mtasts publish init`: a first policy.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mta_sts_core::publish::{Draft, History, ZoneRecord};
use mta_sts_core::tlsrpt::TlsrptRecord;
use mta_sts_core::{Mode, MxPattern, Policy, PolicyDomain};
use serde_json::{Value, json};

use super::published::{Folder, Known, Published};
use super::sight::Sight;
use super::{duration, steps, wildcard};
use crate::command::check::{Subject, now, subject};
use crate::command::network::Clients;
use crate::command::output::{Block, Tone, print_json, with_progress};
use crate::command::{Exit, Network, told};

/// Write a first policy for DOMAIN, with the record that announces it
///
/// The policy has mode testing, a `max_age` of one day, and names each MX host in DNS. It is written to DIR/DOMAIN/mta-sts.txt, its
/// record to DIR/DOMAIN/zone.txt, and the beginning of its history to DIR/published.toml. A domain that has a policy already
/// keeps it: its history begins with what is served. Mode none follows a policy that senders may hold for a year; if it was
/// shorter, give --older-max-age.
///
/// Exit status: 0 done; 1 the domain cannot have a policy, or has a history already; 2 wrong usage; 66 a file cannot be read; 75 DNS
/// does not tell which MX hosts there are, another process works on published.toml, or a file cannot be written; 78 published.toml
/// has a mistake.
#[derive(Args, Debug)]
pub(super) struct Init {
    /// A domain, or an e-mail address for its domain
    #[arg(required = true, value_name = "DOMAIN", value_parser = subject)]
    domains: Vec<Subject>,
    /// Write this wildcard for the MX hosts that it covers, such as `*.mail.example.net`; may be given more than once. Exact
    /// names are better
    #[arg(long, value_name = "PATTERN", value_parser = wildcard)]
    wildcard: Vec<MxPattern<'static>>,
    /// Ask for TLS reports to this URI, `mailto:` or `https:`
    #[arg(long, value_name = "URI", value_parser = report_uri)]
    rua: Option<String>,
    /// The TTL of the records
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    ttl: Duration,
    /// The longest `max_age` that the domain ever had, if it had a policy before
    #[arg(long, value_name = "TIME", value_parser = duration)]
    older_max_age: Option<Duration>,
    #[command(flatten)]
    folder: Folder,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    network: Network,
}

/// What was made for a domain.
struct Begun {
    domain: PolicyDomain,
    /// `None` for a domain that had a policy.
    draft: Option<Draft>,
    /// Whether senders are taken to hold an older policy for a year, since nobody said otherwise.
    is_year_assumed: bool,
    records: Vec<ZoneRecord>,
    files: Vec<PathBuf>,
}

impl Init {
    pub(super) async fn run(self) -> Exit {
        match self.begin().await {
            Ok(begun) => self.print(&begun),
            Err((exit, what)) => told(exit, &what),
        }
    }

    async fn begin(&self) -> Result<Vec<Begun>, (Exit, String)> {
        let mut published = Published::begin(&self.folder)?;
        let clients = self.network.clients()?;
        let mut begun = Vec::new();
        let mut result = Ok(());
        for subject in &self.domains {
            match self.begin_one(&subject.domain, &clients, &mut published).await {
                Ok(one) => begun.push(one),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        // What was begun is kept, whatever came of the last domain.
        published.write()?;
        result.map(|()| begun)
    }

    async fn begin_one(
        &self,
        domain: &PolicyDomain,
        clients: &Clients,
        published: &mut Published,
    ) -> Result<Begun, (Exit, String)> {
        if published.domains.contains_key(domain) {
            let what = format!("{domain} has a history already: go on with `mtasts publish plan {domain}`");
            return Err((Exit::No, what));
        }
        let what = format!("looking at {domain}");
        let sight = with_progress(&what, Sight::of(domain, clients)).await?;
        let mut history = History::new(domain.clone());
        let now = now();
        // Nobody opts out who had no policy before (RFC 8461, 8.3).
        let opts_out = sight.policy.as_ref().is_some_and(|policy| policy.mode() == Mode::None);
        let older = self.older_max_age.or_else(|| opts_out.then_some(Policy::MAX_MAX_AGE));
        if let Some(older) = older {
            history = history.with_unknown_until(now.saturating_add(older));
        }
        let mut files = Vec::new();
        let draft = if sight.is_published() { None } else { Some(self.draft(domain, &sight)?) };
        let records = draft.as_ref().map_or_else(Vec::new, |draft| self.records(draft));
        if let Some(draft) = &draft {
            files.push(published.write_policy(draft)?);
            files.push(published.write_zone(domain, &records)?);
        }
        let mut known = Known::new(history, self.wildcard.clone(), self.ttl);
        sight.note_in(&mut known, now);
        published.domains.insert(domain.clone(), known);
        let is_year_assumed = self.older_max_age.is_none() && older.is_some();
        Ok(Begun { domain: domain.clone(), draft, is_year_assumed, records, files })
    }

    fn draft(&self, domain: &PolicyDomain, sight: &Sight) -> Result<Draft, (Exit, String)> {
        let draft = || {
            let draft = Draft::new(domain, Mode::Testing, &sight.hosts, Draft::MIN_MAX_AGE)?;
            self.wildcard.iter().cloned().try_fold(draft, Draft::with_wildcard)
        };
        draft().map_err(|error| (Exit::No, format!("{domain}: {error}")))
    }

    fn records(&self, draft: &Draft) -> Vec<ZoneRecord> {
        let tlsrpt = self.rua.as_ref().zip(draft.domain().tlsrpt_txt_name());
        let tlsrpt =
            tlsrpt.map(|(uri, name)| ZoneRecord::txt(name, format!("v=TLSRPTv1; rua={uri}"), self.ttl));
        [draft.zone_record(self.ttl)].into_iter().chain(tlsrpt).collect()
    }

    fn print(&self, begun: &[Begun]) -> Exit {
        let printed = if self.json {
            let domains: Vec<_> = begun.iter().map(Begun::json).collect();
            print_json(&json!({ "format": 1, "domains": domains }))
        } else {
            begun.iter().try_for_each(Begun::print)
        };
        // If nobody reads, it is done all the same.
        let _ = printed;
        Exit::Fine
    }
}

impl Begun {
    fn json(&self) -> Value {
        let record = |record: &ZoneRecord| {
            json!({
                "name": record.name(),
                "type": record.kind(),
                "ttl": record.ttl().as_secs(),
                "value": record.value(),
            })
        };
        json!({
            "domain": self.domain.as_str(),
            "begun": if self.draft.is_some() { "new" } else { "published" },
            "policy": self.draft.as_ref().map(steps::policy_json),
            "records": self.records.iter().map(record).collect::<Vec<_>>(),
            "files": self.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
        })
    }

    fn print(&self) -> std::io::Result<()> {
        let domain = &self.domain;
        let Some(draft) = &self.draft else {
            let mut block =
                Block::with_verdict(domain.as_str(), Tone::Good, "has a policy, and now a history");
            if self.is_year_assumed {
                block.line(
                    "note",
                    Tone::Note,
                    "mode none follows a policy that is not known here: senders may hold it for a year, \
                     unless --older-max-age says less",
                );
            }
            block.line(
                "next",
                Tone::Plain,
                format!("`mtasts publish plan {domain}` says what a change needs"),
            );
            return block.print();
        };
        let mut block = Block::with_verdict(domain.as_str(), Tone::Good, &steps::policy_words(draft));
        for file in &self.files {
            block.line("wrote", Tone::Plain, file.display().to_string());
        }
        block.line("1", Tone::Plain, format!("serve mta-sts.txt at {}", domain.policy_url()));
        block.line(
            "2",
            Tone::Plain,
            format!(
                "then publish zone.txt; with the form of a provider, type TXT, name {}:",
                domain.txt_name()
            ),
        );
        block.line("", Tone::Plain, draft.record_text());
        block.line("3", Tone::Plain, format!("`mtasts check {domain}`, then `mtasts publish plan {domain}`"));
        block.print()
    }
}

/// A URI that senders would use.
fn report_uri(given: &str) -> Result<String, String> {
    let record = format!("v=TLSRPTv1; rua={given}");
    TlsrptRecord::parse(record.as_bytes()).map_err(|error| error.kind().message().to_owned())?;
    Ok(given.to_owned())
}
