//! A complete mail environment on loopback, in one process: an authoritative DNS server, HTTPS Policy Hosts under a throw-away
//! CA, SMTP servers with STARTTLS, and an attacker between them.
//!
//! ```no_run
//! use mta_sts_world::{State, World, WorldConfig};
//!
//! # async fn example() -> Result<(), mta_sts_world::WorldError> {
//! let world = World::start(WorldConfig::default()).await?;
//! for scenario in world.scenarios() {
//!     if scenario.needs_cached_policy {
//!         // ... let the sender look the policy of scenario.domain up, and then:
//!         world.switch(&scenario.name, State::Attack)?;
//!     }
//!     // ... send a message to scenario.recipient by way of world.dns_addr(), world.https_port(), world.smtp_port(),
//!     // trusting world.ca_pem() alone, and compare with scenario.expected.
//! }
//! println!("{:#?}", world.seen().smtp);
//! world.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Nothing leaves the loopback and nothing needs root. Each host has its own address in 127.83.0.0/16; DNS, HTTPS and
//! SMTP have one port each for all hosts, chosen by the system unless [`WorldConfig`] fixes it. Names end in `.test`.
//! TTLs are 60 s, also of negative answers. No answer has a signature; those about the domains that are called signed below
//! have the AD bit, as from a validating resolver. TLSA records stand at port 25 and at the world's SMTP port.
//!
//! # Domains without a scenario
//!
//! | domain | what is special |
//! |---|---|
//! | `split-txt.test` | the record is one RR of three character-strings |
//! | `large-txt.test` | the record does not fit a UDP answer |
//! | `unrelated-txt.test` | two other TXT RRs stand beside the record |
//! | `null-mx.test` | takes no mail (RFC 7505) |
//! | `implicit-mx.test` | has no MX record and is its own MX host (RFC 5321, 5.1) |
//! | `bogus.test` | SERVFAIL with Extended DNS Error 6, also `_mta-sts` and `mta-sts` |
//! | `loop.test` | aliases in a circle, also `_mta-sts` |
//! | `dane.test`, `dane-testing.test` | signed; nobody trusts the MX host's certificate, and its TLSA record is for it; the policy enforces, or is in mode testing |
//! | `dane-mismatch.test` | signed; all is as the policy says, and the TLSA record is for another key |
//! | `dane-bogus.test` | signed; all is as the policy says, and the TLSA lookup is SERVFAIL with Extended DNS Error 6 |
//! | `dane-ports.test` | signed; all is as the policy says, and the TLSA record of port 25 is for the MX host's key, that of the world's SMTP port for another |
//! | `dane-second.test` | signed; all is as the policy says of the preferred MX host, and only the second one has a TLSA record, for a certificate that nobody trusts |
//! | `spotless.test` | signed; the TLSA record matches, there is a TLSRPT record, and both DNS servers are its name servers |
//! | `alias-dangling.test`, `mx-alias-dangling.test` | `mta-sts` and `_smtp._tls`, or the MX host, are aliases of names that do not exist |
//! | `chain-incomplete.test`, `self-signed.test` | the MX host sends a certificate without its issuer's, or one that is signed by itself |
//! | `expires-soon.test` | the certificate of the Policy Host ends in nine days, that of the MX host in five |
//! | `short-lived.test` | the certificates last six days, of which three are left |
//! | `policy-differs.test` | the Policy Host has three addresses: two policies, and one 404 |
//! | `old-lines.test` | the policy names hosts that are gone |
//! | `mx-doubled.test` | one MX host in three records |
//! | `backup-unreachable.test` | mode testing; the policy covers both MX hosts, and the second has no address |
//! | `tls-too-old.test` | the MX host knows no TLS 1.2 |
//! | `record-elsewhere.test`, `record-at-apex.test` | the record is at a name where no sender looks; so is the TLSRPT record of the former |
//! | `tls-deprecated.test` | beside TLS 1.2 and 1.3, `mx1` takes TLS 1.0 and 1.1, `mx2` 1.0, `mx3` 1.1, as far as the ServerHello |
//! | `tls-deprecated-silent.test` | the MX host never answers a client that knows no TLS 1.2; the Policy Host has two addresses |
//! | `sni-needed.test` | without SNI the Policy Host and `mx1` show certificates for other names, and `mx2` ends the handshake |
//! | `sni-refused.test` | without SNI the Policy Host ends the handshake |
//! | `dns-wildcard.test` | a wildcard has the record and the address of the Policy Host |
//! | `delegated-in-part.test` | `mta-sts` is an alias of `sts.hosting.test`, and `_mta-sts` is not |
//! | `provider.test`, `d0.customer.test` and so on | only with [`WorldConfig::customers`]: domains for measurements |
//! | `name-servers-disagree.test` | the second DNS server, at 127.83.0.54 and the same port, has another record |
//! | `tlsrpt-broken.test` | the TLSRPT record has a `rua` that is no URI |
//! | `tlsrpt-mail.test`, `tlsrpt-https.test`, `tlsrpt-both.test` | wants TLS reports by mail, by POST, or by either; mail comes to `mx`, a POST to `rua` |
//! | `tlsrpt-mail-greylisting.test`, `tlsrpt-mail-deferred.test`, `tlsrpt-mail-refused.test`, `tlsrpt-mail-hang.test`, `tlsrpt-mail-reply-lost.test` | the same by mail, with one [`MailReception`] each |
//! | `tlsrpt-https-unavailable.test`, `tlsrpt-https-gone.test`, `tlsrpt-https-busy.test`, `tlsrpt-https-redirect.test`, `tlsrpt-https-slow.test`, `tlsrpt-https-hang.test` | the same by POST: 503, 410, 429, a redirect, an answer after a second, none |
//! | `tlsrpt-https-expired.test`, `tlsrpt-https-untrusted.test` | the certificate of the host for POSTs has expired, or nobody trusts its issuer |
//! | `https-gzip.test`, `https-drip.test`, `https-media-type.test`, `https-two-media-types.test`, `https-too-large.test`, `https-not-found.test`, `https-hang.test`, `https-refused.test` | one [`PolicyHostBehaviour`] each |
#![forbid(unsafe_code)]

mod authority;
mod control;
mod dns;
mod error;
mod https;
mod line;
mod live;
mod plan;
mod reports;
mod scenario;
mod seen;
mod smtp;
mod table;
mod tls;
mod world;
mod zone;

pub use error::WorldError;
pub use https::PolicyHostBehaviour;
pub use reports::{MailReception, ReportHostBehaviour, TlsrptAnswer};
pub use scenario::{
    Channel, Delivery, Expected, Mode, MtaStsOutcome, PolicySource, PolicyType, Reader, Report, ResultType,
    Scenario, State, WhyNone,
};
pub use seen::{DnsQuestion, HttpsRequest, Owner, Seen, SmtpSession, SmtpTls, Transaction, Transport};
pub use world::{World, WorldConfig};
pub use zone::SettableType;
