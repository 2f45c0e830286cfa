//! Determines whether a policy in mode testing can be enforced.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::tlsrpt::{
    Hint, LiveFindings, LiveHost, Readiness, ReadyRule, ReadyRules, Report, Served, Shortfall, Verdict,
};
use mta_sts_core::{DnsName, Policy, PolicyDomain, UnixTime};

use crate::guard::{self, Guarded};
use crate::hint::mtasts_hint;
use crate::pointer::{array, give, string};
use crate::policy::mtasts_policy;
use crate::report::mtasts_report;
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{self, Lens, NONE, Row, c_string};

/// A threshold of a condition: one of the MTASTS_READY_LIMIT_ numbers.
pub type mtasts_ready_limit = u32;

/// The number of full days of UTC for which the same list of MX hosts must have been served. Default: 14.
pub const MTASTS_READY_LIMIT_DAYS: u32 = 1;
/// The number of days for which the certificate of each MX host must still be valid, if no automatic renewal was seen.
/// Default: 14.
pub const MTASTS_READY_LIMIT_CERTIFICATE_DAYS: u32 = 2;
/// The number of full days without a failed fetch of the policy. Default: 7.
pub const MTASTS_READY_LIMIT_SERVED_DAYS: u32 = 3;
/// The number of organisations that must have reported successes under the policy. Default: 2.
pub const MTASTS_READY_LIMIT_SUBMITTERS: u32 = 4;
/// The number of sessions that must have succeeded under the policy. Default: 100.
pub const MTASTS_READY_LIMIT_SESSIONS: u32 = 5;
/// The number of sessions that is enough for a domain with little mail. Default: 10.
pub const MTASTS_READY_LIMIT_FEW_SESSIONS: u32 = 6;
/// The number of full days after which these are enough. Default: 28.
pub const MTASTS_READY_LIMIT_FEW_SESSIONS_DAYS: u32 = 7;
/// The maximum number of full days without a report of a success. Default: 7.
pub const MTASTS_READY_LIMIT_SILENT_DAYS: u32 = 8;
/// The number of full days without a failure of the domain's own. Default: 7.
pub const MTASTS_READY_LIMIT_CLEAN_DAYS: u32 = 9;
/// The number of organisations that must have seen a failure for it to count as the domain's own. Default: 2.
pub const MTASTS_READY_LIMIT_WITNESSES: u32 = 10;
/// How many of a thousand sessions of one organisation may fail for other causes. Default: 5.
pub const MTASTS_READY_LIMIT_OTHER_FAILURES: u32 = 11;
/// The number of days on which they may fail. Default: 2.
pub const MTASTS_READY_LIMIT_OTHER_FAILURE_DAYS: u32 = 12;

/// A condition for enforcing a policy: one of the MTASTS_READY_RULE_ numbers, consecutive from 1.
pub type mtasts_ready_rule = u32;

/// Every MX host in DNS passes a check now, and its certificate does not expire soon.
pub const MTASTS_READY_RULE_HOSTS_PASS: u32 = 1;
/// The policy can be fetched now, and no sender has failed to fetch it recently.
pub const MTASTS_READY_RULE_POLICY_SERVED: u32 = 2;
/// The same list of MX hosts has been served for long enough.
pub const MTASTS_READY_RULE_ENOUGH_DAYS: u32 = 3;
/// Enough senders have reported enough sessions under the policy.
pub const MTASTS_READY_RULE_ENOUGH_SESSIONS: u32 = 4;
/// There has been no failure of the domain's own for some days.
pub const MTASTS_READY_RULE_NO_FAILURE_OF_YOURS: u32 = 5;
/// Failures reported by single senders are few, and on few days.
pub const MTASTS_READY_RULE_FEW_OTHER_FAILURES: u32 = 6;
/// The sessions are from senders that verify in mode testing.
pub const MTASTS_READY_RULE_SENDERS_VERIFY: u32 = 7;
/// Every host named in a report is in DNS, or accepted.
pub const MTASTS_READY_RULE_HOSTS_KNOWN: u32 = 8;

/// Whether to enforce the policy: MTASTS_READY_YES, MTASTS_READY_NOT_YET or MTASTS_READY_BLOCKED.
pub type mtasts_ready_verdict = u32;

/// All conditions are met.
pub const MTASTS_READY_YES: u32 = 1;
/// Something is missing that comes with time, mail, or a fix.
pub const MTASTS_READY_NOT_YET: u32 = 2;
/// The owner has to decide about a host, whatever else is missing.
pub const MTASTS_READY_BLOCKED: u32 = 3;

