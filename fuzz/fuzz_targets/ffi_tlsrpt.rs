//! Calls of the C library about TLS reports in any order, with NULLs, empty texts and what failed calls left: they keep to what
//! the header promises, and touch no memory that is not theirs.
//!
//! No handle is used after it was freed, and none is shared: that is forbidden to callers.
#![no_main]

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::ptr::{from_ref, null};

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use mta_sts_fuzz::ffi::*;
use mta_sts_fuzz::{give, make};
use mtasts::*;

const START: u64 = 1_700_000_000;
const MAX_CALLS: usize = 100;

const TEXTS: [&[u8]; 20] = [
    b"",
    b"a.test",
    b"b.test",
    b"mx.a.test.",
    b"*.a.test",
    b"sts",
    b"tlsa",
    b"no-policy-found",
    b"certificate-expired",
    b"validation-failure",
    b"mx-mismatch",
    b"tls@a.test",
    b"1.x@a.test",
    b"192.0.2.1",
    b"2001:db8::1",
    b"v=TLSRPTv1; rua=mailto:tls@a.test",
    b"3 1 1 00ff",
    b"chain-incomplete",
    b"Report Domain: a.test Submitter: b.test Report-ID: <1@b.test>",
    b"b.test!a.test!1699920000!1700006399!1.json.gz",
];
const REPORTS: [&[u8]; 3] = [
    br#"{"organization-name":"S","date-range":{"start-datetime":"2023-11-14T00:00:00Z","end-datetime":"2023-11-14T23:59:59Z"},"contact-info":"tls@b.test","report-id":"1@b.test","policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: testing"],"policy-domain":"a.test","mx-host":["mx.a.test"]},"summary":{"total-successful-session-count":3,"total-failure-session-count":1},"failure-details":[{"result-type":"certificate-expired","receiving-mx-hostname":"mx.a.test","failed-session-count":1}]}]}"#,
    br#"{"policies":[{"policy":{"policy-type":"x\u0000y"},"failure-details":[{"result-type":"q","receiving-mx-helo":"\u0000"}]},{}]}"#,
    b"{",
];
const DATAGRAMS: [&[u8]; 3] = [
    br#"{"d":"a.test","pr":"v=TLSRPTv1; rua=mailto:a@b.test","policies":[{"policy-type":2,"policy-string":["version: STSv1"],"mx-host":["mx.a.test"],"failure-details":[{"c":204,"s":"192.0.2.1","n":"mx.a.test","h":"mx","r":"192.0.2.2","f":"x"}],"t":1,"f":1},{"policy-type":9,"f":0}]}"#,
    br#"{"d":"b.test","pr":"","policies":[{"policy-type":9,"f":0}]}"#,
    b"5",
];
const TALLY: &[u8] = b"mta-sts-tally 1\n";
const POLICY: &[u8] = b"version: STSv1\nmode: testing\nmx: mx.a.test\nmax_age: 604800\n";
const RECORD: &[u8] = b"v=STSv1; id=1";

struct Caller<'a> {
    input: Unstructured<'a>,
    policy: Option<Box<mtasts_policy>>,
    outcomes: Table<mtasts_outcome>,
    reports: Table<mtasts_report>,
    findings: Table<mtasts_findings>,
    builders: Table<mtasts_report_builder>,
    texts: Table<mtasts_text>,
    events: Table<mtasts_event>,
    datagrams: Table<mtasts_datagram>,
    senders: Table<mtasts_report_sender>,
    tallies: Table<mtasts_tally>,
    due: Table<mtasts_due_report>,
    mails: Table<mtasts_report_mail>,
    subjects: Table<mtasts_report_subject>,
    file_names: Table<mtasts_report_file_name>,
    hints: Table<mtasts_hint>,
    questions: Table<mtasts_ready>,
    answers: Table<mtasts_readiness>,
}

