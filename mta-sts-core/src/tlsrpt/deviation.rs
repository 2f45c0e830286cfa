use core::fmt;

use super::ReportPath;
use crate::error::DeviationKind;

/// A deviation of a report from RFC 8460 or from I-JSON that did not prevent reading it.
///
/// ```
/// use mta_sts_core::tlsrpt::Report;
///
/// let read = Report::parse(br#"{"contact-info": null, "policies": []}"#)?;
/// let deviation = &read.deviations[0];
/// assert_eq!((deviation.code(), deviation.offset()), ("null-member", 17));
/// assert_eq!(deviation.path().to_string(), "contact-info");
/// # Ok::<(), mta_sts_core::tlsrpt::ReportError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deviation {
    kind: DeviationKind,
    path: ReportPath,
    offset: usize,
}

impl Deviation {
    pub(super) const fn at(kind: DeviationKind, path: ReportPath, offset: usize) -> Self {
        Self { kind, path, offset }
    }

    /// The kind of the deviation.
    pub const fn kind(&self) -> DeviationKind {
        self.kind
    }

    /// The stable code of the kind: a kebab-case word.
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The path of the member; for an unknown member, the object that contains it.
    pub const fn path(&self) -> ReportPath {
        self.path
    }

    /// The byte offset at which it was noticed, counted from 0: the start of a value, or the end of an object
    /// with a missing member.
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.write_message(formatter, self.kind.message(), self.offset)
    }
}

impl core::error::Error for Deviation {}
