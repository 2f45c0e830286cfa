//! Postfix's socketmap protocol: policies as answers to `smtp_tls_policy_maps`.

mod answer;
mod client;
mod counts;
mod explanation;
mod key;
mod netstring;
mod overrides;
mod zone;

use std::fmt;
use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mta_sts_core::{DnsName, Policy, PolicyDomain};
use mta_sts_resolver::{DaneChecker, PolicyService};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use self::answer::look_up;
use self::client::Client;
use self::counts::CountedZones;
pub use self::counts::{AnswerCounts, AnswerTimes, SocketmapCounts};
pub use self::explanation::Explanation;
pub use self::overrides::{OverrideError, Overrides};
pub use self::zone::{DaneAnswer, DaneLookup, DnsFailureAnswer, FetchFailureAnswer, MatchNames, Zone, Zones};

/// A server that answers Postfix, and sendmail, from a [`PolicyService`].
///
/// ```no_run
/// use mta_sts_resolver::PolicyService;
/// use mtasts_socketmap::{SocketmapConfig, SocketmapListener, SocketmapServer, Zones};
///
/// # async fn serve(service: PolicyService) -> std::io::Result<()> {
/// let listener = SocketmapListener::bind_tcp("127.0.0.1:8461".parse().map_err(std::io::Error::other)?).await?;
/// let server = SocketmapServer::new(service, SocketmapConfig::new(), Zones::default());
/// server.serve(vec![listener], std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
///
/// In the `main.cf` of Postfix: `smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix`.
#[derive(Clone, Debug)]
pub struct SocketmapServer {
    shared: Arc<Shared>,
}

/// The limits of a [`SocketmapServer`].
#[derive(Clone, Debug)]
pub struct SocketmapConfig {
    max_clients: usize,
    idle_timeout: Duration,
    request_timeout: Duration,
    stop_within: Duration,
    on_skipped: Option<OnSkipped>,
}

/// The observer of skipped MX hosts.
#[derive(Clone)]
struct OnSkipped(Arc<SkippedHosts>);

type SkippedHosts = dyn Fn(&PolicyDomain, &Policy, &[DnsName]) + Send + Sync;

impl OnSkipped {
    fn call(&self, domain: &PolicyDomain, policy: &Policy, hosts: &[DnsName]) {
        (self.0)(domain, policy, hosts);
    }
}

impl fmt::Debug for OnSkipped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OnSkipped")
    }
}

impl SocketmapConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            max_clients: 16_384,
            idle_timeout: Duration::from_secs(300),
            request_timeout: Duration::from_secs(10),
            stop_within: Duration::from_secs(10),
            on_skipped: None,
        }
    }

    /// Sets the maximum number of concurrent clients. Default: 16,384; 0 counts as 1. Others wait in the backlog of the
    /// socket.
    #[must_use]
    pub fn with_max_clients(mut self, max_clients: usize) -> Self {
        self.max_clients = max_clients;
        self
    }

    /// Sets the idle timeout between two requests of a client. Default: 300 s; a tenth of that applies while more than
    /// half of the maximum number of clients are connected. Postfix reconnects.
    #[must_use]
    pub fn with_idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout;
        self
    }

    /// Sets the time limit for receiving the rest of a request once it has begun, and for sending an answer. Default:
    /// 10 s each.
    #[must_use]
    pub fn with_request_timeout(mut self, request_timeout: Duration) -> Self {
        self.request_timeout = request_timeout;
        self
    }

    /// Sets the time that clients have to receive their last answer when the server stops. Default: 10 s.
    #[must_use]
    pub fn with_stop_within(mut self, stop_within: Duration) -> Self {
        self.stop_within = stop_within;
        self
    }

    /// Who is told, with each answer of a zone with [`MatchNames::MxHosts`], of the MX hosts that the policy does not cover and that come before all
    /// that it covers. A mail server passes them over, and tells nobody: it is for a TLS report (RFC 8460, 4.3.2.2). It must not
    /// block.
    #[must_use]
    pub fn with_skipped_hosts_told(
        mut self,
        to: impl Fn(&PolicyDomain, &Policy, &[DnsName]) + Send + Sync + 'static,
    ) -> Self {
        self.on_skipped = Some(OnSkipped(Arc::new(to)));
        self
    }
}

impl Default for SocketmapConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// A listening socket of a server.
#[derive(Debug)]
pub struct SocketmapListener {
    socket: Socket,
    /// Whether another process keeps it open, which will serve the backlog later.
    outlives_server: bool,
}

/// The permissions and the owner of a Unix socket.
///
/// ```
/// use mtasts_socketmap::SocketAccess;
///
/// let postfix_only = SocketAccess::new().with_mode(0o660).with_group(Some(105));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketAccess {
    mode: u32,
    user: Option<u32>,
    group: Option<u32>,
}

impl SocketAccess {
    /// Anyone who can reach the folder may connect, since Postfix's clients run as a user of their own.
    pub const fn new() -> Self {
        Self { mode: 0o666, user: None, group: None }
    }

