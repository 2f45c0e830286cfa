//! What a domain has published, and when.
//!
//! # Theory of operation
//!
//! A sender keeps a policy for `max_age` after its fetch, and may fetch it in the last second in which it is served. So what
//! counts of a policy that is no longer served is when that was, and its `max_age`. Each policy, each record id and each MX
//! host is held once: what comes back after a while, or alternates, takes up no more room.
//!
//! Every change is noted at the time at which it was seen. It may have happened earlier; then all that is waited for is waited
//! for too long, and never too short.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::str::FromStr;
use core::time::Duration;

use super::draft::id_of;
use crate::error::{HistoryError, HistoryErrorKind};
use crate::mx::MxPattern;
use crate::name::{DnsName, PolicyDomain};
use crate::policy::{Mode, Policy};
use crate::record::RecordId;
use crate::time::UnixTime;

/// What a domain has published, and when: its policies, the ids of its record, and its MX hosts.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::publish::History;
/// use mta_sts_core::{Policy, PolicyDomain, UnixTime};
///
/// let day = |number: u64| UnixTime::from_secs(1_700_000_000 + number * 86_400);
/// let week = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
/// let none = Policy::parse(b"version: STSv1\nmode: none\nmax_age: 86400\n")?;
///
/// let mut history = History::new(PolicyDomain::parse("example.com")?);
/// history.note_policy(Some(&week), day(0));
/// history.note_policy(Some(&none), day(30));
///
/// // Some sender may have fetched the old policy just before it was replaced.
/// let (policy, until) = history.longest_cached(day(31)).expect("there was a policy");
/// assert_eq!((policy.max_age(), until), (Duration::from_secs(604_800), day(37)));
///
/// let text = history.to_text();
/// assert_eq!(History::parse(text.as_bytes())?, history);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Note what is published whenever it changes, or whenever it was looked at: what has not changed is no change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    domain: PolicyDomain,
    unknown_until: UnixTime,
    policies: Vec<ServedPolicy>,
    records: Vec<SeenRecord>,
    hosts: Vec<SeenHost>,
}

