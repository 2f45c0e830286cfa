//! TLS for policy hosts and MX hosts: the trusted roots, the check of a certificate, the handshake.
//!
//! Both of them need TLS 1.2 or newer and a certificate that is unexpired, trusted, and valid for the host's name as a
//! DNS-ID (RFC 8461, 3.3, 4.2 and 7). They differ in what a bad certificate does: it ends the
//! handshake with a policy host, while the one with an MX host goes on and the faults are remembered.

mod certificate;
mod chain;
mod deprecated;
mod handshake;
mod printable;
mod trust_store;

pub use certificate::{CertificateFault, PeerCertificate};
pub use chain::{CertificateChain, MissingIssuer};
pub use deprecated::DeprecatedTlsVersion;
pub(crate) use deprecated::choice_of_deprecated_tls;
pub(crate) use handshake::{OnCertificateFault, ServerNameIndication, handshake};
pub use handshake::{TlsFailure, TlsSession, TlsVersion};
pub(crate) use printable::printable;
pub use trust_store::{TrustStore, TrustStoreError};
