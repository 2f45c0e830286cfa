//! `mtasts report`: received TLS reports.

mod html;
mod json;
mod ready;
mod show;
mod source;

use clap::{Args, Subcommand};

pub(super) use self::html::write as write_page;
use super::Exit;

/// Read TLS reports (RFC 8460) that senders have sent: show them, make a page of them, say whether to enforce
///
/// A SOURCE is a file, a folder, a maildir, a mailbox (mbox), or `-` for the standard input. The type of a
/// file is determined by its contents: JSON, gzip, or a message with a report in any of its parts. Duplicate reports count once.
///
/// Exit status: 0 fine; 1 something was not read (it is listed); 2 wrong usage; 66 no report was read.
#[derive(Args, Debug)]
pub(crate) struct Report {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(show::Show),
    Html(html::Html),
    Ready(ready::Ready),
}

impl Report {
    pub(crate) async fn run(self) -> Exit {
        match self.command {
            Command::Show(show) => show.run(),
            Command::Html(html) => html.run().await,
            Command::Ready(ready) => ready.run().await,
        }
    }
}
