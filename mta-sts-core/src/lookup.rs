//! Policy discovery as a state machine (RFC 8461, 3.3, 5.1 and 10.2).
//!
//! # Theory of operation
//!
//! A lookup makes at most two queries: the TXT records of the domain, then the policy over HTTPS. It starts from the
//! cached entry and may be done without any query. After each answer it either makes the next query or is done, with
//! the policy to apply (or the reason why there is none), what to remember, and what to report. "Cached" means a policy
//! that has not expired.
//!
//! | purpose, cache | TXT | fetch | applied | remembered | reported |
//! |---|---|---|---|---|---|
//! | deliver, cached, checked recently | not asked | | cached | keep | |
//! | deliver, absent until later | not asked | | none, the remembered reason | keep | |
//! | deliver, cached | same id | | cached | checked | |
//! | deliver, cached | new id, in back-off | not tried | cached | checked | fetch error |
//! | deliver, cached | new id | succeeds | new | store | |
//! | deliver, cached | new id | fails | cached | back-off | by cause, alert |
//! | deliver, cached | new id | fails by a local fault | cached | checked | |
//! | deliver, cached | none usable, or DNS failed | | cached | checked | fetch error |
//! | deliver, cached | not asked, by a local fault | | cached | checked | |
//! | deliver, nothing cached | none usable | | none | absent | |
//! | deliver, nothing cached | DNS failed | | none | keep | |
//! | deliver, nothing cached | id in back-off | not tried | none | keep | fetch error |
//! | deliver, nothing cached | id | succeeds | new | store | |
//! | deliver, nothing cached | id | fails | none | back-off | by cause |
//! | deliver, nothing cached | id | fails by a local fault | none | keep | |
//! | refresh, cached | any | succeeds | new | store | |
//! | refresh, cached | any | fails | cached | back-off | by cause, alert |
//! | refresh, cached | any | fails by a local fault | cached | keep | |
//! | refresh, cached | any, its id in back-off | not tried | cached | keep | |
//! | before a permanent failure, cached | same id, none usable, DNS failed | | cached | keep | |
//! | before a permanent failure, cached | new id | succeeds | new | store | |
//! | before a permanent failure, cached | new id | fails | cached | back-off | by cause, alert |
//! | before a permanent failure, cached | new id | fails by a local fault | cached | keep | |
//! | before a permanent failure, cached | new id, in back-off | not tried | cached | keep | fetch error |
//!
//! An id is in back-off if its fetch failed, and also if its policy was replaced by that of another id soon after its
//! fetch, since name servers disagree: either way no host is queried for the same id twice in 300 s (RFC 8461, 3.3).
//! Exceptions are a refresh that the caller forces, a policy whose `max_age` is shorter, and an id displaced by more
//! than [`CacheEntry::MAX_BACK_OFFS`] later ones.
//!
//! A back-off of the second kind alone is not reported.
//!
//! With nothing cached the other purposes behave like "deliver", except that the last always queries DNS. While a
//! policy of mode none is cached, nothing is reported and there are no alerts.
//!
//! A local fault ([`FetchFailure::LocalFault`], [`TxtFailure::LocalFault`]) is a fault of the sender: too many open
//! files, no network, a proxy that is down. RFC 8461, 3.3 lets a sender continue without a policy if "no policy can be
//! fetched"; after a local fault the fetch was never tried. So, as after a DNS failure, no policy is given up: with
//! nothing cached the sender tries again as soon as it can.
//!
//! DNS alone never extends, ends, or weakens a cached policy: its answers are not authenticated, and an attacker who
//! suppresses the record must gain nothing from that (RFC 8461, 10.2).

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use crate::entry::{Absence, BackOff, CacheEntry, CacheUpdate, CachedPolicy, MAX_BACK_OFF, MIN_BACK_OFF};
use crate::error::{
    FetchError, FetchErrorKind, FetchFailure, LookupError, LookupErrorKind, NoPolicyKind, RecordError,
    RecordErrorKind, TxtFailure,
};
use crate::name::PolicyDomain;
use crate::policy::{Mode, Policy};
use crate::record::{Record, RecordId};
use crate::response::{FetchLimits, HttpResponse};
use crate::time::UnixTime;
use crate::tlsrpt::ResultType;

/// A policy discovery: it says what to query, takes the answers, and ends with an [`Outcome`].
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::{HttpResponse, Input, Lookup, LookupConfig, Output, PolicyDomain, Purpose, UnixTime};
///
/// let now = UnixTime::from_secs(1_700_000_000);
/// let domain = PolicyDomain::parse("example.com")?;
/// let mut lookup = Lookup::new(domain, Purpose::Deliver, None, now, &LookupConfig::new());
///
/// let Output::QueryTxt(query) = lookup.poll_output() else { panic!() };
/// assert_eq!(query.name(), "_mta-sts.example.com");
/// let rrs = [b"v=STSv1; id=1;"];
/// lookup.handle_input(Input::txt(&rrs, Duration::from_secs(300)), now)?;
///
/// let Output::FetchPolicy(request) = lookup.poll_output() else { panic!() };
/// assert_eq!(request.url(), "https://mta-sts.example.com/.well-known/mta-sts.txt");
/// let body = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n";
/// let response = HttpResponse::new(200, body).with_content_type(b"text/plain");
/// lookup.handle_input(Input::Response(response), now)?;
///
/// let outcome = lookup.into_outcome().expect("both questions were answered");
/// assert!(outcome.policy().unwrap().matches_mx("mx.example.com"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Two methods drive it. [`Lookup::poll_output`] says what to do, and returns the same until the next input.
/// [`Lookup::handle_input`] takes an answer; an answer to another query is an error and leaves the lookup unchanged.
///
/// A lookup holds no cache, no socket, and no clock. Keep the entry in any store, and apply [`Outcome::cache_update`]
/// to it. A lookup can be dropped at any point.
///
/// Lookups are independent: two concurrent lookups of one domain make the same queries. A server that looks up many
/// messages at once should share one lookup per domain, and let later messages wait for its outcome, as `PolicyService`
/// of `mta-sts-resolver` does.
#[derive(Clone, Debug)]
pub struct Lookup {
    domain: PolicyDomain,
    purpose: Purpose,
    entry: CacheEntry,
    config: LookupConfig,
    record_check: RecordCheck,
    state: State,
}