/// The facts about a domain and the policy to be enforced, from which a mtasts_readiness is assessed.
///
/// Without a check, passed by mtasts_ready_set_policy_fault() or mtasts_ready_add_host(), the answer is never
/// MTASTS_READY_YES.
pub struct mtasts_ready {
    question: Guarded<Question>,
}

struct Question {
    domain: PolicyDomain,
    policy: Policy,
    since: Option<UnixTime>,
    mended_at: Option<UnixTime>,
    live: Option<LiveFindings>,
    rules: ReadyRules,
}

/// The answer whether a policy can be enforced, what is missing, and the amount of evidence.
pub struct mtasts_readiness {
    readiness: Readiness,
    evidence: CString,
    shortfalls: Vec<mtasts_shortfall>,
}

/// Something that a condition lacks. It belongs to its mtasts_readiness.
pub struct mtasts_shortfall {
    rule: ReadyRule,
    code: CString,
    host: Option<CString>,
    hint: Option<mtasts_hint>,
    message: CString,
    fix: CString,
    earliest: Option<UnixTime>,
}

/// Creates the facts about the `policy` of `domain`, in mode testing; both remain the caller's and may be freed
/// afterwards.
///
/// Errors: 101 to 109 for the domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_ready_new(
    domain: *const c_char,
    policy: Option<&mtasts_policy>,
    ready: Option<&mut MaybeUninit<*mut mtasts_ready>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = ready.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        let question = Question {
            domain,
            policy: policy.ok_or(Fault::NULL)?.core().clone(),
            since: None,
            mended_at: None,
            live: None,
            rules: ReadyRules::new(),
        };
        give(out, mtasts_ready { question: Guarded::new(question) });
        Ok(())
    })
}

/// Sets the `time` since when the policy has had this list of mx, in Unix seconds. If it is not set, it is taken from
/// the reports.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ready_set_since(ready: Option<&mut mtasts_ready>, time: u64) -> mtasts_status {
    change(ready, |question| {
        question.since = Some(UnixTime::from_secs(time));
        Ok(())
    })
}

/// Sets the `time` at which a fault of the domain was last fixed, in Unix seconds. Failures of that day count as
/// earlier.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ready_set_mended_at(ready: Option<&mut mtasts_ready>, time: u64) -> mtasts_status {
    change(ready, |question| {
        question.mended_at = Some(UnixTime::from_secs(time));
        Ok(())
    })
}

/// Sets the result of a check of the policy: `fault` is the mtasts_hint_code() of the reason why it cannot be fetched,
/// or NULL if it can.
///
/// Errors: MTASTS_ERR_ARGUMENT if it is not the code of a hint; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_ready_set_policy_fault(
    ready: Option<&mut mtasts_ready>,
    fault: *const c_char,
) -> mtasts_status {
    change(ready, |question| {
        // SAFETY: a string as required by the header, or NULL.
        let fault = unsafe { optional_hint(fault) }?;
        let mut live = LiveFindings::new();
        if let Some(fault) = fault {
            live = live.with_policy_fault(fault);
        }
        for host in question.live.take().unwrap_or_default().hosts() {
            live = live.with_host(host.clone());
        }
        question.live = Some(live);
        Ok(())
    })
}

/// Adds an MX host with the result of a check: its `name`, the mtasts_hint_code() of its `fault`, or NULL if it passes,
/// the expiry of its certificate, `expires_at`, in Unix seconds, or 0 if unknown, and `renewal_seen`, nonzero if an
/// earlier check saw another certificate: then it is renewed automatically, and its expiry does not matter. Pass 0 for
/// `expires_at` also if a third of the certificate's life is left, so that one of six days is not held to 14.
///
/// Add every name in the MX records or, without MX records, the domain's own name. Errors: 101 to 109 for the name;
/// MTASTS_ERR_ARGUMENT if the fault is not the code of a hint.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_ready_add_host(
    ready: Option<&mut mtasts_ready>,
    name: *const c_char,
    fault: *const c_char,
    expires_at: u64,
    renewal_seen: i32,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let ready = ready.ok_or(Fault::NULL)?;
        // SAFETY: strings as required by the header, the second if it is there.
        let (name, fault) = unsafe { (string(name)?, optional_hint(fault)?) };
        let mut host = LiveHost::new(DnsName::parse(name)?);
        if let Some(fault) = fault {
            host = host.with_fault(fault);
        }
        if expires_at != 0 {
            host = host.expires_at(UnixTime::from_secs(expires_at));
        }
        if renewal_seen != 0 {
            host = host.with_renewal_seen();
        }
        ready.question.change(|question| {
            question.live = Some(question.live.take().unwrap_or_default().with_host(host));
        })
    })
}

