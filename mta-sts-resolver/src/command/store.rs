use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use mta_sts_resolver::{EntryStore, RedisStore, RedisUrl, SqliteStore, StoreError};

/// Where policies outlive the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StorePlace {
    /// Nowhere.
    Memory,
    /// In this Redis, for every machine that asks it.
    Redis(RedisUrl),
    /// In this file.
    Sqlite(PathBuf),
}

impl StorePlace {
    /// The store; none in memory.
    pub(crate) fn open(&self) -> Result<Option<Arc<dyn EntryStore>>, StoreError> {
        match self {
            Self::Memory => Ok(None),
            Self::Redis(url) => Ok(Some(Arc::new(RedisStore::open(url)?))),
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
            // The URL as it is, or after the word.
            Some(("redis", rest)) if !rest.starts_with("//") => redis(rest),
            Some(("redis" | "rediss" | "redis+unix" | "valkey" | "valkeys" | "valkey+unix", _)) => redis(text),
            _ => Err("expected memory, sqlite, sqlite:FILE, redis://HOST:PORT/NUMBER, rediss://HOST:PORT/NUMBER, or \
                      redis+unix:///PATH"
                .to_owned()),
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

/// Reads a place without repeating it where it is wrong: it may have a password.
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

/// systemd says where a unit's state belongs.
fn state_folder() -> PathBuf {
    std::env::var_os("STATE_DIRECTORY").map_or_else(|| PathBuf::from("/var/lib/mtasts"), PathBuf::from)
}
