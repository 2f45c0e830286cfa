//! The names of MX hosts, and of domains that publish policies.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::borrow::Borrow;
use core::fmt;
use core::str::FromStr;

use crate::error::{NameError, NameErrorKind};

/// A host name in the form DNS and TLS use: lower case, A-labels, no trailing dot.
///
/// ```
/// use mta_sts_core::DnsName;
///
/// assert_eq!(DnsName::parse("MX1.Example.COM.")?.as_str(), "mx1.example.com");
/// # #[cfg(feature = "idna")]
/// assert_eq!(DnsName::parse("mx.bücher.example")?.as_str(), "mx.xn--bcher-kva.example");
/// assert_eq!(DnsName::parse("[192.0.2.1]").unwrap_err().code(), "address-literal");
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
///
/// Two names are equal if DNS considers them equal. Labels are 1 to 63 letters, digits, hyphens, and underscores
/// (with no hyphen at either end); the whole is at most 253 octets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(Box<str>);

impl DnsName {
    /// Parses a name in any case, in A-labels or U-labels, with at most one trailing dot. The whole may be
    /// enclosed in brackets, as mail servers write a host whose MX records are not looked up.
    ///
    /// # Errors
    ///
    /// Returns why the text is not a host name. `.`, the null MX of RFC 7505, is an empty name; an IP address,
    /// with or without brackets, is an address literal.
    // Meets A19, A31.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        read_name(name, |name| Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for DnsName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for DnsName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DnsName({})", self.0)
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for DnsName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::parse(name)
    }
}

impl TryFrom<&str> for DnsName {
    type Error = NameError;

    fn try_from(name: &str) -> Result<Self, NameError> {
        Self::parse(name)
    }
}

/// The domain whose policy applies: where the mail goes next (RFC 8461, 1.1).
///
/// ```
/// use mta_sts_core::PolicyDomain;
///
/// let domain = PolicyDomain::of_recipient("alice@Example.com")?;
/// assert_eq!(domain.as_str(), "example.com");
/// assert_eq!(domain.txt_name(), "_mta-sts.example.com");
/// assert_eq!(domain.policy_host(), "mta-sts.example.com");
/// assert_eq!(domain.policy_url(), "https://mta-sts.example.com/.well-known/mta-sts.txt");
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
///
/// It is normally the domain of the recipient address as written, never the target of its CNAME or a parent
/// domain (RFC 8461, 3.4). With a smart host given by name, it is the name of the smart host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyDomain(DnsName);

impl PolicyDomain {
    /// Parses a domain in the same way as [`DnsName::parse`].
    ///
    /// # Errors
    ///
    /// The same as [`DnsName::parse`], and `name-too-long` if `_mta-sts.` does not fit in front of the name. An
    /// address literal has no policy (RFC 8461, 3.4): deliver without MTA-STS.
    // Meets S65, A31.
    pub fn parse(domain: &str) -> Result<Self, NameError> {
        Self::try_from(DnsName::parse(domain)?)
    }

    /// Parses the domain of a recipient's address, with or without the angle brackets and the source route of a
    /// path (RFC 5321, 4.1.2).
    ///
    /// # Errors
    ///
    /// `missing-domain` for a local part alone: append the sender's default domain. Otherwise the same as
    /// [`PolicyDomain::parse`], with offsets counted from the start of the address.
    // Meets S1, S66.
    pub fn of_recipient(address: &str) -> Result<Self, NameError> {
        let end = address.len() - usize::from(address.starts_with('<') && address.ends_with('>'));
        let start = domain_start(&address[..end])
            .filter(|start| *start < end)
            .ok_or_else(|| NameError::at(NameErrorKind::MissingDomain, 1, end))?;
        Self::parse(&address[start..end])
            .map_err(|error| NameError::at(error.kind(), error.line(), error.offset() + start))
    }

