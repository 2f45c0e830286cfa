//! The steps from what a domain publishes to what it wants to publish.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::publish::{Action, Plan, Step, Wait};
use mta_sts_core::{DnsName, UnixTime};

use crate::draft::mtasts_draft;
use crate::guard;
use crate::history::mtasts_history;
use crate::pointer::give;
use crate::publish_facts::mtasts_publish_facts;
use crate::publish_target::mtasts_publish_target;
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{self, Lens, NONE, Row, c_string};

/// What is done in a step: one of the MTASTS_PUBLISH_ACTION_ numbers.
pub type mtasts_publish_action = u32;

/// Serve the policy of the step.
pub const MTASTS_PUBLISH_ACTION_PUT_POLICY: u32 = 1;
/// Have another host serve the policy of the step, then point the name of the Policy Host at it.
pub const MTASTS_PUBLISH_ACTION_MOVE_POLICY_HOST: u32 = 2;
/// Publish the record with the id of the step.
pub const MTASTS_PUBLISH_ACTION_PUT_RECORD: u32 = 3;
/// Change the MX records.
pub const MTASTS_PUBLISH_ACTION_CHANGE_MX: u32 = 4;
/// Delete the TXT record.
pub const MTASTS_PUBLISH_ACTION_DELETE_RECORD: u32 = 5;
/// Serve no policy any more.
pub const MTASTS_PUBLISH_ACTION_DELETE_POLICY: u32 = 6;

/// What has to be waited for before a step: one of the MTASTS_PUBLISH_WAIT_ numbers, consecutive from 1.
pub type mtasts_publish_wait = u32;

/// Nothing.
pub const MTASTS_PUBLISH_WAIT_NOTHING: u32 = 1;
/// The step before.
pub const MTASTS_PUBLISH_WAIT_PREVIOUS_STEP: u32 = 2;
/// Caches between the Policy Host and senders, or the addresses of the former Policy Host in DNS.
pub const MTASTS_PUBLISH_WAIT_POLICY_CACHE: u32 = 3;
/// The TTL of the old record.
pub const MTASTS_PUBLISH_WAIT_RECORD_TTL: u32 = 4;
/// The time after which senders ask a Policy Host again that did not respond.
pub const MTASTS_PUBLISH_WAIT_RETRY: u32 = 5;
/// The max_age of an older policy.
pub const MTASTS_PUBLISH_WAIT_OLD_POLICIES: u32 = 6;
/// Policies from before the history.
pub const MTASTS_PUBLISH_WAIT_UNKNOWN_POLICIES: u32 = 7;
/// The TTL of the old MX records, and the queues of senders.
pub const MTASTS_PUBLISH_WAIT_QUEUED_MAIL: u32 = 8;
/// The time for which a policy is tested before it is enforced.
pub const MTASTS_PUBLISH_WAIT_TESTING_PERIOD: u32 = 9;
/// The time for which an enforced policy has a short max_age.
pub const MTASTS_PUBLISH_WAIT_MAX_AGE_GROWTH: u32 = 10;
/// The max_age of all policies from before the removal.
pub const MTASTS_PUBLISH_WAIT_OPT_OUT: u32 = 11;

/// The steps from what a domain publishes to what it wants to publish, with their times.
///
/// Do the first step when its time has come, note what has changed in the history, and plan again: the plan goes on where it
/// was.
pub struct mtasts_publish_plan {
    steps: Vec<mtasts_publish_step>,
    settled: (UnixTime, UnixTime),
}

/// A step of a plan: what to do, when, and why not before. It belongs to its mtasts_publish_plan.
///
/// It has two times. At the earliest, no sender refuses mail that compares the id of the record with that of its policy before
/// it delivers, as RFC 8461 asks, and that the Policy Host responds to. At the safe time no sender does, whatever it compares:
/// each policy that could refuse mail has expired.
pub struct mtasts_publish_step {
    step: Step,
    code: CString,
    reason: CString,
    section: CString,
    draft: Option<mtasts_draft>,
    id: Option<CString>,
    added: Vec<CString>,
    removed: Vec<CString>,
}

/// Plans the steps from what `history` says is published, and `facts` of the time `now`, in Unix seconds, to the `target`. All
/// of them remain the caller's.
///
/// A change of the MX hosts: the policy names old and new hosts, then the MX records change, then the policy names the new
/// ones alone. To mode enforce: the policy is tested first, then its max_age grows. A removal: mode none until every older
/// policy has expired, then record and policy are deleted.
///
/// Errors: 1501 to 1509, with mtasts_error_name() if a host or a wildcard is at fault: the target, or what has to be served on
/// the way to it, must not be published. MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_plan_between(
    history: Option<&mtasts_history>,
    target: Option<&mtasts_publish_target>,
    facts: Option<&mtasts_publish_facts>,
    now: u64,
    plan: Option<&mut MaybeUninit<*mut mtasts_publish_plan>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = plan.ok_or(Fault::NULL)?;
        let history = history.ok_or(Fault::NULL)?.core()?;
        let target = target.ok_or(Fault::NULL)?.core()?;
        let facts = facts.ok_or(Fault::NULL)?.core()?;
        let plan = Plan::between(history, target, facts, UnixTime::from_secs(now))?;
        give(out, mtasts_publish_plan::new(&plan));
        Ok(())
    })
}

