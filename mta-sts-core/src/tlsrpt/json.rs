//! A pull parser for JSON (RFC 8259): the caller says what comes next. Nothing is stored, and texts are borrowed.

use alloc::string::String;

use crate::octets::{marks_below, marks_equal, next_marked};

/// The maximum nesting of objects and arrays.
pub(super) const MAX_DEPTH: u32 = 32;

pub(crate) struct JsonReader<'a> {
    input: &'a [u8],
    /// The same, if all of it is UTF-8: then no text needs to be looked at again. Else it is empty.
    text: &'a str,
    at: usize,
    depth: u32,
    /// An object or an array has started, and none of it has been read.
    at_first: bool,
    /// The last text has no escape and no control character. Kept here, so that the returned values fit into registers.
    is_plain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonFault {
    Syntax,
    EndsEarly,
    TooDeep,
}

/// The type of a value, by its first octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

impl<'a> JsonReader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { input, ..Self::of_text(core::str::from_utf8(input).unwrap_or_default()) }
    }

    pub(super) const fn of_text(text: &'a str) -> Self {
        Self { input: text.as_bytes(), text, at: 0, depth: 0, at_first: false, is_plain: false }
    }

    /// The current offset.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    /// The length of the input.
    pub(super) const fn len(&self) -> usize {
        self.input.len()
    }

    /// Skips these octets if they come next.
    pub(super) fn pass(&mut self, octets: &[u8]) -> bool {
        let stand_here = self.input[self.at..].starts_with(octets);
        if stand_here {
            self.at += octets.len();
        }
        stand_here
    }

    /// The type of the next value.
    pub(crate) fn shape(&mut self) -> Result<Shape, JsonFault> {
        match self.octet()? {
            b'{' => Ok(Shape::Object),
            b'[' => Ok(Shape::Array),
            b'"' => Ok(Shape::String),
            b'-' | b'0'..=b'9' => Ok(Shape::Number),
            b't' | b'f' => Ok(Shape::Boolean),
            b'n' => Ok(Shape::Null),
            _ => Err(JsonFault::Syntax),
        }
    }

    pub(crate) fn begin_object(&mut self) -> Result<(), JsonFault> {
        self.begin(b'{')
    }

    pub(super) fn begin_array(&mut self) -> Result<(), JsonFault> {
        self.begin(b'[')
    }

    /// The name of the next member of the object, whose value comes next; `None` at the end of the object.
    #[inline]
    pub(crate) fn next_member(&mut self) -> Result<Option<JsonText<'a>>, JsonFault> {
        if !self.has_next(b'}')? {
            return Ok(None);
        }
        let name = self.string()?;
        if self.octet()? != b':' {
            return Err(JsonFault::Syntax);
        }
        self.at += 1;
        // Most programs write one space here.
        self.pass(b" ");
        Ok(Some(name))
    }

    /// Returns whether another element of the array comes next.
    pub(super) fn next_element(&mut self) -> Result<bool, JsonFault> {
        self.has_next(b']')
    }

    #[inline]
    pub(super) fn string(&mut self) -> Result<JsonText<'a>, JsonFault> {
        let octets = self.string_octets()?;
        Ok(JsonText { octets, is_plain: self.is_plain, text: self.text, end: self.at - 1 })
    }

    /// The octets between the quotes of a string.
    fn string_octets(&mut self) -> Result<&'a [u8], JsonFault> {
        if self.input.get(self.at) != Some(&b'"') && self.octet()? != b'"' {
            return Err(JsonFault::Syntax);
        }
        let start = self.at + 1;
        // Most texts have no escape.
        let end = next_special(self.input, start);
        if self.input.get(end) == Some(&b'"') {
            (self.at, self.is_plain) = (end + 1, true);
            return Ok(&self.input[start..end]);
        }
        self.at = end;
        self.rest_of_string(start)
    }

    /// Continues from the first escape or control character.
    #[cold]
    fn rest_of_string(&mut self, start: usize) -> Result<&'a [u8], JsonFault> {
        self.is_plain = false;
        loop {
            self.at = next_special(self.input, self.at);
            match self.input.get(self.at) {
                None => return Err(JsonFault::EndsEarly),
                Some(b'"') => break,
                Some(b'\\') => self.pass_escape()?,
                Some(_) => self.at += 1,
            }
        }
        let octets = &self.input[start..self.at];
        self.at += 1;
        Ok(octets)
    }

    /// A number as written.
    pub(super) fn number(&mut self) -> Result<&'a str, JsonFault> {
        self.octet()?;
        let start = self.at;
        self.pass(b"-");
        if !self.pass(b"0") {
            self.digits()?;
        }
        if self.pass(b".") {
            self.digits()?;
        }
        if self.pass(b"e") || self.pass(b"E") {
            let _ = self.pass(b"-") || self.pass(b"+");
            self.digits()?;
        }
        core::str::from_utf8(&self.input[start..self.at]).map_err(|_| JsonFault::Syntax)
    }

    /// Skips the next value, of any type.
    pub(crate) fn skip(&mut self) -> Result<(), JsonFault> {
        match self.shape()? {
            Shape::Object => {
                self.begin_object()?;
                while self.next_member()?.is_some() {
                    self.skip()?;
                }
            }
            Shape::Array => {
                self.begin_array()?;
                while self.next_element()? {
                    self.skip()?;
                }
            }
            Shape::String => _ = self.string()?,
            Shape::Number => _ = self.number()?,
            Shape::Boolean | Shape::Null => {
                let word = [&b"true"[..], b"false", b"null"].into_iter().find(|word| self.pass(word));
                word.ok_or_else(|| self.cut_word())?;
            }
        }
        Ok(())
    }

    /// Returns whether only white space is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.octet().is_err()
    }

    /// The next octet that is not white space, without consuming it.
    #[inline]
    fn octet(&mut self) -> Result<u8, JsonFault> {
        match self.input.get(self.at) {
            Some(octet) if *octet > b' ' => Ok(*octet),
            _ => self.octet_after_space(),
        }
    }

    fn octet_after_space(&mut self) -> Result<u8, JsonFault> {
        let mut at = self.at;
        let octet = loop {
            match self.input.get(at) {
                // Half of an indented report is white space.
                Some(b'\n') => at += 1 + blanks(&self.input[at + 1..]),
                Some(b' ' | b'\r' | b'\t') => at += 1,
                Some(octet) => break Ok(*octet),
                None => break Err(JsonFault::EndsEarly),
            }
        };
        self.at = at;
        octet
    }

    fn begin(&mut self, bracket: u8) -> Result<(), JsonFault> {
        if self.octet()? != bracket {
            return Err(JsonFault::Syntax);
        }
        if self.depth == MAX_DEPTH {
            return Err(JsonFault::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        self.at_first = true;
        Ok(())
    }

    fn has_next(&mut self, bracket: u8) -> Result<bool, JsonFault> {
        let at_first = core::mem::take(&mut self.at_first);
        match self.octet()? {
            octet if octet == bracket => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            _ if at_first => Ok(true),
            b',' => {
                self.at += 1;
                if self.octet()? == bracket { Err(JsonFault::Syntax) } else { Ok(true) }
            }
            _ => Err(JsonFault::Syntax),
        }
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), JsonFault> {
        let count = self.input[self.at..].iter().take_while(|octet| octet.is_ascii_digit()).count();
        self.at += count;
        match (count, self.input.get(self.at)) {
            (0, None) => Err(JsonFault::EndsEarly),
            (0, Some(_)) => Err(JsonFault::Syntax),
            _ => Ok(()),
        }
    }

    fn pass_escape(&mut self) -> Result<(), JsonFault> {
        match self.input.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let digits = self.input[self.at + 2..].iter().take(4);
                let count = digits.clone().take_while(|digit| digit.is_ascii_hexdigit()).count();
                if count < 4 {
                    return Err(if count < digits.len() { JsonFault::Syntax } else { JsonFault::EndsEarly });
                }
                self.at += 6;
            }
            Some(_) => return Err(JsonFault::Syntax),
            None => return Err(JsonFault::EndsEarly),
        }
        Ok(())
    }

    /// The fault if a keyword is expected: the input is truncated, or contains another one.
    fn cut_word(&self) -> JsonFault {
        let rest = &self.input[self.at..];
        let is_cut = [&b"true"[..], b"false", b"null"].iter().any(|word| word.starts_with(rest));
        if is_cut { JsonFault::EndsEarly } else { JsonFault::Syntax }
    }
}

