//! A DNS client with the lookups of a sending mail server: TXT, MX, addresses, and TLSA.
//!
//! Messages are encoded by hickory; the exchange is implemented here, over connected sockets. So a dead server is
//! distinguished from a silent one at once, the AD bit is set in each query, and the contents of negative answers and
//! of Extended DNS Errors are kept.

mod answer;
mod chain;
mod config;
mod exchange;
mod failure;
mod mx_hosts;
mod resolv_conf;
mod silence;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

pub use self::answer::{AddressAnswer, MxAnswer, MxRecord, TlsaAnswer, TlsaRecord, TxtAnswer};
use self::chain::{CnameChain, RecordSet, Reply, belongs_to, host_name};
pub use self::config::DnsConfig;
use self::exchange::{Queries, SentQuery, check_response, exchange_tcp, refuses_edns};
pub use self::failure::{AbsenceKind, DnsAbsence, DnsError, DnsFailure};
pub use self::mx_hosts::{MailHost, MxHosts};
use self::silence::Silence;

/// A DNS client that queries recursive servers, over UDP with EDNS0, and over TCP if a response was truncated.
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
/// A clone is cheap and shares everything. Nothing is cached, and each query has its own socket, port, and id. Names
/// are A-labels and always fully qualified: there is no search list, and every name is answered by the servers only,
/// even `localhost`.
///
/// A server that answers no queries at all is not used until it answers again, which is probed once a second; if there
/// is no other server, a lookup fails at once.
///
/// A server that does not support EDNS is queried without it for ten minutes. Without EDNS there is no DNSSEC status:
/// its answers are never authenticated, and a bogus answer is an ordinary SERVFAIL.
#[derive(Clone)]
pub struct DnsClient {
    shared: Arc<Shared>,
    /// Whether to query only servers whose AD bit is trusted.
    trusted_only: bool,
}

struct Shared {
    config: RwLock<Arc<DnsConfig>>,
    /// Servers without EDNS support, and when this is checked again.
    without_edns: Mutex<HashMap<SocketAddr, Instant>>,
    sockets: Arc<Semaphore>,
    silence: Silence,
}

impl DnsClient {
    /// A client for the servers in `config`.
    pub fn new(config: DnsConfig) -> Self {
        let sockets = Arc::new(Semaphore::new(config.max_sockets()));
        let config = RwLock::new(Arc::new(config));
        Self {
            shared: Arc::new(Shared {
                config,
                without_edns: Mutex::default(),
                sockets,
                silence: Silence::default(),
            }),
            trusted_only: false,
        }
    }

    /// A client for this server, with defaults otherwise.
    pub fn of_server(server: SocketAddr) -> Self {
        Self::new(DnsConfig::new(server))
    }

    /// A client for the servers that the system uses; see [`DnsConfig::from_system`].
    ///
    /// # Errors
    ///
    /// [`DnsFailure::SystemConfiguration`] if the file exists but cannot be read.
    pub fn from_system() -> Result<Self, DnsError> {
        DnsConfig::from_system().map(Self::new)
    }

    /// Reads `resolv.conf` again, for all clones, if the configuration came [from it](DnsConfig::from_system);
    /// otherwise does nothing. Lookups do this on their own when the file has changed, checking at most once a second.
    ///
    /// # Errors
    ///
    /// [`DnsFailure::SystemConfiguration`] if the file cannot be read, or has no servers any more: the configuration is
    /// then unchanged.
    pub fn reload(&self) -> Result<(), DnsError> {
        let config = self.shared.config();
        if let Some(read) = config.read_again() {
            *self.shared.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(read?);
            self.shared.without_edns().clear();
        }
        Ok(())
    }

    /// The servers in use, in order.
    pub fn servers(&self) -> Vec<SocketAddr> {
        self.servers_of(&self.shared.config())
    }

    /// The TXT records of `name`, such as `_mta-sts.example.test`.
    ///
    /// # Errors
    ///
    /// [`DnsError::NotFound`] if there are none, [`DnsError::Failed`] if no server gave an answer.
    // Meets S21, S22, A5.
    pub async fn txt(&self, name: &str) -> Result<TxtAnswer, DnsError> {
        let found = self.lookup(name, RecordType::TXT).await?;
        let records = found.records.iter().filter_map(|data| match data {
            RData::TXT(txt) => Some(txt.txt_data.concat()),
            _ => None,
        });
        Ok(TxtAnswer { records: records.collect(), ttl: found.ttl, authenticated: found.authenticated })
    }

