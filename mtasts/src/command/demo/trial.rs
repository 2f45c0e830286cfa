use std::time::{Duration, UNIX_EPOCH};

use mta_sts_core::{
    Conclusion, Delivery as PolicyDelivery, NoPolicy, NoPolicyKind, Outcome, PolicyDomain, Purpose,
    QueueLifetime, UnixTime,
};
use mta_sts_resolver::Discovery;
use mta_sts_world::{
    Channel, Delivery, Mode, PolicySource, Reader, Report as ExpectedReport, Scenario, State, Transaction,
    WhyNone, World,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::sender::{Journey, Message, Rule, SENDER, Sender};

/// One scenario, tried by both senders.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) scenario: Scenario,
    pub(super) opportunistic: Tried,
    pub(super) mta_sts: Tried,
    pub(super) policy: PolicySource,
    pub(super) mode: Option<Mode>,
    pub(super) reports: Vec<Report>,
    /// The result of policy discovery by the sender with MTA-STS.
    pub(super) outcome: Outcome,
    /// The same, in words.
    pub(super) discovery: String,
    /// The differences from the expected result, a sentence each.
    pub(super) differences: Vec<String>,
}

/// The result of one sender.
#[derive(Debug)]
pub(super) struct Tried {
    /// What the servers of the world saw of the message.
    pub(super) delivery: Delivery,
    /// What the sender did.
    pub(super) journey: Journey,
}

/// A failure that TLSRPT reports (RFC 8460, 4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    pub(super) policy_type: String,
    pub(super) result_type: String,
    pub(super) reason_code: Option<String>,
    pub(super) mx: Option<String>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Trial {
    pub(super) async fn run(world: &World, sender: &Sender, scenario: Scenario) -> Result<Self, Failure> {
        let domain = PolicyDomain::of_recipient(&scenario.recipient)?;
        let now = UnixTime::from_secs(UNIX_EPOCH.elapsed()?.as_secs());
        let mut entry = None;
        if scenario.needs_cached_policy {
            let before = sender.resolver.discover(domain.clone(), Purpose::Deliver, None, now).await;
            entry = before.outcome.cache_update.apply_to(None, now);
            world.switch(&scenario.name, State::Attack)?;
        }

        let message = message("opportunistic", &scenario);
        let journey = sender.send(&message, domain.as_name(), Rule::Opportunistic).await;
        let mut differences = Vec::new();
        let opportunistic = Tried::of(world, &message, journey, &mut differences);

        // After every TTL, so that the record is queried again.
        let later = now.saturating_add(Duration::from_secs(3600));
        let discovery =
            sender.resolver.discover(domain.clone(), Purpose::Deliver, entry.as_ref(), later).await;
        let message = self::message("mta-sts", &scenario);
        let delivery = PolicyDelivery::of(&discovery.outcome).with_message(message.tls());
        // It is unknown whether there is a policy: an attacker could be the cause, and the message can wait.
        let journey = if discovery.outcome.no_policy().is_some_and(NoPolicy::is_temporary) {
            Journey::default()
        } else {
            sender.send(&message, domain.as_name(), Rule::MtaSts(delivery)).await
        };
        if journey.taken_by().is_none() {
            let conclusion = delivery.conclude(&journey.hosts, QueueLifetime::Running, None);
            if conclusion != Conclusion::Defer {
                differences.push(format!("MTA-STS: {conclusion:?} instead of deferring"));
            }
        }
        let mta_sts = Tried::of(world, &message, journey, &mut differences);

        let (policy, mode) = applied(&discovery);
        let reports = reports(&discovery, &mta_sts.journey);
        let (outcome, discovery) = (discovery.outcome.clone(), words(&discovery));
        let mut trial =
            Self { scenario, opportunistic, mta_sts, policy, mode, reports, outcome, discovery, differences };
        trial.compare();
        Ok(trial)
    }

    pub(super) fn is_as_expected(&self) -> bool {
        self.differences.is_empty()
    }

    /// Returns whether opportunistic STARTTLS gave the message to the attacker.
    pub(super) fn is_lost_opportunistically(&self) -> bool {
        is_lost(&self.opportunistic.delivery)
    }

    /// Returns whether MTA-STS, in contrast, did not.
    pub(super) fn is_saved(&self) -> bool {
        self.is_lost_opportunistically() && !is_lost(&self.mta_sts.delivery)
    }

    pub(super) fn to_json(&self) -> Value {
        let Scenario { name, title, story, domain, .. } = &self.scenario;
        json!({
            "name": name,
            "title": title,
            "story": story,
            "domain": domain,
            "expected": self.scenario.expected,
            "actual": {
                "opportunistic": self.opportunistic.delivery,
                "mta_sts": {
                    "delivery": self.mta_sts.delivery,
                    "policy": self.policy,
                    "mode": self.mode,
                    "reports": self.reports,
                },
            },
            "attempts": {
                "opportunistic": self.opportunistic.journey.attempts,
                "mta_sts": self.mta_sts.journey.attempts,
            },
            "lost_without_mta_sts": self.is_lost_opportunistically(),
            "saved_by_mta_sts": self.is_saved(),
            "as_expected": self.is_as_expected(),
            "differences": self.differences,
        })
    }

    fn compare(&mut self) {
        let expected = &self.scenario.expected;
        let differences = &mut self.differences;
        let mut compare = |what: &str, expected: Value, actual: Value| {
            if expected != actual {
                differences.push(format!("{what}: expected {expected}, but it is {actual}"));
            }
        };
        compare("opportunistic STARTTLS", json!(expected.opportunistic), json!(self.opportunistic.delivery));
        compare("MTA-STS", json!(expected.mta_sts.delivery), json!(self.mta_sts.delivery));
        compare("policy", json!(expected.mta_sts.policy), json!(self.policy));
        compare("mode", json!(expected.mta_sts.mode), json!(self.mode));
        let reports = &expected.mta_sts.reports;
        let same_count = reports.len() == self.reports.len();
        if !same_count || !reports.iter().zip(&self.reports).all(|(expected, actual)| actual.is(expected)) {
            compare("TLSRPT", json!(reports), json!(self.reports));
        }
    }
}

