//! The thread that counts.

use std::sync::Arc;

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{Counted, Datagram, DatagramError, Event, PolicyType};

use super::CollectorConfig;
use super::complaint::Complaint;
use super::counts::{CollectorCounts, Counters, value};
use super::queue::{Batch, Queue};
use crate::ReportStore;

/// Parses datagrams, and counts their events together with failed discoveries.
pub(super) struct Counting {
    store: ReportStore,
    config: CollectorConfig,
    counters: Arc<Counters>,
    forward: Option<Arc<Queue>>,
    refused: Complaint,
    overflowed: Complaint,
    overflows_seen: u64,
}

impl Counting {
    pub(super) fn new(
        store: ReportStore,
        config: CollectorConfig,
        counters: &Arc<Counters>,
        forward: Option<Arc<Queue>>,
    ) -> Self {
        Self {
            store,
            config,
            counters: Arc::clone(counters),
            forward,
            refused: Complaint::default(),
            overflowed: Complaint::default(),
            overflows_seen: 0,
        }
    }

    /// Runs until the queue is closed and empty.
    pub(super) fn work(mut self, queue: &Queue) {
        let mut batch = Batch::default();
        while queue.take(&mut batch) {
            let now = (self.config.clock)();
            // The counts are those of the batch, and added at once.
            let mut counts = CollectorCounts::default();
            for datagram in batch.iter() {
                self.forward(datagram);
                match Datagram::parse(datagram) {
                    Ok(datagram) => self.count(&datagram, now, &mut counts),
                    Err(error) => self.refuse(&error, now, &mut counts),
                }
            }
            for datagram in batch.read() {
                self.count(datagram, now, &mut counts);
            }
            self.counters.add(counts);
            self.tell_of_overflow(now);
        }
        if let Some(forward) = &self.forward {
            forward.close();
        }
    }

    fn forward(&self, datagram: &[u8]) {
        if let Some(forward) = &self.forward
            && !forward.push(datagram)
        {
            super::count(&self.counters.forward_lost);
        }
    }

    fn count(&self, datagram: &Datagram, now: UnixTime, counts: &mut CollectorCounts) {
        for event in datagram.events() {
            self.count_event(event, datagram.record(), now, &mut |counted| counts.add_event(counted));
        }
    }

    /// Counts a session once, with its actual result.
    fn count_event(&self, event: Event<'_>, record: &str, now: UnixTime, counted: &mut impl FnMut(Counted)) {
        let mut count = |event: Event<'_>| {
            let event = match self.config.sending_ip {
                Some(address) => event.with_sending_ip(address),
                None => event,
            };
            let result = self.store.count(&event, now);
            let is_counted = !matches!(result, Counted::Not(_));
            counted(result);
            is_counted
        };
        let policy_type = event.policy_type();
        let discoveries = self.config.discoveries.as_deref().filter(|_| policy_type != PolicyType::Tlsa);
        let failed = discoveries.and_then(|discoveries| discoveries.last(event.domain()));
        let failure = failed
            .as_deref()
            .and_then(|outcome| Event::discovery(event.domain(), outcome))
            .map(|failure| failure.with_record(record));
        let (event, is_unchecked) = self.as_checked(event, now);
        let is_counted = match failure {
            // It was without policy because of the failure.
            Some(failure)
                if policy_type == PolicyType::NoPolicyFound
                    && !event.has_failed()
                    && failure.has_failed() =>
            {
                count(failure)
            }
            Some(failure) if policy_type == PolicyType::Sts && !failure.has_failed() => {
                let is_counted = count(event);
                count(failure);
                is_counted
            }
            _ => count(event),
        };
        // Where nobody wants a report, nobody needs a probe.
        if is_unchecked
            && is_counted
            && let Some(probes) = &self.config.probes
        {
            probes.note_unchecked(event.domain(), record, now);
        }
    }

    /// The session as far as it was verified, and whether only a probe could say more about it.
    fn as_checked<'e>(&self, event: Event<'e>, now: UnixTime) -> (Event<'e>, bool) {
        if self.config.is_testing_checked {
            return (event, false);
        }
        let unchecked = event.with_testing_unchecked();
        if unchecked.policy_type() == event.policy_type() {
            return (event, false);
        }
        match &self.config.probes {
            Some(probes) if probes.have_passed(event.domain(), now) => (event, false),
            _ => (unchecked, true),
        }
    }

    fn refuse(&mut self, error: &DatagramError, now: UnixTime, counts: &mut CollectorCounts) {
        counts.add_refused(error);
        if let Some(untold) = self.refused.raise(1, now) {
            tracing::warn!(
                code = error.code(), %error, untold,
                "what was sent to the collector is no datagram of libtlsrpt, and was not counted"
            );
        }
    }

    fn tell_of_overflow(&mut self, now: UnixTime) {
        let overflows = value(&self.counters.overflowed);
        let lost = overflows - std::mem::replace(&mut self.overflows_seen, overflows);
        if let Some(lost) = self.overflowed.raise(lost, now) {
            tracing::warn!(lost, "datagrams were lost: they came faster than they could be counted");
        }
    }
}
