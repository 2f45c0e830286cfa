use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
use hickory_proto::rr::rdata::{A, CNAME, MX, NS, SOA, TLSA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::reports::TlsrptAnswer;
use crate::scenario::{States, When};

/// All records of the world, including the faulty ones.
#[derive(Debug, Default)]
pub(crate) struct Zone {
    entries: Vec<Entry>,
    /// The places of the entries of each name, in the canonical order of DNS: names below a name follow it (RFC 4034, 6.1).
    places: BTreeMap<Name, Vec<usize>>,
    has_wildcard: bool,
    /// Domains that are signed, with all names below them.
    signed: Vec<Name>,
    /// TXT records that a test has replaced, until the next reset.
    instead: Mutex<BTreeMap<Name, TlsrptAnswer>>,
    /// Records of one type at a name, of any domain, that a test has set, until the next reset.
    set: Mutex<BTreeMap<(Name, RecordType), Vec<RData>>>,
}

/// A type of records that a test can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum SettableType {
    /// `192.0.2.1`.
    A,
    /// `10 mx.example.com`.
    Mx,
    /// The text.
    Txt,
}

/// The DNS response to a question.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) code: ResponseCode,
    pub(crate) answers: Vec<Record>,
    /// The SOA record, for a negative answer (RFC 2308, 3).
    pub(crate) authority: Option<Record>,
    /// RFC 8914: the INFO-CODE of an Extended DNS Error.
    pub(crate) extended_error: Option<u16>,
    /// Whether a validating resolver would set the AD bit: each name in the chain is signed.
    pub(crate) authentic: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Data {
    A(Ipv4Addr),
    Mx(u16, String),
    Ns(String),
    /// The character-strings of one RR.
    Txt(Vec<String>),
    Cname(String),
    /// DANE-EE(3) SPKI(1) SHA2-256(1), and the digest.
    Tlsa([u8; 32]),
    Fault(RecordType, Fault),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// SERVFAIL, with an Extended DNS Error if there is a number.
    ServFail(Option<u16>),
    /// No response is sent.
    Silence,
}

impl Fault {
    /// A validating resolver has found the data forged or broken (RFC 8914, 4.7).
    pub(crate) const BOGUS: Self = Self::ServFail(Some(6));
}

/// One of the two DNS servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DnsServer {
    First,
    Second,
}

#[derive(Debug)]
struct Entry {
    name: Name,
    data: Data,
    when: When,
    /// The servers that have it; both by default.
    server: Option<DnsServer>,
}

/// The records in force at one of the servers at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Now<'s> {
    pub(crate) states: &'s States,
    pub(crate) server: DnsServer,
}

impl Now<'_> {
    fn has(self, entry: &Entry) -> bool {
        entry.when.holds(self.states) && entry.server.is_none_or(|server| server == self.server)
    }
}

impl Zone {
    pub(crate) fn add(&mut self, name: &str, data: Data, when: When) {
        self.push(Entry { name: absolute(name), data, when, server: None });
    }

    pub(crate) fn add_at(&mut self, server: DnsServer, name: &str, data: Data) {
        let (name, when) = (absolute(name), When::Always);
        self.push(Entry { name, data, when, server: Some(server) });
    }

    fn push(&mut self, entry: Entry) {
        self.has_wildcard |= entry.name.is_wildcard();
        self.places.entry(entry.name.clone()).or_default().push(self.entries.len());
        self.entries.push(entry);
    }

    /// Marks a domain as signed; only the AD bit of responses shows it.
    pub(crate) fn sign(&mut self, domain: &str) {
        self.signed.push(absolute(domain));
    }