/// A policy that the Policy Host serves or has served.
///
/// ```no_run
/// # fn show(history: &mta_sts_core::publish::History) {
/// for policy in history.policies() {
///     println!("{} {} {}", policy.id(), policy.mode(), policy.max_age().as_secs());
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedPolicy {
    pub(super) id: RecordId,
    pub(super) mode: Mode,
    pub(super) max_age: Duration,
    pub(super) patterns: Box<[MxPattern<'static>]>,
    pub(super) since: UnixTime,
    pub(super) until: Option<UnixTime>,
}

/// An id that the record has or has had.
///
/// ```no_run
/// # fn show(history: &mta_sts_core::publish::History) {
/// for record in history.records() {
///     println!("{} since {}", record.id(), record.since());
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenRecord {
    pub(super) id: RecordId,
    pub(super) before: Option<UnixTime>,
    pub(super) since: UnixTime,
    pub(super) until: Option<UnixTime>,
}

/// A host that the MX records name or have named.
///
/// ```no_run
/// # fn show(history: &mta_sts_core::publish::History) {
/// for host in history.hosts().iter().filter(|host| host.until().is_some()) {
///     println!("{} is no longer in DNS", host.name());
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenHost {
    pub(super) name: DnsName,
    pub(super) since: UnixTime,
    pub(super) until: Option<UnixTime>,
}

impl History {
    /// The maximum number of policies, and of record ids. Beyond it the policy is forgotten that expires first.
    // Meets S104.
    pub const MAX_POLICIES: usize = 64;

    /// The maximum number of MX hosts. Beyond it the host is forgotten that left DNS first.
    pub const MAX_HOSTS: usize = 1024;

    /// The history of a domain that has published nothing yet.
    pub const fn new(domain: PolicyDomain) -> Self {
        Self {
            domain,
            unknown_until: UnixTime::from_secs(0),
            policies: Vec::new(),
            records: Vec::new(),
            hosts: Vec::new(),
        }
    }

    /// Sets the time until which senders may hold a policy that is not in this history, for a domain that had policies
    /// before its history was kept: the longest `max_age` that it ever served, from now on.
    #[must_use]
    pub const fn with_unknown_until(mut self, time: UnixTime) -> Self {
        self.unknown_until = time;
        self
    }

    /// The domain.
    pub const fn domain(&self) -> &PolicyDomain {
        &self.domain
    }

    /// The time until which senders may hold a policy that is not in this history.
    pub const fn unknown_until(&self) -> UnixTime {
        self.unknown_until
    }

    /// Notes the policy that the Policy Host serves at this time: `None` if there is none that senders could fetch.
    pub fn note_policy(&mut self, policy: Option<&Policy>, now: UnixTime) {
        let id = policy.map(|policy| id_of(policy.text().as_bytes()));
        if self.policy().map(|current| current.id) == id {
            return;
        }
        for current in self.policies.iter_mut().filter(|current| current.until.is_none()) {
            current.until = Some(now.max(current.since));
        }
        let (Some(policy), Some(id)) = (policy, id) else { return };
        self.policies.retain(|known| known.id != id);
        if self.policies.len() == Self::MAX_POLICIES {
            let first = first_by(&self.policies, |policy| policy.expires_at(now));
            let forgotten = self.policies.remove(first);
            self.unknown_until = self.unknown_until.max(forgotten.expires_at(now));
        }
        self.policies.push(ServedPolicy::of(policy, id, now));
    }

    /// Notes the id of the record at this time: `None` if there is no record that senders would use.
    pub fn note_record(&mut self, id: Option<&RecordId>, now: UnixTime) {
        if self.record().map(|current| &current.id) == id {
            return;
        }
        for current in self.records.iter_mut().filter(|current| current.until.is_none()) {
            current.until = Some(now.max(current.since));
        }
        let Some(id) = id else { return };
        let known = self.records.iter().position(|known| known.id == *id);
        let before = known.and_then(|place| self.records.remove(place).until);
        if self.records.len() == Self::MAX_POLICIES {
            let first = first_by(&self.records, |record| record.until.unwrap_or(now));
            let forgotten = self.records.remove(first);
            // Whoever fetched under it may hold any policy of that time.
            let until = forgotten.until.unwrap_or(now).saturating_add(Policy::MAX_MAX_AGE);
            self.unknown_until = self.unknown_until.max(until);
        }
        self.records.push(SeenRecord { id: *id, before, since: now, until: None });
    }

    /// Notes the hosts in the MX records at this time, or the domain's own name if there are no MX records.
    pub fn note_hosts(&mut self, hosts: &[DnsName], now: UnixTime) {
        for seen in &mut self.hosts {
            if hosts.contains(&seen.name) {
                if seen.until.take().is_some() {
                    seen.since = now;
                }
            } else if seen.until.is_none() {
                seen.until = Some(now.max(seen.since));
            }
        }
        for name in hosts {
            if self.hosts.iter().any(|seen| seen.name == *name) {
                continue;
            }
            if self.hosts.len() == Self::MAX_HOSTS {
                let first = first_by(&self.hosts, |host| host.until.unwrap_or(UnixTime::from_secs(u64::MAX)));
                self.hosts.remove(first);
            }
            self.hosts.push(SeenHost { name: name.clone(), since: now, until: None });
        }
    }

    /// The policy that is served.
    pub fn policy(&self) -> Option<&ServedPolicy> {
        self.policies.iter().find(|policy| policy.until.is_none())
    }

    /// The record that is published.
    pub fn record(&self) -> Option<&SeenRecord> {
        self.records.iter().find(|record| record.until.is_none())
    }

    /// Every policy, in the order in which they were last begun to be served.
    pub fn policies(&self) -> &[ServedPolicy] {
        &self.policies
    }

    /// Every id of the record, in the order in which they were last published.
    pub fn records(&self) -> &[SeenRecord] {
        &self.records
    }

    /// Every MX host.
    pub fn hosts(&self) -> &[SeenHost] {
        &self.hosts
    }

    /// The policy that some sender may hold the longest, and until when, if nobody fetched one from now on. What expired
    /// before `now` does not count.
    pub fn longest_cached(&self, now: UnixTime) -> Option<(&ServedPolicy, UnixTime)> {
        let cached = self.policies.iter().map(|policy| (policy, policy.expires_at(now)));
        cached.filter(|(_, expires_at)| *expires_at >= now).max_by_key(|(_, expires_at)| *expires_at)
    }
}

impl ServedPolicy {
    pub(super) fn of(policy: &Policy, id: RecordId, since: UnixTime) -> Self {
        Self {
            id,
            mode: policy.mode(),
            max_age: policy.max_age(),
            patterns: policy.mx_patterns().map(MxPattern::into_owned).collect(),
            since,
            until: None,
        }
    }

    /// The id by its body, as [`id_of`] has it; its record may have had another one.
    pub const fn id(&self) -> &RecordId {
        &self.id
    }

    /// The mode.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The time for which senders keep it after a fetch.
    pub const fn max_age(&self) -> Duration {
        self.max_age
    }

    /// The `mx` patterns.
    pub fn mx_patterns(&self) -> &[MxPattern<'static>] {
        &self.patterns
    }

    /// The time since which it has been served without interruption; if it no longer is, until [`ServedPolicy::until`].
    pub const fn since(&self) -> UnixTime {
        self.since
    }

    /// The time at which it was no longer served; `None` while it is.
    pub const fn until(&self) -> Option<UnixTime> {
        self.until
    }

    /// Returns whether one of its patterns covers this MX host.
    pub fn covers(&self, host: &DnsName) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(host))
    }

    /// The end of its life at a sender that fetched it in the last second; a policy that is served may be fetched now.
    fn expires_at(&self, now: UnixTime) -> UnixTime {
        self.until.unwrap_or(now).saturating_add(self.max_age)
    }
}

