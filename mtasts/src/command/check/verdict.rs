//! The verdict of a check, in terms of an owner.

use mta_sts_core::{FetchFault, NoPolicy, NoPolicyKind};
use mta_sts_resolver::{
    CheckFindingKind, DnsError, DomainCheck, DomainVerdict, HostCheck, HostDane, HostDecision, Standing,
};

use super::Looked;
use crate::command::output::Tone;

/// The first line about a domain, and the sentences below it.
pub(in crate::command) struct Verdict {
    pub(in crate::command) tone: Tone,
    /// The rest of the line after the name of the domain.
    pub(in crate::command) headline: String,
    pub(in crate::command) sentence: String,
}

impl Verdict {
    pub(in crate::command) fn of(looked: &Looked) -> Self {
        let check = &looked.check;
        let (tone, headline, sentence) = match check.verdict() {
            DomainVerdict::Delivered if looked.standing() == Standing::Faulty => delivered_with_faults(check),
            DomainVerdict::Delivered => (
                Tone::Good,
                "protected".to_owned(),
                format!(
                    "Senders with MTA-STS deliver only over authenticated TLS, to {}.",
                    hosts(check, delivers)
                ),
            ),
            DomainVerdict::DeliveredWithFaults => delivered_with_faults(check),
            DomainVerdict::Deferred => deferred(check),
            DomainVerdict::DaneRefused => (
                Tone::Bad,
                "mail is being refused: by senders with DANE".to_owned(),
                "DANE fails at every reachable MX host. Senders with only MTA-STS deliver.".to_owned(),
            ),
            DomainVerdict::Testing if looked.standing() == Standing::Faulty => testing_with_faults(check),
            DomainVerdict::Testing => (
                Tone::Note,
                "not protected yet: the policy has mode testing".to_owned(),
                "Senders deliver in any case. They would report no failures.".to_owned(),
            ),
            DomainVerdict::TestingWithFaults => testing_with_faults(check),
            DomainVerdict::ModeNone => {
                (Tone::Bad, "not protected: the policy has mode none".to_owned(), UNPROTECTED.to_owned())
            }
            DomainVerdict::NoMtaSts => {
                (Tone::Bad, format!("not protected: {}", why_no_policy(check)), UNPROTECTED.to_owned())
            }
            DomainVerdict::Unavailable if check.hosts.iter().all(has_no_address) => (
                Tone::Bad,
                "mail cannot be delivered: no MX host has an address".to_owned(),
                "It waits in the queues of the senders, and is returned after some days.".to_owned(),
            ),
            DomainVerdict::Unavailable => (
                Tone::Bad,
                "unknown: no MX host can be reached from here".to_owned(),
                "If senders cannot reach them either, mail waits in their queues. Try again later."
                    .to_owned(),
            ),
            DomainVerdict::DnsFailed => dns_failed(check),
            DomainVerdict::LocalFault => (
                Tone::Bad,
                "unknown: this machine could not fetch the policy".to_owned(),
                NoPolicyKind::LocalFault.message().to_owned(),
            ),
            DomainVerdict::NullMx => (
                Tone::Note,
                "accepts no mail".to_owned(),
                "Its only MX record is a null MX (RFC 7505).".to_owned(),
            ),
            DomainVerdict::NoSuchDomain => {
                (Tone::Bad, "does not exist".to_owned(), "The name does not exist in DNS.".to_owned())
            }
            other => (Tone::Note, other.code().to_owned(), String::new()),
        };
        Self { tone, headline, sentence }
    }

    /// The reason why the exit status is not 0.
    pub(super) fn exit_reason(standing: Standing) -> Option<(&'static str, &'static str)> {
        match standing {
            Standing::Fine => None,
            Standing::Temporary => Some((
                "exit 75",
                "No fault was found, but not everything could be checked now: try again later.",
            )),
            Standing::Faulty => Some(("exit 1", "A domain above is not protected, or has an error to fix.")),
        }
    }
}

fn has_no_address(host: &HostCheck) -> bool {
    matches!(host.addresses, Err(DnsError::NotFound(_)))
}

fn delivers(host: &HostCheck) -> bool {
    host.decision == HostDecision::Deliver && !host.dane.refuses()
}

fn delivered_with_faults(check: &DomainCheck) -> (Tone, String, String) {
    let others = hosts(check, |host| !delivers(host));
    if others.is_empty() {
        let sentence = "Senders with MTA-STS deliver only over authenticated TLS, but there are faults.";
        return (Tone::Bad, "protected, with faults".to_owned(), sentence.to_owned());
    }
    let sentence = format!(
        "Senders with MTA-STS deliver only over authenticated TLS, to {}. They do not deliver to {others}.",
        hosts(check, delivers)
    );
    (Tone::Bad, "protected, but not every MX host complies with the policy".to_owned(), sentence)
}

