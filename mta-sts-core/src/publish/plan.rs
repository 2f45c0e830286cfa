use alloc::vec::Vec;
use core::time::Duration;

use super::outlook::Outlook;
use super::pace::Paced;
use super::step::{Due, Step, Wait};
use super::{Draft, Facts, History, Target};
use crate::error::DraftError;
use crate::name::DnsName;
use crate::policy::Mode;
use crate::time::UnixTime;

/// The steps from what a domain publishes to what it wants to publish, with their times.
///
/// ```
/// use mta_sts_core::publish::{Facts, History, Plan, Target};
/// use mta_sts_core::{DnsName, Mode, Policy, PolicyDomain, UnixTime};
///
/// let now = UnixTime::from_secs(1_700_000_000);
/// let served = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx1.example.com\nmax_age: 604800\n")?;
/// let mut history = History::new(PolicyDomain::parse("example.com")?);
/// let (old, new) = (DnsName::parse("mx1.example.com")?, DnsName::parse("mx4.example.net")?);
/// history.note_policy(Some(&served), UnixTime::from_secs(1_600_000_000));
/// history.note_record(Some(&"1".parse()?), UnixTime::from_secs(1_600_000_000));
/// history.note_hosts(&[old.clone()], UnixTime::from_secs(1_600_000_000));
///
/// // One host more.
/// let target = Target::new(Mode::Enforce).with_max_age(served.max_age()).with_hosts(vec![old.clone(), new]);
/// let plan = Plan::between(&history, &target, &Facts::new(vec![old]), now)?;
/// let steps: Vec<_> = plan
///     .steps()
///     .iter()
///     .map(|step| {
///         let after = |time: UnixTime| time.saturating_since(now).as_secs();
///         (step.action().code(), after(step.earliest()), step.wait().code(), after(step.safe()))
///     })
///     .collect();
/// assert_eq!(
///     steps,
///     [
///         ("put-policy", 0, "nothing", 0),
///         ("put-record", 60, "policy-cache", 60),
///         ("change-mx", 3660, "record-ttl", 604_860),
///     ],
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Do the first step when its time has come, note what has changed in the history, and plan again: the plan goes on where it was.
/// What is already as it should be is no step, and time that has passed is not waited for again.
///
/// - A change of the MX hosts: the policy names old and new hosts; then the MX records change; then the policy names the new ones
///   alone.
/// - To mode enforce: the policy is tested first, then the `max_age` grows ([`Target::with_growth`]).
/// - From mode enforce: at once; senders go on enforcing what they hold ([`Plan::settled_at`]).
/// - A removal: mode none until every older policy has expired; then record and policy are deleted (RFC 8461, 8.3).
///
/// Time and memory are linear in the number of policies, times that of hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
    settled: (UnixTime, UnixTime),
}

impl Plan {
    /// The steps from what `history` says is published, and `facts` of now, to the target.
    ///
    /// # Errors
    ///
    /// The same as [`Draft::new`] and [`Draft::with_wildcard`]: the target, or what has to be served on the way to it, is no
    /// policy that may be published.
    // Meets S88, S89, S93.
    pub fn between(
        history: &History,
        target: &Target,
        facts: &Facts,
        now: UnixTime,
    ) -> Result<Self, DraftError> {
        let moves_host = target.policy_host.is_some() && target.policy_host != facts.policy_host;
        // The addresses of the former Policy Host are remembered even after it has changed.
        let spread = if target.policy_host.is_some() {
            facts.policy_cache.max(facts.policy_host_ttl)
        } else {
            facts.policy_cache
        };
        let outlook = Outlook::new(history, facts, spread, now);
        let planner = Planner {
            history,
            target,
            facts,
            moves_host,
            outlook,
            now: Paced::both(Due { at: now, wait: Wait::Nothing }),
        };
        if target.mode == Mode::None { planner.end() } else { planner.change() }
    }

    /// The steps, in order; none if nothing is to be done.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The times from which senders hold what was published last: those that compare ids, if each step is done at its earliest
    /// time, and all of them, if each is done at its safe time. Until then some may go on by an older policy.
    pub const fn settled_at(&self) -> (UnixTime, UnixTime) {
        self.settled
    }
}

/// The state of making a plan.
struct Planner<'a> {
    history: &'a History,
    target: &'a Target,
    facts: &'a Facts,
    moves_host: bool,
    outlook: Outlook<'a>,
    now: Paced<Due>,
}

