//! The response of a Policy Host (RFC 8461, 3.3).

use alloc::borrow::Cow;
use core::time::Duration;

use crate::error::{FetchError, FetchErrorKind};
use crate::policy::{Policy, Strictness};

/// The response of a Policy Host to the GET request, after its certificate was verified.
///
/// ```
/// use mta_sts_core::{FetchLimits, HttpResponse, Policy};
///
/// let body = b"version: STSv1\nmode: none\nmax_age: 86400\n";
/// let response = HttpResponse::new(200, body).with_content_type(b"text/plain; charset=utf-8");
/// assert!(Policy::from_response(&response, &FetchLimits::new()).is_ok());
///
/// // A redirect is never followed.
/// let response = HttpResponse::new(302, b"");
/// let error = Policy::from_response(&response, &FetchLimits::new()).unwrap_err();
/// assert_eq!(error.code(), "http-redirect");
/// # Ok::<(), mta_sts_core::FetchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse<'a> {
    status: u16,
    content_type: Option<Cow<'a, [u8]>>,
    has_several_types: bool,
    body: Cow<'a, [u8]>,
}

impl<'a> HttpResponse<'a> {
    /// A response without `Content-Type`; the octets may be borrowed or owned.
    pub fn new(status: u16, body: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { status, content_type: None, has_several_types: false, body: body.into() }
    }

    /// Adds a `Content-Type`: call it once for each header field of that name.
    ///
    /// A response with several has no media type and is refused. Some libraries join fields of one
    /// name with commas, as HTTP allows: pass the joined value, it has the same effect.
    #[must_use]
    pub fn with_content_type(mut self, content_type: impl Into<Cow<'a, [u8]>>) -> Self {
        let content_type = content_type.into();
        self.content_type = Some(match self.content_type.take() {
            None => content_type,
            Some(earlier) => {
                self.has_several_types = true;
                Cow::Owned([&earlier[..], b", ", &content_type].concat())
            }
        });
        self
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The `Content-Type` as received; several are joined with `, `.
    pub fn content_type(&self) -> Option<&[u8]> {
        self.content_type.as_deref()
    }

    /// The body as received.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// The limits of a fetch, and the requirements on its response.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::FetchLimits;
///
/// let limits = FetchLimits::new();
/// assert_eq!(limits.timeout(), Duration::from_secs(60));
/// assert_eq!(limits.max_body_len(), 65_536);
/// let limits = limits.with_timeout(Duration::from_secs(20)).with_max_body_len(16_384);
/// assert_eq!(limits.max_body_len(), 16_384);
/// ```
// Meets S54.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    timeout: Duration,
    max_body_len: usize,
    missing_content_type: MissingContentType,
    strictness: Strictness,
}

/// What to do with a response without `Content-Type`.
///
/// ```
/// use mta_sts_core::{FetchLimits, HttpResponse, MissingContentType, Policy};
///
/// let body = b"version: STSv1\nmode: none\nmax_age: 86400\n";
/// let limits = FetchLimits::new();
/// assert!(Policy::from_response(&HttpResponse::new(200, body), &limits).is_err());
/// let limits = limits.with_missing_content_type(MissingContentType::Accept);
/// assert!(Policy::from_response(&HttpResponse::new(200, body), &limits).is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MissingContentType {
    /// Refuse it: without a media type it is not known to be text/plain (RFC 8461, 3.2).
    #[default]
    Refuse,
    /// Accept it: for networks with a server that sends no media type.
    Accept,
}

impl FetchLimits {
    /// The values suggested in RFC 8461: 60 s, 65,536 octets, and a required media type.
    pub const fn new() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            max_body_len: 65_536,
            missing_content_type: MissingContentType::Refuse,
            strictness: Strictness::Tolerant,
        }
    }

    /// Sets the time limit of a fetch, from the address lookup to the last octet of the body. Default:
    /// 60 s, as RFC 8461, 3.3, suggests. With 0 every fetch fails.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the maximum length of a body, in octets. Default: 65,536, as RFC 8461, 3.3, suggests. More
    /// than [`Policy::MAX_LEN`] is never read.
    #[must_use]
    pub const fn with_max_body_len(mut self, octets: usize) -> Self {
        self.max_body_len = if octets < Policy::MAX_LEN { octets } else { Policy::MAX_LEN };
        self
    }

    /// Sets what to do with a response without `Content-Type`. Default: refuse it.
    #[must_use]
    pub const fn with_missing_content_type(mut self, rule: MissingContentType) -> Self {
        self.missing_content_type = rule;
        self
    }

    /// Sets how strictly the body must follow the grammar. Default: [`Strictness::Tolerant`].
    #[must_use]
    pub const fn with_strictness(mut self, strictness: Strictness) -> Self {
        self.strictness = strictness;
        self
    }

    /// The time limit of a fetch.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The maximum length of a body, in octets.
    pub const fn max_body_len(&self) -> usize {
        self.max_body_len
    }
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy {
    /// Parses the policy in the response of a Policy Host.
    ///
    /// HTTP caching is not used: a policy lives for its `max_age`, whatever the header fields say (RFC
    /// 8461, 3.3).
    ///
    /// # Errors
    ///
    /// The status is not 200, the media type is not text/plain, the body exceeds the limit (none of it
    /// is parsed then), or the body is not a policy.
    // Meets S25, S26, S49, S104, A24, A25, A28, A50.
    pub fn from_response(response: &HttpResponse<'_>, limits: &FetchLimits) -> Result<Self, FetchError> {
        match response.status {
            200 => {}
            300..=399 => return Err(FetchError::new(FetchErrorKind::Redirect)),
            _ => return Err(FetchError::new(FetchErrorKind::Status)),
        }
        match response.content_type() {
            Some(content_type) if !response.has_several_types && is_text_plain(content_type) => {}
            Some(_) => return Err(FetchError::new(FetchErrorKind::MediaType)),
            None if limits.missing_content_type == MissingContentType::Accept => {}
            None => return Err(FetchError::new(FetchErrorKind::MissingMediaType)),
        }
        if response.body.len() > limits.max_body_len {
            return Err(FetchError::new(FetchErrorKind::BodyTooLarge));
        }
        Ok(Self::parse_with(&response.body, limits.strictness)?)
    }
}

