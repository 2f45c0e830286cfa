use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use mta_sts_resolver::{EntryStore, SqliteStore, StoreError};

/// Where policies outlive the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StorePlace {
    /// Nowhere.
    Memory,
    /// In this file.
    Sqlite(PathBuf),
}

impl StorePlace {
    /// The store; none in memory.
    pub(crate) fn open(&self) -> Result<Option<Arc<dyn EntryStore>>, StoreError> {
        match self {
            Self::Memory => Ok(None),
            Self::Sqlite(path) => Ok(Some(Arc::new(SqliteStore::open(path)?))),
        }
    }
}

impl FromStr for StorePlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            None if text == "sqlite" => Ok(Self::default()),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err("expected memory, sqlite, or sqlite:FILE".to_owned()),
        }
    }
}

impl Default for StorePlace {
    fn default() -> Self {
        Self::Sqlite(state_folder().join("cache.sqlite"))
    }
}

impl fmt::Display for StorePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => formatter.write_str("memory"),
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
        }
    }
}

/// systemd says where a unit's state belongs.
fn state_folder() -> PathBuf {
    std::env::var_os("STATE_DIRECTORY").map_or_else(|| PathBuf::from("/var/lib/mtasts"), PathBuf::from)
}
