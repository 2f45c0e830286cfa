//! Submission of mails to the mail server of this machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use mta_sts_resolver::{
    Envelope, SmtpClient, SmtpError, SmtpErrorKind, SmtpSession, SmtpStage, StarttlsOutcome, TrustStore,
};
use tokio::io::AsyncWriteExt;
use tokio::net::lookup_host;
use tokio::process::Command;
use tokio::time::timeout;

#[cfg(feature = "dkim")]
use super::dkim::DkimSigning;
use super::mail::ReportMail;
use super::queue::End;

/// Hands mails with reports to this machine's mail server, which delivers them.
///
/// ```
/// use mta_sts_reporter::ReportMailer;
///
/// let mailer = ReportMailer::sendmail("/usr/sbin/sendmail");
/// ```
///
/// A report must carry a valid signature of the domain that it comes from (RFC 8460, 3): the mail server signs, or the mailer does
/// before (`ReportMailer::with_dkim`, with the feature `dkim`).
#[derive(Clone, Debug)]
pub struct ReportMailer {
    way: Way,
    timeout: Duration,
    #[cfg(feature = "dkim")]
    dkim: Option<DkimSigning>,
}

#[derive(Clone, Debug)]
enum Way {
    Sendmail(PathBuf),
    Smtp(String, TrustStore),
}

impl ReportMailer {
    /// Creates a mailer that runs a command like `sendmail -i -t -f contact`, such as Postfix's, Exim's, sendmail's or msmtp's. No shell
    /// is involved.
    pub fn sendmail(program: impl Into<PathBuf>) -> Self {
        Self::new(Way::Sendmail(program.into()))
    }

    /// Creates a mailer that uses SMTP to a mail server that relays for this machine: a name or an address, a colon, a port. STARTTLS is used if
    /// a server that is not on loopback offers it, with any certificate; otherwise the session is in clear.
    pub fn smtp(server: impl Into<String>, trust_store: TrustStore) -> Self {
        Self::new(Way::Smtp(server.into(), trust_store))
    }

    fn new(way: Way) -> Self {
        Self {
            way,
            timeout: Duration::from_secs(60),
            #[cfg(feature = "dkim")]
            dkim: None,
        }
    }

    /// Sets the timeout of the mail server for one mail. Default: 60 s.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Signs mails before they are handed over.
    #[cfg(feature = "dkim")]
    #[must_use]
    pub fn with_dkim(mut self, signing: DkimSigning) -> Self {
        self.dkim = Some(signing);
        self
    }

    /// The mail as it is handed over; the error is a code with words.
    pub(super) fn sign(&self, mail: ReportMail) -> Result<ReportMail, String> {
        #[cfg(feature = "dkim")]
        if let Some(dkim) = &self.dkim {
            let signed = dkim.sign(&mail.submitter, &mail.message);
            let message = signed.map_err(|error| format!("{DKIM_KEY_UNREADABLE}: {error}"))?;
            return Ok(ReportMail { message, ..mail });
        }
        Ok(mail)
    }

    /// Whether mails can be signed, if they have to be.
    pub(super) fn check_key(&self) -> Result<(), String> {
        #[cfg(feature = "dkim")]
        if let Some(dkim) = &self.dkim {
            return dkim.check().map_err(|error| format!("{DKIM_KEY_UNREADABLE}: {error}"));
        }
        Ok(())
    }

    /// Hands over a mail that was signed, if it has to be.
    pub(super) async fn send(&self, mail: ReportMail) -> End {
        match &self.way {
            Way::Sendmail(program) => timeout(self.timeout, pipe(program, &mail))
                .await
                .unwrap_or_else(|_| End::Failed("mail-timeout: the command took too long".to_owned())),
            Way::Smtp(server, trust_store) => self.relay(server, trust_store, &mail).await,
        }
    }

