//! A cache entry as JSON.

use mta_sts_core::{CacheEntry, UnixTime};
use serde::{Deserialize, Serialize};

/// A cache entry. Times are in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Remembered {
    pub(crate) policy: Option<RememberedPolicy>,
    /// The number of failed fetches since the policy was fetched.
    pub(crate) fetch_failures: u32,
    /// The time until which the record is not queried again.
    pub(crate) checked_until: u64,
    /// The absence of a usable record.
    pub(crate) absence: Option<RememberedAbsence>,
    /// The record ids in back-off.
    pub(crate) back_offs: Vec<RememberedBackOff>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct RememberedPolicy {
    pub(crate) mode: String,
    pub(crate) id: String,
    pub(crate) mx: Vec<String>,
    pub(crate) fetched_at: u64,
    pub(crate) expires_at: u64,
    /// Whether it has not expired.
    pub(crate) valid: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct RememberedAbsence {
    pub(crate) code: String,
    pub(crate) until: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct RememberedBackOff {
    pub(crate) id: String,
    pub(crate) until: u64,
}

impl Remembered {
    pub(crate) fn of(entry: &CacheEntry, now: UnixTime) -> Self {
        Self {
            policy: entry.policy().map(|cached| RememberedPolicy {
                mode: cached.policy().mode().to_string(),
                id: cached.id().to_string(),
                mx: cached.policy().mx_patterns().map(|pattern| pattern.to_string()).collect(),
                fetched_at: cached.fetched_at().as_secs(),
                expires_at: cached.expires_at().as_secs(),
                valid: cached.is_valid(now),
            }),
            fetch_failures: entry.fetch_failures(),
            checked_until: entry.checked_until().as_secs(),
            absence: entry.absence().map(|absence| RememberedAbsence {
                code: absence.reason.code().to_owned(),
                until: absence.until.as_secs(),
            }),
            back_offs: entry
                .back_offs()
                .iter()
                .map(|back_off| RememberedBackOff {
                    id: back_off.id.to_string(),
                    until: back_off.until.as_secs(),
                })
                .collect(),
        }
    }
}
