//! The command line of `mtasts`, and the dispatch to its commands.

mod cache;
mod check;
mod completions;
mod control;
mod daemons;
mod demo;
mod dns_server;
mod exit;
mod explain;
mod findings;
mod lint;
#[cfg(test)]
mod manual;
mod matching;
mod network;
mod output;
mod publish;
mod remembered;
mod report;
mod serve;
mod store;

use std::pin::Pin;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub(crate) use exit::{Exit, told};
pub(crate) use network::Network;

/// Runs the command named on the command line.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let usage = error.use_stderr();
            // If the terminal is gone, nothing is left to report.
            let _ = error.print();
            return if usage { Exit::Usage.into() } else { Exit::Fine.into() };
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("mtasts: cannot start: {error}");
            return Exit::Temporary.into();
        }
    };
    // Each is boxed, so that the stack does not need room for the largest of all.
    let command: Pin<Box<dyn Future<Output = Exit>>> = match arguments.command {
        Command::Check(check) => Box::pin(check.run()),
        Command::Lint(lint) => Box::pin(lint.run()),
        Command::Match(matching) => Box::pin(async move { matching.run() }),
        Command::Demo(demo) => Box::pin(demo.run()),
        Command::Serve(serve) => Box::pin(serve.run()),
        Command::Cache(cache) => Box::pin(cache.run()),
        Command::Report(report) => Box::pin(report.run()),
        Command::Completions(completions) => Box::pin(async move { completions.run(Arguments::command()) }),
        Command::Explain(explain) => Box::pin(explain.run()),
        Command::Publish(publish) => Box::pin(publish.run()),
    };
    runtime.block_on(command).into()
}

/// MTA-STS (RFC 8461): mail only over TLS, only to the right hosts.
///
/// Exit status: 0 success; 1 the answer is no, or has errors; 2 wrong usage; 66 a file is missing or cannot be
/// read; 75 temporary failure; 78 the configuration has a mistake, or cannot work.
#[derive(Debug, Parser)]
#[command(name = "mtasts", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Lint(lint::Lint),
    Match(matching::Match),
    Demo(demo::Demo),
    Serve(serve::Serve),
    Cache(cache::Cache),
    Explain(explain::Explain),
    Report(report::Report),
    Publish(publish::Publish),
    Completions(completions::Completions),
}
