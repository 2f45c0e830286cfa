//! Verdicts under any policy, for any host and session: mail goes nowhere that a policy forbids.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use mta_sts_core::{
    Authentication, CertificateResult, Conclusion, DanePrecedence, DaneResult, DaneState, Delivery, DnsName,
    HostOutcome, MessageTls, Mode, MxDecision, MxHost, Policy, QueueLifetime, Recheck, Session,
    SessionDecision, SessionFault, TlsMinimum, TlsResult,
};
use mta_sts_fuzz::pattern_covers;

#[derive(Arbitrary, Debug)]
struct Case {
    mode: Option<u8>,
    is_unknown: bool,
    patterns: Vec<Name>,
    message: u8,
    minimum: u8,
    dane_decides: bool,
    is_report: bool,
    hosts: Vec<Host>,
}

#[derive(Arbitrary, Debug)]
struct Host {
    name: Name,
    dane: u8,
    dane_result: u8,
    dnssec: bool,
    tls: u8,
    offers_requiretls: bool,
    unavailable: bool,
}

/// Labels of a small alphabet, so that patterns and hosts meet.
#[derive(Arbitrary, Debug)]
struct Name {
    wildcard: bool,
    labels: [u8; 3],
}

impl Name {
    fn text(&self, may_be_wildcard: bool) -> String {
        let labels = self.labels.iter().map(|label| ["a", "b", "aa", ""][usize::from(label % 4)]);
        let mut labels: Vec<&str> = labels.filter(|label| !label.is_empty()).collect();
        labels.push("test");
        let star = if may_be_wildcard && self.wildcard { "*." } else { "" };
        format!("{star}{}", labels.join("."))
    }
}

fn pick<T: Copy>(of: &[T], number: u8) -> T {
    of[usize::from(number) % of.len()]
}

fuzz_target!(|case: Case| {
    let policy = case.mode.map(policy_of(&case.patterns));
    let policy = policy.flatten();
    let mode = policy.as_ref().map(Policy::mode);
    let messages = [MessageTls::Unspecified, MessageTls::Requiretls, MessageTls::TlsRequiredNo];
    let message = pick(&messages, case.message);
    let minimum =
        pick(&[TlsMinimum::Opportunistic, TlsMinimum::Encrypted, TlsMinimum::Authenticated], case.minimum);
    let precedence = if case.dane_decides { DanePrecedence::DaneDecides } else { DanePrecedence::Both };
    let ignores_recipient = case.is_report || message == MessageTls::TlsRequiredNo;
    let is_unknown = policy.is_none() && case.is_unknown;
    let delivery = match &policy {
        Some(policy) => Delivery::under(policy),
        None if is_unknown => Delivery::undetermined(),
        None => Delivery::without_policy(),
    };
    let delivery = delivery
        .with_message(message)
        .with_minimum(minimum)
        .with_dane_precedence(precedence)
        .with_tlsrpt_report(case.is_report);

    let names: Vec<DnsName> =
        case.hosts.iter().map(|host| DnsName::parse(&host.name.text(false)).expect("a name")).collect();
    let mx_hosts: Vec<MxHost<'_>> = case
        .hosts
        .iter()
        .zip(&names)
        .map(|(host, name)| MxHost::new(name).with_dane(dane(host)).with_dnssec(host.dnssec))
        .collect();
    let plan = delivery.plan(&mx_hosts);
    assert_eq!(plan.hosts.len(), mx_hosts.len());
    let mut outcomes = Vec::new();
    let mut has_mismatch = false;
    for ((mx_host, host), planned) in mx_hosts.iter().zip(&case.hosts).zip(&plan.hosts) {
        assert_eq!(delivery.check_mx(mx_host), *planned);
        let tls = tls(host);
        let session = Session::new(tls).with_requiretls(host.offers_requiretls);
        let verdict = delivery.check_session(mx_host, session);
        let delivers = verdict.decision == SessionDecision::Deliver;
        assert_eq!(delivers, verdict.fault.is_none());
        assert!(!case.is_report || (planned.rows.is_empty() && verdict.rows.is_empty()));
        let unchecked =
            [SessionFault::CertificateNotChecked, SessionFault::DaneNotChecked, SessionFault::PolicyUnknown];
        for row in planned.rows.iter().chain(&verdict.rows) {
            assert!(!row.reason.is_some_and(|reason| unchecked.contains(&reason)), "{row:?}");
        }
        // Whoever does what the decision says may send the message.
        if let Some(session) = as_demanded(planned.decision) {
            let verdict = delivery.check_session(mx_host, session);
            assert_eq!(verdict.decision, SessionDecision::Deliver, "{planned:?} {verdict:?}");
        }

        let is_covered = policy.as_ref().is_some_and(|policy| {
            policy
                .mx_patterns()
                .any(|pattern| mx_host.name().is_some_and(|name| pattern_covers(&pattern, name.as_str())))
        });
        let dane_result = match tls {
            TlsResult::Established(authentication) => authentication.dane(),
            _ => DaneResult::NotChecked,
        };
        let dane_passed = dane(host) == DaneState::Usable && dane_result == DaneResult::Passed;
        let dane_stops = !ignores_recipient
            && ((dane(host) != DaneState::NotApplicable && !dane_passed)
                || dane_result == DaneResult::Failed);
        let is_valid = tls.fault().is_none();
        let is_authenticated = is_valid || dane_passed;
        let by_dane = case.dane_decides && dane(host) == DaneState::Usable;
        let is_skipped = matches!(planned.decision, MxDecision::Skip(_));
        if mode == Some(Mode::Enforce) && !ignores_recipient {
            let dane_decided = case.dane_decides && dane_passed;
            assert!(!delivers || dane_decided || (is_covered && is_valid), "{verdict:?}");
            assert!(is_skipped || is_covered || by_dane, "{planned:?}");
            let demands = matches!(
                planned.decision,
                MxDecision::Authenticate(_)
                    | MxDecision::AuthenticateByDane(_)
                    | MxDecision::AuthenticateByBoth(_)
            );
            assert!(is_skipped || demands, "{planned:?}");
        }
        assert!(!dane_stops || !delivers, "DANE is overridden: {verdict:?}");
        if is_unknown && !ignores_recipient {
            assert_eq!(planned.decision, MxDecision::Skip(SessionFault::PolicyUnknown));
            assert!(!delivers, "{verdict:?}");
        }
        if delivers {
            assert!(!is_skipped, "{planned:?} {verdict:?}");
            assert!(minimum != TlsMinimum::Encrypted || tls.is_encrypted(), "{verdict:?}");
            assert!(minimum != TlsMinimum::Authenticated || is_authenticated, "{verdict:?}");
            if message == MessageTls::Requiretls {
                assert!(is_authenticated && host.offers_requiretls, "{verdict:?}");
                assert!(host.dnssec || (is_covered && mode == Some(Mode::Enforce)), "{verdict:?}");
            }
        } else if mode != Some(Mode::Enforce) || ignores_recipient {
            // Then only DANE, REQUIRETLS, the operator, and not to know stop mail.
            let may_stop = minimum != TlsMinimum::Opportunistic
                || message == MessageTls::Requiretls
                || dane_stops
                || is_unknown;
            assert!(may_stop, "{verdict:?}");
        }
        let fault = match planned.decision {
            MxDecision::Skip(fault) => Some(fault),
            _ => verdict.fault,
        };
        outcomes.push(match fault {
            Some(fault) if !host.unavailable => HostOutcome::Faulted(fault),
            _ => HostOutcome::Unavailable,
        });
        has_mismatch |= outcomes.last() == Some(&HostOutcome::Faulted(SessionFault::MxMismatch));
    }
    assert_eq!(
        plan.permits_none(),
        plan.hosts.iter().all(|host| matches!(host.decision, MxDecision::Skip(_)))
    );

    for lifetime in [QueueLifetime::Running, QueueLifetime::Over] {
        let conclude = |recheck| delivery.conclude(&outcomes, lifetime, recheck);
        let first = conclude(None);
        if lifetime == QueueLifetime::Running && message != MessageTls::Requiretls {
            assert_eq!(first, Conclusion::Defer);
        }
        // RFC 8461, 5.1, step 3.
        if lifetime == QueueLifetime::Over && mode == Some(Mode::Enforce) && has_mismatch {
            assert_eq!(first, Conclusion::RecheckPolicy);
        }
        let asks = first == Conclusion::RecheckPolicy;
        assert_eq!(conclude(Some(Recheck::NotChecked)), if asks { Conclusion::Defer } else { first });
        for newer in [Recheck::Changed, Recheck::NoLongerBound] {
            assert_eq!(conclude(Some(newer)), if asks { Conclusion::TryAgain } else { first });
        }
        let last = conclude(Some(Recheck::Unchanged));
        assert!(if asks { matches!(last, Conclusion::Bounce(_)) } else { last == first }, "{last:?}");
        assert!(lifetime == QueueLifetime::Running || matches!(last, Conclusion::Bounce(_)), "{last:?}");
    }
});

