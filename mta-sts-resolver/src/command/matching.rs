use clap::Args;

use super::Exit;

/// Match hosts
#[derive(Args, Debug)]
pub(crate) struct Match {}

impl Match {
    pub(crate) fn run(self) -> Exit {
        Exit::Fine
    }
}
