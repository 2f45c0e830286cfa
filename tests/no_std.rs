//! The core needs no std: it is linked into a program that has none (`tests/no_std`).
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

fn build(features: &str) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A copy, so that the build leaves no lock file in the tree.
    let folder = tempfile::tempdir().unwrap();
    let manifest = std::fs::read_to_string(root.join("no_std/Cargo.toml")).unwrap();
    let core = root.join("../mta-sts-core").canonicalize().unwrap();
    let manifest = manifest.replace("../../mta-sts-core", core.to_str().unwrap());
    assert!(manifest.contains(core.to_str().unwrap()));
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(root.join("no_std/lib.rs"), folder.path().join("lib.rs")).unwrap();
    // The versions that the workspace has, which are at hand.
    std::fs::copy(root.join("../Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    Command::new(env!("CARGO"))
        .args(["build", "--offline", "--features", features, "--target-dir"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_std"))
        .current_dir(folder.path())
        .output()
        .unwrap()
}

#[test]
fn the_core_links_without_std_and_not_beside_it() {
    for features in
        ["", "idna", "lint,postfix", "publish", "tlsrpt", "idna,lint,postfix,publish,serde,tlsrpt"]
    {
        let output = build(features);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "std came into the graph with features {features:?}:\n{said}");
    }
    let output = build("std");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("E0152"), "the proof proves nothing:\n{said}");
}
