//! One client: requests in, answers out.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::answer::{Answer, answer};
use super::netstring::{self, Netstring};

/// A client while it is connected.
pub(super) struct Client {
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Client {
    pub(super) fn new(
        shared: &Arc<Shared>,
        place: OwnedSemaphorePermit,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        shared.clients.fetch_add(1, Ordering::Relaxed);
        Self { shared: Arc::clone(shared), stopped, _place: place }
    }

    pub(super) fn start(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        tokio::spawn(async move {
            if let Err(error) = self.serve(stream).await {
                tracing::debug!(%error, "a client was given up");
            }
        });
    }

    /// Until the client leaves, is silent for too long, sends what is no request, or the server stops.
    async fn serve(mut self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut buffer = Vec::new();
        while let Some(found) = self.request(&mut stream, &mut buffer).await? {
            let request = found.as_ref().map_or(&b""[..], |Request { octets, .. }| &buffer[octets.clone()]);
            let zones = self.shared.zones();
            let answer = match found {
                Ok(_) => answer(request, &zones.zones, &self.shared.service, &self.shared.dane).await,
                Err(Broken) => Answer::Permanent("This is no netstring, or too long a one."),
            };
            zones.count(request, &answer);
            drop(zones);
            self.shared.requests.fetch_add(1, Ordering::Relaxed);
            let deadline = Instant::now() + self.shared.config.request_timeout;
            timeout_at(deadline, stream.write_all(&netstring::write(&answer.text()))).await??;
            let Ok(Request { end, .. }) = found else { return Ok(()) };
            buffer.drain(..end);
        }
        Ok(())
    }

    /// The next request; none when the client has left, or should.
    async fn request(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        buffer: &mut Vec<u8>,
    ) -> io::Result<Option<Result<Request, Broken>>> {
        let mut begun = !buffer.is_empty();
        let wait =
            |begun| if begun { self.shared.config.request_timeout } else { self.shared.idle_timeout() };
        let mut deadline = Instant::now() + wait(begun);
        loop {
            match netstring::read(buffer) {
                Netstring::Partial => {}
                Netstring::Broken => return Ok(Some(Err(Broken))),
                Netstring::Whole { octets, end } => return Ok(Some(Ok(Request { octets, end }))),
            }
            if *self.stopped.borrow() && !begun {
                return Ok(None);
            }
            // No more than one request and the beginning of the next are kept.
            buffer.reserve(READ_LEN);
            let read = tokio::select! {
                read = timeout_at(deadline, stream.read_buf(buffer)) => read??,
                _ = self.stopped.changed(), if !begun => return Ok(None),
            };
            if read == 0 {
                return Ok(None);
            }
            if !begun {
                begun = true;
                deadline = Instant::now() + wait(begun);
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where a request stands in the buffer, and where the next begins.
struct Request {
    octets: Range<usize>,
    end: usize,
}

/// What came was no netstring: what follows cannot be told from it.
struct Broken;

const READ_LEN: usize = 512;
