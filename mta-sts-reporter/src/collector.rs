//! Collection of the sessions that mail servers report.

mod complaint;
mod counting;
mod counts;
mod forwarder;
mod queue;
mod socket;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use mta_sts_core::tlsrpt::Datagram;
use mta_sts_core::{Outcome, PolicyDomain, UnixTime};
use mta_sts_resolver::{Clock as _, SystemClock};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use self::counting::Counting;
pub use self::counts::CollectorCounts;
use self::counts::{Counters, count};
use self::forwarder::Forwarder;
use self::queue::Queue;
pub use self::socket::{CollectorAccess, CollectorSocket};
use crate::ReportStore;

/// Receives the datagrams of libtlsrpt, which Postfix 3.10 and later sends, and counts them.
///
/// ```
/// use std::os::unix::net::UnixDatagram;
///
/// use mta_sts_core::tlsrpt::ReportSender;
/// use mta_sts_reporter::{
///     Collector, CollectorAccess, CollectorConfig, CollectorSocket, ReportStore, ReportStoreConfig,
/// };
///
/// # let folder = tempfile::tempdir()?;
/// # let (database, path) = (folder.path().join("tally.sqlite"), folder.path().join("mtasts-tlsrpt"));
/// let sender = ReportSender::new("tls-reports@sender.example", "Sender Inc.")?;
/// let store = ReportStore::open(&database, ReportStoreConfig::new(sender))?;
/// let socket = CollectorSocket::bind(&path, CollectorAccess::new())?;
/// let collector = Collector::start(socket, store, CollectorConfig::new())?;
///
/// // What a mail server does, by libtlsrpt:
/// let datagram = br#"{"d":"example.com","pr":"v=TLSRPTv1; rua=mailto:tls@example.com","policies":[
///     {"policy-type":9,"policy-domain":"example.com","t":0,"f":0}]}"#;
/// UnixDatagram::unbound()?.send_to(datagram, &path)?;
///
/// // What was sent until now is received and counted.
/// assert_eq!(collector.stop().events, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It replaces tlsrpt-collectd, at the same socket. One thread only receives, another counts. A datagram that is not
/// from libtlsrpt is counted as such, logged at most once a minute, and has no other effect.
///
/// When dropped, it receives and counts the datagrams that were already sent.
pub struct Collector {
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    // The thread that receives ends when the other end is gone.
    stopping: Mutex<Option<UnixStream>>,
    ended: Mutex<Receiver<()>>,
    path: Option<PathBuf>,
}

/// The configuration of a [`Collector`].
#[derive(Clone)]
pub struct CollectorConfig {
    forward: Option<PathBuf>,
    sending_ip: Option<IpAddr>,
    is_testing_checked: bool,
    discoveries: Option<Arc<dyn FailedDiscoveries>>,
    probes: Option<Arc<dyn TestingProbes>>,
    clock: Clock,
}

/// The clock.
type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// A source of failed policy discoveries, which are unknown to a mail server that asks another program for policies.
///
/// ```
/// use std::sync::Arc;
///
/// use mta_sts_core::{Outcome, PolicyDomain, UnixTime};
/// use mta_sts_reporter::{CollectorConfig, FailedDiscoveries};
///
/// struct AllIsWell;
///
/// impl FailedDiscoveries for AllIsWell {
///     fn last(&self, _: &PolicyDomain) -> Option<Arc<Outcome>> {
///         None
///     }
/// }
///
/// let config = CollectorConfig::new().with_failed_discoveries(Arc::new(AllIsWell));
/// ```
pub trait FailedDiscoveries: Send + Sync {
    /// Returns the last discovery used to answer the mail server for this domain, if it failed.
    fn last(&self, domain: &PolicyDomain) -> Option<Arc<Outcome>>;
}

