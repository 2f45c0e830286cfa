use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, stdin};
use std::path::Path;

use clap::Args;
use flate2::read::MultiGzDecoder;
use mta_sts_core::lint::{self, Finding};
use mta_sts_core::tlsrpt::{ReadReport, Report, ReportError, ReportLimits, ReportPolicy};
use serde_json::{Value, json};

use super::super::findings::{Counts, Source};
use super::super::output::{Tone, print_json, printable, time};
use super::super::{Exit, told};
use super::{Manner, print};

/// Look at a TLS report, as its receivers do
///
/// Exit status: 0 receivers read it; 1 they refuse it, or with --strict it departs from RFC 8460 somewhere or there is a
/// warning; 2 wrong usage; 66 the file cannot be read or unpacked.
#[derive(Args, Debug)]
pub(super) struct ReportLint {
    /// A file of JSON, or of JSON that gzip has packed: its content tells, not its name; `-` for standard input
    file: OsString,
    #[command(flatten)]
    manner: Manner,
}

impl ReportLint {
    pub(super) fn run(self) -> Exit {
        let file = Path::new(&self.file);
        let name = if self.file == "-" { "standard input".into() } else { file.display().to_string() };
        let (json, is_packed) = match read(file) {
            Ok(json) => json,
            Err(error) => return told(Exit::NoInput, &printable(&format!("{name}: {error}"))),
        };
        let source = Source::report(name, &json);
        let findings = lint::report_with(&json, self.manner.strictness());
        let read = Report::parse(&json);
        let is_accepted = match &read {
            Ok(read) => !self.manner.strict || read.deviations.is_empty(),
            Err(_) => false,
        };
        let counts = Counts::of(&findings);
        let printed = if self.manner.json {
            self.print_json(&source, is_packed, is_accepted, &read, &findings)
        } else {
            let receivers = if self.manner.strict { "Strict receivers" } else { "Receivers" };
            let (tone, sentence) = match &read {
                Ok(read) if is_accepted => {
                    let tone = if counts.may_have_warnings() { Tone::Note } else { Tone::Good };
                    (tone, format!("{receivers} read it: {}", summary(&read.report)))
                }
                _ => (Tone::Bad, format!("{receivers} refuse it")),
            };
            print(&source, &findings, tone, &printable(&sentence))
        };
        if printed.is_err() { Exit::No } else { self.manner.exit(is_accepted, counts) }
    }

    fn print_json(
        &self,
        source: &Source<'_>,
        is_packed: bool,
        is_accepted: bool,
        read: &Result<ReadReport, ReportError>,
        findings: &[Finding],
    ) -> io::Result<()> {
        let report = read.as_ref().ok().map(|read| &read.report);
        let period = report.and_then(Report::period);
        print_json(&json!({
            "of": "report",
            "given": self.file.to_string_lossy(),
            "source": source.name(),
            "strict": self.manner.strict,
            "packed": is_packed,
            "accepted": is_accepted,
            "organization": report.and_then(Report::organization),
            "report_id": report.and_then(Report::id),
            "start": period.map(|period| time(period.start().as_secs())),
            "end": period.map(|period| time(period.end().as_secs())),
            "policies": report.map(|report| report.policies().len()),
            "successes": report.map(|report| sum(report, ReportPolicy::successes)),
            "failures": report.map(|report| sum(report, ReportPolicy::failures)),
            "error": read.as_ref().err().map(report_error),
            "counts": Counts::of(findings).json(),
            "findings": source.json(findings),
        }))
    }
}

/// The report, and whether it was packed.
fn read(file: &Path) -> io::Result<(Vec<u8>, bool)> {
    // One octet more than may be, so that a longer one is seen to be longer.
    let limit = ReportLimits::new().max_len() as u64 + 1;
    let mut octets = Vec::new();
    if file == Path::new("-") {
        stdin().lock().take(limit).read_to_end(&mut octets)?;
    } else {
        File::open(file)?.take(limit).read_to_end(&mut octets)?;
    }
    // RFC 1952, 2.3.1.
    if !octets.starts_with(b"\x1f\x8b") {
        return Ok((octets, false));
    }
    let mut json = Vec::new();
    let unpacked = MultiGzDecoder::new(&octets[..]).take(limit).read_to_end(&mut json);
    unpacked.map_err(|error| io::Error::other(format!("gzip cannot be unpacked: {error}")))?;
    Ok((json, true))
}

fn sum(report: &Report, count: fn(&ReportPolicy) -> u64) -> u64 {
    report.policies().iter().fold(0, |sum, policy| sum.saturating_add(count(policy)))
}

fn summary(report: &Report) -> String {
    let policies = match report.policies().len() {
        1 => "1 policy".to_owned(),
        number => format!("{number} policies"),
    };
    let day = report.period().map_or("on no known day".to_owned(), |period| {
        let (start, end) = (time(period.start().as_secs()), time(period.end().as_secs()));
        if period.is_one_day() {
            format!("on {}", start.split('T').next().unwrap_or_default())
        } else {
            format!("from {start} to {end}")
        }
    });
    format!(
        "{} {day}, {policies}, {} good and {} failed sessions",
        report.organization().unwrap_or("a nameless organization"),
        sum(report, ReportPolicy::successes),
        sum(report, ReportPolicy::failures),
    )
}

fn report_error(error: &ReportError) -> Value {
    json!({
        "code": error.code(),
        "path": error.path().to_string(),
        "offset": error.offset(),
        "message": error.kind().message(),
    })
}
