//! A DNS server that validates, as far as it can be told from outside.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, ResponseCode};
use mta_sts_core::PolicyDomain;
use mta_sts_resolver::{DaneChecker, DaneCoverage, DaneError, DnsClient};

use crate::dns_server::{Scripted, answer, error, record};

/// Each answer is a line `NAME TYPE FATE [RDATA]`.
/// What has no line is absent, and the absence is signed.
pub(crate) struct Dns {
    pub(crate) server: Scripted,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    fates: BTreeMap<(String, String), Fate>,
}

#[derive(Clone, Default)]
struct Fate {
    word: String,
    records: Vec<String>,
}

impl Dns {
    pub(crate) async fn start(lines: &str) -> Self {
        let shared = Arc::new(Mutex::new(Lines::default()));
        let server = Scripted::start_raw({
            let lines = Arc::clone(&shared);
            move |query, _| lines.lock().unwrap().say(query)
        })
        .await;
        let dns = Self { server, lines: shared };
        dns.set(lines);
        dns
    }

    /// A line takes the place of what was there of its name and type; with a `+` before it, it is added.
    pub(crate) fn set(&self, lines: &str) {
        self.lines.lock().unwrap().set(lines);
    }

    pub(crate) fn client(&self) -> DnsClient {
        self.server.impatient_client()
    }

    pub(crate) fn checker(&self) -> DaneChecker {
        DaneChecker::new(&self.client())
    }

    pub(crate) async fn check(&self, domain: &str) -> Result<DaneCoverage, DaneError> {
        self.checker().check_domain(&PolicyDomain::parse(domain).unwrap(), 25).await
    }

    /// Names and types, in the order in which they were asked for.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        let queries = self.server.seen();
        queries
            .iter()
            .map(|query| (query.queries[0].name.to_ascii(), query.queries[0].query_type.to_string()))
            .collect()
    }
}

impl Lines {
    fn set(&mut self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (is_added, line) = line.strip_prefix('+').map_or((false, line), |line| (true, line));
            let (line, ttl) = line.split_once(" ttl=").unwrap_or((line, "300"));
            let [name, kind, word, ref data @ ..] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let fate = self.fates.entry((name.to_owned(), kind.to_owned())).or_default();
            if !is_added {
                *fate = Fate::default();
            }
            word.clone_into(&mut fate.word);
            if !data.is_empty() {
                let data = data.join(" ").replace("KEY", &"1f".repeat(32));
                fate.records.push(format!("{name} {ttl} IN {kind} {data}"));
            }
        }
    }

    fn say(&self, query: &Message) -> Vec<Vec<u8>> {
        let question = &query.queries[0];
        let name = question.name.to_ascii().to_lowercase();
        let fate = |kind: &str| self.fates.get(&(name.clone(), kind.to_owned())).cloned();
        let Fate { word, records } =
            fate(&question.query_type.to_string()).or_else(|| fate("CNAME")).unwrap_or_default();
        let lines: Vec<_> = records.iter().map(String::as_str).collect();
        let mut response = match word.as_str() {
            "servfail" => error(query, ResponseCode::ServFail, None),
            "bogus" => error(query, ResponseCode::ServFail, Some(6)),
            "refused" => error(query, ResponseCode::Refused, None),
            "nxdomain" => error(query, ResponseCode::NXDomain, None),
            _ => answer(query, &lines),
        };
        response.metadata.authentic_data = word != "unsigned";
        if lines.is_empty() {
            response.add_authority(record("test. 300 IN SOA ns.test. root.test. 1 2 3 4 300"));
        }
        match word.as_str() {
            "silence" => vec![],
            "malformed" => vec![[&query.metadata.id.to_be_bytes()[..], &[0xff; 60]].concat()],
            _ => vec![response.to_vec().unwrap()],
        }
    }
}

/// A domain whose one MX host has it all.
pub(crate) fn covered(host: &str) -> String {
    format!(
        "a.test. MX signed 10 {host}
         {host} A signed 192.0.2.1
         _25._tcp.{host} TLSA signed 3 1 1 KEY"
    )
}
