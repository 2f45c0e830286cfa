//! Calls of the C library about what a domain publishes in any order, with NULLs, empty texts and what failed calls left: they keep
//! to what the header promises, and touch no memory that is not theirs. A plan, whatever it is made of, can be done in its order.
//!
//! No handle is used after it was freed, and none is shared: that is forbidden to callers.
#![no_main]

use std::ffi::{CString, c_char};
use std::ptr::null;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use mta_sts_fuzz::ffi::*;
use mta_sts_fuzz::{give, make};
use mtasts::*;

const START: u64 = 1_700_000_000;
const MAX_CALLS: usize = 60;

const TEXTS: [&[u8]; 12] = [
    b"a.test",
    b"mx1.a.test",
    b"mx2.a.test",
    b"MX3.b.test.",
    b"*.a.test",
    b"*.b.test",
    b"*.test",
    b"mailserver",
    b"mx_1.a.test",
    b"20260101",
    b"1",
    b"",
];
const HISTORIES: [&[u8]; 2] = [
    b"mta-sts-history 1\ndomain: a.test\nunknown-until: 1700500000\npolicy: 1690000000 1699990000 b2 testing 86400 *.a.test\npolicy: 1699990000 - a1 enforce 604800 mx1.a.test\nrecord: 1699000000 1700000000 - 1\nmx: 1700000000 - mx1.a.test\nmx: 1690000000 1699900000 mx3.b.test\n",
    b"mta-sts-history 1\ndomain: a.test\n",
];
const POLICIES: [&[u8]; 2] = [
    b"version: STSv1\nmode: enforce\nmx: mx2.a.test\nmax_age: 604800\n",
    b"version: STSv1\nmode: none\nmax_age: 86400\n",
];

struct Caller<'a> {
    input: Unstructured<'a>,
    policies: Table<mtasts_policy>,
    drafts: Table<mtasts_draft>,
    histories: Table<mtasts_history>,
    targets: Table<mtasts_publish_target>,
    facts: Table<mtasts_publish_facts>,
    plans: Table<mtasts_publish_plan>,
    texts: Table<mtasts_text>,
}

fuzz_target!(|data: &[u8]| {
    let mut caller = Caller {
        input: Unstructured::new(data),
        policies: Table::default(),
        drafts: Table::default(),
        histories: Table::default(),
        targets: Table::default(),
        facts: Table::default(),
        plans: Table::default(),
        texts: Table::default(),
    };
    for _ in 0..MAX_CALLS {
        if caller.input.is_empty() {
            break;
        }
        // SAFETY: strings, arrays and octets are made for the call, handles are in the tables or NULL.
        unsafe { caller.call() };
    }
});

