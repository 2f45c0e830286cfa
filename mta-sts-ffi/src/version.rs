//! The version of the library.

use std::ffi::c_char;

/// The version of the installed library, such as "0.1.0"; MTASTS_VERSION is that of the header.
///
/// Never NULL; it is valid for the lifetime of the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the installed library as a number: major * 65536 + minor * 256 + patch.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_version_number() -> u32 {
    NUMBER
}

/// Returns 1 if the installed library has everything that a header of this version declares, with the
/// same ABI, otherwise 0.
///
/// Call it with MTASTS_VERSION_NUMBER. If it returns 0, do not use the library.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_version_check(header: u32) -> i32 {
    i32::from(NUMBER >> 16 == header >> 16 && NUMBER >= header)
}

/// Returns 1 if the library converts U-labels to A-labels, or 0 if it was built without the feature
/// "idna".
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_has_idna() -> i32 {
    i32::from(cfg!(feature = "idna"))
}

const VERSION: &std::ffi::CStr =
    match std::ffi::CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

const NUMBER: u32 = digits(env!("CARGO_PKG_VERSION_MAJOR")) * 0x1_0000
    + digits(env!("CARGO_PKG_VERSION_MINOR")) * 0x100
    + digits(env!("CARGO_PKG_VERSION_PATCH"));

const fn digits(text: &str) -> u32 {
    let (mut number, mut at) = (0, 0);
    while at < text.len() {
        number = number * 10 + (text.as_bytes()[at] - b'0') as u32;
        at += 1;
    }
    number
}
