//! A check for the eyes of a postmaster.

use std::io;

use mta_sts_core::{FetchFault, Mode, NoPolicy, NoPolicyKind, Policy, Record, RecordErrorKind};
use mta_sts_resolver::{
    AbsenceKind, CertificateFault, DnsError, DomainCheck, DomainVerdict, HostCheck, HostDecision,
    PeerCertificate, SessionCheck, Standing, StarttlsOutcome,
};

use super::Subject;
use super::report::Failure;
use crate::command::findings::Source;
use crate::command::output::{Block, Tone, date, span};

pub(super) fn print(subject: &Subject, check: &DomainCheck, apart: bool) -> io::Result<()> {
    if apart {
        Block::gap()?;
    }
    let mut block = Block::new(&subject.title());
    if check.verdict() != DomainVerdict::NoSuchDomain {
        record(&mut block, check);
        policy(&mut block, check);
        mx(&mut block, check);
        tlsrpt(&mut block, check);
    }
    let (tone, sentence) = conclusion(check);
    block.line("=>", tone, sentence);
    block.print()?;
    let (records, policy) = (check.record_findings(), check.policy_findings());
    if !(records.is_empty() && policy.is_empty()) {
        Block::gap()?;
    }
    records_of(check).print(&records)?;
    policy_of(check).print(&policy)
}

/// The TXT records that findings are about.
pub(super) fn records_of(check: &DomainCheck) -> Source<'_> {
    let records = match &check.discovery.txt {
        Some(Ok(answer)) => answer.records.as_slice(),
        _ => &[],
    };
    Source::records(format!("{} TXT", check.domain.txt_name()), records)
}

/// The body that findings are about.
pub(super) fn policy_of(check: &DomainCheck) -> Source<'_> {
    let body = match &check.discovery.response {
        Some(Ok(response)) => response.body.as_slice(),
        _ => &[],
    };
    Source::policy(check.domain.policy_url(), body)
}

fn record(block: &mut Block, check: &DomainCheck) {
    let name = check.domain.txt_name();
    let answer = match &check.discovery.txt {
        Some(Ok(answer)) => answer,
        Some(Err(DnsError::NotFound(absence))) => {
            return block.line("record", Tone::Note, format!("{name}: {absence} [{}]", absence.code()));
        }
        Some(Err(error)) => {
            return block.line("record", Tone::Bad, format!("{name}: {error} [{}]", error.code()));
        }
        None => return,
    };
    block.line("record", Tone::Plain, format!("{name} TXT, TTL {}", span(answer.ttl)));
    let candidates = answer.records.iter().filter(|txt| is_candidate(txt)).count();
    for txt in &answer.records {
        block.line("", Tone::Plain, quoted(txt));
        match Record::select(&[txt]) {
            Ok(_) if candidates > 1 => block.line("", Tone::Note, "one of several records, so none counts"),
            Ok(record) => block.line("", Tone::Good, format!("counts, id {}", record.id())),
            Err(error) if error.kind() == RecordErrorKind::NoRecord && !resembles_record(txt) => {
                block.line("", Tone::Plain, "not a record of MTA-STS");
            }
            Err(_) => {
                if let Err(error) = Record::parse(txt) {
                    let sentence = error.kind().message();
                    block.line(
                        "",
                        Tone::Bad,
                        format!("at byte {}: {sentence} [{}]", error.offset(), error.code()),
                    );
                }
            }
        }
    }
    if let Err(NoPolicy::SeveralRecords) = &check.discovery.outcome.applied {
        block.line("", Tone::Bad, "The domain has more than one MTA-STS record. [several-records]");
    }
}

