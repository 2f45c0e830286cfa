//! The file with what has been published for each domain, `published.toml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use mta_sts_core::publish::{Draft, History, ZoneRecord};
use mta_sts_core::{MxPattern, PolicyDomain};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::Deserialize;
use tempfile::NamedTempFile;
use toml::Spanned;

use crate::command::Exit;
use crate::command::daemons::Fault;

/// Where the files are.
#[derive(Args, Clone, Debug)]
pub(super) struct Folder {
    /// The folder with `published.toml`, and with a folder for each domain, which `mtasts publish serve` serves
    #[arg(long = "dir", value_name = "DIR", default_value = ".")]
    path: PathBuf,
}

impl Folder {
    /// The file with the histories.
    pub(super) fn file(&self) -> PathBuf {
        self.path.join(NAME)
    }
}

/// What has been published for each domain. Until it is dropped, no other process changes it.
#[derive(Debug)]
pub(super) struct Published {
    folder: PathBuf,
    /// `None` if the folder is not there.
    _lock: Option<Flock<File>>,
    pub(super) domains: BTreeMap<PolicyDomain, Known>,
}

/// What is known of a domain.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) history: History,
    pub(super) wildcards: Vec<MxPattern<'static>>,
    /// The longest TTLs that were seen: a resolver tells what remains of them.
    pub(super) record_ttl: Duration,
    pub(super) mx_ttl: Duration,
}

