//! The I/O of publishing MTA-STS (RFC 8461): a Policy Host for many domains.
//!
//! - [`HostedPolicies`] reads the policies of domains from files.
//! - [`Certificates`] holds the certificates of Policy Hosts, read from files by [`CertificateFiles`], or ordered by
//!   [`AcmeCertificates`] (RFC 8555).
//! - [`PolicyHostServer`] serves the policies over HTTPS, or over HTTP behind a reverse proxy.
//! - [`ReportReceiver`] keeps the TLS reports that senders POST (RFC 8460, 5.4).
#![forbid(unsafe_code)]

mod acme;
mod certificates;
mod counts;
mod places;
mod policies;
mod receiver;
mod server;

pub use acme::{AcmeCertificates, AcmeConfig, AcmeCounts};
pub use certificates::{
    CertificateError, CertificateFiles, CertificateLife, CertificateSource, Certificates,
};
pub use counts::PublisherCounts;
pub use policies::{HostedPolicies, PolicyFault, PolicySource, PolicySourceError};
pub use receiver::{ReportReceiver, ReportReceiverConfig};
pub use server::{PlainListener, PolicyHostConfig, PolicyHostServer};
