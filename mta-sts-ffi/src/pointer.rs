//! What C points at.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use crate::status::Fault;

/// Octets that the caller keeps, for functions that take several: a TXT RR each, or a header field each.
///
/// `data` may be NULL when `len` is 0. This struct never changes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct mtasts_bytes {
    /// The first octet.
    pub data: *const u8,
    /// How many octets.
    pub len: usize,
}

/// The octets at a pointer; NULL is fine where there are none.
///
/// # Safety
///
/// Unless it is NULL, `len` octets can be read at `data` for as long as the result is used.
pub(crate) unsafe fn octets<'a>(data: *const u8, len: usize) -> Result<&'a [u8], Fault> {
    // SAFETY: as the caller promises.
    unsafe { array(data, len) }
}

/// The items of an array; NULL is fine where there are none.
///
/// # Safety
///
/// Unless it is NULL, `count` items can be read at `first` for as long as the result is used.
pub(crate) unsafe fn array<'a, T>(first: *const T, count: usize) -> Result<&'a [T], Fault> {
    if count == 0 {
        return Ok(&[]);
    }
    if first.is_null() {
        return Err(Fault::NULL);
    }
    if count > isize::MAX as usize / size_of::<T>().max(1) || !first.is_aligned() {
        return Err(Fault::ARGUMENT);
    }
    // SAFETY: not NULL, aligned, no longer than memory, and readable as the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

/// The octets of each item of an array.
///
/// # Safety
///
/// As [`array`], for the array and for each of its items.
pub(crate) unsafe fn octets_of_all<'a>(
    first: *const mtasts_bytes,
    count: usize,
) -> Result<Vec<&'a [u8]>, Fault> {
    // SAFETY: as the caller promises.
    let items = unsafe { array(first, count) }?;
    // SAFETY: as the caller promises, for each item.
    items.iter().map(|item| unsafe { octets(item.data, item.len) }).collect()
}

/// The octets of a NUL-terminated string, if it is not NULL.
///
/// # Safety
///
/// Unless it is NULL, the string is NUL-terminated and stays as it is for as long as the result is used.
pub(crate) unsafe fn optional_string<'a>(string: *const c_char) -> Option<&'a [u8]> {
    if string.is_null() {
        return None;
    }
    // SAFETY: not NULL, and NUL-terminated as the caller promises.
    Some(unsafe { CStr::from_ptr(string) }.to_bytes())
}

/// The text of a NUL-terminated string in UTF-8.
///
/// # Safety
///
/// As [`optional_string`].
pub(crate) unsafe fn string<'a>(string: *const c_char) -> Result<&'a str, Fault> {
    // SAFETY: as the caller promises.
    let octets = unsafe { optional_string(string) }.ok_or(Fault::NULL)?;
    std::str::from_utf8(octets).map_err(|error| Fault::not_utf8(error.valid_up_to()))
}

/// Where a result goes; it is written to on success alone.
pub(crate) type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

/// Makes a handle the caller's.
pub(crate) fn give<T>(out: &mut MaybeUninit<*mut T>, value: T) {
    out.write(Box::into_raw(Box::new(value)));
}

/// Makes a handle the caller's, or gives NULL.
pub(crate) fn give_option<T>(out: &mut MaybeUninit<*mut T>, value: Option<T>) {
    out.write(value.map_or(std::ptr::null_mut(), |value| Box::into_raw(Box::new(value))));
}
