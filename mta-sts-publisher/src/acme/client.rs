//! HTTPS to a CA, within bounds.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use mta_sts_resolver::TrustStore;
use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;
use tokio::time::timeout;

/// A client that waits half a minute for an answer, and reads 1 MiB of it.
#[derive(Clone)]
pub(super) struct BoundedClient(Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

impl BoundedClient {
    pub(super) fn new(trust_store: &TrustStore) -> Self {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has cipher suites for both default versions")
            .with_root_certificates(trust_store.root_certificates())
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().build();
        Self(Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector))
    }
}

impl HttpClient for BoundedClient {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let exchange = async {
                let (parts, body) =
                    client.request(request).await.map_err(|error| failed(&error))?.into_parts();
                let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| failed(&*error))?;
                Ok(Response::from_parts(parts, Full::new(body.to_bytes())).into())
            };
            timeout(TIMEOUT, exchange)
                .await
                .unwrap_or_else(|_| Err(Error::Other("no answer within 30 s".into())))
        })
    }
}

/// The error with its causes, since the first alone says little.
fn failed(error: &dyn std::error::Error) -> Error {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    Error::Other(causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}")).into())
}

const TIMEOUT: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 1 << 20;
