//! Certificates from Debian's `pebble`, a CA for tests, in strict mode.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod accounts;
mod clock;
mod faults;
mod kill;
mod orders;
mod pebble;
#[path = "../../../mta-sts-resolver/tests/pki/mod.rs"]
mod pki;
mod stage;
