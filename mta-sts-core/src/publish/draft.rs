use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;
use core::time::Duration;

use super::ZoneRecord;
use crate::error::{DraftError, DraftErrorKind};
use crate::mx::MxPattern;
use crate::name::{DnsName, PolicyDomain};
use crate::order;
use crate::policy::{Mode, Policy};
use crate::record::RecordId;
use crate::registry::is_registry;

/// A policy to be published, and the record that announces it.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::publish::Draft;
/// use mta_sts_core::{DnsName, Mode, PolicyDomain};
///
/// let domain = PolicyDomain::parse("example.com")?;
/// let hosts = [DnsName::parse("mx1.example.com")?, DnsName::parse("mx2.example.com")?];
/// let draft = Draft::new(&domain, Mode::Testing, &hosts, Duration::from_secs(86_400))?;
/// assert_eq!(
///     draft.policy_text(),
///     "version: STSv1\r\nmode: testing\r\nmx: mx1.example.com\r\nmx: mx2.example.com\r\nmax_age: 86400\r\n",
/// );
/// assert_eq!(draft.record_text(), "v=STSv1; id=30c0b8f46936bb03b5e2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A draft is always a valid policy: each `mx` names hosts that senders can find, and the `max_age` is between
/// [`Draft::MIN_MAX_AGE`] and [`Policy::MAX_MAX_AGE`]. The hosts are sorted, so the order of the MX records makes no
/// difference. The same policy always has the same id, and another policy another one (RFC 8461, 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    domain: PolicyDomain,
    policy: Policy,
    id: RecordId,
}

impl Draft {
    /// The shortest `max_age` of a draft: a day. A shorter one hardly protects any mail, since a policy that expires
    /// between two messages is no protection (RFC 8461, 10.2).
    pub const MIN_MAX_AGE: Duration = Duration::from_secs(86_400);

    /// The maximum length of the policy, in octets: many senders refuse a longer one (RFC 8461, 3.3).
    pub const MAX_LEN: usize = 65_536;

    /// A policy of this mode that names exactly these MX hosts. In mode none it names none of them.
    ///
    /// Pass every host in the MX records, or the domain's own name if there are no MX records (RFC 5321, 5.1). Fractions
    /// of a second are dropped from `max_age`.
    ///
    /// # Errors
    ///
    /// Returns what would stop mail, or what senders would refuse: there is no host, a host has a single label or an
    /// underscore, the `max_age` is out of range, or the policy is too long.
    // Meets S10.
    pub fn new(
        domain: &PolicyDomain,
        mode: Mode,
        hosts: &[DnsName],
        max_age: Duration,
    ) -> Result<Self, DraftError> {
        let hosts = if mode == Mode::None { &[] } else { hosts };
        let patterns = hosts.iter().map(pattern_of).collect::<Result<Vec<_>, _>>()?;
        Self::of_patterns(domain.clone(), mode, &patterns, max_age)
    }

