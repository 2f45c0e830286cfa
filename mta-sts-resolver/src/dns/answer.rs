//! The answers of DNS lookups.

use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::rr::rdata::TLSA;

/// The TXT records of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxtAnswer {
    /// One item for each RR, its character-strings concatenated without separators (RFC 8461, 3.1).
    pub records: Vec<Vec<u8>>,
    /// The smallest TTL of the records and of the CNAMEs that led to them.
    pub ttl: Duration,
    /// Whether all of it is authenticated by DNSSEC: the AD bit of a trusted server.
    pub authenticated: bool,
}

/// The MX records of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxAnswer {
    /// The MX records by preference; those with equal preference in the order received. Empty only
    /// for a null MX.
    pub hosts: Vec<MxRecord>,
    /// The smallest TTL of the records and of the CNAMEs that led to them.
    pub ttl: Duration,
    /// Whether all of it is authenticated by DNSSEC: the AD bit of a trusted server.
    pub authenticated: bool,
}

impl MxAnswer {
    /// Returns whether the domain accepts no mail (RFC 7505): its only MX host is the root.
    pub fn is_null(&self) -> bool {
        self.hosts.is_empty()
    }
}

/// One MX RR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxRecord {
    /// The preference: the host with the lowest is tried first.
    pub preference: u16,
    /// The MX host: lower case, without a trailing dot.
    pub exchange: String,
}

/// The addresses of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressAnswer {
    /// The addresses, never empty: IPv6, then IPv4, each in the order received.
    pub addresses: Vec<IpAddr>,
    /// The smallest TTL of the records and of the CNAMEs that led to them.
    pub ttl: Duration,
    /// Whether both families, or one and the absence of the other, are authenticated by DNSSEC.
    pub authenticated: bool,
}

/// The TLSA records of a port of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsaAnswer {
    /// The records in the order received.
    pub records: Vec<TlsaRecord>,
    /// The smallest TTL of the records and of the CNAMEs that led to them.
    pub ttl: Duration,
    /// Whether all of it is authenticated by DNSSEC: the AD bit of a trusted server.
    pub authenticated: bool,
}

/// One TLSA RR (RFC 6698, 2.1), with its numbers as on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsaRecord {
    /// The certificate usage: PKIX-TA(0), PKIX-EE(1), DANE-TA(2), or DANE-EE(3).
    pub usage: u8,
    /// The selector: Cert(0) or SPKI(1).
    pub selector: u8,
    /// The matching type: Full(0), SHA2-256(1), or SHA2-512(2).
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
