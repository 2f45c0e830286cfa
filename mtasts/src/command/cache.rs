use std::collections::BTreeSet;
use std::io::{self, BufRead, Read as _, Write};
use std::sync::Arc;

use clap::{Args, Subcommand};
use mta_sts_core::{CacheEntry, EntryErrorKind, PolicyDomain, UnixTime};
use mta_sts_resolver::{EntryStore, SqliteAccess, StoreError, Unreadable, UnreadableEntry};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::check::now;
use super::control::{ControlClient, ControlError, Refreshed, Request, Which};
use super::explain::ControlSocket;
use super::output::{printable, time, with_progress};
use super::remembered::Remembered;
use super::serve::DaemonConfiguration;
use super::store::{self, StorePlace};
use super::{Exit, told};

/// Inspect and change the policies that `mtasts serve` has in memory and in its store
///
/// `refresh` and `dump` contact the running daemon through its control socket, and so does `purge` if a daemon is
/// running: it then purges both memory and the store. The other commands read and write only the store, which a running
/// daemon reads at startup, and for domains that are not in its memory.
///
/// Exit status: 0 done; 1 nothing is stored for the domain, or an entry cannot be used; 2 wrong usage; 66 there is no store, or it cannot
/// be read; 75 no daemon answers, or the store is not available now; 78 the configuration has a mistake.
#[derive(Args, Debug)]
pub(crate) struct Cache {
    #[command(flatten)]
    control: ControlSocket,
    /// Use this store, and do not contact a daemon: a file, or a Redis server, `redis://HOST:PORT/NUMBER`,
    /// `rediss://HOST:PORT/NUMBER`, `redis+unix:///PATH` or `redis+sentinel://HOST,HOST/SERVICE` [default: `$MTASTS_STORE`, or else the one of the
    /// configuration, or else sqlite]
    #[arg(long, global = true, value_name = "sqlite[:FILE]|redis://...")]
    store: Option<StorePlace>,
    /// Print machine-readable JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the domains with their policies
    List,
    /// Show the stored entry of DOMAIN
    Show {
        #[arg(value_parser = domain)]
        domain: PolicyDomain,
    },
    /// Remove domains from the memory of the running daemon and from its store
    #[command(group = clap::ArgGroup::new("which").required(true))]
    Purge {
        /// Remove these domains
        #[arg(group = "which", value_name = "DOMAIN", value_parser = domain)]
        domains: Vec<PolicyDomain>,
        /// Remove domains whose policy has expired, or that have none
        #[arg(long, group = "which")]
        expired: bool,
        /// Remove everything: mail is then unprotected until each policy is fetched again
        #[arg(long, group = "which")]
        all: bool,
    },
    /// Make the running daemon fetch the policies of domains now, disregarding its cache
    Refresh {
        #[arg(required = true, value_name = "DOMAIN", value_parser = domain)]
        domains: Vec<PolicyDomain>,
    },
    /// Write the memory of the running daemon to standard output, in the format of `export`
    Dump,
    /// Write the whole store to standard output: one JSON object per line, with `domain` and `entry`
    Export,
    /// Read the output of `export` from standard input; nothing newer is replaced
    Import,
}

