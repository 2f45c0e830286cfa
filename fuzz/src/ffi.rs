//! What the targets of the C library share: handles in tables, and calls held to what the header promises.

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null};

use mtasts::*;

/// A small table of handles; an empty place is NULL.
pub type Table<T> = [Option<Box<T>>; 3];
/// Where a handle goes.
pub type Out<'a, T> = Option<&'a mut MaybeUninit<*mut T>>;

/// A call that makes a handle and may want to tell of an error: into the table on success.
#[macro_export]
macro_rules! make {
    ($self:ident, $table:ident, |$out:pat_param, $error:pat_param| $call:expr) => {{
        let (place, wants) = ($self.number(3) as usize, $self.byte());
        if let Some(made) = $crate::ffi::made(wants, true, |$out, $error| $call) {
            $self.$table[place] = made;
        }
    }};
}

/// The same of a call that takes no error.
#[macro_export]
macro_rules! give {
    ($self:ident, $table:ident, |$out:pat_param| $call:expr) => {{
        let (place, wants) = ($self.number(3) as usize, $self.byte());
        if let Some(made) = $crate::ffi::made(wants, false, |$out, _| $call) {
            $self.$table[place] = made;
        }
    }};
}

/// A string for C, or NULL.
pub fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(null(), |text| text.as_ptr())
}

/// A handle to borrow; NULL from an empty place, and beyond the table.
pub fn at<T>(table: &Table<T>, place: usize) -> Option<&T> {
    table.get(place)?.as_deref()
}

/// The same, to change.
pub fn at_mut<T>(table: &mut Table<T>, place: usize) -> Option<&mut T> {
    table.get_mut(place)?.as_deref_mut()
}

/// A handle to give away.
pub fn take<T>(table: &mut Table<T>, place: usize) -> Option<Box<T>> {
    table.get_mut(place)?.take()
}

/// Puts one into its place.
pub fn put_back<T>(table: &mut Table<T>, place: usize, handle: Option<Box<T>>) {
    if let Some(place) = table.get_mut(place) {
        *place = handle;
    }
}

/// What a call made, if it did: a failed call leaves the place as it was, a good one writes to it.
pub fn made<T>(
    wants: u8,
    tells: bool,
    call: impl FnOnce(Out<'_, T>, Out<'_, mtasts_error>) -> mtasts_status,
) -> Option<Option<Box<T>>> {
    let mark = NonNull::dangling().as_ptr();
    let mut out = MaybeUninit::new(mark);
    let given = wants % 16 != 0;
    let status = told(wants & 16 != 0, tells, |error| call(given.then_some(&mut out), error));
    // SAFETY: the mark, or what the call wrote.
    let out = unsafe { out.assume_init() };
    if !given {
        return None;
    }
    assert_eq!(status == MTASTS_OK, out != mark);
    // SAFETY: a good call gives a handle that is the caller's, or NULL.
    (status == MTASTS_OK).then(|| (!out.is_null()).then(|| unsafe { Box::from_raw(out) }))
}

/// The status of a call, which agrees with what it tells of an error.
pub fn told(
    wants_error: bool,
    tells: bool,
    call: impl FnOnce(Out<'_, mtasts_error>) -> mtasts_status,
) -> mtasts_status {
    let mark = NonNull::dangling().as_ptr();
    let mut error = MaybeUninit::new(mark);
    let status = call(wants_error.then_some(&mut error));
    let failed = !plain(status);
    // SAFETY: the mark, or what the call wrote.
    let error = unsafe { error.assume_init() };
    assert_eq!(error != mark, wants_error && tells && failed);
    if error != mark {
        // SAFETY: a failed call gives an error that is the caller's.
        let error = unsafe { Box::from_raw(error) };
        assert_eq!(mtasts_error_status(Some(&error)), status);
        assert_eq!(read(mtasts_error_code(Some(&error))), read(mtasts_status_code(status)));
        let message = read(mtasts_error_message(Some(&error))).unwrap_or_default();
        assert!(!message.is_empty() && !message.contains(char::is_control), "{message:?}");
        let no_place = mtasts_error_line(Some(&error)) == 0 && mtasts_error_path(Some(&error)).is_null();
        assert!(!no_place || mtasts_error_offset(Some(&error)) == 0);
        mtasts_error_free(Some(error));
    }
    status
}

/// Whether a call went well; if not, it says why in a known way, and has no bug.
pub fn plain(status: mtasts_status) -> bool {
    assert_ne!(read(mtasts_status_code(status)).as_deref(), Some("unknown-status"));
    assert!(status != MTASTS_ERR_PANIC && status != MTASTS_ERR_POISONED);
    status == MTASTS_OK
}

/// What a predicate gives.
pub fn truth(value: i32) -> bool {
    assert!(value == 0 || value == 1);
    value == 1
}

/// A string that came back: to its NUL, in UTF-8.
pub fn read(text: *const c_char) -> Option<String> {
    // SAFETY: a string of the library, whose owner lives.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str().expect("UTF-8").to_owned())
}

/// Reads all of a finding.
pub fn read_finding(finding: Option<&mtasts_finding>) {
    for text in [
        mtasts_finding_code(finding),
        mtasts_finding_message(finding),
        mtasts_finding_senders(finding),
        mtasts_finding_help(finding),
    ] {
        assert_eq!(read(text).is_some(), finding.is_some());
    }
    assert_eq!(plain(mtasts_finding_status(finding)), finding.is_none());
    assert_eq!(mtasts_finding_severity(finding) == 0, finding.is_none());
    assert_eq!(mtasts_finding_line(finding) == 0, finding.is_none());
    assert!(mtasts_finding_start(finding) <= mtasts_finding_end(finding));
}