    /// The MX records of `name`. No MX records (RFC 5321, 5.1: the implicit MX) is [`DnsError::NotFound`].
    ///
    /// # Errors
    ///
    /// [`DnsError::NotFound`] if there are none, [`DnsError::Failed`] if no server gave an answer.
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

    /// The hosts to which the mail of a domain goes: those in its MX records, or the domain itself.
    ///
    /// # Errors
    ///
    /// [`DnsError::NotFound`] if the domain does not exist, [`DnsError::Failed`] if no server gave an answer.
    pub async fn mx_hosts(&self, domain: &str) -> Result<MxHosts, DnsError> {
        MxHosts::of(domain, &self.mx(domain).await)
    }

    /// The addresses of `name`: AAAA first, then A, queried concurrently.
    ///
    /// One family is enough: if the other does not exist or its lookup fails, the answer has only the first, unless the
    /// lookup failed because of a local fault.
    ///
    /// # Errors
    ///
    /// [`DnsError::NotFound`] if both families do not exist, [`DnsError::Failed`] if a lookup failed and the other
    /// found nothing.
    pub async fn addresses(&self, name: &str) -> Result<AddressAnswer, DnsError> {
        let [ipv6, ipv4] = self.address_families(name).await;
        let found = match (ipv6, ipv4) {
            (Ok(ipv6), Ok(ipv4)) => ipv6.and(ipv4),
            (Ok(found), Err(DnsError::NotFound(absence))) | (Err(DnsError::NotFound(absence)), Ok(found)) => {
                RecordSet { authenticated: found.authenticated && absence.authenticated, ..found }
            }
            // The addresses whose lookup failed locally may be the only ones that this machine can reach.
            (Ok(_), Err(DnsError::Failed(failure))) | (Err(DnsError::Failed(failure)), Ok(_))
                if failure.is_local() =>
            {
                return Err(failure.into());
            }
            (Ok(found), Err(DnsError::Failed(_))) | (Err(DnsError::Failed(_)), Ok(found)) => {
                RecordSet { authenticated: false, ..found }
            }
            (Err(DnsError::NotFound(ipv6)), Err(DnsError::NotFound(ipv4))) => {
                return Err(ipv6.and(ipv4).into());
            }
            (Err(DnsError::Failed(ipv6)), Err(DnsError::Failed(ipv4))) => return Err(ipv4.or(ipv6).into()),
            (Err(DnsError::Failed(failure)), Err(DnsError::NotFound(_)))
            | (Err(DnsError::NotFound(_)), Err(DnsError::Failed(failure))) => return Err(failure.into()),
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
    /// For DANE, only [authenticated](TlsaAnswer::authenticated) answers count, including negative ones.
    ///
    /// # Errors
    ///
    /// [`DnsError::NotFound`] if there are none, [`DnsError::Failed`] if no server gave an answer.
    pub async fn tlsa(&self, name: &str) -> Result<TlsaAnswer, DnsError> {
        let found = self.lookup(name, RecordType::TLSA).await?;
        let records = found.records.iter().filter_map(|data| match data {
            RData::TLSA(tlsa) => Some(TlsaRecord::from(tlsa)),
            _ => None,
        });
        Ok(TlsaAnswer { records: records.collect(), ttl: found.ttl, authenticated: found.authenticated })
    }

    /// The results of the AAAA and the A lookup of `name`.
    pub(crate) async fn address_families(&self, name: &str) -> [Result<RecordSet, DnsError>; 2] {
        tokio::join!(self.lookup(name, RecordType::AAAA), self.lookup(name, RecordType::A)).into()
    }

    /// The CNAME record of `name` itself.
    pub(crate) async fn alias(&self, name: &str) -> Result<RecordSet, DnsError> {
        self.lookup(name, RecordType::CNAME).await
    }

    /// The target of the CNAME record of `name` itself.
    pub(crate) async fn alias_target(&self, name: &str) -> Result<String, DnsError> {
        let found = self.alias(name).await?;
        let target = found.records.iter().find_map(|data| match data {
            RData::CNAME(target) => Some(host_name(&target.0)),
            _ => None,
        });
        target.ok_or(DnsFailure::Malformed.into())
    }

    /// The name servers of the zone with the apex `name`.
    pub(crate) async fn name_servers(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let found = self.lookup(name, RecordType::NS).await?;
        let servers = found.records.iter().filter_map(|data| match data {
            RData::NS(server) => Some(host_name(&server.0)),
            _ => None,
        });
        Ok(servers.collect())
    }

    /// The records of `name` itself, without following aliases, in the form of a zone file: sorted, without TTLs. Empty
    /// if the server says that there are none.
    pub(crate) async fn records_at(
        &self,
        name: &str,
        record_type: RecordType,
    ) -> Result<Vec<String>, DnsFailure> {
        let name = fully_qualified(name)?;
        let config = self.config();
        let asked = timeout(config.deadline_of_lookup(), self.ask(&config, &name, record_type)).await;
        let reply = asked.unwrap_or_else(|_| Err(self.timed_out()))?;
        let own = reply.message.answers.iter().filter(|record| belongs_to(record, &name));
        let mut records: Vec<_> = own
            .filter(|record| [record_type, RecordType::CNAME].contains(&record.record_type()))
            .map(|record| match &record.data {
                RData::TXT(txt) => format!("\"{}\"", txt.txt_data.concat().escape_ascii()),
                RData::MX(mx) => format!("{} {}", mx.preference, host_name(&mx.exchange)),
                RData::CNAME(target) => format!("an alias of {}", host_name(&target.0)),
                other => other.to_string(),
            })
            .collect();
        records.sort_unstable();
        records.dedup();
        Ok(records)
    }

    /// A client for this server only, with the same time limits.
    pub(crate) fn with_only(&self, server: SocketAddr) -> Self {
        let config = self.config();
        let only = DnsConfig::new(server)
            .with_timeout(config.timeout_of_server())
            .with_attempts(config.attempts_at_server())
            .with_deadline(config.deadline_of_lookup());
        Self::new(only)
    }

    /// A client for the same servers with this deadline for lookups.
    pub(crate) fn within(&self, deadline: Duration) -> Self {
        let config = DnsConfig::clone(&self.config());
        let deadline = config.deadline_of_lookup().min(deadline);
        Self { trusted_only: self.trusted_only, ..Self::new(config.with_deadline(deadline)) }
    }

    /// A client for those servers only whose AD bit is trusted; there may be none, now or after a change.
    ///
    /// If one of them fails, an answer of another server never passes for "not signed".
    pub(crate) fn of_trusted_servers(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), trusted_only: true }
    }