fn policy(block: &mut Block, check: &DomainCheck) {
    let url = check.domain.policy_url();
    match &check.discovery.response {
        Some(Ok(response)) => {
            let media_type =
                response.content_type.as_deref().map_or("no media type".into(), String::from_utf8_lossy);
            let said = format!("HTTP {}, {media_type}, {}", response.status, response.tls_version);
            block.line("policy", Tone::Plain, format!("{url}: {said}"));
        }
        Some(Err(error)) => {
            block.line("policy", Tone::Bad, format!("{url}: {error} [{}]", error.code()));
            if let Some(peer) = error.peer() {
                block.line("", Tone::Plain, format!("at {peer}"));
            }
            if let Some(shown) = error.certificate() {
                certificate(block, shown);
            }
        }
        None => {
            if let Some(Err(error)) = &check.discovery.policy_host {
                let host = check.domain.policy_host();
                block.line("policy", Tone::Bad, format!("{url}: {host}: {error} [{}]", error.code()));
            } else if matches!(check.discovery.outcome.applied, Err(NoPolicy::FetchFailed(_))) {
                block.line("policy", Tone::Plain, url);
            } else {
                block.line("policy", Tone::Plain, "not asked for");
            }
        }
    }
    match &check.discovery.outcome.applied {
        Ok(applied) => policy_content(block, &applied.policy),
        Err(NoPolicy::FetchFailed(FetchFault::Error(error))) => {
            let sentence =
                error.policy_error().map_or(error.kind().message(), |error| error.kind().message());
            let place = match error.policy_error() {
                Some(error) => format!("line {}, byte {}: ", error.line(), error.offset()),
                None => String::new(),
            };
            block.line("", Tone::Bad, format!("{place}{sentence} [{}]", error.code()));
        }
        Err(NoPolicy::FetchFailed(FetchFault::Failure(failure))) if !tells_failure(check) => {
            block.line("", Tone::Bad, format!("{} [{}]", failure.message(), failure.code()));
        }
        Err(_) => {}
    }
}

/// Whether the network itself said what went wrong with the fetch, in more detail than the failure's kind.
fn tells_failure(check: &DomainCheck) -> bool {
    matches!(check.discovery.response, Some(Err(_))) || matches!(check.discovery.policy_host, Some(Err(_)))
}

fn policy_content(block: &mut Block, policy: &Policy) {
    let tone = if policy.mode() == Mode::Enforce { Tone::Good } else { Tone::Note };
    let max_age = policy.max_age();
    block.line(
        "",
        tone,
        format!("mode {}, max_age {} ({})", policy.mode(), max_age.as_secs(), span(max_age)),
    );
    for pattern in policy.mx_patterns() {
        block.line("", Tone::Plain, format!("mx {pattern}"));
    }
}

fn mx(block: &mut Block, check: &DomainCheck) {
    match &check.mx {
        Ok(answer) if answer.is_null() => {
            return block.line("mx", Tone::Note, "null MX: the domain takes no mail (RFC 7505)");
        }
        Ok(_) => {}
        Err(DnsError::NotFound(absence)) if absence.kind == AbsenceKind::NoData => {
            block.line("mx", Tone::Note, "no MX record: the domain is its own MX host");
        }
        Err(error) => return block.line("mx", Tone::Bad, format!("{error} [{}]", error.code())),
    }
    let has_policy = check.discovery.outcome.policy().is_some_and(|policy| policy.mode() != Mode::None);
    for checked in &check.hosts {
        host(block, checked, has_policy);
        if check.verdict() != DomainVerdict::DnsFailed {
            decision(block, checked);
        }
    }
    if let Ok(answer) = &check.mx {
        let left_out = answer.hosts.len().saturating_sub(check.hosts.len());
        if left_out > 0 {
            block.line("", Tone::Note, format!("and {left_out} more MX hosts, not looked at"));
        }
    }
}

fn host(block: &mut Block, host: &HostCheck, has_policy: bool) {
    let label = host.preference.map_or_else(|| "mx".to_owned(), |preference| format!("mx {preference}"));
    match (&host.covered_by, has_policy) {
        (Some(pattern), true) => {
            block.line(&label, Tone::Good, format!("{}: covered by {pattern}", host.name));
        }
        (None, true) => block.line(&label, Tone::Bad, format!("{}: not covered [mx-mismatch]", host.name)),
        (_, false) => block.line(&label, Tone::Plain, &host.name),
    }
    match &host.addresses {
        Ok(answer) => {
            let addresses: Vec<_> = answer.addresses.iter().take(8).map(ToString::to_string).collect();
            let more = answer.addresses.len().saturating_sub(8);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            block.line("", Tone::Plain, format!("address {}{more}", addresses.join(", ")));
        }
        Err(error) => block.line("", Tone::Bad, format!("no address: {error} [{}]", error.code())),
    }
    match &host.session {
        Some(Ok(checked)) => session(block, checked, has_policy),
        Some(Err(error)) => block.line("", Tone::Bad, format!("{error} [{}]", error.code())),
        None => {}
    }
}