/// Accepts a host, `name`, that reports name although it is not an MX host in DNS.
///
/// Errors: 101 to 109 for the name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_ready_add_accepted(
    ready: Option<&mut mtasts_ready>,
    name: *const c_char,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let ready = ready.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let name = DnsName::parse(unsafe { string(name) }?)?;
        ready
            .question
            .change(|question| question.rules = std::mem::take(&mut question.rules).with_accepted(name))
    })
}

/// Sets a threshold of a condition, `limit`, one of the MTASTS_READY_LIMIT_ numbers, to `value`; more than 2^32 - 1
/// counts as that, except for sessions.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown `limit`.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ready_set_limit(
    ready: Option<&mut mtasts_ready>,
    limit: mtasts_ready_limit,
    value: u64,
) -> mtasts_status {
    change(ready, |question| {
        let rules = std::mem::take(&mut question.rules);
        let small = u32::try_from(value).unwrap_or(u32::MAX);
        let (few, few_days) = rules.few_sessions();
        let (others, other_days) = rules.other_failures();
        question.rules = match limit {
            MTASTS_READY_LIMIT_DAYS => rules.with_days(small),
            MTASTS_READY_LIMIT_CERTIFICATE_DAYS => rules.with_certificate_days(small),
            MTASTS_READY_LIMIT_SERVED_DAYS => rules.with_served_days(small),
            MTASTS_READY_LIMIT_SUBMITTERS => rules.with_submitters(small),
            MTASTS_READY_LIMIT_SESSIONS => rules.with_sessions(value),
            MTASTS_READY_LIMIT_FEW_SESSIONS => rules.with_few_sessions(value, few_days),
            MTASTS_READY_LIMIT_FEW_SESSIONS_DAYS => rules.with_few_sessions(few, small),
            MTASTS_READY_LIMIT_SILENT_DAYS => rules.with_silent_days(small),
            MTASTS_READY_LIMIT_CLEAN_DAYS => rules.with_clean_days(small),
            MTASTS_READY_LIMIT_WITNESSES => rules.with_witnesses(small),
            MTASTS_READY_LIMIT_OTHER_FAILURES => rules.with_other_failures(small, other_days),
            MTASTS_READY_LIMIT_OTHER_FAILURE_DAYS => rules.with_other_failures(others, small),
            _ => {
                question.rules = rules;
                return Err(Fault::ARGUMENT);
            }
        };
        Ok(())
    })
}

/// Assesses the facts at the time `now`, in Unix seconds, with `count` reports at `reports`, in any order; they remain
/// the caller's, and so do the facts.
///
/// Anybody can write a report: pass only those that you trust. Reports may be about any domain; a duplicate report
/// counts once. Errors: MTASTS_ERR_NULL, also if a report is NULL; MTASTS_ERR_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_ready_assess(
    ready: Option<&mtasts_ready>,
    reports: *const *const mtasts_report,
    count: usize,
    now: u64,
    readiness: Option<&mut MaybeUninit<*mut mtasts_readiness>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = readiness.ok_or(Fault::NULL)?;
        let question = ready.ok_or(Fault::NULL)?.question.read()?;
        // SAFETY: an array as required by the header.
        let handles = unsafe { array(reports, count) }?;
        // SAFETY: as above, for each item.
        let reports = handles.iter().map(|report| Ok(unsafe { report.as_ref() }.ok_or(Fault::NULL)?.core()));
        let reports = reports.collect::<Result<Vec<&Report>, Fault>>()?;
        let mut served = Served::new(&question.domain, &question.policy);
        if let Some(since) = question.since {
            served = served.since(since);
        }
        if let Some(time) = question.mended_at {
            served = served.mended_at(time);
        }
        let now = UnixTime::from_secs(now);
        let answer = Readiness::assess(reports, question.live.as_ref(), &served, now, &question.rules);
        give(out, mtasts_readiness::new(answer));
        Ok(())
    })
}

/// Frees the facts. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ready_free(ready: Option<Box<mtasts_ready>>) {
    drop(ready);
}

