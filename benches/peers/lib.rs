//! Only a bench: `peers.rs`.
