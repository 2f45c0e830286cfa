//! JSON (RFC 8259), written piece by piece, without white space.

use alloc::string::String;
use core::fmt::{Display, Write};

use super::json::next_special;

pub(super) struct JsonWriter {
    json: String,
}

impl JsonWriter {
    pub(super) fn new() -> Self {
        Self { json: String::with_capacity(1_024) }
    }

    pub(super) fn into_text(self) -> String {
        self.json
    }

    /// An opening or a closing bracket.
    pub(super) fn bracket(&mut self, bracket: char) {
        self.json.push(bracket);
    }

    /// Writes a comma, unless an object or an array has just started.
    pub(super) fn separate(&mut self) {
        if !self.json.ends_with(['{', '[']) {
            self.json.push(',');
        }
    }

    /// The name of a member, whose value comes next.
    pub(super) fn name(&mut self, name: &str) {
        self.separate();
        self.string(name);
        self.json.push(':');
    }

    /// A member that is a text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.string(text);
    }

    /// A member that is a number.
    pub(super) fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        self.digits(number);
    }

    /// A number.
    pub(super) fn digits(&mut self, number: u64) {
        // Writing to a string does not fail.
        let _ = write!(self.json, "{number}");
    }

    /// A member that is a text without a character that has to be escaped.
    pub(super) fn shown(&mut self, name: &str, text: &dyn Display) {
        self.name(name);
        let _ = write!(self.json, "\"{text}\"");
    }

    /// A member that is an array, whose elements `write` writes.
    pub(super) fn array<T>(
        &mut self,
        name: &str,
        elements: impl IntoIterator<Item = T>,
        write: impl Fn(T, &mut Self),
    ) {
        self.name(name);
        self.json.push('[');
        for element in elements {
            self.separate();
            write(element, self);
        }
        self.json.push(']');
    }

    /// A member that is an array of texts.
    pub(super) fn texts<'a>(&mut self, name: &str, texts: impl Iterator<Item = &'a str>) {
        self.array(name, texts, |text, json| json.string(text));
    }

    /// A text.
    pub(super) fn string(&mut self, text: &str) {
        self.json.push('"');
        let mut start = 0;
        loop {
            let end = next_special(text.as_bytes(), start);
            self.json.push_str(&text[start..end]);
            match text.as_bytes().get(end) {
                None => break,
                Some(b'"') => self.json.push_str("\\\""),
                Some(b'\\') => self.json.push_str("\\\\"),
                Some(b'\n') => self.json.push_str("\\n"),
                Some(b'\r') => self.json.push_str("\\r"),
                Some(b'\t') => self.json.push_str("\\t"),
                Some(control) => _ = write!(self.json, "\\u{control:04x}"),
            }
            start = end + 1;
        }
        self.json.push('"');
    }
}
