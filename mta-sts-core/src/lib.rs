//! MTA-STS (RFC 8461) without I/O.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod mx;
mod name;
mod policy;
mod record;
mod response;
mod time;
mod tlsrpt;

pub use error::*;
pub use mx::MxPattern;
pub use name::{DnsName, PolicyDomain};
pub use policy::{Mode, MxPatterns, Policy, Strictness};
pub use record::{Record, RecordId};
pub use response::{FetchLimits, HttpResponse, MissingContentType};
pub use time::UnixTime;
pub use tlsrpt::{PolicyType, ResultType, UnknownWord};