impl Known {
    pub(super) fn new(history: History, wildcards: Vec<MxPattern<'static>>, record_ttl: Duration) -> Self {
        Self { history, wildcards, record_ttl, mx_ttl: Duration::from_secs(86_400) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    format: Spanned<u32>,
    #[serde(default)]
    domain: BTreeMap<String, Keys>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Keys {
    record_ttl: u32,
    mx_ttl: u32,
    #[serde(default)]
    wildcards: Vec<Spanned<String>>,
    history: Spanned<String>,
}

/// What is said where every domain was asked for, and there is none.
pub(super) const NO_DOMAIN: &str = "published.toml has no domain: begin with `mtasts publish init DOMAIN`";

const NAME: &str = "published.toml";
const POLICY: &str = "mta-sts.txt";
const LOCK: &str = ".published.lock";
/// A minute, for a process that looks at a few domains.
const LOCK_ATTEMPTS: usize = 1200;
const LOCK_ATTEMPTS_UNTOLD: usize = 20;
const LOCK_INTERVAL: Duration = Duration::from_millis(50);
const FORMAT: u32 = 1;

impl Published {
    /// Reads the file of a folder, once no other process works on it; without a file, nothing is known of any domain.
    pub(super) fn open(folder: &Folder) -> Result<Self, (Exit, String)> {
        let lock = if folder.path.exists() { Some(lock(&folder.path)?) } else { None };
        Ok(Self { _lock: lock, ..Self::read(folder)? })
    }

    /// Reads the file without waiting for others, and without the right to write it: each finds it whole.
    pub(super) fn read(folder: &Folder) -> Result<Self, (Exit, String)> {
        let folder = folder.path.clone();
        let file = folder.join(NAME);
        let domains = match fs::read(&file) {
            Ok(octets) => Fault::text(&file, octets)
                .and_then(|text| parse(&file, &text))
                .map_err(|fault| (Exit::Configuration, format!("{fault:#}")))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !folder.is_dir() {
                    let what = format!("{}: there is no such folder", folder.display());
                    return Err((Exit::NoInput, what));
                }
                BTreeMap::new()
            }
            Err(error) => return Err((Exit::NoInput, format!("{}: {error}", file.display()))),
        };
        Ok(Self { folder, _lock: None, domains })
    }

    /// The same, of a folder that is made if it is not there.
    pub(super) fn begin(folder: &Folder) -> Result<Self, (Exit, String)> {
        fs::create_dir_all(&folder.path).map_err(|error| cannot_write(&folder.path, &error))?;
        Self::open(folder)
    }

    pub(super) fn known(&self, domain: &PolicyDomain) -> Result<&Known, (Exit, String)> {
        self.domains.get(domain).ok_or_else(|| {
            let file = self.folder.join(NAME);
            let what = format!(
                "{} has nothing of {domain}: begin with `mtasts publish init {domain}`",
                file.display()
            );
            (Exit::No, what)
        })
    }

    /// The file with the policy of a domain, and what is in it, if it is there.
    pub(super) fn read_policy(&self, domain: &PolicyDomain) -> Option<(PathBuf, Vec<u8>)> {
        let file = self.folder.join(domain.as_str()).join(POLICY);
        fs::read(&file).ok().map(|octets| (file, octets))
    }

    /// Writes the file anew, so that it is whole at any moment.
    pub(super) fn write(&self) -> Result<(), (Exit, String)> {
        let mut text = String::from(HEAD);
        for (domain, known) in &self.domains {
            let wildcards: Vec<_> =
                known.wildcards.iter().map(|wildcard| format!("\"{wildcard}\"")).collect();
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "\n[domain.\"{domain}\"]\nrecord-ttl = {}\nmx-ttl = {}\nwildcards = [{}]\nhistory = '''\n{}'''\n",
                known.record_ttl.as_secs(),
                known.mx_ttl.as_secs(),
                wildcards.join(", "),
                known.history.to_text(),
            );
        }
        write_whole(&self.folder.join(NAME), &text)
    }

    /// Writes the policy of a draft to where `mtasts publish serve` reads it.
    pub(super) fn write_policy(&self, draft: &Draft) -> Result<PathBuf, (Exit, String)> {
        let file = self.file(draft.domain(), POLICY)?;
        write_whole(&file, draft.policy_text())?;
        Ok(file)
    }

    /// Writes the lines of a zone file.
    pub(super) fn write_zone(
        &self,
        domain: &PolicyDomain,
        records: &[ZoneRecord],
    ) -> Result<PathBuf, (Exit, String)> {
        let file = self.file(domain, "zone.txt")?;
        let lines: Vec<_> = records.iter().map(ToString::to_string).collect();
        write_whole(&file, &(lines.join("\n") + "\n"))?;
        Ok(file)
    }

    fn file(&self, domain: &PolicyDomain, name: &str) -> Result<PathBuf, (Exit, String)> {
        let folder = self.folder.join(domain.as_str());
        fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, &error))?;
        Ok(folder.join(name))
    }
}

const HEAD: &str = "\
# What has been published for these domains, and when: what senders may still hold follows from it.
# `mtasts publish` writes this file anew; comments in it are not kept.
format = 1
";

fn parse(file: &Path, text: &str) -> Result<BTreeMap<PolicyDomain, Known>, Fault> {
    let read: Contents = toml::from_str(text).map_err(|error| Fault::toml(file, text, &error))?;
    if *read.format.get_ref() != FORMAT {
        return Err(Fault::at(
            file,
            text,
            read.format.span(),
            "this format is unknown; it is of a later version",
        ));
    }
    read.domain.iter().map(|(name, keys)| parse_domain(file, text, name, keys)).collect()
}

