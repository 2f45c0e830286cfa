//! MTA-STS (RFC 8461) without I/O.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
