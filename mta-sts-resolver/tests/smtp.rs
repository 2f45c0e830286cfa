//! SMTP with MX hosts (RFC 8461, 4.2 and 7), against servers on loopback.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod pki;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mta_sts_resolver::{
    CertificateFault, Envelope, SmtpClient, SmtpError, SmtpErrorKind, SmtpSession, SmtpStage,
    StarttlsOutcome, TlsVersion,
};
use pki::{Authority, common_name_only, expired};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const MX: &str = "mx1.recipient.test";
const MESSAGE: &[u8] = b"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nb.\r\n\r\n";

// Proves S61.
#[tokio::test]
async fn a_message_arrives_over_tls_byte_by_byte() {
    let ca = Authority::new();
    let server = Server::start(Script::with_tls(ca.server(&[MX]))).await;
    let mut session = server.connect(&ca).await.unwrap();
    assert_eq!(session.greeting().to_string(), "220 mx1.recipient.test ESMTP");
    assert!(session.offers("starttls") && session.tls().is_none());

    let StarttlsOutcome::Established(tls) = session.starttls("MX1.recipient.test.").await.unwrap() else {
        panic!("no TLS")
    };
    assert_eq!((tls.version(), tls.server_name()), (TlsVersion::Tls13, MX));
    assert!(tls.cipher_suite().starts_with("TLS_"), "{}", tls.cipher_suite());
    assert!(tls.certificate().is_valid());
    assert_eq!(tls.certificate().dns_names(), [MX]);
    assert_eq!(tls.certificate().issuer(), "CN=Root of the tests");
    assert_eq!(tls.certificate().not_after(), 4_102_444_800);
    assert_eq!(session.tls(), Some(&tls));

    let reply = session.deliver(&envelope(), MESSAGE).await.unwrap();
    assert_eq!((reply.code(), reply.enhanced_code()), (250, Some("2.0.0")));
    assert_eq!(session.quit().await.unwrap().code(), 221);

    let seen = server.seen();
    assert_eq!(seen.sni.as_deref(), Some(MX));
    assert_eq!(
        seen.commands,
        [
            "EHLO sender.test",
            "STARTTLS",
            "EHLO sender.test",
            "MAIL FROM:<alice@sender.test>",
            "RCPT TO:<bob@recipient.test>",
            "DATA",
            "QUIT"
        ]
    );
    assert_eq!(seen.messages, [MESSAGE]);
}

// Proves S64.
#[tokio::test]
async fn tls_1_2_will_do() {
    let ca = Authority::new();
    let server = Server::start(Script::with_tls(ca.tls12_server(&[MX]))).await;
    let mut session = server.connect(&ca).await.unwrap();
    let outcome = session.starttls(MX).await.unwrap();
    let StarttlsOutcome::Established(tls) = outcome else { panic!("{outcome:?}") };
    assert_eq!(tls.version(), TlsVersion::Tls12);
}

#[tokio::test]
async fn clear_text_is_spoken_when_tls_is_not_asked_for() {
    let ca = Authority::new();
    let server = Server::start(Script::with_tls(ca.server(&[MX]))).await;
    let mut session = server.connect(&ca).await.unwrap();
    session.deliver(&envelope(), MESSAGE).await.unwrap();
    assert!(!server.seen().commands.contains(&"STARTTLS".to_owned()));
    assert_eq!(server.seen().messages, [MESSAGE]);
}

#[tokio::test]
async fn starttls_that_is_not_offered_is_not_asked_for() {
    let ca = Authority::new();
    for script in [
        Script::default(),
        Script::default().answer("EHLO", "250 mx1.recipient.test STARTTLS\r\n"),
        Script::default().answer("EHLO", "250-STARTTLS\r\n250 STARTTLSX\r\n"),
        Script::default().answer("EHLO", "502 what?\r\n"),
    ] {
        let server = Server::start(script).await;
        let mut session = server.connect(&ca).await.unwrap();
        assert_eq!(session.starttls(MX).await.unwrap(), StarttlsOutcome::NotOffered);
        session.deliver(&envelope(), MESSAGE).await.unwrap();
        assert!(!server.seen().commands.contains(&"STARTTLS".to_owned()));
    }
}

