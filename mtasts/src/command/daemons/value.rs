//! Configuration values in string form.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// For `#[serde(with = "text")]`: parsed by `FromStr` and written by `Display`.
pub(crate) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// For `#[serde(with = "texts")]`: a list of them.
pub(crate) mod texts {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Item<T: FromStr<Err: Display> + Display>(#[serde(with = "super::text")] T);

    pub(crate) fn serialize<T: FromStr<Err: Display> + Display + Clone, S: Serializer>(
        values: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().cloned().map(Item))
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display> + Display, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        Ok(Vec::<Item<T>>::deserialize(deserializer)?.into_iter().map(|Item(value)| value).collect())
    }
}

/// A value, or the empty string for none, so that every key can show its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Maybe<T>(pub(crate) Option<T>);

impl<T: FromStr> FromStr for Maybe<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

impl<T: fmt::Display> fmt::Display for Maybe<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |value| value.fmt(formatter))
    }
}

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// A span of time, such as `80s` or `5m`; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    pub(crate) const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match humantime::parse_duration(text) {
            Ok(span) if span.is_zero() => Err("expected a span longer than 0"),
            Ok(span) => Ok(Self(span)),
            Err(_) => Err("expected a span of time such as \"30s\" or \"5m\""),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(formatter)
    }
}

/// A number of octets, such as `64 KiB` or `256 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected a size such as \"256 MiB\" or \"1 GiB\"";
        let number = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let unit = text[number.len()..].trim();
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(expected)?;
        let size: u64 = number.parse().map_err(|_| expected)?;
        size.checked_mul(*unit).filter(|size| *size > 0).map(Self).ok_or(expected)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, octets) =
            UNITS.into_iter().find(|(_, octets)| self.0.is_multiple_of(*octets)).unwrap_or(("", 1));
        formatter.write_str(format!("{} {unit}", self.0 / octets).trim_end())
    }
}
