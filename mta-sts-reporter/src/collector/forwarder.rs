//! Forwarding of datagrams to another collector.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::Clock;
use super::complaint::Complaint;
use super::counts::{Counters, count};
use super::queue::{Batch, Queue};

/// The thread that forwards datagrams, and waits for the other collector so that no other thread has to.
pub(super) struct Forwarder {
    path: PathBuf,
    counters: Arc<Counters>,
    complaint: Complaint,
    socket: Option<UnixDatagram>,
    clock: Clock,
}

impl Forwarder {
    pub(super) fn new(path: &Path, counters: &Arc<Counters>, clock: Clock) -> Self {
        Self {
            path: path.to_owned(),
            counters: Arc::clone(counters),
            complaint: Complaint::default(),
            socket: None,
            clock,
        }
    }

    /// Runs until the queue is closed and empty.
    pub(super) fn work(mut self, queue: &Queue) {
        let mut batch = Batch::default();
        while queue.take(&mut batch) {
            let mut is_given_up = false;
            for datagram in batch.iter() {
                if is_given_up {
                    count(&self.counters.forward_lost);
                } else if !self.forward(datagram) {
                    is_given_up = queue.is_closed();
                    if !is_given_up {
                        // What comes meanwhile waits.
                        thread::sleep(PAUSE);
                    }
                }
            }
        }
    }

    /// Returns whether the other collector has accepted it.
    fn forward(&mut self, datagram: &[u8]) -> bool {
        match self.send(datagram) {
            Ok(()) => {
                count(&self.counters.forwarded);
                true
            }
            Err(error) => {
                count(&self.counters.forward_lost);
                self.socket = None;
                if let Some(untold) = self.complaint.raise(1, (self.clock)()) {
                    let path = self.path.display();
                    tracing::warn!(%error, %path, untold, "datagrams cannot be passed on; they are counted here all the same");
                }
                false
            }
        }
    }

    /// Sends a datagram, and retries once over a new socket, since the other collector may have been restarted.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            match socket.send(datagram) {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotConnected
                    ) => {}
                sent => return sent.map(drop),
            }
        }
        let socket = UnixDatagram::unbound()?;
        socket.connect(&self.path)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        self.socket.insert(socket).send(datagram).map(drop)
    }
}

/// The maximum time to wait for a collector that does not receive.
const PATIENCE: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_secs(1);
