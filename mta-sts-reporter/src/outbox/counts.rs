/// Counts of an [`Outbox`](super::Outbox) since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxCounts {
    /// Reports that were added to the queue.
    pub taken: u64,
    /// Reports that were dropped, since their domains no longer request them.
    pub unwanted: u64,
    /// Deliveries by mail that were accepted.
    pub sent_by_mail: u64,
    /// Deliveries by POST that were accepted.
    pub sent_by_post: u64,
    /// Attempts that failed.
    pub failed_tries: u64,
    /// Deliveries that the receiver has rejected.
    pub refused: u64,
    /// Deliveries, and reports without any, whose attempts have all failed.
    pub given_up: u64,
    /// The number of deliveries that wait for an attempt now, and of reports whose record is not queried yet.
    pub waiting: u64,
}
