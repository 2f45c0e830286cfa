//! The server of policies, with real clients of TLS.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod client;
mod faults;
mod files;
mod hosts;
#[path = "../../../mta-sts-resolver/tests/pki/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "each test file uses a part")]
mod pki;
mod reports;
mod stage;
