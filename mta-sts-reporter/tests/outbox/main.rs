//! Reports on their way through the loopback world.

#![allow(clippy::unwrap_used)]

mod clock;
#[cfg(feature = "dkim")]
mod dkim;
mod faults;
mod kill;
mod mail;
mod post;
mod record;
mod stage;
mod trial;