fuzz_target!(|data: &[u8]| {
    // SAFETY: the policy lives until after the call.
    let policy = made(17, true, |out, error| unsafe {
        mtasts_policy_parse(POLICY.as_ptr(), POLICY.len(), out, error)
    });
    let mut caller = Caller {
        input: Unstructured::new(data),
        policy: policy.flatten(),
        outcomes: Table::default(),
        reports: Table::default(),
        findings: Table::default(),
        builders: Table::default(),
        texts: Table::default(),
        events: Table::default(),
        datagrams: Table::default(),
        senders: Table::default(),
        tallies: Table::default(),
        due: Table::default(),
        mails: Table::default(),
        subjects: Table::default(),
        file_names: Table::default(),
        hints: Table::default(),
        questions: Table::default(),
        answers: Table::default(),
    };
    for _ in 0..MAX_CALLS {
        if caller.input.is_empty() {
            break;
        }
        // SAFETY: strings and octets are made for the call, handles are in the tables or NULL.
        unsafe { caller.call() };
    }
});

impl Caller<'_> {
    unsafe fn call(&mut self) {
        let (text, other, third) = (self.text(), self.text(), self.text());
        let (text, other, third) = (pointer(text.as_ref()), pointer(other.as_ref()), pointer(third.as_ref()));
        let (one, two) = (self.number(4) as usize, self.number(4) as usize);
        let (now, wide, small) = (self.time(), self.wide(), self.small());
        // SAFETY: as the caller says.
        unsafe {
            match self.byte() % 30 {
                0 => {
                    let octets = self.octets(&REPORTS);
                    make!(self, reports, |out, error| mtasts_report_parse(octets.0, octets.1, out, error));
                    make!(self, findings, |out, error| mtasts_lint_report(
                        octets.0, octets.1, small, out, error
                    ));
                    let findings = at(&self.findings, two);
                    for index in 0..=mtasts_findings_count(findings) {
                        read_finding(mtasts_findings_get(findings, index));
                    }
                }
                1 => {
                    let (octets, most) = (self.octets(&REPORTS), self.small());
                    make!(self, reports, |out, error| mtasts_report_parse_with(
                        octets.0,
                        octets.1,
                        small,
                        wide as usize,
                        most,
                        most,
                        out,
                        error
                    ));
                }
                2 => {
                    plain(mtasts_report_set_missing_domains(at_mut(&mut self.reports, one), text));
                    read_report(at(&self.reports, one));
                }
                3 => make!(self, builders, |out, error| mtasts_report_builder_new(
                    text, other, third, now, wide, out, error
                )),
                4 => {
                    let builder = at_mut(&mut self.builders, one);
                    plain(match small % 11 {
                        0 | 1 => mtasts_report_builder_add_policy(builder, text, other, wide, now),
                        2 | 3 => mtasts_report_builder_add_failure(builder, text, wide),
                        4 => mtasts_report_builder_add_line(builder, text),
                        5 => mtasts_report_builder_add_mx(builder, text),
                        6 => mtasts_report_builder_set_sending_mta_ip(builder, text),
                        7 => mtasts_report_builder_set_receiving_mx_hostname(builder, text),
                        8 => mtasts_report_builder_set_receiving_mx_helo(builder, text),
                        9 => mtasts_report_builder_set_receiving_ip(builder, text),
                        _ => mtasts_report_builder_set_additional_information(builder, text),
                    });
                    plain(mtasts_report_builder_set_failure_reason_code(
                        at_mut(&mut self.builders, one),
                        other,
                    ));
                }
                5 => {
                    let mut builder = take(&mut self.builders, one);
                    give!(self, reports, |out| mtasts_report_builder_finish(builder.as_deref_mut(), out));
                    put_back(&mut self.builders, one, builder);
                }
                6 => {
                    read_report(at(&self.reports, one));
                    let report = take(&mut self.reports, one);
                    make!(self, texts, |out, error| mtasts_report_json(report.as_deref(), out, error));
                    put_back(&mut self.reports, one, report);
                    read_text(at(&self.texts, two));
                }
                7 => {
                    let (tls, dane) = (self.small(), self.small());
                    let policy = self.policy.take();
                    let delivery = mtasts_delivery_under(policy.as_deref().filter(|_| wide % 2 == 0));
                    let host = made(17, true, |out, error| mtasts_mx_host_new(other, out, error)).flatten();
                    let verdict = made(17, false, |out, _| {
                        mtasts_check_session(Some(&delivery), host.as_deref(), tls, dane, 0, out)
                    });
                    let verdict = verdict.flatten();
                    let row = mtasts_session_verdict_row_get(verdict.as_deref(), two / 2);
                    make!(self, events, |out, error| mtasts_event_of_row(
                        text,
                        row,
                        policy.as_deref().filter(|_| wide % 3 == 0),
                        other,
                        out,
                        error
                    ));
                    self.policy = policy;
                }
                8 => {
                    let records = [text, other];
                    let mut event = at_mut(&mut self.events, one);
                    plain(mtasts_event_set_record(event.as_deref_mut(), text));
                    plain(mtasts_event_set_tlsrpt_report(event.as_deref_mut(), i32::from(small == 0)));
                    plain(mtasts_event_set_helo(event.as_deref_mut(), other));
                    plain(mtasts_event_set_sending_ip(event.as_deref_mut(), third));
                    plain(mtasts_event_set_receiving_ip(event.as_deref_mut(), text));
                    plain(mtasts_event_set_reason(event.as_deref_mut(), other));
                    plain(mtasts_event_set_tlsa_records(event, records.as_ptr(), two % 3));
                    read_event(at(&self.events, one));
                }
                9 => {
                    let outcome = take(&mut self.outcomes, one);
                    make!(self, events, |out, error| mtasts_event_of_outcome(
                        text,
                        outcome.as_deref(),
                        out,
                        error
                    ));
                    put_back(&mut self.outcomes, one, outcome);
                }
                10 => self.look_up(one, small, now),
                11 => {
                    let octets = self.octets(&DATAGRAMS);
                    make!(self, datagrams, |out, error| mtasts_datagram_parse(
                        octets.0, octets.1, out, error
                    ));
                }
                12 => make!(self, datagrams, |out, error| mtasts_datagram_new(text, other, out, error)),
                13 => {
                    let before = mtasts_datagram_event_count(at(&self.datagrams, one));
                    let added =
                        truth(mtasts_datagram_add(at_mut(&mut self.datagrams, one), at(&self.events, two)));
                    assert_eq!(
                        mtasts_datagram_event_count(at(&self.datagrams, one)),
                        before + usize::from(added)
                    );
                    plain(mtasts_datagram_set_sending_ip(at_mut(&mut self.datagrams, one), text));
                }
                14 => {
                    let datagram = take(&mut self.datagrams, one);
                    read_datagram(datagram.as_deref());
                    make!(self, texts, |out, error| mtasts_datagram_json(datagram.as_deref(), out, error));
                    put_back(&mut self.datagrams, one, datagram);
                }
                15 => {
                    make!(self, senders, |out, error| mtasts_report_sender_new(text, other, out, error));
                    let sender = at(&self.senders, two);
                    for said in [
                        mtasts_report_sender_submitter(sender),
                        mtasts_report_sender_contact(sender),
                        mtasts_report_sender_organization(sender),
                    ] {
                        assert_eq!(read(said).is_some(), sender.is_some());
                    }
                }
                16 => {
                    let sender = take(&mut self.senders, one);
                    give!(self, tallies, |out| mtasts_tally_new(
                        wide,
                        sender.as_deref(),
                        small as usize,
                        now as usize % 40_000,
                        out
                    ));
                    put_back(&mut self.senders, one, sender);
                }
                17 => {
                    let (octets, sender) = (self.octets(&[TALLY, b""]), take(&mut self.senders, one));
                    make!(self, tallies, |out, error| mtasts_tally_parse(
                        octets.0,
                        octets.1,
                        wide,
                        sender.as_deref(),
                        0,
                        0,
                        out,
                        error
                    ));
                    put_back(&mut self.senders, one, sender);
                }
                18 => {
                    let (tally, event) = (at_mut(&mut self.tallies, one), at(&self.events, two));
                    let both = tally.is_some() && event.is_some();
                    let counted = mtasts_tally_count(tally, event, now);
                    assert_eq!(counted != 0, both);
                    assert_eq!(read(mtasts_counted_word(counted)).is_some(), both);
                }
                19 => {
                    let (tally, datagram) = (at_mut(&mut self.tallies, one), at(&self.datagrams, two));
                    let most = mtasts_datagram_event_count(datagram);
                    assert!(mtasts_tally_count_datagram(tally, datagram, now) <= most);
                    for index in 0..most {
                        mtasts_tally_count(
                            at_mut(&mut self.tallies, one),
                            mtasts_datagram_event_get(at(&self.datagrams, two), index),
                            now,
                        );
                    }
                }
                20 => {
                    let other = at(&self.tallies, two).map_or(null(), from_ref);
                    plain(mtasts_tally_merge(at_mut(&mut self.tallies, one), other));
                }
                21 => {
                    told(small != 0, true, |error| {
                        mtasts_tally_note_report_mail(at_mut(&mut self.tallies, one), text, now, error)
                    });
                }
                22 => {
                    let mut tally = take(&mut self.tallies, one);
                    give!(self, due, |out| mtasts_tally_poll_report(tally.as_deref_mut(), now, out));
                    put_back(&mut self.tallies, one, tally);
                    let due = at(&self.due, two);
                    assert_eq!(read(mtasts_due_report_domain(due)).is_some(), due.is_some());
                    assert_eq!(mtasts_due_report_attempt(due) != 0, due.is_some());
                    read(mtasts_due_report_record(due));
                    read_report(mtasts_due_report_report(due));
                }
                23 => {
                    let mut retry_at = MaybeUninit::new(0);
                    plain(mtasts_tally_handle_delivery(
                        at_mut(&mut self.tallies, one),
                        at(&self.due, two),
                        small,
                        now,
                        Some(&mut retry_at),
                    ));
                }
                24 => {
                    let (tally, sender) = (take(&mut self.tallies, one), take(&mut self.senders, two));
                    read_tally(tally.as_deref(), sender.as_deref(), now);
                    put_back(&mut self.senders, two, sender);
                    put_back(&mut self.tallies, one, tally);
                }
                25 => {
                    let (report, sender) = (take(&mut self.reports, one), take(&mut self.senders, two));
                    let of_due = mtasts_due_report_report(at(&self.due, one));
                    let report_of = if small % 2 == 0 { report.as_deref() } else { of_due };
                    let (place, wants) = (small as usize % 3, wide as u8);
                    let call = |out: Out<'_, _>, error: Out<'_, _>| {
                        mtasts_report_mail_new(report_of, text, sender.as_deref(), out, error)
                    };
                    if let Some(made) = made(wants, true, call) {
                        self.mails[place] = made;
                    }
                    put_back(&mut self.reports, one, report);
                    put_back(&mut self.senders, two, sender);
                    read_mail(at(&self.mails, place));
                }
                26 => {
                    make!(self, subjects, |out, error| mtasts_report_subject_parse(text, out, error));
                    make!(self, file_names, |out, error| mtasts_report_file_name_parse(other, out, error));
                    read_names(at(&self.subjects, one), at(&self.file_names, two));
                }
                27 => {
                    let number = self.small() * 100 + small;
                    make!(self, hints, |out, error| mtasts_hint_explain(small, number, text, out, error));
                    make!(self, hints, |out, error| mtasts_hint_from_code(other, out, error));
                    read_hint(at(&self.hints, one));
                }
                28 => {
                    let policy = self.policy.take();
                    make!(self, questions, |out, error| mtasts_ready_new(
                        text,
                        policy.as_deref(),
                        out,
                        error
                    ));
                    self.policy = policy;
                    let mut ready = at_mut(&mut self.questions, one);
                    plain(mtasts_ready_set_since(ready.as_deref_mut(), now));
                    plain(mtasts_ready_set_mended_at(ready.as_deref_mut(), wide));
                    plain(mtasts_ready_set_policy_fault(ready.as_deref_mut(), other));
                    plain(mtasts_ready_set_limit(ready.as_deref_mut(), small, wide));
                    let host = |error: Out<'_, _>| {
                        mtasts_ready_add_host(
                            ready.as_deref_mut(),
                            text,
                            third,
                            wide,
                            i32::from(small > 5),
                            error,
                        )
                    };
                    told(true, true, host);
                    told(true, true, |error| {
                        mtasts_ready_add_accepted(at_mut(&mut self.questions, one), text, error)
                    });
                }
                _ => {
                    let (ready, picks) = (take(&mut self.questions, one), [one, two, 0]);
                    let count = self.number(4) as usize;
                    let reports = picks.map(|pick| at(&self.reports, pick).map_or(null(), from_ref));
                    let (place, wants) = (small as usize % 3, wide as u8);
                    let call = |out: Out<'_, _>, error: Out<'_, _>| {
                        mtasts_ready_assess(ready.as_deref(), reports.as_ptr(), count, now, out, error)
                    };
                    if let Some(made) = made(wants, true, call) {
                        self.answers[place] = made;
                    }
                    put_back(&mut self.questions, one, ready);
                    read_answer(at(&self.answers, place));
                }
            }
        }
    }

    /// A lookup that ends in a failure, or not.
    unsafe fn look_up(&mut self, place: usize, small: u32, now: u64) {
        let rr = mtasts_bytes { data: RECORD.as_ptr(), len: RECORD.len() };
        // SAFETY: octets and strings that stay.
        unsafe {
            let lookup = made(17, true, |out, error| {
                mtasts_lookup_new(c"a.test".as_ptr(), MTASTS_PURPOSE_DELIVER, None, now, None, out, error)
            });
            let Some(mut lookup) = lookup.flatten() else { return };
            mtasts_lookup_handle_txt(Some(&mut lookup), &raw const rr, 1, 60, now);
            mtasts_lookup_handle_fetch_failed(Some(&mut lookup), 501 + small as i32, now);
            mtasts_lookup_handle_response(Some(&mut lookup), 200, null(), POLICY.as_ptr(), POLICY.len(), now);
            let outcome = made(17, false, |out, _| mtasts_lookup_finish(Some(&lookup), out)).flatten();
            put_back(&mut self.outcomes, place, outcome);
        }
    }

    fn byte(&mut self) -> u8 {
        self.input.arbitrary().unwrap_or_default()
    }

    fn number(&mut self, below: u8) -> u8 {
        self.byte() % below
    }

    fn wide(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=199 => small.into(),
            200..=239 => START,
            _ => self.input.arbitrary().unwrap_or_default(),
        }
    }

    /// Of numbers that a function knows, and a few that it does not.
    fn small(&mut self) -> u32 {
        (self.byte() % 15).into()
    }

    fn time(&mut self) -> u64 {
        match self.byte() {
            near @ 0..=239 => START + u64::from(near % 16) * 10_000,
            _ => self.input.arbitrary().unwrap_or_default(),
        }
    }

    /// A string for C, or NULL.
    fn text(&mut self) -> Option<CString> {
        match self.byte() {
            known @ 0..=219 => CString::new(TEXTS[usize::from(known) % TEXTS.len()]).ok(),
            220..=235 => None,
            _ => {
                let octets = self.some_octets(80).iter().copied().filter(|octet| *octet != 0);
                CString::new(octets.collect::<Vec<_>>()).ok()
            }
        }
    }

    /// Octets for C; NULL with a length of zero, and with one that lies.
    fn octets(&mut self, known: &[&'static [u8]]) -> (*const u8, usize, Box<[u8]>) {
        let octets: Box<[u8]> = match self.byte() {
            pick @ 0..=159 => known[usize::from(pick) % known.len()].into(),
            160..=169 => return (null(), 0, Box::default()),
            170..=179 => return (null(), 1 + usize::from(self.byte()), Box::default()),
            // A part of what is known, with others behind it.
            pick @ 180..=219 => {
                let whole = known[usize::from(pick) % known.len()];
                let kept = usize::from(self.byte()).min(whole.len());
                [&whole[..kept], self.some_octets(60)].concat().into()
            }
            _ => self.some_octets(250).into(),
        };
        (octets.as_ptr(), octets.len(), octets)
    }

    fn some_octets(&mut self, most: usize) -> &[u8] {
        let len = usize::from(self.byte()).min(most).min(self.input.len());
        self.input.bytes(len).unwrap_or_default()
    }
}

