//! `mtasts publish`: what the owner of a domain publishes.

mod check;
mod html;
mod init;
mod plan;
mod planning;
mod published;
mod remarks;
mod remove;
mod serve;
mod sight;
mod steps;
mod watch;

use std::time::Duration;

use clap::{Args, Subcommand};
use mta_sts_core::{DnsName, MxPattern};

use super::Exit;

/// Publish MTA-STS policies (RFC 8461): begin, change, check, watch and remove them; serve them, with their certificates
#[derive(Args, Debug)]
pub(crate) struct Publish {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Html(html::Html),
    Init(init::Init),
    Plan(plan::PlanChange),
    Remove(remove::Remove),
    Check(check::PublishCheck),
    Watch(watch::Watch),
    Serve(serve::Serve),
}

impl Publish {
    pub(crate) async fn run(self) -> Exit {
        match self.command {
            Command::Html(html) => Box::pin(html.run()).await,
            Command::Init(init) => Box::pin(init.run()).await,
            Command::Plan(plan) => Box::pin(plan.run()).await,
            Command::Remove(remove) => Box::pin(remove.run()).await,
            Command::Check(check) => Box::pin(check.run()).await,
            Command::Watch(watch) => Box::pin(watch.run()).await,
            Command::Serve(serve) => serve.run().await,
        }
    }
}

fn host(given: &str) -> Result<DnsName, String> {
    DnsName::parse(given).map_err(|error| format!("{} [{}]", error.kind().message(), error.code()))
}

fn wildcard(given: &str) -> Result<MxPattern<'static>, String> {
    let pattern =
        MxPattern::parse(given).map_err(|error| format!("{} [{}]", error.kind().message(), error.code()))?;
    if pattern.is_wildcard() { Ok(pattern) } else { Err("expected `*.` and a domain".to_owned()) }
}

fn duration(given: &str) -> Result<Duration, String> {
    humantime::parse_duration(given).map_err(|error| error.to_string())
}
