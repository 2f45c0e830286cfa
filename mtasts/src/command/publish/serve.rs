//! `mtasts publish serve`: its command line.

mod configuration;
mod content;
mod daemon;
mod options;
mod sockets;
mod status;

use clap::Args;

use self::content::Content;
use self::daemon::Daemon;
use self::options::Options;
use super::super::{Exit, told};

/// Serve the policies of many domains over HTTPS: a Policy Host
///
/// A policy is read from DIR/example.com/mta-sts.txt and served as `https://mta-sts.example.com/.well-known/mta-sts.txt`.
/// Certificates are ordered from a CA (--acme-agree-to-terms) or come from files, or a reverse proxy has them (--plain).
///
/// Options given here override those of the file. SIGHUP reads policies and certificates again; a broken one changes nothing. SIGTERM and
/// SIGINT end the daemon after pending requests are answered.
///
/// Exit status: 0 after a stop, or a check without a mistake; 1 a socket cannot be opened; 2 wrong usage; 66 a file cannot be read; 75
/// a temporary failure, such as a port in use; 78 a file has a mistake.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    options: Options,
    /// Print the whole configuration, or what is wrong with it and with the policies and certificates, and exit
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

    /// Prints the configuration that would be in force after a start, and everything that is wrong.
    fn check(&self) -> Exit {
        let configuration = match self.options.read() {
            Ok(configuration) => configuration,
            Err((exit, what)) => return told(exit, &what),
        };
        anstream::print!("{}", configuration.to_toml());
        let checked = Content::check(&configuration);
        match configuration.acme_config() {
            Ok(_) => checked,
            Err((exit, what)) => told(exit, &what),
        }
    }
}
