use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert, WantsServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ConfigBuilder, ProtocolVersion, ServerConfig};

/// TLS 1.2 and 1.3, without client certificates.
pub(crate) fn server_config() -> ConfigBuilder<ServerConfig, WantsServerCert> {
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for both default versions")
        .with_no_client_auth()
}

/// The behaviour of a host for a client that sends no SNI.
#[derive(Clone, Debug, Default)]
pub(crate) enum WithoutSni<C> {
    /// It sends the same certificate as to other clients.
    #[default]
    Same,
    /// It sends this certificate.
    Certificate(C),
    /// It ends the handshake with an alert.
    Refusal,
}

impl<C> WithoutSni<C> {
    pub(crate) fn try_map<D, E>(&self, make: impl Fn(&C) -> Result<D, E>) -> Result<WithoutSni<D>, E> {
        Ok(match self {
            Self::Same => WithoutSni::Same,
            Self::Certificate(certificate) => WithoutSni::Certificate(make(certificate)?),
            Self::Refusal => WithoutSni::Refusal,
        })
    }
}

/// A certificate with its chain and key.
pub(crate) type Certificate = Arc<CertifiedKey>;

impl WithoutSni<Certificate> {
    /// The certificate for a client, by its hello and the certificate for other clients.
    pub(crate) fn choose(&self, hello: &ClientHello<'_>, with: &Certificate) -> Option<Certificate> {
        match self {
            Self::Certificate(certificate) if hello.server_name().is_none() => Some(certificate.clone()),
            Self::Refusal if hello.server_name().is_none() => None,
            _ => Some(with.clone()),
        }
    }
}

/// The certificates of one host.
#[derive(Debug)]
pub(crate) struct BySni {
    pub(crate) with: Certificate,
    pub(crate) without: WithoutSni<Certificate>,
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Certificate> {
        self.without.choose(&hello, &self.with)
    }
}

/// The name of a version in OpenSSL, and so in most logs.
pub(crate) fn version(version: Option<ProtocolVersion>) -> String {
    match version {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        _ => "unknown".to_owned(),
    }
}

pub(crate) const BACKLOG: u32 = 128;
