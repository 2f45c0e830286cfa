//! Policies as Postfix reads them: the answers word by word, and hostile policies.

// The helpers are as much a part of the tests as the tests.
#![allow(clippy::unwrap_used, clippy::format_collect)]

use mta_sts_core::postfix::{Form, MAX_ANSWER_LEN, tls_policy, tls_policy_for_hosts};
use mta_sts_core::{DnsName, Policy, PolicyDomain};
use proptest::prelude::*;

const FORMS: [Form; 3] = [Form::Basic, Form::Extended, Form::ExtendedWithTesting];

#[test]
fn an_enforced_policy_names_its_hosts() {
    let policy = policy("enforce", "mx: mail.example.test\nmx: *.example.test\nmx: localhost\n");
    assert_eq!(
        answer(&policy, Form::Basic),
        "secure match=mail.example.test:.example.test:localhost servername=hostname"
    );
    let extended = "secure match=mail.example.test:.example.test:localhost servername=hostname \
                    policy_type=sts policy_domain=example.test \
                    mx_host_pattern=mail.example.test mx_host_pattern=*.example.test \
                    mx_host_pattern=localhost \
                    { policy_string = version: STSv1 } { policy_string = mode: enforce } \
                    { policy_string = max_age: 86400 } { policy_string = mx: mail.example.test } \
                    { policy_string = mx: *.example.test } { policy_string = mx: localhost }";
    assert_eq!(answer(&policy, Form::Extended), extended);
    assert_eq!(answer(&policy, Form::ExtendedWithTesting), extended);
}

#[test]
fn names_are_listed_once_lower_case_without_last_dot() {
    let policy = policy(
        "enforce",
        "mx: B.Example.Test.\nmx: a.example.test\nmx: b.example.test\nmx: *.example.test\nmx: *.EXAMPLE.test.\n",
    );
    let names = "b.example.test:a.example.test:.example.test";
    assert_eq!(answer(&policy, Form::Basic), format!("secure match={names} servername=hostname"));
    let extended = read(&answer(&policy, Form::Extended));
    assert_eq!(extended.all("match"), [names]);
    assert_eq!(extended.all("mx_host_pattern"), ["b.example.test", "a.example.test", "*.example.test"]);
    // A report says what the policy says, not what was made of it.
    assert_eq!(extended.all("policy_string")[3], "mx: B.Example.Test.");
}

#[test]
fn testing_and_none_are_not_enforced() {
    for mode in ["testing", "none"] {
        let policy = policy(mode, "mx: mx.example.test\n");
        for form in [Form::Basic, Form::Extended] {
            assert_eq!(tls_policy(&policy, &domain(), form), Ok(None), "{mode} {form:?}");
            // Nor is anything an error that no answer depends on.
            assert_eq!(tls_policy_for_hosts(&policy, &domain(), &[], form), Ok(None), "{mode} {form:?}");
        }
    }
    let none = policy("none", "");
    assert_eq!(tls_policy(&none, &domain(), Form::ExtendedWithTesting), Ok(None));
    assert_eq!(
        answer(&policy("testing", "mx: *.example.test\n"), Form::ExtendedWithTesting),
        "may servername=hostname policy_type=sts policy_domain=example.test mx_host_pattern=*.example.test \
         { policy_string = version: STSv1 } { policy_string = mode: testing } \
         { policy_string = max_age: 86400 } { policy_string = mx: *.example.test }"
    );
}

#[test]
fn words_of_postfix_never_stand_for_any_host() {
    for word in ["hostname", "nexthop", "dot-nexthop", "HostName", "NEXTHOP.", "Dot-NextHop"] {
        let alone = policy("enforce", &format!("mx: {word}\n"));
        for form in FORMS {
            assert_eq!(code(tls_policy(&alone, &domain(), form)), "no-usable-mx", "{word}");
        }
        let beside = policy("enforce", &format!("mx: {word}\nmx: mx.example.test\nmx: {word}\n"));
        assert_eq!(answer(&beside, Form::Basic), "secure match=mx.example.test servername=hostname");
        assert_eq!(read(&answer(&beside, Form::Extended)).all("match"), ["mx.example.test"]);
        let host = [DnsName::parse(word).unwrap()];
        assert_eq!(
            code(tls_policy_for_hosts(&alone, &domain(), &host, Form::Basic)),
            "no-usable-mx",
            "{word}"
        );
    }
    // Postfix takes the whole name for a word, not a part of it.
    let wildcard = policy("enforce", "mx: *.nexthop\nmx: hostname.example.test\n");
    assert_eq!(
        answer(&wildcard, Form::Basic),
        "secure match=.nexthop:hostname.example.test servername=hostname"
    );
}

