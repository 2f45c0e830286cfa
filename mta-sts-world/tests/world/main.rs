//! The loopback world, seen through plain clients.

#![allow(clippy::unwrap_used)]

mod client;
mod control;
mod dns;
mod https;
mod reports;
mod scenarios;
mod smtp;
mod worlds;