/// A source of probes of the MX hosts of domains in mode testing, where mail servers verify nothing.
///
/// ```
/// use std::sync::Arc;
///
/// use mta_sts_core::{PolicyDomain, UnixTime};
/// use mta_sts_reporter::{CollectorConfig, TestingProbes};
///
/// struct Nothing;
///
/// impl TestingProbes for Nothing {
///     fn have_passed(&self, _: &PolicyDomain, _: UnixTime) -> bool {
///         false
///     }
///
///     fn note_unchecked(&self, _: &PolicyDomain, _: &str, _: UnixTime) {}
/// }
///
/// let config = CollectorConfig::new().with_testing_probes(Arc::new(Nothing));
/// ```
///
/// Neither method may block: they are called by the thread that counts.
pub trait TestingProbes: Send + Sync {
    /// Returns whether every MX host of the domain was probed on this day, and complied with the policy that is in force.
    fn have_passed(&self, domain: &PolicyDomain, now: UnixTime) -> bool;

    /// Notes that a successful session in mode testing was counted as one without policy, since nobody has verified it.
    /// `record` is the TLSRPT record of the domain, if the mail server told it; else it is empty.
    fn note_unchecked(&self, domain: &PolicyDomain, record: &str, now: UnixTime);
}

impl CollectorConfig {
    /// Creates the default configuration: nothing is forwarded, mail servers are assumed not to verify under policies that do not enforce,
    /// nobody else does, and no discovery is known to have failed.
    pub fn new() -> Self {
        Self {
            forward: None,
            sending_ip: None,
            is_testing_checked: false,
            discoveries: None,
            probes: None,
            clock: Arc::new(|| SystemClock.now()),
        }
    }

    /// Forwards each datagram to the collector at this path, to run both. Nothing waits for it: datagrams that it does not accept in
    /// time are lost to it, but counted here.
    #[must_use]
    pub fn with_forward(mut self, path: impl AsRef<Path>) -> Self {
        self.forward = Some(path.as_ref().to_owned());
        self
    }

    /// Sets the sending address in reports: the public address of a host behind a NAT.
    #[must_use]
    pub const fn with_sending_ip(mut self, address: IpAddr) -> Self {
        self.sending_ip = Some(address);
        self
    }

    /// Sets whether the mail servers check certificates under policies in mode testing. Default `false`: Postfix does
    /// not, and reports each session under such a policy as a success. Those count as sessions without a policy, so that nobody takes
    /// the report as evidence that the policy can be enforced.
    #[must_use]
    pub const fn with_testing_checked(mut self, is_checked: bool) -> Self {
        self.is_testing_checked = is_checked;
        self
    }

    /// Sets the source of failed policy discoveries. A session without a policy after such a discovery counts as one that
    /// has failed under MTA-STS; a failure beside a cached policy, as a detail of the session under it. So each session
    /// counts once.
    #[must_use]
    pub fn with_failed_discoveries(mut self, discoveries: Arc<dyn FailedDiscoveries>) -> Self {
        self.discoveries = Some(discoveries);
        self
    }

    /// Sets the source of probes of domains in mode testing. A success under such a policy then counts as one that was verified,
    /// if every MX host of the domain has passed the probe of the day. It has no effect together with
    /// [`with_testing_checked`](Self::with_testing_checked).
    #[must_use]
    pub fn with_testing_probes(mut self, probes: Arc<dyn TestingProbes>) -> Self {
        self.probes = Some(probes);
        self
    }

    /// Sets the clock that assigns events to days. Default: the system's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl Default for CollectorConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CollectorConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CollectorConfig")
            .field("forward", &self.forward)
            .field("sending_ip", &self.sending_ip)
            .field("is_testing_checked", &self.is_testing_checked)
            .finish_non_exhaustive()
    }
}

