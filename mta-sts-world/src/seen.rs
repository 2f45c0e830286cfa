use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::scenario::Reader;

/// The traffic recorded by the servers of a world since the start or the last reset, each list in chronological order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Questions to the DNS server, including those without a response.
    pub dns: Vec<DnsQuestion>,
    /// Requests to Policy Hosts. A client that does not complete the TLS handshake makes none.
    pub https: Vec<HttpsRequest>,
    /// Connections to SMTP servers.
    pub smtp: Vec<SmtpSession>,
    /// The number of entries that were dropped because a list was full: it holds 4,096.
    pub forgotten: u64,
}

/// One DNS question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsQuestion {
    /// Lower case, without the last dot.
    pub name: String,
    /// `TXT`, `MX`, `A` ...
    pub record_type: String,
    /// The transport.
    pub transport: Transport,
}

/// The transport of a DNS question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Transport {
    Udp,
    Tcp,
}

/// One HTTPS request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpsRequest {
    /// The local address.
    pub address: Ipv4Addr,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The name in the TLS handshake.
    pub sni: String,
    /// `TLSv1.2` or `TLSv1.3`.
    pub tls_version: String,
    /// `Host`, as sent.
    pub host: Option<String>,
    /// `GET` ...
    pub method: String,
    /// The path, with the query if any.
    pub path: String,
    /// Names in lower case, as sent; 64 at most.
    pub headers: Vec<(String, String)>,
    /// The body sent to a host that accepts TLS reports: its first 65,536 octets, in JSON as base64. Other bodies are not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "base64_text")]
    pub body: Vec<u8>,
}

impl HttpsRequest {
    /// The value of a header field, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// One connection to an SMTP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpSession {
    /// The name of the MX host.
    pub host: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The owner of the server.
    pub owner: Owner,
    /// Whether an attacker on the path sees everything that is not encrypted.
    pub attacker_on_path: bool,
    /// Names given in EHLO or HELO before TLS.
    pub ehlo_before_tls: Vec<String>,
    /// Whether STARTTLS was requested, accepted or not.
    pub starttls: bool,
    /// Octets that came in clear after STARTTLS and were discarded (RFC 3207, 4.2).
    pub discarded: usize,
    /// The TLS handshake, if it was completed.
    pub tls: Option<SmtpTls>,
    /// Names given in EHLO or HELO after TLS.
    pub ehlo_after_tls: Vec<String>,
    /// One for each accepted MAIL command.
    pub transactions: Vec<Transaction>,
}

/// A completed TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpTls {
    /// The name in the handshake.
    pub sni: Option<String>,
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
}

/// One mail transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// The whole MAIL line with its parameters.
    pub mail_from: String,
    /// The mailboxes of the accepted RCPT commands.
    pub recipients: Vec<String>,
    /// Whether it came over TLS.
    pub over_tls: bool,
    /// The parties that can read it.
    pub read_by: Reader,
    /// The accepted message: header and body, dots unstuffed, CRLF line ends, 65,536 octets at most.
    pub message: Option<String>,
}

/// The owner of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Owner {
    Recipient,
    Attacker,
}

/// Octets as text.
mod base64_text {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(octets))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map_err(D::Error::custom)
    }
}

/// The recorder of the traffic that the servers see.
#[derive(Debug, Default)]
pub(crate) struct Record {
    seen: Mutex<Journal>,
}

#[derive(Debug, Default)]
struct Journal {
    seen: Seen,
    /// The number of `seen.smtp[0]`; sessions from before a reset have lower numbers.
    first_session: u64,
}

impl Record {
    pub(crate) fn seen(&self) -> Seen {
        self.lock().seen.clone()
    }

    pub(crate) fn reset(&self) {
        let mut journal = self.lock();
        journal.first_session += journal.seen.smtp.len() as u64;
        journal.seen = Seen::default();
    }

    pub(crate) fn dns(&self, question: DnsQuestion) {
        let seen = &mut self.lock().seen;
        push(&mut seen.dns, question, &mut seen.forgotten);
    }

    pub(crate) fn https(&self, request: HttpsRequest) {
        let seen = &mut self.lock().seen;
        push(&mut seen.https, request, &mut seen.forgotten);
    }

    /// Opens the entry of a session, and returns its number.
    pub(crate) fn smtp(&self, session: SmtpSession) -> u64 {
        let mut journal = self.lock();
        let Journal { seen, first_session } = &mut *journal;
        if push(&mut seen.smtp, session, &mut seen.forgotten) {
            *first_session + seen.smtp.len() as u64 - 1
        } else {
            u64::MAX
        }
    }

    /// Changes the entry of a session, unless it was cleared.
    pub(crate) fn smtp_update(&self, number: u64, change: impl FnOnce(&mut SmtpSession)) {
        let mut journal = self.lock();
        let index = number.checked_sub(journal.first_session).and_then(|index| usize::try_from(index).ok());
        if let Some(session) = index.and_then(|index| journal.seen.smtp.get_mut(index)) {
            change(session);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Journal> {
        // Every change is a single push or assignment, so a panic elsewhere leaves nothing half done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push<T>(list: &mut Vec<T>, item: T, forgotten: &mut u64) -> bool {
    let room = list.len() < MAX_ENTRIES;
    if room {
        list.push(item);
    } else {
        *forgotten += 1;
    }
    room
}

const MAX_ENTRIES: usize = 4096;
