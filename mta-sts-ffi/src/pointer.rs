//! Conversions of C pointers.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use crate::status::Fault;

/// A pointer to octets of the caller, for functions that take several: TXT RRs, or values of header
/// fields.
///
/// `data` may be NULL when `len` is 0. This struct never changes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct mtasts_bytes {
    /// The first octet.
    pub data: *const u8,
    /// The number of octets.
    pub len: usize,
}

/// The octets at a pointer; NULL is fine if there are none.
///
/// # Safety
///
/// Unless it is NULL, `len` octets can be read at `data` for as long as the result is used.
pub(crate) unsafe fn octets<'a>(data: *const u8, len: usize) -> Result<&'a [u8], Fault> {
    // SAFETY: guaranteed by the caller.
    unsafe { array(data, len) }
}

/// The items of an array; NULL is fine if there are none.
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
    // SAFETY: not NULL, aligned, no longer than memory, and readable as guaranteed by the caller.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

/// The octets of each item of an array.
///
/// # Safety
///
/// The same as for [`array`], for the array and for each of its items.
pub(crate) unsafe fn octets_of_all<'a>(
    first: *const mtasts_bytes,
    count: usize,
) -> Result<Vec<&'a [u8]>, Fault> {
    // SAFETY: guaranteed by the caller.
    let items = unsafe { array(first, count) }?;
    // SAFETY: as guaranteed by the caller, for each item.
    items.iter().map(|item| unsafe { octets(item.data, item.len) }).collect()
}

/// The octets of a NUL-terminated string, if it is not NULL.
///
/// # Safety
///
/// Unless it is NULL, the string is NUL-terminated and does not change for as long as the result is
/// used.
pub(crate) unsafe fn optional_string<'a>(string: *const c_char) -> Option<&'a [u8]> {
    if string.is_null() {
        return None;
    }
    // SAFETY: not NULL, and NUL-terminated as guaranteed by the caller.
    Some(unsafe { CStr::from_ptr(string) }.to_bytes())
}

/// The text of a NUL-terminated string in UTF-8.
///
/// # Safety
///
/// The same as for [`optional_string`].
pub(crate) unsafe fn string<'a>(string: *const c_char) -> Result<&'a str, Fault> {
    // SAFETY: guaranteed by the caller.
    let octets = unsafe { optional_string(string) }.ok_or(Fault::NULL)?;
    std::str::from_utf8(octets).map_err(|error| Fault::not_utf8(error.valid_up_to()))
}

/// The place of a result, which is only written on success.
pub(crate) type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

/// Transfers ownership of a handle to the caller.
pub(crate) fn give<T>(out: &mut MaybeUninit<*mut T>, value: T) {
    out.write(Box::into_raw(Box::new(value)));
}

/// Transfers ownership of a handle to the caller, or gives NULL.
pub(crate) fn give_option<T>(out: &mut MaybeUninit<*mut T>, value: Option<T>) {
    out.write(value.map_or(std::ptr::null_mut(), |value| Box::into_raw(Box::new(value))));
}
