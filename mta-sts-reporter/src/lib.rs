//! The I/O of SMTP TLS Reporting (RFC 8460): the rules are in [`mta_sts_core::tlsrpt`]; this crate reads, collects and sends
//! reports.
//!
//! - [`Inbox`] reads reports that were received, from files, folders, mailboxes and messages.
//! - [`Collector`] receives the sessions of mail servers, and [`ReportStore`] persists the counts.
//! - [`Overview`] summarizes them, and [`Page`] renders them as HTML.
//! - [`PublishedPage`] renders what a domain publishes, and what to do next, as HTML.
//! - [`Outbox`] sends reports that are due, by mail and by POST.
//!
//! The feature `sender`, on by default, has the collector, the store and the outbox; a program that only reads reports leaves it
//! out, and is spared their dependencies. The feature `dkim` signs the mails.
#![forbid(unsafe_code)]

#[cfg(feature = "sender")]
mod collector;
mod inbox;
#[cfg(feature = "sender")]
mod outbox;
mod overview;
mod page;
#[cfg(feature = "sender")]
mod report_store;
mod span;
#[cfg(feature = "sender")]
mod sqlite_fault;
mod visible;

#[cfg(feature = "sender")]
pub use collector::{
    Collector, CollectorAccess, CollectorConfig, CollectorCounts, CollectorSocket, FailedDiscoveries,
    TestingProbes,
};
pub use inbox::{
    Authentication, Double, Inbox, InboxItem, InboxItems, InboxLimits, Origin, ReceivedReport, Unreadable,
    UnreadableReason,
};
#[cfg(feature = "sender")]
pub use outbox::{
    DeliveryState, DueReports, DueReportsError, Outbox, OutboxCounts, OutboxError, OutboxErrorKind,
    QueuedDelivery, ReportFleet, ReportMailer, ReportQueue, TrialFile, write_trial,
};
#[cfg(feature = "dkim")]
pub use outbox::{DkimKeyError, DkimSigning};
pub use overview::{
    Answer, Cause, Counts, Date, Day, DeviationCount, DomainOverview, DomainStanding, Enforcement, Headline,
    Overview, ReportedDomain, SeenPolicy, SeenTlsa, Submitter, UnreadableLine, Validates,
};
pub use page::{Page, PublishedDomain, PublishedFinding, PublishedHost, PublishedPage};
#[cfg(feature = "sender")]
pub use report_store::{
    ReportStore, ReportStoreConfig, ReportStoreError, ReportStoreErrorKind, ReportStoreState,
};
pub use span::Span;
pub use visible::Visible;
