//! An SMTP client for at most one message, which shows what a sending mail server encounters at an MX host.

mod connection;
mod envelope;
mod error;
mod reply;

use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::DnsName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use self::connection::{Connection, Stream};
pub use self::envelope::{Envelope, InvalidAddress};
pub use self::error::{SmtpError, SmtpErrorKind, SmtpStage};
pub use self::reply::SmtpReply;
use crate::tls::{OnCertificateFault, ServerNameIndication, TlsFailure, TlsSession, TrustStore, handshake};

/// Opens SMTP sessions with MX hosts.
///
/// ```no_run
/// use mta_sts_resolver::{Envelope, SmtpClient, StarttlsOutcome, TrustStore};
///
/// # async fn send() -> Result<(), Box<dyn std::error::Error>> {
/// let client = SmtpClient::new("sender.test", TrustStore::platform()?);
/// let mut session = client.connect("192.0.2.25:25".parse()?).await?;
/// match session.starttls("mx1.recipient.test").await? {
///     StarttlsOutcome::Established(tls) if tls.certificate().is_valid() => {
///         let envelope = Envelope::new("alice@sender.test", "bob@recipient.test")?;
///         let reply = session.deliver(&envelope, b"Subject: hello\r\n\r\nhello\r\n").await?;
///         println!("{reply}");
///     }
///     outcome => println!("no valid TLS: {outcome:?}"),
/// }
/// session.quit().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SmtpClient {
    ehlo_name: String,
    trust_store: TrustStore,
    indication: ServerNameIndication,
    command_timeout: Duration,
    session_timeout: Duration,
}

impl SmtpClient {
    /// A client that introduces itself as `ehlo_name` and verifies certificates against these roots.
    ///
    /// Characters that are not allowed in a command's argument are removed from the name.
    pub fn new(ehlo_name: &str, trust_store: TrustStore) -> Self {
        Self {
            ehlo_name: ehlo_name.chars().filter(char::is_ascii_graphic).take(255).collect(),
            trust_store,
            indication: ServerNameIndication::Sent,
            command_timeout: Duration::from_secs(30),
            session_timeout: Duration::from_secs(300),
        }
    }

    /// Sets the time limit of one step: the connection, a command and its reply, the handshake, or a message. Default:
    /// 30 s, which suits a check; a sending mail server waits 5 minutes or longer (RFC 5321, 4.5.3.2).
    #[must_use]
    pub fn with_command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout;
        self
    }

    /// Sets the time limit of all steps of a session together. Default: 5 minutes. Without it, a server that answers
    /// each command just in time could go on forever.
    #[must_use]
    pub fn with_session_timeout(mut self, timeout: Duration) -> Self {
        self.session_timeout = timeout;
        self
    }

    /// Leaves out SNI, which no sender may do (RFC 8461, 7.1): to see how a host treats such clients.
    pub(crate) fn without_sni(mut self) -> Self {
        self.indication = ServerNameIndication::LeftOut;
        self
    }

    /// Connects, reads the greeting, and sends EHLO, or HELO to a server that does not support EHLO.
    ///
    /// # Errors
    ///
    /// [`SmtpError`]: no connection, no greeting in time, a greeting other than 220, EHLO refused.
    pub async fn connect(&self, peer: SocketAddr) -> Result<SmtpSession, SmtpError> {
        let deadline = after(Instant::now(), self.session_timeout);
        let connect_by = deadline.min(after(Instant::now(), self.command_timeout));
        let stream = match timeout_at(connect_by, TcpStream::connect(peer)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(SmtpErrorKind::Connect(error.kind()).at(SmtpStage::Connect)),
            Err(_) => return Err(SmtpErrorKind::Timeout.at(SmtpStage::Connect)),
        };

        let mut connection = Connection::new(Box::new(stream));
        let greeting = timed(connect_by, SmtpStage::Greeting, connection.read_reply()).await?;
        if greeting.code() != 220 {
            return Err(refusal(greeting).at(SmtpStage::Greeting));
        }
        let mut session = SmtpSession {
            client: self.clone(),
            peer,
            deadline,
            connection: Some(connection),
            greeting,
            keywords: Vec::new(),
            tls: None,
            in_transaction: false,
        };
        session.say_ehlo().await?;
        Ok(session)
    }
}

