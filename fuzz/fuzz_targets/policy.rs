//! Policies: read, written, read again; both strictnesses; the lines; what `lint` says of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::{Mode, Policy, Strictness, lint};
use mta_sts_fuzz::assert_lint_agrees;

fuzz_target!(|data: &[u8]| {
    let tolerant = Policy::parse(data);
    for strictness in [Strictness::Tolerant, Strictness::Abnf] {
        let parsed = Policy::parse_with(data, strictness);
        let refused = parsed.as_ref().err().map(|error| (error.code(), error.offset()));
        assert!(refused.is_none_or(|(_, offset)| offset <= data.len()));
        assert_lint_agrees(&lint::policy_with(data, strictness), refused, data.len());
        if let Ok(policy) = parsed {
            assert_eq!(tolerant.as_ref(), Ok(&policy));
            assert_same(tolerant.as_ref().expect("it was just compared"), &policy);
        }
    }
    let Ok(policy) = tolerant else { return };

    assert_eq!(policy.text().as_bytes(), data);
    assert!(policy.max_age() <= Policy::MAX_MAX_AGE);
    assert!(policy.mode() == Mode::None || !policy.mx_patterns().is_empty());
    for line in policy.lines() {
        assert!(policy.text().contains(line) && line.contains(':') && !line.contains(['\n', '\r']));
    }
    // The lines are all that there is of the policy.
    let lines: String = policy.lines().flat_map(|line| [line, "\r\n"]).collect();
    assert_same(&Policy::parse_with(lines.as_bytes(), Strictness::Tolerant).expect("its lines"), &policy);

    let written = policy.to_string();
    let again = Policy::parse(written.as_bytes()).expect("what was written");
    assert_same(&again, &policy);
    assert_eq!(again.to_string(), written);
    // Of the departures from the grammar none but underscores is written, which in mode none nobody looks at.
    let is_strict = policy.mode() == Mode::None || !has_underscore(&policy);
    assert_eq!(Policy::parse_with(written.as_bytes(), Strictness::Abnf).is_ok(), is_strict);
});

fn assert_same(one: &Policy, other: &Policy) {
    assert_eq!((one.mode(), one.max_age()), (other.mode(), other.max_age()));
    assert!(one.mx_patterns().eq(other.mx_patterns()));
}

fn has_underscore(policy: &Policy) -> bool {
    policy.mx_patterns().any(|pattern| pattern.to_string().contains('_'))
}
