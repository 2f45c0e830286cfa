//! Calls of the C library in any order, with NULLs, empty texts and what failed calls left: they keep to what the header
//! promises, and touch no memory that is not theirs.
//!
//! No handle is used after it was freed, and none is shared: that is forbidden to callers.
#![no_main]

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::ptr::null;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use mta_sts_fuzz::ffi::*;
use mta_sts_fuzz::{give, make};
use mtasts::*;

const START: u64 = 1_700_000_000;
const MAX_CALLS: usize = 200;

const TEXTS: [&[u8]; 16] = [
    b"",
    b"a.test",
    b"b.test",
    b"*.a.test",
    b"MX.a.test.",
    b"user@a.test",
    b"xn--bcher-kva.test",
    "bücher.test".as_bytes(),
    b"[192.0.2.1]",
    b"192.0.2.1",
    b"a..test",
    b"\xff.test",
    b"text/plain",
    b"text/plain; charset=utf-8",
    b"text/html",
    b"1",
];
const RRS: [&[u8]; 6] =
    [b"v=STSv1; id=1", b"v=STSv1; id=2;", b"v=STSv1; id=", b"v=spf1 -all", b"", b"v=STSv1; id=1; id=2"];
const TLSRPT_RRS: [&[u8]; 7] = [
    b"v=TLSRPTv1; rua=mailto:tls@a.test",
    b"v=TLSRPTv1;rua=https://a.test/r?x=1,mailto:%22a%20b%22@a.test?subject=x",
    b"v=TLSRPTv1; rua=",
    b"v=TLSRPTv1; rua=ftp://a.test; x=1",
    b"v=STSv1; id=1",
    b"",
    b"v=TLSRPTv1; rua=mailto:%00@a.test",
];
const BODIES: [&[u8]; 6] = [
    b"version: STSv1\nmode: enforce\nmx: *.a.test\nmx: b.test\nmax_age: 604800\n",
    b"version: STSv1\nmode: testing\nmx: a.test\nmax_age: 86400\nnote: x\n",
    b"version: STSv1\nmode: none\nmax_age: 60\n",
    b"version: STSv1\n\nmode: enforce\nmx: a_b.test.\nmax_age: 0\n",
    b"version: STSv1\nmode: enforce\nmax_age: 604800\n",
    b"",
];
const DOMAIN: &CStr = c"a.test";
const ENTRY: &[u8] =
    b"mta-sts-entry 1\nchecked-until: 1700000300\nback-off: 2 1700000200\nid: 1\nfetched-at: 1700000000\n\
    policy-length: 65\n\nversion: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n";

struct Caller<'a> {
    input: Unstructured<'a>,
    names: Table<mtasts_name>,
    domains: Table<mtasts_domain>,
    patterns: Table<mtasts_mx_pattern>,
    records: Table<mtasts_record>,
    tlsrpt_records: Table<mtasts_tlsrpt_record>,
    configs: Table<mtasts_config>,
    policies: Table<mtasts_policy>,
    lookups: Table<mtasts_lookup>,
    outcomes: Table<mtasts_outcome>,
    entries: Table<mtasts_entry>,
    caches: Table<mtasts_cache>,
    lists: Table<mtasts_entries>,
    deliveries: Table<mtasts_delivery>,
    hosts: Table<mtasts_mx_host>,
    verdicts: Table<mtasts_mx_verdict>,
    plans: Table<mtasts_mx_plan>,
    sessions: Table<mtasts_session_verdict>,
    findings: Table<mtasts_findings>,
    answers: Table<mtasts_postfix_answer>,
}

