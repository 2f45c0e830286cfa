//! A policy as an answer to Postfix, taken apart as Postfix does: there is nothing in it but what is
//! meant to be there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::postfix::{Form, MAX_ANSWER_LEN, tls_policy, tls_policy_for_hosts};
use mta_sts_core::{DnsName, Mode, Policy, PolicyDomain};
use mta_sts_fuzz::covers;

// A policy, and after an octet that no policy has, MX hosts by line.
fuzz_target!(|data: &[u8]| {
    let (body, hosts) = match data.iter().position(|octet| *octet == 0xff) {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &b""[..]),
    };
    let Ok(policy) = Policy::parse(body) else { return };
    let domain = PolicyDomain::parse("example.test").expect("a domain");
    let hosts: Vec<DnsName> =
        String::from_utf8_lossy(hosts).lines().filter_map(|host| DnsName::parse(host).ok()).collect();
    let patterns: Vec<String> = policy.mx_patterns().map(|pattern| pattern.to_string()).collect();
    let as_match = |pattern: &String| pattern.strip_prefix('*').unwrap_or(pattern).to_owned();
    let from_patterns: Vec<String> = patterns.iter().map(as_match).collect();
    let from_hosts: Vec<String> = hosts
        .iter()
        .map(DnsName::to_string)
        .filter(|host| patterns.iter().any(|pattern| covers(pattern, host)))
        .collect();
    for form in [Form::Basic, Form::Extended, Form::ExtendedWithTesting] {
        check(tls_policy(&policy, &domain, form).ok().flatten(), &policy, form, &from_patterns);
        let answer = tls_policy_for_hosts(&policy, &domain, &hosts, form);
        if policy.mode() == Mode::Enforce && from_hosts.is_empty() {
            assert!(answer.is_err());
        }
        check(answer.ok().flatten(), &policy, form, &from_hosts);
    }
});

fn check(answer: Option<String>, policy: &Policy, form: Form, names: &[String]) {
    let Some(answer) = answer else { return };
    assert!(answer.len() <= MAX_ANSWER_LEN);
    assert!(!answer.contains(char::is_control), "{answer:?}");
    let (level, rest) = answer.split_once(' ').expect("attributes");
    match policy.mode() {
        Mode::Enforce => assert_eq!(level, "secure"),
        Mode::Testing => assert_eq!((level, form), ("may", Form::ExtendedWithTesting)),
        Mode::None => panic!("an answer in mode none: {answer:?}"),
    }
    let patterns: Vec<String> = policy.mx_patterns().map(|pattern| pattern.to_string()).collect();
    let lines: Vec<String> = policy.lines().map(|line| words_apart(&line.replace('\t', " "))).collect();
    let mut counts = [0_usize; 4];
    for (name, value) in attributes(rest) {
        match (name.as_str(), form) {
            ("match", _) => {
                counts[0] += 1;
                for host in value.split(':') {
                    assert!(names.iter().any(|name| name == host), "{host:?} in {answer:?}");
                    assert!(!["hostname", "nexthop", "dot-nexthop"].contains(&host), "{answer:?}");
                    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
                    assert!(!host.is_empty() && host.bytes().all(plain), "{answer:?}");
                }
            }
            ("servername", _) => {
                counts[1] += 1;
                assert_eq!(value, "hostname");
            }
            (_, Form::Basic) => panic!("{name} in {answer:?}"),
            ("policy_type", _) => {
                counts[2] += 1;
                assert_eq!(value, "sts");
            }
            ("policy_domain", _) => {
                counts[3] += 1;
                assert_eq!(value, "example.test");
            }
            ("mx_host_pattern", _) => assert!(patterns.contains(&value), "{value:?} in {answer:?}"),
            ("policy_string", _) => assert!(lines.contains(&words_apart(&value)), "{value:?} in {answer:?}"),
            _ => panic!("{name} in {answer:?}"),
        }
    }
    let extended = usize::from(form != Form::Basic);
    assert_eq!(counts, [usize::from(level == "secure"), 1, extended, extended], "{answer:?}");
}

/// Postfix puts one space for several and drops those at the end.
fn words_apart(text: &str) -> String {
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Splits at white space and commas outside braces; what stands in braces is one attribute.
fn attributes(text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', ',', '\t', '\r', '\n']);
        if rest.is_empty() {
            return attributes;
        }
        let attribute = if let Some(inner) = rest.strip_prefix('{') {
            let end = inner.find(['{', '}']).expect("a brace that ends");
            assert_eq!(&inner[end..=end], "}", "braces in braces");
            rest = &inner[end + 1..];
            assert!(rest.is_empty() || rest.starts_with([' ', ',']), "text after a brace");
            &inner[..end]
        } else {
            let end = rest.find([' ', ',', '\t', '\r', '\n']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            assert!(!word.contains(['{', '}']), "a brace in {word:?}");
            rest = after;
            word
        };
        let (name, value) = attribute.split_once('=').expect("a name and a value");
        // No other white space is any to Postfix.
        let trim = |text: &str| text.trim_matches([' ', '\t']).to_owned();
        attributes.push((trim(name), trim(value)));
    }
}