    /// Answers as an authority for all names, and follows aliases; `None` means no response.
    pub(crate) fn answer(&self, question: &Name, kind: RecordType, now: Now<'_>) -> Option<Answer> {
        let mut answer = Answer { authentic: true, ..Answer::default() };
        let mut name = question.to_lowercase();
        if let Some(instead) = self.instead(&name).filter(|_| kind == RecordType::TXT) {
            return instead.answer(name);
        }
        for _ in 0..MAX_ALIASES {
            answer.authentic &= self.signed.iter().any(|domain| domain.zone_of(&name));
            match self.fault(&name, kind, now) {
                Some(Fault::Silence) => return None,
                Some(Fault::ServFail(extended_error)) => {
                    let code = ResponseCode::ServFail;
                    return Some(Answer { code, extended_error, ..Answer::default() });
                }
                None => {}
            }
            if let Some(set) = self.set(&name, kind) {
                answer.answers.extend(set);
                if answer.answers.is_empty() {
                    let others = self.records(&name, now);
                    let exists = others.iter().any(|record| record.record_type() != kind)
                        || self.has_descendant(&name, now)
                        || self.is_set(&name);
                    answer.authority = Some(start_of_authority());
                    answer.code = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
                }
                return Some(answer);
            }
            let here = self.records_or_wildcard(&name, now);
            let alias = here.iter().find_map(|record| match &record.data {
                RData::CNAME(CNAME(target)) if kind != RecordType::CNAME => Some(target.clone()),
                _ => None,
            });
            let wanted = if alias.is_some() { RecordType::CNAME } else { kind };
            let exists = !here.is_empty() || self.has_descendant(&name, now) || self.is_set(&name);
            let found = here.into_iter().filter(|record| record.record_type() == wanted);
            let before = answer.answers.len();
            answer.answers.extend(found);
            let Some(target) = alias else {
                if answer.answers.len() == before {
                    answer.authority = Some(start_of_authority());
                    answer.code = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
                }
                return Some(answer);
            };
            name = target.to_lowercase();
        }
        Some(answer)
    }

