//! The result of a check as text for a postmaster: the verdict, what to do, then each stage.

use std::io;

use mta_sts_core::lint::Severity;
use mta_sts_core::{FetchFault, Mode, NoPolicy, Policy, Record, RecordErrorKind};
use mta_sts_resolver::{
    AbsenceKind, AliasChain, AliasEnd, CertificateFault, DnsError, DomainCheck, DomainVerdict, HostCheck,
    HostDane, HostDecision, NameServersCheck, PeerCertificate, SessionCheck, SmtpError, Standing,
    StarttlsOutcome, TlsFailure,
};

use super::Looked;
use super::failure::Failure;
use super::todo;
use super::verdict::Verdict;
use crate::command::output::{Block, Tone, date, span};

pub(super) fn print(looked: &Looked, apart: bool) -> io::Result<()> {
    if apart {
        Block::gap()?;
    }
    let check = &looked.check;
    let mut block = verdict(looked);
    if check.verdict() != DomainVerdict::NoSuchDomain {
        block.space();
        if todo::write(&mut block, looked, Severity::Info) {
            block.space();
        }
        record(&mut block, check);
        policy(&mut block, check);
        mx(&mut block, check);
        tlsrpt(&mut block, check);
        if let Some(asked) = &check.name_servers {
            name_servers(&mut block, asked);
        }
    }
    block.print()
}

/// Prints the verdict and what to do, if there is something; returns whether there is.
pub(super) fn print_todo(looked: &Looked, apart: bool) -> io::Result<bool> {
    let mut block = verdict(looked);
    block.space();
    let has_todo = todo::write(&mut block, looked, Severity::Warning);
    if has_todo {
        if apart {
            Block::gap()?;
        }
        block.print()?;
    }
    Ok(has_todo)
}

fn verdict(looked: &Looked) -> Block {
    let Verdict { tone, headline, sentence } = Verdict::of(looked);
    let mut block = Block::with_verdict(&looked.subject.title(), tone, &headline);
    block.line("=>", Tone::Plain, sentence);
    block
}

/// Prints one line for each of several domains.
pub(super) fn print_summary(checks: &[(String, Verdict)], apart: bool) -> io::Result<()> {
    if apart {
        Block::gap()?;
    }
    let mut block = Block::new("Summary");
    for (title, verdict) in checks {
        let mark = match verdict.tone {
            Tone::Good => "ok",
            Tone::Bad => "error",
            Tone::Note | Tone::Plain => "note",
        };
        block.line(mark, verdict.tone, format!("{title}: {}", verdict.headline));
    }
    block.print()
}

fn record(block: &mut Block, check: &DomainCheck) {
    let name = check.domain.txt_name();
    let alias = alias_of(check, &name);
    let answer = match &check.discovery.txt {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => {
            block.line("record", Tone::Note, format!("{name}: {error} [{}]", error.code()));
            return alias_line(block, alias);
        }
        None => return,
    };
    let signed = signed(answer.authenticated);
    block.line("record", Tone::Plain, format!("{name} TXT, TTL {}{signed}", span(answer.ttl)));
    alias_line(block, alias);
    let candidates = answer.records.iter().filter(|txt| is_candidate(txt)).count();
    for txt in &answer.records {
        block.line("", Tone::Plain, quoted(txt));
        match Record::select(&[txt]) {
            Ok(_) if candidates > 1 => {
                block.line("", Tone::Note, "one of several records, so senders use none of them");
            }
            Ok(record) => {
                block.line("", Tone::Good, format!("senders use this record (id {})", record.id()));
            }
            Err(error) if error.kind() == RecordErrorKind::NoRecord && !resembles_record(txt) => {
                block.line("", Tone::Plain, "not an MTA-STS record");
            }
            Err(_) => {
                if let Err(error) = Record::parse(txt) {
                    let place = format!("from byte {} on", error.offset());
                    block.line("", Tone::Bad, format!("senders refuse it, {place} [{}]", error.code()));
                }
            }
        }
    }
}

fn signed(authenticated: bool) -> &'static str {
    if authenticated { ", signed (DNSSEC)" } else { "" }
}

fn alias_of<'c>(check: &'c DomainCheck, name: &str) -> Option<&'c AliasChain> {
    check.aliases.iter().find(|chain| chain.name == name)
}

fn alias_line(block: &mut Block, chain: Option<&AliasChain>) {
    let Some(chain) = chain else { return };
    let targets = chain.targets.join(", an alias of ");
    let (tone, end) = match &chain.end {
        AliasEnd::Missing { .. } => (Tone::Bad, ", which does not exist"),
        AliasEnd::Endless => (Tone::Bad, ", and more"),
        _ => (Tone::Plain, ""),
    };
    block.line("", tone, format!("{} is an alias of {targets}{end}", chain.name));
}