impl Caller<'_> {
    unsafe fn call(&mut self) {
        let (one, two) = (self.number(4), self.number(4));
        let (text, names) = (self.text(), self.names());
        let (text, hosts) = (pointer(text.as_ref()), names.pointers());
        let (first, count) = (hosts.as_ptr(), hosts.len());
        let (now, wide, small) = (self.time(), self.seconds(), u32::from(self.byte() % 9));
        // SAFETY: as the caller says.
        unsafe {
            match self.number(12) {
                0 => {
                    make!(self, drafts, |out, error| mtasts_draft_new(
                        text, small, first, count, wide, out, error
                    ));
                    read_draft(at(&self.drafts, one));
                }
                1 => {
                    let draft = take(&mut self.drafts, one);
                    make!(self, drafts, |out, error| mtasts_draft_with_wildcard(
                        draft.as_deref(),
                        text,
                        out,
                        error
                    ));
                    give!(self, texts, |out| mtasts_draft_zone_line(draft.as_deref(), small, out));
                    let (octets, len, _owner) = self.octets(&POLICIES);
                    give!(self, texts, |out| mtasts_draft_id_of(octets, len, out));
                    put_back(&mut self.drafts, one, draft);
                    read_draft(at(&self.drafts, two));
                    read_text(at(&self.texts, two));
                }
                2 => {
                    let (octets, len, _owner) = self.octets(&POLICIES);
                    make!(self, policies, |out, error| mtasts_policy_parse(octets, len, out, error));
                }
                3 | 4 => {
                    let (octets, len, _owner) = self.octets(&HISTORIES);
                    make!(self, histories, |out, error| mtasts_history_parse(octets, len, out, error));
                    make!(self, histories, |out, error| mtasts_history_new(text, out, error));
                    read_history(at(&self.histories, one), now);
                }
                5 | 6 => {
                    let mut history = at_mut(&mut self.histories, one);
                    plain(mtasts_history_note_policy(history.as_deref_mut(), at(&self.policies, two), now));
                    told(small > 1, true, |error| {
                        mtasts_history_note_record(history.as_deref_mut(), text, now, error)
                    });
                    told(small > 1, true, |error| {
                        mtasts_history_note_hosts(history.as_deref_mut(), first, count, now, error)
                    });
                    if small == 0 {
                        plain(mtasts_history_set_unknown_until(history, now.saturating_add(wide)));
                    }
                    read_history(at(&self.histories, one), now);
                }
                7 => {
                    give!(self, targets, |out| mtasts_publish_target_new(small, out));
                    if two == 0 {
                        give!(self, targets, |out| mtasts_publish_target_removed(out));
                    }
                }
                8 => {
                    let times = [self.seconds(), self.seconds(), self.seconds()];
                    let mut target = at_mut(&mut self.targets, one);
                    match small {
                        0 => plain(mtasts_publish_target_set_max_age(target, wide)),
                        1 => plain(mtasts_publish_target_set_testing_period(target, wide)),
                        2 => plain(mtasts_publish_target_set_growth(
                            target,
                            times.as_ptr(),
                            if two == 3 { null() } else { times.as_ptr().wrapping_add(1) },
                            usize::from(two.min(2)),
                        )),
                        3 => {
                            let status = told(true, true, |error| {
                                mtasts_publish_target_add_wildcard(target.as_deref_mut(), text, error)
                            });
                            status == MTASTS_OK
                        }
                        4 => {
                            let set = |error: Out<'_, _>| {
                                mtasts_publish_target_set_policy_host(target.as_deref_mut(), text, error)
                            };
                            told(true, true, set) == MTASTS_OK
                        }
                        _ => {
                            let set = |error: Out<'_, _>| {
                                mtasts_publish_target_set_hosts(target.as_deref_mut(), first, count, error)
                            };
                            told(true, true, set) == MTASTS_OK
                        }
                    };
                }
                9 => {
                    make!(self, facts, |out, error| mtasts_publish_facts_new(first, count, out, error));
                    let mut facts = at_mut(&mut self.facts, one);
                    plain(mtasts_publish_facts_set_time(facts.as_deref_mut(), small, wide));
                    if two == 0 {
                        told(true, true, |error| mtasts_publish_facts_set_policy_host(facts, text, error));
                    }
                }
                _ => {
                    let (history, target) = (take(&mut self.histories, one), take(&mut self.targets, two));
                    let facts = take(&mut self.facts, one);
                    make!(self, plans, |out, error| mtasts_publish_plan_between(
                        history.as_deref(),
                        target.as_deref(),
                        facts.as_deref(),
                        now,
                        out,
                        error
                    ));
                    put_back(&mut self.histories, one, history);
                    put_back(&mut self.targets, two, target);
                    put_back(&mut self.facts, one, facts);
                    read_plan(at(&self.plans, two));
                }
            }
        }
    }

    fn byte(&mut self) -> u8 {
        self.input.arbitrary().unwrap_or_default()
    }

    /// Of a number of choices; small, so that it may be a place in a table.
    fn number(&mut self, below: u8) -> usize {
        usize::from(self.byte() % below)
    }

    fn seconds(&mut self) -> u64 {
        match self.byte() {
            days @ 0..=239 => u64::from(days % 40) * 86_400,
            _ => self.input.arbitrary().unwrap_or_default(),
        }
    }

    fn time(&mut self) -> u64 {
        match self.byte() {
            near @ 0..=239 => START + u64::from(near) * 10_000,
            _ => self.input.arbitrary().unwrap_or_default(),
        }
    }

    /// A string for C, or NULL.
    fn text(&mut self) -> Option<CString> {
        match self.byte() {
            known @ 0..=229 => CString::new(TEXTS[usize::from(known) % TEXTS.len()]).ok(),
            230..=239 => None,
            _ => {
                let octets = self.some_octets(40).into_iter().filter(|octet| *octet != 0);
                CString::new(octets.collect::<Vec<_>>()).ok()
            }
        }
    }

    /// An array of strings; some may be NULL.
    fn names(&mut self) -> Names {
        Names((0..self.number(5)).map(|_| self.text()).collect())
    }

    /// Octets for C, with their owner; NULL with a length of zero, and with one that lies.
    fn octets(&mut self, known: &[&'static [u8]]) -> (*const u8, usize, Box<[u8]>) {
        let octets: Box<[u8]> = match self.byte() {
            pick @ 0..=169 => known[usize::from(pick) % known.len()].into(),
            170..=179 => return (null(), 0, Box::default()),
            180..=189 => return (null(), 1 + usize::from(self.byte()), Box::default()),
            pick => {
                let whole = known[usize::from(pick) % known.len()];
                let kept = usize::from(self.byte()).min(whole.len());
                [&whole[..kept], &self.some_octets(60)].concat().into()
            }
        };
        (octets.as_ptr(), octets.len(), octets)
    }

    fn some_octets(&mut self, most: usize) -> Vec<u8> {
        let len = usize::from(self.byte()).min(most).min(self.input.len());
        self.input.bytes(len).unwrap_or_default().to_vec()
    }
}

