use std::sync::atomic::{AtomicU64, Ordering};

/// What a [`PolicyHostServer`](crate::PolicyHostServer) has done since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublisherCounts {
    /// Domains with a policy.
    pub domains: u64,
    /// Connections that are open now.
    pub connected: u64,
    /// Accepted connections.
    pub connections: u64,
    /// Connections that were closed at once, since their client had as many as it may have.
    pub turned_away: u64,
    /// Handshakes that failed or took too long.
    pub failed_handshakes: u64,
    /// Handshakes with a name, or without one, that there is no certificate for; they are failed ones too.
    pub unknown_names: u64,
    /// Policies that were sent.
    pub policies: u64,
    /// Requests for anything that there is not: answered with 404.
    pub not_found: u64,
    /// Requests whose host is not that of the handshake: answered with 421.
    pub misdirected: u64,
    /// Other requests that were refused: answered with 400 or 405.
    pub refused: u64,
    /// TLS reports that were received.
    pub reports: u64,
    /// TLS reports that were not received: answered with another status than 201.
    pub refused_reports: u64,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
