//! The verdict table of policy application, cell by cell (see `delivery`, theory of operation).
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

use mta_sts_core::{
    Authentication, CertificateResult, Conclusion, DanePrecedence, DaneResult, DaneState, Delivery, DnsName,
    EnhancedStatus, HostOutcome, MessageFacts, MessageTls, MxDecision, MxHost, Policy, QueueLifetime,
    Recheck, Session, SessionDecision, SessionFault, TlsMinimum, TlsResult, dns_id_matches, tls_required_no,
};

fn policy(mode: &str) -> Policy {
    Policy::parse(format!("version: STSv1\nmode: {mode}\nmx: mx.example.com\nmax_age: 604800\n").as_bytes())
        .unwrap()
}

fn under(policy: Option<&Policy>) -> Delivery<'_> {
    policy.map_or(Delivery::without_policy(), Delivery::under)
}

/// TLS with a certificate that DANE has looked at too.
fn by_dane(certificate: CertificateResult, dane: DaneResult) -> TlsResult {
    TlsResult::Established(Authentication::new(certificate).with_dane(dane))
}

fn name(text: &str) -> DnsName {
    DnsName::parse(text).unwrap()
}

/// The decision, and the rows as `policy-type/result-type/reason`.
fn session(delivery: &Delivery<'_>, host: &MxHost<'_>, tls: TlsResult) -> (SessionDecision, Vec<String>) {
    let verdict = delivery.check_session(host, Session::new(tls));
    let rows = verdict
        .rows
        .iter()
        .map(|row| match (row.result_type, row.reason) {
            (Some(result), Some(reason)) => format!("{}/{result}/{}", row.policy_type, reason.code()),
            (None, None) => row.policy_type.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    (verdict.decision, rows)
}

const FAULTS: [(TlsResult, &str); 8] = [
    (TlsResult::NotOffered, "starttls-not-supported/starttls-not-offered"),
    (TlsResult::Refused, "starttls-not-supported/starttls-refused"),
    (TlsResult::HandshakeFailed, "validation-failure/tls-handshake-failed"),
    (TlsResult::VersionTooOld, "validation-failure/tls-version-too-old"),
    (TlsResult::certificate(CertificateResult::Expired), "certificate-expired/certificate-expired"),
    (
        TlsResult::certificate(CertificateResult::NotYetValid),
        "certificate-not-trusted/certificate-not-yet-valid",
    ),
    (
        TlsResult::certificate(CertificateResult::HostMismatch),
        "certificate-host-mismatch/certificate-host-mismatch",
    ),
    (
        TlsResult::certificate(CertificateResult::NotTrusted),
        "certificate-not-trusted/certificate-not-trusted",
    ),
];

// Proves S68, S75, S83, S87, A21, A32, R31, R32, R35, R36, R37, R38, R39.
// Proves T3, T4, E7, E8, E9.
#[test]
fn enforce_lets_through_what_is_all_good_and_nothing_else() {
    let (policy, listed, other) = (policy("enforce"), name("mx.example.com"), name("mx.attacker.example"));
    let delivery = Delivery::under(&policy);
    let host = MxHost::new(&listed);
    assert_eq!(delivery.check_mx(&host).decision, MxDecision::Authenticate(&listed));
    assert_eq!(
        session(&delivery, &host, TlsResult::certificate(CertificateResult::Valid)),
        (SessionDecision::Deliver, vec!["sts".into()])
    );
    for (tls, report) in FAULTS {
        let expected = (SessionDecision::TryNextMx, vec![format!("sts/{report}")]);
        assert_eq!(session(&delivery, &host, tls), expected);
    }
    let spoofed = MxHost::new(&other);
    let verdict = delivery.check_mx(&spoofed);
    assert_eq!(verdict.decision, MxDecision::Skip(SessionFault::MxMismatch));
    assert_eq!(verdict.rows[0].result_type.unwrap().as_str(), "validation-failure");
    // Its certificate is valid for its own name, and that changes nothing.
    assert_eq!(
        session(&delivery, &spoofed, TlsResult::certificate(CertificateResult::Valid)),
        (SessionDecision::TryNextMx, vec!["sts/validation-failure/mx-mismatch".into()])
    );
}

// Proves S76, S87, A36, T7.
#[test]
fn testing_delivers_and_reports_the_same() {
    let (policy, listed, other) = (policy("testing"), name("mx.example.com"), name("mx.other.example"));
    let delivery = Delivery::under(&policy);
    for host in [&listed, &other] {
        let verdict = delivery.check_mx(&MxHost::new(host));
        assert_eq!((verdict.decision, verdict.rows.len()), (MxDecision::Opportunistic, 0));
    }
    for (tls, report) in FAULTS {
        let expected = (SessionDecision::Deliver, vec![format!("sts/{report}")]);
        assert_eq!(session(&delivery, &MxHost::new(&listed), tls), expected);
    }
    assert_eq!(
        session(&delivery, &MxHost::new(&other), TlsResult::certificate(CertificateResult::Valid)),
        (SessionDecision::Deliver, vec!["sts/validation-failure/mx-mismatch".into()])
    );
}

// Proves S77, A35, T5, E10.
#[test]
fn none_delivers_and_reports_no_failure() {
    let (policy, other) = (policy("none"), name("mx.other.example"));
    let delivery = Delivery::under(&policy);
    let host = MxHost::new(&other);
    assert_eq!(delivery.check_mx(&host).decision, MxDecision::Opportunistic);
    for (tls, _) in FAULTS {
        let (decision, rows) = session(&delivery, &host, tls);
        assert_eq!(decision, SessionDecision::Deliver);
        let expected: &[&str] = if tls.is_encrypted() { &["no-policy-found"] } else { &[] };
        assert_eq!(rows, expected);
    }
}

// Proves A35, E1.
#[test]
fn without_a_policy_clear_text_is_counted_as_a_failure() {
    let host = name("mx.example.com");
    let delivery = Delivery::without_policy();
    let expected = vec!["no-policy-found/starttls-not-supported/starttls-not-offered".to_owned()];
    assert_eq!(
        session(&delivery, &MxHost::new(&host), TlsResult::NotOffered),
        (SessionDecision::Deliver, expected)
    );
}

// Proves S84.
#[test]
fn the_list_is_never_filtered_and_may_permit_none() {
    let policy = policy("enforce");
    let names = [name("backup.example.com"), name("mx.example.com"), name("x.example")];
    let hosts: Vec<_> = names.iter().map(MxHost::new).collect();
    let plan = Delivery::under(&policy).plan(&hosts);
    assert_eq!(plan.hosts.len(), 3);
    assert!(!plan.permits_none());
    assert!(Delivery::under(&policy).plan(&hosts[..1]).permits_none());
}

// Proves S3.
#[test]
fn a_dane_failure_is_never_overridden() {
    let host = name("mx.example.com");
    let valid = |dane| by_dane(CertificateResult::Valid, dane);
    for mode in ["enforce", "testing", "none"] {
        let policy = policy(mode);
        for precedence in [DanePrecedence::Both, DanePrecedence::DaneDecides] {
            let delivery = Delivery::under(&policy).with_dane_precedence(precedence);
            for (dane, tls) in [
                (DaneState::Usable, valid(DaneResult::Failed)),
                (DaneState::Usable, valid(DaneResult::NotChecked)),
                (DaneState::Usable, TlsResult::NotOffered),
                (DaneState::LookupFailed, valid(DaneResult::NotChecked)),
                (DaneState::LookupFailed, valid(DaneResult::Passed)),
                // Somebody has looked all the same.
                (DaneState::NotApplicable, valid(DaneResult::Failed)),
            ] {
                let host = MxHost::new(&host).with_dane(dane);
                let verdict = delivery.check_session(&host, Session::new(tls));
                assert_eq!(
                    verdict.decision,
                    SessionDecision::TryNextMx,
                    "{mode} {precedence:?} {dane:?} {tls:?}"
                );
            }
        }
    }
}

// Proves A42.
#[test]
fn dane_and_the_policy_must_both_pass_unless_dane_decides() {
    let (policy, other) = (policy("enforce"), name("mx.dane.example"));
    let host = MxHost::new(&other).with_dane(DaneState::Usable);
    let both = Delivery::under(&policy);
    assert_eq!(both.check_mx(&host).decision, MxDecision::Skip(SessionFault::MxMismatch));
    let dane = both.with_dane_precedence(DanePrecedence::DaneDecides);
    assert_eq!(dane.check_mx(&host).decision, MxDecision::AuthenticateByDane(&other));
    let passed = by_dane(CertificateResult::NotTrusted, DaneResult::Passed);
    // The policy was not looked at, so no report says that it failed.
    assert_eq!(session(&dane, &host, passed), (SessionDecision::Deliver, vec!["tlsa".into()]));
    assert_eq!(session(&both, &host, passed).0, SessionDecision::TryNextMx);
    // Both duties are named where both are to be met.
    let listed = name("mx.example.com");
    let host = MxHost::new(&listed).with_dane(DaneState::Usable);
    assert_eq!(both.check_mx(&host).decision, MxDecision::AuthenticateByBoth(&listed));
    let unchecked = TlsResult::certificate(CertificateResult::Valid);
    let (decision, rows) = session(&both, &host, unchecked);
    assert_eq!((decision, rows), (SessionDecision::TryNextMx, vec!["sts".into()]));
    let valid = by_dane(CertificateResult::Valid, DaneResult::Passed);
    assert_eq!(session(&both, &host, valid), (SessionDecision::Deliver, vec!["tlsa".into(), "sts".into()]));
}

// Proves S3.
#[test]
fn without_tls_dane_has_not_passed() {
    let (policy, host) = (policy("enforce"), name("mx.example.com"));
    let host = MxHost::new(&host).with_dane(DaneState::Usable);
    for delivery in [
        Delivery::under(&policy).with_dane_precedence(DanePrecedence::DaneDecides),
        Delivery::without_policy().with_minimum(TlsMinimum::Authenticated),
        Delivery::without_policy().with_message(MessageTls::Requiretls),
        Delivery::without_policy(),
    ] {
        let (decision, rows) = session(&delivery, &host, TlsResult::NotOffered);
        assert_eq!(decision, SessionDecision::TryNextMx);
        assert_eq!(rows[0], "tlsa/starttls-not-supported/starttls-not-offered");
    }
}

// Proves A29.
#[test]
fn what_is_not_known_waits() {
    let host = name("mx.example.com");
    for host in [MxHost::new(&host), MxHost::new(&host).with_dnssec(true).with_dane(DaneState::Usable)] {
        let delivery = Delivery::undetermined();
        assert_eq!(delivery.check_mx(&host).decision, MxDecision::Skip(SessionFault::PolicyUnknown));
        let valid = by_dane(CertificateResult::Valid, DaneResult::Passed);
        assert_eq!(session(&delivery, &host, valid).0, SessionDecision::TryNextMx);
        for message in [MessageTls::Unspecified, MessageTls::Requiretls] {
            let delivery = delivery.with_message(message);
            let hosts = [HostOutcome::Faulted(SessionFault::PolicyUnknown)];
            let conclude = |lifetime, recheck| delivery.conclude(&hosts, lifetime, recheck);
            assert_eq!(conclude(QueueLifetime::Running, None), Conclusion::Defer);
            assert_eq!(conclude(QueueLifetime::Over, None), Conclusion::RecheckPolicy);
            assert_eq!(conclude(QueueLifetime::Over, Some(Recheck::NotChecked)), Conclusion::Defer);
            assert_eq!(conclude(QueueLifetime::Over, Some(Recheck::NoLongerBound)), Conclusion::TryAgain);
        }
        // The sender of the message would rather have it read than wait.
        let delivery = delivery.with_message(MessageTls::TlsRequiredNo);
        assert_eq!(delivery.check_mx(&host).decision, MxDecision::Opportunistic);
    }
}

// Proves Q8, A44, T4.
#[test]
fn tls_required_no_delivers_and_still_counts() {
    let (policy, other) = (policy("enforce"), name("mx.other.example"));
    let delivery = Delivery::under(&policy).with_message(MessageTls::TlsRequiredNo);
    let host = MxHost::new(&other).with_dane(DaneState::Usable);
    assert_eq!(delivery.check_mx(&host).decision, MxDecision::Opportunistic);
    let failed = by_dane(CertificateResult::NotTrusted, DaneResult::Failed);
    let (decision, rows) = session(&delivery, &host, failed);
    assert_eq!(decision, SessionDecision::Deliver);
    assert_eq!(rows, ["tlsa/validation-failure/dane-failed", "sts/validation-failure/mx-mismatch"]);
    // Nothing is counted that nobody looked for.
    let listed = name("mx.example.com");
    let host = MxHost::new(&listed).with_dane(DaneState::Usable);
    let unchecked = TlsResult::certificate(CertificateResult::NotChecked);
    assert_eq!(session(&delivery, &host, unchecked), (SessionDecision::Deliver, vec![]));
    // The operator's own minimum is not the recipient's to waive, nor the sender's.
    let strict = delivery.with_minimum(TlsMinimum::Encrypted);
    assert_eq!(session(&strict, &host, TlsResult::NotOffered).0, SessionDecision::TryNextMx);
}

// Proves R16, R17, Q18, E11.
#[test]
fn a_report_goes_out_despite_everything_and_is_not_counted() {
    let (policy, other) = (policy("enforce"), name("mx.other.example"));
    let delivery = Delivery::under(&policy).with_tlsrpt_report(true);
    let host = MxHost::new(&other);
    assert_eq!(session(&delivery, &host, TlsResult::NotOffered), (SessionDecision::Deliver, vec![]));
}

#[test]
fn no_policy_lowers_the_minimum_of_the_operator() {
    let host = name("mx.example.com");
    let host = MxHost::new(&host);
    for policy in [None, Some(policy("none")), Some(policy("testing"))] {
        let encrypted = under(policy.as_ref()).with_minimum(TlsMinimum::Encrypted);
        assert_eq!(encrypted.check_mx(&host).decision, MxDecision::Encrypt);
        assert_eq!(session(&encrypted, &host, TlsResult::NotOffered).0, SessionDecision::TryNextMx);
        assert_eq!(
            session(&encrypted, &host, TlsResult::certificate(CertificateResult::Expired)).0,
            SessionDecision::Deliver
        );
        let authenticated = under(policy.as_ref()).with_minimum(TlsMinimum::Authenticated);
        assert_eq!(authenticated.check_mx(&host).decision, MxDecision::Authenticate(host.name().unwrap()));
        assert_eq!(
            session(&authenticated, &host, TlsResult::certificate(CertificateResult::Expired)).0,
            SessionDecision::TryNextMx
        );
        assert_eq!(
            session(&authenticated, &host, TlsResult::certificate(CertificateResult::Valid)).0,
            SessionDecision::Deliver
        );
    }
}

// Proves Q1, Q2, Q3, Q4, A43.
#[test]
fn requiretls_wants_a_vouched_host_a_certificate_and_the_promise() {
    let (enforce, testing, listed) = (policy("enforce"), policy("testing"), name("mx.example.com"));
    let plain = MxHost::new(&listed);
    let signed = plain.with_dnssec(true);
    let decide = |policy: Option<&Policy>, host: &MxHost<'_>, tls, offered| {
        let delivery = under(policy).with_message(MessageTls::Requiretls);
        delivery.check_session(host, Session::new(tls).with_requiretls(offered)).fault
    };
    let ok = TlsResult::certificate(CertificateResult::Valid);
    assert_eq!(decide(Some(&enforce), &plain, ok, true), None);
    assert_eq!(decide(None, &signed, ok, true), None);
    assert_eq!(decide(None, &plain, ok, true), Some(SessionFault::MxNotAuthenticated));
    assert_eq!(decide(Some(&testing), &plain, ok, true), Some(SessionFault::MxNotAuthenticated));
    assert_eq!(decide(None, &signed, ok, false), Some(SessionFault::RequiretlsNotOffered));
    assert_eq!(decide(None, &signed, TlsResult::NotOffered, true), Some(SessionFault::StarttlsNotOffered));
    let usable = signed.with_dane(DaneState::Usable);
    let passed = by_dane(CertificateResult::NotTrusted, DaneResult::Passed);
    assert_eq!(decide(None, &usable, passed, true), None);
}

// Proves Q6, Q11, Q13, Q14.
#[test]
fn what_the_message_asks_is_one_thing() {
    let nothing = MessageFacts::new();
    let header = nothing.with_tls_required_no(true);
    let extension = nothing.with_requiretls(true);
    for (facts, asked) in [
        (nothing, MessageTls::Unspecified),
        (header, MessageTls::TlsRequiredNo),
        (header.with_null_reverse_path(true), MessageTls::TlsRequiredNo),
        (extension, MessageTls::Requiretls),
        (extension.with_tls_required_no(true), MessageTls::Requiretls),
        (extension.with_null_reverse_path(true), MessageTls::Unspecified),
        (header.with_requiretls(true).with_null_reverse_path(true), MessageTls::Unspecified),
        (extension.with_requiretls(false), MessageTls::Unspecified),
    ] {
        assert_eq!(MessageTls::of(facts), asked, "{facts:?}");
    }
    assert!(tls_required_no(&["No"]) && tls_required_no(&[" nO\r\n"]));
    for values in [&["Yes"][..], &["No (x)"], &["No", "No"], &[]] {
        assert!(!tls_required_no(values), "{values:?}");
    }
}

// Proves S78, S79, Q5, T6.
#[test]
fn the_end_is_to_wait_unless_requiretls_says_otherwise() {
    let policy = policy("enforce");
    let mismatch = [HostOutcome::Faulted(SessionFault::MxMismatch)];
    let delivery = Delivery::under(&policy);
    let conclude = |lifetime, recheck| delivery.conclude(&mismatch, lifetime, recheck);
    let expired = Conclusion::Bounce(EnhancedStatus::DeliveryTimeExpired);
    for (lifetime, recheck, expected) in [
        (QueueLifetime::Running, None, Conclusion::Defer),
        (QueueLifetime::Over, None, Conclusion::RecheckPolicy),
        (QueueLifetime::Over, Some(Recheck::Unchanged), expired),
        (QueueLifetime::Over, Some(Recheck::Changed), Conclusion::TryAgain),
        (QueueLifetime::Over, Some(Recheck::NoLongerBound), Conclusion::TryAgain),
        (QueueLifetime::Over, Some(Recheck::NotChecked), Conclusion::Defer),
    ] {
        assert_eq!(conclude(lifetime, recheck), expected, "{lifetime:?} {recheck:?}");
    }
    let unavailable = delivery.conclude(&[HostOutcome::Unavailable], QueueLifetime::Over, None);
    assert_eq!(unavailable, expired);

    let requiretls = Delivery::without_policy().with_message(MessageTls::Requiretls);
    let no_tls = HostOutcome::Faulted(SessionFault::StarttlsNotOffered);
    let no_promise = HostOutcome::Faulted(SessionFault::RequiretlsNotOffered);
    let at_once = |hosts: &[HostOutcome]| requiretls.conclude(hosts, QueueLifetime::Running, None);
    assert_eq!(at_once(&[no_tls]), Conclusion::Bounce(EnhancedStatus::EncryptionNeeded));
    assert_eq!(at_once(&[no_tls, no_promise]), Conclusion::Bounce(EnhancedStatus::RequiretlsNeeded));
    // A host that is down, and DNS that fails, may be back.
    assert_eq!(at_once(&[no_tls, HostOutcome::Unavailable]), Conclusion::Defer);
    assert_eq!(at_once(&[HostOutcome::Faulted(SessionFault::DaneLookupFailed)]), Conclusion::Defer);
    // A message that does not wait is returned after one recheck.
    let enforced = Delivery::under(&policy).with_message(MessageTls::Requiretls);
    let expired = [HostOutcome::Faulted(SessionFault::CertificateExpired)];
    let conclude = |recheck| enforced.conclude(&expired, QueueLifetime::Running, recheck);
    assert_eq!(conclude(None), Conclusion::RecheckPolicy);
    assert_eq!(conclude(Some(Recheck::Unchanged)), Conclusion::Bounce(EnhancedStatus::EncryptionNeeded));
}

// Proves S47, A23.
#[test]
fn a_dns_id_is_a_whole_name_or_a_whole_first_label() {
    let host = name("mx1.example.com");
    for dns_id in ["mx1.example.com", "MX1.Example.com", "*.example.com"] {
        assert!(dns_id_matches(dns_id, &host), "{dns_id}");
    }
    for dns_id in
        ["example.com", "*.com", "mx*.example.com", "*.*.com", "*", "mx1.example.com.", "", "*.x.example.com"]
    {
        assert!(!dns_id_matches(dns_id, &host), "{dns_id}");
    }
}
