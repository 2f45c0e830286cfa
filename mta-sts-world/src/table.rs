use std::time::Duration;

use hickory_proto::rr::RecordType;

use crate::authority::{CertificatePlan, Signer};
use crate::https::PolicyHostBehaviour as Behaviour;
use crate::plan::{HTTPS_PORT, ID, MailService, Plan, TlsaPlan, Told};
use crate::reports::{MailReception, ReportHostBehaviour};
use crate::scenario::{
    Channel, Delivery, Expected, Mode, MtaStsOutcome, PolicySource, PolicyType, Reader, Report, ResultType,
    State, WhyNone,
};
use crate::seen::Owner;
use crate::smtp::DeprecatedTls;
use crate::tls::WithoutSni;
use crate::zone::{Data, DnsServer, Fault};

/// The whole world.
pub(crate) fn plan(customers: u16) -> Plan {
    let mut plan = Plan::default();
    // First, because the first Policy Host and the first MX host must listen always.
    sound(&mut plan);
    attacks_on_mail(&mut plan);
    faulty_certificates(&mut plan);
    milder_modes(&mut plan);
    faulty_policy_hosts(&mut plan);
    faulty_records(&mut plan);
    cached_policies(&mut plan);
    domains_without_scenario(&mut plan);
    domains_with_dane(&mut plan);
    domains_to_check(&mut plan);
    unusual_domains(&mut plan);
    domains_with_reports(&mut plan);
    if customers > 0 {
        plan.provider(customers);
    }
    plan
}

fn sound(plan: &mut Plan) {
    plan.scenario(
        Told {
            name: "healthy-enforce",
            title: "All is well",
            story: "The domain enforces MTA-STS and everything is as its policy says.",
            ..Told::default()
        },
        expect("mx.healthy-enforce.test", arrives("mx.healthy-enforce.test", FETCHED, Mode::Enforce)),
    )
    .healthy();

    plan.scenario(
        Told {
            name: "no-mta-sts",
            title: "No MTA-STS",
            story: "The domain has neither record nor policy, so its mail goes over TLS to whoever answers.",
            ..Told::default()
        },
        expect("mx.no-mta-sts.test", unprotected("mx.no-mta-sts.test", WhyNone::NoRecord, &[])),
    )
    .mail_host("mx")
    .mx(10, "mx");

    plan.scenario(
        Told {
            name: "wildcard",
            title: "Wildcard pattern",
            story: "The policy has *.wildcard.test, and the MX host is one label below.",
            ..Told::default()
        },
        expect("mx.wildcard.test", arrives("mx.wildcard.test", FETCHED, Mode::Enforce)),
    )
    .sts(Mode::Enforce, &["*"])
    .mail_host("mx")
    .mx(10, "mx");

    let mut stage = plan.scenario(
        Told {
            name: "cname",
            title: "Policy at a provider",
            story: "Record, Policy Host and MX host are aliases of a provider's names, and the certificates are for \
                    the domain's own names.",
            ..Told::default()
        },
        expect("mx.cname.test", arrives("mx.cname.test", FETCHED, Mode::Enforce)),
    );
    let policy = Behaviour::Policy(stage.policy(Mode::Enforce, &["mx"]));
    stage
        .data("_mta-sts.provider.test", Data::Txt(vec![format!("v=STSv1; id={ID};")]), None)
        .data("_mta-sts", Data::Cname("_mta-sts.provider.test".to_owned()), None)
        .policy_host_behind_alias("mta-sts", "mta-sts.provider.test", policy)
        .mail_host_behind_alias("mx", "mail.provider.test")
        .mx(10, "mx");
}

