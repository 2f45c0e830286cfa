//! A client of the socketmap protocol.
#![allow(dead_code, reason = "each test file uses a part")]

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// One connection.
pub(crate) struct Client<S> {
    pub(crate) stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn ask(&mut self, request: &str) -> String {
        self.send(format!("{}:{request},", request.len()).as_bytes()).await;
        self.answer().await.expect("an answer")
    }

    pub(crate) async fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// The next netstring; none when the server has closed the connection.
    pub(crate) async fn answer(&mut self) -> Option<String> {
        timeout(LONG, async {
            let mut length = 0;
            loop {
                match self.stream.read_u8().await {
                    Ok(b':') => break,
                    Ok(digit) => length = length * 10 + usize::from(digit - b'0'),
                    Err(_) => return None,
                }
            }
            let mut octets = vec![0; length + 1];
            self.stream.read_exact(&mut octets).await.unwrap();
            assert_eq!(octets.pop(), Some(b','));
            Some(String::from_utf8(octets).unwrap())
        })
        .await
        .expect("an answer in time")
    }
}

/// Only a broken server takes as long.
pub(crate) const LONG: Duration = Duration::from_secs(30);