#[tokio::test]
async fn a_server_without_ehlo_gets_helo() {
    let ca = Authority::new();
    let server = Server::start(Script::default().answer("EHLO", "500 what?\r\n")).await;
    server.connect(&ca).await.unwrap().quit().await.unwrap();
    assert_eq!(server.seen().commands, ["EHLO sender.test", "HELO sender.test", "QUIT"]);
}

#[tokio::test]
async fn starttls_refused_leaves_clear_text() {
    let ca = Authority::new();
    for (answer, code) in [("454 4.7.0 not now\r\n", 454), ("502 5.5.1 no\r\n", 502)] {
        let script = Script::with_tls(ca.server(&[MX])).answer("STARTTLS", answer);
        let server = Server::start(script).await;
        let mut session = server.connect(&ca).await.unwrap();
        let outcome = session.starttls(MX).await.unwrap();
        let StarttlsOutcome::Refused(reply) = &outcome else { panic!("{outcome:?}") };
        assert_eq!((reply.code(), outcome.code()), (code, "starttls-refused"));
        session.deliver(&envelope(), MESSAGE).await.unwrap();
        assert_eq!(server.seen().messages, [MESSAGE]);
    }
}

// Proves S72, S73, A23, T3.
#[tokio::test]
async fn certificate_faults_are_recorded_and_the_session_goes_on() {
    use CertificateFault::{Expired, HostMismatch, NotTrusted};
    let ca = Authority::new();
    let unknown = Authority::new();
    for (tls, faults) in [
        (ca.server_with(&[MX], expired), &[Expired][..]),
        (ca.server(&["recipient.test", "*.mx1.recipient.test"]), &[HostMismatch]),
        (ca.server(&["*.test"]), &[HostMismatch]),
        (ca.server(&["m*.recipient.test"]), &[HostMismatch]),
        (ca.server_with(&[], common_name_only(MX)), &[HostMismatch]),
        (ca.server(&["*.recipient.test"]), &[]),
        (unknown.server(&[MX]), &[NotTrusted]),
        (unknown.server_with(&["other.test"], expired), &[Expired, NotTrusted, HostMismatch]),
        (unknown.tls12_server(&["other.test"]), &[NotTrusted, HostMismatch]),
    ] {
        let server = Server::start(Script::with_tls(tls)).await;
        let mut session = server.connect(&ca).await.unwrap();
        let outcome = session.starttls(MX).await.unwrap();
        let StarttlsOutcome::Established(tls) = &outcome else { panic!("{outcome:?}") };
        assert_eq!(tls.certificate().faults(), faults);
        assert_eq!(tls.certificate().primary_fault(), faults.first().copied());
        assert_eq!(outcome.code(), faults.first().map_or("tls-established", |fault| fault.code()));
        session.deliver(&envelope(), MESSAGE).await.unwrap();
        assert_eq!(server.seen().messages, [MESSAGE]);
    }
}