    /// The failure of a lookup that timed out: if all sockets are in use it was waiting for one, which is a local
    /// fault.
    pub(crate) fn timed_out(&self) -> DnsFailure {
        if self.shared.sockets.available_permits() == 0 { NO_SOCKET } else { DnsFailure::Timeout }
    }

    async fn lookup(&self, name: &str, record_type: RecordType) -> Result<RecordSet, DnsError> {
        let config = self.config();
        let mut chain = CnameChain::new(fully_qualified(name)?);
        // Boxed, since many futures contain several lookups.
        let following = Box::pin(async {
            loop {
                let reply = self.ask(&config, &chain.target, record_type).await?;
                if let Some(found) = chain.follow(&reply, record_type)? {
                    return Ok(found);
                }
            }
        });
        timeout(config.deadline_of_lookup(), following).await.unwrap_or_else(|_| Err(self.timed_out().into()))
    }

    /// Queries the servers one after the other, and accepts an answer from any queried one. A server that gave an error
    /// response is not queried again, since it would give the same. Only SERVFAIL may be temporary, so an only server
    /// is queried once more.
    async fn ask(
        &self,
        config: &DnsConfig,
        name: &Name,
        record_type: RecordType,
    ) -> Result<Reply, DnsFailure> {
        let query = Query::query(name.clone(), record_type);
        let silence = &self.shared.silence;
        let mut servers = self.servers_of(config);
        servers.retain(|server| !silence.is_silent(*server));
        let mut may_repeat = servers.len() == 1;
        let mut failure: Option<DnsFailure> = None;
        let mut note = |failed| failure = Some(failure.map_or(failed, |failure| failure.or(failed)));
        let mut queries = Queries::default();
        for _ in 0..config.attempts_at_server() {
            for server in servers.clone() {
                // It may have answered an earlier query late, or have been found silent in the meantime.
                if !servers.contains(&server) || silence.is_silent(server) {
                    continue;
                }
                let with_edns = self.shared.knows_edns(server);
                if let Err(failed) = self.send(config, &mut queries, server, &query, with_edns).await {
                    note(failed);
                    continue;
                }
                let until = Instant::now() + config.timeout_of_server();
                loop {
                    let Ok((sent, received)) = timeout_at(until, queries.receive()).await else {
                        note(DnsFailure::Timeout);
                        silence.suspect(server, &self.shared.sockets, config.timeout_of_server() / 2);
                        break;
                    };
                    let answerer = sent.server;
                    if received.as_ref().map_or_else(|failure| failure.is_answer(), |_| true) {
                        silence.answered(answerer);
                    }
                    match self.settle(config, sent, received, &query).await {
                        Ok(reply) => return Ok(reply),
                        // A verdict of a validator, not a server failure: the next server may not validate at all.
                        Err(bogus @ DnsFailure::Bogus { .. }) => return Err(bogus),
                        Err(failed) => {
                            note(failed);
                            if failed == DnsFailure::ServerFailure && may_repeat {
                                may_repeat = false;
                            } else if failed.is_answer() {
                                servers.retain(|server| *server != answerer);
                            }
                            if answerer == server {
                                break;
                            }
                        }
                    }
                }
            }
        }
        Err(failure.unwrap_or(DnsFailure::Timeout))
    }