    /// The domain as a host name: it is the MX host of a domain that has no MX record.
    pub fn as_name(&self) -> &DnsName {
        &self.0
    }

    /// The domain as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name at which to query the TXT records for MTA-STS (RFC 8461, 3.1).
    // Meets S5, S67.
    pub fn txt_name(&self) -> String {
        format!("{TXT_LABEL}.{}", self.0)
    }

    /// The name at which to query the TXT records for TLSRPT (RFC 8460, 3). `None` if the domain is so long that
    /// this would not be a valid name.
    ///
    /// ```
    /// use mta_sts_core::PolicyDomain;
    ///
    /// let domain = PolicyDomain::parse("mail.example.com")?;
    /// assert_eq!(domain.tlsrpt_txt_name().as_deref(), Some("_smtp._tls.mail.example.com"));
    /// # Ok::<(), mta_sts_core::NameError>(())
    /// ```
    ///
    /// A domain without a record gets no reports; its parent domain is never queried.
    // Meets R1, R24.
    pub fn tlsrpt_txt_name(&self) -> Option<String> {
        let name = format!("{TLSRPT_LABELS}.{}", self.0);
        (name.len() <= MAX_NAME_LEN).then_some(name)
    }

    /// The Policy Host: the name to connect to, to send in SNI, and to verify the certificate against (RFC 8461,
    /// 3.3).
    // Meets S2.
    pub fn policy_host(&self) -> String {
        format!("mta-sts.{}", self.0)
    }

    /// The URL of the policy (RFC 8461, 3.2). It has no port, no query, and always the same path.
    // Meets S24, S95.
    pub fn policy_url(&self) -> String {
        format!("https://mta-sts.{}/.well-known/mta-sts.txt", self.0)
    }
}

impl TryFrom<DnsName> for PolicyDomain {
    type Error = NameError;

    fn try_from(name: DnsName) -> Result<Self, NameError> {
        if TXT_LABEL.len() + 1 + name.0.len() > MAX_NAME_LEN {
            return Err(NameError::at(NameErrorKind::TooLong, 1, name.0.len()));
        }
        Ok(Self(name))
    }
}

impl AsRef<str> for PolicyDomain {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for PolicyDomain {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for PolicyDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PolicyDomain({})", self.0)
    }
}

impl fmt::Display for PolicyDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for PolicyDomain {
    type Err = NameError;

    fn from_str(domain: &str) -> Result<Self, NameError> {
        Self::parse(domain)
    }
}

impl TryFrom<&str> for PolicyDomain {
    type Error = NameError;

    fn try_from(domain: &str) -> Result<Self, NameError> {
        Self::parse(domain)
    }
}

#[cfg(feature = "serde")]
mod serde_text {
    use super::{DnsName, PolicyDomain};
    use alloc::borrow::Cow;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    macro_rules! as_text {
        ($name:ident) => {
            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.as_str())
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = Cow::<'_, str>::deserialize(deserializer)?;
                    Self::parse(&text).map_err(D::Error::custom)
                }
            }
        };
    }

    as_text!(DnsName);
    as_text!(PolicyDomain);
}

/// The offset at which the domain of an address starts: after the last `@` outside a quoted local part and a
/// source route.
fn domain_start(address: &str) -> Option<usize> {
    let mut start = usize::from(address.starts_with('<'));
    if address[start..].starts_with('@') {
        // `@one.test,@two.test:alice@example.com`; without a colon the text is a domain alone.
        start += address[start..].find(':').filter(|_| !address.contains('[')).map_or(0, |at| at + 1);
    }
    start += quoted_len(&address[start..]);
    address[start..].rfind('@').map(|at| start + at + 1)
}

/// The length of the quoted string that starts a local part; 0 if there is none or it is not closed.
fn quoted_len(text: &str) -> usize {
    let mut octets = text.bytes().enumerate();
    if octets.next().is_none_or(|(_, octet)| octet != b'"') {
        return 0;
    }
    while let Some((at, octet)) = octets.next() {
        match octet {
            b'"' => return at + 1,
            b'\\' => drop(octets.next()),
            _ => {}
        }
    }
    0
}