impl SeenRecord {
    /// The id.
    pub const fn id(&self) -> &RecordId {
        &self.id
    }

    /// The time until which the record had this id before; `None` if it has it for the first time.
    pub const fn before(&self) -> Option<UnixTime> {
        self.before
    }

    /// The time since which it has had this id without interruption; if it no longer has, until [`SeenRecord::until`].
    pub const fn since(&self) -> UnixTime {
        self.since
    }

    /// The time at which it no longer had this id; `None` while it has.
    pub const fn until(&self) -> Option<UnixTime> {
        self.until
    }
}

impl SeenHost {
    /// The name.
    pub const fn name(&self) -> &DnsName {
        &self.name
    }

    /// The time since which it has been in DNS without interruption; if it no longer is, until [`SeenHost::until`].
    pub const fn since(&self) -> UnixTime {
        self.since
    }

    /// The time at which it was no longer in DNS; `None` while it is.
    pub const fn until(&self) -> Option<UnixTime> {
        self.until
    }
}

/// The place of the first item by this order, in a list that is not empty.
fn first_by<T>(items: &[T], time: impl Fn(&T) -> UnixTime) -> usize {
    items.iter().enumerate().min_by_key(|(_, item)| time(item)).map_or(0, |(place, _)| place)
}

const FIRST_LINE: &str = "mta-sts-history 1";

