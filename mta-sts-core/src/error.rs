//! The errors in what the network sent: one error type for each stage.
//!
//! Every number and every code of this crate is defined in this file. They are interfaces (log keys, metric
//! labels, `failure-reason-code` in TLSRPT, the status numbers of the C library): new ones are appended, and none
//! is ever changed or reused.

use core::fmt;

use crate::tlsrpt::ResultType;

/// Declares an enum of kinds: each variant with its number, its code, and its message.
macro_rules! kinds {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $number:literal, $code:literal, $sentence:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = $sentence]
                #[doc = ""]
                $(#[$variant_meta])*
                #[cfg_attr(feature = "serde", serde(rename = $code))]
                $variant,
            )*
        }

        impl $name {
            /// Every kind, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code of this kind: a kebab-case word.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The stable number of this kind, unique among all kinds of this crate.
            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)* }
            }

            /// A one-sentence description of what happened.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }

            /// The kind with this code.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.code() == code)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.message())
            }
        }
    };
}

/// Declares the error of a stage: a kind and a position in the input.
macro_rules! stage_error {
    ($(#[$meta:meta])* $name:ident, $kind:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            kind: $kind,
            line: u32,
            offset: usize,
        }

        impl $name {
            pub(crate) const fn at(kind: $kind, line: u32, offset: usize) -> Self {
                Self { kind, line, offset }
            }

            /// The kind of the error.
            pub const fn kind(&self) -> $kind {
                self.kind
            }

            /// The stable code of the kind: a kebab-case word.
            pub const fn code(&self) -> &'static str {
                self.kind.code()
            }

            /// The line of the input with the fault, counted from 1.
            pub const fn line(&self) -> u32 {
                self.line
            }

            /// The byte offset of the fault in the input, counted from 0.
            pub const fn offset(&self) -> usize {
                self.offset
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{} (line {}, byte {})", self.kind.message(), self.line, self.offset)
            }
        }

        impl core::error::Error for $name {}
    };
}