/// The reason why a command ends early.
enum Failed {
    Store(StoreError),
    Daemon(ControlError),
    Configuration {
        exit: Exit,
        what: String,
    },
    /// The output was closed, or the input cannot be read.
    Stream(io::Error),
    Input {
        line: usize,
        what: String,
    },
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ControlError> for Failed {
    fn from(error: ControlError) -> Self {
        Self::Daemon(error)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

impl Cache {
    pub(crate) async fn run(self) -> Exit {
        let done = match &self.action {
            Action::Refresh { domains } => self.refresh(domains).await,
            Action::Dump => self.dump().await,
            Action::Purge { domains, expired, all } => match self.daemon().await {
                Ok(Some(daemon)) => self.purge_in_daemon(daemon, domains, *expired, *all).await,
                Ok(None) => return self.run_on_store().await,
                Err(failed) => Err(failed),
            },
            _ => return self.run_on_store().await,
        };
        exit_of(done, "")
    }

    async fn run_on_store(&self) -> Exit {
        let access = match self.action {
            Action::Purge { .. } => SqliteAccess::Write,
            Action::Import => SqliteAccess::Create,
            _ => SqliteAccess::Read,
        };
        let place = match self.place() {
            Ok(place) => place,
            Err((exit, what)) => return told(exit, &what),
        };
        let store = match place.open(access) {
            Ok(Some(store)) => store,
            Ok(None) => {
                return told(Exit::Usage, "the daemon keeps policies in memory only, so there is no store");
            }
            Err(error) => return told(store::exit(&error), &format!("{place}: {error}")),
        };
        let done = match &self.action {
            Action::List => self.list(&store).await,
            Action::Show { domain } => self.show(&store, domain).await,
            Action::Purge { domains, expired, all } => self.purge(&store, domains, *expired, *all).await,
            Action::Import => import(&store).await,
            // The others contact the daemon.
            _ => export(&store).await,
        };
        exit_of(done, &place.to_string())
    }

    /// A client of the running daemon, unless a store is named; `None` if no daemon is configured.
    async fn daemon(&self) -> Result<Option<ControlClient>, Failed> {
        if self.store.is_some() && self.control.control.is_none() {
            return Ok(None);
        }
        match self.connect().await {
            Err(Failed::Daemon(error)) if error.is_absence() && self.control.control.is_none() => Ok(None),
            connected => connected.map(Some),
        }
    }

    async fn connect(&self) -> Result<ControlClient, Failed> {
        let path = self.control.path().map_err(|(exit, what)| Failed::Configuration { exit, what })?;
        Ok(ControlClient::connect(&path).await?)
    }

    async fn purge_in_daemon(
        &self,
        mut daemon: ControlClient,
        domains: &[PolicyDomain],
        expired: bool,
        all: bool,
    ) -> Result<Exit, Failed> {
        let mut which: Vec<_> =
            domains.iter().map(|domain| Which::Domain(domain.as_str().to_owned())).collect();
        if expired || all {
            which = vec![if all { Which::All } else { Which::Expired }];
        }
        let mut purged = 0;
        for which in which {
            let answer = daemon.ask(Request::Purge { which }).await?;
            purged += daemon.read::<u64>(&answer["purged"])?;
        }
        self.tell_purged(purged, domains)
    }

    fn tell_purged(&self, purged: u64, domains: &[PolicyDomain]) -> Result<Exit, Failed> {
        let mut out = anstream::stdout();
        if self.json {
            writeln!(out, "{}", json!({ "purged": purged }))?;
        } else {
            writeln!(out, "{purged} removed")?;
        }
        Ok(if domains.is_empty() || purged > 0 { Exit::Fine } else { Exit::No })
    }

    async fn refresh(&self, domains: &[PolicyDomain]) -> Result<Exit, Failed> {
        let mut daemon = self.connect().await?;
        let mut exit = Exit::Fine;
        let mut out = anstream::stdout();
        for domain in domains {
            let request = Request::Refresh { domain: domain.as_str().to_owned() };
            let answer =
                with_progress(&format!("fetching the policy of {domain}"), daemon.ask(request)).await?;
            let refreshed = daemon.read::<Refreshed>(&answer["refreshed"])?;
            if refreshed.cause.is_some() {
                exit = Exit::No;
            }
            if self.json {
                writeln!(out, "{}", answer["refreshed"])?;
                continue;
            }
            let applies = match (&refreshed.mode, &refreshed.cause) {
                (Some(mode), None) => format!("fetched, with mode {mode}"),
                (Some(mode), Some(cause)) => {
                    format!("not fetched; the cached one with mode {mode} applies: {cause}")
                }
                (None, cause) => format!("not fetched: {}", cause.as_deref().unwrap_or_default()),
            };
            writeln!(out, "{domain} {}", printable(&applies))?;
        }
        Ok(exit)
    }

    async fn dump(&self) -> Result<Exit, Failed> {
        let mut daemon = self.connect().await?;
        daemon.send(Request::Dump).await?;
        let mut out = io::BufWriter::new(io::stdout());
        loop {
            let line = daemon.next().await?;
            if line.get("entry").is_none() {
                break;
            }
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        Ok(Exit::Fine)
    }

    fn place(&self) -> Result<StorePlace, (Exit, String)> {
        // A named configuration is read in any case.
        let config = &self.control.config;
        if let (Some(place), None) = (&self.store, config) {
            return Ok(place.clone());
        }
        let configuration = DaemonConfiguration::read(config.as_deref())?;
        let in_environment = StorePlace::from_environment().map_err(|what| (Exit::Usage, what))?;
        let place = self.store.clone().or(in_environment);
        Ok(place.unwrap_or_else(|| configuration.store().clone()))
    }

    async fn list(&self, store: &Arc<dyn EntryStore>) -> Result<Exit, Failed> {
        let now = now();
        let mut out = anstream::stdout();
        let mut entries = Entries::of(store);
        while let Some(page) = entries.next().await? {
            for (domain, entry) in page {
                if self.json {
                    writeln!(out, "{}", summary(&domain, &entry, now))?;
                    continue;
                }
                let state = match entry.policy() {
                    Some(cached) => format!(
                        "{} {} {}",
                        cached.policy().mode(),
                        if cached.is_valid(now) { "until" } else { "expired" },
                        time(cached.expires_at().as_secs()),
                    ),
                    None => "no policy".to_owned(),
                };
                writeln!(out, "{domain} {}", printable(&state))?;
            }
        }
        let (mut newer, mut damaged) = (0, 0);
        let mut unreadable = Unread::of(store);
        while let Some(page) = unreadable.next().await? {
            let of_later = page.iter().filter(|entry| entry.why != Unreadable::Damaged).count();
            (newer, damaged) = (newer + of_later, damaged + page.len() - of_later);
        }
        tell_unreadable(newer, damaged, "not listed");
        Ok(Exit::Fine)
    }

    async fn show(&self, store: &Arc<dyn EntryStore>, domain: &PolicyDomain) -> Result<Exit, Failed> {
        let Some(entry) = store.get(domain).await? else {
            let mut unreadable = Unread::of(store);
            while let Some(page) = unreadable.next().await? {
                if let Some(entry) = page.iter().find(|entry| entry.name == domain.as_str().as_bytes()) {
                    let why = match entry.why {
                        Unreadable::Damaged => "is damaged",
                        _ => "was written by a later version of mtasts, and cannot be read",
                    };
                    return Ok(told(Exit::No, &format!("the stored entry of {domain} {why}")));
                }
            }
            return Ok(told(Exit::No, &format!("nothing is stored for {domain}")));
        };
        let mut out = anstream::stdout();
        if self.json {
            let mut value = summary(domain, &entry, now());
            value["entry"] = entry.to_text(domain).into();
            writeln!(out, "{value:#}")?;
        } else {
            for line in entry.to_text(domain).lines() {
                writeln!(out, "{}", printable(line))?;
            }
        }
        Ok(Exit::Fine)
    }

    async fn purge(
        &self,
        store: &Arc<dyn EntryStore>,
        domains: &[PolicyDomain],
        expired: bool,
        all: bool,
    ) -> Result<Exit, Failed> {
        let mut chosen: BTreeSet<_> = domains.iter().cloned().collect();
        if domains.is_empty() {
            let now = now();
            let mut entries = Entries::of(store);
            while let Some(page) = entries.next().await? {
                let goes = |entry: &CacheEntry| !expired || entry.valid_policy(now).is_none();
                chosen.extend(page.into_iter().filter(|(_, entry)| goes(entry)).map(|(domain, _)| domain));
            }
        }
        if all {
            let mut unreadable = Unread::of(store);
            while let Some(page) = unreadable.next().await? {
                let names = page.iter().filter_map(|entry| str::from_utf8(&entry.name).ok());
                chosen.extend(names.filter_map(|name| PolicyDomain::parse(name).ok()));
            }
        }
        let mut purged = 0;
        for domain in &chosen {
            purged += u64::from(store.remove(domain).await?);
        }
        self.tell_purged(purged, domains)
    }
}

fn exit_of(done: Result<Exit, Failed>, place: &str) -> Exit {
    match done {
        Ok(exit) => exit,
        Err(Failed::Store(error)) => told(store::exit(&error), &format!("{place}: {error}")),
        Err(Failed::Daemon(error)) => told(error.exit(), &error.to_string()),
        Err(Failed::Configuration { exit, what }) => told(exit, &what),
        Err(Failed::Stream(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::No,
        Err(Failed::Stream(error)) => told(Exit::NoInput, &error.to_string()),
        Err(Failed::Input { line, what }) => told(Exit::No, &format!("line {line}: {what}")),
    }
}

async fn export(store: &Arc<dyn EntryStore>) -> Result<Exit, Failed> {
    let mut out = io::BufWriter::new(io::stdout());
    let mut entries = Entries::of(store);
    while let Some(page) = entries.next().await? {
        for (domain, entry) in page {
            writeln!(out, "{}", json!({ "domain": domain.as_str(), "entry": entry.to_text(&domain) }))?;
        }
    }
    // What this version cannot read, a later one can.
    let (mut newer, mut damaged) = (0, 0);
    let mut unreadable = Unread::of(store);
    while let Some(page) = unreadable.next().await? {
        for UnreadableEntry { name, text, why } in page {
            match (why, String::from_utf8(name), String::from_utf8(text)) {
                (why, Ok(domain), Ok(entry)) if why != Unreadable::Damaged => {
                    writeln!(out, "{}", json!({ "domain": domain, "entry": entry }))?;
                    newer += 1;
                }
                _ => damaged += 1,
            }
        }
    }
    out.flush()?;
    tell_unreadable(newer, 0, "written unchanged");
    tell_unreadable(0, damaged, "left out");
    Ok(if damaged > 0 { Exit::No } else { Exit::Fine })
}

fn tell_unreadable(newer: usize, damaged: usize, what: &str) {
    if newer > 0 {
        anstream::eprintln!("mtasts: entries of a later version of mtasts: {newer}, {what}");
    }
    if damaged > 0 {
        anstream::eprintln!("mtasts: damaged entries: {damaged}, {what}");
    }
}

async fn import(store: &Arc<dyn EntryStore>) -> Result<Exit, Failed> {
    let mut input = io::BufReader::new(io::stdin());
    let (mut imported, mut older, mut newer) = (0, 0, 0);
    let mut count = |is_imported: bool| if is_imported { imported += 1 } else { older += 1 };
    // Many at once, since a store combines concurrent writes.
    let mut importing = JoinSet::new();
    let mut fault = None;
    for line in 1.. {
        let mut text = String::new();
        // An entry has at most 64 KiB; JSON may make it several times longer.
        if input.by_ref().take(MAX_LINE).read_line(&mut text)? == 0 {
            break;
        }
        match imported_entry(&text) {
            Ok(Some((domain, entry))) => {
                importing.spawn(import_entry(Arc::clone(store), domain, entry));
            }
            Ok(None) => newer += 1,
            Err(what) => {
                fault = Some(Failed::Input { line, what });
                break;
            }
        }
        if importing.len() == IMPORTS_AT_ONCE
            && let Some(Ok(is_imported)) = importing.join_next().await
        {
            count(is_imported?);
        }
    }
    // Lines before a faulty one are imported all the same.
    for is_imported in importing.join_all().await {
        count(is_imported?);
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    writeln!(anstream::stdout(), "{imported} imported, {older} not newer than the stored ones")?;
    tell_unreadable(newer, 0, "left out");
    Ok(if newer > 0 { Exit::No } else { Exit::Fine })
}

/// Returns whether the entry was newer than the stored one.
async fn import_entry(
    store: Arc<dyn EntryStore>,
    domain: PolicyDomain,
    entry: CacheEntry,
) -> Result<bool, StoreError> {
    let fetched_at = |entry: &CacheEntry| entry.policy().map(mta_sts_core::CachedPolicy::fetched_at);
    match store.get(&domain).await? {
        Some(known) if fetched_at(&known) >= fetched_at(&entry) => Ok(false),
        _ => store.put(&domain, &entry).await.map(|_| true),
    }
}

/// Parses a line of `export`; `None` if its entry is of a later version.
fn imported_entry(line: &str) -> Result<Option<(PolicyDomain, CacheEntry)>, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let text = |name: &str| value[name].as_str().ok_or_else(|| format!("{name:?} is missing"));
    let domain = domain(text("domain")?)?;
    match CacheEntry::parse(text("entry")?.as_bytes(), &domain) {
        Ok(entry) => Ok(Some((domain, entry))),
        Err(error) if error.kind() == EntryErrorKind::UnknownVersion => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// All entries of a store, page by page.
struct Entries<'a> {
    store: &'a Arc<dyn EntryStore>,
    after: Option<PolicyDomain>,
}

impl<'a> Entries<'a> {
    fn of(store: &'a Arc<dyn EntryStore>) -> Self {
        Self { store, after: None }
    }

    async fn next(&mut self) -> Result<Option<Vec<(PolicyDomain, CacheEntry)>>, StoreError> {
        let page = self.store.page(self.after.as_ref(), 1000).await?;
        self.after = page.last().map(|(domain, _)| domain.clone());
        Ok(self.after.is_some().then_some(page))
    }
}

/// All unreadable entries of a store, page by page.
struct Unread<'a> {
    store: &'a Arc<dyn EntryStore>,
    last: Option<UnreadableEntry>,
}

impl<'a> Unread<'a> {
    fn of(store: &'a Arc<dyn EntryStore>) -> Self {
        Self { store, last: None }
    }

    async fn next(&mut self) -> Result<Option<Vec<UnreadableEntry>>, StoreError> {
        let page = self.store.unreadable(self.last.as_ref(), 1000).await?;
        self.last = page.last().cloned();
        Ok(self.last.is_some().then_some(page))
    }
}

fn summary(domain: &PolicyDomain, entry: &CacheEntry, now: UnixTime) -> Value {
    let mut value = json!(Remembered::of(entry, now));
    value["domain"] = domain.as_str().into();
    value
}

fn domain(text: &str) -> Result<PolicyDomain, String> {
    PolicyDomain::parse(text).map_err(|error| format!("{} [{}]", error.kind().message(), error.code()))
}

const MAX_LINE: u64 = 1 << 20;
const IMPORTS_AT_ONCE: usize = 256;
