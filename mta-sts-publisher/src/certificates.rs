//! The certificates of Policy Hosts.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use mta_sts_core::UnixTime;
use mta_sts_resolver::FileWatch;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The certificates that a server has, by the names that they are valid for.
///
/// They can be replaced while the server runs; new handshakes use the new ones.
#[derive(Debug, Default)]
pub struct Certificates {
    // A wildcard is held as it is written, `*.example.com`.
    by_name: RwLock<ByName>,
    challenges: RwLock<HashMap<Box<str>, Arc<CertifiedKey>>>,
}

type ByName = HashMap<Box<str>, Arc<Certificate>>;

/// A certificate with its chain and its key.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) key: Arc<CertifiedKey>,
    life: CertificateLife,
    names: Vec<Box<str>>,
    origin: PathBuf,
}

/// The time for which a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateLife {
    /// The last second of it.
    pub not_after: UnixTime,
    /// The first second of it.
    pub not_before: UnixTime,
}

/// Where certificates are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateSource {
    /// One certificate, for all names in it, with the certificates of its issuers after it; its key is in another file, or in the same.
    Files {
        /// The certificate and its chain, in PEM.
        certificate: PathBuf,
        /// The key, in PEM.
        key: PathBuf,
    },
    /// A folder with a folder for each certificate, in it `fullchain.pem` and `privkey.pem`: as certbot has it in
    /// `/etc/letsencrypt/live`, and dehydrated in its `certs`. Folders without `fullchain.pem` are ignored.
    Folder(PathBuf),
}

/// Reads certificates from files, and notices when they change.
#[derive(Debug)]
pub struct CertificateFiles {
    source: CertificateSource,
    watch: Mutex<FileWatch>,
}

/// A certificate that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", .path.display())]
pub struct CertificateError {
    path: PathBuf,
    message: String,
    is_missing: bool,
}

impl Certificates {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The life of the certificate that is used for a name in lower case; `None` if there is none.
    pub fn life(&self, name: &str) -> Option<CertificateLife> {
        self.find(name).map(|certificate| certificate.life)
    }

    /// The life of each certificate that is in use, the one that ends first at first.
    pub fn lives(&self) -> Vec<CertificateLife> {
        let mut lives: Vec<_> = self.all().iter().map(|certificate| certificate.life).collect();
        lives.sort_unstable();
        lives
    }

    /// The certificate for a name in lower case.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Certificate>> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        by_name
            .get(name)
            .or_else(|| {
                // A wildcard covers one label (RFC 8461, 3.3; RFC 6125, 6.4.3).
                let (_, parent) = name.split_once('.')?;
                by_name.get(format!("*.{parent}").as_str())
            })
            .cloned()
    }

    /// Returns whether one certificate is used for both names.
    pub(crate) fn is_shared(&self, one: &str, other: &str) -> bool {
        match (self.find(one), self.find(other)) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one, &other),
            _ => false,
        }
    }

    fn all(&self) -> Vec<Arc<Certificate>> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = by_name.values().cloned().collect();
        // One with several names is there several times.
        all.sort_unstable_by_key(Arc::as_ptr);
        all.dedup_by(|one, other| Arc::ptr_eq(one, other));
        all
    }

    /// Uses a certificate for this name.
    pub(crate) fn set(&self, name: &str, certificate: Certificate) {
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        by_name.insert(name.into(), Arc::new(certificate));
    }

    /// Keeps those for these names.
    pub(crate) fn retain(&self, is_kept: impl Fn(&str) -> bool) {
        self.by_name.write().unwrap_or_else(PoisonError::into_inner).retain(|name, _| is_kept(name));
    }

    /// Shows a certificate to a CA that asks for this name with TLS-ALPN-01 (RFC 8737), until the returned value is dropped.
    pub(crate) fn show_challenge(&self, name: &str, certificate: CertifiedKey) -> ShownChallenge<'_> {
        let mut challenges = self.challenges.write().unwrap_or_else(PoisonError::into_inner);
        challenges.insert(name.into(), Arc::new(certificate));
        ShownChallenge { certificates: self, name: name.into() }
    }

    /// The certificate that answers a challenge.
    pub(crate) fn challenge(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.challenges.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn replace(&self, certificates: Vec<Arc<Certificate>>) {
        let mut by_name = ByName::new();
        for certificate in certificates {
            for name in &certificate.names {
                // Of several for a name, the one that is valid for the longest time.
                if by_name.get(name).is_none_or(|held| held.life < certificate.life) {
                    by_name.insert(name.clone(), Arc::clone(&certificate));
                }
            }
        }
        *self.by_name.write().unwrap_or_else(PoisonError::into_inner) = by_name;
    }
}

/// A challenge that a CA can see.
pub(crate) struct ShownChallenge<'a> {
    certificates: &'a Certificates,
    name: Box<str>,
}

