use alloc::boxed::Box;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr};

use super::{PolicyType, ResultType};

/// A value of a report that may not conform to RFC 8460: the value, or the text as received.
///
/// ```
/// use mta_sts_core::ResultType;
/// use mta_sts_core::tlsrpt::Word;
///
/// let known = Word::from(ResultType::CertificateExpired);
/// assert_eq!(known.known(), Some(ResultType::CertificateExpired));
///
/// // The list of result types may grow (RFC 8460, 4.3).
/// let new: Word<ResultType> = "quantum-failure".into();
/// assert_eq!((new.known(), new.to_string()), (None, "quantum-failure".to_string()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word<T> {
    /// A value known to this crate.
    Known(T),
    /// Any other text.
    Other(Box<str>),
}

impl<T: Copy> Word<T> {
    /// The value, if it is known to this crate.
    pub const fn known(&self) -> Option<T> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Other(_) => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Word<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(formatter),
            Self::Other(text) => formatter.pad(text),
        }
    }
}

/// Implements conversions of a type and of text into words.
macro_rules! words {
    ($($type:ty),*) => { $(
        impl From<$type> for Word<$type> {
            fn from(value: $type) -> Self {
                Self::Known(value)
            }
        }

        impl From<&str> for Word<$type> {
            fn from(text: &str) -> Self {
                text.parse().map_or_else(|_| Self::Other(text.into()), Self::Known)
            }
        }
    )* };
}

words!(ResultType, PolicyType);

impl From<IpAddr> for Word<IpAddr> {
    fn from(address: IpAddr) -> Self {
        Self::Known(address)
    }
}

impl From<&str> for Word<IpAddr> {
    fn from(text: &str) -> Self {
        let address =
            if text.contains(':') { text.parse().ok().map(IpAddr::V6) } else { ipv4(text).map(IpAddr::V4) };
        address.map_or_else(|| Self::Other(text.into()), Self::Known)
    }
}

/// Reads an IPv4 address as the standard library does, in a quarter of the time: they are a tenth of a report.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut rest = text.as_bytes();
    for (place, octet) in octets.iter_mut().enumerate() {
        if place > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let digits = rest.iter().take(3).take_while(|digit| digit.is_ascii_digit()).count();
        let (number, after) = rest.split_at(digits);
        if digits == 0 || (digits > 1 && number[0] == b'0') {
            return None;
        }
        let number = number.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        *octet = u8::try_from(number).ok()?;
        rest = after;
    }
    rest.is_empty().then(|| octets.into())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    #[test]
    fn an_ipv4_address_is_what_the_standard_library_takes_for_one() {
        let agrees = |text: &str| assert_eq!(ipv4(text), text.parse().ok(), "{text}");
        for number in (0..=300).chain([999, 1000]) {
            for text in
                [format!("{number}"), format!("0{number}"), format!("+{number}"), format!("{number} ")]
            {
                agrees(&format!("{text}.0.10.255"));
                agrees(&format!("1.{text}.2.3"));
                agrees(&format!("10.0.99.{text}"));
            }
        }
        for text in [
            "",
            ".",
            "1",
            "1.2",
            "1.2.3",
            "1.2.3.",
            ".1.2.3",
            "1..2.3",
            "1.2.3.4.5",
            "1.2.3.4.",
            "a.b.c.d",
            "１.2.3.4",
            "1.2.3.0x4",
        ] {
            agrees(text);
        }
    }
}
