//! DANE (RFC 7672) beside MTA-STS: whether an MX host matches its TLSA records.

use mta_sts_core::{DaneResult, DaneState, TlsResult, UnixTime};
use ring::digest::{SHA256, SHA512, digest};
use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{self, CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::session::SessionCheck;
use crate::dane::{DaneError, HostRecords};
use crate::dns::TlsaRecord;
use crate::smtp::{SmtpError, StarttlsOutcome};
use crate::tls::PeerCertificate;

/// The result of DANE for an MX host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostDane {
    /// Not looked up: there is no DNS server whose AD bit is trusted.
    NotChecked,
    /// DANE does not apply: the MX record, the address or the TLSA records are not signed, or there are none.
    NotApplicable,
    /// There are TLSA records, but none is usable (RFC 7672, 3.1): TLS is required, but nothing authenticates the host.
    Unusable,
    /// A TLSA record matches.
    Passed,
    /// No TLSA record matches: senders with DANE refuse the host.
    Mismatch,
    /// There are usable TLSA records, but no TLS: senders with DANE refuse the host.
    NoTls,
    /// There are usable TLSA records, but no session to compare them with.
    NotCompared,
    /// The lookup failed: senders with DANE wait.
    Failed(DaneError),
}

impl HostDane {
    /// The stable code: a kebab-case word.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotChecked => "not-checked",
            Self::NotApplicable => "not-applicable",
            Self::Unusable => "unusable",
            Self::Passed => "passed",
            Self::Mismatch => "mismatch",
            Self::NoTls => "no-tls",
            Self::NotCompared => "not-compared",
            Self::Failed(error) => error.code(),
        }
    }

    /// Returns whether senders with DANE refuse the host, or wait, while others deliver.
    pub fn refuses(self) -> bool {
        matches!(self, Self::Mismatch | Self::NoTls | Self::Failed(_))
    }

    /// The DANE state before the session, for policy application.
    pub(super) fn state(self) -> DaneState {
        match self {
            Self::NotChecked | Self::NotApplicable | Self::Unusable => DaneState::NotApplicable,
            Self::NotCompared | Self::Passed | Self::Mismatch | Self::NoTls => DaneState::Usable,
            Self::Failed(_) => DaneState::LookupFailed,
        }
    }

    /// The result of a TLS attempt, with that of DANE.
    pub(super) fn of(self, tls: TlsResult) -> TlsResult {
        let dane = match self {
            Self::Passed => DaneResult::Passed,
            Self::Mismatch => DaneResult::Failed,
            _ => DaneResult::NotChecked,
        };
        match tls {
            TlsResult::Established(authentication) => TlsResult::Established(authentication.with_dane(dane)),
            without => without,
        }
    }

    pub(super) fn compare(
        records: &Result<Option<HostRecords>, DaneError>,
        host: &str,
        session: Option<&Result<SessionCheck, SmtpError>>,
        now: UnixTime,
    ) -> Self {
        let records = match records {
            Ok(Some(records)) => records,
            Ok(None) => return Self::NotApplicable,
            Err(error) => return Self::Failed(*error),
        };
        if records.usable.is_empty() {
            return if records.unusable.is_empty() { Self::NotApplicable } else { Self::Unusable };
        }
        let Some(Ok(session)) = session else { return Self::NotCompared };
        match &session.starttls {
            Ok(StarttlsOutcome::Established(tls)) => {
                let names = [host, records.base.as_str()];
                let matches = |record: &TlsaRecord| matches(record, tls.certificate(), names, now);
                if records.usable.iter().any(matches) { Self::Passed } else { Self::Mismatch }
            }
            _ => Self::NoTls,
        }
    }
}

/// Returns whether a TLSA record matches. For DANE-EE neither names nor dates are checked, for DANE-TA they are (RFC
/// 7672, 3.1.1 and 3.1.2).
fn matches(record: &TlsaRecord, shown: &PeerCertificate, names: [&str; 2], now: UnixTime) -> bool {
    let sent = shown.chain().certificates();
    let Some((leaf, issuers)) = sent.split_first() else { return false };
    if record.usage == 3 {
        return is_of(record, leaf);
    }
    let is_whole = (record.selector, record.matching_type) == (0, 0);
    let given = is_whole.then(|| CertificateDer::from(record.data.clone()));
    let anchors = sent.iter().filter(|certificate| is_of(record, certificate)).chain(&given);
    anchors.into_iter().any(|anchor| leads_to(leaf, issuers, anchor, names, now))
}

fn is_of(record: &TlsaRecord, certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return false };
    let selected = if record.selector == 0 { certificate.as_ref() } else { parsed.public_key().raw };
    match record.matching_type {
        0 => record.data == selected,
        1 => record.data == digest(&SHA256, selected).as_ref(),
        2 => record.data == digest(&SHA512, selected).as_ref(),
        _ => false,
    }
}

fn leads_to(
    leaf: &CertificateDer<'_>,
    issuers: &[CertificateDer<'_>],
    anchor: &CertificateDer<'_>,
    names: [&str; 2],
    now: UnixTime,
) -> bool {
    let Ok(parsed) = ParsedCertificate::try_from(leaf) else { return false };
    let is_named = names
        .iter()
        .any(|name| ServerName::try_from(*name).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok()));
    let mut roots = RootCertStore::empty();
    if !is_named || roots.add(anchor.clone().into_owned()).is_err() {
        return false;
    }
    let algorithms = default_provider().signature_verification_algorithms;
    let now = pki_types::UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()));
    leaf == anchor
        || verify_server_cert_signed_by_trust_anchor(&parsed, &roots, issuers, now, algorithms.all).is_ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    use super::*;

    fn record(usage: u8, selector: u8, matching_type: u8, data: &[u8]) -> TlsaRecord {
        TlsaRecord { usage, selector, matching_type, data: data.to_vec() }
    }

    #[test]
    fn a_record_is_of_a_certificate_by_each_selector_and_matching_type() {
        let certified = rcgen::generate_simple_self_signed(vec!["mx.a.test".to_owned()]).unwrap();
        let der = certified.cert.der();
        let (_, parsed) = X509Certificate::from_der(der).unwrap();
        for (selector, octets) in [(0, der.as_ref()), (1, parsed.public_key().raw)] {
            assert!(is_of(&record(3, selector, 0, octets), der));
            assert!(is_of(&record(3, selector, 1, digest(&SHA256, octets).as_ref()), der));
            assert!(is_of(&record(3, selector, 2, digest(&SHA512, octets).as_ref()), der));
            assert!(!is_of(&record(3, 1 - selector, 1, digest(&SHA256, octets).as_ref()), der));
        }
    }

    #[test]
    fn a_trust_anchor_counts_with_name_and_signature() {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params.clone(), KeyPair::generate().unwrap()).unwrap();
        let stranger = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let leaf = CertificateParams::new(vec!["mx.a.test".to_owned()])
            .unwrap()
            .signed_by(&KeyPair::generate().unwrap(), &issuer)
            .unwrap();
        let now = UnixTime::from_secs(1_800_000_000);
        let leads = |anchor, names| leads_to(leaf.der(), &[], anchor, names, now);
        assert!(leads(issuer.der(), ["mx.a.test", ""]));
        assert!(leads(issuer.der(), ["alias.test", "mx.a.test"]));
        assert!(!leads(issuer.der(), ["other.test", ""]));
        assert!(!leads(stranger.der(), ["mx.a.test", ""]));
    }
}