fn attacks_on_mail(plan: &mut Plan) {
    plan.scenario(
        Told {
            name: "starttls-stripped",
            title: "STARTTLS stripped",
            story: "An attacker on the path takes STARTTLS out of the server's answer.",
            ..Told::default()
        },
        Expected {
            opportunistic: delivered("mx.starttls-stripped.test", Channel::Clear, Reader::Attacker),
            mta_sts: deferred(
                FETCHED,
                &[failure(ResultType::StarttlsNotSupported, "mx.starttls-stripped.test")],
            ),
        },
    )
    .sts(Mode::Enforce, &["mx"])
    .faulty_mail_host("mx", MailService::Stripped)
    .mx(10, "mx");

    plan.scenario(
        Told {
            name: "mx-spoofed",
            title: "MX record spoofed",
            story: "An attacker's DNS answer names the attacker's own server, which has a valid certificate.",
            ..Told::default()
        },
        Expected { opportunistic: stolen(), mta_sts: deferred(FETCHED, &[mismatch(ATTACKER)]) },
    )
    .sts(Mode::Enforce, &["mx"])
    .mail_host("mx")
    .mx_staged("mx", ATTACKER);

    let mut attacker = plan.domain("attacker");
    let valid = attacker.valid("mx");
    attacker.mail_host_of(Owner::Attacker, "mx", MailService::Starttls(valid));

    let unlisted = "old.unlisted-mx-listed-certificate.test";
    let mut stage = plan.scenario(
        Told {
            name: "unlisted-mx-listed-certificate",
            title: "Unlisted host, listed certificate",
            story: "The MX record names a host that the policy does not list and that a stranger runs today, with an old \
                    certificate of a listed host.",
            ..Told::default()
        },
        Expected {
            opportunistic: delivered(unlisted, Channel::Encrypted, Reader::Attacker),
            mta_sts: deferred(FETCHED, &[mismatch(unlisted)]),
        },
    );
    let listed = stage.certified_as("mx");
    stage
        .sts(Mode::Enforce, &["mx"])
        .mail_host("mx")
        .mail_host_of(Owner::Attacker, "old", listed)
        .mx_staged("mx", "old");

    let deep = "mx.deep.wildcard-too-deep.test";
    plan.scenario(
        Told {
            name: "wildcard-too-deep",
            title: "Wildcard does not reach",
            story: "The policy has *.wildcard-too-deep.test, and the MX host is two labels below.",
            ..Told::default()
        },
        Expected {
            opportunistic: delivered(deep, Channel::Encrypted, Reader::Recipient),
            mta_sts: deferred(FETCHED, &[mismatch(deep)]),
        },
    )
    .sts(Mode::Enforce, &["*"])
    .mail_host("mx")
    .mail_host("mx.deep")
    .mx_staged("mx", "mx.deep");
}

fn faulty_certificates(plan: &mut Plan) {
    let faults = [
        (
            Told {
                name: "certificate-expired",
                title: "Certificate expired",
                story: "The certificate of the MX host expired yesterday.",
                ..Told::default()
            },
            ResultType::CertificateExpired,
        ),
        (
            Told {
                name: "certificate-other-name",
                title: "Certificate for another name",
                story: "The MX host has a valid certificate, but not for its own name.",
                ..Told::default()
            },
            ResultType::CertificateHostMismatch,
        ),
        (
            Told {
                name: "untrusted-ca",
                title: "Certificate of a stranger",
                story: "The certificate of the MX host is from a CA that nobody trusts.",
                ..Told::default()
            },
            ResultType::CertificateNotTrusted,
        ),
    ];
    for (told, result_type) in faults {
        let mx = format!("mx.{}.test", told.name);
        let expected = expect(&mx, deferred(FETCHED, &[failure(result_type, &mx)]));
        let mut stage = plan.scenario(told, expected);
        let service = match result_type {
            ResultType::CertificateExpired => stage.expired("mx"),
            ResultType::CertificateHostMismatch => stage.certified_as("elsewhere"),
            _ => stage.signed_by(Signer::Stranger, "mx"),
        };
        stage.sts(Mode::Enforce, &["mx"]).faulty_mail_host("mx", service).mx(10, "mx");
    }

    let (first, second) = ("mx1.second-mx.test", "mx2.second-mx.test");
    let mut outcome = arrives(second, FETCHED, Mode::Enforce);
    outcome.reports.push(failure(ResultType::CertificateExpired, first));
    let mut stage = plan.scenario(
        Told {
            name: "second-mx",
            title: "The second MX host is fine",
            story: "The certificate of the preferred MX host has expired, that of the second has not.",
            ..Told::default()
        },
        expect(first, outcome),
    );
    let expired = stage.expired("mx1");
    stage
        .sts(Mode::Enforce, &["mx1", "mx2"])
        .faulty_mail_host("mx1", expired)
        .mail_host("mx2")
        .mx(10, "mx1")
        .mx(20, "mx2");
}