/// A session with an MX host, after EHLO.
///
/// After an error other than a reply of the server the session is over: every later call returns
/// [`SmtpErrorKind::Closed`].
#[derive(Debug)]
pub struct SmtpSession {
    client: SmtpClient,
    peer: SocketAddr,
    deadline: Instant,
    connection: Option<Connection>,
    greeting: SmtpReply,
    keywords: Vec<String>,
    tls: Option<TlsSession>,
    in_transaction: bool,
}

impl SmtpSession {
    /// The server's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The server's greeting.
    pub fn greeting(&self) -> &SmtpReply {
        &self.greeting
    }

    /// The extensions offered in the last EHLO response, one for each line, keyword and parameters. After STARTTLS
    /// these are those offered over TLS.
    pub fn extensions(&self) -> &[String] {
        &self.keywords
    }

    /// Returns whether the last EHLO response offers the extension with this keyword, such as `STARTTLS` or
    /// `REQUIRETLS`.
    pub fn offers(&self, keyword: &str) -> bool {
        self.keywords.iter().any(|line| {
            line.split_ascii_whitespace().next().is_some_and(|offered| offered.eq_ignore_ascii_case(keyword))
        })
    }

    /// The TLS session, if TLS is established.
    pub fn tls(&self) -> Option<&TlsSession> {
        self.tls.as_ref()
    }

    /// Starts TLS, with `mx_host` as SNI and as the name that the certificate must match (RFC 8461, 4.2 and 7.1), then
    /// sends EHLO again.
    ///
    /// An invalid certificate does not end the handshake: its faults are in the [`TlsSession`], and the caller decides
    /// by the policy whether to deliver. If the server does not offer STARTTLS, nothing is sent. One trailing dot of
    /// `mx_host` is ignored.
    ///
    /// # Errors
    ///
    /// [`SmtpError`] for failures other than TLS, and for clear text after the response to STARTTLS, where an attacker
    /// can inject commands and responses (RFC 3207, 6). If the second EHLO fails, TLS is established all the same, see
    /// [`tls`](Self::tls).
    // Meets S61, S64, S72, A23.
    pub async fn starttls(&mut self, mx_host: &str) -> Result<StarttlsOutcome, SmtpError> {
        let name = mx_host.strip_suffix('.').unwrap_or(mx_host).to_ascii_lowercase();
        let Ok(host) = DnsName::try_from(name) else {
            return Err(SmtpErrorKind::InvalidMxHost.at(SmtpStage::Starttls));
        };
        let stream = match self.ask_for_tls().await? {
            Ok(stream) => stream,
            Err(outcome) => return Ok(outcome),
        };
        let step_by = self.step_by();
        let (trust_store, indication) = (&self.client.trust_store, self.client.indication);
        let handshake =
            handshake(stream, &host, trust_store, OnCertificateFault::RecordAndContinue, indication);
        let (stream, tls) = match timeout_at(step_by, handshake).await {
            Ok(Ok(established)) => established,
            Ok(Err(failure)) => return Ok(StarttlsOutcome::HandshakeFailed(failure)),
            Err(_) => return Err(SmtpErrorKind::Timeout.at(SmtpStage::TlsHandshake)),
        };

        // What was offered in clear text is discarded (RFC 3207, 4.2).
        self.keywords.clear();
        self.connection = Some(Connection::new(Box::new(stream)));
        self.tls = Some(tls.clone());
        self.say_ehlo().await?;
        Ok(StarttlsOutcome::Established(tls))
    }

    /// Sends STARTTLS, and returns the stream on which the server waits for a `ClientHello` of the caller; `None` if it
    /// does not.
    pub(crate) async fn into_stream_for_tls(
        mut self,
    ) -> Option<impl AsyncRead + AsyncWrite + Send + Unpin + use<>> {
        self.ask_for_tls().await.ok()?.ok()
    }