struct Names(Vec<Option<CString>>);

impl Names {
    fn pointers(&self) -> Vec<*const c_char> {
        self.0.iter().map(|name| pointer(name.as_ref())).collect()
    }
}

fn read_text(text: Option<&mtasts_text>) {
    let whole = read(mtasts_text_string(text));
    assert_eq!(whole.map_or(0, |text| text.len()), mtasts_text_len(text));
}

fn read_draft(draft: Option<&mtasts_draft>) {
    let policy = mtasts_draft_policy(draft);
    assert_eq!(policy.is_some(), draft.is_some());
    for text in [mtasts_draft_domain(draft), mtasts_draft_record(draft), mtasts_policy_text(policy)] {
        assert_eq!(read(text).is_some_and(|text| !text.is_empty()), draft.is_some());
    }
    let Some(body) = read(mtasts_policy_text(policy)) else { return };
    // SAFETY: octets that live.
    let id = made(17, false, |out, _| unsafe { mtasts_draft_id_of(body.as_ptr(), body.len(), out) });
    assert_eq!(read(mtasts_text_string(id.flatten().as_deref())), read(mtasts_draft_id(draft)));
    let count = mtasts_policy_mx_count(policy);
    assert_eq!(count == 0, mtasts_policy_mode(policy) == MTASTS_MODE_NONE);
    assert!((86_400..=31_557_600).contains(&mtasts_policy_max_age(policy)));
}

