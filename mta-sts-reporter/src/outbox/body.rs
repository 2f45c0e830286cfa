use std::fmt;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use mta_sts_core::tlsrpt::{Report, ReportError};

/// A report as it is sent: its JSON, compressed with gzip.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ReportBody(Vec<u8>);

impl ReportBody {
    // Meets R71.
    pub(super) fn of(report: &Report) -> Result<Self, ReportError> {
        let json = report.to_json()?;
        // Neither a time nor a name is in it: the same report gives the same octets.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        // Writing to memory does not fail.
        let _ = encoder.write_all(json.as_bytes());
        Ok(Self(encoder.finish().unwrap_or_default()))
    }

    pub(super) const fn of_json_gz(json_gz: Vec<u8>) -> Self {
        Self(json_gz)
    }

    pub(super) fn json_gz(&self) -> &[u8] {
        &self.0
    }

    /// The report in it; [`None`] where the queue was damaged.
    pub(super) fn report(&self) -> Option<Report> {
        let mut json = Vec::new();
        GzDecoder::new(self.json_gz()).take(MAX_JSON).read_to_end(&mut json).ok()?;
        Report::parse(&json).ok()?.into_strict().ok()
    }
}

impl fmt::Debug for ReportBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ReportBody({} octets)", self.0.len())
    }
}

/// Longer than any that a tally makes.
const MAX_JSON: u64 = 64 << 20;
