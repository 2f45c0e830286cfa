//! Notifications to the service manager: `sd_notify(3)`. Without one, they do nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// Announces that the daemon is ready, or ready again.
pub(crate) fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Announces a reload; [`ready`] ends it.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => {
            notify(&[NotifyState::Reloading, now, NotifyState::Status("reading the configuration again")]);
        }
        Err(error) => tracing::debug!(%error, "there is no monotonic clock"),
    }
}

pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// Sets the status shown by `systemctl status`.
pub(crate) fn status(status: &str) {
    notify(&[NotifyState::Status(status)]);
}

/// Sends a watchdog heartbeat.
pub(crate) fn heartbeat(status: &str) {
    notify(&[NotifyState::Watchdog, NotifyState::Status(status)]);
}

/// The interval of heartbeats, if they are required: half of the time that the service manager
/// waits.
pub(crate) fn heartbeat_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|within| within / 2).filter(|interval| !interval.is_zero())
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager could not be notified");
    }
}