fn decision(block: &mut Block, host: &HostCheck) {
    let (tone, text) = match host.decision {
        HostDecision::Deliver if host.standing() == Standing::Fine => {
            (Tone::Good, "a sender delivers".to_owned())
        }
        HostDecision::Deliver => (Tone::Note, "a sender delivers all the same".to_owned()),
        HostDecision::TryNextMx => {
            let reason = host.fault.map_or("", |fault| fault.message());
            (Tone::Note, format!("a sender does not deliver: {reason}"))
        }
        HostDecision::Unavailable => (Tone::Note, "a sender cannot deliver".to_owned()),
    };
    block.line("", tone, text);
}

fn session(block: &mut Block, session: &SessionCheck, has_policy: bool) {
    let bad = if has_policy { Tone::Bad } else { Tone::Note };
    match &session.starttls {
        Ok(StarttlsOutcome::Established(tls)) => {
            let requiretls = if session.offers_requiretls { ", REQUIRETLS" } else { "" };
            let tls_line = format!("STARTTLS, {}, {}{requiretls}", tls.version(), tls.cipher_suite());
            block.line("", Tone::Plain, tls_line);
            certificate_in(block, tls.certificate(), bad);
        }
        Ok(StarttlsOutcome::NotOffered) => {
            block.line("", bad, "STARTTLS is not offered [starttls-not-offered]");
        }
        Ok(StarttlsOutcome::Refused(reply)) => {
            block.line("", bad, format!("STARTTLS is refused: {reply} [starttls-refused]"));
        }
        Ok(StarttlsOutcome::HandshakeFailed(failure)) => {
            block.line(
                "",
                bad,
                format!("STARTTLS, but the handshake failed: {failure} [{}]", failure.code()),
            );
            if let Some(shown) = failure.certificate() {
                certificate_in(block, shown, bad);
            }
        }
        Ok(other) => block.line("", bad, format!("STARTTLS: [{}]", other.code())),
        Err(error) => block.line("", bad, format!("STARTTLS, then {error} [{}]", error.code())),
    }
}

fn certificate(block: &mut Block, certificate: &PeerCertificate) {
    certificate_in(block, certificate, Tone::Bad);
}

fn certificate_in(block: &mut Block, certificate: &PeerCertificate, bad: Tone) {
    if certificate.is_valid() {
        block.line("", Tone::Good, "certificate valid");
    }
    for fault in certificate.faults() {
        block.line("", bad, format!("{fault} [{}]", fault.code()));
    }
    if certificate.primary_fault() == Some(CertificateFault::Malformed) {
        return;
    }
    let names = certificate.dns_names();
    let shown =
        if names.is_empty() { "no DNS name".to_owned() } else { names[..names.len().min(8)].join(", ") };
    let more = names.len().saturating_sub(8);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    block.line("", Tone::Plain, format!("for {shown}{more}"));
    block.line(
        "",
        Tone::Plain,
        format!("by {}, until {}", certificate.issuer(), date(certificate.not_after())),
    );
}

fn tlsrpt(block: &mut Block, check: &DomainCheck) {
    let failures = Failure::all(check);
    let is_known = check.verdict() != DomainVerdict::DnsFailed;
    if is_known && failures.is_empty() && check.hosts.iter().any(|host| !host.rows.is_empty()) {
        block.line("tlsrpt", Tone::Plain, "success alone would be reported");
    }
    for (place, failure) in failures.iter().enumerate() {
        let at = failure.mx.map(|mx| format!(" at {mx}")).unwrap_or_default();
        let reason = failure.reason_code.map(|reason| format!(" ({reason})")).unwrap_or_default();
        let text = format!("{} {}{reason}{at}", failure.policy_type, failure.result_type);
        block.line(if place == 0 { "tlsrpt" } else { "" }, Tone::Note, text);
    }
}