    async fn send(
        &self,
        config: &DnsConfig,
        queries: &mut Queries,
        server: SocketAddr,
        query: &Query,
        with_edns: bool,
    ) -> Result<(), DnsFailure> {
        let sockets = &self.shared.sockets;
        // When sockets are scarce, a new query is worth more than a late answer.
        while sockets.available_permits() == 0 && queries.give_up_first() {}
        let waiting = Arc::clone(sockets).acquire_owned();
        // Never closed.
        let Ok(Ok(permit)) = timeout(config.timeout_of_server(), waiting).await else {
            return Err(NO_SOCKET);
        };
        queries.send(SentQuery::new(server, query, with_edns, permit)?).await
    }

    /// The result of a response, after repeating the query without EDNS and over TCP if necessary.
    async fn settle(
        &self,
        config: &DnsConfig,
        sent: SentQuery,
        received: Result<Message, DnsFailure>,
        query: &Query,
    ) -> Result<Reply, DnsFailure> {
        let within = config.timeout_of_server();
        let (mut sent, mut response) = (sent, received?);
        if sent.has_edns() && refuses_edns(&response) {
            let mut queries = Queries::default();
            let SentQuery { server, permit, .. } = sent;
            queries.send(SentQuery::new(server, query, false, permit)?).await?;
            let (plain, received) = timeout(within, queries.receive()).await?;
            (sent, response) = (plain, received?);
            if !refuses_edns(&response) {
                tracing::warn!(
                    %server,
                    "a DNS server does not support EDNS: for ten minutes its answers are not authenticated by DNSSEC, so DANE is not detected"
                );
                self.shared.without_edns().insert(server, Instant::now() + WITHOUT_EDNS);
            }
        }
        if response.metadata.truncation {
            response = timeout(within, exchange_tcp(&sent)).await??;
            if response.metadata.truncation {
                return Err(DnsFailure::Truncated);
            }
        }
        let message = check_response(response, query)?;
        let authenticated = sent.has_edns() && trusts(config, sent.server, &message);
        Ok(Reply { message, authenticated })
    }

    /// The current configuration, after checking `resolv.conf` for changes.
    fn config(&self) -> Arc<DnsConfig> {
        let config = self.shared.config();
        if !config.has_changed() {
            return config;
        }
        let before = config.servers();
        match self.reload() {
            Ok(()) => {
                let servers = self.shared.config().servers();
                if servers != before {
                    tracing::info!(?servers, "resolv.conf has changed: DNS servers now in use");
                }
            }
            Err(error) => {
                tracing::error!(%error, servers = ?before, "resolv.conf has changed and is not usable: the DNS servers are unchanged");
            }
        }
        self.shared.config()
    }

