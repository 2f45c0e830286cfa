use mta_sts_core::tlsrpt::ReportLimits;

/// How much an [`Inbox`](crate::Inbox) reads; what has more is listed as not read.
///
/// ```
/// use mta_sts_reporter::InboxLimits;
///
/// let limits = InboxLimits::new().with_max_total(1024 * 1024 * 1024);
/// assert_eq!(limits.max_message_len(), 25 * 1024 * 1024);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxLimits {
    report: ReportLimits,
    message_len: usize,
    depth: u32,
    parts: u32,
    total: u64,
    files: u64,
}

impl InboxLimits {
    /// A report as [`ReportLimits::new`] has it; a message of 25 MiB, with 64 parts that are 8 deep in each other; 256 MiB of
    /// reports in all, of a million files.
    pub const fn new() -> Self {
        Self {
            report: ReportLimits::new(),
            message_len: 25 * 1024 * 1024,
            depth: 8,
            parts: 64,
            total: 256 * 1024 * 1024,
            files: 1_000_000,
        }
    }

    /// Sets how much of a report is read, when it is unpacked. Default [`ReportLimits::new`].
    #[must_use]
    pub const fn with_report(mut self, limits: ReportLimits) -> Self {
        self.report = limits;
        self
    }

    /// Sets how many octets a message may have, or a file with a message, and how many all that is unpacked of it. Default
    /// 25 MiB, what mail servers take.
    #[must_use]
    pub const fn with_max_message_len(mut self, octets: usize) -> Self {
        self.message_len = octets;
        self
    }

    /// Sets how many messages, multiparts and compressed files may be in each other. Default 8; at most 64 count.
    #[must_use]
    pub const fn with_max_depth(mut self, depth: u32) -> Self {
        self.depth = if depth < 64 { depth } else { 64 };
        self
    }

    /// Sets how many parts a message may have, those in its parts included. Default 64.
    #[must_use]
    pub const fn with_max_parts(mut self, parts: u32) -> Self {
        self.parts = parts;
        self
    }

    /// Sets how many octets of JSON all reports together may have. Default 256 MiB, which is a hundred thousand reports of
    /// the usual kind.
    #[must_use]
    pub const fn with_max_total(mut self, octets: u64) -> Self {
        self.total = octets;
        self
    }

    /// Sets how many files, and messages in mailboxes, are looked at. Default a million.
    #[must_use]
    pub const fn with_max_files(mut self, files: u64) -> Self {
        self.files = files;
        self
    }

    /// How much of a report is read.
    pub const fn report(&self) -> &ReportLimits {
        &self.report
    }

    /// How many octets a message may have.
    pub const fn max_message_len(&self) -> usize {
        self.message_len
    }

    /// How deep parts may be in each other.
    pub const fn max_depth(&self) -> u32 {
        self.depth
    }

    /// How many parts a message may have.
    pub const fn max_parts(&self) -> u32 {
        self.parts
    }

    /// How many octets of JSON all reports together may have.
    pub const fn max_total(&self) -> u64 {
        self.total
    }

    /// How many files and messages are looked at.
    pub const fn max_files(&self) -> u64 {
        self.files
    }
}

impl Default for InboxLimits {
    /// As [`InboxLimits::new`].
    fn default() -> Self {
        Self::new()
    }
}
