//! Reports that were received: read from files, folders, mailboxes and messages.

mod authentication;
mod content;
mod limits;
mod mailbox;
mod message;
mod origin;
mod unreadable;
mod walk;
mod workers;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use mta_sts_core::tlsrpt::{Deviation, Report};

pub use authentication::Authentication;
pub use limits::InboxLimits;
use message::{Found, MessageReader};
pub use origin::Origin;
pub use unreadable::{Unreadable, UnreadableReason};
use walk::{Unit, UnitContent, Walk};
use workers::Workers;

/// Reads reports from files and mailboxes, as they were received.
///
/// ```
/// use mta_sts_reporter::{Inbox, InboxItem};
///
/// # let folder = std::env::temp_dir().join(format!("mtasts-inbox-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # std::fs::write(folder.join("report"), br#"{"organization-name": "Sender", "policies": []}"#)?;
/// for item in Inbox::new().with_source(&folder).read() {
///     match item {
///         InboxItem::Report(received) if received.double.is_none() => {
///             println!("{}: {:?}", received.origin, received.report.organization());
///         }
///         InboxItem::Report(double) => println!("{}: came before", double.origin),
///         InboxItem::Unreadable(unreadable) => println!("{unreadable}"),
///         InboxItem::Other(origin) => println!("{origin}: no report"),
///     }
/// }
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A source is a file, a folder with all that is in it, a maildir, a mailbox of one file (mbox), or `-` for the standard
/// input. What a file is, its first octets tell, and never its name: JSON, gzip of one or several members, a message with
/// a report in any of its parts, a message in a message. Nothing that is received makes it fail: what cannot be read is
/// [`Unreadable`], with its reason, and everything is bounded by [`InboxLimits`].
///
/// Anybody can send a report. Without [`with_required_dkim`](Self::with_required_dkim) all are taken.
// Meets R77, R83, R87, R88.
#[derive(Clone, Debug, Default)]
pub struct Inbox {
    sources: Vec<PathBuf>,
    limits: InboxLimits,
    trusted_host: Option<String>,
    threads: Option<usize>,
}

/// What an inbox has.
#[derive(Debug)]
pub enum InboxItem {
    /// A report.
    Report(Box<ReceivedReport>),
    /// Something that ought to be a report, and cannot be read.
    Unreadable(Unreadable),
    /// A message in a folder or a mailbox that has no report and says nothing of one, or a hidden file of some program.
    Other(Origin),
}

impl InboxItem {
    /// The report, if it is one.
    pub fn report(&self) -> Option<&ReceivedReport> {
        match self {
            Self::Report(report) => Some(report),
            _ => None,
        }
    }
}

/// A report that was received.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReceivedReport {
    /// What it says.
    pub report: Report,
    /// Where it departs from RFC 8460.
    pub deviations: Vec<Deviation>,
    /// Its JSON, as it was unpacked.
    pub json: Vec<u8>,
    /// Where it came from.
    pub origin: Origin,
    /// What is known of the signature of the message.
    pub authentication: Authentication,
    /// Whether a report with the same organisation, `report-id` and period came before it.
    pub double: Option<Double>,
}

/// A report whose identity an earlier one has (RFC 8460, 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Double {
    /// It says the same.
    Same,
    /// It says something else.
    Differs,
}

impl Inbox {
    /// An inbox without sources, with the limits of [`InboxLimits::new`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source behind the others.
    #[must_use]
    pub fn with_source(mut self, source: impl AsRef<Path>) -> Self {
        self.sources.push(source.as_ref().to_owned());
        self
    }

