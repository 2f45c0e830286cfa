use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::stat::{Mode, umask};

/// The unix datagram socket that mail servers send to.
///
/// ```
/// use mta_sts_reporter::{CollectorAccess, CollectorSocket};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("mtasts-tlsrpt");
/// // For everybody who can reach the folder; as tlsrpt-collectd: `with_mode(0o220)`.
/// let socket = CollectorSocket::bind(&path, CollectorAccess::new())?;
/// assert_eq!(socket.path(), Some(path.as_path()));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Linux queues `net.unix.max_dgram_qlen` datagrams for a socket, 10 by default, until they are received;
/// senders drop further ones. The limit is read when the socket is created. With 50 or more, datagrams are received together, some
/// milliseconds after the first one, which saves most of the CPU time.
///
/// A socket bound by this type is removed when the value is dropped.
#[derive(Debug)]
pub struct CollectorSocket {
    socket: UnixDatagram,
    bound: Option<Bound>,
}

/// The owner and permissions of a [`CollectorSocket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectorAccess {
    mode: u32,
    user: Option<u32>,
    group: Option<u32>,
}

impl CollectorAccess {
    /// Allows anyone who can reach the folder to send, since Postfix's clients run as a user of their own.
    pub const fn new() -> Self {
        Self { mode: 0o666, user: None, group: None }
    }

    /// Sets the permissions of the file. Default: 0666. Write permission allows sending.
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
}

impl Default for CollectorAccess {
    fn default() -> Self {
        Self::new()
    }
}

impl CollectorSocket {
    /// Creates a socket at this path. A socket left behind by another process is replaced; a file of any other kind is not.
    ///
    /// # Errors
    ///
    /// Those of the system; `AddrInUse` if another process receives there.
    pub fn bind(path: impl AsRef<Path>, access: CollectorAccess) -> io::Result<Self> {
        let path = path.as_ref();
        remove_stale(path)?;
        // Nobody can send before it has its final owner.
        let before = umask(Mode::from_bits_truncate(0o177));
        let socket = UnixDatagram::bind(path);
        umask(before);
        let socket = socket?;
        let bound = Bound(path.to_owned());
        if access.user.is_some() || access.group.is_some() {
            chown(path, access.user, access.group)?;
        }
        fs::set_permissions(path, Permissions::from_mode(access.mode))?;
        Ok(Self { socket, bound: Some(bound) })
    }

    /// Uses a socket bound by another program, such as systemd (`ListenDatagram=`). It outlives the process, so that datagrams
    /// sent during a restart are received after it.
    pub const fn from_bound(socket: UnixDatagram) -> Self {
        Self { socket, bound: None }
    }

    /// The path of the socket, unless another program has bound it.
    pub fn path(&self) -> Option<&Path> {
        self.bound.as_ref().map(|Bound(path)| path.as_path())
    }

    /// The time to wait between the first datagram and receiving, if the queue of a socket has room for those that come
    /// meanwhile. To be woken takes several times as long as to receive and to count.
    pub(super) fn gathering() -> Option<Duration> {
        let limit = fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen").ok()?;
        gathering_of(limit.trim().parse().ok()?)
    }

    pub(super) const fn as_datagram(&self) -> &UnixDatagram {
        &self.socket
    }
}

/// The time in which 25,000 datagrams a second fill the queue, at most 20 milliseconds. A short queue has no time to lose.
fn gathering_of(max_waiting: u32) -> Option<Duration> {
    let time = Duration::from_micros(40).saturating_mul(max_waiting).min(Duration::from_millis(20));
    (time >= Duration::from_millis(2)).then_some(time)
}

/// The file of a socket, removed when dropped.
#[derive(Debug)]
struct Bound(PathBuf);

impl Drop for Bound {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Removes a stale socket.
fn remove_stale(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        return Ok(());
    }
    match UnixDatagram::unbound()?.connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // It receives, or is no datagram socket, or nothing is known of it: `bind` says what is wrong.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_in_use_or_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let in_use =
            |path: &Path| CollectorSocket::bind(path, CollectorAccess::new()).map_err(|error| error.kind());
        // Left behind by a process that was killed.
        drop(UnixDatagram::bind(&path).unwrap());
        let first = in_use(&path).unwrap();
        assert_eq!(in_use(&path).unwrap_err(), io::ErrorKind::AddrInUse);
        UnixDatagram::unbound().unwrap().send_to(b"x", &path).unwrap();
        drop(first);
        assert!(!path.exists());
        fs::write(&path, "a file").unwrap();
        assert_eq!(in_use(&path).unwrap_err(), io::ErrorKind::AddrInUse);
        assert_eq!(fs::read(&path).unwrap(), b"a file");
    }

    #[test]
    fn datagrams_gather_where_the_queue_is_long() {
        let limits = [0, 1, 10, 49, 50, 100, 512, u32::MAX];
        let times = limits.map(|limit| gathering_of(limit).map(|time| time.as_micros()));
        assert_eq!(times, [None, None, None, None, Some(2000), Some(4000), Some(20_000), Some(20_000)]);
    }

    #[test]
    fn the_mode_is_the_one_that_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o666, 0o220, 0o660] {
            let path = folder.path().join("socket");
            let _socket = CollectorSocket::bind(&path, CollectorAccess::new().with_mode(mode)).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        }
    }
}
