//! Holds the house to its list of requirements, and writes `CONFORMANCE.md`.
//!
//! `requirements.tsv` has every row: what a sentence of an RFC asks, and the room that meets it (or
//! why nobody here does). Two marks, ordinary comments on a line of their own, tie it to the code:
//!
//! - `// Meets S12, S13.` above a public item: this item does what the rows ask;
//! - `// Proves S12.` above the attributes of a test: it fails if the row is not met.
//!
//! A case of `vectors/` proves the rows that it names. After a change of marks, rows or vectors:
//! `UPDATE=1 cargo test -p mta-sts-tests --test requirements`.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The families of rows: their letter, how many there are, what they are about.
const FAMILIES: &[Family] = &[
    ("S", 105, "RFC 8461, MTA-STS"),
    ("C", 16, "What is cached, and what comes of it (RFC 8461, 3.3, 5.1 and 10.2)"),
    ("T", 7, "Where the pseudocode of RFC 8461, Appendix B leads astray"),
    ("A", 55, "Where the RFCs are ambiguous: the reading taken"),
    ("Q", 18, "RFC 8689, REQUIRETLS and TLS-Required: No"),
    ("R", 91, "RFC 8460, TLSRPT"),
    ("E", 11, "What TLSRPT is told of an event (RFC 8460, 4)"),
];

/// Rooms that have rows and are still to be built.
const PLANNED: &[&str] = &[];

/// The crates whose files are rooms.
const CRATES: [&str; 5] =
    ["mta-sts-core", "mta-sts-resolver", "mta-sts-reporter", "mta-sts-publisher", "mtasts"];

const LIST: &str = "tests/requirements.tsv";
const TABLE: &str = "CONFORMANCE.md";
const UPDATE: &str = "UPDATE=1 cargo test -p mta-sts-tests --test requirements";

type Family = (&'static str, u32, &'static str);

#[test]
fn every_row_is_met_and_proved_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let house = House { root, families: FAMILIES, planned: PLANNED };
    if std::env::var_os("UPDATE").is_some() {
        match house.table() {
            Ok(table) => fs::write(house.root.join(TABLE), table).unwrap(),
            Err(faults) => panic!("{TABLE} is not written:\n{}", faults.join("\n")),
        }
    }
    let faults = house.faults();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// A source tree, and what is known of it beforehand.
struct House {
    root: PathBuf,
    families: &'static [Family],
    planned: &'static [&'static str],
}

/// A row of the list.
struct Row {
    id: String,
    section: String,
    statement: String,
    room: String,
    /// Why it is not ours; empty if it is.
    reason: String,
}

/// What the marks and the vectors say of a row.
#[derive(Default)]
struct Evidence {
    /// The items that meet it, each with its file.
    met: BTreeSet<(String, String)>,
    /// The tests that prove it, by file.
    tests: BTreeMap<String, BTreeSet<String>>,
    /// The cases that prove it, by file of vectors, in the order of the file.
    cases: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Meets,
    Proves,
}

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    rows: Vec<String>,
}

impl House {
    /// What is wrong, each with what to do; nothing if all is well.
    fn faults(&self) -> Vec<String> {
        match self.table() {
            Err(faults) => faults,
            Ok(table) if fs::read_to_string(self.root.join(TABLE)).is_ok_and(|written| written == table) => {
                Vec::new()
            }
            Ok(_) => {
                vec![format!("{TABLE} is not what the marks and the vectors say. Write it anew: {UPDATE}")]
            }
        }
    }

