//! The answers of each name server of a domain.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::rr::RecordType;
use mta_sts_core::PolicyDomain;
use tokio::task::JoinSet;

use crate::dns::{AbsenceKind, DnsClient, DnsError, DnsFailure};

/// The answers of the name servers of a domain, queried one by one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NameServersCheck {
    /// The zone that contains the domain.
    pub zone: String,
    /// Its name servers by name; at most 13 were queried, each at one address of each family.
    pub servers: Result<Vec<NameServer>, DnsError>,
}

/// A name server at one of its addresses.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NameServer {
    /// Its name.
    pub name: String,
    /// Its address, or the reason why it has none.
    pub address: Result<IpAddr, DnsError>,
    /// Its answers.
    pub answers: Vec<NameServerAnswer>,
}

/// The answer of a name server about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameServerAnswer {
    /// The queried name.
    pub name: String,
    /// The type of the records: `TXT`, `MX`, `A`, or `AAAA`.
    pub record_type: String,
    /// The records, sorted, including aliases; empty if there are none.
    pub records: Result<Vec<String>, DnsFailure>,
}

/// A query for which the name servers give different answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disagreement {
    /// The name.
    pub name: String,
    /// The type.
    pub record_type: String,
    /// Each answer, with the servers that give it.
    pub answers: Vec<(Vec<String>, Vec<String>)>,
}

impl NameServersCheck {
    /// The queries to which the responding servers give different answers.
    pub fn disagreements(&self) -> Vec<Disagreement> {
        let Ok(servers) = &self.servers else { return Vec::new() };
        let mut found: Vec<Disagreement> = Vec::new();
        for server in servers {
            for answer in &server.answers {
                let Ok(records) = &answer.records else { continue };
                let place = found.iter().position(|known| {
                    (&known.name, &known.record_type) == (&answer.name, &answer.record_type)
                });
                let place = place.unwrap_or_else(|| {
                    found.push(Disagreement {
                        name: answer.name.clone(),
                        record_type: answer.record_type.clone(),
                        answers: Vec::new(),
                    });
                    found.len() - 1
                });
                let answers = &mut found[place].answers;
                match answers.iter_mut().find(|(_, known)| known == records) {
                    Some((who, _)) if who.contains(&server.name) => {}
                    Some((who, _)) => who.push(server.name.clone()),
                    None => answers.push((vec![server.name.clone()], records.clone())),
                }
            }
        }
        found.retain(|question| question.answers.len() > 1);
        found
    }

    /// Queries every name server of the zone for the records of MTA-STS, TLSRPT, and mail.
    pub(super) async fn ask(dns: &DnsClient, domain: &PolicyDomain, port: u16) -> Self {
        let (zone, names) = match zone_of(dns, domain.as_str()).await {
            Ok(found) => found,
            Err(error) => return Self { zone: domain.as_str().to_owned(), servers: Err(error) },
        };
        let policy_host = domain.policy_host();
        let mut questions = vec![
            (domain.txt_name(), RecordType::TXT),
            (domain.as_str().to_owned(), RecordType::MX),
            (policy_host.clone(), RecordType::AAAA),
            (policy_host, RecordType::A),
        ];
        questions.extend(domain.tlsrpt_txt_name().map(|name| (name, RecordType::TXT)));

        let mut running = JoinSet::new();
        for name in names {
            let (dns, questions) = (dns.clone(), questions.clone());
            running.spawn(async move { ask_server(&dns, &name, &questions, port).await });
        }
        let mut servers = running.join_all().await.concat();
        servers.sort_by(|one, two| one.name.cmp(&two.name));
        Self { zone, servers: Ok(servers) }
    }
}

async fn ask_server(
    dns: &DnsClient,
    name: &str,
    questions: &[(String, RecordType)],
    port: u16,
) -> Vec<NameServer> {
    let addresses = match dns.addresses(name).await {
        Ok(answer) => answer.addresses,
        Err(error) => {
            return vec![NameServer { name: name.to_owned(), address: Err(error), answers: Vec::new() }];
        }
    };
    let of_family = |is_ipv6: bool| addresses.iter().copied().find(move |it| it.is_ipv6() == is_ipv6);
    let mut servers = Vec::new();
    for address in [of_family(true), of_family(false)].into_iter().flatten() {
        let server = dns.with_only(SocketAddr::new(address, port));
        let mut answers = Vec::new();
        for (name, record_type) in questions {
            answers.push(NameServerAnswer {
                name: name.clone(),
                record_type: record_type.to_string(),
                records: server.records_at(name, *record_type).await,
            });
            // An unresponsive server will not respond to the rest.
            if let Some(Err(DnsFailure::Timeout)) = answers.last().map(|answer| &answer.records) {
                break;
            }
        }
        servers.push(NameServer { name: name.to_owned(), address: Ok(address), answers });
    }
    servers
}

/// The zone that contains a name, and its name servers.
async fn zone_of(dns: &DnsClient, name: &str) -> Result<(String, Vec<String>), DnsError> {
    let mut zone = name;
    loop {
        match (dns.name_servers(zone).await, zone.split_once('.')) {
            (Ok(mut servers), _) => {
                servers.sort_unstable();
                servers.dedup();
                servers.truncate(MAX_SERVERS);
                return Ok((zone.to_owned(), servers));
            }
            (Err(DnsError::NotFound(absence)), Some((_, parent))) if absence.kind == AbsenceKind::NoData => {
                zone = parent;
            }
            (Err(error), _) => return Err(error),
        }
    }
}

/// As many as fit a response of 512 octets.
const MAX_SERVERS: usize = 13;
