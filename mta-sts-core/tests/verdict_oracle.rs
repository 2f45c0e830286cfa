//! Every combination of what a delivery can be given, beside an oracle that is written from the words of the RFCs alone.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use mta_sts_core::{
    Authentication, CertificateResult, DanePrecedence, DaneResult, DaneState, Delivery, DnsName, MessageTls,
    MxDecision, MxHost, Policy, PolicyType, Session, SessionDecision, TlsMinimum, TlsResult,
};

/// What is known of the policy of the recipient domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Nothing,
    None,
    Mode(&'static str),
}

#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Given {
    known: Known,
    covered: bool,
    has_name: bool,
    dnssec: bool,
    message: MessageTls,
    minimum: TlsMinimum,
    precedence: DanePrecedence,
    is_report: bool,
    tlsa: DaneState,
    tls: TlsResult,
    offers_requiretls: bool,
}

impl Given {
    /// TLSA records stand under a name.
    fn tlsa(&self) -> DaneState {
        if self.has_name { self.tlsa } else { DaneState::NotApplicable }
    }

    fn certificate(&self) -> Option<CertificateResult> {
        match self.tls {
            TlsResult::Established(authentication) => Some(authentication.certificate()),
            _ => None,
        }
    }

    fn dane(&self) -> Option<DaneResult> {
        match self.tls {
            TlsResult::Established(authentication) => Some(authentication.dane()),
            _ => None,
        }
    }

    fn is_encrypted(&self) -> bool {
        !matches!(self.tls, TlsResult::NotOffered | TlsResult::Refused | TlsResult::HandshakeFailed)
    }

    /// RFC 8461, 4.1: a host is permitted if its name matches a pattern.
    fn is_permitted(&self) -> bool {
        self.covered && self.has_name
    }

    /// RFC 8461, 4.2: the certificate is valid, and for the name of the MX host.
    fn has_valid_certificate(&self) -> bool {
        self.has_name && self.certificate() == Some(CertificateResult::Valid)
    }

    /// RFC 7672, 2.2: TLSA records that are usable, and one of them matches.
    fn has_dane(&self) -> bool {
        self.tlsa() == DaneState::Usable && self.dane() == Some(DaneResult::Passed)
    }

    /// RFC 7672, 2.1 and 2.2: a host with usable TLSA records gets no mail that they do not vouch for, nor one whose records
    /// could not be looked up.
    fn is_ruled_out_by_dane(&self) -> bool {
        match self.tlsa() {
            DaneState::LookupFailed => true,
            DaneState::Usable => !self.has_dane(),
            DaneState::NotApplicable => self.dane() == Some(DaneResult::Failed),
            other => unreachable!("{other:?}"),
        }
    }

    /// RFC 8689, 3, and RFC 8460, 5.3.1: the message goes out whatever the recipient domain asks of senders.
    fn overrides_recipient(&self) -> bool {
        self.message == MessageTls::TlsRequiredNo || self.is_report
    }

    /// RFC 8461, 5: "enforce: Sending MTAs MUST NOT deliver the message to hosts that fail MX matching or certificate
    /// validation or that do not support STARTTLS."
    fn is_forbidden_by_policy(&self) -> bool {
        let stands_in = self.precedence == DanePrecedence::DaneDecides && self.has_dane();
        self.known == Known::Mode("enforce")
            && !stands_in
            && !(self.is_permitted() && self.has_valid_certificate())
    }

    /// RFC 8689, 4.2.1: the MX host is authenticated by DNSSEC or by MTA-STS, the session by its certificate or by DANE,
    /// and the server advertises REQUIRETLS.
    fn meets_requiretls(&self) -> bool {
        let is_host_authenticated =
            self.dnssec || (self.known == Known::Mode("enforce") && self.is_permitted());
        is_host_authenticated
            && self.has_name
            && (self.has_valid_certificate() || self.has_dane())
            && self.offers_requiretls
    }

    fn meets_minimum(&self) -> bool {
        match self.minimum {
            TlsMinimum::Opportunistic => true,
            TlsMinimum::Encrypted => self.is_encrypted(),
            TlsMinimum::Authenticated => self.has_name && (self.has_valid_certificate() || self.has_dane()),
            other => unreachable!("{other:?}"),
        }
    }

    fn may_deliver(&self) -> bool {
        let recipient_agrees = self.overrides_recipient()
            || (self.known != Known::Nothing
                && !self.is_ruled_out_by_dane()
                && !self.is_forbidden_by_policy());
        recipient_agrees
            && (self.message != MessageTls::Requiretls || self.meets_requiretls())
            && self.meets_minimum()
    }

    /// The rows of TLSRPT, by the kind of policy and whether the session counts as a success (RFC 8460, 4.3 and 4.4).
    fn rows(&self) -> Vec<(PolicyType, bool)> {
        let mut rows = Vec::new();
        if self.is_report {
            return rows;
        }
        let applies = self.tlsa() != DaneState::NotApplicable || self.dane() == Some(DaneResult::Failed);
        let was_looked_at =
            self.tlsa() == DaneState::LookupFailed || self.dane() != Some(DaneResult::NotChecked);
        if applies && was_looked_at {
            rows.push((PolicyType::Tlsa, self.has_dane()));
        }
        let stands_in = self.precedence == DanePrecedence::DaneDecides && self.has_dane();
        match self.known {
            Known::Mode("enforce" | "testing") if stands_in => {}
            Known::Mode("enforce" | "testing") => {
                let unchecked =
                    self.is_permitted() && self.certificate() == Some(CertificateResult::NotChecked);
                if !unchecked {
                    let is_success =
                        self.is_permitted() && self.certificate() == Some(CertificateResult::Valid);
                    rows.push((PolicyType::Sts, is_success));
                }
            }
            // RFC 8461, 6: whoever opts out hears of no failure.
            Known::Mode(_) if !applies && self.is_encrypted() => rows.push((PolicyType::NoPolicyFound, true)),
            Known::None if !applies => rows.push((PolicyType::NoPolicyFound, self.is_encrypted())),
            _ => {}
        }
        rows
    }
}

