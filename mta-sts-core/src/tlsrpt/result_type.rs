use core::fmt;
use core::str::FromStr;

/// The `result-type` of a failure (RFC 8460, 4.3).
///
/// ```
/// use mta_sts_core::ResultType;
///
/// let result = ResultType::CertificateExpired;
/// assert_eq!(result.as_str(), "certificate-expired");
/// assert_eq!(result.number(), 204);
/// assert_eq!("certificate-expired".parse(), Ok(result));
/// ```
///
/// The numbers are those of libtlsrpt, so values can be passed to it directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ResultType {
    /// The MX host did not offer STARTTLS.
    StarttlsNotSupported,
    /// The certificate of the MX host is for other names.
    CertificateHostMismatch,
    /// The certificate of the MX host is not trusted: unknown issuer, bad chain, not yet valid.
    CertificateNotTrusted,
    /// The certificate of the MX host has expired.
    CertificateExpired,
    /// Anything else; the reason is in `failure-reason-code`.
    ValidationFailure,
    /// The policy could not be fetched.
    StsPolicyFetchError,
    /// The fetched body is not a valid policy.
    StsPolicyInvalid,
    /// The certificate of the Policy Host is not valid for it.
    StsWebpkiInvalid,
    /// No TLSA record is usable.
    // Meets R40.
    TlsaInvalid,
    /// The resolver returned no valid DNSSEC records.
    DnssecInvalid,
    /// The sender requires DANE, and the MX host does not support it.
    // Meets R42.
    DaneRequired,
}

impl ResultType {
    /// Every result type, in the order of their numbers.
    pub const ALL: &'static [Self] = &[
        Self::StarttlsNotSupported,
        Self::CertificateHostMismatch,
        Self::CertificateNotTrusted,
        Self::CertificateExpired,
        Self::ValidationFailure,
        Self::StsPolicyFetchError,
        Self::StsPolicyInvalid,
        Self::StsWebpkiInvalid,
        Self::TlsaInvalid,
        Self::DnssecInvalid,
        Self::DaneRequired,
    ];

    /// The keyword in a report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StarttlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::CertificateExpired => "certificate-expired",
            Self::ValidationFailure => "validation-failure",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::StsWebpkiInvalid => "sts-webpki-invalid",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::DaneRequired => "dane-required",
        }
    }

    /// The number in libtlsrpt.
    pub const fn number(self) -> u16 {
        match self {
            Self::StarttlsNotSupported => 201,
            Self::CertificateHostMismatch => 202,
            Self::CertificateNotTrusted => 203,
            Self::CertificateExpired => 204,
            Self::ValidationFailure => 205,
            Self::StsPolicyFetchError => 301,
            Self::StsPolicyInvalid => 302,
            Self::StsWebpkiInvalid => 303,
            Self::TlsaInvalid => 304,
            Self::DnssecInvalid => 305,
            Self::DaneRequired => 306,
        }
    }

    /// Returns whether it is about the discovery of an MTA-STS policy, and not about a session with an MX host.
    pub const fn is_of_discovery(self) -> bool {
        matches!(self, Self::StsPolicyFetchError | Self::StsPolicyInvalid | Self::StsWebpkiInvalid)
    }

    /// The result type with this number.
    #[cfg(feature = "tlsrpt")]
    pub(super) fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|result| result.number() == number)
    }
}

impl fmt::Display for ResultType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for ResultType {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.iter().copied().find(|result| result.as_str() == word).ok_or(UnknownWord)
    }
}

/// The type of policy that applied to a session: the `policy-type` of a report (RFC 8460, 4.4).
///
/// ```
/// use mta_sts_core::PolicyType;
///
/// assert_eq!(PolicyType::NoPolicyFound.as_str(), "no-policy-found");
/// assert_eq!(PolicyType::Sts.number(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum PolicyType {
    /// DANE TLSA records.
    Tlsa,
    /// An MTA-STS policy.
    Sts,
    /// Neither, or an MTA-STS policy of mode none.
    NoPolicyFound,
}

impl PolicyType {
    /// Every policy type, in the order of their numbers.
    pub const ALL: &'static [Self] = &[Self::Tlsa, Self::Sts, Self::NoPolicyFound];

    /// The keyword in a report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tlsa => "tlsa",
            Self::Sts => "sts",
            Self::NoPolicyFound => "no-policy-found",
        }
    }

    /// The number in libtlsrpt.
    pub const fn number(self) -> u16 {
        match self {
            Self::Tlsa => 1,
            Self::Sts => 2,
            Self::NoPolicyFound => 9,
        }
    }
    /// The policy type with this number.
    #[cfg(feature = "tlsrpt")]
    pub(super) fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|policy_type| policy_type.number() == number)
    }
}

impl fmt::Display for PolicyType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for PolicyType {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.iter().copied().find(|policy_type| policy_type.as_str() == word).ok_or(UnknownWord)
    }
}

/// The error for a keyword that is not registered by RFC 8460. New ones may be registered: keep the
/// text as received.
///
/// ```
/// use mta_sts_core::ResultType;
///
/// let error = "quantum-failure".parse::<ResultType>().unwrap_err();
/// assert_eq!(error.code(), "unknown-word");
/// // Words are compared with their case.
/// assert!("Dane-Required".parse::<ResultType>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct UnknownWord;

impl UnknownWord {
    /// The stable code of this error: a kebab-case word.
    pub const fn code(&self) -> &'static str {
        "unknown-word"
    }
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RFC 8460 registers no such word.")
    }
}

impl core::error::Error for UnknownWord {}

#[cfg(test)]
mod tests {
    use super::*;

    // Proves R40, R42.
    #[test]
    fn words_come_back_as_they_went() {
        for result in ResultType::ALL {
            assert_eq!(result.as_str().parse(), Ok(*result));
        }
        for policy_type in PolicyType::ALL {
            assert_eq!(policy_type.as_str().parse(), Ok(*policy_type));
        }
        assert_eq!("Certificate-Expired".parse::<ResultType>(), Err(UnknownWord));
    }
}
