use std::fs;
use std::path::{Path, PathBuf};

use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256, SigningKey};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{Canonicalization, DkimSigner};
use mta_sts_core::PolicyDomain;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

/// Signs mails with reports, with the key of a selector of the domain that they come from (RFC 8460, 3).
///
/// ```no_run
/// use mta_sts_reporter::DkimSigning;
///
/// // The public key is at tlsrpt._domainkey.sender.example, if the contact is an address in sender.example.
/// let signing = DkimSigning::new("tlsrpt", "/etc/mtasts/tlsrpt.pem");
/// signing.check()?;
/// # Ok::<(), mta_sts_reporter::DkimKeyError>(())
/// ```
///
/// The key is RSA or Ed25519, in PEM (`PRIVATE KEY` or `RSA PRIVATE KEY`). The file is read for each mail, so a new key counts at
/// once. Many verifiers refuse a key whose record has `s=tlsrpt` for mail; a record without `s=` passes everywhere.
#[derive(Clone, Debug)]
pub struct DkimSigning {
    selector: String,
    key_file: PathBuf,
}

/// The reason why a mail cannot be signed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {detail}", key_file.display())]
pub struct DkimKeyError {
    key_file: PathBuf,
    detail: String,
}

impl DkimSigning {
    /// Creates signing with the private key in a file.
    pub fn new(selector: impl Into<String>, key_file: impl Into<PathBuf>) -> Self {
        Self { selector: selector.into(), key_file: key_file.into() }
    }

    /// The path of the key file.
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// Checks that the key can be used now.
    ///
    /// # Errors
    ///
    /// Why not. Mails are tried again later all the same.
    pub fn check(&self) -> Result<(), DkimKeyError> {
        let domain = PolicyDomain::parse("sender.example").map_err(|error| self.error(&error))?;
        self.sign(&domain, b"From: <a@sender.example>\r\n\r\nx\r\n").map(drop)
    }

    /// The mail with a signature of this domain before it.
    // Meets R19, R21, R75.
    pub(super) fn sign(&self, domain: &PolicyDomain, message: &[u8]) -> Result<Vec<u8>, DkimKeyError> {
        let pem = fs::read(&self.key_file).map_err(|error| self.error(&error))?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| self.error(&error))?;
        let signature = match &key {
            // Whether it is of the one kind or of the other, only its inside tells.
            PrivateKeyDer::Pkcs8(der) => {
                match Ed25519Key::from_pkcs8_maybe_unchecked_der(der.secret_pkcs8_der()) {
                    Ok(key) => self.signature(key, domain, message),
                    Err(_) => self.signature(self.rsa(key)?, domain, message),
                }
            }
            _ => self.signature(self.rsa(key)?, domain, message),
        }?;
        Ok([signature.as_bytes(), message].concat())
    }

    fn rsa(&self, key: PrivateKeyDer<'_>) -> Result<RsaKey<Sha256>, DkimKeyError> {
        RsaKey::from_key_der(key).map_err(|error| self.error(&error))
    }

    fn signature(
        &self,
        key: impl SigningKey,
        domain: &PolicyDomain,
        message: &[u8],
    ) -> Result<String, DkimKeyError> {
        let signer = DkimSigner::from_key(key)
            .domain(domain.as_str())
            .selector(&self.selector)
            .headers(SIGNED)
            .header_canonicalization(Canonicalization::Relaxed)
            .body_canonicalization(Canonicalization::Relaxed);
        Ok(signer.sign(message).map_err(|error| self.error(&error))?.to_header())
    }

    fn error(&self, error: &impl ToString) -> DkimKeyError {
        DkimKeyError { key_file: self.key_file.clone(), detail: error.to_string() }
    }
}

/// What a receiver goes by, both fields of RFC 8460, 5.3 among them.
const SIGNED: [&str; 11] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "TLS-Report-Domain",
    "TLS-Report-Submitter",
    "Auto-Submitted",
    "TLS-Required",
];
