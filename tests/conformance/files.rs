//! The files of vectors, and how octets stand in them.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A file: the cases of a room.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vectors {
    pub(crate) room: String,
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) comment: String,
    pub(crate) rows: Vec<String>,
    #[serde(default)]
    pub(crate) peers: Vec<String>,
    pub(crate) input: Value,
    pub(crate) expected: Value,
}

/// Octets: a text in UTF-8, a text in hexadecimal, a repetition, or some of these in a row.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Octets {
    Text(String),
    Joined(Vec<Octets>),
    Hex(Hex),
    Repeated(Repeated),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hex {
    hex: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeated {
    repeat: Box<Octets>,
    times: usize,
}

impl Octets {
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Joined(parts) => parts.iter().flat_map(Self::to_vec).collect(),
            Self::Hex(Hex { hex }) => (0..hex.len() / 2)
                .map(|octet| u8::from_str_radix(&hex[2 * octet..2 * octet + 2], 16).expect("hexadecimal"))
                .collect(),
            Self::Repeated(Repeated { repeat, times }) => repeat.to_vec().repeat(*times),
        }
    }
}

/// Reads an input; a field that is not known makes it an error.
pub(crate) fn understand<T: DeserializeOwned>(input: Value) -> Result<T, String> {
    serde_json::from_value(input).map_err(|error| format!("the input is not understood: {error}"))
}

/// Whether the actual value is as expected. It may have members that nobody expects; a text may be
/// expected as octets.
pub(crate) fn covers(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            expected.iter().all(|(key, value)| actual.get(key).is_some_and(|actual| covers(value, actual)))
        }
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len()
                && expected.iter().zip(actual).all(|(expected, actual)| covers(expected, actual))
        }
        (Value::Array(_) | Value::Object(_), Value::String(actual)) => {
            understand::<Octets>(expected.clone()).is_ok_and(|octets| octets.to_vec() == actual.as_bytes())
        }
        _ => expected == actual,
    }
}

/// The names of the files of vectors.
pub(crate) fn paths() -> Vec<String> {
    let mut paths: Vec<_> = fs::read_dir(folder())
        .expect("the folder of vectors")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name in UTF-8"))
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "json") && name != "schema.json")
        .collect();
    paths.sort();
    paths
}

pub(crate) fn read_json(name: &str) -> Value {
    serde_json::from_str(&read_text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn read_all() -> Vec<Vectors> {
    let read = |path: String| {
        let vectors = serde_json::from_str(&read_text(&path));
        vectors.unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    paths().into_iter().map(read).collect()
}

/// A line of a list of what is to be proved.
pub(crate) struct Line {
    pub(crate) key: String,
    pub(crate) place: String,
    pub(crate) text: String,
}

/// Reads a list: three columns with tabs between them; lines with a `#` in front are for readers.
pub(crate) fn read_list(name: &str) -> Vec<Line> {
    let text = read_text(name);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &str| match line.split('\t').collect::<Vec<_>>()[..] {
        [key, place, text] => Line { key: key.to_owned(), place: place.to_owned(), text: text.to_owned() },
        _ => panic!("{name}: not three columns: {line}"),
    };
    lines.map(read).collect()
}

/// How many cases the files hold, counted without reading them as JSON.
pub(crate) fn count_ids_in_text() -> usize {
    let count =
        |path: String| read_text(&path).lines().filter(|line| line.starts_with("    {\"id\": ")).count();
    paths().into_iter().map(count).sum()
}

fn read_text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors"))
}

/// An error as it stands in the vectors.
pub(crate) fn error(code: &str, line: u32, offset: usize) -> Value {
    json!({ "error": { "code": code, "line": line, "offset": offset } })
}
