//! `mtasts publish`: what the owner of a domain publishes.

mod serve;

use clap::{Args, Subcommand};

use super::Exit;

/// Publish MTA-STS policies (RFC 8461): serve them, with their certificates
#[derive(Args, Debug)]
pub(crate) struct Publish {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
}

impl Publish {
    pub(crate) async fn run(self) -> Exit {
        match self.command {
            Command::Serve(serve) => serve.run().await,
        }
    }
}
