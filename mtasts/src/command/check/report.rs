//! The result of a check as JSON. Keys and codes are stable.

use mta_sts_core::{FetchFault, MxPattern, NoPolicy, Record, SessionFault};
use mta_sts_resolver::{
    AliasChain, AliasEnd, CheckFinding, DnsError, DomainCheck, HostCheck, IdleHost, MxAnswer,
    NameServersCheck, PeerCertificate, SessionCheck, SmtpError, Standing, StarttlsOutcome, TlsFailure,
    TlsSession,
};
use serde_json::{Value, json};

use super::days_left;
use super::failure::Failure;
use super::text::{is_below, is_candidate};
use super::verdict::Verdict;
use super::{Looked, Remark};
use crate::command::findings::Source;
use crate::command::output::date;

pub(super) fn json(looked: &Looked) -> Value {
    let Looked { subject, check, remarks } = looked;
    let Verdict { headline, sentence, .. } = Verdict::of(looked);
    let found = check.findings();
    let mut findings: Vec<_> = remarks.iter().map(|it| (it.severity, remark(it))).collect();
    findings.extend(found.iter().map(|it| (it.severity(), finding(it))));
    findings.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    let failures = Failure::all(check).into_iter().map(|failure| {
        json!({
            "policy_type": failure.policy_type.as_str(),
            "result_type": failure.result_type.as_str(),
            "failure_reason_code": failure.reason_code,
            "mx": failure.mx,
        })
    });
    json!({
        "given": subject.given,
        "domain": check.domain.as_str(),
        "verdict": check.verdict().code(),
        "status": match looked.standing() {
            Standing::Fine => "fine",
            Standing::Temporary => "temporary",
            Standing::Faulty => "faulty",
        },
        "headline": headline,
        "sentence": sentence,
        "findings": findings.into_iter().map(|(_, finding)| finding).collect::<Vec<_>>(),
        "wildcards": { "record": check.wildcards.record, "policy_host": check.wildcards.policy_host },
        "aliases": check.aliases.iter().map(alias).collect::<Vec<_>>(),
        "stray_records": check.stray_records.iter().map(|stray| json!({
            "name": stray.name,
            "belongs_to": stray.belongs_to,
            "txt": String::from_utf8_lossy(&stray.txt),
        })).collect::<Vec<_>>(),
        "record": record(check),
        "policy": policy(check),
        "mx": mx(check),
        "tlsrpt": tlsrpt(check),
        "name_servers": check.name_servers.as_ref().map(name_servers),
        "tlsrpt_failures": failures.collect::<Vec<_>>(),
    })
}

fn finding(finding: &CheckFinding) -> Value {
    json!({
        "code": finding.code(),
        "severity": finding.severity().as_str(),
        "place": finding.place(),
        "message": finding.message(),
        "effect": finding.effect(),
        "owner": finding.owner(),
        "fix": finding.fix(),
    })
}

fn remark(remark: &Remark) -> Value {
    json!({
        "code": remark.code,
        "severity": remark.severity.as_str(),
        "place": remark.place,
        "message": remark.message,
        "effect": remark.effect,
        "owner": Remark::OWNER,
        "fix": remark.fix,
    })
}

fn alias(chain: &AliasChain) -> Value {
    let (end, unregistered) = match &chain.end {
        AliasEnd::Exists => ("exists", None),
        AliasEnd::Missing { unregistered } => ("missing", Some(unregistered)),
        AliasEnd::Endless => ("endless", None),
        _ => ("unknown", None),
    };
    json!({ "name": chain.name, "targets": chain.targets, "end": end, "unregistered": unregistered })
}

fn tlsrpt(check: &DomainCheck) -> Value {
    let answer = check.tlsrpt.txt.as_ref();
    let record = check.tlsrpt.record();
    let uris = record
        .as_ref()
        .and_then(|record| record.as_ref().ok())
        .map(|record| record.uris().iter().map(ToString::to_string).collect::<Vec<_>>());
    let error = record.as_ref().and_then(|record| record.as_ref().err());
    json!({
        "name": check.tlsrpt.name,
        "ttl": answer.ok().map(|answer| answer.ttl.as_secs()),
        "signed": answer.is_ok_and(|answer| answer.authenticated),
        "records": answer.ok().map(|answer| {
            answer.records.iter().map(|txt| String::from_utf8_lossy(txt)).collect::<Vec<_>>()
        }),
        "uris": uris,
        "findings": Source::records(
            format!("{} TXT", check.tlsrpt.name.as_deref().unwrap_or_default()),
            answer.map_or(&[][..], |answer| answer.records.as_slice()),
        )
        .json(&check.tlsrpt_findings()),
        "error": match (answer, error) {
            (Err(failure), _) => Some(dns_error(failure)),
            (Ok(_), Some(error)) => {
                Some(json!({ "code": error.code(), "message": error.kind().message() }))
            }
            (Ok(_), None) => None,
        },
    })
}

