//! The listening sockets: those passed by systemd, or own ones.

use std::io;
use std::net::SocketAddr;

use listenfd::ListenFd;
use mta_sts_publisher::PlainListener;
use mtasts_socketmap::SocketAccess;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use super::super::super::Exit;
use super::super::super::daemons::cannot_listen;
use super::configuration::{Configuration, PlainPlace};

/// Every listening socket.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    pub(super) https: Vec<TcpListener>,
    pub(super) plain: Vec<PlainListener>,
    pub(super) metrics: Option<TcpListener>,
}

impl Sockets {
    /// Sockets of systemd (`sd_listen_fds(3)`) replace `listen`; those named `metrics` and `plain` replace these.
    pub(super) async fn open(configuration: &Configuration) -> Result<Self, (Exit, String)> {
        let mut sockets = Self::handed_over().map_err(|what| (Exit::No, what))?;
        if sockets.https.is_empty() && configuration.has_certificates() {
            for address in &configuration.listen {
                match bind(*address) {
                    Ok(listener) => sockets.https.push(listener),
                    // A machine without IPv6 has the other default.
                    Err(error) if configuration.listen.len() > 1 && has_no_such_family(&error) => {
                        tracing::warn!(%address, %error, "this address is not listened at");
                    }
                    Err(error) => return Err(told(&address.to_string(), &error)),
                }
            }
        }
        if sockets.plain.is_empty()
            && let Some(place) = &configuration.plain.0
        {
            let bound = match place {
                PlainPlace::Tcp(address) => PlainListener::bind(*address).await,
                // Proxies run as users of their own.
                PlainPlace::Unix(path) => {
                    SocketAccess::new().with_mode(0o666).bind(path).map(PlainListener::from)
                }
            };
            sockets.plain.push(bound.map_err(|error| told(&place.to_string(), &error))?);
        }
        if sockets.https.is_empty() && sockets.plain.is_empty() {
            return Err((Exit::Configuration, "there is no address to listen on".to_owned()));
        }
        if sockets.metrics.is_none()
            && let Some(address) = configuration.metrics.0
        {
            let bound = TcpListener::bind(address).await;
            sockets.metrics = Some(bound.map_err(|error| told(&format!("{address} for metrics"), &error))?);
        }
        Ok(sockets)
    }

    fn handed_over() -> Result<Self, String> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut handed = ListenFd::from_env();
        let mut sockets = Self::default();
        for number in 0..handed.len() {
            let name = names.next().unwrap_or_default();
            let failed = |error: io::Error| format!("a socket passed by systemd is not usable: {error}");
            if let Ok(Some(listener)) = handed.take_tcp_listener(number) {
                listener.set_nonblocking(true).map_err(failed)?;
                let listener = TcpListener::from_std(listener).map_err(failed)?;
                match name {
                    "metrics" => sockets.metrics = Some(listener),
                    "plain" => sockets.plain.push(PlainListener::from_tcp(listener).map_err(failed)?),
                    _ => sockets.https.push(listener),
                }
            } else if let Some(listener) = handed.take_unix_listener(number).map_err(failed)? {
                listener.set_nonblocking(true).map_err(failed)?;
                sockets.plain.push(UnixListener::from_std(listener).map_err(failed)?.into());
            }
        }
        Ok(sockets)
    }
}

/// Listens at an address of IPv6 without taking that of IPv4.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn has_no_such_family(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(nix::libc::EAFNOSUPPORT | nix::libc::EADDRNOTAVAIL))
}

/// Says what to do about it too.
fn told(place: &str, error: &io::Error) -> (Exit, String) {
    let (exit, what) = cannot_listen(place, error);
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => {
            " (another server has it: stop that, or let it be the reverse proxy, with --plain 127.0.0.1:8463)"
        }
        io::ErrorKind::PermissionDenied => {
            " (ports below 1024 need CAP_NET_BIND_SERVICE, as the unit mtasts-publish.service has it, or socket activation)"
        }
        _ => "",
    };
    (exit, format!("{what}{help}"))
}

const BACKLOG: i32 = 1024;
