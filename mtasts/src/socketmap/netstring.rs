//! Netstrings: `LENGTH:OCTETS,`.

use std::ops::Range;

/// The state of the data at the start of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Netstring {
    /// At most the beginning of a netstring.
    Partial,
    /// A complete one: the position of its octets, and the start of the next one.
    Whole { octets: Range<usize>, end: usize },
    /// Something else, or a netstring that is too long.
    Broken,
}

/// The maximum length of a request, in octets: a map's name and a domain in U-labels are far
/// shorter.
pub(super) const MAX_REQUEST_LEN: usize = 2048;

/// Parses the start of the buffer.
pub(super) fn read(buffer: &[u8]) -> Netstring {
    let digits = buffer.iter().take_while(|octet| octet.is_ascii_digit()).count();
    if digits > 4 || (digits > 1 && buffer[0] == b'0') {
        return Netstring::Broken;
    }
    match buffer.get(digits) {
        None => return Netstring::Partial,
        Some(b':') if digits > 0 => {}
        Some(_) => return Netstring::Broken,
    }
    let length = buffer[..digits].iter().fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    if length > MAX_REQUEST_LEN {
        return Netstring::Broken;
    }
    let octets = digits + 1..digits + 1 + length;
    match buffer.get(octets.end) {
        None => Netstring::Partial,
        Some(b',') => Netstring::Whole { end: octets.end + 1, octets },
        Some(_) => Netstring::Broken,
    }
}

/// Encodes a netstring.
pub(super) fn write(text: &str) -> Vec<u8> {
    [text.len().to_string().as_str(), ":", text, ","].concat().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_netstring_is_whole_when_its_comma_is_there() {
        for (buffer, expected) in [
            (&b""[..], Netstring::Partial),
            (b"1", Netstring::Partial),
            (b"12:postfix a.t", Netstring::Partial),
            (b"12:postfix a.te", Netstring::Partial),
            (b"12:postfix a.te,", Netstring::Whole { octets: 3..15, end: 16 }),
            (b"0:,3:abc,", Netstring::Whole { octets: 2..2, end: 3 }),
            (b"12:postfix a.tes", Netstring::Broken),
            (b":,", Netstring::Broken),
            (b"02:ab,", Netstring::Broken),
            (b"-1:", Netstring::Broken),
            (b"2049:", Netstring::Broken),
            (b"99999", Netstring::Broken),
            (b"GET / HTTP/1.1\r\n", Netstring::Broken),
            (b"\x16\x03\x01", Netstring::Broken),
        ] {
            assert_eq!(read(buffer), expected, "{}", buffer.escape_ascii());
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(write("NOTFOUND "), b"9:NOTFOUND ,");
        assert_eq!(read(&write("NOTFOUND ")), Netstring::Whole { octets: 2..11, end: 12 });
    }
}
