//! The I/O for `mta-sts-core`: DNS, HTTPS, SMTP, stores, and a policy service for mail servers.
#![forbid(unsafe_code)]

mod check;
mod clock;
mod dane;
mod dns;
mod driver;
mod fetch;
mod file_watch;
mod limiter;
mod local_fault;
mod private_address;
mod service;
mod smtp;
mod store;
mod tls;

pub use check::{
    AliasChain, AliasEnd, CheckFinding, CheckFindingKind, Disagreement, DomainCheck, DomainChecker,
    DomainVerdict, HostCheck, HostDane, HostDecision, HostProbes, IdleHost, IdlePattern, NameServer,
    NameServerAnswer, NameServersCheck, SessionCheck, Standing, StrayRecord, TlsrptCheck, Wildcards,
};
pub use clock::{Clock, SystemClock};
pub use dane::{DaneChecker, DaneCounts, DaneCoverage, DaneError, DaneLookupKind};
pub use dns::{
    AbsenceKind, AddressAnswer, DnsAbsence, DnsClient, DnsConfig, DnsError, DnsFailure, MailHost, MxAnswer,
    MxHosts, MxRecord, TlsaAnswer, TlsaRecord, TxtAnswer,
};
pub use driver::{Discovery, Resolver};
pub use fetch::{
    FetchedResponse, PolicyFetchError, PolicyFetchErrorKind, PolicyFetcher, ReportPostError, ReportPoster,
};
pub use file_watch::FileWatch;
pub use limiter::BusyWith;
pub use service::{
    BusyCounts, DomainEvent, DomainEventKind, PolicyAnswer, PolicyCounts, PolicyService, Purge, RefreshError,
    ServiceConfig, ServiceCounts, StoreState, WaitingCounts, WhyTemporary,
};
pub use smtp::{
    Envelope, InvalidAddress, SmtpClient, SmtpError, SmtpErrorKind, SmtpReply, SmtpSession, SmtpStage,
    StarttlsOutcome,
};
pub use store::{
    EntryStore, LeaseHolder, Leases, Parcel, ParcelClaim, ParcelState, Parcels, StoreCounts, StoreError,
    StoreErrorKind, StoreFuture, Unreadable, UnreadableEntry, merge_entries,
};
#[cfg(feature = "redis")]
pub use store::{InvalidRedisUrl, RedisStore, RedisUrl};
#[cfg(feature = "sqlite")]
pub use store::{SqliteAccess, SqliteConfig, SqliteStore};
pub use tls::{
    CertificateChain, CertificateFault, DeprecatedTlsVersion, MissingIssuer, PeerCertificate, TlsFailure,
    TlsSession, TlsVersion, TrustStore, TrustStoreError,
};
