//! The explanation of an answer.

use std::fmt;

use mta_sts_core::{CacheEntry, Mode, NoPolicy, PolicyDomain, UnixTime};
use mta_sts_resolver::{DaneCoverage, DaneError, DomainEvent, PolicyAnswer};

use super::answer::{Answer, Grounds};

/// The answer of a [`SocketmapServer`](super::SocketmapServer) to a key now, and the reasons.
///
/// Displayed, it is the reason in one or two sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The time of the answer.
    pub at: UnixTime,
    /// The answer as it would be sent: `OK secure match=...`, `NOTFOUND`, or `TEMP` with a reason.
    pub answer: String,
    /// Whether the map has no zone of its own.
    pub is_default_zone: bool,
    /// The domain whose policy applies; `None` if the destination cannot have one, or is overridden.
    pub domain: Option<PolicyDomain>,
    /// Whether the operator's overrides determine the answer.
    pub is_overridden: bool,
    /// The answer of MTA-STS; `None` if it was not looked up.
    pub policy: Option<PolicyAnswer>,
    /// The answer of DANE; `None` if it was not looked up.
    pub dane: Option<Result<DaneCoverage, DaneError>>,
    /// The cached entry of the domain.
    pub entry: Option<CacheEntry>,
    /// The recent failures for the domain, the latest first.
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
                "An override of the operator says so."
            } else {
                "This cannot have a policy: it is an IP address, a parent domain, or not a name."
            });
        };
        if self.is_overridden {
            formatter.write_str("The policy is an override of the operator. ")?;
        }
        match (&self.dane, policy) {
            (Some(Err(error)), _) => {
                write!(formatter, "{error} Mail waits: a failed lookup must not turn DANE off.")
            }
            (Some(Ok(DaneCoverage::EveryHost)), _) => {
                formatter.write_str("DANE applies to all MX hosts, and takes precedence over MTA-STS.")
            }
            (Some(Ok(DaneCoverage::SomeHosts)), _) => formatter
                .write_str("DANE applies to some of the MX hosts, and takes precedence over MTA-STS."),
            (_, PolicyAnswer::Temporary(why)) if self.is_temporary() => why.fmt(formatter),
            (_, PolicyAnswer::Temporary(why)) => {
                write!(formatter, "{why} In this zone mail is then delivered unprotected (`on-dns-failure`).")
            }
            (_, PolicyAnswer::None(why)) if self.is_temporary() => {
                write!(formatter, "{why} In this zone mail waits then (`on-fetch-failure`).")
            }
            (_, PolicyAnswer::None(why @ (NoPolicy::FetchFailed(_) | NoPolicy::BackingOff { .. }))) => {
                write!(
                    formatter,
                    "{why} In this zone mail is then delivered unprotected (`on-fetch-failure`)."
                )
            }
            (_, PolicyAnswer::None(why)) => why.fmt(formatter),
            (_, PolicyAnswer::Policy(_)) if self.is_temporary() => {
                formatter.write_str("There is a policy, but no answer could be made from it now.")
            }
            (_, PolicyAnswer::Policy(policy)) => formatter.write_str(match policy.mode() {
                Mode::Enforce => "The policy enforces TLS.",
                Mode::Testing => "The policy is in mode testing: mail is delivered in any case.",
                Mode::None => "The policy is in mode none: MTA-STS is off.",
            }),
        }
    }
}
