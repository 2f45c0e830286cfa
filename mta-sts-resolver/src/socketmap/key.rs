//! The key of a TLS policy lookup, as Postfix sends it.

use mta_sts_core::PolicyDomain;

/// Where mail goes next, if MTA-STS may apply to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    /// Whose policy counts.
    pub(super) domain: PolicyDomain,
    /// It is the MX host itself, since no MX record is looked up: `[mail.example.test]`.
    pub(super) is_host: bool,
}

impl Destination {
    /// Reads a key: `example.test`, `example.test:587`, `[mail.example.test]`, `[mail.example.test]:587`.
    ///
    /// None for whatever has no policy: parents (`.test`, RFC 8461, 3.4), address literals, and what is no name.
    // Meets S65, A30, A31.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let (name, is_host) = match key.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (port.is_empty() || port.starts_with(':')).then_some((host, true))?
            }
            None => match key.split_once(':') {
                // An IPv6 address, without its brackets.
                Some((_, rest)) if rest.contains(':') => return None,
                Some((name, _port)) => (name, false),
                None => (key, false),
            },
        };
        if name.starts_with('.') {
            return None;
        }
        PolicyDomain::parse(name).ok().map(|domain| Self { domain, is_host })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_postfix_means_them() {
        for (key, expected) in [
            ("example.test", Some(("example.test", false))),
            ("EXAMPLE.Test.", Some(("example.test", false))),
            ("example.test:587", Some(("example.test", false))),
            ("example.test:submission", Some(("example.test", false))),
            ("b\u{fc}cher.test", Some(("xn--bcher-kva.test", false))),
            ("[mail.example.test]", Some(("mail.example.test", true))),
            ("[Mail.Example.test.]:587", Some(("mail.example.test", true))),
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
            let read = read.as_ref().map(|read| (read.domain.as_str(), read.is_host));
            assert_eq!(read, expected, "{key}");
        }
    }
}
