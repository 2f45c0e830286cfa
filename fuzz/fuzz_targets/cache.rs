//! The cache and its twin, under any steps: both do the same.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;

#[path = "../../mta-sts-core/tests/cache_twin/twin.rs"]
mod twin;

use twin::{Case, DOMAINS, Step, Update};

/// Two hundred steps fill the cache many times over; the twin is slow.
const MAX_STEPS: usize = 200;

fuzz_target!(|input: Input| input.0.run());

#[derive(Debug)]
struct Input(Case);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let settings = u8::arbitrary(input)?;
        let seed = u8::arbitrary(input)?.into();
        let max_octets = usize::from(u16::arbitrary(input)? % 12_000);
        let mut steps = Vec::new();
        while !input.is_empty() && steps.len() < MAX_STEPS {
            steps.push(step(input)?);
        }
        Ok(Self(Case {
            max_entries: usize::from(settings % 8),
            max_octets,
            seed,
            late: settings >= 128,
            steps,
        }))
    }
}

fn step(input: &mut Unstructured) -> Result<Step> {
    Ok(match u8::arbitrary(input)? % 8 {
        0 => Step::Clock(span(input)?),
        1 => Step::Get(domain(input)?),
        2 => Step::Peek(domain(input)?),
        3 => Step::Apply(domain(input)?, update(input)?),
        4 => Step::Insert(domain(input)?, updates(input)?),
        5 => Step::Remove(domain(input)?),
        6 => Step::RemoveExpired,
        _ => Step::PollRefresh,
    })
}

/// At most three.
fn updates(input: &mut Unstructured) -> Result<Vec<Update>> {
    (0..u8::arbitrary(input)? % 4).map(|_| update(input)).collect()
}

fn update(input: &mut Unstructured) -> Result<Update> {
    Ok(match u8::arbitrary(input)? % 5 {
        0 => Update::Keep,
        1 => Update::Checked(below(3, input)?, u16::arbitrary(input)?.into()),
        2 => Update::Absent(u16::arbitrary(input)?.into()),
        3 => Update::BackOff(below(3, input)?, u16::arbitrary(input)?.into()),
        _ => Update::Store { policy: below(15, input)?, id: below(3, input)?, ago: span(input)? },
    })
}

fn domain(input: &mut Unstructured) -> Result<usize> {
    below(DOMAINS, input)
}

fn below(count: usize, input: &mut Unstructured) -> Result<usize> {
    Ok(usize::from(u8::arbitrary(input)?) % count)
}

/// Seconds: exact ones, minutes, hours or days, so that a few octets reach the edges of all times.
fn span(input: &mut Unstructured) -> Result<i64> {
    let unit = [1, 60, 3600, 86_400][below(4, input)?];
    Ok(i64::from(i16::arbitrary(input)?) * unit)
}