impl Tried {
    /// The result as seen by the servers; if the sender's view differs, that is a difference of its own.
    fn of(world: &World, message: &Message, journey: Journey, differences: &mut Vec<String>) -> Self {
        let seen = world.seen();
        let is_it = |transaction: &&Transaction| {
            transaction.message.as_ref().is_some_and(|text| text.contains(&message.id))
        };
        let arrived: Vec<_> = seen
            .smtp
            .iter()
            .flat_map(|session| session.transactions.iter().filter(is_it).map(move |one| (session, one)))
            .collect();
        let delivery = match (arrived.first(), journey.taken_by()) {
            (None, None) => Delivery::Deferred,
            (Some((session, transaction)), taken_by) => {
                // A host behind an alias is known by the name in the MX record.
                let of_client = taken_by.filter(|(attempt, _)| {
                    attempt.address.is_some_and(|address| address.ip() == session.address)
                });
                let mx = of_client.map_or(&session.host, |(attempt, _)| &attempt.mx).clone();
                let channel = match of_client {
                    Some((_, channel)) if transaction.over_tls == (channel != Channel::Clear) => channel,
                    _ => {
                        differences.push(format!("the sender did not mean to use {} so", session.host));
                        if transaction.over_tls { Channel::Encrypted } else { Channel::Clear }
                    }
                };
                let attacker = arrived.iter().any(|(_, one)| one.read_by == Reader::Attacker);
                let read_by = if attacker { Reader::Attacker } else { Reader::Recipient };
                Delivery::Delivered { mx, channel, read_by }
            }
            (None, Some((attempt, _))) => {
                differences.push(format!("{} took the message, but no server has it", attempt.mx));
                Delivery::Deferred
            }
        };
        if arrived.len() > 1 {
            differences.push(format!("the message arrived {} times", arrived.len()));
        }
        Self { delivery, journey }
    }
}

impl Report {
    fn is(&self, expected: &ExpectedReport) -> bool {
        word(&expected.policy_type) == self.policy_type
            && word(&expected.result_type) == self.result_type
            && expected.mx == self.mx
            // If the world's report names no reason, any is accepted.
            && (expected.reason_code.is_none() || expected.reason_code == self.reason_code)
    }
}

fn is_lost(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Delivered { read_by: Reader::Attacker, .. })
}

fn message(kind: &str, scenario: &Scenario) -> Message {
    let Scenario { name, recipient, story, .. } = scenario;
    let id = format!("<{kind}.{name}@sender.test>");
    let tls_required = if scenario.tls_required_no { "TLS-Required: No\n" } else { "" };
    let text = format!(
        "From: {SENDER}\nTo: {recipient}\nSubject: {name}\nMessage-ID: {id}\n{tls_required}\n{story}\n"
    );
    Message { id, recipient: recipient.clone(), text }
}

