use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use mta_sts_resolver::{
    EntryStore, RedisStore, RedisUrl, SqliteAccess, SqliteConfig, SqliteStore, StoreError, StoreErrorKind,
};

use super::Exit;

/// The location of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StorePlace {
    /// No store.
    Memory,
    /// This Redis server, shared by every machine that uses it.
    Redis(RedisUrl),
    /// This file.
    Sqlite(PathBuf),
}

impl StorePlace {
    /// The store named by `$MTASTS_STORE`.
    pub(crate) fn from_environment() -> Result<Option<Self>, String> {
        let text = std::env::var_os("MTASTS_STORE").filter(|text| !text.is_empty());
        let Some(text) = text else { return Ok(None) };
        let place = text.to_str().ok_or_else(|| "expected UTF-8".to_owned()).and_then(str::parse);
        place.map(Some).map_err(|what| format!("MTASTS_STORE: {what}"))
    }

    /// Returns whether it contains a password, which nobody else must see.
    pub(crate) fn has_password(&self) -> bool {
        matches!(self, Self::Redis(url) if url.has_password())
    }

    /// The reason why no policies could be stored here, as far as this can be determined without creating anything.
    pub(crate) fn fault(&self) -> Option<(Exit, String)> {
        let Self::Sqlite(file) = self else { return None };
        if file.exists() {
            let opened = self.open(SqliteAccess::Read);
            return opened.err().map(|error| (exit(&error), format!("{self}: {error}")));
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        // systemd creates that of a unit at its start.
        let is_missing = |folder: &Path| !folder.is_dir() && folder != state_folder();
        let folder = folder.filter(|folder| is_missing(folder))?;
        Some((Exit::Configuration, format!("{self}: the folder {} does not exist", folder.display())))
    }

    /// Opens the store for a command; `None` without a store.
    pub(crate) fn open(&self, access: SqliteAccess) -> Result<Option<Arc<dyn EntryStore>>, StoreError> {
        // Nobody else is waiting, and the size limit is the daemon's concern.
        let config = SqliteConfig::new()
            .with_access(access)
            .with_patience(Duration::from_secs(10))
            .with_max_octets(u64::MAX);
        Ok(match self {
            Self::Memory => None,
            Self::Redis(url) => Some(Arc::new(RedisStore::open(url)?.with_max_octets(u64::MAX))),
            Self::Sqlite(path) => Some(Arc::new(SqliteStore::open_with(path, config)?)),
        })
    }

    /// The store for a daemon, which continues without it if it cannot be opened now. Something that is not a store is
    /// an error: this does not change with time.
    pub(crate) fn open_for_daemon(&self, max_octets: u64) -> Result<Option<Arc<dyn EntryStore>>, StoreError> {
        let path = match self {
            Self::Memory => return Ok(None),
            Self::Redis(url) => {
                return Ok(Some(Arc::new(RedisStore::open(url)?.with_max_octets(max_octets))));
            }
            Self::Sqlite(path) => path,
        };
        let store = SqliteStore::new(path, SqliteConfig::new().with_max_octets(max_octets))?;
        match store.open_now() {
            Err(error) if error.kind() == StoreErrorKind::Foreign => Err(error),
            Err(error) => {
                tracing::error!(code = error.code(), %error, store = %self, "the store cannot be opened; trying again");
                Ok(Some(Arc::new(store)))
            }
            Ok(()) => Ok(Some(Arc::new(store))),
        }
    }
}

/// The exit status of a command after an error of the store.
pub(crate) fn exit(error: &StoreError) -> Exit {
    match error.kind() {
        StoreErrorKind::Missing
        | StoreErrorKind::Foreign
        | StoreErrorKind::Corrupt
        | StoreErrorKind::Denied => Exit::NoInput,
        StoreErrorKind::Newer => Exit::No,
        _ => Exit::Temporary,
    }
}

impl FromStr for StorePlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            None if text == "sqlite" => Ok(Self::default()),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            // The URL itself, or after the keyword.
            Some(("redis", rest)) if !rest.starts_with("//") => redis(rest),
            Some((scheme, _)) if scheme.starts_with("redis") || scheme.starts_with("valkey") => redis(text),
            _ => Err(
                "expected memory, sqlite, sqlite:FILE, redis://HOST:PORT/NUMBER, rediss://HOST:PORT/NUMBER, \
                      redis+unix:///PATH, or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/NUMBER"
                    .to_owned(),
            ),
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
            Self::Redis(url) => url.fmt(formatter),
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
        }
    }
}

fn redis(url: &str) -> Result<StorePlace, String> {
    url.parse().map(StorePlace::Redis).map_err(|error: mta_sts_resolver::InvalidRedisUrl| error.to_string())
}

impl ValueParserFactory for StorePlace {
    type Parser = StorePlaceParser;

    fn value_parser() -> StorePlaceParser {
        StorePlaceParser
    }
}

/// Parses a location without repeating it in errors: it may contain a password.
#[derive(Clone, Debug)]
pub(crate) struct StorePlaceParser;

impl TypedValueParser for StorePlaceParser {
    type Value = StorePlace;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<StorePlace, clap::Error> {
        let text = value.to_str().ok_or_else(|| "expected UTF-8".to_owned());
        text.and_then(str::parse).map_err(|what| {
            let argument = argument.map_or_else(|| "--store".to_owned(), ToString::to_string);
            command.clone().error(ErrorKind::ValueValidation, format!("{argument}: {what}"))
        })
    }
}

/// The state directory comes from systemd.
pub(crate) fn state_folder() -> PathBuf {
    std::env::var_os("STATE_DIRECTORY").map_or_else(|| PathBuf::from("/var/lib/mtasts"), PathBuf::from)
}
