//! The loopback world, seen through plain clients.

mod client;
mod control;
mod dns;
mod https;
mod scenarios;
mod smtp;
mod worlds;