    async fn relay(&self, server: &str, trust_store: &TrustStore, mail: &ReportMail) -> End {
        let addresses = match lookup_host(server).await {
            Ok(addresses) => addresses.take(MAX_ADDRESSES).collect::<Vec<_>>(),
            Err(error) => return End::Failed(format!("mail-server-unknown: {server}: {error}")),
        };
        let Ok(envelope) = Envelope::new(&mail.from, &mail.to) else {
            return End::Refused("invalid-address: the address cannot be used in SMTP".to_owned());
        };
        let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
        let client = SmtpClient::new(mail.submitter.as_str(), trust_store.clone());
        let client = client.with_command_timeout(self.timeout).with_session_timeout(self.timeout);
        let mut session = Err(End::Failed(format!("mail-server-unknown: {server}")));
        for address in addresses {
            session = open(&client, address, host).await;
            if session.is_ok() {
                break;
            }
        }
        let mut session = match session {
            Ok(session) => session,
            Err(end) => return end,
        };
        match session.deliver(&envelope, &mail.message).await {
            Ok(_) => {
                // It has the mail, and that is to be written down before anybody waits for the farewell.
                tokio::spawn(session.quit());
                End::Sent
            }
            Err(error) => end_of(&error),
        }
    }
}

/// A session, with TLS if the server is elsewhere and has it: a report goes out whatever TLS comes to (RFC 8460, 3).
async fn open(client: &SmtpClient, address: SocketAddr, host: &str) -> Result<SmtpSession, End> {
    let connect = async || client.connect(address).await.map_err(|error| end_of(&error));
    let mut session = connect().await?;
    if address.ip().is_loopback() || !session.offers("STARTTLS") {
        return Ok(session);
    }
    match session.starttls(host).await {
        Ok(StarttlsOutcome::HandshakeFailed(_)) | Err(_) => connect().await,
        Ok(_) => Ok(session),
    }
}

/// What a command said that takes a mail.
async fn pipe(program: &PathBuf, mail: &ReportMail) -> End {
    let failed = |what: &dyn std::fmt::Display| {
        End::Failed(format!("mail-command-failed: {}: {what}", program.display()))
    };
    let spawned = Command::new(program)
        .args(["-i", "-t", "-f", &mail.from])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return failed(&error),
    };
    let message = with_line_feeds(&mail.message);
    let input = child.stdin.take();
    let write = async {
        if let Some(mut input) = input {
            // Where it has ended before, its status says why.
            let _ = input.write_all(&message).await;
            let _ = input.shutdown().await;
        }
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    match output {
        Ok(output) if output.status.success() => End::Sent,
        Ok(output) => {
            let said =
                String::from_utf8_lossy(&output.stderr[..output.stderr.len().min(MAX_SAID)]).into_owned();
            let said = format!("{}: {}", output.status, said.trim());
            match output.status.code() {
                Some(EX_NOUSER | EX_NOHOST) => End::Refused(format!("mail-refused: {said}")),
                _ => failed(&said),
            }
        }
        Err(error) => failed(&error),
    }
}

/// What an error of SMTP means: an answer 5yz to the recipient or to the mail is the end, one about this client is not.
fn end_of(error: &SmtpError) -> End {
    let what = format!("{}: {error}", error.code());
    let is_about_the_mail = matches!(error.stage(), SmtpStage::Rcpt | SmtpStage::Data | SmtpStage::Message);
    match error.kind() {
        SmtpErrorKind::Permanent(_) if is_about_the_mail => End::Refused(what),
        SmtpErrorKind::SmtpUtf8NotOffered => End::Refused(what),
        _ => End::Failed(what),
    }
}

/// As programs of this system end lines.
fn with_line_feeds(message: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(message.len());
    for (at, octet) in message.iter().enumerate() {
        if *octet != b'\r' || message.get(at + 1) != Some(&b'\n') {
            octets.push(*octet);
        }
    }
    octets
}

#[cfg(feature = "dkim")]
pub(super) const DKIM_KEY_UNREADABLE: &str = "dkim-key-unusable";
/// As `sysexits.h` has them.
const EX_NOUSER: i32 = 67;
const EX_NOHOST: i32 = 68;
const MAX_SAID: usize = 512;
const MAX_ADDRESSES: usize = 4;