fn policy(block: &mut Block, check: &DomainCheck) {
    let (url, host) = (check.domain.policy_url(), check.domain.policy_host());
    match &check.discovery.response {
        Some(Ok(response)) => {
            let media_type =
                response.content_type.as_deref().map_or("no media type".into(), String::from_utf8_lossy);
            let said = format!("HTTP {}, {media_type}, {}", response.status, response.tls_version);
            block.line("policy", Tone::Plain, format!("{url}: {said}"));
            alias_line(block, alias_of(check, &host));
            if let Some(target) = &response.location {
                block.line("", Tone::Bad, format!("redirects to {}", String::from_utf8_lossy(target)));
            }
            if let Some(coding) = &response.content_encoding {
                block.line("", Tone::Bad, format!("Content-Encoding: {}", String::from_utf8_lossy(coding)));
            }
            certificate(block, check, &response.certificate, Tone::Bad);
            without_sni(block, check.policy_host_without_sni.as_ref(), Some(&response.certificate));
            policy_addresses(block, check, response.peer.ip().to_string());
        }
        Some(Err(error)) => {
            let at = error.peer().map(|peer| format!(" at {}", peer.ip())).unwrap_or_default();
            block.line("policy", Tone::Bad, format!("{url}{at}: {error} [{}]", error.code()));
            alias_line(block, alias_of(check, &host));
            if let Some(shown) = error.certificate() {
                certificate(block, check, shown, Tone::Bad);
            }
        }
        None => {
            let asked = match (&check.discovery.policy_host, &check.discovery.outcome.applied) {
                (Some(Err(error)), _) => (Tone::Bad, format!("{url}: {host}: {error} [{}]", error.code())),
                (_, Err(NoPolicy::FetchFailed(_))) => (Tone::Plain, url),
                _ => (Tone::Plain, "not fetched: senders look up the record first".to_owned()),
            };
            block.line("policy", asked.0, asked.1);
            alias_line(block, alias_of(check, &host));
        }
    }
    let is_encoded =
        matches!(&check.discovery.response, Some(Ok(response)) if response.content_encoding.is_some());
    match &check.discovery.outcome.applied {
        Ok(applied) => policy_content(block, &applied.policy),
        // The octets are encoded, so positions in them are meaningless.
        Err(NoPolicy::FetchFailed(FetchFault::Error(_))) if is_encoded => {}
        Err(NoPolicy::FetchFailed(FetchFault::Error(error))) => {
            let place = match error.policy_error() {
                Some(error) => format!(", from line {}, byte {} on", error.line(), error.offset()),
                None => String::new(),
            };
            block.line("", Tone::Bad, format!("senders refuse the policy{place} [{}]", error.code()));
        }
        Err(NoPolicy::FetchFailed(FetchFault::Failure(failure))) if !tells_failure(check) => {
            block.line("", Tone::Bad, format!("{} [{}]", failure.message(), failure.code()));
        }
        Err(_) => {}
    }
}

fn policy_addresses(block: &mut Block, check: &DomainCheck, first: String) {
    if check.policy_addresses.is_empty() {
        return block.line("", Tone::Plain, format!("address {first}"));
    }
    let (same, others): (Vec<_>, Vec<_>) = check.policy_addresses.iter().partition(|(_, other)| {
        let body = check.discovery.response.as_ref().and_then(|response| response.as_ref().ok());
        matches!((other, body), (Ok(other), Some(first)) if other.body == first.body && other.status == first.status)
    });
    let same = same.iter().map(|(address, _)| address.to_string());
    let same: Vec<_> = std::iter::once(first).chain(same).collect();
    block.line("", Tone::Plain, format!("the same policy at {}", same.join(", ")));
    for (address, other) in others {
        let said = match other {
            Ok(response) if response.status == 200 => "a different policy".to_owned(),
            Ok(response) => format!("HTTP {}", response.status),
            Err(error) => format!("{error} [{}]", error.code()),
        };
        block.line("", Tone::Bad, format!("at {address}: {said}"));
    }
}

/// Returns whether the error of the fetch has more detail than the kind of failure.
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
    for pattern in policy.mx_patterns().take(MAX_LINES) {
        block.line("", Tone::Plain, format!("mx {pattern}"));
    }
    let left_out = policy.mx_patterns().count().saturating_sub(MAX_LINES);
    if left_out > 0 {
        block.line("", Tone::Plain, format!("and {left_out} more"));
    }
}