impl Drop for ShownChallenge<'_> {
    fn drop(&mut self) {
        self.certificates.challenges.write().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

impl CertificateFiles {
    /// Reads the certificates of a source for the first time.
    pub fn new(source: CertificateSource) -> Self {
        let watch = Mutex::new(FileWatch::new(Vec::new()));
        Self { source, watch }
    }

    /// Reads all of them into `certificates`, which then has no others. What cannot be used is returned, and a certificate that was
    /// read from the same place before stays in use.
    pub fn load(&self, certificates: &Certificates) -> Vec<CertificateError> {
        let (mut errors, mut read) = (Vec::new(), Vec::new());
        let pairs = self.pairs().unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        let mut watched: Vec<_> =
            pairs.iter().flat_map(|(one, other)| [one.clone(), other.clone()]).collect();
        if let CertificateSource::Folder(folder) = &self.source {
            watched.push(folder.clone());
        }
        // Before they are read: what changes meanwhile is noticed.
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = FileWatch::new(watched);
        let before = certificates.all();
        for (certificate, key) in &pairs {
            match Certificate::read(certificate, key) {
                Ok(certificate) => read.push(Arc::new(certificate)),
                Err(error) => {
                    errors.push(error);
                    read.extend(before.iter().find(|held| held.origin == *certificate).cloned());
                }
            }
        }
        // A folder that is gone for a moment takes no certificate away.
        if pairs.is_empty() && !errors.is_empty() {
            return errors;
        }
        certificates.replace(read);
        errors
    }

    /// Returns whether a file has changed since it was read, looking at most once a second.
    pub fn have_changed(&self) -> bool {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).has_changed()
    }

    fn pairs(&self) -> Result<Vec<(PathBuf, PathBuf)>, CertificateError> {
        let folder = match &self.source {
            CertificateSource::Files { certificate, key } => {
                return Ok(vec![(certificate.clone(), key.clone())]);
            }
            CertificateSource::Folder(folder) => folder,
        };
        let failed = |error: io::Error| CertificateError::of_file(folder, &error);
        let mut pairs = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?.path();
            let (certificate, key) = (entry.join("fullchain.pem"), entry.join("privkey.pem"));
            if certificate.exists() {
                pairs.push((certificate, key));
            }
        }
        pairs.sort_unstable();
        Ok(pairs)
    }
}

impl Certificate {
    fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let read = |path: &Path| fs::read(path).map_err(|error| CertificateError::of_file(path, &error));
        let (chain, key_pem) = (read(certificate)?, read(key)?);
        let key_der = PrivateKeyDer::from_pem_slice(&key_pem)
            .map_err(|error| CertificateError::new(key, key_fault(&error)))?;
        let fault = |message: String| CertificateError::new(certificate, message);
        Self::of_pem(&chain, key_der, certificate.to_owned()).map_err(fault)
    }

    /// A certificate with its chain in PEM, and its key.
    pub(crate) fn of_pem(chain: &[u8], key: PrivateKeyDer<'static>, origin: PathBuf) -> Result<Self, String> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| format!("the certificate is not valid PEM: {error}"))?;
        let Some(first) = chain.first() else { return Err("the file has no certificate".to_owned()) };
        let (life, names) = facts_of(first)?;
        let key = CertifiedKey::from_der(chain, key, &default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => "the key is not that of the certificate".to_owned(),
            error => format!("the certificate and its key cannot be used: {error}"),
        })?;
        Ok(Self { key: Arc::new(key), life, names, origin })
    }

    pub(crate) const fn life(&self) -> CertificateLife {
        self.life
    }

    /// Returns whether a name in lower case is one of its names.
    pub(crate) fn is_for(&self, name: &str) -> bool {
        self.names.iter().any(|named| **named == *name)
    }
}

/// The life and the names of a certificate.
fn facts_of(certificate: &CertificateDer<'_>) -> Result<(CertificateLife, Vec<Box<str>>), String> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|error| format!("the certificate cannot be read: {error}"))?;
    let time = |at: x509_parser::time::ASN1Time| UnixTime::from_secs(at.timestamp().try_into().unwrap_or(0));
    let validity = parsed.validity();
    let life = CertificateLife { not_before: time(validity.not_before), not_after: time(validity.not_after) };
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let names: Vec<Box<str>> = names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into_boxed_str()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return Err("the certificate names no host in its subjectAltName".to_owned());
    }
    Ok((life, names))
}

fn key_fault(error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => "the file has no private key that is not encrypted".to_owned(),
        error => format!("the key is not valid PEM: {error}"),
    }
}

impl CertificateError {
    pub(crate) fn new(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into(), is_missing: false }
    }

    fn of_file(path: &Path, error: &io::Error) -> Self {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        Self { is_missing, ..Self::new(path, error.to_string()) }
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the file or folder is not there.
    pub const fn is_missing(&self) -> bool {
        self.is_missing
    }
}

impl CertificateLife {
    /// When it should have been renewed long ago: ten days before its end, or when a ninth of its life is left if that is later.
    pub fn overdue_at(self) -> UnixTime {
        let left = (self.whole() / 9).min(OVERDUE);
        UnixTime::from_secs(self.not_after.as_secs().saturating_sub(left.as_secs()))
    }

    pub(crate) fn whole(self) -> Duration {
        Duration::from_secs(self.not_after.as_secs().saturating_sub(self.not_before.as_secs()))
    }
}

const OVERDUE: Duration = Duration::from_secs(10 * 24 * 3600);

impl fmt::Display for CertificateLife {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} to {}", self.not_before, self.not_after)
    }
}
