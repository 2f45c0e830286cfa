//! The command that is run for each alarm and each end of one.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::alarms::Event;
use super::board::Board;
use crate::command::output::time;

/// Runs a command for events, one after the other, so that the end of an alarm never overtakes its beginning.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    waiting: mpsc::Sender<Event>,
}

impl Hook {
    /// A hook, and the future that runs its commands until every clone is gone.
    pub(super) fn new(program: PathBuf, board: Arc<Board>) -> (Self, impl Future<Output = ()>) {
        let (waiting, mut events) = mpsc::channel(MAX_WAITING);
        let running = async move {
            while let Some(event) = events.recv().await {
                board.counts.commands.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = run(&program, &event).await {
                    board.counts.failed_commands.fetch_add(1, Ordering::Relaxed);
                    let (program, domain, state) = (program.display(), event.domain, event.state.code());
                    tracing::error!(%domain, state, error, "{program} failed");
                }
            }
        };
        (Self { waiting }, running)
    }

    /// Has the command run for this event; drops it if too many wait.
    pub(super) fn tell(&self, event: Event) {
        if let Err(error) = self.waiting.try_send(event) {
            let (mpsc::error::TrySendError::Full(event) | mpsc::error::TrySendError::Closed(event)) = error;
            tracing::error!(domain = %event.domain, state = event.state.code(), "no command is run: too many wait");
        }
    }
}

async fn run(program: &PathBuf, event: &Event) -> Result<(), String> {
    let (message, fix) = event.words();
    // No shell, and no arguments: what strangers have sent is only ever the value of a variable.
    let mut child = Command::new(program)
        .env("MTASTS_EVENT", event.kind.code())
        .env("MTASTS_DOMAIN", event.domain.as_str())
        .env("MTASTS_STATE", event.state.code())
        .env("MTASTS_SINCE", time(event.since.as_secs()))
        .env("MTASTS_TIME", time(event.at.as_secs()))
        .env("MTASTS_MESSAGE", message)
        .env("MTASTS_FIX", fix)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    match timeout(TIME_LIMIT, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(status.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it did not end within {} s", TIME_LIMIT.as_secs())),
    }
}

const MAX_WAITING: usize = 65_536;
const TIME_LIMIT: Duration = Duration::from_secs(60);