fn read_text(text: Option<&mtasts_text>) {
    let said = read(mtasts_text_string(text));
    assert_eq!(said.map_or(0, |said| said.len()), mtasts_text_len(text));
}

fn read_report(report: Option<&mtasts_report>) {
    for text in [
        mtasts_report_organization(report),
        mtasts_report_contact(report),
        mtasts_report_submitter(report),
        mtasts_report_id(report),
    ] {
        assert!(read(text).is_none() || report.is_some());
    }
    assert!(mtasts_report_start(report) <= mtasts_report_end(report));
    assert!(truth(mtasts_report_has_period(report)) || mtasts_report_end(report) == 0);
    let count = mtasts_report_policy_count(report);
    let (mut successes, mut failures) = (0_u64, 0_u64);
    for index in 0..=count {
        let policy = mtasts_report_policy_get(report, index);
        assert_eq!(policy.is_some(), index < count);
        read_report_policy(policy);
        successes = successes.saturating_add(mtasts_report_policy_successes(policy));
        failures = failures.saturating_add(mtasts_report_policy_failures(policy));
    }
    assert_eq!((mtasts_report_successes(report), mtasts_report_failures(report)), (successes, failures));
    let count = mtasts_report_deviation_count(report);
    for index in 0..=count {
        assert_eq!(plain(mtasts_report_deviation_status(report, index)), index == count);
        assert_eq!(read(mtasts_report_deviation_path(report, index)).is_some(), index < count);
        mtasts_report_deviation_offset(report, index);
    }
}

