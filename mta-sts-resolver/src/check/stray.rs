//! Finds records at names where no sender looks for them.

use mta_sts_core::PolicyDomain;
use tokio::task::JoinSet;

use crate::dns::DnsClient;

/// A TXT record of MTA-STS or TLSRPT at a wrong name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StrayRecord {
    /// The name of the record.
    pub name: String,
    /// The name where senders look: `_mta-sts` or `_smtp._tls` of the domain.
    pub belongs_to: String,
    /// The record.
    pub txt: Vec<u8>,
}

impl StrayRecord {
    /// Looks for a missing `_mta-sts` record: at the domain itself, at the policy host, with an underscore instead of
    /// the hyphen, and at the name that results if a DNS panel appends the domain to the full name.
    pub(super) async fn of_mta_sts(dns: &DnsClient, domain: &PolicyDomain) -> Vec<Self> {
        let name = domain.txt_name();
        let places = [
            domain.to_string(),
            domain.policy_host(),
            format!("_mta_sts.{domain}"),
            format!("{name}.{domain}"),
        ];
        look_up(dns, &name, "v=STSv1", places.to_vec()).await
    }

    /// Looks for a missing `_smtp._tls` record: at the domain itself, where drafts of RFC 8460 had it, and where a DNS
    /// panel may have put it.
    pub(super) async fn of_tlsrpt(dns: &DnsClient, domain: &PolicyDomain) -> Vec<Self> {
        let Some(name) = domain.tlsrpt_txt_name() else { return Vec::new() };
        let places = [domain.to_string(), format!("_smtp-tlsrpt.{domain}"), format!("{name}.{domain}")];
        look_up(dns, &name, "v=TLSRPTv1", places.to_vec()).await
    }
}

/// Looks at the names in order; returns one record of each.
async fn look_up(dns: &DnsClient, belongs_to: &str, version: &str, places: Vec<String>) -> Vec<StrayRecord> {
    let mut running = JoinSet::new();
    for (place, name) in places.into_iter().enumerate() {
        let dns = dns.clone();
        running.spawn(async move { (place, dns.txt(&name).await, name) });
    }
    let mut asked = running.join_all().await;
    asked.sort_by_key(|(place, ..)| *place);
    let found = asked.into_iter().filter_map(|(_, answer, name)| {
        let mut records = answer.ok()?.records.into_iter();
        let txt = records.find(|txt| txt.starts_with(version.as_bytes()))?;
        Some(StrayRecord { name, belongs_to: belongs_to.to_owned(), txt })
    });
    found.collect()
}