fn milder_modes(plan: &mut Plan) {
    let mx = "mx.testing-fault.test";
    let mut stage = plan.scenario(
        Told {
            name: "testing-fault",
            title: "A fault in mode testing",
            story: "The policy is in mode testing and the certificate of the MX host is for another name.",
            ..Told::default()
        },
        expect(mx, passes(mx, Mode::Testing, &[failure(ResultType::CertificateHostMismatch, mx)])),
    );
    let service = stage.certified_as("elsewhere");
    stage.sts(Mode::Testing, &["mx"]).faulty_mail_host("mx", service).mx(10, "mx");

    let mx = "mx.mode-none.test";
    let mut stage = plan.scenario(
        Told {
            name: "mode-none",
            title: "Mode none",
            story: "The domain is taking MTA-STS down, and its MX host has a self-signed certificate.",
            ..Told::default()
        },
        expect(mx, passes(mx, Mode::None, &[])),
    );
    let service = stage.signed_by(Signer::Itself, "mx");
    stage.sts(Mode::None, &[]).faulty_mail_host("mx", service).mx(10, "mx");

    let mx = "mx.tls-required-no.test";
    let mut stage = plan.scenario(
        Told {
            name: "tls-required-no",
            title: "TLS-Required: No",
            story: "The sender says that this message must arrive even without TLS, and the MX host's certificate is \
                    from a CA that nobody trusts.",
            tls_required_no: true,
            ..Told::default()
        },
        // The session is counted as the policy sees it, though the message goes out all the same.
        expect(mx, passes(mx, Mode::Enforce, &[failure(ResultType::CertificateNotTrusted, mx)])),
    );
    let service = stage.signed_by(Signer::Stranger, "mx");
    stage.sts(Mode::Enforce, &["mx"]).faulty_mail_host("mx", service).mx(10, "mx");
}

fn faulty_policy_hosts(plan: &mut Plan) {
    let faults = [
        (
            Told {
                name: "policy-host-down",
                title: "Policy Host down",
                story: "The record is there, nothing is cached, and the Policy Host refuses connections.",
                ..Told::default()
            },
            ResultType::StsPolicyFetchError,
            Behaviour::Refused,
        ),
        (
            Told {
                name: "policy-redirect",
                title: "Policy Host redirects",
                story: "The Policy Host redirects to a host with a weaker policy, which a sender must not follow.",
                ..Told::default()
            },
            ResultType::StsPolicyFetchError,
            Behaviour::Redirect("weaker.policy-redirect.test".to_owned()),
        ),
        (
            Told {
                name: "policy-invalid",
                title: "Policy is a web page",
                story: "The Policy Host serves a page of HTML as text/plain.",
                ..Told::default()
            },
            ResultType::StsPolicyInvalid,
            Behaviour::Policy(
                "<!DOCTYPE html>\n<title>Welcome</title>\n<p>This site is parked.\n".to_owned(),
            ),
        ),
    ];
    for (told, result_type, behaviour) in faults {
        let mx = format!("mx.{}.test", told.name);
        let outcome = unprotected(&mx, WhyNone::FetchFailed, &[discovery(result_type)]);
        let mut stage = plan.scenario(told, expect(&mx, outcome));
        let healthy = Behaviour::Policy(stage.policy(Mode::Enforce, &["mx"]));
        stage.record(ID).policy_host_staged("mta-sts", healthy, behaviour).mail_host("mx").mx(10, "mx");
        if told.name == "policy-redirect" {
            let weaker = stage.policy(Mode::None, &[]);
            stage.policy_host("weaker", Behaviour::Policy(weaker));
        }
    }

    let mx = "mx.policy-host-untrusted.test";
    let mut stage = plan.scenario(
        Told {
            name: "policy-host-untrusted",
            title: "Policy Host not trusted",
            story: "The certificate of the Policy Host is from a CA that nobody trusts, and nothing is cached.",
            ..Told::default()
        },
        expect(mx, unprotected(mx, WhyNone::FetchFailed, &[discovery(ResultType::StsWebpkiInvalid)])),
    );
    let policy = Behaviour::Policy(stage.policy(Mode::Enforce, &["mx"]));
    let untrusted = CertificatePlan { signer: Signer::Stranger, ..stage.valid("mta-sts") };
    stage
        .record(ID)
        .policy_host_with("mta-sts", untrusted, policy.clone(), policy)
        .mail_host("mx")
        .mx(10, "mx");
}

