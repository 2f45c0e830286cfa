//! Overrides: destinations whose answer is configured by the operator.

use std::collections::HashMap;
use std::net::IpAddr;

use mta_sts_core::{DnsName, Mode, Policy, PolicyDomain, postfix};

/// Destinations whose answer is configured by the operator, in every zone.
///
/// ```
/// use mta_sts_core::Mode;
/// use mtasts_socketmap::{Overrides, Zone, Zones};
///
/// let mut overrides = Overrides::new();
/// overrides.add_policy("example.test", Mode::Enforce, ["mx.example.test", "*.example.net.test"])?;
/// overrides.add_exemption("partner.test")?;
/// overrides.add_smart_host("[relay.example.test]:587", ["relay.example.test"])?;
/// let zones = Zones::new(Zone::new()).with_overrides(overrides);
/// # Ok::<(), mtasts_socketmap::OverrideError>(())
/// ```
///
/// A destination has the form of a Postfix request: `example.test`, `example.test:587`, `[relay.example.test]`,
/// `[relay.example.test]:587`, `[192.0.2.1]:587`. A request matches exactly, otherwise without its port, otherwise
/// without its brackets. Upper case, a trailing dot, and U-labels make no difference. Subdomains are not included, as
/// in MTA-STS (RFC 8461, 3.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    by_destination: HashMap<Key, Override>,
}

/// The override for a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Override {
    /// No lookup, and no answer.
    Exempt,
    /// This policy, as if its domain had published it.
    Policy(Policy),
    /// This answer, without a lookup.
    Tls(String),
}

/// The error for an override that cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum OverrideError {
    /// The destination does not have the form of a Postfix request.
    #[error(
        "This is not a destination: write it as \"example.com\", \"example.com:587\", \"[host]\" or \"[host]:587\"."
    )]
    Destination,
    /// It starts with a dot.
    #[error("Subdomains are not included: list each of them, without a leading dot.")]
    Parent,
    /// An IP address has no policy: MTA-STS applies to domains.
    #[error("An IP address has no policy; it can be a smart host, or exempt.")]
    Address,
    /// The destination is already overridden, maybe in another spelling.
    #[error("This destination is listed twice.")]
    Duplicate,
    /// A policy of mode none is an exemption.
    #[error("Mode none requires nothing: make the destination exempt instead.")]
    ModeNone,
    /// There are no names, too many, or one that is neither a host name nor a pattern such as `*.example.com`.
    #[error(
        "Give host names such as \"mx.example.com\", or patterns such as \"*.example.com\"; at least one."
    )]
    Names,
}

impl OverrideError {
    /// The stable code: a kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Destination => "no-destination",
            Self::Parent => "parent-destination",
            Self::Address => "address-without-policy",
            Self::Duplicate => "duplicate-destination",
            Self::ModeNone => "mode-none",
            Self::Names => "invalid-names",
        }
    }
}

impl Overrides {
    /// No overrides.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of overridden destinations.
    pub fn len(&self) -> usize {
        self.by_destination.len()
    }

    /// Returns whether there are no overrides.
    pub fn is_empty(&self) -> bool {
        self.by_destination.is_empty()
    }

    /// Uses this policy for the destination, without a lookup. The settings of zones about policies apply to it.
    ///
    /// # Errors
    ///
    /// Returns an error as listed at [`OverrideError`].
    pub fn add_policy(
        &mut self,
        destination: &str,
        mode: Mode,
        mx: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<(), OverrideError> {
        if mode == Mode::None {
            return Err(OverrideError::ModeNone);
        }
        let key = Key::parse(destination)?;
        if matches!(key.host, Host::Address(_)) {
            return Err(OverrideError::Address);
        }
        self.add(key, Override::Policy(policy(mode, mx)?))
    }

    /// Gives no answer for the destination, without a lookup: the client's own level applies.
    ///
    /// # Errors
    ///
    /// Returns an error as listed at [`OverrideError`].
    pub fn add_exemption(&mut self, destination: &str) -> Result<(), OverrideError> {
        self.add(Key::parse(destination)?, Override::Exempt)
    }

    /// Requires verified TLS with a certificate for one of these names for the destination, a relay chosen by the
    /// operator, without a lookup: `secure match=NAMES servername=hostname`.
    ///
    /// # Errors
    ///
    /// Returns an error as listed at [`OverrideError`].
    pub fn add_smart_host(
        &mut self,
        destination: &str,
        names: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<(), OverrideError> {
        let policy = policy(Mode::Enforce, names)?;
        // This form of the answer contains no domain, so any will do.
        let tls = PolicyDomain::parse("smart-host.invalid")
            .ok()
            .and_then(|domain| postfix::tls_policy(&policy, &domain, postfix::Form::Basic).ok().flatten())
            .ok_or(OverrideError::Names)?;
        self.add(Key::parse(destination)?, Override::Tls(tls))
    }

    fn add(&mut self, key: Key, said: Override) -> Result<(), OverrideError> {
        if self.by_destination.contains_key(&key) {
            return Err(OverrideError::Duplicate);
        }
        self.by_destination.insert(key, said);
        Ok(())
    }

    /// The override for a requested destination.
    pub(super) fn of(&self, destination: &str) -> Option<&Override> {
        if self.is_empty() {
            return None;
        }
        let mut key = Key::parse(destination).ok()?;
        self.by_destination
            .get(&key)
            .or_else(|| {
                key.port = None;
                self.by_destination.get(&key)
            })
            .or_else(|| {
                key.is_host = false;
                self.by_destination.get(&key)
            })
    }
}

/// A destination in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    host: Host,
    is_host: bool,
    port: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    Name(DnsName),
    Address(IpAddr),
}

impl Key {
    fn parse(destination: &str) -> Result<Self, OverrideError> {
        let (host, port, is_host) = match destination.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or(OverrideError::Destination)?;
                let port = match rest.strip_prefix(':') {
                    None if !rest.is_empty() => return Err(OverrideError::Destination),
                    port => port,
                };
                (host, port, true)
            }
            None => match destination.split_once(':') {
                Some((host, port)) => (host, Some(port), false),
                None => (destination, None, false),
            },
        };
        if host.starts_with('.') {
            return Err(OverrideError::Parent);
        }
        let is_port = |port: &str| {
            !port.is_empty() && port.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        };
        if port.is_some_and(|port| !is_port(port)) {
            return Err(OverrideError::Destination);
        }
        let host = if is_host && let Some(address) = address(host) {
            Host::Address(address)
        } else {
            let domain = PolicyDomain::parse(host).map_err(|_| OverrideError::Destination)?;
            Host::Name(domain.as_name().clone())
        };
        Ok(Self { host, is_host, port: port.map(str::to_ascii_lowercase) })
    }
}