/// The number of leading white space octets.
fn blanks(input: &[u8]) -> usize {
    const BLANKS: u64 = u64::from_le_bytes([b' '; 8]);
    let mut count = 0;
    while let Some(word) = input[count..].first_chunk() {
        let others = u64::from_le_bytes(*word) ^ BLANKS;
        if others != 0 {
            return count + others.trailing_zeros() as usize / 8;
        }
        count += 8;
    }
    count
}

/// The offset of the next quote, backslash, or control character from `start` on, or the length of the input.
#[inline]
pub(super) fn next_special(input: &[u8], start: usize) -> usize {
    let marks = |word| marks_equal(word, b'"') | marks_equal(word, b'\\') | marks_below(word, 0x20);
    next_marked(input, start, marks, |octet| matches!(octet, b'"' | b'\\' | 0..0x20))
}

/// A JSON string, without its quotes.
#[derive(Clone, Copy)]
pub(crate) struct JsonText<'a> {
    octets: &'a [u8],
    /// Whether it has no escape and no control character.
    is_plain: bool,
    /// What it is a part of, and where it ends there.
    text: &'a str,
    end: usize,
}

/// A decoded text, and the repairs that were made.
pub(crate) struct Decoded {
    pub(crate) text: String,
    /// It was not UTF-8, or had an unpaired surrogate, which was replaced by U+FFFD.
    pub(super) is_broken: bool,
    /// It has an unescaped control character.
    pub(super) has_control: bool,
    /// It was too long, and has been truncated.
    pub(super) is_cut: bool,
}

