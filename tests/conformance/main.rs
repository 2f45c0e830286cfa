//! The vectors of `vectors/`, run against the core. `vectors/README.md` says how they are read.

mod cache;
mod datagram;
mod delivery;
mod draft;
mod entry;
mod files;
mod hint;
mod lint;
mod lookup;
mod mail;
mod mx;
mod name;
mod plan;
mod policy;
mod postfix;
mod ready;
mod record;
mod report;
mod response;
mod tally;
mod tlsrpt;
mod tlsrpt_record;

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use files::{Case, Line, Vectors, covers};

/// How a room runs a case: what came of the input, in the shape of the expectation, or why the
/// input was not understood.
type Run = fn(Value) -> Result<Value, String>;

/// A room that is not here cannot be run, and its file fails.
const ROOMS: [(&str, Run); 23] = [
    ("cache", cache::run),
    ("datagram", datagram::run),
    ("delivery", delivery::run),
    ("draft", draft::run),
    ("entry", entry::run),
    ("hint", hint::run),
    ("lint", lint::run),
    ("lookup", lookup::run),
    ("mail", mail::run),
    ("mx", mx::run),
    ("name", name::run),
    ("plan", plan::run),
    ("policy", policy::run),
    ("postfix", postfix::run),
    ("ready", ready::run),
    ("record", record::run),
    ("report", report::run),
    ("report-written", report::run_written),
    ("response", response::run),
    ("rrset", record::run_rrset),
    ("tally", tally::run),
    ("tlsrpt", tlsrpt::run),
    ("tlsrpt-record", tlsrpt_record::run),
];

#[test]
fn every_case_comes_out_as_expected() {
    let files = files::read_all();
    let mut executed = 0;
    let mut failures = String::new();
    for vectors in &files {
        let run = ROOMS.iter().find(|(room, _)| *room == vectors.room).map(|(_, run)| *run);
        let run = run.unwrap_or_else(|| panic!("nothing runs the room {}", vectors.room));
        for case in &vectors.cases {
            executed += 1;
            if let Err(actual) = check(case, run) {
                let Case { id, comment, expected, .. } = case;
                // Writing to a string does not fail.
                let _ = writeln!(
                    failures,
                    "\n{id}: {comment}\n  expected {}\n  actual   {}",
                    short(expected.to_string()),
                    short(actual)
                );
            }
        }
    }
    println!("{executed} cases executed");
    assert!(failures.is_empty(), "these cases came out otherwise:\n{failures}");
    assert_eq!(executed, files::count_ids_in_text(), "cases executed, and ids in the text of the files");
}

fn check(case: &Case, run: Run) -> Result<(), String> {
    let actual = run(case.input.clone())?;
    if covers(&case.expected, &actual) { Ok(()) } else { Err(actual.to_string()) }
}

fn short(text: String) -> String {
    const MOST: usize = 2000;
    if text.len() <= MOST { text } else { text.chars().take(MOST).chain("...".chars()).collect() }
}

#[test]
fn every_room_has_its_file() {
    let rooms: BTreeSet<_> = files::read_all().into_iter().map(|vectors| vectors.room).collect();
    assert_eq!(rooms, ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect());
}

