//! MTA-STS (RFC 8461) without I/O: records, policies, MX matching, policy discovery, and delivery decisions.
//!
//! A domain publishes "deliver only over TLS, only to these hosts, only with a valid certificate"; a sending mail
//! server that honours this keeps an attacker on the network path from reading or diverting the mail. This crate
//! implements the rules. It opens no sockets and reads no clock: your mail server does the DNS and HTTPS queries in
//! its own way, and the crate says what to query and what the answers mean.
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
//! - [`Record`] and [`Policy`] parse what the network sent, and report the line and byte of every fault;
//! - [`Lookup`] finds the policy for a message: a cached one, a new one through DNS and HTTPS, or none;
//! - [`CacheEntry`] is what to remember about a domain, with a text form to store it in;
//! - [`PolicyCache`] keeps entries in memory: bounded, and with a schedule for refreshing policies before they
//!   expire;
//! - [`lint`] tells the owner of a domain what is wrong with its record and policy, and how to fix it;
//! - [`Delivery`] decides about each MX host and each session, and returns what TLSRPT counts;
//! - [`tlsrpt::TlsrptRecord`] parses the record that says where a domain wants its TLS reports (RFC 8460); [`tlsrpt`]
//!   reads and writes the reports, explains the failures in them, and tells whether a policy can be enforced;
//! - [`publish`] writes the policy and the record of a domain, and plans changes of them: what to do now, and what later;
//! - [`postfix`] writes a policy as the answer to a TLS policy lookup of Postfix or sendmail.
//!
//! # What it does not do
//!
//! DNS, HTTPS, TLS, SMTP, and reading the clock are left to `mta-sts-resolver` or to your mail server. The crate
//! validates neither DNSSEC nor certificates; it takes the results of that validation as inputs.
//!
//! # Features
//!
//! On by default:
//!
//! - `idna` converts U-labels to A-labels; without it a U-label is an error of its own kind;
//! - `lint` has the module [`lint`], which a mail server that only sends does not need;
//! - `postfix` has the module [`postfix`];
//! - `publish` has the module [`publish`], for the owners of domains;
//! - `tlsrpt` has the reports of RFC 8460 in the module [`tlsrpt`]; the TLSRPT record and the result types are always
//!   available.
//!
//! Off by default: `serde` implements `Serialize` and `Deserialize` for data types (names, ids, modes, results).
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
mod octets;
#[cfg(any(feature = "publish", feature = "tlsrpt"))]
mod order;
mod policy;
#[cfg(feature = "postfix")]
pub mod postfix;
#[cfg(feature = "publish")]
pub mod publish;
mod record;
#[cfg(any(feature = "lint", feature = "publish"))]
mod registry;
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

/// Compiles the driver loop in the README of the project, and the example in that of the crate.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../README.md")]
struct Readme;