fn read_report_policy(policy: Option<&mtasts_report_policy>) {
    let word = read(mtasts_report_policy_type_word(policy));
    assert_eq!(word.is_some(), policy.is_some());
    let number = mtasts_report_policy_type(policy);
    assert!(number == 0 || read(mtasts_policy_type_word(number)) == word);
    read(mtasts_report_policy_domain(policy));
    let count = mtasts_report_policy_line_count(policy);
    (0..=count).for_each(|index| {
        assert_eq!(read(mtasts_report_policy_line_get(policy, index)).is_some(), index < count);
    });
    let count = mtasts_report_policy_mx_count(policy);
    (0..=count).for_each(|index| {
        assert_eq!(read(mtasts_report_policy_mx_get(policy, index)).is_some(), index < count)
    });
    let count = mtasts_report_policy_failure_count(policy);
    for index in 0..=count {
        let failure = mtasts_report_policy_failure_get(policy, index);
        assert_eq!(failure.is_some(), index < count);
        assert_eq!(read(mtasts_failure_result_word(failure)).is_some(), failure.is_some());
        assert!(mtasts_failure_result_type(failure) < 400 && mtasts_failure_sessions(failure) < 1 << 53);
        for text in [
            mtasts_failure_sending_mta_ip(failure),
            mtasts_failure_receiving_mx_hostname(failure),
            mtasts_failure_receiving_mx_helo(failure),
            mtasts_failure_receiving_ip(failure),
            mtasts_failure_additional_information(failure),
            mtasts_failure_reason_code(failure),
        ] {
            read(text);
        }
    }
}

