//! The I/O of SMTP TLS Reporting (RFC 8460): the rules are [`mta_sts_core::tlsrpt`], and what reads, receives and sends
//! reports is here.
#![forbid(unsafe_code)]

mod clock;
mod collector;
mod report_store;

pub use collector::{
    Collector, CollectorAccess, CollectorConfig, CollectorCounts, CollectorSocket, FailedDiscoveries,
};
pub use report_store::{
    ReportStore, ReportStoreConfig, ReportStoreError, ReportStoreErrorKind, ReportStoreState,
};
