//! Overrides: destinations for which the operator's word counts, not the network's.

use std::collections::HashMap;
use std::net::IpAddr;

use mta_sts_core::{DnsName, Mode, Policy, PolicyDomain, postfix};

/// Destinations that are answered as the operator says, in every zone.
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
/// A destination is what Postfix asks for: `example.test`, `example.test:587`, `[relay.example.test]`,
/// `[relay.example.test]:587`, `[192.0.2.1]:587`. What Postfix asks for is found as it is, else without its port, else without
/// its brackets. Upper case, a trailing dot and U-labels make no difference. Subdomains inherit nothing: MTA-STS has no
/// such thing either (RFC 8461, 3.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    by_destination: HashMap<Key, Override>,
}

/// What is said of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Override {
    /// No lookup, no answer.
    Exempt,
    /// As if its domain had published it.
    Policy(Policy),
    /// This, without a lookup.
    Tls(String),
}

/// A destination that cannot be overridden so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum OverrideError {
    /// It is nothing that Postfix asks for.
    #[error(
        "This is no destination: write it as \"example.com\", \"example.com:587\", \"[host]\" or \"[host]:587\"."
    )]
    Destination,
    /// It begins with a dot.
    #[error("Subdomains inherit nothing: name each of them, without a dot in front.")]
    Parent,
    /// An address has no policy: MTA-STS is about domains.
    #[error("An address has no policy; it can be a smart host, or exempt.")]
    Address,
    /// It was said before, maybe in another writing.
    #[error("This destination stands here twice.")]
    Duplicate,
    /// A policy of mode none is an exemption.
    #[error("Mode none asks for nothing: make the destination exempt instead.")]
    ModeNone,
    /// No name is given, or one is no host and no pattern such as `*.example.com`, or there are too many.
    #[error(
        "Give host names such as \"mx.example.com\", or patterns such as \"*.example.com\"; at least one."
    )]
    Names,
}

impl OverrideError {
    /// The stable kebab-case word.
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
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many destinations are overridden.
    pub fn len(&self) -> usize {
        self.by_destination.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.by_destination.is_empty()
    }

    /// Takes this policy for the destination's, without a lookup. What zones say of policies applies to it.
    ///
    /// # Errors
    ///
    /// See [`OverrideError`].
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

    /// Answers that there is nothing to say of the destination, without a lookup: the client's own level applies.
    ///
    /// # Errors
    ///
    /// See [`OverrideError`].
    pub fn add_exemption(&mut self, destination: &str) -> Result<(), OverrideError> {
        self.add(Key::parse(destination)?, Override::Exempt)
    }

    /// Answers that the destination, a relay that the operator has chosen, needs verified TLS with a certificate for one of
    /// these names, without a lookup: `secure match=NAMES servername=hostname`.
    ///
    /// # Errors
    ///
    /// See [`OverrideError`].
    pub fn add_smart_host(
        &mut self,
        destination: &str,
        names: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<(), OverrideError> {
        let policy = policy(Mode::Enforce, names)?;
        // The form tells no domain, so any will do.
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

    /// What is said of what a client asks for.
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

/// A destination in one writing.
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

/// An address literal, as Postfix writes it between brackets.
fn address(host: &str) -> Option<IpAddr> {
    match host.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("ipv6:") => host[5..].parse().ok().map(IpAddr::V6),
        _ => host.parse().ok(),
    }
}

/// What a domain would publish.
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