fn faulty_records(plan: &mut Plan) {
    let mx = "mx.several-records.test";
    let mut stage = plan.scenario(
        Told {
            name: "several-records",
            title: "Two records",
            story: "Two TXT records begin with v=STSv1, so the domain counts as one without MTA-STS.",
            ..Told::default()
        },
        expect(mx, unprotected(mx, WhyNone::SeveralRecords, &[])),
    );
    stage.healthy().record_when(NEW_ID, Some(State::Attack));

    let mut stage = plan.scenario(
        Told {
            name: "dns-timeout",
            title: "No DNS answer",
            story: "Questions for the record are never answered, nothing is cached, and the sender chooses to wait.",
            ..Told::default()
        },
        expect(
            "mx.dns-timeout.test",
            MtaStsOutcome {
                delivery: Delivery::Deferred,
                policy: PolicySource::None { why: WhyNone::DnsFailed },
                mode: None,
                reports: Vec::new(),
            },
        ),
    );
    stage.healthy().data("_mta-sts", Data::Fault(RecordType::TXT, Fault::Silence), Some(State::Attack));
}

fn cached_policies(plan: &mut Plan) {
    let cached = |name, title, story| {
        let told = Told { name, title, story, needs_cached_policy: true, tls_required_no: false };
        let reports = [discovery(ResultType::StsPolicyFetchError), mismatch(ATTACKER)];
        let outcome = deferred(PolicySource::Cached, &reports);
        (told, Expected { opportunistic: stolen(), mta_sts: outcome })
    };

    let (told, expected) = cached(
        "txt-suppressed",
        "Record suppressed",
        "The policy is cached; then an attacker suppresses the TXT record and spoofs the MX record.",
    );
    let mut stage = plan.scenario(told, expected);
    let policy = stage.policy(Mode::Enforce, &["mx"]);
    stage
        .record_when(ID, Some(State::Calm))
        .policy_host("mta-sts", Behaviour::Policy(policy))
        .mail_host("mx")
        .mx_staged("mx", ATTACKER);

    let (told, expected) = cached(
        "txt-servfail",
        "Record lookup fails",
        "The policy is cached; then the lookup of the TXT record fails and an attacker spoofs the MX record.",
    );
    plan.scenario(told, expected)
        .sts(Mode::Enforce, &["mx"])
        .data("_mta-sts", Data::Fault(RecordType::TXT, Fault::ServFail(None)), Some(State::Attack))
        .mail_host("mx")
        .mx_staged("mx", ATTACKER);

    let (told, expected) = cached(
        "new-id-fetch-fails",
        "New policy cannot be fetched",
        "The old policy is cached; then the record has a new id, the Policy Host answers 500, and an attacker spoofs \
         the MX record.",
    );
    let mut stage = plan.scenario(told, expected);
    let policy = Behaviour::Policy(stage.policy(Mode::Enforce, &["mx"]));
    stage
        .record_when(ID, Some(State::Calm))
        .record_when(NEW_ID, Some(State::Attack))
        .policy_host_staged("mta-sts", policy, Behaviour::Status(500))
        .mail_host("mx")
        .mx_staged("mx", ATTACKER);
}

