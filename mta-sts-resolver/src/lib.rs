//! The I/O around `mta-sts-core`: DNS, HTTPS, SMTP, stores, and a service of policies for mail servers.
#![forbid(unsafe_code)]

mod check;
mod clock;
mod dane;
mod dns;
mod driver;
mod fetch;
mod service;
mod smtp;
mod socketmap;
mod store;
mod tls;
mod turnstile;

pub use check::{
    AliasChain, AliasEnd, CheckFinding, CheckFindingKind, Disagreement, DomainCheck, DomainChecker,
    DomainVerdict, HostCheck, HostDane, HostDecision, IdleHost, IdlePattern, NameServer, NameServerAnswer,
    NameServersCheck, SessionCheck, Standing, TlsrptCheck,
};
pub use dane::{DaneChecker, DaneCounts, DaneCoverage, DaneError, DaneLookupKind};
pub use dns::{
    AbsenceKind, AddressAnswer, DnsAbsence, DnsClient, DnsConfig, DnsError, DnsFailure, MxAnswer, MxRecord,
    TlsaAnswer, TlsaRecord, TxtAnswer,
};
pub use driver::{Discovery, Resolver};
pub use fetch::{FetchedResponse, PolicyFetchError, PolicyFetchErrorKind, PolicyFetcher};
pub use service::{PolicyAnswer, PolicyService, ServiceConfig, ServiceCounts, WhyTemporary};
pub use smtp::{
    Envelope, InvalidAddress, SmtpClient, SmtpError, SmtpErrorKind, SmtpReply, SmtpSession, SmtpStage,
    StarttlsOutcome,
};
pub use socketmap::{
    AnswerCounts, DaneAnswer, DaneLookup, DnsFailureAnswer, MatchNames, OverrideError, Overrides,
    SocketmapConfig, SocketmapCounts, SocketmapListener, SocketmapServer, Zone, Zones,
};
#[cfg(feature = "sqlite")]
pub use store::SqliteStore;
pub use store::{EntryStore, LeaseHolder, Leases, StoreError, StoreErrorKind, StoreFuture};
#[cfg(feature = "redis")]
pub use store::{InvalidRedisUrl, RedisStore, RedisUrl};
pub use tls::{
    CertificateChain, CertificateFault, MissingIssuer, PeerCertificate, TlsFailure, TlsSession, TlsVersion,
    TrustStore, TrustStoreError,
};