    /// Replaces the hosts that this wildcard covers by the wildcard. It has no effect in mode none.
    ///
    /// ```
    /// use core::time::Duration;
    /// use mta_sts_core::publish::Draft;
    /// use mta_sts_core::{DnsName, Mode, MxPattern, PolicyDomain};
    ///
    /// let domain = PolicyDomain::parse("example.com")?;
    /// let hosts = [DnsName::parse("a.mail.example.net")?, DnsName::parse("mx.example.com")?];
    /// let draft = Draft::new(&domain, Mode::Testing, &hosts, Draft::MIN_MAX_AGE)?
    ///     .with_wildcard(MxPattern::parse("*.mail.example.net")?)?;
    /// let patterns: Vec<_> = draft.policy().mx_patterns().map(|pattern| pattern.to_string()).collect();
    /// assert_eq!(patterns, ["*.mail.example.net", "mx.example.com"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Any host below that domain could then receive the mail, so exact names are better (RFC 8461, 10.4).
    ///
    /// # Errors
    ///
    /// Returns an error if the pattern is not a wildcard, covers none of the hosts, or is below a domain under which
    /// anybody may register names.
    pub fn with_wildcard(self, wildcard: MxPattern<'static>) -> Result<Self, DraftError> {
        if self.policy.mode() == Mode::None {
            return Ok(self);
        }
        let fault = |kind| Err(DraftError::about(kind, wildcard.clone()));
        if !wildcard.is_wildcard() {
            return fault(DraftErrorKind::NotAWildcard);
        }
        let domain = wildcard.clone().without_star();
        if is_registry(domain.trim_start_matches('.')) {
            return fault(DraftErrorKind::WildcardTooWide);
        }
        if domain.contains('_') {
            return fault(DraftErrorKind::Underscore);
        }
        let is_covered = |pattern: &MxPattern<'_>| {
            !pattern.is_wildcard()
                && DnsName::parse(&pattern.to_string()).is_ok_and(|host| wildcard.matches(&host))
        };
        let (covered, mut kept): (Vec<_>, Vec<_>) =
            self.policy.mx_patterns().map(MxPattern::into_owned).partition(is_covered);
        if covered.is_empty() {
            return fault(DraftErrorKind::UnusedWildcard);
        }
        kept.push(wildcard);
        Self::of_patterns(self.domain, self.policy.mode(), &kept, self.policy.max_age())
    }

    fn of_patterns(
        domain: PolicyDomain,
        mode: Mode,
        patterns: &[MxPattern<'static>],
        max_age: Duration,
    ) -> Result<Self, DraftError> {
        if patterns.is_empty() && mode != Mode::None {
            return Err(DraftError::new(DraftErrorKind::NoHosts));
        }
        if max_age < Self::MIN_MAX_AGE || max_age.as_secs() > Policy::MAX_MAX_AGE.as_secs() {
            return Err(DraftError::new(DraftErrorKind::MaxAge));
        }
        let mut names: Vec<_> = patterns.iter().map(ToString::to_string).collect();
        order::sort(&mut names);
        names.dedup();
        let mut text = format!("version: STSv1\r\nmode: {mode}\r\n");
        for name in names {
            // Writing to a string does not fail.
            let _ = write!(text, "mx: {name}\r\n");
        }
        let _ = write!(text, "max_age: {}\r\n", max_age.as_secs());
        if text.len() > Self::MAX_LEN {
            return Err(DraftError::new(DraftErrorKind::TooLarge));
        }
        // The names are those of DNS, so that only a fault of this crate could make it fail.
        let policy = Policy::parse(text.as_bytes()).map_err(|_| DraftError::new(DraftErrorKind::BadHost))?;
        let id = id_of(text.as_bytes());
        Ok(Self { domain, policy, id })
    }

    /// The domain.
    pub const fn domain(&self) -> &PolicyDomain {
        &self.domain
    }

    /// The policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The body of the policy, each line ended by CRLF: serve these octets at [`PolicyDomain::policy_url`] as
    /// `text/plain`.
    pub fn policy_text(&self) -> &str {
        self.policy.text()
    }

    /// The id of the policy: the first 20 hexadecimal digits of the SHA-256 of its body.
    pub const fn id(&self) -> &RecordId {
        &self.id
    }

    /// The TXT record to publish at [`PolicyDomain::txt_name`], as one character-string.
    pub fn record_text(&self) -> String {
        format!("v=STSv1; id={}", self.id)
    }

    /// The TXT record with its name and a TTL, for a zone file or for the form of a DNS provider.
    ///
    /// ```
    /// use core::time::Duration;
    /// use mta_sts_core::publish::Draft;
    /// use mta_sts_core::{DnsName, Mode, PolicyDomain};
    ///
    /// let domain = PolicyDomain::parse("example.com")?;
    /// let draft = Draft::new(&domain, Mode::None, &[], Draft::MIN_MAX_AGE)?;
    /// assert_eq!(
    ///     draft.zone_record(Duration::from_secs(3600)).to_string(),
    ///     r#"_mta-sts.example.com. 3600 IN TXT "v=STSv1; id=94815eb6141fb6e55268""#,
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn zone_record(&self, ttl: Duration) -> ZoneRecord {
        ZoneRecord::txt(self.domain.txt_name(), self.record_text(), ttl)
    }
}

/// The id of a policy by its body: the first 20 hexadecimal digits of the SHA-256.
///
/// ```
/// use mta_sts_core::publish::id_of;
///
/// let body = b"version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n";
/// assert_eq!(id_of(body).as_str(), "94815eb6141fb6e55268");
/// ```
///
/// A body that was served under another id may have been changed without its record.
// Meets S10.
pub fn id_of(body: &[u8]) -> RecordId {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hash = hmac_sha256::Hash::hash(body);
    let mut id = [0; 20];
    for (pair, octet) in id.chunks_exact_mut(2).zip(hash) {
        pair[0] = DIGITS[usize::from(octet >> 4)];
        pair[1] = DIGITS[usize::from(octet & 0xF)];
    }
    RecordId::of_valid(&id)
}

