//! The DNS client: TXT, MX, address and TLSA lookups of a sending MTA.
//!
//! The messages are hickory's; the exchange is here, over connected sockets. So a dead server is told at once from a
//! silent one, the AD bit goes out with each query, and what comes back in a negative answer or in an Extended DNS
//! Error is not lost.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::TLSA;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Asks recursive servers, over UDP with EDNS0, and over TCP when an answer was truncated.
///
/// ```no_run
/// # async fn example() -> Result<(), mta_sts_resolver::DnsError> {
/// use mta_sts_resolver::{DnsClient, DnsError};
///
/// let dns = DnsClient::from_system()?;
/// match dns.txt("_mta-sts.example.test").await {
///     Ok(answer) => println!("{} records for {:?}", answer.records.len(), answer.ttl),
///     Err(DnsError::NotFound(absence)) => println!("none, for {:?}", absence.ttl),
///     Err(DnsError::Failed(failure)) => println!("not known: {}", failure.code()),
/// }
/// # Ok(())
/// # }
/// ```
///
/// A clone is cheap and shares the configuration. Nothing is cached, and each query has a socket, a port and an id of
/// its own. Names are A-labels and always fully qualified: there is no search list, and no name is answered from
/// anything but the servers, not even `localhost`.
#[derive(Clone, Debug)]
pub struct DnsClient {
    config: Arc<DnsConfig>,
}

impl DnsClient {
    /// A client of the servers that `config` names.
    pub fn new(config: DnsConfig) -> Self {
        Self { config: Arc::new(config) }
    }

    /// A client of this one server, all else by default.
    pub fn with_server(server: SocketAddr) -> Self {
        Self::new(DnsConfig::new(server))
    }

    /// A client of the servers that the system uses; see [`DnsConfig::from_system`].
    ///
    /// # Errors
    ///
    /// [`DnsFailure::SystemConfiguration`] when the file is there and cannot be read.
    pub fn from_system() -> Result<Self, DnsError> {
        DnsConfig::from_system().map(Self::new)
    }

    /// The TXT records of `name`, such as `_mta-sts.example.test`.
    ///
    /// # Errors
    ///
    /// [`DnsError::NotFound`] when there is none, [`DnsError::Failed`] when nobody could say.
    // Meets S21, S22, A5.
    pub async fn txt(&self, name: &str) -> Result<TxtAnswer, DnsError> {
        let found = self.lookup(name, RecordType::TXT).await?;
        let records = found.records.iter().filter_map(|data| match data {
            RData::TXT(txt) => Some(txt.txt_data.concat()),
            _ => None,
        });
        Ok(TxtAnswer { records: records.collect(), ttl: found.ttl, authenticated: found.authenticated })
    }

    /// The MX records of `name`. No MX at all (RFC 5321, 5.1: the implicit MX) is [`DnsError::NotFound`].
    ///
    /// # Errors
    ///
    /// [`DnsError::NotFound`] when there is none, [`DnsError::Failed`] when nobody could say.
    pub async fn mx(&self, name: &str) -> Result<MxAnswer, DnsError> {
        let found = self.lookup(name, RecordType::MX).await?;
        let hosts = found.records.iter().filter_map(|data| match data {
            RData::MX(mx) if !mx.exchange.is_root() => {
                Some(MxRecord { preference: mx.preference, exchange: host_name(&mx.exchange) })
            }
            _ => None,
        });
        let mut hosts: Vec<_> = hosts.collect();
        hosts.sort_by_key(|host| host.preference);
        Ok(MxAnswer { hosts, ttl: found.ttl, authenticated: found.authenticated })
    }

    /// The addresses of `name`: AAAA first, then A, both asked at once.
    ///
    /// One family is enough: when the other is missing or its lookup fails, what was found is the answer.
    ///
    /// # Errors
    ///
    /// [`DnsError::NotFound`] when both families are missing, [`DnsError::Failed`] when a lookup failed and the other
    /// found nothing.
    pub async fn addresses(&self, name: &str) -> Result<AddressAnswer, DnsError> {
        let [ipv6, ipv4] = self.address_families(name).await;
        let found = match (ipv6, ipv4) {
            (Ok(ipv6), Ok(ipv4)) => ipv6.and(ipv4),
            (Ok(found), Err(DnsError::NotFound(absence))) | (Err(DnsError::NotFound(absence)), Ok(found)) => {
                RecordSet { authenticated: found.authenticated && absence.authenticated, ..found }
            }
            (Ok(found), Err(DnsError::Failed(_))) | (Err(DnsError::Failed(_)), Ok(found)) => {
                RecordSet { authenticated: false, ..found }
            }
            (Err(DnsError::NotFound(ipv6)), Err(DnsError::NotFound(ipv4))) => {
                return Err(ipv6.and(ipv4).into());
            }
            (Err(DnsError::Failed(failure)), Err(_)) | (Err(_), Err(DnsError::Failed(failure))) => {
                return Err(failure.into());
            }
        };
        let addresses = found.records.iter().filter_map(RData::ip_addr);
        Ok(AddressAnswer {
            addresses: addresses.collect(),
            ttl: found.ttl,
            authenticated: found.authenticated,
        })
    }

