//! Answers of a Policy Host: which of them give a policy.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::lint::{self, Severity};
use mta_sts_core::{FetchErrorKind, FetchLimits, HttpResponse, MissingContentType, Policy, Strictness};

// The first line is the status and what is set, the second the media type (if it has a colon in front),
// the rest the body.
fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(3, |octet| *octet == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (first, second, body) = (line(), line(), line());
    let mut words = first.split(|octet| *octet == b' ').map(|word| str::from_utf8(word).unwrap_or_default());
    let status = words.next().and_then(|word| word.parse().ok()).unwrap_or(200);
    let (mut limits, mut accepts_missing, mut strictness) = (FetchLimits::new(), false, Strictness::Tolerant);
    for word in words {
        match word {
            "accept" => accepts_missing = true,
            "abnf" => strictness = Strictness::Abnf,
            octets => {
                if let Ok(octets) = octets.parse() {
                    limits = limits.with_max_body_len(octets);
                }
            }
        }
    }
    limits = limits.with_strictness(strictness);
    if accepts_missing {
        limits = limits.with_missing_content_type(MissingContentType::Accept);
    }
    let content_type = second.strip_prefix(b":");
    let mut response = HttpResponse::new(status, body);
    if let Some(content_type) = content_type {
        response = response.with_content_type(content_type);
    }

    let result = Policy::from_response(&response, &limits);
    let is_good_type = content_type.map_or(accepts_missing, is_text_plain);
    match &result {
        Ok(policy) => {
            assert_eq!(status, 200);
            assert!(is_good_type, "{content_type:?}");
            assert!(body.len() <= limits.max_body_len());
            assert_eq!(Policy::parse_with(body, strictness).as_ref(), Ok(policy));
        }
        Err(error) if error.kind() == FetchErrorKind::InvalidPolicy => {
            assert!(status == 200 && is_good_type && body.len() <= limits.max_body_len());
            assert!(Policy::parse_with(body, strictness).is_err());
        }
        Err(_) => {}
    }
    let findings = lint::response(&response, &limits);
    let has_error = findings.iter().any(|finding| finding.severity() == Severity::Error);
    assert_eq!(has_error, result.is_err(), "{result:?} {findings:#?}");
});

/// What stands before the parameters.
fn is_text_plain(content_type: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content_type).to_ascii_lowercase();
    let media_type = text.split(';').next().unwrap_or_default();
    media_type.trim_matches(|char: char| char.is_ascii_whitespace()) == "text/plain"
}