fn domains_without_scenario(plan: &mut Plan) {
    let record = format!("v=STSv1; id={ID};");

    // RFC 8461, 3.1: the character-strings of one RR are joined without spaces.
    plan.domain("split-txt").txt(&["v=STSv1; i", "d=20260101", "T000000;"]).protected();

    // An RR that fits neither 512 octets nor the largest UDP payload that this world offers.
    let padding = "x".repeat(200);
    let fields: Vec<_> = (0..8).map(|number| format!(" padding{number}={padding};")).collect();
    let strings: Vec<_> = std::iter::once(record.as_str()).chain(fields.iter().map(String::as_str)).collect();
    plan.domain("large-txt").txt(&strings).protected();

    plan.domain("unrelated-txt").txt(&["site-verification=0123456789"]).txt(&["v=spf1 -all"]).healthy();

    // RFC 7505: no mail for this domain.
    plan.domain("null-mx").mx(0, ".");

    // RFC 5321, 5.1: the domain is its own MX host.
    plan.domain("implicit-mx").sts(Mode::Enforce, &[""]).mail_host("");

    // RFC 8461, 8.4: mail arrives, so nobody sees that the policy lacks the second host.
    plan.domain("backup-unlisted")
        .sts(Mode::Enforce, &["mx"])
        .mail_host("mx")
        .mail_host("backup")
        .mx(10, "mx")
        .mx(20, "backup");

    // RFC 8461, 5.1: a host that the policy lacks is skipped, and the next one may be fine.
    plan.domain("first-unlisted")
        .sts(Mode::Enforce, &["mx"])
        .mail_host("stray")
        .mail_host("mx")
        .mx(10, "stray")
        .mx(20, "mx");

    for name in ["", "_mta-sts", "mta-sts"] {
        plan.domain("bogus").data(name, Data::Fault(RecordType::ANY, Fault::BOGUS), None);
    }

    plan.domain("loop")
        .data("", Data::Cname("again.loop.test".to_owned()), None)
        .data("again", Data::Cname("loop.test".to_owned()), None)
        .data("_mta-sts", Data::Cname("_mta-sts.again.loop.test".to_owned()), None)
        .data("_mta-sts.again", Data::Cname("_mta-sts.loop.test".to_owned()), None);

    // One domain a behaviour of Policy Hosts.
    let policy =
        |name: &str| format!("version: STSv1\r\nmode: enforce\r\nmx: mx.{name}.test\r\nmax_age: 604800\r\n");
    for (name, behaviour) in [
        ("https-gzip", Behaviour::Gzip(policy("https-gzip"))),
        ("https-drip", Behaviour::Drip(policy("https-drip"))),
        ("https-media-type", Behaviour::MediaType("text/html".to_owned(), policy("https-media-type"))),
        ("https-two-media-types", Behaviour::TwoMediaTypes(policy("https-two-media-types"))),
        ("https-too-large", Behaviour::TooLarge(policy("https-too-large"))),
        ("https-not-found", Behaviour::Status(404)),
        ("https-hang", Behaviour::Hang),
        ("https-refused", Behaviour::Refused),
    ] {
        plan.domain(name).record(ID).policy_host("mta-sts", behaviour).mail_host("mx").mx(10, "mx");
    }
}

/// RFC 7672: signed domains whose MX hosts have TLSA records. They have no scenario.
fn domains_with_dane(plan: &mut Plan) {
    // MTA-STS alone would stop this mail: nobody trusts the certificate, but the TLSA record is for it.
    for (name, mode) in [("dane", Mode::Enforce), ("dane-testing", Mode::Testing)] {
        let mut stage = plan.domain(name);
        let stranger = stage.signed_by(Signer::Stranger, "mx");
        stage
            .signed()
            .sts(mode, &["mx"])
            .faulty_mail_host("mx", stranger)
            .tlsa(TlsaPlan::ItsKey)
            .mx(10, "mx");
    }

    // MTA-STS alone would let it pass.
    plan.domain("dane-mismatch").signed().healthy().tlsa(TlsaPlan::AnotherKey);
    plan.domain("dane-bogus").signed().healthy().tlsa(TlsaPlan::Bogus);

    // The preferred host is as the policy says, but only the other one has DANE.
    let mut stage = plan.domain("dane-second");
    let stranger = stage.signed_by(Signer::Stranger, "mx2");
    stage
        .signed()
        .sts(Mode::Enforce, &["mx1", "mx2"])
        .mail_host("mx1")
        .mx(10, "mx1")
        .faulty_mail_host("mx2", stranger)
        .tlsa(TlsaPlan::ItsKey)
        .mx(20, "mx2");
}