    /// The TLSA records (RFC 6698) of `name`, such as `_25._tcp.mx.example.test`.
    ///
    /// Only what is [authenticated](TlsaAnswer::authenticated) counts for DANE, an absence too.
    ///
    /// # Errors
    ///
    /// [`DnsError::NotFound`] when there is none, [`DnsError::Failed`] when nobody could say.
    pub async fn tlsa(&self, name: &str) -> Result<TlsaAnswer, DnsError> {
        let found = self.lookup(name, RecordType::TLSA).await?;
        let records = found.records.iter().filter_map(|data| match data {
            RData::TLSA(tlsa) => Some(TlsaRecord::from(tlsa)),
            _ => None,
        });
        Ok(TlsaAnswer { records: records.collect(), ttl: found.ttl, authenticated: found.authenticated })
    }

    /// The addresses of `name` and the fate of each lookup: AAAA, and A.
    pub(crate) async fn address_families(&self, name: &str) -> [Result<RecordSet, DnsError>; 2] {
        tokio::join!(self.lookup(name, RecordType::AAAA), self.lookup(name, RecordType::A)).into()
    }

    /// The CNAME record of `name` itself.
    pub(crate) async fn alias(&self, name: &str) -> Result<RecordSet, DnsError> {
        self.lookup(name, RecordType::CNAME).await
    }

    /// A client of those servers alone whose AD bit is believed; none if there is no such server.
    ///
    /// Where one of them fails, no other server's answer passes for "not signed".
    pub(crate) fn of_trusted_servers(&self) -> Option<Self> {
        let mut config = DnsConfig::clone(&self.config);
        config.servers.retain(|server| self.config.trusts(*server));
        (!config.servers.is_empty()).then(|| Self::new(config))
    }

    async fn lookup(&self, name: &str, record_type: RecordType) -> Result<RecordSet, DnsError> {
        let mut chain = CnameChain::new(fully_qualified(name)?);
        let following = async {
            loop {
                let reply = self.ask(&chain.target, record_type).await?;
                if let Some(found) = chain.follow(&reply, record_type)? {
                    return Ok(found);
                }
            }
        };
        timeout(self.config.deadline, following).await.unwrap_or(Err(DnsFailure::Timeout.into()))
    }

    /// Asks server after server. One that failed with an answer is not asked again: it would say the same.
    async fn ask(&self, name: &Name, record_type: RecordType) -> Result<Reply, DnsFailure> {
        let query = Query::query(name.clone(), record_type);
        let mut failure = DnsFailure::Timeout;
        let mut servers = self.config.servers.clone();
        for _ in 0..self.config.attempts {
            let mut silent = Vec::new();
            for server in servers {
                match self.ask_server(server, &query).await {
                    Ok(message) => {
                        return Ok(Reply { authenticated: self.trusts(server, &message), message });
                    }
                    // A verdict of a validator, not a fault of a server: the next one may not validate at all.
                    Err(bogus @ DnsFailure::Bogus { .. }) => return Err(bogus),
                    Err(silence) if silence.is_silence() => {
                        if failure.is_silence() {
                            failure = silence;
                        }
                        silent.push(server);
                    }
                    Err(answered) => failure = answered,
                }
            }
            servers = silent;
        }
        Err(failure)
    }

    async fn ask_server(&self, server: SocketAddr, query: &Query) -> Result<Message, DnsFailure> {
        let message = query_message(query);
        let bytes = message.to_vec().map_err(|_| DnsFailure::InvalidName)?;
        let within = self.config.timeout;
        let mut response = timeout(within, exchange_udp(server, &message, &bytes)).await??;
        if response.metadata.truncation {
            response = timeout(within, exchange_tcp(server, &message, &bytes)).await??;
            if response.metadata.truncation {
                return Err(DnsFailure::Truncated);
            }
        }
        check_response(response, query)
    }

