//! The I/O of SMTP TLS Reporting (RFC 8460): the rules are [`mta_sts_core::tlsrpt`], and what reads, receives and sends
//! reports is here.
//!
//! - [`Inbox`] reads reports that were received, from files, folders, mailboxes and messages.
//! - [`Collector`] receives what mail servers tell of their sessions, and [`ReportStore`] keeps what is counted.
//! - [`Overview`] sums up what they say, and [`Page`] shows it.
//! - [`Outbox`] sends reports that are due, by mail and by POST.
#![forbid(unsafe_code)]

mod clock;
mod collector;
mod inbox;
mod outbox;
mod overview;
mod page;
mod report_store;
mod visible;

pub use collector::{
    Collector, CollectorAccess, CollectorConfig, CollectorCounts, CollectorSocket, FailedDiscoveries,
};
pub use inbox::{
    Authentication, Double, Inbox, InboxItem, InboxItems, InboxLimits, Origin, ReceivedReport, Unreadable,
    UnreadableReason,
};
pub use outbox::{
    DeliveryState, DueReports, DueReportsError, Outbox, OutboxCounts, OutboxError, OutboxErrorKind,
    QueuedDelivery, ReportMailer, ReportQueue, TrialFile, write_trial,
};
#[cfg(feature = "dkim")]
pub use outbox::{DkimKeyError, DkimSigning};
pub use overview::{
    Answer, Cause, Counts, Date, Day, DeviationCount, DomainOverview, DomainStanding, Enforcement, Headline,
    Overview, ReportedDomain, SeenPolicy, SeenTlsa, Submitter, UnreadableLine, Validates,
};
pub use page::Page;
pub use report_store::{
    ReportStore, ReportStoreConfig, ReportStoreError, ReportStoreErrorKind, ReportStoreState,
};
pub use visible::Visible;