/// Declares the error of a stage that has no input text to point into: a kind alone.
macro_rules! kind_error {
    ($(#[$meta:meta])* $name:ident, $kind:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name($kind);

        impl $name {
            pub(crate) const fn new(kind: $kind) -> Self {
                Self(kind)
            }

            /// The kind of the error.
            pub const fn kind(&self) -> $kind {
                self.0
            }

            /// The stable code of the kind: a kebab-case word.
            pub const fn code(&self) -> &'static str {
                self.0.code()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl core::error::Error for $name {}
    };
}

kinds! {
    /// The kind of a [`NameError`]: what is wrong with a name or an `mx` pattern.
    NameErrorKind {
        Empty = 101, "empty-name", "The name is empty.";
        TooLong = 102, "name-too-long", "The name is longer than DNS can carry.";
        EmptyLabel = 103, "empty-label", "The name has an empty label.";
        LabelTooLong = 104, "label-too-long", "A label of the name is longer than 63 octets.";
        BadCharacter = 105, "bad-character", "The name has a character that is not allowed in a host name.";
        HyphenAtEdge = 106, "hyphen-at-edge", "A label of the name begins or ends with a hyphen.";
        /// An address literal has no policy (RFC 8461, 3.4): deliver without MTA-STS.
        AddressLiteral = 107, "address-literal", "This is an address, not a name.";
        /// Build with the feature `idna`, or pass the A-label.
        ULabelUnsupported = 108, "u-label-unsupported", "The name has a U-label, and this build does not support IDNA.";
        BadULabel = 109, "bad-u-label", "The name has a U-label that IDNA cannot turn into an A-label.";
        /// A policy gives its hosts as A-labels (RFC 8461, 3.2).
        ULabel = 110, "u-label", "The pattern has a U-label where only A-labels are allowed.";
        /// Only a leading `*.` is a wildcard (RFC 8461, 3.2 and 4.1).
        BadWildcard = 111, "bad-wildcard", "The pattern has a star that is not its whole first label.";
        MissingDomain = 112, "missing-domain", "The address has no domain.";
    }
}

stage_error! {
    /// An error in a text that was parsed as a DNS name, a Policy Domain, or an `mx` pattern.
    ///
    /// ```
    /// use mta_sts_core::{DnsName, NameErrorKind};
    ///
    /// let error = DnsName::parse("mx_1..example.com").unwrap_err();
    /// assert_eq!(error.kind(), NameErrorKind::EmptyLabel);
    /// assert_eq!((error.code(), error.offset()), ("empty-label", 5));
    /// ```
    ///
    /// Such a name cannot be looked up, and no policy covers it.
    NameError, NameErrorKind
}

kinds! {
    /// The kind of a [`RecordError`]: what is wrong with the `_mta-sts` TXT records of a domain (RFC 8461, 3.1).
    RecordErrorKind {
        /// The domain does not use MTA-STS.
        NoRecord = 201, "no-record", "No TXT record is an MTA-STS record.";
        SeveralRecords = 202, "several-records", "More than one TXT record is an MTA-STS record.";
        BadVersion = 203, "bad-version", "The record does not begin with `v=STSv1` and a semicolon.";
        MissingId = 204, "missing-id", "The record has no `id`.";
        BadId = 205, "bad-id", "The `id` is not 1 to 32 letters and digits.";
        EmptyField = 206, "empty-field", "A field is empty: there is nothing between two semicolons.";
        FieldWithoutValue = 207, "field-without-value", "A field has no equals sign.";
        SpaceAroundEquals = 208, "space-around-equals", "There is white space next to an equals sign.";
        BadFieldName = 209, "bad-field-name", "A field name is not 1 to 32 letters, digits, `_`, `-` and `.`, the first a letter or a digit.";
        BadFieldValue = 210, "bad-field-value", "A field value is empty or has a character that is not allowed in it.";
        TrailingSpace = 211, "trailing-space", "There is white space after the last field, and no semicolon.";
    }
}

stage_error! {
    /// An error in the TXT records of a domain: act as if it had no record and no policy (RFC 8461, 3.1).
    ///
    /// ```
    /// use mta_sts_core::Record;
    ///
    /// let error = Record::parse(b"v=STSv1; id=2024-01-01").unwrap_err();
    /// assert_eq!((error.code(), error.offset()), ("bad-id", 16));
    /// ```
    ///
    /// A policy that is still cached stays in force: DNS alone never ends a policy (RFC 8461, 5.1).
    RecordError, RecordErrorKind
}

kinds! {
    /// The kind of a [`PolicyError`]: what is wrong with a policy (RFC 8461, 3.2).
    PolicyErrorKind {
        TooLarge = 301, "policy-too-large", "The policy is longer than the maximum.";
        NotUtf8 = 302, "not-utf8", "The policy is not UTF-8.";
        ControlCharacter = 303, "control-character", "A line has a control character.";
        LineWithoutColon = 304, "line-without-colon", "A line has no colon.";
        SpaceBeforeName = 305, "space-before-name", "There is white space before a field name.";
        SpaceBeforeColon = 306, "space-before-colon", "There is white space before a colon.";
        BadFieldName = 307, "bad-policy-field-name", "A field name is not 1 to 32 letters, digits, `_`, `-` and `.`, the first a letter or a digit.";
        EmptyValue = 308, "empty-value", "A field has no value.";
        BadVersion = 309, "bad-policy-version", "The version is not `STSv1`.";
        BadMode = 310, "bad-mode", "The mode is none of `enforce`, `testing` and `none`.";
        BadMaxAge = 311, "bad-max-age", "The `max_age` is not 1 to 10 digits.";
        BadMx = 312, "bad-mx", "An mx is neither a host name nor `*.` with a domain.";
        MissingVersion = 313, "missing-version", "The policy has no version.";
        MissingMode = 314, "missing-mode", "The policy has no mode.";
        MissingMaxAge = 315, "missing-max-age", "The policy has no `max_age`.";
        MissingMx = 316, "missing-mx", "The policy has no mx, and its mode is not none.";
        /// Only with [`Strictness::Abnf`](crate::Strictness::Abnf).
        BlankLine = 317, "blank-line", "A line is empty or blank.";
        /// Only with [`Strictness::Abnf`](crate::Strictness::Abnf).
        ByteOrderMark = 318, "byte-order-mark", "The policy begins with a byte order mark.";
        /// Only with [`Strictness::Abnf`](crate::Strictness::Abnf).
        MxTrailingDot = 319, "mx-trailing-dot", "An mx ends with a dot.";
        /// Only with [`Strictness::Abnf`](crate::Strictness::Abnf).
        MxUnderscore = 320, "mx-underscore", "An mx has an underscore.";
    }
}

stage_error! {
    /// An error in the body of a policy. A cached policy stays in force; without one, no policy applies.
    ///
    /// ```
    /// use mta_sts_core::Policy;
    ///
    /// let error = Policy::parse(b"version: STSv1\nmode: enforced\nmx: mx.example.com\n").unwrap_err();
    /// assert_eq!((error.code(), error.line(), error.offset()), ("bad-mode", 2, 21));
    /// assert_eq!(
    ///     error.to_string(),
    ///     "The mode is none of `enforce`, `testing` and `none`. (line 2, byte 21)"
    /// );
    /// ```
    ///
    /// TLSRPT reports it as `sts-policy-invalid` (RFC 8460, 4.3.2.1). To show an owner every fault instead of
    /// only the first, use [`lint`](crate::lint).
    PolicyError, PolicyErrorKind
}

kinds! {
    /// The kind of a [`FetchError`]: what is wrong with the response of a Policy Host (RFC 8461, 3.3).
    FetchErrorKind {
        /// Only status 200 carries a policy.
        Status = 401, "http-status", "The HTTP status is not 200.";
        /// Redirects are never followed.
        Redirect = 402, "http-redirect", "The response is a redirect.";
        MediaType = 403, "media-type", "The media type is not text/plain.";
        MissingMediaType = 404, "missing-media-type", "The response has no media type.";
        /// No prefix of a longer body is parsed as a policy: a truncated list of hosts would stop mail.
        BodyTooLarge = 405, "body-too-large", "The body is longer than the limit.";
        /// The position and the kind are in [`FetchError::policy_error`].
        InvalidPolicy = 406, "invalid-policy", "The body is not a valid policy.";
    }
}

/// An error in the response of a Policy Host: it gives no policy.
///
/// ```
/// use mta_sts_core::{FetchErrorKind, FetchLimits, HttpResponse, Policy, ResultType};
///
/// let page = HttpResponse::new(200, b"<html>").with_content_type(b"text/html");
/// let error = Policy::from_response(&page, &FetchLimits::new()).unwrap_err();
/// assert_eq!(error.kind(), FetchErrorKind::MediaType);
/// assert_eq!(error.result_type(), ResultType::StsPolicyFetchError);
///
/// let policy = HttpResponse::new(200, b"mode: off").with_content_type(b"text/plain");
/// let error = Policy::from_response(&policy, &FetchLimits::new()).unwrap_err();
/// assert_eq!(error.kind(), FetchErrorKind::InvalidPolicy);
/// assert_eq!(error.code(), "bad-mode");
/// assert_eq!(error.result_type(), ResultType::StsPolicyInvalid);
/// ```
///
/// A cached policy stays in force; without one the mail is delivered as if the domain had no policy (RFC 8461,
/// 3.3). Do not fetch the policy of this record id again for 300 s; [`Lookup`](crate::Lookup) takes care of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FetchError {
    kind: FetchErrorKind,
    policy: Option<PolicyError>,
}

impl FetchError {
    pub(crate) const fn new(kind: FetchErrorKind) -> Self {
        Self { kind, policy: None }
    }

    /// The kind of the error.
    pub const fn kind(&self) -> FetchErrorKind {
        self.kind
    }

    /// The stable code: that of the policy error if the body is not a policy.
    pub const fn code(&self) -> &'static str {
        match self.policy {
            Some(error) => error.code(),
            None => self.kind.code(),
        }
    }

    /// The line of the body with the fault, counted from 1; 1 if the body was not parsed.
    pub const fn line(&self) -> u32 {
        match self.policy {
            Some(error) => error.line(),
            None => 1,
        }
    }

    /// The byte offset of the fault in the body, counted from 0; 0 if the body was not parsed.
    pub const fn offset(&self) -> usize {
        match self.policy {
            Some(error) => error.offset(),
            None => 0,
        }
    }

    /// The error in the body, if the rest of the response is valid.
    pub const fn policy_error(&self) -> Option<PolicyError> {
        self.policy
    }

    /// The result type for TLSRPT (RFC 8460, 4.3.2.1): `sts-policy-invalid` for a body that is not a policy,
    /// `sts-policy-fetch-error` for everything else.
    pub const fn result_type(&self) -> ResultType {
        match self.kind {
            FetchErrorKind::InvalidPolicy => ResultType::StsPolicyInvalid,
            _ => ResultType::StsPolicyFetchError,
        }
    }
}

impl From<PolicyError> for FetchError {
    fn from(error: PolicyError) -> Self {
        Self { kind: FetchErrorKind::InvalidPolicy, policy: Some(error) }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.policy {
            Some(error) => error.fmt(formatter),
            None => self.kind.fmt(formatter),
        }
    }
}

impl core::error::Error for FetchError {}

