//! The `mx` patterns of a policy (RFC 8461, 3.2 and 4.1).

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use crate::error::{NameError, NameErrorKind};
use crate::name::{DnsName, NameBuffer};

/// A pattern that covers MX hosts: a host name, or `*.` and a domain.
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
/// The star stands for exactly the left-most label (RFC 8461, 4.1). What is compared is the name
/// in the MX record; the certificate is compared with that name, never with the pattern.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MxPattern<'a> {
    // Of a wildcard, the part after the star: it begins with a dot.
    name: Cow<'a, str>,
    wildcard: bool,
}

impl MxPattern<'static> {
    /// Reads a pattern: any case, A-labels, underscores and one trailing dot tolerated.
    ///
    /// # Errors
    ///
    /// Of which kind the text can never cover a host: empty, a star that is not the whole first
    /// label, an address, a U-label, a comma or a space.
    // Meets S33, A18.
    pub fn parse(pattern: &str) -> Result<Self, NameError> {
        let mut buffer = NameBuffer::new();
        let wildcard = read_pattern(pattern, &mut buffer)?;
        let mut name = String::with_capacity(buffer.as_bytes().len() + 1);
        if wildcard {
            name.push('.');
        }
        name.push_str(buffer.as_str());
        Ok(Self { name: Cow::Owned(name), wildcard })
    }
}

impl<'a> MxPattern<'a> {
    pub(crate) const fn borrowed(name: &'a str, wildcard: bool) -> Self {
        Self { name: Cow::Borrowed(name), wildcard }
    }

    /// Whether the pattern covers this MX host.
    // Meets S69, S70, S71, T2, A20, A22.
    pub fn matches(&self, host: &DnsName) -> bool {
        let host = host.as_str();
        if self.wildcard {
            after_first_label(host.as_bytes()) == self.name.as_bytes()
        } else {
            *host == *self.name
        }
    }

    /// Whether the pattern begins with `*.`.
    pub const fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// The pattern on its own, for longer than the policy lives.
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

/// Reads a pattern's domain into the buffer; tells whether a wildcard stood before it.
///
/// ```text
/// sts-policy-mx-value = ["*."] Domain
/// ```
pub(crate) fn read_pattern(pattern: &str, buffer: &mut NameBuffer) -> Result<bool, NameError> {
    if let Some(offset) = pattern.bytes().position(|octet| !octet.is_ascii()) {
        return Err(NameError::at(NameErrorKind::ULabel, 1, offset));
    }
    let (domain, wildcard) = match pattern.strip_prefix("*.") {
        Some("" | ".") => return Err(NameError::at(NameErrorKind::BadWildcard, 1, 0)),
        Some(domain) => (domain, true),
        None => (pattern, false),
    };
    let start = pattern.len() - domain.len();
    if let Some(offset) = domain.find('*') {
        return Err(NameError::at(NameErrorKind::BadWildcard, 1, start + offset));
    }
    buffer
        .fill_ascii(domain.as_bytes())
        .map_err(|error| NameError::at(error.kind(), 1, start + error.offset()))?;
    Ok(wildcard)
}

/// What a wildcard is compared with: the host from its first dot on, empty if it has none.
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
