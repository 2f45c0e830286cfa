//! The type of a file or a part of a message, by its first octets and never by its name.

use std::io::Read;

use flate2::bufread::GzDecoder;

use super::UnreadableReason;

/// The type of content, by its first octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Empty,
    Json,
    Xml,
    Gzip,
    Zip,
    OtherCompression(&'static str),
    Mailbox,
    Message,
    Unknown,
}

impl Content {
    pub(super) fn of(octets: &[u8]) -> Self {
        const MAGIC: &[(&[u8], Content)] = &[
            (b"\x1f\x8b", Content::Gzip),
            (b"PK\x03\x04", Content::Zip),
            (b"PK\x05\x06", Content::Zip),
            (b"PK\x07\x08", Content::Zip),
            (b"BZh", Content::OtherCompression("bzip2")),
            (b"\xfd7zXZ\0", Content::OtherCompression("xz")),
            (b"\x28\xb5\x2f\xfd", Content::OtherCompression("zstd")),
            (b"7z\xbc\xaf\x27\x1c", Content::OtherCompression("7-Zip")),
            (b"Rar!\x1a\x07", Content::OtherCompression("RAR")),
        ];
        if let Some((_, content)) = MAGIC.iter().find(|(magic, _)| octets.starts_with(magic)) {
            return *content;
        }
        if is_mailbox_line(octets) {
            return Self::Mailbox;
        }
        let text = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets).trim_ascii_start();
        match text.first() {
            None => Self::Empty,
            // What begins so is JSON, though it may be no report.
            Some(b'{' | b'[') => Self::Json,
            Some(b'<') => Self::Xml,
            Some(_) if is_header_field(text) => Self::Message,
            Some(_) => Self::Unknown,
        }
    }
}

/// Whether octets begin with a line that stands before a message in a mailbox: `From sender Fri Nov 27 10:00:00 2026`.
pub(super) fn is_mailbox_line(octets: &[u8]) -> bool {
    let line = first_line(octets);
    let is_time =
        |five: &[u8]| five[2] == b':' && [0, 1, 3, 4].iter().all(|at: &usize| five[*at].is_ascii_digit());
    line.starts_with(b"From ") && line.windows(5).any(is_time)
}

/// Whether the first line is a field of a header, or the mark of a program that stores messages.
fn is_header_field(text: &[u8]) -> bool {
    let line = first_line(text);
    line.iter().position(|octet| *octet == b':').is_some_and(|colon| {
        let name = line[..colon].trim_ascii_end();
        (1..=100).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic)
    })
}

/// The first line, of a long one the start.
fn first_line(octets: &[u8]) -> &[u8] {
    let start = &octets[..octets.len().min(1_000)];
    start.split(|octet| *octet == b'\n').next().unwrap_or_default()
}

/// Whether the first file in a zip archive is JSON, as its name says.
pub(super) fn is_zip_of_json(octets: &[u8]) -> bool {
    // The length of the name stands at 26, the name at 30.
    let Some(&[low, high]) = octets.get(26..28) else { return false };
    let len = usize::from(u16::from_le_bytes([low, high]));
    let name = octets.get(30..30 + len).unwrap_or_default().to_ascii_lowercase();
    name.ends_with(b".json") || name.ends_with(b".json.gz")
}

/// Unpacks gzip, one member behind the other, JSON to one limit and everything else to another. What follows the last member
/// is passed over, and so are the names in it.
pub(super) fn gunzip(packed: &[u8], json_len: usize, other_len: usize) -> Result<Vec<u8>, UnreadableReason> {
    const CHUNK: u64 = 64 * 1024;
    // Who packs in chunks makes members of some size; each costs time though it be empty.
    const MOST_MEMBERS: usize = 1_024;
    let mut unpacked = Vec::new();
    let mut rest = packed;
    for _ in 0..MOST_MEMBERS {
        let mut member = GzDecoder::new(rest);
        loop {
            let read = member.by_ref().take(CHUNK).read_to_end(&mut unpacked);
            let start = &unpacked[..unpacked.len().min(1_024)];
            let limit = if Content::of(start) == Content::Json { json_len.min(other_len) } else { other_len };
            if unpacked.len() > limit {
                return Err(UnreadableReason::TooMuchUnpacked);
            }
            match read {
                Ok(0) => break,
                Ok(_) => {}
                Err(_) => return Err(UnreadableReason::DamagedGzip),
            }
        }
        rest = member.into_inner();
        if Content::of(rest) != Content::Gzip {
            return Ok(unpacked);
        }
    }
    Err(UnreadableReason::TooMuchUnpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_told_by_its_first_octets() {
        for (octets, content) in [
            (&b""[..], Content::Empty),
            (b" \r\n", Content::Empty),
            (b"\xef\xbb\xbf\n {", Content::Json),
            (b"[]", Content::Json),
            (b"<?xml", Content::Xml),
            (b"\x1f\x8b\x08", Content::Gzip),
            (b"PK\x03\x04x", Content::Zip),
            (b"BZh9", Content::OtherCompression("bzip2")),
            (b"From a@b Fri Nov 27 10:00:00 2026\nA: b", Content::Mailbox),
            (b"From a@b, with love", Content::Unknown),
            (b"From: a@b\n", Content::Message),
            (b"Return-Path: <>\n", Content::Message),
            (b"Dear all, read this: it is", Content::Unknown),
            (b": x", Content::Unknown),
            (b"\0\x01\x02", Content::Unknown),
        ] {
            assert_eq!(Content::of(octets), content, "{octets:?}");
        }
    }
}
