use std::error::Error;

use mta_sts_core::tlsrpt::{DueId, DueReport};
use mta_sts_core::{PolicyDomain, UnixTime};

use crate::report_store::ReportStore;

/// Where the reports of an [`Outbox`](super::Outbox) come from: a tally that is kept.
///
/// Its methods may wait for a disk; the outbox calls them on threads that may.
pub trait DueReports: Send + Sync {
    /// The reports that are due. Those that [`DueReports::taken`] is not told of are due again later.
    ///
    /// # Errors
    ///
    /// Why nobody can say. It is asked again in a while.
    fn due(&self, now: UnixTime) -> Result<Vec<DueReport>, DueReportsError>;

    /// These reports are in the queue of the outbox, which outlives the process, and are not due any more. It may be told of one
    /// twice.
    ///
    /// # Errors
    ///
    /// Why that may be forgotten.
    fn taken(&self, reports: &[DueId], now: UnixTime) -> Result<(), DueReportsError>;

    /// A mail with a report goes to this domain: its session must not be a reason for a report (RFC 8460, 3).
    fn note_report_mail(&self, domain: &PolicyDomain, now: UnixTime);
}

impl DueReports for ReportStore {
    fn due(&self, now: UnixTime) -> Result<Vec<DueReport>, DueReportsError> {
        Ok(Self::due(self, now)?)
    }

    fn taken(&self, reports: &[DueId], now: UnixTime) -> Result<(), DueReportsError> {
        Ok(Self::taken(self, reports, now)?)
    }

    fn note_report_mail(&self, domain: &PolicyDomain, now: UnixTime) {
        Self::note_report_mail(self, domain, now);
    }
}

/// Why a tally did not do what it was asked for, in words.
pub type DueReportsError = Box<dyn Error + Send + Sync>;
