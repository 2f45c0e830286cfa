//! The I/O around `mta-sts-core`: DNS, HTTPS, SMTP.
#![forbid(unsafe_code)]

mod dns;

pub use dns::{
    Absence, AbsenceKind, AddressAnswer, DnsClient, DnsConfig, DnsError, DnsFailure, MxAnswer, MxRecord,
    TxtAnswer,
};
