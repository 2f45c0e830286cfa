//! `api.txt` of a crate lists everything that is public in it, one item a line, with all features.
//!
//! A line that is gone or has changed breaks programs that use it: that belongs into `CHANGELOG.md`, and after a release into a
//! version that may break them (0.2.0 after 0.1.0, 2.0.0 after 1.0.0), as `tests/semver` checks. A new line
//! stays for as long as the version does: look at its name and its types once more.
//! Not listed is what the compiler tells of types (`Send`, `Sync`), blanket implementations, and methods of derived traits.
//!
//! `UPDATE=1 cargo test -p mta-sts-tests --test public_api` writes the lists anew.
//!
//! The list is read out of rustdoc's JSON, whose form is not stable: the compiler is told to give it all the same, and a newer
//! one may need a newer `public-api`.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

/// Their packages, and the names of their libraries.
const CRATES: [(&str, &str); 5] = [
    ("mta-sts-core", "mta_sts_core"),
    ("mta-sts-publisher", "mta_sts_publisher"),
    ("mta-sts-reporter", "mta_sts_reporter"),
    ("mta-sts-resolver", "mta_sts_resolver"),
    ("mtasts", "mtasts_socketmap"),
];

#[test]
fn what_is_public_is_what_is_listed() {
    let mut changes = Vec::new();
    for ((package, _), items) in CRATES.iter().zip(listings()) {
        let path = root().join(package).join("api.txt");
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, items.join("\n") + "\n").unwrap();
        }
        let listed = fs::read_to_string(&path).unwrap_or_default();
        let (before, after): (HashSet<_>, HashSet<_>) =
            (listed.lines().collect(), items.iter().map(String::as_str).collect());
        changes.extend(listed.lines().filter(|line| !after.contains(line)).map(|line| format!("- {line}")));
        changes.extend(
            items.iter().filter(|line| !before.contains(line.as_str())).map(|line| format!("+ {line}")),
        );
    }
    let changes = changes.join("\n");
    assert!(
        changes.is_empty(),
        "{changes}\nFor what that means, and how to list it, see tests/public_api.rs."
    );
}

/// Else it cannot be passed on with `?` to a caller who takes any error.
#[test]
fn what_can_be_an_err_is_an_error() {
    let items: Vec<_> = listings().iter().flatten().collect();
    let errors: HashSet<_> = items
        .iter()
        .filter_map(|item| item.strip_prefix("impl")?.split_once("core::error::Error for "))
        .map(|(_, name)| last_word(name))
        .collect();
    let (mut seen, mut missing) = (HashSet::new(), Vec::new());
    for item in &items {
        let named =
            item.split_once("::Err = ").or_else(|| item.split_once("::Error = ")).map(|(_, name)| name);
        for name in errs(item).into_iter().chain(named) {
            // Or it is a type of another crate, or one that the caller chooses.
            if !CRATES.iter().any(|(_, library)| name.starts_with(library)) {
                continue;
            }
            let name = last_word(name);
            if !errors.contains(name) {
                missing.push(format!("{name} is no error: {item}"));
            }
            seen.insert(name);
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(seen.len() > 20, "{seen:?}");
}

/// Nobody is told which is which, and who swaps them is told by nobody.
#[test]
fn no_two_bools_stand_side_by_side() {
    for item in listings().iter().flatten() {
        assert!(!item.contains("bool, bool"), "{item}");
    }
}

/// The types of the errors of every `Result` in a line.
fn errs(item: &str) -> Vec<&str> {
    let starts = item.match_indices("core::result::Result<").map(|(at, start)| at + start.len());
    starts.filter_map(|start| second_argument(&item[start..])).collect()
}

/// What stands behind the comma and before the bracket that closes the arguments.
fn second_argument(arguments: &str) -> Option<&str> {
    let (mut depth, mut start, mut last) = (0, None, ' ');
    for (at, character) in arguments.char_indices() {
        match character {
            '<' | '(' | '[' => depth += 1,
            '>' if last == '-' => {}
            '>' if depth == 0 => return start.map(|start: usize| arguments[start..at].trim()),
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => start = Some(at + 1),
            _ => {}
        }
        last = character;
    }
    None
}

/// The name of a type without its module, which is a private one where another crate is named, and without its arguments.
fn last_word(path: &str) -> &str {
    let path = path.split('<').next().unwrap_or_default();
    path.rsplit("::").next().unwrap_or_default()
}

fn listings() -> &'static [Vec<String>] {
    static LISTINGS: OnceLock<Vec<Vec<String>>> = OnceLock::new();
    LISTINGS.get_or_init(|| CRATES.map(listing).into())
}

/// Everything that is public, one item a line.
fn listing((package, library): (&str, &str)) -> Vec<String> {
    let json = rustdoc_json(package, library);
    let read = |without_derived| {
        let api = public_api::Builder::from_rustdoc_json(&json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(without_derived)
            .build();
        let api = api.unwrap_or_else(|fault| {
            panic!("public-api does not read what rustdoc of this compiler writes; take a newer one: {fault}")
        });
        api.items().map(ToString::to_string).collect::<Vec<_>>()
    };
    // Of derived traits the fact is enough.
    let written: HashSet<_> = read(true).into_iter().collect();
    let is_listed = |item: &String| {
        let is_derived = item.starts_with("impl") && !item.contains(" core::marker::Structural");
        written.contains(item) || is_derived
    };
    read(false).into_iter().filter(is_listed).collect()
}

fn rustdoc_json(package: &str, library: &str) -> PathBuf {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // For rustdoc alone: that the rest is compiled as ever.
    let rustdoc = scratch.join("unstable-rustdoc");
    fs::write(&rustdoc, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n").unwrap();
    fs::set_permissions(&rustdoc, fs::Permissions::from_mode(0o755)).unwrap();
    let target = scratch.parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .args([
            "rustdoc",
            "--quiet",
            "--locked",
            "--lib",
            "--all-features",
            "--package",
            package,
            "--target-dir",
        ])
        .arg(target)
        .args(["--", "-Zunstable-options", "--output-format=json"])
        .env("RUSTDOC", &rustdoc)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("doc").join(library).with_extension("json")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