/// Domains for `mtasts check`, with faults that an owner overlooks. They have no scenario.
fn domains_to_check(plan: &mut Plan) {
    // Nothing is left to say: reports, name servers that agree, DANE.
    plan.domain("spotless").signed().healthy().tlsa(TlsaPlan::ItsKey).name_servers().data(
        "_smtp._tls",
        Data::Txt(vec!["v=TLSRPTv1; rua=mailto:tls@spotless.test".to_owned()]),
        None,
    );

    // Whoever registers gone.test serves the policy.
    plan.domain("alias-dangling")
        .record(ID)
        .data("mta-sts", Data::Cname("policy.hosting.gone.test".to_owned()), None)
        .data("_smtp._tls", Data::Cname("reports.gone.test".to_owned()), None)
        .mail_host("mx")
        .mx(10, "mx");
    plan.domain("mx-alias-dangling")
        .sts(Mode::Enforce, &["mx"])
        .data("mx", Data::Cname("mail.gone.test".to_owned()), None)
        .mx(10, "mx");

    let mut stage = plan.domain("chain-incomplete");
    let alone = CertificatePlan { signer: Signer::Unsent, ..stage.valid("mx") };
    stage.sts(Mode::Enforce, &["mx"]).faulty_mail_host("mx", MailService::Starttls(alone)).mx(10, "mx");

    let mut stage = plan.domain("self-signed");
    let itself = stage.signed_by(Signer::Itself, "mx");
    stage.sts(Mode::Enforce, &["mx"]).faulty_mail_host("mx", itself).mx(10, "mx");

    let mut stage = plan.domain("expires-soon");
    let policy = Behaviour::Policy(stage.policy(Mode::Enforce, &["mx"]));
    let (policy_host, mail_host) = (stage.expiring("mta-sts", 9), stage.expiring("mx", 5));
    stage
        .record(ID)
        .policy_host_with("mta-sts", policy_host, policy.clone(), policy)
        .faulty_mail_host("mx", MailService::Starttls(mail_host))
        .mx(10, "mx");

    // Each address of the policy host has its own policy; the third has none.
    let mut stage = plan.domain("policy-differs");
    let other = Behaviour::Policy(stage.policy(Mode::Testing, &["mx"]));
    stage.healthy().policy_host("mta-sts", other).policy_host("mta-sts", Behaviour::Status(404));

    // Hosts of the past: one of our own, and one of a provider that nobody owns any more.
    plan.domain("old-lines")
        .sts(Mode::Enforce, &["mx", "old", "mx.provider.gone.test", "spare", "*.elsewhere"])
        .mail_host("mx")
        .mail_host("spare")
        .mx(10, "mx");

    plan.domain("mx-doubled")
        .sts(Mode::Enforce, &["mx"])
        .mail_host("mx")
        .mx(10, "mx")
        .mx(20, "mx")
        .mx(30, "mx");

    plan.domain("tls-too-old")
        .sts(Mode::Enforce, &["mx"])
        .faulty_mail_host("mx", MailService::OldTls)
        .mx(10, "mx");

    plan.domain("name-servers-disagree")
        .protected()
        .name_servers()
        .data_at(DnsServer::First, "_mta-sts", Data::Txt(vec![format!("v=STSv1; id={ID};")]))
        .data_at(DnsServer::Second, "_mta-sts", Data::Txt(vec![format!("v=STSv1; id={NEW_ID};")]));

    plan.domain("tlsrpt-broken").healthy().data(
        "_smtp._tls",
        Data::Txt(vec!["v=TLSRPTv1; rua=tls@tlsrpt-broken.test".to_owned()]),
        None,
    );

    // To whom mail goes at another port, TLSA records of port 25 say nothing (RFC 6698, 3).
    plan.domain("dane-ports").signed().healthy().tlsa(TlsaPlan::ItsKeyAt25);

    // The domain stands twice in the name of the record, as panels make it; that of TLSRPT is where a draft had it.
    let report = vec!["v=TLSRPTv1; rua=mailto:tls@record-elsewhere.test".to_owned()];
    plan.domain("record-elsewhere")
        .protected()
        .data(
            "_mta-sts.record-elsewhere.test.record-elsewhere.test",
            Data::Txt(vec![format!("v=STSv1; id={ID};")]),
            None,
        )
        .data("_smtp-tlsrpt", Data::Txt(report), None);
    // An entry for another purpose at the domain itself says nothing.
    plan.domain("record-at-apex").protected().data("", Data::Txt(vec!["v=spf1 -all".to_owned()]), None).data(
        "",
        Data::Txt(vec![format!("v=STSv1; id={ID};")]),
        None,
    );

    // Versions of TLS that no sender with MTA-STS speaks, beside those that it does.
    plan.domain("tls-deprecated")
        .sts(Mode::Enforce, &["mx1", "mx2", "mx3"])
        .mail_host("mx1")
        .deprecated_tls(DeprecatedTls::Taken(&[TLS_1_0, TLS_1_1]))
        .mx(10, "mx1")
        .mail_host("mx2")
        .deprecated_tls(DeprecatedTls::Taken(&[TLS_1_0]))
        .mx(20, "mx2")
        .mail_host("mx3")
        .deprecated_tls(DeprecatedTls::Taken(&[TLS_1_1]))
        .mx(30, "mx3");

    // It keeps old clients waiting for ever. The Policy Host has two addresses.
    let mut stage = plan.domain("tls-deprecated-silent");
    let policy = Behaviour::Policy(stage.policy(Mode::Enforce, &["mx"]));
    stage.healthy().deprecated_tls(DeprecatedTls::Silence).policy_host("mta-sts", policy);

    // Certificates that only a client sees that says whom it wants.
    let mut stage = plan.domain("sni-needed");
    let (policy_host, mail_host) = (stage.valid("www"), stage.valid("mail"));
    stage
        .sts(Mode::Enforce, &["mx1", "mx2"])
        .without_sni("mta-sts", WithoutSni::Certificate(policy_host))
        .mail_host("mx1")
        .without_sni("mx1", WithoutSni::Certificate(mail_host))
        .mx(10, "mx1")
        .mail_host("mx2")
        .without_sni("mx2", WithoutSni::Refusal)
        .mx(20, "mx2");

    // A Policy Host may refuse clients that send none (RFC 8461, 7.1).
    plan.domain("sni-refused").healthy().without_sni("mta-sts", WithoutSni::Refusal);
}

