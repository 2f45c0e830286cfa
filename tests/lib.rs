//! Support for the tests in this folder.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
///
/// # Panics
///
/// Never: this crate is in a folder of it.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root of the repository")
}

/// The files below a folder that have this ending, without what was built or is hidden.
///
/// # Panics
///
/// Panics if a folder cannot be read.
pub fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules", "venv"].contains(&&*name) {
                files.extend(files_below(&path, ending));
            }
        } else if path.extension().is_some_and(|extension| extension == ending) {
            files.push(path);
        }
    }
    files
}
