//! Reports on their way through the loopback world.

#![allow(clippy::unwrap_used)]

mod clock;
mod faults;
mod kill;
mod mail;
mod post;
mod record;
mod stage;
mod trial;
