//! Links the core into a program that has no std.
#![no_std]

#[cfg(feature = "std")]
extern crate std;

use core::alloc::{GlobalAlloc, Layout};

use mta_sts_core::Policy;

/// Something of the core that cannot be left out.
#[unsafe(no_mangle)]
pub extern "C" fn no_std_proof() -> bool {
    Policy::parse(b"version: STSv1\nmode: none\nmax_age: 1\n").is_ok()
}

struct NoMemory;

// SAFETY: it hands out no memory at all, which every caller must expect.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