impl Collector {
    /// Starts receiving from this socket and counting into this store.
    ///
    /// # Errors
    ///
    /// Those of the system, if it cannot provide a thread or a file.
    pub fn start(socket: CollectorSocket, store: ReportStore, config: CollectorConfig) -> io::Result<Self> {
        let (queue, counters) = (Arc::<Queue>::default(), Arc::<Counters>::default());
        let (stopping, stopped) = UnixStream::pair()?;
        let (working, ended) = channel();
        socket.as_datagram().set_nonblocking(true)?;
        let collector = Self {
            queue: Arc::clone(&queue),
            counters: Arc::clone(&counters),
            stopping: Mutex::new(Some(stopping)),
            ended: Mutex::new(ended),
            path: socket.path().map(Path::to_owned),
        };
        let mut forward = None;
        if let Some(path) = &config.forward {
            let to_forward = Arc::<Queue>::default();
            let forwarder = Forwarder::new(path, &counters, Arc::clone(&config.clock));
            let queue = Arc::clone(&to_forward);
            start("tlsrpt-forward", &working, move || forwarder.work(&queue))?;
            forward = Some(to_forward);
        }
        let counting = Counting::new(store, config, &counters, forward);
        start("tlsrpt-count", &working, {
            let queue = Arc::clone(&queue);
            move || counting.work(&queue)
        })?;
        start("tlsrpt-receive", &working, move || receive(&socket, &stopped, &queue, &counters))?;
        Ok(collector)
    }

    /// Counts a datagram of a mail server in this process, as if it had been sent. Returns whether there was room for it.
    pub fn count(&self, datagram: Datagram) -> bool {
        let has_room = self.queue.push_read(datagram);
        if !has_room {
            count(&self.counters.overflowed);
        }
        has_room
    }

    /// Counts since its start.
    pub fn counts(&self) -> CollectorCounts {
        self.counters.counts()
    }

    /// The path of its socket, unless another program has bound it.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Counts the datagrams sent until now, and stops. Returns the final counts.
    pub fn stop(&self) -> CollectorCounts {
        let stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner).take();
        if stopping.is_some() {
            drop(stopping);
            // Nothing is sent: it ends with the last thread.
            let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(STOPPING_PATIENCE) {
                tracing::warn!("not all datagrams that were sent could be counted in time");
            }
        }
        self.counts()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Collector").field("path", &self.path).finish_non_exhaustive()
    }
}

fn start(name: &str, working: &Sender<()>, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let working = working.clone();
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(move || {
        work();
        drop(working);
    })?;
    Ok(())
}

/// Receives until the other end of `stopped` is closed, including datagrams sent by then.
fn receive(socket: &CollectorSocket, stopped: &UnixStream, queue: &Queue, counters: &Counters) {
    // Room for more than may be, so that what is too long is seen to be.
    let mut buffer = vec![0; Datagram::MAX_LEN + 1];
    let gathering = CollectorSocket::gathering();
    let mut is_stopped = false;
    loop {
        match socket.as_datagram().recv(&mut buffer) {
            Ok(len) => {
                count(&counters.datagrams);
                if !queue.push(&buffer[..len]) {
                    count(&counters.overflowed);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) if is_stopped => break,
            Err(error) => {
                if error.kind() != ErrorKind::WouldBlock {
                    tracing::error!(%error, "datagrams cannot be received");
                    thread::sleep(PAUSE);
                }
                is_stopped = wait(socket.as_datagram(), stopped);
                if let Some(gathering) = gathering.filter(|_| !is_stopped) {
                    thread::sleep(gathering);
                }
            }
        }
    }
    queue.close();
}

/// Waits for a datagram or the end. Returns whether it was the end.
fn wait(socket: &UnixDatagram, stopped: &UnixStream) -> bool {
    let mut files =
        [PollFd::new(socket.as_fd(), PollFlags::POLLIN), PollFd::new(stopped.as_fd(), PollFlags::POLLIN)];
    match poll(&mut files, PollTimeout::NONE) {
        Ok(_) => files[1].any().unwrap_or(false),
        Err(Errno::EINTR) => false,
        Err(_) => {
            thread::sleep(PAUSE);
            false
        }
    }
}

const PAUSE: Duration = Duration::from_secs(1);
/// The time that a full queue takes to be counted, and that forwarding may take.
const STOPPING_PATIENCE: Duration = Duration::from_secs(5);
