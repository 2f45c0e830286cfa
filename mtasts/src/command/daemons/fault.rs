//! A mistake in a file, with its position.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::super::output::printable;

/// A mistake in a file written by the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    file: PathBuf,
    place: Option<Place>,
    message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    text: String,
    marks: usize,
}

impl Fault {
    /// A mistake in this range of the file's text.
    pub(crate) fn at(file: &Path, text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: Some(Place::new(text, span)), message: message.into() }
    }

    /// An error of the TOML parser.
    pub(crate) fn toml(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let place = error.span().map(|span| Place::new(text, span));
        Self { file: file.to_owned(), place, message: plain_words(error.message()) }
    }

    /// The text of a file, which has to be UTF-8.
    pub(crate) fn text(file: &Path, octets: Vec<u8>) -> Result<String, Self> {
        String::from_utf8(octets).map_err(|error| {
            let start = error.utf8_error().valid_up_to();
            // Up to there it is the same text; what follows is one sign that stands for what cannot be read.
            let text = String::from_utf8_lossy(error.as_bytes());
            let end = start + char::REPLACEMENT_CHARACTER.len_utf8();
            Self::at(file, &text, start..end, "the file is not UTF-8")
        })
    }

    /// Returns whether the line with the mistake satisfies a condition.
    pub(crate) fn is_in_line(&self, such: impl FnOnce(&str) -> bool) -> bool {
        self.place.as_ref().is_some_and(|place| such(place.text.trim_start()))
    }

    /// Adds a hint.
    pub(crate) fn with_help(mut self, help: &str) -> Self {
        self.message = format!("{} ({help})", self.message.trim());
        self
    }
}

/// Says in words of TOML what the parsers say in words of Rust.
fn plain_words(message: &str) -> String {
    [
        ("a nonzero usize", "a whole number above 0"),
        ("a sequence", "a list in [ ]"),
        ("a boolean", "true or false"),
        ("unknown field", "unknown key"),
        ("invalid socket address syntax", "expected an address and a port, such as \"127.0.0.1:443\""),
    ]
    .into_iter()
    .fold(message.to_owned(), |message, (theirs, ours)| message.replace(theirs, ours))
}

impl Place {
    fn new(text: &str, span: Range<usize>) -> Self {
        // The parser's positions are between characters.
        let before = text.get(..span.start).unwrap_or(text);
        let begin = before.rfind('\n').map_or(0, |end| end + 1);
        let line = text[begin..].lines().next().unwrap_or_default();
        let marked = text.get(span).and_then(|marked| marked.lines().next()).unwrap_or_default();
        Self {
            line: before.matches('\n').count() + 1,
            column: before[begin..].chars().count() + 1,
            text: line.to_owned(),
            marks: marked.chars().count().max(1),
        }
    }

    /// The URL of a store may contain a password, and this is logged.
    fn is_secret(&self) -> bool {
        self.text.trim_start().trim_start_matches(['"', '\'']).starts_with("store")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line for logs; with `{:#}` the line of the file too, for people.
        let message = self.message.trim().replace('\n', ", ");
        let file = self.file.display();
        let Some(place) = &self.place else { return write!(formatter, "{file}: {message}") };
        let number = place.line.to_string();
        write!(formatter, "{file}:{number}:{}: {message}", place.column)?;
        if !formatter.alternate() || place.is_secret() {
            return Ok(());
        }
        let margin = " ".repeat(number.len());
        // Tabs would separate the marks from what they mark.
        let text = printable(&place.text.replace('\t', " "));
        let marks = "^".repeat(place.marks);
        let width = place.column - 1 + place.marks;
        write!(formatter, "\n{margin} |\n{number} | {text}\n{margin} | {marks:>width$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_shown_where_it_stands() {
        let text = "a = 1\n  b\u{fc} = true\n";
        let fault = Fault::at(Path::new("x.toml"), text, 8..11, "What is this?");
        assert_eq!(fault.to_string(), "x.toml:2:3: What is this?");
        assert_eq!(format!("{fault:#}"), "x.toml:2:3: What is this?\n  |\n2 |   b\u{fc} = true\n  |   ^^");
        let end = Fault::at(Path::new("x.toml"), text, text.len()..text.len(), "More was expected.");
        assert_eq!(format!("{end:#}"), "x.toml:3:1: More was expected.\n  |\n3 | \n  | ^");
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_told_with_its_place() {
        let fault = Fault::text(Path::new("x"), b"a = 1\nb = 'caf\xe9' # \xe9\n".to_vec()).unwrap_err();
        let shown = "x:2:9: the file is not UTF-8\n  |\n2 | b = 'caf\u{fffd}' # \u{fffd}\n  |         ^";
        assert_eq!(format!("{fault:#}"), shown);
        assert_eq!(Fault::text(Path::new("x"), b"a = 1".to_vec()).unwrap(), "a = 1");
    }

    #[test]
    fn the_address_of_a_store_is_not_repeated() {
        let text = "store = \"redis:secret\"";
        let fault = Fault::at(Path::new("x"), text, 8..22, "No.");
        assert_eq!(format!("{fault:#}"), "x:1:9: No.");
    }
}