/// The purpose of a lookup.
///
/// ```
/// use mta_sts_core::*;
///
/// /// A queue whose message would now be returned.
/// fn purpose(conclusion: Conclusion) -> Option<Purpose> {
///     match conclusion {
///         Conclusion::RecheckPolicy => Some(Purpose::BeforePermanentFailure),
///         Conclusion::Bounce(_) => None,
///         _ => Some(Purpose::Deliver),
///     }
/// }
/// # assert_eq!(purpose(Conclusion::RecheckPolicy), Some(Purpose::BeforePermanentFailure));
/// ```
///
/// [`PolicyCache::poll_refresh`](crate::PolicyCache::poll_refresh) says when a refresh is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Purpose {
    /// Delivering a message (RFC 8461, 5.1, step 1).
    // Meets S4, S19, S20, S56, S57, S100, S101, A17, A46, A47, A48.
    // Meets C1, C2, C3, C4, C5, C6, C7, C8, C10, C11, C12, T1.
    Deliver,
    /// Fetching a cached policy again before it expires, whatever its record says (RFC 8461, 3.3 and 10.2).
    // Meets S98, A45, A48, C9.
    Refresh,
    /// Checking for a newer policy before a message is returned because no MX host met the current one (RFC 8461, 5.1,
    /// step 3).
    ///
    /// [`Delivery::recheck`](crate::Delivery::recheck) tells what the outcome means for the message.
    // Meets S78, S80, C13, C14.
    BeforePermanentFailure,
}

/// What the caller has to do next.
///
/// ```
/// use mta_sts_core::*;
///
/// /// What a log says of a lookup.
/// fn waits_for(lookup: &Lookup) -> String {
///     match lookup.poll_output() {
///         Output::QueryTxt(query) => format!("TXT {}", query.name()),
///         Output::FetchPolicy(request) => format!("GET {}", request.url()),
///         Output::Done(outcome) => format!("done, {:?}", outcome.policy().map(Policy::mode)),
///     }
/// }
/// # let domain = PolicyDomain::parse("example.com")?;
/// # let now = UnixTime::from_secs(1_700_000_000);
/// let lookup = Lookup::new(domain, Purpose::Deliver, None, now, &LookupConfig::new());
/// assert_eq!(waits_for(&lookup), "TXT _mta-sts.example.com");
/// # Ok::<(), NameError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Output<'a> {
    /// Query DNS for the TXT records of a name, and answer with [`Input::txt`], [`Input::TxtNotFound`], or
    /// [`Input::TxtFailed`].
    QueryTxt(&'a TxtQuery),
    /// Fetch a policy over HTTPS, and answer with [`Input::Response`] or [`Input::FetchFailed`].
    FetchPolicy(&'a PolicyRequest),
    /// Nothing: take the outcome with [`Lookup::into_outcome`].
    Done(&'a Outcome),
}

/// The answer to a query.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::{FetchFailure, HttpResponse, Input, TxtFailure};
///
/// // One TXT RR of two character-strings, joined with nothing between.
/// let rrs = [[&b"v=STSv1; "[..], b"id=1;"].concat()];
/// let answer = Input::txt(&rrs, Duration::from_secs(3600));
/// // NXDOMAIN, or no TXT: an answer. A timeout: none.
/// let answer = Input::TxtNotFound { ttl: Duration::from_secs(900) };
/// let answer = Input::TxtFailed(TxtFailure::Timeout);
/// // An error page: an answer. A bad certificate: none, whatever came over it.
/// let answer = Input::Response(HttpResponse::new(404, b""));
/// let answer = Input::FetchFailed(FetchFailure::CertificateExpired);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// The TXT records of the name, after following CNAMEs: made by [`Input::txt`].
    Txt {
        /// The record among them, or the reason why there is none.
        record: Result<Record, RecordError>,
        /// The shortest TTL along the chain to the records.
        ttl: Duration,
    },
    /// DNS says that the name, or the type, does not exist.
    TxtNotFound {
        /// The time for which this answer may be cached (RFC 2308); zero if DNS gave none.
        ttl: Duration,
    },
    /// DNS gave no usable answer.
    TxtFailed(TxtFailure),
    /// The response of the Policy Host, after its certificate was verified for its name.
    Response(HttpResponse<'a>),
    /// The Policy Host gave no response, or none that could be trusted.
    FetchFailed(FetchFailure),
}

impl Input<'_> {
    /// Makes an input from the TXT records of the name, after following CNAMEs, and the shortest TTL along the chain.
    ///
    /// Each item is one TXT RR, its character-strings concatenated without separators (RFC 8461, 3.1). The RRs are not
    /// kept: the record is selected here, in the same way as by [`Record::select`].
    pub fn txt<T: AsRef<[u8]>>(rrs: &[T], ttl: Duration) -> Self {
        Self::Txt { record: Record::select(rrs), ttl }
    }
}

/// A DNS query: the TXT records of a name.
///
/// ```
/// use mta_sts_core::*;
///
/// # let now = UnixTime::from_secs(1_700_000_000);
/// let domain = PolicyDomain::parse("Example.COM.")?;
/// let lookup = Lookup::new(domain, Purpose::Deliver, None, now, &LookupConfig::new());
/// let Output::QueryTxt(query) = lookup.poll_output() else { panic!() };
/// assert_eq!(query.name(), "_mta-sts.example.com");
/// # Ok::<(), NameError>(())
/// ```
///
/// Follow CNAMEs, and report the shortest TTL along the chain. Answers need not be signed with DNSSEC; a bogus answer
/// is [`TxtFailure::Bogus`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxtQuery {
    name: String,
}

