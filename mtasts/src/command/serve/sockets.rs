//! The listening sockets of the daemon: those passed to it by systemd, or its own.

use std::io;

use listenfd::ListenFd;
use mta_sts_reporter::CollectorSocket;
use mtasts_socketmap::SocketmapListener;
use tokio::net::{TcpListener, UnixListener};

use super::super::Exit;
use super::super::daemons::cannot_listen;
use super::configuration::Configuration;

/// Every listening socket of the daemon.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) answers: Vec<SocketmapListener>,
    pub(super) metrics: Option<TcpListener>,
    pub(super) control: Option<UnixListener>,
    pub(super) tlsrpt: Option<CollectorSocket>,
}

impl Sockets {
    /// Sockets of systemd (`sd_listen_fds(3)`) replace `listen`; those named `metrics` and `control` replace these; a
    /// datagram socket replaces `tlsrpt`.
    pub(super) async fn open(configuration: &Configuration) -> Result<Self, (Exit, String)> {
        let mut sockets = Self::handed_over().map_err(|what| (Exit::No, what))?;
        if sockets.answers.is_empty() {
            for place in &configuration.listen {
                sockets.answers.push(place.bind(configuration.socket_access()).await?);
            }
        }
        if sockets.answers.is_empty() {
            return Err((
                Exit::Configuration,
                "there is no address to listen on: `listen` is empty".to_owned(),
            ));
        }
        if sockets.metrics.is_none()
            && let Some(address) = configuration.metrics.0
        {
            let bound = TcpListener::bind(address).await;
            let bound = bound.map_err(|error| cannot_listen(&format!("{address} for metrics"), &error));
            sockets.metrics = Some(bound?);
        }
        if sockets.control.is_none()
            && let Some(path) = &configuration.control.0
        {
            let bound = configuration.control_access().bind(path);
            sockets.control =
                Some(bound.map_err(|error| cannot_listen(&format!("{path} for control"), &error))?);
        }
        if sockets.tlsrpt.is_none()
            && let Some(path) = &configuration.tlsrpt.0
        {
            let bound = CollectorSocket::bind(&path.0, configuration.collector_access());
            sockets.tlsrpt =
                Some(bound.map_err(|error| cannot_listen(&format!("{path} for TLSRPT"), &error))?);
        }
        Ok(sockets)
    }

    fn handed_over() -> Result<Self, String> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut handed = ListenFd::from_env();
        let mut sockets = Self { answers: Vec::new(), metrics: None, control: None, tlsrpt: None };
        for number in 0..handed.len() {
            let name = names.next().unwrap_or_default();
            let failed = |error: io::Error| format!("a socket passed by systemd is not usable: {error}");
            if let Ok(Some(listener)) = handed.take_tcp_listener(number) {
                if name == "metrics" {
                    listener.set_nonblocking(true).map_err(failed)?;
                    sockets.metrics = Some(TcpListener::from_std(listener).map_err(failed)?);
                } else {
                    sockets.answers.push(SocketmapListener::from_tcp(listener).map_err(failed)?);
                }
            } else if name == "metrics" {
                return Err("the socket passed by systemd for metrics is not a TCP socket".to_owned());
            } else if let Ok(Some(datagrams)) = handed.take_unix_datagram(number) {
                sockets.tlsrpt = Some(CollectorSocket::from_bound(datagrams));
            } else if let Some(listener) = handed.take_unix_listener(number).map_err(failed)? {
                if name == "control" {
                    listener.set_nonblocking(true).map_err(failed)?;
                    sockets.control = Some(UnixListener::from_std(listener).map_err(failed)?);
                    continue;
                }
                sockets.answers.push(SocketmapListener::from_unix(listener).map_err(failed)?);
            }
        }
        Ok(sockets)
    }
}
