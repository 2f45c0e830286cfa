//! Saved histories of what a domain has published: read, written, read again; and bounded whatever is noted after that.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::publish::History;
use mta_sts_core::{DnsName, Policy, UnixTime};

fuzz_target!(|data: &[u8]| {
    let mut history = match History::parse(data) {
        Ok(history) => history,
        Err(error) => {
            assert!(error.offset() <= data.len(), "{error:?}");
            return;
        }
    };
    check(&history);
    let policies: Vec<_> = (0..3)
        .map(|number| format!("version: STSv1\nmode: enforce\nmx: mx{number}.test\nmax_age: 604800\n"))
        .map(|text| Policy::parse(text.as_bytes()).expect("a policy"))
        .collect();
    let host = [DnsName::parse("mx0.test").expect("a name")];
    for (now, policy) in [0, 1_700_000_000, 1, u64::MAX, 0].into_iter().zip(policies.iter().cycle()) {
        let now = UnixTime::from_secs(now);
        history.note_policy(Some(policy), now);
        history.note_record(Some(&"1".parse().expect("an id")), now);
        history.note_hosts(&host, now);
        check(&history);
        history.note_policy(None, now);
        history.note_record(None, now);
        history.note_hosts(&[], now);
        check(&history);
    }
});

fn check(history: &History) {
    assert!(history.policies().len() <= History::MAX_POLICIES);
    assert!(history.records().len() <= History::MAX_POLICIES);
    assert!(history.hosts().len() <= History::MAX_HOSTS);
    let text = history.to_text();
    let read = History::parse(text.as_bytes()).expect("what was written is read");
    assert_eq!(read, *history);
    assert_eq!(read.to_text(), text);
}
