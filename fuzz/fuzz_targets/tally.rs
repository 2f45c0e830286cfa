//! The tally and its twin, under any steps: both do the same.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use mta_sts_core::tlsrpt::ReportDelivery;

#[path = "../../mta-sts-core/tests/tally_twin/twin.rs"]
mod twin;

use twin::{Case, DOMAINS, FAILURES, POLICIES, SaveEnd, Session, Step};

/// Enough for some days; the twin is slow.
const MAX_STEPS: usize = 60;

fuzz_target!(|input: Input| input.0.run());

#[derive(Debug)]
struct Input(Case);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let max_domains = usize::from(u8::arbitrary(input)? % 8);
        let seed = u8::arbitrary(input)?.into();
        let mut steps = Vec::new();
        while !input.is_empty() && steps.len() < MAX_STEPS {
            steps.push(step(input)?);
        }
        Ok(Self(Case { max_domains, seed, steps }))
    }
}

fn step(input: &mut Unstructured) -> Result<Step> {
    Ok(match u8::arbitrary(input)? % 9 {
        0 | 1 => Step::Clock(span(input)?),
        2 | 3 => Step::Count(session(input)?, 1 + below(3, input)?),
        4 => Step::Mail(below(DOMAINS, input)?),
        5 => Step::Poll((0..below(6, input)?).map(|_| end(input)).collect::<Result<_>>()?),
        6 => Step::Merge(span(input)?, sessions(input)?),
        7 => Step::Save([SaveEnd::Saved, SaveEnd::Unheard, SaveEnd::Failed][below(3, input)?]),
        _ => Step::Restart,
    })
}

/// A few, or so many of one domain that its lists are full.
fn sessions(input: &mut Unstructured) -> Result<Vec<Session>> {
    let count = below(8, input)?;
    if count < 7 {
        return (0..count).map(|_| session(input)).collect();
    }
    let (domain, policies, first) =
        (below(DOMAINS, input)?, 1 + below(POLICIES, input)?, below(FAILURES, input)?);
    let flood = (0..100).map(|number| Session {
        domain,
        policy: number % policies,
        has_failed: true,
        failures: vec![(first + number) % FAILURES],
        has_record: true,
    });
    Ok(flood.collect())
}

fn session(input: &mut Unstructured) -> Result<Session> {
    let (domain, policy) = (below(DOMAINS, input)?, below(POLICIES, input)?);
    let flags = u8::arbitrary(input)?;
    let has_failed = flags & 1 > 0;
    let count = if has_failed { usize::from(flags >> 6) } else { 0 };
    let failures = (0..count).map(|_| below(FAILURES, input)).collect::<Result<_>>()?;
    Ok(Session { domain, policy, has_failed, failures, has_record: flags & 30 > 0 })
}

fn end(input: &mut Unstructured) -> Result<ReportDelivery> {
    Ok([ReportDelivery::Delivered, ReportDelivery::Failed, ReportDelivery::Refused][below(3, input)?])
}

fn below(count: usize, input: &mut Unstructured) -> Result<usize> {
    Ok(usize::from(u8::arbitrary(input)?) % count)
}

/// Seconds: exact ones, minutes, hours or days, so that a few octets reach the edges of all times.
fn span(input: &mut Unstructured) -> Result<i64> {
    let unit = [1, 60, 3600, 86_400][below(4, input)?];
    Ok(i64::from(i8::arbitrary(input)?) * unit)
}
