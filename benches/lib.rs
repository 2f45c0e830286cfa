//! Inputs that the benches share, with those of other crates and of the instruction counts.

use std::time::Duration;

use mta_sts_core::tlsrpt::{Event, ReportSender, SessionFacts, Tally, TallyConfig};
use mta_sts_core::{
    CacheEntry, CacheUpdate, CertificateResult, Delivery, DnsName, HttpResponse, Input, Lookup, LookupConfig,
    MxHost, Outcome, Policy, PolicyDomain, Purpose, Session, TlsResult, UnixTime,
};

/// A record as most domains publish it.
pub const RECORD: &[u8] = b"v=STSv1; id=20160831085700Z;";

/// A record that asks for TLS reports.
pub const TLSRPT_RECORD: &str = "v=TLSRPTv1; rua=mailto:tls-reports@example.com";

/// TLS reports as large senders lay them out: of successes alone, with TLSA records too, and with failures.
pub const REPORTS: [(&str, &str); 3] = [
    ("report, successes", include_str!("reports/successes.json")),
    ("report, TLSA", include_str!("reports/tlsa.json")),
    ("report, failures", include_str!("reports/failures.json")),
];

/// A policy with this many MX hosts.
pub fn policy(mx_hosts: usize) -> String {
    use std::fmt::Write;

    let mut text = String::from("version: STSv1\r\nmode: enforce\r\n");
    for number in 0..mx_hosts {
        // Writing to a string does not fail.
        let _ = write!(text, "mx: mx{number}.mail.example.com\r\n");
    }
    text + "max_age: 604800\r\n"
}

/// Hosts to match against [`policy`] of so many MX hosts: the last one listed, one of a length that
/// none has, and one of the same length as most that differs in a single octet.
pub fn hosts(mx_hosts: usize) -> [(&'static str, String); 3] {
    let last = mx_hosts - 1;
    [
        ("hit", format!("mx{last}.mail.example.com")),
        ("miss", "mail.attacker.example.net".into()),
        ("near miss", format!("my{last}.mail.example.com")),
    ]
}

/// When every lookup takes place.
pub const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// Whose policy is looked up.
///
/// # Panics
///
/// Never: the name is valid.
pub fn domain() -> PolicyDomain {
    PolicyDomain::parse("example.com").expect("the bench's own name is valid")
}

/// What is remembered of the policy of two MX hosts, its record to be asked for again.
///
/// # Panics
///
/// Never: the answers give a policy.
pub fn cached() -> CacheEntry {
    let mut lookup = look_up(domain(), None, answers(&policy(2)), &LookupConfig::new())
        .expect("the bench's own answers are all that a lookup asks for");
    if let CacheUpdate::Store { checked_until, .. } = &mut lookup.cache_update {
        // So that the record is asked for again.
        *checked_until = NOW;
    }
    lookup.cache_update.apply_to(None, NOW).expect("a policy was fetched")
}

/// The answers to a lookup's questions, ready.
pub fn answers(policy: &str) -> [Input<'_>; 2] {
    [
        Input::txt(&[RECORD], Duration::from_secs(300)),
        Input::Response(HttpResponse::new(200, policy.as_bytes()).with_content_type(b"text/plain")),
    ]
}

/// A whole lookup for a delivery; of the answers it takes those it asks for, in their order.
pub fn look_up<'a>(
    domain: PolicyDomain,
    cached: Option<&CacheEntry>,
    answers: impl IntoIterator<Item = Input<'a>>,
    config: &LookupConfig,
) -> Option<Outcome> {
    let mut lookup = Lookup::new(domain, Purpose::Deliver, cached, NOW, config);
    for answer in answers {
        // The last answer may not be asked for.
        if lookup.handle_input(answer, NOW).is_err() {
            break;
        }
    }
    lookup.into_outcome()
}

/// A datagram as Postfix sends it of a session with this domain.
pub fn datagram(domain: &str, has_failed: bool) -> String {
    let details = if has_failed {
        r#""failure-details":[{"c":204,"s": "192.0.2.1","n": "mx0.mail.example.com","h": "250-mx0.mail.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250 SIZE 1048576","r": "192.0.2.25"}],"t":1,"f":1"#
    } else {
        r#""t":0,"f":0"#
    };
    format!(
        r#"{{"d": "{domain}","pr": "v=TLSRPTv1; rua=mailto:tls-reports@example.com","policies":[{{"policy-type":2,"policy-domain": "{domain}","policy-string":["version: STSv1","mode: enforce","mx: mx0.mail.example.com","max_age: 604800"],"mx-host":["mx0.mail.example.com"],{details}}}]}}"#
    )
}

/// A tally that has counted a session of each domain.
#[derive(Debug)]
pub struct CountedDomains {
    /// The tally.
    pub tally: Tally,
    /// The domains that it has counted.
    pub domains: Vec<PolicyDomain>,
    /// Their policies: the first domain has the first, and so on, round and round.
    pub policies: Vec<Policy>,
}

impl CountedDomains {
    /// Distinct policies: domains are customers of providers.
    pub const POLICIES: usize = 100;

    /// So many domains.
    ///
    /// # Panics
    ///
    /// Never: names, policies and sender are valid.
    pub fn new(domains: usize) -> Self {
        let sender = ReportSender::new("tls-reports@sender.example", "Sender Inc.")
            .expect("the bench's own sender is valid");
        let mut tally = Tally::new(TallyConfig::new(0, sender));
        let policies: Vec<_> = (0..Self::POLICIES)
            .map(|number| {
                let text = format!("{}x-number: {number}\r\n", policy(2));
                Policy::parse(text.as_bytes()).expect("the bench's own policy is valid")
            })
            .collect();
        let name = DnsName::parse("mx0.mail.example.com").expect("the bench's own name is valid");
        let session = Session::new(TlsResult::certificate(CertificateResult::Valid));
        let domains: Vec<_> = (0..domains)
            .map(|number| {
                PolicyDomain::parse(&format!("domain{number}.example.com"))
                    .expect("the bench's own name is valid")
            })
            .collect();
        for (number, domain) in domains.iter().enumerate() {
            let policy = &policies[number % Self::POLICIES];
            for row in &Delivery::under(policy).check_session(&MxHost::new(&name), session).rows {
                let event = Event::session(domain, row, SessionFacts::new(&name).with_policy(policy));
                tally.count(&event.with_record(TLSRPT_RECORD), NOW);
            }
        }
        Self { tally, domains, policies }
    }
}

/// Runs a path once for `instruction-counts`, and prints its name.
pub fn count(name: &str, mut path: impl FnMut()) {
    println!("{name}");
    counted_path(&mut path);
}

/// What the counting begins and ends with: the one function of this name.
#[inline(never)]
fn counted_path(path: &mut dyn FnMut()) {
    path();
    // Something is left to do, so that the call is a call and not a jump.
    std::hint::black_box(());
}
