//! `mtasts serve`: its command line.

mod access;
mod beside;
mod configuration;
mod control;
mod daemon;
mod file_budget;
mod metrics;
mod options;
mod overrides;
mod place;
mod probe;
mod probes;
mod report_keys;
mod reports;
mod sending;
mod sockets;
mod status;
mod unworkable;

use clap::Args;

pub(crate) use self::beside::DaemonConfiguration;
use self::configuration::exit_of_trust_store;
use self::daemon::Daemon;
use self::options::Options;
use super::{Exit, told};

/// Answer TLS policy lookups of Postfix (socketmap), and keep the policies up to date
///
/// In main.cf: `smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix`
///
/// Options given here override those of the file. SIGHUP reads the file again. SIGTERM and SIGINT end the daemon after
/// pending requests are answered.
///
/// Exit status: 0 after a stop, or a check without a mistake; 1 a socket cannot be opened; 2 wrong usage; 66 a file cannot be read; 75
/// a temporary failure, such as a port in use; 78 the configuration has a mistake.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    options: Options,
    /// Print the whole configuration, or what is wrong with it, and exit
    #[arg(long)]
    check_config: bool,
}

impl Serve {
    pub(crate) async fn run(self) -> Exit {
        if self.check_config {
            return self.check();
        }
        match Daemon::run(&self.options).await {
            Ok(()) => Exit::Fine,
            Err((exit, what)) => told(exit, &what),
        }
    }

    /// Prints the configuration that would be in force after a start, or why the start would fail.
    fn check(&self) -> Exit {
        let configuration = match self.options.read() {
            Ok((configuration, _)) => configuration,
            Err(error) => return told(error.exit(), &format!("{error:#}")),
        };
        if let Err(error) = configuration.trust_store() {
            return told(exit_of_trust_store(&error), &error.to_string());
        }
        if let Some((exit, what)) = configuration.store.fault() {
            return told(exit, &what);
        }
        if let Some(what) = configuration.report.sending_fault() {
            return told(Exit::NoInput, &what);
        }
        for warning in self.options.warnings(&configuration) {
            anstream::eprintln!("mtasts: {warning}");
        }
        anstream::print!("{}", configuration.to_toml());
        Exit::Fine
    }
}