    /// All records in force now, in the format of a zone file; faults are comments.
    pub(crate) fn text(&self, states: &States) -> String {
        let now = Now { states, server: DnsServer::First };
        let mut text = format!("; every name of this world, as it is now\n{}\n", start_of_authority());
        for entry in self.entries.iter().filter(|entry| now.has(entry)) {
            let line = match &entry.data {
                Data::Fault(kind, fault) => format!("; {} {kind}: {fault:?}", entry.name),
                Data::A(address) => format!("{} {TTL} IN A {address}", entry.name),
                Data::Mx(preference, host) => {
                    format!("{} {TTL} IN MX {preference} {}", entry.name, absolute(host))
                }
                Data::Ns(server) => format!("{} {TTL} IN NS {}", entry.name, absolute(server)),
                Data::Cname(target) => format!("{} {TTL} IN CNAME {}", entry.name, absolute(target)),
                Data::Tlsa(digest) => format!("{} {TTL} IN TLSA {}", entry.name, tlsa(digest)),
                Data::Txt(strings) => {
                    let quoted: Vec<_> = strings.iter().map(|string| format!("{string:?}")).collect();
                    format!("{} {TTL} IN TXT {}", entry.name, quoted.join(" "))
                }
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// Replaces the response for the TXT records of a name until the next reset.
    pub(crate) fn replace_txt(&self, name: &str, answer: TlsrptAnswer) -> Option<()> {
        let name = parse(name)?.to_lowercase();
        self.instead.lock().unwrap_or_else(PoisonError::into_inner).insert(name, answer);
        Some(())
    }

    /// Sets the records of one type at a name until the next reset; `None` if the name or a record is not valid.
    pub(crate) fn set_records(&self, name: &str, kind: SettableType, records: &[String]) -> Option<()> {
        let data = records.iter().map(|record| kind.parse(record)).collect::<Option<Vec<_>>>()?;
        let name = parse(name)?.to_lowercase();
        self.set.lock().unwrap_or_else(PoisonError::into_inner).insert((name, kind.record_type()), data);
        Some(())
    }

    fn set(&self, name: &Name, kind: RecordType) -> Option<Vec<Record>> {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let data = set.get(&(name.clone(), kind))?;
        Some(data.iter().map(|data| Record::from_rdata(name.clone(), TTL, data.clone())).collect())
    }

    /// Whether there are such records at a name, or below it.
    fn is_set(&self, name: &Name) -> bool {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.iter().any(|((set, _), data)| name.zone_of(set) && !data.is_empty())
    }

    pub(crate) fn reset(&self) {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.instead.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn instead(&self, name: &Name) -> Option<TlsrptAnswer> {
        self.instead.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn fault(&self, name: &Name, kind: RecordType, now: Now<'_>) -> Option<Fault> {
        self.at(name, now).find_map(|entry| match entry.data {
            Data::Fault(of, fault) if of == kind || of == RecordType::ANY => Some(fault),
            _ => None,
        })
    }

    fn records(&self, name: &Name, now: Now<'_>) -> Vec<Record> {
        let mut records: Vec<_> = self
            .at(name, now)
            .filter_map(|entry| Some(Record::from_rdata(name.clone(), TTL, entry.data.rdata()?)))
            .collect();
        if *name == apex() {
            records.push(start_of_authority());
        }
        records
    }

    /// The records of a name; those of the wildcard at its closest existing ancestor if it does not exist (RFC 4592, 3.3).
    fn records_or_wildcard(&self, name: &Name, now: Now<'_>) -> Vec<Record> {
        let exists = |name: &Name| self.at(name, now).next().is_some() || self.has_descendant(name, now);
        if !self.has_wildcard || exists(name) {
            return self.records(name, now);
        }
        let mut ancestor = name.base_name();
        while !ancestor.is_root() && !exists(&ancestor) {
            ancestor = ancestor.base_name();
        }
        let Ok(wildcard) = ancestor.prepend_label("*") else { return Vec::new() };
        let mut records = self.records(&wildcard, now);
        for record in &mut records {
            record.name = name.clone();
        }
        records
    }

    fn at<'z>(&'z self, name: &'z Name, now: Now<'z>) -> impl Iterator<Item = &'z Entry> {
        let here = self.places.get(name).into_iter().flatten().map(|place| &self.entries[*place]);
        here.filter(move |entry| now.has(entry))
    }

    /// An empty non-terminal exists (RFC 8020, 2).
    fn has_descendant(&self, name: &Name, now: Now<'_>) -> bool {
        let from_here = self.places.range(name..).take_while(|(below, _)| name.zone_of(below));
        from_here
            .flat_map(|(_, places)| places)
            .map(|place| &self.entries[*place])
            .any(|entry| now.has(entry) && !matches!(entry.data, Data::Fault(..)))
    }
}

impl SettableType {
    const fn record_type(self) -> RecordType {
        match self {
            Self::A => RecordType::A,
            Self::Mx => RecordType::MX,
            Self::Txt => RecordType::TXT,
        }
    }

    fn parse(self, record: &str) -> Option<RData> {
        Some(match self {
            Self::A => RData::A(A(record.parse().ok()?)),
            Self::Mx => {
                let (preference, host) = record.split_once(' ')?;
                RData::MX(MX::new(preference.parse().ok()?, parse(host)?))
            }
            Self::Txt => RData::TXT(text(record)),
        })
    }
}

/// A text in character-strings, which have 255 octets at most (RFC 1035, 3.3).
fn text(text: &str) -> TXT {
    TXT::new(text.as_bytes().chunks(255).map(|part| String::from_utf8_lossy(part).into_owned()).collect())
}

impl TlsrptAnswer {
    /// The DNS response for the TXT records of this name.
    fn answer(self, name: Name) -> Option<Answer> {
        let without_answers = |code| Answer { code, ..Answer::default() };
        match self {
            Self::Record(record) => {
                let answers = vec![Record::from_rdata(name, TTL, RData::TXT(text(&record)))];
                Some(Answer { answers, ..Answer::default() })
            }
            Self::NoRecord => {
                let authority = Some(start_of_authority());
                Some(Answer { authority, ..without_answers(ResponseCode::NXDomain) })
            }
            Self::Failure => Some(without_answers(ResponseCode::ServFail)),
            Self::Silence => None,
        }
    }
}

impl Data {
    fn rdata(&self) -> Option<RData> {
        Some(match self {
            Self::A(address) => RData::A(A(*address)),
            Self::Mx(preference, host) => RData::MX(MX::new(*preference, absolute(host))),
            Self::Ns(server) => RData::NS(NS(absolute(server))),
            Self::Txt(strings) => RData::TXT(TXT::new(strings.clone())),
            Self::Cname(target) => RData::CNAME(CNAME(absolute(target))),
            Self::Tlsa(digest) => {
                RData::TLSA(TLSA::new(CertUsage::DaneEe, Selector::Spki, Matching::Sha256, digest.to_vec()))
            }
            Self::Fault(..) => return None,
        })
    }
}

fn tlsa(digest: &[u8; 32]) -> TLSA {
    TLSA::new(CertUsage::DaneEe, Selector::Spki, Matching::Sha256, digest.to_vec())
}

fn start_of_authority() -> Record {
    let data = SOA::new(absolute("ns.test"), absolute("hostmaster.test"), 1, 3600, 600, 86400, NEGATIVE_TTL);
    Record::from_rdata(apex(), NEGATIVE_TTL, RData::SOA(data))
}

fn apex() -> Name {
    absolute("test")
}

fn absolute(name: &str) -> Name {
    parse(name).expect("every name comes from the table of this crate, which is tested")
}

fn parse(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).ok()?;
    name.set_fqdn(true);
    Some(name)
}

const TTL: u32 = 60;
const NEGATIVE_TTL: u32 = 60;
const MAX_ALIASES: usize = 8;
