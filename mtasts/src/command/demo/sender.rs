use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mta_sts_core::{
    Delivery, DnsName, HostOutcome, MessageFacts, MessageTls, MxDecision, MxHost, Session, SessionDecision,
    SessionFault, TlsResult, TlsrptRow, tls_required_no,
};
use mta_sts_resolver::{
    DnsClient, DnsConfig, DnsError, Envelope, PolicyFetcher, Resolver, SmtpClient, SmtpError, SmtpSession,
    StarttlsOutcome, TrustStore,
};
use mta_sts_world::{Channel, World};
use serde::Serialize;

/// A sending mail server: real DNS, HTTPS, and SMTP over sockets, within the world.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) resolver: Resolver,
    smtp: SmtpClient,
    smtp_port: u16,
}

/// A message to one recipient.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) recipient: String,
    pub(super) text: String,
}

/// The rule by which a sender decides about hosts and sessions.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule<'a> {
    /// STARTTLS if it is offered, with any certificate, and clear text otherwise (RFC 7435).
    Opportunistic,
    /// The policy, if there is one.
    MtaSts(Delivery<'a>),
}

/// The attempts to deliver a message, host by host.
#[derive(Debug, Default)]
pub(super) struct Journey {
    pub(super) attempts: Vec<Attempt>,
    /// What TLSRPT counts.
    pub(super) sessions: Vec<CountedSession>,
    pub(super) hosts: Vec<HostOutcome>,
}

/// A session with an MX host, or one that the policy prevented, as TLSRPT counts it under one type of policy.
#[derive(Clone, Debug)]
pub(super) struct CountedSession {
    pub(super) mx: DnsName,
    pub(super) address: Option<IpAddr>,
    pub(super) row: TlsrptRow,
}

/// The attempt at one MX host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Attempt {
    /// The name in the MX record.
    pub(super) mx: String,
    #[serde(skip)]
    pub(super) address: Option<SocketAddr>,
    /// The result of STARTTLS, including the certificate; `None` without a connection.
    pub(super) tls: Option<&'static str>,
    pub(super) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub(super) enum End {
    /// It accepted the message.
    Delivered { channel: Channel },
    /// The policy prevented delivery: before the connection or before MAIL.
    Refused { reason: &'static str },
    /// It was unreachable, or did not accept the message.
    Unavailable { reason: &'static str },
}

impl Sender {
    pub(super) fn in_world(world: &World) -> Result<Self, mta_sts_resolver::TrustStoreError> {
        let trust_store = TrustStore::from_pem(world.ca_pem().as_bytes())?;
        // A server on loopback that has not responded for so long never will.
        let dns = DnsConfig::new(world.dns_addr()).with_timeout(Duration::from_millis(1500)).with_attempts(2);
        let fetcher = PolicyFetcher::new(trust_store.clone()).with_port(world.https_port());
        Ok(Self {
            resolver: Resolver::new(DnsClient::new(dns), fetcher),
            smtp: SmtpClient::new("sender.test", trust_store),
            smtp_port: world.smtp_port(),
        })
    }

    /// Tries the MX hosts of the domain in order until one accepts the message.
    pub(super) async fn send(&self, message: &Message, domain: &DnsName, rule: Rule<'_>) -> Journey {
        let mut journey = Journey::default();
        for name in self.mx_hosts(domain).await {
            let host = MxHost::new(&name);
            let mut demand = MxDecision::Opportunistic;
            if let Rule::MtaSts(delivery) = rule {
                let verdict = delivery.check_mx(&host);
                demand = verdict.decision;
                journey.count(&name, None, &verdict.rows);
            }
            if let MxDecision::Skip(fault) = demand {
                journey.refused(&name, None, None, fault);
                continue;
            }
            match self.connect(&name).await {
                Ok(session) => self.offer(message, &host, session, rule, demand, &mut journey).await,
                Err(reason) => journey.unavailable(&name, None, None, reason),
            }
            if journey.has_arrived() {
                break;
            }
        }
        journey
    }

    /// Offers the message to a connected host.
    async fn offer(
        &self,
        message: &Message,
        host: &MxHost<'_>,
        mut session: SmtpSession,
        rule: Rule<'_>,
        demand: MxDecision<'_>,
        journey: &mut Journey,
    ) {
        let (Some(name), peer) = (host.name(), session.peer()) else { return };
        let outcome = match session.starttls(name.as_str()).await {
            Ok(outcome) => outcome,
            Err(error) => return journey.unavailable(name, Some(peer), None, error.kind().code()),
        };
        let tls = Some(outcome.code());
        if let Rule::MtaSts(delivery) = rule {
            let state = Session::new(tls_result(&outcome)).with_requiretls(session.offers("REQUIRETLS"));
            let verdict = delivery.check_session(host, state);
            journey.count(name, Some(peer.ip()), &verdict.rows);
            if let (false, Some(fault)) = (verdict.decision == SessionDecision::Deliver, verdict.fault) {
                // The session ends either way.
                let _ = session.quit().await;
                return journey.refused(name, Some(peer), tls, fault);
            }
        }
        let channel = match (&outcome, demand) {
            (StarttlsOutcome::Established(_), MxDecision::Authenticate(_)) => Channel::Authenticated,
            (StarttlsOutcome::Established(_), _) => Channel::Encrypted,
            _ => Channel::Clear,
        };
        if matches!(outcome, StarttlsOutcome::HandshakeFailed(_)) {
            // Nothing requires TLS, so the message goes in clear text, over a new connection.
            session = match self.smtp.connect(peer).await {
                Ok(session) => session,
                Err(error) => return journey.unavailable(name, Some(peer), tls, error.kind().code()),
            };
        }
        let end = match hand_over(session, message).await {
            Ok(()) => End::Delivered { channel },
            Err(reason) => return journey.unavailable(name, Some(peer), tls, reason),
        };
        journey.attempts.push(Attempt { mx: name.as_str().to_owned(), address: Some(peer), tls, end });
    }

    async fn mx_hosts(&self, domain: &DnsName) -> Vec<DnsName> {
        match self.resolver.dns().mx(domain.as_str()).await {
            Ok(answer) => {
                answer.hosts.iter().filter_map(|host| DnsName::parse(&host.exchange).ok()).collect()
            }
            // The domain is its own MX host (RFC 5321, 5.1).
            Err(DnsError::NotFound(_)) => vec![domain.clone()],
            Err(DnsError::Failed(_)) => Vec::new(),
        }
    }

    async fn connect(&self, host: &DnsName) -> Result<SmtpSession, &'static str> {
        let answer = self.resolver.dns().addresses(host.as_str()).await.map_err(|error| error.code())?;
        let mut reason = "no-address";
        for address in answer.addresses {
            match self.smtp.connect(SocketAddr::new(address, self.smtp_port)).await {
                Ok(session) => return Ok(session),
                Err(error) => reason = error.kind().code(),
            }
        }
        Err(reason)
    }
}

impl Message {
    /// The TLS requirement in the header of the message (RFC 8689, 5).
    pub(super) fn tls(&self) -> MessageTls {
        let header = self.text.lines().take_while(|line| !line.is_empty());
        let values: Vec<_> = header
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.eq_ignore_ascii_case("TLS-Required"))
            .map(|(_, value)| value)
            .collect();
        MessageTls::of(MessageFacts::new().with_tls_required_no(tls_required_no(&values)))
    }
}