/// An address literal in brackets, as written by Postfix.
fn address(host: &str) -> Option<IpAddr> {
    match host.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("ipv6:") => host[5..].parse().ok().map(IpAddr::V6),
        _ => host.parse().ok(),
    }
}

/// The policy that a domain would publish.
fn policy(mode: Mode, mx: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Policy, OverrideError> {
    let mut text = format!("version: STSv1\nmode: {}\nmax_age: 86400\n", mode.as_str());
    for name in mx {
        let name = name.as_ref();
        // It must not add a line.
        if name.is_empty()
            || name.contains(|character: char| character.is_control() || character.is_whitespace())
        {
            return Err(OverrideError::Names);
        }
        text.push_str("mx: ");
        text.push_str(name);
        text.push('\n');
    }
    Policy::parse(text.as_bytes()).map_err(|_| OverrideError::Names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_key_counts() {
        let mut overrides = Overrides::new();
        let relay = |name: &str| Override::Tls(format!("secure match={name} servername=hostname"));
        for (destination, name) in [
            ("[Relay.test.]:587", "host-and-port.test"),
            ("[relay.test]", "host.test"),
            ("relay.test:587", "domain-and-port.test"),
            ("relay.test", "domain.test"),
            ("[192.0.2.1]:Submission", "address.test"),
            ("[IPv6:2001:DB8:0::1]", "ipv6.test"),
            ("b\u{fc}cher.test", "books.test"),
        ] {
            overrides.add_smart_host(destination, [name]).unwrap();
        }
        for (asked, expected) in [
            ("[relay.test]:587", Some("host-and-port.test")),
            ("[RELAY.test.]:25", Some("host.test")),
            ("[relay.test]", Some("host.test")),
            ("relay.test:587", Some("domain-and-port.test")),
            ("relay.test:25", Some("domain.test")),
            ("relay.test", Some("domain.test")),
            ("[192.0.2.1]:submission", Some("address.test")),
            ("[192.0.2.1]:25", None),
            ("[2001:db8::1]:25", Some("ipv6.test")),
            ("xn--bcher-kva.TEST", Some("books.test")),
            ("[b\u{fc}cher.test]:25", Some("books.test")),
            ("sub.relay.test", None),
            (".relay.test", None),
            ("", None),
        ] {
            assert_eq!(overrides.of(asked).cloned(), expected.map(relay), "{asked}");
        }
        assert_eq!(overrides.len(), 7);
    }

    #[test]
    fn nonsense_is_refused() {
        let mut overrides = Overrides::new();
        overrides.add_exemption("Example.test").unwrap();
        for (destination, expected) in [
            ("example.TEST.", OverrideError::Duplicate),
            (".example.test", OverrideError::Parent),
            ("*.example.test", OverrideError::Destination),
            ("user@example.test", OverrideError::Destination),
            ("[example.test", OverrideError::Destination),
            ("[example.test]587", OverrideError::Destination),
            ("example.test:", OverrideError::Destination),
            ("example.test:5 87", OverrideError::Destination),
            ("192.0.2.1", OverrideError::Destination),
            ("", OverrideError::Destination),
        ] {
            assert_eq!(overrides.add_exemption(destination), Err(expected), "{destination}");
        }
        assert_eq!(
            overrides.add_policy("[192.0.2.1]", Mode::Enforce, ["a.test"]),
            Err(OverrideError::Address)
        );
        assert_eq!(overrides.add_policy("a.test", Mode::None, ["a.test"]), Err(OverrideError::ModeNone));
        for names in [
            &[][..],
            &[""],
            &["a.test b.test"],
            &["a.test\nmode: none"],
            &["a.test:25"],
            &["*"],
            &["nexthop"],
        ] {
            assert_eq!(overrides.add_smart_host("a.test", names), Err(OverrideError::Names), "{names:?}");
        }
        assert_eq!(overrides.len(), 1);
    }
}