/// The stable code of a condition, `rule`, such as "enough-days". NULL for an unknown number. It is valid for the
/// lifetime of the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ready_rule_word(rule: mtasts_ready_rule) -> *const c_char {
    find_rule(rule).map_or(NONE, |(word, _)| word)
}

/// The requirement of a condition, `rule`, in one sentence. NULL for an unknown number. It is valid for the lifetime of
/// the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ready_rule_message(rule: mtasts_ready_rule) -> *const c_char {
    find_rule(rule).map_or(NONE, |(_, message)| message)
}

/// Whether to enforce the policy: MTASTS_READY_YES, MTASTS_READY_NOT_YET or MTASTS_READY_BLOCKED. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_verdict(readiness: Option<&mtasts_readiness>) -> mtasts_ready_verdict {
    guard::get(0, || {
        Some(match readiness?.readiness.verdict() {
            Verdict::Ready => MTASTS_READY_YES,
            Verdict::NotYet { .. } => MTASTS_READY_NOT_YET,
            Verdict::Blocked => MTASTS_READY_BLOCKED,
        })
    })
}

/// With MTASTS_READY_NOT_YET, the first day on which all conditions may be met, if all faults are fixed now and there
/// are no new ones: its first second, in Unix seconds. 0 otherwise, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_earliest(readiness: Option<&mtasts_readiness>) -> u64 {
    guard::get(0, || match readiness?.readiness.verdict() {
        Verdict::NotYet { earliest } => Some(earliest.as_secs()),
        _ => None,
    })
}

/// Returns 1 if a condition, `rule`, is met, otherwise 0. 0 for an unknown number, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_is_met(
    readiness: Option<&mtasts_readiness>,
    rule: mtasts_ready_rule,
) -> i32 {
    guard::get(0, || {
        let mut conditions = readiness?.readiness.conditions().iter();
        conditions
            .find(|condition| number_of(condition.rule()) == rule)
            .map(|condition| condition.is_met().into())
    })
}

/// The number of missing things. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_shortfall_count(readiness: Option<&mtasts_readiness>) -> usize {
    readiness.map_or(0, |readiness| readiness.shortfalls.len())
}

/// A missing thing, by its index from 0 in the order of the conditions. NULL for NULL, and if the index is out of
/// range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_shortfall_get(
    readiness: Option<&mtasts_readiness>,
    index: usize,
) -> Option<&mtasts_shortfall> {
    readiness?.shortfalls.get(index)
}

/// The number of full days for which the list of MX hosts has been served. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_days(readiness: Option<&mtasts_readiness>) -> u64 {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().days())
}

/// The number of organisations that have reported successes under the policy. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_submitters(readiness: Option<&mtasts_readiness>) -> usize {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().submitters())
}

/// The number of successful sessions under the policy. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_sessions(readiness: Option<&mtasts_readiness>) -> u64 {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().sessions())
}

/// The number of those on days after the last failure of the domain's own, and after its fix: without a failure in n of
/// them, fewer than 3/n fail, with 95 % confidence. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_clean_sessions(readiness: Option<&mtasts_readiness>) -> u64 {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().clean_sessions())
}

/// The number of further sessions, reported by senders that do not verify in mode testing. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_unverified_sessions(readiness: Option<&mtasts_readiness>) -> u64 {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().unverified_sessions())
}

/// The number of reports ignored because their period is missing or implausible. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_unusable_reports(readiness: Option<&mtasts_readiness>) -> usize {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().unusable_reports())
}

/// The amount of evidence, such as "no failure of yours in 4212 sessions: fewer than 0.08 % fail, at 95 % confidence".
/// NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_evidence(readiness: Option<&mtasts_readiness>) -> *const c_char {
    readiness.map_or(NONE, |readiness| readiness.evidence.as_ptr())
}

/// Frees a readiness. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_free(readiness: Option<Box<mtasts_readiness>>) {
    drop(readiness);
}

/// The condition: one of the MTASTS_READY_RULE_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_rule(shortfall: Option<&mtasts_shortfall>) -> mtasts_ready_rule {
    shortfall.map_or(0, |shortfall| number_of(shortfall.rule))
}

/// Its stable code, such as "few-submitters". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_code(shortfall: Option<&mtasts_shortfall>) -> *const c_char {
    shortfall.map_or(NONE, |shortfall| shortfall.code.as_ptr())
}