    fn trusts(&self, server: SocketAddr, response: &Message) -> bool {
        self.config.trusts(server) && response.metadata.authentic_data
    }
}

/// Whom a [`DnsClient`] asks, and for how long.
///
/// ```
/// use std::time::Duration;
/// use mta_sts_resolver::{DnsClient, DnsConfig};
///
/// let config = DnsConfig::new("127.0.0.53:53".parse()?)
///     .server("192.0.2.53:53".parse()?)
///     .timeout(Duration::from_secs(2));
/// let dns = DnsClient::new(config);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DnsConfig {
    servers: Vec<SocketAddr>,
    timeout: Duration,
    attempts: u32,
    deadline: Duration,
    trust_ad_from_any_server: bool,
}

impl DnsConfig {
    /// One server, and the defaults.
    pub fn new(server: SocketAddr) -> Self {
        Self {
            servers: vec![server],
            timeout: Duration::from_secs(3),
            attempts: 2,
            deadline: Duration::from_secs(10),
            trust_ad_from_any_server: false,
        }
    }

    /// What `/etc/resolv.conf` says now: `nameserver`, and the options `timeout`, `attempts` and `trust-ad`.
    ///
    /// Without the file or a server in it, 127.0.0.1 is asked, as resolv.conf(5) has it. The file is read once.
    ///
    /// # Errors
    ///
    /// [`DnsFailure::SystemConfiguration`] when the file is there and cannot be read.
    pub fn from_system() -> Result<Self, DnsError> {
        match std::fs::read("/etc/resolv.conf") {
            Ok(text) => Ok(Self::from_resolv_conf(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::from_resolv_conf(b"")),
            Err(error) => Err(DnsFailure::SystemConfiguration(error.kind()).into()),
        }
    }

    /// Lines that say nothing to us are passed over, as the system's own resolver does.
    fn from_resolv_conf(text: &[u8]) -> Self {
        let (mut file, _unknown_lines) = resolv_conf::Config::parse_with_errors(text);
        file.glibc_normalize();
        let mut servers: Vec<_> =
            file.nameservers.iter().map(|server| SocketAddr::new(IpAddr::from(server), DNS_PORT)).collect();
        if servers.is_empty() {
            servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DNS_PORT));
        }
        let first = servers.remove(0);
        let mut config = Self::new(first)
            .timeout(Duration::from_secs(file.timeout.into()))
            .attempts(file.attempts)
            .danger_trust_ad_bit_of_any_server(file.trust_ad);
        config.servers.extend(servers);
        config
    }

    /// Adds a server, asked after those before it when they fail.
    #[must_use]
    pub fn server(mut self, server: SocketAddr) -> Self {
        self.servers.push(server);
        self
    }

    /// How long one server may take for one exchange over UDP, and again over TCP. By default 3 s; at 0 every exchange
    /// times out.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often a server that stays silent is asked. By default 2; 0 counts as 1, and more than 5 as 5, as in
    /// resolv.conf(5).
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.clamp(1, 5);
        self
    }

    /// How long a lookup may take in all, with every server, attempt and CNAME. By default 10 s; at 0 every lookup
    /// times out.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Believes the AD bit (RFC 4035, 3.2.3) of servers that are not on loopback too. By default off.
    ///
    /// Whoever can alter packets between this host and such a server can then make any MX or address look
    /// authenticated by DNSSEC. It is for a path that is protected by other means, such as a tunnel or a private wire.
    #[must_use]
    pub fn danger_trust_ad_bit_of_any_server(mut self, trust: bool) -> Self {
        self.trust_ad_from_any_server = trust;
        self
    }

    fn trusts(&self, server: SocketAddr) -> bool {
        self.trust_ad_from_any_server || server.ip().to_canonical().is_loopback()
    }
}

/// The TXT records of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxtAnswer {
    /// One item per RR, its character-strings joined with nothing between them (RFC 8461, 3.1).
    pub records: Vec<Vec<u8>>,
    /// The smallest TTL of the records and of the CNAMEs that led to them.
    pub ttl: Duration,
    /// Whether DNSSEC vouches for all of it: the AD bit of a server that is trusted with it.
    pub authenticated: bool,
}