    async fn ask_for_tls(&mut self) -> Result<Result<Box<dyn Stream>, StarttlsOutcome>, SmtpError> {
        if self.tls.is_some() || !self.offers("STARTTLS") {
            return Ok(Err(StarttlsOutcome::NotOffered));
        }
        let reply = self.command(SmtpStage::Starttls, "STARTTLS").await?;
        if reply.code() != 220 {
            return Ok(Err(StarttlsOutcome::Refused(reply)));
        }
        let connection = self.connection.take().ok_or(SmtpErrorKind::Closed.at(SmtpStage::Starttls))?;
        match connection.into_stream_if_drained() {
            Some(stream) => Ok(Ok(stream)),
            None => Err(SmtpErrorKind::ClearTextAfterStarttls.at(SmtpStage::Starttls)),
        }
    }

    /// Sends a message and returns the server's last reply, by which it accepts the message.
    ///
    /// Lines may end with LF or CR alone; they are sent with CRLF (RFC 5321, 2.3.8). Dot-stuffing is done here.
    /// `BODY=8BITMIME` is requested if it is needed and offered.
    ///
    /// # Errors
    ///
    /// [`SmtpError`] with the stage at which the server refused. Nothing is sent if the envelope requires REQUIRETLS
    /// without TLS or without the server offering it (RFC 8689, 4.2.1), or SMTPUTF8 without the server offering it.
    pub async fn deliver(&mut self, envelope: &Envelope, message: &[u8]) -> Result<SmtpReply, SmtpError> {
        if envelope.asks_require_tls() && !(self.tls.is_some() && self.offers("REQUIRETLS")) {
            return Err(SmtpErrorKind::RequireTlsNotOffered.at(SmtpStage::Mail));
        }
        if envelope.needs_smtp_utf8() && !self.offers("SMTPUTF8") {
            return Err(SmtpErrorKind::SmtpUtf8NotOffered.at(SmtpStage::Mail));
        }
        if self.in_transaction {
            self.expect(SmtpStage::Mail, "RSET", 2).await?;
            self.in_transaction = false;
        }

        let mut mail = format!("MAIL FROM:<{}>", envelope.sender());
        if self.offers("8BITMIME") && !message.is_ascii() {
            mail.push_str(" BODY=8BITMIME");
        }
        if envelope.needs_smtp_utf8() {
            mail.push_str(" SMTPUTF8");
        }
        if envelope.asks_require_tls() {
            mail.push_str(" REQUIRETLS");
        }
        self.expect(SmtpStage::Mail, &mail, 2).await?;
        self.in_transaction = true;
        self.expect(SmtpStage::Rcpt, &format!("RCPT TO:<{}>", envelope.recipient()), 2).await?;
        self.expect(SmtpStage::Data, "DATA", 3).await?;
        let reply = self.step(SmtpStage::Message, &wire_form(message)).await?;
        self.in_transaction = false;
        positive(reply, 2).map_err(|kind| kind.at(SmtpStage::Message))
    }

    /// Sends QUIT and closes the connection.
    ///
    /// # Errors
    ///
    /// [`SmtpError`], which a caller without further needs may ignore.
    pub async fn quit(mut self) -> Result<SmtpReply, SmtpError> {
        self.command(SmtpStage::Quit, "QUIT").await
    }

    async fn say_ehlo(&mut self) -> Result<(), SmtpError> {
        let name = self.client.ehlo_name.clone();
        let reply = self.command(SmtpStage::Ehlo, &format!("EHLO {name}")).await?;
        if matches!(reply.code(), 500 | 502) {
            self.expect(SmtpStage::Ehlo, &format!("HELO {name}"), 2).await?;
            return Ok(());
        }
        let reply = positive(reply, 2).map_err(|kind| kind.at(SmtpStage::Ehlo))?;
        self.keywords = reply.lines().iter().skip(1).cloned().collect();
        Ok(())
    }

    async fn expect(&mut self, stage: SmtpStage, command: &str, class: u16) -> Result<SmtpReply, SmtpError> {
        let reply = self.command(stage, command).await?;
        positive(reply, class).map_err(|kind| kind.at(stage))
    }

