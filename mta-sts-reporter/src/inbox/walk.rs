//! Files, folders and mailboxes, one message or file after the other.

use std::fs::{self, File, FileType};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::content::Content;
use super::mailbox::Mailbox;
use super::{InboxLimits, Origin, UnreadableReason};

/// The files of all sources: in a folder ordered by name, in a mailbox by position.
pub(super) struct Walk {
    limits: InboxLimits,
    /// The remaining inputs, the next one last.
    waiting: Vec<Waiting>,
    mailbox: Option<OpenMailbox>,
    looked_at: u64,
}

/// A mailbox, and the number of its messages read.
type OpenMailbox = (Origin, u64, Mailbox<Box<dyn BufRead + Send>>);

struct Waiting {
    path: PathBuf,
    kind: Option<FileType>,
    depth: u32,
}

/// A file or a message.
pub(super) struct Unit {
    pub(super) origin: Origin,
    pub(super) content: Result<UnitContent, UnreadableReason>,
    /// Whether it was found in a folder, and so may be anything.
    pub(super) is_by_the_way: bool,
}

pub(super) enum UnitContent {
    File(Vec<u8>),
    Message(Vec<u8>),
}

/// The maximum nesting of folders.
const MAX_FOLDER_DEPTH: u32 = 32;

impl Walk {
    pub(super) fn new(sources: Vec<PathBuf>, limits: InboxLimits) -> Self {
        let waiting = sources.into_iter().rev().map(|path| Waiting { path, kind: None, depth: 0 }).collect();
        Self { limits, waiting, mailbox: None, looked_at: 0 }
    }

    /// The number of files and messages examined, and of known files that remain.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.looked_at, self.waiting.len() as u64)
    }

    fn unit(&mut self) -> Option<Unit> {
        loop {
            if let Some(unit) = self.next_of_mailbox() {
                return Some(unit);
            }
            let waiting = self.waiting.pop()?;
            let fault = match self.open(&waiting) {
                Ok(Some(unit)) => return Some(unit),
                Ok(None) => continue,
                Err(reason) => reason,
            };
            let origin = Origin::of_file(&waiting.path);
            return Some(Unit { origin, content: Err(fault), is_by_the_way: false });
        }
    }

    fn next_of_mailbox(&mut self) -> Option<Unit> {
        let (origin, number, mailbox) = self.mailbox.as_mut()?;
        let Some(message) = mailbox.next() else {
            self.mailbox = None;
            return None;
        };
        *number += 1;
        let content = match message {
            Ok(Some(message)) => Ok(UnitContent::Message(message)),
            Ok(None) => Err(UnreadableReason::MessageTooLarge),
            Err(error) => Err(UnreadableReason::File(error)),
        };
        Some(Unit { origin: origin.with_message(*number), content, is_by_the_way: true })
    }

    /// Returns a file, or `None` if it is a folder or mailbox whose contents come first.
    fn open(&mut self, waiting: &Waiting) -> Result<Option<Unit>, UnreadableReason> {
        let path = &waiting.path;
        let is_named = waiting.depth == 0;
        if is_named && path.as_os_str() == "-" {
            return self.read(Origin::of_file(path), Box::new(BufReader::new(io::stdin())), true);
        }
        let kind = match waiting.kind {
            // Links to files are followed. Those to folders may lead round in a circle.
            Some(kind) if !kind.is_symlink() => kind,
            link => match fs::metadata(path).map_err(UnreadableReason::File)?.file_type() {
                kind if link.is_some() && kind.is_dir() => return Err(UnreadableReason::SpecialFile),
                kind => kind,
            },
        };
        if kind.is_dir() {
            self.folder(path, waiting.depth)?;
            return Ok(None);
        }
        // Whoever names a pipe means it; in a folder it would never end.
        if !kind.is_file() && !is_named {
            return Err(UnreadableReason::SpecialFile);
        }
        let file = File::open(path).map_err(UnreadableReason::File)?;
        let reader = Box::new(BufReader::with_capacity(32 * 1024, file));
        self.read(Origin::of_file(path), reader, is_named)
    }

    fn folder(&mut self, path: &Path, depth: u32) -> Result<(), UnreadableReason> {
        if depth >= MAX_FOLDER_DEPTH {
            return Err(UnreadableReason::FolderTooDeep);
        }
        // Beside these a maildir has what its server notes, and messages that are still being written.
        let is_maildir = ["cur", "new", "tmp"].iter().all(|name| path.join(name).is_dir());
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(UnreadableReason::File)? {
            let entry = entry.map_err(UnreadableReason::File)?;
            let kind = entry.file_type().map_err(UnreadableReason::File)?;
            if is_maildir && (!kind.is_dir() || entry.file_name() == "tmp") {
                continue;
            }
            entries.push(Waiting { path: entry.path(), kind: Some(kind), depth: depth + 1 });
            if entries.len() as u64 > self.limits.max_files() {
                return Err(UnreadableReason::TooManyFiles);
            }
        }
        entries.sort_unstable_by(|one, other| other.path.cmp(&one.path));
        self.waiting.append(&mut entries);
        Ok(())
    }

    fn read(
        &mut self,
        origin: Origin,
        mut reader: Box<dyn BufRead + Send>,
        is_named: bool,
    ) -> Result<Option<Unit>, UnreadableReason> {
        let start = Content::of(reader.fill_buf().map_err(UnreadableReason::File)?);
        if start == Content::Mailbox {
            self.mailbox = Some((origin, 0, Mailbox::new(reader, self.limits.max_message_len())));
            return Ok(None);
        }
        let limit = match start {
            Content::Json => self.limits.report().max_len(),
            _ => self.limits.max_message_len(),
        };
        let mut octets = Vec::new();
        // One more, for whoever compares.
        reader.take(limit as u64 + 1).read_to_end(&mut octets).map_err(UnreadableReason::File)?;
        if start != Content::Json && octets.len() > limit {
            return Err(match start {
                Content::Unknown | Content::Xml | Content::Empty => UnreadableReason::UnknownContent,
                Content::Zip => UnreadableReason::Zip,
                Content::OtherCompression(name) => UnreadableReason::OtherCompression(name),
                _ => UnreadableReason::MessageTooLarge,
            });
        }
        Ok(Some(Unit { origin, content: Ok(UnitContent::File(octets)), is_by_the_way: !is_named }))
    }
}

impl Iterator for Walk {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        if self.looked_at > self.limits.max_files() {
            return None;
        }
        let mut unit = self.unit()?;
        self.looked_at += 1;
        if self.looked_at > self.limits.max_files() {
            unit.content = Err(UnreadableReason::TooManyFiles);
        }
        Some(unit)
    }
}
