//! What the service manager is told: `sd_notify(3)`. Without one, nobody is told.

use std::time::Duration;

use sd_notify::NotifyState;

/// All is ready; or it is again.
pub(super) fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is read again; [`ready`] ends it.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => {
            notify(&[NotifyState::Reloading, now, NotifyState::Status("reading the configuration again")]);
        }
        Err(error) => tracing::debug!(%error, "there is no monotonic clock"),
    }
}

pub(super) fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// What `systemctl status` shows meanwhile.
pub(super) fn status(status: &str) {
    notify(&[NotifyState::Status(status)]);
}

/// It is alive.
pub(super) fn heartbeat(status: &str) {
    notify(&[NotifyState::Watchdog, NotifyState::Status(status)]);
}

/// How often it has to say so, if it has to: twice within the time that the service manager waits.
pub(super) fn heartbeat_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|within| within / 2).filter(|interval| !interval.is_zero())
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager could not be told");
    }
}
