use std::fmt::{self, Write};

/// Untrusted text, displayed on one line. A character that a terminal or a browser would act upon, or not show, is written as its
/// code point, `<U+202E>`.
///
/// ```
/// use mta_sts_reporter::Visible;
///
/// assert_eq!(Visible("Sender\u{202e}\u{1b}[31m").to_string(), "Sender<U+202E><U+001B>[31m");
/// assert_eq!(Visible("Bücher & Söhne").to_string(), "Bücher & Söhne");
/// ```
///
/// These are control characters including line ends, marks of direction, zero-width spaces, and characters to which Unicode
/// assigns nothing visible. HTML needs its own escaping in addition.
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a>(pub &'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| {
            if is_visible(char) {
                formatter.write_char(char)
            } else {
                write!(formatter, "<U+{:04X}>", u32::from(char))
            }
        })
    }
}

/// Whether a character is displayed as itself.
pub(crate) fn is_visible(char: char) -> bool {
    // What `escape_debug` leaves as it is can be printed; of what it changes quotes and the backslash are seen all the same.
    // Marks of direction it changes, and combining marks only where nothing stands before them.
    char == '\\'
        || char == '"'
        || char == '\''
        || {
            let is_format = matches!(
                char,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                    | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
                    | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
            );
            !is_format && (is_combining(char) || char.escape_debug().len() == 1)
        }
}

/// Combining marks: `escape_debug` escapes them, since it sees no preceding character.
fn is_combining(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{dff}' | '\u{e31}'..='\u{e4e}' | '\u{20d0}'..='\u{20f0}')
        && !char.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_or_hide_is_shown_as_its_number() {
        for (text, shown) in [
            ("a\nb\tc\0\u{7f}\u{85}", "a<U+000A>b<U+0009>c<U+0000><U+007F><U+0085>"),
            ("\u{202a}\u{2066}\u{200e}\u{61c}", "<U+202A><U+2066><U+200E><U+061C>"),
            ("a\u{200b}b\u{feff}\u{ad}\u{3164}", "a<U+200B>b<U+FEFF><U+00AD><U+3164>"),
            ("\u{e0041}\u{fe0f}\u{e000}\u{fffe}", "<U+E0041><U+FE0F><U+E000><U+FFFE>"),
            ("<b>&\"'\\ é e\u{301} 日本 \u{fffd}", "<b>&\"'\\ é e\u{301} 日本 \u{fffd}"),
        ] {
            assert_eq!(Visible(text).to_string(), shown);
        }
    }
}
