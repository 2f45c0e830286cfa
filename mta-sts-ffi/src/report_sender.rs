//! The sender of TLS reports.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::tlsrpt::ReportSender;

use crate::guard;
use crate::pointer::{give, string};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};

/// The sender of reports: its domain, a mail address there, and the name of the organisation.
pub struct mtasts_report_sender {
    sender: ReportSender,
    submitter: CString,
    contact: CString,
    organization: CString,
}

/// Creates a sender with the mail address `contact`, a plain one such as "tls-reports@example.com", and the name
/// `organization`, at most 255 octets. The submitter is always the domain of the address (RFC 8460, 5.3).
///
/// Errors: 1361 and 1362. This is a configuration error: report it, and send no reports.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_sender_new(
    contact: *const c_char,
    organization: *const c_char,
    sender: Option<&mut MaybeUninit<*mut mtasts_report_sender>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = sender.ok_or(Fault::NULL)?;
        // SAFETY: strings as required by the header.
        let sender = unsafe { ReportSender::new(string(contact)?, string(organization)?) }?;
        let made = mtasts_report_sender {
            submitter: c_string(sender.submitter().as_str()),
            contact: c_string(sender.contact()),
            organization: c_string(sender.organization()),
            sender,
        };
        give(out, made);
        Ok(())
    })
}

/// The domain of the sender: lower case, A-labels. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_sender_submitter(sender: Option<&mtasts_report_sender>) -> *const c_char {
    sender.map_or(NONE, |sender| sender.submitter.as_ptr())
}

/// The mail address, its domain in lower case and A-labels. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_sender_contact(sender: Option<&mtasts_report_sender>) -> *const c_char {
    sender.map_or(NONE, |sender| sender.contact.as_ptr())
}

/// The name of the organisation. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_sender_organization(sender: Option<&mtasts_report_sender>) -> *const c_char {
    sender.map_or(NONE, |sender| sender.organization.as_ptr())
}

/// Frees a sender. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_sender_free(sender: Option<Box<mtasts_report_sender>>) {
    drop(sender);
}

impl mtasts_report_sender {
    pub(crate) const fn core(&self) -> &ReportSender {
        &self.sender
    }
}
