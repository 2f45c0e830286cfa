use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::printable::printable;

/// The certificates that a server sent, its own first, and their order.
///
/// Nothing in it is verified: matching names do not mean a valid signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateChain {
    certificates: Vec<CertificateDer<'static>>,
    missing_issuer: Option<MissingIssuer>,
    is_in_order: bool,
    is_self_signed: bool,
    not_after: Option<i64>,
    key: String,
    weakness: Option<String>,
}

/// An issuer that a chain needs, and that is neither sent nor a trusted root.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingIssuer {
    /// Its name, for people.
    pub name: String,
    /// The URL of its certificate (caIssuers; RFC 5280, 4.2.2.1). A certificate with such a URL is usually from a
    /// public CA: then the chain is incomplete, whereas a private CA is simply not trusted.
    pub url: Option<String>,
}

impl CertificateChain {
    /// The number of certificates sent; at most 16 are examined.
    pub fn len(&self) -> usize {
        self.certificates.len()
    }

    /// Returns whether none was sent, or the first one is malformed.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// The issuer at which the path from the server's certificate to a trusted root breaks off.
    pub fn missing_issuer(&self) -> Option<&MissingIssuer> {
        self.missing_issuer.as_ref()
    }

    /// Returns whether each certificate was issued by the one after it, as RFC 5246, 7.4.2 requires. TLS 1.3 only
    /// recommends it.
    pub fn is_in_order(&self) -> bool {
        self.is_in_order
    }

    /// Returns whether the server's certificate names itself as its issuer.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_signed
    }

    /// The earliest expiry of the certificates on the path to the root, in seconds since 1970-01-01T00:00:00Z.
    pub fn not_after(&self) -> Option<i64> {
        self.not_after
    }

    /// The server's key, for people: `RSA 2048`, `EC 256`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The weakness by current standards, for people: an RSA key below 2,048 bits, an EC key below 224 bits, a
    /// signature with MD5 or SHA-1.
    pub fn weakness(&self) -> Option<&str> {
        self.weakness.as_deref()
    }

    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    pub(super) fn new(sent: &[CertificateDer<'_>], roots: &RootCertStore) -> Self {
        let parsed: Vec<_> = sent.iter().filter_map(|der| X509Certificate::from_der(der).ok()).collect();
        let parsed: Vec<_> = parsed.into_iter().map(|(_, certificate)| certificate).collect();
        let Some(leaf) = parsed.first().filter(|_| parsed.len() == sent.len()) else {
            return Self::default();
        };
        let (path, missing_issuer) = path(&parsed, roots);
        Self {
            certificates: sent.iter().map(|der| der.clone().into_owned()).collect(),
            missing_issuer,
            is_in_order: parsed.windows(2).all(|pair| issued(&pair[1], &pair[0])),
            is_self_signed: issued(leaf, leaf),
            not_after: path.iter().map(|certificate| certificate.validity().not_after.timestamp()).min(),
            key: key_of(leaf),
            weakness: weakness_of(leaf),
        }
    }
}

/// The path from the first certificate towards a root by issuer names, and where it breaks off.
fn path<'c, 'd>(
    sent: &'c [X509Certificate<'d>],
    roots: &RootCertStore,
) -> (Vec<&'c X509Certificate<'d>>, Option<MissingIssuer>) {
    let roots = roots.subjects();
    let is_root = |name: &[u8]| roots.iter().any(|root| root.as_ref() == name);
    let mut path: Vec<&X509Certificate<'_>> = Vec::new();
    let mut current = sent.first();
    while let Some(certificate) = current {
        path.push(certificate);
        if issued(certificate, certificate) || is_root(certificate.issuer().as_raw()) {
            return (path, None);
        }
        let next = sent.iter().find(|other| issued(other, certificate));
        // A cycle leads nowhere.
        current = next.filter(|next| !path.iter().any(|known| known.subject() == next.subject()));
    }
    let missing = path
        .last()
        .map(|last| MissingIssuer { name: printable(&last.issuer().to_string()), url: issuer_url(last) });
    (path, missing)
}

/// Compares names only.
fn issued(issuer: &X509Certificate<'_>, certificate: &X509Certificate<'_>) -> bool {
    issuer.subject().as_raw() == certificate.issuer().as_raw()
}

fn issuer_url(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => access.iter().find_map(|description| {
            match (&description.access_location, description.access_method.to_id_string().as_str()) {
                (GeneralName::URI(url), CA_ISSUERS) => Some(printable(url)),
                _ => None,
            }
        }),
        _ => None,
    })
}

fn key_of(certificate: &X509Certificate<'_>) -> String {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()),
        Ok(PublicKey::EC(point)) => format!("EC {}", point.key_size()),
        _ if certificate.public_key().algorithm.algorithm.to_id_string() == ED25519 => "Ed25519".to_owned(),
        _ => "unknown".to_owned(),
    }
}

fn weakness_of(certificate: &X509Certificate<'_>) -> Option<String> {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) if key.key_size() < 2048 => {
            return Some(format!("an RSA key of {} bits", key.key_size()));
        }
        Ok(PublicKey::EC(point)) if point.key_size() < 224 => {
            return Some(format!("an EC key of {} bits", point.key_size()));
        }
        _ => {}
    }
    let signature = certificate.signature_algorithm.algorithm.to_id_string();
    match signature.as_str() {
        "1.2.840.113549.1.1.4" => Some("a signature with MD5".to_owned()),
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" => Some("a signature with SHA-1".to_owned()),
        _ => None,
    }
}

/// RFC 5280, 4.2.2.1: id-ad-caIssuers.
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
/// RFC 8410, 3.
const ED25519: &str = "1.3.101.112";

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    use super::*;

    type Issuer = CertifiedIssuer<'static, KeyPair>;

    fn ca(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    fn leaf(issuer: &Issuer) -> CertificateDer<'static> {
        let params = CertificateParams::new(vec!["mx.test".to_owned()]).unwrap();
        params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().clone()
    }

    #[test]
    fn a_chain_tells_where_it_breaks_off() {
        let root = Issuer::self_signed(ca("Root"), KeyPair::generate().unwrap()).unwrap();
        let middle = Issuer::signed_by(ca("Middle"), KeyPair::generate().unwrap(), &root).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone()).unwrap();
        let (leaf, other) = (leaf(&middle), leaf(&root));

        let whole = CertificateChain::new(&[leaf.clone(), middle.der().clone()], &roots);
        assert_eq!((whole.len(), whole.is_in_order(), whole.missing_issuer()), (2, true, None));

        let alone = CertificateChain::new(std::slice::from_ref(&leaf), &roots);
        let missing = alone.missing_issuer().unwrap();
        assert!(missing.name.contains("Middle") && missing.url.is_none(), "{missing:?}");

        let mixed = CertificateChain::new(&[leaf, other.clone(), middle.der().clone()], &roots);
        assert_eq!((mixed.is_in_order(), mixed.missing_issuer()), (false, None));

        // An untrusted root is sent: nothing is missing.
        let empty = RootCertStore::empty();
        let stranger = CertificateChain::new(&[other, root.der().clone()], &empty);
        assert_eq!((stranger.missing_issuer(), stranger.is_self_signed()), (None, false));
        assert!(CertificateChain::new(std::slice::from_ref(root.der()), &empty).is_self_signed());
    }

    #[test]
    fn what_cannot_be_parsed_is_an_empty_chain() {
        let nothing = CertificateDer::from(&b"not X.509"[..]);
        assert!(CertificateChain::new(&[nothing], &RootCertStore::empty()).is_empty());
    }
}
