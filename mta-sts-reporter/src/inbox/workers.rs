//! Messages read on several threads, and given out in their order.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::InboxItem;
use super::walk::{Unit, Walk};

/// Collects files and messages, and distributes them to threads.
pub(super) struct Workers {
    walk: Walk,
    jobs: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
    /// Items being read, in the order in which they are returned.
    running: VecDeque<Receiver<Vec<InboxItem>>>,
    at_once: usize,
    given_out: u64,
}

type Job = (Unit, SyncSender<Vec<InboxItem>>);

impl Workers {
    pub(super) fn new(
        walk: Walk,
        threads: usize,
        read: impl Fn(Unit) -> Vec<InboxItem> + Send + Sync + 'static,
    ) -> Self {
        let at_once = threads.max(1) * 8;
        let (jobs, waiting) = mpsc::sync_channel::<Job>(at_once);
        let (waiting, read) = (Arc::new(Mutex::new(waiting)), Arc::new(read));
        let run = |_| {
            let (waiting, read) = (Arc::clone(&waiting), Arc::clone(&read));
            std::thread::spawn(move || {
                loop {
                    let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((unit, result)) = job else { return };
                    // Nobody waits for it if the reader was dropped.
                    let _ = result.send(read(unit));
                }
            })
        };
        let threads = (0..threads.max(1)).map(run).collect();
        Self { walk, jobs: Some(jobs), threads, running: VecDeque::new(), at_once, given_out: 0 }
    }

    /// The number of files and messages that are read, and the minimum total.
    pub(super) fn progress(&self) -> (u64, u64) {
        let (looked_at, waiting) = self.walk.progress();
        (self.given_out, looked_at + waiting)
    }
}

impl Iterator for Workers {
    type Item = Vec<InboxItem>;

    fn next(&mut self) -> Option<Vec<InboxItem>> {
        while self.running.len() < self.at_once {
            let Some((unit, jobs)) = self.walk.next().zip(self.jobs.as_ref()) else { break };
            let (sender, receiver) = mpsc::sync_channel(1);
            // The threads end after this end of the channel does.
            if jobs.send((unit, sender)).is_err() {
                break;
            }
            self.running.push_back(receiver);
        }
        let items = self.running.pop_front()?.recv().ok()?;
        self.given_out += 1;
        Some(items)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.jobs = None;
        self.running.clear();
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}
