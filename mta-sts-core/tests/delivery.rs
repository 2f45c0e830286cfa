//! The verdict table of policy application, cell by cell (see `delivery`, theory of operation).
// A test that cannot go on fails where it stands.
#![allow(clippy::unwrap_used)]

use mta_sts_core::{
    Conclusion, DanePrecedence, DaneState, Delivery, DnsName, EnhancedStatus, HostOutcome, MessageTls,
    MxDecision, MxHost, Policy, QueueLifetime, Session, SessionDecision, SessionFault, TlsMinimum, TlsResult,
    dns_id_matches, tls_required_no,
};

fn policy(mode: &str) -> Policy {
    Policy::parse(format!("version: STSv1\nmode: {mode}\nmx: mx.example.com\nmax_age: 604800\n").as_bytes())
        .unwrap()
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

const FAULTS: [(TlsResult, &str); 9] = [
    (TlsResult::NotOffered, "starttls-not-supported/starttls-not-offered"),
    (TlsResult::Refused, "starttls-not-supported/starttls-refused"),
    (TlsResult::HandshakeFailed, "validation-failure/tls-handshake-failed"),
    (TlsResult::VersionTooOld, "validation-failure/tls-version-too-old"),
    (TlsResult::CertificateExpired, "certificate-expired/certificate-expired"),
    (TlsResult::CertificateNotYetValid, "certificate-not-trusted/certificate-not-yet-valid"),
    (TlsResult::CertificateHostMismatch, "certificate-host-mismatch/certificate-host-mismatch"),
    (TlsResult::CertificateNotTrusted, "certificate-not-trusted/certificate-not-trusted"),
    (TlsResult::CertificateNotChecked, "validation-failure/certificate-not-checked"),
];

// Proves S68, S75, S83, S87, A21, A32, R31, R32, R35, R36, R37, R38, R39.
// Proves T3, T4, E7, E8, E9.
#[test]
fn enforce_lets_through_what_is_all_good_and_nothing_else() {
    let (policy, listed, other) = (policy("enforce"), name("mx.example.com"), name("mx.attacker.example"));
    let delivery = Delivery::new(Some(&policy));
    let host = MxHost::new(&listed);
    assert_eq!(delivery.check_mx(&host).decision, MxDecision::Authenticate(&listed));
    assert_eq!(
        session(&delivery, &host, TlsResult::Authenticated),
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
        session(&delivery, &spoofed, TlsResult::Authenticated),
        (SessionDecision::TryNextMx, vec!["sts/validation-failure/mx-mismatch".into()])
    );
}

// Proves S76, S87, A36, T7.
#[test]
fn testing_delivers_and_reports_the_same() {
    let (policy, listed, other) = (policy("testing"), name("mx.example.com"), name("mx.other.example"));
    let delivery = Delivery::new(Some(&policy));
    for host in [&listed, &other] {
        let verdict = delivery.check_mx(&MxHost::new(host));
        assert_eq!((verdict.decision, verdict.rows.len()), (MxDecision::Opportunistic, 0));
    }
    for (tls, report) in FAULTS {
        let expected = (SessionDecision::Deliver, vec![format!("sts/{report}")]);
        assert_eq!(session(&delivery, &MxHost::new(&listed), tls), expected);
    }
    assert_eq!(
        session(&delivery, &MxHost::new(&other), TlsResult::Authenticated),
        (SessionDecision::Deliver, vec!["sts/validation-failure/mx-mismatch".into()])
    );
}

// Proves S77, A35, T5, E10.
#[test]
fn none_delivers_and_reports_no_failure() {
    let (policy, other) = (policy("none"), name("mx.other.example"));
    let delivery = Delivery::new(Some(&policy));
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
    let delivery = Delivery::new(None);
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
    let plan = Delivery::new(Some(&policy)).plan(&hosts);
    assert_eq!(plan.hosts.len(), 3);
    assert!(!plan.permits_none());
    assert!(Delivery::new(Some(&policy)).plan(&hosts[..1]).permits_none());
}

// Proves S3.
#[test]
fn a_dane_failure_is_never_overridden() {
    let host = name("mx.example.com");
    for mode in ["enforce", "testing", "none"] {
        let policy = policy(mode);
        for precedence in [DanePrecedence::Both, DanePrecedence::DaneDecides] {
            let delivery = Delivery::new(Some(&policy)).dane_precedence(precedence);
            for dane in [DaneState::Failed, DaneState::LookupFailed, DaneState::Usable] {
                let host = MxHost::new(&host).with_dane(dane);
                let verdict = delivery.check_session(&host, Session::new(TlsResult::Authenticated));
                assert_eq!(verdict.decision, SessionDecision::TryNextMx, "{mode} {precedence:?} {dane:?}");
            }
        }
    }
}

// Proves A42.
#[test]
fn dane_and_the_policy_must_both_pass_unless_dane_decides() {
    let (policy, other) = (policy("enforce"), name("mx.dane.example"));
    let host = MxHost::new(&other).with_dane(DaneState::Usable);
    let passed = host.with_dane(DaneState::Passed);
    let both = Delivery::new(Some(&policy));
    assert_eq!(both.check_mx(&host).decision, MxDecision::Skip(SessionFault::MxMismatch));
    let dane = both.dane_precedence(DanePrecedence::DaneDecides);
    assert_eq!(dane.check_mx(&host).decision, MxDecision::AuthenticateByDane(&other));
    let session = Session::new(TlsResult::CertificateNotTrusted);
    assert_eq!(dane.check_session(&passed, session).decision, SessionDecision::Deliver);
    assert_eq!(both.check_session(&passed, session).decision, SessionDecision::TryNextMx);
}

// Proves Q8, A44, T4.
#[test]
fn tls_required_no_delivers_and_still_counts() {
    let (policy, other) = (policy("enforce"), name("mx.other.example"));
    let delivery = Delivery::new(Some(&policy)).message(MessageTls::TlsRequiredNo);
    let host = MxHost::new(&other).with_dane(DaneState::Failed);
    assert_eq!(delivery.check_mx(&host).decision, MxDecision::Opportunistic);
    let (decision, rows) = session(&delivery, &host, TlsResult::NotOffered);
    assert_eq!(decision, SessionDecision::Deliver);
    assert_eq!(rows, ["tlsa/validation-failure/dane-failed", "sts/validation-failure/mx-mismatch"]);
    // The operator's own minimum is not the recipient's to waive, nor the sender's.
    let strict = delivery.minimum(TlsMinimum::Encrypted);
    assert_eq!(session(&strict, &host, TlsResult::NotOffered).0, SessionDecision::TryNextMx);
}

// Proves R16, R17, Q18, E11.
#[test]
fn a_report_goes_out_despite_everything_and_is_not_counted() {
    let (policy, other) = (policy("enforce"), name("mx.other.example"));
    let delivery = Delivery::new(Some(&policy)).tlsrpt_report(true);
    let host = MxHost::new(&other);
    assert_eq!(session(&delivery, &host, TlsResult::NotOffered), (SessionDecision::Deliver, vec![]));
}

#[test]
fn no_policy_lowers_the_minimum_of_the_operator() {
    let host = name("mx.example.com");
    let host = MxHost::new(&host);
    for policy in [None, Some(policy("none")), Some(policy("testing"))] {
        let encrypted = Delivery::new(policy.as_ref()).minimum(TlsMinimum::Encrypted);
        assert_eq!(encrypted.check_mx(&host).decision, MxDecision::Encrypt);
        assert_eq!(session(&encrypted, &host, TlsResult::NotOffered).0, SessionDecision::TryNextMx);
        assert_eq!(session(&encrypted, &host, TlsResult::CertificateExpired).0, SessionDecision::Deliver);
        let authenticated = Delivery::new(policy.as_ref()).minimum(TlsMinimum::Authenticated);
        assert_eq!(authenticated.check_mx(&host).decision, MxDecision::Authenticate(host.name().unwrap()));
        assert_eq!(
            session(&authenticated, &host, TlsResult::CertificateExpired).0,
            SessionDecision::TryNextMx
        );
        assert_eq!(session(&authenticated, &host, TlsResult::Authenticated).0, SessionDecision::Deliver);
    }
}

// Proves Q1, Q2, Q3, Q4, A43.
#[test]
fn requiretls_wants_a_vouched_host_a_certificate_and_the_promise() {
    let (enforce, testing, listed) = (policy("enforce"), policy("testing"), name("mx.example.com"));
    let plain = MxHost::new(&listed);
    let signed = plain.with_dnssec(true);
    let decide = |policy: Option<&Policy>, host: &MxHost<'_>, tls, offered| {
        let delivery = Delivery::new(policy).message(MessageTls::Requiretls);
        delivery.check_session(host, Session::new(tls).with_requiretls(offered)).fault
    };
    let ok = TlsResult::Authenticated;
    assert_eq!(decide(Some(&enforce), &plain, ok, true), None);
    assert_eq!(decide(None, &signed, ok, true), None);
    assert_eq!(decide(None, &plain, ok, true), Some(SessionFault::MxNotAuthenticated));
    assert_eq!(decide(Some(&testing), &plain, ok, true), Some(SessionFault::MxNotAuthenticated));
    assert_eq!(decide(None, &signed, ok, false), Some(SessionFault::RequiretlsNotOffered));
    assert_eq!(decide(None, &signed, TlsResult::NotOffered, true), Some(SessionFault::StarttlsNotOffered));
    let by_dane = signed.with_dane(DaneState::Passed);
    assert_eq!(decide(None, &by_dane, TlsResult::CertificateNotTrusted, true), None);
}

