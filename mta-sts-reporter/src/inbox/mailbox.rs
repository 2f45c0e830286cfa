//! Messages in a mailbox of one file (RFC 4155).

use std::io::{self, BufRead, Read};

use super::content::is_mailbox_line;

/// An iterator over the messages of a mailbox. A message that is too long is skipped and listed.
pub(super) struct Mailbox<R> {
    reader: R,
    limit: usize,
    line: Line,
    has_begun: bool,
    is_over: bool,
}

/// The position of the next octets.
#[derive(Clone, Copy)]
struct Line {
    is_start: bool,
    is_after_blank: bool,
}

/// A message of a mailbox; `None` if it is too long.
pub(super) type MailboxMessage = io::Result<Option<Vec<u8>>>;

impl<R: BufRead> Mailbox<R> {
    pub(super) fn new(reader: R, limit: usize) -> Self {
        Self {
            reader,
            limit,
            line: Line { is_start: true, is_after_blank: true },
            has_begun: false,
            is_over: false,
        }
    }

    fn message(&mut self) -> MailboxMessage {
        // A longer line comes in pieces.
        const PIECE: u64 = 64 * 1024;
        let mut message = Vec::new();
        let mut is_too_long = false;
        let mut piece = Vec::new();
        loop {
            piece.clear();
            self.reader.by_ref().take(PIECE).read_until(b'\n', &mut piece)?;
            if piece.is_empty() {
                self.is_over = true;
                break;
            }
            let Line { is_start, is_after_blank } = self.line;
            self.line = Line {
                is_start: piece.ends_with(b"\n"),
                is_after_blank: is_start && piece.trim_ascii().is_empty(),
            };
            if is_start && is_after_blank && is_mailbox_line(&piece) {
                if self.has_begun {
                    break;
                }
                self.has_begun = true;
                continue;
            }
            // Lines of a message that begin so have a mark before them.
            let is_marked = is_start && piece[0] == b'>' && {
                let marks = piece.iter().take_while(|octet| **octet == b'>').count();
                piece[marks..].starts_with(b"From ")
            };
            let piece = &piece[usize::from(is_marked)..];
            is_too_long |= message.len() + piece.len() > self.limit;
            if is_too_long {
                message = Vec::new();
            } else {
                message.extend_from_slice(piece);
            }
        }
        Ok((!is_too_long).then_some(message))
    }
}

impl<R: BufRead> Iterator for Mailbox<R> {
    type Item = MailboxMessage;

    fn next(&mut self) -> Option<MailboxMessage> {
        if self.is_over {
            return None;
        }
        let message = self.message();
        self.is_over |= message.is_err();
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &'static str, limit: usize) -> Vec<Option<String>> {
        Mailbox::new(text.as_bytes(), limit)
            .map(|message| message.unwrap().map(|octets| String::from_utf8(octets).unwrap()))
            .collect()
    }

    #[test]
    fn messages_are_split_at_lines_of_a_sender_and_a_time() {
        let text = "From a Fri Nov 27 10:00:00 2026\nA: 1\n\n>From here at 10:00:00\n>>From\nFrom x at 10:00:00\n\n\
                    From love\n\nFrom b Fri Nov 27 10:00:01 2026\r\nB: 2\r\n";
        assert_eq!(
            messages(text, 1_000),
            [
                Some("A: 1\n\nFrom here at 10:00:00\n>>From\nFrom x at 10:00:00\n\nFrom love\n\n".to_owned()),
                Some("B: 2\r\n".to_owned()),
            ]
        );
        assert_eq!(messages(text, 10), [None, Some("B: 2\r\n".to_owned())]);
    }
}
