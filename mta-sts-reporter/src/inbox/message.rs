//! Reports in one message, or in one file.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Message, MessageParser, MimeHeaders};
use mta_sts_core::PolicyDomain;
use mta_sts_core::tlsrpt::{ReadReport, Report, ReportFileName, ReportSubject};

use super::authentication::{Authentication, DkimResults};
use super::content::{Content, gunzip, is_zip_of_json};
use super::mailbox::Mailbox;
use super::{InboxLimits, Origin, UnreadableReason};

/// The contents of a message or a file, in the order of its parts.
pub(super) struct Found {
    pub(super) origin: Origin,
    pub(super) result: Result<FoundReport, UnreadableReason>,
}

pub(super) struct FoundReport {
    pub(super) read: ReadReport,
    pub(super) json: Vec<u8>,
    pub(super) authentication: Authentication,
}

/// Reads one message or one file, within its limits.
///
/// [`mail_parser`] parses the headers. It would build the whole tree of a message before its parts can be counted,
/// so the parts are split here, one at a time.
pub(super) struct MessageReader<'a> {
    limits: &'a InboxLimits,
    trusted_host: Option<&'a str>,
    origin: Origin,
    found: Vec<Found>,
    parts: u32,
    unpacked: usize,
    /// Taken from the outermost message only: nested messages may be forged.
    dkim: Option<DkimResults>,
    announces: bool,
    is_message: bool,
}

/// Reading cannot go on.
struct Stop;

/// The context of a part.
#[derive(Clone, Copy, Default)]
struct Around<'a> {
    depth: u32,
    /// The domain of reports that do not state theirs.
    domain: Option<&'a PolicyDomain>,
    /// Whether the part is declared as a report, or is a separate file.
    is_meant: bool,
    is_text: bool,
}

/// The longest header of a message or a part.
const MAX_HEADER_LEN: usize = 256 * 1024;

impl<'a> MessageReader<'a> {
    pub(super) fn new(limits: &'a InboxLimits, trusted_host: Option<&'a str>, origin: Origin) -> Self {
        Self {
            limits,
            trusted_host,
            origin,
            found: Vec::new(),
            parts: 0,
            unpacked: 0,
            dkim: None,
            announces: false,
            is_message: false,
        }
    }

    /// Reads a file of any type. The result is empty for a message that neither has nor announces a report.
    pub(super) fn file(mut self, octets: &[u8]) -> Vec<Found> {
        let name = self.origin.file().file_name().and_then(|name| ReportFileName::parse(name.to_str()?));
        let domain = name.map(|name| name.domain);
        let around = Around { domain: domain.as_ref(), is_meant: true, ..Around::default() };
        // What stopped it was told.
        let _ = self.content(octets, around);
        self.end()
    }

    /// Reads a message of a mailbox.
    pub(super) fn message(mut self, octets: &[u8]) -> Vec<Found> {
        let _ = self.whole_message(octets, Around::default());
        self.end()
    }

    fn end(mut self) -> Vec<Found> {
        if self.found.is_empty() && self.announces {
            self.fault(UnreadableReason::MissingReport);
        }
        self.found
    }

    fn fault(&mut self, reason: UnreadableReason) {
        self.found.push(Found { origin: self.place(), result: Err(reason) });
    }

    fn place(&self) -> Origin {
        if self.parts > 0 { self.origin.with_part(self.parts) } else { self.origin.clone() }
    }

    fn content(&mut self, octets: &[u8], around: Around<'_>) -> Result<(), Stop> {
        let is_wanted = around.is_meant || self.announces;
        match Content::of(octets) {
            Content::Json => self.report(octets, around),
            Content::Gzip => return self.packed(octets, around),
            Content::Message if !around.is_text => {
                return self.whole_message(octets, Around { domain: None, ..around });
            }
            Content::Zip if is_wanted || is_zip_of_json(octets) => self.fault(UnreadableReason::Zip),
            Content::OtherCompression(name) if around.is_meant => {
                self.fault(UnreadableReason::OtherCompression(name));
            }
            Content::Empty if around.is_meant => self.fault(UnreadableReason::Empty),
            Content::Mailbox if !self.is_message => self.mailbox(octets),
            Content::Unknown | Content::Xml | Content::Mailbox if around.is_meant => {
                self.fault(UnreadableReason::UnknownContent);
            }
            _ => {}
        }
        Ok(())
    }

