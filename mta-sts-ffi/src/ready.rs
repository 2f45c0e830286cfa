//! Whether a policy in mode testing can be enforced.

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

/// A limit of a condition: one of the MTASTS_READY_LIMIT_ numbers.
pub type mtasts_ready_limit = u32;

/// For how many full days of UTC the same list of MX hosts must have been served. Default 14.
pub const MTASTS_READY_LIMIT_DAYS: u32 = 1;
/// How many days the certificate of each MX host must still last, where nobody has seen that it renews by itself. Default 14.
pub const MTASTS_READY_LIMIT_CERTIFICATE_DAYS: u32 = 2;
/// For how many full days no sender must have failed to fetch the policy. Default 7.
pub const MTASTS_READY_LIMIT_SERVED_DAYS: u32 = 3;
/// How many organisations must have reported successes under the policy. Default 2.
pub const MTASTS_READY_LIMIT_SUBMITTERS: u32 = 4;
/// How many sessions must have succeeded under the policy. Default 100.
pub const MTASTS_READY_LIMIT_SESSIONS: u32 = 5;
/// How many sessions are enough for a domain that gets little mail. Default 10.
pub const MTASTS_READY_LIMIT_FEW_SESSIONS: u32 = 6;
/// After how many full days they are enough. Default 28.
pub const MTASTS_READY_LIMIT_FEW_SESSIONS_DAYS: u32 = 7;
/// For how many full days there may be no report of a success. Default 7.
pub const MTASTS_READY_LIMIT_SILENT_DAYS: u32 = 8;
/// For how many full days there must have been no failure of the domain's own. Default 7.
pub const MTASTS_READY_LIMIT_CLEAN_DAYS: u32 = 9;
/// How many organisations must have seen a failure until it is taken for the domain's own. Default 2.
pub const MTASTS_READY_LIMIT_WITNESSES: u32 = 10;
/// How many of a thousand sessions of one organisation may fail for other causes. Default 5.
pub const MTASTS_READY_LIMIT_OTHER_FAILURES: u32 = 11;
/// On how many days they may. Default 2.
pub const MTASTS_READY_LIMIT_OTHER_FAILURE_DAYS: u32 = 12;

/// A condition for enforcing a policy: one of the MTASTS_READY_RULE_ numbers, from 1 without a gap.
pub type mtasts_ready_rule = u32;

/// Every MX host in DNS passes a check now, and its certificate lasts.
pub const MTASTS_READY_RULE_HOSTS_PASS: u32 = 1;
/// The policy is served now, and no sender failed to fetch it lately.
pub const MTASTS_READY_RULE_POLICY_SERVED: u32 = 2;
/// The same list of MX hosts has been served for long enough.
pub const MTASTS_READY_RULE_ENOUGH_DAYS: u32 = 3;
/// Enough senders have reported enough sessions under the policy.
pub const MTASTS_READY_RULE_ENOUGH_SESSIONS: u32 = 4;
/// Of the failures none is the domain's own, for some days.
pub const MTASTS_READY_RULE_NO_FAILURE_OF_YOURS: u32 = 5;
/// What single senders report is little, and on few days.
pub const MTASTS_READY_RULE_FEW_OTHER_FAILURES: u32 = 6;
/// The sessions are those of senders that verify in mode testing.
pub const MTASTS_READY_RULE_SENDERS_VERIFY: u32 = 7;
/// Every host that a report names is in DNS, or accepted.
pub const MTASTS_READY_RULE_HOSTS_KNOWN: u32 = 8;

/// Whether to enforce: MTASTS_READY_YES, MTASTS_READY_NOT_YET or MTASTS_READY_BLOCKED.
pub type mtasts_ready_verdict = u32;

/// All conditions are met.
pub const MTASTS_READY_YES: u32 = 1;
/// Something is missing that time, mail or mending brings.
pub const MTASTS_READY_NOT_YET: u32 = 2;
/// The owner has to decide about a host, whatever else is missing.
pub const MTASTS_READY_BLOCKED: u32 = 3;

