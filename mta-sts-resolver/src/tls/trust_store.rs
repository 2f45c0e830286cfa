use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The root certificates that policy hosts and MX hosts must chain to (RFC 8461, 3.3 and 4.2).
///
/// ```no_run
/// use mta_sts_resolver::TrustStore;
///
/// let public = TrustStore::platform()?;
/// let closed_network = TrustStore::from_pem_file("ca.pem")?;
/// # Ok::<(), mta_sts_resolver::TrustStoreError>(())
/// ```
///
/// A clone shares the certificates.
#[derive(Clone, Debug)]
pub struct TrustStore {
    roots: Arc<RootCertStore>,
    ignored: usize,
}

impl TrustStore {
    /// The platform's roots, or those that the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name instead.
    ///
    /// Reads files, so call it once, at the start.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError::NoCertificates`] if none could be used. Bad ones among good ones are only
    /// [counted](TrustStore::ignored).
    pub fn platform() -> Result<Self, TrustStoreError> {
        let found = rustls_native_certs::load_native_certs();
        Self::from_certificates(found.certs, found.errors.len())
            .ok_or(TrustStoreError::NoCertificates { path: None })
    }

    /// Only the certificates of one PEM file; the platform's roots are not trusted.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError::Unreadable`] if the file cannot be read, [`TrustStoreError::NoCertificates`] if there is no
    /// usable certificate in it.
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, TrustStoreError> {
        let path = path.as_ref();
        let pem = fs::read(path)
            .map_err(|error| TrustStoreError::Unreadable { path: path.to_owned(), kind: error.kind() })?;
        Self::from_pem(&pem).map_err(|_| TrustStoreError::NoCertificates { path: Some(path.to_owned()) })
    }

    /// Only the certificates in this PEM text.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError::NoCertificates`] if there is no usable certificate in it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustStoreError> {
        let mut certificates = Vec::new();
        let mut unreadable = 0;
        for section in CertificateDer::pem_slice_iter(pem) {
            match section {
                Ok(certificate) => certificates.push(certificate),
                Err(_) => unreadable += 1,
            }
        }
        Self::from_certificates(certificates, unreadable)
            .ok_or(TrustStoreError::NoCertificates { path: None })
    }

    /// How many roots are trusted; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a store without roots cannot be made")]
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// How many certificates were found but could not be used.
    pub fn ignored(&self) -> usize {
        self.ignored
    }

    pub(super) fn roots(&self) -> &Arc<RootCertStore> {
        &self.roots
    }

    fn from_certificates(certificates: Vec<CertificateDer<'static>>, unreadable: usize) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        let (_, unparsable) = roots.add_parsable_certificates(certificates);
        (!roots.is_empty()).then(|| Self { roots: Arc::new(roots), ignored: unreadable + unparsable })
    }
}

/// Why no [`TrustStore`] could be made: nothing can be verified, so nothing should be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustStoreError {
    /// No usable certificate was found.
    #[error("no usable root certificate{}", .path.as_ref().map(|path| format!(" in {}", path.display())).unwrap_or_default())]
    NoCertificates {
        /// The file, if one was named.
        path: Option<PathBuf>,
    },
    /// The file could not be read.
    #[error("cannot read {}: {kind}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        kind: ErrorKind,
    },
}

impl TrustStoreError {
    /// A stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCertificates { .. } => "no-root-certificates",
            Self::Unreadable { .. } => "root-certificates-unreadable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> String {
        let mut root = rcgen::CertificateParams::default();
        root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        root.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn bad_certificates_among_good_ones_are_counted() {
        let not_x509 = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        let store = TrustStore::from_pem(format!("{}{not_x509}{}", root(), root()).as_bytes()).unwrap();
        assert_eq!((store.len(), store.ignored()), (2, 1));
    }

    #[test]
    fn no_certificate_is_an_error() {
        for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"] {
            assert_eq!(TrustStore::from_pem(pem.as_bytes()).unwrap_err().code(), "no-root-certificates");
        }
    }

    #[test]
    fn a_file_is_all_that_is_trusted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        assert_eq!(TrustStore::from_pem_file(&path).unwrap_err().code(), "root-certificates-unreadable");
        fs::write(&path, root()).unwrap();
        assert_eq!(TrustStore::from_pem_file(&path).unwrap().len(), 1);
    }
}
