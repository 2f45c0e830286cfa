use std::fmt;
use std::io;

use mta_sts_core::tlsrpt::ReportError;

use super::Origin;
use super::authentication::Authentication;

/// An input without a readable report, and the reason.
///
/// ```no_run
/// # fn list(unreadable: &mta_sts_reporter::Unreadable) {
/// println!("{}: {} [{}]", unreadable.origin(), unreadable.reason(), unreadable.reason().code());
/// # }
/// ```
#[derive(Debug)]
pub struct Unreadable {
    pub(super) origin: Origin,
    pub(super) reason: UnreadableReason,
}

impl Unreadable {
    /// Its location.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The reason why it was not read.
    pub const fn reason(&self) -> &UnreadableReason {
        &self.reason
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.origin, self.reason)
    }
}

impl std::error::Error for Unreadable {}

/// The reason why an input was not read as a report.
///
/// ```
/// use mta_sts_reporter::UnreadableReason;
///
/// assert_eq!(UnreadableReason::Zip.code(), "zip");
/// println!("{}", UnreadableReason::Zip);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum UnreadableReason {
    /// The file cannot be read.
    File(io::Error),
    /// It is neither a file nor a folder, or it is a link to a folder.
    SpecialFile,
    /// Folders are nested too deeply.
    FolderTooDeep,
    /// It is empty.
    Empty,
    /// Its first octets are not those of a report, a message or a compressed file.
    UnknownContent,
    /// It is a zip archive; RFC 8460 allows only gzip.
    Zip,
    /// It is compressed by something other than gzip.
    OtherCompression(&'static str),
    /// The compressed data is truncated or damaged.
    DamagedGzip,
    /// Its uncompressed size exceeds the limit of a report.
    TooMuchUnpacked,
    /// A message exceeds the length limit.
    MessageTooLarge,
    /// A message exceeds the limit of parts.
    TooManyParts,
    /// The parts of a message are nested too deeply.
    TooDeep,
    /// The header of a message or of a part exceeds the length limit.
    HeaderTooLarge,
    /// The base64 or quoted-printable text of a part cannot be decoded.
    DamagedEncoding,
    /// A message announces a report, but contains none.
    MissingReport,
    /// A message that was given as a source has no report.
    NoReport,
    /// It is not a report.
    Report(ReportError),
    /// The message does not have the required signature.
    NotAuthenticated(Authentication),
    /// All reports together exceed the limit.
    TooMuchInAll,
    /// The number of files exceeds the limit.
    TooManyFiles,
}

impl UnreadableReason {
    /// The stable kebab-case code of the reason; for an invalid report, the code of the [`ReportError`].
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File(_) => "file-unreadable",
            Self::SpecialFile => "special-file",
            Self::FolderTooDeep => "folder-too-deep",
            Self::Empty => "empty",
            Self::UnknownContent => "unknown-content",
            Self::Zip => "zip",
            Self::OtherCompression(_) => "other-compression",
            Self::DamagedGzip => "damaged-gzip",
            Self::TooMuchUnpacked => "too-much-unpacked",
            Self::MessageTooLarge => "message-too-large",
            Self::TooManyParts => "too-many-parts",
            Self::TooDeep => "too-deep",
            Self::HeaderTooLarge => "header-too-large",
            Self::DamagedEncoding => "damaged-encoding",
            Self::MissingReport => "missing-report",
            Self::NoReport => "no-report",
            Self::Report(error) => error.code(),
            Self::NotAuthenticated(_) => "not-authenticated",
            Self::TooMuchInAll => "too-much-in-all",
            Self::TooManyFiles => "too-many-files",
        }
    }
}

impl fmt::Display for UnreadableReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = match self {
            Self::File(error) => return write!(formatter, "It cannot be read: {error}."),
            Self::OtherCompression(name) => {
                return write!(formatter, "It is compressed by {name}; RFC 8460 allows only gzip.");
            }
            Self::Report(error) => return error.fmt(formatter),
            Self::NotAuthenticated(authentication) => return authentication.fmt(formatter),
            Self::SpecialFile => "It is neither a file nor a folder, or it is a link to a folder.",
            Self::FolderTooDeep => "Folders are nested too deeply.",
            Self::Empty => "It is empty.",
            Self::UnknownContent => "It is no report, no message, and nothing compressed by gzip.",
            Self::Zip => "It is a zip archive; RFC 8460 allows only gzip. Unpack it, and read what is in it.",
            Self::DamagedGzip => "Its gzip is damaged, or cut off.",
            Self::TooMuchUnpacked => "Unpacked, it is larger than a report may be.",
            Self::MessageTooLarge => "The message exceeds the length limit.",
            Self::TooManyParts => "The message has too many parts.",
            Self::TooDeep => "Its parts are nested too deeply.",
            Self::HeaderTooLarge => "The header of the message, or of a part, is too long.",
            Self::DamagedEncoding => "Its base64, or quoted-printable, cannot be decoded.",
            Self::MissingReport => "The message announces a TLS report, but contains none.",
            Self::NoReport => "The message has no TLS report.",
            Self::TooMuchInAll => "All reports together exceed the limit; give fewer.",
            Self::TooManyFiles => "There are more files and messages than are read at once; give fewer.",
        };
        formatter.write_str(message)
    }
}