/// The MX records of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxAnswer {
    /// By preference; equal preferences in the order received. Empty for a null MX, and only then.
    pub hosts: Vec<MxRecord>,
    /// The smallest TTL of the records and of the CNAMEs that led to them.
    pub ttl: Duration,
    /// Whether DNSSEC vouches for all of it: the AD bit of a server that is trusted with it.
    pub authenticated: bool,
}

impl MxAnswer {
    /// Whether the domain says that it takes no mail (RFC 7505): its only MX host is the root.
    pub fn is_null(&self) -> bool {
        self.hosts.is_empty()
    }
}

/// One MX RR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxRecord {
    /// The lower, the earlier it is tried.
    pub preference: u16,
    /// The MX host: lower case, without a trailing dot.
    pub exchange: String,
}

/// The addresses of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressAnswer {
    /// Never empty: IPv6, then IPv4, each in the order received.
    pub addresses: Vec<IpAddr>,
    /// The smallest TTL of the records and of the CNAMEs that led to them.
    pub ttl: Duration,
    /// Whether DNSSEC vouches for both families, or for one and the absence of the other.
    pub authenticated: bool,
}

/// The TLSA records of a port of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsaAnswer {
    /// In the order received.
    pub records: Vec<TlsaRecord>,
    /// The smallest TTL of the records and of the CNAMEs that led to them.
    pub ttl: Duration,
    /// Whether DNSSEC vouches for all of it: the AD bit of a server that is trusted with it.
    pub authenticated: bool,
}

/// One TLSA RR (RFC 6698, 2.1), its numbers as they are on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsaRecord {
    /// PKIX-TA(0), PKIX-EE(1), DANE-TA(2), DANE-EE(3).
    pub usage: u8,
    /// Cert(0), SPKI(1).
    pub selector: u8,
    /// Full(0), SHA2-256(1), SHA2-512(2).
    pub matching_type: u8,
    /// The certificate association data.
    pub data: Vec<u8>,
}

impl From<&TLSA> for TlsaRecord {
    fn from(tlsa: &TLSA) -> Self {
        Self {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching_type: tlsa.matching.into(),
            data: tlsa.cert_data.clone(),
        }
    }
}

/// Why a lookup has no records: they do not exist, or nobody could say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// A server said that there are none. The caller goes on as without them.
    #[error(transparent)]
    NotFound(#[from] DnsAbsence),
    /// No server gave an answer to rely on. The caller tries again later.
    #[error(transparent)]
    Failed(#[from] DnsFailure),
}

impl DnsError {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(absence) => absence.code(),
            Self::Failed(failure) => failure.code(),
        }
    }
}

/// A negative answer (RFC 2308).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", match self.kind {
    AbsenceKind::NoSuchName => "the name does not exist",
    AbsenceKind::NoData => "the name has no record of this type",
})]
pub struct DnsAbsence {
    /// What is absent.
    pub kind: AbsenceKind,
    /// For how long: the smallest of the SOA's TTL, its MINIMUM (RFC 2308, 5), and the TTLs of the CNAMEs that led
    /// here. Without an SOA in the answer it is `None`, and the absence should not be remembered.
    pub ttl: Option<Duration>,
    /// Whether DNSSEC vouches for it: the AD bit of a server that is trusted with it.
    pub authenticated: bool,
}

impl DnsAbsence {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self.kind {
            AbsenceKind::NoSuchName => "no-such-name",
            AbsenceKind::NoData => "no-data",
        }
    }

    /// Both together, as for two types of one name. A name that exists for one type exists.
    fn and(self, other: Self) -> Self {
        let kind = if self.kind == other.kind { self.kind } else { AbsenceKind::NoData };
        let ttl = self.ttl.zip(other.ttl).map(|(one, two)| one.min(two));
        Self { kind, ttl, authenticated: self.authenticated && other.authenticated }
    }
}

/// What a negative answer says is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsenceKind {
    /// NXDOMAIN: the name, with all its types.
    NoSuchName,
    /// NODATA: records of the type asked for.
    NoData,
}