kinds! {
    /// The reason why a Policy Host gave no response, as reported by the caller's HTTPS client.
    ///
    /// A driver maps the errors of its HTTPS library. In this example they are an enum:
    ///
    /// ```
    /// use mta_sts_core::{FetchFailure, Input, ResultType};
    /// # enum Tls { Expired, WrongName, UnknownIssuer, Handshake }
    /// # enum Error { NoSuchHost, Dns, Connect, TimedOut, Tls(Tls), TooLong, Malformed, TooManyOpenFiles, Proxy }
    ///
    /// fn answer(error: &Error) -> Input<'static> {
    ///     Input::FetchFailed(match error {
    ///         Error::NoSuchHost => FetchFailure::HostNotFound,
    ///         Error::Dns => FetchFailure::HostDnsFailed,
    ///         Error::Connect => FetchFailure::Connect,
    ///         Error::TimedOut => FetchFailure::Timeout,
    ///         Error::Tls(Tls::Expired) => FetchFailure::CertificateExpired,
    ///         Error::Tls(Tls::WrongName) => FetchFailure::CertificateHostMismatch,
    ///         Error::Tls(Tls::UnknownIssuer) => FetchFailure::CertificateNotTrusted,
    ///         Error::Tls(Tls::Handshake) => FetchFailure::TlsHandshake,
    ///         Error::TooLong => FetchFailure::BodyTooLarge,
    ///         Error::Malformed => FetchFailure::Protocol,
    ///         Error::TooManyOpenFiles | Error::Proxy => FetchFailure::LocalFault,
    ///     })
    /// }
    /// # answer(&Error::Tls(Tls::Handshake));
    ///
    /// // TLSRPT has a result type of its own for a bad certificate: keep it apart.
    /// assert_eq!(FetchFailure::CertificateExpired.result_type(), ResultType::StsWebpkiInvalid);
    /// assert_eq!(FetchFailure::TlsHandshake.result_type(), ResultType::StsPolicyFetchError);
    /// ```
    ///
    /// A status other than 200 is a response and not a failure: pass it as
    /// [`Input::Response`](crate::Input::Response). The failures differ only in what the report and the log say,
    /// with one exception: after [`FetchFailure::LocalFault`] a sender without a cached policy tries again later.
    FetchFailure {
        HostNotFound = 501, "policy-host-not-found", "The Policy Host has no address.";
        HostDnsFailed = 502, "policy-host-dns-failed", "The address lookup of the Policy Host failed.";
        Connect = 503, "connect-failed", "No connection to the Policy Host could be made.";
        Timeout = 504, "timeout", "The Policy Host did not answer in time.";
        CertificateExpired = 505, "policy-host-certificate-expired", "The certificate of the Policy Host has expired.";
        CertificateHostMismatch = 506, "policy-host-certificate-host-mismatch", "The certificate of the Policy Host is for other names.";
        /// This includes a certificate that is not yet valid, revoked, or malformed.
        CertificateNotTrusted = 507, "policy-host-certificate-not-trusted", "The certificate of the Policy Host is not trusted.";
        TlsHandshake = 508, "policy-host-tls-failed", "The TLS handshake with the Policy Host failed.";
        BodyTooLarge = 509, "policy-host-body-too-large", "The Policy Host sent a body longer than the limit.";
        Protocol = 510, "http-protocol", "The response of the Policy Host is not valid HTTP.";
        /// The causes are too many open files, no memory, no network, or a proxy that is down. The Policy Host is
        /// not to blame: no policy is given up, nothing is reported, and no back-off starts.
        LocalFault = 511, "local-fault", "The sender could not contact the Policy Host, because of a local fault.";
        /// Senders can opt in to this check; by default any address is accepted.
        AddressRefused = 512, "policy-host-address-refused", "The Policy Host has only private addresses, which this sender refuses.";
    }
}

impl FetchFailure {
    /// The result type for TLSRPT (RFC 8460, 4.3.2.1): `sts-webpki-invalid` for a certificate error,
    /// `sts-policy-fetch-error` for everything else.
    pub const fn result_type(self) -> ResultType {
        match self {
            Self::CertificateExpired | Self::CertificateHostMismatch | Self::CertificateNotTrusted => {
                ResultType::StsWebpkiInvalid
            }
            _ => ResultType::StsPolicyFetchError,
        }
    }
}

impl core::error::Error for FetchFailure {}

kinds! {
    /// The reason why DNS gave no answer about the TXT records, as reported by the caller's DNS client.
    ///
    /// ```
    /// use core::time::Duration;
    /// use mta_sts_core::{Input, TxtFailure};
    ///
    /// /// `ttl` of an answer without records is the negative one (RFC 2308).
    /// fn answer(rcode: u8, rrs: Vec<Vec<u8>>, ttl: Duration) -> Input<'static> {
    ///     match rcode {
    ///         0 if !rrs.is_empty() => Input::txt(&rrs, ttl),
    ///         0 | 3 => Input::TxtNotFound { ttl },
    ///         2 => Input::TxtFailed(TxtFailure::ServFail),
    ///         _ => Input::TxtFailed(TxtFailure::Unusable),
    ///     }
    /// }
    /// # assert!(matches!(answer(2, vec![], Duration::ZERO), Input::TxtFailed(TxtFailure::ServFail)));
    /// # assert!(matches!(answer(3, vec![], Duration::ZERO), Input::TxtNotFound { .. }));
    /// ```
    /// "No such records" is an answer and not a failure: pass it as
    /// [`Input::TxtNotFound`](crate::Input::TxtNotFound).
    TxtFailure {
        Timeout = 601, "dns-timeout", "DNS did not answer in time.";
        ServFail = 602, "dns-servfail", "DNS answered SERVFAIL.";
        Bogus = 603, "dns-bogus", "The DNS answer failed DNSSEC validation.";
        /// For example, it was refused or malformed.
        Unusable = 604, "dns-unusable", "DNS gave no usable answer.";
        /// The causes are too many open files, no memory, no network, or an unreachable name server: nothing is
        /// reported.
        LocalFault = 605, "dns-local-fault", "The sender could not query DNS, because of a local fault.";
    }
}

impl core::error::Error for TxtFailure {}

kinds! {
    /// The kind of an [`EntryError`]: what is wrong with the saved text of a cache entry.
    EntryErrorKind {
        NotAnEntry = 701, "not-an-entry", "The text does not begin like a cache entry.";
        UnknownVersion = 702, "unknown-entry-version", "The entry has a version that this crate does not support.";
        BadHeader = 703, "bad-entry-header", "A header line of the entry is not valid.";
        Truncated = 704, "truncated-entry", "The entry is truncated.";
        TrailingBytes = 705, "trailing-entry-bytes", "There is text after the policy of the entry.";
        InvalidPolicy = 706, "invalid-entry-policy", "The policy in the entry is not valid.";
        Incomplete = 707, "incomplete-entry", "A header line of the entry is missing.";
        OtherDomain = 708, "entry-of-other-domain", "The entry belongs to another domain.";
        DuplicateHeader = 709, "duplicate-entry-header", "A header line of the entry is repeated.";
    }
}

stage_error! {
    /// An error in the saved text of a cache entry: look the domain up as if nothing were remembered.
    ///
    /// ```
    /// use mta_sts_core::{CacheEntry, PolicyDomain};
    ///
    /// let domain = PolicyDomain::parse("example.com")?;
    /// // A file that was cut off when the disk was full.
    /// let text = b"mta-sts-entry 2\ndomain: example.com\nid: 2024";
    /// assert_eq!(CacheEntry::parse(text, &domain).unwrap_err().code(), "truncated-entry");
    /// // A file that was copied over that of another domain.
    /// let text = b"mta-sts-entry 2\ndomain: example.net\n\n";
    /// assert_eq!(CacheEntry::parse(text, &domain).unwrap_err().code(), "entry-of-other-domain");
    /// # Ok::<(), mta_sts_core::NameError>(())
    /// ```
    EntryError, EntryErrorKind
}

kinds! {
    /// The kind of a [`LookupError`]: what is wrong with a call of
    /// [`Lookup::handle_input`](crate::Lookup::handle_input).
    LookupErrorKind {
        UnexpectedInput = 801, "unexpected-input", "The input does not answer the current query.";
        AlreadyDone = 802, "already-done", "The lookup is done and takes no more inputs.";
    }
}

