//! Names of MTA-STS that only a wildcard of DNS answers for.

use mta_sts_core::PolicyDomain;

use crate::dns::DnsClient;
use crate::driver::Discovery;

/// Which names of the domain have the records of any name below it: those of a wildcard such as `*.example.com`
/// (RFC 4592).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wildcards {
    /// Whether the TXT records at `_mta-sts` are also those of a name that nobody has set up.
    pub record: bool,
    /// Whether the addresses of the Policy Host are also those of such a name.
    pub policy_host: bool,
}

impl Wildcards {
    /// Looks up a name below the domain that nobody has set up, and compares. What cannot be looked up counts as no
    /// wildcard.
    pub(super) async fn find(dns: &DnsClient, domain: &PolicyDomain, discovery: &Discovery) -> Self {
        let unused = format!("{UNUSED_LABEL}.{domain}");
        let record = async {
            let Some(Ok(own)) = &discovery.txt else { return false };
            dns.txt(&unused).await.is_ok_and(|other| sorted(&other.records) == sorted(&own.records))
        };
        let policy_host = async {
            let Some(Ok(own)) = &discovery.policy_host else { return false };
            dns.addresses(&unused).await.is_ok_and(|other| sorted(&other.addresses) == sorted(&own.addresses))
        };
        let (record, policy_host) = tokio::join!(record, policy_host);
        Self { record, policy_host }
    }
}

fn sorted<T: Clone + Ord>(items: &[T]) -> Vec<T> {
    let mut items = items.to_vec();
    items.sort_unstable();
    items
}

/// It says in the logs of name servers what it is for.
const UNUSED_LABEL: &str = "mtasts-check-for-a-wildcard";
