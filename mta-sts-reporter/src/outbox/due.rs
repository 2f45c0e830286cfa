use std::error::Error;

use mta_sts_core::tlsrpt::{DueId, DueReport};
use mta_sts_core::{PolicyDomain, UnixTime};

use crate::report_store::ReportStore;

/// The source of the reports of an [`Outbox`](super::Outbox): a persistent tally.
///
/// Its methods may block on disk I/O; the outbox calls them on threads for blocking work.
pub trait DueReports: Send + Sync {
    /// Returns the due reports. Those not confirmed by [`DueReports::taken`] are due again later.
    ///
    /// # Errors
    ///
    /// The due reports cannot be determined. The outbox tries again later.
    fn due(&self, now: UnixTime) -> Result<Vec<DueReport>, DueReportsError>;

    /// Confirms that these reports are in the persistent queue of the outbox and no longer due. A report may be confirmed
    /// twice.
    ///
    /// # Errors
    ///
    /// The confirmation may be lost.
    fn taken(&self, reports: &[DueId], now: UnixTime) -> Result<(), DueReportsError>;

    /// Notes that a mail with a report goes to this domain: its session must not lead to another report (RFC 8460, 3).
    fn note_report_mail(&self, domain: &PolicyDomain, now: UnixTime);
}

impl DueReports for ReportStore {
    fn due(&self, now: UnixTime) -> Result<Vec<DueReport>, DueReportsError> {
        Self::due(self, now).map_err(DueReportsError::new)
    }

    fn taken(&self, reports: &[DueId], now: UnixTime) -> Result<(), DueReportsError> {
        Self::taken(self, reports, now).map_err(DueReportsError::new)
    }

    fn note_report_mail(&self, domain: &PolicyDomain, now: UnixTime) {
        Self::note_report_mail(self, domain, now);
    }
}

/// The error of a tally that has failed, of whatever type.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DueReportsError(Box<dyn Error + Send + Sync>);

impl DueReportsError {
    /// Wraps an error, or a message.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}