kind_error! {
    /// An error in how a [`Lookup`](crate::Lookup) was driven: the input does not answer its query. The lookup is
    /// unchanged.
    ///
    /// ```
    /// use mta_sts_core::*;
    ///
    /// # let now = UnixTime::from_secs(1_700_000_000);
    /// let domain = PolicyDomain::parse("example.com")?;
    /// let mut lookup = Lookup::new(domain, Purpose::Deliver, None, now, &LookupConfig::new());
    /// let early = Input::FetchFailed(FetchFailure::Timeout);
    /// assert_eq!(lookup.handle_input(early, now).unwrap_err().code(), "unexpected-input");
    /// assert!(matches!(lookup.poll_output(), Output::QueryTxt(_)));
    /// # Ok::<(), NameError>(())
    /// ```
    ///
    /// It is a bug in the driver, never a fault of the network.
    LookupError, LookupErrorKind
}

kinds! {
    /// The reason why a session fails a requirement: the `failure-reason-code` of TLSRPT.
    ///
    /// ```
    /// use mta_sts_core::{ResultType, SessionFault};
    ///
    /// let fault = SessionFault::MxMismatch;
    /// assert_eq!(fault.result_type(), Some(ResultType::ValidationFailure));
    /// assert_eq!(fault.code(), "mx-mismatch");
    /// // Of REQUIRETLS a report says nothing.
    /// assert_eq!(SessionFault::RequiretlsNotOffered.result_type(), None);
    /// ```
    SessionFault {
        /// RFC 8460 has no result type for this: it is reported as `validation-failure`.
        MxMismatch = 901, "mx-mismatch", "The MX host is not covered by the policy.";
        StarttlsNotOffered = 902, "starttls-not-offered", "The MX host did not offer STARTTLS.";
        StarttlsRefused = 903, "starttls-refused", "The MX host offered STARTTLS but rejected the command.";
        TlsHandshake = 904, "tls-handshake-failed", "The TLS handshake with the MX host failed.";
        TlsVersion = 905, "tls-version-too-old", "The TLS version is older than 1.2.";
        CertificateExpired = 906, "certificate-expired", "The certificate of the MX host has expired.";
        CertificateNotYetValid = 907, "certificate-not-yet-valid", "The certificate of the MX host is not valid yet.";
        CertificateHostMismatch = 908, "certificate-host-mismatch", "The certificate of the MX host is for other names.";
        CertificateNotTrusted = 909, "certificate-not-trusted", "The certificate of the MX host is not trusted.";
        /// The caller established TLS and did not pass a result for the certificate.
        CertificateNotChecked = 910, "certificate-not-checked", "The certificate of the MX host was not checked.";
        DaneFailed = 911, "dane-failed", "The certificate of the MX host does not match its TLSA records.";
        DaneLookupFailed = 912, "dane-lookup-failed", "The TLSA records of the MX host could not be looked up.";
        MxNotAuthenticated = 913, "mx-not-authenticated", "The MX host is authenticated neither by DNSSEC nor by an MTA-STS policy.";
        RequiretlsNotOffered = 914, "requiretls-not-offered", "The MX host did not offer REQUIRETLS.";
        /// The lookup could not tell; the message stays in the queue.
        PolicyUnknown = 915, "policy-unknown", "Whether the domain has a policy could not be determined.";
        /// The host has usable TLSA records, and the caller passed no DANE result for the session.
        DaneNotChecked = 916, "dane-not-checked", "The certificate of the MX host was not compared with its TLSA records.";
    }
}

impl core::error::Error for SessionFault {}

kinds! {
    /// The reason why no policy applies to a message, without details: a label for logs and metrics.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use mta_sts_core::{NoPolicy, NoPolicyKind, TxtFailure};
    ///
    /// let mut counters: BTreeMap<_, u64> = NoPolicyKind::ALL.iter().map(|kind| (kind.code(), 0)).collect();
    /// let reason = NoPolicy::DnsFailed(TxtFailure::Timeout);
    /// *counters.entry(reason.code()).or_default() += 1;
    /// assert_eq!(counters["dns-failed"], 1);
    /// assert_eq!(counters["no-record"], 0);
    /// ```
    ///
    /// Codes shared with [`RecordErrorKind`] and [`FetchFailure`] mean the same there.
    NoPolicyKind {
        NoRecord = 1001, "no-record", "The domain has no MTA-STS record.";
        InvalidRecord = 1002, "invalid-record", "The MTA-STS record of the domain is not valid.";
        SeveralRecords = 1003, "several-records", "The domain has more than one MTA-STS record.";
        /// Whether the domain has a policy is unknown: a cautious sender tries again later.
        DnsFailed = 1004, "dns-failed", "The DNS query for the policy of the domain failed.";
        FetchFailed = 1005, "fetch-failed", "The domain has a policy, but it could not be fetched.";
        BackingOff = 1006, "backing-off", "The last fetch of this policy failed recently.";
        /// The contents of the policy are unknown: the sender tries again later.
        LocalFault = 1007, "local-fault", "The domain has a policy, but this sender could not fetch it, because of a local fault.";
    }
}