impl<'a> JsonText<'a> {
    /// The octets of the text, if it has no escapes.
    pub(super) const fn as_plain(&self) -> Option<&'a [u8]> {
        if self.is_plain { Some(self.octets) } else { None }
    }

    /// The text, if it needs no decoding and is at most `max_len` octets long.
    #[inline]
    pub(super) fn as_str(self, max_len: usize) -> Option<&'a str> {
        if !self.is_plain || self.octets.len() > max_len {
            return None;
        }
        let text = self.text.get(self.end - self.octets.len()..self.end);
        text.or_else(|| core::str::from_utf8(self.octets).ok())
    }

    /// Decodes the text, truncated at a character boundary to at most `max_len` octets.
    #[cold]
    pub(crate) fn decode(self, max_len: usize) -> Decoded {
        let mut text = String::with_capacity(self.octets.len().min(max_len));
        let (mut is_broken, mut has_control) = (false, false);
        let mut rest = self.octets;
        let mut add = |piece: &str| {
            let fits = text.len() + piece.len() <= max_len;
            let end = if fits { piece.len() } else { floor_char_boundary(piece, max_len - text.len()) };
            text.push_str(&piece[..end]);
            fits
        };
        let is_whole = loop {
            let run = next_special(rest, 0);
            let mut fits = true;
            if let Ok(valid) = core::str::from_utf8(&rest[..run]) {
                fits = add(valid);
            } else {
                is_broken = true;
                for chunk in rest[..run].utf8_chunks() {
                    fits = add(chunk.valid()) && (chunk.invalid().is_empty() || add("\u{fffd}"));
                    if !fits {
                        break;
                    }
                }
            }
            rest = &rest[run..];
            let char = match rest {
                _ if !fits => break false,
                [] => break true,
                [b'\\', b'u', ..] => unicode_escape(&mut rest),
                [b'\\', letter, after @ ..] => {
                    let char = match letter {
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        other => char::from(*other),
                    };
                    rest = after;
                    Some(char)
                }
                [control, after @ ..] => {
                    has_control = true;
                    rest = after;
                    Some(char::from(*control))
                }
            };
            is_broken |= char.is_none();
            if !add(char.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4])) {
                break false;
            }
        };
        Decoded { text, is_broken, has_control, is_cut: !is_whole }
    }
}

/// The character of a `\u`, or of a surrogate pair; `None` for an unpaired surrogate.
fn unicode_escape(rest: &mut &[u8]) -> Option<char> {
    let first = code_unit(rest)?;
    *rest = &rest[6..];
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first);
    }
    let second = code_unit(rest).filter(|second| (0xDC00..0xE000).contains(second))?;
    *rest = &rest[6..];
    char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))
}

