/// What an [`Outbox`](super::Outbox) has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxCounts {
    /// Reports that were taken into the queue.
    pub taken: u64,
    /// Reports that went nowhere, since their domains do not ask for them any more.
    pub unwanted: u64,
    /// Deliveries by mail that were taken.
    pub sent_by_mail: u64,
    /// Deliveries by POST that were taken.
    pub sent_by_post: u64,
    /// Tries that failed.
    pub failed_tries: u64,
    /// Deliveries that the other side does not want.
    pub refused: u64,
    /// Deliveries, and reports without any, whose tries have all failed.
    pub given_up: u64,
}
