//! Characters that resemble others, or that are invisible.

use core::ops::Range;

use super::{Draft, Findings, Severity};
use crate::error::LintKind;

/// Reports the first misleading character of each sort.
///
/// `start` is the offset at which the text begins; `severity` is that of a character that does
/// harm.
pub(super) fn suspicious(findings: &mut Findings, text: &str, start: usize, line: u32, severity: Severity) {
    if text.is_ascii() {
        return;
    }
    for (kind, belongs) in [
        (LintKind::InvisibleCharacter, is_invisible as fn(char) -> bool),
        (LintKind::UnicodeLineEnd, is_line_end),
        (LintKind::TypographicCharacter, is_typographic),
    ] {
        if let Some(span) = first(text, belongs) {
            let shown = &text[span.clone()];
            findings.push(
                Draft::new(kind, severity, start + span.start..start + span.end, line).with_value(shown),
            );
        }
    }
}

fn first(text: &str, belongs: fn(char) -> bool) -> Option<Range<usize>> {
    let (start, char) = text.char_indices().find(|(_, char)| belongs(*char))?;
    Some(start..start + char.len_utf8())
}

/// Spaces other than the ASCII one, and characters without width.
pub(super) const fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{a0}' | '\u{ad}' | '\u{180e}' | '\u{2000}'..='\u{200f}' | '\u{202a}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{feff}'
    )
}

const fn is_line_end(char: char) -> bool {
    matches!(char, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The characters that word processors use for quotes, hyphens, and colons.
pub(super) const fn is_typographic(char: char) -> bool {
    matches!(
        char,
        '\u{ab}' | '\u{bb}' | '\u{2010}'..='\u{2015}' | '\u{2018}'..='\u{201f}' | '\u{2039}' | '\u{203a}'
            | '\u{2212}' | '\u{ff1a}'
    )
}

/// Returns whether this is an opening quote of any sort.
pub(super) const fn is_quote(char: char) -> bool {
    matches!(char, '"' | '\'' | '`' | '\u{ab}' | '\u{bb}' | '\u{2018}'..='\u{201f}' | '\u{2039}' | '\u{203a}')
}

/// Returns whether this is a placeholder from an example: `<host>`, `{{ host }}`, `${HOST}`,
/// `%HOST%`, and names such as `mail.yourdomain.test`.
pub(super) fn is_placeholder(value: &str) -> bool {
    let marked = |open: &str, close: &str| {
        value.find(open).is_some_and(|start| value[start + open.len()..].contains(close))
    };
    marked("<", ">")
        || marked("{", "}")
        || marked("%", "%")
        || value.split('.').any(is_placeholder_label)
        || { value.rsplit('.').next().is_some_and(|label| label.eq_ignore_ascii_case("tld")) }
}

fn is_placeholder_label(label: &str) -> bool {
    // No label is longer.
    if label.len() > 63 {
        return false;
    }
    let plain: alloc::string::String =
        label.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect();
    if matches!(plain.as_str(), "example" | "contoso" | "domaintld" | "examplecom") {
        return true;
    }
    let owner = ["your", "my"].iter().find_map(|owner| plain.strip_prefix(owner));
    owner.is_some_and(|owned| {
        [
            "domain",
            "company",
            "mail",
            "email",
            "mailserver",
            "emailserver",
            "mx",
            "mxhost",
            "host",
            "hostname",
            "organization",
            "organisation",
            "org",
            "site",
            "website",
            "provider",
            "mailprovider",
            "domainname",
            "mailhost",
            "tenant",
            "business",
        ]
        .contains(&owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_not_a_name_of_ones_own() {
        for value in [
            "mail.example.com",
            "mx.example",
            "mail.yourdomain.com",
            "your-email-server.com",
            "<mx-host>",
            "{{ mx }}",
            "${MX}",
            "%MX%",
            "mail.my-domain.net",
            "mail.domain.tld",
            "YOUR_DOMAIN.com",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
        for value in [
            "mail.test",
            "examples.test",
            "yourself.test",
            "mymusic.test",
            "www1.your-server.de",
            "aspmx.l.google.com",
            "100%",
            "domain.com",
        ] {
            assert!(!is_placeholder(value), "{value}");
        }
    }
}
