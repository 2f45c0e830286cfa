use alloc::string::String;
use core::fmt::{self, Write};
use core::time::Duration;

/// A record of a DNS zone: as a line of a zone file, or as name, type and value for the form of a provider.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::publish::ZoneRecord;
///
/// let hour = Duration::from_secs(3600);
/// let record = ZoneRecord::txt("_smtp._tls.example.com", "v=TLSRPTv1; rua=mailto:tls@example.com", hour);
/// assert_eq!(record.kind(), "TXT");
/// assert_eq!(record.value(), "v=TLSRPTv1; rua=mailto:tls@example.com");
/// assert_eq!(
///     record.to_string(),
///     r#"_smtp._tls.example.com. 3600 IN TXT "v=TLSRPTv1; rua=mailto:tls@example.com""#,
/// );
///
/// // A provider that publishes the policy for its customers (RFC 8461, 8.2).
/// let alias = ZoneRecord::alias("mta-sts.example.com", "mta-sts.provider.example", hour);
/// assert_eq!(alias.to_string(), "mta-sts.example.com. 3600 IN CNAME mta-sts.provider.example.");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneRecord {
    name: String,
    kind: &'static str,
    value: String,
    ttl: Duration,
}

impl ZoneRecord {
    /// A TXT record.
    pub fn txt(name: impl Into<String>, text: impl Into<String>, ttl: Duration) -> Self {
        Self { name: name.into(), kind: "TXT", value: text.into(), ttl }
    }

    /// A CNAME record.
    pub fn alias(name: impl Into<String>, target: impl Into<String>, ttl: Duration) -> Self {
        Self { name: name.into(), kind: "CNAME", value: target.into(), ttl }
    }

    /// The full name, without a trailing dot.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of the record: `TXT` or `CNAME`.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The value: the text of a TXT record without quotes, the target of an alias without a trailing dot.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The TTL, in whole seconds.
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }
}

impl fmt::Display for ZoneRecord {
    /// Writes the line of a zone file (RFC 1035, 5.1).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}. {} IN {}", self.name, self.ttl.as_secs(), self.kind)?;
        if self.kind != "TXT" {
            return write!(formatter, " {}.", self.value);
        }
        if self.value.is_empty() {
            return formatter.write_str(" \"\"");
        }
        // A character-string has at most 255 octets.
        for part in self.value.as_bytes().chunks(255) {
            formatter.write_str(" \"")?;
            for octet in part {
                match octet {
                    b'"' | b'\\' => write!(formatter, "\\{}", char::from(*octet))?,
                    b' '..=b'~' => formatter.write_char(char::from(*octet))?,
                    _ => write!(formatter, "\\{octet:03}")?,
                }
            }
            formatter.write_char('"')?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_text_is_quoted_for_a_zone_file() {
        let line = |text: &str| ZoneRecord::txt("a.test", text, Duration::from_secs(60)).to_string();
        assert_eq!(line(""), r#"a.test. 60 IN TXT """#);
        assert_eq!(line(r#"a"b\c; d"#), r#"a.test. 60 IN TXT "a\"b\\c; d""#);
        assert_eq!(line("\u{e9}\n"), r#"a.test. 60 IN TXT "\195\169\010""#);
        let long = "x".repeat(256);
        assert_eq!(line(&long), alloc::format!("a.test. 60 IN TXT \"{}\" \"x\"", &long[..255]));
    }
}
