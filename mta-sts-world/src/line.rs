use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// A line from the network.
pub(crate) enum Line {
    Text(Vec<u8>),
    TooLong,
    End,
}

/// Reads up to LF and removes it; a line longer than `limit` is read and discarded.
pub(crate) async fn read_line(stream: &mut (impl AsyncBufRead + Unpin), limit: usize) -> io::Result<Line> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let chunk = stream.fill_buf().await?;
        if chunk.is_empty() {
            return Ok(Line::End);
        }
        let end = chunk.iter().position(|&octet| octet == b'\n');
        let text = &chunk[..end.unwrap_or(chunk.len())];
        too_long |= line.len() + text.len() > limit;
        if !too_long {
            line.extend_from_slice(text);
        }
        let used = end.map_or(chunk.len(), |end| end + 1);
        stream.consume(used);
        if end.is_some() {
            break;
        }
    }
    if too_long {
        return Ok(Line::TooLong);
    }
    Ok(Line::Text(line))
}
