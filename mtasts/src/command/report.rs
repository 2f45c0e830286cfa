//! `mtasts report`: TLS reports, received and sent.

mod html;
mod json;
mod queue;
mod ready;
mod send;
mod show;
mod source;

use clap::{Args, Subcommand};

pub(super) use self::html::write as write_page;
pub(super) use self::source::{Reading, Sources, exit_of, unreadable_block};
use super::Exit;

/// Read received TLS reports (RFC 8460), and see to those that are sent
///
/// `show`, `html` and `ready` read reports; `queue` and `send` are about the reports that `mtasts serve` sends.
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
    Queue(queue::Queue),
    Send(send::Send),
}

impl Report {
    pub(crate) async fn run(self) -> Exit {
        match self.command {
            Command::Show(show) => show.run(),
            Command::Html(html) => html.run().await,
            Command::Ready(ready) => ready.run().await,
            Command::Queue(queue) => queue.run(),
            Command::Send(send) => send.run().await,
        }
    }
}
