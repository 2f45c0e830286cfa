mod reports;
mod sender;
mod serve;
mod table;
mod trial;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mta_sts_world::{Scenario, World, WorldConfig, WorldError};
use serde_json::json;
use tokio::task::JoinSet;

use self::reports::{ReportFolder, Written};
use self::sender::Sender;
use self::trial::Trial;
use super::{Exit, told};

/// Send mail through a simulated mail world on loopback, with an attacker in it, with and without MTA-STS
///
/// Nothing leaves this machine, and root is not needed. For each scenario one message is really sent, twice: by a
/// sender with opportunistic STARTTLS, and by one that honours MTA-STS.
///
/// Exit status: 0 each result is as expected; 1 one is not; 2 wrong usage, such as an unknown scenario; 75 the reports cannot be written, or
/// no port is free.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Run only this scenario; may be given several times
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Also write the TLS reports of the sender that honours MTA-STS to this folder, and the page tls.html that shows them
    ///
    /// Each is the file that the domain would receive on the next day (RFC 8460), provided that it asks for reports. Files of
    /// these names are replaced.
    #[arg(long, value_name = "DIR")]
    reports: Option<PathBuf>,
    /// Send nothing: run the world for other programs until standard input is closed
    #[arg(long, requires = "dir", conflicts_with_all = ["json", "scenario", "reports"])]
    serve: bool,
    /// Write ca.pem, zone, world.json and the control socket to this folder
    #[arg(long, value_name = "DIR", requires = "serve")]
    dir: Option<PathBuf>,
    /// Listen on this address with the world's DNS server
    #[arg(long, value_name = "ADDR:PORT", requires = "serve")]
    dns: Option<std::net::SocketAddr>,
    /// Use this port for all Policy Hosts
    #[arg(long, value_name = "N", requires = "serve")]
    https_port: Option<u16>,
    /// Use this port for all MX hosts
    #[arg(long, value_name = "N", requires = "serve")]
    smtp_port: Option<u16>,
    /// Have this many more domains, all alike, for measurements: d0.customer.test, d1.customer.test, and so on
    #[arg(long, value_name = "N", default_value_t = 0, requires = "serve")]
    customers: u16,
}

impl Demo {
    pub(crate) async fn run(self) -> Exit {
        let config = WorldConfig {
            dns: self.dns,
            https_port: self.https_port,
            smtp_port: self.smtp_port,
            customers: self.customers,
        };
        if let (true, Some(directory)) = (self.serve, &self.dir) {
            return match serve::serve(config, directory).await {
                Ok(()) => Exit::Fine,
                Err(error) => failed(&error),
            };
        }
        let folder = match self.reports.as_deref().map(ReportFolder::create).transpose() {
            Ok(folder) => folder,
            Err(error) => return not_written(self.reports.as_deref(), &error),
        };
        match World::start(config).await {
            Ok(world) => self.send_all(world, folder).await,
            Err(error) => failed(&error),
        }
    }

    async fn send_all(self, world: World, folder: Option<ReportFolder>) -> Exit {
        let scenarios = match self.chosen(&world) {
            Ok(scenarios) => scenarios,
            Err(unknown) => {
                let names: Vec<_> = world.scenarios().iter().map(|scenario| scenario.name.as_str()).collect();
                anstream::eprintln!("mtasts: no scenario is called {unknown:?}. There are:");
                anstream::eprintln!("  {}", names.join("\n  "));
                return Exit::Usage;
            }
        };
        let world = Arc::new(world);
        let trials = match try_all(&world, scenarios).await {
            Ok(trials) => trials,
            Err(error) => return failed(&*error),
        };
        let mut written = None;
        if let Some(folder) = &folder {
            match folder.write(&world, &trials).await {
                Ok(files) => written = Some(files),
                Err(error) => return not_written(Some(folder.path()), &*error),
            }
        }
        if let Some(world) = Arc::into_inner(world) {
            world.shutdown().await;
        }

        let all_as_expected = trials.iter().all(Trial::is_as_expected);
        let text = if self.json {
            let scenarios: Vec<_> = trials.iter().map(Trial::to_json).collect();
            let mut result = json!({ "scenarios": scenarios, "all_as_expected": all_as_expected });
            if let Some(written) = &written {
                result["reports"] = json!(written);
            }
            format!("{result:#}\n")
        } else {
            let written = written.as_ref().map_or_else(String::new, Written::sentence);
            table::table(&trials) + &written
        };
        // The reader has closed the output.
        let _ = anstream::stdout().write_all(text.as_bytes());
        if all_as_expected { Exit::Fine } else { Exit::No }
    }

    /// The scenarios to run, in the world's order; or the name of an unknown scenario.
    fn chosen(&self, world: &World) -> Result<Vec<Scenario>, &str> {
        if let Some(unknown) = self.scenario.iter().find(|name| world.scenario(name).is_none()) {
            return Err(unknown);
        }
        let names: BTreeSet<_> = self.scenario.iter().collect();
        let is_chosen = |scenario: &&Scenario| names.is_empty() || names.contains(&scenario.name);
        Ok(world.scenarios().iter().filter(is_chosen).cloned().collect())
    }
}

/// Runs the scenarios concurrently: each has its own domain, and some wait for DNS that never answers.
async fn try_all(
    world: &Arc<World>,
    scenarios: Vec<Scenario>,
) -> Result<Vec<Trial>, Box<dyn std::error::Error + Send + Sync>> {
    let sender = Arc::new(Sender::in_world(world)?);
    let progress = ProgressBar::with_draw_target(Some(scenarios.len() as u64), ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos} of {len} scenarios") {
        progress.set_style(style);
    }
    let mut tasks = JoinSet::new();
    for (number, scenario) in scenarios.into_iter().enumerate() {
        let (world, sender) = (world.clone(), sender.clone());
        tasks.spawn(async move { Trial::run(&world, &sender, scenario).await.map(|trial| (number, trial)) });
    }

    let mut trials = Vec::new();
    let long_enough_to_tell = tokio::time::sleep(Duration::from_secs(1));
    tokio::pin!(long_enough_to_tell);
    let mut told = false;
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(trial) => trials.push(trial??),
                None => break,
            },
            () = &mut long_enough_to_tell, if !told => {
                told = true;
                // It only draws on a terminal.
                progress.set_draw_target(ProgressDrawTarget::stderr());
            }
        }
        progress.set_position(trials.len() as u64);
    }
    progress.finish_and_clear();
    trials.sort_by_key(|(number, _)| *number);
    Ok(trials.into_iter().map(|(_, trial)| trial).collect())
}

fn not_written(folder: Option<&Path>, error: &dyn std::fmt::Display) -> Exit {
    let folder = folder.unwrap_or(Path::new("-")).display();
    told(Exit::Temporary, &format!("the reports cannot be written to {folder}: {error}"))
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Exit {
    anstream::eprintln!("mtasts: {error}");
    match error.downcast_ref() {
        Some(WorldError::NoCommonPort { .. }) => Exit::Temporary,
        Some(WorldError::Bind { source, .. }) if source.kind() == std::io::ErrorKind::AddrInUse => {
            Exit::Temporary
        }
        _ => Exit::No,
    }
}
