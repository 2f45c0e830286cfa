//! Files that others change while the process runs.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Tells when one of some files has become another: replaced, written to, made or removed.
///
/// A look is one `stat` a file, at most once a second; so whoever uses what stands in the files may ask each time.
pub(crate) struct FileWatch {
    files: Vec<PathBuf>,
    seen: Mutex<Seen>,
}

struct Seen {
    looked_at: Instant,
    states: Vec<Option<FileState>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct FileState {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileWatch {
    /// Watches from now on: whoever reads the files after this misses nothing.
    pub(crate) fn new(files: Vec<PathBuf>) -> Self {
        let seen = Mutex::new(Seen { looked_at: Instant::now(), states: states(&files) });
        Self { files, seen }
    }

    /// Whether a file is another one than at the last look.
    pub(crate) fn has_changed(&self) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.looked_at.elapsed() < INTERVAL {
            return false;
        }
        seen.looked_at = Instant::now();
        let states = states(&self.files);
        let has_changed = states != seen.states;
        seen.states = states;
        has_changed
    }

    /// Takes the files as they are now for known, before they are read.
    pub(crate) fn look(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Seen { looked_at: Instant::now(), states: states(&self.files) };
    }

    /// Takes the files for changed at the next look, whatever it sees.
    pub(crate) fn look_again(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).states.clear();
    }
}

impl fmt::Debug for FileWatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.fmt(formatter)
    }
}

fn states(files: &[PathBuf]) -> Vec<Option<FileState>> {
    files.iter().map(|file| std::fs::metadata(file).ok().map(|metadata| FileState::of(&metadata))).collect()
}

impl FileState {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

const INTERVAL: Duration = Duration::from_secs(1);