#[cfg(feature = "lint")]
kinds! {
    /// The kind of a finding of [`lint`](crate::lint).
    ///
    /// Some findings are the cause of a parse error and come with it; the others stop no parser.
    LintKind {
        /// The remaining findings are only counted.
        MoreFindings = 1101, "more-findings", "There are more findings than are shown.";
        // The text as a whole.
        Html = 1102, "html", "The text is HTML or XML.";
        Rtf = 1103, "rtf", "The text is RTF, a word processor format.";
        Json = 1104, "json", "The text is JSON.";
        FrontMatter = 1105, "front-matter", "The text begins with front matter of a site generator.";
        Utf16 = 1106, "utf-16", "The text is UTF-16.";
        RecordAsPolicy = 1107, "record-as-policy", "The text is a TXT record instead of a policy.";
        PolicyAsRecord = 1108, "policy-as-record", "The text is a policy instead of a TXT record.";
        LargePolicy = 1109, "large-policy", "The policy is longer than 65,536 octets.";
        // Lines.
        Comment = 1110, "comment", "The line is a comment, which policies do not support.";
        YamlList = 1111, "yaml-list", "The line is an item of a YAML list.";
        EqualsForColon = 1112, "equals-for-colon", "There is an equals sign instead of a colon.";
        FieldsOnOneLine = 1113, "fields-on-one-line", "Several fields are on one line.";
        EscapedLineEnd = 1114, "escaped-line-end", "There is an escape such as `\\n` instead of a line end.";
        BadLineEnd = 1115, "bad-line-end", "A line ends with CR, which is not a line end.";
        UnicodeLineEnd = 1116, "unicode-line-end", "There is a Unicode line or paragraph separator, which is not a line end.";
        MixedLineEnds = 1117, "mixed-line-ends", "Some lines end with LF and some with CRLF.";
        TrailingWhiteSpace = 1118, "trailing-white-space", "There is white space at the end of a line.";
        UnusualDelimiter = 1119, "unusual-delimiter", "A colon is not followed by exactly one space.";
        InvisibleCharacter = 1120, "invisible-character", "There is an invisible character.";
        TypographicCharacter = 1121, "typographic-character", "There is a typographic quote, dash or colon.";
        NonAscii = 1122, "non-ascii", "A value has characters other than ASCII.";
        // Fields.
        VersionNotFirst = 1123, "version-not-first", "The version is not the first field.";
        DuplicateField = 1124, "duplicate-field", "A field that may appear only once is repeated.";
        UnknownField = 1125, "unknown-field", "A field is unknown to senders.";
        FieldNameCase = 1126, "field-name-case", "A field name has upper-case letters.";
        MisspeltField = 1127, "misspelt-field", "A field name looks like a misspelt known one.";
        MisplacedField = 1128, "misplaced-field", "A field is in the wrong place: `id` belongs in the record, the others in the policy.";
        OldDraft = 1129, "old-draft", "The text follows an early draft of the RFC.";
        ValueCase = 1130, "value-case", "A keyword has the wrong case.";
        QuotedValue = 1131, "quoted-value", "There are quotes around a value.";
        BracketedValue = 1132, "bracketed-value", "There are brackets around a value.";
        TrailingPunctuation = 1133, "trailing-punctuation", "A value ends with a comma or a semicolon.";
        Placeholder = 1134, "placeholder", "A placeholder of an example was not replaced.";
        // Mode and max_age.
        TestingMode = 1135, "testing-mode", "The mode is testing: failures are reported, but mail is not protected.";
        ShortMaxAge = 1136, "short-max-age", "The `max_age` is short.";
        ZeroMaxAge = 1137, "zero-max-age", "The `max_age` is 0.";
        LongMaxAge = 1138, "long-max-age", "The `max_age` is longer than half a year.";
        ClampedMaxAge = 1139, "clamped-max-age", "The `max_age` is above the maximum of 31557600.";
        // Patterns.
        MxWithModeNone = 1140, "mx-with-mode-none", "There is an mx, although the mode is none.";
        DuplicateMx = 1141, "duplicate-mx", "An mx is repeated.";
        UpperCaseMx = 1142, "upper-case-mx", "An mx has upper-case letters.";
        SingleLabelMx = 1143, "single-label-mx", "An mx has a single label.";
        WildcardMx = 1144, "wildcard-mx", "An mx is a wildcard, which covers exactly one more label.";
        WildcardTooWide = 1145, "wildcard-too-wide", "A wildcard covers every domain below a public suffix.";
        WildcardMissesLevel = 1146, "wildcard-misses-level", "A wildcard misses hosts that are one level up or down.";
        MisplacedWildcard = 1147, "misplaced-wildcard", "A star is not the whole first label of a name.";
        SeveralHostsInMx = 1148, "several-hosts-in-mx", "One mx has several hosts.";
        MxPreference = 1149, "mx-preference", "An mx has the preference number of a DNS record.";
        MxPort = 1150, "mx-port", "An mx has a port.";
        MxUrl = 1151, "mx-url", "An mx is a URL.";
        MxMailAddress = 1152, "mx-mail-address", "An mx is a mail address.";
        MxAddress = 1153, "mx-address", "An mx is an IP address.";
        MxULabel = 1154, "mx-u-label", "An mx has letters other than ASCII.";
        MxLeadingDot = 1155, "mx-leading-dot", "An mx begins with a dot, as wildcards did in drafts of the RFC.";
        // Records.
        SpaceBeforeSemicolon = 1156, "space-before-semicolon", "There is white space before a semicolon.";
        LeadingWhiteSpace = 1157, "leading-white-space", "There is white space before the record.";
        MissingSemicolon = 1158, "missing-semicolon", "There is no semicolon after the version.";
        EscapedSemicolon = 1159, "escaped-semicolon", "There is a backslash before a semicolon.";
        MisplacedRecord = 1160, "misplaced-record", "There is an SPF, DKIM, DMARC or TLSRPT record at this name.";
        NearRecord = 1161, "near-record", "A TXT record looks like an MTA-STS record but is not one.";
        OtherRecord = 1162, "other-record", "There is a TXT record that has nothing to do with MTA-STS.";
        // Responses of a Policy Host.
        OtherCharset = 1163, "other-charset", "The charset is neither utf-8 nor us-ascii.";
        // Records again.
        ColonForEquals = 1164, "colon-for-equals", "There is a colon instead of an equals sign.";
        ZoneLine = 1165, "zone-line", "The text is a line of a zone file instead of the text of a record.";
        // Policies again.
        NoneMode = 1166, "none-mode", "The mode is none: mail is not protected.";
        MxNotCovered = 1167, "mx-not-covered", "No mx covers this MX host.";
        ProviderMx = 1168, "provider-mx", "An mx is a name of a mail provider, but not like any of its MX hosts.";
        PartOfMxSet = 1169, "part-of-mx-set", "An mx is one of several MX hosts of a mail provider, and others are not covered.";
        // TLSRPT records.
        RuaWithoutScheme = 1401, "rua-without-scheme", "A URI of the `rua` has no scheme.";
        RuaScheme = 1402, "rua-scheme", "The scheme of a URI is neither `mailto` nor `https`.";
        RuaExclamationMark = 1403, "rua-exclamation-mark", "A URI has an exclamation mark.";
        RuaWhiteSpace = 1404, "rua-white-space", "A URI has white space.";
        RuaCharacter = 1405, "rua-character", "A URI has a character that is not allowed in a URI.";
        RuaAddress = 1406, "rua-address", "A `mailto` URI has no valid mail address.";
        RuaUrl = 1407, "rua-url", "An `https` URI is not one that reports can be sent to.";
        EmptyRua = 1408, "empty-rua", "A URI is empty: there is nothing between two commas.";
        DuplicateRua = 1409, "duplicate-rua", "A URI is repeated.";
        ManyRuas = 1410, "many-ruas", "The record has more than 8 URIs.";
        RuaElsewhere = 1411, "rua-elsewhere", "Reports go to another domain.";
        ShortTlsrptTtl = 1412, "short-tlsrpt-ttl", "The TTL of the record is shorter than an hour.";
        MtaStsWithoutTlsrpt = 1413, "mta-sts-without-tlsrpt", "The domain has an MTA-STS record but asks for no reports.";
        // TLS reports, after their deviations.
        CompressedReport = 1461, "compressed-report", "The report is compressed with gzip.";
        MxHostDiffers = 1462, "mx-host-differs", "The mx-host has a pattern that the lines of the policy do not have.";
        ResultOfOtherPolicy = 1463, "result-of-other-policy", "The result type is none of policies of this type.";
        NoFailedSession = 1464, "no-failed-session", "The failure details count no session.";
        PolicyWithoutSessions = 1465, "policy-without-sessions", "The policy has neither a success nor a failure.";
        SeveralPolicyDomains = 1466, "several-policy-domains", "The report is about several domains.";
    }
}

