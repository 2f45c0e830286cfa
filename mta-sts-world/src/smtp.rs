use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::line::{Line, read_line};
use crate::reports::{MailReception, Reception};
use crate::scenario::{Reader, Staged, States};
use crate::seen::{Owner, Record, SmtpSession, SmtpTls, Transaction};
use crate::tls;

/// One MX host.
#[derive(Debug)]
pub(crate) struct SmtpServer {
    pub(crate) host: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) owner: Owner,
    pub(crate) service: Staged<Service>,
    pub(crate) deprecated_tls: DeprecatedTls,
    pub(crate) reception: Arc<Reception>,
    pub(crate) states: Arc<States>,
    pub(crate) seen: Arc<Record>,
}

/// The behaviour of the path and the server for STARTTLS.
#[derive(Clone, Debug)]
pub(crate) enum Service {
    Starttls(Arc<ServerConfig>),
    /// The handshake ends with the alert that there is no common version.
    OldTls,
    /// An attacker on the path removes the keyword from the EHLO response and rejects the command.
    Stripped,
}

/// The behaviour of the server for a client that does not support TLS 1.2.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DeprecatedTls {
    Refused,
    /// It accepts these versions, as numbered in a `ClientHello`: 0x0301 is TLS 1.0.
    Taken(&'static [u16]),
    /// It never responds.
    Silence,
}

impl SmtpServer {
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut sessions = JoinSet::new();
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                // Out of descriptors, or the client is gone already: neither ends the server.
                sleep(Duration::from_millis(10)).await;
                continue;
            };
            while sessions.try_join_next().is_some() {}
            if sessions.len() < MAX_SESSIONS {
                let server = self.clone();
                sessions.spawn(async move {
                    // A client that breaks off leaves what it said in the record.
                    let _ = timeout(SESSION_TIME, server.session(stream, peer)).await;
                });
            }
        }
    }

    async fn session(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        let service = self.service.now(&self.states).clone();
        let number = self.seen.smtp(SmtpSession {
            host: self.host.clone(),
            address: self.address,
            peer,
            owner: self.owner,
            attacker_on_path: matches!(service, Service::Stripped),
            ehlo_before_tls: Vec::new(),
            starttls: false,
            discarded: 0,
            tls: None,
            ehlo_after_tls: Vec::new(),
            transactions: Vec::new(),
        });

        let mut clear = Dialogue::new(self, number, stream, &service, false);
        clear.reply(&format!("220 {} ESMTP", self.host)).await?;
        let next = clear.run().await?;
        if let (Next::Starttls, Service::OldTls) = (&next, &service) {
            return refuse_version(clear.stream).await;
        }
        let (Next::Starttls, Service::Starttls(config)) = (next, &service) else {
            return Ok(());
        };

        // RFC 3207, 4.2: whatever came in clear behind the command is discarded with the buffer, and the client's
        // name is forgotten with the dialogue.
        let discarded = clear.stream.buffer().len();
        self.seen.smtp_update(number, |session| session.discarded = discarded);
        let mut stream = clear.stream.into_inner();
        match self.deprecated_tls {
            DeprecatedTls::Refused => {}
            DeprecatedTls::Taken(versions) => {
                let known = known_version(&stream).await?;
                let permitted = versions.iter().copied().filter(|version| *version <= known);
                if let Some(version) = permitted.max().filter(|_| known < TLS_1_2) {
                    return choose_version(&mut stream, version).await;
                }
            }
            DeprecatedTls::Silence => {
                if known_version(&stream).await? < TLS_1_2 {
                    return tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop);
                }
            }
        }
        let stream = TlsAcceptor::from(config.clone()).accept(stream).await?;
        let (_, connection) = stream.get_ref();
        let tls = SmtpTls {
            sni: connection.server_name().map(str::to_owned),
            version: tls::version(connection.protocol_version()),
        };
        self.seen.smtp_update(number, |session| session.tls = Some(tls));
        Dialogue::new(self, number, stream, &service, true).run().await?;
        Ok(())
    }
}

