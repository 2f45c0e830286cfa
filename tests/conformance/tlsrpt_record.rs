use mta_sts_core::PolicyDomain;
use mta_sts_core::tlsrpt::{ReportUri, TlsrptRecord};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::{Octets, error, understand};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    txt: Option<Octets>,
    rrs: Option<Vec<Octets>>,
    domain: Option<String>,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let record = match understand(input)? {
        Input { txt: Some(txt), rrs: None, domain: None } => TlsrptRecord::parse(&txt.to_vec()),
        Input { txt: None, rrs: Some(rrs), domain: None } => {
            TlsrptRecord::select(&rrs.iter().map(Octets::to_vec).collect::<Vec<_>>())
        }
        Input { txt: None, rrs: None, domain: Some(domain) } => {
            let domain = PolicyDomain::parse(&domain).map_err(|error| error.to_string())?;
            return Ok(json!({ "txt_name": domain.tlsrpt_txt_name() }));
        }
        _ => return Err("the input is neither a record, nor an RRset, nor a domain".to_owned()),
    };
    Ok(match record {
        Ok(record) => json!({ "uris": record.uris().iter().map(shown).collect::<Vec<_>>() }),
        Err(fault) => error(fault.code(), fault.line(), fault.offset()),
    })
}

fn shown(uri: &ReportUri) -> Value {
    match uri {
        ReportUri::Mailto { address, .. } => json!({ "mailto": address }),
        ReportUri::Https { url, .. } => json!({ "https": url }),
        uri => json!({ "unknown": uri.to_string() }),
    }
}
