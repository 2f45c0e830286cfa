//! What DNS has now, and how long others keep what they have seen.

use std::ffi::c_char;
use std::mem::{self, MaybeUninit};
use std::time::Duration;

use mta_sts_core::DnsName;
use mta_sts_core::publish::Facts;

use crate::guard::{self, Guarded};
use crate::name::host_names;
use crate::pointer::{give, string};
use crate::status::{Fault, mtasts_error, mtasts_status};

/// A time for which others keep what they have seen: one of the MTASTS_PUBLISH_TIME_ numbers.
pub type mtasts_publish_time = u32;

/// The TTL of the TXT record. Default: an hour.
pub const MTASTS_PUBLISH_TIME_RECORD_TTL: u32 = 1;
/// The TTL of the MX records. Default: a day.
pub const MTASTS_PUBLISH_TIME_MX_TTL: u32 = 2;
/// The TTL of the addresses, or of the alias, of the Policy Host; it counts only where the Policy Host changes. Default: an
/// hour.
pub const MTASTS_PUBLISH_TIME_POLICY_HOST_TTL: u32 = 3;
/// The time for which a reverse proxy, a CDN, or one of several servers may go on serving the old policy. Default: a minute
/// (RFC 8461, 8.2).
pub const MTASTS_PUBLISH_TIME_POLICY_CACHE: u32 = 4;
/// The time after which senders ask a Policy Host again that did not respond. Default: 5 minutes (RFC 8461, 3.3).
pub const MTASTS_PUBLISH_TIME_RETRY: u32 = 5;
/// The time for which senders keep a message in their queues. Default: 5 days (RFC 5321, 4.5.4.1).
pub const MTASTS_PUBLISH_TIME_QUEUE_LIFETIME: u32 = 6;

/// What DNS and the Policy Host look like now, and how long others keep what they have seen of it.
///
/// A TTL is the one that resolvers have seen: where it is about to be lowered, set the old one.
pub struct mtasts_publish_facts {
    facts: Guarded<Facts>,
}

/// Creates the facts about a domain with these MX hosts in DNS: `count` names at `hosts`; without MX records, the domain's own
/// name.
///
/// Errors: 101 to 109 for a host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_publish_facts_new(
    hosts: *const *const c_char,
    count: usize,
    facts: Option<&mut MaybeUninit<*mut mtasts_publish_facts>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = facts.ok_or(Fault::NULL)?;
        // SAFETY: an array of strings as required by the header.
        let hosts = unsafe { host_names(hosts, count) }?;
        give(out, mtasts_publish_facts { facts: Guarded::new(Facts::new(hosts)) });
        Ok(())
    })
}

/// Sets the `name` that the Policy Host is an alias of (RFC 8461, 8.2). Default: none.
///
/// Errors: 101 to 109 for the name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_publish_facts_set_policy_host(
    facts: Option<&mut mtasts_publish_facts>,
    name: *const c_char,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        // SAFETY: a string as required by the header.
        let name = DnsName::parse(unsafe { string(name) }?)?;
        change(facts, |facts| facts.with_policy_host(name))
    })
}

/// Sets a time, `which` is one of the MTASTS_PUBLISH_TIME_ numbers, to that many `seconds`.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_facts_set_time(
    facts: Option<&mut mtasts_publish_facts>,
    which: mtasts_publish_time,
    seconds: u64,
) -> mtasts_status {
    guard::run(None, || {
        let set = match which {
            MTASTS_PUBLISH_TIME_RECORD_TTL => Facts::with_record_ttl,
            MTASTS_PUBLISH_TIME_MX_TTL => Facts::with_mx_ttl,
            MTASTS_PUBLISH_TIME_POLICY_HOST_TTL => Facts::with_policy_host_ttl,
            MTASTS_PUBLISH_TIME_POLICY_CACHE => Facts::with_policy_cache,
            MTASTS_PUBLISH_TIME_RETRY => Facts::with_retry,
            MTASTS_PUBLISH_TIME_QUEUE_LIFETIME => Facts::with_queue_lifetime,
            _ => return Err(Fault::ARGUMENT),
        };
        change(facts, |facts| set(facts, Duration::from_secs(seconds)))
    })
}

/// Frees facts. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_facts_free(facts: Option<Box<mtasts_publish_facts>>) {
    drop(facts);
}

impl mtasts_publish_facts {
    pub(crate) const fn core(&self) -> Result<&Facts, Fault> {
        self.facts.read()
    }
}

fn change(facts: Option<&mut mtasts_publish_facts>, with: impl FnOnce(Facts) -> Facts) -> Result<(), Fault> {
    let facts = &mut facts.ok_or(Fault::NULL)?.facts;
    facts.change(|facts| *facts = with(mem::replace(facts, Facts::new(Vec::new()))))
}
