//! Received reports, read from files, folders, mailboxes and messages.

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

/// Reads received reports from files, folders and mailboxes.
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
/// A source is a file, a folder with all its contents, a maildir, a mailbox of one file (mbox), or `-` for the standard
/// input. The type of a file is determined by its first octets, never by its name: JSON, gzip of one or several members, a message with
/// a report in any of its parts, a message in a message. No input makes reading fail: an unreadable one is
/// returned as [`Unreadable`] with its reason, and everything is bounded by [`InboxLimits`].
///
/// Anybody can send a report. Without [`with_required_dkim`](Self::with_required_dkim), all are accepted.
// Meets R77, R83, R87, R88.
#[derive(Clone, Debug, Default)]
pub struct Inbox {
    sources: Vec<PathBuf>,
    limits: InboxLimits,
    trusted_host: Option<String>,
    threads: Option<usize>,
}

/// An item of an inbox.
#[derive(Debug)]
pub enum InboxItem {
    /// A report.
    Report(Box<ReceivedReport>),
    /// An input that should be a report but cannot be read.
    Unreadable(Unreadable),
    /// A message in a folder or a mailbox that neither has nor announces a report, or a hidden file.
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
    /// The contents of the report.
    pub report: Report,
    /// Its deviations from RFC 8460.
    pub deviations: Vec<Deviation>,
    /// Its uncompressed JSON.
    pub json: Vec<u8>,
    /// Its origin.
    pub origin: Origin,
    /// The result of verifying the signature of the message.
    pub authentication: Authentication,
    /// The kind of duplicate, if an earlier report has the same organisation, `report-id` and period.
    pub double: Option<Double>,
}

/// The kind of a duplicate: a report with the identity of an earlier one (RFC 8460, 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Double {
    /// It has the same contents.
    Same,
    /// It has different contents.
    Differs,
}

impl Inbox {
    /// Creates an inbox without sources, with the limits of [`InboxLimits::new`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source after the others.
    #[must_use]
    pub fn with_source(mut self, source: impl AsRef<Path>) -> Self {
        self.sources.push(source.as_ref().to_owned());
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: InboxLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Accepts only reports in messages whose DKIM signature this host has found valid, in an `Authentication-Results` field
    /// (RFC 8601). The signing domain must be that of the submitter, or a subdomain or parent domain of it.
    ///
    /// The host is the one that receives the mail: its name is first in the field. It must remove fields with its
    /// own name from incoming mail, as RFC 8601, 5 requires. Of several fields, the topmost with a DKIM result
    /// counts. Files that are not messages are not accepted.
    // Meets R20, A40.
    #[must_use]
    pub fn with_required_dkim(mut self, host: &str) -> Self {
        self.trusted_host = Some(host.into());
        self
    }

    /// Sets the number of threads that read messages. Default: the number of processors, at most eight.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Reads the sources. Items are returned in the order of the sources, and by file name in a folder; only
    /// a few messages are in memory at a time.
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

    /// Reads one received message, as transmitted after SMTP's DATA command. Its reports are not marked as duplicates.
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

/// An iterator over the items of an [`Inbox`].
pub struct InboxItems {
    results: Workers,
    ready: std::vec::IntoIter<InboxItem>,
    seen: Identities,
    /// The remaining limit of JSON octets.
    left: u64,
    is_over: bool,
}

impl InboxItems {
    /// The number of files and messages that are read, and the minimum total: the files known so far.
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

/// The reports received so far, by identity.
#[derive(Default)]
struct Identities {
    // Two hashes under secrets of their own: nobody makes two reports look like one.
    hashers: [RandomState; 2],
    contents: HashMap<[u64; 2], u64>,
}

impl Identities {
    /// Returns the kind of duplicate, if a report with the same organisation, `report-id` and period came before.
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
