//! The I/O around `mta-sts-core`: DNS, HTTPS, SMTP.
#![forbid(unsafe_code)]

mod fetch;
mod smtp;
mod tls;

pub use fetch::{FetchFailure, FetchFailureKind, FetchedResponse, PolicyFetcher};
pub use smtp::{
    Envelope, InvalidAddress, SmtpClient, SmtpError, SmtpErrorKind, SmtpReply, SmtpSession, SmtpStage,
    StarttlsOutcome,
};
pub use tls::{
    CertificateFault, PeerCertificate, TlsFailure, TlsSession, TlsVersion, TrustStore, TrustStoreError,
};