fn mx(block: &mut Block, check: &DomainCheck) {
    match &check.mx {
        Ok(answer) if answer.is_null() => {
            return block.line("mx", Tone::Note, "null MX: the domain accepts no mail (RFC 7505)");
        }
        Ok(answer) => {
            let signed = signed(answer.authenticated);
            block.line("mx", Tone::Plain, format!("{} MX, TTL {}{signed}", check.domain, span(answer.ttl)));
        }
        Err(DnsError::NotFound(absence)) if absence.kind == AbsenceKind::NoData => {
            block.line("mx", Tone::Note, "no MX record: the domain is its own MX host");
        }
        Err(error) => return block.line("mx", Tone::Bad, format!("{error} [{}]", error.code())),
    }
    let has_policy = check.discovery.outcome.policy().is_some_and(|policy| policy.mode() != Mode::None);
    for checked in &check.hosts {
        host(block, check, checked, has_policy);
        if check.verdict() != DomainVerdict::DnsFailed {
            let (tone, said) = decision(checked);
            block.line("", tone, said);
        }
    }
    if let Ok(answer) = &check.mx {
        let mut names: Vec<_> = answer.hosts.iter().map(|host| &host.exchange).collect();
        names.sort_unstable();
        names.dedup();
        let left_out = names.len().saturating_sub(check.hosts.len());
        if left_out > 0 {
            block.line("", Tone::Note, format!("and {left_out} more MX hosts, not checked"));
        }
    }
}

fn host(block: &mut Block, check: &DomainCheck, host: &HostCheck, has_policy: bool) {
    let label = host.preference.map_or_else(|| "mx".to_owned(), |preference| format!("mx {preference}"));
    match (&host.covered_by, has_policy) {
        (Some(pattern), true) => {
            block.line(&label, Tone::Good, format!("{}: covered by {pattern}", host.name));
        }
        (None, true) => block.line(&label, Tone::Bad, format!("{}: not covered [mx-mismatch]", host.name)),
        (_, false) => block.line(&label, Tone::Plain, &host.name),
    }
    alias_line(block, host.alias.as_ref());
    if !is_below(&host.name, check.domain.as_str()) {
        block.line("", Tone::Plain, "of another domain: its operator renews its certificate");
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
        Some(Ok(checked)) => {
            session(block, check, checked, has_policy);
            probes(block, host, checked);
        }
        Some(Err(error)) => block.line("", Tone::Bad, format!("{error} [{}]", error.code())),
        None => {}
    }
    for (peer, other) in &host.other_sessions {
        let (tone, said) = match other {
            Ok(other) if other.certificate().is_some_and(PeerCertificate::is_valid) => {
                (Tone::Plain, "certificate valid".to_owned())
            }
            Ok(other) => {
                let code = other.starttls.as_ref().map_or_else(SmtpError::code, StarttlsOutcome::code);
                (Tone::Bad, format!("[{code}]"))
            }
            Err(error) => (Tone::Note, format!("{error} [{}]", error.code())),
        };
        block.line("", tone, format!("at {}: {said}", peer.ip()));
    }
    dane(block, host.dane);
}

/// Returns whether a name is the domain, or below it.
pub(super) fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn dane(block: &mut Block, dane: HostDane) {
    let (tone, said) = match dane {
        HostDane::NotChecked => (Tone::Plain, "not checked: no validating DNS server on loopback"),
        HostDane::NotApplicable => (Tone::Plain, "no signed TLSA records"),
        HostDane::Unusable => (Tone::Note, "no usable TLSA record [dane-unusable]"),
        HostDane::Passed => (Tone::Good, "a TLSA record matches: senders with DANE deliver"),
        HostDane::Mismatch => (Tone::Bad, "no TLSA record matches: senders with DANE refuse [dane-mismatch]"),
        HostDane::NoTls => (Tone::Bad, "TLSA records, but no TLS: senders with DANE refuse"),
        HostDane::NotCompared => (Tone::Plain, "TLSA records, but no session to compare them with"),
        HostDane::Failed(_) => (Tone::Bad, "the lookup of the TLSA records failed: senders with DANE wait"),
        _ => (Tone::Plain, dane.code()),
    };
    block.line("", tone, format!("DANE: {said}"));
}