    /// The text of `CONFORMANCE.md`, or what is wrong.
    fn table(&self) -> Result<String, Vec<String>> {
        let mut faults = Vec::new();
        let rows = self.rows(&mut faults);
        let evidence = self.evidence(&mut faults);
        let known: BTreeSet<_> = rows.iter().map(|row| row.id.as_str()).collect();
        for (id, of) in evidence.iter().filter(|(id, _)| !known.contains(id.as_str())) {
            faults.push(format!(
                "{id} is no row of {LIST}, but {} names it. Mend the mark, or add the row.",
                of.places().join(", ")
            ));
        }
        let none = Evidence::default();
        for row in &rows {
            self.judge(row, evidence.get(&row.id).unwrap_or(&none), &mut faults);
        }
        for room in self.planned {
            if self.is_built(room) || !rows.iter().any(|row| row.room == *room) {
                faults.push(format!("The room {room} is built, or has no row. Take it out of PLANNED in tests/requirements.rs."));
            }
        }
        if faults.is_empty() { Ok(self.write(&rows, &evidence)) } else { Err(faults) }
    }

    fn rows(&self, faults: &mut Vec<String>) -> Vec<Row> {
        let text = fs::read_to_string(self.root.join(LIST)).unwrap();
        let mut rows: Vec<Row> = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let columns: Vec<_> = line.split('\t').map(str::to_owned).collect();
            let Ok([id, section, statement, room, reason]) = <[String; 5]>::try_from(columns) else {
                faults.push(format!(
                    "{LIST}:{}: five columns are needed: row, section, statement, room (or -), reason (or nothing).",
                    number + 1
                ));
                continue;
            };
            if rows.iter().any(|row| row.id == id) {
                faults.push(format!("{LIST}:{}: {id} stands there twice. Take one out.", number + 1));
            }
            rows.push(Row { id, section, statement, room, reason });
        }
        let wanted: Vec<_> = self
            .families
            .iter()
            .flat_map(|(letter, count, _)| (1..=*count).map(move |n| format!("{letter}{n}")))
            .collect();
        for id in &wanted {
            if !rows.iter().any(|row| row.id == *id) {
                faults.push(format!(
                    "{id} is missing in {LIST}. Add its row, be it only with the reason why it is not ours."
                ));
            }
        }
        for row in rows.iter().filter(|row| !wanted.contains(&row.id)) {
            faults.push(format!(
                "{} belongs to no family of rows. Mend {LIST}, or FAMILIES in tests/requirements.rs.",
                row.id
            ));
        }
        rows
    }

    fn judge(&self, row: &Row, evidence: &Evidence, faults: &mut Vec<String>) {
        let Row { id, room, reason, .. } = row;
        let places = evidence.places().join(", ");
        if room == "-" {
            if reason.is_empty() {
                faults.push(format!("{id} has neither a room nor a reason. Give it one of them in {LIST}."));
            }
            if !places.is_empty() {
                faults.push(format!("{id} is said not to be ours, but {places} names it. Give it its room in {LIST}, or take the mark out."));
            }
            return;
        }
        if !reason.is_empty() {
            faults.push(format!(
                "{id} has a room and a reason why it is not ours. Leave one of them out in {LIST}."
            ));
        }
        if !self.is_built(room) {
            if !self.planned.contains(&room.as_str()) {
                faults.push(format!("{id} belongs to the room {room}, which does not exist: there is no src/{room}.rs, and PLANNED in tests/requirements.rs does not name it."));
            } else if !evidence.met.is_empty() && !evidence.is_proved() {
                faults.push(format!("{id} is met by {places}, and nothing proves it. Write a test and put `// Proves {id}.` above it."));
            }
            return;
        }
        if !evidence.met.iter().any(|(_, file)| stands_in(file, room)) {
            faults.push(format!("{id} belongs to the room {room}, where no item meets it. Put `// Meets {id}.` above the public item of {room} that does, or mend the room in {LIST}."));
        }
        if !evidence.is_proved() {
            faults.push(format!("{id} belongs to the room {room}, and nothing proves it. Write a test and put `// Proves {id}.` above it, or name the row in a case of tests/vectors."));
        }
    }

    fn is_built(&self, room: &str) -> bool {
        CRATES.iter().any(|name| {
            let path = self.root.join(name).join("src").join(room);
            path.is_dir() || path.with_extension("rs").is_file()
        })
    }

    fn evidence(&self, faults: &mut Vec<String>) -> BTreeMap<String, Evidence> {
        let mut evidence: BTreeMap<String, Evidence> = BTreeMap::new();
        for file in self.files(Path::new(""), "rs") {
            let text = fs::read_to_string(self.root.join(&file)).unwrap();
            let lines: Vec<_> = text.lines().collect();
            for (number, line) in lines.iter().enumerate() {
                let Some((mark, list)) = mark(line) else { continue };
                let place = format!("{file}:{}", number + 1);
                let Some(rows) = list else {
                    faults.push(format!("{place}: this mark cannot be read. Write it as `// Meets S12, S13.` or `// Proves S12.`, or begin the comment with another word."));
                    continue;
                };
                let below = Below::read(&lines[number + 1..]);
                let name = match mark {
                    Mark::Meets => below.item(&lines[..number], &file),
                    Mark::Proves => below.test(),
                };
                match name {
                    Err(wrong) => faults.push(format!("{place}: {wrong}")),
                    Ok(name) => {
                        for row in rows {
                            let of = evidence.entry(row).or_default();
                            match mark {
                                Mark::Meets => of.met.insert((name.clone(), file.clone())),
                                Mark::Proves => {
                                    of.tests.entry(file.clone()).or_default().insert(name.clone())
                                }
                            };
                        }
                    }
                }
            }
        }
        for file in self.files(Path::new("tests/vectors"), "json") {
            if file.ends_with("/schema.json") {
                continue;
            }
            let text = fs::read_to_string(self.root.join(&file)).unwrap();
            let vectors: Vectors =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            for Case { id, rows } in vectors.cases {
                for row in rows {
                    evidence.entry(row).or_default().cases.entry(file.clone()).or_default().push(id.clone());
                }
            }
        }
        evidence
    }

    /// The files with this ending, in order; what was built or is hidden is passed over.
    fn files(&self, folder: &Path, ending: &str) -> Vec<String> {
        let mut files = Vec::new();
        let Ok(entries) = fs::read_dir(self.root.join(folder)) else { return files };
        for entry in entries.map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if entry.file_type().unwrap().is_dir() {
                if !name.starts_with('.') && !name.starts_with("target") {
                    files.extend(self.files(&path, ending));
                }
            } else if path.extension().is_some_and(|end| end == ending) {
                files.push(path.to_str().unwrap().to_owned());
            }
        }
        files.sort();
        files
    }

    fn write(&self, rows: &[Row], evidence: &BTreeMap<String, Evidence>) -> String {
        let mut text = format!("{HEAD}\n\n    {UPDATE}\n\n");
        text.push_str("| rows | | all | met | not ours | room not built yet |\n|---|---|--:|--:|--:|--:|\n");
        let of_family = |letter: &str| -> Vec<&Row> {
            rows.iter()
                .filter(|row| row.id.trim_end_matches(|end: char| end.is_ascii_digit()) == letter)
                .collect()
        };
        for (letter, _, title) in self.families {
            let rows = of_family(letter);
            let theirs = rows.iter().filter(|row| row.room == "-").count();
            let later = rows.iter().filter(|row| row.room != "-" && !self.is_built(&row.room)).count();
            let all = rows.len();
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "| {letter} | {title} | {all} | {} | {theirs} | {later} |",
                all - theirs - later
            );
        }
        let none = Evidence::default();
        for (letter, _, title) in self.families {
            let _ = write!(
                text,
                "\n## {letter}: {title}\n\n| row | section | what is asked | met by | proved by |\n|---|---|---|---|---|\n"
            );
            for row in of_family(letter) {
                let Row { id, section, statement, room, reason } = row;
                let of = evidence.get(id).unwrap_or(&none);
                let met = if room == "-" {
                    format!("not ours: {reason}")
                } else if self.is_built(room) {
                    of.items()
                } else if of.met.is_empty() {
                    format!("room `{room}`, not built yet")
                } else {
                    format!("{}; the rest: room `{room}`, not built yet", of.items())
                };
                let _ = writeln!(text, "| {id} | {section} | {statement} | {met} | {} |", of.proofs());
            }
        }
        text
    }
}