// Proves S64.
#[tokio::test]
async fn a_failed_handshake_ends_the_session() {
    let ca = Authority::new();
    for after in ["HTTP/1.1 400 Bad Request\r\n\r\n", "\u{15}\u{3}\u{1}\0\u{2}\u{2}F", ""] {
        let script = Script { after_starttls: Some(after), ..Script::offering_starttls() };
        let server = Server::start(script).await;
        let mut session = server.connect(&ca).await.unwrap();
        let outcome = session.starttls(MX).await.unwrap();
        assert!(matches!(outcome, StarttlsOutcome::HandshakeFailed(_)), "{outcome:?}");
        assert_eq!(outcome.code(), "tls-handshake-failed");
        let error = session.deliver(&envelope(), MESSAGE).await.unwrap_err();
        assert_eq!((error.kind(), error.stage()), (&SmtpErrorKind::Closed, SmtpStage::Mail));
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_is_worth_nothing() {
    let ca = Authority::new();
    let server = Server::start(Script::with_tls(ca.server_without_its_key(MX))).await;
    let mut session = server.connect(&ca).await.unwrap();
    let outcome = session.starttls(MX).await.unwrap();
    let StarttlsOutcome::HandshakeFailed(failure) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.code(), "tls-handshake-failed");
    assert!(failure.certificate().unwrap().is_valid());
}

#[tokio::test]
async fn clear_text_after_starttls_is_never_taken_for_tls() {
    let ca = Authority::new();
    for answer in [
        "220 go\r\n250-evil\r\n250 REQUIRETLS\r\n",
        "220 go\r\n2",
        "220 go\r\n\r\n",
        "220-go\r\n220 on\r\n220 mx1.recipient.test ESMTP\r\n",
    ] {
        let server = Server::start(Script::with_tls(ca.server(&[MX])).answer("STARTTLS", answer)).await;
        let mut session = server.connect(&ca).await.unwrap();
        let error = session.starttls(MX).await.unwrap_err();
        assert_eq!(error.kind(), &SmtpErrorKind::ClearTextAfterStarttls, "{answer:?}");
        assert_eq!((error.stage(), error.code()), (SmtpStage::Starttls, "clear-text-after-starttls"));
        assert!(session.tls().is_none() && !session.offers("REQUIRETLS"));
        assert_eq!(session.quit().await.unwrap_err().kind(), &SmtpErrorKind::Closed);
    }
}

// Proves Q4.
#[tokio::test]
async fn what_counts_is_offered_over_tls() {
    let ca = Authority::new();
    let mut script = Script::with_tls(ca.server(&[MX]));
    script.offered = "250-mx1\r\n250-STARTTLS\r\n250 REQUIRETLS\r\n";
    script.offered_over_tls = "250-mx1\r\n250-SIZE 1000\r\n250 SMTPUTF8\r\n";
    let server = Server::start(script).await;
    let mut session = server.connect(&ca).await.unwrap();
    assert_eq!(session.extensions(), ["STARTTLS", "REQUIRETLS"]);
    let error = session.deliver(&envelope().with_requiretls(true), MESSAGE).await.unwrap_err();
    assert_eq!(error.code(), "requiretls-not-offered", "it counts over TLS only");
    session.starttls(MX).await.unwrap();
    assert_eq!(session.extensions(), ["SIZE 1000", "SMTPUTF8"]);
    assert_eq!(session.starttls(MX).await.unwrap(), StarttlsOutcome::NotOffered);
    let error = session.deliver(&envelope().with_requiretls(true), MESSAGE).await.unwrap_err();
    assert_eq!((error.code(), error.stage()), ("requiretls-not-offered", SmtpStage::Mail));
    assert!(!server.seen().commands.iter().any(|command| command.starts_with("MAIL")));
}

#[tokio::test]
async fn what_was_offered_in_clear_text_is_forgotten() {
    let ca = Authority::new();
    let mut script = Script::with_tls(ca.server(&[MX]));
    script.offered_over_tls = "502 only HELO here\r\n";
    let server = Server::start(script).await;
    let mut session = server.connect(&ca).await.unwrap();
    session.starttls(MX).await.unwrap();
    assert_eq!(session.extensions(), &[] as &[String]);
}

// Proves Q16.
#[tokio::test]
async fn mail_parameters_are_sent_where_needed_and_offered() {
    let ca = Authority::new();
    let mut script = Script::with_tls(ca.server(&[MX]));
    script.offered_over_tls = "250-mx1\r\n250-8bitmime\r\n250-SMTPUTF8\r\n250 REQUIRETLS\r\n";
    let server = Server::start(script).await;
    let mut session = server.connect(&ca).await.unwrap();
    let utf8 = Envelope::new("alícia@sender.test", "bob@recipient.test").unwrap();
    assert_eq!(session.deliver(&utf8, MESSAGE).await.unwrap_err().code(), "smtputf8-not-offered");
    session.starttls(MX).await.unwrap();
    session.deliver(&utf8.with_requiretls(true), "Subject: é\r\n\r\n".as_bytes()).await.unwrap();
    session.deliver(&Envelope::new("", "bob@recipient.test").unwrap(), MESSAGE).await.unwrap();
    let mail: Vec<String> =
        server.seen().commands.into_iter().filter(|command| command.starts_with("MAIL")).collect();
    assert_eq!(mail, ["MAIL FROM:<alícia@sender.test> BODY=8BITMIME SMTPUTF8 REQUIRETLS", "MAIL FROM:<>"]);
}

#[tokio::test]
async fn refusals_tell_where_and_why() {
    let ca = Authority::new();
    for (verb, stage) in [
        ("MAIL", SmtpStage::Mail),
        ("RCPT", SmtpStage::Rcpt),
        ("DATA", SmtpStage::Data),
        (".", SmtpStage::Message),
    ] {
        for (answer, code, class) in [
            ("550-5.7.1 \u{1b}[1mno\r\n550 5.7.1 never\r\n", "permanent-reply", 5),
            ("450 4.2.0 later\r\n", "transient-reply", 4),
        ] {
            let server = Server::start(Script::default().answer(verb, answer)).await;
            let mut session = server.connect(&ca).await.unwrap();
            let error = session.deliver(&envelope(), MESSAGE).await.unwrap_err();
            assert_eq!((error.stage(), error.code()), (stage, code));
            let reply = error.reply().unwrap();
            assert_eq!(reply.code() / 100, class);
            assert!(reply.enhanced_code().is_some() && !reply.to_string().contains('\u{1b}'));
            assert_eq!(session.quit().await.unwrap().code(), 221, "the session goes on");
        }
    }
}

#[tokio::test]
async fn a_refused_transaction_is_reset_before_the_next() {
    let ca = Authority::new();
    let server = Server::start(Script::default().answer("RCPT", "550 no\r\n")).await;
    let mut session = server.connect(&ca).await.unwrap();
    for _ in 0..2 {
        session.deliver(&envelope(), MESSAGE).await.unwrap_err();
    }
    let verbs: Vec<String> = server.seen().commands.iter().map(|line| line[..4].to_owned()).collect();
    assert_eq!(verbs, ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT"]);
}

#[tokio::test]
async fn greetings_that_are_none() {
    let ca = Authority::new();
    let long = format!("220-{}\r\n", "x".repeat(500)).repeat(200);
    for (greeting, kind) in [
        ("554 go away\r\n", "permanent-reply"),
        ("421 later\r\n", "transient-reply"),
        ("250 ok\r\n", "smtp-protocol-error"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "smtp-protocol-error"),
        ("\0\u{1}\u{2}\n", "smtp-protocol-error"),
        ("220-a\r\n221 b\r\n", "smtp-protocol-error"),
        ("220-a\r\n", "connection-closed"),
        ("", "connection-closed"),
        (&*"x".repeat(100_000), "reply-too-long"),
        (&long, "reply-too-long"),
    ] {
        let error = connect_to_greeting(&ca, greeting).await.unwrap_err();
        assert_eq!((error.stage(), error.code()), (SmtpStage::Greeting, kind), "{greeting:.20}");
    }
    let error = connect_to_greeting(&ca, "220 mx1\r\nand garbage\r\n").await.unwrap_err();
    assert_eq!((error.stage(), error.code()), (SmtpStage::Ehlo, "smtp-protocol-error"));
}

#[tokio::test]
async fn replies_of_several_lines() {
    let ca = Authority::new();
    let mut script = Script::default().answer("EHLO", "250-mx1\r\n250-SIZE\r\n250-X a b\n250 HELP\r\n");
    script.greeting = "220-Welcome,\r\n220-stranger,\r\n220\r\n".to_owned();
    let session = Server::start(script).await.connect(&ca).await.unwrap();
    assert_eq!(session.greeting().lines(), ["Welcome,", "stranger,", ""]);
    assert_eq!(session.extensions(), ["SIZE", "X a b", "HELP"]);
}

#[tokio::test]
async fn a_reply_without_end_is_cut_off() {
    let ca = Authority::new();
    let endless = "250-more\r\n".repeat(10_000);
    let server = Server::start(Script::default().answer("EHLO", &endless)).await;
    assert_eq!(server.connect(&ca).await.unwrap_err().code(), "reply-too-long");
}

#[tokio::test]
async fn silence_times_out_at_every_step() {
    let ca = Authority::new();
    let quick = client(&ca).with_command_timeout(Duration::from_millis(200));

    let silent = Server::start(Script {
        greeting: String::new(),
        only_greets: true,
        keep_open: true,
        ..Script::default()
    })
    .await;
    let error = quick.connect(silent.address).await.unwrap_err();
    assert_eq!((error.stage(), error.code()), (SmtpStage::Greeting, "timeout"));

    let server = Server::start(Script::default().answer("EHLO", "")).await;
    let error = quick.connect(server.address).await.unwrap_err();
    assert_eq!((error.stage(), error.code()), (SmtpStage::Ehlo, "timeout"));

    let script = Script { after_starttls: Some(""), keep_open: true, ..Script::offering_starttls() };
    let server = Server::start(script).await;
    let mut session = quick.connect(server.address).await.unwrap();
    let error = session.starttls(MX).await.unwrap_err();
    assert_eq!((error.stage(), error.code()), (SmtpStage::TlsHandshake, "timeout"));

    let server = Server::start(Script::default().answer(".", "")).await;
    let mut session = quick.connect(server.address).await.unwrap();
    let error = session.deliver(&envelope(), MESSAGE).await.unwrap_err();
    assert_eq!((error.stage(), error.code()), (SmtpStage::Message, "timeout"));
}

#[tokio::test]
async fn the_session_has_a_deadline_of_its_own() {
    let ca = Authority::new();
    let server = Server::start(Script::default().answer("MAIL", "")).await;
    let client = client(&ca).with_session_timeout(Duration::from_millis(300));
    let mut session = client.connect(server.address).await.unwrap();
    assert_eq!(session.deliver(&envelope(), MESSAGE).await.unwrap_err().code(), "timeout");
}

#[tokio::test]
async fn a_refused_connection() {
    let ca = Authority::new();
    let listener = TcpListener::bind("127.0.0.8:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = client(&ca).connect(address).await.unwrap_err();
    assert_eq!((error.stage(), error.code()), (SmtpStage::Connect, "connect-failed"));
    assert_eq!(error.kind(), &SmtpErrorKind::Connect(std::io::ErrorKind::ConnectionRefused));
}

#[tokio::test]
async fn names_and_addresses_cannot_carry_commands() {
    let ca = Authority::new();
    for address in
        ["a b@c.test", "a@b.test\r\nRSET", "a>@b.test", "<a@b.test", "a\0@b.test", &"x".repeat(255)]
    {
        assert_eq!(Envelope::new("", address).unwrap_err().code(), "invalid-address", "{address}");
        assert_eq!(Envelope::new(address, "bob@recipient.test").unwrap_err().code(), "invalid-address");
    }
    assert!(Envelope::new("alice@sender.test", "").is_err());

    let server = Server::start(Script::with_tls(ca.server(&[MX]))).await;
    let client = SmtpClient::new("sender.test\r\nNOOP", ca.trusted());
    let mut session = client.connect(server.address).await.unwrap();
    assert_eq!(session.starttls("127.0.0.8").await.unwrap_err().code(), "invalid-mx-host");
    assert_eq!(server.seen().commands, ["EHLO sender.testNOOP"]);
}

#[tokio::test]
async fn a_421_ends_the_session() {
    let ca = Authority::new();
    let server = Server::start(Script::default().answer("MAIL", "421 4.3.2 closing\r\n")).await;
    let mut session = server.connect(&ca).await.unwrap();
    assert_eq!(session.deliver(&envelope(), MESSAGE).await.unwrap_err().reply().unwrap().code(), 421);
    assert_eq!(session.quit().await.unwrap_err().code(), "connection-closed");
}

#[test]
fn sessions_can_move_between_threads() {
    fn can_move(_: impl Send) {}
    let client = client(&Authority::new());
    can_move(async move {
        let mut session = client.connect(SocketAddr::from(([127, 0, 0, 8], 1))).await?;
        session.starttls(MX).await?;
        session.deliver(&envelope(), MESSAGE).await?;
        session.quit().await
    });
}

fn client(ca: &Authority) -> SmtpClient {
    SmtpClient::new("sender.test", ca.trusted())
}

fn envelope() -> Envelope {
    Envelope::new("alice@sender.test", "bob@recipient.test").unwrap()
}

async fn connect_to_greeting(ca: &Authority, greeting: &str) -> Result<SmtpSession, SmtpError> {
    let server =
        Server::start(Script { greeting: greeting.to_owned(), only_greets: true, ..Script::default() }).await;
    server.connect(ca).await
}

/// What a server says.
#[derive(Clone)]
struct Script {
    greeting: String,
    /// It says no more than the greeting.
    only_greets: bool,
    offered: &'static str,
    offered_over_tls: &'static str,
    tls: Option<TlsAcceptor>,
    /// The answer to the first bytes of the handshake, instead of TLS.
    after_starttls: Option<&'static str>,
    keep_open: bool,
    answers: Vec<(&'static str, String)>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            greeting: "220 mx1.recipient.test ESMTP\r\n".to_owned(),
            only_greets: false,
            offered: "250 mx1.recipient.test\r\n",
            offered_over_tls: "250 mx1.recipient.test\r\n",
            tls: None,
            after_starttls: None,
            keep_open: false,
            answers: Vec::new(),
        }
    }
}

impl Script {
    fn with_tls(tls: TlsAcceptor) -> Self {
        Self { tls: Some(tls), ..Self::offering_starttls() }
    }

    fn offering_starttls() -> Self {
        Self { offered: "250-mx1.recipient.test\r\n250 STARTTLS\r\n", ..Self::default() }
    }

    fn answer(mut self, verb: &'static str, answer: &str) -> Self {
        self.answers.push((verb, answer.to_owned()));
        self
    }

    /// The answer to a command in this script, or the usual one.
    fn answer_to(&self, verb: &str, over_tls: bool) -> String {
        if let Some((_, answer)) = self.answers.iter().find(|(known, _)| *known == verb) {
            return answer.clone();
        }
        match verb {
            "EHLO" if over_tls => self.offered_over_tls,
            "EHLO" => self.offered,
            "STARTTLS" => "220 go\r\n",
            "DATA" => "354 go\r\n",
            "QUIT" => "221 bye\r\n",
            "." => "250 2.0.0 taken\r\n",
            _ => "250 ok\r\n",
        }
        .to_owned()
    }
}

#[derive(Clone, Default)]
struct Seen {
    sni: Option<String>,
    commands: Vec<String>,
    messages: Vec<Vec<u8>>,
}

struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    _tasks: tokio::task::JoinSet<()>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.8:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut tasks = tokio::task::JoinSet::new();
        let log = Arc::clone(&seen);
        tasks.spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut clear = BufReader::new(tcp);
            let _ = clear.write_all(script.greeting.as_bytes()).await;
            if !script.only_greets && talk(&mut clear, &script, &log, false).await {
                match (script.after_starttls, &script.tls) {
                    (Some(other), _) => {
                        let _ = clear.fill_buf().await;
                        let _ = clear.write_all(other.as_bytes()).await;
                    }
                    (None, Some(tls)) => {
                        let Ok(stream) = tls.accept(clear).await else { return };
                        log.lock().unwrap().sni = stream.get_ref().1.server_name().map(str::to_owned);
                        talk(&mut BufReader::new(stream), &script, &log, true).await;
                        return;
                    }
                    (None, None) => {}
                }
            }
            if script.keep_open {
                std::future::pending::<()>().await;
            }
            let _ = clear.shutdown().await;
            // What the client still sends is taken in, since closing over it would reset the connection.
            let _ = tokio::io::copy(&mut clear, &mut tokio::io::sink()).await;
        });
        Self { address, seen, _tasks: tasks }
    }

    async fn connect(&self, ca: &Authority) -> Result<SmtpSession, SmtpError> {
        client(ca).connect(self.address).await
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

/// Answers commands until STARTTLS is granted (true) or the client is gone (false).
async fn talk<S>(stream: &mut S, script: &Script, log: &Mutex<Seen>, over_tls: bool) -> bool
where
    S: AsyncBufRead + AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let mut line = String::new();
        if !stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
            return false;
        }
        let command = line.strip_suffix("\r\n").unwrap().to_owned();
        let verb = command.split(' ').next().unwrap().to_owned();
        log.lock().unwrap().commands.push(command);
        let answer = script.answer_to(&verb, over_tls);
        // In one write, so that what stands behind a reply comes with it.
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.flush().await;
        match verb.as_str() {
            "STARTTLS" if answer.starts_with("220") => return true,
            "DATA" if answer.starts_with("354") => {
                let message = read_message(stream).await;
                log.lock().unwrap().messages.push(message);
                let _ = stream.write_all(script.answer_to(".", over_tls).as_bytes()).await;
                let _ = stream.flush().await;
            }
            _ => {}
        }
    }
}

async fn read_message(stream: &mut (impl AsyncBufRead + Unpin)) -> Vec<u8> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await.unwrap();
        if line == b".\r\n" || line.is_empty() {
            return message;
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
