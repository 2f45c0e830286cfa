//! A store as a large provider's would be after some months.

use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use mta_sts_core::{CacheEntry, PolicyDomain};
use mta_sts_resolver::{EntryStore, SqliteConfig, SqliteStore};
use tokio::task::JoinSet;

use crate::Failure;

/// Of a hundred domains, 95 are customers of one of 20 providers, whose policies are the same text for all; the others
/// have a policy of their own.
pub(crate) fn write(file: &Path, domains: usize) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        let store = SqliteStore::open_with(file, SqliteConfig::new().with_max_octets(1 << 30))?;
        let store = Arc::new(store);
        let fetched_at = UNIX_EPOCH.elapsed()?.as_secs() - 3600;
        let mut puts = JoinSet::new();
        for number in 0..domains {
            let (domain, entry) = entry(number, fetched_at)?;
            let store = Arc::clone(&store);
            puts.spawn(async move { store.put(&domain, &entry).await });
            if puts.len() >= AT_ONCE {
                while let Some(put) = puts.join_next().await {
                    put??;
                }
            }
        }
        while let Some(put) = puts.join_next().await {
            put??;
        }
        Ok(())
    })
}

fn entry(number: usize, fetched_at: u64) -> Result<(PolicyDomain, CacheEntry), Failure> {
    let provider = number % 20;
    let mx = if number % 100 < 95 {
        format!(
            "mx: mx1.provider{provider}.test\nmx: mx2.provider{provider}.test\nmx: *.in.provider{provider}.test\n"
        )
    } else {
        format!("mx: mail.d{number}.kept.test\n")
    };
    let policy = format!("version: STSv1\nmode: enforce\n{mx}max_age: 604800\n");
    let domain = PolicyDomain::parse(&format!("d{number}.kept.test"))?;
    let text = format!(
        "mta-sts-entry 2\ndomain: {domain}\nid: 20260101T{provider:06}\nfetched-at: {fetched_at}\npolicy-length: {}\n\n{policy}",
        policy.len()
    );
    let entry = CacheEntry::parse(text.as_bytes(), &domain)?;
    Ok((domain, entry))
}

const AT_ONCE: usize = 2000;