/// What becomes of the mail, in one sentence.
pub(super) fn conclusion(check: &DomainCheck) -> (Tone, String) {
    let named = |decision: HostDecision| {
        let names: Vec<_> = check
            .hosts
            .iter()
            .filter(|host| host.decision == decision)
            .map(|host| host.name.as_str())
            .collect();
        names.join(", ")
    };
    let faults = || {
        let told: Vec<_> = check
            .hosts
            .iter()
            .filter(|host| host.decision != HostDecision::Deliver)
            .map(|host| match host.fault {
                Some(fault) => format!("{}: {}", host.name, fault.message()),
                None => format!("{}: It cannot be reached.", host.name),
            })
            .collect();
        told.join(" ")
    };
    match check.verdict() {
        DomainVerdict::Delivered => {
            let hosts = named(HostDecision::Deliver);
            (Tone::Good, format!("Mail is delivered over authenticated TLS to {hosts}."))
        }
        DomainVerdict::DeliveredWithFaults => {
            let hosts = named(HostDecision::Deliver);
            (Tone::Bad, format!("Mail is delivered over authenticated TLS to {hosts} only. {}", faults()))
        }
        DomainVerdict::Deferred => (Tone::Bad, format!("Mail would be deferred: {}", faults())),
        DomainVerdict::Testing => {
            (Tone::Good, "Mode testing: mail is delivered, and no failure would be reported.".to_owned())
        }
        DomainVerdict::TestingWithFaults => {
            let mut types: Vec<_> =
                Failure::all(check).iter().map(|failure| failure.result_type.as_str()).collect();
            types.dedup();
            let reported = if types.is_empty() {
                "not every MX host can be reached".to_owned()
            } else {
                format!("{} would be reported", types.join(", "))
            };
            (Tone::Bad, format!("Mode testing: mail is delivered all the same; {reported}."))
        }
        DomainVerdict::ModeNone => {
            (Tone::Note, "Mode none: mail is delivered as if the domain had no MTA-STS.".to_owned())
        }
        DomainVerdict::NoMtaSts => {
            let reason = match &check.discovery.outcome.applied {
                Err(NoPolicy::FetchFailed(fault)) => fault_sentence(fault).to_owned(),
                Err(reason) => reason.kind().message().to_owned(),
                Ok(_) => String::new(),
            };
            (Tone::Bad, format!("No MTA-STS: {reason} Mail goes out as to any domain without a policy."))
        }
        DomainVerdict::Unavailable => (Tone::Bad, "Mail would wait: no MX host can be reached.".to_owned()),
        DomainVerdict::DnsFailed => {
            (Tone::Bad, "Mail would wait: DNS does not say where it may go. Try again later.".to_owned())
        }
        DomainVerdict::LocalFault => {
            (Tone::Bad, format!("Mail would wait: {}", NoPolicyKind::LocalFault.message()))
        }
        DomainVerdict::NullMx => (Tone::Note, "The domain takes no mail: it has a null MX.".to_owned()),
        DomainVerdict::NoSuchDomain => (Tone::Bad, "The domain does not exist.".to_owned()),
        other => (Tone::Note, other.code().to_owned()),
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

pub(super) fn is_candidate(txt: &[u8]) -> bool {
    !matches!(Record::select(&[txt]), Err(error) if error.kind() == RecordErrorKind::NoRecord)
}

/// Whether its owner may have meant a record.
fn resembles_record(txt: &[u8]) -> bool {
    let lower = txt.trim_ascii_start().to_ascii_lowercase();
    [&b"v=sts"[..], b"v =", b"\"v=sts"].iter().any(|beginning| lower.starts_with(beginning))
}

/// Octets of a stranger, on one line and not too many.
fn quoted(octets: &[u8]) -> String {
    let shown = &octets[..octets.len().min(300)];
    let more =
        if shown.len() < octets.len() { format!("... ({} octets)", octets.len()) } else { String::new() };
    format!("\"{}\"{more}", shown.escape_ascii())
}
