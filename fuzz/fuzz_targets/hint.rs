//! A policy type, a result type and a reason: the hint is what it is said to be, whatever the reason holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::tlsrpt::Hint;
use mta_sts_core::{PolicyType, ResultType};

fuzz_target!(|input: (u8, u8, &str)| {
    let (policy_type, result_type, reason) = input;
    let policy_type = PolicyType::ALL.get(usize::from(policy_type) % (PolicyType::ALL.len() + 1)).copied();
    let result_type = ResultType::ALL.get(usize::from(result_type) % (ResultType::ALL.len() + 1)).copied();
    let explain = |reason: &str| Hint::explain(policy_type, result_type, reason);
    let hint = explain(reason);

    assert_eq!(Hint::from_code(hint.code()), Some(hint));
    for sentence in [hint.cause(), hint.fix()] {
        assert!(
            sentence.ends_with('.') && !sentence.contains(|character: char| character.is_control()),
            "{sentence}"
        );
    }
    // Case, underscores and blanks make no difference, and neither does what stands beyond 256 octets.
    assert_eq!(explain(&reason.to_ascii_uppercase()), hint);
    assert_eq!(explain(&reason.replace('_', " ")), hint);
    if reason.len() >= 256 {
        assert_eq!(explain(&format!("{reason} certificate has expired")), hint);
    }
    // What a result type says by itself, a reason does not blur.
    if let Some(
        ResultType::CertificateExpired | ResultType::CertificateHostMismatch | ResultType::DaneRequired,
    ) = result_type
    {
        assert_eq!(hint, explain(""));
    }
    // Under TLSA records nobody asks a public CA.
    if policy_type == Some(PolicyType::Tlsa) {
        assert!(
            ![Hint::CERTIFICATE_NOT_TRUSTED, Hint::ISSUER_UNKNOWN, Hint::CERTIFICATE_HOST_MISMATCH]
                .contains(&hint)
        );
    }
});