#[test]
fn of_the_mx_hosts_those_that_are_covered_are_listed() {
    let policy = policy("enforce", "mx: *.example.test\nmx: mx.other.test\n");
    let hosts =
        names(&["mx2.example.test", "evil.test", "a.b.example.test", "mx.other.test", "MX2.example.test"]);
    let basic = tls_policy_for_hosts(&policy, &domain(), &hosts, Form::Basic).unwrap().unwrap();
    assert_eq!(basic, "secure match=mx2.example.test:mx.other.test servername=hostname");
    let extended = tls_policy_for_hosts(&policy, &domain(), &hosts, Form::Extended).unwrap().unwrap();
    let extended = read(&extended);
    assert_eq!(extended.all("match"), ["mx2.example.test:mx.other.test"]);
    assert_eq!(extended.all("mx_host_pattern"), ["*.example.test", "mx.other.test"]);

    for hosts in [names(&["evil.test", "example.test"]), Vec::new()] {
        for form in FORMS {
            let error = tls_policy_for_hosts(&policy, &domain(), &hosts, form).unwrap_err();
            assert_eq!(error.code(), "no-permitted-host");
            assert_eq!(error.kind().number(), 1202);
        }
    }
}

#[test]
fn lines_that_postfix_would_misread_are_left_out() {
    let policy = policy(
        "enforce",
        "mx: mx.example.test\nnote: a} {b\nx: } policy_failure=validation-failure {\nopen: {\nclose: }\n\
         both: {c}\nc1: \u{85}\nfine: a=b, c; \"d\\\" \u{e9} match=evil.test  \nmx:\tmx.example.test\t\n",
    );
    let answer = read(&answer(&policy, Form::Extended));
    assert_eq!(
        answer.all("policy_string"),
        [
            "version: STSv1",
            "mode: enforce",
            "max_age: 86400",
            "mx: mx.example.test",
            "fine: a=b, c; \"d\\\" \u{e9} match=evil.test",
            "mx: mx.example.test",
        ]
    );
    assert_eq!(answer.all("match"), ["mx.example.test"]);
    assert!(answer.all("policy_failure").is_empty());
}

#[test]
fn a_hundred_hosts_fit() {
    let label = "a".repeat(60);
    let hosts: String =
        (0..100).map(|host| format!("mx: mx{host}.{label}.{label}.{label}.example.test\n")).collect();
    let answer = answer(&policy("enforce", &hosts), Form::Extended);
    assert!(answer.len() <= MAX_ANSWER_LEN);
    let answer = read(&answer);
    assert_eq!(answer.all("match")[0].split(':').count(), 100);
    assert_eq!(answer.all("mx_host_pattern").len(), 100);
    assert_eq!(answer.all("policy_string").len(), 103);
}

#[test]
fn hosts_are_never_cut_off() {
    // 1,024 names are what Postfix hands on; one more is an error, not a shorter list.
    let hosts = |count| (0..count).map(|host| format!("mx: {host}.test\n")).collect::<String>();
    let most = policy("enforce", &hosts(1024));
    assert_eq!(read(&answer(&most, Form::Basic)).all("match")[0].split(':').count(), 1024);
    assert_eq!(code(tls_policy(&policy("enforce", &hosts(1025)), &domain(), Form::Basic)), "answer-too-long");
    // The same host a thousand times is one host.
    let twice = policy("enforce", &hosts(1024).repeat(3));
    assert_eq!(answer(&twice, Form::Basic), answer(&most, Form::Basic));

    let label = "a".repeat(63);
    let long: String = (0..500).map(|host| format!("mx: {host}.{label}.{label}.{label}.test\n")).collect();
    let long = policy("enforce", &long);
    assert_eq!(code(tls_policy(&long, &domain(), Form::Basic)), "answer-too-long");
    // Of a long policy the hosts that the domain has may fit.
    let hosts = names(&[&format!("7.{label}.{label}.{label}.test")]);
    assert!(tls_policy_for_hosts(&long, &domain(), &hosts, Form::Basic).unwrap().is_some());
    // What is there for reports alone is left out where nothing else would be enforced.
    let testing = Policy::parse(long.text().replace("enforce", "testing").as_bytes()).unwrap();
    assert_eq!(tls_policy(&testing, &domain(), Form::ExtendedWithTesting), Ok(None));
}