    fn report(&mut self, json: &[u8], around: Around<'_>) {
        let mut read = match Report::parse_with(json, self.limits.report()) {
            Ok(read) => read,
            Err(error) => {
                // Other programs send JSON, too.
                let has_policies = || json.windows(10).any(|window| window == b"\"policies\"");
                if around.is_meant || self.announces || has_policies() {
                    self.fault(UnreadableReason::Report(error));
                }
                return;
            }
        };
        if let Some(domain) = around.domain {
            read.report = read.report.with_missing_domains(domain.as_str());
        }
        let authentication = match (self.trusted_host, &self.dkim) {
            (None, _) => Authentication::Unverified,
            (Some(_), None) => Authentication::NoResults,
            (Some(_), Some(results)) => results.judge(read.report.submitter()),
        };
        let result = match authentication {
            Authentication::Unverified | Authentication::Verified { .. } => {
                Ok(FoundReport { read, json: json.to_vec(), authentication })
            }
            refused => Err(UnreadableReason::NotAuthenticated(refused)),
        };
        self.found.push(Found { origin: self.place(), result });
    }

    fn packed(&mut self, octets: &[u8], around: Around<'_>) -> Result<(), Stop> {
        let around = self.deeper(around)?;
        let left = self.limits.max_message_len().saturating_sub(self.unpacked);
        match gunzip(octets, self.limits.report().max_len(), left) {
            Ok(unpacked) => {
                self.unpacked += unpacked.len();
                self.content(&unpacked, around)
            }
            Err(reason) => {
                // Also what is nobody's report must not be unpacked again and again.
                self.fault(reason);
                Err(Stop)
            }
        }
    }

    /// Reads a compressed mailbox; the limits of one message apply to all of its messages together.
    fn mailbox(&mut self, octets: &[u8]) {
        for (number, message) in (1..).zip(Mailbox::new(octets, self.limits.max_message_len())) {
            let mut reader = Self::new(self.limits, self.trusted_host, self.origin.with_message(number));
            reader.unpacked = self.unpacked;
            match message {
                Ok(Some(message)) => drop(reader.whole_message(&message, Around::default())),
                Ok(None) => reader.fault(UnreadableReason::MessageTooLarge),
                Err(error) => reader.fault(UnreadableReason::File(error)),
            }
            self.unpacked = reader.unpacked;
            self.found.extend(reader.end());
        }
    }

    fn deeper<'b>(&mut self, around: Around<'b>) -> Result<Around<'b>, Stop> {
        if around.depth >= self.limits.max_depth() {
            self.fault(UnreadableReason::TooDeep);
            return Err(Stop);
        }
        Ok(Around { depth: around.depth + 1, ..around })
    }

    fn whole_message(&mut self, octets: &[u8], around: Around<'_>) -> Result<(), Stop> {
        let around = self.deeper(around)?;
        if octets.len() > self.limits.max_message_len() {
            self.fault(UnreadableReason::MessageTooLarge);
            return Err(Stop);
        }
        let (header, body) = self.split(octets)?;
        let Some(header) = MessageParser::default().parse_headers(header) else { return Ok(()) };
        let is_outermost = !std::mem::replace(&mut self.is_message, true);
        if let Some(host) = self.trusted_host.filter(|_| is_outermost) {
            self.dkim = Some(DkimResults::of_host(host, texts_of(&header, "Authentication-Results")));
        }
        let named = texts_of(&header, "TLS-Report-Domain").next();
        self.announces |= named.is_some() || texts_of(&header, "TLS-Report-Submitter").next().is_some();
        let domain = named.and_then(|name| PolicyDomain::parse(name).ok());
        let subject = || header.subject().and_then(ReportSubject::parse).map(|subject| subject.domain);
        let domain = domain.or_else(subject);
        self.entity(Some(&header), body, Around { domain: domain.as_ref(), is_meant: false, ..around })
    }

    /// Reads a message or a part of one: its header and its body.
    fn entity(&mut self, header: Option<&Message<'_>>, body: &[u8], around: Around<'_>) -> Result<(), Stop> {
        self.parts += 1;
        if self.parts > self.limits.max_parts() {
            self.fault(UnreadableReason::TooManyParts);
            return Err(Stop);
        }
        let media = header.and_then(|header| header.content_type());
        let is_type = |name: &str| media.is_some_and(|media| media.ctype().eq_ignore_ascii_case(name));
        let subtype = media.and_then(|media| media.subtype()).unwrap_or_default().to_ascii_lowercase();
        let attribute = |name: &str| media.and_then(|media| media.attribute(name));
        self.announces |= attribute("report-type").is_some_and(|kind| kind.eq_ignore_ascii_case("tlsrpt"));
        if let Some(boundary) = attribute("boundary").filter(|_| is_type("multipart")) {
            let around = self.deeper(around)?;
            for part in Parts::new(body, boundary.as_bytes()) {
                let (header, body) = self.split(part)?;
                // A part may do without a header.
                let header = MessageParser::default().parse_headers(header);
                self.entity(header.as_ref(), body, around)?;
            }
            return Ok(());
        }
        let is_meant = subtype.starts_with("tlsrpt");
        self.announces |= is_meant;
        let name = header.and_then(|header| header.attachment_name()).and_then(ReportFileName::parse);
        let name = name.map(|name| name.domain);
        let around = Around {
            domain: name.as_ref().or(around.domain),
            is_meant,
            is_text: media.is_none() || is_type("text"),
            ..around
        };
        let encoding =
            header.and_then(|header| header.content_transfer_encoding()).unwrap_or_default().trim();
        let decoded = if encoding.eq_ignore_ascii_case("base64") {
            base64_decode(body)
        } else if encoding.eq_ignore_ascii_case("quoted-printable") {
            quoted_printable_decode(body)
        } else {
            return self.content(body, around);
        };
        match decoded {
            Some(octets) => self.content(&octets, around)?,
            None if is_meant => self.fault(UnreadableReason::DamagedEncoding),
            None => {}
        }
        Ok(())
    }

    /// The header, its last line end included, and the body.
    fn split<'b>(&mut self, octets: &'b [u8]) -> Result<(&'b [u8], &'b [u8]), Stop> {
        let mut at = 0;
        loop {
            let rest = &octets[at..];
            let line = rest.split_inclusive(|octet| *octet == b'\n').next().unwrap_or_default();
            if line.is_empty() || matches!(line, b"\n" | b"\r\n") {
                return Ok((&octets[..at + line.len()], &rest[line.len()..]));
            }
            at += line.len();
            if at > MAX_HEADER_LEN {
                self.fault(UnreadableReason::HeaderTooLarge);
                return Err(Stop);
            }
        }
    }
}

