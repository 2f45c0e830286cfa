//! Texts of a page: what a stranger wrote is only ever displayed.

use std::fmt;

use askama::filters::Escaper;

use mta_sts_core::UnixTime;

use crate::{Date, Visible};

/// Escapes text so that a browser only displays it. The templates use this for all inserted values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Harmless;

impl Escaper for Harmless {
    fn write_escaped_str<W: fmt::Write>(&self, dest: W, text: &str) -> fmt::Result {
        struct Escaping<W>(W);
        impl<W: fmt::Write> fmt::Write for Escaping<W> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                askama::filters::Html.write_escaped_str(&mut self.0, text)
            }
        }
        fmt::Write::write_fmt(&mut Escaping(dest), format_args!("{}", Visible(text)))
    }
}

/// A count with commas: `4,212`.
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

/// Untrusted text, truncated to the length of a line.
pub(super) fn short(text: &str) -> String {
    truncated(text, 200)
}

/// Untrusted text, truncated to the length of a paragraph.
pub(super) fn paragraph(text: &str) -> String {
    truncated(text, 1_000)
}

fn truncated(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A time to the minute in which it has come: `2026-11-27 13:42`.
pub(super) fn minute(time: UnixTime) -> String {
    let minutes = time.as_secs().div_ceil(60);
    let date = Date::of(UnixTime::from_secs(minutes.saturating_mul(60)));
    format!("{date} {:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

/// A text that begins a line.
pub(super) fn first_upper(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// A text of ours that goes on after a colon.
pub(super) fn first_lower(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}

/// A part of a sentence: plain text, or code from between backticks.
pub(super) struct Piece {
    pub(super) is_code: bool,
    pub(super) text: String,
}

/// The parts of a sentence.
pub(super) fn pieces(sentence: &str) -> Vec<Piece> {
    let texts = sentence.split('`').enumerate();
    texts.map(|(place, text)| Piece { is_code: place % 2 == 1, text: text.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(count), text);
        }
    }

    #[test]
    fn a_time_is_rounded_up_to_its_minute() {
        for (secs, text) in [(0, "1970-01-01 00:00"), (1, "1970-01-01 00:01"), (86_399, "1970-01-02 00:00")] {
            assert_eq!(minute(UnixTime::from_secs(secs)), text);
        }
        assert_eq!(minute(UnixTime::from_secs(u64::MAX)), "after 9999 07:01");
    }

    #[test]
    fn nothing_in_a_text_is_markup() {
        let mut html = String::new();
        Harmless.write_escaped_str(&mut html, "<script>&\"'\u{202e}\n").unwrap();
        assert_eq!(html, "&#60;script&#62;&#38;&#34;&#39;&#60;U+202E&#62;&#60;U+000A&#62;");
    }
}