fn every_tls() -> Vec<TlsResult> {
    let certificates = [
        CertificateResult::Valid,
        CertificateResult::Expired,
        CertificateResult::NotYetValid,
        CertificateResult::HostMismatch,
        CertificateResult::NotTrusted,
        CertificateResult::NotChecked,
    ];
    let mut all =
        vec![TlsResult::NotOffered, TlsResult::Refused, TlsResult::HandshakeFailed, TlsResult::VersionTooOld];
    for certificate in certificates {
        for dane in [DaneResult::Passed, DaneResult::Failed, DaneResult::NotChecked] {
            all.push(TlsResult::Established(Authentication::new(certificate).with_dane(dane)));
        }
    }
    all
}

fn every_given() -> Vec<Given> {
    let mut all = Vec::new();
    let knowns = [
        (Known::Nothing, false),
        (Known::None, false),
        (Known::Mode("enforce"), true),
        (Known::Mode("enforce"), false),
        (Known::Mode("testing"), true),
        (Known::Mode("testing"), false),
        (Known::Mode("none"), true),
    ];
    for (known, covered) in knowns {
        for flags in 0..16_u8 {
            for message in [MessageTls::Unspecified, MessageTls::Requiretls, MessageTls::TlsRequiredNo] {
                for minimum in [TlsMinimum::Opportunistic, TlsMinimum::Encrypted, TlsMinimum::Authenticated] {
                    for precedence in [DanePrecedence::Both, DanePrecedence::DaneDecides] {
                        for tlsa in [DaneState::NotApplicable, DaneState::Usable, DaneState::LookupFailed] {
                            for tls in every_tls() {
                                all.push(Given {
                                    known,
                                    covered,
                                    has_name: flags & 1 != 0,
                                    dnssec: flags & 2 != 0,
                                    is_report: flags & 4 != 0,
                                    offers_requiretls: flags & 8 != 0,
                                    message,
                                    minimum,
                                    precedence,
                                    tlsa,
                                    tls,
                                });
                            }
                        }
                    }
                }
            }
        }
    }
    all
}

// Proves S3, S68, S75, S76, S77, S87, A29, A35, A36, A42, A43, A44.
// Proves Q1, Q2, Q4, Q8, Q9, Q17, Q18, R16, R17, R18, T3, T4, T5, T7.
#[test]
fn every_combination_comes_out_as_the_rfcs_say() {
    let policies = ["enforce", "testing", "none"].map(|mode| {
        let body = format!("version: STSv1\nmode: {mode}\nmx: mx.example.com\nmax_age: 604800\n");
        (mode, Policy::parse(body.as_bytes()).unwrap())
    });
    let (listed, other) =
        (DnsName::parse("mx.example.com").unwrap(), DnsName::parse("mx.other.example").unwrap());
    let all = every_given();
    assert!(all.len() > 100_000);
    for given in all {
        let delivery = match given.known {
            Known::Nothing => Delivery::undetermined(),
            Known::None => Delivery::without_policy(),
            Known::Mode(mode) => Delivery::under(
                policies.iter().find(|(name, _)| *name == mode).map(|(_, policy)| policy).unwrap(),
            ),
        };
        let delivery = delivery
            .with_message(given.message)
            .with_minimum(given.minimum)
            .with_dane_precedence(given.precedence)
            .with_tlsrpt_report(given.is_report);
        let name = if given.covered { &listed } else { &other };
        let host = MxHost::of(given.has_name.then_some(name)).with_dane(given.tlsa).with_dnssec(given.dnssec);
        let session = Session::new(given.tls).with_requiretls(given.offers_requiretls);
        let verdict = delivery.check_session(&host, session);
        let is_delivered = verdict.decision == SessionDecision::Deliver;
        assert_eq!(is_delivered, given.may_deliver(), "{given:?} {verdict:?}");
        assert_eq!(verdict.fault.is_none(), is_delivered, "{given:?}");
        let rows: Vec<_> =
            verdict.rows.iter().map(|row| (row.policy_type, row.result_type.is_none())).collect();
        assert_eq!(rows, given.rows(), "{given:?} {verdict:?}");
        assert!(verdict.rows.iter().all(|row| row.result_type.is_some() == row.reason.is_some()));

        // What is decided before the connection is never stricter than what is decided after it.
        let before = delivery.check_mx(&host);
        if let MxDecision::Skip(_) = before.decision {
            assert!(!is_delivered, "{given:?} {before:?}");
        }
        // And who does what it asks for is not turned away afterwards, but for REQUIRETLS and what the host answers.
        let meets = match before.decision {
            MxDecision::Skip(_) => false,
            MxDecision::Authenticate(_) => given.has_valid_certificate(),
            MxDecision::AuthenticateByDane(_) => given.has_dane(),
            MxDecision::AuthenticateByBoth(_) => given.has_valid_certificate() && given.has_dane(),
            MxDecision::Encrypt => given.is_encrypted(),
            MxDecision::Opportunistic => true,
            other => unreachable!("{other:?}"),
        };
        let somebody_failed_dane = given.tlsa() == DaneState::NotApplicable && given.is_ruled_out_by_dane();
        if meets && !somebody_failed_dane && given.message != MessageTls::Requiretls {
            assert!(is_delivered, "{given:?} {before:?} {verdict:?}");
        }
    }
}