/// The saved form: a first line with the version, the domain, then a line for each policy, record id and host, with the time
/// since when and until when, or a hyphen. The line of a record begins with the time until which it had the id before, or a hyphen.
///
/// ```text
/// mta-sts-history 1
/// domain: example.com
/// unknown-until: 1700000000
/// policy: 1700000000 1700604800 30c0b8f46936bb03b5e2 testing 86400 mx1.example.com mx2.example.com
/// policy: 1700604800 - 3a3b4f1f0f4d3ff0d0f4 enforce 86400 mx1.example.com mx2.example.com
/// record: - 1700000060 - 30c0b8f46936bb03b5e2
/// mx: 1700000000 - mx1.example.com
/// ```
impl History {
    /// The history as text: the same history gives the same octets.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "{FIRST_LINE}")?;
        writeln!(text, "domain: {}", self.domain)?;
        if self.unknown_until != UnixTime::default() {
            writeln!(text, "unknown-until: {}", self.unknown_until)?;
        }
        for policy in &self.policies {
            let ServedPolicy { id, mode, max_age, patterns, since, until } = policy;
            write!(text, "policy: {since} {} {id} {mode} {}", End(*until), max_age.as_secs())?;
            for pattern in patterns {
                write!(text, " {pattern}")?;
            }
            text.push('\n');
        }
        for SeenRecord { id, before, since, until } in &self.records {
            writeln!(text, "record: {} {since} {} {id}", End(*before), End(*until))?;
        }
        for SeenHost { name, since, until } in &self.hosts {
            writeln!(text, "mx: {since} {} {name}", End(*until))?;
        }
        Ok(())
    }

    /// Parses the output of [`History::to_text`]; the lines after the domain may be in any order.
    ///
    /// # Errors
    ///
    /// Returns how the text differs from the output of [`History::to_text`]: it is truncated, damaged, or of a future
    /// version. Do not go on without a history: what senders may hold is then not known.
    pub fn parse(text: &[u8]) -> Result<Self, HistoryError> {
        let fault = |kind, line, offset| Err(HistoryError::at(kind, line, offset));
        let mut lines = (1_u32..).zip(Lines { text, offset: 0 });
        match lines.next() {
            Some((_, (_, line))) if line == FIRST_LINE.as_bytes() => {}
            Some((_, (_, line))) if line.starts_with(b"mta-sts-history ") => {
                return fault(HistoryErrorKind::UnknownVersion, 1, 0);
            }
            _ => return fault(HistoryErrorKind::NotAHistory, 1, 0),
        }
        if !text.ends_with(b"\n") {
            let line = u32::try_from(text.split(|octet| *octet == b'\n').count()).unwrap_or(u32::MAX);
            return fault(HistoryErrorKind::Truncated, line, text.len());
        }
        let mut history: Option<Self> = None;
        for (number, (offset, line)) in lines {
            let bad = || HistoryError::at(HistoryErrorKind::BadLine, number, offset);
            let line = core::str::from_utf8(line).map_err(|_| bad())?;
            let (name, value) = line.split_once(": ").ok_or_else(bad)?;
            let is_new = match (name, history.as_mut()) {
                ("domain", None) => {
                    let domain = PolicyDomain::parse(value).ok().filter(|domain| domain.as_str() == value);
                    history = Some(Self::new(domain.ok_or_else(bad)?));
                    true
                }
                ("domain", Some(_)) => false,
                (_, None) => return Err(bad()),
                (_, Some(history)) => history.restore(name, value).ok_or_else(bad)?,
            };
            if !is_new {
                return fault(HistoryErrorKind::DuplicateLine, number, offset);
            }
        }
        history.ok_or_else(|| HistoryError::at(HistoryErrorKind::Truncated, 2, text.len()))
    }

    /// Takes over a line; `None` if it is not valid, `false` if there is one like it already.
    fn restore(&mut self, name: &str, value: &str) -> Option<bool> {
        match name {
            "unknown-until" => {
                let until = number(value).filter(|until| *until > 0)?;
                let is_new = self.unknown_until == UnixTime::default();
                self.unknown_until = UnixTime::from_secs(until);
                Some(is_new)
            }
            "policy" => {
                let policy = ServedPolicy::parse(value)?;
                let is_new = self
                    .policies
                    .iter()
                    .all(|known| known.id != policy.id && (known.until.is_some() || policy.until.is_some()));
                (self.policies.len() < Self::MAX_POLICIES).then(|| self.policies.push(policy))?;
                Some(is_new)
            }
            "record" => {
                let record = SeenRecord::parse(value)?;
                let is_new = self
                    .records
                    .iter()
                    .all(|known| known.id != record.id && (known.until.is_some() || record.until.is_some()));
                (self.records.len() < Self::MAX_POLICIES).then(|| self.records.push(record))?;
                Some(is_new)
            }
            "mx" => {
                let host = SeenHost::parse(value)?;
                let is_new = self.hosts.iter().all(|known| known.name != host.name);
                (self.hosts.len() < Self::MAX_HOSTS).then(|| self.hosts.push(host))?;
                Some(is_new)
            }
            _ => None,
        }
    }
}

impl ServedPolicy {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (since, until) = period(&mut words)?;
        let id = RecordId::parse(words.next()?.as_bytes()).ok()?;
        let mode: Mode = words.next()?.parse().ok()?;
        let max_age = Duration::from_secs(number(words.next()?)?);
        let patterns = words.map(pattern).collect::<Option<Box<[_]>>>()?;
        // No policy has more or less.
        let is_policy = max_age <= Policy::MAX_MAX_AGE && (mode == Mode::None || !patterns.is_empty());
        is_policy.then_some(Self { id, mode, max_age, patterns, since, until })
    }
}

impl SeenRecord {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let End(before) = End::parse(words.next()?)?;
        let (since, until) = period(&mut words)?;
        let id = RecordId::parse(words.next()?.as_bytes()).ok()?;
        words.next().is_none().then_some(Self { id, before, since, until })
    }
}

