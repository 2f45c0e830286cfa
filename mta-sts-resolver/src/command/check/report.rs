//! A check for programs. Keys and codes are stable.

use mta_sts_core::{FetchFault, MxPattern, NoPolicy, PolicyType, Record, ResultType, SessionFault};
use mta_sts_resolver::{
    DnsError, DomainCheck, HostCheck, MxAnswer, PeerCertificate, SessionCheck, SmtpError, Standing,
    StarttlsOutcome, TlsSession,
};
use serde_json::{Value, json};

use super::Subject;
use super::text::{conclusion, is_candidate, policy_of, records_of};
use crate::command::output::date;

/// A failure as TLSRPT would count it.
pub(super) struct Failure<'a> {
    pub(super) policy_type: PolicyType,
    pub(super) result_type: ResultType,
    pub(super) reason_code: Option<&'static str>,
    pub(super) mx: Option<&'a str>,
}

impl<'a> Failure<'a> {
    /// All of them: that of policy discovery, then those of the hosts.
    pub(super) fn all(check: &'a DomainCheck) -> Vec<Self> {
        let discovery = check.discovery.outcome.failure.as_ref().map(|failure| Self {
            policy_type: PolicyType::Sts,
            result_type: failure.result_type,
            reason_code: Some(failure.reason_code),
            mx: None,
        });
        let hosts = check.hosts.iter().flat_map(|host| {
            host.rows.iter().filter_map(|row| {
                Some(Self {
                    policy_type: row.policy_type,
                    result_type: row.result_type?,
                    reason_code: row.reason.map(SessionFault::code),
                    mx: Some(host.name.as_str()),
                })
            })
        });
        discovery.into_iter().chain(hosts).collect()
    }
}

pub(super) fn json(subject: &Subject, check: &DomainCheck) -> Value {
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
        "status": match check.standing() {
            Standing::Fine => "fine",
            Standing::Temporary => "temporary",
            Standing::Faulty => "faulty",
        },
        "sentence": conclusion(check).1,
        "record": record(check),
        "policy": policy(check),
        "mx": mx(check),
        "tlsrpt_failures": failures.collect::<Vec<_>>(),
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
        "records": records.collect::<Vec<_>>(),
        "error": failure,
        "findings": records_of(check).json(&check.record_findings()),
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
        "certificate": failed.and_then(|failure| failure.certificate()).map(certificate),
        "fetch_error": failed.map(|failure| json!({ "code": failure.code(), "message": failure.to_string() })),
        "policy_host_error": check.discovery.policy_host.as_ref().and_then(|answer| answer.as_ref().err()).map(dns_error),
        "mode": policy.map(|policy| policy.mode().as_str()),
        "max_age": policy.map(|policy| policy.max_age().as_secs()),
        "mx_patterns": policy.map(|policy| policy.mx_patterns().map(|pattern: MxPattern<'_>| pattern.to_string()).collect::<Vec<_>>()),
        "error": error,
        "findings": policy_of(check).json(&check.policy_findings()),
    })
}

fn mx(check: &DomainCheck) -> Value {
    let is_implicit = check.mx.is_err() && !check.hosts.is_empty();
    json!({
        "null": check.mx.as_ref().is_ok_and(MxAnswer::is_null),
        "implicit": is_implicit,
        "ttl": check.mx.as_ref().ok().map(|answer| answer.ttl.as_secs()),
        "error": check.mx.as_ref().err().filter(|_| !is_implicit).map(dns_error),
        "hosts": check.hosts.iter().map(host).collect::<Vec<_>>(),
    })
}

fn host(host: &HostCheck) -> Value {
    let addresses = host
        .addresses
        .as_ref()
        .map(|answer| answer.addresses.iter().map(ToString::to_string).collect::<Vec<_>>());
    let failed = host.session.as_ref().and_then(|session| session.as_ref().err());
    json!({
        "preference": host.preference,
        "name": host.name,
        "covered_by": host.covered_by,
        "addresses": addresses.as_ref().ok(),
        "address_error": host.addresses.as_ref().err().map(dns_error),
        "session": host.session.as_ref().and_then(|session| session.as_ref().ok()).map(session),
        "session_error": failed.map(|error| json!({
            "code": error.code(),
            "stage": error.stage().to_string(),
            "message": error.to_string(),
        })),
        "decision": host.decision.code(),
        "fault": host.fault.map(SessionFault::code),
    })
}

fn session(session: &SessionCheck) -> Value {
    let established = match &session.starttls {
        Ok(StarttlsOutcome::Established(tls)) => Some(tls),
        _ => None,
    };
    let shown = match &session.starttls {
        Ok(StarttlsOutcome::HandshakeFailed(failure)) => failure.certificate(),
        _ => established.map(TlsSession::certificate),
    };
    json!({
        "peer": session.peer.to_string(),
        "starttls_offered": !matches!(session.starttls, Ok(StarttlsOutcome::NotOffered)),
        "starttls": session.starttls.as_ref().map_or_else(SmtpError::code, StarttlsOutcome::code),
        "tls_version": established.map(|tls| tls.version().to_string()),
        "cipher_suite": established.map(TlsSession::cipher_suite),
        "requiretls": session.offers_requiretls,
        "certificate": shown.map(certificate),
    })
}

fn certificate(certificate: &PeerCertificate) -> Value {
    json!({
        "valid": certificate.is_valid(),
        "faults": certificate.faults().iter().map(|fault| fault.code()).collect::<Vec<_>>(),
        "dns_names": certificate.dns_names(),
        "subject": certificate.subject(),
        "issuer": certificate.issuer(),
        "not_before": date(certificate.not_before()),
        "not_after": date(certificate.not_after()),
    })
}

fn dns_error(error: &DnsError) -> Value {
    json!({ "code": error.code(), "message": error.to_string() })
}
