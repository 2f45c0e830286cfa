//! Zones: the name of a map chooses how its lookups are answered.

use std::collections::BTreeMap;

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
}

/// Which names a certificate may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MatchNames {
    /// The patterns of the policy: all that Postfix needs to be told, though `match=.example.test` covers
    /// `a.b.example.test` too, which the policy's `*.example.test` does not.
    #[default]
    Patterns,
    /// The names of the domain's MX hosts that the policy covers. Their MX records are looked up for each answer; where that
    /// fails, or where none is covered, the answer is temporary.
    MxHosts,
}

/// What is said of a destination whose MX hosts DANE authenticates (RFC 7672), all of them or some.
///
/// Where that could not be found out, the answer is temporary: a failed DANE lookup is never overridden (RFC 8461, 2).
// Meets S3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DaneAnswer {
    /// `dane-only`: Postfix delivers to hosts that DANE authenticates, and to no others. Where DANE applies to some hosts
    /// only, and no policy enforces, `dane`: Postfix authenticates those hosts, and delivers to the others too.
    ///
    /// Postfix needs `smtp_dns_support_level = dnssec` for it.
    #[default]
    DaneOnly,
    /// Not found: `smtp_tls_security_level` applies, which has to be `dane` or `dane-only` then. Where DANE applies to some
    /// hosts only and the policy enforces, `dane-only` all the same: the others could be reached unprotected.
    NotFound,
    /// As if there were no DANE: nothing is looked up for it. Mail goes out under MTA-STS to hosts that DANE rules out.
    Ignore,
}

/// For which destinations DANE is looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DaneLookup {
    /// Those with a policy in mode enforce or testing: of others nothing is said, so that Postfix's own level applies.
    #[default]
    WithPolicy,
    /// Every one: Postfix then gets `dane-only` or `dane` for destinations without a policy too.
    Always,
}

/// What is said of a domain when DNS does not say whether it has a policy, and none is remembered.
///
/// Only its TXT record is meant. Where DNS says that there is one, and then not where the Policy Host is, that is a failed
/// fetch; see [`FetchFailureAnswer`]. Where it is this machine that could not ask, the answer is temporary with either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DnsFailureAnswer {
    /// It is temporary: mail waits. Whoever makes this lookup fail gains nothing; whoever makes one of the Policy Host's
    /// address fail still does, by default.
    #[default]
    Temporary,
    /// There is no policy: mail goes out unprotected, and need not wait. Whoever makes DNS fail once can read it.
    NotFound,
}

/// What is said of a domain that has a record when its policy cannot be fetched and none is remembered.
///
/// The Policy Host cannot be looked up or reached, its certificate is not valid, or what it answers is no policy. Where it is
/// this machine that could not ask, for want of files or a network or by its proxy, the answer is temporary with either.
// Meets S57.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchFailureAnswer {
    /// There is no policy: a sender "MUST continue with delivery as though the domain has not implemented MTA-STS"
    /// (RFC 8461, 3.3). So whoever can break the fetch of a policy that was never fetched before can read the mail
    /// (RFC 8461, 10.2), and a domain whose policy is broken gets its mail.
    #[default]
    NotFound,
    /// It is temporary: mail waits until the policy can be fetched. Nobody gains by breaking the fetch, and mail to a domain
    /// whose policy is broken for days is returned.
    Temporary,
}

impl Zone {
    /// The default of everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// How much an answer tells: [`Form::Basic`] by default, which every Postfix understands.
    #[must_use]
    pub fn with_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Which names a certificate may have: the patterns of the policy by default.
    #[must_use]
    pub fn with_match_names(mut self, match_names: MatchNames) -> Self {
        self.match_names = match_names;
        self
    }

    /// What is said where DANE applies: [`DaneAnswer::DaneOnly`] by default.
    #[must_use]
    pub fn with_dane(mut self, answer: DaneAnswer) -> Self {
        self.dane = answer;
        self
    }

    /// For which destinations DANE is looked up: those with a policy by default.
    #[must_use]
    pub fn with_dane_lookup(mut self, lookup: DaneLookup) -> Self {
        self.dane_lookup = lookup;
        self
    }

    /// What is said when DNS does not say whether there is a policy, and none is remembered: temporary by default.
    #[must_use]
    pub fn with_dns_failure(mut self, answer: DnsFailureAnswer) -> Self {
        self.on_dns_failure = answer;
        self
    }

    /// What is said when there is a policy that cannot be fetched, and none is remembered: not found by default.
    #[must_use]
    pub fn with_fetch_failure(mut self, answer: FetchFailureAnswer) -> Self {
        self.on_fetch_failure = answer;
        self
    }
}

/// All zones of a server, by the name of the map, and what is answered in each of them.
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

    /// Answers lookups of the map `name` as this zone says.
    #[must_use]
    pub fn with_zone(mut self, name: &str, zone: Zone) -> Self {
        self.named.insert(name.to_owned(), zone);
        self
    }

    /// Answers for these destinations as the operator says: none by default.
    #[must_use]
    pub fn with_overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// The zone of every map that no other zone is for.
    pub fn default_zone(&self) -> &Zone {
        &self.default
    }

    /// The names of the maps that have a zone of their own.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    /// The zone of a map; of an unknown one, the default.
    pub fn zone(&self, name: &str) -> &Zone {
        self.named.get(name).unwrap_or(&self.default)
    }
}
