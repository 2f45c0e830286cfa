//! Policy discovery as a state machine (RFC 8461, 3.3, 5.1 and 10.2).
//!
//! # Theory of operation
//!
//! A lookup asks at most two questions: the TXT records of the domain, then the policy over HTTPS.
//! It begins with what the cache holds and may be done before it has asked anything. After each
//! answer it either asks the next question or is done, with the policy to apply (or why there is
//! none), what to remember, and what to report. "Cached" means a policy that has not expired.
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
//! An id is in back-off when its fetch failed, and also when its policy gave way to that of another id
//! soon after its fetch, since name servers disagree: either way no host is asked for it twice in 300 s
//! (RFC 8461, 3.3). Of that are excepted a refresh that the caller forces, a policy whose `max_age` is
//! shorter, and an id that came before more others than [`CacheEntry::MAX_BACK_OFFS`].
//!
//! The id of a policy that has just given way is in back-off too, since name servers may disagree for a
//! while; that alone is not reported.
//!
//! With nothing cached the other purposes go as "deliver", except that the last always asks DNS.
//! Nothing is reported, and nobody alerted, while a policy of mode none is cached.
//!
//! A local fault ([`FetchFailure::LocalFault`], [`TxtFailure::LocalFault`]) is one of the sender: too many
//! open files, no network, a proxy that is down. RFC 8461, 3.3 has a sender go on without a policy that
//! "no policy can be fetched" for; here nobody has tried. So no policy is given up for it, as
//! for DNS that fails: with nothing cached the sender tries again later, as soon as it can.
//!
//! What DNS says alone never extends, ends or weakens a cached policy: its answers are not
//! authenticated, and whoever can suppress the record must not gain by it (RFC 8461, 10.2).

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

/// One policy discovery: says what to ask, is told the answers, ends with an [`Outcome`].
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
/// Of its methods two matter. [`Lookup::poll_output`] says what to do and changes nothing: it
/// says the same until the next input. [`Lookup::handle_input`] is told an answer; one that was not
/// asked for is an error and leaves the lookup as it was.
///
/// A lookup holds no cache, no socket and no clock. Keep the entry wherever you like, and apply
/// [`Outcome::cache_update`] to it. Dropping a lookup half-way is harmless.
///
/// Lookups know nothing of each other: while one goes on, another of the same domain asks the same questions. A server that
/// looks up many messages at once keeps the domains that are being looked up, and lets later messages wait for that outcome;
/// `PolicyService` of `mta-sts-resolver` does.
#[derive(Clone, Debug)]
pub struct Lookup {
    domain: PolicyDomain,
    purpose: Purpose,
    entry: CacheEntry,
    config: LookupConfig,
    record_check: RecordCheck,
    state: State,
}

/// What a lookup is for.
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
    /// A message is to be delivered (RFC 8461, 5.1, step 1).
    // Meets S4, S19, S20, S56, S57, S100, S101, A17, A46, A47, A48.
    // Meets C1, C2, C3, C4, C5, C6, C7, C8, C10, C11, C12, T1.
    Deliver,
    /// A cached policy is to be fetched anew before it expires, whatever its record says
    /// (RFC 8461, 3.3 and 10.2).
    // Meets S98, A45, A48, C9.
    Refresh,
    /// A message is to be returned since no MX host met the policy: has the owner published another
    /// one meanwhile (RFC 8461, 5.1, step 3)?
    ///
    /// [`Delivery::recheck`](crate::Delivery::recheck) says what its outcome means for the message.
    // Meets S78, S80, C13, C14.
    BeforePermanentFailure,
}

