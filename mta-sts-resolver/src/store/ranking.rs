//! The eviction rank of an entry in a bounded store.
//!
//! Attackers can choose the domains that a mail server looks up, and what those publish. So neither age nor mode alone
//! decides: entries without repeated use are evicted first, large before small. The order of eviction is:
//!
//! | order | entry | among equals |
//! |---|---|---|
//! | 1 | in SQLite, one in which nothing has counted for two days; Redis lets them go by itself | |
//! | 2 | without a policy: absent, then backing off | the longest unused |
//! | 3 | with a policy of mode none | the longest unused |
//! | 4 | with a policy of mode testing or enforce, never asked for again | the largest, then testing, then the longest unused |
//! | 5 | asked for again on one day | the largest, then testing, then the longest unused |
//! | 6 | asked for again on several days | testing, then the largest, then the longest unused |

use mta_sts_core::{CacheEntry, Mode};

/// The eviction rank of an entry: the lowest is evicted first. `days` is the number of days on which it was used again.
pub(super) fn rank(entry: &CacheEntry, octets: usize, days: u32) -> i64 {
    let Some(cached) = entry.policy() else { return i64::from(!entry.back_offs().is_empty()) };
    let enforces = match cached.policy().mode() {
        Mode::None => return 2,
        Mode::Testing => 0,
        Mode::Enforce => 1,
    };
    // In powers of two from 1 KiB, so that an attacker gains nothing from one octet less.
    let size = i64::from((octets.saturating_sub(1) / 1024 + 1).ilog2().min(SIZES - 1));
    let smallness = i64::from(SIZES) - 1 - size;
    match days {
        0 | 1 => 100 * i64::from(days + 1) + 2 * smallness + enforces,
        _ => 300 + i64::from(SIZES) * enforces + smallness,
    }
}

const SIZES: u32 = 8;

#[cfg(test)]
mod tests {
    use mta_sts_core::PolicyDomain;

    use super::*;

    fn read(text: &str) -> CacheEntry {
        CacheEntry::parse(text.as_bytes(), &PolicyDomain::parse("a.test").unwrap()).unwrap()
    }

    fn entry(mode: &str) -> CacheEntry {
        let policy = format!("version: STSv1\nmode: {mode}\nmx: mx.a.test\nmax_age: 86400\n");
        let head = "mta-sts-entry 1\nid: 1\nfetched-at: 1700000000\npolicy-length: ";
        read(&format!("{head}{}\n\n{policy}", policy.len()))
    }

    #[test]
    fn what_is_used_and_small_stays() {
        let back_off = read("mta-sts-entry 1\nback-off: 1 1700000000\n\n");
        let (none, testing, enforce) = (entry("none"), entry("testing"), entry("enforce"));
        let order = [
            rank(&back_off, 100, 9),
            rank(&none, 100, 9),
            rank(&enforce, 65_536, 0),
            rank(&enforce, 33_000, 0),
            rank(&testing, 300, 0),
            rank(&enforce, 300, 0),
            rank(&enforce, 65_536, 1),
            rank(&testing, 300, 1),
            rank(&enforce, 300, 1),
            rank(&testing, 300, 2),
            rank(&enforce, 65_536, 2),
            rank(&enforce, 300, 2),
        ];
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(rank(&enforce, 500, 0), rank(&enforce, 300, 0), "an octet less gains nothing");
        assert_eq!(rank(&enforce, 300, 3), rank(&enforce, 300, 2));
    }
}