    /// Sets the permissions of the file. Default: 0666. Whoever may write to it may connect.
    #[must_use]
    pub const fn with_mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the numeric id of the user that owns it. Default: the user of the process.
    #[must_use]
    pub const fn with_user(mut self, user: Option<u32>) -> Self {
        self.user = user;
        self
    }

    /// Sets the numeric id of its group. Default: the group of the process.
    #[must_use]
    pub const fn with_group(mut self, group: Option<u32>) -> Self {
        self.group = group;
        self
    }

    /// Listens at this path, for any protocol. A socket left behind by another process is replaced; a file of any other
    /// kind is not.
    ///
    /// # Errors
    ///
    /// Returns the error of the system; `AddrInUse` if a process is listening there.
    pub fn bind(self, path: impl AsRef<Path>) -> io::Result<UnixListener> {
        let path = path.as_ref();
        let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
        if is_socket {
            match std::os::unix::net::UnixStream::connect(path) {
                Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
                Err(error) => return Err(error),
            }
        }
        // Nobody can connect before it has its final owner.
        let umask = nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o177));
        let bound = UnixListener::bind(path);
        nix::sys::stat::umask(umask);
        let listener = bound?;
        if self.user.is_some() || self.group.is_some() {
            std::os::unix::fs::chown(path, self.user, self.group)?;
        }
        std::fs::set_permissions(path, Permissions::from_mode(self.mode))?;
        Ok(listener)
    }
}

impl Default for SocketAccess {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl SocketmapListener {
    /// Listens on a TCP port; for port 0 the system chooses one.
    ///
    /// # Errors
    ///
    /// Returns the error of the system.
    pub async fn bind_tcp(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).await.map(|listener| Self::own(Socket::Tcp(listener)))
    }

    /// Listens on a Unix socket. A socket left behind by another process is replaced; a file of any other kind is not.
    ///
    /// # Errors
    ///
    /// Returns the error of the system; `AddrInUse` if a process is listening there.
    pub fn bind_unix(path: impl AsRef<Path>, access: SocketAccess) -> io::Result<Self> {
        access.bind(path).map(|listener| Self::own(Socket::Unix(listener)))
    }

    /// Uses a listening TCP socket opened by another process, such as systemd.
    ///
    /// # Errors
    ///
    /// Returns the error of the system.
    pub fn from_tcp(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { socket: Socket::Tcp(TcpListener::from_std(listener)?), outlives_server: true })
    }

    /// Uses a listening Unix socket opened by another process, such as systemd.
    ///
    /// # Errors
    ///
    /// Returns the error of the system.
    pub fn from_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { socket: Socket::Unix(UnixListener::from_std(listener)?), outlives_server: true })
    }

    fn own(socket: Socket) -> Self {
        Self { socket, outlives_server: false }
    }

    /// The TCP address; `None` for a Unix socket.
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(_) => None,
        }
    }
}

/// Displays the address, such as `127.0.0.1:8461` or `unix:/run/mtasts/socket`.
impl fmt::Display for SocketmapListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            // For port 0 the system has chosen one.
            Socket::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.fmt(formatter),
                Err(_) => formatter.write_str("tcp"),
            },
            Socket::Unix(listener) => match listener.local_addr() {
                Ok(address) => {
                    let path = address.as_pathname().unwrap_or(Path::new(""));
                    write!(formatter, "unix:{}", path.display())
                }
                Err(_) => formatter.write_str("unix:"),
            },
        }
    }
}

#[derive(Debug)]
struct Shared {
    service: PolicyService,
    dane: DaneChecker,
    config: SocketmapConfig,
    zones: RwLock<Arc<CountedZones>>,
    places: Arc<Semaphore>,
    requests: AtomicU64,
    connections: AtomicU64,
    clients: AtomicUsize,
}

impl SocketmapServer {
    /// A server that answers from this service, and uses its DNS client for DANE.
    pub fn new(service: PolicyService, config: SocketmapConfig, zones: Zones) -> Self {
        let places = Arc::new(Semaphore::new(config.max_clients.clamp(1, Semaphore::MAX_PERMITS)));
        let zones = RwLock::new(Arc::new(CountedZones::new(zones)));
        let dane = DaneChecker::new(service.resolver().dns());
        let (requests, connections, clients) = Default::default();
        Self {
            shared: Arc::new(Shared { service, dane, config, zones, places, requests, connections, clients }),
        }
    }

    /// Replaces the zones from now on.
    pub fn set_zones(&self, zones: Zones) {
        let mut shared = self.shared.zones.write().unwrap_or_else(PoisonError::into_inner);
        *shared = Arc::new(shared.change(zones));
    }

    /// The checker for DANE.
    pub fn dane(&self) -> &DaneChecker {
        &self.shared.dane
    }