    async fn command(&mut self, stage: SmtpStage, command: &str) -> Result<SmtpReply, SmtpError> {
        self.step(stage, format!("{command}\r\n").as_bytes()).await
    }

    /// Sends and reads the reply. Any failure leaves the dialogue out of step, so it ends the session.
    async fn step(&mut self, stage: SmtpStage, bytes: &[u8]) -> Result<SmtpReply, SmtpError> {
        let step_by = self.step_by();
        let mut connection = self.connection.take().ok_or(SmtpErrorKind::Closed.at(stage))?;
        let reply = timed(step_by, stage, async {
            connection.send(bytes).await?;
            connection.read_reply().await
        })
        .await?;
        // The server closes the channel after 421 (RFC 5321, 3.8).
        if reply.code() != 421 {
            self.connection = Some(connection);
        }
        Ok(reply)
    }

    fn step_by(&self) -> Instant {
        self.deadline.min(after(Instant::now(), self.client.command_timeout))
    }
}

/// The result of STARTTLS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StarttlsOutcome {
    /// TLS is established; whether the certificate is valid is in the [`TlsSession`].
    Established(TlsSession),
    /// The server does not offer STARTTLS, or TLS is already established. The session continues unchanged.
    NotOffered,
    /// The server offers STARTTLS but rejects it with this reply. The session continues in clear text.
    Refused(SmtpReply),
    /// The handshake failed. The session is over: if the policy permits clear text, connect again.
    HandshakeFailed(TlsFailure),
}

impl StarttlsOutcome {
    /// The stable code; for established TLS, `tls-established` or that of the certificate's primary fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Established(tls) => {
                tls.certificate().primary_fault().map_or("tls-established", crate::CertificateFault::code)
            }
            Self::NotOffered => "starttls-not-offered",
            Self::Refused(_) => "starttls-refused",
            Self::HandshakeFailed(failure) => failure.code(),
        }
    }
}

async fn timed<T>(
    by: Instant,
    stage: SmtpStage,
    step: impl Future<Output = Result<T, SmtpErrorKind>>,
) -> Result<T, SmtpError> {
    match timeout_at(by, step).await {
        Ok(result) => result.map_err(|kind| kind.at(stage)),
        Err(_) => Err(SmtpErrorKind::Timeout.at(stage)),
    }
}

fn positive(reply: SmtpReply, class: u16) -> Result<SmtpReply, SmtpErrorKind> {
    if reply.code() / 100 == class { Ok(reply) } else { Err(refusal(reply)) }
}

fn refusal(reply: SmtpReply) -> SmtpErrorKind {
    match reply.code() / 100 {
        4 => SmtpErrorKind::Transient(reply),
        5 => SmtpErrorKind::Permanent(reply),
        _ => SmtpErrorKind::Protocol,
    }
}

/// The message in its wire form, with its end (RFC 5321, 4.5.2). It contains no bare CR or LF, so no server can see its
/// end elsewhere.
fn wire_form(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + message.len() / 32 + 5);
    let mut rest = message;
    while !rest.is_empty() {
        let length = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        let (line, end) = rest.split_at(length);
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
        wire.extend_from_slice(b"\r\n");
        rest = end.strip_prefix(b"\r\n").or_else(|| end.get(1..)).unwrap_or_default();
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// A duration beyond the range of the clock is replaced by a year.
fn after(now: Instant, timeout: Duration) -> Instant {
    now + timeout.min(Duration::from_secs(31_536_000))
}

#[cfg(test)]
mod tests {
    use super::wire_form;

    #[test]
    fn no_line_ends_the_message_early() {
        for (message, wire) in [
            (&b""[..], &b".\r\n"[..]),
            (b"a\r\n", b"a\r\n.\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b".\r\n..b\r\n", b"..\r\n...b\r\n.\r\n"),
            (b"a\n.\nb\r.\r\r\n", b"a\r\n..\r\nb\r\n..\r\n\r\n.\r\n"),
            (b"\r\n\r\n", b"\r\n\r\n.\r\n"),
        ] {
            assert_eq!(wire_form(message), wire, "{message:?}");
        }
    }
}
