//! What a domain has published, and when.

use std::ffi::{CString, c_char};
use std::mem::{self, MaybeUninit};
use std::sync::OnceLock;

use mta_sts_core::publish::{History, SeenHost, SeenRecord, ServedPolicy};
use mta_sts_core::{PolicyDomain, UnixTime};

use crate::guard::{self, Guarded};
use crate::name::host_names;
use crate::pointer::{give, octets, string};
use crate::policy::{mtasts_mode, mtasts_policy, number_of_mode};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string, mtasts_text};

/// What a domain has published, and when: its policies, the ids of its record, and its MX hosts. From it follows what senders
/// may still hold, so keep it: save mtasts_history_text() after each change.
///
/// Note what is published whenever it changes, or whenever it was looked at: what has not changed is no change. What is taken
/// from it is valid until the next change. It holds at most 64 policies, 64 ids and 1024 hosts; of a policy that it forgets it
/// knows until when senders may hold it.
pub struct mtasts_history {
    history: Guarded<History>,
    domain: CString,
    // Created on first use: a plan needs none of it.
    shown: OnceLock<Box<Shown>>,
}

/// A policy that is or was served. It belongs to its mtasts_history.
pub struct mtasts_served_policy {
    id: CString,
    mode: mtasts_mode,
    max_age: u64,
    patterns: Vec<CString>,
    since: UnixTime,
    until: Option<UnixTime>,
}

/// An id that the record has or had. It belongs to its mtasts_history.
pub struct mtasts_seen_record {
    id: CString,
    before: Option<UnixTime>,
    since: UnixTime,
    until: Option<UnixTime>,
}

/// A host that is or was in the MX records. It belongs to its mtasts_history.
pub struct mtasts_seen_host {
    name: CString,
    since: UnixTime,
    until: Option<UnixTime>,
}

/// A history as strings for C.
struct Shown {
    policies: Vec<mtasts_served_policy>,
    records: Vec<mtasts_seen_record>,
    hosts: Vec<mtasts_seen_host>,
}

/// Creates the history of a `domain` that has published nothing yet.
///
/// Errors: 101 to 109 for the domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_history_new(
    domain: *const c_char,
    history: Option<&mut MaybeUninit<*mut mtasts_history>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = history.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        give(out, mtasts_history::new(History::new(domain)));
        Ok(())
    })
}

/// Parses the text of a history: `len` octets at `text`, as written by mtasts_history_text().
///
/// Errors: 1521 to 1525, with line and octet. Do not plan without the history: what senders may hold is then not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_history_parse(
    text: *const u8,
    len: usize,
    history: Option<&mut MaybeUninit<*mut mtasts_history>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = history.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        give(out, mtasts_history::new(History::parse(unsafe { octets(text, len) }?)?));
        Ok(())
    })
}

/// Writes the history as text: save it in a file, and parse it with mtasts_history_parse(). The same history has the same
/// text.
///
/// Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_text(
    history: Option<&mtasts_history>,
    text: Option<&mut MaybeUninit<*mut mtasts_text>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = text.ok_or(Fault::NULL)?;
        give(out, mtasts_text::new(&history.ok_or(Fault::NULL)?.history.read()?.to_text()));
        Ok(())
    })
}

/// Sets the `time`, in Unix seconds, until which senders may hold a policy that is not in this history, for a domain that had
/// policies before its history was kept: now and the longest max_age that it ever served.
///
/// What was taken from the history before is no longer valid. Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_set_unknown_until(
    history: Option<&mut mtasts_history>,
    time: u64,
) -> mtasts_status {
    guard::run(None, || {
        change(history, |history| {
            let empty = History::new(history.domain().clone());
            *history = mem::replace(history, empty).with_unknown_until(UnixTime::from_secs(time));
        })
    })
}

/// Notes the `policy` that the Policy Host serves at the time `now`, in Unix seconds: NULL if there is none that senders
/// could fetch. It may be freed afterwards.
///
/// What was taken from the history before is no longer valid. Errors: MTASTS_ERR_NULL for the history, MTASTS_ERR_POISONED.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_note_policy(
    history: Option<&mut mtasts_history>,
    policy: Option<&mtasts_policy>,
    now: u64,
) -> mtasts_status {
    guard::run(None, || {
        let policy = policy.map(mtasts_policy::core);
        change(history, |history| history.note_policy(policy, UnixTime::from_secs(now)))
    })
}

