use std::fmt;

/// The result of verifying the signature of the message with a report (RFC 8460, 3).
///
/// ```
/// use mta_sts_reporter::{Authentication, Inbox};
///
/// let message = b"Authentication-Results: mx.example.com; dkim=pass header.d=sender.example\r\n\
///     Content-Type: application/tlsrpt+json\r\n\r\n\
///     {\"contact-info\": \"tls@sender.example\", \"policies\": []}";
/// let read = Inbox::new().with_required_dkim("mx.example.com").read_message(message);
/// let report = read[0].report().unwrap();
/// assert_eq!(report.authentication, Authentication::Verified { domain: "sender.example".into() });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// Verification was not requested, or the report did not come in a message.
    Unverified,
    /// The trusted host found the signature of this domain valid, and the domain belongs to the submitter's organisation.
    Verified {
        /// The signing domain.
        domain: Box<str>,
    },
    /// The trusted host found no valid signature.
    NoPass,
    /// The signing domain does not belong to the submitter's organisation.
    OtherDomain {
        /// The signing domain.
        domain: Box<str>,
    },
    /// The message has no field of the trusted host, or the input is not a message.
    NoResults,
}

impl fmt::Display for Authentication {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unverified => formatter.write_str("The signature was not verified."),
            Self::Verified { domain } => {
                write!(formatter, "The signature of {} is valid.", crate::Visible(domain))
            }
            Self::NoPass => formatter.write_str("The message has no valid DKIM signature."),
            Self::OtherDomain { domain } => write!(
                formatter,
                "The message is signed by {}, which is not of the submitter's organisation.",
                crate::Visible(domain)
            ),
            Self::NoResults => formatter.write_str("The trusted host has not verified the signature."),
        }
    }
}

/// The results of the trusted host for the signatures of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DkimResults {
    /// Whether there are any.
    pub(super) are_there: bool,
    /// The domains whose signature is valid.
    pub(super) passed: Vec<String>,
}

impl DkimResults {
    /// Reads the `Authentication-Results` fields of a message, from top to bottom.
    ///
    /// The first field of the host with a DKIM result counts; the sender may have forged those below it.
    pub(super) fn of_host<'a>(host: &str, fields: impl IntoIterator<Item = &'a str>) -> Self {
        let mut fields = fields.into_iter().take(MOST_FIELDS);
        fields.find_map(|field| dkim_of(host, field)).unwrap_or_default()
    }

    /// Verifies a report of this submitter.
    pub(super) fn judge(&self, submitter: Option<&str>) -> Authentication {
        if !self.are_there {
            return Authentication::NoResults;
        }
        let is_of_submitter =
            |domain: &&String| submitter.is_some_and(|submitter| is_same_organisation(domain, submitter));
        match (self.passed.iter().find(is_of_submitter), self.passed.first()) {
            (Some(own), _) => Authentication::Verified { domain: own.as_str().into() },
            (None, Some(other)) => Authentication::OtherDomain { domain: other.as_str().into() },
            (None, None) => Authentication::NoPass,
        }
    }
}

/// More are only in malicious messages.
const MOST_FIELDS: usize = 64;

/// Whether one of two domains is the other, or below it. `corp.example.com` signs for `example.com`, and the other way round;
/// a top-level domain signs for nobody.
fn is_same_organisation(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim_end_matches('.'), other.trim_end_matches('.'));
    let is_at_or_below = |low: &str, high: &str| {
        high.contains('.')
            && low.len().checked_sub(high.len()).and_then(|at| low.split_at_checked(at)).is_some_and(
                |(rest, end)| end.eq_ignore_ascii_case(high) && (rest.is_empty() || rest.ends_with('.')),
            )
    };
    is_at_or_below(one, other) || is_at_or_below(other, one)
}

/// The DKIM results of a field, if it is from the host and has any (RFC 8601, 2.2).
fn dkim_of(host: &str, field: &str) -> Option<DkimResults> {
    let field = without_comments(field);
    let mut results = split_outside_quotes(&field, |char| char == ';');
    let own = results.next()?.split_whitespace().next()?.trim_matches('"');
    if !own.trim_end_matches('.').eq_ignore_ascii_case(host.trim_end_matches('.')) {
        return None;
    }
    let mut found = DkimResults::default();
    for result in results {
        let mut words = split_outside_quotes(result, char::is_whitespace).filter(|word| !word.is_empty());
        let Some((method, outcome)) = words.next().and_then(|word| word.split_once('=')) else { continue };
        if !method.split('/').next().is_some_and(|method| method.eq_ignore_ascii_case("dkim")) {
            continue;
        }
        found.are_there = true;
        let mut domain = None;
        for (property, value) in words.filter_map(|word| word.split_once('=')) {
            let value = value.trim_matches('"');
            if property.eq_ignore_ascii_case("header.d") {
                domain = Some(value);
            } else if property.eq_ignore_ascii_case("header.i") {
                domain = domain.or(value.rsplit_once('@').map(|(_, domain)| domain));
            }
        }
        if let Some(domain) =
            domain.filter(|domain| outcome.eq_ignore_ascii_case("pass") && !domain.is_empty())
        {
            found.passed.push(domain.into());
        }
    }
    found.are_there.then_some(found)
}