fn read_history(history: Option<&mtasts_history>, now: u64) {
    assert_eq!(read(mtasts_history_domain(history)).is_some(), history.is_some());
    let count = mtasts_history_policy_count(history);
    assert!(count <= 64);
    for index in 0..=count {
        let policy = mtasts_history_policy_get(history, index);
        assert_eq!(policy.is_some(), index < count);
        assert_eq!(read(mtasts_served_policy_id(policy)).is_some(), index < count);
        let word = read(mtasts_mode_word(mtasts_served_policy_mode(policy)));
        assert_eq!(word.is_some(), index < count);
        assert!(mtasts_served_policy_since(policy) <= mtasts_served_policy_until(policy));
        assert!(mtasts_served_policy_max_age(policy) <= 31_557_600);
        let patterns = mtasts_served_policy_mx_count(policy);
        for place in 0..=patterns {
            assert_eq!(read(mtasts_served_policy_mx_get(policy, place)).is_some(), place < patterns);
        }
    }
    let longest = mtasts_history_longest_cached(history, now);
    if let Some(longest) = longest {
        let until = mtasts_served_policy_until(Some(longest));
        let served = if until == u64::MAX { now } else { until };
        assert!(served.saturating_add(mtasts_served_policy_max_age(Some(longest))) >= now);
    }
    let count = mtasts_history_record_count(history);
    assert!(count <= 64);
    for index in 0..=count {
        let record = mtasts_history_record_get(history, index);
        assert_eq!(read(mtasts_seen_record_id(record)).is_some(), index < count);
        assert!(mtasts_seen_record_since(record) <= mtasts_seen_record_until(record));
        mtasts_seen_record_before(record);
    }
    let count = mtasts_history_host_count(history);
    assert!(count <= 1024);
    for index in 0..=count {
        let host = mtasts_history_host_get(history, index);
        assert_eq!(read(mtasts_seen_host_name(host)).is_some(), index < count);
        assert!(mtasts_seen_host_since(host) <= mtasts_seen_host_until(host));
    }
    // Written and read again it is the same.
    let text = made(17, false, |out, _| mtasts_history_text(history, out)).flatten();
    let Some(text) = read(mtasts_text_string(text.as_deref())) else { return };
    let again = made(17, true, |out, error| {
        // SAFETY: octets that live.
        unsafe { mtasts_history_parse(text.as_ptr(), text.len(), out, error) }
    });
    let again = again.flatten();
    assert!(again.is_some());
    let written = made(17, false, |out, _| mtasts_history_text(again.as_deref(), out)).flatten();
    assert_eq!(read(mtasts_text_string(written.as_deref())), Some(text));
    assert_eq!(mtasts_history_unknown_until(again.as_deref()), mtasts_history_unknown_until(history));
}

fn read_plan(plan: Option<&mtasts_publish_plan>) {
    let count = mtasts_publish_plan_step_count(plan);
    let (mut earliest, mut safe) = (0, 0);
    for index in 0..=count {
        let step = mtasts_publish_plan_step_get(plan, index);
        assert_eq!(step.is_some(), index < count);
        for text in [
            mtasts_publish_step_code(step),
            mtasts_publish_step_reason(step),
            mtasts_publish_step_section(step),
        ] {
            assert_eq!(read(text).is_some_and(|text| !text.is_empty()), step.is_some());
        }
        for wait in [mtasts_publish_step_wait(step), mtasts_publish_step_safe_wait(step)] {
            assert_eq!(read(mtasts_publish_wait_word(wait)).is_some(), step.is_some());
            assert_eq!(read(mtasts_publish_wait_message(wait)).is_some(), step.is_some());
            assert_eq!(read(mtasts_publish_wait_section(wait)).is_some(), step.is_some());
        }
        let action = mtasts_publish_step_action(step);
        assert_eq!(action != 0, step.is_some());
        let draft = mtasts_publish_step_draft(step);
        let puts = [MTASTS_PUBLISH_ACTION_PUT_POLICY, MTASTS_PUBLISH_ACTION_MOVE_POLICY_HOST];
        assert_eq!(draft.is_some(), puts.contains(&action));
        read_draft(draft);
        let id = read(mtasts_publish_step_id(step));
        assert_eq!(id.is_some(), action == MTASTS_PUBLISH_ACTION_PUT_RECORD);
        let (added, removed) =
            (mtasts_publish_step_added_count(step), mtasts_publish_step_removed_count(step));
        assert_eq!(added + removed > 0, action == MTASTS_PUBLISH_ACTION_CHANGE_MX);
        for place in 0..=added.max(removed) {
            assert_eq!(read(mtasts_publish_step_added_get(step, place)).is_some(), place < added);
            assert_eq!(read(mtasts_publish_step_removed_get(step, place)).is_some(), place < removed);
        }
        if step.is_some() {
            assert!(mtasts_publish_step_earliest(step) >= earliest);
            assert!(mtasts_publish_step_safe(step) >= safe);
            earliest = mtasts_publish_step_earliest(step);
            safe = mtasts_publish_step_safe(step);
            assert!(safe >= earliest);
        }
    }
    mtasts_publish_plan_settled(plan);
    mtasts_publish_plan_settled_safe(plan);
}