/// The least that a session must have to be what a decision asks for; nothing for a host that is skipped.
fn as_demanded(decision: MxDecision<'_>) -> Option<Session> {
    let (certificate, dane) = match decision {
        MxDecision::Skip(_) => return None,
        MxDecision::Opportunistic => return Some(Session::new(TlsResult::NotOffered)),
        MxDecision::Encrypt => (CertificateResult::NotChecked, DaneResult::NotChecked),
        MxDecision::Authenticate(_) => (CertificateResult::Valid, DaneResult::NotChecked),
        MxDecision::AuthenticateByDane(_) => (CertificateResult::NotTrusted, DaneResult::Passed),
        MxDecision::AuthenticateByBoth(_) => (CertificateResult::Valid, DaneResult::Passed),
        other => unreachable!("{other:?}"),
    };
    let authentication = Authentication::new(certificate).with_dane(dane);
    Some(Session::new(TlsResult::Established(authentication)).with_requiretls(true))
}

fn policy_of(patterns: &[Name]) -> impl Fn(u8) -> Option<Policy> + use<'_> {
    move |mode| {
        let mut body = format!("version: STSv1\nmode: {}\n", pick(&["enforce", "testing", "none"], mode));
        for pattern in patterns {
            body += &format!("mx: {}\n", pattern.text(true));
        }
        Policy::parse((body + "max_age: 86400\n").as_bytes()).ok()
    }
}

fn dane(host: &Host) -> DaneState {
    pick(&[DaneState::NotApplicable, DaneState::Usable, DaneState::LookupFailed], host.dane)
}

fn tls(host: &Host) -> TlsResult {
    let dane = pick(&[DaneResult::NotChecked, DaneResult::Passed, DaneResult::Failed], host.dane_result);
    let established = |certificate| TlsResult::Established(Authentication::new(certificate).with_dane(dane));
    let results = [
        TlsResult::NotOffered,
        TlsResult::Refused,
        TlsResult::HandshakeFailed,
        TlsResult::VersionTooOld,
        established(CertificateResult::Expired),
        established(CertificateResult::NotYetValid),
        established(CertificateResult::HostMismatch),
        established(CertificateResult::NotTrusted),
        established(CertificateResult::NotChecked),
        established(CertificateResult::Valid),
    ];
    pick(&results, host.tls)
}