/// What the caller does next.
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
    /// Ask DNS for the TXT records of a name, and answer with [`Input::txt`],
    /// [`Input::TxtNotFound`] or [`Input::TxtFailed`].
    QueryTxt(&'a TxtQuery),
    /// Get a policy over HTTPS, and answer with [`Input::Response`] or [`Input::FetchFailed`].
    FetchPolicy(&'a PolicyRequest),
    /// Nothing more: take the outcome with [`Lookup::into_outcome`].
    Done(&'a Outcome),
}

/// The answer to a question.
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
    /// The TXT records of the name, CNAMEs followed: made by [`Input::txt`].
    Txt {
        /// The record among them.
        record: Result<Record, RecordError>,
        /// The shortest TTL on the way to the records.
        ttl: Duration,
    },
    /// DNS says that the name, or the type, does not exist.
    TxtNotFound {
        /// How long this answer may be kept (RFC 2308); zero if DNS did not say.
        ttl: Duration,
    },
    /// DNS said nothing usable.
    TxtFailed(TxtFailure),
    /// What the Policy Host answered, its certificate verified for its name.
    Response(HttpResponse<'a>),
    /// No answer came from the Policy Host, or none that could be trusted.
    FetchFailed(FetchFailure),
}

impl Input<'_> {
    /// The TXT records of the name, CNAMEs followed, and the shortest TTL on the way to them.
    ///
    /// Each item is one TXT RR, its character-strings joined with nothing between (RFC 8461, 3.1). None of them is kept:
    /// the record is picked out of them here, as by [`Record::select`].
    pub fn txt<T: AsRef<[u8]>>(rrs: &[T], ttl: Duration) -> Self {
        Self::Txt { record: Record::select(rrs), ttl }
    }
}

/// A question to DNS: the TXT records of a name.
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
/// Follow CNAMEs, and give the shortest TTL on the way. No answer need be DNSSEC-valid; one that is
/// bogus is a [`TxtFailure::Bogus`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxtQuery {
    name: String,
}

impl TxtQuery {
    /// The name, A-labels, without a trailing dot. It is absolute: no search list applies.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A GET over HTTPS.
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
/// The certificate must be valid for the host name (a DNS-ID, RFC 8461, 3.3), which also stands in
/// SNI. TLS 1.2 or later, no redirect followed, no HTTP cache, no conditional request.
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

    /// The whole URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How long everything may take, from the lookup of the address to the end of the body.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How long the body may be, in octets: stop reading after it, and answer
    /// [`FetchFailure::BodyTooLarge`].
    pub const fn max_body_len(&self) -> usize {
        self.max_body_len
    }
}

/// What a lookup came to.
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
/// Four parts, each for someone else: the delivery, the store, the report, the administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The policy to apply, or why there is none.
    pub applied: Result<AppliedPolicy, NoPolicy>,
    /// What to remember: [`CacheUpdate::apply_to`] the entry that the store holds by now.
    pub cache_update: CacheUpdate,
    /// What to count in TLSRPT (RFC 8461, 6).
    pub failure: Option<PolicyFailure>,
    /// What to tell the administrator (RFC 8461, 3.3 and 10.2).
    pub alert: Option<Alert>,
    /// Whether the domain was asked for a newer policy, and what came of it.
    pub record_check: RecordCheck,
}

/// Whether a lookup has asked the domain for a newer policy than the cached one.
///
/// Before a permanent failure that has to be known: [`Delivery::recheck`](crate::Delivery::recheck).
///
/// What a caller does not know of it counts as [`RecordCheck::Failed`]: no message may be returned for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordCheck {
    /// It has not asked: what was remembered was enough.
    #[default]
    NotMade,
    /// DNS has answered, and the domain has no newer policy than the one of the outcome, which may have been fetched
    /// just now.
    Current,
    /// DNS has not answered, or there is a newer policy that was not fetched.
    Failed,
}

impl Outcome {
    /// The policy to apply, if there is one. Its mode may be testing or none.
    pub fn policy(&self) -> Option<&Policy> {
        self.applied.as_ref().ok().map(|applied| &applied.policy)
    }

    /// Why no policy applies.
    pub fn no_policy(&self) -> Option<NoPolicy> {
        self.applied.as_ref().err().copied()
    }

    /// Whether it is known if a policy applies. Where it is not, the mail waits: to send it as to a domain without MTA-STS
    /// would be what an attacker wants who suppresses the record (RFC 8461, 10.2).
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
    /// Whether it was remembered or has just been fetched.
    pub source: PolicySource,
    /// The id of its record.
    pub id: RecordId,
    /// The last second in which it is in force.
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
    /// Remembered from an earlier fetch.
    Cached,
    /// Fetched by this lookup.
    Fetched,
}

