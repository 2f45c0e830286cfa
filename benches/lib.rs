//! Inputs that the benches share.

/// A record as most domains publish it.
pub const RECORD: &[u8] = b"v=STSv1; id=20160831085700Z;";

/// A policy with this many MX hosts.
pub fn policy(mx_hosts: usize) -> String {
    use std::fmt::Write;

    let mut text = String::from("version: STSv1\r\nmode: enforce\r\n");
    for number in 0..mx_hosts {
        // Writing to a string does not fail.
        let _ = write!(text, "mx: mx{number}.mail.example.com\r\n");
    }
    text + "max_age: 604800\r\n"
}