fn applied(discovery: &Discovery) -> (PolicySource, Option<Mode>) {
    match &discovery.outcome.applied {
        Ok(applied) => {
            let source = match applied.source {
                mta_sts_core::PolicySource::Cached => PolicySource::Cached,
                mta_sts_core::PolicySource::Fetched => PolicySource::Fetched,
            };
            let mode = match applied.policy.mode() {
                mta_sts_core::Mode::Enforce => Mode::Enforce,
                mta_sts_core::Mode::Testing => Mode::Testing,
                mta_sts_core::Mode::None => Mode::None,
            };
            (source, Some(mode))
        }
        Err(reason) => {
            let why = match reason.kind() {
                NoPolicyKind::NoRecord => WhyNone::NoRecord,
                NoPolicyKind::SeveralRecords => WhyNone::SeveralRecords,
                NoPolicyKind::DnsFailed => WhyNone::DnsFailed,
                NoPolicyKind::FetchFailed => WhyNone::FetchFailed,
                NoPolicyKind::BackingOff => WhyNone::BackingOff,
                NoPolicyKind::LocalFault => WhyNone::LocalFault,
                _ => WhyNone::InvalidRecord,
            };
            (PolicySource::None { why }, None)
        }
    }
}

fn reports(discovery: &Discovery, journey: &Journey) -> Vec<Report> {
    let of_discovery = discovery.outcome.failure.iter().map(|failure| Report {
        policy_type: mta_sts_core::PolicyType::Sts.to_string(),
        result_type: failure.result_type.to_string(),
        reason_code: Some(failure.reason_code.to_owned()),
        mx: None,
    });
    let of_sessions = journey.sessions.iter().filter_map(|session| {
        Some(Report {
            policy_type: session.row.policy_type.to_string(),
            result_type: session.row.result_type?.to_string(),
            reason_code: session.row.reason.map(|reason| reason.code().to_owned()),
            mx: Some(session.mx.as_str().to_owned()),
        })
    });
    of_discovery.chain(of_sessions).collect()
}

fn words(discovery: &Discovery) -> String {
    let record = match &discovery.txt {
        None => "not asked".to_owned(),
        Some(Ok(answer)) => match answer.records.len() {
            1 => "one".to_owned(),
            count => count.to_string(),
        },
        Some(Err(error)) => error.code().to_owned(),
    };
    let policy = match &discovery.response {
        None => String::new(),
        Some(Ok(response)) => format!("; Policy Host: HTTP {}", response.status),
        Some(Err(error)) => format!("; Policy Host: {}", error.code()),
    };
    format!("record: {record}{policy}")
}

/// The kebab-case word of an enum without fields.
pub(super) fn word(value: &impl Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use mta_sts_world::{ResultType, WorldConfig};

    use super::super::table;
    use super::*;

    #[tokio::test]
    async fn every_difference_from_the_expected_is_told() {
        let world = World::start(WorldConfig::default()).await.unwrap();
        let sender = Sender::in_world(&world).unwrap();
        let mut scenario = world.scenario("starttls-stripped").unwrap().clone();
        let right = Trial::run(&world, &sender, scenario.clone()).await.unwrap();
        assert_eq!(right.differences, [""; 0]);
        world.reset().unwrap();

        scenario.expected.opportunistic = Delivery::Deferred;
        scenario.expected.mta_sts.delivery = right.opportunistic.delivery.clone();
        scenario.expected.mta_sts.policy = PolicySource::Cached;
        scenario.expected.mta_sts.mode = Some(Mode::Testing);
        scenario.expected.mta_sts.reports[0].result_type = ResultType::CertificateExpired;
        let wrong = Trial::run(&world, &sender, scenario).await.unwrap();
        let about: Vec<_> = wrong.differences.iter().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(about, ["opportunistic STARTTLS", "MTA-STS", "policy", "mode", "TLSRPT"]);
        let table = table::table(&[wrong]);
        assert!(table.contains("NOT AS EXPECTED") && table.contains("0 of 1 scenarios"), "{table}");
        world.shutdown().await;
    }

    #[tokio::test]
    async fn the_servers_are_believed_before_the_sender() {
        let world = World::start(WorldConfig::default()).await.unwrap();
        let sender = Sender::in_world(&world).unwrap();
        let message = message("opportunistic", world.scenario("wildcard").unwrap());
        let domain = PolicyDomain::of_recipient(&message.recipient).unwrap();
        let journey = sender.send(&message, domain.as_name(), Rule::Opportunistic).await;
        // The servers forget that they accepted it.
        world.reset().unwrap();
        let mut differences = Vec::new();
        let tried = Tried::of(&world, &message, journey, &mut differences);
        assert_eq!(tried.delivery, Delivery::Deferred);
        assert_eq!(differences, ["mx.wildcard.test took the message, but no server has it"]);
        world.shutdown().await;
    }
}