const HEAD: &str = "\
# Conformance

Every requirement that the RFCs make, the item that meets it, and the tests that prove it. A row whose item is
missing or whose test is missing fails `make test`.

This file is written by a script, `tests/requirements.rs`, from the rows in `tests/requirements.tsv` and from marks
beside the code. `// Meets S12, S13.` stands above a public item that does what these rows ask; `// Proves S12.` stands
above a test that fails if the row is not met. A case in `tests/vectors` proves the rows that it names; of many cases the
first three are shown. After a change of marks, rows or vectors:";

impl Evidence {
    fn is_proved(&self) -> bool {
        !self.tests.is_empty() || !self.cases.is_empty()
    }

    /// Where the row is named.
    fn places(&self) -> Vec<String> {
        let items = self.met.iter().map(|(item, file)| format!("{item} in {file}"));
        let tests = self
            .tests
            .iter()
            .flat_map(|(file, tests)| tests.iter().map(move |test| format!("{test} in {file}")));
        let cases = self
            .cases
            .iter()
            .flat_map(|(file, cases)| cases.iter().map(move |case| format!("{case} in {file}")));
        items.chain(tests).chain(cases).collect()
    }

    fn items(&self) -> String {
        self.met.iter().map(|(item, file)| format!("[`{item}`]({file})")).collect::<Vec<_>>().join(", ")
    }