/// Notes the `id` of the record at the time `now`, in Unix seconds: NULL if there is no record that senders would use.
///
/// What was taken from the history before is no longer valid. Errors: MTASTS_ERR_BAD_ID; MTASTS_ERR_NULL for the history, MTASTS_ERR_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_history_note_record(
    history: Option<&mut mtasts_history>,
    id: *const c_char,
    now: u64,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        // SAFETY: a string as required by the header, if it is there.
        let id = if id.is_null() { None } else { Some(unsafe { string(id) }?.parse()?) };
        change(history, |history| history.note_record(id.as_ref(), UnixTime::from_secs(now)))
    })
}

/// Notes the hosts in the MX records at the time `now`, in Unix seconds: `count` names at `hosts`; without MX records, the
/// domain's own name.
///
/// What was taken from the history before is no longer valid. Errors: 101 to 109 for a host; MTASTS_ERR_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_history_note_hosts(
    history: Option<&mut mtasts_history>,
    hosts: *const *const c_char,
    count: usize,
    now: u64,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        // SAFETY: an array of strings as required by the header.
        let hosts = unsafe { host_names(hosts, count) }?;
        change(history, |history| history.note_hosts(&hosts, UnixTime::from_secs(now)))
    })
}

/// The domain. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_domain(history: Option<&mtasts_history>) -> *const c_char {
    history.map_or(NONE, |history| history.domain.as_ptr())
}

/// The time until which senders may hold a policy that is not in the history, in Unix seconds. 0 if there is none, for NULL,
/// and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_unknown_until(history: Option<&mtasts_history>) -> u64 {
    guard::get(0, || Some(history?.history.read().ok()?.unknown_until().as_secs()))
}

/// The policy that some sender may hold the longest, if nobody fetched one after the time `now`, in Unix seconds. NULL if
/// none may hold one, for NULL, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_longest_cached(
    history: Option<&mtasts_history>,
    now: u64,
) -> Option<&mtasts_served_policy> {
    guard::get(None, || {
        let read = history?.history.read().ok()?;
        let (longest, _) = read.longest_cached(UnixTime::from_secs(now))?;
        let place = read.policies().iter().position(|policy| policy == longest)?;
        Some(shown(history)?.policies.get(place))
    })
}

/// The number of policies. 0 for NULL, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_policy_count(history: Option<&mtasts_history>) -> usize {
    guard::get(0, || Some(history?.history.read().ok()?.policies().len()))
}

/// A policy, by its index from 0 in the order in which they were last begun to be served. NULL for NULL, when poisoned, and
/// if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_policy_get(
    history: Option<&mtasts_history>,
    index: usize,
) -> Option<&mtasts_served_policy> {
    guard::get(None, || Some(shown(history)?.policies.get(index)))
}

/// The number of ids of the record. 0 for NULL, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_record_count(history: Option<&mtasts_history>) -> usize {
    guard::get(0, || Some(history?.history.read().ok()?.records().len()))
}

/// An id of the record, by its index from 0 in the order in which they were last published. NULL for NULL, when poisoned, and
/// if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_record_get(
    history: Option<&mtasts_history>,
    index: usize,
) -> Option<&mtasts_seen_record> {
    guard::get(None, || Some(shown(history)?.records.get(index)))
}

/// The number of MX hosts. 0 for NULL, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_host_count(history: Option<&mtasts_history>) -> usize {
    guard::get(0, || Some(history?.history.read().ok()?.hosts().len()))
}

/// An MX host, by its index from 0. NULL for NULL, when poisoned, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_host_get(
    history: Option<&mtasts_history>,
    index: usize,
) -> Option<&mtasts_seen_host> {
    guard::get(None, || Some(shown(history)?.hosts.get(index)))
}

/// Frees a history. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_history_free(history: Option<Box<mtasts_history>>) {
    drop(history);
}

/// The id by its body, as mtasts_draft_id_of() returns it; its record may have had another one. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_served_policy_id(policy: Option<&mtasts_served_policy>) -> *const c_char {
    policy.map_or(NONE, |policy| policy.id.as_ptr())
}

/// The mode: one of the MTASTS_MODE_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_served_policy_mode(policy: Option<&mtasts_served_policy>) -> mtasts_mode {
    policy.map_or(0, |policy| policy.mode)
}

/// The time for which senders keep it after a fetch, in seconds. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_served_policy_max_age(policy: Option<&mtasts_served_policy>) -> u64 {
    policy.map_or(0, |policy| policy.max_age)
}

