//! Runs the vectors that all languages share: each case of each file in `tests/vectors`.
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mta_sts_core::{DnsName, FetchLimits, HttpResponse, MxPattern, Policy, Record, RecordError, Strictness};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file but the schema, in the order of its name.
fn files() -> Vec<(PathBuf, Value)> {
    let mut paths: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "json") && !path.ends_with("schema.json"));
    paths.sort();
    assert!(!paths.is_empty());
    paths.into_iter().map(|path| (path.clone(), read(&path))).collect()
}

#[test]
fn every_file_keeps_to_the_schema() {
    let validator = jsonschema::validator_for(&read(&folder().join("schema.json"))).unwrap();
    for (path, file) in files() {
        let faults: Vec<_> = validator.iter_errors(&file).map(|error| error.to_string()).take(5).collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", path.display());
    }
}

#[test]
fn every_id_stands_once_and_names_its_room() {
    let mut ids = BTreeSet::new();
    for (_, file) in files() {
        for case in file["cases"].as_array().unwrap() {
            let id = case["id"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} stands twice");
            assert!(id.starts_with(file["room"].as_str().unwrap()), "{id}");
        }
    }
}

#[test]
fn every_case_comes_out_as_expected() {
    let (mut run, mut failed) = (0, Vec::new());
    for (_, file) in files() {
        let room = file["room"].as_str().unwrap();
        for case in file["cases"].as_array().unwrap() {
            run += 1;
            let actual = run_case(room, &case["input"]);
            if !meets(&actual, &case["expected"]) {
                failed.push(format!(
                    "{}: {}\n  expected {}\n  actual   {actual}",
                    case["id"], case["comment"], case["expected"]
                ));
            }
        }
    }
    println!("{run} vectors");
    assert!(failed.is_empty(), "{} of {run} vectors failed:\n{}", failed.len(), failed.join("\n"));
}

/// Of an error, a case may leave the place open.
fn meets(actual: &Value, expected: &Value) -> bool {
    match (actual.get("error"), expected.get("error")) {
        (Some(actual), Some(expected)) => {
            expected.as_object().unwrap().iter().all(|(key, value)| actual.get(key) == Some(value))
        }
        _ => actual == expected,
    }
}

fn run_case(room: &str, input: &Value) -> Value {
    match room {
        "name" => match DnsName::parse(text(&input["name"])) {
            Ok(name) => json!({ "name": name.as_str() }),
            Err(error) => fault(error.code(), error.line(), error.offset()),
        },
        "record" => record(Record::parse(&octets(&input["txt"]))),
        "rrset" => {
            let rrs: Vec<_> = input["rrs"].as_array().unwrap().iter().map(octets).collect();
            record(Record::select(&rrs))
        }
        "policy" => {
            let strictness = match input.get("strictness").map(text) {
                None | Some("tolerant") => Strictness::Tolerant,
                Some("abnf") => Strictness::Abnf,
                Some(other) => panic!("strictness {other}"),
            };
            match Policy::parse_with(&octets(&input["body"]), strictness) {
                Ok(read) => policy(&read),
                Err(error) => fault(error.code(), error.line(), error.offset()),
            }
        }
        "mx" => {
            let host = text(&input["host"]);
            let matches = match (MxPattern::parse(text(&input["pattern"])), DnsName::parse(host)) {
                (Ok(pattern), Ok(host)) => pattern.matches(&host),
                _ => false,
            };
            json!({ "matches": matches })
        }
        "response" => {
            let status = u16::try_from(input["status"].as_u64().unwrap()).unwrap();
            let mut response = HttpResponse::new(status, octets(&input["body"]));
            if let Some(content_type) = input.get("content_type") {
                response = response.with_content_type(text(content_type).as_bytes());
            }
            match Policy::from_response(&response, &FetchLimits::new()) {
                Ok(read) => policy(&read),
                Err(error) => fault(error.code(), error.line(), error.offset()),
            }
        }
        other => panic!("no room {other}"),
    }
}

fn record(read: Result<Record, RecordError>) -> Value {
    match read {
        Ok(record) => json!({ "id": record.id().as_str() }),
        Err(error) => fault(error.code(), error.line(), error.offset()),
    }
}

fn policy(read: &Policy) -> Value {
    let mx: Vec<_> = read.mx_patterns().map(|pattern| pattern.to_string()).collect();
    json!({ "mode": read.mode().as_str(), "max_age": read.max_age().as_secs(), "mx": mx })
}

fn fault(code: &str, line: u32, offset: usize) -> Value {
    json!({ "error": { "code": code, "line": line, "offset": offset } })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn octets(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Array(parts) => parts.iter().flat_map(octets).collect(),
        Value::Object(_) if value.get("hex").is_some() => {
            let hex = text(&value["hex"]);
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        }
        Value::Object(_) => {
            let times = usize::try_from(value["times"].as_u64().unwrap()).unwrap();
            octets(&value["repeat"]).repeat(times)
        }
        other => panic!("{other} is no octets"),
    }
}