/// The MX host that it is about. NULL if there is none, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_host(shortfall: Option<&mtasts_shortfall>) -> *const c_char {
    shortfall.and_then(|shortfall| shortfall.host.as_ref()).map_or(NONE, |host| host.as_ptr())
}

/// The fault that it is about. NULL if there is none, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_hint(shortfall: Option<&mtasts_shortfall>) -> Option<&mtasts_hint> {
    shortfall?.hint.as_ref()
}

/// What is missing, in one sentence. Text from reports is free of characters that a terminal would interpret. NULL for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_message(shortfall: Option<&mtasts_shortfall>) -> *const c_char {
    shortfall.map_or(NONE, |shortfall| shortfall.message.as_ptr())
}

/// What to do, in one sentence. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_fix(shortfall: Option<&mtasts_shortfall>) -> *const c_char {
    shortfall.map_or(NONE, |shortfall| shortfall.fix.as_ptr())
}

/// The first day on which the condition may be met, if the fault is fixed now: its first second, in Unix seconds. 0 if
/// the owner has to decide, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_earliest(shortfall: Option<&mtasts_shortfall>) -> u64 {
    shortfall.and_then(|shortfall| shortfall.earliest).map_or(0, UnixTime::as_secs)
}

impl mtasts_readiness {
    fn new(readiness: Readiness) -> Self {
        Self {
            evidence: c_string(&readiness.evidence().to_string()),
            shortfalls: readiness.shortfalls().map(mtasts_shortfall::new).collect(),
            readiness,
        }
    }
}

impl mtasts_shortfall {
    fn new(shortfall: &Shortfall) -> Self {
        Self {
            rule: shortfall.rule(),
            code: c_string(shortfall.code()),
            host: shortfall.host().map(|host| c_string(host.as_str())),
            hint: shortfall.hint().map(mtasts_hint::new),
            message: c_string(shortfall.message()),
            fix: c_string(shortfall.fix()),
            earliest: shortfall.earliest(),
        }
    }
}

fn change(
    ready: Option<&mut mtasts_ready>,
    change: impl FnOnce(&mut Question) -> Result<(), Fault>,
) -> mtasts_status {
    guard::run(None, || ready.ok_or(Fault::NULL)?.question.change(change)?)
}

/// The hint with a code; `None` for NULL.
///
/// # Safety
///
/// `code` is a string as required by the header, or NULL.
unsafe fn optional_hint(code: *const c_char) -> Result<Option<Hint>, Fault> {
    if code.is_null() {
        return Ok(None);
    }
    // SAFETY: guaranteed by the caller.
    Hint::from_code(unsafe { string(code) }?).map(Some).ok_or(Fault::ARGUMENT)
}

const fn number_of(rule: ReadyRule) -> mtasts_ready_rule {
    match rule {
        ReadyRule::HostsPass => MTASTS_READY_RULE_HOSTS_PASS,
        ReadyRule::PolicyServed => MTASTS_READY_RULE_POLICY_SERVED,
        ReadyRule::EnoughDays => MTASTS_READY_RULE_ENOUGH_DAYS,
        ReadyRule::EnoughSessions => MTASTS_READY_RULE_ENOUGH_SESSIONS,
        ReadyRule::NoFailureOfYours => MTASTS_READY_RULE_NO_FAILURE_OF_YOURS,
        ReadyRule::FewOtherFailures => MTASTS_READY_RULE_FEW_OTHER_FAILURES,
        ReadyRule::SendersVerify => MTASTS_READY_RULE_SENDERS_VERIFY,
        ReadyRule::HostsKnown => MTASTS_READY_RULE_HOSTS_KNOWN,
    }
}

fn find_rule(rule: mtasts_ready_rule) -> Option<(*const c_char, *const c_char)> {
    let number = i32::try_from(rule).ok()?;
    let (word, message) = text::find(&RULE_LENS, &RULE_TEXTS, number)?;
    Some((word.as_ptr(), message.as_ptr()))
}

#[allow(clippy::cast_possible_wrap, reason = "they are small")]
const RULES: [Row; ReadyRule::ALL.len()] = {
    let mut rows = [(0, "", ""); ReadyRule::ALL.len()];
    let mut row = 0;
    while row < rows.len() {
        let rule = ReadyRule::ALL[row];
        rows[row] = (number_of(rule) as i32, rule.code(), rule.message());
        row += 1;
    }
    rows
};

static RULE_LENS: [Lens; RULES.len()] = text::lens(&RULES);
static RULE_TEXTS: [u8; text::table_len(&RULES)] = text::table(&RULES);
