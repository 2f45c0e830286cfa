//! TLSRPT (RFC 8460): the record that asks for reports, and its words with libtlsrpt's numbers.

mod record;
mod report_uri;
mod result_type;

pub use record::TlsrptRecord;
#[cfg(feature = "lint")]
pub(crate) use record::{candidate_filter, uris_of};
pub use report_uri::ReportUri;
#[cfg(feature = "lint")]
pub(crate) use report_uri::UriFault;
pub use result_type::{PolicyType, ResultType, UnknownWord};
