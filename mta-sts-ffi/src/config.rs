//! The configuration of lookups.

use std::time::Duration;

use mta_sts_core::{FetchLimits, LookupConfig, MissingContentType, Strictness};

use crate::status::{MTASTS_ERR_ARGUMENT, MTASTS_ERR_NULL, MTASTS_OK, mtasts_status};

/// The grammar that a policy must follow: one of the MTASTS_STRICTNESS_ numbers.
pub type mtasts_strictness = u32;

/// Accepts the grammar of RFC 8461 and four departures whose meaning is plain: blank lines, a byte order mark at the
/// start, a trailing dot of an mx, underscores in an mx. The default.
pub const MTASTS_STRICTNESS_TOLERANT: u32 = 0;
/// Accepts the grammar alone: for owners who check what they publish.
pub const MTASTS_STRICTNESS_ABNF: u32 = 1;

/// What to do with a response without Content-Type: one of the MTASTS_MISSING_CONTENT_TYPE_ numbers.
pub type mtasts_missing_content_type = u32;

/// A response without Content-Type is an error. The default.
pub const MTASTS_MISSING_CONTENT_TYPE_REFUSE: u32 = 0;
/// A response without Content-Type is accepted.
pub const MTASTS_MISSING_CONTENT_TYPE_ACCEPT: u32 = 1;

/// The configuration of lookups. If a function gets NULL for it, the defaults apply, as suggested in RFC 8461.
pub struct mtasts_config {
    config: LookupConfig,
}

/// Creates a configuration with the defaults. The caller frees it with mtasts_config_free(). Never returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_new() -> Box<mtasts_config> {
    Box::new(mtasts_config { config: LookupConfig::new() })
}

/// Sets the back-off of a record id after a failed fetch, in `seconds`. Default: 300, which is also the minimum (RFC
/// 8461, 3.3).
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_set_back_off(
    config: Option<&mut mtasts_config>,
    seconds: u64,
) -> mtasts_status {
    set(config, |config| {
        *config = config.clone().with_back_off(Duration::from_secs(seconds));
        MTASTS_OK
    })
}

/// Sets the time limit of a fetch, from the address lookup to the last octet, in `milliseconds`. Default: 60000. With
/// 0 every fetch fails.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_set_fetch_timeout_ms(
    config: Option<&mut mtasts_config>,
    milliseconds: u64,
) -> mtasts_status {
    set_limits(config, |limits| {
        *limits = limits.clone().with_timeout(Duration::from_millis(milliseconds));
        MTASTS_OK
    })
}

/// Sets the maximum length of a body, in `octets`. Default: 65536; maximum: 1048576.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_set_max_body_len(
    config: Option<&mut mtasts_config>,
    octets: usize,
) -> mtasts_status {
    set_limits(config, |limits| {
        *limits = limits.clone().with_max_body_len(octets);
        MTASTS_OK
    })
}

/// Sets what to do with a response without Content-Type: `rule` is one of the MTASTS_MISSING_CONTENT_TYPE_ numbers.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_set_missing_content_type(
    config: Option<&mut mtasts_config>,
    rule: mtasts_missing_content_type,
) -> mtasts_status {
    let rule = match rule {
        MTASTS_MISSING_CONTENT_TYPE_REFUSE => Some(MissingContentType::Refuse),
        MTASTS_MISSING_CONTENT_TYPE_ACCEPT => Some(MissingContentType::Accept),
        _ => None,
    };
    set_limits(config, |limits| {
        let Some(rule) = rule else { return MTASTS_ERR_ARGUMENT };
        *limits = limits.clone().with_missing_content_type(rule);
        MTASTS_OK
    })
}

/// Sets how strictly a policy must follow the grammar: `strictness` is one of the MTASTS_STRICTNESS_ numbers.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_set_strictness(
    config: Option<&mut mtasts_config>,
    strictness: mtasts_strictness,
) -> mtasts_status {
    set_limits(config, |limits| {
        let Some(strictness) = strictness_of(strictness) else { return MTASTS_ERR_ARGUMENT };
        *limits = limits.clone().with_strictness(strictness);
        MTASTS_OK
    })
}

/// The back-off of a record id after a failed fetch, in seconds. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_back_off(config: Option<&mtasts_config>) -> u64 {
    config.map_or(0, |config| config.config.back_off().as_secs())
}

/// The time limit of a fetch, in milliseconds. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_fetch_timeout_ms(config: Option<&mtasts_config>) -> u64 {
    config.map_or(0, |config| milliseconds(config.config.fetch_limits().timeout()))
}

/// The maximum length of a body, in octets. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_max_body_len(config: Option<&mtasts_config>) -> usize {
    config.map_or(0, |config| config.config.fetch_limits().max_body_len())
}

/// Frees a configuration. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_free(config: Option<Box<mtasts_config>>) {
    drop(config);
}

/// The configuration of the caller, or the defaults.
pub(crate) fn or_default(config: Option<&mtasts_config>) -> LookupConfig {
    config.map_or_else(LookupConfig::new, |config| config.config.clone())
}

/// The limits of the caller, or the defaults.
pub(crate) fn limits(config: Option<&mtasts_config>) -> FetchLimits {
    config.map_or_else(FetchLimits::new, |config| config.config.fetch_limits().clone())
}

pub(crate) const fn strictness_of(number: mtasts_strictness) -> Option<Strictness> {
    match number {
        MTASTS_STRICTNESS_TOLERANT => Some(Strictness::Tolerant),
        MTASTS_STRICTNESS_ABNF => Some(Strictness::Abnf),
        _ => None,
    }
}

pub(crate) fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn set(
    config: Option<&mut mtasts_config>,
    set: impl FnOnce(&mut LookupConfig) -> mtasts_status,
) -> mtasts_status {
    config.map_or(MTASTS_ERR_NULL, |config| set(&mut config.config))
}

fn set_limits(
    config: Option<&mut mtasts_config>,
    change: impl FnOnce(&mut FetchLimits) -> mtasts_status,
) -> mtasts_status {
    set(config, |config| {
        let mut limits = config.fetch_limits().clone();
        let status = change(&mut limits);
        *config = config.clone().with_fetch_limits(limits);
        status
    })
}
