//! The client: some connections, one request at a time on each.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Failure;

/// Requests to send.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) server: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) requests: usize,
    /// Ask for the domains in turn; at random otherwise.
    pub(crate) in_turn: bool,
    /// The domains are numbered: `d{number}{suffix}`.
    pub(crate) domains: usize,
    pub(crate) suffix: &'static str,
    /// With what every answer begins, after its length.
    pub(crate) expect: &'static str,
}

impl Load {
    /// Sends all of them.
    ///
    /// An answer other than expected is an error: a daemon that fails fast is not fast.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let sent = Arc::new(AtomicUsize::new(0));
        let mut clients = JoinSet::new();
        let load = Arc::new(self);
        for _ in 0..load.connections {
            let stream = TcpStream::connect(load.server).await?;
            stream.set_nodelay(true)?;
            clients.spawn(ask_all(stream, Arc::clone(&load), Arc::clone(&sent)));
        }
        while let Some(done) = clients.join_next().await {
            done??;
        }
        Ok(())
    }

    fn domain(&self, number: usize) -> usize {
        if self.in_turn {
            return number % self.domains;
        }
        // The finalizer of MurmurHash3: the same order in every run, and no two runs of neighbours.
        let mut mixed = number as u64;
        for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53_u64] {
            mixed = (mixed ^ (mixed >> 33)).wrapping_mul(factor);
        }
        usize::try_from((mixed ^ (mixed >> 33)) % self.domains as u64).unwrap_or_default()
    }
}

async fn ask_all(mut stream: TcpStream, load: Arc<Load>, sent: Arc<AtomicUsize>) -> Result<(), Failure> {
    let mut buffer = [0; 4096];
    loop {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        if number >= load.requests {
            return Ok(());
        }
        let request = format!("postfix d{}{}", load.domain(number), load.suffix);
        stream.write_all(format!("{}:{request},", request.len()).as_bytes()).await?;
        let mut length = 0;
        let answer = loop {
            let read = stream.read(&mut buffer[length..]).await?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            length += read;
            if buffer[..length].ends_with(b",") {
                break String::from_utf8_lossy(&buffer[..length]);
            }
        };
        let is_expected = answer.split_once(':').is_some_and(|(_, text)| text.starts_with(load.expect));
        if !is_expected {
            return Err(format!("`{request}` was answered `{answer}`, not {}", load.expect).into());
        }
    }
}
