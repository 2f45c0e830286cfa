//! Octets, read eight at a time.

const ONES: u64 = u64::from_le_bytes([0x01; 8]);
const HIGH_BITS: u64 = u64::from_le_bytes([0x80; 8]);

/// Marks the octets of a word that equal `octet` by their high bits. It may mark octets after the first one, never before
/// it: the subtraction borrows from the next octet. Other bits have no meaning.
#[inline]
pub(crate) const fn marks_equal(word: u64, octet: u8) -> u64 {
    let differing = word ^ (octet as u64 * ONES);
    differing.wrapping_sub(ONES) & !differing & HIGH_BITS
}

/// Marks the octets of a word that are below `limit`, which is at most 0x80, as [`marks_equal`] does.
#[inline]
pub(crate) const fn marks_below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(limit as u64 * ONES) & !word & HIGH_BITS
}

/// The offset of the first octet from `start` on that `marks` marks in a word, or `is_it` tells alone; the length of the
/// octets if there is none.
#[inline]
pub(crate) fn next_marked(
    octets: &[u8],
    start: usize,
    marks: impl Fn(u64) -> u64,
    is_it: impl Fn(&u8) -> bool,
) -> usize {
    let mut at = start;
    while let Some(word) = octets[at..].first_chunk() {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    octets[at..].iter().position(is_it).map_or(octets.len(), |end| at + end)
}