fuzz_target!(|data: &[u8]| {
    let mut caller = Caller {
        input: Unstructured::new(data),
        names: Table::default(),
        domains: Table::default(),
        patterns: Table::default(),
        records: Table::default(),
        tlsrpt_records: Table::default(),
        configs: Table::default(),
        policies: Table::default(),
        lookups: Table::default(),
        outcomes: Table::default(),
        entries: Table::default(),
        caches: Table::default(),
        lists: Table::default(),
        deliveries: Table::default(),
        hosts: Table::default(),
        verdicts: Table::default(),
        plans: Table::default(),
        sessions: Table::default(),
        findings: Table::default(),
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
        let (text, other) = (self.text(), self.text());
        let (text, other) = (pointer(text.as_ref()), pointer(other.as_ref()));
        let (one, two) = (self.number(4) as usize, self.number(4) as usize);
        let now = self.time();
        // SAFETY: as the caller says.
        unsafe {
            match self.byte() % 49 {
                0 => make!(self, names, |out, error| mtasts_name_parse(text, out, error)),
                1 => make!(self, domains, |out, error| mtasts_domain_parse(text, out, error)),
                2 => make!(self, domains, |out, error| mtasts_domain_of_recipient(text, out, error)),
                3 => make!(self, patterns, |out, error| mtasts_mx_pattern_parse(text, out, error)),
                4 => {
                    truth(mtasts_mx_pattern_matches(at(&self.patterns, one), text));
                    truth(mtasts_dns_id_matches(text, other));
                    let policy = at(&self.policies, two);
                    let matches = truth(mtasts_policy_matches_mx(policy, text));
                    assert_eq!(matches, read(mtasts_policy_matching_mx(policy, text)).is_some());
                }
                5 => {
                    let octets = self.octets(&RRS);
                    make!(self, records, |out, error| mtasts_record_parse(octets.0, octets.1, out, error));
                }
                6 => {
                    let rrs = self.list(&RRS);
                    let (rrs, count) = (rrs.first(), rrs.len());
                    make!(self, records, |out, error| mtasts_record_select(rrs, count, out, error));
                }
                7 => self.configs[one % 3] = Some(mtasts_config_new()),
                8 => {
                    let (number, small) = (self.wide(), self.small());
                    let mut config = self.configs.get_mut(one).and_then(Option::as_deref_mut);
                    plain(mtasts_config_set_back_off(config.as_deref_mut(), number));
                    plain(mtasts_config_set_fetch_timeout_ms(config.as_deref_mut(), number));
                    plain(mtasts_config_set_max_body_len(config.as_deref_mut(), number as usize));
                    plain(mtasts_config_set_missing_content_type(config.as_deref_mut(), small));
                    plain(mtasts_config_set_strictness(config.as_deref_mut(), small));
                    assert!(config.is_none() || mtasts_config_back_off(config.as_deref()) >= 300);
                    assert!(mtasts_config_max_body_len(config.as_deref()) <= 1_048_576);
                    mtasts_config_fetch_timeout_ms(config.as_deref());
                }
                9 => {
                    let octets = self.octets(&BODIES);
                    make!(self, policies, |out, error| mtasts_policy_parse(octets.0, octets.1, out, error));
                }
                10 => {
                    let (octets, small) = (self.octets(&BODIES), self.small());
                    make!(self, policies, |out, error| mtasts_policy_parse_with(
                        octets.0, octets.1, small, out, error
                    ));
                }
                11 => {
                    let (octets, status) = (self.octets(&BODIES), self.http_status());
                    let config = self.configs.get_mut(one).and_then(Option::take);
                    make!(self, policies, |out, error| mtasts_policy_from_response(
                        status,
                        text,
                        octets.0,
                        octets.1,
                        config.as_deref(),
                        out,
                        error
                    ));
                    put_back(&mut self.configs, one, config);
                }
                12 => {
                    let place = self.number(3) as usize;
                    let clone = mtasts_policy_clone(at(&self.policies, one));
                    assert_eq!(clone.is_some(), at(&self.policies, one).is_some());
                    self.policies[place] = clone;
                }
                13 => read_policy(at(&self.policies, one)),
                14 => {
                    let purpose = self.small();
                    let (entry, config) = (take(&mut self.entries, one), take(&mut self.configs, two));
                    make!(self, lookups, |out, error| mtasts_lookup_new(
                        text,
                        purpose,
                        entry.as_deref(),
                        now,
                        config.as_deref(),
                        out,
                        error
                    ));
                    put_back(&mut self.entries, one, entry);
                    put_back(&mut self.configs, two, config);
                }
                15 => {
                    let (rrs, ttl) = (self.list(&RRS), self.wide() as u32);
                    let lookup = at_mut(&mut self.lookups, one);
                    plain(mtasts_lookup_handle_txt(lookup, rrs.first(), rrs.len(), ttl, now));
                }
                16 => {
                    let ttl = self.wide() as u32;
                    plain(mtasts_lookup_handle_txt_not_found(at_mut(&mut self.lookups, one), ttl, now));
                }
                17 => {
                    let failure = self.status();
                    plain(mtasts_lookup_handle_txt_failed(at_mut(&mut self.lookups, one), failure, now));
                }
                18 => {
                    let (octets, status) = (self.octets(&BODIES), self.http_status());
                    let lookup = at_mut(&mut self.lookups, one);
                    plain(mtasts_lookup_handle_response(lookup, status, text, octets.0, octets.1, now));
                }
                19 => {
                    let failure = self.status();
                    plain(mtasts_lookup_handle_fetch_failed(at_mut(&mut self.lookups, one), failure, now));
                }
                20 => {
                    let lookup = take(&mut self.lookups, one);
                    read_lookup(lookup.as_deref());
                    give!(self, outcomes, |out| mtasts_lookup_finish(lookup.as_deref(), out));
                    put_back(&mut self.lookups, one, lookup);
                }
                21 => read_outcome(at(&self.outcomes, one)),
                22 => {
                    let (outcome, entry) = (take(&mut self.outcomes, one), take(&mut self.entries, two));
                    give!(self, entries, |out| mtasts_outcome_apply(
                        outcome.as_deref(),
                        entry.as_deref(),
                        now,
                        out
                    ));
                    put_back(&mut self.outcomes, one, outcome);
                    if two < 3 && self.entries[two].is_none() {
                        self.entries[two] = entry;
                    }
                }
                23 => {
                    let octets = self.octets(&[
                        ENTRY,
                        b"",
                        b"mta-sts-entry 1\n\n",
                        b"mta-sts-entry 2\ndomain: a.test\n\n",
                    ]);
                    make!(self, entries, |out, error| mtasts_entry_parse(
                        octets.0,
                        octets.1,
                        DOMAIN.as_ptr(),
                        out,
                        error
                    ));
                }
                24 => {
                    let (policy, until) = (take(&mut self.policies, one), self.time());
                    make!(self, entries, |out, error| mtasts_entry_new(
                        policy.as_deref(),
                        text,
                        now,
                        until,
                        out,
                        error
                    ));
                    put_back(&mut self.policies, one, policy);
                }
                25 => read_entry(at(&self.entries, one), now),
                26 => {
                    let (seed, entries, unused_for) = (self.wide(), self.number(4) as usize, self.wide());
                    let octets = usize::from(self.number(255)) * 16;
                    give!(self, caches, |out| mtasts_cache_new(seed, entries, octets, unused_for, out));
                }
                27 => {
                    let cache = take(&mut self.caches, one);
                    make!(self, entries, |out, error| mtasts_cache_get(
                        cache.as_deref(),
                        text,
                        now,
                        out,
                        error
                    ));
                    make!(self, entries, |out, error| mtasts_cache_peek(
                        cache.as_deref(),
                        text,
                        now,
                        out,
                        error
                    ));
                    put_back(&mut self.caches, one, cache);
                }
                28 => {
                    let (cache, outcome) = (take(&mut self.caches, one), take(&mut self.outcomes, two));
                    make!(self, lists, |out, error| mtasts_cache_apply(
                        cache.as_deref(),
                        text,
                        outcome.as_deref(),
                        now,
                        out,
                        error
                    ));
                    put_back(&mut self.caches, one, cache);
                    put_back(&mut self.outcomes, two, outcome);
                }
                29 => {
                    let (cache, entry) = (take(&mut self.caches, one), take(&mut self.entries, two));
                    make!(self, lists, |out, error| mtasts_cache_insert(
                        cache.as_deref(),
                        text,
                        entry.as_deref(),
                        now,
                        out,
                        error
                    ));
                    put_back(&mut self.caches, one, cache);
                    put_back(&mut self.entries, two, entry);
                }
                30 => {
                    let cache = take(&mut self.caches, one);
                    told(self.byte() % 2 == 0, true, |error| {
                        mtasts_cache_remove(cache.as_deref(), text, error)
                    });
                    put_back(&mut self.caches, one, cache);
                }
                31 => {
                    let cache = take(&mut self.caches, one);
                    give!(self, lists, |out| mtasts_cache_remove_expired(cache.as_deref(), now, out));
                    give!(self, domains, |out| mtasts_cache_poll_refresh(cache.as_deref(), now, out));
                    give!(self, lists, |out| mtasts_cache_entries(cache.as_deref(), out));
                    mtasts_cache_poll_timeout(cache.as_deref());
                    let (len, octets) =
                        (mtasts_cache_len(cache.as_deref()), mtasts_cache_octets(cache.as_deref()));
                    assert!(len == 0 || octets != 0, "an entry takes room");
                    put_back(&mut self.caches, one, cache);
                }
                32 => {
                    let list = at(&self.lists, one);
                    for index in 0..=mtasts_entries_count(list) {
                        let entry = mtasts_entries_get(list, index);
                        assert_eq!(entry.is_some(), read(mtasts_entries_domain(list, index)).is_some());
                        read_entry(entry, now);
                    }
                }
                33 => {
                    let values = self.list(&RRS);
                    truth(mtasts_tls_required_no(values.first(), values.len()));
                    let place = self.number(3) as usize;
                    self.deliveries[place] = Some(match self.number(4) {
                        0 => mtasts_delivery_of(at(&self.outcomes, one)),
                        1 => mtasts_delivery_under(at(&self.policies, one)),
                        2 => mtasts_delivery_without_policy(),
                        _ => mtasts_delivery_undetermined(),
                    });
                }
                34 => {
                    let (small, byte) = (self.small(), self.byte());
                    let flag = |bit: u8| i32::from(byte & bit != 0);
                    let mut delivery = at_mut(&mut self.deliveries, one);
                    let message = if byte & 8 == 0 { mtasts_message_tls(byte.into()) } else { small };
                    plain(mtasts_delivery_set_message(delivery.as_deref_mut(), message));
                    plain(mtasts_delivery_set_minimum(delivery.as_deref_mut(), small));
                    plain(mtasts_delivery_set_dane_precedence(delivery.as_deref_mut(), small));
                    plain(mtasts_delivery_set_tlsrpt_report(delivery, flag(16)));
                }
                35 => make!(self, hosts, |out, error| mtasts_mx_host_new(text, out, error)),
                36 => {
                    let (dane, dnssec) = (self.small(), self.byte());
                    plain(mtasts_mx_host_set_dane(at_mut(&mut self.hosts, one), dane));
                    plain(mtasts_mx_host_set_dnssec(at_mut(&mut self.hosts, one), dnssec.into()));
                }
                37 => {
                    let (place, wants) = (self.number(3) as usize, self.byte());
                    let (delivery, host) = (at(&self.deliveries, one), at(&self.hosts, two));
                    if let Some(made) = made(wants, false, |out, _| mtasts_check_mx(delivery, host, out)) {
                        read_mx_verdict(made.as_deref());
                        self.verdicts[place] = made;
                    }
                }
                38 => {
                    let (place, wants, count) =
                        (self.number(3) as usize, self.byte(), self.number(5) as usize);
                    let picks: Vec<_> = (0..count).map(|_| self.number(4) as usize).collect();
                    let hosts: Vec<_> = picks.iter().map(|pick| at(&self.hosts, *pick)).collect();
                    let delivery = at(&self.deliveries, one);
                    let first = if count == 0 { null() } else { hosts.as_ptr() };
                    if let Some(made) = made(wants, false, |out, _| mtasts_plan(delivery, first, count, out))
                    {
                        assert_eq!(mtasts_mx_plan_count(made.as_deref()), count);
                        self.plans[place] = made;
                    }
                    let plan = at(&self.plans, place);
                    truth(mtasts_mx_plan_permits_none(plan));
                    (0..=mtasts_mx_plan_count(plan))
                        .for_each(|index| read_mx_verdict(mtasts_mx_plan_get(plan, index)));
                }
                39 => {
                    let (place, wants) = (self.number(3) as usize, self.byte());
                    let (tls, dane, offers) = (self.small(), self.small(), self.byte());
                    let (delivery, host) = (at(&self.deliveries, one), at(&self.hosts, two));
                    let call =
                        |out: Out<'_, _>| mtasts_check_session(delivery, host, tls, dane, offers.into(), out);
                    if let Some(made) = made(wants, false, |out, _| call(out)) {
                        self.sessions[place] = made;
                    }
                    let verdict = at(&self.sessions, place);
                    let delivers = mtasts_session_verdict_decision(verdict) == MTASTS_SESSION_DELIVER;
                    assert!(!delivers || mtasts_session_verdict_fault(verdict) == 0);
                    let count = mtasts_session_verdict_row_count(verdict);
                    (0..=count).for_each(|index| read_row(mtasts_session_verdict_row_get(verdict, index)));
                }
                40 => {
                    let (count, lifetime, small) = (self.number(5) as usize, self.small(), self.small());
                    let faults: Vec<_> = (0..count).map(|_| self.status()).collect();
                    let mut conclusion = MaybeUninit::new(u32::MAX);
                    let first = if count == 0 { null() } else { faults.as_ptr() };
                    let delivery = at(&self.deliveries, one);
                    let found = mtasts_delivery_recheck(delivery, at(&self.outcomes, two));
                    assert!((MTASTS_RECHECK_UNCHANGED..=MTASTS_RECHECK_NOT_CHECKED).contains(&found));
                    let recheck = if small % 2 == 0 { found } else { small / 2 };
                    let status =
                        mtasts_conclude(delivery, first, count, lifetime, recheck, Some(&mut conclusion));
                    let conclusion = conclusion.assume_init();
                    assert_eq!(plain(status), conclusion != u32::MAX);
                    read(mtasts_conclusion_enhanced_status(conclusion));
                }
                41 => {
                    let (octets, small) = (self.octets(&BODIES), self.small());
                    make!(self, findings, |out, error| mtasts_lint_policy(
                        octets.0, octets.1, small, out, error
                    ));
                }
                42 => {
                    let (octets, rrs) = (self.octets(&RRS), self.list(&RRS));
                    let (rrs, count) = (rrs.first(), rrs.len());
                    make!(self, findings, |out, error| mtasts_lint_record(octets.0, octets.1, out, error));
                    make!(self, findings, |out, error| mtasts_lint_rrset(rrs, count, out, error));
                }
                43 => {
                    let (octets, status) = (self.octets(&BODIES), self.http_status());
                    let config = take(&mut self.configs, one);
                    make!(self, findings, |out, error| mtasts_lint_response(
                        status,
                        text,
                        octets.0,
                        octets.1,
                        config.as_deref(),
                        out,
                        error
                    ));
                    put_back(&mut self.configs, one, config);
                    let findings = at(&self.findings, two);
                    for index in 0..=mtasts_findings_count(findings) {
                        read_finding(mtasts_findings_get(findings, index));
                    }
                }
                44 => {
                    let (form, hosts) = (self.small(), [text, other]);
                    let policy = take(&mut self.policies, one);
                    make!(self, answers, |out, error| mtasts_postfix_tls_policy(
                        policy.as_deref(),
                        text,
                        form,
                        out,
                        error
                    ));
                    make!(self, answers, |out, error| mtasts_postfix_tls_policy_for_hosts(
                        policy.as_deref(),
                        text,
                        hosts.as_ptr(),
                        two % 3,
                        form,
                        out,
                        error
                    ));
                    put_back(&mut self.policies, one, policy);
                    read(mtasts_postfix_answer_text(at(&self.answers, two)));
                }
                45 => {
                    let octets = self.octets(&TLSRPT_RRS);
                    make!(self, tlsrpt_records, |out, error| mtasts_tlsrpt_record_parse(
                        octets.0, octets.1, out, error
                    ));
                    make!(self, findings, |out, error| mtasts_lint_tlsrpt_record(
                        octets.0, octets.1, out, error
                    ));
                    read_tlsrpt_record(at(&self.tlsrpt_records, two));
                }
                46 => {
                    let rrs = self.list(&TLSRPT_RRS);
                    let (rrs, count) = (rrs.first(), rrs.len());
                    make!(self, tlsrpt_records, |out, error| mtasts_tlsrpt_record_select(
                        rrs, count, out, error
                    ));
                    let (ttl, has_mta_sts) = (self.wide().cast_signed(), i32::from(self.byte() % 2));
                    make!(self, findings, |out, error| mtasts_lint_tlsrpt_rrset(
                        rrs,
                        count,
                        text,
                        ttl,
                        has_mta_sts,
                        out,
                        error
                    ));
                }
                47 => {
                    let (octets, status) = (self.octets(&BODIES), self.http_status());
                    let (hosts, small) = ([text, other], self.small());
                    let config = take(&mut self.configs, one);
                    make!(self, findings, |out, error| mtasts_lint_policy_for_hosts(
                        octets.0,
                        octets.1,
                        small,
                        hosts.as_ptr(),
                        two % 3,
                        out,
                        error
                    ));
                    make!(self, findings, |out, error| mtasts_lint_response_for_hosts(
                        status,
                        text,
                        octets.0,
                        octets.1,
                        config.as_deref(),
                        hosts.as_ptr(),
                        two % 3,
                        out,
                        error
                    ));
                    put_back(&mut self.configs, one, config);
                }
                _ => self.free_or_read(one),
            }
        }
    }

    /// Frees a handle of one kind, or reads what needs no other argument.
    fn free_or_read(&mut self, place: usize) {
        match self.byte() % 21 {
            0 => mtasts_name_free(take(&mut self.names, place)),
            1 => mtasts_domain_free(take(&mut self.domains, place)),
            2 => mtasts_mx_pattern_free(take(&mut self.patterns, place)),
            3 => mtasts_record_free(take(&mut self.records, place)),
            4 => mtasts_config_free(take(&mut self.configs, place)),
            5 => mtasts_policy_free(take(&mut self.policies, place)),
            6 => mtasts_lookup_free(take(&mut self.lookups, place)),
            7 => mtasts_outcome_free(take(&mut self.outcomes, place)),
            8 => mtasts_entry_free(take(&mut self.entries, place)),
            9 => mtasts_cache_free(take(&mut self.caches, place)),
            10 => mtasts_entries_free(take(&mut self.lists, place)),
            11 => mtasts_delivery_free(take(&mut self.deliveries, place)),
            12 => mtasts_mx_host_free(take(&mut self.hosts, place)),
            13 => mtasts_mx_verdict_free(take(&mut self.verdicts, place)),
            14 => mtasts_mx_plan_free(take(&mut self.plans, place)),
            15 => mtasts_session_verdict_free(take(&mut self.sessions, place)),
            16 => mtasts_findings_free(take(&mut self.findings, place)),
            17 => mtasts_postfix_answer_free(take(&mut self.answers, place)),
            18 => mtasts_tlsrpt_record_free(take(&mut self.tlsrpt_records, place)),
            19 => {
                let (status, number) = (self.status(), self.wide() as u32);
                assert!(
                    read(mtasts_status_code(status)).is_some()
                        && read(mtasts_status_message(status)).is_some()
                );
                let result_type = mtasts_status_result_type(status);
                assert_eq!(result_type != 0, read(mtasts_result_type_word(result_type)).is_some());
                read(mtasts_result_type_word(number));
                read(mtasts_policy_type_word(number));
                read(mtasts_mode_word(number));
                read(mtasts_conclusion_enhanced_status(number));
                truth(mtasts_version_check(number));
            }
            _ => {
                read(mtasts_name_text(at(&self.names, place)));
                read(mtasts_record_id(at(&self.records, place)));
                let domain = at(&self.domains, place);
                read(mtasts_domain_text(domain));
                read(mtasts_domain_txt_name(domain));
                read(mtasts_domain_policy_host(domain));
                read(mtasts_domain_policy_url(domain));
                read(mtasts_tlsrpt_txt_name(domain));
                read(mtasts_mx_pattern_text(at(&self.patterns, place)));
                truth(mtasts_mx_pattern_is_wildcard(at(&self.patterns, place)));
            }
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
        match self.byte() {
            small @ 0..=249 => u32::from(small % 12),
            _ => self.input.arbitrary().unwrap_or_default(),
        }
    }

    fn time(&mut self) -> u64 {
        match self.byte() {
            near @ 0..=239 => START + u64::from(near % 16) * 40,
            240..=249 => START + 700_000,
            _ => self.input.arbitrary().unwrap_or_default(),
        }
    }

    fn http_status(&mut self) -> u16 {
        if self.byte() % 4 == 0 { self.input.arbitrary().unwrap_or_default() } else { 200 }
    }

    fn status(&mut self) -> mtasts_status {
        let (room, number) = (self.byte(), i32::from(self.byte() % 24));
        match room % 8 {
            0 => 0,
            1 | 2 => 501 + number,
            3 | 4 => 601 + number,
            5 | 6 => 901 + number,
            _ => self.input.arbitrary().unwrap_or_default(),
        }
    }

    /// A string for C, or NULL.
    fn text(&mut self) -> Option<CString> {
        match self.byte() {
            known @ 0..=199 => CString::new(TEXTS[usize::from(known) % TEXTS.len()]).ok(),
            200..=229 => None,
            _ => {
                let octets = self.some_octets(80).iter().copied().filter(|octet| *octet != 0);
                CString::new(octets.collect::<Vec<_>>()).ok()
            }
        }
    }

    /// Octets for C; NULL with a length of zero, and with one that lies.
    fn octets(&mut self, known: &[&'static [u8]]) -> (*const u8, usize, Vec<u8>) {
        let octets = match self.byte() {
            pick @ 0..=179 => known[usize::from(pick) % known.len()].to_vec(),
            180..=199 => return (null(), 0, Vec::new()),
            200..=219 => return (null(), 1 + usize::from(self.byte()), Vec::new()),
            _ => self.some_octets(300).to_vec(),
        };
        // Of its own size, so that one octet beyond is seen.
        let octets = octets.into_boxed_slice().into_vec();
        (octets.as_ptr(), octets.len(), octets)
    }

    fn some_octets(&mut self, most: usize) -> &[u8] {
        let len = usize::from(self.byte()).min(most).min(self.input.len());
        self.input.bytes(len).unwrap_or_default()
    }

    fn list(&mut self, known: &[&'static [u8]]) -> List {
        let mut list = List { items: Vec::new(), owners: Vec::new() };
        for _ in 0..self.number(4) {
            let (data, len, owner) = self.octets(known);
            list.items.push(mtasts_bytes { data, len });
            list.owners.push(owner);
        }
        list
    }
}

struct List {
    items: Vec<mtasts_bytes>,
    // What the items point at.
    owners: Vec<Vec<u8>>,
}

impl List {
    fn first(&self) -> *const mtasts_bytes {
        if self.owners.is_empty() { null() } else { self.items.as_ptr() }
    }

    fn len(&self) -> usize {
        self.items.len()
    }
}

fn read_policy(policy: Option<&mtasts_policy>) {
    assert_eq!(policy.is_some(), read(mtasts_mode_word(mtasts_policy_mode(policy))).is_some());
    assert!(mtasts_policy_max_age(policy) <= 31_557_600);
    let count = mtasts_policy_mx_count(policy);
    for index in 0..=count {
        assert_eq!(read(mtasts_policy_mx_get(policy, index)).is_some(), index < count);
    }
    let count = mtasts_policy_line_count(policy);
    for index in 0..=count {
        assert_eq!(read(mtasts_policy_line_get(policy, index)).is_some(), index < count);
    }
    assert_eq!(read(mtasts_policy_text(policy)).is_some(), policy.is_some());
    assert_eq!(read(mtasts_policy_written(policy)).is_some(), policy.is_some());
}

fn read_lookup(lookup: Option<&mtasts_lookup>) {
    assert_eq!(mtasts_lookup_poll_output(lookup) == 0, lookup.is_none());
    for text in [
        mtasts_lookup_domain(lookup),
        mtasts_lookup_txt_name(lookup),
        mtasts_lookup_policy_host(lookup),
        mtasts_lookup_policy_url(lookup),
    ] {
        assert_eq!(read(text).is_some(), lookup.is_some());
    }
    mtasts_lookup_fetch_timeout_ms(lookup);
    assert!(mtasts_lookup_max_body_len(lookup) <= 1_048_576);
}

fn read_outcome(outcome: Option<&mtasts_outcome>) {
    let policy = mtasts_outcome_policy(outcome);
    read_policy(policy);
    assert_eq!(mtasts_outcome_policy_source(outcome) != 0, policy.is_some());
    assert_eq!(read(mtasts_outcome_policy_id(outcome)).is_some(), policy.is_some());
    assert!(truth(mtasts_outcome_is_known(outcome)) || policy.is_none());
    mtasts_outcome_policy_expires_at(outcome);
    let reason = mtasts_outcome_no_policy(outcome);
    assert_eq!(reason != 0, outcome.is_some() && policy.is_none());
    plain(reason);
    plain(mtasts_outcome_no_policy_detail(outcome));
    mtasts_outcome_no_policy_until(outcome);
    assert_eq!(mtasts_outcome_update_kind(outcome) != 0, outcome.is_some());
    let fails = mtasts_outcome_failure_result_type(outcome) != 0;
    assert_eq!(read(mtasts_outcome_failure_reason_code(outcome)).is_some(), fails);
    let count = mtasts_outcome_failure_line_count(outcome);
    for index in 0..=count {
        assert_eq!(read(mtasts_outcome_failure_line_get(outcome, index)).is_some(), index < count);
    }
    assert_eq!(plain(mtasts_outcome_alert(outcome)), mtasts_outcome_alert_failures(outcome) == 0);
    mtasts_outcome_alert_expires_at(outcome);
    assert!(mtasts_outcome_record_check(outcome) <= MTASTS_RECORD_CHECK_FAILED);
}

fn read_tlsrpt_record(record: Option<&mtasts_tlsrpt_record>) {
    let count = mtasts_tlsrpt_record_uri_count(record);
    assert_eq!((1..=8).contains(&count), record.is_some());
    for index in 0..=count {
        let uri = read(mtasts_tlsrpt_record_uri_get(record, index));
        assert_eq!(uri.is_some(), index < count);
        let is_mailto = uri.is_some_and(|uri| uri.to_ascii_lowercase().starts_with("mailto:"));
        assert_eq!(read(mtasts_tlsrpt_record_address_get(record, index)).is_some(), is_mailto);
    }
}

fn read_entry(entry: Option<&mtasts_entry>, now: u64) {
    let policy = mtasts_entry_policy(entry);
    read_policy(policy);
    assert!(!truth(mtasts_entry_is_valid(entry, now)) || policy.is_some());
    assert_eq!(read(mtasts_entry_policy_id(entry)).is_some(), policy.is_some());
    assert!(mtasts_entry_fetched_at(entry) <= mtasts_entry_expires_at(entry));
    mtasts_entry_checked_until(entry);
    plain(mtasts_entry_absence(entry));
    mtasts_entry_absence_until(entry);
    mtasts_entry_fetch_failures(entry);
    let count = mtasts_entry_back_off_count(entry);
    for index in 0..=count {
        assert_eq!(read(mtasts_entry_back_off_id(entry, index)).is_some(), index < count);
        assert!(index < count || mtasts_entry_back_off_until(entry, index) == 0);
    }
    // SAFETY: a string that stays.
    let text = |entry| read(unsafe { mtasts_entry_text(entry, DOMAIN.as_ptr()) });
    let first = text(entry);
    assert_eq!(first.is_some(), entry.is_some());
    if let Some(first) = first {
        // SAFETY: the text lives until after the call.
        let call = |out: Out<'_, _>, error: Out<'_, _>| unsafe {
            mtasts_entry_parse(first.as_ptr(), first.len(), DOMAIN.as_ptr(), out, error)
        };
        let again = made(17, true, call).flatten();
        assert_eq!(text(again.as_deref()), Some(first));
    }
}

fn read_mx_verdict(verdict: Option<&mtasts_mx_verdict>) {
    let decision = mtasts_mx_verdict_decision(verdict);
    let skips = mtasts_mx_verdict_fault(verdict) != 0;
    assert!(!skips || decision == MTASTS_MX_SKIP);
    let demands = [MTASTS_MX_AUTHENTICATE, MTASTS_MX_AUTHENTICATE_BY_DANE].contains(&decision);
    assert_eq!(read(mtasts_mx_verdict_dns_id(verdict)).is_some(), demands);
    let count = mtasts_mx_verdict_row_count(verdict);
    (0..=count).for_each(|index| read_row(mtasts_mx_verdict_row_get(verdict, index)));
}

fn read_row(row: Option<&mtasts_tlsrpt_row>) {
    let kind = read(mtasts_policy_type_word(mtasts_tlsrpt_row_policy_type(row)));
    assert_eq!(kind.is_some(), row.is_some());
    let result_type = mtasts_tlsrpt_row_result_type(row);
    assert_eq!(read(mtasts_result_type_word(result_type)).is_some(), result_type != 0);
    plain(mtasts_tlsrpt_row_reason(row));
}
