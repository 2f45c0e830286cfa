//! The I/O around `mta-sts-core`: DNS, HTTPS, SMTP.
#![forbid(unsafe_code)]

mod fetch;
mod tls;

pub use fetch::{FetchFailure, FetchFailureKind, FetchedResponse, PolicyFetcher};
pub use tls::{
    CertificateFault, PeerCertificate, TlsFailure, TlsSession, TlsVersion, TrustStore, TrustStoreError,
};
