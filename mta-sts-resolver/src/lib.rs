//! The I/O around `mta-sts-core`: DNS, HTTPS, SMTP.
#![forbid(unsafe_code)]

mod check;
mod dns;
mod driver;
mod fetch;
mod smtp;
mod tls;

pub use check::{DomainCheck, DomainChecker, DomainVerdict, HostCheck, HostDecision, SessionCheck, Standing};
pub use dns::{
    AbsenceKind, AddressAnswer, DnsAbsence, DnsClient, DnsConfig, DnsError, DnsFailure, MxAnswer, MxRecord,
    TxtAnswer,
};
pub use driver::{Discovery, Resolver};
pub use fetch::{FetchedResponse, PolicyFetchError, PolicyFetchErrorKind, PolicyFetcher};
pub use smtp::{
    Envelope, InvalidAddress, SmtpClient, SmtpError, SmtpErrorKind, SmtpReply, SmtpSession, SmtpStage,
    StarttlsOutcome,
};
pub use tls::{
    CertificateFault, PeerCertificate, TlsFailure, TlsSession, TlsVersion, TrustStore, TrustStoreError,
};
