//! Follows CNAMEs to the records of a name, or to their absence.

use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::failure::{AbsenceKind, DnsAbsence, DnsError, DnsFailure};

/// A response that answers the query, positively or negatively.
pub(super) struct Reply {
    pub(super) message: Message,
    pub(super) authenticated: bool,
}

/// The records that a lookup found.
pub(crate) struct RecordSet {
    /// Their owner after all CNAMEs: lower case, without a trailing dot.
    pub(crate) owner: String,
    pub(super) records: Vec<RData>,
    pub(crate) ttl: Duration,
    pub(crate) authenticated: bool,
}

impl RecordSet {
    pub(super) fn and(mut self, other: Self) -> Self {
        self.records.extend(other.records);
        self.ttl = self.ttl.min(other.ttl);
        self.authenticated &= other.authenticated;
        self
    }
}

/// The chain from the queried name to the owner of the records, over one response or several.
pub(super) struct CnameChain {
    pub(super) target: Name,
    /// The names before the target.
    aliases: Vec<Name>,
    ttl: Duration,
    authenticated: bool,
}

impl CnameChain {
    pub(super) fn new(name: Name) -> Self {
        Self { target: name, aliases: Vec::new(), ttl: Duration::MAX, authenticated: true }
    }

    /// Follows this reply as far as it leads: to the records, to their absence, or to a target (`None`) that must be
    /// queried next. `None` always means at least one more CNAME, so the limit of the chain also limits the queries.
    pub(super) fn follow(
        &mut self,
        reply: &Reply,
        record_type: RecordType,
    ) -> Result<Option<RecordSet>, DnsError> {
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
            // RFC 6604, 3: the response code concerns the last name of the chain.
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

    /// The TTL of an absence (RFC 2308, 5). An SOA of a zone that does not contain the target, such as that of an
    /// earlier name in the chain, is ignored.
    fn negative_ttl(&self, response: &Message) -> Option<Duration> {
        response.authorities.iter().find_map(|record| match &record.data {
            RData::SOA(soa) if record.name.zone_of(&self.target) => {
                Some(ttl(record.ttl).min(ttl(soa.minimum)).min(self.ttl))
            }
            _ => None,
        })
    }
}

pub(super) fn belongs_to(record: &Record, name: &Name) -> bool {
    record.dns_class == DNSClass::IN && record.name == *name
}

/// RFC 2181, 8: a TTL with its highest bit set is zero.
fn ttl(seconds: u32) -> Duration {
    Duration::from_secs(if i32::try_from(seconds).is_ok() { seconds.into() } else { 0 })
}

pub(super) fn host_name(name: &Name) -> String {
    let mut name = name.to_lowercase();
    name.set_fqdn(false);
    name.to_ascii()
}

/// More than the chains of mail providers need, and few enough to query within the deadline.
const MAX_CNAMES: usize = 8;