fn name_servers(asked: &NameServersCheck) -> Value {
    let servers = asked.servers.as_ref().map(|servers| {
        servers
            .iter()
            .map(|server| {
                let answers = server.answers.iter().map(|answer| {
                    json!({
                        "name": answer.name,
                        "type": answer.record_type,
                        "records": answer.records.as_ref().ok(),
                        "error": answer.records.as_ref().err().map(|failure| {
                            json!({ "code": failure.code(), "message": failure.to_string() })
                        }),
                    })
                });
                json!({
                    "name": server.name,
                    "address": server.address.as_ref().ok().map(ToString::to_string),
                    "address_error": server.address.as_ref().err().map(dns_error),
                    "answers": answers.collect::<Vec<_>>(),
                })
            })
            .collect::<Vec<_>>()
    });
    let disagreements = asked.disagreements();
    let disagreements = disagreements.iter().map(|it| json!({ "name": it.name, "type": it.record_type }));
    json!({
        "zone": asked.zone,
        "servers": servers.as_ref().ok(),
        "error": servers.as_ref().err().map(|error| dns_error(error)),
        "disagreements": disagreements.collect::<Vec<_>>(),
    })
}

fn record(check: &DomainCheck) -> Value {
    let (txt, ttl, failure) = match &check.discovery.txt {
        Some(Ok(answer)) => (answer.records.as_slice(), Some(answer.ttl.as_secs()), None),
        Some(Err(failure)) => (&[][..], None, Some(dns_error(failure))),
        None => (&[][..], None, None),
    };
    let candidates = txt.iter().filter(|txt| is_candidate(txt)).count();
    let records = txt.iter().map(|txt| {
        let parsed = Record::parse(txt);
        let error = parsed.as_ref().err().map(|error| {
            json!({
                "code": error.code(),
                "line": error.line(),
                "offset": error.offset(),
                "message": error.kind().message(),
            })
        });
        json!({
            "txt": String::from_utf8_lossy(txt),
            "is_record": is_candidate(txt),
            "counts": parsed.is_ok() && candidates == 1,
            "id": parsed.as_ref().ok().map(|record| record.id().as_str()),
            "error": if is_candidate(txt) { error } else { None },
        })
    });
    json!({
        "name": check.domain.txt_name(),
        "ttl": ttl,
        "signed": matches!(&check.discovery.txt, Some(Ok(answer)) if answer.authenticated),
        "records": records.collect::<Vec<_>>(),
        "error": failure,
        "findings": Source::records(format!("{} TXT", check.domain.txt_name()), txt).json(&check.record_findings()),
    })
}

