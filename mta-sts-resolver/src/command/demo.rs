use clap::Args;

use super::Exit;

/// Run the demo
#[derive(Args, Debug)]
pub(crate) struct Demo {}

impl Demo {
    pub(crate) async fn run(self) -> Exit {
        Exit::Fine
    }
}