// Proves Q6, Q11, Q13, Q14.
#[test]
fn what_the_message_asks_is_one_thing() {
    assert_eq!(MessageTls::of(true, true, false), MessageTls::Requiretls);
    assert_eq!(MessageTls::of(true, false, true), MessageTls::Unspecified);
    assert_eq!(MessageTls::of(false, true, false), MessageTls::TlsRequiredNo);
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
    let delivery = Delivery::new(Some(&policy));
    assert_eq!(delivery.conclude(&mismatch, QueueLifetime::Running), Conclusion::Defer);
    assert_eq!(delivery.conclude(&mismatch, QueueLifetime::Over), Conclusion::RecheckPolicy);
    let expired = Conclusion::Bounce(EnhancedStatus::DeliveryTimeExpired);
    assert_eq!(delivery.conclude(&mismatch, QueueLifetime::OverAndRechecked), expired);
    assert_eq!(delivery.conclude(&[HostOutcome::Unavailable], QueueLifetime::Over), expired);

    let requiretls = Delivery::new(None).message(MessageTls::Requiretls);
    let no_tls = HostOutcome::Faulted(SessionFault::StarttlsNotOffered);
    let no_promise = HostOutcome::Faulted(SessionFault::RequiretlsNotOffered);
    let bounce = |hosts: &[HostOutcome]| match requiretls.conclude(hosts, QueueLifetime::Running) {
        Conclusion::Bounce(status) => status.as_str(),
        other => panic!("{other:?}"),
    };
    assert_eq!(bounce(&[no_tls]), "5.7.10");
    assert_eq!(bounce(&[no_tls, no_promise]), "5.7.30");
    let waits = requiretls.conclude(&[no_tls, HostOutcome::Unavailable], QueueLifetime::Running);
    assert_eq!(waits, Conclusion::Defer);
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