    /// Returns the answer to this key now, in the zone of the map `map`, and the reasons: the same as for a client, but
    /// not counted as a request. If memory has no answer, the domain is looked up, and the result is cached.
    pub async fn explain(&self, map: &str, key: &str) -> Explanation {
        let zones = self.shared.zones();
        let zone = zones.zones.zone(map);
        let is_default_zone = std::ptr::eq(zone, zones.zones.default_zone());
        let service = &self.shared.service;
        let (answer, grounds) = look_up(key, zone, &zones.zones, service, &self.shared.dane).await;
        let mut explanation = Explanation::new(service.now(), &answer, is_default_zone, grounds);
        if let Some(domain) = &explanation.domain {
            explanation.entry = service.entry(domain).await;
            explanation.events = service.events(domain);
        }
        explanation
    }

    /// The number of answered requests.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The number of connected clients.
    pub fn clients(&self) -> usize {
        self.shared.clients.load(Ordering::Relaxed)
    }

    /// The counters since the start of the server.
    pub fn counts(&self) -> SocketmapCounts {
        SocketmapCounts {
            clients: self.clients() as u64,
            max_clients: self.shared.max_clients() as u64,
            connections: self.shared.connections.load(Ordering::Relaxed),
            ..self.shared.zones().counts()
        }
    }

    /// Serves until `stop` completes: then it accepts no more clients, and gives those that have sent a request
    /// [`SocketmapConfig::with_stop_within`] to receive their answer. Clients in the backlog of a listener are served
    /// too, unless it was opened by another process, which keeps it.
    pub async fn serve(&self, listeners: Vec<SocketmapListener>, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(false);
        let mut accepting = JoinSet::new();
        for listener in listeners {
            let (shared, stopped) = (Arc::clone(&self.shared), stopped.clone());
            accepting.spawn(async move { accept(&shared, listener, stopped).await });
        }
        drop(stopped);
        stop.await;
        stopping.send_replace(true);
        // Every listener is closed at once, and every client watches the channel until it disconnects.
        let all_left = async {
            while accepting.join_next().await.is_some() {}
            stopping.closed().await;
        };
        if tokio::time::timeout(self.shared.config.stop_within, all_left).await.is_err() {
            tracing::warn!("some clients did not receive their answer before the end");
        }
    }
}

impl Shared {
    fn zones(&self) -> Arc<CountedZones> {
        Arc::clone(&self.zones.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn max_clients(&self) -> usize {
        self.config.max_clients.clamp(1, Semaphore::MAX_PERMITS)
    }

    fn idle_timeout(&self) -> Duration {
        let crowded = self.places.available_permits() < self.max_clients() / 2;
        if crowded { self.config.idle_timeout / 10 } else { self.config.idle_timeout }
    }
}

async fn accept(shared: &Arc<Shared>, listener: SocketmapListener, mut stopped: watch::Receiver<bool>) {
    let watched = stopped.clone();
    let mut stop = pin!(stopped.wait_for(|stopped| *stopped));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.as_mut() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(stream) => welcome(shared, stream, &watched).await,
            Err(error) => {
                // For example too many open files: this passes when a client disconnects.
                tracing::warn!(%error, "a client could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    if listener.outlives_server {
        return;
    }
    // Their requests may have arrived, and would be lost with the listener.
    match listener.backlog() {
        Ok(backlog) => {
            for stream in backlog {
                welcome(shared, stream, &watched).await;
            }
        }
        Err(error) => tracing::warn!(%error, "waiting clients were not accepted"),
    }
}

enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl SocketmapListener {
    async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(listener) => listener.accept().await.map(|(stream, _)| Accepted::Tcp(stream)),
            Socket::Unix(listener) => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
        }
    }

    /// Closes it; returns the connections that were not accepted yet.
    fn backlog(self) -> io::Result<Vec<Accepted>> {
        // It does not block, like the listener it was made from.
        let mut accept: Box<dyn FnMut() -> io::Result<Accepted> + Send> = match self.socket {
            Socket::Tcp(listener) => {
                let listener = listener.into_std()?;
                Box::new(move || {
                    let (stream, _) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    TcpStream::from_std(stream).map(Accepted::Tcp)
                })
            }
            Socket::Unix(listener) => {
                let listener = listener.into_std()?;
                Box::new(move || {
                    let (stream, _) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    UnixStream::from_std(stream).map(Accepted::Unix)
                })
            }
        };
        Ok(std::iter::from_fn(|| accept().ok()).take(MAX_BACKLOG).collect())
    }
}

/// Waits for a free slot: one client of each listener may wait here, further ones in the backlog.
async fn welcome(shared: &Arc<Shared>, stream: Accepted, stopped: &watch::Receiver<bool>) {
    // Never closed.
    let Ok(place) = Arc::clone(&shared.places).acquire_owned().await else { return };
    shared.connections.fetch_add(1, Ordering::Relaxed);
    let client = Client::new(shared, place, stopped.clone());
    match stream {
        Accepted::Tcp(stream) => {
            // An answer is one small packet.
            let _ = stream.set_nodelay(true);
            client.start(stream);
        }
        Accepted::Unix(stream) => client.start(stream),
    }
}

/// More than the system's limit.
const MAX_BACKLOG: usize = 4096;
