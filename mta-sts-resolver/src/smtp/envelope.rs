/// The envelope of a message: its sender and its recipient.
///
/// ```
/// use mta_sts_resolver::Envelope;
///
/// let envelope = Envelope::new("alice@sender.test", "bob@recipient.test")?.with_requiretls(true);
/// assert_eq!(envelope.recipient(), "bob@recipient.test");
/// assert!(Envelope::new("", "bob@recipient.test> BODY=8BITMIME").is_err());
/// # Ok::<(), mta_sts_resolver::InvalidAddress>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    sender: String,
    recipient: String,
    require_tls: bool,
}

impl Envelope {
    /// An envelope of addresses without angle brackets. The sender may be empty: the null reverse-path of a bounce.
    ///
    /// # Errors
    ///
    /// [`InvalidAddress`] if one is longer than 254 bytes, contains a space, a control character, or an angle bracket,
    /// or if the recipient is empty.
    pub fn new(sender: &str, recipient: &str) -> Result<Self, InvalidAddress> {
        if !recipient.is_empty() && [sender, recipient].into_iter().all(fits_in_a_path) {
            Ok(Self { sender: sender.to_owned(), recipient: recipient.to_owned(), require_tls: false })
        } else {
            Err(InvalidAddress)
        }
    }

    /// Requires TLS on the whole way of the message (RFC 8689, 2).
    // Meets Q16.
    #[must_use]
    pub fn with_requiretls(mut self, asked: bool) -> Self {
        self.require_tls = asked;
        self
    }

    /// The sender's address, or an empty string.
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// The recipient's address.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    pub(super) fn asks_require_tls(&self) -> bool {
        self.require_tls
    }

    pub(super) fn needs_smtp_utf8(&self) -> bool {
        !(self.sender.is_ascii() && self.recipient.is_ascii())
    }
}

/// The error for an address that is not allowed in an SMTP command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address cannot be used in SMTP")]
pub struct InvalidAddress;

impl InvalidAddress {
    /// The stable code: a kebab-case word.
    pub fn code(self) -> &'static str {
        "invalid-address"
    }
}

/// A path has at most 256 octets with its brackets (RFC 5321, 4.5.3.1.3).
fn fits_in_a_path(address: &str) -> bool {
    address.len() <= 254
        && !address.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>'))
}