    /// Sets how much is read.
    #[must_use]
    pub fn with_limits(mut self, limits: InboxLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Takes only reports of messages whose DKIM signature this host has found valid, in an `Authentication-Results` field
    /// (RFC 8601). The domain that signed must be that of the submitter, or one of the two below the other.
    ///
    /// The host is the one that takes the mail in: its name stands first in the field. It has to remove fields with its
    /// own name from mail that comes in, as RFC 8601, 5, asks for. Of several fields the uppermost that tells of DKIM
    /// counts. Files that are no messages are not taken.
    // Meets R20, A40.
    #[must_use]
    pub fn with_required_dkim(mut self, host: &str) -> Self {
        self.trusted_host = Some(host.into());
        self
    }

    /// Sets on how many threads messages are read. Default as many as there are processors, eight at most.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Reads the sources. What is read is given out in their order, by the names of files in a folder; not more than
    /// some messages are in memory at a time.
    pub fn read(self) -> InboxItems {
        let walk = Walk::new(self.sources.clone(), self.limits.clone());
        let max_total = self.limits.max_total();
        let threads = self.threads.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, |processors| processors.get().min(8))
        });
        let read = move |unit| self.items_of(unit);
        InboxItems {
            results: Workers::new(walk, threads, read),
            ready: Vec::new().into_iter(),
            seen: Identities::default(),
            left: max_total,
            is_over: false,
        }
    }

    /// Reads one message that was received: what follows the header of SMTP's DATA. Its reports are no doubles.
    ///
    /// See [`Authentication`] for an example.
    pub fn read_message(&self, message: &[u8]) -> Vec<InboxItem> {
        let origin = Origin::of_file(Path::new("-"));
        let content = Ok(UnitContent::Message(message.to_vec()));
        self.items_of(Unit { origin, content, is_by_the_way: true })
    }

    fn items_of(&self, unit: Unit) -> Vec<InboxItem> {
        let reader = MessageReader::new(&self.limits, self.trusted_host.as_deref(), unit.origin.clone());
        let found = match &unit.content {
            Ok(UnitContent::File(octets)) => reader.file(octets),
            Ok(UnitContent::Message(octets)) => reader.message(octets),
            Err(_) => Vec::new(),
        };
        if let Err(reason) = unit.content {
            return vec![InboxItem::Unreadable(Unreadable { origin: unit.origin, reason })];
        }
        if found.is_empty() {
            return vec![if unit.is_by_the_way {
                InboxItem::Other(unit.origin)
            } else {
                InboxItem::Unreadable(Unreadable { origin: unit.origin, reason: UnreadableReason::NoReport })
            }];
        }
        let is_hidden =
            || unit.origin.file().file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        if unit.is_by_the_way
            && let [Found { result: Err(UnreadableReason::UnknownContent | UnreadableReason::Empty), .. }] =
                &found[..]
            && is_hidden()
        {
            return vec![InboxItem::Other(unit.origin)];
        }
        found.into_iter().map(InboxItem::from).collect()
    }
}

impl From<Found> for InboxItem {
    fn from(found: Found) -> Self {
        let Found { origin, result } = found;
        match result {
            Ok(found) => Self::Report(Box::new(ReceivedReport {
                report: found.read.report,
                deviations: found.read.deviations,
                json: found.json,
                origin,
                authentication: found.authentication,
                double: None,
            })),
            Err(reason) => Self::Unreadable(Unreadable { origin, reason }),
        }
    }
}

/// What an [`Inbox`] has, one after the other.
pub struct InboxItems {
    results: Workers,
    ready: std::vec::IntoIter<InboxItem>,
    seen: Identities,
    /// How many octets of JSON may still come.
    left: u64,
    is_over: bool,
}

impl InboxItems {
    /// How many files and messages are read, and how many there are at least: the files that are known.
    pub fn progress(&self) -> (u64, u64) {
        self.results.progress()
    }
}

impl Iterator for InboxItems {
    type Item = InboxItem;

    fn next(&mut self) -> Option<InboxItem> {
        let mut item = loop {
            if self.is_over {
                return None;
            }
            match self.ready.next() {
                Some(item) => break item,
                None => self.ready = self.results.next()?.into_iter(),
            }
        };
        if let InboxItem::Report(received) = &mut item {
            let Some(left) = self.left.checked_sub(received.json.len() as u64) else {
                self.is_over = true;
                let origin = received.origin.clone();
                let reason = UnreadableReason::TooMuchInAll;
                return Some(InboxItem::Unreadable(Unreadable { origin, reason }));
            };
            self.left = left;
            received.double = self.seen.meet(&received.report);
        }
        Some(item)
    }
}

impl std::fmt::Debug for InboxItems {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("InboxItems").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

/// The reports that came, by what tells a double.
#[derive(Default)]
struct Identities {
    // Two hashes under secrets of their own: nobody makes two reports look like one.
    hashers: [RandomState; 2],
    contents: HashMap<[u64; 2], u64>,
}

impl Identities {
    /// Whether a report with the same organisation, `report-id` and period came before.
    fn meet(&mut self, report: &Report) -> Option<Double> {
        let name = report.organization().or(report.submitter()).unwrap_or_default().trim().to_lowercase();
        let content = self.hashers[0].hash_one(report);
        // What has no id is told by all that it says.
        let without_id = report.id().is_none_or(str::is_empty).then_some(content);
        let identity = (name, report.id(), report.period(), without_id);
        let key = [self.hashers[0].hash_one(&identity), self.hashers[1].hash_one(&identity)];
        match self.contents.entry(key) {
            Entry::Vacant(place) => {
                place.insert(content);
                None
            }
            Entry::Occupied(earlier) if *earlier.get() == content => Some(Double::Same),
            Entry::Occupied(_) => Some(Double::Differs),
        }
    }
}
