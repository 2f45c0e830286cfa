//! The check of an MX host, from its addresses to its certificate.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mta_sts_core::{
    Delivery, DnsName, MxDecision, MxHost, Policy, PolicyType, Session, SessionDecision, SessionFault,
    TlsrptRow, UnixTime,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::alias::AliasChain;
use super::dane::HostDane;
use super::probe::HostProbes;
use super::session::SessionCheck;
use super::{Standing, standing_of};
use crate::dane::{DaneChecker, DaneError};
use crate::dns::{AddressAnswer, DnsClient, DnsError, DnsFailure};
use crate::smtp::{SmtpClient, SmtpError, SmtpErrorKind, SmtpStage};
use crate::tls::PeerCertificate;

/// An MX host, and what a sender would do about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostCheck {
    /// The preference of its MX record; `None` for a domain that is its own MX host.
    pub preference: Option<u16>,
    /// Its name, lower case.
    pub name: String,
    /// The pattern of the policy that covers it.
    pub covered_by: Option<String>,
    /// The DNS answer about its addresses.
    pub addresses: Result<AddressAnswer, DnsError>,
    /// The chain, if its name is an alias; an MX host must not be one (RFC 5321, 5.1).
    pub alias: Option<AliasChain>,
    /// The session at the first address that responded; `None` without addresses. A host that a sender would skip is
    /// checked all the same.
    pub session: Option<Result<SessionCheck, SmtpError>>,
    /// The sessions at the other addresses; at most 2 of each family are checked.
    pub other_sessions: Vec<(SocketAddr, Result<SessionCheck, SmtpError>)>,
    /// How the host treats clients other than senders with MTA-STS.
    pub probes: HostProbes,
    /// The result of DANE for the host.
    pub dane: HostDane,
    /// The decision of a sender with MTA-STS and without DANE; without a policy, or if it could not be determined, as
    /// if there were none.
    pub decision: HostDecision,
    /// The reason for not delivering.
    pub fault: Option<SessionFault>,
    /// What such a sender would report (RFC 8460), successes included, and the report of one with DANE if that fails.
    pub rows: Vec<TlsrptRow>,
}

impl HostCheck {
    pub(super) fn shows_valid_certificate(&self) -> bool {
        let session = self.session.as_ref().and_then(|session| session.as_ref().ok());
        session.and_then(SessionCheck::certificate).is_some_and(PeerCertificate::is_valid)
    }

    /// Returns whether the host complies with the policy.
    pub fn standing(&self) -> Standing {
        let availability = match (&self.addresses, &self.session) {
            (Err(error), _) => standing_of(error),
            (Ok(_), Some(Err(error))) => match error.kind() {
                SmtpErrorKind::Connect(_)
                | SmtpErrorKind::Timeout
                | SmtpErrorKind::Transient(_)
                | SmtpErrorKind::Closed => Standing::Temporary,
                _ => Standing::Faulty,
            },
            (Ok(_), _) => Standing::Fine,
        };
        let is_reported = self.rows.iter().any(|row| row.result_type.is_some());
        let policy = if self.fault.is_some() || is_reported { Standing::Faulty } else { Standing::Fine };
        availability.and(policy)
    }
}

/// The decision of a sender about an MX host. Treat an unknown one as [`HostDecision::TryNextMx`]: no message goes to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HostDecision {
    /// Deliver to it.
    Deliver,
    /// Try the next one: this one does not comply with the policy.
    TryNextMx,
    /// Try the next one: this one is unreachable.
    Unavailable,
}

impl HostDecision {
    /// The stable code: a kebab-case word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::TryNextMx => "try-next-mx",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The observations of an MX host, before the policy is known.
pub(super) struct Visit {
    pub(super) preference: Option<u16>,
    pub(super) name: String,
    /// `None` if the name is not a host name, so that no sender can use it.
    dns_name: Option<DnsName>,
    addresses: Result<AddressAnswer, DnsError>,
    alias: Option<AliasChain>,
    session: Option<Result<SessionCheck, SmtpError>>,
    other_sessions: Vec<(SocketAddr, Result<SessionCheck, SmtpError>)>,
    probes: HostProbes,
    dane: HostDane,
}

/// The client for MX hosts, and its deadline.
#[derive(Clone)]
pub(super) struct HostChecker {
    pub(super) dns: DnsClient,
    pub(super) smtp: SmtpClient,
    pub(super) dane: DaneChecker,
    pub(super) port: u16,
    pub(super) deadline: Instant,
    pub(super) now: UnixTime,
    /// Whether to connect also like clients other than senders with MTA-STS.
    pub(super) probes: bool,
}

/// Whether an MX record is authenticated by DNSSEC; an error if this is unknown.
pub(super) type MxSigned = Result<bool, DaneError>;

impl HostChecker {
    pub(super) async fn visit(&self, preference: Option<u16>, name: String, is_signed: MxSigned) -> Visit {
        let mut visit = Visit {
            preference,
            dns_name: DnsName::parse(&name).ok(),
            name,
            addresses: Err(DnsFailure::InvalidName.into()),
            alias: None,
            session: None,
            other_sessions: Vec::new(),
            probes: HostProbes::default(),
            dane: HostDane::NotApplicable,
        };
        if visit.dns_name.is_none() {
            return visit;
        }
        let in_time = async {
            let (addresses, alias) =
                tokio::join!(self.dns.addresses(&visit.name), AliasChain::follow(&self.dns, &visit.name));
            (visit.addresses, visit.alias) = (addresses, alias);
        };
        if timeout_at(self.deadline, in_time).await.is_err() {
            visit.addresses = Err(DnsFailure::Timeout.into());
        }
        let addresses = visit.addresses.as_ref().map(|answer| answer.addresses.clone()).unwrap_or_default();
        let (sessions, records) =
            tokio::join!(self.sessions(&visit.name, &addresses), self.dane_records(&visit.name, is_signed));
        (visit.session, visit.other_sessions) = first_that_answers(sessions);
        visit.dane = match records {
            None => HostDane::NotChecked,
            Some(records) => HostDane::compare(&records, &visit.name, visit.session.as_ref(), self.now),
        };
        if let Some(Ok(session)) = visit.session.as_ref().filter(|_| self.probes)
            && session.tls().is_some()
        {
            visit.probes = HostProbes::make(&self.smtp, &visit.name, session.peer, self.deadline).await;
        }
        visit
    }

