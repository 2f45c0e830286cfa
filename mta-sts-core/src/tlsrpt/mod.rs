//! TLSRPT (RFC 8460): the record that asks for reports, the reports, and their terms with the numbers of libtlsrpt.
//!
//! Reports need the feature `tlsrpt`, and the explanation of failures, [`Hint`], also the feature `lint`; both are on
//! by default.

#[cfg(feature = "tlsrpt")]
mod datagram;
#[cfg(feature = "tlsrpt")]
mod datetime;
#[cfg(feature = "tlsrpt")]
mod deviation;
#[cfg(feature = "tlsrpt")]
mod event;
#[cfg(feature = "lint")]
mod hint;
#[cfg(feature = "tlsrpt")]
mod json;
#[cfg(feature = "tlsrpt")]
mod json_writer;
#[cfg(feature = "tlsrpt")]
mod mail;
#[cfg(feature = "tlsrpt")]
mod path;
#[cfg(feature = "tlsrpt")]
mod reader;
#[cfg(all(feature = "lint", feature = "tlsrpt"))]
mod ready;
mod record;
#[cfg(feature = "tlsrpt")]
mod report;
mod report_uri;
mod result_type;
#[cfg(feature = "tlsrpt")]
mod sender;
#[cfg(feature = "tlsrpt")]
mod strict_json;
#[cfg(feature = "tlsrpt")]
mod tally;
#[cfg(feature = "tlsrpt")]
mod word;
#[cfg(feature = "tlsrpt")]
mod writer;

pub use crate::error::{TlsrptRecordError, TlsrptRecordErrorKind};
#[cfg(feature = "tlsrpt")]
pub use datagram::Datagram;
#[cfg(feature = "tlsrpt")]
pub use deviation::Deviation;
#[cfg(feature = "tlsrpt")]
pub use event::{Event, SessionFacts};
#[cfg(feature = "lint")]
pub use hint::{Hint, Whose};
#[cfg(all(feature = "lint", feature = "tlsrpt"))]
pub(crate) use json::JsonReader;
#[cfg(feature = "tlsrpt")]
pub use mail::{MailParts, ReportFileName, ReportSubject};
#[cfg(feature = "tlsrpt")]
pub use path::ReportPath;
#[cfg(all(feature = "lint", feature = "tlsrpt"))]
pub(crate) use reader::{Place, PlacedPolicy, read_report};
#[cfg(feature = "tlsrpt")]
pub use reader::{ReadReport, ReportLimits};
#[cfg(all(feature = "lint", feature = "tlsrpt"))]
pub use ready::{
    Condition, Evidence, LiveFindings, LiveHost, Readiness, ReadyRule, ReadyRules, Served, Shortfall,
    Verdict, Witnesses,
};
pub use record::TlsrptRecord;
#[cfg(feature = "lint")]
pub(crate) use record::{candidate_filter, uris_of};
#[cfg(feature = "tlsrpt")]
pub use report::{FailureDetails, Report, ReportPeriod, ReportPolicy};
pub use report_uri::ReportUri;
#[cfg(feature = "lint")]
pub(crate) use report_uri::UriFault;
pub use result_type::{PolicyType, ResultType, UnknownWord};
#[cfg(feature = "tlsrpt")]
pub use sender::ReportSender;
#[cfg(feature = "tlsrpt")]
pub use tally::{
    Counted, DueId, DueReport, NotCounted, ReportDelivery, Tally, TallyChange, TallyChanges, TallyConfig,
    TallyMark,
};
#[cfg(feature = "tlsrpt")]
pub use word::Word;

#[cfg(feature = "tlsrpt")]
pub use crate::error::ReportError;
#[cfg(feature = "tlsrpt")]
pub use crate::error::{
    DatagramError, DatagramErrorKind, MailError, MailErrorKind, ReportSenderError, ReportSenderErrorKind,
    TallyError, TallyErrorKind,
};
pub use crate::error::{DeviationKind, ReportErrorKind};