/// Parses a name of A-labels or U-labels, and passes it to `show` in the form of [`DnsName`] without allocating.
pub(crate) fn read_name<T>(name: &str, show: impl FnOnce(&str) -> T) -> Result<T, NameError> {
    // Neither brackets nor U-labels pass this check, so names without them need no further test.
    match AsciiName::check(name.as_bytes()) {
        Ok(ascii) => Ok(show_ascii_name(name, &ascii, show)),
        Err(_) => read_unusual_name(name, show),
    }
}

#[inline]
fn show_ascii_name<T>(name: &str, ascii: &AsciiName, show: impl FnOnce(&str) -> T) -> T {
    let name = &name[..ascii.len];
    if ascii.is_lower_case { show(name) } else { show_lower_case(name, show) }
}

/// Parses what is not a plain name of A-labels: a name in brackets, one with U-labels, or an invalid one.
#[cold]
fn read_unusual_name<T>(name: &str, show: impl FnOnce(&str) -> T) -> Result<T, NameError> {
    let (bare, start) = in_brackets(name).map_or((name, 0), |inner| (inner, 1));
    let read = if bare.is_ascii() {
        AsciiName::check(bare.as_bytes()).map(|ascii| show_ascii_name(bare, &ascii, show))
    } else {
        read_unicode_name(bare, show)
    };
    read.map_err(|error| match error.kind() {
        NameErrorKind::AddressLiteral => error,
        kind => NameError::at(kind, 1, error.offset() + start),
    })
}

/// The text between brackets, unless it is an address: every literal but that of IPv4 has a colon (RFC 5321,
/// 4.1.3).
fn in_brackets(name: &str) -> Option<&str> {
    name.strip_prefix('[')?.strip_suffix(']').filter(|inner| !inner.contains(':'))
}

fn show_lower_case<T>(name: &str, show: impl FnOnce(&str) -> T) -> T {
    let mut octets = [0; MAX_NAME_LEN];
    let octets = &mut octets[..name.len()];
    octets.copy_from_slice(name.as_bytes());
    octets.make_ascii_lowercase();
    // The result of an ASCII name is ASCII.
    show(core::str::from_utf8(octets).unwrap_or_default())
}

