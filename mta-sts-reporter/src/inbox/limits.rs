use mta_sts_core::tlsrpt::ReportLimits;

/// The limits of an [`Inbox`](crate::Inbox); inputs that exceed them are listed as not read.
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
    /// Creates the default limits: [`ReportLimits::new`] for a report; messages of 25 MiB, with 64 parts and 8 levels; 256 MiB of
    /// reports in total, and a million files.
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

    /// Sets the limits of an uncompressed report. Default: [`ReportLimits::new`].
    #[must_use]
    pub const fn with_report(mut self, limits: ReportLimits) -> Self {
        self.report = limits;
        self
    }

    /// Sets the maximum octets of a message, or a file with a message, and of its total decoded contents. Default:
    /// 25 MiB, which mail servers accept.
    #[must_use]
    pub const fn with_max_message_len(mut self, octets: usize) -> Self {
        self.message_len = octets;
        self
    }

    /// Sets the maximum nesting of messages, multiparts and compressed files. Default: 8; values above 64 count as 64.
    #[must_use]
    pub const fn with_max_depth(mut self, depth: u32) -> Self {
        self.depth = if depth < 64 { depth } else { 64 };
        self
    }

    /// Sets the maximum number of parts in a message, including nested ones. Default: 64.
    #[must_use]
    pub const fn with_max_parts(mut self, parts: u32) -> Self {
        self.parts = parts;
        self
    }

    /// Sets the maximum octets of JSON in all reports together. Default: 256 MiB, which is a hundred thousand reports of
    /// typical size.
    #[must_use]
    pub const fn with_max_total(mut self, octets: u64) -> Self {
        self.total = octets;
        self
    }

    /// Sets the maximum number of files, and messages in mailboxes, that are examined. Default: a million.
    #[must_use]
    pub const fn with_max_files(mut self, files: u64) -> Self {
        self.files = files;
        self
    }

    /// The limits of a report.
    pub const fn report(&self) -> &ReportLimits {
        &self.report
    }

    /// The maximum octets of a message.
    pub const fn max_message_len(&self) -> usize {
        self.message_len
    }

    /// The maximum nesting of parts.
    pub const fn max_depth(&self) -> u32 {
        self.depth
    }

    /// The maximum number of parts in a message.
    pub const fn max_parts(&self) -> u32 {
        self.parts
    }

    /// The maximum octets of JSON in all reports together.
    pub const fn max_total(&self) -> u64 {
        self.total
    }

    /// The maximum number of files and messages that are examined.
    pub const fn max_files(&self) -> u64 {
        self.files
    }
}

impl Default for InboxLimits {
    /// Equivalent to [`InboxLimits::new`].
    fn default() -> Self {
        Self::new()
    }
}