#[cfg(feature = "postfix")]
kinds! {
    /// The reason why a policy cannot be expressed to Postfix. Give a temporary answer: the mail waits and is not
    /// exposed.
    PostfixErrorKind {
        /// `hostname`, `nexthop`, and `dot-nexthop` are keywords of Postfix.
        NoUsableMx = 1201, "no-usable-mx", "Every name to match is a keyword that Postfix replaces by another name.";
        NoPermittedHost = 1202, "no-permitted-host", "The policy covers none of the MX hosts.";
        /// A shortened list of names would stop mail to the hosts missing from it.
        TooLong = 1203, "answer-too-long", "The answer is longer than the maximum of Postfix.";
        NumericDomain = 1204, "numeric-domain", "The domain has only digits, which Postfix does not accept.";
    }
}

#[cfg(feature = "postfix")]
kind_error! {
    /// An error for a policy that cannot be expressed to Postfix.
    ///
    /// ```
    /// use mta_sts_core::{Policy, PolicyDomain, postfix};
    ///
    /// let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: hostname\nmax_age: 604800\n")?;
    /// let domain = PolicyDomain::parse("example.com")?;
    /// // To Postfix `hostname` means "whatever name the MX host has".
    /// let error = postfix::tls_policy(&policy, &domain, postfix::Form::Basic).unwrap_err();
    /// let answer = format!("TEMP {}", error.code());
    /// assert_eq!(answer, "TEMP no-usable-mx");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    PostfixError, PostfixErrorKind
}

kinds! {
    /// The kind of a [`TlsrptRecordError`]: what is wrong with the `_smtp._tls` TXT records of a domain (RFC
    /// 8460, 3).
    TlsrptRecordErrorKind {
        /// The domain asks for no reports.
        NoRecord = 1301, "no-tlsrpt-record", "No TXT record is a TLSRPT record.";
        SeveralRecords = 1302, "several-tlsrpt-records", "More than one TXT record is a TLSRPT record.";
        BadVersion = 1303, "bad-tlsrpt-version", "The record does not begin with `v=TLSRPTv1` and a semicolon.";
        MissingRua = 1304, "missing-rua", "The record has no `rua`.";
        NoUsableRua = 1305, "no-usable-rua", "The `rua` has no URI to which a report can be sent.";
        EmptyField = 1306, "empty-tlsrpt-field", "A field is empty: there is nothing between two semicolons.";
        FieldWithoutValue = 1307, "tlsrpt-field-without-value", "A field has no equals sign.";
        SpaceAroundEquals = 1308, "space-around-tlsrpt-equals", "There is white space next to an equals sign.";
        BadFieldName = 1309, "bad-tlsrpt-field-name", "A field name is not 1 to 32 letters, digits, `_`, `-` and `.`, the first a letter or a digit.";
        BadFieldValue = 1310, "bad-tlsrpt-field-value", "A field value is empty or has a character that is not allowed in it.";
        TrailingSpace = 1311, "trailing-tlsrpt-space", "There is white space after the last field, and no semicolon.";
    }
}

stage_error! {
    /// An error in the TXT records at `_smtp._tls`: send the domain no report (RFC 8460, 3).
    ///
    /// ```
    /// use mta_sts_core::tlsrpt::TlsrptRecord;
    ///
    /// let error = TlsrptRecord::parse(b"v=TLSRPTv1; rua=http://r.example/").unwrap_err();
    /// assert_eq!((error.code(), error.offset()), ("no-usable-rua", 16));
    /// ```
    ///
    /// Mail is delivered as usual.
    TlsrptRecordError, TlsrptRecordErrorKind
}

#[cfg(feature = "tlsrpt")]
kinds! {
    /// The kind of a [`DatagramError`]: what is wrong with a datagram of libtlsrpt.
    DatagramErrorKind {
        TooLong = 1341, "datagram-too-long", "The datagram is longer than 64 KiB.";
        NotJson = 1342, "datagram-not-json", "The datagram is not JSON.";
        BadMember = 1343, "bad-datagram-member", "A member of the datagram is missing, repeated or has the wrong type.";
        UnknownVersion = 1344, "unknown-datagram-version", "The version of the datagram is not 1.";
        BadDomain = 1345, "bad-datagram-domain", "The recipient domain of the datagram is not a domain.";
        UnknownPolicyType = 1346, "unknown-datagram-policy-type", "The datagram has a policy type that reports do not support.";
        NoPolicy = 1347, "datagram-without-policy", "The datagram has no policy, so there is nothing to count.";
    }
}

#[cfg(feature = "tlsrpt")]
stage_error! {
    /// An error in a datagram: nothing in it is counted.
    ///
    /// ```
    /// use mta_sts_core::tlsrpt::Datagram;
    ///
    /// let error = Datagram::parse(br#"{"d": "example.com"}"#).unwrap_err();
    /// assert_eq!(error.code(), "bad-datagram-member");
    /// ```
    ///
    /// Count the error and continue: any local program may write to the socket.
    DatagramError, DatagramErrorKind
}

#[cfg(feature = "tlsrpt")]
kinds! {
    /// The kind of a [`TallyError`]: what is wrong with the text of a tally.
    TallyErrorKind {
        NotATally = 1351, "not-a-tally", "The text does not begin like a tally.";
        UnknownVersion = 1352, "unknown-tally-version", "The text has a version that this crate does not support.";
        Truncated = 1353, "truncated-tally", "The text ends in the middle of a line.";
        BadLine = 1354, "bad-tally-line", "A line of the text is not valid.";
    }
}

#[cfg(feature = "tlsrpt")]
stage_error! {
    /// An error in the saved text of a tally.
    ///
    /// ```
    /// use mta_sts_core::tlsrpt::{ReportSender, Tally, TallyConfig};
    ///
    /// # let seed = 7;
    /// let config = TallyConfig::new(seed, ReportSender::new("tls-reports@sender.example", "Sender Inc.")?);
    /// let error = Tally::parse(b"mta-sts-tally 1\n{", config).unwrap_err();
    /// assert_eq!((error.code(), error.line()), ("truncated-tally", 2));
    /// # Ok::<(), mta_sts_core::tlsrpt::ReportSenderError>(())
    /// ```
    ///
    /// Keep the text for inspection, and start with an empty tally.
    TallyError, TallyErrorKind
}

#[cfg(feature = "tlsrpt")]
kinds! {
    /// The kind of a [`ReportSenderError`]: what is wrong with the sender of reports.
    ReportSenderErrorKind {
        BadContact = 1361, "bad-sender-contact", "The contact is not a plain mail address such as `tls-reports@example.com`.";
        BadOrganization = 1362, "bad-sender-organization", "The name of the organisation is empty, longer than 255 octets, or has a control character.";
    }
}

#[cfg(feature = "tlsrpt")]
kind_error! {
    /// An error in the sender of reports: receivers would refuse its reports.
    ///
    /// ```
    /// use mta_sts_core::tlsrpt::ReportSender;
    ///
    /// let error = ReportSender::new("Reports <tls@sender.example>", "Sender Inc.").unwrap_err();
    /// assert_eq!(error.code(), "bad-sender-contact");
    /// ```
    ReportSenderError, ReportSenderErrorKind
}

#[cfg(feature = "tlsrpt")]
kinds! {
    /// The reason why a report cannot be sent by mail.
    MailErrorKind {
        OtherSubmitter = 1366, "other-report-submitter", "The domain of the report's contact is not that of the sender.";
        BadReportId = 1367, "bad-report-id", "The id of the report is not allowed in a subject.";
        MissingPeriod = 1368, "missing-report-period", "The report has no period.";
    }
}