/// The number of steps: 0 if nothing is to be done. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_plan_step_count(plan: Option<&mtasts_publish_plan>) -> usize {
    plan.map_or(0, |plan| plan.steps.len())
}

/// A step, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_plan_step_get(
    plan: Option<&mtasts_publish_plan>,
    index: usize,
) -> Option<&mtasts_publish_step> {
    plan?.steps.get(index)
}

/// The time from which senders that compare ids hold what was published last, if each step is done at its earliest time, in
/// Unix seconds. Until then some may go on by an older policy. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_plan_settled(plan: Option<&mtasts_publish_plan>) -> u64 {
    plan.map_or(0, |plan| plan.settled.0.as_secs())
}

/// The time from which all senders hold what was published last, if each step is done at its safe time, in Unix seconds. 0 for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_plan_settled_safe(plan: Option<&mtasts_publish_plan>) -> u64 {
    plan.map_or(0, |plan| plan.settled.1.as_secs())
}

/// Frees a plan. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_plan_free(plan: Option<Box<mtasts_publish_plan>>) {
    drop(plan);
}

/// What to do: one of the MTASTS_PUBLISH_ACTION_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_action(step: Option<&mtasts_publish_step>) -> mtasts_publish_action {
    step.map_or(0, |step| match step.step.action() {
        Action::PutPolicy(_) => MTASTS_PUBLISH_ACTION_PUT_POLICY,
        Action::MovePolicyHost(_) => MTASTS_PUBLISH_ACTION_MOVE_POLICY_HOST,
        Action::PutRecord(_) => MTASTS_PUBLISH_ACTION_PUT_RECORD,
        Action::ChangeMx { .. } => MTASTS_PUBLISH_ACTION_CHANGE_MX,
        Action::DeleteRecord => MTASTS_PUBLISH_ACTION_DELETE_RECORD,
        Action::DeletePolicy => MTASTS_PUBLISH_ACTION_DELETE_POLICY,
        _ => 0,
    })
}

/// The stable code of what to do, such as "put-policy". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_code(step: Option<&mtasts_publish_step>) -> *const c_char {
    step.map_or(NONE, |step| step.code.as_ptr())
}

/// The reason for the place of the step in the plan, in one sentence. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_reason(step: Option<&mtasts_publish_step>) -> *const c_char {
    step.map_or(NONE, |step| step.reason.as_ptr())
}

/// The section of the RFC that the reason comes from, such as "RFC 8461, 8.1". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_section(step: Option<&mtasts_publish_step>) -> *const c_char {
    step.map_or(NONE, |step| step.section.as_ptr())
}

/// The policy to be served. NULL for any other step, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_draft(step: Option<&mtasts_publish_step>) -> Option<&mtasts_draft> {
    step?.draft.as_ref()
}

/// The id that the record is to have. NULL for any other step, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_id(step: Option<&mtasts_publish_step>) -> *const c_char {
    step.and_then(|step| step.id.as_ref()).map_or(NONE, |id| id.as_ptr())
}

/// The number of hosts to be added to the MX records. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_added_count(step: Option<&mtasts_publish_step>) -> usize {
    step.map_or(0, |step| step.added.len())
}

/// A host to be added to the MX records, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_added_get(
    step: Option<&mtasts_publish_step>,
    index: usize,
) -> *const c_char {
    step.and_then(|step| step.added.get(index)).map_or(NONE, |host| host.as_ptr())
}

/// The number of hosts to be taken out of the MX records. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_removed_count(step: Option<&mtasts_publish_step>) -> usize {
    step.map_or(0, |step| step.removed.len())
}

/// A host to be taken out of the MX records, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_removed_get(
    step: Option<&mtasts_publish_step>,
    index: usize,
) -> *const c_char {
    step.and_then(|step| step.removed.get(index)).map_or(NONE, |host| host.as_ptr())
}

/// The time from which senders that compare ids refuse no mail for the step, if each step before it is done at its earliest
/// time, in Unix seconds. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_earliest(step: Option<&mtasts_publish_step>) -> u64 {
    step.map_or(0, |step| step.step.earliest().as_secs())
}

/// What has to be waited for until the earliest time: one of the MTASTS_PUBLISH_WAIT_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_wait(step: Option<&mtasts_publish_step>) -> mtasts_publish_wait {
    step.map_or(0, |step| number_of(step.step.wait()))
}

/// The time from which no sender refuses mail for the step, if each step before it is done at its safe time, in Unix seconds. 0
/// for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_safe(step: Option<&mtasts_publish_step>) -> u64 {
    step.map_or(0, |step| step.step.safe().as_secs())
}