fn parse_domain(file: &Path, text: &str, name: &str, keys: &Keys) -> Result<(PolicyDomain, Known), Fault> {
    let history_span = keys.history.span();
    let lines = keys.history.get_ref();
    let history = History::parse(lines.as_bytes()).map_err(|error| {
        // The text begins after the quotes, and after a line feed that belongs to them.
        let written = &text[history_span.clone()];
        let start = history_span.start + written.find(lines.as_str()).unwrap_or_default();
        let at = (start + error.offset()).min(history_span.end);
        let end = text[at..history_span.end].find('\n').map_or(history_span.end, |len| at + len);
        Fault::at(file, text, at..end.max(at), error.kind().message())
    })?;
    if history.domain().as_str() != name {
        let what = format!("this is the history of {}, not of {name}", history.domain());
        return Err(Fault::at(file, text, history_span, what));
    }
    let wildcard = |written: &Spanned<String>| {
        MxPattern::parse(written.get_ref())
            .ok()
            .filter(MxPattern::is_wildcard)
            .ok_or_else(|| Fault::at(file, text, written.span(), "this is not a wildcard, `*.` and a domain"))
    };
    let seconds = |count: u32| Duration::from_secs(count.into());
    let known = Known {
        wildcards: keys.wildcards.iter().map(wildcard).collect::<Result<_, _>>()?,
        record_ttl: seconds(keys.record_ttl),
        mx_ttl: seconds(keys.mx_ttl),
        history,
    };
    Ok((known.history.domain().clone(), known))
}

/// Waits until no other process works on the folder. Otherwise the one that writes last would forget what the other one has seen.
fn lock(folder: &Path) -> Result<Flock<File>, (Exit, String)> {
    let path = folder.join(LOCK);
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let mut file = open.map_err(|error| cannot_write(&path, &error))?;
    for attempt in 0..LOCK_ATTEMPTS {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((unlocked, Errno::EAGAIN)) => file = unlocked,
            Err((_, error)) => return Err(cannot_write(&path, &error.into())),
        }
        if attempt == LOCK_ATTEMPTS_UNTOLD {
            let file = folder.join(NAME);
            anstream::eprintln!("waiting for another `mtasts publish` that works on {}", file.display());
        }
        sleep(LOCK_INTERVAL);
    }
    let what = "another `mtasts publish` works on it, and has for a minute: try again later";
    Err((Exit::Temporary, format!("{}: {what}", folder.join(NAME).display())))
}

/// Replaces a file by one that is on disk already.
fn write_whole(file: &Path, text: &str) -> Result<(), (Exit, String)> {
    let write = || {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut new = NamedTempFile::with_prefix_in(".", folder)?;
        new.write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        // What is published may be read by anybody: the Policy Host runs as a user of its own.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        new.as_file().set_permissions(mode)?;
        new.persist(file)?;
        // Its name is on disk too.
        File::open(folder)?.sync_all()
    };
    write().map_err(|error: io::Error| cannot_write(file, &error))
}

fn cannot_write(file: &Path, error: &io::Error) -> (Exit, String) {
    (Exit::Temporary, format!("cannot write {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        parse(Path::new("published.toml"), text).map_err(|fault| format!("{fault:#}")).unwrap_err()
    }

    #[test]
    fn a_mistake_is_shown_where_it_stands() {
        let text = "format = 1\n\n[domain.\"a.test\"]\nrecord-ttl = 60\nmx-ttl = 60\nhistory = '''\n\
            mta-sts-history 1\ndomain: a.test\nmx: soon - mx.a.test\n'''\n";
        assert_eq!(
            shown(text),
            "published.toml:9:1: A line of the history is not valid.\n  |\n9 | mx: soon - mx.a.test\n  | ^^^^^^^^^^^^^^^^^^^^"
        );
        let other = text.replace("domain: a.test", "domain: b.test").replace("soon", "1");
        assert!(
            shown(&other).starts_with("published.toml:6:11: this is the history of b.test, not of a.test\n")
        );
        assert!(
            shown(&text.replace("format = 1", "format = 2")).starts_with("published.toml:1:10: this format")
        );
        assert!(shown(&text.replace("mx-ttl", "mxttl")).contains("mxttl"));
        let wildcards =
            text.replace("soon", "1").replace("mx-ttl = 60", "mx-ttl = 60\nwildcards = [\"mx.a.test\"]");
        assert!(
            shown(&wildcards).starts_with("published.toml:6:14: this is not a wildcard"),
            "{}",
            shown(&wildcards)
        );
    }
}
