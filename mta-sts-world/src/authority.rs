use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use time::{Duration, OffsetDateTime};

use crate::error::WorldError;

/// The two throw-away CAs: one that is trusted in this world, and one that is not.
pub(crate) struct Authorities {
    trusted: CertifiedIssuer<'static, KeyPair>,
    stranger: CertifiedIssuer<'static, KeyPair>,
    unsent: CertifiedIssuer<'static, KeyPair>,
    now: OffsetDateTime,
}

/// The properties of a certificate to issue.
#[derive(Clone, Debug)]
pub(crate) struct CertificatePlan {
    /// The DNS-IDs.
    pub(crate) names: Vec<String>,
    pub(crate) signer: Signer,
    /// The number of days until it expires; negative if it has expired.
    pub(crate) days_left: i64,
    /// The days that it has been valid, or was when it expired.
    pub(crate) days_old: i64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Signer {
    Trusted,
    Stranger,
    Itself,
    /// An intermediate CA below the trusted one, which the server does not send.
    Unsent,
}

impl Authorities {
    pub(crate) fn new() -> Result<Self, WorldError> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let trusted = issuer("Throw-away CA of a loopback world", now)?;
        let name = "Throw-away CA between";
        let key = KeyPair::generate().map_err(|error| failed(name, &error))?;
        let unsent = CertifiedIssuer::signed_by(issuer_params(name, now, 0), key, &trusted);
        Ok(Self {
            unsent: unsent.map_err(|error| failed(name, &error))?,
            trusted,
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
        leaf.not_after = self.now + Duration::days(plan.days_left);
        leaf.not_before = leaf.not_after.min(self.now) - Duration::days(plan.days_old);
        if let Signer::Unsent = plan.signer {
            leaf.custom_extensions.push(CustomExtension::from_oid_content(AUTHORITY_ACCESS, issuer_place()));
        }

        let key = KeyPair::generate().map_err(failed)?;
        let certificate = match plan.signer {
            Signer::Trusted => leaf.signed_by(&key, &self.trusted),
            Signer::Stranger => leaf.signed_by(&key, &self.stranger),
            Signer::Itself => leaf.self_signed(&key),
            Signer::Unsent => leaf.signed_by(&key, &self.unsent),
        }
        .map_err(failed)?;

        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = any_supported_type(&key).map_err(|error| self::failed(name, &error))?;
        Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
    }
}

/// The data of a TLSA record with SPKI(1) and SHA2-256(1) for this certificate.
pub(crate) fn key_digest(certified: &CertifiedKey) -> Option<[u8; 32]> {
    let key = certified.key.public_key()?;
    let sha256 = TLS13_AES_128_GCM_SHA256.tls13()?.common.hash_provider;
    sha256.hash(&key).as_ref().try_into().ok()
}

fn issuer(name: &str, now: OffsetDateTime) -> Result<CertifiedIssuer<'static, KeyPair>, WorldError> {
    let params = issuer_params(name, now, 1);
    let key = KeyPair::generate().map_err(|error| failed(name, &error))?;
    CertifiedIssuer::self_signed(params, key).map_err(|error| failed(name, &error))
}

fn issuer_params(name: &str, now: OffsetDateTime, path_len: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_len));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = now - Duration::days(40);
    params.not_after = now + Duration::days(365);
    params
}

/// RFC 5280, 4.2.2.1, in DER: one caIssuers, which is the URL [`ISSUER_URL`].
fn issuer_place() -> Vec<u8> {
    let url = ISSUER_URL.as_bytes();
    let method = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];
    // All lengths are below 128, so one octet each.
    let length = |octets: usize| u8::try_from(octets).unwrap_or_default();
    let location = [&[0x86, length(url.len())][..], url].concat();
    let access = [&[0x30, length(method.len() + location.len())][..], &method, &location].concat();
    [&[0x30, length(access.len())][..], &access].concat()
}

fn failed(name: &str, error: &dyn std::error::Error) -> WorldError {
    WorldError::Certificate { name: name.to_owned(), detail: error.to_string() }
}

/// id-pe-authorityInfoAccess.
const AUTHORITY_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
const ISSUER_URL: &str = "http://ca.test/between.der";
