use mta_sts_core::{
    Authentication, CertificateResult, Conclusion, DanePrecedence, DaneResult, DaneState, Delivery, DnsName,
    HostOutcome, MessageFacts, MessageTls, MxDecision, MxHost, Policy, QueueLifetime, Recheck, Session,
    SessionFault, TlsMinimum, TlsResult, TlsrptRow, tls_required_no,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::files::{Octets, understand};

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    TlsRequired(TlsRequiredInput),
    // Read on its own, so that a fault in it is told.
    Delivery(Value),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsRequiredInput {
    tls_required_values: Vec<Octets>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveryInput {
    // Null when there is none; it must be said.
    #[serde(deserialize_with = "Option::deserialize")]
    policy: Option<Octets>,
    // It is not known whether there is one.
    #[serde(default)]
    policy_unknown: bool,
    #[serde(default)]
    message: MessageInput,
    #[serde(default)]
    minimum: TlsMinimum,
    #[serde(default)]
    dane_precedence: DanePrecedence,
    #[serde(default)]
    tlsrpt_report: bool,
    hosts: Option<Vec<HostInput>>,
    sessions: Option<Vec<SessionInput>>,
    conclude: Option<ConcludeInput>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MessageInput {
    requiretls: bool,
    tls_required_no: bool,
    null_reverse_path: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostInput {
    name: String,
    #[serde(default)]
    dane: DaneState,
    #[serde(default)]
    dnssec: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionInput {
    host: String,
    #[serde(default)]
    dane: DaneState,
    #[serde(default)]
    dnssec: bool,
    tls: String,
    #[serde(default)]
    dane_result: DaneResult,
    #[serde(default)]
    requiretls: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConcludeInput {
    hosts: Vec<String>,
    lifetime: QueueLifetime,
    recheck: Option<Recheck>,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    match understand(input)? {
        Input::TlsRequired(TlsRequiredInput { tls_required_values }) => {
            let values: Vec<_> = tls_required_values.iter().map(Octets::to_vec).collect();
            Ok(json!({ "tls_required_no": tls_required_no(&values) }))
        }
        Input::Delivery(input) => deliver(understand(input)?),
    }
}

fn deliver(input: DeliveryInput) -> Result<Value, String> {
    let policy = input.policy.map(|body| Policy::parse(&body.to_vec()));
    let policy = policy.transpose().map_err(|fault| format!("the policy is none: {fault}"))?;
    let MessageInput { requiretls, tls_required_no, null_reverse_path } = input.message;
    let delivery = match &policy {
        Some(policy) => Delivery::under(policy),
        None if input.policy_unknown => Delivery::undetermined(),
        None => Delivery::without_policy(),
    };
    let delivery = delivery
        .with_message(MessageTls::of(
            MessageFacts::new()
                .with_requiretls(requiretls)
                .with_tls_required_no(tls_required_no)
                .with_null_reverse_path(null_reverse_path),
        ))
        .with_minimum(input.minimum)
        .with_dane_precedence(input.dane_precedence)
        .with_tlsrpt_report(input.tlsrpt_report);
    let mut shown = Map::new();
    if let Some(hosts) = input.hosts {
        let names: Vec<_> = hosts.iter().map(|host| DnsName::parse(&host.name).ok()).collect();
        let hosts: Vec<_> = hosts
            .iter()
            .zip(&names)
            .map(|(host, name)| MxHost::of(name.as_ref()).with_dane(host.dane).with_dnssec(host.dnssec))
            .collect();
        let plan = delivery.plan(&hosts);
        if hosts.iter().map(|host| delivery.check_mx(host)).ne(plan.hosts.iter().cloned()) {
            return Err("the plan differs from its hosts, taken one by one".to_owned());
        }
        let verdicts: Vec<_> = plan
            .hosts
            .iter()
            .map(|verdict| decision_shown(verdict.decision, &rows_shown(&verdict.rows)))
            .collect();
        shown.insert("hosts".to_owned(), json!(verdicts));
        shown.insert("permits_none".to_owned(), json!(plan.permits_none()));
    }
    if let Some(sessions) = input.sessions {
        let verdicts = sessions.iter().map(|session| check_session(&delivery, session));
        shown.insert("sessions".to_owned(), json!(verdicts.collect::<Result<Vec<_>, _>>()?));
    }
    if let Some(ConcludeInput { hosts, lifetime, recheck }) = input.conclude {
        let hosts = hosts.iter().map(|word| host_outcome(word)).collect::<Result<Vec<_>, _>>()?;
        shown.insert("conclusion".to_owned(), conclusion_shown(delivery.conclude(&hosts, lifetime, recheck)));
    }
    Ok(Value::Object(shown))
}

fn check_session(delivery: &Delivery<'_>, input: &SessionInput) -> Result<Value, String> {
    let name = DnsName::parse(&input.host).ok();
    let host = MxHost::of(name.as_ref()).with_dane(input.dane).with_dnssec(input.dnssec);
    let tls = tls_result(&input.tls, input.dane_result)?;
    let verdict = delivery.check_session(&host, Session::new(tls).with_requiretls(input.requiretls));
    Ok(json!({
        "decision": verdict.decision,
        "fault": verdict.fault.map(SessionFault::code),
        "rows": rows_shown(&verdict.rows),
    }))
}

/// The vectors, and the faces of other languages, have one word for the end of the attempt and for the certificate.
fn tls_result(word: &str, dane: DaneResult) -> Result<TlsResult, String> {
    let certificate = match word {
        "not-offered" | "refused" | "handshake-failed" | "version-too-old"
            if dane != DaneResult::NotChecked =>
        {
            return Err(format!("there is no certificate for DANE: {word}"));
        }
        "not-offered" => return Ok(TlsResult::NotOffered),
        "refused" => return Ok(TlsResult::Refused),
        "handshake-failed" => return Ok(TlsResult::HandshakeFailed),
        "version-too-old" => return Ok(TlsResult::VersionTooOld),
        "authenticated" => CertificateResult::Valid,
        "certificate-expired" => CertificateResult::Expired,
        "certificate-not-yet-valid" => CertificateResult::NotYetValid,
        "certificate-host-mismatch" => CertificateResult::HostMismatch,
        "certificate-not-trusted" => CertificateResult::NotTrusted,
        "certificate-not-checked" => CertificateResult::NotChecked,
        _ => return Err(format!("{word} is no end of a TLS attempt")),
    };
    Ok(TlsResult::Established(Authentication::new(certificate).with_dane(dane)))
}

fn host_outcome(word: &str) -> Result<HostOutcome, String> {
    match word {
        "unavailable" => Ok(HostOutcome::Unavailable),
        code => {
            let fault = SessionFault::from_code(code).ok_or_else(|| format!("{code} is no fault"))?;
            Ok(HostOutcome::Faulted(fault))
        }
    }
}

fn decision_shown(decision: MxDecision<'_>, rows: &[Value]) -> Value {
    match decision {
        MxDecision::Skip(fault) => json!({ "decision": "skip", "fault": fault.code(), "rows": rows }),
        MxDecision::Authenticate(name) => {
            json!({ "decision": "authenticate", "dns_id": name.as_str(), "rows": rows })
        }
        MxDecision::AuthenticateByDane(name) => {
            json!({ "decision": "authenticate-by-dane", "dns_id": name.as_str(), "rows": rows })
        }
        MxDecision::AuthenticateByBoth(name) => {
            json!({ "decision": "authenticate-by-both", "dns_id": name.as_str(), "rows": rows })
        }
        MxDecision::Encrypt => json!({ "decision": "encrypt", "rows": rows }),
        MxDecision::Opportunistic => json!({ "decision": "opportunistic", "rows": rows }),
        other => json!({ "decision": format!("{other:?}") }),
    }
}

fn rows_shown(rows: &[TlsrptRow]) -> Vec<Value> {
    let shown = |row: &TlsrptRow| {
        json!({
            "policy_type": row.policy_type.as_str(),
            "result_type": row.result_type.map(mta_sts_core::ResultType::as_str),
            "reason": row.reason.map(SessionFault::code),
        })
    };
    rows.iter().map(shown).collect()
}

fn conclusion_shown(conclusion: Conclusion) -> Value {
    match conclusion {
        Conclusion::Defer => json!("defer"),
        Conclusion::RecheckPolicy => json!("recheck-policy"),
        Conclusion::TryAgain => json!("try-again"),
        Conclusion::Bounce(status) => json!({ "bounce": status.as_str() }),
        other => json!(format!("{other:?}")),
    }
}