    fn proofs(&self) -> String {
        const SHOWN: usize = 3;
        let tests = self
            .tests
            .iter()
            .flat_map(|(file, tests)| tests.iter().map(move |test| format!("[`{test}`]({file})")));
        let cases = self.cases.iter().map(|(file, cases)| {
            let shown: Vec<_> = cases.iter().take(SHOWN).map(|case| format!("`{case}`")).collect();
            let more = if cases.len() > SHOWN { ", ..." } else { "" };
            let room = Path::new(file).file_stem().unwrap().to_str().unwrap();
            let noun = if cases.len() == 1 { "case" } else { "cases" };
            format!("[{} {noun} of {room}]({file}): {}{more}", cases.len(), shown.join(", "))
        });
        tests.chain(cases).collect::<Vec<_>>().join("; ")
    }
}

/// What stands below a mark: the first line that is neither comment nor attribute.
struct Below<'a> {
    line: &'a str,
    attributes: String,
}

impl<'a> Below<'a> {
    fn read(lines: &[&'a str]) -> Self {
        let mut attributes = String::new();
        let mut open = 0;
        for line in lines {
            let text = line.trim();
            if open > 0 || text.starts_with("#[") {
                open += text.matches(['[', '(']).count();
                open = open.saturating_sub(text.matches([']', ')']).count());
                attributes.push_str(text);
            } else if !text.starts_with("//") {
                return Self { line, attributes };
            }
        }
        Self { line: "", attributes }
    }

    /// The name of the public item, with its type or, for a function, its room.
    fn item(&self, above: &[&str], file: &str) -> Result<String, String> {
        let wrong = "no public item stands below this mark. Move it to the one that users see.";
        let text = self.line.trim_start();
        let is_nested = text.len() < self.line.len();
        let text = match text.strip_prefix("pub") {
            Some(rest) => rest.split_once(' ').map_or(rest, |(_, item)| item),
            // A variant of an enumeration.
            None if is_nested && text.starts_with(|first: char| first.is_ascii_uppercase()) => text,
            None => return Err(wrong.to_owned()),
        };
        let keyword = ["struct ", "enum ", "trait ", "type ", "static ", "mod "];
        let function = text.strip_prefix("fn ").or_else(|| text.split_once(" fn ").map(|(_, name)| name));
        let named = function
            .or_else(|| keyword.iter().find_map(|word| text.strip_prefix(word)))
            .or_else(|| text.strip_prefix("const "))
            .unwrap_or(text);
        let name = identifier(named);
        if name.is_empty() {
            return Err(wrong.to_owned());
        }
        if is_nested {
            let owner = above.iter().rev().find(|line| line.starts_with(|first: char| first.is_alphabetic()));
            return Ok(format!("{}::{name}", owner.map_or("", |line| owner_of(line))));
        }
        let room = Path::new(file).iter().skip(2).map(|part| part.to_str().unwrap()).next();
        match (function, room) {
            (Some(_), Some(room)) => Ok(format!("{}::{name}", room.trim_end_matches(".rs"))),
            _ => Ok(name.to_owned()),
        }
    }

    /// The name of the test.
    fn test(&self) -> Result<String, String> {
        if !self.attributes.contains("test]") && !self.attributes.contains("test(") {
            return Err("no test stands below this mark. Put it above the attributes of one.".to_owned());
        }
        if self.attributes.contains("#[ignore") {
            return Err("the test below this mark is ignored, so it proves nothing. Mark another.".to_owned());
        }
        let name = self.line.split_once("fn ").map_or("", |(_, name)| identifier(name));
        if name.is_empty() { Err("no test stands below this mark.".to_owned()) } else { Ok(name.to_owned()) }
    }
}

/// The type that a line without indent begins: of an `impl`, the one implemented for.
fn owner_of(line: &str) -> &str {
    let Some(text) = line.strip_prefix("impl") else {
        return line
            .split_whitespace()
            .map(identifier)
            .rfind(|word| word.starts_with(char::is_uppercase))
            .unwrap_or("");
    };
    let mut depth = 0;
    let end = text.find(|next: char| {
        depth += i32::from(next == '<') - i32::from(next == '>');
        depth == 0 && next == ' '
    });
    let text = text[end.unwrap_or(0)..].trim_start();
    identifier(text.split_once(" for ").map_or(text, |(_, owner)| owner))
}

fn identifier(text: &str) -> &str {
    text.split(|next: char| !next.is_alphanumeric() && next != '_').next().unwrap_or("")
}

/// The mark in a line, and its rows if they can be read.
fn mark(line: &str) -> Option<(Mark, Option<Vec<String>>)> {
    let text = line.trim().strip_prefix("// ")?;
    let (mark, list) = [("Meets ", Mark::Meets), ("Proves ", Mark::Proves)]
        .into_iter()
        .find_map(|(word, mark)| text.strip_prefix(word).map(|list| (mark, list)))?;
    let rows = list.strip_suffix('.').and_then(|list| {
        let is_row = |row: &str| {
            row.starts_with(|first: char| first.is_ascii_uppercase())
                && row.len() > 1
                && row[1..].bytes().all(|digit| digit.is_ascii_digit())
        };
        list.split(", ").map(|row| is_row(row).then(|| row.to_owned())).collect()
    });
    Some((mark, rows))
}

/// Whether a file is the room's own.
fn stands_in(file: &str, room: &str) -> bool {
    CRATES.iter().any(|name| {
        let path = Path::new(name).join("src").join(room);
        Path::new(file).starts_with(&path) || Path::new(file) == path.with_extension("rs")
    })
}

/// A tree with one row of each kind, in which all is well but its `CONFORMANCE.md`.
struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    const LIST: &str = concat!(
        "# The rows\n",
        "S1\tRFC 1, 1\tA host is matched\tmx\t\n",
        "S2\tRFC 1, 2\tA sender signs\t-\tthe mail server does\n",
        "S3\tRFC 1, 3\tA report is sent\treport\t\n",
    );
    const MX: &str = concat!(
        "/// A pattern.\n",
        "pub struct Pattern<'a>(&'a str);\n",
        "\n",
        "impl<'a> Pattern<'a> {\n",
        "    /// Whether it covers a host.\n",
        "    // Meets S1.\n",
        "    #[must_use]\n",
        "    pub const fn matches(&self) -> bool {\n",
        "        true\n",
        "    }\n",
        "}\n",
    );
    const TEST: &str = concat!(
        "// Proves S1.\n",
        "#[tokio::test(\n",
        "    flavor = \"multi_thread\"\n",
        ")]\n",
        "async fn a_host_is_matched() {}\n",
    );