/// The number of mx patterns. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_served_policy_mx_count(policy: Option<&mtasts_served_policy>) -> usize {
    policy.map_or(0, |policy| policy.patterns.len())
}

/// An mx pattern, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_served_policy_mx_get(
    policy: Option<&mtasts_served_policy>,
    index: usize,
) -> *const c_char {
    policy.and_then(|policy| policy.patterns.get(index)).map_or(NONE, |pattern| pattern.as_ptr())
}

/// The time since which it has been served, in Unix seconds; if it no longer is, until mtasts_served_policy_until(). 0 for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_served_policy_since(policy: Option<&mtasts_served_policy>) -> u64 {
    policy.map_or(0, |policy| policy.since.as_secs())
}

/// The time at which it was no longer served, in Unix seconds; UINT64_MAX while it is. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_served_policy_until(policy: Option<&mtasts_served_policy>) -> u64 {
    policy.map_or(0, |policy| end(policy.until))
}

/// The id. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_seen_record_id(record: Option<&mtasts_seen_record>) -> *const c_char {
    record.map_or(NONE, |record| record.id.as_ptr())
}

/// The time until which the record had this id before, in Unix seconds; UINT64_MAX if it has it for the first time. 0 for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_seen_record_before(record: Option<&mtasts_seen_record>) -> u64 {
    record.map_or(0, |record| end(record.before))
}

/// The time since which the record has had this id, in Unix seconds; if it no longer has, until mtasts_seen_record_until().
/// 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_seen_record_since(record: Option<&mtasts_seen_record>) -> u64 {
    record.map_or(0, |record| record.since.as_secs())
}

/// The time at which the record no longer had this id, in Unix seconds; UINT64_MAX while it has. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_seen_record_until(record: Option<&mtasts_seen_record>) -> u64 {
    record.map_or(0, |record| end(record.until))
}

/// The name. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_seen_host_name(host: Option<&mtasts_seen_host>) -> *const c_char {
    host.map_or(NONE, |host| host.name.as_ptr())
}

/// The time since which it has been in DNS, in Unix seconds; if it no longer is, until mtasts_seen_host_until(). 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_seen_host_since(host: Option<&mtasts_seen_host>) -> u64 {
    host.map_or(0, |host| host.since.as_secs())
}

/// The time at which it was no longer in DNS, in Unix seconds; UINT64_MAX while it is. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_seen_host_until(host: Option<&mtasts_seen_host>) -> u64 {
    host.map_or(0, |host| end(host.until))
}

impl mtasts_history {
    fn new(history: History) -> Self {
        Self {
            domain: c_string(history.domain().as_str()),
            history: Guarded::new(history),
            shown: OnceLock::new(),
        }
    }

    pub(crate) const fn core(&self) -> Result<&History, Fault> {
        self.history.read()
    }
}

impl Shown {
    fn new(history: &History) -> Self {
        let policy = |policy: &ServedPolicy| mtasts_served_policy {
            id: c_string(policy.id().as_str()),
            mode: number_of_mode(policy.mode()),
            max_age: policy.max_age().as_secs(),
            patterns: policy.mx_patterns().iter().map(|pattern| c_string(&pattern.to_string())).collect(),
            since: policy.since(),
            until: policy.until(),
        };
        let record = |record: &SeenRecord| mtasts_seen_record {
            id: c_string(record.id().as_str()),
            before: record.before(),
            since: record.since(),
            until: record.until(),
        };
        let host = |host: &SeenHost| mtasts_seen_host {
            name: c_string(host.name().as_str()),
            since: host.since(),
            until: host.until(),
        };
        Self {
            policies: history.policies().iter().map(policy).collect(),
            records: history.records().iter().map(record).collect(),
            hosts: history.hosts().iter().map(host).collect(),
        }
    }
}

fn shown(history: Option<&mtasts_history>) -> Option<&Shown> {
    let history = history?;
    let read = history.history.read().ok()?;
    Some(history.shown.get_or_init(|| Box::new(Shown::new(read))))
}

fn change(history: Option<&mut mtasts_history>, change: impl FnOnce(&mut History)) -> Result<(), Fault> {
    let history = history.ok_or(Fault::NULL)?;
    history.shown = OnceLock::new();
    history.history.change(change)
}

/// A time that something ended at; the largest for what goes on.
fn end(time: Option<UnixTime>) -> u64 {
    time.map_or(u64::MAX, UnixTime::as_secs)
}
