//! The mail that carries a TLS report (RFC 8460, 5.1 and 5.3).

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::PolicyDomain;
use mta_sts_core::tlsrpt::{MailParts, ReportFileName, ReportSubject};

use crate::guard;
use crate::pointer::{give, give_option, string};
use crate::report::mtasts_report;
use crate::report_sender::mtasts_report_sender;
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};

/// The report-specific parts of a mail. Compression, MIME and the signature are left to you.
///
/// The mail has the type mtasts_report_mail_content_type() and two parts: mtasts_report_mail_text() as text/plain in
/// UTF-8, and mtasts_report_json(), compressed with gzip and in base64, as mtasts_report_mail_media_type() with
/// mtasts_report_mail_file_name(). It is sent from the contact of the sender to the address of a "rua". If it is signed
/// with DKIM, the signature must include both header fields that begin with TLS-Report (RFC 8460, 5.3).
pub struct mtasts_report_mail {
    subject: CString,
    headers: Vec<(CString, CString)>,
    content_type: CString,
    text: CString,
    file_name: CString,
    media_type: CString,
}

/// The contents of the subject of a mail with a report (RFC 8460, 5.3). The report itself takes precedence.
pub struct mtasts_report_subject {
    domain: CString,
    submitter: CString,
    report_id: CString,
}

/// The contents of the name of a file with a report (RFC 8460, 5.1). The report itself takes precedence.
pub struct mtasts_report_file_name {
    name: ReportFileName,
    submitter: CString,
    domain: CString,
    unique_id: Option<CString>,
    text: CString,
}

/// Creates the parts of the mail with `report` about `domain` from `sender`; all of them remain the caller's. For a due
/// report, pass mtasts_due_report_report() and mtasts_due_report_domain().
///
/// Errors: 1366 to 1368, which never apply to a report of a tally: receivers would not accept it as a report of this
/// sender. 101 to 109 for the domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_mail_new(
    report: Option<&mtasts_report>,
    domain: *const c_char,
    sender: Option<&mtasts_report_sender>,
    mail: Option<&mut MaybeUninit<*mut mtasts_report_mail>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = mail.ok_or(Fault::NULL)?;
        let (report, sender) = (report.ok_or(Fault::NULL)?.core(), sender.ok_or(Fault::NULL)?.core());
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        let parts = MailParts::of(report, &domain, sender)?;
        let made = mtasts_report_mail {
            subject: c_string(&parts.subject),
            headers: parts.headers.iter().map(|(name, value)| (c_string(name), c_string(value))).collect(),
            content_type: c_string(MailParts::CONTENT_TYPE),
            text: c_string(&parts.text),
            file_name: c_string(&parts.file_name),
            media_type: c_string(parts.media_type),
        };
        give(out, made);
        Ok(())
    })
}

/// The value of the header field Subject on one line: fold it if it is longer than 998 octets. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_mail_subject(mail: Option<&mtasts_report_mail>) -> *const c_char {
    mail.map_or(NONE, |mail| mail.subject.as_ptr())
}

/// The number of further header fields: TLS-Report-Domain, TLS-Report-Submitter, the mark of an automatic message (RFC
/// 3834), and the request to deliver it despite TLS failures (RFC 8689, 3). 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_mail_header_count(mail: Option<&mtasts_report_mail>) -> usize {
    mail.map_or(0, |mail| mail.headers.len())
}

/// The name of a header field, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_mail_header_name(
    mail: Option<&mtasts_report_mail>,
    index: usize,
) -> *const c_char {
    mail.and_then(|mail| mail.headers.get(index)).map_or(NONE, |(name, _)| name.as_ptr())
}

/// The value of a header field, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_mail_header_value(
    mail: Option<&mtasts_report_mail>,
    index: usize,
) -> *const c_char {
    mail.and_then(|mail| mail.headers.get(index)).map_or(NONE, |(_, value)| value.as_ptr())
}

/// The Content-Type of the whole mail: add a semicolon and your boundary. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_mail_content_type(mail: Option<&mtasts_report_mail>) -> *const c_char {
    mail.map_or(NONE, |mail| mail.content_type.as_ptr())
}

/// A text for people: totals and failures; lines of at most 78 characters, except for longer names, ended by line
/// feeds. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_mail_text(mail: Option<&mtasts_report_mail>) -> *const c_char {
    mail.map_or(NONE, |mail| mail.text.as_ptr())
}

