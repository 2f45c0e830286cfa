//! What the history and the files of the owner say of a domain that was looked at.

use std::collections::BTreeSet;

use mta_sts_core::lint::Severity;
use mta_sts_core::publish::{Action, History, Plan, SeenHost, ServedPolicy, Step, Target, id_of};
use mta_sts_core::{DnsName, Mode, Policy, PolicyDomain, RecordId, UnixTime};
use mta_sts_resolver::DomainCheck;

use super::published::{Known, Published};
use super::sight::Sight;
use crate::command::check::Remark;
use crate::command::output::time;

/// The remarks about a domain, by what is known of it.
pub(super) fn of(check: &DomainCheck, published: &Published) -> Vec<Remark> {
    let domain = &check.domain;
    let sight = Sight::of_check(check);
    let known = published.domains.get(domain);
    let mut found = Vec::new();
    found.extend(id_and_body(domain, &sight, known.map(|known| &known.history)));
    match known {
        Some(known) => {
            found.extend(as_noted(domain, &sight, known));
            found.extend(removal(domain, &sight, known, check.now));
        }
        None => found.push(Remark {
            code: "no-history",
            severity: Severity::Info,
            place: domain.to_string(),
            message: "There is no history of it in published.toml.".to_owned(),
            effect: "What senders may still hold is not known when the policy has to change.",
            fix: format!("`mtasts publish init {domain}` begins one, and changes nothing else."),
        }),
    }
    found.extend(sight.policy.as_ref().and_then(|policy| as_written(domain, policy, published)));
    found
}

/// Whether the policy has changed, and the id of the record has not.
///
/// The policy is put before the record, so that a change of both leaves the old policy under the new id at no time. So a policy
/// that ended after its id had begun, while the id goes on, was replaced under it.
pub(super) fn id_and_body(domain: &PolicyDomain, sight: &Sight, history: Option<&History>) -> Option<Remark> {
    let (policy, id) = (sight.policy.as_ref()?, sight.record.as_ref()?);
    let body_id = id_of(policy.text().as_bytes());
    if body_id == *id {
        return None;
    }
    let remark = |code, severity, message| {
        let fix = format!(
            "Set the TXT record to `v=STSv1; id={body_id}`; or serve the policy of that id again, if the change was a mistake."
        );
        let effect = "Senders that compare ids keep the old policy until it expires.";
        Some(Remark { code, severity, place: domain.txt_name(), message, effect, fix })
    };
    if let Some(old) = history.and_then(|history| replaced_under(history, id, &body_id)) {
        let (mode, since) = (old.mode(), time(old.since().as_secs()));
        let message = format!(
            "The policy has changed, and the id has not: {id} announced another policy, of mode {mode}, seen since {since}."
        );
        return remark("body-changed-id-not", Severity::Error, message);
    }
    if !is_hash(id) {
        return None;
    }
    let text = policy.text().replace("\r\n", "\n");
    if id_of(text.as_bytes()) == *id || id_of(text.replace('\n', "\r\n").as_bytes()) == *id {
        return Some(Remark {
            code: "line-ends-changed",
            severity: Severity::Info,
            place: domain.policy_host(),
            message: "The policy is served with other line ends than the file had that its id is made of."
                .to_owned(),
            effect: "To senders it is the same policy.",
            fix: "Nothing has to be done. A transfer as text, or a repository, changes line ends.".to_owned(),
        });
    }
    let severity = if history.is_some() { Severity::Error } else { Severity::Warning };
    let message = format!("The id {id} has the form of a hash of the policy, and is that of another policy.");
    remark("id-of-another-policy", severity, message)
}

/// The latest other policy that this id has announced.
fn replaced_under<'h>(history: &'h History, id: &RecordId, body_id: &RecordId) -> Option<&'h ServedPolicy> {
    let record = history.record().filter(|record| record.id() == id)?;
    let was_announced = |policy: &&ServedPolicy| match policy.until() {
        _ if policy.id() == body_id => false,
        None => true,
        Some(until) => until > record.since(),
    };
    history.policies().iter().rev().find(was_announced)
}

