//! Bounded decompression of gzip, for reports, which are untrusted.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;

/// The maximum number of gzip members. A report of 10 MiB in blocks of 64 KiB, as written by bgzip, has 160. Each costs a
/// few microseconds, regardless of its length.
const MAX_MEMBERS: usize = 1_024;

/// Whether the data begin with the magic octets of gzip.
pub(crate) fn is_gzip(data: &[u8]) -> bool {
    data.starts_with(b"\x1f\x8b")
}

/// Returns the data, decompressed if they are gzip. If they exceed the limit, compressed or not, more octets than the limit
/// are returned, so that the parser rejects them.
///
/// Several members may be concatenated (RFC 1952, 2.2); trailing data are ignored, as gzip does. File names in the header
/// are ignored.
pub(crate) fn unpacked(data: &[u8], max_octets: usize) -> io::Result<Cow<'_, [u8]>> {
    if !is_gzip(data) || data.len() > max_octets {
        return Ok(Cow::Borrowed(data));
    }
    let limit = u64::try_from(max_octets).unwrap_or(u64::MAX).saturating_add(1);
    let mut octets = Vec::new();
    let mut rest = data;
    for _ in 0..MAX_MEMBERS {
        let mut member = GzDecoder::new(rest);
        let room = limit - u64::try_from(octets.len()).unwrap_or(limit);
        member.by_ref().take(room).read_to_end(&mut octets)?;
        if octets.len() > max_octets {
            return Ok(Cow::Owned(octets));
        }
        // Nothing was left to read, so that the check sum was looked at.
        rest = member.into_inner();
        if !is_gzip(rest) {
            return Ok(Cow::Owned(octets));
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}