/// What senders do at an MX host.
pub(in crate::command) fn decision(host: &HostCheck) -> (Tone, String) {
    match host.decision {
        HostDecision::Deliver if host.standing() == Standing::Fine => {
            (Tone::Good, "senders deliver".to_owned())
        }
        HostDecision::Deliver if host.dane.refuses() => {
            (Tone::Note, "senders without DANE deliver".to_owned())
        }
        HostDecision::Deliver => (Tone::Note, "senders deliver anyway".to_owned()),
        HostDecision::Unavailable => (Tone::Note, "senders cannot deliver".to_owned()),
        _ => {
            let reason = host.fault.map_or("", |fault| fault.message());
            (Tone::Note, format!("senders with MTA-STS do not deliver: {reason}"))
        }
    }
}

fn session(block: &mut Block, check: &DomainCheck, session: &SessionCheck, has_policy: bool) {
    let bad = if has_policy { Tone::Bad } else { Tone::Note };
    match &session.starttls {
        Ok(StarttlsOutcome::Established(tls)) => {
            let requiretls = if session.offers_requiretls { ", REQUIRETLS" } else { "" };
            let tls_line = format!("STARTTLS, {}, {}{requiretls}", tls.version(), tls.cipher_suite());
            block.line("", Tone::Plain, tls_line);
            certificate(block, check, tls.certificate(), bad);
        }
        Ok(StarttlsOutcome::NotOffered) => {
            block.line("", bad, "STARTTLS is not offered [starttls-not-offered]");
        }
        Ok(StarttlsOutcome::Refused(reply)) => {
            block.line("", bad, format!("STARTTLS is rejected: {reply} [starttls-refused]"));
        }
        Ok(StarttlsOutcome::HandshakeFailed(failure)) => {
            let code = if failure.is_version_too_old() { "tls-version-too-old" } else { failure.code() };
            block.line("", bad, format!("STARTTLS, but the handshake failed: {failure} [{code}]"));
            if let Some(shown) = failure.certificate() {
                certificate(block, check, shown, bad);
            }
        }
        Ok(other) => block.line("", bad, format!("STARTTLS: [{}]", other.code())),
        Err(error) => block.line("", bad, format!("STARTTLS, then {error} [{}]", error.code())),
    }
}

fn probes(block: &mut Block, host: &HostCheck, session: &SessionCheck) {
    let taken = host.probes.deprecated_tls.as_deref().unwrap_or_default();
    if !taken.is_empty() {
        let taken: Vec<_> = taken.iter().rev().map(ToString::to_string).collect();
        block.line("", Tone::Plain, format!("accepts {} too", taken.join(" and ")));
    }
    without_sni(block, host.probes.without_sni.as_ref(), session.certificate());
}

/// The certificate for a client without SNI, if it differs from that `with` SNI and is not valid.
fn without_sni(
    block: &mut Block,
    shown: Option<&Result<PeerCertificate, TlsFailure>>,
    with: Option<&PeerCertificate>,
) {
    match shown {
        Some(Ok(shown)) if !shown.is_valid() && Some(shown) != with => {
            let codes: Vec<_> = shown.faults().iter().map(|fault| format!("[{}]", fault.code())).collect();
            let (names, codes) = (names(shown), codes.join(" "));
            block.line("", Tone::Plain, format!("without SNI: certificate for {names} {codes}"));
        }
        Some(Err(failure)) => block.line("", Tone::Plain, format!("without SNI: {failure}")),
        _ => {}
    }
}

fn certificate(block: &mut Block, check: &DomainCheck, certificate: &PeerCertificate, bad: Tone) {
    for fault in certificate.faults() {
        block.line("", bad, format!("{fault} [{}]", fault.code()));
    }
    if certificate.primary_fault() == Some(CertificateFault::Malformed) {
        return;
    }
    let end = certificate.not_after();
    let days = super::days_left(check, certificate);
    let until = match days {
        ..0 => format!("certificate until {}, expired", date(end)),
        0 => format!("certificate until {}, which is today", date(end)),
        1 => format!("certificate until {}, 1 day left", date(end)),
        days => format!("certificate until {}, {days} days left", date(end)),
    };
    let until =
        if certificate.is_valid() { until.replacen("certificate", "certificate valid", 1) } else { until };
    let tone = if certificate.is_valid() { Tone::Good } else { Tone::Plain };
    block.line("", tone, until);
    block.line("", Tone::Plain, format!("for {}", names(certificate)));
    let chain = certificate.chain();
    let sent = if chain.len() == 1 { "alone".to_owned() } else { format!("with {} others", chain.len() - 1) };
    let issuer = certificate.issuer();
    block.line("", Tone::Plain, format!("issued by {issuer}, key {}, sent {sent}", chain.key()));
}

