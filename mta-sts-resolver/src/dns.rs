//! The DNS client: TXT, MX, address and TLSA lookups of a sending MTA.
//!
//! The messages are hickory's; the exchange is here, over connected sockets. So a dead server is told at once from a
//! silent one, the AD bit goes out with each query, and what comes back in a negative answer or in an Extended DNS
//! Error is not lost.

mod answer;
mod chain;
mod config;
mod exchange;
mod failure;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::time::timeout;

pub use self::answer::{AddressAnswer, MxAnswer, MxRecord, TlsaAnswer, TlsaRecord, TxtAnswer};
use self::chain::{CnameChain, RecordSet, Reply, belongs_to, host_name};
pub use self::config::DnsConfig;
use self::exchange::{check_response, exchange_tcp, exchange_udp, query_message};
pub use self::failure::{AbsenceKind, DnsAbsence, DnsError, DnsFailure};

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
    /// One family is enough: when the other is missing or its lookup fails, what was found is the answer; save where this
    /// machine failed to ask.
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
            // The addresses that this machine failed to ask for may be the only ones that it can reach.
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

    /// The name that `name` is an alias of, by its own CNAME record.
    pub(crate) async fn alias_target(&self, name: &str) -> Result<String, DnsError> {
        let found = self.alias(name).await?;
        let target = found.records.iter().find_map(|data| match data {
            RData::CNAME(target) => Some(host_name(&target.0)),
            _ => None,
        });
        target.ok_or(DnsFailure::Malformed.into())
    }

    /// The name servers of the zone that begins at `name`.
    pub(crate) async fn name_servers(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let found = self.lookup(name, RecordType::NS).await?;
        let servers = found.records.iter().filter_map(|data| match data {
            RData::NS(server) => Some(host_name(&server.0)),
            _ => None,
        });
        Ok(servers.collect())
    }

    /// The records of `name` itself, aliases not followed, as a zone file has them: sorted, without TTLs. Nothing, where the
    /// server says that there is nothing.
    pub(crate) async fn records_at(
        &self,
        name: &str,
        record_type: RecordType,
    ) -> Result<Vec<String>, DnsFailure> {
        let name = fully_qualified(name)?;
        let asked = timeout(self.config.deadline, self.ask(&name, record_type)).await;
        let reply = asked.unwrap_or(Err(DnsFailure::Timeout))?;
        let own = reply.message.answers.iter().filter(|record| belongs_to(record, &name));
        let mut records: Vec<_> = own
            .filter(|record| [record_type, RecordType::CNAME].contains(&record.record_type()))
            .map(|record| match &record.data {
                RData::TXT(txt) => format!("TXT \"{}\"", txt.txt_data.concat().escape_ascii()),
                RData::MX(mx) => format!("MX {} {}", mx.preference, host_name(&mx.exchange)),
                RData::CNAME(target) => format!("CNAME {}", host_name(&target.0)),
                other => format!("{} {other}", record.record_type()),
            })
            .collect();
        records.sort_unstable();
        records.dedup();
        Ok(records)
    }

    /// A client of this server alone, which asks it as this one asks its own.
    pub(crate) fn with_only(&self, server: SocketAddr) -> Self {
        let mut config = DnsConfig::clone(&self.config);
        config.servers = vec![server];
        Self::new(config)
    }

    /// A client of the same servers whose lookups take no longer than this.
    pub(crate) fn within(&self, deadline: Duration) -> Self {
        let config = DnsConfig::clone(&self.config);
        let deadline = config.deadline.min(deadline);
        Self::new(config.deadline(deadline))
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
        let mut failure: Option<DnsFailure> = None;
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
                    Err(failed) => {
                        failure = Some(failure.map_or(failed, |failure| failure.or(failed)));
                        if !failed.is_answer() {
                            silent.push(server);
                        }
                    }
                }
            }
            servers = silent;
        }
        Err(failure.unwrap_or(DnsFailure::Timeout))
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

fn fully_qualified(name: &str) -> Result<Name, DnsFailure> {
    let mut name = Name::from_ascii(name).map_err(|_| DnsFailure::InvalidName)?;
    name.set_fqdn(true);
    if name.is_root() { Err(DnsFailure::InvalidName) } else { Ok(name) }
}

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