fn read_event(event: Option<&mtasts_event>) {
    assert_eq!(read(mtasts_event_domain(event)).is_some(), event.is_some());
    assert_eq!(mtasts_event_policy_type(event) != 0, event.is_some());
    truth(mtasts_event_has_failed(event));
}

fn read_datagram(datagram: Option<&mtasts_datagram>) {
    assert_eq!(read(mtasts_datagram_domain(datagram)).is_some(), datagram.is_some());
    assert_eq!(read(mtasts_datagram_record(datagram)).is_some(), datagram.is_some());
    let count = mtasts_datagram_event_count(datagram);
    for index in 0..=count {
        let event = mtasts_datagram_event_get(datagram, index);
        assert_eq!(event.is_some(), index < count);
        read_event(event);
    }
}

/// A tally, and that its text is read as the same.
fn read_tally(tally: Option<&mtasts_tally>, sender: Option<&mtasts_report_sender>, now: u64) {
    truth(mtasts_tally_is_empty(tally));
    assert!(mtasts_tally_octets(tally) <= 64 << 20);
    mtasts_tally_domains(tally, now);
    mtasts_tally_lost_sessions(tally);
    mtasts_tally_poll_timeout(tally);
    let text = |tally| made(17, false, |out, _| mtasts_tally_text(tally, out)).flatten();
    let Some(first) = text(tally) else { return };
    let octets = (mtasts_text_string(Some(&first)).cast::<u8>(), mtasts_text_len(Some(&first)));
    // SAFETY: the text lives until after the call.
    let again = made(17, true, |out, error| unsafe {
        mtasts_tally_parse(octets.0, octets.1, 0, sender, 0, 0, out, error)
    });
    if let Some(Some(again)) = again {
        let second = text(Some(&again));
        // SAFETY: strings of the library, whose owners live.
        let (first, second) = unsafe {
            (
                CStr::from_ptr(mtasts_text_string(Some(&first))),
                CStr::from_ptr(mtasts_text_string(second.as_deref())),
            )
        };
        assert_eq!(first, second);
    }
}

