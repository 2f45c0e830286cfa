//! The words of TLSRPT (RFC 8460) that MTA-STS speaks, with libtlsrpt's numbers.

mod result_type;

pub use result_type::{PolicyType, ResultType, UnknownWord};
