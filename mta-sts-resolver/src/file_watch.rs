//! Watches files that others change while the process runs.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Detects that one of several files or folders has been replaced, written to, created, or removed.
///
/// A check is one `stat` for each file, at most once a second; so it can be called on every use of the files.
pub struct FileWatch {
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
    /// Starts watching: a change after this call is never missed.
    pub fn new(files: Vec<PathBuf>) -> Self {
        let seen = Mutex::new(Seen { looked_at: Instant::now(), states: states(&files) });
        Self { files, seen }
    }

    /// Returns whether a file has changed since the last check.
    pub fn has_changed(&self) -> bool {
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

    /// Records the current state of the files, before they are read.
    pub(crate) fn look(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Seen { looked_at: Instant::now(), states: states(&self.files) };
    }

    /// Makes the next check report a change, whatever it sees.
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
