use mta_sts_core::tlsrpt::{Datagram, Event};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, error, understand};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    datagram: Octets,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let Input { datagram } = understand(input)?;
    let datagram = match Datagram::parse(&datagram.to_vec()) {
        Ok(datagram) => datagram,
        Err(fault) => return Ok(error(fault.code(), fault.line(), fault.offset())),
    };
    let written = datagram.to_json().map_err(|error| error.to_string())?;
    // Whatever else the case asks, what is written is what is read.
    if Datagram::parse(written.as_bytes()).as_ref() != Ok(&datagram) {
        return Err(format!("{written} is read otherwise"));
    }
    let event = |event: Event<'_>| json!([event.policy_type().as_str(), event.has_failed()]);
    Ok(json!({
        "domain": datagram.domain().as_str(),
        "record": datagram.record(),
        "events": datagram.events().map(event).collect::<Vec<_>>(),
        "written": written,
    }))
}
