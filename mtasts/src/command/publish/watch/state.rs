//! The states that are watched.

use mta_sts_resolver::CheckFindingKind as Kind;

/// What may become of a domain, as alarms and metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum State {
    /// DNS does not tell the record, or where mail goes.
    Dns,
    /// The policy has changed, and its id has not.
    IdBody,
    /// The policy cannot be fetched, or senders refuse it.
    Fetch,
    /// A certificate is not valid, or ends soon.
    Certificate,
    /// The policy and the MX hosts do not fit each other.
    MxNotCovered,
    /// An MX host has no TLS.
    Starttls,
    /// A sender that reported daily no longer reports.
    ReportsSilent,
    /// The record of a domain that opts out can be deleted.
    RemovalReady,
}

impl State {
    pub(super) const ALL: [Self; 8] = [
        Self::Dns,
        Self::IdBody,
        Self::Fetch,
        Self::Certificate,
        Self::MxNotCovered,
        Self::Starttls,
        Self::ReportsSilent,
        Self::RemovalReady,
    ];

    /// The stable code: a kebab-case word.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::IdBody => "id-body",
            Self::Fetch => "fetch",
            Self::Certificate => "certificate",
            Self::MxNotCovered => "mx-not-covered",
            Self::Starttls => "starttls",
            Self::ReportsSilent => "reports-silent",
            Self::RemovalReady => "removal-ready",
        }
    }

    /// The state that a finding of a check is about. `None` of what is no reason for an alarm.
    pub(super) const fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::AliasDangling
            | Kind::AliasEndless
            | Kind::NameServersDisagree
            | Kind::DnssecBogus
            | Kind::NoRecord
            | Kind::RecordElsewhere
            | Kind::RecordLookupFailed
            | Kind::MxLookupFailed
            | Kind::MxInvalidName
            | Kind::MxWithoutAddress
            | Kind::MxAddressLookupFailed
            | Kind::DaneBogus => Self::Dns,
            Kind::PolicyHostMissing
            | Kind::PolicyHostLookupFailed
            | Kind::PolicyHostUnreachable
            | Kind::PolicyHostTimeout
            | Kind::PolicyHostTls
            | Kind::PolicyHostProtocol
            | Kind::PolicyTooLarge
            | Kind::PolicyEncoded
            | Kind::PolicyRedirected
            | Kind::PolicyAddressFails
            | Kind::PolicyDiffers => Self::Fetch,
            Kind::CertificateMalformed
            | Kind::CertificateExpired
            | Kind::CertificateNotYetValid
            | Kind::CertificateRevoked
            | Kind::ChainIncomplete
            | Kind::CertificateSelfSigned
            | Kind::CertificateNotTrusted
            | Kind::CertificateHostMismatch
            | Kind::CertificateExpiresSoon
            | Kind::DaneMismatch => Self::Certificate,
            Kind::MxMismatch | Kind::PatternUnregistered => Self::MxNotCovered,
            Kind::StarttlsNotOffered
            | Kind::StarttlsRefused
            | Kind::ClearTextAfterStarttls
            | Kind::TlsHandshakeFailed
            | Kind::TlsTooOld
            | Kind::DaneWithoutTls => Self::Starttls,
            _ => return None,
        })
    }
}
