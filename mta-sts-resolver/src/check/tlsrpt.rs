//! The TLSRPT record of a domain (RFC 8460).

use mta_sts_core::tlsrpt::{TlsrptRecord, TlsrptRecordError};

use crate::dns::{DnsError, TxtAnswer};

/// The TXT records at `_smtp._tls`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsrptCheck {
    /// The queried name; `None` if the domain is too long to have one.
    pub name: Option<String>,
    /// The DNS answer.
    pub txt: Result<TxtAnswer, DnsError>,
}

impl TlsrptCheck {
    /// The record that senders use; `None` if there are no records, or DNS failed.
    pub fn record(&self) -> Option<Result<TlsrptRecord, TlsrptRecordError>> {
        self.txt.as_ref().ok().map(|answer| TlsrptRecord::select(&answer.records))
    }

    /// Returns whether somebody receives reports: there is a record with a usable URI.
    pub fn is_told(&self) -> bool {
        matches!(self.record(), Some(Ok(_)))
    }
}
