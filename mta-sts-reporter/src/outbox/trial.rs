//! A trial run that writes reports to files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{DueReport, ReportPeriod, ReportUri};
use mta_sts_resolver::DnsClient;

use super::body::ReportBody;
use super::mail::ReportMail;
use super::mailer::ReportMailer;
use super::queue::End;
use super::where_to;

/// A report that would be sent to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrialFile {
    /// The domain of the report.
    pub domain: String,
    /// The first second of the day that it is about.
    pub day: UnixTime,
    /// The destination; [`None`] if there is none.
    pub rua: Option<String>,
    /// The file with the mail, signed if the mailer signs, or with the body of the POST.
    pub file: Option<PathBuf>,
    /// The reason why there is no file: a code and a message.
    pub error: Option<String>,
}

/// Writes what an [`Outbox`](super::Outbox) would send of these reports into a folder, which is made if need be: a file `.eml` for
/// each mail, a file `.json.gz` for each report that is posted.
///
/// It asks DNS where reports go, and connects to nobody else.
///
/// # Errors
///
/// The folder, or a file in it, cannot be written.
pub async fn write_trial(
    folder: &Path,
    reports: &[DueReport],
    dns: &DnsClient,
    mailer: &ReportMailer,
    now: UnixTime,
) -> io::Result<Vec<TrialFile>> {
    fs::create_dir_all(folder)?;
    let mut files = Vec::new();
    for due in reports {
        let domain = due.domain.as_str();
        let nothing = TrialFile {
            domain: domain.to_owned(),
            day: due.report.period().map_or(now, ReportPeriod::start),
            rua: None,
            file: None,
            error: None,
        };
        let body = match ReportBody::of(&due.report) {
            Ok(body) => body,
            Err(error) => {
                files.push(TrialFile { error: Some(format!("{}: {error}", error.code())), ..nothing });
                continue;
            }
        };
        match where_to(dns, domain, due.record.as_deref()).await {
            Ok(uris) => {
                for (number, uri) in uris.iter().enumerate() {
                    let written = write(folder, due, &body, uri, number + 1, mailer, now)?;
                    let (file, error) = match written {
                        Ok(file) => (Some(file), None),
                        Err(error) => (None, Some(error)),
                    };
                    files.push(TrialFile { rua: Some(uri.to_string()), file, error, ..nothing.clone() });
                }
            }
            Err(End::Failed(error) | End::Refused(error)) => {
                files.push(TrialFile { error: Some(error), ..nothing });
            }
            Err(End::Sent) => {}
        }
    }
    Ok(files)
}

/// Writes what would go to one address; why there is nothing to write.
fn write(
    folder: &Path,
    due: &DueReport,
    body: &ReportBody,
    uri: &ReportUri,
    number: usize,
    mailer: &ReportMailer,
    now: UnixTime,
) -> io::Result<Result<PathBuf, String>> {
    let address = match uri {
        ReportUri::Mailto { address, .. } => address,
        _ => due.report.contact().unwrap_or_default(),
    };
    let Some(mail) = ReportMail::compose(body, &due.domain, address, now) else {
        return Ok(Err("bad-report: it cannot be read again".to_owned()));
    };
    let stem = mail.file_name.trim_end_matches(".json.gz").to_owned();
    let (name, octets) = match uri {
        ReportUri::Mailto { .. } => match mailer.sign(mail) {
            Ok(mail) => (format!("{stem}!{number}.eml"), mail.message),
            Err(error) => return Ok(Err(error)),
        },
        _ => (format!("{stem}.json.gz"), body.json_gz().to_vec()),
    };
    let path = folder.join(name);
    fs::write(&path, octets)?;
    Ok(Ok(path))
}
