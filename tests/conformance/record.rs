use mta_sts_core::{Record, RecordError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, error, understand};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    txt: Octets,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RrsetInput {
    rrs: Vec<Octets>,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { txt } = understand(input)?;
    Ok(shown(Record::parse(&txt.to_vec())))
}

pub(crate) fn run_rrset(input: Value) -> Result<Value, String> {
    let RrsetInput { rrs } = understand(input)?;
    let rrs: Vec<_> = rrs.iter().map(Octets::to_vec).collect();
    Ok(shown(Record::select(&rrs)))
}

fn shown(record: Result<Record, RecordError>) -> Value {
    match record {
        Ok(record) => json!({ "id": record.id().as_str() }),
        Err(fault) => error(fault.code(), fault.line(), fault.offset()),
    }
}
