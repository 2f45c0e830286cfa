use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::server::WantsServerCert;
use rustls::{ConfigBuilder, ProtocolVersion, ServerConfig};

/// TLS 1.2 and 1.3, without client certificates.
pub(crate) fn server_config() -> ConfigBuilder<ServerConfig, WantsServerCert> {
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for both default versions")
        .with_no_client_auth()
}

/// The name that OpenSSL, and so most logs, give to a version.
pub(crate) fn version(version: Option<ProtocolVersion>) -> String {
    match version {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        _ => "unknown".to_owned(),
    }
}

pub(crate) const BACKLOG: u32 = 128;
