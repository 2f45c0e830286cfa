//! gzip, unpacked within bounds: a report comes from strangers.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;

/// A report of 10 MiB in blocks of 64 KiB, as bgzip makes them, has 160 members. Each takes a few microseconds, however short it
/// is.
const MAX_MEMBERS: usize = 1_024;

/// Whether it begins as gzip does, whatever its name is.
pub(crate) fn is_gzip(data: &[u8]) -> bool {
    data.starts_with(b"\x1f\x8b")
}

/// The octets, unpacked where they are gzip. Of what is longer than the limit, packed or not, more than the limit comes, for
/// the reader to refuse it.
///
/// Members may follow each other (RFC 1952, 2.2); what follows them is passed over, as gzip does. Names in it count for
/// nothing.
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