impl TxtQuery {
    /// The name in A-labels, without a trailing dot. It is absolute: do not apply a search list.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// An HTTPS request: a GET of the policy.
///
/// ```
/// use mta_sts_core::{FetchFailure, Input, PolicyRequest};
///
/// /// The body as it comes in: whether to read on.
/// fn read(request: &PolicyRequest, body: &mut Vec<u8>, more: &[u8]) -> Result<(), Input<'static>> {
///     if body.len() + more.len() > request.max_body_len() {
///         return Err(Input::FetchFailed(FetchFailure::BodyTooLarge));
///     }
///     body.extend_from_slice(more);
///     Ok(())
/// }
/// ```
/// The certificate must be valid for the host name (by a DNS-ID, RFC 8461, 3.3), which is also sent in SNI. Use TLS 1.2
/// or later; follow no redirects; use no HTTP cache and no conditional request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRequest {
    host: String,
    url: String,
    timeout: Duration,
    max_body_len: usize,
}

impl PolicyRequest {
    /// The Policy Host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The full URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The time limit for everything, from the address lookup to the end of the body.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The maximum length of the body, in octets: stop reading beyond it, and answer [`FetchFailure::BodyTooLarge`].
    pub const fn max_body_len(&self) -> usize {
        self.max_body_len
    }
}

/// The outcome of a lookup.
///
/// ```
/// use mta_sts_core::*;
/// # fn run(mut lookup: Lookup, now: UnixTime, fetched: Input<'static>) -> Outcome {
/// #     let rrs = [b"v=STSv1; id=1"];
/// #     lookup.handle_input(Input::txt(&rrs, core::time::Duration::from_secs(300)), now).unwrap();
/// #     lookup.handle_input(fetched, now).unwrap();
/// #     lookup.into_outcome().unwrap()
/// # }
/// # let now = UnixTime::from_secs(1_700_000_000);
/// # let lookup = |entry: Option<&CacheEntry>, purpose| {
/// #     let domain = PolicyDomain::parse("example.com").unwrap();
/// #     Lookup::new(domain, purpose, entry, now, &LookupConfig::new())
/// # };
///
/// # let lookup = lookup(None, Purpose::Deliver);
/// let outcome = run(lookup, now, Input::FetchFailed(FetchFailure::Timeout));
/// // RFC 8461, 3.3: go on as if the domain had no policy, and say so in TLSRPT.
/// assert_eq!(outcome.no_policy().map(NoPolicy::code), Some("fetch-failed"));
/// let failure = outcome.failure.as_ref().expect("there was a record");
/// assert_eq!(failure.result_type, ResultType::StsPolicyFetchError);
/// // Do not ask the Policy Host again at the next message.
/// let entry = outcome.cache_update.apply_to(None, now);
/// assert_eq!(entry.unwrap().back_offs().len(), 1);
/// ```
///
/// It has parts for the delivery, the store, the report, and the administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The policy to apply, or the reason why there is none.
    pub applied: Result<AppliedPolicy, NoPolicy>,
    /// The change to the cache: call [`CacheUpdate::apply_to`] on the entry that the store holds by now.
    pub cache_update: CacheUpdate,
    /// The failure to count in TLSRPT (RFC 8461, 6).
    pub failure: Option<PolicyFailure>,
    /// The alert for the administrator (RFC 8461, 3.3 and 10.2).
    pub alert: Option<Alert>,
    /// Whether the domain was queried for a newer policy, and the result.
    pub record_check: RecordCheck,
}

/// Whether a lookup has queried the domain for a newer policy than the cached one.
///
/// This has to be known before a permanent failure: [`Delivery::recheck`](crate::Delivery::recheck).
///
/// Treat an unknown variant as [`RecordCheck::Failed`]: no message may be returned because of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordCheck {
    /// It was not queried: the cached entry was enough.
    #[default]
    NotMade,
    /// DNS answered, and the domain has no newer policy than that of the outcome, which may have just been fetched.
    Current,
    /// DNS did not answer, or there is a newer policy that was not fetched.
    Failed,
}

impl Outcome {
    /// The policy to apply, if there is one. Its mode may be testing or none.
    pub fn policy(&self) -> Option<&Policy> {
        self.applied.as_ref().ok().map(|applied| &applied.policy)
    }

    /// The reason why no policy applies.
    pub fn no_policy(&self) -> Option<NoPolicy> {
        self.applied.as_ref().err().copied()
    }

    /// Returns whether it is known if a policy applies. If it is not, the mail should wait: sending it as if the domain
    /// had no MTA-STS is the goal of an attacker who suppresses the record (RFC 8461, 10.2).
    // Meets A29.
    pub fn is_known(&self) -> bool {
        !self.no_policy().is_some_and(NoPolicy::is_temporary)
    }
}

