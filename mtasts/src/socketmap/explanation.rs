//! What a server would answer now, and why.

use std::fmt;

use mta_sts_core::{CacheEntry, Mode, NoPolicy, PolicyDomain, UnixTime};
use mta_sts_resolver::{DaneCoverage, DaneError, DomainEvent, PolicyAnswer};

use super::answer::{Answer, Grounds};

/// What a [`SocketmapServer`](super::SocketmapServer) would answer to a key now, and why.
///
/// Shown as text it is the reason, in one or two sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// When.
    pub at: UnixTime,
    /// The answer as it would be sent: `OK secure match=...`, `NOTFOUND` or `TEMP` with a reason.
    pub answer: String,
    /// Whether the key is in the zone of every other map.
    pub is_default_zone: bool,
    /// Whose policy counts; none where what was asked for can have none, or the operator's word stands for it.
    pub domain: Option<PolicyDomain>,
    /// Whether the operator's overrides say what is answered.
    pub is_overridden: bool,
    /// What MTA-STS has to say; none where it was not asked.
    pub policy: Option<PolicyAnswer>,
    /// What DANE has to say; none where it was not asked.
    pub dane: Option<Result<DaneCoverage, DaneError>>,
    /// What is remembered of the domain.
    pub entry: Option<CacheEntry>,
    /// What went wrong with the domain lately, the latest first.
    pub events: Vec<DomainEvent>,
}

impl Explanation {
    pub(super) fn new(at: UnixTime, answer: &Answer, is_default_zone: bool, grounds: Grounds) -> Self {
        let Grounds { is_overridden, domain, policy, dane, .. } = grounds;
        Self {
            at,
            answer: answer.text().trim_end().to_owned(),
            is_default_zone,
            domain,
            is_overridden,
            policy,
            dane,
            entry: None,
            events: Vec::new(),
        }
    }

    fn is_temporary(&self) -> bool {
        self.answer.starts_with("TEMP")
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(policy) = &self.policy else {
            return formatter.write_str(if self.is_overridden {
                "The operator's overrides say so."
            } else {
                "This is no domain that can have a policy: an address, a parent domain, or no name."
            });
        };
        if self.is_overridden {
            formatter.write_str("The policy is one of the operator's overrides. ")?;
        }
        match (&self.dane, policy) {
            (Some(Err(error)), _) => {
                write!(formatter, "{error} Mail waits: a failed lookup must not turn DANE off.")
            }
            (Some(Ok(DaneCoverage::EveryHost)), _) => {
                formatter.write_str("DANE authenticates all MX hosts, and comes before MTA-STS.")
            }
            (Some(Ok(DaneCoverage::SomeHosts)), _) => {
                formatter.write_str("DANE authenticates some of the MX hosts, and comes before MTA-STS.")
            }
            (_, PolicyAnswer::Temporary(why)) if self.is_temporary() => why.fmt(formatter),
            (_, PolicyAnswer::Temporary(why)) => {
                write!(formatter, "{why} In this zone that is no reason to wait (`on-dns-failure`).")
            }
            (_, PolicyAnswer::None(why)) if self.is_temporary() => {
                write!(formatter, "{why} In this zone mail waits for that (`on-fetch-failure`).")
            }
            (_, PolicyAnswer::None(why @ (NoPolicy::FetchFailed(_) | NoPolicy::BackingOff { .. }))) => {
                write!(formatter, "{why} In this zone mail goes out unprotected then (`on-fetch-failure`).")
            }
            (_, PolicyAnswer::None(why)) => why.fmt(formatter),
            (_, PolicyAnswer::Policy(_)) if self.is_temporary() => {
                formatter.write_str("There is a policy, and no answer could be made of it now.")
            }
            (_, PolicyAnswer::Policy(policy)) => formatter.write_str(match policy.mode() {
                Mode::Enforce => "The policy enforces TLS.",
                Mode::Testing => "The policy is in mode testing: mail goes out whatever is met.",
                Mode::None => "The policy is in mode none: MTA-STS is off.",
            }),
        }
    }
}
