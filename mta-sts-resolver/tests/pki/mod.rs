//! Certificates, and TLS servers that use them.
#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use mta_sts_resolver::TrustStore;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ResolvesServerCertUsingSni, WantsServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ConfigBuilder, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    /// What a server sends behind its own certificate.
    chain: Vec<CertificateDer<'static>>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Root of the tests");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem, chain: Vec::new() }
    }

    pub(crate) fn intermediate(&self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Intermediate of the tests");
        params.not_before = date_time_ymd(2020, 1, 1);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pem = certificate.pem();
        Self { issuer: Issuer::new(params, key), pem, chain: vec![certificate.der().clone()] }
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    pub(crate) fn trusted(&self) -> TrustStore {
        TrustStore::from_pem(self.pem.as_bytes()).unwrap()
    }

    /// A server with a certificate for each of these names, chosen by SNI; without one for the name, the handshake fails.
    pub(crate) fn server_by_name(&self, names: &[String]) -> TlsAcceptor {
        let mut resolver = ResolvesServerCertUsingSni::new();
        let key = KeyPair::generate().unwrap();
        let signing = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let signing = rustls::crypto::ring::sign::any_supported_type(&signing).unwrap();
        for name in names {
            let params = CertificateParams::new([name.clone()]).unwrap();
            let certificate = params.signed_by(&key, &self.issuer).unwrap();
            let chain = vec![certificate.der().clone()];
            resolver.add(name, CertifiedKey::new(chain, Arc::clone(&signing))).unwrap();
        }
        let config = config(rustls::ALL_VERSIONS).with_cert_resolver(Arc::new(resolver));
        TlsAcceptor::from(Arc::new(config))
    }

    /// A server whose certificate is good for these names.
    pub(crate) fn server(&self, names: &[&str]) -> TlsAcceptor {
        self.server_with(names, |_| {})
    }

    pub(crate) fn server_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> TlsAcceptor {
        self.acceptor(names, change, rustls::ALL_VERSIONS)
    }

    pub(crate) fn tls12_server(&self, names: &[&str]) -> TlsAcceptor {
        self.acceptor(names, |_| {}, &[&rustls::version::TLS12])
    }

    /// A server that shows a good certificate and signs with a key of its own.
    pub(crate) fn server_without_its_key(&self, name: &str) -> TlsAcceptor {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap();
        let own_key = PrivateKeyDer::try_from(KeyPair::generate().unwrap().serialize_der()).unwrap();
        let own_key = rustls::crypto::ring::sign::any_supported_type(&own_key).unwrap();
        let shown = CertifiedKey::new(vec![certificate.der().clone()], own_key);
        let config = config(rustls::ALL_VERSIONS).with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        TlsAcceptor::from(Arc::new(config))
    }

    /// A certificate for these names with its chain, and its key, in PEM.
    pub(crate) fn issue(&self, names: &[&str]) -> (String, String) {
        self.issue_with(names, |_| {})
    }

    pub(crate) fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> (String, String) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn acceptor(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
        versions: &[&'static SupportedProtocolVersion],
    ) -> TlsAcceptor {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2100, 1, 1);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let mut chain = vec![certificate.der().clone()];
        chain.extend_from_slice(&self.chain);
        acceptor(chain, &key, versions)
    }
}

pub(crate) fn expired(params: &mut CertificateParams) {
    params.not_after = date_time_ymd(2021, 1, 1);
}

/// Half of its six days is left.
pub(crate) fn of_six_days(params: &mut CertificateParams) {
    let three_days = Duration::from_secs(3 * 86_400);
    let now = date_time_ymd(1970, 1, 1) + UNIX_EPOCH.elapsed().unwrap();
    (params.not_before, params.not_after) = (now - three_days, now + three_days);
}

pub(crate) fn not_yet_valid(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2099, 1, 1);
}

/// No subjectAltName, only this Common Name.
pub(crate) fn common_name_only(name: &str) -> impl FnOnce(&mut CertificateParams) {
    move |params| {
        params.subject_alt_names.clear();
        params.distinguished_name.push(DnType::CommonName, name);
    }
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    TlsAcceptor::from(Arc::new(config(versions).with_single_cert(chain, key).unwrap()))
}

fn config(versions: &[&'static SupportedProtocolVersion]) -> ConfigBuilder<ServerConfig, WantsServerCert> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
}