#[cfg(feature = "tlsrpt")]
kind_error! {
    /// An error for a report that cannot be sent by mail.
    ///
    /// ```
    /// use mta_sts_core::tlsrpt::{MailParts, Report, ReportPeriod, ReportSender};
    /// use mta_sts_core::{PolicyDomain, UnixTime};
    ///
    /// let sender = ReportSender::new("tls-reports@sender.example", "Sender Inc.")?;
    /// let period = ReportPeriod::of_day(UnixTime::from_secs(1_700_000_000));
    /// let report = Report::new("Other Inc.", "tls@other.example", "1@other.example", period);
    /// let error = MailParts::of(&report, &PolicyDomain::parse("example.com")?, &sender).unwrap_err();
    /// assert_eq!(error.code(), "other-report-submitter");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    MailError, MailErrorKind
}

kinds! {
    /// The kind of a [`ReportError`]: why a TLS report cannot be read, or must not be written (RFC 8460, 4).
    ReportErrorKind {
        TooLarge = 1321, "report-too-large", "The report is longer than the limit.";
        BadJson = 1322, "bad-json", "The report is not valid JSON.";
        EndsEarly = 1323, "json-ends-early", "The JSON of the report is truncated.";
        NotAnObject = 1324, "report-not-an-object", "The report is JSON, but not an object.";
        MissingPolicies = 1325, "missing-policies", "The report has no array of policies.";
        TooDeep = 1326, "report-too-deep", "The report has more than 32 nested objects and arrays.";
        TooManyPolicies = 1327, "too-many-policies", "The report has more policies than the limit.";
        TooManyDetails = 1328, "too-many-failure-details", "The report has more failure details than the limit.";
        /// The kinds from here on are about reports to be written.
        MissingMember = 1331, "missing-report-member", "The report lacks a member that RFC 8460 requires.";
        NotOneDay = 1332, "report-not-of-one-day", "The period of the report is not one day of UTC that RFC 3339 can express.";
        BadContact = 1333, "bad-report-contact", "The contact is not a mail address with a domain.";
        BadName = 1334, "bad-report-name", "A name is not a host name in A-labels without a trailing dot.";
        BadPattern = 1335, "bad-report-pattern", "A pattern is not a valid mx of a policy.";
        UnknownWord = 1336, "unknown-report-word", "A type is not registered by RFC 8460.";
        BadAddress = 1337, "bad-report-address", "An address is not an IP address.";
        BadText = 1338, "bad-report-text", "A text is empty, too long, or has characters that are not allowed in it.";
        UnexpectedPatterns = 1339, "unexpected-report-patterns", "A policy that is not an MTA-STS policy has mx patterns.";
        BelowTotal = 1340, "report-details-below-total", "The failure details count fewer sessions than failed.";
    }
}

#[cfg(feature = "lint")]
impl ReportErrorKind {
    /// Whether it is of a report that is read, and not of one that is to be written.
    pub(crate) const fn is_of_reading(self) -> bool {
        self.number() < Self::MissingMember.number()
    }
}

kinds! {
    /// The kind of a deviation: how a readable TLS report departs from RFC 8460, or from I-JSON (RFC 7493).
    DeviationKind {
        MoreDeviations = 1421, "more-deviations", "There are more deviations than are reported.";
        ByteOrderMark = 1422, "report-byte-order-mark", "The report begins with a byte order mark.";
        TextAfterReport = 1423, "text-after-report", "There is text after the report.";
        BrokenText = 1424, "broken-text", "A text is not UTF-8, or has an unpaired surrogate.";
        ControlCharacter = 1425, "report-control-character", "A text has a control character that is not escaped.";
        TextCut = 1426, "text-cut", "A text is longer than the maximum, and is truncated.";
        DuplicateMember = 1427, "duplicate-member", "A member of an object is repeated; the first counts.";
        UnknownMember = 1428, "unknown-member", "A member is not defined by RFC 8460.";
        MissingMember = 1429, "missing-member", "A member that RFC 8460 requires is missing.";
        NullMember = 1430, "null-member", "A member is null.";
        EmptyText = 1431, "empty-text", "A text is empty instead of absent.";
        WrongType = 1432, "wrong-type", "A value has another JSON type than RFC 8460 requires.";
        StringForArray = 1433, "string-for-array", "There is a string instead of an array of strings.";
        ObjectForArray = 1434, "object-for-array", "There is an object instead of an array of objects.";
        ArrayInString = 1435, "array-in-string", "There is a JSON array within a string.";
        LineFeed = 1436, "line-feed-in-line", "A line contains a line feed.";
        EmptyElement = 1437, "empty-element", "An element has too little information to be counted.";
        NoPolicies = 1438, "no-policies", "The report has no policies.";
        UnknownPolicyType = 1439, "unknown-policy-type", "The policy type is not registered by RFC 8460.";
        UnknownResultType = 1440, "unknown-result-type", "The result type is not registered by RFC 8460.";
        MxHostWithoutSts = 1441, "mx-host-without-sts", "A policy that is not an MTA-STS policy has mx patterns.";
        BadContact = 1442, "bad-contact-info", "The contact is not a mail address with a domain.";
        BadName = 1443, "bad-name-in-report", "A name is not written in A-labels without a trailing dot.";
        BadAddress = 1444, "bad-ip-address", "An address is not an IP address.";
        UnusualAddress = 1445, "unusual-ip-address", "An IPv6 address is not in the form of RFC 5952.";
        BadDatetime = 1446, "bad-datetime", "A time is not in the form of RFC 3339.";
        DatetimeOutOfRange = 1447, "datetime-out-of-range", "A time is before 1970.";
        DatetimeWithoutZone = 1448, "datetime-without-zone", "A time has no zone; UTC is assumed.";
        UnusualDatetime = 1449, "unusual-datetime", "A time is not written like `2016-04-01T00:00:00Z`.";
        EndAtMidnight = 1450, "end-at-midnight", "The period ends at midnight; the second before is used.";
        NotOneDay = 1451, "not-one-day", "The period is not one day of UTC.";
        PeriodReversed = 1452, "period-reversed", "The period ends before it starts.";
        CountAsString = 1453, "count-as-string", "A count is a string.";
        CountAsFraction = 1454, "count-as-fraction", "A count is written with a fraction or an exponent.";
        CountTooLarge = 1455, "count-too-large", "A count is above 2^53 - 1, the maximum of I-JSON, which is used instead.";
        NegativeCount = 1456, "negative-count", "A count is negative; 0 is used instead.";
        BadCount = 1457, "bad-count", "A count is not a whole number.";
        DetailsBelowTotal = 1458, "details-below-total", "The failure details count fewer sessions than failed.";
    }
}

#[cfg(feature = "publish")]
mod publish {
    use core::fmt;

    use crate::mx::MxPattern;