/// What is known of a domain and of the policy that is to be enforced: the question to which a mtasts_readiness is the answer.
///
/// Without a check, which mtasts_ready_set_policy_fault() or mtasts_ready_add_host() tells of, the answer is never
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

/// Whether a policy can be enforced, what is missing, and how much that rests upon.
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

/// A question about the `policy` of `domain`, in mode testing; both stay the caller's and may be freed before.
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
        // SAFETY: a string as the header wants it.
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

/// Sets since when the policy has this list of mx, `time`, in Unix seconds. Where it is not set, reports must tell.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ready_set_since(ready: Option<&mut mtasts_ready>, time: u64) -> mtasts_status {
    change(ready, |question| {
        question.since = Some(UnixTime::from_secs(time));
        Ok(())
    })
}

/// Sets when a fault of the domain was mended last, `time`, in Unix seconds. Failures of that day count as from before.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ready_set_mended_at(ready: Option<&mut mtasts_ready>, time: u64) -> mtasts_status {
    change(ready, |question| {
        question.mended_at = Some(UnixTime::from_secs(time));
        Ok(())
    })
}

/// Sets what a check sees of the policy now: `fault`, the mtasts_hint_code() of why it cannot be fetched, or NULL if it can.
///
/// Errors: MTASTS_ERR_ARGUMENT for what is no code of a hint; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_ready_set_policy_fault(
    ready: Option<&mut mtasts_ready>,
    fault: *const c_char,
) -> mtasts_status {
    change(ready, |question| {
        // SAFETY: a string as the header wants it, or NULL.
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

/// Adds an MX host as a check sees it now: its `name`, the mtasts_hint_code() of its `fault`, or NULL if it passes, the time
/// `expires_at` at which its certificate expires, in Unix seconds, 0 if that is not known, and whether an earlier check saw another
/// certificate, `renewal_seen`, 0 or not: it renews then, and its end is no concern.
///
/// Every name in the MX records belongs here; without MX records, the domain's own. Errors: 101 to 109 for the name;
/// MTASTS_ERR_ARGUMENT for what is no code of a hint.
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
        // SAFETY: strings as the header wants them, the second if it is there.
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

/// Adds a host, `name`, that is accepted although reports name it and it is no MX host in DNS.
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
        // SAFETY: a string as the header wants it.
        let name = DnsName::parse(unsafe { string(name) }?)?;
        ready
            .question
            .change(|question| question.rules = std::mem::take(&mut question.rules).with_accepted(name))
    })
}

/// Sets a limit of a condition, one of the MTASTS_READY_LIMIT_ numbers, to `value`; beyond 2^32 - 1 it counts as that, but for
/// sessions.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other `limit`.
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

/// Answers the question at the time `now`, in Unix seconds, by `count` reports at `reports`, in any order; they stay the caller's, and so
/// does the question.
///
/// Anybody can write a report: hand in those only that you believe. Reports may be of any domain; a report that came twice counts
/// once. Errors: MTASTS_ERR_NULL, for a report too; MTASTS_ERR_POISONED.
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
        // SAFETY: an array as the header wants it.
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

/// Frees a question. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ready_free(ready: Option<Box<mtasts_ready>>) {
    drop(ready);
}

/// The stable word of a condition, `rule`, as "enough-days". NULL for a number that is none. It lives as long as the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ready_rule_word(rule: mtasts_ready_rule) -> *const c_char {
    find_rule(rule).map_or(NONE, |(word, _)| word)
}

/// What a condition, `rule`, asks for, as one English sentence. NULL for a number that is none. It lives as long as the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_ready_rule_message(rule: mtasts_ready_rule) -> *const c_char {
    find_rule(rule).map_or(NONE, |(_, message)| message)
}

/// Whether to enforce: MTASTS_READY_YES, MTASTS_READY_NOT_YET or MTASTS_READY_BLOCKED. 0 for NULL.
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

/// With MTASTS_READY_NOT_YET, the first day on which all conditions may be met, if all faults are mended now and no other comes: its
/// first second, in Unix seconds. 0 otherwise, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_earliest(readiness: Option<&mtasts_readiness>) -> u64 {
    guard::get(0, || match readiness?.readiness.verdict() {
        Verdict::NotYet { earliest } => Some(earliest.as_secs()),
        _ => None,
    })
}