    /// `None` without a server whose AD bit is trusted.
    async fn dane_records(
        &self,
        name: &str,
        is_signed: MxSigned,
    ) -> Option<Result<Option<crate::dane::HostRecords>, DaneError>> {
        if !self.dane.can_authenticate() {
            return None;
        }
        Some(match is_signed {
            Err(error) => Err(error),
            Ok(false) => Ok(None),
            Ok(true) => timeout_at(self.deadline, self.dane.host_records(name, self.port))
                .await
                .unwrap_or(Err(DaneError::Slow)),
        })
    }

    /// Sessions at several addresses concurrently, returned in the order in which a sender tries them.
    async fn sessions(
        &self,
        name: &str,
        addresses: &[IpAddr],
    ) -> Vec<(SocketAddr, Result<SessionCheck, SmtpError>)> {
        let mut running = JoinSet::new();
        for (place, address) in some_of_each_family(addresses).into_iter().enumerate() {
            let (host_checker, name) = (self.clone(), name.to_owned());
            let peer = SocketAddr::new(address, self.port);
            running.spawn(async move {
                let session =
                    timeout_at(host_checker.deadline, SessionCheck::make(&host_checker.smtp, &name, peer))
                        .await;
                let timed_out = || Err(SmtpErrorKind::Timeout.at(SmtpStage::Connect));
                (place, (peer, session.unwrap_or_else(|_| timed_out())))
            });
        }
        let mut sessions = running.join_all().await;
        sessions.sort_by_key(|(place, _)| *place);
        sessions.into_iter().map(|(_, session)| session).collect()
    }
}

impl Visit {
    pub(super) fn judge(self, policy: Option<&Policy>) -> HostCheck {
        let (covered_by, decision, fault, rows) = match &self.dns_name {
            Some(name) => {
                let covered_by = policy.and_then(|policy| policy.matching_pattern(name));
                let delivery = policy.map_or(Delivery::without_policy(), Delivery::under);
                let (decision, fault, rows) = self.decide(name, &delivery);
                (covered_by.map(|pattern| pattern.to_string()), decision, fault, rows)
            }
            None => (None, HostDecision::Unavailable, None, Vec::new()),
        };
        HostCheck {
            preference: self.preference,
            name: self.name,
            covered_by,
            addresses: self.addresses,
            alias: self.alias,
            session: self.session,
            other_sessions: self.other_sessions,
            probes: self.probes,
            dane: self.dane,
            decision,
            fault,
            rows,
        }
    }

    fn decide(
        &self,
        name: &DnsName,
        delivery: &Delivery<'_>,
    ) -> (HostDecision, Option<SessionFault>, Vec<TlsrptRow>) {
        let host = MxHost::new(name);
        let before = delivery.check_mx(&host);
        if let MxDecision::Skip(fault) = before.decision {
            return (HostDecision::TryNextMx, Some(fault), before.rows);
        }
        let Some(Ok(session)) = &self.session else { return (HostDecision::Unavailable, None, Vec::new()) };
        let told = |tls| Session::new(tls).with_requiretls(session.offers_requiretls);
        let after = delivery.check_session(&host, told(session.tls_result()));
        let decision = match after.decision {
            SessionDecision::Deliver => HostDecision::Deliver,
            _ => HostDecision::TryNextMx,
        };
        let mut rows = after.rows;
        let with_dane = delivery
            .check_session(&host.with_dane(self.dane.state()), told(self.dane.of(session.tls_result())));
        let fails = |row: &TlsrptRow| row.policy_type == PolicyType::Tlsa && row.result_type.is_some();
        rows.extend(with_dane.rows.into_iter().filter(fails));
        (decision, after.fault, rows)
    }
}

/// The first session, or else the failure at the latest stage; and the others.
#[expect(clippy::type_complexity, reason = "it is taken apart at once")]
fn first_that_answers(
    mut sessions: Vec<(SocketAddr, Result<SessionCheck, SmtpError>)>,
) -> (Option<Result<SessionCheck, SmtpError>>, Vec<(SocketAddr, Result<SessionCheck, SmtpError>)>) {
    let stage = |session: &Result<SessionCheck, SmtpError>| match session {
        Ok(_) => None,
        Err(error) => Some(error.stage()),
    };
    let furthest = (0..sessions.len()).rev().max_by_key(|place| stage(&sessions[*place].1));
    let first = sessions.iter().position(|(_, session)| session.is_ok()).or(furthest);
    match first {
        Some(place) => {
            let (_, session) = sessions.remove(place);
            (Some(session), sessions)
        }
        None => (None, sessions),
    }
}

fn some_of_each_family(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let (ipv6, ipv4): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().partition(|address| address.is_ipv6());
    let family = |addresses: Vec<IpAddr>| addresses.into_iter().take(ADDRESSES_A_FAMILY);
    family(ipv6).chain(family(ipv4)).collect()
}

/// The time limit of one step of a session.
pub(super) const STEP_TIMEOUT: Duration = Duration::from_secs(10);
const ADDRESSES_A_FAMILY: usize = 2;