#[test]
fn long_lines_give_way_to_short_ones() {
    let note = |len| format!("note: {}\n", "n".repeat(len));
    let policy = policy("enforce", &format!("{}mx: mx.example.test\n{}", note(99_000), note(50_000)));
    let extended = answer(&policy, Form::Extended);
    assert!(extended.len() <= MAX_ANSWER_LEN);
    let extended = read(&extended);
    let lengths: Vec<_> = extended.all("policy_string").iter().map(|line| line.len()).collect();
    assert_eq!(lengths, [14, 13, 14, 6 + 99_000, 19]);

    let many = "n: 1\n".repeat(5000);
    let many = Policy::parse(format!("{}{many}", policy.text()).as_bytes()).unwrap();
    assert!(read(&answer(&many, Form::Extended)).all("policy_string").len() <= 1024);
}

#[test]
fn a_policy_without_a_line_to_report_is_an_error() {
    let wide = " ".repeat(MAX_ANSWER_LEN);
    let body = format!("version:{wide}STSv1\nmode:{wide}enforce\nmax_age:{wide}1\nmx:{wide}mx.test\n");
    let wide = Policy::parse(body.as_bytes()).unwrap();
    assert_eq!(code(tls_policy(&wide, &domain(), Form::Extended)), "answer-too-long");
    assert_eq!(answer(&wide, Form::Basic), "secure match=mx.test servername=hostname");
}

#[test]
fn a_domain_of_digits_is_none_to_postfix() {
    let digits = PolicyDomain::parse("123.45").unwrap();
    let enforce = policy("enforce", "mx: mx.example.test\n");
    assert_eq!(code(tls_policy(&enforce, &digits, Form::Extended)), "numeric-domain");
    assert!(tls_policy(&enforce, &digits, Form::Basic).unwrap().is_some());
    let testing = policy("testing", "mx: mx.example.test\n");
    assert_eq!(tls_policy(&testing, &digits, Form::ExtendedWithTesting), Ok(None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a stranger publishes: split by Postfix's rules, the answer has the attributes that
    /// are meant to be there and no others.
    #[test]
    fn no_policy_adds_an_attribute(
        enforce in any::<bool>(),
        lines in prop::collection::vec(hostile_line(), 0..12),
        form in prop::sample::select(&FORMS[..]),
        hosts in prop::option::of(prop::collection::vec(host(), 0..6)),
    ) {
        let mode = if enforce { "enforce" } else { "testing" };
        let body = format!("version: STSv1\nmode: {mode}\nmax_age: 86400\nmx: *.example.test\n{}", lines.concat());
        let Ok(policy) = Policy::parse(body.as_bytes()) else { return Ok(()) };
        let hosts = hosts.map(|hosts| hosts.iter().map(|host| DnsName::parse(host).unwrap()).collect::<Vec<_>>());
        let result = match &hosts {
            Some(hosts) => tls_policy_for_hosts(&policy, &domain(), hosts, form),
            None => tls_policy(&policy, &domain(), form),
        };
        let text = match result {
            Ok(Some(text)) => text,
            Ok(None) => {
                prop_assert!(!enforce && form != Form::ExtendedWithTesting);
                return Ok(());
            }
            Err(error) => {
                let covered = hosts.unwrap().iter().any(|host| policy.matching_pattern(host).is_some());
                prop_assert_eq!(error.code(), if covered { "no-usable-mx" } else { "no-permitted-host" });
                return Ok(());
            }
        };
        prop_assert!(text.len() <= MAX_ANSWER_LEN);
        prop_assert!(!text.contains(char::is_control));

        let answer = read(&text);
        prop_assert_eq!(&answer.level, if enforce { "secure" } else { "may" });
        let patterns: Vec<String> = unique(policy.mx_patterns().map(|pattern| pattern.to_string()));
        let wanted = match &hosts {
            Some(hosts) => unique(hosts.iter().filter(|host| policy.matches_mx(host.as_str())).map(ToString::to_string)),
            None => patterns.iter().map(|pattern| pattern.replace('*', "")).collect(),
        };
        let mut expected = Vec::new();
        if enforce {
            let wanted: Vec<_> = wanted.into_iter().filter(|name| !WORDS.contains(&name.as_str())).collect();
            prop_assert!(wanted.iter().all(|name| is_host(name)));
            expected.push(("match", wanted.join(":")));
        }
        expected.push(("servername", "hostname".to_owned()));
        if form != Form::Basic {
            expected.push(("policy_type", "sts".to_owned()));
            expected.push(("policy_domain", "example.test".to_owned()));
            expected.extend(patterns.into_iter().map(|pattern| ("mx_host_pattern", pattern)));
            for line in policy.lines() {
                if !line.contains(['{', '}']) && !line.replace('\t', " ").contains(char::is_control) {
                    expected.push(("policy_string", line.replace('\t', " ").trim_end_matches(is_space).to_owned()));
                }
            }
        }
        let attributes: Vec<_> =
            answer.attributes.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        prop_assert_eq!(attributes, expected);
    }
}

const WORDS: [&str; 3] = ["hostname", "nexthop", "dot-nexthop"];

fn is_host(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b".-_".contains(&octet))
}

/// Lines that try to be more than a line: fields with pieces of Postfix's syntax in them.
fn hostile_line() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "} {",
        " } ",
        " = ",
        "=",
        " ",
        ",",
        ":",
        "\t",
        "\r",
        "\\",
        "\"",
        "'",
        "#",
        "$",
        "|",
        "a",
        "b1",
        "policy_string",
        "match=",
        "match",
        "servername=nexthop",
        "tafile=/x",
        "policy_failure=validation-failure",
        "hostname",
        "nexthop",
        "dot-nexthop",
        "evil.test",
        "\u{e9}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "{ x = y }",
    ]);
    let value = prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat());
    let name = prop::sample::select(vec!["note", "x", "mode", "version", "policy_string", "match", "mx"]);
    let field = (
        name,
        prop::sample::select(vec!["", " ", "\t", "  "]),
        value,
        prop::sample::select(vec!["\n", "\r\n"]),
    )
        .prop_map(|(name, space, value, end)| format!("{name}:{space}{value}{end}"));
    prop_oneof![
        field,
        host().prop_map(|host| format!("mx: {host}\n")),
        host().prop_map(|host| format!("mx: *.{host}\n"))
    ]
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["hostname", "NextHop", "dot-nexthop", "evil.test", "localhost", "_x.test"])
            .prop_map(str::to_owned),
        "[a-z]{1,3}\\.example\\.test",
    ]
}

fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique
}

fn policy(mode: &str, rest: &str) -> Policy {
    Policy::parse(format!("version: STSv1\nmode: {mode}\nmax_age: 86400\n{rest}").as_bytes()).unwrap()
}

fn domain() -> PolicyDomain {
    PolicyDomain::parse("example.test").unwrap()
}

fn names(names: &[&str]) -> Vec<DnsName> {
    names.iter().map(|name| DnsName::parse(name).unwrap()).collect()
}

fn answer(policy: &Policy, form: Form) -> String {
    tls_policy(policy, &domain(), form).unwrap().unwrap()
}

fn code(result: Result<Option<String>, mta_sts_core::postfix::PostfixError>) -> &'static str {
    result.unwrap_err().code()
}

/// An answer as Postfix 3.10 takes it apart (`smtp_tls_policy.c`).
struct Answer {
    level: String,
    attributes: Vec<(String, String)>,
}

impl Answer {
    fn all(&self, name: &str) -> Vec<&str> {
        self.attributes
            .iter()
            .filter(|attribute| attribute.0 == name)
            .map(|attribute| attribute.1.as_str())
            .collect()
    }
}

fn read(answer: &str) -> Answer {
    let mut words = words(answer).into_iter();
    let level = words.next().expect("an empty policy");
    let attributes = words
        .map(|word| {
            let inner = if word.starts_with('{') { inside_braces(&word) } else { word };
            let (name, value) = inner.split_once('=').expect("no equals sign after an attribute name");
            let name = name.trim_end_matches(is_space);
            assert!(!name.is_empty() && !name.contains(is_space), "bad attribute name {name:?}");
            (name.to_owned(), value.trim_matches(is_space).to_owned())
        })
        .collect();
    Answer { level, attributes }
}

/// Splits at commas and white space that stand outside all braces.
fn words(answer: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0_u32;
    for char in answer.chars() {
        match char {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | ' ' | '\t' | '\r' | '\n' if depth == 0 => {
                words.push(String::new());
                continue;
            }
            _ => {}
        }
        words.last_mut().unwrap().push(char);
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What stands between a brace and the one that balances it, which must be the end of the word.
fn inside_braces(word: &str) -> String {
    let mut depth = 0_u32;
    for (at, char) in word.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            assert_eq!(at + 1, word.len(), "text after the closing brace: {word:?}");
            let inner = word[1..at].trim_matches(is_space);
            return inner.replace(is_space, " ");
        }
    }
    panic!("missing closing brace: {word:?}");
}

fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}
