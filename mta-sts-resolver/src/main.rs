//! The command `mtasts`.
fn main() {}