/// The policy that applies to the message.
///
/// ```
/// use mta_sts_core::*;
/// # fn run(mut lookup: Lookup, now: UnixTime, fetched: Input<'static>) -> Outcome {
/// #     let rrs = [b"v=STSv1; id=1"];
/// #     lookup.handle_input(Input::txt(&rrs, core::time::Duration::from_secs(300)), now).unwrap();
/// #     lookup.handle_input(fetched, now).unwrap();
/// #     lookup.into_outcome().unwrap()
/// # }
/// # let now = UnixTime::from_secs(1_700_000_000);
/// # let lookup = |entry: Option<&CacheEntry>, purpose| {
/// #     let domain = PolicyDomain::parse("example.com").unwrap();
/// #     Lookup::new(domain, purpose, entry, now, &LookupConfig::new())
/// # };
/// # let good = || {
/// #     let body = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n";
/// #     Input::Response(HttpResponse::new(200, body).with_content_type(b"text/plain"))
/// # };
///
/// # let lookup = lookup(None, Purpose::Deliver);
/// let outcome = run(lookup, now, good());
/// let applied = outcome.applied.as_ref().expect("the fetch succeeded");
/// assert_eq!((applied.source, applied.id.as_str()), (PolicySource::Fetched, "1"));
/// let delivery = Delivery::of(&outcome);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppliedPolicy {
    /// The policy.
    pub policy: Policy,
    /// Whether the policy was cached or has just been fetched.
    pub source: PolicySource,
    /// The id of its record.
    pub id: RecordId,
    /// The last second in which the policy is in force.
    pub expires_at: UnixTime,
}

/// Where the policy came from.
///
/// ```
/// use mta_sts_core::*;
/// # fn run(mut lookup: Lookup, now: UnixTime, fetched: Input<'static>) -> Outcome {
/// #     let rrs = [b"v=STSv1; id=1"];
/// #     lookup.handle_input(Input::txt(&rrs, core::time::Duration::from_secs(300)), now).unwrap();
/// #     lookup.handle_input(fetched, now).unwrap();
/// #     lookup.into_outcome().unwrap()
/// # }
/// # let now = UnixTime::from_secs(1_700_000_000);
/// # let lookup = |entry: Option<&CacheEntry>, purpose| {
/// #     let domain = PolicyDomain::parse("example.com").unwrap();
/// #     Lookup::new(domain, purpose, entry, now, &LookupConfig::new())
/// # };
/// # let good = || {
/// #     let body = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n";
/// #     Input::Response(HttpResponse::new(200, body).with_content_type(b"text/plain"))
/// # };
///
/// # let held = CachedPolicy::new(
/// #     Policy::parse(b"version: STSv1\nmode: none\nmax_age: 1\n")?, "0".parse()?, now);
/// # let entry = CacheUpdate::Store { policy: held, checked_until: now }.apply_to(None, now);
/// # let lookup = lookup(entry.as_ref(), Purpose::BeforePermanentFailure);
/// // For a log: whether the Policy Host was asked for this message.
/// let outcome = run(lookup, now, good());
/// let source = outcome.applied.map(|applied| applied.source);
/// assert_eq!(source, Ok(PolicySource::Fetched));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum PolicySource {
    /// Cached by an earlier fetch.
    Cached,
    /// Fetched by this lookup.
    Fetched,
}

/// The reason why no policy applies.
///
/// ```
/// use mta_sts_core::{NoPolicy, TxtFailure};
///
/// /// Whether a careful sender keeps the message for a later attempt.
/// fn waits(reason: NoPolicy) -> bool {
///     match reason {
///         // There may be a policy, and whoever suppresses the answer gains by it.
///         NoPolicy::DnsFailed(_) => true,
///         // There is one, and the sender itself is to blame that it does not know it.
///         NoPolicy::LocalFault => true,
///         // The domain does not take part, or not as it should.
///         NoPolicy::NoRecord | NoPolicy::InvalidRecord(_) | NoPolicy::SeveralRecords => false,
///         // The sender goes on without a policy (RFC 8461, 3.3).
///         NoPolicy::FetchFailed(_) | NoPolicy::BackingOff { .. } => false,
///         other => other.is_temporary(),
///     }
/// }
/// let reason = NoPolicy::DnsFailed(TxtFailure::ServFail);
/// assert!(waits(reason) && reason.is_temporary());
/// # assert!(!waits(NoPolicy::NoRecord) && !NoPolicy::NoRecord.is_temporary());
/// # assert!(waits(NoPolicy::LocalFault) && NoPolicy::LocalFault.is_temporary());
/// ```
/// For nearly all of them the mail is sent as if the domain had no MTA-STS (RFC 8461, 3.3). There are two exceptions:
/// after [`NoPolicy::DnsFailed`] the sender may prefer to wait, since an attacker could be the cause; after
/// [`NoPolicy::LocalFault`] it waits, since the domain has done nothing wrong.
///
/// For an unknown variant use [`NoPolicy::is_temporary`].
// Meets A29.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoPolicy {
    /// The domain has no record.
    NoRecord,
    /// The record of the domain is not valid.
    InvalidRecord(RecordErrorKind),
    /// The domain has more than one record.
    SeveralRecords,
    /// DNS failed.
    DnsFailed(TxtFailure),
    /// The domain has a record, and its policy could not be fetched.
    FetchFailed(FetchFault),
    /// The last fetch failed, and it is too early for another one.
    BackingOff {
        /// The time from which a lookup fetches again.
        until: UnixTime,
    },
    /// The domain has a record, and its policy was not fetched because of a fault of the sender
    /// ([`FetchFailure::LocalFault`]).
    LocalFault,
}

impl NoPolicy {
    /// The reason without its details.
    pub const fn kind(self) -> NoPolicyKind {
        match self {
            Self::NoRecord => NoPolicyKind::NoRecord,
            Self::InvalidRecord(_) => NoPolicyKind::InvalidRecord,
            Self::SeveralRecords => NoPolicyKind::SeveralRecords,
            Self::DnsFailed(_) => NoPolicyKind::DnsFailed,
            Self::FetchFailed(_) => NoPolicyKind::FetchFailed,
            Self::BackingOff { .. } => NoPolicyKind::BackingOff,
            Self::LocalFault => NoPolicyKind::LocalFault,
        }
    }

