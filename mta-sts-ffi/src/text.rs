//! Strings for C.

use std::ffi::{CStr, CString, c_char};

/// A text written by the library.
pub struct mtasts_text {
    text: CString,
}

/// The text, in UTF-8 and NUL-terminated. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_text_string(text: Option<&mtasts_text>) -> *const c_char {
    text.map_or(NONE, |text| text.text.as_ptr())
}

/// The length of the text in octets, without its NUL. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_text_len(text: Option<&mtasts_text>) -> usize {
    text.map_or(0, |text| text.text.as_bytes().len())
}

/// Frees a text. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_text_free(text: Option<Box<mtasts_text>>) {
    drop(text);
}

impl mtasts_text {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: c_string(text) }
    }
}

/// A text as a C string. A NUL in it, which no text of the core has, would end it early: it is replaced.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default())
}

/// NULL.
pub(crate) const NONE: *const c_char = std::ptr::null();

/// The code and the message of the core, by their number.
pub(crate) type Row = (i32, &'static str, &'static str);

/// The size of the texts of a table, each with its NUL, in octets.
pub(crate) const fn table_len(rows: &[Row]) -> usize {
    let (mut len, mut row) = (0, 0);
    while row < rows.len() {
        len += rows[row].1.len() + rows[row].2.len() + 2;
        row += 1;
    }
    len
}

/// The texts of a table, each with its NUL: made at compile time, so that no state is needed.
pub(crate) const fn table<const LEN: usize>(rows: &[Row]) -> [u8; LEN] {
    let mut texts = [0; LEN];
    let (mut end, mut row) = (0, 0);
    while row < rows.len() {
        end = append(&mut texts, end, rows[row].1.as_bytes());
        end = append(&mut texts, end, rows[row].2.as_bytes());
        row += 1;
    }
    texts
}

const fn append(texts: &mut [u8], start: usize, text: &[u8]) -> usize {
    let mut octet = 0;
    while octet < text.len() {
        texts[start + octet] = text[octet];
        octet += 1;
    }
    start + text.len() + 1
}

/// A row at run time: its number, and the lengths of its code and its message. Texts are found by their offset, because
/// each pointer to one would need a relocation.
#[derive(Clone, Copy)]
pub(crate) struct Lens {
    number: i32,
    word: u16,
    sentence: u16,
}

/// The rows of a table, for [`find`].
#[allow(clippy::cast_possible_truncation, reason = "it is asserted")]
pub(crate) const fn lens<const COUNT: usize>(rows: &[Row]) -> [Lens; COUNT] {
    let mut all = [Lens { number: 0, word: 0, sentence: 0 }; COUNT];
    let mut row = 0;
    while row < COUNT {
        let (number, word, sentence) = rows[row];
        assert!(word.len() <= u16::MAX as usize && sentence.len() <= u16::MAX as usize);
        all[row] = Lens { number, word: word.len() as u16, sentence: sentence.len() as u16 };
        row += 1;
    }
    all
}

/// The code and the message of a number.
pub(crate) fn find(
    rows: &[Lens],
    texts: &'static [u8],
    number: i32,
) -> Option<(&'static CStr, &'static CStr)> {
    let mut start = 0;
    for row in rows {
        let middle = start + usize::from(row.word) + 1;
        if row.number == number {
            let text =
                |start: usize| texts.get(start..).and_then(|text| CStr::from_bytes_until_nul(text).ok());
            return Some((text(start)?, text(middle)?));
        }
        start = middle + usize::from(row.sentence) + 1;
    }
    None
}