fn read_mail(mail: Option<&mtasts_report_mail>) {
    let texts = [
        mtasts_report_mail_subject(mail),
        mtasts_report_mail_content_type(mail),
        mtasts_report_mail_text(mail),
        mtasts_report_mail_file_name(mail),
        mtasts_report_mail_media_type(mail),
    ];
    for (number, text) in texts.into_iter().enumerate() {
        let said = read(text);
        assert_eq!(said.is_some(), mail.is_some());
        // No header field is injected.
        assert!(number == 2 || !said.unwrap_or_default().contains(['\r', '\n']));
    }
    let count = mtasts_report_mail_header_count(mail);
    for index in 0..=count {
        let (name, value) =
            (mtasts_report_mail_header_name(mail, index), mtasts_report_mail_header_value(mail, index));
        assert_eq!((read(name).is_some(), read(value).is_some()), (index < count, index < count));
        assert!(!read(value).unwrap_or_default().contains(['\r', '\n']));
    }
}

fn read_names(subject: Option<&mtasts_report_subject>, name: Option<&mtasts_report_file_name>) {
    for text in [
        mtasts_report_subject_domain(subject),
        mtasts_report_subject_submitter(subject),
        mtasts_report_subject_report_id(subject),
    ] {
        assert_eq!(read(text).is_some(), subject.is_some());
    }
    for text in [
        mtasts_report_file_name_submitter(name),
        mtasts_report_file_name_domain(name),
        mtasts_report_file_name_text(name),
    ] {
        assert_eq!(read(text).is_some(), name.is_some());
    }
    read(mtasts_report_file_name_unique_id(name));
    truth(mtasts_report_file_name_is_compressed(name));
    assert!(mtasts_report_file_name_start(name) <= mtasts_report_file_name_end(name));
}

