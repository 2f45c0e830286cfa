//! Zones: the name of a map selects how its lookups are answered.

use std::collections::BTreeMap;
use std::time::Duration;

use mta_sts_core::postfix::Form;

use super::overrides::Overrides;

/// How lookups of one map are answered.
///
/// ```
/// use mta_sts_core::postfix::Form;
/// use mtasts_socketmap::{MatchNames, Zone};
///
/// let zone = Zone::new().with_form(Form::Extended).with_match_names(MatchNames::MxHosts);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    pub(super) form: Form,
    pub(super) match_names: MatchNames,
    pub(super) dane: DaneAnswer,
    pub(super) dane_lookup: DaneLookup,
    pub(super) on_dns_failure: DnsFailureAnswer,
    pub(super) on_fetch_failure: FetchFailureAnswer,
    pub(super) answer_within: Option<Duration>,
}

/// The names that a certificate must match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MatchNames {
    /// The patterns of the policy. Nothing else needs to be looked up, but `match=.example.test` also covers
    /// `a.b.example.test`, which the policy's `*.example.test` does not.
    #[default]
    Patterns,
    /// The names of the domain's MX hosts that the policy covers. Their MX records are looked up for each answer; if
    /// that fails, or if none is covered, the answer is temporary.
    MxHosts,
}

/// The answer for a destination to whose MX hosts, all or some, DANE (RFC 7672) applies.
///
/// If that could not be determined, the answer is temporary: a failed DANE lookup is never overridden (RFC 8461, 2).
// Meets S3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DaneAnswer {
    /// `dane-only`: Postfix delivers only to hosts authenticated by DANE. If DANE applies only to some hosts, and no
    /// policy is enforced, `dane`: Postfix authenticates those hosts, and delivers to the others too.
    ///
    /// Postfix needs `smtp_dns_support_level = dnssec` for this.
    #[default]
    DaneOnly,
    /// Not found: `smtp_tls_security_level` applies, which must then be `dane` or `dane-only`. If DANE applies only to
    /// some hosts and the policy is enforced, the answer is `dane-only` all the same: mail to the others would be
    /// unprotected.
    NotFound,
    /// DANE is not looked up, and ignored. Mail is then delivered under MTA-STS to hosts that DANE rules out.
    Ignore,
}

/// The destinations for which DANE is looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DaneLookup {
    /// Those with a policy in mode enforce or testing. There is no answer for others, so Postfix's own level applies.
    #[default]
    WithPolicy,
    /// All destinations: Postfix then gets `dane-only` or `dane` also for those without a policy.
    Always,
}

/// The answer for a domain if DNS does not tell whether it has a policy, and none is cached.
///
/// This concerns only the TXT record. If that exists, but the address lookup of the Policy Host fails, it is a failed
/// fetch; see [`FetchFailureAnswer`]. After a local fault the answer is temporary with either setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DnsFailureAnswer {
    /// A temporary answer: mail waits. An attacker gains nothing by making this lookup fail, but by default still does
    /// by making the address lookup of the Policy Host fail.
    #[default]
    Temporary,
    /// Not found: mail is delivered unprotected, without waiting. An attacker who makes DNS fail once can read it.
    NotFound,
}

/// The answer for a domain with a record, if its policy cannot be fetched and none is cached.
///
/// The Policy Host cannot be resolved or reached, its certificate is not valid, or its response is not a policy. After
/// a local fault, such as too many open files, no network, or a proxy that is down, the answer is temporary with either
/// setting.
// Meets S57.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchFailureAnswer {
    /// Not found: a sender "MUST continue with delivery as though the domain has not implemented MTA-STS" (RFC 8461,
    /// 3.3). So an attacker who can break the first fetch of a policy can read the mail (RFC 8461, 10.2), and a domain
    /// with a broken policy gets its mail.
    #[default]
    NotFound,
    /// A temporary answer: mail waits until the policy can be fetched. An attacker gains nothing by breaking the fetch,
    /// but mail to a domain whose policy is broken for days is returned.
    Temporary,
}

impl Zone {
    /// A zone with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the form of answers. Default: [`Form::Basic`], which every Postfix understands.
    #[must_use]
    pub fn with_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Sets the names that a certificate must match. Default: the patterns of the policy.
    #[must_use]
    pub fn with_match_names(mut self, match_names: MatchNames) -> Self {
        self.match_names = match_names;
        self
    }

    /// Sets the answer if DANE applies. Default: [`DaneAnswer::DaneOnly`].
    #[must_use]
    pub fn with_dane(mut self, answer: DaneAnswer) -> Self {
        self.dane = answer;
        self
    }

    /// Sets the destinations for which DANE is looked up. Default: those with a policy.
    #[must_use]
    pub fn with_dane_lookup(mut self, lookup: DaneLookup) -> Self {
        self.dane_lookup = lookup;
        self
    }

    /// Sets the answer if DNS does not tell whether there is a policy, and none is cached. Default: temporary.
    #[must_use]
    pub fn with_dns_failure(mut self, answer: DnsFailureAnswer) -> Self {
        self.on_dns_failure = answer;
        self
    }

    /// Sets the answer if there is a policy that cannot be fetched, and none is cached. Default: not found.
    #[must_use]
    pub fn with_fetch_failure(mut self, answer: FetchFailureAnswer) -> Self {
        self.on_fetch_failure = answer;
        self
    }

    /// Sets the time limit for a policy before the answer is temporary. Default: that of the service,
    /// [`ServiceConfig::with_answer_within`](mta_sts_resolver::ServiceConfig::with_answer_within).
    #[must_use]
    pub fn with_answer_within(mut self, limit: Duration) -> Self {
        self.answer_within = Some(limit);
        self
    }
}

/// All zones of a server, by the name of the map, with the overrides that apply in each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zones {
    default: Zone,
    named: BTreeMap<String, Zone>,
    pub(super) overrides: Overrides,
}

impl Zones {
    /// One zone for every map.
    pub fn new(default: Zone) -> Self {
        Self { default, named: BTreeMap::new(), overrides: Overrides::new() }
    }

    /// Answers lookups of the map `name` according to this zone.
    #[must_use]
    pub fn with_zone(mut self, name: &str, zone: Zone) -> Self {
        self.named.insert(name.to_owned(), zone);
        self
    }

    /// Sets the overrides. Default: none.
    #[must_use]
    pub fn with_overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// The zone of every map without a zone of its own.
    pub fn default_zone(&self) -> &Zone {
        &self.default
    }

    /// The names of the maps with a zone of their own.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    /// The zone of a map; for an unknown map, the default zone.
    pub fn zone(&self, name: &str) -> &Zone {
        self.named.get(name).unwrap_or(&self.default)
    }
}
