//! One order: a challenge, and a certificate.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use tokio::time::timeout;

use super::fault::{Fault, FaultKind, Stage};
use super::state;
use crate::certificates::{Certificate, Certificates};

/// What the CA has issued.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) certificate: Certificate,
    /// The key and the chain.
    pub(super) pem: String,
}

/// Orders a certificate for one name, answering the challenge with `certificates`.
pub(super) async fn order(
    account: &Account,
    name: &str,
    certificates: &Certificates,
) -> Result<Issued, Fault> {
    let ordering = async {
        for _ in 0..NONCE_RETRIES {
            match order_once(account, name, certificates).await {
                Err(fault) if fault.kind == FaultKind::Nonce => {}
                done => return done,
            }
        }
        order_once(account, name, certificates).await
    };
    let late = Fault::new(FaultKind::CaFailure, "the order has taken longer than ten minutes");
    timeout(ORDER_TIMEOUT, ordering).await.unwrap_or(Err(late))
}

async fn order_once(account: &Account, name: &str, certificates: &Certificates) -> Result<Issued, Fault> {
    let identifiers = [Identifier::Dns(name.to_owned())];
    let order_fault = |error| Fault::of(&error, Stage::Order);
    let fault = |error| Fault::of(&error, Stage::Name);
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await.map_err(order_fault)?;
    let mut shown = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(fault)?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            status => {
                return Err(Fault::new(FaultKind::Challenge, format!("the authorization is {status:?}")));
            }
        }
        let none = || Fault::new(FaultKind::Challenge, "the CA offers no TLS-ALPN-01 challenge");
        let mut challenge = authorization.challenge(ChallengeType::TlsAlpn01).ok_or_else(none)?;
        let digest = challenge.key_authorization().digest();
        shown.push(certificates.show_challenge(name, challenge_certificate(name, digest.as_ref())?));
        challenge.set_ready().await.map_err(fault)?;
    }
    let polling = RetryPolicy::new().timeout(POLL_TIMEOUT).backoff(1.5);
    match order.poll_ready(&polling).await {
        Ok(OrderStatus::Ready | OrderStatus::Valid) => {}
        Ok(_) => return Err(why_invalid(&mut order).await),
        Err(error) => {
            let why = fault(error);
            return Err(if why.kind == FaultKind::Challenge { why_invalid(&mut order).await } else { why });
        }
    }
    drop(shown);

    let of_rcgen = |error| Fault::new(FaultKind::Certificate, error);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(of_rcgen)?;
    let mut params = CertificateParams::new([name.to_owned()]).map_err(of_rcgen)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(of_rcgen)?;
    order.finalize_csr(request.der()).await.map_err(fault)?;
    let chain = order.poll_certificate(&polling).await.map_err(fault)?;
    let pem = format!("{}{chain}", key.serialize_pem());
    let unusable = |what| Fault::new(FaultKind::Certificate, what);
    Ok(Issued { certificate: state::certificate(pem.as_bytes(), name).map_err(unusable)?, pem })
}

/// What the CA says about a challenge that has failed.
async fn why_invalid(order: &mut Order) -> Fault {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        if let Some(problem) = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref())
        {
            return Fault::of(&problem.clone().into(), Stage::Name);
        }
    }
    Fault::new(FaultKind::Challenge, "the CA does not say why")
}

/// The certificate that answers a challenge (RFC 8737, 3).
fn challenge_certificate(name: &str, digest: &[u8]) -> Result<CertifiedKey, Fault> {
    let of_rcgen = |error| Fault::new(FaultKind::Certificate, error);
    let mut params = CertificateParams::new([name.to_owned()]).map_err(of_rcgen)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(of_rcgen)?;
    let certificate = params.self_signed(&key).map_err(of_rcgen)?;
    let signing = any_ecdsa_type(&PrivateKeyDer::Pkcs8(key.serialize_der().into()));
    let signing = signing.map_err(|error| Fault::new(FaultKind::Certificate, error))?;
    // Its critical extension is meant for the CA alone, so it is not checked as others are.
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signing))
}

/// The client of ACME has tried each request three times.
const NONCE_RETRIES: usize = 5;
const POLL_TIMEOUT: Duration = Duration::from_secs(120);
const ORDER_TIMEOUT: Duration = Duration::from_secs(600);