/// Why no policy applies.
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
/// With all of them the mail goes out as if the domain had no MTA-STS (RFC 8461, 3.3), save two.
/// After [`NoPolicy::DnsFailed`] the sender may as well wait, since an attacker could be the reason;
/// after [`NoPolicy::LocalFault`] it waits, since the domain has done nothing wrong.
///
/// A reason that a caller does not know counts as [`NoPolicy::is_temporary`] says.
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
    /// DNS could not tell.
    DnsFailed(TxtFailure),
    /// The domain has a record, and its policy could not be had.
    FetchFailed(FetchFault),
    /// The last fetch failed, and it is too early for another.
    BackingOff {
        /// From then on a lookup fetches again.
        until: UnixTime,
    },
    /// The domain has a record, and its policy was not fetched, for a fault of the sender
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

    /// Whether it is not known if a policy applies: a careful sender tries again later.
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::DnsFailed(_) | Self::LocalFault)
    }

    /// The stable kebab-case word of the reason.
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

/// Why a fetch gave no policy: no answer, or an answer without one.
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
    /// No answer came.
    Failure(FetchFailure),
    /// The answer gave no policy.
    Error(FetchError),
}

impl FetchFault {
    /// The stable kebab-case word of the fault.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Failure(failure) => failure.code(),
            Self::Error(error) => error.code(),
        }
    }

    /// What TLSRPT calls it.
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

/// A failure of policy discovery, to be counted in TLSRPT under policy type `sts`.
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
    /// The lines that were received, errors included, when the body was no valid policy: the
    /// `policy-string` of the report (RFC 8460, 4.4). What is not UTF-8 or a control character is
    /// replaced.
    pub received_lines: ReceivedLines,
}

/// A policy could not be fetched anew. Once is no reason to worry; the count tells.
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
    /// What went wrong this time.
    pub fault: FetchFault,
    /// How many fetches have failed since the last that succeeded, this one included.
    pub failures: u32,
    /// The last second in which the cached policy protects mail.
    pub expires_at: UnixTime,
}

/// How lookups go. Every lookup copies it.
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
    /// What RFC 8461 suggests.
    pub const fn new() -> Self {
        Self { fetch_limits: FetchLimits::new(), back_off: MIN_BACK_OFF }
    }

    /// Sets how long a record id whose fetch failed is left alone. Default 300 s, and never less:
    /// "five minutes or longer" (RFC 8461, 3.3); a day at most.
    ///
    /// While a policy is in force it is half of what remains of it at most: the host may answer again before
    /// that policy lapses.
    // Meets S52, S53, A41.
    #[must_use]
    pub fn with_back_off(mut self, back_off: Duration) -> Self {
        self.back_off = back_off.clamp(MIN_BACK_OFF, MAX_BACK_OFF);
        self
    }

    /// Sets what a fetch may cost, and what of an answer must be right.
    #[must_use]
    pub const fn with_fetch_limits(mut self, limits: FetchLimits) -> Self {
        self.fetch_limits = limits;
        self
    }

    /// What a fetch may cost.
    pub const fn fetch_limits(&self) -> &FetchLimits {
        &self.fetch_limits
    }

    /// How long a record id whose fetch failed is left alone.
    pub const fn back_off(&self) -> Duration {
        self.back_off
    }
}

impl Default for LookupConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// TTLs are clamped: neither a zero nor a week, slip or attack, decides how often we look.
const MIN_TTL: Duration = Duration::from_secs(30);
const MAX_TTL: Duration = Duration::from_secs(3600);

#[derive(Clone, Debug)]
enum State {
    QueryTxt(TxtQuery),
    FetchPolicy {
        request: PolicyRequest,
        /// Under which the policy is stored or the host is left alone: as seen before the fetch.
        id: RecordId,
        checked_until: Option<UnixTime>,
        /// Should the clock step back meanwhile, the time of the answer stands in for it.
        requested_at: UnixTime,
    },
    Done(Outcome),
}