/// Returns whether it looks like an id of [`id_of`].
fn is_hash(id: &RecordId) -> bool {
    let id = id.as_str();
    id.len() == 20 && id.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'))
}

/// What is not as it was noted last. What is absent is told by the check itself.
fn as_noted(domain: &PolicyDomain, sight: &Sight, known: &Known) -> Vec<Remark> {
    let history = &known.history;
    let remark = |code, severity, place, message, effect| Remark {
        code,
        severity,
        place,
        message,
        effect,
        fix: format!(
            "If it is what you want, `mtasts publish plan {domain}` notes it. If not, find out who has changed it."
        ),
    };
    let mut found = Vec::new();
    if let (Some(policy), Some(noted)) = (&sight.policy, history.policy())
        && id_of(policy.text().as_bytes()) != *noted.id()
    {
        let (mode, since) = (noted.mode(), time(noted.since().as_secs()));
        let message = format!("It serves another policy than that of mode {mode}, noted since {since}.");
        let effect = "A plan made before does not take this policy into account.";
        found.push(remark("policy-not-as-noted", Severity::Warning, domain.policy_host(), message, effect));
    }
    if let (Some(id), Some(noted)) = (&sight.record, history.record())
        && id != noted.id()
    {
        let message = format!("The id is {id}; {} was noted.", noted.id());
        let effect = "Senders fetch the policy again.";
        found.push(remark("record-not-as-noted", Severity::Warning, domain.txt_name(), message, effect));
    }
    let noted: BTreeSet<_> =
        history.hosts().iter().filter(|host| host.until().is_none()).map(SeenHost::name).collect();
    let seen: BTreeSet<_> = sight.hosts.iter().collect();
    if !noted.is_empty() && !seen.is_empty() && noted != seen {
        let names = |what: &str, hosts: Vec<&&DnsName>| {
            let hosts: Vec<_> = hosts.into_iter().map(|host| host.as_str()).collect();
            (!hosts.is_empty()).then(|| format!("{what} {}", hosts.join(", ")))
        };
        let parts = [
            names("new:", seen.difference(&noted).collect()),
            names("gone:", noted.difference(&seen).collect()),
        ];
        let message = format!(
            "The MX hosts are not those that were noted; {}.",
            parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
        );
        let effect = "A policy that somebody holds may not cover them.";
        found.push(remark("mx-not-as-noted", Severity::Warning, domain.to_string(), message, effect));
    }
    let ttls = [
        (domain.txt_name(), sight.record_ttl, known.record_ttl),
        (domain.to_string(), sight.mx_ttl, known.mx_ttl),
    ];
    for (place, seen, noted) in ttls {
        if let Some(seen) = seen.filter(|seen| *seen > noted) {
            let message = format!("Its TTL is {} s; {} s was noted.", seen.as_secs(), noted.as_secs());
            let effect = "The steps of a plan made before are too close to each other.";
            found.push(remark("ttl-longer-than-noted", Severity::Warning, place, message, effect));
        }
    }
    found
}

/// Whether the time has come to delete the record of a domain that opts out (RFC 8461, 8.3).
pub(super) fn removal(domain: &PolicyDomain, sight: &Sight, known: &Known, now: UnixTime) -> Option<Remark> {
    sight.policy.as_ref().filter(|policy| policy.mode() == Mode::None)?;
    let mut known = known.clone();
    sight.note_in(&mut known, now);
    let plan = Plan::between(&known.history, &Target::removed(), &sight.facts(&known), now).ok()?;
    let is_due = |step: &&Step| matches!(step.action(), Action::DeleteRecord) && step.safe() <= now;
    plan.steps().first().filter(is_due)?;
    Some(Remark {
        code: "removal-ready",
        severity: Severity::Info,
        place: domain.txt_name(),
        message: "The policy has mode none, and every older one has expired.".to_owned(),
        effect: "No sender holds a policy that needs the record.",
        fix: format!("Delete the record, then the policy; `mtasts publish remove {domain}` has the steps."),
    })
}