fn names(certificate: &PeerCertificate) -> String {
    let names = certificate.dns_names();
    let shown =
        if names.is_empty() { "no DNS name".to_owned() } else { names[..names.len().min(8)].join(", ") };
    let more = names.len().saturating_sub(8);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{shown}{more}")
}

fn tlsrpt(block: &mut Block, check: &DomainCheck) {
    let Some(name) = &check.tlsrpt.name else { return };
    match (&check.tlsrpt.txt, check.tlsrpt.record()) {
        (Ok(answer), Some(record)) => {
            let signed = signed(answer.authenticated);
            block.line("tlsrpt", Tone::Plain, format!("{name} TXT, TTL {}{signed}", span(answer.ttl)));
            alias_line(block, alias_of(check, name));
            for txt in answer.records.iter().take(MAX_LINES) {
                block.line("", Tone::Plain, quoted(txt));
            }
            match record {
                Ok(record) => {
                    for uri in record.uris() {
                        block.line("", Tone::Good, format!("reports go to {uri}"));
                    }
                }
                Err(error) => {
                    block.line("", Tone::Note, format!("senders cannot use it [{}]", error.code()));
                }
            }
        }
        (Err(DnsError::NotFound(_)), _) => {
            block.line("tlsrpt", Tone::Note, "no record: no reports are sent");
            alias_line(block, alias_of(check, name));
        }
        (Err(error), _) => block.line("tlsrpt", Tone::Note, format!("{name}: {error} [{}]", error.code())),
        (Ok(_), None) => {}
    }
    let failures = Failure::all(check);
    let is_known = check.verdict() != DomainVerdict::DnsFailed;
    let is_told = check.tlsrpt.is_told();
    if is_told && is_known && failures.is_empty() && check.hosts.iter().any(|host| !host.rows.is_empty()) {
        block.line("", Tone::Plain, "senders would report: success only");
    }
    for failure in failures {
        let would = if is_told { "senders would report" } else { "senders could report" };
        let at = failure.mx.map(|mx| format!(" for {mx}")).unwrap_or_default();
        let (result, policy) = (failure.result_type, failure.policy_type);
        block.line("", Tone::Note, format!("{would}: {result}{at} (TLSRPT, policy type {policy})"));
    }
}

fn name_servers(block: &mut Block, asked: &NameServersCheck) {
    let servers = match &asked.servers {
        Ok(servers) => servers,
        Err(error) => {
            return block.line("ns", Tone::Bad, format!("{}: {error} [{}]", asked.zone, error.code()));
        }
    };
    for (place, server) in servers.iter().enumerate() {
        let label = if place == 0 { "ns" } else { "" };
        let failed = server.answers.iter().find_map(|answer| answer.records.as_ref().err());
        let (tone, said) = match (&server.address, failed) {
            (Err(error), _) => (Tone::Bad, format!("no address: {error} [{}]", error.code())),
            (Ok(address), Some(failure)) => (Tone::Bad, format!("{address}: {failure} [{}]", failure.code())),
            (Ok(address), None) => (Tone::Plain, format!("{address}: responds")),
        };
        block.line(label, tone, format!("{} {said}", server.name));
    }
    if asked.disagreements().is_empty() && !servers.is_empty() {
        block.line("", Tone::Good, "all responding servers agree");
    }
    for question in asked.disagreements() {
        for (who, records) in &question.answers {
            let records = if records.is_empty() { "nothing".to_owned() } else { records.join(", ") };
            let what = format!("{} {}: {records}", question.name, question.record_type);
            block.line("", Tone::Bad, format!("{what}, says {}", who.join(", ")));
        }
    }
}

pub(in crate::command) fn is_candidate(txt: &[u8]) -> bool {
    !matches!(Record::select(&[txt]), Err(error) if error.kind() == RecordErrorKind::NoRecord)
}

/// Returns whether a text may have been meant as a record.
fn resembles_record(txt: &[u8]) -> bool {
    let lower = txt.trim_ascii_start().to_ascii_lowercase();
    [&b"v=sts"[..], b"v =", b"\"v=sts"].iter().any(|beginning| lower.starts_with(beginning))
}

/// Untrusted octets on one line, truncated.
fn quoted(octets: &[u8]) -> String {
    let shown = &octets[..octets.len().min(300)];
    let more =
        if shown.len() < octets.len() { format!("... ({} octets)", octets.len()) } else { String::new() };
    format!("\"{}\"{more}", shown.escape_ascii())
}

/// The maximum number of lines of one kind.
const MAX_LINES: usize = 20;
