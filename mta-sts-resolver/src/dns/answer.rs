//! What DNS has of a name.

use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::rr::rdata::TLSA;

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
