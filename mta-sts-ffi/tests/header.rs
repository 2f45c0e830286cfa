//! `include/mtasts.h` is what the code says, and every compiler takes it.
//!
//! `UPDATE=1 cargo test -p mta-sts-ffi --test header` writes the header and the list of symbols anew.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use mta_sts_core::lint::LintKind;
use mta_sts_core::postfix::PostfixErrorKind;
use mta_sts_core::publish::{DraftErrorKind, HistoryErrorKind};
use mta_sts_core::tlsrpt::{
    DatagramErrorKind, DeviationKind, MailErrorKind, ReportErrorKind, ReportSenderErrorKind, TallyErrorKind,
    TlsrptRecordErrorKind,
};
use mta_sts_core::{
    EntryErrorKind, FetchErrorKind, FetchFailure, LookupErrorKind, NameErrorKind, NoPolicyKind,
    PolicyErrorKind, PolicyType, RecordErrorKind, ResultType, SessionFault, TxtFailure,
};

#[test]
fn the_header_is_what_the_code_says() {
    compare("include/mtasts.h", &header());
}

#[test]
fn the_symbols_are_those_of_the_list() {
    let mut symbols: Vec<_> = functions(&header()).into_iter().map(|function| function.name).collect();
    symbols.sort();
    compare("mta-sts-ffi/symbols.txt", &(symbols.join("\n") + "\n"));
}