    /// Returns whether it is unknown if a policy applies: a careful sender tries again later.
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::DnsFailed(_) | Self::LocalFault)
    }

    /// The stable code of the reason: a kebab-case word.
    pub const fn code(self) -> &'static str {
        self.kind().code()
    }

    const fn of_record(kind: RecordErrorKind) -> Self {
        match kind {
            RecordErrorKind::NoRecord => Self::NoRecord,
            RecordErrorKind::SeveralRecords => Self::SeveralRecords,
            kind => Self::InvalidRecord(kind),
        }
    }
}

impl fmt::Display for NoPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.kind().message();
        match self {
            Self::InvalidRecord(kind) => write!(formatter, "{reason} {kind}"),
            Self::DnsFailed(failure) => write!(formatter, "{reason} {failure}"),
            Self::FetchFailed(fault) => write!(formatter, "{reason} {fault}"),
            _ => formatter.write_str(reason),
        }
    }
}

impl core::error::Error for NoPolicy {}

/// The reason why a fetch gave no policy: no response, or a response without a policy.
///
/// ```
/// use mta_sts_core::{FetchFailure, FetchFault, ResultType};
///
/// let fault = FetchFault::Failure(FetchFailure::CertificateExpired);
/// assert_eq!(fault.code(), "policy-host-certificate-expired");
/// assert_eq!(fault.result_type(), ResultType::StsWebpkiInvalid);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FetchFault {
    /// There was no response.
    Failure(FetchFailure),
    /// The response contained no policy.
    Error(FetchError),
}

impl FetchFault {
    /// The stable code of the fault: a kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Failure(failure) => failure.code(),
            Self::Error(error) => error.code(),
        }
    }

    /// The result type for TLSRPT.
    // Meets A26, R43, R44, R45.
    pub const fn result_type(self) -> ResultType {
        match self {
            Self::Failure(failure) => failure.result_type(),
            Self::Error(error) => error.result_type(),
        }
    }
}

impl fmt::Display for FetchFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(failure) => failure.fmt(formatter),
            Self::Error(error) => error.fmt(formatter),
        }
    }
}

impl core::error::Error for FetchFault {}

/// A failure of policy discovery, which TLSRPT counts under policy type `sts`.
///
/// ```
/// use mta_sts_core::*;
/// # fn run(mut lookup: Lookup, now: UnixTime, fetched: Input<'static>) -> Outcome {
/// #     let rrs = [b"v=STSv1; id=1"];
/// #     lookup.handle_input(Input::txt(&rrs, core::time::Duration::from_secs(300)), now).unwrap();
/// #     lookup.handle_input(fetched, now).unwrap();
/// #     lookup.into_outcome().unwrap()
/// # }
/// # let now = UnixTime::from_secs(1_700_000_000);
/// # let lookup = |entry: Option<&CacheEntry>, purpose| {
/// #     let domain = PolicyDomain::parse("example.com").unwrap();
/// #     Lookup::new(domain, purpose, entry, now, &LookupConfig::new())
/// # };
///
/// # let lookup = lookup(None, Purpose::Deliver);
/// let body = b"version: STSv1\nmode: enforced\nmax_age: 604800\n";
/// let response = HttpResponse::new(200, body).with_content_type(b"text/plain");
/// let failure = run(lookup, now, Input::Response(response)).failure.expect("the mode is none of the three");
/// assert_eq!(failure.result_type, ResultType::StsPolicyInvalid);
/// assert_eq!(failure.reason_code, "bad-mode");
/// assert_eq!(failure.received_lines.iter().nth(1), Some("mode: enforced"));
/// ```
// Meets S85, S86, R53, E2, E3, E4, E5, E6.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyFailure {
    /// The `result-type`.
    pub result_type: ResultType,
    /// The `failure-reason-code`.
    pub reason_code: &'static str,
    /// If the body was not a valid policy, its lines as received, with their errors: the `policy-string` of the report
    /// (RFC 8460, 4.4). Invalid UTF-8 and control characters are replaced.
    pub received_lines: ReceivedLines,
}

/// An alert: a policy could not be fetched again. A single failure is no reason to worry; see the count.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::{Alert, UnixTime};
///
/// /// Whether to wake somebody: protection ends within two days, and it was no single slip.
/// fn is_urgent(alert: &Alert, now: UnixTime) -> bool {
///     let left = alert.expires_at.saturating_since(now);
///     alert.failures >= 3 && left < Duration::from_secs(2 * 86_400)
/// }
/// ```
// Meets S59, S99.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alert {
    /// The fault of this fetch.
    pub fault: FetchFault,
    /// The number of failed fetches since the last success, including this one.
    pub failures: u32,
    /// The last second in which the cached policy protects mail.
    pub expires_at: UnixTime,
}

/// The configuration of lookups. Every lookup copies it.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::{FetchLimits, LookupConfig};
///
/// let config = LookupConfig::new()
///     .with_back_off(Duration::from_secs(600))
///     .with_fetch_limits(FetchLimits::new().with_timeout(Duration::from_secs(20)));
/// assert_eq!(config.fetch_limits().timeout(), Duration::from_secs(20));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupConfig {
    fetch_limits: FetchLimits,
    back_off: Duration,
}

impl LookupConfig {
    /// The values suggested in RFC 8461.
    pub const fn new() -> Self {
        Self { fetch_limits: FetchLimits::new(), back_off: MIN_BACK_OFF }
    }

    /// Sets the back-off of a record id after a failed fetch. Default: 300 s, which is also the minimum, "five minutes
    /// or longer" (RFC 8461, 3.3). The maximum is a day.
    ///
    /// While a policy is in force, the back-off is at most half of its remaining life: the host may be available again
    /// before the policy expires.
    // Meets S52, S53, A41.
    #[must_use]
    pub fn with_back_off(mut self, back_off: Duration) -> Self {
        self.back_off = back_off.clamp(MIN_BACK_OFF, MAX_BACK_OFF);
        self
    }