impl Journey {
    /// The host that accepted the message.
    pub(super) fn taken_by(&self) -> Option<(&Attempt, Channel)> {
        self.attempts.iter().find_map(|attempt| match attempt.end {
            End::Delivered { channel } => Some((attempt, channel)),
            End::Refused { .. } | End::Unavailable { .. } => None,
        })
    }

    fn has_arrived(&self) -> bool {
        self.taken_by().is_some()
    }

    fn count(&mut self, mx: &DnsName, address: Option<IpAddr>, rows: &[TlsrptRow]) {
        let counted = |row: &TlsrptRow| CountedSession { mx: mx.clone(), address, row: *row };
        self.sessions.extend(rows.iter().map(counted));
    }

    fn refused(
        &mut self,
        mx: &DnsName,
        address: Option<SocketAddr>,
        tls: Option<&'static str>,
        fault: SessionFault,
    ) {
        let end = End::Refused { reason: fault.code() };
        self.attempts.push(Attempt { mx: mx.as_str().to_owned(), address, tls, end });
        self.hosts.push(HostOutcome::Faulted(fault));
    }

    fn unavailable(
        &mut self,
        mx: &DnsName,
        address: Option<SocketAddr>,
        tls: Option<&'static str>,
        reason: &'static str,
    ) {
        let end = End::Unavailable { reason };
        self.attempts.push(Attempt { mx: mx.as_str().to_owned(), address, tls, end });
        self.hosts.push(HostOutcome::Unavailable);
    }
}

async fn hand_over(mut session: SmtpSession, message: &Message) -> Result<(), &'static str> {
    let envelope =
        Envelope::new(SENDER, &message.recipient).map_err(mta_sts_resolver::InvalidAddress::code)?;
    let code = |error: SmtpError| error.kind().code();
    session.deliver(&envelope, message.text.as_bytes()).await.map_err(code)?;
    // The host has accepted the message; the rest of the session does not matter.
    let _ = session.quit().await;
    Ok(())
}

fn tls_result(outcome: &StarttlsOutcome) -> TlsResult {
    match outcome {
        StarttlsOutcome::Established(tls) => TlsResult::certificate(tls.certificate().result()),
        StarttlsOutcome::NotOffered => TlsResult::NotOffered,
        StarttlsOutcome::Refused(_) => TlsResult::Refused,
        // The SMTP client does not end a handshake because of a certificate, so the cause was
        // another.
        _ => TlsResult::HandshakeFailed,
    }
}

pub(super) const SENDER: &str = "alice@sender.test";
