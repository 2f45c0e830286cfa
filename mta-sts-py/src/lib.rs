//! The native part of the Python package `mta_sts`: the modules of the core as classes.
//!
//! Plain values (outcomes, verdicts, findings) are dataclasses in `mta_sts/_values.py`, keywords
//! are enums in `mta_sts/_words.py`; this part has what needs the core.

// Arguments from Python are passed by value; `///` comments here are shown by Python's `help()`.
#![allow(clippy::needless_pass_by_value, clippy::doc_markdown, clippy::doc_link_with_quotes)]

mod cache;
mod convert;
mod datagram;
mod delivery;
mod draft;
mod entry;
mod error;
mod event;
mod gzip;
mod hint;
mod history;
mod lint;
mod lookup;
mod name;
mod plan;
mod policy;
mod postfix;
mod ready;
mod record;
mod report;
mod report_mail;
mod report_period;
mod report_policy;
mod report_sender;
mod sequence;
mod tally;
mod text;
mod tlsrpt;
mod tlsrpt_record;
mod value;
mod verdict;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;
    use pyo3::types::PySequence;

    #[pymodule_export]
    use crate::cache::PolicyCache;
    #[pymodule_export]
    use crate::datagram::Datagram;
    #[pymodule_export]
    use crate::delivery::{Delivery, dns_id_matches, message_tls, tls_required_no};
    #[pymodule_export]
    use crate::draft::{Draft, id_of, zone_record};
    #[pymodule_export]
    use crate::entry::{CacheEntry, CacheUpdate, CachedPolicy};
    #[pymodule_export]
    use crate::error::codes;
    #[pymodule_export]
    use crate::event::Event;
    #[pymodule_export]
    use crate::hint::{explain, hint_of_code, hints};
    #[pymodule_export]
    use crate::history::History;
    #[pymodule_export]
    use crate::lint::{
        Findings, lint_policy, lint_record, lint_report, lint_response, lint_rrset, lint_tlsrpt_record,
        lint_tlsrpt_rrset,
    };
    #[pymodule_export]
    use crate::lookup::{Lookup, LookupConfig};
    #[pymodule_export]
    use crate::name::{DnsName, PolicyDomain};
    #[pymodule_export]
    use crate::plan::{plan_between, wait_reason};
    #[pymodule_export]
    use crate::policy::{MxPattern, MxPatterns, Policy};
    #[pymodule_export]
    use crate::postfix::postfix_tls_policy;
    #[pymodule_export]
    use crate::ready::{ReadyRules, assess};
    #[pymodule_export]
    use crate::record::Record;
    #[pymodule_export]
    use crate::report::Report;
    #[pymodule_export]
    use crate::report_mail::{ReportFileName, ReportSubject};
    #[pymodule_export]
    use crate::report_period::ReportPeriod;
    #[pymodule_export]
    use crate::report_policy::{FailureDetails, ReportPolicy};
    #[pymodule_export]
    use crate::report_sender::ReportSender;
    #[pymodule_export]
    use crate::tally::{DueId, Tally};
    #[pymodule_export]
    use crate::tlsrpt::{policy_type_number, result_type_number, result_type_of};
    #[pymodule_export]
    use crate::tlsrpt_record::TlsrptRecord;
    #[pymodule_export]
    use crate::verdict::{MxVerdict, SessionVerdict};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        PySequence::register::<MxPatterns>(module.py())?;
        PySequence::register::<Findings>(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
