//! When a state becomes an alarm, and when it ends.

use std::collections::BTreeMap;

use mta_sts_core::{PolicyDomain, UnixTime};
use serde_json::{Value, json};

use super::state::State;
use super::view::{Told, View};
use crate::command::output::{printable, time};

/// The states of a domain that fail.
///
/// One failure may be an accident of the network. So a state is an alarm when as many looks in a row as are required have seen it fail;
/// a look that could not tell counts for neither. It ends with the first look that sees it fine.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    failing: BTreeMap<State, Failing>,
}

#[derive(Debug)]
struct Failing {
    since: UnixTime,
    looks: u32,
    is_alarm: bool,
}

/// An alarm, or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) kind: EventKind,
    pub(super) domain: PolicyDomain,
    pub(super) state: State,
    /// The time of the first failure.
    pub(super) since: UnixTime,
    pub(super) at: UnixTime,
    /// What fails; `None` at the end.
    pub(super) told: Option<Told>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventKind {
    Alarm,
    Recovery,
}

impl Alarms {
    /// Notes what a look has shown; returns the alarms that begin and end with it.
    pub(super) fn note(
        &mut self,
        domain: &PolicyDomain,
        view: &View,
        at: UnixTime,
        required: u32,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        for state in State::ALL {
            let event = |kind, since, told| Event { kind, domain: domain.clone(), state, since, at, told };
            if let Some(told) = view.failing.get(&state) {
                let failing =
                    self.failing.entry(state).or_insert(Failing { since: at, looks: 0, is_alarm: false });
                failing.looks = failing.looks.saturating_add(1);
                if failing.looks >= required && !failing.is_alarm {
                    failing.is_alarm = true;
                    events.push(event(EventKind::Alarm, failing.since, Some(told.clone())));
                }
            } else if !view.unknown.contains(&state)
                && let Some(failing) = self.failing.remove(&state)
                && failing.is_alarm
            {
                events.push(event(EventKind::Recovery, failing.since, None));
            }
        }
        events
    }

    /// The alarms, with the time of their first failure.
    pub(super) fn current(&self) -> impl Iterator<Item = (State, UnixTime)> {
        self.failing
            .iter()
            .filter(|(_, failing)| failing.is_alarm)
            .map(|(state, failing)| (*state, failing.since))
    }

    /// Returns whether a state fails that is no alarm yet.
    pub(super) fn has_suspicion(&self) -> bool {
        self.failing.values().any(|failing| !failing.is_alarm)
    }
}

impl EventKind {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Recovery => "recovery",
        }
    }
}

impl Event {
    /// What has happened, and how to fix it, for people: what strangers have sent is printable.
    pub(super) fn words(&self) -> (String, String) {
        match &self.told {
            Some(told) => (printable(&told.message), printable(&told.fix)),
            None => (format!("It is over; it began {}.", time(self.since.as_secs())), String::new()),
        }
    }

    pub(super) fn line(&self) -> String {
        let (message, fix) = self.words();
        let fix = if fix.is_empty() { fix } else { format!(" Fix: {fix}") };
        let (at, kind, domain, state) =
            (time(self.at.as_secs()), self.kind.code(), &self.domain, self.state.code());
        format!("{at} {kind} {domain} {state}: {message}{fix}")
    }

    pub(super) fn json(&self) -> Value {
        let (message, fix) = self.words();
        json!({
            "format": 1,
            "time": time(self.at.as_secs()),
            "event": self.kind.code(),
            "domain": self.domain.as_str(),
            "state": self.state.code(),
            "since": time(self.since.as_secs()),
            "message": message,
            "fix": (!fix.is_empty()).then_some(fix),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(failing: &[State], unknown: &[State]) -> View {
        let told = Told { message: "It fails.".to_owned(), fix: "Mend it.".to_owned() };
        View {
            failing: failing.iter().map(|state| (*state, told.clone())).collect(),
            unknown: unknown.iter().copied().collect(),
            first_certificate_end: None,
        }
    }

    /// The events of these looks, each with its number.
    fn events(looks: &[View]) -> Vec<(u64, &'static str, &'static str)> {
        let domain = PolicyDomain::parse("a.test").unwrap();
        let mut alarms = Alarms::default();
        let mut all = Vec::new();
        for (number, view) in (0..).zip(looks) {
            let events = alarms.note(&domain, view, UnixTime::from_secs(number), 2);
            all.extend(events.iter().map(|event| (number, event.kind.code(), event.state.code())));
        }
        all
    }

    #[test]
    fn an_alarm_needs_two_failures_in_a_row_and_is_told_once() {
        let (bad, good) = (view(&[State::Dns], &[]), view(&[], &[]));
        assert!(events(&[bad.clone(), good.clone(), bad.clone(), good.clone()]).is_empty());
        let looks = [bad.clone(), bad.clone(), bad.clone(), good.clone(), good];
        assert_eq!(events(&looks), [(1, "alarm", "dns"), (3, "recovery", "dns")]);
    }

    #[test]
    fn a_look_that_could_not_tell_neither_begins_nor_ends_an_alarm() {
        let (bad, unknown) = (view(&[State::Fetch], &[]), view(&[], &[State::Fetch]));
        assert!(events(&[bad.clone(), unknown.clone(), unknown.clone()]).is_empty());
        let looks = [bad.clone(), unknown.clone(), bad, unknown.clone(), unknown];
        assert_eq!(events(&looks), [(2, "alarm", "fetch")]);
    }

    #[test]
    fn states_are_told_each_by_itself() {
        let looks = [
            view(&[State::Dns, State::Starttls], &[]),
            view(&[State::Starttls, State::Certificate], &[]),
            view(&[State::Certificate], &[]),
        ];
        let expected = [(1, "alarm", "starttls"), (2, "alarm", "certificate"), (2, "recovery", "starttls")];
        assert_eq!(events(&looks), expected);
    }

    #[test]
    fn a_line_has_nothing_that_a_terminal_obeys() {
        let told = Told { message: "mx\u{1b}[31m\nalarm".to_owned(), fix: "Mend it.".to_owned() };
        let event = Event {
            kind: EventKind::Alarm,
            domain: PolicyDomain::parse("a.test").unwrap(),
            state: State::Starttls,
            since: UnixTime::from_secs(1_700_000_000),
            at: UnixTime::from_secs(1_700_003_600),
            told: Some(told),
        };
        let expected =
            "2023-11-14T23:13:20Z alarm a.test starttls: mx\u{fffd}[31m\u{fffd}alarm Fix: Mend it.";
        assert_eq!(event.line(), expected);
    }
}