    fn new() -> Self {
        let tree = Self { folder: tempfile::tempdir().unwrap() };
        tree.write(LIST, Self::LIST);
        tree.write("mta-sts-core/src/mx.rs", Self::MX);
        tree.write("mta-sts-core/tests/mx.rs", Self::TEST);
        // What was built is not read.
        tree.write("target/mx.rs", "// Meets S9.\n");
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn house(&self) -> House {
        House { root: self.folder.path().to_owned(), families: &[("S", 3, "RFC 1")], planned: &["report"] }
    }

    /// The only fault once a file has this text.
    fn fault(path: &str, text: &str) -> String {
        let tree = Self::new();
        tree.write(path, text);
        let faults = tree.house().table().unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:#?}");
        faults[0].clone()
    }
}

#[test]
fn a_table_that_is_not_up_to_date_is_a_fault() {
    let tree = Tree::new();
    let faults = tree.house().faults();
    assert!(faults.len() == 1 && faults[0].contains(UPDATE), "{faults:?}");
    let table = tree.house().table().unwrap();
    tree.write(TABLE, &table);
    assert_eq!(tree.house().faults(), [""; 0]);
    tree.write(TABLE, &table.replace("signs", "sings"));
    assert_eq!(tree.house().faults(), faults);
    for line in [
        "| S | RFC 1 | 3 | 1 | 1 | 1 |",
        "| S1 | RFC 1, 1 | A host is matched | [`Pattern::matches`](mta-sts-core/src/mx.rs) | \
         [`a_host_is_matched`](mta-sts-core/tests/mx.rs) |",
        "| S2 | RFC 1, 2 | A sender signs | not ours: the mail server does |  |",
        "| S3 | RFC 1, 3 | A report is sent | room `report`, not built yet |  |",
    ] {
        assert!(table.lines().any(|written| written == line), "no {line} in\n{table}");
    }
}

#[test]
fn cases_of_vectors_prove_rows() {
    let tree = Tree::new();
    tree.write("mta-sts-core/tests/mx.rs", "");
    let case = |id: &str, row: &str| format!(r#"{{"id": "{id}", "rows": ["{row}"], "input": 1}}"#);
    let cases = ["a", "b", "c", "d"].map(|id| case(id, "S1")).join(", ");
    tree.write("tests/vectors/mx.json", &format!(r#"{{"room": "mx", "cases": [{cases}]}}"#));
    tree.write("tests/vectors/schema.json", "{}");
    let table = tree.house().table().unwrap();
    assert!(table.contains("| [4 cases of mx](tests/vectors/mx.json): `a`, `b`, `c`, ... |"), "{table}");
    let unknown = format!(r#"{{"cases": [{}, {}]}}"#, case("a", "S1"), case("b", "S4"));
    assert!(Tree::fault("tests/vectors/mx.json", &unknown).starts_with("S4 is no row"));
}

#[test]
fn each_fault_says_what_to_do() {
    let list = |from: &str, to: &str| Tree::fault(LIST, &Tree::LIST.replace(from, to));
    let code = |from: &str, to: &str| Tree::fault("mta-sts-core/src/mx.rs", &Tree::MX.replace(from, to));
    let test = |from: &str, to: &str| Tree::fault("mta-sts-core/tests/mx.rs", &Tree::TEST.replace(from, to));
    for (fault, says) in [
        // Rows.
        (list("S2\tRFC 1, 2\tA sender signs\t-\tthe mail server does\n", ""), "S2 is missing in"),
        (list("S3\t", "S2\tRFC\tTwice\t-\treason\nS3\t"), "S2 stands there twice"),
        (list("S3\t", "Q9\tRFC\tOf no family\t-\treason\nS3\t"), "Q9 belongs to no family"),
        (list("S3\t", "too few\nS3\t"), "five columns are needed"),
        (list("the mail server does", ""), "S2 has neither a room nor a reason"),
        (list("\treport\t", "\treport\twe shall see"), "S3 has a room and a reason"),
        (list("mx\t\nS2", "mxx\t\nS2"), "S1 belongs to the room mxx, which does not exist"),
        (list("\treport\t", "\t-\tnobody does"), "The room report is built, or has no row"),
        // Marks of code.
        (code("    // Meets S1.\n", ""), "S1 belongs to the room mx, where no item meets it"),
        (code("S1.", "S1, S4."), "S4 is no row of"),
        (code("S1.", "S1, S2."), "S2 is said not to be ours"),
        (
            code("S1.", "S1, S3."),
            "S3 is met by Pattern::matches in mta-sts-core/src/mx.rs, and nothing proves it",
        ),
        (code("    #[must_use]", "    // Meets S1 and S2.\n    #[must_use]"), "this mark cannot be read"),
        (
            code("/// A pattern.\n", "/// A pattern.\n// Meets S1.\n\n"),
            "no public item stands below this mark",
        ),
        // Marks of tests.
        (test("// Proves S1.\n", ""), "S1 belongs to the room mx, and nothing proves it"),
        (test("async fn", "// Proves S1.\nfn helper() {}\n\nasync fn"), "no test stands below this mark"),
        (
            test("async fn", "async fn a() {}\n\n// Proves S1.\n#[test]\n#[ignore = \"slow\"]\nfn"),
            "is ignored",
        ),
    ] {
        assert!(fault.contains(says), "{fault}\ndoes not say: {says}");
    }
}

#[test]
fn a_room_that_is_built_owes_its_rows() {
    let tree = Tree::new();
    tree.write("mta-sts-resolver/src/report/mod.rs", "// Nothing yet.\n");
    let faults = tree.house().table().unwrap_err();
    assert_eq!(faults.len(), 3, "{faults:#?}");
    assert!(faults[..2].iter().all(|fault| fault.starts_with("S3 belongs to the room report")));
    assert!(faults[2].starts_with("The room report is built"));
}

#[test]
fn items_have_the_names_that_users_know() {
    for (above, line, file, name) in [
        (
            "",
            "pub fn policy(body: &[u8]) -> Vec<Finding> {",
            "mta-sts-core/src/lint/policy.rs",
            "lint::policy",
        ),
        ("", "pub fn tls_policy(", "mta-sts-core/src/postfix.rs", "postfix::tls_policy"),
        ("", "pub struct Record {", "mta-sts-core/src/record.rs", "Record"),
        ("", "pub(crate) enum Mode {", "mta-sts-core/src/policy.rs", "Mode"),
        ("pub enum Mode {", "    None,", "mta-sts-core/src/policy.rs", "Mode::None"),
        (
            "impl Policy {",
            "    pub const MAX_LEN: usize = 1;",
            "mta-sts-core/src/policy.rs",
            "Policy::MAX_LEN",
        ),
        (
            "impl Policy {\n    fn a() {\n    }",
            "    pub async fn b(",
            "mta-sts-core/src/policy.rs",
            "Policy::b",
        ),
        ("impl<T: A<B>> C<T> for D<T> {", "    pub fn e<F>(", "mta-sts-core/src/d.rs", "D::e"),
    ] {
        let above: Vec<_> = above.lines().collect();
        assert_eq!(Below::read(&[line]).item(&above, file).as_deref(), Ok(name));
    }
}