/// Domains that are out of the ordinary, and work.
fn unusual_domains(plan: &mut Plan) {
    // A wildcard answers for `_mta-sts` and for `mta-sts`: senders find both, and those of every other name below the domain.
    let mut stage = plan.domain("dns-wildcard");
    let policy = Behaviour::Policy(stage.policy(Mode::Enforce, &["mx"]));
    stage
        .policy_host_at_wildcard(policy)
        .data("*", Data::Txt(vec![format!("v=STSv1; id={ID};")]), None)
        .mail_host("mx")
        .mx(10, "mx");

    // Half of its life is left, as is usual for a certificate of six days.
    let mut stage = plan.domain("short-lived");
    let policy = Behaviour::Policy(stage.policy(Mode::Enforce, &["mx"]));
    let short = |name: &str| CertificatePlan { days_left: 3, days_old: 3, ..stage.valid(name) };
    let (policy_host, mail_host) = (short("mta-sts"), short("mx"));
    stage
        .record(ID)
        .policy_host_with("mta-sts", policy_host, policy.clone(), policy)
        .faulty_mail_host("mx", MailService::Starttls(mail_host))
        .mx(10, "mx");

    // The policy is a provider's, and the record is not.
    let mut stage = plan.domain("delegated-in-part");
    let policy = Behaviour::Policy(stage.policy(Mode::Enforce, &["mx"]));
    stage
        .record(ID)
        .policy_host_behind_alias("mta-sts", "sts.hosting.test", policy)
        .mail_host("mx")
        .mx(10, "mx");
}