fn policy(check: &DomainCheck) -> Value {
    let response = check.discovery.response.as_ref();
    let answered = response.and_then(|response| response.as_ref().ok());
    let failed = response.and_then(|response| response.as_ref().err());
    let applied = check.discovery.outcome.applied.as_ref();
    let error = applied.err().map(|reason| {
        let (line, offset) = match reason {
            NoPolicy::FetchFailed(FetchFault::Error(error)) => {
                error.policy_error().map(|error| (error.line(), error.offset())).unzip()
            }
            _ => (None, None),
        };
        json!({
            "code": reason.code(),
            "detail": match reason {
                NoPolicy::FetchFailed(fault) => Some(fault.code()),
                NoPolicy::DnsFailed(failure) => Some(failure.code()),
                NoPolicy::InvalidRecord(kind) => Some(kind.code()),
                _ => None,
            },
            "line": line,
            "offset": offset,
            "message": reason.to_string(),
        })
    });
    let policy = applied.ok().map(|applied| &applied.policy);
    json!({
        "url": check.domain.policy_url(),
        "http_status": answered.map(|response| response.status),
        "media_type": answered
            .and_then(|response| response.content_type.as_deref())
            .map(String::from_utf8_lossy),
        "tls_version": answered.map(|response| response.tls_version.to_string()),
        "content_encoding": answered
            .and_then(|response| response.content_encoding.as_deref())
            .map(String::from_utf8_lossy),
        "location": answered.and_then(|response| response.location.as_deref()).map(String::from_utf8_lossy),
        "address": answered.map(|response| response.peer.ip().to_string()),
        "other_addresses": check.policy_addresses.iter().map(|(address, other)| json!({
            "address": address.to_string(),
            "same": other.as_ref().is_ok_and(|other| {
                answered.is_some_and(|first| (first.status, &first.body) == (other.status, &other.body))
            }),
            "http_status": other.as_ref().ok().map(|other| other.status),
            "error": other.as_ref().err().map(|error| {
                json!({ "code": error.code(), "message": error.to_string() })
            }),
        })).collect::<Vec<_>>(),
        "idle_mx_patterns": check.idle_patterns.iter().map(|idle| {
            let (host, unregistered) = match &idle.host {
                IdleHost::Exists => ("exists", None),
                IdleHost::NoAddress => ("no-address", None),
                IdleHost::Missing { unregistered } => ("missing", Some(unregistered)),
                _ => ("unknown", None),
            };
            json!({ "pattern": idle.pattern, "host": host, "unregistered": unregistered })
        }).collect::<Vec<_>>(),
        "certificate": answered
            .map(|response| &response.certificate)
            .or_else(|| failed.and_then(|failure| failure.certificate()))
            .map(|shown| certificate(check, shown)),
        "without_sni": check.policy_host_without_sni.as_ref().map(|shown| without_sni(check, shown)),
        "fetch_error": failed.map(|failure| json!({ "code": failure.code(), "message": failure.to_string() })),
        "policy_host_error": check.discovery.policy_host.as_ref().and_then(|answer| answer.as_ref().err()).map(dns_error),
        "mode": policy.map(|policy| policy.mode().as_str()),
        "max_age": policy.map(|policy| policy.max_age().as_secs()),
        "mx_patterns": policy.map(|policy| policy.mx_patterns().map(|pattern: MxPattern<'_>| pattern.to_string()).collect::<Vec<_>>()),
        "error": error,
        "findings": Source::policy(check.domain.policy_url(), answered.map_or(&[][..], |it| it.body.as_slice()))
            .json(&check.policy_findings()),
    })
}

fn mx(check: &DomainCheck) -> Value {
    let is_implicit = check.mx.is_err() && !check.hosts.is_empty();
    json!({
        "null": check.mx.as_ref().is_ok_and(MxAnswer::is_null),
        "implicit": is_implicit,
        "ttl": check.mx.as_ref().ok().map(|answer| answer.ttl.as_secs()),
        "error": check.mx.as_ref().err().filter(|_| !is_implicit).map(dns_error),
        "signed": check.mx.as_ref().is_ok_and(|answer| answer.authenticated),
        "hosts": check.hosts.iter().map(|it| host(check, it)).collect::<Vec<_>>(),
    })
}

fn host(check: &DomainCheck, host: &HostCheck) -> Value {
    let addresses = host
        .addresses
        .as_ref()
        .map(|answer| answer.addresses.iter().map(ToString::to_string).collect::<Vec<_>>());
    let failed = host.session.as_ref().and_then(|session| session.as_ref().err());
    json!({
        "preference": host.preference,
        "name": host.name,
        "in_domain": is_below(&host.name, check.domain.as_str()),
        "covered_by": host.covered_by,
        "addresses": addresses.as_ref().ok(),
        "address_error": host.addresses.as_ref().err().map(dns_error),
        "alias": host.alias.as_ref().map(alias),
        "session": host.session.as_ref().and_then(|it| it.as_ref().ok()).map(|it| session(check, it)),
        "session_error": failed.map(smtp_error),
        "other_sessions": host.other_sessions.iter().map(|(peer, other)| json!({
            "peer": peer.to_string(),
            "session": other.as_ref().ok().map(|it| session(check, it)),
            "error": other.as_ref().err().map(smtp_error),
        })).collect::<Vec<_>>(),
        "deprecated_tls": host.probes.deprecated_tls.as_ref().map(|taken| {
            taken.iter().map(ToString::to_string).collect::<Vec<_>>()
        }),
        "without_sni": host.probes.without_sni.as_ref().map(|shown| without_sni(check, shown)),
        "dane": host.dane.code(),
        "decision": host.decision.code(),
        "fault": host.fault.map(SessionFault::code),
    })
}

fn smtp_error(error: &SmtpError) -> Value {
    json!({ "code": error.code(), "stage": error.stage().to_string(), "message": error.to_string() })
}

fn session(check: &DomainCheck, session: &SessionCheck) -> Value {
    let established = session.tls();
    json!({
        "peer": session.peer.to_string(),
        "starttls_offered": !matches!(session.starttls, Ok(StarttlsOutcome::NotOffered)),
        "starttls": session.starttls.as_ref().map_or_else(SmtpError::code, StarttlsOutcome::code),
        "tls_version": established.map(|tls| tls.version().to_string()),
        "cipher_suite": established.map(TlsSession::cipher_suite),
        "requiretls": session.offers_requiretls,
        "certificate": session.certificate().map(|shown| certificate(check, shown)),
    })
}

fn without_sni(check: &DomainCheck, shown: &Result<PeerCertificate, TlsFailure>) -> Value {
    json!({
        "certificate": shown.as_ref().ok().map(|shown| certificate(check, shown)),
        "error": shown.as_ref().err().map(|failure| {
            json!({ "code": failure.code(), "message": failure.to_string() })
        }),
    })
}

fn certificate(check: &DomainCheck, certificate: &PeerCertificate) -> Value {
    let chain = certificate.chain();
    json!({
        "valid": certificate.is_valid(),
        "faults": certificate.faults().iter().map(|fault| fault.code()).collect::<Vec<_>>(),
        "dns_names": certificate.dns_names(),
        "subject": certificate.subject(),
        "issuer": certificate.issuer(),
        "not_before": date(certificate.not_before()),
        "not_after": date(certificate.not_after()),
        "days_left": days_left(check, certificate),
        "key": chain.key(),
        "sent": chain.len(),
        "in_order": chain.is_in_order(),
        "missing_issuer": chain.missing_issuer().map(|missing| json!({ "name": missing.name, "url": missing.url })),
    })
}

fn dns_error(error: &DnsError) -> Value {
    json!({ "code": error.code(), "message": error.to_string() })
}
