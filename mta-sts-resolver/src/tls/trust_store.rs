use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::file_watch::FileWatch;

/// The trusted root certificates for policy hosts and MX hosts (RFC 8461, 3.3 and 4.2).
///
/// ```no_run
/// use mta_sts_resolver::TrustStore;
///
/// let public = TrustStore::platform()?;
/// let closed_network = TrustStore::from_pem_file("ca.pem")?;
/// # Ok::<(), mta_sts_resolver::TrustStoreError>(())
/// ```
///
/// Certificates from files are read again when the files change; see [`TrustStore::reload`]. A clone shares the
/// certificates, including later changes.
#[derive(Clone)]
pub struct TrustStore {
    shared: Arc<Shared>,
}

struct Shared {
    source: Source,
    watch: FileWatch,
    roots: RwLock<Roots>,
}

/// The source of certificates.
#[derive(Debug)]
enum Source {
    Platform,
    File(PathBuf),
    Text,
}

#[derive(Clone)]
struct Roots {
    store: Arc<RootCertStore>,
    ignored: usize,
}

impl TrustStore {
    /// The roots of the platform, or those of the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` instead.
    ///
    /// It reads files, so call it once, at startup.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError::NoCertificates`] if none could be used. Unusable ones among others are only
    /// [counted](TrustStore::ignored).
    pub fn platform() -> Result<Self, TrustStoreError> {
        let probed = openssl_probe::probe();
        Self::read(Source::Platform, probed.cert_file.into_iter().chain(probed.cert_dir).collect())
    }

    /// Only the certificates of one PEM file; the roots of the platform are not trusted.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError::Unreadable`] if the file cannot be read, [`TrustStoreError::NoCertificates`] if it has no
    /// usable certificate.
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, TrustStoreError> {
        let path = path.as_ref().to_owned();
        Self::read(Source::File(path.clone()), vec![path])
    }

    /// Only the certificates in this PEM text.
    ///
    /// # Errors
    ///
    /// [`TrustStoreError::NoCertificates`] if it has no usable certificate.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustStoreError> {
        Ok(Self::new(Source::Text, FileWatch::new(Vec::new()), Roots::from_pem(pem, None)?))
    }

    /// Reads the files again, for all clones; certificates given as text stay. Handshakes do this on their own when a
    /// file, or the folder of `SSL_CERT_DIR`, has changed, checking at most once a second.
    ///
    /// # Errors
    ///
    /// The same as at the first time; the certificates are then unchanged.
    pub fn reload(&self) -> Result<(), TrustStoreError> {
        let shared = &self.shared;
        shared.watch.look();
        if let Some(read) = shared.source.read() {
            *shared.roots.write().unwrap_or_else(PoisonError::into_inner) = read?;
        }
        Ok(())
    }

    /// The number of trusted roots; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a store without roots cannot be made")]
    pub fn len(&self) -> usize {
        self.shared.roots().store.len()
    }

    /// The number of certificates that were found but could not be used.
    pub fn ignored(&self) -> usize {
        self.shared.roots().ignored
    }

    /// The current roots, for other clients of TLS; later changes are not in it.
    pub fn root_certificates(&self) -> Arc<RootCertStore> {
        self.roots()
    }

    /// The current roots, after checking the files for changes.
    pub(super) fn roots(&self) -> Arc<RootCertStore> {
        if self.shared.watch.has_changed() {
            match self.reload() {
                Ok(()) => tracing::info!(
                    roots = self.len(),
                    ignored = self.ignored(),
                    "the certificate authorities have changed, and were read again"
                ),
                Err(error) => tracing::error!(
                    %error,
                    "the certificate authorities have changed and are not usable: the old ones remain trusted"
                ),
            }
        }
        self.shared.roots().store
    }

    fn read(source: Source, files: Vec<PathBuf>) -> Result<Self, TrustStoreError> {
        let watch = FileWatch::new(files);
        let roots = source.read().unwrap_or(Err(TrustStoreError::NoCertificates { path: None }))?;
        Ok(Self::new(source, watch, roots))
    }

    fn new(source: Source, watch: FileWatch, roots: Roots) -> Self {
        Self { shared: Arc::new(Shared { source, watch, roots: RwLock::new(roots) }) }
    }
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TrustStore")
            .field("source", &self.shared.source)
            .field("roots", &self.len())
            .finish()
    }
}

