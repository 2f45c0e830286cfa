//! The command `mtasts lint`, as a program, on texts and against the loopback world.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use mta_sts_world::{PolicyHostBehaviour, World, WorldConfig};
use serde_json::Value;
use tempfile::TempDir;

struct Answer {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// Runs `mtasts` with this standard input, in a directory.
fn run_in(directory: &Path, arguments: &[&str], input: &[u8]) -> Answer {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mtasts"))
        .args(arguments)
        .current_dir(directory)
        .env_remove("CLICOLOR_FORCE")
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read may be gone.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Answer {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn record(arguments: &[&str]) -> Answer {
    run_in(Path::new("/"), &[&["lint", "record"], arguments].concat(), b"")
}

fn policy(body: &[u8], arguments: &[&str]) -> Answer {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("policy.txt"), body).unwrap();
    run_in(directory.path(), &[&["lint", "policy", "policy.txt"], arguments].concat(), b"")
}

/// The finding with this code, up to its marks.
fn marked(answer: &Answer, code: &str) -> String {
    let all = answer.stdout.split("\n\n").map(|block| block.trim_start_matches('\n'));
    let block = all.into_iter().find(|block| block.lines().next().unwrap().contains(&format!("[{code}]")));
    let block = block.unwrap_or_else(|| panic!("no {code} in:\n{}", answer.stdout));
    block.lines().skip(1).take_while(|line| !line.contains("= senders")).collect::<Vec<_>>().join("\n")
}

const GOOD: &str = "version: STSv1\nmode: enforce\nmx: mx.recipient.test\nmax_age: 2592000\n";

#[test]
fn a_fault_is_shown_with_its_line_its_effect_and_its_remedy() {
    let answer = policy(b"version: STSv1\nmode: enforced\nmx: mx.recipient.test\nmax_age: 2592000\n", &[]);
    assert_eq!(
        answer.stdout,
        "\
error[bad-mode]: The mode is none of `enforce`, `testing` and `none`: \"enforced\".
 --> policy.txt:2:7
  |
2 | mode: enforced
  |       ^^^^^^^^
  = senders: Senders refuse the whole policy, and keep an older one only until it expires.
  = help: Write `mode: enforce`.

policy.txt: Senders refuse it; 1 error.
"
    );
    assert_eq!((answer.status, answer.stderr.as_str()), (Some(1), ""));
}

#[test]
fn what_is_good_is_said_to_be_good() {
    let answer = policy(GOOD.as_bytes(), &["--strict"]);
    let line =
        "policy.txt: Strict senders accept it: mode enforce, max_age 2592000 (30 days); no findings.\n";
    assert_eq!((answer.status, answer.stdout.as_str()), (Some(0), line));
    let answer = record(&["v=STSv1; id=20260101T000000;"]);
    let line = "TXT: Senders use the id 20260101T000000; no findings.\n";
    assert_eq!((answer.status, answer.stdout.as_str()), (Some(0), line));
}

#[test]
fn spans_are_marked_by_the_width_of_what_is_shown() {
    for (body, code, expected) in [
        (
            "version: STSv1\nmode: enforce\nmx: *.recipient.test\nmax_age: 2592000\n",
            "wildcard-mx",
            " --> policy.txt:3:5\n  |\n3 | mx: *.recipient.test\n  |     ^^^^^^^^^^^^^^^^",
        ),
        // The pictures of a tab, of CR and of LF.
        (
            "version: STSv1\nmode: enforce\n\tmx: mx.recipient.test\nmax_age: 2592000\n",
            "space-before-name",
            " --> policy.txt:3:1\n  |\n3 | \u{2409}mx: mx.recipient.test\n  | ^",
        ),
        (
            "version: STSv1\nmode: enforce\r\nmx: mx.recipient.test\nmax_age: 2592000\n",
            "mixed-line-ends",
            " --> policy.txt:2:14\n  |\n2 | mode: enforce\u{240d}\u{240a}\n  |              ^^",
        ),
        (
            "version: STSv1\n\nmode: enforce\nmx: mx.recipient.test\nmax_age: 2592000\n",
            "blank-line",
            " --> policy.txt:2:1\n  |\n2 | \u{240a}\n  | ^",
        ),
        // Each of these letters is two columns wide and three octets long; the place is in characters.
        (
            "version: STSv1\nmode: enforce\nmx: mx.recipient.test\nmax_age: 2592000\nnote: \u{6f22}\u{5b57}\u{7f}\n",
            "control-character",
            " --> policy.txt:5:9\n  |\n5 | note: \u{6f22}\u{5b57}\u{2421}\n  |           ^",
        ),
    ] {
        assert_eq!(marked(&policy(body.as_bytes(), &[]), code), expected, "{code}");
    }
}

#[test]
fn a_terminal_is_told_nothing_by_the_text() {
    let body =
        "version: STSv1\nmode: enf\u{1b}[31m\u{202e}\u{200b}\nmx: mx.recipient.test\nmax_age: 2592000\n";
    let answer = policy(body.as_bytes(), &[]);
    let obeyed = |character: char| matches!(character, '\u{1b}' | '\u{202e}' | '\u{200b}');
    assert!(!answer.stdout.contains(obeyed), "{}", answer.stdout);
    assert_eq!(
        marked(&answer, "control-character"),
        " --> policy.txt:2:10\n  |\n2 | mode: enf\u{241b}[31m<U+202E><U+200B>\n  |          ^"
    );
}

#[test]
fn front_matter_is_marked_up_to_its_last_line() {
    let answer = policy(format!("---\nlayout: none\n---\n{GOOD}").as_bytes(), &[]);
    assert!(marked(&answer, "front-matter").starts_with(" --> policy.txt:1:1\n  |\n1 | ---\n  | ^^^"));
    assert_eq!(answer.status, Some(1));
}

#[test]
fn what_is_missing_has_its_place_at_the_end() {
    let answer = policy(b"", &[]);
    for code in ["missing-version", "missing-mode", "missing-max-age", "missing-mx"] {
        assert_eq!(marked(&answer, code), " --> policy.txt:1:1\n  |\n1 |\n  | ^", "{code}");
    }
    let answer = policy(b"version: STSv1\nmode: none\n", &[]);
    assert_eq!(marked(&answer, "missing-max-age"), " --> policy.txt:3:1\n  |\n3 |\n  | ^");
    assert!(
        answer.stdout.ends_with("policy.txt: Senders refuse it; 1 error, 1 info.\n"),
        "{}",
        answer.stdout
    );
}

#[test]
fn a_long_line_is_shown_around_the_fault() {
    let before = "a".repeat(30_000);
    let after = "b".repeat(30_000);
    let answer = policy(format!("{GOOD}note: {before}\u{7}{after}\n").as_bytes(), &[]);
    let (left, right) = ("a".repeat(40), "b".repeat(56));
    assert_eq!(
        marked(&answer, "control-character"),
        format!(" --> policy.txt:5:30007\n  |\n5 | ...{left}\u{2407}{right}...\n  | {}^", " ".repeat(43))
    );
    assert!(answer.stdout.lines().all(|line| line.chars().count() < 200), "{}", answer.stdout);
}

#[test]
fn a_large_policy_and_no_text_at_all_are_read() {
    let mut large = GOOD.as_bytes().to_vec();
    large.resize(65_537, b'\n');
    let answer = policy(&large, &["--json"]);
    let json = answer.json();
    let codes: Vec<_> = json["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert!(codes.contains(&&Value::from("large-policy")), "{codes:?}");
    assert_eq!((answer.status, &json["accepted"]), (Some(0), &true.into()));

    let binary: Vec<u8> = (0..=255).cycle().take(4096).collect();
    let answer = policy(&binary, &[]);
    assert_eq!(answer.status, Some(1));
    assert!(marked(&answer, "not-utf8").contains("\u{7e}\u{2421}<80><81>"), "{}", answer.stdout);
    assert!(answer.stdout.chars().all(|character| character == '\n' || !character.is_control()));
}

#[test]
fn records_are_lines() {
    let answer = record(&["v=spf1 -all", "v=STSv1; id=2026-01-01"]);
    assert_eq!(
        marked(&answer, "bad-id"),
        " --> TXT:2:17\n  |\n2 | v=STSv1; id=2026-01-01\n  |                 ^^^^^^"
    );
    assert_eq!(marked(&answer, "misplaced-record"), " --> TXT:1:1\n  |\n1 | v=spf1 -all\n  | ^^^^^^^^^^^");
    assert!(answer.stdout.ends_with("TXT: Senders see no MTA-STS record; 1 error, 1 warning.\n"));
    assert_eq!(answer.status, Some(1));
}

#[test]
fn nobody_is_told_to_delete_the_id() {
    for (text, help) in [
        ("v=STSv1; id=", "Write 1 to 32 letters and digits as the `id`, such as `20240101120000`."),
        ("v=STSv1; id=a b", "Write `id=ab`."),
    ] {
        let json = record(&["--json", text]).json();
        assert_eq!(
            (&json["error"]["code"], &json["findings"][0]["help"]),
            (&"bad-field-value".into(), &help.into())
        );
    }
}

#[test]
fn standard_input_is_read() {
    let lines = b"v=STSv1; id=1;\r\n\nv=STSv1; id=2;\n";
    let answer = run_in(Path::new("/"), &["lint", "record", "--json", "-"], lines);
    let json = answer.json();
    assert_eq!((answer.status, &json["error"]["code"]), (Some(1), &"several-records".into()));
    assert_eq!(json["findings"][1]["line"], 2);
    let answer = run_in(Path::new("/"), &["lint", "record", "-"], b"");
    assert_eq!(answer.status, Some(1));
    assert!(answer.stdout.contains("error[no-record]"), "{}", answer.stdout);
    let answer = run_in(Path::new("/"), &["lint", "record", "-"], &vec![b'a'; 65_536]);
    assert_eq!(answer.status, Some(66));

    let answer = run_in(Path::new("/"), &["lint", "policy", "-"], GOOD.as_bytes());
    assert_eq!(answer.status, Some(0));
    assert!(answer.stdout.starts_with("standard input: Senders accept it"), "{}", answer.stdout);
}

#[test]
fn strict_allows_no_tolerance_and_no_warning() {
    let blank = GOOD.replace("mx:", "\nmx:");
    let (tolerant, strict) = (policy(blank.as_bytes(), &[]), policy(blank.as_bytes(), &["--strict"]));
    assert_eq!((tolerant.status, strict.status), (Some(0), Some(1)));
    assert!(tolerant.stdout.contains("warning[blank-line]") && strict.stdout.contains("error[blank-line]"));
    let records = ["v=STSv1; id=1;", "v=spf1 -all"];
    assert_eq!(record(&records).status, Some(0));
    assert_eq!(record(&["--strict", records[0], records[1]]).status, Some(1));
    // A warning is none the less for the findings before it that are shown in its place.
    let crowded = format!("{GOOD}{}mode: none\n", "mx: mx.recipient.test\n".repeat(100));
    assert!(policy(crowded.as_bytes(), &["--json"]).json()["counts"]["warning"] == 0);
    assert_eq!(policy(crowded.as_bytes(), &["--strict"]).status, Some(1));
    // What is worth knowing is no warning.
    assert_eq!(policy(GOOD.replace("enforce", "testing").as_bytes(), &["--strict"]).status, Some(0));
}

#[test]
fn the_last_line_says_what_the_findings_say() {
    let with = |mx: &str| GOOD.replace("mx.recipient.test", mx);
    for (body, status, line) in [
        (GOOD.replace("mx:", "\nmx:"), 0, "Some senders refuse it, others accept it: "),
        (
            with("mx.recipient.test."),
            0,
            "Some senders refuse it, others accept it, but for some it covers none of your hosts: ",
        ),
        (
            with("mx_1.recipient.test"),
            0,
            "Some senders refuse it, others accept it, but for some it covers none of your hosts: ",
        ),
        (with("mx_1.recipient.test\nmx: mx.recipient.test"), 0, "Some senders refuse it, others accept it: "),
        (with("mail.yourdomain.com"), 1, "Senders accept it, but it covers none of your hosts: "),
        (with("localhost\nmx: mail.example.com"), 1, "Senders accept it, but it covers none of your hosts: "),
        (with("mail.example.com\nmx: mx.recipient.test"), 0, "Senders accept it: "),
        (with("mail.example.com").replace("enforce", "none"), 0, "Senders accept it: "),
    ] {
        let answer = policy(body.as_bytes(), &[]);
        let last = answer.stdout.lines().last().unwrap();
        assert!(last.starts_with(&format!("policy.txt: {line}mode ")), "{body}: {last}");
        assert_eq!(answer.status, Some(status), "{body}");
    }
    let json = policy(with("localhost").as_bytes(), &["--json"]).json();
    assert_eq!(
        (&json["accepted"], &json["some_refuse"], &json["covers_none"]),
        (&true.into(), &false.into(), &true.into())
    );
    assert_eq!(policy(b"mode: x\n", &["--json"]).json()["covers_none"], Value::Null);
}

#[test]
fn a_tlsrpt_record_is_looked_at() {
    let tlsrpt = |arguments: &[&str]| run_in(Path::new("/"), &[&["lint", "tlsrpt"], arguments].concat(), b"");
    let answer = tlsrpt(&["v=TLSRPTv1; rua=mailto:tls@recipient.test"]);
    let line = "TXT: Senders send reports to mailto:tls@recipient.test; no findings.\n";
    assert_eq!((answer.status, answer.stdout.as_str()), (Some(0), line));
    let answer = tlsrpt(&["v=TLSRPTv1; rua=tls@recipient.test"]);
    assert_eq!(
        marked(&answer, "rua-without-scheme"),
        " --> TXT:1:17\n  |\n1 | v=TLSRPTv1; rua=tls@recipient.test\n  |                 ^^^^^^^^^^^^^^^^^^"
    );
    assert!(answer.stdout.ends_with("TXT: Senders send no reports; 2 errors.\n"), "{}", answer.stdout);
    assert_eq!(answer.status, Some(1));
    let told = ["--json", "--ttl", "300", "--domain", "recipient.test", "v=TLSRPTv1; rua=mailto:a@b.test"];
    let json = tlsrpt(&told).json();
    assert_eq!((&json["of"], &json["uris"][0]), (&"tlsrpt".into(), &"mailto:a@b.test".into()));
    let codes: Vec<_> = json["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert_eq!(codes, ["short-tlsrpt-ttl", "rua-elsewhere"]);
    let answer = record(&["v=TLSRPTv1; rua=mailto:tls@recipient.test"]);
    assert!(answer.stderr.contains("`mtasts lint tlsrpt`"), "{}", answer.stderr);
    assert_eq!(tlsrpt(&[]).status, Some(2));
}

const GOOD_REPORT: &str = r#"{"organization-name": "Sender Inc.",
 "date-range": {"start-datetime": "2024-09-03T00:00:00Z", "end-datetime": "2024-09-03T23:59:59Z"},
 "contact-info": "tls@sender.test", "report-id": "2024-09-03@sender.test",
 "policies": [{"policy": {"policy-type": "no-policy-found", "policy-domain": "recipient.test"},
  "summary": {"total-successful-session-count": 48, "total-failure-session-count": 0}}]}
"#;

#[test]
fn a_tls_report_is_looked_at() {
    let directory = TempDir::new().unwrap();
    let run = |arguments: &[&str], input: &[u8]| {
        run_in(directory.path(), &[&["lint", "report"], arguments].concat(), input)
    };
    let line = "Sender Inc. on 2024-09-03, 1 policy, 48 good and 0 failed sessions; no findings.";
    // Packed or not, under any name: the content tells.
    std::fs::write(directory.path().join("report.gz"), GOOD_REPORT).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(GOOD_REPORT.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    std::fs::write(directory.path().join("report.json"), &packed).unwrap();
    for file in ["report.gz", "report.json"] {
        let answer = run(&["--strict", file], b"");
        let line = format!("{file}: Strict receivers read it: {line}\n");
        assert_eq!((answer.status, answer.stdout), (Some(0), line));
    }
    let answer = run(&["-"], &packed);
    assert_eq!(answer.stdout, format!("standard input: Receivers read it: {line}\n"));
    assert_eq!(run(&["--json", "-"], &packed).json()["packed"], true);

    let faulty = GOOD_REPORT.replace(": 48", ": \"48\"").replace("{\"organ", "{\"x\": 1, \"organ");
    let answer = run(&["-"], faulty.as_bytes());
    assert_eq!(
        answer.stdout.split_once("\n\n").unwrap().1,
        "\
warning[count-as-string]: A count is a string (policies[0].summary.total-successful-session-count).
 --> standard input:5:49
  |
5 | ...ry\": {\"total-successful-session-count\": \"48\", \"total-failure-session-count\": 0}}]}
  |                                            ^^^^
  = receivers: Receivers with fixed types refuse the whole report, others read it.
  = help: Write the count as a number of JSON.

standard input: Receivers read it: Sender Inc. on 2024-09-03, 1 policy, 48 good and 0 failed sessions; 1 warning, 1 info.
"
    );
    assert_eq!(answer.status, Some(0));
    let answer = run(&["--strict", "-"], faulty.as_bytes());
    assert!(answer.stdout.ends_with("Strict receivers refuse it; 2 errors.\n"), "{}", answer.stdout);
    assert_eq!(answer.status, Some(1));

    let json = run(&["--json", "-"], faulty.as_bytes()).json();
    assert_eq!(
        (&json["of"], &json["accepted"], &json["packed"]),
        (&"report".into(), &true.into(), &false.into())
    );
    assert_eq!((&json["organization"], &json["successes"]), (&"Sender Inc.".into(), &48.into()));
    assert_eq!(
        (&json["start"], &json["end"]),
        (&"2024-09-03T00:00:00Z".into(), &"2024-09-03T23:59:59Z".into())
    );
    assert_eq!(json["counts"], serde_json::json!({ "error": 0, "warning": 1, "info": 1 }));
    assert_eq!(
        (&json["findings"][1]["code"], &json["findings"][1]["line"]),
        (&"count-as-string".into(), &5.into())
    );

    let answer = run(&["--json", "-"], b"{\"policies\": [");
    let json = answer.json();
    assert_eq!(answer.status, Some(1));
    assert_eq!((&json["accepted"], &json["error"]["code"]), (&false.into(), &"json-ends-early".into()));
    assert_eq!((&json["error"]["path"], &json["organization"]), (&"policies".into(), &Value::Null));

    // What a stranger has written is shown, and obeyed by no terminal.
    let hostile = GOOD_REPORT.replace("Sender Inc.", "\\u001b[31m\\u202eSender");
    let answer = run(&["-"], hostile.as_bytes());
    assert!(!answer.stdout.contains(['\u{1b}', '\u{202e}']), "{}", answer.stdout);

    let damaged = &packed[..packed.len() / 2];
    for (file, input) in [("-", damaged), ("no-such-file", b""), ("/", b"")] {
        let answer = run(&[file], input);
        assert_eq!((answer.status, answer.stdout.as_str()), (Some(66), ""), "{file}");
    }
    // A bomb is read as far as a report may go.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    bomb.write_all(&vec![b' '; 40 << 20]).unwrap();
    let answer = run(&["--json", "-"], &bomb.finish().unwrap());
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (Some(1), &"report-too-large".into()));
    for arguments in [&[][..], &["a", "b"]] {
        assert_eq!(run(arguments, b"").status, Some(2), "{arguments:?}");
    }
}

#[test]
fn the_name_of_a_file_is_no_pattern() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("mx.recipient.test"), GOOD).unwrap();
    let run = |arguments: &[&str]| run_in(directory.path(), &[&["match"], arguments].concat(), b"");
    for file in ["./mx.recipient.test", "mx.recipient.test", "./no-such-file.txt"] {
        let answer = run(&[file, "mx.recipient.test"]);
        assert_eq!((answer.status, answer.stdout.as_str()), (Some(2), ""), "{file}");
        assert!(
            answer.stderr.contains(&format!("`mtasts match --policy {file} HOST...`")),
            "{}",
            answer.stderr
        );
    }
    assert_eq!(run(&["--policy", "mx.recipient.test", "mx.recipient.test"]).status, Some(0));
    assert_eq!(run(&["mx.recipient.test.", "mx.recipient.test"]).status, Some(0));
    assert_eq!(run(&["*.recipient.test", "mx.recipient.test"]).status, Some(0));
}

#[test]
fn json_has_every_part_of_a_finding() {
    let body = GOOD.replace("enforce", "\u{fc}ber");
    let answer = policy(body.as_bytes(), &["--json"]);
    let json = answer.json();
    assert_eq!((&json["of"], &json["source"]), (&"policy".into(), &"policy.txt".into()));
    assert_eq!(
        (&json["accepted"], &json["mode"], &json["fetch_error"]),
        (&false.into(), &Value::Null, &Value::Null)
    );
    assert_eq!((&json["error"]["code"], &json["error"]["offset"]), (&"bad-mode".into(), &21.into()));
    assert_eq!(json["counts"]["error"].as_u64().unwrap(), 1);
    let finding = &json["findings"][0];
    assert_eq!((&finding["code"], &finding["number"]), (&"bad-mode".into(), &310.into()));
    assert_eq!(
        (&finding["severity"], &finding["line"], &finding["column"]),
        (&"error".into(), &2.into(), &7.into())
    );
    assert_eq!((&finding["span"]["start"], &finding["span"]["end"]), (&21.into(), &26.into()));
    for sentence in ["message", "senders", "help"] {
        assert!(finding[sentence].as_str().unwrap().ends_with('.'), "{sentence}");
    }

    let json = policy(GOOD.as_bytes(), &["--json"]).json();
    assert_eq!((&json["mode"], &json["max_age"]), (&"enforce".into(), &2_592_000.into()));
    assert_eq!((&json["mx_patterns"][0], &json["error"]), (&"mx.recipient.test".into(), &Value::Null));
    assert_eq!(record(&["--json", "v=STSv1; id=1;"]).json()["id"], "1");
}

#[test]
fn what_cannot_be_read_is_told_apart_from_a_fault() {
    let answer = run_in(Path::new("/"), &["lint", "policy", "./no-such-file.txt"], b"");
    assert_eq!((answer.status, answer.stdout.as_str()), (Some(66), ""));
    assert!(answer.stderr.starts_with("mtasts: ./no-such-file.txt: No such file"), "{}", answer.stderr);
    assert_eq!(run_in(Path::new("/"), &["lint", "policy", "/"], b"").status, Some(66));
    let answer = run_in(Path::new("/"), &["lint", "policy", "no such file"], b"");
    assert_eq!(answer.status, Some(2));
    assert!(answer.stderr.contains("no such file, and not a domain"), "{}", answer.stderr);
    for arguments in [&["lint"][..], &["lint", "record"], &["lint", "policy"], &["lint", "policy", "a", "b"]]
    {
        assert_eq!(run_in(Path::new("/"), arguments, b"").status, Some(2), "{arguments:?}");
    }
}

#[test]
fn json_tells_of_a_lookup_that_fails() {
    let folder = TempDir::new().unwrap();
    // Nobody answers at the port for discarding.
    let given = ["lint", "tlsrpt", "recipient.test", "--json", "--dns", "127.0.0.1:9"];
    let answer = run_in(folder.path(), &given, b"");
    let json: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!((answer.status, &json["lookup_error"]["code"]), (Some(75), &"unreachable".into()));
    assert_eq!((&json["accepted"], &json["error"]), (&false.into(), &Value::Null));
}

#[test]
fn colours_are_the_choice_of_the_user() {
    for (variable, has_colours) in [("CLICOLOR_FORCE", true), ("NO_COLOR", false)] {
        let output = Command::new(env!("CARGO_BIN_EXE_mtasts"))
            .args(["lint", "record", "v=STSv1"])
            .env_remove("CLICOLOR_FORCE")
            .env_remove("NO_COLOR")
            .env(variable, "1")
            .output()
            .unwrap();
        assert_eq!(output.stdout.contains(&0x1b), has_colours, "{variable}");
    }
}

/// The world, and what the command is told to find it.
struct Stage {
    world: World,
    files: TempDir,
}

impl Stage {
    async fn start() -> Self {
        let files = TempDir::new().unwrap();
        let world = World::start(WorldConfig::default()).await.unwrap();
        std::fs::write(files.path().join("ca.pem"), world.ca_pem()).unwrap();
        Self { world, files }
    }