/// The name of the attached file. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_mail_file_name(mail: Option<&mtasts_report_mail>) -> *const c_char {
    mail.map_or(NONE, |mail| mail.file_name.as_ptr())
}

/// The type of the attached file: "application/tlsrpt+gzip". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_mail_media_type(mail: Option<&mtasts_report_mail>) -> *const c_char {
    mail.map_or(NONE, |mail| mail.media_type.as_ptr())
}

/// Frees the parts of a mail. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_mail_free(mail: Option<Box<mtasts_report_mail>>) {
    drop(mail);
}

/// Parses the `value` of a header field Subject, folded or not, with encoded words decoded; `*subject` becomes NULL for
/// that of another mail.
///
/// Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_subject_parse(
    value: *const c_char,
    subject: Option<&mut MaybeUninit<*mut mtasts_report_subject>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = subject.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let read = ReportSubject::parse(unsafe { string(value) }?);
        let made = read.map(|subject| mtasts_report_subject {
            domain: c_string(subject.domain.as_str()),
            submitter: c_string(subject.submitter.as_str()),
            report_id: c_string(&subject.report_id),
        });
        give_option(out, made);
        Ok(())
    })
}

/// The domain that the report is about. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_subject_domain(subject: Option<&mtasts_report_subject>) -> *const c_char {
    subject.map_or(NONE, |subject| subject.domain.as_ptr())
}

/// The domain that sent the report. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_subject_submitter(subject: Option<&mtasts_report_subject>) -> *const c_char {
    subject.map_or(NONE, |subject| subject.submitter.as_ptr())
}

/// The Report-ID, without angle brackets; some senders use a different one in the report. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_subject_report_id(subject: Option<&mtasts_report_subject>) -> *const c_char {
    subject.map_or(NONE, |subject| subject.report_id.as_ptr())
}

/// Frees a subject. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_subject_free(subject: Option<Box<mtasts_report_subject>>) {
    drop(subject);
}

/// Parses the `name` of a file; `*file_name` becomes NULL for that of another file.
///
/// Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_file_name_parse(
    name: *const c_char,
    file_name: Option<&mut MaybeUninit<*mut mtasts_report_file_name>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = file_name.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let read = ReportFileName::parse(unsafe { string(name) }?);
        let made = read.map(|name| mtasts_report_file_name {
            submitter: c_string(name.submitter.as_str()),
            domain: c_string(name.domain.as_str()),
            unique_id: name.unique_id.as_deref().map(c_string),
            text: c_string(&name.to_text()),
            name,
        });
        give_option(out, made);
        Ok(())
    })
}

/// The domain that sent the report. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_file_name_submitter(
    file_name: Option<&mtasts_report_file_name>,
) -> *const c_char {
    file_name.map_or(NONE, |name| name.submitter.as_ptr())
}

/// The domain that the report is about, for mtasts_report_set_missing_domains(). NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_file_name_domain(
    file_name: Option<&mtasts_report_file_name>,
) -> *const c_char {
    file_name.map_or(NONE, |name| name.domain.as_ptr())
}

/// The first second of the period, in Unix seconds. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_file_name_start(file_name: Option<&mtasts_report_file_name>) -> u64 {
    file_name.map_or(0, |name| name.name.period.start().as_secs())
}

/// The last second of the period, in Unix seconds. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_file_name_end(file_name: Option<&mtasts_report_file_name>) -> u64 {
    file_name.map_or(0, |name| name.name.period.end().as_secs())
}

/// The part that distinguishes two files about the same period. NULL if the name has none, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_file_name_unique_id(
    file_name: Option<&mtasts_report_file_name>,
) -> *const c_char {
    file_name.and_then(|name| name.unique_id.as_ref()).map_or(NONE, |id| id.as_ptr())
}

/// Returns 1 if the name says that the file is compressed with gzip, otherwise 0. 0 for NULL. The file itself is more
/// reliable: a compressed one begins with the octets 1f 8b.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_file_name_is_compressed(file_name: Option<&mtasts_report_file_name>) -> i32 {
    file_name.map_or(0, |name| name.name.is_compressed.into())
}

/// The name in its canonical form. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_file_name_text(file_name: Option<&mtasts_report_file_name>) -> *const c_char {
    file_name.map_or(NONE, |name| name.text.as_ptr())
}

/// Frees a parsed file name. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_file_name_free(file_name: Option<Box<mtasts_report_file_name>>) {
    drop(file_name);
}