fn pattern_of(host: &DnsName) -> Result<MxPattern<'static>, DraftError> {
    let pattern = MxPattern::of_host(host);
    if host.as_str().contains('_') {
        return Err(DraftError::about(DraftErrorKind::Underscore, pattern));
    }
    if !host.as_str().contains('.') {
        return Err(DraftError::about(DraftErrorKind::SingleLabel, pattern));
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> PolicyDomain {
        PolicyDomain::parse("example.com").unwrap()
    }

    fn draft(mode: Mode, hosts: &[&str], max_age: u64) -> Result<Draft, DraftError> {
        let hosts: Vec<_> = hosts.iter().map(|host| DnsName::parse(host).unwrap()).collect();
        Draft::new(&domain(), mode, &hosts, Duration::from_secs(max_age))
    }

    fn code(draft: Result<Draft, DraftError>) -> &'static str {
        draft.map_err(|error| error.code()).unwrap_err()
    }

    #[test]
    fn what_would_stop_mail_is_no_draft() {
        for mode in [Mode::Testing, Mode::Enforce] {
            assert_eq!(code(draft(mode, &[], 86_400)), "no-hosts-in-draft");
            assert_eq!(code(draft(mode, &["mx.example.com", "localhost"], 86_400)), "single-label-host");
            assert_eq!(code(draft(mode, &["mx_1.example.com"], 86_400)), "underscore-in-host");
            for max_age in [0, 86_399, 31_557_601, u64::MAX] {
                assert_eq!(code(draft(mode, &["mx.example.com"], max_age)), "draft-max-age");
            }
        }
        assert_eq!(code(draft(Mode::None, &[], 1)), "draft-max-age");
        let error = draft(Mode::Enforce, &["mx_1.example.com"], 86_400).unwrap_err();
        assert!(error.to_string().starts_with("mx_1.example.com: "), "{error}");
        let many: Vec<_> = (0..4000).map(|number| format!("mx{number}.example.com")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(code(draft(Mode::Enforce, &many, 86_400)), "draft-too-large");
    }

    #[test]
    fn a_wildcard_stands_for_hosts_of_an_owner() {
        let of = |wildcard: &str| {
            let hosts = ["a.mail.test", "b.mail.test", "mx.other.co.uk"];
            draft(Mode::Enforce, &hosts, 604_800)?.with_wildcard(MxPattern::parse(wildcard).unwrap())
        };
        let patterns: Vec<_> =
            of("*.mail.test").unwrap().policy().mx_patterns().map(|pattern| pattern.to_string()).collect();
        assert_eq!(patterns, ["*.mail.test", "mx.other.co.uk"]);
        assert_eq!(code(of("a.mail.test")), "not-a-wildcard");
        assert_eq!(code(of("*.test")), "draft-wildcard-too-wide");
        assert_eq!(code(of("*.co.uk")), "draft-wildcard-too-wide");
        assert_eq!(code(of("*.another.test")), "unused-wildcard");
        assert_eq!(code(of("*.a.mail.test")), "unused-wildcard");
    }

    // Proves S10.
    #[test]
    fn the_id_is_that_of_the_body_whatever_the_order_of_the_hosts() {
        let one = draft(Mode::Enforce, &["b.example.com", "A.example.com."], 604_800).unwrap();
        let other =
            draft(Mode::Enforce, &["a.example.com", "b.example.com", "a.example.com"], 604_800).unwrap();
        assert_eq!(one, other);
        assert_eq!(one.id(), &id_of(one.policy_text().as_bytes()));
        let ids = [
            one.id().to_string(),
            draft(Mode::Testing, &["a.example.com", "b.example.com"], 604_800).unwrap().id().to_string(),
            draft(Mode::Enforce, &["a.example.com", "b.example.com"], 604_801).unwrap().id().to_string(),
            draft(Mode::Enforce, &["a.example.com"], 604_800).unwrap().id().to_string(),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(id.len(), 20);
            assert!(!ids[..index].contains(id), "{id}");
        }
        // Of FIPS 180-2: "abc".
        assert_eq!(id_of(b"abc").as_str(), "ba7816bf8f01cfea4141");
    }
}
