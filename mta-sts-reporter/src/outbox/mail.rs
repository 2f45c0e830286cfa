//! The mail that brings a report (RFC 8460, 5.3).

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::MimePart;
use mta_sts_core::tlsrpt::{MailParts, ReportSender};
use mta_sts_core::{PolicyDomain, UnixTime};

use super::body::ReportBody;

/// A mail with a report, and its envelope.
#[derive(Clone, Debug)]
pub(super) struct ReportMail {
    /// The contact of the sender.
    pub(super) from: String,
    pub(super) to: String,
    /// Where the signature is from.
    pub(super) submitter: PolicyDomain,
    /// Header and body, with CRLF.
    pub(super) message: Vec<u8>,
    pub(super) file_name: String,
}

impl ReportMail {
    /// The mail to this address; [`None`] where the queue was damaged.
    // Meets R16, R72, R73, R76.
    pub(super) fn compose(body: &ReportBody, domain: &PolicyDomain, to: &str, now: UnixTime) -> Option<Self> {
        let report = body.report()?;
        // As it was when the report was counted, also where the configuration has changed since.
        let sender = ReportSender::new(report.contact()?, report.organization()?).ok()?;
        let parts = MailParts::of(&report, domain, &sender).ok()?;
        // No line of the text or of base64 begins so.
        let boundary = format!("=_{}", report.id()?.split('@').next()?);
        let boundary: String = boundary.chars().take(MAX_BOUNDARY).collect();
        let content_type = ContentType::new("multipart/report")
            .attribute("report-type", "tlsrpt")
            .attribute("boundary", boundary);
        // The library would make an encoded word of a long name, which is none within quotes (RFC 2047, 5). This one has letters,
        // digits, dots, hyphens and exclamation marks.
        let disposition = format!("attachment;\r\n\tfilename=\"{}\"", parts.file_name);
        let mut builder = MessageBuilder::new()
            .from(Address::new_address(Some(sender.organization()), sender.contact()))
            .to(Address::new_address(None::<&str>, to))
            .date(Date::new(i64::try_from(now.as_secs()).unwrap_or(i64::MAX)))
            .message_id(MessageId::new(report.id()?));
        for (name, value) in &parts.headers {
            builder = builder.header(*name, Raw::new(value.as_str()));
        }
        let built = builder
            .body(MimePart::new(
                content_type,
                vec![
                    MimePart::new(ContentType::new("text/plain"), parts.text.as_str()),
                    MimePart::new(ContentType::new(parts.media_type), body.json_gz())
                        .header("Content-Disposition", Raw::new(disposition)),
                ],
            ))
            .write_to_vec()
            .ok()?;
        let message = [folded("Subject", &parts.subject).as_bytes(), &built].concat();
        Some(Self {
            from: sender.contact().to_owned(),
            to: to.to_owned(),
            submitter: sender.submitter().clone(),
            message,
            file_name: parts.file_name,
        })
    }
}

/// A field whose value is ASCII, with line ends at blanks where it would be longer than a line should be (RFC 5322, 2.1.1).
fn folded(name: &str, value: &str) -> String {
    let mut field = format!("{name}:");
    let mut length = field.len();
    for word in value.split(' ') {
        if length + 1 + word.len() > MAX_LINE {
            field.push_str("\r\n");
            length = 0;
        }
        field.push(' ');
        field.push_str(word);
        length += 1 + word.len();
    }
    field.push_str("\r\n");
    field
}

const MAX_LINE: usize = 78;
/// RFC 2046, 5.1.1.
const MAX_BOUNDARY: usize = 70;