/// Returns the highest version up to TLS 1.2 that a `ClientHello` offers.
async fn known_version(stream: &TcpStream) -> io::Result<u16> {
    // Record type, version and length; message type and length; the version.
    let mut hello = [0; 11];
    loop {
        match stream.peek(&mut hello).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length if length == hello.len() => return Ok(u16::from_be_bytes([hello[9], hello[10]])),
            // A part of it has come, so that the socket is readable: only time brings the rest.
            _ => sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Answers a `ClientHello` with a `ServerHello` of this version (RFC 4346, 7.4.1.3), and stops there.
async fn choose_version(stream: &mut TcpStream, version: u16) -> io::Result<()> {
    let [major, minor] = version.to_be_bytes();
    let random = [0x5a; 32];
    // No session id, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
    let chosen = [0, 0, 0x2f, 0];
    let body = [&[major, minor][..], &random, &chosen].concat();
    let message = [&[2, 0, 0, u8::try_from(body.len()).unwrap_or_default()][..], &body].concat();
    let length = u8::try_from(message.len()).unwrap_or_default();
    stream.write_all(&[&[22, major, minor, 0, length][..], &message].concat()).await?;
    stream.shutdown().await
}

/// Reads the client's hello, and answers with the alert `protocol_version` of TLS 1.0 (RFC 2246, 7.2.2).
async fn refuse_version(mut stream: BufReader<TcpStream>) -> io::Result<()> {
    let mut hello = [0; 5];
    stream.read_exact(&mut hello).await?;
    let mut rest = vec![0; usize::from(u16::from_be_bytes([hello[3], hello[4]]))];
    stream.read_exact(&mut rest).await?;
    let stream = stream.get_mut();
    stream.write_all(&[21, 3, 1, 0, 2, 2, 70]).await?;
    stream.shutdown().await
}

/// The commands and replies over one stream, in clear or over TLS.
struct Dialogue<'s, S> {
    server: &'s SmtpServer,
    number: u64,
    stream: BufReader<S>,
    starttls: bool,
    over_tls: bool,
    greeted: bool,
    transaction: Option<Transaction>,
}

enum Next {
    Starttls,
    Close,
}

impl<'s, S: AsyncRead + AsyncWrite + Unpin> Dialogue<'s, S> {
    fn new(server: &'s SmtpServer, number: u64, stream: S, service: &Service, over_tls: bool) -> Self {
        Self {
            server,
            number,
            stream: BufReader::new(stream),
            starttls: !matches!(service, Service::Stripped) && !over_tls,
            over_tls,
            greeted: false,
            transaction: None,
        }
    }

    async fn run(&mut self) -> io::Result<Next> {
        for _ in 0..MAX_COMMANDS {
            let line = match read_line(&mut self.stream, MAX_COMMAND_LINE).await? {
                Line::End => return Ok(Next::Close),
                Line::TooLong => {
                    self.reply("500 5.5.2 line too long").await?;
                    continue;
                }
                Line::Text(line) => {
                    let Some(line) = line.strip_suffix(b"\r") else {
                        self.reply(BARE_LINE_FEED).await?;
                        continue;
                    };
                    String::from_utf8_lossy(line).into_owned()
                }
            };
            let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
            match (verb.to_ascii_uppercase().as_str(), argument.trim()) {
                ("EHLO", name) => self.ehlo(name).await?,
                ("HELO", name) => self.helo(name).await?,
                ("STARTTLS", argument) => {
                    self.note(|session| session.starttls = true);
                    if self.over_tls {
                        self.reply("503 5.5.1 TLS is there already").await?;
                    } else if !self.starttls {
                        self.reply("502 5.5.1 command not implemented").await?;
                    } else if !argument.is_empty() {
                        self.reply("501 5.5.4 no parameters").await?;
                    } else {
                        self.reply("220 2.0.0 ready for TLS").await?;
                        return Ok(Next::Starttls);
                    }
                }
                ("MAIL", _) => self.mail(&line).await?,
                ("RCPT", argument) => self.rcpt(argument).await?,
                ("DATA", _) => self.data().await?,
                ("RSET", _) => {
                    self.transaction = None;
                    self.reply("250 2.0.0 ok").await?;
                }
                ("NOOP", _) => self.reply("250 2.0.0 ok").await?,
                ("VRFY", _) => self.reply("252 2.1.5 send some mail").await?,
                ("QUIT", _) => {
                    self.reply("221 2.0.0 bye").await?;
                    self.stream.get_mut().shutdown().await?;
                    return Ok(Next::Close);
                }
                _ => self.reply("500 5.5.1 command unknown").await?,
            }
        }
        self.reply("421 4.7.0 too many commands").await?;
        Ok(Next::Close)
    }

    async fn ehlo(&mut self, name: &str) -> io::Result<()> {
        if !self.greet(name).await? {
            return Ok(());
        }
        let mut lines =
            vec![self.server.host.as_str(), "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
        if self.starttls {
            lines.push("STARTTLS");
        }
        if self.over_tls {
            // RFC 8689, 2: offered only where STARTTLS was used.
            lines.push("REQUIRETLS");
        }
        self.reply(&format!("250-{}\r\n250 SIZE {MAX_MESSAGE}", lines.join("\r\n250-"))).await
    }

    async fn helo(&mut self, name: &str) -> io::Result<()> {
        if self.greet(name).await? {
            self.reply(&format!("250 {}", self.server.host)).await?;
        }
        Ok(())
    }

    async fn greet(&mut self, name: &str) -> io::Result<bool> {
        if name.is_empty() {
            self.reply("501 5.5.4 who are you").await?;
            return Ok(false);
        }
        self.greeted = true;
        self.transaction = None;
        let over_tls = self.over_tls;
        self.note(|session| {
            let names = if over_tls { &mut session.ehlo_after_tls } else { &mut session.ehlo_before_tls };
            names.push(name.to_owned());
        });
        Ok(true)
    }

    async fn mail(&mut self, line: &str) -> io::Result<()> {
        if !self.greeted {
            return self.reply("503 5.5.1 EHLO first").await;
        }
        if self.transaction.is_some() {
            return self.reply("503 5.5.1 one sender at a time").await;
        }
        let Some((_, parameters)) = line.get(4..).and_then(|argument| path(argument, "FROM:")) else {
            return self.reply("501 5.5.4 MAIL FROM:<mailbox>").await;
        };
        for parameter in parameters.split_ascii_whitespace() {
            let (keyword, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match keyword.to_ascii_uppercase().as_str() {
                "SIZE" if value.parse::<usize>().is_ok_and(|size| size > MAX_MESSAGE) => {
                    return self.reply("552 5.3.4 message too big").await;
                }
                "SIZE" | "BODY" | "SMTPUTF8" => {}
                "REQUIRETLS" if self.over_tls => {}
                _ => return self.reply("555 5.5.4 parameter unknown").await,
            }
        }
        let in_clear_to_attacker = !self.over_tls && !self.starttls;
        let attacker = self.server.owner == Owner::Attacker || in_clear_to_attacker;
        self.transaction = Some(Transaction {
            mail_from: line.to_owned(),
            recipients: Vec::new(),
            over_tls: self.over_tls,
            read_by: if attacker { Reader::Attacker } else { Reader::Recipient },
            message: None,
        });
        let transaction = self.transaction.clone();
        self.note(|session| session.transactions.extend(transaction));
        self.reply("250 2.1.0 ok").await
    }

    async fn rcpt(&mut self, argument: &str) -> io::Result<()> {
        let Some(transaction) = &mut self.transaction else {
            return self.reply("503 5.5.1 MAIL first").await;
        };
        let Some((mailbox, parameters)) = path(argument, "TO:") else {
            return self.reply("501 5.5.4 RCPT TO:<mailbox>").await;
        };
        if !parameters.trim().is_empty() {
            return self.reply("555 5.5.4 parameter unknown").await;
        }
        if !mailbox.contains('@') {
            return self.reply("550 5.1.1 no such mailbox").await;
        }
        if transaction.recipients.len() >= MAX_RECIPIENTS {
            return self.reply("452 4.5.3 too many recipients").await;
        }
        if let Some(refusal) = self.server.reception.refusal(&transaction.mail_from, mailbox) {
            return self.reply(refusal).await;
        }
        transaction.recipients.push(mailbox.to_owned());
        self.keep_transaction();
        self.reply("250 2.1.5 ok").await
    }

    async fn data(&mut self) -> io::Result<()> {
        if self.transaction.as_ref().is_none_or(|transaction| transaction.recipients.is_empty()) {
            return self.reply("503 5.5.1 RCPT first").await;
        }
        self.reply("354 end with a line of one dot").await?;
        let mut message = Vec::new();
        let mut size = 0;
        let mut refusal = None;
        loop {
            match read_line(&mut self.stream, MAX_TEXT_LINE).await? {
                Line::End => return Err(io::ErrorKind::UnexpectedEof.into()),
                Line::TooLong => refusal = Some("500 5.5.2 line too long"),
                Line::Text(line) if line == b".\r" => break,
                Line::Text(line) => {
                    // RFC 5321, 2.3.8: LF alone ends no line, so that nothing behind it passes for a command.
                    let Some(line) = line.strip_suffix(b"\r") else {
                        refusal = Some(BARE_LINE_FEED);
                        continue;
                    };
                    // RFC 5321, 4.5.2.
                    let line = line.strip_prefix(b".").unwrap_or(line);
                    size += line.len() + 2;
                    if message.len() + line.len() + 2 <= MAX_KEPT {
                        message.extend_from_slice(line);
                        message.extend_from_slice(b"\r\n");
                    }
                }
            }
        }
        if size > MAX_MESSAGE {
            refusal = Some("552 5.3.4 message too big");
        }
        if let Some(refusal) = refusal {
            self.transaction = None;
            return self.reply(refusal).await;
        }
        let reception = self.server.reception.behaviour.now();
        if reception == MailReception::Hang {
            return pending().await;
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.message = Some(String::from_utf8_lossy(&message).into_owned());
        }
        self.keep_transaction();
        self.transaction = None;
        if reception == MailReception::ReplyLost {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        self.reply("250 2.0.0 delivered").await
    }

    fn keep_transaction(&self) {
        self.note(|session| {
            if let (Some(kept), Some(transaction)) = (session.transactions.last_mut(), &self.transaction) {
                kept.clone_from(transaction);
            }
        });
    }

    fn note(&self, change: impl FnOnce(&mut SmtpSession)) {
        self.server.seen.smtp_update(self.number, change);
    }

    async fn reply(&mut self, text: &str) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        stream.flush().await
    }
}

/// `FROM:<mailbox> parameters` in any case: the mailbox, and the parameters.
fn path<'l>(argument: &'l str, keyword: &str) -> Option<(&'l str, &'l str)> {
    let argument = argument.trim_start();
    let start = argument.get(..keyword.len())?;
    if !start.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let path = argument.get(keyword.len()..)?.trim_start().strip_prefix('<')?;
    path.split_once('>')
}

/// In a `ClientHello`.
const TLS_1_2: u16 = 0x0303;
const BARE_LINE_FEED: &str = "500 5.5.2 LF without CR";
/// RFC 5321, 4.5.3.1.4 has 512 octets; the service extensions of MAIL add to it.
const MAX_COMMAND_LINE: usize = 1024;
/// RFC 5321, 4.5.3.1.6, with the dot that transparency adds.
const MAX_TEXT_LINE: usize = 1001;
const MAX_MESSAGE: usize = 1024 * 1024;
const MAX_KEPT: usize = 64 * 1024;
const MAX_RECIPIENTS: usize = 100;
const MAX_COMMANDS: usize = 1000;
const MAX_SESSIONS: usize = 256;
const SESSION_TIME: Duration = Duration::from_secs(300);