impl SeenHost {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (since, until) = period(&mut words)?;
        let word = words.next()?;
        let name = DnsName::parse(word).ok().filter(|name| name.as_str() == word)?;
        words.next().is_none().then_some(Self { name, since, until })
    }
}

/// The time until which something was seen, or a hyphen.
struct End(Option<UnixTime>);

impl End {
    fn parse(word: &str) -> Option<Self> {
        if word == "-" {
            Some(Self(None))
        } else {
            number(word).map(|secs| Self(Some(UnixTime::from_secs(secs))))
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => time.fmt(formatter),
            None => formatter.write_str("-"),
        }
    }
}

/// The lines of a text without their line feeds, each with its offset.
struct Lines<'a> {
    text: &'a [u8],
    offset: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.offset..).filter(|rest| !rest.is_empty())?;
        let line = rest.split(|octet| *octet == b'\n').next()?;
        let start = self.offset;
        self.offset += line.len() + 1;
        Some((start, line))
    }
}

fn period<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<(UnixTime, Option<UnixTime>)> {
    let since = UnixTime::from_secs(number(words.next()?)?);
    let End(until) = End::parse(words.next()?)?;
    until.is_none_or(|until| until >= since).then_some((since, until))
}

fn pattern(word: &str) -> Option<MxPattern<'static>> {
    // Only what is written the same again.
    let is_canonical = !word.ends_with('.') && !word.bytes().any(|octet| octet.is_ascii_uppercase());
    is_canonical.then(|| MxPattern::parse(word).ok()).flatten()
}

