//! Which library this is.

use std::ffi::c_char;

/// The version of the library at hand, as "0.1.0"; MTASTS_VERSION is that of the header.
///
/// Never NULL; it lives as long as the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the library at hand as a number: major * 65536 + minor * 256 + patch.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_version_number() -> u32 {
    NUMBER
}

/// Whether the library at hand has all that a header of this version declares, with the same ABI.
///
/// Call it with MTASTS_VERSION_NUMBER. 1 if so, 0 if not: do not go on then.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_version_check(header: u32) -> i32 {
    i32::from(NUMBER >> 16 == header >> 16 && NUMBER >= header)
}

/// Whether the library turns U-labels into A-labels: 1, or 0 if it was built without the feature "idna".
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
