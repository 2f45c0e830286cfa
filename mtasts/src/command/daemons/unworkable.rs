//! Values of a configuration that are valid but cannot work.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A key whose value cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unworkable {
    /// The key with its tables, from the outermost.
    pub(crate) key: &'static [&'static str],
    pub(crate) message: String,
}

impl Unworkable {
    /// The position of the value in a file, if it is there.
    pub(crate) fn span(&self, text: &str) -> Option<Range<usize>> {
        let file = DeTable::parse(text).ok()?;
        let mut table = file.get_ref();
        let (last, tables) = self.key.split_last()?;
        for name in tables {
            let (_, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
            let DeValue::Table(inner) = value.get_ref() else { return None };
            table = inner;
        }
        table.iter().find(|(key, _)| key.get_ref() == last).map(|(_, value)| value.span())
    }
}

/// Where this text is the name or the value of a key.
pub(crate) fn span_of_text(file: &str, wanted: &str) -> Option<Range<usize>> {
    fn find(table: &DeTable<'_>, wanted: &str) -> Option<Range<usize>> {
        table.iter().find_map(|(key, value)| match value.get_ref() {
            _ if key.get_ref() == wanted => Some(key.span()),
            DeValue::String(text) if text == wanted => Some(value.span()),
            DeValue::Table(inner) => find(inner, wanted),
            _ => None,
        })
    }
    find(DeTable::parse(file).ok()?.get_ref(), wanted)
}

/// The length of `sun_path` in unix(7), without the terminating octet.
pub(crate) const MAX_SOCKET_PATH: usize = 107;
pub(crate) const TOO_LONG: &str = "the path of a socket must not exceed 107 octets";