    kinds! {
        /// The kind of a [`DraftError`]: why a policy must not be published.
        DraftErrorKind {
            NoHosts = 1501, "no-hosts-in-draft", "The policy names no MX host, and its mode is not none.";
            BadHost = 1502, "host-never-matches", "A host name can never match an MX host.";
            SingleLabel = 1503, "single-label-host", "The host name has a single label, so senders do not find the host.";
            Underscore = 1504, "underscore-in-host", "The host name has an underscore, for which senders refuse the whole policy.";
            NotAWildcard = 1505, "not-a-wildcard", "The pattern is not a wildcard.";
            WildcardTooWide = 1506, "draft-wildcard-too-wide", "Anybody may register names that the wildcard covers.";
            UnusedWildcard = 1507, "unused-wildcard", "The wildcard covers none of the MX hosts.";
            MaxAge = 1508, "draft-max-age", "The `max_age` is less than a day or more than a year.";
            TooLarge = 1509, "draft-too-large", "The policy is longer than 65,536 octets, which many senders refuse.";
        }
    }

    /// An error in what is to be published: it would stop mail, or senders would refuse it. Nothing was made of it.
    ///
    /// ```
    /// use mta_sts_core::publish::Draft;
    /// use mta_sts_core::{DnsName, Mode, PolicyDomain};
    ///
    /// let domain = PolicyDomain::parse("example.com")?;
    /// let host = DnsName::parse("mailserver")?;
    /// let error = Draft::new(&domain, Mode::Enforce, &[host], Draft::MIN_MAX_AGE).unwrap_err();
    /// assert_eq!(error.code(), "single-label-host");
    /// assert_eq!(error.name().map(ToString::to_string).as_deref(), Some("mailserver"));
    /// # Ok::<(), mta_sts_core::NameError>(())
    /// ```
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    pub struct DraftError {
        kind: DraftErrorKind,
        name: Option<MxPattern<'static>>,
    }

    impl DraftError {
        pub(crate) const fn new(kind: DraftErrorKind) -> Self {
            Self { kind, name: None }
        }

        pub(crate) const fn about(kind: DraftErrorKind, name: MxPattern<'static>) -> Self {
            Self { kind, name: Some(name) }
        }

        /// The kind of the error.
        pub const fn kind(&self) -> DraftErrorKind {
            self.kind
        }

        /// The stable code of the kind: a kebab-case word.
        pub const fn code(&self) -> &'static str {
            self.kind.code()
        }

        /// The host or the wildcard with the fault, if it is one of them.
        pub const fn name(&self) -> Option<&MxPattern<'static>> {
            self.name.as_ref()
        }
    }

    impl fmt::Display for DraftError {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            if let Some(name) = &self.name {
                write!(formatter, "{name}: ")?;
            }
            formatter.write_str(self.kind.message())
        }
    }

    impl core::error::Error for DraftError {}

    kinds! {
        /// The kind of a [`HistoryError`]: what is wrong with the text of a history.
        HistoryErrorKind {
            NotAHistory = 1521, "not-a-history", "The text does not begin like a history.";
            UnknownVersion = 1522, "unknown-history-version", "The history has a version that this crate does not support.";
            Truncated = 1523, "truncated-history", "The history is truncated.";
            BadLine = 1524, "bad-history-line", "A line of the history is not valid.";
            DuplicateLine = 1525, "duplicate-history-line", "A line of the history is repeated, or contradicts another one.";
        }
    }

    stage_error! {
        /// An error in the saved text of a history: do not plan without it, since what senders may hold is not known.
        ///
        /// ```
        /// use mta_sts_core::publish::History;
        ///
        /// // A file that was cut off when the disk was full.
        /// let error = History::parse(b"mta-sts-history 1\ndomain: exam").unwrap_err();
        /// assert_eq!((error.code(), error.line()), ("truncated-history", 2));
        /// ```
        HistoryError, HistoryErrorKind
    }
}
#[cfg(feature = "publish")]
pub use publish::{DraftError, DraftErrorKind, HistoryError, HistoryErrorKind};

#[cfg(feature = "tlsrpt")]
mod report {
    use core::fmt;

    use super::ReportErrorKind;
    use crate::tlsrpt::ReportPath;

    /// An error in a TLS report. One that was read cannot be used at all; one to be written would be misread or
    /// refused by its receiver.
    ///
    /// ```
    /// use mta_sts_core::tlsrpt::Report;
    ///
    /// let error = Report::parse(br#"{"policies": [{"policy": {"#).unwrap_err();
    /// assert_eq!((error.code(), error.offset()), ("json-ends-early", 26));
    /// assert_eq!(error.path().to_string(), "policies[0].policy");
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct ReportError {
        kind: ReportErrorKind,
        path: ReportPath,
        offset: usize,
    }

    impl ReportError {
        pub(crate) const fn at(kind: ReportErrorKind, path: ReportPath, offset: usize) -> Self {
            Self { kind, path, offset }
        }

        /// The kind of the error.
        pub const fn kind(&self) -> ReportErrorKind {
            self.kind
        }

        /// The stable code of the kind: a kebab-case word.
        pub const fn code(&self) -> &'static str {
            self.kind.code()
        }

        /// The path of the faulty member, or of the member being read; empty for the report as a whole.
        pub const fn path(&self) -> ReportPath {
            self.path
        }

        /// The byte offset in the input, counted from 0; 0 for a report to be written.
        pub const fn offset(&self) -> usize {
            self.offset
        }
    }

    impl fmt::Display for ReportError {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.path.write_message(formatter, self.kind.message(), self.offset)
        }
    }

    impl core::error::Error for ReportError {}
}
#[cfg(feature = "tlsrpt")]
pub use report::ReportError;

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::collections::BTreeSet;
    use std::vec::Vec;

    fn table() -> Vec<(u16, &'static str)> {
        let mut rows = Vec::new();
        macro_rules! add { ($($kind:ident)*) => { $(rows.extend($kind::ALL.iter().map(|kind| (kind.number(), kind.code())));)* } }
        add!(NameErrorKind RecordErrorKind PolicyErrorKind FetchErrorKind FetchFailure TxtFailure EntryErrorKind LookupErrorKind SessionFault TlsrptRecordErrorKind ReportErrorKind DeviationKind);
        #[cfg(feature = "lint")]
        add!(LintKind);
        #[cfg(feature = "postfix")]
        add!(PostfixErrorKind);
        #[cfg(feature = "tlsrpt")]
        add!(DatagramErrorKind TallyErrorKind ReportSenderErrorKind MailErrorKind);
        #[cfg(feature = "publish")]
        add!(DraftErrorKind HistoryErrorKind);
        rows
    }

    #[test]
    fn every_number_and_every_code_stands_once() {
        let rows = table();
        assert!(NoPolicyKind::ALL.iter().all(|kind| rows.iter().all(|row| row.0 != kind.number())));
        let numbers: BTreeSet<_> = rows.iter().map(|row| row.0).collect();
        assert_eq!(numbers.len(), rows.len());
        let codes: BTreeSet<_> = rows.iter().map(|row| row.1).collect();
        assert_eq!(codes.len(), rows.len());
        assert!(codes.iter().all(|code| {
            code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        }));
    }

    #[test]
    fn a_kind_is_found_by_its_code() {
        for kind in PolicyErrorKind::ALL {
            assert_eq!(PolicyErrorKind::from_code(kind.code()), Some(*kind));
        }
        assert_eq!(PolicyErrorKind::from_code("no-such-code"), None);
    }
}
