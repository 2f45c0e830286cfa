//! TLSRPT (RFC 8460): the record that asks for reports, and its words with libtlsrpt's numbers.

mod hint;
mod record;
mod report_uri;
mod result_type;

pub use hint::{Hint, Whose};
pub use record::TlsrptRecord;
pub(crate) use record::{candidate_filter, uris_of};
pub use report_uri::ReportUri;
pub(crate) use report_uri::UriFault;
pub use result_type::{PolicyType, ResultType, UnknownWord};
