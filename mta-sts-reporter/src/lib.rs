//! The I/O of SMTP TLS Reporting (RFC 8460): the rules are [`mta_sts_core::tlsrpt`], and what reads, receives and sends
//! reports is here.
//!
//! - [`Inbox`] reads reports that were received, from files, folders, mailboxes and messages.

mod inbox;
mod visible;

pub use inbox::{
    Authentication, Double, Inbox, InboxItem, InboxItems, InboxLimits, Origin, ReceivedReport, Unreadable,
    UnreadableReason,
};
pub use visible::Visible;
