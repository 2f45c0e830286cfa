//! Verdicts under any policy, for any host and session: mail goes nowhere that a policy forbids.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use mta_sts_core::{
    Authentication, CertificateResult, Conclusion, DanePrecedence, DaneResult, DaneState, Delivery, DnsName,
    HostOutcome, MessageTls, Mode, MxDecision, MxHost, Policy, QueueLifetime, Recheck, Session,
    SessionDecision, TlsMinimum, TlsResult,
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
    let delivery = match &policy {
        Some(policy) => Delivery::under(policy),
        None if case.is_unknown => Delivery::undetermined(),
        None => Delivery::without_policy(),
    };
    let delivery = delivery
        .with_message(message)
        .with_minimum(minimum)
        .with_dane_precedence(precedence)
        .with_tlsrpt_report(case.is_report);
    let is_unknown = policy.is_none() && case.is_unknown;

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

        let is_covered = policy.as_ref().is_some_and(|policy| {
            policy
                .mx_patterns()
                .any(|pattern| mx_host.name().is_some_and(|name| pattern_covers(&pattern, name.as_str())))
        });
        let (is_valid, dane_result) = match tls {
            TlsResult::Established(authentication) => {
                (authentication.certificate() == CertificateResult::Valid, authentication.dane())
            }
            _ => (false, DaneResult::NotChecked),
        };
        let dane_passed = dane(host) == DaneState::Usable && dane_result == DaneResult::Passed;
        let dane_fails = match dane(host) {
            DaneState::NotApplicable => dane_result == DaneResult::Failed,
            DaneState::Usable => !dane_passed,
            DaneState::LookupFailed => true,
        };
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
        if !ignores_recipient {
            assert!(!delivers || !dane_fails, "DANE is overridden: {verdict:?}");
            assert!(!is_unknown || (is_skipped && !delivers), "{planned:?} {verdict:?}");
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
            // Then only DANE, REQUIRETLS, the operator, and what is not known stop mail.
            let recipient_stops = !ignores_recipient && (dane_fails || is_unknown);
            let may_stop =
                minimum != TlsMinimum::Opportunistic || message == MessageTls::Requiretls || recipient_stops;
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
        has_mismatch |=
            outcomes.last() == Some(&HostOutcome::Faulted(mta_sts_core::SessionFault::MxMismatch));
    }
    assert_eq!(
        plan.permits_none(),
        plan.hosts.iter().all(|host| matches!(host.decision, MxDecision::Skip(_)))
    );

    let conclude = |lifetime, recheck| delivery.conclude(&outcomes, lifetime, recheck);
    let (running, over) = (conclude(QueueLifetime::Running, None), conclude(QueueLifetime::Over, None));
    if message != MessageTls::Requiretls {
        assert_eq!(running, Conclusion::Defer);
    }
    // RFC 8461, 5.1, step 3.
    if mode == Some(Mode::Enforce) && has_mismatch {
        assert_eq!(over, Conclusion::RecheckPolicy);
    }
    assert!(matches!(conclude(QueueLifetime::Over, Some(Recheck::Unchanged)), Conclusion::Bounce(_)));
    // No permanent failure for a policy that could not be checked, or is another by now.
    for recheck in [Recheck::Changed, Recheck::NoLongerBound, Recheck::NotChecked] {
        let concluded = conclude(QueueLifetime::Over, Some(recheck));
        assert!(
            over != Conclusion::RecheckPolicy || !matches!(concluded, Conclusion::Bounce(_)),
            "{concluded:?}"
        );
    }
});

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
    let certificates = [
        CertificateResult::Expired,
        CertificateResult::NotYetValid,
        CertificateResult::HostMismatch,
        CertificateResult::NotTrusted,
        CertificateResult::NotChecked,
        CertificateResult::Valid,
    ];
    let dane = pick(&[DaneResult::NotChecked, DaneResult::Passed, DaneResult::Failed], host.dane_result);
    match host.tls % 10 {
        0 => TlsResult::NotOffered,
        1 => TlsResult::Refused,
        2 => TlsResult::HandshakeFailed,
        3 => TlsResult::VersionTooOld,
        number => {
            TlsResult::Established(Authentication::new(certificates[usize::from(number) - 4]).with_dane(dane))
        }
    }
}
