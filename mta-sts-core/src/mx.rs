//! The `mx` patterns of a policy (RFC 8461, 3.2 and 4.1).

use alloc::borrow::Cow;
use core::fmt;
use core::ops::Range;

use crate::error::{NameError, NameErrorKind};
use crate::name::{AsciiName, DnsName};

/// An `mx` pattern, which covers MX hosts: a host name, or `*.` and a domain.
///
/// ```
/// use mta_sts_core::{DnsName, MxPattern};
///
/// let pattern = MxPattern::parse("*.Example.com")?;
/// assert_eq!(pattern.to_string(), "*.example.com");
/// assert!(pattern.matches(&DnsName::parse("mx1.example.com")?));
/// assert!(!pattern.matches(&DnsName::parse("example.com")?));
/// assert!(!pattern.matches(&DnsName::parse("a.b.example.com")?));
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
///
/// The star matches exactly one label, the left-most (RFC 8461, 4.1). The pattern is compared with
/// the name in the MX record; the certificate is compared with that name, never with the pattern.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MxPattern<'a> {
    // For a wildcard, the part after the star, which begins with a dot.
    name: Cow<'a, str>,
    wildcard: bool,
}

impl MxPattern<'static> {
    /// Parses a pattern: any case and A-labels; underscores and one trailing dot are tolerated.
    ///
    /// # Errors
    ///
    /// Returns why the text can never match a host: it is empty, has a star that is not the whole
    /// first label, is an IP address, has a U-label, a comma, or a space.
    // Meets S33, A18.
    pub fn parse(pattern: &str) -> Result<Self, NameError> {
        let PatternText { name, is_wildcard, .. } = PatternText::read(pattern.as_bytes())?;
        Ok(Self { name: Cow::Owned(pattern[name].to_ascii_lowercase()), wildcard: is_wildcard })
    }

    /// The pattern that covers this host alone.
    #[cfg(feature = "publish")]
    pub(crate) fn of_host(host: &DnsName) -> Self {
        Self { name: Cow::Owned(host.as_str().into()), wildcard: false }
    }
}

impl<'a> MxPattern<'a> {
    /// Makes a pattern from the name in a policy; the name of a wildcard begins with its dot.
    #[inline]
    pub(crate) fn of_name(name: &'a str, may_have_upper_case: bool) -> Self {
        let lower_case = if may_have_upper_case { lower_case(name) } else { Cow::Borrowed(name) };
        Self { name: lower_case, wildcard: name.starts_with('.') }
    }

    /// Returns whether the pattern covers this MX host.
    // Meets S69, S70, S71, T2, A20, A22.
    pub fn matches(&self, host: &DnsName) -> bool {
        let host = host.as_str();
        if self.wildcard {
            after_first_label(host.as_bytes()) == self.name.as_bytes()
        } else {
            *host == *self.name
        }
    }

    /// Returns whether the pattern begins with `*.`.
    pub const fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// The text without the star: that of a wildcard begins with a dot.
    #[cfg(any(feature = "postfix", feature = "publish", feature = "tlsrpt"))]
    pub(crate) fn without_star(self) -> Cow<'a, str> {
        self.name
    }

    /// Copies the pattern, so that it can outlive the policy.
    pub fn into_owned(self) -> MxPattern<'static> {
        MxPattern { name: Cow::Owned(self.name.into_owned()), wildcard: self.wildcard }
    }
}

impl fmt::Debug for MxPattern<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MxPattern({self})")
    }
}

impl fmt::Display for MxPattern<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wildcard {
            formatter.write_str("*")?;
        }
        formatter.write_str(&self.name)
    }
}

#[cold]
#[inline(never)]
fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|octet| octet.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// A pattern as written in a policy.
pub(crate) struct PatternText {
    /// Where the name is, without the star and without the trailing dot: that of a wildcard begins with a
    /// dot.
    pub(crate) name: Range<usize>,
    pub(crate) is_wildcard: bool,
    pub(crate) is_lower_case: bool,
}

impl PatternText {
    /// ```text
    /// sts-policy-mx-value = ["*."] Domain
    /// ```
    #[inline]
    pub(crate) fn read(pattern: &[u8]) -> Result<Self, NameError> {
        let is_wildcard = pattern.starts_with(b"*.");
        let start = if is_wildcard { 2 } else { 0 };
        match AsciiName::check(&pattern[start..]) {
            Ok(AsciiName { len, is_lower_case }) => {
                Ok(Self { name: start / 2..start + len, is_wildcard, is_lower_case })
            }
            Err(error) => Err(pattern_fault(pattern, start, error)),
        }
    }
}

/// The fault of a pattern whose domain is not a name: what senders would mistake for a wildcard or
/// for a name in another alphabet is reported before anything else.
#[cold]
fn pattern_fault(pattern: &[u8], start: usize, error: NameError) -> NameError {
    let domain = &pattern[start..];
    if let Some(offset) = pattern.iter().position(|octet| !octet.is_ascii()) {
        NameError::at(NameErrorKind::ULabel, 1, offset)
    } else if start > 0 && matches!(domain, b"" | b".") {
        NameError::at(NameErrorKind::BadWildcard, 1, 0)
    } else if let Some(offset) = domain.iter().position(|octet| *octet == b'*') {
        NameError::at(NameErrorKind::BadWildcard, 1, start + offset)
    } else {
        NameError::at(error.kind(), 1, start + error.offset())
    }
}

/// The part that is compared with a wildcard: the host from its first dot on, empty if it has none.
pub(crate) fn after_first_label(host: &[u8]) -> &[u8] {
    let dot = host.iter().position(|octet| *octet == b'.').unwrap_or(host.len());
    &host[dot..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, host: &str) -> bool {
        MxPattern::parse(pattern).unwrap().matches(&DnsName::parse(host).unwrap())
    }

    // Proves S69, S70, A20, T2.
    #[test]
    fn a_star_is_exactly_the_first_label() {
        assert!(matches("*.example.com", "mail.example.com"));
        assert!(matches("*.example.com.", "MAIL.EXAMPLE.COM."));
        assert!(matches("*.com", "example.com"));
        for host in ["example.com", "a.b.example.com", "evilexample.com", "mail.example.com.evil.net"] {
            assert!(!matches("*.example.com", host), "{host}");
        }
        assert!(!matches("mail.example.com", "mailxexample.com"));
        assert!(!matches("*.localhost", "localhost"));
    }

    // Proves S33, A18.
    #[test]
    fn a_pattern_that_covers_nothing_is_an_error() {
        for (pattern, code) in [
            ("", "empty-name"),
            ("*", "bad-wildcard"),
            ("*.", "bad-wildcard"),
            ("*..", "bad-wildcard"),
            ("**.example", "bad-wildcard"),
            ("*example.net", "bad-wildcard"),
            ("mx*.example.net", "bad-wildcard"),
            ("a.*.example.net", "bad-wildcard"),
            ("*.*.example.net", "bad-wildcard"),
            (".example.net", "empty-label"),
            ("[192.0.2.1]", "address-literal"),
            ("192.0.2.1", "address-literal"),
            ("bücher.example", "u-label"),
            ("a.example, b.example", "bad-character"),
            ("a.example b.example", "bad-character"),
        ] {
            assert_eq!(MxPattern::parse(pattern).unwrap_err().code(), code, "{pattern}");
        }
    }
}
