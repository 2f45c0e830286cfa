use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use time::{Duration, OffsetDateTime};

use crate::error::WorldError;

/// The two throw-away CAs: the one that this world trusts, and a stranger.
pub(crate) struct Authorities {
    trusted: CertifiedIssuer<'static, KeyPair>,
    stranger: CertifiedIssuer<'static, KeyPair>,
    now: OffsetDateTime,
}

/// What a certificate is to look like.
#[derive(Clone, Debug)]
pub(crate) struct CertificatePlan {
    /// The DNS-IDs.
    pub(crate) names: Vec<String>,
    pub(crate) signer: Signer,
    pub(crate) expired: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Signer {
    Trusted,
    Stranger,
    Itself,
}

impl Authorities {
    pub(crate) fn new() -> Result<Self, WorldError> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Ok(Self {
            trusted: issuer("Throw-away CA of a loopback world", now)?,
            stranger: issuer("Throw-away CA that nobody trusts", now)?,
            now,
        })
    }

    pub(crate) fn ca_pem(&self) -> String {
        self.trusted.pem()
    }

    pub(crate) fn issue(&self, plan: &CertificatePlan) -> Result<Arc<CertifiedKey>, WorldError> {
        let name = plan.names.first().map_or("", String::as_str);
        let failed = |error: rcgen::Error| failed(name, &error);

        let mut leaf = CertificateParams::new(plan.names.clone()).map_err(failed)?;
        leaf.distinguished_name.push(DnType::CommonName, name);
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        (leaf.not_before, leaf.not_after) = if plan.expired {
            (self.now - Duration::days(31), self.now - Duration::days(1))
        } else {
            (self.now - Duration::days(1), self.now + Duration::days(30))
        };

        let key = KeyPair::generate().map_err(failed)?;
        let certificate = match plan.signer {
            Signer::Trusted => leaf.signed_by(&key, &self.trusted),
            Signer::Stranger => leaf.signed_by(&key, &self.stranger),
            Signer::Itself => leaf.self_signed(&key),
        }
        .map_err(failed)?;

        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = any_supported_type(&key).map_err(|error| self::failed(name, &error))?;
        Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
    }
}

/// What a TLSA record with SPKI(1) and SHA2-256(1) says of this certificate.
pub(crate) fn key_digest(certified: &CertifiedKey) -> Option<[u8; 32]> {
    let key = certified.key.public_key()?;
    let sha256 = TLS13_AES_128_GCM_SHA256.tls13()?.common.hash_provider;
    sha256.hash(&key).as_ref().try_into().ok()
}

fn issuer(name: &str, now: OffsetDateTime) -> Result<CertifiedIssuer<'static, KeyPair>, WorldError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = now - Duration::days(40);
    params.not_after = now + Duration::days(365);
    let key = KeyPair::generate().map_err(|error| failed(name, &error))?;
    CertifiedIssuer::self_signed(params, key).map_err(|error| failed(name, &error))
}

fn failed(name: &str, error: &dyn std::error::Error) -> WorldError {
    WorldError::Certificate { name: name.to_owned(), detail: error.to_string() }
}
