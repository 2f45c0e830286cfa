//! Sessions of other days in a tally, for what sends reports.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::path::Path;
use std::time::UNIX_EPOCH;

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{Datagram, ReportSender, Tally, TallyConfig};
use mta_sts_reporter::{ReportStore, ReportStoreConfig};

/// The tally of `tls@sender.test` in this file.
pub(crate) fn open(path: impl AsRef<Path>) -> ReportStore {
    ReportStore::open(path, ReportStoreConfig::new(sender())).unwrap()
}

/// Saves a session with each of these domains, so many days ago. By a tally of its own: one that has seen today would take it for a clock
/// that was set back.
pub(crate) fn count(store: &ReportStore, domains: &[&str], days_ago: u64) {
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs() - days_ago * 86_400;
    let mut tally = Tally::new(TallyConfig::new(7, sender()));
    for domain in domains {
        for event in Datagram::parse(datagram(domain).as_bytes()).unwrap().events() {
            tally.count(&event, UnixTime::from_secs(now));
        }
    }
    store.merge(&tally);
    store.save().unwrap();
}

fn sender() -> ReportSender {
    ReportSender::new("tls@sender.test", "Sender Inc.").unwrap()
}

/// What libtlsrpt sends of a session without a policy that went well.
pub(crate) fn datagram(domain: &str) -> String {
    format!(
        r#"{{"d":"{domain}","pr":"v=TLSRPTv1; rua=mailto:tls@{domain}","policies":[
        {{"policy-type":9,"policy-domain":"{domain}","t":0,"f":0}}]}}"#
    )
}