    /// Sets the limits of a fetch, and the requirements on its response.
    #[must_use]
    pub const fn with_fetch_limits(mut self, limits: FetchLimits) -> Self {
        self.fetch_limits = limits;
        self
    }

    /// The limits of a fetch.
    pub const fn fetch_limits(&self) -> &FetchLimits {
        &self.fetch_limits
    }

    /// The back-off of a record id after a failed fetch.
    pub const fn back_off(&self) -> Duration {
        self.back_off
    }
}

impl Default for LookupConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// TTLs are clamped, so that neither a zero nor a week, by mistake or by attack, determines how often DNS is queried.
const MIN_TTL: Duration = Duration::from_secs(30);
const MAX_TTL: Duration = Duration::from_secs(3600);

#[derive(Clone, Debug)]
enum State {
    QueryTxt(TxtQuery),
    FetchPolicy {
        request: PolicyRequest,
        /// The id under which the policy is stored or the back-off is set: as seen before the fetch.
        id: RecordId,
        checked_until: Option<UnixTime>,
        /// If the clock steps back in the meantime, the time of the response is used instead.
        requested_at: UnixTime,
    },
    Done(Outcome),
}

impl Lookup {
    /// Starts a lookup from the cached entry of the domain.
    ///
    /// It may be done at once, if a cached policy or absence was checked recently.
    pub fn new(
        domain: PolicyDomain,
        purpose: Purpose,
        cached: Option<&CacheEntry>,
        now: UnixTime,
        config: &LookupConfig,
    ) -> Self {
        let mut lookup = Self {
            purpose,
            entry: cached.cloned().unwrap_or_default(),
            config: config.clone(),
            domain,
            record_check: RecordCheck::NotMade,
            // A lookup that is done at once needs no queries, so each is only built when it is made.
            state: State::QueryTxt(TxtQuery { name: String::new() }),
        };
        lookup.begin(now);
        lookup
    }

    /// The domain of the lookup.
    pub const fn domain(&self) -> &PolicyDomain {
        &self.domain
    }