#[cfg(feature = "idna")]
#[cold]
fn read_unicode_name<T>(name: &str, show: impl FnOnce(&str) -> T) -> Result<T, NameError> {
    use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

    // UTS #46 maps every code point, and labels are shorter than names: a text four times the length of the
    // longest name cannot become a name.
    if name.len() > 4 * MAX_NAME_LEN {
        return Err(NameError::at(NameErrorKind::TooLong, 1, name.len()));
    }
    let ascii = Uts46::new()
        .to_ascii(name.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
        .map_err(|_| NameError::at(NameErrorKind::BadULabel, 1, first_non_ascii(name)))?;
    let AsciiName { len, .. } = AsciiName::check(ascii.as_bytes())
        .map_err(|error| NameError::at(error.kind(), 1, error.offset().min(name.len())))?;
    Ok(show_lower_case(&ascii[..len], show))
}

#[cfg(not(feature = "idna"))]
#[cold]
fn read_unicode_name<T>(name: &str, _show: impl FnOnce(&str) -> T) -> Result<T, NameError> {
    Err(NameError::at(NameErrorKind::ULabelUnsupported, 1, first_non_ascii(name)))
}

/// The result of checking a name of A-labels.
pub(crate) struct AsciiName {
    /// The length without the trailing dot.
    pub(crate) len: usize,
    pub(crate) is_lower_case: bool,
}

impl AsciiName {
    /// Checks a name in one pass: a policy may have a hundred names.
    #[inline]
    pub(crate) fn check(name: &[u8]) -> Result<Self, NameError> {
        let labels = name.strip_suffix(b".").unwrap_or(name);
        let (mut seen, mut faults) = (0, 0);
        // The start and the end of the name are like positions after and before a dot.
        let mut previous = DOT;
        for &octet in labels {
            let class = CLASSES[usize::from(octet)];
            faults |= (previous >> 4) & class;
            seen |= class;
            previous = class;
        }
        faults |= (previous >> 4) & DOT;
        if faults & EDGES != 0 || seen & (LETTER | OTHER) != LETTER || labels.len() > MAX_LABEL_LEN {
            look_closely(name, labels)?;
        }
        Ok(Self { len: labels.len(), is_lower_case: seen & UPPER_CASE == 0 })
    }
}

/// The exact fault in a name, if there is one.
#[cold]
fn look_closely(name: &[u8], labels: &[u8]) -> Result<(), NameError> {
    let fault = |kind, offset| Err(NameError::at(kind, 1, offset));
    // Where brackets are allowed, the caller has removed them.
    if matches!(name, [b'[', inner @ .., b']'] if inner.contains(&b':') || is_ipv4(inner)) {
        return fault(NameErrorKind::AddressLiteral, 0);
    }
    if labels.is_empty() {
        return fault(NameErrorKind::Empty, 0);
    }
    if labels.len() > MAX_NAME_LEN {
        return fault(NameErrorKind::TooLong, MAX_NAME_LEN);
    }
    let mut label_start = 0;
    for (offset, &octet) in labels.iter().enumerate() {
        if octet == b'.' {
            check_label(labels, label_start, offset)?;
            label_start = offset + 1;
        } else if CLASSES[usize::from(octet)] == OTHER {
            return fault(NameErrorKind::BadCharacter, offset);
        }
    }
    check_label(labels, label_start, labels.len())?;
    if is_ipv4(labels) { fault(NameErrorKind::AddressLiteral, 0) } else { Ok(()) }
}

/// Returns whether the labels are four numbers.
fn is_ipv4(name: &[u8]) -> bool {
    let is_numeric = name.iter().all(|octet| matches!(octet, b'0'..=b'9' | b'.'));
    is_numeric && name.iter().filter(|octet| **octet == b'.').count() == 3
}

// The class of an octet in a name: letters, digits, and hyphens (RFC 5321, 4.1.2), and the underscore of
// real-world host names. The high half of a class holds the bits that are faults in the low half of the next
// octet's class: neither dot nor hyphen may follow a dot, and no dot may follow a hyphen.
const DIGIT: u8 = 0;
const HYPHEN: u8 = 0b0010_0001 | LETTER;
const DOT: u8 = 0b0011_0011;
const EDGES: u8 = 0b0011;
const UPPER_CASE: u8 = 0b0100;
const OTHER: u8 = 0b1000;
/// Any character that is not part of a number.
const LETTER: u8 = 0b0100_0000;

const CLASSES: [u8; 256] = {
    let mut classes = [OTHER; 256];
    let mut octet = 0;
    while octet < 256 {
        // All 256 values fit.
        #[allow(clippy::cast_possible_truncation)]
        let character = octet as u8;
        classes[octet] = match character {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' | b'_' => LETTER,
            b'A'..=b'Z' => LETTER | UPPER_CASE,
            b'-' => HYPHEN,
            b'.' => DOT,
            _ => OTHER,
        };
        octet += 1;
    }
    classes
};

/// The longest name in the text form of RFC 1035: 255 octets on the wire, less the root label and one length
/// octet.
pub(crate) const MAX_NAME_LEN: usize = 253;

const MAX_LABEL_LEN: usize = 63;

const TXT_LABEL: &str = "_mta-sts";

const TLSRPT_LABELS: &str = "_smtp._tls";

fn check_label(name: &[u8], start: usize, end: usize) -> Result<(), NameError> {
    let fault = |kind, offset| Err(NameError::at(kind, 1, offset));
    match &name[start..end] {
        [] => fault(NameErrorKind::EmptyLabel, start),
        label if label.len() > MAX_LABEL_LEN => fault(NameErrorKind::LabelTooLong, start + MAX_LABEL_LEN),
        [b'-', ..] => fault(NameErrorKind::HyphenAtEdge, start),
        [.., b'-'] => fault(NameErrorKind::HyphenAtEdge, end - 1),
        _ => Ok(()),
    }
}

fn first_non_ascii(name: &str) -> usize {
    name.bytes().position(|octet| !octet.is_ascii()).unwrap_or(0)
}

impl From<DnsName> for String {
    fn from(name: DnsName) -> Self {
        name.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str) -> NameErrorKind {
        DnsName::parse(name).unwrap_err().kind()
    }

    // Proves A19, A31.
    #[test]
    fn a_name_is_lower_case_without_its_last_dot() {
        for name in ["mx.example.com", "MX.EXAMPLE.COM", "mx.example.com.", "Mx.ExAmPlE.cOm."] {
            assert_eq!(DnsName::parse(name).unwrap().as_str(), "mx.example.com");
        }
        assert_eq!(DnsName::parse("mx_1.example.com").unwrap().as_str(), "mx_1.example.com");
        assert_eq!(DnsName::parse("localhost").unwrap().as_str(), "localhost");
    }

    // Proves S66, A19.
    #[test]
    fn what_is_no_host_name_is_told_by_kind() {
        assert_eq!(kind(""), NameErrorKind::Empty);
        assert_eq!(kind("."), NameErrorKind::Empty);
        assert_eq!(kind(".."), NameErrorKind::EmptyLabel);
        assert_eq!(kind("mx.example.com.."), NameErrorKind::EmptyLabel);
        assert_eq!(kind(".example.com"), NameErrorKind::EmptyLabel);
        assert_eq!(kind("a..b"), NameErrorKind::EmptyLabel);
        assert_eq!(kind("-a.example"), NameErrorKind::HyphenAtEdge);
        assert_eq!(kind("a-.example"), NameErrorKind::HyphenAtEdge);
        assert_eq!(kind("a b.example"), NameErrorKind::BadCharacter);
        assert_eq!(kind("*.example.com"), NameErrorKind::BadCharacter);
        assert_eq!(kind("a\0b"), NameErrorKind::BadCharacter);
        assert_eq!(kind("192.0.2.1"), NameErrorKind::AddressLiteral);
        assert_eq!(kind("[192.0.2.1]"), NameErrorKind::AddressLiteral);
        assert_eq!(kind("[IPv6:2001:db8::1]"), NameErrorKind::AddressLiteral);
        assert_eq!(kind("2001:db8::1"), NameErrorKind::BadCharacter);
    }

    #[test]
    fn lengths_are_those_of_dns() {
        let label = "a".repeat(63);
        let name = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        assert_eq!(name.len(), 253);
        assert!(DnsName::parse(&name).is_ok());
        assert!(DnsName::parse(&format!("{name}.")).is_ok());
        assert_eq!(kind(&format!("{name}a")), NameErrorKind::TooLong);
        assert_eq!(kind(&"a".repeat(64)), NameErrorKind::LabelTooLong);
        // `_mta-sts.` must fit in front of a Policy Domain.
        assert!(PolicyDomain::parse(&name[9..]).is_ok());
        assert_eq!(PolicyDomain::parse(&name[8..]).unwrap_err().kind(), NameErrorKind::TooLong);
    }

    // Proves R1, R24.
    #[test]
    fn reports_are_asked_for_at_the_domain_itself() {
        let name_for = |domain: &str| PolicyDomain::parse(domain).unwrap().tlsrpt_txt_name();
        assert_eq!(name_for("Mail.Example.COM.").as_deref(), Some("_smtp._tls.mail.example.com"));
        let labels = "a.".repeat(121);
        assert_eq!(name_for(&labels), Some(format!("_smtp._tls.{}", &labels[..241])));
        // 243 octets: long enough for `_mta-sts.`, too long for `_smtp._tls.`.
        assert_eq!(name_for(&format!("a.a{}", &labels[1..241])), None);
    }

    // Proves A18, A31.
    #[cfg(feature = "idna")]
    #[test]
    fn u_labels_become_a_labels() {
        assert_eq!(DnsName::parse("BÜCHER.example").unwrap().as_str(), "xn--bcher-kva.example");
        assert_eq!(DnsName::parse("пример.example").unwrap().as_str(), "xn--e1afmkfd.example");
        assert_eq!(DnsName::parse("mx_1.bücher.example").unwrap().as_str(), "mx_1.xn--bcher-kva.example");
        assert_eq!(kind("b\u{fc}cher .example"), NameErrorKind::BadCharacter);
        assert_eq!(kind("\u{200d}.example"), NameErrorKind::BadULabel);
        assert_eq!(kind(&"ü".repeat(70)), NameErrorKind::LabelTooLong);
        assert_eq!(kind(&"ü".repeat(2000)), NameErrorKind::TooLong);
    }

    #[cfg(not(feature = "idna"))]
    #[test]
    fn without_idna_a_u_label_is_an_error_of_its_own() {
        assert_eq!(kind("bücher.example"), NameErrorKind::ULabelUnsupported);
    }

    // Proves S1, S66.
    #[test]
    fn the_recipient_gives_the_policy_domain() {
        assert_eq!(PolicyDomain::of_recipient("a@Example.COM").unwrap().as_str(), "example.com");
        assert_eq!(PolicyDomain::of_recipient("\"a@b\"@example.com").unwrap().as_str(), "example.com");
        let error = PolicyDomain::of_recipient("a@[192.0.2.1]").unwrap_err();
        assert_eq!((error.code(), error.offset()), ("address-literal", 2));
    }

    // Proves S1, S66.
    #[test]
    fn an_address_may_be_a_path() {
        for address in [
            "<a@b.test>",
            "<@one.test,@two.test:a@b.test>",
            "@one.test:a@b.test",
            "\"a\\\"@c.test\"@b.test",
            "a\"@b.test",
            "@b.test",
            "a@[b.test]",
        ] {
            assert_eq!(PolicyDomain::of_recipient(address).unwrap().as_str(), "b.test", "{address}");
        }
        for (address, offset) in [
            ("", 0),
            ("postmaster", 10),
            ("example.com", 11),
            ("a@", 2),
            ("@", 1),
            ("<>", 1),
            ("<postmaster>", 11),
            ("\"a@b.test\"", 10),
            ("@one.test:postmaster", 20),
        ] {
            let error = PolicyDomain::of_recipient(address).unwrap_err();
            assert_eq!((error.code(), error.offset()), ("missing-domain", offset), "{address}");
        }
    }

    // Proves S66.
    #[test]
    fn a_smart_host_in_brackets_is_a_name() {
        for host in ["[relay.isp.example]", "[RELAY.isp.example.]"] {
            assert_eq!(PolicyDomain::parse(host).unwrap().as_str(), "relay.isp.example");
        }
        for (host, code, offset) in [
            ("[192.0.2.1]", "address-literal", 0),
            ("[2001:db8::1]", "address-literal", 0),
            ("[x400:c=de]", "address-literal", 0),
            ("[]", "empty-name", 1),
            ("[[a.test]]", "bad-character", 1),
            ("[a.test", "bad-character", 0),
            ("a.test]", "bad-character", 6),
            ("[a.test]:587", "bad-character", 0),
            ("[a..test]", "empty-label", 3),
        ] {
            let error = PolicyDomain::parse(host).unwrap_err();
            assert_eq!((error.code(), error.offset()), (code, offset), "{host}");
        }
    }
}
