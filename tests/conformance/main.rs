//! The vectors of `vectors/`, run against the core. `vectors/README.md` says how they are read.

mod cache;
mod delivery;
mod entry;
mod files;
mod lint;
mod lookup;
mod mx;
mod name;
mod policy;
mod postfix;
mod record;
mod response;
mod tlsrpt;

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use files::{Case, Vectors, covers};

/// How a room runs a case: what came of the input, in the shape of the expectation, or why the
/// input was not understood.
type Run = fn(Value) -> Result<Value, String>;

/// A room that is not here cannot be run, and its file fails.
const ROOMS: [(&str, Run); 13] = [
    ("cache", cache::run),
    ("delivery", delivery::run),
    ("entry", entry::run),
    ("lint", lint::run),
    ("lookup", lookup::run),
    ("mx", mx::run),
    ("name", name::run),
    ("policy", policy::run),
    ("postfix", postfix::run),
    ("record", record::run),
    ("response", response::run),
    ("rrset", record::run_rrset),
    ("tlsrpt", tlsrpt::run),
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
fn every_required_row_is_proved_by_a_case() {
    let proved: BTreeSet<_> =
        files::read_all().into_iter().flat_map(|vectors| vectors.cases).flat_map(|case| case.rows).collect();
    let missing: Vec<_> = REQUIRED_ROWS.split_whitespace().filter(|row| !proved.contains(*row)).collect();
    assert!(missing.is_empty(), "no case proves {missing:?}");
}

/// The rows of the requirements that a core without I/O can meet: those of RFC 8461 (S), of TLSRPT as
/// far as MTA-STS gives its rows (R), of REQUIRETLS (Q), and the ambiguities that it settles (A).
const REQUIRED_ROWS: &str = "
    S1 S2 S3 S4 S5 S6 S7 S8 S9 S11 S12 S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23
    S24 S25 S26 S27 S28 S29 S30 S31 S32 S33 S34 S35 S36 S37 S38 S39 S40 S41 S42 S43
    S44 S45 S46 S47 S49 S50 S52 S54 S56 S57 S59 S60 S61 S64 S65 S66 S67
    S68 S69 S70 S71 S72 S73 S75 S76 S77 S78 S79 S80 S81 S83 S84 S85 S86 S87
    S98 S99 S100 S101 S104
    A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17 A18 A19 A20 A21 A22 A23 A24 A25 A26 A27
    A28 A29 A30 A31 A32 A35 A36 A41 A42 A43 A44 A45 A46 A47 A48 A49 A50 A51 A52 A53 A54 A55
    R16 R17 R18 R31 R32 R35 R36 R37 R38 R39 R41 R43 R44 R45 R53
    Q1 Q2 Q3 Q4 Q5 Q6 Q7 Q8 Q9 Q11 Q13 Q14 Q17 Q18
";