/// Parses digits only, without leading zeros: the text would not be written back the same.
fn number<N: FromStr>(value: &str) -> Option<N> {
    let is_canonical =
        value.bytes().all(|octet| octet.is_ascii_digit()) && (value == "0" || !value.starts_with('0'));
    is_canonical.then(|| value.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn policy(mode: &str, hosts: &[&str], max_age: u64) -> Policy {
        let mut text = format!("version: STSv1\nmode: {mode}\nmax_age: {max_age}\n");
        for host in hosts {
            writeln!(text, "mx: {host}").unwrap();
        }
        Policy::parse(text.as_bytes()).unwrap()
    }

    fn names(hosts: &[&str]) -> Vec<DnsName> {
        hosts.iter().map(|host| DnsName::parse(host).unwrap()).collect()
    }

    fn history() -> History {
        History::new(PolicyDomain::parse("example.com").unwrap())
    }

    #[test]
    fn what_comes_back_is_held_once() {
        let (one, other) = (policy("enforce", &["a.test"], 100), policy("enforce", &["b.test"], 100));
        let mut history = history();
        for (policy, time) in
            [(Some(&one), 10), (Some(&one), 20), (Some(&other), 30), (None, 40), (Some(&one), 50)]
        {
            history.note_policy(policy, at(time));
        }
        let served: Vec<_> =
            history.policies().iter().map(|policy| (policy.since().as_secs(), policy.until())).collect();
        assert_eq!(served, [(30, Some(at(40))), (50, None)]);
        let (first, second) = ("1".parse().unwrap(), "2".parse().unwrap());
        for (id, time) in [(Some(&first), 10), (Some(&second), 20), (None, 30), (Some(&first), 40)] {
            history.note_record(id, at(time));
        }
        let record = history.record().unwrap();
        assert_eq!((record.before(), record.since()), (Some(at(20)), at(40)));
        history.note_hosts(&names(&["a.test", "b.test"]), at(10));
        history.note_hosts(&names(&["b.test", "c.test"]), at(20));
        history.note_hosts(&names(&["a.test", "b.test", "c.test"]), at(30));
        history.note_hosts(&names(&["b.test", "c.test"]), at(40));
        let hosts: Vec<_> =
            history.hosts().iter().map(|host| (host.name().as_str(), host.since(), host.until())).collect();
        assert_eq!(
            hosts,
            [("a.test", at(30), Some(at(40))), ("b.test", at(10), None), ("c.test", at(20), None)]
        );
    }

    // Proves S104.
    #[test]
    fn what_is_forgotten_may_still_be_held_by_senders() {
        let mut history = history();
        for number in 0..=History::MAX_POLICIES as u64 {
            history.note_policy(Some(&policy("enforce", &["a.test"], 1000 - number)), at(100 + number));
        }
        assert_eq!(history.policies().len(), History::MAX_POLICIES);
        // The first was served until 101.
        assert_eq!(history.unknown_until(), at(1101));
        for number in 0..=History::MAX_POLICIES as u64 {
            history.note_record(Some(&format!("{number}").parse().unwrap()), at(100 + number));
        }
        assert_eq!(history.records().len(), History::MAX_POLICIES);
        assert_eq!(history.unknown_until(), at(101 + Policy::MAX_MAX_AGE.as_secs()));
        let many: Vec<_> = (0..=History::MAX_HOSTS).map(|number| format!("mx{number}.test")).collect();
        history.note_hosts(&names(&many.iter().map(String::as_str).collect::<Vec<_>>()), at(1));
        assert_eq!(history.hosts().len(), History::MAX_HOSTS);
        assert_eq!(History::parse(history.to_text().as_bytes()), Ok(history));
    }

    #[test]
    fn a_clock_that_steps_back_ends_nothing_before_it_began() {
        let mut history = history();
        history.note_policy(Some(&policy("enforce", &["a.test"], 100)), at(1000));
        history.note_record(Some(&"1".parse().unwrap()), at(1000));
        history.note_hosts(&names(&["a.test"]), at(1000));
        history.note_policy(None, at(10));
        history.note_record(None, at(10));
        history.note_hosts(&[], at(10));
        assert_eq!(history.longest_cached(at(1100)).map(|(_, until)| until), Some(at(1100)));
        assert_eq!(history.longest_cached(at(1101)), None);
        assert_eq!(History::parse(history.to_text().as_bytes()), Ok(history));
    }

    #[test]
    fn a_fault_is_told_with_its_place() {
        let head = "mta-sts-history 1\ndomain: example.com\n";
        let id = "30c0b8f46936bb03b5e2";
        for (text, code, line) in vec![
            (String::new(), "not-a-history", 1),
            ("mta-sts-entry 2\n".into(), "not-a-history", 1),
            ("mta-sts-history 2\n".into(), "unknown-history-version", 1),
            ("mta-sts-history 1".into(), "truncated-history", 1),
            ("mta-sts-history 1\n".into(), "truncated-history", 2),
            ("mta-sts-history 1\nmx: 1 - a.test\n".into(), "bad-history-line", 2),
            ("mta-sts-history 1\ndomain: Example.com\n".into(), "bad-history-line", 2),
            (format!("{head}domain: example.com\n"), "duplicate-history-line", 3),
            (format!("{head}\n"), "bad-history-line", 3),
            (format!("{head}mx: 1 - a.test"), "truncated-history", 3),
            (format!("{head}mx: 1 - a.test\nmx: 1 2 a.test\n"), "duplicate-history-line", 4),
            (format!("{head}mx: 2 1 a.test\n"), "bad-history-line", 3),
            (format!("{head}mx: 01 - a.test\n"), "bad-history-line", 3),
            (format!("{head}mx: +1 - a.test\n"), "bad-history-line", 3),
            (format!("{head}mx: 1 - a.test b.test\n"), "bad-history-line", 3),
            (format!("{head}record: - 2 1 {id}\n"), "bad-history-line", 3),
            (format!("{head}record: - 1 - {id}\nrecord: - 1 - 2\n"), "duplicate-history-line", 4),
            (format!("{head}policy: 1 - {id} enforce 1\n"), "bad-history-line", 3),
            (format!("{head}policy: 1 - {id} enforce 31557601 a.test\n"), "bad-history-line", 3),
            (format!("{head}policy: 1 - {id} Enforce 1 a.test\n"), "bad-history-line", 3),
            (format!("{head}policy: 1 - {id} enforce 1 A.test\n"), "bad-history-line", 3),
            (format!("{head}policy: 1 - {id} enforce 1 *\n"), "bad-history-line", 3),
            (
                format!("{head}policy: 1 2 {id} none 1\npolicy: 1 - {id} none 1\n"),
                "duplicate-history-line",
                4,
            ),
            (format!("{head}unknown-until: 0\n"), "bad-history-line", 3),
            (format!("{head}unknown-until: 1\nunknown-until: 1\n"), "duplicate-history-line", 4),
            (format!("{head}until: 1\n"), "bad-history-line", 3),
        ] {
            let error = History::parse(text.as_bytes()).unwrap_err();
            assert_eq!((error.code(), error.line()), (code, line), "{text}");
        }
    }
}