/// Domains that request TLS reports, and the outcomes of their delivery.
fn domains_with_reports(plan: &mut Plan) {
    for (name, reception) in [
        ("tlsrpt-mail", MailReception::Taken),
        ("tlsrpt-mail-greylisting", MailReception::Greylisting),
        ("tlsrpt-mail-deferred", MailReception::Deferred),
        ("tlsrpt-mail-refused", MailReception::Refused),
        ("tlsrpt-mail-hang", MailReception::Hang),
        ("tlsrpt-mail-reply-lost", MailReception::ReplyLost),
    ] {
        let rua = format!("mailto:tls@{name}.test");
        plan.domain(name).tlsrpt(&rua).mail_host("mx").reception(reception).mx(10, "mx");
    }
    let elsewhere = "rua.tlsrpt-https.test".to_owned();
    for (name, behaviour) in [
        ("tlsrpt-https", ReportHostBehaviour::Taken),
        ("tlsrpt-https-unavailable", ReportHostBehaviour::Status(503)),
        ("tlsrpt-https-gone", ReportHostBehaviour::Status(410)),
        ("tlsrpt-https-busy", ReportHostBehaviour::Status(429)),
        ("tlsrpt-https-redirect", ReportHostBehaviour::Redirect(elsewhere)),
        ("tlsrpt-https-slow", ReportHostBehaviour::Slow(Duration::from_secs(1))),
        ("tlsrpt-https-hang", ReportHostBehaviour::Hang),
        ("tlsrpt-https-expired", ReportHostBehaviour::Taken),
        ("tlsrpt-https-untrusted", ReportHostBehaviour::Taken),
    ] {
        let mut stage = plan.domain(name);
        let valid = stage.valid("rua");
        let certificate = match name {
            "tlsrpt-https-expired" => CertificatePlan { days_left: -1, ..valid },
            "tlsrpt-https-untrusted" => CertificatePlan { signer: Signer::Stranger, ..valid },
            _ => valid,
        };
        stage.tlsrpt(&post_to(name)).report_host("rua", certificate, behaviour).mail_host("mx").mx(10, "mx");
    }
    let mut stage = plan.domain("tlsrpt-both");
    let certificate = stage.valid("rua");
    stage
        .tlsrpt(&format!("{},mailto:tls@tlsrpt-both.test", post_to("tlsrpt-both")))
        .report_host("rua", certificate, ReportHostBehaviour::Taken)
        .mail_host("mx")
        .mx(10, "mx");

    // The backup is in the policy, but not in DNS.
    plan.domain("backup-unreachable")
        .sts(Mode::Testing, &["mx", "backup"])
        .mail_host("mx")
        .mx(10, "mx")
        .mx(20, "backup");
}

fn post_to(domain: &str) -> String {
    format!("https://rua.{domain}.test:{HTTPS_PORT}/v1/tlsrpt?of={domain}")
}

fn expect(opportunistic_mx: &str, mta_sts: MtaStsOutcome) -> Expected {
    Expected { opportunistic: delivered(opportunistic_mx, Channel::Encrypted, Reader::Recipient), mta_sts }
}

fn delivered(mx: &str, channel: Channel, read_by: Reader) -> Delivery {
    Delivery::Delivered { mx: mx.to_owned(), channel, read_by }
}

fn stolen() -> Delivery {
    delivered(ATTACKER, Channel::Encrypted, Reader::Attacker)
}

/// Under the policy, to a host that was authenticated.
fn arrives(mx: &str, policy: PolicySource, mode: Mode) -> MtaStsOutcome {
    let delivery = delivered(mx, Channel::Authenticated, Reader::Recipient);
    MtaStsOutcome { delivery, policy, mode: Some(mode), reports: Vec::new() }
}

/// In spite of a fault, which this policy or this message tolerates.
fn passes(mx: &str, mode: Mode, reports: &[Report]) -> MtaStsOutcome {
    let delivery = delivered(mx, Channel::Encrypted, Reader::Recipient);
    MtaStsOutcome { delivery, policy: FETCHED, mode: Some(mode), reports: reports.to_vec() }
}

/// Without a policy, as opportunistic STARTTLS would.
fn unprotected(mx: &str, why: WhyNone, reports: &[Report]) -> MtaStsOutcome {
    let delivery = delivered(mx, Channel::Encrypted, Reader::Recipient);
    MtaStsOutcome { delivery, policy: PolicySource::None { why }, mode: None, reports: reports.to_vec() }
}

fn deferred(policy: PolicySource, reports: &[Report]) -> MtaStsOutcome {
    let mode = Some(Mode::Enforce);
    MtaStsOutcome { delivery: Delivery::Deferred, policy, mode, reports: reports.to_vec() }
}

/// A failure of a session with an MX host.
fn failure(result_type: ResultType, mx: &str) -> Report {
    Report { policy_type: PolicyType::Sts, result_type, reason_code: None, mx: Some(mx.to_owned()) }
}

/// The MX host is not in the policy.
fn mismatch(mx: &str) -> Report {
    Report { reason_code: Some("mx-mismatch".to_owned()), ..failure(ResultType::ValidationFailure, mx) }
}

/// A failure to obtain the policy.
fn discovery(result_type: ResultType) -> Report {
    Report { policy_type: PolicyType::Sts, result_type, reason_code: None, mx: None }
}

const FETCHED: PolicySource = PolicySource::Fetched;
const ATTACKER: &str = "mx.attacker.test";
/// As in a `ClientHello`.
const TLS_1_0: u16 = 0x0301;
const TLS_1_1: u16 = 0x0302;
const NEW_ID: &str = "20260102T000000";
