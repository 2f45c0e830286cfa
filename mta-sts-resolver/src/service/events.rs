//! Recent failures and their causes, for rate-limited logging and for diagnosis.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mta_sts_core::{FetchFault, NoPolicy, PolicyDomain, UnixTime};
use tokio::time::Instant;

use crate::dns::DnsError;
use crate::driver::Discovery;
use crate::fetch::PolicyFetchError;

/// A failure that affected a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DomainEvent {
    /// The time of the failure.
    pub at: UnixTime,
    /// The kind of failure.
    pub kind: DomainEventKind,
    /// The stable code of the cause: a kebab-case word.
    pub code: &'static str,
    /// The cause in words.
    pub cause: String,
}

/// The kind of a [`DomainEvent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DomainEventKind {
    /// A client received a temporary answer: mail waiters.
    Temporary,
    /// The domain has a record, but its policy could not be fetched.
    FetchFailed,
}

impl DomainEventKind {
    /// The stable code: a kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Temporary => "temporary",
            Self::FetchFailed => "fetch-failed",
        }
    }
}

/// The recent events, and the state of rate limiting.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<(PolicyDomain, DomainEvent)>,
    told: HashMap<(PolicyDomain, DomainEventKind), Instant>,
    /// The start of the minute whose log lines are counted.
    minute: Option<Instant>,
    lines: u32,
    suppressed: u64,
    /// The causes of recent failed lookups that no client has been told yet.
    causes: VecDeque<(PolicyDomain, &'static str, String, UnixTime)>,
}

/// Whether to log an event.
pub(super) enum LogDecision {
    /// Log it, with the number of events suppressed before.
    Log { suppressed: u64 },
    /// Suppress it: this domain, or too many in all, were logged recently.
    Suppress,
}

impl EventLog {
    /// Records an event.
    pub(super) fn note(&self, domain: &PolicyDomain, event: DomainEvent) -> LogDecision {
        let mut kept = self.kept();
        let decision = kept.decision(domain, event.kind);
        if kept.events.len() >= MAX_EVENTS {
            kept.events.pop_front();
        }
        kept.events.push_back((domain.clone(), event));
        decision
    }

    /// The events of a domain, the latest first.
    pub(super) fn of(&self, domain: &PolicyDomain) -> Vec<DomainEvent> {
        let kept = self.kept();
        kept.events.iter().rev().filter(|(of, _)| of == domain).map(|(_, event)| event.clone()).collect()
    }

    /// The cause of the last failed fetch, if it is still recorded.
    pub(super) fn last_failure(&self, domain: &PolicyDomain) -> Option<String> {
        let kept = self.kept();
        let mut failures = kept
            .events
            .iter()
            .rev()
            .filter(|(of, event)| of == domain && event.kind == DomainEventKind::FetchFailed);
        failures.next().map(|(_, event)| event.cause.clone())
    }

    /// Records why a lookup failed, until a client is told.
    pub(super) fn note_cause(&self, domain: &PolicyDomain, code: &'static str, cause: &str, at: UnixTime) {
        let mut kept = self.kept();
        if kept.causes.len() >= MAX_CAUSES {
            kept.causes.pop_front();
        }
        kept.causes.push_back((domain.clone(), code, cause.to_owned(), at));
    }