fn deferred(check: &DomainCheck) -> (Tone, String, String) {
    let faults = check.hosts.iter().filter_map(|host| host.fault.map(|fault| (host, fault)));
    let reason = match faults.clone().next() {
        Some((_, fault)) => lower_first(fault.message().trim_end_matches('.')),
        None => "no MX host complies with the policy".to_owned(),
    };
    let mut sentence =
        "Senders with MTA-STS deliver to none of the MX hosts. Mail waits in their queues, and is returned after some days."
            .to_owned();
    if check.hosts.iter().any(|host| host.dane == HostDane::Passed) {
        sentence.push_str(" Senders with DANE deliver: the TLSA records match.");
    }
    (Tone::Bad, format!("mail is being refused: {reason}"), sentence)
}

fn testing_with_faults(check: &DomainCheck) -> (Tone, String, String) {
    let at_fault = hosts(check, |host| host.standing() != Standing::Fine);
    let sentence = if at_fault.is_empty() {
        "Senders deliver in any case. There is something to fix before mode enforce.".to_owned()
    } else {
        format!("Senders deliver in any case. In mode enforce they would not, to {at_fault}.")
    };
    (Tone::Bad, "not protected yet: mode testing, and there are faults to fix first".to_owned(), sentence)
}

fn dns_failed(check: &DomainCheck) -> (Tone, String, String) {
    if let Err(error @ DnsError::Failed(_)) = &check.mx {
        let headline = format!("unknown: the lookup of the MX records failed ({error})");
        return (Tone::Bad, headline, "Mail waits in the queues of the senders. Try again later.".to_owned());
    }
    let error = match &check.discovery.txt {
        Some(Err(error)) => format!(" ({error})"),
        _ => String::new(),
    };
    let sentence =
        "Senders that have cached a policy apply it; others wait, or deliver without one. Try again later.";
    (
        Tone::Bad,
        format!("unknown: the lookup of the record {} failed{error}", check.domain.txt_name()),
        sentence.to_owned(),
    )
}

fn why_no_policy(check: &DomainCheck) -> String {
    if check.findings().iter().any(|finding| finding.kind() == CheckFindingKind::PolicyEncoded) {
        return "senders refuse the policy (it is compressed)".to_owned();
    }
    match check.discovery.outcome.applied.as_ref() {
        Err(NoPolicy::FetchFailed(fault @ FetchFault::Failure(_))) => {
            format!(
                "the policy cannot be fetched ({})",
                lower_first(fault_sentence(fault).trim_end_matches('.'))
            )
        }
        Err(NoPolicy::FetchFailed(fault)) => {
            format!(
                "senders refuse the policy ({})",
                lower_first(fault_sentence(fault).trim_end_matches('.'))
            )
        }
        Err(reason) => lower_first(reason.kind().message().trim_end_matches('.')),
        Ok(_) => String::new(),
    }
}

fn fault_sentence(fault: &FetchFault) -> &'static str {
    match fault {
        FetchFault::Failure(failure) => failure.message(),
        FetchFault::Error(error) => match error.policy_error() {
            Some(error) => error.kind().message(),
            None => error.kind().message(),
        },
    }
}

fn hosts(check: &DomainCheck, which: impl Fn(&HostCheck) -> bool) -> String {
    let names: Vec<_> =
        check.hosts.iter().filter(|host| which(host)).map(|host| host.name.as_str()).collect();
    some_of(&names)
}

/// Up to three names for a sentence, and the number of others.
pub(in crate::command) fn some_of(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<_> = names.iter().take(3).map(AsRef::as_ref).collect();
    match (names.len(), shown.as_slice()) {
        (0 | 1, _) => shown.concat(),
        (2, [first, second]) => format!("{first} and {second}"),
        (3, [first, second, third]) => format!("{first}, {second} and {third}"),
        (count, _) => format!("{} and {} more", shown.join(", "), count - 3),
    }
}

/// Makes a sentence part of another one: its first word is not a name.
fn lower_first(sentence: &str) -> String {
    let mut rest = sentence.chars();
    let first = rest.next();
    let is_word = rest.clone().next().is_none_or(|second| !second.is_uppercase());
    match first {
        Some(first) if is_word => first.to_lowercase().chain(rest).collect(),
        _ => sentence.to_owned(),
    }
}

const UNPROTECTED: &str = "Senders deliver as to any domain without MTA-STS: an attacker on the path can read the mail, or divert it.";
