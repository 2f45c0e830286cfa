use alloc::boxed::Box;
use alloc::format;

use crate::error::{ReportSenderError, ReportSenderErrorKind};
use crate::name::PolicyDomain;

/// The sender of reports: its domain, a mail address there, and the name of the organisation.
///
/// ```
/// use mta_sts_core::tlsrpt::ReportSender;
///
/// let sender = ReportSender::new("tls-reports@sender.example", "Sender Inc.")?;
/// assert_eq!(sender.submitter().as_str(), "sender.example");
/// # Ok::<(), mta_sts_core::tlsrpt::ReportSenderError>(())
/// ```
///
/// The submitter is always the domain of the address: `TLS-Report-Submitter` must equal it (RFC 8460, 5.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReportSender {
    submitter: PolicyDomain,
    contact: Box<str>,
    organization: Box<str>,
}

impl ReportSender {
    /// A sender with this address (`contact-info`, at most 254 octets) and this name (`organization-name`, at
    /// most 255 octets).
    ///
    /// # Errors
    ///
    /// Returns what is wrong with them. This is a configuration error: report it, and send no reports.
    // Meets R74.
    pub fn new(contact: &str, organization: &str) -> Result<Self, ReportSenderError> {
        let bad_contact = || ReportSenderError::new(ReportSenderErrorKind::BadContact);
        let (local_part, domain) = contact.rsplit_once('@').ok_or_else(bad_contact)?;
        let submitter = PolicyDomain::parse(domain).map_err(|_| bad_contact())?;
        let contact = format!("{local_part}@{submitter}");
        if !is_dot_atom(local_part) || local_part.len() > 64 || contact.len() > 254 {
            return Err(bad_contact());
        }
        let organization = organization.trim();
        if organization.is_empty() || organization.len() > 255 || organization.contains(char::is_control) {
            return Err(ReportSenderError::new(ReportSenderErrorKind::BadOrganization));
        }
        Ok(Self { submitter, contact: contact.into(), organization: organization.into() })
    }

    /// The domain of the sender, in lower case and A-labels.
    pub const fn submitter(&self) -> &PolicyDomain {
        &self.submitter
    }

    /// The contact address, with its domain in lower case and A-labels.
    pub fn contact(&self) -> &str {
        &self.contact
    }

    /// The name of the organisation.
    pub fn organization(&self) -> &str {
        &self.organization
    }
}

/// Dot-atom of RFC 5322, 3.2.3: text that needs no quotes in a header field.
pub(super) fn is_dot_atom(text: &str) -> bool {
    let is_atom_char = |octet: u8| octet.is_ascii_graphic() && !b"()<>[]:;@\\,.\"".contains(&octet);
    text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_char))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    // Proves R74.
    #[test]
    fn the_submitter_is_the_domain_of_the_address() {
        for (contact, submitter) in [
            ("tls@sender.example", Ok("sender.example")),
            ("tls.reports+1@Sender.Example.", Ok("sender.example")),
            ("sender.example", Err("bad-sender-contact")),
            ("@sender.example", Err("bad-sender-contact")),
            ("a@b@sender.example", Err("bad-sender-contact")),
            ("tls@", Err("bad-sender-contact")),
            ("tls@[192.0.2.1]", Err("bad-sender-contact")),
            ("t ls@sender.example", Err("bad-sender-contact")),
            ("tls\r\nBcc: x@sender.example", Err("bad-sender-contact")),
            ("tls..x@sender.example", Err("bad-sender-contact")),
        ] {
            let sender = ReportSender::new(contact, "Sender Inc.");
            let found =
                sender.as_ref().map(|sender| sender.submitter().as_str()).map_err(ReportSenderError::code);
            assert_eq!(found, submitter, "{contact:?}");
            if let Ok(sender) = &sender {
                assert!(sender.contact().ends_with(&format!("@{}", sender.submitter())));
            }
        }
    }

    #[test]
    fn an_organization_is_one_line() {
        for organization in ["", "  ", "a\nb", "a\0", &"x".repeat(256)] {
            let refused = ReportSender::new("tls@sender.example", organization).map_err(|error| error.code());
            assert_eq!(refused.map(|_| ()), Err("bad-sender-organization"), "{organization:?}");
        }
        assert_eq!(
            ReportSender::new("a@b.example", " Sender \u{fc} ").unwrap().organization(),
            "Sender \u{fc}"
        );
    }
}
