//! Derives findings from the observations.

use std::collections::BTreeMap;
use std::time::Duration;

use mta_sts_core::lint::Severity;
use mta_sts_core::{Mode, NoPolicy};

use super::alias::{AliasChain, AliasEnd};
use super::dane::HostDane;
use super::finding::{CheckFinding, CheckFindingKind as Kind};
use super::host::HostCheck;
use super::pattern::IdleHost;
use super::session::SessionCheck;
use super::{DomainCheck, content_encoding};
use crate::dane::DaneError;
use crate::dns::{AbsenceKind, DnsError, DnsFailure};
use crate::fetch::{PolicyFetchError, PolicyFetchErrorKind};
use crate::smtp::{SmtpError, SmtpErrorKind, StarttlsOutcome};
use crate::tls::{CertificateFault, DeprecatedTlsVersion, PeerCertificate};

/// The findings, the worst first, and among equals in the order in which a sender encounters them.
pub(super) fn findings(check: &DomainCheck) -> Vec<CheckFinding> {
    let mut found = Vec::new();
    // If a domain does not exist or accepts no mail, its record and its hosts are irrelevant.
    let takes_mail = match &check.mx {
        Ok(answer) => !answer.is_null(),
        Err(DnsError::NotFound(absence)) => absence.kind == AbsenceKind::NoData,
        Err(DnsError::Failed(_)) => true,
    };
    if takes_mail {
        record(check, &mut found);
        policy_host(check, &mut found);
        delegation(check, &mut found);
        policy(check, &mut found);
        mx_records(check, &mut found);
        check.hosts.iter().for_each(|checked| host(check, checked, &mut found));
        tlsrpt(check, &mut found);
        name_servers(check, &mut found);
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    found
}

fn record(check: &DomainCheck, found: &mut Vec<CheckFinding>) {
    let name = check.domain.txt_name();
    if check.wildcards.record {
        let message = "Its TXT records are those of any name below the domain: of a wildcard.";
        found.push(CheckFinding::new(Kind::RecordWildcard, &name, message));
    }
    let has_record_findings = || check.record_findings().iter().any(|it| it.severity() == Severity::Error);
    match &check.discovery.txt {
        _ if alias(check, &name, "publish the record, and with it a policy", found) => {}
        _ if elsewhere(check, Kind::RecordElsewhere, &name, found) => {}
        Some(Err(DnsError::NotFound(_))) => {
            found.push(CheckFinding::new(Kind::NoRecord, name, "There is no TXT record for MTA-STS."));
        }
        Some(Err(DnsError::Failed(failure))) => {
            found.push(dns_failed(Kind::RecordLookupFailed, name, "The record", *failure));
        }
        Some(Ok(_))
            if check.discovery.outcome.applied == Err(NoPolicy::NoRecord) && !has_record_findings() =>
        {
            let message = "None of the TXT records there is an MTA-STS record.";
            found.push(CheckFinding::new(Kind::NoRecord, name, message));
        }
        Some(Ok(answer)) if answer.ttl > DAY => {
            let days = answer.ttl.as_secs().div_ceil(DAY.as_secs());
            let message = format!("The record may stay in caches for {days} days (its TTL).");
            found.push(CheckFinding::new(Kind::RecordTtlLong, name, message));
        }
        _ => {}
    }
}

/// Adds a finding if the record missing at this name was found at others; returns whether there is one.
fn elsewhere(check: &DomainCheck, kind: Kind, name: &str, found: &mut Vec<CheckFinding>) -> bool {
    let strays = check.stray_records.iter().filter(|stray| stray.belongs_to == name);
    let places: Vec<_> = strays.map(|stray| stray.name.as_str()).collect();
    if !places.is_empty() {
        let message = format!("There is no record here, but one at {}.", places.join(" and at "));
        found.push(CheckFinding::new(kind, name, message));
    }
    !places.is_empty()
}

fn dns_failed(kind: Kind, place: String, what: &str, failure: DnsFailure) -> CheckFinding {
    match failure {
        DnsFailure::Bogus { info_code } => {
            let message = format!("DNSSEC validation of the answer failed (extended error {info_code}).");
            CheckFinding::new(Kind::DnssecBogus, place, message)
        }
        failure => CheckFinding::new(kind, place, format!("{what} could not be looked up: {failure}.")),
    }
}

/// Adds a finding if an alias leads nowhere; returns whether there is one.
fn alias(check: &DomainCheck, name: &str, can: &str, found: &mut Vec<CheckFinding>) -> bool {
    let chain = check.aliases.iter().find(|chain| chain.name == name);
    chain.is_some_and(|chain| alias_chain(chain, can, found))
}

fn alias_chain(chain: &AliasChain, can: &str, found: &mut Vec<CheckFinding>) -> bool {
    match &chain.end {
        AliasEnd::Missing { unregistered } => {
            let message = format!(
                "It is an alias of {}, which does not exist: whoever registers {unregistered}, or is given it by a \
                 provider, can {can}.",
                chain.target()
            );
            found.push(CheckFinding::new(Kind::AliasDangling, &chain.name, message));
            true
        }
        AliasEnd::Endless => {
            let message = "Its aliases form a loop, or an overlong chain.";
            found.push(CheckFinding::new(Kind::AliasEndless, &chain.name, message));
            true
        }
        AliasEnd::Exists | AliasEnd::Unknown => false,
    }
}

fn policy_host(check: &DomainCheck, found: &mut Vec<CheckFinding>) {
    let host = check.domain.policy_host();
    let has_record = matches!(check.discovery.outcome.applied, Ok(_) | Err(NoPolicy::FetchFailed(_)));
    let is_told = alias(check, &host, "serve the policy", found);
    if check.wildcards.policy_host {
        let message = "Its addresses are those of any name below the domain: of a wildcard.";
        found.push(CheckFinding::new(Kind::PolicyHostWildcard, &host, message));
    }
    if is_told || !has_record {
        return;
    }
    match (&check.discovery.policy_host, &check.discovery.response) {
        (Some(Err(DnsError::NotFound(_))), _) => {
            found.push(CheckFinding::new(Kind::PolicyHostMissing, host, "The policy host has no address."));
        }
        (Some(Err(DnsError::Failed(failure))), _) => {
            let what = "The addresses of the policy host";
            found.push(dns_failed(Kind::PolicyHostLookupFailed, host, what, *failure));
        }
        (_, Some(Err(error))) => fetch_error(check, &host, error, found),
        (_, Some(Ok(response))) => {
            if let Some(coding) = content_encoding(response) {
                let message = format!("The policy is served with `Content-Encoding: {}`.", one_line(&coding));
                found.push(CheckFinding::new(Kind::PolicyEncoded, &host, message));
            }
            if (300..400).contains(&response.status) {
                let target = response.location.as_deref().map(String::from_utf8_lossy);
                let target = target.map_or("nowhere".into(), |target| one_line(&target));
                let message = format!("It responds with HTTP {}: a redirect to {target}.", response.status);
                found.push(CheckFinding::new(Kind::PolicyRedirected, &host, message));
            }
            policy_certificate(check, &host, &response.certificate, found);
            if let Some(Ok(shown)) = &check.policy_host_without_sni {
                needs_sni(Kind::PolicyHostNeedsSni, &host, shown, found);
            }
            for (address, other) in &check.policy_addresses {
                match other {
                    Ok(other) if other.status != response.status => {
                        let message = format!("At {address} it responds with HTTP {}.", other.status);
                        found.push(CheckFinding::new(Kind::PolicyAddressFails, &host, message));
                    }
                    Ok(other) if other.body != response.body => {
                        let message = format!(
                            "At {address} it serves a different policy than at {}.",
                            response.peer.ip()
                        );
                        found.push(CheckFinding::new(Kind::PolicyDiffers, &host, message));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        let message =
                            format!("At {address} the policy cannot be fetched: {error} [{}].", error.code());
                        found.push(CheckFinding::new(Kind::PolicyAddressFails, &host, message));
                    }
                }
            }
        }
        (_, None) if matches!(check.discovery.outcome.applied, Err(NoPolicy::FetchFailed(_))) => {
            let message = "The policy host did not respond in time.";
            found.push(CheckFinding::new(Kind::PolicyHostTimeout, host, message));
        }
        _ => {}
    }
}

/// Adds a finding if only one of the two names is an alias of a name elsewhere. Senders find both, so it is no fault.
fn delegation(check: &DomainCheck, found: &mut Vec<CheckFinding>) {
    if check.discovery.outcome.policy().is_none() {
        return;
    }
    let target_elsewhere = |name: &str| {
        let chain = check.aliases.iter().find(|chain| chain.name == name && chain.end == AliasEnd::Exists)?;
        (!is_own(check, chain.target())).then(|| chain.target().to_owned())
    };
    let (record, host) = (check.domain.txt_name(), check.domain.policy_host());
    let (place, target, other) = match (target_elsewhere(&record), target_elsewhere(&host)) {
        (Some(target), None) => (record, target, host),
        (None, Some(target)) => (host, target, record),
        _ => return,
    };
    let message = format!("It is an alias of {target}, and {other} is not.");
    found.push(CheckFinding::new(Kind::DelegatedInPart, place, message));
}

/// Returns whether a name is the domain, or below it.
fn is_own(check: &DomainCheck, name: &str) -> bool {
    name.strip_suffix(check.domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn fetch_error(check: &DomainCheck, host: &str, error: &PolicyFetchError, found: &mut Vec<CheckFinding>) {
    if let (PolicyFetchErrorKind::Certificate(_), Some(shown)) = (error.kind(), error.certificate()) {
        return policy_certificate(check, host, shown, found);
    }
    let kind = match error.kind() {
        PolicyFetchErrorKind::BodyTooLarge => Kind::PolicyTooLarge,
        PolicyFetchErrorKind::Connect | PolicyFetchErrorKind::InvalidPolicyHost => {
            Kind::PolicyHostUnreachable
        }
        PolicyFetchErrorKind::Timeout => Kind::PolicyHostTimeout,
        PolicyFetchErrorKind::Tls | PolicyFetchErrorKind::Certificate(_) => Kind::PolicyHostTls,
        PolicyFetchErrorKind::Protocol => Kind::PolicyHostProtocol,
        PolicyFetchErrorKind::LocalFault
        | PolicyFetchErrorKind::Busy
        | PolicyFetchErrorKind::AddressRefused => Kind::LocalFault,
    };
    let at = error.peer().map(|peer| format!(" at {}", peer.ip())).unwrap_or_default();
    let message = format!("The policy cannot be fetched{at}: {error}.");
    found.push(CheckFinding::new(kind, host, message));
}

fn policy_certificate(
    check: &DomainCheck,
    host: &str,
    shown: &PeerCertificate,
    found: &mut Vec<CheckFinding>,
) {
    let mut here = Vec::new();
    certificate(check, host, shown, &mut here);
    found.extend(here.into_iter().map(CheckFinding::of_policy_host));
}

fn policy(check: &DomainCheck, found: &mut Vec<CheckFinding>) {
    let Some(policy) = check.discovery.outcome.policy() else { return };
    let url = check.domain.policy_host();
    match policy.mode() {
        Mode::None => {
            found.push(CheckFinding::new(Kind::ModeNone, url, "The policy has mode none."));
        }
        Mode::Testing => {
            found.push(CheckFinding::new(Kind::ModeTesting, url, "The policy has mode testing."));
        }
        Mode::Enforce => {}
    }
    for idle in &check.idle_patterns {
        let place = format!("mx: {}", idle.pattern);
        found.push(match &idle.host {
            IdleHost::Missing { unregistered } if !is_own(check, unregistered) => {
                let message = format!(
                    "The host of this line does not exist, and neither does {unregistered}: it is free for whoever \
                     wants it."
                );
                CheckFinding::new(Kind::PatternUnregistered, place, message)
            }
            IdleHost::Missing { .. } | IdleHost::NoAddress => {
                CheckFinding::new(Kind::PatternUnresolved, place, "The host of this line has no address.")
            }
            IdleHost::Exists | IdleHost::Unknown => {
                CheckFinding::new(Kind::PatternIdle, place, "This line covers none of the MX hosts.")
            }
        });
    }
}

fn mx_records(check: &DomainCheck, found: &mut Vec<CheckFinding>) {
    match &check.mx {
        Ok(answer) => {
            if answer.ttl > DAY {
                let days = answer.ttl.as_secs().div_ceil(DAY.as_secs());
                let message = format!("The MX records may stay in caches for {days} days (their TTL).");
                found.push(CheckFinding::new(Kind::MxTtlLong, check.domain.as_str(), message));
            }
            let mut times: BTreeMap<&str, usize> = BTreeMap::new();
            for host in &answer.hosts {
                *times.entry(&host.exchange).or_default() += 1;
            }
            for (host, times) in times.into_iter().filter(|(_, times)| *times > 1) {
                let message = format!("It appears in {times} MX records.");
                found.push(CheckFinding::new(Kind::MxDoubled, host, message));
            }
        }
        Err(DnsError::Failed(failure)) => {
            let domain = check.domain.as_str().to_owned();
            found.push(dns_failed(Kind::MxLookupFailed, domain, "The MX records", *failure));
        }
        Err(DnsError::NotFound(_)) => {}
    }
}

fn host(check: &DomainCheck, host: &HostCheck, found: &mut Vec<CheckFinding>) {
    let mut own = Vec::new();
    let has_policy = check.discovery.outcome.policy().is_some_and(|policy| policy.mode() != Mode::None);
    if has_policy && host.covered_by.is_none() {
        let message = "No `mx` line of the policy covers this MX host.";
        own.push(CheckFinding::new(Kind::MxMismatch, &host.name, message));
    }
    let leads_nowhere =
        host.alias.as_ref().is_some_and(|chain| alias_chain(chain, "receive the mail", &mut own));
    if let Some(chain) = host.alias.as_ref().filter(|_| !leads_nowhere && host.preference.is_some()) {
        let message = format!("The MX host is an alias of {}.", chain.target());
        own.push(CheckFinding::new(Kind::MxIsAlias, &host.name, message));
    }
    match &host.addresses {
        _ if leads_nowhere => {}
        Ok(_) => {}
        Err(DnsError::NotFound(absence)) => {
            let message = format!("The MX host has no address: {absence}.");
            own.push(CheckFinding::new(Kind::MxWithoutAddress, &host.name, message));
        }
        Err(DnsError::Failed(DnsFailure::InvalidName)) => {
            let message = "The MX record does not name a host name.";
            own.push(CheckFinding::new(Kind::MxInvalidName, &host.name, message));
        }
        Err(DnsError::Failed(failure)) => {
            let what = "The addresses of the MX host";
            own.push(dns_failed(Kind::MxAddressLookupFailed, host.name.clone(), what, *failure));
        }
    }
    match &host.session {
        Some(Ok(session)) => self::session(check, &host.name, session, &mut own),
        Some(Err(error)) => own.push(no_session(Kind::MxUnreachable, &host.name, error)),
        None => {}
    }
    probes(host, &mut own);
    for (peer, session) in &host.other_sessions {
        let place = format!("{} ({})", host.name, peer.ip());
        match session {
            Ok(session) => {
                let mut here = Vec::new();
                self::session(check, &place, session, &mut here);
                // A fault common to all addresses is reported once.
                let is_known = |it: &CheckFinding| {
                    own.iter().any(|known| (known.kind(), known.message()) == (it.kind(), it.message()))
                };
                here.retain(|finding| !is_known(finding));
                own.append(&mut here);
            }
            // If no address responds, that has been reported already.
            Err(error) if matches!(host.session, Some(Ok(_))) => {
                own.push(no_session(Kind::MxAddressUnreachable, &place, error));
            }
            Err(_) => {}
        }
    }
    // What an owner without a policy should fix does not stop mail.
    if !has_policy {
        own = own.into_iter().map(CheckFinding::milder).collect();
    }
    dane(host, &mut own);
    found.append(&mut own);
}

fn probes(host: &HostCheck, found: &mut Vec<CheckFinding>) {
    if let Some(taken @ [_, ..]) = host.probes.deprecated_tls.as_deref() {
        let taken: Vec<_> = taken.iter().rev().map(DeprecatedTlsVersion::to_string).collect();
        let message = format!("Besides newer versions it accepts {}.", taken.join(" and "));
        found.push(CheckFinding::new(Kind::DeprecatedTls, &host.name, message));
    }
    match &host.probes.without_sni {
        // A fault for every client has been reported already.
        Some(Ok(shown)) if host.shows_valid_certificate() => {
            needs_sni(Kind::MxNeedsSni, &host.name, shown, found);
        }
        Some(Err(_)) => {
            let message = "It ends the TLS handshake with a client without SNI.";
            found.push(CheckFinding::new(Kind::MxDemandsSni, &host.name, message));
        }
        _ => {}
    }
}

/// Adds a finding about the certificate for clients without SNI, if it is not valid for the host.
fn needs_sni(kind: Kind, place: &str, shown: &PeerCertificate, found: &mut Vec<CheckFinding>) {
    if !shown.is_valid() {
        // A host mismatch is reported with the names.
        let others = shown.faults().iter().filter(|fault| **fault != CertificateFault::HostMismatch);
        let others: Vec<_> = others.map(CertificateFault::to_string).collect();
        let colon = if others.is_empty() { "" } else { ": " };
        let (names, others) = (names_of(shown), others.join(", "));
        let message =
            format!("To a client without SNI it presents a certificate for {names}{colon}{others}.");
        found.push(CheckFinding::new(kind, place, message));
    }
}

fn no_session(unreachable: Kind, place: &str, error: &SmtpError) -> CheckFinding {
    let kind = match error.kind() {
        SmtpErrorKind::Connect(_)
        | SmtpErrorKind::Timeout
        | SmtpErrorKind::Transient(_)
        | SmtpErrorKind::Closed => unreachable,
        _ => Kind::MxRefuses,
    };
    CheckFinding::new(kind, place, format!("No session could be established: {error}."))
}

fn session(check: &DomainCheck, place: &str, session: &SessionCheck, found: &mut Vec<CheckFinding>) {
    let (kind, message) = match &session.starttls {
        Ok(StarttlsOutcome::Established(tls)) => {
            return certificate(check, place, tls.certificate(), found);
        }
        Ok(StarttlsOutcome::NotOffered) => {
            (Kind::StarttlsNotOffered, "The mail host does not offer STARTTLS.".to_owned())
        }
        Ok(StarttlsOutcome::Refused(reply)) => {
            (Kind::StarttlsRefused, format!("The mail host offers STARTTLS but rejects it: {reply}."))
        }
        Ok(StarttlsOutcome::HandshakeFailed(failure)) if failure.is_version_too_old() => {
            (Kind::TlsTooOld, "The mail host supports neither TLS 1.2 nor TLS 1.3.".to_owned())
        }
        Ok(StarttlsOutcome::HandshakeFailed(failure)) => {
            (Kind::TlsHandshakeFailed, format!("After STARTTLS: {failure}."))
        }
        Err(error) if *error.kind() == SmtpErrorKind::ClearTextAfterStarttls => {
            (Kind::ClearTextAfterStarttls, "Clear text follows the response to STARTTLS.".to_owned())
        }
        Err(error) => (Kind::TlsHandshakeFailed, format!("After STARTTLS: {error}.")),
    };
    found.push(CheckFinding::new(kind, place, message));
}

fn certificate(check: &DomainCheck, place: &str, shown: &PeerCertificate, found: &mut Vec<CheckFinding>) {
    let now = i64::try_from(check.now.as_secs()).unwrap_or(i64::MAX);
    let mut push = |kind, message: String| found.push(CheckFinding::new(kind, place, message));
    for fault in shown.faults() {
        match fault {
            CertificateFault::Malformed => {
                push(Kind::CertificateMalformed, "Its certificate cannot be parsed.".to_owned());
            }
            CertificateFault::Expired => {
                let end = shown.first_end();
                let whose =
                    if end == shown.not_after() { "Its certificate" } else { "A certificate of its chain" };
                let days = (now - end).max(0) / DAY_SECS;
                let ago = match days {
                    0 => "today".to_owned(),
                    1 => "a day ago".to_owned(),
                    days => format!("{days} days ago"),
                };
                push(Kind::CertificateExpired, format!("{whose} expired {ago}."));
            }
            CertificateFault::NotYetValid => {
                let days = (shown.not_before() - now).max(0).div_euclid(DAY_SECS);
                push(Kind::CertificateNotYetValid, format!("Its certificate becomes valid in {days} days."));
            }
            CertificateFault::Revoked => {
                push(Kind::CertificateRevoked, "Its certificate has been revoked.".to_owned());
            }
            CertificateFault::NotTrusted => {
                let (kind, message) = not_trusted(shown);
                push(kind, message);
            }
            CertificateFault::HostMismatch => {
                push(Kind::CertificateHostMismatch, format!("Its certificate is for {}.", names_of(shown)));
            }
        }
    }
    if shown.is_valid() {
        let end = shown.first_end();
        let days = (end - now).div_euclid(DAY_SECS);
        if end - now < EXPIRES_SOON_DAYS * DAY_SECS && shown.is_in_last_third(now) {
            let when = match days {
                ..=0 => "today".to_owned(),
                1 => "in a day".to_owned(),
                days => format!("in {days} days"),
            };
            let whose =
                if end == shown.not_after() { "Its certificate" } else { "A certificate of its chain" };
            push(Kind::CertificateExpiresSoon, format!("{whose} expires {when}."));
        }
        if !shown.chain().is_in_order() {
            push(Kind::ChainDisordered, "Its certificates are sent in the wrong order.".to_owned());
        }
    }
    if let Some(weakness) = shown.chain().weakness() {
        push(Kind::CertificateWeak, format!("Its certificate has {weakness}."));
    }
}

fn names_of(shown: &PeerCertificate) -> String {
    match shown.dns_names() {
        [] => "no DNS name".to_owned(),
        [name] => name.clone(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    }
}

fn not_trusted(shown: &PeerCertificate) -> (Kind, String) {
    let chain = shown.chain();
    if chain.is_self_signed() {
        return (Kind::CertificateSelfSigned, "Its certificate is self-signed.".to_owned());
    }
    let sent = match chain.len() {
        1 => "1 certificate".to_owned(),
        count => format!("{count} certificates"),
    };
    match chain.missing_issuer() {
        Some(missing) if missing.url.is_some() => {
            let message =
                format!("The chain is incomplete: it sends {sent}, the issuer {} is missing.", missing.name);
            (Kind::ChainIncomplete, message)
        }
        Some(missing) => {
            let message = format!(
                "It sends {sent}; the issuer {} is neither among them nor a trusted root: a private CA, or an incomplete \
                 chain.",
                missing.name
            );
            (Kind::CertificateNotTrusted, message)
        }
        None => {
            let message =
                format!("Its certificate, issued by {}, does not chain to a trusted root.", shown.issuer());
            (Kind::CertificateNotTrusted, message)
        }
    }
}

fn dane(host: &HostCheck, found: &mut Vec<CheckFinding>) {
    let (kind, message) = match host.dane {
        HostDane::Mismatch => {
            (Kind::DaneMismatch, "None of its TLSA records matches its certificate.".to_owned())
        }
        HostDane::NoTls => (Kind::DaneWithoutTls, "It has TLSA records, but TLS fails.".to_owned()),
        HostDane::Unusable => (Kind::DaneUnusable, "None of its TLSA records is usable for SMTP.".to_owned()),
        HostDane::Failed(DaneError::LookupFailed { kind, failure: DnsFailure::Bogus { info_code } }) => {
            let message = format!("DNSSEC validation failed for {kind} (extended error {info_code}).");
            (Kind::DaneBogus, message)
        }
        HostDane::Failed(DaneError::LookupFailed { kind, failure }) => {
            (Kind::DaneLookupFailed, format!("DANE may apply, but the lookup of {kind} failed: {failure}."))
        }
        HostDane::Failed(error) => (Kind::DaneLookupFailed, error.to_string()),
        HostDane::NotChecked | HostDane::NotApplicable | HostDane::Passed | HostDane::NotCompared => return,
    };
    found.push(CheckFinding::new(kind, &host.name, message));
}

fn tlsrpt(check: &DomainCheck, found: &mut Vec<CheckFinding>) {
    let Some(name) = &check.tlsrpt.name else { return };
    if alias(check, name, "receive the reports", found)
        || elsewhere(check, Kind::TlsrptElsewhere, name, found)
    {
        return;
    }
    match (&check.tlsrpt.txt, check.tlsrpt.record()) {
        (Err(DnsError::NotFound(_)), _) => {
            let message = "There is no TLSRPT record.";
            found.push(CheckFinding::new(Kind::NoTlsrpt, name, message));
        }
        (Err(DnsError::Failed(failure)), _) => {
            found.push(dns_failed(Kind::TlsrptLookupFailed, name.clone(), "The TLSRPT record", *failure));
        }
        // What the lint of the records reports is not repeated.
        (Ok(_), Some(Err(_)))
            if check.tlsrpt_findings().iter().any(|it| it.severity() == Severity::Error) => {}
        (Ok(_), Some(Err(error))) => {
            let message = format!("The TLSRPT record is not usable: {}", error.kind().message());
            found.push(CheckFinding::new(Kind::TlsrptInvalid, name, message));
        }
        (Ok(_), _) => {}
    }
}

fn name_servers(check: &DomainCheck, found: &mut Vec<CheckFinding>) {
    let Some(asked) = &check.name_servers else { return };
    for question in asked.disagreements() {
        let said: Vec<_> = question
            .answers
            .iter()
            .map(|(who, records)| {
                let records = if records.is_empty() { "nothing".to_owned() } else { records.join(", ") };
                format!("{} says {}", who.join(" and "), one_line(&records))
            })
            .collect();
        let place = format!("{} {}", question.name, question.record_type);
        let message = format!("The name servers give different answers: {}.", said.join("; "));
        found.push(CheckFinding::new(Kind::NameServersDisagree, place, message));
    }
    match &asked.servers {
        Err(error) => {
            let message = format!("The name servers could not be found: {error}.");
            found.push(CheckFinding::new(Kind::NameServerFails, &asked.zone, message));
        }
        Ok(servers) => {
            for server in servers {
                let failed = server.answers.iter().find_map(|answer| answer.records.as_ref().err());
                let message = match (&server.address, failed) {
                    (Err(error), _) => format!("The name server has no address: {error}."),
                    (Ok(address), Some(failure)) => format!("At {address}: {failure}."),
                    (Ok(_), None) => continue,
                };
                found.push(CheckFinding::new(Kind::NameServerFails, &server.name, message));
            }
        }
    }
}

/// Untrusted text on one line, truncated.
fn one_line(text: &str) -> String {
    crate::tls::printable(text)
}

const DAY: Duration = Duration::from_secs(86_400);
const DAY_SECS: i64 = 86_400;
/// Most tools renew 30 days before the end, so with 14 days left something is wrong with them. Certificates of a few days are renewed
/// when a third or a half of their life is left.
const EXPIRES_SOON_DAYS: i64 = 14;
