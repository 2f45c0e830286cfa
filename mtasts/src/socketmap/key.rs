//! The key of a TLS policy lookup, as sent by Postfix.

use mta_sts_core::PolicyDomain;

/// The next hop of mail, if MTA-STS may apply to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    /// The domain whose policy applies.
    pub(super) domain: PolicyDomain,
    /// Whether it is the MX host itself, so that no MX record is looked up: `[mail.example.test]`.
    pub(super) is_host: bool,
    /// The port of its SMTP server: TLSA records are specific to a port.
    pub(super) port: u16,
}

impl Destination {
    /// Parses a key: `example.test`, `example.test:587`, `[mail.example.test]`, or `[mail.example.test]:587`.
    ///
    /// `None` for everything that has no policy: parent domains (`.test`, RFC 8461, 3.4), address literals, and
    /// invalid names.
    // Meets S65, A30, A31.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let (name, is_host, service) = match key.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                let service = if rest.is_empty() { "smtp" } else { rest.strip_prefix(':')? };
                (host, true, service)
            }
            None => match key.split_once(':') {
                // An IPv6 address without brackets.
                Some((_, rest)) if rest.contains(':') => return None,
                Some((name, service)) => (name, false, service),
                None => (key, false, "smtp"),
            },
        };
        if name.starts_with('.') {
            return None;
        }
        PolicyDomain::parse(name).ok().map(|domain| Self { domain, is_host, port: port(service) })
    }
}

/// The number of a mail service in services(5); any other name counts as the port of SMTP.
fn port(service: &str) -> u16 {
    match service {
        "submission" => 587,
        "submissions" | "smtps" => 465,
        number => number.parse().unwrap_or(SMTP_PORT),
    }
}

const SMTP_PORT: u16 = 25;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_postfix_means_them() {
        for (key, expected) in [
            ("example.test", Some(("example.test", false, 25))),
            ("EXAMPLE.Test.", Some(("example.test", false, 25))),
            ("example.test:587", Some(("example.test", false, 587))),
            ("example.test:submission", Some(("example.test", false, 587))),
            ("example.test:smtp", Some(("example.test", false, 25))),
            ("b\u{fc}cher.test", Some(("xn--bcher-kva.test", false, 25))),
            ("[mail.example.test]", Some(("mail.example.test", true, 25))),
            ("[Mail.Example.test.]:465", Some(("mail.example.test", true, 465))),
            ("[mail.example.test]:smtps", Some(("mail.example.test", true, 465))),
            (".test", None),
            (".example.test", None),
            ("[192.0.2.1]", None),
            ("[192.0.2.1]:25", None),
            ("192.0.2.1", None),
            ("[IPv6:2001:db8::1]", None),
            ("[ipv6:2001:db8::1]:25", None),
            ("2001:db8::1", None),
            ("[mail.example.test", None),
            ("[mail.example.test]x", None),
            ("[]", None),
            ("", None),
            (":25", None),
            ("a b.test", None),
            ("a..test", None),
        ] {
            let read = Destination::parse(key);
            let read = read.as_ref().map(|read| (read.domain.as_str(), read.is_host, read.port));
            assert_eq!(read, expected, "{key}");
        }
    }
}