    async fn run(&self, command: &[&str]) -> Answer {
        let (dns, https) = (self.world.dns_addr().to_string(), self.world.https_port().to_string());
        let smtp = self.world.smtp_port().to_string();
        let network = ["--dns", &dns, "--https-port", &https, "--smtp-port", &smtp, "--ca-file", "ca.pem"];
        let arguments: Vec<String> = command.iter().chain(&network).map(ToString::to_string).collect();
        let directory = self.files.path().to_owned();
        tokio::task::spawn_blocking(move || {
            run_in(&directory, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), b"")
        })
        .await
        .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_is_asked_for_its_policy() {
    let stage = Stage::start().await;
    let lint = ["lint", "policy", "--json"];
    for (domain, status, codes) in [
        ("healthy-enforce.test", 0, &[][..]),
        ("policy-redirect.test", 1, &["http-redirect"]),
        ("policy-invalid.test", 1, &["html"]),
    ] {
        let answer = stage.run(&[&lint[..], &[domain]].concat()).await;
        let json = answer.json();
        assert_eq!(answer.status, Some(status), "{domain} {json:#}");
        for code in codes {
            let findings = json["findings"].as_array().unwrap();
            assert!(findings.iter().any(|finding| finding["code"] == *code), "{domain} {json:#}");
        }
    }
    for (domain, status) in [("policy-host-untrusted.test", 1), ("no-such-domain.test", 1)] {
        let answer = stage.run(&[&lint[..], &[domain]].concat()).await;
        let json = answer.json();
        assert_eq!((answer.status, &json["accepted"]), (Some(status), &false.into()), "{domain} {json:#}");
        assert!(json["fetch_error"]["code"].is_string(), "{domain} {json:#}");
    }
    let answer = stage.run(&["lint", "policy", "no-such-domain.test"]).await;
    assert!(
        answer.stderr.contains("there is no file no-such-domain.test, so it is treated as a domain"),
        "{}",
        answer.stderr
    );

    let host = "mta-sts.healthy-enforce.test";
    let faulty = PolicyHostBehaviour::MediaType("text/html".into(), GOOD.replace("mx:", "mx mail:"));
    stage.world.set_policy_host(host, faulty).unwrap();
    let answer = stage.run(&["lint", "policy", "healthy-enforce.test"]).await;
    let url = format!("https://{host}/.well-known/mta-sts.txt");
    // The head of a response has no line to show.
    assert_eq!(marked(&answer, "media-type"), format!(" --> {url}"));
    assert_eq!(
        marked(&answer, "bad-policy-field-name"),
        format!(" --> {url}:3:1\n  |\n3 | mx mail: mx.recipient.test\n  | ^^^^^^^")
    );
    // The MX hosts that DNS knows are compared with the policy.
    let other = GOOD.replace("mx.recipient.test", "*.elsewhere.test");
    stage.world.set_policy_host(host, PolicyHostBehaviour::Policy(other)).unwrap();
    let answer = stage.run(&["lint", "policy", "healthy-enforce.test"]).await;
    assert!(answer.stdout.contains("warning[mx-not-covered]"), "{}", answer.stdout);
    assert!(
        answer.stdout.contains("Senders accept it, but it covers none of your hosts: "),
        "{}",
        answer.stdout
    );
    assert_eq!(answer.status, Some(1));
    let faulty = PolicyHostBehaviour::MediaType("text/html".into(), GOOD.replace("mx:", "mx mail:"));
    stage.world.set_policy_host(host, faulty).unwrap();

    // The world has no TLSRPT records.
    let answer = stage.run(&["lint", "tlsrpt", "healthy-enforce.test"]).await;
    assert_eq!(answer.status, Some(1));
    for code in
        ["error[no-tlsrpt-record]", "warning[mta-sts-without-tlsrpt]", "_smtp._tls.healthy-enforce.test"]
    {
        assert!(answer.stdout.contains(code), "{}", answer.stdout);
    }

    let json = stage.run(&[&lint[..], &["healthy-enforce.test"]].concat()).await.json();
    let head = &json["findings"][0];
    assert_eq!(
        (&head["code"], &head["span"], &head["line"]),
        (&"media-type".into(), &Value::Null, &Value::Null)
    );
    assert_eq!((&json["http_status"], &json["media_type"]), (&200.into(), &"text/html".into()));
    stage.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_shows_the_same_findings() {
    let stage = Stage::start().await;
    let linted = stage.run(&["lint", "policy", "--json", "policy-invalid.test"]).await.json();
    let checked = stage.run(&["check", "--json", "policy-invalid.test"]).await.json();
    let findings = &checked["domains"][0]["policy"]["findings"];
    assert_eq!((findings, findings.as_array().unwrap().is_empty()), (&linted["findings"], false));
    // In the text each of them once, with its help.
    let checked = stage.run(&["check", "policy-invalid.test"]).await;
    for finding in findings.as_array().unwrap() {
        let code = format!("[{}]", finding["code"].as_str().unwrap());
        let unbroken = checked.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let (todo, _) = unbroken.split_once(" record _mta-sts.").unwrap();
        assert_eq!(todo.matches(&code).count(), 1, "{code} in {unbroken}");
        assert!(todo.contains(finding["help"].as_str().unwrap()), "{code} in {unbroken}");
    }

    let json = stage.run(&["check", "--json", "several-records.test"]).await.json();
    assert_eq!(json["domains"][0]["record"]["findings"][0]["code"], "several-records");
    assert_eq!(json["domains"][0]["policy"]["findings"].as_array().unwrap().len(), 0);
    stage.world.shutdown().await;
}