#[test]
fn the_files_keep_to_the_schema() {
    let schema = files::read_json("schema.json");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let mut faults = String::new();
    for path in files::paths() {
        for error in validator.iter_errors(&files::read_json(&path)) {
            let _ = writeln!(faults, "{path}{}: {}", error.instance_path(), short(error.to_string()));
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn the_schema_refuses_what_no_runner_understands() {
    let schema = files::read_json("schema.json");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let file = |case: &str| -> Value {
        serde_json::from_str(&format!(r#"{{"room": "record", "cases": [{case}]}}"#)).expect("JSON")
    };
    let case = |id: &str, rows: &str, input: &str, expected: &str| {
        format!(
            r#"{{"id": "{id}", "comment": "What and why.", "rows": [{rows}], "input": {input}, "expected": {expected}}}"#
        )
    };
    let input = r#"{"txt": "v=STSv1; id=1"}"#;
    let expected = r#"{"id": "1"}"#;
    assert!(validator.is_valid(&file(&case("record-a", r#""S9""#, input, expected))));
    for (id, rows, input, expected) in [
        ("rrset-a", r#""S9""#, input, expected),
        ("record-a", "", input, expected),
        ("record-a", r#""S106""#, input, expected),
        ("record-a", r#""S9"], "peers": ["no key""#, input, expected),
        ("record-a", r#""A56""#, input, expected),
        ("record-a", r#""S9""#, r#"{"txt": "", "strict": true}"#, expected),
        ("record-a", r#""S9""#, r#"{"txt": {"hex": "0"}}"#, expected),
        ("record-a", r#""S9""#, input, r#"{"id": "1", "ttl": 1}"#),
        ("record-a", r#""S9""#, input, r#"{"error": {"code": "bad-id"}}"#),
        ("record-a", r#""S9""#, input, r#"{"error": {"code": "no-such-code", "line": 1, "offset": 0}}"#),
    ] {
        assert!(
            !validator.is_valid(&file(&case(id, rows, input, expected))),
            "{id} {rows} {input} {expected}"
        );
    }
}

#[test]
fn an_input_that_is_not_understood_fails() {
    for (room, run) in ROOMS {
        let input = serde_json::json!({ "no-such-field": 1 });
        assert!(run(input).is_err(), "{room}");
    }
}

#[test]
fn ids_are_unique_over_all_files() {
    let mut seen = BTreeSet::new();
    for Case { id, .. } in files::read_all().into_iter().flat_map(|Vectors { cases, .. }| cases) {
        assert!(seen.insert(id.clone()), "{id} stands twice");
    }
}

#[test]
fn every_row_that_vectors_prove_has_a_case() {
    agree("rows.tsv", |case| case.rows);
}

#[test]
fn every_fault_of_a_peer_that_vectors_prove_has_a_case() {
    agree("peers.tsv", |case| case.peers);
}

/// A list names what the cases must prove; they prove all of it, and name nothing else.
fn agree(list: &str, keys: fn(Case) -> Vec<String>) {
    let listed = files::read_list(list);
    let cases = files::read_all().into_iter().flat_map(|vectors| vectors.cases);
    let proved: BTreeSet<_> = cases.flat_map(keys).collect();
    let required: BTreeSet<_> =
        listed.iter().filter(|line| line.place == "vectors").map(|line| line.key.clone()).collect();
    let missing: Vec<_> = required.difference(&proved).collect();
    assert!(missing.is_empty(), "no case proves {missing:?}");
    let unlisted: Vec<_> = proved.difference(&required).collect();
    assert!(unlisted.is_empty(), "{list} does not say that vectors prove {unlisted:?}");
}

#[test]
fn the_lists_say_of_each_key_where_it_is_proved() {
    for list in ["rows.tsv", "peers.tsv"] {
        let mut seen = BTreeSet::new();
        for Line { key, place, text } in files::read_list(list) {
            assert!(PLACES.contains(&place.as_str()), "{list}: {key}: no room is called {place}");
            assert!(list == "peers.tsv" || place == "vectors" || !text.is_empty(), "{list}: {key}: why not?");
            assert!(seen.insert(key.clone()), "{list}: {key} stands twice");
        }
        assert!(!seen.is_empty(), "{list} is empty");
    }
    let rows: BTreeSet<_> = files::read_list("rows.tsv").into_iter().map(|line| line.key).collect();
    let all = [("S", 105), ("A", 55), ("R", 91), ("Q", 18)]
        .into_iter()
        .flat_map(|(letter, last)| (1..=last).map(move |number| format!("{letter}{number}")));
    assert_eq!(rows, all.collect());
}

/// Where something is proved: here, in a room that does I/O or is another face of the core, or nowhere.
const PLACES: [&str; 8] = ["vectors", "resolver", "tlsrpt", "publish", "serve", "ffi", "fuzz", "none"];
