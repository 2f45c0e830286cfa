//! TLS for policy hosts and MX hosts: trusted roots, certificate verification, and handshake.
//!
//! Both require TLS 1.2 or later and a certificate that is unexpired, trusted, and valid for the host's name as a
//! DNS-ID (RFC 8461, 3.3, 4.2 and 7). They differ in the effect of an invalid certificate: with a policy host it ends
//! the handshake, with an MX host the handshake continues and the faults are recorded.

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
