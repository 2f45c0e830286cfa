//! What a domain wants to publish in the end.

use std::ffi::c_char;
use std::mem::{self, MaybeUninit};
use std::time::Duration;

use mta_sts_core::publish::Target;
use mta_sts_core::{DnsName, MxPattern};

use crate::guard::{self, Guarded};
use crate::name::host_names;
use crate::pointer::{array, give, string};
use crate::policy::{mode_of, mtasts_mode};
use crate::status::{Fault, mtasts_error, mtasts_status};

/// What a domain wants to publish in the end.
pub struct mtasts_publish_target {
    target: Guarded<Target>,
}

/// Creates a target: a policy of this `mode`, one of the MTASTS_MODE_ numbers, for the MX hosts that are in DNS. The max_age
/// is 30 days in mode enforce and a day otherwise, unless it is set.
///
/// Errors: MTASTS_ERR_ARGUMENT for an unknown mode.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_target_new(
    mode: mtasts_mode,
    target: Option<&mut MaybeUninit<*mut mtasts_publish_target>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = target.ok_or(Fault::NULL)?;
        give(out, mtasts_publish_target { target: Guarded::new(Target::new(mode_of(mode)?)) });
        Ok(())
    })
}

/// Creates the target without a policy and a record: the domain no longer uses MTA-STS (RFC 8461, 8.3).
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_target_removed(
    target: Option<&mut MaybeUninit<*mut mtasts_publish_target>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = target.ok_or(Fault::NULL)?;
        give(out, mtasts_publish_target { target: Guarded::new(Target::removed()) });
        Ok(())
    })
}

/// Sets the `max_age`, in seconds.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_target_set_max_age(
    target: Option<&mut mtasts_publish_target>,
    max_age: u64,
) -> mtasts_status {
    guard::run(None, || change(target, |target| target.with_max_age(Duration::from_secs(max_age))))
}

/// Sets the MX hosts that DNS is to have: `count` names at `hosts`. Default: those that it has.
///
/// Errors: 101 to 109 for a host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_publish_target_set_hosts(
    target: Option<&mut mtasts_publish_target>,
    hosts: *const *const c_char,
    count: usize,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        // SAFETY: an array of strings as required by the header.
        let hosts = unsafe { host_names(hosts, count) }?;
        change(target, |target| target.with_hosts(hosts))
    })
}

/// Adds a `wildcard`, which stands for the hosts that it covers. Default: none; exact names are better (RFC 8461, 10.4).
///
/// Errors: 101 to 109 for the wildcard.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_publish_target_add_wildcard(
    target: Option<&mut mtasts_publish_target>,
    wildcard: *const c_char,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        // SAFETY: a string as required by the header.
        let wildcard = MxPattern::parse(unsafe { string(wildcard) }?)?;
        change(target, |target| target.with_wildcard(wildcard))
    })
}

/// Sets the `name` that the Policy Host is to be an alias of, for a change of the provider that serves the policy (RFC 8461,
/// 8.2). Default: as it is.
///
/// Errors: 101 to 109 for the name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_publish_target_set_policy_host(
    target: Option<&mut mtasts_publish_target>,
    name: *const c_char,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        // SAFETY: a string as required by the header.
        let name = DnsName::parse(unsafe { string(name) }?)?;
        change(target, |target| target.with_policy_host(name))
    })
}

/// Sets the `time` for which a policy is in mode testing before it is enforced, in seconds. Default: 14 days.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_target_set_testing_period(
    target: Option<&mut mtasts_publish_target>,
    time: u64,
) -> mtasts_status {
    guard::run(None, || change(target, |target| target.with_testing_period(Duration::from_secs(time))))
}

/// Sets which max_age a policy in mode enforce has at first: `count` values at `max_ages`, and as many at `times`, each the time
/// after which the one beside it grows; all in seconds. Without any it has the max_age of the target at once. Default: a day
/// for 7 days, a week for 14 days. What is not below the max_age of the target is left out.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_publish_target_set_growth(
    target: Option<&mut mtasts_publish_target>,
    max_ages: *const u64,
    times: *const u64,
    count: usize,
) -> mtasts_status {
    guard::run(None, || {
        // SAFETY: arrays as required by the header.
        let (max_ages, times) = unsafe { (array(max_ages, count)?, array(times, count)?) };
        let seconds = |number: &u64| Duration::from_secs(*number);
        let growth = max_ages.iter().map(seconds).zip(times.iter().map(seconds)).collect();
        change(target, |target| target.with_growth(growth))
    })
}

/// Frees a target. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_target_free(target: Option<Box<mtasts_publish_target>>) {
    drop(target);
}

impl mtasts_publish_target {
    pub(crate) const fn core(&self) -> Result<&Target, Fault> {
        self.target.read()
    }
}

fn change(
    target: Option<&mut mtasts_publish_target>,
    with: impl FnOnce(Target) -> Target,
) -> Result<(), Fault> {
    let target = &mut target.ok_or(Fault::NULL)?.target;
    target.change(|target| *target = with(mem::replace(target, Target::removed())))
}