/// Why no server gave an answer to rely on. With several servers, an answer that failed tells more than silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsFailure {
    /// DNSSEC validation failed at the server: SERVFAIL with an Extended DNS Error 6 to 12 (RFC 8914). No other server
    /// was asked. A server that does not say so gives [`DnsFailure::ServerFailure`].
    #[error("DNSSEC validation failed (extended error {info_code})")]
    Bogus {
        /// The INFO-CODE of the Extended DNS Error.
        info_code: u16,
    },
    /// More than eight CNAMEs one after the other.
    #[error("too many CNAMEs")]
    CnameChainTooLong,
    /// CNAMEs that lead back to themselves.
    #[error("a loop of CNAMEs")]
    CnameLoop,
    /// What was asked for is no domain name; nothing was sent.
    #[error("not a domain name")]
    InvalidName,
    /// The server referred to others instead of answering: it is not recursive, or not for us.
    #[error("the server does not resolve names")]
    Lame,
    /// The answer cannot be decoded, or is about something else.
    #[error("malformed answer")]
    Malformed,
    /// REFUSED: the server does not serve us.
    #[error("the server refused")]
    Refused,
    /// A response code that has no word of its own here (RFC 6895, 2.3).
    #[error("response code {0}")]
    ResponseCode(u16),
    /// SERVFAIL.
    #[error("server failure")]
    ServerFailure,
    /// The system's resolver configuration cannot be read.
    #[error("the system's DNS configuration cannot be read: {0}")]
    SystemConfiguration(io::ErrorKind),
    /// No answer in time.
    #[error("timed out")]
    Timeout,
    /// The answer is truncated even over TCP.
    #[error("truncated answer")]
    Truncated,
    /// The server cannot be reached, or hung up.
    #[error("the server cannot be reached: {0}")]
    Unreachable(io::ErrorKind),
}

impl DnsFailure {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bogus { .. } => "bogus",
            Self::CnameChainTooLong => "cname-chain-too-long",
            Self::CnameLoop => "cname-loop",
            Self::InvalidName => "invalid-name",
            Self::Lame => "lame",
            Self::Malformed => "malformed-answer",
            Self::Refused => "refused",
            Self::ResponseCode(_) => "response-code",
            Self::ServerFailure => "servfail",
            Self::SystemConfiguration(_) => "system-configuration",
            Self::Timeout => "timeout",
            Self::Truncated => "truncated-answer",
            Self::Unreachable(_) => "unreachable",
        }
    }

    fn is_silence(self) -> bool {
        matches!(self, Self::Timeout | Self::Unreachable(_))
    }
}

impl From<io::Error> for DnsFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Timeout,
            kind => Self::Unreachable(kind),
        }
    }
}

impl From<tokio::time::error::Elapsed> for DnsFailure {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::Timeout
    }
}

/// A response that answers the question, positively or negatively.
struct Reply {
    message: Message,
    authenticated: bool,
}

/// The records that a lookup came to.
pub(crate) struct RecordSet {
    /// Whose they are, after all CNAMEs: lower case, without a trailing dot.
    pub(crate) owner: String,
    records: Vec<RData>,
    pub(crate) ttl: Duration,
    pub(crate) authenticated: bool,
}

impl RecordSet {
    fn and(mut self, other: Self) -> Self {
        self.records.extend(other.records);
        self.ttl = self.ttl.min(other.ttl);
        self.authenticated &= other.authenticated;
        self
    }
}

/// The way from the name asked for to the name that has the records, over one answer or several.
struct CnameChain {
    target: Name,
    /// The names before the target.
    aliases: Vec<Name>,
    ttl: Duration,
    authenticated: bool,
}

impl CnameChain {
    fn new(name: Name) -> Self {
        Self { target: name, aliases: Vec::new(), ttl: Duration::MAX, authenticated: true }
    }

    /// Goes as far as this reply leads: to the records, to their absence, or to a target (`None`) that must be asked
    /// for. `None` always means at least one CNAME more, so the bound on the chain is a bound on the queries.
    fn follow(&mut self, reply: &Reply, record_type: RecordType) -> Result<Option<RecordSet>, DnsError> {
        self.authenticated &= reply.authenticated;
        let followed = self.aliases.len();
        loop {
            let own = || reply.message.answers.iter().filter(|record| belongs_to(record, &self.target));
            let found: Vec<_> = own().filter(|record| record.record_type() == record_type).collect();
            if !found.is_empty() {
                let ttl = found.iter().map(|record| ttl(record.ttl)).fold(self.ttl, Duration::min);
                let records = found.into_iter().map(|record| record.data.clone()).collect();
                let owner = host_name(&self.target);
                return Ok(Some(RecordSet { owner, records, ttl, authenticated: self.authenticated }));
            }
            let alias = own().find_map(|record| match &record.data {
                RData::CNAME(target) => Some((target.0.clone(), ttl(record.ttl))),
                _ => None,
            });
            match alias {
                Some((target, ttl)) => self.push(target, ttl)?,
                None => break,
            }
        }

        let negative_ttl = self.negative_ttl(&reply.message);
        let kind = if reply.message.metadata.response_code == ResponseCode::NXDomain {
            // RFC 6604, 3: the code is about the last name of the chain.
            AbsenceKind::NoSuchName
        } else if self.aliases.len() > followed && negative_ttl.is_none() {
            return Ok(None);
        } else {
            AbsenceKind::NoData
        };
        Err(DnsAbsence { kind, ttl: negative_ttl, authenticated: self.authenticated }.into())
    }