    /// The cause of a recent failed lookup.
    pub(super) fn last_cause(&self, domain: &PolicyDomain, code: &str, now: UnixTime) -> Option<String> {
        let kept = self.kept();
        let mut causes =
            kept.causes.iter().rev().filter(|(of, word, _, at)| {
                of == domain && *word == code && now.saturating_since(*at) < MINUTE
            });
        causes.next().map(|(_, _, cause, _)| cause.clone())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn decision(&mut self, domain: &PolicyDomain, kind: DomainEventKind) -> LogDecision {
        if self.minute.is_none_or(|minute| minute.elapsed() >= MINUTE) {
            self.minute = Some(Instant::now());
            self.lines = 0;
            self.told.retain(|_, at| at.elapsed() < DOMAIN_INTERVAL);
        }
        let key = (domain.clone(), kind);
        let was_told = self.told.get(&key).is_some_and(|at| at.elapsed() < DOMAIN_INTERVAL);
        if was_told || self.lines >= LINES_A_MINUTE {
            self.suppressed += 1;
            return LogDecision::Suppress;
        }
        // Bounded by the log lines of the minutes covered.
        self.told.insert(key, Instant::now());
        self.lines += 1;
        LogDecision::Log { suppressed: std::mem::take(&mut self.suppressed) }
    }
}

/// Displays why a lookup gave no policy, with everything seen on the way.
pub(super) struct Cause<'a>(pub(super) &'a Discovery);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Discovery { outcome, txt, policy_host, response, .. } = self.0;
        match (response, policy_host, txt) {
            (Some(Err(error)), ..) => at_peer(error, formatter),
            (Some(Ok(response)), ..) => {
                let alert = outcome.alert.as_ref().map(|alert| alert.fault);
                match alert.or(match outcome.applied {
                    Err(NoPolicy::FetchFailed(fault)) => Some(fault),
                    _ => None,
                }) {
                    Some(FetchFault::Error(error)) => {
                        write!(
                            formatter,
                            "the Policy Host responded with HTTP status {}: {error}",
                            response.status
                        )
                    }
                    Some(fault) => fault.fmt(formatter),
                    None => {
                        write!(formatter, "the Policy Host responded with HTTP status {}", response.status)
                    }
                }
            }
            (None, Some(Err(error)), _) => {
                write!(formatter, "address lookup of the Policy Host: {error}")
            }
            (None, _, Some(Err(error @ DnsError::Failed(_)))) => {
                write!(formatter, "lookup of the record: {error}")
            }
            _ => match outcome.applied {
                Err(why) => why.fmt(formatter),
                Ok(_) => formatter.write_str("no failure"),
            },
        }
    }
}

fn at_peer(error: &PolicyFetchError, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let words = error.code().replace('-', " ");
    write!(formatter, "{words}: {error}")?;
    match error.peer() {
        Some(peer) => write!(formatter, " (at {peer})"),
        None => Ok(()),
    }
}

/// Each takes some hundred octets.
const MAX_EVENTS: usize = 4096;
const MAX_CAUSES: usize = 256;
const MINUTE: Duration = Duration::from_secs(60);
const DOMAIN_INTERVAL: Duration = Duration::from_secs(300);
/// Attackers can choose the domains.
const LINES_A_MINUTE: u32 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: DomainEventKind) -> DomainEvent {
        DomainEvent { at: UnixTime::from_secs(1), kind, code: "slow", cause: "It took long.".to_owned() }
    }

    fn tells(events: &EventLog, domain: &str, kind: DomainEventKind) -> Option<u64> {
        match events.note(&PolicyDomain::parse(domain).unwrap(), event(kind)) {
            LogDecision::Log { suppressed } => Some(suppressed),
            LogDecision::Suppress => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_is_not_flooded_and_nothing_grows() {
        let events = EventLog::default();
        assert_eq!(tells(&events, "a.test", DomainEventKind::Temporary), Some(0));
        assert_eq!(tells(&events, "a.test", DomainEventKind::Temporary), None);
        assert_eq!(tells(&events, "a.test", DomainEventKind::FetchFailed), Some(1));
        tokio::time::advance(DOMAIN_INTERVAL).await;
        assert_eq!(tells(&events, "a.test", DomainEventKind::Temporary), Some(0));
        let told = (0..10_000)
            .filter(|number| tells(&events, &format!("{number}.test"), DomainEventKind::Temporary).is_some());
        assert_eq!(told.count(), LINES_A_MINUTE as usize - 1);
        let kept = events.kept();
        assert_eq!(kept.events.len(), MAX_EVENTS);
        assert!(kept.told.len() <= LINES_A_MINUTE as usize);
    }

    #[test]
    fn the_last_events_of_a_domain_are_kept() {
        let events = EventLog::default();
        tells(&events, "a.test", DomainEventKind::FetchFailed);
        tells(&events, "b.test", DomainEventKind::Temporary);
        tells(&events, "a.test", DomainEventKind::Temporary);
        let a = PolicyDomain::parse("a.test").unwrap();
        let kinds: Vec<_> = events.of(&a).iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [DomainEventKind::Temporary, DomainEventKind::FetchFailed]);
        assert_eq!(events.last_failure(&a).as_deref(), Some("It took long."));
        assert_eq!(events.last_failure(&PolicyDomain::parse("b.test").unwrap()), None);
    }
}
