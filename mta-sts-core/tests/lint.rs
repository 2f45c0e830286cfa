//! Each finding where it belongs, and none where it does not; and `lint` agrees with the parsers.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use std::time::Duration;

use mta_sts_core::lint::{self, Finding, FindingKind, Severity};
use mta_sts_core::tlsrpt::TlsrptRecord;
use mta_sts_core::{DnsName, FetchLimits, HttpResponse, MxPattern, Policy, PolicyDomain, Record, Strictness};
use proptest::prelude::*;

const E: Severity = Severity::Error;
const W: Severity = Severity::Warning;
const I: Severity = Severity::Info;

/// A code, its severity, a text with the span between `⟦` and `⟧`, and a text without the code.
type Row = (&'static str, Severity, &'static str, &'static str);

const GOOD: &str = "version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 604800\n";

#[rustfmt::skip]
const POLICIES: &[Row] = &[
    // What stops the parser.
    ("control-character", E, "version: STSv1\nnote: a⟦\0⟧\n", GOOD),
    ("line-without-colon", E, "version: STSv1\n⟦nonsense⟧ \n", GOOD),
    ("space-before-name", E, "⟦  ⟧version: STSv1\n", GOOD),
    ("space-before-name", E, "version: STSv1\n⟦\t⟧mode: none\n", GOOD),
    ("space-before-colon", E, "⟦version ⟧: STSv1\n", GOOD),
    ("bad-policy-field-name", E, "⟦-mode⟧: none\n", GOOD),
    ("empty-value", E, "version: STSv1\nmode: ⟦⟧\n", GOOD),
    ("bad-policy-version", E, "version: ⟦STSv2⟧\n", "version: STSv1\nversion: STSv2\n"),
    ("bad-mode", E, "mode: ⟦enforced⟧\n", "mode: enforce\nmode: enforced\n"),
    ("bad-max-age", E, "max_age: ⟦-1⟧\n", "max_age: 1\nmax_age: -1\n"),
    ("bad-max-age", E, "max_age: ⟦12345678901⟧\n", "max_age: 1234567890\n"),
    ("bad-mx", E, "mx: a⟦*.test⟧\n", "mx: *.a.test\n"),
    ("missing-version", E, "mode: none\nmax_age: 1\n⟦⟧", " version: STSv1\nmode: none\n"),
    ("missing-mode", E, "version: STSv1\nMode: none\n⟦⟧", "mode: None\n"),
    ("missing-max-age", E, "version: STSv1\n⟦⟧", "max_age : 1\n"),
    ("missing-mx", E, "mode: testing\n⟦⟧", "mode: none\n"),
    ("missing-mx", E, "version: STSv1\n⟦⟧", "mx:\n"),
    // What is tolerated.
    ("blank-line", W, "version: STSv1\n⟦ \t\r\n⟧mode: none\n", GOOD),
    ("byte-order-mark", W, "⟦\u{feff}⟧version: STSv1\n", GOOD),
    ("mx-trailing-dot", W, "mx: mx.test⟦.⟧\n", GOOD),
    ("mx-underscore", W, "mx: mx⟦_⟧1.test\n", GOOD),
    // The text as a whole.
    ("html", E, "\n⟦<!DOCTYPE html>\n<p>Not found</p>\n⟧", "version: STSv1\n<p>\n"),
    ("rtf", E, "⟦\\pard\\tx560 version: STSv1\\\nmode: enforce\\\nmx: mx.test\\\nmax_age: 604800}⟧", GOOD),
    ("rtf", E, "⟦version: STSv1\\\nmode: enforce\\\nmx: mx.test\\\nmax_age: 604800⟧", "version: STSv1\\\nmode: none\n"),
    ("rtf", E, "⟦{\\rtf1\\ansi\nversion: STSv1\\\n}⟧", "version: STSv1\n{\\rtf1\n"),
    ("json", E, "⟦{\"version\": \"STSv1\",\n\"mode\": \"report\"}\n⟧", "{{ policy }}\n"),
    ("front-matter", E, "⟦---\nlayout: none\n---⟧\nversion: STSv1\n", "version: STSv1\n---\n"),
    ("front-matter", E, "⟦---⟧\nversion: STSv1\n", "--\n"),
    ("utf-16", E, "⟦v\0e\0r\0s\0⟧", "version\0\0\n"),
    ("record-as-policy", E, "⟦v=STSv1; id=1⟧\n", "note: v=STSv1; id=1\n"),
    ("record-as-policy", E, "⟦_mta-sts.a.test. TXT \"v=STSv1; id=20250802\"⟧\n", GOOD),
    // Lines.
    ("comment", E, "⟦# our policy⟧\n", "note: # our policy\n"),
    ("comment", E, "⟦// mode: none⟧\n", GOOD),
    ("comment", E, "mx: mx.test ⟦# the first⟧\n", GOOD),
    ("yaml-list", E, "mx:\n  ⟦- mx.test⟧\n", "note: - mx.test\n"),
    ("yaml-list", E, "⟦- mx: mx.test⟧\n", GOOD),
    ("equals-for-colon", E, "⟦version=STSv1⟧\n", "note: version=STSv1\n"),
    ("fields-on-one-line", E, "version: STSv1 ⟦mode: none max_age: 1⟧\n", "note: mode: none\n"),
    ("escaped-line-end", E, "version: STSv1⟦\\n⟧mode: none\n", "note: a\\nb\n"),
    ("bad-line-end", E, "version: STSv1⟦\r⟧mode: none\r", "version: STSv1\r\n"),
    ("bad-line-end", E, "version: STSv1\n⟦\r⟧mode: none\n\rmx: mx.test\n", GOOD),
    ("unicode-line-end", W, "note: a⟦\u{2028}⟧b\n", "note: a\n"),
    ("unicode-line-end", E, "mode: none⟦\u{2028}⟧max_age: 1\n", "note: a\n"),
    ("mixed-line-ends", I, "version: STSv1\nmode: none⟦\r\n⟧max_age: 1\nnote: x\r\n", "version: STSv1\r\nmode: none"),
    ("mixed-line-ends", I, "version: STSv1\r\nmode: none⟦\n⟧", GOOD),
    ("trailing-white-space", I, "version: STSv1⟦ \t⟧\n", GOOD),
    ("unusual-delimiter", I, "version:⟦\t⟧STSv1\n", GOOD),
    ("unusual-delimiter", I, "version:⟦⟧STSv1\n", GOOD),
    ("invisible-character", E, "version:⟦\u{a0}⟧STSv1\n", GOOD),
    ("invisible-character", E, "mx: mx.test⟦\u{200b}⟧\n", GOOD),
    ("invisible-character", W, "note: a⟦\u{a0}⟧b\n", "note: \u{fc}\n"),
    ("typographic-character", E, "mode: ⟦\u{201c}⟧none\u{201d}\n", GOOD),
    ("typographic-character", E, "mode⟦\u{ff1a}⟧ none\n", GOOD),
    ("typographic-character", W, "note: a ⟦\u{2013}⟧ b\n", "note: a - b\n"),
    ("non-ascii", I, "note: f⟦\u{fc}r⟧\n", "note: for\n"),
    // Fields.
    ("version-not-first", I, "mode: none\n⟦version⟧: STSv1\n", "\nversion: STSv1\nmode: none\n"),
    ("duplicate-field", W, "mode: none\n⟦mode⟧: bogus\n", "mx: a.test\nmx: b.test\nnote: a\nnote: b\n"),
    ("unknown-field", I, "⟦contact⟧: me\n", GOOD),
    ("field-name-case", W, "⟦MX⟧: mx.test\n", GOOD),
    ("field-name-case", W, "⟦Mode⟧: none\n", GOOD),
    ("misspelt-field", W, "⟦max-age⟧: 1\n", "message: 1\n"),
    ("misspelt-field", W, "⟦maxage⟧: 1\n", GOOD),
    ("misspelt-field", W, "⟦mx1⟧: mx.test\n", GOOD),
    ("misspelt-field", W, "⟦verison⟧: STSv1\n", GOOD),
    ("misspelt-field", E, "⟦max age⟧: 1\n", "max_age : 1\n"),
    ("misplaced-field", I, "⟦id⟧: 20240101\n", GOOD),
    ("old-draft", W, "⟦policy-mode⟧: enforce\n", GOOD),
    ("old-draft", E, "mode: ⟦report⟧\n", "mode: reports\n"),
    ("value-case", E, "mode: ⟦Enforce⟧\n", "mode: Enforced\n"),
    ("value-case", E, "version: ⟦STSV1⟧\n", GOOD),
    ("quoted-value", E, "mode: ⟦\"none\"⟧\n", "note: \"none\"\n"),
    ("quoted-value", E, "mx: ⟦'mx.test'⟧\n", GOOD),
    ("bracketed-value", E, "mode: ⟦[testing]⟧\n", "note: [testing]\n"),
    ("trailing-punctuation", E, "mode: ⟦none;⟧\n", "note: none;\n"),
    ("trailing-punctuation", E, "mx: ⟦mx.test,⟧\n", GOOD),
    ("placeholder", W, "mx: ⟦mail.example.com⟧\n", "mx: examples.test\n"),
    ("placeholder", W, "mx: ⟦mail.yourdomain.com⟧\n", GOOD),
    ("placeholder", E, "mx: ⟦<your-host>⟧\n", GOOD),
    ("placeholder", E, "max_age: ⟦{{ seconds }}⟧\n", GOOD),
    // Mode and max_age.
    ("testing-mode", I, "mode: ⟦testing⟧\n", "mode: enforce\nmode: testing\n"),
    ("none-mode", I, "mode: ⟦none⟧\n", "mode: testing\nmode: none\n"),
    ("short-max-age", W, "mode: enforce\nmax_age: ⟦3600⟧\n", "mode: enforce\nmax_age: 604800\n"),
    ("short-max-age", I, "max_age: ⟦3600⟧\nmode: testing\n", "mode: none\nmax_age: 3600\n"),
    ("short-max-age", I, "mode: enforce\nmax_age: ⟦86400⟧\n", GOOD),
    ("zero-max-age", W, "mode: enforce\nmax_age: ⟦0⟧\n", "max_age: 1\n"),
    ("zero-max-age", I, "mode: none\nmax_age: ⟦000⟧\n", GOOD),
    ("long-max-age", I, "max_age: ⟦31557600⟧\n", "max_age: 2592000\n"),
    ("clamped-max-age", W, "max_age: ⟦31557601⟧\n", "max_age: 31557600\n"),
    // Patterns.
    ("mx-with-mode-none", I, "mx: ⟦mx.test⟧\nmode: none\nmx: mx2.test\n", GOOD),
    ("duplicate-mx", I, "mx: mx.test\nmx: ⟦MX.test.⟧\n", "mx: mx.test\nmx: *.mx.test\n"),
    ("upper-case-mx", I, "mx: ⟦Mx.test⟧\n", GOOD),
    ("single-label-mx", W, "mx: ⟦localhost⟧\n", GOOD),
    ("wildcard-mx", I, "mx: ⟦*.mx.test⟧\n", GOOD),
    ("wildcard-too-wide", W, "mx: ⟦*.com⟧\n", "mx: *.mx.com\n"),
    ("wildcard-too-wide", W, "mx: ⟦*.co.uk⟧\n", "mx: *.mx.uk\n"),
    ("wildcard-misses-level", W, "mx: ⟦*.outlook.com⟧\n", "mx: *.outlook.com\nmode: none\n"),
    ("wildcard-misses-level", W, "mx: ⟦*.l.google.com⟧\n", "mx: *.l.google.com\nmx: *.aspmx.l.google.com\nmx: *.gmail-smtp-in.l.google.com\n"),
    ("wildcard-misses-level", W, "mx: ⟦*.aspmx.l.google.com⟧\n", "mx: aspmx.l.google.com\nmx: *.aspmx.l.google.com\n"),
    ("wildcard-misses-level", W, "mx: ⟦*.mx.microsoft⟧\n", "mx: *.j-v1.mx.microsoft\n"),
    ("provider-mx", I, "mx: ⟦smtp.gmail.com⟧\n", "mx: smtp.google.com\n"),
    ("provider-mx", I, "mx: ⟦google.com⟧\n", "mx: mygoogle.com\n"),
    ("provider-mx", I, "mx: ⟦alt5.aspmx.l.google.com⟧\n", "mx: *.google.com\n"),
    ("provider-mx", I, "mx: ⟦smtp.office365.com⟧\n", "mx: a-test.mail.protection.outlook.com\n"),
    ("part-of-mx-set", I, "mx: ⟦mx01.mail.icloud.com⟧\n", "mx: mx01.mail.icloud.com\nmx: mx02.mail.icloud.com\n"),
    ("part-of-mx-set", I, "mx: ⟦in1-smtp.messagingengine.com⟧\n", "mx: in1-smtp.messagingengine.com\nmx: *.messagingengine.com\n"),
    ("part-of-mx-set", I, "mx: ⟦aspmx.l.google.com⟧\n",
        "mx: aspmx.l.google.com\nmx: alt1.aspmx.l.google.com\nmx: alt2.aspmx.l.google.com\nmx: aspmx2.googlemail.com\nmx: aspmx3.googlemail.com\n"),
    ("placeholder", W, "mx: ⟦ms12345678.msv1.invalid⟧\n", "mx: a-test.mail.protection.outlook.com\n"),
    ("misplaced-wildcard", E, "mx: ⟦*⟧\n", "mx: *.mx.test\n"),
    ("misplaced-wildcard", E, "mx: ⟦a.*.test⟧\n", GOOD),
    ("several-hosts-in-mx", E, "mx: ⟦a.test, b.test⟧\n", GOOD),
    ("several-hosts-in-mx", E, "mx: ⟦a.test b.test⟧\n", GOOD),
    ("mx-preference", E, "mx: ⟦10 mx.test.⟧\n", GOOD),
    ("mx-port", E, "mx: ⟦mx.test:25⟧\n", GOOD),
    ("mx-url", E, "mx: ⟦https://mx.test/⟧\n", GOOD),
    ("mx-mail-address", E, "mx: ⟦mailto:me⟧\n", GOOD),
    ("mx-mail-address", E, "mx: ⟦me@mx.test⟧\n", GOOD),
    ("mx-address", E, "mx: ⟦192.0.2.1⟧\n", "mx: 1.2.3.test\n"),
    ("mx-address", E, "mx: ⟦[IPv6:2001:db8::1]⟧\n", GOOD),
    ("mx-u-label", E, "mx: ⟦b\u{fc}cher.test⟧\n", "mx: xn--bcher-kva.test\n"),
    ("mx-leading-dot", E, "mx: ⟦.mx.test⟧\n", GOOD),
];

#[rustfmt::skip]
const RECORDS: &[Row] = &[
    ("bad-version", E, "⟦v=STSv10⟧; id=1", "v=STSv1; id=1"),
    ("missing-id", E, "v=STSv1; a=b;⟦⟧", "v=STSv1; id=a-b"),
    ("bad-id", E, "v=STSv1; id=2024⟦-01-01⟧", "v=STSv1; id=1; id=2-3"),
    ("empty-field", E, "v=STSv1;⟦⟧; id=1", "v=STSv1; id=1; "),
    ("field-without-value", E, "v=STSv1; id=1; junk⟦⟧", "v=STSv1; id=1; junk=1"),
    ("space-around-equals", E, "v=STSv1; id⟦ = 1⟧; a=b", "v=STSv1; id=1 ; a=b"),
    ("bad-field-name", E, "v=STSv1; id=1; ⟦-a=b⟧", "v=STSv1; id=1; a-=b"),
    ("bad-field-value", E, "v=STSv1; id=1⟦ junk⟧; a=b", "v=STSv1; id=1; a=b"),
    ("trailing-space", E, "v=STSv1; id=1⟦  ⟧", "v=STSv1; id=1; "),
    ("trailing-space", E, "v=STSv1; id=1; id=-⟦ ⟧", "v=STSv1; id=1; "),
    ("policy-as-record", E, "⟦version: STSv1\nmode: none⟧", "v=STSv1; id=1"),
    ("misplaced-record", E, "⟦v=DMARC1; p=reject⟧", "v=other"),
    ("leading-white-space", E, "⟦ ⟧v=STSv1; id=1", "v=STSv1; id=1"),
    ("value-case", E, "⟦v=stsv1⟧; id=1", "v=STSv1; id=1"),
    ("value-case", E, "⟦V=STSv1⟧; id=1", "v=STSv1; id=1"),
    ("missing-semicolon", E, "v=STSv1⟦⟧ id=1", "v=STSv1; id=1"),
    ("missing-semicolon", E, "v=STSv1⟦⟧", "v=STSv10"),
    ("quoted-value", E, "⟦\"⟧v=STSv1; id=1\"", "v=STSv1; id=1; a=\"b\""),
    ("quoted-value", E, "v=STSv1; id=⟦\"1\"⟧", "v=STSv1; id=1"),
    ("escaped-semicolon", E, "v=STSv1⟦\\⟧; id=1", "v=STSv1; id=1"),
    ("escaped-semicolon", E, "v=STSv1; id=1⟦\\⟧;", "v=STSv1; id=1; a=\\"),
    ("version-not-first", E, "id=1; ⟦v=STSv1⟧", "v=STSv1; id=1; v=STSv1"),
    ("placeholder", E, "v=STSv1; id=⟦<timestamp>⟧", "v=STSv1; id=1"),
    ("placeholder", W, "v=STSv1; id=⟦YYYYMMDDHHMMSS⟧", "v=STSv1; id=1"),
    ("invisible-character", E, "⟦\u{feff}⟧v=STSv1; id=1", "v=STSv1; id=1"),
    ("typographic-character", E, "v=STSv1; id=⟦\u{2013}⟧1", "v=STSv1; id=1"),
    ("space-before-semicolon", W, "v=STSv1⟦ ⟧; id=1", "v=STSv1; id=1"),
    ("space-before-semicolon", I, "v=STSv1; id=1⟦\t⟧;", "v=STSv1; id=1;"),
    ("duplicate-field", W, "v=STSv1; id=1; ⟦id⟧=a-b", "v=STSv1; id=1"),
    ("duplicate-field", W, "v=STSv1; id=1; ⟦v⟧=STSv2", "v=STSv1; id=1"),
    ("field-name-case", W, "v=STSv1; ⟦ID⟧=1", "v=STSv1; id=1"),
    ("misplaced-field", W, "v=STSv1; id=1; ⟦mode⟧=enforce", "v=STSv1; id=1"),
    ("unknown-field", I, "v=STSv1; id=1; ⟦a⟧=b", "v=STSv1; id=1"),
    ("colon-for-equals", E, "v=STSv1; id⟦:⟧20240101", "v=STSv1; id=1; a=b:c"),
    ("colon-for-equals", E, "v⟦:⟧STSv1; id=1", "v=STSv1; id=1"),
    ("invisible-character", E, "v=STSv1;⟦\u{a0}⟧id=1", "v=STSv1; id=1"),
    ("invisible-character", E, "v=STSv1; id=1⟦\u{200b}⟧; a=b", "v=STSv1; id=1"),
    ("quoted-value", E, "⟦\u{201c}⟧v=STSv1; id=1\u{201d}", "v=STSv1; id=1"),
    ("quoted-value", E, "v=STSv1; id=⟦\u{201c}1\u{201d}⟧", "v=STSv1; id=1"),
    ("missing-semicolon", E, "v=STSv1⟦⟧\tid=1", "v=STSv1;\tid=1"),
    ("bad-field-value", E, "v=STSv1; id=1⟦\t2⟧", "v=STSv1; id=1\t;"),
    ("zone-line", E, "⟦_mta-sts.a.test. 300 IN TXT \"v=STSv1; id=1\"⟧", "v=STSv1; id=1; TXT=1"),
];

#[rustfmt::skip]
const TLSRPT_RECORDS: &[Row] = &[
    ("bad-tlsrpt-version", E, "⟦v=TLSRPTv2⟧; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("missing-rua", E, "v=TLSRPTv1; a=b;⟦⟧", "v=TLSRPTv1; rua=tls"),
    ("no-usable-rua", E, "v=TLSRPTv1; rua=⟦ftp://a.test, http://b.test⟧", "v=TLSRPTv1; rua=ftp://a.test,mailto:a@b.test"),
    ("no-usable-rua", E, "v=TLSRPTv1; rua=⟦\na\0⟧", "v=TLSRPTv1; rua=\na,mailto:a@b.test"),
    ("empty-tlsrpt-field", E, "v=TLSRPTv1;⟦⟧; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:a@b.test; "),
    ("tlsrpt-field-without-value", E, "v=TLSRPTv1; rua=mailto:a@b.test; junk⟦⟧", "v=TLSRPTv1; rua=mailto:a@b.test; a=b"),
    ("space-around-tlsrpt-equals", E, "v=TLSRPTv1; rua⟦ = mailto:a@b.test⟧", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("bad-tlsrpt-field-name", E, "v=TLSRPTv1; rua=mailto:a@b.test; ⟦-a=b⟧", "v=TLSRPTv1; rua=mailto:a@b.test; a-=b"),
    ("bad-tlsrpt-field-value", E, "v=TLSRPTv1; rua=mailto:a@b.test; a=b⟦=c⟧", "v=TLSRPTv1; rua=https://b.test/?c=d=e"),
    ("trailing-tlsrpt-space", E, "v=TLSRPTv1; rua=mailto:a@b.test⟦  ⟧", "v=TLSRPTv1; rua=mailto:a@b.test; "),
    ("rua-without-scheme", E, "v=TLSRPTv1; rua=⟦postmaster@a.test⟧", "v=TLSRPTv1; rua=mailto:postmaster@a.test"),
    ("rua-without-scheme", W, "v=TLSRPTv1; rua=mailto:a@b.test, ⟦c@b.test⟧", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("rua-scheme", E, "v=TLSRPTv1; rua=⟦http://a.test/⟧", "v=TLSRPTv1; rua=HTTPS://a.test/"),
    ("rua-exclamation-mark", E, "v=TLSRPTv1; rua=⟦mailto:a@b.test!10m⟧", "v=TLSRPTv1; rua=mailto:a%21@b.test"),
    ("rua-white-space", E, "v=TLSRPTv1; rua=⟦mailto:a@b.test mailto:c@b.test⟧", "v=TLSRPTv1; rua=mailto:a@b.test , mailto:c@b.test"),
    ("rua-character", E, "v=TLSRPTv1; rua=⟦<mailto:a@b.test>⟧", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("rua-address", E, "v=TLSRPTv1; rua=⟦mailto:a%0d%0abcc@b.test⟧", "v=TLSRPTv1; rua=mailto:a@b.test?x=%0d"),
    ("rua-url", E, "v=TLSRPTv1; rua=⟦https:///reports⟧", "v=TLSRPTv1; rua=https://a.test"),
    ("empty-rua", W, "v=TLSRPTv1; rua=mailto:a@b.test,⟦⟧", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("duplicate-rua", I, "v=TLSRPTv1; rua=mailto:a@b.test,⟦MAILTO:a@B.test⟧", "v=TLSRPTv1; rua=mailto:a@b.test,mailto:A@b.test"),
    ("many-ruas", W, "v=TLSRPTv1; rua=mailto:1@b,mailto:2@b,mailto:3@b,mailto:4@b,mailto:5@b,mailto:6@b,mailto:7@b,mailto:8@b,⟦mailto:9@b⟧,mailto:10@b",
        "v=TLSRPTv1; rua=mailto:1@b,mailto:2@b,mailto:3@b,mailto:4@b,mailto:5@b,mailto:6@b,mailto:7@b,mailto:8@b"),
    ("duplicate-field", W, "v=TLSRPTv1; rua=mailto:a@b.test; ⟦rua⟧=mailto:c@b.test", "v=TLSRPTv1; rua=mailto:a@b.test; a=b; a=b"),
    ("field-name-case", W, "v=TLSRPTv1; ⟦RUA⟧=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("unknown-field", I, "v=TLSRPTv1; rua=mailto:a@b.test; ⟦mode⟧=x", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("value-case", E, "⟦v=tlsrptv1⟧; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("missing-semicolon", E, "v=TLSRPTv1⟦⟧ rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("escaped-semicolon", E, "v=TLSRPTv1⟦\\⟧; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("colon-for-equals", E, "v=TLSRPTv1; rua⟦:⟧mailto:a@b.test", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("quoted-value", E, "⟦\"⟧v=TLSRPTv1; rua=mailto:a@b.test\"", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("misplaced-record", E, "⟦v=STSv1; id=1⟧", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("policy-as-record", E, "⟦version: STSv1⟧", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("space-before-semicolon", W, "v=TLSRPTv1⟦ ⟧; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("space-before-semicolon", I, "v=TLSRPTv1; rua=mailto:a@b.test⟦ ⟧;", "v=TLSRPTv1; rua=mailto:a@b.test;"),
    ("invisible-character", E, "v=TLSRPTv1;⟦\u{a0}⟧rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:a@b.test"),
    ("zone-line", E, "⟦_smtp._tls IN TXT ( \"v=TLSRPTv1; rua=mailto:a@b.test\" )⟧", "v=TLSRPTv1; rua=mailto:a@b.test"),
];

fn has(findings: &[Finding], code: &str) -> bool {
    findings.iter().any(|finding| finding.code() == code)
}

fn check_rows(rows: &[Row], find: fn(&[u8]) -> Vec<Finding>) {
    for (code, severity, example, without) in rows {
        assert!(FindingKind::from_code(code).is_some(), "{code}");
        let start = example.find('⟦').unwrap();
        let end = example.find('⟧').unwrap() - '⟦'.len_utf8();
        let text = example.replace(['⟦', '⟧'], "");
        let line = text[..start].split('\n').count();
        let expected = (*code, *severity, start..end, u32::try_from(line).unwrap());
        let findings: Vec<_> = find(text.as_bytes())
            .iter()
            .map(|finding| (finding.code(), finding.severity(), finding.span(), finding.line()))
            .collect();
        assert!(findings.contains(&expected), "{text:?}\nwanted {expected:?}\nof {findings:#?}");
        assert!(!has(&find(without.as_bytes()), code), "{code} in {without:?}");
    }
}

// Proves S42, S96, S97, S102.
#[test]
fn each_finding_about_a_policy_has_its_place() {
    check_rows(POLICIES, lint::policy);
}

// Proves S96.
#[test]
fn each_finding_about_a_record_has_its_place() {
    check_rows(RECORDS, lint::record);
}

// Proves S96, A38.
#[test]
fn each_finding_about_a_tlsrpt_record_has_its_place() {
    check_rows(TLSRPT_RECORDS, lint::tlsrpt_record);
}

// Proves R89, R90.
#[test]
fn what_is_known_besides_a_tlsrpt_record_is_told() {
    let domain = PolicyDomain::parse("a.test").unwrap();
    let facts = lint::TlsrptFacts::new().with_domain(&domain).with_mta_sts(true);
    let codes = |rrset: &[&str], facts: &lint::TlsrptFacts<'_>| -> Vec<_> {
        let findings = lint::tlsrpt_rrset(rrset, facts);
        findings.iter().map(|finding| (finding.severity(), finding.code(), finding.line())).collect()
    };
    let inside = "v=TLSRPTv1; rua=mailto:tls@a.test,https://r.a.test/";
    let outside = "v=TLSRPTv1; rua=mailto:tls@a.test,https://b-a.test/,mailto:tls@c.test";
    assert_eq!(codes(&[inside], &facts.with_ttl(Duration::from_secs(3600))), []);
    assert_eq!(
        codes(&["x", inside], &facts.with_ttl(Duration::from_secs(3599))),
        [(I, "other-record", 1), (I, "short-tlsrpt-ttl", 2)]
    );
    assert_eq!(codes(&[outside], &facts), [(I, "rua-elsewhere", 1), (I, "rua-elsewhere", 1)]);
    assert_eq!(codes(&[outside], &lint::TlsrptFacts::new()), []);
    assert_eq!(codes(&[], &facts), [(E, "no-tlsrpt-record", 1), (W, "mta-sts-without-tlsrpt", 1)]);
    assert_eq!(codes(&[], &lint::TlsrptFacts::new()), [(E, "no-tlsrpt-record", 1)]);
    assert_eq!(codes(&["v=STSv1; id=1", inside], &facts), [(W, "misplaced-record", 1)]);
    assert_eq!(
        codes(&[inside, inside], &facts),
        [(E, "several-tlsrpt-records", 1), (E, "several-tlsrpt-records", 2)]
    );
    assert_eq!(codes(&["v=TLSRPTv1 ; rua=mailto:a@a.test", inside], &facts), [(W, "near-record", 1)]);
}

#[test]
fn what_is_good_gets_no_finding() {
    assert_eq!(lint::policy(GOOD.as_bytes()), []);
    assert_eq!(lint::policy(GOOD.replace('\n', "\r\n").trim_end().as_bytes()), []);
    for txt in ["v=STSv1; id=20240101T000000;", "v=STSv1;id=1", "v=STSv1; id=1; "] {
        assert_eq!(lint::record(txt.as_bytes()), [], "{txt}");
    }
    assert_eq!(lint::rrset(&["v=STSv1; id=1"]), []);
    assert_eq!(lint::tlsrpt_record(b"v=TLSRPTv1; rua=mailto:tls@a.test, https://r.test/v1?a=b;"), []);
}

#[test]
fn every_kind_is_found_somewhere() {
    let rows = POLICIES.iter().chain(RECORDS).chain(TLSRPT_RECORDS).map(|row| row.0);
    // These have tests of their own, here and beside the code.
    #[rustfmt::skip]
    let others = [
        "no-record", "several-records", "near-record", "other-record", "policy-too-large", "large-policy", "not-utf8",
        "more-findings", "http-status", "http-redirect", "media-type", "missing-media-type", "body-too-large",
        "other-charset", "no-tlsrpt-record", "several-tlsrpt-records", "rua-elsewhere", "short-tlsrpt-ttl",
        "mta-sts-without-tlsrpt", "mx-not-covered",
    ];
    let found: BTreeSet<_> = rows.chain(others).collect();
    // Those of reports are in `lint_report.rs`.
    let of_report = |kind: &FindingKind| {
        matches!(kind, FindingKind::Report(_) | FindingKind::Deviation(_)) || kind.number() > 1460
    };
    for kind in FindingKind::all().filter(|kind| !of_report(kind)) {
        // The body of an answer is told by the policy's own codes.
        assert!(found.contains(kind.code()) || kind.code() == "invalid-policy", "{kind:?}");
    }
}

#[test]
fn an_rrset_is_counted_before_it_is_read() {
    let codes = |rrset: &[&str]| -> Vec<_> {
        lint::rrset(rrset)
            .iter()
            .map(|finding| (finding.severity(), finding.code(), finding.line(), finding.span()))
            .collect()
    };
    assert_eq!(codes(&[]), [(E, "no-record", 1, 0..0)]);
    assert_eq!(codes(&["v=STSv1; id=1", "google-site=1"]), [(I, "other-record", 2, 0..13)]);
    assert_eq!(codes(&["v=spf1 -all", "v=STSv1; id=1"]), [(W, "misplaced-record", 1, 0..11)]);
    assert_eq!(codes(&["v=stsv1; id=1", "v=STSv1; id=1"]), [(W, "near-record", 1, 0..13)]);
    assert_eq!(codes(&["version: STSv1", "v=STSv1; id=1"]), [(W, "policy-as-record", 1, 0..14)]);
    assert_eq!(
        codes(&["v=STSv1; id=1", "v=STSv1; id=1"]),
        [(E, "several-records", 1, 0..13), (E, "several-records", 2, 0..13)]
    );
    assert_eq!(
        codes(&["v=stsv1; id=1"]),
        [(E, "no-record", 1, 0..0), (E, "bad-version", 1, 0..7), (E, "value-case", 1, 0..7)]
    );
    assert_eq!(
        codes(&["v=TLSRPTv1; rua=mailto:a@b.test"]),
        [(E, "no-record", 1, 0..0), (W, "misplaced-record", 1, 0..31)]
    );
    let help = lint::rrset(&["v=TLSRPTv1; rua=mailto:a@b.test"])[1].help().to_owned();
    assert_eq!(help, "Publish the TLSRPT record at `_smtp._tls.DOMAIN`.");
}

/// The codes and the severities of what is found.
fn kinds(findings: &[Finding]) -> Vec<(Severity, &'static str)> {
    findings.iter().map(|finding| (finding.severity(), finding.code())).collect()
}

#[test]
fn one_cause_has_one_finding() {
    let rest = "version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 604800\n";
    // What the parser stops at, the cause of it, and what is counted with it.
    for (body, error, cause, more) in [
        ("<!DOCTYPE html>\n<html>\n<p>Not found\n</html>\n", "line-without-colon", "html", 3),
        ("{\n\"version\": \"STSv1\",\n\"mode\": \"enforce\"\n}\n", "line-without-colon", "json", 3),
        ("{\\rtf1\\ansi\n\\pard version: STSv1\\\nmode: enforce\\\n}", "line-without-colon", "rtf", 3),
        (
            "\\pard\\tx560 version: STSv1\\\nmode: enforce\\\nmx: mx.test\\\nmax_age: 604800}",
            "bad-policy-field-name",
            "rtf",
            3,
        ),
        ("v=STSv1; id=1\n=\n=\n", "line-without-colon", "record-as-policy", 2),
        (
            &format!("---\npermalink: /.well-known/mta-sts.txt\nlayout: null\n\n {{x\n}}\n---\n{rest}"),
            "line-without-colon",
            "front-matter",
            2,
        ),
    ] {
        let findings = lint::policy(body.as_bytes());
        let (errors, others): (Vec<_>, Vec<_>) = kinds(&findings).into_iter().partition(|kind| kind.0 == E);
        assert_eq!(errors, [(E, error), (E, cause)], "{body}");
        assert!(others.iter().all(|kind| kind.1 == "version-not-first"), "{body}: {others:?}");
        assert!(
            findings[1].message().ends_with(&format!(" {more} more findings come of it.")),
            "{:?}",
            findings[1]
        );
    }
    let list = "version: STSv1\nmode: enforce\nmx:\n  - a.test\n  - b.test\n  - c.test\nmax_age: x\n";
    let found = [(E, "empty-value"), (E, "line-without-colon"), (E, "yaml-list"), (E, "bad-max-age")];
    assert_eq!(kinds(&lint::policy(list.as_bytes())), found);
    let wide: Vec<u8> = "version: STSv1\nmode: none\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(kinds(&lint::policy(&wide)), [(E, "utf-16"), (E, "control-character")]);
    // The mark that begins a document of YAML is no front matter.
    assert_eq!(lint::policy(format!("---\n{rest}mode: x\nmx: 1.2.3.4\n").as_bytes()).len(), 5);
}

#[test]
fn a_short_max_age_is_told_by_mode_and_by_length() {
    let told = |mode: &str, max_age: u32| {
        let body = format!("version: STSv1\nmode: {mode}\nmx: mx.test\nmax_age: {max_age}\n");
        let findings = lint::policy(body.as_bytes());
        findings
            .iter()
            .find(|finding| finding.code() == "short-max-age")
            .map(|finding| (finding.severity(), finding.senders().to_owned(), finding.help().to_owned()))
    };
    let severity = |mode, max_age| told(mode, max_age).map(|told| told.0);
    assert_eq!(
        [360, 86_399, 86_400, 604_799, 604_800].map(|age| severity("enforce", age)),
        [Some(W), Some(W), Some(I), Some(I), None]
    );
    assert_eq!([360, 86_401, 604_800].map(|age| severity("testing", age)), [Some(I), Some(I), None]);
    assert_eq!(severity("none", 360), None);
    let words: BTreeSet<_> = [360, 3600, 86_401].map(|age| told("enforce", age).unwrap().1).into();
    assert_eq!(words.len(), 3);
    assert!(!told("testing", 360).unwrap().1.contains("attacker"));
    let body = b"version: STSv1\nmode: none\nmax_age: 86400\n";
    assert!(lint::policy(body)[0].message().contains("not protected"));
}

#[test]
fn names_that_providers_make_get_advice_that_helps() {
    let help = |mx: &str, code: &str| {
        let body = format!("version: STSv1\nmode: enforce\nmx: {mx}\nmax_age: 604800\n");
        lint::policy(body.as_bytes()).iter().find(|finding| finding.code() == code).unwrap().help().to_owned()
    };
    assert!(help("_dc-mx.0123456789ab.north.test", "mx-underscore").contains("DNS only"));
    assert!(help("mx_1.north.test", "mx-underscore").contains("without an underscore"));
    assert!(help("ms1.msv1.invalid", "placeholder").contains("Microsoft"));
}

#[test]
fn what_is_known_of_the_mx_hosts_is_used() {
    let hosts = |names: &[&str]| names.iter().map(|name| DnsName::parse(name).unwrap()).collect::<Vec<_>>();
    let found = |body: &str, names: &[&str]| -> Vec<_> {
        let findings = lint::policy_for_hosts(body.as_bytes(), Strictness::Tolerant, &hosts(names));
        let told = findings.iter().filter(|finding| finding.severity() > I);
        told.map(|finding| (finding.code(), finding.line(), finding.help().to_owned())).collect()
    };
    let policy = |mx: &str| format!("version: STSv1\nmode: enforce\n{mx}max_age: 604800\n");
    let add = |code, line, names: &str| vec![(code, line, format!("Add {names}."))];
    let one = policy("mx: *.a.test\n");
    assert_eq!(found(&one, &["x.a.test"]), []);
    assert_eq!(
        found(&one, &["x.a.test", "y.b.a.test", "a.test"]),
        add("wildcard-misses-level", 3, "`mx: y.b.a.test` and `mx: a.test`")
    );
    assert_eq!(found(&one, &["x.b.test"]), add("mx-not-covered", 5, "`mx: x.b.test`"));
    assert_eq!(found(&policy("mx: *.a.test\nmx: *.b.a.test\n"), &["x.a.test", "y.b.a.test"]), []);
    // A provider's usual hosts say nothing where those of the domain are known.
    assert_eq!(found(&policy("mx: *.google.com\n"), &["smtp.google.com"]), []);
    assert_eq!(found(&policy("mx: smtp.gmail.com\n"), &["smtp.gmail.com"]), []);
    assert_eq!(found("version: STSv1\nmode: none\nmx: a.test\nmax_age: 1\n", &["b.test"]), []);
}

#[test]
fn help_says_how_the_record_is_to_be_written() {
    let help = |findings: Vec<Finding>| findings[0].help().to_owned();
    for txt in [
        "id=20240101",
        "STSv1; id=20240101",
        "v=stsv1; id=2024-01-01",
        "v:STSv1; id:20240101",
        "v = STSv1; id=20240101",
        "v=STSv1 id=20240101",
        "v=STSv1\\; id=20240101\\;",
        "v=STSv1,id=20240101",
        "\"v=STSv1; id=20240101\"",
        "\"v=STSv1; \" \"id=20240101;\"",
        "\u{201c}v=STSv1; id=20240101\u{201d}",
        "_mta-sts.a.test. IN TXT \"v=STSv1; id=20240101;\"",
        "id=20240101; v=STSv1",
        "\u{feff}v=STSv1; id=20240101",
    ] {
        assert_eq!(help(lint::record(txt.as_bytes())), "Write `v=STSv1; id=20240101`.", "{txt}");
    }
    for field in [
        "id:20240101",
        "\u{a0}id=20240101",
        "id=\u{201c}20240101\u{201d}",
        "id = 20240101",
        "id=2024\t0101",
        "id=20240101\\",
    ] {
        assert_eq!(
            help(lint::record(format!("v=STSv1; {field}").as_bytes())),
            "Write `id=20240101`.",
            "{field}"
        );
    }
    for txt in ["google-site-verification=id=5", "v=spf1 id=5", "hello"] {
        assert_eq!(
            help(lint::record(txt.as_bytes())),
            "Begin the record with `v=STSv1;`, exactly so.",
            "{txt}"
        );
    }
    for rua in [
        "tls@a.test",
        "mailto://tls@a.test",
        "<mailto:tls@a.test>",
        "mailto:tls@a.test!10m",
        "\u{201c}tls@a.test\u{201d}",
    ] {
        let findings = lint::tlsrpt_record(format!("v=TLSRPTv1; rua={rua}").as_bytes());
        assert_eq!(findings[0].help(), "Write `rua=mailto:tls@a.test`.", "{rua}");
        assert_eq!(findings[1].help(), "Write `mailto:tls@a.test`.", "{rua}");
    }
    for (rua, uri) in [("http://r.test/a", "https://r.test/a"), ("r.test/a", "https://r.test/a")] {
        let findings = lint::tlsrpt_record(format!("v=TLSRPTv1; rua={rua}").as_bytes());
        assert_eq!(findings[1].help(), format!("Write `{uri}`."), "{rua}");
    }
    let two = "v=TLSRPTv1; rua=mailto:a@b.test; mailto:c@b.test";
    assert_eq!(
        help(lint::tlsrpt_record(two.as_bytes())),
        "Write a comma instead of the semicolon between two URIs."
    );
    assert_eq!(help(lint::tlsrpt_record(b"rua=mailto:a@b.test")), "Write `v=TLSRPTv1; rua=mailto:a@b.test`.");
}

#[test]
fn help_says_what_to_write() {
    let help = |body: &str, code: &str| {
        let findings = lint::policy(body.as_bytes());
        findings.iter().find(|finding| finding.code() == code).unwrap().help().to_owned()
    };
    assert_eq!(help("mode: enforcing\n", "bad-mode"), "Write `mode: enforce`.");
    assert_eq!(help("mode: [testing]\n", "bad-mode"), "Write `mode: testing`.");
    assert_eq!(help("Version: STSv1\n", "field-name-case"), "Write `version:`.");
    assert_eq!(help("version: stsv1\n", "value-case"), "Write `version: STSv1`.");
    assert_eq!(help("mx: .mx.test\n", "mx-leading-dot"), "Write `mx: *.mx.test`.");
    assert!(help("max_age: 604,800\n", "bad-max-age").contains("`max_age: 604800`"));
    assert_eq!(help(" mx: mx.test\n", "space-before-name"), "Begin the line with `mx:`.");
    // With `idna`, the A-labels.
    #[cfg(feature = "idna")]
    assert_eq!(help("mx: b\u{fc}cher.test\n", "mx-u-label"), "Write `mx: xn--bcher-kva.test`.");
    #[cfg(feature = "idna")]
    assert_eq!(help("mx: *.b\u{fc}cher.test\n", "mx-u-label"), "Write `mx: *.xn--bcher-kva.test`.");
    let long = format!("mx: .{}\n", "a".repeat(64));
    assert_eq!(help(&long, "mx-leading-dot"), "Write `*.` and the domain.");
}

#[test]
fn octets_that_are_no_utf8_are_told_once_and_the_rest_is_read() {
    let findings = lint::policy(b" version: STSv1\nnote: \xff\xff\nmode: x\n");
    let told: Vec<_> = findings.iter().map(|finding| (finding.code(), finding.line())).collect();
    assert_eq!(
        told,
        [
            ("space-before-name", 1),
            ("not-utf8", 2),
            ("bad-mode", 3),
            ("missing-max-age", 4),
            ("missing-mx", 4)
        ]
    );
    assert_eq!(findings[1].span(), 22..23);
    assert!(!has(&lint::policy("note: \u{fc}\n".as_bytes()), "not-utf8"));
}

#[test]
fn a_byte_order_mark_behind_white_space_is_no_end_of_it() {
    let findings = lint::policy("\t\u{feff}\t mode: none\nversion: STSv1\n".as_bytes());
    assert_eq!((findings[0].code(), findings[0].span()), ("space-before-name", 0..1));
    assert!(has(&findings, "bad-policy-field-name"), "{findings:#?}");
}

// Proves S55.
#[test]
fn a_long_text_is_read_and_its_findings_are_counted() {
    let mut body = GOOD.to_owned();
    body.push_str(&"note: x\n".repeat(65_536 / 8));
    let findings = lint::policy(body.as_bytes());
    assert_eq!(findings.len(), 101);
    assert_eq!(findings[100].code(), "more-findings");
    // The notes that are not shown, and that the policy is large.
    assert_eq!(
        findings[100].message(),
        format!("There are {} more findings than are shown.", 8192 - 100 + 1)
    );
    assert!(!has(&lint::policy(GOOD.as_bytes()), "more-findings"));

    let large = format!("{GOOD}note: {}\n", "x".repeat(65_536));
    let findings = lint::policy(large.as_bytes());
    let finding = findings.iter().find(|finding| finding.code() == "large-policy").unwrap();
    assert_eq!((finding.line(), finding.span()), (5, 65_536..large.len()));
    let fitting = format!("{GOOD}note: {}\n", "x".repeat(65_536 - GOOD.len() - 7));
    assert_eq!(fitting.len(), 65_536);
    assert!(!has(&lint::policy(fitting.as_bytes()), "large-policy"));
}

#[test]
fn the_parsers_error_finds_room_among_a_hundred_others() {
    let mut body = format!("{GOOD}{}", "note: x\n".repeat(200)).into_bytes();
    body.extend_from_slice(b"nonsense\n");
    agrees_with_the_parser(&body);
    body.extend_from_slice(b"note: \xff\n");
    agrees_with_the_parser(&body);
    body.resize(Policy::MAX_LEN + 1, b'\n');
    agrees_with_the_parser(&body);
    assert_eq!(lint::policy(&body).iter().filter(|finding| finding.code() == "policy-too-large").count(), 1);

    let txt = format!("v=STSv1; id=1{}; =", "; a=b".repeat(200));
    record_agrees_with_the_parser(txt.as_bytes());
    let rrset: Vec<_> = std::iter::repeat_n("other", 200).chain(["v=STSv1; id=-"]).collect();
    rrset_agrees_with_the_parser(&rrset);
}

/// The first error of a text, and what `lint` must have said of it.
fn agrees(error: Option<(&str, u32, usize)>, findings: &[Finding], len: usize) {
    let errors: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity() == E)
        .map(|finding| (finding.code(), finding.line(), finding.span().start))
        .collect();
    match error {
        None => assert_eq!(errors, []),
        Some(error) => assert!(errors.contains(&error), "wanted {error:?} of {errors:?}"),
    }
    assert!(findings.len() <= 105, "{}", findings.len());
    for finding in findings {
        let span = finding.span();
        assert!(span.start <= span.end && span.end <= len, "{finding:?} in {len}");
        assert!(finding.message().len() < 600 && finding.help().len() < 600, "{finding:?}");
        assert!(!finding.message().chars().any(char::is_control), "{finding:?}");
    }
    let places: Vec<_> = findings.iter().map(|finding| (finding.line(), finding.span().start)).collect();
    let ordered = places.len().saturating_sub(usize::from(has(findings, "more-findings")));
    assert!(places[..ordered].is_sorted(), "{places:?}");
}

fn agrees_with_the_parser(body: &[u8]) {
    for strictness in [Strictness::Tolerant, Strictness::Abnf] {
        let error = Policy::parse_with(body, strictness).err();
        let error = error.map(|error| (error.code(), error.line(), error.offset()));
        agrees(error, &lint::policy_with(body, strictness), body.len());
    }
    let limits = FetchLimits::new();
    let answer = HttpResponse::new(200, body).with_content_type(b"text/plain");
    let error = Policy::from_response(&answer, &limits).err();
    let error = error.map(|error| (error.code(), error.line(), error.offset()));
    agrees(error, &lint::response(&answer, &limits), body.len());
}

fn record_agrees_with_the_parser(txt: &[u8]) {
    let error = Record::parse(txt).err().map(|error| (error.code(), error.line(), error.offset()));
    agrees(error, &lint::record(txt), txt.len());
}

fn tlsrpt_agrees_with_the_parser(txt: &[u8]) {
    let error = TlsrptRecord::parse(txt).err().map(|error| (error.code(), error.line(), error.offset()));
    agrees(error, &lint::tlsrpt_record(txt), txt.len());
}

fn rrset_agrees_with_the_parser(rrset: &[impl AsRef<[u8]>]) {
    let error = Record::select(rrset).err().map(|error| (error.code(), error.offset()));
    let findings = lint::rrset(rrset);
    let mut errors = findings.iter().filter(|finding| finding.severity() == E);
    match error {
        None => assert_eq!(errors.next(), None),
        Some(error) => {
            assert!(errors.any(|finding| (finding.code(), finding.span().start) == error), "{error:?}");
        }
    }
}

#[test]
fn lint_agrees_with_the_parser_on_every_row() {
    for (_, _, marked, without) in POLICIES {
        for body in [&marked.replace(['⟦', '⟧'], ""), *without] {
            agrees_with_the_parser(body.as_bytes());
            agrees_with_the_parser(format!("{GOOD}{body}").as_bytes());
            agrees_with_the_parser(format!("{body}{GOOD}").as_bytes());
        }
    }
    for (_, _, marked, without) in RECORDS {
        for txt in [&marked.replace(['⟦', '⟧'], ""), *without] {
            record_agrees_with_the_parser(txt.as_bytes());
            rrset_agrees_with_the_parser(&[txt]);
            rrset_agrees_with_the_parser(&[txt, "v=STSv1; id=1"]);
        }
    }
}

#[test]
fn lint_agrees_with_the_parser_on_every_row_about_reports() {
    for (_, _, marked, without) in TLSRPT_RECORDS {
        for txt in [&marked.replace(['⟦', '⟧'], ""), *without] {
            tlsrpt_agrees_with_the_parser(txt.as_bytes());
            let rrset = [txt, "v=TLSRPTv1; rua=mailto:a@b.test"];
            let findings = lint::tlsrpt_rrset(&rrset, &lint::TlsrptFacts::new());
            let error = TlsrptRecord::select(&rrset).err().map(|error| error.code());
            let errors: Vec<_> = findings.iter().filter(|finding| finding.severity() == E).collect();
            assert!(error.map_or(errors.is_empty(), |code| has(&findings, code)), "{error:?} {errors:?}");
        }
    }
}

/// Bits that policies and their mistakes are made of.
fn policy_text() -> impl Strategy<Value = Vec<u8>> {
    #[rustfmt::skip]
    let bit = prop_oneof![
        Just(b"version".as_slice()), Just(b"mode".as_slice()), Just(b"mx".as_slice()), Just(b"max_age".as_slice()), Just(b"note".as_slice()), Just(b"Mode".as_slice()),
        Just(b": ".as_slice()), Just(b": ".as_slice()), Just(b": ".as_slice()), Just(b":".as_slice()), Just(b"=".as_slice()), Just(b" ".as_slice()), Just(b"\t".as_slice()), Just(b"\r\n".as_slice()),
        Just(b"\n".as_slice()), Just(b"\n".as_slice()), Just(b"\n".as_slice()), Just(b"\r".as_slice()), Just(b"STSv1".as_slice()), Just(b"enforce".as_slice()), Just(b"none".as_slice()),
        Just(b"1".as_slice()), Just(b"604800".as_slice()), Just(b"*.".as_slice()), Just(b"mx.test".as_slice()), Just(b"a_b.test".as_slice()), Just(b".".as_slice()), Just(b",".as_slice()),
        Just(b"---\n".as_slice()), Just(b"- ".as_slice()), Just(b"{\\rtf".as_slice()), Just(b"<html>".as_slice()), Just(b"#".as_slice()), Just(b"\"".as_slice()), Just(b"\\n".as_slice()),
        Just("\u{feff}".as_bytes()), Just("\u{a0}".as_bytes()), Just("\u{fc}".as_bytes()),
        Just("\u{2028}".as_bytes()), Just(b"\xff".as_slice()), Just(b"\xc3".as_slice()), Just(b"\0".as_slice()), Just(b"v=STSv1; id=1".as_slice()),
        Just(b"version: STSv1\n".as_slice()), Just(b"mode: none\n".as_slice()), Just(b"max_age: 1\n".as_slice()), Just(b"mx: mx.test\n".as_slice()),
    ];
    prop::collection::vec(bit, 0..24).prop_map(|bits| bits.concat())
}

fn record_text() -> impl Strategy<Value = Vec<u8>> {
    #[rustfmt::skip]
    let bit = prop_oneof![
        Just(b"v=STSv1".as_slice()), Just(b"v=STSv1;".as_slice()), Just(b"v=STSv1; id=1".as_slice()), Just(b"v=stsv1".as_slice()), Just(b"id=".as_slice()),
        Just(b"id".as_slice()), Just(b"=".as_slice()), Just(b"a=b".as_slice()), Just(b";".as_slice()), Just(b";".as_slice()), Just(b"; ".as_slice()), Just(b" ".as_slice()), Just(b"\t".as_slice()),
        Just(b"1".as_slice()), Just(b"-".as_slice()), Just(b"\"".as_slice()), Just(b"\\".as_slice()), Just(b"\n".as_slice()), Just(b"\0".as_slice()), Just(b"\xc3".as_slice()),
        Just("\u{a0}".as_bytes()), Just(b"v=spf1 ".as_slice()), Just(b"version: ".as_slice()),
    ];
    prop::collection::vec(bit, 0..12).prop_map(|bits| bits.concat())
}

/// Patterns and hosts among which advice is given: of providers, of one's own, and what is not quite either.
fn names() -> impl Strategy<Value = String> {
    let domain = prop_oneof![
        Just("google.com"),
        Just("l.google.com"),
        Just("aspmx.l.google.com"),
        Just("smtp.google.com"),
        Just("googlemail.com"),
        Just("aspmx2.googlemail.com"),
        Just("gmail-smtp-in.l.google.com"),
        Just("outlook.com"),
        Just("protection.outlook.com"),
        Just("mail.protection.outlook.com"),
        Just("mx.microsoft"),
        Just("j-v1.mx.microsoft"),
        Just("mail.protonmail.ch"),
        Just("protonmail.ch"),
        Just("messagingengine.com"),
        Just("in1-smtp.messagingengine.com"),
        Just("mx2.zoho.eu"),
        Just("mail.icloud.com"),
        Just("mx01.mail.icloud.com"),
        Just("pphosted.com"),
        Just("gslb.pphosted.com"),
        Just("a.test"),
        Just("b.a.test"),
        Just("example.com"),
        Just("_dc-mx.0a.a.test"),
        Just("MX.a.test."),
    ];
    (prop_oneof![Just(""), Just("*."), Just("x."), Just("alt1."), Just("x9.y9.")], domain)
        .prop_map(|(front, domain)| format!("{front}{domain}"))
}

/// What stands between backticks behind `mx:`.
fn patterns_in(help: &str) -> Vec<&str> {
    help.split('`').filter_map(|part| part.strip_prefix("mx: ")).collect()
}

fn tlsrpt_text() -> impl Strategy<Value = Vec<u8>> {
    #[rustfmt::skip]
    let bit = prop_oneof![
        Just(b"v=TLSRPTv1".as_slice()), Just(b"v=TLSRPTv1;".as_slice()), Just(b"rua=".as_slice()), Just(b"rua=mailto:a@b".as_slice()), Just(b"mailto:".as_slice()), Just(b"https://".as_slice()),
        Just(b"a@b.test".as_slice()), Just(b"=".as_slice()), Just(b";".as_slice()), Just(b"; ".as_slice()), Just(b" ".as_slice()), Just(b"\t".as_slice()), Just(b",".as_slice()), Just(b"!".as_slice()), Just(b":".as_slice()),
        Just(b"%0d".as_slice()), Just(b"%".as_slice()), Just(b"?".as_slice()), Just(b"\"".as_slice()), Just(b"\\".as_slice()), Just(b"\xc3".as_slice()), Just("\u{a0}".as_bytes()), Just(b"v=STSv1; ".as_slice()),
    ];
    prop::collection::vec(bit, 0..14).prop_map(|bits| bits.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lint_agrees_with_the_parser_on_bits_of_policies(body in policy_text()) {
        agrees_with_the_parser(&body);
    }

    #[test]
    fn lint_agrees_with_the_parser_on_bits_of_records(txt in record_text(), other in record_text()) {
        record_agrees_with_the_parser(&txt);
        record_agrees_with_the_parser(&[b"v=STSv1; ", &other[..]].concat());
        rrset_agrees_with_the_parser(&[&txt]);
        rrset_agrees_with_the_parser(&[&txt, &other]);
    }

    #[test]
    fn random_octets_are_read_to_the_end(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        agrees_with_the_parser(&octets);
        record_agrees_with_the_parser(&octets);
        tlsrpt_agrees_with_the_parser(&octets);
    }

    #[test]
    fn random_text_is_read_to_the_end(text in "\\PC*") {
        agrees_with_the_parser(text.as_bytes());
        agrees_with_the_parser(format!("{GOOD}mx: {text}\n").as_bytes());
        agrees_with_the_parser(format!("mode: {text}\n{GOOD}").as_bytes());
        record_agrees_with_the_parser(format!("v=STSv1; id={text}").as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lint_agrees_with_the_parser_on_bits_of_tlsrpt_records(txt in tlsrpt_text()) {
        tlsrpt_agrees_with_the_parser(&txt);
        tlsrpt_agrees_with_the_parser(&[b"v=TLSRPTv1; rua=", &txt[..]].concat());
    }

    /// Whoever does as the help of any finding says covers every host that was covered before.
    #[test]
    fn what_was_covered_stays_covered(
        lines in prop::collection::vec(names(), 1..6),
        hosts in prop::collection::vec(names(), 0..6),
        are_known in any::<bool>(),
    ) {
        let body_of = |lines: &[String]| {
            format!("version: STSv1\nmode: enforce\nmx: {}\nmax_age: 604800\n", lines.join("\nmx: "))
        };
        let hosts: Vec<_> = hosts.iter().filter_map(|host| DnsName::parse(host).ok()).collect();
        let look = |lines: &[String]| {
            let body = body_of(lines);
            if are_known {
                lint::policy_for_hosts(body.as_bytes(), Strictness::Tolerant, &hosts)
            } else {
                lint::policy(body.as_bytes())
            }
        };
        let body = body_of(&lines);
        prop_assume!(Policy::parse(body.as_bytes()).is_ok());
        let policy = Policy::parse(body.as_bytes()).unwrap();
        let mut advised = lines.clone();
        for finding in look(&lines) {
            let patterns = patterns_in(finding.help());
            for pattern in &patterns {
                prop_assert!(MxPattern::parse(pattern).is_ok(), "{finding:?}");
            }
            if finding.help().starts_with("Add ") {
                advised.extend(patterns.iter().map(|pattern| (*pattern).to_owned()));
            } else if let ([pattern], true) = (&patterns[..], finding.line() > 2) {
                advised[finding.line() as usize - 3] = (*pattern).to_owned();
            } else {
                prop_assert!(patterns.is_empty(), "neither added nor written: {finding:?}");
            }
        }
        let after = body_of(&advised);
        let after_policy = Policy::parse(after.as_bytes()).unwrap();
        for pattern in &lines {
            let host = DnsName::parse(&pattern.replace('*', "x7")).unwrap();
            prop_assert!(!policy.matches_mx(host.as_str()) || after_policy.matches_mx(host.as_str()), "{host} of\n{body}\n{after}");
        }
        for host in &hosts {
            prop_assert!(!policy.matches_mx(host.as_str()) || after_policy.matches_mx(host.as_str()), "{host} of\n{body}\n{after}");
            if are_known {
                prop_assert!(after_policy.matches_mx(host.as_str()), "{host} of\n{after}");
            }
        }
    }
}
