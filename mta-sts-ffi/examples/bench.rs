//! What `bench.c` measures through the ABI, in Rust: a match and a parse, in nanoseconds, the middle of 15 rounds.

// A benchmark measures time.
#![allow(clippy::disallowed_methods)]

use std::hint::black_box;
use std::time::Instant;

use mta_sts_core::Policy;

const ROUNDS: usize = 15;
const CALLS: u32 = 1_000_000;
const BODY: &[u8] =
    b"version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: mx2.example.com\r\nmax_age: 604800\r\n";

fn main() -> Result<(), mta_sts_core::PolicyError> {
    let policy = Policy::parse(BODY)?;
    let matching = middle(|| black_box(&policy).matches_mx(black_box("mx2.example.com")));
    let parsing = middle(|| Policy::parse(black_box(BODY)).is_ok());
    println!("Rust: match {matching:.1} ns, parse {parsing:.1} ns");
    Ok(())
}

fn middle(call: impl Fn() -> bool) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..CALLS {
                black_box(call());
            }
            start.elapsed().as_secs_f64() / f64::from(CALLS) * 1e9
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