impl Planner<'_> {
    /// Plans mode none, and the removal.
    fn end(mut self) -> Result<Plan, DraftError> {
        let draft = self.draft(Mode::None, &[], self.target.max_age)?;
        let is_whole = self.outlook.is_announced() && self.outlook.policy().is_some();
        if self.target.is_removal && !is_whole && !self.outlook.may_enforce() {
            // A removal that has begun, or nothing at all.
            self.outlook.delete();
            return Ok(self.finish());
        }
        if self.outlook.policy().is_none_or(|policy| policy.mode != Mode::None) || self.moves_host {
            self.put(&draft, self.now);
        }
        self.outlook.announce();
        if self.target.is_removal {
            self.outlook.delete();
        }
        Ok(self.finish())
    }

    /// Plans a policy in mode testing or enforce.
    fn change(mut self) -> Result<Plan, DraftError> {
        let hosts = self.target.hosts.clone().unwrap_or_else(|| self.facts.hosts.clone());
        let mut all = self.outlook.used_hosts();
        all.extend(hosts.iter().cloned());
        let (mode, max_age) = self.on_the_way();
        let is_fit = self.outlook.policy().is_some_and(|policy| {
            (policy.mode, policy.max_age) == (mode, max_age) && policy.covers_all(&all)
        });
        let transit = self.draft(mode, &all, max_age)?;
        if !is_fit || self.moves_host {
            self.put(&transit, self.now);
        }
        self.outlook.announce();
        self.outlook.change_hosts(&hosts);
        for max_age in self.max_ages() {
            let draft = self.draft(self.target.mode, &hosts, max_age)?;
            let (stay, queues) = (self.stay(&hosts, max_age), self.outlook.queues(draft.policy()));
            self.put(&draft, Paced::each(|pace| queues.at(pace).max(stay.at(pace))));
            self.outlook.announce();
        }
        Ok(self.finish())
    }

    /// The mode and the `max_age` until the MX records have changed: less strict at once, stricter only later.
    fn on_the_way(&self) -> (Mode, Duration) {
        match self.outlook.last_policy().map(|policy| (policy.mode, policy.max_age.max(Draft::MIN_MAX_AGE))) {
            _ if self.target.mode == Mode::Testing => (Mode::Testing, self.target.max_age),
            Some((Mode::Enforce, max_age)) => (Mode::Enforce, max_age.min(self.target.max_age)),
            Some((Mode::Testing, max_age)) => (Mode::Testing, max_age),
            _ => (Mode::Testing, Draft::MIN_MAX_AGE),
        }
    }

    /// The `max_age` of each policy from there to the target.
    fn max_ages(&self) -> Vec<Duration> {
        let target = self.target;
        let served = self.outlook.policy().filter(|policy| policy.mode == Mode::Enforce);
        let reached = served.map_or(Duration::ZERO, |policy| policy.max_age);
        let growth = target.growth.iter().map(|(max_age, _)| *max_age);
        let between = growth.filter(|max_age| *max_age > reached && *max_age < target.max_age);
        let between: Vec<_> = if target.mode == Mode::Enforce { between.collect() } else { Vec::new() };
        [between, [target.max_age].into()].concat()
    }

    /// How long what is served stays before it gives way to a policy of this `max_age`.
    fn stay(&self, hosts: &[DnsName], max_age: Duration) -> Paced<Due> {
        let target = self.target;
        let enforced = self.outlook.policy().filter(|policy| policy.mode == Mode::Enforce);
        match enforced.map(|policy| policy.max_age) {
            _ if target.mode == Mode::Testing => self.now,
            None => self.outlook.served_for(target.testing_period, Wait::TestingPeriod, |policy| {
                policy.mode != Mode::None && policy.covers_all(hosts)
            }),
            Some(reached) => {
                let rung = target.growth.iter().rfind(|(rung, _)| *rung <= reached && reached < max_age);
                rung.map_or(self.now, |(rung, time)| {
                    self.outlook.served_for(*time, Wait::Growth, |policy| {
                        policy.mode == Mode::Enforce && policy.max_age >= *rung
                    })
                })
            }
        }
    }

    fn put(&mut self, draft: &Draft, wait: Paced<Due>) {
        self.outlook.put(draft, self.moves_host, wait);
        self.moves_host = false;
    }

    fn draft(&self, mode: Mode, hosts: &[DnsName], max_age: Duration) -> Result<Draft, DraftError> {
        let draft = Draft::new(self.history.domain(), mode, hosts, max_age)?;
        self.target.wildcards.iter().cloned().try_fold(draft, Draft::with_wildcard)
    }

    fn finish(self) -> Plan {
        let settled = self.outlook.caches(|policy| policy.mode != Mode::None);
        Plan { steps: self.outlook.steps, settled: (settled.earliest.at, settled.safe.at) }
    }
}