/// Whether the policy is that of the file in the folder of the domain.
fn as_written(domain: &PolicyDomain, policy: &Policy, published: &Published) -> Option<Remark> {
    let (file, written) = published.read_policy(domain)?;
    let lines = |octets: &[u8]| String::from_utf8_lossy(octets).replace("\r\n", "\n");
    (lines(&written) != lines(policy.text().as_bytes())).then(|| Remark {
        code: "policy-not-as-written",
        severity: Severity::Warning,
        place: domain.policy_host(),
        message: format!("It does not serve {}.", file.display()),
        effect: "What you have written has not reached senders.",
        fix:
            "Bring the file to the Policy Host, and have it read it again: `systemctl reload mtasts-publish`."
                .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "version: STSv1\r\nmode: testing\r\nmx: mx.a.test\r\nmax_age: 86400\r\n";
    const NEW: &str = "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 86400\r\n";

    fn domain() -> PolicyDomain {
        PolicyDomain::parse("a.test").unwrap()
    }

    fn sight(policy: &str, id: &str) -> Sight {
        let policy = Policy::parse(policy.as_bytes()).unwrap();
        Sight::new(vec![DnsName::parse("mx.a.test").unwrap()], Some(policy), Some(id.parse().unwrap()))
    }

    fn code(sight: &Sight, history: Option<&History>) -> Option<&'static str> {
        id_and_body(&domain(), sight, history).map(|remark| remark.code)
    }

    /// A history of these sights, an hour apart.
    fn history(sights: &[Sight]) -> History {
        let mut history = History::new(domain());
        for (hour, sight) in (0..).zip(sights) {
            sight.note(&mut history, UnixTime::from_secs(1_700_000_000 + hour * 3600));
        }
        history
    }

    #[test]
    fn a_policy_that_changed_under_its_id_is_found() {
        // Before anybody has noted the change, and after.
        assert_eq!(code(&sight(NEW, "1"), Some(&history(&[sight(OLD, "1")]))), Some("body-changed-id-not"));
        let noted = history(&[sight(OLD, "1"), sight(NEW, "1")]);
        assert_eq!(code(&sight(NEW, "1"), Some(&noted)), Some("body-changed-id-not"));
    }

    #[test]
    fn a_change_in_the_right_order_is_none() {
        let between = history(&[sight(OLD, "1"), sight(NEW, "1"), sight(NEW, "2")]);
        assert_eq!(code(&sight(NEW, "2"), Some(&between)), None);
        let at_once = history(&[sight(OLD, "1"), sight(NEW, "2")]);
        assert_eq!(code(&sight(NEW, "2"), Some(&at_once)), None);
        assert_eq!(code(&sight(NEW, "2"), Some(&history(&[sight(OLD, "1")]))), None);
        // The first id of a policy, and an id that changes alone.
        assert_eq!(code(&sight(OLD, "1"), Some(&history(&[]))), None);
        assert_eq!(code(&sight(OLD, "2"), Some(&history(&[sight(OLD, "1")]))), None);
        // Back to the policy that the id was for.
        assert_eq!(code(&sight(OLD, "1"), Some(&history(&[sight(OLD, "1")]))), None);
    }

    #[test]
    fn an_id_that_is_a_hash_is_compared_without_a_history() {
        let id = id_of(OLD.as_bytes());
        assert_eq!(code(&sight(OLD, id.as_str()), None), None);
        assert_eq!(code(&sight(NEW, id.as_str()), None), Some("id-of-another-policy"));
        assert_eq!(code(&sight(&OLD.replace("\r\n", "\n"), id.as_str()), None), Some("line-ends-changed"));
        // An id of another form says nothing of the policy, and neither does one with 20 digits in capitals.
        for other in ["20260101T000000", "20260101000000", "ABCDEF0123456789ABCD", "abcdef0123456789abcde"] {
            assert_eq!(code(&sight(NEW, other), None), None, "{other}");
        }
    }
}