    /// What to do next. The result is the same until the next input.
    pub fn poll_output(&self) -> Output<'_> {
        match &self.state {
            State::QueryTxt(query) => Output::QueryTxt(query),
            State::FetchPolicy { request, .. } => Output::FetchPolicy(request),
            State::Done(outcome) => Output::Done(outcome),
        }
    }

    /// Takes the answer to the current query, and the time at which it arrived.
    ///
    /// # Errors
    ///
    /// The answer belongs to another query, or the lookup is done. The lookup is unchanged: [`Lookup::poll_output`]
    /// says what it waits for.
    pub fn handle_input(&mut self, input: Input<'_>, now: UnixTime) -> Result<(), LookupError> {
        match (&self.state, input) {
            (State::Done(_), _) => return Err(LookupError::new(LookupErrorKind::AlreadyDone)),
            (State::QueryTxt(_), Input::Txt { record, ttl }) => match record {
                Ok(record) => self.record_found(*record.id(), ttl, now),
                Err(error) => self.no_record(error.kind(), ttl, now),
            },
            (State::QueryTxt(_), Input::TxtNotFound { ttl }) => {
                self.no_record(RecordErrorKind::NoRecord, ttl, now);
            }
            (State::QueryTxt(_), Input::TxtFailed(failure)) => self.txt_failed(failure, now),
            (&State::FetchPolicy { id, checked_until, requested_at, .. }, Input::Response(response)) => {
                let requested_at = requested_at.min(now);
                match Policy::from_response(&response, &self.config.fetch_limits) {
                    Ok(policy) => {
                        self.policy_fetched(CachedPolicy::new(policy, id, requested_at), checked_until);
                    }
                    Err(error) => {
                        let received =
                            (error.kind() == FetchErrorKind::InvalidPolicy).then(|| response.body());
                        self.fetch_failed(FetchFault::Error(error), id, requested_at, received, now);
                    }
                }
            }
            (State::FetchPolicy { .. }, Input::FetchFailed(FetchFailure::LocalFault)) => {
                self.fetch_not_tried(now);
            }
            (&State::FetchPolicy { id, requested_at, .. }, Input::FetchFailed(failure)) => {
                self.fetch_failed(FetchFault::Failure(failure), id, requested_at.min(now), None, now);
            }
            _ => return Err(LookupError::new(LookupErrorKind::UnexpectedInput)),
        }
        Ok(())
    }

    /// The outcome, after [`Output::Done`]; `None` if an answer is still missing.
    pub fn into_outcome(self) -> Option<Outcome> {
        match self.state {
            State::Done(outcome) => Some(outcome),
            State::QueryTxt(_) | State::FetchPolicy { .. } => None,
        }
    }

    fn begin(&mut self, now: UnixTime) {
        let is_cached = self.entry.valid_policy(now).is_some();
        let is_checked = is_ahead(self.entry.checked_until(), now, MAX_TTL);
        let absence = self.entry.absence().filter(|absence| is_ahead(absence.until, now, MAX_TTL));
        match (self.purpose, absence) {
            (Purpose::Deliver, _) if is_cached && is_checked => self.apply_cached(CacheUpdate::Keep, now),
            (Purpose::Deliver | Purpose::Refresh, Some(absence)) if !is_cached => {
                self.finish(Err(NoPolicy::of_record(absence.reason)), CacheUpdate::Keep);
            }
            _ => self.state = State::QueryTxt(TxtQuery { name: self.domain.txt_name() }),
        }
    }

    fn fetch_policy(&mut self, id: RecordId, checked_until: Option<UnixTime>, now: UnixTime) {
        let request = PolicyRequest {
            host: self.domain.policy_host(),
            url: self.domain.policy_url(),
            timeout: self.config.fetch_limits.timeout(),
            max_body_len: self.config.fetch_limits.max_body_len(),
        };
        // A fetched policy is as old as its request, however long the response takes (RFC 8461, 3.2: max_age).
        self.state = State::FetchPolicy { request, id, checked_until, requested_at: now };
    }

    fn record_found(&mut self, id: RecordId, ttl: Duration, now: UnixTime) {
        self.record_check = RecordCheck::Current;
        let checked_until = checked_until(ttl, now);
        let cached = self.entry.valid_policy(now);
        if self.purpose != Purpose::Refresh && cached.is_some_and(|cached| *cached.id() == id) {
            self.apply_cached(self.checked(checked_until, now), now);
        } else if let Some(back_off) = self.back_off(&id, now) {
            self.backing_off(back_off, checked_until, now);
        } else {
            self.fetch_policy(id, Some(checked_until), now);
        }
    }

    fn no_record(&mut self, kind: RecordErrorKind, ttl: Duration, now: UnixTime) {
        self.record_check = RecordCheck::Current;
        let until = checked_until(ttl, now);
        if self.entry.valid_policy(now).is_some() {
            self.cached_without_record(Some(kind.code()), until, now);
        } else {
            self.finish(Err(NoPolicy::of_record(kind)), CacheUpdate::Absent(Absence { reason: kind, until }));
        }
    }

    fn txt_failed(&mut self, failure: TxtFailure, now: UnixTime) {
        self.record_check = RecordCheck::Failed;
        if self.entry.valid_policy(now).is_some() {
            // Only the sender has failed, so there is nothing to report.
            let reason_code = (failure != TxtFailure::LocalFault).then(|| failure.code());
            self.cached_without_record(reason_code, checked_until(MIN_TTL, now), now);
        } else {
            self.finish(Err(NoPolicy::DnsFailed(failure)), CacheUpdate::Keep);
        }
    }

    /// A cached policy stays in force without its record. A refresh fetches it all the same; otherwise an attacker who
    /// suppresses the record could wait for its end (RFC 8461, 10.2).
    fn cached_without_record(&mut self, reason_code: Option<&'static str>, until: UnixTime, now: UnixTime) {
        match self.purpose {
            Purpose::Refresh => {
                let Some(id) = self.entry.valid_policy(now).map(|cached| *cached.id()) else { return };
                match self.back_off(&id, now) {
                    Some(back_off) => self.backing_off(back_off, until, now),
                    None => self.fetch_policy(id, None, now),
                }
            }
            Purpose::Deliver => {
                self.apply_cached(self.checked(until, now), now);
                if let Some(reason_code) = reason_code {
                    self.report(ResultType::StsPolicyFetchError, reason_code, now);
                }
            }
            Purpose::BeforePermanentFailure => self.apply_cached(CacheUpdate::Keep, now),
        }
    }

    fn backing_off(&mut self, back_off: BackOff, checked_until: UnixTime, now: UnixTime) {
        self.record_check = RecordCheck::Failed;
        let cached = self.entry.valid_policy(now).is_some();
        // An id whose policy was replaced by the cached one is in back-off too, although nothing has failed. Its fetch
        // came first, so its back-off ends no later than this.
        let gave_way_until =
            self.entry.valid_policy(now).map(|cached| cached.fetched_at().saturating_add(MIN_BACK_OFF));
        let failed =
            gave_way_until.is_none_or(|until| back_off.until > until && self.entry.fetch_failures() > 0);
        if cached {
            // The record is checked again when the host may be queried again, however long the TTL.
            self.apply_cached(self.checked(checked_until.min(back_off.until), now), now);
        } else {
            self.finish(Err(NoPolicy::BackingOff { until: back_off.until }), CacheUpdate::Keep);
        }
        if failed && self.purpose != Purpose::Refresh {
            self.report(ResultType::StsPolicyFetchError, NoPolicyKind::BackingOff.code(), now);
        }
    }

    fn policy_fetched(&mut self, policy: CachedPolicy, checked_until_record: Option<UnixTime>) {
        self.record_check = RecordCheck::Current;
        let checked_until =
            checked_until_record.unwrap_or_else(|| checked_until(MIN_TTL, policy.fetched_at()));
        self.finish(
            Ok(AppliedPolicy::of(&policy, PolicySource::Fetched)),
            CacheUpdate::Store { policy, checked_until },
        );
    }

    fn fetch_failed(
        &mut self,
        fault: FetchFault,
        id: RecordId,
        requested_at: UnixTime,
        received: Option<&[u8]>,
        now: UnixTime,
    ) {
        self.record_check = RecordCheck::Failed;
        let back_off = BackOff { id, until: now.saturating_add(self.config.back_off) };
        let update = CacheUpdate::BackOff { back_off, requested_at };
        match self.entry.valid_policy(now) {
            None => self.finish(Err(NoPolicy::FetchFailed(fault)), update),
            Some(cached) => {
                let expires_at = cached.expires_at();
                let alerts = cached.policy().mode() != Mode::None;
                self.apply_cached(update, now);
                if alerts {
                    self.alert(Alert {
                        fault,
                        failures: self.entry.fetch_failures().saturating_add(1),
                        expires_at,
                    });
                }
            }
        }
        self.report(fault.result_type(), fault.code(), now);
        if let (Some(received), State::Done(Outcome { failure: Some(failure), .. })) =
            (received, &mut self.state)
        {
            failure.received_lines = ReceivedLines::of(received);
        }
    }

    /// Handles a local fault: no host was contacted, so no failure is reported and no back-off starts.
    fn fetch_not_tried(&mut self, now: UnixTime) {
        self.record_check = RecordCheck::Failed;
        if self.entry.valid_policy(now).is_some() {
            self.apply_cached(self.checked(checked_until(MIN_TTL, now), now), now);
        } else {
            self.finish(Err(NoPolicy::LocalFault), CacheUpdate::Keep);
        }
    }

    /// The check of the record is remembered only for deliveries: before a permanent failure the lookup changes nothing
    /// without need.
    fn checked(&self, until: UnixTime, now: UnixTime) -> CacheUpdate {
        match (self.purpose, self.entry.valid_policy(now)) {
            (Purpose::Deliver, Some(cached)) => {
                CacheUpdate::Checked { id: *cached.id(), checked_at: now, until }
            }
            _ => CacheUpdate::Keep,
        }
    }

    /// The back-off of an id; also one that another process wrote with a longer configured back-off or with a fast
    /// clock.
    fn back_off(&self, id: &RecordId, now: UnixTime) -> Option<BackOff> {
        self.entry
            .back_offs()
            .iter()
            .find(|back_off| back_off.id == *id && is_ahead(back_off.until, now, MAX_BACK_OFF))
            .copied()
    }

    fn apply_cached(&mut self, update: CacheUpdate, now: UnixTime) {
        if let Some(cached) = self.entry.valid_policy(now) {
            self.finish(Ok(AppliedPolicy::of(cached, PolicySource::Cached)), update);
        }
    }

    fn finish(&mut self, applied: Result<AppliedPolicy, NoPolicy>, cache_update: CacheUpdate) {
        let record_check = self.record_check;
        self.state = State::Done(Outcome { applied, cache_update, failure: None, alert: None, record_check });
    }

    /// Records what TLSRPT counts; nothing while a policy of mode none is cached (RFC 8461, 6).
    fn report(&mut self, result_type: ResultType, reason_code: &'static str, now: UnixTime) {
        let opted_out =
            self.entry.valid_policy(now).is_some_and(|cached| cached.policy().mode() == Mode::None);
        if let (false, State::Done(outcome)) = (opted_out, &mut self.state) {
            outcome.failure =
                Some(PolicyFailure { result_type, reason_code, received_lines: ReceivedLines::default() });
        }
    }

    fn alert(&mut self, alert: Alert) {
        if let State::Done(outcome) = &mut self.state {
            outcome.alert = Some(alert);
        }
    }
}