/// The field without comments, and with one blank around each `=` taken out.
fn without_comments(field: &str) -> String {
    let (mut text, mut depth, mut is_quoted) = (String::with_capacity(field.len()), 0_u32, false);
    let mut chars = field.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' if depth > 0 || is_quoted => {
                let escaped = chars.next();
                text.extend(escaped.filter(|_| depth == 0));
            }
            '(' if !is_quoted => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            '=' if !is_quoted => {
                text.truncate(text.trim_end().len());
                text.push('=');
                // A blank behind it is passed over below.
            }
            char if char.is_whitespace() && text.ends_with('=') && !is_quoted => {}
            char => {
                is_quoted ^= char == '"';
                text.push(char);
            }
        }
    }
    text
}

fn split_outside_quotes(text: &str, is_end: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |char| {
        is_quoted ^= char == '"';
        !is_quoted && is_end(char)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(fields: &[&str], submitter: &str) -> Authentication {
        DkimResults::of_host("mx.example.com", fields.iter().copied()).judge(Some(submitter))
    }

    // Proves R20, A40.
    #[test]
    fn only_a_pass_that_the_trusted_host_tells_of_counts() {
        let verified = |domain: &str| Authentication::Verified { domain: domain.into() };
        let other = |domain: &str| Authentication::OtherDomain { domain: domain.into() };
        for (fields, expected) in [
            (&["mx.example.com; dkim=pass header.d=sender.example"][..], verified("sender.example")),
            (
                &[
                    "MX.Example.com. 1;\r\n\tspf=pass; dkim = pass (2048-bit key; \"x\") header.i=@corp.sender.example header.b=\"a;b\"",
                ],
                verified("corp.sender.example"),
            ),
            (
                &["mx.example.com; dkim=fail header.d=sender.example; dkim=pass header.d=sender.example"],
                verified("sender.example"),
            ),
            (
                &["mx.example.com; dkim=pass header.d=list.example; dkim=pass header.d=sender.example"],
                verified("sender.example"),
            ),
            (&["\"mx.example.com\"; dkim/1=pass header.d=\"sender.example\""], verified("sender.example")),
            (
                &["mx.example.com; spf=pass", "mx.example.com; dkim=pass header.d=sender.example"],
                verified("sender.example"),
            ),
            (&["mx.example.com; dkim=pass header.d=evil.example"], other("evil.example")),
            (&["mx.example.com; dkim=pass header.d=notsender.example"], other("notsender.example")),
            (&["mx.example.com; dkim=pass header.d=example"], other("example")),
            (
                &["mx.example.com; dkim=none", "mx.example.com; dkim=pass header.d=sender.example"],
                Authentication::NoPass,
            ),
            (
                &["mx.example.com; dkim=fail reason=\"dkim=pass header.d=sender.example\""],
                Authentication::NoPass,
            ),
            (&["mx.example.com; dkim=fail (; dkim=pass header.d=sender.example)"], Authentication::NoPass),
            (&["mx.example.com; dkim=pass"], Authentication::NoPass),
            (&["mx.example.com; arc=pass (dkim=pass) header.d=sender.example"], Authentication::NoResults),
            (&["evil.example; dkim=pass header.d=sender.example"], Authentication::NoResults),
            (&["mx.example.com.evil.example; dkim=pass header.d=sender.example"], Authentication::NoResults),
            (&["(mx.example.com); dkim=pass header.d=sender.example"], Authentication::NoResults),
            (&["", ";", "mx.example.com", "mx.example.com; none", "\"", "((("], Authentication::NoResults),
            (&[], Authentication::NoResults),
        ] {
            assert_eq!(judged(fields, "sender.example"), expected, "{fields:?}");
        }
        assert_eq!(
            judged(&["mx.example.com; dkim=pass header.d=sender.example"], "corp.sender.example"),
            verified("sender.example")
        );
        let results =
            DkimResults::of_host("mx.example.com", ["mx.example.com; dkim=pass header.d=sender.example"]);
        assert_eq!(results.judge(None), other("sender.example"));
    }
}
