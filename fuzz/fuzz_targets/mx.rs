//! Patterns against hosts, beside a match label by label.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::{DnsName, MxPattern, Policy, dns_id_matches};
use mta_sts_fuzz::{covers, pattern_covers};

// The last line is the host, the lines before it are the patterns.
fuzz_target!(|text: &str| {
    let (patterns, raw_host) = text.rsplit_once('\n').unwrap_or((text, text));
    let host = DnsName::parse(raw_host);
    if let Ok(host) = &host {
        assert_eq!(DnsName::parse(host.as_str()).as_ref(), Ok(host));
        if raw_host.is_ascii() {
            // A mail server may write the host as a destination, in brackets.
            let bare = raw_host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(raw_host);
            assert_eq!(host.as_str(), plain(bare));
        }
    }

    let mut body = String::from("version: STSv1\nmode: enforce\nmax_age: 86400\n");
    let mut names = Vec::new();
    for text in patterns.split('\n') {
        let Ok(pattern) = MxPattern::parse(text) else { continue };
        assert_eq!(pattern.to_string(), plain(text));
        assert_eq!(MxPattern::parse(&pattern.to_string()).as_ref(), Ok(&pattern));
        assert_eq!(pattern.is_wildcard(), text.starts_with("*."));
        if let Ok(host) = &host {
            let expected = pattern_covers(&pattern, host.as_str());
            assert_eq!(pattern.matches(host), expected, "{pattern} {host}");
            assert_eq!(dns_id_matches(text, host), expected && !text.ends_with('.'));
        }
        body = body + "mx: " + text + "\n";
        names.push(plain(text));
    }
    if names.is_empty() {
        return;
    }
    let policy = Policy::parse(body.as_bytes()).expect("its patterns are patterns");
    let Ok(host) = host else {
        assert!(!policy.matches_mx(raw_host));
        return;
    };
    let expected = names.iter().find(|name| covers(name, host.as_str()));
    let found = policy.matching_pattern(&host).map(|pattern| pattern.to_string());
    assert_eq!(found.as_ref(), expected);
    assert_eq!(policy.matches_mx(raw_host), expected.is_some());
    assert_eq!(policy.matches_mx(host.as_str()), expected.is_some());
});

/// Lower case, without the last dot.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
