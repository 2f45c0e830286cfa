//! A server that knows one answer: what the system and the runtime take of any server of this protocol.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;

/// As long as the daemon's answers in the warm runs.
const ANSWER: &str = "OK secure match=mx1.d100.policy.test:.d100.policy.test servername=hostname";

/// One read and one write for a request, on one thread.
pub(crate) fn serve(listen: SocketAddr) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(answer_all(stream));
        }
    })
}

/// Until the client leaves. It sends one request at a time, so a comma at the end of a read ends a request.
async fn answer_all(mut stream: TcpStream) -> std::io::Result<()> {
    let answer = format!("{}:{ANSWER},", ANSWER.len());
    let mut buffer = [0; 512];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if buffer[..read].ends_with(b",") {
            stream.write_all(answer.as_bytes()).await?;
        }
    }
}
