//! The I/O of SMTP TLS Reporting (RFC 8460): the rules are [`mta_sts_core::tlsrpt`], and what reads, receives and sends
//! reports is here.
//!
//! - [`Inbox`] reads reports that were received, from files, folders, mailboxes and messages.
//! - [`Overview`] sums up what they say, and [`Page`] shows it.

mod inbox;
mod overview;
mod page;
mod visible;

pub use inbox::{
    Authentication, Double, Inbox, InboxItem, InboxItems, InboxLimits, Origin, ReceivedReport, Unreadable,
    UnreadableReason,
};
pub use overview::{
    Answer, Cause, Counts, Date, Day, DeviationCount, DomainOverview, DomainStanding, Enforcement, Headline,
    Overview, ReportedDomain, SeenPolicy, SeenTlsa, Submitter, UnreadableLine, Validates,
};
pub use page::Page;
pub use visible::Visible;
