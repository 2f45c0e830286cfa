use std::fmt;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::error::SmtpErrorKind;
use super::reply::SmtpReply;

/// A connection for commands and replies, one by one, with bounded buffers.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    received: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, received: Vec::new() }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), SmtpErrorKind> {
        // A reply that arrived before its command belongs to no command.
        if !self.received.is_empty() {
            return Err(SmtpErrorKind::Protocol);
        }
        self.stream.write_all(bytes).await.map_err(|_| SmtpErrorKind::Closed)?;
        self.stream.flush().await.map_err(|_| SmtpErrorKind::Closed)
    }

    pub(super) async fn read_reply(&mut self) -> Result<SmtpReply, SmtpErrorKind> {
        let mut lines = Vec::new();
        let mut length = 0;
        loop {
            let line = self.read_line().await?;
            length += line.len();
            if length > MAX_REPLY_LEN {
                return Err(SmtpErrorKind::ReplyTooLong);
            }
            let is_last = line.get(3) != Some(&b'-');
            lines.push(line);
            if is_last {
                return SmtpReply::parse(&lines).ok_or(SmtpErrorKind::Protocol);
            }
        }
    }

    /// The stream, if no unread bytes were received.
    pub(super) fn into_stream_if_drained(self) -> Option<Box<dyn Stream>> {
        self.received.is_empty().then_some(self.stream)
    }

    /// Reads one line without its line end, at most [`MAX_LINE_LEN`].
    async fn read_line(&mut self) -> Result<Vec<u8>, SmtpErrorKind> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.received.drain(..=end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            if self.received.len() > MAX_LINE_LEN {
                return Err(SmtpErrorKind::ReplyTooLong);
            }
            let mut chunk = [0; 1024];
            match self.stream.read(&mut chunk).await {
                Ok(length @ 1..) => self.received.extend_from_slice(&chunk[..length]),
                Ok(0) | Err(_) => return Err(SmtpErrorKind::Closed),
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("received", &self.received.len()).finish_non_exhaustive()
    }
}

/// Any bidirectional byte stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Four times what RFC 5321, 4.5.3.1.5 permits, since some servers have long greetings.
const MAX_LINE_LEN: usize = 2048;
const MAX_REPLY_LEN: usize = 65_536;
