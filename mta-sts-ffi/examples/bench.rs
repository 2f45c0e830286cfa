//! What `bench.c` measures through the ABI, in Rust: a match and a parse, in nanoseconds, the least of many short rounds.

// A benchmark measures time.
#![allow(clippy::disallowed_methods)]

use std::hint::black_box;
use std::time::Instant;

use mta_sts_core::Policy;

const ROUNDS: usize = 100;
const CALLS: u32 = 20_000;
const BODY: &[u8] =
    b"version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: mx2.example.com\r\nmax_age: 604800\r\n";

fn main() -> Result<(), mta_sts_core::PolicyError> {
    let policy = Policy::parse(BODY)?;
    let matching = least(|| black_box(&policy).matches_mx(black_box("mx2.example.com")));
    let parsing = least(|| Policy::parse(black_box(BODY)).is_ok());
    println!("{matching:.1} {parsing:.1}");
    Ok(())
}

fn least(call: impl Fn() -> bool) -> f64 {
    let round = |_| {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(call());
        }
        start.elapsed().as_secs_f64() / f64::from(CALLS) * 1e9
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}
