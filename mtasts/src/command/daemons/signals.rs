//! Signals: SIGTERM and SIGINT end a daemon, SIGHUP has it read its files again, and SIGUSR1 tell its state.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::super::Exit;

/// What a signal asks of a daemon.
pub(crate) enum Asked {
    Reload,
    Tell,
    Nothing,
    Stop,
}

/// The signals of a daemon.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user1: Signal,
    /// It has no meaning here, and would end the process.
    user2: Signal,
}

impl Signals {
    /// From now on, no signal ends the process.
    pub(crate) fn watch() -> Result<Self, (Exit, String)> {
        let failed = |error: io::Error| (Exit::Temporary, format!("signals cannot be handled: {error}"));
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            hangup: signal(SignalKind::hangup()).map_err(failed)?,
            user1: signal(SignalKind::user_defined1()).map_err(failed)?,
            user2: signal(SignalKind::user_defined2()).map_err(failed)?,
        })
    }

    /// Waits for a signal to stop.
    pub(crate) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The next signal.
    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.user1.recv() => Asked::Tell,
            _ = self.user2.recv() => Asked::Nothing,
        }
    }
}
