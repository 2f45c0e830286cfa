//! Texts of a page: what a stranger wrote is only ever displayed.

use std::fmt;

use askama::filters::Escaper;

use crate::Visible;

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

/// Untrusted text, truncated to a bounded length.
pub(super) fn short(text: &str) -> String {
    const MOST_CHARS: usize = 200;
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
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
    fn nothing_in_a_text_is_markup() {
        let mut html = String::new();
        Harmless.write_escaped_str(&mut html, "<script>&\"'\u{202e}\n").unwrap();
        assert_eq!(html, "&#60;script&#62;&#38;&#34;&#39;&#60;U+202E&#62;&#60;U+000A&#62;");
    }
}