/// A function tells its parameters in its own words; the rest has a line of its own.
#[test]
fn every_function_tells_all_that_a_caller_needs() {
    let functions = functions(&header());
    assert!(functions.len() > 100);
    let mut missing = Vec::new();
    for Function { name, comment, declaration } in functions {
        let mut want = |what: &str, found: bool| {
            if !found {
                missing.push(format!("{name}: {what}"));
            }
        };
        want("since when", comment.contains("\n * Since: "));
        want("from which threads", comment.contains("\n * Threads: "));
        if declaration.starts_with("mtasts_status ") && declaration.replace("**error", "").contains("**") {
            want("whose the result is", comment.contains("\n * Ownership: "));
            want("which errors", comment.contains("Errors: "));
        }
        for parameter in parameters(&declaration) {
            // What the conventions or the type say is enough; anything else is named.
            let is_object = declaration.contains(&format!("_{parameter} *"));
            let is_plain = ["error", "index", "now"].contains(&parameter.as_str());
            let is_getter = declaration.contains(&format!("const mtasts_mx_{parameter} *"))
                || declaration.contains(&format!("const mtasts_session_{parameter} *"));
            let owned = name.ends_with("_free");
            want(&parameter, is_object || is_plain || is_getter || owned || comment.contains(&parameter));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn compilers_take_the_header() {
    let scratch = tempfile::tempdir().unwrap();
    let include = root().join("include");
    let compilers: [(&str, &str, &[&str]); 4] = [
        ("gcc", "c", &["-std=c99"]),
        ("clang", "c", &["-std=c99"]),
        ("g++", "c++", &["-std=c++11"]),
        ("clang++", "c++", &["-std=c++11"]),
    ];
    for (compiler, language, standard) in compilers {
        let source = scratch.path().join(format!("header.{}", if language == "c" { "c" } else { "cpp" }));
        fs::write(&source, "#include <mtasts.h>\n#include <mtasts.h>\nint main(void) { return mtasts_version_check(MTASTS_VERSION_NUMBER) != 1; }\n").unwrap();
        let output = Command::new(compiler)
            .args(standard)
            .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-x", language, "-I"])
            .arg(&include)
            .arg(&source)
            .output()
            .unwrap_or_else(|error| {
                panic!("{compiler} is missing ({error}); install it: apt-get install gcc g++ clang")
            });
        assert!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The header as the code has it.
fn header() -> String {
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        style: cbindgen::Style::Type,
        documentation_style: cbindgen::DocumentationStyle::Doxy,
        cpp_compat: true,
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        include_guard: Some("MTASTS_H".into()),
        header: Some(CONVENTIONS.trim().into()),
        after_includes: Some(constants()),
        usize_is_size_t: true,
        line_length: 110,
        ..Default::default()
    };
    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_crate(env!("CARGO_MANIFEST_DIR"))
        .with_config(config)
        .generate()
        .expect("the code can be read")
        .write(&mut text);
    with_lines_of_the_types(&String::from_utf8(text).unwrap())
}

/// The numbers and words of the core, as macros.
fn constants() -> String {
    let mut text = String::new();
    let version = env!("CARGO_PKG_VERSION");
    let parts = [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ];
    let _ = writeln!(text, "\n/* The version of this header; mtasts_version() is that of the library. */\n");
    let _ = writeln!(text, "#define MTASTS_VERSION \"{version}\"");
    for (name, number) in parts {
        let _ = writeln!(text, "#define MTASTS_VERSION_{name} {number}");
    }
    let _ = writeln!(
        text,
        "#define MTASTS_VERSION_NUMBER (MTASTS_VERSION_MAJOR * 65536 + MTASTS_VERSION_MINOR * 256 + MTASTS_VERSION_PATCH)"
    );
    macro_rules! group {
        ($title:literal, $prefix:literal, $($kind:ident)*) => {
            let _ = writeln!(text, "\n/* {} */", $title);
            $(for kind in $kind::ALL {
                let _ = writeln!(text, "\n/** {} */", kind.message());
                let _ = writeln!(text, "#define MTASTS_{}{} {}", $prefix, macro_name(kind.code()), kind.number());
            })*
        };
    }
    group!("Errors in an input: 101 names, 201 records, 301 policies, 401 responses, 701 entries, 801 calls of a lookup, 1201 Postfix, 1301 TLSRPT records, 1321 TLS reports, 1341 datagrams of libtlsrpt, 1351 tallies, 1361 senders of reports, 1366 their mail, 1501 policies to be published, 1521 histories of them.", "ERR_", NameErrorKind RecordErrorKind PolicyErrorKind FetchErrorKind EntryErrorKind LookupErrorKind PostfixErrorKind TlsrptRecordErrorKind ReportErrorKind DatagramErrorKind TallyErrorKind ReportSenderErrorKind MailErrorKind DraftErrorKind HistoryErrorKind);
    group!("Reasons why a Policy Host gave no response.", "FETCH_", FetchFailure);
    group!("Reasons why DNS gave no answer.", "TXT_", TxtFailure);
    group!("Reasons why a session fails a requirement.", "FAULT_", SessionFault);
    group!("Reasons why no policy applies to a message.", "NO_POLICY_", NoPolicyKind);
    group!("Kinds of findings, in addition to the MTASTS_ERR_ numbers.", "LINT_", LintKind);
    group!("Deviations of a TLS report from RFC 8460.", "DEVIATION_", DeviationKind);
    let _ = writeln!(text, "\n/* The result types of TLSRPT (RFC 8460, 4.3), by libtlsrpt's numbers. */\n");
    for result in ResultType::ALL {
        let _ = writeln!(text, "#define MTASTS_TLSRPT_{} {}", macro_name(result.as_str()), result.number());
    }
    let _ = writeln!(text, "\n/* The policy types of TLSRPT (RFC 8460, 4.4), by libtlsrpt's numbers. */\n");
    for policy_type in PolicyType::ALL {
        let _ = writeln!(
            text,
            "#define MTASTS_POLICY_TYPE_{} {}",
            macro_name(policy_type.as_str()),
            policy_type.number()
        );
    }
    text.trim_end().to_owned()
}

fn macro_name(code: &str) -> String {
    code.to_uppercase().replace('-', "_")
}

/// Adds to each function's comment what its types say: whose a result is, which threads may call it, since when it is
/// there.
fn with_lines_of_the_types(header: &str) -> String {
    let mut text = String::new();
    for block in header.split("\n\n") {
        match Function::read(block) {
            Some(function) => text.push_str(&function.written()),
            None => text.push_str(block),
        }
        text.push_str("\n\n");
    }
    text.trim_end().to_owned() + "\n"
}

struct Function {
    name: String,
    comment: String,
    declaration: String,
}

impl Function {
    fn read(block: &str) -> Option<Self> {
        let (comment, declaration) = block.trim_start_matches('\n').split_once("\n */\n")?;
        if !comment.starts_with("/**") || !declaration.ends_with(';') || !declaration.contains('(') {
            return None;
        }
        if declaration.starts_with('#') || declaration.starts_with("typedef") {
            return None;
        }
        let before = declaration.split('(').next()?;
        let name = before.rsplit([' ', '*']).next()?.to_owned();
        Some(Self { name, comment: comment.to_owned(), declaration: declaration.to_owned() })
    }

    fn written(&self) -> String {
        let Self { name, comment, declaration } = self;
        let mut text = comment.clone();
        text.push_str("\n *");
        if let Some(ownership) = self.ownership() {
            let _ = write!(text, "\n * Ownership: {ownership}");
        }
        let _ = write!(text, "\n * Threads: {}", self.threads());
        let _ = write!(text, "\n * Since: {}", since(name));
        text + "\n */\n" + declaration
    }

    fn ownership(&self) -> Option<String> {
        let Self { name, declaration, .. } = self;
        if name.ends_with("_free") {
            return Some("the object passes to the library.".to_owned());
        }
        let given: Vec<_> = parameters(declaration)
            .into_iter()
            .filter(|parameter| parameter != "error" && declaration.contains(&format!("**{parameter}")))
            .map(|parameter| {
                let tail = declaration.split(&format!("**{parameter}")).next().unwrap_or_default();
                let kind = tail.rsplit(['(', ',']).next().unwrap_or_default().replace("struct ", "");
                format!("the caller owns `*{parameter}`; free it with {}_free().", kind.trim())
            })
            .collect();
        if !given.is_empty() {
            return Some(given.join(" "));
        }
        let result = declaration.split(name.as_str()).next().unwrap_or_default();
        let first = parameters(declaration).into_iter().next();
        match first {
            _ if !result.contains('*') => None,
            Some(first) if result.starts_with("const ") && declaration.contains(&format!("*{first}")) => {
                Some(format!("the result is owned by `{first}` and valid as long as it."))
            }
            _ if result.starts_with("const ") => Some("the library owns the result.".to_owned()),
            _ => Some("the caller owns the result.".to_owned()),
        }
    }

    fn threads(&self) -> &'static str {
        let first = self.declaration.split('(').nth(1).unwrap_or_default();
        if self.name.ends_with("_free") {
            "one; no other uses the object any more."
        } else if first.starts_with("const ") || !first.contains('*') || first.starts_with("void") {
            "any, at once."
        } else {
            "one at a time with the same object."
        }
    }
}

/// Functions that came after the first release are listed here.
fn since(_name: &str) -> &'static str {
    "0.1.0"
}

fn functions(header: &str) -> Vec<Function> {
    header.split("\n\n").filter_map(Function::read).collect()
}

fn parameters(declaration: &str) -> Vec<String> {
    let list = declaration.split_once('(').map_or("", |parts| parts.1).trim_end_matches(");");
    let name = |parameter: &str| parameter.rsplit([' ', '*']).next().unwrap_or_default().to_owned();
    list.split(',').map(|parameter| name(parameter.trim())).filter(|name| name != "void").collect()
}

/// Compares a file of the repository, or writes it where `UPDATE` is set.
fn compare(name: &str, expected: &str) {
    let path = root().join(name);
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{name} is not what the code says: UPDATE=1 cargo test -p mta-sts-ffi --test header"
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

const CONVENTIONS: &str = include_str!("conventions.h");
