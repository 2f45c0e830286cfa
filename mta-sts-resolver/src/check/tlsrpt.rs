//! Where a domain wants its TLS reports (RFC 8460).

use mta_sts_core::tlsrpt::{TlsrptRecord, TlsrptRecordError};

use crate::dns::{DnsError, TxtAnswer};

/// The TXT records under `_smtp._tls`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsrptCheck {
    /// Where they were asked for; `None` if the domain is too long to have them.
    pub name: Option<String>,
    /// What DNS said of them.
    pub txt: Result<TxtAnswer, DnsError>,
}

impl TlsrptCheck {
    /// The record that senders use; `None` if DNS has no records, or could not say.
    pub fn record(&self) -> Option<Result<TlsrptRecord, TlsrptRecordError>> {
        self.txt.as_ref().ok().map(|answer| TlsrptRecord::select(&answer.records))
    }

    /// Whether somebody is told: there is a record, and it has a place to send reports to.
    pub fn is_told(&self) -> bool {
        matches!(self.record(), Some(Ok(_)))
    }
}