/// The values of the fields with a name, from the top of a header.
fn texts_of<'a>(header: &'a Message<'_>, name: &'a str) -> impl Iterator<Item = &'a str> {
    let fields = header.headers().iter().filter(move |field| field.name().eq_ignore_ascii_case(name));
    fields.filter_map(|field| field.value().as_text())
}

/// The parts of a multipart, between its delimiters (RFC 2046, 5.1.1).
struct Parts<'a> {
    rest: Option<&'a [u8]>,
    boundary: &'a [u8],
}

impl<'a> Parts<'a> {
    fn new(body: &'a [u8], boundary: &'a [u8]) -> Self {
        let mut parts = Self { rest: Some(body), boundary };
        // What stands before the first delimiter is no part.
        parts.next();
        parts
    }

    /// Whether a line is a delimiter, and whether it is the last.
    fn delimiter(&self, line: &[u8]) -> Option<bool> {
        let end = line.strip_prefix(b"--")?.strip_prefix(self.boundary)?.trim_ascii_end();
        match end {
            b"" => Some(false),
            b"--" => Some(true),
            _ => None,
        }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let octets = self.rest.take()?;
        let mut at = 0;
        for line in octets.split_inclusive(|octet| *octet == b'\n') {
            if let Some(is_last) = self.delimiter(line) {
                self.rest = (!is_last).then(|| &octets[at + line.len()..]);
                // The line end before a delimiter belongs to it.
                let part = &octets[..at];
                let part = part.strip_suffix(b"\n").unwrap_or(part);
                return Some(part.strip_suffix(b"\r").unwrap_or(part));
            }
            at += line.len();
        }
        // The last delimiter is missing.
        Some(octets).filter(|octets| !octets.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_between_delimiters() {
        let body =
            b"preamble\r\n--b\r\n\r\none\r\n--bb\r\n--b \t\r\n\r\ntwo\n--b\n\n--b--\r\nepilogue\r\n--b\r\nno";
        let parts: Vec<_> = Parts::new(body, b"b").collect();
        assert_eq!(parts, [&b"\r\none\r\n--bb"[..], b"\r\ntwo", b""]);
        assert_eq!(Parts::new(b"--b\n\nx", b"b").collect::<Vec<_>>(), [b"\nx"]);
        assert_eq!(Parts::new(b"no", b"b").count(), 0);
        assert_eq!(Parts::new(b"", b"b").count(), 0);
    }
}
