//! The words of TLSRPT (RFC 8460) that MTA-STS speaks.

mod result_type;

pub use result_type::{PolicyType, ResultType, UnknownWord};