    fn servers_of(&self, config: &DnsConfig) -> Vec<SocketAddr> {
        let mut servers = config.servers();
        servers.retain(|server| !self.trusted_only || config.trusts(*server));
        servers
    }
}

impl fmt::Debug for DnsClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("DnsClient").field(&self.shared.config()).finish()
    }
}

impl Shared {
    fn config(&self) -> Arc<DnsConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn without_edns(&self) -> MutexGuard<'_, HashMap<SocketAddr, Instant>> {
        self.without_edns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows_edns(&self, server: SocketAddr) -> bool {
        self.without_edns().get(&server).is_none_or(|until| *until <= Instant::now())
    }
}

fn trusts(config: &DnsConfig, server: SocketAddr, response: &Message) -> bool {
    config.trusts(server) && response.metadata.authentic_data
}

fn fully_qualified(name: &str) -> Result<Name, DnsFailure> {
    let mut name = Name::from_ascii(name).map_err(|_| DnsFailure::InvalidName)?;
    name.set_fqdn(true);
    if name.is_root() { Err(DnsFailure::InvalidName) } else { Ok(name) }
}

/// RFC 6891, 6.2.2 allows remembering that a server does not support EDNS; the server may be fixed or replaced.
const WITHOUT_EDNS: Duration = Duration::from_secs(600);

/// The error that the system would soon report.
const NO_SOCKET: DnsFailure = DnsFailure::LocalFault { os_error: libc::EMFILE };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ad_bit_counts_on_loopback_and_elsewhere_by_option_only() {
        let [local, local_ipv6, mapped, remote] =
            ["127.0.0.53:53", "[::1]:53", "[::ffff:127.0.0.1]:53", "192.0.2.53:53"]
                .map(|text| text.parse().unwrap());
        let mut authentic = Message::query();
        authentic.metadata.authentic_data = true;
        let config = DnsConfig::new(remote);
        for server in [local, local_ipv6, mapped] {
            assert!(trusts(&config, server, &authentic));
            assert!(!trusts(&config, server, &Message::query()));
        }
        assert!(!trusts(&config, remote, &authentic));
        let credulous = DnsConfig::new(remote).with_danger_trust_ad_bit_of_any_server(true);
        assert!(trusts(&credulous, remote, &authentic));
        assert!(!trusts(&credulous, remote, &Message::query()));
    }

    #[tokio::test]
    async fn who_gets_no_socket_in_time_has_a_local_fault() {
        let config = DnsConfig::new("127.0.0.1:9".parse().unwrap()).with_sockets_at_once(1);
        let short = Duration::from_millis(20);
        for config in [config.clone().with_timeout(short), config.with_deadline(short)] {
            let dns = DnsClient::new(config);
            let _taken = Arc::clone(&dns.shared.sockets).acquire_owned().await.unwrap();
            let failure = dns.txt("a.test").await.unwrap_err();
            assert_eq!(failure, NO_SOCKET.into());
            assert_eq!(dns.addresses("a.test").await.unwrap_err(), failure);
        }
    }

    #[test]
    fn a_client_follows_resolv_conf_and_so_do_its_clones() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resolv.conf");
        std::fs::write(&path, "nameserver 127.0.0.1\n").unwrap();
        let dns = DnsClient::new(DnsConfig::from_resolv_conf(&path).unwrap());
        let (clone, trusted) = (dns.clone(), dns.of_trusted_servers());
        assert_eq!((clone.servers().len(), trusted.servers().len()), (1, 1));

        std::fs::write(&path, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n").unwrap();
        assert_eq!(clone.servers().len(), 1, "nobody has looked");
        dns.reload().unwrap();
        assert_eq!((clone.servers().len(), trusted.servers().len()), (2, 0));
        std::fs::write(&path, "").unwrap();
        assert_eq!(dns.reload().unwrap_err().code(), "system-configuration");
        assert_eq!(clone.servers().len(), 2);

        // On its own, at the next lookup after a second.
        std::fs::write(&path, "nameserver 192.0.2.3\n").unwrap();
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!(clone.config().servers(), ["192.0.2.3:53".parse().unwrap()]);
        assert_eq!(dns.servers(), clone.servers());
    }
}
