//! MTA-STS (RFC 8461) without I/O: records, policies, MX matching, policy discovery, verdicts.
//!
//! A domain says "only over TLS, only to these hosts, only with a valid certificate"; a sending mail
//! server that asks keeps an attacker on the path from reading or diverting the mail. This crate
//! knows the rules. It opens no socket and reads no clock: you ask DNS and HTTPS, in whatever way
//! your mail server does, and it says what to ask and what the answers mean.
//!
//! ```
//! use mta_sts_core::*;
//! # use core::time::Duration;
//! # fn my_dns(_: &TxtQuery) -> Input<'static> {
//! #     Input::txt(&[b"v=STSv1; id=1"], Duration::from_secs(300))
//! # }
//! # fn my_https(_: &PolicyRequest) -> Input<'static> {
//! #     let body = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n";
//! #     Input::Response(HttpResponse::new(200, body).with_content_type(b"text/plain"))
//! # }
//! # fn now() -> UnixTime { UnixTime::from_secs(1_700_000_000) }
//! # let config = LookupConfig::new();
//! # let mut cached: Option<CacheEntry> = None;
//! let domain = PolicyDomain::of_recipient("alice@example.com")?;
//! let mut lookup = Lookup::new(domain, Purpose::Deliver, cached.as_ref(), now(), &config);
//! let outcome = loop {
//!     let answer = match lookup.poll_output() {
//!         Output::QueryTxt(query) => my_dns(query),
//!         Output::FetchPolicy(request) => my_https(request),
//!         Output::Done(outcome) => break outcome.clone(),
//!     };
//!     lookup.handle_input(answer, now())?;
//! };
//! cached = outcome.cache_update.apply_to(cached, now());
//!
//! let mx = DnsName::parse("mx.example.com")?;
//! let delivery = Delivery::of(&outcome);
//! assert_eq!(delivery.check_mx(&MxHost::new(&mx)).decision, MxDecision::Authenticate(&mx));
//! # assert!(cached.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does
//!
//! - [`Record`] and [`Policy`] read what the network sent, with line and byte of every fault;
//! - [`Lookup`] finds the policy for a message: from the cache, from DNS and HTTPS, or none;
//! - [`CacheEntry`] is what to remember of a domain, and a text to keep it in;
//! - [`PolicyCache`] keeps entries in memory: bounded, and refreshed before they lapse;
//! - [`lint`] tells the owner of a domain what is wrong with what is published, and how to mend it;
//! - [`Delivery`] decides about each MX host and each session, and says what TLSRPT counts;
//! - [`tlsrpt::TlsrptRecord`] reads where a domain wants its TLS reports (RFC 8460), [`tlsrpt`] has the reports, says
//!   what the failures in them mean, and whether a policy can be enforced;
//! - [`postfix`] is a policy as the answer to Postfix's, or sendmail's, TLS policy lookup.
//!
//! # What it does not do
//!
//! DNS, HTTPS, TLS, SMTP, and the clock: `mta-sts-resolver` does, or your mail server. It validates
//! no DNSSEC and no certificate; it takes their results as inputs.
//!
//! # Features
//!
//! On by default:
//!
//! - `idna` turns U-labels into A-labels; without it a U-label is an error of its own kind;
//! - `lint` has the module [`lint`]: a mail server that only sends does without;
//! - `postfix` has the module [`postfix`];
//! - `tlsrpt` has the reports of RFC 8460 in the module [`tlsrpt`]; its record and its words are always there.
//!
//! Off by default: `serde` makes data types (names, ids, modes, results) `Serialize` and `Deserialize`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod cache;
mod delivery;
mod entry;
mod error;
mod field;
#[cfg(feature = "lint")]
pub mod lint;
mod lookup;
mod mx;
mod name;
#[cfg(feature = "tlsrpt")]
mod order;
mod policy;
#[cfg(feature = "postfix")]
pub mod postfix;
mod record;
mod response;
mod time;
pub mod tlsrpt;

pub use cache::{CacheConfig, Evicted, PolicyCache};
pub use delivery::{
    Authentication, CertificateResult, Conclusion, DanePrecedence, DaneResult, DaneState, Delivery,
    EnhancedStatus, HostOutcome, MessageFacts, MessageTls, MxDecision, MxHost, MxVerdict, Plan,
    QueueLifetime, Recheck, Session, SessionDecision, SessionVerdict, TlsMinimum, TlsResult, TlsrptRow,
    dns_id_matches, tls_required_no,
};
pub use entry::{Absence, BackOff, CacheEntry, CacheUpdate, CachedPolicy};
pub use error::{
    EntryError, EntryErrorKind, FetchError, FetchErrorKind, FetchFailure, LookupError, LookupErrorKind,
    NameError, NameErrorKind, NoPolicyKind, PolicyError, PolicyErrorKind, RecordError, RecordErrorKind,
    SessionFault, TxtFailure,
};
pub use lookup::{
    Alert, AppliedPolicy, FetchFault, Input, Lookup, LookupConfig, NoPolicy, Outcome, Output, PolicyFailure,
    PolicyRequest, PolicySource, Purpose, ReceivedLines, RecordCheck, TxtQuery,
};
pub use mx::MxPattern;
pub use name::{DnsName, PolicyDomain};
pub use policy::{Mode, MxPatterns, Policy, Strictness};
pub use record::{Record, RecordId};
pub use response::{FetchLimits, HttpResponse, MissingContentType};
pub use time::UnixTime;
pub use tlsrpt::{PolicyType, ResultType};

/// The driver loop of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