    fn push(&mut self, mut target: Name, ttl: Duration) -> Result<(), DnsFailure> {
        target.set_fqdn(true);
        let alias = std::mem::replace(&mut self.target, target);
        self.aliases.push(alias);
        self.ttl = self.ttl.min(ttl);
        if self.aliases.contains(&self.target) {
            return Err(DnsFailure::CnameLoop);
        }
        if self.aliases.len() > MAX_CNAMES {
            return Err(DnsFailure::CnameChainTooLong);
        }
        Ok(())
    }

    /// RFC 2308, 5. An SOA of a zone that the target is not in, as of an earlier name in the chain, says nothing of it.
    fn negative_ttl(&self, response: &Message) -> Option<Duration> {
        response.authorities.iter().find_map(|record| match &record.data {
            RData::SOA(soa) if record.name.zone_of(&self.target) => {
                Some(ttl(record.ttl).min(ttl(soa.minimum)).min(self.ttl))
            }
            _ => None,
        })
    }
}

fn fully_qualified(name: &str) -> Result<Name, DnsFailure> {
    let mut name = Name::from_ascii(name).map_err(|_| DnsFailure::InvalidName)?;
    name.set_fqdn(true);
    if name.is_root() { Err(DnsFailure::InvalidName) } else { Ok(name) }
}

fn query_message(query: &Query) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(EDNS_PAYLOAD);
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    // RFC 6840, 5.7: asks for the AD bit of the answer, without the signatures.
    message.metadata.authentic_data = true;
    message.add_query(query.clone());
    message.set_edns(edns);
    message
}

/// The socket is new, so that the port is another one each time, and connected, so that the system drops what comes
/// from elsewhere and reports a port that nobody listens on.
async fn exchange_udp(server: SocketAddr, query: &Message, bytes: &[u8]) -> Result<Message, DnsFailure> {
    let any_address = match server {
        SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any_address, 0)).await?;
    socket.connect(server).await?;
    socket.send(bytes).await?;
    let mut buffer = vec![0; UDP_BUFFER];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let datagram = &buffer[..length];
        // Whoever guesses at the port must guess the id too, before anything of the datagram has an effect.
        if !datagram.starts_with(&query.metadata.id.to_be_bytes()) {
            continue;
        }
        let response = Message::from_vec(datagram).map_err(|_| DnsFailure::Malformed)?;
        if answers(&response, query) {
            return Ok(response);
        }
    }
}

async fn exchange_tcp(server: SocketAddr, query: &Message, bytes: &[u8]) -> Result<Message, DnsFailure> {
    let length = u16::try_from(bytes.len()).map_err(|_| DnsFailure::InvalidName)?;
    let mut stream = TcpStream::connect(server).await?;
    // RFC 7766, 8: the length and the message in one write.
    stream.write_all(&[&length.to_be_bytes(), bytes].concat()).await?;
    let mut buffer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut buffer).await?;
    let response = Message::from_vec(&buffer).map_err(|_| DnsFailure::Malformed)?;
    if answers(&response, query) { Ok(response) } else { Err(DnsFailure::Malformed) }
}

