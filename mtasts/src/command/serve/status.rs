//! What the daemon says on its HTTP pages.

use std::sync::Arc;

use mta_sts_resolver::{PolicyService, StoreState};

use super::super::daemons::{Metrics, Phase, Status, StatusPages};

/// The status of the daemon.
#[derive(Debug)]
pub(super) struct DaemonStatus {
    phase: Arc<Phase>,
    metrics: Metrics,
    service: PolicyService,
    store: String,
}

/// The status pages of the daemon.
pub(super) fn status_pages(
    phase: Arc<Phase>,
    metrics: Metrics,
    service: PolicyService,
    store: String,
) -> StatusPages<DaemonStatus> {
    StatusPages::new(DaemonStatus { phase, metrics, service, store })
}

impl Status for DaemonStatus {
    fn metrics(&self) -> String {
        self.metrics.text()
    }

    fn is_healthy(&self) -> bool {
        self.phase.is_serving()
    }

    fn health(&self) -> String {
        let counts = self.service.counts();
        let (state, is_degraded) = match self.service.store_state() {
            StoreState::None => ("", false),
            StoreState::Up => ("works, ", false),
            _ => ("fails, ", true),
        };
        let word = if is_degraded && self.phase.is_serving() { "degraded" } else { self.phase.word() };
        format!(
            "{word}\nstore: {}, {state}{} unsaved, {} failures\nlookups: {} waiting, {} rejected\n",
            self.store,
            counts.unsaved,
            counts.store_failures,
            counts.waiting.sum(),
            counts.busy.sum(),
        )
    }
}