impl Lookup {
    /// Begins a lookup with what the cache holds of the domain.
    ///
    /// It may be done at once: when a cached policy, or the absence of one, was checked recently.
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
            // A lookup that is done at once never needs its questions, so each is made when it is asked.
            state: State::QueryTxt(TxtQuery { name: String::new() }),
        };
        lookup.begin(now);
        lookup
    }

    /// The domain that is looked up.
    pub const fn domain(&self) -> &PolicyDomain {
        &self.domain
    }

    /// What to do next. It says the same until the next input.
    pub fn poll_output(&self) -> Output<'_> {
        match &self.state {
            State::QueryTxt(query) => Output::QueryTxt(query),
            State::FetchPolicy { request, .. } => Output::FetchPolicy(request),
            State::Done(outcome) => Output::Done(outcome),
        }
    }

    /// Takes the answer to the question, and the time at which it came.
    ///
    /// # Errors
    ///
    /// The answer is to a question that was not asked, or the lookup is done. The lookup stays as
    /// it was: [`Lookup::poll_output`] says what it waits for.
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

    /// The outcome, once [`Output::Done`] was polled; [`None`] when an answer is still missing.
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
        // What is fetched is no newer than the request, however long the answer takes (RFC 8461, 3.2: max_age).
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
            // Nobody but the sender has failed, so there is nothing to report.
            let reason_code = (failure != TxtFailure::LocalFault).then(|| failure.code());
            self.cached_without_record(reason_code, checked_until(MIN_TTL, now), now);
        } else {
            self.finish(Err(NoPolicy::DnsFailed(failure)), CacheUpdate::Keep);
        }
    }

    /// A cached policy stays in force without its record; a refresh fetches it all the same, since
    /// otherwise whoever suppresses the record could wait for its end (RFC 8461, 10.2).
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
        // An id whose policy gave way to the cached one is left alone too, and nothing has failed then: its
        // fetch came first, so it is left alone for no longer than this.
        let gave_way_until =
            self.entry.valid_policy(now).map(|cached| cached.fetched_at().saturating_add(MIN_BACK_OFF));
        let failed =
            gave_way_until.is_none_or(|until| back_off.until > until && self.entry.fetch_failures() > 0);
        if cached {
            // Looked at again when the host may be asked again, however long the TTL.
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

    /// A local fault: no host was asked, so nothing has failed that could be reported or left alone.
    fn fetch_not_tried(&mut self, now: UnixTime) {
        self.record_check = RecordCheck::Failed;
        if self.entry.valid_policy(now).is_some() {
            self.apply_cached(self.checked(checked_until(MIN_TTL, now), now), now);
        } else {
            self.finish(Err(NoPolicy::LocalFault), CacheUpdate::Keep);
        }
    }

    /// That the record was looked at is remembered for deliveries alone: before a permanent failure
    /// the lookup changes nothing that it need not change.
    fn checked(&self, until: UnixTime, now: UnixTime) -> CacheUpdate {
        match (self.purpose, self.entry.valid_policy(now)) {
            (Purpose::Deliver, Some(cached)) => {
                CacheUpdate::Checked { id: *cached.id(), checked_at: now, until }
            }
            _ => CacheUpdate::Keep,
        }
    }

    /// What another process wrote, configured with a longer back-off or on a clock that is ahead, counts too.
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

    /// Adds what TLSRPT counts; nothing while a policy of mode none is cached (RFC 8461, 6).
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

/// Whether a time is still to come, and no further ahead than we would have set it: otherwise the
/// clock has stepped back, and the time means nothing.
fn is_ahead(until: UnixTime, now: UnixTime, most: Duration) -> bool {
    until > now && until.saturating_since(now) <= most
}

/// The lines of a body that is no policy.
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
/// Without their ends and without blank lines. Octets that are no UTF-8, and control characters but the tab, are one U+FFFD,
/// however many stand in a row; so they take at most twice the octets of the body.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ReceivedLines {
    // A line feed between two of them.
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

    /// The lines, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n').filter(|line| !line.is_empty())
    }

    /// As [`into_text`](Self::into_text), borrowed.
    #[cfg(feature = "tlsrpt")]
    pub(crate) fn as_text(&self) -> &str {
        &self.text
    }

    /// All of them, with a line feed between two.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl fmt::Debug for ReceivedLines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

/// Gives the text of [`ReceivedLines`] out, piece by piece.
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