/// Whether it is a response to this query: the id, and the question (RFC 5452, 9.1). A server that did not understand
/// the question may leave it out.
fn answers(response: &Message, query: &Message) -> bool {
    let header = &response.metadata;
    let positive = matches!(header.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
    header.id == query.metadata.id
        && header.message_type == MessageType::Response
        && header.op_code == OpCode::Query
        && (response.queries == query.queries || (response.queries.is_empty() && !positive))
}

/// Passes positive and negative answers, and says what is wrong with the others.
fn check_response(response: Message, query: &Query) -> Result<Message, DnsFailure> {
    match response.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        ResponseCode::ServFail => return Err(server_failure(&response)),
        ResponseCode::Refused => return Err(DnsFailure::Refused),
        other => return Err(DnsFailure::ResponseCode(other.into())),
    }
    if !response.answers.is_empty() {
        let answered = response.answers.iter().any(|record| belongs_to(record, &query.name));
        return if answered { Ok(response) } else { Err(DnsFailure::Malformed) };
    }
    // RFC 2308, 2.2: what tells a referral from NODATA.
    let has = |record_type| response.authorities.iter().any(|record| record.record_type() == record_type);
    if response.metadata.response_code == ResponseCode::NoError
        && !response.metadata.authoritative
        && has(RecordType::NS)
        && !has(RecordType::SOA)
    {
        return Err(DnsFailure::Lame);
    }
    Ok(response)
}

/// RFC 8914, 4: the codes 6 to 12 are those of a validation that came to Bogus.
fn server_failure(response: &Message) -> DnsFailure {
    let options = response.edns.iter().flat_map(|edns| edns.options().get_all(EXTENDED_DNS_ERROR));
    let mut info_codes = options.filter_map(|option| match option {
        EdnsOption::Unknown(_, data) => data.first_chunk().copied().map(u16::from_be_bytes),
        _ => None,
    });
    match info_codes.find(|info_code| (6..=12).contains(info_code)) {
        Some(info_code) => DnsFailure::Bogus { info_code },
        None => DnsFailure::ServerFailure,
    }
}

fn belongs_to(record: &Record, name: &Name) -> bool {
    record.dns_class == DNSClass::IN && record.name == *name
}

/// RFC 2181, 8: a TTL with its highest bit set is zero.
fn ttl(seconds: u32) -> Duration {
    Duration::from_secs(if i32::try_from(seconds).is_ok() { seconds.into() } else { 0 })
}

fn host_name(name: &Name) -> String {
    let mut name = name.to_lowercase();
    name.set_fqdn(false);
    name.to_ascii()
}

const DNS_PORT: u16 = 53;

/// The smallest MTU of IPv6, 1280, less the headers of IPv6 and UDP: an answer of this size is never fragmented.
const EDNS_PAYLOAD: u16 = 1232;

/// Room for servers that send more than they were told to.
const UDP_BUFFER: usize = 4096;

/// More than any chain of mail providers needs, and few enough to be asked for within the deadline.
const MAX_CNAMES: usize = 8;

/// RFC 8914, 2.
const EXTENDED_DNS_ERROR: EdnsCode = EdnsCode::Unknown(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_is_read_as_the_system_reads_it() {
        let config = DnsConfig::from_resolv_conf(
            b"# comment\nsearch corp.test\nnameserver 192.0.2.1\nnameserver 2001:db8::1\nnonsense here\n\
              options ndots:3 timeout:4 attempts:900 trust-ad\n",
        );
        let servers: Vec<_> = config.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[2001:db8::1]:53"]);
        assert_eq!(config.timeout, Duration::from_secs(4));
        assert_eq!(config.attempts, 5);
        assert!(config.trust_ad_from_any_server);
    }

    #[test]
    fn without_a_server_the_local_host_is_asked() {
        let config = DnsConfig::from_resolv_conf(b"");
        assert_eq!(config.servers, ["127.0.0.1:53".parse().unwrap()]);
        assert!(!config.trust_ad_from_any_server);
    }

    #[test]
    fn the_ad_bit_counts_on_loopback_and_elsewhere_by_option_only() {
        let [local, local_ipv6, mapped, remote] =
            ["127.0.0.53:53", "[::1]:53", "[::ffff:127.0.0.1]:53", "192.0.2.53:53"]
                .map(|text| text.parse().unwrap());
        let mut authentic = Message::query();
        authentic.metadata.authentic_data = true;
        let client = DnsClient::with_server(remote);
        for server in [local, local_ipv6, mapped] {
            assert!(client.trusts(server, &authentic));
            assert!(!client.trusts(server, &Message::query()));
        }
        assert!(!client.trusts(remote, &authentic));
        let credulous = DnsClient::new(DnsConfig::new(remote).danger_trust_ad_bit_of_any_server(true));
        assert!(credulous.trusts(remote, &authentic));
        assert!(!credulous.trusts(remote, &Message::query()));
    }
}
