//! The I/O of SMTP TLS Reporting (RFC 8460): the rules are [`mta_sts_core::tlsrpt`], and what reads, receives and sends
//! reports is here.
#![forbid(unsafe_code)]

mod outbox;

pub use outbox::{
    DeliveryState, DueReports, DueReportsError, Outbox, OutboxCounts, OutboxError, OutboxErrorKind,
    QueuedDelivery, ReportMailer, ReportQueue, TrialFile, write_trial,
};
#[cfg(feature = "dkim")]
pub use outbox::{DkimKeyError, DkimSigning};
