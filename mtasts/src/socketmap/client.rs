//! A client connection: requests in, answers out.

use std::io;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Shared;
use super::answer::{Answer, answer};
use super::netstring::{self, Netstring};

/// A connected client.
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

    pub(super) fn start(self, stream: impl Stream) {
        tokio::spawn(async move {
            if let Err(error) = self.serve(stream).await {
                tracing::debug!(%error, "a client was disconnected");
            }
        });
    }

    /// Serves until the client disconnects, is idle for too long, sends an invalid request, or the server stops.
    ///
    /// Everything sent until then is answered.
    async fn serve(self, mut stream: impl Stream) -> io::Result<()> {
        let mut stopped = self.stopped.clone();
        let mut stop = pin!(stopped.wait_for(|stopped| *stopped));
        let mut timer = Timer::new(self.shared.idle_timeout());
        let mut buffer = Vec::new();
        while let Some(found) = self.request(&mut stream, &mut buffer, &mut timer, stop.as_mut()).await? {
            let request = found.as_ref().map_or(&b""[..], |Request { octets, .. }| &buffer[octets.clone()]);
            let zones = self.shared.zones();
            let received = Instant::now();
            let answer = match found {
                Ok(_) => {
                    let Shared { service, dane, config, .. } = &*self.shared;
                    answer(request, &zones.zones, service, dane, config.on_skipped.as_ref()).await
                }
                Err(Broken) => Answer::Permanent("This is not a netstring, or it is too long."),
            };
            zones.count(request, &answer, received.elapsed());
            drop(zones);
            self.shared.requests.fetch_add(1, Ordering::Relaxed);
            let answer = netstring::write(&answer.text());
            timer.set(self.shared.config.request_timeout);
            tokio::select! {
                biased;
                written = stream.write_all(&answer) => written?,
                () = timer.ring() => return Err(io::ErrorKind::TimedOut.into()),
            }
            let Ok(Request { end, .. }) = found else { break };
            buffer.drain(..end);
        }
        stream.shutdown().await
    }

    /// The next request; `None` if the client has disconnected, or must be disconnected.
    async fn request(
        &self,
        stream: &mut impl Stream,
        buffer: &mut Vec<u8>,
        timer: &mut Timer,
        mut stop: Pin<&mut impl Future>,
    ) -> io::Result<Option<Result<Request, Broken>>> {
        let mut begun = !buffer.is_empty();
        let mut stops = false;
        timer.set(if begun { self.shared.config.request_timeout } else { self.shared.idle_timeout() });
        loop {
            match netstring::read(buffer) {
                Netstring::Partial => {}
                Netstring::Broken => return Ok(Some(Err(Broken))),
                Netstring::Whole { octets, end } => return Ok(Some(Ok(Request { octets, end }))),
            }
            if !begun && !buffer.is_empty() {
                begun = true;
                timer.set(self.shared.config.request_timeout);
            }
            // The buffer holds at most one request and the beginning of the next.
            buffer.reserve(READ_LEN);
            let read = tokio::select! {
                biased;
                _ = stop.as_mut(), if !begun && !stops => {
                    // The runtime may not have noticed received data yet; closing now would lose it.
                    if !has_unread(stream)? {
                        return Ok(None);
                    }
                    stops = true;
                    continue;
                }
                read = stream.read_buf(buffer) => read?,
                () = timer.ring() => return Err(io::ErrorKind::TimedOut.into()),
            };
            if read == 0 {
                return Ok(None);
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A timer for a deadline. Most deadlines are replaced long before, so the runtime's timer is moved only when it
/// fires.
struct Timer {
    sleep: Pin<Box<Sleep>>,
    deadline: Instant,
}

impl Timer {
    fn new(time: Duration) -> Self {
        let deadline = Instant::now() + time;
        Self { sleep: Box::pin(sleep_until(deadline)), deadline }
    }

    fn set(&mut self, time: Duration) {
        self.deadline = Instant::now() + time;
        if self.deadline < self.sleep.deadline() {
            self.sleep.as_mut().reset(self.deadline);
        }
    }

    async fn ring(&mut self) {
        loop {
            self.sleep.as_mut().await;
            if self.sleep.deadline() >= self.deadline {
                return;
            }
            self.sleep.as_mut().reset(self.deadline);
        }
    }
}

/// A client's connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + AsFd + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + AsFd + Send + Unpin + 'static> Stream for T {}

/// Returns whether the system has received data from the client that was not read.
fn has_unread(stream: &impl AsFd) -> io::Result<bool> {
    match SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]) {
        Ok(octets) => Ok(octets > 0),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// The position of a request in the buffer, and of the next one.
struct Request {
    octets: Range<usize>,
    end: usize,
}

/// The data is not a netstring: nothing after it can be parsed.
struct Broken;

const READ_LEN: usize = 512;
