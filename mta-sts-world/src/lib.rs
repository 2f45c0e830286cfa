//! A whole world on loopback.
#![forbid(unsafe_code)]