fn read_hint(hint: Option<&mtasts_hint>) {
    for text in [mtasts_hint_code(hint), mtasts_hint_cause(hint), mtasts_hint_fix(hint)] {
        assert_eq!(read(text).is_some_and(|text| !text.is_empty()), hint.is_some());
    }
    assert_eq!(read(mtasts_whose_word(mtasts_hint_whose(hint))).is_some(), hint.is_some());
}

fn read_answer(answer: Option<&mtasts_readiness>) {
    let verdict = mtasts_readiness_verdict(answer);
    assert_eq!(verdict != 0, answer.is_some());
    assert!(verdict == MTASTS_READY_NOT_YET || mtasts_readiness_earliest(answer) == 0);
    let count = mtasts_readiness_shortfall_count(answer);
    assert_eq!(verdict == MTASTS_READY_YES, answer.is_some() && count == 0);
    for index in 0..=count {
        let shortfall = mtasts_readiness_shortfall_get(answer, index);
        assert_eq!(shortfall.is_some(), index < count);
        let rule = mtasts_shortfall_rule(shortfall);
        assert_eq!(read(mtasts_ready_rule_word(rule)).is_some(), shortfall.is_some());
        assert_eq!(read(mtasts_ready_rule_message(rule)).is_some(), shortfall.is_some());
        assert!(!truth(mtasts_readiness_is_met(answer, rule)));
        for text in [
            mtasts_shortfall_code(shortfall),
            mtasts_shortfall_message(shortfall),
            mtasts_shortfall_fix(shortfall),
        ] {
            assert!(read(text).is_none_or(|text| !text.contains(char::is_control)));
        }
        read(mtasts_shortfall_host(shortfall));
        read_hint(mtasts_shortfall_hint(shortfall));
        mtasts_shortfall_earliest(shortfall);
    }
    assert_eq!(read(mtasts_readiness_evidence(answer)).is_some(), answer.is_some());
    assert!(mtasts_readiness_clean_sessions(answer) <= mtasts_readiness_sessions(answer));
    mtasts_readiness_days(answer);
    mtasts_readiness_submitters(answer);
    mtasts_readiness_unverified_sessions(answer);
    mtasts_readiness_unusable_reports(answer);
}