/// Returns whether the media type is text/plain, in any case. Its parameters are ignored, even
/// malformed ones: the body is read as UTF-8 whatever they say (RFC 8461, 3.2).
fn is_text_plain(content_type: &[u8]) -> bool {
    if !is_one_field(content_type) {
        return false;
    }
    let media_type = content_type.split(|octet| *octet == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"text/plain")
}

/// Returns whether the value is certainly that of a single field. A comma outside a quoted string
/// joins several; with unbalanced quotes nobody can tell which commas those are.
fn is_one_field(content_type: &[u8]) -> bool {
    let mut rest = content_type;
    while let Some(at) = rest.iter().position(|octet| matches!(octet, b',' | b'"')) {
        // A quoted string must be the whole value of a parameter (RFC 9110, 5.6.6).
        if rest[at] == b',' || !rest[..at].ends_with(b"=") {
            return false;
        }
        let Some(after) = after_quoted_string(&rest[at + 1..]) else { return false };
        if !matches!(after.trim_ascii_start(), [] | [b';', ..]) {
            return false;
        }
        rest = after;
    }
    true
}

/// The input after the closing quote.
fn after_quoted_string(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', _, after @ ..] | [_, after @ ..] => rest = after,
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const BODY: &[u8] = b"version: STSv1\nmode: none\nmax_age: 1\n";

    fn code(response: &HttpResponse<'_>) -> &'static str {
        Policy::from_response(response, &FetchLimits::new()).map_or_else(|error| error.code(), |_| "ok")
    }

    // Proves S49, S50, A28.
    #[test]
    fn only_200_gives_a_policy() {
        for status in 100..600 {
            let expected = match status {
                200 => "ok",
                300..=399 => "http-redirect",
                _ => "http-status",
            };
            assert_eq!(
                code(&HttpResponse::new(status, BODY).with_content_type(b"text/plain")),
                expected,
                "{status}"
            );
        }
    }

    // Proves S25, S26, A25.
    #[test]
    fn the_media_type_is_text_plain_whatever_its_parameters() {
        for content_type in [
            "text/plain",
            "TEXT/PLAIN",
            "text/plain; charset=utf-8",
            "text/plain;charset=\"us-ascii\"; foo=bar",
            "text/plain;",
            "text/plain; charset",
            "text/plain; charset=iso-8859-1",
            "text/plain; a=\"b,c\"",
        ] {
            assert_eq!(
                code(&HttpResponse::new(200, BODY).with_content_type(content_type.as_bytes())),
                "ok",
                "{content_type}"
            );
        }
        for content_type in [
            "text/html",
            "text/plain, text/html",
            "foo; x=text/plain",
            "",
            "text/plainx",
            "text / plain",
            "text/plain, text/plain",
            "text/plain; a=\"x, text/html",
            "text/plain; a=\"x",
            "text/plain; a=\"x\\",
            "text/plain; a=\"x\\\", text/html",
            // The quotes of two fields, joined, are even in number.
            "text/plain; a=\"x, text/html; b=\"y\"",
            "text/plain; a\"=, text/html; b=\"",
            "text/plain; a=\"b\", text/html",
        ] {
            assert_eq!(
                code(&HttpResponse::new(200, BODY).with_content_type(content_type.as_bytes())),
                "media-type",
                "{content_type}"
            );
        }
    }

    // Proves A25.
    #[test]
    fn an_answer_with_several_fields_has_no_media_type() {
        for (first, second) in [
            ("text/html", "text/plain"),
            ("text/plain", "text/html"),
            ("text/plain", "text/plain"),
            ("", "text/plain"),
            ("text/plain", ""),
            ("text/plain; a=\"x", "y\""),
        ] {
            let response = HttpResponse::new(200, BODY)
                .with_content_type(first.as_bytes())
                .with_content_type(second.as_bytes());
            assert_eq!(code(&response), "media-type", "{first} and {second}");
        }
    }

    // Proves A24.
    #[test]
    fn a_missing_media_type_is_an_error_unless_accepted() {
        let response = HttpResponse::new(200, BODY);
        assert_eq!(code(&response), "missing-media-type");
        let limits = FetchLimits::new().with_missing_content_type(MissingContentType::Accept);
        assert!(Policy::from_response(&response, &limits).is_ok());
    }

    // Proves S54, A50.
    #[test]
    fn no_prefix_of_a_long_body_is_read() {
        let mut body = BODY.to_vec();
        body.extend(core::iter::repeat_n(b'\n', 65_536 - BODY.len()));
        assert_eq!(code(&HttpResponse::new(200, body.clone()).with_content_type(b"text/plain")), "ok");
        body.push(b'\n');
        assert_eq!(code(&HttpResponse::new(200, body).with_content_type(b"text/plain")), "body-too-large");
        assert_eq!(
            code(&HttpResponse::new(200, Vec::new()).with_content_type(b"text/plain")),
            "missing-version"
        );
    }
}
