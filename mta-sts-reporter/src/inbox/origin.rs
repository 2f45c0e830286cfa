use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::Visible;

/// The origin of a report: the file, the message in a mailbox, and the part of a message.
///
/// ```no_run
/// # fn show(origin: &mta_sts_reporter::Origin) {
/// println!("{origin}"); // reports.mbox, message 12, part 3
/// # }
/// ```
///
/// Its `Display` output contains nothing that a terminal would act upon.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    file: Arc<Path>,
    message: Option<u64>,
    part: Option<u32>,
}

impl Origin {
    pub(super) fn of_file(path: &Path) -> Self {
        Self { file: path.into(), message: None, part: None }
    }

    pub(super) fn with_message(&self, number: u64) -> Self {
        Self { message: Some(number), ..self.clone() }
    }

    pub(super) fn with_part(&self, number: u32) -> Self {
        Self { part: Some(number), ..self.clone() }
    }

    /// The file; `-` for the standard input.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The message in a mailbox of one file, counted from 1.
    pub const fn message(&self) -> Option<u64> {
        self.message
    }

    /// The part of a message, counted from 1 in order, including parts that contain others.
    pub const fn part(&self) -> Option<u32> {
        self.part
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.to_string_lossy();
        let file = if file == "-" { "standard input".into() } else { file };
        write!(formatter, "{}", Visible(&file))?;
        if let Some(number) = self.message {
            write!(formatter, ", message {number}")?;
        }
        match self.part {
            Some(number) => write!(formatter, ", part {number}"),
            None => Ok(()),
        }
    }
}
