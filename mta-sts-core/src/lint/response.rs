//! Findings about the response of a Policy Host (RFC 8461, 3.2 and 3.3).

use alloc::vec::Vec;

use super::policy::Reader;
use super::{Draft, Finding, Findings, Severity};
use crate::error::{FetchErrorKind, LintKind, PolicyErrorKind};
use crate::name::DnsName;
use crate::policy::{Policy, Strictness};
use crate::response::{FetchLimits, HttpResponse};

/// The findings about the response of a Policy Host: its status, its media type, its size, and the
/// policy in it.
///
/// ```
/// use mta_sts_core::{FetchLimits, HttpResponse, lint};
///
/// let body = b"version: STSv1\nmode: none\nmax_age: 86400\n";
/// let response = HttpResponse::new(200, body).with_content_type(b"text/html");
/// let findings = lint::response(&response, &FetchLimits::new());
/// assert_eq!(findings[0].code(), "media-type");
/// ```
///
/// The body of a response with a status other than 200 is not examined. Header fields for HTTP
/// caches are ignored: a policy lives for its `max_age` (RFC 8461, 3.3).
pub fn response(response: &HttpResponse<'_>, limits: &FetchLimits) -> Vec<Finding> {
    of_response(response, limits, None)
}

/// The findings about the response of a Policy Host whose domain has these MX hosts; the policy in
/// it is examined as by [`policy_for_hosts`](super::policy_for_hosts).
pub fn response_for_hosts(
    response: &HttpResponse<'_>,
    limits: &FetchLimits,
    mx_hosts: &[DnsName],
) -> Vec<Finding> {
    of_response(response, limits, Some(mx_hosts))
}

fn of_response(
    response: &HttpResponse<'_>,
    limits: &FetchLimits,
    mx_hosts: Option<&[DnsName]>,
) -> Vec<Finding> {
    let body = response.body();
    let mut findings = Findings::new();
    let status = response.status();
    if status != 200 {
        let kind =
            if (300..400).contains(&status) { FetchErrorKind::Redirect } else { FetchErrorKind::Status };
        let shown = alloc::format!("{status}");
        findings.push(Draft::new(kind, Severity::Error, 0..0, 1).with_value(&shown));
        return findings.into_vec(0, 1);
    }
    read_content_type(&mut findings, response, limits);
    if body.len() > limits.max_body_len() {
        findings.push(Draft::new(FetchErrorKind::BodyTooLarge, Severity::Error, 0..body.len(), 1));
    }
    let reader = Reader::new(body, strictness(limits), findings);
    match mx_hosts {
        Some(hosts) => reader.for_hosts(hosts).read(),
        None => reader.read(),
    }
}

fn read_content_type(findings: &mut Findings, response: &HttpResponse<'_>, limits: &FetchLimits) {
    // The same response with an empty body, to find what is refused before the body is examined.
    let mut head = HttpResponse::new(response.status(), &b""[..]);
    if let Some(content_type) = response.content_type() {
        head = head.with_content_type(content_type);
    }
    let refused = Policy::from_response(&head, limits).err().map(|error| error.kind());
    let place = |kind, severity| Draft::new(kind, severity, 0..0, 1);
    match (response.content_type(), refused) {
        (Some(content_type), Some(kind @ FetchErrorKind::MediaType)) => {
            findings.push(place(kind, Severity::Error).with_value(content_type));
        }
        (None, Some(kind @ FetchErrorKind::MissingMediaType)) => findings.push(place(kind, Severity::Error)),
        (None, _) => findings.push(place(FetchErrorKind::MissingMediaType, Severity::Warning)),
        (Some(content_type), _) => {
            if let Some(charset) = charset(content_type) {
                if ![&b"utf-8"[..], b"us-ascii"].iter().any(|known| known.eq_ignore_ascii_case(charset)) {
                    findings.push(
                        Draft::new(LintKind::OtherCharset, Severity::Warning, 0..0, 1).with_value(charset),
                    );
                }
            }
        }
    }
}

/// The value of the first parameter `charset`, without quotes.
fn charset(content_type: &[u8]) -> Option<&[u8]> {
    content_type.split(|octet| *octet == b';').skip(1).find_map(|parameter| {
        let equals = parameter.iter().position(|octet| *octet == b'=')?;
        let (name, value) = (parameter[..equals].trim_ascii(), parameter[equals + 1..].trim_ascii());
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        name.eq_ignore_ascii_case(b"charset").then_some(value.strip_suffix(b"\"").unwrap_or(value))
    })
}

/// The strictness of these limits, found by parsing a policy with a blank line.
fn strictness(limits: &FetchLimits) -> Strictness {
    let probe = HttpResponse::new(200, &b"\n"[..]).with_content_type(&b"text/plain"[..]);
    match Policy::from_response(&probe, limits) {
        Err(error)
            if error.policy_error().is_some_and(|error| error.kind() == PolicyErrorKind::BlankLine) =>
        {
            Strictness::Abnf
        }
        _ => Strictness::Tolerant,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::MissingContentType;
    use alloc::vec;

    const BODY: &[u8] = b"version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 604800\n";

    fn codes(answer: &HttpResponse<'_>, limits: &FetchLimits) -> Vec<(Severity, &'static str)> {
        response(answer, limits).iter().map(|finding| (finding.severity(), finding.code())).collect()
    }

    #[test]
    fn the_head_of_the_answer_is_checked() {
        let limits = FetchLimits::new();
        let with_type = |status, content_type: &'static [u8]| {
            codes(&HttpResponse::new(status, BODY).with_content_type(content_type), &limits)
        };
        assert_eq!(with_type(200, b"text/plain"), []);
        assert_eq!(with_type(200, b"text/plain; charset=\"UTF-8\""), []);
        assert_eq!(with_type(200, b"text/plain; charset=us-ascii"), []);
        assert_eq!(with_type(200, b"text/plain; charset=iso-8859-1"), [(Severity::Warning, "other-charset")]);
        assert_eq!(with_type(200, b"text/html"), [(Severity::Error, "media-type")]);
        assert_eq!(with_type(301, b"text/plain"), [(Severity::Error, "http-redirect")]);
        assert_eq!(with_type(404, b"text/plain"), [(Severity::Error, "http-status")]);
        assert_eq!(codes(&HttpResponse::new(200, BODY), &limits), [(Severity::Error, "missing-media-type")]);
        let lenient = FetchLimits::new().with_missing_content_type(MissingContentType::Accept);
        assert_eq!(
            codes(&HttpResponse::new(200, BODY), &lenient),
            [(Severity::Warning, "missing-media-type")]
        );
    }

    #[test]
    fn the_body_is_measured_and_read() {
        let mut limits = FetchLimits::new();
        let plain = |body: Vec<u8>| HttpResponse::new(200, body).with_content_type(b"text/plain");
        let blank = [BODY, b"\n"].concat();
        assert_eq!(codes(&plain(blank.clone()), &limits), [(Severity::Warning, "blank-line")]);
        limits = limits.with_strictness(Strictness::Abnf);
        assert_eq!(codes(&plain(blank), &limits), [(Severity::Error, "blank-line")]);
        limits = limits.with_max_body_len(10);
        let findings = response(&plain(BODY.to_vec()), &limits);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].code(), findings[0].span()), ("body-too-large", 0..BODY.len()));
        assert_eq!(codes(&plain(vec![b'\n']), &limits).len(), 5);
    }
}
