//! Measures `mtasts serve` beside another daemon and beside a stub; started by `benches/daemon/run`.

mod load;
mod measure;
mod million;
mod process;
mod stub;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use measure::Measure;

/// What is started, as failures tell it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Parser)]
enum Command {
    /// Measure everything, and print the table; in a network of its own, since ports 53 and 443 are taken
    Measure(Measure),
    /// Answer every request with the same reply
    Stub {
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Write the policies of many domains into a new SQLite store
    Million {
        #[arg(long)]
        file: PathBuf,
        #[arg(long, default_value_t = 1_000_000)]
        domains: usize,
    },
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Measure(measure) => measure.run(),
        Command::Stub { listen } => stub::serve(listen),
        Command::Million { file, domains } => million::write(&file, domains),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("daemon-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
