use clap::Args;

use super::Exit;

/// See what a sender sees of DOMAIN
#[derive(Args, Debug)]
pub(crate) struct Check {}

impl Check {
    pub(crate) async fn run(self) -> Exit {
        Exit::Fine
    }
}
