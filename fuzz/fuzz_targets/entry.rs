//! Saved entries: read, written, read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::{CacheEntry, CacheUpdate, EntryErrorKind, PolicyDomain, UnixTime};

fuzz_target!(|data: &[u8]| {
    let domain = PolicyDomain::parse("a.test").expect("a domain");
    let entry = match CacheEntry::parse(data, &domain) {
        Ok(entry) => entry,
        Err(error) => {
            assert!(error.offset() <= data.len(), "{error:?}");
            return;
        }
    };
    assert!(entry.back_offs().len() <= CacheEntry::MAX_BACK_OFFS);
    let text = entry.to_text(&domain);
    assert_eq!(CacheEntry::parse(text.as_bytes(), &domain).as_ref(), Ok(&entry));
    let other = PolicyDomain::parse("b.test").expect("a domain");
    let refused = CacheEntry::parse(text.as_bytes(), &other).expect_err("it is of another domain");
    assert_eq!(refused.kind(), EntryErrorKind::OtherDomain);
    // No more is kept than was there, and the domain, which version 1 does not have; the order of the
    // headers may have been another.
    assert!(text.len() <= data.len() + "domain: a.test\n".len(), "{text:?}");

    // To forget what is past is all that happens to an entry of which nothing new is known.
    let fetched_at = entry.policy().map(|policy| policy.fetched_at()).unwrap_or_default();
    let expires_at = entry.policy().map(|policy| policy.expires_at()).unwrap_or_default();
    for now in [UnixTime::default(), fetched_at, expires_at, UnixTime::from_secs(u64::MAX)] {
        let valid = entry.valid_policy(now);
        let kept = CacheUpdate::Keep.apply_to(Some(entry.clone()), now);
        assert_eq!(kept.as_ref().and_then(CacheEntry::policy), valid);
        if let Some(kept) = kept {
            assert_eq!(CacheEntry::parse(kept.to_text(&domain).as_bytes(), &domain).as_ref(), Ok(&kept));
        }
    }
});
