use std::io;
use std::net::SocketAddr;
use std::path::Path;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A listener for a reverse proxy on the same machine, which has ended TLS and sends HTTP.
///
/// What is sent to it is not encrypted, and anybody who can connect is believed: so TCP is for loopback addresses, and a Unix socket
/// is for those who may write to it.
#[derive(Debug)]
pub struct PlainListener(Listener);

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A stream of either kind.
pub(super) enum PlainStream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl PlainListener {
    /// Listens at a loopback address.
    ///
    /// # Errors
    ///
    /// Returns the error of the system; [`io::ErrorKind::InvalidInput`] if the address is not one of loopback.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        check(address)?;
        TcpListener::bind(address).await.map(Listener::Tcp).map(Self)
    }

    /// Takes a listener over that another process has made, such as systemd.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] if its address is not one of loopback.
    pub fn from_tcp(listener: TcpListener) -> io::Result<Self> {
        check(listener.local_addr()?)?;
        Ok(Self(Listener::Tcp(listener)))
    }

    /// The address, or the path of the Unix socket.
    pub fn address(&self) -> String {
        match &self.0 {
            Listener::Tcp(listener) => {
                listener.local_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string())
            }
            Listener::Unix(listener) => {
                let address = listener.local_addr().ok();
                let path =
                    address.as_ref().and_then(|address| address.as_pathname()).unwrap_or(Path::new("?"));
                format!("unix:{}", path.display())
            }
        }
    }

    pub(super) async fn accept(&self) -> io::Result<PlainStream> {
        Ok(match &self.0 {
            Listener::Tcp(listener) => PlainStream::Tcp(listener.accept().await?.0),
            Listener::Unix(listener) => PlainStream::Unix(listener.accept().await?.0),
        })
    }
}

impl From<UnixListener> for PlainListener {
    fn from(listener: UnixListener) -> Self {
        Self(Listener::Unix(listener))
    }
}

fn check(address: SocketAddr) -> io::Result<()> {
    if address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "plain HTTP is for loopback addresses alone"))
}