/// The number of the `\u` that comes next.
fn code_unit(rest: &[u8]) -> Option<u32> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

/// The last character boundary at or before `end`.
fn floor_char_boundary(text: &str, end: usize) -> usize {
    (0..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(json: &str) -> Result<(), (JsonFault, usize)> {
        let mut reader = JsonReader::new(json.as_bytes());
        let skipped = reader.skip();
        skipped.map_err(|fault| (fault, reader.offset()))
    }

    #[test]
    fn a_value_is_what_rfc_8259_says() {
        for json in [
            "{}",
            " [ ] ",
            r#"{"a":[1,-0,0.5,1e9,1E+9,-12.50e-7],"b":{"":null}}"#,
            "\t\"\\u00e9\\n\\/\"",
            "true",
            "false",
            "[[],[[]],{}]",
            "\"é\"",
        ] {
            assert_eq!(skip(json), Ok(()), "{json}");
        }
        for (json, at) in [
            ("[1,]", 3),
            ("{\"a\":1,}", 7),
            ("[,1]", 1),
            ("{a:1}", 1),
            ("{\"a\" 1}", 5),
            ("[1 2]", 3),
            ("'a'", 0),
            ("+1", 0),
            ("[.5]", 1),
            ("[1.]", 3),
            ("[-x]", 2),
            ("[1e]", 3),
            ("[tru]", 1),
            ("[nul ]", 1),
            ("\"\\x\"", 1),
            ("\"\\u12x4\"", 1),
            ("{\"a\":1]", 6),
            ("[}", 1),
            ("NaN", 0),
        ] {
            assert_eq!(skip(json), Err((JsonFault::Syntax, at)), "{json}");
        }
        for json in [
            "", "[", "{", "[1", "[1,", "{\"a", "{\"a\"", "{\"a\":", "\"", "\"\\", "\"\\u12", "-", "1.", "1e",
            "tru", "f",
        ] {
            assert_eq!(skip(json).map_err(|fault| fault.0), Err(JsonFault::EndsEarly), "{json}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(skip(&nested(32)), Ok(()));
        assert_eq!(skip(&nested(33)), Err((JsonFault::TooDeep, 32)));
    }

    #[test]
    fn texts_are_decoded_and_cut() {
        for (json, max_len, text, is_broken, has_control, is_cut) in [
            (&b"\"plain\""[..], 5, "plain", false, false, false),
            (b"\"plain\"", 4, "plai", false, false, true),
            (
                b"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00E9\"",
                99,
                "a\"\\/\u{8}\u{c}\n\r\t\u{e9}",
                false,
                false,
                false,
            ),
            (b"\"\\ud83d\\ude00\"", 4, "\u{1f600}", false, false, false),
            (b"\"\\ud83d\\ude00\"", 3, "", false, false, true),
            (b"\"\\ud83dx\"", 9, "\u{fffd}x", true, false, false),
            (b"\"\\ud83d\\u0041\"", 9, "\u{fffd}A", true, false, false),
            (b"\"\\ude00\"", 9, "\u{fffd}", true, false, false),
            (b"\"a\xffb\"", 9, "a\u{fffd}b", true, false, false),
            (b"\"a\xff\"", 2, "a", true, false, true),
            (b"\"a\nb\x01\"", 9, "a\nb\u{1}", false, true, false),
            ("\"aé\"".as_bytes(), 2, "a", false, false, true),
        ] {
            let decoded = JsonReader::new(json).string().unwrap().decode(max_len);
            assert_eq!(decoded.text, text);
            let faults = (decoded.is_broken, decoded.has_control, decoded.is_cut);
            assert_eq!(faults, (is_broken, has_control, is_cut), "{text}");
        }
    }

    #[test]
    fn the_end_of_a_text_is_found_at_every_place() {
        for len in 0..40 {
            for special in [b'"', b'\\', b'\n', 0x1f] {
                let mut input = alloc::vec![b'!'; len];
                input.push(special);
                input.extend(b"\x7f\xff\x80~#[]");
                assert_eq!(next_special(&input, 0), len);
            }
        }
    }
}