/// Whether a condition, `rule`, is met: 1 or 0. 0 for a number that is none, and for NULL.
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

/// How many things are missing. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_shortfall_count(readiness: Option<&mtasts_readiness>) -> usize {
    readiness.map_or(0, |readiness| readiness.shortfalls.len())
}

/// Something that is missing, in the order of the conditions from 0. NULL for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_shortfall_get(
    readiness: Option<&mtasts_readiness>,
    index: usize,
) -> Option<&mtasts_shortfall> {
    readiness?.shortfalls.get(index)
}

/// For how many full days the list of MX hosts has been served. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_days(readiness: Option<&mtasts_readiness>) -> u64 {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().days())
}

/// How many organisations have reported successes under the policy. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_submitters(readiness: Option<&mtasts_readiness>) -> usize {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().submitters())
}

/// How many sessions succeeded under the policy. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_sessions(readiness: Option<&mtasts_readiness>) -> u64 {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().sessions())
}

/// How many of them on days after the last failure of the domain's own, and after its mending: without a failure in n of them, fewer
/// than 3/n fail, with 95 % confidence. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_clean_sessions(readiness: Option<&mtasts_readiness>) -> u64 {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().clean_sessions())
}

/// How many sessions more were reported by senders that do not verify in mode testing. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_unverified_sessions(readiness: Option<&mtasts_readiness>) -> u64 {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().unverified_sessions())
}

/// How many reports were passed over, for want of a period that can be true. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_unusable_reports(readiness: Option<&mtasts_readiness>) -> usize {
    readiness.map_or(0, |readiness| readiness.readiness.evidence().unusable_reports())
}

/// How much the answer rests upon, as "no failure of yours in 4212 sessions: fewer than 0.08 % fail, at 95 % confidence". NULL for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_evidence(readiness: Option<&mtasts_readiness>) -> *const c_char {
    readiness.map_or(NONE, |readiness| readiness.evidence.as_ptr())
}

/// Frees a readiness. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_readiness_free(readiness: Option<Box<mtasts_readiness>>) {
    drop(readiness);
}

/// The condition that lacks it: one of the MTASTS_READY_RULE_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_rule(shortfall: Option<&mtasts_shortfall>) -> mtasts_ready_rule {
    shortfall.map_or(0, |shortfall| number_of(shortfall.rule))
}

/// A stable word for it, as "few-submitters". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_code(shortfall: Option<&mtasts_shortfall>) -> *const c_char {
    shortfall.map_or(NONE, |shortfall| shortfall.code.as_ptr())
}

/// The MX host that it is about. NULL for none, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_host(shortfall: Option<&mtasts_shortfall>) -> *const c_char {
    shortfall.and_then(|shortfall| shortfall.host.as_ref()).map_or(NONE, |host| host.as_ptr())
}

/// The fault that it is about. NULL for none, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_hint(shortfall: Option<&mtasts_shortfall>) -> Option<&mtasts_hint> {
    shortfall?.hint.as_ref()
}

/// What is missing, as one English sentence. Of what reports say nothing stands there that a terminal would act upon. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_message(shortfall: Option<&mtasts_shortfall>) -> *const c_char {
    shortfall.map_or(NONE, |shortfall| shortfall.message.as_ptr())
}

/// What to do, as one English sentence. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_shortfall_fix(shortfall: Option<&mtasts_shortfall>) -> *const c_char {
    shortfall.map_or(NONE, |shortfall| shortfall.fix.as_ptr())
}

/// The first day on which it may be there, if it is mended now: its first second, in Unix seconds. 0 where the owner has to decide,
/// and for NULL.
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

/// The hint of a code; nothing for NULL.
///
/// # Safety
///
/// `code` is a string as the header wants it, or NULL.
unsafe fn optional_hint(code: *const c_char) -> Result<Option<Hint>, Fault> {
    if code.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
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
