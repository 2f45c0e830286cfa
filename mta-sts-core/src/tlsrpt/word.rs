use alloc::boxed::Box;
use core::fmt;
use core::net::IpAddr;

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

words!(ResultType, PolicyType, IpAddr);