impl Shared {
    fn roots(&self) -> Roots {
        self.roots.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Source {
    /// Reads the files now; `None` if there are none.
    fn read(&self) -> Option<Result<Roots, TrustStoreError>> {
        match self {
            Self::Platform => {
                let found = rustls_native_certs::load_native_certs();
                let roots = Roots::from_certificates(found.certs, found.errors.len());
                Some(roots.ok_or(TrustStoreError::NoCertificates { path: None }))
            }
            Self::File(path) => Some(
                fs::read(path)
                    .map_err(|error| TrustStoreError::Unreadable { path: path.clone(), kind: error.kind() })
                    .and_then(|pem| Roots::from_pem(&pem, Some(path))),
            ),
            Self::Text => None,
        }
    }
}

impl Roots {
    fn from_pem(pem: &[u8], path: Option<&Path>) -> Result<Self, TrustStoreError> {
        let mut certificates = Vec::new();
        let mut unreadable = 0;
        for section in CertificateDer::pem_slice_iter(pem) {
            match section {
                Ok(certificate) => certificates.push(certificate),
                Err(_) => unreadable += 1,
            }
        }
        Self::from_certificates(certificates, unreadable)
            .ok_or_else(|| TrustStoreError::NoCertificates { path: path.map(Path::to_owned) })
    }

    fn from_certificates(certificates: Vec<CertificateDer<'static>>, unreadable: usize) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        let (_, unparsable) = roots.add_parsable_certificates(certificates);
        (!roots.is_empty()).then(|| Self { store: Arc::new(roots), ignored: unreadable + unparsable })
    }
}

/// The reason why no [`TrustStore`] could be created: nothing can be verified, so the program should not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustStoreError {
    /// No usable certificate was found.
    #[error("no usable root certificate{}", .path.as_ref().map(|path| format!(" in {}", path.display())).unwrap_or_default())]
    NoCertificates {
        /// The path of the file, if one was named.
        path: Option<PathBuf>,
    },
    /// The file could not be read.
    #[error("cannot read {}: {}", .path.display(), words_of(*.kind))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        kind: ErrorKind,
    },
}

/// The standard library calls a missing file an entity.
fn words_of(kind: ErrorKind) -> String {
    if kind == ErrorKind::NotFound { "no such file".to_owned() } else { kind.to_string() }
}

impl TrustStoreError {
    /// The stable code: a kebab-case word.
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

    #[test]
    fn a_file_that_changes_is_read_again_and_one_of_no_use_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        fs::write(&path, root()).unwrap();
        let store = TrustStore::from_pem_file(&path).unwrap();
        let clone = store.clone();
        fs::write(&path, root() + &root()).unwrap();
        store.reload().unwrap();
        assert_eq!(clone.len(), 2);
        for text in ["", "-----BEGIN CERTIFICATE-----\naGVs"] {
            fs::write(&path, text).unwrap();
            assert_eq!(store.reload().unwrap_err().code(), "no-root-certificates");
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(store.reload().unwrap_err().code(), "root-certificates-unreadable");
        assert_eq!((clone.len(), clone.roots().len()), (2, 2));

        // On its own, at the next handshake after a second: as tools write it, beside the old file and over it.
        let other = directory.path().join("ca.pem.new");
        fs::write(&other, root() + &root() + &root()).unwrap();
        fs::rename(&other, &path).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert_eq!((clone.roots().len(), store.len()), (3, 3));
        assert_eq!(TrustStore::from_pem(root().as_bytes()).unwrap().reload(), Ok(()));
    }
}