impl AppliedPolicy {
    fn of(cached: &CachedPolicy, source: PolicySource) -> Self {
        Self { policy: cached.policy().clone(), source, id: *cached.id(), expires_at: cached.expires_at() }
    }
}

fn checked_until(ttl: Duration, now: UnixTime) -> UnixTime {
    now.saturating_add(ttl.clamp(MIN_TTL, MAX_TTL))
}

/// Returns whether `until` lies in the future, but no further ahead than `most`; a time beyond that is left over from
/// before the clock stepped back.
fn is_ahead(until: UnixTime, now: UnixTime, most: Duration) -> bool {
    until > now && until.saturating_since(now) <= most
}

/// The lines of a body that is not a policy.
///
/// ```
/// # use mta_sts_core::*;
/// # let now = UnixTime::from_secs(1_700_000_000);
/// # let domain = PolicyDomain::parse("example.com")?;
/// # let mut lookup = Lookup::new(domain, Purpose::Deliver, None, now, &LookupConfig::new());
/// # let rrs = [b"v=STSv1; id=1"];
/// # lookup.handle_input(Input::txt(&rrs, core::time::Duration::from_secs(300)), now)?;
/// let body = b"<html>\n\n\x00\x01 404 \xff\n";
/// lookup.handle_input(Input::Response(HttpResponse::new(200, body).with_content_type(b"text/plain")), now)?;
/// let outcome = lookup.into_outcome().unwrap();
/// let lines: Vec<_> = outcome.failure.as_ref().unwrap().received_lines.iter().collect();
/// assert_eq!(lines, ["<html>", "\u{fffd} 404 \u{fffd}"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// They have no line ends, and blank lines are omitted. Each run of invalid UTF-8 and control characters other than tab
/// is replaced by one U+FFFD, so they take at most twice the octets of the body.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ReceivedLines {
    // The lines, separated by a line feed.
    text: String,
}

impl ReceivedLines {
    fn of(body: &[u8]) -> Self {
        let mut len = 0;
        write_lines(body, |piece| len += piece.len());
        let mut text = String::with_capacity(len);
        write_lines(body, |piece| text.push_str(piece));
        Self { text }
    }

    /// The lines, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n').filter(|line| !line.is_empty())
    }

    /// The same as [`into_text`](Self::into_text), borrowed.
    #[cfg(feature = "tlsrpt")]
    pub(crate) fn as_text(&self) -> &str {
        &self.text
    }

    /// All lines, separated by line feeds.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Returns whether there are no lines.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl fmt::Debug for ReceivedLines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

/// Passes the text of [`ReceivedLines`] to `write` in pieces.
fn write_lines(body: &[u8], mut write: impl FnMut(&str)) {
    let mut is_first = true;
    for line in body.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if core::str::from_utf8(line).is_ok_and(|line| line.trim().is_empty()) {
            continue;
        }
        if !core::mem::take(&mut is_first) {
            write("\n");
        }
        let mut was_replaced = false;
        for chunk in line.utf8_chunks() {
            for piece in chunk.valid().split_inclusive(is_replaced) {
                let kept = piece.strip_suffix(is_replaced).unwrap_or(piece);
                was_replaced &= kept.is_empty();
                write(kept);
                if kept.len() < piece.len() && !core::mem::replace(&mut was_replaced, true) {
                    write("\u{fffd}");
                }
            }
            if !chunk.invalid().is_empty() && !core::mem::replace(&mut was_replaced, true) {
                write("\u{fffd}");
            }
        }
    }
}

fn is_replaced(character: char) -> bool {
    character.is_control() && character != '\t'
}
