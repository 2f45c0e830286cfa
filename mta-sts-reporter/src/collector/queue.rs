//! Datagrams waiting for a thread, bounded in number and in octets.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use mta_sts_core::tlsrpt::Datagram;

/// The queue between the thread that receives and the one that counts.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    batch: Batch,
    is_closed: bool,
}

/// Datagrams in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Batch {
    octets: Vec<u8>,
    ends: Vec<usize>,
    // Of this process, which need not be read.
    read: Vec<Datagram>,
}

impl Queue {
    /// The maximum number of waiting datagrams.
    pub(super) const MAX_LEN: usize = 16_384;
    /// The maximum number of waiting octets: a kilobyte each, twice the size of a typical datagram.
    const MAX_OCTETS: usize = Self::MAX_LEN << 10;
    /// The maximum number of parsed datagrams: each may hold a policy.
    const MAX_READ: usize = 1024;

    /// Appends a datagram. Returns whether there was room for it.
    pub(super) fn push(&self, datagram: &[u8]) -> bool {
        let mut waiting = self.waiting();
        let is_first = waiting.batch.is_empty();
        let Batch { octets, ends, .. } = &mut waiting.batch;
        if ends.len() >= Self::MAX_LEN || octets.len() + datagram.len() > Self::MAX_OCTETS {
            return false;
        }
        octets.extend_from_slice(datagram);
        ends.push(octets.len());
        drop(waiting);
        if is_first {
            self.changed.notify_one();
        }
        true
    }

    /// Appends a parsed datagram. Returns whether there was room for it.
    pub(super) fn push_read(&self, datagram: Datagram) -> bool {
        let mut waiting = self.waiting();
        if waiting.batch.read.len() >= Self::MAX_READ {
            return false;
        }
        waiting.batch.read.push(datagram);
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// Waits until there are datagrams, and replaces the contents of `batch` by them; returns `false` when there will be none
    /// any more.
    pub(super) fn take(&self, batch: &mut Batch) -> bool {
        batch.clear();
        let mut waiting = self.waiting();
        let had_to_wait = waiting.batch.is_empty();
        while waiting.batch.is_empty() && !waiting.is_closed {
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if had_to_wait && !waiting.is_closed {
            // To be woken takes longer than to count: so those of a moment are taken together.
            drop(waiting);
            thread::sleep(GATHERING);
            waiting = self.waiting();
        }
        std::mem::swap(&mut waiting.batch, batch);
        !batch.is_empty()
    }

    /// Returns whether the queue is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.waiting().is_closed
    }

    /// Closes the queue.
    pub(super) fn close(&self) {
        self.waiting().is_closed = true;
        self.changed.notify_all();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.octets[start..*end])
    }

    pub(super) fn read(&self) -> &[Datagram] {
        &self.read
    }

    fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.read.is_empty()
    }

    /// Clears it, and releases the memory of a burst.
    fn clear(&mut self) {
        self.octets.clear();
        self.ends.clear();
        self.read = Vec::new();
        self.octets.shrink_to(KEPT_OCTETS);
        self.ends.shrink_to(KEPT_OCTETS / 256);
    }
}

const GATHERING: Duration = Duration::from_millis(10);
/// Some hundred datagrams.
const KEPT_OCTETS: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_come_out_as_they_went_in() {
        let queue = Queue::default();
        let datagrams = [&b"one"[..], b"", b"three"];
        assert!(datagrams.iter().all(|datagram| queue.push(datagram)));
        let mut batch = Batch::default();
        assert!(queue.take(&mut batch));
        assert_eq!(batch.iter().collect::<Vec<_>>(), datagrams);
        assert!(queue.push(b"four"));
        queue.close();
        assert!(queue.take(&mut batch));
        assert_eq!(batch.iter().collect::<Vec<_>>(), [b"four"]);
        assert!(!queue.take(&mut batch));
    }

    #[test]
    fn what_waits_is_bounded() {
        let queue = Queue::default();
        assert_eq!((0..20_000).filter(|_| queue.push(b"x")).count(), Queue::MAX_LEN);
        let queue = Queue::default();
        let long = vec![0; 1 << 16];
        assert_eq!((0..20_000).filter(|_| queue.push(&long)).count(), 256);
    }
}
