use std::io;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use rusqlite::ErrorCode;

/// The meaning of an error of SQLite, or of the system about its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SqliteFault {
    Full,
    Locked,
    Corrupt,
    Denied,
    Unavailable,
}

impl SqliteFault {
    /// Returns the meaning of an error of SQLite, of the database at this path if it is known.
    pub(crate) fn of(error: &rusqlite::Error, path: Option<&Path>) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => Self::Denied,
            // SQLite says no more where its log cannot be made.
            _ if path.is_some_and(is_full) => Self::Full,
            _ => Self::Unavailable,
        }
    }

    /// Returns the meaning of an error of the system.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull => Self::Full,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Unavailable,
        }
    }
}

/// Returns whether the disk with this file is full.
fn is_full(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    statvfs(folder).is_ok_and(|disk| disk.blocks_available() == 0)
}
