//! An HTTPS server on loopback that does what it is told, right or wrong.
#![allow(dead_code, reason = "each test file uses a part")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

pub(crate) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// What a server does after the request, or, without TLS, after the first bytes.
#[derive(Clone)]
pub(crate) enum Step {
    Send(Vec<u8>),
    /// One byte at a time, the last over and over.
    Drip(Vec<u8>),
    Hang,
    /// Goes on when it is told.
    Wait(Arc<Notify>),
    /// Closes TCP without closing TLS.
    Cut,
}
use Step::{Cut, Drip, Hang, Send, Wait};

pub(crate) fn ok(body: &[u8]) -> Vec<Step> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len());
    vec![Send([head.as_bytes(), body].concat())]
}

#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) sni: Option<String>,
    pub(crate) head: String,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    _tasks: tokio::task::JoinSet<()>,
}

#[derive(Clone)]
struct Behaviour {
    tls: Option<TlsAcceptor>,
    script: Vec<Step>,
}

impl Server {
    pub(crate) async fn start(tls: TlsAcceptor, script: Vec<Step>) -> Self {
        Self::start_at(SocketAddr::new(SERVER, 0), Some(tls), script).await
    }

    pub(crate) async fn start_clear(script: Vec<Step>) -> Self {
        Self::start_at(SocketAddr::new(SERVER, 0), None, script).await
    }

    pub(crate) async fn start_at(address: SocketAddr, tls: Option<TlsAcceptor>, script: Vec<Step>) -> Self {
        Self::start_on(TcpListener::bind(address).await.unwrap(), tls, script)
    }

    pub(crate) fn start_on(listener: TcpListener, tls: Option<TlsAcceptor>, script: Vec<Step>) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let behaviour = Arc::new(Mutex::new(Behaviour { tls, script }));
        let mut tasks = tokio::task::JoinSet::new();
        let (now, log) = (Arc::clone(&behaviour), Arc::clone(&seen));
        tasks.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut tcp, _)) = listener.accept().await {
                let (Behaviour { tls, script }, log) = (now.lock().unwrap().clone(), Arc::clone(&log));
                connections.spawn(async move {
                    let Some(tls) = tls else {
                        let mut hello = [0; 4096];
                        let _ = tcp.read(&mut hello).await;
                        log.lock().unwrap().push(Seen { sni: None, head: String::new() });
                        return play(&mut tcp, script).await;
                    };
                    let Ok(mut stream) = tls.accept(tcp).await else { return };
                    let head = read_head(&mut stream).await;
                    let sni = stream.get_ref().1.server_name().map(str::to_owned);
                    log.lock().unwrap().push(Seen { sni, head });
                    play(&mut stream, script).await;
                });
            }
        });
        Self { address, behaviour, seen, _tasks: tasks }
    }

    /// What it does from the next connection on.
    pub(crate) fn behave(&self, tls: Option<TlsAcceptor>, script: Vec<Step>) {
        *self.behaviour.lock().unwrap() = Behaviour { tls, script };
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn play(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), script: Vec<Step>) {
    for step in script {
        match step {
            Send(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.flush().await;
            }
            Drip(bytes) => {
                let last = *bytes.last().unwrap();
                for byte in bytes.into_iter().chain(std::iter::repeat(last)) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    if stream.write_all(&[byte]).await.is_err() || stream.flush().await.is_err() {
                        return;
                    }
                }
            }
            Hang => std::future::pending().await,
            Wait(told) => told.notified().await,
            Cut => return,
        }
    }
    let _ = stream.shutdown().await;
    // What the client still sends is taken in, since closing over it would reset the connection.
    let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
}

pub(crate) async fn read_head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}
