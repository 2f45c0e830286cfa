//! The files of a database: their contents, their owner, and the replacement of damaged ones.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::super::{StoreError, StoreErrorKind};
use super::schema;

/// The contents of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// An empty file: a database before its first write.
    Empty,
    /// A file with the header of a database, which may be damaged.
    Database,
    /// A file without that header, the database of another program, or not a regular file.
    SomethingElse,
}

/// Examines a file without changing anything.
pub(super) fn look(path: &Path) -> io::Result<Found> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        // Opening a pipe would wait for its other end.
        Ok(metadata) if !metadata.is_file() => return Ok(Found::SomethingElse),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let mut header = Vec::new();
    File::open(path)?.take(HEADER_LEN).read_to_end(&mut header)?;
    let is_other = header.get(APPLICATION_ID).is_some_and(|id| {
        let id = id.iter().fold(0, |id, octet| id << 8 | i32::from(*octet));
        id != 0 && id != schema::APPLICATION_ID
    });
    Ok(match header.starts_with(MAGIC) {
        _ if header.is_empty() => Found::Empty,
        true if !is_other => Found::Database,
        _ => Found::SomethingElse,
    })
}

/// The owner and the mode of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ownership {
    mode: u32,
    user: u32,
    group: u32,
}

impl Ownership {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { mode: metadata.mode() & 0o7777, user: metadata.uid(), group: metadata.gid() })
    }
}

/// Creates an empty file with the ownership of the old one, or else for its owner alone: the policies in it reveal who
/// receives mail. A file created by root gets the owner of the folder, who may be the daemon's user.
pub(super) fn create(path: &Path, like: Option<Ownership>) -> io::Result<()> {
    let file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        opened => opened?,
    };
    let made = file.metadata()?;
    let ownership = like.or_else(|| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let of_folder = Ownership::of(folder).filter(|_| made.uid() == 0)?;
        Some(Ownership { mode: 0o600, ..of_folder })
    });
    let (user, group) = ownership.map_or((made.uid(), made.gid()), |own| (own.user, own.group));
    if (user, group) != (made.uid(), made.gid())
        && let Err(error) = fchown(&file, Some(user), Some(group))
    {
        tracing::warn!(%error, path = %path.display(), "the former owner of the store's file cannot be restored");
    }
    // Whatever the umask of the process has left of it.
    file.set_permissions(Permissions::from_mode(ownership.map_or(0o600, |own| own.mode)))
}

/// Moves a damaged database aside, with its log; returns its new path.
pub(super) fn move_aside(path: &Path) -> Result<PathBuf, StoreError> {
    // The first one is the best evidence of what happened: the last is overwritten.
    let endings = [".damaged", ".damaged.2", ".damaged.3"];
    let ending = endings.into_iter().find(|ending| !with(path, ending).exists()).unwrap_or(endings[2]);
    for of_file in FILES {
        let target = with(path, &[ending, of_file].concat());
        // These belong to another file.
        let _ = fs::remove_file(&target);
        match fs::rename(with(path, of_file), &target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::new(StoreErrorKind::Corrupt, error.to_string()));
            }
            _ => {}
        }
    }
    Ok(with(path, ending))
}

/// The device and the inode number.
pub(super) type FileIdentity = (u64, u64);

/// The identity of the file at a path, if there is one.
pub(super) fn identity(path: &Path) -> Option<FileIdentity> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

pub(super) fn identities(path: &Path) -> [Option<FileIdentity>; 3] {
    FILES.map(|ending| identity(&with(path, ending)))
}

pub(super) fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

pub(super) fn io_error(error: &io::Error) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied => StoreErrorKind::Denied,
        io::ErrorKind::StorageFull => StoreErrorKind::Full,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, error.to_string())
}

/// The suffixes of a database, its log, and the index of the log.
pub(super) const FILES: [&str; 3] = ["", "-wal", "-shm"];
const MAGIC: &[u8] = b"SQLite format 3\0";
const HEADER_LEN: u64 = 100;
/// The position of the application id in the header.
const APPLICATION_ID: std::ops::Range<usize> = 68..72;
