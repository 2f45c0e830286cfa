//! One client: requests in, answers out.

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

    pub(super) fn start(self, stream: impl Stream) {
        tokio::spawn(async move {
            if let Err(error) = self.serve(stream).await {
                tracing::debug!(%error, "a client was given up");
            }
        });
    }

    /// Until the client leaves, is silent for too long, sends what is no request, or the server stops.
    ///
    /// What was sent until then is answered, all of it.
    async fn serve(self, mut stream: impl Stream) -> io::Result<()> {
        let mut stopped = self.stopped.clone();
        let mut stop = pin!(stopped.wait_for(|stopped| *stopped));
        let mut timer = Timer::new(self.shared.idle_timeout());
        let mut buffer = Vec::new();
        while let Some(found) = self.request(&mut stream, &mut buffer, &mut timer, stop.as_mut()).await? {
            let request = found.as_ref().map_or(&b""[..], |Request { octets, .. }| &buffer[octets.clone()]);
            let zones = self.shared.zones();
            let answer = match found {
                Ok(_) => {
                    let Shared { service, dane, config, .. } = &*self.shared;
                    answer(request, &zones.zones, service, dane, config.on_skipped.as_ref()).await
                }
                Err(Broken) => Answer::Permanent("This is no netstring, or too long a one."),
            };
            zones.count(request, &answer);
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

    /// The next request; none when the client has left, or should.
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
            // No more than one request and the beginning of the next are kept.
            buffer.reserve(READ_LEN);
            let read = tokio::select! {
                biased;
                _ = stop.as_mut(), if !begun && !stops => {
                    // The runtime may not have heard yet of what has come; closed now, all of it would be lost.
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

/// Rings when its time is over. Most times are set anew long before, so the runtime's timer is moved back only when it
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

/// What a client is connected by.
pub(super) trait Stream: AsyncRead + AsyncWrite + AsFd + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + AsFd + Send + Unpin + 'static> Stream for T {}

/// Whether the system holds something that the client has sent.
fn has_unread(stream: &impl AsFd) -> io::Result<bool> {
    match SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]) {
        Ok(octets) => Ok(octets > 0),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
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