/// What has to be waited for until the safe time: one of the MTASTS_PUBLISH_WAIT_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_step_safe_wait(step: Option<&mtasts_publish_step>) -> mtasts_publish_wait {
    step.map_or(0, |step| number_of(step.step.safe_wait()))
}

/// The stable code of what has to be waited for, `wait`, such as "record-ttl". NULL for an unknown number. It is valid for the
/// lifetime of the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_wait_word(wait: mtasts_publish_wait) -> *const c_char {
    find(wait).map_or(NONE, |(word, _)| word)
}

/// The reason to wait for it, `wait`, in one sentence. NULL for an unknown number. It is valid for the lifetime of the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_wait_message(wait: mtasts_publish_wait) -> *const c_char {
    find(wait).map_or(NONE, |(_, message)| message)
}

/// The section of the RFC that the reason to wait for it, `wait`, comes from, such as "RFC 8461, 8.1"; empty for
/// MTASTS_PUBLISH_WAIT_NOTHING. NULL for an unknown number. It is valid for the lifetime of the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_publish_wait_section(wait: mtasts_publish_wait) -> *const c_char {
    let number = i32::try_from(wait).ok();
    let found = number.and_then(|number| text::find(&SECTION_LENS, &SECTION_TEXTS, number));
    found.map_or(NONE, |(section, _)| section.as_ptr())
}

impl mtasts_publish_plan {
    fn new(plan: &Plan) -> Self {
        let steps = plan.steps().iter().cloned().map(mtasts_publish_step::new).collect();
        Self { steps, settled: plan.settled_at() }
    }
}

impl mtasts_publish_step {
    fn new(step: Step) -> Self {
        let (mut draft, mut id, mut added, mut removed) = (None, None, Vec::new(), Vec::new());
        let names = |hosts: &[DnsName]| hosts.iter().map(|host| c_string(host.as_str())).collect();
        let action = step.action();
        match action {
            Action::PutPolicy(policy) | Action::MovePolicyHost(policy) => {
                draft = Some(mtasts_draft::new(policy.clone()));
            }
            Action::PutRecord(own) => id = Some(c_string(own.as_str())),
            Action::ChangeMx { add, remove } => (added, removed) = (names(add), names(remove)),
            _ => {}
        }
        Self {
            code: c_string(action.code()),
            reason: c_string(action.reason()),
            section: c_string(action.section()),
            draft,
            id,
            added,
            removed,
            step,
        }
    }
}

/// The number of a wait; 0 for one that C does not know yet.
const fn number_of(wait: Wait) -> mtasts_publish_wait {
    match wait {
        Wait::Nothing => MTASTS_PUBLISH_WAIT_NOTHING,
        Wait::PreviousStep => MTASTS_PUBLISH_WAIT_PREVIOUS_STEP,
        Wait::PolicyCache => MTASTS_PUBLISH_WAIT_POLICY_CACHE,
        Wait::RecordTtl => MTASTS_PUBLISH_WAIT_RECORD_TTL,
        Wait::Retry => MTASTS_PUBLISH_WAIT_RETRY,
        Wait::OldPolicies => MTASTS_PUBLISH_WAIT_OLD_POLICIES,
        Wait::UnknownPolicies => MTASTS_PUBLISH_WAIT_UNKNOWN_POLICIES,
        Wait::QueuedMail => MTASTS_PUBLISH_WAIT_QUEUED_MAIL,
        Wait::TestingPeriod => MTASTS_PUBLISH_WAIT_TESTING_PERIOD,
        Wait::Growth => MTASTS_PUBLISH_WAIT_MAX_AGE_GROWTH,
        Wait::OptOut => MTASTS_PUBLISH_WAIT_OPT_OUT,
        _ => 0,
    }
}

fn find(wait: mtasts_publish_wait) -> Option<(*const c_char, *const c_char)> {
    let number = i32::try_from(wait).ok()?;
    let (word, message) = text::find(&WAIT_LENS, &WAIT_TEXTS, number)?;
    Some((word.as_ptr(), message.as_ptr()))
}

/// The texts of each wait: code and message, and apart from them its section.
const WAITS: ([Row; Wait::ALL.len()], [Row; Wait::ALL.len()]) = {
    let mut texts = [(0, "", ""); Wait::ALL.len()];
    let mut sections = texts;
    let mut row = 0;
    while row < Wait::ALL.len() {
        let wait = Wait::ALL[row];
        let number = number_of(wait);
        assert!(number != 0, "each wait has a number");
        #[allow(clippy::cast_possible_wrap, reason = "it is small")]
        let number = number as i32;
        texts[row] = (number, wait.code(), wait.message());
        sections[row] = (number, wait.section(), "");
        row += 1;
    }
    (texts, sections)
};

static WAIT_LENS: [Lens; WAITS.0.len()] = text::lens(&WAITS.0);
static WAIT_TEXTS: [u8; text::table_len(&WAITS.0)] = text::table(&WAITS.0);
static SECTION_LENS: [Lens; WAITS.1.len()] = text::lens(&WAITS.1);
static SECTION_TEXTS: [u8; text::table_len(&WAITS.1)] = text::table(&WAITS.1);
